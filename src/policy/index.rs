//! Finds the first rule that matches without looking at all of them.
//!
//! Each rule lies under one of its conditions, the most telling one; a request looks at those that lie
//! under what it is itself. Its cost follows the number of its host's labels, not that of the rules.

use super::{Rule, Subject};
use std::collections::HashMap;

/// Places of rules, ascending, by what they ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// By one key and value of the route's metadata.
    route_metadata: HashMap<(String, String), Vec<usize>>,
    /// By host.
    hosts: HashMap<String, Vec<usize>>,
    /// By what follows the `*.` of a pattern.
    parents: HashMap<String, Vec<usize>>,
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
        }
        index
    }

    fn add(&mut self, place: usize, rule: &Rule) {
        let when = &rule.when;
        if let Some((key, value)) = when.route_metadata.first_key_value() {
            let pair = (key.clone(), value.clone());
            self.route_metadata.entry(pair).or_default().push(place);
        } else if !when.hosts.is_empty() {
            for pattern in &when.hosts {
                let (map, name) = match pattern.strip_prefix("*.") {
                    Some(parent) => (&mut self.parents, parent),
                    None => (&mut self.hosts, pattern.as_str()),
                };
                map.entry(name.to_owned()).or_default().push(place);
            }
        } else if !when.services.is_empty() {
            for service in &when.services {
                self.services
                    .entry(service.clone())
                    .or_default()
                    .push(place);
            }
        } else if !when.regions.is_empty() {
            for region in &when.regions {
                self.regions.entry(region.clone()).or_default().push(place);
            }
        } else {
            self.rest.push(place);
        }
    }

    /// The first rule that fits, and its place.
    pub(super) fn first<'p>(
        &self,
        rules: &'p [Rule],
        subject: Subject<'_>,
    ) -> Option<(usize, &'p Rule)> {
        let mut first = None;
        let mut look = |places: &[usize]| {
            let before = |place: &usize| first.is_none_or(|(found, _)| *place < found);
            let found = places
                .iter()
                .copied()
                .take_while(before)
                .filter_map(|place| Some((place, rules.get(place)?)))
                .find(|(_, rule)| rule.when.fits(subject));
            first = found.or(first);
        };
        look(&self.rest);
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
