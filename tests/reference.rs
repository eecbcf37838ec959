//! What the documents list is what the code has.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod prose;

use sigv4_egress::config::schema::schema;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a document with what the code makes of it; `UPDATE=1` writes it.
#[track_caller]
fn check(document: &str, expected: &str) {
    let expected = prose::wrapped(expected);
    let path = root().join(document);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{document} is not what the code has; run: UPDATE=1 cargo test --test reference"
    );
}

#[test]
fn the_configuration_reference_is_that_of_the_code() {
    check(
        "docs/configuration.md",
        &sigv4_egress::config::reference::markdown(),
    );
}

#[test]
fn the_schema_is_that_of_the_code() {
    let path = root().join("docs/configuration.schema.json");
    let expected = schema();
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&expected).unwrap();
        fs::write(&path, text + "\n").unwrap();
    }
    let found = fs::read(&path).unwrap_or_default();
    // Not as texts: how serde_json sorts keys depends on what else is built.
    assert!(
        serde_json::from_slice::<serde_json::Value>(&found).ok() == Some(expected),
        "{} is not what the code has; run: UPDATE=1 cargo test --test reference",
        path.display()
    );
}

#[test]
fn the_reasons_are_those_of_the_code() {
    check(
        "docs/reasons.md",
        &sigv4_egress::refusal::reason::markdown(),
    );
}

#[test]
fn the_stats_are_those_of_the_code() {
    check("docs/stats.md", &sigv4_egress::report::metrics::markdown());
}

/// A stat that somebody adds beside the table is found here, wherever it stands.
#[test]
fn no_stat_of_the_code_is_missing_in_the_document() {
    let document = sigv4_egress::report::metrics::markdown();
    let (mut folders, mut found) = (vec![root().join("src")], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap();
            for rest in source.split("\"sigv4_egress.").skip(1) {
                let name = rest.split(['"', '{', '<']).next().unwrap();
                let stat = format!("`sigv4_egress.{name}");
                assert!(document.contains(&stat), "{}: {stat}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 10, "the stats are not where this test looks");
}
