//! Reading how credentials are asked for at STS: for the filter, and for roles that are elsewhere.

use super::findings::{ConfigError, Notes, Origin};
use super::keys::{self, Key};
use super::object::{Environment, Object, REGION};
use super::policy::warn_of_region;
#[cfg(not(target_family = "wasm"))]
use crate::credentials::role::{Role, Roles};
use crate::credentials::sts::{StsAccess, StsHost, StsHosts};
use crate::endpoint::{self, Host, Resolution};

/// What the filter says of STS, which holds for its own role and for those that say nothing else.
pub(super) struct Sts {
    pub(super) access: StsAccess,
    cluster: String,
    prefix: &'static str,
}

impl Sts {
    /// Of the filter.
    pub(super) fn of_filter(
        object: &mut Object,
        environment: &Environment,
        region: &str,
        notes: &mut Notes,
    ) -> Self {
        let key = &keys::STS_HOSTS;
        let cluster = object.string(&keys::STS_CLUSTER);
        let listed = hosts(object, key, key.name, notes);
        let (names, prefix, origin) = match listed {
            Some(names) => (names, PLAIN, Origin::Configuration),
            None => {
                let fips = object.sourced(key, environment, parse_boolean, "true or false");
                let (fips, origin) = fips.unwrap_or((false, Origin::Key(keys::REGION.name)));
                let prefix = if fips { FIPS } else { PLAIN };
                (vec![default_host(prefix, region)], prefix, origin)
            }
        };
        notes.source(key.name, Some(names.join(", ")), origin);
        Self {
            access: StsAccess {
                region: region.to_owned(),
                token_path: keys::role::TOKEN_PATH.default.to_owned(),
                token_audience: object.string(&keys::TOKEN_AUDIENCE),
                hosts: in_clusters(names, &cluster),
            },
            cluster,
            prefix,
        }
    }

    /// Of a role of `roles`: what it does not say itself is as the filter says. Hosts of its own are in other clusters, so it
    /// names those, too.
    pub(super) fn of_role(
        &self,
        object: &mut Object,
        notes: &mut Notes,
    ) -> Result<StsAccess, ConfigError> {
        let key = &keys::role::STS_HOSTS;
        let region = object.parsed(&keys::role::REGION, REGION, |text| {
            endpoint::is_region(text).then(|| text.to_owned())
        });
        let place = object.place_of(key);
        let listed = hosts(object, key, &place, notes);
        let cluster = object.parsed(&keys::role::STS_CLUSTER, "the name of a cluster", own);
        let path = object.parsed(&keys::role::TOKEN_PATH, PATH, |text| {
            let is_path = text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic());
            is_path.then(|| text.to_owned())
        });
        let audience = object.parsed(&keys::role::TOKEN_AUDIENCE, "an audience", own);
        if let Some(region) = &region {
            warn_of_region(&object.place_of(&keys::role::REGION), region, notes);
        }
        let default = region
            .as_ref()
            .map(|region| vec![default_host(self.prefix, region)]);
        let hosts = match (listed.or(default), cluster) {
            (None, None) => self.access.hosts.clone(),
            (None, Some(cluster)) => {
                let names = self.access.hosts.iter().map(|host| host.name.clone());
                in_clusters(names.collect(), &cluster)
            }
            (Some(names), Some(cluster)) => in_clusters(names, &cluster),
            (Some(names), None) => {
                let hosts = in_clusters(names, &self.cluster);
                if hosts != self.access.hosts {
                    let names: Vec<&str> = hosts.iter().map(|host| &*host.name).collect();
                    let fault = [
                        "is missing, and \"",
                        &*self.cluster,
                        "\" does not lead to ",
                        &*names.join(", "),
                    ];
                    let allowed = "the name of a cluster that leads to the role's STS";
                    return Err(object.error(&keys::role::STS_CLUSTER, &fault.concat(), allowed));
                }
                hosts
            }
        };
        let own = self.access.clone();
        Ok(StsAccess {
            region: region.unwrap_or(own.region),
            token_path: path.unwrap_or(own.token_path),
            token_audience: audience.unwrap_or(own.token_audience),
            hosts,
        })
    }
}

