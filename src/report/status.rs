//! The status document: what an operator asks when something does not sign. It holds no secret.
//!
//! A plugin that signs files an [`Entry`] of itself in the process's [`Register`], which lies in shared data, and says
//! there from time to time that it still runs: Envoy tells nobody that a configuration has been replaced. The plugin at
//! position `status` answers with all of them, each role with its record at that moment.

use crate::credentials::cache::Record;
use crate::credentials::cache::stored::text;
use crate::credentials::role::Role;
use crate::refusal::Answer;
use crate::sigv4::{hex, sha256};
use crate::timestamp::rfc3339;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of this module.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the register lies in shared data.
pub(crate) const REGISTER_KEY: &str = "status/1";

/// The path that the document is found at.
pub(crate) const PATH: &str = "/status";

/// How often a worker says that it runs, and what it orders.
pub(crate) const PULSE: Duration = Duration::from_secs(10);

/// After so long without a word, nothing runs with a configuration any more. A busy worker may be late.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);

/// The plugins of a process, the one that a worker began with last at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Register(Vec<Entry>);

/// One configuration that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// SHA-256 of the configuration's bytes, in hexadecimal.
    configuration: String,
    configured_at: String,
    /// When a worker last said that it runs with it, in seconds since 1970; 0 where none has yet.
    seen_at: u64,
    roles: Vec<FiledRole>,
}

/// What a worker has said of itself.
#[derive(Debug)]
pub(crate) struct Presence {
    entry: Entry,
    said: Option<SystemTime>,
}

impl Presence {
    /// Of a worker that has filed this.
    pub(crate) fn new(entry: Entry) -> Self {
        Self { entry, said: None }
    }

    /// How the worker changes the register at this tick, if it is to: the first one puts it last.
    pub(crate) fn on_tick(&mut self, now: SystemTime) -> Option<impl Fn(Register) -> Register> {
        let begins = self.said.is_none();
        // A clock that was set back does not silence it.
        let is_recent = |said| now.duration_since(said).is_ok_and(|passed| passed < PULSE);
        if self.said.is_some_and(is_recent) {
            return None;
        }
        self.said = Some(now);
        let mut entry = self.entry.clone();
        entry.seen_at = seconds(now);
        if begins {
            entry.configured_at = rfc3339(now);
        }
        Some(move |register: Register| register.seen(entry.clone(), begins))
    }
}

fn seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// A role of such a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FiledRole {
    name: String,
    source: String,
    credentials_from: String,
    /// Where its record lies in shared data.
    record: String,
}

impl Entry {
    /// For a configuration's bytes, and its roles with the places of their records.
    pub(crate) fn new<'a>(
        configuration: &[u8],
        roles: impl Iterator<Item = (&'a Role, &'a str)>,
        now: SystemTime,
    ) -> Self {
        Self {
            configuration: hex(&sha256(configuration)),
            configured_at: rfc3339(now),
            seen_at: 0,
            roles: roles
                .map(|(role, record)| FiledRole {
                    name: role.name.clone(),
                    source: role.source.word().to_owned(),
                    credentials_from: role.source.to_string(),
                    record: record.to_owned(),
                })
                .collect(),
        }
    }

    /// Whether both are of one configuration.
    fn is_of(&self, other: &Self) -> bool {
        (&self.configuration, &self.roles) == (&other.configuration, &other.roles)
    }

    fn stored(&self) -> Value {
        let roles: Vec<Value> = self.roles.iter().map(FiledRole::stored).collect();
        json!({
            "configuration": self.configuration,
            "configured_at": self.configured_at,
            "seen_at": self.seen_at,
            "roles": roles,
        })
    }

    fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            configuration: text(stored, "configuration")?,
            configured_at: text(stored, "configured_at")?,
            // Version 0.1 filed none.
            seen_at: stored.get("seen_at").and_then(Value::as_u64).unwrap_or(0),
            roles: list(stored.get("roles")?, FiledRole::read)?,
        })
    }
}

/// All elements, or none where one cannot be read.
fn list<T>(stored: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    stored.as_array()?.iter().map(read).collect()
}

