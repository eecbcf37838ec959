//! What happens to one request: leave it alone, refuse it, or sign it, and how.
//!
//! All the filter asks when headers arrive, in three stages, each with its value: the [`Target`] that the request is for,
//! the [`Permission`] to sign, and the [`Plan`] of the signature. The order is the policy: the allow-list comes before
//! everything that would leave a request alone, so that no header gets a request around it.

mod escape;
mod permission;
mod plan;
mod target;

pub use escape::escape;
pub use plan::{PayloadPlan, Plan};

use crate::config::Config;
use crate::endpoint::{self, Resolution};
use crate::headers::{self, Header};
use crate::own_keys::OwnKeys;
use crate::policy::RouteMetadata;
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::words::words;
use permission::Permission;
use target::Target;

/// What is known of a request when its headers have arrived.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// All headers, pseudo-headers included.
    pub headers: &'a [Header<'a>],
    /// Reads the cluster that its route leads to; `None` where the route has none. Not a value, because that is a
    /// call to Envoy, and most of a pod's requests are decided without it.
    pub cluster: &'a dyn Fn() -> Option<String>,
    /// What its route carries for the rules, as far as they ask for it.
    pub route_metadata: &'a RouteMetadata,
    /// Reads the keys that this process has got. A call to Envoy, too, which is made where a request carries
    /// a signature that could be the filter's own.
    pub own_keys: &'a dyn Fn() -> OwnKeys,
    /// No body follows.
    pub end_of_stream: bool,
}

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

words! {
    /// Why a request goes on untouched.
    pub enum LeftAlone in "sigv4_egress.requests.left_alone" {
        /// Its host is no AWS endpoint.
        NotAws = "not_aws",
        /// A rule says so.
        Rule = "rule",
        /// A real key of the client's signed it.
        ClientSignature = "client_signature",
        /// It is presigned.
        Presigned = "presigned",
        /// It is presigned with the filter's own credentials, and leads to a listed cluster.
        OwnPresigned = "own_presigned",
        /// It carries another `authorization` scheme.
        OtherAuthorization = "other_authorization",
        /// An S3 Express session signed it.
        SessionToken = "session_token",
    }
}

words! {
    /// Why a request is signed.
    pub enum Signed in "sigv4_egress.requests.signed" {
        /// It came without a signature.
        NoSignature = "no_signature",
        /// It came with a placeholder's.
        Placeholder = "placeholder",
        /// It came with a placeholder's, for another service or region than the host's. The host decides.
        PlaceholderForOther = "placeholder_for_other",
        /// It came with a real key's, and a rule replaces it.
        ReSigned = "re_signed",
    }
}

/// What a request comes to that is not signed. Each stage may end with it.
#[derive(Debug, PartialEq, Eq)]
enum Unsigned {
    /// It goes on untouched.
    LeftAlone(LeftAlone),
    /// It is answered here, in this format.
    Refused(Refusal, ErrorFormat),
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
    let endpoint = match endpoint::resolve(&target.host, &config.region) {
        Resolution::Aws(endpoint) => Some(endpoint),
        Resolution::NotAws => None,
    };
    let ruling = permission::judge(config, head, &target, endpoint);
    let rule = ruling.rule();
    let plan = Permission::of(config, head, &target, endpoint, ruling)
        .and_then(|permission| Plan::of(config, head, &target, permission));
    let decision = match plan {
        Ok(plan) => Decision::Sign(plan.sent_to(target)),
        Err(unsigned) => unsigned.into(),
    };
    (decision, rule)
}

impl<'a> Head<'a> {
    /// The values of a header, in order.
    pub fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        headers::values(self.headers, name)
    }

    /// Whether its route leads to a listed cluster: where signed requests may go.
    fn is_listed(self, config: &Config) -> bool {
        (self.cluster)().is_some_and(|cluster| config.clusters.contains(&cluster))
    }

    /// Refuses it, before it is known which service it is for.
    #[cold]
    fn refused(self, refusal: Refusal) -> Unsigned {
        Unsigned::Refused(refusal, ErrorFormat::of(self.headers, None))
    }

    /// The value of a header, where it is text.
    fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The parts of `:path`, where it is text.
    fn path_and_query(self) -> (Option<&'a str>, Option<&'a str>) {
        let target = self.text(":path");
        match target.and_then(|target| target.split_once('?')) {
            Some((path, query)) => (Some(path), Some(query)),
            None => (target, None),
        }
    }

    /// The `content-length`; `None` where there is none. One that no memory could hold counts as the
    /// largest that could.
    pub fn content_length(self) -> Option<usize> {
        let text = std::str::from_utf8(self.value("content-length")?).ok()?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    }

    /// The first value of a header.
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        headers::value(self.headers, name)
    }
}

#[cfg(test)]
mod tests;
