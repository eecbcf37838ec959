//! The shape of the source tree: no import circles between files, and no function that needs scrolling.
//!
//! Files are read as text that `cargo fmt` has formatted: a function ends at the brace below its first letter, and a module's
//! tests stand at its end. `SRC` names another tree to judge.
//!
//! An import counts as one of the file that defines the item, not of the one that passes it on, and a file that only
//! passes an item on does not import it. What a file takes from the module that it is inside of counts like all else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Generated tables, and the files of their types: each imports the other.
const TABLES: &[[&str; 2]] = &[["endpoint::partition", "endpoint::table"]];

/// A function may have so many lines.
const MAX_LINES: usize = 80;

fn src() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    std::env::var_os("SRC").map_or_else(own, PathBuf::from)
}

/// What one file says of the others.
#[derive(Default)]
struct File {
    /// Its name for each thing that it imports, and the thing's path.
    imports: BTreeMap<String, Vec<String>>,
    /// Whatever else it names by a path: each path's words.
    paths: Vec<Vec<String>>,
    /// Modules whose every item it imports.
    globs: Vec<Vec<String>>,
    /// What it passes on.
    passed_on: BTreeSet<String>,
    /// The names in its code, other than those of fields, methods and paths' ends.
    names: BTreeSet<String>,
}

/// The files of one crate by module, such as `endpoint::host`, without their tests. The root is the empty name.
type Modules = BTreeMap<String, File>;

/// Reads the crate whose root is this file of `src`.
fn modules(root: &str) -> Modules {
    let root = src().join(root);
    let mut found = Modules::new();
    let folder = root.parent().unwrap().to_owned();
    add(&mut found, &root, &folder, "");
    found
}

/// Adds a file, and the files of the modules that it declares.
fn add(found: &mut Modules, path: &Path, folder: &Path, name: &str) {
    let text = fs::read_to_string(path).expect("a file of a module that is declared");
    let words = as_one_module(words(without_tests(&text)));
    let mut file = File::default();
    for child in read(&mut file, &words) {
        let files = [
            folder.join(format!("{child}.rs")),
            folder.join(&child).join("mod.rs"),
        ];
        let path = files.iter().find(|path| path.exists()).unwrap();
        add(found, path, &folder.join(&child), &join(name, &child));
    }
    found.insert(name.to_owned(), file);
}

/// Reads a file's words, and returns the modules that it declares.
fn read(file: &mut File, words: &[String]) -> Vec<String> {
    let mut children = Vec::new();
    let mut place = 0;
    while let Some(word) = words.get(place) {
        let next = words.get(place + 1).map_or("", String::as_str);
        let after = words.get(place + 2).map_or("", String::as_str);
        let before = place.checked_sub(1).map_or("", |before| &words[before]);
        if word == "use" {
            let is_public = matches!(before, "pub" | ")");
            place = import(file, words, place + 1, &[], is_public);
        } else if word == "mod" && after == ";" {
            children.push(next.to_owned());
        } else if is_name(word) && !matches!(before, "::" | "." | "fn" | "mod") {
            file.names.insert(word.clone());
            let mut path = vec![word.clone()];
            while words.get(place + 1).is_some_and(|word| word == "::")
                && words.get(place + 2).is_some_and(|word| is_name(word))
            {
                path.push(words[place + 2].clone());
                place += 2;
            }
            if path.len() > 1 {
                file.paths.push(path);
            }
        }
        place += 1;
    }
    children
}

