use super::*;
use crate::credentials::Credentials;
use crate::credentials::cache::{Pace, Record};
use crate::credentials::call::{Call, Expected, settings};
use crate::credentials::failure::Failure;
use crate::credentials::identity::{RoleArn, SessionDuration, SessionName, SessionPolicy};
use std::time::{Duration, SystemTime};

fn chained_role() -> ChainedRole {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let tags = [("team", "a b"), ("cost", ""), ("pod", "x/y")].map(owned);
    ChainedRole {
        session: Session {
            role_arn: RoleArn::parse("arn:aws:iam::210987654321:role/b").unwrap(),
            name: SessionName::parse("ns.pod").unwrap(),
            duration: SessionDuration::of_chained_role(3600),
            policy: SessionPolicy::parse("{}").ok(),
        },
        external_id: ExternalId::parse("a:/b"),
        tags: Tags::parse(tags, ["team".to_owned(), "pod".to_owned()]).unwrap(),
        source_identity: SourceIdentity::parse("ns@cluster"),
    }
}

#[test]
fn the_form_has_all_its_parameters() {
    let mut source = chained_role();
    assert_eq!(
        source.body().expose(),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fb\
         &RoleSessionName=ns.pod&DurationSeconds=3600&Policy=%7B%7D&ExternalId=a%3A%2Fb\
         &Tags.member.1.Key=cost&Tags.member.1.Value=\
         &Tags.member.2.Key=pod&Tags.member.2.Value=x%2Fy\
         &Tags.member.3.Key=team&Tags.member.3.Value=a%20b\
         &TransitiveTagKeys.member.1=pod&TransitiveTagKeys.member.2=team\
         &SourceIdentity=ns%40cluster"
    );
    (source.session.duration, source.session.policy) = (None, None);
    let bare = ChainedRole {
        session: source.session,
        external_id: None,
        tags: Tags::default(),
        source_identity: None,
    };
    assert_eq!(
        bare.body().expose(),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fb\
         &RoleSessionName=ns.pod"
    );
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

fn with_credentials(until: SystemTime) -> Record {
    let credentials = Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new("own-secret-key"),
        session_token: Secret::new("own-session-token"),
        expires_at: until,
    };
    Record::default().succeeded(1, credentials, at(0), 0, Pace::REAL)
}

fn with_failure(retry: Retry) -> Record {
    let failure = Failure {
        cause: "denied".to_owned(),
        advice: "allow it".to_owned(),
        retry,
    };
    let leased = Record::default().leased(1, at(0), Duration::from_secs(7));
    leased.failed(1, failure, at(0), 0, Pace::REAL)
}

fn context(own: &Record, now: SystemTime) -> Context<'_> {
    Context {
        settings: settings(),
        own,
        first: Turn::default(),
        now,
    }
}

#[test]
fn the_call_is_signed_with_the_credentials_of_the_pods_own_role() {
    let own = with_credentials(at(3600));
    let Progress::Call(Call {
        cluster,
        headers,
        body,
        expected,
        sent,
        ..
    }) = chained_role().first_call(&context(&own, at(60)))
    else {
        panic!("no call");
    };
    assert_eq!((cluster, expected), ("sts", Expected::Credentials));
    assert_eq!(body, Some(chained_role().body()));
    let headers = headers.expose();
    let value = |name| headers.iter().find(|(other, _)| *other == name).unwrap().1;
    let signed = "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/";
    assert!(value("authorization").starts_with(signed));
    assert_eq!(value("x-amz-security-token"), "own-session-token");
    let (_, signature) = value("authorization").rsplit_once('=').unwrap();
    let secrets = [signature, "own-secret-key", "own-session-token"].map(Secret::new);
    assert_eq!(sent, secrets);
}

#[test]
fn without_credentials_that_sign_it_waits_or_fails_for_their_reason() {
    #[track_caller]
    fn check(own: &Record, now: SystemTime, waits: bool) {
        let progress = chained_role().first_call(&context(own, now));
        let expected = match waits {
            true => Progress::Later,
            false => Progress::Failed(Failed {
                outcome: Fetched::OwnRole,
                failure: own.failure.clone().unwrap(),
            }),
        };
        assert_eq!(progress, expected);
    }
    check(&Record::default(), at(0), true);
    check(&with_credentials(at(3600)), at(3600), true);
    check(&with_failure(Retry::Soon), at(0), true);
    check(&with_failure(Retry::BackOff), at(0), true);
    check(&with_failure(Retry::Unlikely), at(0), false);
}

#[test]
fn credentials_that_sts_calls_expired_are_those_of_the_pods_own_role() {
    let own = with_credentials(at(3600));
    for (code, is_of_own) in [("ExpiredToken", true), ("AccessDenied", false)] {
        let body = format!(r#"{{"Error":{{"Code":"{code}"}}}}"#);
        let reply = Reply {
            expected: Expected::Credentials,
            status: 403,
            body: body.as_bytes(),
            secrets: &[],
            turn: Turn::default(),
            sent_body: None,
            before: None,
        };
        let Progress::Failed(failed) = chained_role().on_reply(&reply, &context(&own, at(0)))
        else {
            panic!("{code}");
        };
        assert_eq!(failed.is_of_own_credentials(), is_of_own, "{code}");
    }
}

/// A region that is not enabled knows no credentials.
#[test]
fn a_host_that_does_not_know_the_credentials_gives_way_to_the_next() {
    let own = with_credentials(at(3600));
    let body = chained_role().body();
    for code in [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "RegionDisabledException",
    ] {
        let error = format!(r#"{{"Error":{{"Code":"{code}"}}}}"#);
        let reply = Reply {
            expected: Expected::Credentials,
            status: 403,
            body: error.as_bytes(),
            secrets: &[],
            turn: Turn::default(),
            sent_body: Some(&body),
            before: None,
        };
        let progress = chained_role().on_reply(&reply, &context(&own, at(0)));
        let Progress::Call(call) = progress else {
            panic!("{code}: {progress:?}");
        };
        assert_eq!(call.cluster, "sts-2", "{code}");
    }
}
