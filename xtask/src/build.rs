//! `cargo xtask build`: the module that Envoy loads.

use crate::run::{Result, cargo, root, run, succeeds};
use crate::{module, overlay, tools};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds and checks the release module, prints its size and digest, and returns its path.
pub(crate) fn build() -> Result<PathBuf> {
    let _lock = tools::lock("module")?;
    let path = target().join("sigv4_egress.wasm");
    compile(&[], &path)?;
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

/// Builds the module that ends its VM when a test tells it to.
pub(crate) fn build_trap() -> Result {
    let _lock = tools::lock("module")?;
    compile(
        &["--features", "trap"],
        &target().join("sigv4_egress.trap.wasm"),
    )
}

/// Has the toolchain compile for this target; toolchains of distributions have no rustup, and what they lack, the build says.
pub(crate) fn add_target(target: &str) -> Result {
    if !succeeds(Command::new("rustup").arg("--version")) {
        return Ok(());
    }
    run(Command::new("rustup")
        .current_dir(root())
        .args(["target", "add", target]))
}

fn compile(features: &[&str], path: &Path) -> Result {
    add_target(TARGET)?;
    let release = ["build", "--release", "--lib", "--package", "sigv4-egress"];
    let mut cargo = cargo(&release);
    cargo.args(["--target", TARGET]).args(features);
    run(cargo.args(without_paths(TARGET)?))?;
    let compiled = target().join(TARGET).join("release/sigv4_egress.wasm");
    optimise(&compiled, path, Names::Dropped)
}

/// Options of cargo with which nothing that is built for this target names a path of this machine: where the crates and the
/// tree are, panics would say.
pub(crate) fn without_paths(target: &str) -> Result<[String; 2]> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked"]).output()?;
    if !metadata.status.success() {
        return Err(String::from_utf8_lossy(&metadata.stderr)
            .into_owned()
            .into());
    }
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.into_iter().flatten();
    let fetched = packages.filter(|package| package.get("source").is_some_and(Value::is_string));
    let manifests = fetched.filter_map(|package| package.get("manifest_path")?.as_str());
    // Below a registry's directory is one for each crate.
    let registries: BTreeSet<&Path> = manifests
        .filter_map(|manifest| Path::new(manifest).parent()?.parent())
        .collect();
    // The last that fits counts, and cargo's directory may be in the tree.
    let remap = std::iter::once((root(), "/sigv4-egress"))
        .chain(registries.into_iter().map(|path| (path, "/crates")))
        .map(|(path, to)| json!(format!("--remap-path-prefix={}={to}", path.display())));
    let remap = Value::from_iter(remap);
    Ok([
        "--config".to_owned(),
        format!("target.{target}.rustflags={remap}"),
    ])
}

/// Of functions, for whoever reads the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// They stay in it.
    Kept,
    /// As it is shipped.
    Dropped,
}

/// For size: `-Oz` takes 10 kB more than `-O3`, and a signed request then costs 0.6 % more instructions. What `--gufa`
/// learns of the whole module, and a second look after it, take 2 kB.
///
/// What has one caller only is not merged into it without bound: V8's compiler takes longer for each byte of a large
/// function, and the configuration alone was one of 54 kB. The start takes some 6 % less.
const OPTIMISE: [&str; 5] = [
    "--one-caller-inline-max-function-size",
    "1000",
    "-Oz",
    "--gufa",
    "-Oz",
];

/// Smaller and faster: without what Envoy never calls (the SDK exports a callback for all that a plugin can be), and
/// with the eyes of `wasm-opt`, which sees the module as a whole.
pub(crate) fn optimise(from: &Path, to: &Path, names: Names) -> Result {
    let roots = roots()?;
    let input = sha256(
        &[
            &fs::read(from)?,
            roots.as_bytes(),
            OPTIMISE.concat().as_bytes(),
        ]
        .concat(),
    );
    // Written last: what the optimised module was made of.
    let done = to.with_extension("wasm.from");
    if to.exists() && fs::read_to_string(&done).is_ok_and(|found| found == input) {
        return Ok(());
    }
    let graph = to.with_extension("roots.json");
    let reachable = to.with_extension("reachable.wasm");
    fs::write(&graph, roots)?;
    let mut metadce = binaryen("wasm-metadce")?;
    metadce.arg("--graph-file").arg(&graph).arg(from);
    let mut opt = binaryen("wasm-opt")?;
    if names == Names::Kept {
        metadce.arg("--debuginfo");
        opt.arg("--debuginfo");
    }
    // It prints what it removes.
    run(metadce.arg("-o").arg(&reachable).stdout(Stdio::null()))?;
    opt.args(OPTIMISE);
    run(opt.arg(&reachable).arg("-o").arg(to))?;
    Ok(fs::write(done, input)?)
}

/// The exports that stay, as `wasm-metadce` wants them: what `envoy/envoy.yaml` lets Envoy call, and what it calls of
/// every module.
fn roots() -> Result<String> {
    let capabilities = overlay::capabilities(&overlay::bootstrap()?)?;
    let callbacks = capabilities.iter().map(String::as_str);
    let always = [
        "memory",
        "_initialize",
        "proxy_abi_version_0_2_1",
        "proxy_on_memory_allocate",
    ];
    let names: Vec<&str> = callbacks
        .filter(|name| name.starts_with("proxy_on_"))
        .chain(always)
        .collect();
    let exports = names
        .iter()
        .map(|name| json!({"name": name, "export": name}));
    let envoy = json!({"name": "envoy", "root": true, "reaches": names});
    Ok(Value::from_iter([envoy].into_iter().chain(exports)).to_string())
}

/// One of Binaryen's tools, told what rustc assumes of a Wasm host and `.cargo/config.toml` adds.
fn binaryen(tool: &str) -> Result<Command> {
    let mut command = Command::new(tools::binaryen()?.join(tool));
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
    Ok(command)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |path| root().join(path))
}

/// In hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(crate) const TARGET: &str = "wasm32-wasip1";
