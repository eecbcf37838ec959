//! One request in the downstream filter chain.

use super::answer::{self, Refused};
use super::chunks;
use super::host::{self, HostError, READ_BYTES};
use super::worker::{Outcome, Worker};
use crate::budget::Share;
use crate::decision::{self, Decision, Head, LeftAlone, PayloadPlan, Plan};
use crate::headers::{self, Header};
use crate::parking::{Chunks, OwnedPayload, Ticket};
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log;
use crate::report::metrics;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};
use sha2::{Digest, Sha256};
use std::rc::Rc;
use std::time::Duration;

/// Follows one request.
#[derive(Debug)]
pub(super) struct Stream {
    id: u32,
    worker: Rc<Worker>,
    /// Of answers.
    format: ErrorFormat,
    stage: Stage,
    /// While it is held, and for what happens after.
    ticket: Option<Ticket>,
    /// What is held of its body.
    share: Share,
    /// An answer of AWS's whose body is being read.
    refused: Option<Refused>,
}

#[derive(Debug)]
enum Stage {
    /// Its headers have not come.
    New,
    /// Left alone: everything goes on, unseen.
    LeftAlone,
    /// Signed: everything goes on, with the signatures of its chunks replaced where it has them.
    Flowing(Chunks),
    /// The body is coming and held; nothing goes on.
    Body(Box<Body>),
    /// Parked, to be signed from the root.
    Parked,
    /// Answered; nothing goes on.
    Answered,
}

#[derive(Debug)]
struct Body {
    plan: Plan,
    /// Of the bytes that have come; `None` where they are held only for their number.
    hash: Option<Sha256>,
    /// The client's `content-length`.
    length: Option<usize>,
    hashed_bytes: usize,
    /// All bytes that have come.
    bytes: usize,
}

impl Stream {
    pub(super) fn new(id: u32, worker: Rc<Worker>) -> Self {
        Self {
            id,
            worker,
            format: ErrorFormat::Plain,
            stage: Stage::New,
            ticket: None,
            share: Share::default(),
            refused: None,
        }
    }

    fn action(&self) -> Action {
        match self.stage {
            Stage::LeftAlone | Stage::Flowing(_) => Action::Continue,
            Stage::New | Stage::Body(_) | Stage::Parked | Stage::Answered => Action::Pause,
        }
    }

    fn answer(&mut self, refusal: &Refusal) -> Action {
        let outcome = self.worker.answer(refusal, self.format);
        self.follow(outcome)
    }

    fn fail(&mut self, error: HostError) -> Action {
        self.answer(&Refusal::HostCallFailed {
            what: error.to_string(),
        })
    }

    /// `headers` are the request's, where nothing has been written to them since they were read.
    fn settle(
        &mut self,
        plan: Plan,
        payload: OwnedPayload,
        headers: Option<Vec<Header<'_>>>,
    ) -> Action {
        let outcome = self.worker.settle(self.id, plan, payload, headers);
        self.follow(outcome)
    }

    fn follow(&mut self, outcome: Outcome) -> Action {
        self.stage = match outcome {
            Outcome::Signed(chunks) => Stage::Flowing(chunks),
            Outcome::Answered => Stage::Answered,
            Outcome::Parked(ticket) => {
                self.take_ticket(ticket);
                Stage::Parked
            }
        };
        if !matches!(self.stage, Stage::Parked) {
            self.let_go();
        }
        self.action()
    }

    /// It waits for something else than before, or goes on waiting.
    fn take_ticket(&mut self, ticket: Ticket) {
        let before = self.ticket.replace(ticket);
        if let Some(before) = before.filter(|before| *before != ticket) {
            self.worker.forget(before);
        }
    }

