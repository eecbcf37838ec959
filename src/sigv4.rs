//! Signature Version 4 in the `authorization` header: symmetric for one region (SigV4), or asymmetric for
//! a set of regions (SigV4A).
//!
//! [`Signer::sign`] takes a request as it will leave, credentials, a credential scope and the time, and
//! says which headers to write. It decides nothing: service, region, path style and payload are the
//! caller's. It reads no clock and cannot fail: whatever bytes a request holds, they have a canonical
//! form.
//!
//! Sources: "Create a signed AWS API request" in the IAM User Guide; `auth.py` of botocore; Envoy's
//! `source/extensions/common/aws/signer_base_impl.cc`; for SigV4A, `source/aws_signing.c` and
//! `source/key_derivation.c` of aws-c-auth. Key derivation and the final HMAC of SigV4 are those of the
//! `aws-sigv4` crate, the ECDSA of SigV4A is that of `p256`, and the tests compare every step of both with
//! AWS's signing test suites and with `aws-sigv4`.

mod additions;
mod canonical;
mod chunk;
mod digest;
mod ecdsa;
mod encode;
mod event;
mod hmac;
mod key;
mod presigned;
mod request;
mod scope;

use std::borrow::Cow;
use std::time::SystemTime;

use self::additions::{Additions, WRITTEN_HEADERS};
pub use self::canonical::CanonicalRequest;
pub use self::chunk::ChunkSigner;
pub(crate) use self::digest::sha256;
pub use self::encode::hex;
pub use self::encode::{percent_decoded, percent_encoded};
pub use self::event::EventSigner;
use self::key::SigningKey;
pub use self::key::SigningKeys;
pub use self::presigned::{FormSigner, Presigned, presigned_steps};
pub use self::request::{ContentSha256, HeaderSelection, PathStyle, Payload, Request, Settings};
use self::scope::credential_scope;
pub use self::scope::{Algorithm, Scope};
use crate::credentials::{Credentials, Secret};
use crate::timestamp::AmzDate;

/// The headers that carry a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders<'a> {
    /// The value of `authorization`.
    pub authorization: String,
    /// The value of `x-amz-date`.
    pub date: AmzDate,
    /// The value of `x-amz-security-token`; absent for credentials without a session.
    pub security_token: Option<&'a Secret>,
    /// The value of `x-amz-content-sha256`; absent unless [`ContentSha256::Written`].
    pub content_sha256: Option<Cow<'a, str>>,
    /// The value of `x-amz-region-set`; absent unless [`Algorithm::SigV4A`].
    pub region_set: Option<&'a str>,
}

impl SignedHeaders<'_> {
    /// The signature, in hexadecimal digits in lower case: 64, or for [`Algorithm::SigV4A`] some 140 (the DER
    /// form that X9.62 gives an ECDSA signature).
    pub fn signature(&self) -> &str {
        self.authorization.rsplit('=').next().unwrap_or_default()
    }

    /// What to do to the request, all of it or the signature does not hold: with a value, the header
    /// stands exactly once with that value; without one, it is removed.
    pub fn edits(&self) -> [(&'static str, Option<&str>); 5] {
        let [
            authorization,
            date,
            security_token,
            content_sha256,
            region_set,
        ] = WRITTEN_HEADERS;
        [
            (authorization, Some(&self.authorization)),
            (date, Some(self.date.as_str())),
            (security_token, self.security_token.map(Secret::expose)),
            (content_sha256, self.content_sha256.as_deref()),
            (region_set, self.region_set),
        ]
    }
}

/// Signs requests. Keeps signing keys and a buffer, so that a request costs little.
#[derive(Debug, Default)]
pub struct Signer {
    keys: SigningKeys,
    canonical: CanonicalRequest,
}

