//! What a configuration comes to.

use super::findings::{Sourced, Warning};
use crate::credentials::cache::Pace;
use crate::credentials::call::Settings;
use crate::credentials::role::{Role, Roles};
use crate::policy::{Mode, Policy, Port, Suspended, Unmarked};
use crate::presign::Grants;
use crate::request::limits::Limits;
use std::time::Duration;

/// What one plugin in Envoy's configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// The filter that signs, in a listener's filter chain.
    Downstream(Box<Config>),
    /// The guard among the router's upstream filters: it refuses what was signed for another
    /// cluster.
    Upstream {
        /// Clusters that signed requests may leave through.
        clusters: Vec<String>,
    },
    /// In the token listener's filter chain: it answers with the status document.
    Status,
}

/// The configuration of the filter that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether decisions are carried out.
    pub mode: Mode,
    /// The roles whose credentials sign.
    pub roles: Roles<Role>,
    /// Where the values come from that the environment can decide.
    pub sourced: Vec<Sourced>,
    /// What is taken, and probably not meant.
    pub warnings: Vec<Warning>,
    /// The cluster that leads to the container endpoint.
    pub container_cluster: String,
    /// The pod's own region.
    pub region: String,
    /// The cluster that serves the token.
    pub token_cluster: String,
    /// How long one call to STS may take.
    pub sts_timeout: Duration,
    /// Over how long the first fetches of processes that start together are spread.
    pub start_jitter: Duration,
    /// Another value than before replaces all credentials.
    pub credentials_epoch: Option<String>,
    /// How fast the refresh rules run: a setting for tests.
    pub pace: Pace,
    /// Clusters whose requests are signed.
    pub clusters: Vec<String>,
    /// What may be signed, and as what.
    pub policy: Policy,
    /// What is signed no more.
    pub suspended: Suspended,
    /// Ports of the loopback endpoint that stand for one host.
    pub ports: Vec<Port>,
    /// What may be presigned.
    pub presign: Grants,
    /// What is done with requests that ask for no signature; `None`: over TLS they pass, and over plain http they are signed.
    pub unmarked: Option<Unmarked>,
    /// The name of the header that asks: never forwarded.
    pub marker_header: String,
    /// Key ids that stand for "sign this for me": the listed ones, and those that rules name.
    pub placeholders: Vec<String>,
    /// How long requests wait in one worker, and how many.
    pub parking: Limits,
    /// The largest body that is held, in bytes.
    pub max_body_bytes: usize,
    /// What one worker holds of bodies and chunks, in bytes.
    pub max_held_bytes: usize,
}

impl Config {
    /// What fetches of a role's credentials call, and what they say there.
    pub fn calls<'a>(&'a self, role: &'a Role) -> Settings<'a> {
        Settings {
            token_cluster: &self.token_cluster,
            container_cluster: &self.container_cluster,
            sts: &role.sts,
            timeout: self.sts_timeout,
        }
    }
}
