mod placeholders;
mod property;

use super::*;
use crate::config::{self, Plugin};
use crate::credentials::role::RoleId;
use crate::endpoint::{Host, Resolution};

fn policy(json: &str) -> Policy {
    let json = format!(
        r#"{{"role_arn": "arn:aws:iam::123456789012:role/app", "region": "eu-west-1", {json}}}"#
    );
    match config::parse(json.as_bytes(), &config::Environment::new()) {
        Ok(Plugin::Downstream(config)) => config.policy,
        other => panic!("{other:?}"),
    }
}

/// Asks about a request, `[METHOD ]host[/path]` with a header on each further line, whose route says `key=value, ...`.
fn ask<T>(request: &str, route: &str, answer: impl Fn(Subject<'_>, bucket::Request<'_>) -> T) -> T {
    let mut lines = request.lines();
    let first = lines.next().unwrap();
    let (method, url) = first.split_once(' ').unwrap_or(("GET", first));
    let (name, _) = url.split_once('/').unwrap_or((url, ""));
    let headers: Vec<(&str, &[u8])> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name, value.as_bytes())
        })
        .collect();
    let host = Host::parse(name.as_bytes()).unwrap();
    let route_metadata = route
        .split(", ")
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let subject = Subject {
        host: host.name(),
        endpoint: match endpoint::resolve(&host, "eu-west-1") {
            Resolution::Aws(endpoint) => Some(endpoint),
            Resolution::NotAws => None,
        },
        route_metadata: &route_metadata,
        placeholder: headers
            .iter()
            .find(|(name, _)| *name == "placeholder")
            .map(|(_, id)| std::str::from_utf8(id).unwrap()),
    };
    let request = bucket::Request {
        host: host.name(),
        method: method.as_bytes(),
        target: &url.as_bytes()[name.len()..],
        headers: &headers,
    };
    answer(subject, request)
}

/// The ruling in words.
fn word(policy: &Policy, request: &str, route: &str) -> String {
    ask(request, route, |subject, request| {
        verdict_word(policy.judge(subject, &|| request))
    })
}

fn verdict_word(ruling: Ruling<'_>) -> String {
    let role = |role: RoleId| match role {
        RoleId::OWN => "",
        _ => " by another role",
    };
    match ruling {
        Ruling::Permit { endpoint, rule } => {
            let by = rule.map_or("", |found| role(found.rule.role));
            format!("{}/{}{by}", endpoint.service, endpoint.region)
        }
        Ruling::LeaveAlone { .. } => "left alone".to_owned(),
        Ruling::NotAws => "not AWS".to_owned(),
        Ruling::Denied { rule, .. } => format!("denied by {rule}"),
        Ruling::NotListed { .. } => "not listed".to_owned(),
        Ruling::PlaceholderNotListed { .. } => "placeholder not listed".to_owned(),
        Ruling::Torn(_) => "torn".to_owned(),
    }
}

#[track_caller]
fn check(policy: &Policy, request: &str, route: &str, expected: &str) {
    assert_eq!(word(policy, request, route), expected, "{request}");
}

