//! `istioctl` on the files: its checks, and what its injector makes of the pods.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::envoy::workspace;
use e2e::{Value, json};

use crate::manifests::{documents, rendered, whole};
use crate::mesh::program;
use crate::process::{output, printed};

const SHAPES: [&str; 3] = ["loopback.yaml", "transparent.yaml", "captured.yaml"];
const PODS: [&str; 2] = ["pod.yaml", "pod-captured.yaml"];
/// What operators apply beside them.
const OPERATE: [&str; 2] = [
    "../operate/access-log-istio.yaml",
    "../operate/listener-istio.yaml",
];

fn shipped(name: &str) -> PathBuf {
    workspace().join("envoy/istio").join(name)
}

/// A directory that is removed when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("istioctl-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn write(&self, name: &str, text: &Value) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text.as_str().expect("a text")).expect("a file");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn istioctl_validate_takes_every_file() {
    for name in SHAPES.iter().chain(&PODS).chain(&OPERATE) {
        let mut validate = Command::new(program("istioctl"));
        let said = printed(validate.args(["validate", "--filename"]).arg(shipped(name)));
        assert!(!said.contains("Warning"), "{name}: {said}");
    }
}

/// With the shape and its pod, in a namespace where sidecars are injected.
fn assert_clean(shape: &str, pod: &str) {
    assert_nothing_found(shape, &analyze(shape, &[shipped(shape), shipped(pod)]));
}

fn assert_nothing_found(of: &str, said: &str) {
    let findings = said.lines().filter(|line| {
        // What it says of every EnvoyFilter.
        line.contains("[IST") && !line.contains("[IST0133]")
    });
    assert_eq!(findings.collect::<Vec<_>>(), Vec::<&str>::new(), "{of}");
    assert!(
        said.contains("[IST0133]"),
        "it has seen no EnvoyFilter: {said}"
    );
}

#[test]
fn istioctl_analyze_finds_nothing_in_any_shape() {
    assert_clean("loopback.yaml", "pod.yaml");
    assert_clean("captured.yaml", "pod-captured.yaml");
    assert_clean("transparent.yaml", "pod.yaml");
}

