//! Configurations that say something else than they seem to: none is taken without a word.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use sigv4_egress::config::{self, Environment, Plugin};
use std::fmt::Write as _;

/// Outcome, key and JSON of each line.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    include_str!("data/odd-configurations.tsv")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.splitn(3, '\t');
            let mut word = || words.next().unwrap();
            (word(), word(), word())
        })
}

fn irsa() -> Environment {
    [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// What is said of a configuration: the outcome, the keys that are named, and the words.
fn said(json: &str) -> (&'static str, Vec<String>, String) {
    match config::parse(json.as_bytes(), &irsa()) {
        Err(error) => ("refused", vec![error.key.clone()], error.to_string()),
        Ok(Plugin::Downstream(config)) if !config.warnings.is_empty() => {
            let keys = config.warnings.iter().map(|warning| warning.key.clone());
            let lines = config.warnings.iter().map(ToString::to_string);
            (
                "warned",
                keys.collect(),
                lines.collect::<Vec<_>>().join("\n"),
            )
        }
        Ok(_) => ("fine", vec!["-".to_owned()], String::new()),
    }
}

#[test]
fn what_is_odd_is_named_with_its_key_and_what_is_not_is_taken() {
    let (mut count, mut wrong) = ([0, 0, 0], String::new());
    for (outcome, key, json) in rows() {
        let (found, keys, words) = said(json);
        let kind = ["refused", "warned", "fine"]
            .iter()
            .position(|kind| *kind == outcome);
        *count.get_mut(kind.unwrap()).unwrap() += 1;
        if found != outcome || !keys.iter().any(|found| found == key) {
            writeln!(
                wrong,
                "{json}\n  {outcome} {key}, but {found} {keys:?}: {words}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let [refused, warned, fine] = count;
    assert!(refused + warned >= 300 && fine >= 30, "{count:?}");
}

/// A sentence that names the key, what is wrong and what to write, without a hole where a word should be.
#[test]
fn what_is_said_can_be_read() {
    for (outcome, _, json) in rows().filter(|(outcome, ..)| *outcome != "fine") {
        let (_, _, words) = said(json);
        for line in words.lines() {
            assert!(line.len() > 30 && line.len() < 600, "{outcome} {line}");
            assert!(!line.contains("  ") && !line.contains("{}"), "{line}");
        }
    }
}
