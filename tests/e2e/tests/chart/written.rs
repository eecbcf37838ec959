//! What the chart writes of single values: names, routes, the injector's template, and the access log.

use std::collections::BTreeSet;
use std::fs;

use e2e::{Value, envoy, json};

use crate::{printed, rendered, with};

/// What asks for a signature is known by what the filter knows it by.
#[test]
fn the_routes_of_transparent_know_other_markers() {
    let rules = json!([{"placeholders": ["audit"], "role": "audit"}]);
    let marked = json!({
        "marker_header": "x-sign",
        "placeholders": ["AKIAIOSFODNN7EXAMPLE", "no.ne'("],
        "rules": rules,
        "roles": {"audit": {"role_arn": "arn:aws:iam::210987654321:role/audit"}},
    });
    let printed = printed(&with("transparent", &[("/configuration", marked)]));
    for expected in [
        "{ name: \"x-sign\", present_match: true }",
        // An id as it is, for YAML and for the expression.
        r"'.*Credential=(AKIAIOSFODNN7EXAMPLE|no\.ne''\(|audit)/.*'",
        r"'(AKIAIOSFODNN7EXAMPLE|no\.ne''\(|audit)(/|%2[Ff]).*'",
    ] {
        assert!(printed.contains(expected), "{expected}");
    }
    let matches = printed
        .lines()
        .filter(|line| line.contains("present_match: true"));
    assert!(matches.clone().count() > 0);
    assert!(matches.clone().all(|line| !line.contains("x-sigv4-egress")));
}

/// Nothing is refused then, not even by a route.
#[test]
fn transparent_leads_nothing_nowhere_while_it_observes() {
    let leads = |mode: Value| {
        let printed = printed(&with("transparent", &[("/mode", mode)]));
        printed.contains("route: { cluster: sigv4-egress-unsigned")
    };
    assert!(leads(json!("enforce")));
    assert!(!leads(json!("observe")));
}

/// Custom domains are routed to AWS too, each name once: Envoy refuses a second.
#[test]
fn transparent_routes_the_hosts_that_rules_say_how_to_sign() {
    let sign_as = json!({"service": "execute-api"});
    let rules = json!({"rules": [
        {"hosts": ["API.example.org", "*.example.net", "*.on.aws"], "sign_as": sign_as},
        {"hosts": ["api.example.org"], "sign_as": sign_as},
        {"hosts": ["denied.example.org"], "effect": "deny"},
    ]});
    let documents = rendered(&with("transparent", &[("/configuration", rules)]));
    let patches = documents[0]["spec"]["configPatches"].as_array();
    let of_hosts = patches.expect("patches").iter();
    let of_hosts = of_hosts.filter(|patch| patch["applyTo"] == "VIRTUAL_HOST");
    let (adds, removes): (Vec<_>, Vec<_>) =
        of_hosts.partition(|patch| patch["patch"]["operation"] == "ADD");
    let domains = adds[0]["patch"]["value"]["domains"].as_array();
    let domains = domains.expect("domains").iter();
    let domains: Vec<_> = domains.map(|it| it.as_str().expect("a name")).collect();
    assert_eq!(domains.iter().collect::<BTreeSet<_>>().len(), domains.len());
    for name in ["api.example.org", "*.example.net", "*.on.aws"] {
        assert!(domains.contains(&name), "{domains:?}");
    }
    assert!(!domains.contains(&"denied.example.org"));
    // Whatever a ServiceEntry says of the same name is taken out before.
    let removed = removes.iter().map(|patch| {
        let vhost = &patch["match"]["routeConfiguration"]["vhost"]["name"];
        let name = vhost.as_str().expect("a name");
        name.strip_suffix(":80")
            .expect("the name that istiod gives")
    });
    let with_dots = removed.flat_map(|name| [name.to_owned(), format!("{name}.")]);
    assert_eq!(with_dots.collect::<Vec<_>>(), domains);
}

/// istiod takes what is between braces for its own.
#[test]
fn no_value_is_a_part_of_the_injectors_template() {
    let audience = json!({"token_audience": "x{{ .Spec }}"});
    let documents = rendered(&with("namespace", &[("/configuration", audience)]));
    let of_injector = |document: &&Value| !document["data"]["values.yaml"].is_null();
    let map = documents.iter().find(of_injector).expect("a template");
    let template = map["data"]["values.yaml"].as_str().expect("a text");
    assert!(
        template.contains(r#""audience":"x{{`{{`}} .Spec }}""#),
        "{template}"
    );
    // An annotation of the pod's: whatever it is, it is one text.
    assert!(template.contains("value: {{ quote . }}"), "{template}");
}

/// The line of JSON is that of `envoy/operate`, and the line of text that which it has always been.
#[test]
fn the_access_log_is_text_json_or_none() {
    let path = envoy::workspace().join("envoy/operate/access-log.yaml");
    let shipped: Value =
        serde_saphyr::from_str(&fs::read_to_string(path).expect("a file")).expect("YAML");
    for (name, log, expected) in [
        (
            "loopback",
            json!("json"),
            Some(shipped["access_log"].clone()),
        ),
        (
            "captured",
            json!("json"),
            Some(shipped["access_log"].clone()),
        ),
        ("loopback", json!("off"), None),
        // What YAML reads `off` as, and 0.2.0 had.
        ("captured", json!(false), None),
    ] {
        for filter in rendered(&with(name, &[("/accessLog", log.clone())])) {
            let mut found = Vec::new();
            access_logs(&filter, &mut found);
            // `virtualOutbound` and `0.0.0.0_443` have one chain: YAML's alias.
            found.dedup();
            let expected = match filter["kind"] == "EnvoyFilter" {
                true => Vec::from_iter(expected.clone()),
                false => Vec::new(),
            };
            assert_eq!(found, expected, "{name} {log}");
        }
    }
    for name in ["loopback", "captured", "private"] {
        let is = |log: Value| printed(&with(name, &[("/accessLog", log)]));
        assert_eq!(is(json!(true)), is(json!("text")));
        assert!(is(json!("text")).contains("%FILTER_STATE(wasm.sigv4_egress:PLAIN)%] "));
    }
}

fn access_logs(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("access_log").cloned());
            fields.values().for_each(|value| access_logs(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| access_logs(value, found)),
        _ => {}
    }
}
