//! The credential cache of one Envoy process: one [`Record`] per role in shared data, changed by
//! compare-and-swap, and nothing but pure transitions here.
//!
//! Each worker is a VM of its own. Whoever finds that credentials are due takes the lease, fetches,
//! and writes the outcome; the others look at the record and wait. A leader that ends in order gives
//! its lease back; the lease of one that dies ends by itself, and holds up the others no longer than
//! its callouts could have taken.
//!
//! Call order: [`Record::started`] where there is no record; [`Record::lookup`] on each request;
//! [`Record::next`] on each tick; after [`Next::Fetch`], [`Record::leased`] must be swapped in before
//! anything is fetched, and [`Record::succeeded`] or [`Record::failed`] when the fetch has ended.
//! `jitter` is always uniform over all of `u32`, and drawn anew for each call.
//!
//! When to fetch is said by the AWS SDKs' common refresh rules of 2026 (aws-sdk-go-v2
//! `aws/credential_cache.go`; smithy-rs #4774, #4781, #4796), which stand in `rules.rs`. They are followed
//! with these exceptions:
//!
//! - **Nothing expired signs.** An SDK goes on with what it has, and can afford to pause for minutes. A
//!   proxy that refuses what AWS would refuse cannot: no pause passes the start of the mandatory window
//!   or the end of the credentials, and between and after them tries come every 5 to 10 s.
//! - **An error that cannot heal costs nothing while credentials live.** An SDK raises it at once, to
//!   the program whose call it is and whose operator reads its log. Here it would fail the requests of a
//!   program that knows nothing of credentials, up to an hour before it has to. It is logged as an error and
//!   counted, and the credentials sign until they expire.
//! - **After an error that cannot heal, the pause is the one after any other.** An SDK answers with the error for 1 to
//!   5 s and then asks again at the next call, whatever it has. Here that is so only where nothing signs; while
//!   credentials live, the next try is 5 to 10 minutes away, and in the mandatory window 5 to 10 s.
//! - **Without credentials, an error that may heal is tried again.** An SDK gives it to the caller, without a pause, and
//!   asks at the next call. Here requests wait for at most `max_wait_ms`, and tries come at pauses that double up to 10 s
//!   (1 s where nothing outside of the pod is asked), so that a fleet without credentials does not ask once per request.
//! - **The advisory window opens at a random moment of its first third**, so that a fleet that started
//!   together does not refresh together.
//!
//! The clock is the wall clock, because expiry is. If it steps, a refresh comes early or late by the
//! step; a pause or a lease that a step back would stretch without end is void instead.

mod flush;
pub(crate) mod place;
mod rules;
pub(crate) mod stored;

pub use super::failure::{Failure, Retry};
pub use rules::Pace;

use crate::credentials::Credentials;
use crate::credentials::sts::{GivenBy, Standing};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the process knows about the credentials of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The newest credentials, until newer ones replace them.
    pub credentials: Option<Cached>,
    /// The last failure since the last success.
    pub failure: Option<Failure>,
    lease: Option<Lease>,
    /// No fetch starts before this moment. Without a failure it is the spread of the first fetch, which
    /// gives way to a request that waits.
    not_before: Option<SystemTime>,
    /// Failures in a row.
    failures: u32,
    /// When AWS last made a refresh due by calling the credentials expired.
    forced_at: Option<SystemTime>,
    /// What is left of a flush; see `flush.rs`.
    flush: Option<Flush>,
    /// When the last flush was due.
    flushed_at: Option<SystemTime>,
    /// The epochs that the record has met, the last one at the end.
    epochs: Vec<String>,
}

/// Credentials and when they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The credentials.
    pub credentials: Credentials,
    /// When STS handed them out.
    pub fetched_at: SystemTime,
    /// When the next ones are due.
    refresh_at: SystemTime,
    /// STS's host that gave them; `None` for a container endpoint.
    pub sts_host: Option<String>,
    /// Until when this host is asked first, in the place of one that did not answer.
    preferred_until: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lease {
    owner: u64,
    duration: Duration,
    until: SystemTime,
}

/// What is left of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    /// No fetch has begun since it was asked for, or one has and failed.
    Due,
    /// One that began since is under way.
    UnderWay,
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

