//! A line of the access log: JSON as in `envoy/operate`, or text as in `envoy/envoy.yaml`.

use serde_json::Value;
use sigv4_egress::endpoint::Host;

/// What of a line matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `observed`, `signed`, `left_alone` or `refused`.
    pub(super) outcome: String,
    /// The host that the request named, as it came.
    pub(super) host: String,
    words: Vec<(String, String)>,
}

/// Why a line says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Skipped {
    /// It is empty.
    Empty,
    /// It has more than [`LONGEST`] bytes.
    TooLong,
    /// It has no decision: the request was none of AWS's, or another listener's.
    NoDecision,
    /// It begins as JSON and is none, or is none of the two forms.
    Unreadable,
}

/// A line of more bytes is no line of an access log.
pub(super) const LONGEST: usize = 64 << 10;

impl Skipped {
    /// For people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "longer than 64 KiB",
            Self::NoDecision => "without a decision of the filter's",
            Self::Unreadable => "not a line of an access log",
        }
    }
}

const OUTCOMES: [&str; 4] = ["observed", "signed", "left_alone", "refused"];

impl Line {
    /// Reads one, without its end.
    pub(super) fn read(line: &[u8]) -> Result<Self, Skipped> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Err(Skipped::Empty);
        }
        let text = std::str::from_utf8(line).map_err(|_| Skipped::Unreadable)?;
        let text = without_pod(text);
        match text.starts_with('{') {
            true => Self::of_json(text),
            false => Self::of_text(text),
        }
    }

    fn of_json(text: &str) -> Result<Self, Skipped> {
        let value: Value = serde_json::from_str(text).map_err(|_| Skipped::Unreadable)?;
        let get = |key: &str| value.get(key).and_then(Value::as_str);
        let decision = get("decision").ok_or(Skipped::NoDecision)?;
        let host = get("host").ok_or(Skipped::Unreadable)?;
        Self::of_words(host, decision.split(' ')).ok_or(Skipped::NoDecision)
    }

    /// `<time> <method> <host> <status> [<decision>] ...`, with another time before it where `kubectl` writes one. Nothing
    /// looser: other access logs stand in the same output, in which clients write what they like, behind a quote. What
    /// stands behind the decision is not looked at either: servers write it.
    fn of_text(text: &str) -> Result<Self, Skipped> {
        let is_host = |rest: &str| {
            let host = rest.split(' ').next().unwrap_or_default();
            Host::parse(["[", host].concat().as_bytes()).is_ok()
        };
        let (before, rest) = text
            .match_indices(" [")
            .filter_map(|(place, bracket)| {
                Some((text.get(..place)?, text.get(place + bracket.len()..)?))
            })
            .find(|(_, rest)| !is_host(rest))
            .ok_or(Skipped::Unreadable)?;
        let words: Vec<&str> = before.split(' ').collect();
        let ([_, _, host, status] | [_, _, _, host, status]) = *words.as_slice() else {
            return Err(Skipped::Unreadable);
        };
        let is_status = status.bytes().all(|byte| byte.is_ascii_digit());
        if !is_status || before.contains('"') {
            return Err(Skipped::Unreadable);
        }
        Self::of_words(host, enclosed(rest).split(' ')).ok_or(Skipped::NoDecision)
    }

    fn of_words<'a>(host: &str, mut words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let outcome = words.next()?;
        let known = OUTCOMES.contains(&outcome);
        let words = words.filter_map(|word| word.split_once('='));
        known.then(|| Self {
            outcome: outcome.to_owned(),
            host: host.to_owned(),
            words: words
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// The value of a word; `None` where there is none.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let mut words = self.words.iter();
        words
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }
}

/// Without what `kubectl logs --prefix` puts in front: `[pod/<name>/<container>] `.
fn without_pod(text: &str) -> &str {
    let rest = text.strip_prefix("[pod/");
    rest.and_then(|rest| rest.split_once("] "))
        .map_or(text, |(_, line)| line)
}

/// What stands before the bracket that closes the one before it: a rule's name has brackets of its own.
fn enclosed(text: &str) -> &str {
    let mut open = 1_usize;
    let end = text.find(|c| {
        match c {
            '[' => open += 1,
            ']' => open -= 1,
            _ => {}
        }
        open == 0
    });
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}
