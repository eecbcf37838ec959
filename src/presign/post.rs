//! S3's browser forms: the policy is read, and bounded.

use super::exchange::Exchange;
use super::fault::Fault;
use super::form::{Form, Names, SIGNED};
use super::grant::{About, Call, Service};
use super::object::{Place, host_of, is_plain_name, permitted};
use super::permit::check_lifetime;
use super::presigning::Subject;
use super::read::Read;
use super::url::{Signature, Signer, Url, is_key_id};
use crate::config::Config;
use crate::json;
use crate::refusal::Refusal;
use crate::timestamp::parse_rfc3339;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// What stood in their place in Signature Version 2.
const VERSION_2: [&str; 2] = ["awsaccesskeyid", "signature"];

/// Reads one, and asks whether it may be.
pub(super) fn plan(
    config: &Config,
    exchange: &Exchange,
    url: &Url,
    fields: &Map<String, Value>,
    now: SystemTime,
) -> Result<Read, Refusal> {
    let mut form = Form {
        path: url.path.clone(),
        fields: Map::new(),
        names: Names::default(),
        conditions: Vec::new(),
        key: String::new(),
    };
    let mut signature = Map::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        if !value.is_string() {
            return Err(Fault::Form("one of its fields is no string").into());
        }
        if SIGNED.contains(&&*lower) || VERSION_2.contains(&&*lower) {
            form.names.0.insert(lower.clone(), name.as_str().into());
            if signature.insert(lower, value.clone()).is_some() {
                return Err(Fault::Form("one of its fields stands twice").into());
            }
        } else {
            form.fields.insert(name.clone(), value.clone());
        }
    }
    let field = |name: &str| signature.get(name).and_then(Value::as_str);
    let mut url = url.clone();
    let signer = match (field("x-amz-credential"), field("awsaccesskeyid")) {
        (Some(credential), None) if is_key_id(credential) => {
            Signer::Scoped(["AWS4-HMAC-SHA256 Credential=", credential].concat())
        }
        (None, Some(key_id)) if is_key_id(key_id) => Signer::KeyId(key_id.to_owned()),
        _ => return Err(Fault::Form("its fields name no credential, or two").into()),
    };
    url.signature = Signature::of(signer);
    if !url.parameters.is_empty() {
        return Err(Fault::Form("its URL has a query").into());
    }
    let policy = read_policy(field("policy").unwrap_or_default())?;
    let lifetime = policy
        .expiration
        .duration_since(now)
        .unwrap_or(Duration::ZERO);
    let lifetime = Duration::from_secs(lifetime.as_secs());
    // As an upload of an object, which a form is.
    let mut as_upload = url.clone();
    let slash = if url.path.ends_with('/') { "" } else { "/" };
    as_upload.path = [&*url.path, slash, "form"].concat();
    let (plan, about) = permitted(config, exchange, "PUT", &[], &as_upload)?;
    let target = plan.path_and_query.as_deref();
    let path = target.unwrap_or(&as_upload.path).to_owned();
    let place = Place::of_bucket(&plan, "PUT", &path)?;
    if place.key != "form" || place.bucket.as_deref() != Some(&*policy.bucket) {
        return Err(Fault::Form("its bucket is not that of the URL").into());
    }
    let asked_for = About {
        service: Service::S3,
        host: host_of(&plan),
        bucket: place.bucket.as_deref(),
        key: &policy.key,
        call: Call::Form(policy.most_bytes),
        cluster: "",
    };
    check_lifetime(config, asked_for, lifetime)?;
    form.path = path.strip_suffix("form").unwrap_or(&path).to_owned();
    form.conditions = policy.conditions;
    form.key = policy.key;
    Ok(Read {
        plan,
        about,
        payload: None,
        service: Service::S3,
        subject: Subject::Form(form),
        lifetime,
    })
}

/// What a policy says.
struct Policy {
    expiration: SystemTime,
    conditions: Vec<Value>,
    bucket: String,
    key: String,
    most_bytes: u64,
}

/// Bucket, key and length must each be bound once.
fn read_policy(encoded: &str) -> Result<Policy, Fault> {
    let bytes = STANDARD.decode(encoded);
    let bytes = bytes.map_err(|_| Fault::Form("it is not base64"))?;
    let value = json::parse(&bytes).map_err(|_| Fault::Form("it is not JSON"))?;
    let expiration = value.get("expiration").and_then(Value::as_str);
    let expiration = expiration
        .and_then(parse_rfc3339)
        .ok_or(Fault::Form("it has no expiration"))?;
    let all = value.get("conditions").and_then(Value::as_array);
    let mut conditions = Vec::new();
    let (mut buckets, mut keys, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for condition in all.ok_or(Fault::Form("it has no conditions"))? {
        let (kind, name, value) = read_condition(condition)?;
        let name = name.to_ascii_lowercase();
        match (kind, &*name) {
            (Kind::Exact, "bucket") => buckets.push(value),
            (_, "bucket") => return Err(Fault::Form("its bucket is no exact match")),
            (Kind::Exact | Kind::Prefix, "key") => keys.push(value),
            (Kind::Length(most), _) => lengths.push(most),
            (_, name) if SIGNED.contains(&name) => continue,
            (_, name) if !is_plain_name(name) => {
                return Err(Fault::Form(
                    "a condition is for acl, a redirect, or a field that names another object",
                ));
            }
            _ => {}
        }
        conditions.push(condition.clone());
    }
    match (buckets.as_slice(), keys.as_slice(), lengths.as_slice()) {
        ([bucket], [key], [most_bytes]) if !key.is_empty() => Ok(Policy {
            expiration,
            conditions,
            bucket: bucket.clone(),
            key: key.clone(),
            most_bytes: *most_bytes,
        }),
        ([_], [key], [_]) if key.is_empty() => {
            Err(Fault::Form("its key may be any: give it a prefix"))
        }
        _ => Err(Fault::Form(
            "it does not have one condition each for bucket, key and content-length-range",
        )),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Exact,
    Prefix,
    /// With the most bytes.
    Length(u64),
}

/// What a condition wants of which field.
fn read_condition(condition: &Value) -> Result<(Kind, String, String), Fault> {
    const UNREADABLE: Fault = Fault::Form("a condition cannot be read");
    match condition {
        Value::Object(map) => match map.iter().next() {
            Some((name, Value::String(value))) if map.len() == 1 => {
                Ok((Kind::Exact, name.clone(), value.clone()))
            }
            _ => Err(UNREADABLE),
        },
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(kind), least, most]
                if kind.eq_ignore_ascii_case("content-length-range") =>
            {
                let number = |value: &Value| {
                    let text = value.as_str().and_then(|digits| digits.parse().ok());
                    value.as_u64().or(text)
                };
                let (Some(_), Some(most)) = (number(least), number(most)) else {
                    return Err(UNREADABLE);
                };
                Ok((Kind::Length(most), String::new(), String::new()))
            }
            [
                Value::String(kind),
                Value::String(name),
                Value::String(value),
            ] => {
                let kind = match kind.to_ascii_lowercase().as_str() {
                    "eq" => Kind::Exact,
                    "starts-with" => Kind::Prefix,
                    _ => return Err(UNREADABLE),
                };
                let name = name.strip_prefix('$').ok_or(UNREADABLE)?;
                Ok((kind, name.to_owned(), value.clone()))
            }
            _ => Err(UNREADABLE),
        },
        _ => Err(UNREADABLE),
    }
}
