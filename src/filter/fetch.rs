//! Fetching credentials: the callouts to the token listener, to STS and to a container endpoint.
//!
//! Only the root context makes callouts. At most one VM of the process fetches for a role at a time: the
//! one whose lease stands in the role's record.

use super::host::{self, Change};
use super::record::RoleView;
use super::worker::Worker;
use crate::credentials::cache::{Demand, Failure, Next, Retry};
use crate::credentials::failure::FetchError;
use crate::credentials::outcome::Fetched;
use crate::credentials::reply::quote::Quote;
use crate::credentials::role::{Chained, Means, RoleId, WebIdentity};
use crate::credentials::source::container::Authorization;
use crate::credentials::source::container::{self, AuthorizationError, ContainerError};
use crate::credentials::source::web_identity::token::{self, TokenError};
use crate::credentials::sts::{self, AssumeRole, AssumeRoleWithWebIdentity, Operation, StsError};
use crate::credentials::{Credentials, Secret};
use crate::metrics;
use crate::own_keys::{self, OwnKeys};
use crate::timestamp::rfc3339;
use proxy_wasm::types::LogLevel;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// This VM's part in fetching.
#[derive(Debug)]
pub(super) struct Fetcher {
    worker: Rc<Worker>,
    in_flight: Vec<Fetch>,
}

/// A fetch that waits for a reply.
#[derive(Debug)]
struct Fetch {
    callout: u32,
    view: Rc<RoleView>,
    asked: Asked,
    /// The secrets that went along: the reply may repeat them.
    sent: Vec<Secret>,
}

/// What was asked for, and so who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    WebIdentityToken,
    AuthorizationToken,
    Sts(Operation),
    Container,
}

impl Fetcher {
    pub(super) fn new(worker: Rc<Worker>) -> Self {
        Self {
            worker,
            in_flight: Vec::new(),
        }
    }

    /// Starts what is due and nobody is at.
    pub(super) fn start_due(&mut self, now: SystemTime) {
        let worker = Rc::clone(&self.worker);
        for (id, view) in worker.roles.iter() {
            let demand = self.demand(id, view, now);
            let busy = |fetch: &Fetch| Rc::ptr_eq(&fetch.view, view);
            let seen = view.record();
            // While there are credentials in this VM's view, it says when to look again.
            let no_news = seen.usable(now).is_some() && seen.next(now, demand) == Next::Rest;
            if demand == Demand::Idle || no_news || self.in_flight.iter().any(busy) {
                continue;
            }
            let cas = view.read_or_start(now, worker.config.start_jitter);
            if view.record().next(now, demand) == Next::Fetch {
                self.begin(view, cas, now);
            }
        }
    }

    /// The pod's own role is always wanted, the others by those who ask. A chained role asks for the
    /// pod's own.
    fn demand(&self, id: RoleId, view: &RoleView, now: SystemTime) -> Demand {
        let is_own = id == RoleId::OWN;
        let mut others = self.worker.roles.iter();
        if view.is_waited_for(now) || is_own && others.any(|(_, view)| view.is_waited_for(now)) {
            Demand::Waiting
        } else if is_own || view.is_used() {
            Demand::Wanted
        } else {
            Demand::Idle
        }
    }

    /// Takes the lease and makes the first callout.
    fn begin(&mut self, view: &Rc<RoleView>, cas: Option<u32>, now: SystemTime) {
        let config = &self.worker.config;
        let own = self.worker.roles.own().fresh_record(now);
        let is_chained = matches!(view.role.means, Means::Chained(_));
        let without = is_chained && own.usable(now).is_none();
        let lasting = own.failure.as_ref();
        let lasting = lasting.filter(|failure| failure.retry == Retry::Unlikely);
        if without && lasting.is_none() {
            // Its own role's fetch is under way, or comes soon.
            return;
        }
        let duration = TOKEN_TIMEOUT + config.sts_timeout + LEASE_MARGIN;
        let record = view.record().leased(self.worker.owner, now, duration);
        if !view.swap_record(cas, record) {
            // Somebody was faster; the next tick sees what came of it.
            return;
        }
        if let (true, Some(failure)) = (without, lasting) {
            self.failed(view, Fetched::OwnRole, failure);
            return;
        }
        match (&view.role.means, own.usable(now)) {
            (Means::WebIdentity(_), _) => {
                self.ask_listener(view, token::PATH, Asked::WebIdentityToken);
            }
            (Means::Container { authorization, .. }, _) => match authorization {
                Authorization::File => {
                    self.ask_listener(view, container::TOKEN_PATH, Asked::AuthorizationToken);
                }
                Authorization::Token(token) => self.ask_container(view, Some(token)),
                Authorization::None => self.ask_container(view, None),
            },
            (Means::Chained(chained), Some(credentials)) => {
                self.ask_sts_signed(view, chained, credentials, now);
            }
            (Means::Chained(_), None) => {}
        }
    }

