//! What a target's host is to AWS. What its name leaves open, the client's signature says.

use super::head::Head;
use super::target::Target;
use crate::authorization::{ClientScope, ClientSignature};
use crate::endpoint::{self, Endpoint, Resolution};
use crate::refusal::{Refusal, Unreplaced};
use crate::sigv4::PathStyle;

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
        let resolution = endpoint::resolve(&target.host, home_region);
        match (resolution, &target.signature) {
            (Resolution::Aws(mut endpoint), signature) => {
                if let ClientSignature::Placeholder {
                    scope: Some(scope), ..
                } = signature
                    && (scope.service != endpoint.service || scope.region != Some(endpoint.region))
                {
                    follow(&mut endpoint, *scope, target);
                }
                if endpoint.service.starts_with("geo-")
                    && head
                        .value(":path")
                        .is_some_and(endpoint::is_of_older_location)
                {
                    endpoint.service = "geo";
                }
                Self::Named(endpoint)
            }
            (
                Resolution::NotAws,
                ClientSignature::Placeholder {
                    scope: Some(scope), ..
                },
            ) => scoped(*scope, target),
            (Resolution::NotAws, _) => Self::NotAws,
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
    pub(super) fn bars(self, target: &Target<'_>, why: Unreplaced) -> Option<Refusal> {
        let why = match target.signature {
            ClientSignature::Placeholder { .. } => why,
            ClientSignature::PresignedByPlaceholder => Unreplaced::Presigned,
            ClientSignature::StraySessionToken | ClientSignature::Malformed => why,
            // Most requests.
            _ => return None,
        };
        if self == Self::NotAws && !endpoint::is_below_aws(target.host.name()) {
            return None;
        }
        Some(match target.signature {
            ClientSignature::StraySessionToken => Refusal::ExpressSession,
            ClientSignature::Malformed => Refusal::MalformedAuthorization,
            _ => Refusal::Unreplaced {
                host: target.host.name().to_owned(),
                why,
            },
        })
    }
}

#[inline(never)]
fn scoped<'t>(scope: ClientScope<'t>, target: &Target<'_>) -> Meaning<'t> {
    let region = scope.region.unwrap_or_default();
    let found = endpoint::of_client_scope(target.host.name(), scope.service, region);
    found.map_or(Meaning::NotAws, Meaning::Scoped)
}

/// Takes from the client's scope what the host's name leaves open: the region of some hosts of S3's, and the service of
/// one of which only its first label is known.
#[cold]
fn follow<'t>(endpoint: &mut Endpoint<'t>, scope: ClientScope<'t>, target: &Target<'_>) {
    let Some(region) = scope.region else {
        return;
    };
    if region == endpoint.region {
        if endpoint::is_guessed_for(endpoint.service, scope.service) {
            endpoint.service = scope.service;
        }
    } else if endpoint.path_style == PathStyle::S3
        && scope.service == endpoint.service
        && endpoint::may_be_of_region(target.host.name(), region)
    {
        endpoint.region = region;
    }
}

#[cfg(test)]
mod tests;
