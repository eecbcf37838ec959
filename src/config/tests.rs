mod filled;
mod narrowed;
mod presign;
mod suspended;

use super::*;
use crate::credentials::identity::Session;
use crate::credentials::source::CredentialSource;
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::123456789012:role/app";

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn irsa() -> Environment {
    environment(&[("AWS_ROLE_ARN", ROLE), ("AWS_REGION", "eu-west-1")])
}

#[track_caller]
fn config(json: &str, environment: &Environment) -> Config {
    match parse(json.as_bytes(), environment) {
        Ok(Plugin::Downstream(config)) => *config,
        other => panic!("{other:?}"),
    }
}

fn own(config: &Config) -> &Session {
    match &config.roles.own().source {
        CredentialSource::WebIdentity(own) => &own.session,
        other => panic!("{other:?}"),
    }
}

/// The hosts of STS of the pod's own role, each with its cluster.
fn sts_hosts(config: &Config) -> Vec<String> {
    let hosts = config.roles.own().sts.hosts.iter();
    hosts
        .map(|host| format!("{} {}", host.name, host.cluster))
        .collect()
}

#[track_caller]
fn check_refused(json: &str, environment: &Environment, key: &str, fault: &str, allowed: &str) {
    let error = parse(json.as_bytes(), environment).expect_err(json);
    assert_eq!((error.key.as_str(), error.fault.as_str()), (key, fault));
    assert!(error.allowed.contains(allowed), "{}", error.allowed);
}

