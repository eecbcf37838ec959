//! The temporary credentials that sign, and all that gets them.
//!
//! A [`role::Role`] has a [`source::CredentialSource`], which says what a fetch calls ([`call`]) and reads what comes
//! back ([`reply`], [`sts`]). [`fetch`] decides who fetches and when, by the role's record in the [`cache`], which all
//! workers share. [`failure`] is why there are none.

pub mod cache;
pub(crate) mod call;
pub(crate) mod failure;
pub(crate) mod fetch;
pub(crate) mod identity;
pub(crate) mod outcome;
pub mod reply;
pub(crate) mod role;
mod secret;
pub(crate) mod source;
pub mod sts;

pub use secret::{CallHeaders, Secret};

use std::time::SystemTime;

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

impl Credentials {
    /// What of them is secret.
    pub(crate) fn secrets(&self) -> [Secret; 2] {
        [self.secret_access_key.clone(), self.session_token.clone()]
    }
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
