//! `envoy/istio/inject.yaml` and `admission-pods.yaml`: what a pod with the label gets, and what it may not have.

use std::collections::BTreeMap;

use kubernetes::cases::{ENABLED, OTHER, check, create};
use kubernetes::{Answer, Value, documents, json, kubectl, namespace, platform, shipped, until};

const REPORTS: &str = "arn:aws:iam::123456789012:role/reports";

/// The ServiceAccounts of the cases, and one of the same name elsewhere.
fn accounts() {
    platform();
    let roles = [
        (ENABLED, "reports", Some(REPORTS)),
        (
            ENABLED,
            "billing",
            Some("arn:aws:iam::123456789012:role/billing"),
        ),
        (ENABLED, "widening", Some("mine\n  XDS_ROOT_CA: /mine.pem")),
        (ENABLED, "bare", None),
        (
            OTHER,
            "reports",
            Some("arn:aws:iam::123456789012:role/other"),
        ),
    ];
    for (namespace, name, role) in roles {
        account(namespace, name, role);
    }
    // Without injection.
    namespace("bare", &json!({ "sigv4-egress": "enabled" }));
}

fn account(namespace: &str, name: &str, role: Option<&str>) {
    let annotations: BTreeMap<&str, &str> = role
        .map(|role| ("sigv4-egress/role-arn", role))
        .into_iter()
        .collect();
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
        "name": name, "namespace": namespace, "annotations": annotations } });
    let applied = kubectl(
        &[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename=-",
        ],
        &account.to_string(),
    );
    applied.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn pod(account: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "mine", "labels": { "app": "reports", "sigv4-egress": "loopback" } },
        "spec": { "serviceAccountName": account,
            "containers": [{ "name": "reports", "image": "registry.example.org/reports:1" }] } })
}

/// The annotations with which a pod is admitted, once its policies are in force.
fn admitted(pod: &Value) -> Value {
    let answer = until(Answer::is_ok, || create(ENABLED, pod));
    let text = answer.unwrap_or_else(|error| panic!("{error}"));
    let pod: Value = serde_json::from_str(&text).expect("JSON");
    pod["metadata"]["annotations"].clone()
}

#[test]
fn a_hostile_pod_gets_no_token_and_an_ordinary_one_runs() {
    accounts();
    check("pods");
}

#[test]
fn a_pod_has_the_role_of_its_own_service_account() {
    accounts();
    let annotations = admitted(&pod("reports"));
    assert_eq!(
        annotations["proxy.istio.io/config"],
        format!("proxyMetadata:\n  AWS_ROLE_ARN: {REPORTS}\n  AWS_REGION: eu-west-1\n")
    );
    let other = admitted(&pod("billing"));
    let config = other["proxy.istio.io/config"].as_str().expect("a text");
    assert!(config.contains("role/billing\n"), "{config}");
}

#[test]
fn what_a_pod_says_of_its_sidecar_stays_beside_its_role() {
    accounts();
    let mut pod = pod("reports");
    pod["metadata"]["annotations"] = json!({
        "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true\nproxyMetadata:\n  SIGV4_EGRESS_ALLOW: s3" });
    assert_eq!(
        admitted(&pod)["proxy.istio.io/config"],
        format!(
            "holdApplicationUntilProxyStarts: true\nproxyMetadata:\n  AWS_ROLE_ARN: {REPORTS}\n  AWS_REGION: eu-west-1\n  \
             SIGV4_EGRESS_ALLOW: s3"
        )
    );
}

/// The volumes are those of pod.yaml, but for where the module is from.
#[test]
fn a_pod_has_the_volumes_that_pod_yaml_writes_by_hand() {
    accounts();
    let annotations = admitted(&pod("reports"));
    let example =
        &documents(&shipped("istio/pod.yaml"))[1]["spec"]["template"]["metadata"]["annotations"];
    let read = |annotations: &Value, name: &str| -> Value {
        let text = annotations[name].as_str().expect("a text");
        serde_json::from_str(text).expect("JSON")
    };
    let mounts = "sidecar.istio.io/userVolumeMount";
    assert_eq!(read(&annotations, mounts), read(example, mounts));
    let volumes = "sidecar.istio.io/userVolume";
    let (mut own, mut by_hand) = (read(&annotations, volumes), read(example, volumes));
    for volumes in [&mut own, &mut by_hand] {
        volumes
            .as_object_mut()
            .expect("a map")
            .remove("sigv4-egress-module");
    }
    assert_eq!(own, by_hand);
}

