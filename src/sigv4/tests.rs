use std::time::Duration;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::digest::EMPTY_SHA256;
use super::*;

const NOW: Duration = Duration::from_secs(1_440_938_160);

const SETTINGS: Settings = Settings {
    path_style: PathStyle::S3,
    content_sha256: ContentSha256::Written,
    signed_headers: HeaderSelection::Minimal,
};

const SCOPE: Scope<'static> = Scope {
    algorithm: Algorithm::SigV4,
    region: "eu-west-1",
    service: "s3",
};

fn credentials(session_token: &str) -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new("very-secret-key"),
        session_token: Secret::new(session_token),
        expires_at: SystemTime::UNIX_EPOCH + NOW + NOW,
    }
}

fn request<'a>(headers: &'a [(&'a str, &'a [u8])]) -> Request<'a, &'a str, &'a [u8]> {
    Request {
        method: "GET",
        host: b"s3.eu-west-1.amazonaws.com",
        path_and_query: b"/",
        headers,
        payload: Payload::Literal("UNSIGNED-PAYLOAD"),
    }
}

fn canonical(request: &Request<'_, &str, &[u8]>, settings: Settings, token: &str) -> String {
    let now = SystemTime::UNIX_EPOCH + NOW;
    let canonical = canonical_request(request, settings, &SCOPE, &credentials(token), now);
    String::from_utf8(canonical.text).unwrap()
}

#[track_caller]
fn check_signed_headers(headers: &[(&str, &[u8])], selection: HeaderSelection, expected: &str) {
    let settings = Settings {
        signed_headers: selection,
        ..SETTINGS
    };
    let text = canonical(&request(headers), settings, "token");
    let signed = text.rsplit('\n').nth(1).unwrap();
    assert_eq!(signed, expected);
}

#[test]
fn only_headers_that_aws_requires_are_signed() {
    let headers: [(&str, &[u8]); 12] = [
        (":path", b"/"),
        ("content-length", b"3"),
        ("content-md5", b"x"),
        ("content-type", b"text/plain"),
        ("host", b"another.example.com"),
        ("traceparent", b"x"),
        ("user-agent", b"x"),
        ("x-amz-meta-a", b"x"),
        ("x-amzn-trace-id", b"x"),
        ("x-envoy-attempt-count", b"1"),
        ("x-forwarded-for", b"x"),
        ("x-request-id", b"x"),
    ];
    check_signed_headers(
        &headers,
        HeaderSelection::Minimal,
        "content-md5;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-security-token",
    );
    check_signed_headers(
        &headers,
        HeaderSelection::All,
        "content-length;content-md5;content-type;host;traceparent;user-agent;x-amz-content-sha256;\
         x-amz-date;x-amz-meta-a;x-amz-security-token;x-amzn-trace-id;x-envoy-attempt-count;\
         x-forwarded-for;x-request-id",
    );
}

#[test]
fn what_the_client_sent_in_place_of_our_headers_is_not_signed() {
    let inbound: [(&str, &[u8]); 5] = [
        ("authorization", b"inbound"),
        ("x-amz-content-sha256", b"inbound"),
        ("x-amz-date", b"inbound"),
        ("x-amz-security-token", b"inbound"),
        ("x-amz-region-set", b"inbound"),
    ];
    for selection in [HeaderSelection::Minimal, HeaderSelection::All] {
        for content_sha256 in [ContentSha256::Written, ContentSha256::Absent] {
            for token in ["token", ""] {
                let settings = Settings {
                    content_sha256,
                    signed_headers: selection,
                    ..SETTINGS
                };
                let text = canonical(&request(&inbound), settings, token);
                assert_eq!(text, canonical(&request(&[]), settings, token));
            }
        }
    }
}

