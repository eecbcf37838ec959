//! Which AWS endpoint a host is: signing name, region, algorithm, and how its paths are signed.
//!
//! Decides nothing about whether a request may be signed; that is [`crate::decision`]. A host is
//! read from the right: its partition's suffix, the region, and then the labels that name a service:
//! * botocore's endpoints, from a table that `cargo xtask endpoints` writes;
//! * S3's many forms, and the hosts that only AWS's documentation lists;
//! * `<name>.<region>.<suffix>` of a service that nothing lists: it signs as its first label.
//!
//! Every other host is [`Resolution::NotAws`]: load balancers, EC2 names and look-alikes among them.
//! No look-up allocates.

mod documented;
mod host;
mod partition;
mod s3;
mod scope;
mod scope_table;
mod table;

pub use host::{Host, HostError};
pub use partition::{dns_suffix, is_region, strip_aws_suffix};
pub use scope::{Asked, ScopeError, host_of_request, host_of_scope};

use crate::sigv4::PathStyle;
use documented::Shape;
use partition::{Partition, Split, is_place, is_pseudo_region, partition_of};

/// What to sign for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// The signing name, which the credential scope carries.
    pub service: &'a str,
    /// The signing region; for [`Algorithm::SigV4A`] the region set.
    pub region: &'a str,
    /// What the host takes.
    pub algorithm: Algorithm,
    /// How its paths are signed. [`PathStyle::S3`] also says that payloads may stay unsigned.
    pub path_style: PathStyle,
    /// A customer's own resource answers, not an AWS API: a function URL, an API of API Gateway, a
    /// Lattice service, a search domain, a graph. Anyone can create such a host.
    pub tenant: bool,
}

/// The signature algorithms of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`, for one region.
    SigV4,
    /// `AWS4-ECDSA-P256-SHA256`, for a set of regions. Only hosts that take nothing else have it:
    /// where botocore's rules offer both, the answer is SigV4, as botocore's own is without its C
    /// extension.
    SigV4A,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// An AWS API endpoint.
    Aws(Endpoint<'a>),
    /// Not an endpoint that speaks SigV4.
    NotAws,
}

/// What the host is. `home_region` is used where a host names no region (S3 acceleration).
pub fn resolve<'a>(host: &'a Host, home_region: &'a str) -> Resolution<'a> {
    find(host.name(), home_region).map_or(Resolution::NotAws, Resolution::Aws)
}

fn find<'a>(name: &'a str, home_region: &'a str) -> Option<Endpoint<'a>> {
    let Some(split) = partition::split(name) else {
        return outside_the_partitions(name);
    };
    let labels = split.labels;
    if let Some(labels) = labels.strip_suffix(".vpce") {
        return through_vpc_endpoint(labels, split);
    }
    if labels.contains("s3") {
        match s3::resolve(split, home_region) {
            s3::Found::Endpoint(endpoint) => return Some(endpoint),
            s3::Found::NotSigned => return None,
            s3::Found::Other => {}
        }
    }
    let exception = table::EXCEPTIONS.iter().find(|(host, ..)| *host == name);
    if let Some((_, service, region)) = exception {
        return Some(endpoint(service, region));
    }
    let (before, last) = labels.rsplit_once('.').unwrap_or(("", labels));
    if is_place(last) {
        return regional(before, last, split.dual_stack);
    }
    if let Some((before, region)) = before.rsplit_once('.').filter(|(_, label)| is_place(label)) {
        // <labels>.<region>.us-gov, as the Location Service has it.
        let key = &mut [0; KEY];
        let service = Key::new(before, Some(last), key).and_then(|key| key.find(table::NAMES));
        if let Some(service) = service {
            return Some(endpoint(service, region));
        }
        return after_region(labels, before.len(), region);
    }
    if is_place(before) {
        return after_region(labels, 0, before);
    }
    global(labels, split)
}

