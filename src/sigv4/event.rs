//! Signatures of the messages of an event stream, each over the one before it.
//!
//! Source: "Setting up a streaming transcription" in the Amazon Transcribe Developer Guide.

use std::fmt;
use std::time::SystemTime;

use super::encode;
use super::hmac::HmacKey;
use super::key::{self, Day};
use super::scope::{Algorithm, Scope, credential_scope};
use crate::credentials::{Credentials, Secret};
use crate::timestamp::AmzDate;

/// Signs the messages of one event stream, in their order, each with its own time. It keeps the secret access key with
/// which the stream was opened, so a stream may last longer than its credentials are in use, and past midnight, when a
/// new day needs a new signing key.
pub struct EventSigner {
    secret_access_key: Secret,
    region: String,
    service: String,
    /// That of this day.
    key: HmacKey,
    day: Day,
    /// At first that of the request's headers.
    previous: String,
}

impl EventSigner {
    pub(super) fn new(
        key: HmacKey,
        seed: &str,
        scope: &Scope<'_>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Self {
        Self {
            secret_access_key: credentials.secret_access_key.clone(),
            region: scope.region.to_owned(),
            service: scope.service.to_owned(),
            key,
            day: Day::of(now),
            previous: seed.to_owned(),
        }
    }

    /// The signature of the next message, at `now`. `headers` is the SHA-256 of its headers without that of the
    /// signature, `payload` that of its payload.
    pub fn event(&mut self, now: SystemTime, headers: &[u8; 32], payload: &[u8; 32]) -> [u8; 32] {
        let scope = Scope {
            algorithm: Algorithm::SigV4,
            region: &self.region,
            service: &self.service,
        };
        let day = Day::of(now);
        if day != self.day {
            self.key = key::derive(&self.secret_access_key, day, &scope);
            self.day = day;
        }
        let date = AmzDate::new(now);
        let string_to_sign = [
            "AWS4-HMAC-SHA256-PAYLOAD",
            date.as_str(),
            &credential_scope(&date, &scope),
            &self.previous,
            &encode::hex(headers),
            &encode::hex(payload),
        ]
        .join("\n");
        let signature = self.key.mac(&string_to_sign);
        self.previous = encode::hex(&signature);
        signature
    }
}

/// Shows no key.
impl fmt::Debug for EventSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSigner").finish_non_exhaustive()
    }
}
