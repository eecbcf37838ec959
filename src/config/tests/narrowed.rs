//! What a workload does without.

use super::*;

#[test]
fn a_workload_can_do_without_and_can_add_nothing() {
    let with = |value: &str| {
        let mut all = irsa();
        all.extend(environment(&[(NARROWED, value)]));
        all
    };
    let json = r#"{"allow": ["s3", "*.es.amazonaws.com", "dynamodb"], "rules": [{"services": ["sqs"], "effect": "allow"},
        {"hosts": ["files.example.com"], "sign_as": {"service": "s3"}}, {"services": ["sns"], "effect": "deny"}]}"#;
    for fine in [
        "s3",
        " s3 , dynamodb",
        "bucket.s3.eu-west-1.amazonaws.com",
        "logs.eu-west-1.es.amazonaws.com",
        "*.es.amazonaws.com",
        "sqs",
        "files.example.com",
    ] {
        config(json, &with(fine));
    }
    let unset = config(json, &irsa()).policy;
    assert_eq!(config(json, &with("")).policy, unset);
    let forbidden = "which the configuration does not allow";
    for (value, entry, fault) in [
        ("s3,kms", "kms", forbidden),
        ("sns", "sns", forbidden),
        (
            "kms.eu-west-1.amazonaws.com",
            "kms.eu-west-1.amazonaws.com",
            forbidden,
        ),
        ("*.amazonaws.com", "*.amazonaws.com", forbidden),
        ("*", "*", "which is no service and no host"),
        ("s3,", "", "which is no service and no host"),
        ("s3 sqs", "s3 sqs", "which is no service and no host"),
    ] {
        let key = format!("environment variable {NARROWED}");
        let fault = format!("has \"{entry}\", {fault}");
        check_refused(json, &with(value), &key, &fault, "with commas between them");
    }
    // What `"*"` allows has no end, but for what no list can name.
    config(r#"{"allow": "*"}"#, &with("kms"));
}