/// `<labels>.<region>.<suffix>`.
fn regional<'a>(labels: &'a str, region: &'a str, dual_stack: bool) -> Option<Endpoint<'a>> {
    let buffer = &mut [0; KEY];
    let key = Key::new(labels, None, buffer)?;
    let place = Place {
        partition: partition_of(region),
        kind: if is_pseudo_region(region) {
            Kind::PseudoRegion
        } else {
            Kind::Region
        },
        dual_stack,
    };
    if let Some((service, home)) = place.home(key) {
        return Some(endpoint(
            service,
            if home.is_empty() { region } else { home },
        ));
    }
    if let Some(service) = key.find(table::NAMES) {
        return Some(endpoint(service, region));
    }
    if let Some(shape) = documented::find(documented::BEFORE_REGION, key.text) {
        return Some(of_shape(shape, region));
    }
    if let Some((_, rest)) = key.text.split_once('.') {
        // The one tenant label is an account's id, or for a Kinesis stream two.
        let rest = Key { text: rest };
        let service = rest.find(table::TENANT_LABEL).or_else(|| {
            let (_, rest) = rest.text.split_once('.')?;
            rest.ends_with("-kinesis").then_some("kinesis")
        })?;
        return Some(endpoint(service, region));
    }
    // Of the plain shape, so that it needs no row.
    let service = labels.strip_suffix("-fips").unwrap_or(labels);
    let service = service.strip_prefix("fips.").unwrap_or(service);
    let plain = !service.is_empty() && !service.contains('.');
    (plain && !documented::NOT_SIGNED.contains(&service)).then(|| endpoint(service, region))
}

/// `[<labels>.]<region>.<rest>.<suffix>`: the first `before` bytes are the labels.
fn after_region<'a>(labels: &'a str, before: usize, region: &'a str) -> Option<Endpoint<'a>> {
    let rest = labels.get(before..)?.trim_start_matches('.');
    let tail = rest.strip_prefix(region)?.strip_prefix('.')?;
    let tail = tail.strip_suffix("-fips").unwrap_or(tail);
    let more = match before {
        0 => 0,
        _ => 1 + labels.get(..before)?.matches('.').count(),
    };
    let shape = documented::AFTER_REGION
        .iter()
        .find(|shape| shape.tail == tail && shape.more.contains(&more))?;
    Some(of_shape(shape, region))
}

/// A host without a region.
fn global<'a>(labels: &'a str, split: Split<'a>) -> Option<Endpoint<'a>> {
    let (name, is_global, partition) = if let Some(name) = labels.strip_suffix(".global") {
        (name, true, split.partition)
    } else if let Some(name) = labels.strip_suffix(".us-gov") {
        (name, false, partition_of("us-gov-west-1"))
    } else {
        (labels, false, split.partition)
    };
    let buffer = &mut [0; KEY];
    let key = Key::new(name, None, buffer)?;
    let kind = match (is_global, key.text.len() == name.len()) {
        (true, _) => Kind::Global,
        (false, true) => Kind::NoRegion,
        (false, false) => Kind::NoRegionFips,
    };
    let place = Place {
        partition,
        kind,
        dual_stack: split.dual_stack,
    };
    if let Some((service, home)) = place.home(key) {
        return Some(endpoint(service, home));
    }
    if let Some(shape) = documented::find(documented::MULTI_REGION, name) {
        return Some(Endpoint {
            algorithm: Algorithm::SigV4A,
            ..of_shape(shape, "*")
        });
    }
    let commercial = split.partition.region_prefix.is_empty() && !split.dual_stack;
    let general = documented::GENERAL.iter().find(|(host, _)| *host == labels);
    let (_, service) = general.filter(|_| commercial)?;
    Some(endpoint(service, "us-east-1"))
}

/// `<labels>.vpce-<id>[-<zone>].<labels>.<region>.vpce.<suffix>` ("Access an AWS service using an
/// interface VPC endpoint" in the AWS PrivateLink guide). A customer's own endpoint service, whose
/// second label is vpce-svc-<id>, is not signed.
fn through_vpc_endpoint<'a>(labels: &'a str, split: Split<'a>) -> Option<Endpoint<'a>> {
    let (rest, region) = labels
        .rsplit_once('.')
        .filter(|(_, label)| is_region(label))?;
    let start = rest.rfind("vpce-")?;
    let (before, id) = rest.split_at_checked(start)?;
    let (_, service) = id.split_once('.')?;
    let before = match before.strip_suffix('.') {
        Some(before) => before,
        None if before.is_empty() => "",
        None => return None,
    };
    if service == "s3" {
        return s3::through_vpc_endpoint(before, region);
    }
    if !before.is_empty() {
        return None;
    }
    match s3::regional(service, region, region) {
        s3::Found::Endpoint(endpoint) => Some(endpoint),
        s3::Found::NotSigned => None,
        s3::Found::Other => regional(service, region, split.dual_stack),
    }
}