    /// Nothing of it is held any longer.
    fn let_go(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.worker.forget(ticket);
        }
        self.worker.release(&mut self.share);
    }

    /// While it waits for its body: the root has answered it.
    fn is_answered_by_root(&self) -> bool {
        let awaits_body = |ticket| self.worker.awaits_body(ticket);
        !self.ticket.is_some_and(awaits_body)
    }

    /// Neither signed nor answered.
    fn is_held_back(&self) -> bool {
        let is_held = |ticket| self.worker.is_held(ticket);
        self.ticket.is_some_and(is_held)
    }

    /// More of its body has come while it was parked.
    fn settle_part(&mut self, end_of_stream: bool) -> Action {
        let outcome = match self.ticket {
            Some(ticket) => self.worker.settle_part(ticket, end_of_stream),
            None => Outcome::Answered,
        };
        self.follow(outcome)
    }

    fn decide(&mut self, end_of_stream: bool) -> Action {
        let map = match host::request_headers() {
            Ok(map) => map,
            Err(error) => return self.fail(error),
        };
        let Some(headers) = headers::read(&map) else {
            return self.fail(HostError::no_map());
        };
        #[cfg(feature = "trap")]
        super::trap::on_request(&headers);
        let route_metadata = self.worker.route_metadata();
        let head = Head {
            headers: &headers,
            cluster: &host::cluster_name,
            route_metadata: &route_metadata,
            own_keys: &host::own_keys,
            end_of_stream,
        };
        let mut plan = match decision::decide(&self.worker.config, head) {
            Decision::LeaveAlone(why) => {
                self.worker.count(metrics::left_alone(why));
                // Most of a pod's traffic may be none of AWS's: it is not worth a call to Envoy.
                if why != LeftAlone::NotAws {
                    host::show_line(&access_log::left_alone(why.word()));
                }
                self.stage = Stage::LeftAlone;
                return self.action();
            }
            Decision::Refuse(refusal, format) => {
                self.format = format;
                return self.answer(&refusal);
            }
            Decision::Sign(plan) => plan,
        };
        self.format = plan.format;
        let length = head.content_length();
        let method = head.value(":method");
        match std::mem::replace(&mut plan.payload, PayloadPlan::Empty) {
            PayloadPlan::Empty => {
                let action = self.settle(plan, OwnedPayload::Empty, Some(headers));
                match self.stage {
                    // An upgrade: its client is silent until it is answered, see `BodySoFar`.
                    Stage::Parked if !end_of_stream => self.answer(&Refusal::CredentialsPending {
                        waited: Duration::ZERO,
                    }),
                    _ => action,
                }
            }
            PayloadPlan::Streamed(value) => {
                self.stream(plan, OwnedPayload::Literal(value), headers, length)
            }
            PayloadPlan::ChunkSigned(form) => {
                self.stream(plan, OwnedPayload::ChunkSigned(form), headers, length)
            }
            PayloadPlan::Held(value) => {
                plan.payload = PayloadPlan::Held(value);
                self.await_body(plan, None, method, length)
            }
            PayloadPlan::Hashed => {
                plan.payload = PayloadPlan::Hashed;
                self.await_body(plan, Some(Sha256::new()), method, length)
            }
        }
    }

    /// Takes the method out of the headers of a request that is held for its body, as long as it is not sure that Envoy
    /// hands over what comes.
    ///
    /// A list of capabilities without `proxy_on_request_body`, or without `proxy_on_request_trailers`, makes Envoy go on
    /// with a held request as soon as one comes, unsigned, and nothing tells before. Without a method, Envoy answers it
    /// itself (`filter_removed_required_request_headers`; `source/common/router/upstream_codec_filter.cc`). The calls
    /// are made for the first such request of a VM, and where trailers may be what Envoy goes on with: they may end a body
    /// of unknown length, or that of a request that waits for credentials.
    fn withhold_method(
        &self,
        method: Option<&[u8]>,
        length: Option<usize>,
    ) -> Result<Option<String>, HostError> {
        let is_sure = self.worker.hands_over_bodies.get()
            && (length.is_some() || self.worker.hands_over_trailers.get());
        if is_sure {
            return Ok(None);
        }
        host::set_request_header(":method", None)?;
        let method = method.and_then(|method| std::str::from_utf8(method).ok());
        Ok(Some(method.unwrap_or_default().to_owned()))
    }

    /// The body need not be complete for its signature.
    fn stream(
        &mut self,
        plan: Plan,
        payload: OwnedPayload,
        headers: Vec<Header<'_>>,
        length: Option<usize>,
    ) -> Action {
        let method = headers::value(&headers, ":method");
        let action = self.settle(plan, payload, Some(headers));
        let max_body_bytes = self.worker.config.max_body_bytes;
        match self.stage {
            // No use holding the first part of what is too long as a whole.
            Stage::Parked if length.is_some_and(|length| length > max_body_bytes) => {
                self.answer(&Refusal::UploadTooLargeToHold { max_body_bytes })
            }
            Stage::Parked => match self.withhold_method(method, None) {
                Ok(Some(method)) => {
                    if let Some(ticket) = self.ticket {
                        self.worker.note_withheld(ticket, method);
                    }
                    action
                }
                Ok(None) => action,
                Err(error) => self.fail(error),
            },
            _ => action,
        }
    }

    fn await_body(
        &mut self,
        mut plan: Plan,
        hash: Option<Sha256>,
        method: Option<&[u8]>,
        length: Option<usize>,
    ) -> Action {
        match self.withhold_method(method, length) {
            Ok(method) => plan.withheld_method = method,
            Err(error) => return self.fail(error),
        }
        let ticket = self.worker.await_body(self.id, self.format);
        self.take_ticket(ticket);
        self.stage = Stage::Body(Box::new(Body {
            plan,
            hash,
            length,
            hashed_bytes: 0,
            bytes: 0,
        }));
        self.action()
    }

    /// Envoy does not hand over the request's headers, so that what it is was never decided.
    fn refuse_undecided(&mut self) -> Action {
        let what = "Envoy did not hand over its headers: allow proxy_on_request_headers";
        host::log(
            LogLevel::Critical,
            &format!("a request went on unsigned: {what}"),
        );
        self.answer(&Refusal::HostCallFailed {
            what: what.to_owned(),
        })
    }

    /// A part of the body flows, or its end.
    fn flow(&mut self, end_of_stream: bool) -> Action {
        let Stage::Flowing(Some(resigner)) = &mut self.stage else {
            return self.action();
        };
        if let Err(refusal) = chunks::resign(resigner, end_of_stream) {
            return self.answer(&refusal);
        }
        if end_of_stream {
            self.follow(Outcome::Signed(None))
        } else {
            let held = resigner.held_bytes();
            self.hold(held)
        }
    }

    /// Holds so much at the end of this callback, or answers where that is too much.
    fn hold(&mut self, bytes: usize) -> Action {
        match self.worker.hold(&mut self.share, bytes) {
            Ok(()) => self.action(),
            Err(refusal) => self.answer(&refusal),
        }
    }

    /// The body is complete.
    fn finish(&mut self) -> Action {
        let Stage::Body(body) = std::mem::replace(&mut self.stage, Stage::Answered) else {
            return self.action();
        };
        // Not if the root has answered it.
        if self.is_answered_by_root() {
            return self.action();
        }
        if body.length.is_none()
            && let Err(error) = host::set_content_length(body.bytes)
        {
            return self.fail(error);
        }
        let payload = match (&body.plan.payload, body.hash) {
            (PayloadPlan::Held(value), _) => OwnedPayload::Literal((*value).to_owned()),
            (_, Some(hash)) => OwnedPayload::Hash(hash.finalize().into()),
            (_, None) => OwnedPayload::Empty,
        };
        let action = self.settle(body.plan, payload, None);
        match self.stage {
            Stage::Parked => self.hold(body.bytes),
            _ => action,
        }
    }
}

