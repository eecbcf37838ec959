use crate::chunked::Form;
use crate::decision::PayloadPlan;
use crate::refusal::Reason;
use crate::request::judge::{
    ALL, Capabilities, Close, Judge, LIMITS, MAX_BODY_BYTES, Reply, STREAMED, Sent, chunks, denied,
    exchange, left_alone, nothing, ready,
};
use crate::request::lifecycle::Warning;
use std::rc::Rc;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(10);

fn streamed(body: &[u8]) -> Sent {
    Sent::new(PayloadPlan::Streamed(STREAMED.to_owned()), body)
}

fn hashed(body: &[u8]) -> Sent {
    Sent::new(PayloadPlan::Hashed, body)
}

fn chunk_signed(data: &[&str]) -> Sent {
    Sent::new(PayloadPlan::ChunkSigned(Form::Payload), &chunks(data))
}

/// The credentials come, and the root's next tick.
fn credentials_come(judge: &mut Judge) {
    judge.record = Rc::new(ready());
    judge.tick(SOON);
}

#[track_caller]
fn is_held(judge: &Judge, id: usize) {
    let x = judge.exchange(id);
    assert!(!x.has_passed && x.answer.is_none(), "{x:?}");
}

#[track_caller]
fn has_gone(judge: &Judge, id: usize) {
    let x = judge.exchange(id);
    assert!(x.passed_end && x.answer.is_none(), "{x:?}");
}

#[track_caller]
fn is_refused(judge: &Judge, id: usize, reason: Reason) {
    let x = judge.exchange(id);
    assert_eq!(x.answer, Some(Reply::Filter(reason)));
    assert!(!x.has_passed, "{x:?}");
}

#[test]
fn a_request_without_a_body_goes_on_as_soon_as_there_are_credentials() {
    let mut judge = Judge::new(ALL, ready());
    let now = judge.send(Sent::without_body());
    has_gone(&judge, now);
    judge.record = Rc::new(nothing());
    let later = judge.send(Sent::without_body());
    is_held(&judge, later);
    credentials_come(&mut judge);
    has_gone(&judge, later);
    judge.close();
}

#[test]
fn what_is_left_alone_goes_on_as_it_came() {
    let mut judge = Judge::new(ALL, nothing());
    let id = judge.send(left_alone(b"abc"));
    assert!(judge.exchange(id).has_passed);
    judge.part(id, 2);
    assert_eq!(judge.exchange(id).passed, b"ab");
    judge.rest(id);
    has_gone(&judge, id);
    assert_eq!(judge.exchange(id).header("authorization"), None);
    judge.close();
}

#[test]
fn a_hashed_body_is_held_until_its_end_however_it_ends() {
    for close in [Close::WithTheLastPart, Close::Alone, Close::WithTrailers] {
        let mut judge = Judge::new(ALL, ready());
        let id = judge.send(hashed(b"abcdef").without_length().closed(close));
        judge.part(id, 3);
        is_held(&judge, id);
        judge.rest(id);
        has_gone(&judge, id);
        let x = judge.exchange(id);
        assert_eq!(x.header("content-length"), Some("6"));
        assert_eq!(x.header("transfer-encoding"), None);
        judge.close();
    }
}

#[test]
fn a_body_whose_length_is_known_is_signed_with_its_last_byte() {
    let mut judge = Judge::new(ALL, ready());
    let id = judge.send(hashed(b"abc").closed(Close::WithTrailers));
    judge.part(id, 3);
    assert!(judge.exchange(id).has_passed);
    judge.rest(id);
    has_gone(&judge, id);
    judge.close();
}

/// Resumed from the root, it would lose its end.
#[test]
fn a_body_that_lacks_only_its_end_waits_for_it_where_there_are_no_credentials() {
    let mut judge = Judge::new(ALL, nothing());
    let id = judge.send(hashed(b"abc").closed(Close::Alone));
    judge.part(id, 3);
    credentials_come(&mut judge);
    is_held(&judge, id);
    judge.rest(id);
    has_gone(&judge, id);
    judge.close();
}

#[test]
fn a_body_is_held_no_longer_when_it_leaves_from_the_root() {
    let mut judge = Judge::new(ALL, nothing());
    let id = judge.send(hashed(b"abc"));
    judge.rest(id);
    assert_eq!(judge.workers[0].levels().held_bytes, 3);
    credentials_come(&mut judge);
    // AWS may take its time to answer.
    assert_eq!(judge.workers[0].levels().held_bytes, 0);
    has_gone(&judge, id);
    judge.close();
}

