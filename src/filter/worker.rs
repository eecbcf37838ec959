//! What one worker's VM knows for one plugin: the configuration, its view of the process's credentials,
//! and the requests that it holds.

use super::chunks;
use super::host::{self, Change, HostError, Stat};
use super::record::RoleView;
use crate::budget::{Budget, Share};
use crate::chunked::Resigner;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::credentials::cache::Record;
use crate::credentials::role::{Role, RoleId, Roles};
use crate::decision::Plan;
use crate::endpoint::Endpoint;
use crate::headers::{self, Header};
use crate::parking::{
    Admission, BodySoFar, Chunks, Due, OnPart, OwnedPayload, Parking, Step, TICK_WHILE_PARKED,
    Ticket, Unsigned,
};
use crate::policy::RouteMetadata;
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::{self, SignedLine};
use crate::report::gauges::{Levels, TALLY_KEY, Tally};
use crate::report::metrics;
use crate::report::status::{Entry, REGISTER_KEY, Register};
use crate::response::skew::{Learned, Measurement, Skews};
use crate::response::verdict::Verdict;
use crate::sigv4::{Request, Signer};
use proxy_wasm::types::LogLevel;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Shared by the root and its streams. No borrow is held across a call to Envoy that could end a stream.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) config: Config,
    /// Tells this VM's leases and levels from others'.
    pub(super) owner: u64,
    root_id: u32,
    /// What the rules ask of a request's route.
    route_metadata_keys: Vec<String>,
    pub(super) roles: Roles<Rc<RoleView>>,
    signer: RefCell<Signer>,
    skews: RefCell<Skews>,
    parking: RefCell<Parking>,
    budget: RefCell<Budget>,
    tick_period: Cell<Duration>,
    /// How many of AWS's answers are still looked at before the next tick.
    looks: Cell<u32>,
    /// Few, and those that count most requests come first.
    counters: RefCell<Vec<(String, Stat)>>,
    parked: Stat,
    held_bytes: Stat,
    /// The CAS number of the tally that the gauges show; `None`: they show none yet.
    shown_tally: Cell<Option<Option<u32>>>,
    /// Envoy has handed over a part of a body, or trailers: it is allowed to.
    pub(super) hands_over_bodies: Cell<bool>,
    pub(super) hands_over_trailers: Cell<bool>,
}