impl Context for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        self.decide(end_of_stream)
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        let max_body_bytes = self.worker.config.max_body_bytes;
        self.worker.hands_over_bodies.set(true);
        match &mut self.stage {
            Stage::New => return self.refuse_undecided(),
            Stage::LeftAlone | Stage::Flowing(_) | Stage::Answered => {}
            Stage::Parked => {
                self.settle_part(end_of_stream);
                // `body_size` counts all that Envoy holds of the request.
                match self.stage {
                    Stage::Parked if body_size > max_body_bytes => {
                        return self.answer(&Refusal::UploadTooLargeToHold { max_body_bytes });
                    }
                    Stage::Parked => return self.hold(body_size),
                    _ => {}
                }
            }
            Stage::Body(_) if body_size > max_body_bytes => {
                return self.answer(&Refusal::BodyTooLarge { max_body_bytes });
            }
            Stage::Body(body) => {
                if let Err(error) = body.take(body_size) {
                    return self.fail(error);
                }
                if end_of_stream {
                    return self.finish();
                }
                // Only the end is to come, with trailers or without.
                if body.length == Some(body.bytes) {
                    self.finish();
                    return match self.stage {
                        Stage::Parked => self.settle_part(false),
                        _ => self.action(),
                    };
                }
                return self.hold(body_size);
            }
        }
        self.flow(end_of_stream)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.worker.hands_over_trailers.set(true);
        match &self.stage {
            Stage::New => self.refuse_undecided(),
            // Envoy has gone on with a body that it did not hand over. With the method back, it would send that.
            Stage::Body(_) | Stage::Parked
                if !self.worker.hands_over_bodies.get() && self.is_held_back() =>
            {
                self.answer(&Refusal::HostCallFailed {
                    what: "Envoy did not hand over its body: allow proxy_on_request_body"
                        .to_owned(),
                })
            }
            // With trailers, no body callback says that the stream has ended.
            Stage::Body(_) => self.finish(),
            Stage::Parked => {
                self.settle_part(true);
                self.flow(true)
            }
            // All of the body has gone through.
            Stage::Flowing(Some(resigner)) => match resigner.finish() {
                Ok(()) => self.follow(Outcome::Signed(None)),
                Err(fault) => self.answer(&fault.into()),
            },
            Stage::LeftAlone | Stage::Flowing(None) | Stage::Answered => self.action(),
        }
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        match &self.stage {
            Stage::New => return self.refuse_undecided(),
            Stage::Body(body) if body.was_not_handed_over() && !self.is_answered_by_root() => {
                let text = "Envoy answered a request before any of its body came: if that was no timeout, allow proxy_on_request_body";
                host::log(LogLevel::Error, text);
            }
            // Signed from the root, and its body has left.
            Stage::Parked => self.worker.release(&mut self.share),
            _ => {}
        }
        // Our own answers are not AWS's, and what others signed tells nothing of our credentials.
        let is_ours = !matches!(self.stage, Stage::LeftAlone | Stage::Answered);
        if is_ours && self.worker.may_look() {
            self.refused = answer::read_headers(&self.worker, end_of_stream);
        }
        Action::Continue
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

impl Body {
    /// Nothing of it has come, nor of any body before.
    fn was_not_handed_over(&self) -> bool {
        self.bytes == 0 && self.plan.withheld_method.is_some()
    }

    /// Takes what has come since the last callback; each byte is copied out of Envoy once.
    fn take(&mut self, body_size: usize) -> Result<(), HostError> {
        self.bytes = body_size;
        let Some(hash) = &mut self.hash else {
            return Ok(());
        };
        while self.hashed_bytes < body_size {
            let part = host::request_body(
                self.hashed_bytes,
                (body_size - self.hashed_bytes).min(READ_BYTES),
            )?;
            if part.is_empty() {
                return Err(HostError::short_body());
            }
            hash.update(&part);
            self.hashed_bytes += part.len();
        }
        Ok(())
    }
}