impl Register {
    /// Reads it from shared data; what cannot be read counts as empty.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let stored: Option<Value> = serde_json::from_slice(bytes).ok();
        let entries = stored.as_ref().and_then(|stored| list(stored, Entry::read));
        Self(entries.unwrap_or_default())
    }

    /// As shared data holds it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let entries: Vec<Value> = self.0.iter().map(Entry::stored).collect();
        Value::from(entries).to_string().into_bytes()
    }

    /// With an entry; `None` where the same configuration is filed already, by another worker.
    pub(crate) fn with(mut self, entry: Entry) -> Option<Self> {
        if self.0.iter().any(|other| other.is_of(&entry)) {
            return None;
        }
        self.push(entry);
        Some(self)
    }

    fn push(&mut self, entry: Entry) {
        // What runs is kept: who asks for other credentials asks for those of all that is here.
        let last = self.0.iter().map(|other| other.seen_at).max();
        let last = last.unwrap_or_default().max(entry.seen_at);
        let is_silent = |other: &Entry| {
            other.seen_at == 0 || other.seen_at.saturating_add(SILENCE.as_secs()) <= last
        };
        let silent = self.0.iter().position(is_silent);
        if self.0.len() >= MAX_ENTRIES
            && let Some(place) = silent.or((self.0.len() >= MOST_THAT_RUN).then_some(0))
        {
            self.0.remove(place);
        }
        self.0.push(entry);
    }

    /// With an entry of a worker that runs, and that began with it just now or earlier.
    fn seen(mut self, entry: Entry, begins: bool) -> Self {
        let found = self.0.iter_mut().find(|other| other.is_of(&entry));
        match found {
            Some(found) if !begins => found.seen_at = entry.seen_at,
            _ => {
                self.0.retain(|other| !other.is_of(&entry));
                self.push(entry);
            }
        }
        self
    }

    /// The roles of all configurations, also of those that run no more: Envoy may take them up again.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &FiledRole> {
        self.0.iter().flat_map(|entry| &entry.roles)
    }

    /// The document, as JSON. `record` reads a role's record from shared data.
    pub(crate) fn document(
        &self,
        now: SystemTime,
        record: impl Fn(&str) -> Option<Record>,
    ) -> Answer {
        let is_running =
            |entry: &&Entry| entry.seen_at.saturating_add(SILENCE.as_secs()) > seconds(now);
        // Envoy may take up again what still drains, and nobody is told: what runs comes last.
        let (running, silent): (Vec<&Entry>, Vec<&Entry>) = self.0.iter().partition(is_running);
        let plugin = |entry: &Entry, running: bool| {
            let roles = entry.roles.iter();
            json!({
                "configuration_sha256": entry.configuration,
                "configured_at": entry.configured_at,
                "running": running,
                "roles": roles
                    .map(|role| role.describe(record(&role.record).unwrap_or_default(), now))
                    .collect::<Vec<_>>(),
            })
        };
        let silent = silent.into_iter().map(|entry| plugin(entry, false));
        let running = running.into_iter().map(|entry| plugin(entry, true));
        let plugins: Vec<Value> = silent.chain(running).collect();
        let document = json!({"version": VERSION, "time": rfc3339(now), "plugins": plugins});
        Answer::json(200, &document)
    }
}

impl FiledRole {
    fn stored(&self) -> Value {
        json!({
            "name": self.name,
            "source": self.source,
            "credentials_from": self.credentials_from,
            "record": self.record,
        })
    }

    fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            name: text(stored, "name")?,
            source: text(stored, "source")?,
            credentials_from: text(stored, "credentials_from")?,
            record: text(stored, "record")?,
        })
    }

    /// Where its record lies in shared data.
    pub(crate) fn record(&self) -> &str {
        &self.record
    }

    /// Its name, and where its credentials come from.
    pub(crate) fn named(&self) -> Value {
        json!({"name": self.name, "credentials_from": self.credentials_from})
    }

    fn describe(&self, record: Record, now: SystemTime) -> Value {
        let state = match (&record.credentials, record.usable(now)) {
            (_, Some(_)) => "usable",
            (Some(_), None) => "expired",
            (None, None) => "none",
        };
        json!({
            "name": self.name,
            "source": self.source,
            "credentials_from": self.credentials_from,
            "state": state,
            "access_key_id": record.credentials.as_ref().map(|cached| &cached.credentials.access_key_id),
            "fetched_at": record.credentials.as_ref().map(|cached| rfc3339(cached.fetched_at)),
            "expires_at": record.credentials.as_ref().map(|cached| rfc3339(cached.credentials.expires_at)),
            "flush": record.is_flushed().then_some("pending"),
            "credentials_epoch": record.epoch(),
            "sts_host": record.credentials.as_ref().and_then(|cached| cached.sts_host.as_deref()),
            "last_failure": record.failure.as_ref().map(|failure| json!({
                "cause": failure.cause,
                "advice": failure.advice,
            })),
        })
    }
}

