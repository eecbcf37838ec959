//! The machine, as far as figures depend on it.

use crate::Result;
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};

/// Keeps this process, and whatever it starts from now on, on one core.
///
/// # Errors
/// When there is no such core, or no `taskset`.
pub(crate) fn pin_to(core: &str) -> Result {
    let mut taskset = Command::new("taskset");
    taskset.args(["--pid", "--cpu-list", core, &std::process::id().to_string()]);
    let status = taskset.stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            Err("Envoy and the load generator need a core each: this machine has one only".into())
        }
        Err(error) => {
            Err(format!("taskset: {error}. Debian, Ubuntu: apt install util-linux").into())
        }
    }
}

/// For the report.
pub(crate) fn describe() -> Value {
    let line = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.split_once(':'));
        value.map(|(_, value)| value.trim().to_owned())
    };
    json!({
        "cpu": line("/proc/cpuinfo", "model name"),
        "cpu_family_model": [line("/proc/cpuinfo", "cpu family"), line("/proc/cpuinfo", "model")],
        "cores": fs::read_to_string("/proc/cpuinfo").unwrap_or_default().matches("processor\t").count(),
        "memory": line("/proc/meminfo", "MemTotal"),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
    })
}

/// How many processes wanted to run in the last minute: above 2, others were there too.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or_default()
}