#[test]
fn an_upload_that_waits_with_half_a_body_goes_on_with_its_next_part() {
    let mut judge = Judge::new(ALL, nothing());
    let id = judge.send(streamed(b"abcdef"));
    judge.part(id, 2);
    credentials_come(&mut judge);
    is_held(&judge, id);
    judge.part(id, 2);
    assert_eq!(judge.exchange(id).passed, b"abcd");
    judge.rest(id);
    has_gone(&judge, id);
    judge.close();
}

#[test]
fn chunks_are_signed_in_parts_and_as_a_whole_from_the_root() {
    for parts in [0, 1, 5] {
        let mut judge = Judge::new(ALL, nothing());
        let id = judge.send(chunk_signed(&["hello", "world"]));
        for _ in 0..parts {
            judge.part(id, 20);
        }
        if parts == 0 {
            judge.rest(id);
        }
        credentials_come(&mut judge);
        judge.rest(id);
        has_gone(&judge, id);
        judge.close();
    }
}

#[test]
fn a_broken_chunk_ends_an_upload_that_has_begun_to_leave() {
    let mut judge = Judge::new(ALL, ready());
    let id = judge.send(Sent::new(
        PayloadPlan::ChunkSigned(Form::Payload),
        b"no chunk\r\n",
    ));
    assert!(judge.exchange(id).has_passed);
    judge.rest(id);
    let x = judge.exchange(id);
    assert_eq!(x.answer, Some(Reply::Filter(Reason::MalformedChunks)));
    assert!(!x.passed_end && x.passed.is_empty());
    judge.close();
}

#[test]
fn an_upgrade_is_not_parked() {
    let mut judge = Judge::new(ALL, nothing());
    let id = judge.send(Sent::new(PayloadPlan::Empty, b"frames"));
    is_refused(&judge, id, Reason::CredentialsPending);
    judge.close();
}

#[test]
fn what_is_too_long_to_be_held_is_refused_as_soon_as_that_is_known() {
    let long = vec![b'x'; MAX_BODY_BYTES + 1];
    for (sent, reason) in [
        (hashed(&long), Reason::BodyTooLarge),
        (
            streamed(&long).without_length(),
            Reason::UploadTooLargeToHold,
        ),
    ] {
        let mut judge = Judge::new(ALL, nothing());
        let id = judge.send(sent);
        judge.part(id, MAX_BODY_BYTES);
        is_held(&judge, id);
        judge.part(id, 1);
        is_refused(&judge, id, reason);
        judge.close();
    }
    let mut judge = Judge::new(ALL, nothing());
    let id = judge.send(streamed(&long));
    is_refused(&judge, id, Reason::UploadTooLargeToHold);
    judge.close();
}

#[test]
fn no_connection_holds_more_than_its_share() {
    let mut judge = Judge::new(ALL, nothing());
    let body = [b'x'; 1000];
    // The judge puts every fifth request on the same connection.
    let ids: Vec<usize> = (0..6).map(|_| judge.send(streamed(&body))).collect();
    for id in &ids {
        judge.part(*id, 800);
    }
    is_held(&judge, ids[0]);
    is_refused(&judge, ids[5], Reason::TooMuchHeld);
    judge.close();
}

#[test]
fn a_wait_ends_with_an_answer() {
    for (record, passed, reason) in [
        (denied(), SOON, Reason::CredentialsUnavailable),
        (nothing(), LIMITS.max_wait, Reason::CredentialsPending),
    ] {
        let mut judge = Judge::new(ALL, nothing());
        let ids = [
            judge.send(Sent::without_body()),
            judge.send(streamed(b"abc")),
        ];
        judge.part(ids[1], 1);
        judge.record = Rc::new(record);
        judge.tick(passed);
        for id in ids {
            is_refused(&judge, id, reason);
        }
        judge.close();
    }
    let mut judge = Judge::new(ALL, ready());
    let id = judge.send(hashed(b"abc"));
    judge.part(id, 1);
    judge.tick(LIMITS.body_timeout);
    is_refused(&judge, id, Reason::BodyTimeout);
    judge.close();
}

#[test]
fn a_body_that_comes_too_late_finds_its_request_answered() {
    let mut judge = Judge::new(ALL, ready());
    let id = judge.send(hashed(b"abc"));
    judge.tick(LIMITS.body_timeout);
    judge.part(id, 3);
    is_refused(&judge, id, Reason::BodyTimeout);
    judge.close();
}

#[test]
fn as_many_wait_as_may() {
    let mut judge = Judge::new(ALL, nothing());
    for _ in 0..LIMITS.max_parked {
        let id = judge.send(Sent::without_body());
        is_held(&judge, id);
    }
    let id = judge.send(Sent::without_body());
    is_refused(&judge, id, Reason::TooManyParked);
    judge.close();
}

