//! A request when its headers have arrived.

use super::unsigned::Unsigned;
use crate::config::Config;
use crate::headers::{self, Header};
use crate::own_keys::OwnKeys;
use crate::policy::{RouteMetadata, Unmarked};
use crate::refusal::{ErrorFormat, Refusal};

/// What is known of a request when its headers have arrived.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// All headers, pseudo-headers included.
    pub headers: &'a [Header<'a>],
    /// Reads the cluster that its route leads to; `None` where the route has none. Not a value, because that is a
    /// call to Envoy, and most of a pod's requests are decided without it.
    pub cluster: &'a dyn Fn() -> Option<String>,
    /// Reads the port of this Envoy that it came to, where that is known. A call to Envoy as well.
    pub port: &'a dyn Fn() -> Option<u16>,
    /// Whether Envoy ended TLS on its connection. A call to Envoy, made where nothing of a request asks for a signature.
    pub over_tls: &'a dyn Fn() -> bool,
    /// What its route carries for the rules, as far as they ask for it.
    pub route_metadata: &'a RouteMetadata,
    /// Reads the keys that this process has got. A call to Envoy, too, which is made where a request carries
    /// a signature that could be the filter's own.
    pub own_keys: &'a dyn Fn() -> OwnKeys,
    /// No body follows.
    pub end_of_stream: bool,
}

impl<'a> Head<'a> {
    /// The values of a header, in order.
    pub fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        headers::values(self.headers, name)
    }

    /// Whether its route leads to a listed cluster: where signed requests may go.
    pub(super) fn is_listed(self, config: &Config) -> bool {
        (self.cluster)().is_some_and(|cluster| config.clusters.contains(&cluster))
    }

    /// Whether its client waits for a 100 before it sends the body (RFC 9110, section 10.1.1). Where the listener sends one,
    /// it takes the header away (`ConnectionManagerImpl::ActiveStream::decodeHeaders`, Envoy 1.36 and 1.40).
    pub fn expects_continue(self) -> bool {
        self.value("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    /// What is done with it if it asks for no signature.
    pub(super) fn unmarked(self, config: &Config) -> Unmarked {
        config.unmarked.unwrap_or_else(|| match (self.over_tls)() {
            true => Unmarked::Pass,
            false => Unmarked::Sign,
        })
    }

    /// Refuses it, before it is known which service it is for.
    #[cold]
    pub(super) fn refused(self, refusal: Refusal) -> Unsigned {
        Unsigned::Refused(refusal, ErrorFormat::of(self.headers, None))
    }

    /// The value of a header, where it is text.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The parts of `:path`, where it is text.
    pub(super) fn path_and_query(self) -> (Option<&'a str>, Option<&'a str>) {
        let target = self.text(":path");
        match target.and_then(|target| target.split_once('?')) {
            Some((path, query)) => (Some(path), Some(query)),
            None => (target, None),
        }
    }

    /// The `content-length`; `None` where there is none. One that no memory could hold counts as the
    /// largest that could.
    pub fn content_length(self) -> Option<usize> {
        let text = std::str::from_utf8(self.value("content-length")?).ok()?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    }

    /// The first value of a header.
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        headers::value(self.headers, name)
    }
}
