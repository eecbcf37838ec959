//! The credential cache of one Envoy process: one [`Record`] in shared data, changed by
//! compare-and-swap, and nothing but pure transitions here.
//!
//! Each worker is a VM of its own. Whoever finds that credentials are due takes the lease, fetches,
//! and writes the outcome; the others look at the record and wait. A lease ends by itself, so a leader
//! that dies holds up the others no longer than its callouts could have taken.
//!
//! Call order: [`Record::lookup`] on each request; [`Record::next`] on each tick; after
//! [`Next::Fetch`], [`Record::leased`] must be swapped in before anything is fetched, and
//! [`Record::succeeded`] or [`Record::failed`] when the fetch has ended. The clock may step back: at
//! worst a refresh comes early or late by the step.

use crate::credentials::{Credentials, Secret};
use crate::sts::{Recoverability, StsError};
use crate::token::TokenError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the process knows about its credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The newest credentials, until newer ones replace them.
    pub credentials: Option<Cached>,
    /// The last failure since the last success.
    pub failure: Option<Failure>,
    lease: Option<Lease>,
    /// No fetch starts before this moment.
    not_before: Option<SystemTime>,
    /// Failures in a row.
    failures: u32,
}

/// Credentials and when they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The credentials.
    pub credentials: Credentials,
    /// When STS handed them out.
    pub fetched_at: SystemTime,
}

/// Why the last fetch failed. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed, with AWS's code and message.
    pub cause: String,
    /// What to do about it.
    pub advice: String,
    /// When a further try makes sense.
    pub retry: Retry,
}

/// When a further try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retry {
    /// At once: the failure is in this pod, such as a listener that is not up yet.
    Soon,
    /// Soon, but after the second failure in a row as [`Retry::Unlikely`].
    Twice,
    /// With growing pauses: STS or the way to it.
    BackOff,
    /// Somebody has to change something first; still tried now and then.
    Unlikely,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lease {
    owner: u64,
    until: SystemTime,
}

/// What a request finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// Sign with these.
    Ready(&'a Credentials),
    /// Wait: a fetch is under way or due within the time a request may wait.
    Wait,
    /// No use waiting.
    Unavailable(&'a Failure),
}

/// What a VM does about the credentials now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Take the lease and fetch.
    Fetch,
    /// Nothing.
    Rest,
}

