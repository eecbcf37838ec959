//! The life of one request, from its head to its answer or its end.
//!
//! ```text
//!        on_head                              on_body, on_trailers
//! New ------------> LeftAlone                                             goes on
//!  |  ------------> Signing ----------------> Flowing                     goes on
//!  |  ------------> Body ----> Signing, Parked                            held
//!  |  ------------> Parked --> Signing, Flowing (signed from the root)    held
//!  |  ------------> Answered  <-- from everywhere                         held
//! ```
//!
//! It starts held, and only a written signature ([`Lifecycle::on_signed`]) or a decision to leave it alone lets it go.

use super::ask::Ask;
use super::body::{self, Body, End, Resigned};
use super::holdings::Holdings;
use super::parking::{Admission, OnPart, Parking, Ticket};
use super::planned::{Chunks, OwnedPayload, Planned, Signing};
use crate::decision::{Decided, Decision, Head, LeftAlone, Observed, PayloadPlan, Plan};
use crate::presign::{self, Exchange};
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::About;
use std::time::{Duration, SystemTime};

/// Follows one request. After each event, [`Lifecycle::next`] says what is to be done.
#[derive(Debug)]
pub struct Lifecycle {
    /// The id of its context in Envoy.
    stream: u32,
    /// Of answers.
    format: ErrorFormat,
    /// What the access log says of it.
    about: About,
    stage: Stage,
    /// While it is held, and for what happens after.
    ticket: Option<Ticket>,
    /// Its head says that it has no body.
    is_bodiless: bool,
    /// What the callback at hand brings of the body.
    part: Option<End>,
    step: Option<Step>,
}

#[derive(Debug)]
enum Stage {
    /// Its head has not come.
    New,
    /// Its head was not handed over, which it has to be told.
    Undecided,
    /// Everything goes on, unseen.
    LeftAlone,
    /// The body is coming and held; nothing goes on.
    Body(Box<Body>),
    /// The same, and says what is to be presigned.
    Exchange(Box<Exchange>, Vec<u8>),
    /// It waits for credentials, to be signed from the root.
    Parked,
    /// The signature is being written.
    Signing,
    /// Signed: everything goes on, with the signatures within its body replaced where it has them.
    Flowing(Chunks),
    /// Nothing goes on.
    Answered,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Envoy goes on with what it has called for.
    Continue,
    /// Envoy holds it.
    Pause,
    /// Envoy holds it, and the root ticks at least this often.
    Park(Duration),
    /// It is counted as left alone, and the access log says this of it.
    LeaveAlone(LeftAlone, About),
    /// It is counted as observed, and the access log says this of it.
    Observe(Observed, About),
    /// It is answered, and the access log says this of it.
    Answer(Refusal, ErrorFormat, About),
    /// Its method is taken out of its headers. Its signature brings it back.
    WithholdMethod,
    /// Its signature is written: [`super::edits::sign`]. Then `on_signed` is called.
    Sign(Signing),
    /// What Envoy hands over of its body is replaced.
    ReplaceBody(Resigned),
    /// Envoy goes on with what it has held since an earlier callback.
    Resume,
    /// The operator is told.
    Warn(Warning),
}

/// What is wrong with Envoy's list of capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The head of a request was not handed over: it went on unsigned.
    NoHead,
    /// Perhaps the body of a request was not handed over.
    NoBody,
}

impl Warning {
    /// For the log.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoHead => {
                "a request went on unsigned: Envoy did not hand over its headers: allow proxy_on_request_headers"
            }
            Self::NoBody => {
                "Envoy answered a request before any of its body came: if that was no timeout, allow proxy_on_request_body"
            }
        }
    }
}

/// Whose answer comes, for [`Lifecycle::on_response`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responder {
    /// AWS, to what was signed here, as far as can be told.
    Aws,
    /// The filter itself, or somebody whom it left alone.
    Other,
    /// Somebody to whom it went unsigned, because its head was not handed over. The answer does not go on.
    Unasked,
}

impl Lifecycle {
    /// Of the stream with this id.
    pub fn new(stream: u32) -> Self {
        Self {
            stream,
            format: ErrorFormat::Plain,
            about: About::default(),
            stage: Stage::New,
            ticket: None,
            is_bodiless: false,
            part: None,
            step: None,
        }
    }

