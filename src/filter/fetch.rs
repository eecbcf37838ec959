//! Fetching credentials: the callouts to the token listener and to STS.
//!
//! Only the root context makes callouts. At most one VM of the process fetches for a role at a time: the
//! one whose lease stands in the role's record.

use super::host;
use super::role::RoleView;
use super::worker::Worker;
use crate::cache::{Failure, Next};
use crate::credentials::Credentials;
use crate::metrics;
use crate::role::{Assumption, Means, RoleId};
use crate::sts::{self, StsError};
use crate::token::{self, TokenError, WebIdentityToken};
use proxy_wasm::types::LogLevel;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// This VM's part in fetching.
#[derive(Debug)]
pub(super) struct Fetcher {
    worker: Rc<Worker>,
    /// Tells this VM's leases from others'.
    owner: u64,
    in_flight: Vec<Fetch>,
}

/// A fetch that waits for a reply.
#[derive(Debug)]
struct Fetch {
    callout: u32,
    view: Rc<RoleView>,
    asked: Asked,
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    TokenListener,
    Sts,
}

impl Fetcher {
    pub(super) fn new(worker: Rc<Worker>) -> Self {
        Self {
            worker,
            owner: host::random(),
            in_flight: Vec::new(),
        }
    }

    /// Starts what is due and nobody is at. Other roles than the pod's own are fetched for those who ask.
    pub(super) fn start_due(&mut self, now: SystemTime) {
        let worker = Rc::clone(&self.worker);
        for (id, view) in worker.roles.iter() {
            let wanted = id == RoleId::OWN || view.is_used();
            let busy = self
                .in_flight
                .iter()
                .any(|fetch| Rc::ptr_eq(&fetch.view, view));
            if !wanted || busy {
                continue;
            }
            // This VM's view may be older than the record; while it has credentials, it says when to look.
            if view.fresh_record(now).next(now) == Next::Fetch {
                let cas = view.read_record();
                if view.record().next(now) == Next::Fetch {
                    self.begin(view, cas, now);
                }
            }
        }
    }

    /// Takes the lease and asks for the token.
    fn begin(&mut self, view: &Rc<RoleView>, cas: Option<u32>, now: SystemTime) {
        let config = &self.worker.config;
        let duration = TOKEN_TIMEOUT + config.sts_timeout + LEASE_MARGIN;
        let record = view.record().leased(self.owner, now, duration);
        if !view.swap_record(cas, record) {
            // Somebody was faster; the next tick sees what came of it.
            return;
        }
        let headers = [
            (":method", "GET"),
            (":path", "/token"),
            (":authority", "sigv4-egress-token"),
        ];
        match host::call(&config.token_cluster, &headers, None, TOKEN_TIMEOUT) {
            Ok(callout) => self.wait(view, callout, Asked::TokenListener),
            Err(_) => self.token_failed(view, &TokenError::Unreachable),
        }
    }

    fn wait(&mut self, view: &Rc<RoleView>, callout: u32, asked: Asked) {
        self.in_flight.push(Fetch {
            callout,
            view: Rc::clone(view),
            asked,
        });
    }

    /// The reply to a callout, or that there is none.
    pub(super) fn on_reply(&mut self, callout: u32, body_size: usize, now: SystemTime) {
        let found = self
            .in_flight
            .iter()
            .position(|fetch| fetch.callout == callout);
        let Some(Fetch { view, asked, .. }) = found.map(|place| self.in_flight.swap_remove(place))
        else {
            return;
        };
        match asked {
            Asked::TokenListener => {
                let (status, body) = host::call_reply(body_size, sts::MAX_REPLY_BYTES);
                let audience = &self.worker.config.token_audience;
                match token::parse_reply(status, &body, audience, now) {
                    Ok(token) => self.ask_sts(&view, &token),
                    Err(error) => self.token_failed(&view, &error),
                }
            }
            Asked::Sts => {
                let (status, body) = host::call_reply(body_size, sts::MAX_REPLY_BYTES + 1);
                match sts::parse_reply(status, &body, now) {
                    Ok(credentials) => self.succeeded(&view, &credentials, now),
                    Err(error) => self.sts_failed(&view, &error),
                }
            }
        }
    }

    fn ask_sts(&mut self, view: &Rc<RoleView>, token: &WebIdentityToken) {
        let config = &self.worker.config;
        let Means::WebIdentity(Assumption { arn, session_name }) = &view.role.means;
        let body = sts::request_body(arn.as_str(), session_name.as_str(), &token.secret, None);
        let headers = sts::request_headers(&config.sts_host);
        let body = Some(body.expose().as_bytes());
        match host::call(&config.sts_cluster, &headers, body, config.sts_timeout) {
            Ok(callout) => self.wait(view, callout, Asked::Sts),
            Err(_) => self.sts_failed(
                view,
                &StsError::Unreachable {
                    detail: format!("Envoy has no cluster \"{}\"", config.sts_cluster),
                },
            ),
        }
    }

    fn succeeded(&self, view: &RoleView, credentials: &Credentials, now: SystemTime) {
        self.worker.count(&metrics::sts("ok"));
        let left = credentials
            .expires_at
            .duration_since(now)
            .unwrap_or_default();
        host::log(
            LogLevel::Info,
            &format!(
                "new credentials {} of role {} for {} s",
                credentials.access_key_id,
                view.role.name,
                left.as_secs()
            ),
        );
        view.change_record(|record| record.succeeded(self.owner, credentials.clone(), now));
    }

    fn token_failed(&self, view: &RoleView, error: &TokenError) {
        self.failed(view, error.word(), &Failure::from(error));
    }

    fn sts_failed(&self, view: &RoleView, error: &StsError) {
        self.failed(view, error.word(), &Failure::from(error));
    }

    fn failed(&self, view: &RoleView, outcome: &str, failure: &Failure) {
        self.worker.count(&metrics::sts(outcome));
        host::log(
            LogLevel::Warn,
            &format!("no new credentials of role {}: {failure}", view.role.name),
        );
        let jitter = (host::random() >> 32).try_into().unwrap_or(u32::MAX);
        let now = host::now();
        view.change_record(|record| record.failed(self.owner, failure.clone(), now, jitter));
    }
}

/// The token comes from this very Envoy.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// Beyond the callouts' own timeouts, so that no lease ends while its leader still waits.
const LEASE_MARGIN: Duration = Duration::from_secs(1);
