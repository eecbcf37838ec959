//! `envoy/helm`: what it refuses, that each value has an effect, and that what it renders is what Istio and Kubernetes know.

#[path = "chart/refused.rs"]
mod refused;
#[path = "chart/schema.rs"]
mod schema;
#[path = "chart/variables.rs"]
mod variables;
#[path = "chart/written.rs"]
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use e2e::{Value, envoy, json};

/// The named combinations of values.
const EXAMPLES: [&str; 9] = [
    "captured",
    "loopback",
    "namespace",
    "oci",
    "pod-identity",
    "ports",
    "private",
    "service-account",
    "transparent",
];

fn chart() -> PathBuf {
    envoy::workspace().join("envoy/helm")
}

fn helm(arguments: &[&str], values: &Value) -> Output {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("values-{}-{number}.json", std::process::id());
    let file = std::env::temp_dir().join(name);
    fs::write(&file, yaml(values)).expect("written");
    let output = Command::new(envoy::workspace().join("target/tools/helm/helm"))
        .args(arguments)
        .arg("--values")
        .arg(&file)
        .output();
    fs::remove_file(file).expect("removed");
    output.expect("cargo xtask test has built it")
}

/// JSON is YAML, but for characters that YAML has in escapes alone.
fn yaml(values: &Value) -> String {
    let escaped = |character| match character {
        '\u{7f}'..='\u{9f}' | '\u{feff}' => format!("\\u{:04x}", u32::from(character)),
        _ => String::from(character),
    };
    values.to_string().chars().map(escaped).collect()
}

fn template(namespace: &str, values: &Value) -> Output {
    let chart = chart().display().to_string();
    let arguments = ["template", "sigv4-egress", &chart, "--namespace", namespace];
    helm(&arguments, values)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the chart gives, as text.
fn printed(values: &Value) -> String {
    let output = template("reports", values);
    assert!(
        output.status.success(),
        "{values}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn rendered(values: &Value) -> Vec<Value> {
    let printed = printed(values);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&printed)
        .unwrap_or_else(|error| panic!("{values}: {error}\n{printed}"));
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect()
}

/// What Helm says of values that the chart does not take.
fn refusal(values: &Value) -> String {
    refusal_in("reports", values)
}

fn refusal_in(namespace: &str, values: &Value) -> String {
    let output = template(namespace, values);
    assert!(!output.status.success(), "taken: {values}");
    text(&output.stderr)
}

fn example(name: &str) -> Value {
    let path = chart().join(format!("examples/{name}.yaml"));
    let text = fs::read_to_string(&path).expect("an example");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The example with something else at a place, such as `/loopback/ports`.
fn with(name: &str, changes: &[(&str, Value)]) -> Value {
    let mut values = example(name);
    for (place, value) in changes {
        let mut at = &mut values;
        for key in place.split('/').skip(1) {
            at = &mut at[key];
        }
        *at = value.clone();
    }
    values
}

#[test]
fn the_examples_are_those_of_this_test() {
    let entries = fs::read_dir(chart().join("examples")).expect("examples");
    let found: BTreeSet<String> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            path.file_stem().expect("a name").to_string_lossy().into()
        })
        .collect();
    assert_eq!(found, EXAMPLES.map(str::to_owned).into());
}

#[test]
fn helm_finds_nothing_wrong_with_the_examples() {
    let chart = chart().display().to_string();
    for name in EXAMPLES {
        let output = helm(&["lint", "--strict", &chart], &example(name));
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        assert!(
            !said.contains("[WARNING]") && !said.contains("[ERROR]"),
            "{said}"
        );
    }
}

#[test]
fn all_that_is_rendered_is_known_to_istio_and_has_one_name() {
    let definitions = schema::Definitions::of_istio();
    let mut istios = 0;
    for name in EXAMPLES {
        for start in [false, true] {
            let mut names = BTreeSet::new();
            for document in rendered(&with(name, &[("/example", json!(start))])) {
                let wrong = definitions.faults(&document);
                assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{document}");
                istios += usize::from(definitions.know(&document));
                let name = format!("{}/{}", document["kind"], document["metadata"]["name"]);
                assert!(names.insert(name.clone()), "{name} twice");
            }
        }
    }
    assert!(istios >= 30, "{istios}");
}

