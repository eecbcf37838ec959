//! What replaces the signatures within one body: those of its chunks, or of its messages.

use crate::refusal::Refusal;
use crate::{chunked, events};
use std::time::SystemTime;

/// Replaces the signatures in one body, in whatever parts it comes.
#[derive(Debug)]
pub enum Resigner {
    /// Those of chunks.
    Chunks(chunked::Resigner),
    /// Those of the messages of an event stream.
    Events(events::Resigner),
}

impl Resigner {
    /// Takes the next bytes, and appends to `out` what can go on. `now` reads the clock, where it is needed.
    ///
    /// # Errors
    ///
    /// When the framing is broken; the request must not be completed.
    pub fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        now: &dyn Fn() -> SystemTime,
    ) -> Result<(), Refusal> {
        match self {
            Self::Chunks(chunks) => chunks.take(bytes, out)?,
            Self::Events(events) => events.take(bytes, now(), out)?,
        }
        Ok(())
    }

    /// The memory that takes which has come and cannot go on yet, in bytes.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Chunks(chunks) => chunks.held_bytes(),
            Self::Events(events) => events.held_bytes(),
        }
    }

    /// The body has ended.
    ///
    /// # Errors
    ///
    /// When it was not complete, or broken before.
    pub fn finish(&self) -> Result<(), Refusal> {
        match self {
            Self::Chunks(chunks) => chunks.finish()?,
            Self::Events(events) => events.finish()?,
        }
        Ok(())
    }
}
