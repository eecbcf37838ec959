//! What the replies of STS and of container endpoints have in common: JSON or XML in one form, checks of the values in
//! it, and errors in AWS's words.

mod aws_error;
pub mod quote;
pub mod xml;

pub use aws_error::AwsError;

use quote::Quote;
use serde_json::Value;
use std::fmt;

/// Longer replies are refused; a real one has about 2 KiB. Callers need not pass more than one
/// byte above it.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;

/// What is wrong with a reply of status 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReply {
    /// Longer than [`MAX_REPLY_BYTES`].
    TooLarge,
    /// No bytes.
    Empty,
    /// Neither JSON nor XML, or cut off.
    Unreadable,
    /// This field is not there.
    Missing(&'static str),
    /// This field has an impossible value.
    Malformed(&'static str),
}

impl fmt::Display for InvalidReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it is longer than {MAX_REPLY_BYTES} bytes"),
            Self::Empty => f.write_str("it is empty"),
            Self::Unreadable => f.write_str("it is neither JSON nor XML, or it is cut off"),
            Self::Missing(field) => write!(f, "`{field}` is missing"),
            Self::Malformed(field) => write!(f, "`{field}` has an impossible value"),
        }
    }
}

/// The body as a JSON value; the elements of XML become objects.
pub(crate) fn read(body: &[u8]) -> Result<Value, InvalidReply> {
    if body.len() > MAX_REPLY_BYTES {
        return Err(InvalidReply::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| InvalidReply::Unreadable)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        None => Err(InvalidReply::Empty),
        Some('<') => xml::parse(text).ok_or(InvalidReply::Unreadable),
        Some(_) => serde_json::from_slice(text.as_bytes()).map_err(|_| InvalidReply::Unreadable),
    }
}

/// What an intermediary wrote ("no healthy upstream"). Markup is noise, and anything with structure
/// could hold credentials, so both give nothing.
pub(crate) fn plain_text(body: &[u8]) -> String {
    let start = body.get(..MAX_PLAIN_BYTES).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    if text.contains(['<', '{']) {
        String::new()
    } else {
        text.into_owned()
    }
}

/// Why no reply came, if that is known.
pub(crate) fn why_none(text: &[u8]) -> Quote {
    Quote::new(&plain_text(text), 512, &[])
}

/// The string under `name`, if it is valid.
pub(crate) fn text<'a>(
    fields: &'a Value,
    name: &'static str,
    is_valid: fn(&str) -> bool,
) -> Result<&'a str, InvalidReply> {
    let text = fields
        .get(name)
        .ok_or(InvalidReply::Missing(name))?
        .as_str();
    text.filter(|text| is_valid(text))
        .ok_or(InvalidReply::Malformed(name))
}

/// `accessKeyIdType` of the STS API allows `[\w]{16,128}`; issued ids have upper case and digits.
pub(crate) fn is_access_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The session token becomes a header value: no space, CR, LF or control byte may get there.
pub(crate) fn is_visible_ascii(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// How Envoy's own answers to a callout begin (`source/common/router/router.cc` of Envoy 1.40).
const ENVOY_LOCAL_REPLIES: &[&str] = &[
    "upstream connect error",
    "upstream request timeout",
    "no healthy upstream",
];

/// Whether Envoy answered a callout itself, because the server did not.
pub(crate) fn is_of_envoy(message: &str) -> bool {
    ENVOY_LOCAL_REPLIES
        .iter()
        .any(|text| message.starts_with(text))
}

const MAX_PLAIN_BYTES: usize = 2048;
