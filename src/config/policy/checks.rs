//! What allow-list and rules come to: conditions that nothing fits, values that nothing reads, and names that are
//! probably not what was meant.

use crate::bucket;
use crate::config::{ConfigError, Notes};
use crate::endpoint::{self, Answering, Hosts, hosts_of};
use crate::policy::{Effect, PayloadMode, Policy, Rule};
use crate::role::RoleId;

/// Checks the rules. The allow-list is checked when it is read, but for what rules make of it.
pub(super) fn check(policy: &Policy, notes: &mut Notes) -> Result<(), ConfigError> {
    let rules = policy.rules();
    for (place, rule) in rules.iter().enumerate() {
        let at = At { place, rule };
        at.check_that_it_says_something(rules.len())?;
        at.check_hosts(rules, notes)?;
        at.check_services(notes)?;
        at.check_regions(notes);
        warn_of_buckets(&at.key("buckets"), &rule.when.buckets, notes);
        at.check_payload()?;
        at.check_sign_as(notes)?;
        at.warn_of_denials_behind(rules, notes);
    }
    if let Some((hidden, earlier)) = policy.first_hidden() {
        return Err(ConfigError {
            key: format!("rules[{hidden}]"),
            fault: format!(
                "never decides: rules[{earlier}] fits whatever it fits, and comes first"
            ),
            allowed: format!("it before rules[{earlier}], or one of both"),
        });
    }
    let permits = |rule: &Rule| rule.effect == Some(Effect::Allow) || rule.sign_as.is_some();
    if policy.allow().is_nothing() && !rules.iter().any(permits) {
        return Err(ConfigError {
            key: "allow".to_owned(),
            fault: "is empty, and no rule allows anything".to_owned(),
            allowed: "one service or host, or more".to_owned(),
        });
    }
    Ok(())
}

/// A rule and its place.
struct At<'r> {
    place: usize,
    rule: &'r Rule,
}

