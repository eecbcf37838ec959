//! What allow-list and rules come to: conditions that nothing matches, values that nothing reads, and names that are
//! probably not what was meant.

use crate::authorization::is_shaped_like_aws;
use crate::bucket;
use crate::config::findings::{ConfigError, Notes};
use crate::credentials::role::RoleId;
use crate::endpoint::{self, Answering, BucketPlace, HostKind, Hosts, hosts_of};
use crate::policy::{Effect, Extent, Mode, PayloadMode, Policy, Rule, is_s3};

/// Checks the rules. The allow-list is checked when it is read, but for what rules make of it.
pub(super) fn check(policy: &Policy, mode: Mode, notes: &mut Notes) -> Result<(), ConfigError> {
    let rules = policy.rules();
    for (place, rule) in rules.iter().enumerate() {
        let extent = rule.extent();
        let at = At {
            place,
            rule,
            extent,
        };
        at.check_that_it_says_something(rules.len())?;
        at.check_hosts(rules, notes)?;
        at.check_services(notes)?;
        at.warn_of_regions(notes);
        warn_of_buckets(&at.key("buckets"), &rule.when.buckets, notes);
        at.check_placeholders(notes)?;
        at.check_payload()?;
        at.check_sign_as(notes)?;
        at.warn_of_denials_behind(rules, notes);
        at.warn_of_what_passes(rules, notes);
        at.warn_of_what_it_opens(policy.allow().has_buckets(), notes);
        at.warn_of_denials_before(rules, notes);
    }
    if let Some((hidden, earlier)) = policy.first_hidden() {
        return Err(ConfigError::new(
            &format!("rules[{hidden}]"),
            format!("never decides, because rules[{earlier}] matches all of its requests first"),
            &format!("a place before rules[{earlier}], or only one of them"),
        ));
    }
    let permits = |rule: &Rule| rule.effect == Some(Effect::Allow) || rule.sign_as.is_some();
    let needs_some = mode == Mode::Enforce;
    if needs_some && policy.allow().is_nothing() && !rules.iter().any(permits) {
        return Err(ConfigError::new(
            "allow",
            "is empty, and no rule allows anything".to_owned(),
            "at least one service, host or bucket",
        ));
    }
    Ok(())
}

/// A rule, its place, and what it is for.
struct At<'r> {
    place: usize,
    rule: &'r Rule,
    extent: Extent,
}