#[test]
fn a_role_that_changes_is_the_next_pods() {
    accounts();
    account(
        ENABLED,
        "moving",
        Some("arn:aws:iam::123456789012:role/one"),
    );
    let with = |role: &str| {
        let role = format!("role/{role}\n");
        move |answer: &Answer| {
            answer
                .as_ref()
                .is_ok_and(|pod| pod.contains(&role.replace('\n', "\\n")))
        }
    };
    let ask = || create(ENABLED, &pod("moving"));
    until(with("one"), ask).unwrap_or_else(|error| panic!("{error}"));
    account(
        ENABLED,
        "moving",
        Some("arn:aws:iam::123456789012:role/two"),
    );
    let answer = until(with("two"), ask);
    assert!(with("two")(&answer), "{answer:?}");
}

#[test]
fn a_pod_without_the_label_stays_as_it_is() {
    accounts();
    // So that the policies are in force.
    admitted(&pod("reports"));
    let mut pod = pod("reports");
    pod["metadata"]["labels"] = json!({ "app": "reports" });
    // But for the injector's mark.
    assert_eq!(
        admitted(&pod),
        json!({ "sidecar.istio.io/status": r#"{"initContainers": ["istio-proxy"]}"# })
    );
}

#[test]
fn a_sidecar_that_is_not_istios_is_refused() {
    accounts();
    let with = |image: &str| {
        let mut pod = pod("reports");
        pod["metadata"]["annotations"] = json!({ "test/image": image });
        pod
    };
    let said = "The container istio-proxy runs docker.io/istio/proxyv2 as it is";
    let is_refused = |answer: &Answer| answer.as_ref().is_err_and(|error| error.contains(said));
    let answer = until(is_refused, || {
        create(ENABLED, &with("registry.example.org/mine:1"))
    });
    assert!(is_refused(&answer), "{answer:?}");
    let answer = create(ENABLED, &with("docker.io/istio/proxyv2:1.28.10"));
    assert!(
        answer
            .as_ref()
            .is_ok_and(|pod| pod.contains("proxyv2:1.28.10")),
        "{answer:?}"
    );
}

/// A pod that is kept, and the team's member who may do there what the role `edit` allows.
fn kept(name: &str, labels: &Value) -> String {
    accounts();
    let mut pod = pod("reports");
    pod["metadata"]["name"] = json!(name);
    pod["metadata"]["labels"] = labels.clone();
    let created = until(
        |answer| {
            answer
                .as_ref()
                .err()
                .is_none_or(|error| error.contains("already exists"))
        },
        || {
            kubectl(
                &["create", "--namespace", ENABLED, "--filename=-"],
                &pod.to_string(),
            )
        },
    );
    created.unwrap_or_else(|error| panic!("{error}"));
    let bindings: Vec<Value> = ["edit", "view"]
        .iter()
        .map(|role| {
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": { "name": format!("alice-{role}"), "namespace": ENABLED },
                // What a controller would put together as `edit` and `view`.
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": format!("system:aggregate-to-{role}") },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice" },
                    { "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes" }] })
        })
        .collect();
    let bindings = json!({ "apiVersion": "v1", "kind": "List", "items": bindings });
    let applied = kubectl(
        &["apply", "--server-side", "--filename=-"],
        &bindings.to_string(),
    );
    applied.unwrap_or_else(|error| panic!("{error}"));
    name.to_owned()
}

#[track_caller]
fn refused(said: &str, arguments: &[&str]) {
    let is_refused = |answer: &Answer| answer.as_ref().is_err_and(|error| error.contains(said));
    let answer = until(is_refused, || kubectl(arguments, ""));
    assert!(is_refused(&answer), "{arguments:?}: {answer:?}");
}

const LABELLED: &str = "loopback";

