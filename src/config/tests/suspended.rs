//! What an incident suspends.

use super::*;

#[test]
fn what_would_suspend_nothing_is_refused() {
    #[track_caller]
    fn check(key: &str, name: &str, allowed: &str) {
        let json = format!(r#"{{"allow": "*", "{key}": ["{name}"]}}"#);
        check_refused(&json, &irsa(), key, &format!("holds \"{name}\""), allowed);
    }
    for name in ["*", "S3", "s3.eu-west-1.amazonaws.com"] {
        check("suspended_services", name, "[a-z0-9-]+");
    }
    check("suspended_roles", "audit", "own, or names of roles");
}

#[test]
fn a_service_that_is_newer_than_the_table_may_be_suspended() {
    let json = r#"{"allow": "*", "suspended_services": ["s3", "unheard-of"]}"#;
    let config = config(json, &irsa());
    assert_eq!(config.suspended.services, ["s3", "unheard-of"]);
    assert_eq!(config.warnings.len(), 1);
}
