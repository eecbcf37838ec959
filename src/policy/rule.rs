//! Rules: which requests they are for, and what is done differently for those.

use crate::bucket::{self, Named};
use crate::credentials::role::RoleId;
use crate::endpoint::Endpoint;
use std::collections::BTreeMap;

/// Strings that the request's route carries for the rules: its metadata under [`super::ROUTE_NAMESPACE`].
pub type RouteMetadata = BTreeMap<String, String>;

/// What a request without a route carries.
pub const NO_ROUTE_METADATA: &RouteMetadata = &RouteMetadata::new();

/// What is done differently for some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Which requests.
    pub when: Condition,
    /// Whether they may be signed; `None`: as the allow-list says.
    pub effect: Option<Effect>,
    /// What they are signed as; `None`: as the host says.
    pub sign_as: Option<SignAs>,
    /// Whose credentials sign.
    pub role: RoleId,
    /// What happens to a request that a real key signed.
    pub client_signature: Option<OnClientSignature>,
    /// How the payload is signed.
    pub payload: Option<PayloadMode>,
}

/// Which requests a rule is for: those that all of it fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Host patterns; empty: every AWS host.
    pub hosts: Vec<String>,
    /// Names of buckets, with `*` behind for all that begin so; empty: whatever bucket, or none.
    pub buckets: Vec<String>,
    /// Signing names; empty: every service.
    pub services: Vec<String>,
    /// Signing regions; empty: every region. That of hosts for all regions is `*`, which only a denial fits.
    pub regions: Vec<String>,
    /// What the route's metadata must say.
    pub route_metadata: RouteMetadata,
    /// Access key ids of placeholders, one of which signed the request; empty: whoever signed it, or nobody.
    pub placeholders: Vec<String>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request may be signed.
    Allow,
    /// It is answered 403.
    Deny,
    /// It goes on as it came: a request that is meant to be anonymous.
    LeaveAlone,
}

/// What a host is signed as that AWS's own name does not show: a custom domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignAs {
    /// The signing name.
    pub service: String,
    /// The signing region.
    pub region: String,
}

/// What happens to a request that the client signed with a real key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnClientSignature {
    /// It goes on as it came.
    #[default]
    LeaveAlone,
    /// It is answered 403.
    Refuse,
    /// Its signature is replaced by ours.
    ReSign,
}

/// How the payload is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadMode {
    /// By its SHA-256; the body is held until its end.
    Hashed,
    /// Not at all; the body streams. S3 and VPC Lattice accept it.
    Unsigned,
}

/// What the policy is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The host's name, without its port.
    pub host: &'a str,
    /// What it is to AWS; `None`: nothing.
    pub endpoint: Option<Endpoint<'a>>,
    /// What the request's route says.
    pub route_metadata: &'a RouteMetadata,
    /// The access key id of the placeholder that signed its headers; `None`: none did.
    pub placeholder: Option<&'a str>,
}

impl Subject<'_> {
    /// The same with another service of S3's, where the service is one and another. The host is then none of its: only
    /// conditions without hosts fit.
    pub(super) fn at(mut self, service: Option<&'static str>) -> (Self, bool) {
        if let (Some(endpoint), Some(service)) = (&mut self.endpoint, service)
            && endpoint.service != service
        {
            endpoint.service = service;
            self.host = "";
            return (self, true);
        }
        (self, false)
    }
}

/// A rule and its place among the rules, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'p> {
    /// Its place.
    pub place: usize,
    /// The rule.
    pub rule: &'p Rule,
}

impl Rule {
    /// A host that is not AWS's fits only where a pattern names it, or a denial the bucket that it has.
    pub(super) fn fits(&self, subject: Subject<'_>, named: Option<&Named<'_>>) -> bool {
        let when = &self.when;
        let denies = self.effect == Some(Effect::Deny);
        let is_named = when.buckets.is_empty()
            || named.is_some_and(|named| when.names(named) || (denies && named.hides_its_bucket()));
        let known = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| names(wanted, found))
        };
        let region = subject.endpoint.map(|endpoint| endpoint.region);
        let host = match when.hosts.as_slice() {
            // A denial holds where rules sign a host that is not AWS's as S3, and at S3's website endpoints.
            [] => subject.endpoint.is_some() || (denies && !when.buckets.is_empty()),
            hosts => hosts.iter().any(|pattern| host_fits(pattern, subject.host)),
        };
        is_named
            && host
            && known(&when.placeholders, subject.placeholder)
            && known(&when.services, subject.endpoint.map(|e| e.service))
            // What is signed for all regions is signed for those that are denied.
            && (known(&when.regions, region) || (denies && region == Some(ALL_REGIONS)))
            && when
                .route_metadata
                .iter()
                .all(|(key, value)| subject.route_metadata.get(key) == Some(value))
    }
}

/// What hosts sign for that stand for all regions.
pub(super) const ALL_REGIONS: &str = "*";

impl Condition {
    /// Whether one of its host patterns fits a name, or is that pattern.
    pub fn names_host(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|pattern| pattern == host || host_fits(pattern, host))
    }

    /// Whether one placeholder's request can fit both.
    pub(crate) fn shares_placeholders(&self, other: &Self) -> bool {
        let (own, others) = (&self.placeholders, &other.placeholders);
        own.is_empty() || others.is_empty() || own.iter().any(|id| others.contains(id))
    }

    /// An alias must be named as it is: it shows nothing of the bucket's name.
    pub(super) fn names(&self, named: &Named<'_>) -> bool {
        match named {
            Named::Bucket(name) => self
                .buckets
                .iter()
                .any(|pattern| bucket::fits(pattern, name)),
            Named::Alias(alias) => names(&self.buckets, alias),
            _ => false,
        }
    }
}

pub(super) fn names(list: &[String], name: &str) -> bool {
    list.iter().any(|listed| listed == name)
}

/// Whether a host fits a pattern: the name itself, or `*.<parent>` for what is below a parent.
pub(super) fn host_fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(parent) => host.len() > parent.len() && host.ends_with(parent),
        None => host == pattern,
    }
}
