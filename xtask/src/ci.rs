//! `cargo xtask ci`: what must pass before a merge, as jobs that can run side by side, or all of it on one machine.

use crate::run::{Result, cargo, root, run, step};
use crate::test::{self, Tests};
use crate::{bench, build, command, compose, demo, simulate, tools};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A part of CI that needs no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// All that is fetched and built before the tests.
    Fetch,
    /// Format, lints, dependencies, documentation.
    Lints,
    /// The tests that need no Envoy.
    Core,
    /// The simulation, and the budget of instructions.
    Costs,
    /// The tests on real Envoys, but for those of the clients and programs.
    EndToEnd,
    Clients,
    /// The programs that CI runs.
    Programs,
    Demo,
    Compose,
    /// What is known of the dependencies' faults; it needs GitHub, and no run of all jobs has it.
    Advisories,
}

impl Job {
    /// By the names of the command line.
    pub(crate) const ALL: [(&'static str, Self); 10] = [
        ("fetch", Self::Fetch),
        ("lints", Self::Lints),
        ("core", Self::Core),
        ("costs", Self::Costs),
        ("e2e", Self::EndToEnd),
        ("clients", Self::Clients),
        ("programs", Self::Programs),
        ("demo", Self::Demo),
        ("compose", Self::Compose),
        ("advisories", Self::Advisories),
    ];

    fn run(self, envoy: Option<&'static str>) -> Result {
        match self {
            Self::Fetch => {
                Tests::all(envoy).prepare()?;
                step("cargo-deny", || tools::cargo_deny().map(drop))
            }
            Self::Lints => {
                format()?;
                lints()
            }
            Self::Core => Tests::core().run(),
            Self::Costs => {
                step("simulation", || {
                    simulate::simulate(simulate::Files::Compare)
                })?;
                step("instructions", || bench::instructions(bench::Budget::Check))
            }
            Self::EndToEnd => test::test(&Tests::end_to_end(envoy)?),
            Self::Clients => test::test(&Tests::choose(Some(test::CLIENTS), envoy)?),
            Self::Programs => test::test(&Tests::choose(Some(test::PROGRAMS), envoy)?),
            Self::Demo => step("demo", || demo::demo(demo::After::Stop)),
            Self::Compose => step("compose", compose::compose),
            Self::Advisories => deny(&["advisories"]),
        }
    }
}

/// Runs these jobs, or everything; stops at the first failure.
pub(crate) fn ci(jobs: &[Job], envoy: Option<&'static str>) -> Result {
    if jobs.is_empty() {
        return everything(envoy);
    }
    jobs.iter().try_for_each(|job| job.run(envoy))
}

/// The quick checks first and the tests last. What waits for the network, for a server or for the linker runs beside
/// what takes all cores; the tests have the machine for themselves.
fn everything(envoy: Option<&'static str>) -> Result {
    let start = Instant::now();
    format()?;
    let beside = Beside::start(&["fetch", "costs"])?;
    lints()?;
    beside.join()?;
    let beside = Beside::start(&["demo", "compose"])?;
    let tests = Tests::all(envoy);
    step("compile tests", || tests.compile())?;
    beside.join()?;
    // It is there; but other jobs have built modules since.
    tests.prepare()?;
    eprintln!("== tests, after {} s", start.elapsed().as_secs());
    tests.run()
}

/// Jobs in a process of their own, so that what they print is kept apart.
struct Beside {
    jobs: String,
    process: Option<Child>,
    log: PathBuf,
    start: Instant,
}

impl Beside {
    fn start(jobs: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::spawn(jobs, command.arg("ci").args(jobs))
    }

