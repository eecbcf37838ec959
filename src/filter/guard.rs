//! The guard in the upstream filter chain.
//!
//! Signing writes headers, and any header write makes Envoy choose the route again, while the
//! downstream filter still sees the first route's cluster. Here the cluster is the one that the request
//! leaves through: what was signed for a listed cluster leaves through no other.

use super::host::{self, Stat};
use crate::audit::Signed;
use crate::decision::Head;
use crate::headers;
use crate::metrics;
use crate::policy::NO_ROUTE_METADATA;
use crate::refusal::{ErrorFormat, Refusal};
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
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let cluster = host::cluster_name().unwrap_or_default();
        if self.clusters.contains(&cluster) {
            return Action::Continue;
        }
        let line = host::line().unwrap_or_default();
        let Some(signed) = Signed::read(&line) else {
            return Action::Continue;
        };
        let map = host::request_headers().unwrap_or_default();
        let head = Head {
            headers: &headers::read(&map).unwrap_or_default(),
            cluster: &|| None,
            route_metadata: NO_ROUTE_METADATA,
            end_of_stream,
        };
        let format = ErrorFormat::of(head, Some(signed.service));
        let refusal = Refusal::EscapedCluster { cluster };
        Stat::counter(&metrics::refused(&refusal)).add(1);
        // Paused, the request goes nowhere, even if the reply could not be sent.
        let _ = host::reply(&refusal.answer(format));
        Action::Pause
    }
}
