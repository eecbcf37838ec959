//! Envoy with `envoy/envoy.yaml`, between a fake STS and an upstream that keeps what arrives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use e2e::bootstrap::{redirect, set_environment, shipped_without_https};
use e2e::ca::TestCa;
use e2e::envoy::{self, Envoy};
use e2e::ledger::Ledger;
use e2e::token::TokenDir;
use e2e::{Connection, FakeSts, Request, SOON, Value, eventually, json};

use crate::upstream::Upstream;

/// Of the pod, and of the hosts that the tests call.
pub(crate) const REGION: &str = "eu-west-1";

pub(crate) struct Egress {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) ledger: Arc<Ledger>,
    /// Of the application's listener.
    pub(crate) port: u16,
    /// For files of this run; removed at its end.
    pub(crate) directory: PathBuf,
    envoy: Envoy,
}

impl Egress {
    pub(crate) async fn start(version: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("wire-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");

        let (ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
        fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
        let token = Arc::new(TokenDir::new(directory.join("token"), Arc::clone(&ledger)));
        token.rotate();
        let sts = FakeSts::start(&ca, &ledger, &token).await;
        let upstream = Upstream::start(&ca).await;
        let config = bootstrap(&directory, upstream.port, sts.port);
        fs::write(directory.join("envoy.json"), config).expect("envoy.json");

        let envoy = Envoy::start(version, &directory, 2).await;
        let port = envoy.port("sigv4-egress").await.expect("bound");
        Self {
            upstream,
            ledger,
            port,
            envoy,
            directory,
        }
    }

    /// Waits until the first credentials are there.
    pub(crate) async fn until_signing(&self) {
        let request = Request::get("sqs.eu-west-1.amazonaws.com", "/");
        eventually("a signed answer", SOON, async || {
            let mut connection = Connection::open(self.port).await.expect("it accepts");
            let answer = connection.ask(&request.bytes()).await.expect("an answer");
            assert!(
                [200, 503].contains(&answer.status),
                "{answer:?} {}",
                answer.text()
            );
            (answer.status == 200).then_some(())
        })
        .await;
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = String::from_utf8_lossy(&self.envoy.log()).into_owned();
            let end: Vec<_> = log.lines().rev().take(20).collect();
            for line in end.iter().rev() {
                eprintln!("{line}");
            }
            eprintln!("--- kept: {}", self.directory.display());
        } else {
            // What is left in the directory for temporary files does no harm.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The shipped file, with other addresses, paths and environment, and with every service allowed.
/// What handles a request is left as it is: the connection manager, its filters, the TLS settings.
fn bootstrap(directory: &Path, upstream: u16, sts: u16) -> String {
    let text = shipped_without_https();
    let path = |name| directory.join(name).display().to_string();
    let text = [
        ("/etc/ssl/certs/ca-certificates.crt", path("ca.pem")),
        ("/etc/sigv4-egress/sigv4_egress.wasm", envoy::module()),
        (
            "/var/run/secrets/eks.amazonaws.com/serviceaccount",
            path("token"),
        ),
        ("/var/run/sigv4-egress/token.sock", path("token.sock")),
        (
            r#""allow": ["s3", "dynamodb"]"#,
            r#""allow": "*""#.to_owned(),
        ),
    ]
    .iter()
    .fold(text, |text, (from, to)| {
        assert!(text.contains(from), "envoy/envoy.yaml has no {from}");
        text.replace(from, to)
    });
    let mut config: Value = serde_saphyr::from_str(&text).expect("YAML");
    config["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    config["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] =
        json!(0);
    let ports = [("sigv4-egress-aws", upstream), ("sigv4-egress-sts", sts)];
    redirect(&mut config, &ports);
    // What IRSA puts into a pod's environment.
    let environment = json!({
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/demo",
        "AWS_REGION": REGION,
    });
    set_environment(&mut config, &environment);
    config.to_string()
}
