//! `cargo xtask programs`: the programs of `tests/programs` through a real Envoy, and `docs/programs.md`.

use crate::build;
use crate::install::{self, Kit, Source};
use crate::run::{Result, cargo, root, run, step};
use crate::tools;
use list::{Attempt, Origin, Outcome, PROGRAMS, Program, Run, Way};
use std::fmt::Write as _;
use std::fs;

#[path = "../../tests/programs/list.rs"]
mod list;

const DOCUMENT: &str = "docs/programs.md";

/// Programs that were chosen, by name; empty: all.
pub(crate) type Chosen = Vec<&'static str>;

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|program| program.name)
}

/// Whether all that was chosen comes from where CI's come from.
pub(crate) fn are_in_ci(chosen: &[&str]) -> bool {
    of(chosen).iter().all(|program| program.run == Run::InCi)
}

/// Installs and runs them, and writes the document: a row that does not hold is an error.
pub(crate) fn programs(chosen: &[&str]) -> Result {
    let programs = of(chosen);
    step("Python", || tools::python().map(drop))?;
    step("iptables", tools::iptables)?;
    step("Envoy", || tools::envoy(tools::ENVOY).map(drop))?;
    step("programs", || install(&programs))?;
    step("module", || build::build().map(drop))?;
    let names: Vec<&str> = programs.iter().map(|program| program.name).collect();
    let arguments = [
        "test",
        "--workspace",
        "--test",
        "programs",
        "--",
        "--nocapture",
    ];
    step("matrix", || {
        run(cargo(&arguments).env("SIGV4_EGRESS_PROGRAMS", names.join(",")))
    })?;
    fs::write(root().join(DOCUMENT), document())?;
    println!("{DOCUMENT} says what has held.");
    Ok(())
}

/// Installs those that CI runs.
pub(crate) fn install_those_of_ci() -> Result {
    let programs = PROGRAMS.iter().filter(|program| program.run == Run::InCi);
    install(&programs.collect::<Vec<_>>())
}

fn of(chosen: &[&str]) -> Vec<&'static Program> {
    let is_chosen = |program: &&Program| chosen.is_empty() || chosen.contains(&program.name);
    PROGRAMS.iter().filter(is_chosen).collect()
}

fn install(programs: &[&Program]) -> Result {
    let kits = programs.iter().map(|program| Kit {
        folder: "programs",
        name: program.name,
        script: "program",
        source: match program.origin {
            Origin::Python => Source::Python,
            Origin::Npm => Source::Npm,
            Origin::Maven => Source::Maven,
            Origin::Go => Source::Go,
            Origin::Debian(package) => Source::Debian {
                package,
                version: program.version,
            },
        },
    });
    install::all(&kits.collect::<Vec<_>>())
}

const INTRODUCTION: &str = "\
# Programs

Programs that people run in pods, each as its users set it up, through Envoy with the shipped `envoy/envoy.yaml`
against an emulator that verifies every signature. `cargo xtask programs` runs them and writes this page: a
program that is listed as working reads back what it wrote, and one that is listed as **cannot** fails with the reason
that is given.

The variables of the three ways are those of [clients.md](clients.md). Where a program *works*, they are enough.

";

const END: &str = "
What runs in CI as well has a \u{2713}. Those of Debian are version 12's. The emulator is moto, and for Bedrock and
OpenSearch one of our own; what it does not know, such as Athena's engine, is not tried. The programs' setups are in
[tests/programs](../tests/programs).
";

/// The page.
fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str(
        "| program | version | what it does here | https | endpoint | proxy | CI |\n|---|---|---|---|---|---|---|\n",
    );
    for program in PROGRAMS {
        let Program {
            title,
            version,
            does,
            ..
        } = program;
        let of_debian = match program.origin {
            Origin::Debian(_) => " (Debian)",
            _ => "",
        };
        let https = cell(program, &[Way::Https]);
        let endpoint = cell(program, &[Way::Endpoint]);
        let proxy = cell(program, &[Way::Proxy, Way::Unsigned]);
        let ci = match program.run {
            Run::InCi => "\u{2713}",
            Run::ByCommand => "",
        };
        let _ = writeln!(
            text,
            "| {title} | {version}{of_debian} | {does} | {https} | {endpoint} | {proxy} | {ci} |"
        );
    }
    text.push_str(END);
    text
}

fn cell(program: &Program, ways: &[Way]) -> String {
    let attempts = program.attempts.iter();
    let attempts = attempts.filter(|attempt| ways.contains(&attempt.way));
    let said: Vec<String> = attempts.map(said).collect();
    said.join("; ")
}

fn said(attempt: &Attempt) -> String {
    let keys = match attempt.way {
        Way::Endpoint | Way::Https => "",
        Way::Proxy => "with keys: ",
        Way::Unsigned => "without keys: ",
    };
    let setup = attempt.setup;
    match attempt.outcome {
        Outcome::Works if setup.is_empty() => format!("{keys}works"),
        Outcome::Works if !attempt.variant.is_empty() => format!("{keys}works with {setup}"),
        Outcome::Works => format!("{keys}needs {setup}"),
        Outcome::Cannot { why, .. } if setup.is_empty() => format!("{keys}**cannot**: {why}"),
        Outcome::Cannot { why, .. } => format!("{keys}**cannot** with {setup}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_page_is_that_of_the_list() {
        let found = fs::read_to_string(root().join(DOCUMENT)).unwrap();
        assert!(
            found == document(),
            "run: cargo xtask programs NAME, of the program that has changed"
        );
    }

    #[test]
    fn each_directory_is_a_program_of_the_list() {
        let entries = fs::read_dir(root().join("tests/programs")).unwrap();
        let entries = entries.map(|entry| entry.unwrap().path());
        let directories = entries.filter(|path| path.is_dir());
        let found: BTreeSet<String> = directories
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, names().map(str::to_owned).collect());
        assert_eq!(found.len(), PROGRAMS.len());
    }

    #[test]
    fn a_version_of_the_list_is_the_one_that_is_pinned() {
        for program in PROGRAMS {
            let file = match program.origin {
                Origin::Python => "requirements.txt",
                Origin::Npm => "package.json",
                Origin::Maven => "pom.xml",
                Origin::Go => "go.mod",
                // Looked for on the system.
                Origin::Debian(_) => continue,
            };
            let path = root().join("tests/programs").join(program.name).join(file);
            let text = fs::read_to_string(&path).unwrap();
            let version = program.version;
            assert!(text.contains(version), "{}: {version}", path.display());
        }
    }

    #[test]
    fn each_program_says_what_comes_of_every_way_and_has_buckets_of_its_own() {
        let mut prefixes = BTreeSet::new();
        for program in PROGRAMS {
            let Program { name, attempts, .. } = program;
            let has = |is: fn(Way) -> bool| attempts.iter().any(|attempt| is(attempt.way));
            assert!(has(|way| way == Way::Endpoint), "{name}: the endpoint");
            let is_proxy = |way| matches!(way, Way::Proxy | Way::Unsigned);
            assert!(has(is_proxy), "{name}: the proxy");
            assert!(has(|way| way == Way::Https), "{name}: https");
            for attempt in *attempts {
                let prefix = attempt.prefix(name);
                let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(prefix.chars().all(is_allowed), "{prefix}");
                assert!((3..=63).contains(&prefix.len()), "{prefix}");
                assert!(prefixes.insert(prefix.clone()), "{prefix} twice");
            }
        }
    }
}