#[test]
fn a_shell_in_the_sidecar_is_for_the_platform() {
    let pod = kept("shell", &json!({ "sigv4-egress": LABELLED }));
    let exec = |who: &str, container: &str| {
        kubectl(
            &[
                "exec",
                &pod,
                "--namespace",
                ENABLED,
                who,
                "--container",
                container,
                "--",
                "true",
            ],
            "",
        )
        .expect_err("no node runs it")
    };
    let said = "a shell in istio-proxy is for those who may create EnvoyFilters";
    refused(
        said,
        &[
            "exec",
            &pod,
            "--namespace",
            ENABLED,
            "--as=alice",
            "--container=istio-proxy",
            "--",
            "true",
        ],
    );
    refused(
        said,
        &[
            "attach",
            &pod,
            "--namespace",
            ENABLED,
            "--as=alice",
            "--container=istio-proxy",
        ],
    );
    // Beyond admission, which is as far as this laboratory goes.
    let nobody_runs_it = "does not have a host assigned";
    let answer = exec("--as=alice", "reports");
    assert!(answer.contains(nobody_runs_it), "{answer}");
    let answer = exec("--as=administrator", "istio-proxy");
    assert!(!answer.contains(said), "{answer}");
}

#[test]
fn a_token_for_sts_is_for_the_kubelet() {
    let _ = kept("token", &json!({ "sigv4-egress": LABELLED }));
    let said = "tokens for sts.amazonaws.com are for the kubelet";
    let token = [
        "create",
        "token",
        "reports",
        "--namespace",
        ENABLED,
        "--as=alice",
    ];
    let with = |more: &[&str]| kubectl(&[&token, more].concat(), "");
    refused(
        said,
        &[&token[..], &["--audience=sts.amazonaws.com"]].concat(),
    );
    refused(
        said,
        &[
            &token[..],
            &["--audience=vault", "--audience=sts.amazonaws.com"],
        ]
        .concat(),
    );
    assert!(with(&["--audience=vault"]).is_ok());
    assert!(with(&[]).is_ok());
    let of_a_node = with(&["--as-group=system:nodes", "--audience=sts.amazonaws.com"]);
    assert!(of_a_node.is_ok(), "{of_a_node:?}");
    let platform = kubectl(
        &[
            "create",
            "token",
            "reports",
            "--namespace",
            ENABLED,
            "--audience=sts.amazonaws.com",
        ],
        "",
    );
    assert!(platform.is_ok(), "{platform:?}");
}

#[test]
fn an_ephemeral_container_sees_nothing_of_the_sidecar() {
    let pod = kept("debugged", &json!({ "sigv4-egress": LABELLED }));
    let debug = |more: &[&str]| {
        let arguments = ["debug", &pod, "--namespace", ENABLED, "--image=debug"];
        kubectl(&[&arguments, more].concat(), "")
    };
    let custom = std::env::temp_dir().join(format!("debug-{}.json", std::process::id()));
    let mounts =
        json!({ "volumeMounts": [{ "name": "sigv4-egress-token", "mountPath": "/token" }] });
    std::fs::write(&custom, mounts.to_string()).expect("written");
    let answers = [
        (
            debug(&["--container=one", "--target=istio-proxy"]),
            "must not target the sidecar",
        ),
        (
            debug(&["--container=two", &format!("--custom={}", custom.display())]),
            "must not mount volumes of the sidecar: two",
        ),
    ];
    std::fs::remove_file(custom).expect("removed");
    for (answer, said) in answers {
        assert!(
            answer.as_ref().is_err_and(|error| error.contains(said)),
            "{answer:?}"
        );
    }
    let answer = debug(&["--container=three", "--target=reports"]);
    assert!(answer.is_ok(), "{answer:?}");
}

#[test]
fn the_label_of_a_pod_that_is_there_stays() {
    let with = kept("with", &json!({ "sigv4-egress": LABELLED }));
    let without = kept("without", &json!({ "app": "reports" }));
    let label = |pod: &str, label: &str| {
        let arguments = [
            "label",
            "pod",
            pod,
            label,
            "--overwrite",
            "--namespace",
            ENABLED,
        ];
        kubectl(&arguments, "")
    };
    let said = "cannot change on a pod that is there";
    for (pod, change) in [
        (&with, "sigv4-egress-"),
        (&with, "sigv4-egress=captured"),
        (&without, "sigv4-egress=loopback"),
    ] {
        let answer = label(pod, change);
        assert!(
            answer.as_ref().is_err_and(|error| error.contains(said)),
            "{change}: {answer:?}"
        );
    }
    assert!(label(&with, "version=2").is_ok());
    assert!(label(&without, "version=2").is_ok());
}
