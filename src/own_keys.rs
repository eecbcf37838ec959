//! The access key ids that this process has got: a request that carries the signature of one of them was signed here.
//!
//! Envoy can send a signed request once more, to somebody else: after a redirect that it follows itself
//! (`internal_redirect_policy`), or as a copy (`request_mirror_policies`). Such a request looks like one that the
//! program has signed with a key of its own. So the ids of all roles, of all configurations, lie in one register in
//! shared data. An id is filed before its credentials sign, and dropped when they have been of no use for an hour.
//!
//! A session token alone is not looked for: without the secret access key, which is never sent, nobody can sign with
//! it, and a request of ours that has lost its `authorization` is no request that AWS would take.
//!
//! The register is text, a line for each id, so that a look into it allocates nothing: `ASIA... 1795003600`, the
//! moment of expiry in seconds since 1970.

use crate::credentials::reply::is_access_key_id;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the register lies in shared data. Its form is part of the name.
pub const KEY: &str = "own_keys/1";

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

    /// Whether this process has got credentials with this access key id.
    pub fn contains(&self, access_key_id: &str) -> bool {
        let mut lines = self.0.lines();
        lines.any(|line| is_of(line, access_key_id))
    }

    /// With an id, and without those that are of no use any more. 16,384 are kept, enough for 4,000 roles: of more, those
    /// that were filed last.
    pub fn with(&self, access_key_id: &str, expires_at: SystemTime, now: SystemTime) -> Self {
        let lines = self.0.lines();
        let kept: Vec<&str> = lines
            .filter(|line| !is_of(line, access_key_id) && is_of_use(line, now))
            .collect();
        let first = kept.len().saturating_sub(MAX_IDS - 1);
        let mut text = String::new();
        for line in kept.iter().skip(first) {
            text.push_str(line);
            text.push('\n');
        }
        let seconds = seconds(expires_at).to_string();
        Self([&text, access_key_id, " ", &seconds, "\n"].concat())
    }
}

fn is_of(line: &str, access_key_id: &str) -> bool {
    line.strip_prefix(access_key_id)
        .is_some_and(|rest| rest.starts_with(' '))
}

/// Not of an id whose credentials expired an hour ago, or that cannot be read.
fn is_of_use(line: &str, now: SystemTime) -> bool {
    let expires_at = line.split_once(' ').and_then(|(_, text)| text.parse().ok());
    expires_at.is_some_and(|at: u64| seconds(now) < at.saturating_add(KEPT.as_secs()))
}

/// Whether the register can hold such an id: it is not worth a look for any other.
pub(crate) fn may_hold(access_key_id: &str) -> bool {
    is_access_key_id(access_key_id)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Beyond the expiry, for clocks that differ.
const KEPT: Duration = Duration::from_secs(3600);

/// A role has two or three that are of use; an upstream that calls credentials expired can make it one more a minute.
const MAX_IDS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn id(number: usize) -> String {
        format!("ASIAEXAMPLE{number:0>9}")
    }

    #[test]
    fn the_last_ids_before_a_refresh_are_known_until_an_hour_after_their_expiry() {
        let mut keys = OwnKeys::default();
        for number in 0..3 {
            let moment = 3000 * number as u64;
            keys = keys.with(&id(number), at(moment + 3600), at(moment));
        }
        assert!((0..3).all(|number| keys.contains(&id(number))));
        let later = keys.with(&id(3), at(12_000), at(7199));
        assert!(later.contains(&id(0)));
        let later = keys.with(&id(3), at(12_000), at(7200));
        assert!(!later.contains(&id(0)) && later.contains(&id(1)));
    }

    #[test]
    fn a_part_of_an_id_is_no_id() {
        let keys = OwnKeys::default().with(&id(1), at(3600), at(0));
        for other in ["", "ASIA", "ASIAEXAMPLE00000000", "ASIAEXAMPLE0000000011"] {
            assert!(!keys.contains(other), "{other}");
        }
    }

    #[test]
    fn an_id_that_comes_again_is_filed_once_with_its_new_expiry() {
        let keys = OwnKeys::default().with(&id(1), at(100), at(0));
        assert_eq!(
            keys.with(&id(1), at(200), at(1)),
            OwnKeys::default().with(&id(1), at(200), at(0))
        );
    }

    #[test]
    fn the_number_of_ids_is_bounded_and_the_newest_stay() {
        let mut text = String::new();
        for number in 0..MAX_IDS {
            text.push_str(&format!("{} {}\n", id(number), seconds(at(number as u64))));
        }
        let keys = OwnKeys::from_bytes(text.into_bytes());
        let keys = keys.with(&id(MAX_IDS), at(MAX_IDS as u64), at(0));
        assert_eq!(keys.0.lines().count(), MAX_IDS);
        assert!(!keys.contains(&id(0)) && keys.contains(&id(1)));
    }

    #[test]
    fn what_cannot_be_read_holds_no_ids() {
        for bytes in [&b"\xff"[..], b"ASIAEXAMPLE000000001", b"\n\n"] {
            let keys = OwnKeys::from_bytes(bytes.to_vec());
            assert!(!keys.contains(&id(1)), "{bytes:?}");
        }
        let odd = OwnKeys::from_bytes(b"ASIAEXAMPLE000000001 soon\n".to_vec());
        assert!(!odd.with(&id(2), at(0), at(0)).contains(&id(1)));
    }

    proptest! {
        #[test]
        fn what_was_filed_is_read(numbers in proptest::collection::btree_set(0..1000usize, 0..20)) {
            let keys = numbers.iter().fold(OwnKeys::default(), |keys, number| keys.with(&id(*number), at(3600), at(0)));
            let read = OwnKeys::from_bytes(keys.as_bytes().to_vec());
            prop_assert_eq!(&read, &keys);
            for number in 0..1000 {
                prop_assert_eq!(read.contains(&id(number)), numbers.contains(&number));
            }
        }
    }
}
