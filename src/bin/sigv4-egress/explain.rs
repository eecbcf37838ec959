//! `explain`: what the filter does with a request, and every step of the signature.

use crate::compare::{self, Difference};
use crate::request::{self, Body, Fault, Request};
use crate::resolve;
use crate::shown::Shown;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::decision::{self, Decided, Decision, Head, PayloadPlan, Plan};
use sigv4_egress::events::EVENTS;
use sigv4_egress::headers::{self, Header};
use sigv4_egress::own_keys::OwnKeys;
use sigv4_egress::presign::{self, Exchange};
use sigv4_egress::refusal::{ErrorFormat, Refusal};
use sigv4_egress::sigv4::{self, Payload, SignedHeaders, Signer, percent_decoded};
use std::io::{self, BufRead, Write};
use std::time::SystemTime;

/// One line of the output. The words for decisions and reasons are those of the stats.
#[derive(Debug, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub(crate) enum Explanation {
    /// The request goes on untouched.
    LeaveAlone {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<usize>,
    },
    /// The filter answers it.
    Refuse {
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<usize>,
        status: u16,
        error: String,
        help: String,
    },
    /// The request goes on untouched, as `mode` is `observe`.
    Observe {
        would: &'static str,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<usize>,
    },
    Sign(Box<Signature>),
    /// The request is answered with what it asks to be presigned.
    Presign(Box<PresignedAs>),
}

/// How something is presigned.
#[derive(Debug, Serialize)]
pub(crate) struct PresignedAs {
    /// Whose credentials sign.
    role: String,
    service: String,
    region: String,
    host: String,
    algorithm: &'static str,
    /// As of a request that is signed.
    credentials: &'static str,
    /// Neither for a form, whose policy is signed as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_to_sign: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
}

/// How a request is signed.
#[derive(Debug, Serialize)]
pub(crate) struct Signature {
    reason: String,
    /// The place among `rules` of the one that fits, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    /// Whose credentials sign.
    role: String,
    service: String,
    region: String,
    algorithm: &'static str,
    /// `given`, or `example` for AWS's example keys: the signature is then good for comparing only.
    credentials: &'static str,
    /// `empty`, `streamed`, `held` (for its length) or `hashed` (and held).
    payload: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_request: Option<String>,
    /// Where it is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_request_base64: Option<String>,
    /// Headers whose value is replaced in all that is printed. The signature is over the values themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redacted: Vec<&'static str>,
    string_to_sign: String,
    /// What the filter does to the headers: sets a value, or removes the header (`null`).
    headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
}

#[derive(Serialize)]
struct Numbered<T> {
    line: usize,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
struct FaultLine {
    error: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
}

/// Whether every line of the input could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Good,
    Malformed,
}

/// Reads requests, one JSON object a line, and writes one JSON object for each. Empty lines are passed over;
/// a line that cannot be read is answered with `error` and `key`, and the others go on.
pub(crate) fn run(
    input: &mut impl BufRead,
    output: &mut impl Write,
    shown: Shown,
    now: SystemTime,
) -> io::Result<Input> {
    let mut verdict = Input::Good;
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match request::parse(&text) {
            Ok(request) => {
                let content = explain(&request, shown, now);
                serde_json::to_writer(&mut *output, &Numbered { line, content })?;
            }
            Err(fault) => {
                verdict = Input::Malformed;
                let content = fault_line(line, fault);
                serde_json::to_writer(&mut *output, &Numbered { line, content })?;
            }
        }
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(verdict)
}

fn fault_line(line: usize, fault: Fault) -> FaultLine {
    FaultLine {
        error: format!("line {line}: {fault}"),
        key: fault.key,
    }
}

/// What the filter does with one request at `now`, unless the request or AWS's answer says when it was signed.
pub(crate) fn explain(request: &Request, shown: Shown, now: SystemTime) -> Explanation {
    let headers = request.headers.iter();
    let headers: Vec<Header<'_>> = headers
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let head = Head {
        headers: &headers,
        cluster: &|| request.cluster.clone(),
        port: &|| port(&headers),
        over_tls: &|| request.over_tls,
        route_metadata: &request.route_metadata,
        // Those of a running Envoy are not known here.
        own_keys: &OwnKeys::default,
        end_of_stream: request.end_of_stream,
    };
    let Decided { decision, rule, .. } = decision::decide_in_full(&request.config, head);
    let plan = match decision {
        Decision::LeaveAlone(why) => {
            return Explanation::LeaveAlone {
                reason: why.word().to_owned(),
                rule,
            };
        }
        Decision::Refuse(refusal, format) => return refused(&refusal, rule, format),
        Decision::Observe(observed) => {
            return Explanation::Observe {
                would: observed.would.verb(),
                reason: observed.reason,
                rule,
            };
        }
        Decision::Exchange(exchange) => return presign(request, &exchange, shown, now),
        Decision::Sign(plan) => plan,
    };
    let roles = &request.config.roles;
    let role = roles.get(plan.role).unwrap_or(roles.own());
    let suspended = &request.config.suspended;
    if let Some(refusal) = suspended.refusal(&plan.service, &role.name) {
        return refused(&refusal, rule, plan.format);
    }
    let max_body_bytes = request.config.max_body_bytes;
    let is_held = matches!(plan.payload, PayloadPlan::Held(_) | PayloadPlan::Hashed);
    if is_held && request.body.length() > Some(max_body_bytes) {
        return refused(&Refusal::BodyTooLarge { max_body_bytes }, rule, plan.format);
    }
    Explanation::Sign(Box::new(sign(request, head, &plan, rule, shown, now)))
}

