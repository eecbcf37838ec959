//! Finds the first rule that matches without looking at all of them.
//!
//! Each rule lies under one of its conditions, the most telling one; a request looks at those that lie
//! under what it is itself. Its cost follows the number of its host's labels, not that of the rules.

use super::rule::{ALL_REGIONS, Effect, Placed, Rule, Subject};
use crate::bucket::{Named, Patterns};
use std::collections::HashMap;

/// Places of rules, ascending, by what they ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// By the access key id of a placeholder.
    placeholders: HashMap<String, Vec<usize>>,
    /// By one key and value of the route's metadata.
    route_metadata: HashMap<(String, String), Vec<usize>>,
    /// By host.
    hosts: HashMap<String, Vec<usize>>,
    /// By what follows the `*.` of a pattern.
    parents: HashMap<String, Vec<usize>>,
    /// By bucket.
    buckets: Patterns,
    /// Of those by bucket, the denials, which hold for what hides a bucket too: whatever bucket they name, so that the
    /// first with the same services and regions stands for all.
    hidden: Vec<usize>,
    /// By signing name.
    services: HashMap<String, Vec<usize>>,
    /// By signing region.
    regions: HashMap<String, Vec<usize>>,
    /// Those for every AWS host.
    rest: Vec<usize>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            index.add(place, rule);
            let when = &rule.when;
            let is_under_its_buckets = !when.buckets.is_empty()
                && when.hosts.is_empty()
                && when.route_metadata.is_empty()
                && when.placeholders.is_empty();
            if is_under_its_buckets && rule.effect == Some(Effect::Deny) {
                let same = |place: &usize| {
                    let other = rules.get(*place).map(|rule| &rule.when);
                    other.is_some_and(|other| {
                        other.services == when.services && other.regions == when.regions
                    })
                };
                if !index.hidden.iter().any(same) {
                    index.hidden.push(place);
                }
            }
        }
        index
    }

    fn add(&mut self, place: usize, rule: &Rule) {
        let when = &rule.when;
        if !when.placeholders.is_empty() {
            for id in &when.placeholders {
                add(&mut self.placeholders, id, place);
            }
        } else if let Some((key, value)) = when.route_metadata.first_key_value() {
            let pair = (key.clone(), value.clone());
            self.route_metadata.entry(pair).or_default().push(place);
        } else if !when.hosts.is_empty() {
            for pattern in &when.hosts {
                match pattern.strip_prefix("*.") {
                    Some(parent) => add(&mut self.parents, parent, place),
                    None => add(&mut self.hosts, pattern, place),
                }
            }
        } else if !when.buckets.is_empty() {
            for pattern in &when.buckets {
                self.buckets.add(pattern, place);
            }
        } else if !when.services.is_empty() {
            for service in &when.services {
                add(&mut self.services, service, place);
            }
        } else if !when.regions.is_empty() {
            for region in &when.regions {
                add(&mut self.regions, region, place);
            }
            if rule.effect == Some(Effect::Deny) {
                add(&mut self.regions, ALL_REGIONS, place);
            }
        } else {
            self.rest.push(place);
        }
    }

    /// The first rule that fits, of those that lie under what a request is.
    pub(super) fn first<'p>(
        &self,
        rules: &'p [Rule],
        subject: Subject<'_>,
        named: Option<&Named<'_>>,
        fits: impl Fn(&Rule) -> bool,
    ) -> Option<Placed<'p>> {
        let mut first: Option<Placed<'p>> = None;
        let mut look = |places: &[usize]| {
            let before = |place: &usize| first.is_none_or(|found| *place < found.place);
            let found = places
                .iter()
                .copied()
                .take_while(before)
                .filter_map(|place| {
                    let rule = rules.get(place)?;
                    Some(Placed { place, rule })
                })
                .find(|found| fits(found.rule));
            first = found.or(first);
        };
        look(&self.rest);
        if let Some(places) = subject.placeholder.and_then(|id| self.placeholders.get(id)) {
            look(places);
        }
        if !self.route_metadata.is_empty() {
            for (key, value) in subject.route_metadata {
                // The map's keys are owned pairs; routes with metadata for rules are few and short.
                if let Some(places) = self.route_metadata.get(&(key.clone(), value.clone())) {
                    look(places);
                }
            }
        }
        if let Some(places) = self.hosts.get(subject.host) {
            look(places);
        }
        if !self.parents.is_empty() {
            let dots = subject.host.match_indices('.');
            for (_, parent) in dots.filter_map(|(dot, _)| subject.host.split_at_checked(dot + 1)) {
                if let Some(places) = self.parents.get(parent) {
                    look(places);
                }
            }
        }
        if let Some(named) = named {
            if let Named::Bucket(name) | Named::Alias(name) = named {
                self.buckets.all(name).for_each(&mut look);
            }
            if named.hides_its_bucket() {
                look(&self.hidden);
            }
        }
        if let Some(endpoint) = subject.endpoint {
            if let Some(places) = self.services.get(endpoint.service) {
                look(places);
            }
            if let Some(places) = self.regions.get(endpoint.region) {
                look(places);
            }
        }
        first
    }
}

fn add(map: &mut HashMap<String, Vec<usize>>, name: &str, place: usize) {
    map.entry(name.to_owned()).or_default().push(place);
}
