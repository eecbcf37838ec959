//! The roles whose credentials sign: the pod's own, and those that rules choose.

use crate::identity::{RoleArn, SessionName};
use std::fmt;

/// A role and how its credentials are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What rules, logs and the status document call it.
    pub name: String,
    /// How its credentials are had.
    pub means: Means,
}

/// How a role's credentials are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// With the pod's web identity token: `AssumeRoleWithWebIdentity`.
    WebIdentity(Assumption),
}

/// What is asked of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The role to assume.
    pub arn: RoleArn,
    /// The name of its session.
    pub session_name: SessionName,
}

impl Role {
    /// The name of the pod's own role: no other may have it.
    pub const OWN: &str = "own";

    /// The role and the name of its session, where we choose them.
    pub fn assumption(&self) -> Option<&Assumption> {
        match &self.means {
            Means::WebIdentity(assumption) => Some(assumption),
        }
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebIdentity(Assumption { arn, session_name }) => {
                write!(f, "AssumeRoleWithWebIdentity of {arn} as {session_name}")
            }
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
