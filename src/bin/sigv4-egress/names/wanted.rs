//! What a configuration permits, as far as it says which names a certificate needs.

use sigv4_egress::endpoint::names::{HostForm, Whose, is_suffix_or_above, region_of};
use sigv4_egress::endpoint::{HostKind, hosts_of};
use sigv4_egress::policy::{Allow, Effect, Policy, Rule};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What must end at the sidecar so that the filter can sign it, or refuse it.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Every AWS host: `allow` is `"*"`, or a rule without conditions on hosts permits what it is for.
    pub(super) everything: bool,
    services: BTreeSet<String>,
    /// Host patterns, whose names are taken as they are.
    hosts: BTreeSet<String>,
    /// Zones of directory buckets that are named.
    pub(super) zones: BTreeSet<String>,
    /// What the configuration permits and no name can cover.
    pub(super) notes: Vec<String>,
}

impl Wanted {
    /// Without a configuration.
    pub(super) fn all() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    pub(super) fn new(policy: &Policy, regions: &[&str]) -> Self {
        let mut wanted = Self::default();
        match policy.allow() {
            Allow::Everything => wanted.everything = true,
            Allow::Listed {
                services,
                hosts,
                buckets,
            } => {
                wanted.services.extend(services.iter().cloned());
                for host in hosts {
                    wanted.host("allow", host, false);
                }
                wanted.buckets("allow", &buckets.patterns());
            }
        }
        for (place, rule) in policy.rules().iter().enumerate() {
            wanted.rule(&format!("rules[{place}]"), rule, regions);
        }
        wanted
    }

    fn rule(&mut self, place: &str, rule: &Rule, regions: &[&str]) {
        let when = &rule.when;
        let permits = match rule.effect {
            Some(Effect::LeaveAlone) => return,
            Some(Effect::Allow) => true,
            // A denial needs its requests here, too, as does what only changes how they are signed.
            Some(Effect::Deny) | None => false,
        };
        for host in &when.hosts {
            self.host(place, host, rule.sign_as.is_some());
        }
        self.buckets(place, &when.buckets);
        if permits || rule.effect == Some(Effect::Deny) {
            if when.hosts.is_empty() {
                self.services.extend(when.services.iter().cloned());
            }
            let is_for_all =
                when.hosts.is_empty() && when.services.is_empty() && when.buckets.is_empty();
            if is_for_all && permits {
                self.everything = true;
            } else if is_for_all {
                self.notes.push(format!(
                    "{place} denies by region or route alone: it holds for the names that are listed here, \
                     others do not end at the sidecar"
                ));
            }
        }
        for region in &when.regions {
            if permits && !regions.contains(&region.as_str()) {
                self.notes
                    .push(format!("{place} permits {region}: add --region {region}"));
            }
        }
    }

    fn buckets(&mut self, place: &str, patterns: &[String]) {
        if patterns.is_empty() {
            return;
        }
        self.services.insert("s3".to_owned());
        self.services.insert("s3express".to_owned());
        for pattern in patterns {
            self.zones.extend(zone_of(pattern).map(str::to_owned));
            let name = pattern.trim_end_matches('*');
            if name.contains('.') {
                self.notes.push(format!(
                    "{place}, bucket {pattern}: its name has dots, and * in a certificate stands for one \
                     label (AWS's own has no other); clients must name it in the path"
                ));
            }
        }
    }

    fn host(&mut self, place: &str, pattern: &str, signs_as_told: bool) {
        let kind = hosts_of(pattern).kind;
        let parent = pattern.strip_prefix("*.");
        match kind {
            HostKind::Loopback => {}
            _ if pattern.parse::<IpAddr>().is_ok() => self.notes.push(format!(
                "{place}, host {pattern}: is an address; give the host a name"
            )),
            HostKind::Other | HostKind::UnknownOfAws if !signs_as_told => self.notes.push(format!(
                "{place}, host {pattern}: nothing that is signed has such a name"
            )),
            _ => {
                self.hosts.insert(pattern.to_owned());
            }
        }
        let is_deeper = |parent: &str| {
            !hosts_of(&format!("x.{parent}")).are_signed() && !is_suffix_or_above(parent)
        };
        if kind == HostKind::Customers && parent.is_some_and(is_deeper) {
            self.notes.push(format!(
                "{place}, host {pattern}: * in a certificate stands for one label, and these hosts have \
                 more; name what is right of their first labels"
            ));
        }
    }

    /// Whether hosts of a form are wanted.
    pub(super) fn takes(&self, form: &HostForm) -> bool {
        let by_service = match form.whose {
            Whose::Api | Whose::Callers => self.everything || self.services.contains(&form.service),
            Whose::Customers => self.everything,
            // Devices show certificates of their own there.
            Whose::Devices => self.services.contains(&form.service),
        };
        by_service
            || self
                .hosts
                .iter()
                .any(|pattern| is_below(pattern, &form.name))
    }

    /// Host patterns that are names themselves: those too high above everybody's hosts only choose among what is
    /// signed.
    pub(super) fn own_names(&self) -> impl Iterator<Item = &str> {
        let is_name = |pattern: &&str| match pattern.strip_prefix("*.") {
            Some(parent) => {
                !is_suffix_or_above(parent)
                    && (hosts_of(pattern).kind != HostKind::Many || region_of(parent).is_some())
            }
            None => true,
        };
        self.hosts.iter().map(String::as_str).filter(is_name)
    }

    /// Whether some of a service's hosts are permitted.
    pub(super) fn permits(&self, service: &str) -> bool {
        self.everything || self.services.contains(service)
    }

    /// Services that are listed.
    pub(super) fn services(&self) -> &BTreeSet<String> {
        &self.services
    }
}

/// Whether a pattern takes a name, or all that a name with `*` stands for.
fn is_below(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name
            .strip_suffix(parent)
            .is_some_and(|labels| labels.ends_with('.')),
        None => pattern == name,
    }
}

/// The zone in a name of a directory bucket, or of an access point for one ("Directory bucket naming rules" in the S3
/// User Guide), or in a pattern of such names.
fn zone_of(bucket: &str) -> Option<&str> {
    let name = bucket
        .strip_suffix("--x-s3")
        .or_else(|| bucket.strip_suffix("--xa-s3"))?;
    name.rsplit_once("--").map(|(_, zone)| zone)
}
