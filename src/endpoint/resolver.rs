//! Reads a host from the right: suffix, region, and the labels that name a service.

use super::documented::{self, Shape};
use super::host::Host;
use super::partition::{self, Split, is_place, is_pseudo_region, is_region, partition_of};
use super::resolution::{Endpoint, Resolution};
use super::{s3, table};
use crate::sigv4::{Algorithm, PathStyle};

/// What the host is. `home_region` is used where a host names no region (S3 acceleration).
pub fn resolve<'a>(host: &'a Host, home_region: &'a str) -> Resolution<'a> {
    find(host.name(), home_region).map_or(Resolution::NotAws, Resolution::Aws)
}

/// A customer's own host, of which a rule says what it signs as.
pub fn of_custom_domain<'a>(service: &'a str, region: &'a str) -> Endpoint<'a> {
    Endpoint {
        path_style: s3::path_style(service),
        tenant: true,
        ..endpoint(service, region)
    }
}

fn find<'a>(name: &'a str, home_region: &'a str) -> Option<Endpoint<'a>> {
    let Some(split) = partition::split(name) else {
        return outside_the_partitions(name);
    };
    let labels = split.labels;
    if let Some(labels) = labels.strip_suffix(".vpce") {
        return through_vpc_endpoint(labels, split);
    }
    let (before, last) = labels.rsplit_once('.').unwrap_or(("", labels));
    let at_region = is_place(last);
    if s3::may_be(if at_region { before } else { labels }) {
        match s3::resolve(split, home_region) {
            s3::Found::Endpoint(endpoint) => return Some(endpoint),
            s3::Found::NotSigned => return None,
            s3::Found::Other => {}
        }
    }
    if at_region {
        return regional(name, before, last, split.dual_stack);
    }
    if let Some((before, region)) = before.rsplit_once('.').filter(|(_, label)| is_place(label)) {
        // <labels>.<region>.us-gov, as the Location Service has it.
        let key = &mut [0; KEY];
        if let Some(row) = Key::new(before, Some(last), key).and_then(Key::row) {
            return Some(endpoint(row.service, region));
        }
        return after_region(labels, before.len(), region);
    }
    if is_place(before) {
        return after_region(labels, 0, before);
    }
    global(labels, split)
}

/// `<labels>.<region>.<suffix>`, which is the name, or what a VPC endpoint stands before.
fn regional<'a>(
    name: &str,
    labels: &'a str,
    region: &'a str,
    dual_stack: bool,
) -> Option<Endpoint<'a>> {
    let buffer = &mut [0; KEY];
    let key = Key::new(labels, None, buffer)?;
    if let Some(row) = key.row() {
        let kind = if is_pseudo_region(region) {
            Kind::PseudoRegion
        } else {
            Kind::Region
        };
        let home = row.home(|| Place {
            partition: partition_of(region).index(),
            kind,
            dual_stack,
        });
        let exception = table::EXCEPTIONS.iter().find(|(host, _)| *host == name);
        return Some(match (home, exception) {
            (Some(_), Some((_, exception))) => endpoint(row.service, exception),
            (Some((service, "")), None) => endpoint(service, region),
            (Some((service, home)), None) => endpoint(service, home),
            (None, _) => endpoint(row.service, region),
        });
    }
    if let Some((_, rest)) = key.text.split_once('.') {
        if let Some(shape) = documented::find(documented::BEFORE_REGION, key.text) {
            return Some(of_shape(shape, region));
        }
        let service = tenant_label(rest).or_else(|| {
            // A Kinesis stream's id is two labels.
            let (_, rest) = rest.split_once('.')?;
            tenant_label(rest).filter(|service| *service == "kinesis")
        })?;
        return Some(endpoint(service, region));
    }
    let single = documented::SINGLE_LABEL.iter();
    if let Some(shape) = single.into_iter().find(|shape| shape.tail == key.text) {
        return Some(of_shape(shape, region));
    }
    // Of the plain shape, so that it needs no row.
    let service = labels.strip_suffix("-fips").unwrap_or(labels);
    let service = service.strip_prefix("fips.").unwrap_or(service);
    // "DiscoverPollEndpoint" in the ECS API reference: ecs-a-<n>, ecs-t-<n>.
    let of_agent = service.starts_with("ecs-a-") || service.starts_with("ecs-t-");
    let service = if of_agent { "ecs" } else { service };
    let plain = !service.is_empty() && !service.contains('.');
    (plain && !documented::NOT_SIGNED.contains(&service)).then(|| endpoint(service, region))
}

fn tenant_label(labels: &str) -> Option<&'static str> {
    let rows = table::TENANT_LABEL;
    let row = rows.iter().find(|(known, _)| *known == labels)?;
    Some(row.1)
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
    let place = || Place {
        partition: partition.index(),
        kind,
        dual_stack: split.dual_stack,
    };
    if let Some((service, home)) = key.row().and_then(|row| row.home(place)) {
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
/// second label is `vpce-svc-<id>`, is not signed.
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
        s3::Found::Other => regional("", service, region, split.dual_stack),
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
pub(super) const KEY: usize = 128;

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
        let mark = labels
            .match_indices('-')
            .filter_map(|(at, _)| labels.split_at_checked(at))
            .find_map(|(before, rest)| Some((before, rest.strip_prefix(FIPS)?)));
        let (before, after) = match mark {
            Some(parts) => parts,
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

    /// Its row in the table, which has the shorter labels first: most steps compare two lengths.
    fn row(self) -> Option<Row> {
        let wanted = (self.text.len(), self.text);
        let row = table::NAMES
            .binary_search_by(|(labels, ..)| (labels.len(), *labels).cmp(&wanted))
            .ok()?;
        let (_, service, first, count) = table::NAMES.get(row)?;
        Some(Row {
            service: table::SERVICES.get(usize::from(*service))?,
            homes: usize::from(*first)..usize::from(*first) + usize::from(*count),
        })
    }
}

/// What the table says of some labels.
struct Row {
    service: &'static str,
    homes: std::ops::Range<usize>,
}

impl Row {
    /// (signing name, signing region) where it is not the host's own; an empty region is.
    fn home(&self, place: impl Fn() -> Place) -> Option<(&'static str, &'static str)> {
        let homes = table::HOMES.get(self.homes.clone())?;
        if homes.is_empty() {
            return None;
        }
        let place = place();
        let bit = place.kind as usize * 2 + usize::from(place.dual_stack);
        let (service, region, ..) = homes.iter().find(|(.., partition, bits)| {
            usize::from(*partition) == place.partition && (bits >> bit) & 1 == 1
        })?;
        let service = table::SERVICES.get(usize::from(*service))?;
        let region = table::HOME_REGIONS.get(usize::from(*region))?;
        Some((service, region))
    }
}

/// What is right of a host's labels, as far as it says which region signs.
#[derive(Clone, Copy)]
struct Place {
    /// Its number in the table.
    partition: usize,
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
