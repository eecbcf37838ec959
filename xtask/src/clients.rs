//! The clients of `tests/clients`.

use crate::install::{Kit, Source, all};
use crate::run::Result;

/// The quick ones first.
const CLIENTS: &[(&str, Source)] = &[
    ("curl", Source::Bash),
    ("boto3", Source::DemoPython),
    ("cli", Source::Python),
    ("javascript", Source::Npm),
    ("java", Source::Maven),
    ("go", Source::Go),
    ("rust", Source::Cargo),
];

/// Installs what is missing or has changed.
pub(crate) fn clients() -> Result {
    let kits = CLIENTS.iter().map(|&(name, source)| Kit {
        folder: "clients",
        name,
        script: "client",
        source,
    });
    all(&kits.collect::<Vec<_>>())
}
