//! Session tags of a chained role, and which of them later sessions inherit.

use std::collections::BTreeSet;
use std::fmt;

/// Session tags, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    tags: Vec<Tag>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tag {
    key: String,
    value: String,
    inheritance: Inheritance,
}

/// Whether a tag goes on to sessions that are chained to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Inheritance {
    This,
    Transitive,
}

/// Why tags are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagsError {
    /// More than 50.
    TooMany(usize),
    /// A key that STS does not take.
    Key(String),
    /// A value that STS does not take; the payload is its key.
    Value(String),
    /// Two keys that differ in case alone: STS takes them for one. Beyond ASCII it says so itself; what knows the case of
    /// all letters is 18 kB of the module.
    Twice(String),
    /// A transitive key that no tag has.
    NoSuchTag(String),
}

impl Tags {
    /// What is accepted, for error messages.
    pub const ALLOWED: &str = "at most 50 tags: keys of 1 to 128 and values of up to 256 letters, digits, spaces and _.:/=+-@, no key that begins with aws: or that differs from another in case alone";

    /// Checks tags and the keys of those that are transitive (STS API Reference, AssumeRole, `Tags`,
    /// `TransitiveTagKeys` and Tag: `[\p{L}\p{Z}\p{N}_.:/=+\-@]`). Rust's notion of a letter is a
    /// little wider (it has combining vowels); STS refuses those with a message of its own.
    ///
    /// # Errors
    /// See [`TagsError`].
    pub fn parse<T, K>(tags: T, transitive: K) -> Result<Self, TagsError>
    where
        T: IntoIterator<Item = (String, String)>,
        K: IntoIterator<Item = String>,
    {
        let mut parsed: Vec<Tag> = Vec::new();
        let mut seen = BTreeSet::new();
        for (key, value) in tags {
            let reserved = key
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
            if reserved || !(1..=128).contains(&key.chars().count()) || !key.chars().all(is_allowed)
            {
                return Err(TagsError::Key(key));
            }
            if value.chars().count() > 256 || !value.chars().all(is_allowed) {
                return Err(TagsError::Value(key));
            }
            if !seen.insert(key.to_ascii_lowercase()) {
                return Err(TagsError::Twice(key));
            }
            let place = parsed.partition_point(|tag| tag.key < key);
            let tag = Tag {
                key,
                value,
                inheritance: Inheritance::This,
            };
            parsed.insert(place, tag);
        }
        if parsed.len() > MAX_TAGS {
            return Err(TagsError::TooMany(parsed.len()));
        }
        for key in transitive {
            let Some(tag) = parsed.iter_mut().find(|tag| tag.key == key) else {
                return Err(TagsError::NoSuchTag(key));
            };
            tag.inheritance = Inheritance::Transitive;
        }
        Ok(Self { tags: parsed })
    }

    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags
            .iter()
            .map(|tag| (tag.key.as_str(), tag.value.as_str()))
    }

    /// The keys that later sessions inherit, sorted.
    pub fn transitive_keys(&self) -> impl Iterator<Item = &str> {
        self.tags
            .iter()
            .filter(|tag| tag.inheritance == Inheritance::Transitive)
            .map(|tag| tag.key.as_str())
    }
}

/// White space without controls is Unicode's class of separators, `\p{Z}`.
fn is_allowed(c: char) -> bool {
    c.is_alphabetic()
        || c.is_numeric()
        || (c.is_whitespace() && !c.is_control())
        || "_.:/=+-@".contains(c)
}

impl fmt::Display for TagsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => write!(f, "holds {count} tags"),
            Self::Key(key) => write!(f, "holds the key {key:?}"),
            Self::Value(key) => write!(f, "holds a value under {key:?} that STS does not take"),
            Self::Twice(key) => write!(f, "holds the key {key:?} twice, case aside"),
            Self::NoSuchTag(key) => write!(f, "names {key:?}, which is not the key of a tag"),
        }
    }
}

impl std::error::Error for TagsError {}

/// STS API Reference, AssumeRole, `Tags`.
const MAX_TAGS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tags: &[(&str, &str)], transitive: &[&str]) -> Result<Tags, TagsError> {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Tags::parse(tags, transitive.iter().map(|key| (*key).to_owned()))
    }

    #[test]
    fn tags_are_sorted_and_some_are_transitive() {
        let tags = parse(
            &[("team", "a b/c"), ("Größe ٣", ""), ("cost:x", "1")],
            &["team", "cost:x"],
        )
        .unwrap();
        let pairs: Vec<_> = tags.iter().collect();
        assert_eq!(pairs, [("Größe ٣", ""), ("cost:x", "1"), ("team", "a b/c")]);
        let transitive: Vec<_> = tags.transitive_keys().collect();
        assert_eq!(transitive, ["cost:x", "team"]);
        assert_eq!(parse(&[], &[]).unwrap(), Tags::default());
    }

    #[test]
    fn what_sts_refuses_is_refused() {
        #[track_caller]
        fn check(tags: &[(&str, &str)], transitive: &[&str], message: &str) {
            assert_eq!(
                parse(tags, transitive).unwrap_err().to_string(),
                message,
                "{tags:?}"
            );
        }
        let (key, value) = ("k".repeat(129), "v".repeat(257));
        check(&[("", "v")], &[], "holds the key \"\"");
        check(&[(&key, "v")], &[], &format!("holds the key {key:?}"));
        check(&[("a*", "v")], &[], "holds the key \"a*\"");
        check(&[("a\tb", "v")], &[], "holds the key \"a\\tb\"");
        check(&[("AWS:x", "v")], &[], "holds the key \"AWS:x\"");
        for wrong in ["a*", "a\n", "\u{85}", &value] {
            check(
                &[("k", wrong)],
                &[],
                "holds a value under \"k\" that STS does not take",
            );
        }
        check(
            &[("Team", "1"), ("team", "2")],
            &[],
            "holds the key \"team\" twice, case aside",
        );
        check(
            &[("team", "1")],
            &["Team"],
            "names \"Team\", which is not the key of a tag",
        );
    }

    #[test]
    fn lengths_count_characters_and_tags_are_at_most_50() {
        assert!(parse(&[(&"é".repeat(128), &"é".repeat(256))], &[]).is_ok());
        let many = |count| {
            let tags = (0..count).map(|n| (format!("k{n}"), String::new()));
            Tags::parse(tags, [])
        };
        assert!(many(50).is_ok());
        assert_eq!(many(51), Err(TagsError::TooMany(51)));
    }
}