impl Record {
    /// What a request that may wait `max_wait` finds.
    pub fn lookup(&self, now: SystemTime, max_wait: Duration) -> Lookup<'_> {
        if let Some(credentials) = self.usable(now) {
            return Lookup::Ready(credentials);
        }
        match &self.failure {
            Some(failure) if failure.retry == Retry::Unlikely => Lookup::Unavailable(failure),
            Some(failure)
                if self
                    .not_before
                    .is_some_and(|moment| moment > now + max_wait) =>
            {
                Lookup::Unavailable(failure)
            }
            _ => Lookup::Wait,
        }
    }

    /// The credentials, while they have not expired.
    pub fn usable(&self, now: SystemTime) -> Option<&Credentials> {
        self.credentials
            .as_ref()
            .map(|cached| &cached.credentials)
            .filter(|credentials| credentials.expires_at > now)
    }

    /// Whether a fetch is due that nobody is at.
    pub fn next(&self, now: SystemTime) -> Next {
        let due = match &self.credentials {
            None => true,
            Some(cached) => now >= cached.refresh_at(),
        };
        let leased = self.lease.is_some_and(|lease| lease.until > now);
        let held_back = self.not_before.is_some_and(|moment| moment > now);
        if due && !leased && !held_back {
            Next::Fetch
        } else {
            Next::Rest
        }
    }

    /// With the lease taken by `owner`, for as long as its callouts may take.
    pub fn leased(&self, owner: u64, now: SystemTime, duration: Duration) -> Self {
        Self {
            lease: Some(Lease {
                owner,
                until: now + duration,
            }),
            ..self.clone()
        }
    }

    /// With new credentials; the lease is given back. Credentials that another leader fetched
    /// meanwhile stay if they live longer.
    pub fn succeeded(&self, owner: u64, credentials: Credentials, now: SystemTime) -> Self {
        let newer = match &self.credentials {
            Some(cached) => credentials.expires_at >= cached.credentials.expires_at,
            None => true,
        };
        let credentials = if newer {
            Some(Cached {
                credentials,
                fetched_at: now,
            })
        } else {
            self.credentials.clone()
        };
        Self {
            credentials,
            failure: None,
            lease: self.lease.filter(|lease| lease.owner != owner),
            not_before: None,
            failures: 0,
        }
    }

    /// With a failure and a pause before the next try; the lease is given back. Credentials stay.
    /// `jitter` is uniform over all of `u32`.
    pub fn failed(&self, owner: u64, mut failure: Failure, now: SystemTime, jitter: u32) -> Self {
        if failure.retry == Retry::Twice && self.failures >= 2 {
            failure.retry = Retry::Unlikely;
        }
        let pause = spread(self.pause(failure.retry, now), jitter);
        Self {
            credentials: self.credentials.clone(),
            lease: self.lease.filter(|lease| lease.owner != owner),
            not_before: Some(now + pause),
            failures: self.failures.saturating_add(1),
            failure: Some(failure),
        }
    }

    /// The longest pause after a failure at `now`.
    fn pause(&self, retry: Retry, now: SystemTime) -> Duration {
        let left = self
            .usable(now)
            .and_then(|credentials| credentials.expires_at.duration_since(now).ok())
            .and_then(|left| left.checked_sub(MANDATORY_WINDOW));
        match (left, retry) {
            (Some(left), _) => left.min(PAUSE_WHILE_USABLE),
            (None, Retry::Unlikely) => PAUSE_WHILE_UNLIKELY,
            (None, Retry::Soon | Retry::Twice) => doubled(
                Duration::from_millis(50),
                self.failures,
                Duration::from_secs(1),
            ),
            (None, Retry::BackOff) => doubled(
                Duration::from_millis(500),
                self.failures,
                Duration::from_secs(8),
            ),
        }
    }

    /// Reads a record from shared data. `None` for what is not there or not ours to read.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
        let time = |ms: u64| UNIX_EPOCH.checked_add(Duration::from_millis(ms));
        let credentials = match stored.credentials {
            None => None,
            Some(cached) => Some(Cached {
                credentials: Credentials {
                    access_key_id: cached.access_key_id,
                    secret_access_key: Secret::new(cached.secret_access_key),
                    session_token: Secret::new(cached.session_token),
                    expires_at: time(cached.expires_at)?,
                },
                fetched_at: time(cached.fetched_at)?,
            }),
        };
        let lease = match stored.lease {
            None => None,
            Some((owner, until)) => Some(Lease {
                owner,
                until: time(until)?,
            }),
        };
        Some(Self {
            credentials,
            failure: stored.failure,
            lease,
            not_before: stored.not_before.and_then(time),
            failures: stored.failures,
        })
    }

    /// The record as shared data holds it: with the secrets, so it goes nowhere else.
    pub fn to_bytes(&self) -> Vec<u8> {
        let stored = Stored {
            credentials: self.credentials.as_ref().map(|cached| StoredCredentials {
                access_key_id: cached.credentials.access_key_id.clone(),
                secret_access_key: cached.credentials.secret_access_key.expose().to_owned(),
                session_token: cached.credentials.session_token.expose().to_owned(),
                expires_at: millis(cached.credentials.expires_at),
                fetched_at: millis(cached.fetched_at),
            }),
            failure: self.failure.clone(),
            lease: self.lease.map(|lease| (lease.owner, millis(lease.until))),
            not_before: self.not_before.map(millis),
            failures: self.failures,
        };
        // Strings and numbers always serialise; an empty record would only be fetched again.
        serde_json::to_vec(&stored).unwrap_or_default()
    }
}

