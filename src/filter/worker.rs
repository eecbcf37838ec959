//! What one worker's VM knows for one plugin: the configuration, its view of the process's credentials,
//! and the requests that it holds.

use super::envoy::{self, CallFailed, Change, Stat};
use super::role_view::RoleView;
use crate::config::Config;
use crate::credentials::cache::Record;
use crate::credentials::role::{Role, RoleId, Roles};
use crate::decision::Plan;
use crate::endpoint::Endpoint;
use crate::headers::{self, Header};
use crate::policy::suspended::{self, Suspended};
use crate::policy::{Mode, RouteMetadata};
use crate::presign::{self, Exchange};
use crate::refusal::Refusal;
use crate::report::access_log;
use crate::report::gauges::{Levels, TALLY_KEY, Tally};
use crate::report::metrics;
use crate::report::status::{Entry, Presence, REGISTER_KEY, Register};
use crate::request::ask::Ask;
use crate::request::body::Resigned;
use crate::request::edits::{self, Edit, Signatory};
use crate::request::holdings::Holdings;
use crate::request::lifecycle::{Step, Warning};
use crate::request::planned::{Chunks, Planned, Signing};
use crate::request::release::Release;
use crate::response::skew::{Learned, Measurement, Skews};
use crate::response::verdict::Verdict;
use crate::sigv4::Signer;
use proxy_wasm::types::{Action, LogLevel};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Shared by the root and its streams. No borrow is held across a call to Envoy that could end a stream.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) config: Config,
    /// As the access log names it.
    config_hash: String,
    /// Tells this VM's leases and levels from others'.
    pub(super) owner: u64,
    root_id: u32,
    /// What the rules ask of a request's route.
    route_metadata_keys: Vec<String>,
    pub(super) roles: Roles<Rc<RoleView>>,
    signer: RefCell<Signer>,
    skews: RefCell<Skews>,
    /// What the requests share.
    pub(super) holdings: RefCell<Holdings>,
    tick_period: Cell<Duration>,
    /// Few, and those that count most requests come first.
    counters: RefCell<Vec<(String, Stat)>>,
    parked: Stat,
    held_bytes: Stat,
    /// The CAS number of the tally that the gauges show; `None`: they show none yet.
    shown_tally: Cell<Option<Option<u32>>>,
    /// What any configuration of the process suspends.
    suspended: RefCell<Suspended>,
    epoch_is_noted: Cell<bool>,
    /// See [`envoy::flushes`].
    flushes: Cell<Option<u32>>,
}

/// What came of a [`Step`].
#[derive(Debug)]
pub(super) enum Done {
    /// It was the last one of a callback, which ends so.
    Callback(Action),
    /// It is carried out.
    Step,
    /// The signature is written.
    Signed(Chunks),
    /// It is answered with what it asked to be presigned.
    Replied,
    /// Envoy did not do it.
    Failed(Refusal),
}

impl Worker {
    pub(super) fn new(config: Config, configuration: &[u8], root_id: u32) -> Self {
        Self {
            config_hash: access_log::short_hash(configuration),
            roles: config
                .roles
                .map(|role| Rc::new(RoleView::new(role.clone(), &config))),
            route_metadata_keys: config.policy.route_metadata_keys(),
            holdings: RefCell::new(Holdings::new(
                config.parking,
                config.max_body_bytes,
                config.max_held_bytes,
                &config.roles,
            )),
            config,
            owner: envoy::random(),
            root_id,
            signer: RefCell::default(),
            skews: RefCell::default(),
            tick_period: Cell::default(),
            counters: RefCell::default(),
            parked: Stat::gauge(metrics::PARKED),
            held_bytes: Stat::gauge(metrics::HELD_BYTES),
            shown_tally: Cell::default(),
            suspended: RefCell::default(),
            epoch_is_noted: Cell::default(),
            flushes: Cell::default(),
        }
    }

    /// Says who it is, in the log, in the stats and in the status document.
    pub(super) fn introduce(&self, configuration: &[u8]) -> Presence {
        for (_, view) in self.roles.iter() {
            let Role { name, source, .. } = &view.role;
            envoy::log(LogLevel::Info, &format!("role {name}: {source}"));
        }
        Stat::gauge(&metrics::build_info()).record(1);
        let source = self.roles.own().role.source.word();
        Stat::gauge(&metrics::source(source)).record(1);
        let roles = self.roles.iter();
        let entry = Entry::new(
            configuration,
            roles.map(|(_, view)| (&view.role, view.key.as_str())),
            envoy::now(),
        );
        let added = change_register(|register| register.with(entry.clone()));
        // The first worker with this configuration says for all what is odd about it.
        if added == Change::Made {
            for warning in &self.config.warnings {
                envoy::log(LogLevel::Warn, &format!("configuration: {warning}"));
            }
        }
        Presence::new(entry)
    }

    /// What the route of the effective context carries for the rules.
    pub(super) fn route_metadata(&self) -> RouteMetadata {
        let keys = self.route_metadata_keys.iter();
        let mut metadata = RouteMetadata::new();
        metadata.extend(keys.filter_map(|key| Some((key.clone(), envoy::route_metadata(key)?))));
        metadata
    }

