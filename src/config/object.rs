//! Reading a configuration key by key, with errors that name the key, the fault and what is allowed.

use super::reference::{self, Key};
use super::{ConfigError, Environment, Origin};
use crate::{endpoint, headers};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A JSON object whose values are taken out one by one.
pub(super) struct Object {
    map: Map<String, Value>,
    /// Where it stands, such as `rules[0].`.
    path: String,
}

impl Object {
    pub(super) fn new(map: Map<String, Value>, path: String) -> Self {
        Self { map, path }
    }

    pub(super) fn error(
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

    /// The value under a key is not among what is allowed.
    pub(super) fn refused(
        &self,
        key: &str,
        value: &Value,
        allowed: impl Into<String>,
    ) -> ConfigError {
        self.error(key, format!("is {}", shown(value)), allowed)
    }

    pub(super) fn refuse_unknown(&self, known: &[Key]) -> Result<(), ConfigError> {
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
            Some(value) => Err(self.refused(key, &value, allowed)),
        }
    }

    /// What a string means.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(key, allowed)? else {
            return Ok(None);
        };
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.refused(key, &Value::String(text), allowed)),
        }
    }

    /// A string with a default in the reference.
    pub(super) fn string(&mut self, key: &str) -> Result<String, ConfigError> {
        let text = self.text(key, "a string that is not empty")?;
        Ok(text.unwrap_or_else(|| reference::default_of(key).to_owned()))
    }

    /// A value from the key, else from the first environment variable that is set; and which of them it was.
    pub(super) fn sourced<T>(
        &mut self,
        key: &str,
        environment: &Environment,
        variables: &[&'static str],
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<Option<(T, Origin)>, ConfigError> {
        if let Some(value) = self.parsed(key, allowed, &parse)? {
            return Ok(Some((value, Origin::Configuration)));
        }
        let set = |name: &&&'static str| {
            environment
                .get(**name)
                .is_some_and(|value| !value.is_empty())
        };
        let Some(name) = variables.iter().find(set) else {
            return Ok(None);
        };
        let text = environment.get(*name).cloned().unwrap_or_default();
        match parse(&text) {
            Some(value) => Ok(Some((value, Origin::Environment(vec![name])))),
            None => Err(ConfigError {
                key: format!("environment variable {name}"),
                fault: format!("is {}", shown(&Value::String(text))),
                allowed: allowed.to_owned(),
            }),
        }
    }

    pub(super) fn host(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        let allowed = "a host name, with a port where it is not 443";
        match self.text(key, allowed)? {
            None => Ok(None),
            Some(text) => match endpoint::Host::parse(text.as_bytes()) {
                Ok(host) => Ok(Some(host.into_authority())),
                Err(error) => Err(self.error(key, format!("is \"{text}\": {error}"), allowed)),
            },
        }
    }

    pub(super) fn header_name(&mut self, key: &str) -> Result<String, ConfigError> {
        let text = self.string(key)?;
        if !headers::is_token(&text) {
            return Err(self.error(key, format!("is \"{text}\""), "the name of an HTTP header"));
        }
        Ok(text.to_ascii_lowercase())
    }

    pub(super) fn boolean(&mut self, key: &str) -> Result<Option<bool>, ConfigError> {
        match self.map.remove(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(value) => Err(self.refused(key, &value, "true or false")),
        }
    }

    fn integer(&mut self, key: &str, low: u64, high: u64) -> Result<u64, ConfigError> {
        let Some(value) = self.map.remove(key) else {
            return Ok(reference::default_of(key).parse().unwrap_or(low));
        };
        match value.as_u64() {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(self.refused(key, &value, format!("a whole number from {low} to {high}"))),
        }
    }

    pub(super) fn milliseconds(
        &mut self,
        key: &str,
        low: u64,
        high: u64,
    ) -> Result<Duration, ConfigError> {
        self.integer(key, low, high).map(Duration::from_millis)
    }

    pub(super) fn count(&mut self, key: &str, low: u64, high: u64) -> Result<usize, ConfigError> {
        let number = self.integer(key, low, high)?;
        // OK because `high` is below 2^32, which every usize here holds.
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// One of a few words, as what it stands for.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let allowed = names.join(", ");
        let Some(text) = self.text(key, &allowed)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(self.error(key, format!("is \"{text}\""), allowed)),
        }
    }

    /// What stands under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    /// What stands under a key, taken out.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    /// Puts a value back, to be read as another type.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }

    /// The object under a key, to be read in its turn.
    pub(super) fn object(&mut self, key: &str) -> Result<Option<Self>, ConfigError> {
        match self.map.remove(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self::new(map, format!("{}{key}.", self.path)))),
            Some(value) => Err(self.refused(key, &value, "an object")),
        }
    }

    /// All keys, with an object under each.
    pub(super) fn into_objects(self) -> Result<Vec<(String, Self)>, ConfigError> {
        let path = self.path;
        let object = |(key, value)| match value {
            Value::Object(map) => {
                let path = format!("{path}{key}.");
                Ok((key, Self::new(map, path)))
            }
            other => Err(ConfigError {
                key: format!("{path}{key}"),
                fault: format!("is {}", shown(&other)),
                allowed: "an object".to_owned(),
            }),
        };
        self.map.into_iter().map(object).collect()
    }

    /// All keys, with a string under each.
    pub(super) fn into_strings(self) -> Result<BTreeMap<String, String>, ConfigError> {
        let path = self.path;
        let mut strings = BTreeMap::new();
        for (key, value) in self.map {
            let Value::String(text) = value else {
                return Err(ConfigError {
                    key: format!("{path}{key}"),
                    fault: format!("is {}", shown(&value)),
                    allowed: "a string".to_owned(),
                });
            };
            strings.insert(key, text);
        }
        Ok(strings)
    }

    /// A list of strings that are not empty, none of them twice. It may be empty, where that says what it seems to.
    pub(super) fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let allowed = "a list of strings that are not empty";
        let values = match self.map.remove(key) {
            None => return Ok(None),
            Some(Value::Array(values)) => values,
            Some(value) => return Err(self.refused(key, &value, allowed)),
        };
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Value::String(text) if !text.is_empty() => texts.push(text),
                other => {
                    return Err(self.error(key, format!("holds {}", shown(&other)), allowed));
                }
            }
        }
        let mut seen = BTreeSet::new();
        match texts.iter().find(|text| !seen.insert(*text)) {
            Some(text) => Err(self.error(key, format!("holds \"{text}\" twice"), "it once")),
            None => Ok(Some(texts)),
        }
    }

    /// The same, where an empty list would stand for everything or nothing: whoever fills a template may not have meant it.
    pub(super) fn list(&mut self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        match self.strings(key)? {
            Some(texts) if texts.is_empty() => Err(self.error(key, "is empty", ONE_OR_MORE)),
            other => Ok(other),
        }
    }

    /// The keys that are there.
    pub(super) fn keys(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }
}

/// What is allowed where an empty list stands.
pub(super) const ONE_OR_MORE: &str = "one entry or more; or no such key";

/// A value as an error message shows it: short, and by its type where it is long.
pub(super) fn shown(value: &Value) -> String {
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
