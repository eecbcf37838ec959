//! The JSON Schema of the configuration takes what the parser takes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::{Value, json};
use sigv4_egress::config::{self, Environment, schema::schema};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Whether a value fits a schema of the few words that ours has. `root` is what references lead into.
///
/// # Panics
///
/// The schema has another word, which would not be looked at.
fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
    let Value::Object(words) = schema else {
        return schema != &Value::Bool(false);
    };
    let fits_any = |schemas: &Value| {
        let mut schemas = schemas.as_array().unwrap().iter();
        schemas.any(|schema| fits(value, schema, root))
    };
    words.iter().all(|(word, said)| match word.as_str() {
        "$schema" | "$defs" | "title" | "description" | "default" | "then" | "else" => true,
        // Of names, which have tests of their own.
        "pattern" | "propertyNames" => true,
        "$ref" => {
            let pointer = said.as_str().unwrap().strip_prefix('#').unwrap();
            fits(value, root.pointer(pointer).unwrap(), root)
        }
        "if" => {
            let branch = if fits(value, said, root) {
                "then"
            } else {
                "else"
            };
            fits(value, &schema[branch], root)
        }
        "anyOf" => fits_any(said),
        "const" => value == said,
        "enum" => said.as_array().unwrap().contains(value),
        "type" => match said {
            Value::Array(types) => types.iter().any(|one| is(value, one)),
            one => is(value, one),
        },
        "minimum" => value.as_i64().is_none_or(|n| n >= said.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|n| n <= said.as_i64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| !text.is_empty()),
        "minItems" => value.as_array().is_none_or(|items| !items.is_empty()),
        "minProperties" => value.as_object().is_none_or(|map| !map.is_empty()),
        "uniqueItems" => value.as_array().is_none_or(|items| {
            let distinct: BTreeSet<String> = items.iter().map(Value::to_string).collect();
            distinct.len() == items.len()
        }),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| fits(item, said, root))),
        "required" => value.as_object().is_none_or(|map| {
            let mut names = said.as_array().unwrap().iter();
            names.all(|name| map.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter()
                .all(|(name, value)| said.get(name).is_none_or(|said| fits(value, said, root)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known = schema.get("properties").and_then(Value::as_object);
            map.iter()
                .filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)))
                .all(|(_, value)| fits(value, said, root))
        }),
        other => panic!("{other} is not looked at"),
    })
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("{other} is not looked at"),
    }
}

fn taken(value: &Value) -> bool {
    let schema = schema();
    fits(value, &schema, &schema)
}

fn irsa() -> Environment {
    [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[test]
fn what_the_parser_takes_fits() {
    let mut count = [0, 0];
    for line in include_str!("data/odd-configurations.tsv").lines() {
        let Some(json) = line.splitn(3, '\t').nth(2) else {
            continue;
        };
        let Ok(value) = serde_json::from_slice(json.as_bytes()) else {
            continue;
        };
        let is_parsed = config::parse(json.as_bytes(), &irsa()).is_ok();
        let fits = taken(&value);
        assert!(fits || !is_parsed, "{json}");
        count[usize::from(fits)] += 1;
    }
    // Most of what is odd has the right form.
    assert!(count[0] > 50 && count[1] > 400, "{count:?}");
}

/// The configurations of the files for Envoy and Istio are JSON, whatever is around them.
#[test]
fn the_configurations_that_are_shipped_fit() {
    let envoy = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy");
    for (file, expected) in [
        ("envoy.yaml", 3),
        ("istio/transparent.yaml", 3),
        ("istio/loopback.yaml", 2),
    ] {
        let text = fs::read_to_string(envoy.join(file)).unwrap();
        let mut count = 0;
        for (start, _) in text.match_indices('{') {
            let rest = &text.as_bytes()[start..];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
            let Some(Ok(value)) = values.next() else {
                continue;
            };
            if value.get("allow").or(value.get("position")).is_some() {
                assert!(taken(&value), "{file}: {value}");
                count += 1;
            }
        }
        assert_eq!(count, expected, "{file}");
    }
}

#[test]
fn what_an_editor_should_mark_does_not_fit() {
    let arn = "arn:aws:iam::123456789012:role/a";
    let good = json!({
        "allow": ["s3", {"buckets": ["reports"]}],
        "max_parked": 5,
        "session_policy": {"Version": "2012-10-17"},
        "roles": {"a": {"role_arn": arn, "chained": true, "tags": {"team": "shop"}}},
        "rules": [{"hosts": ["a.internal"], "sign_as": {"service": "s3"}, "role": "a", "payload": "hashed"}],
    });
    assert!(taken(&good));
    for (pointer, key, value) in [
        ("", "alow", json!("*")),
        ("", "allow", json!("s3")),
        ("", "allow", json!([{"bucket": ["reports"]}])),
        ("", "max_parked", json!(100_001)),
        ("", "max_parked", json!("5")),
        ("", "sts_timeout_ms", json!(99)),
        ("", "clusters", json!([])),
        ("", "clusters", json!(["a", "a"])),
        ("", "position", json!("middle")),
        ("", "session_policy", json!(1)),
        ("/rules/0", "effect", json!("Deny")),
        ("/rules/0", "host", json!(["a"])),
        ("/rules/0", "route_metadata", json!({})),
        ("/rules/0/sign_as", "regions", json!(["eu-west-1"])),
        ("/rules/0/sign_as", "service", json!("")),
        ("/roles/a", "chained", json!("true")),
        ("/roles/a", "tags", json!({"team": 1})),
        ("/roles/a", "session_duration_seconds", json!(60)),
    ] {
        let mut bad = good.clone();
        bad.pointer_mut(pointer).unwrap()[key] = value;
        assert!(!taken(&bad), "{bad}");
        assert!(
            config::parse(bad.to_string().as_bytes(), &irsa()).is_err(),
            "{bad}"
        );
    }
    for (value, expected) in [
        (json!({}), false),
        (json!([]), false),
        (json!({"position": "upstream"}), true),
        (json!({"position": "upstream", "allow": "*"}), false),
        (json!({"position": "status"}), true),
        (json!({"position": "status", "clusters": ["a"]}), false),
    ] {
        assert_eq!(taken(&value), expected, "{value}");
    }
}
