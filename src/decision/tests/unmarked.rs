//! Requests that ask for no signature, over plain http and over TLS that Envoy ends.

use super::*;
use crate::decision::tests::{config, signed_by};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const MARKER: &str = "x-sigv4-egress: 1";

/// What becomes of a request whose first line is written without the host, and which comes this way.
fn decided(extra: &str, over_tls: bool, request: &str) -> String {
    let (method, rest) = request.split_once(' ').unwrap();
    let text = format!("{method} {S3} {rest}");
    let headers = headers(&text);
    let head = Head {
        over_tls: &|| over_tls,
        ..head(&headers)
    };
    word(&decide(&config(extra), head))
}

/// For each request what becomes of it over plain http, and over TLS.
#[track_caller]
fn check_both(extra: &str, rows: &[(&str, &str, &str)]) {
    for (request, over_http, over_tls) in rows {
        for (is_tls, expected) in [(false, over_http), (true, over_tls)] {
            let found = decided(extra, is_tls, request);
            let fits = found == *expected || found.ends_with(&format!(", {expected}"));
            assert!(fits, "{extra} TLS {is_tls}: {request}\n  {found}");
        }
    }
}

fn real() -> String {
    format!("GET /b/k\n{}", signed_by(REAL, "s3"))
}

fn by_placeholder() -> String {
    format!("GET /b/k\n{}", signed_by("placeholder", "s3"))
}

#[test]
fn without_the_key_it_is_signed_over_http_and_passes_over_tls() {
    let marked = format!("GET /b/k\n{MARKER}");
    check_both(
        r#", "allow": "*""#,
        &[
            ("GET /b/k", "NoSignature", "left alone: Unmarked"),
            ("PUT /b/k", "NoSignature", "left alone: Unmarked"),
            (&marked, "NoSignature", "NoSignature"),
            (&by_placeholder(), "Placeholder", "Placeholder"),
        ],
    );
}

#[test]
fn each_value_holds_for_both() {
    let marked = format!("GET /b/k\n{MARKER}");
    for (value, expected) in [
        ("pass", "left alone: Unmarked"),
        ("refuse", "refused: marker_missing"),
        ("sign", "NoSignature"),
    ] {
        check_both(
            &format!(r#", "allow": "*", "unmarked": "{value}""#),
            &[
                ("GET /b/k", expected, expected),
                (&marked, "NoSignature", "NoSignature"),
                (&by_placeholder(), "Placeholder", "Placeholder"),
                (
                    &real(),
                    "left alone: ClientSignature",
                    "left alone: ClientSignature",
                ),
            ],
        );
    }
}

/// Capturing breaks nothing that works today: what `allow` does not name goes on, unless something asks for a signature.
#[test]
fn what_passes_is_not_asked_of_the_allow_list() {
    let marked = format!("GET /b/k\n{MARKER}");
    let presigned =
        format!("GET /b/k?X-Amz-Credential={REAL}%2F1%2Fr%2Fs3%2Faws4_request&X-Amz-Signature=0");
    let bearer = "GET /b/k\nauthorization: Bearer x";
    let passes = "left alone: Unmarked";
    let refused = "refused: not_allowed";
    check_both(
        r#", "allow": ["sqs"]"#,
        &[
            ("GET /b/k", refused, passes),
            (&real(), refused, passes),
            (&presigned, refused, passes),
            (bearer, refused, passes),
            (&marked, refused, refused),
            (&by_placeholder(), refused, refused),
        ],
    );
}

#[test]
fn a_denial_holds_for_what_would_pass() {
    let denied = "refused: denied";
    check_both(
        r#", "allow": "*", "rules": [{"buckets": ["secret"], "effect": "deny"}]"#,
        &[
            ("GET /secret/k", denied, denied),
            ("GET /b/k", "NoSignature", "left alone: Unmarked"),
        ],
    );
    let extra = r#", "allow": "*", "rules": [{"services": ["s3"], "client_signature": "refuse"}]"#;
    let refused = "refused: client_signature_refused";
    check_both(extra, &[(&real(), refused, refused)]);
}

/// Over TLS "never signed" is said of each request that asks for no signature, whatever a rule says of real ones.
#[test]
fn what_passes_is_not_signed_again() {
    let extra = r#", "allow": "*", "rules": [{"services": ["s3"], "client_signature": "re_sign"}]"#;
    let marked = format!("{}\n{MARKER}", real());
    check_both(
        extra,
        &[
            (&real(), "ReSigned", "left alone: Unmarked"),
            (&marked, "ReSigned", "ReSigned"),
        ],
    );
}

/// A placeholder's signature never leaves, and says that it is ours to sign.
#[test]
fn a_presigned_url_of_a_placeholder_does_not_pass() {
    let url = "GET /b/k?X-Amz-Credential=placeholder%2F1%2Fr%2Fs3%2Faws4_request&X-Amz-Signature=0";
    let refused = "refused: presigned_by_placeholder";
    check_both(r#", "allow": "*""#, &[(url, refused, refused)]);
    let not_allowed = "refused: not_allowed";
    check_both(r#", "allow": ["sqs"]"#, &[(url, not_allowed, not_allowed)]);
}

/// Each answer costs a call to Envoy.
#[test]
fn envoy_is_asked_for_tls_only_where_nothing_else_decides() {
    let asked = |extra: &str, request: &str| {
        let calls = Cell::new(0);
        let text = format!("GET {S3} /b/k\n{request}");
        let headers = headers(text.trim_end());
        let head = Head {
            over_tls: &|| {
                calls.set(calls.get() + 1);
                true
            },
            ..head(&headers)
        };
        decide(&config(extra), head);
        calls.get()
    };
    let all = r#", "allow": "*""#;
    assert_eq!(asked(all, ""), 1);
    for (extra, request) in [
        (all, signed_by("placeholder", "s3")),
        (all, MARKER.to_owned()),
        (all, signed_by(REAL, "s3")),
        (r#", "allow": "*", "unmarked": "refuse""#, String::new()),
        (r#", "allow": ["sqs"]"#, signed_by("placeholder", "s3")),
    ] {
        assert_eq!(asked(extra, &request), 0, "{extra} {request}");
    }
}
