//! What a key of the configuration is: its name, what the parser needs to read it, and what documents say of it.

use std::ops::Deref;

/// One key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What documents say of it. The module, where nobody reads them, is 10 kB smaller without.
    #[cfg(not(target_family = "wasm"))]
    pub told: Told,
}

/// What documents say of a key.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What its value is.
    pub kind: Kind,
    /// What holds where it is left out.
    pub default: Fallback,
    /// The environment variables that are asked, in this order, before the default holds.
    pub variables: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string that is not empty.
    Text,
    /// A string of so many of these characters, as a class of a regular expression.
    Characters {
        /// The shortest.
        least: u32,
        /// The longest.
        most: u32,
        /// The class, without brackets.
        class: &'static str,
    },
    /// A host name, with or without a port.
    Host,
    /// `true` or `false`.
    Boolean,
    /// A whole number in this range.
    Number {
        /// The lowest.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// At least one string, none of them twice.
    Texts,
    /// Strings, none of them twice, or none at all.
    TextsOrNone,
    /// A string, or the variable of the environment that has it.
    Filled,
    /// An object with one under each key.
    FilledByName,
    /// The same, with at least one key, and no string empty.
    Metadata,
    /// `"*"`, or a list of what may be signed.
    AllowList,
    /// An IAM policy.
    IamPolicy,
    /// How long a session lasts, in seconds.
    Duration {
        /// The shortest.
        low: u32,
        /// The longest.
        high: u32,
        /// The longest of a chained role.
        chained: u32,
    },
    /// A list of rules.
    Rules,
    /// Roles, by name.
    Roles,
    /// The name of one of them.
    RoleName,
    /// What `sign_as` holds.
    SignAs,
    /// Ports, by number.
    Ports,
    /// A list of what may be presigned.
    Presign,
    /// A whole number from 1 on.
    Bytes,
}

/// What holds where a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// It must not be left out.
    Required,
    /// Nothing.
    Nothing,
    /// This string.
    Text(&'static str),
    /// This number.
    Number(u32),
    /// A list of this string.
    Entry(&'static str),
    /// This value, in JSON.
    Json(&'static str),
    /// What these words say.
    Told(&'static str),
}

/// A key whose value is a string, with a default.
#[derive(Debug)]
pub struct Text {
    pub(super) key: Key,
    /// What holds where it is left out.
    pub default: &'static str,
}

/// A key whose value is a list of strings, with one of them by default.
#[derive(Debug)]
pub struct List {
    pub(super) key: Key,
    /// What the list holds where it is left out.
    pub default: &'static str,
}

/// A key whose value is a whole number.
#[derive(Debug)]
pub struct Number {
    pub(super) key: Key,
    /// The lowest.
    pub low: u32,
    /// The highest.
    pub high: u32,
    /// What holds where it is left out.
    pub default: u32,
}

/// A key that is `true` or `false`, and `false` where it is left out.
#[derive(Debug)]
pub struct Flag {
    pub(super) key: Key,
}

/// A key whose value is one of a few words.
#[derive(Debug)]
pub struct Choice<T: 'static, const N: usize> {
    pub(super) key: Key,
    /// The words.
    pub words: &'static [&'static str; N],
    /// What each of them stands for.
    pub values: [T; N],
}

/// A key whose value the environment can decide.
#[derive(Debug)]
pub struct WithVariables {
    pub(super) key: Key,
    /// The variables that are asked, in this order.
    pub variables: &'static [&'static str],
}

/// All of these are keys.
macro_rules! are_keys {
    ($([$($parameters:tt)*] $name:ty),*) => {
        $(impl<$($parameters)*> Deref for $name {
            type Target = Key;

            fn deref(&self) -> &Key {
                &self.key
            }
        })*
    };
}

are_keys!([] Text, [] List, [] Number, [] Flag, [] WithVariables, [T, const N: usize] Choice<T, N>);

#[cfg_attr(
    target_family = "wasm",
    allow(unused_variables, reason = "it tells nothing")
)]
pub(super) const fn told(
    name: &'static str,
    kind: Kind,
    default: Fallback,
    variables: &'static [&'static str],
    meaning: &'static str,
) -> Key {
    Key {
        name,
        #[cfg(not(target_family = "wasm"))]
        told: Told {
            kind,
            default,
            variables,
            meaning,
        },
    }
}

pub(super) const fn key(
    name: &'static str,
    kind: Kind,
    default: Fallback,
    meaning: &'static str,
) -> Key {
    told(name, kind, default, &[], meaning)
}

pub(super) const fn text(name: &'static str, default: &'static str, meaning: &'static str) -> Text {
    Text {
        key: key(name, Kind::Text, Fallback::Text(default), meaning),
        default,
    }
}

pub(super) const fn list(name: &'static str, default: &'static str, meaning: &'static str) -> List {
    List {
        key: key(name, Kind::Texts, Fallback::Entry(default), meaning),
        default,
    }
}

pub(super) const fn number(
    name: &'static str,
    (low, high): (u32, u32),
    default: u32,
    meaning: &'static str,
) -> Number {
    let kind = Kind::Number { low, high };
    Number {
        key: key(name, kind, Fallback::Number(default), meaning),
        low,
        high,
        default,
    }
}

pub(super) const fn flag(name: &'static str, meaning: &'static str) -> Flag {
    Flag {
        key: key(name, Kind::Boolean, Fallback::Json("false"), meaning),
    }
}

pub(super) const fn choice<T: Copy, const N: usize>(
    name: &'static str,
    words: &'static [&'static str; N],
    values: [T; N],
    default: Fallback,
    meaning: &'static str,
) -> Choice<T, N> {
    Choice {
        key: key(name, Kind::Word(words), default, meaning),
        words,
        values,
    }
}

pub(super) const fn sourced(
    name: &'static str,
    kind: Kind,
    variables: &'static [&'static str],
    default: Fallback,
    meaning: &'static str,
) -> WithVariables {
    WithVariables {
        key: told(name, kind, default, variables, meaning),
        variables,
    }
}
