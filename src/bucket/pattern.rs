//! Patterns for the names of buckets: a name, or with a `*` at its end all names that begin so.

use super::suffix::{DIRECTORY_BUCKET, EXPRESS_ALIAS, is_alias};
use std::collections::HashMap;

/// Buckets of us-east-1 from before March 2018 have names of up to 255 characters ("General purpose bucket naming rules").
pub(super) const MAX_LENGTH: usize = 255;

/// Old names of us-east-1 have capital letters and underscores, too.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// Whether a text can be the name of a bucket or the alias of an access point, today's or one from before 2018, or the
/// beginning of such names with a `*` behind it.
pub fn is_pattern(text: &str) -> bool {
    let is_made_of = |text: &str| text.bytes().all(is_name_byte);
    match text.strip_suffix('*') {
        Some(prefix) => (1..=MAX_LENGTH).contains(&prefix.len()) && is_made_of(prefix),
        None => {
            (3..=MAX_LENGTH).contains(&text.len())
                && is_made_of(text)
                && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
                && text.parse::<std::net::Ipv4Addr>().is_err()
                && has_zone(text)
        }
    }
}

/// The names of directory buckets and of their access points hold the zone: `<name>--<zone>--x-s3`.
fn has_zone(name: &str) -> bool {
    let bucket = name.strip_suffix(DIRECTORY_BUCKET);
    let Some(name) = bucket.or_else(|| name.strip_suffix(EXPRESS_ALIAS)) else {
        return true;
    };
    let parts = name.rsplit_once("--");
    parts.is_some_and(|(name, zone)| !name.is_empty() && !zone.is_empty())
}

/// Whether only a bucket of us-east-1 from before March 2018 can have such a name.
pub fn is_legacy(pattern: &str) -> bool {
    let name = pattern.trim_end_matches('*');
    name.len() > 63
        || name
            .bytes()
            .any(|byte| byte == b'_' || byte.is_ascii_uppercase())
}

/// Whether a bucket's name fits a pattern.
pub fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

/// Whether a pattern is for all that another one is for. Aliases are named as they are.
#[inline(never)]
pub fn covers(pattern: &str, other: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => !is_alias(other) && other.starts_with(prefix),
        None => pattern == other,
    }
}

/// The places of patterns in a list. A name finds those that it fits with as many look-ups as prefixes have lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    names: HashMap<String, Vec<usize>>,
    prefixes: HashMap<String, Vec<usize>>,
    /// Of the prefixes, ascending.
    lengths: Vec<usize>,
}

impl Patterns {
    /// Adds a place of a pattern.
    pub fn add(&mut self, pattern: &str, place: usize) {
        let (map, name) = match pattern.strip_suffix('*') {
            Some(prefix) => (&mut self.prefixes, prefix),
            None => (&mut self.names, pattern),
        };
        map.entry(name.to_owned()).or_default().push(place);
        if pattern.len() > name.len()
            && let Err(place) = self.lengths.binary_search(&name.len())
        {
            self.lengths.insert(place, name.len());
        }
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty()
    }

    /// The patterns, sorted.
    #[cfg(not(target_family = "wasm"))]
    pub fn patterns(&self) -> Vec<String> {
        let prefixes = self.prefixes.keys().map(|prefix| format!("{prefix}*"));
        let mut patterns: Vec<String> = self.names.keys().cloned().chain(prefixes).collect();
        patterns.sort_unstable();
        patterns
    }

    /// The places of this very name.
    pub fn of_name(&self, name: &str) -> Option<&[usize]> {
        self.names.get(name).map(Vec::as_slice)
    }

    /// The places of the patterns that a name fits, pattern by pattern.
    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p [usize]> {
        let prefixes = self
            .lengths
            .iter()
            .map_while(|length| name.get(..*length))
            .filter_map(|prefix| self.prefixes.get(prefix).map(Vec::as_slice));
        self.of_name(name).into_iter().chain(prefixes)
    }
}
