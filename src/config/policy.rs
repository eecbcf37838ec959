//! Reading the allow-list and the rules. What they come to is for `checks`.

mod checks;
#[cfg(not(target_family = "wasm"))]
mod covered;

use super::findings::{ConfigError, Notes, Origin};
use super::keys::{self, Key};
use super::object::{Environment, ONE_OR_MORE, Object, REGION};
use crate::bucket::{self, Patterns};
use crate::credentials::role::{Role, RoleId, Roles};
use crate::endpoint;
use crate::policy::{Allow, Condition, Effect, Mode, Policy, RouteMetadata, Rule, SignAs};
pub(super) use checks::{warn_of_real_ids, warn_of_region, warn_of_service};
use serde_json::{Map, Value};

/// `home_region` is the region of a custom domain that names none.
pub(super) fn policy(
    object: &mut Object,
    mode: Mode,
    home_region: &str,
    roles: &Roles<Role>,
    notes: &mut Notes,
) -> Result<Policy, ConfigError> {
    let allow = match mode {
        // What is observed tells what to allow.
        Mode::Observe if !object.has(&keys::ALLOW) => Allow::nothing(),
        Mode::Observe | Mode::Enforce => allow(object, notes)?,
    };
    let rules = rules(object, home_region, roles)?;
    let policy = Policy::new(allow, rules);
    checks::check(&policy, mode, notes)?;
    #[cfg(not(target_family = "wasm"))]
    covered::check(&policy, notes);
    Ok(policy)
}

fn rules(
    object: &mut Object,
    home_region: &str,
    roles: &Roles<Role>,
) -> Result<Vec<Rule>, ConfigError> {
    let mut rules = Vec::new();
    object.each_entry(&keys::RULES, &mut |object| {
        rules.push(rule(object, home_region, roles)?);
        Ok(())
    })?;
    Ok(rules)
}

fn rule(mut object: Object, home_region: &str, roles: &Roles<Role>) -> Result<Rule, ConfigError> {
    object.refuse_unknown(keys::RULE);
    let when = condition(&mut object)?;
    let effect = object.choice(&keys::rule::EFFECT);
    if matches!(effect, Some(Effect::Deny | Effect::LeaveAlone)) {
        let of_signed: [&Key; 4] = [
            &keys::rule::SIGN_AS,
            &keys::rule::ROLE,
            &keys::rule::CLIENT_SIGNATURE,
            &keys::rule::PAYLOAD,
        ];
        if let Some(key) = of_signed.iter().find(|key| object.has(key)) {
            let fault = "has no effect, because the rule signs nothing";
            object.refuse(
                key,
                fault,
                "only with allow as `effect`, or without `effect`",
            );
        }
    }
    let key = &keys::rule::CLIENT_SIGNATURE;
    if object.has(key) && !when.placeholders.is_empty() {
        let fault = "has no effect, because the rule is for what a placeholder signed";
        object.refuse(key, fault, "only in a rule without `placeholders`");
    }
    let key = &keys::rule::SIGN_AS;
    if object.has(key) && when.hosts.is_empty() {
        object.refuse(key, "requires `hosts`", "a rule that names hosts");
    }
    let sign_as = match object.object(key) {
        None => None,
        Some(value) => Some(sign_as(value, home_region)?),
    };
    let rule = Rule {
        when,
        effect,
        sign_as,
        role: role(&mut object, roles),
        client_signature: object.choice(&keys::rule::CLIENT_SIGNATURE),
        payload: object.choice(&keys::rule::PAYLOAD),
    };
    object.finish()?;
    Ok(rule)
}