/// Whatever is not refused is rendered, and known.
#[test]
fn every_combination_of_shape_scope_module_and_identity_is_rendered() {
    let definitions = schema::Definitions::of_istio();
    let image = format!("registry.example.org/x:1@sha256:{}", "0123".repeat(16));
    for name in ["loopback", "captured", "transparent"] {
        for scope in ["label", "namespace"] {
            for module in ["ociImage", "imageVolume", "configMap"] {
                for identity in ["webIdentity", "podIdentity"] {
                    let source = match module {
                        "configMap" => "sigv4-egress",
                        _ => image.as_str(),
                    };
                    let values = with(
                        name,
                        &[
                            ("/scope", json!(scope)),
                            ("/module", json!({module: source})),
                            ("/identity", json!(identity)),
                            ("/injection", json!({"template": true})),
                            ("/outboundTrafficPolicy", json!("REGISTRY_ONLY")),
                            ("/example", json!(true)),
                        ],
                    );
                    let documents = rendered(&values);
                    let faults: Vec<_> = documents
                        .iter()
                        .flat_map(|document| definitions.faults(document))
                        .collect();
                    assert_eq!(faults, [""; 0], "{values}");
                    let filters = documents.iter().filter(|one| one["kind"] == "EnvoyFilter");
                    let filters: Vec<_> = filters.collect();
                    assert_eq!(filters.len(), 1, "{values}");
                    let is_selected = filters[0]["spec"].get("workloadSelector").is_some();
                    assert_eq!(is_selected, scope == "label", "{values}");
                }
            }
        }
    }
}

/// {region} in the hosts of values, and in nothing that is the filter's alone.
#[test]
fn the_region_stands_in_every_host() {
    let host = "abc.lambda-url.{region}.on.aws";
    let changes = [
        ("/allow", json!(["s3", host])),
        ("/stsHost", json!("vpce-1.sts.{region}.vpce.amazonaws.com")),
        ("/loopback/ports", json!({"9912": {"host": host}})),
    ];
    let printed = printed(&with("loopback", &changes));
    assert!(!printed.contains("{region}"), "{printed}");
    for expected in [
        "\"allow\": [\"s3\", \"abc.lambda-url.eu-west-1.on.aws\"]",
        "\"sts_hosts\": [\"vpce-1.sts.eu-west-1.vpce.amazonaws.com\"]",
        "sni: vpce-1.sts.eu-west-1.vpce.amazonaws.com",
        "\"host\":\"abc.lambda-url.eu-west-1.on.aws\"",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

/// Prometheus, `listener-istio.yaml` and the policies find pods by it, whatever brought the listener.
#[test]
fn the_template_of_a_namespace_gives_its_pods_the_label() {
    for name in ["namespace", "pod-identity"] {
        let documents = rendered(&with(name, &[("/scope", json!("namespace"))]));
        let of_injector = |document: &&Value| !document["data"]["values.yaml"].is_null();
        let map = documents.iter().find(of_injector).expect("a template");
        let template = map["data"]["values.yaml"].as_str().expect("a text");
        let label = "labels: { sigv4-egress: loopback }";
        assert!(template.contains(label), "{template}");
        let skips = template.contains("eks.amazonaws.com/skip-containers");
        assert_eq!(skips, name == "pod-identity");
        assert_eq!(template.matches("metadata:").count(), 1, "{template}");
    }
}

/// As `kubectl` and istiod would: a field that is not known, a wrong type and a wrong word.
#[test]
fn the_definitions_find_what_is_wrong() {
    let definitions = schema::Definitions::of_istio();
    let entry = |spec: Value| json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "x"}, "spec": spec});
    let good =
        json!({"hosts": ["a"], "resolution": "DNS", "ports": [{"number": 80, "name": "http"}]});
    assert_eq!(definitions.faults(&entry(good.clone())), [""; 0]);
    for (key, value) in [
        ("resolution", json!("DSN")),
        ("exportsTo", json!(["."])),
        ("hosts", json!("a")),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        let faults = definitions.faults(&entry(wrong));
        assert!(
            faults.iter().any(|fault| fault.contains(key)),
            "{key}: {faults:?}"
        );
    }
}

