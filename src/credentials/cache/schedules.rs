//! Random schedules: several workers with views of their own, replies of every kind, deaths, and a clock
//! that steps. What must hold at each moment is asserted where it could break.

use super::*;
use crate::credentials::Secret;
use proptest::prelude::*;

const MAX_WAIT: Duration = Duration::from_secs(5);
/// The longest that the callouts of one fetch last, and the lease that covers them.
const CALLOUTS: Duration = Duration::from_secs(6);
const LEASE: Duration = Duration::from_secs(7);
/// The shortest between two ticks.
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
enum Reply {
    Credentials { lifetime: u64 },
    Failure(Retry),
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Elapse {
        ms: u64,
    },
    Request {
        worker: usize,
    },
    Reply {
        worker: usize,
        reply: Reply,
    },
    /// A tick that acts on what this worker knows, which may be out of date.
    TickBlind {
        worker: usize,
    },
    /// AWS calls expired what this worker signs with.
    Stale {
        worker: usize,
    },
    /// Somebody asks for other credentials.
    Flush {
        worker: usize,
    },
    /// The worker runs with this epoch from now on.
    Epoch {
        worker: usize,
        epoch: u8,
    },
    /// The worker's VM ends and another takes its place; `orderly` where it is told beforehand.
    Die {
        worker: usize,
        orderly: bool,
    },
    ClockStep {
        seconds: i64,
    },
}

/// How STS answers callouts that no event answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sts {
    Silent,
    /// With credentials for an hour, after a second.
    Healthy,
}

impl Sts {
    fn lasts(self) -> Duration {
        match self {
            Self::Silent => CALLOUTS,
            Self::Healthy => Duration::from_secs(1),
        }
    }
}

#[derive(Debug)]
struct Flight {
    since: Duration,
    /// How often somebody had asked for other credentials when it began.
    flushes: usize,
    clock_stepped: bool,
}

#[derive(Debug, Default)]
struct Vm {
    owner: u64,
    view: Record,
    cas: u32,
    epoch: u8,
    flight: Option<Flight>,
    /// Since when requests wait, by the wall clock, which decides.
    parked: Vec<SystemTime>,
}

#[derive(Debug)]
struct Process {
    sts: Sts,
    elapsed: Duration,
    wall: SystemTime,
    random: u32,
    /// As in Envoy: 0 where there is nothing.
    cas: u32,
    bytes: Vec<u8>,
    workers: Vec<Vm>,
    keys: u64,
    signed: usize,
    refused: usize,
    /// How often somebody has asked for other credentials.
    flushes: usize,
    /// With how many of these before it each key's fetch began.
    fetched: Vec<(String, usize)>,
    /// When fetches for flushes began.
    flushed: Vec<Duration>,
}

impl Process {
    fn new(workers: usize, random: u32, sts: Sts) -> Self {
        let mut process = Self {
            sts,
            elapsed: Duration::ZERO,
            wall: UNIX_EPOCH + Duration::from_secs(1_000_000),
            random,
            cas: 0,
            bytes: Vec::new(),
            workers: Vec::new(),
            keys: 0,
            signed: 0,
            refused: 0,
            flushes: 0,
            fetched: Vec::new(),
            flushed: Vec::new(),
        };
        for _ in 0..workers {
            let owner = process.name();
            process.workers.push(Vm {
                owner,
                ..Vm::default()
            });
        }
        process
    }

