use super::*;
use crate::credentials::Credentials;
use crate::credentials::cache::Pace;
use crate::credentials::call::settings;
use crate::credentials::identity::{RoleArn, Session, SessionName};
use crate::credentials::role::Roles;
use crate::credentials::source::web_identity::WebIdentity;
use std::time::Duration;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

/// Fetched at 0, with an end at 3600.
fn record(name: &str) -> Rc<Record> {
    let credentials = Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new(format!("{name}-secret-key")),
        session_token: Secret::new(format!("{name}-session-token")),
        expires_at: at(3600),
    };
    Rc::new(Record::default().succeeded(1, credentials, at(0), 0, Pace::REAL))
}

fn view(record: Option<Rc<Record>>, used_at: Option<u64>) -> View {
    View {
        record: record.unwrap_or_default(),
        used_at: used_at.map(at),
    }
}

fn context(own: &Rc<Record>) -> Context<'_> {
    Context {
        settings: settings(),
        own,
        first: Turn::default(),
        now: at(60),
    }
}

fn web_identity() -> CredentialSource {
    CredentialSource::WebIdentity(WebIdentity {
        session: Session {
            role_arn: RoleArn::parse("arn:aws:iam::123456789012:role/app").unwrap(),
            name: SessionName::parse("shop").unwrap(),
            duration: None,
            policy: None,
        },
    })
}

/// The ids of the pod's own role and of another one.
fn ids() -> [RoleId; 2] {
    let roles = Roles::new((), vec![()]);
    let mut ids = roles.iter().map(|(id, ())| id);
    [ids.next().unwrap(), ids.next().unwrap()]
}

#[test]
fn who_wants_a_fetch() {
    let [own, other] = ids();
    #[track_caller]
    fn check(id: RoleId, view: &View, anyone_waits: bool, now: u64, expected: Demand) {
        assert_eq!(view.demand(id, anyone_waits, at(now)), expected);
    }
    let (none, some) = (|| None, || Some(record("own")));
    // The pod's own is always wanted, and waited for when anybody waits: a chained role may.
    check(own, &view(none(), None), false, 0, Demand::Wanted);
    check(own, &view(none(), None), true, 0, Demand::Waiting);
    check(own, &view(none(), Some(0)), false, 0, Demand::Waiting);
    check(own, &view(some(), Some(0)), false, 60, Demand::Wanted);
    // Another is wanted by those who have asked since its credentials came.
    check(other, &view(none(), None), true, 0, Demand::Idle);
    check(other, &view(none(), Some(0)), false, 0, Demand::Waiting);
    check(other, &view(some(), None), false, 60, Demand::Idle);
    check(other, &view(some(), Some(1)), false, 60, Demand::Wanted);
    check(other, &view(some(), Some(1)), false, 3600, Demand::Waiting);
}

fn call(expected: Expected, sent: &[&str]) -> Call<'static> {
    let mut call = Call::to_token_listener(&settings(), "/token");
    call.expected = expected;
    call.sent = sent.iter().map(|secret| Secret::new(*secret)).collect();
    call
}

#[test]
fn shared_data_is_looked_at_when_there_may_be_news() {
    let [own, other] = ids();
    let mut fetches = Fetches::default();
    let look = |fetches: &Fetches, id, view: &View, now| fetches.look(id, view, false, at(now));
    let fresh = view(Some(record("own")), Some(0));
    assert_eq!(look(&fetches, own, &fresh, 60), None);
    assert_eq!(look(&fetches, own, &fresh, 3599), Some(Demand::Wanted));
    let empty = view(None, None);
    assert_eq!(look(&fetches, own, &empty, 0), Some(Demand::Wanted));
    assert_eq!(look(&fetches, other, &empty, 0), None);

    // Not while the reply to a fetch of this VM's own is still to come.
    fetches.wait(7, Fetch::new(own, &call(Expected::Token, &[])));
    assert_eq!(look(&fetches, own, &empty, 0), None);
    assert_eq!(fetches.roles().collect::<Vec<_>>(), [own]);
    assert!(fetches.take(8).is_none());
    assert_eq!(fetches.take(7).map(|fetch| fetch.role), Some(own));
    assert!(fetches.take(7).is_none());
    assert_eq!(look(&fetches, own, &empty, 0), Some(Demand::Wanted));
}

#[test]
fn a_failure_shows_no_secret_that_the_other_side_may_know() {
    let (own, record) = (record("own"), record("chosen"));
    let context = context(&own);
    let source = web_identity();
    let fetch = Fetch::new(RoleId::OWN, &call(Expected::Credentials, &["sent-token"]));
    let body = r#"{"Error":{"Code":"AccessDenied","Message":"no: sent-token own-secret-key own-session-token chosen-secret-key chosen-session-token"}}"#;
    let progress = fetch.go_on(&source, &record, &context, 403, body.as_bytes());
    let Progress::Failed(failed) = progress else {
        panic!("{progress:?}");
    };
    let redacted = "no: [redacted] [redacted] [redacted] [redacted] [redacted]";
    assert!(failed.failure.cause.contains(redacted), "{failed:?}");
}

/// What is wrong with the second host alone is no reason not to wait for the first.
#[test]
fn a_host_that_cannot_answer_does_not_say_when_another_may() {
    let own = record("own");
    let context = context(&own);
    let source = web_identity();
    let error = |code: &str| format!(r#"{{"Error":{{"Code":"{code}"}}}}"#);
    let after = |first: (u16, &str), second: (u16, &str)| {
        let mut to_sts = call(Expected::Credentials, &[]);
        to_sts.body = Some(Secret::new("Action=AssumeRoleWithWebIdentity"));
        let fetch = Fetch::new(RoleId::OWN, &to_sts);
        let progress = fetch.go_on(&source, &own, &context, first.0, first.1.as_bytes());
        let Progress::Call(next) = progress else {
            panic!("{progress:?}");
        };
        let fetch = Fetch::new(RoleId::OWN, &next);
        match fetch.go_on(&source, &own, &context, second.0, second.1.as_bytes()) {
            Progress::Failed(failed) => failed.failure.retry,
            other => panic!("{other:?}"),
        }
    };
    let disabled = error("RegionDisabledException");
    let denied = error("AccessDenied");
    for second in [(403, &*disabled), (404, "not found")] {
        assert_eq!(after((0, ""), second), Retry::BackOff, "{second:?}");
        assert_eq!(
            after((403, &disabled), second),
            Retry::Unlikely,
            "{second:?}"
        );
    }
    assert_eq!(after((0, ""), (403, &denied)), Retry::Unlikely);
}

#[test]
fn a_lease_outlasts_its_calls() {
    let listener = call(Expected::Token, &[]).timeout;
    assert!(settings().lease() > listener + settings().timeout);
}
