//! Each rule as a table, with an invented clock.

use super::rules::{advisory_window, mandatory_window};
use super::*;
use crate::credentials::Secret;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod flush;

const WAIT: Duration = Duration::from_secs(5);
const LEASE: Duration = Duration::from_secs(7);
const HOUR: u64 = 3600;
const LEAST: u32 = 0;
const MOST: u32 = u32::MAX;
const RETRIES: [Retry; 4] = [Retry::Soon, Retry::Twice, Retry::BackOff, Retry::Unlikely];

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + secs(1_000_000 + seconds)
}

fn at_ms(ms: u64) -> SystemTime {
    at(0) + Duration::from_millis(ms)
}

fn pace(text: &str) -> Pace {
    Pace::parse(text).expect("a pace")
}

fn credentials(key: &str, expires_at: SystemTime) -> Credentials {
    Credentials {
        access_key_id: key.to_owned(),
        secret_access_key: Secret::new("sample-secret-key"),
        session_token: Secret::new("sample-session-token"),
        expires_at,
    }
}

fn failure(retry: Retry) -> Failure {
    Failure {
        cause: "STS is away".to_owned(),
        advice: "wait".to_owned(),
        retry,
    }
}

/// Credentials "A", fetched at 0.
fn ready(lifetime: u64, jitter: u32) -> Record {
    Record::default().leased(1, at(0), LEASE).succeeded(
        1,
        credentials("A", at(lifetime)),
        at(0),
        jitter,
        Pace::REAL,
    )
}

/// A fetch that failed.
fn failed(record: &Record, retry: Retry, now: SystemTime, jitter: u32) -> Record {
    record
        .leased(1, now, LEASE)
        .failed(1, failure(retry), now, jitter, Pace::REAL)
}

/// The shortest and the longest pause after a failure.
fn pause(record: &Record, retry: Retry, now: SystemTime) -> [Duration; 2] {
    [LEAST, MOST].map(|jitter| {
        let record = failed(record, retry, now, jitter);
        record.not_before.unwrap().duration_since(now).unwrap()
    })
}

#[track_caller]
fn check_fetch_from(record: &Record, moment: SystemTime) {
    let before = moment - Duration::from_millis(1);
    assert_eq!(record.next(before, Demand::Wanted), Next::Rest);
    assert_eq!(record.next(moment, Demand::Wanted), Next::Fetch);
    assert_eq!(record.due(before, Demand::Wanted), Some(moment));
}

#[test]
fn windows_follow_the_lifetime() {
    let short = "0.15";
    for (lifetime, factor, advisory, mandatory) in [
        (60, "1", 45, 6),
        (300, "1", 225, 30),
        (400, "1", 300, 40),
        (600, "1", 300, 60),
        (900, "1", 300, 60),
        (1200, "1", 300, 60),
        (1201, "1", 900, 60),
        (HOUR, "1", 900, 60),
        (5399, "1", 900, 60),
        (5400, "1", 3600, 60),
        (43200, "1", 3600, 60),
        // What the long tests run with.
        (60, short, 45, 6),
        (540, short, 135, 9),
    ] {
        let (lifetime, pace) = (secs(lifetime), pace(factor));
        assert_eq!(
            (
                advisory_window(lifetime, pace),
                mandatory_window(lifetime, pace)
            ),
            (secs(advisory), secs(mandatory)),
            "{lifetime:?} at {factor}"
        );
    }
}

#[test]
fn a_refresh_is_due_in_the_first_third_of_the_advisory_window() {
    for (lifetime, first, last) in [(900, 600, 700), (HOUR, 2700, 3000), (43200, 39600, 40800)] {
        check_fetch_from(&ready(lifetime, LEAST), at(first));
        check_fetch_from(&ready(lifetime, MOST), at(last));
    }
}

#[test]
fn a_hundred_processes_that_start_together_refresh_apart() {
    let mut minutes = [0; 5];
    for part in 0..100 {
        let record = ready(HOUR, part * (u32::MAX / 100));
        let due = record.due(at(0), Demand::Wanted).unwrap();
        minutes[usize::try_from(due.duration_since(at(2700)).unwrap().as_secs() / 60).unwrap()] +=
            1;
    }
    assert!(
        minutes.iter().all(|count| (18..=22).contains(count)),
        "{minutes:?}"
    );
}

#[test]
fn nothing_is_fetched_for_nobody() {
    for record in [Record::default(), ready(HOUR, LEAST)] {
        assert_eq!(record.next(at(HOUR + 1), Demand::Idle), Next::Rest);
        assert_eq!(record.due(at(HOUR + 1), Demand::Idle), None);
        assert_eq!(record.next(at(HOUR + 1), Demand::Wanted), Next::Fetch);
    }
}

