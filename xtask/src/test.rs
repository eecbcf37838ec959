//! `cargo xtask test`: the tests, with what they need and no more.

use crate::needs::{self, Work};
use crate::run::{Result, cargo, root, run, step};
use crate::{build, clients, istio, programs, tools};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Packages, their directories, and cargo's names for their unit tests.
const PACKAGES: &[(&str, &str, &[&str])] = &[
    ("sigv4-egress", "", &["--lib", "--bins"]),
    ("e2e", "tests/e2e", &["--lib"]),
    ("bench", "tests/bench", &["--bins"]),
    ("micro", "tests/micro", &["--lib"]),
    ("xtask", "xtask", &["--bins"]),
];

/// How long the longest tests of the core go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// As with `cargo test`, for whoever waits for them.
    Short,
    /// All their random cases (`SIGV4_EGRESS_TESTS`).
    Whole,
}

/// What tests stand on, beyond what cargo builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// With the module in them, and boto3 beside them.
    Envoys,
    /// The module that ends its VM when a test says so.
    Trap,
    /// The S3 server of `tests/s3s`.
    S3s,
    /// What puts `envoy/kubernetes` together.
    Kustomize,
    /// What renders `envoy/helm`, and the definitions of Istio's resources.
    Helm,
    /// Prometheus, which scrapes Envoys.
    Prometheus,
    /// Networks of their own, and iptables in them.
    Namespaces,
    /// Probes in Go, Java and JavaScript that open TLS.
    Certificates,
    Clients,
    /// Those that CI runs.
    Programs,
    /// Istio's control plane and agent.
    Istio,
}

/// A test target of cargo's, or the unit tests of a package.
#[derive(Debug)]
struct Target {
    package: &'static str,
    /// `None`: unit tests.
    name: Option<String>,
    /// The arguments with which cargo chooses it within its package.
    arguments: Vec<String>,
    sources: Vec<PathBuf>,
}

/// Tests that were chosen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tests {
    /// Of `cargo test`.
    arguments: Vec<String>,
    parts: BTreeSet<Part>,
    /// `None`: each that is tested.
    envoy: Option<&'static str>,
    length: Length,
}

impl Tests {
    /// All tests, or those that `name` says: a test target, a package, or a part of tests' names.
    pub(crate) fn choose(only: Option<&str>, envoy: Option<&'static str>) -> Result<Self> {
        let Some(name) = only else {
            return Ok(Self::all(envoy));
        };
        let targets = targets()?;
        if let Some((package, ..)) = PACKAGES.iter().find(|(package, ..)| *package == name) {
            let parts = parts(targets.iter().filter(|target| target.package == *package))?;
            let arguments = words(&["--package", package]);
            return Ok(Self::some(arguments, parts, envoy));
        }
        let named = targets
            .iter()
            .filter(|target| target.name.as_deref() == Some(name));
        let named: Vec<&Target> = named.collect();
        if !named.is_empty() {
            return Ok(Self::some(arguments(&named), parts(named)?, envoy));
        }
        let mut found = Vec::new();
        // With the modules before it, as cargo prints it.
        let last = name.rsplit("::").next().unwrap_or(name);
        for target in &targets {
            if target.has_test(last)? {
                found.push(target);
            }
        }
        if last.is_empty() || found.is_empty() {
            return Err(unknown(name, &targets).into());
        }
        let mut arguments = arguments(&found);
        arguments.extend(words(&["--", name]));
        Ok(Self::some(arguments, parts(found)?, envoy))
    }

    /// Each test of the workspace.
    pub(crate) fn all(envoy: Option<&'static str>) -> Self {
        Self {
            // Those of `cargo xtask kubernetes` have an API server.
            arguments: words(&["--workspace", "--exclude", "kubernetes"]),
            parts: BTreeSet::from([
                Part::Envoys,
                Part::Trap,
                Part::S3s,
                Part::Kustomize,
                Part::Helm,
                Part::Prometheus,
                Part::Namespaces,
                Part::Certificates,
                Part::Clients,
                Part::Programs,
                Part::Istio,
            ]),
            envoy,
            length: Length::Whole,
        }
    }

