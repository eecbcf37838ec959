use super::*;
use aws_credential_types::Credentials as OracleCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use proptest::prelude::*;
use std::time::Duration;

fn credentials(token: &str) -> Credentials {
    Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: Secret::new(token),
        expires_at: SystemTime::UNIX_EPOCH,
    }
}

#[test]
fn the_region_is_that_of_the_host() {
    #[track_caller]
    fn check(host: &str, region: &str) {
        assert_eq!(signing_region(host, "ap-south-1"), region, "{host}");
    }
    check("sts.eu-west-1.amazonaws.com", "eu-west-1");
    check("sts.eu-west-1.amazonaws.com:8443", "eu-west-1");
    check("sts-fips.us-east-2.amazonaws.com", "us-east-2");
    check("sts.cn-north-1.amazonaws.com.cn", "cn-north-1");
    check("sts.amazonaws.com", "us-east-1");
    check(
        "vpce-0a1-b2c3.sts.eu-west-1.vpce.amazonaws.com",
        "eu-west-1",
    );
    check("sts.internal.example", "ap-south-1");
    check("127.0.0.1:5000", "ap-south-1");
    check("not a host", "ap-south-1");
}

#[test]
fn nothing_of_a_signed_call_can_be_printed_but_names() {
    let headers = signed_headers(
        "sts.amazonaws.com",
        "us-east-1",
        &Secret::new("Action=AssumeRole"),
        &credentials("very-secret-token"),
        SystemTime::UNIX_EPOCH,
    );
    let printed = format!("{headers:?}");
    assert!(printed.contains("x-amz-security-token"));
    assert!(!printed.contains("very-secret"), "{printed}");
}

/// What the `aws-sigv4` crate adds to the same call.
fn oracle(
    host: &str,
    region: &str,
    body: &str,
    token: &str,
    now: SystemTime,
) -> Vec<(String, String)> {
    let identity = OracleCredentials::from_keys(
        "ASIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        (!token.is_empty()).then(|| token.to_owned()),
    )
    .into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let request = SignableRequest::new(
        "POST",
        format!("https://{host}/"),
        [("content-type", CONTENT_TYPE)].into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )
    .unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let headers = instructions.headers();
    let mut headers: Vec<_> = headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    headers.sort();
    headers
}

proptest! {
    #[test]
    fn the_call_is_signed_as_the_aws_crate_signs_it(
        region in "[a-z]{2}-[a-z]{4,9}-[1-9]", body in "[ -~]{0,80}", token in "[A-Za-z0-9/+=]{0,300}",
        seconds in 0..253_402_300_800_u64,
    ) {
        let body = Secret::new(body);
        let host = format!("sts.{region}.example");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let ours = signed_headers(&host, &region, &body, &credentials(&token), now);
        let ours = owned(&ours);
        let (unsigned, added) = ours.split_at(5);
        prop_assert_eq!(unsigned, owned(&request_headers(&host)));
        let mut added = added.to_vec();
        added.sort();
        prop_assert_eq!(added, oracle(&host, &region, body.expose(), &token, now));
    }
}

fn owned(headers: &CallHeaders) -> Vec<(String, String)> {
    let headers = headers.expose().into_iter();
    headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}