#[test]
fn the_first_fetch_is_spread_and_waits_for_no_request() {
    for (jitter, first) in [(LEAST, 0), (u32::MAX / 2, 1000), (MOST, 2000)] {
        let record = Record::started(at(0), secs(2), jitter);
        assert_eq!(
            record.next(at_ms(first), Demand::Wanted),
            Next::Fetch,
            "{first} ms"
        );
        assert_eq!(record.next(at(0), Demand::Waiting), Next::Fetch);
        assert_eq!(record.lookup(at(0), Duration::ZERO), Lookup::Wait);
        if first > 0 {
            assert_eq!(record.next(at_ms(first - 1), Demand::Wanted), Next::Rest);
        }
    }
}

#[test]
fn a_request_that_waits_ends_no_pause_after_a_failure() {
    let record = failed(&Record::default(), Retry::BackOff, at(0), MOST);
    assert_eq!(record.next(at_ms(499), Demand::Waiting), Next::Rest);
    assert_eq!(record.next(at_ms(500), Demand::Waiting), Next::Fetch);
}

#[test]
fn one_lease_keeps_everybody_else_from_fetching_until_it_ends() {
    let record = Record::default().leased(1, at(0), LEASE);
    assert_eq!(record.next(at(6), Demand::Waiting), Next::Rest);
    assert_eq!(record.lookup(at(6), WAIT), Lookup::Wait);
    // The leader died: the lease ends by itself.
    check_fetch_from(&record, at(7));
}

#[test]
fn a_lease_can_be_given_back_by_its_owner_alone() {
    let record = Record::default().leased(1, at(0), LEASE);
    assert_eq!(record.released(2).next(at(1), Demand::Wanted), Next::Rest);
    assert_eq!(record.released(1).next(at(1), Demand::Wanted), Next::Fetch);
}

#[test]
fn credentials_sign_until_they_expire_and_not_after() {
    let record = ready(HOUR, LEAST);
    assert!(matches!(
        record.lookup(at(HOUR - 1), WAIT),
        Lookup::Ready(_)
    ));
    assert_eq!(record.lookup(at(HOUR), WAIT), Lookup::Wait);
}

#[test]
fn pauses_follow_what_is_left_of_the_credentials() {
    let ms = Duration::from_millis;
    let back_off = [secs(300), secs(600)];
    let close = [secs(5), secs(10)];
    let cached_error = [secs(1), secs(5)];
    let record = ready(HOUR, LEAST);
    for (now, soon, twice, back_off_, unlikely) in [
        // Long before the mandatory window, which begins at 3540.
        (2700, back_off, [ms(500), secs(1)], back_off, back_off),
        // The pause ends where the mandatory window begins.
        (
            3100,
            [secs(300), secs(440)],
            [ms(500), secs(1)],
            [secs(300), secs(440)],
            [secs(300), secs(440)],
        ),
        (
            3530,
            [secs(10); 2],
            [ms(500), secs(1)],
            [secs(10); 2],
            [secs(10); 2],
        ),
        // In the mandatory window, where a pause ends with the credentials, and after expiry.
        (3540, close, [ms(500), secs(1)], close, close),
        (3590, close, [ms(500), secs(1)], close, close),
        (
            3593,
            [secs(5), secs(7)],
            [ms(500), secs(1)],
            [secs(5), secs(7)],
            [secs(5), secs(7)],
        ),
        (
            3599,
            [secs(1); 2],
            [ms(500), secs(1)],
            [secs(1); 2],
            [secs(1); 2],
        ),
        (HOUR, close, [ms(500), secs(1)], close, cached_error),
        (2 * HOUR, close, [ms(500), secs(1)], close, cached_error),
    ] {
        for (retry, expected) in RETRIES.into_iter().zip([soon, twice, back_off_, unlikely]) {
            assert_eq!(
                pause(&record, retry, at(now)),
                expected,
                "{retry:?} at {now}"
            );
        }
    }
}