    fn ask_listener(&mut self, view: &Rc<RoleView>, path: &str, asked: Asked) {
        let headers = [
            (":method", "GET"),
            (":path", path),
            (":authority", "sigv4-egress-token"),
        ];
        let cluster = &self.worker.config.token_cluster;
        match (host::call(cluster, &headers, None, TOKEN_TIMEOUT), asked) {
            (Ok(callout), _) => self.wait(view, callout, asked, Vec::new()),
            (Err(_), Asked::AuthorizationToken) => {
                self.authorization_failed(view, AuthorizationError::Unreachable);
            }
            (Err(_), _) => self.token_failed(view, &TokenError::Unreachable),
        }
    }

    fn wait(&mut self, view: &Rc<RoleView>, callout: u32, asked: Asked, sent: Vec<Secret>) {
        self.in_flight.push(Fetch {
            callout,
            view: Rc::clone(view),
            asked,
            sent,
        });
    }

    /// The reply to a callout, or that there is none.
    pub(super) fn on_reply(&mut self, callout: u32, body_size: usize, now: SystemTime) {
        let mut fetches = self.in_flight.iter();
        let Some(place) = fetches.position(|fetch| fetch.callout == callout) else {
            return;
        };
        let Fetch {
            view, asked, sent, ..
        } = self.in_flight.swap_remove(place);
        // One byte more than is read shows that there is more.
        let (status, body) =
            host::call_reply(body_size, crate::credentials::reply::MAX_REPLY_BYTES + 1);
        #[cfg(feature = "trap")]
        super::trap::on_reply(&body);
        match asked {
            Asked::WebIdentityToken => {
                let audience = &self.worker.config.token_audience;
                match token::parse_reply(status, &body, audience, now) {
                    Ok(token) => self.ask_sts(&view, &token.secret),
                    Err(error) => self.token_failed(&view, &error),
                }
            }
            Asked::AuthorizationToken => match container::parse_token(status, &body) {
                Ok(token) => self.ask_container(&view, Some(&token)),
                Err(error) => self.authorization_failed(&view, error),
            },
            Asked::Sts(operation) => {
                let secrets = self.secrets(sent, &view);
                match sts::parse_reply(operation, status, &body, &secrets, now) {
                    Ok(credentials) => self.succeeded(&view, &credentials, now),
                    Err(error) => self.sts_failed(&view, &error),
                }
            }
            Asked::Container => {
                let secrets = self.secrets(sent, &view);
                match container::parse_reply(status, &body, &secrets, now) {
                    Ok(credentials) => self.succeeded(&view, &credentials, now),
                    Err(error) => self.container_failed(&view, &error),
                }
            }
        }
    }

    /// What no text of the other side's may show a part of: what it was sent, and the credentials that it may know.
    fn secrets(&self, sent: Vec<Secret>, view: &RoleView) -> Vec<Secret> {
        let own = self.worker.roles.own();
        let mut secrets = sent;
        for record in [own.record(), view.record()] {
            secrets.extend(
                record
                    .credentials
                    .iter()
                    .flat_map(|cached| cached.credentials.secrets()),
            );
        }
        secrets
    }

    fn ask_sts(&mut self, view: &Rc<RoleView>, token: &Secret) {
        let Means::WebIdentity(WebIdentity {
            arn,
            session_name,
            duration,
            session_policy,
        }) = &view.role.means
        else {
            return;
        };
        let body = AssumeRoleWithWebIdentity {
            role_arn: arn,
            session_name,
            duration: *duration,
            session_policy: session_policy.as_ref(),
            token,
        }
        .body();
        let worker = Rc::clone(&self.worker);
        let headers = sts::request_headers(&worker.config.sts_host);
        let operation = Operation::AssumeRoleWithWebIdentity;
        self.call_sts(view, operation, &headers, &body, vec![token.clone()]);
    }

    fn ask_sts_signed(
        &mut self,
        view: &Rc<RoleView>,
        chained: &Chained,
        credentials: &Credentials,
        now: SystemTime,
    ) {
        let body = AssumeRole {
            role_arn: &chained.arn,
            session_name: &chained.session_name,
            duration: chained.duration,
            session_policy: chained.session_policy.as_ref(),
            external_id: chained.external_id.as_ref(),
            tags: &chained.tags,
            source_identity: chained.source_identity.as_ref(),
        }
        .body();
        let headers = self.worker.sign_sts_call(&body, credentials, now);
        let mut sent = headers.secrets();
        sent.extend(credentials.secrets());
        self.call_sts(view, Operation::AssumeRole, &headers.expose(), &body, sent);
    }

