//! The module from a registry: pilot-agent fetches it, and Envoy gets it as an extension's configuration of its own (ECDS).

use e2e::{SOON, Value, eventually, json};

use crate::load::Load;
use crate::loopback::{LISTENER, signed_by_placeholder};
use crate::manifests::{documents, shipped};
use crate::mesh::{On, SERVICES, in_mesh};
use crate::pod::Spec;
use crate::registry::Registry;
use crate::updates::next_module;

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
/// What pilot-agent puts in the filter's place where it has no module.
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const REGISTRY: &str = "registry.example:5000";

/// loopback.yaml with each of its plugins from the image with this digest.
fn from_registry(digest: &str) -> String {
    let mut documents = documents(&shipped("loopback.yaml"));
    for document in &mut documents {
        document["metadata"]["namespace"] = json!("default");
        let mut extensions = Vec::new();
        discover(&mut document["spec"], digest, &mut extensions);
        let patches = document["spec"]["configPatches"].as_array_mut();
        patches.expect("patches").extend(extensions);
    }
    let texts: Vec<_> = documents.iter().map(|it| format!("{it:#}\n")).collect();
    texts.join("---\n")
}

/// Leaves the name of each plugin, and makes a resource of the rest.
fn discover(value: &mut Value, digest: &str, extensions: &mut Vec<Value>) {
    match value {
        Value::Object(filter)
            if filter
                .get("typed_config")
                .is_some_and(|it| it["@type"] == WASM) =>
        {
            let mut config = filter.remove("typed_config").expect("just seen");
            config["config"]["vm_config"]["code"] = json!({"remote": {
                // pilot-agent reads no cluster, but Envoy's form has one.
                "http_uri": {"uri": format!("oci://{REGISTRY}/sigv4-egress@sha256:{digest}"), "timeout": "30s", "cluster": "none"},
                "sha256": digest,
            }});
            extensions.push(json!({
                "applyTo": "EXTENSION_CONFIG",
                "match": {"context": "SIDECAR_OUTBOUND"},
                "patch": {"operation": "ADD", "value": {"name": filter["name"], "typed_config": config}},
            }));
            let source =
                json!({"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"});
            let discovery = json!({"config_source": source, "type_urls": [WASM, RBAC]});
            filter.insert("config_discovery".into(), discovery);
        }
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|it| discover(it, digest, extensions)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|it| discover(it, digest, extensions)),
        _ => {}
    }
}

fn spec() -> Spec {
    Spec::of("pod.yaml").metadata("WASM_INSECURE_REGISTRIES", Some(REGISTRY))
}

#[test]
fn an_image_signs_and_the_next_one_fails_no_request() {
    let test = "oci::an_image_signs_and_the_next_one_fails_no_request";
    in_mesh(test, On::Each, async |mesh| {
        let registry = Registry::start((SERVICES, 5000).into()).await;
        let module = std::fs::read(e2e::envoy::module()).expect("the module");
        let [first, second] = [module, next_module()].map(|module| registry.push(module));
        mesh.apply_text("loopback.yaml", &from_registry(&first), "default")
            .await;
        let pod = mesh.pod(spec()).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        assert_eq!(pod.status()["plugins"][0]["roles"][0]["state"], "usable");
        let load = Load::start(&pod, LISTENER, &request);
        load.goes_on_for(100).await;
        for digest in [&second, &first] {
            mesh.apply_text("loopback.yaml", &from_registry(digest), "default")
                .await;
            // pilot-agent keeps the modules by their digests.
            eventually("the other image is at work", SOON, async || {
                pod.configuration()
                    .await
                    .to_string()
                    .contains(digest.as_str())
                    .then_some(())
            })
            .await;
            load.goes_on_for(100).await;
        }
        load.assert_no_failure().await;
        assert_eq!(mesh.sts.calls().len(), 1);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
    });
}

#[test]
fn an_image_with_another_digest_lets_nothing_pass() {
    let test = "oci::an_image_with_another_digest_lets_nothing_pass";
    in_mesh(test, On::Newest, async |mesh| {
        let registry = Registry::start((SERVICES, 5000).into()).await;
        let module = std::fs::read(e2e::envoy::module()).expect("the module");
        let digest = registry.push(module);
        let wrong = format!("{}{}", &digest[1..], &digest[..1]);
        let text = from_registry(&digest).replace(
            &format!("\"sha256\": \"{digest}\""),
            &format!("\"sha256\": \"{wrong}\""),
        );
        assert!(text.contains(&wrong));
        mesh.apply_text("loopback.yaml", &text, "default").await;
        let pod = mesh.pod(spec()).await;
        let answer = eventually("the listener is there", SOON, async || {
            let mut connection = pod.connect(LISTENER).await.ok()?;
            connection.ask(&signed_by_placeholder().bytes()).await.ok()
        })
        .await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, "RBAC: access denied")
        );
        assert_eq!(mesh.aws.received().len(), 0);
    });
}