#[test]
fn a_pod_prepared_for_irsa_needs_only_the_allow_list() {
    let config = config(r#"{"allow": ["s3"]}"#, &irsa());
    assert_eq!(own(&config).role_arn.as_str(), ROLE);
    assert_eq!(config.region, "eu-west-1");
    assert_eq!(own(&config).name.as_str(), "sigv4-egress");
    assert_eq!(
        sts_hosts(&config),
        ["sts.eu-west-1.amazonaws.com sigv4-egress-sts"]
    );
    assert_eq!(config.clusters, ["sigv4-egress-aws"]);
    assert_eq!(config.token_cluster, "sigv4-egress-token");
    assert_eq!(config.roles.own().sts.token_audience, "sts.amazonaws.com");
    assert_eq!(config.unmarked, None);
    assert_eq!(config.ports, []);
    assert_eq!(config.marker_header, "x-sigv4-egress");
    assert_eq!(config.placeholders, ["placeholder"]);
    assert_eq!(config.parking.max_wait, Duration::from_secs(5));
    assert_eq!(config.sts_timeout, Duration::from_secs(5));
    assert_eq!(config.start_jitter, Duration::from_secs(2));
    assert_eq!(config.pace, Pace::REAL);
    assert_eq!(config.parking.body_timeout, Duration::from_secs(30));
    assert_eq!(
        (config.parking.max_parked, config.max_body_bytes),
        (1000, 8 << 20)
    );
    assert_eq!(config.max_held_bytes, 256 << 20);
    assert_eq!(config.policy.rules(), []);
}

#[test]
fn a_header_is_named_in_any_case_and_never_by_what_no_header_can_be() {
    let named = |name| format!(r#"{{"allow": "*", "marker_header": "{name}"}}"#);
    assert_eq!(
        config(&named("X-Via_1~"), &irsa()).marker_header,
        "x-via_1~"
    );
    for name in ["x:y", "é", "a,b"] {
        let fault = format!("is \"{name}\"");
        check_refused(
            &named(name),
            &irsa(),
            "marker_header",
            &fault,
            "HTTP header",
        );
    }
}

#[test]
fn the_configuration_wins_over_the_environment() {
    let environment = environment(&[
        ("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/env"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ROLE_SESSION_NAME", "env"),
    ]);
    let json = format!(
        r#"{{"allow": "*", "role_arn": "{ROLE}", "region": "cn-north-1", "session_name": "configured"}}"#
    );
    let config = config(&json, &environment);
    assert_eq!(own(&config).role_arn.as_str(), ROLE);
    assert_eq!(own(&config).name.as_str(), "configured");
    assert_eq!(
        sts_hosts(&config),
        ["sts.cn-north-1.amazonaws.com.cn sigv4-egress-sts"]
    );
}

#[test]
fn the_session_is_named_after_the_pod() {
    let named = |variables: &[(&str, &str)]| {
        let mut all = irsa();
        all.extend(environment(variables));
        own(&config(r#"{"allow": "*"}"#, &all)).name.to_string()
    };
    let pod = [("POD_NAMESPACE", "shop"), ("POD_NAME", "cart-1")];
    assert_eq!(named(&pod), "shop.cart-1");
    assert_eq!(
        named(&[pod[0], pod[1], ("HOSTNAME", "node")]),
        "shop.cart-1"
    );
    assert_eq!(named(&[pod[1], ("HOSTNAME", "node")]), "cart-1");
    assert_eq!(named(&[pod[0], ("HOSTNAME", "cart-1")]), "shop.cart-1");
    assert_eq!(named(&[("HOSTNAME", "cart-1")]), "cart-1");
    let istio = ("ISTIO_META_CLUSTER_ID", "prod-eu");
    let cluster = ("SIGV4_EGRESS_CLUSTER", "blue");
    assert_eq!(named(&[pod[0], pod[1], istio]), "prod-eu.shop.cart-1");
    assert_eq!(named(&[pod[0], pod[1], istio, cluster]), "blue.shop.cart-1");
    assert_eq!(named(&[pod[1], cluster]), "blue.cart-1");
    // Istio's name for a cluster that nobody has named.
    let unnamed = ("ISTIO_META_CLUSTER_ID", "Kubernetes");
    assert_eq!(named(&[pod[0], pod[1], unnamed]), "shop.cart-1");
    let arn = "arn:aws:eks:eu-west-1:1:cluster/é";
    assert_eq!(
        named(&[pod[0], pod[1], ("SIGV4_EGRESS_CLUSTER", arn)]),
        "arn-aws-eks-eu-west-1-1-cluster--.shop.cart-1"
    );
    let long = [pod[0], pod[1], ("SIGV4_EGRESS_CLUSTER", &*"c".repeat(60))];
    let (start, digest) = (&named(&long)[..56], named(&long).len() - 56);
    assert_eq!((start, digest), (&*format!("{}-", "c".repeat(55)), 8));
    assert_eq!(named(&[cluster]), "sigv4-egress");
    assert_eq!(
        named(&[pod[0], pod[1], ("AWS_ROLE_SESSION_NAME", "mine")]),
        "mine"
    );
}

#[test]
fn the_second_region_variable_counts_where_the_first_is_missing_or_empty() {
    for first in [None, Some(("AWS_REGION", ""))] {
        let mut all = environment(&[("AWS_ROLE_ARN", ROLE), ("AWS_DEFAULT_REGION", "us-west-2")]);
        all.extend(environment(first.as_slice()));
        assert_eq!(config(r#"{"allow": "*"}"#, &all).region, "us-west-2");
    }
}

#[test]
fn fips_changes_only_the_host_of_sts() {
    let mut all = irsa();
    all.insert("AWS_USE_FIPS_ENDPOINT".to_owned(), "true".to_owned());
    assert_eq!(
        sts_hosts(&config(r#"{"allow": "*"}"#, &all)),
        ["sts-fips.eu-west-1.amazonaws.com sigv4-egress-sts"]
    );
    let json = r#"{"allow": "*", "sts_hosts": ["vpce-1.sts.eu-west-1.vpce.amazonaws.com:8443"]}"#;
    assert_eq!(
        sts_hosts(&config(json, &all)),
        ["vpce-1.sts.eu-west-1.vpce.amazonaws.com:8443 sigv4-egress-sts"]
    );
    all.insert("AWS_USE_FIPS_ENDPOINT".to_owned(), "yes".to_owned());
    check_refused(
        r#"{"allow": "*"}"#,
        &all,
        "environment variable AWS_USE_FIPS_ENDPOINT",
        r#"is "yes""#,
        "true or false",
    );
}

#[test]
fn what_is_wrong_is_named_with_its_key() {
    let irsa = &irsa();
    check_refused(
        "{",
        irsa,
        "the configuration",
        "is not valid JSON: EOF while parsing an object at line 1 column 1",
        "JSON object",
    );
    check_refused("[]", irsa, "the configuration", "is []", "JSON object");
    check_refused("", irsa, "allow", "is missing", "s3");
    check_refused(
        r#"{"allow": "*", "rolearn": 1}"#,
        irsa,
        "rolearn",
        "unknown key",
        "role_arn",
    );
    check_refused(r#"{"allow": 1}"#, irsa, "allow", "is 1", "list");
    check_refused(
        r#"{"allow": ["S3"]}"#,
        irsa,
        "allow",
        r#"holds "S3""#,
        "[a-z0-9-]+",
    );
    check_refused(
        r#"{"allow": ["*.*.amazonaws.com"]}"#,
        irsa,
        "allow",
        r#"holds "*.*.amazonaws.com""#,
        "host names",
    );
    check_refused(
        r#"{"allow": ["s3", 7]}"#,
        irsa,
        "allow",
        "holds 7",
        "service names",
    );
    check_refused(
        r#"{"allow": "*", "role_arn": "app"}"#,
        irsa,
        "role_arn",
        r#"is "app""#,
        "arn:<partition>:iam::",
    );
    check_refused(
        r#"{"allow": "*", "role_arn": null}"#,
        irsa,
        "role_arn",
        "is null",
        "arn:<partition>:iam::",
    );
    check_refused(
        r#"{"allow": "*", "session_name": "a b"}"#,
        irsa,
        "session_name",
        r#"is "a b""#,
        "2 to 64",
    );
    check_refused(
        r#"{"allow": "*", "region": "europe"}"#,
        irsa,
        "region",
        r#"is "europe""#,
        "eu-west-1",
    );
    check_refused(
        r#"{"allow": "*", "clusters": []}"#,
        irsa,
        "clusters",
        "is empty",
        "at least one entry",
    );
    check_refused(
        r#"{"allow": "*", "max_wait_ms": "5s"}"#,
        irsa,
        "max_wait_ms",
        r#"is "5s""#,
        "a whole number from 0 to 60000",
    );
    check_refused(
        r#"{"allow": "*", "max_wait_ms": -1}"#,
        irsa,
        "max_wait_ms",
        "is -1",
        "a whole number from 0 to 60000",
    );
    check_refused(
        r#"{"allow": "*", "max_wait_ms": 1.5}"#,
        irsa,
        "max_wait_ms",
        "is 1.5",
        "a whole number",
    );
    check_refused(
        r#"{"allow": "*", "sts_timeout_ms": 99}"#,
        irsa,
        "sts_timeout_ms",
        "is 99",
        "100 to 60000",
    );
    check_refused(
        r#"{"allow": "*", "unmarked": "yes"}"#,
        irsa,
        "unmarked",
        r#"is "yes""#,
        "pass, refuse, sign",
    );
    check_refused(
        r#"{"allow": "*", "marker_header": "a b"}"#,
        irsa,
        "marker_header",
        r#"is "a b""#,
        "HTTP header",
    );
    check_refused(
        r#"{"allow": "*", "sts_hosts": ["a b"]}"#,
        irsa,
        "sts_hosts",
        r#"holds "a b": it is not a valid DNS name"#,
        "host name",
    );
    check_refused(
        r#"{"allow": "*", "token_cluster": ""}"#,
        irsa,
        "token_cluster",
        r#"is """#,
        "not empty",
    );
    check_refused(
        r#"{"allow": "*", "position": "middle"}"#,
        irsa,
        "position",
        r#"is "middle""#,
        "downstream, upstream, status",
    );
    check_refused(
        r#"{"allow": "*", "rules": [{}, {"payload": "maybe"}]}"#,
        irsa,
        "rules[1].payload",
        r#"is "maybe""#,
        "hashed, unsigned",
    );
    check_refused(
        r#"{"allow": "*", "rules": [{"host": "a"}]}"#,
        irsa,
        "rules[0].host",
        "unknown key",
        "hosts",
    );
    check_refused(
        r#"{"allow": "*", "rules": {}}"#,
        irsa,
        "rules",
        "is {}",
        "list of objects",
    );
    check_refused(
        r#"{"allow": "*", "rules": [{"effect": "perhaps"}]}"#,
        irsa,
        "rules[0].effect",
        r#"is "perhaps""#,
        "allow, deny, leave_alone",
    );
    check_refused(
        r#"{"allow": "*", "rules": [{"regions": ["eu-west-1", "Ireland"]}]}"#,
        irsa,
        "rules[0].regions",
        r#"holds "Ireland""#,
        "a region such as",
    );
    check_refused(
        r#"{"allow": "*", "rules": [{"route_metadata": {"team": 3}}]}"#,
        irsa,
        "rules[0].route_metadata.team",
        "is 3",
        "a string",
    );
    check_refused(
        r#"{"allow": "*", "rules": [{"route_metadata": "team"}]}"#,
        irsa,
        "rules[0].route_metadata",
        r#"is "team""#,
        "an object",
    );
    let sign_as = |rest: &str| format!(r#"{{"allow": "*", "rules": [{{"sign_as": {rest}}}]}}"#);
    check_refused(
        &sign_as(r#"{"service": "s3"}"#),
        irsa,
        "rules[0].sign_as",
        "requires `hosts`",
        "names hosts",
    );
    check_refused(
        &sign_as(r#"{"service": "s3"}, "hosts": ["a.example"], "effect": "deny""#),
        irsa,
        "rules[0].sign_as",
        "has no effect, because the rule signs nothing",
        "allow as `effect`",
    );
    check_refused(
        &sign_as(r#"{"region": "eu-west-1"}, "hosts": ["a.example"]"#),
        irsa,
        "rules[0].sign_as.service",
        "is missing",
        "[a-z0-9-]+",
    );
    check_refused(
        &sign_as(r#"{"service": "s3", "region": "here"}, "hosts": ["a.example"]"#),
        irsa,
        "rules[0].sign_as.region",
        r#"is "here""#,
        "a region such as",
    );
    check_refused(
        &sign_as(r#"{"service": "s3", "regions": []}, "hosts": ["a.example"]"#),
        irsa,
        "rules[0].sign_as.regions",
        "unknown key",
        "service, region",
    );
}

#[test]
fn what_is_wrong_in_the_environment_is_named_with_its_variable() {
    let role = ("AWS_ROLE_ARN", ROLE);
    let region = ("AWS_REGION", "eu-west-1");
    let check = |variables: &[(&str, &str)], key: &str, fault: &str, allowed: &str| {
        check_refused(
            r#"{"allow": "*"}"#,
            &environment(variables),
            key,
            fault,
            allowed,
        );
    };
    check(
        &[region],
        "role_arn",
        "is neither configured nor in the environment (AWS_ROLE_ARN), and no container endpoint is there either",
        "arn:",
    );
    check(
        &[role],
        "region",
        "is neither configured nor in the environment (AWS_REGION, AWS_DEFAULT_REGION)",
        "eu-west-1",
    );
    check(
        &[role, ("AWS_REGION", "x")],
        "environment variable AWS_REGION",
        r#"is "x""#,
        "eu-west-1",
    );
    check(
        &[("AWS_ROLE_ARN", "x"), region],
        "environment variable AWS_ROLE_ARN",
        r#"is "x""#,
        "arn:",
    );
    check(
        &[role, region, ("AWS_ROLE_SESSION_NAME", "x")],
        "environment variable AWS_ROLE_SESSION_NAME",
        r#"is "x""#,
        "2 to 64",
    );
    check(
        &[role, region, ("HOSTNAME", "a b")],
        "session_name",
        r#"cannot be made from POD_NAMESPACE and POD_NAME or HOSTNAME ("a b")"#,
        "2 to 64",
    );
}

#[test]
fn rules_choose_among_named_roles() {
    let json = r#"{"allow": "*",
        "roles": {
            "audit": {"role_arn": "arn:aws:iam::210987654321:role/audit", "session_name": "auditor"},
            "batch": {"role_arn": "arn:aws:iam::123456789012:role/batch"}
        },
        "rules": [{"services": ["s3"], "role": "batch"}, {"role": "own", "payload": "hashed"}]
    }"#;
    let config = config(json, &irsa());
    let role = |rule: usize| {
        let role = config.roles.get(config.policy.rules()[rule].role).unwrap();
        format!("{}: {}", role.name, role.source)
    };
    assert_eq!(
        role(0),
        "batch: AssumeRoleWithWebIdentity of arn:aws:iam::123456789012:role/batch as sigv4-egress"
    );
    assert_eq!(
        role(1),
        format!("own: AssumeRoleWithWebIdentity of {ROLE} as sigv4-egress")
    );
    let check = |roles: &str, key: &str, fault: &str, allowed: &str| {
        let json = format!(r#"{{"allow": "*", {roles}}}"#);
        check_refused(&json, &irsa(), key, fault, allowed);
    };
    check(
        r#""rules": [{"role": "audit"}]"#,
        "rules[0].role",
        r#"is "audit""#,
        "own",
    );
    check(r#""roles": []"#, "roles", "is []", "an object");
    check(r#""roles": {"a": 1}"#, "roles.a", "is 1", "an object");
    check(
        r#""roles": {"a": {}}"#,
        "roles.a.role_arn",
        "is missing",
        "arn:",
    );
    check(
        r#""roles": {"a": {"role_arn": "x"}}"#,
        "roles.a.role_arn",
        r#"is "x""#,
        "arn:",
    );
    check(
        r#""roles": {"a": {"arn": "x"}}"#,
        "roles.a.arn",
        "unknown key",
        "role_arn",
    );
    check(
        r#""roles": {"own": {"role_arn": "x"}}"#,
        "roles.own",
        "is the name of the pod's own role",
        "another name",
    );
    check(
        r#""roles": {"a b": {"role_arn": "x"}}"#,
        "roles.a b",
        "is not a valid name",
        "letters, digits",
    );
}

#[test]
fn a_chained_role_says_all_that_sts_takes() {
    let role = |rest: &str| {
        format!(
            r#"{{"allow": "*", "session_policy": {{"Version": "2012-10-17"}}, "session_duration_seconds": 43200,
                "roles": {{"audit": {{"role_arn": "arn:aws:iam::210987654321:role/audit", {rest}}}}}}}"#
        )
    };
    let all = r#""chained": true, "session_duration_seconds": 900, "session_policy": "{ \"Statement\": [] }",
        "external_id": "audit-42", "tags": {"team": "shop", "stage": "live"}, "transitive_tag_keys": ["team"],
        "source_identity": "cart""#;
    let config = config(&role(all), &irsa());
    let own = own(&config);
    assert_eq!(own.duration.map(|duration| duration.seconds()), Some(43200));
    let policy = own.policy.as_ref().map(|policy| policy.as_str());
    assert_eq!(policy, Some(r#"{"Version":"2012-10-17"}"#));
    let (_, audit) = config.roles.iter().nth(1).unwrap();
    let CredentialSource::ChainedRole(chained) = &audit.source else {
        panic!("{audit:?}");
    };
    assert_eq!(
        chained.session.duration.map(|duration| duration.seconds()),
        Some(900)
    );
    let policy = chained
        .session
        .policy
        .as_ref()
        .map(|policy| policy.as_str());
    assert_eq!(policy, Some(r#"{"Statement":[]}"#));
    assert_eq!(chained.external_id.as_ref().unwrap().as_str(), "audit-42");
    assert_eq!(
        chained.tags.iter().collect::<Vec<_>>(),
        [("stage", "live"), ("team", "shop")]
    );
    assert_eq!(chained.tags.transitive_keys().collect::<Vec<_>>(), ["team"]);
    assert_eq!(chained.source_identity.as_ref().unwrap().as_str(), "cart");

    let check = |rest: &str, key: &str, fault: &str, allowed: &str| {
        check_refused(
            &role(rest),
            &irsa(),
            &format!("roles.audit.{key}"),
            fault,
            allowed,
        );
    };
    check(
        r#""chained": true, "session_duration_seconds": 3601"#,
        "session_duration_seconds",
        "is 3601",
        "900 to 3600",
    );
    check(
        r#""session_duration_seconds": 60"#,
        "session_duration_seconds",
        "is 60",
        "900 to 43200",
    );
    check(
        r#""external_id": "x""#,
        "external_id",
        "is not a parameter of AssumeRoleWithWebIdentity",
        "chained",
    );
    check(
        r#""chained": true, "external_id": "x""#,
        "external_id",
        r#"is "x""#,
        "2 to 1224",
    );
    check(
        r#""session_policy": 1"#,
        "session_policy",
        "is 1",
        "an IAM policy",
    );
    check(
        r#""chained": true, "tags": {"aws:x": "y"}"#,
        "tags",
        r#"holds the key "aws:x""#,
        "at most 50 tags",
    );
}

#[test]
fn a_container_endpoint_gives_the_pods_own_credentials() {
    let pod_identity = environment(&[
        ("AWS_REGION", "eu-west-1"),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.170.23/v1/credentials",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/token"),
    ]);
    let audit = r#""audit": {"role_arn": "arn:aws:iam::210987654321:role/audit""#;
    let json = format!(r#"{{"allow": "*", "roles": {{{audit}, "chained": true}}}}}}"#);
    let found = config(&json, &pod_identity);
    let own = &found.roles.own().source;
    assert_eq!(own.word(), "container");
    assert_eq!(own.to_string(), "container endpoint 169.254.170.23");
    check_refused(
        &format!(r#"{{"allow": "*", "roles": {{{audit}}}}}}}"#),
        &pod_identity,
        "roles.audit.chained",
        "is not true, and there is no web identity token to assume the role with",
        "true",
    );
    check_refused(
        r#"{"allow": "*", "session_duration_seconds": 900}"#,
        &pod_identity,
        "session_duration_seconds",
        "cannot be used with a container endpoint",
        "in a role",
    );
}

#[test]
fn the_guard_takes_clusters_and_nothing_else() {
    let guard = parse(
        br#"{"position": "upstream", "clusters": ["aws"]}"#,
        &environment(&[]),
    );
    assert_eq!(
        guard,
        Ok(Plugin::Upstream {
            clusters: vec!["aws".to_owned()]
        })
    );
    let json = r#"{"position": "upstream", "allow": "*"}"#;
    check_refused(
        json,
        &environment(&[]),
        "allow",
        "unknown key",
        "clusters, position",
    );
}

#[test]
fn long_values_are_not_repeated_in_errors() {
    let json = format!(r#"{{"allow": "*", "role_arn": "{}"}}"#, "x".repeat(3000));
    check_refused(&json, &irsa(), "role_arn", "is a long string", "arn:");
}

#[test]
fn tests_may_shrink_the_durations_of_the_refresh_rules() {
    let with = |scale| {
        let mut environment = irsa();
        environment.insert("SIGV4_EGRESS_TIME_SCALE".to_owned(), scale);
        environment
    };
    let scaled = config(r#"{"allow": "*"}"#, &with("0.15".to_owned()));
    assert_eq!(Some(scaled.pace), Pace::parse("0.15"));
    for scale in ["0", "1.5", "fast"] {
        check_refused(
            r#"{"allow": "*"}"#,
            &with(scale.to_owned()),
            "environment variable SIGV4_EGRESS_TIME_SCALE",
            &format!("is \"{scale}\""),
            "above 0, and at most 1",
        );
    }
}
