//! What a client has already signed, and with whose key.
//!
//! An application may come unsigned, signed with a placeholder (an SDK that was given invented
//! keys), signed with real keys of its own, presigned, or with another scheme altogether. Sources:
//! "Create a signed AWS API request" (IAM User Guide); the shape of access key ids from "IAM
//! identifiers", unique ids (IAM User Guide).

use crate::headers::Header;
use crate::own_keys::{self, OwnKeys};
use crate::sigv4::percent_decoded;

/// The signature a request came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientSignature<'a> {
    /// No `authorization`, no presigned query, no S3 session token.
    None,
    /// Signed with a key id that is listed as a placeholder, or that is none of AWS's.
    Placeholder {
        /// The key id, as the client wrote it.
        key_id: &'a str,
        /// What the client signed for; `None` where its scheme names no scope (Signature Version 2).
        scope: Option<ClientScope<'a>>,
    },
    /// Signed with a key id of AWS's shape: an identity of the application's own.
    Real {
        /// The key id.
        key_id: &'a str,
        /// As of a placeholder's.
        scope: Option<ClientScope<'a>>,
    },
    /// Presigned in the query.
    Presigned,
    /// Presigned in the query, with a key id that is listed as a placeholder, or that is none of AWS's.
    PresignedByPlaceholder,
    /// Signed with a key id of AWS's shape, with an S3 Express session token beside it.
    SessionToken,
    /// Carries an S3 Express session token without the signature of a session's key.
    StraySessionToken,
    /// Another `authorization` scheme, such as a Bedrock API key as Bearer.
    OtherScheme,
    /// Says it is AWS's scheme, and cannot be read.
    Malformed,
}

/// What a client signed for, the middle of its credential scope: `<date>/<region>/<service>/aws4_request`, or for SigV4A
/// `<date>/<service>/aws4_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientScope<'a> {
    /// As the client wrote it, not checked; `None` in a scope of SigV4A, whose regions are a header.
    pub region: Option<&'a str>,
    /// As the client wrote it, not checked.
    pub service: &'a str,
}

/// Reads the signature from the `authorization` values, the query and the headers' names.
///
/// More than one `authorization` value is [`ClientSignature::Malformed`]: no one can say which
/// of them AWS would read.
pub fn read<'a>(
    authorization: &[&'a [u8]],
    query: Option<&str>,
    has_s3_session_token: bool,
    placeholders: &[String],
) -> ClientSignature<'a> {
    let header = match authorization {
        [] => None,
        [one] => Some(*one),
        _ => return ClientSignature::Malformed,
    };
    let Some(header) = header else {
        return if has_s3_session_token {
            ClientSignature::StraySessionToken
        } else {
            query.map_or(ClientSignature::None, |query| {
                Parameters::read(query.as_bytes(), placeholders, None).signature()
            })
        };
    };
    let header = header.trim_ascii();
    if let Some(rest) = strip_scheme(header, b"AWS4-") {
        let is_asymmetric = strip_scheme(rest, b"ECDSA-").is_some();
        let Some((key_id, scope)) = read_credential(rest, is_asymmetric) else {
            return ClientSignature::Malformed;
        };
        match is_real_key_id(key_id, placeholders) {
            true if has_placeholder(rest, placeholders) => ClientSignature::Malformed,
            // An S3 Express session is bound to the real credentials that opened it.
            true if has_s3_session_token => ClientSignature::SessionToken,
            true => ClientSignature::Real {
                key_id,
                scope: Some(scope),
            },
            // AWS gave no such key with a token, and would not take ours with it.
            false if has_s3_session_token => ClientSignature::StraySessionToken,
            false => ClientSignature::Placeholder {
                key_id,
                scope: Some(scope),
            },
        }
    } else if let Some(rest) = strip_scheme(header, b"AWS ") {
        // Signature Version 2, which S3 still knows: `AWS <key id>:<signature>`.
        match std::str::from_utf8(rest)
            .ok()
            .and_then(|text| text.split_once(':'))
        {
            None => ClientSignature::Malformed,
            Some((key_id, _)) if is_real_key_id(key_id, placeholders) => ClientSignature::Real {
                key_id,
                scope: None,
            },
            Some((key_id, _)) => ClientSignature::Placeholder {
                key_id,
                scope: None,
            },
        }
    } else if has_placeholder(header, placeholders) {
        ClientSignature::Malformed
    } else {
        ClientSignature::OtherScheme
    }
}

