//! What the tests of `cargo xtask kubernetes` share: kubectl, and cases that the API server refuses or takes.

pub mod cases;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

pub use serde_json::{Value, json};

/// How long a policy may take until it is in force.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the API server said.
pub type Answer = Result<String, String>;

/// The directory that `cargo xtask kubernetes` made, with `kubectl` and `kubeconfig`.
#[must_use]
pub fn directory() -> PathBuf {
    let set = std::env::var_os("SIGV4_EGRESS_KUBERNETES");
    PathBuf::from(set.expect("an API server: run `cargo xtask kubernetes`"))
}

/// A file or directory of what is shipped, in `envoy`.
#[must_use]
pub fn shipped(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.join("../../envoy").join(name)
}

/// Runs kubectl, with this as its standard input.
pub fn kubectl(arguments: &[&str], input: &str) -> Answer {
    let directory = directory();
    let mut kubectl = Command::new(directory.join("kubectl"));
    kubectl
        .arg("--kubeconfig")
        .arg(directory.join("kubeconfig"));
    kubectl.args(arguments);
    let output = fed(kubectl, input);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        // Warnings among them.
        Ok(text(&output.stdout) + &text(&output.stderr))
    } else {
        Err(text(&output.stderr))
    }
}

fn fed(mut command: Command, input: &str) -> Output {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let mut stdin = process.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = thread::spawn(move || {
        // A program that reads none of it has ended.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = process.wait_with_output().expect("kubectl ends");
    writer.join().expect("written");
    output
}

/// Applies what a file says, as a platform would, with every field checked; gives what kubectl says.
pub fn apply(file: &Path, namespace: &str) -> String {
    let file = file.to_str().expect("a path in UTF-8");
    let applied = kubectl(
        &[
            "apply",
            "--server-side",
            "--validate=strict",
            "--namespace",
            namespace,
            "--filename",
            file,
        ],
        "",
    );
    applied.unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Makes a namespace with these labels, and the ServiceAccount that a controller would make there.
pub fn namespace(name: &str, labels: &Value) {
    let objects = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } },
        { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name } },
    ] });
    let applied = kubectl(
        &["apply", "--server-side", "--filename=-"],
        &objects.to_string(),
    );
    applied.unwrap_or_else(|error| panic!("namespace {name}: {error}"));
}

/// The labels of a namespace whose pods may have AWS.
#[must_use]
pub fn enabled() -> Value {
    json!({ "sigv4-egress": "enabled", "istio-injection": "enabled" })
}

/// The definitions of Istio's resources, and of the routes of the Gateway API.
pub fn definitions() {
    for file in ["istio.yaml", "gateway-api.yaml"] {
        apply(&directory().join(file), "default");
    }
    let established = kubectl(
        &[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "--all",
            "customresourcedefinitions",
        ],
        "",
    );
    established.unwrap_or_else(|error| panic!("{error}"));
}

/// Applies the policies that the platform has, and makes the namespaces of the cases.
///
/// All tests have the same ones, side by side.
pub fn platform() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        definitions();
        namespace("istio-system", &json!({}));
        namespace(cases::OTHER, &json!({ "istio-injection": "enabled" }));
        namespace(cases::ENABLED, &enabled());
        apply(&directory().join("injector.yaml"), "default");
        for file in ["admission.yaml", "inject.yaml", "admission-pods.yaml"] {
            apply(&shipped("istio").join(file), "default");
        }
    });
}

/// The documents of a file.
#[must_use]
pub fn documents(path: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Asks until the answer is the wanted one: policies and their parameters take a moment to be known. The last answer.
///
/// All that a test asks has one deadline, from the first question on.
pub fn until(wanted: impl Fn(&Answer) -> bool, ask: impl Fn() -> Answer) -> Answer {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    loop {
        let answer = ask();
        if wanted(&answer) || start.elapsed() > PATIENCE {
            return answer;
        }
        thread::sleep(Duration::from_millis(200));
    }
}
