//! Partitions, their DNS suffixes and their regions.

use super::table::PARTITIONS;
use super::words;

/// A partition of AWS: a set of regions with DNS suffixes of their own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Partition {
    /// What its regions' names start with; the first row takes every other region.
    pub(super) region_prefix: &'static str,
    pub(super) dns_suffix: &'static str,
    pub(super) dual_stack_suffix: &'static str,
    /// Where its global services are, as far as their own data say nothing else.
    pub(super) global_region: &'static str,
    /// What botocore calls the whole partition, such as `aws-cn-global`: a region to it.
    pub(super) pseudo_region: Option<&'static str>,
}

impl Partition {
    /// Its row in the table.
    pub(super) fn index(&self) -> usize {
        let same = |other: &Self| other.region_prefix == self.region_prefix;
        PARTITIONS.iter().position(same).unwrap_or_default()
    }
}

/// The partition of a region, or of a name that botocore takes for one.
pub(super) fn partition_of(region: &str) -> &'static Partition {
    let has = |partition: &&Partition| {
        !partition.region_prefix.is_empty() && region.starts_with(partition.region_prefix)
            || partition.pseudo_region == Some(region)
    };
    let partition = PARTITIONS.iter().find(has);
    partition.or(PARTITIONS.first()).unwrap_or(&EMPTY)
}

/// Never used: the table has rows.
const EMPTY: Partition = Partition {
    region_prefix: "",
    dns_suffix: "",
    dual_stack_suffix: "",
    global_region: "",
    pseudo_region: None,
};

/// The DNS suffix of a region's partition, such as `amazonaws.com`.
pub fn dns_suffix(region: &str) -> &'static str {
    partition_of(region).dns_suffix
}

/// What ARNs call the partition of a region, such as `aws-cn`.
#[cfg(not(target_family = "wasm"))]
pub fn arn_partition(region: &str) -> &'static str {
    // Where botocore has no name for the whole partition, it is the only one of its kind.
    let name = partition_of(region).pseudo_region;
    name.and_then(|name| name.strip_suffix("-global"))
        .unwrap_or("aws-eusc")
}

/// Where the global services of a partition sign that botocore has a name for, such as `aws-global`.
pub fn global_region(pseudo_region: &str) -> Option<&'static str> {
    is_pseudo_region(pseudo_region).then(|| partition_of(pseudo_region).global_region)
}

/// Whether a label is shaped like a region of any partition, such as `eu-west-1` or
/// `us-gov-east-1` (botocore `partitions.json`, `regionRegex`); or of a geography that AWS has not yet: two letters, or
/// `eusc-` and two, and a direction. SDKs sign for any region that they are given.
pub fn is_region(label: &str) -> bool {
    let ([place @ .., b'-', b'0'..=b'9'] | [place @ .., b'-', b'0'..=b'9', b'0'..=b'9']) =
        label.as_bytes()
    else {
        return false;
    };
    let letters = place
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_lowercase())
        .count();
    let area = place
        .get(..place.len() - letters)
        .and_then(|area| area.strip_suffix(b"-"));
    let Some(area) = area.filter(|_| letters > 0) else {
        return false;
    };
    AREAS.contains(&area) || is_new_geography(area, place.get(area.len() + 1..))
}

fn is_new_geography(area: &[u8], direction: Option<&[u8]>) -> bool {
    let area = area.strip_prefix(b"eusc-").unwrap_or(area);
    let direction = direction.and_then(|direction| str::from_utf8(direction).ok());
    matches!(area, [b'a'..=b'z', b'a'..=b'z'])
        && direction.is_some_and(|direction| words::has(DIRECTIONS, direction))
}

const DIRECTIONS: &str = "north south east west central northeast northwest southeast southwest";

const AREAS: &[&[u8]] = &[
    b"us", b"eu", b"ap", b"sa", b"ca", b"me", b"af", b"il", b"mx", b"cn", b"us-gov", b"us-iso",
    b"us-isob", b"us-isof", b"eu-isoe", b"eusc-de",
];

/// Whether botocore takes a label for a region: one, or its name for a whole partition.
pub(super) fn is_place(label: &str) -> bool {
    is_region(label) || is_pseudo_region(label)
}

pub(super) fn is_pseudo_region(label: &str) -> bool {
    label.ends_with("-global") && PARTITIONS.iter().any(|p| p.pseudo_region == Some(label))
}

/// A name apart from its partition's suffix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split<'a> {
    /// What is left of the suffix.
    pub(super) labels: &'a str,
    /// The first partition with the suffix.
    pub(super) partition: &'static Partition,
    pub(super) dual_stack: bool,
}

/// Whether a name is below one of AWS's, whatever it names.
pub fn is_below_aws(name: &str) -> bool {
    // `on.aws` and `sagemaker.aws` are no partition's; all of `.aws` is AWS's own (IANA's root zone database).
    split(name).is_some() || name.ends_with(".aws") || name.ends_with(".aws.amazon.com")
}

/// Splits a suffix off; `None` for a name without one.
pub(super) fn split(name: &str) -> Option<Split<'_>> {
    let strip = |suffix| name.strip_suffix(suffix)?.strip_suffix('.');
    PARTITIONS.iter().find_map(|partition| {
        let plain = strip(partition.dns_suffix).map(|labels| (labels, false));
        let (labels, dual_stack) =
            plain.or_else(|| Some((strip(partition.dual_stack_suffix)?, true)))?;
        Some(Split {
            labels,
            partition,
            dual_stack,
        })
    })
}

/// The labels before a suffix of AWS's, whatever they name; `None` for any other name.
pub fn strip_aws_suffix(name: &str) -> Option<&str> {
    split(name).map(|split| split.labels)
}