impl Cached {
    /// When the advisory window opens: by lifetime, 5 minutes before expiry up to 20 minutes, 15
    /// below 90, else 60 (the AWS SDKs' common rules of 2026). STS gives 15 minutes or more; what an
    /// emulator gives may be shorter than the window, and it would be asked without end.
    fn refresh_at(&self) -> SystemTime {
        let expires_at = self.credentials.expires_at;
        let lifetime = expires_at
            .duration_since(self.fetched_at)
            .unwrap_or_default();
        let window = if lifetime < minutes(10) {
            lifetime / 2
        } else if lifetime <= minutes(20) {
            minutes(5)
        } else if lifetime < minutes(90) {
            minutes(15)
        } else {
            minutes(60)
        };
        expires_at.checked_sub(window).unwrap_or(UNIX_EPOCH)
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// Before expiry, tries come close together (the AWS SDKs' common rules of 2026).
const MANDATORY_WINDOW: Duration = minutes(1);
/// Between tries while credentials live on.
const PAUSE_WHILE_USABLE: Duration = minutes(1);
/// Between tries when somebody has to change something first.
const PAUSE_WHILE_UNLIKELY: Duration = Duration::from_secs(5);

fn doubled(first: Duration, failures: u32, cap: Duration) -> Duration {
    let factor = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(cap)
}

/// Between a half and the whole of a pause, so that pods that failed together do not retry together.
fn spread(pause: Duration, jitter: u32) -> Duration {
    let half = pause / 2;
    half + half.mul_f64(f64::from(jitter) / f64::from(u32::MAX))
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// [`Record`] as JSON; times are milliseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Stored {
    credentials: Option<StoredCredentials>,
    failure: Option<Failure>,
    lease: Option<(u64, u64)>,
    not_before: Option<u64>,
    failures: u32,
}

#[derive(Serialize, Deserialize)]
struct StoredCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expires_at: u64,
    fetched_at: u64,
}

impl From<&StsError> for Failure {
    fn from(error: &StsError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            retry: match error.recoverability() {
                Recoverability::Recoverable => Retry::BackOff,
                Recoverability::RetryQuickly => Retry::Twice,
                Recoverability::NonRecoverable => Retry::Unlikely,
            },
        }
    }
}

