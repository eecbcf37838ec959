//! The names of the stats. Envoy puts `wasmcustom.` before them; Prometheus output takes it off.

use crate::decision::{LeftAlone, Signed};
use crate::refusal::Refusal;
use crate::status::VERSION;

/// Gauge: seconds since the credentials in use were fetched.
pub const CREDENTIAL_AGE: &str = "sigv4_egress.credential_age_seconds";
/// Gauge: seconds until the credentials in use expire; 0 where there are none.
pub const CREDENTIAL_SECONDS_TO_EXPIRY: &str = "sigv4_egress.credential_seconds_to_expiry";
/// Gauge: requests that wait for credentials now, in all workers.
pub const PARKED: &str = "sigv4_egress.parked";

/// Counter: how often the time that a host's requests are signed with has changed.
pub const CLOCK_SKEW: &str = "sigv4_egress.clock_skew";
/// Counter: refreshes that began because AWS called credentials expired or unknown.
pub const STALE: &str = "sigv4_egress.stale_credentials";

/// Gauge, always 1: its name has the version, with `_` for `.`.
pub fn build_info() -> String {
    format!("sigv4_egress.build_info.{}", VERSION.replace('.', "_"))
}

/// Gauge, always 1: its name has the source of the pod's own credentials.
pub fn source(source: &str) -> String {
    format!("sigv4_egress.source.{source}")
}

/// Counter: requests signed, by why.
pub fn signed(why: Signed) -> &'static str {
    match why {
        Signed::NoSignature => "sigv4_egress.requests.signed.no_signature",
        Signed::Placeholder => "sigv4_egress.requests.signed.placeholder",
        Signed::PlaceholderForOther => "sigv4_egress.requests.signed.placeholder_for_other",
        Signed::ReSigned => "sigv4_egress.requests.signed.re_signed",
    }
}

/// Counter: requests left alone, by why.
pub fn left_alone(why: LeftAlone) -> &'static str {
    match why {
        LeftAlone::NotAws => "sigv4_egress.requests.left_alone.not_aws",
        LeftAlone::Rule => "sigv4_egress.requests.left_alone.rule",
        LeftAlone::ClientSignature => "sigv4_egress.requests.left_alone.client_signature",
        LeftAlone::Presigned => "sigv4_egress.requests.left_alone.presigned",
        LeftAlone::OwnPresigned => "sigv4_egress.requests.left_alone.own_presigned",
        LeftAlone::OtherAuthorization => "sigv4_egress.requests.left_alone.other_authorization",
        LeftAlone::SessionToken => "sigv4_egress.requests.left_alone.session_token",
    }
}

/// Counter: requests answered by us, by reason.
pub fn refused(refusal: &Refusal) -> String {
    format!("sigv4_egress.requests.refused.{}", refusal.reason())
}

/// The last word of a counter's name: the reason.
pub fn last_word(counter: &str) -> &str {
    counter.rsplit('.').next().unwrap_or_default()
}

/// Counter: attempts to get credentials, by outcome.
pub fn sts(outcome: &str) -> String {
    format!("sigv4_egress.sts.{outcome}")
}