/// Reads one tree of an import from a place on, and returns the place where it ends.
fn import(
    file: &mut File,
    words: &[String],
    mut place: usize,
    before: &[String],
    is_public: bool,
) -> usize {
    let mut path = before.to_vec();
    while let Some(word) = words.get(place) {
        match word.as_str() {
            "{" => {
                while words[place] != "}" {
                    place = import(file, words, place + 1, &path, is_public);
                }
                return place + 1;
            }
            "*" => file.globs.push(path.clone()),
            "::" => {}
            "," | "}" | ";" => break,
            "as" => {
                let target = std::mem::take(&mut path);
                file.imports.insert(words[place + 1].clone(), target);
                place += 1;
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        place += 1;
    }
    let is_glob = words[place - 1] == "*";
    if let (Some(name), false) = (path.last(), is_glob) {
        if is_public {
            file.passed_on.insert(name.clone());
        }
        // A name alone is a crate's, or the file's own.
        if path.len() > 1 {
            file.imports.insert(name.clone(), path);
        }
    }
    place
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn join(module: &str, child: &str) -> String {
    if module.is_empty() {
        child.to_owned()
    } else {
        format!("{module}::{child}")
    }
}

/// A file up to its unit tests, and without the declarations of files that are tests.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            match lines.next() {
                Some(line) if line.ends_with(';') => continue,
                _ => break,
            }
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// Names and signs, without comments and literals. `::` is one sign.
fn words(text: String) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = literal(rest) {
            length
        } else if is_name(rest) {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            end.unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        let is_literal = literal(rest).is_some();
        if !is_literal && !word.starts_with("//") && !word.trim().is_empty() {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

/// The same, where modules within the file are not told from the file: what they call `super` is the file itself.
fn as_one_module(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut is_of_module = Vec::new();
    let mut before = ["", ""];
    for word in &words {
        match word.as_str() {
            "{" => is_of_module.push(before[0] == "mod"),
            "}" => {
                is_of_module.pop();
            }
            _ => {}
        }
        kept.push(word.clone());
        let is_first = before[1] == "super" && before[0] != "::";
        if word == "::" && is_first && is_of_module.contains(&true) {
            kept.truncate(kept.len() - 2);
        }
        before = [before[1], word];
    }
    kept
}

/// The length of the string or character that a text begins with.
fn literal(text: &str) -> Option<usize> {
    let unprefixed = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(text.len() - inside.len() + inside.find(&end)? + end.len());
    }
    let quote = unprefixed.chars().next().filter(|c| "'\"".contains(*c))?;
    let mut escaped = false;
    for (place, c) in unprefixed.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(prefix + place + 1),
            // A lifetime, which nothing ends.
            _ if quote == '\'' && !unprefixed[place..].starts_with(|_| place == 1) => return None,
            _ => {}
        }
    }
    None
}

/// The file that defines what a path names in a module; `None` for what is of another crate, or a module itself.
fn definer(modules: &Modules, module: &str, path: &[String], depth: usize) -> Option<String> {
    let (first, mut rest) = path.split_first()?;
    let mut at = match first.as_str() {
        "crate" => String::new(),
        "self" => module.to_owned(),
        "super" => parent(module)?.to_owned(),
        _ => {
            let child = join(module, first);
            if modules.contains_key(&child) {
                child
            } else {
                let imported = modules[module].imports.get(first)?;
                let whole = [imported, rest].concat();
                let leads_on = depth < 9 && *imported != path;
                return leads_on
                    .then(|| definer(modules, module, &whole, depth + 1))
                    .flatten();
            }
        }
    };
    while let Some((word, after)) = rest.split_first() {
        let child = join(&at, word);
        if word == "super" {
            at = parent(&at)?.to_owned();
        } else if modules.contains_key(&child) {
            at = child;
        } else if modules[&at].imports.contains_key(word) && depth < 9 {
            return definer(modules, &at, rest, depth + 1);
        } else {
            return Some(at);
        }
        rest = after;
    }
    None
}

fn parent(module: &str) -> Option<&str> {
    if module.is_empty() {
        return None;
    }
    Some(module.rsplit_once("::").map_or("", |(parent, _)| parent))
}

/// The files that each file imports from, without the modules that it is inside of.
fn edges(modules: &Modules) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut edges = BTreeMap::new();
    for (name, file) in modules {
        let mut to = BTreeSet::new();
        let used = file.imports.iter();
        let is_used = |name: &String| !file.passed_on.contains(name) || file.names.contains(name);
        let used = used.filter(|(name, _)| is_used(name));
        let paths = used.map(|(_, path)| path).chain(&file.paths);
        for path in paths {
            to.extend(definer(modules, name, path, 0));
        }
        for glob in &file.globs {
            let something = [glob.as_slice(), &["".to_owned()]].concat();
            to.extend(definer(modules, name, &something, 0));
        }
        let to = to.iter().filter_map(|to| modules.get_key_value(to));
        let to = to.map(|(to, _)| to.as_str());
        let to: BTreeSet<&str> = to.filter(|to| to != name).collect();
        edges.insert(name.as_str(), to);
    }
    edges
}

/// All that can be reached from a file.
fn reached<'m>(edges: &BTreeMap<&'m str, BTreeSet<&'m str>>, from: &str) -> BTreeSet<&'m str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = edges[from].iter().copied().collect();
    while let Some(file) = next.pop() {
        if found.insert(file) {
            next.extend(&edges[file]);
        }
    }
    found
}

/// Each circle with its imports, a line each.
fn circles(modules: &Modules) -> Vec<String> {
    let edges = edges(modules);
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges
        .keys()
        .map(|from| (*from, reached(&edges, from)))
        .collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        let circle = others.iter().filter(|other| reached[*other].contains(file));
        let circle: Vec<&str> = circle.copied().collect();
        let is_table = TABLES.iter().any(|table| circle == *table);
        if !circle.is_empty() && !is_table {
            found.insert(circle);
        }
    }
    let show = |circle: Vec<&str>| {
        let mut text = String::new();
        for from in &circle {
            let to = edges[from].iter().filter(|to| circle.contains(to));
            text.extend(to.map(|to| format!("  {from} imports from {to}\n")));
        }
        text
    };
    found.into_iter().map(show).collect()
}

