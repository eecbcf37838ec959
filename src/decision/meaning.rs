//! What a target's host is to AWS. What its name leaves open, the client's signature says.

use super::head::Head;
use super::target::Target;
use crate::authorization::{ClientScope, ClientSignature};
use crate::endpoint::{self, Endpoint, Resolution};
use crate::refusal::{Refusal, Unreplaced};

/// What the host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'t> {
    /// What its name says.
    Named(Endpoint<'t>),
    /// A host of AWS's that nothing lists, and of which the client's scope says what it is: see
    /// [`endpoint::of_client_scope`].
    Scoped(Endpoint<'t>),
    /// No endpoint of AWS's.
    NotAws,
}

impl<'t> Meaning<'t> {
    /// Reads it. `home_region` is used where neither the host nor the client says one.
    pub(super) fn of(home_region: &'t str, head: Head<'t>, target: &'t Target<'_>) -> Self {
        let scope = match target.signature {
            ClientSignature::Placeholder { scope, .. } => scope,
            _ => None,
        };
        let host = &target.host;
        match (endpoint::resolve(host, home_region), scope) {
            (Resolution::Aws(mut endpoint), scope) => {
                if let Some(region) = region_of(scope, &endpoint, host.name()) {
                    endpoint.region = region;
                }
                if endpoint.service.starts_with("geo-") {
                    let path = head.path_and_query().0.unwrap_or_default();
                    endpoint.service = endpoint::service_at(endpoint.service, path);
                }
                Self::Named(endpoint)
            }
            (Resolution::NotAws, Some(scope)) => {
                let region = scope.region.unwrap_or_default();
                let found = endpoint::of_client_scope(host.name(), scope.service, region);
                found.map_or(Self::NotAws, Self::Scoped)
            }
            (Resolution::NotAws, None) => Self::NotAws,
        }
    }

    /// What it may be signed as.
    pub(super) fn endpoint(self) -> Option<Endpoint<'t>> {
        match self {
            Self::Named(endpoint) | Self::Scoped(endpoint) => Some(endpoint),
            Self::NotAws => None,
        }
    }

    /// Why a request that nothing signs must not go on as it is: a signature by a placeholder is for this proxy, and AWS
    /// would take it from nobody. `None` where it carries none, or the host is none of AWS's.
    #[cold]
    pub(super) fn bars(self, target: &Target<'_>, why: Unreplaced) -> Option<Refusal> {
        if self == Self::NotAws && !endpoint::is_below_aws(target.host.name()) {
            return None;
        }
        let why = match target.signature {
            ClientSignature::Placeholder { .. } => why,
            ClientSignature::PresignedByPlaceholder => Unreplaced::Presigned,
            ClientSignature::StraySessionToken => return Some(Refusal::ExpressSession),
            ClientSignature::Malformed => return Some(Refusal::MalformedAuthorization),
            _ => return None,
        };
        let host = target.host.name().to_owned();
        Some(Refusal::Unreplaced { host, why })
    }
}

/// The region of a host of S3's that has none of its own, as the client has it.
fn region_of<'t>(
    scope: Option<ClientScope<'t>>,
    endpoint: &Endpoint<'_>,
    host: &str,
) -> Option<&'t str> {
    let scope = scope.filter(|scope| scope.service == endpoint.service)?;
    let region = scope.region.filter(|region| *region != endpoint.region)?;
    endpoint::may_be_of_region(host, region).then_some(region)
}

#[cfg(test)]
mod tests;
