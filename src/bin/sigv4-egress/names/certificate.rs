//! The names of the certificate: few, and none that stands for other people's hosts.

use super::wanted::Wanted;
use sigv4_egress::endpoint::{self, Host, names};
use std::collections::{BTreeMap, BTreeSet};

/// Names, and what goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// What the certificate has: as few names as it can.
    pub(super) names: Vec<String>,
    /// Envoy's `server_names` for the chain that ends TLS: no wildcard for a region that is not asked for, though
    /// global services live there.
    pub(super) server_names: Vec<String>,
    /// What `server_names` have for a chain that passes on what it gets, because wildcards among them take more there.
    pub(super) passed_through: Vec<String>,
    /// Subtrees that the names are in: the constraints of an authority.
    pub(super) permitted: Vec<String>,
    /// What the configuration permits and no name covers.
    pub(super) notes: Vec<String>,
}

impl Names {
    /// The names in some regions, with these zones of directory buckets.
    pub(super) fn of(regions: &[&str], zones: &[&str], wanted: &Wanted) -> Self {
        let zones: Vec<&str> = zones
            .iter()
            .copied()
            .chain(wanted.zones.iter().map(String::as_str))
            .collect();
        let mut apis = BTreeSet::new();
        let mut others: BTreeSet<String> = wanted.own_names().map(str::to_owned).collect();
        // Those of names that are not wanted.
        let mut parents = BTreeSet::new();
        let mut notes = wanted.notes.clone();
        for region in regions {
            let forms = names::host_forms(region, &zones);
            for form in &forms {
                match form.whose {
                    _ if !wanted.takes(form) => parents.insert(parent_of(&form.name).to_owned()),
                    names::Whose::Api => apis.insert(form.name.clone()),
                    _ => others.insert(form.name.clone()),
                };
            }
            for service in wanted.services() {
                if !forms.iter().any(|form| form.service == *service) {
                    others.extend(of_unknown(service, region));
                }
            }
        }
        notes.extend(not_covered(wanted, &zones, regions));
        let names = few(&apis, &others, &|parent| match names::region_of(parent) {
            Some(_) => wanted.everything,
            None => !parents.contains(parent),
        });
        let server_names = few(&apis, &others, &|parent| match names::region_of(parent) {
            Some(region) => wanted.everything && regions.contains(&region),
            None => !parents.contains(parent),
        });
        Self {
            passed_through: passed_through(&server_names),
            permitted: subtrees(&names),
            names: names.into_iter().collect(),
            server_names: server_names.into_iter().collect(),
            notes,
        }
    }
}

/// The plain shape, for a service that is newer than the tables.
fn of_unknown(service: &str, region: &str) -> Vec<String> {
    let label = service.to_ascii_lowercase();
    let suffix = endpoint::dns_suffix(region);
    let hosts = [
        format!("{label}.{region}.{suffix}"),
        format!("{label}-fips.{region}.{suffix}"),
    ];
    hosts
        .into_iter()
        .filter(|host| Host::parse(host.as_bytes()).is_ok())
        .collect()
}

/// As few names as stand for no host of others: a wildcard for several APIs below one parent, if that is whole, with
/// nothing below it that is not permitted, and nothing of others. What has no name passes on untouched.
fn few(
    apis: &BTreeSet<String>,
    others: &BTreeSet<String>,
    is_whole: &dyn Fn(&str) -> bool,
) -> BTreeSet<String> {
    let mut by_parent: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for name in apis {
        by_parent.entry(parent_of(name)).or_default().push(name);
    }
    let mut found = others.clone();
    for (parent, names) in by_parent {
        let wildcard = format!("*.{parent}");
        let is_shorter = match names::region_of(parent) {
            Some(region) => names::is_at_home(parent, region),
            None => names.len() > 1,
        };
        let is_open = !names::is_suffix_or_above(parent) && !names::is_shared(parent);
        if others.contains(&wildcard) || is_shorter && is_open && is_whole(parent) {
            found.insert(wildcard);
        } else {
            found.extend(names.into_iter().cloned());
        }
    }
    let wildcards: BTreeSet<String> = found
        .iter()
        .filter(|name| name.starts_with("*."))
        .cloned()
        .collect();
    found.retain(|name| {
        name.starts_with("*.") || !wildcards.contains(&format!("*.{}", parent_of(name)))
    });
    found
}

