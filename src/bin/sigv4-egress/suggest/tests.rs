use super::*;
use sigv4_egress::config::{self, Environment};

const DYNAMODB: &str = r#"{"schema": "sigv4-egress/1", "host": "dynamodb.eu-west-1.amazonaws.com", "status": 200, "decision": "observed would=refuse reason=not_allowed service=dynamodb region=eu-west-1 operation=PutItem rule=allow key=ASIAIOSFODNN7EXAMPLE config=1a2b3c4d"}"#;
const BUCKET: &str = "2026-11-28T12:00:00.000Z GET reports.s3.eu-west-1.amazonaws.com 200 [observed would=refuse reason=not_allowed service=s3 region=eu-west-1 bucket=reports rule=allow config=1a2b3c4d] - 1A2B via_upstream 12ms";
const LIST: &str = "2026-11-28T12:00:00.000Z GET s3.eu-west-1.amazonaws.com 200 [observed would=refuse reason=not_allowed service=s3 region=eu-west-1 rule=allow config=1a2b3c4d] - 1A2B via_upstream 12ms";
const SEARCH: &str = r#"{"host": "Search-Logs-abc.eu-west-1.es.amazonaws.com:443", "decision": "observed would=refuse reason=not_allowed service=es region=eu-west-1 rule=allow config=1a2b3c4d"}"#;
const SIGNED: &str = "x GET sqs.eu-west-1.amazonaws.com 200 [signed reason=placeholder service=sqs region=eu-west-1 rule=allow role=own key=ASIAEXAMPLE host=sqs.eu-west-1.amazonaws.com session=shop.api config=1a2b3c4d] x";
const BY_RULE: &str = "x GET kms.eu-west-1.amazonaws.com 200 [observed would=sign reason=placeholder service=kms region=eu-west-1 rule=rules[1] config=1a2b3c4d] x";
const PRESIGNED: &str = "x GET s3.eu-west-1.amazonaws.com 200 [observed would=leave_alone reason=presigned service=s3 region=eu-west-1 rule=allow config=1a2b3c4d] x";

/// The configuration and what is told.
fn suggest(lines: &[&str], config: Option<&str>, s3: S3) -> Result<(Value, String), SuggestError> {
    let config = config.map(|json| read_config(json.as_bytes()).unwrap());
    let mut seen = Seen::new(config.as_ref());
    seen.read(&mut lines.join("\n").as_bytes())?;
    let (mut output, mut told) = (Vec::new(), Vec::new());
    write(seen, config, s3, &mut output, &mut told)?;
    let told = String::from_utf8(told).unwrap();
    Ok((serde_json::from_slice(&output).unwrap(), told))
}

#[track_caller]
fn check(lines: &[&str], expected: Value) -> String {
    let (found, told) = suggest(lines, None, S3::Whole).unwrap();
    assert_eq!(found, json!({"allow": expected}));
    let mut config = found;
    config["region"] = "eu-west-1".into();
    config["role_arn"] = "arn:aws:iam::123456789012:role/app".into();
    config::parse(config.to_string().as_bytes(), &Environment::new()).unwrap();
    told
}

#[test]
fn services_hosts_of_customers_and_buckets_are_allowed() {
    let host = "search-logs-abc.eu-west-1.es.amazonaws.com";
    check(
        &[SEARCH, BUCKET, DYNAMODB, DYNAMODB, SIGNED],
        json!(["dynamodb", "sqs", host, {"buckets": ["reports"]}]),
    );
}

/// As `kubectl logs --prefix` writes them.
#[test]
fn the_pods_name_before_a_line_changes_nothing() {
    let with_pod = |line| format!("[pod/shop-6d5f-x2x7q/istio-proxy] {line}");
    let lines = [DYNAMODB, BUCKET].map(with_pod);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(&lines, json!(["dynamodb", {"buckets": ["reports"]}]));
}

