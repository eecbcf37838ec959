//! The command line, read before anything is built.

use crate::bench::Budget;
use crate::chart;
use crate::ci::Job;
use crate::demo::After;
use crate::dist::Dist;
use crate::endpoints::{Botocore, Changes};
use crate::kubernetes;
use crate::programs::{self, Chosen};
use crate::simulate::Files;
use crate::tools::ENVOYS;
use std::fmt;

/// A command, its options as one types them, and what it does; in the order of `help`.
pub(crate) const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "build",
        "",
        "the release module: path, size, sha256; checks its imports",
    ),
    (
        "test",
        "[--only NAME] [--envoy VERSION]",
        "all tests, on real Envoys; NAME: a test target, a package, or a part of a test's name",
    ),
    (
        "istio",
        "[--envoy VERSION]",
        "the tests on a real istiod, with the files of envoy/istio; as root",
    ),
    (
        "demo",
        "[--keep]",
        "a program without credentials calls AWS; --keep leaves it running",
    ),
    (
        "programs",
        "[NAME...]",
        "programs of others (all, or these) through a real Envoy, and docs/programs.md",
    ),
    (
        "kubernetes",
        "[--keep]",
        "what users apply, and the policies against tenants, on a real API server; --keep leaves it running",
    ),
    (
        "compose",
        "",
        "docker-compose.yml in a Docker Engine of its own; as root, on Debian",
    ),
    (
        "bench",
        "[--rounds N] [--seconds S] [--only WORKLOAD,...] [--check]",
        "costs in Envoy, beside its own filter",
    ),
    ("bench --micro", "", "times of the core alone"),
    (
        "bench --instructions",
        "[--check | --update]",
        "instructions of the core alone, beside their budget",
    ),
    ("bench --size", "", "where the module's bytes are"),
    (
        "bench --https",
        "",
        "costs of https from the program, captured; as root",
    ),
    (
        "endpoints",
        "[--newest] [--check]",
        "the endpoint table from botocore (--newest: its newest release); --check fails if it would change",
    ),
    (
        "chart",
        "[--check]",
        "the files of envoy/istio from the chart in envoy/helm; --check fails if they would change",
    ),
    (
        "resolve",
        "[...]",
        "hosts on stdin: host, service, region, algorithm; - where it is not signed",
    ),
    (
        "explain",
        "[...]",
        "requests as JSON lines on stdin: decision, canonical request, headers",
    ),
    (
        "check-config",
        "<file or ->",
        "a configuration of the filter: what is odd about it, and the value and source of each key",
    ),
    (
        "names",
        "[...]",
        "the names of the certificate for https, for a region and a configuration",
    ),
    (
        "suggest",
        "[...]",
        "access logs on stdin: the configuration under which what they show would be signed",
    ),
    (
        "simulate",
        "[--check]",
        "a day of 100,000 sidecars with an outage of STS, into docs; --check fails if it would change",
    ),
    (
        "dist",
        "[--check | --release TAG]",
        "a release in target/dist; --check builds it a second time at another place and compares; \
         --release also wants the tag to be this version's",
    ),
    (
        "ci",
        "[JOB...] [--envoy VERSION]",
        "what must pass before a merge, or some of its jobs: \
         fetch, fetch-late, lints, core, costs, e2e, clients, programs, endurance, istio, demo, compose, dist, advisories",
    ),
    ("help", "", "this list"),
];

/// What is measured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    /// Requests in Envoy, with options that the bench reads again.
    Envoy(Vec<String>),
    Micro,
    Instructions(Budget),
    Size,
    Https,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Build,
    Test {
        only: Option<String>,
        envoy: Option<&'static str>,
    },
    Istio {
        envoy: Option<&'static str>,
    },
    Demo(After),
    Programs(Chosen),
    Kubernetes(kubernetes::After),
    Compose,
    Bench(Bench),
    Endpoints(Botocore, Changes),
    Chart(chart::Changes),
    /// The command-line tool, with its own name first; it reads its arguments itself.
    Tool(Vec<String>),
    Simulate(Files),
    Dist(Dist),
    /// Without a job: all of them.
    Ci {
        jobs: Vec<Job>,
        envoy: Option<&'static str>,
    },
    Help,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    NoCommand(String),
    NoOption {
        command: &'static str,
        word: String,
    },
    NoValue(&'static str),
    Value {
        option: &'static str,
        value: String,
        allowed: String,
    },
}

