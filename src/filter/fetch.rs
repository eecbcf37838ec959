//! Fetching credentials: the callouts, and what becomes of their replies in shared data.
//!
//! Only the root context makes callouts. Who fetches, when, and what is called, the core decides
//! ([`crate::credentials::fetch`] and the sources).

use super::envoy::{self, Change};
use super::role_view::RoleView;
use super::worker::Worker;
use crate::credentials::Credentials;
use crate::credentials::cache::{Next, Record, Retry};
use crate::credentials::call::{Context, Failed, Progress};
use crate::credentials::fetch::{Fetch, Fetches, first_turn};
use crate::credentials::outcome::{Fetched, StsHostUsed};
use crate::credentials::reply::MAX_REPLY_BYTES;
use crate::credentials::role::RoleId;
use crate::credentials::sts::{GivenBy, Standing};
use crate::own_keys::{self, OwnKeys};
use crate::report::metrics;
use crate::timestamp::rfc3339;
use proxy_wasm::types::LogLevel;
use std::rc::Rc;
use std::time::SystemTime;

/// This VM's part in fetching.
#[derive(Debug)]
pub(super) struct Fetcher {
    worker: Rc<Worker>,
    fetches: Fetches,
}

impl Fetcher {
    pub(super) fn new(worker: Rc<Worker>) -> Self {
        Self {
            worker,
            fetches: Fetches::default(),
        }
    }

    /// Starts what is due and nobody else has begun.
    pub(super) fn start_due(&mut self, now: SystemTime) {
        let worker = Rc::clone(&self.worker);
        let mut roles = worker.roles.iter();
        let anyone_waits = roles.any(|(_, role)| role.view().is_waited_for(now));
        for (id, role) in worker.roles.iter() {
            let look = self.fetches.look(id, &role.view(), anyone_waits, now);
            let Some(demand) = look else {
                continue;
            };
            let cas = role.read_or_start(now, &worker.config);
            if role.record().next(now, demand) == Next::Fetch {
                self.begin(id, role, cas, now);
            }
        }
    }

    /// Takes the lease and makes the first callout.
    fn begin(&mut self, id: RoleId, role: &RoleView, cas: Option<u32>, now: SystemTime) {
        let worker = Rc::clone(&self.worker);
        let own = worker.roles.own().fresh_record(now);
        let context = context(&worker, role, &own, now);
        let first = role.role.source.first_call(&context);
        let lease = context.settings.lease();
        let record = role.record().leased(worker.owner, now, lease);
        // Where somebody was faster, the next tick sees what came of it.
        if first != Progress::Later && role.swap_record(cas, record) {
            if role.record().is_flushed() {
                worker.count(metrics::FLUSHES);
            }
            self.go_on(id, role, first, &context);
        }
    }

    /// The reply to a callout, or that there is none.
    pub(super) fn on_reply(&mut self, callout: u32, body_size: usize, now: SystemTime) {
        let worker = Rc::clone(&self.worker);
        let Some(fetch) = self.fetches.take(callout) else {
            return;
        };
        let Some(role) = worker.roles.get(fetch.role) else {
            return;
        };
        // One byte more than is read shows that there is more.
        let (status, body) = envoy::call_reply(body_size, MAX_REPLY_BYTES + 1);
        #[cfg(feature = "trap")]
        super::trap::on_reply(&body);
        let own = worker.roles.own().record();
        let context = context(&worker, role, &own, now);
        let (id, source) = (fetch.role, &role.role.source);
        let progress = fetch.go_on(source, &role.record(), &context, status, &body);
        self.go_on(id, role, progress, &context);
    }

