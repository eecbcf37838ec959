use super::*;
use crate::chunked::Form;
use crate::credentials::cache::{Pace, Retry};
use crate::credentials::{Credentials, Secret};
use crate::decision::{PayloadPlan, Plan, Signed};
use crate::refusal::REASON_HEADER;
use crate::request::planned::OwnedPayload;
use crate::sigv4::{Algorithm, ContentSha256, PathStyle};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

const LIMITS: Limits = Limits {
    max_wait: Duration::from_secs(5),
    max_parked: 1000,
    body_timeout: Duration::from_secs(30),
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

fn request(role: RoleId) -> Box<Planned> {
    let plan = Plan {
        withheld_method: None,
        authority: "s3.eu-west-1.amazonaws.com".to_owned(),
        path_and_query: None,
        algorithm: Algorithm::SigV4,
        service: "s3".to_owned(),
        region: "eu-west-1".to_owned(),
        role,
        path_style: PathStyle::S3,
        payload: PayloadPlan::Empty,
        content_sha256: ContentSha256::Written,
        why: Signed::NoSignature,
        format: ErrorFormat::S3,
    };
    Box::new(Planned {
        plan,
        payload: OwnedPayload::Empty,
        content_length: None,
        about: About::default(),
        presigning: None,
    })
}

fn nothing() -> Record {
    Record::default().leased(1, at(0), Duration::from_secs(60))
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("secret"),
        session_token: Secret::new("token"),
        expires_at: at(3600),
    }
}

fn ready() -> Record {
    nothing().succeeded(1, credentials(), at(0), 0, Pace::REAL)
}

fn failed(retry: Retry) -> Record {
    let failure = Failure {
        cause: "STS says no".to_owned(),
        advice: "Ask again.".to_owned(),
        retry,
    };
    nothing().failed(1, failure, at(0), u32::MAX, Pace::REAL)
}

fn own(record: Record) -> impl Fn(RoleId) -> Option<Rc<Record>> {
    let record = Rc::new(record);
    move |_| Some(Rc::clone(&record))
}

fn one_role() -> Roles<()> {
    Roles::new((), Vec::new())
}

/// With requests 0, 1, 2 and so on, and their tickets.
fn parking_of(count: u32) -> (Parking, Vec<Ticket>) {
    let mut parking = Parking::new(LIMITS, &one_role());
    let mut park = |stream| parking.park(stream, request(RoleId::OWN), at(0));
    let tickets = (0..count).map(&mut park).collect();
    (parking, tickets)
}

/// `signed`, or the reason of the answer.
fn word(ending: &Ending) -> String {
    match ending {
        Ending::Sign { .. } => "signed".to_owned(),
        Ending::Answer(refusal, format, _) => {
            let headers = refusal.answer(*format).headers;
            let reason = headers.into_iter().find(|(name, _)| *name == REASON_HEADER);
            reason.unwrap().1
        }
    }
}

/// All that is due, with as many calls as it takes.
fn settle_all(parking: &mut Parking, now: SystemTime, record: Record) -> Vec<(u32, String)> {
    let record = own(record);
    let mut all = Vec::new();
    loop {
        let due = parking.settle(now, &record);
        assert!(due.len() <= MAX_STEPS);
        all.extend(due.iter().map(|due| (due.stream, word(&due.ending))));
        let is_prompt = parking.tick_period(true) == TICK_WITH_BACKLOG;
        assert_eq!(is_prompt, parking.backlog);
        if !parking.backlog {
            return all;
        }
    }
}

fn each(count: u32, word: &str) -> Vec<(u32, String)> {
    (0..count).map(|stream| (stream, word.to_owned())).collect()
}

#[test]
fn one_callback_signs_a_few_and_the_rest_follows_in_the_order_of_arrival() {
    let (mut parking, _) = parking_of(1000);
    assert_eq!(parking.parked(), 1000);
    let first = parking.settle(at(1), own(ready()));
    assert_eq!(first.len(), MAX_STEPS);
    assert_eq!(parking.tick_period(true), TICK_WITH_BACKLOG);
    let mut streams: Vec<u32> = first.iter().map(|due| due.stream).collect();
    let rest = settle_all(&mut parking, at(1), ready());
    assert!(rest.iter().all(|(_, word)| word == "signed"));
    streams.extend(rest.iter().map(|(stream, _)| *stream));
    assert_eq!(streams, (0..1000).collect::<Vec<u32>>());
    assert_eq!(parking.parked(), 0);
    assert_eq!(parking.tick_period(true), TICK_AT_REST);
}

