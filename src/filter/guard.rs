//! The guard in the upstream filter chain.
//!
//! Signing writes headers, and any header write makes Envoy choose the route again, while the
//! downstream filter still sees the first route's cluster. Here the cluster is the one that the request
//! leaves through: what was signed for a listed cluster leaves through no other. A request that Envoy sends once more
//! (a copy, a redirect) has lost its line, so that the guard also looks for our own access key ids.

use super::envoy::{self, CallFailed, Stat};
use crate::decision;
use crate::headers;
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log;
use crate::report::metrics;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;

/// Guards one try of one request.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) clusters: Rc<[String]>,
}

impl Context for Guard {}

impl HttpContext for Guard {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let cluster = envoy::cluster_name().unwrap_or_default();
        if self.clusters.contains(&cluster) {
            return Action::Continue;
        }
        let line = envoy::line().unwrap_or_default();
        let map = envoy::request_headers();
        let headers = map.as_ref().ok().and_then(|map| headers::read(map));
        let refusal = match &headers {
            Some(headers) => decision::escape(cluster, &line, headers, &envoy::own_keys),
            None => {
                let what = CallFailed::no_map().to_string();
                Some((Refusal::HostCallFailed { what }, ErrorFormat::Plain))
            }
        };
        let Some((refusal, format)) = refusal else {
            return Action::Continue;
        };
        Stat::counter(metrics::refused(&refusal)).add(1);
        envoy::show_line(&access_log::stopped(refusal.reason().word(), &line));
        // Paused, the request goes nowhere, even if the reply could not be sent.
        envoy::logged(envoy::reply(&refusal.answer(format)));
        Action::Pause
    }
}