#[test]
fn the_edits_set_or_remove_every_header_of_a_signature() {
    let mut signer = Signer::default();
    let now = SystemTime::UNIX_EPOCH + NOW;
    let with_token = credentials("token");
    let signed = signer.sign(&request(&[]), SETTINGS, &SCOPE, &with_token, now);
    assert!(signed.authorization.starts_with(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
    ));
    assert_eq!(
        signed.edits(),
        [
            ("authorization", Some(signed.authorization.as_str())),
            ("x-amz-date", Some("20150830T123600Z")),
            ("x-amz-security-token", Some("token")),
            ("x-amz-content-sha256", Some("UNSIGNED-PAYLOAD")),
            ("x-amz-region-set", None),
        ]
    );

    let without_token = credentials("");
    let settings = Settings {
        content_sha256: ContentSha256::Absent,
        ..SETTINGS
    };
    let signed = signer.sign(&request(&[]), settings, &SCOPE, &without_token, now);
    assert_eq!(
        signed.edits()[2..],
        [
            ("x-amz-security-token", None),
            ("x-amz-content-sha256", None),
            ("x-amz-region-set", None),
        ]
    );
}

#[test]
fn sigv4a_names_its_regions_in_a_signed_header_and_not_in_the_scope() {
    let scope = Scope {
        algorithm: Algorithm::SigV4A,
        region: "*",
        service: "s3",
    };
    let now = SystemTime::UNIX_EPOCH + NOW;
    let credentials = credentials("token");
    let mut signer = Signer::default();
    let signed = signer.sign(&request(&[]), SETTINGS, &scope, &credentials, now);
    assert!(signed.authorization.starts_with(
        "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-region-set;x-amz-security-token, Signature=30"
    ));
    assert_eq!(signed.edits()[4], ("x-amz-region-set", Some("*")));
    // Deterministic, so that an explanation shows what was sent.
    let again = Signer::default().sign(&request(&[]), SETTINGS, &scope, &credentials, now);
    assert_eq!(signed, again);
    assert!(
        signer
            .chunk_signer(&signed, &scope, &credentials, now)
            .is_none()
    );
}

