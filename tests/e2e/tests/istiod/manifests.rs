//! The files of `envoy/istio`, as one applies them.

use std::fs;
use std::process::Command;

use e2e::Value;
use e2e::envoy::workspace;

/// What `kubectl apply --namespace NAMESPACE` makes of a text: the same, with the namespace.
pub(crate) fn in_namespace(text: &str, namespace: &str) -> String {
    let mut placed = String::new();
    for line in text.lines() {
        placed.push_str(line);
        placed.push('\n');
        if line == "metadata:" {
            placed.push_str("  namespace: ");
            placed.push_str(namespace);
            placed.push('\n');
        }
    }
    placed
}

/// A file as it is printed.
///
/// # Panics
/// When it is not there.
pub(crate) fn shipped(name: &str) -> String {
    let path = workspace().join("envoy/istio").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file with one text replaced, as its comments say to.
///
/// # Panics
/// When it does not have the text.
pub(crate) fn adapted(name: &str, from: &str, to: &str) -> String {
    let text = shipped(name);
    assert!(text.contains(from), "{name} has no {from}");
    text.replace(from, to)
}

/// # Panics
/// When it is no YAML.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

/// What the chart gives for one of its examples, of this template.
///
/// # Panics
/// When Helm does not take it.
pub(crate) fn rendered(example: &str, template: &str) -> String {
    helm(
        example,
        &["--show-only", &format!("templates/{template}.yaml")],
    )
}

/// *transparent* for this version of Envoy, which is that of Istio 1.28 where it is the oldest.
///
/// # Panics
/// When Helm does not take it.
pub(crate) fn transparent_for(version: &str) -> String {
    let old = format!("istio128={}", version.starts_with("1.36."));
    let only = "templates/transparent.yaml";
    helm("transparent", &["--set", &old, "--show-only", only])
}

/// All that the chart gives for one of its examples, with a workload to start from.
///
/// # Panics
/// When Helm does not take it.
pub(crate) fn whole(example: &str) -> String {
    helm(example, &["--set", "example=true"])
}

fn helm(example: &str, more: &[&str]) -> String {
    let root = workspace();
    let mut helm = Command::new(root.join("target/tools/helm/helm"));
    helm.args(["template", "sigv4-egress", "--values"])
        .arg(root.join(format!("envoy/helm/examples/{example}.yaml")))
        .args(more)
        .arg(root.join("envoy/helm"));
    let output = helm.output().expect("Helm runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Kind, namespace and name of each resource of Istio's.
pub(crate) fn resources(text: &str) -> Vec<(String, String, String)> {
    let field = |value: &Value| value.as_str().expect("a string").to_owned();
    let documents = documents(text).into_iter();
    let of_istio = |document: &Value| {
        let version = document["apiVersion"].as_str();
        version.is_some_and(|version| version.starts_with("networking.istio.io/"))
    };
    documents
        .filter(of_istio)
        .map(|document| {
            let metadata = &document["metadata"];
            (
                field(&document["kind"]),
                field(&metadata["namespace"]),
                field(&metadata["name"]),
            )
        })
        .collect()
}