    /// Carries out a step for the request of the effective context. `headers` are the request's, where nothing has been
    /// written to them since they were read.
    pub(super) fn carry_out(&self, step: Step, headers: Option<Vec<Header<'_>>>) -> Done {
        let done = match step {
            Step::Continue => return Done::Callback(Action::Continue),
            Step::Pause => return Done::Callback(Action::Pause),
            Step::Park(period) => {
                self.set_tick_period(period);
                return Done::Callback(Action::Pause);
            }
            Step::LeaveAlone(why, about) => {
                self.count(metrics::left_alone(why));
                if let Some(line) = access_log::left_alone(why, &about, &self.config_hash) {
                    envoy::show_line(&line);
                }
                Ok(())
            }
            Step::Observe(observed, about) => {
                self.count(&metrics::observed(observed));
                if let Some(line) = access_log::observed(observed, &about, &self.config_hash) {
                    envoy::show_line(&line);
                }
                Ok(())
            }
            Step::Answer(refusal, format, about) => {
                self.count(metrics::refused(&refusal));
                let reason = refusal.reason().word();
                envoy::show_line(&access_log::refused(reason, &about, &self.config_hash));
                // Where it fails, nobody is there to be answered.
                envoy::logged(envoy::reply(&refusal.answer(format)));
                Ok(())
            }
            Step::Sign(signing) if signing.request.presigning.is_some() => {
                return match self.presigned(&signing) {
                    Ok(()) => Done::Replied,
                    Err(refusal) => Done::Failed(refusal),
                };
            }
            Step::Sign(signing) => {
                return match self.sign(&signing, headers) {
                    Ok(chunks) => Done::Signed(chunks),
                    Err(refusal) => Done::Failed(refusal),
                };
            }
            Step::WithholdMethod => envoy::set_request_header(":method", None),
            Step::ReplaceBody(Resigned { length, new }) => {
                envoy::replace_request_body(length, &new)
            }
            Step::Resume => {
                envoy::logged(envoy::resume_request());
                Ok(())
            }
            Step::Warn(warning) => {
                let level = match warning {
                    Warning::NoHead => LogLevel::Critical,
                    Warning::NoBody => LogLevel::Error,
                };
                envoy::log(level, warning.text());
                Ok(())
            }
        };
        match done {
            Ok(()) => Done::Step,
            Err(error) => Done::Failed(error.into()),
        }
    }

    /// Writes the signature into the headers of the effective context.
    fn sign(&self, signing: &Signing, headers: Option<Vec<Header<'_>>>) -> Result<Chunks, Refusal> {
        let map;
        let headers = match headers {
            Some(headers) => headers,
            None => {
                map = envoy::request_headers()?;
                headers::read(&map).ok_or(CallFailed::no_map())?
            }
        };
        let plan = &signing.request.plan;
        let role = self.role_that_signs(plan)?;
        let mut signer = self.signer.borrow_mut();
        let by = self.signatory(role, &mut signer, signing);
        let chunks = edits::sign(signing, headers, by, &mut |edit| {
            match edit {
                Edit::Line(line) => envoy::leave_line(line)?,
                Edit::Header(name, value) => envoy::set_request_header(name, value)?,
            }
            Ok(())
        })?;
        self.count(metrics::signed(plan.why));
        Ok(chunks)
    }

    /// Signs what the request of the effective context asks to be presigned, and answers it.
    fn presigned(&self, signing: &Signing) -> Result<(), Refusal> {
        let role = self.role_that_signs(&signing.request.plan)?;
        let mut signer = self.signer.borrow_mut();
        let by = self.signatory(role, &mut signer, signing);
        let presigned = edits::presign(signing, by)?;
        envoy::show_line(&presigned.line);
        self.count(metrics::presigned(presigned.service));
        Ok(envoy::reply(&presigned.answer)?)
    }

    fn role_that_signs(&self, plan: &Plan) -> Result<&RoleView, Refusal> {
        let role = self.roles.get(plan.role).unwrap_or(self.roles.own());
        for suspended in [&self.config.suspended, &*self.suspended.borrow()] {
            if let Some(refusal) = suspended.refusal(&plan.service, &role.role.name) {
                return Err(refusal);
            }
        }
        Ok(role)
    }

