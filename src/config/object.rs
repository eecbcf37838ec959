//! Reading a configuration key by key, with errors that name the key, the fault and what is allowed.

use super::findings::{ConfigError, Origin};
use super::keys::{self, Choice, Flag, Key, Number, Text, WithVariables};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// The environment variables that the host hands to the module.
pub type Environment = BTreeMap<String, String>;

/// A JSON object whose values are taken out one by one.
///
/// What is wrong with a value is kept, and reading goes on as if the key were not there: [`Self::finish`] gives the
/// first fault, and so does every error that comes later.
pub(super) struct Object {
    map: Map<String, Value>,
    /// Where it stands, such as `rules[0].`.
    path: String,
    fault: Option<ConfigError>,
}

impl Object {
    pub(super) fn new(map: Map<String, Value>, path: String) -> Self {
        Self {
            map,
            path,
            fault: None,
        }
    }

    /// The first fault, if there is one. Nothing that was read may be used before this.
    pub(super) fn finish(&mut self) -> Result<(), ConfigError> {
        match self.fault.take() {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }

    #[cold]
    pub(super) fn error(&self, key: &Key, fault: &str, allowed: &str) -> ConfigError {
        self.error_at(key.name, fault, allowed)
    }

    #[cold]
    fn error_at(&self, name: &str, fault: &str, allowed: &str) -> ConfigError {
        match &self.fault {
            Some(first) => first.clone(),
            None => ConfigError::new(&[&*self.path, name].concat(), fault.to_owned(), allowed),
        }
    }

    /// Keeps a fault, unless there is one already.
    #[cold]
    pub(super) fn refuse(&mut self, key: &Key, fault: &str, allowed: &str) {
        self.fault = Some(self.error(key, fault, allowed));
    }

    /// The value under a key is not among what is allowed.
    #[cold]
    pub(super) fn refuse_value(&mut self, key: &Key, value: &Value, allowed: &str) {
        self.refuse(key, &is(value), allowed);
    }

    /// Something in the list under a key is not among what is allowed.
    #[cold]
    pub(super) fn refuse_entry(&mut self, key: &Key, entry: &Value, allowed: &str) {
        self.refuse(key, &["holds ", &*shown(entry)].concat(), allowed);
    }

    /// Keeps the fault of a value that is in another place.
    #[cold]
    fn refuse_variable(&mut self, variable: &str, text: String, allowed: &str) {
        if self.fault.is_none() {
            self.fault = Some(wrong_variable(variable, text, allowed));
        }
    }

    pub(super) fn refuse_unknown(&mut self, known: &[&Key]) {
        let is_known = |name: &str| known.iter().any(|key| key.name == name);
        if let Some(name) = self.map.keys().find(|name| !is_known(name)) {
            let names: Vec<&str> = known.iter().map(|key| key.name).collect();
            let error = self.error_at(name, ConfigError::UNKNOWN_KEY, &names.join(", "));
            self.fault = Some(error);
        }
    }

    fn text(&mut self, key: &Key, allowed: &str) -> Option<String> {
        match self.map.remove(key.name)? {
            Value::String(text) if !text.is_empty() && text.trim() == text => Some(text),
            value => {
                self.refuse_value(key, &value, allowed);
                None
            }
        }
    }

    /// What a string means.
    pub(super) fn parsed<T>(
        &mut self,
        key: &Key,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key, allowed)?;
        let value = parse(&text);
        if value.is_none() {
            self.refuse_value(key, &Value::String(text), allowed);
        }
        value
    }

