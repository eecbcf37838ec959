//! Reading a configuration key by key, with errors that name the key, the fault and what is allowed.

use super::reference::{self, Key};
use super::{ConfigError, Environment, Origin};
use crate::{endpoint, headers};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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

    pub(super) fn error(&self, key: &str, fault: impl Into<String>, allowed: &str) -> ConfigError {
        ConfigError::new(&format!("{}{key}", self.path), fault.into(), allowed)
    }

    /// The value under a key is not among what is allowed.
    pub(super) fn refused(&self, key: &str, value: &Value, allowed: &str) -> ConfigError {
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
                Err(self.error(name, "is no key of this configuration", &names.join(", ")))
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
            None => Err(self.wrong(key, &Origin::Configuration, text, allowed)),
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
        parse: fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<Option<(T, Origin)>, ConfigError> {
        let Some((text, origin)) = self.sourced_text(key, environment, variables, allowed)? else {
            return Ok(None);
        };
        match parse(&text) {
            Some(value) => Ok(Some((value, origin))),
            None => Err(self.wrong(key, &origin, text, allowed)),
        }
    }

    fn sourced_text(
        &mut self,
        key: &str,
        environment: &Environment,
        variables: &[&'static str],
        allowed: &str,
    ) -> Result<Option<(String, Origin)>, ConfigError> {
        if let Some(text) = self.text(key, allowed)? {
            return Ok(Some((text, Origin::Configuration)));
        }
        Ok(variables.iter().find_map(|name| {
            let text = environment.get(*name).filter(|text| !text.is_empty())?;
            Some((text.clone(), Origin::Environment(vec![name])))
        }))
    }

    /// A text is none of what is allowed.
    fn wrong(&self, key: &str, origin: &Origin, text: String, allowed: &str) -> ConfigError {
        let mut error = self.refused(key, &Value::String(text), allowed);
        if let Origin::Environment(names) = origin {
            error.0.key = format!("environment variable {}", names.join(", "));
        }
        error
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
            _ => Err(self.refused(key, &value, &format!("a whole number from {low} to {high}"))),
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
        let place = self.place(key, &names)?;
        Ok(place.and_then(|place| Some(words.get(place)?.1)))
    }

    /// The place of the word that stands under a key.
    fn place(&mut self, key: &str, words: &[&str]) -> Result<Option<usize>, ConfigError> {
        let allowed = words.join(", ");
        let Some(text) = self.text(key, &allowed)? else {
            return Ok(None);
        };
        match words.iter().position(|word| *word == text) {
            Some(place) => Ok(Some(place)),
            None => Err(self.wrong(key, &Origin::Configuration, text, &allowed)),
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
            other => Err(ConfigError::new(
                &format!("{path}{key}"),
                format!("is {}", shown(&other)),
                "an object",
            )),
        };
        self.map.into_iter().map(object).collect()
    }

    /// All keys, with a string under each.
    pub(super) fn into_strings(self) -> Result<BTreeMap<String, String>, ConfigError> {
        let path = self.path;
        let mut strings = BTreeMap::new();
        for (key, value) in self.map {
            let Value::String(text) = value else {
                return Err(ConfigError::new(
                    &format!("{path}{key}"),
                    format!("is {}", shown(&value)),
                    "a string",
                ));
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
        refuse_repeated(self, key, &texts)?;
        Ok(Some(texts))
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

/// Refuses a list that holds something twice.
pub(super) fn refuse_repeated(
    object: &Object,
    key: &str,
    texts: &[String],
) -> Result<(), ConfigError> {
    let mut seen = Map::new();
    for text in texts {
        if seen.insert(text.clone(), Value::Null).is_some() {
            return Err(object.error(key, format!("lists \"{text}\" twice"), "each entry once"));
        }
    }
    Ok(())
}

/// What is allowed where an empty list stands.
pub(super) const ONE_OR_MORE: &str = "at least one entry, or leave the key out";

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
