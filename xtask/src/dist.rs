//! `cargo xtask dist`: what a release has, in `target/dist`, the same bytes wherever it is built.
//!
//! Nothing in it is from the machine: archives have no times and no owners, and names are sorted; binaries have no paths
//! ([`build::without_paths`]). `--check` builds it a second time, from a copy of the tree at another place and with
//! another `CARGO_HOME`, and compares.

mod archive;
mod notes;
mod oci;
mod sbom;
mod second;

use crate::build::{self, TARGET, sha256};
use crate::run::{Result, cargo, root, run, step};
use archive::{Archive, Compression};
use oci::Image;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dist {
    Make,
    /// Twice, and compare.
    Check,
    /// The same, for a tag, which must be this version's.
    Release(String),
}

/// Of all that is released: the workspace's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const MODULE: &str = "sigv4_egress.wasm";
const TOOL: &str = "sigv4-egress";
const SUMS: &str = "SHA256SUMS";

/// Linux as OCI names its architectures, and as Rust does. The tool is linked statically, so that an image needs nothing
/// beside it, by Rust's own linker, which needs no C compiler for the other architecture.
const ARCHITECTURES: [(&str, &str); 2] = [
    ("amd64", "x86_64-unknown-linux-musl"),
    ("arm64", "aarch64-unknown-linux-musl"),
];

/// Makes it, and for all but `Make` a second time.
pub(crate) fn dist(wanted: &Dist) -> Result {
    // What is wrong with a tag shows before minutes of building.
    if let Dist::Release(tag) = wanted {
        notes::check(tag, &changelog()?)?;
    }
    let sums = step("dist", make)?;
    print!("{sums}");
    if *wanted != Dist::Make {
        step("dist, at another place", || second::compare(&sums))?;
    }
    Ok(())
}

/// Where it is put.
fn directory() -> PathBuf {
    build::target().join("dist")
}

fn changelog() -> Result<String> {
    Ok(fs::read_to_string(root().join("CHANGELOG.md"))?)
}

/// Everything, and returns the digests of the files.
fn make() -> Result<String> {
    let fresh = directory().with_extension("new");
    for stale in [&fresh, &directory()] {
        if stale.exists() {
            fs::remove_dir_all(stale)?;
        }
    }
    fs::create_dir_all(&fresh)?;
    let module = fs::read(build::build()?)?;
    let write = |name: &str, bytes: &[u8]| fs::write(fresh.join(name), bytes);
    write(MODULE, &module)?;
    let bill = sbom::bill(MODULE, &module, TARGET)?;
    write("sigv4_egress.wasm.cdx.json", bill.as_bytes())?;
    let mut images = String::new();
    let mut ship = |name: &str, image: &Image| -> Result {
        writeln!(images, "{name} {}", image.digest())?;
        Ok(write(&format!("{name}.oci.tar"), &image.layout()?)?)
    };
    ship("module", &oci::module(&module)?)?;
    ship("volume", &oci::volume(&module)?)?;
    let mut tools = Vec::new();
    for (architecture, target) in ARCHITECTURES {
        let bytes = tool(target)?;
        let name = format!("{TOOL}-linux-{architecture}");
        write(&name, &bytes)?;
        fs::set_permissions(fresh.join(&name), fs::Permissions::from_mode(0o755))?;
        let bill = sbom::bill(&name, &bytes, target)?;
        write(&format!("{name}.cdx.json"), bill.as_bytes())?;
        tools.push((architecture, bytes));
    }
    ship("tool", &oci::tool(TOOL, &tools)?)?;
    write("images.txt", images.as_bytes())?;
    write("manifests.tar.gz", &manifests()?)?;
    if let Some(chart) = chart()? {
        write(&format!("{TOOL}-{VERSION}.tgz"), &chart)?;
    }
    write("NOTES.md", notes::of(&changelog()?)?.as_bytes())?;
    let sums = sums(&fresh)?;
    write(SUMS, sums.as_bytes())?;
    fs::rename(fresh, directory())?;
    Ok(sums)
}

/// The command-line tool for one architecture.
fn tool(target: &str) -> Result<Vec<u8>> {
    build::add_target(target)?;
    // Its size hardly counts, and a build for size takes three times as long.
    let mut cargo = cargo(&["build", "--profile", "tool", "--locked", "--bin", TOOL]);
    cargo.args(["--target", target]);
    cargo.args(["--config", &format!("target.{target}.linker='rust-lld'")]);
    run(cargo.args(build::without_paths(target)?))?;
    let path = build::target().join(target).join("tool").join(TOOL);
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// What users apply, as it stands in `envoy`; not the demo, and not the chart, which is a file of its own.
fn manifests() -> Result<Vec<u8>> {
    let mut archive = Archive::new(Compression::Gzip);
    for path in files(&root().join("envoy"))? {
        let name = path.strip_prefix(root())?;
        if !name.starts_with("envoy/demo") && !name.starts_with("envoy/helm") {
            archive.add_from(name, &path)?;
        }
    }
    archive.finish()
}

/// The Helm chart, packed as `helm package` does, but for the times.
fn chart() -> Result<Option<Vec<u8>>> {
    let home = root().join("envoy/helm");
    let manifest = home.join("Chart.yaml");
    if !manifest.exists() {
        return Ok(None);
    }
    for key in ["version", "appVersion"] {
        let text = fs::read_to_string(&manifest)?;
        let values = text.lines().filter_map(|line| line.split_once(": "));
        let mut values = values.filter(|(name, _)| *name == key);
        let value = values.next().map(|(_, value)| value.trim_matches('"'));
        if value != Some(VERSION) {
            return Err(format!("envoy/helm/Chart.yaml must have {key}: {VERSION}").into());
        }
    }
    let mut archive = Archive::new(Compression::Gzip);
    for path in files(&home)? {
        archive.add_from(&Path::new(TOOL).join(path.strip_prefix(&home)?), &path)?;
    }
    archive.finish().map(Some)
}

/// All files beneath a directory, in an order that no file system changes.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// As `sha256sum` prints and checks them.
fn sums(directory: &Path) -> Result<String> {
    let mut text = String::new();
    for path in files(directory)? {
        let name = path.strip_prefix(directory)?.display();
        writeln!(text, "{}  {name}", sha256(&fs::read(&path)?))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(packed: &[u8]) -> BTreeSet<String> {
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(packed));
        let entries = tar.entries().unwrap();
        entries
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn the_chart_is_in_a_directory_of_its_name() {
        let names = names(&chart().unwrap().unwrap());
        assert!(names.contains("sigv4-egress/Chart.yaml"), "{names:?}");
        assert!(
            names.contains("sigv4-egress/values.schema.json"),
            "{names:?}"
        );
    }

    #[test]
    fn the_manifests_are_what_users_and_operators_apply() {
        let names = names(&manifests().unwrap());
        for name in ["envoy.yaml", "istio/loopback.yaml", "operate/alerts.yaml"] {
            assert!(names.contains(&format!("envoy/{name}")), "{names:?}");
        }
        let other =
            |name: &String| name.starts_with("envoy/demo") || name.starts_with("envoy/helm");
        assert!(!names.iter().any(other), "{names:?}");
    }
}
