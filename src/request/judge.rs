//! For tests: an Envoy that carries out what it is told, and panics where a request goes on that must not.

mod sent;

pub(super) use self::sent::{CLIENTS, Close, STREAMED, Sent, chunks, exchange, left_alone};

use super::ask::Ask;
use super::body::End;
use super::edits::{self, Edit, Signatory};
use super::holdings::Holdings;
use super::lifecycle::{Lifecycle, Responder, Step, Warning};
use super::limits::Limits;
use super::parking::{Due, MAX_STEPS, TICK_WHILE_PARKED};
use super::planned::{Chunks, OwnedPayload, Planned, Signing};
use super::release::Release;
use crate::credentials::cache::{Failure, Pace, Record, Retry};
use crate::credentials::role::{RoleId, Roles};
use crate::credentials::{Credentials, Secret};
use crate::decision::Head;
use crate::headers::Header;
use crate::own_keys::OwnKeys;
use crate::policy::RouteMetadata;
use crate::presign;
use crate::refusal::{Reason, Refusal};
use crate::report::gauges::Levels;
use crate::sigv4::Signer;
use sha2::{Digest, Sha256};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) const LIMITS: Limits = Limits {
    max_wait: Duration::from_secs(5),
    max_parked: 20,
    body_timeout: Duration::from_secs(30),
};
pub(super) const MAX_BODY_BYTES: usize = 1500;
pub(super) const MAX_HELD_BYTES: usize = 6000;
const MARKER: &str = "x-sign-me";

pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

pub(super) fn nothing() -> Record {
    Record::default().leased(1, at(0), Duration::from_secs(1_000_000))
}

pub(super) fn ready() -> Record {
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("secret"),
        session_token: Secret::new("token"),
        expires_at: at(1_000_000),
    };
    nothing().succeeded(1, credentials, at(0), 0, Pace::REAL)
}

pub(super) fn denied() -> Record {
    let failure = Failure {
        cause: "STS says no".to_owned(),
        advice: "Ask again.".to_owned(),
        retry: Retry::Unlikely,
    };
    nothing().failed(1, failure, at(0), u32::MAX, Pace::REAL)
}

/// What Envoy may call of the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capabilities {
    pub(super) heads: bool,
    pub(super) bodies: bool,
    pub(super) trailers: bool,
}

pub(super) const ALL: Capabilities = Capabilities {
    heads: true,
    bodies: true,
    trailers: true,
};

/// One request in Envoy.
pub(super) struct Exchange {
    worker: usize,
    request: Lifecycle,
    sent: Sent,
    /// How much of the body has come, and whether its end has.
    came: usize,
    pub(super) is_over: bool,
    began: SystemTime,
    headers: Vec<(String, String)>,
    line: Option<String>,
    is_stopped: bool,
    /// What Envoy hands over: all that it holds, or what has come since the last callback.
    buffer: Vec<u8>,
    pub(super) has_passed: bool,
    pub(super) passed: Vec<u8>,
    pub(super) passed_end: bool,
    pub(super) answer: Option<Reply>,
    pub(super) warnings: Vec<Warning>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = &self.sent;
        let length = sent.body.as_ref().map(Vec::len);
        write!(
            f,
            "{:?} of {length:?} bytes, {:?}: ",
            sent.decision, sent.close
        )?;
        write!(f, "{} came, over: {}; ", self.came, self.is_over)?;
        write!(
            f,
            "passed: {}, {} bytes, end: {}; ",
            self.has_passed,
            self.passed.len(),
            self.passed_end
        )?;
        write!(f, "answer: {:?}, line: {:?}", self.answer, self.line)
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Filter(Reason),
    /// The filter, with what was to be presigned.
    Presigned,
    /// Envoy, because there is no method.
    Envoy,
}