/// Requests 0, 1, 2 and so on, which wait with the whole of a body that is signed chunk by chunk.
fn parked_uploads(parking: &mut Parking, count: u32) {
    for stream in 0..count {
        let mut upload = request(RoleId::OWN);
        upload.payload = OwnedPayload::ChunkSigned(Form::Payload);
        let ticket = parking.park(stream, upload, at(0));
        assert_eq!(on_part(parking, ticket, true, at(0), nothing()), "wait");
    }
}

#[test]
fn one_callback_signs_one_whole_upload_chunk_by_chunk_and_nothing_behind_it() {
    let (mut parking, _) = parking_of(2);
    parked_uploads(&mut parking, 3);
    parking.park(3, request(RoleId::OWN), at(0));
    let mut next = || {
        let due = parking.settle(at(1), own(ready()));
        let streams: Vec<u32> = due.iter().map(|due| due.stream).collect();
        (streams, parking.tick_period(true))
    };
    assert_eq!(next(), (vec![0, 1, 0], TICK_WITH_BACKLOG));
    assert_eq!(next(), (vec![1], TICK_WITH_BACKLOG));
    assert_eq!(next(), (vec![2], TICK_WITH_BACKLOG));
    assert_eq!(next(), (vec![3], TICK_AT_REST));
}

#[test]
fn uploads_that_are_answered_take_no_longer_than_others() {
    let mut parking = Parking::new(LIMITS, &one_role());
    parked_uploads(&mut parking, 20);
    let due = parking.settle(at(1), own(failed(Retry::Unlikely)));
    assert_eq!(due.len(), MAX_STEPS);
}

#[test]
fn what_sts_denies_is_answered_a_few_at_a_time_too() {
    let (mut parking, _) = parking_of(100);
    let denied = settle_all(&mut parking, at(1), failed(Retry::Unlikely));
    assert_eq!(denied, each(100, "credentials_unavailable"));
}

#[test]
fn the_end_of_the_wait_comes_in_the_order_of_arrival() {
    let (mut parking, _) = parking_of(50);
    parking.park(50, request(RoleId::OWN), at(3));
    assert_eq!(settle_all(&mut parking, at(4), nothing()), []);
    let late = settle_all(&mut parking, at(5), nothing());
    assert_eq!(late, each(50, "credentials_pending"));
    let last = settle_all(&mut parking, at(8), nothing());
    assert_eq!(last, [(50, "credentials_pending".to_owned())]);
}

#[test]
fn the_last_failure_is_the_answer_at_the_end_of_the_wait() {
    let (mut parking, _) = parking_of(1);
    let record = failed(Retry::Soon);
    assert_eq!(settle_all(&mut parking, at(1), record.clone()), []);
    let late = settle_all(&mut parking, at(6), record);
    assert_eq!(late, each(1, "credentials_unavailable"));
}

#[test]
fn slow_bodies_are_answered_a_few_at_a_time() {
    let mut parking = Parking::new(LIMITS, &one_role());
    let mut wait = |stream| parking.await_body(stream, ErrorFormat::Json, About::default(), at(0));
    let tickets: Vec<Ticket> = (0..400).map(&mut wait).collect();
    assert_eq!(parking.parked(), 0);
    assert_eq!(settle_all(&mut parking, at(29), ready()), []);
    assert!(tickets.iter().all(|ticket| parking.awaits_body(*ticket)));
    let late = settle_all(&mut parking, at(30), ready());
    assert_eq!(late, each(400, "body_timeout"));
    assert!(!tickets.iter().any(|ticket| parking.awaits_body(*ticket)));
}

#[test]
fn who_waits_for_a_100_is_told_that_none_comes_and_who_begins_has_the_usual_time() {
    let mut parking = Parking::new(LIMITS, &one_role());
    let mut wait =
        |stream| parking.await_expected_body(stream, ErrorFormat::Json, About::default(), at(0));
    let tickets: Vec<Ticket> = (0..40).map(&mut wait).collect();
    let (begun, waiting) = tickets.split_at(20);
    assert_eq!(settle_all(&mut parking, at(3), ready()), []);
    for ticket in begun.iter().rev() {
        parking.on_body(*ticket);
        parking.on_body(*ticket);
    }
    let told = settle_all(&mut parking, at(4), ready());
    assert_eq!(told.len(), 20);
    assert!(
        told.iter()
            .all(|(_, reason)| reason == "expectation_failed"),
        "{told:?}"
    );
    assert!(begun.iter().all(|ticket| parking.awaits_body(*ticket)));
    assert!(!waiting.iter().any(|ticket| parking.awaits_body(*ticket)));
    assert_eq!(settle_all(&mut parking, at(29), ready()), []);
    let late = settle_all(&mut parking, at(30), ready());
    assert_eq!(late, each(20, "body_timeout"));
}