/// The port of this Envoy: a client writes it into its URL.
fn port(headers: &[Header<'_>]) -> Option<u16> {
    let authority = headers::value(headers, ":authority")?;
    let (_, port) = std::str::from_utf8(authority).ok()?.rsplit_once(':')?;
    port.parse().ok()
}

fn refused(refusal: &Refusal, rule: Option<usize>, format: ErrorFormat) -> Explanation {
    Explanation::Refuse {
        reason: refusal.reason().word(),
        rule,
        status: refusal.answer(format).status,
        error: refusal.to_string(),
        help: refusal.help(),
    }
}

/// What a POST to `/presign` is answered with, by the steps of the signature.
fn presign(request: &Request, exchange: &Exchange, shown: Shown, now: SystemTime) -> Explanation {
    let now = signing_time(request, now);
    let body = match &request.body {
        Body::Bytes(bytes) => bytes.as_slice(),
        Body::None | Body::Sha256(_) => &[],
    };
    let planned = match presign::plan(&request.config, exchange, body, now) {
        Ok(planned) => planned,
        Err(refusal) => return refused(&refusal, None, ErrorFormat::Plain),
    };
    let (plan, credentials) = (&planned.plan, credentials(request));
    let role = request.config.roles.get(plan.role);
    let presigning = planned.presigning.as_ref();
    let steps = presigning
        .and_then(|presigning| presigning.steps(plan, planned.payload.borrow(), &credentials, now));
    let difference = request.aws_answer.as_ref().zip(steps.as_ref());
    let difference = difference.map(|(answer, (canonical, text))| {
        compare::first_difference(&canonical.text, text, answer, shown)
    });
    let (canonical_request, string_to_sign) = steps.unzip();
    let token = credentials.session_token.expose();
    Explanation::Presign(Box::new(PresignedAs {
        role: role.map(|role| role.name.clone()).unwrap_or_default(),
        service: plan.service.clone(),
        region: plan.region.clone(),
        host: plan.authority.clone(),
        algorithm: resolve::word(plan.algorithm),
        credentials: word(request),
        canonical_request: canonical_request
            .map(|canonical| shown.query(&String::from_utf8_lossy(&canonical.text), token)),
        string_to_sign,
        difference,
    }))
}

fn credentials(request: &Request) -> Credentials {
    match &request.credentials {
        Some(credentials) => credentials.clone(),
        None => example_credentials(request),
    }
}

fn word(request: &Request) -> &'static str {
    match request.credentials {
        Some(_) => "given",
        None => "example",
    }
}

/// As the request says, or AWS's answer.
fn signing_time(request: &Request, now: SystemTime) -> SystemTime {
    let answered = request.aws_answer.as_ref().and_then(|answer| {
        let date = answer.string_to_sign.as_ref()?.lines().nth(1)?;
        request::time(date.trim())
    });
    request.time.or(answered).unwrap_or(now)
}

