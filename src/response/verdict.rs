//! What AWS's answer to a signed request says about the signature: nothing, that the credentials are no
//! longer good, or that the clock may be wrong.
//!
//! Only the error's code is read, where the service's protocol has it; a body that mentions a code
//! elsewhere says nothing. An upstream that a tenant owns can write any answer, so no verdict is proof:
//! it may start a refresh, which is rate-limited, or a comparison of clocks ([`crate::response::skew`]).
//!
//! # Call order
//!
//! 1. When the headers of the answer to a request that *we* signed are there: [`of_headers`].
//!    [`Reading::Nothing`], the usual case, ends it.
//! 2. For [`Reading::InBody`], the first [`MAX_BODY_BYTES`] bytes of the body, or all of it if it is
//!    shorter, go to [`of_body`]. The body is not held for it: what has come is read as it passes.
//! 3. [`Verdict::Credentials`]: tell the cache, with the access key id that signed. [`Verdict::Clock`]:
//!    give it to [`crate::response::skew::Skews::learn`], which compares the clocks.

mod body;
mod cbor;

pub(crate) use body::of_body;

/// What a code says about the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The access key or its session token is not, or no longer, known to AWS.
    Credentials,
    /// The signature is refused, and a wrong clock is one of the reasons that lead to this code. It is
    /// the reason if the clocks differ.
    Clock,
}

/// What the headers of an answer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The answer says nothing about the signature; its body need not be read.
    Nothing,
    /// It does.
    Found(Verdict),
    /// The code stands in the body.
    InBody,
}

/// How much of a body [`of_body`] needs at most. The code comes first, or behind a message that repeats
/// the canonical request.
pub(crate) const MAX_BODY_BYTES: usize = 4096;

/// Reads status and `x-amzn-errortype`, which REST-JSON services send. AWS answers the errors in question
/// with 400, 401 and 403 (IAM API Reference, Common Errors; S3 API Reference, Error responses).
pub(crate) fn of_headers(status: u16, error_type: Option<&str>) -> Reading {
    match (status, error_type) {
        (400 | 401 | 403, Some(value)) => of_code(value).map_or(Reading::Nothing, Reading::Found),
        (400 | 401 | 403, None) => Reading::InBody,
        _ => Reading::Nothing,
    }
}

/// A code may stand between a namespace and an address: `com.amazon.coral.service#ExpiredTokenException:
/// http://...` (Smithy, AWS JSON 1.1 and REST-JSON protocols, "Operation error serialization").
fn of_code(text: &str) -> Option<Verdict> {
    let code = text.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().trim();
    if CREDENTIALS.contains(&code) {
        Some(Verdict::Credentials)
    } else if CLOCK.contains(&code) {
        Some(Verdict::Clock)
    } else {
        None
    }
}

/// `ExpiredToken`, `ExpiredTokenException` and `InvalidToken` are those on which the SDKs of 2026 drop
/// credentials. The others say that AWS does not know the key ("The security token included in the
/// request is invalid"): JSON services as `UnrecognizedClientException`, query services as
/// `InvalidClientTokenId`, S3 as `InvalidAccessKeyId`. None is AccessDenied: a policy is no reason for new
/// credentials.
const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "InvalidTokenException",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
];

/// The codes after which `aws-runtime` 1.10 for Rust looks at the clock (`service_clock_skew.rs`), and
/// the two that the SDKs for Java, .NET and JavaScript have besides (`RequestExpired`,
/// `RequestInTheFuture`). No message is matched, as in the SDKs: whether the clock is the reason, only
/// the server's date can tell.
const CLOCK: &[&str] = &[
    "RequestTimeTooSkewed",
    "RequestExpired",
    "RequestInTheFuture",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "AccessDeniedException",
];

#[cfg(test)]
mod tests;
