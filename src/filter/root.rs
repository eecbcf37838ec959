//! The plugin in one worker: it takes the configuration, fetches credentials when it holds the
//! lease, and settles the requests that wait.

use super::guard::Guard;
use super::host::{self, Stat};
use super::stream::Stream;
use super::worker::Worker;
use crate::cache::{Failure, Next, Record};
use crate::config::{self, Plugin};
use crate::credentials::Credentials;
use crate::metrics;
use crate::sts::{self, StsError};
use crate::token::{self, TokenError};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The root context.
#[derive(Debug)]
pub(super) struct Root {
    id: u32,
    role: Role,
}

#[derive(Debug)]
enum Role {
    Unconfigured,
    Signer(Box<SigningRoot>),
    Guard { clusters: Rc<[String]> },
}

#[derive(Debug)]
struct SigningRoot {
    worker: Rc<Worker>,
    /// Tells this VM's lease from others'.
    owner: u64,
    fetch: Fetch,
    age: Stat,
    seconds_to_expiry: Stat,
}

/// How far this VM's fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetch {
    None,
    /// The token was asked for, in this callout.
    Token(u32),
    /// STS was asked, in this callout.
    Sts(u32),
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self {
            id,
            role: Role::Unconfigured,
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token_id: u32, _: usize, body_size: usize, _: usize) {
        if let Role::Signer(signer) = &mut self.role {
            signer.on_reply(token_id, body_size);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let json = match host::plugin_configuration() {
            Ok(json) => json,
            Err(error) => {
                host::log(LogLevel::Critical, &error.to_string());
                return false;
            }
        };
        match config::parse(&json, &std::env::vars().collect()) {
            Ok(Plugin::Downstream(config)) => {
                host::log(
                    LogLevel::Info,
                    &format!(
                        "assumes {} as {} at {}",
                        config.role_arn, config.session_name, config.sts_host
                    ),
                );
                let worker = Rc::new(Worker::new(*config, self.id));
                // Nothing is fetched here: this also runs where the configuration is only tried out.
                worker.set_tick_period(FIRST_TICK);
                self.role = Role::Signer(Box::new(SigningRoot {
                    worker,
                    owner: host::random(),
                    fetch: Fetch::None,
                    age: Stat::gauge(metrics::CREDENTIAL_AGE),
                    seconds_to_expiry: Stat::gauge(metrics::CREDENTIAL_SECONDS_TO_EXPIRY),
                }));
                true
            }
            Ok(Plugin::Upstream { clusters }) => {
                self.role = Role::Guard {
                    clusters: clusters.into(),
                };
                true
            }
            Err(error) => {
                host::log(LogLevel::Critical, &error.to_string());
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Role::Signer(signer) = &mut self.role {
            signer.on_tick();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.role {
            Role::Signer(signer) => Some(Box::new(Stream::new(id, Rc::clone(&signer.worker)))),
            Role::Guard { clusters } => Some(Box::new(Guard {
                clusters: Rc::clone(clusters),
            })),
            // Envoy has no streams for a plugin that refused its configuration.
            Role::Unconfigured => None,
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl SigningRoot {
    fn on_tick(&mut self) {
        let now = host::now();
        let cas = self.worker.read_record();
        let record = self.worker.record();
        if self.fetch == Fetch::None && record.next(now) == Next::Fetch {
            self.begin(&record, cas, now);
        }
        self.worker.settle_held(now);
        self.show(now);
        self.worker.adjust_ticks(now);
    }

    /// Takes the lease and asks for the token.
    fn begin(&mut self, record: &Record, cas: Option<u32>, now: SystemTime) {
        let duration = TOKEN_TIMEOUT + self.worker.config.sts_timeout + LEASE_MARGIN;
        if !self
            .worker
            .swap_record(cas, record.leased(self.owner, now, duration))
        {
            // Somebody was faster; the next tick sees what came of it.
            return;
        }
        let headers = [
            (":method", "GET"),
            (":path", "/token"),
            (":authority", "sigv4-egress-token"),
        ];
        match host::call(
            &self.worker.config.token_cluster,
            &headers,
            None,
            TOKEN_TIMEOUT,
        ) {
            Ok(callout) => self.fetch = Fetch::Token(callout),
            Err(_) => self.token_failed(&TokenError::Unreachable),
        }
    }

    fn on_reply(&mut self, callout: u32, body_size: usize) {
        let now = host::now();
        if self.fetch == Fetch::Token(callout) {
            let (status, body) = host::call_reply(body_size, sts::MAX_REPLY_BYTES);
            match token::parse_reply(status, &body, &self.worker.config.token_audience, now) {
                Ok(token) => self.ask_sts(&token),
                Err(error) => self.token_failed(&error),
            }
        } else if self.fetch == Fetch::Sts(callout) {
            let (status, body) = host::call_reply(body_size, sts::MAX_REPLY_BYTES + 1);
            match sts::parse_reply(status, &body, now) {
                Ok(credentials) => self.succeeded(&credentials, now),
                Err(error) => self.sts_failed(&error),
            }
        }
        self.worker.settle_held(now);
        self.worker.adjust_ticks(now);
    }

    fn ask_sts(&mut self, token: &token::WebIdentityToken) {
        let config = &self.worker.config;
        let body = sts::request_body(
            config.role_arn.as_str(),
            config.session_name.as_str(),
            &token.secret,
            None,
        );
        let headers = sts::request_headers(&config.sts_host);
        match host::call(
            &config.sts_cluster,
            &headers,
            Some(body.expose().as_bytes()),
            config.sts_timeout,
        ) {
            Ok(callout) => self.fetch = Fetch::Sts(callout),
            Err(_) => self.sts_failed(&StsError::Unreachable {
                detail: format!("Envoy has no cluster \"{}\"", config.sts_cluster),
            }),
        }
    }

    fn succeeded(&mut self, credentials: &Credentials, now: SystemTime) {
        self.fetch = Fetch::None;
        self.worker.count(&metrics::sts("ok"));
        let left = credentials
            .expires_at
            .duration_since(now)
            .unwrap_or_default();
        host::log(
            LogLevel::Info,
            &format!(
                "new credentials {} for {} s",
                credentials.access_key_id,
                left.as_secs()
            ),
        );
        self.worker
            .change_record(|record| record.succeeded(self.owner, credentials.clone(), now));
    }

    fn token_failed(&mut self, error: &TokenError) {
        self.failed(error.word(), &Failure::from(error));
    }

    fn sts_failed(&mut self, error: &StsError) {
        self.failed(error.word(), &Failure::from(error));
    }

    fn failed(&mut self, outcome: &str, failure: &Failure) {
        self.fetch = Fetch::None;
        self.worker.count(&metrics::sts(outcome));
        host::log(LogLevel::Warn, &format!("no new credentials: {failure}"));
        let (now, jitter) = (
            host::now(),
            (host::random() >> 32).try_into().unwrap_or(u32::MAX),
        );
        self.worker
            .change_record(|record| record.failed(self.owner, failure.clone(), now, jitter));
    }

    fn show(&self, now: SystemTime) {
        let record = self.worker.record();
        let Some(cached) = &record.credentials else {
            return;
        };
        let age = now.duration_since(cached.fetched_at).unwrap_or_default();
        let left = cached
            .credentials
            .expires_at
            .duration_since(now)
            .unwrap_or_default();
        self.age.record(age.as_secs());
        self.seconds_to_expiry.record(left.as_secs());
    }
}

/// The first tick comes as soon as the worker runs.
const FIRST_TICK: Duration = Duration::from_millis(10);
/// The token comes from this very Envoy.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// Beyond the callouts' own timeouts, so that no lease ends while its leader still waits.
const LEASE_MARGIN: Duration = Duration::from_secs(1);
