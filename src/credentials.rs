//! Secrets, and the temporary credentials that sign.
//!
//! [`Secret`] is the only type that holds a token, a secret access key or a session token. It has
//! no `Display`, its `Debug` prints nothing of the value, and it is overwritten when dropped.

use std::fmt;
use std::time::SystemTime;

/// A value that must never reach a log line, a metric, an error or a debug format.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes ownership of the value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the two places that need it: a request to STS and a signature.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(**)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Without this the compiler may drop the writes above as dead.
        std::hint::black_box(&bytes);
    }
}

/// Temporary credentials as STS hands them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Names the credentials; not a secret (AWS prints it in error messages).
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: Secret,
    /// Sent along with every request as `x-amz-security-token`.
    pub session_token: Secret,
    /// From this moment on AWS refuses what they sign.
    pub expires_at: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: Secret::new("very-secret-key"),
            session_token: Secret::new("very-secret-token"),
            expires_at: SystemTime::UNIX_EPOCH,
        };
        let printed = format!("{credentials:?}");
        assert!(printed.contains("ASIAEXAMPLE"));
        assert!(!printed.contains("very-secret"), "{printed}");
    }
}
