//! `check-config`: the effective values of a plugin's configuration, and where each comes from.

use serde_json::{Map, Value};
use sigv4_egress::config::reference::{DOWNSTREAM, Key, STATUS, UPSTREAM};
use sigv4_egress::config::{self, Config, ConfigError, Environment, Plugin};
use sigv4_egress::role::Means;
use std::fmt::Write as _;

/// A table of key, value and source.
///
/// # Errors
///
/// What the filter would say when Envoy loads the configuration.
pub(crate) fn check(json: &[u8], environment: &Environment) -> Result<String, ConfigError> {
    let plugin = config::parse(json, environment)?;
    let written: Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    let rows: Vec<[String; 3]> = match &plugin {
        Plugin::Downstream(config) => DOWNSTREAM
            .iter()
            .map(|key| row(key, &written, Some(config), environment))
            .collect(),
        Plugin::Upstream { .. } => UPSTREAM
            .iter()
            .map(|key| row(key, &written, None, environment))
            .collect(),
        Plugin::Status => STATUS
            .iter()
            .map(|key| row(key, &written, None, environment))
            .collect(),
    };
    Ok(table(&rows))
}

fn row(
    key: &Key,
    written: &Map<String, Value>,
    config: Option<&Config>,
    environment: &Environment,
) -> [String; 3] {
    let from_environment = config.and_then(|config| sourced(key.name, config, environment));
    let (value, source) = match (written.get(key.name), from_environment) {
        (Some(Value::String(text)), _) => (text.clone(), "configuration".to_owned()),
        (Some(value), _) => (value.to_string(), "configuration".to_owned()),
        (None, Some(pair)) => pair,
        (None, None) => (key.default.to_owned(), "default".to_owned()),
    };
    [key.name.to_owned(), value, source]
}

/// Value and source of the keys that the environment decides where the configuration does not.
fn sourced(name: &str, config: &Config, environment: &Environment) -> Option<(String, String)> {
    let set = |names| set_in(environment, names);
    let first = |names| set(names).into_iter().take(1).collect::<Vec<_>>();
    let own = match &config.roles.own().means {
        Means::WebIdentity(own) => Some(own),
        _ => None,
    };
    let (value, variables) = match name {
        "role_arn" => (own?.arn.to_string(), first(&["AWS_ROLE_ARN"])),
        "region" => (
            config.region.clone(),
            first(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
        ),
        "session_name" => {
            let mut variables = first(&["AWS_ROLE_SESSION_NAME"]);
            if variables.is_empty() {
                variables = first(&["POD_NAME", "HOSTNAME"]);
                if !variables.is_empty() {
                    variables.splice(0..0, set(&["POD_NAMESPACE"]));
                }
            }
            (own?.session_name.to_string(), variables)
        }
        "sts_host" => (config.sts_host.clone(), set(&["AWS_USE_FIPS_ENDPOINT"])),
        _ => return None,
    };
    let source = match (variables.is_empty(), name) {
        (false, _) => format!("environment {}", variables.join(", ")),
        (true, "sts_host") => "region".to_owned(),
        (true, _) => "default".to_owned(),
    };
    Some((value, source))
}

/// Which of the variables are set; one that is empty is not.
fn set_in(environment: &Environment, names: &[&'static str]) -> Vec<&'static str> {
    let is_set = |name: &&'static str| {
        environment
            .get(*name)
            .is_some_and(|value| !value.is_empty())
    };
    names.iter().copied().filter(is_set).collect()
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
            "sts_host",
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
            "sts_host",
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
            "sts_host",
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
