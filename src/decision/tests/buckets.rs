//! Every form that S3 has for a bucket's name, against rules of each kind.

use super::*;
use crate::bucket;
use proptest::prelude::*;

/// Hosts that take a bucket in the path, and in front of themselves.
const HOSTS: &[&str] = &[
    "s3.eu-west-1.amazonaws.com",
    "s3.us-east-1.amazonaws.com:443",
    "s3.dualstack.eu-west-1.amazonaws.com",
    "s3-fips.us-east-1.amazonaws.com",
    "s3-fips.dualstack.us-east-1.amazonaws.com",
    "s3-eu-west-1.amazonaws.com",
    "s3-fips-us-gov-west-1.amazonaws.com",
    "s3.amazonaws.com",
    "s3-external-1.amazonaws.com",
    "s3.eu-west-1.api.aws",
    "s3.cn-north-1.amazonaws.com.cn",
    "s3.dualstack.cn-north-1.amazonaws.com.cn",
    "s3.us-gov-west-1.amazonaws.com",
    "s3.us-iso-east-1.c2s.ic.gov",
    "s3.us-isob-east-1.sc2s.sgov.gov",
    "s3.eusc-de-east-1.amazonaws.eu",
    "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
    "bucket.vpce-1a2b3c4d-5e6f-us-east-1a.s3.us-east-1.vpce.amazonaws.com",
];

/// Hosts that take a bucket in front of themselves alone.
const VIRTUAL_HOSTS: &[&str] = &[
    "s3-accelerate.amazonaws.com",
    "s3-accelerate.dualstack.amazonaws.com",
    "s3express-euw1-az1.eu-west-1.amazonaws.com",
    "s3express-euw1-az1.dualstack.eu-west-1.amazonaws.com",
];

const LOOPBACK: &[&str] = &["127.0.0.1:9911", "localhost:9911", "[::1]:9911"];

/// A bucket's name with some of its characters percent-encoded.
fn encoded(name: &str, which: u64) -> String {
    let encode = |(place, byte): (usize, u8)| match (which >> (place % 64)) & 1 {
        1 => format!("%{byte:02X}"),
        _ => char::from(byte).to_string(),
    };
    name.bytes().enumerate().map(encode).collect()
}

/// Requests that are for a bucket, in every form.
fn requests(name: &str, which: u64) -> Vec<String> {
    let other = encoded(name, which);
    let mut requests = Vec::new();
    for host in HOSTS {
        for path in [
            format!("/{name}"),
            format!("/{name}/key"),
            format!("/{name}?list-type=2&prefix=other"),
            format!("/{other}/other-bucket/key"),
            format!("//{other}/key"),
            format!("/%2f{other}%2Fkey"),
        ] {
            requests.push(format!("GET {host} {path}"));
        }
    }
    for host in HOSTS.iter().chain(VIRTUAL_HOSTS) {
        for path in ["/", "/other-bucket/key", "/?acl"] {
            requests.push(format!("GET {name}.{host} {path}"));
        }
    }
    for (host, region) in LOOPBACK
        .iter()
        .zip(["eu-west-1", "cn-north-1", "us-gov-east-1"])
    {
        let signed = signed_by("placeholder", "s3").replace("eu-west-1", region);
        requests.push(format!("GET {host} /{name}/key\n{signed}"));
        requests.push(format!("DELETE {host} /{other}\n{signed}"));
        requests.push(format!(
            "GET {host} /v20180820/bucket/{other}/policy\n{signed}\nx-amz-account-id: 123456789012"
        ));
    }
    let control = "123456789012.s3-control.eu-west-1.amazonaws.com";
    requests.push(format!("GET {control} /v20180820/bucket/{name}"));
    requests.push(format!(
        "GET {control} /v20180820/accesspoint?bucket={other}"
    ));
    requests.push(format!(
        "GET {control} /v20180820/accessgrantsinstance/dataaccess?target=s3%3A%2F%2F{other}%2F*"
    ));
    requests
}

/// Copies from one bucket to another, in every form.
fn copies(from: &str, to: &str, which: u64) -> Vec<String> {
    let other = encoded(from, which);
    let signed = signed_by("placeholder", "s3");
    let mut copies = Vec::new();
    for source in [
        format!("{from}/key"),
        format!("/{from}/key"),
        format!("{other}/key?versionId=1"),
        format!("%2F{other}%2Fkey"),
        format!("arn:aws:s3:::{from}/key"),
    ] {
        for request in [
            format!("GET s3.eu-west-1.amazonaws.com /{to}/key"),
            format!("GET {to}.s3.amazonaws.com /{to}"),
            format!("GET 127.0.0.1:9911 /{to}/key\n{signed}"),
        ] {
            copies.push(format!("{request}\nx-amz-copy-source: {source}"));
        }
    }
    copies
}