    /// What is to be done now. The last step of a callback is [`Step::Continue`], [`Step::Pause`] or [`Step::Park`].
    pub fn next(&mut self, holdings: &Holdings) -> Step {
        if let Some(step) = self.step.take() {
            return step;
        }
        match self.stage {
            Stage::LeftAlone | Stage::Flowing(_) => Step::Continue,
            Stage::Parked => Step::Park(holdings.tick_period(true)),
            Stage::Undecided => {
                self.stage = Stage::Answered;
                let what = "Envoy did not hand over its headers: allow proxy_on_request_headers";
                Step::Answer(host_call_failed(what), self.format, self.about.clone())
            }
            Stage::New
            | Stage::Body(_)
            | Stage::Exchange(..)
            | Stage::Signing
            | Stage::Answered => Step::Pause,
        }
    }

    /// Its head has come, and this is what was decided.
    pub fn on_head(
        &mut self,
        decided: Decided,
        head: Head<'_>,
        holdings: &mut Holdings,
        ask: &dyn Ask,
    ) {
        self.about = decided.about;
        match decided.decision {
            Decision::LeaveAlone(why) => {
                self.stage = Stage::LeftAlone;
                self.step = Some(Step::LeaveAlone(why, self.about.clone()));
            }
            Decision::Observe(observed) => {
                self.stage = Stage::LeftAlone;
                self.step = Some(Step::Observe(observed, self.about.clone()));
            }
            Decision::Refuse(refusal, format) => {
                self.format = format;
                self.answer(refusal, holdings);
            }
            Decision::Exchange(exchange) => self.await_exchange(exchange, head, holdings, ask),
            Decision::Sign(plan) => self.begin(plan, head, holdings, ask),
        }
    }

    /// It never goes on, whatever Envoy hands over of it: without its method, no router takes it.
    fn await_exchange(
        &mut self,
        exchange: Box<Exchange>,
        head: Head<'_>,
        holdings: &mut Holdings,
        ask: &dyn Ask,
    ) {
        if head.end_of_stream {
            return self.exchange(&exchange, &[], holdings, ask);
        }
        self.ticket = Some(holdings.parking.await_body(
            self.stream,
            self.format,
            self.about.clone(),
            ask.now(),
        ));
        self.stage = Stage::Exchange(exchange, Vec::new());
        self.step = Some(Step::WithholdMethod);
    }

    /// All of what is to be presigned has come.
    fn exchange(
        &mut self,
        exchange: &Exchange,
        body: &[u8],
        holdings: &mut Holdings,
        ask: &dyn Ask,
    ) {
        match ask.presign(exchange, body) {
            Err(refusal) => self.answer(refusal, holdings),
            Ok(request) => {
                self.about = request.about.clone();
                if let Some((request, now)) = self.settle(request, holdings, ask) {
                    self.park(request, now, holdings);
                }
            }
        }
    }

    /// It is answered with what it asked for.
    pub fn on_replied(&mut self, holdings: &mut Holdings) {
        self.let_go(holdings);
        self.stage = Stage::Answered;
    }

    fn begin(&mut self, plan: Plan, head: Head<'_>, holdings: &mut Holdings, ask: &dyn Ask) {
        self.format = plan.format;
        let mut request = Box::new(Planned {
            plan,
            payload: OwnedPayload::Empty,
            content_length: None,
            about: self.about.clone(),
            presigning: None,
        });
        let length = head.content_length();
        self.is_bodiless = length == Some(0);
        match std::mem::replace(&mut request.plan.payload, PayloadPlan::Empty) {
            PayloadPlan::Empty => {}
            PayloadPlan::Streamed(value) => request.payload = OwnedPayload::Literal(value),
            PayloadPlan::ChunkSigned(form) => request.payload = OwnedPayload::ChunkSigned(form),
            PayloadPlan::EventSigned => request.payload = OwnedPayload::EventSigned,
            held @ (PayloadPlan::Held(_) | PayloadPlan::Hashed) => {
                request.plan.payload = held;
                self.withhold_method(&mut request, head, length, holdings);
                let parking = &mut holdings.parking;
                let await_body = match head.expects_continue() {
                    true => Parking::await_expected_body,
                    false => Parking::await_body,
                };
                self.ticket = Some(await_body(
                    parking,
                    self.stream,
                    self.format,
                    self.about.clone(),
                    ask.now(),
                ));
                let may_lack = request.plan.withheld_method.is_none();
                let method = (may_lack && !holdings.hands_over_trailers).then(|| method(head));
                self.stage = Stage::Body(Box::new(Body::new(request, length, method)));
                return;
            }
        }
        let Some((mut request, now)) = self.settle(request, holdings, ask) else {
            return;
        };
        let max_body_bytes = holdings.max_body_bytes;
        let refusal = match request.payload {
            // An upgrade: its client is silent until it is answered, see `BodySoFar`.
            OwnedPayload::Empty if !head.end_of_stream => Refusal::CredentialsPending {
                waited: Duration::ZERO,
            },
            // No use holding the first part of what is too long as a whole.
            OwnedPayload::Literal(_) | OwnedPayload::ChunkSigned(_) | OwnedPayload::EventSigned
                if length.is_some_and(|length| length > max_body_bytes) =>
            {
                Refusal::UploadTooLargeToHold { max_body_bytes }
            }
            OwnedPayload::Empty => return self.park(request, now, holdings),
            _ => {
                self.withhold_method(&mut request, head, None, holdings);
                return self.park(request, now, holdings);
            }
        };
        self.answer(refusal, holdings);
    }

