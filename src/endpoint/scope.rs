//! The host that a credential scope stands for, where a client addressed this Envoy itself.
//!
//! Several hosts can share a signing name (Bedrock has seven). Then the request's operation decides,
//! as the service models have it: its `X-Amz-Target`, or its method and path. `Action` and `Version`
//! need not be read: no query protocol shares its name with a host of another.

mod lookup;
mod s3;

use super::host::Host;
use super::partition::{is_region, partition_of};
use super::{table, words};
pub use lookup::{Asked, Destination, ScopeError};

/// Written by `cargo xtask endpoints`. A line is a signing name; below it, each behind a tab, are its
/// rows `<patterns>\t<host>\t<partitions>`, of which the first that a request fits holds. Patterns are
/// apart by `|`, and none fits anything. In a host, `=` is the signing name, `*` the region, `@` the
/// partition's global region, `$` its suffix and `%` its dual-stack suffix; no host is the answer that
/// nobody knows, and `!` that each customer has one. The last, in hexadecimal, has a bit for each row of `PARTITIONS`;
/// without it the row holds in all.
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
    if !is_label(service) {
        return Err(ScopeError::BadService);
    }
    let of_all = region == "*";
    let region = if of_all { asked.home_region } else { region };
    if !is_region(region) {
        return Err(ScopeError::UnknownRegion);
    }
    let partition = partition_of(region);
    let end = [region, partition.dns_suffix].join(".");
    if of_all && service == "cloudfront-keyvaluestore" {
        return key_value_store(asked.path, partition.dual_stack_suffix);
    }
    if !of_all && let Some(found) = s3::destination(service, &end, asked) {
        return found;
    }
    let knows_nothing = asked.target.is_none() && asked.path.is_empty();
    let request = Request::new(asked);
    let mut is_listed = false;
    let mut host = None;
    for row in rows_of(service) {
        is_listed = true;
        if knows_nothing && row.host.is_empty() {
            return Err(ScopeError::Ambiguous);
        }
        let holds = (row.partitions >> partition.index()) & 1 == 1;
        if host.is_none() && holds && request.fits_one_of(row.patterns) {
            host = Some(row.host);
        }
    }
    let host = match host {
        _ if let Some(host) = host_of_region(service, region) => host,
        Some("") => return Err(ScopeError::Ambiguous),
        Some("!") => return Err(ScopeError::Customers),
        Some(host) => host,
        None if is_listed || is_known(service) => "=.*.$",
        None => return Err(ScopeError::UnknownService),
    };
    if of_all && host.contains('*') {
        return Err(ScopeError::UnknownRegion);
    }
    let name = expand(host, service, region);
    Ok(Destination {
        host: Host::of_name(name),
        path: None,
    })
}

/// The name that a row's host stands for.
#[inline(always)]
fn expand(host: &str, service: &str, region: &str) -> String {
    let partition = partition_of(region);
    let mut name = String::new();
    for label in host.split('.') {
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(match label {
            "=" => service,
            "*" => region,
            "@" => partition.global_region,
            "$" => partition.dns_suffix,
            "%" => partition.dual_stack_suffix,
            other => other,
        });
    }
    name
}

/// Calls with each host that a client in this region sends requests to, by the rows of all signing names.
#[cfg(not(target_family = "wasm"))]
pub(super) fn each_host(region: &str, look: &mut dyn FnMut(String)) {
    let bit = partition_of(region).index();
    for service in services() {
        for row in rows_of(service) {
            if (row.partitions >> bit) & 1 == 1 && !matches!(row.host, "" | "!") {
                look(expand(row.host, service, region));
            }
        }
    }
}

/// Whether a signing name has the shape of one.
pub(super) fn is_label(service: &str) -> bool {
    let of_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !service.is_empty() && service.len() <= 63 && service.bytes().all(of_label)
}

/// The host of a service that has another one in this region alone (botocore's endpoint rules).
fn host_of_region(service: &str, region: &str) -> Option<&'static str> {
    match (service, region) {
        ("sdb", "us-east-1") => Some("sdb.$"),
        ("iotdata", "cn-north-1") => Some("data.ats.iot.*.$"),
        _ => None,
    }
}

/// CloudFront KeyValueStore takes SigV4A alone, at a host of the account that its path names in an ARN:
/// `/key-value-stores/arn:aws:cloudfront::<account>:key-value-store/<id>` (botocore's endpoint rules).
fn key_value_store<'a>(path: &str, suffix: &str) -> Result<Destination<'a>, ScopeError> {
    // The colons may be encoded.
    let mut numbers = path.split(|c: char| !c.is_ascii_digit());
    let account = numbers.find(|number| s3::is_account(number));
    let account = account.ok_or(ScopeError::Customers)?;
    Ok(Destination {
        host: Host::of_name([account, ".cloudfront-kvs.global.", suffix].concat()),
        path: None,
    })
}

fn is_date(label: &str) -> bool {
    let of_date = |(at, b): (usize, u8)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    };
    label.len() == 10 && label.bytes().enumerate().all(of_date)
}

/// The signing names that have rows.
pub(super) fn services() -> impl Iterator<Item = &'static str> {
    SCOPES.lines().filter(|line| !line.starts_with('\t'))
}

fn is_known(service: &str) -> bool {
    service == "s3" || words::has(table::KNOWN, service)
}

/// A row of [`SCOPES`].
struct Row<'a> {
    patterns: &'a str,
    host: &'a str,
    partitions: u32,
}

fn rows_of(service: &str) -> impl Iterator<Item = Row<'static>> {
    let mut lines = SCOPES.lines();
    // Leaves the lines that follow the name's.
    lines.find(|line| *line == service);
    lines.map_while(|line| {
        let mut words = line.strip_prefix('\t')?.split('\t');
        Some(Row {
            patterns: words.next()?,
            host: words.next()?,
            partitions: match words.next() {
                Some(bits) => u32::from_str_radix(bits, 16).ok()?,
                None => u32::MAX,
            },
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

    /// No pattern fits anything.
    fn fits_one_of(&self, patterns: &str) -> bool {
        patterns.is_empty() || patterns.split('|').any(|pattern| self.fits(pattern))
    }

    /// A pattern is `<target prefix>.[<operation>,...]`, or `[=][<method> ]<path>`: a path's
    /// beginning or, behind `=`, all of it; `*` is any label, `#` a date, `**` any labels at the end, and
    /// one of several has commas between them.
    #[inline(never)]
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
            let Some(label) = labels.next() else {
                return false;
            };
            let fits = |one: &str| one == label || one == "*" || (one == "#" && is_date(label));
            if !wanted.split(',').any(fits) {
                return false;
            }
        }
        !exact || labels.next().is_none()
    }
}
