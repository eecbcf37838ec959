//! The shipped `envoy/envoy.yaml` as a running Envoy, with the fakes in AWS's place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::bootstrap::{self, AWS, STS, redirect, set_environment};
use crate::ca::TestCa;
use crate::envoy::{self, Envoy};
use crate::ledger::Ledger;
use crate::token::TokenDir;
use crate::{ANY_PORT, Answer, Connection, FakeAws, FakeSts, Request, SOON, eventually, namespace};

/// The file, with what its comments say to adapt: places of this machine.
pub struct Shipped {
    /// The system under test.
    pub envoy: Envoy,
    /// Behind every AWS host, unless the test has put another upstream there.
    pub aws: Arc<FakeAws>,
    /// Keys and secrets.
    pub ledger: Arc<Ledger>,
    /// Of the listener.
    pub port: u16,
    /// The authority of the certificate that ends TLS: the application trusts it, and Envoy does not.
    pub pod_ca: Arc<TestCa>,
    /// It has issued the credentials.
    pub sts: Arc<FakeSts>,
    /// Of AWS's certificates, which Envoy trusts.
    pub aws_ca: Arc<TestCa>,
    directory: PathBuf,
}

/// Where the fakes are, and how Envoy gets there.
enum Network {
    /// At ports of 127.0.0.1, in the place of DNS.
    Loopback,
    /// In a pod's own network, at the addresses that its DNS knows.
    Pod,
}

impl Shipped {
    /// Starts it for an IRSA pod, with everything allowed; `upstream` is another AWS than the fake one, made with the
    /// authority that Envoy trusts, and `change` is done last.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(
        version: &str,
        upstream: impl AsyncFnOnce(&Arc<TestCa>) -> Option<u16>,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let file = bootstrap::shipped;
        Self::launch(version, Network::Loopback, &[], file, upstream, change).await
    }

    /// As [`Shipped::start`], with the parts for https and a certificate for these names.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with_https(
        version: &str,
        names: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let file = bootstrap::shipped_with_https;
        let none = async |_: &Arc<TestCa>| None;
        Self::launch(version, Network::Loopback, names, file, none, change).await
    }

    /// The whole file in a [`namespace`]: with its DNS, AWS at its own addresses, Envoy in its own group, and a
    /// certificate for these names, which are the captured ones.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_in_pod(
        version: &str,
        names: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let file = bootstrap::shipped_with_https;
        let none = async |_: &Arc<TestCa>| None;
        let change = |config: &mut Value| {
            bootstrap::capture_names(config, names);
            change(config);
        };
        Self::launch(version, Network::Pod, names, file, none, change).await
    }

    /// As [`Shipped::start_in_pod`], with what the sandbox makes of the file, and tunnels to these hosts.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_in_sandbox(version: &str, names: &[&str], tunnel_to: &[&str]) -> Self {
        let file = |directory: &Path, _: &[(&str, &str)]| {
            bootstrap::shipped_for_sandbox(directory, tunnel_to)
        };
        let none = async |_: &Arc<TestCa>| None;
        Self::launch(version, Network::Pod, names, file, none, |_| {}).await
    }

    async fn launch(
        version: &str,
        network: Network,
        names: &[&str],
        shipped: impl FnOnce(&Path, &[(&str, &str)]) -> Value,
        upstream: impl AsyncFnOnce(&Arc<TestCa>) -> Option<u16>,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("shipped-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a temporary directory");
        let (ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
        fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
        let token = Arc::new(TokenDir::new(directory.join("pod"), Arc::clone(&ledger)));
        token.rotate();
        let (at_aws, at_sts) = match network {
            Network::Loopback => (vec![ANY_PORT], vec![ANY_PORT]),
            Network::Pod => (namespace::AWS.https(), namespace::STS.https()),
        };
        let aws = FakeAws::start_at(&at_aws, &ca, &ledger).await;
        let sts = FakeSts::start_at(&at_sts, &ca, &ledger, &token).await;
        let aws_port = upstream(&ca).await.unwrap_or(aws.port);
        let pod_ca = TestCa::new();
        fs::write(directory.join("pod-ca.pem"), pod_ca.pem()).expect("pod-ca.pem");
        write_certificate(&directory, &pod_ca, names);
        let mut config = shipped(
            &directory,
            &[("\"allow\": [\"s3\", \"dynamodb\"]", "\"allow\": \"*\"")],
        );
        if let Network::Loopback = network {
            redirect(&mut config, &[(AWS, aws_port), (STS, sts.port)]);
        }
        let environment = json!({
            "AWS_REGION": "eu-west-1",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/demo",
        });
        set_environment(&mut config, &environment);
        change(&mut config);
        fs::write(directory.join("envoy.json"), config.to_string()).expect("envoy.json");
        let envoy = match network {
            Network::Loopback => Envoy::start(version, &directory, 1).await,
            Network::Pod => Envoy::start_in_group(namespace::GROUP, version, &directory, 1).await,
        };
        let port = eventually("the listener is there", SOON, async || {
            envoy.port("sigv4-egress").await
        })
        .await;
        eventually("credentials are there", SOON, async || {
            let fetched = envoy.stat("wasmcustom.sigv4_egress.sts.ok").await;
            (fetched > 0).then_some(())
        })
        .await;
        Self {
            envoy,
            aws,
            ledger,
            port,
            pod_ca,
            sts,
            aws_ca: ca,
            directory,
        }
    }

    /// Sends a request on a new connection.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn ask(&self, request: &Request) -> Answer {
        self.ask_bytes(&request.bytes()).await
    }

    /// As [`Shipped::ask`], for bytes as they stand.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn ask_bytes(&self, request: &[u8]) -> Answer {
        let mut connection = self.connect().await;
        let answer = connection.ask(request).await;
        answer.unwrap_or_else(|error| panic!("no answer: {error}\n{}", self.envoy.report()))
    }

    /// Of Envoy, with `ca.pem`, the authority of AWS's certificates, and `pod-ca.pem`, that of the pod.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A connection to the listener.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.port).await.expect("it accepts")
    }
}

