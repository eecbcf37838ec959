//! What may be signed, and as what: the allow-list, and the rules before it.
//!
//! The first rule that matches a request decides all that it says, and nothing of a later rule counts. A
//! rule with an effect stands in place of the allow-list; one without leaves that question to the list.
//! However many rules there are, a request is compared with the few that its index finds for it.
//!
//! All of this is decided before anything about the request's own signature is looked at.

mod allow;
mod extent;
mod index;
mod mode;
mod order;
mod port;
mod rule;
mod ruling;
pub(crate) mod suspended;
mod unmarked;

use crate::bucket::{self, Named, Part};
use crate::endpoint::{self, BucketPlace, Endpoint};
use crate::sigv4::PathStyle;
pub use allow::Allow;
pub(crate) use allow::is_s3;
use allow::names_s3;
pub use extent::{Extent, host_covers};
use index::Index;
pub use mode::Mode;
pub(crate) use port::is_plain;
pub use port::{Outside, Port};
use rule::host_fits;
pub use rule::{
    Condition, Effect, NO_ROUTE_METADATA, OnClientSignature, PayloadMode, RouteMetadata, Rule,
    SignAs,
};
pub(crate) use rule::{Placed, Subject};
pub use ruling::Unlisted;
pub(crate) use ruling::{Ruling, Treatment};
use std::collections::BTreeSet;
pub use suspended::Suspended;
pub use unmarked::Unmarked;

/// The namespace of the route metadata that rules read.
pub const ROUTE_NAMESPACE: &str = "sigv4_egress";

/// The allow-list and the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What may be signed where no rule says so.
    allow: Allow,
    /// What the workload has left of it, and of what rules allow.
    narrowed: Option<Allow>,
    rules: Vec<Rule>,
    index: Index,
    buckets: Buckets,
    placeholders: Placeholders,
}

/// Which placeholders may ask for a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Placeholders {
    /// All: no rule tells them apart.
    Any,
    /// Those of the rule that decides, and these, whatever decides.
    Listed(Vec<String>),
}

/// Whether requests are asked which buckets they name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Buckets {
    /// Neither rules nor allow-list name any.
    NotAsked,
    /// They can tell S3's services apart: a copy can be from one to the other.
    AskedOfCopies,
    /// Some do.
    Asked {
        /// Hosts that are none of AWS's, and that rules sign as S3.
        custom_domains: Vec<String>,
    },
}

impl Policy {
    /// The first rule that matches decides; the allow-list, where none says whether it may be signed.
    pub fn new(allow: Allow, rules: Vec<Rule>) -> Self {
        let of_buckets = |rule: &Rule| !rule.when.buckets.is_empty();
        let tells_apart =
            |rule: &Rule| !rule.when.hosts.is_empty() || names_s3(&rule.when.services);
        let buckets = if allow.has_buckets() || rules.iter().any(of_buckets) {
            Buckets::Asked {
                custom_domains: custom_domains(&rules),
            }
        } else if allow != Allow::Everything || rules.iter().any(tells_apart) {
            Buckets::AskedOfCopies
        } else {
            Buckets::NotAsked
        };
        let names_some = |rule: &Rule| !rule.when.placeholders.is_empty();
        let placeholders = match rules.iter().any(names_some) {
            true => Placeholders::Listed(Vec::new()),
            false => Placeholders::Any,
        };
        Self {
            index: Index::new(&rules),
            buckets,
            placeholders,
            allow,
            narrowed: None,
            rules,
        }
    }

    /// The same, where rules name placeholders, with these for all else that may be signed.
    #[must_use]
    pub fn with_placeholders(self, ids: &[String]) -> Self {
        let placeholders = match self.placeholders {
            Placeholders::Any => Placeholders::Any,
            Placeholders::Listed(_) => Placeholders::Listed(ids.to_vec()),
        };
        Self {
            placeholders,
            ..self
        }
    }

