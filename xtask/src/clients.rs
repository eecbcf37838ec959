//! The clients of `tests/clients`, installed beneath `target/tools/clients`.
//!
//! Each has a launcher there, `<name>/run`, which is all that the tests know of it.

use crate::run::{Result, cargo, root, run};
use crate::tools;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

/// A client, and how it is made ready.
struct Client {
    name: &'static str,
    install: fn(&Places) -> Result<Launcher>,
}

/// Where the sources of a client are, and the directory for what becomes of them.
struct Places {
    source: PathBuf,
    home: PathBuf,
}

/// The command line to which mode and prefix are added.
type Launcher = Vec<PathBuf>;

/// The quick ones first.
const CLIENTS: &[Client] = &[
    Client {
        name: "curl",
        install: curl,
    },
    Client {
        name: "boto3",
        install: boto3,
    },
    Client {
        name: "cli",
        install: cli,
    },
    Client {
        name: "javascript",
        install: javascript,
    },
    Client {
        name: "java",
        install: java,
    },
    Client {
        name: "go",
        install: go,
    },
    Client {
        name: "rust",
        install: rust,
    },
];

/// Installs what is missing or has changed, side by side: most of them wait for the network. An error names the client.
pub(crate) fn clients() -> Result {
    let faults: Vec<String> = thread::scope(|scope| {
        let updates: Vec<_> = CLIENTS
            .iter()
            .map(|client| {
                (
                    client,
                    scope.spawn(|| client.update().map_err(|error| error.to_string())),
                )
            })
            .collect();
        let ended = updates.into_iter().map(|(client, update)| {
            let done = update.join().unwrap_or_else(|_| Err("panicked".to_owned()));
            done.err()
                .map(|error| format!("the client {}: {error}", client.name))
        });
        ended.flatten().collect()
    });
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.join("\n").into())
}

impl Client {
    fn update(&self) -> Result {
        let places = Places {
            source: root().join("tests/clients").join(self.name),
            home: tools::directory().join("clients").join(self.name),
        };
        let wanted = digest(&places.source)?;
        // Written last, so that an installation that was cut short counts as none.
        let installed = places.home.join("installed");
        if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        println!("Installing the client {}.", self.name);
        let start = Instant::now();
        fs::create_dir_all(&places.home)?;
        if installed.exists() {
            fs::remove_file(&installed)?;
        }
        write_launcher(&places.home.join("run"), &(self.install)(&places)?)?;
        fs::write(installed, wanted)?;
        println!("{}: {:.1} s", self.name, start.elapsed().as_secs_f64());
        Ok(())
    }
}

fn curl(places: &Places) -> Result<Launcher> {
    Ok(vec!["bash".into(), places.source.join("client.sh")])
}

fn boto3(places: &Places) -> Result<Launcher> {
    Ok(vec![tools::python()?, places.source.join("client.py")])
}

fn cli(places: &Places) -> Result<Launcher> {
    let environment = places.home.join("python");
    tools::venv(&environment, &places.source.join("requirements.txt"))?;
    Ok(vec![
        environment.join("bin/python"),
        places.source.join("client.py"),
    ])
}

fn javascript(places: &Places) -> Result<Launcher> {
    fs::copy(
        places.source.join("client.js"),
        places.home.join("client.js"),
    )?;
    tools::npm(&places.source, &places.home)?;
    Ok(vec!["node".into(), places.home.join("client.js")])
}

fn java(places: &Places) -> Result<Launcher> {
    let target = places.home.join("target");
    run(Command::new("mvn")
        .args(["--quiet", "--batch-mode", "package", "--file"])
        .arg(places.source.join("pom.xml"))
        .arg(property("client.target", &target))
        .arg(property(
            "maven.repo.local",
            &places.home.join("repository"),
        )))?;
    Ok(vec![
        "java".into(),
        "-jar".into(),
        target.join("client.jar"),
    ])
}

/// `-D<name>=<path>`
fn property(name: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(format!("-D{name}="));
    argument.push(path);
    argument
}

fn go(places: &Places) -> Result<Launcher> {
    let program = places.home.join("client");
    run(Command::new("go")
        .current_dir(&places.source)
        // Without -modcacherw, `rm -r target` would stop at the modules.
        .args(["build", "-modcacherw", "-o"])
        .arg(&program)
        .arg(".")
        .env("GOPATH", places.home.join("path"))
        .env("GOCACHE", places.home.join("cache")))?;
    Ok(vec![program])
}

fn rust(places: &Places) -> Result<Launcher> {
    let target = places.home.join("target");
    run(cargo(&["build", "--quiet", "--locked", "--manifest-path"])
        .arg(places.source.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target))?;
    Ok(vec![target.join("debug/client")])
}

/// A script that becomes the program. What is installed for a client comes first on its PATH.
fn write_launcher(path: &Path, launcher: &[PathBuf]) -> Result {
    let words: Vec<_> = launcher.iter().map(|word| quoted(word)).collect();
    let own = launcher.first().and_then(|program| program.parent());
    let own = own.filter(|own| own.is_absolute());
    let path_variable = own.map_or_else(String::new, |own| format!("PATH={}:$PATH ", quoted(own)));
    let script = format!(
        "#!/bin/sh\n{path_variable}exec {} \"$@\"\n",
        words.join(" ")
    );
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// As one word of a shell.
fn quoted(word: &Path) -> String {
    format!("'{}'", word.display().to_string().replace('\'', r"'\''"))
}

/// Of everything in a directory, and of its place, which the launchers name.
fn digest(directory: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(directory, &mut files)?;
    files.sort();
    let mut digest = Sha256::new();
    for path in files {
        digest.update(path.as_os_str().as_encoded_bytes());
        digest.update([0]);
        digest.update(Sha256::digest(fs::read(&path)?));
    }
    let hex = digest.finalize();
    Ok(hex.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result {
    let entries =
        fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launcher_hands_its_arguments_on_and_finds_its_own_programs() {
        let directory =
            std::env::temp_dir().join(format!("it's a launcher {}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (program, script) = (directory.join("program"), directory.join("run"));
        std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
        let words = [program, "-c".into(), "command -v run; echo $0 $1".into()];
        write_launcher(&script, &words).unwrap();
        // Given to a shell: a file that was just written is "busy" while another test's child still has it open.
        let output = Command::new("sh")
            .arg(&script)
            .args(["a", "b"])
            .output()
            .unwrap();
        fs::remove_dir_all(&directory).unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, format!("{}\na b\n", script.display()));
    }

    #[test]
    fn a_changed_file_changes_the_digest() {
        let directory = std::env::temp_dir().join(format!("digest {}", std::process::id()));
        fs::create_dir_all(directory.join("inner")).unwrap();
        let mut digests = std::collections::BTreeSet::new();
        for content in ["1", "2"] {
            fs::write(directory.join("inner/file"), content).unwrap();
            digests.insert(digest(&directory).unwrap());
        }
        fs::rename(directory.join("inner/file"), directory.join("inner/other")).unwrap();
        digests.insert(digest(&directory).unwrap());
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(digests.len(), 3);
    }
}