impl Drop for Shipped {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.envoy.report());
            eprintln!("--- kept: {}", self.directory.display());
        } else {
            // What is left among temporary files does no harm.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// What `envoy/https/sds.yaml` names, in this directory.
///
/// # Panics
/// When a name is no name of a host, or the directory cannot be written.
pub fn write_certificate(directory: &Path, authority: &TestCa, names: &[&str]) {
    let (certificate, key) = authority.certificate(names);
    write_secret(directory, &certificate, &key);
}

/// The same for a chain of certificates and a key.
pub(crate) fn write_secret(directory: &Path, certificate: &str, key: &str) {
    let tls = directory.join("tls");
    fs::create_dir_all(&tls).expect("a directory");
    fs::write(tls.join("tls.crt"), certificate).expect("tls.crt");
    fs::write(tls.join("tls.key"), key).expect("tls.key");
    let sds = json!({"resources": [{
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": "sigv4-egress-tls",
        "tls_certificate": {
            "certificate_chain": {"filename": tls.join("tls.crt")},
            "private_key": {"filename": tls.join("tls.key")},
            "watched_directory": {"path": tls},
        },
    }]});
    fs::write(directory.join("sds.yaml"), sds.to_string()).expect("sds.yaml");
}

/// Runs `steps` on the shipped file with every Envoy; afterwards nothing may have left unsigned.
///
/// # Panics
/// When a step fails.
pub fn with_shipped(steps: impl AsyncFn(&Shipped)) {
    for version in envoy::versions() {
        runtime().block_on(async {
            let shipped = Shipped::start(&version, async |_| None, |_| {}).await;
            steps(&shipped).await;
            shipped.aws.assert_never_unsigned();
        });
    }
}

/// For a test's steps.
///
/// # Panics
/// When the system has no threads left.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}