#[test]
fn one_role_does_not_hold_up_another() {
    let roles = Roles::new((), vec![()]);
    let (other, ()) = roles.iter().last().unwrap();
    let mut parking = Parking::new(LIMITS, &roles);
    for stream in 0..40 {
        let role = if stream % 2 == 0 { RoleId::OWN } else { other };
        parking.park(stream, request(role), at(0));
    }
    let record = |role: RoleId| {
        let record = if role == other { ready() } else { nothing() };
        Some(Rc::new(record))
    };
    let mut signed = Vec::new();
    for _ in 0..2 {
        signed.extend(parking.settle(at(1), record));
    }
    let streams: Vec<u32> = signed.iter().map(|due| due.stream).collect();
    assert_eq!(
        streams,
        (0..40).filter(|n| n % 2 == 1).collect::<Vec<u32>>()
    );
    assert_eq!(parking.parked(), 20);
}

/// `OnPart` in a word.
fn on_part(
    parking: &mut Parking,
    ticket: Ticket,
    end: bool,
    now: SystemTime,
    record: Record,
) -> &'static str {
    match parking.on_part(ticket, End::of_stream(end), now, own(record)) {
        OnPart::Sign(request, record) => {
            let expected = (self::request(RoleId::OWN), Some(&credentials()));
            assert_eq!((request, record.usable(now)), expected);
            "sign"
        }
        OnPart::Resumed(None) => "resumed",
        OnPart::Resumed(Some(_)) => "resumed with chunks",
        OnPart::Wait => "wait",
        OnPart::Answered => "answered",
    }
}

#[test]
fn what_has_half_a_body_is_signed_with_its_next_part_and_not_from_the_root() {
    let (mut parking, tickets) = parking_of(3);
    for ticket in &tickets {
        assert_eq!(
            on_part(&mut parking, *ticket, false, at(1), nothing()),
            "wait"
        );
    }
    let [first, second, _] = tickets.try_into().unwrap();
    assert_eq!(
        on_part(&mut parking, second, true, at(2), nothing()),
        "wait"
    );
    let whole = settle_all(&mut parking, at(3), ready());
    assert_eq!(whole, [(1, "signed".to_owned())]);
    assert_eq!(on_part(&mut parking, first, false, at(3), ready()), "sign");
    assert_eq!(
        on_part(&mut parking, first, true, at(3), ready()),
        "answered"
    );
    // The other half of the last one never comes.
    assert_eq!(settle_all(&mut parking, at(29), ready()), []);
    let late = settle_all(&mut parking, at(30), ready());
    assert_eq!(late, [(2, "body_timeout".to_owned())]);
}

#[test]
fn half_a_body_does_not_keep_a_request_from_its_answer() {
    for (record, now, reason) in [
        (failed(Retry::Unlikely), at(1), "credentials_unavailable"),
        (nothing(), at(5), "credentials_pending"),
    ] {
        let (mut parking, tickets) = parking_of(1);
        on_part(&mut parking, tickets[0], false, at(0), nothing());
        assert_eq!(settle_all(&mut parking, now, record), each(1, reason));
    }
}

#[test]
fn what_the_root_hands_out_flows_only_if_it_is_resumed() {
    let (mut parking, tickets) = parking_of(2);
    let due = parking.settle(at(1), own(ready()));
    assert_eq!(
        due.iter().map(|due| due.ticket).collect::<Vec<_>>(),
        tickets
    );
    let [resumed, answered] = tickets.try_into().unwrap();
    parking.resume(resumed, None);
    assert_eq!(
        on_part(&mut parking, resumed, true, at(1), ready()),
        "resumed"
    );
    assert_eq!(
        on_part(&mut parking, answered, true, at(1), ready()),
        "answered"
    );
}

#[test]
fn a_ticket_of_a_request_that_is_forgotten_finds_no_other_one() {
    let (mut parking, tickets) = parking_of(1);
    parking.forget(tickets[0]);
    let next = parking.park(1, request(RoleId::OWN), at(0));
    assert_eq!(
        on_part(&mut parking, tickets[0], true, at(0), ready()),
        "answered"
    );
    parking.forget(tickets[0]);
    assert_eq!(parking.parked(), 1);
    assert_eq!(on_part(&mut parking, next, true, at(0), ready()), "sign");
}

#[test]
fn parts_that_come_in_any_order_leave_the_order_of_arrival_as_it_is() {
    let (mut parking, tickets) = parking_of(5);
    for (place, end) in [
        (3, false),
        (1, false),
        (4, true),
        (3, true),
        (0, false),
        (1, true),
    ] {
        on_part(&mut parking, tickets[place], end, at(1), nothing());
    }
    let signed = settle_all(&mut parking, at(2), ready());
    let streams: Vec<u32> = signed.into_iter().map(|(stream, _)| stream).collect();
    assert_eq!(streams, [1, 2, 3, 4]);
    assert_eq!(parking.parked(), 1);
}

