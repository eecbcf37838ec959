//! The programs that must be there before a command begins. The rest is fetched beneath `target/tools`.

use crate::bench::Budget;
use crate::ci::Job;
use crate::command::{Bench, Command};
use crate::demo::After;
use crate::programs;
use crate::run::Result;
use std::fmt::{self, Write as _};
use std::process::{self, Stdio};
use std::thread;

/// What a command does that takes programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The module, which Binaryen makes smaller.
    Module,
    /// Python's packages: Envoy, boto3, the emulator.
    Python,
    /// The tests on real Envoys.
    EndToEnd,
    /// Building Kustomize.
    Kustomize,
    /// Building Helm.
    Helm,
    /// Building actionlint.
    Workflows,
    /// Unpacking Debian's Prometheus.
    Prometheus,
    /// Those of them that have a network of their own.
    Namespaces,
    /// Those of them that open TLS with clients of many kinds.
    Certificates,
    /// The clients of `tests/clients`.
    Clients,
    /// The programs of `tests/programs` that CI runs.
    Programs,
    /// Those that it does not.
    OtherPrograms,
    /// Building istiod and what belongs to it.
    Istio,
    Demo,
    /// Counting instructions.
    Instructions,
    Compose,
    /// Building an API server, and its keys.
    Kubernetes,
}

/// A program, how it is looked for, how it is installed, and for what.
struct Need {
    program: &'static str,
    probe: Probe,
    install: &'static str,
    work: &'static [Work],
}

enum Probe {
    /// Asked so, it prints its version, which must be this or later; empty: any.
    Version(&'static [&'static str], &'static [u32]),
    /// It ends well; what that shows.
    Succeeds(&'static [&'static str], &'static str),
}

use Probe::{Succeeds, Version};
use Work::{
    Certificates, Clients, Compose, Demo, EndToEnd, Helm, Instructions, Istio, Kubernetes,
    Kustomize, Module, Namespaces, OtherPrograms, Programs, Prometheus, Python, Workflows,
};

const NODE: &str = "https://nodejs.org";

const NEEDS: &[Need] = &[
    Need {
        program: "node",
        probe: Version(&["--version"], &[20]),
        install: NODE,
        work: &[Module, Certificates, Clients, Programs],
    },
    Need {
        program: "npm",
        probe: Version(&["--version"], &[]),
        install: NODE,
        work: &[Module, Clients, Programs],
    },
    Need {
        program: "python3",
        probe: Succeeds(
            &[
                "-c",
                "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
            ],
            "3.10 or later with venv",
        ),
        install: "apt install python3 python3-venv",
        work: &[Python, Clients, Programs],
    },
    Need {
        program: "prlimit",
        probe: Version(&["--version"], &[]),
        install: "apt install util-linux",
        work: &[EndToEnd],
    },
    Need {
        program: "curl",
        probe: Version(&["--version"], &[]),
        install: "apt install curl",
        work: &[Demo, Namespaces, Certificates],
    },
    Need {
        program: "jq",
        probe: Version(&["--version"], &[]),
        install: "apt install jq",
        work: &[Clients],
    },
    Need {
        program: "curl",
        // Before, it signed for S3 without the hash of the body.
        probe: Version(&["--version"], &[7, 86]),
        install: "apt install curl",
        work: &[Clients],
    },
    Need {
        program: "openssl",
        probe: Version(&["version"], &[1, 1]),
        install: "apt install openssl",
        work: &[Certificates, Kubernetes],
    },
    Need {
        program: "bash",
        probe: Version(&["--version"], &[]),
        install: "apt install bash",
        work: &[Clients, Programs],
    },
    Need {
        // A JRE alone has none.
        program: "javac",
        probe: Version(&["--version"], &[17]),
        install: "apt install openjdk-17-jdk-headless",
        work: &[Certificates, Clients, OtherPrograms],
    },
    Need {
        program: "mvn",
        probe: Version(&["--version"], &[]),
        install: "apt install maven",
        work: &[Clients, OtherPrograms],
    },
    Need {
        program: "go",
        probe: Version(&["version"], &[1, 25]),
        install: "https://go.dev/dl",
        work: &[Certificates, Clients, Programs, Kustomize, Helm, Workflows],
    },
    Need {
        program: "go",
        // rclone's, Istio's and Kubernetes'.
        probe: Version(&["version"], &[1, 26]),
        install: "https://go.dev/dl",
        work: &[OtherPrograms, Istio, Kubernetes],
    },
    Need {
        program: "dpkg-query",
        probe: Version(&["--version"], &[]),
        install: "Debian 12",
        work: &[OtherPrograms],
    },
    Need {
        program: "valgrind",
        probe: Version(&["--version"], &[]),
        install: "apt install valgrind",
        work: &[Instructions],
    },
    Need {
        program: "sh",
        probe: Succeeds(&["-c", "test \"$(id -u)\" = 0"], "run by root"),
        install: "sudo, or with Docker of your own: docker compose up --build",
        work: &[Compose],
    },
    Need {
        program: "sh",
        probe: Succeeds(&["-c", "test \"$(id -u)\" = 0"], "run by root"),
        install: "sudo (CONTRIBUTING.md)",
        work: &[Namespaces],
    },
    Need {
        program: "setpriv",
        probe: Version(&["--version"], &[]),
        install: "apt install util-linux",
        work: &[Namespaces, Kubernetes],
    },
    Need {
        program: "ip",
        probe: Version(&["-Version"], &[]),
        install: "apt install iproute2",
        work: &[Namespaces],
    },
    Need {
        program: "apt-get",
        probe: Version(&["--version"], &[]),
        install: "Debian or Ubuntu",
        work: &[Compose, Prometheus],
    },
    Need {
        program: "dpkg",
        probe: Version(&["--version"], &[]),
        install: "Debian or Ubuntu",
        work: &[Compose, Prometheus],
    },
    Need {
        program: "unshare",
        probe: Version(&["--version"], &[]),
        install: "apt install util-linux",
        work: &[Compose, Namespaces],
    },
    Need {
        program: "tar",
        probe: Version(&["--version"], &[]),
        install: "apt install tar",
        work: &[Compose],
    },
];