/// Every call that a held request depends on.
#[test]
fn a_call_to_envoy_that_fails_ends_the_request() {
    for before in [0, 1] {
        for record in [nothing(), ready()] {
            for sent in [hashed(b"abc"), streamed(b"abc"), chunk_signed(&["abc"])] {
                let mut judge = Judge::new(ALL, record.clone());
                judge.fails = before == 0;
                let id = judge.send(sent);
                if before == 1 && judge.exchange(id).answer.is_none() {
                    judge.record = Rc::new(ready());
                    judge.fails = true;
                    judge.rest(id);
                }
                judge.fails = false;
                judge.rest(id);
                let x = judge.exchange(id);
                let failed = x.answer == Some(Reply::Filter(Reason::HostCallFailed));
                assert!(failed || x.passed_end, "{x:?}");
                judge.close();
            }
        }
    }
}

const WITHOUT_BODIES: Capabilities = Capabilities {
    bodies: false,
    ..ALL
};
const WITHOUT_TRAILERS: Capabilities = Capabilities {
    trailers: false,
    ..ALL
};

#[test]
fn a_method_is_withheld_until_it_is_sure_that_envoy_hands_over_what_comes() {
    let mut judge = Judge::new(ALL, ready());
    let first = judge.send(hashed(b"abc"));
    assert_eq!(judge.exchange(first).header(":method"), None);
    judge.rest(first);
    has_gone(&judge, first);
    // Trailers may still be what Envoy goes on with.
    let unknown = judge.send(hashed(b"abc").without_length().closed(Close::WithTrailers));
    assert_eq!(judge.exchange(unknown).header(":method"), None);
    let known = judge.send(hashed(b"abc"));
    assert!(judge.exchange(known).header(":method").is_some());
    judge.rest(unknown);
    has_gone(&judge, unknown);
    let sure = judge.send(hashed(b"abc").without_length());
    assert!(judge.exchange(sure).header(":method").is_some());
    judge.close();
}

#[test]
fn without_the_callback_for_bodies_envoy_finds_no_method() {
    let mut judge = Judge::new(WITHOUT_BODIES, nothing());
    for sent in [hashed(b"abc"), streamed(b"abc")] {
        let id = judge.send(sent);
        judge.rest(id);
        assert_eq!(judge.exchange(id).answer, Some(Reply::Envoy));
    }
    assert_eq!(judge.exchange(0).warnings, [Warning::NoBody]);
    judge.close();
}

/// Envoy 1.36.4 and 1.40.0 go on with the trailers of such a request, look at its method as late as then, and died of a
/// body that nobody had signed: its trailers must not bring the method back.
#[test]
fn trailers_before_any_body_bring_no_method_back_without_the_callback_for_bodies() {
    for record in [nothing(), ready()] {
        for sent in [hashed(b""), streamed(b"")] {
            let mut judge = Judge::new(WITHOUT_BODIES, nothing());
            let sent = sent.without_length().closed(Close::WithTrailers);
            let id = judge.send(sent);
            judge.record = Rc::new(record.clone());
            judge.part(id, 1);
            is_refused(&judge, id, Reason::HostCallFailed);
            assert_eq!(judge.exchange(id).header(":method"), None);
            judge.close();
        }
    }
}

#[test]
fn without_the_callback_for_trailers_envoy_finds_no_method() {
    let mut judge = Judge::new(WITHOUT_TRAILERS, nothing());
    let waits = judge.send(streamed(b"abc").closed(Close::WithTrailers));
    judge.rest(waits);
    assert_eq!(judge.exchange(waits).answer, Some(Reply::Envoy));
    judge.record = Rc::new(ready());
    let sent = hashed(b"abc").closed(Close::WithTrailers);
    let unknown = judge.send(sent.clone().without_length());
    judge.rest(unknown);
    assert_eq!(judge.exchange(unknown).answer, Some(Reply::Envoy));
    // All of it has come, whatever follows.
    let known = judge.send(sent);
    judge.rest(known);
    has_gone(&judge, known);
    judge.close();
}

