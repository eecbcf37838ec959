use super::*;
use crate::credentials::cache::{Record, Retry};
use crate::credentials::call::settings;
use crate::credentials::identity::{RoleArn, SessionDuration, SessionName, SessionPolicy};
use crate::credentials::outcome::Fetched;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{Duration, SystemTime};

fn web_identity() -> WebIdentity {
    WebIdentity {
        session: Session {
            role_arn: RoleArn::parse("arn:aws:iam::123456789012:role/a+b").unwrap(),
            name: SessionName::parse("ns.pod+=,@-_").unwrap(),
            duration: SessionDuration::of_web_identity(900),
            policy: Some(SessionPolicy::parse("{ \"é\": \"a b\" }").unwrap()),
        },
    }
}

#[test]
fn the_form_is_percent_encoded() {
    let token = Secret::new("eyJ.eyJ.c2ln/+");
    let mut source = web_identity();
    assert_eq!(
        source.body(&token).expose(),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Bb\
         &RoleSessionName=ns.pod%2B%3D%2C%40-_&DurationSeconds=900\
         &Policy=%7B%22%C3%A9%22%3A%22a%20b%22%7D&WebIdentityToken=eyJ.eyJ.c2ln%2F%2B"
    );
    (source.session.duration, source.session.policy) = (None, None);
    let body = source.body(&token);
    assert!(
        body.expose()
            .contains("&RoleSessionName=ns.pod%2B%3D%2C%40-_&WebIdentityToken=")
    );
    assert!(!format!("{body:?} {source:?}").contains("eyJ"));
}

fn context(own: &Record) -> Context<'_> {
    Context {
        settings: settings(),
        own,
        first: Turn::default(),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_464_000),
    }
}

#[track_caller]
fn call(progress: Progress<'_>) -> Call<'_> {
    match progress {
        Progress::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(progress: Progress<'_>) -> Failed {
    match progress {
        Progress::Failed(failed) => failed,
        other => panic!("{other:?}"),
    }
}

fn reply(expected: Expected, status: u16, body: &[u8]) -> Reply<'_> {
    Reply {
        expected,
        status,
        body,
        secrets: &[],
        turn: Turn::default(),
        sent_body: None,
        before: None,
    }
}

#[test]
fn the_token_is_read_first_and_then_exchanged_at_sts() {
    let own = Record::default();
    let (source, context) = (web_identity(), context(&own));
    let first = call(source.first_call(&context));
    assert_eq!((first.cluster, first.expected), ("token", Expected::Token));
    assert_eq!(first.headers.expose()[1], (":path", "/token"));

    let claims = r#"{"exp":1795464001,"aud":"sts.amazonaws.com"}"#;
    let token = ["{}", claims, "x"].map(|part| URL_SAFE_NO_PAD.encode(part));
    let token = token.join(".");
    let second = source.on_reply(&reply(Expected::Token, 200, token.as_bytes()), &context);
    let second = call(second);
    assert_eq!(
        (second.cluster, second.timeout, second.expected),
        ("sts", Duration::from_millis(2500), Expected::Credentials)
    );
    assert!(second.body.unwrap().expose().ends_with(&token));
    assert_eq!(second.sent, [Secret::new(token)]);
}

#[test]
fn what_fails_is_what_was_asked() {
    let own = Record::default();
    let (source, context) = (web_identity(), context(&own));
    for (expected, status, body, outcome, retry) in [
        (
            Expected::Token,
            0,
            "Envoy has no cluster",
            Fetched::TokenUnreachable,
            Retry::Soon,
        ),
        (Expected::Token, 404, "", Fetched::TokenStatus, Retry::Soon),
        (
            Expected::Token,
            200,
            "x",
            Fetched::TokenMalformed,
            Retry::Unlikely,
        ),
        (
            Expected::Credentials,
            0,
            "Envoy has no cluster",
            Fetched::Unreachable,
            Retry::BackOff,
        ),
        (
            Expected::Credentials,
            403,
            "{}",
            Fetched::Denied,
            Retry::Unlikely,
        ),
    ] {
        let failed = failed(source.on_reply(&reply(expected, status, body.as_bytes()), &context));
        assert_eq!((failed.outcome, failed.failure.retry), (outcome, retry));
        let says_why = failed.failure.cause.contains("no cluster");
        assert_eq!(says_why, outcome == Fetched::Unreachable, "{failed:?}");
    }
}
