//! Rules that never decide, because an earlier one fits whatever they fit.

use super::{Effect, Policy, Rule, Subject, host_fits};
use crate::bucket::{self, Named};
use crate::endpoint::{Endpoint, Hosts, hosts_of};
use crate::sigv4::{Algorithm, PathStyle};
use std::borrow::Cow;

impl Policy {
    /// The first rule that an earlier one hides: its place, and that of the other. Found without a look at all pairs: what
    /// hides a rule fits a request that the rule fits.
    pub fn first_hidden(&self) -> Option<(usize, usize)> {
        (0..self.rules.len()).find_map(|place| {
            let rule = self.rules.get(place)?;
            let example = Example::of(rule);
            let mut earlier = None;
            self.index
                .each_place(example.subject(rule), example.named.as_ref(), |other| {
                    let hides = other < place
                        && earlier.is_none_or(|earlier| other < earlier)
                        && self.rules.get(other).is_some_and(|other| other.hides(rule));
                    if hides {
                        earlier = Some(other);
                    }
                });
            Some((place, earlier?))
        })
    }
}

/// A request that a rule is for, as far as an index can tell.
struct Example<'r> {
    host: String,
    service: String,
    region: String,
    named: Option<Named<'r>>,
}

impl<'r> Example<'r> {
    fn of(rule: &'r Rule) -> Self {
        let when = &rule.when;
        let first = |list: &[String]| list.first().cloned();
        let pattern = when.hosts.first().map_or("", String::as_str);
        let (mut service, mut region) = (None, None);
        let mut named = when.buckets.first().map(|name| name_of(name));
        match hosts_of(pattern) {
            Hosts::Signed {
                service: of,
                region: at,
                ..
            } => (service, region) = (Some(of), at),
            Hosts::AccessPoints => named = named.or(Some(Named::AccessPointHost)),
            _ => {}
        }
        let of_bucket = when.buckets.first().map(|name| match directory(name) {
            Directory::Yes => "s3express".to_owned(),
            Directory::No | Directory::Perhaps => "s3".to_owned(),
        });
        Self {
            host: pattern.replacen('*', "x", 1),
            service: first(&when.services)
                .or(service)
                .or(of_bucket)
                .unwrap_or_default(),
            region: first(&when.regions).or(region).unwrap_or_default(),
            named,
        }
    }

    fn subject(&'r self, rule: &'r Rule) -> Subject<'r> {
        Subject {
            host: &self.host,
            endpoint: Some(Endpoint {
                service: &self.service,
                region: &self.region,
                algorithm: Algorithm::SigV4,
                path_style: PathStyle::Normalised,
                tenant: false,
            }),
            route_metadata: &rule.when.route_metadata,
        }
    }
}

/// What fits a pattern for buckets, as the index has it.
fn name_of(pattern: &str) -> Named<'_> {
    let name = Cow::Borrowed(pattern.trim_end_matches('*'));
    match bucket::is_alias(pattern) {
        true => Named::Alias(name),
        false => Named::Bucket(name),
    }
}

impl Rule {
    /// Whether it fits whatever another rule fits.
    fn hides(&self, other: &Self) -> bool {
        let (own, others) = (&self.when, &other.when);
        let route = own
            .route_metadata
            .iter()
            .all(|(key, value)| others.route_metadata.get(key) == Some(value));
        route && self.hides_hosts(other) && self.hides_buckets(other) && {
            let kinds: Vec<Hosts> = others.hosts.iter().map(|host| hosts_of(host)).collect();
            let of_buckets = others.buckets.iter().map(|name| match directory(name) {
                Directory::Yes => vec!["s3express".to_owned()],
                Directory::No => vec!["s3".to_owned()],
                Directory::Perhaps => vec!["s3".to_owned(), "s3express".to_owned()],
            });
            let of_hosts = kinds.iter().map(|kind| match kind {
                Hosts::Signed { service, .. } => vec![service.clone()],
                // Of whatever service.
                _ => vec![String::new()],
            });
            let services: Vec<String> = match (&others.services, &others.buckets) {
                (services, _) if !services.is_empty() => services.clone(),
                (_, buckets) if !buckets.is_empty() => of_buckets.flatten().collect(),
                _ => of_hosts.flatten().collect(),
            };
            let regions: Vec<String> = match &others.regions {
                regions if !regions.is_empty() => regions.clone(),
                _ => kinds
                    .iter()
                    .map(|kind| match kind {
                        Hosts::Signed {
                            region: Some(region),
                            ..
                        } => region.clone(),
                        _ => String::new(),
                    })
                    .collect(),
            };
            contains(&own.services, &services) && contains(&own.regions, &regions)
        }
    }

    fn hides_hosts(&self, other: &Self) -> bool {
        let (own, others) = (&self.when.hosts, &other.when.hosts);
        if own.is_empty() {
            // Such a rule is for AWS's hosts alone.
            return others.iter().all(|host| hosts_of(host) != Hosts::Other);
        }
        let hides = |other: &String| {
            own.iter().any(|own| match other.strip_prefix('*') {
                Some(parent) => own
                    .strip_prefix('*')
                    .is_some_and(|own| parent.ends_with(own)),
                None => host_fits(own, other),
            })
        };
        !others.is_empty() && others.iter().all(hides)
    }

    /// A denial of buckets is for all that hides its bucket.
    fn hides_buckets(&self, other: &Self) -> bool {
        let (own, others) = (&self.when.buckets, &other.when.buckets);
        let denies = self.effect == Some(Effect::Deny);
        if own.is_empty() {
            return true;
        }
        if others.is_empty() {
            let hosts = &other.when.hosts;
            let access_points = hosts
                .iter()
                .all(|host| hosts_of(host) == Hosts::AccessPoints);
            return denies && !hosts.is_empty() && access_points;
        }
        others.iter().all(|other| {
            let is_alias = bucket::is_alias(other);
            (denies && is_alias)
                || own.iter().any(
                    |own| match (own.strip_suffix('*'), other.strip_suffix('*')) {
                        (Some(own), Some(other)) => other.starts_with(own),
                        (Some(own), None) => !is_alias && other.starts_with(own),
                        (None, _) => own == other,
                    },
                )
        })
    }
}

/// Whether a list of conditions, where there is one, has all of what another rule is for, and that says what it is for.
fn contains(own: &[String], others: &[String]) -> bool {
    own.is_empty() || (!others.is_empty() && others.iter().all(|other| own.contains(other)))
}

/// Whether a pattern is for directory buckets, which sign as S3 Express.
enum Directory {
    Yes,
    No,
    Perhaps,
}

fn directory(pattern: &str) -> Directory {
    match pattern {
        _ if pattern.ends_with('*') => Directory::Perhaps,
        _ if pattern.ends_with("--x-s3") || pattern.ends_with("--xa-s3") => Directory::Yes,
        _ => Directory::No,
    }
}
