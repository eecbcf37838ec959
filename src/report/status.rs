//! The status document: what an operator asks when something does not sign. It holds no secret.
//!
//! A plugin that signs files an [`Entry`] of itself in the process's [`Register`], which lies in shared data;
//! the plugin at position `status` answers with all of them, each role with its record at that moment.

use crate::credentials::cache::{Record, text};
use crate::credentials::role::Role;
use crate::sigv4::{hex, sha256};
use crate::timestamp::rfc3339;
use serde_json::{Value, json};
use std::time::SystemTime;

/// The version of this module.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the register lies in shared data.
pub(crate) const REGISTER_KEY: &str = "status/1";

/// The path that the document is found at.
pub(crate) const PATH: &str = "/status";

/// The plugins of a process, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Register(Vec<Entry>);

/// One configuration that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// SHA-256 of the configuration's bytes, in hexadecimal.
    configuration: String,
    configured_at: String,
    roles: Vec<FiledRole>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FiledRole {
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

    fn stored(&self) -> Value {
        let roles: Vec<Value> = self.roles.iter().map(FiledRole::stored).collect();
        json!({
            "configuration": self.configuration,
            "configured_at": self.configured_at,
            "roles": roles,
        })
    }

    fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            configuration: text(stored, "configuration")?,
            configured_at: text(stored, "configured_at")?,
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
    pub(crate) fn with(&self, entry: Entry) -> Option<Self> {
        let same = |other: &Entry| {
            (&other.configuration, &other.roles) == (&entry.configuration, &entry.roles)
        };
        if self.0.iter().any(same) {
            return None;
        }
        let skipped = (self.0.len() + 1).saturating_sub(MAX_ENTRIES);
        let mut entries: Vec<Entry> = self.0.iter().skip(skipped).cloned().collect();
        entries.push(entry);
        Some(Self(entries))
    }

    /// The document, as JSON. `record` reads a role's record from shared data.
    pub(crate) fn document(
        &self,
        now: SystemTime,
        record: impl Fn(&str) -> Option<Record>,
    ) -> String {
        let plugins: Vec<Value> = self
            .0
            .iter()
            .map(|entry| {
                let roles = entry.roles.iter();
                json!({
                    "configuration_sha256": entry.configuration,
                    "configured_at": entry.configured_at,
                    "roles": roles
                        .map(|role| role.describe(record(&role.record).unwrap_or_default(), now))
                        .collect::<Vec<_>>(),
                })
            })
            .collect();
        let document = json!({"version": VERSION, "time": rfc3339(now), "plugins": plugins});
        format!("{document:#}\n")
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
            "last_failure": record.failure.as_ref().map(|failure| json!({
                "cause": failure.cause,
                "advice": failure.advice,
            })),
        })
    }
}

/// Configurations are replaced while Envoy runs; the last ones are of use.
const MAX_ENTRIES: usize = 16;

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
        let text = register.document(at(60), |key| {
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
                    "last_failure": {"cause": "STS is away", "advice": "wait"},
                },
            ])
        );
    }

    #[test]
    fn a_configuration_is_filed_once_and_old_ones_give_way() {
        let mut register = Register::default().with(entry(CONFIGURATION)).unwrap();
        assert_eq!(register.with(entry(CONFIGURATION)), None);
        for n in 0..2 * MAX_ENTRIES {
            let other = format!("{CONFIGURATION}{}", " ".repeat(n + 1));
            register = register.with(entry(&other)).unwrap();
            assert!(register.0.len() <= MAX_ENTRIES);
        }
        assert!(register.with(entry(CONFIGURATION)).is_some());
    }

    #[test]
    fn what_cannot_be_read_is_an_empty_register() {
        assert_eq!(Register::from_bytes(b"?"), Register::default());
    }
}
