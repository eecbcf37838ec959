//! A real Envoy as a child process.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::{Answer, Connection, Request, SOON, eventually};

/// Every scenario runs on these: the newest, and the one in Istio 1.28.
const VERSIONS: [&str; 2] = ["1.40.0", "1.36.4"];

/// The versions of this run; `SIGV4_EGRESS_ENVOY=1.36.4`, or `cargo xtask test --envoy 1.36.4`, narrows it to one.
pub fn versions() -> Vec<String> {
    match chosen() {
        Some(version) => vec![version],
        None => VERSIONS.map(str::to_owned).to_vec(),
    }
}

/// For what is seen on one version only.
pub fn newest() -> String {
    let [newest, ..] = VERSIONS;
    chosen().unwrap_or_else(|| newest.to_owned())
}

fn chosen() -> Option<String> {
    std::env::var("SIGV4_EGRESS_ENVOY").ok()
}

/// The filter as `cargo xtask build` leaves it.
///
/// # Panics
/// When it has not been built.
pub fn module() -> String {
    built("target/sigv4_egress.wasm")
}

/// The same, as a build that ends its VM when a client or STS tells it to.
///
/// # Panics
/// When it has not been built.
pub fn trap_module() -> String {
    built("target/sigv4_egress.trap.wasm")
}

fn built(file: &str) -> String {
    let path = workspace().join(file);
    assert!(
        path.exists(),
        "no module at {}: run `cargo xtask test`, which builds it",
        path.display()
    );
    path.display().to_string()
}

/// Lets this process, and those that it starts, have so many files and connections open.
///
/// # Panics
/// When the system allows fewer.
pub fn allow_open_files(count: u32) {
    let status = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--nofile={count}:"))
        .status()
        .expect("prlimit, of the package util-linux, runs");
    assert!(status.success(), "prlimit --nofile={count}: {status}");
}

/// A Python with boto3.
///
/// # Panics
/// When it is not there.
pub fn python() -> PathBuf {
    let path = workspace().join("target/tools/python/bin/python");
    assert!(
        path.exists(),
        "no Python at {}: run `cargo xtask test`, which fetches it",
        path.display()
    );
    path
}

/// A listener that a test removes is gone, VMs and all, after so many seconds.
const DRAIN: u32 = 1;

/// A running Envoy; killed when dropped, also by a test that panics.
pub struct Envoy {
    process: Child,
    directory: PathBuf,
    admin: u16,
    /// For reports.
    pub version: String,
}

impl Envoy {
    /// Starts Envoy on `<directory>/envoy.json` and waits until it is live.
    ///
    /// # Panics
    /// When the binary is missing, or Envoy ends or does not get ready.
    pub async fn start(version: &str, directory: &Path, concurrency: u32) -> Self {
        Self::start_to_drain(version, directory, concurrency, DRAIN).await
    }

    /// As [`Envoy::start`], with connections of a listener that is gone for so many seconds.
    ///
    /// # Panics
    /// As [`Envoy::start`].
    pub async fn start_to_drain(
        version: &str,
        directory: &Path,
        concurrency: u32,
        seconds: u32,
    ) -> Self {
        let mut command = Command::new(binary(version));
        command.args(["--drain-time-s", &seconds.to_string()]);
        Self::launch(command, version, directory, concurrency).await
    }

    /// As [`Envoy::start`], for a `static`, which is never dropped: the kernel ends Envoy with the
    /// thread that calls this, however that ends.
    ///
    /// # Panics
    /// As [`Envoy::start`].
    pub async fn start_on_leash(version: &str, directory: &Path, concurrency: u32) -> Self {
        let mut command = leashed(&binary(version));
        command.args(["--drain-time-s", &DRAIN.to_string()]);
        Self::launch(command, version, directory, concurrency).await
    }

    /// As [`Envoy::start`], as a member of this group alone: iptables know its connections by it.
    ///
    /// # Panics
    /// As [`Envoy::start`].
    pub async fn start_in_group(
        group: u32,
        version: &str,
        directory: &Path,
        concurrency: u32,
    ) -> Self {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--regid={group}"))
            .arg("--clear-groups")
            .arg(binary(version))
            .args(["--drain-time-s", &DRAIN.to_string()]);
        Self::launch(command, version, directory, concurrency).await
    }

