//! What the chart refuses because of another value, or of what stands behind the value. Each was taken once, without a word.

use e2e::{Value, json};

use crate::{printed, refusal, refusal_in, rendered, with};

const DIGEST: &str = "sha256:0123012301230123012301230123012301230123012301230123012301230123";

/// An image of the module.
fn image(name: &str) -> Value {
    json!(format!("{name}:0.2.0@{DIGEST}"))
}

#[track_caller]
fn refused(name: &str, changes: &[(&str, Value)], words: &[&str]) {
    let said = refusal(&with(name, changes));
    for word in words {
        assert!(said.contains(word), "{changes:?}: {word}: {said}");
    }
}

/// An EnvoyFilter without a selector there is for every sidecar, and what has a selector there finds no pod of a team's.
#[test]
fn the_root_namespace_takes_what_is_by_label() {
    let root = "istio-system";
    assert!(refusal_in(root, &with("namespace", &[])).contains("every sidecar of the mesh"));
    let roles = [(
        "/injection",
        json!({"template": true, "fromServiceAccount": true}),
    )];
    let said = refusal_in(root, &with("loopback", &roles));
    assert!(said.contains("injection.fromServiceAccount"), "{said}");
    let policy = [("/outboundTrafficPolicy", json!("REGISTRY_ONLY"))];
    let said = refusal_in(root, &with("loopback", &policy));
    assert!(
        said.contains("outboundTrafficPolicy has no effect"),
        "{said}"
    );
    for name in ["loopback", "captured", "ports"] {
        assert!(crate::template(root, &with(name, &[])).status.success());
    }
}

#[test]
fn a_whole_namespace_has_the_volumes() {
    let without = ("/injection", json!({"template": false}));
    let words = ["scope", "injection.template", "module.ociImage"];
    refused("loopback", &[("/scope", json!("namespace"))], &words);
    let volume = json!({"imageVolume": image("registry.example.org/x")});
    refused("namespace", &[("/module", volume), without.clone()], &words);
    // The module's volume is not the only one.
    refused("namespace", &[without], &words);
}

#[test]
fn tls_ends_for_hosts_of_aws_alone() {
    let place = "/captured/serverNames";
    for name in [
        "github.com",
        "s3.amazonaws.com.example.org",
        "*.example.org",
        "eks.amazonaws.cn",
    ] {
        refused(
            "captured",
            &[(place, json!([name]))],
            &[name, "404", "amazonaws.com, api.aws"],
        );
    }
    for name in [
        "*.amazonaws.com",
        "*.{region}.amazonaws.com",
        "*.us-gov-west-1.amazonaws.com",
        "*.{region}.api.aws",
        "*.on.aws",
        "*.eks.amazonaws.com",
        "*.{region}.eks.amazonaws.com",
        "*.cn-north-1.amazonaws.com.cn",
        "*.{region}.vpce.amazonaws.com",
    ] {
        refused(
            "captured",
            &[(place, json!([name]))],
            &[name, "*.s3.{region}.amazonaws.com"],
        );
    }
    refused(
        "captured",
        &[(place, json!(["amazonaws.com"]))],
        &["no host"],
    );
    let good = json!([
        "*.lambda-url.{region}.on.aws",
        "*.{region}.es.amazonaws.com",
        "*.s3.amazonaws.com",
        "*.execute-api.{region}.amazonaws.com",
        "sts.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
        "*.sts.{region}.vpce.amazonaws.com",
    ]);
    printed(&with("captured", &[(place, good)]));
}

#[test]
fn ports_lead_to_aws() {
    let port = json!({"9912": {"host": "github.com"}});
    refused(
        "loopback",
        &[("/loopback/ports", port)],
        &["loopback.ports.9912.host: github.com"],
    );
}

#[test]
fn each_host_is_written_once_and_is_one_that_dns_can_have() {
    let twice = json!(["s3.{region}.amazonaws.com", "s3.eu-west-1.amazonaws.com"]);
    let label = json!([format!("{}.s3.amazonaws.com", "a".repeat(64))]);
    let longer = json!([format!("{}s3.amazonaws.com", "a.".repeat(120))]);
    let place = "/captured/serverNames";
    let words = ["s3.{region}.amazonaws.com and s3.eu-west-1", "one host"];
    refused("captured", &[(place, twice)], &words);
    refused("captured", &[(place, label)], &["no host", "63"]);
    refused("captured", &[(place, longer)], &["no host", "253"]);
    for host in [
        "*.s3.{region}.amazonaws.com",
        "https://s3.amazonaws.com",
        "a\nb: .amazonaws.com",
    ] {
        let ports = json!({"9912": {"host": host}});
        let words = ["loopback.ports.9912.host", "no host name"];
        refused("loopback", &[("/loopback/ports", ports)], &words);
    }
}