    fn name(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    fn jitter(&mut self) -> u32 {
        // Numerical Recipes' generator.
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.random
    }

    fn read(&mut self, worker: usize) {
        if self.cas == 0 {
            let (spread, jitter) = (Duration::from_secs(2), self.jitter());
            self.workers[worker].cas = 0;
            self.swap(worker, Record::started(self.wall, spread, jitter));
        }
        let record = Record::from_bytes(&self.bytes).expect("a record");
        let vm = &mut self.workers[worker];
        (vm.view, vm.cas) = (record, self.cas);
    }

    fn swap(&mut self, worker: usize, record: Record) -> bool {
        let vm = &mut self.workers[worker];
        if vm.cas != self.cas {
            return false;
        }
        let before = Record::from_bytes(&self.bytes).unwrap_or_default();
        assert!(
            before.usable(self.wall).is_none() || record.usable(self.wall).is_some(),
            "valid credentials were dropped: {before:?} became {record:?}"
        );
        self.cas += 1;
        self.bytes = record.to_bytes();
        (vm.view, vm.cas) = (record, self.cas);
        true
    }

    fn change(&mut self, worker: usize, change: impl Fn(&Record) -> Record) {
        self.read(worker);
        let record = change(&self.workers[worker].view);
        assert!(self.swap(worker, record));
    }

    fn tick(&mut self, worker: usize) {
        let now = self.wall;
        let vm = &self.workers[worker];
        let demand = if vm.parked.is_empty() {
            Demand::Wanted
        } else {
            Demand::Waiting
        };
        if vm.flight.is_none() && vm.view.next(now, demand) == Next::Fetch {
            let record = vm.view.leased(vm.owner, now, LEASE);
            if self.swap(worker, record) {
                for other in self.workers.iter().filter_map(|vm| vm.flight.as_ref()) {
                    assert!(other.clock_stepped, "two fetches at once: {self:?}");
                }
                if self.workers[worker].view.is_flushed() {
                    self.flushed.push(self.elapsed);
                }
                self.workers[worker].flight = Some(Flight {
                    since: self.elapsed,
                    flushes: self.flushes,
                    clock_stepped: false,
                });
            }
        }
        self.settle(worker);
    }

    /// What the shell does with the requests that wait.
    fn settle(&mut self, worker: usize) {
        let now = self.wall;
        let vm = &mut self.workers[worker];
        let waiting = vm.parked.len();
        match vm.view.lookup(now, MAX_WAIT) {
            Lookup::Ready(credentials) => {
                assert!(
                    credentials.expires_at > now,
                    "signed with expired credentials"
                );
                vm.parked.clear();
                self.signed += waiting;
            }
            Lookup::Unavailable(_) => {
                vm.parked.clear();
                self.refused += waiting;
            }
            Lookup::Wait => {
                let waited = |since: &SystemTime| now.duration_since(*since).unwrap_or_default();
                vm.parked.retain(|since| waited(since) < MAX_WAIT);
                self.refused += waiting - vm.parked.len();
            }
        }
    }

    fn reply(&mut self, worker: usize, reply: Reply) {
        let Some(flight) = self.workers[worker].flight.take() else {
            return;
        };
        let (owner, now, jitter) = (self.workers[worker].owner, self.wall, self.jitter());
        let key = self.name();
        self.fetched.push((key.to_string(), flight.flushes));
        self.read(worker);
        let pause_before = self.workers[worker].view.not_before;
        self.change(worker, |record| match reply {
            Reply::Credentials { lifetime } => {
                let credentials = Credentials {
                    access_key_id: key.to_string(),
                    secret_access_key: Secret::new(""),
                    session_token: Secret::new(""),
                    expires_at: now + Duration::from_secs(lifetime),
                };
                record.succeeded(owner, credentials, now, jitter, Pace::REAL)
            }
            Reply::Failure(retry) => {
                let failure = Failure {
                    cause: String::new(),
                    advice: String::new(),
                    retry,
                };
                record.failed(owner, failure, now, jitter, Pace::REAL)
            }
        });
        // A leader that has lost the lease says nothing; the pause that stands may be from before the clock stepped back.
        if self.workers[worker].view.not_before != pause_before {
            self.check_pause(worker);
        }
        self.settle(worker);
    }

    /// No pause passes the start of the mandatory window, nor is it longer than 10 s from there on.
    fn check_pause(&self, worker: usize) {
        let record = &self.workers[worker].view;
        if let (Some(cached), Some(pause)) = (&record.credentials, record.pause_left(self.wall)) {
            let expires_at = cached.credentials.expires_at;
            let lifetime = expires_at
                .duration_since(cached.fetched_at)
                .unwrap_or_default();
            let window = Duration::from_secs(60).min(lifetime / 10);
            let left = expires_at.duration_since(self.wall).unwrap_or_default();
            let longest = match left.saturating_sub(window) {
                Duration::ZERO => Duration::from_secs(10),
                until_mandatory => until_mandatory,
            };
            assert!(pause <= longest, "a pause of {pause:?} with {left:?} left");
        }
    }

    fn happen(&mut self, event: Event) {
        let count = self.workers.len();
        match event {
            Event::Elapse { ms } => self.elapse(Duration::from_millis(ms)),
            Event::Request { worker } => {
                let worker = worker % count;
                self.read(worker);
                self.workers[worker].parked.push(self.wall);
                self.settle(worker);
            }
            Event::Reply { worker, reply } => self.reply(worker % count, reply),
            Event::TickBlind { worker } => self.tick(worker % count),
            Event::Stale { worker } => {
                let (worker, now, jitter) = (worker % count, self.wall, self.jitter());
                let signed_with = self.workers[worker].view.usable(now).cloned();
                if let Some(credentials) = signed_with {
                    let key = &credentials.access_key_id;
                    self.change(worker, |record| {
                        let stale = record.stale(key, now, jitter, Pace::REAL);
                        stale.unwrap_or_else(|| record.clone())
                    });
                }
            }
            Event::Flush { worker } => {
                let (worker, now) = (worker % count, self.wall);
                self.flushes += 1;
                self.change(worker, |record| {
                    let flushed = record.flushed(now, now, Pace::REAL);
                    flushed.unwrap_or_else(|| record.clone())
                });
            }
            Event::Epoch { worker, epoch } => self.configure(worker % count, epoch),
            Event::Die { worker, orderly } => {
                let worker = worker % count;
                let epoch = self.workers[worker].epoch;
                let owner = self.workers[worker].owner;
                if orderly {
                    self.change(worker, |record| record.released(owner));
                }
                let owner = self.name();
                self.workers[worker] = Vm {
                    owner,
                    ..Vm::default()
                };
                self.configure(worker, epoch);
            }
            Event::ClockStep { seconds } => {
                let step = Duration::from_secs(seconds.unsigned_abs());
                self.wall = if seconds < 0 {
                    self.wall - step
                } else {
                    self.wall + step
                };
                for flight in self.workers.iter_mut().filter_map(|vm| vm.flight.as_mut()) {
                    flight.clock_stepped = true;
                }
            }
        }
    }

    /// What a worker does at its first tick with a configuration.
    fn configure(&mut self, worker: usize, epoch: u8) {
        let (now, jitter) = (self.wall, self.jitter());
        self.workers[worker].epoch = epoch;
        self.read(worker);
        let wanted = Record::moment_of_epoch(now, jitter, Pace::REAL);
        let record = &self.workers[worker].view;
        if let Some(record) = record.of_epoch(&epoch.to_string(), now, wanted, Pace::REAL) {
            self.flushes += 1;
            assert!(self.swap(worker, record));
        }
    }

    /// How often somebody had asked for other credentials when the fetch of those began that sign now.
    fn flushes_met(&self) -> usize {
        let record = Record::from_bytes(&self.bytes).unwrap();
        let key = &record.usable(self.wall).unwrap().access_key_id;
        self.fetched.iter().find(|(id, _)| id == key).unwrap().1
    }

    fn elapse(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        let lasts = self.sts.lasts();
        while self.elapsed < end {
            let mut next = end.min(self.elapsed + TICK.max(duration / 100));
            for vm in &self.workers {
                let promised = self.sts == Sts::Healthy && !vm.parked.is_empty();
                let waits = promised.then_some(self.elapsed + TICK);
                let reply = vm.flight.as_ref().map(|flight| flight.since + lasts);
                next = waits.into_iter().chain(reply).fold(next, Duration::min);
            }
            let tick = next - self.elapsed;
            self.elapsed += tick;
            self.wall += tick;
            for worker in 0..self.workers.len() {
                let flying = self.workers[worker].flight.as_ref();
                let flying = flying.map(|flight| self.elapsed - flight.since);
                if flying.is_some_and(|flying| flying >= lasts) {
                    let reply = match self.sts {
                        Sts::Silent => Reply::Failure(Retry::BackOff),
                        Sts::Healthy => Reply::Credentials { lifetime: 3600 },
                    };
                    self.reply(worker, reply);
                }
                self.read(worker);
                self.tick(worker);
            }
        }
    }

    /// Every request has its answer once the longest wait is over; by the wall clock, so that a step back
    /// adds to it.
    fn finish(&mut self, requests: usize, stepped_back: Duration) {
        self.elapse(MAX_WAIT + stepped_back);
        self.elapse(TICK);
        let waiting: usize = self.workers.iter().map(|vm| vm.parked.len()).sum();
        assert_eq!(waiting, 0, "requests without an answer: {self:?}");
        assert!(self.signed + self.refused <= requests);
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let worker = 0usize..4;
    let reply = prop_oneof![
        prop::sample::select(vec![2, 60, 900, 3600, 43200])
            .prop_map(|lifetime| Reply::Credentials { lifetime }),
        prop::sample::select(vec![
            Retry::Soon,
            Retry::Twice,
            Retry::BackOff,
            Retry::Unlikely
        ])
        .prop_map(Reply::Failure),
    ];
    let event = prop_oneof![
        4 => (0u64..9_000).prop_map(|ms| Event::Elapse { ms }),
        2 => (0u64..3_600_000).prop_map(|ms| Event::Elapse { ms }),
        4 => worker.clone().prop_map(|worker| Event::Request { worker }),
        6 => (worker.clone(), reply).prop_map(|(worker, reply)| Event::Reply { worker, reply }),
        3 => worker.clone().prop_map(|worker| Event::TickBlind { worker }),
        1 => worker.clone().prop_map(|worker| Event::Stale { worker }),
        1 => worker.clone().prop_map(|worker| Event::Flush { worker }),
        1 => (worker.clone(), 0u8..4).prop_map(|(worker, epoch)| Event::Epoch { worker, epoch }),
        1 => (worker, any::<bool>()).prop_map(|(worker, orderly)| Event::Die { worker, orderly }),
        1 => (-4000i64..4000).prop_map(|seconds| Event::ClockStep { seconds }),
    ];
    prop::collection::vec(event, 1..60)
}

/// What happens to a process whose STS answers: two workers end in order at most.
fn healthy_events() -> impl Strategy<Value = Vec<Event>> {
    let kind = |event: &Event| match event {
        Event::Reply { .. } | Event::ClockStep { .. } => None,
        Event::Die { worker, .. } => Some(Event::Die {
            worker: *worker,
            orderly: true,
        }),
        other => Some(*other),
    };
    events().prop_map(move |events| {
        let mut deaths = 0;
        let mut events: Vec<Event> = events.iter().filter_map(kind).collect();
        events.retain(|event| {
            deaths += usize::from(matches!(event, Event::Die { .. }));
            !matches!(event, Event::Die { .. }) || deaths <= 2
        });
        events
    })
}

fn requests(events: &[Event]) -> usize {
    let is_request = |event: &&Event| matches!(event, Event::Request { .. });
    events.iter().filter(is_request).count()
}

/// How many schedules each test tries: a few at work, and enough where `cargo xtask test` asks for whole tests.
fn cases() -> u32 {
    let is_whole = std::env::var("SIGV4_EGRESS_TESTS").is_ok_and(|tests| tests == "whole");
    if is_whole { 200 } else { 20 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nobody_fetches_twice_signs_late_or_waits_in_vain(
        workers in 1usize..=4, random: u32, events in events()
    ) {
        let mut process = Process::new(workers, random, Sts::Silent);
        let mut stepped_back = Duration::ZERO;
        for event in &events {
            if let Event::ClockStep { seconds } = event {
                stepped_back += Duration::from_secs(u64::try_from(-seconds).unwrap_or(0));
            }
            process.happen(*event);
        }
        process.finish(requests(&events), stepped_back);
    }

    #[test]
    fn while_sts_answers_every_request_is_signed(
        workers in 1usize..=4, random: u32, events in healthy_events()
    ) {
        let mut process = Process::new(workers, random, Sts::Healthy);
        for event in &events {
            process.happen(*event);
        }
        process.finish(requests(&events), Duration::ZERO);
        prop_assert_eq!(process.refused, 0);
    }

    /// Two configurations of different epochs in one process do not fetch in turn, whatever order they come in.
    #[test]
    fn while_sts_answers_each_flush_is_over_in_a_minute_and_none_follows_within_half_a_minute(
        workers in 1usize..=4, random: u32, events in healthy_events()
    ) {
        let mut process = Process::new(workers, random, Sts::Healthy);
        for event in &events {
            process.happen(*event);
        }
        process.elapse(Duration::from_secs(60));
        prop_assert_eq!(process.flushes_met(), process.flushes);
        let ended = process.flushed.len();
        process.elapse(Duration::from_secs(600));
        prop_assert_eq!(process.flushed.len(), ended, "a flush without end");
        // What a worker that ended leaves is a fetch of its own; and AWS's answer brings a refresh forward that was to wait.
        let died = events.iter().filter(|event| matches!(event, Event::Die { .. }));
        let asked = process.flushes + died.count();
        prop_assert!(ended <= asked, "{} fetches for {}", ended, asked);
        let sooner = |event: &&Event| matches!(event, Event::Die { .. } | Event::Stale { .. });
        let sooner = events.iter().filter(sooner).count();
        let times = process.flushed.windows(2).filter(|two| two[1] - two[0] < Duration::from_secs(29));
        prop_assert!(times.count() <= sooner, "{:?}", process.flushed);
    }
}
