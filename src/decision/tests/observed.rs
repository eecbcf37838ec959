//! `"mode": "observe"`.

use super::*;
use crate::report::access_log;

const SCOPED: &str = "authorization: AWS4-HMAC-SHA256 Credential=KEY/20261128/eu-west-1/SERVICE/aws4_request, \
     SignedHeaders=host, Signature=00";

/// No role, and nothing that leads to one.
fn observing(extra: &str) -> Config {
    let json =
        format!(r#"{{"mode": "observe", "region": "eu-west-1", "clusters": ["aws"] {extra}}}"#);
    match config::parse(json.as_bytes(), &Default::default()) {
        Ok(Plugin::Downstream(config)) => *config,
        other => panic!("{other:?}"),
    }
}

fn signed_with(key: &str, service: &str) -> String {
    SCOPED.replace("KEY", key).replace("SERVICE", service)
}

/// The line of the access log.
fn line(extra: &str, request: &str) -> Option<String> {
    let headers = headers(request);
    let decided = decide_in_full(&observing(extra), head(&headers));
    match decided.decision {
        Decision::Observe(observed) => access_log::observed(observed, &decided.about, "1a2b3c4d"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_line(extra: &str, request: &str, expected: &str) {
    let line = line(extra, request).unwrap();
    assert_eq!(line, format!("observed would={expected} config=1a2b3c4d"));
}

#[test]
fn without_a_list_nothing_is_allowed_and_the_line_says_what_to_allow() {
    let dynamodb = format!(
        "POST dynamodb.eu-west-1.amazonaws.com /\nx-amz-target: DynamoDB_20120810.PutItem\n{}",
        signed_with("placeholder", "dynamodb")
    );
    check_line(
        "",
        &dynamodb,
        "refuse reason=not_allowed service=dynamodb region=eu-west-1 operation=PutItem rule=allow",
    );
    check_line(
        "",
        "GET s3.eu-west-1.amazonaws.com /reports/a",
        "refuse reason=not_allowed service=s3 region=eu-west-1 bucket=reports rule=allow",
    );
}

/// Once the program has a placeholder, it has one of the filter's.
#[test]
fn where_rules_name_placeholders_a_real_key_stands_for_the_filters_own() {
    let rules = r#", "allow": ["sqs"], "roles": {"audit": {"role_arn": "arn:aws:iam::123456789012:role/audit"}},
        "rules": [{"placeholders": ["placeholder-audit"], "role": "audit"}]"#;
    let signed = |key: &str| {
        let signature = signed_with(key, "sqs");
        format!("GET sqs.eu-west-1.amazonaws.com /\n{signature}")
    };
    let expected =
        format!("sign reason=placeholder service=sqs region=eu-west-1 rule=allow key={REAL}");
    check_line(rules, &signed(REAL), &expected);
    check_line(
        rules,
        &signed("placeholder-typo"),
        "refuse reason=placeholder_not_listed service=sqs region=eu-west-1 rule=none",
    );
}

/// A request that names no bucket at all is another one.
#[test]
fn what_stands_in_a_buckets_place_and_is_none_is_told_from_nothing() {
    for path in [
        "/re%20ports/a",
        "/%ff",
        "/../a",
        "/arn:aws:s3:eu-west-1:123456789012:accesspoint/reports/a",
    ] {
        check_line(
            "",
            &format!("GET s3.eu-west-1.amazonaws.com {path}"),
            "refuse reason=not_allowed service=s3 region=eu-west-1 bucket=? rule=allow",
        );
    }
    for request in [
        "GET s3.eu-west-1.amazonaws.com /",
        "GET point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com /a",
    ] {
        check_line(
            "",
            request,
            "refuse reason=not_allowed service=s3 region=eu-west-1 rule=allow",
        );
    }
}

#[test]
fn a_real_key_is_judged_as_a_placeholder_and_named() {
    let allow = r#", "allow": ["sqs", "s3"]"#;
    let sqs = format!(
        "GET sqs.eu-west-1.amazonaws.com /?Action=ListQueues&Version=2012-11-05\n{}",
        signed_with(REAL, "sqs")
    );
    let expected = format!(
        "sign reason=placeholder service=sqs region=eu-west-1 operation=ListQueues rule=allow key={REAL}"
    );
    check_line(allow, &sqs, &expected);
    // What placeholders cannot do.
    let unknown = format!(
        "GET vault.unheard-of.eu-west-1.amazonaws.com /\n{}",
        signed_with(REAL, "s3")
    );
    let found = line(allow, &unknown).unwrap();
    assert!(
        found.starts_with("observed would=refuse reason=placeholder_unreplaced"),
        "{found}"
    );
    // A host of somebody else's that takes SigV4 must be named in a rule.
    let other = format!(
        "GET api.example.com /\n{}",
        signed_with(REAL, "execute-api")
    );
    let expected = format!("leave_alone reason=not_aws rule=none key={REAL}");
    check_line(allow, &other, &expected);
}

#[test]
fn the_rest_is_judged_as_it_would_be() {
    let rules = r#", "allow": ["s3"], "rules": [{"services": ["sqs"], "effect": "deny"}]"#;
    let presigned = format!(
        "GET s3.eu-west-1.amazonaws.com /reports/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={REAL}%2F20261128%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00"
    );
    check_line(
        rules,
        &presigned,
        "leave_alone reason=presigned service=s3 region=eu-west-1 bucket=reports rule=allow",
    );
    check_line(
        rules,
        "POST sqs.eu-west-1.amazonaws.com /",
        "refuse reason=denied service=sqs region=eu-west-1 rule=rules[0]",
    );
    assert_eq!(line(rules, "GET example.org /"), None);
}

#[test]
fn whatever_a_request_is_it_goes_on_and_what_would_become_of_it_is_what_would() {
    let extra =
        r#", "allow": ["s3", "dynamodb"], "rules": [{"services": ["sqs"], "effect": "deny"}]"#;
    for request in [
        "GET s3.eu-west-1.amazonaws.com /reports/a",
        "PUT s3.eu-west-1.amazonaws.com /reports/a\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "POST dynamodb.eu-west-1.amazonaws.com /\ncontent-length: 9999999",
        "POST sqs.eu-west-1.amazonaws.com /",
        "POST kms.eu-west-1.amazonaws.com /",
        "CONNECT s3.eu-west-1.amazonaws.com:443 /",
        "GET a.b.s3.eu-west-1.amazonaws.com /",
        "GET bad_host.amazonaws.com /",
        "GET s3.eu-west-1.amazonaws.com /\nauthorization: AWS4-HMAC-SHA256 nonsense",
        "GET example.org /",
    ] {
        let headers = headers(request);
        let enforcing = Config {
            mode: Mode::Enforce,
            ..observing(extra)
        };
        let enforced = decide(&enforcing, head(&headers));
        assert!(!matches!(enforced, Decision::Observe(_)));
        let expected = enforced.observed();
        assert_eq!(
            decide(&observing(extra), head(&headers)),
            expected,
            "{request}"
        );
    }
}

/// As they are, they lead nowhere.
#[test]
fn what_comes_to_the_loopback_endpoint_is_answered() {
    let config = observing(r#", "allow": ["sqs"]"#);
    let reason = |service: &str| {
        let request = format!("POST 127.0.0.1 /\n{}", signed_with("placeholder", service));
        word(&decide_as(&config, Some("aws"), &request))
    };
    assert_eq!(reason("sqs"), "refused: left_alone_at_loopback");
    assert_eq!(reason("kms"), "refused: not_allowed");
    let elsewhere = decide_as(&config, Some("other"), "GET 127.0.0.1 /");
    assert_eq!(word(&elsewhere), "would_leave_alone: not_aws");
}

#[test]
fn what_a_client_calls_an_operation_makes_no_word_of_the_line() {
    for target in [
        "A.b role=x",
        "A.",
        "A.b\u{e9}",
        &format!("A.{}", "b".repeat(200)),
    ] {
        let request = format!("GET dynamodb.eu-west-1.amazonaws.com /\nx-amz-target: {target}");
        let found = line("", &request).unwrap();
        assert!(!found.contains("operation="), "{found}");
        assert!(!found.contains("role="), "{found}");
    }
}