#[test]
fn no_more_are_parked_than_may_be() {
    let (mut parking, tickets) = parking_of(1000);
    let record = nothing();
    let full = Refusal::TooManyParked { max_parked: 1000 };
    assert_eq!(parking.admit(&record, at(1)), Admission::Answer(full));
    assert_eq!(parking.admit(&ready(), at(1)), Admission::Sign);
    parking.forget(tickets[17]);
    assert_eq!(parking.admit(&record, at(1)), Admission::Park);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
    let (mut parking, _) = parking_of(1);
    let wall = |seconds: u64| at(seconds) - Duration::from_secs(100_000);
    assert_eq!(settle_all(&mut parking, at(3), nothing()), []);
    assert_eq!(settle_all(&mut parking, wall(3), nothing()), []);
    let late = settle_all(&mut parking, wall(5), nothing());
    assert_eq!(late, each(1, "credentials_pending"));
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Park,
    AwaitBody,
    Part { stream: u32, end: bool },
    Gone { stream: u32 },
    Tick { ms: u64 },
    Record { record: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let stream = 0u32..200;
    prop_oneof![
        6 => Just(Event::Park),
        2 => Just(Event::AwaitBody),
        3 => (stream.clone(), any::<bool>()).prop_map(|(stream, end)| Event::Part { stream, end }),
        1 => stream.prop_map(|stream| Event::Gone { stream }),
        4 => (1u64..4000).prop_map(|ms| Event::Tick { ms }),
        1 => (0usize..4).prop_map(|record| Event::Record { record }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens, each request has one outcome, none is forgotten, and no callback does more than a few.
    #[test]
    fn every_request_has_one_outcome(events in proptest::collection::vec(event(), 1..300)) {
        let records = [nothing(), ready(), failed(Retry::Unlikely), failed(Retry::BackOff)];
        let mut parking = Parking::new(Limits { max_parked: 60, ..LIMITS }, &one_role());
        let (mut now, mut record) = (at(0), 0usize);
        // By stream, which is its place here.
        let mut tickets: Vec<Ticket> = Vec::new();
        let mut open: BTreeSet<u32> = BTreeSet::new();
        for event in events {
            let next = u32::try_from(tickets.len()).unwrap();
            match event {
                Event::Park => match parking.admit(&records[record], now) {
                    Admission::Park => {
                        tickets.push(parking.park(next, request(RoleId::OWN), now));
                        open.insert(next);
                    }
                    Admission::Sign | Admission::Answer(_) => {}
                },
                Event::AwaitBody => {
                    let waits = match next % 2 {
                        0 => Parking::await_body,
                        _ => Parking::await_expected_body,
                    };
                    tickets.push(waits(&mut parking, next, ErrorFormat::Json, About::default(), now));
                    open.insert(next);
                }
                Event::Part { stream, end } => {
                    let Some(ticket) = tickets.get(stream as usize).copied() else { continue };
                    let was_parked = open.contains(&stream) && !parking.awaits_body(ticket);
                    parking.on_body(ticket);
                    match parking.on_part(ticket, End::of_stream(end), now, own(records[record].clone())) {
                        OnPart::Sign(..) => prop_assert!(open.remove(&stream)),
                        OnPart::Wait => prop_assert!(was_parked),
                        OnPart::Answered => prop_assert!(!was_parked),
                        OnPart::Resumed(_) => prop_assert!(false),
                    }
                }
                Event::Gone { stream } => {
                    let Some(ticket) = tickets.get(stream as usize) else { continue };
                    parking.forget(*ticket);
                    open.remove(&stream);
                }
                Event::Tick { ms } => {
                    now += Duration::from_millis(ms);
                    let due = parking.settle(now, own(records[record].clone()));
                    prop_assert!(due.len() <= MAX_STEPS);
                    prop_assert!(due.is_sorted_by_key(|due| due.stream));
                    for due in due {
                        prop_assert!(open.remove(&due.stream));
                    }
                }
                Event::Record { record: other } => record = other,
            }
            let bodies = open.iter().filter(|stream| parking.awaits_body(tickets[**stream as usize]));
            prop_assert_eq!(parking.parked() + bodies.count(), open.len());
            prop_assert!(parking.parked() <= 60);
        }
        now += LIMITS.body_timeout;
        for _ in 0..=open.len() {
            for due in parking.settle(now, own(records[record].clone())) {
                prop_assert!(open.remove(&due.stream));
            }
        }
        prop_assert!(open.is_empty(), "{:?}", open);
        for ticket in tickets {
            parking.forget(ticket);
        }
        prop_assert_eq!(parking.slots.free.len(), parking.slots.slots.len());
    }
}
