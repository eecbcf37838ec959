//! The rehearsal of `docs/break-glass.md`: a workload goes back to its SDK's own credentials, with the sidecar and without
//! it, and returns. A program asks all the time, as the pods of a rolling update do: the new one works before the old
//! one ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use e2e::envoy::python;
use e2e::namespace::{GROUP, capture};
use e2e::pod::{Pod, in_pod};
use e2e::{Reply, Value, Verdict, json, until};

const NAMES: &[&str] = &["s3.eu-west-1.amazonaws.com", "*.eu-west-1.amazonaws.com"];
/// Python starts on a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// How many requests a program makes before the one that it follows ends, and after.
const SOME: u64 = 20;

/// How a pod's program gets its credentials, and what is in its way.
#[derive(Clone, Copy)]
enum Way {
    /// Placeholder keys, and captured: the sidecar signs.
    Filter,
    /// IRSA, and captured: the program signs, and the sidecar leaves it alone.
    Captured,
    /// IRSA, and no label: nothing is captured.
    Alone,
}

#[test]
fn a_workload_goes_back_to_its_own_credentials_and_returns_without_a_lost_request() {
    let name = "a_workload_goes_back_to_its_own_credentials_and_returns_without_a_lost_request";
    in_pod(name, NAMES, async |pod| {
        prepare(pod);
        capture(&[]);
        let mut running = Program::start(pod, "before", Way::Filter).await;
        check_signed_by(pod, Way::Filter).await;
        for (name, way) in [
            ("captured", Way::Captured),
            ("alone", Way::Alone),
            ("back", Way::Filter),
        ] {
            let next = Program::start(pod, name, way).await;
            running.stop().await;
            running = next;
            check_signed_by(pod, way).await;
        }
        running.stop().await;
    });
}

/// AWS answers as S3, and STS as SDKs read it; the program trusts AWS and the pod.
fn prepare(pod: &Pod) {
    let shipped = &pod.shipped;
    shipped.aws.refuse_with(200, BUCKETS);
    shipped.sts.always(Reply::Xml);
    let directory = shipped.directory();
    let trusted = ["ca.pem", "pod-ca.pem"].map(|name| fs::read_to_string(directory.join(name)));
    let trusted = trusted.map(|pem| pem.expect("an authority"));
    fs::write(directory.join("trusted.pem"), trusted.concat()).expect("trusted.pem");
}

/// Who signs what arrives from now on, and whether it came through the sidecar.
async fn check_signed_by(pod: &Pod, way: Way) {
    let shipped = &pod.shipped;
    let left_alone = async || {
        let stat = "wasmcustom.sigv4_egress.requests.left_alone.client_signature";
        shipped.envoy.stat(stat).await
    };
    let before = left_alone().await;
    shipped.aws.take_received();
    let count = || shipped.aws.received().len() as u64;
    until("requests arrive", LONG, || count() >= SOME).await;
    assert_eq!(left_alone().await > before, matches!(way, Way::Captured));
    for request in shipped.aws.take_received() {
        let Verdict::Signed(signature) = &request.verdict else {
            panic!("{request:#?}");
        };
        // The first call was the filter's.
        let of_filter = shipped.ledger.issued()[0].access_key_id == signature.access_key_id;
        assert_eq!(of_filter, matches!(way, Way::Filter), "{request:#?}");
    }
}

/// A program that asks until it is stopped.
struct Program {
    process: Child,
    stop: PathBuf,
    report: PathBuf,
}

impl Program {
    /// Until it has made some requests.
    async fn start(pod: &Pod, name: &str, way: Way) -> Self {
        let directory = pod.shipped.directory();
        let mut command = match way {
            Way::Filter | Way::Captured => Command::new(python()),
            Way::Alone => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--regid={GROUP}"));
                command.arg("--clear-groups").arg(python());
                command
            }
        };
        command
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/break_glass/program.py"
            ))
            .arg(name)
            .current_dir(directory)
            .env("AWS_CA_BUNDLE", "trusted.pem")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        match way {
            Way::Filter => command
                .env("AWS_ACCESS_KEY_ID", "placeholder")
                .env("AWS_SECRET_ACCESS_KEY", "placeholder"),
            // As the webhook of EKS does for an annotated ServiceAccount.
            Way::Captured | Way::Alone => command
                .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/demo")
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", directory.join("pod/token"))
                .env("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
        };
        let program = Self {
            process: command.spawn().expect("a program"),
            stop: directory.join(format!("{name}.stop")),
            report: directory.join(format!("{name}.json")),
        };
        until("the program asks", LONG, || program.asked() >= SOME).await;
        program
    }

    fn read(&self) -> Value {
        let text = fs::read(&self.report).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// How many requests succeeded; none may fail.
    fn asked(&self) -> u64 {
        let report = self.read();
        if report.is_null() {
            return 0;
        }
        assert_eq!(report["failed"], json!([]), "{}", self.report.display());
        report["count"].as_u64().expect("a count")
    }

    /// As kubelet ends it: it finishes what it does.
    async fn stop(&mut self) {
        fs::write(&self.stop, "").expect("a file");
        until("it has ended", LONG, || {
            self.process.try_wait().expect("a process").is_some()
        })
        .await;
        println!("{}: {} requests, 0 lost", name(&self.report), self.asked());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, but for a test that failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn name(file: &Path) -> String {
    file.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// As S3 lists buckets.
const BUCKETS: &str = "<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>e2e</ID></Owner>\
    <Buckets></Buckets></ListAllMyBucketsResult>";
