//! Which rules never decide, because an earlier one fits whatever they fit.

use super::Policy;
use super::extent::{Extent, host_covers};
use super::rule::{Condition, Effect, Rule, Subject, names};
use crate::bucket::{self, Named};
use crate::endpoint::{Endpoint, HostKind, Hosts};
use crate::sigv4::{Algorithm, PathStyle};
use std::borrow::Cow;

impl Policy {
    /// The first rule that an earlier one hides: its place, and that of the other.
    pub fn first_hidden(&self) -> Option<(usize, usize)> {
        let rules = self.rules.iter().enumerate();
        rules
            .into_iter()
            .find_map(|(place, rule)| Some((place, self.hidden_by(rule, place)?)))
    }

    /// The first rule before a place that hides a rule, which need not be one of the policy's.
    pub fn hidden_by(&self, rule: &Rule, place: usize) -> Option<usize> {
        // A rule hides itself too.
        self.first_that_hides(rule)
            .filter(|earlier| *earlier < place)
    }

    /// Found without a look at all rules: what hides a rule fits each request that the rule fits, so one is enough.
    fn first_that_hides(&self, rule: &Rule) -> Option<usize> {
        let extent = rule.extent();
        let first = |list: &[String]| list.first().cloned().unwrap_or_default();
        let (service, region) = (first(&extent.services), first(&extent.regions));
        let host = first(&rule.when.hosts).replacen('*', "x", 1);
        let bucket = rule.when.buckets.first().map(|pattern| {
            let name = Cow::Borrowed(pattern.trim_end_matches('*'));
            match bucket::is_alias(pattern) {
                true => Named::Alias(name),
                false => Named::Bucket(name),
            }
        });
        let access_point = extent
            .hosts
            .first()
            .filter(|hosts| hosts.kind == HostKind::AccessPoints);
        let named = bucket.or(access_point.map(|_| Named::AccessPointHost));
        let endpoint = Endpoint {
            service: &service,
            region: &region,
            algorithm: Algorithm::SigV4,
            path_style: PathStyle::S3,
            tenant: false,
        };
        let subject = Subject {
            host: &host,
            endpoint: Some(endpoint),
            route_metadata: &rule.when.route_metadata,
            placeholder: rule.when.placeholders.first().map(String::as_str),
        };
        let hides = |earlier: &Rule| earlier.hides(rule, &extent);
        let found = self
            .index
            .first(&self.rules, subject, named.as_ref(), hides)?;
        Some(found.place)
    }
}

impl Rule {
    /// Whether it fits whatever another rule fits.
    #[inline(never)]
    fn hides(&self, other: &Self, extent: &Extent) -> bool {
        let (own, others) = (&self.when, &other.when);
        own.route_metadata
            .iter()
            .all(|(key, value)| others.route_metadata.get(key) == Some(value))
            && contains(&own.placeholders, &others.placeholders)
            && contains(&own.services, &extent.services)
            && contains(&own.regions, &extent.regions)
            && self.hides_hosts(other, extent)
            && self.hides_buckets(other, extent)
    }

    fn hides_hosts(&self, other: &Self, extent: &Extent) -> bool {
        let (own, others) = (&self.when.hosts, &other.when.hosts);
        if own.is_empty() {
            // Such a rule is for AWS's hosts alone.
            return extent.hosts.iter().all(Hosts::are_signed);
        }
        let hides = |other: &String| own.iter().any(|own| host_covers(own, other));
        !others.is_empty() && others.iter().all(hides)
    }

    /// A denial of buckets is for all that hides its bucket.
    fn hides_buckets(&self, other: &Self, extent: &Extent) -> bool {
        let (own, others) = (&self.when.buckets, &other.when.buckets);
        let denies = self.effect == Some(Effect::Deny);
        if own.is_empty() {
            return true;
        }
        if others.is_empty() {
            let is_hidden = |hosts: &Hosts| hosts.kind == HostKind::AccessPoints;
            return denies && !extent.hosts.is_empty() && extent.hosts.iter().all(is_hidden);
        }
        others.iter().all(|other| {
            if bucket::is_alias(other) {
                return denies || names(own, other);
            }
            own.iter().any(|own| bucket::covers(own, other))
        })
    }

    /// Whether some of what a denial is for goes by this earlier rule, which is not there for just a part of the denial's
    /// requests: an exception would have no condition that the denial lacks, and be for nothing else.
    #[cold]
    pub fn lets_pass(&self, denial: &Self, extent: &Extent) -> bool {
        let (own, others) = (&self.when, &denial.when);
        let metadata = &others.route_metadata;
        let mut pairs = own.route_metadata.iter();
        self.effect != Some(Effect::Deny)
            && pairs.all(|(key, value)| metadata.get(key) == Some(value))
            && (own.placeholders.is_empty()
                || own
                    .placeholders
                    .iter()
                    .any(|id| others.placeholders.contains(id)))
            && self.shares_hosts(extent, others)
            && (own.buckets.is_empty() || {
                let mut buckets = others.buckets.iter();
                buckets.any(|other| {
                    let shares =
                        |own: &String| bucket::covers(own, other) || (bucket::covers(other, own));
                    own.buckets.iter().any(shares)
                })
            })
            && !denial.hides(self, &self.extent())
    }

    /// Whether hosts of its services and regions are among those that another rule is for.
    fn shares_hosts(&self, extent: &Extent, others: &Condition) -> bool {
        let Condition {
            hosts,
            services,
            regions,
            ..
        } = &self.when;
        let has = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        if others.hosts.is_empty() {
            let some = |list: &[String], others: &[String]| {
                list.is_empty() || others.iter().any(|name| list.contains(name))
            };
            return hosts.is_empty()
                && some(services, &extent.services)
                // A bucket is in one region, which its name does not say.
                && (!others.buckets.is_empty() || some(regions, &extent.regions));
        }
        others
            .hosts
            .iter()
            .zip(&extent.hosts)
            .any(|(other, found)| {
                let shares = |own: &String| host_covers(own, other) || host_covers(other, own);
                let is_shared = match hosts.as_slice() {
                    [] => found.are_signed(),
                    hosts => hosts.iter().any(shares),
                };
                is_shared && has(services, &found.service) && has(regions, &found.region)
            })
    }
}

/// Whether a condition, where there is one, has all that another rule is for, where that says it.
fn contains(own: &[String], others: &[String]) -> bool {
    own.is_empty() || (!others.is_empty() && others.iter().all(|other| names(own, other)))
}
