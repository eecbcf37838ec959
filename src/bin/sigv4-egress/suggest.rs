//! `suggest`: the configuration under which what the access log shows would be signed.

mod line;
mod report;

use line::{LONGEST, Line, Skipped};
pub(crate) use report::S3;
use report::{MOST, Note, Report};
use serde_json::{Map, Value, json};
use sigv4_egress::bucket;
use sigv4_egress::endpoint::{self, Answering, BucketPlace, Host, Resolution};
use sigv4_egress::sigv4::PathStyle;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};

/// What the arguments say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options<'a> {
    /// The configuration that observes: its keys and rules are kept.
    pub(crate) config: Option<&'a str>,
    /// What becomes of S3 where requests named no bucket.
    pub(crate) s3: S3,
    /// The access logs; none: the standard input.
    pub(crate) files: Vec<&'a str>,
}

/// Why nothing is suggested.
#[derive(Debug)]
pub(crate) enum SuggestError {
    /// The configuration of `--config` is none.
    Configuration(String),
    /// No line has anything to allow.
    Nothing,
    /// It could not be read or written.
    Io(io::Error),
}

impl From<io::Error> for SuggestError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl std::fmt::Display for SuggestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configuration(fault) => write!(f, "--config: {fault}"),
            Self::Nothing => f.write_str(
                "no line has anything to allow: is \"mode\" \"observe\", and does the access log have the decision?",
            ),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// The reason for what neither a rule nor the allow-list has.
const NOT_ALLOWED: &str = "not_allowed";

/// What was seen that the allow-list is to have.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    services: BTreeSet<String>,
    hosts: BTreeSet<String>,
    buckets: BTreeSet<String>,
    /// Requests that named no bucket, by service of S3's.
    bucketless: BTreeMap<String, u64>,
    /// The configuration's own rules, by place: whether each signs what the allow-list does not have.
    rules: Vec<bool>,
    report: Report,
}

