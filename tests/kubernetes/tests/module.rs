//! The module in a ConfigMap, as `envoy/istio/README.md` says.

use std::fs;
use std::process::Command;

use kubernetes::{Answer, Value, directory, json, kubectl, namespace};

const NAMESPACE: &str = "module";

/// What the README tells the reader to type, up to the ConfigMap's name.
const README: &str =
    "kubectl create configmap NAME --from-file=sigv4_egress.wasm --dry-run=client --output=json |
kubectl patch --local --filename=- --type=merge --patch='{\"immutable\": true}' --output=json |
kubectl apply --server-side --filename=-";

/// The module, or what stands for the next version of it.
fn module() -> Vec<u8> {
    let path =
        std::env::var_os("SIGV4_EGRESS_MODULE").expect("the module: run `cargo xtask kubernetes`");
    fs::read(path).expect("the module")
}

/// Types it in a directory with these bytes as the module.
fn typed(line: &str, name: &str, bytes: &[u8]) -> Answer {
    let here = std::env::temp_dir().join(format!("module-{name}-{}", std::process::id()));
    fs::create_dir_all(&here).expect("a directory");
    fs::write(here.join("sigv4_egress.wasm"), bytes).expect("written");
    let programs = directory();
    let path = format!(
        "{}:{}",
        programs.display(),
        std::env::var("PATH").expect("a path")
    );
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", &line.replace("NAME", name)])
        .current_dir(&here)
        .env("PATH", path)
        .env("KUBECONFIG", programs.join("kubeconfig"))
        .output()
        .expect("bash runs");
    fs::remove_dir_all(here).expect("removed");
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

/// In the namespace of this test.
fn line(text: &str) -> String {
    namespace(NAMESPACE, &json!({}));
    text.replace(
        "kubectl create",
        &format!("kubectl create --namespace={NAMESPACE}"),
    )
}

fn stored(name: &str) -> Value {
    let arguments = [
        "get",
        "configmap",
        name,
        "--namespace",
        NAMESPACE,
        "--output=json",
    ];
    let text = kubectl(&arguments, "").unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_module_fits_by_server_side_apply_and_not_into_an_annotation() {
    let line = line(README);
    let bytes = module();
    for _ in 0..2 {
        let applied = typed(&line, "fits", &bytes);
        assert!(applied.is_ok(), "{applied:?}");
    }
    let map = stored("fits");
    let held = map["binaryData"]["sigv4_egress.wasm"]
        .as_str()
        .expect("bytes")
        .len();
    // What a ConfigMap may hold, and base64 makes of three bytes four.
    assert!(
        held < 1 << 20 && held == bytes.len().div_ceil(3) * 4,
        "{held}"
    );
    assert_eq!(map["immutable"], true);
    let by_client = line.replace("apply --server-side", "apply");
    let answer = typed(&by_client, "too-long", &bytes);
    assert!(
        answer
            .as_ref()
            .is_err_and(|said| said.contains("metadata.annotations: Too long")),
        "{answer:?}"
    );
}

/// Envoy would not load a file again that changed in place.
#[test]
fn an_upgrade_is_a_new_name() {
    let line = line(README);
    let mut bytes = module();
    assert!(typed(&line, "upgraded", &bytes).is_ok());
    bytes.push(0);
    let answer = typed(&line, "upgraded", &bytes);
    assert!(
        answer
            .as_ref()
            .is_err_and(|said| said.contains("field is immutable when `immutable` is set")),
        "{answer:?}"
    );
    assert!(typed(&line, "upgraded-next", &bytes).is_ok());
}

#[test]
fn the_readme_says_so() {
    let path = kubernetes::shipped("istio/README.md");
    let text = fs::read_to_string(path).expect("README.md");
    for part in README.lines() {
        let part = part
            .trim_end_matches(" |")
            .replace("NAME", "sigv4-egress-0-2-0");
        let part = part.replace(
            "--from-file=sigv4_egress.wasm",
            "--from-file=target/sigv4_egress.wasm",
        );
        assert!(text.contains(&part), "{part}");
    }
}