impl At<'_> {
    fn key(&self, key: &str) -> String {
        format!("rules[{}].{key}", self.place)
    }

    fn error(&self, key: &str, fault: impl Into<String>, allowed: &str) -> ConfigError {
        ConfigError {
            key: self.key(key),
            fault: fault.into(),
            allowed: allowed.to_owned(),
        }
    }

    fn has(&self, effect: Effect) -> bool {
        self.rule.effect == Some(effect)
    }

    /// A rule without a word keeps requests from the rules that follow.
    fn check_that_it_says_something(&self, count: usize) -> Result<(), ConfigError> {
        let Rule {
            effect,
            sign_as,
            role,
            client_signature,
            payload,
            ..
        } = self.rule;
        let says_nothing = effect.is_none()
            && sign_as.is_none()
            && *role == RoleId::OWN
            && client_signature.is_none()
            && payload.is_none();
        if says_nothing && self.place + 1 == count {
            return Err(ConfigError {
                key: format!("rules[{}]", self.place),
                fault: "says nothing, and no rule follows that it keeps requests from".to_owned(),
                allowed: "effect, sign_as, role, client_signature or payload".to_owned(),
            });
        }
        Ok(())
    }

    fn check_hosts(&self, rules: &[Rule], notes: &mut Notes) -> Result<(), ConfigError> {
        let Rule { when, sign_as, .. } = self.rule;
        for host in &when.hosts {
            let hosts = hosts_of(host);
            check_host(&self.key("hosts"), host, &hosts)?;
            let is_of_aws = !matches!(hosts, Hosts::Other | Hosts::UnknownOfAws);
            if is_of_aws && !when.buckets.is_empty() {
                let fault =
                    format!("holds \"{host}\" beside `buckets`, which have many other hosts");
                return Err(self.error(
                    "hosts",
                    fault,
                    "`buckets` without it, or hosts of `sign_as`",
                ));
            }
            let cannot_match = |key: &str| {
                let fault = format!("holds \"{host}\", which no request has that `{key}` fits");
                self.error("hosts", fault, "hosts that fit the rule's other conditions")
            };
            match &hosts {
                Hosts::Other | Hosts::UnknownOfAws => {
                    if !when.services.is_empty() {
                        return Err(cannot_match("services"));
                    }
                    if !when.regions.is_empty() {
                        return Err(cannot_match("regions"));
                    }
                    if sign_as.is_none() {
                        self.check_foreign_host(host, &hosts, rules, notes)?;
                    }
                }
                Hosts::Signed {
                    service,
                    region,
                    tenant,
                    ..
                } => {
                    let denies = self.has(Effect::Deny);
                    if !when.services.is_empty() && !when.services.contains(service) {
                        return Err(cannot_match("services"));
                    }
                    if let Some(region) = region
                        && !when.regions.is_empty()
                        && !when.regions.contains(region)
                        && !(denies && region == "*")
                    {
                        return Err(cannot_match("regions"));
                    }
                    if denies && !tenant {
                        let advice = format!(
                            "`services` with \"{service}\", and `regions`, deny it under all its names"
                        );
                        let finding = format!(
                            "denies {service} as \"{host}\" alone; it has other hosts: FIPS, dual-stack, VPC endpoints"
                        );
                        notes.warn(self.key("hosts"), finding, advice);
                    }
                    if self.has(Effect::Allow) && *tenant && host.starts_with('*') {
                        self.warn_of_customers(host, notes);
                    }
                }
                Hosts::AccessPoints if self.has(Effect::Deny) => {
                    let finding = format!(
                        "denies access points as \"{host}\" alone; they have an alias and other hosts"
                    );
                    notes.warn(
                        self.key("hosts"),
                        finding,
                        "deny their buckets, and name the alias in `buckets`",
                    );
                }
                Hosts::Many if self.has(Effect::Deny) => {
                    let finding = format!(
                        "denies what has a host below \"{host}\"; AWS's services have other hosts too"
                    );
                    notes.warn(
                        self.key("hosts"),
                        finding,
                        "`services` and `regions` deny all of them",
                    );
                }
                Hosts::Many if self.has(Effect::Allow) => self.warn_of_customers(host, notes),
                _ => {}
            }
        }
        Ok(())
    }

    /// A host that takes buckets in its path passes by the denials of buckets that follow.
    fn warn_of_denials_behind(&self, rules: &[Rule], notes: &mut Notes) {
        let Rule { when, effect, .. } = self.rule;
        let takes_buckets = |host: &&String| match hosts_of(host) {
            Hosts::Signed { takes_buckets, .. } => takes_buckets,
            hosts => hosts == Hosts::Many,
        };
        let denies =
            |rule: &Rule| rule.effect == Some(Effect::Deny) && !rule.when.buckets.is_empty();
        let behind = rules.iter().skip(self.place).position(denies);
        if let (Some(host), Some(behind)) = (when.hosts.iter().find(takes_buckets), behind)
            && *effect != Some(Effect::Deny)
        {
            let behind = self.place + behind;
            let finding = format!(
                "holds \"{host}\", where the buckets of rules[{behind}] are not denied, as this rule comes first"
            );
            let advice = format!("move rules[{behind}] before this rule");
            notes.warn(self.key("hosts"), finding, advice);
        }
    }

    fn warn_of_customers(&self, host: &str, notes: &mut Notes) {
        warn_of_customers(&self.key("hosts"), host, notes);
    }

    /// A host that is none of AWS's is left alone, whatever a rule says that does not sign it.
    fn check_foreign_host(
        &self,
        host: &str,
        hosts: &Hosts,
        rules: &[Rule],
        notes: &mut Notes,
    ) -> Result<(), ConfigError> {
        let is_name = !host.contains('.');
        if !self.has(Effect::Deny) || is_name {
            let fault = format!("holds \"{host}\", which is no host of an API of AWS's");
            let allowed = match is_name {
                true => "hosts of AWS's, or `sign_as`; a bucket's name stands in `buckets`",
                false => "hosts of AWS's, or `sign_as`",
            };
            return Err(self.error("hosts", fault, allowed));
        }
        let signs = |rule: &Rule| rule.sign_as.is_some() && rule.when.names_host(host);
        if *hosts == Hosts::UnknownOfAws || !rules.iter().any(signs) {
            let finding = format!("holds \"{host}\", which is no host of an API of AWS's");
            notes.warn(self.key("hosts"), finding, "it is denied by this very name");
        }
        Ok(())
    }

    fn check_services(&self, notes: &mut Notes) -> Result<(), ConfigError> {
        let key = self.key("services");
        let when = &self.rule.when;
        for service in &when.services {
            warn_of_service(&key, service, notes);
            let home = |region: &String| endpoint::home_of(service, region);
            let homes: Vec<String> = when.regions.iter().filter_map(home).collect();
            if let Some(home) = homes.first()
                && homes.len() == when.regions.len()
                && !when.regions.contains(home)
            {
                let finding = format!("holds \"{service}\", which signs for {home} there");
                notes.warn(&key, finding, format!("name {home} in `regions`"));
            }
        }
        if self.has(Effect::Allow) && when.hosts.is_empty() {
            let mut only_customers = !when.services.is_empty();
            for service in &when.services {
                let answering = endpoint::answering(service);
                only_customers &= answering == Answering::Customers;
                if answering == Answering::MostlyCustomers {
                    let finding =
                        format!("holds \"{service}\", most of whose hosts customers create");
                    notes.warn(&key, finding, NAME_THEM);
                }
            }
            if only_customers {
                let fault = "has services alone whose hosts customers create, and names no host";
                return Err(self.error("services", fault, "`hosts` that are yours"));
            }
        }
        Ok(())
    }

    fn check_regions(&self, notes: &mut Notes) {
        for region in &self.rule.when.regions {
            warn_of_region(&self.key("regions"), region, notes);
        }
    }

    /// The services that it can be for; `None` for whatever service.
    fn services(&self) -> Option<Vec<String>> {
        let Rule { when, sign_as, .. } = self.rule;
        if let Some(sign_as) = sign_as {
            return Some(vec![sign_as.service.clone()]);
        }
        if !when.services.is_empty() {
            return Some(when.services.clone());
        }
        if !when.buckets.is_empty() {
            return Some(vec!["s3".to_owned()]);
        }
        let of_hosts = when.hosts.iter().map(|host| match hosts_of(host) {
            Hosts::Signed { service, .. } => Some(service),
            Hosts::AccessPoints => Some("s3".to_owned()),
            _ => None,
        });
        let services: Option<Vec<String>> = of_hosts.collect();
        services.filter(|services| !services.is_empty())
    }

    fn check_payload(&self) -> Result<(), ConfigError> {
        let services = self.services();
        let first = |refuses: fn(&str) -> bool| {
            let mut services = services.iter().flatten();
            services.find(|service| refuses(service)).cloned()
        };
        match self.rule.payload {
            Some(PayloadMode::Unsigned) if services.is_none() => {
                Err(self.error("payload", "is \"unsigned\" for whatever service", UNSIGNED))
            }
            Some(PayloadMode::Unsigned) => match first(|service| {
                endpoint::is_known_service(service) && !endpoint::takes_unsigned_payload(service)
            }) {
                Some(service) => {
                    let fault = format!("is \"unsigned\", which {service} refuses");
                    Err(self.error("payload", fault, UNSIGNED))
                }
                None => Ok(()),
            },
            Some(PayloadMode::Hashed) => match first(|service| service == "vpc-lattice-svcs") {
                Some(service) => {
                    let fault = format!("is \"hashed\", which {service} refuses");
                    Err(self.error("payload", fault, "unsigned"))
                }
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn check_sign_as(&self, notes: &mut Notes) -> Result<(), ConfigError> {
        let Some(sign_as) = &self.rule.sign_as else {
            return Ok(());
        };
        warn_of_service(&self.key("sign_as.service"), &sign_as.service, notes);
        warn_of_region(&self.key("sign_as.region"), &sign_as.region, notes);
        for host in &self.rule.when.hosts {
            match hosts_of(host) {
                Hosts::Many => {
                    let fault = format!("holds \"{host}\", below which AWS's own hosts are");
                    return Err(self.error("hosts", fault, "custom domains beside `sign_as`"));
                }
                Hosts::Signed {
                    service, region, ..
                } => {
                    let region = region.unwrap_or_default();
                    let finding =
                        format!("holds \"{host}\", which signs as {service} {region} by itself");
                    notes.warn(
                        self.key("hosts"),
                        finding,
                        "`sign_as` is for custom domains",
                    );
                }
                _ if !is_private(host) => {
                    let finding = format!(
                        "\"{host}\" is none of AWS's: whoever answers there gets the session token with each request"
                    );
                    notes.warn(
                        self.key("sign_as"),
                        finding,
                        "name hosts that nobody else can answer for",
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }
}

const UNSIGNED: &str = "hashed; or services that take it: S3, VPC Lattice, and in single operations ebs, lex, mediastore and omics";

const NAME_THEM: &str = "name the hosts that are yours";

/// Names that only a network of one's own resolves: of one label, or under RFC 6762's (appendix G) and RFC 8375's
/// domains, ICANN's `internal`, `test` (RFC 6761), and what Kubernetes searches.
fn is_private(pattern: &str) -> bool {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let domains = "local internal intranet private corp home lan home.arpa test svc";
    let mut domains = domains.split(' ');
    !name.contains('.')
        || domains.any(|domain| {
            let before = name.strip_suffix(domain);
            before.is_some_and(|before| before.ends_with('.'))
        })
}

/// What is no condition for a host, in a rule or in the allow-list.
fn check_host(key: &str, host: &str, hosts: &Hosts) -> Result<(), ConfigError> {
    let (what, allowed) = match hosts {
        Hosts::Loopback => (
            "this Envoy itself: the credential scope says which host is meant".to_owned(),
            "that host, or `services`".to_owned(),
        ),
        Hosts::Bucket(name) => (
            format!("one of many names of the bucket {name}"),
            format!("{{\"buckets\": [\"{name}\"]}}"),
        ),
        Hosts::Buckets => (
            "one of many forms of the names of buckets".to_owned(),
            "{\"buckets\": [...]}, or for all of S3 \"services\": [\"s3\"] with `regions`"
                .to_owned(),
        ),
        _ => return Ok(()),
    };
    Err(ConfigError {
        key: key.to_owned(),
        fault: format!("holds \"{host}\", {what}"),
        allowed,
    })
}

/// Checks the allow-list.
pub(super) fn check_allow(
    services: &[String],
    hosts: &[String],
    buckets: &[String],
    notes: &mut Notes,
) -> Result<(), ConfigError> {
    let error = |fault: String, allowed: &str| ConfigError {
        key: "allow".to_owned(),
        fault,
        allowed: allowed.to_owned(),
    };
    for service in services {
        warn_of_service("allow", service, notes);
        match endpoint::answering(service) {
            Answering::Api => {}
            Answering::MostlyCustomers => {
                let finding = format!("holds \"{service}\", most of whose hosts customers create");
                notes.warn("allow", finding, NAME_THEM);
            }
            Answering::Customers => {
                let fault = format!("holds \"{service}\", whose hosts customers create");
                return Err(error(fault, "hosts that are yours"));
            }
        }
    }
    let all_of_s3 = services.iter().find(|name| *name == "s3");
    let directory =
        |name: &&String| *name == "s3express" && buckets.iter().any(|b| b.ends_with("--x-s3"));
    let mut beyond = all_of_s3.or(services.iter().find(directory));
    for host in hosts {
        let found = hosts_of(host);
        check_host("allow", host, &found)?;
        match &found {
            Hosts::Other | Hosts::UnknownOfAws
                if !host.starts_with('*') || found == Hosts::Other =>
            {
                let fault = format!("holds \"{host}\", which is no host of an API of AWS's");
                return Err(error(
                    fault,
                    "hosts of AWS's; others are allowed by a rule with `sign_as`",
                ));
            }
            Hosts::UnknownOfAws => {
                let finding = format!("holds \"{host}\", below which no API of AWS's is known");
                notes.warn(
                    "allow",
                    finding,
                    "hosts below it that are none are left alone",
                );
            }
            Hosts::Signed {
                service,
                tenant,
                takes_buckets,
                ..
            } => {
                if *takes_buckets {
                    beyond = Some(host);
                }
                if *tenant && host.starts_with('*') {
                    warn_of_customers("allow", host, notes);
                }
                if !tenant && services.contains(service) {
                    let finding = format!(
                        "holds \"{host}\" beside \"{service}\", which allows all hosts of it"
                    );
                    notes.warn(
                        "allow",
                        finding,
                        format!("remove \"{service}\", or the host"),
                    );
                }
            }
            Hosts::Many => {
                beyond = Some(host);
                warn_of_customers("allow", host, notes);
            }
            _ => {}
        }
    }
    warn_of_buckets("allow.buckets", buckets, notes);
    match beyond {
        Some(entry) if !buckets.is_empty() => Err(error(
            format!("holds \"{entry}\", which allows every bucket, beside `buckets`"),
            "one of both",
        )),
        _ => Ok(()),
    }
}

fn warn_of_customers(key: &str, host: &str, notes: &mut Notes) {
    let finding = format!("allows \"{host}\", below which any customer of AWS's can create hosts");
    notes.warn(key, finding, NAME_THEM);
}

fn warn_of_service(key: &str, service: &str, notes: &mut Notes) {
    if !endpoint::is_known_service(service) {
        let finding =
            format!("holds \"{service}\", and no service of AWS's is known to sign as that");
        notes.warn(key, finding, meant(endpoint::nearest_service(service)));
    }
}

/// Warns where a region is well shaped and unknown.
pub(in crate::config) fn warn_of_region(key: &str, region: &str, notes: &mut Notes) {
    if !endpoint::is_known_region(region) {
        let finding = format!("holds \"{region}\", which is no region that is known");
        notes.warn(key, finding, meant(endpoint::nearest_region(region)));
    }
}

fn meant(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("it is in force as it stands; is \"{name}\" meant?"),
        None => "it is in force as it stands".to_owned(),
    }
}

fn warn_of_buckets(key: &str, buckets: &[String], notes: &mut Notes) {
    if let Some(name) = buckets.iter().find(|name| bucket::is_legacy(name)) {
        let finding = format!(
            "holds \"{name}\", which only a bucket of us-east-1 from before 2018 can be called"
        );
        notes.warn(key, finding, "it is in force as it stands");
    }
}