/// Every value of `values.yaml`, and a change of it that must be seen.
fn changes() -> BTreeMap<&'static str, (&'static str, Value)> {
    let digest = "1".repeat(64);
    let image = |name: &str| json!(format!("registry.example.org/{name}:0.2.1@sha256:{digest}"));
    BTreeMap::from([
        ("/region", ("loopback", json!("us-east-1"))),
        ("/allow", ("loopback", json!(["sqs"]))),
        ("/mode", ("loopback", json!("observe"))),
        ("/shapes", ("private", json!(["captured"]))),
        ("/scope", ("pod-identity", json!("namespace"))),
        ("/identity", ("loopback", json!("podIdentity"))),
        (
            "/roleArn",
            ("loopback", json!("arn:aws:iam::123456789012:role/x/y")),
        ),
        (
            "/stsHost",
            ("loopback", json!("sts.vpce.eu-west-1.amazonaws.com")),
        ),
        ("/stsRegions", ("loopback", json!(["eu-central-1"]))),
        (
            "/module",
            ("loopback", json!({"configMap": "sigv4-egress-0-2-1"})),
        ),
        ("/module/ociImage", ("oci", image("filter"))),
        ("/module/imageVolume", ("pod-identity", image("filter"))),
        ("/module/configMap", ("captured", json!("another"))),
        (
            "/loopback/ports",
            (
                "loopback",
                json!({"9913": {"host": "s3.eu-west-1.amazonaws.com"}}),
            ),
        ),
        (
            "/captured/serverNames",
            ("captured", json!(["sqs.{region}.amazonaws.com"])),
        ),
        ("/maxBodyBytes", ("transparent", json!(1_048_576))),
        ("/istio128", ("captured", json!(true))),
        ("/accessLog", ("loopback", json!("json"))),
        (
            "/configuration",
            ("transparent", json!({"unmarked": "sign"})),
        ),
        (
            "/outboundTrafficPolicy",
            ("transparent", json!("ALLOW_ANY")),
        ),
        ("/injection/template", ("loopback", json!(true))),
        (
            "/injection/roleArn",
            ("namespace", json!("arn:aws:iam::123456789012:role/x")),
        ),
        (
            "/injection/fromServiceAccount",
            ("service-account", json!(false)),
        ),
        ("/example", ("loopback", json!(true))),
    ])
}

#[test]
fn every_value_has_an_effect() {
    for (place, (name, value)) in changes() {
        let start = ("/example", json!(true));
        // Volumes of a pod show in the workload alone.
        let before = if place == "/example" {
            example(name)
        } else {
            with(name, std::slice::from_ref(&start))
        };
        let after = with(name, &[start, (place, value)]);
        assert_ne!(before, after, "{place}");
        assert_ne!(printed(&before), printed(&after), "{place}");
    }
}