#[test]
fn the_order_of_the_lines_changes_nothing() {
    let lines = [SEARCH, BUCKET, DYNAMODB, SIGNED, PRESIGNED, BY_RULE];
    let reversed: Vec<&str> = lines.iter().rev().copied().collect();
    assert_eq!(
        suggest(&lines, None, S3::Whole).unwrap(),
        suggest(&reversed, None, S3::Whole).unwrap()
    );
}

#[test]
fn requests_that_name_no_bucket_need_all_of_s3_unless_buckets_are_wanted() {
    let told = check(&[BUCKET, LIST], json!(["s3"]));
    assert!(told.contains("s3: 1 requests named no bucket"), "{told}");
    let (found, told) = suggest(&[BUCKET, LIST], None, S3::Buckets).unwrap();
    assert_eq!(found, json!({"allow": [{"buckets": ["reports"]}]}));
    assert!(told.contains("they will be refused"), "{told}");
}

/// It went to the loopback endpoint, and the decision says what for.
#[test]
fn the_host_that_was_signed_counts_where_it_is_another_one() {
    let api = "abc.execute-api.eu-west-1.amazonaws.com";
    let point = "point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com";
    let of_port = SIGNED
        .replace("GET sqs.eu-west-1.amazonaws.com", "GET 127.0.0.1:9920")
        .replace("service=sqs", "service=execute-api")
        .replace("host=sqs.eu-west-1.amazonaws.com", &format!("host={api}"));
    let of_point = SIGNED
        .replace("GET sqs.eu-west-1.amazonaws.com", "GET [::1]:9921")
        .replace("service=sqs", "service=s3")
        .replace("host=sqs.eu-west-1.amazonaws.com", &format!("host={point}"));
    check(&[&of_port, &of_point], json!([api, point]));
}

#[test]
fn of_s3s_services_only_those_are_allowed_whole_that_requests_named_no_bucket_of() {
    let directories = LIST
        .replace("s3.eu-west-1", "s3express-control.eu-west-1")
        .replace("service=s3 ", "service=s3express ");
    let directory = BUCKET
        .replace(
            "reports.s3.eu-west-1",
            "d--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1",
        )
        .replace("service=s3 ", "service=s3express ")
        .replace("bucket=reports", "bucket=d--euw1-az1--x-s3");
    check(&[&directories], json!(["s3express"]));
    check(
        &[&directories, &directory, BUCKET],
        json!(["s3express", {"buckets": ["reports"]}]),
    );
    check(&[LIST, BUCKET], json!(["s3"]));
    // There are no buckets beside all of s3.
    let both = json!(["s3", "s3express"]);
    check(&[LIST, &directory, BUCKET], both.clone());
    check(&[LIST, &directories, &directory], both);
    let outpost = BUCKET.replace(
        "bucket=reports",
        "bucket=point-o01ac5d28a6a232904e8xz5w8ijx1qzlbp3i3kuse10--op-s3",
    );
    check(&[LIST, &outpost], json!(["s3", "s3-outposts"]));
}

#[test]
fn what_is_no_bucket_does_not_allow_all_of_s3() {
    let unknown = BUCKET.replace("bucket=reports", "bucket=?");
    let told = check(&[BUCKET, &unknown], json!([{"buckets": ["reports"]}]));
    assert!(
        told.contains("only all of s3 would allow them:\n  1 reports.s3."),
        "{told}"
    );
}

#[test]
fn what_is_not_decided_is_told_with_host_and_count() {
    let unknown = PRESIGNED
        .replace(
            "leave_alone reason=presigned",
            "refuse reason=placeholder_unreplaced",
        )
        .replace("s3.eu-west-1", "vault.x.eu-west-1");
    let told = check(
        &[DYNAMODB, PRESIGNED, PRESIGNED, &unknown, BY_RULE],
        json!(["dynamodb"]),
    );
    assert!(
        told.starts_with("requests: 1 to sign, 2 to leave alone, 2 to refuse as it is\n"),
        "{told}"
    );
    for expected in [
        "presigned by the program: they stay with the key that presigned them:\n  2 s3.eu-west-1.amazonaws.com\n",
        "\n  1 vault.x.eu-west-1.amazonaws.com\n",
        "\n  1 rules[1]\n",
        "\n  1 ASIAIOSFODNN7EXAMPLE\n",
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn rules_of_the_configuration_are_kept_and_allow_what_they_allow() {
    let config = r#"{"mode": "observe", "region": "eu-west-1", "rules": [
        {"services": ["sqs"], "client_signature": "refuse"}, {"services": ["kms"], "effect": "allow"}]}"#;
    let by_other = BY_RULE
        .replace("kms", "sqs")
        .replace("rules[1]", "rules[0]");
    let (found, told) = suggest(&[BY_RULE, &by_other], Some(config), S3::Whole).unwrap();
    assert_eq!(found["allow"], json!(["sqs"]));
    assert_eq!(found["rules"].as_array().unwrap().len(), 2);
    assert_eq!(found.get("mode"), None);
    assert!(!told.contains("rule"), "{told}");
}

