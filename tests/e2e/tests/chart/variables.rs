//! What depends on the pod: variables of its sidecar that the module gets to see.

use super::{printed, with};
use e2e::json;

#[test]
fn the_module_sees_the_variables_that_tags_come_from_and_the_rules_stand_as_written() {
    let audit = json!({
        "role_arn": "arn:aws:iam::210987654321:role/audit",
        "chained": true,
        "tags": {"team": {"env": "SIGV4_EGRESS_TEAM"}, "stage": "live"},
        "source_identity": {"env": "SIGV4_EGRESS_TEAM", "default": "nobody"},
    });
    let batch = json!({"role_arn": "arn:aws:iam::333333333333:role/batch"});
    let rules = json!([
        {"placeholders": ["placeholder-audit"], "role": "audit"},
        {"placeholders": ["placeholder-batch"], "role": "batch"},
    ]);
    let configuration = json!({"roles": {"audit": audit, "batch": batch}, "rules": rules});
    for shape in ["loopback", "captured", "transparent"] {
        let values = with(shape, &[("/configuration", configuration.clone())]);
        let printed = printed(&values);
        let count = |line: &str| printed.matches(&format!("- {line}\n")).count();
        let lists = count("POD_NAMESPACE");
        assert!(lists > 0, "{shape}");
        for name in [
            "SIGV4_EGRESS_TEAM",
            "SIGV4_EGRESS_CLUSTER",
            "ISTIO_META_CLUSTER_ID",
        ] {
            assert_eq!(count(name), lists, "{shape} {name}");
        }
        let rule = r#"{"placeholders":["placeholder-audit"],"role":"audit"}"#;
        assert!(printed.contains(rule), "{printed}");
    }
}
