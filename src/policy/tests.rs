use super::*;
use crate::config::{self, Plugin};
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

/// Asks about a host, whose route says `key=value, ...`.
fn ask<T>(host: &str, route: &str, answer: impl Fn(Subject<'_>) -> T) -> T {
    let parsed = Host::parse(host.as_bytes()).unwrap();
    let route_metadata = route
        .split(", ")
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    answer(Subject {
        host: parsed.name(),
        endpoint: match endpoint::resolve(&parsed, "eu-west-1") {
            Resolution::Aws(endpoint) => Some(endpoint),
            Resolution::NotAws => None,
        },
        route_metadata: &route_metadata,
    })
}

/// The verdict in words.
fn word(policy: &Policy, host: &str, route: &str) -> String {
    ask(host, route, |subject| verdict_word(policy.judge(subject)))
}

fn verdict_word(verdict: Verdict<'_>) -> String {
    match verdict {
        Verdict::Permit { endpoint, .. } => format!("{}/{}", endpoint.service, endpoint.region),
        Verdict::LeaveAlone => "left alone".to_owned(),
        Verdict::NotAws => "not AWS".to_owned(),
        Verdict::Denied { rule } => format!("denied by {rule}"),
        Verdict::NotListed(_) => "not listed".to_owned(),
    }
}

#[track_caller]
fn check(policy: &Policy, host: &str, route: &str, expected: &str) {
    assert_eq!(word(policy, host, route), expected, "{host}");
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
            {"hosts": ["public.s3.eu-west-1.amazonaws.com"], "effect": "leave_alone"},
            {"hosts": ["*.s3.eu-west-1.amazonaws.com"], "services": ["s3"], "payload": "hashed"},
            {"services": ["s3"], "effect": "deny"},
            {"services": ["kms", "sts"], "regions": ["eu-west-1"], "effect": "allow"},
            {"services": ["dynamodb"]}
        ]"#,
    );
    let check = |host, expected| check(&policy, host, "", expected);
    check("public.s3.eu-west-1.amazonaws.com", "left alone");
    check("b.s3.eu-west-1.amazonaws.com", "s3/eu-west-1");
    check("s3.eu-west-1.amazonaws.com", "denied by 2");
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
            {"services": ["s3"], "hosts": ["*.example"], "effect": "deny"},
            {"regions": ["eu-west-1"], "hosts": ["*.example"], "effect": "deny"},
            {"hosts": ["a.example"], "effect": "deny"}
        ]"#,
    );
    check(&policy, "a.example", "", "denied by 2");
    check(&policy, "b.example", "", "not AWS");
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

mod property {
    use super::*;
    use proptest::prelude::*;

    fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        proptest::sample::subsequence(words, 0..=2)
            .prop_map(|words| words.into_iter().map(str::to_owned).collect())
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let hosts = some_of(&[
            "s3.eu-west-1.amazonaws.com",
            "*.eu-west-1.amazonaws.com",
            "*.amazonaws.com",
            "a.example",
            "*.example",
        ]);
        let route = proptest::option::of(proptest::sample::select(vec!["shop", "depot"]));
        let (services, regions) = (
            some_of(&["s3", "sqs"]),
            some_of(&["eu-west-1", "us-east-1"]),
        );
        (hosts, services, regions, route).prop_map(|(hosts, services, regions, route)| Rule {
            when: Condition {
                hosts,
                services,
                regions,
                route_metadata: route
                    .map(|team| ("team".to_owned(), team.to_owned()))
                    .into_iter()
                    .collect(),
            },
            effect: Some(Effect::Deny),
            ..Rule::default()
        })
    }

    proptest! {
        /// The index finds what going through all the rules would find.
        #[test]
        fn the_index_finds_the_first_rule(
            rules in proptest::collection::vec(rule(), 0..12),
            host in proptest::sample::select(vec![
                "s3.eu-west-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", "sqs.us-east-1.amazonaws.com",
                "a.example", "b.a.example", "example",
            ]),
            team in proptest::sample::select(vec!["", "team=shop", "team=depot, more=1"]),
        ) {
            let one_by_one = ask(host, team, |subject| {
                rules.iter().position(|rule| rule.when.fits(subject))
            });
            let all = word(&Policy::new(Allow::Everything, rules), host, team);
            match one_by_one {
                Some(place) => prop_assert_eq!(all, format!("denied by {place}")),
                None => prop_assert!(!all.starts_with("denied"), "{}", all),
            }
        }
    }
}
