//! What was posted: a URL, a token or a form, as it is or in JSON with what a URL does not say.

use super::fault::Fault;
use super::presigning::Wrapping;
use super::url::{EKS, Url};
use crate::headers::is_token;
use crate::json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a program asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) what: What,
    /// Whether it came as JSON, and goes back so.
    pub(super) is_json: bool,
    pub(super) method: String,
    /// Values of the headers that are signed, besides `host`. Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) min_valid: Duration,
}

/// What it is.
#[derive(Debug)]
pub(super) enum What {
    Request {
        url: Url,
        wrapping: Wrapping,
    },
    Form {
        url: Url,
        fields: Map<String, Value>,
    },
}

impl What {
    pub(super) fn wrapping(&self) -> Wrapping {
        match self {
            Self::Request { wrapping, .. } => *wrapping,
            Self::Form { .. } => Wrapping::Form,
        }
    }
}

impl Asked {
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let body = body.trim_ascii();
        if body.starts_with(b"{") {
            return Self::read_json(body);
        }
        let text = std::str::from_utf8(body).unwrap_or_default();
        Ok(Self {
            what: What::of_text(text)?,
            is_json: false,
            method: "GET".to_owned(),
            headers: Vec::new(),
            min_valid: Duration::ZERO,
        })
    }

    fn read_json(body: &[u8]) -> Result<Self, Fault> {
        let value = json::parse(body);
        let value =
            value.map_err(|error| Fault::Json(["the JSON ", &error.to_string()].concat()))?;
        let mut map = match value {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let method = text(&mut map, "method")?.unwrap_or_else(|| "GET".to_owned());
        let min_valid = match map.remove("min_valid_seconds") {
            None => 0,
            Some(value) => value
                .as_u64()
                .ok_or_else(|| wrong("min_valid_seconds", "a whole number"))?,
        };
        let headers = headers(map.remove("headers"))?;
        let url = text(&mut map, "url")?;
        let token = text(&mut map, "token")?;
        let form = map.remove("form");
        if let Some(unknown) = map.keys().next() {
            return Err(Fault::Json(
                ["it has an unknown key, ", &quoted(unknown)].concat(),
            ));
        }
        let what = match (url, token, form) {
            (Some(text), None, None) | (None, Some(text), None) => What::of_text(&text)?,
            (None, None, Some(Value::Object(form))) => What::of_form(form)?,
            _ => {
                let fault = "it has not exactly one of the keys \"url\", \"token\" and \"form\"";
                return Err(Fault::Json(fault.to_owned()));
            }
        };
        Ok(Self {
            what,
            is_json: true,
            method,
            headers,
            min_valid: Duration::from_secs(min_valid),
        })
    }
}

impl What {
    fn of_text(text: &str) -> Result<Self, Fault> {
        let (url, wrapping) = if text.contains("://") {
            (Url::presigned(text)?, Wrapping::Url)
        } else if let Some(encoded) = text.strip_prefix(EKS) {
            (Url::presigned(&decoded(encoded)?)?, Wrapping::Encoded(EKS))
        } else if text.contains('?') {
            (Url::presigned_bare(text)?, Wrapping::Bare)
        } else {
            (Url::presigned(&decoded(text)?)?, Wrapping::Encoded(""))
        };
        Ok(Self::Request { url, wrapping })
    }

    fn of_form(mut form: Map<String, Value>) -> Result<Self, Fault> {
        let url = text(&mut form, "url")?;
        match (url, form.remove("fields"), form.is_empty()) {
            (Some(url), Some(Value::Object(fields)), true) => Ok(Self::Form {
                url: Url::plain(&url)?,
                fields,
            }),
            _ => Err(wrong("form", "an object with \"url\" and \"fields\"")),
        }
    }
}

fn decoded(text: &str) -> Result<String, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(Fault::Shape(
            "it is neither a URL, nor one in base64url as EKS and MSK have it, nor one without https:// as databases have it",
        ))
}

/// Each is compared with each.
pub(super) const MOST_HEADERS: usize = 64;

fn headers(value: Option<Value>) -> Result<Vec<(String, String)>, Fault> {
    let map = match value {
        None => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(wrong("headers", "an object of strings")),
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    // One more than may be, which is refused where they are compared.
    for (name, value) in map.into_iter().take(MOST_HEADERS + 1) {
        let name = name.to_ascii_lowercase();
        let is_value = |text: &str| !text.bytes().any(|b| b.is_ascii_control() && b != b'\t');
        let is_new = headers.iter().all(|(known, _)| *known != name);
        match value {
            Value::String(text) if is_token(&name) && is_value(&text) && is_new => {
                headers.push((name, text));
            }
            _ => {
                return Err(wrong(
                    "headers",
                    "an object of headers, each once, with strings",
                ));
            }
        }
    }
    Ok(headers)
}

fn text(map: &mut Map<String, Value>, key: &str) -> Result<Option<String>, Fault> {
    match map.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(key, "a string")),
    }
}

fn wrong(key: &str, allowed: &str) -> Fault {
    Fault::Json([&quoted(key), " is not ", allowed].concat())
}

fn quoted(key: &str) -> String {
    Value::from(key).to_string()
}
