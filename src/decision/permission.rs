//! The second stage: what the host is to AWS, and what rules and allow-list say of it.

use super::head::Head;
use super::meaning::Meaning;
use super::target::{Addressed, Target};
use super::unsigned::{LeftAlone, Unsigned};
use crate::authorization::ClientSignature;
use crate::bucket;
use crate::config::Config;
use crate::credentials::reply::quote::Quote;
use crate::endpoint::Endpoint;
use crate::policy::{Allow, Effect, Rule, Ruling, Subject, Treatment};
use crate::refusal::{ErrorFormat, Refusal, Unreplaced};

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
        placeholder: match target.real_key {
            // The program will have one of the filter's own in its place.
            Some(_) => config.placeholders.first().map(String::as_str),
            None => placeholder(target),
        },
    };
    config.policy.judge(subject, &|| bucket::Request {
        host,
        method: head.value(":method").unwrap_or_default(),
        target: head.value(":path").unwrap_or_default(),
        headers: head.headers,
    })
}

/// The access key id of the placeholder that signed the request's headers.
fn placeholder<'a>(target: &Target<'a>) -> Option<&'a str> {
    match target.signature {
        ClientSignature::Placeholder { key_id, .. } => Some(key_id),
        _ => None,
    }
}

/// What an answer repeats of one, in characters: it may be anything that a client sends.
const MOST_OF_A_KEY_ID: usize = 128;

impl<'p> Permission<'p> {
    /// Takes it from the policy's ruling.
    pub(super) fn of(
        config: &Config,
        head: Head<'_>,
        target: &Target<'_>,
        meaning: Meaning<'_>,
        ruling: Ruling<'p>,
    ) -> Result<Self, Unsigned> {
        let unsigned = |left_alone, why| Err(unsigned(head, target, meaning, left_alone, why));
        let (endpoint, rule) = match (ruling, target.addressed) {
            (Ruling::Permit { endpoint, rule }, _) => (endpoint, rule.map(|found| found.rule)),
            (Ruling::NotAws, _) => {
                return unsigned(LeftAlone::NotAws, Unreplaced::UnknownHost);
            }
            // The host may be anybody's of whom a rule knows better.
            (Ruling::LeaveAlone { .. }, Addressed::Name) if meaning == Meaning::NotAws => {
                return Err(target.left_alone(LeftAlone::Rule));
            }
            (Ruling::LeaveAlone { .. }, Addressed::Name) => {
                return unsigned(LeftAlone::Rule, Unreplaced::LeftAlone);
            }
            (Ruling::NotListed { .. } | Ruling::Torn(_), _)
                if target.passes_unmarked(config, head) =>
            {
                return unsigned(LeftAlone::Unmarked, Unreplaced::UnknownHost);
            }
            (other, _) => {
                let service = meaning.endpoint().map(|endpoint| endpoint.service);
                let refusal = refused(config, target.host.name(), placeholder(target), other);
                let format = ErrorFormat::of(head.headers, service);
                return Err(Unsigned::Refused(refusal, format));
            }
        };
        if matches!(meaning, Meaning::Scoped(_)) && !is_named(config, rule, endpoint.service) {
            return unsigned(LeftAlone::NotAws, Unreplaced::UnknownHost);
        }
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

/// What goes on as it came, unless a placeholder's signature would.
#[inline(never)]
fn unsigned(
    head: Head<'_>,
    target: &Target<'_>,
    meaning: Meaning<'_>,
    left_alone: LeftAlone,
    why: Unreplaced,
) -> Unsigned {
    let service = meaning.endpoint().map(|endpoint| endpoint.service);
    match meaning.bars(target, why) {
        Some(refusal) => Unsigned::Refused(refusal, ErrorFormat::of(head.headers, service)),
        None => target.left_alone(left_alone),
    }
}

/// Whether allow-list or rule name a service that they permit: `"*"` and patterns of hosts do not.
fn is_named(config: &Config, rule: Option<&Rule>, service: &str) -> bool {
    let listed = match (config.policy.allow(), rule) {
        (_, Some(rule)) if rule.sign_as.is_some() => return true,
        (_, Some(rule)) if rule.effect == Some(Effect::Allow) => &rule.when.services,
        (Allow::Listed { services, .. }, _) => services,
        (Allow::Everything, _) => return false,
    };
    listed.iter().any(|listed| listed == service)
}

/// The answer to a request that the policy does not let pass.
#[cold]
pub(crate) fn refused(
    config: &Config,
    host: &str,
    placeholder: Option<&str>,
    ruling: Ruling<'_>,
) -> Refusal {
    let host = host.to_owned();
    match ruling {
        Ruling::Denied { rule, named } => Refusal::Denied {
            host,
            rule,
            named: named.map(|named| *named),
        },
        Ruling::PlaceholderNotListed { .. } => Refusal::PlaceholderNotListed {
            key_id: Quote::new(placeholder.unwrap_or_default(), MOST_OF_A_KEY_ID, &[]),
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