impl At<'_> {
    fn key(&self, key: &str) -> String {
        format!("rules[{}].{key}", self.place)
    }

    fn error(&self, key: &str, fault: String, allowed: &str) -> ConfigError {
        ConfigError::new(&self.key(key), fault, allowed)
    }

    fn has(&self, effect: Effect) -> bool {
        self.rule.effect == Some(effect)
    }

    /// A rule that sets nothing keeps its requests from the rules that follow, and does nothing as the last one.
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
            && payload.is_none()
            // Where rules name placeholders, one takes those that it names.
            && self.rule.when.placeholders.is_empty();
        if says_nothing && self.place + 1 == count {
            return Err(ConfigError::new(
                &format!("rules[{}]", self.place),
                "has no effect: it sets nothing, and no rule follows".to_owned(),
                "effect, sign_as, role, client_signature or payload",
            ));
        }
        Ok(())
    }

    fn check_hosts(&self, rules: &[Rule], notes: &mut Notes) -> Result<(), ConfigError> {
        let Rule { when, sign_as, .. } = self.rule;
        for (host, hosts) in when.hosts.iter().zip(&self.extent.hosts) {
            check_host(&self.key("hosts"), host, hosts)?;
            if hosts.are_signed() && !when.buckets.is_empty() {
                let fault = format!(
                    "\"{host}\" cannot be combined with `buckets`, which have other hosts too"
                );
                let allowed = "`buckets` alone, or hosts of `sign_as`";
                return Err(self.error("hosts", fault, allowed));
            }
            if !self.could_fit(hosts) {
                let fault =
                    format!("\"{host}\" never matches `services` and `regions` of the rule");
                let allowed = "hosts that match the rule's other conditions";
                return Err(self.error("hosts", fault, allowed));
            }
            if !hosts.are_signed() && sign_as.is_none() {
                self.check_foreign_host(host, hosts, rules, notes)?;
            }
            self.warn_of_host(host, hosts, notes);
            warn_of_names(&self.key("hosts"), hosts, notes);
        }
        Ok(())
    }

    /// Whether the rule's services and regions are, or may be, those of hosts. None have those that are not AWS's.
    fn could_fit(&self, hosts: &Hosts) -> bool {
        let when = &self.rule.when;
        let could = |listed: &[String], found: &String| {
            listed.is_empty() || listed.contains(found) || (found.is_empty() && hosts.are_signed())
        };
        let is_denied = self.has(Effect::Deny) && hosts.region == "*";
        could(&when.services, &hosts.service) && (is_denied || could(&when.regions, &hosts.region))
    }

    /// What a rule for some hosts does not do, or does beyond them.
    fn warn_of_host(&self, host: &str, hosts: &Hosts, notes: &mut Notes) {
        let key = self.key("hosts");
        let is_pattern = host.starts_with('*');
        let is_anybodys =
            hosts.kind == HostKind::Many || (hosts.kind == HostKind::Customers && is_pattern);
        if self.has(Effect::Allow) && is_anybodys {
            warn_of_customers(&key, host, notes);
        }
        let advice = match hosts.kind {
            HostKind::AccessPoints => "deny their buckets, and list their aliases in `buckets`",
            HostKind::Api | HostKind::PathStyle | HostKind::Many => {
                "deny it by `services` and `regions` instead"
            }
            _ => return,
        };
        if self.has(Effect::Deny) {
            let finding = format!("denies only \"{host}\", and AWS has other names for the same");
            notes.warn(&key, finding, advice);
        }
    }

    /// A host that takes buckets in its path passes by the denials of buckets that follow.
    fn warn_of_denials_behind(&self, rules: &[Rule], notes: &mut Notes) {
        let Rule {
            when,
            effect,
            sign_as,
            ..
        } = self.rule;
        let is_s3 = sign_as
            .as_ref()
            .is_some_and(|sign_as| is_s3(&sign_as.service));
        let takes_buckets = |(host, hosts): &(&String, &Hosts)| {
            is_s3
                || matches!(hosts.kind, HostKind::PathStyle | HostKind::Many)
                || matches!(endpoint::bucket_place(host), Some(BucketPlace::Control))
        };
        let denies = |rule: &Rule| {
            rule.effect == Some(Effect::Deny)
                && !rule.when.buckets.is_empty()
                && rule.when.shares_placeholders(when)
        };
        let mut hosts = when.hosts.iter().zip(&self.extent.hosts);
        if *effect != Some(Effect::Deny)
            && let Some((host, _)) = hosts.find(takes_buckets)
            && let Some(behind) = rules.iter().skip(self.place).position(denies)
        {
            let behind = self.place + behind;
            let finding = format!(
                "at \"{host}\", the buckets of rules[{behind}] are not denied, because this rule comes first"
            );
            let advice = format!("move rules[{behind}] before it");
            notes.warn(&self.key("hosts"), finding, &advice);
        }
    }

    /// A denial holds for what no earlier rule matches. Only the first rules are looked at.
    #[cold]
    fn warn_of_what_passes(&self, rules: &[Rule], notes: &mut Notes) {
        let lets_pass = |earlier: &Rule| earlier.lets_pass(self.rule, &self.extent);
        let mut earlier = rules.iter().take(self.place.min(256));
        if self.has(Effect::Deny)
            && let Some(place) = earlier.position(lets_pass)
        {
            let key = format!("rules[{}]", self.place);
            let before = format!("rules[{place}]");
            let finding = [
                "does not deny all that it names, because ",
                &*before,
                " matches some of it first",
            ];
            notes.warn(
                &key,
                finding.concat(),
                &["move it before ", &*before].concat(),
            );
        }
    }

    /// A rule allows what the allow-list leaves out; all of it, or all buckets, is seldom meant.
    #[cold]
    fn warn_of_what_it_opens(&self, lists_buckets: bool, notes: &mut Notes) {
        let Rule { when, sign_as, .. } = self.rule;
        let allows = self.has(Effect::Allow);
        if !(allows || sign_as.is_some())
            || !when.buckets.is_empty()
            || !when.route_metadata.is_empty()
        {
            return;
        }
        let names_no_service = when.hosts.is_empty() && when.services.is_empty();
        let key = format!("rules[{}]", self.place);
        if names_no_service && when.regions.is_empty() {
            let finding = "allows every AWS service, whatever `allow` lists".to_owned();
            notes.warn(
                &key,
                finding,
                "write \"allow\": \"*\", or say what it is for",
            );
        } else if lists_buckets
            && (names_no_service
                || self.extent.services.iter().any(|service| is_s3(service))
                || when
                    .hosts
                    .iter()
                    .any(|host| endpoint::bucket_place(host).is_some()))
        {
            let finding = "allows every bucket, where `allow` lists some".to_owned();
            notes.warn(&key, finding, "name the buckets in the rule");
        }
    }

    /// A host that is none of AWS's is denied only by its name, or by a bucket's.
    #[cold]
    fn warn_of_denials_before(&self, rules: &[Rule], notes: &mut Notes) {
        let Some(sign_as) = &self.rule.sign_as else {
            return;
        };
        let seems_to_deny = |rule: &Rule| {
            let when = &rule.when;
            rule.effect == Some(Effect::Deny)
                && when.shares_placeholders(&self.rule.when)
                && when.hosts.is_empty()
                && when.buckets.is_empty()
                && (when.services.is_empty() || when.services.contains(&sign_as.service))
        };
        let mut before = rules.iter().take(self.place.min(256));
        if let Some(place) = before.position(seems_to_deny) {
            let finding = format!("is signed although rules[{place}] seems to deny it");
            let advice = "name its hosts in the denial: without `hosts` it is for AWS hosts only";
            notes.warn(&self.key("sign_as"), finding, advice);
        }
    }

    /// A host that is none of AWS's is left alone, whatever a rule says that does not sign it.
    fn check_foreign_host(
        &self,
        host: &str,
        hosts: &Hosts,
        rules: &[Rule],
        notes: &mut Notes,
    ) -> Result<(), ConfigError> {
        let is_single_label = !host.contains('.');
        // What goes there with a key that is none of AWS's is refused otherwise.
        let is_of_others = self.has(Effect::LeaveAlone) && hosts.kind == HostKind::UnknownOfAws;
        if is_of_others {
            let advice = "the rule is for requests whose keys look like placeholders";
            notes.warn(&self.key("hosts"), no_api(host), advice);
            return Ok(());
        }
        if !self.has(Effect::Deny) || is_single_label {
            let allowed = match is_single_label {
                true => "AWS hosts, or `sign_as`; a bucket's name belongs in `buckets`",
                false => "AWS hosts, or `sign_as`",
            };
            return Err(self.error("hosts", no_api(host), allowed));
        }
        let signs = |rule: &Rule| rule.sign_as.is_some() && rule.when.names_host(host);
        if hosts.kind == HostKind::UnknownOfAws || !rules.iter().any(signs) {
            notes.warn(
                &self.key("hosts"),
                no_api(host),
                "the rule denies exactly this name",
            );
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
                let finding = format!("\"{service}\" is signed for {home} there");
                notes.warn(&key, finding, &format!("use {home} in `regions`"));
            }
        }
        if self.has(Effect::Allow) && when.hosts.is_empty() {
            let mut only_customers = !when.services.is_empty();
            for service in &when.services {
                only_customers &= warn_of_answering(&key, service, notes) == Answering::Customers;
            }
            if only_customers {
                let fault =
                    "only customers create hosts of these services, and the rule names none";
                return Err(self.error("services", fault.to_owned(), "`hosts` of your own"));
            }
        }
        Ok(())
    }

    fn warn_of_regions(&self, notes: &mut Notes) {
        for region in &self.rule.when.regions {
            warn_of_region(&self.key("regions"), region, notes);
        }
    }

    fn check_placeholders(&self, notes: &mut Notes) -> Result<(), ConfigError> {
        let ids = &self.rule.when.placeholders;
        let hosts = &self.extent.hosts;
        let is_for_aws = hosts.is_empty() || hosts.iter().any(Hosts::are_signed);
        if !ids.is_empty() && self.has(Effect::LeaveAlone) && is_for_aws {
            let fault = "is \"leave_alone\", and AWS refuses what a placeholder signed".to_owned();
            return Err(self.error("effect", fault, "allow, deny"));
        }
        let role = "the rule's role";
        warn_of_real_ids(&self.key("placeholders"), ids, role, notes);
        Ok(())
    }

    fn check_payload(&self) -> Result<(), ConfigError> {
        let services = &self.extent.services;
        let refuses_unsigned = |service: &&String| {
            endpoint::is_known_service(service) && !endpoint::takes_unsigned_payload(service)
        };
        let (fault, allowed) = match self.rule.payload {
            Some(PayloadMode::Unsigned) if services.is_empty() => (
                "is \"unsigned\", and the rule covers services that refuse it".to_owned(),
                UNSIGNED,
            ),
            Some(PayloadMode::Unsigned) => match services.iter().find(refuses_unsigned) {
                Some(service) => (
                    format!("is \"unsigned\", which {service} refuses"),
                    UNSIGNED,
                ),
                None => return Ok(()),
            },
            Some(PayloadMode::Hashed) if services.iter().any(|name| name == "vpc-lattice-svcs") => {
                (
                    "is \"hashed\", which vpc-lattice-svcs refuses".to_owned(),
                    "unsigned",
                )
            }
            _ => return Ok(()),
        };
        Err(self.error("payload", fault, allowed))
    }

    fn check_sign_as(&self, notes: &mut Notes) -> Result<(), ConfigError> {
        let Some(sign_as) = &self.rule.sign_as else {
            return Ok(());
        };
        warn_of_service(&self.key("sign_as.service"), &sign_as.service, notes);
        if !self.rule.when.buckets.is_empty() && !is_s3(&sign_as.service) {
            let fault = "is no service with buckets, so that the rule can never match".to_owned();
            return Err(self.error("sign_as.service", fault, "s3, or a rule without `buckets`"));
        }
        let key = self.key("sign_as.region");
        warn_of_region(&key, &sign_as.region, notes);
        if let Some(home) = endpoint::home_of(&sign_as.service, &sign_as.region) {
            let what = "is not the region that the service signs for";
            warn(
                notes,
                &key,
                &sign_as.region,
                what,
                &["use ", &*home].concat(),
            );
        }
        for (host, hosts) in self.rule.when.hosts.iter().zip(&self.extent.hosts) {
            if hosts.kind == HostKind::Many {
                let fault = format!("\"{host}\" also matches AWS hosts");
                return Err(self.error(
                    "hosts",
                    fault,
                    "only custom domains in a rule with `sign_as`",
                ));
            }
            if hosts.are_signed() {
                let finding = format!("\"{host}\" is an AWS host, which says what it signs as");
                notes.warn(
                    &self.key("hosts"),
                    finding,
                    "`sign_as` is for custom domains",
                );
            } else if !is_private(host) {
                let finding = format!(
                    "\"{host}\" is not an AWS host, and whoever answers there gets the session token"
                );
                let advice = "make sure that nobody else can answer for that name";
                notes.warn(&self.key("sign_as"), finding, advice);
            }
        }
        Ok(())
    }
}

