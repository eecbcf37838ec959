//! What `presign` takes.

use super::*;

#[track_caller]
fn check(entry: &str, expected: &str) {
    let json = format!(
        r#"{{"allow": "*", "role_arn": "arn:aws:iam::123456789012:role/a", "region": "eu-west-1", "presign": [{entry}]}}"#
    );
    let found = parse(json.as_bytes(), &Environment::new()).map(drop);
    let found = found.map_err(|error| error.to_string());
    match expected {
        "" => assert_eq!(found, Ok(()), "{entry}"),
        expected => assert_eq!(found.unwrap_err(), expected, "{entry}"),
    }
}

#[test]
fn an_entry_has_what_its_service_needs() {
    check(r#"{"service": "s3", "buckets": ["reports", "team-*"]}"#, "");
    check(
        r#"{"service": "s3", "hosts": ["*.s3-accesspoint.eu-west-1.amazonaws.com"]}"#,
        "",
    );
    check(r#"{"service": "rds-db"}"#, "");
    check(r#"{"service": "elasticache", "hosts": ["my-cache"]}"#, "");
    check(r#"{"service": "eks", "clusters": ["prod-*", "a_B"]}"#, "");
    check(
        r#"{"service": "s3"}"#,
        "configuration refused: presign[0].buckets: is missing; allowed: at least one name",
    );
    check(
        r#"{"service": "eks"}"#,
        "configuration refused: presign[0].clusters: is missing; allowed: at least one name",
    );
    check(
        r#"{"buckets": ["reports"]}"#,
        "configuration refused: presign[0].service: is missing; allowed: s3, rds-db, dsql, elasticache, memorydb, kafka-cluster, eks",
    );
}

#[test]
fn a_key_without_effect_is_refused() {
    check(
        r#"{"service": "rds-db", "methods": ["GET"]}"#,
        "configuration refused: presign[0].methods: has no effect for this service; allowed: only for the service that has it",
    );
    check(
        r#"{"service": "eks", "clusters": ["a"], "hosts": ["a"]}"#,
        "configuration refused: presign[0].hosts: has no effect for this service; allowed: only for the service that has it",
    );
}

#[test]
fn a_value_that_could_not_match_is_refused() {
    let s3 = |more: &str| format!(r#"{{"service": "s3", "buckets": ["reports"], {more}}}"#);
    check(
        &s3(r#""methods": ["get"]"#),
        r#"configuration refused: presign[0].methods: holds "get"; allowed: DELETE, GET, HEAD, POST, PUT"#,
    );
    check(
        &s3(r#""key_prefixes": ["/in"]"#),
        r#"configuration refused: presign[0].key_prefixes: holds "/in"; allowed: beginnings of keys, without a slash in front and without *"#,
    );
    check(
        &s3(r#""max_form_bytes": 0"#),
        "configuration refused: presign[0].max_form_bytes: is 0; allowed: a whole number from 1 on",
    );
    check(
        &s3(r#""max_seconds": 43201"#),
        "configuration refused: presign[0].max_seconds: is 43201; allowed: a whole number from 1 to 43200",
    );
    check(
        r#"{"service": "rds-db", "hosts": ["db.x:3306"]}"#,
        r#"configuration refused: presign[0].hosts: holds "db.x:3306"; allowed: host names, with `*.` in front for what is below them"#,
    );
}

/// They live for as long as it is to hold, where half of a session does.
#[test]
fn credentials_are_refreshed_early_enough_for_what_is_presigned() {
    let json = r#"{"allow": "*", "role_arn": "arn:aws:iam::123456789012:role/a", "region": "eu-west-1",
        "presign": [{"service": "rds-db"}, {"service": "s3", "buckets": ["reports"], "max_seconds": 1500}]}"#;
    let Ok(Plugin::Downstream(config)) = parse(json.as_bytes(), &Environment::new()) else {
        panic!("{json}");
    };
    assert_eq!(config.pace, Pace::REAL.with_lead(Duration::from_secs(1500)));
}

#[test]
fn what_nothing_lets_be_signed_cannot_be_presigned() {
    let json = r#"{"allow": ["sqs"], "role_arn": "arn:aws:iam::123456789012:role/a", "region": "eu-west-1",
        "presign": [{"service": "s3", "buckets": ["reports"]}]}"#;
    let error = parse(json.as_bytes(), &Environment::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "configuration refused: presign[0].service: is s3, and neither `allow` nor a rule lets anything of S3's be signed; allowed: what is in `allow`, too"
    );
}
