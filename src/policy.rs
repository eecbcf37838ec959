//! What may be signed, and as what: the allow-list, and the rules before it.
//!
//! The first rule that matches a request decides all that it says, and nothing of a later rule counts. A
//! rule with an effect stands in place of the allow-list; one without leaves that question to the list.
//! However many rules there are, a request is compared with the few that its index finds for it.
//!
//! All of this is decided before anything about the request's own signature is looked at.

mod index;
mod order;

use crate::bucket::{self, Named, Part, Patterns};
use crate::credentials::role::RoleId;
use crate::endpoint::{self, BucketPlace, Endpoint, HostKind, Hosts, hosts_of};
use crate::sigv4::PathStyle;
use index::Index;
pub use order::{Extent, host_covers};
use std::collections::{BTreeMap, BTreeSet};

/// Strings that the request's route carries for the rules: its metadata under [`ROUTE_NAMESPACE`].
pub type RouteMetadata = BTreeMap<String, String>;

/// What a request without a route carries.
pub const NO_ROUTE_METADATA: &RouteMetadata = &RouteMetadata::new();

/// The namespace of the route metadata that rules read.
pub const ROUTE_NAMESPACE: &str = "sigv4_egress";

/// The allow-list and the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What may be signed where no rule says so.
    allow: Allow,
    rules: Vec<Rule>,
    index: Index,
    buckets: Buckets,
}

/// Whether requests are asked which buckets they name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Buckets {
    /// Neither rules nor allow-list name any.
    NotAsked,
    /// They tell S3's services apart: a copy can be from one to the other.
    AskedOfCopies,
    /// Some do.
    Asked {
        /// Hosts that are none of AWS's, and that rules sign as S3.
        custom_domains: Vec<String>,
    },
}

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

/// What is done differently for some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Which requests.
    pub when: Condition,
    /// Whether they may be signed; `None`: as the allow-list says.
    pub effect: Option<Effect>,
    /// What they are signed as; `None`: as the host says.
    pub sign_as: Option<SignAs>,
    /// Whose credentials sign.
    pub role: RoleId,
    /// What happens to a request that a real key signed.
    pub client_signature: Option<OnClientSignature>,
    /// How the payload is signed.
    pub payload: Option<PayloadMode>,
}

/// Which requests a rule is for: those that all of it fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Host patterns; empty: every AWS host.
    pub hosts: Vec<String>,
    /// Names of buckets, with `*` behind for all that begin so; empty: whatever bucket, or none.
    pub buckets: Vec<String>,
    /// Signing names; empty: every service.
    pub services: Vec<String>,
    /// Signing regions; empty: every region. That of hosts for all regions is `*`, which only a denial fits.
    pub regions: Vec<String>,
    /// What the route's metadata must say.
    pub route_metadata: RouteMetadata,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request may be signed.
    Allow,
    /// It is answered 403.
    Deny,
    /// It goes on as it came: a request that is meant to be anonymous.
    LeaveAlone,
}

/// What a host is signed as that AWS's own name does not show: a custom domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignAs {
    /// The signing name.
    pub service: String,
    /// The signing region.
    pub region: String,
}

/// What happens to a request that the client signed with a real key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnClientSignature {
    /// It goes on as it came.
    #[default]
    LeaveAlone,
    /// It is answered 403.
    Refuse,
    /// Its signature is replaced by ours.
    ReSign,
}

/// How the payload is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadMode {
    /// By its SHA-256; the body is held until its end.
    Hashed,
    /// Not at all; the body streams. S3 and VPC Lattice accept it.
    Unsigned,
}

/// What the policy is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The host's name, without its port.
    pub host: &'a str,
    /// What it is to AWS; `None`: nothing.
    pub endpoint: Option<Endpoint<'a>>,
    /// What the request's route says.
    pub route_metadata: &'a RouteMetadata,
}

