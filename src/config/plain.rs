//! Checks of keys that are neither roles nor rules, and of what they come to together.

use super::findings::{ConfigError, Notes};
use super::keys;
use super::object::Object;
use super::plugin::Config;
use super::policy::{SERVICE, is_service, warn_of_real_ids, warn_of_service};
use crate::credentials::role::{Role, RoleId, Roles};
use crate::headers;
use crate::policy::{Policy, Port, Suspended, Unmarked};

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
    warn_of_real_ids(key.name, &placeholders, "the pod's role", notes);
    placeholders
}

pub(super) fn credentials_epoch(object: &mut Object) -> Option<String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:-".contains(&b);
    object.parsed(
        &keys::CREDENTIALS_EPOCH,
        "a string of 1 to 64 letters, digits and _+=,.@:-",
        |text| {
            let fits = text.len() <= 64 && text.bytes().all(is_allowed);
            fits.then(|| text.to_owned())
        },
    )
}

/// A name that is written wrong would suspend nothing.
pub(super) fn suspended(object: &mut Object, roles: &Roles<Role>, notes: &mut Notes) -> Suspended {
    let services = object.strings(&keys::SUSPENDED_SERVICES);
    let services = services.unwrap_or_default();
    object.refuse_invalid(&keys::SUSPENDED_SERVICES, &services, SERVICE, is_service);
    for service in &services {
        warn_of_service(keys::SUSPENDED_SERVICES.name, service, notes);
    }
    let named = object.strings(&keys::SUSPENDED_ROLES).unwrap_or_default();
    let is_role = |name: &String| roles.iter().any(|(_, role)| role.name == *name);
    if let Some(name) = named.iter().find(|name| !is_role(name)) {
        let fault = ["holds \"", name, "\""].concat();
        object.refuse(&keys::SUSPENDED_ROLES, &fault, "own, or names of roles");
    }
    Suspended {
        services,
        roles: named,
    }
}

/// The listed ones, and those that rules name, each once.
pub(super) fn all_placeholders(listed: &[String], policy: &Policy) -> Vec<String> {
    let mut all = listed.to_vec();
    for id in policy.named_placeholders() {
        if !all.contains(id) {
            all.push(id.clone());
        }
    }
    all
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
    let asks = |port: &Port| port.unmarked == Some(Unmarked::Refuse);
    let takes_marker = config.unmarked != Some(Unmarked::Sign) || config.ports.iter().any(asks);
    if is_written(keys::MARKER_HEADER.name) && !takes_marker {
        let finding = "has no effect where unmarked is sign".to_owned();
        notes.warn(
            keys::MARKER_HEADER.name,
            finding,
            "set unmarked to pass or refuse, or remove it",
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
        clusters,
        roles,
        ..
    } = config;
    let (token, container) = (keys::TOKEN_CLUSTER.name, keys::CONTAINER_CLUSTER.name);
    let to_sts = roles.iter().flat_map(|(id, role)| {
        let path = match id == RoleId::OWN {
            true => String::new(),
            false => ["roles.", &*role.name, "."].concat(),
        };
        let key = path + keys::STS_CLUSTER.name;
        role.sts.hosts.iter().map(move |host| (key.clone(), host))
    });
    let refused = |key: &str, name: &str, other: &str| {
        let fault = ["is \"", name, "\", which ", other, " names too"].concat();
        Err(ConfigError::new(key, fault, "a cluster of its own"))
    };
    for (key, name) in [(token, token_cluster), (container, container_cluster)] {
        if key == container && name == token_cluster {
            return refused(key, name, token);
        }
        if clusters.contains(name) {
            return refused(key, name, keys::CLUSTERS.name);
        }
    }
    for (key, host) in to_sts {
        for (other, name) in [(token, token_cluster), (container, container_cluster)] {
            if host.cluster == *name {
                return refused(&key, name, other);
            }
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