/// What became of a request that is ready to be signed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It may flow; its chunks are to be signed as they come.
    Signed(Chunks),
    /// It waits; it must not flow.
    Parked(Ticket),
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
            parking: RefCell::new(Parking::new(config.parking, &config.roles)),
            budget: RefCell::new(Budget::new(config.max_held_bytes)),
            config,
            owner: host::random(),
            root_id,
            signer: RefCell::default(),
            skews: RefCell::default(),
            tick_period: Cell::default(),
            looks: Cell::default(),
            counters: RefCell::default(),
            parked: Stat::gauge(metrics::PARKED),
            held_bytes: Stat::gauge(metrics::HELD_BYTES),
            shown_tally: Cell::default(),
            hands_over_bodies: Cell::default(),
            hands_over_trailers: Cell::default(),
        }
    }

    /// Says who it is, in the log, in the stats and in the status document.
    pub(super) fn introduce(&self, configuration: &[u8]) {
        for (_, view) in self.roles.iter() {
            let Role { name, source } = &view.role;
            host::log(LogLevel::Info, &format!("role {name}: {source}"));
        }
        Stat::gauge(&metrics::build_info()).record(1);
        let source = self.roles.own().role.source.word();
        Stat::gauge(&metrics::source(source)).record(1);
        let roles = self.roles.iter();
        let entry = Entry::new(
            configuration,
            roles.map(|(_, view)| (&view.role, view.key.as_str())),
            host::now(),
        );
        let added = host::change_shared_data(REGISTER_KEY, |stored| {
            let register = stored.map(|bytes| Register::from_bytes(&bytes));
            let register = register.unwrap_or_default().with(entry.clone())?;
            Some(register.to_bytes())
        });
        // The first worker with this configuration says for all what is odd about it.
        if added == Change::Made {
            for warning in &self.config.warnings {
                host::log(LogLevel::Warn, &format!("configuration: {warning}"));
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
            return self.answer(&Refusal::HostCallFailed { what }, plan.format);
        };
        role.note_use(now);
        let record = role.fresh_record(now);
        let format = plan.format;
        let request = Unsigned { plan, payload };
        let admission = self.parking.borrow().admit(&record, now);
        match admission {
            Admission::Sign(credentials) => self.sign(&request, headers, credentials, now),
            Admission::Answer(refusal) => self.answer(&refusal, format),
            Admission::Park => {
                let mut parking = self.parking.borrow_mut();
                let ticket = parking.park(stream, Box::new(request), now);
                drop(parking);
                self.set_tick_period(TICK_WHILE_PARKED);
                Outcome::Parked(ticket)
            }
        }
    }

    /// Writes the signature into the headers of the effective context.
    fn sign(
        &self,
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
        let Unsigned { plan, payload } = request;
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
        let method = match &plan.withheld_method {
            Some(method) => method,
            None => std::str::from_utf8(value(":method")).unwrap_or_default(),
        };
        let request = Request {
            method,
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
        let role = self.roles.get(plan.role).unwrap_or(self.roles.own());
        let line = SignedLine {
            reason: plan.why.word(),
            service: &plan.service,
            region: &plan.region,
            role: &role.role.name,
            access_key_id: &credentials.access_key_id,
            host: &plan.authority,
        }
        .write();
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
        if let Some(method) = &plan.withheld_method {
            host::set_request_header(":method", Some(method))?;
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

    /// Answers the request of the effective context.
    pub(super) fn answer(&self, refusal: &Refusal, format: ErrorFormat) -> Outcome {
        self.count(metrics::refused(refusal));
        host::show_line(&access_log::refused(refusal.reason().word()));
        if let Err(error) = host::reply(&refusal.answer(format)) {
            host::log(LogLevel::Error, &error.to_string());
        }
        Outcome::Answered
    }

    /// Holds a request until its body is there.
    pub(super) fn await_body(&self, stream: u32, format: ErrorFormat) -> Ticket {
        let mut parking = self.parking.borrow_mut();
        parking.await_body(stream, format, host::now())
    }

    /// Whether a request still waits for its body; the root may have answered it.
    pub(super) fn awaits_body(&self, ticket: Ticket) -> bool {
        self.parking.borrow().awaits_body(ticket)
    }

    /// Whether a request still waits, for its body or for credentials.
    pub(super) fn is_held(&self, ticket: Ticket) -> bool {
        self.parking.borrow().is_held(ticket)
    }

    /// A part of a parked request's body has come, or its end: signs it if credentials are there by now.
    pub(super) fn settle_part(&self, ticket: Ticket, end_of_stream: bool) -> Outcome {
        let now = host::now();
        let mut parking = self.parking.borrow_mut();
        let on_part = parking.on_part(ticket, end_of_stream, now, |role| self.record(role));
        drop(parking);
        match on_part {
            OnPart::Sign(request, credentials) => self.sign(&request, None, &credentials, now),
            OnPart::Resumed(chunks) => Outcome::Signed(chunks),
            OnPart::Wait => Outcome::Parked(ticket),
            OnPart::Answered => Outcome::Answered,
        }
    }

    /// A request needs its ticket no longer: it flows, was answered, or has ended.
    pub(super) fn forget(&self, ticket: Ticket) {
        self.parking.borrow_mut().forget(ticket);
    }

    /// A parked request lacks its method, which is put back when it is signed.
    pub(super) fn note_withheld(&self, ticket: Ticket, method: String) {
        let mut parking = self.parking.borrow_mut();
        if let Some(request) = parking.parked_request(ticket) {
            request.plan.withheld_method = Some(method);
        }
    }

    /// A stream holds so much at the end of a callback; on an error, its request must be answered.
    pub(super) fn hold(&self, share: &mut Share, bytes: usize) -> Result<(), Refusal> {
        let mut budget = self.budget.borrow_mut();
        budget.hold(share, bytes, host::connection_id)
    }

    /// A stream holds nothing any longer.
    pub(super) fn release(&self, share: &mut Share) {
        self.budget.borrow_mut().release(share);
    }

    /// This VM's view of a role's record.
    fn record(&self, role: RoleId) -> Option<Rc<Record>> {
        self.roles.get(role).map(|view| view.record())
    }

    /// Signs and answers what is due of the requests that are held, by this VM's views.
    pub(super) fn settle_held(&self, now: SystemTime) {
        let mut parking = self.parking.borrow_mut();
        let due = parking.settle(now, |role| self.record(role));
        drop(parking);
        if due.is_empty() {
            return;
        }
        for Due {
            stream,
            ticket,
            step,
        } in due
        {
            // It fails where the client has gone meanwhile.
            if !host::enter(stream) {
                continue;
            }
            match step {
                Step::Answer(refusal, format) => {
                    self.answer(&refusal, format);
                }
                Step::Sign {
                    request,
                    body,
                    credentials,
                } => {
                    let outcome = self.sign(&request, None, &credentials, now);
                    if let Outcome::Signed(chunks) = outcome {
                        self.resume(ticket, chunks, body, request.plan.format);
                    }
                }
            }
        }
        host::enter(self.root_id);
    }

    /// Lets the request of the effective context go on, which the root has signed.
    fn resume(&self, ticket: Ticket, mut chunks: Chunks, body: BodySoFar, format: ErrorFormat) {
        // No callback follows for a body that is complete.
        if let (Some(resigner), BodySoFar::All) = (&mut chunks, body)
            && let Err(refusal) = chunks::resign(resigner, true)
        {
            self.answer(&refusal, format);
            return;
        }
        self.parking.borrow_mut().resume(ticket, chunks);
        if let Err(error) = host::resume_request() {
            host::log(LogLevel::Error, &error.to_string());
        }
    }

    /// Tells the other workers what is held here, and shows what all of them hold.
    pub(super) fn show_levels(&self, now: SystemTime) {
        let count = |number: usize| number.try_into().unwrap_or(u64::MAX);
        let parked = count(self.parking.borrow().parked());
        let held_bytes = count(self.budget.borrow().held());
        self.tell(Levels { parked, held_bytes }, now);
    }

    /// Nothing is held here any longer: this configuration ends.
    pub(super) fn withdraw_levels(&self) {
        self.tell(Levels::default(), host::now());
    }

    fn tell(&self, levels: Levels, now: SystemTime) {
        // Each round that fails is a part of another worker's.
        for _ in 0..1000 {
            let (bytes, cas) = host::shared_data(TALLY_KEY).unzip();
            let tally = bytes
                .map(|bytes| Tally::from_bytes(&bytes))
                .unwrap_or_default();
            match tally.with(self.owner, levels, now) {
                None => {
                    if self.shown_tally.replace(Some(cas)) != Some(cas) {
                        self.show(tally.total());
                    }
                    return;
                }
                Some(changed) => {
                    if host::swap_shared_data(TALLY_KEY, &changed.to_bytes(), cas) {
                        self.show(changed.total());
                        return;
                    }
                }
            }
        }
    }

    fn show(&self, levels: Levels) {
        self.parked.record(levels.parked);
        self.held_bytes.record(levels.held_bytes);
    }

    pub(super) fn adjust_ticks(&self, now: SystemTime) {
        let has_credentials = self.roles.own().record().usable(now).is_some();
        let period = self.parking.borrow().tick_period(has_credentials);
        self.set_tick_period(period);
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

/// Of a worker with more signed requests a second than this, some answers go unseen.
const LOOKS_BETWEEN_TICKS: u32 = 100;
