//! Checks of keys that are neither roles nor rules, and of what they come to together.

use super::object::Object;
use super::policy::warn_of_region;
use super::{Config, ConfigError, Notes, reference};
use crate::authorization::is_shaped_like_aws;
use crate::credentials::role::Role;
use crate::endpoint::{self, Host, Resolution};

/// Clusters are named as Envoy has them. One that is called `*` there is none; in Istio's names, it stands between bars.
pub(super) fn clusters(object: &mut Object) -> Result<Vec<String>, ConfigError> {
    let clusters = object.list("clusters")?;
    let clusters = clusters.unwrap_or_else(|| vec!["sigv4-egress-aws".to_owned()]);
    let is_pattern = |name: &&String| name.contains('*') && !name.contains('|');
    match clusters.iter().find(is_pattern) {
        Some(name) => Err(object.error(
            "clusters",
            format!("holds \"{name}\""),
            "names of clusters, without patterns",
        )),
        None => Ok(clusters),
    }
}

/// The header is taken out of each request before it is signed: it must be one that nobody needs, and that requests do
/// not have by themselves.
pub(super) fn marker_header(object: &mut Object) -> Result<String, ConfigError> {
    let name = object.header_name("marker_header")?;
    let is_needed = NEEDED.split(' ').any(|needed| needed == name)
        || NEEDED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    if is_needed {
        return Err(object.error(
            "marker_header",
            format!("is \"{name}\", which HTTP, clients, Envoy or AWS use"),
            "a header of your own, such as x-sign-me",
        ));
    }
    Ok(name)
}

/// What HTTP itself needs (RFC 9110 and 9112), clients send by themselves, and AWS or Envoy read.
const NEEDED: &str = "\
    host connection keep-alive te trailer transfer-encoding upgrade expect content-length content-type \
    content-encoding content-language content-disposition content-md5 content-range cache-control expires \
    authorization proxy-authorization proxy-connection date via forwarded from referer origin cookie \
    user-agent accept accept-charset accept-encoding accept-language range if-match if-none-match \
    if-modified-since if-unmodified-since if-range max-forwards pragma traceparent tracestate b3 \
    grpc-timeout grpc-encoding grpc-accept-encoding x-request-id x-http-method-override x-real-ip x-api-key \
    baggage priority dnt";

const NEEDED_PREFIXES: &[&str] = &[
    "x-amz-",
    "x-amzn-",
    "amz-sdk-",
    "x-envoy-",
    "x-forwarded-",
    "x-b3-",
    "sec-",
    "access-control-",
];

pub(super) fn placeholders(
    object: &mut Object,
    notes: &mut Notes,
) -> Result<Vec<String>, ConfigError> {
    let Some(placeholders) = object.list("placeholders")? else {
        return Ok(vec!["placeholder".to_owned()]);
    };
    // Those of AWS's documentation end so.
    let real = placeholders
        .iter()
        .find(|id| is_shaped_like_aws(id) && !id.ends_with("EXAMPLE"));
    if let Some(id) = real {
        notes.warn(
            "placeholders",
            format!("\"{id}\" has the form of a real access key id"),
            "what it signed is signed anew with the pod's role",
        );
    }
    Ok(placeholders)
}

/// STS gets the web identity token.
pub(super) fn check_sts_host(
    object: &Object,
    authority: &str,
    notes: &mut Notes,
) -> Result<(), ConfigError> {
    let Ok(host) = Host::parse(authority.as_bytes()) else {
        return Ok(());
    };
    match endpoint::resolve(&host, "") {
        Resolution::Aws(endpoint) if endpoint.service == "sts" => {
            warn_of_region("sts_host", endpoint.region, notes);
            Ok(())
        }
        Resolution::Aws(endpoint) => Err(object.error(
            "sts_host",
            format!("is \"{authority}\", a host of {}", endpoint.service),
            "a host of STS",
        )),
        Resolution::NotAws => {
            notes.warn(
                "sts_host",
                format!("\"{authority}\" is not a host of STS, and gets the web identity token"),
                "make sure that it leads to STS",
            );
            Ok(())
        }
    }
}

