//! The roles whose credentials sign: the pod's own, and those that rules choose.

use crate::credentials::identity::{
    ChainedDuration, ExternalId, RoleArn, SessionDuration, SessionName, SessionPolicy,
    SourceIdentity, Tags,
};
use crate::credentials::source::container::{Authorization, Endpoint};
use std::fmt;

/// A role and how its credentials are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What rules, logs and the status document call it.
    pub name: String,
    /// How its credentials are had.
    pub means: Means,
}

/// How a role's credentials are had. All that they depend on stands here: it names their record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// With the pod's web identity token: `AssumeRoleWithWebIdentity`.
    WebIdentity(WebIdentity),
    /// From an endpoint that hands out those of one role.
    Container {
        /// Where it is.
        endpoint: Endpoint,
        /// What the request is authorized with.
        authorization: Authorization,
    },
    /// With the credentials of the pod's own role, which sign the call: `AssumeRole`.
    Chained(Chained),
}

/// What STS is asked with a web identity token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role to assume.
    pub arn: RoleArn,
    /// The name of its session.
    pub session_name: SessionName,
    /// How long the session lives; `None`: an hour.
    pub duration: Option<SessionDuration>,
    /// What the session may do at most.
    pub session_policy: Option<SessionPolicy>,
}

/// What STS is asked with the credentials of the pod's own role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chained {
    /// The role to assume.
    pub arn: RoleArn,
    /// The name of its session.
    pub session_name: SessionName,
    /// How long the session lives; `None`: an hour.
    pub duration: Option<ChainedDuration>,
    /// What the session may do at most.
    pub session_policy: Option<SessionPolicy>,
    /// What the role's account asks for.
    pub external_id: Option<ExternalId>,
    /// Session tags.
    pub tags: Tags,
    /// Who is behind the session.
    pub source_identity: Option<SourceIdentity>,
}

impl Role {
    /// The name of the pod's own role: no other may have it.
    pub const OWN: &str = "own";
}

impl Means {
    /// One word: the source of the credentials.
    pub fn source(&self) -> &'static str {
        match self {
            Self::WebIdentity(_) => "web_identity",
            Self::Container { .. } => "container",
            Self::Chained(_) => "chained",
        }
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebIdentity(WebIdentity {
                arn, session_name, ..
            }) => write!(f, "AssumeRoleWithWebIdentity of {arn} as {session_name}"),
            Self::Container { endpoint, .. } => {
                write!(f, "container endpoint {}", endpoint.authority())
            }
            Self::Chained(Chained {
                arn, session_name, ..
            }) => write!(f, "AssumeRole of {arn} as {session_name}, by role own"),
        }
    }
}

/// Names one of a configuration's roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleId(usize);

impl RoleId {
    /// The pod's own.
    pub const OWN: Self = Self(0);
}

/// One thing for each role; that of the pod's own is always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles<T> {
    own: T,
    others: Vec<T>,
}

impl<T> Roles<T> {
    /// The pod's own, and the others in the order of their ids.
    pub fn new(own: T, others: Vec<T>) -> Self {
        Self { own, others }
    }

    /// That of the pod's own role.
    pub fn own(&self) -> &T {
        &self.own
    }

    /// `None` for an id of another configuration's.
    pub fn get(&self, id: RoleId) -> Option<&T> {
        match id.0.checked_sub(1) {
            None => Some(&self.own),
            Some(index) => self.others.get(index),
        }
    }

    /// As [`Roles::get`], to change it.
    pub fn get_mut(&mut self, id: RoleId) -> Option<&mut T> {
        match id.0.checked_sub(1) {
            None => Some(&mut self.own),
            Some(index) => self.others.get_mut(index),
        }
    }

    /// All of them, that of the pod's own role first.
    pub fn iter(&self) -> impl Iterator<Item = (RoleId, &T)> {
        let all = std::iter::once(&self.own).chain(&self.others);
        all.enumerate().map(|(index, item)| (RoleId(index), item))
    }

    /// Something else for each.
    pub fn map<U>(&self, to: impl Fn(&T) -> U) -> Roles<U> {
        Roles {
            own: to(&self.own),
            others: self.others.iter().map(to).collect(),
        }
    }
}
