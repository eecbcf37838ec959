//! etcd, kube-apiserver and a webhook, on free ports of loopback and in one temporary directory.

use crate::run::{Result, root, run, succeeds};
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The token of the user who may do everything. The server ends with its tests, and listens on loopback alone.
const ADMINISTRATOR: &str = "administrator";

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_mins(5);

/// A running API server; it ends when this is dropped, and by `setpriv` if we are killed.
pub(crate) struct Server {
    /// Programs, kubeconfig, keys, data and logs.
    directory: PathBuf,
    processes: Vec<(&'static str, Child)>,
}

impl Server {
    /// Starts it with the programs in this directory, and waits until it answers.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("kubernetes-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let mut server = Self {
            directory,
            processes: Vec::new(),
        };
        let [client, peer, secure, webhook] = free_ports()?;
        for name in ["kubectl", "istio.yaml", "gateway-api.yaml"] {
            let link = server.directory.join(name);
            std::os::unix::fs::symlink(programs.join(name), link)?;
        }
        server.etcd(programs, client, peer)?;
        server.api_server(programs, client, secure)?;
        server.injector(webhook)?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Where `kubectl` and `kubeconfig` are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The command line with which one looks around.
    pub(crate) fn kubectl(&self) -> String {
        let directory = self.directory.display();
        format!("{directory}/kubectl --kubeconfig {directory}/kubeconfig api-resources")
    }

    /// Waits until one of its processes ends.
    pub(crate) fn wait(&mut self) -> Result {
        loop {
            self.check()?;
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Takes the logs to where they stay.
    pub(crate) fn keep_logs(&self) -> PathBuf {
        let kept = self.directory.with_extension("logs");
        let _ = fs::create_dir_all(&kept);
        for (name, _) in &self.processes {
            let log = format!("{name}.log");
            let _ = fs::copy(self.directory.join(&log), kept.join(&log));
        }
        kept
    }

    fn etcd(&mut self, programs: &Path, client: u16, peer: u16) -> Result {
        let client = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let mut etcd = leashed(&programs.join("etcd"));
        etcd.arg("--data-dir").arg(self.directory.join("etcd"));
        etcd.args(["--unsafe-no-fsync", "--name=one"]);
        etcd.arg(format!("--listen-client-urls={client}"));
        etcd.arg(format!("--advertise-client-urls={client}"));
        etcd.arg(format!("--listen-peer-urls={peer}"));
        etcd.arg(format!("--initial-advertise-peer-urls={peer}"));
        etcd.arg(format!("--initial-cluster=one={peer}"));
        self.spawn("etcd", etcd)
    }

    fn api_server(&mut self, programs: &Path, etcd: u16, port: u16) -> Result {
        let directory = &self.directory;
        let key = directory.join("service-accounts.key");
        run(Command::new("openssl")
            .args(["genrsa", "-out"])
            .arg(&key)
            .arg("2048")
            .stderr(Stdio::null()))?;
        let tokens = directory.join("tokens.csv");
        fs::write(
            &tokens,
            format!("{ADMINISTRATOR},{ADMINISTRATOR},1,system:masters\n"),
        )?;
        // It makes its own certificate, beneath an authority that is in the same file.
        let certificates = directory.join("certificates");
        fs::write(
            directory.join("kubeconfig"),
            kubeconfig(port, &certificates.join("apiserver.crt")),
        )?;
        let mut server = leashed(&programs.join("kube-apiserver"));
        server
            .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
            .args([
                "--bind-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
            ])
            .arg(format!("--secure-port={port}"))
            .arg("--cert-dir")
            .arg(certificates)
            .arg("--token-auth-file")
            .arg(tokens)
            .arg("--service-account-key-file")
            .arg(&key)
            .arg("--service-account-signing-key-file")
            .arg(&key)
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            .arg("--authorization-mode=RBAC");
        self.spawn("kube-apiserver", server)
    }

    /// What stands in for Istio's injector, and its registration for the tests to apply.
    fn injector(&mut self, port: u16) -> Result {
        let certificate = self.directory.join("injector.pem");
        let key = self.directory.join("injector.key");
        run(Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
            ])
            .args([
                "-subj",
                "/CN=injector",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null()))?;
        fs::write(
            self.directory.join("injector.yaml"),
            registration(port, &base64(&certificate)?),
        )?;
        let mut python = leashed(Path::new("python3"));
        python
            .arg(root().join("tests/kubernetes/injector.py"))
            .arg(port.to_string())
            .arg(certificate)
            .arg(key);
        self.spawn("injector", python)
    }

    fn spawn(&mut self, name: &'static str, mut command: Command) -> Result {
        let log = File::create(self.directory.join(format!("{name}.log")))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("setpriv for {name}: {error}"))?;
        self.processes.push((name, process));
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result {
        let start = Instant::now();
        let directory = self.directory.clone();
        let is_ready = || {
            let mut kubectl = Command::new(directory.join("kubectl"));
            kubectl
                .arg("--kubeconfig")
                .arg(directory.join("kubeconfig"));
            succeeds(kubectl.args(["get", "--raw=/readyz", "--request-timeout=5s"]))
        };
        while !is_ready() {
            self.check()?;
            if start.elapsed() > PATIENCE {
                let logs = self.keep_logs();
                return Err(format!(
                    "the API server does not answer after {} s; logs: {}",
                    PATIENCE.as_secs(),
                    logs.display()
                )
                .into());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// An error, if one of the processes has ended.
    fn check(&mut self) -> Result {
        for place in 0..self.processes.len() {
            if let Some((name, process)) = self.processes.get_mut(place)
                && let Some(status) = process.try_wait()?
            {
                let name = *name;
                let logs = self.keep_logs();
                return Err(format!("{name} has ended: {status}; logs: {}", logs.display()).into());
            }
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server before its store.
        for (_, process) in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A command that ends with us, whatever ends us.
fn leashed(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Ports that were free a moment ago, held together so that they differ.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn kubeconfig(port: u16, authority: &Path) -> String {
    let authority = authority.display();
    format!(
        r#"apiVersion: v1
kind: Config
current-context: test
contexts: [{{ name: test, context: {{ cluster: test, user: administrator }} }}]
users: [{{ name: administrator, user: {{ token: {ADMINISTRATOR} }} }}]
clusters:
- name: test
  cluster: {{ server: "https://127.0.0.1:{port}", certificate-authority: "{authority}" }}
"#
    )
}

/// As JSON holds bytes.
fn base64(file: &Path) -> Result<String> {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["base64", "-A", "-in"]).arg(file).output()?;
    Ok(String::from_utf8(output.stdout)?)
}

/// As Istio registers its own: for the pods of namespaces with injection, unless they have the label against it.
fn registration(port: u16, authority: &str) -> String {
    let registration = serde_json::json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": "injector" },
        "webhooks": [{
            "name": "injector.example.org",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": { "url": format!("https://127.0.0.1:{port}/inject"), "caBundle": authority },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
            "namespaceSelector": { "matchLabels": { "istio-injection": "enabled" } },
            "objectSelector": { "matchExpressions": [
                { "key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"] }] },
        }],
    });
    registration.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ() {
        let [one, two, three]: [u16; 3] = free_ports().unwrap();
        assert!(one != two && two != three && one != three);
    }

    #[test]
    fn what_is_leashed_ends_as_the_program_does() {
        let status = leashed(Path::new("false")).status().unwrap();
        assert_eq!(status.code(), Some(1));
    }
}
