//! What is signed holds by AWS's own crate; what is not granted is not signed.

mod refused;

use super::*;
use crate::config::{self, Environment, Plugin};
use crate::credentials::{Credentials, Secret};
use crate::refusal::Answer;
use crate::sigv4::Signer;
use crate::timestamp::rfc3339;
use aws_credential_types::Credentials as OracleCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
    SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

pub(super) const NOW: Duration = Duration::from_secs(1_796_000_000);
const TOKEN: &str = "IQoJb3JpZ2luX2VjE/+=a b";

pub(super) fn now() -> SystemTime {
    UNIX_EPOCH + NOW
}

pub(super) const GRANTS: &str = r#"
    {"service": "s3", "buckets": ["reports", "team-*"], "methods": ["GET", "HEAD", "PUT", "DELETE", "POST"], "max_seconds": 3600},
    {"service": "s3", "buckets": ["uploads"], "methods": ["PUT"], "key_prefixes": ["in/"], "max_form_bytes": 1000000},
    {"service": "rds-db"}, {"service": "dsql"}, {"service": "elasticache"}, {"service": "memorydb"},
    {"service": "kafka-cluster"}, {"service": "eks", "clusters": ["prod-*"], "max_seconds": 60}"#;

pub(super) fn config_of(grants: &str, extra: &str) -> Config {
    let json = format!(
        r#"{{"allow": ["s3"], "role_arn": "arn:aws:iam::123456789012:role/a", "region": "eu-west-1",
            "presign": [{grants}]{extra}}}"#
    );
    match config::parse(json.as_bytes(), &Environment::new()) {
        Ok(Plugin::Downstream(config)) => *config,
        other => panic!("{json}: {other:?}"),
    }
}

/// One that may be presigned.
pub(crate) fn planned() -> Box<Planned> {
    let url = "https://reports.s3.eu-west-1.amazonaws.com/k";
    let body = format!("{url}?{}", placeholder("s3", "host"));
    plan(&config_of(GRANTS, ""), &exchange(), body.as_bytes(), now()).unwrap()
}

fn credentials(lifetime: u64) -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("secret"),
        session_token: Secret::new(TOKEN),
        expires_at: now() + Duration::from_secs(lifetime),
    }
}

pub(super) fn exchange() -> Exchange {
    Exchange {
        cluster: "sigv4-egress-aws".to_owned(),
        ..Exchange::default()
    }
}

/// What a program would get whose session ends in an hour.
pub(super) fn presign_with(config: &Config, body: &str) -> Result<Answer, Refusal> {
    let planned = plan(config, &exchange(), body.as_bytes(), now())?;
    let presigning = planned.presigning.as_deref().unwrap();
    let done = presigning.sign(
        &planned.plan,
        planned.payload.borrow(),
        &mut Signer::default(),
        &credentials(3600),
        now(),
        now(),
    )?;
    Ok(done.answer)
}

#[track_caller]
fn presigned(body: &str) -> String {
    let answer = presign_with(&config_of(GRANTS, ""), body).unwrap();
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap()
}

/// A signature of a placeholder's, as SDKs write it.
pub(super) fn placeholder(service: &str, headers: &str) -> String {
    format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=placeholder%2F20261130%2Feu-west-1%2F{service}%2Faws4_request\
         &X-Amz-Date=20261130T003320Z&X-Amz-Expires=60&X-Amz-SignedHeaders={headers}&X-Amz-Signature=0123"
    )
}

/// The URL that AWS's crate presigns.
fn oracle(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    service: &str,
    seconds: u64,
) -> String {
    let identity = OracleCredentials::new(
        "ASIAEXAMPLE",
        "secret",
        Some(TOKEN.to_owned()),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(seconds));
    settings.session_token_mode = SessionTokenMode::Include;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.excluded_headers = None;
    let mut body = SignableBody::Bytes(b"");
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        body = SignableBody::UnsignedPayload;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name(service)
        .time(now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let host = url.split('/').nth(2).unwrap();
    let all = [("host", host)].into_iter().chain(headers.iter().copied());
    let request = SignableRequest::new(method, url, all, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let (_, parameters) = instructions.into_parts();
    let mut url = url.to_owned();
    for (name, value) in parameters {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        let value = String::from_utf8(
            value
                .bytes()
                .flat_map(|byte| match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        vec![byte]
                    }
                    other => format!("%{other:02X}").into_bytes(),
                })
                .collect(),
        );
        url.push_str(&value.unwrap());
    }
    url
}

