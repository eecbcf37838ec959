//! `cargo xtask ci`: what must pass before a merge, as jobs that can run side by side, or all of it on one machine.

use crate::run::{Result, cargo, root, run, step};
use crate::test::{self, Tests};
use crate::{bench, build, chart, command, compose, demo, dist, simulate, tools};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A part of CI that needs no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// All that is fetched and built before the tests.
    Fetch,
    /// The same for tests that come late: the clients, the programs and Istio's.
    FetchLate,
    /// Format, lints, dependencies, documentation.
    Lints,
    /// The tests that need no Envoy.
    Core,
    /// The simulation, and the budget of instructions.
    Costs,
    /// The tests on real Envoys, but for those with a job to themselves.
    EndToEnd,
    Clients,
    /// The programs that CI runs.
    Programs,
    /// Minutes in which little is computed: credentials live and end, connections drain.
    Endurance,
    /// The tests on a real istiod.
    Istio,
    Demo,
    Compose,
    /// A release, built twice: minutes, and no run of all jobs has them.
    Dist,
    /// What is known of the dependencies' faults; it needs GitHub, and no run of all jobs has it.
    Advisories,
}

impl Job {
    /// By the names of the command line.
    pub(crate) const ALL: [(&'static str, Self); 14] = [
        ("fetch", Self::Fetch),
        ("fetch-late", Self::FetchLate),
        ("lints", Self::Lints),
        ("core", Self::Core),
        ("costs", Self::Costs),
        ("e2e", Self::EndToEnd),
        ("clients", Self::Clients),
        ("programs", Self::Programs),
        ("endurance", Self::Endurance),
        ("istio", Self::Istio),
        ("demo", Self::Demo),
        ("compose", Self::Compose),
        ("dist", Self::Dist),
        ("advisories", Self::Advisories),
    ];

    fn run(self, envoy: Option<&'static str>) -> Result {
        match self {
            Self::Fetch => {
                Tests::all_but(&test::LATE, envoy)?.prepare()?;
                step("cargo-deny", || tools::cargo_deny().map(drop))?;
                step("actionlint", || tools::actionlint().map(drop))
            }
            Self::FetchLate => Tests::of_targets(&test::LATE, envoy)?.prepare(),
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
            Self::Clients => test::test(&Tests::of_target(test::CLIENTS, envoy)?),
            Self::Programs => test::test(&Tests::of_target(test::PROGRAMS, envoy)?),
            Self::Endurance => test::test(&Tests::of_targets(&test::ENDURANCE, envoy)?),
            Self::Istio => test::test(&Tests::of_target(test::ISTIOD, envoy)?),
            Self::Demo => step("demo", || demo::demo(demo::After::Stop)),
            Self::Compose => step("compose", compose::compose),
            Self::Dist => dist::dist(&dist::Dist::Check),
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
/// what takes all cores. The tests often wait, and what the last of them need is built in that time.
fn everything(envoy: Option<&'static str>) -> Result {
    let start = Instant::now();
    format()?;
    let beside = Beside::start(&["fetch"])?;
    lints()?;
    beside.join()?;
    let beside = Beside::start(&["demo", "compose"])?;
    let late = Beside::start_politely(&["fetch-late", "costs"])?;
    step("compile tests", || Tests::all(envoy).compile())?;
    beside.join()?;
    let tests = Tests::all_but(&[&test::ENDURANCE[..], &test::LATE].concat(), envoy)?;
    // It is there; but other jobs have built modules since.
    tests.prepare()?;
    let endurance = Beside::start(&["endurance"])?;
    eprintln!("== tests, after {} s", start.elapsed().as_secs());
    let results = [tests.run(), endurance.join(), late.join()];
    eprintln!("== last tests, after {} s", start.elapsed().as_secs());
    let last = Tests::of_targets(&test::LATE, envoy)?;
    results.into_iter().chain([last.run()]).collect()
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

    /// The same, behind all that wants the processors.
    fn start_politely(jobs: &[&str]) -> Result<Self> {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(std::env::current_exe()?);
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
        build::add_target(build::TARGET)?;
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
    step("chart", || chart::chart(chart::Changes::Refuse))?;
    step("dependencies", || deny(&["bans", "licenses", "sources"]))?;
    step("workflows", workflows)
}

/// What GitHub would say of the workflows, and of the expressions in them.
fn workflows() -> Result {
    let actionlint = tools::actionlint()?;
    // Programs that it would call if they happen to be there.
    let alone = ["-shellcheck=", "-pyflakes="];
    run(Command::new(actionlint).current_dir(root()).args(alone))
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
        let jobs = Job::ALL
            .iter()
            .filter(|(_, job)| ![Job::Fetch, Job::FetchLate].contains(job));
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
