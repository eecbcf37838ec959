//! Requests that do not flow yet: parked until credentials come, or held until their own body is there.
//!
//! One [`Parking`] for each worker. It decides who is signed, answered or left waiting, and in which order.
//!
//! Call order: [`Parking::admit`] says what becomes of a request that is ready to be signed, and [`Parking::park`]
//! takes one that has to wait. [`Parking::await_body`] takes a request that cannot be signed before its body is
//! complete. Both give it a [`Ticket`], which ends with [`Parking::forget`], when its stream ends at the latest.
//! At each tick and each reply to a callout, [`Parking::settle`] hands out what is due, and
//! [`Parking::tick_period`] says when to ask again. [`Parking::resume`] is for what was signed then.
//! [`Parking::on_part`] is asked when more of a parked request's body has come.

use super::body::End;
use super::limits::Limits;
use super::planned::{Chunks, Planned};
use crate::credentials::cache::{Failure, Lookup, Record};
use crate::credentials::role::{RoleId, Roles};
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::About;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The most requests that one callback from Envoy signs, answers and lets go on.
///
/// Envoy carries out what a callback asks for in nested calls, each of which enters the VM again. V8's stack held 160
/// of them, and not 180, with the shipped filters alone (Envoy 1.36.4, 1.40.0); every further filter in the chain
/// needs a part of it.
pub const MAX_STEPS: usize = 16;

/// What becomes of a request that is ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is signed: its record has the credentials.
    Sign,
    /// It is answered.
    Answer(Refusal),
    /// It waits: [`Parking::park`] it.
    Park,
}

/// What has come of a parked request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySoFar {
    /// None of it.
    Nothing,
    /// Some. Such a request is signed when the next part comes: resumed from the root, Envoy 1.36.4 would lose
    /// that part.
    Part,
    /// All.
    All,
}

/// How a request's wait ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Sign it, [`Parking::resume`] it, and let it go on.
    Sign {
        /// The request.
        request: Box<Planned>,
        /// What Envoy holds of its body.
        body: BodySoFar,
        /// Has the credentials.
        record: Rc<Record>,
    },
    /// Answer it in this format; and what the access log says of it.
    Answer(Refusal, ErrorFormat, About),
}

/// An [`Ending`], and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The id of its context in Envoy.
    pub stream: u32,
    /// Its own.
    pub ticket: Ticket,
    /// What is due.
    pub ending: Ending,
}

impl Due {
    /// Whether a whole body is signed for it part by part: seconds of work, where the parts are small.
    pub fn takes_long(&self) -> bool {
        let Ending::Sign { request, body, .. } = &self.ending else {
            return false;
        };
        *body == BodySoFar::All && request.payload.is_signed_in_parts()
    }
}

/// What becomes of a parked request when more of its body has come.
#[derive(Debug)]
pub enum OnPart {
    /// It is signed with the credentials in this record, and goes on.
    Sign(Box<Planned>, Rc<Record>),
    /// It was resumed, and goes on.
    Resumed(Chunks),
    /// It goes on waiting.
    Wait,
    /// It was answered. Nothing of it may flow.
    Answered,
}

/// Finds a request again. It is of no use any more when the request is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    slot: usize,
    arrival: Arrival,
}

/// A place in the order of arrival.
type Arrival = u64;

/// The requests that one worker holds back.
#[derive(Debug)]
pub struct Parking {
    limits: Limits,
    clock: Clock,
    arrivals: Arrival,
    slots: Slots,
    /// Those that wait for their body alone.
    bodies: Line,
    /// Those of them whose client waits for a 100.
    expected: Line,
    /// Those that wait for credentials, by role.
    parked: Roles<Lines>,
    parked_count: usize,
    backlog: bool,
}

/// Those that wait for one role's credentials.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    /// The root can sign them.
    whole: Line,
    /// [`BodySoFar::Part`].
    partial: Line,
}

#[derive(Debug)]
struct Waiter {
    stream: u32,
    arrival: Arrival,
    /// By [`Parking::clock`].
    since: Duration,
    held: Held,
    /// Its neighbours in its line.
    before: Option<usize>,
    behind: Option<usize>,
}

