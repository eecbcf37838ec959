//! `check-config`: the effective values of a plugin's configuration, where each comes from, and what is odd about it.

use serde_json::{Map, Value};
use sigv4_egress::config::keys::{DOWNSTREAM, Key, STATUS, UPSTREAM};
use sigv4_egress::config::{self, Config, ConfigError, Environment, NARROWED, Plugin};
use std::fmt::Write as _;

/// A line for each warning, and below them a table of key, value and source.
///
/// # Errors
///
/// What the filter would say when Envoy loads the configuration.
pub(crate) fn check(json: &[u8], environment: &Environment) -> Result<String, ConfigError> {
    let plugin = config::parse(json, environment)?;
    let written: Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    let (keys, config): (&[&Key], Option<&Config>) = match &plugin {
        Plugin::Downstream(config) => (DOWNSTREAM, Some(config)),
        Plugin::Upstream { .. } => (UPSTREAM, None),
        Plugin::Status => (STATUS, None),
    };
    let credentials = config.and_then(|config| sourced("credentials", config));
    let narrowed = config.and_then(|config| sourced(NARROWED, config));
    let keys = keys.iter().map(|key| row(key, &written, config));
    let rows = credentials.into_iter().chain(narrowed).chain(keys);
    let rows: Vec<[String; 3]> = rows.collect();
    let warnings = config.iter().flat_map(|config| &config.warnings);
    let mut text: String = warnings
        .map(|warning| format!("warning: {warning}\n"))
        .collect();
    text.push_str(&table(&rows));
    Ok(text)
}

fn row(key: &Key, written: &Map<String, Value>, config: Option<&Config>) -> [String; 3] {
    if let Some(row) = config.and_then(|config| sourced(key.name, config)) {
        return row;
    }
    let (value, source) = match written.get(key.name) {
        Some(Value::String(text)) => (text.clone(), "configuration"),
        Some(value) => (value.to_string(), "configuration"),
        None => (key.told.default.to_string(), "default"),
    };
    [key.name.to_owned(), value, source.to_owned()]
}