/// What only shows when all keys are read.
pub(super) fn check_as_a_whole(
    config: &Config,
    written: &[String],
    notes: &mut Notes,
) -> Result<(), ConfigError> {
    check_clusters(config)?;
    let is_written = |key: &str| written.iter().any(|written| written == key);
    for key in OF_SOURCES {
        let mut roles = config.roles.iter();
        if is_written(key) && !roles.any(|(_, role)| role.source.keys().contains(&key)) {
            let own = &config.roles.own().source;
            let finding = format!("is not used: credentials come from {own}");
            notes.warn(key, finding, "remove it");
        }
    }
    if is_written("marker_header") && config.required_marker.is_none() {
        let finding = "has no effect without require_marker".to_owned();
        notes.warn("marker_header", finding, "set require_marker, or remove it");
    }
    // Either says that nobody waits.
    for (key, other, other_is_zero) in [
        (
            "max_parked",
            "max_wait_ms",
            config.parking.max_wait.is_zero(),
        ),
        ("max_wait_ms", "max_parked", config.parking.max_parked == 0),
    ] {
        if other_is_zero && is_written(other) && is_written(key) {
            let finding = format!("has no effect, because {other} is 0 and no request waits");
            notes.warn(key, finding, "remove one of them");
        }
    }
    for (id, role) in config.roles.iter() {
        let is_chosen = config.policy.rules().iter().any(|rule| rule.role == id);
        if role.name != Role::OWN && !is_chosen {
            let key = format!("roles.{}", role.name);
            let finding = "is used by no rule".to_owned();
            notes.warn(&key, finding, "use it in a rule, or remove it");
        }
    }
    Ok(())
}

/// The keys that matter to some sources of credentials only.
const OF_SOURCES: [&str; 7] = [
    "container_cluster",
    "session_name",
    "sts_cluster",
    "sts_host",
    "sts_timeout_ms",
    "token_audience",
    "token_cluster",
];

/// The token's and the container's clusters lead to this node, and STS's to STS.
fn check_clusters(config: &Config) -> Result<(), ConfigError> {
    let Config {
        token_cluster,
        container_cluster,
        sts_cluster,
        clusters,
        ..
    } = config;
    let own = [
        ("token_cluster", token_cluster),
        ("container_cluster", container_cluster),
        ("sts_cluster", sts_cluster),
    ];
    for (place, (key, name)) in own.iter().enumerate() {
        let before = own.iter().take(place);
        let mut same = before
            .filter(|(_, other)| other == name)
            .map(|(key, _)| *key);
        let is_for_aws = *key != "sts_cluster" && clusters.contains(name);
        if let Some(other) = same.next().or(is_for_aws.then_some("clusters")) {
            return Err(ConfigError::new(
                key,
                format!("is \"{name}\", and {other} names it too"),
                "a cluster of its own",
            ));
        }
    }
    Ok(())
}

/// One connection may hold a quarter, and a body must fit into that.
pub(super) fn max_held_bytes(
    object: &mut Object,
    max_body_bytes: usize,
) -> Result<usize, ConfigError> {
    const KEY: &str = "max_held_bytes";
    let least = max_body_bytes.saturating_mul(4);
    if object.get(KEY).is_none() {
        let default = reference::default_of(KEY).parse().unwrap_or(least);
        return Ok(least.max(default));
    }
    let held = object.count(KEY, 1 << 20, MAX_HELD_BYTES)?;
    if held < least {
        let fault = format!("is {held}, and max_body_bytes is {max_body_bytes}");
        let allowed = format!("at least {least}: a connection may hold a quarter of it");
        return Err(object.error(KEY, fault, &allowed));
    }
    Ok(held)
}

/// All of it may be chunks, which lie in the VM's memory, and V8 gives a VM 1 GiB.
pub(super) const MAX_HELD_BYTES: u64 = 512 << 20;
