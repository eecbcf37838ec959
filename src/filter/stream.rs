//! One request in the downstream filter chain.

use super::answer::{self, Refused};
use super::chunks;
use super::host::{self, HostError, READ_BYTES};
use super::worker::{Chunks, Outcome, OwnedPayload, Worker};
use crate::audit;
use crate::decision::{self, Decision, Head, LeftAlone, PayloadPlan, Plan};
use crate::headers::{self, Header};
use crate::metrics;
use crate::refusal::{ErrorFormat, Refusal};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
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
    /// An answer of AWS's whose body is being read.
    refused: Option<Refused>,
}

#[derive(Debug)]
enum Stage {
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
    /// The client sent `content-length`.
    length_known: bool,
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
            stage: Stage::LeftAlone,
            refused: None,
        }
    }

    fn action(&self) -> Action {
        match self.stage {
            Stage::LeftAlone | Stage::Flowing(_) => Action::Continue,
            Stage::Body(_) | Stage::Parked | Stage::Answered => Action::Pause,
        }
    }

    fn answer(&mut self, refusal: &Refusal) -> Action {
        self.worker.answer(self.id, refusal, self.format);
        self.stage = Stage::Answered;
        self.action()
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
            Outcome::Signed(chunks) => {
                self.worker.forget(self.id);
                Stage::Flowing(chunks)
            }
            Outcome::Parked => Stage::Parked,
            Outcome::Answered => Stage::Answered,
        };
        self.action()
    }

    fn decide(&mut self, end_of_stream: bool) -> Action {
        let map = match host::request_headers() {
            Ok(map) => map,
            Err(error) => return self.fail(error),
        };
        let Some(headers) = headers::read(&map) else {
            return self.fail(HostError::no_map());
        };
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
                    host::show_line(&audit::left_alone(why));
                }
                return Action::Continue;
            }
            Decision::Refuse(refusal, format) => {
                self.format = format;
                return self.answer(&refusal);
            }
            Decision::Sign(plan) => plan,
        };
        self.format = plan.format;
        let length = head.content_length();
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
                self.await_body(plan, None, length)
            }
            PayloadPlan::Hashed => {
                plan.payload = PayloadPlan::Hashed;
                self.await_body(plan, Some(Sha256::new()), length)
            }
        }
    }

    /// The body need not be complete for its signature.
    fn stream(
        &mut self,
        plan: Plan,
        payload: OwnedPayload,
        headers: Vec<Header<'_>>,
        length: Option<usize>,
    ) -> Action {
        let action = self.settle(plan, payload, Some(headers));
        let max_body_bytes = self.worker.config.max_body_bytes;
        match self.stage {
            // No use holding the first part of what is too long as a whole.
            Stage::Parked if length.is_some_and(|length| length > max_body_bytes) => {
                self.answer(&Refusal::UploadTooLargeToHold { max_body_bytes })
            }
            _ => action,
        }
    }

    fn await_body(&mut self, plan: Plan, hash: Option<Sha256>, length: Option<usize>) -> Action {
        self.worker.await_body(self.id, self.format);
        self.stage = Stage::Body(Box::new(Body {
            plan,
            hash,
            length_known: length.is_some(),
            hashed_bytes: 0,
            bytes: 0,
        }));
        self.action()
    }

    /// A part of the body flows, or its end.
    fn flow(&mut self, end_of_stream: bool) -> Action {
        if let Stage::Flowing(Some(resigner)) = &mut self.stage
            && let Err(refusal) = chunks::resign(resigner, end_of_stream)
        {
            return self.answer(&refusal);
        }
        self.action()
    }

    /// The body is complete.
    fn finish(&mut self) -> Action {
        let Stage::Body(body) = std::mem::replace(&mut self.stage, Stage::Answered) else {
            return self.action();
        };
        if !body.length_known
            && let Err(error) = host::set_content_length(body.bytes)
        {
            return self.fail(error);
        }
        let payload = match (&body.plan.payload, body.hash) {
            (PayloadPlan::Held(value), _) => OwnedPayload::Literal((*value).to_owned()),
            (_, Some(hash)) => OwnedPayload::Hash(hash.finalize().into()),
            (_, None) => OwnedPayload::Empty,
        };
        self.settle(body.plan, payload, None)
    }
}

impl Context for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        self.worker.forget(self.id);
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        self.decide(end_of_stream)
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        let max_body_bytes = self.worker.config.max_body_bytes;
        match &mut self.stage {
            Stage::LeftAlone | Stage::Flowing(_) | Stage::Answered => {}
            Stage::Parked => {
                let outcome = self.worker.settle_part(self.id, end_of_stream);
                self.follow(outcome);
                // `body_size` counts all that Envoy holds of the request.
                if matches!(self.stage, Stage::Parked) && body_size > max_body_bytes {
                    return self.answer(&Refusal::UploadTooLargeToHold { max_body_bytes });
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
            }
        }
        self.flow(end_of_stream)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        match &self.stage {
            // With trailers, no body callback says that the stream has ended.
            Stage::Body(_) => self.finish(),
            Stage::Parked => {
                let outcome = self.worker.settle_part(self.id, true);
                self.follow(outcome);
                self.flow(true)
            }
            // All of the body has gone through.
            Stage::Flowing(Some(resigner)) => match resigner.finish() {
                Ok(()) => self.action(),
                Err(fault) => self.answer(&fault.into()),
            },
            Stage::LeftAlone | Stage::Flowing(None) | Stage::Answered => self.action(),
        }
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        // Our own answers are not AWS's, and what others signed tells nothing of our credentials. (A request that was
        // signed from the root is `Parked` here, unless a part of its body came later.)
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
