//! The plugin's configuration: JSON and the environment in, a valid [`Plugin`] out.
//!
//! Everything a later step could stumble over is refused here, with the key, what is wrong with its
//! value, and what is allowed. [`mod@reference`] holds the table of keys that the documentation shows.

mod object;
mod plain;
mod policy;
pub mod reference;
mod roles;
mod source;

use crate::credentials::cache::Pace;
use crate::credentials::call::Settings;
use crate::credentials::role::{Role, Roles};
use crate::endpoint;
use crate::json::{self, JsonError};
use crate::policy::Policy;
use crate::request::limits::Limits;
use object::{Object, shown};
use reference::{DOWNSTREAM, STATUS, UPSTREAM};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

/// The environment variables that the host hands to the module.
pub type Environment = BTreeMap<String, String>;

/// What one plugin in Envoy's configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// The filter that signs, in a listener's filter chain.
    Downstream(Box<Config>),
    /// The guard among the router's upstream filters: it refuses what was signed for another
    /// cluster.
    Upstream {
        /// Clusters that signed requests may leave through.
        clusters: Vec<String>,
    },
    /// In the token listener's filter chain: it answers with the status document.
    Status,
}

/// The configuration of the filter that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The roles whose credentials sign.
    pub roles: Roles<Role>,
    /// Where the values come from that the environment can decide.
    pub sourced: Vec<Sourced>,
    /// What is taken, and probably not meant.
    pub warnings: Vec<Warning>,
    /// The cluster that leads to the container endpoint.
    pub container_cluster: String,
    /// The pod's own region.
    pub region: String,
    /// The cluster that serves the token.
    pub token_cluster: String,
    /// Who the token must be meant for.
    pub token_audience: String,
    /// The cluster that leads to STS.
    pub sts_cluster: String,
    /// The `:authority` of the call to STS.
    pub sts_host: String,
    /// How long one call to STS may take.
    pub sts_timeout: Duration,
    /// Over how long the first fetches of processes that start together are spread.
    pub start_jitter: Duration,
    /// How fast the refresh rules run: a setting for tests.
    pub pace: Pace,
    /// Clusters whose requests are signed.
    pub clusters: Vec<String>,
    /// What may be signed, and as what.
    pub policy: Policy,
    /// The header that asks for a signature, where one must be asked for.
    pub required_marker: Option<String>,
    /// The marker header's name: never forwarded.
    pub marker_header: String,
    /// Key ids that stand for "sign this for me".
    pub placeholders: Vec<String>,
    /// How long requests wait in one worker, and how many.
    pub parking: Limits,
    /// The largest body that is held, in bytes.
    pub max_body_bytes: usize,
    /// What one worker holds of bodies and chunks, in bytes.
    pub max_held_bytes: usize,
}

impl Config {
    /// What fetches of credentials call, and what they say there.
    pub fn calls(&self) -> Settings<'_> {
        Settings {
            token_cluster: &self.token_cluster,
            token_audience: &self.token_audience,
            container_cluster: &self.container_cluster,
            sts_cluster: &self.sts_cluster,
            sts_host: &self.sts_host,
            timeout: self.sts_timeout,
            region: &self.region,
        }
    }
}

/// Why a configuration is refused. In a box: it goes through many hands, each of which is larger for each byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Box<Refused>);

/// What is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The key, or the environment variable, that is wrong.
    pub key: String,
    /// What is wrong with its value.
    pub fault: String,
    /// What is allowed.
    pub allowed: String,
}

impl ConfigError {
    pub(crate) fn new(key: &str, fault: String, allowed: &str) -> Self {
        Self(Box::new(Refused {
            key: key.to_owned(),
            fault,
            allowed: allowed.to_owned(),
        }))
    }
}

impl Deref for ConfigError {
    type Target = Refused;

    fn deref(&self) -> &Refused {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "configuration refused: {}: {}; allowed: {}",
            self.key, self.fault, self.allowed
        )
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its key.
    Configuration,
    /// These variables.
    Environment(Vec<&'static str>),
    /// Another key's value.
    Key(&'static str),
    /// Nothing says it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("configuration"),
            Self::Environment(names) => write!(f, "environment {}", names.join(", ")),
            Self::Key(key) => f.write_str(key),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value that the environment can decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    /// Its key; `credentials` for what gives the pod's own.
    pub key: &'static str,
    /// The value; `None` where it is not used.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What is in force as it stands, and probably not meant so: for the log, and for `check-config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key, or the environment variable.
    pub key: String,
    /// What is odd about its value.
    pub finding: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.finding, self.advice)
    }
}

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
    let positions = [
        ("downstream", Position::Downstream),
        ("upstream", Position::Upstream),
        ("status", Position::Status),
    ];
    match object.choice("position", &positions)? {
        Some(Position::Upstream) => {
            object.refuse_unknown(UPSTREAM)?;
            Ok(Plugin::Upstream {
                clusters: plain::clusters(&mut object)?,
            })
        }
        Some(Position::Status) => {
            object.refuse_unknown(STATUS)?;
            Ok(Plugin::Status)
        }
        Some(Position::Downstream) | None => {
            object.refuse_unknown(DOWNSTREAM)?;
            downstream(&mut object, environment).map(|config| Plugin::Downstream(Box::new(config)))
        }
    }
}

