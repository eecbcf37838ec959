//! An Envoy on its own core, and what the kernel knows of it.

use crate::Result;
use serde_json::Value;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Envoy has this core to itself.
pub(crate) const ENVOY_CORE: &str = "0";
/// The load generator, the upstream and the fakes share this one.
pub(crate) const GENERATOR_CORE: &str = "1";

/// A running Envoy; killed when dropped.
#[derive(Debug)]
pub(crate) struct Envoy {
    process: Child,
    directory: PathBuf,
    /// When it was started.
    pub(crate) started: Instant,
    /// Of the listener with the filter.
    pub(crate) port: u16,
}

impl Envoy {
    /// Starts Envoy, pinned to its core, and waits until its listener is there.
    ///
    /// # Errors
    /// When it ends, or takes longer than a minute; its log is in the error.
    pub(crate) fn start(
        binary: &Path,
        config: &Value,
        directory: &Path,
        workers: u32,
    ) -> Result<Self> {
        let port = config.pointer(LISTENER_PORT).and_then(Value::as_u64);
        let port = u16::try_from(port.ok_or("the configuration has no listener")?)?;
        let file = directory.join("envoy.json");
        fs::write(&file, config.to_string())?;
        let log = File::create(directory.join("envoy.log"))?;
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", ENVOY_CORE]).arg(binary);
        command.arg("--config-path").arg(&file);
        command.args([
            "--concurrency",
            &workers.to_string(),
            "--disable-hot-restart",
            "--log-level",
            "warning",
        ]);
        // As EKS sets them in a pod of the service account.
        command
            .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/demo")
            .env("AWS_REGION", "eu-west-1")
            .env("POD_NAMESPACE", "bench")
            .env("POD_NAME", "bench-0");
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let process = command
            .spawn()
            .map_err(|error| format!("taskset (package util-linux): {error}"))?;
        let mut envoy = Self {
            process,
            directory: directory.to_owned(),
            started,
            port,
        };
        let deadline = started + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = envoy.process.try_wait()? {
                return Err(format!("Envoy ended with {status}:\n{}", envoy.log()).into());
            }
            if Instant::now() > deadline {
                return Err(
                    format!("Envoy has no listener after a minute:\n{}", envoy.log()).into(),
                );
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(envoy)
    }

    /// What it has logged: warnings and errors.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("envoy.log")).unwrap_or_default()
    }

    /// CPU time of all its threads so far, as the kernel's scheduler counts it, in nanoseconds.
    ///
    /// # Errors
    /// When the kernel does not say (`CONFIG_SCHED_INFO`).
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let tasks = format!("/proc/{}/task", self.process.id());
        let mut nanoseconds = 0;
        for task in fs::read_dir(&tasks)? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The id of the thread of this name.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn thread(&self, name: &str) -> Result<i32> {
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let task = task?;
            if fs::read_to_string(task.path().join("comm"))?.trim_end() == name {
                return Ok(task.file_name().to_string_lossy().parse()?);
            }
        }
        Err(format!("Envoy has no thread {name}").into())
    }

    /// Where memory is executable and belongs to no file (`man 5 proc_pid_maps`).
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn anonymous_code(&self) -> Result<Vec<Range<u64>>> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.process.id()))?;
        let ranges = maps.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (start, end) = words.next()?.split_once('-')?;
            let is_code = words.next()?.contains('x');
            let is_anonymous = words.nth(3).is_none();
            let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
            (is_code && is_anonymous).then_some(range)
        });
        Ok(ranges.collect())
    }

    /// Resident memory now, in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that was resident since [`Envoy::forget_peak`], in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Makes now the peak (`man 5 proc_pid_clear_refs`).
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn forget_peak(&self) -> Result {
        Ok(fs::write(
            format!("/proc/{}/clear_refs", self.process.id()),
            "5",
        )?)
    }

    fn status(&self, key: &str) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB"));
        let kib: u64 = value
            .ok_or_else(|| format!("the kernel does not say {key}"))?
            .parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the configuration says on which port the filter listens.
pub(crate) const LISTENER_PORT: &str =
    "/static_resources/listeners/0/address/socket_address/port_value";

/// A port that nobody listens on, below those that the kernel hands out, so that nobody gets it before Envoy does.
/// A port that Envoy chose would have to be asked for at its admin interface.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000)?;
    for _ in 0..1000 {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("there is no free port between 20000 and 30000".into())
}