#[test]
fn a_payload_is_declared_in_the_last_line_and_in_the_header() {
    let empty = EMPTY_SHA256;
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for (payload, expected) in [
        (Payload::Empty, empty),
        (Payload::Hash(Sha256::digest("").into()), empty),
        (Payload::Hash(Sha256::digest("abc").into()), abc),
        (Payload::Literal("UNSIGNED-PAYLOAD"), "UNSIGNED-PAYLOAD"),
        (
            Payload::Literal("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        ),
    ] {
        let request = Request {
            payload,
            ..request(&[])
        };
        let text = canonical(&request, SETTINGS, "");
        assert!(
            text.contains(&format!("\nx-amz-content-sha256:{expected}\n")),
            "{text}"
        );
        assert!(text.ends_with(&format!("\n{expected}")), "{text}");
    }
}

#[test]
fn repeated_headers_are_joined_in_their_order() {
    let headers: [(&str, &[u8]); 4] = [
        ("x-amz-meta-b", b" 2  2 "),
        ("x-amz-meta-a", b"z"),
        ("x-amz-meta-b", b""),
        ("x-amz-meta-b", b"1"),
    ];
    let text = canonical(&request(&headers), SETTINGS, "");
    assert!(
        text.contains("\nx-amz-meta-a:z\nx-amz-meta-b:2 2,,1\n"),
        "{text}"
    );
}

#[test]
fn header_values_that_are_not_utf_8_are_signed_byte_for_byte() {
    let headers: [(&str, &[u8]); 1] = [("x-amz-meta-a", b"\xff\xfe")];
    let now = SystemTime::UNIX_EPOCH + NOW;
    let canonical = canonical_request(&request(&headers), SETTINGS, &SCOPE, &credentials(""), now);
    let line = b"\nx-amz-meta-a:\xff\xfe\n";
    assert!(
        canonical
            .text
            .windows(line.len())
            .any(|window| window == line)
    );
}

#[test]
fn a_signer_that_has_signed_before_signs_alike() {
    let now = SystemTime::UNIX_EPOCH + NOW;
    let credentials = credentials("token");
    let long: [(&str, &[u8]); 1] = [("x-amz-meta-a", &[b'a'; 5_000])];
    let mut used = Signer::default();
    used.sign(&request(&long), SETTINGS, &SCOPE, &credentials, now);
    let mut unused = Signer::default();
    assert_eq!(
        used.sign(&request(&[]), SETTINGS, &SCOPE, &credentials, now),
        unused.sign(&request(&[]), SETTINGS, &SCOPE, &credentials, now),
    );
}

#[test]
fn no_debug_format_shows_a_secret() {
    let now = SystemTime::UNIX_EPOCH + NOW;
    let credentials = credentials("very-secret-token");
    let headers: [(&str, &[u8]); 1] = [("x-amz-meta-a", b"very-secret-header")];
    let request = Request {
        path_and_query: b"/?X-Amz-Security-Token=very-secret-query",
        ..request(&headers)
    };
    let mut signer = Signer::default();
    let signed = signer.sign(&request, SETTINGS, &SCOPE, &credentials, now);
    let canonical = canonical_request(&request, SETTINGS, &SCOPE, &credentials, now);
    let printed = format!(
        "{signer:#?} {signed:#?} {canonical:#?} {request:#?} {SETTINGS:?} {SCOPE:?} {credentials:?}"
    );
    assert!(printed.contains("x-amz-meta-a"), "{printed}");
    assert!(!printed.contains("very-secret"), "{printed}");
    // Nor as numbers, which is how bytes print.
    let token_bytes = format!("{:?}", b"very-secret-token");
    assert!(!format!("{signer:?} {canonical:?}").contains(&token_bytes));
    assert!(!format!("{canonical:?} {request:?}").contains("118, 101, 114, 121"));
}

#[test]
fn a_clock_out_of_range_is_taken_as_the_nearest_second_in_it() {
    let epoch = SystemTime::UNIX_EPOCH;
    let last = epoch + Duration::from_secs(253_402_300_799);
    let credentials = credentials("token");
    let sign = |now| Signer::default().sign(&request(&[]), SETTINGS, &SCOPE, &credentials, now);
    assert_eq!(sign(epoch).date.as_str(), "19700101T000000Z");
    assert_eq!(sign(last).date.as_str(), "99991231T235959Z");
    assert_eq!(sign(epoch - Duration::from_secs(1)), sign(epoch));
    assert_eq!(sign(epoch + Duration::from_secs(1 << 50)), sign(last));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_signing_fail(
        host in any::<Vec<u8>>(),
        path_and_query in prop_oneof![any::<Vec<u8>>(), "[/.%?&=+a2 ]{0,40}".prop_map(String::into_bytes)],
        headers in any::<Vec<(String, Vec<u8>)>>(),
        (method, region, service, literal) in any::<(String, String, String, String)>(),
        seconds in any::<i64>(),
        (s3, asymmetric) in any::<(bool, bool)>(),
    ) {
        let request = Request {
            method: &method,
            host: &host,
            path_and_query: &path_and_query,
            headers: &headers,
            payload: Payload::Literal(&literal),
        };
        let settings = Settings {
            path_style: if s3 { PathStyle::S3 } else { PathStyle::Normalised },
            content_sha256: ContentSha256::Written,
            signed_headers: HeaderSelection::All,
        };
        let algorithm = if asymmetric { Algorithm::SigV4A } else { Algorithm::SigV4 };
        let scope = Scope { algorithm, region: &region, service: &service };
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let now = if seconds < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
        let credentials = credentials(&literal);
        let signed = Signer::default().sign(&request, settings, &scope, &credentials, now.unwrap_or(epoch));
        let (_, signature) = signed.authorization.rsplit_once("Signature=").unwrap();
        let digits = if asymmetric { 100..=144 } else { 64..=64 };
        prop_assert!(digits.contains(&signature.len()) && signature.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}