impl std::error::Error for Misuse {}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand(word) => {
                let known: Vec<&str> = names().collect();
                write!(f, "no such command: {word}; there are {}", known.join(", "))
            }
            Self::NoOption { command, word } => {
                let own = COMMANDS.iter().filter(|(name, ..)| {
                    name.strip_prefix(command)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                });
                let usage: Vec<String> =
                    own.map(|(name, options, _)| line(name, options)).collect();
                let usage = usage.join("\n  ");
                write!(f, "{command} does not take {word}; allowed:\n  {usage}")
            }
            Self::NoValue(option) => write!(f, "{option} needs a value"),
            Self::Value {
                option,
                value,
                allowed,
            } => write!(f, "{option} does not take {value}; allowed: {allowed}"),
        }
    }
}

/// The names of all commands.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS
        .iter()
        .map(|(name, ..)| *name)
        .filter(|name| !name.contains(' '))
}

fn line(name: &str, options: &str) -> String {
    format!("cargo xtask {name} {options}")
        .trim_end()
        .to_owned()
}

/// Prints the list of commands.
pub(crate) fn help() {
    for (name, options, meaning) in COMMANDS {
        println!("{}\n    {meaning}", line(name, options));
    }
}

/// Reads a whole command line.
pub(crate) fn parse(arguments: &[&str]) -> Result<Command, Misuse> {
    let (name, options) = match arguments {
        [] | ["--help" | "-h"] => ("help", [].as_slice()),
        [name, options @ ..] => (*name, options),
    };
    // As the messages have it, for the life of the program.
    let Some(command) = names().find(|known| *known == name) else {
        return Err(Misuse::NoCommand(name.to_owned()));
    };
    let refuse = |options: &[&str]| match options.first() {
        Some(word) => Err(Misuse::NoOption {
            command,
            word: (*word).to_owned(),
        }),
        None => Ok(()),
    };
    match command {
        "test" => test(options),
        "istio" => match options {
            [] => Ok(Command::Istio { envoy: None }),
            ["--envoy", rest @ ..] => {
                let envoy = Some(version(value("--envoy", rest.first())?)?);
                refuse(rest.get(1..).unwrap_or_default()).map(|()| Command::Istio { envoy })
            }
            other => refuse(other).map(|()| Command::Istio { envoy: None }),
        },
        "demo" => match options {
            ["--keep", rest @ ..] => refuse(rest).map(|()| Command::Demo(After::Keep)),
            other => refuse(other).map(|()| Command::Demo(After::Stop)),
        },
        "kubernetes" => match options {
            ["--keep", rest @ ..] => {
                refuse(rest).map(|()| Command::Kubernetes(kubernetes::After::Keep))
            }
            other => refuse(other).map(|()| Command::Kubernetes(kubernetes::After::Stop)),
        },
        "bench" => bench(options, refuse).map(Command::Bench),
        "endpoints" => {
            let (mut botocore, mut changes) = (Botocore::Pinned, Changes::Write);
            for option in options {
                match *option {
                    "--newest" => botocore = Botocore::Newest,
                    "--check" => changes = Changes::Refuse,
                    other => refuse(&[other])?,
                }
            }
            Ok(Command::Endpoints(botocore, changes))
        }
        "chart" => match options {
            ["--check", rest @ ..] => refuse(rest).map(|()| Command::Chart(chart::Changes::Refuse)),
            other => refuse(other).map(|()| Command::Chart(chart::Changes::Write)),
        },
        "resolve" | "explain" | "check-config" | "names" | "suggest" => Ok(Command::Tool(
            arguments.iter().map(|&word| word.to_owned()).collect(),
        )),
        "simulate" => match options {
            ["--check", rest @ ..] => refuse(rest).map(|()| Command::Simulate(Files::Compare)),
            other => refuse(other).map(|()| Command::Simulate(Files::Write)),
        },
        "dist" => match options {
            [] => Ok(Command::Dist(Dist::Make)),
            ["--check", rest @ ..] => refuse(rest).map(|()| Command::Dist(Dist::Check)),
            ["--release", rest @ ..] => {
                let tag = value("--release", rest.first())?.to_owned();
                refuse(rest.get(1..).unwrap_or_default())
                    .map(|()| Command::Dist(Dist::Release(tag)))
            }
            other => refuse(other).map(|()| Command::Dist(Dist::Make)),
        },
        "programs" => programs(options).map(Command::Programs),
        "ci" => ci(options),
        "build" => refuse(options).map(|()| Command::Build),
        "compose" => refuse(options).map(|()| Command::Compose),
        _ => refuse(options).map(|()| Command::Help),
    }
}

