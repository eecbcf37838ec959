//! A body as it comes: held until it is complete, or signed anew part by part.

use super::ask::Ask;
use super::planned::{OwnedPayload, Planned};
use super::resigner::Resigner;
use crate::decision::PayloadPlan;
use crate::refusal::Refusal;
use sha2::{Digest, Sha256};

/// A body that is held until its end, without which its request cannot be signed.
#[derive(Debug)]
pub struct Body {
    /// Its payload is known at the end.
    request: Box<Planned>,
    /// Of the bytes that have come; `None` where they are held only for their number.
    hash: Option<Sha256>,
    /// The client's `content-length`.
    length: Option<usize>,
    /// The method, where it may still have to be withheld.
    method: Option<String>,
    hashed_bytes: usize,
    /// All bytes that have come.
    bytes: usize,
}

impl Body {
    /// Nothing of it has come.
    pub fn new(request: Box<Planned>, length: Option<usize>, method: Option<String>) -> Self {
        let is_hashed = request.plan.payload == PayloadPlan::Hashed;
        Self {
            request,
            hash: is_hashed.then(Sha256::new),
            length,
            method,
            hashed_bytes: 0,
            bytes: 0,
        }
    }

    /// How many bytes of it have come.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of it has come, whatever Envoy says of its end.
    pub fn is_complete(&self) -> bool {
        self.length == Some(self.bytes)
    }

    /// Nothing of it has come, nor of any body before.
    pub fn was_not_handed_over(&self) -> bool {
        self.bytes == 0 && self.request.plan.withheld_method.is_some()
    }

    /// Envoy holds so many bytes of it by now; each is copied out of Envoy once.
    ///
    /// # Errors
    ///
    /// When Envoy hands over less.
    pub fn take(&mut self, bytes: usize, ask: &dyn Ask) -> Result<(), Refusal> {
        self.bytes = bytes;
        let Some(hash) = &mut self.hash else {
            return Ok(());
        };
        while self.hashed_bytes < bytes {
            let wanted = (bytes - self.hashed_bytes).min(READ_BYTES);
            let part = ask.body(self.hashed_bytes, wanted)?;
            if part.is_empty() {
                return Err(Refusal::HostCallFailed {
                    what: "Envoy handed over less of the body than it holds".to_owned(),
                });
            }
            hash.update(&part);
            self.hashed_bytes += part.len();
        }
        Ok(())
    }

    /// The request, now that the body has ended, and the method if it may still have to be withheld.
    pub fn finish(self) -> (Box<Planned>, Option<String>) {
        let mut request = self.request;
        request.payload = match (&request.plan.payload, self.hash) {
            (PayloadPlan::Held(value), _) => OwnedPayload::Literal((*value).to_owned()),
            (_, Some(hash)) => OwnedPayload::Hash(hash.finalize().into()),
            (_, None) => OwnedPayload::Empty,
        };
        if self.length.is_none() {
            request.content_length = Some(self.bytes);
        }
        (request, self.method)
    }
}

/// What comes in the place of a part of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resigned {
    /// How many bytes of what Envoy hands over it replaces: all of them.
    pub length: usize,
    /// What can go on, possibly nothing.
    pub new: Vec<u8>,
}

/// Takes what Envoy hands over of a body through `resigner`.
///
/// # Errors
///
/// When Envoy does not hand it over, or its framing is broken. AWS has got a part of it at most, and must not get the
/// rest.
pub fn resign(resigner: &mut Resigner, end: End, ask: &dyn Ask) -> Result<Resigned, Refusal> {
    let mut resigned = Resigned::default();
    loop {
        let part = ask.body(resigned.length, READ_BYTES)?;
        resigner.take(&part, &mut resigned.new, &|| ask.now())?;
        resigned.length += part.len();
        if part.len() < READ_BYTES {
            break;
        }
    }
    if end == End::Here {
        resigner.finish()?;
    }
    Ok(resigned)
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this part.
    Here,
    /// Later.
    Later,
}

impl End {
    /// As Envoy says it.
    pub fn of_stream(is_here: bool) -> Self {
        if is_here { Self::Here } else { Self::Later }
    }
}

/// Bounds what one reading copies into the VM's memory.
const READ_BYTES: usize = 64 * 1024;
