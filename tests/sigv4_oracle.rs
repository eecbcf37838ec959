//! Random requests, signed by us and by the `aws-sigv4` crate: the headers must be equal, with SigV4A too,
//! where both take the nonce of RFC 6979. Besides, its signatures hold for the public key of the crate's key.
//!
//! 200 cases a run, and 2,000 in CI; the environment variable `PROPTEST_CASES` asks for more. Requests keep to what the
//! crate takes: text in UTF-8, no path that ends in `.` or `..` (where it adds a slash, unlike botocore,
//! aws-c-auth and Envoy), no tab in a header, and S3 paths already encoded, because it copies those as
//! they are. Where it differs is shown in `docs/signing.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes only #[test] functions for tests, not what they call"
)]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as OracleCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::{v4, v4a};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, SigningKey};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings,
    Signer, canonical_request, string_to_sign,
};

#[derive(Debug)]
struct Call {
    method: &'static str,
    host: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Body,
    settings: Settings,
    algorithm: Algorithm,
    region: String,
    service: String,
    secret_access_key: String,
    session_token: String,
    seconds: u64,
}

#[derive(Clone, Debug)]
enum Body {
    Bytes(Vec<u8>),
    Unsigned,
    UnsignedTrailer,
}

/// What may be on a request and must not be signed.
const NOT_SIGNED: [&str; 6] = [
    "accept-encoding",
    "traceparent",
    "user-agent",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-request-id",
];

fn cases() -> u32 {
    let is_whole = std::env::var("SIGV4_EGRESS_TESTS").is_ok_and(|tests| tests == "whole");
    let usual = if is_whole { 2_000 } else { 200 };
    std::env::var("PROPTEST_CASES").map_or(usual, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn we_sign_as_the_aws_crate_does(calls in vec(call(), 1..3)) {
        // One signer for several calls, as in the filter.
        let mut signer = Signer::default();
        for call in &calls {
            let ours = ours(&mut signer, call);
            prop_assert_eq!(&ours.headers, &oracle(call), "{:#?}", call);
            if call.algorithm == Algorithm::SigV4A {
                prop_assert!(is_valid(&ours, call), "{:#?}", call);
            }
        }
    }
}

struct Ours {
    headers: BTreeMap<String, String>,
    string_to_sign: String,
    signature: String,
}

/// Whether a signature of SigV4A holds for what was to be signed, and for nothing else.
fn is_valid(ours: &Ours, call: &Call) -> bool {
    let key = v4a::generate_signing_key("ASIAEXAMPLE", &call.secret_access_key);
    let key = SigningKey::from_slice(key.as_ref()).unwrap();
    let der: Vec<u8> = (0..ours.signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&ours.signature[at..at + 2], 16).unwrap())
        .collect();
    let signature = DerSignature::try_from(der.as_slice()).unwrap();
    let holds_for = |text: &str| {
        let key = key.verifying_key();
        key.verify(text.as_bytes(), &signature).is_ok()
    };
    holds_for(&ours.string_to_sign) && !holds_for(&ours.string_to_sign[1..])
}