    fn spawn(jobs: &[&str], command: &mut Command) -> Result<Self> {
        let directory = build::target().join("ci");
        fs::create_dir_all(&directory)?;
        let log = directory.join(format!("{}.log", jobs.join("-")));
        let output = File::create(&log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let jobs = jobs.join(", ");
        eprintln!("== {jobs}: beside this; log: {}", log.display());
        Ok(Self {
            jobs,
            process: Some(process),
            log,
            start: Instant::now(),
        })
    }

    /// Waits for their end, and shows what they printed.
    fn join(mut self) -> Result {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        let waited = Instant::now();
        let status = process.wait()?;
        println!(
            "{}",
            String::from_utf8_lossy(&fs::read(&self.log)?).trim_end()
        );
        eprintln!(
            "== {}: {status} ({} s, {} s of them waited for)",
            self.jobs,
            self.start.elapsed().as_secs(),
            waited.elapsed().as_secs()
        );
        if status.success() {
            return Ok(());
        }
        Err(format!("{} failed; log: {}", self.jobs, self.log.display()).into())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Something else has failed. Killed, it would leave a Docker Engine behind.
        if let Some(process) = &mut self.process {
            let _ = process.wait();
        }
    }
}

fn format() -> Result {
    step("format", || {
        run(&mut cargo(&["fmt", "--all", "--check"]))?;
        run(tools::s3s_cargo("fmt").arg("--check"))?;
        documents()
    })
}

fn lints() -> Result {
    step("clippy", || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    step("clippy for Wasm", || {
        run(&mut cargo(&[
            "clippy",
            "--lib",
            "--target",
            build::TARGET,
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    step("documentation", || {
        run(cargo(&[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ])
        .env(
            "RUSTDOCFLAGS",
            "--deny warnings --allow rustdoc::private-intra-doc-links",
        ))
    })?;
    step("clippy of s3s", || {
        run(tools::s3s_cargo("clippy").args(["--locked", "--", "--deny", "warnings"]))
    })?;
    step("dependencies", || deny(&["bans", "licenses", "sources"]))
}

fn deny(checks: &[&str]) -> Result {
    let deny = tools::cargo_deny()?;
    run(Command::new(deny)
        .current_dir(root())
        .args(["--workspace", "check"])
        .args(checks))
}

/// Every `cargo xtask <name>` in a document is a command.
fn documents() -> Result {
    for folder in ["", "docs", "envoy/istio", ".github"] {
        for entry in fs::read_dir(root().join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md")
                && let Some(name) = unknown_command(&fs::read_to_string(&path)?)
            {
                let path = path.display();
                return Err(format!("{path} names cargo xtask {name}, which is no command").into());
            }
        }
    }
    Ok(())
}

fn unknown_command(document: &str) -> Option<&str> {
    let names = document.split("cargo xtask ").skip(1);
    let mut names = names.map(|rest| {
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .next()
            .unwrap_or_default()
    });
    names.find(|name| command::names().all(|command| command != *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_commands_that_exist() {
        documents().unwrap();
    }

    #[test]
    fn a_document_may_name_commands_that_exist_only() {
        assert_eq!(
            unknown_command("run `cargo xtask demo --keep`, then `cargo xtask test`."),
            None
        );
        assert_eq!(
            unknown_command("    cargo xtask demo\n    cargo xtask dance\n"),
            Some("dance")
        );
    }

    #[test]
    fn what_runs_beside_is_kept_apart_and_its_failure_is_an_error() {
        let beside = |job, script| {
            let jobs = ["unit", job];
            Beside::spawn(&jobs, Command::new("sh").args(["-c", script])).unwrap()
        };
        let good = beside("good", "echo out; echo err >&2");
        let log = good.log.clone();
        good.join().unwrap();
        assert_eq!(fs::read_to_string(log).unwrap(), "out\nerr\n");
        let error = beside("bad", "exit 3").join().unwrap_err().to_string();
        assert!(error.starts_with("unit, bad failed; log: "), "{error}");
    }

    #[test]
    fn the_workflow_runs_every_job_and_every_envoy() {
        let workflow = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
        // Each of the others fetches for itself.
        let jobs = Job::ALL.iter().filter(|(_, job)| *job != Job::Fetch);
        for (name, _) in jobs {
            let runs = workflow
                .lines()
                .filter_map(|line| line.split_once("xtask ci "));
            let mut words = runs.flat_map(|(_, jobs)| jobs.split_whitespace());
            assert!(words.any(|word| word == *name), "{name}");
        }
        for version in tools::ENVOYS {
            assert!(workflow.contains(&format!("\"{version}\"")), "{version}");
        }
    }
}
