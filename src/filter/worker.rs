//! What one worker's VM knows for one plugin: the configuration, its view of the process's credentials,
//! and the requests that it holds.

use super::chunks;
use super::host::{self, HostError, Stat};
use super::role::RoleView;
use crate::audit;
use crate::cache::{Failure, Lookup, Record};
use crate::chunked::{Form, Resigner};
use crate::config::Config;
use crate::credentials::{CallHeaders, Credentials, Secret};
use crate::decision::Plan;
use crate::endpoint::Endpoint;
use crate::headers::{self, Header};
use crate::metrics;
use crate::policy::RouteMetadata;
use crate::refusal::{ErrorFormat, Refusal};
use crate::role::{Role, Roles};
use crate::sigv4::{Payload, Request, Signer};
use crate::skew::{Learned, Measurement, Skews};
use crate::status::{Entry, REGISTER_KEY, Register};
use crate::sts;
use crate::verdict::Verdict;
use proxy_wasm::types::LogLevel;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Shared by the root and its streams. No borrow is held across a call to Envoy.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) config: Config,
    root_id: u32,
    /// What the rules ask of a request's route.
    route_metadata_keys: Vec<String>,
    pub(super) roles: Roles<Rc<RoleView>>,
    signer: RefCell<Signer>,
    skews: RefCell<Skews>,
    held: RefCell<BTreeMap<u32, Held>>,
    parked: Cell<usize>,
    tick_period: Cell<Duration>,
    /// How many of AWS's answers are still looked at before the next tick.
    looks: Cell<u32>,
    /// Few, and those that count most requests come first.
    counters: RefCell<Vec<(String, Stat)>>,
    parked_stat: Stat,
}

/// A request that does not flow at the moment, or did not until it was settled from the root.
#[derive(Debug)]
pub(super) enum Held {
    /// Its body is still coming.
    Body {
        deadline: SystemTime,
        format: ErrorFormat,
    },
    /// It waits for credentials.
    Parked(Box<Unsigned>),
    /// It is signed and flows; its chunks are signed as they come.
    Signed(Chunks),
    /// It was answered; nothing of it may flow.
    Answered,
}

/// All that is needed to sign a request, now or later.
#[derive(Debug)]
pub(super) struct Unsigned {
    role: Rc<RoleView>,
    plan: Plan,
    payload: OwnedPayload,
    since: SystemTime,
    body: BodySoFar,
}

/// What Envoy holds of a parked request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodySoFar {
    Nothing,
    /// More is to come. Such a request is signed when the next part comes: resumed from the root, Envoy
    /// 1.36.4 would lose that part.
    Part,
    All,
}

/// What replaces the signatures of the chunks, for a request that has them.
pub(super) type Chunks = Option<Box<Resigner>>;

/// [`Payload`], for as long as a request waits.
#[derive(Clone, Debug)]
pub(super) enum OwnedPayload {
    Empty,
    Hash([u8; 32]),
    Literal(String),
    ChunkSigned(Form),
}

impl OwnedPayload {
    fn borrow(&self) -> Payload<'_> {
        match self {
            Self::Empty => Payload::Empty,
            Self::Hash(hash) => Payload::Hash(*hash),
            Self::Literal(value) => Payload::Literal(value),
            Self::ChunkSigned(form) => Payload::Literal(form.as_str()),
        }
    }
}

/// What became of a request that is ready to be signed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It may flow; its chunks are to be signed as they come.
    Signed(Chunks),
    /// It waits; it must not flow.
    Parked,
    /// It was answered; it must not flow.
    Answered,
}

impl Worker {
    pub(super) fn new(config: Config, root_id: u32) -> Self {
        Self {
            roles: config
                .roles
                .map(|role| Rc::new(RoleView::new(role.clone(), &config))),
            route_metadata_keys: config.policy.route_metadata_keys(),
            config,
            root_id,
            signer: RefCell::default(),
            skews: RefCell::default(),
            held: RefCell::default(),
            parked: Cell::default(),
            tick_period: Cell::default(),
            looks: Cell::default(),
            counters: RefCell::default(),
            parked_stat: Stat::gauge(metrics::PARKED),
        }
    }

