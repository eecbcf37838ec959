//! The roles whose credentials sign: the pod's own, and those that rules choose.

use super::source::CredentialSource;
use super::sts::StsAccess;

/// A role whose credentials sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What rules, logs and the status document call it.
    pub name: String,
    /// Where its credentials come from.
    pub source: CredentialSource,
    /// How they are asked for, where they come from STS.
    pub sts: StsAccess,
}

impl Role {
    /// The name of the pod's own role: no other may have it.
    pub const OWN: &str = "own";
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
