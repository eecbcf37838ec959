use super::*;
use crate::credentials::source::container::Scheme;

const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const EKS_URI: (&str, &str) = (FULL_URI, "http://169.254.170.23/v1/credentials");
const ECS_URI: (&str, &str) = (RELATIVE_URI, "/v2/credentials/1?a=b");
const WEB: (&str, &str) = (TOKEN_FILE, "/var/run/token");

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect()
}

fn without_role(variables: &[(&str, &str)]) -> Result<Chosen, ConfigError> {
    choose(&environment(variables), None)
}

fn with_role(variables: &[(&str, &str)]) -> Result<Chosen, ConfigError> {
    choose(&environment(variables), RoleArn::parse(ROLE).as_ref())
}

#[test]
fn web_identity_comes_first() {
    for (variables, passed_over) in [
        (vec![], vec![]),
        (vec![WEB], vec![]),
        (vec![(FULL_URI, ""), (RELATIVE_URI, "")], vec![]),
        (vec![WEB, EKS_URI], vec![FULL_URI]),
        (vec![WEB, ECS_URI, EKS_URI], vec![RELATIVE_URI, FULL_URI]),
    ] {
        let chosen = with_role(&variables).unwrap();
        assert_eq!(chosen.source.name(), "web_identity");
        let role_arn = RoleArn::parse(ROLE).unwrap();
        assert_eq!(chosen.source, Source::WebIdentity(role_arn));
        assert_eq!(chosen.passed_over, passed_over, "{variables:?}");
    }
}

#[test]
fn a_container_endpoint_is_taken_where_no_role_is() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], authority: &str, path: &str, passed_over: &[&str]) {
        let chosen = without_role(variables).unwrap();
        assert_eq!(chosen.source.name(), "container");
        assert_eq!(chosen.passed_over, passed_over);
        let Source::Container { endpoint, .. } = chosen.source else {
            panic!("{variables:?}");
        };
        assert_eq!((endpoint.authority(), endpoint.path()), (authority, path));
        assert_eq!(endpoint.scheme(), Scheme::Http);
    }
    check(&[EKS_URI], "169.254.170.23", "/v1/credentials", &[]);
    check(&[ECS_URI], "169.254.170.2", "/v2/credentials/1?a=b", &[]);
    check(
        &[ECS_URI, EKS_URI],
        "169.254.170.2",
        "/v2/credentials/1?a=b",
        &[FULL_URI],
    );
    check(
        &[(RELATIVE_URI, ""), (TOKEN_FILE, ""), EKS_URI],
        "169.254.170.23",
        "/v1/credentials",
        &[],
    );
}

#[test]
fn a_file_authorizes_before_a_value() {
    let authorization = |variables: &[(&str, &str)]| {
        let all: Vec<_> = [EKS_URI].iter().chain(variables).copied().collect();
        match without_role(&all).unwrap().source {
            Source::Container { authorization, .. } => authorization,
            Source::WebIdentity(_) => panic!("{variables:?}"),
        }
    };
    let (file, value) = (
        (AUTHORIZATION_FILE, "/token"),
        (AUTHORIZATION, "Basic abcd"),
    );
    let token = Authorization::Token(Secret::new("Basic abcd"));
    assert_eq!(authorization(&[]), Authorization::None);
    assert_eq!(authorization(&[file]), Authorization::File);
    assert_eq!(authorization(&[value]), token);
    assert_eq!(authorization(&[file, value]), Authorization::File);
    assert_eq!(authorization(&[(AUTHORIZATION_FILE, ""), value]), token);
    assert!(!format!("{token:?}").contains("abcd"));
}

