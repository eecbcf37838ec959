//! `cargo xtask endpoints`: writes the endpoint tables, their test data, and the list of operations that hand out
//! credentials from botocore.
//!
//! botocore is Python, so the generator is too (`xtask/endpoints.py`); this runs it with the pinned
//! botocore or the newest, and formats what it wrote.

use crate::run::{Result, root, run};
use crate::tools;
use std::fs;
use std::process::Command;

/// What the generator writes.
const WRITTEN: &[&str] = &[
    "docs/credentials.md",
    "src/endpoint/scopes.txt",
    "src/endpoint/table.rs",
    "tests/data/botocore-directory-buckets.txt",
    "tests/data/botocore-hosts.txt",
    "tests/data/botocore-operations.txt",
];

/// What becomes of files that would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// They are written.
    Write,
    /// They stay, and that they would change is an error.
    Refuse,
}

/// Whose endpoints they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Botocore {
    /// That of `envoy/demo/requirements.txt`.
    Pinned,
    /// The newest that is released.
    Newest,
}

/// Runs the generator.
pub(crate) fn endpoints(botocore: Botocore, changes: Changes) -> Result {
    let before = contents();
    let generated = generate(botocore);
    let after = contents();
    if changes == Changes::Refuse || generated.is_err() {
        for (path, text) in WRITTEN.iter().zip(&before) {
            fs::write(root().join(path), text)?;
        }
    }
    generated?;
    let changed: Vec<&str> = WRITTEN
        .iter()
        .zip(before.iter().zip(&after))
        .filter(|(_, (before, after))| before != after)
        .map(|(path, _)| *path)
        .collect();
    match (changed.as_slice(), changes) {
        ([], _) => println!("nothing changed"),
        (changed, Changes::Write) => println!("changed: {}", changed.join(", ")),
        (changed, Changes::Refuse) => {
            let changed = changed.join(", ");
            let how = match botocore {
                Botocore::Pinned => "run `cargo xtask endpoints`",
                Botocore::Newest => "CONTRIBUTING.md says how to take a new botocore",
            };
            return Err(format!("{how}: {changed} would change").into());
        }
    }
    Ok(())
}

fn contents() -> Vec<Vec<u8>> {
    let read = |path| fs::read(root().join(path)).unwrap_or_default();
    WRITTEN.iter().map(read).collect()
}

fn generate(botocore: Botocore) -> Result {
    let mut python = Command::new(tools::python()?);
    if botocore == Botocore::Newest {
        python.env("PYTHONPATH", tools::newest_botocore()?);
    }
    println!("Asking botocore for every host, half a minute.");
    run(python
        .current_dir(root())
        .args(["xtask/endpoints.py", "."])
        // Neither a user's configuration nor a user's service models take part.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env_remove("AWS_DATA_PATH")
        .env_remove("AWS_PROFILE")
        .env("PYTHONDONTWRITEBYTECODE", "1"))?;
    let sources = WRITTEN.iter().filter(|path| path.ends_with(".rs"));
    run(Command::new("rustfmt")
        .current_dir(root())
        .args(["--edition", "2024"])
        .args(sources))
}
