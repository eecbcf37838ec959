//! Reading the allow-list and the rules.

use super::object::{Object, shown};
use super::reference;
use super::{ConfigError, REGION};
use crate::endpoint;
use crate::policy::{
    Allow, Condition, Effect, OnClientSignature, PayloadMode, RouteMetadata, Rule, SignAs,
};
use crate::role::{Role, RoleId, Roles};
use serde_json::Value;

/// `home_region` is the region of a custom domain that names none.
pub(super) fn rules(
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
    let hosts = object.strings("hosts")?.unwrap_or_default();
    let services = object.strings("services")?.unwrap_or_default();
    let regions = object.strings("regions")?.unwrap_or_default();
    let when = Condition {
        hosts: host_patterns(&object, "hosts", hosts)?,
        services: service_names(&object, "services", services)?,
        regions: region_names(&object, "regions", regions)?,
        route_metadata: match object.object("route_metadata")? {
            None => RouteMetadata::new(),
            Some(metadata) => metadata.into_strings()?,
        },
    };
    let effects = [
        ("allow", Effect::Allow),
        ("deny", Effect::Deny),
        ("leave_alone", Effect::LeaveAlone),
    ];
    let effect = object.choice("effect", &effects)?;
    let sign_as = match object.object("sign_as")? {
        None => None,
        Some(_) if when.hosts.is_empty() => {
            return Err(object.error(
                "sign_as",
                "stands without `hosts`",
                "a rule that names hosts",
            ));
        }
        Some(_) if effect.is_some_and(|effect| effect != Effect::Allow) => {
            return Err(object.error(
                "sign_as",
                "stands beside an effect that signs nothing",
                "no `effect`, or allow",
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

pub(super) fn allow(object: &mut Object) -> Result<Allow, ConfigError> {
    let allowed = "\"*\", or a list of service names such as \"s3\" and hosts such as \"*.s3.eu-west-1.amazonaws.com\"";
    let everything = |value: &Value| value.as_str() == Some("*");
    let entries = match object.get("allow") {
        None => return Err(object.error("allow", "is missing", allowed)),
        Some(value) if everything(value) => return Ok(Allow::Everything),
        Some(Value::Array(values)) if values.iter().any(everything) => {
            return Ok(Allow::Everything);
        }
        Some(Value::Array(_)) => object.strings("allow")?.unwrap_or_default(),
        Some(value) => {
            return Err(object.refused("allow", value, allowed));
        }
    };
    let (hosts, services): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.contains('.'));
    Ok(Allow::Listed {
        services: service_names(object, "allow", services)?,
        hosts: host_patterns(object, "allow", hosts)?,
    })
}

fn service_names(
    object: &Object,
    key: &str,
    names: Vec<String>,
) -> Result<Vec<String>, ConfigError> {
    all(object, key, names, SERVICE, is_service)
}

fn region_names(
    object: &Object,
    key: &str,
    names: Vec<String>,
) -> Result<Vec<String>, ConfigError> {
    all(object, key, names, REGION, endpoint::is_region)
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
    valid: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ConfigError> {
    match texts.iter().find(|text| !valid(text)) {
        None => Ok(texts),
        Some(text) => Err(object.error(key, format!("holds \"{text}\""), allowed)),
    }
}

fn is_service(name: &str) -> bool {
    let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.bytes().all(byte)
}

/// What is allowed where a signing name stands.
const SERVICE: &str = "a service name of the form [a-z0-9-]+";