impl Exchange {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| &**value)
    }

    fn set_header(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(found, _)| found != name);
        let value = value.map(|value| (name.to_owned(), value.to_owned()));
        self.headers.extend(value);
    }

    fn is_held(&self) -> bool {
        !self.has_passed && self.answer.is_none()
    }

    fn reply(&mut self, reply: Reply) {
        assert_eq!(self.answer, None, "answered twice: {reply:?}");
        let may_be_cut = self.sent.is_chunk_signed() || self.warnings.contains(&Warning::NoHead);
        assert!(!self.has_passed || may_be_cut, "answered after it went on");
        assert!(!self.passed_end, "answered after all of it went on");
        self.answer = Some(reply);
    }

    /// What is held of it goes on, unless Envoy refuses that.
    fn pass(&mut self, heads: bool) {
        if self.answer.is_some() {
            return;
        }
        self.is_stopped = false;
        if !self.has_passed {
            if self.header(":method").is_none() {
                return self.reply(Reply::Envoy);
            }
            let is_signed = self.line.is_some() && self.header("authorization").is_some();
            let is_unseen = self.sent.is_left_alone() || !heads;
            assert!(is_signed != is_unseen, "it goes on unsigned: {self:?}");
            assert!(!is_signed || self.header(MARKER).is_none());
            self.has_passed = true;
        }
        self.passed.append(&mut self.buffer);
        self.passed_end = self.is_over;
    }
}

/// Some workers, of which the last has the configuration that holds, and the requests of all.
#[derive(Debug)]
pub(super) struct Judge {
    capabilities: Capabilities,
    pub(super) workers: Vec<Holdings>,
    pub(super) record: Rc<Record>,
    pub(super) now: SystemTime,
    signer: Signer,
    /// Gone ones, too.
    pub(super) exchanges: Vec<Option<Exchange>>,
    /// The next call to Envoy that can fail does.
    pub(super) fails: bool,
}

/// What Envoy says in one callback.
struct Reading {
    now: SystemTime,
    record: Rc<Record>,
    body: Result<Vec<u8>, Refusal>,
    connection: u64,
}

impl Ask for Reading {
    fn now(&self) -> SystemTime {
        self.now
    }

    fn record(&self, _: RoleId) -> Option<Rc<Record>> {
        Some(Rc::clone(&self.record))
    }

    fn fresh_record(&self, role: RoleId, _: SystemTime) -> Option<Rc<Record>> {
        self.record(role)
    }

    fn connection(&self) -> Option<u64> {
        Some(self.connection)
    }

    fn presign(&self, _: &presign::Exchange, body: &[u8]) -> Result<Box<Planned>, Refusal> {
        // Some cannot be read.
        match body.len() % 3 {
            0 => Err(presign::Fault::NoObject.into()),
            _ => Ok(presign::tests::planned()),
        }
    }

    fn body(&self, start: usize, length: usize) -> Result<Vec<u8>, Refusal> {
        let body = self.body.clone()?;
        Ok(body[start..body.len().min(start + length)].to_vec())
    }
}

/// What came of a step.
enum Done {
    Callback { goes_on: bool },
    Step,
    Signed(Chunks),
    Replied,
    Failed(Refusal),
}

fn failure() -> Refusal {
    Refusal::HostCallFailed {
        what: "a test wants it".to_owned(),
    }
}

fn holdings() -> Holdings {
    Holdings::new(
        LIMITS,
        MAX_BODY_BYTES,
        MAX_HELD_BYTES,
        &Roles::new((), Vec::new()),
    )
}

impl Judge {
    pub(super) fn new(capabilities: Capabilities, record: Record) -> Self {
        Self {
            capabilities,
            workers: vec![holdings()],
            record: Rc::new(record),
            now: at(0),
            signer: Signer::default(),
            exchanges: Vec::new(),
            fails: false,
        }
    }

    /// A new configuration: requests that come find a new worker, and the others go on with theirs.
    pub(super) fn update(&mut self) {
        self.workers.push(holdings());
    }

    pub(super) fn exchange(&self, id: usize) -> &Exchange {
        self.exchanges[id].as_ref().unwrap()
    }

    fn at_mut(&mut self, id: usize) -> &mut Exchange {
        self.exchanges[id].as_mut().unwrap()
    }

    fn reading(&self, id: usize) -> Reading {
        Reading {
            now: self.now,
            record: Rc::clone(&self.record),
            body: if self.fails {
                Err(failure())
            } else {
                Ok(self.exchange(id).buffer.clone())
            },
            connection: (id % 5) as u64,
        }
    }

