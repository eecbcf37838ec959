//! `cargo xtask bench --size`: where the module's bytes are, into `docs/size.md`.

use crate::build::{self, Names, TARGET};
use crate::run::{Result, cargo, root, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use wasmparser::{Name, NameSectionReader, Parser, Payload, TypeRef};

/// Builds the module as it is shipped, but with the names of its functions, and sums them up.
pub(crate) fn size() -> Result {
    let named = build_with("strip=\"none\"", "size", Names::Kept)?;
    // Where the compiler cares for nothing else.
    let smallest = build_with("opt-level=\"z\"", "size/smallest", Names::Dropped)?;
    let shipped = build::build()?;
    let text = markdown(
        &Sizes::read(&fs::read(named)?)?,
        fs::metadata(shipped)?.len(),
        fs::metadata(smallest)?.len(),
    );
    println!("{text}");
    Ok(fs::write(root().join("docs/size.md"), text)?)
}

/// The module as it is shipped but for one setting of the release profile, built in a directory of its own.
fn build_with(setting: &str, directory: &str, names: Names) -> Result<PathBuf> {
    let directory = build::target().join(directory);
    run(
        cargo(&["build", "--release", "--lib", "--package", "sigv4-egress"])
            .args(["--target", TARGET])
            .args(["--config", &format!("profile.release.{setting}")])
            .arg("--target-dir")
            .arg(&directory),
    )?;
    let compiled = directory.join(TARGET).join("release/sigv4_egress.wasm");
    let module = directory.join("sigv4_egress.wasm");
    build::optimise(&compiled, &module, names)?;
    Ok(module)
}

/// In bytes.
#[derive(Debug, Default)]
struct Sizes {
    /// Of the code, by what it is part of.
    code: BTreeMap<String, u64>,
    /// Of what it starts with in memory: tables, texts.
    data: u64,
}

impl Sizes {
    fn read(module: &[u8]) -> Result<Self> {
        let (mut imported, mut bodies, mut data) = (0, Vec::new(), 0);
        let mut names = BTreeMap::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(bytes(body.range())),
                Payload::DataSection(section) => data = bytes(section.range()),
                Payload::CustomSection(section) if section.name() == "name" => {
                    let reader =
                        wasmparser::BinaryReader::new(section.data(), section.data_offset());
                    for part in NameSectionReader::new(reader) {
                        if let Name::Function(functions) = part? {
                            for naming in functions {
                                let naming = naming?;
                                names
                                    .insert(usize::try_from(naming.index)?, naming.name.to_owned());
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let mut code = BTreeMap::new();
        for (at, size) in bodies.into_iter().enumerate() {
            let name = names.get(&(imported + at)).map_or("", String::as_str);
            *code.entry(part(name)).or_default() += size;
        }
        Ok(Self { code, data })
    }
}

fn bytes(range: Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// What a function of this mangled name is part of: a module of ours, a crate, or neither. A function for a type of one
/// crate by another is part of the first that its name mentions, unless ours is in it.
fn part(name: &str) -> String {
    // Without the crates' hashes, which would stand between their names and the paths.
    let name = format!("{:#}", rustc_demangle::demangle(name));
    let words = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        text.get(..end.unwrap_or(text.len()))
            .unwrap_or_default()
            .to_owned()
    };
    if let Some((_, path)) = name.split_once("sigv4_egress::") {
        return format!("our `{}`", words(path));
    }
    let first = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let path = first
        .filter_map(|word| word.split_once("::"))
        .find(|(of, _)| !of.is_empty());
    match path {
        Some(("core" | "alloc" | "std" | "compiler_builtins" | "hashbrown" | "dlmalloc", _)) => {
            "Rust's standard library".to_owned()
        }
        Some((of, _)) => format!("crate `{of}`"),
        None => "C library, and functions without a name".to_owned(),
    }
}

fn markdown(sizes: &Sizes, shipped: u64, smallest: u64) -> String {
    let mut parts: Vec<(&str, u64)> = sizes
        .code
        .iter()
        .map(|(part, size)| (part.as_str(), *size))
        .collect();
    parts.push((
        "data: tables of endpoints and operations, texts",
        sizes.data,
    ));
    parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let (large, small): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(_, size)| *size >= SMALL);
    let ours = sizes
        .code
        .iter()
        .filter(|(part, _)| part.starts_with("our "));
    let ours: u64 = ours.map(|(_, size)| size).sum();
    let mut text = format!(
        "# Where the module's bytes are\n\n\
         Written by `cargo xtask bench --size`: the module as it is shipped ({shipped} bytes), built once more with the names of its\n\
         functions. Functions are counted where their names say they come from; inlined ones where they went.\n\n\
         The same code built for size alone (`opt-level = \"z\"`) has {smallest} bytes; the goal is 350,000. Our own\n\
         functions take {ours} of the shipped ones, and what they stand on {}: tables, the standard library, crates.\n\n\
         | part | bytes |\n|---|--:|\n",
        shipped.saturating_sub(ours)
    );
    let rest = small.iter().map(|(_, size)| size).sum::<u64>();
    for (part, size) in large
        .into_iter()
        .chain([("all others, each smaller", rest)])
    {
        let _ = writeln!(text, "| {part} | {size} |");
    }
    text
}

/// Parts below this many bytes are summed up.
const SMALL: u64 = 3000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_counted_where_they_come_from() {
        let check = |name, expected| assert_eq!(part(name), expected, "{name}");
        check("sigv4_egress::config::parse", "our `config`");
        check(
            "<sigv4_egress::credentials::cache::Record as serde_core::ser::Serialize>::serialize",
            "our `credentials`",
        );
        check(
            "<alloc::vec::Vec<sigv4_egress::policy::Rule> as core::fmt::Debug>::fmt",
            "our `policy`",
        );
        check(
            "<serde_json::de::Deserializer<R>>::parse_value",
            "crate `serde_json`",
        );
        check("core::fmt::write", "Rust's standard library");
        check(
            "_RNvMNtCsi9YzqDQQz2q_5alloc5allocNtB2_6Global18alloc_impl_runtime",
            "Rust's standard library",
        );
        check("malloc", "C library, and functions without a name");
    }
}