    /// Takes the method out of the headers of a request that is held for its body, as long as it is not sure that Envoy
    /// hands over what comes.
    ///
    /// A list of capabilities without `proxy_on_request_body`, or without `proxy_on_request_trailers`, makes Envoy go on
    /// with a held request as soon as one comes, unsigned, and nothing tells before. Without a method, Envoy answers it
    /// itself (`filter_removed_required_request_headers`; `source/common/router/upstream_codec_filter.cc`). The calls
    /// are made for the first such request of a VM, and where trailers may be what Envoy goes on with: they may end a body
    /// of unknown length, or that of a request that waits for credentials, or come where no body does.
    fn withhold_method(
        &mut self,
        request: &mut Planned,
        head: Head<'_>,
        length: Option<usize>,
        holdings: &Holdings,
    ) {
        let ends_with_its_body = length.is_some_and(|length| length > 0);
        if holdings.hands_over_bodies && (ends_with_its_body || holdings.hands_over_trailers) {
            return;
        }
        request.plan.withheld_method = Some(method(head));
        self.step = Some(Step::WithholdMethod);
    }

    /// Signs or answers a request whose payload is known. `Some`: it has to wait.
    fn settle(
        &mut self,
        request: Box<Planned>,
        holdings: &mut Holdings,
        ask: &dyn Ask,
    ) -> Option<(Box<Planned>, SystemTime)> {
        let now = ask.now();
        let Some(record) = ask.fresh_record(request.plan.role, now) else {
            self.answer(host_call_failed("the rule names no role"), holdings);
            return None;
        };
        match holdings.parking.admit(&record, now) {
            Admission::Sign => {
                self.sign(Signing {
                    request,
                    record,
                    now,
                });
            }
            Admission::Answer(refusal) => self.answer(refusal, holdings),
            Admission::Park => return Some((request, now)),
        }
        None
    }

    fn park(&mut self, request: Box<Planned>, now: SystemTime, holdings: &mut Holdings) {
        // It may have had one for its body.
        if let Some(ticket) = self.ticket.take() {
            holdings.parking.forget(ticket);
        }
        self.ticket = Some(holdings.parking.park(self.stream, request, now));
        self.stage = Stage::Parked;
    }

    fn sign(&mut self, signing: Signing) {
        self.stage = Stage::Signing;
        self.step = Some(Step::Sign(signing));
    }

    /// Its signature is written.
    pub fn on_signed(&mut self, chunks: Chunks, holdings: &mut Holdings, ask: &dyn Ask) {
        self.let_go(holdings);
        self.stage = Stage::Flowing(chunks);
        if let Some(end) = self.part {
            self.flow(end, holdings, ask);
        }
    }

    /// A step could not be carried out.
    pub fn on_failed(&mut self, refusal: Refusal, holdings: &mut Holdings) {
        self.answer(refusal, holdings);
    }

    fn answer(&mut self, refusal: Refusal, holdings: &mut Holdings) {
        self.let_go(holdings);
        self.stage = Stage::Answered;
        self.step = Some(Step::Answer(refusal, self.format, self.about.clone()));
    }

    /// Nothing of it is held any longer.
    fn let_go(&mut self, holdings: &mut Holdings) {
        if let Some(ticket) = self.ticket.take() {
            holdings.parking.forget(ticket);
        }
        holdings.release(self.stream);
    }

