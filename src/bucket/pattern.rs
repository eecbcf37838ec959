//! Patterns for the names of buckets: a name, or with a `*` at its end all names that begin so.

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

/// A directory bucket's name holds its zone: `<name>--<zone>--x-s3`.
fn has_zone(name: &str) -> bool {
    let Some(name) = name.strip_suffix(super::DIRECTORY_BUCKET) else {
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

/// Something for each pattern. A name finds what is for it with as many look-ups as prefixes have lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns<T> {
    names: HashMap<String, T>,
    prefixes: HashMap<String, T>,
    /// Of the prefixes, ascending.
    lengths: Vec<usize>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
            prefixes: HashMap::new(),
            lengths: Vec::new(),
        }
    }
}

impl<T> Patterns<T> {
    /// What is for this pattern; `new` where nothing was.
    pub fn entry(&mut self, pattern: &str, new: T) -> &mut T {
        let Some(prefix) = pattern.strip_suffix('*') else {
            return self.names.entry(pattern.to_owned()).or_insert(new);
        };
        if let Err(place) = self.lengths.binary_search(&prefix.len()) {
            self.lengths.insert(place, prefix.len());
        }
        self.prefixes.entry(prefix.to_owned()).or_insert(new)
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty()
    }

    /// What is for this very name.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.names.get(name)
    }

    /// What is for the patterns that a name fits.
    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p T> {
        let prefixes = self
            .lengths
            .iter()
            .map_while(|length| name.get(..*length))
            .filter_map(|prefix| self.prefixes.get(prefix));
        self.names.get(name).into_iter().chain(prefixes)
    }
}