    fn call_sts(
        &mut self,
        view: &Rc<RoleView>,
        operation: Operation,
        headers: &[(&str, &str)],
        body: &Secret,
        sent: Vec<Secret>,
    ) {
        let config = &self.worker.config;
        let body = Some(body.expose().as_bytes());
        match host::call(&config.sts_cluster, headers, body, config.sts_timeout) {
            Ok(callout) => self.wait(view, callout, Asked::Sts(operation), sent),
            Err(_) => {
                let detail = no_cluster(&config.sts_cluster);
                self.sts_failed(view, &StsError::Unreachable { detail });
            }
        }
    }

    fn ask_container(&mut self, view: &Rc<RoleView>, authorization: Option<&Secret>) {
        let Means::Container { endpoint, .. } = &view.role.means else {
            return;
        };
        let config = &self.worker.config;
        let headers = container::request_headers(endpoint, authorization);
        let (cluster, timeout) = (&config.container_cluster, config.sts_timeout);
        match host::call(cluster, &headers.expose(), None, timeout) {
            Ok(callout) => {
                let sent = authorization.cloned().into_iter().collect();
                self.wait(view, callout, Asked::Container, sent);
            }
            Err(_) => {
                let detail = no_cluster(cluster);
                self.container_failed(view, &ContainerError::Unreachable { detail });
            }
        }
    }

    fn succeeded(&self, view: &RoleView, credentials: &Credentials, now: SystemTime) {
        let (id, expires_at) = (&credentials.access_key_id, credentials.expires_at);
        // Before anything is signed with them. Where that cannot be, neither could they be shared.
        let filed = host::change_shared_data(own_keys::KEY, |stored| {
            let keys = stored.map(OwnKeys::from_bytes).unwrap_or_default();
            Some(keys.with(id, expires_at, now).as_bytes().to_vec())
        });
        if filed == Change::Failed {
            host::log(LogLevel::Critical, "new credentials cannot be filed");
            return;
        }
        self.worker.count(metrics::sts(Fetched::Ok));
        host::log(
            LogLevel::Info,
            &format!(
                "new credentials {} of role {} until {}",
                credentials.access_key_id,
                view.role.name,
                rfc3339(credentials.expires_at)
            ),
        );
        let (jitter, pace) = (host::jitter(), self.worker.config.pace);
        view.change_record(|record| {
            record.succeeded(self.worker.owner, credentials.clone(), now, jitter, pace)
        });
    }

    fn token_failed(&self, view: &RoleView, error: &TokenError) {
        self.failed(view, error.outcome(), &Failure::of(error));
    }

    fn authorization_failed(&self, view: &RoleView, error: AuthorizationError) {
        self.failed(view, error.outcome(), &Failure::of(&error));
    }

    fn container_failed(&self, view: &RoleView, error: &ContainerError) {
        self.failed(view, error.outcome(), &Failure::of(error));
    }

    fn sts_failed(&self, view: &RoleView, error: &StsError) {
        if let StsError::TokenExpired(Operation::AssumeRole, _) = error {
            // What signed the call, not what was asked for.
            let own = self.worker.roles.own();
            let record = own.record();
            if let Some(cached) = &record.credentials {
                own.note_stale(&cached.credentials.access_key_id, self.worker.config.pace);
            }
        }
        self.failed(view, error.outcome(), &Failure::of(error));
    }

    fn failed(&self, view: &RoleView, outcome: Fetched, failure: &Failure) {
        self.worker.count(metrics::sts(outcome));
        let (now, jitter, pace) = (host::now(), host::jitter(), self.worker.config.pace);
        view.change_record(|record| {
            record.failed(self.worker.owner, failure.clone(), now, jitter, pace)
        });
        let record = view.record();
        let meanwhile = match record.usable(now) {
            Some(credentials) => {
                let expires_at = rfc3339(credentials.expires_at);
                format!("those that are there sign until {expires_at}")
            }
            None => "there are none that sign".to_owned(),
        };
        // Somebody has to act: loudly, even though nothing fails yet.
        let level = match record.failure.as_ref().map(|failure| failure.retry) {
            Some(Retry::Unlikely) => LogLevel::Error,
            _ => LogLevel::Warn,
        };
        let name = &view.role.name;
        host::log(
            level,
            &format!("no new credentials of role {name}: {failure}; {meanwhile}"),
        );
    }
}

/// Gives the leases back: a root that ends takes its callouts along.
impl Drop for Fetcher {
    fn drop(&mut self) {
        for fetch in self.in_flight.drain(..) {
            let owner = self.worker.owner;
            fetch.view.change_record(|record| record.released(owner));
        }
    }
}

fn no_cluster(name: &str) -> Quote {
    Quote::new(&format!("Envoy has no cluster \"{name}\""), 512, &[])
}

/// The token comes from this very Envoy.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// Beyond the callouts' own timeouts, so that no lease ends while its leader still waits.
const LEASE_MARGIN: Duration = Duration::from_secs(1);
