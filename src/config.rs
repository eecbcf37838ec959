//! The plugin's configuration: JSON and the environment in, a valid [`Plugin`] out.
//!
//! Everything a later step could stumble over is refused here, with the key, what is wrong with its
//! value, and what is allowed. [`reference`] holds the table of keys that the documentation shows.

pub mod reference;

use crate::endpoint;
use crate::identity::{RoleArn, SessionName};
use reference::{DOWNSTREAM, Key, UPSTREAM};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
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
}

/// The configuration of the filter that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The role to assume.
    pub role_arn: RoleArn,
    /// The name of its session.
    pub session_name: SessionName,
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
    /// Clusters whose requests are signed.
    pub clusters: Vec<String>,
    /// What may be signed.
    pub allow: Allow,
    /// The header that asks for a signature, where one must be asked for.
    pub required_marker: Option<String>,
    /// The marker header's name: never forwarded.
    pub marker_header: String,
    /// Key ids that stand for "sign this for me".
    pub placeholders: Vec<String>,
    /// How long a request waits for credentials.
    pub max_wait: Duration,
    /// How many requests wait in one worker.
    pub max_parked: usize,
    /// The largest body that is held, in bytes.
    pub max_body_bytes: usize,
    /// How long a request may take to send a body that is held.
    pub body_timeout: Duration,
    /// The first rule that matches decides.
    pub rules: Vec<Rule>,
}

/// The allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// `"*"`.
    Everything,
    /// Signing names and hosts.
    Listed {
        /// Signing names.
        services: Vec<String>,
        /// Host names; `*.` in front stands for one label or more.
        hosts: Vec<String>,
    },
}

impl Allow {
    /// Whether requests to this host, signed for this service, may be signed.
    pub fn permits(&self, host: &str, service: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Listed { services, hosts } => {
                services.iter().any(|name| name == service)
                    || hosts.iter().any(|pattern| host_matches(pattern, host))
            }
        }
    }
}

/// Whether a host fits a pattern: the name itself, or `*.<parent>` for what is below a parent.
fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(parent) => host.len() > parent.len() && host.ends_with(parent),
        None => host == pattern,
    }
}

/// What is done differently for some hosts and services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Host patterns; empty: every host.
    pub hosts: Vec<String>,
    /// Signing names; empty: every service.
    pub services: Vec<String>,
    /// What happens to a request that a real key signed.
    pub client_signature: Option<OnClientSignature>,
    /// How the payload is signed.
    pub payload: Option<PayloadMode>,
}

impl Rule {
    fn matches(&self, host: &str, service: &str) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|pattern| host_matches(pattern, host)))
            && (self.services.is_empty() || self.services.iter().any(|name| name == service))
    }
}

/// What happens to a request that the client signed with a real key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnClientSignature {
    /// It goes on as it came.
    #[default]
    LeaveAlone,
    /// It is answered 403.
    Refuse,
    /// Its signature is replaced by ours.
    ReSign,
}

/// How the payload is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadMode {
    /// By its SHA-256; the body is held until its end.
    Hashed,
    /// Not at all; the body streams. Only S3 accepts it.
    Unsigned,
}

impl Config {
    /// The first rule that matches.
    pub fn rule(&self, host: &str, service: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(host, service))
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, or the environment variable, that is wrong.
    pub key: String,
    /// What is wrong with its value.
    pub fault: String,
    /// What is allowed.
    pub allowed: String,
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
        serde_json::from_slice(json).map_err(|error| ConfigError {
            key: "the configuration".to_owned(),
            fault: format!("is no JSON: {error}"),
            allowed: "a JSON object".to_owned(),
        })?
    };
    let Value::Object(map) = value else {
        return Err(ConfigError {
            key: "the configuration".to_owned(),
            fault: format!("is {}", shown(&value)),
            allowed: "a JSON object".to_owned(),
        });
    };
    let mut object = Object::new(map, String::new());
    match object.choice("position", &["downstream", "upstream"])? {
        Some(1) => {
            object.refuse_unknown(UPSTREAM)?;
            Ok(Plugin::Upstream {
                clusters: clusters(&mut object)?,
            })
        }
        _ => {
            object.refuse_unknown(DOWNSTREAM)?;
            downstream(&mut object, environment).map(|config| Plugin::Downstream(Box::new(config)))
        }
    }
}

