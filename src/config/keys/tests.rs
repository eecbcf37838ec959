//! What the table says is what the parser does.

use super::*;
use crate::config::{Config, Environment, Plugin, parse};
use serde_json::{Value, json};

const ROLE_A: &str = "arn:aws:iam::123456789012:role/a";

fn environment(variables: &[(&str, &str)]) -> Environment {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let all = [("AWS_REGION", "eu-west-1")];
    all.iter().chain(variables).map(own).collect()
}

fn irsa() -> Environment {
    environment(&[("AWS_ROLE_ARN", ROLE_A)])
}

fn read(plugin: &Value) -> Result<Plugin, String> {
    parse(plugin.to_string().as_bytes(), &irsa()).map_err(|error| error.key.clone())
}

#[track_caller]
fn config(plugin: &Value, environment: &Environment) -> Config {
    match parse(plugin.to_string().as_bytes(), environment) {
        Ok(Plugin::Downstream(config)) => *config,
        other => panic!("{plugin}: {other:?}"),
    }
}

fn with(key: &Key, value: impl Into<Value>) -> Value {
    let mut plugin = json!({"allow": "*"});
    plugin[key.name] = value.into();
    plugin
}

/// Each table, a plugin with an object of its keys, and where that stands.
type Place = (&'static [&'static Key], fn(Value) -> Value, &'static str);

fn places() -> [Place; 9] {
    [
        (DOWNSTREAM, |object| object, ""),
        (UPSTREAM, |object| object, ""),
        (STATUS, |object| object, ""),
        (ALLOW_ENTRY, |object| json!({"allow": [object]}), "allow."),
        (RULE, in_rule, "rules[0]."),
        (
            SIGN_AS,
            |object| in_rule(json!({"hosts": ["a.internal"], "sign_as": object})),
            "rules[0].sign_as.",
        ),
        (
            ROLE,
            |object| json!({"allow": "*", "roles": {"a": object}}),
            "roles.a.",
        ),
        (
            PORT,
            |object| json!({"allow": "*", "ports": {"9912": object}}),
            "ports.9912.",
        ),
        (
            PRESIGN_ENTRY,
            |object| json!({"allow": "*", "presign": [object]}),
            "presign[0].",
        ),
    ]
}

fn in_rule(rule: Value) -> Value {
    json!({"allow": "*", "rules": [rule]})
}

/// What an object needs beside the key that is tried.
fn beside(keys: &[&Key]) -> Value {
    let mut object = json!({});
    for key in keys
        .iter()
        .filter(|key| key.told.default == Fallback::Required || key.name == ALLOW.name)
    {
        object[key.name] = match key.told.kind {
            Kind::AllowList => "*".into(),
            Kind::Texts => json!(["reports"]),
            _ if key.name == role::ROLE_ARN.name => ROLE_A.into(),
            _ => "s3".into(),
        };
    }
    if keys == UPSTREAM {
        object[POSITION.name] = "upstream".into();
    } else if keys == ROLE {
        object[role::CHAINED.name] = true.into();
    }
    object
}

/// A key that nobody reads would take everything.
#[test]
fn every_key_is_read() {
    for (keys, put, path) in places() {
        for key in keys {
            let mut object = beside(keys);
            object[key.name] = Value::Null;
            let plugin = put(object);
            let found = read(&plugin).expect_err(key.name);
            assert_eq!(found, format!("{path}{}", key.name), "{plugin}");
        }
    }
}