/// Whether a placeholder stands for a key in what is not understood: an older scheme, or a second signature, which Envoy has
/// joined to the first with a comma.
#[cold]
fn has_placeholder(header: &[u8], placeholders: &[String]) -> bool {
    let is_one = |value: &[u8]| {
        let ends = |rest: &[u8]| matches!(rest.first(), Some(b'/' | b',' | b':'));
        let mut placeholders = placeholders.iter();
        placeholders.any(|id| value.strip_prefix(id.as_bytes()).is_some_and(ends))
    };
    let is_start = |byte: &u8| matches!(byte, b'=' | b' ');
    header.split(is_start).skip(1).any(is_one)
}

/// What of a request's headers and query can tell whose signature it carries.
#[derive(Debug, Default)]
pub struct Clues<'a> {
    /// The values of `authorization`.
    pub authorization: Vec<&'a [u8]>,
    /// The query, where it may be presigned.
    pub query: Option<&'a str>,
    /// Whether there is an S3 Express session token.
    pub has_s3_session_token: bool,
    /// Whether a look with [`find_own`] is worth it: not for unsigned requests and those with the usual placeholders.
    pub may_be_own: bool,
}

impl<'a> Clues<'a> {
    /// Gathers them. Every request's headers come through here.
    pub fn of(headers: &[Header<'a>], query: Option<&'a str>) -> Self {
        let query = query.filter(|query| may_be_presigned(query.as_bytes()));
        let mut clues = Self {
            query,
            may_be_own: query.is_some(),
            ..Self::default()
        };
        for (name, value) in headers {
            match *name {
                "authorization" => {
                    clues.authorization.push(*value);
                    clues.may_be_own |= any_id(value, &mut |_| true);
                }
                "x-amz-s3session-token" => clues.has_s3_session_token = true,
                SESSION_TOKEN => clues.may_be_own = true,
                name => clues.may_be_own |= name.starts_with(ORIGINAL),
            }
        }
        clues
    }
}

/// Where a request carries a signature of the filter's own, or a session token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnSignature {
    /// In its headers: the filter signed this very request, or another one with the same headers. Or it repeats a URL that
    /// Envoy was redirected from.
    Header,
    /// In its query: a URL that somebody presigned with the filter's credentials.
    Query,
}

/// Looks for a signature of the filter's own, and for a session token that belongs to one. `own_keys` is called where
/// something could be one of its own.
#[cold]
pub fn find_own(
    headers: &[Header<'_>],
    placeholders: &[String],
    own_keys: &dyn Fn() -> OwnKeys,
) -> Option<OwnSignature> {
    let mut search = Search {
        placeholders,
        own_keys,
        register: None,
    };
    let mut place = None;
    for (name, value) in headers {
        let found = match *name {
            "authorization" => search.has_id(value).then_some(OwnSignature::Header),
            SESSION_TOKEN => search.has_token(value).then_some(OwnSignature::Header),
            ":path" => search.in_url(value),
            name if name.starts_with(ORIGINAL) => {
                search.in_url(value).and(Some(OwnSignature::Header))
            }
            _ => None,
        };
        if found == Some(OwnSignature::Header) {
            return found;
        }
        place = place.or(found);
    }
    place
}

/// A search for what is the filter's own.
struct Search<'s> {
    placeholders: &'s [String],
    own_keys: &'s dyn Fn() -> OwnKeys,
    register: Option<OwnKeys>,
}