#[test]
fn the_allow_list_tells_services_from_hosts() {
    let policy = policy(r#""allow": ["s3", "*.es.amazonaws.com", "kms.eu-west-1.amazonaws.com"]"#);
    let check = |host, expected| check(&policy, host, "", expected);
    check("any.s3.us-west-2.amazonaws.com", "s3/us-west-2");
    check("kms.eu-west-1.amazonaws.com", "kms/eu-west-1");
    check("kms.us-east-1.amazonaws.com", "not listed");
    check("search-a.eu-west-1.es.amazonaws.com", "es/eu-west-1");
    check("es.eu-west-1.amazonaws.com", "not listed");
    check("example.com", "not AWS");
}

#[test]
fn a_star_allows_everything_in_either_form() {
    for allow in [r#""*""#, r#"["*"]"#] {
        let policy = policy(&format!(r#""allow": {allow}"#));
        assert_eq!(policy.allow, Allow::Everything);
    }
}

#[test]
fn a_service_name_does_not_allow_what_customers_create() {
    let policy = policy(r#""allow": ["lambda", "mine.lambda-url.eu-west-1.on.aws"]"#);
    let check = |host, expected| check(&policy, host, "", expected);
    check("lambda.eu-west-1.amazonaws.com", "lambda/eu-west-1");
    check("mine.lambda-url.eu-west-1.on.aws", "lambda/eu-west-1");
    check("theirs.lambda-url.eu-west-1.on.aws", "not listed");
}

#[test]
fn the_first_rule_that_matches_decides_in_place_of_the_allow_list() {
    let policy = policy(
        r#""allow": ["s3", "sqs"], "rules": [
            {"buckets": ["public"], "effect": "leave_alone"},
            {"services": ["s3"], "regions": ["eu-west-1"], "payload": "hashed"},
            {"services": ["s3"], "effect": "deny"},
            {"services": ["kms", "sts"], "regions": ["eu-west-1"], "effect": "allow"},
            {"services": ["dynamodb"], "payload": "hashed"}
        ]"#,
    );
    let check = |host, expected| check(&policy, host, "", expected);
    check("public.s3.eu-west-1.amazonaws.com", "left alone");
    check("b.s3.eu-west-1.amazonaws.com", "s3/eu-west-1");
    check("s3.us-east-1.amazonaws.com", "denied by 2");
    check("b.s3.us-east-1.amazonaws.com", "denied by 2");
    check("kms.eu-west-1.amazonaws.com", "kms/eu-west-1");
    check("kms.us-east-1.amazonaws.com", "not listed");
    check("sqs.us-east-1.amazonaws.com", "sqs/us-east-1");
    // A rule without an effect leaves the question to the list.
    check("dynamodb.eu-west-1.amazonaws.com", "not listed");
    check("example.com", "not AWS");
}

#[test]
fn a_rule_without_conditions_is_for_every_aws_host_and_no_other() {
    let policy = policy(r#""allow": "*", "rules": [{"effect": "deny"}]"#);
    check(&policy, "s3.eu-west-1.amazonaws.com", "", "denied by 0");
    check(&policy, "example.com", "", "not AWS");
}

#[test]
fn a_host_that_is_not_aws_is_denied_only_by_its_name() {
    let policy = policy(
        r#""allow": "*", "rules": [
            {"services": ["s3"], "effect": "deny"},
            {"regions": ["eu-west-1"], "effect": "deny"},
            {"hosts": ["a.example"], "effect": "deny"}
        ]"#,
    );
    check(&policy, "a.example", "", "denied by 2");
    check(&policy, "b.example", "", "not AWS");
}

#[test]
fn a_rule_allows_customers_hosts_only_by_their_names() {
    let policy = policy(
        r#""allow": ["sqs"], "rules": [
            {"services": ["lambda", "execute-api"], "regions": ["eu-west-1"], "effect": "allow"},
            {"hosts": ["mine.lambda-url.us-east-1.on.aws"], "effect": "allow"},
            {"regions": ["eu-west-2"], "effect": "allow"}
        ]"#,
    );
    let check = |host, expected| check(&policy, host, "", expected);
    check("lambda.eu-west-1.amazonaws.com", "lambda/eu-west-1");
    check("mine.lambda-url.us-east-1.on.aws", "lambda/us-east-1");
    check("theirs.lambda-url.eu-west-1.on.aws", "not listed");
    check("api.execute-api.eu-west-1.amazonaws.com", "not listed");
    check("lambda.eu-west-2.amazonaws.com", "lambda/eu-west-2");
    check("theirs.lambda-url.eu-west-2.on.aws", "not listed");
}

#[test]
fn a_denied_region_is_among_all_regions() {
    let policy = policy(
        r#""allow": "*", "rules": [
            {"regions": ["us-east-1"], "effect": "deny"},
            {"services": ["events"], "regions": ["eu-west-1"], "client_signature": "refuse"}
        ]"#,
    );
    let check = |host, expected| check(&policy, host, "", expected);
    check("m.mrap.accesspoint.s3-global.amazonaws.com", "denied by 0");
    check("abcde.veo.endpoint.events.amazonaws.com", "denied by 0");
    check("sqs.us-east-1.amazonaws.com", "denied by 0");
    check("sqs.eu-west-1.amazonaws.com", "sqs/eu-west-1");
}

#[test]
fn a_custom_domain_is_signed_as_its_rule_says() {
    let policy = policy(
        r#""allow": [], "rules": [
            {"hosts": ["api.example"], "sign_as": {"service": "execute-api", "region": "us-east-1"}},
            {"hosts": ["*.svc.example"], "sign_as": {"service": "vpc-lattice-svcs"}}
        ]"#,
    );
    check(&policy, "api.example", "", "execute-api/us-east-1");
    check(&policy, "a.svc.example", "", "vpc-lattice-svcs/eu-west-1");
    check(&policy, "svc.example", "", "not AWS");
}

