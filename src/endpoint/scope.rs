//! The host that a credential scope stands for.

use super::partition::{is_region, partition_of};
use super::Host;
use std::fmt;

/// Why a credential scope names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// The service is not of the form `[a-z0-9-]+`.
    BadService,
    /// The region is not shaped like one of AWS's.
    UnknownRegion,
    /// Several hosts sign with this name.
    Ambiguous,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadService => "its service is not of the form [a-z0-9-]+",
            Self::UnknownRegion => "its region is none of AWS's",
            Self::Ambiguous => "several AWS hosts sign with this service name",
        })
    }
}

/// The host that a credential scope `<date>/<region>/<service>/aws4_request` stands for.
pub fn host_of_scope(service: &str, region: &str) -> Result<Host, ScopeError> {
    let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if service.is_empty() || service.len() > 63 || !service.bytes().all(label) {
        return Err(ScopeError::BadService);
    }
    if !is_region(region) {
        return Err(ScopeError::UnknownRegion);
    }
    let partition = partition_of(region);
    Ok(Host::of_name(format!("{service}.{region}.{}", partition.suffix(false))))
}
