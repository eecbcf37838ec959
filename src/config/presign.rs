//! Reading `presign`: what may be presigned.

use super::findings::ConfigError;
use super::keys::{self, Key};
use super::object::Object;
use super::policy::PATTERNS;
use crate::bucket;
use crate::policy::Policy;
use crate::presign::{Grant, Grants, Service};
use std::time::Duration;

const HOSTS: &str = "host names, with `*.` in front for what is below them";
const METHODS: &str = "DELETE, GET, HEAD, POST, PUT";
const KEYS: &str = "beginnings of keys, without a slash in front and without *";
const CLUSTERS: &str = "names of clusters, with * behind for all that begin so";

pub(super) fn presign(object: &mut Object, policy: &Policy) -> Result<Grants, ConfigError> {
    let per_minute = object.count(&keys::PRESIGN_PER_MINUTE);
    let mut entries = Vec::new();
    object.each_entry(&keys::PRESIGN, &mut |object| {
        entries.push(entry(object, policy)?);
        Ok(())
    })?;
    Ok(Grants {
        entries,
        per_minute: u32::try_from(per_minute).unwrap_or(u32::MAX),
    })
}

fn entry(mut object: Object, policy: &Policy) -> Result<Grant, ConfigError> {
    use keys::presign::{
        BUCKETS, CLUSTERS as NAMES, HOSTS as OF_HOSTS, KEY_PREFIXES, MAX_FORM_BYTES, MAX_SECONDS,
        METHODS as OF_METHODS, SERVICE,
    };
    object.refuse_unknown(keys::PRESIGN_ENTRY);
    let service = object.choice(&SERVICE);
    let of_others: &[&Key] = match service {
        Some(Service::S3) => &[&NAMES],
        Some(Service::Eks) => &[
            &BUCKETS,
            &OF_HOSTS,
            &KEY_PREFIXES,
            &OF_METHODS,
            &MAX_FORM_BYTES,
        ],
        Some(_) => &[
            &BUCKETS,
            &KEY_PREFIXES,
            &OF_METHODS,
            &MAX_FORM_BYTES,
            &NAMES,
        ],
        None => &[],
    };
    if let Some(key) = of_others.iter().find(|key| object.has(key)) {
        object.refuse(
            key,
            "has no effect for this service",
            "only for the service that has it",
        );
    }
    if service == Some(Service::S3) && !policy.may_sign("s3") {
        let fault = "is s3, and neither `allow` nor a rule lets anything of S3's be signed";
        object.refuse(&SERVICE, fault, "what is in `allow`, too");
    }
    let lacks = match service {
        Some(Service::S3) if !object.has(&BUCKETS) && !object.has(&OF_HOSTS) => Some(&BUCKETS),
        Some(Service::Eks) if !object.has(&NAMES) => Some(&NAMES),
        _ => None,
    };
    let hosts = hosts(&mut object);
    let buckets = object.list(&BUCKETS).unwrap_or_default();
    object.refuse_invalid(&BUCKETS, &buckets, PATTERNS, bucket::is_pattern);
    let key_prefixes = object.list(&KEY_PREFIXES).unwrap_or_default();
    let is_prefix = |text: &str| !text.starts_with('/') && !text.contains('*');
    object.refuse_invalid(&KEY_PREFIXES, &key_prefixes, KEYS, is_prefix);
    let methods = object.list(&OF_METHODS);
    let methods = methods.unwrap_or_else(|| ["GET", "HEAD"].map(str::to_owned).to_vec());
    let is_method = |text: &str| METHODS.split(", ").any(|method| method == text);
    object.refuse_invalid(&OF_METHODS, &methods, METHODS, is_method);
    let clusters = clusters(&mut object);
    let seconds = object.count(&MAX_SECONDS);
    let max_form_bytes = max_form_bytes(&mut object);
    object.finish()?;
    let Some(service) = service else {
        let allowed = SERVICE.words.join(", ");
        return Err(object.error(&SERVICE, "is missing", &allowed));
    };
    if let Some(key) = lacks {
        let fault = "is missing";
        return Err(object.error(key, fault, "at least one name"));
    }
    Ok(Grant {
        service,
        hosts,
        buckets,
        key_prefixes,
        methods,
        clusters,
        max_lifetime: Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)),
        max_form_bytes,
    })
}

fn hosts(object: &mut Object) -> Vec<String> {
    let hosts = object.list(&keys::presign::HOSTS).unwrap_or_default();
    let is_host = |text: &str| {
        let name = text.strip_prefix("*.").unwrap_or(text);
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
        !name.is_empty() && name.bytes().all(is_name)
    };
    object.refuse_invalid(&keys::presign::HOSTS, &hosts, HOSTS, is_host);
    hosts
}

fn clusters(object: &mut Object) -> Vec<String> {
    let clusters = object.list(&keys::presign::CLUSTERS).unwrap_or_default();
    let is_cluster = |text: &str| {
        let name = text.strip_suffix('*').unwrap_or(text);
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        name.bytes().all(is_name)
    };
    object.refuse_invalid(&keys::presign::CLUSTERS, &clusters, CLUSTERS, is_cluster);
    clusters
}

fn max_form_bytes(object: &mut Object) -> Option<u64> {
    let key = &keys::presign::MAX_FORM_BYTES;
    let value = object.take(key)?;
    let bytes = value.as_u64().filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        object.refuse_value(key, &value, "a whole number from 1 on");
    }
    bytes
}
