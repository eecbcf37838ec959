//! The files of `envoy/istio/`, merged into a sidecar's configuration as istiod does it, in a real
//! Envoy. Only addresses, paths and the pod's environment are replaced.

#[path = "istio/captured.rs"]
mod captured;
#[path = "istio/delivered.rs"]
mod delivered;
#[path = "istio/internet.rs"]
mod internet;
#[path = "istio/patch.rs"]
mod patch;
#[path = "istio/pod.rs"]
mod pod;
#[path = "istio/unprepared.rs"]
mod unprepared;

use std::collections::BTreeSet;
use std::fs;

use e2e::chunks::encode;
use e2e::{Request, Value, json};
use patch::Sidecar;
use pod::{documents, in_meshes, in_pods, istio_files, patched, sidecar};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const MARKER: (&str, &str) = ("x-sigv4-egress", "1");
/// As an SDK with placeholder keys signs.
const PLACEHOLDER: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, \
     SignedHeaders=host;x-amz-date, \
     Signature=0000000000000000000000000000000000000000000000000000000000000000",
);

#[test]
fn loopback_signs_what_an_sdk_with_placeholder_keys_sends() {
    in_pods(
        "loopback",
        |_| {},
        async |pod| {
            let port = pod
                .envoy
                .port("sigv4-egress")
                .await
                .expect("the added listener");
            let request = Request::get(&format!("127.0.0.1:{port}"), "/reports?list-type=2");
            let request = request
                .header(PLACEHOLDER.0, PLACEHOLDER.1)
                .header("x-amz-date", "20261123T000000Z");
            pod.until_ok(port, &request).await;
            let received = pod.aws.received().pop().expect("a request at AWS");
            assert_eq!(
                (received.host.as_str(), received.path.as_str()),
                (S3, "/reports?list-type=2")
            );
            assert_eq!(received.verdict.signature().service, "s3");
            assert_eq!(pod.sts.calls().len(), 1);
        },
    );
}

/// As Java's Apache HttpClient 5 makes one to every proxy.
#[test]
fn loopback_ignores_an_offer_to_go_on_in_tls() {
    in_pods(
        "loopback",
        |_| {},
        async |pod| {
            let port = pod
                .envoy
                .port("sigv4-egress")
                .await
                .expect("the added listener");
            let request = Request::get(S3, "/reports")
                .header(MARKER.0, MARKER.1)
                .header("connection", "Upgrade")
                .header("upgrade", "TLS/1.2");
            pod.until_ok(port, &request).await;
        },
    );
}

/// Within the capabilities that the file grants.
#[test]
fn loopback_signs_for_a_host_with_a_trailing_dot() {
    in_pods(
        "loopback",
        |_| {},
        async |pod| {
            let port = pod.envoy.port("sigv4-egress").await;
            let request = Request::get(&format!("{S3}."), "/reports").header(MARKER.0, MARKER.1);
            pod.until_ok(port.expect("the added listener"), &request)
                .await;
            let received = pod.aws.received().pop().expect("a request at AWS");
            assert_eq!(received.host, S3);
        },
    );
}

#[test]
fn loopback_signs_an_upload_chunk_by_chunk() {
    in_pods(
        "loopback",
        |_| {},
        async |pod| {
            let port = pod
                .envoy
                .port("sigv4-egress")
                .await
                .expect("the added listener");
            let request = Request::new("PUT", &format!("127.0.0.1:{port}"), "/reports/1")
                .header(PLACEHOLDER.0, PLACEHOLDER.1)
                .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
                .header("x-amz-decoded-content-length", "100000")
                .body(encode(&[7; 100_000], 65_536, None));
            pod.until_ok(port, &request).await;
            let received = pod.aws.received().pop().expect("a request at AWS");
            let decoded = received.decoded.expect("chunks with valid signatures");
            assert_eq!(decoded.sizes, [65_536, 34_464, 0]);
        },
    );
}