fn test(options: &[&str]) -> Result<Command, Misuse> {
    let (mut only, mut envoy) = (None, None);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match *word {
            "--only" => only = Some((*value("--only", words.next())?).to_owned()),
            "--envoy" => envoy = Some(version(value("--envoy", words.next())?)?),
            other => {
                return Err(Misuse::NoOption {
                    command: "test",
                    word: other.to_owned(),
                });
            }
        }
    }
    Ok(Command::Test { only, envoy })
}

fn programs(options: &[&str]) -> Result<Chosen, Misuse> {
    let find = |word: &&str| {
        let found = programs::names().find(|name| name == word);
        found.ok_or_else(|| Misuse::Value {
            option: "programs",
            value: (*word).to_owned(),
            allowed: programs::names().collect::<Vec<_>>().join(", "),
        })
    };
    options.iter().map(find).collect()
}

fn ci(options: &[&str]) -> Result<Command, Misuse> {
    let (mut jobs, mut envoy) = (Vec::new(), None);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        if *word == "--envoy" {
            envoy = Some(version(value("--envoy", words.next())?)?);
        } else if let Some((_, job)) = Job::ALL.iter().find(|(name, _)| name == word) {
            jobs.push(*job);
        } else {
            return Err(Misuse::Value {
                option: "ci",
                value: (*word).to_owned(),
                allowed: Job::ALL.map(|(name, _)| name).join(", "),
            });
        }
    }
    Ok(Command::Ci { jobs, envoy })
}

fn bench(
    options: &[&str],
    refuse: impl Fn(&[&str]) -> Result<(), Misuse>,
) -> Result<Bench, Misuse> {
    match options {
        ["--micro", rest @ ..] => refuse(rest).map(|()| Bench::Micro),
        ["--size", rest @ ..] => refuse(rest).map(|()| Bench::Size),
        ["--https", rest @ ..] => refuse(rest).map(|()| Bench::Https),
        ["--instructions", "--check", rest @ ..] => {
            refuse(rest).map(|()| Bench::Instructions(Budget::Check))
        }
        ["--instructions", "--update", rest @ ..] => {
            refuse(rest).map(|()| Bench::Instructions(Budget::Update))
        }
        ["--instructions", rest @ ..] => refuse(rest).map(|()| Bench::Instructions(Budget::Show)),
        _ => {
            let mut words = options.iter();
            while let Some(word) = words.next() {
                match *word {
                    "--check" => {}
                    "--rounds" => {
                        within("--rounds", words.next(), 1.0, 1000.0)?;
                    }
                    "--seconds" => within("--seconds", words.next(), 0.05, 60.0)?,
                    "--only" => workloads(value("--only", words.next())?)?,
                    other => refuse(&[other])?,
                }
            }
            let words = options.iter().map(|&word| word.to_owned());
            Ok(Bench::Envoy(words.collect()))
        }
    }
}

