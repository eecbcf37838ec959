//! The second stage: what the host is to AWS, and what rules and allow-list say of it.

use super::head::Head;
use super::target::{Addressed, Target};
use super::unsigned::{LeftAlone, Unsigned};
use crate::bucket;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::policy::{Rule, Ruling, Subject, Treatment};
use crate::refusal::{ErrorFormat, Refusal};

/// What a request may be signed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permission<'p> {
    /// What its host takes.
    pub(super) endpoint: Endpoint<'p>,
    /// The rule that says more.
    pub(super) rule: Option<&'p Rule>,
    /// How it is answered if it is not signed after all.
    pub(super) format: ErrorFormat,
}

/// Asks the policy. `endpoint` is what the target's host is to AWS.
pub(super) fn judge<'p>(
    config: &'p Config,
    head: Head<'p>,
    target: &'p Target<'_>,
    endpoint: Option<Endpoint<'p>>,
) -> Ruling<'p> {
    let host = target.host.name();
    let subject = Subject {
        host,
        endpoint,
        route_metadata: head.route_metadata,
    };
    config.policy.judge(subject, || bucket::Request {
        host,
        method: head.value(":method").unwrap_or_default(),
        target: head.value(":path").unwrap_or_default(),
        headers: head.headers,
    })
}

impl<'p> Permission<'p> {
    /// Takes it from the policy's ruling.
    pub(super) fn of(
        config: &Config,
        head: Head<'_>,
        target: &Target<'_>,
        endpoint: Option<Endpoint<'_>>,
        ruling: Ruling<'p>,
    ) -> Result<Self, Unsigned> {
        let (endpoint, rule) = match (ruling, target.addressed) {
            (Ruling::Permit { endpoint, rule }, _) => (endpoint, rule.map(|found| found.rule)),
            (Ruling::NotAws, _) => return Err(target.left_alone(LeftAlone::NotAws)),
            (Ruling::LeaveAlone { .. }, Addressed::ByName) => {
                return Err(target.left_alone(LeftAlone::Rule));
            }
            (other, _) => {
                let service = endpoint.map(|endpoint| endpoint.service);
                let refusal = refused(config, target.host.name(), other);
                let format = ErrorFormat::of(head.headers, service);
                return Err(Unsigned::Refused(refusal, format));
            }
        };
        let format = ErrorFormat::of(head.headers, Some(endpoint.service));
        if head.value(":method") == Some(b"CONNECT") {
            return Err(Unsigned::Refused(Refusal::ConnectRefused, format));
        }
        Ok(Self {
            endpoint,
            rule,
            format,
        })
    }
}

/// The answer to a request that the policy does not let pass.
#[cold]
fn refused(config: &Config, host: &str, ruling: Ruling<'_>) -> Refusal {
    let host = host.to_owned();
    match ruling {
        Ruling::Denied { rule, named } => Refusal::Denied {
            host,
            rule,
            named: named.map(|named| *named),
        },
        Ruling::NotListed {
            endpoint, unlisted, ..
        } => Refusal::NotAllowed {
            host,
            service: endpoint.service.to_owned(),
            unlisted: *unlisted,
        },
        Ruling::Torn(treatments) => Refusal::BucketsOfDifferentRoles {
            roles: treatments.map(|treatment| match treatment {
                Treatment::SignedBy(role) => config.roles.get(role).map(|role| role.name.clone()),
                Treatment::LeftAlone => None,
            }),
        },
        Ruling::LeaveAlone { .. } | Ruling::NotAws | Ruling::Permit { .. } => {
            Refusal::LeftAloneAtLoopback { host }
        }
    }
}

#[cfg(test)]
mod tests;