/// What ends a line or a document in YAML would end the value, and what follows would be a key.
#[test]
fn no_value_ends_where_it_stands() {
    for character in ['\u{7f}', '\u{85}', '\u{9b}', '\u{feff}'] {
        let audience = json!({"token_audience": format!("x{character}apiVersion: v2")});
        let words = ["configuration", "control character"];
        refused("loopback", &[("/configuration", audience)], &words);
    }
    // What JSON has an escape for stays where it is.
    let audience = "x\n\u{2028}\"apiVersion: v2: # {{";
    let values = with(
        "loopback",
        &[("/configuration", json!({"token_audience": audience}))],
    );
    let mut found = Vec::new();
    for document in rendered(&values) {
        crate::configurations(&document, &mut found);
    }
    let of_filter = found.iter().find(|text| text.contains("token_audience"));
    let configuration: Value = serde_json::from_str(of_filter.expect("a filter")).expect("JSON");
    assert_eq!(configuration["token_audience"], audience);
}

#[test]
fn a_namespace_has_a_name_that_kubernetes_takes() {
    let longest = "a".repeat(63);
    assert!(
        crate::template(&longest, &with("service-account", &[]))
            .status
            .success()
    );
    for name in ["Reports", "a_b", "-a", "a.b", &"a".repeat(64)] {
        let said = refusal_in(name, &with("loopback", &[]));
        assert!(
            said.contains("--namespace") && said.contains(name),
            "{said}"
        );
    }
}

/// Each sidecar would refuse it, long after the chart was applied.
#[test]
fn what_the_filter_refuses_the_chart_refuses() {
    for entry in ["s3,sqs", "S3", " s3", "a\nb: c", "https://x.on.aws", ""] {
        refused("loopback", &[("/allow", json!([entry]))], &["allow"]);
    }
    for allow in [
        json!("*"),
        json!(["*"]),
        json!(["abc.lambda-url.{region}.on.aws"]),
    ] {
        printed(&with("loopback", &[("/allow", allow)]));
    }
    for (key, value, words) in [
        ("marker_header", json!("x, y: z }"), "x-sign-me"),
        ("placeholders", json!(["key*"]), "whole ids"),
        ("placeholders", json!(["a b"]), "whole ids"),
        ("max_held_bytes", json!(33_554_431), "at least 33554432"),
    ] {
        let place = format!("configuration.{key}");
        let configuration = ("/configuration", json!({key: value}));
        refused("loopback", &[configuration], &[&place, words]);
    }
    let enough = json!({"max_held_bytes": 33_554_432});
    printed(&with("loopback", &[("/configuration", enough)]));
    for name in ["a..b", "a.-b", "A", &"a".repeat(254)] {
        let module = ("/module", json!({"configMap": name}));
        refused("loopback", &[module], &["/module/configMap"]);
    }
}

#[test]
fn a_port_is_one_that_the_sidecar_can_open() {
    for (number, words) in [
        ("65536", "no port"),
        ("99999", "no port"),
        ("1023", "not root"),
        ("80", "not root"),
        ("9911", "all hosts"),
        ("9915", "probes"),
        ("15000", "Istio's"),
        ("15021", "Istio's"),
        ("15099", "Istio's"),
    ] {
        let ports = json!({number: {"host": "s3.{region}.amazonaws.com"}});
        let words = [number, words, "1024 to 65535"];
        refused("loopback", &[("/loopback/ports", ports)], &words);
    }
    for number in ["1024", "9912", "14999", "15100", "65535"] {
        let ports = json!({number: {"host": "s3.{region}.amazonaws.com"}});
        printed(&with("loopback", &[("/loopback/ports", ports)]));
    }
}

#[test]
fn roles_are_of_the_partition_of_the_region() {
    for (region, own) in [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ] {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc"] {
            let arn = json!(format!("arn:{partition}:iam::123456789012:role/x"));
            let further = json!({"roles": {"x": {"role_arn": arn, "chained": true}}});
            for (name, place, value, words) in [
                ("loopback", "/roleArn", arn.clone(), "roleArn"),
                (
                    "namespace",
                    "/injection/roleArn",
                    arn.clone(),
                    "injection.roleArn",
                ),
                (
                    "loopback",
                    "/configuration",
                    further,
                    "configuration.roles.x.role_arn",
                ),
            ] {
                let injection = ("/injection/roleArn", json!(""));
                let region = ("/region", json!(region));
                let values = with(name, &[injection, region.clone(), (place, value)]);
                if partition == own {
                    printed(&values);
                } else {
                    let said = refusal(&values);
                    let expected = format!("begin with arn:{own}:");
                    assert!(said.contains(words) && said.contains(&expected), "{said}");
                }
            }
        }
    }
}