impl From<&TokenError> for Failure {
    fn from(error: &TokenError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            retry: match error {
                // The listener comes up after the clusters, the kubelet writes when it gets to it.
                TokenError::Unreachable
                | TokenError::Status(_)
                | TokenError::Empty
                | TokenError::Expired { .. } => Retry::Soon,
                TokenError::TooLong(_)
                | TokenError::Malformed(_)
                | TokenError::WrongAudience { .. } => Retry::Unlikely,
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause, self.advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn credentials(key: &str, expires_at: SystemTime) -> Credentials {
        Credentials {
            access_key_id: key.to_owned(),
            secret_access_key: Secret::new("sample-secret-key"),
            session_token: Secret::new("sample-session-token"),
            expires_at,
        }
    }

    fn failure(retry: Retry) -> Failure {
        Failure {
            cause: "STS is away".to_owned(),
            advice: "wait".to_owned(),
            retry,
        }
    }

    fn ready(lifetime: u64) -> Record {
        Record::default().succeeded(1, credentials("A", at(lifetime)), at(0))
    }

    #[test]
    fn an_empty_record_asks_for_a_fetch_and_lets_requests_wait() {
        let record = Record::default();
        assert_eq!(record.next(at(0)), Next::Fetch);
        assert_eq!(record.lookup(at(0), WAIT), Lookup::Wait);
    }

    #[test]
    fn one_lease_keeps_everybody_else_from_fetching_until_it_ends() {
        let record = Record::default().leased(1, at(0), Duration::from_secs(7));
        assert_eq!(record.next(at(6)), Next::Rest);
        assert_eq!(record.lookup(at(6), WAIT), Lookup::Wait);
        // The leader died: the lease ends by itself.
        assert_eq!(record.next(at(7)), Next::Fetch);
    }

    #[test]
    fn credentials_sign_until_they_expire_and_not_after() {
        let record = ready(3600);
        assert!(matches!(record.lookup(at(3599), WAIT), Lookup::Ready(_)));
        assert_eq!(record.lookup(at(3600), WAIT), Lookup::Wait);
    }

    #[test]
    fn the_refresh_window_follows_the_lifetime() {
        for (lifetime, window) in [
            (60, 30),
            (600, 300),
            (900, 300),
            (1200, 300),
            (1201, 900),
            (3600, 900),
            (5400, 3600),
            (43200, 3600),
        ] {
            let record = ready(lifetime);
            assert_eq!(
                record.next(at(lifetime - window - 1)),
                Next::Rest,
                "{lifetime}"
            );
            assert_eq!(
                record.next(at(lifetime - window)),
                Next::Fetch,
                "{lifetime}"
            );
        }
    }

    #[test]
    fn a_failed_refresh_keeps_the_credentials() {
        let record = ready(3600)
            .leased(2, at(2700), Duration::from_secs(7))
            .failed(2, failure(Retry::Unlikely), at(2701), u32::MAX);
        assert!(matches!(record.lookup(at(3599), WAIT), Lookup::Ready(_)));
        assert_eq!(record.next(at(2701 + 59)), Next::Rest);
        assert_eq!(record.next(at(2701 + 60)), Next::Fetch);
    }

    #[test]
    fn no_pause_reaches_into_the_mandatory_window() {
        let record = ready(3600).failed(2, failure(Retry::BackOff), at(3600 - 60 - 10), u32::MAX);
        assert_eq!(record.next(at(3600 - 60)), Next::Fetch);
    }

    #[test]
    fn a_failure_that_needs_somebody_answers_requests_at_once() {
        let record = Record::default().failed(1, failure(Retry::Unlikely), at(0), 0);
        assert!(matches!(record.lookup(at(0), WAIT), Lookup::Unavailable(_)));
        // It is tried again all the same.
        assert_eq!(record.next(at(5)), Next::Fetch);
    }

    #[test]
    fn requests_wait_only_if_the_next_try_comes_while_they_may() {
        let mut record = Record::default();
        for _ in 0..10 {
            record = record.failed(1, failure(Retry::BackOff), at(0), u32::MAX);
        }
        // The pause is at its cap of 8 s.
        assert!(matches!(record.lookup(at(0), WAIT), Lookup::Unavailable(_)));
        assert_eq!(record.lookup(at(3), WAIT), Lookup::Wait);
    }

    #[test]
    fn pauses_double_up_to_a_cap_with_half_of_them_spread() {
        let pause = |failures, retry, jitter| {
            let record = Record {
                failures,
                ..Record::default()
            };
            let failed = record.failed(1, failure(retry), at(0), jitter);
            failed
                .not_before
                .unwrap()
                .duration_since(at(0))
                .unwrap()
                .as_millis()
        };
        assert_eq!(
            [0, 1, 4, 5, 40].map(|n| pause(n, Retry::BackOff, u32::MAX)),
            [500, 1000, 8000, 8000, 8000]
        );
        assert_eq!(
            [0, 1, 4, 5, 40].map(|n| pause(n, Retry::Soon, 0)),
            [25, 50, 400, 500, 500]
        );
    }

    #[test]
    fn a_provider_that_could_not_be_asked_is_asked_again_twice() {
        let mut record = Record::default();
        for expected in [Retry::Twice, Retry::Twice, Retry::Unlikely] {
            record = record.failed(1, failure(Retry::Twice), at(0), 0);
            assert_eq!(
                record.failure.as_ref().map(|failure| failure.retry),
                Some(expected)
            );
        }
    }

    #[test]
    fn a_success_forgets_the_failure_and_gives_the_lease_back() {
        let record = Record::default()
            .failed(1, failure(Retry::BackOff), at(0), 0)
            .leased(1, at(1), WAIT)
            .succeeded(1, credentials("A", at(3600)), at(2));
        assert_eq!(record.failure, None);
        assert_eq!(record.lease, None);
    }

    #[test]
    fn a_late_leader_neither_frees_a_lease_of_another_nor_shortens_credentials() {
        let record = Record::default()
            .leased(1, at(0), WAIT)
            .leased(2, at(10), WAIT)
            .succeeded(2, credentials("B", at(3610)), at(11))
            .leased(3, at(12), WAIT)
            .succeeded(1, credentials("A", at(3600)), at(13));
        assert_eq!(record.usable(at(14)).unwrap().access_key_id, "B");
        assert_eq!(record.lease.unwrap().owner, 3);
    }

    #[test]
    fn a_record_survives_shared_data() {
        let record = ready(3600)
            .failed(1, failure(Retry::Soon), at(5), 7)
            .leased(u64::MAX, at(6), WAIT);
        // Shared data holds whole milliseconds.
        let record = Record {
            not_before: Some(at(6)),
            ..record
        };
        assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
        assert_eq!(Record::from_bytes(b""), None);
        assert_eq!(Record::from_bytes(b"{\"credentials\":1}"), None);
    }

    #[test]
    fn a_clock_that_steps_back_changes_nothing_for_worse() {
        let record = ready(3600);
        assert!(matches!(record.lookup(UNIX_EPOCH, WAIT), Lookup::Ready(_)));
        assert_eq!(record.next(UNIX_EPOCH), Next::Rest);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", ready(1)).contains("sample-se"));
    }
}
