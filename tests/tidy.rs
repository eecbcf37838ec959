//! Rules of the source tree that no compiler checks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
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
