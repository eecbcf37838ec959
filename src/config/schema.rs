//! The table of keys as a JSON Schema, for editors: docs/configuration.schema.json.
//!
//! It takes all that the parser takes. The parser refuses more: what only shows when keys are read together.

use super::keys::{
    ALLOW_ENTRY, DOWNSTREAM, Fallback, Key, Kind, PORT, PRESIGN_ENTRY, ROLE, RULE, SIGN_AS, STATUS,
    UPSTREAM, VARIABLE,
};
use serde_json::{Map, Value, json};

/// The whole schema.
pub fn schema() -> Value {
    let mut filter = object(DOWNSTREAM);
    let observes = json!({"properties": {"mode": {"const": "observe"}}, "required": ["mode"]});
    if let Value::Object(filter) = &mut filter {
        filter.insert("if".to_owned(), observes);
        filter.insert("then".to_owned(), true.into());
        filter.insert("else".to_owned(), json!({"required": ["allow"]}));
    }
    let at = |position: &str| json!({"properties": {"position": {"const": position}}, "required": ["position"]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of the sigv4-egress plugin",
        "if": at("upstream"),
        "then": {"$ref": "#/$defs/guard"},
        "else": {
            "if": at("status"),
            "then": {"$ref": "#/$defs/status"},
            "else": {"$ref": "#/$defs/filter"},
        },
        "$defs": {
            "filter": filter,
            "guard": object(UPSTREAM),
            "status": object(STATUS),
            "allow_entry": object(ALLOW_ENTRY),
            "rule": object(RULE),
            "sign_as": object(SIGN_AS),
            "role": object(ROLE),
            "variable": object(VARIABLE),
            "port": object(PORT),
            "presign_entry": object(PRESIGN_ENTRY),
        },
    })
}

fn object(keys: &[&Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.told.default == Fallback::Required)
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = value(key.told.kind);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), key.told.meaning.into());
        let default = match key.told.default {
            Fallback::Text(text) => Some(text.into()),
            Fallback::Number(number) => Some(number.into()),
            Fallback::Entry(entry) => Some(json!([entry])),
            Fallback::Json(text) => serde_json::from_slice(text.as_bytes()).ok(),
            Fallback::Required | Fallback::Nothing | Fallback::Told(_) => None,
        };
        schema.extend(default.map(|default| ("default".to_owned(), default)));
    }
    schema
}

fn value(kind: Kind) -> Value {
    let text = json!({"type": "string", "minLength": 1});
    match kind {
        Kind::Text | Kind::Host | Kind::RoleName => text,
        Kind::Characters { least, most, class } => {
            json!({"type": "string", "pattern": format!("^[{class}]{{{least},{most}}}$")})
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Number { low, high } | Kind::Duration { low, high, .. } => {
            json!({"type": "integer", "minimum": low, "maximum": high})
        }
        Kind::Word(words) => json!({"enum": words}),
        Kind::Texts => {
            json!({"type": "array", "items": text, "uniqueItems": true, "minItems": 1})
        }
        Kind::TextsOrNone => json!({"type": "array", "items": text, "uniqueItems": true}),
        Kind::Filled => json!({"anyOf": [text, {"$ref": "#/$defs/variable"}]}),
        Kind::FilledByName => json!({
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/variable"}]},
        }),
        Kind::Metadata => {
            json!({"type": "object", "additionalProperties": text, "minProperties": 1})
        }
        Kind::AllowList => json!({"anyOf": [
            {"const": "*"},
            {"type": "array", "items": {"anyOf": [text, {"$ref": "#/$defs/allow_entry"}]}},
        ]}),
        Kind::IamPolicy => json!({"type": ["object", "string"]}),
        Kind::Rules => json!({"type": "array", "items": {"$ref": "#/$defs/rule"}}),
        Kind::Roles => json!({
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9_-]+$", "not": {"const": "own"}},
            "additionalProperties": {"$ref": "#/$defs/role"},
        }),
        Kind::SignAs => json!({"$ref": "#/$defs/sign_as"}),
        Kind::Presign => {
            json!({"type": "array", "items": {"$ref": "#/$defs/presign_entry"}})
        }
        Kind::Bytes => json!({"type": "integer", "minimum": 1}),
        Kind::Ports => json!({
            "type": "object",
            "propertyNames": {"pattern": "^[1-9][0-9]{0,4}$"},
            "additionalProperties": {"$ref": "#/$defs/port"},
        }),
    }
}