#[derive(Debug)]
enum Held {
    /// For its body, and answered in this format if that takes too long.
    Body(ErrorFormat, About),
    /// The same, while its client may wait for a 100.
    Expected(ErrorFormat, About),
    /// For credentials.
    Parked {
        request: Box<Planned>,
        body: BodySoFar,
    },
    /// No longer, and nothing of it may flow.
    Answered,
    /// No longer, and it goes on.
    Resumed(Chunks),
}

impl Parking {
    /// Without any request, for as many roles.
    pub fn new<T>(limits: Limits, roles: &Roles<T>) -> Self {
        Self {
            limits,
            clock: Clock::default(),
            arrivals: 0,
            slots: Slots::default(),
            bodies: Line::default(),
            expected: Line::default(),
            parked: roles.map(|_| Lines::default()),
            parked_count: 0,
            backlog: false,
        }
    }

    /// How many requests wait for credentials.
    pub fn parked(&self) -> usize {
        self.parked_count
    }

    /// What becomes of a request that is ready to be signed with the credentials of `record`.
    pub fn admit(&self, record: &Record, now: SystemTime) -> Admission {
        match record.lookup(now, self.limits.max_wait) {
            Lookup::Ready(_) => Admission::Sign,
            Lookup::Unavailable(failure) => Admission::Answer(unavailable(failure)),
            Lookup::Wait if self.parked_count >= self.limits.max_parked => {
                Admission::Answer(Refusal::TooManyParked {
                    max_parked: self.limits.max_parked,
                })
            }
            Lookup::Wait => Admission::Park,
        }
    }

    /// Parks a request. Of its body, nothing has come that is not covered by its payload already.
    pub fn park(&mut self, stream: u32, request: Box<Planned>, now: SystemTime) -> Ticket {
        let body = BodySoFar::Nothing;
        self.take_in(stream, Held::Parked { request, body }, now)
    }

    /// Holds a request until its body is there. If that takes too long, it is answered in `format`.
    pub fn await_body(
        &mut self,
        stream: u32,
        format: ErrorFormat,
        about: About,
        now: SystemTime,
    ) -> Ticket {
        self.take_in(stream, Held::Body(format, about), now)
    }

    /// As [`Parking::await_body`], where the client asks for a 100 before it sends the body, and the listener sends none: no
    /// filter can. Clients begin after a while without (curl, botocore and Go after 1 s, Apache's client after 3 s); what
    /// does not is told so.
    pub fn await_expected_body(
        &mut self,
        stream: u32,
        format: ErrorFormat,
        about: About,
        now: SystemTime,
    ) -> Ticket {
        self.take_in(stream, Held::Expected(format, about), now)
    }

    /// Something of a request's body has come.
    pub fn on_body(&mut self, ticket: Ticket) {
        let waiter = self.slots.get(ticket);
        let Some(Held::Expected(format, about)) = waiter.map(|waiter| &waiter.held) else {
            return;
        };
        let held = Held::Body(*format, about.clone());
        self.unqueue(ticket.slot);
        if let Some(waiter) = self.slots.get_mut(ticket) {
            waiter.held = held;
        }
        self.queue(ticket.slot);
    }

    fn take_in(&mut self, stream: u32, held: Held, now: SystemTime) -> Ticket {
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.parked_count += usize::from(matches!(held, Held::Parked { .. }));
        let slot = self.slots.put(Waiter {
            stream,
            arrival,
            since: self.clock.at(now),
            held,
            before: None,
            behind: None,
        });
        self.queue(slot);
        Ticket { slot, arrival }
    }

    /// Whether a request still waits for its body: it may have been answered meanwhile.
    pub fn awaits_body(&self, ticket: Ticket) -> bool {
        let waiter = self.slots.get(ticket);
        waiter.is_some_and(|waiter| matches!(waiter.held, Held::Body(..) | Held::Expected(..)))
    }

    /// Whether a request waits, for its body or for credentials.
    pub fn is_held(&self, ticket: Ticket) -> bool {
        let waiter = self.slots.get(ticket);
        waiter.is_some_and(|waiter| !matches!(waiter.held, Held::Answered | Held::Resumed(_)))
    }

