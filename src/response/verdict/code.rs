//! What the codes of errors say about the signature.

/// What a code says about the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The access key or its session token is not, or no longer, known to AWS.
    Credentials,
    /// The signature is refused, and a wrong clock is one of the reasons that lead to this code. It is
    /// the reason if the clocks differ.
    Clock,
}

/// A code may stand between a namespace and an address: `com.amazon.coral.service#ExpiredTokenException:
/// http://...` (Smithy, AWS JSON 1.1 and REST-JSON protocols, "Operation error serialization").
pub(super) fn of_code(text: &str) -> Option<Verdict> {
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