    fn go_on<'a>(
        &mut self,
        id: RoleId,
        role: &RoleView,
        mut progress: Progress<'a>,
        context: &Context<'a>,
    ) {
        while let Progress::Call(call) = progress {
            if let Some(Failed { outcome, failure }) = &call.instead {
                self.worker.count(metrics::sts(*outcome));
                let name = &role.role.name;
                let text = format!(
                    "no new credentials of role {name}: {failure}; the next of `sts_hosts` is asked"
                );
                envoy::log(LogLevel::Warn, &text);
            }
            let fetch = Fetch::new(id, &call);
            let body = call.body.as_ref().map(|body| body.expose().as_bytes());
            match envoy::call(call.cluster, &call.headers.expose(), body, call.timeout) {
                Ok(callout) => return self.fetches.wait(callout, fetch),
                Err(_) => {
                    let why = format!(
                        "Envoy cannot call cluster \"{}\": it is missing, or its host has no address yet",
                        call.cluster
                    );
                    let (source, record) = (&role.role.source, role.record());
                    progress = fetch.go_on(source, &record, context, 0, why.as_bytes());
                }
            }
        }
        match progress {
            Progress::Done(credentials, by) => {
                self.succeeded(role, &credentials, by, context.now);
            }
            Progress::Failed(failed) => self.failed(role, &failed),
            Progress::Later | Progress::Call(_) => {}
        }
    }

    fn succeeded(
        &self,
        role: &RoleView,
        credentials: &Credentials,
        by: Option<GivenBy<'_>>,
        now: SystemTime,
    ) {
        let (id, expires_at) = (&credentials.access_key_id, credentials.expires_at);
        // Before anything is signed with them. Where that cannot be, neither could they be shared.
        let filed = envoy::change_shared_data(own_keys::KEY, &|stored| {
            let keys = stored.map(OwnKeys::from_bytes).unwrap_or_default();
            Some(keys.with(credentials, now).as_bytes().to_vec())
        });
        if filed == Change::Failed {
            envoy::log(LogLevel::Critical, "new credentials cannot be filed");
            return;
        }
        self.worker.count(metrics::sts(Fetched::Ok));
        if let Some(by) = by {
            let used = match by.first {
                Standing::Answers => StsHostUsed::First,
                Standing::Failed | Standing::NotAsked => StsHostUsed::Other,
            };
            self.worker.count(metrics::sts_host(used));
        }
        envoy::log(
            LogLevel::Info,
            &format!(
                "new credentials {id} of role {} until {}{}{}",
                role.role.name,
                rfc3339(expires_at),
                by.map_or("", |_| ", from "),
                by.map_or("", |by| by.host)
            ),
        );
        let (jitter, pace) = (envoy::jitter(), self.worker.config.pace);
        role.change_record(|record| {
            let new = record.succeeded(self.worker.owner, credentials.clone(), now, jitter, pace);
            match by {
                Some(by) => new.given_by(by, id, record, now, pace),
                None => new,
            }
        });
    }

    fn failed(&self, role: &RoleView, failed: &Failed) {
        let Failed { outcome, failure } = failed;
        let pace = self.worker.config.pace;
        if failed.is_of_own_credentials() {
            let own = self.worker.roles.own();
            if let Some(cached) = &own.record().credentials {
                own.note_stale(&cached.credentials.access_key_id, pace);
            }
        }
        self.worker.count(metrics::sts(*outcome));
        let (now, jitter) = (envoy::now(), envoy::jitter());
        role.change_record(|record| {
            record.failed(self.worker.owner, failure.clone(), now, jitter, pace)
        });
        let record = role.record();
        let meanwhile = match record.usable(now) {
            Some(credentials) => {
                let expires_at = rfc3339(credentials.expires_at);
                format!("the current ones sign until {expires_at}")
            }
            None => "none are left to sign with".to_owned(),
        };
        // Somebody has to act: loudly, even though nothing fails yet.
        let level = match record.failure.as_ref().map(|failure| failure.retry) {
            Some(Retry::Unlikely) => LogLevel::Error,
            _ => LogLevel::Warn,
        };
        let name = &role.role.name;
        envoy::log(
            level,
            &format!("no new credentials of role {name}: {failure}; {meanwhile}"),
        );
    }
}

/// Gives the leases back: a root that ends takes its callouts along.
impl Drop for Fetcher {
    fn drop(&mut self) {
        for role in self.fetches.roles() {
            if let Some(role) = self.worker.roles.get(role) {
                role.change_record(|record| record.released(self.worker.owner));
            }
        }
    }
}

fn context<'a>(
    worker: &'a Worker,
    role: &'a RoleView,
    own: &'a Record,
    now: SystemTime,
) -> Context<'a> {
    let settings = worker.config.calls(&role.role);
    Context {
        settings,
        own,
        first: first_turn(&settings.sts.hosts, &role.record(), own, now),
        now,
    }
}