    /// A part of its body has come, or its end. `held` is what Envoy hands over of it, in bytes: all that it holds, or
    /// this part where it holds nothing.
    pub fn on_body(&mut self, held: usize, end: End, holdings: &mut Holdings, ask: &dyn Ask) {
        holdings.hands_over_bodies = true;
        self.part = Some(end);
        let max_body_bytes = holdings.max_body_bytes;
        self.note_answer_of_root(holdings);
        if let Some(ticket) = self.ticket {
            holdings.parking.on_body(ticket);
        }
        match &mut self.stage {
            Stage::New => self.refuse_undecided(),
            Stage::Undecided | Stage::LeftAlone | Stage::Signing | Stage::Answered => {}
            Stage::Flowing(_) => self.flow(end, holdings, ask),
            Stage::Parked => {
                self.settle_part(end, holdings, ask);
                match self.stage {
                    Stage::Parked if held > max_body_bytes => {
                        self.answer(Refusal::UploadTooLargeToHold { max_body_bytes }, holdings);
                    }
                    Stage::Parked => self.hold(held, holdings, ask),
                    _ => {}
                }
            }
            Stage::Exchange(exchange, body) => {
                if let Err(refusal) = take(body, held, ask) {
                    self.answer(refusal, holdings);
                } else if end == End::Here {
                    let (exchange, body) = (std::mem::take(exchange), std::mem::take(body));
                    self.exchange(&exchange, &body, holdings, ask);
                } else {
                    self.hold(held, holdings, ask);
                }
            }
            Stage::Body(_) if held > max_body_bytes => {
                self.answer(Refusal::BodyTooLarge { max_body_bytes }, holdings);
            }
            Stage::Body(body) => match body.take(held, ask) {
                Err(refusal) => self.answer(refusal, holdings),
                Ok(()) if end == End::Here => self.finish(holdings, ask),
                // Only the end is to come, with trailers or without.
                Ok(()) if body.is_complete() => {
                    self.finish(holdings, ask);
                    if let Stage::Parked = self.stage {
                        self.settle_part(end, holdings, ask);
                    }
                }
                Ok(()) => self.hold(held, holdings, ask),
            },
        }
    }

    /// Its trailers have come, and with them its end.
    pub fn on_trailers(&mut self, holdings: &mut Holdings, ask: &dyn Ask) {
        holdings.hands_over_trailers = true;
        self.part = Some(End::Here);
        self.note_answer_of_root(holdings);
        match &self.stage {
            Stage::New => self.refuse_undecided(),
            // Envoy has gone on with a body that it did not hand over. With the method back, it would send that, and
            // Envoy 1.36.4 and 1.40.0 died of it where no connection to AWS was open yet.
            Stage::Body(_) | Stage::Parked
                if !holdings.hands_over_bodies && !self.is_bodiless && self.is_held(holdings) =>
            {
                let what = "its trailers came before any of its body: if it has one, allow proxy_on_request_body";
                self.answer(host_call_failed(what), holdings);
            }
            // With trailers, no body callback says that the stream has ended.
            Stage::Body(_) => self.finish(holdings, ask),
            Stage::Exchange(exchange, body) => {
                let (exchange, body) = (exchange.clone(), body.clone());
                self.exchange(&exchange, &body, holdings, ask);
            }
            Stage::Parked => self.settle_part(End::Here, holdings, ask),
            // All of the body has gone through.
            Stage::Flowing(Some(resigner)) => match resigner.finish() {
                Ok(()) => {
                    self.stage = Stage::Flowing(None);
                    self.let_go(holdings);
                }
                Err(refusal) => self.answer(refusal, holdings),
            },
            Stage::Undecided
            | Stage::LeftAlone
            | Stage::Signing
            | Stage::Flowing(None)
            | Stage::Answered => {}
        }
    }

    /// An answer comes.
    pub fn on_response(&mut self, holdings: &mut Holdings) -> Responder {
        self.note_answer_of_root(holdings);
        match &self.stage {
            Stage::New => {
                self.refuse_undecided();
                return Responder::Unasked;
            }
            Stage::Undecided | Stage::LeftAlone | Stage::Answered => return Responder::Other,
            Stage::Body(body) if body.was_not_handed_over() => {
                self.step = Some(Step::Warn(Warning::NoBody));
            }
            Stage::Exchange(..) => return Responder::Other,
            Stage::Body(_) | Stage::Parked | Stage::Signing | Stage::Flowing(_) => {}
        }
        Responder::Aws
    }

