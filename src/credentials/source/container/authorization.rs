//! The authorization token of a container endpoint: the token callout's reply, fit for a header.
//!
//! For EKS it is a JWT that the kubelet renews, for others any text. It is the endpoint's to judge; what
//! must be found here is what could not be sent.

use crate::credentials::Secret;
use crate::credentials::failure::{FetchError, Retry};
use crate::credentials::outcome::Fetched;
use std::fmt;

/// What the request to a container endpoint is authorized with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Nothing: the address alone counts, as on ECS.
    None,
    /// The value of `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    Token(Secret),
    /// What the file of `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` holds at the moment. The module has no
    /// files: the token listener serves it, at [`super::TOKEN_PATH`].
    File,
}

/// Why there is no token to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorizationError {
    /// The token cluster gave no answer.
    Unreachable,
    /// It answered something other than 200.
    Status(u16),
    /// The file holds nothing but whitespace.
    Empty,
    /// The file is longer than any token; the length is in bytes.
    TooLong(usize),
    /// The file holds what no header can: a line break, a control character, or no ASCII.
    Malformed,
}

/// Reads the reply of the token callout: what the file holds, without surrounding whitespace. `status` is
/// 0 where there was none.
///
/// # Errors
/// See [`AuthorizationError`].
pub(super) fn parse_token(status: u16, body: &[u8]) -> Result<Secret, AuthorizationError> {
    match status {
        200 => {}
        0 => return Err(AuthorizationError::Unreachable),
        _ => return Err(AuthorizationError::Status(status)),
    }
    let body = body.trim_ascii();
    if body.is_empty() {
        return Err(AuthorizationError::Empty);
    }
    if body.len() > MAX_TOKEN_BYTES {
        return Err(AuthorizationError::TooLong(body.len()));
    }
    let token = std::str::from_utf8(body).map_err(|_| AuthorizationError::Malformed)?;
    if !is_authorization(token) {
        return Err(AuthorizationError::Malformed);
    }
    Ok(Secret::new(token))
}

/// Visible ASCII with inner spaces, as `Basic abcd` has one (RFC 9110 section 5.5).
pub(crate) fn is_authorization(text: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&text.len())
        && text.trim_ascii() == text
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

impl FetchError for AuthorizationError {
    fn outcome(&self) -> Fetched {
        match self {
            Self::Unreachable => Fetched::AuthorizationUnreachable,
            Self::Status(_) => Fetched::AuthorizationStatus,
            Self::Empty => Fetched::AuthorizationEmpty,
            Self::TooLong(_) => Fetched::AuthorizationTooLong,
            Self::Malformed => Fetched::AuthorizationMalformed,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check that `token_cluster` names the cluster of the token listener's Unix socket, and that this listener is up"
            }
            Self::Status(_) => {
                "check that the token listener serves GET /container-token from the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, and that Envoy's user may read it (fsGroup)"
            }
            Self::Empty | Self::TooLong(_) | Self::Malformed => {
                "check that GET /container-token of the token listener serves the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE and no other"
            }
        }
    }

    /// The file is there as soon as the kubelet has written it.
    fn retry(&self) -> Retry {
        Retry::Soon
    }
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the token listener gave no answer"),
            Self::Status(status) => write!(f, "the token listener answered with status {status}"),
            Self::Empty => f.write_str("the container authorization token is empty"),
            Self::TooLong(bytes) => write!(
                f,
                "the container authorization token has {bytes} bytes, more than {MAX_TOKEN_BYTES}"
            ),
            Self::Malformed => f.write_str(
                "the container authorization token is not a valid header value: it holds a line break or a character outside of visible ASCII",
            ),
        }
    }
}

impl std::error::Error for AuthorizationError {}

/// No source gives a limit; that of STS for a web identity token is larger than any service account token.
const MAX_TOKEN_BYTES: usize = 20_000;
