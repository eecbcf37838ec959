//! A sidecar of ours: the filter's own state machine, one worker.

use super::fleet::{Answer, Random, Sidecar};
use super::{Millis, SECOND, Scenario};
use sigv4_egress::credentials::cache::{Demand, Failure, Next, Pace, Record};
use sigv4_egress::credentials::reply::AwsError;
use sigv4_egress::credentials::reply::quote::Quote;
use sigv4_egress::credentials::sts::{Operation, StsError};
use sigv4_egress::credentials::{Credentials, Secret};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
pub(super) struct Ours {
    record: Record,
    started: Millis,
    /// The program calls AWS once a second.
    first_request: Millis,
}

/// The defaults of `start_jitter_ms` and of a lease.
const START_JITTER: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(7);
const OWNER: u64 = 1;
const OPERATION: Operation = Operation::AssumeRoleWithWebIdentity;

impl Ours {
    fn demand(&self, now: Millis) -> Demand {
        let signs = self.record.usable(time(now)).is_some();
        if now >= self.first_request && !signs {
            Demand::Waiting
        } else {
            Demand::Wanted
        }
    }
}

impl Sidecar for Ours {
    const CALLS_ON_FAULT: u32 = 1;
    const WAITS: bool = true;

    fn start(now: Millis, _: &Scenario, random: &mut Random) -> Self {
        Self {
            record: Record::started(time(now), START_JITTER, random.bits()),
            started: now,
            first_request: now + random.below(SECOND),
        }
    }

    fn next_call(&self, now: Millis) -> Millis {
        let due = |at, demand| self.record.due(time(at), demand).map(millis);
        // One of the two: sidecars are always wanted.
        let wanted = due(now, Demand::Wanted).unwrap_or(now);
        let awaited = match self.record.credentials {
            None => due(now, Demand::Waiting).map(|moment| moment.max(self.first_request)),
            Some(_) => None,
        };
        awaited.map_or(wanted, |moment| moment.min(wanted))
    }

    fn call(&mut self, now: Millis) {
        let next = self.record.next(time(now), self.demand(now));
        debug_assert_eq!(next, Next::Fetch);
        self.record = self.record.leased(OWNER, time(now), LEASE);
    }

    fn answer(&mut self, now: Millis, answer: Answer, random: &mut Random) {
        let (at, jitter, pace) = (time(now), random.bits(), Pace::REAL);
        let refused = |code: &str| AwsError::new(400, code, "", &[]);
        let error = match answer {
            Answer::Credentials { expires_at } => {
                let credentials = Credentials {
                    access_key_id: String::new(),
                    secret_access_key: Secret::new(""),
                    session_token: Secret::new(""),
                    expires_at: time(expires_at),
                };
                self.record = self.record.succeeded(OWNER, credentials, at, jitter, pace);
                return;
            }
            Answer::Fault => StsError::Unreachable {
                detail: Quote::default(),
            },
            Answer::Throttled => StsError::Throttled(OPERATION, refused("Throttling")),
            Answer::TokenExpired => StsError::TokenExpired(OPERATION, refused("ExpiredToken")),
        };
        let failure = Failure::of(&error);
        self.record = self.record.failed(OWNER, failure, at, jitter, pace);
    }

    fn signs_until(&self) -> Millis {
        match &self.record.credentials {
            Some(cached) => millis(cached.credentials.expires_at),
            None => self.started,
        }
    }
}

fn time(moment: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(moment)
}

/// Rounded up, so that what is due is due.
fn millis(time: SystemTime) -> Millis {
    let nanos = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
