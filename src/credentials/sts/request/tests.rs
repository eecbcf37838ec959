use std::time::Duration;

use aws_credential_types::Credentials as OracleCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use proptest::prelude::*;

use super::*;

fn role(arn: &str) -> RoleArn {
    RoleArn::parse(arn).unwrap()
}

fn name(text: &str) -> SessionName {
    SessionName::parse(text).unwrap()
}

fn credentials(token: &str) -> Credentials {
    Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: Secret::new(token),
        expires_at: SystemTime::UNIX_EPOCH,
    }
}

#[test]
fn the_form_of_the_first_role_is_percent_encoded() {
    let policy = SessionPolicy::parse("{ \"é\": \"a b\" }").unwrap();
    let token = Secret::new("eyJ.eyJ.c2ln/+");
    let mut call = AssumeRoleWithWebIdentity {
        role_arn: &role("arn:aws:iam::123456789012:role/a+b"),
        session_name: &name("ns.pod+=,@-_"),
        duration: SessionDuration::of_seconds(900),
        session_policy: Some(&policy),
        token: &token,
    };
    assert_eq!(
        call.body().expose(),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Bb\
         &RoleSessionName=ns.pod%2B%3D%2C%40-_&DurationSeconds=900\
         &Policy=%7B%22%C3%A9%22%3A%22a%20b%22%7D&WebIdentityToken=eyJ.eyJ.c2ln%2F%2B"
    );
    (call.duration, call.session_policy) = (None, None);
    let body = call.body();
    assert!(
        body.expose()
            .contains("&RoleSessionName=ns.pod%2B%3D%2C%40-_&WebIdentityToken=")
    );
    assert!(!format!("{body:?} {call:?}").contains("eyJ"));
}

#[test]
fn the_form_of_a_chained_role_has_all_its_parameters() {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let tags = [("team", "a b"), ("cost", ""), ("pod", "x/y")].map(owned);
    let tags = Tags::parse(tags, ["team".to_owned(), "pod".to_owned()]).unwrap();
    let call = AssumeRole {
        role_arn: &role("arn:aws:iam::210987654321:role/b"),
        session_name: &name("ns.pod"),
        duration: ChainedDuration::of_seconds(3600),
        session_policy: Some(&SessionPolicy::parse("{}").unwrap()),
        external_id: Some(&ExternalId::parse("a:/b").unwrap()),
        tags: &tags,
        source_identity: Some(&SourceIdentity::parse("ns@cluster").unwrap()),
    };
    assert_eq!(
        call.body().expose(),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fb\
         &RoleSessionName=ns.pod&DurationSeconds=3600&Policy=%7B%7D&ExternalId=a%3A%2Fb\
         &Tags.member.1.Key=cost&Tags.member.1.Value=\
         &Tags.member.2.Key=pod&Tags.member.2.Value=x%2Fy\
         &Tags.member.3.Key=team&Tags.member.3.Value=a%20b\
         &TransitiveTagKeys.member.1=pod&TransitiveTagKeys.member.2=team\
         &SourceIdentity=ns%40cluster"
    );
    let bare = AssumeRole {
        duration: None,
        session_policy: None,
        external_id: None,
        tags: &Tags::default(),
        source_identity: None,
        ..call
    };
    assert_eq!(
        bare.body().expose(),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fb\
         &RoleSessionName=ns.pod"
    );
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
        &mut Signer::default(),
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
        region in "[a-z]{2}-[a-z]{4,9}-[1-9]", tag in "[ -~&&[^*]]{0,40}", token in "[A-Za-z0-9/+=]{0,300}",
        seconds in 0..253_402_300_800_u64, session in "[a-zA-Z0-9_+=,.@-]{2,64}",
    ) {
        let tags = Tags::parse([("k".to_owned(), tag)], []).unwrap_or_default();
        let body = AssumeRole {
            role_arn: &role("arn:aws:iam::210987654321:role/b"),
            session_name: &name(&session),
            duration: None,
            session_policy: None,
            external_id: None,
            tags: &tags,
            source_identity: None,
        }.body();
        let host = format!("sts.{region}.example");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let ours = signed_headers(&host, &region, &body, &credentials(&token), &mut Signer::default(), now);
        let ours = owned(&ours);
        let (unsigned, added) = ours.split_at(5);
        prop_assert_eq!(unsigned, request_headers(&host).map(|(n, v)| (n.to_owned(), v.to_owned())));
        let mut added = added.to_vec();
        added.sort();
        prop_assert_eq!(added, oracle(&host, &region, body.expose(), &token, now));
    }
}

fn owned(headers: &CallHeaders) -> Vec<(String, String)> {
    let headers = headers.expose().into_iter();
    headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}