fn downstream(object: &mut Object, environment: &Environment) -> Result<Config, ConfigError> {
    let role_arn = object
        .sourced(
            "role_arn",
            environment,
            &["AWS_ROLE_ARN"],
            |text| RoleArn::parse(text),
            RoleArn::ALLOWED,
        )?
        .ok_or_else(|| missing("role_arn", &["AWS_ROLE_ARN"], RoleArn::ALLOWED))?;
    let region_variables = &["AWS_REGION", "AWS_DEFAULT_REGION"];
    let region_allowed = "a region such as eu-west-1";
    let region = object
        .sourced(
            "region",
            environment,
            region_variables,
            |text| endpoint::is_region(text).then(|| text.to_owned()),
            region_allowed,
        )?
        .ok_or_else(|| missing("region", region_variables, region_allowed))?;
    let session_name = object.sourced(
        "session_name",
        environment,
        &["AWS_ROLE_SESSION_NAME"],
        |text| SessionName::parse(text),
        SessionName::ALLOWED,
    )?;
    let session_name = match session_name {
        Some(name) => name,
        None => session_name_of_pod(environment)?,
    };
    let sts_host = match object.host("sts_host")? {
        Some(host) => host,
        None => {
            let fips = object.sourced(
                "sts_host",
                environment,
                &["AWS_USE_FIPS_ENDPOINT"],
                parse_boolean,
                "true or false",
            )?;
            let name = if fips == Some(true) {
                "sts-fips"
            } else {
                "sts"
            };
            format!("{name}.{region}.{}", endpoint::dns_suffix(&region))
        }
    };
    let marker_header = object.header_name("marker_header")?;
    let required = object.boolean("require_marker")?.unwrap_or(false);
    Ok(Config {
        token_cluster: object.string("token_cluster")?,
        token_audience: object.string("token_audience")?,
        sts_cluster: object.string("sts_cluster")?,
        sts_timeout: object.milliseconds("sts_timeout_ms", 100, 60_000)?,
        clusters: clusters(object)?,
        allow: object.allow()?,
        required_marker: required.then(|| marker_header.clone()),
        marker_header,
        placeholders: object
            .strings("placeholders")?
            .unwrap_or_else(|| vec!["placeholder".to_owned()]),
        max_wait: object.milliseconds("max_wait_ms", 0, 60_000)?,
        max_parked: object.count("max_parked", 0, 100_000)?,
        max_body_bytes: object.count("max_body_bytes", 0, 256 << 20)?,
        body_timeout: object.milliseconds("body_timeout_ms", 100, 3_600_000)?,
        rules: object.rules()?,
        role_arn,
        session_name,
        region,
        sts_host,
    })
}

fn clusters(object: &mut Object) -> Result<Vec<String>, ConfigError> {
    match object.strings("clusters")? {
        None => Ok(vec!["sigv4-egress-aws".to_owned()]),
        Some(clusters) if clusters.is_empty() => {
            Err(object.error("clusters", "is empty", "one cluster name or more"))
        }
        Some(clusters) => Ok(clusters),
    }
}

/// `<namespace>.<pod>`, else the host's name, else ours.
fn session_name_of_pod(environment: &Environment) -> Result<SessionName, ConfigError> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let (key, name) = match (
        variable("POD_NAMESPACE"),
        variable("POD_NAME"),
        variable("HOSTNAME"),
    ) {
        (Some(namespace), Some(pod), _) => (
            "POD_NAMESPACE and POD_NAME",
            SessionName::of_pod(namespace, pod),
        ),
        (_, _, Some(host)) => ("HOSTNAME", SessionName::of_pod("host", host)),
        _ => ("session_name", SessionName::parse("sigv4-egress")),
    };
    name.ok_or_else(|| ConfigError {
        key: format!("environment variable {key}"),
        fault: "gives no session name".to_owned(),
        allowed: format!("{}; or set session_name", SessionName::ALLOWED),
    })
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" | "" => Some(false),
        _ => None,
    }
}

fn missing(key: &str, variables: &[&str], allowed: &str) -> ConfigError {
    ConfigError {
        key: key.to_owned(),
        fault: format!(
            "is neither configured nor in the environment ({})",
            variables.join(", ")
        ),
        allowed: allowed.to_owned(),
    }
}

