//! The projected service account token, laid out as kubelet does it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use crate::ledger::Ledger;
use crate::lock;

/// `token -> ..data/token`, `..data -> ..<version>/`; a new token arrives by a rename of `..data`.
pub struct TokenDir {
    root: PathBuf,
    version: AtomicU32,
    written: Mutex<Vec<String>>,
    ledger: Arc<Ledger>,
}

impl TokenDir {
    /// An empty directory: no token yet.
    pub fn new(root: PathBuf, ledger: Arc<Ledger>) -> Self {
        fs::create_dir_all(&root).expect("the token directory");
        Self {
            root,
            version: AtomicU32::new(0),
            written: Mutex::default(),
            ledger,
        }
    }

    /// The directory that Envoy watches.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The file that Envoy reads.
    pub fn file(&self) -> PathBuf {
        self.root.join("token")
    }

    /// Whether this token has ever stood in the file.
    pub fn held(&self, token: &str) -> bool {
        lock(&self.written).iter().any(|written| written == token)
    }

    /// Swaps the content as kubelet does (`AtomicWriter` in kubernetes/pkg/volume/util).
    pub fn write(&self, content: &str) {
        let version = self.version.fetch_add(1, Ordering::Relaxed);
        let directory = format!("..2026_11_23_{version}");
        fs::create_dir(self.root.join(&directory)).expect("the version directory");
        fs::write(self.root.join(&directory).join("token"), content).expect("the token");
        let (link, data) = (self.root.join("..data_tmp"), self.root.join("..data"));
        let old = fs::read_link(&data).ok();
        symlink(&directory, &link).expect("the new link");
        fs::rename(&link, &data).expect("the swap");
        match old {
            Some(old) => fs::remove_dir_all(self.root.join(old)).expect("the old version"),
            None => symlink("..data/token", self.file()).expect("the visible file"),
        }
        if !content.trim().is_empty() {
            self.ledger.remember_secret(content.trim());
            lock(&self.written).push(content.trim().into());
        }
    }

    /// Adds a second file until the next rotation, as a projection of two tokens has it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn add(&self, name: &str, content: &str) {
        fs::write(self.root.join("..data").join(name), content).expect("the token");
        symlink(format!("..data/{name}"), self.root.join(name)).expect("the visible file");
        self.ledger.remember_secret(content);
        lock(&self.written).push(content.into());
    }

    /// Writes a fresh valid token, as kubelet does at 80 % of its lifetime; returns it.
    pub fn rotate(&self) -> String {
        let token = jwt("sts.amazonaws.com", 3600);
        self.write(&token);
        token
    }
}

/// A token for `audience` that expires `expires_in` seconds from now (negative: it has). No two
/// are equal.
pub fn jwt(audience: &str, expires_in: i64) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let expiry = i64::try_from(now).expect("a date of this era") + expires_in;
    let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(json!({"alg": "RS256", "kid": "e2e"})),
        part(json!({
            "aud": [audience], "exp": expiry, "iat": now - 60, "nbf": now - 60,
            "iss": "https://oidc.example.org/id/E2E", "jti": format!("token-{number}"),
            "sub": "system:serviceaccount:shop:reports",
        })),
        BASE64_URL_SAFE_NO_PAD.encode(format!("not-verified-by-the-fake-{number}")),
    )
}
