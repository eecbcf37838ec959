//! The fleet: a virtual clock with a queue of calls, an STS, and the books.

use super::{Millis, Regions, SECOND, Scenario};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One sidecar's filter.
pub(super) trait Sidecar {
    /// A process that starts now.
    fn start(now: Millis, scenario: &Scenario, random: &mut Random) -> Self;
    /// When it calls STS next.
    fn next_call(&self, now: Millis) -> Millis;
    /// How often it calls at once if each call is answered 503.
    const CALLS_ON_FAULT: u32;
    /// It calls.
    fn call(&mut self, now: Millis);
    /// It has its answer.
    fn answer(&mut self, now: Millis, answer: Answer, random: &mut Random);
    /// Until when it can sign; or, where it cannot, since when.
    fn signs_until(&self) -> Millis;
    /// Whether a request waits for credentials that are on their way, or is answered or sent at once.
    const WAITS: bool;
}

/// What STS says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Credentials { expires_at: Millis },
    Fault,
    Throttled,
    TokenExpired,
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (u64::from(self.bits()) * end) >> 32
    }
}

/// A sidecar and its pod.
#[derive(Debug)]
struct Pod<S> {
    sidecar: S,
    /// Tells a queued call of this process from one of its predecessor.
    generation: u32,
    token_issued: Millis,
    has_signed: bool,
    /// Since when it cannot sign, or when it will stop to.
    unsigned_from: Millis,
    /// The credentials' expiry when the outage began.
    expiry_at_outage: Option<Millis>,
    failed_since_outage: u64,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Calls to STS in each second.
    pub(super) calls: Vec<u32>,
    /// The same to the second region.
    pub(super) calls_elsewhere: Vec<u32>,
    /// Those of them that were throttled.
    pub(super) throttled: Vec<u32>,
    /// Sidecars that cannot sign, at the end of each second: first as changes, then as numbers.
    pub(super) unsigned: Vec<i64>,
    /// Requests that found no credentials in time, of one a second and sidecar: by sidecars that had none
    /// yet.
    pub(super) failed_at_start: u64,
    /// The same, by sidecars that had lost theirs.
    pub(super) failed_later: u64,
    /// Of each sidecar that ran when the outage began: by how much its credentials outlived the outage in
    /// ms, and how many of its requests failed from then on.
    pub(super) through_outage: Vec<(i64, u64)>,
    /// Tokens that were renewed.
    pub(super) rotated_tokens: u64,
    /// Calls with a token that had expired.
    pub(super) expired_tokens: u64,
}

impl Outcome {
    pub(super) fn failed_requests(&self) -> u64 {
        self.failed_at_start + self.failed_later
    }
}

/// What happens next: a call of this process of this pod; a pod's replacement; the outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Outage,
    Replace,
    Start { pod: u32 },
    Call { pod: u32, generation: u32 },
}

pub(super) struct Fleet<'a, S> {
    scenario: &'a Scenario,
    pods: Vec<Option<Pod<S>>>,
    queue: BinaryHeap<Reverse<(Millis, Event)>>,
    random: Random,
    served: (usize, u32),
    served_elsewhere: (usize, u32),
    outcome: Outcome,
}