fn ours(signer: &mut Signer, call: &Call) -> Ours {
    let target = match &call.query {
        Some(query) => format!("{}?{query}", call.path),
        None => call.path.clone(),
    };
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: Secret::new(&*call.secret_access_key),
        session_token: Secret::new(&*call.session_token),
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let request = Request {
        method: call.method,
        host: call.host.as_bytes(),
        path_and_query: target.as_bytes(),
        headers: &call.headers,
        payload: match &call.body {
            Body::Bytes(bytes) if bytes.is_empty() => Payload::Empty,
            Body::Bytes(bytes) => Payload::Hash(Sha256::digest(bytes).into()),
            Body::Unsigned => Payload::Literal("UNSIGNED-PAYLOAD"),
            Body::UnsignedTrailer => Payload::Literal("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        },
    };
    let scope = Scope {
        algorithm: call.algorithm,
        region: &call.region,
        service: &call.service,
    };
    let (settings, now) = (call.settings, now(call));
    let canonical = canonical_request(&request, settings, &scope, &credentials, now);
    let signed = signer.sign(&request, settings, &scope, &credentials, now);
    let headers = signed.edits().into_iter();
    Ours {
        headers: headers
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect(),
        string_to_sign: string_to_sign(&canonical, &scope, now),
        signature: signed.signature().to_owned(),
    }
}

fn oracle(call: &Call) -> BTreeMap<String, String> {
    let identity = OracleCredentials::from_keys(
        "ASIAEXAMPLE",
        &*call.secret_access_key,
        (!call.session_token.is_empty()).then(|| call.session_token.clone()),
    )
    .into();
    let mut settings = SigningSettings::default();
    (
        settings.percent_encoding_mode,
        settings.uri_path_normalization_mode,
    ) = match call.settings.path_style {
        PathStyle::S3 => (
            PercentEncodingMode::Single,
            UriPathNormalizationMode::Disabled,
        ),
        PathStyle::Normalised => (
            PercentEncodingMode::Double,
            UriPathNormalizationMode::Enabled,
        ),
    };
    settings.payload_checksum_kind = match call.settings.content_sha256 {
        ContentSha256::Written => PayloadChecksumKind::XAmzSha256,
        ContentSha256::Absent => PayloadChecksumKind::NoHeader,
    };
    settings.excluded_headers = Some(NOT_SIGNED.map(Into::into).to_vec());
    let params = match call.algorithm {
        Algorithm::SigV4 => v4::SigningParams::builder()
            .identity(&identity)
            .region(&call.region)
            .name(&call.service)
            .time(now(call))
            .settings(settings)
            .build()
            .unwrap()
            .into(),
        Algorithm::SigV4A => v4a::SigningParams::builder()
            .identity(&identity)
            .region_set(&call.region)
            .name(&call.service)
            .time(now(call))
            .settings(settings)
            .build()
            .unwrap()
            .into(),
    };

    let query = call.query.as_ref().map(|query| format!("?{query}"));
    let uri = format!(
        "https://{}{}{}",
        call.host,
        call.path,
        query.unwrap_or_default()
    );
    let headers = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = match &call.body {
        Body::Bytes(bytes) => SignableBody::Bytes(bytes),
        Body::Unsigned => SignableBody::UnsignedPayload,
        Body::UnsignedTrailer => SignableBody::StreamingUnsignedPayloadTrailer,
    };
    let request = SignableRequest::new(call.method, uri, headers, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn now(call: &Call) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(call.seconds)
}

fn call() -> impl Strategy<Value = Call> {
    let request = (
        prop::sample::select(vec![
            "GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH",
        ]),
        "[a-z0-9-]{1,9}(\\.[a-z0-9]{1,9}){1,3}(:8[0-9]{2})?",
        option::of(query()),
        vec(header(), 0..8),
        prop_oneof![
            vec(any::<u8>(), 0..200).prop_map(Body::Bytes),
            Just(Body::Unsigned),
            Just(Body::UnsignedTrailer),
        ],
    );
    let scope = (
        prop_oneof![
            7 => "[a-z]{2}-[a-z]{4}-[0-9]".prop_map(|region| (Algorithm::SigV4, region)),
            1 => "[*]|[a-z]{2}-[a-z]{4}-[0-9](,[a-z]{2}-[a-z]{4}-[0-9]){0,2}"
                .prop_map(|regions| (Algorithm::SigV4A, regions)),
        ],
        "[a-z0-9-]{1,12}",
        "[A-Za-z0-9/+]{1,80}",
        prop_oneof![Just(String::new()), "[A-Za-z0-9/+=]{1,300}"],
        0..253_402_300_800_u64,
    );
    (request, scope, settings_and_path()).prop_map(|(request, scope, (settings, path))| {
        let (method, host, query, headers, body) = request;
        let ((algorithm, region), service, secret_access_key, session_token, seconds) = scope;
        Call {
            method,
            host,
            path,
            query,
            headers,
            body,
            settings,
            algorithm,
            region,
            service,
            secret_access_key,
            session_token,
            seconds,
        }
    })
}

fn settings_and_path() -> impl Strategy<Value = (Settings, String)> {
    let content_sha256 = prop::sample::select(vec![ContentSha256::Written, ContentSha256::Absent]);
    let style_and_path = prop_oneof![
        (Just(PathStyle::S3), path(encoded())),
        // Any character that a URI takes, encoded or not.
        (
            Just(PathStyle::Normalised),
            path("[!$-.0-;=@-Z_a-z~]{0,12}".boxed())
        ),
    ];
    (style_and_path, content_sha256).prop_map(|((path_style, path), content_sha256)| {
        let settings = Settings {
            path_style,
            content_sha256,
            signed_headers: HeaderSelection::Minimal,
        };
        (settings, path)
    })
}

fn path(segment: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let dots = prop::sample::select(vec!["", ".", ".."]).prop_map(str::to_owned);
    vec(prop_oneof![3 => segment, 1 => dots], 0..7)
        .prop_map(|segments| format!("/{}", segments.join("/")))
        .prop_filter("a trailing dot segment", |path| {
            !path.ends_with("/.") && !path.ends_with("/..")
        })
}

/// Bytes in their canonical encoding; a key's slash has none.
fn encoded() -> BoxedStrategy<String> {
    vec(
        any::<u8>().prop_filter("a slash", |byte| *byte != b'/'),
        0..12,
    )
    .prop_map(|bytes| bytes.into_iter().map(percent_encoded).collect())
    .boxed()
}

/// Names and values, some encoded and some spelled as clients do it.
fn query() -> impl Strategy<Value = String> {
    let text = || {
        prop_oneof![
            ".{0,8}".prop_map(|text| text.bytes().map(percent_encoded).collect()),
            "[!$-%'-;@-Z_a-z~?]{0,8}".prop_filter("half an encoded character", |text: &String| {
                !decodes_to_invalid_utf_8(text)
            }),
            "(%[2-7][0-9a-fA-F]|[a-z+]){0,8}",
        ]
    };
    let parameter = (text(), option::of(text())).prop_map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    });
    vec(parameter, 0..6).prop_map(|parameters| parameters.join("&"))
}

fn decodes_to_invalid_utf_8(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'%' && pair[1].to_ascii_lowercase() > b'7')
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        4 => "x-amz-(meta-[ab-]{1,2}|acl|target)",
        1 => Just("content-type".to_owned()),
        1 => Just("content-md5".to_owned()),
        2 => prop::sample::select(NOT_SIGNED.to_vec()).prop_map(str::to_owned),
    ];
    (name, "( {0,3}[!-~é€]{0,3}){0,4} {0,2}")
}

fn percent_encoded(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}
