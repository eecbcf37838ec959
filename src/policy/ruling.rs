//! What the policy says of one request.

use super::rule::{OnClientSignature, Placed};
use crate::bucket::Named;
use crate::credentials::role::RoleId;
use crate::endpoint::Endpoint;

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
    /// Rules name placeholders, and neither the one that decides nor the configuration's own list names that of its signature.
    PlaceholderNotListed {
        /// The place of the rule that decides otherwise.
        rule: Option<usize>,
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
    /// Nothing: the workload has done without it ([`NARROWED`](crate::config::NARROWED)).
    Narrowed,
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

impl<'p> Ruling<'p> {
    /// The place of the rule that decided, or that left the question to the allow-list.
    pub(crate) fn rule(&self) -> Option<usize> {
        match self {
            Self::Permit { rule, .. } => rule.map(|found| found.place),
            Self::LeaveAlone { rule } | Self::Denied { rule, .. } => Some(*rule),
            Self::NotListed { rule, .. } | Self::PlaceholderNotListed { rule } => *rule,
            Self::NotAws | Self::Torn(_) => None,
        }
    }

    /// The ruling on a request that names two buckets, of which this one is the first's: the other may only confirm it.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (denied @ Self::Denied { .. }, _) | (_, denied @ Self::Denied { .. }) => denied,
            (unlisted @ Self::PlaceholderNotListed { .. }, _)
            | (_, unlisted @ Self::PlaceholderNotListed { .. }) => unlisted,
            // What no configuration allows is said before what the workload does without.
            (Self::NotListed { unlisted, .. }, other @ Self::NotListed { .. })
                if *unlisted == Unlisted::Narrowed =>
            {
                other
            }
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
