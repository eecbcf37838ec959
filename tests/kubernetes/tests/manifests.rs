//! What users apply is taken as it is printed, with every field checked, and a second time without a change.

use std::fs;
use std::path::{Path, PathBuf};

use kubernetes::{Value, apply, definitions, json, kubectl, namespace, shipped};

/// A team's.
const NAMESPACE: &str = "manifests";
/// Another one's, without a mesh.
const PLAIN: &str = "plain";
/// The root namespace of the mesh, whose configuration is for all sidecars.
const ROOT: &str = "istio-system";

/// The cluster as a user has it before.
fn cluster() {
    definitions();
    namespace(ROOT, &json!({}));
    namespace(NAMESPACE, &json!({}));
    namespace(PLAIN, &json!({}));
}

/// Applies a file twice in a namespace.
fn check(file: &Path, namespace: &str) {
    let path = file.to_str().expect("UTF-8");
    // Without what the API server writes down of each request.
    let objects = || {
        let arguments = [
            "get",
            "--output=json",
            "--namespace",
            namespace,
            "--filename",
            path,
        ];
        let text = kubectl(&arguments, "").expect("it is there");
        let mut list: Value = serde_json::from_str(&text).expect("JSON");
        for object in list["items"].as_array_mut().into_iter().flatten() {
            object["metadata"]["resourceVersion"] = Value::Null;
        }
        list["metadata"] = Value::Null;
        list
    };
    let said = apply(file, namespace);
    assert!(!said.contains("Warning"), "{path}: {said}");
    let before = objects();
    apply(file, namespace);
    assert_eq!(before, objects(), "{path}: applied again, it changed");
}

fn yaml_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_files_for_istio_are_taken() {
    cluster();
    let files = yaml_in(&shipped("istio"));
    assert!(files.len() > 7, "{files:?}");
    for file in &files {
        let name = file.file_name().and_then(|name| name.to_str());
        let is_workload = name.is_some_and(|name| name.starts_with("pod"));
        check(file, if is_workload { NAMESPACE } else { ROOT });
    }
}

#[test]
fn what_kustomize_makes_for_plain_kubernetes_is_taken() {
    cluster();
    let directory = std::env::temp_dir().join(format!("kustomize-{}", std::process::id()));
    for name in ["component", "example", "sandbox"] {
        copy(&shipped("kubernetes").join(name), &directory.join(name));
    }
    // As its README says.
    for file in [
        "envoy.yaml",
        "https/sds.yaml",
        "https/certificate.sh",
        "https/capture.sh",
    ] {
        let name = Path::new(file).file_name().expect("a name");
        fs::copy(shipped(file), directory.join("component").join(name)).expect("copied");
    }
    for name in ["example", "sandbox"] {
        let source = directory.join(name);
        let built = kubectl(&["kustomize", source.to_str().expect("UTF-8")], "");
        let file = directory.join(format!("{name}.yaml"));
        fs::write(
            &file,
            built.unwrap_or_else(|error| panic!("{name}: {error}")),
        )
        .expect("written");
        check(&file, PLAIN);
    }
    fs::remove_dir_all(directory).expect("removed");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

/// Otherwise the others would show nothing.
#[test]
fn a_field_that_there_is_not_would_be_noticed() {
    cluster();
    let text = fs::read_to_string(shipped("istio/loopback.yaml")).expect("loopback.yaml");
    let wrong = text.replacen(
        "  workloadSelector:",
        "  workloadSelektor: {}\n  workloadSelector:",
        1,
    );
    let arguments = [
        "apply",
        "--server-side",
        "--validate=strict",
        "--namespace",
        NAMESPACE,
        "--filename=-",
    ];
    let answer = kubectl(&arguments, &wrong);
    assert!(
        answer
            .as_ref()
            .is_err_and(|error| error.contains("workloadSelektor")),
        "{answer:?}"
    );
}
