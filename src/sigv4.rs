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

mod canonical;
mod chunk;
mod ecdsa;
mod encode;
mod hmac;
mod key;

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

pub use self::canonical::CanonicalRequest;
pub use self::chunk::ChunkSigner;
pub use self::encode::hex;
pub(crate) use self::encode::percent_decoded;
use self::key::SigningKey;
pub use self::key::SigningKeys;
use crate::credentials::{Credentials, Secret};
use crate::timestamp::AmzDate;

/// The digest that all of this is built on. One function: each place would have a copy of its own else.
#[inline(never)]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What is signed of a request, as it leaves for AWS.
///
/// `N` and `V` are whatever holds header names and values, so that headers are not copied to be signed.
#[derive(Clone, Copy)]
pub struct Request<'a, N, V> {
    /// The method, upper case.
    pub method: &'a str,
    /// The value of `host` as it leaves (in Envoy: `:authority`), with its port if it has one.
    pub host: &'a [u8],
    /// The request target: path, and the query after the first `?`.
    pub path_and_query: &'a [u8],
    /// Names in lower case, values as they stand. A repeated header stands here repeatedly, in order.
    /// Names that start with `:` and `host` are passed over.
    pub headers: &'a [(N, V)],
    /// What the signature says about the body.
    pub payload: Payload<'a>,
}

/// Shows the method and the names of headers: target and values may hold secrets of the client.
impl<N: AsRef<str>, V> fmt::Debug for Request<'_, N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_ref()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &names)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

/// What the signature says about the body ("HashedPayload" on AWS's page).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// There is no body, or it has 0 bytes.
    Empty,
    /// The SHA-256 of the body.
    Hash([u8; 32]),
    /// The value itself: the `x-amz-content-sha256` that the client sent, such as a hash of its own or
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`. Or `UNSIGNED-PAYLOAD`: S3 takes it, most others don't, and TLS alone protects
    /// the body then.
    Literal(&'a str),
}

/// The signature algorithms of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`, for one region.
    SigV4,
    /// `AWS4-ECDSA-P256-SHA256`, for a set of regions.
    SigV4A,
}

impl Algorithm {
    /// As it stands in `authorization` and in the string to sign.
    fn as_str(self) -> &'static str {
        match self {
            Self::SigV4 => "AWS4-HMAC-SHA256",
            Self::SigV4A => "AWS4-ECDSA-P256-SHA256",
        }
    }
}

/// What a signature holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// What the host takes.
    pub algorithm: Algorithm,
    /// The region, such as `eu-west-1`, which the credential scope names. For [`Algorithm::SigV4A`] the
    /// region set, such as `*` or `eu-west-1,us-east-1`, which `x-amz-region-set` names.
    pub region: &'a str,
    /// The signing name of the service, such as `s3`.
    pub service: &'a str,
}

/// How a service reads signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the path becomes canonical.
    pub path_style: PathStyle,
    /// Whether `x-amz-content-sha256` is written.
    pub content_sha256: ContentSha256,
    /// Which of the request's own headers are signed.
    pub signed_headers: HeaderSelection,
}

/// How a path becomes canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// Encoded once and not normalised: an S3 key may well hold `//` or `..`.
    S3,
    /// Without dot segments and empty segments, and encoded a second time: all other services.
    Normalised,
}

/// Whether `x-amz-content-sha256` is written. S3 requires it, and so do a few others (OpenSearch
/// Serverless); the rest take it. Envoy's own signer writes it for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentSha256 {
    /// Written and signed.
    Written,
    /// Not written; one that the client sent is removed.
    Absent,
}

/// Which of the request's own headers are signed, besides `host` and what signing writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSelection {
    /// What AWS requires: `content-type`, `content-md5` and `x-amz-*`. Whatever Envoy or a mesh touches
    /// after signing stays out: `x-forwarded-*`, `x-request-id`, `x-amzn-trace-id`, tracing.
    Minimal,
    /// Every header, as in AWS's signing test suite: nothing may touch the request on its way.
    All,
}

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

fn credential_scope(date: &AmzDate, scope: &Scope<'_>) -> String {
    match scope.algorithm {
        Algorithm::SigV4 => [date.date(), scope.region, scope.service, "aws4_request"].join("/"),
        Algorithm::SigV4A => [date.date(), scope.service, "aws4_request"].join("/"),
    }
}

/// What signing adds to a request.
struct Additions<'a> {
    date: AmzDate,
    security_token: Option<&'a Secret>,
    payload_hash: Cow<'a, str>,
    content_sha256: ContentSha256,
    region_set: Option<&'a str>,
}

impl<'a> Additions<'a> {
    fn new(
        payload: Payload<'a>,
        settings: Settings,
        scope: &Scope<'a>,
        credentials: &'a Credentials,
        date: AmzDate,
    ) -> Self {
        let token = &credentials.session_token;
        Self {
            date,
            security_token: (!token.expose().is_empty()).then_some(token),
            payload_hash: match payload {
                Payload::Empty => Cow::Borrowed(EMPTY_SHA256),
                Payload::Hash(hash) => Cow::Owned(hex(&hash)),
                Payload::Literal(value) => Cow::Borrowed(value),
            },
            content_sha256: settings.content_sha256,
            region_set: match scope.algorithm {
                Algorithm::SigV4 => None,
                Algorithm::SigV4A => Some(scope.region),
            },
        }
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let [_, date, security_token, content_sha256, region_set] = WRITTEN_HEADERS;
        let token = self
            .security_token
            .map(|token| (security_token, token.expose()));
        let hash = match self.content_sha256 {
            ContentSha256::Written => Some((content_sha256, &*self.payload_hash)),
            ContentSha256::Absent => None,
        };
        let regions = self.region_set.map(|regions| (region_set, regions));
        [Some((date, self.date.as_str())), token, hash, regions]
            .into_iter()
            .flatten()
            .map(|(name, value)| (name, value.as_bytes()))
    }
}

/// The headers that signing writes: inbound ones are never signed and never survive.
const WRITTEN_HEADERS: [&str; 5] = [
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-region-set",
];

/// The SHA-256 of nothing.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[cfg(test)]
mod tests;
