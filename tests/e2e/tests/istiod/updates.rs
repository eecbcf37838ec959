//! What changes while requests go on: the configuration, the module, and the token.

use std::fs;

use e2e::envoy;
use e2e::{Request, SOON, Value, eventually, until};

use crate::MARKER;
use crate::load::Load;
use crate::loopback::{LISTENER, signed_by_placeholder};
use crate::manifests::{adapted, documents, shipped};
use crate::mesh::{On, in_mesh};
use crate::pod::{Pod, Spec};
use crate::registry::sha256;

const MODULE: &str = "/etc/sigv4-egress/module/sigv4_egress.wasm";
/// A second file beside it.
const NEXT: &str = "/etc/sigv4-egress/module/sigv4_egress.next.wasm";

fn allowing_dynamodb() -> String {
    adapted(
        "loopback.yaml",
        "\"allow\": [\"s3\"]",
        "\"allow\": [\"s3\", \"dynamodb\"]",
    )
}

async fn until_dynamodb_is(pod: &Pod, status: u16) {
    let request = Request::new("POST", "dynamodb.eu-west-1.amazonaws.com", "/");
    let request = request.header(MARKER.0, MARKER.1).body("{}");
    eventually("the new configuration is at work", SOON, async || {
        let answer = pod.ask(LISTENER, &request).await;
        (answer.status == status).then_some(())
    })
    .await;
}

#[test]
fn a_new_configuration_and_its_roll_back_fail_no_request() {
    let test = "updates::a_new_configuration_and_its_roll_back_fail_no_request";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        let load = Load::start(&pod, LISTENER, &request);
        load.goes_on_for(100).await;
        mesh.apply_text("loopback.yaml", &allowing_dynamodb(), "default")
            .await;
        until_dynamodb_is(&pod, 200).await;
        load.goes_on_for(100).await;
        mesh.apply("loopback.yaml").await;
        until_dynamodb_is(&pod, 403).await;
        load.goes_on_for(100).await;
        load.assert_no_failure().await;
        // The credentials outlived both.
        assert_eq!(mesh.sts.calls().len(), 1);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
    });
}

#[test]
fn the_status_document_names_the_configuration_that_runs_after_a_roll_back() {
    let test = "updates::the_status_document_names_the_configuration_that_runs_after_a_roll_back";
    in_mesh(test, On::Newest, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        pod.ask_when_ready(LISTENER, &signed_by_placeholder())
            .await
            .ok();
        mesh.apply_text("loopback.yaml", &allowing_dynamodb(), "default")
            .await;
        until_dynamodb_is(&pod, 200).await;
        until_newest_is(&pod, &allowing_dynamodb()).await;
        mesh.apply("loopback.yaml").await;
        until_dynamodb_is(&pod, 403).await;
        until_newest_is(&pod, &shipped("loopback.yaml")).await;
    });
}

/// Waits until the status document has the configuration of this file last, as one that runs.
async fn until_newest_is(pod: &Pod, file: &str) {
    let hash = hash_of(file).expect("a configuration");
    // Istio's sidecars drain what was replaced for 45 s, and it is silent for 30 s before it counts as gone.
    let long = SOON * 8;
    until("the last configuration is the one that runs", long, || {
        let status = pod.status();
        let newest = status["plugins"].as_array().and_then(|all| all.last());
        newest.is_some_and(|newest| {
            newest["configuration_sha256"] == *hash && newest["running"] == true
        })
    })
    .await;
}

/// The same of the filter's configuration in a file.
fn hash_of(text: &str) -> Option<String> {
    fn find(value: &Value) -> Option<&str> {
        match value {
            Value::Object(plugin)
                if plugin.get("root_id").is_some_and(|id| id == "sigv4-egress") =>
            {
                plugin["configuration"]["value"].as_str()
            }
            Value::Object(fields) => fields.values().find_map(find),
            Value::Array(items) => items.iter().find_map(find),
            _ => None,
        }
    }
    let found = documents(text);
    let configuration = found.iter().find_map(find)?;
    Some(sha256(configuration.as_bytes()))
}

/// N, N+1 and N again: a module is new where its file has a new name.
#[test]
fn another_module_and_the_one_before_fail_no_request() {
    let test = "updates::another_module_and_the_one_before_fail_no_request";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        fs::write(
            pod.volume("/etc/sigv4-egress/module")
                .join("sigv4_egress.next.wasm"),
            next_module(),
        )
        .expect("the volume");
        let load = Load::start(&pod, LISTENER, &request);
        load.goes_on_for(100).await;
        for (allowing, file) in [(true, NEXT), (false, MODULE)] {
            // With a change that can be seen from outside.
            let text = if allowing {
                allowing_dynamodb()
            } else {
                shipped("loopback.yaml")
            };
            mesh.apply_text("loopback.yaml", &text.replace(MODULE, file), "default")
                .await;
            until_dynamodb_is(&pod, if allowing { 200 } else { 403 }).await;
            let dump = pod.configuration().await.to_string();
            assert!(dump.contains(file), "{file}");
            load.goes_on_for(100).await;
        }
        load.assert_no_failure().await;
        // What the workers share is the modules' together.
        assert_eq!(mesh.sts.calls().len(), 1);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
    });
}

#[test]
fn a_broken_module_leaves_the_running_one_at_work() {
    let test = "updates::a_broken_module_leaves_the_running_one_at_work";
    in_mesh(test, On::Newest, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        let mut broken = next_module();
        broken.truncate(broken.len() / 2);
        fs::write(
            pod.volume("/etc/sigv4-egress/module")
                .join("sigv4_egress.next.wasm"),
            broken,
        )
        .expect("the volume");
        let load = Load::start(&pod, LISTENER, &request);
        load.goes_on_for(100).await;
        let text = allowing_dynamodb().replace(MODULE, NEXT);
        mesh.apply_text("loopback.yaml", &text, "default").await;
        eventually("Envoy rejects it", SOON, async || {
            (pod.rejects().await > 0).then_some(())
        })
        .await;
        eventually("istiod counts it", SOON, async || {
            (mesh.rejects().await > 0).then_some(())
        })
        .await;
        load.goes_on_for(100).await;
        load.assert_no_failure().await;
        assert!(pod.is_ready().await);
    });
}

/// The kubelet writes a new token long before the old one ends; the next call to STS has it.
#[test]
fn the_next_call_to_sts_has_the_token_that_was_rotated() {
    let test = "updates::the_next_call_to_sts_has_the_token_that_was_rotated";
    in_mesh(test, On::Newest, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        let rotated = mesh.token.rotate();
        // AWS's answer starts a refresh.
        mesh.aws.refuse_with(
            400,
            "<Error><Code>ExpiredToken</Code><Message>x</Message></Error>",
        );
        pod.ask(LISTENER, &request).await;
        until("a second call to STS", SOON, || mesh.sts.calls().len() == 2).await;
        assert_eq!(mesh.sts.calls()[1].token, rotated);
        mesh.aws.refuse_with(200, "");
        eventually("it signs with what it got", SOON, async || {
            (pod.ask(LISTENER, &request).await.status == 200).then_some(())
        })
        .await;
    });
}

/// The same module with other bytes: a custom section more (WebAssembly 2.0, section 5.5.3).
pub(crate) fn next_module() -> Vec<u8> {
    let mut module = fs::read(envoy::module()).expect("the module");
    module.extend(b"\x00\x05\x04next");
    module
}
