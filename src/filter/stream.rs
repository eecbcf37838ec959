//! One request in the downstream filter chain: its callbacks become events, and its steps calls to Envoy.

use super::answer::{self, Refused};
use super::envoy::{self, CallFailed};
use super::worker::{Done, Worker};
use crate::decision::{self, Head};
use crate::headers::{self, Header};
use crate::refusal::Refusal;
use crate::request::body::End;
use crate::request::lifecycle::{Lifecycle, Responder};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;

/// Follows one request.
#[derive(Debug)]
pub(super) struct Stream {
    worker: Rc<Worker>,
    request: Lifecycle,
    /// An answer of AWS's whose body is being read.
    refused: Option<Refused>,
}

impl Stream {
    pub(super) fn new(id: u32, worker: Rc<Worker>) -> Self {
        Self {
            worker,
            request: Lifecycle::new(id),
            refused: None,
        }
    }

    /// Does what is to be done after an event. `headers` are the request's, if they are at hand.
    fn carry_out(&mut self, mut headers: Option<Vec<Header<'_>>>) -> Action {
        let worker = &*self.worker;
        loop {
            let step = self.request.next(&worker.holdings.borrow());
            match worker.carry_out(step, headers.take()) {
                Done::Callback(action) => return action,
                Done::Step => {}
                Done::Signed(chunks) => {
                    let mut holdings = worker.holdings.borrow_mut();
                    self.request.on_signed(chunks, &mut holdings, worker);
                }
                Done::Replied => {
                    let mut holdings = worker.holdings.borrow_mut();
                    self.request.on_replied(&mut holdings);
                }
                Done::Failed(refusal) => {
                    let mut holdings = worker.holdings.borrow_mut();
                    self.request.on_failed(refusal, &mut holdings);
                }
            }
        }
    }

    fn fail(&mut self, refusal: Refusal) -> Action {
        let mut holdings = self.worker.holdings.borrow_mut();
        self.request.on_failed(refusal, &mut holdings);
        drop(holdings);
        self.carry_out(None)
    }
}

impl Context for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        self.request.on_end(&mut self.worker.holdings.borrow_mut());
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let map = match envoy::request_headers() {
            Ok(map) => map,
            Err(error) => return self.fail(error.into()),
        };
        let Some(headers) = headers::read(&map) else {
            return self.fail(CallFailed::no_map().into());
        };
        #[cfg(feature = "trap")]
        super::trap::on_request(&headers);
        let worker = &*self.worker;
        let route_metadata = worker.route_metadata();
        let head = Head {
            headers: &headers,
            cluster: &envoy::cluster_name,
            port: &envoy::port,
            over_tls: &envoy::over_tls,
            route_metadata: &route_metadata,
            own_keys: &envoy::own_keys,
            end_of_stream,
        };
        let decided = decision::decide_in_full(&worker.config, head);
        let mut holdings = worker.holdings.borrow_mut();
        self.request.on_head(decided, head, &mut holdings, worker);
        drop(holdings);
        self.carry_out(Some(headers))
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        let worker = &*self.worker;
        let mut holdings = worker.holdings.borrow_mut();
        let end = End::of_stream(end_of_stream);
        self.request.on_body(body_size, end, &mut holdings, worker);
        drop(holdings);
        self.carry_out(None)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let worker = &*self.worker;
        let mut holdings = worker.holdings.borrow_mut();
        self.request.on_trailers(&mut holdings, worker);
        drop(holdings);
        self.carry_out(None)
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let worker = Rc::clone(&self.worker);
        let mut holdings = worker.holdings.borrow_mut();
        let responder = self.request.on_response(&mut holdings);
        let looks = responder == Responder::Aws && holdings.may_look(worker.has_skews());
        drop(holdings);
        let action = self.carry_out(None);
        if looks {
            self.refused = answer::read_headers(&worker, end_of_stream);
        }
        match responder {
            Responder::Unasked => action,
            Responder::Aws | Responder::Other => Action::Continue,
        }
    }

    fn on_http_response_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        if let Some(refused) = &mut self.refused
            && refused.read(&self.worker, body_size, end_of_stream)
        {
            self.refused = None;
        }
        Action::Continue
    }
}
