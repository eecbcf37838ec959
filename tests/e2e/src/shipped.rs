//! The shipped `envoy/envoy.yaml` as a running Envoy, with the fakes in AWS's place.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::bootstrap::{self, AWS, STS, redirect, set_environment};
use crate::ca::TestCa;
use crate::envoy::{self, Envoy};
use crate::ledger::Ledger;
use crate::token::TokenDir;
use crate::{Answer, Connection, FakeAws, FakeSts, Request, SOON, eventually};

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
    _sts: Arc<FakeSts>,
    directory: PathBuf,
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
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("shipped-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a temporary directory");
        let (ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
        fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
        let token = Arc::new(TokenDir::new(directory.join("pod"), Arc::clone(&ledger)));
        token.rotate();
        let aws = FakeAws::start(&ca, &ledger).await;
        let sts = FakeSts::start(&ca, &ledger, &token).await;
        let aws_port = upstream(&ca).await.unwrap_or(aws.port);
        let mut config = bootstrap::shipped(
            &directory,
            &[("\"allow\": [\"s3\", \"dynamodb\"]", "\"allow\": \"*\"")],
        );
        redirect(&mut config, &[(AWS, aws_port), (STS, sts.port)]);
        let environment = json!({
            "AWS_REGION": "eu-west-1",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/demo",
        });
        set_environment(&mut config, &environment);
        change(&mut config);
        fs::write(directory.join("envoy.json"), config.to_string()).expect("envoy.json");
        let envoy = Envoy::start(version, &directory, 1).await;
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
            _sts: sts,
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
