//! One line of `explain`'s input: JSON in, a [`Request`] or the key that is at fault out.

use crate::aws_answer::AwsAnswer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sigv4_egress::config::{self, Config, Environment, Plugin};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::headers::is_token;
use sigv4_egress::json::{self, JsonError};
use sigv4_egress::policy::RouteMetadata;
use sigv4_egress::timestamp::parse_rfc3339;
use std::fmt;
use std::time::SystemTime;

/// Names in lower case, and values.
pub(crate) type OwnedHeaders = Vec<(String, Vec<u8>)>;

/// A request as the filter would meet it, and what is known beside it. Not printable: it holds what the
/// client sends.
pub(crate) struct Request {
    /// All headers as Envoy shows them, pseudo-headers included.
    pub(crate) headers: OwnedHeaders,
    pub(crate) body: Body,
    /// No body follows the headers.
    pub(crate) end_of_stream: bool,
    /// When it is signed; `None` for now.
    pub(crate) time: Option<SystemTime>,
    /// `None` for AWS's example keys.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) config: Config,
    /// The cluster that its route leads to.
    pub(crate) cluster: Option<String>,
    /// Envoy ends the client's TLS: its URL is https.
    pub(crate) over_tls: bool,
    /// What its route carries for the rules.
    pub(crate) route_metadata: RouteMetadata,
    /// What AWS answered.
    pub(crate) aws_answer: Option<AwsAnswer>,
}

/// What is known of the body.
pub(crate) enum Body {
    None,
    Bytes(Vec<u8>),
    /// Its SHA-256 alone.
    Sha256([u8; 32]),
}

impl Body {
    /// In bytes; `None` where it is not known.
    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Self::None => Some(0),
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::Sha256(_) => None,
        }
    }
}

/// Why a line is refused. Holds names of keys and never a value that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The key, such as `credentials.session_token`; empty for the line as a whole.
    pub(crate) key: String,
    /// What is wrong with it, and what is allowed.
    pub(crate) fault: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.fault),
            key => write!(f, "{key}: {}", self.fault),
        }
    }
}

fn fault(key: &str, fault: impl Into<String>) -> Fault {
    Fault {
        key: key.to_owned(),
        fault: fault.into(),
    }
}

const KEYS: &[&str] = &[
    "method",
    "url",
    "host",
    "path",
    "headers",
    "body",
    "body_base64",
    "payload_hash",
    "end_of_stream",
    "time",
    "credentials",
    "config",
    "cluster",
    "route_metadata",
    "aws_403",
];

/// Reads one line.
pub(crate) fn parse(line: &[u8]) -> Result<Request, Fault> {
    let value = json::parse(line).map_err(|error| match error {
        JsonError::NotJson(_) => fault("", error.to_string()),
        JsonError::Twice(path) => fault(&path, "appears twice"),
    })?;
    let mut object = Object::new(value, "", KEYS)?;
    let method = object.text("method")?.unwrap_or_else(|| "GET".to_owned());
    if !is_token(&method) {
        return Err(fault("method", "is no HTTP method"));
    }
    let sent = headers(object.take("headers"))?;
    let (host, path, over_tls) = target(&mut object, &sent)?;
    let body = body(&mut object)?;
    let has_body = body.length() != Some(0);
    let end_of_stream = match object.take("end_of_stream") {
        None => !has_body,
        Some(Value::Bool(true)) if has_body => {
            return Err(fault("end_of_stream", "is true, and there is a body"));
        }
        Some(Value::Bool(value)) => value,
        Some(_) => return Err(fault("end_of_stream", "is not true or false")),
    };
    let mut headers: OwnedHeaders = vec![
        (":method".to_owned(), method.into_bytes()),
        (":authority".to_owned(), host),
        (":path".to_owned(), path),
    ];
    headers.extend(sent.into_iter().filter(|(name, _)| name != "host"));
    let has = |wanted: &str| headers.iter().any(|(name, _)| name == wanted);
    // As a client does that has the whole body before it sends it.
    if let Body::Bytes(bytes) = &body
        && !has("content-length")
        && !has("transfer-encoding")
    {
        let length = bytes.len().to_string().into_bytes();
        headers.push(("content-length".to_owned(), length));
    }
    let time = match object.text("time")? {
        None => None,
        Some(text) => Some(time(&text).ok_or_else(|| {
            fault(
                "time",
                "is neither 2026-11-23T20:00:00Z nor 20261123T200000Z",
            )
        })?),
    };
    let config = config(object.take("config"))?;
    let cluster = match object.take("cluster") {
        None => config.clusters.first().cloned(),
        Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(fault("cluster", "is no string and not null")),
    };
    let route_metadata = match object.take("route_metadata") {
        None => RouteMetadata::new(),
        Some(value) => serde_json::from_value(value)
            .map_err(|_| fault("route_metadata", "is no object of strings"))?,
    };
    let aws_answer = match object.text("aws_403")? {
        None => None,
        Some(text) => Some(
            AwsAnswer::parse(&text)
                .ok_or_else(|| fault("aws_403", "is neither an XML nor a JSON body"))?,
        ),
    };
    Ok(Request {
        headers,
        body,
        end_of_stream,
        time,
        credentials: credentials(object.take("credentials"))?,
        config,
        cluster,
        over_tls,
        route_metadata,
        aws_answer,
    })
}

