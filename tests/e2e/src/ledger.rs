//! What the fakes know together: the keys that were issued, and every secret there is.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::lock;

/// A key that the fake AWS accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// `ASIA` and 16 characters when STS issued it.
    pub access_key_id: String,
    /// What signs.
    pub secret_access_key: String,
    /// Present on temporary credentials.
    pub session_token: Option<String>,
    /// From here on AWS answers `ExpiredToken`.
    pub expires_at: SystemTime,
    /// The role that the fake STS issued it for, to the filter; `None` for a client's own key.
    pub role: Option<String>,
}

/// Shared by the fake STS, the fake AWS and the checks at the end of a scenario.
#[derive(Default)]
pub struct Ledger {
    keys: Mutex<Vec<Key>>,
    secrets: Mutex<Vec<String>>,
    revoked: Mutex<HashSet<String>>,
    count: AtomicU32,
    clock_ahead: Mutex<Duration>,
    /// 0: as [`Ledger::issue`] likes it.
    session_token_bytes: AtomicUsize,
}

impl Ledger {
    /// Sets AWS's clock so far ahead of ours.
    pub fn set_clock_ahead(&self, ahead: Duration) {
        *lock(&self.clock_ahead) = ahead;
    }

    /// The time by AWS's clock.
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + *lock(&self.clock_ahead)
    }

    /// From now on new session tokens have this length.
    pub fn session_token_bytes(&self, length: usize) {
        self.session_token_bytes.store(length, Ordering::Relaxed);
    }

    /// New temporary credentials of a role, with an access key id of their own.
    pub fn issue(&self, role: &str, lifetime: Duration) -> Key {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        // `+`, `/` and `=` as in real tokens, and near their real length.
        let start = format!("IQoJe2eSessionToken+{number}/");
        let length = match self.session_token_bytes.load(Ordering::Relaxed) {
            0 => 700,
            length => length.saturating_sub(start.len() + 2),
        };
        let filling: String = "xYz3kQ9mZ7/aBcDeFgHiJ+"
            .chars()
            .cycle()
            .take(length)
            .collect();
        let key = Key {
            access_key_id: format!("ASIAE2ETEST{:A>9}", letters(number)),
            secret_access_key: format!("secretkey/{number}+e2eSecretAccessKey000000000"),
            session_token: Some(format!("{start}{filling}==")),
            expires_at: SystemTime::now() + lifetime,
            role: Some(role.into()),
        };
        self.add(key.clone());
        key
    }

    /// Makes the fake AWS accept a long-term key of the client's own.
    pub fn client_key(&self, access_key_id: &str, secret_access_key: &str) -> Key {
        let key = Key {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            expires_at: SystemTime::now() + Duration::from_secs(86_400),
            role: None,
        };
        self.add(key.clone());
        key
    }

    /// The key with this id.
    pub fn find(&self, access_key_id: &str) -> Option<Key> {
        lock(&self.keys)
            .iter()
            .find(|key| key.access_key_id == access_key_id)
            .cloned()
    }

    /// Every key that the fake STS has issued.
    pub fn issued(&self) -> Vec<Key> {
        let keys = lock(&self.keys);
        keys.iter()
            .filter(|key| key.role.is_some())
            .cloned()
            .collect()
    }

    /// Revokes the sessions of all keys that the fake STS has issued so far: AWS answers `AccessDenied` to them.
    pub fn revoke_issued(&self) {
        let issued = self.issued().into_iter().map(|key| key.access_key_id);
        lock(&self.revoked).extend(issued);
    }

    /// Whether its session was revoked.
    pub fn is_revoked(&self, access_key_id: &str) -> bool {
        lock(&self.revoked).contains(access_key_id)
    }

    /// Adds a text that no log line, answer or stat may contain.
    pub fn remember_secret(&self, secret: &str) {
        lock(&self.secrets).push(secret.into());
    }

    /// The first known secret that `text` contains, cut to a few characters.
    pub fn leaked_in(&self, text: &[u8]) -> Option<String> {
        lock(&self.secrets).iter().find_map(|secret| {
            contains(text, secret.as_bytes()).then(|| secret.chars().take(16).collect())
        })
    }

    /// The first piece of so many characters of any known secret that `text` contains.
    pub fn piece_leaked_in(&self, text: &[u8], length: usize) -> Option<String> {
        let windows: HashSet<&[u8]> = text.windows(length).collect();
        let secrets = lock(&self.secrets);
        let mut pieces = secrets
            .iter()
            .flat_map(|secret| secret.as_bytes().windows(length));
        pieces
            .find(|piece| windows.contains(piece))
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
    }

    fn add(&self, key: Key) {
        self.remember_secret(&key.secret_access_key);
        if let Some(token) = &key.session_token {
            self.remember_secret(token);
        }
        lock(&self.keys).push(key);
    }
}

/// Whether `needle` occurs in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty()
        && haystack
            .windows(needle.len())
            .any(|window| window == needle)
}

/// A number in upper-case letters: access key ids have no `0`, `1`, `8` or `9`.
fn letters(mut number: u32) -> String {
    let mut text = String::new();
    while number > 0 {
        text.insert(
            0,
            char::from(b'A' + u8::try_from(number % 26).expect("below 26")),
        );
        number /= 26;
    }
    text
}