    /// The placeholders that rules name, as often as they do.
    pub fn named_placeholders(&self) -> impl Iterator<Item = &String> {
        self.rules.iter().flat_map(|rule| &rule.when.placeholders)
    }

    /// The same, but nothing that this does not permit is signed, whatever allow-list and rules say.
    #[must_use]
    pub fn narrowed(self, to: Option<Allow>) -> Self {
        Self {
            narrowed: to,
            ..self
        }
    }

    /// The allow-list.
    pub fn allow(&self) -> &Allow {
        &self.allow
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether something that this entry of an allow-list permits may be signed, as far as names say.
    pub fn may_sign(&self, entry: &str) -> bool {
        let names_it = |rule: &Rule| {
            let Condition {
                services, hosts, ..
            } = &rule.when;
            let sign_as = rule.sign_as.as_ref();
            (rule.effect == Some(Effect::Allow) || sign_as.is_some())
                && (services.iter().any(|service| service == entry)
                    || hosts.iter().any(|host| host_covers(host, entry))
                    || sign_as.is_some_and(|sign_as| sign_as.service == entry))
        };
        self.allow.covers(entry) || self.rules.iter().any(names_it)
    }

    /// Decides. `request` is read only where a rule or the allow-list names buckets, or services of S3's.
    pub(crate) fn judge<'p>(
        &'p self,
        subject: Subject<'p>,
        request: &dyn Fn() -> bucket::Request<'p>,
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
                    && **unlisted != Unlisted::Narrowed
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
        let sign_as = found.and_then(|found| found.rule.sign_as.as_ref());
        let Some(endpoint) = (match sign_as {
            Some(own) => Some(endpoint::of_custom_domain(&own.service, &own.region)),
            None => subject.endpoint,
        }) else {
            return Ruling::NotAws;
        };
        if !self.takes_placeholder(subject, found) {
            let rule = found.map(|found| found.place);
            return Ruling::PlaceholderNotListed { rule };
        }
        if sign_as.is_some() {
            return self.permit(subject.host, endpoint, found);
        }
        // Anybody can create a customer's host: a rule allows those that it names.
        let is_allowed = effect == Some(Effect::Allow)
            && (!endpoint.tenant || found.is_some_and(|found| !found.rule.when.hosts.is_empty()));
        if is_allowed || self.allow.permits(subject.host, &endpoint, named) {
            self.permit(subject.host, endpoint, found)
        } else {
            Ruling::NotListed {
                endpoint,
                unlisted: Box::new(self.allow.lacks(&endpoint, named)),
                rule: found.map(|found| found.place),
            }
        }
    }

    /// Whether a placeholder may have what its request comes to. A program that names another account's role must not get
    /// the pod's own, because no rule for that role is for the request.
    fn takes_placeholder(&self, subject: Subject<'_>, rule: Option<Placed<'_>>) -> bool {
        match (&self.placeholders, subject.placeholder) {
            (Placeholders::Listed(listed), Some(id)) => {
                rule.is_some_and(|found| !found.rule.when.placeholders.is_empty())
                    || listed.iter().any(|listed| listed == id)
            }
            _ => true,
        }
    }

    fn permit<'p>(
        &self,
        host: &str,
        endpoint: Endpoint<'p>,
        rule: Option<Placed<'p>>,
    ) -> Ruling<'p> {
        match &self.narrowed {
            Some(narrowed) if !narrowed.permits(host, &endpoint, None) => Ruling::NotListed {
                endpoint,
                unlisted: Box::new(Unlisted::Narrowed),
                rule: rule.map(|found| found.place),
            },
            _ => Ruling::Permit { endpoint, rule },
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

/// Whether a request can name buckets that rules look at: S3's can, and those to hosts that are none of AWS's, of which
/// rules may make some S3's; S3's website endpoints are among them.
fn may_name_buckets(subject: Subject<'_>) -> bool {
    subject
        .endpoint
        .is_none_or(|endpoint| endpoint.path_style == PathStyle::S3)
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

#[cfg(test)]
mod tests;