/// A rule and its place among the rules, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'p> {
    /// Its place.
    pub place: usize,
    /// The rule.
    pub rule: &'p Rule,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling<'p> {
    /// It may be signed, for this endpoint.
    Permit {
        /// What it is signed as.
        endpoint: Endpoint<'p>,
        /// What else the rule says.
        rule: Option<Placed<'p>>,
    },
    /// A rule leaves it alone.
    LeaveAlone {
        /// The rule's place.
        rule: usize,
    },
    /// It is no AWS endpoint, and no rule makes it one.
    NotAws,
    /// A rule denies it.
    Denied {
        /// The rule's place.
        rule: usize,
        /// What the rule denies, if it denies buckets. In a box, as most rulings are permits.
        named: Option<Box<Named<'static>>>,
    },
    /// Nothing allows it.
    NotListed {
        /// What it would be signed as.
        endpoint: Endpoint<'p>,
        /// What the allow-list lacks.
        unlisted: Box<Unlisted>,
        /// The place of the rule that leaves the question to the allow-list.
        rule: Option<usize>,
    },
    /// It names two buckets, of which the rules want different things.
    Torn([Treatment; 2]),
}

/// What an allow-list lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// The service, and the host.
    Service,
    /// The host, which is a customer's own and must be named.
    Tenant,
    /// What the request names, as the list has buckets.
    Named(Named<'static>),
    /// Requests that name no bucket, such as ListBuckets, as the list has buckets.
    NoBucket,
}

/// What the rules want of a request for one of the buckets that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// This role signs it.
    SignedBy(RoleId),
    /// It goes on as it came.
    LeftAlone,
}

impl Policy {
    /// The first rule that matches decides; the allow-list, where none says whether it may be signed.
    pub fn new(allow: Allow, rules: Vec<Rule>) -> Self {
        let of_buckets = |rule: &Rule| !rule.when.buckets.is_empty();
        let of_s3 = |rule: &Rule| names_s3(&rule.when.services);
        let buckets = if allow.has_buckets() || rules.iter().any(of_buckets) {
            Buckets::Asked {
                custom_domains: custom_domains(&rules),
            }
        } else if matches!(&allow, Allow::Listed { services, .. } if names_s3(services))
            || rules.iter().any(of_s3)
        {
            Buckets::AskedOfCopies
        } else {
            Buckets::NotAsked
        };
        Self {
            index: Index::new(&rules),
            buckets,
            allow,
            rules,
        }
    }

    /// The allow-list.
    pub(crate) fn allow(&self) -> &Allow {
        &self.allow
    }

