//! How names are printed.

use super::certificate::Names;
use std::io::{self, Write};

/// What `names` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// A name a line.
    #[default]
    List,
    /// Envoy's `server_names`, for two filter chains.
    ServerNames,
    /// cert-manager's Issuer and Certificate.
    CertManager,
    /// `envoy/https/certificate.sh` with the names in it.
    Script,
}

/// Its words, in the order of `--help`.
const WORDS: &[(&str, Format)] = &[
    ("list", Format::List),
    ("server_names", Format::ServerNames),
    ("cert-manager", Format::CertManager),
    ("script", Format::Script),
];

impl Format {
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let row = WORDS.iter().find(|(known, _)| *known == word)?;
        Some(row.1)
    }

    pub(crate) fn words() -> String {
        let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        words.join(", ")
    }
}

pub(crate) fn write(output: &mut impl Write, format: Format, names: &Names) -> io::Result<()> {
    match format {
        Format::List => names
            .names
            .iter()
            .try_for_each(|name| writeln!(output, "{name}")),
        Format::ServerNames => {
            writeln!(output, "server_names:")?;
            list(output, "", &names.server_names)?;
            let empty = if names.passed_through.is_empty() {
                " []"
            } else {
                ""
            };
            writeln!(output, "passed_through:{empty}")?;
            list(output, "", &names.passed_through)
        }
        Format::CertManager => {
            output.write_all(CERT_MANAGER.as_bytes())?;
            list(output, "  ", &names.names)
        }
        Format::Script => {
            let (before, after) = SCRIPT.split_once(OWN_NAMES).unwrap_or((SCRIPT, ""));
            let lines = names.names.join("\n");
            write!(output, "{before}\nown_names='{lines}'\n{after}")
        }
    }
}

/// A sequence of YAML, each in quotes: a plain scalar cannot begin with `*`.
fn list(output: &mut impl Write, indent: &str, names: &[String]) -> io::Result<()> {
    names
        .iter()
        .try_for_each(|name| writeln!(output, "{indent}- \"{name}\""))
}

/// The Secret of the Issuer is one that `--authority` makes. The names end it.
const CERT_MANAGER: &str = include_str!("../../../../envoy/https/cert-manager.yaml");

/// A line of it is where the names are.
const SCRIPT: &str = include_str!("../../../../envoy/https/certificate.sh");
const OWN_NAMES: &str = "\nown_names=''\n";