/// `:authority` and `:path`, from `url`, from `host` and `path`, or from the `host` header and `path`; and whether the URL
/// is https.
fn target(object: &mut Object, headers: &OwnedHeaders) -> Result<(Vec<u8>, Vec<u8>, bool), Fault> {
    let mut hosts = headers.iter().filter(|(name, _)| name == "host");
    let header = hosts.next().map(|(_, value)| value.clone());
    if hosts.next().is_some() {
        return Err(fault("headers.host", "stands there twice"));
    }
    let mut over_tls = false;
    let (host, path) = match (object.text("url")?, object.text("host")?) {
        (Some(_), Some(_)) => return Err(fault("host", "stands beside url, which names it")),
        (Some(url), None) => {
            if object.take("path").is_some() {
                return Err(fault("path", "stands beside url, which names it"));
            }
            let (scheme, host, path) = split_url(&url).map_err(|what| fault("url", what))?;
            over_tls = scheme.eq_ignore_ascii_case("https");
            (Some(host.into_bytes()), Some(path.into_bytes()))
        }
        (None, host) => {
            let path = object.take("path").map(|value| bytes("path", value));
            (host.map(String::into_bytes), path.transpose()?)
        }
    };
    let path = path.unwrap_or_else(|| b"/".to_vec());
    if path.first() != Some(&b'/') {
        return Err(fault("path", "does not begin with /"));
    }
    if path.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return Err(fault(
            "path",
            "holds a space or a control character; percent-encode it",
        ));
    }
    match (host, header) {
        (Some(host), Some(header)) if !host.eq_ignore_ascii_case(&header) => {
            Err(fault("headers.host", "names another host than url or host"))
        }
        (Some(host), _) | (None, Some(host)) => Ok((host, path, over_tls)),
        (None, None) => Err(fault("url", "is missing, and so is host")),
    }
}

/// The scheme, the authority, and the path with the query. A fragment is never sent.
fn split_url(url: &str) -> Result<(&str, String, String), &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("does not begin with http:// or https://");
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if host.is_empty() {
        return Err("names no host");
    }
    if host.contains('@') {
        return Err("holds a user name");
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((scheme, host.to_owned(), format!("{slash}{path}")))
}

/// An object, or a list of pairs; a value may be a list, for a header that is repeated.
fn headers(value: Option<Value>) -> Result<OwnedHeaders, Fault> {
    let pairs: Vec<(String, Value)> = match value {
        None => Vec::new(),
        Some(Value::Object(map)) => map.into_iter().collect(),
        Some(Value::Array(pairs)) => pairs
            .into_iter()
            .map(|pair| match pair {
                Value::Array(pair) => match <[Value; 2]>::try_from(pair) {
                    Ok([Value::String(name), value]) => Ok((name, value)),
                    _ => Err(fault("headers", "holds a list that is no name and value")),
                },
                _ => Err(fault("headers", "holds what is no list of name and value")),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(fault("headers", "is no object and no list of pairs")),
    };
    let mut headers = Vec::new();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        let key = format!("headers.{name}");
        if !is_token(&name) {
            return Err(fault(
                &key,
                "is no header name; use method, host and path for :method, :authority and :path",
            ));
        }
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let value = bytes(&key, value)?;
            if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                return Err(fault(&key, "holds a line break or a NUL"));
            }
            headers.push((name.clone(), value));
        }
    }
    Ok(headers)
}