    /// The rules, in order.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Decides. `request` is read only where a rule or the allow-list names buckets, or services of S3's.
    pub(crate) fn judge<'p>(
        &'p self,
        subject: Subject<'p>,
        request: impl FnOnce() -> bucket::Request<'p>,
    ) -> Ruling<'p> {
        let custom_domains = match &self.buckets {
            Buckets::Asked { custom_domains } => Some(custom_domains.as_slice()),
            Buckets::AskedOfCopies => Some([].as_slice()),
            Buckets::NotAsked => None,
        };
        if let Some(custom_domains) = custom_domains
            && may_name_buckets(subject)
        {
            let request = request();
            let of_copies = matches!(self.buckets, Buckets::AskedOfCopies);
            if !of_copies || request.method == b"PUT" {
                return self.judge_named(custom_domains, subject, request);
            }
        }
        self.judge_one(subject, None)
    }

    /// Judges for each bucket that a request names, as if it named no other, and puts the rulings together.
    fn judge_named<'p>(
        &'p self,
        custom_domains: &[String],
        subject: Subject<'p>,
        request: bucket::Request<'p>,
    ) -> Ruling<'p> {
        let is_custom = || {
            let mut domains = custom_domains.iter();
            subject.endpoint.is_none() && domains.any(|pattern| host_fits(pattern, subject.host))
        };
        let place = endpoint::bucket_place(subject.host);
        let place = place.or_else(|| is_custom().then_some(BucketPlace::PathOrControl));
        let mut ruling: Option<Ruling<'p>> = None;
        if let Some(place) = place {
            // What a copy comes from is not behind the access point that it goes to.
            let of_source = match place {
                BucketPlace::AccessPoint(_) => Subject {
                    host: "",
                    ..subject
                },
                _ => subject,
            };
            bucket::each_named(request, place, |part, named| {
                let (subject, is_of_other) = match part {
                    Part::Target => (subject, false),
                    Part::Source(service) => of_source.at(service),
                };
                let mut this = self.judge_one(subject, Some(&named));
                if let Ruling::NotListed { unlisted, .. } = &mut this
                    && is_of_other
                {
                    **unlisted = Unlisted::Named(named.into_owned());
                }
                ruling = Some(match ruling.take() {
                    None => this,
                    Some(before) => before.and(this),
                });
            });
        }
        ruling.unwrap_or_else(|| self.judge_one(subject, None))
    }

    #[inline]
    fn judge_one<'p>(&'p self, subject: Subject<'p>, named: Option<&Named<'_>>) -> Ruling<'p> {
        let fits = |rule: &Rule| rule.fits(subject, named);
        let found = self.index.first(&self.rules, subject, named, fits);
        let effect = found.and_then(|found| found.rule.effect);
        match (found, effect) {
            (Some(Placed { place, rule }), Some(Effect::Deny)) => {
                let of_buckets = !rule.when.buckets.is_empty();
                return Ruling::Denied {
                    rule: place,
                    named: named
                        .filter(|_| of_buckets)
                        .map(|named| Box::new(named.clone().into_owned())),
                };
            }
            (Some(found), Some(Effect::LeaveAlone)) => {
                return Ruling::LeaveAlone { rule: found.place };
            }
            _ => {}
        }
        if let Some(sign_as) = found.and_then(|found| found.rule.sign_as.as_ref()) {
            let endpoint = endpoint::of_custom_domain(&sign_as.service, &sign_as.region);
            return Ruling::Permit {
                endpoint,
                rule: found,
            };
        }
        let Some(endpoint) = subject.endpoint else {
            return Ruling::NotAws;
        };
        // Anybody can create a customer's host: a rule allows those that it names.
        let is_allowed = effect == Some(Effect::Allow)
            && (!endpoint.tenant || found.is_some_and(|found| !found.rule.when.hosts.is_empty()));
        if is_allowed || self.allow.permits(subject.host, &endpoint, named) {
            Ruling::Permit {
                endpoint,
                rule: found,
            }
        } else {
            Ruling::NotListed {
                endpoint,
                unlisted: Box::new(self.allow.lacks(&endpoint, named)),
                rule: found.map(|found| found.place),
            }
        }
    }

    /// The keys of the route metadata that a rule asks for, each once.
    pub(crate) fn route_metadata_keys(&self) -> Vec<String> {
        let mut keys = BTreeSet::new();
        for rule in &self.rules {
            keys.extend(rule.when.route_metadata.keys());
        }
        keys.into_iter().cloned().collect()
    }
}

impl Subject<'_> {
    /// The same with another service of S3's, where the service is one and another.
    fn at(mut self, service: Option<&'static str>) -> (Self, bool) {
        if let (Some(endpoint), Some(service)) = (&mut self.endpoint, service)
            && endpoint.service != service
        {
            endpoint.service = service;
            return (self, true);
        }
        (self, false)
    }
}

/// Whether a request can name buckets that rules look at: S3's can, and those to hosts that are none of AWS's, of which
/// rules may make some S3's; S3's website endpoints are among them.
fn may_name_buckets(subject: Subject<'_>) -> bool {
    subject
        .endpoint
        .is_none_or(|endpoint| endpoint.path_style == PathStyle::S3)
}

fn names_s3(services: &[String]) -> bool {
    services.iter().any(|service| is_s3(service))
}

/// Whether a signing name is one of S3's.
fn is_s3(service: &str) -> bool {
    endpoint::of_custom_domain(service, "").path_style == PathStyle::S3
}

fn custom_domains(rules: &[Rule]) -> Vec<String> {
    let signed_as_s3 = |rule: &&Rule| {
        let sign_as = rule.sign_as.as_ref();
        sign_as.is_some_and(|sign_as| is_s3(&sign_as.service))
    };
    let rules = rules.iter().filter(signed_as_s3);
    rules
        .flat_map(|rule| rule.when.hosts.iter().cloned())
        .collect()
}

impl<'p> Ruling<'p> {
    /// The place of the rule that decided, or that left the question to the allow-list.
    pub(crate) fn rule(&self) -> Option<usize> {
        match self {
            Self::Permit { rule, .. } => rule.map(|found| found.place),
            Self::LeaveAlone { rule } | Self::Denied { rule, .. } => Some(*rule),
            Self::NotListed { rule, .. } => *rule,
            Self::NotAws | Self::Torn(_) => None,
        }
    }

