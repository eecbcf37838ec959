//! A request that is to be signed, now or later.

use super::resigner::Resigner;
use crate::chunked::Form;
use crate::credentials::cache::Record;
use crate::decision::Plan;
use crate::events::EVENTS;
use crate::presign::Presigning;
use crate::report::access_log::About;
use crate::sigv4::Payload;
use std::rc::Rc;
use std::time::SystemTime;

/// All that is needed to sign a request, now or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// How it is signed.
    pub plan: Plan,
    /// What stands for its body.
    pub payload: OwnedPayload,
    /// The length of its body, where it came without one and is complete: S3 wants it, and to others chunks are only a
    /// cost.
    pub content_length: Option<usize>,
    /// What the access log says of it.
    pub about: About,
    /// It does not go on: it is answered with what it asked to be presigned.
    pub presigning: Option<Box<Presigning>>,
}

/// [`Payload`], for as long as a request waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedPayload {
    /// There is no body.
    Empty,
    /// The SHA-256 of the body.
    Hash([u8; 32]),
    /// This text, whatever the body.
    Literal(String),
    /// The body is signed chunk by chunk.
    ChunkSigned(Form),
    /// The body is an event stream.
    EventSigned,
}

impl OwnedPayload {
    /// As the signer takes it.
    pub fn borrow(&self) -> Payload<'_> {
        match self {
            Self::Empty => Payload::Empty,
            Self::Hash(hash) => Payload::Hash(*hash),
            Self::Literal(value) => Payload::Literal(value),
            Self::ChunkSigned(form) => Payload::Literal(form.as_str()),
            Self::EventSigned => Payload::Literal(EVENTS),
        }
    }

    /// Whether signatures within the body are replaced.
    pub fn is_signed_in_parts(&self) -> bool {
        matches!(self, Self::ChunkSigned(_) | Self::EventSigned)
    }
}

/// A request that is signed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The request.
    pub request: Box<Planned>,
    /// Has the credentials that sign.
    pub record: Rc<Record>,
    /// The time, at which they are usable.
    pub now: SystemTime,
}

/// What replaces the signatures within the body, for a request that has them.
pub type Chunks = Option<Box<Resigner>>;
