//! The table of keys as Markdown, as it stands in docs/configuration.md.

use super::keys::{
    ALLOW_ENTRY, DOWNSTREAM, Fallback, Key, Kind, PORT, ROLE, RULE, SIGN_AS, STATUS, UPSTREAM,
};
use std::fmt;
use std::fmt::Write as _;

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Written by `UPDATE=1 cargo test --test reference` from `src/config/keys.rs`.\n\n\
         The plugin's `configuration` is a JSON object. An unknown key, a key that appears twice, a wrong type, a value out \
         of its range, an empty list, and what could never have an effect are refused when Envoy loads the configuration. \
         What is probably not meant is in force, with a warning in the log. `sigv4-egress check-config` prints both, and what else has no effect.\n\n\
         [configuration.schema.json](configuration.schema.json) is a JSON Schema (draft 2020-12) of the same: an editor that has it \
         for a file (in VS Code, under `json.schemas` in the settings) completes the keys, shows what they mean, and marks what is wrong.\n",
    );
    for (title, keys) in [
        ("The filter", DOWNSTREAM),
        ("An object in `allow`", ALLOW_ENTRY),
        ("A rule in `rules`", RULE),
        ("`sign_as` in a rule", SIGN_AS),
        ("A role in `roles`", ROLE),
        ("A port in `ports`", PORT),
        ("The guard (`\"position\": \"upstream\"`)", UPSTREAM),
        ("The status document (`\"position\": \"status\"`)", STATUS),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
        );
        for key in keys {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                key.name,
                key.told.kind,
                default(key),
                key.told.meaning
            );
        }
    }
    page
}

/// The variables of a key, and what holds where none is set.
fn default(key: &Key) -> String {
    let fallback = match key.told.default {
        Fallback::Required => "required".to_owned(),
        Fallback::Nothing => String::new(),
        Fallback::Told(words) => words.to_owned(),
        value => format!("`{value}`"),
    };
    if key.told.variables.is_empty() {
        return fallback;
    }
    let names = key.told.variables.iter().map(|name| format!("`{name}`"));
    let asked = names.chain((!fallback.is_empty()).then_some(fallback));
    format!("environment {}", asked.collect::<Vec<_>>().join(", then "))
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required | Self::Nothing => Ok(()),
            Self::Text(text) | Self::Json(text) | Self::Told(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Entry(entry) => write!(f, "[\"{entry}\"]"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Text => "string",
            Self::Characters { least, most, class } => {
                return write!(f, "string of {least} to {most} `[{class}]`");
            }
            Self::Host => "host name, with a port where it is not 443",
            Self::Boolean => "boolean",
            Self::Number { low, high } => return write!(f, "{low} to {high}"),
            Self::Word(words) => {
                let (last, others) = words.split_last().unwrap_or((&"", &[]));
                let others = others.join("`, `");
                return write!(f, "`{others}` or `{last}`");
            }
            Self::Texts | Self::TextsOrNone => "list of strings",
            Self::TextsByName | Self::Metadata => "object of strings",
            Self::AllowList => "`\"*\"` or list of strings and objects",
            Self::IamPolicy => "IAM policy, as an object or a string",
            Self::Duration { low, high, chained } => {
                return write!(f, "{low} to {high}; chained: to {chained}");
            }
            Self::Rules => "list of rules",
            Self::Roles => "object of roles",
            Self::RoleName => "name of a role",
            Self::SignAs => "object",
            Self::Ports => "object of ports",
        };
        f.write_str(words)
    }
}