    /// The head of a request comes; its id.
    pub(super) fn send(&mut self, sent: Sent) -> usize {
        let id = self.exchanges.len();
        let mut headers = vec![
            (":method".to_owned(), sent.method.to_owned()),
            (":path".to_owned(), "/key".to_owned()),
            (
                ":authority".to_owned(),
                "s3.eu-west-1.amazonaws.com".to_owned(),
            ),
            (MARKER.to_owned(), "1".to_owned()),
        ];
        headers.extend(sent.body.as_ref().map(|body| match sent.has_length {
            true => ("content-length".to_owned(), body.len().to_string()),
            false => ("transfer-encoding".to_owned(), "chunked".to_owned()),
        }));
        self.exchanges.push(Some(Exchange {
            worker: self.workers.len() - 1,
            request: Lifecycle::new(u32::try_from(id).unwrap()),
            came: 0,
            is_over: sent.body.is_none(),
            began: self.now,
            headers,
            line: None,
            is_stopped: false,
            buffer: Vec::new(),
            has_passed: false,
            passed: Vec::new(),
            passed_end: false,
            answer: None,
            warnings: Vec::new(),
            sent,
        }));
        if !self.capabilities.heads {
            self.pass(id);
            return id;
        }
        let reading = self.reading(id);
        let x = self.exchanges[id].as_mut().unwrap();
        let headers: Vec<Header<'_>> = x
            .headers
            .iter()
            .map(|(name, value)| (&**name, value.as_bytes()))
            .collect();
        let head = Head {
            headers: &headers,
            cluster: &|| None,
            port: &|| None,
            over_tls: &|| false,
            route_metadata: &RouteMetadata::new(),
            own_keys: &OwnKeys::default,
            end_of_stream: x.is_over,
        };
        let holdings = &mut self.workers[x.worker];
        x.request
            .on_head(x.sent.decision.clone().into(), head, holdings, &reading);
        self.carry_out(id);
        id
    }

    /// The next part of a request's body comes, of so many bytes if there are as many, or its end; also one that is on its way
    /// when the filter answers.
    pub(super) fn part(&mut self, id: usize, bytes: usize) {
        let x = self.at_mut(id);
        let Some(body) = x
            .sent
            .body
            .as_ref()
            .filter(|_| !x.is_over && x.answer != Some(Reply::Envoy))
        else {
            return;
        };
        let part = body[x.came..body.len().min(x.came + bytes.max(1))].to_vec();
        let is_last = x.came + part.len() == body.len();
        let (is_empty, close) = (part.is_empty(), x.sent.close);
        x.came += part.len();
        x.is_over = match close {
            Close::WithTheLastPart => is_last,
            Close::Alone | Close::WithTrailers => is_empty,
        };
        let is_over = x.is_over;
        x.buffer.extend_from_slice(&part);
        let is_trailers = is_empty && close == Close::WithTrailers;
        let calls = if is_trailers {
            self.capabilities.trailers
        } else {
            self.capabilities.bodies
        };
        if !calls {
            return self.pass(id);
        }
        let reading = self.reading(id);
        let x = self.exchanges[id].as_mut().unwrap();
        let holdings = &mut self.workers[x.worker];
        if is_trailers {
            x.request.on_trailers(holdings, &reading);
        } else {
            let end = End::of_stream(is_over);
            x.request.on_body(x.buffer.len(), end, holdings, &reading);
        }
        self.carry_out(id);
    }

    /// All of a request that has not come yet.
    pub(super) fn rest(&mut self, id: usize) {
        while !self.exchange(id).is_over && self.exchange(id).answer.is_none() {
            self.part(id, usize::MAX / 2);
        }
    }

    /// An answer comes from upstream, if the request has gone there.
    pub(super) fn respond(&mut self, id: usize) {
        let x = self.exchanges[id].as_mut().unwrap();
        if !x.has_passed || x.answer.is_some() {
            return;
        }
        let responder = x.request.on_response(&mut self.workers[x.worker]);
        let expected = match (self.capabilities.heads, x.sent.is_left_alone()) {
            (false, _) => Responder::Unasked,
            (true, true) => Responder::Other,
            (true, false) => Responder::Aws,
        };
        assert!(responder == expected || x.warnings.contains(&Warning::NoHead));
        if responder == Responder::Unasked {
            // The answer that Envoy has does not go on.
            x.passed_end = false;
            self.carry_out(id);
        }
    }

