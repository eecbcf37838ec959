//! What happens to one request: leave it alone, refuse it, or sign it, and how.
//!
//! All the filter asks when headers arrive, in three stages, each with its value: the [`Target`] that the request is for,
//! the [`Permission`] to sign, and the [`Plan`] of the signature. The order is the policy: the allow-list comes before
//! everything that would leave a request alone, so that no header gets a request around it. Only what asks for no signature,
//! and is never signed, may pass the list by (`unmarked`).

mod escape;
mod exchange;
mod head;
mod meaning;
mod observed;
mod permission;
mod plan;
mod target;
mod unsigned;

pub use escape::escape;
pub use head::Head;
pub use observed::{Observed, Would};
pub(crate) use permission::refused;
pub(crate) use plan::UNSIGNED_PAYLOAD;
pub use plan::{PayloadPlan, Plan, Signed};
pub use unsigned::LeftAlone;

use crate::bucket;
use crate::config::Config;
use crate::endpoint::{self, BucketPlace, Endpoint, Host};
use crate::policy::{Mode, Ruling};
use crate::presign::Exchange;
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::{About, Basis, Facts};
use crate::sigv4::PathStyle;
use meaning::Meaning;
use permission::Permission;
use target::Target;
use unsigned::Unsigned;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes on untouched.
    LeaveAlone(LeftAlone),
    /// It is answered here, in this format.
    Refuse(Refusal, ErrorFormat),
    /// It is signed.
    Sign(Plan),
    /// It goes on untouched, and this would have become of it.
    Observe(Observed),
    /// It is answered here, with what its body asks to be presigned.
    Exchange(Box<Exchange>),
}

impl From<Unsigned> for Decision {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::LeftAlone(why) => Self::LeaveAlone(why),
            Unsigned::Refused(refusal, format) => Self::Refuse(refusal, format),
            Unsigned::Exchange(exchange) => Self::Exchange(exchange),
        }
    }
}

impl Decision {
    /// What is told of it where it is not carried out.
    fn observed(self) -> Self {
        let (would, reason) = match &self {
            Self::Sign(plan) => (Would::Sign, plan.why.word()),
            Self::LeaveAlone(why) => (Would::LeaveAlone, why.word()),
            Self::Refuse(refusal, _) => (Would::Refuse, refusal.reason().word()),
            Self::Observe(observed) => (observed.would, observed.reason),
            // Nothing is presigned where nothing is signed.
            Self::Exchange(_) => return self,
        };
        Self::Observe(Observed { would, reason })
    }
}

/// Decides.
pub fn decide(config: &Config, head: Head<'_>) -> Decision {
    decide_in_full(config, head).decision
}

/// A decision, and what is known of how it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The place of the rule that decided: of two buckets' rules, the one that the decision follows.
    pub rule: Option<usize>,
    /// For the access log.
    pub about: About,
}

/// Of which no more is known.
impl From<Decision> for Decided {
    fn from(decision: Decision) -> Self {
        Self {
            decision,
            rule: None,
            about: About::default(),
        }
    }
}

/// As [`decide`], with all that is known of it.
pub fn decide_in_full(config: &Config, head: Head<'_>) -> Decided {
    let decided = enforced(config, head);
    if config.mode == Mode::Enforce {
        return decided;
    }
    let decision = match decided.decision {
        // What came to the loopback endpoint leads nowhere as it is.
        refused @ Decision::Refuse(..) if is_at_loopback(config, head) => refused,
        Decision::Sign(plan) if is_at_loopback(config, head) => {
            let host = plan.authority;
            Decision::Refuse(Refusal::LeftAloneAtLoopback { host }, plan.format)
        }
        other => other.observed(),
    };
    Decided {
        decision,
        ..decided
    }
}

fn is_at_loopback(config: &Config, head: Head<'_>) -> bool {
    let authority = head.value(":authority").or_else(|| head.value("host"));
    Host::parse(authority.unwrap_or_default()).is_ok_and(|host| host.is_loopback())
        && head.is_listed(config)
}

fn enforced(config: &Config, head: Head<'_>) -> Decided {
    let target = match Target::of(config, head) {
        Ok(target) => target,
        Err(unsigned) => {
            let about = match unsigned {
                // As below.
                Unsigned::LeftAlone(LeftAlone::NotAws) => About::default(),
                _ => About::new(Facts::default()),
            };
            return Decided {
                about,
                ..Decision::from(unsigned).into()
            };
        }
    };
    let meaning = Meaning::of(&config.region, head, &target);
    let ruling = permission::judge(config, head, &target, meaning.endpoint());
    let rule = ruling.rule();
    let about = match ruling {
        // Most of a pod's traffic may be none of AWS's, and it has no line.
        Ruling::NotAws if meaning == Meaning::NotAws && target.real_key.is_none() => {
            About::default()
        }
        _ => about(config, head, &target, meaning.endpoint(), &ruling),
    };
    let plan = Permission::of(config, head, &target, meaning, ruling)
        .and_then(|permission| Plan::of(config, head, &target, permission));
    let decision = match plan {
        Ok(plan) => Decision::Sign(plan.sent_to(target)),
        Err(unsigned) => unsigned.into(),
    };
    Decided {
        decision,
        rule,
        about,
    }
}

fn about(
    config: &Config,
    head: Head<'_>,
    target: &Target<'_>,
    endpoint: Option<Endpoint<'_>>,
    ruling: &Ruling<'_>,
) -> About {
    let (endpoint, by_list) = match ruling {
        Ruling::Permit { endpoint, .. } | Ruling::NotListed { endpoint, .. } => {
            (Some(*endpoint), Basis::Allow)
        }
        _ => (endpoint, Basis::None),
    };
    let host = target.host.name();
    let is_s3 = endpoint.is_some_and(|endpoint| endpoint.path_style == PathStyle::S3);
    let bucket = is_s3.then(|| {
        let request = bucket::Request {
            host,
            method: head.value(":method").unwrap_or_default(),
            target: head.value(":path").unwrap_or_default(),
            headers: head.headers,
        };
        // A host that is not AWS's is signed as S3 by a rule.
        let place = endpoint::bucket_place(host).unwrap_or(BucketPlace::PathOrControl);
        bucket::of_target(request, place)
    });
    About::new(Facts {
        endpoint: endpoint.map(|endpoint| (endpoint.service, endpoint.region)),
        bucket: bucket.flatten().as_deref(),
        basis: ruling.rule().map_or(by_list, Basis::Rule),
        operation: match config.mode {
            Mode::Enforce => None,
            Mode::Observe => {
                observed::operation(head.text("x-amz-target"), head.path_and_query().1)
            }
        },
        real_key: target.real_key,
    })
}

#[cfg(test)]
mod tests;
