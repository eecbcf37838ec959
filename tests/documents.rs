//! The documents: short where they must be, complete, and every link leads somewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sigv4_egress::config;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The files below a folder, without what builds put there.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !path.is_dir() {
            found.push(path);
        } else if ![".git", "target", "node_modules"].contains(&name) {
            files(&path, found);
        }
    }
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(root(), &mut found);
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(found.len() > 15, "the documents are not where this looks");
    found
}

/// A document without its code blocks and code spans.
fn prose(document: &str) -> String {
    let mut prose = String::new();
    let mut is_code = false;
    for line in document.lines() {
        let is_fence = line.trim_start().starts_with("```");
        if !is_code && !is_fence {
            prose.push_str(line);
            prose.push('\n');
        }
        is_code ^= is_fence;
    }
    // A span may go on in the next line, and ends with its paragraph or row.
    let paragraphs = prose.split("\n\n").flat_map(|text| text.split("\n|"));
    let outside = paragraphs.flat_map(|text| text.split('`').step_by(2).chain(["\n"]));
    outside.collect()
}

/// Where a document's links lead, those to other sites left out.
fn links(document: &str) -> Vec<String> {
    let prose = prose(document);
    let targets = prose
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap());
    targets
        .filter(|target| !target.contains("://"))
        .map(str::to_owned)
        .collect()
}

/// The anchors of a document's headings, as GitHub and GitLab make them.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_code = false;
    for line in document.lines() {
        is_code ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if !is_code && line.starts_with('#') && heading.starts_with(' ') {
            let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
            let anchor: String = heading.trim().chars().filter(kept).collect();
            let anchor = anchor.to_lowercase().replace(' ', "-");
            let mut unused = (0..).map(|copy| match copy {
                0 => anchor.clone(),
                _ => format!("{anchor}-{copy}"),
            });
            let first = unused.find(|anchor| !found.contains(anchor));
            found.extend(first);
        }
    }
    found
}

#[test]
fn the_readme_has_at_most_1500_words() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 1_500, "README.md has {words} words");
}

/// `cargo xtask ci` runs the demo, and with the tests the build.
#[test]
fn the_commands_of_the_readme_are_run_by_ci() {
    let readme = read("README.md");
    let blocks = readme.split("```sh\n").skip(1);
    let commands: Vec<&str> = blocks
        .flat_map(|block| block.split("```").next().unwrap().lines())
        .collect();
    let expected = ["demo", "build", "test"].map(|name| format!("cargo xtask {name}"));
    assert_eq!(commands, expected);
}

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_in_it() {
    let mut broken = Vec::new();
    let mut checked = 0;
    for path in documents() {
        let document = fs::read_to_string(&path).unwrap();
        for link in links(&document) {
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            let leads = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 50, "{checked} links are not all");
}

#[test]
fn links_and_anchors_are_those_that_a_reader_follows() {
    let document = "# A `b` c: d\n## A `b` c: d\n[x](y.md#z), `[not](this)`\n```sh\n# not\n[nor](this)\n```\n\
                    [out](https://example.com/) and [in\nlines](../z)\n";
    assert_eq!(links(document), ["y.md#z", "../z"]);
    let expected = ["a-b-c-d", "a-b-c-d-1"].map(str::to_owned);
    assert_eq!(anchors(document), BTreeSet::from(expected));
}

#[test]
fn the_index_has_every_page() {
    let index = links(&read("docs/README.md"));
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "README.md" {
            assert!(index.contains(&name), "docs/README.md lacks {name}");
        }
    }
}

/// Comments, messages and code spans name pages as `docs/page.md`, from the root.
#[test]
fn pages_that_are_named_exist() {
    let mut found = Vec::new();
    for folder in ["src", "envoy", "tests", "xtask", "docs", ".github"] {
        files(&root().join(folder), &mut found);
    }
    let at_root = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "Cargo.toml",
    ];
    found.extend(at_root.map(|name| root().join(name)));
    let mut named = 0;
    for path in found {
        // What is no text names no page.
        let text = fs::read_to_string(&path).unwrap_or_default();
        for rest in text.split("docs/").skip(1) {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let page = rest.split(|c| !is_of_name(c)).next().unwrap();
            if rest[page.len()..].starts_with(".md") {
                named += 1;
                let page = format!("docs/{page}.md");
                let is_example = page == "docs/page.md";
                assert!(
                    is_example || root().join(&page).exists(),
                    "{} names {page}",
                    path.display()
                );
            }
        }
    }
    assert!(named > 30, "{named} names are not all");
}

/// Whoever sets the proxy alone sends all plain http through it, and most of that is answered 404.
#[test]
fn a_file_that_sets_the_proxy_says_what_goes_past_it() {
    let mut found = documents();
    files(&root().join("envoy"), &mut found);
    found.push(root().join("docker-compose.yml"));
    let mut setting = 0;
    for path in found {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains("HTTP_PROXY=") {
            setting += 1;
            assert!(text.contains("NO_PROXY="), "{}", path.display());
        }
    }
    assert!(setting >= 3, "{setting} files are not all");
}

#[test]
fn the_number_of_hosts_is_that_of_the_tests() {
    let hosts = read("tests/data/botocore-hosts.txt");
    let page = read("docs/policy.md").replace(',', "");
    let stated = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let numbers = hosts
        .lines()
        .next()
        .unwrap()
        .split(|c: char| !c.is_ascii_digit());
    let all = numbers.max_by_key(|number| number.len()).unwrap();
    assert!(
        stated.contains(&format!("each of its {all} hosts")),
        "{all}"
    );
}

#[test]
fn the_configurations_in_documents_are_taken() {
    let environment: config::Environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut taken = 0;
    for path in documents() {
        let document = fs::read_to_string(&path).unwrap();
        for block in document.split("```json\n").skip(1) {
            let json = block.split("```").next().unwrap();
            if json.contains("\"allow\"") {
                let result = config::parse(json.as_bytes(), &environment);
                let error = result.err().map(|error| error.to_string());
                assert_eq!(error, None, "{}", path.display());
                taken += 1;
            }
        }
    }
    assert!(taken >= 2, "the examples are not where this test looks");
}

#[test]
fn the_sandboxs_configuration_is_the_one_that_its_page_shows() {
    let page = read("docs/sandbox.md");
    let (_, shown) = page.split_once("```json\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    assert_eq!(shown, read("envoy/kubernetes/sandbox/filter.json"));
    // The demo's is one, too.
    let environment: config::Environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let demo = read("envoy/demo/sandbox.json");
    let refused = config::parse(demo.as_bytes(), &environment).err();
    assert_eq!(refused.map(|error| error.to_string()), None);
}
