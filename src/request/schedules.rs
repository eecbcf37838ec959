//! Random schedules: whatever comes, in whatever order, nothing goes on unsigned, and nobody waits for ever.
//!
//! What must hold stands in [`super::judge`].

use super::judge::{
    ALL, Capabilities, Close, Judge, MAX_BODY_BYTES, STREAMED, Sent, chunks, denied, exchange,
    left_alone, nothing, ready,
};
use crate::chunked::Form;
use crate::decision::{Decision, PayloadPlan};
use crate::refusal::{ErrorFormat, Refusal};
use proptest::prelude::*;
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Event {
    Head(Sent),
    /// Of the request in this place of those that are there.
    Part {
        place: usize,
        bytes: usize,
    },
    Response {
        place: usize,
    },
    Gone {
        place: usize,
    },
    Tick {
        ms: u64,
    },
    Record(usize),
    Update,
    Failure,
}

fn sent() -> impl Strategy<Value = Sent> {
    let close = prop_oneof![
        Just(Close::WithTheLastPart),
        Just(Close::Alone),
        Just(Close::WithTrailers),
    ];
    let kind = (0usize..10, 0usize..MAX_BODY_BYTES + 300);
    (kind, any::<bool>(), close).prop_map(|((kind, bytes), has_length, close)| {
        let body = vec![b'x'; bytes];
        let text = "y".repeat(bytes / 3);
        let framed = chunks(&["abc", &text, &text]);
        let sent = match kind {
            0 => left_alone(&body),
            1 => Sent {
                decision: Decision::Refuse(Refusal::ConnectRefused, ErrorFormat::Plain),
                ..left_alone(&body)
            },
            2 => Sent::without_body(),
            // An upgrade.
            3 => Sent::new(PayloadPlan::Empty, &body).without_length(),
            4 => Sent::new(PayloadPlan::Streamed(STREAMED.to_owned()), &body),
            5 => Sent::new(PayloadPlan::ChunkSigned(Form::Payload), &framed),
            6 => Sent::new(PayloadPlan::ChunkSigned(Form::Payload), &body),
            7 => Sent::new(PayloadPlan::Held("held"), &body),
            8 => exchange(&body),
            _ => Sent::new(PayloadPlan::Hashed, &body),
        };
        let has_length = has_length && kind != 3;
        Sent { has_length, ..sent }.closed(close)
    })
}

fn event() -> impl Strategy<Value = Event> {
    let place = 0usize..1000;
    prop_oneof![
        8 => sent().prop_map(Event::Head),
        24 => (place.clone(), 0usize..900).prop_map(|(place, bytes)| Event::Part { place, bytes }),
        2 => place.clone().prop_map(|place| Event::Response { place }),
        1 => place.prop_map(|place| Event::Gone { place }),
        4 => (0u64..4000).prop_map(|ms| Event::Tick { ms }),
        1 => (20_000u64..40_000).prop_map(|ms| Event::Tick { ms }),
        2 => (0usize..3).prop_map(Event::Record),
        1 => Just(Event::Update),
        1 => Just(Event::Failure),
    ]
}

fn run(capabilities: Capabilities, events: Vec<Event>) {
    let records = [nothing(), ready(), denied()].map(Rc::new);
    let mut judge = Judge::new(capabilities, nothing());
    for event in events {
        let there = (0..judge.exchanges.len()).filter(|id| judge.exchanges[*id].is_some());
        let there: Vec<usize> = there.collect();
        let find = |place: usize| there.get(place % there.len().max(1)).copied();
        match event {
            Event::Head(sent) => {
                judge.send(sent);
            }
            Event::Part { place, bytes } => {
                find(place).into_iter().for_each(|id| judge.part(id, bytes));
            }
            Event::Response { place } => find(place).into_iter().for_each(|id| judge.respond(id)),
            Event::Gone { place } => find(place).into_iter().for_each(|id| judge.end(id)),
            Event::Tick { ms } => judge.tick(Duration::from_millis(ms)),
            Event::Record(place) => judge.record = Rc::clone(&records[place]),
            Event::Update => judge.update(),
            Event::Failure => judge.fails = true,
        }
    }
    judge.fails = false;
    judge.close();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_goes_on_unsigned_and_nobody_waits_for_ever(
        events in proptest::collection::vec(event(), 1..200)
    ) {
        run(ALL, events);
    }

    #[test]
    fn nothing_that_is_held_goes_on_unsigned_without_the_callback_for_bodies(
        trailers in any::<bool>(), events in proptest::collection::vec(event(), 1..100)
    ) {
        run(Capabilities { bodies: false, trailers, ..ALL }, events);
    }

    #[test]
    fn nothing_that_is_held_goes_on_unsigned_without_the_callback_for_trailers(
        events in proptest::collection::vec(event(), 1..100)
    ) {
        run(Capabilities { trailers: false, ..ALL }, events);
    }

    #[test]
    fn what_was_not_decided_is_cut_where_it_is_noticed(
        events in proptest::collection::vec(event(), 1..100)
    ) {
        run(Capabilities { heads: false, ..ALL }, events);
    }
}
