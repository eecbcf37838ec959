//! Objects of S3's: what their presigned URLs may be.

use super::asked::{Asked, MOST_HEADERS};
use super::exchange::Exchange;
use super::fault::Fault;
use super::grant::{About, Call, Service};
use super::permit::{check_lifetime, permit_request};
use super::presigning::Subject;
use super::read::Read;
use super::url::Url;
use crate::bucket;
use crate::config::Config;
use crate::decision::{Plan, UNSIGNED_PAYLOAD};
use crate::endpoint::{self, BucketPlace, Host};
use crate::headers::Header;
use crate::refusal::Refusal;
use crate::report::access_log;
use crate::sigv4::percent_decoded;
use std::borrow::Cow;
use std::time::SystemTime;

/// Reads one, and asks whether it may be.
pub(super) fn plan(
    config: &Config,
    exchange: &Exchange,
    asked: &Asked,
    url: &Url,
    now: SystemTime,
) -> Result<Read, Refusal> {
    check_headers(asked, url)?;
    check_parameters(&asked.method, url)?;
    let (mut plan, about) = permitted(config, exchange, &asked.method, &asked.headers, url)?;
    let target = plan.path_and_query.take();
    let target = target.unwrap_or_else(|| url.target(&[]));
    let place = Place::of(&plan, &asked.method, &target)?;
    let asked_for = About {
        service: Service::S3,
        host: host_of(&plan),
        bucket: place.bucket.as_deref(),
        key: &place.key,
        call: Call::Method(&asked.method),
        cluster: "",
    };
    let lifetime = url.signature.expiry.lifetime(now);
    check_lifetime(config, asked_for, lifetime)?;
    let said = |name: &str| {
        let mut parameters = url.parameters.iter();
        let parameter = parameters.find(|parameter| parameter.is(name));
        let mut headers = asked.headers.iter();
        let header = headers.find(|(header, _)| header == name);
        header
            .map(|(_, value)| value.clone())
            .or_else(|| Some(parameter?.value.clone()))
    };
    let payload = said("x-amz-content-sha256").unwrap_or(UNSIGNED_PAYLOAD.to_owned());
    let subject = Subject::Request {
        path_and_query: target,
        unsigned: String::new(),
    };
    Ok(Read {
        plan,
        about,
        payload: Some(payload),
        service: Service::S3,
        subject,
        lifetime,
    })
}

/// Asks as if the program had sent the request itself, signed by the same placeholder.
pub(super) fn permitted(
    config: &Config,
    exchange: &Exchange,
    method: &str,
    headers: &[(String, String)],
    url: &Url,
) -> Result<(Plan, access_log::About), Refusal> {
    let target = url.target(&[]);
    let authorization = url.signature.signer.authorization(&config.region);
    let mut all: Vec<Header<'_>> = vec![
        (":method", method.as_bytes()),
        (":authority", url.authority.as_bytes()),
        (":path", target.as_bytes()),
        ("authorization", authorization.as_bytes()),
    ];
    let own = headers.iter();
    all.extend(own.map(|(name, value)| (name.as_str(), value.as_bytes())));
    let (plan, about) = permit_request(config, exchange, &all)?;
    match plan.service == "s3" {
        true => Ok((plan, about)),
        false => Err(Fault::Service(plan.service).into()),
    }
}

/// The host without its port.
pub(super) fn host_of(plan: &Plan) -> &str {
    let authority = &plan.authority;
    authority.split(':').next().unwrap_or_default()
}

/// Where an object is.
pub(super) struct Place {
    /// `None` where the host names an access point.
    pub(super) bucket: Option<String>,
    /// Decoded.
    pub(super) key: String,
}

impl Place {
    fn of(plan: &Plan, method: &str, target: &str) -> Result<Self, Fault> {
        let path = target.split('?').next().unwrap_or_default();
        let place = Self::of_bucket(plan, method, path)?;
        // What lies between may read dot segments as steps, to another key or bucket.
        let is_step = |segment: &str| matches!(segment, "." | "..");
        match place.key.is_empty() || place.key.split('/').any(is_step) {
            true => Err(Fault::NoObject),
            false => Ok(place),
        }
    }