impl<'a, S: Sidecar> Fleet<'a, S> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let seconds = second(scenario.length) + 1;
        let mut fleet = Self {
            scenario,
            pods: (0..scenario.sidecars).map(|_| None).collect(),
            queue: BinaryHeap::new(),
            random: Random(scenario.seed),
            served: (0, 0),
            served_elsewhere: (0, 0),
            outcome: Outcome {
                calls: vec![0; seconds],
                calls_elsewhere: vec![0; seconds],
                throttled: vec![0; seconds],
                unsigned: vec![0; seconds],
                ..Outcome::default()
            },
        };
        for pod in 0..scenario.sidecars {
            let at = scenario.rollout * u64::from(pod) / u64::from(scenario.sidecars);
            fleet.queue.push(Reverse((at, Event::Start { pod })));
        }
        fleet
            .queue
            .push(Reverse((scenario.rollout, Event::Replace)));
        fleet
            .queue
            .push(Reverse((scenario.outage.start, Event::Outage)));
        fleet
    }

    pub(super) fn run(mut self) -> Outcome {
        while let Some(Reverse((now, event))) = self.queue.pop() {
            if now >= self.scenario.length {
                break;
            }
            match event {
                Event::Start { pod } => self.start(pod, now),
                Event::Replace => self.replace(now),
                Event::Call { pod, generation } => self.call(pod, generation, now),
                Event::Outage => self.note_outage(),
            }
        }
        for pod in 0..self.scenario.sidecars {
            self.end(pod, self.scenario.length);
        }
        let mut count = 0;
        for entry in &mut self.outcome.unsigned {
            count += *entry;
            *entry = count;
        }
        self.outcome
    }

    fn start(&mut self, index: u32, now: Millis) {
        let sidecar = S::start(now, self.scenario, &mut self.random);
        let next = sidecar.next_call(now);
        let Some(slot) = self.pods.get_mut(index as usize) else {
            return;
        };
        let generation = slot.as_ref().map_or(0, |pod| pod.generation + 1);
        *slot = Some(Pod {
            sidecar,
            generation,
            token_issued: now,
            has_signed: false,
            unsigned_from: now,
            expiry_at_outage: None,
            failed_since_outage: 0,
        });
        let call = Event::Call {
            pod: index,
            generation,
        };
        self.queue.push(Reverse((next, call)));
    }

    fn replace(&mut self, now: Millis) {
        let pod = self.random.below(self.scenario.sidecars.into());
        let pod = u32::try_from(pod).unwrap_or(0);
        self.end(pod, now);
        self.start(pod, now);
        let per_hour = self.scenario.restarts_per_hour * f64::from(self.scenario.sidecars);
        let pause = std::time::Duration::from_secs_f64(3600.0 / per_hour).as_millis();
        let next = now + u64::try_from(pause).unwrap_or(u64::MAX).max(1);
        self.queue.push(Reverse((next, Event::Replace)));
    }

    fn call(&mut self, index: u32, generation: u32, now: Millis) {
        let scenario = self.scenario;
        let sts = if scenario.outage.contains(&now) {
            Answer::Fault
        } else {
            served(scenario, &mut self.served, now)
        };
        let Some(Some(pod)) = self.pods.get_mut(index as usize) else {
            return;
        };
        if pod.generation != generation {
            return;
        }
        while now >= pod.token_issued + scenario.token_lifetime / 5 * 4 {
            pod.token_issued += scenario.token_lifetime / 5 * 4;
            self.outcome.rotated_tokens += 1;
        }
        let expired = now >= pod.token_issued + scenario.token_lifetime;
        let (answer, calls) = match sts {
            Answer::Credentials { .. } if expired => {
                self.outcome.expired_tokens += 1;
                (Answer::TokenExpired, 1)
            }
            Answer::Fault => (Answer::Fault, S::CALLS_ON_FAULT),
            answer => (answer, 1),
        };
        add(&mut self.outcome.calls, now, calls);
        if answer == Answer::Throttled {
            add(&mut self.outcome.throttled, now, 1);
        }
        let mut answered = now + scenario.latency;
        let mut answer = answer;
        if scenario.regions == Regions::Two && matches!(answer, Answer::Fault | Answer::Throttled) {
            if answer == Answer::Fault {
                answered += SILENCE;
            }
            add(&mut self.outcome.calls_elsewhere, answered, 1);
            answer = served(scenario, &mut self.served_elsewhere, answered);
            answered += scenario.latency;
        }
        pod.sidecar.call(now);
        pod.sidecar.answer(answered, answer, &mut self.random);
        let signs_until = pod.sidecar.signs_until();
        if signs_until > answered {
            // Requests that came shortly before have waited for it.
            let waited = if S::WAITS { scenario.max_wait } else { 0 };
            pod.book_gap(answered, waited, &mut self.outcome);
            pod.has_signed = true;
            pod.unsigned_from = signs_until;
        } else {
            pod.unsigned_from = pod.unsigned_from.min(signs_until);
        }
        let next = pod.sidecar.next_call(answered).max(answered);
        let call = Event::Call {
            pod: index,
            generation,
        };
        self.queue.push(Reverse((next, call)));
    }

    fn note_outage(&mut self) {
        let start = self.scenario.outage.start;
        for pod in self.pods.iter_mut().flatten() {
            let signs_until = pod.sidecar.signs_until();
            pod.expiry_at_outage = (signs_until > start).then_some(signs_until);
        }
    }

    /// A process ends.
    fn end(&mut self, index: u32, now: Millis) {
        let Some(Some(pod)) = self.pods.get_mut(index as usize) else {
            return;
        };
        pod.book_gap(now, 0, &mut self.outcome);
        if let Some(expiry) = pod.expiry_at_outage {
            let [expiry, end] = [expiry, self.scenario.outage.end]
                .map(|moment| i64::try_from(moment).unwrap_or(i64::MAX));
            let through = (expiry - end, pod.failed_since_outage);
            self.outcome.through_outage.push(through);
        }
    }
}

impl<S> Pod<S> {
    /// Books the time until now in which it could not sign, and one request a second of it, but for those
    /// of the last `waited`.
    fn book_gap(&mut self, now: Millis, waited: Millis, outcome: &mut Outcome) {
        let from = self.unsigned_from;
        if now <= from {
            return;
        }
        add(&mut outcome.unsigned, from, 1);
        add(&mut outcome.unsigned, now, -1);
        let failed = (now - from).saturating_sub(waited).div_ceil(SECOND);
        if self.has_signed {
            outcome.failed_later += failed;
        } else {
            outcome.failed_at_start += failed;
        }
        if self.expiry_at_outage.is_some() {
            self.failed_since_outage += failed;
        }
    }
}

/// How long a silent host is waited for where another is listed: half of `sts_timeout_ms`.
const SILENCE: Millis = 2500;

/// What STS of a region says to a call now. `count`: the second, and what it has answered in it.
fn served(scenario: &Scenario, count: &mut (usize, u32), now: Millis) -> Answer {
    if count.0 != second(now) {
        *count = (second(now), 0);
    }
    if count.1 >= scenario.quota {
        return Answer::Throttled;
    }
    count.1 += 1;
    Answer::Credentials {
        expires_at: now + scenario.lifetime,
    }
}

fn second(moment: Millis) -> usize {
    usize::try_from(moment / SECOND).unwrap_or(usize::MAX)
}

fn add<T: std::ops::AddAssign>(series: &mut [T], moment: Millis, value: T) {
    if let Some(entry) = series.get_mut(second(moment)) {
        *entry += value;
    }
}
