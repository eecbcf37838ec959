//! `cargo xtask bench`: what requests cost in a real Envoy, and the core alone.

use crate::run::{Result, cargo, root, run};
use crate::{build, prose, tools};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Measures the release module in Envoy, beside no filter, a module that does nothing, and Envoy's own filter.
pub(crate) fn envoy(options: &[String]) -> Result {
    let module = build::build()?;
    let envoy = tools::envoy(tools::ENVOY)?;
    run(&mut cargo(&[
        "build",
        "--quiet",
        "--profile",
        "tool",
        "--package",
        "bench",
    ]))?;
    let mut bench = Command::new(build::target().join("tool/bench"));
    bench.arg("--module").arg(module).arg("--envoy").arg(envoy);
    bench
        .arg("--output")
        .arg(build::target().join("bench"))
        .args(options);
    // Envoy listens on a Unix socket below the temporary directory, whose path must be short.
    fs::create_dir_all(build::target().join("bench"))?;
    run(&mut bench)
}

/// Measures https from the program, in a network namespace, and writes the section of `docs/bench.md` about it.
pub(crate) fn https() -> Result {
    build::build()?;
    tools::envoy(tools::ENVOY)?;
    tools::iptables()?;
    let mut test = cargo(&["test", "--quiet", "--profile", "tool", "--package", "e2e"]);
    test.args(["--test", "https_cost", "--", "--ignored", "--nocapture"]);
    let printed = output(&mut test)?;
    let figures = printed.split_once("BEGIN\n");
    let figures = figures.and_then(|(_, rest)| rest.split_once("END\n"));
    let (figures, _) = figures.ok_or("no figures were printed")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let page = root().join("docs/bench.md");
    let text = fs::read_to_string(&page)?;
    let before = text.split(HTTPS).next().unwrap_or_default();
    let section = format!(
        "{HTTPS}\nWritten by `cargo xtask bench --https`: Envoy {} with one worker, the whole `envoy/envoy.yaml`, a client \
         and an upstream in TLS on the same machine, all in one network namespace; the median of 3 rounds. Load average {load} \
         afterwards.\n\n{figures}",
        tools::ENVOY
    );
    Ok(fs::write(
        page,
        before.to_owned() + &prose::wrapped(&section),
    )?)
}

/// The heading of that section, which is the last; `tests/bench` keeps what stands below it.
const HTTPS: &str = "## https from the program\n";

/// Times of the core's steps, by criterion.
pub(crate) fn micro() -> Result {
    run(&mut cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package",
        "micro",
        "--bin",
        "times",
        "--",
        "--bench",
    ]))
}

/// What becomes of counted instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// They are shown.
    Show,
    /// More than the budget, and a little, is an error.
    Check,
    /// They are the new budget.
    Update,
}

/// How many instructions the native build of each of the core's steps takes, as valgrind's callgrind counts
/// them: the same however busy the machine is.
pub(crate) fn instructions(purpose: Budget) -> Result {
    run(&mut cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "micro",
        "--bin",
        "instructions",
    ]))?;
    let binary = build::target().join("release/instructions");
    let names = output(&mut Command::new(&binary))?;
    let budget = match purpose {
        Budget::Update => Map::new(),
        Budget::Show | Budget::Check => serde_json::from_str(&fs::read_to_string(budget_file())?)?,
    };
    let mut counts = Map::new();
    let mut excesses = Vec::new();
    for name in names.lines() {
        let count = per_step(&binary, name)?;
        let allowed = budget.get(name).and_then(Value::as_u64);
        let change = match allowed {
            Some(allowed) => format!("{:+.1} %", (count as f64 / allowed as f64 - 1.0) * 100.0),
            None => "new".to_owned(),
        };
        println!("{name:26} {count:>10} instructions, {change}");
        if allowed.is_none_or(|allowed| count * 100 > allowed * (100 + TOLERANCE_PERCENT)) {
            excesses.push(format!("{name}: {change}"));
        }
        counts.insert(name.to_owned(), count.into());
    }
    match purpose {
        Budget::Show => Ok(()),
        Budget::Update => Ok(fs::write(budget_file(), serde_json::to_string_pretty(&counts)? + "\n")?),
        Budget::Check if excesses.is_empty() => Ok(()),
        Budget::Check => Err(format!(
            "more instructions than {} allows: {}; if that is the price of something, say so in the commit and run \
             cargo xtask bench --instructions --update",
            budget_file().display(),
            excesses.join(", ")
        )
        .into()),
    }
}

/// The instructions of one step, from the difference of two runs: what comes once, at the start, is in both.
///
/// The start's own count varies by a thousand or so, since the hash maps it fills are seeded at random. So the longer
/// run does the step often enough to make that less than a thousandth.
fn per_step(binary: &Path, step: &str) -> Result<u64> {
    let once = count(binary, step, 1)?;
    let about = count(binary, step, 11)?.saturating_sub(once) / 10;
    let times = (MEASURED / about.max(1)).clamp(10, 10_000);
    Ok((count(binary, step, 1 + u32::try_from(times)?)? - once) / times)
}

/// All instructions of a run that does a step that many times.
fn count(binary: &Path, step: &str, times: u32) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(binary);
    valgrind.args([step, &times.to_string()]);
    // The C library chooses its memcpy by the processor; without these features it is the same on all.
    valgrind.env(
        "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM",
    );
    let done = valgrind.output()?;
    let text = String::from_utf8_lossy(&done.stderr);
    let counted = text
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match counted {
        Some(counted) if done.status.success() => Ok(counted),
        _ => Err(format!("valgrind on {step}: {}\n{text}", done.status).into()),
    }
}

fn output(command: &mut Command) -> Result<String> {
    let done = command.output()?;
    if done.status.success() {
        Ok(String::from_utf8(done.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into())
    }
}

fn budget_file() -> PathBuf {
    root().join("tests/micro/instructions.json")
}

/// Instructions of a step that are enough to drown those by which two starts differ.
const MEASURED: u64 = 5_000_000;

/// A new compiler, or a merge of two changes, moves the counts a little.
const TOLERANCE_PERCENT: u64 = 5;