#[test]
fn what_is_missing_or_not_clear_is_said() {
    #[track_caller]
    fn check(result: Result<Chosen, ConfigError>, key: &str, fault: &str, allowed: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.fault.contains(fault), "{error}");
        assert!(error.allowed.contains(allowed), "{error}");
    }
    check(without_role(&[]), "role_arn", "AWS_ROLE_ARN", FULL_URI);
    check(
        without_role(&[WEB, EKS_URI]),
        "environment variable AWS_WEB_IDENTITY_TOKEN_FILE",
        "no role is",
        RELATIVE_URI,
    );
    check(
        with_role(&[EKS_URI]),
        "environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ROLE,
        TOKEN_FILE,
    );
    check(
        with_role(&[ECS_URI, EKS_URI]),
        "environment variable AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "not clear",
        TOKEN_FILE,
    );
    for token in ["line\nbreak", " leading", "é", &"a".repeat(20_001)] {
        let error = without_role(&[EKS_URI, (AUTHORIZATION, token)]).unwrap_err();
        assert_eq!(
            error.key,
            "environment variable AWS_CONTAINER_AUTHORIZATION_TOKEN"
        );
        assert!(!error.to_string().contains(token), "{error}");
    }
}

#[test]
fn plain_http_goes_to_this_node_alone() {
    #[track_caller]
    fn check(uri: &str, expected: Option<(&str, &str)>) {
        let endpoint = Endpoint::of_full_uri(uri).ok();
        let parts = endpoint.as_ref().map(|e| (e.authority(), e.path()));
        assert_eq!(parts, expected, "{uri}");
        if let Some(endpoint) = endpoint {
            let is_tls = endpoint.scheme() == Scheme::Https;
            assert_eq!(is_tls, uri.starts_with("https"), "{uri}");
        }
    }
    check("http://169.254.170.2", Some(("169.254.170.2", "/")));
    check(
        "http://169.254.170.23/v1/credentials",
        Some(("169.254.170.23", "/v1/credentials")),
    );
    check(
        "http://[fd00:ec2::23]/v1/credentials",
        Some(("[fd00:ec2::23]", "/v1/credentials")),
    );
    check(
        "http://[fd00:0ec2:0:0::23]:80/",
        Some(("[fd00:0ec2:0:0::23]:80", "/")),
    );
    check(
        "http://localhost:9911/c?a=1",
        Some(("localhost:9911", "/c?a=1")),
    );
    check("http://LOCALHOST/", Some(("LOCALHOST", "/")));
    check("http://127.0.0.1:5000/x", Some(("127.0.0.1:5000", "/x")));
    check("http://127.8.9.10/", Some(("127.8.9.10", "/")));
    check("http://[::1]/", Some(("[::1]", "/")));
    check(
        "https://credentials.example/x",
        Some(("credentials.example", "/x")),
    );
    check("https://10.0.0.1", Some(("10.0.0.1", "/")));
    for uri in [
        "http://169.254.169.254/latest",
        "http://169.254.170.24/",
        "http://10.0.0.1/",
        "http://credentials.example/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "http://127.1/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00:ec2::24]/",
        "http://localhost@credentials.example/",
        "https://user:pass@credentials.example/",
        "https://credentials.example/#fragment",
        "ftp://localhost/",
        "localhost:80",
        "//localhost/x",
        "/v1/credentials",
        "http:///x",
        "http://",
        "not a uri",
        "",
    ] {
        check(uri, None);
    }
}

#[test]
fn a_relative_uri_is_a_path() {
    let path = |text| Endpoint::of_relative_uri(text).map(|e| e.path().to_owned());
    assert_eq!(
        path("/v2/credentials/1").as_deref(),
        Ok("/v2/credentials/1")
    );
    assert_eq!(path("/get?a=1").as_deref(), Ok("/get?a=1"));
    for wrong in [
        "v2/credentials",
        "http://h/x",
        "//evil/x",
        "@evil/",
        ":80/",
        "/a b",
        "/a\r\nx: y",
        "/a#b",
        "*",
    ] {
        let error = path(wrong).unwrap_err();
        assert!(error.key.ends_with(RELATIVE_URI), "{error}");
    }
}
