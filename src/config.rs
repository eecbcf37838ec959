//! The plugin's configuration: JSON and the environment in, a valid [`Plugin`] out.
//!
//! Everything a later step could stumble over is refused here, with the key, what is wrong with its
//! value, and what is allowed. [`keys`] is the table of keys, which parser, documents and schema share.

mod findings;
pub mod keys;
mod object;
#[cfg(not(target_family = "wasm"))]
mod partitions;
mod plain;
mod plugin;
mod policy;
mod ports;
mod presign;
#[cfg(not(target_family = "wasm"))]
pub mod reference;
mod roles;
#[cfg(not(target_family = "wasm"))]
pub mod schema;
mod source;
mod sts;

use crate::credentials::cache::Pace;
use crate::endpoint;
use crate::json::{self, JsonError};
use crate::request::limits::Limits;
use findings::Notes;
pub use findings::{ConfigError, Origin, Refused, Sourced, Warning};
use keys::{DOWNSTREAM, Position, STATUS, UPSTREAM};
pub use object::Environment;
use object::{Object, REGION, shown};
pub use plugin::{Config, Plugin};
pub use policy::NARROWED;
use ports::Filter;
use serde_json::{Map, Value};
use sts::Sts;

/// Reads the configuration of one plugin.
///
/// # Errors
///
/// The first fault found: no JSON object, an unknown key, a wrong type, a value out of its range, or
/// a key that is needed and neither configured nor in the environment.
pub fn parse(json: &[u8], environment: &Environment) -> Result<Plugin, ConfigError> {
    let value = if json.trim_ascii().is_empty() {
        Value::Object(Map::new())
    } else {
        json::parse(json).map_err(|error| match error {
            JsonError::NotJson(_) => {
                ConfigError::new("the configuration", error.to_string(), "a JSON object")
            }
            JsonError::Twice(path) => ConfigError::new(
                &path,
                "appears twice".to_owned(),
                "each key once per object",
            ),
        })?
    };
    let Value::Object(map) = value else {
        return Err(ConfigError::new(
            "the configuration",
            format!("is {}", shown(&value)),
            "a JSON object",
        ));
    };
    let mut object = Object::new(map, String::new());
    match object.choice(&keys::POSITION) {
        Some(Position::Upstream) => {
            object.refuse_unknown(UPSTREAM);
            let clusters = plain::clusters(&mut object);
            object.finish()?;
            Ok(Plugin::Upstream { clusters })
        }
        Some(Position::Status) => {
            object.refuse_unknown(STATUS);
            object.finish()?;
            Ok(Plugin::Status)
        }
        Some(Position::Downstream) | None => {
            object.refuse_unknown(DOWNSTREAM);
            downstream(&mut object, environment).map(|config| Plugin::Downstream(Box::new(config)))
        }
    }
}

fn downstream(object: &mut Object, environment: &Environment) -> Result<Config, ConfigError> {
    let mut notes = Notes::default();
    let written = object.keys();
    let mode = object.choice(&keys::MODE).unwrap_or_default();
    let named = roles::session_name(object, environment)?;
    let own = roles::own(object, environment, mode, &named, &mut notes)?;
    let region = region(object, environment, &mut notes)?;
    let sts = Sts::of_filter(object, environment, &region, &mut notes);
    let roles = roles::roles(object, environment, named, own, &sts, &mut notes)?;
    let marker_header = plain::marker_header(object);
    let unmarked = object.choice(&keys::UNMARKED);
    let max_body_bytes = object.count(&keys::MAX_BODY_BYTES);
    object.finish()?;
    let policy = policy::policy(object, mode, &region, &roles, &mut notes)?;
    let listed = plain::placeholders(object, &mut notes);
    let placeholders = plain::all_placeholders(&listed, &policy);
    let policy = policy.with_placeholders(&listed);
    let presign = presign::presign(object, &policy)?;
    let pace = pace(environment)?.with_lead(presign.longest_of_all());
    let config = Config {
        mode,
        token_cluster: object.string(&keys::TOKEN_CLUSTER),
        container_cluster: object.string(&keys::CONTAINER_CLUSTER),
        sts_timeout: object.milliseconds(&keys::STS_TIMEOUT_MS),
        start_jitter: object.milliseconds(&keys::START_JITTER_MS),
        credentials_epoch: plain::credentials_epoch(object),
        suspended: plain::suspended(object, &roles, &mut notes),
        pace,
        clusters: plain::clusters(object),
        ports: ports::ports(
            object,
            &Filter {
                policy: &policy,
                region: &region,
                unmarked,
            },
            &mut notes,
        )?,
        presign,
        policy,
        unmarked,
        marker_header,
        placeholders,
        parking: Limits {
            max_wait: object.milliseconds(&keys::MAX_WAIT_MS),
            max_parked: object.count(&keys::MAX_PARKED),
            body_timeout: object.milliseconds(&keys::BODY_TIMEOUT_MS),
        },
        max_body_bytes,
        max_held_bytes: plain::max_held_bytes(object, max_body_bytes),
        roles,
        region,
        sourced: Vec::new(),
        warnings: Vec::new(),
    };
    object.finish()?;
    plain::check_as_a_whole(&config, &written, &mut notes)?;
    #[cfg(not(target_family = "wasm"))]
    {
        partitions::check(&config, &mut notes);
        sts::check_clusters(&config.roles, &mut notes);
    }
    let narrowed = policy::narrowed(environment, &config.policy, &mut notes)?;
    Ok(Config {
        policy: config.policy.narrowed(narrowed),
        sourced: notes.sourced,
        warnings: notes.warnings,
        ..config
    })
}

fn region(
    object: &mut Object,
    environment: &Environment,
    notes: &mut Notes,
) -> Result<String, ConfigError> {
    let key = &keys::REGION;
    let parse = |text: &str| endpoint::is_region(text).then(|| text.to_owned());
    let found = object.sourced(key, environment, parse, REGION);
    let (region, origin) = found.ok_or_else(|| object.missing(key, REGION))?;
    let key = match &origin {
        Origin::Environment(names) => &["environment variable ", &*names.join(", ")].concat(),
        _ => key.name,
    };
    policy::warn_of_region(key, &region, notes);
    notes.source(keys::REGION.name, Some(region.clone()), origin);
    Ok(region)
}

fn pace(environment: &Environment) -> Result<Pace, ConfigError> {
    let name = "SIGV4_EGRESS_TIME_SCALE";
    match environment.get(name).filter(|text| !text.is_empty()) {
        None => Ok(Pace::REAL),
        Some(text) => Pace::parse(text)
            .ok_or_else(|| object::wrong_variable(name, text.clone(), Pace::ALLOWED)),
    }
}

#[cfg(test)]
mod tests;
