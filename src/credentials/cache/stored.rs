//! The record as shared data holds it: JSON, times in milliseconds since 1970.

use super::{Cached, Flush, Lease, Record};
use crate::credentials::failure::{Failure, Retry};
use crate::credentials::{Credentials, Secret};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Record {
    /// The version of the form that [`Record::to_bytes`] writes. It belongs into the key: workers of two
    /// versions of this module can live side by side. Those of form 4 hold credentials whose ids and tokens are filed in
    /// [`crate::own_keys`].
    pub const FORM: u32 = 4;

    /// Reads a record from shared data. `None` for what is not there or not ours to read.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Value = serde_json::from_slice(bytes).ok()?;
        let failures = stored.get("failures")?.as_u64()?;
        Some(Self {
            credentials: optional(&stored, "credentials", cached)?,
            failure: optional(&stored, "failure", failure)?,
            lease: optional(&stored, "lease", lease)?,
            not_before: optional(&stored, "not_before", time)?,
            failures: u32::try_from(failures).ok()?,
            forced_at: optional(&stored, "forced_at", time)?,
            // Version 0.2 wrote none of these.
            flush: optional(&stored, "flush", |word| word.as_str().map(Flush::from_word))?,
            flushed_at: optional(&stored, "flushed_at", time)?,
            epochs: optional(&stored, "epochs", epochs)?.unwrap_or_default(),
        })
    }

    /// The record as shared data holds it: with the secrets, so it goes nowhere else.
    pub fn to_bytes(&self) -> Vec<u8> {
        let stored = json!({
            "credentials": self.credentials.as_ref().map(|cached| json!({
                "access_key_id": cached.credentials.access_key_id,
                "secret_access_key": cached.credentials.secret_access_key.expose(),
                "session_token": cached.credentials.session_token.expose(),
                "expires_at": moment(cached.credentials.expires_at),
                "fetched_at": moment(cached.fetched_at),
                "refresh_at": moment(cached.refresh_at),
                "sts_host": cached.sts_host,
                "preferred_until": cached.preferred_until.map(moment),
            })),
            "failure": self.failure.as_ref().map(|failure| json!({
                "cause": failure.cause,
                "advice": failure.advice,
                "retry": failure.retry.word(),
            })),
            "lease": self.lease.map(|lease| json!({
                "owner": lease.owner,
                "duration": milliseconds(lease.duration),
                "until": moment(lease.until),
            })),
            "not_before": self.not_before.map(moment),
            "failures": self.failures,
            "forced_at": self.forced_at.map(moment),
            "flush": self.flush.map(Flush::word),
            "flushed_at": self.flushed_at.map(moment),
            "epochs": self.epochs,
        });
        stored.to_string().into_bytes()
    }
}

/// The member `name`, where it stands and is not `null`. The outer `None`: it cannot be read.
fn optional<T>(
    stored: &Value,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Option<T>> {
    match stored.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => read(value).map(Some),
    }
}

fn cached(stored: &Value) -> Option<Cached> {
    Some(Cached {
        credentials: Credentials {
            access_key_id: text(stored, "access_key_id")?,
            secret_access_key: Secret::new(text(stored, "secret_access_key")?),
            session_token: Secret::new(text(stored, "session_token")?),
            expires_at: time(stored.get("expires_at")?)?,
        },
        fetched_at: time(stored.get("fetched_at")?)?,
        refresh_at: time(stored.get("refresh_at")?)?,
        sts_host: optional(stored, "sts_host", |host| host.as_str().map(str::to_owned))?,
        preferred_until: optional(stored, "preferred_until", time)?,
    })
}

fn failure(stored: &Value) -> Option<Failure> {
    Some(Failure {
        cause: text(stored, "cause")?,
        advice: text(stored, "advice")?,
        retry: Retry::from_word(stored.get("retry")?.as_str()?)?,
    })
}

fn lease(stored: &Value) -> Option<Lease> {
    Some(Lease {
        owner: stored.get("owner")?.as_u64()?,
        duration: Duration::from_millis(stored.get("duration")?.as_u64()?),
        until: time(stored.get("until")?)?,
    })
}

fn epochs(stored: &Value) -> Option<Vec<String>> {
    let epochs = stored.as_array()?.iter();
    epochs
        .map(|epoch| epoch.as_str().map(str::to_owned))
        .collect()
}

/// The string under `name`.
pub(crate) fn text(stored: &Value, name: &str) -> Option<String> {
    stored.get(name)?.as_str().map(str::to_owned)
}

fn time(stored: &Value) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(stored.as_u64()?))
}

fn moment(time: SystemTime) -> u64 {
    milliseconds(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
