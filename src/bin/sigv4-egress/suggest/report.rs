//! What is told beside the configuration: what was read, and what it does not have.

use super::line::Skipped;
use serde_json::{Value, json};
use sigv4_egress::config::{self, Environment};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What becomes of S3 where some requests named buckets, and some, such as ListBuckets, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum S3 {
    /// All of it is allowed, so that all that was seen passes.
    #[default]
    Whole,
    /// Only the buckets that were named.
    Buckets,
}

/// No more different names of a kind are kept: a program that makes names up does not fill the memory.
pub(super) const MOST: usize = 1000;

/// What no allow-list decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    /// Signed with a key of the program's own: by key.
    RealKey,
    /// A rule decides, and the configuration is not known: by rule.
    Rule,
    /// It has no service: by host.
    NoService,
    /// It names no bucket that an allow-list could have: by host.
    NoBucket,
    /// More different names than are kept: by service.
    TooMany,
    /// Left alone, for this reason: by host.
    LeftAlone(String),
    /// Refused whatever is allowed, for this reason: by host.
    Refused(String),
    /// An entry that the configuration does not take: by entry and fault.
    Invalid,
}

impl Note {
    fn text(&self) -> String {
        match self {
            Self::RealKey => "signed with the program's own key: once enforced, such requests stay with that key until the program has placeholder keys".to_owned(),
            Self::Rule => "decided by a rule: give the configuration with --config, so that its rules are kept".to_owned(),
            Self::NoBucket => "to access points by ARN, or to what is no bucket's name: only all of s3 would allow them".to_owned(),
            Self::NoService => "without a service: the host is not known".to_owned(),
            Self::TooMany => format!("not listed, beyond the first {MOST} names: allow the service as a whole, or use patterns"),
            Self::LeftAlone(reason) => match &**reason {
                "not_aws" => "to hosts that are not AWS's: to sign them, write a rule with \"sign_as\"".to_owned(),
                "unmarked" => "anonymous: they go on without a signature; with placeholder keys in the program they are signed".to_owned(),
                "presigned" => "presigned by the program: they stay with the key that presigned them".to_owned(),
                "client_signature" => "signed with real keys that stay: they are not signed anew".to_owned(),
                other => format!("left alone ({other}): they go on as they came"),
            },
            Self::Refused(reason) => match &**reason {
                "placeholder_unreplaced" => "to unknown hosts below AWS's names: name the service in `allow` if the host belongs to one, or write a rule with \"sign_as\"".to_owned(),
                "not_allowed" => "refused by a configuration that enforces (not_allowed): add them by hand if they should pass".to_owned(),
                other => format!("refused ({other}), whatever is allowed; see docs/reasons.md"),
            },
            Self::Invalid => "seen, and no entry of `allow`".to_owned(),
        }
    }
}

/// What is told.
#[derive(Debug, Default)]
pub(super) struct Report {
    outcomes: BTreeMap<String, u64>,
    skipped: BTreeMap<Skipped, u64>,
    notes: BTreeMap<Note, BTreeMap<String, u64>>,
    /// How many different things the notes have.
    kept: usize,
    /// By service of S3's: requests without a bucket, how many buckets others named, and what became of it.
    pub(super) bucketless: Vec<(String, u64, usize, S3)>,
}

impl Report {
    pub(super) fn skip(&mut self, why: Skipped) {
        *self.skipped.entry(why).or_default() += 1;
    }

    pub(super) fn count(&mut self, outcome: &str) {
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
    }

    /// Counts one thing more, by itself as long as there are not too many.
    pub(super) fn note(&mut self, note: Note, what: &str) {
        // The words of a log that is no log of the filter's are no reason to keep all of them.
        let note = match self.notes.contains_key(&note) || self.notes.len() < MOST {
            true => note,
            false => Note::NoService,
        };
        let things = self.notes.entry(note).or_default();
        match things.get_mut(what) {
            Some(count) => *count += 1,
            None if self.kept < MOST => {
                self.kept += 1;
                things.insert(what.to_owned(), 1);
            }
            None => *things.entry(OTHERS.to_owned()).or_default() += 1,
        }
    }

    /// Puts an entry into a list, unless no configuration takes it.
    pub(super) fn keep(&mut self, list: &mut Vec<Value>, entry: Value, name: &str) {
        match fault(&entry) {
            None => list.push(entry),
            Some(fault) => self.note(Note::Invalid, &format!("{name}: {fault}")),
        }
    }

    pub(super) fn write(&self, told: &mut dyn Write) -> io::Result<()> {
        let count = |outcome: &str| self.outcomes.get(outcome).copied().unwrap_or_default();
        writeln!(
            told,
            "requests: {} to sign, {} to leave alone, {} to refuse as it is",
            count("sign"),
            count("leave_alone"),
            count("refuse")
        )?;
        for (why, count) in &self.skipped {
            writeln!(told, "lines skipped: {count} {}", why.text())?;
        }
        for (service, count, buckets, s3) in &self.bucketless {
            let what = match s3 {
                S3::Whole => format!(
                    "so all of {service} is allowed; with --buckets, only the {buckets} buckets that others named"
                ),
                S3::Buckets => "they will be refused".to_owned(),
            };
            writeln!(
                told,
                "{service}: {count} requests named no bucket, as ListBuckets: {what}"
            )?;
        }
        for (note, things) in &self.notes {
            writeln!(told, "{}:", note.text())?;
            for (what, count) in things {
                writeln!(told, "  {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// What is no longer kept by name.
const OTHERS: &str = "others";

/// Why an entry of `allow` would be refused; `None` where it is good.
fn fault(entry: &Value) -> Option<String> {
    let config = json!({"mode": "observe", "region": "us-east-1", "allow": [entry]});
    let parsed = config::parse(config.to_string().as_bytes(), &Environment::new());
    parsed.err().map(|error| error.to_string())
}