    async fn launch(
        mut command: Command,
        version: &str,
        directory: &Path,
        concurrency: u32,
    ) -> Self {
        let log = File::create(directory.join("envoy.log")).expect("a log file");
        let admin_file = directory.join("admin");
        let process = command
            .arg("--config-path")
            .arg(directory.join("envoy.json"))
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args([
                // A test waits for the access log, which Envoy would write every ten seconds.
                "--file-flush-interval-msec",
                "50",
                "--concurrency",
                &concurrency.to_string(),
                "--disable-hot-restart",
            ])
            .args(["--log-level", "info", "--component-log-level", "wasm:debug"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("Envoy starts");
        let mut envoy = Self {
            process,
            directory: directory.into(),
            admin: 0,
            version: version.into(),
        };
        envoy.admin = eventually("Envoy opens its admin port", SOON, async || {
            envoy.assert_running();
            let address = fs::read_to_string(&admin_file).ok()?;
            address.trim().rsplit(':').next()?.parse().ok()
        })
        .await;
        eventually("Envoy is live", SOON, async || {
            envoy.assert_running();
            let ready = envoy.admin("/ready").await?;
            ready.text().contains("LIVE").then_some(())
        })
        .await;
        envoy
    }

    /// The port of a listener, when Envoy has it.
    pub async fn port(&self, listener: &str) -> Option<u16> {
        let listeners = self.admin("/listeners?format=json").await?;
        let listeners: Value = serde_json::from_slice(&listeners.body).ok()?;
        let status = listeners["listener_statuses"].as_array()?;
        let address = status.iter().find(|status| status["name"] == listener)?;
        address["local_address"]["socket_address"]["port_value"]
            .as_u64()?
            .try_into()
            .ok()
    }

    /// A counter or gauge by its full name; 0 when Envoy does not have it.
    pub async fn stat(&self, name: &str) -> u64 {
        let stats = self.stats().await;
        stats
            .iter()
            .find(|(key, _)| key == name)
            .map_or(0, |(_, value)| *value)
    }

    /// Counters and gauges of the filter, without their prefix.
    pub async fn filter_stats(&self) -> Vec<(String, u64)> {
        self.stats()
            .await
            .into_iter()
            .filter_map(|(name, value)| {
                Some((
                    name.strip_prefix("wasmcustom.sigv4_egress.")?.to_owned(),
                    value,
                ))
            })
            .collect()
    }

    /// The sum of all counters and gauges whose names end so: those of an upstream filter stand beneath its cluster
    /// in Envoy 1.36.4.
    pub async fn stats_that_end_with(&self, end: &str) -> u64 {
        let stats = self.stats().await;
        let found = stats.iter().filter(|(name, _)| name.ends_with(end));
        found.map(|(_, value)| value).sum()
    }

    async fn stats(&self) -> Vec<(String, u64)> {
        let answer = self
            .admin("/stats?format=json")
            .await
            .expect("the admin port answers");
        let stats: Value = serde_json::from_slice(&answer.body).expect("stats in JSON");
        let stats = stats["stats"].as_array().cloned().unwrap_or_default();
        stats
            .iter()
            .filter_map(|stat| Some((stat["name"].as_str()?.to_owned(), stat["value"].as_u64()?)))
            .collect()
    }

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The port of the admin interface, on 127.0.0.1.
    pub fn admin_port(&self) -> u16 {
        self.admin
    }

    /// A GET on the admin port.
    pub async fn admin(&self, path: &str) -> Option<Answer> {
        let mut connection = Connection::open(self.admin).await.ok()?;
        connection
            .ask(&Request::get("admin", path).bytes())
            .await
            .ok()
    }

    /// The memory that Envoy has of the system's, in bytes.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn resident_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(status).expect("Envoy runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes
            .map(|kilobytes: u64| kilobytes << 10)
            .expect("VmRSS in kB")
    }

    /// How often a VM has trapped.
    pub fn traps(&self) -> usize {
        let log = String::from_utf8_lossy(&self.log()).into_owned();
        log.matches(" failed: Uncaught ").count()
    }

    /// Everything that Envoy has logged.
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.directory.join("envoy.log")).unwrap_or_default()
    }

    /// For a failure report: the end of the log and the filter's stats.
    pub fn report(&self) -> String {
        let log = String::from_utf8_lossy(&self.log()).into_owned();
        // Without the long list of what is compiled in.
        let lines: Vec<_> = log
            .lines()
            .filter(|line| !line.contains("[source/server/server.cc:"))
            .collect();
        let tail = lines
            .get(lines.len().saturating_sub(60)..)
            .unwrap_or_default()
            .join("\n");
        // Blocking: this runs in a `Drop`, where nothing can be awaited.
        let stats = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
            let query = "/stats?usedonly&filter=wasmcustom|egress.downstream_rq|upstream_rq_total";
            write!(
                stream,
                "GET {query} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
            )
            .ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            Some(text)
        };
        let stats = stats().unwrap_or_else(|| "no answer".into());
        format!(
            "--- log of Envoy {}\n{tail}\n--- stats\n{stats}",
            self.version
        )
    }

    fn assert_running(&mut self) {
        if let Ok(Some(status)) = self.process.try_wait() {
            panic!("Envoy {} ended with {status}", self.version);
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, ended by the kernel when the calling thread ends.
fn leashed(program: &Path) -> Command {
    let mut command = Command::new(python());
    command
        .arg(workspace().join("envoy/demo/leash.py"))
        .arg(std::process::id().to_string())
        .arg(program);
    command
}

/// The root of the repository.
///
/// # Panics
/// When it has been moved since the build.
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace")
}

/// Of this version.
///
/// # Panics
/// When it has not been fetched.
pub fn binary(version: &str) -> PathBuf {
    let path = workspace().join(format!("target/tools/envoy-{version}/envoy/_bin/envoy"));
    assert!(
        path.exists(),
        "no Envoy {version} at {}: run `cargo xtask test`, which fetches it",
        path.display()
    );
    path
}