    /// Says who it is, in the log, in the stats and in the status document.
    pub(super) fn introduce(&self, configuration: &[u8]) {
        for (_, view) in self.roles.iter() {
            let Role { name, means } = &view.role;
            host::log(LogLevel::Info, &format!("role {name}: {means}"));
        }
        Stat::gauge(&metrics::build_info()).record(1);
        let source = self.roles.own().role.means.source();
        Stat::gauge(&metrics::source(source)).record(1);
        let roles = self.roles.iter();
        let entry = Entry::new(
            configuration,
            roles.map(|(_, view)| (&view.role, view.key.as_str())),
            host::now(),
        );
        // Each round that fails is an entry of another worker's.
        for _ in 0..1000 {
            let stored = host::shared_data(REGISTER_KEY);
            let register = stored
                .as_ref()
                .map(|(bytes, _)| Register::from_bytes(bytes));
            let Some(register) = register.unwrap_or_default().with(entry.clone()) else {
                return;
            };
            let cas = stored.map(|(_, cas)| cas);
            if host::swap_shared_data(REGISTER_KEY, &register.to_bytes(), cas) {
                // The first worker with this configuration says for all what is odd about it.
                for warning in &self.config.warnings {
                    host::log(LogLevel::Warn, &format!("configuration: {warning}"));
                }
                return;
            }
        }
    }

    /// What the route of the effective context carries for the rules.
    pub(super) fn route_metadata(&self) -> RouteMetadata {
        let keys = self.route_metadata_keys.iter();
        let mut metadata = RouteMetadata::new();
        metadata.extend(keys.filter_map(|key| Some((key.clone(), host::route_metadata(key)?))));
        metadata
    }

    /// Signs the request of the effective context, parks it, or answers it. `headers` are the request's, if
    /// they are at hand.
    pub(super) fn settle(
        &self,
        stream: u32,
        plan: Plan,
        payload: OwnedPayload,
        headers: Option<Vec<Header<'_>>>,
    ) -> Outcome {
        let now = host::now();
        let Some(role) = self.roles.get(plan.role) else {
            let what = "the rule names no role".to_owned();
            return self.answer(stream, &Refusal::HostCallFailed { what }, plan.format);
        };
        role.note_use(now);
        let record = role.fresh_record(now);
        let request = Unsigned {
            role: Rc::clone(role),
            plan,
            payload,
            since: now,
            body: BodySoFar::Nothing,
        };
        let format = request.plan.format;
        match record.lookup(now, self.config.max_wait) {
            Lookup::Ready(credentials) => self.sign(stream, &request, headers, credentials, now),
            Lookup::Unavailable(failure) => self.answer(stream, &unavailable(failure), format),
            Lookup::Wait if self.parked.get() >= self.config.max_parked => self.answer(
                stream,
                &Refusal::TooManyParked {
                    max_parked: self.config.max_parked,
                },
                format,
            ),
            Lookup::Wait => {
                self.hold(stream, Held::Parked(Box::new(request)));
                self.set_tick_period(TICK_WHILE_PARKED);
                Outcome::Parked
            }
        }
    }

    /// Writes the signature into the headers of the effective context.
    fn sign(
        &self,
        stream: u32,
        request: &Unsigned,
        headers: Option<Vec<Header<'_>>>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Outcome {
        match self.write_signature(request, headers, credentials, now) {
            Ok(chunks) => {
                self.count(metrics::signed(request.plan.why));
                Outcome::Signed(chunks)
            }
            Err(error) => self.answer(
                stream,
                &Refusal::HostCallFailed {
                    what: error.to_string(),
                },
                request.plan.format,
            ),
        }
    }