/// Who wants the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nobody, since they were fetched last: nothing is fetched, and they may expire.
    Idle,
    /// They were used since, or are always wanted.
    Wanted,
    /// A request waits for them.
    Waiting,
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
    /// The record of a process that has just started: the first fetch is due at a random moment of
    /// `spread`, or as soon as a request waits.
    pub fn started(now: SystemTime, spread: Duration, jitter: u32) -> Self {
        Self {
            not_before: Some(now + rules::between(Duration::ZERO, spread, jitter)),
            ..Self::default()
        }
    }

    /// What a request that may wait `max_wait` finds.
    pub fn lookup(&self, now: SystemTime, max_wait: Duration) -> Lookup<'_> {
        if let Some(credentials) = self.usable(now) {
            return Lookup::Ready(credentials);
        }
        match (&self.failure, self.pause_left(now)) {
            (Some(failure), Some(left)) if failure.retry == Retry::Unlikely || left > max_wait => {
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

    /// Whether a fetch is due that nobody has begun.
    pub fn next(&self, now: SystemTime, demand: Demand) -> Next {
        match self.due(now, demand) {
            Some(moment) if moment <= now => Next::Fetch,
            _ => Next::Rest,
        }
    }

    /// The moment at which [`Record::next`] asks for a fetch, if nothing changes until then; in the past
    /// where it does so already. `None`: it does not.
    pub fn due(&self, now: SystemTime, demand: Demand) -> Option<SystemTime> {
        if demand == Demand::Idle {
            return None;
        }
        let refresh_at = self.credentials.as_ref().map(|cached| cached.refresh_at);
        let lease = self.lease.filter(|lease| lease.in_force(now));
        let first_and_awaited = self.failure.is_none() && demand == Demand::Waiting;
        let pause = self.pause_left(now).filter(|_| !first_and_awaited);
        let moments = [
            refresh_at,
            lease.map(|lease| lease.until),
            pause.map(|left| now + left),
        ];
        Some(moments.into_iter().flatten().max().unwrap_or(UNIX_EPOCH))
    }

    /// With the lease taken by `owner`, for as long as its callouts may take.
    pub fn leased(&self, owner: u64, now: SystemTime, duration: Duration) -> Self {
        Self {
            lease: Some(Lease {
                owner,
                duration,
                until: now + duration,
            }),
            flush: self.flush.map(|_| Flush::UnderWay),
            ..self.clone()
        }
    }

    /// With the lease given back by `owner`, whose fetch will not end.
    pub fn released(&self, owner: u64) -> Self {
        Self {
            lease: self.lease.filter(|lease| lease.owner != owner),
            flush: self.flush.map(|flush| match flush {
                Flush::UnderWay if self.led_by(owner) => Flush::Due,
                other => other,
            }),
            ..self.clone()
        }
    }

    /// With new credentials, which must not have expired; the lease is given back. A leader that comes
    /// so late that it has lost the lease does not replace what lives longer.
    pub fn succeeded(
        &self,
        owner: u64,
        credentials: Credentials,
        now: SystemTime,
        jitter: u32,
        pace: Pace,
    ) -> Self {
        let longer_lived = self
            .credentials
            .as_ref()
            .is_none_or(|cached| credentials.expires_at > cached.credentials.expires_at);
        if !self.led_by(owner) && !longer_lived {
            return self.clone();
        }
        let flush = self.flush_after_success(owner);
        let by_rule = rules::refresh_at(now, credentials.expires_at, jitter, pace);
        Self {
            credentials: Some(Cached {
                refresh_at: match flush {
                    None => by_rule,
                    Some(_) => by_rule.min(self.flush_due(now)),
                },
                credentials,
                fetched_at: now,
                sts_host: None,
                preferred_until: None,
            }),
            failure: None,
            lease: self.lease.filter(|lease| lease.owner != owner),
            not_before: None,
            failures: 0,
            flush,
            ..self.clone()
        }
    }

    /// After [`Record::succeeded`] with the credentials of `access_key_id`: with STS's host that gave them. Where the first
    /// one did not answer, this one is asked first for a while. `before` is the record before.
    pub fn given_by(
        mut self,
        by: GivenBy<'_>,
        access_key_id: &str,
        before: &Self,
        now: SystemTime,
        pace: Pace,
    ) -> Self {
        let until = match by.first {
            Standing::Answers => None,
            Standing::Failed => Some(now + pace.of(rules::PREFERRED)),
            Standing::NotAsked => {
                let cached = before.credentials.as_ref();
                cached.and_then(|cached| cached.preferred_until)
            }
        };
        if let Some(cached) = &mut self.credentials
            && cached.credentials.access_key_id == access_key_id
        {
            cached.sts_host = Some(by.host.to_owned());
            cached.preferred_until = until;
        }
        self
    }

    /// Whom of STS's hosts the next fetch asks first, where that is not the first of them.
    pub fn preferred(&self, now: SystemTime) -> Option<&str> {
        let cached = self.credentials.as_ref()?;
        let left = cached.preferred_until?.duration_since(now).ok()?;
        // One that is longer was written before the clock stepped back.
        let holds = !left.is_zero() && left <= rules::PREFERRED;
        cached.sts_host.as_deref().filter(|_| holds)
    }

    /// With a failure and a pause before the next try; the lease is given back. Credentials stay. A
    /// leader that comes so late that it has lost the lease has nothing to say.
    pub fn failed(
        &self,
        owner: u64,
        mut failure: Failure,
        now: SystemTime,
        jitter: u32,
        pace: Pace,
    ) -> Self {
        if !self.led_by(owner) {
            return self.clone();
        }
        if failure.retry == Retry::Twice && self.failures >= 2 {
            failure.retry = Retry::Unlikely;
        }
        let (retry, failures) = (failure.retry, self.failures);
        let pause = match &self.credentials {
            None => rules::pause_without_credentials(retry, failures, jitter, pace),
            Some(cached) => {
                let until_expiry = |from| {
                    let expires_at = cached.credentials.expires_at;
                    expires_at.duration_since(from).unwrap_or_default()
                };
                let (lifetime, left) = (until_expiry(cached.fetched_at), until_expiry(now));
                let pause = rules::pause(retry, failures, lifetime, left, jitter, pace);
                match self.flush {
                    None => pause,
                    Some(_) => pause.min(rules::pause_of_flush(failures, jitter, pace)),
                }
            }
        };
        Self {
            lease: None,
            not_before: Some(now + pause),
            failures: failures.saturating_add(1),
            failure: Some(failure),
            flush: self.flush.map(|_| Flush::Due),
            ..self.clone()
        }
    }

    /// With a refresh due, because AWS called what `access_key_id` signed expired or unknown. `None`
    /// where that changes nothing: newer credentials have replaced them, they are due anyway, or AWS
    /// said so less than a minute ago (an upstream that a tenant owns can say what it likes). They sign
    /// until they are replaced or expire, and a pause after a failure goes on.
    pub fn stale(
        &self,
        access_key_id: &str,
        now: SystemTime,
        jitter: u32,
        pace: Pace,
    ) -> Option<Self> {
        let cached = self.credentials.as_ref()?;
        let recent = self
            .forced_at
            .and_then(|moment| now.duration_since(moment).ok())
            .is_some_and(|since| since < pace.of(rules::BETWEEN_FORCED));
        let refresh_at =
            now + rules::between(Duration::ZERO, pace.of(rules::FORCED_SPREAD), jitter);
        if cached.credentials.access_key_id != access_key_id
            || recent
            || cached.refresh_at <= refresh_at
        {
            return None;
        }
        Some(Self {
            credentials: Some(Cached {
                refresh_at,
                ..cached.clone()
            }),
            forced_at: Some(now),
            ..self.clone()
        })
    }

    fn led_by(&self, owner: u64) -> bool {
        self.lease.is_some_and(|lease| lease.owner == owner)
    }

    /// What is left of the pause. One that is longer than any pause was written before the clock
    /// stepped back.
    fn pause_left(&self, now: SystemTime) -> Option<Duration> {
        let left = self.not_before?.duration_since(now).ok()?;
        (!left.is_zero() && left <= rules::LONGEST_PAUSE).then_some(left)
    }
}

impl Lease {
    /// Until it ends; or, if the clock has stepped back, until that is more than twice as far as it was.
    fn in_force(&self, now: SystemTime) -> bool {
        self.until
            .duration_since(now)
            .is_ok_and(|left| !left.is_zero() && left <= self.duration.saturating_mul(2))
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
