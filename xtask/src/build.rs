//! `cargo xtask build`: the module that Envoy loads.

use crate::module;
use crate::run::{Result, cargo, root, run, succeeds};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
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
    let path = target().join(TARGET).join("release/sigv4_egress.wasm");
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