    /// Envoy lets go of a request.
    pub(super) fn end(&mut self, id: usize) {
        if let Some(mut x) = self.exchanges[id].take() {
            x.request.on_end(&mut self.workers[x.worker]);
        }
    }

    /// Time passes, and then every worker's root ticks.
    pub(super) fn tick(&mut self, passed: Duration) {
        self.now += passed;
        for worker in 0..self.workers.len() {
            self.workers[worker].on_tick();
            let record = Rc::clone(&self.record);
            let due = self.workers[worker]
                .parking
                .settle(self.now, |_| Some(Rc::clone(&record)));
            assert!(due.len() <= MAX_STEPS);
            assert!(due.iter().filter(|due| due.takes_long()).count() <= 1);
            let is_all = self.workers[worker].tick_period(true) >= TICK_WHILE_PARKED;
            for due in due {
                self.release(worker, due);
            }
            if is_all {
                self.nobody_waits_too_long(worker);
            }
        }
    }

    /// A body has its timeout, and what then waits for credentials its own, or a second one for the rest.
    fn nobody_waits_too_long(&self, worker: usize) {
        let longest = LIMITS.body_timeout + LIMITS.body_timeout.max(LIMITS.max_wait);
        let held = self.exchanges.iter().flatten();
        for x in held.filter(|x| x.worker == worker && x.is_held()) {
            let waited = self.now.duration_since(x.began).unwrap();
            assert!(waited <= longest, "it waits too long: {x:?}");
        }
    }

    /// Ticks until nothing is due.
    pub(super) fn tick_all(&mut self, passed: Duration) {
        self.tick(passed);
        while self
            .workers
            .iter()
            .any(|worker| worker.tick_period(true) < TICK_WHILE_PARKED)
        {
            self.tick(Duration::ZERO);
        }
    }

    fn release(&mut self, worker: usize, due: Due) {
        let mut release = Release::new(due, self.now);
        let id = release.stream as usize;
        while let Some(step) = release.next(&mut self.workers[worker]) {
            if step == Step::Resume {
                let x = self.at_mut(id);
                // Resumed with half a body, Envoy 1.36.4 lost what came next.
                assert!(x.is_over || x.buffer.is_empty(), "half a body: {x:?}");
                self.pass(id);
                continue;
            }
            match self.carry_out_step(id, step) {
                Done::Callback { .. } => panic!("no callback is at hand"),
                Done::Step | Done::Replied => {}
                Done::Signed(chunks) => release.on_signed(chunks, &self.reading(id)),
                Done::Failed(refusal) => release.on_failed(refusal),
            }
        }
    }

    fn pass(&mut self, id: usize) {
        let x = self.exchanges[id].as_mut().unwrap();
        let was_answered = x.answer.is_some();
        x.pass(self.capabilities.heads);
        if x.answer.is_some() && !was_answered {
            // Envoy's own answer ends the stream.
            let holdings = &mut self.workers[x.worker];
            x.request.on_response(holdings);
            if let Step::Warn(warning) = x.request.next(holdings) {
                x.warnings.push(warning);
            }
            x.request.on_end(holdings);
        }
    }

    fn carry_out(&mut self, id: usize) {
        loop {
            let x = self.exchanges[id].as_mut().unwrap();
            let step = x.request.next(&self.workers[x.worker]);
            let done = self.carry_out_step(id, step);
            let reading = self.reading(id);
            let x = self.exchanges[id].as_mut().unwrap();
            let holdings = &mut self.workers[x.worker];
            match done {
                Done::Callback { goes_on: true } => return self.pass(id),
                Done::Callback { goes_on: false } => {
                    x.is_stopped = true;
                    return;
                }
                Done::Step => {}
                Done::Signed(chunks) => x.request.on_signed(chunks, holdings, &reading),
                Done::Replied => x.request.on_replied(holdings),
                Done::Failed(refusal) => x.request.on_failed(refusal, holdings),
            }
        }
    }