#[test]
fn loopback_hashes_the_body_of_a_service_that_was_allowed() {
    let allow = |sidecar: &mut Sidecar| {
        let manager = &mut sidecar.listener("sigv4-egress")["filter_chains"][0]["filters"][0];
        let plugin = &mut manager["typed_config"]["http_filters"][0]["typed_config"]["config"];
        plugin["configuration"]["value"] =
            json!(r#"{"allow": ["dynamodb"], "region": "eu-west-1", "unmarked": "refuse"}"#);
    };
    in_pods("loopback", allow, async |pod| {
        let port = pod
            .envoy
            .port("sigv4-egress")
            .await
            .expect("the added listener");
        let request = Request::new("POST", "dynamodb.eu-west-1.amazonaws.com", "/")
            .header(MARKER.0, MARKER.1)
            .body(r#"{"TableName": "orders"}"#);
        pod.until_ok(port, &request).await;
        let received = pod.aws.received().pop().expect("a request at AWS");
        assert!(!received.verdict.signature().unsigned_payload);
    });
}

#[test]
fn loopback_refuses_what_is_not_marked_and_what_is_not_aws() {
    in_pods(
        "loopback",
        |_| {},
        async |pod| {
            let port = pod
                .envoy
                .port("sigv4-egress")
                .await
                .expect("the added listener");
            let unmarked = pod.ask(port, &Request::get(S3, "/")).await;
            unmarked.refused(403, "marker_missing");
            let elsewhere = pod.ask(port, &Request::get("example.org", "/")).await;
            let found = (elsewhere.status, elsewhere.reason());
            assert_eq!(found, (404, Some("not_aws")));
            assert!(
                elsewhere.text().contains("NO_PROXY"),
                "{}",
                elsewhere.text()
            );
            let nobody = pod.ask(port, &Request::get("127.0.0.1", "/")).await;
            nobody.refused(400, "no_target");
            assert_eq!(pod.aws.received().len(), 0);
        },
    );
}

/// In any order of its parts, and for SigV4A, which names no region: botocore, too, signs so.
#[test]
fn loopback_signs_whatever_form_a_placeholders_signature_has() {
    let signature = "Signature=0000000000000000000000000000000000000000000000000000000000000000";
    let signed = "SignedHeaders=host;x-amz-date";
    let scope = "Credential=placeholder/20261123";
    in_pods(
        "loopback",
        |_| {},
        async |pod| {
            let port = pod.envoy.port("sigv4-egress").await.expect("a listener");
            for authorization in [
                format!(
                    "AWS4-HMAC-SHA256 {signed}, {scope}/eu-west-1/s3/aws4_request, {signature}"
                ),
                format!("AWS4-HMAC-SHA256 {signature},{scope}/eu-west-1/s3/aws4_request,{signed}"),
                format!("AWS4-ECDSA-P256-SHA256 {scope}/s3/aws4_request, {signed}, {signature}"),
            ] {
                let request = Request::get(&format!("127.0.0.1:{port}"), "/reports/1")
                    .header("authorization", &authorization)
                    .header("x-amz-region-set", "eu-west-1")
                    .header("x-amz-date", "20261123T000000Z");
                pod.until_ok(port, &request).await;
                let received = pod.aws.received().pop().expect("a request at AWS");
                assert_eq!(received.host, S3, "{authorization}");
            }
        },
    );
}

#[test]
fn transparent_says_why_a_connection_to_aws_ended() {
    let of_another = |sidecar: &mut Sidecar| {
        let cluster = sidecar.clusters.iter_mut();
        let mut cluster = cluster.filter(|cluster| cluster["name"] == "sigv4-egress-aws");
        let tls = &mut cluster.next().expect("the cluster")["transport_socket"]["typed_config"];
        let authority = e2e::ca::TestCa::new().pem().to_string();
        tls["common_tls_context"]["validation_context"]["trusted_ca"] =
            json!({"inline_string": authority});
    };
    in_pods("transparent", of_another, async |pod| {
        let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
        let answer = e2e::eventually("a signed request", e2e::SOON, async || {
            let answer = pod.ask(pod.intercepted, &request).await;
            let waits = answer.reason() == Some("credentials_pending");
            (!waits).then_some(answer)
        });
        let answer = answer.await;
        answer.refused(503, "aws_unreachable");
        let text = answer.text();
        assert!(text.contains("CERTIFICATE_VERIFY_FAILED"), "{text}");
    });
}

#[test]
fn loopback_changes_nothing_else_in_the_sidecar() {
    let (before, after) = (sidecar(), patched("loopback"));
    assert_eq!(
        after.listeners.get(..before.listeners.len()),
        Some(&before.listeners[..])
    );
    assert_eq!(
        after.clusters.get(..before.clusters.len()),
        Some(&before.clusters[..])
    );
}

#[test]
fn transparent_signs_what_the_mesh_routes_to_aws() {
    in_pods(
        "transparent",
        |_| {},
        async |pod| {
            let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
            pod.until_ok(pod.intercepted, &request).await;
            let received = pod.aws.received().pop().expect("a request at AWS");
            assert_eq!(
                (
                    received.host.as_str(),
                    received.verdict.signature().service.as_str()
                ),
                (S3, "s3")
            );
            assert_eq!(received.value(MARKER.0), None);
            assert_eq!(pod.sts.calls().len(), 1);
        },
    );
}

#[test]
fn transparent_signs_what_istio_has_normalised() {
    in_pods(
        "transparent",
        |_| {},
        async |pod| {
            for host in [S3.to_owned(), format!("{S3}.")] {
                let request = Request::get(&host, r"/reports/x/../2026\a%2Fb//c%41");
                let request = request.header(MARKER.0, MARKER.1);
                pod.until_ok(pod.intercepted, &request).await;
                let received = pod.aws.received().pop().expect("a request at AWS");
                let arrived = (received.host.as_str(), received.path.as_str());
                assert_eq!(arrived, (S3, "/reports/2026/a%2Fb//cA"));
                received.verdict.signature();
            }
        },
    );
}

/// A ServiceEntry for the very host wins, and its cluster may verify nothing.
#[test]
fn transparent_neither_signs_nor_forwards_an_aws_host_that_the_mesh_routes_elsewhere() {
    const ELSEWHERE: &str = "s3.us-east-1.amazonaws.com";
    let hosts = [
        json!({
            "name": format!("{ELSEWHERE}:80"), "domains": [ELSEWHERE],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "PassthroughCluster"}}],
        }),
        // Of the same name as one of ours, which Envoy would refuse.
        json!({
            "name": "*.amazonaws.com:80", "domains": ["*.amazonaws.com"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "PassthroughCluster"}}],
        }),
    ];
    let mesh = |sidecar: &mut Sidecar| {
        let manager = &mut sidecar.listener("0.0.0.0_80")["filter_chains"][0]["filters"][0];
        let known = manager["typed_config"]["route_config"]["virtual_hosts"].as_array_mut();
        known.expect("virtual hosts").extend(hosts.clone());
    };
    in_meshes(
        mesh,
        "transparent",
        |_| {},
        async |pod| {
            let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
            pod.until_ok(pod.intercepted, &request).await;
            let request = Request::get(ELSEWHERE, "/").header(MARKER.0, MARKER.1);
            let answer = pod.ask(pod.intercepted, &request).await;
            answer.refused(403, "cluster_not_listed");
            assert_eq!(pod.passed_through.requests().len(), 0);
        },
    );
}

