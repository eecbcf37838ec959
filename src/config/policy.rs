//! Reading the allow-list and the rules. What they come to is for `checks`.

mod checks;
#[cfg(not(target_family = "wasm"))]
mod covered;

use super::object::{ONE_OR_MORE, Object, refuse_repeated, shown};
use super::reference;
use super::{ConfigError, Notes, REGION};
use crate::bucket::{self, Patterns};
use crate::credentials::role::{Role, RoleId, Roles};
use crate::endpoint;
use crate::policy::{
    Allow, Condition, Effect, OnClientSignature, PayloadMode, Policy, RouteMetadata, Rule, SignAs,
};
pub(super) use checks::warn_of_region;
use serde_json::Value;

/// `home_region` is the region of a custom domain that names none.
pub(super) fn policy(
    object: &mut Object,
    home_region: &str,
    roles: &Roles<Role>,
    notes: &mut Notes,
) -> Result<Policy, ConfigError> {
    let allow = allow(object, notes)?;
    let rules = rules(object, home_region, roles)?;
    let policy = Policy::new(allow, rules);
    checks::check(&policy, notes)?;
    Ok(policy)
}

fn rules(
    object: &mut Object,
    home_region: &str,
    roles: &Roles<Role>,
) -> Result<Vec<Rule>, ConfigError> {
    let allowed = "a list of objects";
    let values = match object.take("rules") {
        None => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(value) => {
            return Err(object.refused("rules", &value, allowed));
        }
    };
    let parse = |(index, value): (usize, Value)| match value {
        Value::Object(map) => rule(
            Object::new(map, format!("rules[{index}].")),
            home_region,
            roles,
        ),
        other => Err(object.error("rules", format!("holds {}", shown(&other)), allowed)),
    };
    values.into_iter().enumerate().map(parse).collect()
}

fn rule(mut object: Object, home_region: &str, roles: &Roles<Role>) -> Result<Rule, ConfigError> {
    object.refuse_unknown(reference::RULE)?;
    let when = condition(&mut object)?;
    let effects = [
        ("allow", Effect::Allow),
        ("deny", Effect::Deny),
        ("leave_alone", Effect::LeaveAlone),
    ];
    let effect = object.choice("effect", &effects)?;
    if matches!(effect, Some(Effect::Deny | Effect::LeaveAlone)) {
        let of_signed = ["sign_as", "role", "client_signature", "payload"];
        if let Some(key) = of_signed.iter().find(|key| object.get(key).is_some()) {
            let fault = "has no effect, because the rule signs nothing";
            return Err(object.error(key, fault, "it with allow, or without `effect`"));
        }
    }
    let sign_as = match object.object("sign_as")? {
        None => None,
        Some(_) if when.hosts.is_empty() => {
            return Err(object.error(
                "sign_as",
                "stands without `hosts`",
                "a rule that names hosts",
            ));
        }
        Some(value) => Some(sign_as(value, home_region)?),
    };
    let signatures = [
        ("leave_alone", OnClientSignature::LeaveAlone),
        ("refuse", OnClientSignature::Refuse),
        ("re_sign", OnClientSignature::ReSign),
    ];
    let payloads = [
        ("hashed", PayloadMode::Hashed),
        ("unsigned", PayloadMode::Unsigned),
    ];
    Ok(Rule {
        when,
        effect,
        sign_as,
        role: role(&mut object, roles)?,
        client_signature: object.choice("client_signature", &signatures)?,
        payload: object.choice("payload", &payloads)?,
    })
}

fn condition(object: &mut Object) -> Result<Condition, ConfigError> {
    let hosts = object.list("hosts")?.unwrap_or_default();
    let buckets = object.list("buckets")?.unwrap_or_default();
    let services = object.list("services")?.unwrap_or_default();
    let regions = object.list("regions")?.unwrap_or_default();
    let when = Condition {
        hosts: host_patterns(object, "hosts", hosts)?,
        buckets: all(object, "buckets", buckets, BUCKETS, bucket::is_pattern)?,
        services: service_names(object, "services", services)?,
        regions: region_names(object, regions)?,
        route_metadata: match object.object("route_metadata")? {
            None => RouteMetadata::new(),
            Some(metadata) => {
                let metadata = metadata.into_strings()?;
                let has_nothing =
                    |(key, value): (&String, &String)| key.is_empty() || value.is_empty();
                if metadata.is_empty() || metadata.iter().any(has_nothing) {
                    let fault = match metadata.is_empty() {
                        true => "is empty",
                        false => "has an empty key or value",
                    };
                    return Err(object.error("route_metadata", fault, ONE_OR_MORE));
                }
                metadata
            }
        },
    };
    // A bucket has one region, and is named at hosts of others too: by copies, by acceleration, by its global name.
    let said_by_buckets = [
        ("services", when.services.is_empty()),
        ("regions", when.regions.is_empty()),
    ];
    let beside = said_by_buckets.iter().find(|(_, is_empty)| !is_empty);
    match beside {
        Some((key, _)) if !when.buckets.is_empty() => Err(object.error(
            key,
            "stands beside `buckets`, which are reached at hosts of other services and regions too",
            "`buckets` alone",
        )),
        _ => Ok(when),
    }
}

