//! Rules of the source tree that no compiler checks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod prose;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

/// The files with an extension below a folder, without what builds put there.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let is_built = [".git", "target", "node_modules"]
                .iter()
                .any(|name| path.ends_with(name));
            if !is_built {
                found.extend(files(&path, extension));
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files outside the shell whose text holds one of the words.
fn core_files_with(words: &[&str]) -> Vec<PathBuf> {
    let src = root().join("src");
    let core = sources(&src).into_iter().filter(|path| {
        let relative = path.strip_prefix(&src).unwrap();
        !relative.starts_with("filter")
            && relative != Path::new("filter.rs")
            && !relative.starts_with("bin")
    });
    let files: Vec<PathBuf> = core.collect();
    assert!(files.len() > 10, "the core is not where this test looks");
    files
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            words.iter().any(|word| text.contains(word))
        })
        .collect()
}

#[test]
fn only_the_shell_knows_proxy_wasm() {
    assert_eq!(
        core_files_with(&["proxy_wasm", "hostcalls"]),
        Vec::<PathBuf>::new()
    );
}

#[test]
fn one_module_alone_is_unsafe() {
    let src = root().join("src");
    let is_unsafe = |path: &PathBuf| fs::read_to_string(path).unwrap().contains("unsafe");
    let found: Vec<PathBuf> = sources(&src).into_iter().filter(is_unsafe).collect();
    assert_eq!(found, [src.join("filter/abi.rs")]);
}

#[test]
fn the_core_reads_no_clock_no_environment_and_no_files() {
    let words = [
        "SystemTime::now",
        "Instant::now",
        "std::env",
        "std::fs",
        "std::net::Tcp",
        "RandomState",
    ];
    let found = core_files_with(&words).into_iter();
    // These are tests, and ask how many cases they try.
    let found = found.filter(|path| !path.ends_with("schedules.rs"));
    assert_eq!(found.collect::<Vec<_>>(), Vec::<PathBuf>::new());
    // Of the command-line tool, only `main` does.
    let tool = sources(&root().join("src/bin/sigv4-egress"));
    assert!(tool.len() > 5, "the tool is not where this test looks");
    for path in tool.iter().filter(|path| !path.ends_with("main.rs")) {
        let text = fs::read_to_string(path).unwrap();
        for word in words {
            assert!(!text.contains(word), "{word} in {}", path.display());
        }
    }
}

/// A type that derives how it is read brings a deserialiser of its own and the texts of its errors into the module.
#[test]
fn the_core_reads_json_as_values_alone() {
    let words = ["serde::", "serde_json::from_str"];
    let found = core_files_with(&words).into_iter().filter(|path| {
        // Unit tests may.
        let text = fs::read_to_string(path).unwrap();
        let shipped = text.split("#[cfg(test)]").next().unwrap();
        !path.ends_with("tests.rs") && words.iter().any(|word| shipped.contains(word))
    });
    assert_eq!(found.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn no_source_file_is_too_long_to_read_in_one_sitting() {
    for path in sources(&root().join("src")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 700, "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_left_to_do_later() {
    // Spelled in two parts, so that this file passes its own test.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["unimplemented", "!("].concat(),
    ];
    for folder in ["src", "tests", "xtask"] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            for word in &words {
                assert!(
                    !text.contains(word.as_str()),
                    "{word} in {}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_documents_name_modules_that_exist() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut named = 0;
    // Code spans such as `src/cache.rs` or `envoy/envoy.yaml`.
    for span in text.split('`').skip(1).step_by(2) {
        let is_path = ["src/", "envoy/", "tests/", "xtask/"]
            .iter()
            .any(|start| span.starts_with(start));
        if is_path {
            named += 1;
            assert!(root().join(span).exists(), "ARCHITECTURE.md names {span}");
        }
    }
    assert!(named > 5, "ARCHITECTURE.md names no paths any more");
}

/// The paths below `src` that the map in ARCHITECTURE.md shows: two columns for each level, and a few words on each file.
fn mapped() -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, map) = text.split_once("```text\nsrc\n").unwrap();
    let (map, _) = map.split_once("```").unwrap();
    let mut found = BTreeSet::new();
    let mut folders: Vec<&str> = Vec::new();
    for line in map.lines().filter(|line| !line.is_empty()) {
        let entry = line.trim_start();
        let level = (line.len() - entry.len()) / 2;
        let (name, meaning) = entry.split_once(' ').unwrap_or((entry, ""));
        folders.truncate(level - 1);
        folders.push(name);
        let path: PathBuf = folders.iter().collect();
        let says_nothing = name.ends_with(".rs") && meaning.trim().is_empty();
        assert!(!says_nothing, "ARCHITECTURE.md says nothing of {name}");
        assert!(found.insert(path), "ARCHITECTURE.md has twice: {line}");
    }
    found
}

/// The files below `src`, and their folders. Tests stand beside what they test, and are not in the map.
fn in_the_tree() -> BTreeSet<PathBuf> {
    let src = root().join("src");
    let mut found = BTreeSet::new();
    for path in sources(&src) {
        let path = path.strip_prefix(&src).unwrap();
        let is_test = path.ends_with("tests.rs") || path.iter().any(|name| name == "tests");
        if !is_test {
            let parts = path.ancestors().filter(|part| *part != Path::new(""));
            found.extend(parts.map(Path::to_owned));
        }
    }
    found
}

#[test]
fn the_map_has_every_file_and_no_other() {
    let (mapped, tree) = (mapped(), in_the_tree());
    let missing = tree.difference(&mapped).map(|path| ("missing", path));
    let gone = mapped
        .difference(&tree)
        .map(|path| ("no longer there", path));
    let faults: Vec<String> = missing
        .chain(gone)
        .map(|(fault, path)| format!("src/{}: {fault}", path.display()))
        .collect();
    assert!(
        faults.is_empty(),
        "the map of `src` in ARCHITECTURE.md:\n{}",
        faults.join("\n")
    );
}

/// `UPDATE=1` fills the paragraphs that are too wide.
#[test]
fn prose_is_at_most_120_columns_wide() {
    for path in files(root(), "md") {
        let text = fs::read_to_string(&path).unwrap();
        let wrapped = prose::wrapped(&text);
        if std::env::var_os("UPDATE").is_some() && wrapped != text {
            fs::write(&path, &wrapped).unwrap();
        } else {
            let mut lines = text.lines().zip(wrapped.lines());
            let wide = lines.find(|(found, filled)| found != filled);
            assert!(
                wrapped == text,
                "{} is wider than {} columns; run: UPDATE=1 cargo test --test tidy\n{wide:?}",
                path.display(),
                prose::WIDTH
            );
        }
    }
}

#[test]
fn wide_paragraphs_are_filled_and_all_else_stays() {
    let long = "twelve chars ".repeat(10);
    let long = long.trim_end();
    let (a, b) = (&long[..116], &long[117..]);
    let document = format!(
        "# {long}\n\n{long}\nmore\n\nshort\nlines\n- {long}\n\n```\n{long}\n```\n| {long}\n"
    );
    let expected = format!(
        "# {long}\n\n{a}\n{b} more\n\nshort\nlines\n- {a}\n  {b}\n\n```\n{long}\n```\n| {long}\n"
    );
    assert_eq!(prose::wrapped(&document), expected);
    assert_eq!(prose::wrapped(&expected), expected);
}
