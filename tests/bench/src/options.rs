//! The command line.

use crate::Result;
use crate::workload::{self, Workload};
use std::path::PathBuf;
use std::time::Duration;

/// What to do with the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Show them.
    Report,
    /// Fail where a goal is missed.
    Check,
}

/// How to measure.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Our module.
    pub(crate) module: PathBuf,
    /// Envoy's binary.
    pub(crate) envoy: PathBuf,
    /// Where the report goes.
    pub(crate) output: PathBuf,
    /// How often each variant has its turn.
    pub(crate) rounds: usize,
    /// How long a turn is.
    pub(crate) turn: Duration,
    /// What is measured; memory and start only with all of it.
    pub(crate) workloads: Vec<Workload>,
    /// All workloads are there.
    pub(crate) is_complete: bool,
    /// Requests that wait are measured too.
    pub(crate) parked: bool,
    /// What follows.
    pub(crate) purpose: Purpose,
    /// As the user typed it.
    pub(crate) command: String,
}

impl Options {
    /// `--module <path> --envoy <path> --output <directory>`, which xtask gives, then what the user did.
    ///
    /// # Errors
    /// Says what is wrong with an argument, and what is allowed.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            module: PathBuf::new(),
            envoy: PathBuf::new(),
            output: PathBuf::new(),
            rounds: 15,
            turn: Duration::from_secs(1),
            workloads: workload::all(),
            is_complete: true,
            parked: true,
            purpose: Purpose::Report,
            command: "cargo xtask bench".to_owned(),
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--check" {
                options.purpose = Purpose::Check;
                options.command.push_str(" --check");
                continue;
            }
            let value = words
                .next()
                .ok_or_else(|| format!("{word} needs a value; {ALLOWED}"))?;
            match word.as_str() {
                "--module" => options.module = value.into(),
                "--envoy" => options.envoy = value.into(),
                "--output" => options.output = value.into(),
                "--rounds" => {
                    let rounds = value
                        .parse()
                        .ok()
                        .filter(|rounds| (1..=1000).contains(rounds));
                    options.rounds = rounds.ok_or("--rounds takes 1 to 1000")?;
                }
                "--seconds" => {
                    let seconds = value
                        .parse()
                        .ok()
                        .filter(|seconds| (0.05..=60.0).contains(seconds));
                    options.turn =
                        Duration::from_secs_f64(seconds.ok_or("--seconds takes 0.05 to 60")?);
                }
                "--only" => options.choose(value)?,
                other => return Err(format!("{other} is no option; {ALLOWED}").into()),
            }
            if matches!(word.as_str(), "--rounds" | "--seconds" | "--only") {
                options.command.push_str(&format!(" {word} {value}"));
            }
        }
        Ok(options)
    }

    fn choose(&mut self, names: &str) -> Result {
        let all = workload::all();
        let names_of_workloads = all.iter().map(|workload| workload.name);
        let known: Vec<&str> = names_of_workloads.chain([PARKED]).collect();
        for name in names.split(',') {
            if !known.contains(&name) {
                return Err(
                    format!("--only: there is no {name}; there are {}", known.join(", ")).into(),
                );
            }
        }
        self.workloads = all
            .into_iter()
            .filter(|one| names.split(',').any(|name| name == one.name))
            .collect();
        self.is_complete = false;
        self.parked = names.split(',').any(|name| name == PARKED);
        Ok(())
    }
}

/// What is no workload: see [`crate::parked`].
const PARKED: &str = "parked";

const ALLOWED: &str = "allowed: --rounds <n>, --seconds <s>, --only <workload>,..., --check";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_that_is_shown_is_the_one_that_was_typed() {
        let line = "--rounds 3 --seconds 0.5 --only s3_get,rules_1 --check";
        let options = parse(&format!("--module m --envoy e --output o {line}")).unwrap();
        assert_eq!(options.command, format!("cargo xtask bench {line}"));
        assert_eq!(options.rounds, 3);
        assert_eq!(options.workloads.len(), 2);
    }

    #[test]
    fn what_is_not_allowed_is_named_with_what_is() {
        for (line, said) in [
            (
                "--only s3_gett",
                "there is no s3_gett; there are s3_get, dynamodb_post_1k",
            ),
            ("--rounds 0", "--rounds takes 1 to 1000"),
            ("--seconds nan", "--seconds takes 0.05 to 60"),
            ("--fast 1", "--fast is no option; allowed: --rounds"),
            ("--rounds", "--rounds needs a value; allowed: --rounds"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
