//! The operator's JSON: what `serde_json` takes, and no key twice in one object.
//!
//! RFC 8259, section 4, leaves open what a second key of the same name means. `serde_json` keeps the last one and says
//! nothing, so that a second `allow`, or a second `rules`, would void the one that is read by people.

use serde_json::{Map, Value};
use std::fmt;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It is no JSON; what the parser says, with line and column.
    NotJson(String),
    /// A key stands twice in one object; its path, such as `rules[0].role`.
    Twice(String),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(why) => write!(f, "is not valid JSON: {why}"),
            Self::Twice(path) => write!(f, "holds the key \"{path}\" twice"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads a text.
///
/// # Errors
/// See [`JsonError`].
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let value =
        serde_json::from_slice(text).map_err(|error| JsonError::NotJson(error.to_string()))?;
    match first_repeated_key(text) {
        None => Ok(value),
        Some(path) => Err(JsonError::Twice(path)),
    }
}

/// An object or a list whose end has not come yet.
enum Open {
    Object {
        keys: Map<String, Value>,
        /// The key whose value comes next; `None` where a key comes next.
        key: Option<String>,
    },
    List {
        index: usize,
    },
}

/// The path of the first key that its object has already. `json` is known to be JSON, so that a look at its tokens is
/// enough. A parser of our own, in the place of the one that keeps the last key, would be a second one in the module.
fn first_repeated_key(json: &[u8]) -> Option<String> {
    let mut open: Vec<Open> = Vec::new();
    let mut rest = json;
    while let Some((byte, after)) = rest.split_first() {
        let from = rest;
        rest = after;
        match byte {
            b'{' => open.push(Open::Object {
                keys: Map::new(),
                key: None,
            }),
            b'[' => open.push(Open::List { index: 0 }),
            b'}' | b']' => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Open::Object { key, .. }) => *key = None,
                Some(Open::List { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let (literal, after) = from.split_at_checked(literal_length(from))?;
                rest = after;
                if let Some(Open::Object { keys, key }) = open.last_mut()
                    && key.is_none()
                {
                    // As a JSON text of its own, for its escapes.
                    let Ok(Value::String(name)) = serde_json::from_slice(literal) else {
                        return None;
                    };
                    let before = keys.insert(name.clone(), Value::Null);
                    *key = Some(name);
                    if before.is_some() {
                        return Some(path(&open));
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// The bytes of the string that the text begins with, both quotes included.
fn literal_length(json: &[u8]) -> usize {
    let mut escaped = true;
    let end = json.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 1)
}

/// `rules[0].role`: where the innermost key stands.
fn path(open: &[Open]) -> String {
    let mut path = String::new();
    for level in open {
        match level {
            Open::Object { key: Some(key), .. } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Open::Object { key: None, .. } => {}
            Open::List { index } => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, path: &str) {
        let expected = Err(JsonError::Twice(path.to_owned()));
        assert_eq!(parse(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn a_key_that_stands_twice_is_named_by_its_path() {
        check(r#"{"allow": ["s3"], "allow": "*"}"#, "allow");
        check(r#"{"a": 1, "b": 2, "a": 1}"#, "a");
        check(
            r#"{"rules": [{}, {"role": "a", "role": "b"}]}"#,
            "rules[1].role",
        );
        check(r#"{"a": {"b": {"c": [], "c": {}}}}"#, "a.b.c");
        check(r#"[[1, {"x": [2]}, {"y": 1, "y": 2}]]"#, "[0][2].y");
        check(r#"{"a": {"b": 1}, "c": {"b": 1}, "c": 0}"#, "c");
        check(r#"{"": 1, "": 2}"#, "");
    }

    #[test]
    fn a_key_is_what_its_escapes_mean() {
        check(r#"{"allow": 1, "\u0061llow": 2}"#, "allow");
        check(r#"{"\"": 1, "\u0022": 2}"#, "\"");
        check(r#"{"\\": 1, "\u005c": 2}"#, "\\");
        check(r#"{"\ud83d\ude00": 1, "😀": 2}"#, "😀");
    }

    #[test]
    fn what_only_looks_like_a_key_is_none() {
        for text in [
            r#"{"a": "a", "b": "a"}"#,
            r#"{"a": ["b", "b", {"b": "b"}], "b": {"a": "b"}}"#,
            r#"{"a": "\"a\": 1, \"a\": 2", "b": "{\"a\": 1, \"a\": 2}"}"#,
            r#"{"a\\": "\\", "a": "\\\""}"#,
            r#"[{"a": 1}, {"a": 1}]"#,
            r#"{"a": {}, "A": {}}"#,
            r#""a""#,
            "1",
        ] {
            assert!(parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = parse(b"{").unwrap_err();
        let says = "is not valid JSON: EOF while parsing an object at line 1 column 1";
        assert_eq!(error.to_string(), says);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i32>().prop_map(Value::from),
            "[\"\\\\a{}\\[\\],: \u{e9}]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[\"\\\\a{},:]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_has_no_key_twice(value in value()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(parse(text.as_bytes()), Ok(value));
        }

        #[test]
        fn a_second_key_is_found_in_any_object(value in value(), key in "[\"\\\\a{},:]{1,3}") {
            let (key, value) = (json!(key), value.to_string());
            let text = format!("[{value}, {{{key}: {value}, \"zz\": {value}, {key}: {value}}}]");
            let path = format!("[1].{}", key.as_str().unwrap());
            prop_assert_eq!(parse(text.as_bytes()), Err(JsonError::Twice(path)));
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