/// A value that the environment can decide, as the parser found it.
fn sourced(key: &str, config: &Config) -> Option<[String; 3]> {
    let found = config.sourced.iter().find(|sourced| sourced.key == key)?;
    let (value, source) = match &found.value {
        Some(value) => (value.clone(), found.origin.to_string()),
        None => ("-".to_owned(), "not used".to_owned()),
    };
    Some([key.to_owned(), value, source])
}

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (names, values) = (width(0), width(1).min(60));
    let mut text = String::new();
    for [name, value, source] in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:names$}  {value:values$}  {source}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    /// The value and the source that the table shows for a key.
    #[track_caller]
    fn check_row(json: &str, variables: &[(&str, &str)], key: &str, value: &str, source: &str) {
        let table = check(json.as_bytes(), &environment(variables)).unwrap();
        let line = table
            .lines()
            .find(|line| line.split(' ').next() == Some(key))
            .unwrap_or_else(|| panic!("no {key} in\n{table}"));
        let rest = line.strip_prefix(key).unwrap().trim_start();
        let shown = rest.strip_prefix(value).map(str::trim_start);
        assert_eq!(shown, Some(source), "{line}");
    }

    const IRSA: &[(&str, &str)] = &[
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("POD_NAMESPACE", "shop"),
        ("POD_NAME", "web-0"),
    ];

    #[test]
    fn what_the_workload_does_without_is_shown() {
        let variables = [IRSA, &[(NARROWED, "s3")]].concat();
        let json = r#"{"allow": ["s3", "sqs"]}"#;
        let source = "environment SIGV4_EGRESS_ALLOW";
        check_row(json, &variables, NARROWED, "s3", source);
        check_row(
            json,
            &variables,
            "allow",
            "[\"s3\",\"sqs\"]",
            "configuration",
        );
    }

    #[test]
    fn each_value_has_its_source() {
        let json = r#"{"allow": ["s3"], "max_parked": 5, "token_audience": "x"}"#;
        check_row(json, IRSA, "allow", "[\"s3\"]", "configuration");
        check_row(json, IRSA, "max_parked", "5", "configuration");
        check_row(json, IRSA, "token_audience", "x", "configuration");
        check_row(json, IRSA, "max_wait_ms", "5000", "default");
        check_row(json, IRSA, "region", "eu-west-1", "environment AWS_REGION");
        let name = "shop.web-0";
        check_row(
            json,
            IRSA,
            "session_name",
            name,
            "environment POD_NAMESPACE, POD_NAME",
        );
        check_row(
            json,
            IRSA,
            "sts_hosts",
            "sts.eu-west-1.amazonaws.com",
            "region",
        );
    }

    #[test]
    fn the_configuration_comes_before_the_environment() {
        let json = r#"{"allow": "*", "region": "us-west-2", "session_name": "me"}"#;
        check_row(json, IRSA, "allow", "*", "configuration");
        check_row(json, IRSA, "region", "us-west-2", "configuration");
        check_row(json, IRSA, "session_name", "me", "configuration");
        check_row(
            json,
            IRSA,
            "sts_hosts",
            "sts.us-west-2.amazonaws.com",
            "region",
        );
    }

    #[test]
    fn fips_is_a_source_of_the_sts_host() {
        let mut variables = IRSA.to_vec();
        variables.push(("AWS_USE_FIPS_ENDPOINT", "true"));
        let host = "sts-fips.eu-west-1.amazonaws.com";
        check_row(
            r#"{"allow": "*"}"#,
            &variables,
            "sts_hosts",
            host,
            "environment AWS_USE_FIPS_ENDPOINT",
        );
    }

    #[test]
    fn outside_kubernetes_the_session_has_a_name_of_ours() {
        let variables = IRSA.get(..2).unwrap();
        check_row(
            r#"{"allow": "*"}"#,
            variables,
            "session_name",
            "sigv4-egress",
            "default",
        );
    }

    #[test]
    fn the_source_of_the_credentials_is_the_one_in_use() {
        let json = r#"{"allow": "*"}"#;
        let role = "AssumeRoleWithWebIdentity of arn:aws:iam::123456789012:role/app as shop.web-0";
        check_row(json, IRSA, "credentials", role, "environment AWS_ROLE_ARN");
        let configured = r#"{"allow": "*", "role_arn": "arn:aws:iam::123456789012:role/other"}"#;
        let other =
            "AssumeRoleWithWebIdentity of arn:aws:iam::123456789012:role/other as shop.web-0";
        check_row(configured, IRSA, "credentials", other, "configuration");
        let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let pod_identity = [
            ("AWS_REGION", "eu-west-1"),
            (name, "http://169.254.170.23/v1/credentials"),
        ];
        let endpoint = "container endpoint 169.254.170.23";
        let from = format!("environment {name}");
        check_row(json, &pod_identity, "credentials", endpoint, &from);
        check_row(json, &pod_identity, "role_arn", "-", "not used");
        check_row(json, &pod_identity, "session_name", "-", "not used");
        let mut both = IRSA.to_vec();
        both.push(("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"));
        both.push(pod_identity[1]);
        check_row(json, &both, "credentials", role, "environment AWS_ROLE_ARN");
        let table = check(json.as_bytes(), &environment(&both)).unwrap();
        let warning = format!("warning: environment variable {name}: is set and not used: ");
        assert!(table.starts_with(&warning), "{table}");
    }

    #[test]
    fn the_guard_has_two_keys() {
        let table = check(br#"{"position": "upstream"}"#, &Environment::new()).unwrap();
        assert_eq!(
            table,
            "clusters  [\"sigv4-egress-aws\"]  default\nposition  upstream              configuration\n"
        );
    }

    #[test]
    fn a_fault_names_the_key() {
        let error = check(br#"{"alow": "*"}"#, &environment(IRSA)).unwrap_err();
        assert_eq!(error.key, "alow");
    }
}
