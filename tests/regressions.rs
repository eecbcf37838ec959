//! Faults that users reported of other signing proxies: here, none of them.
//!
//! What only the wire shows is in `tests/e2e/tests/regressions.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only #[test] functions for tests, not what they call"
)]

use std::time::SystemTime;

use sigv4_egress::config::{self, Config, Plugin};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::decision::{Decision, Head, Plan, decide};
use sigv4_egress::policy::NO_ROUTE_METADATA;
use sigv4_egress::sigv4::{
    ContentSha256, HeaderSelection, PathStyle, Payload, Request, Settings, canonical_request,
};

/// How a GET of `target` at `host` is signed.
fn plan(host: &str, target: &str) -> Plan {
    let headers = [(":method", "GET"), (":authority", host), (":path", target)];
    let headers = headers.map(|(name, value)| (name, value.as_bytes()));
    let head = Head {
        headers: &headers,
        cluster: &|| Some("sigv4-egress-aws".to_owned()),
        port: &|| None,
        over_tls: &|| false,
        route_metadata: NO_ROUTE_METADATA,
        own_keys: &sigv4_egress::own_keys::OwnKeys::default,
        end_of_stream: true,
    };
    match decide(&config(), head) {
        Decision::Sign(plan) => plan,
        other => panic!("{host} is not signed: {other:?}"),
    }
}

fn config() -> Config {
    let json = br#"{"role_arn": "arn:aws:iam::123456789012:role/app", "region": "eu-west-1", "allow": "*"}"#;
    match config::parse(json, &Default::default()).unwrap() {
        Plugin::Downstream(config) => *config,
        other => panic!("this does not sign: {other:?}"),
    }
}

#[track_caller]
fn check_service(host: &str, service: &str) {
    assert_eq!(plan(host, "/").service, service, "{host}");
}

/// Path and query as they are signed for `host`.
#[track_caller]
fn check_signed(host: &str, target: &str, expected: &str) {
    let plan = plan(host, target);
    let headers: [(&str, &str); 0] = [];
    let request = Request {
        method: "GET",
        host: plan.authority.as_bytes(),
        path_and_query: target.as_bytes(),
        headers: &headers,
        payload: Payload::Empty,
    };
    let settings = Settings {
        path_style: plan.path_style,
        content_sha256: ContentSha256::Written,
        signed_headers: HeaderSelection::Minimal,
    };
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: Secret::new("secret"),
        session_token: Secret::new("token"),
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let canonical = canonical_request(
        &request,
        settings,
        &plan.scope(),
        &credentials,
        SystemTime::UNIX_EPOCH,
    );
    let text = String::from_utf8(canonical.text).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).take(2).collect();
    assert_eq!(lines.join("?"), expected, "{host} {target}");
}

const S3: &str = "s3.eu-west-1.amazonaws.com";

/// RDS, Neptune and DocumentDB share a host; the order of a map chose among their names.
/// <https://github.com/awslabs/aws-sigv4-proxy/issues/64>
#[test]
fn a_host_that_several_services_share_has_one_signing_name() {
    check_service("rds.ap-northeast-1.amazonaws.com", "rds");
}

/// <https://github.com/awslabs/aws-sigv4-proxy/issues/226>
#[test]
fn sagemaker_s_runtime_host_is_signed_as_sagemaker() {
    check_service("runtime.sagemaker.us-west-2.amazonaws.com", "sagemaker");
}

/// <https://github.com/awslabs/aws-sigv4-proxy/issues/176>
#[test]
fn a_colon_in_an_s3_key_is_signed_encoded() {
    check_signed(S3, "/bucket/10:30:00.json", "/bucket/10%3A30%3A00.json?");
    check_signed(
        S3,
        "/bucket/10%3A30%3A00.json",
        "/bucket/10%3A30%3A00.json?",
    );
}

/// <https://github.com/awslabs/aws-sigv4-proxy/issues/246>
#[test]
fn an_escape_in_an_s3_key_is_signed_once_encoded() {
    check_signed(S3, "/bucket/test%2F.txt", "/bucket/test/.txt?");
    // The key holds the three characters `%2F`.
    check_signed(S3, "/bucket/test%252F.txt", "/bucket/test%252F.txt?");
}

/// <https://github.com/envoyproxy/envoy/issues/35023>
#[test]
fn an_s3_key_is_not_encoded_twice() {
    assert_eq!(plan(S3, "/").path_style, PathStyle::S3);
    check_signed(S3, "/bucket/a%20b", "/bucket/a%20b?");
    check_signed(
        "sqs.eu-west-1.amazonaws.com",
        "/queue/a%20b",
        "/queue/a%2520b?",
    );
}

/// <https://github.com/envoyproxy/envoy/issues/42165>
#[test]
fn an_at_sign_in_an_s3_key_is_signed_encoded_beside_what_is_encoded_already() {
    check_signed(S3, "/bucket/mac@2x.png", "/bucket/mac%402x.png?");
    check_signed(S3, "/bucket/mac@2x%20a.png", "/bucket/mac%402x%20a.png?");
}

/// <https://github.com/envoyproxy/envoy/issues/40523>
#[test]
fn a_plus_in_a_query_is_a_space_and_an_encoded_one_a_plus() {
    check_signed(
        S3,
        "/bucket?prefix=a+b%2Bc%20d",
        "/bucket?prefix=a%20b%2Bc%20d",
    );
}
