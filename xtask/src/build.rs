//! `cargo xtask build`: the module that Envoy loads.

use crate::module;
use crate::run::{Result, cargo, root, run, succeeds};
use crate::tools;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds and checks the release module, prints its size and digest, and returns its path.
pub(crate) fn build() -> Result<PathBuf> {
    // Toolchains of distributions have no rustup; what they lack, the build says.
    if succeeds(Command::new("rustup").arg("--version")) {
        run(Command::new("rustup")
            .current_dir(root())
            .args(["target", "add", TARGET]))?;
    }
    run(&mut cargo(&[
        "build",
        "--release",
        "--lib",
        "--package",
        "sigv4-egress",
        "--target",
        TARGET,
    ]))?;
    let compiled = target().join(TARGET).join("release/sigv4_egress.wasm");
    let path = target().join("sigv4_egress.wasm");
    optimise(&compiled, &path)?;
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    module::check(&bytes)?;
    println!(
        "{}\n  {} bytes\n  sha256 {}",
        path.display(),
        bytes.len(),
        sha256(&bytes)
    );
    Ok(path)
}

/// A seventh smaller, and faster: `wasm-opt` sees the module as a whole.
fn optimise(from: &Path, to: &Path) -> Result {
    let input = sha256(&fs::read(from)?);
    // Written last: what the optimised module was made of.
    let done = to.with_extension("wasm.from");
    if to.exists() && fs::read_to_string(&done).is_ok_and(|found| found == input) {
        return Ok(());
    }
    let mut command = Command::new(tools::wasm_opt()?);
    // What rustc assumes of a Wasm host, and `.cargo/config.toml` adds.
    for feature in [
        "bulk-memory",
        "multivalue",
        "mutable-globals",
        "nontrapping-float-to-int",
        "reference-types",
        "sign-ext",
        "simd",
    ] {
        command.arg(format!("--enable-{feature}"));
    }
    run(command.arg("-O3").arg(from).arg("-o").arg(to))?;
    Ok(fs::write(done, input)?)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |path| root().join(path))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(crate) const TARGET: &str = "wasm32-wasip1";