impl Signer {
    /// The headers that sign `request` at `now`.
    ///
    /// `now` counts in whole seconds; before 1970 and after 9999 it is taken as the nearest second
    /// between. Inbound `authorization`, `x-amz-date`, `x-amz-security-token`, `x-amz-content-sha256` and
    /// `x-amz-region-set` are not read.
    pub fn sign<'a, N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        request: &Request<'a, N, V>,
        settings: Settings,
        scope: &Scope<'a>,
        credentials: &'a Credentials,
        now: SystemTime,
    ) -> SignedHeaders<'a> {
        let date = AmzDate::new(now);
        let additions = Additions::new(request.payload, settings, scope, credentials, date);
        self.canonical.fill(request, &additions, settings);
        let credential_scope = credential_scope(&date, scope);
        let string_to_sign = join_string_to_sign(&self.canonical, scope, &date, &credential_scope);
        let signature = self.keys.key(credentials, now, scope).sign(&string_to_sign);
        SignedHeaders {
            authorization: [
                scope.algorithm.as_str(),
                " Credential=",
                &credentials.access_key_id,
                "/",
                &credential_scope,
                ", SignedHeaders=",
                &self.canonical.signed_headers,
                ", Signature=",
                &signature,
            ]
            .concat(),
            date,
            security_token: additions.security_token,
            content_sha256: match settings.content_sha256 {
                ContentSha256::Written => Some(additions.payload_hash),
                ContentSha256::Absent => None,
            },
            region_set: additions.region_set,
        }
    }

    /// What signs the chunks of the body, after [`Signer::sign`] has signed the headers with the same
    /// scope, credentials and `now`. `None` for [`Algorithm::SigV4A`], whose chunks are signed in another
    /// form and length.
    pub fn chunk_signer(
        &mut self,
        headers: &SignedHeaders<'_>,
        scope: &Scope<'_>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Option<ChunkSigner> {
        match self.keys.key(credentials, now, scope) {
            SigningKey::SigV4(key) => Some(ChunkSigner::new(
                key.clone(),
                headers.signature(),
                &headers.date,
                scope,
            )),
            SigningKey::SigV4A(_) => None,
        }
    }

    /// What signs the messages of an event stream, as [`Signer::chunk_signer`] does chunks. `None` for
    /// [`Algorithm::SigV4A`], in which AWS signs none.
    pub fn event_signer(
        &mut self,
        headers: &SignedHeaders<'_>,
        scope: &Scope<'_>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Option<EventSigner> {
        match self.keys.key(credentials, now, scope) {
            SigningKey::SigV4(key) => Some(EventSigner::new(
                key.clone(),
                headers.signature(),
                scope,
                credentials,
                now,
            )),
            SigningKey::SigV4A(_) => None,
        }
    }
}

/// The first step of [`Signer::sign`], for explanations and tests.
pub fn canonical_request<N: AsRef<str>, V: AsRef<[u8]>>(
    request: &Request<'_, N, V>,
    settings: Settings,
    scope: &Scope<'_>,
    credentials: &Credentials,
    now: SystemTime,
) -> CanonicalRequest {
    let date = AmzDate::new(now);
    let additions = Additions::new(request.payload, settings, scope, credentials, date);
    let mut canonical = CanonicalRequest::default();
    canonical.fill(request, &additions, settings);
    canonical
}

/// The second step of [`Signer::sign`]: algorithm, date, credential scope and the hash of the canonical
/// request.
pub fn string_to_sign(canonical: &CanonicalRequest, scope: &Scope<'_>, now: SystemTime) -> String {
    let date = AmzDate::new(now);
    join_string_to_sign(canonical, scope, &date, &credential_scope(&date, scope))
}

fn join_string_to_sign(
    canonical: &CanonicalRequest,
    scope: &Scope<'_>,
    date: &AmzDate,
    credential_scope: &str,
) -> String {
    let hash = hex(&sha256(&canonical.text));
    [
        scope.algorithm.as_str(),
        date.as_str(),
        credential_scope,
        &hash,
    ]
    .join("\n")
}

#[cfg(test)]
mod tests;