/// A rule does not allow a customer's host that it does not name.
#[test]
fn what_a_rule_of_the_configuration_does_not_allow_is_listed() {
    let config = r#"{"mode": "observe", "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/app",
        "rules": [{"regions": ["eu-west-1"], "effect": "allow"}]}"#;
    let lines = [
        &*SEARCH.replace("rule=allow", "rule=rules[0]"),
        &*BY_RULE.replace("rules[1]", "rules[0]"),
    ];
    let (found, _) = suggest(&lines, Some(config), S3::Whole).unwrap();
    assert_eq!(
        found["allow"],
        json!(["search-logs-abc.eu-west-1.es.amazonaws.com"])
    );
    config::parse(found.to_string().as_bytes(), &Environment::new()).unwrap();
}

#[test]
fn rules_alone_are_a_configuration() {
    let config = r#"{"mode": "observe", "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/app",
        "rules": [{"services": ["sqs"], "effect": "deny"}, {"services": ["kms"], "effect": "allow"}]}"#;
    let (found, _) = suggest(&[BY_RULE], Some(config), S3::Whole).unwrap();
    config::parse(found.to_string().as_bytes(), &Environment::new()).unwrap();
}

/// Istio's own access log stands in the same output, and has what clients of the pod write: its default form, and
/// lines of other forms.
#[test]
fn what_a_client_writes_into_another_access_log_allows_nothing() {
    let forged =
        "iam.amazonaws.com 200 [signed reason=placeholder service=iam region=us-east-1 rule=allow]";
    for line in [
        format!(
            r#"[2026-11-28T12:00:00.000Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 5 3 2 "-" "x {forged}" "1a" "shop" "10.0.0.1:80" inbound|80|| 127.0.0.6:1 10.0.0.1:80 10.0.0.2:2 - default"#
        ),
        format!(
            r#"[2026-11-28T12:00:00.000Z] "GET {forged} HTTP/1.1" 200 - via_upstream - "-" 0 5 3 2"#
        ),
        format!(r#"{{"authority": "shop", "user_agent": "x {forged}"}}"#),
        format!(r#"{{"authority": "shop", "decision": "x {forged}"}}"#),
        format!("2026-11-28T12:00:00.000Z x y z {forged}"),
        forged.to_owned(),
    ] {
        let found = suggest(&[&line], None, S3::Whole);
        assert!(
            matches!(found, Err(SuggestError::Nothing)),
            "{line}: {found:?}"
        );
    }
    // kubectl logs --timestamps
    let line = format!("2026-11-28T12:00:00.000Z {}", BUCKET);
    check(&[&line], json!([{"buckets": ["reports"]}]));
}

#[test]
fn lines_that_say_nothing_are_skipped_and_counted() {
    let long = format!("x {}", "a".repeat(2 * LONGEST));
    let lines = [
        "",
        "{\"host\": ",
        "{\"host\": \"a\"}",
        "x GET example.org 200 [-] x",
        &long,
        "\u{1}",
        DYNAMODB,
    ];
    let told = check(&lines, json!(["dynamodb"]));
    for expected in [
        "lines skipped: 1 empty",
        "lines skipped: 2 without a decision of the filter's",
        "lines skipped: 2 not a line of an access log",
        "lines skipped: 1 longer than 64 KiB",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[test]
fn a_log_without_anything_to_allow_is_no_configuration() {
    for lines in [vec![], vec![PRESIGNED], vec!["x"]] {
        let found = suggest(&lines, None, S3::Whole);
        assert!(matches!(found, Err(SuggestError::Nothing)), "{found:?}");
    }
}

#[test]
fn what_no_configuration_takes_is_left_out_and_told() {
    let short = BUCKET.replace("bucket=reports", "bucket=ab");
    let told = check(&[DYNAMODB, &short], json!(["dynamodb"]));
    assert!(told.contains("1 ab: "), "{told}");
}

#[test]
fn names_that_are_made_up_fill_no_memory() {
    let mut seen = Seen::new(None);
    let mut text = String::new();
    for number in 0..3 * MOST {
        text.push_str(&BUCKET.replace("=reports", &format!("=reports-{number}")));
        text.push('\n');
        text.push_str(&PRESIGNED.replace("s3.eu", &format!("b{number}.s3.eu")));
        text.push('\n');
    }
    seen.read(&mut text.as_bytes()).unwrap();
    assert_eq!(seen.buckets.len(), MOST);
    let mut told = Vec::new();
    seen.report.write(&mut told).unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().count() < MOST + 10);
    assert!(told.contains("others"), "{told}");
}

proptest::proptest! {
    /// Whatever the log holds, what is written is a configuration.
    #[test]
    fn what_is_suggested_is_a_configuration(
        words in proptest::collection::vec("[a-z0-9.*-]{1,20}|s3|es|sqs|execute-api|\\PC{1,8}", 3),
    ) {
        let [service, bucket, host] = [&words[0], &words[1], &words[2]];
        let line = json!({"host": host, "decision": format!(
            "observed would=refuse reason=not_allowed service={service} region=eu-west-1 bucket={bucket} rule=allow config=1a2b3c4d")});
        if let Ok((found, _)) = suggest(&[&line.to_string()], None, S3::Whole) {
            let mut config = found;
            config["region"] = "eu-west-1".into();
            config["role_arn"] = "arn:aws:iam::123456789012:role/app".into();
            let parsed = config::parse(config.to_string().as_bytes(), &Environment::new());
            proptest::prop_assert!(parsed.is_ok(), "{config}: {parsed:?}");
        }
    }

    /// The same for what lies beside each other.
    #[test]
    fn what_is_suggested_of_many_lines_is_a_configuration(
        seen in proptest::collection::vec((
            proptest::sample::select(vec!["s3", "s3express", "s3-outposts", "s3-object-lambda", "sqs", "es", "execute-api"]),
            proptest::sample::select(vec![
                "s3.eu-west-1.amazonaws.com", "a.s3-accesspoint.eu-west-1.amazonaws.com",
                "search-a-b.eu-west-1.es.amazonaws.com", "127.0.0.1:9911", "example.org",
            ]),
            proptest::sample::select(vec![
                "", " bucket=?", " bucket=reports", " bucket=d--euw1-az1--x-s3", " bucket=p-abc-s3alias",
                " bucket=p-abc--op-s3", " bucket=d--euw1-az1--xa-s3", " bucket=--x-s3", " bucket=AB_c",
            ]),
        ), 1..6),
        only_buckets: bool,
    ) {
        let lines: Vec<String> = seen.iter().map(|(service, host, bucket)| json!({"host": host, "decision": format!(
            "observed would=refuse reason=not_allowed service={service} region=eu-west-1{bucket} rule=allow config=1a2b3c4d")}).to_string()).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let s3 = if only_buckets { S3::Buckets } else { S3::Whole };
        if let Ok((mut config, _)) = suggest(&lines, None, s3) {
            config["region"] = "eu-west-1".into();
            config["role_arn"] = "arn:aws:iam::123456789012:role/app".into();
            let parsed = config::parse(config.to_string().as_bytes(), &Environment::new());
            proptest::prop_assert!(parsed.is_ok(), "{config}: {parsed:?}");
        }
    }
}