#[test]
fn the_changes_are_of_every_value() {
    let values: Value =
        serde_saphyr::from_str(&fs::read_to_string(chart().join("values.yaml")).expect("values"))
            .expect("YAML");
    let mut places = BTreeSet::new();
    for (key, value) in values.as_object().expect("an object") {
        match value.as_object() {
            Some(fields) if !fields.is_empty() => {
                places.extend(fields.keys().map(|field| format!("/{key}/{field}")));
            }
            _ => {
                places.insert(format!("/{key}"));
            }
        }
    }
    let changed: BTreeSet<String> = changes()
        .into_keys()
        .filter(|place| !place.starts_with("/module/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(places, changed);
}

/// Of the wrong type, in every place.
#[test]
fn a_value_of_another_type_is_refused_by_its_place() {
    for (place, (name, value)) in changes() {
        let wrong = match value {
            Value::String(_) | Value::Array(_) => json!(7),
            _ => json!("yes"),
        };
        let said = refusal(&with(name, &[(place, wrong)]));
        // `/module/ociImage` is `module.ociImage` or `/module/ociImage`, by what finds it.
        let words = place.split('/').skip(1);
        for word in words {
            assert!(said.contains(word), "{place}: {said}");
        }
    }
}

#[test]
fn a_key_that_is_not_known_is_refused_by_its_name() {
    for place in [
        "/alow",
        "/loopback/port",
        "/captured/server_names",
        "/transparent",
        "/module/oci",
        "/injection/role",
        "/configuration/alow",
        // Those that the chart writes itself.
        "/configuration/allow",
        "/configuration/clusters",
        "/configuration/region",
    ] {
        let name = place.rsplit('/').next().expect("a name");
        let said = refusal(&with("loopback", &[(place, json!("x"))]));
        assert!(said.contains(&format!("'{name}'")), "{place}: {said}");
    }
}

/// What is wrong, where, and what is right.
#[test]
fn what_cannot_be_meant_is_refused_with_the_reason() {
    let s3 = json!(["s3.{region}.amazonaws.com"]);
    for (name, place, value, words) in [
        ("loopback", "/region", json!("eu-west"), "/region"),
        ("loopback", "/region", json!("us-iso-east-1"), "/region"),
        ("loopback", "/region", json!(""), "/region"),
        ("loopback", "/allow", json!([]), "/allow"),
        ("loopback", "/shapes", json!([]), "/shapes"),
        ("loopback", "/shapes", json!(["loop"]), "'loopback'"),
        ("loopback", "/roleArn", json!("role/reports"), "/roleArn"),
        ("loopback", "/stsHost", json!("https://sts"), "/stsHost"),
        ("loopback", "/stsRegions", json!(["here"]), "/stsRegions"),
        (
            "loopback",
            "/stsRegions",
            json!(["eu-west-1"]),
            "stsRegions",
        ),
        (
            "loopback",
            "/stsRegions",
            json!(["cn-north-1"]),
            "stsRegions",
        ),
        ("loopback", "/maxBodyBytes", json!(0), "want 1"),
        (
            "loopback",
            "/accessLog",
            json!("none"),
            "'off', 'text', 'json'",
        ),
        ("loopback", "/module", json!({}), "there are 0"),
        (
            "loopback",
            "/module/imageVolume",
            json!(format!("r.example.org/x:1@sha256:{}", "0".repeat(64))),
            "there are 2",
        ),
        // Without a digest.
        (
            "oci",
            "/module/ociImage",
            json!("registry.example.org/x:1"),
            "/module/ociImage",
        ),
        ("oci", "/scope", json!("namespace"), "Name one"),
        (
            "captured",
            "/captured/serverNames",
            json!([]),
            "sigv4-egress names",
        ),
        ("loopback", "/captured/serverNames", s3, "has no effect"),
        (
            "captured",
            "/captured/serverNames",
            json!(["s3.*.amazonaws.com"]),
            "/captured/serverNames/0",
        ),
        (
            "captured",
            "/loopback/ports",
            json!({"9912": {"host": "s3.eu-west-1.amazonaws.com"}}),
            "has no effect",
        ),
        (
            "ports",
            "/loopback/ports",
            json!({"9911": {"host": "s3.eu-west-1.amazonaws.com"}}),
            "Take another one",
        ),
        ("ports", "/loopback/ports", json!({"9912": {}}), "host"),
        (
            "pod-identity",
            "/roleArn",
            json!("arn:aws:iam::123456789012:role/x"),
            "association",
        ),
        (
            "loopback",
            "/injection/roleArn",
            json!("arn:aws:iam::123456789012:role/x"),
            "injection.template",
        ),
        (
            "loopback",
            "/injection/fromServiceAccount",
            json!(true),
            "injection.template",
        ),
        (
            "loopback",
            "/outboundTrafficPolicy",
            json!("DENY"),
            "'REGISTRY_ONLY'",
        ),
    ] {
        let said = refusal(&with(name, &[(place, value)]));
        assert!(said.contains(words), "{place}: {said}");
    }
}

/// Each value is written once and stands wherever it is used.
#[test]
fn another_region_leaves_nothing_of_the_first() {
    for name in ["oci", "service-account", "transparent"] {
        for (region, sts) in [
            ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
            ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ] {
            let changes = [("/region", json!(region)), ("/example", json!(true))];
            let printed = printed(&with(name, &changes));
            assert!(!printed.contains("eu-west-1"), "{name}");
            // Of another partition.
            assert!(!printed.contains("arn:aws:"), "{name}");
            let filters = printed.matches("kind: EnvoyFilter").count();
            // The address, the name that is sent, and the name in the certificate.
            let names = printed
                .lines()
                .filter(|line| !line.trim_start().starts_with('#') && line.contains(sts));
            assert_eq!(names.count(), 3 * filters, "{name} {region}");
        }
    }
}

/// What STS is called by is what the filter calls.
#[test]
fn the_filter_takes_what_the_chart_writes() {
    let environment: sigv4_egress::config::Environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.170.23/v1/credentials",
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut taken = 0;
    for name in EXAMPLES {
        let mut environment = environment.clone();
        environment.remove(match name {
            "pod-identity" => "AWS_ROLE_ARN",
            _ => "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        });
        for document in rendered(&example(name)) {
            let mut found = Vec::new();
            configurations(&document, &mut found);
            for configuration in found {
                let parsed = sigv4_egress::config::parse(configuration.as_bytes(), &environment);
                let error = parsed.err().map(|error| error.to_string());
                assert_eq!(error, None, "{name}: {configuration}");
                // envoy/istio/README.md finds it by this.
                let is_filter = !configuration.contains("\"position\"");
                assert_eq!(configuration.starts_with("{ \"allow\""), is_filter);
                assert_eq!(configuration.trim_end().lines().count(), 1);
                taken += 1;
            }
        }
    }
    assert!(taken > 25, "{taken}");
}

fn configurations(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("root_id") {
                let text = fields["configuration"]["value"].as_str();
                found.push(text.expect("a configuration").to_owned());
            }
            fields
                .values()
                .for_each(|value| configurations(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| configurations(value, found)),
        _ => {}
    }
}

/// No container but istio-proxy, in any way of giving it volumes.
#[test]
fn the_program_gets_no_token() {
    for name in EXAMPLES {
        for document in rendered(&with(name, &[("/example", json!(true))])) {
            if document["kind"] != "Deployment" {
                continue;
            }
            let pod = &document["spec"]["template"];
            let spec = pod["spec"].to_string();
            for secret in ["serviceAccountToken", "tls.key", "token.sock"] {
                assert!(!spec.contains(secret), "{name}: {secret}");
            }
            let skipped = &pod["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"];
            if name == "pod-identity" {
                // The injector's template lists them.
                assert!(skipped.is_null(), "{skipped}");
            }
        }
    }
    let without = with(
        "pod-identity",
        &[
            ("/injection/template", json!(false)),
            ("/example", json!(true)),
        ],
    );
    let documents = rendered(&without);
    let pod = documents
        .iter()
        .find(|document| document["kind"] == "Deployment");
    let pod = &pod.expect("a workload")["spec"]["template"];
    let skipped = &pod["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"];
    assert_eq!(skipped, "istio-init,reports");
}

/// Envoy finds the certificate as everywhere else.
#[test]
fn the_secret_of_captured_is_that_of_the_plain_envoy() {
    let documents = rendered(&example("captured"));
    let map = documents
        .iter()
        .find(|document| document["kind"] == "ConfigMap");
    let shipped = fs::read_to_string(envoy::workspace().join("envoy/https/sds.yaml"));
    assert_eq!(
        map.expect("a ConfigMap")["data"]["sds.yaml"],
        shipped.expect("sds.yaml")
    );
}

/// Kustomize takes the files, and applies what `kubectl apply` would.
#[test]
fn kustomize_takes_the_rendered_files() {
    let directory = std::env::temp_dir().join(format!("chart-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let files = [
        "loopback",
        "captured",
        "transparent",
        "pod",
        "pod-captured",
        "admission",
    ]
    .map(|name| format!("{name}.yaml"));
    for file in &files {
        fs::copy(
            envoy::workspace().join("envoy/istio").join(file),
            directory.join(file),
        )
        .expect("copied");
    }
    let list: String = files.iter().map(|file| format!("- {file}\n")).collect();
    let kustomization = format!("namespace: reports\nresources:\n{list}");
    fs::write(directory.join("kustomization.yaml"), kustomization).expect("written");
    let output = Command::new(envoy::workspace().join("target/tools/kustomize/kustomize"))
        .arg("build")
        .arg(&directory)
        .output()
        .expect("cargo xtask test has built it");
    fs::remove_dir_all(&directory).expect("removed");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let built: Vec<Value> = serde_saphyr::from_multiple(&text(&output.stdout)).expect("YAML");
    let mut kinds = BTreeMap::new();
    for document in &built {
        let kind = document["kind"].as_str().expect("a kind").to_owned();
        *kinds.entry(kind).or_insert(0) += 1;
    }
    let definitions = schema::Definitions::of_istio();
    for document in &built {
        assert_eq!(definitions.faults(document), [""; 0], "{document}");
    }
    assert_eq!((kinds["EnvoyFilter"], kinds["Deployment"]), (3, 2));
}