/// What is behind a name's first label.
fn parent_of(name: &str) -> &str {
    name.split_once('.').map_or("", |(_, parent)| parent)
}

/// What wildcards for whole regions take in Envoy, where `*` stands for any number of labels.
fn passed_through(names: &BTreeSet<String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    let parents = names.iter().filter_map(|name| name.strip_prefix("*."));
    for region in parents.filter_map(names::region_of) {
        found.extend(names::passed_through(region));
    }
    let is_taken = |name: &String| {
        let labels = name.strip_prefix("*.").unwrap_or(name);
        let above = labels
            .match_indices('.')
            .filter_map(|(at, _)| labels.get(at + 1..));
        above
            .map(|parent| format!("*.{parent}"))
            .any(|wildcard| names.contains(&wildcard))
    };
    found.retain(|name| is_taken(name) && !names.contains(name));
    found.into_iter().collect()
}

/// The subtrees that the names are in, none of them in another. A subtree has its own name, and all below it (RFC 5280,
/// section 4.2.1.10).
fn subtrees(names: &BTreeSet<String>) -> Vec<String> {
    let bases = || {
        names
            .iter()
            .map(|name| name.strip_prefix("*.").unwrap_or(name))
    };
    let is_in_another = |base: &str| {
        let mut above = base
            .match_indices('.')
            .filter_map(|(at, _)| base.get(at + 1..));
        above.any(|parent| bases().any(|other| other == parent))
    };
    let highest: BTreeSet<&str> = bases().filter(|base| !is_in_another(base)).collect();
    highest.into_iter().map(str::to_owned).collect()
}

/// Services that have hosts with more labels of the caller's than one.
const TOO_DEEP: &[(&str, &str, &str)] = &[
    (
        "s3-outposts",
        "<access point>.<outpost>.s3-outposts.<region>",
        "name *.<outpost>.s3-outposts.<region>... as a host in allow",
    ),
    (
        "kinesis",
        "<id>.<id>.data-kinesis.<region>",
        "name *.<id>.data-kinesis.<region>... as a host in allow",
    ),
    (
        "neptune-db",
        "<instance>.<cluster>.<region>.neptune",
        "name the cluster's own hosts in allow",
    ),
    (
        "vpc-lattice-svcs",
        "<service>.<id>.vpc-lattice-svcs.<region>",
        "name the services' own hosts in allow",
    ),
    (
        "mediapackagev2",
        "<id>.egress.<id>.mediapackagev2.<region>",
        "name the channel groups' own hosts in allow",
    ),
];

fn not_covered(wanted: &Wanted, zones: &[&str], regions: &[&str]) -> Vec<String> {
    let deep = TOO_DEEP
        .iter()
        .filter(|(service, ..)| wanted.permits(service));
    // "*" stands alone.
    let instead = match wanted.everything {
        true => ", in place of \"*\"",
        false => "",
    };
    let mut notes: Vec<String> = deep
        .map(|(service, host, advice)| {
            format!("{service}: {host} has two labels of its own; {advice}{instead}")
        })
        .collect();
    if wanted.permits("s3express") && zones.is_empty() {
        let region = regions.first().copied().unwrap_or_default();
        notes.push(format!(
            "s3express: directory buckets in {region} have their zone in the host; add --zone with its id, as in --zone use1-az4"
        ));
    }
    if wanted.everything && !wanted.services().contains("iotdata") {
        notes.push(
            "iotdata: <id>.iot.<region> is for devices with certificates, too; list iotdata and the \
             other services in allow, instead of *, if programs sign there"
                .to_owned(),
        );
    }
    if wanted.everything {
        notes.push(
            "interface endpoints (vpce-...): name them as hosts in an allow that lists services; private DNS needs none"
                .to_owned(),
        );
    }
    notes
}
