//! What the tests run beside Envoy: programs of `tests/clients` and `tests/programs`, installed beneath `target/tools`.
//!
//! Each has a launcher there, `<folder>/<name>/run`, which is all that the tests know of it.

use crate::run::{Result, cargo, root, run};
use crate::tools;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

/// One of them, with its sources in `tests/<folder>/<name>`.
pub(crate) struct Kit {
    /// `clients` or `programs`.
    pub(crate) folder: &'static str,
    /// Of its directory.
    pub(crate) name: &'static str,
    /// The name of what is run, without its extension.
    pub(crate) script: &'static str,
    /// How it is made ready.
    pub(crate) source: Source,
}

/// How something is made ready, and what its directory has. Where that has a script of Bash, the script is run, and finds
/// what was installed first on its PATH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A script of Bash alone.
    Bash,
    /// A script for the Python of the demo.
    DemoPython,
    /// `requirements.txt`, and a script.
    Python,
    /// `package.json` with its lock file, and a script.
    Npm,
    /// `pom.xml`, whose package is a jar that runs.
    Maven,
    /// `go.mod`: the program itself, or beside a script of Bash the tools that it lists.
    Go,
    /// A package of Rust.
    Cargo,
    /// A package of Debian's that the system has, in this version or one that begins with it; and a script of Bash.
    Debian {
        /// Its name.
        package: &'static str,
        /// As `dpkg-query` says it.
        version: &'static str,
    },
}

/// Where the sources are, and the directory for what becomes of them.
struct Places {
    source: PathBuf,
    home: PathBuf,
}

/// A command line, to which arguments are added, and the directory that comes first on its PATH.
struct Launcher {
    path: Option<PathBuf>,
    words: Vec<PathBuf>,
}

/// Installs what is missing or has changed, side by side: most of them wait for the network. An error names each that
/// could not be had.
pub(crate) fn all(kits: &[Kit]) -> Result {
    let faults: Vec<String> = thread::scope(|scope| {
        let updates: Vec<_> = kits
            .iter()
            .map(|kit| {
                let update = || kit.update().map_err(|error| error.to_string());
                (kit, scope.spawn(update))
            })
            .collect();
        let ended = updates.into_iter().map(|(kit, update)| {
            let done = update.join().unwrap_or_else(|_| Err("panicked".to_owned()));
            let fault = |error| format!("tests/{}/{}: {error}", kit.folder, kit.name);
            done.err().map(fault)
        });
        ended.flatten().collect()
    });
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.join("\n").into())
}

impl Kit {
    fn update(&self) -> Result {
        let places = Places {
            source: root().join("tests").join(self.folder).join(self.name),
            home: tools::directory().join(self.folder).join(self.name),
        };
        if let Source::Debian { package, version } = self.source {
            // Whatever was found before: the system may have changed.
            check_debian(package, version)?;
        }
        let wanted = digest(&places.source)?;
        // Written last, so that an installation that was cut short counts as none.
        let installed = places.home.join("installed");
        if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        println!("Installing tests/{}/{}.", self.folder, self.name);
        let start = Instant::now();
        fs::create_dir_all(&places.home)?;
        if installed.exists() {
            fs::remove_file(&installed)?;
        }
        write_launcher(&places.home.join("run"), &self.install(&places)?)?;
        fs::write(installed, wanted)?;
        println!("{}: {:.1} s", self.name, start.elapsed().as_secs_f64());
        Ok(())
    }