const UNSIGNED: &str = "hashed; or, with `services`, unsigned for S3 and VPC Lattice, and for single operations of ebs, lex, mediastore and omics";

fn no_api(host: &str) -> String {
    format!("\"{host}\" is not the host of an AWS API")
}

/// Warns of placeholders that AWS may have issued to somebody.
pub(in crate::config) fn warn_of_real_ids(
    key: &str,
    ids: &[String],
    role: &str,
    notes: &mut Notes,
) {
    // Those of AWS's documentation end so.
    let is_real = |id: &&String| is_shaped_like_aws(id) && !id.ends_with("EXAMPLE");
    if let Some(id) = ids.iter().find(is_real) {
        let what = "has the form of a real access key id";
        let advice = [
            "requests that were signed with it are signed again with ",
            role,
        ]
        .concat();
        warn(notes, key, id, what, &advice);
    }
}

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
    let bucket = &hosts.bucket;
    let (what, allowed) = match hosts.kind {
        HostKind::Loopback => (
            "is this Envoy itself; the credential scope of a request says which host is meant",
            "that host, or `services`".to_owned(),
        ),
        HostKind::Bucket => (
            "is only one of the names of a bucket",
            format!("{{\"buckets\": [\"{bucket}\"]}}"),
        ),
        HostKind::Buckets => (
            "is only one of the forms of a bucket's name",
            "{\"buckets\": [...]}; or, for all of S3, {\"services\": [\"s3\"]} with `regions`"
                .to_owned(),
        ),
        _ => return Ok(()),
    };
    let fault = format!("\"{host}\" {what}");
    Err(ConfigError::new(key, fault, &allowed))
}