/// The parameters in any order.
fn parts(url: &str) -> (String, Vec<String>) {
    let (before, query) = url.split_once('?').unwrap();
    let mut parameters: Vec<String> = query.split('&').map(str::to_owned).collect();
    parameters.sort();
    (before.to_owned(), parameters)
}

#[track_caller]
fn check_url(url: &str, query: &str) {
    let signed = presigned(&format!("{url}?{query}{}", placeholder("s3", "host")));
    let target = [url, "?", query].concat();
    let target = target.trim_end_matches(['?', '&']);
    assert_eq!(
        parts(&signed),
        parts(&oracle("GET", target, &[], "s3", 60)),
        "{url}"
    );
}

#[test]
fn an_object_is_signed_as_by_awss_crate_wherever_its_host_has_the_bucket() {
    check_url("https://reports.s3.eu-west-1.amazonaws.com/a/b.pdf", "");
    check_url("https://s3.eu-west-1.amazonaws.com/reports/a/b.pdf", "");
    check_url("https://reports.s3.dualstack.eu-west-1.amazonaws.com/k", "");
    check_url(
        "https://team-a.s3.eu-west-1.amazonaws.com/k%20k%2B%C3%BC",
        "",
    );
    check_url(
        "https://reports.s3.eu-west-1.amazonaws.com/k",
        "response-content-disposition=attachment%3B%20filename%3D%22a.pdf%22&versionId=a.b&",
    );
    check_url(
        "https://reports.s3.eu-west-1.amazonaws.com/k",
        "X-Amz-Checksum-Mode=ENABLED&x-id=GetObject&",
    );
}

#[test]
fn http_becomes_https_and_the_loopback_endpoint_the_host_that_the_scope_means() {
    let at = |url: &str| presigned(&format!("{url}?{}", placeholder("s3", "host")));
    let expected = at("https://s3.eu-west-1.amazonaws.com/reports/k");
    assert_eq!(at("http://s3.eu-west-1.amazonaws.com/reports/k"), expected);
    assert_eq!(at("http://127.0.0.1:9911/reports/k"), expected);
    assert_eq!(at("http://localhost:9911/reports/k"), expected);
}

#[test]
fn methods_and_headers_come_in_json_and_so_does_the_answer() {
    let url = "https://reports.s3.eu-west-1.amazonaws.com/k?partNumber=2&uploadId=a";
    let asked = format!(
        "{url}&{}",
        placeholder("s3", "content-type%3Bhost%3Bx-amz-meta-a")
    );
    let body = json!({
        "url": asked,
        "method": "PUT",
        "headers": {"Content-Type": "image/png", "x-amz-meta-a": " b  c "},
    });
    let answer: Value = serde_json::from_str(&presigned(&body.to_string())).unwrap();
    let headers = [("content-type", "image/png"), ("x-amz-meta-a", "b c")];
    assert_eq!(
        parts(answer["url"].as_str().unwrap()),
        parts(&oracle("PUT", url, &headers, "s3", 60))
    );
    assert_eq!(answer["valid_seconds"], 60);
    assert_eq!(
        answer["expires_at"],
        rfc3339(now() + Duration::from_secs(60))
    );
}

#[test]
fn a_url_of_signature_version_2_comes_back_with_version_4() {
    let expires = NOW.as_secs() + 60;
    // Version 2 has no scope: the pod's region stands for what this host leaves open.
    let url = "https://reports.s3.amazonaws.com/k";
    let signed = presigned(&format!(
        "{url}?AWSAccessKeyId=placeholder&Signature=a%2Bb%3D&Expires={expires}"
    ));
    assert_eq!(parts(&signed), parts(&oracle("GET", url, &[], "s3", 60)));
}

