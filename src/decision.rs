//! What happens to one request: leave it alone, refuse it, or sign it, and how.
//!
//! All the filter asks when headers arrive, in three stages, each with its value: the [`Target`] that the request is for,
//! the [`Permission`] to sign, and the [`Plan`] of the signature. The order is the policy: the allow-list comes before
//! everything that would leave a request alone, so that no header gets a request around it.

mod escape;
mod head;
mod meaning;
mod permission;
mod plan;
mod target;
mod unsigned;

pub use escape::escape;
pub use head::Head;
pub use plan::{PayloadPlan, Plan, Signed};
pub use unsigned::LeftAlone;

use crate::config::Config;
use crate::refusal::{ErrorFormat, Refusal};
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
}

impl From<Unsigned> for Decision {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::LeftAlone(why) => Self::LeaveAlone(why),
            Unsigned::Refused(refusal, format) => Self::Refuse(refusal, format),
        }
    }
}

/// Decides.
pub fn decide(config: &Config, head: Head<'_>) -> Decision {
    decide_by_rule(config, head).0
}

/// The same, with the place of the rule that decided: of two buckets' rules, the one that the decision follows.
pub fn decide_by_rule(config: &Config, head: Head<'_>) -> (Decision, Option<usize>) {
    let target = match Target::of(config, head) {
        Ok(target) => target,
        Err(unsigned) => return (unsigned.into(), None),
    };
    let meaning = Meaning::of(&config.region, head, &target);
    let ruling = permission::judge(config, head, &target, meaning.endpoint());
    let rule = ruling.rule();
    let plan = Permission::of(config, head, &target, meaning, ruling)
        .and_then(|permission| Plan::of(config, head, &target, permission));
    let decision = match plan {
        Ok(plan) => Decision::Sign(plan.sent_to(target)),
        Err(unsigned) => unsigned.into(),
    };
    (decision, rule)
}

#[cfg(test)]
mod tests;