/// What a command does. That of `test` is the tests' to say, as they know what was chosen.
pub(crate) fn work(command: &Command) -> Vec<Work> {
    match command {
        Command::Build | Command::Bench(Bench::Size) | Command::Dist(_) => vec![Module],
        Command::Demo(After::Stop | After::Keep) => work_of(Job::Demo),
        Command::Istio { .. } => work_of(Job::Istio),
        Command::Programs(chosen) => {
            let mut work = work_of(Job::Programs);
            if !programs::are_in_ci(chosen) {
                work.push(OtherPrograms);
            }
            work
        }
        Command::Kubernetes(_) => vec![Module, Python, Kubernetes],
        Command::Compose => work_of(Job::Compose),
        Command::Bench(Bench::Envoy(_)) => vec![Module, Python],
        Command::Bench(Bench::Https) => vec![Module, Python, EndToEnd, Namespaces],
        Command::Bench(Bench::Instructions(Budget::Show | Budget::Check | Budget::Update)) => {
            vec![Instructions]
        }
        Command::Endpoints(..) => vec![Python],
        Command::Chart(_) => vec![Helm],
        Command::Ci { jobs, .. } if jobs.is_empty() => {
            let jobs = Job::ALL.iter().map(|(_, job)| *job);
            jobs.flat_map(work_of).collect()
        }
        Command::Ci { jobs, .. } => jobs.iter().copied().flat_map(work_of).collect(),
        Command::Bench(Bench::Micro)
        | Command::Test { .. }
        | Command::Tool(_)
        | Command::Simulate(_)
        | Command::Help => Vec::new(),
    }
}

fn work_of(job: Job) -> Vec<Work> {
    match job {
        Job::Fetch => vec![Module, Python, Workflows],
        Job::FetchLate => vec![Module, Python, Clients, Programs, Istio],
        Job::Lints => vec![Helm, Workflows],
        Job::Core | Job::Advisories => Vec::new(),
        Job::Costs => vec![Instructions],
        Job::EndToEnd => vec![
            Module,
            Python,
            EndToEnd,
            Helm,
            Prometheus,
            Namespaces,
            Certificates,
        ],
        Job::Endurance => vec![Module, Python, EndToEnd],
        Job::Clients => vec![Module, Python, EndToEnd, Namespaces, Clients],
        Job::Programs => vec![Module, Python, EndToEnd, Namespaces, Programs],
        Job::Istio => vec![Module, Python, EndToEnd, Helm, Namespaces, Istio],
        Job::Demo => vec![Module, Python, Demo],
        Job::Compose => vec![Python, Compose],
        Job::Dist => vec![Module],
    }
}