impl Search<'_> {
    fn knows(&mut self, word: &[u8]) -> bool {
        let register = self.register.get_or_insert_with(self.own_keys);
        register.contains(word)
    }

    /// Whether an access key id stands anywhere in a text: what is not understood here may be understood elsewhere.
    fn has_id(&mut self, text: &[u8]) -> bool {
        any_id(text, &mut |id| {
            let mut placeholders = self.placeholders.iter();
            !placeholders.any(|placeholder| placeholder.as_bytes() == id) && self.knows(id)
        })
    }

    /// Whether a value is a session token, or several that somebody joined with commas, and one of ours among them.
    fn has_token(&mut self, value: &[u8]) -> bool {
        let mut tokens = value.split(|byte| *byte == b',');
        tokens.any(|token| self.knows(own_keys::digest(token.trim_ascii()).as_bytes()))
    }

    /// Looks into the query of a URL.
    fn in_url(&mut self, url: &[u8]) -> Option<OwnSignature> {
        let start = url.iter().position(|byte| *byte == b'?')?;
        let query = url
            .get(start + 1..)
            .filter(|query| may_be_presigned(query))?;
        let placeholders = self.placeholders;
        let found = Parameters::read(query, placeholders, Some(self));
        match found.is_presigned() {
            true => (found.has_own_id || found.has_own_token).then_some(OwnSignature::Query),
            // An id alone is no secret, and AWS prints it.
            false => found.has_own_token.then_some(OwnSignature::Header),
        }
    }
}

