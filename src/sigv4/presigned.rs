//! Signatures that stand in the query: presigned URLs, the tokens that are made of them, and the policies of S3's browser
//! forms.
//!
//! Sources: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" and "Creating a POST Policy" in the
//! Amazon S3 API Reference; `S3SigV4QueryAuth` and `S3SigV4PostAuth` in `auth.py` of botocore.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::additions::Additions;
use super::encode::percent_encoded;
use super::hmac::HmacKey;
use super::key::SigningKey;
use super::request::{ContentSha256, HeaderSelection, Request, Settings};
use super::scope::{Scope, credential_scope};
use super::{CanonicalRequest, PathStyle, Signer, join_string_to_sign};
use crate::credentials::Credentials;
use crate::timestamp::AmzDate;

/// What is signed, and for how long it holds.
#[derive(Clone, Copy)]
pub struct Presigned<'a, N, V> {
    /// As it will be sent, without the parameters that [`Signer::presign`] writes. Every header that stands here is signed, and
    /// so must be sent.
    pub request: Request<'a, N, V>,
    /// How the path is signed.
    pub path_style: PathStyle,
    /// In whole seconds.
    pub lifetime: Duration,
}

/// Shows what its request does.
impl<N: AsRef<str>, V> fmt::Debug for Presigned<'_, N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("request", &self.request)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// What is signed, in the steps of the signature.
struct Steps {
    /// Path and query, but for the signature.
    target: String,
    credential_scope: String,
    date: AmzDate,
}

impl Steps {
    /// Takes them, and fills `canonical`.
    fn of<'a, N: AsRef<str>, V: AsRef<[u8]>>(
        presigned: &Presigned<'a, N, V>,
        scope: &Scope<'a>,
        credentials: &'a Credentials,
        now: SystemTime,
        canonical: &mut CanonicalRequest,
    ) -> Self {
        let request = &presigned.request;
        let date = AmzDate::new(now);
        let settings = Settings {
            path_style: presigned.path_style,
            content_sha256: ContentSha256::Absent,
            signed_headers: HeaderSelection::Presigned,
        };
        let additions =
            Additions::new(request.payload, settings, scope, credentials, date).in_query();
        let credential_scope = credential_scope(&date, scope);
        let mut target = String::from_utf8_lossy(request.path_and_query).into_owned();
        let mut add = |name: &str, value: &str| {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.push_str(&percent_encoded(value));
        };
        add("X-Amz-Algorithm", scope.algorithm.as_str());
        let credential = [&credentials.access_key_id, "/", &credential_scope].concat();
        add("X-Amz-Credential", &credential);
        add("X-Amz-Date", date.as_str());
        add("X-Amz-Expires", &presigned.lifetime.as_secs().to_string());
        if let Some(regions) = additions.region_set {
            add("X-Amz-Region-Set", regions);
        }
        if let Some(token) = additions.security_token {
            add("X-Amz-Security-Token", token.expose());
        }
        add("X-Amz-SignedHeaders", &signed_headers(request));
        let complete = Request {
            path_and_query: target.as_bytes(),
            ..*request
        };
        canonical.fill(&complete, &additions, settings);
        Self {
            target,
            credential_scope,
            date,
        }
    }
}

/// The first two steps of [`Signer::presign`], for explanations: the canonical request, and the string to sign.
pub fn presigned_steps<'a, N: AsRef<str>, V: AsRef<[u8]>>(
    presigned: &Presigned<'a, N, V>,
    scope: &Scope<'a>,
    credentials: &'a Credentials,
    now: SystemTime,
) -> (CanonicalRequest, String) {
    let mut canonical = CanonicalRequest::default();
    let steps = Steps::of(presigned, scope, credentials, now, &mut canonical);
    let text = join_string_to_sign(&canonical, scope, &steps.date, &steps.credential_scope);
    (canonical, text)
}

impl Signer {
    /// Path and query of `request`, presigned at `now`: its own parameters as they stand, then those of the signature.
    pub fn presign<'a, N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        presigned: &Presigned<'a, N, V>,
        scope: &Scope<'a>,
        credentials: &'a Credentials,
        now: SystemTime,
    ) -> String {
        let steps = Steps::of(presigned, scope, credentials, now, &mut self.canonical);
        let Steps {
            mut target,
            credential_scope,
            date,
        } = steps;
        let text = join_string_to_sign(&self.canonical, scope, &date, &credential_scope);
        let signature = self.keys.key(credentials, now, scope).sign(&text);
        target.push_str("&X-Amz-Signature=");
        target.push_str(&signature);
        target
    }

    /// What signs the policy of a form at `now`. `None` for SigV4A: S3 has no such forms.
    pub fn form_signer(
        &mut self,
        scope: &Scope<'_>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Option<FormSigner> {
        let SigningKey::SigV4(key) = self.keys.key(credentials, now, scope) else {
            return None;
        };
        let date = AmzDate::new(now);
        let credential_scope = credential_scope(&date, scope);
        Some(FormSigner {
            key: key.clone(),
            algorithm: scope.algorithm.as_str(),
            credential: [&credentials.access_key_id, "/", &credential_scope].concat(),
            date,
        })
    }
}

/// Signs the policy of a form, in which the rest of it must stand.
pub struct FormSigner {
    key: HmacKey,
    /// `x-amz-algorithm`.
    pub algorithm: &'static str,
    /// `x-amz-credential`.
    pub credential: String,
    /// `x-amz-date`.
    pub date: AmzDate,
}

impl FormSigner {
    /// `x-amz-signature`: 64 hexadecimal digits. `policy` is in base64, as it is sent.
    pub fn sign(&self, policy: &str) -> String {
        self.key.sign(policy)
    }
}

/// Shows no key.
impl fmt::Debug for FormSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormSigner").finish_non_exhaustive()
    }
}

/// Sorted, joined with `;`, and `host` among them.
fn signed_headers<N: AsRef<str>, V>(request: &Request<'_, N, V>) -> String {
    let own = request.headers.iter().map(|(name, _)| name.as_ref());
    let mut names: Vec<&str> = own
        .filter(|name| !name.starts_with(':'))
        .chain(["host"])
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(";")
}