    fn install(&self, places: &Places) -> Result<Launcher> {
        let file = |extension| places.source.join(self.script).with_extension(extension);
        let bash = |path| {
            let words = vec!["bash".into(), file("sh")];
            Launcher { path, words }
        };
        let has_bash = file("sh").exists();
        Ok(match self.source {
            Source::Bash => bash(None),
            Source::DemoPython => Launcher::of(vec![tools::python()?, file("py")]),
            Source::Python => {
                let environment = places.home.join("python");
                tools::venv(&environment, &places.source.join("requirements.txt"))?;
                if has_bash {
                    bash(Some(environment.join("bin")))
                } else {
                    Launcher::of(vec![environment.join("bin/python"), file("py")])
                }
            }
            Source::Npm => {
                let script = places.home.join(self.script).with_extension("js");
                fs::copy(file("js"), &script)?;
                tools::npm(&places.source, &places.home)?;
                Launcher::of(vec!["node".into(), script])
            }
            Source::Maven => {
                let target = places.home.join("target");
                maven(places, &target)?;
                let jar = target.join(self.script).with_extension("jar");
                Launcher::of(vec!["java".into(), "-jar".into(), jar])
            }
            Source::Go if has_bash => {
                let tools = places.home.join("bin");
                fs::create_dir_all(&tools)?;
                go(places, &tools, "tool")?;
                bash(Some(tools))
            }
            Source::Go => {
                let program = places.home.join(self.script);
                go(places, &program, ".")?;
                Launcher::of(vec![program])
            }
            Source::Cargo => {
                let target = places.home.join("target");
                run(cargo(&["build", "--quiet", "--locked", "--manifest-path"])
                    .arg(places.source.join("Cargo.toml"))
                    .env("CARGO_TARGET_DIR", &target))?;
                Launcher::of(vec![target.join("debug").join(self.script)])
            }
            // Before what else has the same name.
            Source::Debian { .. } => bash(Some("/usr/bin".into())),
        })
    }
}

impl Launcher {
    /// What stands beside the program comes first on its PATH.
    fn of(words: Vec<PathBuf>) -> Self {
        let beside = words.first().and_then(|program| program.parent());
        let path = beside.filter(|path| path.is_absolute());
        Self {
            path: path.map(Path::to_owned),
            words,
        }
    }
}

fn check_debian(package: &str, version: &str) -> Result {
    let found = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Version}", package])
        .output();
    let found = found.map_err(|error| format!("dpkg-query: {error}; this takes Debian 12"))?;
    let text = String::from_utf8_lossy(&found.stdout);
    match (found.status.success(), text.trim()) {
        (true, found) if found.starts_with(version) => Ok(()),
        (true, found) if !found.is_empty() => {
            Err(format!("the system's {package} is {found}, not {version} of Debian 12").into())
        }
        _ => Err(format!("missing; apt install {package}, on Debian 12").into()),
    }
}

fn maven(places: &Places, target: &Path) -> Result {
    run(Command::new("mvn")
        .args(["--quiet", "--batch-mode", "package", "--file"])
        .arg(places.source.join("pom.xml"))
        .arg(property("client.target", target))
        .arg(property(
            "maven.repo.local",
            &places.home.join("repository"),
        )))
}

fn go(places: &Places, output: &Path, packages: &str) -> Result {
    run(Command::new("go")
        .current_dir(&places.source)
        // Without -modcacherw, `rm -r target` would stop at the modules.
        .args(["build", "-modcacherw", "-o"])
        .arg(output)
        .arg(packages)
        .env("GOPATH", places.home.join("path"))
        .env("GOCACHE", places.home.join("cache")))
}

/// `-D<name>=<path>`
fn property(name: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(format!("-D{name}="));
    argument.push(path);
    argument
}

/// A script that becomes the program.
fn write_launcher(path: &Path, launcher: &Launcher) -> Result {
    let words: Vec<_> = launcher.words.iter().map(|word| quoted(word)).collect();
    let first = launcher.path.as_deref();
    let path_variable = first.map_or_else(String::new, |first| {
        format!("PATH={}:$PATH ", quoted(first))
    });
    let script = format!(
        "#!/bin/sh\n{path_variable}exec {} \"$@\"\n",
        words.join(" ")
    );
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// As one word of a shell.
pub(crate) fn quoted(word: &Path) -> String {
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
        let words = vec![program, "-c".into(), "command -v run; echo $0 $1".into()];
        write_launcher(&script, &Launcher::of(words)).unwrap();
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