    /// The same, where the key must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &Key,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let value = self.parsed(key, allowed, parse);
        value.ok_or_else(|| self.error(key, "is missing", allowed))
    }

    pub(super) fn string(&mut self, key: &Text) -> String {
        let text = self.text(key, "a string that is not empty");
        text.unwrap_or_else(|| key.default.to_owned())
    }

    /// A value from the key, else from the first environment variable that is set; and which of them it was.
    pub(super) fn sourced<T>(
        &mut self,
        key: &WithVariables,
        environment: &Environment,
        parse: fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Option<(T, Origin)> {
        let (text, variable) = self.sourced_text(key, environment, allowed)?;
        let Some(value) = parse(&text) else {
            match variable {
                None => self.refuse_value(key, &Value::String(text), allowed),
                Some(name) => self.refuse_variable(name, text, allowed),
            }
            return None;
        };
        let origin = variable.map_or(Origin::Configuration, |name| {
            Origin::Environment(vec![name])
        });
        Some((value, origin))
    }

    /// A text, and the variable that it is from.
    fn sourced_text(
        &mut self,
        key: &WithVariables,
        environment: &Environment,
        allowed: &str,
    ) -> Option<(String, Option<&'static str>)> {
        if let Some(text) = self.text(key, allowed) {
            return Some((text, None));
        }
        key.variables.iter().find_map(|name| {
            let text = environment.get(*name).filter(|text| !text.is_empty())?;
            Some((text.clone(), Some(*name)))
        })
    }

    /// A value is nowhere.
    #[cold]
    pub(super) fn missing(&self, key: &WithVariables, allowed: &str) -> ConfigError {
        let variables = key.variables.join(", ");
        let fault = [
            "is neither configured nor in the environment (",
            &*variables,
            ")",
        ];
        self.error(key, &fault.concat(), allowed)
    }

    pub(super) fn flag(&mut self, key: &Flag) -> bool {
        match self.map.remove(key.name) {
            None => false,
            Some(Value::Bool(value)) => value,
            Some(value) => {
                self.refuse_value(key, &value, "true or false");
                false
            }
        }
    }

    fn number(&mut self, key: &Number) -> u32 {
        let Number { low, high, .. } = *key;
        let Some(value) = self.map.remove(key.name) else {
            return key.default;
        };
        match value.as_u64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) if (low..=high).contains(&number) => number,
            _ => {
                let allowed = format!("a whole number from {low} to {high}");
                self.refuse_value(key, &value, &allowed);
                low
            }
        }
    }

    pub(super) fn milliseconds(&mut self, key: &Number) -> Duration {
        Duration::from_millis(self.number(key).into())
    }

    pub(super) fn count(&mut self, key: &Number) -> usize {
        // OK because every usize here holds 32 bits.
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    /// One of a few words, as what it stands for.
    pub(super) fn choice<T: Copy, const N: usize>(&mut self, key: &Choice<T, N>) -> Option<T> {
        let place = self.place(key, key.words)?;
        key.values.get(place).copied()
    }

    /// The place of the word that stands under a key.
    fn place(&mut self, key: &Key, words: &[&str]) -> Option<usize> {
        let allowed = words.join(", ");
        let find = |text: &str| words.iter().position(|word| *word == text);
        self.parsed(key, &allowed, find)
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.map.contains_key(key.name)
    }

    /// Where a key stands, for warnings.
    pub(super) fn place_of(&self, key: &Key) -> String {
        [&*self.path, key.name].concat()
    }

    /// What stands under a key, taken out.
    pub(super) fn take(&mut self, key: &Key) -> Option<Value> {
        self.map.remove(key.name)
    }

    /// The object under a key, to be read in its turn. It has the first fault of this one.
    pub(super) fn object(&mut self, key: &Key) -> Option<Self> {
        match self.map.remove(key.name)? {
            Value::Object(map) => Some(Self {
                map,
                path: [&*self.path, key.name, "."].concat(),
                fault: self.fault.clone(),
            }),
            value => {
                self.refuse_value(key, &value, "an object");
                None
            }
        }
    }

    /// Reads each object in the object under a key, if there is one.
    pub(super) fn each_object(
        &mut self,
        key: &Key,
        read: &mut dyn FnMut(String, Self) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let Some(mut named) = self.object(key) else {
            return Ok(());
        };
        for (name, value) in std::mem::take(&mut named.map) {
            let Value::Object(map) = value else {
                return Err(named.error_at(&name, &is(&value), "an object"));
            };
            let path = [&*named.path, &*name, "."].concat();
            read(name, Self::new(map, path))?;
        }
        named.finish()
    }

    /// Reads each object in the list under a key, if there is one. Fails with the first fault, also with an earlier one.
    pub(super) fn each_entry(
        &mut self,
        key: &Key,
        read: &mut dyn FnMut(Self) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let allowed = "a list of objects";
        match self.map.remove(key.name) {
            None => {}
            Some(Value::Array(values)) => {
                for (index, value) in values.into_iter().enumerate() {
                    if let Value::Object(map) = value {
                        let path = format!("{}{}[{index}].", self.path, key.name);
                        read(Self::new(map, path))?;
                    } else {
                        self.refuse_entry(key, &value, allowed);
                    }
                    self.finish()?;
                }
            }
            Some(value) => self.refuse_value(key, &value, allowed),
        }
        self.finish()
    }

    /// Puts the value of a variable in the place of each `{"env": "<its name>"}` under these keys.
    pub(super) fn fill_in(
        &mut self,
        names: &[String],
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        use keys::variable::{DEFAULT, ENV};
        for name in names {
            let Some(Value::Object(map)) = self.map.get_mut(name) else {
                continue;
            };
            let path = [&*self.path, name, "."].concat();
            let mut object = Self::new(std::mem::take(map), path);
            object.refuse_unknown(keys::VARIABLE);
            let own = |text: &str| text.starts_with(OWN_VARIABLE).then(|| text.to_owned());
            let variable = object.required(&ENV, OWN_VARIABLES, own)?;
            let default = object.parsed(&DEFAULT, "a string that is not empty", |text| {
                Some(text.to_owned())
            });
            object.finish()?;
            let set = environment.get(&variable).filter(|text| !text.is_empty());
            let Some(text) = set.cloned().or(default) else {
                return Err(ConfigError::new(
                    &["environment variable ", &*variable].concat(),
                    ["is not set, and ", &*self.path, name, " takes its value"].concat(),
                    "a value, handed on by `host_env_keys`; or a `default` beside `env`",
                ));
            };
            self.map.insert(name.clone(), Value::String(text));
        }
        Ok(())
    }

    /// All keys, with a string under each.
    pub(super) fn into_strings(mut self) -> Result<BTreeMap<String, String>, ConfigError> {
        let mut strings = BTreeMap::new();
        for (name, value) in std::mem::take(&mut self.map) {
            let Value::String(text) = value else {
                return Err(self.error_at(&name, &is(&value), "a string"));
            };
            strings.insert(name, text);
        }
        self.finish()?;
        Ok(strings)
    }

    /// A list of strings that are not empty, none of them twice; `None` where there is none. It may be empty, where that
    /// says what it seems to.
    pub(super) fn strings(&mut self, key: &Key) -> Option<Vec<String>> {
        let allowed = "a list of strings that are not empty";
        let values = match self.map.remove(key.name)? {
            Value::Array(values) => values,
            value => {
                self.refuse_value(key, &value, allowed);
                return None;
            }
        };
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Value::String(text) if !text.is_empty() => texts.push(text),
                other => self.refuse_entry(key, &other, allowed),
            }
        }
        self.refuse_repeated(key, &texts);
        Some(texts)
    }

    /// The same, where an empty list would stand for everything or nothing: whoever fills a template may not have meant it.
    pub(super) fn list(&mut self, key: &Key) -> Option<Vec<String>> {
        let texts = self.strings(key)?;
        if texts.is_empty() {
            self.refuse(key, "is empty", ONE_OR_MORE);
        }
        Some(texts)
    }

    /// Refuses a list that holds something twice.
    pub(super) fn refuse_repeated(&mut self, key: &Key, texts: &[String]) {
        let mut seen = Map::new();
        for text in texts {
            if seen.insert(text.clone(), Value::Null).is_some() {
                let fault = ["lists \"", text, "\" twice"].concat();
                self.refuse(key, &fault, "each entry once");
            }
        }
    }

    /// Refuses a list that holds something that is not valid.
    pub(super) fn refuse_invalid(
        &mut self,
        key: &Key,
        texts: &[String],
        allowed: &str,
        valid: fn(&str) -> bool,
    ) {
        if let Some(text) = texts.iter().find(|text| !valid(text)) {
            self.refuse(key, &["holds \"", text, "\""].concat(), allowed);
        }
    }

    /// The keys that are there.
    pub(super) fn keys(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }
}

/// The text of an environment variable is none of what is allowed.
#[cold]
pub(super) fn wrong_variable(name: &str, text: String, allowed: &str) -> ConfigError {
    let key = ["environment variable ", name].concat();
    ConfigError::new(&key, is(&Value::String(text)), allowed)
}

#[cold]
fn is(value: &Value) -> String {
    ["is ", &*shown(value)].concat()
}

/// What is allowed where a region stands.
pub(super) const REGION: &str = "a region such as eu-west-1";

/// How the names of variables begin whose values a configuration may take: no token's does.
const OWN_VARIABLE: &str = "SIGV4_EGRESS_";

/// What is allowed where one is named.
const OWN_VARIABLES: &str = "the name of a variable that begins with SIGV4_EGRESS_";

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