/// All of that port comes to the filter chain that the file adds, and what is not AWS's goes on.
#[test]
fn transparent_signs_where_no_service_of_the_mesh_has_port_80() {
    let to_port_81 = |sidecar: &mut Sidecar| {
        let listener = sidecar.listener("0.0.0.0_80");
        listener["name"] = json!("0.0.0.0_81");
        listener["address"]["socket_address"]["port_value"] = json!(81);
    };
    in_pods("transparent", to_port_81, async |pod| {
        let request = Request::get(S3, "/reports").header(MARKER.0, MARKER.1);
        pod.until_ok(pod.intercepted, &request).await;
        let received = pod.aws.received().pop().expect("a request at AWS");
        assert_eq!(received.value(MARKER.0), None);
        let answer = pod.ask(pod.intercepted, &Request::get(S3, "/")).await;
        answer.refused(403, "marker_missing");
        pod.ask(pod.intercepted, &Request::get("example.org", "/"))
            .await
            .ok();
        assert_eq!(pod.passed_through.requests().len(), 1);
    });
}

#[test]
fn transparent_leaves_the_rest_of_the_world_alone() {
    in_pods(
        "transparent",
        |_| {},
        async |pod| {
            pod.ask(pod.intercepted, &Request::get("example.org", "/"))
                .await
                .ok();
            let requests = pod.passed_through.requests();
            let request = String::from_utf8_lossy(requests.first().expect("one request"));
            assert!(
                request.contains("example.org") && !request.contains("authorization"),
                "{request}"
            );
        },
    );
}

