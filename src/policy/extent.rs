//! What rules are for.

use super::rule::{Condition, Rule, host_fits};
use crate::bucket;
use crate::endpoint::{Hosts, hosts_of};

/// What requests a rule is for, as far as its conditions say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// What its patterns of hosts stand for.
    pub hosts: Vec<Hosts>,
    /// Signing names; none: whatever they are.
    pub services: Vec<String>,
    /// Signing regions; none: whatever they are.
    pub regions: Vec<String>,
}

impl Rule {
    /// What requests it is for.
    #[inline(never)]
    pub fn extent(&self) -> Extent {
        let Condition {
            hosts,
            buckets,
            services,
            regions,
            ..
        } = &self.when;
        let hosts: Vec<Hosts> = hosts.iter().map(|host| hosts_of(host)).collect();
        let (mut services, mut regions) = (services.clone(), regions.clone());
        if let Some(sign_as) = &self.sign_as {
            services = vec![sign_as.service.clone()];
        } else if services.is_empty() && !buckets.is_empty() {
            for pattern in buckets {
                let is_directory = bucket::service_of(pattern) == Some("s3express");
                if is_directory || pattern.ends_with('*') {
                    services.push("s3express".to_owned());
                }
                if !is_directory {
                    services.push("s3".to_owned());
                }
            }
        } else if services.is_empty() && hosts.iter().all(|hosts| !hosts.service.is_empty()) {
            services.extend(hosts.iter().map(|hosts| hosts.service.clone()));
        }
        if regions.is_empty() && hosts.iter().all(|hosts| !hosts.region.is_empty()) {
            regions.extend(hosts.iter().map(|hosts| hosts.region.clone()));
        }
        Extent {
            hosts,
            services,
            regions,
        }
    }
}

/// Whether a pattern of hosts is for all that another one is for.
#[inline(never)]
pub fn host_covers(pattern: &str, other: &str) -> bool {
    match (pattern.strip_prefix('*'), other.strip_prefix('*')) {
        (Some(parent), Some(other)) => other.ends_with(parent),
        (None, Some(_)) => false,
        _ => host_fits(pattern, other),
    }
}