/// What the bench measures, in the order of its report.
const WORKLOADS: &[&str] = &[
    "s3_get",
    "dynamodb_post_1k",
    "dynamodb_post_1m",
    "pass_through",
    "rules_1",
    "rules_1000",
    "token_400",
    "token_1500",
    "workers_2",
    "s3_get_guard",
    "s3_put_chunked",
    "s3_put_256m",
    "parked",
];

fn workloads(names: &str) -> Result<(), Misuse> {
    match names.split(',').find(|name| !WORKLOADS.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(Misuse::Value {
            option: "--only",
            value: unknown.to_owned(),
            allowed: WORKLOADS.join(", "),
        }),
    }
}

fn within(option: &'static str, word: Option<&&str>, least: f64, most: f64) -> Result<(), Misuse> {
    let word = value(option, word)?;
    let is_allowed = |number: f64| number >= least && number <= most;
    // A count is whole.
    let is_count = least < 1.0 || word.parse::<u32>().is_ok();
    if is_count && word.parse().is_ok_and(is_allowed) {
        return Ok(());
    }
    Err(Misuse::Value {
        option,
        value: word.to_owned(),
        allowed: format!("{least} to {most}"),
    })
}

fn value<'a>(option: &'static str, word: Option<&&'a str>) -> Result<&'a str, Misuse> {
    word.copied().ok_or(Misuse::NoValue(option))
}