#[test]
fn a_process_without_credentials_tries_again_quickly_and_ever_less_so() {
    let pause = |failures, retry| {
        let record = Record {
            failures,
            ..Record::default()
        };
        pause(&record, retry, at(0)).map(|pause| pause.as_millis())
    };
    for (retry, failures, expected) in [
        (Retry::Soon, 0, [25, 50]),
        (Retry::Soon, 1, [50, 100]),
        (Retry::Soon, 5, [500, 1000]),
        (Retry::Soon, 40, [500, 1000]),
        (Retry::Twice, 0, [500, 1000]),
        (Retry::Twice, 1, [1000, 2000]),
        (Retry::Twice, 2, [1000, 5000]),
        (Retry::BackOff, 0, [250, 500]),
        (Retry::BackOff, 1, [500, 1000]),
        (Retry::BackOff, 4, [4000, 8000]),
        (Retry::BackOff, 5, [5000, 10_000]),
        (Retry::BackOff, 40, [5000, 10_000]),
        (Retry::Unlikely, 0, [1000, 5000]),
        (Retry::Unlikely, 40, [1000, 5000]),
    ] {
        assert_eq!(
            pause(failures, retry),
            expected,
            "{retry:?} after {failures}"
        );
    }
}

#[test]
fn all_durations_shrink_with_the_pace() {
    let pace = pace("0.01");
    let hour = Record::default().leased(1, at(0), LEASE).succeeded(
        1,
        credentials("A", at(36)),
        at(0),
        LEAST,
        pace,
    );
    check_fetch_from(&hour, at(27));
    let pause = |record: &Record, retry, now: SystemTime| {
        let failed = record
            .leased(1, now, LEASE)
            .failed(1, failure(retry), now, LEAST, pace);
        failed
            .not_before
            .unwrap()
            .duration_since(now)
            .unwrap()
            .as_millis()
    };
    assert_eq!(pause(&hour, Retry::BackOff, at(27)), 3000);
    assert_eq!(pause(&hour, Retry::BackOff, at(36)), 50);
    assert_eq!(pause(&hour, Retry::Unlikely, at(36)), 10);
    assert_eq!(pause(&Record::default(), Retry::BackOff, at(0)), 2);
}

#[test]
fn a_failed_refresh_keeps_the_credentials() {
    for retry in RETRIES {
        let record = failed(&ready(HOUR, LEAST), retry, at(2700), MOST);
        assert!(
            matches!(record.lookup(at(HOUR - 1), WAIT), Lookup::Ready(_)),
            "{retry:?}"
        );
        assert!(record.failure.is_some());
    }
}

#[test]
fn an_error_that_cannot_heal_is_answered_at_once_while_it_is_cached() {
    for record in [Record::default(), ready(HOUR, LEAST)] {
        let now = |ms| at(HOUR) + Duration::from_millis(ms);
        let record = failed(&record, Retry::Unlikely, now(0), MOST);
        assert!(matches!(
            record.lookup(now(4999), secs(60)),
            Lookup::Unavailable(_)
        ));
        // Then it is tried again, and a request waits for what comes of it.
        assert_eq!(record.lookup(now(5000), WAIT), Lookup::Wait);
        assert_eq!(record.next(now(5000), Demand::Wanted), Next::Fetch);
    }
}

#[test]
fn requests_wait_only_if_the_next_try_comes_while_they_may() {
    let record = failed(&ready(HOUR, LEAST), Retry::BackOff, at(HOUR), MOST);
    assert!(matches!(
        record.lookup(at(HOUR), WAIT),
        Lookup::Unavailable(_)
    ));
    assert_eq!(record.lookup(at(HOUR + 5), WAIT), Lookup::Wait);
}

#[test]
fn a_provider_that_could_not_be_asked_is_asked_again_twice() {
    for mut record in [Record::default(), ready(HOUR, LEAST)] {
        for expected in [Retry::Twice, Retry::Twice, Retry::Unlikely] {
            record = failed(&record, Retry::Twice, at(2700), LEAST);
            assert_eq!(
                record.failure.as_ref().map(|failure| failure.retry),
                Some(expected)
            );
        }
    }
}

#[test]
fn a_success_forgets_the_failure_and_gives_the_lease_back() {
    let record = failed(&Record::default(), Retry::BackOff, at(0), LEAST)
        .leased(1, at(1), LEASE)
        .succeeded(1, credentials("A", at(HOUR)), at(2), LEAST, Pace::REAL);
    assert_eq!((&record.failure, record.lease), (&None, None));
    assert_eq!(
        pause(&record, Retry::Twice, at(HOUR))[0],
        Duration::from_millis(500)
    );
}

#[test]
fn what_the_leader_fetches_replaces_even_what_lives_longer() {
    // Else a role whose sessions were made shorter would be fetched without end.
    let record = ready(HOUR, LEAST)
        .stale("A", at(10), LEAST, Pace::REAL)
        .unwrap()
        .leased(1, at(10), LEASE)
        .succeeded(1, credentials("B", at(910)), at(10), LEAST, Pace::REAL);
    assert_eq!(record.usable(at(11)).unwrap().access_key_id, "B");
    assert_eq!(record.next(at(11), Demand::Wanted), Next::Rest);
}