/// HTTP/2 allows `content-length: 0` with trailers behind it, and no data between.
#[test]
fn trailers_behind_a_head_that_announces_no_body_end_the_request() {
    for (has_seen_bodies, capabilities, goes) in [
        (false, ALL, true),
        (true, ALL, true),
        (true, WITHOUT_TRAILERS, false),
    ] {
        let mut judge = Judge::new(capabilities, ready());
        if has_seen_bodies {
            let id = judge.send(hashed(b"abc"));
            judge.rest(id);
            has_gone(&judge, id);
        }
        let id = judge.send(hashed(b"").closed(Close::WithTrailers));
        judge.rest(id);
        if goes {
            has_gone(&judge, id);
        } else {
            assert_eq!(judge.exchange(id).answer, Some(Reply::Envoy));
        }
        judge.close();
    }
}

/// Envoy goes on with it when its trailers come, and it is known by then that bodies are handed over.
#[test]
fn a_complete_body_that_waits_for_credentials_has_no_method_without_the_callback_for_trailers() {
    let mut judge = Judge::new(WITHOUT_TRAILERS, ready());
    let id = judge.send(hashed(b"abc"));
    judge.rest(id);
    judge.record = Rc::new(nothing());
    let id = judge.send(hashed(b"abc").closed(Close::WithTrailers));
    assert!(judge.exchange(id).header(":method").is_some());
    judge.rest(id);
    assert_eq!(judge.exchange(id).answer, Some(Reply::Envoy));
    judge.close();
}

#[test]
fn a_request_whose_head_was_not_handed_over_is_cut() {
    let mut judge = Judge::new(
        Capabilities {
            heads: false,
            ..ALL
        },
        ready(),
    );
    for (id, by_answer) in [
        (judge.send(streamed(b"abc")), false),
        (judge.send(Sent::without_body()), true),
    ] {
        if by_answer {
            judge.respond(id);
        } else {
            judge.rest(id);
        }
        let x = judge.exchange(id);
        assert_eq!(x.warnings, [Warning::NoHead]);
        assert_eq!(x.answer, Some(Reply::Filter(Reason::HostCallFailed)));
        assert!(x.passed.is_empty());
    }
    judge.close();
}

#[test]
fn a_request_that_leaves_while_it_waits_leaves_nothing_behind() {
    let mut judge = Judge::new(ALL, nothing());
    let gone = judge.send(streamed(b"abcdef"));
    judge.part(gone, 3);
    judge.end(gone);
    credentials_come(&mut judge);
    judge.close();
}

#[test]
fn what_waits_under_an_old_configuration_goes_on() {
    let mut judge = Judge::new(ALL, nothing());
    let old = judge.send(Sent::without_body());
    judge.update();
    let new = judge.send(Sent::without_body());
    credentials_come(&mut judge);
    has_gone(&judge, old);
    has_gone(&judge, new);
    judge.close();
}

#[track_caller]
fn is_presigned(judge: &Judge, id: usize) {
    let x = judge.exchange(id);
    assert_eq!(x.answer, Some(Reply::Presigned), "{x:?}");
    assert!(!x.has_passed, "{x:?}");
}

#[test]
fn what_is_to_be_presigned_is_answered_when_all_of_it_has_come() {
    for close in [Close::WithTheLastPart, Close::Alone, Close::WithTrailers] {
        let mut judge = Judge::new(ALL, ready());
        let id = judge.send(exchange(b"abcd").closed(close));
        judge.part(id, 2);
        is_held(&judge, id);
        judge.rest(id);
        is_presigned(&judge, id);
        let unreadable = judge.send(exchange(b"abc"));
        judge.rest(unreadable);
        is_refused(&judge, unreadable, Reason::PresignUnreadable);
        judge.close();
    }
}

#[test]
fn what_is_to_be_presigned_waits_for_credentials() {
    let mut judge = Judge::new(ALL, nothing());
    let first = judge.send(exchange(b"abcd"));
    judge.rest(first);
    is_held(&judge, first);
    credentials_come(&mut judge);
    is_presigned(&judge, first);
    judge.record = Rc::new(denied());
    let second = judge.send(exchange(b"abcd"));
    judge.rest(second);
    is_refused(&judge, second, Reason::CredentialsUnavailable);
    judge.close();
}

#[test]
fn what_is_to_be_presigned_never_goes_on_whatever_envoy_hands_over() {
    let without_bodies = Capabilities {
        bodies: false,
        ..ALL
    };
    let mut judge = Judge::new(without_bodies, ready());
    let id = judge.send(exchange(b"abcd"));
    judge.rest(id);
    assert_eq!(judge.exchange(id).answer, Some(Reply::Envoy));
    judge.close();
    let mut judge = Judge::new(ALL, ready());
    let slow = judge.send(exchange(b"abcd"));
    judge.part(slow, 2);
    judge.tick_all(LIMITS.body_timeout);
    is_refused(&judge, slow, Reason::BodyTimeout);
    judge.close();
}