fn config_with(allow: &str, rules: &str) -> Config {
    config(&format!(
        r#", "allow": {allow}, "rules": [{rules}],
            "roles": {{"audit": {{"role_arn": "arn:aws:iam::123456789012:role/audit"}}}}"#
    ))
}

/// What is decided, in a word or two.
fn outcome(config: &Config, request: &str) -> String {
    match decide_as(config, Some("aws"), request) {
        Decision::LeaveAlone(why) => format!("left alone: {why:?}"),
        Decision::Observe(_) | Decision::Exchange(_) => unreachable!(),
        Decision::Refuse(Refusal::Denied { rule, .. }, _) => format!("denied by {rule}"),
        Decision::Refuse(refusal, _) => refusal.reason().word().to_owned(),
        Decision::Sign(plan) => format!("signed by {}", config.roles.get(plan.role).unwrap().name),
    }
}

/// What is decided in the end where the policy lets `expected` be: a bucket with dots before S3's host is not signed for.
fn in_the_end(expected: &'static str, request: &str, bucket: &str) -> &'static str {
    let is_before = request.contains(&format!(" {bucket}."));
    let has_dots = bucket.contains('.') && !request.contains("s3express");
    match is_before && has_dots && expected.starts_with("signed") {
        true => "dotted_bucket",
        false => expected,
    }
}

fn name() -> impl Strategy<Value = String> {
    let part = "[a-z0-9][a-z0-9-]{1,12}[a-z0-9]";
    proptest::collection::vec(part, 1..3)
        .prop_map(|parts| parts.join("."))
        .prop_filter("an alias is no bucket", |name| !bucket::is_alias(name))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_bucket_is_found_in_every_form(name in name(), other in name(), which: u64) {
        prop_assume!(name != other && !other.starts_with(&name[..3]));
        let prefix = &name[..3];
        let configs = [
            (config_with(r#""*""#, &format!(r#"{{"buckets": ["{name}"], "effect": "deny"}}"#)), "denied by 0"),
            (config_with(r#""*""#, &format!(r#"{{"buckets": ["{prefix}*"], "effect": "deny"}}"#)), "denied by 0"),
            (config_with(r#""*""#, &format!(r#"{{"buckets": ["{other}", "{other}*"], "effect": "deny"}}"#)), "signed by own"),
            (config_with(r#""*""#, &format!(r#"{{"buckets": ["{name}"], "role": "audit"}}"#)), "signed by audit"),
            (config_with(r#""*""#, &format!(r#"{{"buckets": ["{other}"], "role": "audit"}}"#)), "signed by own"),
            (config_with(&format!(r#"["sqs", {{"buckets": ["{name}"]}}]"#), ""), "signed by own"),
            (config_with(&format!(r#"["sqs", {{"buckets": ["{other}", "{other}*"]}}]"#), ""), "not_allowed"),
            (config_with(r#"["sqs"]"#, &format!(r#"{{"buckets": ["{prefix}*"], "effect": "allow"}}"#)), "signed by own"),
        ];
        let leave_alone = config_with(r#""*""#, &format!(r#"{{"buckets": ["{name}"], "effect": "leave_alone"}}"#));
        for request in requests(&name, which) {
            for (config, expected) in &configs {
                let expected = in_the_end(expected, &request, &name);
                prop_assert_eq!(outcome(config, &request), expected, "{} {:?}", request, config.policy.rules());
            }
            let at_loopback = LOOPBACK.iter().any(|host| request.contains(host));
            let expected = if at_loopback { "left_alone_at_loopback" } else { "left alone: Rule" };
            prop_assert_eq!(outcome(&leave_alone, &request), expected, "{}", request);
        }
    }

    #[test]
    fn both_buckets_of_a_copy_are_found_in_every_form(from in name(), to in name(), other in name(), which: u64) {
        prop_assume!(from != to && from != other && to != other);
        let rule = |bucket: &str, says: &str| format!(r#"{{"buckets": ["{bucket}"], {says}}}"#);
        let deny = r#""effect": "deny""#;
        let audit = r#""role": "audit""#;
        let leave_alone = r#""effect": "leave_alone""#;
        let cases = [
            (r#""*""#.to_owned(), rule(&from, deny), "denied by 0"),
            (r#""*""#.to_owned(), rule(&to, deny), "denied by 0"),
            (r#""*""#.to_owned(), rule(&other, deny), "signed by own"),
            (r#""*""#.to_owned(), rule(&from, audit), "buckets_of_different_roles"),
            (r#""*""#.to_owned(), rule(&to, audit), "buckets_of_different_roles"),
            (r#""*""#.to_owned(), rule(&from, leave_alone), "buckets_of_different_roles"),
            (r#""*""#.to_owned(), format!(r#"{{"buckets": ["{from}", "{to}"], {audit}}}"#), "signed by audit"),
            (format!(r#"[{{"buckets": ["{to}"]}}]"#), String::new(), "not_allowed"),
            (format!(r#"[{{"buckets": ["{from}"]}}]"#), String::new(), "not_allowed"),
            (format!(r#"[{{"buckets": ["{from}", "{to}"]}}]"#), String::new(), "signed by own"),
        ];
        for (allow, rule, expected) in cases {
            let config = config_with(&allow, &rule);
            for copy in copies(&from, &to, which) {
                let expected = in_the_end(expected, &copy, &to);
                prop_assert_eq!(outcome(&config, &copy), expected, "{} {}", copy, rule);
            }
        }
    }

    /// Whatever stands in the path, a bucket that could be meant is not signed for.
    #[test]
    fn no_bytes_in_a_path_get_around_a_denial(
        before in proptest::collection::vec(any::<u8>(), 0..4),
        behind in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let config = config_with(r#""*""#, r#"{"buckets": ["secret"], "effect": "deny"}"#);
        // What S3 could take for the slash before a bucket, and the one behind it.
        let path = [b"/", &*before, b"/secret/", &*behind].concat();
        let headers: Vec<Header<'_>> = vec![
            (":method", b"GET"),
            (":authority", b"s3.eu-west-1.amazonaws.com"),
            (":path", &path),
        ];
        let head = Head { headers: &headers, cluster: &|| Some("aws".to_owned()), port: &|| None, over_tls: &|| false, route_metadata: NO_ROUTE_METADATA, own_keys: &OwnKeys::default, end_of_stream: true };
        let decision = decide(&config, head);
        let is_slashes = before.iter().all(|byte| *byte == b'/');
        let is_denied = matches!(&decision, Decision::Refuse(Refusal::Denied { .. }, _));
        // Otherwise the bucket is what stands there first, if anything could be called so.
        let first: Vec<u8> = before.iter().copied().skip_while(|byte| *byte == b'/').take_while(|byte| !b"/?".contains(byte)).collect();
        let is_name = first.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte)) && first.iter().any(|byte| *byte != b'.');
        let is_query = first.is_empty() && !is_slashes;
        prop_assert!(is_denied || is_name || is_query || first.contains(&b'%'), "{decision:?} {}", path.escape_ascii());
        prop_assert!(!is_slashes || is_denied, "{}", path.escape_ascii());
    }
}

#[test]
fn requests_without_a_bucket_are_for_other_rules_and_the_allow_list() {
    let deny = config_with(r#""*""#, r#"{"buckets": ["secret"], "effect": "deny"}"#);
    let listed = config_with(r#"[{"buckets": ["reports"]}]"#, "");
    for request in [
        "GET s3.eu-west-1.amazonaws.com /".to_owned(),
        "GET s3.eu-west-1.amazonaws.com /?max-buckets=3".to_owned(),
        "GET 1.s3-control.eu-west-1.amazonaws.com /v20180820/jobs".to_owned(),
        format!("GET 127.0.0.1:9911 /\n{}", signed_by("placeholder", "s3")),
    ] {
        assert_eq!(outcome(&deny, &request), "signed by own", "{request}");
        assert_eq!(outcome(&listed, &request), "not_allowed", "{request}");
    }
}

#[track_caller]
fn check_answer(config: &Config, request: &str, error: &str, help: &str) {
    let Decision::Refuse(refusal, ErrorFormat::S3) = decide_as(config, Some("aws"), request) else {
        panic!("{request}");
    };
    assert_eq!(refusal.to_string(), error);
    assert_eq!(refusal.help(), help);
}

#[test]
fn an_answer_says_what_of_the_request_is_refused_and_what_to_name() {
    let deny = config_with(r#""*""#, r#"{"buckets": ["secret"], "effect": "deny"}"#);
    let s3 = "s3.eu-west-1.amazonaws.com";
    check_answer(
        &deny,
        &format!("GET {s3} /secret/k"),
        "rules[0] denies requests to s3.eu-west-1.amazonaws.com for the bucket secret",
        "Call something else, or change rules[0] in the filter's configuration.",
    );
    check_answer(
        &deny,
        "GET ap-1.s3-accesspoint.eu-west-1.amazonaws.com /k",
        "rules[0] denies requests to ap-1.s3-accesspoint.eu-west-1.amazonaws.com for an access point (whose bucket is not known)",
        "If it leads to another bucket, add a rule before rules[0] that names its host: \
         {\"hosts\": [\"ap-1.s3-accesspoint.eu-west-1.amazonaws.com\"], \"effect\": \"allow\"}.",
    );
    check_answer(
        &deny,
        &format!("GET {s3} /ap-s3alias/k"),
        "rules[0] denies requests to s3.eu-west-1.amazonaws.com for the access point ap-s3alias (whose bucket is not known)",
        "If it leads to another bucket, add a rule before rules[0] that names it: {\"buckets\": [\"ap-s3alias\"], \"effect\": \"allow\"}.",
    );
    check_answer(
        &deny,
        &format!("GET {s3} /%/k"),
        "rules[0] denies requests to s3.eu-west-1.amazonaws.com for a bucket whose name cannot be read",
        "Send the bucket's name as the S3 documentation shows it.",
    );
    let listed = config_with(r#"[{"buckets": ["reports"]}]"#, "");
    check_answer(
        &listed,
        &format!("GET {s3} /other/k"),
        "requests to s3.eu-west-1.amazonaws.com for the bucket other are not in the allow-list",
        "Add \"other\" to the buckets in `allow` in the filter's configuration.",
    );
    check_answer(
        &listed,
        &format!("GET {s3} /"),
        "the allow-list names buckets, and this request to s3.eu-west-1.amazonaws.com names none, as ListBuckets does",
        "Call something that names a bucket, or replace the buckets in `allow` with \"s3\".",
    );
    let roles = config_with(
        r#""*""#,
        r#"{"buckets": ["ledger"], "role": "audit"}, {"buckets": ["open"], "effect": "leave_alone"}"#,
    );
    check_answer(
        &roles,
        &format!("GET {s3} /ledger/k\nx-amz-copy-source: reports/k"),
        "the request names two buckets, and different roles sign for them: audit and own",
        "Let the program read and write instead of copying, or change `rules` so that one role signs for both buckets.",
    );
    check_answer(
        &roles,
        &format!("GET {s3} /ledger/k\nx-amz-copy-source: open/k"),
        "the request names two buckets, and a rule leaves only one of them alone",
        "Let the program read and write instead of copying, or change `rules` so that one role signs for both buckets.",
    );
}

#[test]
fn a_decision_says_which_rule_made_it() {
    let config = config_with(
        r#"["sqs"]"#,
        r#"{"buckets": ["secret"], "effect": "deny"}, {"buckets": ["open"], "effect": "leave_alone"},
        {"services": ["kms"], "role": "audit"}, {"services": ["sqs"], "client_signature": "refuse"}"#,
    );
    let rule = |host: &str, path: &str| {
        let headers: Vec<Header<'_>> = vec![
            (":method", b"GET"),
            (":authority", host.as_bytes()),
            (":path", path.as_bytes()),
        ];
        let head = Head {
            headers: &headers,
            cluster: &|| Some("aws".to_owned()),
            port: &|| None,
            over_tls: &|| false,
            route_metadata: NO_ROUTE_METADATA,
            own_keys: &OwnKeys::default,
            end_of_stream: true,
        };
        decide_in_full(&config, head).rule
    };
    let s3 = "s3.eu-west-1.amazonaws.com";
    assert_eq!(rule(s3, "/secret"), Some(0));
    assert_eq!(rule(s3, "/open"), Some(1));
    assert_eq!(rule("kms.eu-west-1.amazonaws.com", "/"), Some(2));
    assert_eq!(rule("sqs.eu-west-1.amazonaws.com", "/"), Some(3));
    assert_eq!(rule(s3, "/other"), None);
    assert_eq!(rule("example.org", "/"), None);
}
