//! `names`: the names of the certificate that the sidecar shows in AWS's place, and what is made from them.

mod authority;
mod certificate;
mod format;
mod wanted;

use authority::AuthorityError;
use certificate::Names;
use sigv4_egress::config::{self, Config, ConfigError, Environment, Plugin};
use sigv4_egress::endpoint;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use wanted::Wanted;

pub(crate) use authority::{Mode, Outside, RootKey};
pub(crate) use format::Format;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options<'a> {
    /// Regions, the pod's own first; none: the configuration's or the environment's.
    pub(crate) regions: Vec<&'a str>,
    /// A file with the plugin's configuration, or `-`; none: everything is allowed.
    pub(crate) config: Option<&'a str>,
    /// Zones of S3's directory buckets.
    pub(crate) zones: Vec<&'a str>,
    /// What is printed.
    pub(crate) format: Format,
    /// An authority for the names.
    pub(crate) authority: Option<Authority<'a>>,
}

/// The authority that is made for the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// The directory of its files.
    pub(crate) directory: &'a str,
    /// What becomes of the root's key.
    pub(crate) root_key: RootKey,
    /// How long it is good for, in days.
    pub(crate) days: u32,
}

/// Why there are no names.
#[derive(Debug)]
pub(crate) enum NamesError {
    /// The configuration is refused.
    Config(ConfigError),
    /// It is one of the guard or of the status document.
    NotOfTheFilter,
    /// Neither option, configuration nor environment has one.
    NoRegion,
    /// Nothing that is permitted has a name.
    Nothing,
    /// They could not be written.
    Io(io::Error),
    /// There is no authority for them.
    Authority(AuthorityError),
}

impl From<io::Error> for NamesError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for NamesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Authority(error) => write!(f, "--authority: {error}"),
            Self::NotOfTheFilter => f.write_str(
                "--config: position: has no names; allowed: the filter's own configuration",
            ),
            Self::NoRegion => f.write_str("no region; give --region, or set AWS_REGION"),
            Self::Nothing => {
                f.write_str("--config: permits nothing that a certificate can name; see the notes")
            }
        }
    }
}

/// Of all names in a certificate: Java refuses a handshake message beyond 32 KiB (`jdk.tls.maxHandshakeMessageSize`), and
/// the rest of the chain takes some.
const MOST_BYTES: usize = 28_000;

/// Writes the names to `output`, and to `told` what no name covers, a line each.
///
/// # Errors
///
/// See [`of_config`]; and what cannot be written.
pub(crate) fn run(
    output: &mut impl Write,
    told: &mut impl Write,
    options: &Options<'_>,
    json: Option<&[u8]>,
    environment: &Environment,
    outside: &Outside<'_>,
) -> Result<(), NamesError> {
    let names = of_config(options, json, environment)?;
    for warning in warnings(options, json, environment) {
        writeln!(told, "warning: {warning}")?;
    }
    for note in &names.notes {
        writeln!(told, "not covered: {note}")?;
    }
    let bytes: usize = names.names.iter().map(|name| name.len() + 2).sum();
    if bytes > MOST_BYTES {
        writeln!(
            told,
            "too many: the names take {bytes} bytes, and Java takes no certificate that has, with its chain, more than 32768; \
             list services in allow, or name fewer regions"
        )?;
    }
    if let Some(made) = options.authority {
        let directory = Path::new(made.directory);
        authority::make(
            directory,
            &names.permitted,
            made.root_key,
            made.days,
            outside,
        )
        .map_err(NamesError::Authority)?;
    }
    Ok(format::write(output, options.format, &names)?)
}

/// The names for a configuration.
///
/// # Errors
///
/// What the filter would say of the configuration, and whatever leaves nothing to name.
fn of_config(
    options: &Options<'_>,
    json: Option<&[u8]>,
    environment: &Environment,
) -> Result<Names, NamesError> {
    let home = options.regions.first().copied();
    let config = match json {
        Some(json) => Some(parsed(json, home, environment)?),
        None => None,
    };
    let of_environment = || environment.get("AWS_REGION").map(String::as_str);
    let region = match &config {
        Some(config) => Some(config.region.as_str()),
        None => of_environment().filter(|region| endpoint::is_region(region)),
    };
    let regions = match (home, region) {
        (Some(_), _) => options.regions.clone(),
        (None, Some(region)) => vec![region],
        (None, None) => return Err(NamesError::NoRegion),
    };
    let wanted = match &config {
        Some(config) => Wanted::new(&config.policy, &regions),
        None => Wanted::all(),
    };
    let names = Names::of(&regions, &options.zones, &wanted);
    if names.names.is_empty() {
        return Err(NamesError::Nothing);
    }
    Ok(names)
}

/// What the filter would warn of, in each of the regions; each once.
fn warnings(
    options: &Options<'_>,
    json: Option<&[u8]>,
    environment: &Environment,
) -> BTreeSet<String> {
    let json = json.unwrap_or(br#"{"allow": "*"}"#);
    let regions = options.regions.iter().copied().map(Some);
    let regions = regions.chain(options.regions.is_empty().then_some(None));
    let configs = regions.filter_map(|region| {
        let mut environment = environment.clone();
        environment.extend(region.map(|region| ("AWS_REGION".to_owned(), region.to_owned())));
        parsed(json, region, &environment).ok()
    });
    configs
        .flat_map(|config| config.warnings)
        .map(|warning| warning.to_string())
        .collect()
}

/// Where credentials come from is of no concern here, so that it need not be said.
fn parsed(
    json: &[u8],
    region: Option<&str>,
    environment: &Environment,
) -> Result<Config, NamesError> {
    let mut environment = environment.clone();
    let mut default = |name: &str, value: &str| {
        let entry = environment.entry(name.to_owned());
        entry.or_insert_with(|| value.to_owned());
    };
    default("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/names");
    if let Some(region) = region {
        default("AWS_REGION", region);
    }
    match config::parse(json, &environment).map_err(NamesError::Config)? {
        Plugin::Downstream(config) => Ok(*config),
        Plugin::Upstream { .. } | Plugin::Status => Err(NamesError::NotOfTheFilter),
    }
}

#[cfg(test)]
mod tests;