#[test]
fn istioctl_analyze_finds_nothing_in_the_examples_of_the_chart() {
    let examples = fs::read_dir(workspace().join("envoy/helm/examples")).expect("examples");
    let mut seen = 0;
    for example in examples {
        let path = example.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let directory = Directory::new(&format!("chart-{name}"));
        let file = directory.write("chart.yaml", &Value::from(whole(&name)));
        assert_nothing_found(&name, &analyze(&name, &[file]));
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

fn analyze(name: &str, files: &[PathBuf]) -> String {
    let directory = Directory::new(name);
    let namespace = Value::from(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: default\n  labels: { istio-injection: enabled }\n",
    );
    let mut analyze = Command::new(program("istioctl"));
    analyze.args([
        "analyze",
        "--use-kube=false",
        "--namespace=default",
        "--failure-threshold=Info",
    ]);
    analyze.arg(directory.write("namespace.yaml", &namespace));
    analyze.args(files);
    let output = output(&mut analyze);
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// What istiod's injector reads.
struct Injector {
    directory: Directory,
    templates: Value,
    values: Value,
    mesh: Value,
}

impl Injector {
    fn new(name: &str) -> Self {
        let generated = printed(Command::new(program("istioctl")).args([
            "manifest",
            "generate",
            "--set",
            "values.pilot.env.ENABLE_NATIVE_SIDECARS=true",
        ]));
        let generated = documents(&generated);
        let config = |name: &str| {
            let found = generated
                .iter()
                .find(|it| it["kind"] == "ConfigMap" && it["metadata"]["name"] == name);
            &found.unwrap_or_else(|| panic!("no ConfigMap {name}"))["data"]
        };
        let injector = config("istio-sidecar-injector");
        Self {
            directory: Directory::new(name),
            templates: injector["config"].clone(),
            values: injector["values"].clone(),
            mesh: config("istio")["mesh"].clone(),
        }
    }

    /// With what the chart has written, as `helm upgrade istiod --values` adds it.
    fn add(&mut self, rendered: &str) {
        let map = documents(rendered).remove(0);
        let own = documents(map["data"]["values.yaml"].as_str().expect("a text")).remove(0);
        let mut templates = documents(self.templates.as_str().expect("a text")).remove(0);
        let added = own["sidecarInjectorWebhook"]["templates"].as_object();
        let all = templates["templates"].as_object_mut().expect("templates");
        all.extend(added.expect("templates").clone());
        // JSON is YAML.
        self.templates = Value::from(templates.to_string());
    }

    /// The Deployment of a file, with its sidecar.
    fn inject(&self, file: &Path) -> Value {
        let mut inject = Command::new(program("istioctl"));
        // With a revision, it asks no cluster for one.
        inject.args(["kube-inject", "--revision=default", "--filename"]);
        inject.arg(file);
        for (option, name, text) in [
            ("--injectConfigFile", "templates", &self.templates),
            ("--valuesFile", "values", &self.values),
            ("--meshConfigFile", "mesh", &self.mesh),
        ] {
            inject.arg(option).arg(self.directory.write(name, text));
        }
        inject.env("ENABLE_NATIVE_SIDECARS", "true");
        let injected = documents(&printed(&mut inject));
        let deployment = injected.into_iter().find(|it| it["kind"] == "Deployment");
        deployment.unwrap_or_else(|| panic!("{} has no Deployment", file.display()))
    }
}

/// As Istio 1.29 and later inject: istio-proxy is an init container that goes on.
#[test]
fn the_injector_mounts_the_volumes_into_istio_proxy_alone() {
    let injector = Injector::new("inject");
    for (name, volumes) in [(PODS[0], 3), (PODS[1], 4)] {
        let injected = injector.inject(&shipped(name));
        let spec = &injected["spec"]["template"]["spec"];
        let mut found = 0;
        for kind in ["initContainers", "containers"] {
            for container in spec[kind].as_array().into_iter().flatten() {
                let mounts = container["volumeMounts"].as_array().into_iter().flatten();
                let ours = mounts.filter(|mount| is_ours(&mount["name"]));
                let ours: Vec<_> = ours.collect();
                if container["name"] == "istio-proxy" {
                    assert_eq!(
                        (kind, &container["restartPolicy"]),
                        ("initContainers", &"Always".into())
                    );
                    assert_eq!(ours.len(), volumes, "{name}: {ours:#?}");
                    has_the_role(container);
                    found += 1;
                } else {
                    assert!(
                        ours.is_empty(),
                        "{name}: {} has {ours:#?}",
                        container["name"]
                    );
                }
            }
        }
        assert_eq!(found, 1, "{name}: {spec:#}");
    }
}

/// The token, the module, the certificate with its key, and the socket.
fn is_ours(volume: &Value) -> bool {
    let names = ["token", "module", "tls", "socket"].map(|name| format!("sigv4-egress-{name}"));
    names.iter().any(|name| volume == name.as_str())
}

fn has_the_role(container: &Value) {
    let variables = container["env"].as_array().into_iter().flatten();
    let role = variables.filter(|variable| variable["name"] == "AWS_ROLE_ARN");
    let role: Vec<_> = role.map(|variable| &variable["value"]).collect();
    assert_eq!(
        role,
        [&Value::from("arn:aws:iam::123456789012:role/reports")]
    );
}

/// A pod of the namespace has nothing of ours in its manifest.
#[test]
fn the_template_of_a_namespace_brings_label_volumes_and_role() {
    let mut injector = Injector::new("namespace");
    injector.add(&rendered("namespace", "injection"));
    for (namespace, has_it) in [("default", true), ("other", false)] {
        let annotations = json!({"inject.istio.io/templates": "sidecar,sigv4-egress-default"});
        let metadata =
            json!({"namespace": namespace, "labels": {"app": "x"}, "annotations": annotations});
        let spec = json!({"serviceAccountName": "x", "containers": [{"name": "x", "image": "x"}]});
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "x", "namespace": namespace},
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "template": {"metadata": metadata, "spec": spec},
            },
        });
        let text = Value::from(deployment.to_string());
        let file = injector.directory.write("pod.json", &text);
        let injected = injector.inject(&file);
        let template = &injected["spec"]["template"];
        let label = template["metadata"]["labels"].get("sigv4-egress");
        assert_eq!(label, has_it.then_some(&Value::from("loopback")));
        let volumes = template["spec"]["volumes"].as_array().expect("volumes");
        let ours = volumes.iter().filter(|volume| is_ours(&volume["name"]));
        assert_eq!(ours.count(), if has_it { 2 } else { 0 });
        let proxy = &template["spec"]["initContainers"];
        let proxy = proxy.as_array().expect("containers").iter();
        let mut proxy = proxy.filter(|container| container["name"] == "istio-proxy");
        let variables = proxy.next().expect("istio-proxy")["env"].as_array();
        let mut variables = variables.expect("variables").iter();
        let role = variables.find(|variable| variable["name"] == "AWS_ROLE_ARN");
        let expected = Value::from(format!("arn:aws:iam::123456789012:role/{namespace}-x"));
        assert_eq!(role.map(|role| &role["value"]), has_it.then_some(&expected));
    }
}
