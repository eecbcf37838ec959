use super::super::{Environment, Plugin, parse};
use serde_json::{Value, json};

/// The keys that are warned of, and a word of each finding.
#[track_caller]
fn check(keys: &Value, expected: &[(&str, &str)]) {
    let mut plugin = json!({
        "allow": "*", "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/app",
    });
    for (key, value) in keys.as_object().unwrap() {
        plugin[key] = value.clone();
    }
    let config = match parse(plugin.to_string().as_bytes(), &Environment::new()) {
        Ok(Plugin::Downstream(config)) => config,
        other => panic!("{other:?}"),
    };
    let keys: Vec<&str> = config.warnings.iter().map(|w| w.key.as_str()).collect();
    let wanted: Vec<&str> = expected.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, wanted, "{:?}", config.warnings);
    for (warning, (_, word)) in config.warnings.iter().zip(expected) {
        assert!(warning.finding.contains(word), "{warning}");
    }
}

fn china() -> Value {
    json!({
        "role_arn": "arn:aws-cn:iam::123456789012:role/china",
        "region": "cn-north-1", "sts_cluster": "sts-china",
    })
}

fn with_rule(rule: Value) -> Value {
    json!({"roles": {"china": china()}, "rules": [rule]})
}

#[test]
fn a_rule_and_its_role_are_of_one_partition() {
    for rule in [
        json!({"regions": ["cn-north-1", "cn-northwest-1"], "role": "china"}),
        json!({"hosts": ["sqs.cn-north-1.amazonaws.com.cn"], "role": "china"}),
    ] {
        check(&with_rule(rule), &[]);
    }
    for (rule, word) in [
        (
            json!({"regions": ["cn-north-1", "eu-west-1"], "role": "china"}),
            "is for eu-west-1, of the partition aws,",
        ),
        (
            json!({"hosts": ["sqs.eu-west-1.amazonaws.com"], "role": "china"}),
            "AWS does not know",
        ),
        (
            json!({"services": ["sqs"], "role": "china"}),
            "is for every region",
        ),
    ] {
        check(&with_rule(rule), &[("rules[0]", word)]);
    }
}

#[test]
fn the_pods_own_role_is_not_for_other_partitions() {
    let rule = |effect: &str| json!({"allow": ["s3"], "rules": [{"regions": ["us-gov-west-1"], "services": ["sqs"], "effect": effect}]});
    check(&rule("allow"), &[("rules[0]", "aws-us-gov")]);
    check(&rule("deny"), &[]);
}

#[test]
fn a_role_is_asked_for_in_its_own_partition() {
    check(
        &json!({"region": "cn-north-1"}),
        &[("role_arn", "sts.cn-north-1.amazonaws.com.cn of aws-cn")],
    );
    let mut keys = with_rule(json!({"regions": ["cn-north-1"], "role": "china"}));
    keys["roles"]["china"]["region"] = json!("us-gov-west-1");
    check(&keys, &[("roles.china", "of aws-us-gov")]);
}

#[test]
fn no_role_is_assumed_by_one_of_another_partition() {
    let mut keys = with_rule(json!({"regions": ["cn-north-1"], "role": "china"}));
    keys["roles"]["china"]["chained"] = json!(true);
    check(
        &keys,
        &[("roles.china", "lets no role into another partition")],
    );
}

#[test]
fn another_audience_takes_another_token() {
    let mut keys = with_rule(json!({"regions": ["cn-north-1"], "role": "china"}));
    keys["roles"]["china"]["token_audience"] = json!("sts.amazonaws.com.cn");
    check(
        &keys,
        &[("roles.china.token_audience", "/token serves one token")],
    );
    keys["roles"]["china"]["token_path"] = json!("/token-china");
    check(&keys, &[]);
}