/// Configurations are replaced while Envoy runs; the last ones are of use.
const MAX_ENTRIES: usize = 16;

/// More than this are no configurations of one process, but of a clock that leaps.
const MOST_THAT_RUN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment, Plugin};
    use crate::credentials::cache::{Failure, Pace, Retry};
    use crate::credentials::{Credentials, Secret};
    use std::time::Duration;

    const CONFIGURATION: &str = r#"{"role_arn": "arn:aws:iam::123456789012:role/app", "region": "eu-west-1", "allow": "*",
        "roles": {"audit": {"role_arn": "arn:aws:iam::123456789012:role/audit"}}}"#;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn entry(configuration: &str) -> Entry {
        let plugin = config::parse(configuration.as_bytes(), &Environment::new());
        let Ok(Plugin::Downstream(config)) = plugin else {
            panic!("{plugin:?}");
        };
        let roles = config
            .roles
            .iter()
            .map(|(_, role)| (role, role.name.as_str()));
        Entry::new(configuration.as_bytes(), roles, at(0))
    }

    #[test]
    fn the_document_shows_each_role_and_no_secret() {
        let register = Register::default().with(entry(CONFIGURATION)).unwrap();
        let register = Register::from_bytes(&register.to_bytes());
        let answer = register.document(at(60), |key| {
            let credentials = Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new("sample-secret-key"),
                session_token: Secret::new("sample-session-token"),
                expires_at: at(3600),
            };
            let failure = Failure {
                cause: "STS is away".to_owned(),
                advice: "wait".to_owned(),
                retry: Retry::BackOff,
            };
            match key {
                "own" => Some(Record::default().succeeded(1, credentials, at(0), 0, Pace::REAL)),
                _ => {
                    let leased = Record::default().leased(1, at(0), Duration::from_secs(7));
                    Some(leased.failed(1, failure, at(0), 0, Pace::REAL))
                }
            }
        });
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("sample-se"), "{text}");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["version"], VERSION);
        let plugin = &document["plugins"][0];
        assert_eq!(plugin["configuration_sha256"].as_str().unwrap().len(), 64);
        assert_eq!(
            plugin["roles"],
            json!([
                {
                    "name": "own",
                    "source": "web_identity",
                    "credentials_from": "AssumeRoleWithWebIdentity of arn:aws:iam::123456789012:role/app as sigv4-egress",
                    "state": "usable",
                    "access_key_id": "ASIAEXAMPLE",
                    "fetched_at": rfc3339(at(0)),
                    "expires_at": rfc3339(at(3600)),
                    "flush": null,
                    "credentials_epoch": null,
                    "sts_host": null,
                    "last_failure": null,
                },
                {
                    "name": "audit",
                    "source": "web_identity",
                    "credentials_from": "AssumeRoleWithWebIdentity of arn:aws:iam::123456789012:role/audit as sigv4-egress",
                    "state": "none",
                    "access_key_id": null,
                    "fetched_at": null,
                    "expires_at": null,
                    "flush": null,
                    "credentials_epoch": null,
                    "sts_host": null,
                    "last_failure": {"cause": "STS is away", "advice": "wait"},
                },
            ])
        );
    }

    #[test]
    fn a_configuration_is_filed_once_and_old_ones_give_way() {
        let mut register = Register::default().with(entry(CONFIGURATION)).unwrap();
        assert_eq!(register.clone().with(entry(CONFIGURATION)), None);
        for n in 0..2 * MAX_ENTRIES {
            let other = format!("{CONFIGURATION}{}", " ".repeat(n + 1));
            register = register.with(entry(&other)).unwrap();
            assert!(register.0.len() <= MAX_ENTRIES);
        }
        assert!(register.with(entry(CONFIGURATION)).is_some());
    }

    /// Else `POST /refresh` would pass some of them by.
    #[test]
    fn what_runs_is_kept_however_many_they_are() {
        let others = (0..2 * MAX_ENTRIES).map(|n| format!("{CONFIGURATION}{}", " ".repeat(n)));
        let mut running: Vec<Presence> = others.map(|other| Presence::new(entry(&other))).collect();
        let mut register = Register::default();
        for second in [0, 10, 20] {
            for worker in &mut running {
                register = worker.on_tick(at(second)).unwrap()(register);
            }
            assert_eq!(register.0.len(), running.len());
        }
        for n in 0..running.len() {
            let other = format!("{CONFIGURATION}\n{}", " ".repeat(n));
            register = Presence::new(entry(&other)).on_tick(at(60)).unwrap()(register);
        }
        assert!(
            register
                .0
                .iter()
                .all(|entry| entry.seen_at == seconds(at(60)))
        );
    }

    /// Which configurations a document has, and whether they run.
    fn shown(register: &Register, now: SystemTime) -> Vec<(String, bool)> {
        let document = register.document(now, |_| None);
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        let plugins = document["plugins"].as_array().unwrap().iter();
        plugins
            .map(|plugin| {
                let hash = plugin["configuration_sha256"].as_str().unwrap();
                (hash.to_owned(), plugin["running"].as_bool().unwrap())
            })
            .collect()
    }

    #[test]
    fn after_a_roll_back_the_last_entry_is_what_runs_and_what_was_replaced_says_so() {
        let (first, second) = (
            entry(CONFIGURATION),
            entry(&CONFIGURATION.replace("\"*\"", "[\"s3\"]")),
        );
        let mut register = Register::default();
        let mut tick = |presence: &mut Presence, second: u64| {
            let said = presence.on_tick(at(second));
            let is_said = said.is_some();
            if let Some(change) = said {
                let stored = change(register.clone()).to_bytes();
                register = Register::from_bytes(&stored);
            }
            (is_said, shown(&register, at(second)))
        };
        let [one, other] = [&first, &second].map(|entry| entry.configuration.clone());
        let mut worker = Presence::new(first.clone());
        assert_eq!(tick(&mut worker, 0), (true, vec![(one.clone(), true)]));
        assert!(!tick(&mut worker, 9).0);
        let mut next = Presence::new(second);
        let both = vec![(one.clone(), true), (other.clone(), true)];
        assert_eq!(tick(&mut next, 15), (true, both));
        // The roll-back comes while requests of the first one still end.
        let mut back = Presence::new(first);
        let swapped = vec![(other.clone(), true), (one.clone(), true)];
        assert_eq!(tick(&mut back, 25), (true, swapped));
        let last = vec![(other.clone(), false), (one.clone(), true)];
        assert_eq!(tick(&mut back, 45), (true, last));
        // A clock that is set back.
        assert!(tick(&mut back, 5).0);
    }

    /// Envoy takes up again what still drains, without a word to the module.
    #[test]
    fn what_runs_comes_last() {
        let second = entry(&CONFIGURATION.replace("\"*\"", "[\"s3\"]"));
        let other = second.configuration.clone();
        let mut first = Presence::new(entry(CONFIGURATION));
        let register = Register::default();
        let register = first.on_tick(at(0)).unwrap()(register);
        let register = Presence::new(second).on_tick(at(1)).unwrap()(register);
        let register = first.on_tick(at(31)).unwrap()(register);
        let shown = shown(&register, at(31));
        assert_eq!(shown.first(), Some(&(other, false)));
        assert!(shown[1].1);
    }

    #[test]
    fn a_configuration_that_was_only_tried_out_does_not_run() {
        let register = Register::default().with(entry(CONFIGURATION)).unwrap();
        assert!(!shown(&register, at(0))[0].1);
    }

    #[test]
    fn what_cannot_be_read_is_an_empty_register() {
        assert_eq!(Register::from_bytes(b"?"), Register::default());
    }
}
