//! Where a role's credentials come from, and what a fetch of them calls.
//!
//! Each source is a file below this one: a type that holds all that decides which credentials come, and is a
//! [`Source`]. [`CredentialSource`] names them all. A new one is a file, a variant, and a line in
//! [`CredentialSource::as_source`]; `config/source.rs` chooses it.

pub(crate) mod chained_role;
pub(crate) mod container;
pub(crate) mod web_identity;

use super::cache::Record;
use super::cache::place::Inputs;
use super::call::{Context, Progress, Reply, Settings};
use chained_role::ChainedRole;
use container::Container;
use std::fmt;
use std::ops::Deref;
use web_identity::WebIdentity;

/// Where a role's credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// STS, for the pod's web identity token.
    WebIdentity(WebIdentity),
    /// An endpoint that hands out those of one role.
    Container(Container),
    /// STS, for the credentials of the pod's own role.
    ChainedRole(ChainedRole),
}

/// What every source can say. Its `Display` is for people: the log, and the status document.
pub trait Source: fmt::Display {
    /// One word, for stats and the status document.
    fn word(&self) -> &'static str;

    /// The keys of the configuration that its calls depend on, besides those of a role.
    fn keys(&self) -> &'static [&'static str];

    /// Adds all that decides which credentials come. Whoever adds a field to a source adds it here.
    fn identify(&self, inputs: &mut Inputs);

    /// What a fetch begins with.
    fn first_call<'a>(&self, context: &Context<'a>) -> Progress<'a>;

    /// What follows a reply.
    fn on_reply<'a>(&self, reply: &Reply<'_>, context: &Context<'a>) -> Progress<'a>;
}

impl CredentialSource {
    fn as_source(&self) -> &(dyn Source + 'static) {
        match self {
            Self::WebIdentity(web_identity) => web_identity,
            Self::Container(container) => container,
            Self::ChainedRole(chained_role) => chained_role,
        }
    }

    /// Where the record of these credentials lies in shared data. `own` is the source of the pod's own role's, which
    /// sign the calls for chained roles.
    pub fn place(&self, own: &Self, settings: &Settings<'_>) -> String {
        self.inputs(own, settings).place(Record::FORM)
    }

    fn inputs(&self, own: &Self, settings: &Settings<'_>) -> Inputs {
        let mut inputs = Inputs::default();
        self.identify(&mut inputs);
        own.identify(&mut inputs);
        settings.identify(&mut inputs);
        inputs
    }
}

/// Every source is asked in the same way.
impl Deref for CredentialSource {
    type Target = dyn Source;

    fn deref(&self) -> &Self::Target {
        self.as_source()
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_source().fmt(f)
    }
}

#[cfg(test)]
mod tests;