#[test]
fn passwords_for_databases_and_caches_come_back_without_a_scheme() {
    for (host, service, query) in [
        (
            "db.abc.eu-west-1.rds.amazonaws.com:3306",
            "rds-db",
            "Action=connect&DBUser=app%2Fb&",
        ),
        (
            "abc.dsql.eu-west-1.on.aws",
            "dsql",
            "Action=DbConnectAdmin&",
        ),
        (
            "my-cache",
            "elasticache",
            "Action=connect&User=iam-user&ResourceType=ServerlessCache&",
        ),
        ("my-cluster", "memorydb", "Action=connect&User=iam-user&"),
    ] {
        let signed = presigned(&format!("{host}/?{query}{}", placeholder(service, "host")));
        let query = query.trim_end_matches('&');
        let expected = oracle("GET", &format!("https://{host}/?{query}"), &[], service, 60);
        assert_eq!(parts(&["https://", &signed].concat()), parts(&expected));
    }
}

#[test]
fn what_becomes_a_token_may_come_as_a_url_and_goes_back_as_one() {
    for (url, service) in [
        (
            "https://db.internal:5432/?Action=connect&DBUser=a",
            "rds-db",
        ),
        (
            "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect",
            "kafka-cluster",
        ),
    ] {
        let signed = presigned(&format!("{url}&{}", placeholder(service, "host")));
        assert_eq!(parts(&signed), parts(&oracle("GET", url, &[], service, 60)));
    }
}

#[test]
fn tokens_for_clusters_come_back_encoded_and_msks_user_agent_stays_unsigned() {
    let url = "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect";
    let asked = format!(
        "{url}&{}&User-Agent=aws-msk-iam%2F1",
        placeholder("kafka-cluster", "host")
    );
    let signed = presigned(&URL_SAFE_NO_PAD.encode(asked));
    let signed = String::from_utf8(URL_SAFE_NO_PAD.decode(signed).unwrap()).unwrap();
    let signed = signed.strip_suffix("&User-Agent=aws-msk-iam%2F1").unwrap();
    assert_eq!(
        parts(signed),
        parts(&oracle("GET", url, &[], "kafka-cluster", 60))
    );

    let url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    let asked = format!("{url}&{}", placeholder("sts", "host%3Bx-k8s-aws-id"));
    let token = ["k8s-aws-v1.", &URL_SAFE_NO_PAD.encode(asked)].concat();
    let body = json!({
        "token": token,
        "headers": {"x-k8s-aws-id": "prod-1"},
    });
    let answer: Value = serde_json::from_str(&presigned(&body.to_string())).unwrap();
    let token = answer["token"].as_str().unwrap();
    let encoded = token.strip_prefix("k8s-aws-v1.").unwrap();
    let signed = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
    let expected = oracle("GET", url, &[("x-k8s-aws-id", "prod-1")], "sts", 60);
    assert_eq!(parts(&signed), parts(&expected));
}

fn form(conditions: &Value, seconds: u64) -> String {
    let policy = json!({
        "expiration": rfc3339(now() + Duration::from_secs(seconds)),
        "conditions": conditions,
    });
    json!({"form": {
        "url": "https://uploads.s3.eu-west-1.amazonaws.com/",
        "fields": {
            "key": "in/${filename}",
            "Content-Type": "image/png",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": "placeholder/20261130/eu-west-1/s3/aws4_request",
            "x-amz-date": "20261130T003320Z",
            "Policy": STANDARD.encode(policy.to_string()),
            "x-amz-signature": "0123",
        },
    }})
    .to_string()
}

