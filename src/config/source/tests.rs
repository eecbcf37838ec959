use super::*;
use crate::credentials::identity::{Session, SessionName};

const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const EKS_URI: (&str, &str) = (FULL_URI, "http://169.254.170.23/v1/credentials");
const ECS_URI: (&str, &str) = (RELATIVE_URI, "/v2/credentials/1?a=b");
const WEB: (&str, &str) = (TOKEN_FILE, "/var/run/token");

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect()
}

fn web_identity() -> WebIdentity {
    WebIdentity {
        session: Session {
            role_arn: RoleArn::parse(ROLE).unwrap(),
            name: SessionName::parse("shop").unwrap(),
            duration: None,
            policy: None,
        },
    }
}

fn without_role(variables: &[(&str, &str)]) -> Result<Chosen, ConfigError> {
    choose(&environment(variables), None, Mode::Enforce)
}

fn with_role(variables: &[(&str, &str)]) -> Result<Chosen, ConfigError> {
    choose(&environment(variables), Some(web_identity()), Mode::Enforce)
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
        let expected = CredentialSource::WebIdentity(web_identity());
        assert_eq!(chosen.source, expected);
        assert_eq!(chosen.passed_over, passed_over, "{variables:?}");
    }
}

#[test]
fn a_container_endpoint_is_taken_where_no_role_is() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], authority: &str, path: &str, passed_over: &[&str]) {
        let chosen = without_role(variables).unwrap();
        assert_eq!(chosen.passed_over, passed_over);
        let CredentialSource::Container(Container { endpoint, .. }) = chosen.source else {
            panic!("{variables:?}");
        };
        assert_eq!((endpoint.authority(), endpoint.path()), (authority, path));
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
            CredentialSource::Container(container) => container.authorization,
            other => panic!("{other:?}"),
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
fn what_is_wrong_with_an_endpoint_is_said() {
    #[track_caller]
    fn check(variable: (&str, &str), fault: &str, allowed: &str) {
        let error = without_role(&[variable]).unwrap_err();
        assert_eq!(error.key, format!("environment variable {}", variable.0));
        assert_eq!(error.fault, fault);
        assert!(error.allowed.contains(allowed), "{error}");
    }
    check((RELATIVE_URI, "v2"), "is \"v2\"", "/v2/credentials/<id>");
    let check = |uri: &str, fault: &str| check((FULL_URI, uri), fault, "169.254.170.23");
    check("not a uri", "is not a URI");
    check("/v1/credentials", "names no scheme or no host");
    check("https://user:pass@h/", "has a user or a fragment");
    check(
        "http://10.0.0.1/secret",
        "would send credentials in the clear to \"10.0.0.1\"",
    );
    check("ftp://localhost/", "has a scheme other than http and https");
}