/// Istio's agent has pull secrets for a WasmPlugin alone.
#[test]
fn an_image_that_istio_fetches_asks_for_no_credentials() {
    for registry in [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr-ecr.eu-west-1.on.aws",
    ] {
        let name = image(&format!("{registry}/sigv4-egress"));
        let oci = json!({"ociImage": name});
        refused("oci", &[("/module", oci)], &[registry, "imageVolume"]);
        printed(&with("pod-identity", &[("/module/imageVolume", name)]));
    }
    let public = json!({"ociImage": image("public.ecr.aws/team/sigv4-egress")});
    printed(&with("oci", &[("/module", public)]));
}

#[test]
fn pod_identity_takes_what_it_has_a_use_for() {
    let role =
        |chained| json!({"role_arn": "arn:aws:iam::123456789012:role/x", "chained": chained});
    for (configuration, words) in [
        (
            json!({"token_audience": "x"}),
            "configuration.token_audience",
        ),
        (
            json!({"session_policy": {}}),
            "configuration.session_policy",
        ),
        (
            json!({"session_duration_seconds": 900}),
            "configuration.session_duration_seconds",
        ),
        (
            json!({"roles": {"x": role(false)}}),
            "configuration.roles.x",
        ),
    ] {
        refused(
            "pod-identity",
            &[("/configuration", configuration)],
            &[words, "podIdentity"],
        );
    }
    let host = ("/stsHost", json!("vpce-1.sts.eu-west-1.vpce.amazonaws.com"));
    refused(
        "pod-identity",
        std::slice::from_ref(&host),
        &["stsHost", "chained roles"],
    );
    let regions = ("/stsRegions", json!(["eu-central-1"]));
    refused("pod-identity", &[regions], &["stsRegions", "chained roles"]);
    // STS is called for these.
    let chained = ("/configuration", json!({"roles": {"x": role(true)}}));
    assert!(printed(&with("pod-identity", &[host, chained])).contains("\"sts_hosts\""));
}

/// One value says it to the filter, and to Envoy by a cluster each.
#[test]
fn sts_of_further_regions_has_a_cluster_each() {
    let regions = ("/stsRegions", json!(["eu-central-1", "eu-north-1"]));
    let printed = printed(&with("loopback", &[regions]));
    for expected in [
        "\"sts_hosts\": [\"sts.eu-west-1.amazonaws.com\", \"sts.eu-central-1.amazonaws.com\", \"sts.eu-north-1.amazonaws.com\"]",
        "name: sigv4-egress-sts-2\n",
        "cluster_name: sigv4-egress-sts-3\n",
        "sni: sts.eu-north-1.amazonaws.com\n",
        "exact: sts.eu-central-1.amazonaws.com }",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

/// As a file of values over another leaves it.
#[test]
fn a_source_of_the_module_that_is_null_is_not_set() {
    for source in ["ociImage", "imageVolume", "configMap"] {
        let name = match source {
            "configMap" => json!("sigv4-egress"),
            _ => image("registry.example.org/x"),
        };
        let mut module = json!({"ociImage": null, "imageVolume": null, "configMap": null});
        refused("loopback", &[("/module", module.clone())], &["there are 0"]);
        module[source] = name.clone();
        let layered = rendered(&with("loopback", &[("/module", module.clone())]));
        let alone = json!({source: name});
        assert_eq!(layered, rendered(&with("loopback", &[("/module", alone)])));
        module["configMap"] = json!("another");
        module["ociImage"] = image("registry.example.org/y");
        refused("loopback", &[("/module", module)], &["configMap, ", "null"]);
    }
}

/// Helm takes the chart's own value away.
#[test]
fn a_value_that_is_null_is_refused_by_its_name() {
    for key in [
        "region",
        "allow",
        "shapes",
        "scope",
        "module",
        "loopback",
        "captured",
        "maxBodyBytes",
    ] {
        let place = format!("/{key}");
        refused("oci", &[(&place, Value::Null)], &[&format!("'{key}'")]);
    }
    for place in [
        "/roleArn",
        "/stsHost",
        "/stsRegions",
        "/loopback/ports",
        "/istio128",
        "/injection/template",
    ] {
        assert_eq!(
            printed(&with("oci", &[(place, Value::Null)])),
            printed(&with("oci", &[]))
        );
    }
}