    /// More of a parked request's body has come.
    pub fn on_part(
        &mut self,
        ticket: Ticket,
        end: End,
        now: SystemTime,
        record: impl Fn(RoleId) -> Option<Rc<Record>>,
    ) -> OnPart {
        let Some(waiter) = self.slots.get_mut(ticket) else {
            return OnPart::Answered;
        };
        let record = match &mut waiter.held {
            Held::Parked { request, .. } => record(request.plan.role).unwrap_or_default(),
            Held::Resumed(chunks) => return OnPart::Resumed(chunks.take()),
            Held::Body(..) | Held::Expected(..) | Held::Answered => return OnPart::Answered,
        };
        if record.usable(now).is_some() {
            return match self.take_out(ticket.slot) {
                Some(Held::Parked { request, .. }) => OnPart::Sign(request, record),
                _ => OnPart::Answered,
            };
        }
        self.unqueue(ticket.slot);
        if let Some(waiter) = self.slots.get_mut(ticket)
            && let Held::Parked { body, .. } = &mut waiter.held
        {
            *body = match end {
                End::Here => BodySoFar::All,
                End::Later => BodySoFar::Part,
            };
        }
        self.queue(ticket.slot);
        OnPart::Wait
    }

    /// What is due now, in the order in which the requests came: at most [`MAX_STEPS`], and nothing behind one that
    /// [takes long](Due::takes_long).
    pub fn settle(
        &mut self,
        now: SystemTime,
        record: impl Fn(RoleId) -> Option<Rc<Record>>,
    ) -> Vec<Due> {
        let clock = self.clock.at(now);
        let lines = self.lines(now, &record);
        let mut due = Vec::new();
        loop {
            let overdue = lines.iter().filter_map(|line| self.overdue(*line, clock));
            let first = overdue.min();
            let is_enough = due.len() == MAX_STEPS || due.last().is_some_and(Due::takes_long);
            self.backlog = first.is_some() && is_enough;
            let Some((_, slot)) = first.filter(|_| !self.backlog) else {
                return due;
            };
            due.extend(self.end_wait(slot, now, &record));
        }
    }

    /// Each line that is not empty, and how long it waits.
    fn lines(
        &self,
        now: SystemTime,
        record: impl Fn(RoleId) -> Option<Rc<Record>>,
    ) -> Vec<(LineId, Duration)> {
        let Limits {
            max_wait,
            body_timeout,
            ..
        } = self.limits;
        let mut lines = vec![
            (LineId::Bodies, body_timeout),
            (LineId::Expected, EXPECTATION.min(body_timeout)),
        ];
        for (role, Lines { whole, partial }) in self.parked.iter() {
            if whole.is_empty() && partial.is_empty() {
                continue;
            }
            let record = record(role).unwrap_or_default();
            let (whole, partial) = match record.lookup(now, max_wait) {
                // What has half a body waits for the other half by now.
                Lookup::Ready(_) => (Duration::ZERO, body_timeout),
                Lookup::Unavailable(_) => (Duration::ZERO, Duration::ZERO),
                Lookup::Wait => (max_wait, max_wait),
            };
            lines.push((LineId::Whole(role), whole));
            lines.push((LineId::Partial(role), partial));
        }
        lines
    }

    /// The first of a line, if it has waited for so long. Who came first has waited longest.
    fn overdue(
        &self,
        (line, wait): (LineId, Duration),
        clock: Duration,
    ) -> Option<(Arrival, usize)> {
        let slot = self.line(line)?.first?;
        let waiter = self.slots.at(slot)?;
        (clock.saturating_sub(waiter.since) >= wait).then_some((waiter.arrival, slot))
    }

