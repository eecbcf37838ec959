//! The calls of one fetch: what goes to the token listener, to STS or to a container endpoint, and what comes of it.
//!
//! A [`Source`] says what the first call is and what follows a reply. Nothing is sent from here.

use super::cache::Record;
use super::cache::place::Inputs;
use super::failure::{Failure, FetchError, Retry};
use super::outcome::Fetched;
use super::sts::{GivenBy, StsAccess, Turn};
use super::{CallHeaders, Credentials, Secret};
use std::fmt;
use std::time::{Duration, SystemTime};

/// Where the calls go, and what they say there.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The cluster of the token listener.
    pub token_cluster: &'a str,
    /// The cluster that leads to the container endpoint.
    pub container_cluster: &'a str,
    /// How the role's credentials are asked for at STS.
    pub sts: &'a StsAccess,
    /// How long a call that leaves this Envoy may take, if no other host can be asked.
    pub timeout: Duration,
}

impl Settings<'_> {
    /// How long a lease covers all calls of a fetch: beyond their own timeouts, so that no lease ends while its leader
    /// still waits.
    pub fn lease(&self) -> Duration {
        TOKEN_TIMEOUT + self.sts.hosts.timeout_of_all(self.timeout) + LEASE_MARGIN
    }

    /// Adds what decides which credentials come.
    pub(crate) fn identify(&self, inputs: &mut Inputs) {
        let Self {
            token_cluster,
            container_cluster,
            sts,
            // Only how soon they come.
            timeout: _,
        } = *self;
        inputs.text(token_cluster);
        inputs.text(container_cluster);
        sts.identify(inputs);
    }
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

/// What a source needs to know besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where its calls go.
    pub settings: Settings<'a>,
    /// The record of the pod's own role, whose credentials sign calls for chained roles.
    pub own: &'a Record,
    /// Whom a fetch asks first of STS's hosts.
    pub first: Turn,
    /// Wall clock.
    pub now: SystemTime,
}

/// A call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The cluster in Envoy.
    pub cluster: &'a str,
    /// How long it may take.
    pub timeout: Duration,
    /// All headers.
    pub headers: CallHeaders,
    /// The body; `None`: there is none.
    pub body: Option<Secret>,
    /// What the reply must hold.
    pub expected: Expected,
    /// Secrets that go along, which the reply may repeat.
    pub sent: Vec<Secret>,
    /// Which of STS's hosts is called, where one is.
    pub turn: Turn,
    /// How the call before has failed, whose host this one's stands in for.
    pub instead: Option<Failed>,
}

impl<'a> Call<'a> {
    /// For what the token listener serves at `path`.
    pub(crate) fn to_token_listener(settings: &Settings<'a>, path: &str) -> Self {
        Self {
            cluster: settings.token_cluster,
            timeout: TOKEN_TIMEOUT,
            headers: CallHeaders::new([
                (":method", "GET"),
                (":path", path),
                (":authority", "sigv4-egress-token"),
            ]),
            body: None,
            expected: Expected::Token,
            sent: Vec::new(),
            turn: Turn::default(),
            instead: None,
        }
    }
}

/// What a reply must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The token that authorizes the call for credentials.
    Token,
    /// Credentials.
    Credentials,
}

/// A reply to a call, or that there is none.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// What the call was for.
    pub expected: Expected,
    /// The HTTP status; 0 where no reply came.
    pub status: u16,
    /// The body, up to [`super::reply::MAX_REPLY_BYTES`] and one byte; where no reply came, why, if that is known.
    pub body: &'a [u8],
    /// What no text of the other side's may show a part of.
    pub secrets: &'a [Secret],
    /// Which of STS's hosts was called.
    pub turn: Turn,
    /// The body of the call.
    pub sent_body: Option<&'a Secret>,
    /// When the host that was called before may answer, where this one's stands in for it.
    pub before: Option<Retry>,
}

/// How a fetch goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// It does not begin yet: the pod's own role's credentials, which sign its call, are still coming.
    Later,
    /// With this call.
    Call(Call<'a>),
    /// It has ended with these, and STS's host that gave them, if one did.
    Done(Credentials, Option<GivenBy<'a>>),
    /// It has ended without any.
    Failed(Failed),
}

impl<'a> Progress<'a> {
    /// The end of a fetch whose last reply has been read.
    pub(crate) fn of<E: FetchError>(read: Result<Credentials, E>) -> Self {
        match read {
            Ok(credentials) => Self::Done(credentials, None),
            Err(error) => Self::Failed(Failed::of(&error)),
        }
    }
}

/// How a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What is counted.
    pub outcome: Fetched,
    /// What the record keeps.
    pub failure: Failure,
}

impl Failed {
    /// Whether the credentials of the pod's own role, which signed the call, are to blame and must be fetched again.
    pub fn is_of_own_credentials(&self) -> bool {
        self.outcome == Fetched::OwnRoleExpired
    }

    pub(crate) fn of(error: &dyn FetchError) -> Self {
        Self {
            outcome: error.outcome(),
            failure: Failure::of(error),
        }
    }
}

/// The token comes from this very Envoy.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(1);
const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// Of the tests of the sources and of the fetches.
#[cfg(test)]
pub(super) fn settings() -> Settings<'static> {
    use super::sts::{StsHost, StsHosts};
    static STS: std::sync::LazyLock<StsAccess> = std::sync::LazyLock::new(|| {
        let host = |name: &str, cluster: &str| StsHost {
            name: name.to_owned(),
            cluster: cluster.to_owned(),
        };
        StsAccess {
            region: "eu-west-1".to_owned(),
            token_path: "/token".to_owned(),
            token_audience: "sts.amazonaws.com".to_owned(),
            hosts: StsHosts::new(
                host("sts.eu-west-1.amazonaws.com", "sts"),
                vec![host("sts.eu-central-1.amazonaws.com", "sts-2")],
            ),
        }
    });
    Settings {
        token_cluster: "token",
        container_cluster: "container",
        sts: &STS,
        timeout: Duration::from_secs(5),
    }
}
