//! The allow-list.

use super::extent::{Extent, host_covers};
use super::rule::{Rule, host_fits, names};
use super::ruling::Unlisted;
use crate::bucket::{Named, Patterns};
use crate::endpoint::{self, Answering, Endpoint, HostKind, Hosts, hosts_of};
use crate::sigv4::PathStyle;

/// The allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// `"*"`.
    Everything,
    /// Signing names and hosts.
    Listed {
        /// Signing names.
        services: Vec<String>,
        /// Host names; `*.` in front stands for one label or more.
        hosts: Vec<String>,
        /// Names of buckets; `*` behind stands for all names that begin so.
        buckets: Patterns,
    },
}

impl Allow {
    /// The empty list.
    pub fn nothing() -> Self {
        Self::Listed {
            services: Vec::new(),
            hosts: Vec::new(),
            buckets: Patterns::default(),
        }
    }

    /// Whether nothing is allowed but by rules.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Everything => false,
            Self::Listed {
                services,
                hosts,
                buckets,
            } => services.is_empty() && hosts.is_empty() && buckets.is_empty(),
        }
    }

    /// Whether it permits all that a rule is for, as far as that can be told.
    pub fn permits_all(&self, rule: &Rule, extent: &Extent) -> bool {
        let Self::Listed {
            services,
            hosts,
            buckets,
        } = self
        else {
            return true;
        };
        let when = &rule.when;
        let is_host = |host: &String| hosts.iter().any(|listed| host_covers(listed, host));
        let is_bucket = |name: &String| !name.ends_with('*') && buckets.all(name).next().is_some();
        match (when.hosts.as_slice(), when.buckets.as_slice()) {
            ([], []) if !extent.services.is_empty() => {
                extent.services.iter().all(|name| services.contains(name))
            }
            ([], names) => !names.is_empty() && names.iter().all(is_bucket),
            (names, _) => names.iter().all(is_host),
        }
    }

    /// Whether it permits nothing that a rule is for, as far as that can be told.
    pub fn permits_nothing(&self, rule: &Rule, extent: &Extent) -> bool {
        let Self::Listed {
            services,
            hosts,
            buckets,
        } = self
        else {
            return false;
        };
        let of_rule = |name: &str| name.is_empty() || names(&extent.services, name);
        let is_customers = |hosts: &Hosts| hosts.kind == HostKind::Customers;
        let only_customers = !extent.hosts.is_empty() && extent.hosts.iter().all(is_customers);
        let may_be_listed =
            |name: &String| name.ends_with('*') || buckets.all(name).next().is_some();
        let by_bucket = match rule.when.buckets.as_slice() {
            [] => !buckets.is_empty() && names_s3(&extent.services),
            names => names.iter().any(may_be_listed),
        };
        !extent.services.is_empty()
            && (only_customers || !services.iter().any(|name| of_rule(name)))
            && !hosts.iter().any(|host| of_rule(&hosts_of(host).service))
            && !by_bucket
    }

    /// Whether it permits what an entry of another list does, as far as names say.
    pub(crate) fn covers(&self, entry: &str) -> bool {
        let Self::Listed {
            services,
            hosts,
            buckets,
        } = self
        else {
            return true;
        };
        let is_service = !entry.contains('.');
        let service = match is_service {
            true => entry,
            false => &hosts_of(entry).service,
        };
        services.iter().any(|name| name == service)
            || (is_s3(service) && !buckets.is_empty())
            || hosts.iter().any(|host| host_covers(host, entry))
    }

    pub(crate) fn has_buckets(&self) -> bool {
        matches!(self, Self::Listed { buckets, .. } if !buckets.is_empty())
    }

    /// A customer's own resource (a function URL, an API, a search domain) must be named by its host, as
    /// anybody can create one.
    pub(super) fn permits(
        &self,
        host: &str,
        endpoint: &Endpoint<'_>,
        named: Option<&Named<'_>>,
    ) -> bool {
        match self {
            Self::Everything => true,
            Self::Listed {
                services,
                hosts,
                buckets,
            } => {
                (!endpoint.tenant && names(services, endpoint.service))
                    || hosts.iter().any(|pattern| host_fits(pattern, host))
                    || match named {
                        Some(Named::Bucket(name)) => buckets.all(name).next().is_some(),
                        Some(Named::Alias(alias)) => buckets.of_name(alias).is_some(),
                        Some(_) | None => false,
                    }
            }
        }
    }

    /// What it would have to have.
    pub(super) fn lacks(&self, endpoint: &Endpoint<'_>, named: Option<&Named<'_>>) -> Unlisted {
        match named {
            _ if endpoint.tenant => Unlisted::Tenant,
            // The configuration refuses their names.
            _ if endpoint::answering(endpoint.service) == Answering::Customers => Unlisted::Tenant,
            _ if !self.has_buckets() || endpoint.path_style != PathStyle::S3 => Unlisted::Service,
            Some(named) => Unlisted::Named(named.clone().into_owned()),
            None => Unlisted::NoBucket,
        }
    }
}

pub(super) fn names_s3(services: &[String]) -> bool {
    services.iter().any(|service| is_s3(service))
}

/// Whether a signing name is one of S3's.
pub(crate) fn is_s3(service: &str) -> bool {
    endpoint::of_custom_domain(service, "").path_style == PathStyle::S3
}
