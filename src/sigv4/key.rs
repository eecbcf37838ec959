//! Signing keys, derived once and kept.
//!
//! A signing key of SigV4 is a function of secret access key, date, region and service ("Calculate the
//! signature" in the IAM User Guide); four HMACs derive it. One of SigV4A is a function of secret access key
//! and access key id. A key is kept under exactly these inputs, so it can never be another one than the one
//! that would be derived.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sigv4::sign::v4::generate_signing_key;

use super::ecdsa::EcdsaKey;
use super::hmac::HmacKey;
use super::scope::{Algorithm, Scope};
use crate::credentials::{Credentials, Secret};

/// How many keys are kept; the least recently used one goes first. A pod talks to a handful of services,
/// so this is never reached in practice; it bounds what a client that walks through services can hold.
const CAPACITY: usize = 32;

/// The signing keys in use, bounded in number.
#[derive(Default)]
pub struct SigningKeys {
    /// The most recently used first: in a pod that talks to one service the first look hits.
    kept: Vec<KeptKey>,
}

impl SigningKeys {
    /// The key kept for these inputs, or a new one.
    pub(super) fn key(
        &mut self,
        credentials: &Credentials,
        now: SystemTime,
        scope: &Scope<'_>,
    ) -> &SigningKey {
        let day = Day::of(now);
        let position = self.kept.iter().position(|kept| {
            kept.secret_access_key == credentials.secret_access_key
                && kept.purpose.is(credentials, day, scope)
        });
        let kept = match position {
            // Removing and inserting again keeps the order of use; at most 32 moves.
            Some(position) => self.kept.remove(position),
            None => KeptKey::derive(credentials, day, scope),
        };
        self.kept.truncate(CAPACITY - 1);
        &self.kept.insert_mut(0, kept).key
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.kept.len())
    }
}

/// Signs without the secret access key.
pub(super) enum SigningKey {
    SigV4(HmacKey),
    SigV4A(EcdsaKey),
}

impl SigningKey {
    /// The hexadecimal signature.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        match self {
            Self::SigV4(key) => key.sign(string_to_sign),
            Self::SigV4A(key) => key.sign(string_to_sign),
        }
    }
}

struct KeptKey {
    secret_access_key: Secret,
    purpose: Purpose,
    key: SigningKey,
}

impl KeptKey {
    fn derive(credentials: &Credentials, day: Day, scope: &Scope<'_>) -> Self {
        let secret_access_key = &credentials.secret_access_key;
        let (purpose, key) = match scope.algorithm {
            Algorithm::SigV4 => (
                Purpose::SigV4 {
                    day,
                    region: scope.region.to_owned(),
                    service: scope.service.to_owned(),
                },
                SigningKey::SigV4(derive(secret_access_key, day, scope)),
            ),
            Algorithm::SigV4A => (
                Purpose::SigV4A {
                    access_key_id: credentials.access_key_id.clone(),
                },
                SigningKey::SigV4A(EcdsaKey::derive(credentials)),
            ),
        };
        Self {
            secret_access_key: secret_access_key.clone(),
            purpose,
            key,
        }
    }
}

/// The key of one day, region and service.
pub(super) fn derive(secret_access_key: &Secret, day: Day, scope: &Scope<'_>) -> HmacKey {
    let derived = generate_signing_key(
        secret_access_key.expose(),
        day.start(),
        scope.region,
        scope.service,
    );
    HmacKey::new(derived.as_ref())
}

/// What a key is derived from, besides the secret access key.
enum Purpose {
    SigV4 {
        day: Day,
        region: String,
        service: String,
    },
    SigV4A {
        access_key_id: String,
    },
}

impl Purpose {
    fn is(&self, credentials: &Credentials, today: Day, scope: &Scope<'_>) -> bool {
        match (self, scope.algorithm) {
            (
                Self::SigV4 {
                    day,
                    region,
                    service,
                },
                Algorithm::SigV4,
            ) => *day == today && region == scope.region && service == scope.service,
            (Self::SigV4A { access_key_id }, Algorithm::SigV4A) => {
                *access_key_id == credentials.access_key_id
            }
            (Self::SigV4 { .. }, Algorithm::SigV4A) | (Self::SigV4A { .. }, Algorithm::SigV4) => {
                false
            }
        }
    }
}

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Day(u64);

impl Day {
    /// Clamps like [`crate::timestamp::AmzDate`]; the crate that derives keys panics on later years.
    pub(super) fn of(now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let days = since.map_or(0, |since| since.as_secs() / SECONDS_A_DAY);
        Self(days.min(LAST_DAY_OF_9999))
    }

    fn start(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0 * SECONDS_A_DAY)
    }
}