fn condition(object: &mut Object) -> Result<Condition, ConfigError> {
    use keys::rule::{BUCKETS, HOSTS, PLACEHOLDERS, REGIONS, SERVICES};
    let hosts = object.list(&HOSTS).unwrap_or_default();
    let buckets = object.list(&BUCKETS).unwrap_or_default();
    let services = object.list(&SERVICES).unwrap_or_default();
    let regions = object.list(&REGIONS).unwrap_or_default();
    check_hosts(object, &HOSTS, &hosts);
    object.refuse_invalid(&BUCKETS, &buckets, PATTERNS, bucket::is_pattern);
    object.refuse_invalid(&SERVICES, &services, SERVICE, is_service);
    let global = regions
        .iter()
        .find_map(|name| endpoint::global_region(name));
    let allowed = global.unwrap_or(REGION);
    object.refuse_invalid(&REGIONS, &regions, allowed, endpoint::is_region);
    let route_metadata = route_metadata(object)?;
    let placeholders = object.list(&PLACEHOLDERS).unwrap_or_default();
    object.refuse_invalid(&PLACEHOLDERS, &placeholders, KEY_IDS, is_key_id);
    // A bucket has one region, and is named at hosts of others too: by copies, by acceleration, by its global name.
    for (key, list) in [(&SERVICES, &services), (&REGIONS, &regions)] {
        if !buckets.is_empty() && !list.is_empty() {
            let fault = "cannot be combined with `buckets`, which are reached at hosts of other services and regions too";
            object.refuse(key, fault, "`buckets` alone");
        }
    }
    Ok(Condition {
        hosts,
        buckets,
        services,
        regions,
        route_metadata,
        placeholders,
    })
}

fn route_metadata(object: &mut Object) -> Result<RouteMetadata, ConfigError> {
    let key = &keys::rule::ROUTE_METADATA;
    let Some(metadata) = object.object(key) else {
        return Ok(RouteMetadata::new());
    };
    let metadata = metadata.into_strings()?;
    let has_nothing = |(key, value): (&String, &String)| key.is_empty() || value.is_empty();
    if metadata.is_empty() {
        object.refuse(key, "is empty", ONE_OR_MORE);
    } else if metadata.iter().any(has_nothing) {
        object.refuse(key, "has an empty key or value", ONE_OR_MORE);
    }
    Ok(metadata)
}

fn role(object: &mut Object, roles: &Roles<Role>) -> RoleId {
    let named = |name: &str| {
        let found = roles.iter().find(|(_, role)| role.name == name);
        found.map(|(id, _)| id)
    };
    let names: Vec<&str> = roles.iter().map(|(_, role)| role.name.as_str()).collect();
    let allowed = format!("a key of `roles`, or own: {}", names.join(", "));
    let role = object.parsed(&keys::rule::ROLE, &allowed, named);
    role.unwrap_or(RoleId::OWN)
}

fn sign_as(mut object: Object, home_region: &str) -> Result<SignAs, ConfigError> {
    object.refuse_unknown(keys::SIGN_AS);
    let own = |valid: fn(&str) -> bool| move |text: &str| valid(text).then(|| text.to_owned());
    let service = object.required(&keys::sign_as::SERVICE, SERVICE, own(is_service))?;
    let region = object.parsed(&keys::sign_as::REGION, REGION, own(endpoint::is_region));
    object.finish()?;
    Ok(SignAs {
        service,
        region: region.unwrap_or_else(|| home_region.to_owned()),
    })
}

