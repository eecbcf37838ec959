//! The plugin's configuration: JSON and the environment in, a valid [`Plugin`] out.
//!
//! Everything a later step could stumble over is refused here, with the key, what is wrong with its
//! value, and what is allowed. [`keys`] is the table of keys, which parser, documents and schema share.

pub mod keys;
mod object;
mod plain;
mod policy;
#[cfg(not(target_family = "wasm"))]
pub mod reference;
mod roles;
#[cfg(not(target_family = "wasm"))]
pub mod schema;
mod source;

use crate::credentials::cache::Pace;
use crate::credentials::call::Settings;
use crate::credentials::role::{Role, Roles};
use crate::endpoint;
use crate::json::{self, JsonError};
use crate::policy::Policy;
use crate::request::limits::Limits;
use keys::{DOWNSTREAM, Position, STATUS, UPSTREAM};
use object::{Object, shown};
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
    /// The fault of a key that is not in the table.
    const UNKNOWN_KEY: &'static str = "unknown key";

    #[cold]
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
        let Refused {
            key,
            fault,
            allowed,
        } = &**self;
        let parts = if fault == Self::UNKNOWN_KEY {
            [fault, " \"", key, "\"; known keys: "]
        } else {
            [key, ": ", fault, "; allowed: "]
        };
        f.write_str("configuration refused: ")?;
        f.write_str(&parts.concat())?;
        f.write_str(allowed)
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
    let sts_host = sts_host(object, environment, &region, &mut notes);
    let marker_header = plain::marker_header(object);
    let required = object.flag(&keys::REQUIRE_MARKER);
    let max_body_bytes = object.count(&keys::MAX_BODY_BYTES);
    object.finish()?;
    let policy = policy::policy(object, &region, &roles, &mut notes)?;
    let pace = pace(environment)?;
    let config = Config {
        token_cluster: object.string(&keys::TOKEN_CLUSTER),
        container_cluster: object.string(&keys::CONTAINER_CLUSTER),
        token_audience: object.string(&keys::TOKEN_AUDIENCE),
        sts_cluster: object.string(&keys::STS_CLUSTER),
        sts_timeout: object.milliseconds(&keys::STS_TIMEOUT_MS),
        start_jitter: object.milliseconds(&keys::START_JITTER_MS),
        pace,
        clusters: plain::clusters(object),
        policy,
        required_marker: required.then(|| marker_header.clone()),
        marker_header,
        placeholders: plain::placeholders(object, &mut notes),
        parking: Limits {
            max_wait: object.milliseconds(&keys::MAX_WAIT_MS),
            max_parked: object.count(&keys::MAX_PARKED),
            body_timeout: object.milliseconds(&keys::BODY_TIMEOUT_MS),
        },
        max_body_bytes,
        max_held_bytes: plain::max_held_bytes(object, max_body_bytes),
        roles,
        region,
        sts_host,
        sourced: Vec::new(),
        warnings: Vec::new(),
    };
    object.finish()?;
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

fn sts_host(
    object: &mut Object,
    environment: &Environment,
    region: &str,
    notes: &mut Notes,
) -> String {
    let key = &keys::STS_HOST;
    if let Some(host) = object.host(key) {
        plain::check_sts_host(object, &host, notes);
        notes.source(key.name, Some(host.clone()), Origin::Configuration);
        return host;
    }
    let fips = object.sourced(key, environment, parse_boolean, "true or false");
    let (fips, origin) = fips.unwrap_or((false, Origin::Key(keys::REGION.name)));
    let name = if fips { "sts-fips." } else { "sts." };
    let host = [name, region, ".", endpoint::dns_suffix(region)].concat();
    notes.source(key.name, Some(host.clone()), origin);
    host
}

/// What is allowed where a region stands.
const REGION: &str = "a region such as eu-west-1";

fn pace(environment: &Environment) -> Result<Pace, ConfigError> {
    let name = "SIGV4_EGRESS_TIME_SCALE";
    match environment.get(name).filter(|text| !text.is_empty()) {
        None => Ok(Pace::REAL),
        Some(text) => Pace::parse(text)
            .ok_or_else(|| object::wrong_variable(name, text.clone(), Pace::ALLOWED)),
    }
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" | "" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