#[test]
fn no_files_import_from_each_other_in_a_circle() {
    for (root, least) in [("lib.rs", 50), ("bin/sigv4-egress/main.rs", 5)] {
        let modules = modules(root);
        assert!(modules.len() > least, "{root} has lost its modules");
        let circles = circles(&modules);
        assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
    }
}

/// The tables import from each other: if that is not seen, no circle is.
#[test]
fn an_import_that_is_passed_on_counts_as_one_of_its_own_file() {
    let modules = modules("lib.rs");
    let edges = edges(&modules);
    for [one, other] in TABLES {
        assert!(edges[one].contains(other) && edges[other].contains(one));
    }
    // `endpoint.rs` only passes it on.
    assert!(edges["policy"].contains("endpoint::bucket"));
}

/// A circle of a parent and its child, as it stood in many rooms.
#[test]
fn an_import_from_the_module_around_a_file_is_a_step_of_a_circle() {
    let file = |text: &str| {
        let mut file = File::default();
        read(&mut file, &as_one_module(words(text.to_owned())));
        file
    };
    let circles_of = |parent: &str, child: &str| {
        let files = [("", ""), ("room", parent), ("room::child", child)];
        let named = |(name, text): (&str, &str)| (name.to_owned(), file(text));
        circles(&files.into_iter().map(named).collect())
    };
    let both = "  room imports from room::child\n  room::child imports from room\n";
    let (parent, child) = (
        "mod child; use child::B; struct A(B);",
        "use super::A; struct B;",
    );
    assert_eq!(circles_of(parent, child), [both]);
    let by_path = "fn b() -> crate::room::A {}";
    assert_eq!(circles_of(parent, by_path), [both]);
    // It uses what it passes on.
    let passes_on = "mod child; pub use child::B; struct A(B);";
    assert_eq!(circles_of(passes_on, child), [both]);
    let only_passes_on = "mod child; pub use child::B; struct A;";
    assert!(circles_of(only_passes_on, child).is_empty());
    // The module around it is within the file.
    let with_a_module = "struct B; pub mod inner { use super::{B, C}; use super::super::A; }";
    assert_eq!(circles_of(parent, with_a_module), [both]);
    let of_itself = "struct B; pub mod inner { use super::B; fn b() -> super::B {} }";
    assert!(circles_of(parent, of_itself).is_empty());
}

#[test]
fn literals_and_comments_are_no_imports() {
    let text = r##"// use a::b;
        let x = "use a::b; \" c"; 'l' '\'' &'a str r#"d::e "f" "# b"g" rest::of"##;
    let found = words(text.to_owned()).join(" ");
    assert_eq!(found, "let x = ; & ' a str rest :: of");
}

/// The lines of the functions in a text, without their tests: name, first line and number of lines.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let text = without_tests(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let words: Vec<&str> = code.split(' ').collect();
        let is_prefix = |word: &&str| {
            word.starts_with("pub")
                || matches!(*word, "in" | "const" | "unsafe" | "extern" | "\"C\"")
        };
        let mut words = words.into_iter().skip_while(is_prefix);
        if words.next() != Some("fn") || code.ends_with(';') {
            continue;
        }
        let name = words.next().unwrap_or_default();
        let name = name.split(['(', '<']).next().unwrap_or_default();
        let end = [indent, "}"].concat();
        let length = lines[place..].iter().position(|line| *line == end);
        // Of one line, or a declaration.
        let length = if code.ends_with('}') { Some(0) } else { length };
        found.extend(length.map(|length| (name.to_owned(), place + 1, length + 1)));
    }
    found
}

/// The files below a folder, without those that are tests.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.ends_with("tests.rs") || path.ends_with("tests");
        if path.is_dir() && !is_test {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|found| found == "rs") && !is_test {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_function_needs_scrolling() {
    let mut count = 0;
    let mut long = Vec::new();
    for path in files(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        for (name, line, length) in functions(&text) {
            count += 1;
            if length > MAX_LINES {
                long.push(format!(
                    "{}:{line}: {name} has {length} lines",
                    path.display()
                ));
            }
        }
    }
    assert!(count > 500, "only {count} functions are found");
    assert!(
        long.is_empty(),
        "functions of more than {MAX_LINES} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn a_function_ends_at_its_own_brace() {
    let text = "    pub(crate) fn a(\n        x: u8,\n    ) {\n        if x {\n        }\n    }\nfn b() {}\n#[cfg(test)]\nmod tests {\nfn c() {\n}\n";
    let found = functions(text);
    assert_eq!(found, [("a".to_owned(), 1, 6), ("b".to_owned(), 7, 1)]);
}
