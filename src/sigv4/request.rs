//! What is signed of a request, and how its service reads signatures.

use std::fmt;

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
    /// Every header of a presigned request: signing writes none itself.
    Presigned,
}
