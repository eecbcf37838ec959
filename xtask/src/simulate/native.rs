//! A sidecar with Envoy's own `aws_request_signing` filter and web identity, as its source says from Envoy
//! 1.37 on (`source/extensions/common/aws/metadata_credentials_provider_base.cc`,
//! `credentials_provider.h`, `metadata_fetcher.cc`).
//!
//! Not shown: each refresh, also one that works, stalls all requests for its round trip.

use super::fleet::{Answer, Random, Sidecar};
use super::{HOUR, MINUTE, Millis, SECOND, Scenario};

#[derive(Debug)]
pub(super) struct Native {
    next: Millis,
    /// The pause after the next failure, before the first success.
    retry: Millis,
    /// Of the last credentials, whether they are still used or not.
    expires_at: Option<Millis>,
    signs_until: Millis,
}

/// `REFRESH_GRACE_PERIOD`.
const GRACE: Millis = MINUTE;
/// `REFRESH_INTERVAL`, and its jitter.
const WITHOUT_EXPIRY: Millis = HOUR;
const WITHOUT_EXPIRY_JITTER: Millis = 30 * SECOND;

impl Sidecar for Native {
    /// Three retries on 5xx.
    const CALLS_ON_FAULT: u32 = 4;
    /// Between the tries it sends requests unsigned.
    const WAITS: bool = false;

    fn start(now: Millis, _: &Scenario, _: &mut Random) -> Self {
        Self {
            next: now,
            retry: 2 * SECOND,
            expires_at: None,
            signs_until: now,
        }
    }

    fn next_call(&self, _: Millis) -> Millis {
        self.next
    }

    fn call(&mut self, _: Millis) {}

    fn answer(&mut self, now: Millis, answer: Answer, random: &mut Random) {
        let old_expiry = self.expires_at;
        match (answer, old_expiry) {
            (Answer::Credentials { expires_at }, _) => {
                self.expires_at = Some(expires_at);
                self.signs_until = expires_at;
                self.next = expires_at.saturating_sub(GRACE);
            }
            (_, None) => {
                self.next = now + self.retry;
                self.retry = (self.retry * 2).min(32 * SECOND);
            }
            (_, Some(expiry)) => {
                // Valid or not: from here on requests go unsigned.
                self.signs_until = self.signs_until.min(now);
                self.next = if now < expiry {
                    now + SECOND
                } else {
                    now + WITHOUT_EXPIRY - GRACE - random.below(WITHOUT_EXPIRY_JITTER)
                };
            }
        }
    }

    fn signs_until(&self) -> Millis {
        self.signs_until
    }
}