    /// Ends a request's wait.
    fn end_wait(
        &mut self,
        slot: usize,
        now: SystemTime,
        record: impl Fn(RoleId) -> Option<Rc<Record>>,
    ) -> Option<Due> {
        let held = self.take_out(slot)?;
        let Waiter {
            stream, arrival, ..
        } = *self.slots.at(slot)?;
        let ending = match held {
            Held::Body(format, about) => Ending::Answer(self.body_timeout(), format, about),
            Held::Expected(format, about) => {
                Ending::Answer(Refusal::ExpectationFailed, format, about)
            }
            Held::Parked { request, body } => {
                let record = record(request.plan.role).unwrap_or_default();
                self.settled(request, body, record, now)
            }
            Held::Answered | Held::Resumed(_) => return None,
        };
        let ticket = Ticket { slot, arrival };
        Some(Due {
            stream,
            ticket,
            ending,
        })
    }

    fn settled(
        &self,
        request: Box<Planned>,
        body: BodySoFar,
        record: Rc<Record>,
        now: SystemTime,
    ) -> Ending {
        let format = request.plan.format;
        let waited = self.limits.max_wait;
        let refusal = match record.lookup(now, waited) {
            Lookup::Ready(_) if body != BodySoFar::Part => {
                return Ending::Sign {
                    request,
                    body,
                    record,
                };
            }
            Lookup::Ready(_) => self.body_timeout(),
            Lookup::Unavailable(failure) => unavailable(failure),
            Lookup::Wait => match &record.failure {
                Some(failure) => unavailable(failure),
                None => Refusal::CredentialsPending { waited },
            },
        };
        Ending::Answer(refusal, format, request.about)
    }

    fn body_timeout(&self) -> Refusal {
        Refusal::BodyTimeout {
            timeout: self.limits.body_timeout,
        }
    }

    /// What [`Parking::settle`] handed out to be signed is signed, and goes on.
    pub fn resume(&mut self, ticket: Ticket, chunks: Chunks) {
        if let Some(waiter) = self.slots.get_mut(ticket) {
            waiter.held = Held::Resumed(chunks);
        }
    }

    /// The stream has ended, or its request needs no ticket any more.
    pub fn forget(&mut self, ticket: Ticket) {
        if self.slots.get(ticket).is_some() {
            self.take_out(ticket.slot);
            self.slots.free(ticket.slot);
        }
    }

    /// Ends a wait. Nothing of the request may flow unless it is resumed.
    fn take_out(&mut self, slot: usize) -> Option<Held> {
        self.unqueue(slot);
        let waiter = self.slots.at_mut(slot)?;
        let held = std::mem::replace(&mut waiter.held, Held::Answered);
        self.parked_count -= usize::from(matches!(held, Held::Parked { .. }));
        Some(held)
    }

    /// When to settle again, if nothing else happens before.
    pub fn tick_period(&self, has_credentials: bool) -> Duration {
        match has_credentials {
            _ if self.backlog => TICK_WITH_BACKLOG,
            _ if self.parked_count > 0 => TICK_WHILE_PARKED,
            true => TICK_AT_REST,
            false => TICK_WITHOUT_CREDENTIALS,
        }
    }
}

/// The answer where there is no use waiting.
fn unavailable(failure: &Failure) -> Refusal {
    Refusal::CredentialsUnavailable {
        cause: failure.cause.clone(),
        advice: failure.advice.clone(),
    }
}

/// Time as it passes by a wall clock that may be set: what it is set back does not count, so that nobody waits
/// longer for it.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    last: Option<SystemTime>,
    passed: Duration,
}

impl Clock {
    fn at(&mut self, now: SystemTime) -> Duration {
        let step = self.last.and_then(|last| now.duration_since(last).ok());
        self.passed = self.passed.saturating_add(step.unwrap_or_default());
        self.last = Some(now);
        self.passed
    }
}

/// Streams in the order of arrival.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    first: Option<usize>,
    last: Option<usize>,
}

/// Names a line.
#[derive(Clone, Copy, Debug)]
enum LineId {
    Bodies,
    Expected,
    Whole(RoleId),
    Partial(RoleId),
}

impl Line {
    fn is_empty(self) -> bool {
        self.first.is_none()
    }
}

impl Waiter {
    /// The line that it stands in.
    fn line(&self) -> Option<LineId> {
        match &self.held {
            Held::Body(..) => Some(LineId::Bodies),
            Held::Expected(..) => Some(LineId::Expected),
            Held::Parked { request, body } => Some(match body {
                BodySoFar::Part => LineId::Partial(request.plan.role),
                BodySoFar::Nothing | BodySoFar::All => LineId::Whole(request.plan.role),
            }),
            Held::Answered | Held::Resumed(_) => None,
        }
    }
}

