//! The access key ids that this process has got: a request that carries the signature of one of them was signed here.
//!
//! Envoy can send a signed request once more, to somebody else: after a redirect that it follows itself
//! (`internal_redirect_policy`), or as a copy (`request_mirror_policies`). Such a request looks like one that the
//! program has signed with a key of its own. So the ids of all roles, of all configurations, lie in one register in
//! shared data. An id is filed before its credentials sign, and dropped when they have been of no use for an hour.
//!
//! Their session tokens are known by a digest: a copy may have lost its `authorization` on the way, and still carry the
//! token, which is to be nobody else's.
//!
//! The register is text, a line for each id, so that a look into it allocates nothing: `ASIA... 5f0c... 1795003600`, the
//! id, the token's digest, and the moment of expiry in seconds since 1970.

use crate::credentials::Credentials;
use crate::sigv4::{hex, sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the register lies in shared data. Its form is part of the name.
pub const KEY: &str = "own_keys/2";

/// The register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnKeys(String);

impl OwnKeys {
    /// Reads it from shared data. What cannot be read is none of it.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(String::from_utf8(bytes).unwrap_or_default())
    }

    /// As shared data holds it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether this process has got credentials with this access key id, or with a session token of this [`digest`].
    pub fn contains(&self, word: &[u8]) -> bool {
        let mut lines = self.0.lines();
        lines.any(|line| {
            line.as_bytes()
                .split(|byte| *byte == b' ')
                .any(|found| found == word)
        })
    }

    /// With those of credentials, and without those that are of no use any more. 16,384 are kept, enough for 4,000 roles:
    /// of more, those that were filed last.
    pub fn with(&self, credentials: &Credentials, now: SystemTime) -> Self {
        let token = digest(credentials.session_token.expose().as_bytes());
        let entry = [&credentials.access_key_id, " ", &token, " "].concat();
        let lines = self.0.lines();
        let kept: Vec<&str> = lines
            .filter(|line| !line.starts_with(&entry) && is_of_use(line, now))
            .collect();
        let first = kept.len().saturating_sub(MAX_IDS - 1);
        let mut text = String::new();
        for line in kept.iter().skip(first) {
            text.push_str(line);
            text.push('\n');
        }
        let seconds = seconds(credentials.expires_at).to_string();
        Self([&text, &entry, &seconds, "\n"].concat())
    }
}

/// What the register holds in the place of a session token.
#[cold]
pub(crate) fn digest(token: &[u8]) -> String {
    let mut text = hex(&sha256(token));
    text.truncate(32);
    text
}

/// Not of an id whose credentials expired an hour ago, or that cannot be read.
fn is_of_use(line: &str, now: SystemTime) -> bool {
    let expires_at = line
        .rsplit_once(' ')
        .and_then(|(_, text)| text.parse().ok());
    expires_at.is_some_and(|at: u64| seconds(now) < at.saturating_add(KEPT.as_secs()))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Beyond the expiry, for clocks that differ.
const KEPT: Duration = Duration::from_secs(3600);

/// No access key id is shorter (`accessKeyIdType` of the STS API).
pub(crate) const SHORTEST_ID: usize = 16;

/// A role has two or three that are of use; an upstream that calls credentials expired can make it one more a minute.
const MAX_IDS: usize = 16_384;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::credentials::Secret;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    /// Credentials to file: nothing here needs their secret key.
    pub(crate) fn credentials(id: &str, token: &str, expires_at: SystemTime) -> Credentials {
        Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(""),
            session_token: Secret::new(token),
            expires_at,
        }
    }

    fn token(number: usize) -> String {
        format!("token {number}")
    }

    fn with(keys: &OwnKeys, number: usize, expires_at: SystemTime, now: SystemTime) -> OwnKeys {
        keys.with(&credentials(&id(number), &token(number), expires_at), now)
    }

    /// Whether its id is known, and so is its token.
    #[track_caller]
    fn knows(keys: &OwnKeys, number: usize) -> bool {
        let is_known = keys.contains(id(number).as_bytes());
        let digest = digest(token(number).as_bytes());
        assert_eq!(keys.contains(digest.as_bytes()), is_known, "{number}");
        is_known
    }

    fn id(number: usize) -> String {
        format!("ASIAEXAMPLE{number:0>9}")
    }

    #[test]
    fn the_last_ids_before_a_refresh_are_known_until_an_hour_after_their_expiry() {
        let mut keys = OwnKeys::default();
        for number in 0..3 {
            let moment = 3000 * number as u64;
            keys = with(&keys, number, at(moment + 3600), at(moment));
        }
        assert!((0..3).all(|number| knows(&keys, number)));
        let later = with(&keys, 3, at(12_000), at(7199));
        assert!(knows(&later, 0));
        let later = with(&keys, 3, at(12_000), at(7200));
        assert!(!knows(&later, 0) && knows(&later, 1));
    }

    #[test]
    fn a_part_of_an_id_is_no_id() {
        let keys = with(&OwnKeys::default(), 1, at(3600), at(0));
        for other in ["", "ASIA", "ASIAEXAMPLE00000000", "ASIAEXAMPLE0000000011"] {
            assert!(!keys.contains(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn an_id_that_comes_again_is_filed_once_with_its_new_expiry() {
        let keys = with(&OwnKeys::default(), 1, at(100), at(0));
        assert_eq!(
            with(&keys, 1, at(200), at(1)),
            with(&OwnKeys::default(), 1, at(200), at(0))
        );
    }

    #[test]
    fn the_tokens_themselves_are_not_in_the_register() {
        let token = "a token that nobody else may have";
        let keys = OwnKeys::default().with(&credentials(&id(1), token, at(0)), at(0));
        assert_eq!(
            keys.0,
            format!("{} {} 1795000000\n", id(1), digest(token.as_bytes()))
        );
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn the_number_of_ids_is_bounded_and_the_newest_stay() {
        let mut text = String::new();
        for number in 0..MAX_IDS {
            let digest = digest(token(number).as_bytes());
            let expiry = seconds(at(number as u64));
            text.push_str(&format!("{} {digest} {expiry}\n", id(number)));
        }
        let keys = OwnKeys::from_bytes(text.into_bytes());
        let keys = with(&keys, MAX_IDS, at(MAX_IDS as u64), at(0));
        assert_eq!(keys.0.lines().count(), MAX_IDS);
        assert!(!knows(&keys, 0) && knows(&keys, 1));
    }

    #[test]
    fn what_cannot_be_read_holds_no_ids() {
        for bytes in [&b"\xff"[..], b"", b"\n\n"] {
            let keys = OwnKeys::from_bytes(bytes.to_vec());
            assert!(!knows(&keys, 1), "{bytes:?}");
        }
        let odd = OwnKeys::from_bytes(b"ASIAEXAMPLE000000001 soon\n".to_vec());
        assert!(!knows(&with(&odd, 2, at(0), at(0)), 1));
    }

    proptest! {
        #[test]
        fn what_was_filed_is_read(numbers in proptest::collection::btree_set(0..60usize, 0..20)) {
            let keys = numbers.iter().fold(OwnKeys::default(), |keys, number| with(&keys, *number, at(3600), at(0)));
            let read = OwnKeys::from_bytes(keys.as_bytes().to_vec());
            prop_assert_eq!(&read, &keys);
            for number in 0..60 {
                prop_assert_eq!(knows(&read, number), numbers.contains(&number));
            }
        }
    }
}
