//! When credentials are fetched: windows, pauses and their jitter, from the AWS SDKs' common refresh
//! rules of 2026 where nothing else is said (aws-sdk-go-v2 `aws/credential_cache.go`).

use crate::credentials::failure::Retry;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// How fast the rules run: 1, except in tests, where all their durations shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    millionths: u32,
    /// How long credentials are to live at least, where they can; see [`Pace::with_lead`].
    lead: Duration,
}

impl Pace {
    /// As the rules say.
    pub const REAL: Self = Self {
        millionths: 1_000_000,
        lead: Duration::ZERO,
    };

    /// What [`Pace::parse`] takes.
    pub const ALLOWED: &str = "a number above 0, and at most 1";

    /// Reads a factor such as `0.15`, in whole millionths.
    pub fn parse(text: &str) -> Option<Self> {
        // Not `str::parse`, which the module would hold for this alone: 17 kB.
        let factor: Value = serde_json::from_slice(text.as_bytes()).ok()?;
        let micros = Duration::try_from_secs_f64(factor.as_f64()?)
            .ok()?
            .as_micros();
        let millionths = u32::try_from(micros).ok()?;
        (1..=1_000_000).contains(&millionths).then_some(Self {
            millionths,
            ..Self::REAL
        })
    }

    /// The same, with credentials refreshed so early that they live for so long at any time, if half of their lifetime is as
    /// long. No pace changes it: it is asked for what others hold.
    #[must_use]
    pub fn with_lead(self, lead: Duration) -> Self {
        Self { lead, ..self }
    }

    /// A duration of the rules at this pace.
    pub(super) fn of(self, duration: Duration) -> Duration {
        if self.millionths == Self::REAL.millionths {
            return duration;
        }
        duration.mul_f64(f64::from(self.millionths) / 1_000_000.0)
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    seconds(60 * minutes)
}

/// The longest pause there is.
pub(super) const LONGEST_PAUSE: Duration = minutes(10);
/// Between two refreshes that AWS's answers caused. Ours: the SDKs trust their endpoints.
pub(super) const BETWEEN_FORCED: Duration = minutes(1);
/// After the first of STS's hosts has not answered, how long the one that did is asked first. Ours: long enough that the
/// fetches of a pod's start and of short sessions do not wait for it each time, and shorter than the hour after which
/// most fetches come.
pub(super) const PREFERRED: Duration = minutes(5);
/// Such a refresh comes at a random moment of this, because an event that makes credentials invalid hits
/// a fleet at once. Ours.
pub(super) const FORCED_SPREAD: Duration = seconds(5);

/// Between two flushes of a role's credentials, however many ask. Ours.
pub(super) const BETWEEN_FLUSHES: Duration = seconds(30);
/// A new epoch reaches a fleet within moments, and STS is asked over this: with a first try that fails, new credentials
/// are there within a minute. Ours.
pub(super) const EPOCH_SPREAD: Duration = seconds(20);

/// How long before expiry a refresh is first tried, by the lifetime at fetch. Never more than three
/// quarters of it: what an emulator hands out may live shorter than the window is long, and it would be
/// asked without end.
pub(super) fn advisory_window(lifetime: Duration, pace: Pace) -> Duration {
    let window = if lifetime <= pace.of(minutes(20)) {
        minutes(5)
    } else if lifetime < pace.of(minutes(90)) {
        minutes(15)
    } else {
        minutes(60)
    };
    // The first try comes within its first third.
    let window = pace.of(window).max(pace.lead * 3 / 2);
    window.min(lifetime - lifetime / 4)
}

/// How long before expiry tries come close together; at most a tenth of the lifetime.
pub(super) fn mandatory_window(lifetime: Duration, pace: Pace) -> Duration {
    pace.of(minutes(1)).min(lifetime / 10)
}

/// A random moment of the advisory window's first third, so that a fleet that started together does not
/// refresh together.
pub(super) fn refresh_at(
    now: SystemTime,
    expires_at: SystemTime,
    jitter: u32,
    pace: Pace,
) -> SystemTime {
    let lifetime = expires_at.duration_since(now).unwrap_or_default();
    let window = advisory_window(lifetime, pace);
    now + (lifetime - window) + between(Duration::ZERO, window / 3, jitter)
}

/// The pause after a failure where credentials of this lifetime have so much of it left, if any.
pub(super) fn pause(
    retry: Retry,
    failures: u32,
    lifetime: Duration,
    left: Duration,
    jitter: u32,
    pace: Pace,
) -> Duration {
    let until_mandatory = left.saturating_sub(mandatory_window(lifetime, pace));
    let pause = match retry {
        Retry::Twice => again_quickly(failures, jitter),
        _ if !until_mandatory.is_zero() => between(minutes(5), LONGEST_PAUSE, jitter),
        Retry::Unlikely if left.is_zero() => error_cache(jitter),
        _ => between(seconds(5), seconds(10), jitter),
    };
    // Where the next stage begins, there is a try: at the mandatory window, and at the end of the credentials, when
    // requests begin to wait for others.
    let stages = [until_mandatory, left];
    let next = stages.into_iter().find(|until| !until.is_zero());
    next.map_or(pace.of(pause), |until| pace.of(pause).min(until))
}

/// The pause after a failure in a process that has had no credentials yet. Ours, but for the errors that
/// cannot heal: an SDK leaves the rest to its caller.
pub(super) fn pause_without_credentials(
    retry: Retry,
    failures: u32,
    jitter: u32,
    pace: Pace,
) -> Duration {
    let milliseconds = Duration::from_millis;
    pace.of(match retry {
        // Nothing outside of the pod is asked.
        Retry::Soon => doubled(milliseconds(50), seconds(1), failures, jitter),
        Retry::BackOff => doubled(milliseconds(500), seconds(10), failures, jitter),
        Retry::Twice => again_quickly(failures, jitter),
        Retry::Unlikely => error_cache(jitter),
    })
}

/// The pause after a failure while a flush waits for credentials and the old ones sign: no longer than 30 s at first, as
/// the old ones may be worth nothing, and then doubled, as a fleet asks. Ours.
pub(super) fn pause_of_flush(failures: u32, jitter: u32, pace: Pace) -> Duration {
    pace.of(doubled(seconds(30), minutes(5), failures, jitter))
}

/// Before the two tries that an error gets which is mostly gone at once.
fn again_quickly(failures: u32, jitter: u32) -> Duration {
    doubled(seconds(1), seconds(2), failures, jitter)
}

/// How long an error that cannot heal by itself is answered without asking again.
fn error_cache(jitter: u32) -> Duration {
    between(seconds(1), seconds(5), jitter)
}

/// Doubled with each failure up to a cap; its second half is jitter.
fn doubled(first: Duration, cap: Duration, failures: u32, jitter: u32) -> Duration {
    let factor = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
    let pause = first.saturating_mul(factor).min(cap);
    between(pause / 2, pause, jitter)
}

/// The point between two durations that `jitter` names.
pub(super) fn between(low: Duration, high: Duration, jitter: u32) -> Duration {
    low + (high.saturating_sub(low)).mul_f64(f64::from(jitter) / f64::from(u32::MAX))
}