fn allow(object: &mut Object, notes: &mut Notes) -> Result<Allow, ConfigError> {
    let key = &keys::ALLOW;
    let allowed = "\"*\", or a list of service names such as \"s3\", hosts such as \"*.es.amazonaws.com\" and {\"buckets\": [\"reports\"]}";
    let values = match object.take(key) {
        None => return Err(object.error(key, "is missing", allowed)),
        Some(Value::String(star)) if star == "*" => return Ok(Allow::Everything),
        Some(Value::Array(values)) => values,
        Some(value) => {
            object.refuse_value(key, &value, allowed);
            Vec::new()
        }
    };
    let (mut services, mut hosts, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
    let is_alone = values.len() == 1;
    for value in values {
        match value {
            Value::String(star) if star == "*" && is_alone => return Ok(Allow::Everything),
            Value::String(star) if star == "*" => {
                let fault = "has other entries beside \"*\", which allows everything";
                object.refuse(key, fault, "\"*\" alone, or only the others");
            }
            Value::String(text) if text.contains('.') => hosts.push(text),
            Value::String(text) if !text.is_empty() => services.push(text),
            Value::Object(map) => {
                let mut entry = Object::new(map, "allow.".to_owned());
                entry.refuse_unknown(keys::ALLOW_ENTRY);
                let key = &keys::allow::BUCKETS;
                let listed = entry.list(key);
                buckets.extend(listed.ok_or_else(|| entry.error(key, "is missing", PATTERNS))?);
                entry.finish()?;
            }
            other => object.refuse_entry(key, &other, allowed),
        }
        object.finish()?;
    }
    for list in [&services, &hosts, &buckets] {
        object.refuse_repeated(key, list);
    }
    object.refuse_invalid(key, &services, SERVICE, is_service);
    check_hosts(object, key, &hosts);
    object.finish()?;
    let mut entry = Object::new(Map::new(), "allow.".to_owned());
    entry.refuse_invalid(
        &keys::allow::BUCKETS,
        &buckets,
        PATTERNS,
        bucket::is_pattern,
    );
    entry.finish()?;
    checks::check_allow(&services, &hosts, &buckets, notes)?;
    #[cfg(not(target_family = "wasm"))]
    for (key, list) in [("allow", &hosts), ("allow.buckets", &buckets)] {
        covered::check_list(key, list, notes);
    }
    let mut patterns = Patterns::default();
    for (place, name) in buckets.iter().enumerate() {
        patterns.add(name, place);
    }
    Ok(Allow::Listed {
        services,
        hosts,
        buckets: patterns,
    })
}

/// The variable by which a workload does without some of what the platform's configuration allows: services and hosts,
/// with commas between them. It can add nothing.
pub const NARROWED: &str = "SIGV4_EGRESS_ALLOW";

/// What it leaves; `None` where it is not set.
pub(super) fn narrowed(
    environment: &Environment,
    policy: &Policy,
    notes: &mut Notes,
) -> Result<Option<Allow>, ConfigError> {
    let Some(text) = environment.get(NARROWED).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let entries = text.split(',').map(|entry| entry.trim().to_owned());
    let (hosts, services): (Vec<String>, Vec<String>) =
        entries.partition(|entry| entry.contains('.'));
    for entry in services.iter().chain(&hosts) {
        let fault = match is_service(entry) || is_host(entry) {
            true if policy.may_sign(entry) => continue,
            true => "which the configuration does not allow",
            false => "which is no service and no host",
        };
        return Err(ConfigError::new(
            &["environment variable ", NARROWED].concat(),
            ["has \"", entry, "\", ", fault].concat(),
            "services and hosts that `allow` or a rule allows, with commas between them",
        ));
    }
    notes.source(
        NARROWED,
        Some(text.clone()),
        Origin::Environment(vec![NARROWED]),
    );
    Ok(Some(Allow::Listed {
        services,
        hosts,
        buckets: Patterns::default(),
    }))
}

fn check_hosts(object: &mut Object, key: &Key, patterns: &[String]) {
    let allowed =
        "host names in lower case without port, with `*.` in front for what is below them";
    object.refuse_invalid(key, patterns, allowed, is_host);
}

fn is_host(pattern: &str) -> bool {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    endpoint::Host::parse(name.as_bytes()).is_ok_and(|host| host.name() == name)
}

/// A few of AWS's have capital letters.
pub(super) fn is_service(name: &str) -> bool {
    let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_shaped = name.bytes().all(byte)
        && (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-');
    is_shaped || endpoint::is_known_service(name)
}

/// IAM's have 16 to 128 characters of `\w` (`AccessKeyMetadata` in its API reference); `-` and `.` break no header.
fn is_key_id(id: &str) -> bool {
    let byte = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    id.bytes().all(byte) && id.len() <= 128
}

/// What is allowed where placeholders stand in a rule.
const KEY_IDS: &str =
    "whole access key ids of at most 128 letters, digits, `-`, `_` and `.`, without patterns";

/// What is allowed where a signing name stands.
pub(super) const SERVICE: &str = "a service name of the form [a-z0-9-]+";

/// What is allowed where buckets stand.
pub(super) const PATTERNS: &str =
    "names of buckets without keys, or the beginning of names and `*`";
