//! What a binary is made of, as a software bill of materials: <https://cyclonedx.org/docs/1.5/json/>.
//!
//! It is read from cargo: what is linked into the binary for its target, and not what its tests or its build have besides.
//! No serial number and no time: the same binary has the same bill.

use super::{TOOL, VERSION};
use crate::build::sha256;
use crate::run::{Result, cargo, root};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A package, by name and version.
type Package = (String, String);

/// A package that is linked into the binary.
#[derive(Debug, Default, PartialEq, Eq)]
struct Linked {
    licence: String,
    repository: String,
    needs: BTreeSet<Package>,
}

/// The bill of a binary, as a JSON text.
pub(crate) fn bill(name: &str, bytes: &[u8], target: &str) -> Result<String> {
    let tree = cargo(&["tree", "--locked", "--package", TOOL])
        .args(["--target", target, "--edges", "normal,no-proc-macro"])
        .args([
            "--prefix",
            "depth",
            "--no-dedupe",
            "--format",
            " {p}|{l}|{r}",
        ])
        .output()?;
    if !tree.status.success() {
        return Err(format!("cargo tree: {}", String::from_utf8_lossy(&tree.stderr)).into());
    }
    let linked = linked(&String::from_utf8(tree.stdout)?)?;
    let checksums = checksums(&fs::read_to_string(root().join("Cargo.lock"))?);
    let bill = document(name, &sha256(bytes), &linked, &checksums);
    Ok(format!("{bill:#}\n"))
}

/// Reads what `cargo tree` prints: on each line the depth, and a package below the one that stood last a step higher.
fn linked(tree: &str) -> Result<BTreeMap<Package, Linked>> {
    let mut linked: BTreeMap<Package, Linked> = BTreeMap::new();
    let mut above: Vec<Package> = Vec::new();
    for line in tree.lines() {
        let fault = || format!("cargo tree printed {line}");
        let (depth, rest) = line.split_once(' ').ok_or_else(fault)?;
        let depth: usize = depth.parse().map_err(|_| fault())?;
        let mut fields = rest.split('|');
        let mut words = fields.next().ok_or_else(fault)?.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            return Err(fault().into());
        };
        let version = version.strip_prefix('v').unwrap_or(version);
        let package = (name.to_owned(), version.to_owned());
        above.truncate(depth);
        if let Some(parent) = above.last().and_then(|parent| linked.get_mut(parent)) {
            parent.needs.insert(package.clone());
        }
        above.push(package.clone());
        let entry = linked.entry(package).or_default();
        entry.licence = fields.next().unwrap_or_default().replace('/', " OR ");
        entry.repository = fields.next().unwrap_or_default().to_owned();
    }
    Ok(linked)
}

/// What Cargo.lock has of each package that is not ours.
fn checksums(lock: &str) -> BTreeMap<Package, String> {
    let entries = lock.split("[[package]]").skip(1);
    let read = |entry: &str| {
        let value = |key: &str| {
            let mut lines = entry.lines().filter_map(|line| line.split_once(" = "));
            let (_, value) = lines.find(|(name, _)| *name == key)?;
            Some(value.trim_matches('"').to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    };
    entries.filter_map(read).collect()
}

fn document(
    name: &str,
    digest: &str,
    linked: &BTreeMap<Package, Linked>,
    checksums: &BTreeMap<Package, String>,
) -> Value {
    let own = (TOOL.to_owned(), VERSION.to_owned());
    let components = linked.iter().filter(|(package, _)| **package != own);
    let components: Vec<Value> = components
        .map(|(package, linked)| component(package, linked, checksums.get(package)))
        .collect();
    let dependencies: Vec<Value> = linked
        .iter()
        .map(|(package, linked)| {
            let needs: Vec<String> = linked.needs.iter().map(url).collect();
            json!({ "ref": url(package), "dependsOn": needs })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": url(&own),
            "name": name,
            "version": VERSION,
            "licenses": [{ "expression": "Apache-2.0" }],
            "hashes": [{ "alg": "SHA-256", "content": digest }],
        }},
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(package: &Package, linked: &Linked, checksum: Option<&String>) -> Value {
    let licence = (!linked.licence.is_empty()).then(|| json!([{ "expression": linked.licence }]));
    let hashes = checksum.map(|checksum| json!([{ "alg": "SHA-256", "content": checksum }]));
    let repository = (!linked.repository.is_empty())
        .then(|| json!([{ "type": "vcs", "url": linked.repository }]));
    let (name, version) = package;
    [
        ("type", Some(json!("library"))),
        ("bom-ref", Some(json!(url(package)))),
        ("name", Some(json!(name))),
        ("version", Some(json!(version))),
        ("purl", Some(json!(url(package)))),
        ("licenses", licence),
        ("hashes", hashes),
        ("externalReferences", repository),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect()
}

/// A package's URL: <https://github.com/package-url/purl-spec/blob/main/types-doc/cargo-definition.md>.
fn url((name, version): &Package) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::TARGET;
    use cyclonedx_bom::prelude::*;

    fn package(name: &str, version: &str) -> Package {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn a_package_needs_what_stands_below_it() {
        let tree = "0 a v1.0.0 (/home/x)|MIT|\n1 b v2.0.0+x|MIT/Apache-2.0|https://b\n2 c v3.0.0||\n1 c v3.0.0||\n";
        let linked = linked(tree).unwrap();
        let needs = |name, version| &linked[&package(name, version)].needs;
        assert_eq!(
            *needs("a", "1.0.0"),
            BTreeSet::from([package("b", "2.0.0+x"), package("c", "3.0.0")])
        );
        assert_eq!(
            *needs("b", "2.0.0+x"),
            BTreeSet::from([package("c", "3.0.0")])
        );
        let b = &linked[&package("b", "2.0.0+x")];
        assert_eq!(b.licence, "MIT OR Apache-2.0");
        assert_eq!(url(&package("b", "2.0.0+x")), "pkg:cargo/b@2.0.0%2Bx");
    }

    #[test]
    fn the_bill_is_valid_and_has_what_is_linked_and_no_path() {
        let text = bill("sigv4_egress.wasm", b"\0asm", TARGET).unwrap();
        let read = Bom::parse_from_json(text.as_bytes()).unwrap();
        let found = read.validate_version(SpecVersion::V1_5);
        assert!(found.passed(), "{found:?}");
        let names: BTreeSet<String> = read
            .components
            .unwrap()
            .0
            .into_iter()
            .map(|component| component.name.to_string())
            .collect();
        assert!(
            names.contains("p256") && names.contains("proxy-wasm"),
            "{names:?}"
        );
        // A test's, a build's, the tool's.
        for other in ["proptest", "serde_derive", "rcgen", "sigv4-egress"] {
            assert!(!names.contains(other), "{other}");
        }
        assert!(!text.contains(&root().display().to_string()), "{text}");
    }

    #[test]
    fn each_component_that_is_not_ours_has_the_checksum_of_the_lock_file() {
        let text = bill("sigv4-egress", b"elf", "x86_64-unknown-linux-musl").unwrap();
        let bill: Value = serde_json::from_str(&text).unwrap();
        for component in bill["components"].as_array().unwrap() {
            assert_eq!(
                component["hashes"][0]["content"].as_str().map(str::len),
                Some(64),
                "{component}"
            );
        }
    }
}