/// A JSON object whose values are taken out one by one.
struct Object {
    map: Map<String, Value>,
    /// Where it stands, such as `rules[0].`.
    path: String,
}

impl Object {
    fn new(map: Map<String, Value>, path: String) -> Self {
        Self { map, path }
    }

    fn error(
        &self,
        key: &str,
        fault: impl Into<String>,
        allowed: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            key: format!("{}{key}", self.path),
            fault: fault.into(),
            allowed: allowed.into(),
        }
    }

    fn refuse_unknown(&self, known: &[Key]) -> Result<(), ConfigError> {
        match self
            .map
            .keys()
            .find(|name| !known.iter().any(|key| key.name == **name))
        {
            None => Ok(()),
            Some(name) => {
                let names: Vec<&str> = known.iter().map(|key| key.name).collect();
                Err(self.error(name, "is no key of this configuration", names.join(", ")))
            }
        }
    }

    fn text(&mut self, key: &str, allowed: &str) -> Result<Option<String>, ConfigError> {
        match self.map.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(value) => Err(self.error(key, format!("is {}", shown(&value)), allowed)),
        }
    }

    /// A string with a default in the reference.
    fn string(&mut self, key: &str) -> Result<String, ConfigError> {
        let text = self.text(key, "a string that is not empty")?;
        Ok(text.unwrap_or_else(|| reference::default_of(key).to_owned()))
    }

    /// A value from the key, else from the first environment variable that is set.
    fn sourced<T>(
        &mut self,
        key: &str,
        environment: &Environment,
        variables: &[&str],
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<Option<T>, ConfigError> {
        if let Some(text) = self.text(key, allowed)? {
            return match parse(&text) {
                Some(value) => Ok(Some(value)),
                None => {
                    Err(self.error(key, format!("is {}", shown(&Value::String(text))), allowed))
                }
            };
        }
        let set = |name: &&&str| {
            environment
                .get(**name)
                .is_some_and(|value| !value.is_empty())
        };
        let Some(name) = variables.iter().find(set) else {
            return Ok(None);
        };
        let text = environment.get(*name).cloned().unwrap_or_default();
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(ConfigError {
                key: format!("environment variable {name}"),
                fault: format!("is {}", shown(&Value::String(text))),
                allowed: allowed.to_owned(),
            }),
        }
    }

    fn host(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        let allowed = "a host name, with a port where it is not 443";
        match self.text(key, allowed)? {
            None => Ok(None),
            Some(text) => match endpoint::Host::parse(text.as_bytes()) {
                Ok(host) => Ok(Some(host.authority())),
                Err(error) => Err(self.error(key, format!("is \"{text}\": {error}"), allowed)),
            },
        }
    }

    fn header_name(&mut self, key: &str) -> Result<String, ConfigError> {
        let text = self.string(key)?;
        let name = http::HeaderName::from_bytes(text.as_bytes())
            .map_err(|_| self.error(key, format!("is \"{text}\""), "the name of an HTTP header"))?;
        Ok(name.as_str().to_owned())
    }

    fn boolean(&mut self, key: &str) -> Result<Option<bool>, ConfigError> {
        match self.map.remove(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(value) => Err(self.error(key, format!("is {}", shown(&value)), "true or false")),
        }
    }

    fn integer(&mut self, key: &str, low: u64, high: u64) -> Result<u64, ConfigError> {
        let value = match self.map.remove(key) {
            None => return Ok(reference::default_of(key).parse().unwrap_or(low)),
            Some(value) => value,
        };
        match value.as_u64() {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(self.error(
                key,
                format!("is {}", shown(&value)),
                format!("a whole number from {low} to {high}"),
            )),
        }
    }

    fn milliseconds(&mut self, key: &str, low: u64, high: u64) -> Result<Duration, ConfigError> {
        self.integer(key, low, high).map(Duration::from_millis)
    }

    fn count(&mut self, key: &str, low: u64, high: u64) -> Result<usize, ConfigError> {
        let number = self.integer(key, low, high)?;
        // OK because `high` is below 2^32, which every usize here holds.
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn choice(&mut self, key: &str, words: &[&str]) -> Result<Option<usize>, ConfigError> {
        let allowed = words.join(", ");
        let Some(text) = self.text(key, &allowed)? else {
            return Ok(None);
        };
        match words.iter().position(|word| *word == text) {
            Some(index) => Ok(Some(index)),
            None => Err(self.error(key, format!("is \"{text}\""), allowed)),
        }
    }

    fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let allowed = "a list of strings that are not empty";
        match self.map.remove(key) {
            None => Ok(None),
            Some(Value::Array(values)) => {
                let text = |value: Value| match value {
                    Value::String(text) if !text.is_empty() => Ok(text),
                    other => Err(self.error(key, format!("holds {}", shown(&other)), allowed)),
                };
                values
                    .into_iter()
                    .map(text)
                    .collect::<Result<_, _>>()
                    .map(Some)
            }
            Some(value) => Err(self.error(key, format!("is {}", shown(&value)), allowed)),
        }
    }

    fn allow(&mut self) -> Result<Allow, ConfigError> {
        let allowed = "\"*\", or a list of service names such as \"s3\" and hosts such as \"*.s3.eu-west-1.amazonaws.com\"";
        let everything = |value: &Value| value.as_str() == Some("*");
        let entries = match self.map.get("allow") {
            None => return Err(self.error("allow", "is missing", allowed)),
            Some(value) if everything(value) => return Ok(Allow::Everything),
            Some(Value::Array(values)) if values.iter().any(everything) => {
                return Ok(Allow::Everything);
            }
            Some(Value::Array(_)) => self.strings("allow")?.unwrap_or_default(),
            Some(value) => {
                return Err(self.error("allow", format!("is {}", shown(value)), allowed));
            }
        };
        let (hosts, services): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.contains('.'));
        Ok(Allow::Listed {
            services: self.service_names("allow", services)?,
            hosts: self.host_patterns("allow", hosts)?,
        })
    }

    fn service_names(&self, key: &str, names: Vec<String>) -> Result<Vec<String>, ConfigError> {
        let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match names.iter().find(|name| !name.bytes().all(byte)) {
            None => Ok(names),
            Some(name) => Err(self.error(
                key,
                format!("holds \"{name}\""),
                "service names of the form [a-z0-9-]+",
            )),
        }
    }

    fn host_patterns(&self, key: &str, patterns: Vec<String>) -> Result<Vec<String>, ConfigError> {
        let valid = |pattern: &String| {
            let name = pattern.strip_prefix("*.").unwrap_or(pattern);
            endpoint::Host::parse(name.as_bytes()).is_ok_and(|host| host.name() == name)
        };
        match patterns.iter().find(|pattern| !valid(pattern)) {
            None => Ok(patterns),
            Some(pattern) => Err(self.error(
                key,
                format!("holds \"{pattern}\""),
                "host names in lower case without port, with `*.` in front for what is below them",
            )),
        }
    }

    fn rules(&mut self) -> Result<Vec<Rule>, ConfigError> {
        let allowed = "a list of objects";
        let values = match self.map.remove("rules") {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(value) => {
                return Err(self.error("rules", format!("is {}", shown(&value)), allowed));
            }
        };
        let rule = |(index, value): (usize, Value)| match value {
            Value::Object(map) => Self::new(map, format!("rules[{index}].")).rule(),
            other => Err(self.error("rules", format!("holds {}", shown(&other)), allowed)),
        };
        values.into_iter().enumerate().map(rule).collect()
    }

    fn rule(mut self) -> Result<Rule, ConfigError> {
        self.refuse_unknown(reference::RULE)?;
        let hosts = self.strings("hosts")?.unwrap_or_default();
        let services = self.strings("services")?.unwrap_or_default();
        let client_signature =
            match self.choice("client_signature", &["leave_alone", "refuse", "re_sign"])? {
                None => None,
                Some(0) => Some(OnClientSignature::LeaveAlone),
                Some(1) => Some(OnClientSignature::Refuse),
                Some(_) => Some(OnClientSignature::ReSign),
            };
        let payload = match self.choice("payload", &["hashed", "unsigned"])? {
            None => None,
            Some(0) => Some(PayloadMode::Hashed),
            Some(_) => Some(PayloadMode::Unsigned),
        };
        Ok(Rule {
            hosts: self.host_patterns("hosts", hosts)?,
            services: self.service_names("services", services)?,
            client_signature,
            payload,
        })
    }
}

/// A value as an error message shows it: short, and by its type where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 80 {
        return text;
    }
    match value {
        Value::String(_) => "a long string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        _ => "a long number".to_owned(),
    }
}
