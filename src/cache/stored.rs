//! The record as shared data holds it: JSON, times in milliseconds since 1970.

use super::{Cached, Failure, Lease, Record};
use crate::credentials::{Credentials, Secret};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Serialize, Deserialize)]
struct Stored {
    credentials: Option<StoredCredentials>,
    failure: Option<Failure>,
    lease: Option<StoredLease>,
    not_before: Option<u64>,
    failures: u32,
    forced_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct StoredCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expires_at: u64,
    fetched_at: u64,
    refresh_at: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredLease {
    owner: u64,
    duration: u64,
    until: u64,
}

impl Record {
    /// The version of the form that [`Record::to_bytes`] writes. It belongs into the key: workers of two
    /// versions of this module can live side by side.
    pub const FORM: u32 = 2;

    /// Reads a record from shared data. `None` for what is not there or not ours to read.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
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
                refresh_at: time(cached.refresh_at)?,
            }),
        };
        let lease = match stored.lease {
            None => None,
            Some(lease) => Some(Lease {
                owner: lease.owner,
                duration: Duration::from_millis(lease.duration),
                until: time(lease.until)?,
            }),
        };
        Some(Self {
            credentials,
            failure: stored.failure,
            lease,
            not_before: stored.not_before.and_then(time),
            failures: stored.failures,
            forced_at: stored.forced_at.and_then(time),
        })
    }

    /// The record as shared data holds it: with the secrets, so it goes nowhere else.
    pub fn to_bytes(&self) -> Vec<u8> {
        let stored = Stored {
            credentials: self.credentials.as_ref().map(|cached| StoredCredentials {
                access_key_id: cached.credentials.access_key_id.clone(),
                secret_access_key: cached.credentials.secret_access_key.expose().to_owned(),
                session_token: cached.credentials.session_token.expose().to_owned(),
                expires_at: moment(cached.credentials.expires_at),
                fetched_at: moment(cached.fetched_at),
                refresh_at: moment(cached.refresh_at),
            }),
            failure: self.failure.clone(),
            lease: self.lease.map(|lease| StoredLease {
                owner: lease.owner,
                duration: milliseconds(lease.duration),
                until: moment(lease.until),
            }),
            not_before: self.not_before.map(moment),
            failures: self.failures,
            forced_at: self.forced_at.map(moment),
        };
        // Strings and numbers always serialise; an empty record would only be fetched again.
        serde_json::to_vec(&stored).unwrap_or_default()
    }
}

fn time(moment: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(moment))
}

fn moment(time: SystemTime) -> u64 {
    milliseconds(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