/// The filter's `write_signature`, with the steps kept.
fn sign(
    request: &Request,
    head: Head<'_>,
    plan: &Plan,
    rule: Option<usize>,
    shown: Shown,
    now: SystemTime,
) -> Signature {
    let credentials = credentials(request);
    let now = signing_time(request, now);

    let marker = request.config.marker_header.as_str();
    let mut headers = head.headers.to_vec();
    headers.retain(|(name, _)| *name != marker);
    let method = head.value(":method").unwrap_or_default();
    let (payload_word, payload) = payload(&plan.payload, &request.body);
    let unsigned = sigv4::Request {
        method: std::str::from_utf8(method).unwrap_or_default(),
        host: plan.authority.as_bytes(),
        path_and_query: match &plan.path_and_query {
            Some(other) => other.as_bytes(),
            None => head.value(":path").unwrap_or_default(),
        },
        headers: &headers,
        payload,
    };
    let (settings, scope) = (plan.settings(), plan.scope());
    let canonical = sigv4::canonical_request(&unsigned, settings, &scope, &credentials, now);
    let string_to_sign = sigv4::string_to_sign(&canonical, &scope, now);
    let signed = Signer::default().sign(&unsigned, settings, &scope, &credentials, now);

    let difference = request
        .aws_answer
        .as_ref()
        .map(|answer| compare::first_difference(&canonical.text, &string_to_sign, answer, shown));
    let (printed, redacted) = shown.canonical_request(&canonical.text);
    let (canonical_request, canonical_request_base64) = match String::from_utf8(printed) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
    };
    let role = request.config.roles.get(plan.role);
    Signature {
        reason: plan.why.word().to_owned(),
        rule,
        role: role.map(|role| role.name.clone()).unwrap_or_default(),
        service: plan.service.clone(),
        region: plan.region.clone(),
        algorithm: resolve::word(plan.algorithm),
        credentials: word(request),
        payload: payload_word,
        canonical_request,
        canonical_request_base64,
        redacted,
        string_to_sign,
        headers: edits(request, head, plan, &signed, shown),
        difference,
    }
}

/// What becomes of the headers: with a value, one stands once with that value; with null, it is removed.
fn edits(
    request: &Request,
    head: Head<'_>,
    plan: &Plan,
    signed: &SignedHeaders<'_>,
    shown: Shown,
) -> Map<String, Value> {
    let mut edits = Map::new();
    let marker = request.config.marker_header.as_str();
    if head.value(marker).is_some() {
        edits.insert(marker.to_owned(), Value::Null);
    }
    if head.value(":authority") != Some(plan.authority.as_bytes()) {
        edits.insert(":authority".to_owned(), plan.authority.clone().into());
    }
    if let Some(path_and_query) = &plan.path_and_query {
        edits.insert(":path".to_owned(), path_and_query.clone().into());
    }
    // A body that is held goes out with its length.
    if matches!(plan.payload, PayloadPlan::Held(_) | PayloadPlan::Hashed)
        && head.content_length().is_none()
        && let Some(length) = request.body.length()
    {
        edits.insert("content-length".to_owned(), length.to_string().into());
    }
    for (name, value) in signed.edits() {
        match value {
            Some(value) => edits.insert(name.to_owned(), shown.value(name, value).into()),
            None if head.value(name).is_some() => edits.insert(name.to_owned(), Value::Null),
            None => None,
        };
    }
    edits
}

fn payload<'a>(plan: &'a PayloadPlan, body: &Body) -> (&'static str, Payload<'a>) {
    match (plan, body) {
        (PayloadPlan::Empty, _) => ("empty", Payload::Empty),
        (PayloadPlan::Streamed(value), _) => ("streamed", Payload::Literal(value)),
        (PayloadPlan::ChunkSigned(form), _) => ("chunk_signed", Payload::Literal(form.as_str())),
        (PayloadPlan::EventSigned, _) => ("event_signed", Payload::Literal(EVENTS)),
        (PayloadPlan::Held(value), _) => ("held", Payload::Literal(value)),
        (PayloadPlan::Hashed, Body::None) => ("hashed", Payload::Empty),
        (PayloadPlan::Hashed, Body::Bytes(bytes)) => {
            ("hashed", Payload::Hash(Sha256::digest(bytes).into()))
        }
        (PayloadPlan::Hashed, Body::Sha256(hash)) => ("hashed", Payload::Hash(*hash)),
    }
}

/// The keys of AWS's documentation ("AKIAIOSFODNN7EXAMPLE" in the IAM User Guide), and the session token that
/// AWS's answer shows: only Envoy knows those that signed, and it does not tell.
fn example_credentials(request: &Request) -> Credentials {
    let answer = request.aws_answer.as_ref();
    let token = answer
        .and_then(|answer| answer.canonical_request.as_deref())
        .and_then(token_of);
    Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: Secret::new(token.unwrap_or_default()),
        expires_at: SystemTime::UNIX_EPOCH,
    }
}

/// The session token of a canonical request, in a header or in the query.
fn token_of(canonical: &[u8]) -> Option<String> {
    let mut lines = canonical.split(|byte| *byte == b'\n');
    let query = lines.by_ref().nth(2)?;
    let in_query = query
        .split(|byte| *byte == b'&')
        .find_map(|parameter| parameter.strip_prefix(b"X-Amz-Security-Token="));
    let token = match in_query {
        Some(encoded) => percent_decoded(encoded),
        None => {
            let line = lines.find_map(|line| line.strip_prefix(b"x-amz-security-token:"))?;
            line.trim_ascii().to_vec()
        }
    };
    Some(String::from_utf8_lossy(&token).into_owned())
}

#[cfg(test)]
mod tests;
