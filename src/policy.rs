//! What may be signed, and as what: the allow-list, and the rules before it.
//!
//! The first rule that matches a request decides all that it says, and nothing of a later rule counts. A
//! rule with an effect stands in place of the allow-list; one without leaves that question to the list.
//! However many rules there are, a request is compared with the few that its index finds for it.
//!
//! All of this is decided before anything about the request's own signature is looked at.

mod index;

use crate::endpoint::{self, Endpoint};
use crate::role::RoleId;
use index::Index;
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
    /// Signing names; empty: every service.
    pub services: Vec<String>,
    /// Signing regions; empty: every region.
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
pub struct Subject<'a> {
    /// The host's name, without its port.
    pub host: &'a str,
    /// What it is to AWS; `None`: nothing.
    pub endpoint: Option<Endpoint<'a>>,
    /// What the request's route says.
    pub route_metadata: &'a RouteMetadata,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'p> {
    /// It may be signed, for this endpoint.
    Permit {
        /// What it is signed as.
        endpoint: Endpoint<'p>,
        /// What else the rule says.
        rule: Option<&'p Rule>,
    },
    /// A rule leaves it alone.
    LeaveAlone,
    /// It is no AWS endpoint, and no rule makes it one.
    NotAws,
    /// A rule denies it.
    Denied {
        /// Its place among the rules, from 0.
        rule: usize,
    },
    /// Nothing allows it.
    NotListed(Endpoint<'p>),
}

impl Policy {
    /// The first rule that matches decides; the allow-list, where none says whether it may be signed.
    pub fn new(allow: Allow, rules: Vec<Rule>) -> Self {
        Self {
            index: Index::new(&rules),
            allow,
            rules,
        }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Decides.
    pub fn judge<'p>(&'p self, subject: Subject<'p>) -> Verdict<'p> {
        let (index, rule) = match self.index.first(&self.rules, subject) {
            Some((index, rule)) => (index, Some(rule)),
            None => (0, None),
        };
        let effect = rule.and_then(|rule| rule.effect);
        match effect {
            Some(Effect::Deny) => return Verdict::Denied { rule: index },
            Some(Effect::LeaveAlone) => return Verdict::LeaveAlone,
            Some(Effect::Allow) | None => {}
        }
        if let Some(sign_as) = rule.and_then(|rule| rule.sign_as.as_ref()) {
            let endpoint = endpoint::of_custom_domain(&sign_as.service, &sign_as.region);
            return Verdict::Permit { endpoint, rule };
        }
        let Some(endpoint) = subject.endpoint else {
            return Verdict::NotAws;
        };
        if effect == Some(Effect::Allow) || self.allow.permits(subject.host, &endpoint) {
            Verdict::Permit { endpoint, rule }
        } else {
            Verdict::NotListed(endpoint)
        }
    }

    /// The keys of the route metadata that a rule asks for, each once.
    pub fn route_metadata_keys(&self) -> Vec<String> {
        let mut keys = BTreeSet::new();
        for rule in &self.rules {
            keys.extend(rule.when.route_metadata.keys());
        }
        keys.into_iter().cloned().collect()
    }
}

impl Allow {
    /// A customer's own resource (a function URL, an API, a search domain) must be named by its host, as
    /// anybody can create one.
    fn permits(&self, host: &str, endpoint: &Endpoint<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Listed { services, hosts } => {
                (!endpoint.tenant && names(services, endpoint.service))
                    || hosts.iter().any(|pattern| host_fits(pattern, host))
            }
        }
    }
}

impl Condition {
    /// A host that is not AWS's fits only where a pattern names it.
    fn fits(&self, subject: Subject<'_>) -> bool {
        let known = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| names(wanted, found))
        };
        let host = if self.hosts.is_empty() {
            subject.endpoint.is_some()
        } else {
            self.hosts
                .iter()
                .any(|pattern| host_fits(pattern, subject.host))
        };
        host && known(&self.services, subject.endpoint.map(|e| e.service))
            && known(&self.regions, subject.endpoint.map(|e| e.region))
            && self
                .route_metadata
                .iter()
                .all(|(key, value)| subject.route_metadata.get(key) == Some(value))
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