    /// All but these targets.
    pub(crate) fn all_but(others: &[&str], envoy: Option<&'static str>) -> Result<Self> {
        let targets = targets()?;
        let named: Vec<&Target> = targets
            .iter()
            .filter(|target| {
                target
                    .name
                    .as_deref()
                    .is_some_and(|name| !others.contains(&name))
            })
            .collect();
        let mut all = Self::all(envoy);
        all.parts = parts(named.iter().copied())?;
        all.arguments.extend(words(&["--lib", "--bins"]));
        // They begin with `--workspace`, which is there.
        all.arguments.extend(arguments(&named).into_iter().skip(1));
        Ok(all)
    }

    /// Those of one target, with all their random cases.
    pub(crate) fn of_target(name: &str, envoy: Option<&'static str>) -> Result<Self> {
        Self::of_targets(&[name], envoy)
    }

    /// Those of these targets, with all their random cases.
    pub(crate) fn of_targets(names: &[&str], envoy: Option<&'static str>) -> Result<Self> {
        let targets = targets()?;
        let named = targets.iter().filter(|target| {
            let name = target.name.as_deref();
            name.is_some_and(|name| names.contains(&name))
        });
        let named: Vec<&Target> = named.collect();
        let chosen = Self::some(arguments(&named), parts(named)?, envoy);
        Ok(Self {
            length: Length::Whole,
            ..chosen
        })
    }

    /// Those that need no Envoy.
    pub(crate) fn core() -> Self {
        Self {
            arguments: words(&["--workspace", "--exclude", "e2e", "--exclude", "kubernetes"]),
            parts: BTreeSet::new(),
            envoy: None,
            length: Length::Whole,
        }
    }

    /// Those on real Envoys, but for those that have a job of CI's to themselves.
    pub(crate) fn end_to_end(envoy: Option<&'static str>) -> Result<Self> {
        let targets = targets()?;
        let chosen = targets.iter().filter(|target| target.package == "e2e");
        let chosen: Vec<&Target> = chosen
            .filter(|target| {
                let name = target.name.as_deref();
                name.is_none_or(|name| !OF_OTHER_JOBS.contains(&name))
            })
            .collect();
        Ok(Self::some(arguments(&chosen), parts(chosen)?, envoy))
    }

    fn some(arguments: Vec<String>, parts: BTreeSet<Part>, envoy: Option<&'static str>) -> Self {
        Self {
            arguments,
            parts,
            envoy,
            length: Length::Short,
        }
    }

    /// What takes programs.
    pub(crate) fn work(&self) -> Vec<Work> {
        let mut work = Vec::new();
        if self.parts.contains(&Part::Envoys) {
            work.extend([Work::Module, Work::Python, Work::EndToEnd]);
        }
        if self.parts.contains(&Part::Kustomize) {
            work.push(Work::Kustomize);
        }
        if self.parts.contains(&Part::Helm) {
            work.push(Work::Helm);
        }
        if self.parts.contains(&Part::Prometheus) {
            work.push(Work::Prometheus);
        }
        if self.parts.contains(&Part::Namespaces) {
            work.push(Work::Namespaces);
        }
        if self.parts.contains(&Part::Certificates) {
            work.push(Work::Certificates);
        }
        if self.parts.contains(&Part::Clients) {
            work.push(Work::Clients);
        }
        if self.parts.contains(&Part::Programs) {
            work.push(Work::Programs);
        }
        if self.parts.contains(&Part::Istio) {
            work.push(Work::Istio);
        }
        work
    }

