//! The host that a credential scope stands for, where a client addressed this Envoy itself.
//!
//! Several hosts can share a signing name (Bedrock has seven). Then the request's operation decides,
//! as the service models have it: its `X-Amz-Target`, or its method and path. `Action` and `Version`
//! need not be read: no query protocol shares its name with a host of another.

mod lookup;
mod s3;

use super::host::Host;
use super::partition::{is_region, partition_of};
use super::table;
pub use lookup::{Asked, Destination, ScopeError};

/// Written by `cargo xtask endpoints`. A line is a signing name; below it, each behind a tab, are its
/// rows `<patterns>\t<host>\t<partitions>`, of which the first that a request fits holds. Patterns are
/// apart by `|`, and none fits anything. In a host, `=` is the signing name, `*` the region, `@` the
/// partition's global region, `$` its suffix and `%` its dual-stack suffix; no host is the answer that
/// nobody knows. The last, in hexadecimal, has a bit for each row of `PARTITIONS`.
const SCOPES: &str = include_str!("scopes.txt");

/// The host that a credential scope `<date>/<region>/<service>/aws4_request` stands for, where
/// nothing else is known of the request.
pub(super) fn host_of_scope(service: &str, region: &str) -> Result<Host, ScopeError> {
    destination(service, region, Asked::default()).map(|destination| destination.host)
}

/// Where a request with this credential scope goes.
pub fn destination<'a>(
    service: &str,
    region: &str,
    asked: Asked<'a>,
) -> Result<Destination<'a>, ScopeError> {
    let of_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if service.is_empty() || service.len() > 63 || !service.bytes().all(of_label) {
        return Err(ScopeError::BadService);
    }
    if !is_region(region) {
        return Err(ScopeError::UnknownRegion);
    }
    let partition = partition_of(region);
    let end = [region, partition.dns_suffix].join(".");
    if let Some(found) = s3::destination(service, &end, asked) {
        return found;
    }
    let knows_nothing = asked.target.is_none() && asked.path.is_empty();
    let request = Request::new(asked);
    let rows = rows_of(service);
    let unclear = |row: &Row<'_>| row.host.is_empty();
    if knows_nothing && rows.clone().any(|row| unclear(&row)) {
        return Err(ScopeError::Ambiguous);
    }
    let is_listed = rows.clone().next().is_some();
    let row = rows
        .filter(|row| (row.partitions >> partition.index()) & 1 == 1)
        .find(|row| row.patterns.is_empty() || request.fits_one_of(row.patterns));
    let host = match row {
        Some(row) if unclear(&row) => return Err(ScopeError::Ambiguous),
        Some(row) => row.host,
        None if is_listed || is_known(service) => "=.*.$",
        None => return Err(ScopeError::UnknownService),
    };
    let labels: Vec<&str> = host
        .split('.')
        .map(|label| match label {
            "=" => service,
            "*" => region,
            "@" => partition.global_region,
            "$" => partition.dns_suffix,
            "%" => partition.dual_stack_suffix,
            other => other,
        })
        .collect();
    Ok(Destination {
        host: Host::of_name(labels.join(".")),
        path: None,
    })
}

/// The signing names that have rows.
pub(super) fn services() -> impl Iterator<Item = &'static str> {
    SCOPES.lines().filter(|line| !line.starts_with('\t'))
}

fn is_known(service: &str) -> bool {
    service == "s3" || table::KNOWN.split(' ').any(|name| name == service)
}

/// A row of [`SCOPES`].
struct Row<'a> {
    patterns: &'a str,
    host: &'a str,
    partitions: u32,
}

fn rows_of(service: &str) -> impl Iterator<Item = Row<'static>> + Clone {
    let mut lines = SCOPES.lines();
    // Leaves the lines that follow the name's.
    lines.find(|line| *line == service);
    lines.map_while(|line| {
        let mut words = line.strip_prefix('\t')?.split('\t');
        Some(Row {
            patterns: words.next()?,
            host: words.next()?,
            partitions: u32::from_str_radix(words.next()?, 16).ok()?,
        })
    })
}

/// A request as the patterns have it.
struct Request<'a> {
    target: Option<(&'a str, &'a str)>,
    method: &'a str,
    path: &'a str,
}

impl<'a> Request<'a> {
    fn new(asked: Asked<'a>) -> Self {
        // Smithy RPC v2 CBOR says the same two words in its path.
        let of_path = || {
            let (target, operation) = asked
                .path
                .strip_prefix("/service/")?
                .split_once("/operation/")?;
            Some((target, operation))
        };
        Self {
            target: asked
                .target
                .and_then(|target| target.split_once('.'))
                .or_else(of_path),
            method: asked.method,
            path: asked.path,
        }
    }

    fn fits_one_of(&self, patterns: &str) -> bool {
        patterns.split('|').any(|pattern| self.fits(pattern))
    }

    /// A pattern is `<target prefix>.[<operation>,...]`, or `[=][<method> ]<path>`: a path's
    /// beginning or, behind `=`, all of it; `*` is any label, `**` any labels at the end.
    fn fits(&self, pattern: &str) -> bool {
        let Some(start) = pattern.find('/') else {
            return match (self.target, pattern.split_once('.')) {
                (Some((prefix, operation)), Some((wanted, operations))) => {
                    prefix == wanted
                        && (operations.is_empty() || operations.split(',').any(|o| o == operation))
                }
                _ => false,
            };
        };
        // A request of the JSON protocol has the path `/`, which says nothing.
        if self.target.is_some() {
            return false;
        }
        let (exact, pattern) = match pattern.strip_prefix('=') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (method, wanted) = pattern.split_at(start - usize::from(exact));
        if !method.is_empty() && method.trim_end() != self.method {
            return false;
        }
        let path = match self.path {
            "/" => "/",
            path => path.trim_end_matches('/'),
        };
        let mut labels = path.split('/');
        for wanted in wanted.split('/') {
            if wanted == "**" {
                return true;
            }
            let fits = labels
                .next()
                .is_some_and(|label| wanted == "*" || wanted == label);
            if !fits {
                return false;
            }
        }
        !exact || labels.next().is_none()
    }
}
