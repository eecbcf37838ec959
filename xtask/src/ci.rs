//! `cargo xtask ci`: what must pass before a merge, the quick checks first and the tests last.

use crate::run::{Result, cargo, root, run};
use crate::{COMMANDS, bench, build, compose, demo, simulate, test, tools};
use std::fs;
use std::process::Command;

/// Runs everything; stops at the first failure.
pub(crate) fn ci() -> Result {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(tools::s3s_cargo("fmt").arg("--check"))?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;
    run(&mut cargo(&[
        "clippy",
        "--target",
        build::TARGET,
        "--",
        "--deny",
        "warnings",
    ]))?;
    run(tools::s3s_cargo("clippy").args(["--locked", "--", "--deny", "warnings"]))?;
    let deny = tools::cargo_deny()?;
    run(Command::new(deny).current_dir(root()).args([
        "--workspace",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    documents()?;
    simulate::simulate(simulate::Files::Compare)?;
    bench::instructions(bench::Budget::Check)?;
    demo::demo(demo::After::Stop)?;
    compose::compose()?;
    test::test()
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
        rest.split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
    });
    names.find(|name| COMMANDS.iter().all(|(command, _)| command != name))
}

#[cfg(test)]
mod tests {
    use super::unknown_command;

    #[test]
    fn the_documents_name_commands_that_exist() {
        super::documents().unwrap();
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
}