    /// Builds and fetches what these tests stand on.
    pub(crate) fn prepare(&self) -> Result {
        let has = |part| self.parts.contains(&part);
        if has(Part::Envoys) {
            // botocore verifies what Envoy sends.
            step("Python", || tools::python().map(drop))?;
            for version in tools::ENVOYS {
                if self.envoy.is_none_or(|chosen| chosen == *version) {
                    step(&format!("Envoy {version}"), || {
                        tools::envoy(version).map(drop)
                    })?;
                }
            }
        }
        if has(Part::Clients) {
            step("clients", clients::clients)?;
        }
        if has(Part::Programs) {
            step("programs", programs::install_those_of_ci)?;
        }
        if has(Part::Kustomize) {
            step("Kustomize", tools::kustomize)?;
        }
        if has(Part::Helm) {
            step("Helm", || tools::helm().map(drop))?;
            step("Istio's definitions", tools::istio_crds)?;
        }
        if has(Part::Istio) {
            step("Istio", istio::programs)?;
        }
        if has(Part::Prometheus) {
            step("Prometheus", tools::prometheus)?;
        }
        if has(Part::S3s) {
            step("s3s", tools::s3s)?;
        }
        if has(Part::Namespaces) {
            step("iptables", tools::iptables)?;
        }
        if has(Part::Trap) {
            step("module that traps", build::build_trap)?;
        }
        if has(Part::Envoys) {
            // Last, so that cargo leaves the module that is shipped where it puts the newest.
            step("module", || build::build().map(drop))?;
        }
        Ok(())
    }

    /// Compiles them.
    pub(crate) fn compile(&self) -> Result {
        run(self.cargo().arg("--no-run"))
    }

    /// Runs them; cargo's own closing lines stay the last.
    pub(crate) fn run(&self) -> Result {
        run(&mut self.cargo())
    }

    fn cargo(&self) -> std::process::Command {
        // A test that fails hides none of the others.
        let mut cargo = cargo(&["test", "--no-fail-fast"]);
        cargo.args(&self.arguments);
        cargo.envs(self.envoy.map(|version| ("SIGV4_EGRESS_ENVOY", version)));
        if std::env::var_os("RUST_TEST_THREADS").is_none() {
            // Most tests wait now and then.
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            cargo.env("RUST_TEST_THREADS", (cores + 1).to_string());
        }
        if self.length == Length::Whole {
            cargo.env("SIGV4_EGRESS_TESTS", "whole");
        }
        cargo
    }
}

/// Checks what the tests need, prepares it, and runs them.
pub(crate) fn test(tests: &Tests) -> Result {
    needs::check(&tests.work())?;
    tests.prepare()?;
    tests.run()
}

/// The target with a test for each of AWS's clients.
pub(crate) const CLIENTS: &str = "clients";
/// The one that runs programs.
pub(crate) const PROGRAMS: &str = "programs";
/// Those in which credentials live and end, or connections drain: minutes, in which little is computed.
pub(crate) const ENDURANCE: [&str; 2] = ["endurance", "flush"];
/// The one on a real istiod.
pub(crate) const ISTIOD: &str = "istiod";

/// Those of programs that take minutes to build.
pub(crate) const LATE: [&str; 3] = [CLIENTS, PROGRAMS, ISTIOD];

const OF_OTHER_JOBS: [&str; 5] = [CLIENTS, PROGRAMS, ENDURANCE[0], ENDURANCE[1], ISTIOD];

impl Target {
    fn parts(&self) -> Result<BTreeSet<Part>> {
        let mut parts = BTreeSet::new();
        if self.package != "e2e" || self.name.is_none() {
            return Ok(parts);
        }
        parts.insert(Part::Envoys);
        if self.name.as_deref() == Some(CLIENTS) {
            parts.insert(Part::Clients);
        }
        if self.name.as_deref() == Some(PROGRAMS) {
            parts.insert(Part::Programs);
        }
        if self.name.as_deref() == Some(ISTIOD) {
            parts.insert(Part::Istio);
        }
        for path in &self.sources {
            let text = fs::read_to_string(path)?;
            if text.contains("trap_module()") {
                parts.insert(Part::Trap);
            }
            if text.contains("target/tools/kustomize") {
                parts.insert(Part::Kustomize);
            }
            if text.contains("target/tools/helm") {
                parts.insert(Part::Helm);
            }
            if text.contains("target/tools/prometheus") {
                parts.insert(Part::Prometheus);
            }
            if text.contains("S3s::start()") {
                parts.insert(Part::S3s);
            }
            if text.contains("e2e::namespace") || text.contains("e2e::pod") {
                parts.insert(Part::Namespaces);
            }
            if text.contains("probe.go") {
                parts.insert(Part::Certificates);
            }
        }
        Ok(parts)
    }