fn role(object: &mut Object, roles: &Roles<Role>) -> Result<RoleId, ConfigError> {
    let named = |name: &str| {
        let found = roles.iter().find(|(_, role)| role.name == name);
        found.map(|(id, _)| id)
    };
    let names: Vec<&str> = roles.iter().map(|(_, role)| role.name.as_str()).collect();
    let role = object.parsed("role", &names.join(", "), named)?;
    Ok(role.unwrap_or(RoleId::OWN))
}

fn sign_as(mut object: Object, home_region: &str) -> Result<SignAs, ConfigError> {
    object.refuse_unknown(reference::SIGN_AS)?;
    let own = |valid: fn(&str) -> bool| move |text: &str| valid(text).then(|| text.to_owned());
    let service = object.parsed("service", SERVICE, own(is_service))?;
    let region = object.parsed("region", REGION, own(endpoint::is_region))?;
    Ok(SignAs {
        service: service.ok_or_else(|| object.error("service", "is missing", SERVICE))?,
        region: region.unwrap_or_else(|| home_region.to_owned()),
    })
}

fn allow(object: &mut Object, notes: &mut Notes) -> Result<Allow, ConfigError> {
    let allowed = "\"*\", or a list of service names such as \"s3\", hosts such as \"*.es.amazonaws.com\" and {\"buckets\": [\"reports\"]}";
    let values = match object.take("allow") {
        None => return Err(object.error("allow", "is missing", allowed)),
        Some(Value::String(star)) if star == "*" => return Ok(Allow::Everything),
        Some(Value::Array(values)) => values,
        Some(value) => return Err(object.refused("allow", &value, allowed)),
    };
    let (mut services, mut hosts, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
    let is_alone = values.len() == 1;
    for value in values {
        match value {
            Value::String(star) if star == "*" && is_alone => return Ok(Allow::Everything),
            Value::String(star) if star == "*" => {
                let fault = "\"*\" allows everything, and stands beside other entries";
                return Err(object.error("allow", fault, "\"*\" alone, or only the others"));
            }
            Value::String(text) if text.contains('.') => hosts.push(text),
            Value::String(text) if !text.is_empty() => services.push(text),
            Value::Object(map) => {
                let mut entry = Object::new(map, "allow.".to_owned());
                entry.refuse_unknown(reference::ALLOW)?;
                let listed = entry.list("buckets")?;
                buckets
                    .extend(listed.ok_or_else(|| entry.error("buckets", "is missing", BUCKETS))?);
            }
            other => {
                return Err(object.error("allow", format!("holds {}", shown(&other)), allowed));
            }
        }
    }
    for list in [&services, &hosts, &buckets] {
        refuse_repeated(object, "allow", list)?;
    }
    let services = service_names(object, "allow", services)?;
    let hosts = host_patterns(object, "allow", hosts)?;
    let buckets = all(
        object,
        "allow.buckets",
        buckets,
        BUCKETS,
        bucket::is_pattern,
    )?;
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

fn service_names(
    object: &Object,
    key: &str,
    names: Vec<String>,
) -> Result<Vec<String>, ConfigError> {
    all(object, key, names, SERVICE, is_service)
}

fn region_names(object: &Object, names: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let global = names.iter().find_map(|name| endpoint::global_region(name));
    let allowed = global.unwrap_or(REGION);
    all(object, "regions", names, allowed, endpoint::is_region)
}

fn host_patterns(
    object: &Object,
    key: &str,
    patterns: Vec<String>,
) -> Result<Vec<String>, ConfigError> {
    let allowed =
        "host names in lower case without port, with `*.` in front for what is below them";
    all(object, key, patterns, allowed, |pattern| {
        let name = pattern.strip_prefix("*.").unwrap_or(pattern);
        endpoint::Host::parse(name.as_bytes()).is_ok_and(|host| host.name() == name)
    })
}

fn all(
    object: &Object,
    key: &str,
    texts: Vec<String>,
    allowed: &str,
    valid: fn(&str) -> bool,
) -> Result<Vec<String>, ConfigError> {
    match texts.iter().find(|text| !valid(text)) {
        None => Ok(texts),
        Some(text) => Err(object.error(key, format!("holds \"{text}\""), allowed)),
    }
}

/// A few of AWS's have capital letters.
fn is_service(name: &str) -> bool {
    let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_shaped = name.bytes().all(byte)
        && name.len() <= 63
        && !name.starts_with('-')
        && !name.ends_with('-');
    is_shaped || endpoint::is_known_service(name)
}

/// What is allowed where a signing name stands.
const SERVICE: &str = "a service name of the form [a-z0-9-]+";

/// What is allowed where buckets stand.
const BUCKETS: &str = "names of buckets without keys, or the beginning of names and `*`";
