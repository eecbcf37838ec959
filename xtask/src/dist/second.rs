//! The same release from a copy of the tree at another place: what differs came from the machine.

use super::SUMS;
use crate::run::{Result, root, run};
use crate::tools;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes it there, and compares its digests with these.
pub(crate) fn compare(sums: &str) -> Result {
    let place = Place::new()?;
    let tree = place.0.join("deeper/tree");
    copy(&tree)?;
    let home = place.0.join("cargo");
    link_home(&home)?;
    // This program again: it works on the tree that it is run in.
    run(Command::new(env::current_exe()?)
        .arg("dist")
        .current_dir(&tree)
        .env("CARGO_HOME", &home)
        .env_remove("CARGO_TARGET_DIR")
        .env("TZ", "Asia/Kathmandu"))?;
    let second = fs::read_to_string(tree.join("target/dist").join(SUMS))?;
    let differing = differing(sums, &second);
    if differing.is_empty() {
        println!("Both are the same.");
        return Ok(());
    }
    Err(format!("not the same at another place: {}", differing.join(", ")).into())
}

/// A directory that goes with its owner.
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("sigv4-egress-dist-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All that git has or would have, and the tools that were fetched.
fn copy(to: &Path) -> Result {
    let list = Command::new("git")
        .current_dir(root())
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()?;
    if !list.status.success() {
        return Err(String::from_utf8_lossy(&list.stderr).into_owned().into());
    }
    for name in String::from_utf8(list.stdout)?.split_terminator('\0') {
        let from = root().join(name);
        // What was deleted is still listed.
        if from.exists() {
            let to = to.join(name);
            fs::create_dir_all(to.parent().unwrap_or(&to))?;
            fs::copy(from, to)?;
        }
    }
    fs::create_dir_all(to.join("target"))?;
    Ok(symlink(tools::directory(), to.join("target/tools"))?)
}

/// Another name for cargo's own directory, so that its path shows where it got into a binary.
fn link_home(to: &Path) -> Result {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let home = home.ok_or("neither CARGO_HOME nor HOME is set")?;
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        symlink(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The names of files that only one list has, or that have two digests.
fn differing(one: &str, other: &str) -> Vec<String> {
    let only = |lines: &str, other: &str| {
        let lines = lines
            .lines()
            .filter(|line| !other.lines().any(|same| same == *line));
        let names = lines.filter_map(|line| Some(line.split_once("  ")?.1.to_owned()));
        names.collect::<Vec<_>>()
    };
    let mut names = [only(one, other), only(other, one)].concat();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_once() {
        assert_eq!(
            differing("1  a\n2  b\n", "1  a\n2  b\n"),
            Vec::<String>::new()
        );
        assert_eq!(differing("1  a\n2  b\n", "1  a\n3  b\n4  c\n"), ["b", "c"]);
    }
}