    fn write_signature(
        &self,
        request: &Unsigned,
        headers: Option<Vec<Header<'_>>>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Result<Chunks, HostError> {
        let Unsigned {
            role,
            plan,
            payload,
            ..
        } = request;
        let map;
        let mut headers = match headers {
            Some(headers) => headers,
            None => {
                map = host::request_headers()?;
                headers::read(&map).ok_or(HostError::no_map())?
            }
        };
        let before = headers.len();
        headers.retain(|(name, _)| *name != self.config.marker_header);
        let is_marked = headers.len() < before;
        let value = |name| headers::value(&headers, name).unwrap_or_default();
        let path_and_query = match &plan.path_and_query {
            Some(other) => other.as_bytes(),
            None => value(":path"),
        };
        let request = Request {
            method: std::str::from_utf8(value(":method")).unwrap_or_default(),
            host: plan.authority.as_bytes(),
            path_and_query,
            headers: &headers,
            payload: payload.borrow(),
        };
        let (settings, scope) = (plan.settings(), plan.scope());
        let now = self.skews.borrow().signing_time(&plan.authority, now);
        let mut signer = self.signer.borrow_mut();
        let signed = signer.sign(&request, settings, &scope, credentials, now);
        let chunks = match payload {
            OwnedPayload::ChunkSigned(form) => {
                let signer = signer.chunk_signer(&signed, &scope, credentials, now);
                signer.map(|signer| Box::new(Resigner::new(*form, signer)))
            }
            _ => None,
        };
        drop(signer);
        let same_authority = value(":authority") == plan.authority.as_bytes();

        // The line first: from here on the guard stops the request at any cluster that is not listed.
        let line = audit::signed(plan, &role.role.name, &credentials.access_key_id);
        host::leave_line(&line)?;
        if is_marked {
            host::set_request_header(&self.config.marker_header, None)?;
        }
        if !same_authority {
            host::set_request_header(":authority", Some(&plan.authority))?;
        }
        if let Some(path_and_query) = &plan.path_and_query {
            host::set_request_header(":path", Some(path_and_query))?;
        }
        for (name, value) in signed.edits() {
            // A call to Envoy costs more than a look at the names.
            if value.is_some() || headers::value(&headers, name).is_some() {
                host::set_request_header(name, value)?;
            }
        }
        Ok(chunks)
    }

    /// Whether an answer is looked at, which is a call to Envoy: what AWS has against credentials or clock, it says
    /// again and again.
    pub(super) fn may_look(&self) -> bool {
        let looks = self.looks.get();
        self.looks.set(looks.saturating_sub(1));
        looks > 0 || self.has_skews()
    }

    pub(super) fn allow_looks(&self) {
        self.looks.set(LOOKS_BETWEEN_TICKS);
    }

    /// Whether any host's requests are signed with another time than ours.
    pub(super) fn has_skews(&self) -> bool {
        !self.skews.borrow().is_empty()
    }

    /// See [`Skews::learn`].
    pub(super) fn learn_skew(
        &self,
        host: &str,
        endpoint: &Endpoint<'_>,
        verdict: Option<Verdict>,
        measurement: Measurement,
    ) -> Learned {
        let mut skews = self.skews.borrow_mut();
        skews.learn(host, endpoint, verdict, measurement)
    }

    /// AWS called what a role's key signed expired or unknown.
    pub(super) fn note_stale(&self, role: &str, access_key_id: &str) {
        let mut views = self.roles.iter();
        let view = views.find(|(_, view)| view.role.name == role);
        if let Some((_, view)) = view
            && view.note_stale(access_key_id, self.config.pace)
        {
            self.count(metrics::STALE);
            let text =
                format!("AWS takes {access_key_id} of role {role} for expired: a refresh begins");
            host::log(LogLevel::Warn, &text);
        }
    }

    /// The headers of a call to STS that `credentials` sign.
    pub(super) fn sign_sts_call(
        &self,
        body: &Secret,
        credentials: &Credentials,
        now: SystemTime,
    ) -> CallHeaders {
        let Config {
            sts_host, region, ..
        } = &self.config;
        let mut signer = self.signer.borrow_mut();
        sts::signed_headers(sts_host, region, body, credentials, &mut signer, now)
    }