/// The regional host of a partition. Regional ones hand out tokens that every region of the partition takes.
fn default_host(prefix: &str, region: &str) -> String {
    [prefix, region, ".", endpoint::dns_suffix(region)].concat()
}

const PLAIN: &str = "sts.";
const FIPS: &str = "sts-fips.";
const PATH: &str = "a path such as /token-china";

fn own(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Each host has a cluster of its own: the first this one, the next `<cluster>-2`, and so on.
fn in_clusters(names: Vec<String>, cluster: &str) -> StsHosts {
    let host = |(place, name): (usize, String)| StsHost {
        name,
        cluster: match place {
            0 => cluster.to_owned(),
            _ => [cluster, "-", &*(place + 1).to_string()].concat(),
        },
    };
    let mut hosts = names.into_iter().enumerate().map(host);
    let first = hosts.next().unwrap_or_else(|| StsHost {
        name: String::new(),
        cluster: String::new(),
    });
    StsHosts::new(first, hosts.collect())
}

/// Warns of clusters that are to lead to two hosts: the token goes where the cluster leads, whatever the host is called.
#[cfg(not(target_family = "wasm"))]
pub(super) fn check_clusters(roles: &Roles<Role>, notes: &mut Notes) {
    let mut known: Vec<&StsHost> = Vec::new();
    for (_, role) in roles
        .iter()
        .filter(|(_, role)| role.source.role_arn().is_some())
    {
        for host in role.sts.hosts.iter() {
            let other = known.iter().find(|known| known.cluster == host.cluster);
            match other {
                None => known.push(host),
                Some(other) if other.name == host.name => {}
                Some(other) => {
                    let finding = format!(
                        "is \"{}\", which is to lead to {}, too, and not only to {}",
                        host.cluster, other.name, host.name
                    );
                    let key = match role.name.as_str() {
                        Role::OWN => keys::STS_CLUSTER.name.to_owned(),
                        name => ["roles.", name, ".", keys::STS_CLUSTER.name].concat(),
                    };
                    let advice =
                        "name a cluster of its own, unless this one goes by the host of each call";
                    notes.warn(&key, finding, advice);
                }
            }
        }
    }
}

/// The hosts under a key. `place` is where it stands, for warnings.
fn hosts(object: &mut Object, key: &Key, place: &str, notes: &mut Notes) -> Option<Vec<String>> {
    let mut names = object.list(key)?;
    if names.len() > StsHosts::MOST {
        object.refuse(key, "lists more than 4 hosts", "1 to 4 hosts");
    }
    for name in &mut names {
        match Host::parse(name.as_bytes()) {
            Ok(host) => *name = host.into_authority(),
            Err(error) => {
                let fault = ["holds \"", name, "\": ", &*error.to_string()];
                object.refuse(key, &fault.concat(), HOST);
                return None;
            }
        }
        check_host(object, key, name, place, notes);
    }
    object.refuse_repeated(key, &names);
    // An empty list is refused when all is read.
    (!names.is_empty()).then_some(names)
}

const HOST: &str = "host names, with a port where it is not 443";

/// STS gets the web identity token.
fn check_host(object: &mut Object, key: &Key, authority: &str, place: &str, notes: &mut Notes) {
    let Ok(host) = Host::parse(authority.as_bytes()) else {
        return;
    };
    match endpoint::resolve(&host, "") {
        Resolution::Aws(endpoint) if endpoint.service == "sts" => {
            warn_of_region(place, endpoint.region, notes);
        }
        Resolution::Aws(endpoint) => {
            let fault = ["holds \"", authority, "\", a host of ", endpoint.service];
            object.refuse(key, &fault.concat(), "hosts of STS");
        }
        Resolution::NotAws => notes.warn(
            place,
            format!("\"{authority}\" is not a host of STS, and gets the web identity token"),
            "make sure that it leads to STS",
        ),
    }
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" | "" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
