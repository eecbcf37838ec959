//! The state of one event stream.

use std::time::SystemTime;

use super::fault::Fault;
use super::message::{PRELUDE_BYTES, Places, Prelude, overwrite};
use crate::chunked::grow;
use crate::sigv4::{EventSigner, sha256};

/// Replaces the signatures in one event stream.
///
/// [`Resigner::take`] takes the body in whatever parts it comes, in order; [`Resigner::finish`] says whether it ended
/// between two messages. It holds at most one message ([`super::MAX_MESSAGE_BYTES`]).
#[derive(Debug)]
pub struct Resigner {
    signer: EventSigner,
    /// When it was opened, by the clock that [`Resigner::take`] is told the time of.
    opened: SystemTime,
    /// The same moment, by the clock that signs.
    signed: SystemTime,
    state: State,
    /// What has come of a message.
    pub(super) held: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A message begins.
    Prelude,
    /// The rest of it comes.
    Message(Prelude),
    /// Nothing more is taken.
    Broken(Fault),
}

impl Resigner {
    /// For the stream of a request that was signed at `opened`, with the time `signed`.
    pub fn new(signer: EventSigner, opened: SystemTime, signed: SystemTime) -> Self {
        Self {
            signer,
            opened,
            signed,
            state: State::Prelude,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes of the body, at `now`, and appends to `out` what can go on.
    ///
    /// # Errors
    /// When a message is broken. `out` then ends with the message before it, every later call fails too, and the
    /// request must not be completed.
    pub fn take(&mut self, bytes: &[u8], now: SystemTime, out: &mut Vec<u8>) -> Result<(), Fault> {
        let time = self.time(now);
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Err(fault) = self.step(&mut rest, time, out) {
                self.state = State::Broken(fault);
                self.held = Vec::new();
                return Err(fault);
            }
        }
        Ok(())
    }

    /// The memory that the part of a message takes which has come, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// The body has ended.
    ///
    /// # Errors
    /// When it ended within a message, or was broken before.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.state {
            State::Broken(fault) => Err(fault),
            State::Prelude if self.held.is_empty() => Ok(()),
            State::Prelude | State::Message(_) => Err(Fault::Incomplete),
        }
    }

    /// Takes some of `rest`, at least a byte.
    fn step(&mut self, rest: &mut &[u8], time: SystemTime, out: &mut Vec<u8>) -> Result<(), Fault> {
        let wanted = match self.state {
            State::Prelude => PRELUDE_BYTES,
            State::Message(prelude) => prelude.total,
            State::Broken(fault) => return Err(fault),
        };
        let left = wanted - self.held.len();
        let (part, after) = rest.split_at_checked(left).unwrap_or((rest, &[]));
        grow(&mut self.held, part.len(), left);
        self.held.extend_from_slice(part);
        *rest = after;
        if part.len() < left {
            return Ok(());
        }
        self.state = match (self.state, self.held.as_array()) {
            (State::Message(prelude), _) => {
                self.resign(prelude, time)?;
                let message = std::mem::take(&mut self.held);
                if out.is_empty() {
                    *out = message;
                } else {
                    out.extend_from_slice(&message);
                }
                State::Prelude
            }
            (_, Some(bytes)) => State::Message(Prelude::read(bytes)?),
            // Never: so many bytes are there.
            (_, None) => return Err(Fault::Prelude),
        };
        Ok(())
    }

    /// Signs the message that is held.
    fn resign(&mut self, prelude: Prelude, time: SystemTime) -> Result<(), Fault> {
        let message = &mut self.held;
        if !prelude.is_intact(message) {
            return Err(Fault::Checksum);
        }
        let payload = sha256(message.get(prelude.payload()).unwrap_or_default());
        let headers = message.get_mut(prelude.headers()).unwrap_or_default();
        let places = Places::find(headers)?;
        let date = headers.get_mut(places.date.clone()).unwrap_or_default();
        overwrite(date, &milliseconds(time).to_be_bytes());
        let (before, after) = (
            headers.get(..places.signature.start).unwrap_or_default(),
            headers.get(places.signature.end..).unwrap_or_default(),
        );
        let signed = sha256(&[before, after].concat());
        let signature = self.signer.event(time, &signed, &payload);
        let place = headers.get_mut(places.signature_value());
        overwrite(place.unwrap_or_default(), &signature);
        prelude.seal(message);
        Ok(())
    }

    /// The time to sign with: the clock may have been corrected when the stream was opened, and its messages follow.
    fn time(&self, now: SystemTime) -> SystemTime {
        let moved = match now.duration_since(self.opened) {
            Ok(later) => self.signed.checked_add(later),
            Err(earlier) => self.signed.checked_sub(earlier.duration()),
        };
        moved.unwrap_or(now)
    }
}

/// Since 1970, of the whole second: the string to sign has no part of one.
fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}