const SECONDS_A_DAY: u64 = 86_400;
const LAST_DAY_OF_9999: u64 = 2_932_896;

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope<'static> = Scope {
        algorithm: Algorithm::SigV4,
        region: "eu-west-1",
        service: "s3",
    };

    const SIGV4A: Scope<'static> = Scope {
        algorithm: Algorithm::SigV4A,
        region: "*",
        service: "s3",
    };

    fn credentials(access_key_id: &str, secret: &str) -> Credentials {
        Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: Secret::new(""),
            expires_at: SystemTime::UNIX_EPOCH,
        }
    }

    fn sign(keys: &mut SigningKeys, secret: &str, seconds: u64, scope: &Scope<'_>) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let credentials = credentials("ASIAEXAMPLE", secret);
        keys.key(&credentials, now, scope).sign("text")
    }

    fn sign_afresh(secret: &str, seconds: u64, scope: &Scope<'_>) -> String {
        sign(&mut SigningKeys::default(), secret, seconds, scope)
    }

    #[test]
    fn a_key_is_derived_once_a_day() {
        let mut keys = SigningKeys::default();
        sign(&mut keys, "secret", 0, &SCOPE);
        // A key that is used again, not derived again, shows that it was tampered with.
        keys.kept[0].key = SigningKey::SigV4(HmacKey::new(&[7; 32]));
        let again = sign(&mut keys, "secret", 86_399, &SCOPE);
        assert_ne!(again, sign_afresh("secret", 0, &SCOPE));
        assert_eq!(keys.kept.len(), 1);
    }

    #[test]
    fn midnight_brings_a_new_key() {
        let mut keys = SigningKeys::default();
        let before = sign(&mut keys, "secret", 86_399, &SCOPE);
        let after = sign(&mut keys, "secret", 86_400, &SCOPE);
        assert_ne!(before, after);
        assert_eq!(after, sign_afresh("secret", 86_400, &SCOPE));
    }

    #[test]
    fn credentials_rotated_on_the_same_day_bring_a_new_key() {
        let mut keys = SigningKeys::default();
        let before = sign(&mut keys, "old secret", 0, &SCOPE);
        let after = sign(&mut keys, "new secret", 1, &SCOPE);
        assert_ne!(before, after);
        assert_eq!(after, sign_afresh("new secret", 1, &SCOPE));
    }

    #[test]
    fn a_key_of_sigv4a_holds_for_all_days_regions_and_services_of_its_credentials() {
        let mut keys = SigningKeys::default();
        let elsewhere = Scope {
            region: "eu-west-1",
            service: "events",
            ..SIGV4A
        };
        let first = sign(&mut keys, "secret", 0, &SIGV4A);
        assert_eq!(sign(&mut keys, "secret", 86_400, &elsewhere), first);
        assert_eq!(keys.kept.len(), 1);

        let other_secret = sign(&mut keys, "another", 0, &SIGV4A);
        let other_id = credentials("ASIAANOTHER", "secret");
        let now = SystemTime::UNIX_EPOCH;
        let other_id = keys.key(&other_id, now, &SIGV4A).sign("text");
        let symmetric = sign(&mut keys, "secret", 0, &SCOPE);
        assert_eq!(keys.kept.len(), 4);
        for other in [other_secret, other_id, symmetric] {
            assert_ne!(other, first);
        }
        assert_eq!(sign(&mut keys, "secret", 0, &SIGV4A), first);
    }

    #[test]
    fn regions_and_services_do_not_share_a_key() {
        let mut keys = SigningKeys::default();
        for (region, service) in [("a", "s3"), ("b", "s3"), ("a", "sqs"), ("as", "3")] {
            let scope = Scope {
                region,
                service,
                ..SCOPE
            };
            let signature = sign(&mut keys, "secret", 0, &scope);
            assert_eq!(signature, sign_afresh("secret", 0, &scope));
        }
        assert_eq!(keys.kept.len(), 4);
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_the_one_in_use_stays() {
        let mut keys = SigningKeys::default();
        for n in 0..(3 * CAPACITY) {
            sign(&mut keys, "secret", 0, &SCOPE);
            let service = &format!("service{n}");
            let scope = Scope {
                region: "r",
                service,
                ..SCOPE
            };
            sign(&mut keys, "secret", 0, &scope);
            assert!(keys.kept.len() <= CAPACITY);
            let who = credentials("ASIAEXAMPLE", "secret");
            assert!(keys.kept[0].purpose.is(&who, Day(0), &scope));
            assert!(keys.kept[1].purpose.is(&who, Day(0), &SCOPE));
        }
        assert_eq!(keys.kept.len(), CAPACITY);
    }

    #[test]
    fn debug_shows_no_key() {
        let mut keys = SigningKeys::default();
        sign(&mut keys, "very-secret-key", 0, &SCOPE);
        assert_eq!(format!("{keys:?}"), "SigningKeys(1)");
    }
}
