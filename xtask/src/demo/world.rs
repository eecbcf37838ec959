//! The processes of the demo: AWS and Envoy.

use super::answers;
use crate::overlay::{self, Places};
use crate::run::{Result, root};
use serde_json::Value;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The temporary directory of one run, readable for us only.
#[derive(Clone, Debug)]
pub(super) struct RunDirectory(PathBuf);

impl RunDirectory {
    pub(super) fn create() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("sigv4-egress-demo-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What cannot be removed stays in the temporary directory.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// AWS and Envoy, running. They end when it is dropped, and when we end in any other way.
#[derive(Debug)]
pub(super) struct World {
    directory: PathBuf,
    python: PathBuf,
    aws_port: u16,
    envoy: String,
    admin: String,
    processes: Vec<Process>,
}

impl World {
    /// Starts both and waits until they answer.
    pub(super) fn start(
        directory: &RunDirectory,
        python: &Path,
        envoy: &Path,
        module: &Path,
    ) -> Result<Self> {
        let directory = directory.path().to_owned();
        println!(
            "\nStarting AWS (moto) and Envoy {} in {}",
            crate::tools::ENVOY,
            directory.display()
        );

        let mut aws = Command::new(python);
        aws.arg("envoy/demo/aws.py").arg(&directory);
        // Sessions shorter than AWS's shortest are refreshed at half of their life: here, every 10 seconds.
        aws.args(["--session-seconds", "20"]);
        let mut aws = Process::start("AWS", &aws, python, &directory.join("aws.log"))?;
        let aws_port = aws.until("it listens", || {
            fs::read_to_string(directory.join("port"))
                .ok()?
                .parse()
                .ok()
        })?;

        certify(&directory, python)?;
        let places = Places {
            module,
            token_directory: &directory.join("pod"),
            socket: &directory.join("token.sock"),
            authority: &directory.join("ca.pem"),
            sds: &directory.join("sds.yaml"),
            tunnel_socket: &directory.join("tls.sock"),
            aws_port,
        };
        let config = directory.join("envoy.json");
        fs::write(
            &config,
            serde_json::to_vec_pretty(&overlay::overlaid(overlay::bootstrap()?, places)?)?,
        )?;
        let admin_address = directory.join("admin");
        let mut command = Command::new(envoy);
        command
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_address);
        command.args([
            "--disable-hot-restart",
            "--concurrency",
            "2",
            "--log-level",
            "warning",
        ]);
        // As EKS sets them in a pod of the service account.
        command
            .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reports")
            .env("AWS_REGION", "eu-west-1");
        command
            .env("POD_NAMESPACE", "demo")
            .env("POD_NAME", "reports-0");
        let mut envoy = Process::start("Envoy", &command, python, &directory.join("envoy.log"))?;
        let admin = envoy.until("its admin interface answers", || {
            let admin = format!("http://{}", fs::read_to_string(&admin_address).ok()?);
            answers(&format!("{admin}/ready")).then_some(admin)
        })?;
        let envoy_port = envoy.until("its listener is there", || listener_port(&admin))?;
        Ok(Self {
            directory,
            python: python.to_owned(),
            aws_port,
            envoy: format!("http://127.0.0.1:{envoy_port}"),
            admin,
            processes: vec![envoy, aws],
        })
    }

    /// The URL of AWS itself.
    pub(super) fn aws(&self) -> String {
        format!("https://127.0.0.1:{}", self.aws_port)
    }

    pub(super) fn aws_port(&self) -> u16 {
        self.aws_port
    }

    /// The URL of the filter's listener.
    pub(super) fn envoy(&self) -> &str {
        &self.envoy
    }

    /// The URL of Envoy's admin interface.
    pub(super) fn admin(&self) -> &str {
        &self.admin
    }

    pub(super) fn python(&self) -> &Path {
        &self.python
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What AWS has seen so far, one entry a request.
    pub(super) fn journal(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.directory.join("journal.jsonl"))?;
        // The last line may still be written.
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    /// Waits until one of the processes ends, and returns its name.
    pub(super) fn wait_for_an_end(&mut self) -> Result<&'static str> {
        loop {
            for process in &mut self.processes {
                if process.child.try_wait()?.is_some() {
                    return Ok(process.name);
                }
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Makes the certificate that ends the program's TLS, the authority that the program trusts, and the file that tells Envoy
/// of the first.
fn certify(directory: &Path, python: &Path) -> Result {
    let (tls, trust) = (directory.join("tls"), directory.join("trust"));
    let mut command = Command::new(python);
    command
        .current_dir(root())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
        .arg("envoy/demo/certificates.py")
        .args([&tls, &trust]);
    if !command.status()?.success() {
        return Err("envoy/demo/certificates.py failed".into());
    }
    let sds = fs::read_to_string(root().join("envoy/https/sds.yaml"))?;
    let sds = sds.replace("/etc/sigv4-egress/tls", &tls.display().to_string());
    Ok(fs::write(directory.join("sds.yaml"), sds)?)
}

/// Polls until `ready` gives something; an error after a minute.
pub(super) fn until<T>(what: &str, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..PAUSES_IN_A_MINUTE {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        std::thread::sleep(PAUSE);
    }
    Err(format!("a minute has passed, and still not: {what}").into())
}

const PAUSE: Duration = Duration::from_millis(50);
const PAUSES_IN_A_MINUTE: u32 = 1200;

#[derive(Debug)]
struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command on a leash: the kernel ends it when we end.
    fn start(name: &'static str, command: &Command, python: &Path, log: &Path) -> Result<Self> {
        let output = File::create(log)?;
        let mut leashed = Command::new(python);
        leashed
            .current_dir(root())
            .arg("envoy/demo/leash.py")
            .arg(std::process::id().to_string());
        leashed.arg(command.get_program()).args(command.get_args());
        leashed.env_clear().envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        leashed
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HOME", log.with_file_name(""));
        leashed
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = leashed
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
        })
    }

    fn until<T>(&mut self, what: &str, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
        until(&format!("{}: {what}", self.name), || {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("{} has ended, {status}:\n{log}", self.name).into());
            }
            Ok(ready())
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listener_port(admin: &str) -> Option<u16> {
    let url = format!("{admin}/listeners?format=json");
    let answer = Command::new("curl")
        .args(["--silent", "--fail", "--noproxy", "*", &url])
        .output()
        .ok()?;
    let listeners: Value = serde_json::from_slice(&answer.stdout).ok()?;
    let listeners = listeners.get("listener_statuses")?.as_array()?;
    let ours = listeners.iter().find(|listener| {
        listener
            .get("name")
            .is_some_and(|name| name == "sigv4-egress")
    })?;
    ours.pointer("/local_address/socket_address/port_value")?
        .as_u64()?
        .try_into()
        .ok()
}