    /// Whether a test has this in its name.
    fn has_test(&self, part: &str) -> Result<bool> {
        for path in &self.sources {
            if tests_in(&fs::read_to_string(path)?).any(|test| test.contains(part)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The names of the functions that are tests.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    source.lines().filter_map(move |line| {
        let line = line.trim_start();
        if line.starts_with("#[test]") {
            is_test = true;
        }
        let (_, rest) = line.split_once("fn ").filter(|_| is_test)?;
        is_test = false;
        rest.split(['(', '<']).next()
    })
}

fn targets() -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for (package, directory, units) in PACKAGES {
        let directory = root().join(directory);
        let mut sources = Vec::new();
        collect(&directory.join("src"), &mut sources)?;
        targets.push(Target {
            package,
            name: None,
            arguments: words(units),
            sources,
        });
        targets.extend(test_targets(package, &directory.join("tests"))?);
    }
    Ok(targets)
}

/// Each file beside the directories is a target.
fn test_targets(package: &'static str, directory: &Path) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    if !directory.exists() {
        return Ok(targets);
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        if !is_source(&path) {
            continue;
        }
        let mut sources = vec![path.clone()];
        let modules = path.with_extension("");
        if modules.is_dir() {
            collect(&modules, &mut sources)?;
        }
        targets.push(Target {
            package,
            name: Some(name.to_owned()),
            arguments: words(&["--test", name]),
            sources,
        });
    }
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(targets)
}

fn collect(directory: &Path, sources: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if is_source(&path) {
            sources.push(path);
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn parts<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Result<BTreeSet<Part>> {
    let mut all = BTreeSet::new();
    for target in targets {
        all.extend(target.parts()?);
    }
    Ok(all)
}

/// With these, cargo runs these targets alone: those that have the same name in two packages are all chosen.
fn arguments(targets: &[&Target]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    // With the features of the whole workspace, so that what has been built for all tests is not built again.
    let is_whole = targets.iter().all(|target| target.name.is_some());
    if is_whole {
        all.push("--workspace".to_owned());
    }
    for target in targets {
        let package = words(&["--package", target.package]);
        let groups = [&package, &target.arguments];
        for group in groups.into_iter().skip(usize::from(is_whole)) {
            if !all
                .windows(group.len())
                .any(|part| part == group.as_slice())
            {
                all.extend(group.iter().cloned());
            }
        }
    }
    all
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn unknown(name: &str, targets: &[Target]) -> String {
    let packages: Vec<&str> = PACKAGES.iter().map(|(package, ..)| *package).collect();
    let names: BTreeSet<&str> = targets
        .iter()
        .filter_map(|target| target.name.as_deref())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    format!(
        "no test has {name} in its name; test targets: {}; packages: {}",
        names.join(", "),
        packages.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(name: &str) -> Tests {
        Tests::choose(Some(name), None).unwrap()
    }

    fn check(name: &str, arguments: &str, parts: &[Part]) {
        let tests = choose(name);
        assert_eq!(tests.arguments.join(" "), arguments, "{name}");
        assert_eq!(tests.parts, parts.iter().copied().collect(), "{name}");
    }

    #[test]
    fn a_target_brings_what_its_tests_stand_on_and_no_more() {
        check("own_keys", "--workspace --test own_keys", &[Part::Envoys]);
        check(
            "trap",
            "--workspace --test trap",
            &[Part::Envoys, Part::Trap],
        );
        check("s3s", "--workspace --test s3s", &[Part::Envoys, Part::S3s]);
        check(
            "captured",
            "--workspace --test captured",
            &[Part::Envoys, Part::Namespaces],
        );
        check(
            "certificates",
            "--workspace --test certificates",
            &[Part::Envoys, Part::Certificates],
        );
        check(
            "clients",
            "--workspace --test clients",
            &[Part::Envoys, Part::Namespaces, Part::S3s, Part::Clients],
        );
        check(
            "programs",
            "--workspace --test programs",
            &[Part::Envoys, Part::Namespaces, Part::Programs],
        );
        check(
            "istiod",
            "--workspace --test istiod",
            &[Part::Envoys, Part::Helm, Part::Namespaces, Part::Istio],
        );
        check(
            "operate",
            "--workspace --test operate",
            &[Part::Envoys, Part::Prometheus],
        );
        check("tidy", "--workspace --test tidy", &[]);
    }

    #[test]
    fn a_name_that_two_targets_have_chooses_both() {
        check(
            "regressions",
            "--workspace --test regressions",
            &[Part::Envoys],
        );
    }

    #[test]
    fn all_but_some_is_every_other_test() {
        let others = [&ENDURANCE[..], &[ISTIOD]].concat();
        let some = Tests::all_but(&others, None).unwrap();
        let arguments = some.arguments.join(" ");
        for target in targets().unwrap() {
            if let Some(name) = target.name {
                let chosen = format!("{arguments} ").contains(&format!("--test {name} "));
                assert_eq!(
                    chosen,
                    !others.contains(&name.as_str()),
                    "{name} in {arguments}"
                );
            }
        }
        assert!(arguments.starts_with("--workspace --exclude kubernetes --lib --bins "));
    }

    #[test]
    fn a_package_is_chosen_whole() {
        check("xtask", "--package xtask", &[]);
        let every = Tests::all(None).parts;
        let every: Vec<Part> = every.into_iter().collect();
        check("e2e", "--package e2e", &every);
    }

    #[test]
    fn a_part_of_a_tests_name_chooses_the_targets_that_have_it() {
        let this = "a_part_of_a_tests_name_chooses_the_targets";
        check(this, &format!("--package xtask --bins -- {this}"), &[]);
        let one = "cache::schedules::whatever_happens_nobody";
        check(
            one,
            &format!("--package sigv4-egress --lib --bins -- {one}"),
            &[],
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_are_known() {
        for name in ["nosuchname", "", "parked::"] {
            let error = Tests::choose(Some(name), None).unwrap_err().to_string();
            assert!(error.contains("parked, paths"), "{error}");
            assert!(error.ends_with("bench, micro, xtask"), "{error}");
        }
    }

    #[test]
    fn only_tests_count_among_the_functions() {
        let source = "fn helper() {}\n#[test]\n#[ignore]\n    fn one() {\n    fn inner() {}\n}\n#[test]\nfn two(";
        assert_eq!(tests_in(source).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn the_jobs_of_ci_run_every_test_between_them() {
        let end_to_end = Tests::end_to_end(None).unwrap();
        let mut chosen = end_to_end.arguments;
        for name in OF_OTHER_JOBS {
            chosen.extend(choose(name).arguments);
        }
        for target in targets().unwrap() {
            if target.package == "e2e" {
                assert!(
                    target.arguments.iter().all(|word| chosen.contains(word)),
                    "{target:?}"
                );
            }
        }
        assert_eq!(
            Tests::core().arguments,
            ["--workspace", "--exclude", "e2e", "--exclude", "kubernetes"]
        );
        assert_eq!(
            end_to_end.parts,
            BTreeSet::from([
                Part::Envoys,
                Part::Trap,
                Part::S3s,
                Part::Kustomize,
                Part::Helm,
                Part::Prometheus,
                Part::Namespaces,
                Part::Certificates,
            ])
        );
    }
}
