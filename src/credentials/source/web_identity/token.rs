//! The web identity token: the token callout's reply, checked before STS sees it.
//!
//! The kubelet writes the token into the projected file that Envoy serves. Two faults are common
//! and STS explains neither well: a token that is no longer refreshed, and one made for another
//! audience. Both stand in the claims, so they are found here. The signature is STS's to check.
//!
//! Claims as in RFC 7519 sections 4.1.3 (`aud`) and 4.1.4 (`exp`).

use crate::credentials::Secret;
use crate::credentials::failure::{FetchError, Retry};
use crate::credentials::outcome::Fetched;
use crate::credentials::reply::quote::Quote;
use crate::timestamp::{from_epoch_seconds, rfc3339};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::fmt;
use std::time::SystemTime;

/// Why there is no token to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// The token cluster gave no answer.
    Unreachable,
    /// It answered something other than 200.
    Status(u16),
    /// The file holds nothing but whitespace.
    Empty,
    /// The file is longer than STS takes; the length is in bytes.
    TooLong(usize),
    /// The file holds no JWT; the payload says which part is wrong.
    Malformed(&'static str),
    /// `exp` has passed.
    Expired {
        /// The `exp` claim.
        at: SystemTime,
    },
    /// The wanted audience is not among those of `aud`.
    WrongAudience {
        /// The `aud` claim, comma separated.
        found: Quote,
        /// The audience that was asked for.
        wanted: String,
    },
}

/// Reads the reply of the token callout: a token that STS may accept, well formed, not expired, for the right audience,
/// without surrounding whitespace. `status` is 0 where there was none; `audience` is the
/// one that the IAM OIDC provider lists, mostly `sts.amazonaws.com`.
///
/// # Errors
/// Every way in which the file or the listener can be wrong, see [`TokenError`].
pub(super) fn parse_reply(
    status: u16,
    body: &[u8],
    audience: &str,
    now: SystemTime,
) -> Result<Secret, TokenError> {
    match status {
        200 => {}
        0 => return Err(TokenError::Unreachable),
        _ => return Err(TokenError::Status(status)),
    }
    let body = body.trim_ascii();
    if body.is_empty() {
        return Err(TokenError::Empty);
    }
    if body.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong(body.len()));
    }
    let token = std::str::from_utf8(body).map_err(|_| NOT_A_JWT)?;

    let claims = claims(token)?;
    let expires_at = claims
        .exp
        .ok_or(TokenError::Malformed("it has no `exp` claim"))?;
    let expires_at = from_epoch_seconds(expires_at)
        .ok_or(TokenError::Malformed("its `exp` claim is not a time"))?;
    if expires_at <= now {
        return Err(TokenError::Expired { at: expires_at });
    }
    let found = claims
        .aud
        .ok_or(TokenError::Malformed("it has no `aud` claim"))?;
    if !found.iter().any(|name| name == audience) {
        let secrets = [Secret::new(token)];
        let found = Quote::new(&found.join(", "), MAX_QUOTED_CHARS, &secrets);
        return Err(TokenError::WrongAudience {
            found,
            wanted: audience.to_owned(),
        });
    }
    Ok(Secret::new(token))
}

impl FetchError for TokenError {
    fn outcome(&self) -> Fetched {
        match self {
            Self::Unreachable => Fetched::TokenUnreachable,
            Self::Status(_) => Fetched::TokenStatus,
            Self::Empty => Fetched::TokenEmpty,
            Self::TooLong(_) => Fetched::TokenTooLong,
            Self::Malformed(_) => Fetched::TokenMalformed,
            Self::Expired { .. } => Fetched::TokenExpired,
            Self::WrongAudience { .. } => Fetched::TokenWrongAudience,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check that `token_cluster` names the cluster of the token listener's Unix socket, and that this listener is up"
            }
            Self::Status(_) => {
                "check that the token listener serves GET /token from the projected file, and that Envoy's user may read it (fsGroup)"
            }
            Self::Empty => {
                "check that the serviceAccountToken volume is mounted where the token listener reads it"
            }
            Self::TooLong(_) | Self::Malformed(_) => {
                "check that the token listener serves the serviceAccountToken projection and no other file"
            }
            Self::Expired { .. } => {
                "check that the token listener watches the mounted directory (watched_directory), that the volume is not mounted by subPath, and the node's clock"
            }
            Self::WrongAudience { .. } => {
                "set `audience` of the serviceAccountToken projection to the wanted one, or `token_audience` to the one that the IAM OIDC provider lists"
            }
        }
    }

    fn retry(&self) -> Retry {
        match self {
            // The listener comes up after the clusters, the kubelet writes when it gets to it.
            Self::Unreachable | Self::Status(_) | Self::Empty | Self::Expired { .. } => Retry::Soon,
            Self::TooLong(_) | Self::Malformed(_) | Self::WrongAudience { .. } => Retry::Unlikely,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the token listener gave no answer"),
            Self::Status(status) => write!(f, "the token listener answered with status {status}"),
            Self::Empty => f.write_str("the web identity token is empty"),
            Self::TooLong(bytes) => write!(
                f,
                "the web identity token has {bytes} bytes, STS accepts at most {MAX_TOKEN_BYTES}"
            ),
            Self::Malformed(why) => write!(f, "the web identity token is not usable: {why}"),
            Self::Expired { at } => {
                write!(f, "the web identity token expired at {}", rfc3339(*at))
            }
            Self::WrongAudience { found, wanted } => write!(
                f,
                "the web identity token is for the audience \"{found}\", not for \"{wanted}\""
            ),
        }
    }
}

impl std::error::Error for TokenError {}

struct Claims {
    exp: Option<f64>,
    aud: Option<Vec<String>>,
}

fn claims(token: &str) -> Result<Claims, TokenError> {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part));
    let (Some(Ok(_)), Some(Ok(payload)), Some(Ok(_)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(NOT_A_JWT);
    };
    // The parser's error may quote the input.
    let claims = serde_json::from_slice(&payload).map_err(|_| WRONG_CLAIMS)?;
    let Value::Object(mut claims) = claims else {
        return Err(WRONG_CLAIMS);
    };
    let mut take = |name| claims.remove(name).filter(|claim| !claim.is_null());
    let exp = take("exp").map(|exp| exp.as_f64().ok_or(WRONG_CLAIMS));
    let aud = take("aud").map(audiences);
    Ok(Claims {
        exp: exp.transpose()?,
        aud: aud.transpose()?,
    })
}

/// One name, or a list of them.
fn audiences(aud: Value) -> Result<Vec<String>, TokenError> {
    let names = match aud {
        Value::Array(names) => names,
        one => vec![one],
    };
    let names = names.into_iter().map(|name| match name {
        Value::String(name) => Ok(name),
        _ => Err(WRONG_CLAIMS),
    });
    names.collect()
}

const WRONG_CLAIMS: TokenError =
    TokenError::Malformed("its claims are not JSON, or `exp` or `aud` has the wrong type");
const NOT_A_JWT: TokenError =
    TokenError::Malformed("it is not a JWT (three base64url parts, separated by dots)");
/// `WebIdentityToken` of AssumeRoleWithWebIdentity, AWS STS API Reference: 4 to 20,000 characters.
const MAX_TOKEN_BYTES: usize = 20_000;
const MAX_QUOTED_CHARS: usize = 512;

#[cfg(test)]
mod tests;