/// Checks the allow-list.
pub(super) fn check_allow(
    services: &[String],
    hosts: &[String],
    buckets: &[String],
    notes: &mut Notes,
) -> Result<(), ConfigError> {
    let error = |fault: String, allowed: &str| ConfigError::new("allow", fault, allowed);
    for service in services {
        warn_of_service("allow", service, notes);
        if warn_of_answering("allow", service, notes) == Answering::Customers {
            let fault = format!("only customers create hosts of \"{service}\"");
            return Err(error(fault, "the names of your own hosts"));
        }
    }
    let is_directory = |name: &String| name.ends_with("--x-s3");
    let mut beyond = services.iter().find(|name| match name.as_str() {
        "s3" => true,
        "s3express" => buckets.iter().any(is_directory),
        _ => false,
    });
    for host in hosts {
        let found = hosts_of(host);
        check_host("allow", host, &found)?;
        warn_of_names("allow", &found, notes);
        let is_pattern = host.starts_with('*');
        match found.kind {
            HostKind::UnknownOfAws if is_pattern => {
                let finding = format!("no AWS API is known to have a host below \"{host}\"");
                notes.warn("allow", finding, "requests to other hosts are left alone");
            }
            HostKind::Other | HostKind::UnknownOfAws => {
                let allowed = "AWS hosts; for others, a rule with `sign_as`";
                return Err(error(no_api(host), allowed));
            }
            HostKind::Customers if is_pattern => warn_of_customers("allow", host, notes),
            HostKind::Many => {
                beyond = Some(host);
                warn_of_customers("allow", host, notes);
            }
            HostKind::PathStyle => beyond = Some(host),
            _ => {}
        }
        if found.kind != HostKind::Customers && services.contains(&found.service) {
            let finding = format!("\"{}\" allows \"{host}\" already", found.service);
            notes.warn("allow", finding, "remove one of them");
        }
    }
    warn_of_buckets("allow.buckets", buckets, notes);
    match beyond {
        Some(entry) if !buckets.is_empty() => Err(error(
            format!("\"{entry}\" allows every bucket, also those that `buckets` does not list"),
            "one of them",
        )),
        _ => Ok(()),
    }
}