fn outside_the_partitions(name: &str) -> Option<Endpoint<'_>> {
    if let Some(labels) = name.strip_suffix(".on.aws") {
        let (labels, region) = labels.rsplit_once('.').filter(|(_, last)| is_place(last))?;
        let labels = labels.strip_suffix("-fips").unwrap_or(labels);
        let shape = documented::find(documented::ON_AWS, labels)?;
        return Some(of_shape(shape, region));
    }
    let (region, rest) = name.split_once('.')?;
    let (_, service) = documented::REGION_FIRST
        .iter()
        .find(|(host, _)| *host == rest)?;
    is_place(region).then(|| endpoint(service, region))
}

fn of_shape<'a>(shape: &Shape, region: &'a str) -> Endpoint<'a> {
    Endpoint {
        tenant: shape.tenant,
        ..endpoint(shape.service, region)
    }
}

fn endpoint<'a>(service: &'a str, region: &'a str) -> Endpoint<'a> {
    Endpoint {
        service,
        region,
        algorithm: Algorithm::SigV4,
        path_style: PathStyle::Normalised,
        tenant: false,
    }
}

/// Longer than any row of the table, FIPS mark included.
const KEY: usize = 128;

/// Labels as the table has them: without a FIPS mark.
#[derive(Clone, Copy)]
struct Key<'k> {
    text: &'k str,
}

impl<'k> Key<'k> {
    /// The labels, and behind them one that follows the region. A name too long for the buffer is in
    /// no row.
    fn new(labels: &'k str, behind: Option<&str>, buffer: &'k mut [u8; KEY]) -> Option<Self> {
        const FIPS: &str = "-fips";
        let labels = labels.strip_prefix("fips.").unwrap_or(labels);
        let (before, after) = match labels.split_once(FIPS) {
            Some((before, after)) => (before, after),
            None if behind.is_none() => return Some(Self { text: labels }),
            None => (labels, ""),
        };
        let dot = if behind.is_some() { "." } else { "" };
        let mut length = 0;
        for part in [before, after, dot, behind.unwrap_or_default()] {
            let end = length + part.len();
            buffer
                .get_mut(length..end)?
                .copy_from_slice(part.as_bytes());
            length = end;
        }
        let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
        Some(Self { text })
    }

    /// Its signing name in a sorted table.
    fn find(self, rows: &'static [(&'static str, &'static str)]) -> Option<&'static str> {
        let row = rows
            .binary_search_by(|(labels, _)| (*labels).cmp(self.text))
            .ok()?;
        rows.get(row).map(|(_, service)| *service)
    }
}

/// What is right of a host's labels, as far as it says which region signs.
#[derive(Clone, Copy)]
struct Place {
    partition: &'static Partition,
    kind: Kind,
    dual_stack: bool,
}

/// The numbers are those of [`table::HOMES`].
#[derive(Clone, Copy)]
enum Kind {
    Region = 0,
    /// Such as `aws-global`.
    PseudoRegion = 1,
    NoRegion = 2,
    NoRegionFips = 3,
    /// The label `global` in a region's place.
    Global = 4,
}

impl Place {
    /// (signing name, signing region) where a row says so; an empty region is the host's own.
    fn home(self, key: Key<'_>) -> Option<(&'static str, &'static str)> {
        let bit =
            (self.partition.index() * 5 + self.kind as usize) * 2 + usize::from(self.dual_stack);
        let first = table::HOMES.partition_point(|(labels, ..)| *labels < key.text);
        table::HOMES
            .get(first..)?
            .iter()
            .take_while(|(labels, ..)| *labels == key.text)
            .find(|(.., bits)| (*bits >> bit) & 1 == 1)
            .map(|(_, service, region, _)| (*service, *region))
    }
}

#[cfg(test)]
mod tests;
