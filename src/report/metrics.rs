//! The names of the stats. Envoy puts `wasmcustom.` before them; Prometheus output takes it off.

use crate::credentials::outcome::{Fetched, StsHostUsed};
use crate::decision::{LeftAlone, Observed, Signed, Would};
use crate::presign::Service;
use crate::refusal::Refusal;
use crate::report::status::VERSION;

/// Gauge: seconds since the credentials in use were fetched.
pub const CREDENTIAL_AGE: &str = "sigv4_egress.credential_age_seconds";
/// Gauge: seconds until the credentials in use expire; 0 where there are none.
pub const CREDENTIAL_SECONDS_TO_EXPIRY: &str = "sigv4_egress.credential_seconds_to_expiry";
/// Gauge: requests that wait for credentials now, in all workers.
pub const PARKED: &str = "sigv4_egress.parked";
/// Gauge: bytes of bodies and chunks that are held now, in all workers.
pub const HELD_BYTES: &str = "sigv4_egress.held_bytes";

/// Counter: how often the time that a host's requests are signed with has changed.
pub const CLOCK_SKEW: &str = "sigv4_egress.clock_skew";
/// Counter: refreshes that began because AWS called credentials expired or unknown.
pub const STALE: &str = "sigv4_egress.stale_credentials";
/// Counter: fetches that `POST /refresh` or a new epoch began.
pub const FLUSHES: &str = "sigv4_egress.flushes";

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
    why.stat()
}

/// Counter: what was presigned, by the service that takes it.
pub fn presigned(service: Service) -> &'static str {
    service.stat()
}

/// Counter: requests left alone, by why.
pub fn left_alone(why: LeftAlone) -> &'static str {
    why.stat()
}

/// Counter: what would have become of requests that were only observed, by why.
pub(crate) fn observed(what: Observed) -> String {
    [what.would.stat(), ".", what.reason].concat()
}

/// Counter: requests answered by us, by reason.
pub fn refused(refusal: &Refusal) -> &'static str {
    refusal.reason().stat()
}

/// Counter: attempts to get credentials, by outcome.
pub fn sts(outcome: Fetched) -> &'static str {
    outcome.stat()
}

/// Counter: fetches that ended with credentials of STS, by which of its hosts gave them.
pub fn sts_host(used: StsHostUsed) -> &'static str {
    used.stat()
}

/// The stats as Markdown, as they stand in the documentation.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Stats\n\n\
         Written by `UPDATE=1 cargo test --test reference` from `src/report/metrics.rs` and the words that it counts by.\n\n\
         Envoy shows them as `wasmcustom.<name>`, Prometheus as `<name>` with `_` for `.`. With the `stats_tags` of envoy/envoy.yaml, \
         outcome and reason are labels: `sigv4_egress_requests{outcome=\"refused\",reason=\"not_allowed\"}`. In Envoy 1.36 what the \
         guard counts stands beneath the cluster, without these labels: `cluster.<cluster>.wasmcustom.<name>`.\n\n\
         | stat | kind | meaning |\n|---|---|---|\n",
    );
    for (name, kind, meaning) in STATS {
        page.push_str(&format!("| `{name}` | {kind} | {meaning} |\n"));
    }
    let mut family =
        |title: &str, word: &str, words: &mut dyn Iterator<Item = (&'static str, &'static str)>| {
            page.push_str(&format!(
                "\n## {title}\n\n| `<{word}>` | meaning |\n|---|---|\n"
            ));
            for (word, meaning) in words {
                page.push_str(&format!("| `{word}` | {meaning} |\n"));
            }
        };
    let words = Signed::ALL.iter().map(|why| (why.word(), why.meaning()));
    family("Requests signed", "why", &mut { words });
    let words = Service::ALL.iter();
    let words = words.map(|service| (service.word(), service.meaning()));
    family("What was presigned", "service", &mut { words });
    let words = LeftAlone::ALL.iter().map(|why| (why.word(), why.meaning()));
    family("Requests left alone", "why", &mut { words });
    let words = Would::ALL.iter().map(|what| (what.word(), what.meaning()));
    family("Requests observed", "would", &mut { words });
    let words = Fetched::ALL.iter().map(|how| (how.word(), how.meaning()));
    family("Attempts to get credentials", "outcome", &mut { words });
    page
}