    /// Answers the request of the effective context.
    pub(super) fn answer(&self, stream: u32, refusal: &Refusal, format: ErrorFormat) -> Outcome {
        self.count(&metrics::refused(refusal));
        self.hold(stream, Held::Answered);
        if let Err(error) = host::reply(&refusal.answer(format)) {
            host::log(LogLevel::Error, &error.to_string());
        }
        Outcome::Answered
    }

    /// Holds a request until its body is there.
    pub(super) fn await_body(&self, stream: u32, format: ErrorFormat) {
        let deadline = host::now() + self.config.body_timeout;
        self.hold(stream, Held::Body { deadline, format });
    }

    /// A part of a parked request's body has come, or its end: signs it if credentials are there by
    /// now. A request that is not known must not flow.
    pub(super) fn settle_part(&self, stream: u32, end_of_stream: bool) -> Outcome {
        let now = host::now();
        let mut held = self.held.borrow_mut();
        let parked = match held.get_mut(&stream) {
            Some(Held::Signed(chunks)) => return Outcome::Signed(chunks.take()),
            Some(Held::Parked(parked)) => parked,
            Some(Held::Body { .. } | Held::Answered) | None => return Outcome::Answered,
        };
        let record = parked.role.record();
        let Some(credentials) = record.usable(now) else {
            parked.body = if end_of_stream {
                BodySoFar::All
            } else {
                BodySoFar::Part
            };
            return Outcome::Parked;
        };
        drop(held);
        match self.unpark(stream) {
            Some(request) => self.sign(stream, &request, None, credentials, now),
            None => Outcome::Answered,
        }
    }

    fn hold(&self, stream: u32, held: Held) {
        self.note_waiting(Some(&held), 1);
        let before = self.held.borrow_mut().insert(stream, held);
        self.note_waiting(before.as_ref(), -1);
    }

    /// Forgets a request that has ended.
    pub(super) fn forget(&self, stream: u32) {
        let before = self.held.borrow_mut().remove(&stream);
        self.note_waiting(before.as_ref(), -1);
    }

    /// Counts a request that is parked, or is no longer.
    fn note_waiting(&self, held: Option<&Held>, change: isize) {
        if let Some(Held::Parked(_)) = held {
            self.parked
                .set(self.parked.get().saturating_add_signed(change));
            self.parked_stat.add(if change < 0 { -1 } else { 1 });
        }
    }

    /// Takes a parked request out of the map, before any call to Envoy, which may end the stream.
    fn unpark(&self, stream: u32) -> Option<Box<Unsigned>> {
        let taken = self.held.borrow_mut().insert(stream, Held::Answered);
        self.note_waiting(taken.as_ref(), -1);
        match taken {
            Some(Held::Parked(request)) => Some(request),
            _ => None,
        }
    }

    /// Signs, answers or leaves waiting each request that the root can reach, by this VM's views.
    pub(super) fn settle_held(&self, now: SystemTime) {
        let streams: Vec<u32> = self.held.borrow().keys().copied().collect();
        for stream in streams {
            let Some(step) = self.step(stream, now) else {
                continue;
            };
            if !host::enter(stream) {
                self.forget(stream);
                continue;
            }
            match step {
                Step::Answer(refusal, format) => {
                    self.answer(stream, &refusal, format);
                }
                Step::Sign(parked, credentials) => {
                    let outcome = self.sign(stream, &parked, None, &credentials, now);
                    if let Outcome::Signed(chunks) = outcome {
                        self.resume(stream, chunks, &parked);
                    }
                }
            }
        }
        host::enter(self.root_id);
    }