#[test]
fn a_route_chooses_a_rule_by_its_metadata() {
    let policy = policy(
        r#""allow": "*", "rules": [
            {"route_metadata": {"team": "shop", "stage": "test"}, "effect": "deny"}
        ]"#,
    );
    assert_eq!(policy.route_metadata_keys(), ["stage", "team"]);
    let check = |route, expected| check(&policy, "s3.eu-west-1.amazonaws.com", route, expected);
    check("team=shop, stage=test, more=x", "denied by 0");
    check("team=shop", "s3/eu-west-1");
    check("team=shop, stage=live", "s3/eu-west-1");
    check("", "s3/eu-west-1");
}

mod buckets {
    use super::*;

    const S3: &str = "s3.eu-west-1.amazonaws.com";

    const ROLES: &str = r#""roles": {
        "audit": {"role_arn": "arn:aws:iam::123456789012:role/audit"},
        "batch": {"role_arn": "arn:aws:iam::123456789012:role/batch"}
    }"#;

    fn with_rules(allow: &str, rules: &str) -> Policy {
        policy(&format!(r#""allow": {allow}, {ROLES}, "rules": [{rules}]"#))
    }

    /// A copy from one bucket to another.
    fn copy(from: &str, to: &str) -> String {
        format!("PUT {S3}/{to}/k\nx-amz-copy-source: {from}/k")
    }

    #[test]
    fn a_denial_holds_for_every_name_and_for_what_hides_it() {
        let policy = with_rules(
            r#""*""#,
            r#"{"buckets": ["secret", "team-a-*"], "effect": "deny"}"#,
        );
        let check = |request: &str, expected| check(&policy, request, "", expected);
        for denied in [
            "s3.eu-west-1.amazonaws.com/secret/k",
            "s3.us-east-1.amazonaws.com/%73ecret",
            "secret.s3.eu-west-1.amazonaws.com/",
            "s3.eu-west-1.amazonaws.com/team-a-",
            "team-a-x.s3-accelerate.amazonaws.com/k",
            "secret.s3-website-eu-west-1.amazonaws.com/",
            "a-1.s3-accesspoint.eu-west-1.amazonaws.com/k",
            "ap-s3alias.s3.eu-west-1.amazonaws.com/k",
            "s3.eu-west-1.amazonaws.com/ap-s3alias/k",
            "m.mrap.accesspoint.s3-global.amazonaws.com/k",
            "s3.eu-west-1.amazonaws.com/se%/k",
            "1.s3-control.eu-west-1.amazonaws.com/v20180820/bucket/secret",
            "1.s3-control.eu-west-1.amazonaws.com/v20180820/accesspoint/ap",
        ] {
            check(denied, "denied by 0");
        }
        check(&copy("secret", "other"), "denied by 0");
        check(&copy("other", "secret"), "denied by 0");
        check(
            &copy("arn:aws:s3:eu-west-1:1:accesspoint/ap/object", "other"),
            "denied by 0",
        );
        check("s3.eu-west-1.amazonaws.com/", "s3/eu-west-1");
        check("s3.eu-west-1.amazonaws.com/other/secret", "s3/eu-west-1");
        check("secrets.s3.eu-west-1.amazonaws.com/secret", "s3/eu-west-1");
        check("team-a.s3.eu-west-1.amazonaws.com/", "s3/eu-west-1");
        check("sqs.eu-west-1.amazonaws.com/secret", "sqs/eu-west-1");
        check(
            "1.s3-control.eu-west-1.amazonaws.com/v20180820/jobs",
            "s3/eu-west-1",
        );
        check(&copy("one", "other"), "s3/eu-west-1");
    }

    #[test]
    fn an_access_point_passes_where_an_earlier_rule_names_it() {
        let policy = with_rules(
            r#""*""#,
            r#"{"hosts": ["a-1.s3-accesspoint.eu-west-1.amazonaws.com"], "effect": "allow"},
            {"buckets": ["ap-s3alias", "m.mrap"], "effect": "allow"},
            {"buckets": ["secret"], "effect": "deny"}"#,
        );
        let check = |request: &str, expected| check(&policy, request, "", expected);
        check(
            "a-1.s3-accesspoint.eu-west-1.amazonaws.com/k",
            "s3/eu-west-1",
        );
        check("ap-s3alias.s3.eu-west-1.amazonaws.com/k", "s3/eu-west-1");
        check("s3.eu-west-1.amazonaws.com/ap-s3alias/k", "s3/eu-west-1");
        check("m.mrap.accesspoint.s3-global.amazonaws.com/k", "s3/*");
        check(
            "b-1.s3-accesspoint.eu-west-1.amazonaws.com/k",
            "denied by 2",
        );
        check("ap-2-s3alias.s3.eu-west-1.amazonaws.com/k", "denied by 2");
        check(&copy("ap-s3alias", "other"), "s3/eu-west-1");
        // The access point's rule says nothing of what is copied to it.
        let copy = "PUT a-1.s3-accesspoint.eu-west-1.amazonaws.com/k\nx-amz-copy-source: secret/k";
        check(copy, "denied by 2");
    }

    #[test]
    fn an_alias_fits_no_pattern_but_its_own_name() {
        let policy = with_rules(
            r#"["sqs"]"#,
            r#"{"buckets": ["team-*"], "effect": "allow"}"#,
        );
        let check = |request: &str, expected| check(&policy, request, "", expected);
        check("team-a.s3.eu-west-1.amazonaws.com/k", "s3/eu-west-1");
        check("team-a-s3alias.s3.eu-west-1.amazonaws.com/k", "not listed");
        check(
            "team-1.s3-accesspoint.eu-west-1.amazonaws.com/k",
            "not listed",
        );
    }

    #[test]
    fn an_allow_list_can_have_buckets_alone() {
        let policy = with_rules(
            r#"["sqs", {"buckets": ["reports", "team-a-*"]}, {"buckets": ["ap-s3alias"]}]"#,
            "",
        );
        let check = |request: &str, expected| check(&policy, request, "", expected);
        check("s3.eu-west-1.amazonaws.com/reports/k", "s3/eu-west-1");
        check("team-a-x.s3.eu-west-1.amazonaws.com/k", "s3/eu-west-1");
        check("ap-s3alias.s3.eu-west-1.amazonaws.com/k", "s3/eu-west-1");
        check("sqs.eu-west-1.amazonaws.com/", "sqs/eu-west-1");
        check(&copy("reports", "team-a-x"), "s3/eu-west-1");
        for request in [
            "s3.eu-west-1.amazonaws.com/",
            "s3.eu-west-1.amazonaws.com/other/k",
            "reports2.s3.eu-west-1.amazonaws.com/k",
            "s3.eu-west-1.amazonaws.com/%/k",
            "a-1.s3-accesspoint.eu-west-1.amazonaws.com/k",
            "ap-2-s3alias.s3.eu-west-1.amazonaws.com/k",
            "1.s3-control.eu-west-1.amazonaws.com/v20180820/jobs",
            "kms.eu-west-1.amazonaws.com/",
        ] {
            check(request, "not listed");
        }
        check(&copy("reports", "other"), "not listed");
        check(&copy("other", "reports"), "not listed");
        check("example.org/reports", "not AWS");
    }

    #[test]
    fn an_access_point_on_the_allow_list_does_not_cover_what_is_copied_to_it() {
        let policy = with_rules(
            r#"["a-1.s3-accesspoint.eu-west-1.amazonaws.com", {"buckets": ["reports"]}]"#,
            "",
        );
        let request = "PUT a-1.s3-accesspoint.eu-west-1.amazonaws.com/k";
        check(&policy, request, "", "s3/eu-west-1");
        let from = |bucket| format!("{request}\nx-amz-copy-source: {bucket}/k");
        check(&policy, &from("reports"), "", "s3/eu-west-1");
        check(&policy, &from("secret"), "", "not listed");
    }

    #[test]
    fn the_buckets_of_a_copy_have_one_role_or_none() {
        let policy = with_rules(
            r#"["s3"]"#,
            r#"{"buckets": ["ledger", "journal"], "role": "audit"},
            {"buckets": ["queue"], "role": "batch"},
            {"buckets": ["open-*"], "effect": "leave_alone"},
            {"buckets": ["strict"], "client_signature": "refuse"},
            {"buckets": ["secret"], "effect": "deny"}"#,
        );
        let check = |from: &str, to: &str, expected| {
            for copy in [copy(from, to), copy(to, from)] {
                check(&policy, &copy, "", expected);
            }
        };
        check("ledger", "journal", "s3/eu-west-1 by another role");
        check("ledger", "ledger", "s3/eu-west-1 by another role");
        check("ledger", "queue", "torn");
        check("ledger", "other", "torn");
        check("other", "more", "s3/eu-west-1");
        check("open-1", "open-2", "left alone");
        check("open-1", "other", "torn");
        check("open-1", "ledger", "torn");
        check("secret", "ledger", "denied by 4");
        check("secret", "open-1", "denied by 4");
        // An access point may lead to any bucket, and is not for a role's.
        check("ap-s3alias", "ledger", "denied by 4");
        let stricter = |from: &str, to: &str| {
            ask(&copy(from, to), "", |subject, request| {
                match policy.judge(subject, &|| request) {
                    Ruling::Permit { rule, .. } => rule.map(|found| found.place),
                    other => panic!("{other:?}"),
                }
            })
        };
        assert_eq!(stricter("strict", "other"), Some(3));
        assert_eq!(stricter("other", "strict"), Some(3));
    }

    #[test]
    fn a_custom_domain_that_is_signed_as_s3_has_its_bucket_in_the_path() {
        let policy = with_rules(
            r#"["sqs"]"#,
            r#"{"buckets": ["secret"], "effect": "deny"},
            {"hosts": ["s3.corp.test"], "buckets": ["ledger"], "sign_as": {"service": "s3"}, "role": "audit"},
            {"hosts": ["s3.corp.test", "*.s3.corp.test"], "sign_as": {"service": "s3"}},
            {"hosts": ["api.corp.test"], "sign_as": {"service": "execute-api"}}"#,
        );
        let check = |request: &str, expected| check(&policy, request, "", expected);
        check("s3.corp.test/secret/k", "denied by 0");
        check("s3.corp.test/%73ecret/k", "denied by 0");
        check("s3.corp.test/ledger/k", "s3/eu-west-1 by another role");
        check("s3.corp.test/other/k", "s3/eu-west-1");
        check("s3.corp.test/", "s3/eu-west-1");
        check(
            "PUT s3.corp.test/other/k\nx-amz-copy-source: secret/k",
            "denied by 0",
        );
        check(
            "PUT s3.corp.test/other/k\nx-amz-copy-source: ledger/k",
            "torn",
        );
        check("api.corp.test/secret/k", "execute-api/eu-west-1");
        check("elsewhere.test/secret/k", "not AWS");
    }

    #[test]
    fn a_route_can_narrow_a_rule_for_buckets() {
        let policy = with_rules(
            r#""*""#,
            r#"{"buckets": ["secret"], "route_metadata": {"team": "shop"}, "effect": "deny"}"#,
        );
        check(
            &policy,
            "secret.s3.eu-west-1.amazonaws.com",
            "team=shop",
            "denied by 0",
        );
        check(
            &policy,
            "ap-s3alias.s3.eu-west-1.amazonaws.com",
            "team=shop",
            "denied by 0",
        );
        check(
            &policy,
            "secret.s3.eu-west-1.amazonaws.com",
            "team=depot",
            "s3/eu-west-1",
        );
        check(
            &policy,
            "ap-s3alias.s3.eu-west-1.amazonaws.com",
            "",
            "s3/eu-west-1",
        );
    }

    #[test]
    fn each_bucket_of_a_copy_is_judged_with_its_own_service() {
        let express = "x--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
        let into_express = |from: &str| format!("PUT {express}/k\nx-amz-copy-source: {from}/k");
        let denied = "denied by 0";
        for (allow, rules, into, out) in [
            (r#"["s3"]"#, "", "not listed", "not listed"),
            (r#"["s3express"]"#, "", "not listed", "not listed"),
            (
                r#"["s3", "s3express"]"#,
                "",
                "s3express/eu-west-1",
                "s3/eu-west-1",
            ),
            (
                "\"*\"",
                r#"{"services": ["s3"], "effect": "deny"}"#,
                denied,
                denied,
            ),
            (
                "\"*\"",
                r#"{"services": ["s3express"], "effect": "deny"}"#,
                denied,
                denied,
            ),
            (
                "\"*\"",
                r#"{"services": ["s3"], "role": "audit"}"#,
                "torn",
                "torn",
            ),
            (
                "\"*\"",
                r#"{"services": ["s3"], "effect": "leave_alone"}"#,
                "torn",
                "torn",
            ),
            (
                "\"*\"",
                r#"{"services": ["s3"], "client_signature": "refuse"}"#,
                "s3express/eu-west-1",
                "s3/eu-west-1",
            ),
            // The host is the target's.
            (
                r#"["s3.eu-west-1.amazonaws.com"]"#,
                "",
                "not listed",
                "not listed",
            ),
            (
                r#"["sqs"]"#,
                r#"{"hosts": ["s3.eu-west-1.amazonaws.com"], "effect": "allow"}"#,
                "not listed",
                "not listed",
            ),
            (
                r#"["s3express", {"buckets": ["plain"]}]"#,
                "",
                "s3express/eu-west-1",
                "s3/eu-west-1",
            ),
        ] {
            let policy = with_rules(allow, rules);
            check(&policy, &into_express("plain"), "", into);
            check(&policy, &into_express("arn:aws:s3:::plain"), "", into);
            check(&policy, &copy("y--euw1-az1--x-s3", "plain"), "", out);
        }
        let policy = with_rules(r#"["s3express"]"#, "");
        let check = |request: &str, expected| check(&policy, request, "", expected);
        check(&into_express("y--euw1-az1--x-s3"), "s3express/eu-west-1");
        check(&into_express("ap--euw1-az1--xa-s3"), "s3express/eu-west-1");
        let point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap/object";
        check(&into_express(point), "not listed");
        check(&format!("PUT {express}/k"), "s3express/eu-west-1");
        check(&format!("GET {express}/k"), "s3express/eu-west-1");
        check(
            &format!("PUT {express}/k?x-amz-copy-source=plain%2Fk"),
            "not listed",
        );
        ask(&into_express("plain"), "", |subject, request| {
            let ruling = policy.judge(subject, &|| request);
            let Ruling::NotListed { unlisted, .. } = ruling else {
                panic!("{ruling:?}");
            };
            let plain = Named::Bucket("plain".into());
            assert_eq!(*unlisted, Unlisted::Named(plain));
        });
    }

    #[test]
    fn a_policy_without_buckets_or_s3_reads_no_request() {
        let policy = with_rules(
            "\"*\"",
            r#"{"services": ["sqs"], "client_signature": "refuse"}"#,
        );
        ask("secret.s3.eu-west-1.amazonaws.com/", "", |subject, _| {
            let ruling = policy.judge(subject, &|| panic!("it is read"));
            assert!(matches!(ruling, Ruling::Permit { .. }));
        });
    }
}

#[test]
fn a_denial_holds_in_part_behind_a_rule_that_shares_its_requests() {
    let part = |earlier: &str, denial: &str| {
        let json = format!(
            r#""allow": "*", "rules": [{{{earlier}, "client_signature": "refuse"}}, {{{denial}, "effect": "deny"}}]"#
        );
        let policy = policy(&json);
        let [earlier, denial] = policy.rules() else {
            panic!("{json}");
        };
        earlier.lets_pass(denial, &denial.extent())
    };
    let s3 = r#""services": ["s3"]"#;
    for (earlier, denial) in [
        (s3, r#""buckets": ["team-*"]"#),
        (r#""regions": ["eu-west-1"]"#, r#""buckets": ["team-*"]"#),
        (s3, r#""services": ["s3", "sqs"], "regions": ["eu-west-1"]"#),
        (
            r#""buckets": ["team-*"]"#,
            r#""buckets": ["team-a", "other"]"#,
        ),
        (
            r#""buckets": ["team-a", "more"]"#,
            r#""buckets": ["team-*"]"#,
        ),
        (
            r#""services": ["sqs"]"#,
            r#""hosts": ["sqs.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com"]"#,
        ),
        (
            r#""regions": ["eu-west-1", "us-east-1"]"#,
            r#""services": ["s3"], "regions": ["eu-west-1", "eu-west-2"]"#,
        ),
    ] {
        assert!(part(earlier, denial), "{earlier} {denial}");
    }
    for (earlier, denial) in [
        // Nothing in common.
        (s3, r#""services": ["sqs"]"#),
        (
            r#""buckets": ["team-a"]"#,
            r#""buckets": ["team-b", "x-*"]"#,
        ),
        (
            r#""services": ["sqs"], "regions": ["us-east-1"]"#,
            r#""hosts": ["sqs.eu-west-1.amazonaws.com", "sns.us-east-1.amazonaws.com"]"#,
        ),
        // An exception.
        (s3, r#""regions": ["eu-west-1"]"#),
        (s3, r#""services": ["s3", "sqs"]"#),
        (r#""buckets": ["team-a"]"#, r#""buckets": ["team-*"]"#),
        (
            r#""buckets": ["ap-s3alias", "more"]"#,
            r#""buckets": ["team-*"]"#,
        ),
        (
            r#""services": ["s3"], "route_metadata": {"team": "shop"}"#,
            r#""buckets": ["team-*"]"#,
        ),
    ] {
        assert!(!part(earlier, denial), "{earlier} {denial}");
    }
}
