//! `cargo xtask endpoints`: writes the endpoint tables and their test data from botocore.
//!
//! botocore is Python, so the generator is too (`xtask/endpoints.py`); this finds an interpreter that
//! has botocore, and formats what it wrote. `--check` writes nothing and fails where something would
//! change.

use std::path::Path;
use std::process::Command;

/// What the generator writes, below the repository.
const WRITTEN: &[&str] = &[
    "src/endpoint/scopes.txt",
    "src/endpoint/table.rs",
    "tests/data/botocore-hosts.txt",
    "tests/data/botocore-operations.txt",
];

/// Runs the generator with a Python that has the pinned botocore.
pub(crate) fn run(python: &Path, arguments: &[String]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("xtask has no parent folder")?;
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask endpoints [--check]".to_owned()),
    };
    let before = contents(root);
    let restore = || {
        for (path, text) in WRITTEN.iter().zip(&before) {
            if let Some(text) = text {
                std::fs::write(root.join(path), text)
                    .map_err(|error| format!("{path}: {error}"))?;
            }
        }
        Ok::<_, String>(())
    };
    let generated = generate(python, root);
    let after = contents(root);
    if check || generated.is_err() {
        restore()?;
    }
    generated?;
    let changed: Vec<&str> = WRITTEN
        .iter()
        .zip(before.iter().zip(&after))
        .filter(|(_, (before, after))| before != after)
        .map(|(path, _)| *path)
        .collect();
    if changed.is_empty() {
        println!("nothing changed");
    } else if check {
        return Err(format!(
            "run `cargo xtask endpoints`: {} would change",
            changed.join(", ")
        ));
    } else {
        println!("changed: {}", changed.join(", "));
    }
    Ok(())
}

fn contents(root: &Path) -> Vec<Option<Vec<u8>>> {
    let read = |path| std::fs::read(root.join(path)).ok();
    WRITTEN.iter().map(read).collect()
}

fn generate(python: &Path, root: &Path) -> Result<(), String> {
    let mut generator = Command::new(python);
    generator
        .arg(root.join("xtask/endpoints.py"))
        .arg(root)
        // Neither a user's configuration nor a user's service models take part.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env_remove("AWS_DATA_PATH")
        .env_remove("AWS_PROFILE")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    succeed(&mut generator)?;
    let mut format = Command::new("rustfmt");
    let sources = WRITTEN.iter().filter(|path| path.ends_with(".rs"));
    format
        .args(["--edition", "2024"])
        .args(sources.map(|path| root.join(path)));
    succeed(&mut format)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{command:?}: {status}"))
}
