//! What the access log says of a decision.

use super::*;
use crate::report::access_log::{About, Basis, Facts};

const S3: Option<(&str, &str)> = Some(("s3", "eu-west-1"));

#[track_caller]
fn check(request: &str, endpoint: Option<(&str, &str)>, bucket: &str, basis: Basis) {
    let config = config(
        r#", "allow": ["s3", "dynamodb"], "rules": [
            {"services": ["sqs"], "effect": "deny"},
            {"buckets": ["secret"], "effect": "deny"},
            {"hosts": ["files.example.com"], "sign_as": {"service": "s3"}},
            {"hosts": ["kinesis.eu-west-1.amazonaws.com"], "effect": "leave_alone"}]"#,
    );
    let headers = headers(request);
    let decided = decide_in_full(&config, head(&headers));
    let expected = About::new(Facts {
        endpoint,
        bucket: (!bucket.is_empty()).then_some(bucket),
        basis,
        ..Facts::default()
    });
    assert_eq!(decided.about, expected, "{request}");
}

#[test]
fn it_is_known_whatever_becomes_of_the_request() {
    let sqs = Some(("sqs", "eu-west-1"));
    let dynamodb = Some(("dynamodb", "eu-west-1"));
    check(
        "POST dynamodb.eu-west-1.amazonaws.com /",
        dynamodb,
        "",
        Basis::Allow,
    );
    check(
        "POST sqs.eu-west-1.amazonaws.com /",
        sqs,
        "",
        Basis::Rule(0),
    );
    let kms = Some(("kms", "eu-west-1"));
    check("POST kms.eu-west-1.amazonaws.com /", kms, "", Basis::Allow);
    let bearer = "GET s3.eu-west-1.amazonaws.com /reports/x\nauthorization: Bearer x";
    check(bearer, S3, "reports", Basis::Allow);
    let kinesis = Some(("kinesis", "eu-west-1"));
    check(
        "GET kinesis.eu-west-1.amazonaws.com /x",
        kinesis,
        "",
        Basis::Rule(3),
    );
    check("GET bad_host.amazonaws.com /x", None, "", Basis::None);
}

#[test]
fn a_bucket_is_named_in_every_form() {
    check(
        "GET s3.eu-west-1.amazonaws.com /reports/a%20b",
        S3,
        "reports",
        Basis::Allow,
    );
    check(
        "GET s3.eu-west-1.amazonaws.com /rep%6Frts",
        S3,
        "reports",
        Basis::Allow,
    );
    check(
        "GET reports.s3.eu-west-1.amazonaws.com /a",
        S3,
        "reports",
        Basis::Allow,
    );
    check(
        "GET s3.eu-west-1.amazonaws.com /secret/a",
        S3,
        "secret",
        Basis::Rule(1),
    );
    check(
        "GET files.example.com /reports/a",
        S3,
        "reports",
        Basis::Rule(2),
    );
    check("GET s3.eu-west-1.amazonaws.com /", S3, "", Basis::Allow);
    // What a copy comes from is not what it is for.
    let copy = "PUT s3.eu-west-1.amazonaws.com /reports/a\nx-amz-copy-source: /other/a";
    check(copy, S3, "reports", Basis::Allow);
}

#[test]
fn what_is_no_bucket_is_not_called_one() {
    for path in [
        "/a%20role=audit/x",
        "/%0asigned%20reason=x/x",
        "/..",
        "/%ff/x",
    ] {
        check(
            &format!("GET s3.eu-west-1.amazonaws.com {path}"),
            S3,
            "?",
            Basis::Rule(1),
        );
    }
}

#[test]
fn of_hosts_that_are_not_aws_nothing_is_worked_out() {
    let headers = headers("GET example.org /x");
    let decided = decide_in_full(&config(r#", "allow": "*""#), head(&headers));
    assert_eq!(decided, Decision::LeaveAlone(LeftAlone::NotAws).into());
}
