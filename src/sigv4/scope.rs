//! What a signature holds for.

use crate::timestamp::AmzDate;

/// The signature algorithms of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`, for one region.
    SigV4,
    /// `AWS4-ECDSA-P256-SHA256`, for a set of regions.
    SigV4A,
}

impl Algorithm {
    /// As it stands in `authorization` and in the string to sign.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::SigV4 => "AWS4-HMAC-SHA256",
            Self::SigV4A => "AWS4-ECDSA-P256-SHA256",
        }
    }
}

/// What a signature holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// What the host takes.
    pub algorithm: Algorithm,
    /// The region, such as `eu-west-1`, which the credential scope names. For [`Algorithm::SigV4A`] the
    /// region set, such as `*` or `eu-west-1,us-east-1`, which `x-amz-region-set` names.
    pub region: &'a str,
    /// The signing name of the service, such as `s3`.
    pub service: &'a str,
}

pub(super) fn credential_scope(date: &AmzDate, scope: &Scope<'_>) -> String {
    match scope.algorithm {
        Algorithm::SigV4 => [date.date(), scope.region, scope.service, "aws4_request"].join("/"),
        Algorithm::SigV4A => [date.date(), scope.service, "aws4_request"].join("/"),
    }
}