#[test]
fn a_late_leader_frees_no_lease_of_another_and_changes_nothing_for_worse() {
    let others = Record::default()
        .leased(1, at(0), LEASE)
        .leased(2, at(10), LEASE)
        .succeeded(2, credentials("B", at(HOUR)), at(11), LEAST, Pace::REAL)
        .leased(3, at(12), LEASE);
    let shorter = credentials("A", at(HOUR - 1));
    assert_eq!(
        others.succeeded(1, shorter, at(13), LEAST, Pace::REAL),
        others
    );
    assert_eq!(
        others.failed(1, failure(Retry::BackOff), at(13), MOST, Pace::REAL),
        others
    );
    let longer = credentials("A", at(HOUR + 1));
    let record = others.succeeded(1, longer, at(13), LEAST, Pace::REAL);
    assert_eq!(record.usable(at(14)).unwrap().access_key_id, "A");
    assert_eq!(record.lease, others.lease);
}

#[test]
fn credentials_that_aws_calls_expired_are_fetched_anew_and_sign_meanwhile() {
    let record = ready(HOUR, LEAST);
    for (jitter, due) in [(LEAST, 100), (MOST, 105)] {
        let stale = record.stale("A", at(100), jitter, Pace::REAL).unwrap();
        check_fetch_from(&stale, at(due));
        assert!(matches!(stale.lookup(at(HOUR - 1), WAIT), Lookup::Ready(_)));
    }
}

#[test]
fn a_pause_after_a_failure_goes_on_when_aws_calls_credentials_expired() {
    let record = failed(&ready(HOUR, MOST), Retry::BackOff, at(2750), LEAST);
    let stale = record.stale("A", at(2760), LEAST, Pace::REAL).unwrap();
    check_fetch_from(&stale, at(3050));
}

#[test]
fn only_the_credentials_that_signed_are_called_expired_and_once_a_minute() {
    let stale = |record: &Record, key, now| record.stale(key, at(now), LEAST, Pace::REAL);
    assert_eq!(stale(&Record::default(), "A", 1), None);
    let record = ready(HOUR, LEAST);
    assert_eq!(stale(&record, "B", 100), None);
    assert_eq!(stale(&record, "A", 2700), None, "due anyway");
    let forced = stale(&record, "A", 100).unwrap();
    assert_eq!(stale(&forced, "A", 101), None, "due already");
    let fetched = forced.leased(1, at(100), LEASE).succeeded(
        1,
        credentials("B", at(HOUR + 100)),
        at(101),
        LEAST,
        Pace::REAL,
    );
    assert_eq!(stale(&fetched, "A", 102), None, "replaced");
    assert_eq!(stale(&fetched, "B", 159), None, "less than a minute ago");
    assert!(stale(&fetched, "B", 160).is_some());
}

#[test]
fn a_clock_that_steps_back_holds_nothing_up_without_end() {
    let early = |record: &Record| record.next(at(0) - secs(100_000), Demand::Wanted);
    let first = failed(&Record::default(), Retry::BackOff, at(0), MOST);
    assert_eq!(early(&first), Next::Fetch);
    assert_eq!(
        early(&Record::default().leased(1, at(0), LEASE)),
        Next::Fetch
    );
    // A small step is no reason to fetch twice.
    let leased = Record::default().leased(1, at(0), LEASE);
    assert_eq!(leased.next(at(0) - secs(5), Demand::Wanted), Next::Rest);
    // Credentials are as good as they were.
    let record = ready(HOUR, LEAST);
    assert!(matches!(record.lookup(UNIX_EPOCH, WAIT), Lookup::Ready(_)));
    assert_eq!(early(&record), Next::Rest);
    let stale = record.stale("A", at(100), LEAST, Pace::REAL).unwrap();
    assert_eq!(early(&stale), Next::Rest);
}

#[test]
fn a_record_survives_shared_data() {
    let survives = |record: Record| {
        assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
    };
    survives(Record::default());
    for retry in [Retry::Soon, Retry::Twice, Retry::BackOff, Retry::Unlikely] {
        let stale = failed(&ready(HOUR, LEAST), retry, at(5), LEAST)
            .stale("A", at(6), LEAST, Pace::REAL)
            .unwrap();
        survives(stale.leased(u64::MAX, at(6), LEASE));
    }
    for unreadable in [
        "",
        "[]",
        "{}",
        r#"{"credentials":1,"failures":0}"#,
        r#"{"credentials":{},"failures":0}"#,
        r#"{"failure":{"cause":"","advice":"","retry":"Never"},"failures":0}"#,
        r#"{"not_before":"soon","failures":0}"#,
        r#"{"failures":4294967296}"#,
    ] {
        assert_eq!(
            Record::from_bytes(unreadable.as_bytes()),
            None,
            "{unreadable}"
        );
    }
    let first_form =
        br#"{"credentials":null,"failure":null,"lease":[1,2],"not_before":null,"failures":0}"#;
    assert_eq!(Record::from_bytes(first_form), None);
}

