//! Checks of keys that are neither roles nor rules, and of what they come to together.

use super::findings::{ConfigError, Notes};
use super::keys;
use super::object::Object;
use super::plugin::Config;
use super::policy::warn_of_region;
use crate::authorization::is_shaped_like_aws;
use crate::credentials::role::Role;
use crate::endpoint::{self, Host, Resolution};
use crate::headers;
use crate::policy::Port;

/// Clusters are named as Envoy has them. One that is called `*` there is none; in Istio's names, it stands between bars.
pub(super) fn clusters(object: &mut Object) -> Vec<String> {
    let key = &keys::CLUSTERS;
    let Some(clusters) = object.list(key) else {
        return vec![key.default.to_owned()];
    };
    // Istio's pass-through clusters verify nothing, and lead anywhere.
    let is_cluster = |name: &str| {
        (!name.contains('*') || name.contains('|'))
            && !name.contains(char::is_whitespace)
            && !name.ends_with("PassthroughCluster")
    };
    let allowed = "names of clusters that verify AWS's certificate, without patterns";
    object.refuse_invalid(key, &clusters, allowed, is_cluster);
    clusters
}

/// The header is taken out of each request before it is signed: it must be one that nobody needs, and that requests do
/// not have by themselves.
pub(super) fn marker_header(object: &mut Object) -> String {
    let key = &keys::MARKER_HEADER;
    let text = object.string(key);
    let name = text.to_ascii_lowercase();
    let is_needed = NEEDED.split(' ').any(|needed| needed == name)
        || NEEDED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    let (fault, allowed) = if !headers::is_token(&text) {
        ("\"", "the name of an HTTP header")
    } else if is_needed {
        (
            "\", which HTTP, clients, Envoy or AWS use",
            "a header of your own, such as x-sign-me",
        )
    } else {
        return name;
    };
    object.refuse(key, &["is \"", &*text, fault].concat(), allowed);
    name
}

/// What HTTP itself needs (RFC 9110 and 9112), clients send by themselves, and AWS or Envoy read.
const NEEDED: &str = "\
    host connection keep-alive te trailer transfer-encoding upgrade expect content-length content-type \
    content-encoding content-language content-disposition content-md5 content-range cache-control expires \
    authorization proxy-authorization proxy-connection date via forwarded from referer origin cookie \
    user-agent accept accept-charset accept-encoding accept-language range if-match if-none-match \
    if-modified-since if-unmodified-since if-range max-forwards pragma traceparent tracestate b3 \
    grpc-timeout grpc-encoding grpc-accept-encoding x-request-id x-http-method-override x-real-ip x-api-key \
    baggage priority dnt x-sigv4-egress-reason";

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

pub(super) fn placeholders(object: &mut Object, notes: &mut Notes) -> Vec<String> {
    let key = &keys::PLACEHOLDERS;
    let Some(placeholders) = object.list(key) else {
        return vec![key.default.to_owned()];
    };
    let is_id = |id: &str| !id.contains(|c: char| c == '*' || c.is_whitespace());
    object.refuse_invalid(
        key,
        &placeholders,
        "whole access key ids, without patterns",
        is_id,
    );
    // Those of AWS's documentation end so.
    let real = placeholders
        .iter()
        .find(|id| is_shaped_like_aws(id) && !id.ends_with("EXAMPLE"));
    if let Some(id) = real {
        notes.warn(
            key.name,
            format!("\"{id}\" has the form of a real access key id"),
            "requests that were signed with it are signed again with the pod's role",
        );
    }
    placeholders
}

/// STS gets the web identity token.
pub(super) fn check_sts_host(object: &mut Object, authority: &str, notes: &mut Notes) {
    let key = &keys::STS_HOST;
    let Ok(host) = Host::parse(authority.as_bytes()) else {
        return;
    };
    match endpoint::resolve(&host, "") {
        Resolution::Aws(endpoint) if endpoint.service == "sts" => {
            warn_of_region(key.name, endpoint.region, notes);
        }
        Resolution::Aws(endpoint) => {
            let fault = ["is \"", authority, "\", a host of ", endpoint.service];
            object.refuse(key, &fault.concat(), "a host of STS");
        }
        Resolution::NotAws => notes.warn(
            key.name,
            format!("\"{authority}\" is not a host of STS, and gets the web identity token"),
            "make sure that it leads to STS",
        ),
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
    for key in keys::OF_SOURCES.map(|key| key.name) {
        let mut roles = config.roles.iter();
        if is_written(key) && !roles.any(|(_, role)| role.source.keys().contains(&key)) {
            let own = &config.roles.own().source;
            let finding = format!("is not used: credentials come from {own}");
            notes.warn(key, finding, "remove it");
        }
    }
    let asks = |port: &Port| port.require_marker == Some(true);
    let takes_marker = config.require_marker || config.ports.iter().any(asks);
    if is_written(keys::MARKER_HEADER.name) && !takes_marker {
        let finding = "has no effect without require_marker".to_owned();
        notes.warn(
            keys::MARKER_HEADER.name,
            finding,
            "set require_marker, or remove it",
        );
    }
    // Either says that nobody waits.
    for (key, other, other_is_zero) in [
        (
            keys::MAX_PARKED.name,
            keys::MAX_WAIT_MS.name,
            config.parking.max_wait.is_zero(),
        ),
        (
            keys::MAX_WAIT_MS.name,
            keys::MAX_PARKED.name,
            config.parking.max_parked == 0,
        ),
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
            let finding = "is not used by any rule".to_owned();
            notes.warn(&key, finding, "use it in a rule, or remove it");
        }
    }
    Ok(())
}

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
        (keys::TOKEN_CLUSTER.name, token_cluster),
        (keys::CONTAINER_CLUSTER.name, container_cluster),
        (keys::STS_CLUSTER.name, sts_cluster),
    ];
    for (place, (key, name)) in own.iter().enumerate() {
        let before = own.iter().take(place);
        let mut same = before
            .filter(|(_, other)| other == name)
            .map(|(key, _)| *key);
        let is_for_aws = *key != keys::STS_CLUSTER.name && clusters.contains(name);
        if let Some(other) = same.next().or(is_for_aws.then_some(keys::CLUSTERS.name)) {
            return Err(ConfigError::new(
                key,
                format!("is \"{name}\", which {other} names too"),
                "a cluster of its own",
            ));
        }
    }
    Ok(())
}

/// One connection may hold a quarter, and a body must fit into that.
pub(super) fn max_held_bytes(object: &mut Object, max_body_bytes: usize) -> usize {
    let key = &keys::MAX_HELD_BYTES;
    let least = max_body_bytes.saturating_mul(4);
    let is_written = object.has(key);
    let held = object.count(key);
    if held >= least {
        return held;
    }
    if is_written {
        let fault = format!("is {held}, and max_body_bytes is {max_body_bytes}");
        let allowed = format!("at least {least}: a connection may hold a quarter of it");
        object.refuse(key, &fault, &allowed);
    }
    least
}
