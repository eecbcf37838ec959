//! Clock skew, per host: the time to sign with, where AWS's clock and ours differ.
//!
//! The rules are those of the AWS SDKs (`aws-runtime` 1.10 for Rust, `service_clock_skew.rs`): the skew is
//! the server's `date` minus the middle between sending and receiving; a response with `age` comes from a
//! cache and says nothing; an error is a matter of clocks only if they differ by more than four minutes
//! (AWS takes five: "Signature expired: ... is now earlier than ... - 5 min."). Different from the SDKs,
//! who measure with every response:
//! * a correction begins only with a refusal ([`Verdict::Clock`]) and only for hosts that AWS operates, because
//!   here one signer serves hosts that do not trust each other. Which time is signed must not be a tenant's
//!   choice: a signature for tomorrow is a credential for tomorrow;
//! * it is at most [`LARGEST`]. A clock that is off by more is not set at all, and then tokens, expiry and
//!   certificates are as wrong as signatures are: the operator must know, not the signer;
//! * a round trip of more than [`LONGEST_ROUND_TRIP`] measures nothing: the error is up to half of it, and
//!   must stay well below the minute between four and five.
//!
//! While a host has a correction, every answer of it measures again; it is dropped as soon as the clocks
//! agree, so it does not outlive the repair of the clock.
//!
//! Expiry of credentials is still judged by the local clock: AWS's answer `ExpiredToken` is what makes up
//! for that.
//!
//! # Call order
//!
//! One [`Skews`] a worker, beside its signer.
//!
//! 1. To sign: [`Skews::signing_time`] with the host and the local `now`; keep `now` as the time of sending.
//! 2. On the response's headers: if [`crate::response::verdict`] says [`Verdict::Clock`], or unless
//!    [`Skews::is_empty`], read `date` and `age` into a [`Measurement`] and give it to
//!    [`Skews::learn`]. Where the verdict waits for the body, take the measurement with the headers all the
//!    same: its time of receiving is theirs.
//! 3. Log and count a [`Learned`] that is not [`Learned::Nothing`].

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::endpoint::Endpoint;
use crate::response::verdict::Verdict;
use crate::timestamp::parse_http_date;

/// Below this, a refused signature has other reasons (`SKEW_DETECTION_THRESHOLD` of `aws-runtime`).
pub(crate) const SMALLEST: Duration = Duration::from_secs(4 * 60);
/// Above this, the clock is not skewed but not set.
pub(crate) const LARGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A slower answer measures nothing.
pub(crate) const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(60);
/// So many hosts have a correction at most; the one that was measured longest ago goes first.
pub(crate) const CAPACITY: usize = 32;

/// How far a server's clock is ahead of ours, to the second; negative where it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset(i64);

impl Offset {
    fn size(self) -> Duration {
        Duration::from_secs(self.0.unsigned_abs())
    }

    fn apply(self, now: SystemTime) -> SystemTime {
        let moved = match self.0 {
            0.. => now.checked_add(self.size()),
            _ => now.checked_sub(self.size()),
        };
        // Never: a day fits between any clock and the ends of time.
        moved.unwrap_or(now)
    }
}

/// `AWS's clock is 301 s ahead of ours`.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.0 < 0 { "behind" } else { "ahead of" };
        write!(
            f,
            "AWS's clock is {} s {direction} ours",
            self.0.unsigned_abs()
        )
    }
}

/// Two clocks compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measurement(Offset);

impl Measurement {
    /// From the response's `date` and `age`, and the local times of sending and receiving. `None` where
    /// they say nothing: no date in the form of RFC 9110, a response out of a cache, a slow one, or a clock
    /// that was set back meanwhile.
    pub(crate) fn new(
        date: Option<&str>,
        age: Option<&str>,
        sent: SystemTime,
        received: SystemTime,
    ) -> Option<Self> {
        let server = parse_http_date(date?)?;
        let round_trip = received.duration_since(sent).ok()?;
        if age.is_some() || round_trip > LONGEST_ROUND_TRIP {
            return None;
        }
        let middle = sent.checked_add(round_trip / 2)?;
        let seconds = |span: Duration| i64::try_from(span.as_secs()).ok();
        match server.duration_since(middle) {
            Ok(ahead) => Some(Self(Offset(seconds(ahead)?))),
            Err(behind) => Some(Self(Offset(-seconds(behind.duration())?))),
        }
    }
}

/// What an answer has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Nothing: the clocks agree, or the answer is none that may correct ours.
    Nothing,
    /// From now on the host's requests are signed with its time. The first one of a host is worth a
    /// warning: the node's clock is wrong.
    Corrected(Offset),
    /// The clocks agree again.
    Dropped,
    /// The clocks differ by more than [`LARGEST`]; nothing is corrected.
    TooFar(Offset),
}

/// The corrections of one worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skews {
    /// The one measured last is the last.
    kept: Vec<Skew>,
}

#[derive(Clone, Debug)]
struct Skew {
    host: String,
    offset: Offset,
}

impl Skews {
    /// The time to sign a request to `host` with, when the local clock says `now`.
    pub(crate) fn signing_time(&self, host: &str, now: SystemTime) -> SystemTime {
        self.find(host).map_or(now, |skew| skew.offset.apply(now))
    }

    /// Whether no host has a correction.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Takes in a measurement. `endpoint` is what `host` was signed as; `verdict` is what its answer says
    /// about the signature.
    pub(crate) fn learn(
        &mut self,
        host: &str,
        endpoint: &Endpoint<'_>,
        verdict: Option<Verdict>,
        Measurement(offset): Measurement,
    ) -> Learned {
        let position = self.kept.iter().position(|skew| skew.host == host);
        let may_begin = verdict == Some(Verdict::Clock);
        if endpoint.tenant || (position.is_none() && !may_begin) {
            return Learned::Nothing;
        }
        let dropped = position.map(|position| self.kept.remove(position));
        if offset.size() > LARGEST {
            return Learned::TooFar(offset);
        }
        if offset.size() <= SMALLEST {
            return dropped.map_or(Learned::Nothing, |_| Learned::Dropped);
        }
        if self.kept.len() >= CAPACITY {
            self.kept.remove(0);
        }
        self.kept.push(Skew {
            host: host.to_owned(),
            offset,
        });
        match dropped {
            // Measured anew, and the same but for the seconds that a round trip adds or takes.
            Some(old) if old.offset.0.abs_diff(offset.0) <= LONGEST_ROUND_TRIP.as_secs() => {
                Learned::Nothing
            }
            _ => Learned::Corrected(offset),
        }
    }

    fn find(&self, host: &str) -> Option<&Skew> {
        self.kept.iter().find(|skew| skew.host == host)
    }
}

#[cfg(test)]
mod tests;