    /// The ruling on a request that names two buckets, of which this one is the first's: the other may only confirm it.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (denied @ Self::Denied { .. }, _) | (_, denied @ Self::Denied { .. }) => denied,
            (unlisted @ Self::NotListed { .. }, _) | (_, unlisted @ Self::NotListed { .. }) => {
                unlisted
            }
            (torn @ Self::Torn(_), _) | (_, torn @ Self::Torn(_)) => torn,
            (first, second) => match (first.treatment(), second.treatment()) {
                (one, other) if one != other => Self::Torn([one, other]),
                _ => first.with_stricter_rule(&second),
            },
        }
    }

    /// Of one role's rules, the one that is stricter with signatures of the client's own.
    fn with_stricter_rule(mut self, other: &Self) -> Self {
        if let (Self::Permit { rule, .. }, Self::Permit { rule: stricter, .. }) = (&mut self, other)
            && stricter
                .is_some_and(|found| found.rule.client_signature == Some(OnClientSignature::Refuse))
        {
            *rule = *stricter;
        }
        self
    }

    fn treatment(&self) -> Treatment {
        match self {
            Self::Permit { rule, .. } => {
                Treatment::SignedBy(rule.map_or(RoleId::OWN, |found| found.rule.role))
            }
            _ => Treatment::LeftAlone,
        }
    }
}

impl Allow {
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

    fn has_buckets(&self) -> bool {
        matches!(self, Self::Listed { buckets, .. } if !buckets.is_empty())
    }

    /// A customer's own resource (a function URL, an API, a search domain) must be named by its host, as
    /// anybody can create one.
    fn permits(&self, host: &str, endpoint: &Endpoint<'_>, named: Option<&Named<'_>>) -> bool {
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
    fn lacks(&self, endpoint: &Endpoint<'_>, named: Option<&Named<'_>>) -> Unlisted {
        match named {
            _ if endpoint.tenant => Unlisted::Tenant,
            _ if !self.has_buckets() || endpoint.path_style != PathStyle::S3 => Unlisted::Service,
            Some(named) => Unlisted::Named(named.clone().into_owned()),
            None => Unlisted::NoBucket,
        }
    }
}

impl Rule {
    /// A host that is not AWS's fits only where a pattern names it, or a denial the bucket that it has.
    fn fits(&self, subject: Subject<'_>, named: Option<&Named<'_>>) -> bool {
        let when = &self.when;
        let denies = self.effect == Some(Effect::Deny);
        let is_named = when.buckets.is_empty()
            || named.is_some_and(|named| when.names(named) || (denies && named.hides_its_bucket()));
        let known = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| names(wanted, found))
        };
        let region = subject.endpoint.map(|endpoint| endpoint.region);
        let host = match when.hosts.as_slice() {
            // A denial holds where rules sign a host that is not AWS's as S3, and at S3's website endpoints.
            [] => subject.endpoint.is_some() || (denies && !when.buckets.is_empty()),
            hosts => hosts.iter().any(|pattern| host_fits(pattern, subject.host)),
        };
        is_named
            && host
            && known(&when.services, subject.endpoint.map(|e| e.service))
            // What is signed for all regions is signed for those that are denied.
            && (known(&when.regions, region) || (denies && region == Some(ALL_REGIONS)))
            && when
                .route_metadata
                .iter()
                .all(|(key, value)| subject.route_metadata.get(key) == Some(value))
    }
}

/// What hosts sign for that stand for all regions.
const ALL_REGIONS: &str = "*";

impl Condition {
    /// Whether one of its host patterns fits a name, or is that pattern.
    pub fn names_host(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|pattern| pattern == host || host_fits(pattern, host))
    }

    /// An alias must be named as it is: it shows nothing of the bucket's name.
    fn names(&self, named: &Named<'_>) -> bool {
        match named {
            Named::Bucket(name) => self
                .buckets
                .iter()
                .any(|pattern| bucket::fits(pattern, name)),
            Named::Alias(alias) => names(&self.buckets, alias),
            _ => false,
        }
    }
}

fn names(list: &[String], name: &str) -> bool {
    list.iter().any(|listed| listed == name)
}

/// Whether a host fits a pattern: the name itself, or `*.<parent>` for what is below a parent.
fn host_fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(parent) => host.len() > parent.len() && host.ends_with(parent),
        None => host == pattern,
    }
}

#[cfg(test)]
mod tests;