fn version(word: &str) -> Result<&'static str, Misuse> {
    ENVOYS
        .iter()
        .copied()
        .find(|known| *known == word)
        .ok_or_else(|| Misuse::Value {
            option: "--envoy",
            value: word.to_owned(),
            allowed: ENVOYS.join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::root;
    use std::fs;

    fn read(line: &str) -> Result<Command, Misuse> {
        parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn every_command_is_read_with_its_options() {
        let check = |line, expected| assert_eq!(read(line), Ok(expected), "{line}");
        check("", Command::Help);
        check("--help", Command::Help);
        check("help", Command::Help);
        check("build", Command::Build);
        check("compose", Command::Compose);
        check("programs", Command::Programs(Vec::new()));
        check("programs pandas", Command::Programs(vec!["pandas"]));
        check("kubernetes", Command::Kubernetes(kubernetes::After::Stop));
        check(
            "kubernetes --keep",
            Command::Kubernetes(kubernetes::After::Keep),
        );
        check("istio", Command::Istio { envoy: None });
        check(
            "istio --envoy 1.36.4",
            Command::Istio {
                envoy: Some("1.36.4"),
            },
        );
        check("demo", Command::Demo(After::Stop));
        check("demo --keep", Command::Demo(After::Keep));
        let test = |only: Option<&str>, envoy| Command::Test {
            only: only.map(str::to_owned),
            envoy,
        };
        check("test", test(None, None));
        check("test --only parked", test(Some("parked"), None));
        check(
            "test --envoy 1.36.4 --only parked",
            test(Some("parked"), Some("1.36.4")),
        );
        check(
            "endpoints --check --newest",
            Command::Endpoints(Botocore::Newest, Changes::Refuse),
        );
        check("chart", Command::Chart(chart::Changes::Write));
        check("chart --check", Command::Chart(chart::Changes::Refuse));
        check("simulate --check", Command::Simulate(Files::Compare));
        check("dist", Command::Dist(Dist::Make));
        check("dist --check", Command::Dist(Dist::Check));
        check(
            "dist --release v1.2.3",
            Command::Dist(Dist::Release("v1.2.3".to_owned())),
        );
        check("bench --micro", Command::Bench(Bench::Micro));
        check("bench --size", Command::Bench(Bench::Size));
        check("bench --https", Command::Bench(Bench::Https));
        check(
            "bench --instructions --update",
            Command::Bench(Bench::Instructions(Budget::Update)),
        );
        let words = [
            "--rounds",
            "3",
            "--seconds",
            "0.5",
            "--only",
            "s3_get,parked",
            "--check",
        ];
        check(
            "bench --rounds 3 --seconds 0.5 --only s3_get,parked --check",
            Command::Bench(Bench::Envoy(words.map(str::to_owned).to_vec())),
        );
        check(
            "ci core e2e --envoy 1.40.0",
            Command::Ci {
                jobs: vec![Job::Core, Job::EndToEnd],
                envoy: Some("1.40.0"),
            },
        );
        // The tool reads its options itself.
        check(
            "explain --config x.json",
            Command::Tool(
                ["explain", "--config", "x.json"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
        );
    }

    #[test]
    fn what_is_not_allowed_is_named_with_what_is() {
        for (line, said) in [
            (
                "dance",
                "no such command: dance; there are build, test, istio, demo",
            ),
            (
                "build --fast",
                "build does not take --fast; allowed:\n  cargo xtask build",
            ),
            (
                "test parked",
                "test does not take parked; allowed:\n  cargo xtask test [--only NAME]",
            ),
            ("test --only", "--only needs a value"),
            (
                "test --envoy 1.2.3",
                "--envoy does not take 1.2.3; allowed: 1.36.4, 1.40.0",
            ),
            ("demo --keep --keep", "demo does not take --keep"),
            (
                "istio --envoy 1.36.4 loopback",
                "istio does not take loopback; allowed:\n  cargo xtask istio [--envoy VERSION]",
            ),
            ("dist --release", "--release needs a value"),
            ("dist --check --twice", "dist does not take --twice"),
            ("simulate --write", "simulate does not take --write"),
            (
                "endpoints --new",
                "endpoints does not take --new; allowed:\n  cargo xtask endpoints [--newest]",
            ),
            (
                "bench --nope",
                "bench does not take --nope; allowed:\n  cargo xtask bench [--rounds N]",
            ),
            (
                "bench --nope",
                "\n  cargo xtask bench --instructions [--check | --update]",
            ),
            ("bench --micro --check", "bench does not take --check"),
            (
                "bench --rounds 0",
                "--rounds does not take 0; allowed: 1 to 1000",
            ),
            (
                "bench --rounds 1.5",
                "--rounds does not take 1.5; allowed: 1 to 1000",
            ),
            (
                "bench --seconds nan",
                "--seconds does not take nan; allowed: 0.05 to 60",
            ),
            (
                "bench --only s3_get,s3_gett",
                "--only does not take s3_gett; allowed: s3_get, dynamodb_post_1k",
            ),
            ("programs nope", "programs does not take nope; allowed: "),
            (
                "ci lint",
                "ci does not take lint; allowed: fetch, fetch-late, lints, core",
            ),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn every_command_of_the_list_is_read() {
        for (name, ..) in COMMANDS {
            assert!(read(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_workloads_are_those_of_the_bench() {
        let sources = ["options.rs", "workload.rs"];
        let sources = sources
            .map(|file| fs::read_to_string(root().join("tests/bench/src").join(file)).unwrap());
        for name in WORKLOADS {
            let quoted = format!("\"{name}\"");
            assert!(sources.iter().any(|text| text.contains(&quoted)), "{name}");
        }
    }

    #[test]
    fn the_help_names_every_job() {
        let (.., meaning) = COMMANDS.iter().find(|(name, ..)| *name == "ci").unwrap();
        let jobs = Job::ALL.map(|(name, _)| name).join(", ");
        assert!(meaning.ends_with(&jobs), "{meaning}");
    }

    #[test]
    fn the_envoys_are_those_of_the_tests() {
        let text = fs::read_to_string(root().join("tests/e2e/src/envoy.rs")).unwrap();
        for version in ENVOYS {
            assert!(text.contains(&format!("\"{version}\"")), "{version}");
        }
    }
}
