use crate::config::{self, Config, Environment, Plugin};
use crate::credentials::role::RoleId;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn parse(plugin: &Value, environment: &[(&str, &str)]) -> Config {
    let mut variables = Environment::new();
    variables.extend(
        environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    match config::parse(plugin.to_string().as_bytes(), &variables) {
        Ok(Plugin::Downstream(config)) => *config,
        other => panic!("{other:?}"),
    }
}

/// `base` with other keys; `null` removes one.
fn with(base: &Value, keys: &Value) -> Value {
    let mut changed = base.as_object().unwrap().clone();
    for (key, value) in keys.as_object().unwrap() {
        if value.is_null() {
            changed.remove(key);
        } else {
            changed.insert(key.clone(), value.clone());
        }
    }
    Value::from(changed)
}

fn web_identity() -> Value {
    json!({
        "role_arn": "arn:aws:iam::123456789012:role/app",
        "region": "eu-west-1",
        "session_name": "shop",
        "allow": "*",
    })
}

fn own_place(config: &Config) -> String {
    let own = config.roles.own();
    own.source.place(&own.source, &config.calls(own))
}

/// The place of the only other role.
fn other_place(config: &Config) -> String {
    let mut others = config.roles.iter().filter(|(id, _)| *id != RoleId::OWN);
    let other = others.next().unwrap().1;
    let own = &config.roles.own().source;
    other.source.place(own, &config.calls(other))
}

#[track_caller]
fn check_all_apart(places: &[(String, String)]) {
    let mut seen = BTreeMap::new();
    for (what, place) in places {
        if let Some(other) = seen.insert(place, what) {
            panic!("{what} and {other} share a record");
        }
    }
}

#[test]
fn each_input_of_a_web_identity_has_a_record_of_its_own() {
    let mut places = vec![("base".to_owned(), own_place(&parse(&web_identity(), &[])))];
    for keys in [
        json!({"role_arn": "arn:aws:iam::123456789012:role/app2"}),
        json!({"session_name": "shop2"}),
        json!({"session_duration_seconds": 900}),
        json!({"session_policy": {"Version": "2012-10-17"}}),
        json!({"token_cluster": "other"}),
        json!({"token_audience": "other"}),
        json!({"container_cluster": "other"}),
        json!({"sts_cluster": "other"}),
        json!({"sts_hosts": ["sts.amazonaws.com"]}),
        json!({"sts_hosts": ["sts.eu-west-1.amazonaws.com", "sts.eu-central-1.amazonaws.com"]}),
        json!({"sts_hosts": ["sts.eu-central-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"]}),
        json!({"region": "eu-west-2", "sts_hosts": ["sts.eu-west-1.amazonaws.com"]}),
    ] {
        let config = parse(&with(&web_identity(), &keys), &[]);
        places.push((keys.to_string(), own_place(&config)));
    }
    check_all_apart(&places);
}

#[test]
fn each_input_of_a_chained_role_has_a_record_of_its_own() {
    let base = json!({"role_arn": "arn:aws:iam::210987654321:role/audit", "chained": true, "tags": {"a": "1"}});
    let config = |role: &Value, plugin: &Value| {
        parse(&with(plugin, &json!({"roles": {"audit": role}})), &[])
    };
    let mut places = vec![(
        "base".to_owned(),
        other_place(&config(&base, &web_identity())),
    )];
    for keys in [
        json!({"role_arn": "arn:aws:iam::210987654321:role/audit2"}),
        json!({"chained": null, "tags": null}),
        json!({"session_name": "other"}),
        json!({"session_duration_seconds": 900}),
        json!({"session_policy": {"Version": "2012-10-17"}}),
        json!({"external_id": "other"}),
        json!({"source_identity": "other"}),
        json!({"tags": {}}),
        json!({"tags": {"a": "2"}}),
        json!({"tags": {"b": "1"}}),
        json!({"tags": {"a": "1", "b": "1"}}),
        json!({"transitive_tag_keys": ["a"]}),
        json!({"region": "eu-west-2", "sts_cluster": "other"}),
        json!({"sts_cluster": "other"}),
        json!({"sts_cluster": "other", "sts_hosts": ["sts.eu-central-1.amazonaws.com"]}),
        json!({"chained": null, "tags": null, "token_audience": "other"}),
        json!({"chained": null, "tags": null, "token_path": "/other"}),
    ] {
        let config = config(&with(&base, &keys), &web_identity());
        places.push((keys.to_string(), other_place(&config)));
    }
    // Who signs the call.
    let other_own = json!({"role_arn": "arn:aws:iam::123456789012:role/app2"});
    let config = config(&base, &with(&web_identity(), &other_own));
    places.push((other_own.to_string(), other_place(&config)));
    check_all_apart(&places);
}

#[test]
fn each_input_of_a_container_endpoint_has_a_record_of_its_own() {
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    let plugin = json!({"region": "eu-west-1", "allow": "*"});
    let environments: [&[(&str, &str)]; 7] = [
        &[(FULL, "http://127.0.0.1/a")],
        &[(FULL, "http://127.0.0.1/b")],
        &[(FULL, "http://127.0.0.1:81/a")],
        &[(FULL, "http://127.0.0.1/a"), (TOKEN, "one")],
        &[(FULL, "http://127.0.0.1/a"), (TOKEN, "two")],
        // The words for the other kinds of authorization are tokens, too.
        &[(FULL, "http://127.0.0.1/a"), (TOKEN, "file")],
        &[
            (FULL, "http://127.0.0.1/a"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"),
        ],
    ];
    let places = environments.map(|environment| {
        let config = parse(&plugin, environment);
        (format!("{environment:?}"), own_place(&config))
    });
    check_all_apart(&places);
}

#[test]
fn what_does_not_change_the_credentials_shares_the_record() {
    let base = own_place(&parse(&web_identity(), &[]));
    for keys in [
        json!({"allow": ["s3"]}),
        json!({"max_wait_ms": 1, "max_parked": 1, "max_body_bytes": 1}),
        json!({"clusters": ["other"], "marker_header": "x-other"}),
        json!({"roles": {"audit": {"role_arn": "arn:aws:iam::123456789012:role/audit"}}}),
    ] {
        let config = parse(&with(&web_identity(), &keys), &[]);
        assert_eq!(own_place(&config), base, "{keys}");
    }
    let same = json!({"roles": {"again": {"role_arn": "arn:aws:iam::123456789012:role/app"}}});
    assert_eq!(
        other_place(&parse(&with(&web_identity(), &same), &[])),
        base
    );
}