#[test]
fn a_pace_is_a_number_above_0_and_at_most_1() {
    for text in ["1", "1.0", "0.15", "0.000001"] {
        assert!(Pace::parse(text).is_some(), "{text}");
    }
    assert_eq!(Pace::parse("1"), Some(Pace::REAL));
    for text in [
        "",
        "0",
        "-0.1",
        "1.1",
        "0.0000001",
        "NaN",
        "inf",
        "1e300",
        "fast",
    ] {
        assert_eq!(Pace::parse(text), None, "{text}");
    }
}

#[test]
fn debug_shows_no_secret() {
    assert!(!format!("{:?}", ready(1, LEAST)).contains("sample-se"));
}

/// Credentials of this id that come at `now` from a host, after those of `before`.
fn given(before: &Record, id: &str, host: &str, first: Standing, now: u64) -> Record {
    let expires_at = at(now + HOUR);
    let leased = before.leased(1, at(now), LEASE);
    let new = leased.succeeded(1, credentials(id, expires_at), at(now), LEAST, Pace::REAL);
    let by = GivenBy { host, first };
    new.given_by(by, id, before, at(now), Pace::REAL)
}

#[test]
fn who_answered_in_the_place_of_the_first_is_asked_first_for_five_minutes() {
    let none = Record::default();
    let first = given(&none, "A", "one", Standing::Answers, 0);
    assert_eq!(
        first.credentials.as_ref().unwrap().sts_host.as_deref(),
        Some("one")
    );
    assert_eq!(first.preferred(at(1)), None);

    let other = given(&first, "B", "two", Standing::Failed, 10);
    assert_eq!(other.preferred(at(309)), Some("two"));
    assert_eq!(other.preferred(at(310)), None);
    // A clock that stepped back would stretch it.
    assert_eq!(other.preferred(at(9)), None);
    // It survives shared data and a failure, and AWS calling the credentials expired.
    let stored = Record::from_bytes(&other.to_bytes()).unwrap();
    assert_eq!(stored, other);
    let failed = failed(&other, Retry::BackOff, at(20), LEAST);
    assert_eq!(failed.preferred(at(30)), Some("two"));
    let stale = other.stale("B", at(40), LEAST, Pace::REAL).unwrap();
    assert_eq!(stale.preferred(at(50)), Some("two"));

    // A fetch that does not ask the first leaves the time; one that does sets it anew, or ends it.
    let again = given(&other, "C", "two", Standing::NotAsked, 200);
    assert_eq!(again.preferred(at(309)), Some("two"));
    assert_eq!(again.preferred(at(310)), None);
    let anew = given(&again, "D", "two", Standing::Failed, 400);
    assert_eq!(anew.preferred(at(699)), Some("two"));
    assert_eq!(
        given(&anew, "E", "one", Standing::Answers, 500).preferred(at(501)),
        None
    );
    // By way of the pod's own role, whose time it is.
    assert_eq!(
        given(&none, "F", "two", Standing::NotAsked, 0).preferred(at(1)),
        None
    );
}

#[test]
fn who_came_too_late_does_not_say_who_answered() {
    let record = given(&Record::default(), "A", "one", Standing::Answers, 0);
    let by = GivenBy {
        host: "two",
        first: Standing::Failed,
    };
    let late = record.clone().given_by(by, "B", &record, at(1), Pace::REAL);
    assert_eq!(late, record);
}

/// The version before does not write these keys, and does not read them.
#[test]
fn a_record_that_does_not_say_who_answered_is_read() {
    let record = given(&Record::default(), "A", "two", Standing::Failed, 0);
    let mut stored: serde_json::Value = serde_json::from_slice(&record.to_bytes()).unwrap();
    let cached = stored["credentials"].as_object_mut().unwrap();
    assert!(cached.remove("sts_host").is_some() && cached.remove("preferred_until").is_some());
    let read = Record::from_bytes(stored.to_string().as_bytes()).unwrap();
    assert_eq!(read.usable(at(1)), record.usable(at(1)));
    assert_eq!(read.preferred(at(1)), None);
}
