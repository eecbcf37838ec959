//! What a host is looked up by, and what comes of it.

use crate::endpoint::host::Host;
use std::fmt;

/// Why a credential scope names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// The service is not of the form `[A-Za-z0-9-]+`.
    BadService,
    /// No service of AWS's signs with this name and has a host without a customer's label.
    UnknownService,
    /// The region is not shaped like one of AWS's.
    UnknownRegion,
    /// Several hosts sign with this name, and the request does not say which it is for.
    Ambiguous,
    /// What signs with this name, or what of it the request is for, is customers': each has a host of its own.
    Customers,
    /// It asks for an S3 Express session, whose signatures would cover the address of this Envoy.
    ExpressSession,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadService => "its service is not of the form [a-z0-9-]+",
            Self::UnknownService => "its service is none of AWS's with a host of its own",
            Self::UnknownRegion => "its region is none of AWS's",
            Self::Ambiguous => "several AWS hosts sign with this service name",
            Self::Customers => "each customer has a host of its own for this request",
            Self::ExpressSession => "a session's signatures would cover another host",
        })
    }
}

/// What a request has that tells apart the hosts of one signing name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Its `X-Amz-Target`.
    pub target: Option<&'a str>,
    /// Its method, in upper case.
    pub method: &'a str,
    /// Its path, without a query; empty where it is not known.
    pub path: &'a str,
    /// Its query; empty where it has none.
    pub query: &'a str,
    /// Its `x-amz-account-id`, which S3 Control has.
    pub account: Option<&'a str>,
    /// A region of the partition that a signature for all regions is for.
    pub home_region: &'a str,
    /// Its `x-amz-request-route`, which an answer to S3 Object Lambda has.
    pub route: Option<&'a str>,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host.
    pub host: Host,
    /// Its path there, without the query, if it is not the one that was asked: S3 Express takes the
    /// bucket in the host alone.
    pub path: Option<&'a str>,
}