/// Where the plugin stands in Envoy.
#[derive(Clone, Copy)]
enum Position {
    Downstream,
    Upstream,
    Status,
}

/// What is found beside the values while they are read.
#[derive(Default)]
struct Notes {
    sourced: Vec<Sourced>,
    warnings: Vec<Warning>,
}

impl Notes {
    fn source(&mut self, key: &'static str, value: Option<String>, origin: Origin) {
        self.sourced.push(Sourced { key, value, origin });
    }

    fn warn(&mut self, key: &str, finding: String, advice: &str) {
        self.warnings.push(Warning {
            key: key.to_owned(),
            finding,
            advice: advice.to_owned(),
        });
    }
}

fn downstream(object: &mut Object, environment: &Environment) -> Result<Config, ConfigError> {
    let mut notes = Notes::default();
    let written = object.keys();
    let roles = roles::roles(object, environment, &mut notes)?;
    let region = region(object, environment, &mut notes)?;
    let sts_host = sts_host(object, environment, &region, &mut notes)?;
    let marker_header = plain::marker_header(object)?;
    let required = object.boolean("require_marker")?.unwrap_or(false);
    let max_body_bytes = object.count("max_body_bytes", 0, plain::MAX_HELD_BYTES / 4)?;
    let policy = policy::policy(object, &region, &roles, &mut notes)?;
    let config = Config {
        token_cluster: object.string("token_cluster")?,
        container_cluster: object.string("container_cluster")?,
        token_audience: object.string("token_audience")?,
        sts_cluster: object.string("sts_cluster")?,
        sts_timeout: object.milliseconds("sts_timeout_ms", 100, 60_000)?,
        start_jitter: object.milliseconds("start_jitter_ms", 0, 60_000)?,
        pace: pace(environment)?,
        clusters: plain::clusters(object)?,
        policy,
        required_marker: required.then(|| marker_header.clone()),
        marker_header,
        placeholders: plain::placeholders(object, &mut notes)?,
        parking: Limits {
            max_wait: object.milliseconds("max_wait_ms", 0, 60_000)?,
            max_parked: object.count("max_parked", 0, 100_000)?,
            body_timeout: object.milliseconds("body_timeout_ms", 100, 3_600_000)?,
        },
        max_body_bytes,
        max_held_bytes: plain::max_held_bytes(object, max_body_bytes)?,
        roles,
        region,
        sts_host,
        sourced: Vec::new(),
        warnings: Vec::new(),
    };
    plain::check_as_a_whole(&config, &written, &mut notes)?;
    Ok(Config {
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
    let variables = &["AWS_REGION", "AWS_DEFAULT_REGION"];
    let parse = |text: &str| endpoint::is_region(text).then(|| text.to_owned());
    let found = object.sourced("region", environment, variables, parse, REGION)?;
    let (region, origin) = found.ok_or_else(|| missing("region", variables, REGION))?;
    let key = match &origin {
        Origin::Environment(names) => format!("environment variable {}", names.join(", ")),
        _ => "region".to_owned(),
    };
    policy::warn_of_region(&key, &region, notes);
    notes.source("region", Some(region.clone()), origin);
    Ok(region)
}

fn sts_host(
    object: &mut Object,
    environment: &Environment,
    region: &str,
    notes: &mut Notes,
) -> Result<String, ConfigError> {
    if let Some(host) = object.host("sts_host")? {
        plain::check_sts_host(object, &host, notes)?;
        notes.source("sts_host", Some(host.clone()), Origin::Configuration);
        return Ok(host);
    }
    let fips = object.sourced(
        "sts_host",
        environment,
        &["AWS_USE_FIPS_ENDPOINT"],
        parse_boolean,
        "true or false",
    )?;
    let (fips, origin) = fips.unwrap_or((false, Origin::Key("region")));
    let name = if fips { "sts-fips" } else { "sts" };
    let host = format!("{name}.{region}.{}", endpoint::dns_suffix(region));
    notes.source("sts_host", Some(host.clone()), origin);
    Ok(host)
}

/// What is allowed where a region stands.
const REGION: &str = "a region such as eu-west-1";

fn pace(environment: &Environment) -> Result<Pace, ConfigError> {
    let name = "SIGV4_EGRESS_TIME_SCALE";
    match environment.get(name).filter(|text| !text.is_empty()) {
        None => Ok(Pace::REAL),
        Some(text) => Pace::parse(text).ok_or_else(|| {
            ConfigError::new(
                &format!("environment variable {name}"),
                format!("is {}", shown(&Value::String(text.clone()))),
                Pace::ALLOWED,
            )
        }),
    }
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" | "" => Some(false),
        _ => None,
    }
}

fn missing(key: &str, variables: &[&str], allowed: &str) -> ConfigError {
    ConfigError::new(
        key,
        format!(
            "is neither configured nor in the environment ({})",
            variables.join(", ")
        ),
        allowed,
    )
}

#[cfg(test)]
mod tests;