/// A string, or `{"base64": "..."}` for bytes that are no UTF-8.
fn bytes(key: &str, value: Value) -> Result<Vec<u8>, Fault> {
    match value {
        Value::String(text) => Ok(text.into_bytes()),
        Value::Object(map) if map.len() == 1 => match map.get("base64") {
            Some(Value::String(text)) => from_base64(key, text),
            _ => Err(fault(key, "is no string and no {\"base64\": \"...\"}")),
        },
        _ => Err(fault(key, "is no string and no {\"base64\": \"...\"}")),
    }
}

fn from_base64(key: &str, text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD
        .decode(text)
        .map_err(|_| fault(key, "is no base64 (RFC 4648 section 4, with padding)"))
}

fn body(object: &mut Object) -> Result<Body, Fault> {
    let text = object.text("body")?;
    let base64 = object.text("body_base64")?;
    let hash = object.text("payload_hash")?;
    match (text, base64, hash) {
        (None, None, None) => Ok(Body::None),
        (Some(text), None, None) => Ok(Body::Bytes(text.into_bytes())),
        (None, Some(text), None) => from_base64("body_base64", &text).map(Body::Bytes),
        (None, None, Some(hash)) => sha256(&hash)
            .map(Body::Sha256)
            .ok_or_else(|| fault("payload_hash", "is no SHA-256 of 64 hexadecimal digits")),
        _ => Err(fault(
            "",
            "body, body_base64 and payload_hash exclude each other",
        )),
    }
}

fn sha256(hex: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// RFC 3339, or the form of `x-amz-date`.
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    if let Some(time) = parse_rfc3339(text) {
        return Some(time);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (date.len(), time.len()) != (8, 6) || !is_number(date) || !is_number(time) {
        return None;
    }
    let ((year, day), (hour, second)) = (date.split_at(4), time.split_at(2));
    let ((month, day), (minute, second)) = (day.split_at(2), second.split_at(2));
    parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

fn credentials(value: Option<Value>) -> Result<Option<Credentials>, Fault> {
    let Some(value) = value else {
        return Ok(None);
    };
    let keys = &["access_key_id", "secret_access_key", "session_token"];
    let mut object = Object::new(value, "credentials.", keys)?;
    let mut needed = |key: &str| {
        object
            .text(key)?
            .ok_or_else(|| fault(&format!("credentials.{key}"), "is missing"))
    };
    Ok(Some(Credentials {
        access_key_id: needed("access_key_id")?,
        secret_access_key: Secret::new(needed("secret_access_key")?),
        session_token: Secret::new(object.text("session_token")?.unwrap_or_default()),
        expires_at: SystemTime::UNIX_EPOCH,
    }))
}

/// The plugin's configuration. Role and region, which it need not name in a pod, have defaults here.
fn config(value: Option<Value>) -> Result<Config, Fault> {
    let json = match value {
        None => r#"{"allow": "*"}"#.to_owned(),
        Some(value) => value.to_string(),
    };
    let environment: Environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/example"),
        ("AWS_REGION", "us-east-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    match config::parse(json.as_bytes(), &environment) {
        Ok(Plugin::Downstream(config)) => Ok(*config),
        Ok(Plugin::Upstream { .. } | Plugin::Status) => Err(fault(
            "config.position",
            "is not downstream; nothing else signs",
        )),
        Err(error) => Err(fault(
            &format!("config.{}", error.key),
            format!("{}; allowed: {}", error.fault, error.allowed),
        )),
    }
}

/// A JSON object whose values are taken out one by one.
struct Object {
    map: Map<String, Value>,
    path: &'static str,
}

impl Object {
    fn new(value: Value, path: &'static str, known: &[&str]) -> Result<Self, Fault> {
        let Value::Object(map) = value else {
            return Err(fault(path.trim_end_matches('.'), "is no JSON object"));
        };
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(fault(
                &format!("{path}{key}"),
                format!("is no key; allowed: {}", known.join(", ")),
            )),
            None => Ok(Self { map, path }),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(fault(&format!("{}{key}", self.path), "is no string")),
        }
    }
}

#[cfg(test)]
mod tests;
