//! Packages of Debian's or Ubuntu's, unpacked beneath `target/tools` and not installed.

use crate::run::{Result, run, succeeds};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Fetches these packages with what they depend on and the system has not, and unpacks them into `home`, unless that is
/// there; `finish` does what their installation would have done.
pub(crate) fn unpack(
    home: &Path,
    packages: &[&str],
    finish: impl FnOnce(&Path) -> Result,
) -> Result {
    if home.exists() {
        return Ok(());
    }
    // Unpacked beside its place and then renamed, so that half of it is never found.
    let fresh = home.with_extension(std::process::id().to_string());
    fs::create_dir_all(&fresh)?;
    // The machine's list of packages may be missing, or older than what Debian still serves.
    let downloaded = download(&fresh, packages).or_else(|_| {
        run(Command::new("apt-get").args(["--quiet", "--quiet", "update"]))?;
        download(&fresh, packages)
    });
    let names = packages.join(", ");
    downloaded.map_err(|error| format!("this takes Debian's packages {names}: {error}"))?;
    for entry in fs::read_dir(&fresh)? {
        let package = entry?.path();
        if package.extension() == Some(OsStr::new("deb")) {
            let mut unpack = Command::new("dpkg");
            if !succeeds(unpack.arg("--extract").arg(&package).arg(&fresh)) {
                return Err(format!("{} could not be unpacked", package.display()).into());
            }
            fs::remove_file(package)?;
        }
    }
    finish(&fresh)?;
    fs::rename(fresh, home)?;
    Ok(())
}

/// Fetches the packages into a directory.
fn download(directory: &Path, packages: &[&str]) -> Result {
    run(Command::new("apt-get")
        .current_dir(directory)
        .args(["--quiet", "--quiet", "download"])
        .args(missing(packages)?))
}

/// What apt would install; nothing of what is installed already.
fn missing(packages: &[&str]) -> Result<Vec<String>> {
    let plan = Command::new("apt-get")
        .args(["install", "--simulate", "--no-install-recommends"])
        .args(packages)
        .stderr(Stdio::inherit())
        .output()?;
    if !plan.status.success() {
        return Err(format!("apt-get does not know {}", packages.join(", ")).into());
    }
    let plan = String::from_utf8(plan.stdout)?;
    let lines = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}
