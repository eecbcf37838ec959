//! Flushes, as tables with an invented clock.

use super::*;

/// Those of "A" are flushed at `now`.
fn flushed(record: &Record, now: SystemTime) -> Record {
    record.flushed(now, now, Pace::REAL).expect("a flush")
}

fn leased(record: &Record, now: SystemTime) -> Record {
    record.leased(1, now, LEASE)
}

fn succeeded(record: &Record, key: &str, now: SystemTime) -> Record {
    let expires_at = now + secs(HOUR);
    record.succeeded(1, credentials(key, expires_at), now, LEAST, Pace::REAL)
}

#[test]
fn a_flush_makes_a_fetch_due_and_the_old_ones_sign_meanwhile() {
    let record = flushed(&ready(HOUR, LEAST), at(60));
    check_fetch_from(&record, at(60));
    assert_eq!(record.usable(at(70)).unwrap().access_key_id, "A");
    assert!(record.is_flushed());
    let record = succeeded(&leased(&record, at(60)), "B", at(61));
    assert!(!record.is_flushed());
    assert_eq!(record.usable(at(61)).unwrap().access_key_id, "B");
    check_fetch_from(&record, at(61 + 2700));
}

#[test]
fn a_flush_wants_a_fetch_that_began_after_it() {
    let under_way = leased(&ready(HOUR, LEAST), at(2700));
    let record = flushed(&under_way, at(2701));
    let record = succeeded(&record, "B", at(2702));
    assert!(record.is_flushed());
    check_fetch_from(&record, at(2702));
    // The same with the very first fetch.
    let record = flushed(&leased(&Record::default(), at(0)), at(1));
    let record = succeeded(&record, "A", at(2));
    assert_eq!(record.next(at(2), Demand::Wanted), Next::Fetch);
}

#[test]
fn who_asks_again_is_heard_once_in_half_a_minute() {
    let record = flushed(&ready(HOUR, LEAST), at(60));
    assert_eq!(record.flushed(at(60), at(60), Pace::REAL), None);
    let under_way = leased(&record, at(60));
    let again = flushed(&under_way, at(61));
    check_fetch_from(&succeeded(&again, "B", at(62)), at(90));
    let done = succeeded(&under_way, "B", at(62));
    check_fetch_from(&flushed(&done, at(63)), at(90));
    check_fetch_from(&flushed(&done, at(100)), at(100));
    // A clock that was set back by an hour.
    let done = succeeded(
        &leased(&flushed(&ready(HOUR, LEAST), at(1060)), at(1060)),
        "B",
        at(1061),
    );
    check_fetch_from(&flushed(&done, at(61)), at(61));
    // The same before the fetch has begun.
    let pending = flushed(&ready(HOUR, LEAST), at(1060));
    check_fetch_from(&flushed(&pending, at(61)), at(61));
}

#[test]
fn after_a_flush_that_fails_the_old_ones_sign_and_tries_follow_at_longer_pauses() {
    let mut record = flushed(&ready(HOUR, LEAST), at(60));
    let mut now = at(60);
    for [low, high] in [[15, 30], [30, 60], [60, 120], [120, 240], [150, 300]] {
        for retry in [Retry::Soon, Retry::BackOff, Retry::Unlikely] {
            assert_eq!(
                pause(&record, retry, now),
                [secs(low), secs(high)],
                "{retry:?}"
            );
        }
        record = failed(&record, Retry::BackOff, now, MOST);
        assert!(record.is_flushed());
        assert!(record.usable(now).is_some());
        now += secs(high);
        check_fetch_from(&record, now);
    }
    let asked_again = flushed(&failed(&record, Retry::BackOff, now, MOST), now + secs(40));
    check_fetch_from(&asked_again, now + secs(40));
}

#[test]
fn an_epoch_acts_once() {
    let pace = Pace::REAL;
    let of = |record: &Record, epoch: &str, now| record.of_epoch(epoch, now, now, pace);
    let fresh = of(&Record::started(at(0), secs(2), LEAST), "one", at(0)).unwrap();
    assert!(!fresh.is_flushed());
    let done = succeeded(&leased(&fresh, at(0)), "A", at(1));
    assert_eq!(of(&done, "one", at(2)), None);
    let next = of(&done, "two", at(100)).unwrap();
    assert_eq!(next.epoch(), Some("two"));
    assert!(next.is_flushed());
    for epoch in ["one", "two"] {
        assert_eq!(of(&next, epoch, at(101)), None, "{epoch}");
    }
    let stored = Record::from_bytes(&next.to_bytes()).unwrap();
    assert_eq!(stored, next);
    // What a record remembers has an end.
    let many = (0..100).fold(next, |record, n| {
        of(&record, &n.to_string(), at(200)).unwrap()
    });
    assert_eq!(many.epochs.len(), 16);
}

#[test]
fn an_epoch_spreads_over_twenty_seconds() {
    let [first, last] =
        [LEAST, MOST].map(|jitter| Record::moment_of_epoch(at(0), jitter, Pace::REAL));
    assert_eq!((first, last), (at(0), at(20)));
}

#[test]
fn an_idle_process_has_nothing_to_flush() {
    let started = Record::started(at(0), secs(2), LEAST);
    assert_eq!(started.flushed(at(1), at(1), Pace::REAL), None);
    let failed = failed(&started, Retry::Unlikely, at(2), MOST);
    let asked = flushed(&failed, at(3));
    assert_eq!(asked.lookup(at(3), WAIT), Lookup::Wait);
    assert!(!asked.is_flushed());
}

/// A version that knows nothing of flushes writes records without them, and fetches when one is due all the same.
#[test]
fn a_record_of_version_0_2_is_read_and_reads_a_flush_as_a_refresh_that_is_due() {
    let record = flushed(&ready(HOUR, LEAST), at(60));
    let mut stored: serde_json::Value = serde_json::from_slice(&record.to_bytes()).unwrap();
    for name in ["flush", "flushed_at", "epochs"] {
        assert!(stored.as_object_mut().unwrap().remove(name).is_some());
    }
    let old = Record::from_bytes(stored.to_string().as_bytes()).unwrap();
    assert!(!old.is_flushed());
    check_fetch_from(&old, at(60));
    let met = old.of_epoch("one", at(61), at(61), Pace::REAL).unwrap();
    assert!(met.is_flushed());
}
