//! The end of a request's wait, as the root carries it out.

use super::ask::Ask;
use super::body::{self, End, Resigned};
use super::holdings::Holdings;
use super::lifecycle::Step;
use super::parking::{BodySoFar, Due, Ending, Ticket};
use super::planned::{Chunks, Signing};
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::About;
use std::time::SystemTime;

/// Carries one request over: [`Release::next`] says what is to be done to it, until there is nothing more.
#[derive(Debug)]
pub struct Release {
    /// The id of its context in Envoy.
    pub stream: u32,
    ticket: Ticket,
    /// Of an answer.
    format: ErrorFormat,
    about: About,
    body: BodySoFar,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Answer(Refusal),
    Sign(Signing),
    /// Signed; what Envoy holds of its body is replaced.
    Replace(Resigned, Chunks),
    Resume(Chunks),
    /// Nothing is left to be done, or it is not known yet.
    Over,
}

impl Release {
    /// For what is due at `now`.
    pub fn new(due: Due, now: SystemTime) -> Self {
        let Due {
            stream,
            ticket,
            ending,
        } = due;
        let (format, about, body, stage) = match ending {
            Ending::Answer(refusal, format, about) => {
                (format, about, BodySoFar::Nothing, Stage::Answer(refusal))
            }
            Ending::Sign {
                request,
                body,
                record,
            } => {
                let (format, about) = (request.plan.format, request.about.clone());
                let signing = Signing {
                    request,
                    record,
                    now,
                };
                (format, about, body, Stage::Sign(signing))
            }
        };
        Self {
            stream,
            ticket,
            format,
            about,
            body,
            stage,
        }
    }

    /// What is to be done now.
    pub fn next(&mut self, holdings: &mut Holdings) -> Option<Step> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Answer(refusal) => Some(Step::Answer(refusal, self.format, self.about.clone())),
            Stage::Sign(signing) => Some(Step::Sign(signing)),
            Stage::Replace(resigned, chunks) => {
                self.stage = Stage::Resume(chunks);
                Some(Step::ReplaceBody(resigned))
            }
            Stage::Resume(chunks) => {
                holdings.parking.resume(self.ticket, chunks);
                // What Envoy held of its body leaves.
                holdings.release(self.stream);
                Some(Step::Resume)
            }
            Stage::Over => None,
        }
    }

    /// It is signed.
    pub fn on_signed(&mut self, mut chunks: Chunks, ask: &dyn Ask) {
        self.stage = match (&mut chunks, self.body) {
            // No callback follows for a body that is complete.
            (Some(resigner), BodySoFar::All) => match body::resign(resigner, End::Here, ask) {
                Ok(resigned) => Stage::Replace(resigned, chunks),
                Err(refusal) => Stage::Answer(refusal),
            },
            _ => Stage::Resume(chunks),
        };
    }

    /// A step could not be carried out.
    pub fn on_failed(&mut self, refusal: Refusal) {
        self.stage = Stage::Answer(refusal);
    }
}
