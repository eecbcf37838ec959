//! The headers that signing writes.

use std::borrow::Cow;

use super::digest::EMPTY_SHA256;
use super::encode::hex;
use super::request::{ContentSha256, Payload, Settings};
use super::scope::{Algorithm, Scope};
use crate::credentials::{Credentials, Secret};
use crate::timestamp::AmzDate;

/// What signing adds to a request.
pub(super) struct Additions<'a> {
    pub(super) date: AmzDate,
    pub(super) security_token: Option<&'a Secret>,
    pub(super) payload_hash: Cow<'a, str>,
    content_sha256: ContentSha256,
    pub(super) region_set: Option<&'a str>,
    place: Place,
}

/// Where a signature stands, and all that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Headers,
    /// The query has it before it becomes canonical.
    Query,
}

impl<'a> Additions<'a> {
    pub(super) fn new(
        payload: Payload<'a>,
        settings: Settings,
        scope: &Scope<'a>,
        credentials: &'a Credentials,
        date: AmzDate,
    ) -> Self {
        let token = &credentials.session_token;
        Self {
            date,
            security_token: (!token.expose().is_empty()).then_some(token),
            payload_hash: match payload {
                Payload::Empty => Cow::Borrowed(EMPTY_SHA256),
                Payload::Hash(hash) => Cow::Owned(hex(&hash)),
                Payload::Literal(value) => Cow::Borrowed(value),
            },
            content_sha256: settings.content_sha256,
            region_set: match scope.algorithm {
                Algorithm::SigV4 => None,
                Algorithm::SigV4A => Some(scope.region),
            },
            place: Place::Headers,
        }
    }

    /// The same in the query: nothing is added to the headers.
    pub(super) fn in_query(self) -> Self {
        Self {
            place: Place::Query,
            ..self
        }
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let [_, date, security_token, content_sha256, region_set] = WRITTEN_HEADERS;
        let token = self
            .security_token
            .map(|token| (security_token, token.expose()));
        let hash = match self.content_sha256 {
            ContentSha256::Written => Some((content_sha256, &*self.payload_hash)),
            ContentSha256::Absent => None,
        };
        let regions = self.region_set.map(|regions| (region_set, regions));
        let all = [Some((date, self.date.as_str())), token, hash, regions];
        let in_headers = self.place == Place::Headers;
        all.into_iter()
            .flatten()
            .filter(move |_| in_headers)
            .map(|(name, value)| (name, value.as_bytes()))
    }
}

/// The headers that signing writes: inbound ones are never signed and never survive.
pub(super) const WRITTEN_HEADERS: [&str; 5] = [
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-region-set",
];