/// One error with all that is missing for this work.
pub(crate) fn check(work: &[Work]) -> Result {
    let needs = NEEDS
        .iter()
        .filter(|need| need.work.iter().any(|one| work.contains(one)));
    // Side by side: some take half a second to say who they are.
    let found = thread::scope(|scope| {
        let probes: Vec<_> = needs
            .map(|need| (need, scope.spawn(|| need.probe())))
            .collect();
        let found = probes.into_iter().map(|(need, probe)| {
            let found = probe.join().unwrap_or(Found::Missing);
            (need, found)
        });
        found.collect::<Vec<_>>()
    });
    let mut text = String::new();
    for (need, found) in found {
        if found != Found::Fits {
            let _ = write!(text, "\n  {need}: {found}; install: {}", need.install);
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    Err(format!("programs are missing or too old:{text}").into())
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Fits,
    Missing,
    /// It is of this version.
    Old(Vec<u32>),
    /// It ran, and did not end well or said no version.
    Unfit,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits => f.write_str("found"),
            Self::Missing => f.write_str("missing"),
            Self::Old(version) => write!(f, "found {}", dotted(version)),
            Self::Unfit => f.write_str("found another"),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        match self.probe {
            Version(_, []) => Ok(()),
            Version(_, least) => write!(f, " {} or later", dotted(least)),
            Succeeds(_, what) => write!(f, " {what}"),
        }
    }
}

impl Need {
    fn probe(&self) -> Found {
        let (Version(arguments, _) | Succeeds(arguments, _)) = self.probe;
        let output = process::Command::new(self.program)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            return Found::Missing;
        };
        match self.probe {
            _ if !output.status.success() => Found::Unfit,
            Succeeds(..) | Version(_, []) => Found::Fits,
            Version(_, least) => judge(&String::from_utf8_lossy(&output.stdout), least),
        }
    }
}

/// Whether a text in which a program says its version names one that is this or later.
fn judge(text: &str, least: &[u32]) -> Found {
    match version(text) {
        Some(found) if found.as_slice() >= least => Found::Fits,
        Some(found) => Found::Old(found),
        None => Found::Unfit,
    }
}

/// The first number with a dot in it, or else the first at all.
fn version(text: &str) -> Option<Vec<u32>> {
    let numbers = || {
        text.split(|c: char| !c.is_ascii_digit() && c != '.')
            .map(|word| word.trim_matches('.'))
            .filter(|word| !word.is_empty())
    };
    let word = numbers()
        .find(|word| word.contains('.'))
        .or_else(|| numbers().next())?;
    word.split('.').map(|part| part.parse().ok()).collect()
}

fn dotted(version: &[u32]) -> String {
    let parts: Vec<String> = version.iter().map(u32::to_string).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        let check = |text, expected: &[u32]| assert_eq!(version(text).unwrap(), expected, "{text}");
        check("go version go1.26.8 linux/amd64", &[1, 26, 8]);
        check("v20.20.2\n", &[20, 20, 2]);
        check("javac 17.0.15", &[17, 0, 15]);
        check("javac 25", &[25]);
        check(
            "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1",
            &[7, 88, 1],
        );
        check("\x1b[1mApache Maven 3.8.7\x1b[m", &[3, 8, 7]);
        assert_eq!(version("no number."), None);
    }

    #[test]
    fn a_version_is_compared_part_by_part() {
        let check = |text, expected| assert_eq!(judge(text, &[1, 25]), expected, "{text}");
        check("go1.25", Found::Fits);
        check("go1.100.1", Found::Fits);
        check("go2", Found::Fits);
        check("go1.9.9", Found::Old(vec![1, 9, 9]));
        check("go1", Found::Old(vec![1]));
        check("unknown", Found::Unfit);
    }

    #[test]
    fn a_program_that_is_not_there_is_missing() {
        let need = |program, probe| Need {
            program,
            probe,
            install: "apt install it",
            work: &[],
        };
        let missing = need("no-such-program", Version(&[], &[1, 2]));
        assert_eq!(missing.probe(), Found::Missing);
        assert_eq!(missing.to_string(), "no-such-program 1.2 or later");
        assert_eq!(
            need("sh", Succeeds(&["-c", "exit 0"], "")).probe(),
            Found::Fits
        );
        assert_eq!(
            need("sh", Succeeds(&["-c", "exit 1"], "")).probe(),
            Found::Unfit
        );
        let old = need("sh", Version(&["-c", "echo sh 1.1"], &[1, 2]));
        assert_eq!(old.probe(), Found::Old(vec![1, 1]));
    }

    #[test]
    fn each_program_is_for_some_command() {
        let mut everything = work(&Command::Ci {
            jobs: Vec::new(),
            envoy: None,
        });
        everything.extend(work(&Command::Programs(Vec::new())));
        for need in NEEDS {
            assert!(
                need.work.iter().any(|work| everything.contains(work)),
                "{need}"
            );
        }
    }

    #[test]
    fn only_what_a_command_does_asks_for_programs() {
        assert_eq!(work(&Command::Build), [Module]);
        let core = Command::Ci {
            jobs: vec![Job::Core],
            envoy: None,
        };
        assert_eq!(work(&core), []);
    }
}