    fn carry_out_step(&mut self, id: usize, step: Step) -> Done {
        let fails = std::mem::take(&mut self.fails);
        match step {
            Step::WithholdMethod | Step::Sign(_) | Step::ReplaceBody(_) if fails => {
                return Done::Failed(failure());
            }
            Step::Sign(signing) if signing.request.presigning.is_some() => {
                let x = self.exchanges[id].as_mut().unwrap();
                assert!(x.sent.is_exchange() && x.is_over, "{x:?}");
                x.reply(Reply::Presigned);
                return Done::Replied;
            }
            Step::Sign(signing) => return Done::Signed(self.sign(id, &signing)),
            _ => self.fails = fails,
        }
        let x = self.exchanges[id].as_mut().unwrap();
        match step {
            Step::Continue => {
                assert_eq!(x.answer, None, "it goes on after its answer");
                return Done::Callback { goes_on: true };
            }
            Step::Pause => return Done::Callback { goes_on: false },
            Step::Park(period) => {
                assert!(period <= TICK_WHILE_PARKED);
                return Done::Callback { goes_on: false };
            }
            Step::LeaveAlone(..) | Step::Observe(..) => assert!(x.sent.is_left_alone()),
            Step::Answer(refusal, ..) => x.reply(Reply::Filter(refusal.reason())),
            Step::WithholdMethod => x.set_header(":method", None),
            Step::ReplaceBody(resigned) => {
                assert_eq!(resigned.length, x.buffer.len());
                x.buffer = resigned.new;
            }
            Step::Warn(warning) => x.warnings.push(warning),
            Step::Sign(_) | Step::Resume => panic!("not here"),
        }
        Done::Step
    }

    fn sign(&mut self, id: usize, signing: &Signing) -> Chunks {
        let x = self.exchanges[id].as_mut().unwrap();
        assert!(!x.has_passed && x.line.is_none() && x.answer.is_none());
        let body = x.sent.body.clone().unwrap_or_default();
        let all = x.came == body.len();
        match signing.request.payload {
            OwnedPayload::Empty => assert!(body.is_empty() || !x.sent.has_length),
            OwnedPayload::Hash(hash) => {
                let expected: [u8; 32] = Sha256::digest(&body).into();
                assert!(all && hash == expected, "the wrong hash: {x:?}");
            }
            OwnedPayload::Literal(ref value) => assert!(all || value == STREAMED),
            OwnedPayload::ChunkSigned(_) | OwnedPayload::EventSigned => {}
        }
        let before = x.headers.clone();
        let headers: Vec<Header<'_>> = before
            .iter()
            .map(|(name, value)| (&**name, value.as_bytes()))
            .collect();
        let by = Signatory {
            session: None,
            config: "1a2b3c4d",
            signer: &mut self.signer,
            role: "own",
            time: signing.now,
            marker: MARKER,
        };
        let chunks = edits::sign(signing, headers, by, &mut |edit| {
            match edit {
                Edit::Line(line) => x.line = Some(line.to_owned()),
                Edit::Header(name, value) => {
                    assert!(x.line.is_some(), "the guard would not know it");
                    x.set_header(name, value);
                }
            }
            Ok(())
        });
        let chunks = chunks.unwrap();
        assert_eq!(x.header(":method"), Some(x.sent.method));
        assert_eq!(chunks.is_some(), x.sent.is_chunk_signed());
        chunks
    }

    /// What was sent has gone on as it should, as far as it has; with nothing held anywhere, at the end.
    pub(super) fn close(mut self) {
        for _ in 0..3 {
            self.tick_all(LIMITS.body_timeout);
        }
        for worker in &self.workers {
            assert_eq!(worker.levels().parked, 0);
        }
        let all = self.capabilities.heads && self.capabilities.bodies && self.capabilities.trailers;
        for x in self.exchanges.iter().flatten() {
            assert!(!x.is_held(), "neither answered nor gone on: {x:?}");
            let body = x.sent.body.as_deref().unwrap_or_default();
            if all && x.is_over && x.answer.is_none() {
                assert!(x.passed_end, "its end is missing: {x:?}");
                assert_eq!(x.passed.len(), body.len(), "{x:?}");
            }
            if !x.sent.is_chunk_signed() {
                assert!(body.starts_with(&x.passed), "not what was sent: {x:?}");
            } else if all {
                let text = String::from_utf8_lossy(&x.passed);
                assert!(
                    !text.contains(CLIENTS),
                    "a chunk's signature of the client's: {x:?}"
                );
            }
        }
        for id in 0..self.exchanges.len() {
            self.end(id);
        }
        for worker in &self.workers {
            assert_eq!(worker.levels(), Levels::default());
        }
    }
}