fn conditions() -> Value {
    json!([
        {"bucket": "uploads"},
        ["starts-with", "$key", "in/"],
        ["content-length-range", 1, 1000],
        {"Content-Type": "image/png"},
        {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
        {"x-amz-credential": "placeholder/20261130/eu-west-1/s3/aws4_request"},
        {"x-amz-date": "20261130T003320Z"},
    ])
}

#[test]
fn a_form_comes_back_with_a_policy_of_the_same_conditions() {
    let answer: Value = serde_json::from_str(&presigned(&form(&conditions(), 600))).unwrap();
    let fields = &answer["form"]["fields"];
    assert_eq!(
        answer["form"]["url"],
        "https://uploads.s3.eu-west-1.amazonaws.com/"
    );
    assert_eq!(fields["key"], "in/${filename}");
    let encoded = fields["Policy"].as_str().unwrap();
    let policy: Value = serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap();
    assert_eq!(
        policy["expiration"],
        rfc3339(now() + Duration::from_secs(600))
    );
    let credential = "ASIAEXAMPLE/20261130/eu-west-1/s3/aws4_request";
    assert_eq!(
        policy["conditions"],
        json!([
            {"bucket": "uploads"},
            ["starts-with", "$key", "in/"],
            ["content-length-range", 1, 1000],
            {"Content-Type": "image/png"},
            {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
            {"x-amz-credential": credential},
            {"x-amz-date": fields["x-amz-date"]},
            {"x-amz-security-token": TOKEN},
        ])
    );
    let key = v4::generate_signing_key("secret", now(), "eu-west-1", "s3");
    let signature = v4::calculate_signature(key, encoded.as_bytes());
    assert_eq!(fields["x-amz-signature"], signature);
    assert_eq!(fields["x-amz-credential"], credential);
    assert_eq!(fields["x-amz-security-token"], TOKEN);
}

#[test]
fn it_ends_with_the_credentials_and_is_refused_below_what_is_of_use() {
    let config = config_of(GRANTS, "");
    let url = format!(
        "https://reports.s3.eu-west-1.amazonaws.com/k?{}",
        placeholder("s3", "host").replace("Expires=60", "Expires=900")
    );
    let sign = |min_valid: u64, left: u64| {
        let body = json!({"url": url, "min_valid_seconds": min_valid}).to_string();
        let planned = plan(&config, &exchange(), body.as_bytes(), now()).unwrap();
        let presigning = planned.presigning.as_deref().unwrap();
        let signer = &mut Signer::default();
        presigning.sign(
            &planned.plan,
            planned.payload.borrow(),
            signer,
            &credentials(left),
            now(),
            now(),
        )
    };
    let seconds = |left| {
        let done = sign(0, left).unwrap();
        let answer: Value = serde_json::from_slice(&done.answer.body).unwrap();
        let url = answer["url"].as_str().unwrap().to_owned();
        let valid = answer["valid_seconds"].as_u64().unwrap();
        assert!(url.contains(&format!("X-Amz-Expires={valid}&")), "{url}");
        assert_eq!(done.expires_at, now() + Duration::from_secs(valid));
        valid
    };
    assert_eq!([900, 901, 3600].map(seconds), [900; 3]);
    assert_eq!([899, 300, 1].map(seconds), [899, 300, 1]);
    let too_soon = |seconds| Err(Refusal::PresignEndsTooSoon { seconds });
    assert_eq!(sign(0, 0).map(|_| ()), too_soon(0));
    assert_eq!(sign(300, 299).map(|_| ()), too_soon(299));
    assert!(sign(300, 300).is_ok());
}

#[test]
fn an_answer_says_until_when_and_is_never_kept() {
    let url = format!(
        "https://reports.s3.eu-west-1.amazonaws.com/k?{}",
        placeholder("s3", "host")
    );
    let answer = presign_with(&config_of(GRANTS, ""), &url).unwrap();
    let header = |name| {
        answer
            .headers
            .iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(header("content-type"), "text/plain");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(
        header(EXPIRES_HEADER),
        rfc3339(now() + Duration::from_secs(60))
    );
}

proptest! {
    #[test]
    fn any_key_and_any_header_is_signed_as_by_awss_crate(
        key in "[a-zA-Z0-9!*'()._~ /+=&@:,;$-]{1,40}",
        value in "[ -~]{0,30}",
        version in "[a-zA-Z0-9._-]{1,20}",
        put in any::<bool>(),
    ) {
        let encode = |text: &str| -> String {
            text.bytes().map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            }).collect()
        };
        prop_assume!(!key.split('/').any(|segment| matches!(segment, "." | "..")));
        let url = format!("https://reports.s3.eu-west-1.amazonaws.com/{}?versionId={version}", encode(&key));
        let asked = format!("{url}&{}", placeholder("s3", "host%3Bx-amz-meta-v"));
        let method = if put { "PUT" } else { "GET" };
        let body = json!({"url": asked, "method": method, "headers": {"x-amz-meta-v": value}});
        let answer: Value = serde_json::from_str(&presigned(&body.to_string())).unwrap();
        let expected = oracle(method, &url, &[("x-amz-meta-v", &value)], "s3", 60);
        prop_assert_eq!(parts(answer["url"].as_str().unwrap()), parts(&expected));
    }

    #[test]
    fn whatever_is_posted_is_answered(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let config = config_of(GRANTS, "");
        prop_assert!(plan(&config, &exchange(), &body, now()).is_err());
    }
}