    /// Lets the request of the effective context go on, which the root has signed.
    fn resume(&self, stream: u32, mut chunks: Chunks, parked: &Unsigned) {
        // No callback follows for a body that is complete.
        if let (Some(resigner), BodySoFar::All) = (&mut chunks, parked.body)
            && let Err(refusal) = chunks::resign(resigner, true)
        {
            self.answer(stream, &refusal, parked.plan.format);
            return;
        }
        self.hold(stream, Held::Signed(chunks));
        if let Err(error) = host::resume_request() {
            host::log(LogLevel::Error, &error.to_string());
        }
    }

    /// What is to be done now about one request; `None`: nothing.
    fn step(&self, stream: u32, now: SystemTime) -> Option<Step> {
        let mut held = self.held.borrow_mut();
        let entry = held.get_mut(&stream)?;
        match entry {
            Held::Signed(_) | Held::Answered => None,
            Held::Body { deadline, format } if *deadline <= now => {
                Some(Step::Answer(self.body_timeout(), *format))
            }
            Held::Body { .. } => None,
            Held::Parked(parked) => {
                let format = parked.plan.format;
                let waited = now.duration_since(parked.since).unwrap_or_default();
                let record = parked.role.record();
                match record.lookup(now, self.config.max_wait) {
                    // It waits for its own body by now.
                    Lookup::Ready(_) if parked.body == BodySoFar::Part => (waited
                        >= self.config.body_timeout)
                        .then(|| Step::Answer(self.body_timeout(), format)),
                    Lookup::Ready(credentials) => {
                        drop(held);
                        let request = self.unpark(stream)?;
                        Some(Step::Sign(request, credentials.clone()))
                    }
                    Lookup::Unavailable(failure) => {
                        Some(Step::Answer(unavailable(failure), format))
                    }
                    Lookup::Wait if waited < self.config.max_wait => None,
                    Lookup::Wait => Some(Step::Answer(self.late(&record), format)),
                }
            }
        }
    }

    fn body_timeout(&self) -> Refusal {
        Refusal::BodyTimeout {
            timeout: self.config.body_timeout,
        }
    }

    /// The answer to a request that waited as long as it may.
    fn late(&self, record: &Record) -> Refusal {
        match &record.failure {
            Some(failure) => unavailable(failure),
            None => Refusal::CredentialsPending {
                waited: self.config.max_wait,
            },
        }
    }

    /// Ticks are close together while a request waits, and rare otherwise.
    pub(super) fn adjust_ticks(&self, now: SystemTime) {
        let usable = self.roles.own().record().usable(now).is_some();
        self.set_tick_period(match usable {
            _ if self.parked.get() > 0 => TICK_WHILE_PARKED,
            true => TICK_AT_REST,
            false => TICK_WITHOUT_CREDENTIALS,
        });
    }

    pub(super) fn set_tick_period(&self, period: Duration) {
        if self.tick_period.replace(period) != period
            && let Err(error) = host::set_tick_period(period)
        {
            host::log(LogLevel::Error, &error.to_string());
        }
    }

    /// Adds one to a counter.
    pub(super) fn count(&self, name: &str) {
        let mut counters = self.counters.borrow_mut();
        match counters.iter().find(|(known, _)| known == name) {
            Some((_, counter)) => counter.add(1),
            None => {
                let counter = Stat::counter(name);
                counter.add(1);
                counters.push((name.to_owned(), counter));
            }
        }
    }
}

enum Step {
    Answer(Refusal, ErrorFormat),
    Sign(Box<Unsigned>, Credentials),
}

fn unavailable(failure: &Failure) -> Refusal {
    Refusal::CredentialsUnavailable {
        cause: failure.cause.clone(),
        advice: failure.advice.clone(),
    }
}

/// A request that waits on another worker's fetch is signed within two of these.
const TICK_WHILE_PARKED: Duration = Duration::from_millis(10);
const TICK_WITHOUT_CREDENTIALS: Duration = Duration::from_millis(100);
const TICK_AT_REST: Duration = Duration::from_secs(1);
/// Of a worker with more signed requests a second than this, some answers go unseen.
const LOOKS_BETWEEN_TICKS: u32 = 100;