#[test]
fn transparent_stops_a_signed_request_that_a_route_takes_elsewhere() {
    // A VirtualService that matches a header which only the signature adds.
    let escape = json!({
        "match": {"prefix": "/", "headers": [{"name": "authorization", "present_match": true}]},
        "route": {"cluster": "PassthroughCluster"},
    });
    let with_escape = |sidecar: &mut Sidecar| {
        let manager = &mut sidecar.listener("0.0.0.0_80")["filter_chains"][0]["filters"][0];
        let hosts = manager["typed_config"]["route_config"]["virtual_hosts"].as_array_mut();
        for host in hosts.expect("virtual hosts") {
            host["routes"]
                .as_array_mut()
                .expect("routes")
                .insert(0, escape.clone());
        }
    };
    in_pods("transparent", with_escape, async |pod| {
        let request = Request::get(S3, "/").header(MARKER.0, MARKER.1);
        let answer = pod.ask_until_ready(pod.intercepted, &request).await;
        answer.refused(403, "escaped_cluster");
        assert_eq!(pod.passed_through.requests().len(), 0);
    });
}

#[test]
fn transparent_holds_a_body_of_five_megabytes() {
    let hashed = |sidecar: &mut Sidecar| {
        // As `istio128` has it: Envoy 1.36 holds what the listener's limit says, whatever the route has.
        sidecar.listener("0.0.0.0_80")["per_connection_buffer_limit_bytes"] = json!(9_437_184);
        let manager = &mut sidecar.listener("0.0.0.0_80")["filter_chains"][0]["filters"][0];
        let filters = manager["typed_config"]["http_filters"].as_array_mut();
        let filter = filters.expect("filters").iter_mut();
        let mut filter = filter.filter(|filter| filter["name"] == "sigv4-egress");
        let plugin = &mut filter.next().expect("the filter")["typed_config"]["config"];
        let text = plugin["configuration"]["value"].as_str().expect("a text");
        let mut configuration: Value = serde_json::from_str(text).expect("JSON");
        configuration["rules"] = json!([{"services": ["s3"], "payload": "hashed"}]);
        plugin["configuration"]["value"] = json!(configuration.to_string());
    };
    in_pods("transparent", hashed, async |pod| {
        let request = Request::new("PUT", S3, "/reports/1")
            .header(MARKER.0, MARKER.1)
            .body("a".repeat(5 << 20));
        pod.until_ok(pod.intercepted, &request).await;
        let received = pod.aws.received().pop().expect("a request at AWS");
        assert!(!received.verdict.signature().unsigned_payload);
    });
}

#[test]
fn transparent_refuses_what_is_not_marked() {
    in_pods(
        "transparent",
        |_| {},
        async |pod| {
            let answer = pod.ask(pod.intercepted, &Request::get(S3, "/")).await;
            answer.refused(403, "marker_missing");
            assert_eq!(pod.aws.received().len(), 0);
        },
    );
}

#[test]
fn every_plugin_has_a_vm_of_our_own_and_may_call_only_what_it_uses() {
    for (shape, plugins) in [("loopback", 2), ("transparent", 5), ("captured", 3)] {
        let mut found = Vec::new();
        for document in documents(&istio_files().join(format!("{shape}.yaml"))) {
            collect_plugins(&document, &mut found);
        }
        assert_eq!(found.len(), plugins, "{shape}");
        for plugin in &found {
            assert_eq!(plugin["vm_config"]["vm_id"], "sigv4-egress", "{shape}");
            assert_eq!(plugin["failure_policy"], "FAIL_RELOAD", "{shape}");
            let allowed = &plugin["capability_restriction_config"]["allowed_capabilities"];
            assert_eq!(allowed.get("proxy_call_foreign_function"), None, "{shape}");
            assert_eq!(
                allowed,
                &found[0]["capability_restriction_config"]["allowed_capabilities"]
            );
        }
    }
}

/// A file that is applied after another takes nothing of it back, and all of them can be applied together.
#[test]
fn no_two_resources_have_one_name() {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(istio_files()).expect("the files") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            for document in documents(&path) {
                let name = document["metadata"]["name"].as_str().expect("a name");
                let kind = document["kind"].as_str().expect("a kind");
                assert!(
                    found.insert((kind.to_owned(), name.to_owned())),
                    "{}: {kind}/{name} is in another file too",
                    path.display()
                );
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
}

/// `INSERT_BEFORE` the router of another team's EnvoyFilter, which has no priority, comes before ours, whatever its name is.
#[test]
fn the_filters_come_after_those_of_others() {
    for shape in ["loopback", "captured", "transparent"] {
        for document in documents(&istio_files().join(format!("{shape}.yaml"))) {
            if document["kind"] == "EnvoyFilter" {
                assert_eq!(document["spec"]["priority"], 1000, "{shape}");
            }
        }
    }
}

/// Nothing that Istio reads for all pods of a namespace, or for other namespaces.
#[test]
fn every_file_is_for_pods_with_its_label_alone() {
    for shape in ["loopback", "captured", "transparent"] {
        let documents = documents(&istio_files().join(format!("{shape}.yaml")));
        for document in &documents {
            if document["kind"] == "ConfigMap" {
                continue;
            }
            assert_eq!(document["kind"], "EnvoyFilter", "{shape}");
            let labels = &document["spec"]["workloadSelector"]["labels"];
            assert_eq!(*labels, json!({"sigv4-egress": shape}));
        }
    }
}

fn collect_plugins(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) if fields.contains_key("vm_config") => found.push(value.clone()),
        Value::Object(fields) => fields
            .values()
            .for_each(|value| collect_plugins(value, found)),
        Value::Array(items) => items.iter().for_each(|value| collect_plugins(value, found)),
        _ => {}
    }
}

