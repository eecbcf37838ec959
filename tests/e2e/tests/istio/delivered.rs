//! The module from a registry: istiod hands out plugins by name (ECDS), and pilot-agent has fetched the image.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::{Request, Value, envoy, json};

use crate::patch::Sidecar;
use crate::pod::in_pods;
use crate::{MARKER, S3};

/// The EnvoyFilter of a shape, as the chart renders it for its example `oci`.
pub(crate) fn filters(shape: &str) -> Vec<Value> {
    let chart = envoy::workspace().join("envoy/helm");
    let output = Command::new(envoy::workspace().join("target/tools/helm/helm"))
        .args(["template", "sigv4-egress"])
        .arg(&chart)
        .arg("--values")
        .arg(chart.join("examples/oci.yaml"))
        .args(["--show-only", &format!("templates/{shape}.yaml")])
        .output()
        .expect("cargo xtask test has built it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_saphyr::from_multiple(&String::from_utf8_lossy(&output.stdout)).expect("YAML")
}

/// Puts files in the place of ADS, with the module where pilot-agent would have put it.
pub(crate) fn hand_out(sidecar: &mut Sidecar, directory: &Path) {
    for extension in &mut sidecar.extensions {
        let name = extension["name"].as_str().expect("a name").to_owned();
        let config = &mut extension["typed_config"];
        if config["@type"]
            .as_str()
            .is_some_and(|url| url.ends_with(".Wasm"))
        {
            let code = &mut config["config"]["vm_config"]["code"];
            let digest = code["remote"]["sha256"].as_str().map(str::len);
            assert_eq!(digest, Some(64), "{name}: pinned");
            *code = json!({"local": {"filename": envoy::module()}});
        }
        extension["@type"] = json!("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig");
        let response = json!({"resources": [extension]});
        fs::write(directory.join(format!("{name}.json")), response.to_string()).expect("written");
    }
    sidecar
        .listeners
        .iter_mut()
        .for_each(|listener| discover(listener, directory));
}

fn discover(value: &mut Value, directory: &Path) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("name").and_then(Value::as_str);
            let path = name.map(|name| directory.join(format!("{name}.json")));
            if let (Some(discovery), Some(path)) = (fields.get_mut("config_discovery"), path) {
                let source = &mut discovery["config_source"];
                assert_eq!(source["ads"], json!({}));
                *source = json!({
                    "path_config_source": {"path": path},
                    "initial_fetch_timeout": source["initial_fetch_timeout"],
                    "resource_api_version": "V3",
                });
            }
            fields
                .values_mut()
                .for_each(|value| discover(value, directory));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| discover(item, directory)),
        _ => {}
    }
}

#[test]
fn loopback_signs() {
    in_pods(
        "oci/loopback",
        |_| {},
        async |pod| {
            let port = pod.envoy.port("sigv4-egress").await.expect("a listener");
            let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
            pod.until_ok(port, &request).await;
        },
    );
}

#[test]
fn captured_signs() {
    in_pods(
        "oci/captured",
        |_| {},
        async |pod| {
            let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
            let answer = pod.ask_in_tls(S3, &pod.pod_ca, &request).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        },
    );
}

/// With the guard, which is discovered, too.
#[test]
fn transparent_signs() {
    in_pods(
        "oci/transparent",
        |_| {},
        async |pod| {
            let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
            pod.until_ok(pod.intercepted, &request).await;
        },
    );
}

/// Where the digest is another one, pilot-agent hands out a filter that refuses.
#[test]
fn an_image_with_another_digest_lets_nothing_pass() {
    let refusing = |sidecar: &mut Sidecar| {
        let filter = sidecar.extensions.iter_mut();
        let mut filter = filter.filter(|one| one["name"] == "sigv4-egress-loopback");
        filter.next().expect("the filter")["typed_config"] = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {},
        });
    };
    in_pods("oci/loopback", refusing, async |pod| {
        let port = pod.envoy.port("sigv4-egress").await.expect("a listener");
        let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
        let answer = pod.ask(port, &request).await;
        assert_eq!(
            (answer.status, answer.text().as_ref()),
            (403, "RBAC: access denied")
        );
        assert_eq!(pod.aws.received().len(), 0);
    });
}