    fn signatory<'a>(
        &'a self,
        role: &'a RoleView,
        signer: &'a mut Signer,
        signing: &Signing,
    ) -> Signatory<'a> {
        let host = &signing.request.plan.authority;
        Signatory {
            signer,
            role: &role.role.name,
            session: role.role.source.session_name(),
            config: &self.config_hash,
            time: self.skews.borrow().signing_time(host, signing.now),
            marker: &self.config.marker_header,
        }
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
                format!("AWS says that {access_key_id} of role {role} has expired: refreshing");
            envoy::log(LogLevel::Warn, &text);
        }
    }

    /// Learns what others want of this configuration: other credentials, and what it must not sign. It says what it wants
    /// of them.
    pub(super) fn heed_orders(&self, now: SystemTime) {
        if let Some(epoch) = &self.config.credentials_epoch
            && !self.epoch_is_noted.replace(true)
        {
            self.note_epoch(epoch, now);
        }
        if self.config.suspended != Suspended::default() {
            envoy::change_shared_data(suspended::KEY, &|stored| {
                self.config.suspended.said(stored.as_deref(), now)
            });
        }
        if let Some((bytes, _)) = envoy::shared_data(suspended::KEY) {
            self.suspended.replace(Suspended::in_force(&bytes, now));
        }
        let flushes = envoy::flushes();
        if self.flushes.replace(flushes) != flushes {
            for (_, role) in self.roles.iter() {
                role.read_record();
            }
        }
    }

    fn note_epoch(&self, epoch: &str, now: SystemTime) {
        let pace = self.config.pace;
        let mut moment = Record::moment_of_epoch(now, envoy::jitter(), pace);
        let mut is_new = false;
        for (_, role) in self.roles.iter() {
            is_new |= role.note_epoch(epoch, now, moment, pace);
            // The pod's own role comes first.
            let own = self.roles.own().record();
            moment = own.flush_moment().unwrap_or(moment);
        }
        if is_new {
            envoy::tell_of_flushes();
            let text = format!("credentials_epoch {epoch} is new: credentials are replaced");
            envoy::log(LogLevel::Info, &text);
        }
    }

    /// Signs and answers what is due of the requests that are held, by this VM's views.
    pub(super) fn settle_held(&self, now: SystemTime) {
        let mut holdings = self.holdings.borrow_mut();
        let due = holdings.parking.settle(now, |role| self.record(role));
        drop(holdings);
        if due.is_empty() {
            return;
        }
        for due in due {
            let mut release = Release::new(due, now);
            // It fails where the client has gone meanwhile.
            if envoy::enter(release.stream) {
                self.release(&mut release);
            }
        }
        envoy::enter(self.root_id);
    }

    fn release(&self, release: &mut Release) {
        loop {
            let Some(step) = release.next(&mut self.holdings.borrow_mut()) else {
                return;
            };
            match self.carry_out(step, None) {
                // Nothing is left of a request that is answered.
                Done::Callback(_) | Done::Step | Done::Replied => {}
                Done::Signed(chunks) => release.on_signed(chunks, self),
                Done::Failed(refusal) => release.on_failed(refusal),
            }
        }
    }

    /// Tells the other workers what is held here, and shows what all of them hold.
    pub(super) fn show_levels(&self, now: SystemTime) {
        let levels = self.holdings.borrow().levels();
        self.tell(levels, now);
    }

    /// Nothing is held here any longer: this configuration ends.
    pub(super) fn withdraw_levels(&self) {
        self.tell(Levels::default(), envoy::now());
    }

    fn tell(&self, levels: Levels, now: SystemTime) {
        // Each round that fails is a part of another worker's.
        for _ in 0..1000 {
            let (bytes, cas) = envoy::shared_data(TALLY_KEY).unzip();
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
                    if envoy::swap_shared_data(TALLY_KEY, &changed.to_bytes(), cas) {
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
        // Nobody waits for what nobody fetches.
        let has_credentials =
            self.config.mode == Mode::Observe || self.roles.own().record().usable(now).is_some();
        let period = self.holdings.borrow().tick_period(has_credentials);
        self.set_tick_period(period);
    }

    pub(super) fn set_tick_period(&self, period: Duration) {
        if self.tick_period.replace(period) != period {
            envoy::logged(envoy::set_tick_period(period));
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

/// Changes the process's register; `change` gives `None` where nothing is to be done.
pub(super) fn change_register(change: impl Fn(Register) -> Option<Register>) -> Change {
    envoy::change_shared_data(REGISTER_KEY, &|stored| {
        let register = stored.map(|bytes| Register::from_bytes(&bytes));
        Some(change(register.unwrap_or_default())?.to_bytes())
    })
}

impl Ask for Worker {
    fn now(&self) -> SystemTime {
        envoy::now()
    }

    fn record(&self, role: RoleId) -> Option<Rc<Record>> {
        self.roles.get(role).map(|view| view.record())
    }

    fn fresh_record(&self, role: RoleId, now: SystemTime) -> Option<Rc<Record>> {
        let view = self.roles.get(role)?;
        view.note_use(now);
        Some(view.fresh_record(now))
    }

    fn connection(&self) -> Option<u64> {
        envoy::connection_id()
    }

    fn presign(&self, exchange: &Exchange, body: &[u8]) -> Result<Box<Planned>, Refusal> {
        let now = envoy::now();
        let planned = presign::plan(&self.config, exchange, body, now)?;
        let per_minute = self.config.presign.per_minute;
        let change = envoy::change_shared_data(presign::PER_MINUTE_KEY, &|stored| {
            presign::counted(stored.as_deref(), now, per_minute)
        });
        match change {
            Change::Made => Ok(planned),
            Change::NotNeeded | Change::Failed => Err(Refusal::PresignTooMany { per_minute }),
        }
    }

    fn body(&self, start: usize, length: usize) -> Result<Vec<u8>, Refusal> {
        Ok(envoy::request_body(start, length)?)
    }
}