#[test]
fn the_pods_mount_into_istio_proxy_what_the_patches_name() {
    for (file, shapes) in [
        ("pod.yaml", &["loopback", "transparent"][..]),
        ("pod-captured.yaml", &["captured"]),
    ] {
        let pod = &documents(&istio_files().join(file))[1]["spec"]["template"];
        let annotation = |name: &str| -> Value {
            let text = pod["metadata"]["annotations"][name].as_str();
            serde_json::from_str(text.expect("an annotation")).expect("JSON")
        };
        let volumes = annotation("sidecar.istio.io/userVolume");
        let mounts = annotation("sidecar.istio.io/userVolumeMount");
        let paths: Vec<_> = mounts
            .as_object()
            .expect("the form that the injector reads: mounts by volume name")
            .iter()
            .inspect(|(volume, _)| assert!(volumes[volume].is_object(), "no volume {volume}"))
            .map(|(_, mount)| mount["mountPath"].as_str().expect("a path"))
            .collect();
        for shape in shapes {
            let file = istio_files().join(format!("{shape}.yaml"));
            let mut text = fs::read_to_string(file).expect(shape);
            if text.contains("/etc/sigv4-egress/sds/sds.yaml") {
                let named = istio_files().join("../https/sds.yaml");
                text += &fs::read_to_string(named).expect("sds.yaml");
            }
            for path in &paths {
                assert!(
                    text.contains(&format!("{path}/")),
                    "{shape} does not use {path}"
                );
            }
            let label = &pod["metadata"]["labels"]["sigv4-egress"];
            assert!(shapes.iter().any(|shape| label == shape), "{label}");
        }
        the_program_gets_none(pod, &volumes);
    }
}

/// The application's container gets neither the token, nor the key, nor a socket.
fn the_program_gets_none(pod: &Value, of_istio_proxy: &Value) {
    let spec = &pod["spec"];
    let containers = ["containers", "initContainers"]
        .into_iter()
        .filter_map(|kind| spec[kind].as_array());
    for container in containers.flatten() {
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let name = mount["name"].as_str().expect("a name");
            assert_eq!(of_istio_proxy.get(name), None, "{container}");
        }
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        assert!(!volume.to_string().contains("tls.key"), "{volume}");
        assert!(
            volume["secret"].is_null() || volume["secret"]["items"].is_array(),
            "{volume}"
        );
    }
}

/// They are for every host that `captured.yaml` takes to AWS.
#[test]
fn the_admission_policies_have_all_domains_of_aws() {
    let policies = documents(&istio_files().join("admission.yaml"));
    let variables = policies
        .iter()
        .filter_map(|policy| policy["spec"]["variables"].as_array());
    let of_aws = variables
        .flatten()
        .filter(|variable| variable["name"] == "aws");
    let expressions: Vec<&str> = of_aws
        .map(|variable| variable["expression"].as_str().expect("an expression"))
        .collect();
    assert_eq!(expressions.len(), 3, "of hosts, routes and destinations");
    let filter = fs::read_to_string(istio_files().join("captured.yaml")).expect("captured.yaml");
    let (_, domains) = filter.split_once("domains:\n").expect("domains");
    let lines = domains
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let domains: Vec<_> = lines.map_while(|line| line.strip_prefix("- \"*")).collect();
    assert_eq!(domains.len(), 7);
    for domain in domains {
        let quoted = format!("'{}'", domain.trim_end_matches('"'));
        for expression in &expressions {
            assert!(expression.contains(&quoted), "{quoted}: {expression}");
        }
    }
}