#[test]
fn a_key_that_is_in_no_table_is_refused_and_shown_with_those_that_are() {
    for (keys, put, path) in places() {
        let mut object = beside(keys);
        object["alow"] = "*".into();
        if keys == STATUS {
            object[POSITION.name] = "status".into();
        }
        let error = parse(put(object).to_string().as_bytes(), &irsa()).unwrap_err();
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let expected = format!(
            "configuration refused: unknown key \"{path}alow\"; known keys: {}",
            names.join(", ")
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn no_table_has_a_name_twice() {
    for (keys, ..) in places() {
        for (place, key) in keys.iter().enumerate() {
            let before = keys.iter().take(place);
            assert!(before.into_iter().all(|other| other.name != key.name));
        }
    }
}

#[test]
fn a_number_is_taken_up_to_the_ends_of_its_range() {
    let mut count = 0;
    for key in DOWNSTREAM {
        let (Kind::Number { low, high } | Kind::Duration { low, high, .. }) = key.told.kind else {
            continue;
        };
        count += 1;
        let read = |number: i64| {
            let mut plugin = with(key, number);
            if key.name == MAX_HELD_BYTES.name {
                plugin[MAX_BODY_BYTES.name] = 0.into();
            }
            read(&plugin).map(drop)
        };
        let (low, high) = (i64::from(low), i64::from(high));
        assert_eq!((read(low), read(high)), (Ok(()), Ok(())), "{}", key.name);
        for outside in [low - 1, high + 1, i64::MAX] {
            assert_eq!(read(outside), Err(key.name.to_owned()), "{outside}");
        }
    }
    assert_eq!(count, 9);
}

#[test]
fn a_chained_role_lives_as_long_as_the_table_says() {
    let Kind::Duration { low, chained, .. } = SESSION_DURATION_SECONDS.told.kind else {
        panic!("{SESSION_DURATION_SECONDS:?}");
    };
    let taken = |seconds: u32| {
        let role =
            json!({"role_arn": ROLE_A, "chained": true, "session_duration_seconds": seconds});
        read(&json!({"allow": "*", "roles": {"a": role}})).is_ok()
    };
    let tried = [low - 1, low, chained, chained + 1].map(taken);
    assert_eq!(tried, [false, true, true, false]);
}

#[test]
fn a_session_name_has_the_characters_and_the_length_of_the_table() {
    let Kind::Characters { least, most, class } = SESSION_NAME.told.kind else {
        panic!("{SESSION_NAME:?}");
    };
    let taken = |name: String| read(&with(&SESSION_NAME, name)).is_ok();
    let lengths = [least - 1, least, most, most + 1];
    let tried = lengths.map(|length| taken("a".repeat(length as usize)));
    assert_eq!(tried, [false, true, true, false]);
    let others = class.strip_prefix("\\w").unwrap();
    for c in (' '..='~').chain(['é', '\n']) {
        let is_of_class = c.is_ascii_alphanumeric() || c == '_' || others.contains(c);
        assert_eq!(taken(format!("a{c}")), is_of_class, "{c:?}");
    }
}

#[test]
fn a_default_that_is_written_is_what_holds_without() {
    let mut count = 0;
    let without = config(&json!({"allow": "*"}), &irsa());
    for key in DOWNSTREAM {
        let value: Value = match key.told.default {
            Fallback::Text(text) => text.into(),
            Fallback::Number(number) => number.into(),
            Fallback::Entry(entry) => json!([entry]),
            Fallback::Json(text) => serde_json::from_slice(text.as_bytes()).unwrap(),
            Fallback::Required | Fallback::Nothing | Fallback::Told(_) => continue,
        };
        count += 1;
        let found = Config {
            warnings: Vec::new(),
            ..config(&with(key, value), &irsa())
        };
        assert_eq!(found, without, "{}", key.name);
    }
    assert_eq!(count, 23);
}

#[test]
fn each_variable_of_the_table_is_asked_in_its_order() {
    for (key, value, other) in [
        (&ROLE_ARN, ROLE_A, "arn:aws:iam::123456789012:role/b"),
        (&REGION, "eu-west-1", "us-east-1"),
        (&SESSION_NAME, "one", "two"),
    ] {
        assert_eq!(key.told.variables, key.variables);
        for (place, name) in key.variables.iter().enumerate() {
            let mut variables = irsa();
            for name in key.variables {
                variables.remove(*name);
            }
            let rest = key.variables.iter().skip(place + 1);
            variables.extend(rest.map(|name| ((*name).to_owned(), other.to_owned())));
            variables.insert((*name).to_owned(), value.to_owned());
            let config = config(&json!({"allow": "*"}), &variables);
            let found = config.sourced.iter().find(|found| found.key == key.name);
            assert_eq!(found.unwrap().value.as_deref(), Some(value), "{name}");
        }
    }
}

/// These are named by the sources of credentials, which know nothing of the table.
#[test]
fn keys_that_the_source_of_the_credentials_does_not_need_are_warned_about() {
    let uri = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let container = environment(&[(uri, "http://169.254.170.23/v1/credentials")]);
    let for_container: [&Key; 2] = [&CONTAINER_CLUSTER, &STS_TIMEOUT_MS];
    for key in OF_SOURCES {
        let value: Value = match key.told.kind {
            Kind::Number { low, .. } => low.into(),
            Kind::Texts => json!(["sts.eu-west-1.amazonaws.com"]),
            _ => "other".into(),
        };
        let is_warned = |environment: &Environment| {
            let found = config(&with(key, value.clone()), environment).warnings;
            let keys: Vec<&str> = found.iter().map(|warning| warning.key.as_str()).collect();
            assert!(keys.is_empty() || keys == [key.name], "{found:?}");
            !keys.is_empty()
        };
        let expected = (!for_container.contains(&key), key == &CONTAINER_CLUSTER.key);
        assert_eq!(
            (is_warned(&container), is_warned(&irsa())),
            expected,
            "{}",
            key.name
        );
    }
}