/// The lines are linked lists through the slots: a request leaves from anywhere, and nothing is searched.
impl Parking {
    fn line(&self, line: LineId) -> Option<Line> {
        match line {
            LineId::Bodies => Some(self.bodies),
            LineId::Expected => Some(self.expected),
            LineId::Whole(role) => self.parked.get(role).map(|lines| lines.whole),
            LineId::Partial(role) => self.parked.get(role).map(|lines| lines.partial),
        }
    }

    fn line_mut(&mut self, line: LineId) -> Option<&mut Line> {
        match line {
            LineId::Bodies => Some(&mut self.bodies),
            LineId::Expected => Some(&mut self.expected),
            LineId::Whole(role) => self.parked.get_mut(role).map(|lines| &mut lines.whole),
            LineId::Partial(role) => self.parked.get_mut(role).map(|lines| &mut lines.partial),
        }
    }

    /// Puts a waiter into its line, behind those that came before it: nearly always at the end.
    fn queue(&mut self, slot: usize) {
        let Some((line, arrival)) = self
            .slots
            .at(slot)
            .and_then(|waiter| Some((waiter.line()?, waiter.arrival)))
        else {
            return;
        };
        let mut before = self.line(line).and_then(|line| line.last);
        let mut behind = None;
        while let Some(other) = before.and_then(|slot| self.slots.at(slot))
            && other.arrival > arrival
        {
            behind = before;
            before = other.before;
        }
        self.link(line, before, Some(slot));
        self.link(line, Some(slot), behind);
    }

    fn unqueue(&mut self, slot: usize) {
        let Some(waiter) = self.slots.at(slot) else {
            return;
        };
        if let Some(line) = waiter.line() {
            let (before, behind) = (waiter.before, waiter.behind);
            self.link(line, before, behind);
        }
    }

    /// Makes two neighbours in a line; nobody is the end of it.
    fn link(&mut self, line: LineId, before: Option<usize>, behind: Option<usize>) {
        match before.map(|slot| self.slots.at_mut(slot)) {
            Some(Some(waiter)) => waiter.behind = behind,
            _ => {
                if let Some(line) = self.line_mut(line) {
                    line.first = behind;
                }
            }
        }
        match behind.map(|slot| self.slots.at_mut(slot)) {
            Some(Some(waiter)) => waiter.before = before,
            _ => {
                if let Some(line) = self.line_mut(line) {
                    line.last = before;
                }
            }
        }
    }
}

/// Places for waiters, which are used again.
#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Option<Waiter>>,
    free: Vec<usize>,
}

impl Slots {
    fn put(&mut self, waiter: Waiter) -> usize {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(waiter),
            None => self.slots.push(Some(waiter)),
        }
        slot
    }

    fn free(&mut self, slot: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    fn at(&self, slot: usize) -> Option<&Waiter> {
        self.slots.get(slot)?.as_ref()
    }

    fn at_mut(&mut self, slot: usize) -> Option<&mut Waiter> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Not one that has the place by now.
    fn get(&self, ticket: Ticket) -> Option<&Waiter> {
        self.at(ticket.slot)
            .filter(|waiter| waiter.arrival == ticket.arrival)
    }

    fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiter> {
        self.at_mut(ticket.slot)
            .filter(|waiter| waiter.arrival == ticket.arrival)
    }
}

/// Envoy sees to its connections between two of these.
/// How long a client may wait for a 100 that nothing sends.
const EXPECTATION: Duration = Duration::from_secs(4);

const TICK_WITH_BACKLOG: Duration = Duration::from_millis(1);
/// [`Parking::park`] has to be followed by ticks of this period. A request that waits on another worker's fetch is
/// signed within two of them.
pub const TICK_WHILE_PARKED: Duration = Duration::from_millis(10);
const TICK_WITHOUT_CREDENTIALS: Duration = Duration::from_millis(100);
const TICK_AT_REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
