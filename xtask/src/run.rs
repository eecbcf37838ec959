//! Running other programs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

/// What a command of ours gives: its error is printed as it is.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The root of the repository that we are run in.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = std::env::current_dir().unwrap_or_default();
        project_above(&here).unwrap_or(here)
    })
}

/// An error, unless we are run somewhere in a copy of the repository.
pub(crate) fn check_place() -> Result {
    let here = std::env::current_dir()?;
    match project_above(&here) {
        Some(_) => Ok(()),
        None => Err(format!(
            "{} is not in the repository of sigv4-egress",
            here.display()
        )
        .into()),
    }
}

/// The nearest directory with the workspace of this project; the tests have workspaces of their own.
fn project_above(path: &Path) -> Option<PathBuf> {
    let is_project = |directory: &&Path| {
        fs::read_to_string(directory.join("Cargo.toml")).is_ok_and(|manifest| {
            let has = |wanted| manifest.lines().any(|line| line == wanted);
            has("[workspace]") && has("name = \"sigv4-egress\"")
        })
    };
    path.ancestors().find(is_project).map(Path::to_owned)
}

/// The cargo that runs us, at the root of the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(arguments);
    command
}

/// Runs a command with its output on the terminal; its failure is an error.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("+ {}", line(command));
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", line(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", line(command)).into())
    }
}

/// Does a part of a job, and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let done = work();
    let seconds = start.elapsed().as_secs();
    let outcome = if done.is_ok() { "" } else { " failed" };
    eprintln!("== {name}{outcome} ({seconds} s)");
    done
}

/// Whether a command runs at all and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command as one would type it: the program by its name only, and without the environment.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_from_below_and_past_other_workspaces() {
        let directory = std::env::temp_dir().join(format!("root {}", std::process::id()));
        let inner = directory.join("tests/s3s/src");
        fs::create_dir_all(&inner).unwrap();
        let manifest =
            |at: &str, text: &str| fs::write(directory.join(at).join("Cargo.toml"), text).unwrap();
        manifest(
            "tests/s3s",
            "[workspace]\n\n[package]\nname = \"s3s-server\"\n",
        );
        let nowhere = project_above(&inner);
        manifest(
            "",
            "[workspace]\nmembers = []\n\n[package]\nname = \"sigv4-egress\"\n",
        );
        let found = project_above(&inner);
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!((nowhere, found), (None, Some(directory)));
    }

    #[test]
    fn a_step_gives_what_its_work_gives() {
        assert_eq!(step("three", || Ok(3)).unwrap(), 3);
        assert!(step::<()>("nothing", || Err("no".into())).is_err());
    }
}
