//! AssumeRoleWithWebIdentity: the request as bytes, the reply as credentials or as a typed error.
//!
//! STS takes the call unsigned, as a form (AWS STS API Reference, version 2011-06-15). The reply
//! may be JSON or XML: STS follows `accept`, emulators answer XML whatever is asked. Both are read
//! into one tree, and from there on there is one path.
//!
//! No limit here depends on the peer's good will: the body is at most [`MAX_REPLY_BYTES`] long, and
//! what goes into a header later is visible ASCII.

use std::time::SystemTime;

use serde_json::Value;

use crate::credentials::{Credentials, Secret};
use crate::timestamp::{from_epoch_seconds, parse_rfc3339};
use crate::token::redact;

pub use error::{AwsError, InvalidReply, Recoverability, StsError};

mod error;
pub mod xml;

/// Longer replies are refused; a real one has about 2 KiB. Callers need not pass more than one
/// byte above it.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;

/// The headers of the call, for the STS host `host`.
pub fn request_headers(host: &str) -> [(&'static str, &str); 5] {
    [
        (":method", "POST"),
        (":path", "/"),
        (":authority", host),
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
        ("accept", "application/json"),
    ]
}

/// The body of the call: a form, percent-encoded. It holds the token, so it is a [`Secret`].
///
/// `duration_seconds` is 900 to the role's maximum, at most 43,200; `None` leaves STS its default
/// of one hour.
pub fn request_body(
    role_arn: &str,
    session_name: &str,
    token: &Secret,
    duration_seconds: Option<u32>,
) -> Secret {
    let longest = 3 * (role_arn.len() + session_name.len() + token.expose().len());
    // Large enough for all: growing would leave a copy of the token in freed memory.
    let mut form = String::with_capacity(256 + longest);
    form.push_str("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=");
    push_encoded(&mut form, role_arn);
    form.push_str("&RoleSessionName=");
    push_encoded(&mut form, session_name);
    if let Some(seconds) = duration_seconds {
        form.push_str("&DurationSeconds=");
        form.push_str(&seconds.to_string());
    }
    form.push_str("&WebIdentityToken=");
    push_encoded(&mut form, token.expose());
    Secret::new(form)
}

/// Reads the reply of the STS callout. `status` is 0 where there was none.
///
/// # Errors
/// See [`StsError`]; it never holds a part of the token or of the credentials.
pub fn parse_reply(status: u16, body: &[u8], now: SystemTime) -> Result<Credentials, StsError> {
    if status == 0 {
        return Err(StsError::Unreachable {
            detail: String::new(),
        });
    }
    let tree = read(body);
    let error = tree.as_ref().ok().and_then(error_element);
    if status != 200 || error.is_some() {
        let text = |name| {
            error
                .and_then(|error| error.get(name))
                .and_then(Value::as_str)
        };
        let code = redact(text("Code").unwrap_or_default(), MAX_CODE_CHARS);
        let message = text("Message").map_or_else(|| plain_text(body), ToOwned::to_owned);
        let message = redact(&message, MAX_MESSAGE_CHARS);
        return Err(StsError::classify(AwsError {
            status,
            code,
            message,
        }));
    }

    let credentials = credentials(&tree.map_err(StsError::InvalidReply)?)?;
    if credentials.expires_at <= now {
        return Err(StsError::AlreadyExpired {
            at: credentials.expires_at,
        });
    }
    Ok(credentials)
}

/// The body as a tree: JSON objects, or XML elements as such.
fn read(body: &[u8]) -> Result<Value, InvalidReply> {
    if body.len() > MAX_REPLY_BYTES {
        return Err(InvalidReply::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| InvalidReply::Unreadable)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        None => Err(InvalidReply::Empty),
        Some('<') => xml::parse(text).ok_or(InvalidReply::Unreadable),
        Some(_) => serde_json::from_str(text).map_err(|_| InvalidReply::Unreadable),
    }
}

/// STS: `Error` alone (JSON) or in `ErrorResponse` (XML). moto 5.2: with an `Errors` between.
fn error_element(tree: &Value) -> Option<&Value> {
    let response = tree.get("ErrorResponse").unwrap_or(tree);
    response.get("Errors").unwrap_or(response).get("Error")
}

/// What an intermediary wrote ("no healthy upstream"). Markup is noise, and anything with structure
/// could hold credentials, so both give nothing.
fn plain_text(body: &[u8]) -> String {
    let start = body.get(..MAX_PLAIN_BYTES).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    if text.contains(['<', '{']) {
        String::new()
    } else {
        text.into_owned()
    }
}

fn credentials(tree: &Value) -> Result<Credentials, InvalidReply> {
    let fields = [
        "AssumeRoleWithWebIdentityResponse",
        "AssumeRoleWithWebIdentityResult",
        "Credentials",
    ]
    .iter()
    .try_fold(tree, |value, name| {
        value.get(name).ok_or(InvalidReply::Missing(name))
    })?;
    let text = |name, is_valid: fn(&str) -> bool| {
        let text = fields
            .get(name)
            .ok_or(InvalidReply::Missing(name))?
            .as_str();
        text.filter(|text| is_valid(text))
            .ok_or(InvalidReply::Malformed(name))
    };
    let expiration = fields
        .get("Expiration")
        .ok_or(InvalidReply::Missing("Expiration"))?;
    let expires_at = match expiration {
        Value::String(text) => parse_rfc3339(text),
        other => other.as_f64().and_then(from_epoch_seconds),
    };
    Ok(Credentials {
        access_key_id: text("AccessKeyId", is_access_key_id)?.to_owned(),
        secret_access_key: Secret::new(text("SecretAccessKey", is_visible_ascii)?),
        session_token: Secret::new(text("SessionToken", is_visible_ascii)?),
        expires_at: expires_at.ok_or(InvalidReply::Malformed("Expiration"))?,
    })
}

/// `accessKeyIdType` of the STS API allows `[\w]{16,128}`; issued ids have upper case and digits.
fn is_access_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The session token becomes a header value: no space, CR, LF or control byte may get there.
fn is_visible_ascii(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 section 2.3.
fn push_encoded(form: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            form.push(char::from(byte));
        } else {
            let hex = |nibble: u8| {
                char::from_digit(nibble.into(), 16)
                    .unwrap_or('0')
                    .to_ascii_uppercase()
            };
            form.extend(['%', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
}

const MAX_CODE_CHARS: usize = 64;
const MAX_MESSAGE_CHARS: usize = 512;
const MAX_PLAIN_BYTES: usize = 2048;

#[cfg(test)]
mod tests;
