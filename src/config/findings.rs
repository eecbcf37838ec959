//! What is found while a configuration is read: what is refused, what is odd, and where values come from.

use std::fmt;
use std::ops::Deref;

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
    pub(super) const UNKNOWN_KEY: &'static str = "unknown key";

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

/// What is found beside the values while they are read.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) sourced: Vec<Sourced>,
    pub(super) warnings: Vec<Warning>,
}

impl Notes {
    pub(super) fn source(&mut self, key: &'static str, value: Option<String>, origin: Origin) {
        self.sourced.push(Sourced { key, value, origin });
    }

    pub(super) fn warn(&mut self, key: &str, finding: String, advice: &str) {
        self.warnings.push(Warning {
            key: key.to_owned(),
            finding,
            advice: advice.to_owned(),
        });
    }
}
