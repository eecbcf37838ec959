//! The plugin in one worker: it takes the configuration, and at each tick and each reply sees to the
//! credentials and to the requests that wait.

use super::envoy::{self, Stat};
use super::fetch::Fetcher;
use super::guard::Guard;
use super::status::Status;
use super::stream::Stream;
use super::worker::{Worker, change_register};
use crate::config::{self, Environment, Plugin};
use crate::policy::Mode;
use crate::report::metrics;
use crate::report::status::Presence;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The root context.
#[derive(Debug)]
pub(super) struct Root {
    id: u32,
    state: State,
}

/// What the configuration made it, with what it needs for that.
#[derive(Debug)]
enum State {
    Unconfigured,
    Signer(Box<SigningRoot>),
    Guard { clusters: Rc<[String]> },
    Status,
}

#[derive(Debug)]
struct SigningRoot {
    worker: Rc<Worker>,
    fetcher: Fetcher,
    presence: Presence,
    age: Stat,
    seconds_to_expiry: Stat,
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self {
            id,
            state: State::Unconfigured,
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token_id: u32, _: usize, body_size: usize, _: usize) {
        if let State::Signer(signer) = &mut self.state {
            signer.on_reply(token_id, body_size);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let json = match envoy::plugin_configuration() {
            Ok(json) => json,
            Err(error) => {
                envoy::log(LogLevel::Critical, &error.to_string());
                return false;
            }
        };
        let mut environment = Environment::new();
        environment.extend(std::env::vars());
        match config::parse(&json, &environment) {
            Ok(Plugin::Downstream(config)) => {
                let worker = Rc::new(Worker::new(*config, &json, self.id));
                let presence = worker.introduce(&json);
                // Nothing is fetched here: this also runs where the configuration is only tried out.
                worker.set_tick_period(FIRST_TICK);
                self.state = State::Signer(Box::new(SigningRoot {
                    fetcher: Fetcher::new(Rc::clone(&worker)),
                    worker,
                    presence,
                    age: Stat::gauge(metrics::CREDENTIAL_AGE),
                    seconds_to_expiry: Stat::gauge(metrics::CREDENTIAL_SECONDS_TO_EXPIRY),
                }));
                true
            }
            Ok(Plugin::Status) => {
                self.state = State::Status;
                true
            }
            Ok(Plugin::Upstream { clusters }) => {
                self.state = State::Guard {
                    clusters: clusters.into(),
                };
                true
            }
            Err(error) => {
                envoy::log(LogLevel::Critical, &error.to_string());
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let State::Signer(signer) = &mut self.state {
            signer.on_tick();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.state {
            State::Signer(signer) => Some(Box::new(Stream::new(id, Rc::clone(&signer.worker)))),
            State::Guard { clusters } => Some(Box::new(Guard {
                clusters: Rc::clone(clusters),
            })),
            State::Status => Some(Box::new(Status)),
            // Envoy has no streams for a plugin that refused its configuration.
            State::Unconfigured => None,
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl SigningRoot {
    fn on_tick(&mut self) {
        let now = envoy::now();
        self.worker.holdings.borrow_mut().on_tick();
        self.worker.heed_orders(now);
        if self.worker.config.mode == Mode::Enforce {
            self.fetcher.start_due(now);
        }
        self.worker.settle_held(now);
        self.worker.show_levels(now);
        self.show(now);
        if let Some(change) = self.presence.on_tick(now) {
            change_register(|register| Some(change(register)));
        }
        self.worker.adjust_ticks(now);
    }

    fn on_reply(&mut self, callout: u32, body_size: usize) {
        let now = envoy::now();
        self.fetcher.on_reply(callout, body_size, now);
        // Those who wait may be signed now.
        self.worker.heed_orders(now);
        self.worker.settle_held(now);
        self.worker.adjust_ticks(now);
    }

    /// Of the pod's own role.
    fn show(&self, now: SystemTime) {
        let record = self.worker.roles.own().record();
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

impl Drop for SigningRoot {
    fn drop(&mut self) {
        self.worker.withdraw_levels();
    }
}

/// The first tick comes as soon as the worker runs.
const FIRST_TICK: Duration = Duration::from_millis(10);