/// Name, kind and meaning.
const STATS: &[(&str, &str, &str)] = &[
    (
        "sigv4_egress.requests.signed.<why>",
        "counter",
        "Requests signed, by what they came with ([below](#requests-signed)).",
    ),
    (
        "sigv4_egress.presigned.<service>",
        "counter",
        "URLs, tokens and forms presigned ([below](#what-was-presigned)).",
    ),
    (
        "sigv4_egress.requests.left_alone.<why>",
        "counter",
        "Requests that went on untouched ([below](#requests-left-alone)).",
    ),
    (
        "sigv4_egress.requests.refused.<reason>",
        "counter",
        "Requests that the filter answered, by [reason](reasons.md). A request whose chunks prove malformed is counted as signed and as refused.",
    ),
    (
        "sigv4_egress.requests.<would>.<reason>",
        "counter",
        "Where `mode` is `observe`: requests by [what would have become of them](#requests-observed), and why. The reasons are those of the three above.",
    ),
    (
        "sigv4_egress.sts.<outcome>",
        "counter",
        "Attempts to get credentials ([below](#attempts-to-get-credentials)).",
    ),
    (
        "sigv4_egress.sts_host.<host>",
        "counter",
        "Credentials that STS gave, by which of `sts_hosts` did: `first`, or `other`, because the first did not answer or has not a few minutes ago. What a host that did not answer is counted by is `sts.<outcome>`, once for each.",
    ),
    (
        CREDENTIAL_AGE,
        "gauge",
        "Seconds since the credentials of the pod's own role were fetched.",
    ),
    (
        CREDENTIAL_SECONDS_TO_EXPIRY,
        "gauge",
        "Seconds until they expire; 0 where there are none.",
    ),
    (
        PARKED,
        "gauge",
        "Requests that wait for credentials now, in all workers.",
    ),
    (
        HELD_BYTES,
        "gauge",
        "Bytes of bodies and chunks that are held now, in all workers.",
    ),
    (
        STALE,
        "counter",
        "Refreshes that began because AWS called credentials expired or unknown.",
    ),
    (
        FLUSHES,
        "counter",
        "Fetches that `POST /refresh` or a new `credentials_epoch` began, and what was tried again after one that failed.",
    ),
    (
        CLOCK_SKEW,
        "counter",
        "Changes of the time that a host's requests are signed with.",
    ),
    (
        "sigv4_egress.build_info.<version>",
        "gauge",
        "Always 1; `_` for `.` in the version.",
    ),
    (
        "sigv4_egress.source.<source>",
        "gauge",
        "Always 1: where the pod's own credentials come from, `web_identity` or `container`; `none` where `mode` is `observe` and there is no role.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Reason;
    use std::collections::BTreeSet;

    #[test]
    fn each_word_is_used_once_in_its_set_and_fits_into_a_stats_name() {
        let mut seen = BTreeSet::new();
        let stats = Signed::ALL.iter().map(|why| why.stat());
        let stats = stats.chain(Service::ALL.iter().map(|service| service.stat()));
        let stats = stats.chain(LeftAlone::ALL.iter().map(|why| why.stat()));
        let stats = stats.chain(Reason::ALL.iter().map(|reason| reason.stat()));
        for stat in stats.chain(Fetched::ALL.iter().map(|outcome| outcome.stat())) {
            assert!(
                stat.bytes()
                    .all(|b| b.is_ascii_lowercase() || b"._34".contains(&b)),
                "{stat}"
            );
            assert!(seen.insert(stat), "{stat}");
        }
    }

    #[test]
    fn a_stats_name_ends_with_its_word() {
        assert_eq!(Fetched::OwnRole.stat(), "sigv4_egress.sts.own_role");
        assert_eq!(Signed::ReSigned.to_string(), "re_signed");
        assert_eq!(Fetched::Ok.meaning(), "Credentials came.");
    }
}
