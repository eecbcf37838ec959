//! Where a role's credentials come from, and what a fetch of them calls.
//!
//! Each source is a file below this one: a type that holds all that decides which credentials come, and is a
//! [`Source`]: it says what a fetch calls. [`CredentialSource`] names them all. A new one is a file, a variant, and a line in
//! [`CredentialSource::as_source`]; `config/source.rs` chooses it.

pub(crate) mod chained_role;
pub(crate) mod container;
pub(crate) mod none;
pub(crate) mod web_identity;

use super::cache::Record;
use super::cache::place::Inputs;
use super::call::{Settings, Source};
use super::identity::RoleArn;
use chained_role::ChainedRole;
use container::Container;
use none::NoCredentials;
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
    /// Nowhere: the filter only observes.
    None(NoCredentials),
}

impl CredentialSource {
    fn as_source(&self) -> &(dyn Source + 'static) {
        match self {
            Self::WebIdentity(web_identity) => web_identity,
            Self::Container(container) => container,
            Self::ChainedRole(chained_role) => chained_role,
            Self::None(none) => none,
        }
    }

    /// What their session is called at STS; `None` where a container endpoint chooses that.
    pub fn session_name(&self) -> Option<&str> {
        let session = match self {
            Self::WebIdentity(web_identity) => &web_identity.session,
            Self::ChainedRole(chained_role) => &chained_role.session,
            Self::Container(_) | Self::None(_) => return None,
        };
        Some(session.name.as_str())
    }

    /// The role that STS is asked for; `None` where a container endpoint decides.
    pub fn role_arn(&self) -> Option<&RoleArn> {
        match self {
            Self::WebIdentity(web_identity) => Some(&web_identity.session.role_arn),
            Self::Container(_) | Self::None(_) => None,
            Self::ChainedRole(chained_role) => Some(&chained_role.session.role_arn),
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