/// Asks about each run of upper-case letters and digits that is as long as access key ids are, until one is taken.
fn any_id(text: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let is_other = |byte: &u8| !(byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let mut rest = text;
    // The last of so many bytes is looked at first: where it is of no id, none of the others begins one.
    while let Some((first, after)) = rest.split_at_checked(own_keys::SHORTEST_ID) {
        let end = match first.iter().rposition(is_other) {
            Some(place) => place + 1,
            None => {
                let more = after.iter().position(is_other).unwrap_or(after.len());
                let (run, after) = rest.split_at(first.len() + more);
                if take(run) {
                    return true;
                }
                rest = after;
                continue;
            }
        };
        rest = rest.split_at(end).1;
    }
    false
}

fn strip_scheme<'a>(header: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = header.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// `Credential=<key id>/<date>/<region>/<service>/aws4_request` from the rest of the header, without
/// a region where it is asymmetric (SigV4A). A key id may itself hold slashes; the scope is the last parts.
fn read_credential(header: &[u8], is_asymmetric: bool) -> Option<(&str, ClientScope<'_>)> {
    let text = std::str::from_utf8(header).ok()?;
    let (_, parameters) = text.split_once(' ')?;
    let credential = parameters
        .split(',')
        .find_map(|parameter| parameter.trim().strip_prefix("Credential="))?;
    let mut parts = credential.rsplitn(if is_asymmetric { 4 } else { 5 }, '/');
    let terminator = parts.next()?;
    let service = parts.next()?;
    let region = match is_asymmetric {
        true => None,
        false => Some(parts.next()?),
    };
    let _date = parts.next()?;
    let key_id = parts.next()?;
    (terminator == "aws4_request").then_some((key_id, ClientScope { region, service }))
}

/// Whether AWS could have issued the key id: `AKIA` or `ASIA` and 16 characters.
fn is_real_key_id(key_id: &str, placeholders: &[String]) -> bool {
    is_shaped_like_aws(key_id) && !placeholders.iter().any(|placeholder| placeholder == key_id)
}

/// Whether an access key id has the shape of those that AWS issues.
pub(crate) fn is_shaped_like_aws(key_id: &str) -> bool {
    key_id.len() == 20
        && (key_id.starts_with("AKIA") || key_id.starts_with("ASIA"))
        && key_id
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Whether a parameter begins like one of a signature. Every request's query comes through here.
fn may_be_presigned(query: &[u8]) -> bool {
    let mut rest = query;
    loop {
        match rest.first() {
            Some(b'X' | b'x' | b'A' | b'a' | b'S' | b's' | b'%') => return true,
            _ => match after_ampersand(rest) {
                Some(after) => rest = after,
                None => return false,
            },
        }
    }
}

/// What follows the first `&`, which is looked for eight bytes at a time.
fn after_ampersand(bytes: &[u8]) -> Option<&[u8]> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (words, _) = bytes.as_chunks();
    let is_without = |word: &&[u8; 8]| {
        // Zero where the `&` stands: the subtraction borrows into the highest bit of such a byte first.
        let word = u64::from_ne_bytes(**word) ^ (0x26 * EACH);
        word.wrapping_sub(EACH) & !word & (0x80 * EACH) == 0
    };
    let skipped = 8 * words.iter().take_while(is_without).count();
    let rest = bytes.get(skipped..)?;
    let place = rest.iter().position(|byte| *byte == b'&')?;
    rest.get(place + 1..)
}

/// What a query's parameters say of its signature.
#[derive(Default)]
struct Parameters {
    has_v4_signature: bool,
    has_v2_key: bool,
    has_v2_signature: bool,
    has_placeholder: bool,
    has_own_id: bool,
    has_own_token: bool,
}

impl Parameters {
    /// Reads names and values as AWS does, whatever of them is percent-encoded, and the names in any case.
    #[cold]
    fn read(query: &[u8], placeholders: &[String], mut search: Option<&mut Search<'_>>) -> Self {
        let mut found = Self::default();
        for parameter in query.split(|byte| *byte == b'&') {
            let end = parameter.iter().position(|byte| *byte == b'=');
            let (name, value) = parameter.split_at(end.unwrap_or(parameter.len()));
            let mut name = percent_decoded(name);
            name.make_ascii_lowercase();
            let (mut is_key, mut is_token) = (false, false);
            match name.as_slice() {
                b"x-amz-signature" => found.has_v4_signature = true,
                b"signature" => found.has_v2_signature = true,
                b"x-amz-credential" => is_key = true,
                b"awsaccesskeyid" => {
                    found.has_v2_key = true;
                    is_key = true;
                }
                b"x-amz-security-token" | b"securitytoken" => is_token = true,
                _ => {}
            }
            if !is_key && !is_token {
                continue;
            }
            let value = percent_decoded(value.get(1..).unwrap_or_default());
            if is_key {
                // Before its scope. No id of AWS's has a slash.
                let id = value.split(|byte| *byte == b'/').next();
                let id = id.and_then(|id| std::str::from_utf8(id).ok());
                found.has_placeholder |= !id.is_some_and(|id| is_real_key_id(id, placeholders));
            }
            if let Some(search) = &mut search {
                found.has_own_id |= is_key && search.has_id(&value);
                found.has_own_token |= is_token && search.has_token(&value);
            }
        }
        found
    }

    /// Whether it is presigned, by Signature Version 4 or by Version 2.
    fn is_presigned(&self) -> bool {
        self.has_v4_signature || self.has_v2_key && self.has_v2_signature
    }

    fn signature(&self) -> ClientSignature<'static> {
        match self.is_presigned() {
            false => ClientSignature::None,
            true if self.has_placeholder => ClientSignature::PresignedByPlaceholder,
            true => ClientSignature::Presigned,
        }
    }
}

/// The header in which credentials of a session have their token.
const SESSION_TOKEN: &str = "x-amz-security-token";

/// Behind which Envoy repeats the `url` that it was redirected from, and the `path`, query included, that a route has
/// rewritten (`source/common/router/router.cc`).
const ORIGINAL: &str = "x-envoy-original-";

#[cfg(test)]
mod tests;