    /// The same, where a bucket is enough.
    pub(super) fn of_bucket(plan: &Plan, method: &str, path: &str) -> Result<Self, Fault> {
        let host = Host::parse(plan.authority.as_bytes()).map_err(|_| Fault::NoObject)?;
        // A host that is not AWS's, signed as S3 by a rule, may itself stand for a bucket: which one is not known.
        let place = endpoint::bucket_place(host.name()).ok_or(Fault::NoObject)?;
        let request = bucket::Request {
            host: host.name(),
            method: method.as_bytes(),
            target: path.as_bytes(),
            headers: &[],
        };
        let bucket = bucket::of_target(request, place).map(Cow::into_owned);
        let path = path.strip_prefix('/').unwrap_or(path);
        let key = match place {
            BucketPlace::Host(_) | BucketPlace::AccessPoint(_) => path,
            BucketPlace::Control => return Err(Fault::NoObject),
            BucketPlace::Path | BucketPlace::PathOrControl => {
                let (first, key) = path.split_once('/').unwrap_or((path, ""));
                // A slash that is encoded may end the bucket's name, or stand in it.
                let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
                if first.is_empty() || first == "v20180820" || !first.bytes().all(is_plain) {
                    return Err(Fault::NoObject);
                }
                key
            }
        };
        if bucket.as_deref() == Some(bucket::UNKNOWN) {
            return Err(Fault::NoObject);
        }
        Ok(Self {
            bucket,
            key: String::from_utf8_lossy(&percent_decoded(key.as_bytes())).into_owned(),
        })
    }
}

/// The headers that are signed must be known, and no other one is wanted.
pub(super) fn check_headers(asked: &Asked, url: &Url) -> Result<(), Fault> {
    let is_foreign = |name: &str| {
        matches!(name, "host" | "authorization" | "x-amz-date")
            || !is_plain_name(name) && name.starts_with("x-amz-")
    };
    if let Some((name, _)) = asked.headers.iter().find(|(name, _)| is_foreign(name)) {
        return Err(Fault::Header(
            ["the header ", name, " may not be signed here"].concat(),
        ));
    }
    if asked.headers.len() > MOST_HEADERS {
        let fault = "\"headers\" has more than 64 headers";
        return Err(Fault::Header(fault.to_owned()));
    }
    let Some(signed) = &url.signature.signed_headers else {
        return Ok(());
    };
    let given = |name: &&String| asked.headers.iter().any(|(given, _)| given == *name);
    if let Some(name) = signed.iter().find(|name| !given(name)) {
        return Err(Fault::Header(
            [
                "X-Amz-SignedHeaders names ",
                name,
                ", and \"headers\" does not have it",
            ]
            .concat(),
        ));
    }
    match asked
        .headers
        .iter()
        .find(|(name, _)| !signed.contains(name))
    {
        None => Ok(()),
        Some((name, _)) => Err(Fault::Header(
            [
                "\"headers\" has ",
                name,
                ", and X-Amz-SignedHeaders does not name it",
            ]
            .concat(),
        )),
    }
}

/// Whether a header, a parameter or a field `x-amz-*` is about the object's content alone: it names no other object and no
/// session, opens the object to nobody, and leads nowhere.
pub(super) fn is_plain_name(name: &str) -> bool {
    let others = ["source", "token", "acl", "grant", "bypass", "redirect"];
    name.starts_with("x-amz-meta-") || !others.iter().any(|part| name.contains(part))
}

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "DELETE", "POST"];

/// Operations on one object, or a part of one: no parameter asks for another of S3's.
fn check_parameters(method: &str, url: &Url) -> Result<(), Fault> {
    if !METHODS.contains(&method) {
        return Err(Fault::Method(method.to_owned()));
    }
    let has = |name: &str| url.parameters.iter().any(|parameter| parameter.is(name));
    // CreateMultipartUpload and CompleteMultipartUpload.
    if method == "POST" && !has("uploads") && !has("uploadId") {
        return Err(Fault::Method("POST without uploads or uploadId".to_owned()));
    }
    for parameter in &url.parameters {
        let name = parameter.name.to_ascii_lowercase();
        let is_known = match &*name {
            "versionid" | "partnumber" | "uploadid" | "x-id" => true,
            "uploads" => method == "POST",
            "max-parts" | "part-number-marker" => method == "GET",
            other if other.starts_with("response-") => true,
            other => other.starts_with("x-amz-") && is_plain_name(other),
        };
        if !is_known {
            let fault = ["the query has \"", &*parameter.name, "\""].concat();
            return Err(Fault::Parameter(fault));
        }
    }
    Ok(())
}
