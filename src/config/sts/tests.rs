use super::super::{Config, Plugin, parse};
use super::*;
use serde_json::{Value, json};

fn read(keys: &Value) -> Result<Config, ConfigError> {
    let mut plugin = json!({
        "allow": "*", "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/app",
    });
    for (key, value) in keys.as_object().unwrap() {
        plugin[key] = value.clone();
    }
    match parse(plugin.to_string().as_bytes(), &Environment::new())? {
        Plugin::Downstream(config) => Ok(*config),
        other => panic!("{other:?}"),
    }
}

fn role(keys: Value) -> Value {
    let mut role = json!({"role_arn": "arn:aws-cn:iam::123456789012:role/china"});
    for (key, value) in keys.as_object().unwrap() {
        role[key] = value.clone();
    }
    json!({"roles": {"china": role}, "rules": [{"regions": ["cn-north-1"], "role": "china"}]})
}

/// The hosts of the last role, each with its cluster.
fn hosts(config: &Config) -> Vec<String> {
    let (_, role) = config.roles.iter().last().unwrap();
    let hosts = role.sts.hosts.iter();
    hosts
        .map(|host| format!("{} {}", host.name, host.cluster))
        .collect()
}

#[test]
fn each_host_has_a_cluster_of_its_own() {
    let two = [
        "sts.eu-west-1.amazonaws.com",
        "sts.eu-central-1.amazonaws.com",
    ];
    let config = read(&json!({"sts_hosts": two})).unwrap();
    assert_eq!(
        hosts(&config),
        [
            "sts.eu-west-1.amazonaws.com sigv4-egress-sts",
            "sts.eu-central-1.amazonaws.com sigv4-egress-sts-2",
        ]
    );
    let config = read(&json!({"sts_hosts": two, "sts_cluster": "sts"})).unwrap();
    assert_eq!(hosts(&config)[1], "sts.eu-central-1.amazonaws.com sts-2");
}

#[test]
fn what_is_no_list_of_sts_is_refused() {
    for (hosts, fault) in [
        (
            json!("sts.eu-west-1.amazonaws.com"),
            "is \"sts.eu-west-1.amazonaws.com\"",
        ),
        (json!([]), "is empty"),
        (
            json!(["sts.amazonaws.com", "sts.amazonaws.com"]),
            "lists \"sts.amazonaws.com\" twice",
        ),
        (json!(["a b"]), "holds \"a b\": "),
        (
            json!(["sqs.eu-west-1.amazonaws.com"]),
            "holds \"sqs.eu-west-1.amazonaws.com\", a host of sqs",
        ),
        (
            json!([
                "a.example",
                "b.example",
                "c.example",
                "d.example",
                "e.example"
            ]),
            "lists more than 4 hosts",
        ),
    ] {
        let error = read(&json!({"sts_hosts": hosts})).unwrap_err();
        assert_eq!(error.key, "sts_hosts");
        assert!(error.fault.starts_with(fault), "{error}");
        let error = read(&role(json!({"sts_hosts": hosts, "sts_cluster": "x"}))).unwrap_err();
        assert_eq!(error.key, "roles.china.sts_hosts");
        assert!(error.fault.starts_with(fault), "{error}");
    }
}

#[test]
fn a_role_elsewhere_says_where() {
    let china = json!({
        "region": "cn-north-1", "sts_cluster": "sts-china",
        "token_audience": "sts.amazonaws.com.cn", "token_path": "/token-china",
    });
    let config = read(&role(china)).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(
        hosts(&config),
        ["sts.cn-north-1.amazonaws.com.cn sts-china"]
    );
    let (_, role) = config.roles.iter().last().unwrap();
    assert_eq!(role.sts.region, "cn-north-1");
    assert_eq!(role.sts.token_audience, "sts.amazonaws.com.cn");
    assert_eq!(role.sts.token_path, "/token-china");
    assert_eq!(config.roles.own().sts.token_path, "/token");
    assert_eq!(config.region, "eu-west-1");
}

#[test]
fn a_role_says_only_what_differs() {
    let filter =
        json!({"sts_hosts": ["sts.amazonaws.com"], "sts_cluster": "sts", "token_audience": "x"});
    let mut plugin = role(json!({"role_arn": "arn:aws:iam::123456789012:role/b"}));
    plugin["rules"] = json!([{"services": ["sqs"], "role": "china"}]);
    for (key, value) in filter.as_object().unwrap() {
        plugin[key] = value.clone();
    }
    let config = read(&plugin).unwrap();
    let (_, other) = config.roles.iter().last().unwrap();
    assert_eq!(other.sts, config.roles.own().sts);
    plugin["roles"]["china"]["sts_cluster"] = json!("mine");
    assert_eq!(hosts(&read(&plugin).unwrap()), ["sts.amazonaws.com mine"]);
}

#[test]
fn hosts_of_a_roles_own_take_a_cluster_of_its_own() {
    for keys in [
        json!({"region": "cn-north-1"}),
        json!({"sts_hosts": ["sts.cn-north-1.amazonaws.com.cn"]}),
    ] {
        let error = read(&role(keys)).unwrap_err();
        assert_eq!(error.key, "roles.china.sts_cluster");
        assert!(
            error.fault.contains("sts.cn-north-1.amazonaws.com.cn"),
            "{error}"
        );
    }
    // These are the filter's.
    assert!(read(&role(json!({"region": "eu-west-1"}))).is_ok());
}

/// The token would go where the cluster leads, whatever the host is called.
#[test]
fn a_cluster_that_stands_for_two_hosts_is_told() {
    let check = |cluster: &str, warned: &[&str]| {
        let mut plugin = role(json!({
            "region": "cn-north-1", "sts_cluster": cluster,
            "token_audience": "sts.amazonaws.com.cn", "token_path": "/token-china",
        }));
        plugin["sts_hosts"] = json!([
            "sts.eu-west-1.amazonaws.com",
            "sts.eu-central-1.amazonaws.com"
        ]);
        let config = read(&plugin).unwrap();
        let found: Vec<String> = config.warnings.iter().map(|w| w.to_string()).collect();
        assert_eq!(found.len(), warned.len(), "{found:?}");
        for (found, warned) in found.iter().zip(warned) {
            assert!(found.contains(warned), "{found}");
        }
    };
    check("sts-china", &[]);
    check(
        "sigv4-egress-sts",
        &["is \"sigv4-egress-sts\", which is to lead to sts.eu-west-1.amazonaws.com, too"],
    );
    check(
        "sigv4-egress-sts-2",
        &["is \"sigv4-egress-sts-2\", which is to lead to sts.eu-central-1.amazonaws.com, too"],
    );
}

#[test]
fn what_a_role_cannot_say_is_refused() {
    for (keys, key) in [
        (json!({"region": "here"}), "region"),
        (json!({"token_path": "token"}), "token_path"),
        (json!({"token_path": "/to ken"}), "token_path"),
        (json!({"token_audience": ""}), "token_audience"),
        (
            json!({"chained": true, "token_audience": "x"}),
            "token_audience",
        ),
        (json!({"chained": true, "token_path": "/x"}), "token_path"),
        (json!({"sts_cluster": "sigv4-egress-token"}), "sts_cluster"),
    ] {
        let error = read(&role(keys)).unwrap_err();
        assert_eq!(error.key, format!("roles.china.{key}"));
    }
}