/// Warns where most of a service's hosts are no API of AWS's.
fn warn_of_answering(key: &str, service: &str, notes: &mut Notes) -> Answering {
    let answering = endpoint::answering(service);
    if answering == Answering::MostlyCustomers {
        let finding = format!("\"{service}\" does not cover the hosts that customers create");
        notes.warn(key, finding, "name your own hosts");
    }
    answering
}

fn warn_of_customers(key: &str, host: &str, notes: &mut Notes) {
    let finding = format!("\"{host}\" allows hosts that any customer of AWS's can create");
    notes.warn(key, finding, "name your own hosts");
}

/// Warns of an entry: `"<entry>" <what>`.
#[cold]
pub(super) fn warn(notes: &mut Notes, key: &str, entry: &str, what: &str, advice: &str) {
    notes.warn(key, ["\"", entry, "\" ", what].concat(), advice);
}

/// Warns of hosts whose names have a service or a region that nobody knows.
#[cold]
fn warn_of_names(key: &str, hosts: &Hosts, notes: &mut Notes) {
    if !hosts.service.is_empty() {
        warn_of_service(key, &hosts.service, notes);
    }
    if !hosts.region.is_empty() && hosts.region != "*" {
        warn_of_region(key, &hosts.region, notes);
    }
}

#[cold]
pub(in crate::config) fn warn_of_service(key: &str, service: &str, notes: &mut Notes) {
    if let Some(meant) = endpoint::service_of_alias(service)
        && endpoint::is_known_service(service)
    {
        let what = "is what another service signs as";
        warn(notes, key, service, what, &self::meant(Some(meant)));
    } else if !endpoint::is_known_service(service) {
        let finding = format!("no known AWS service signs as \"{service}\"");
        let nearest = endpoint::nearest_service(service);
        let mut advice = meant(nearest);
        if nearest.is_some_and(endpoint::has_customers_hosts) {
            advice.push_str(
                " Hosts that customers create there, such as clusters, are named as hosts.",
            );
        }
        notes.warn(key, finding, &advice);
    }
}

/// Warns where a region is well shaped and unknown.
#[cold]
pub(in crate::config) fn warn_of_region(key: &str, region: &str, notes: &mut Notes) {
    if !endpoint::is_known_region(region) {
        let finding = format!("\"{region}\" is not a known region");
        notes.warn(key, finding, &meant(endpoint::nearest_region(region)));
    }
}

fn meant(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("it stays in force; did you mean \"{name}\"?"),
        None => "it stays in force".to_owned(),
    }
}

#[cold]
fn warn_of_buckets(key: &str, buckets: &[String], notes: &mut Notes) {
    for name in buckets {
        if let Some(place) = endpoint::bucket_place(name) {
            let name_of_it = match place {
                BucketPlace::Host(bucket) | BucketPlace::AccessPoint(bucket) => bucket,
                _ => "the bucket's own name",
            };
            let what = "is the name of a host";
            warn(notes, key, name, what, &["use ", name_of_it].concat());
        }
    }
    if let Some(name) = buckets.iter().find(|name| bucket::is_legacy(name)) {
        let finding =
            format!("only buckets of us-east-1 from before March 2018 have names like \"{name}\"");
        notes.warn(key, finding, "it stays in force");
    }
}
