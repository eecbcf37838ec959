//! Cases in files: what somebody applies, and what is said to it.

use std::path::Path;

use crate::{Answer, Value, documents, json, kubectl, until};

/// The namespace whose pods may have AWS.
pub const ENABLED: &str = "reports";
/// A namespace of another team.
pub const OTHER: &str = "other";

/// What one case applies.
struct Case<'a> {
    name: &'a str,
    namespace: &'a str,
    object: Value,
    /// A part of what refuses it; `None`: it is taken.
    says: Option<&'a str>,
}

/// Tries each case of `cases/NAME.yaml`: first what is refused, until it is, then what is taken.
///
/// # Panics
///
/// With all cases that ended another way.
pub fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("cases/{name}.yaml"));
    let file = &documents(&path)[0];
    let cases = file["cases"].as_array().expect("cases");
    let cases: Vec<Case> = cases.iter().map(|case| read(file, case)).collect();
    let (refused, taken): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.says.is_some());
    assert!(
        !refused.is_empty() && !taken.is_empty(),
        "{name}: both kinds"
    );
    let faults: Vec<String> = refused.into_iter().chain(taken).filter_map(fault).collect();
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
}

/// `base` is what the objects of a file have in common.
fn read<'a>(file: &'a Value, case: &'a Value) -> Case<'a> {
    let name = case["case"].as_str().expect("a case says what it is");
    let mut object = file["base"].clone();
    merge(&mut object, &case["object"]);
    if object["metadata"]["name"].is_null() {
        object["metadata"]["name"] = json!("mine");
    }
    Case {
        name,
        namespace: case["in"].as_str().unwrap_or(ENABLED),
        object,
        says: case["says"].as_str(),
    }
}

/// Maps are merged, all else is replaced, and null takes away.
fn merge(base: &mut Value, change: &Value) {
    let (Value::Object(base), Value::Object(change)) = (&mut *base, change) else {
        *base = change.clone();
        return;
    };
    for (key, value) in change {
        if value.is_null() {
            base.remove(key);
        } else {
            merge(base.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// What is wrong with how a case ended.
fn fault(case: &Case) -> Option<String> {
    let answer = match case.says {
        Some(says) => until(
            |answer| answer.as_ref().is_err_and(|error| error.contains(says)),
            || create(case.namespace, &case.object),
        ),
        None => create(case.namespace, &case.object),
    };
    let ended = match &answer {
        Ok(said) => format!("was taken: {said}"),
        Err(error) => format!("was refused: {error}"),
    };
    let is_right = match case.says {
        Some(says) => answer.is_err_and(|error| error.contains(says)),
        None => answer.is_ok(),
    };
    (!is_right).then(|| format!("- {}: {ended}", case.name))
}

/// Has the API server judge an object without keeping it.
pub fn create(namespace: &str, object: &Value) -> Answer {
    let arguments = [
        "create",
        "--dry-run=server",
        "--validate=strict",
        "--output=json",
        "--namespace",
        namespace,
        "--filename=-",
    ];
    kubectl(&arguments, &object.to_string())
}
