//! The code in an error's body, which may be cut off behind it.

use serde_json::Value;

use crate::credentials::reply::xml::tag_end;

use super::{MAX_BODY_BYTES, Verdict, cbor, of_code};

/// Reads the start of a body; more than [`MAX_BODY_BYTES`] bytes are not looked at.
///
/// The first byte tells the protocols apart: XML (S3, EC2, query services), a JSON object, or a map of
/// CBOR (Smithy RPC v2), whose first byte can begin no text in UTF-8.
pub(crate) fn of_body(start: &[u8]) -> Option<Verdict> {
    let start = start.get(..MAX_BODY_BYTES).unwrap_or(start);
    if cbor::is_map(start) {
        return of_code(cbor::code(start)?);
    }
    // A cut may go through a character.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.chars().next()? {
        '<' => of_code(code_of_xml(text)?),
        '{' => of_code(&code_of_json(text)?),
        _ => None,
    }
}

/// The text of the code element, by its path from the root.
fn code_of_xml(mut rest: &str) -> Option<&str> {
    let mut path: Vec<&str> = Vec::new();
    loop {
        let (text, markup) = rest.split_once('<')?;
        let (tag, after) = if let Some(comment) = markup.strip_prefix("!--") {
            ("?", comment.split_once("-->")?.1)
        } else if let Some(data) = markup.strip_prefix("![CDATA[") {
            ("?", data.split_once("]]>")?.1)
        } else {
            let (tag, after) = markup.split_at_checked(tag_end(markup)?)?;
            (tag, after.strip_prefix('>')?)
        };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if CODE_PATHS.contains(&path.as_slice()) {
                return Some(text.trim());
            }
            if path.pop() != Some(name.trim_end()) {
                return None;
            }
        } else if !tag.starts_with(['?', '!']) && !tag.ends_with('/') {
            path.push(tag.split_ascii_whitespace().next()?);
            if path.len() > MAX_DEPTH {
                return None;
            }
        }
    }
}

/// S3; query services (IAM, STS, SNS and others); EC2.
const CODE_PATHS: &[&[&str]] = &[
    &["Error", "Code"],
    &["ErrorResponse", "Error", "Code"],
    &["Response", "Errors", "Error", "Code"],
];

/// Nothing that has a code lies deeper.
const MAX_DEPTH: usize = 8;

/// `__type` of the outermost object, else its `code`, else its `Code`: the places where botocore looks
/// (`botocore/parsers.py`, `BaseJSONParser` and `RestJSONParser`).
fn code_of_json(text: &str) -> Option<String> {
    let mut codes = [const { None }; KEYS.len()];
    let mut rest = text.strip_prefix('{')?;
    // Up to where the text was cut off, or is no JSON: what came before it counts.
    while let Some((name, value, after)) = member(rest) {
        let mut places = KEYS.iter().zip(&mut codes);
        if let Some((_, place)) = places.find(|(key, _)| name == **key) {
            // A code that is no string is none, but what comes behind it may be one.
            *place = match value {
                Value::String(code) => Some(code),
                _ => None,
            };
        }
        rest = after.trim_start().strip_prefix(',').unwrap_or_default();
    }
    codes.into_iter().flatten().next()
}

const KEYS: [&str; 3] = ["__type", "code", "Code"];

/// The first member of what stands behind an object's brace or comma, and what follows it.
fn member(text: &str) -> Option<(Value, Value, &str)> {
    let (name, rest) = value(text)?;
    let (value, rest) = value(rest.trim_start().strip_prefix(':')?)?;
    Some((name, value, rest))
}

fn value(text: &str) -> Option<(Value, &str)> {
    let mut values = serde_json::Deserializer::from_slice(text.as_bytes()).into_iter();
    let value = values.next()?.ok()?;
    Some((value, text.get(values.byte_offset()..)?))
}
