//! `cargo xtask chart`: the files of `envoy/istio` from the chart in `envoy/helm`, and the part of its schema that is the
//! filter's.
//!
//! Whoever has no Helm applies these files, or takes them into Kustomize; so each is the chart's output for one of its examples.

use crate::run::{Result, root};
use crate::tools;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const SCHEMA: &str = "envoy/helm/values.schema.json";
const CONFIGURATION: &str = "docs/configuration.schema.json";

/// The files, the template and the example of each, and whether it is the workload to start from.
const FILES: &[(&str, &str, &str)] = &[
    ("loopback.yaml", "loopback", "loopback"),
    ("captured.yaml", "captured", "captured"),
    ("transparent.yaml", "transparent", "transparent"),
    ("pod.yaml", EXAMPLE, "loopback"),
    ("pod-captured.yaml", EXAMPLE, "captured"),
    ("injection.yaml", "injection", "service-account"),
];

const EXAMPLE: &str = "example";

/// What a reader wants to see first comes first; Helm orders by what must be there first.
const ORDER: &[&str] = &[
    "ServiceAccount",
    "Deployment",
    "EnvoyFilter",
    "ConfigMap",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

/// Of the filter's keys, those that are values of their own, and those whose names the templates rely on.
const KEYS_OF_THE_CHART: &[&str] = &[
    "allow",
    "clusters",
    "container_cluster",
    "max_body_bytes",
    "mode",
    "ports",
    "position",
    "region",
    "role_arn",
    "sts_cluster",
    "sts_hosts",
    "token_cluster",
];

/// What becomes of files that would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// They are written.
    Write,
    /// They stay, and that they would change is an error.
    Refuse,
}

/// Renders the files.
pub(crate) fn chart(changes: Changes) -> Result {
    let helm = tools::helm()?;
    let mut changed = Vec::new();
    let mut put = |path: String, text: String| -> Result {
        let file = root().join(&path);
        if fs::read_to_string(&file).is_ok_and(|before| before == text) {
            return Ok(());
        }
        if changes == Changes::Write {
            fs::write(file, text)?;
        }
        changed.push(path);
        Ok(())
    };
    // First, because Helm reads it.
    put(SCHEMA.to_owned(), schema()?)?;
    for (file, template, example) in FILES {
        let path = format!("envoy/istio/{file}");
        put(path, rendered(&helm, template, example)?)?;
    }
    match (changed.is_empty(), changes) {
        (true, _) => println!("nothing changed"),
        (false, Changes::Write) => println!("changed: {}", changed.join(", ")),
        (false, Changes::Refuse) => {
            let changed = changed.join(", ");
            return Err(format!("run `cargo xtask chart`: {changed} would change").into());
        }
    }
    Ok(())
}

/// What a template gives for an example.
fn rendered(helm: &Path, template: &str, example: &str) -> Result<String> {
    let mut helm = Command::new(helm);
    helm.current_dir(root())
        .args(["template", "sigv4-egress", "envoy/helm"])
        .args(["--namespace", "reports"])
        .arg("--values")
        .arg(format!("envoy/helm/examples/{example}.yaml"))
        .arg("--show-only")
        .arg(format!("templates/{template}.yaml"));
    if template == EXAMPLE {
        helm.args(["--set", "example=true"]);
    }
    let output = helm.output().map_err(|error| format!("helm: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("helm, {example}: {}", said.trim()).into());
    }
    let with = if template == EXAMPLE {
        " and example=true"
    } else {
        ""
    };
    Ok(format!(
        "# Made by `cargo xtask chart` from envoy/helm, with examples/{example}.yaml{with}: change those, and not this file.\n#\n{}",
        ordered(&String::from_utf8(output.stdout)?)
    ))
}

/// Helm's documents in the order of a reader, without their sources.
fn ordered(printed: &str) -> String {
    let documents = printed.split("---\n# Source: ").skip(1);
    let mut documents: Vec<(usize, &str)> = documents
        .map(|document| {
            let text = document.split_once('\n').map_or("", |(_, text)| text);
            let kind = text.lines().find_map(|line| line.strip_prefix("kind: "));
            let place = ORDER.iter().position(|known| Some(*known) == kind);
            (place.unwrap_or(ORDER.len()), text.trim())
        })
        .collect();
    documents.sort_by_key(|(place, _)| *place);
    let texts: Vec<&str> = documents.iter().map(|(_, text)| *text).collect();
    let joined = texts.join("\n---\n");
    let lines = joined.lines().map(str::trim_end);
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// The values' schema, with the filter's keys as the filter has them.
fn schema() -> Result<String> {
    let (mut schema, mut definitions) = (read(SCHEMA)?, read(CONFIGURATION)?);
    let definitions = fields(&mut definitions, "/$defs")?;
    // Of the filter; the other positions are the templates' to configure.
    let mut rest = definitions
        .remove("filter")
        .ok_or_else(|| format!("{CONFIGURATION} has no filter"))?;
    definitions.retain(|_, definition| definition.pointer("/properties/position").is_none());
    let keys = fields(&mut rest, "/properties")?;
    let own = |key: &str| {
        let found = keys.get(key).cloned();
        found.ok_or_else(|| format!("{CONFIGURATION} has no {key}"))
    };
    let (allow, mode) = (own("allow")?, own("mode")?);
    let (mut ports, mut most) = (own("ports")?, own("max_body_bytes")?);
    fields(&mut ports, "")?.remove("default");
    // Every request of a service whose bodies are hashed would be answered 413.
    fields(&mut most, "")?.insert("minimum".to_owned(), json!(1));
    keys.retain(|key, _| !KEYS_OF_THE_CHART.contains(&key.as_str()));
    let whole = fields(&mut rest, "")?;
    // That `allow` is required: of the values, the schema says it itself.
    for word in ["required", "if", "then", "else"] {
        whole.remove(word);
    }
    whole.insert("description".to_owned(), json!("More keys of the filter."));
    fields(&mut schema, "/properties/loopback/properties")?.insert("ports".to_owned(), ports);
    let values = fields(&mut schema, "/properties")?;
    values.insert("allow".to_owned(), allow);
    values.insert("mode".to_owned(), mode);
    values.insert("configuration".to_owned(), rest);
    values.insert("maxBodyBytes".to_owned(), most);
    let definitions = Value::Object(definitions.clone());
    fields(&mut schema, "")?.insert("$defs".to_owned(), definitions);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

fn read(path: &str) -> Result<Value> {
    let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}").into())
}

/// The fields of the object at a JSON pointer.
fn fields<'a>(value: &'a mut Value, pointer: &str) -> Result<&'a mut Map<String, Value>> {
    let object = value.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.ok_or_else(|| format!("no object at {pointer}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_in_the_order_of_a_reader() {
        let printed = "---\n# Source: a/b.yaml\nkind: ConfigMap\n---\n# Source: a/c.yaml\n# Why.\nkind: EnvoyFilter\nx: 1  \n";
        assert_eq!(
            ordered(printed),
            "# Why.\nkind: EnvoyFilter\nx: 1\n---\nkind: ConfigMap\n"
        );
    }

    #[test]
    fn the_schema_is_that_of_the_filter() {
        assert_eq!(
            schema().unwrap(),
            fs::read_to_string(root().join(SCHEMA)).unwrap()
        );
    }
}
