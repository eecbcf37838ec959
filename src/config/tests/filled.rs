//! What a role takes from the sidecar's environment.

use super::*;

const TEAM: (&str, &str) = ("SIGV4_EGRESS_TEAM", "shop");

fn role(rest: &str) -> String {
    let arn = "arn:aws:iam::210987654321:role/audit";
    format!(
        r#"{{"allow": "*", "rules": [{{"role": "audit"}}], "roles": {{"audit": {{"role_arn": "{arn}", {rest}}}}}}}"#
    )
}

fn with(variables: &[(&str, &str)]) -> Environment {
    let mut all = irsa();
    all.extend(environment(variables));
    all
}

/// Tags and source identity of the chained role.
#[track_caller]
fn found(rest: &str, variables: &[(&str, &str)]) -> (Vec<(String, String)>, Option<String>) {
    let json = role(&format!(r#""chained": true, {rest}"#));
    let config = config(&json, &with(variables));
    let (_, audit) = config.roles.iter().nth(1).unwrap();
    let CredentialSource::ChainedRole(chained) = &audit.source else {
        panic!("{audit:?}");
    };
    let tags = chained.tags.iter();
    let owned = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let identity = chained.source_identity.as_ref();
    (owned.collect(), identity.map(|id| id.as_str().to_owned()))
}

#[test]
fn tags_and_source_identity_may_come_from_the_environment() {
    let all = r#""tags": {"team": {"env": "SIGV4_EGRESS_TEAM"}, "stage": "live"}, "transitive_tag_keys": ["team"],
        "source_identity": {"env": "SIGV4_EGRESS_TEAM", "default": "nobody"}"#;
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        found(all, &[TEAM]),
        (
            vec![tag("stage", "live"), tag("team", "shop")],
            Some("shop".to_owned())
        )
    );
    let with_default = r#""source_identity": {"env": "SIGV4_EGRESS_TEAM", "default": "nobody"}"#;
    for missing in [&[][..], &[("SIGV4_EGRESS_TEAM", "")]] {
        assert_eq!(found(with_default, missing).1.as_deref(), Some("nobody"));
    }
}

#[test]
fn what_is_missing_or_no_value_is_refused_with_its_name() {
    let chained = |rest: &str| role(&format!(r#""chained": true, {rest}"#));
    let tags = chained(r#""tags": {"team": {"env": "SIGV4_EGRESS_TEAM"}}"#);
    let variable = "environment variable SIGV4_EGRESS_TEAM";
    for missing in [&[][..], &[("SIGV4_EGRESS_TEAM", "")]] {
        check_refused(
            &tags,
            &with(missing),
            variable,
            "is not set, and roles.audit.tags.team takes its value",
            "host_env_keys",
        );
    }
    check_refused(
        &tags,
        &with(&[("SIGV4_EGRESS_TEAM", "a|b")]),
        "roles.audit.tags",
        "holds a value under \"team\" that STS does not take",
        "at most 50 tags",
    );
    let identity = |value: &str| chained(&format!(r#""source_identity": {value}"#));
    check_refused(
        &identity(r#"{"env": "SIGV4_EGRESS_TEAM"}"#),
        &with(&[("SIGV4_EGRESS_TEAM", "a b")]),
        "roles.audit.source_identity",
        "is \"a b\"",
        "2 to 64",
    );
    // A token must not become a tag.
    for (value, key, fault) in [
        (
            r#"{"env": "AWS_CONTAINER_AUTHORIZATION_TOKEN"}"#,
            "env",
            "is \"AWS_CONTAINER_AUTHORIZATION_TOKEN\"",
        ),
        (r#"{"env": ""}"#, "env", "is \"\""),
        ("{}", "env", "is missing"),
        (
            r#"{"variable": "SIGV4_EGRESS_TEAM"}"#,
            "variable",
            "unknown key",
        ),
        (
            r#"{"env": "SIGV4_EGRESS_TEAM", "default": 1}"#,
            "default",
            "is 1",
        ),
    ] {
        let key = format!("roles.audit.source_identity.{key}");
        check_refused(&identity(value), &with(&[TEAM]), &key, fault, "");
    }
}

#[test]
fn without_a_chain_the_token_has_the_tags() {
    check_refused(
        &role(r#""tags": {"team": {"env": "SIGV4_EGRESS_TEAM"}}"#),
        &with(&[TEAM]),
        "roles.audit.tags",
        "is not a parameter of AssumeRoleWithWebIdentity",
        "claims of the token",
    );
}