    /// Its stream ends.
    pub fn on_end(&mut self, holdings: &mut Holdings) {
        self.let_go(holdings);
    }

    /// Envoy did not hand over its head, so that what it is was never decided.
    fn refuse_undecided(&mut self) {
        self.stage = Stage::Undecided;
        self.step = Some(Step::Warn(Warning::NoHead));
    }

    /// The root may have answered it while it waited for its body.
    fn note_answer_of_root(&mut self, holdings: &Holdings) {
        let awaits_body = matches!(self.stage, Stage::Body(_) | Stage::Exchange(..));
        if awaits_body && !self.is_held(holdings) {
            self.stage = Stage::Answered;
        }
    }

    /// Neither signed nor answered by the root.
    fn is_held(&self, holdings: &Holdings) -> bool {
        let is_held = |ticket| holdings.parking.is_held(ticket);
        self.ticket.is_some_and(is_held)
    }

    /// More of its body has come while it was parked.
    fn settle_part(&mut self, end: End, holdings: &mut Holdings, ask: &dyn Ask) {
        let Some(ticket) = self.ticket else {
            return;
        };
        let now = ask.now();
        let record = |role| ask.record(role);
        match holdings.parking.on_part(ticket, end, now, record) {
            OnPart::Sign(request, record) => self.sign(Signing {
                request,
                record,
                now,
            }),
            OnPart::Resumed(chunks) => self.on_signed(chunks, holdings, ask),
            OnPart::Wait => {}
            OnPart::Answered => {
                self.let_go(holdings);
                self.stage = Stage::Answered;
            }
        }
    }

    /// A part of the body flows, or its end.
    fn flow(&mut self, end: End, holdings: &mut Holdings, ask: &dyn Ask) {
        let Stage::Flowing(Some(resigner)) = &mut self.stage else {
            return;
        };
        let resigned = match body::resign(resigner, end, ask) {
            Ok(resigned) => resigned,
            Err(refusal) => return self.answer(refusal, holdings),
        };
        if resigned.length > 0 {
            self.step = Some(Step::ReplaceBody(resigned));
        }
        match end {
            End::Here => {
                self.stage = Stage::Flowing(None);
                self.let_go(holdings);
            }
            End::Later => {
                let held = resigner.held_bytes();
                self.hold(held, holdings, ask);
            }
        }
    }

    /// Holds so much at the end of this callback, or answers where that is too much.
    fn hold(&mut self, bytes: usize, holdings: &mut Holdings, ask: &dyn Ask) {
        if let Err(refusal) = holdings.hold(self.stream, bytes, || ask.connection()) {
            self.answer(refusal, holdings);
        }
    }

    /// The body is complete.
    fn finish(&mut self, holdings: &mut Holdings, ask: &dyn Ask) {
        let Stage::Body(body) = std::mem::replace(&mut self.stage, Stage::Answered) else {
            return;
        };
        let bytes = body.bytes();
        let (request, method) = body.finish();
        if let Some((mut request, now)) = self.settle(request, holdings, ask) {
            // Its trailers may be what Envoy goes on with.
            if method.is_some() && self.part == Some(End::Later) && !holdings.hands_over_trailers {
                request.plan.withheld_method = method;
                self.step = Some(Step::WithholdMethod);
            }
            self.park(request, now, holdings);
            self.hold(bytes, holdings, ask);
        }
    }
}

/// Takes what Envoy holds of a body that says what is to be presigned.
fn take(body: &mut Vec<u8>, held: usize, ask: &dyn Ask) -> Result<(), Refusal> {
    if held > presign::MAX_BYTES {
        return Err(presign::Fault::TooLarge.into());
    }
    while body.len() < held {
        let part = ask.body(body.len(), held - body.len())?;
        if part.is_empty() {
            return Err(host_call_failed(
                "Envoy handed over less of the body than it holds",
            ));
        }
        body.extend(part);
    }
    Ok(())
}

fn method(head: Head<'_>) -> String {
    let method = head.value(":method").unwrap_or_default();
    std::str::from_utf8(method).unwrap_or_default().to_owned()
}

/// What no setting of the filter's can cause.
#[cold]
fn host_call_failed(what: &str) -> Refusal {
    Refusal::HostCallFailed {
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests;
