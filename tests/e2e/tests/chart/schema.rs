//! Istio's own definitions of its resources, read strictly: what they do not name is a fault, as with
//! `kubectl apply --validate=strict`.

use std::collections::BTreeMap;
use std::fs;

use e2e::{Value, envoy};

/// By group, version and kind.
pub(crate) struct Definitions(BTreeMap<(String, String), Value>);

/// Of Kubernetes: Istio has no definition of them.
const OTHERS: &[&str] = &[
    "v1 ConfigMap",
    "v1 ServiceAccount",
    "apps/v1 Deployment",
    "admissionregistration.k8s.io/v1 MutatingAdmissionPolicy",
    "admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding",
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy",
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding",
];

impl Definitions {
    pub(crate) fn of_istio() -> Self {
        let path = envoy::workspace().join("target/tools/istio-crds/crds.yaml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; cargo xtask test --only chart fetches it",
                path.display()
            )
        });
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
        let mut found = BTreeMap::new();
        for definition in documents.iter().filter(|document| document.is_object()) {
            let spec = &definition["spec"];
            let kind = spec["names"]["kind"].as_str().expect("a kind");
            for version in spec["versions"].as_array().expect("versions") {
                let group = spec["group"].as_str().expect("a group");
                let name = version["name"].as_str().expect("a version");
                found.insert(
                    (format!("{group}/{name}"), kind.to_owned()),
                    version["schema"]["openAPIV3Schema"].clone(),
                );
            }
        }
        Self(found)
    }

    fn of(&self, document: &Value) -> Option<&Value> {
        let word = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        self.0.get(&(word("apiVersion"), word("kind")))
    }

    pub(crate) fn know(&self, document: &Value) -> bool {
        self.of(document).is_some()
    }

    /// What a resource has that its definition has not, each by its place.
    pub(crate) fn faults(&self, document: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        match self.of(document) {
            Some(definition) => {
                // Every resource has it, and no definition says what is in it.
                let mut rest = document.clone();
                for key in ["apiVersion", "kind", "metadata"] {
                    rest.as_object_mut().expect("an object").remove(key);
                }
                check(&rest, definition, "", &mut faults);
            }
            None => {
                let word = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
                let name = format!("{} {}", word("apiVersion"), word("kind"));
                if !OTHERS.contains(&name.as_str()) {
                    faults.push(format!("no such resource: {name}"));
                }
            }
        }
        faults
    }
}

fn check(value: &Value, definition: &Value, at: &str, faults: &mut Vec<String>) {
    let is_of_type = match definition["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        _ => true,
    };
    let is_either = definition["x-kubernetes-int-or-string"] == true;
    if !is_of_type && !is_either {
        faults.push(format!("{at}: not of type {}", definition["type"]));
        return;
    }
    if let Some(words) = definition["enum"].as_array()
        && !words.contains(value)
    {
        faults.push(format!("{at}: {value} is none of {words:?}"));
    }
    if let Some(most) = definition["maxLength"].as_u64()
        && value.as_str().is_some_and(|text| text.len() as u64 > most)
    {
        faults.push(format!("{at}: longer than {most}"));
    }
    let is_open = definition["x-kubernetes-preserve-unknown-fields"] == true;
    match value {
        Value::Object(fields) => {
            let rest = &definition["additionalProperties"];
            for (key, field) in fields {
                let at = format!("{at}/{key}");
                match definition["properties"].get(key) {
                    Some(known) => check(field, known, &at, faults),
                    None if rest.is_object() => check(field, rest, &at, faults),
                    None if is_open => {}
                    None => faults.push(format!("{at}: no such field")),
                }
            }
            for required in definition["required"].as_array().into_iter().flatten() {
                if !fields.contains_key(required.as_str().expect("a name")) {
                    faults.push(format!("{at}: {required} is missing"));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(item, &definition["items"], &format!("{at}/{index}"), faults);
            }
        }
        _ => {}
    }
}