impl Seen {
    /// Nothing yet, for the rules of the configuration that observes.
    pub(crate) fn new(config: Option<&Map<String, Value>>) -> Self {
        let rules = config.and_then(|config| config.get("rules")?.as_array());
        let permits = |rule: &Value| {
            rule.get("effect").is_some_and(|effect| effect == "allow")
                || rule.get("sign_as").is_some()
        };
        Self {
            rules: rules
                .map(|rules| rules.iter().map(permits).collect())
                .unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Reads an access log to its end.
    pub(crate) fn read(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        let mut text = Vec::new();
        loop {
            text.clear();
            let most = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
            if io::Read::take(&mut *input, most).read_until(b'\n', &mut text)? == 0 {
                return Ok(());
            }
            let line = match text.len() > LONGEST && text.last() != Some(&b'\n') {
                true => {
                    input.skip_until(b'\n')?;
                    Err(Skipped::TooLong)
                }
                false => Line::read(&text),
            };
            match line {
                Ok(line) => self.take(&line),
                Err(why) => self.report.skip(why),
            }
        }
    }

    fn take(&mut self, line: &Line) {
        let reason = line.get("reason").unwrap_or_default();
        let outcome = match (&*line.outcome, line.get("would")) {
            ("observed", Some(would)) => would,
            ("signed", _) => "sign",
            ("left_alone", _) => "leave_alone",
            _ => "refuse",
        };
        let is_observed = line.outcome == "observed";
        self.report.count(outcome);
        if is_observed && let Some(key) = line.get("key") {
            self.report.note(Note::RealKey, key);
        }
        match outcome {
            "sign" => self.want(line),
            "refuse" if is_observed && reason == NOT_ALLOWED => self.want(line),
            "leave_alone" => self
                .report
                .note(Note::LeftAlone(reason.to_owned()), &line.host),
            _ => self
                .report
                .note(Note::Refused(reason.to_owned()), &line.host),
        }
    }

    /// It is to be signed.
    fn want(&mut self, line: &Line) {
        let rule = line.get("rule").unwrap_or_default();
        if let Some(place) = rule
            .strip_prefix("rules[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let place: Option<usize> = place.parse().ok();
            match place.and_then(|place| self.rules.get(place)) {
                Some(true) if line.get("reason") != Some(NOT_ALLOWED) => return,
                // It leaves the question to the allow-list, as one that allows does for customers' hosts.
                Some(_) => {}
                None => return self.report.note(Note::Rule, rule),
            }
        }
        let Some(service) = line.get("service") else {
            return self.report.note(Note::NoService, &line.host);
        };
        // At the loopback endpoint, what was signed is for another host than the one that the request named.
        let host = line.get("host").unwrap_or(&line.host);
        let Ok(host) = Host::parse(host.as_bytes()) else {
            return self.report.note(Note::NoService, &line.host);
        };
        let is_tenant = match endpoint::resolve(&host, "") {
            Resolution::Aws(endpoint) => endpoint.tenant,
            Resolution::NotAws => false,
        };
        let place = endpoint::bucket_place(host.name());
        let is_s3 = endpoint::of_custom_domain(service, "").path_style == PathStyle::S3;
        let (list, entry) = if is_tenant
            || endpoint::answering(service) == Answering::Customers
            || (is_s3 && matches!(place, Some(BucketPlace::AccessPoint(_))))
        {
            (&mut self.hosts, host.name())
        } else if is_s3 {
            match line.get("bucket") {
                Some(bucket::UNKNOWN) => {
                    return self.report.note(Note::NoBucket, host.name());
                }
                Some(bucket) => (&mut self.buckets, bucket),
                None => {
                    *self.bucketless.entry(service.to_owned()).or_default() += 1;
                    return;
                }
            }
        } else {
            (&mut self.services, service)
        };
        if list.contains(entry) {
            return;
        }
        match list.len() < MOST {
            true => {
                list.insert(entry.to_owned());
            }
            false => self.report.note(Note::TooMany, service),
        }
    }

    /// The entries of `allow`.
    fn allow(&mut self, s3: S3) -> Vec<Value> {
        let mut allow: Vec<Value> = Vec::new();
        let mut services = self.services.clone();
        let mut buckets = self.buckets.clone();
        if s3 == S3::Whole {
            services.extend(self.bucketless.keys().cloned());
            // The only names of another service are aliases on Outposts.
            let service_of = |name: &String| bucket::service_of(name).unwrap_or("s3-outposts");
            // A list that has `s3` takes no buckets, not even those of another service.
            if self.bucketless.contains_key("s3") {
                services.extend(buckets.iter().map(|name| service_of(name).to_owned()));
            }
            buckets.retain(|name| !services.contains(service_of(name)));
        }
        self.report.bucketless = std::mem::take(&mut self.bucketless)
            .into_iter()
            .map(|(service, count)| (service, count, self.buckets.len(), s3))
            .collect();
        let entries = services.iter().chain(&self.hosts);
        for entry in entries {
            self.report.keep(&mut allow, json!(entry), entry);
        }
        let mut fit = Vec::new();
        for bucket in &buckets {
            let mut alone = Vec::new();
            self.report
                .keep(&mut alone, json!({"buckets": [bucket]}), bucket);
            if !alone.is_empty() {
                fit.push(bucket.clone());
            }
        }
        if !fit.is_empty() {
            allow.push(json!({"buckets": fit}));
        }
        allow
    }
}

/// Reads the configuration that observes.
///
/// # Errors
///
/// It is no configuration.
pub(crate) fn read_config(json: &[u8]) -> Result<Map<String, Value>, SuggestError> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(config)) => Ok(config),
        Ok(_) => Err(SuggestError::Configuration("is no JSON object".to_owned())),
        Err(error) => Err(SuggestError::Configuration(error.to_string())),
    }
}

/// Writes the configuration, and tells what it does not have.
///
/// # Errors
///
/// There is nothing to allow, or it cannot be written.
pub(crate) fn write(
    mut seen: Seen,
    config: Option<Map<String, Value>>,
    s3: S3,
    output: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<(), SuggestError> {
    let allow = seen.allow(s3);
    seen.report.write(told)?;
    let mut config = config.unwrap_or_default();
    let rules_permit = seen.rules.contains(&true);
    if allow.is_empty() && !rules_permit {
        return Err(SuggestError::Nothing);
    }
    config.remove("mode");
    config.insert("allow".to_owned(), Value::Array(allow));
    writeln!(output, "{:#}", Value::Object(config))?;
    Ok(())
}

#[cfg(test)]
mod tests;
