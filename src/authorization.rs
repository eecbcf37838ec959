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
        scope: Option<Scope<'a>>,
    },
    /// Signed with a key id of AWS's shape: an identity of the application's own.
    Real,
    /// Presigned in the query.
    Presigned,
    /// Signed with a key id of AWS's shape, with an S3 Express session token beside it.
    SessionToken,
    /// Carries an S3 Express session token without the signature of a session's key.
    StraySessionToken,
    /// Another `authorization` scheme, such as a Bedrock API key as Bearer.
    OtherScheme,
    /// Says it is AWS's scheme, and cannot be read.
    Malformed,
}

/// The middle of a credential scope: `<date>/<region>/<service>/aws4_request`, or for SigV4A
/// `<date>/<service>/aws4_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
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
        } else if query.is_some_and(is_presigned) {
            ClientSignature::Presigned
        } else {
            ClientSignature::None
        };
    };
    let header = header.trim_ascii();
    if let Some(rest) = strip_scheme(header, b"AWS4-") {
        let is_asymmetric = strip_scheme(rest, b"ECDSA-").is_some();
        let Some((key_id, scope)) = read_credential(rest, is_asymmetric) else {
            return ClientSignature::Malformed;
        };
        match is_real_key_id(key_id, placeholders) {
            // An S3 Express session is bound to the real credentials that opened it.
            true if has_s3_session_token => ClientSignature::SessionToken,
            true => ClientSignature::Real,
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
            Some((key_id, _)) if is_real_key_id(key_id, placeholders) => ClientSignature::Real,
            Some((key_id, _)) => ClientSignature::Placeholder {
                key_id,
                scope: None,
            },
        }
    } else {
        ClientSignature::OtherScheme
    }
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
        let found = Parameters::read(query, Some(self));
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
fn read_credential(header: &[u8], is_asymmetric: bool) -> Option<(&str, Scope<'_>)> {
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
    (terminator == "aws4_request").then_some((key_id, Scope { region, service }))
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
    has_own_id: bool,
    has_own_token: bool,
}

impl Parameters {
    /// Reads names and values as AWS does, whatever of them is percent-encoded, and the names in any case.
    #[cold]
    fn read(query: &[u8], mut search: Option<&mut Search<'_>>) -> Self {
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
            if let Some(search) = &mut search
                && (is_key || is_token)
            {
                let value = percent_decoded(value.get(1..).unwrap_or_default());
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
}

fn is_presigned(query: &str) -> bool {
    Parameters::read(query.as_bytes(), None).is_presigned()
}

/// The header in which credentials of a session have their token.
const SESSION_TOKEN: &str = "x-amz-security-token";

/// Behind which Envoy repeats the `url` that it was redirected from, and the `path`, query included, that a route has
/// rewritten (`source/common/router/router.cc`).
const ORIGINAL: &str = "x-envoy-original-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own_keys::tests::credentials;

    fn of(authorization: &str) -> ClientSignature<'_> {
        read(
            &[authorization.as_bytes()],
            None,
            false,
            &["placeholder".to_owned()],
        )
    }

    fn sigv4(key_id: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={key_id}/20261123/eu-west-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00"
        )
    }

    /// What a signature of this key id that holds for [`SCOPE`] is read as, where it is none of AWS's.
    fn placeholder(key_id: &str) -> ClientSignature<'_> {
        ClientSignature::Placeholder {
            key_id,
            scope: Some(SCOPE),
        }
    }

    const SCOPE: Scope<'static> = Scope {
        region: Some("eu-west-1"),
        service: "dynamodb",
    };

    #[test]
    fn key_ids_that_aws_never_issued_are_placeholders() {
        for key_id in [
            "placeholder",
            "test",
            "AKIAshort",
            "AKIAIOSFODNN7EXAMPL",
            "akiaiosfodnn7example",
            "a/b",
        ] {
            let header = sigv4(key_id);
            assert_eq!(of(&header), placeholder(key_id), "{key_id}");
        }
    }

    #[test]
    fn a_key_id_of_aws_is_real_unless_it_is_listed() {
        let header = sigv4("AKIAIOSFODNN7EXAMPLE");
        assert_eq!(of(&header), ClientSignature::Real);
        let listed = read(
            &[header.as_bytes()],
            None,
            false,
            &["AKIAIOSFODNN7EXAMPLE".to_owned()],
        );
        assert_eq!(listed, placeholder("AKIAIOSFODNN7EXAMPLE"));
    }

    #[test]
    fn a_scope_of_sigv4a_has_no_region() {
        let sigv4a = |key_id: &str| {
            format!(
                "AWS4-ECDSA-P256-SHA256 Credential={key_id}/20261123/s3/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=3044"
            )
        };
        let scope = Some(Scope {
            region: None,
            service: "s3",
        });
        for key_id in ["placeholder", "a/b", "a/b/c"] {
            let header = sigv4a(key_id);
            assert_eq!(
                of(&header),
                ClientSignature::Placeholder { key_id, scope },
                "{key_id}"
            );
        }
        assert_eq!(of(&sigv4a("AKIAIOSFODNN7EXAMPLE")), ClientSignature::Real);
        // The scope of one algorithm is none of the other's.
        let of_sigv4 = sigv4("placeholder").replace("HMAC", "ECDSA-P256");
        let ClientSignature::Placeholder { scope, .. } = of(&of_sigv4) else {
            panic!("{:?}", of(&of_sigv4));
        };
        assert_eq!(scope.unwrap().region, None);
        let of_sigv4a = sigv4a("placeholder").replace("ECDSA-P256", "HMAC");
        assert_eq!(of(&of_sigv4a), ClientSignature::Malformed);
        assert_eq!(
            of("AWS4-ECDSA-P256-SHA256 Credential=a/s3/aws4_request"),
            ClientSignature::Malformed
        );
    }

    #[test]
    fn signature_version_2_is_told_apart_too() {
        assert_eq!(of("AWS AKIAIOSFODNN7EXAMPLE:abc="), ClientSignature::Real);
        assert_eq!(
            of("AWS placeholder:abc="),
            ClientSignature::Placeholder {
                key_id: "placeholder",
                scope: None
            }
        );
        assert_eq!(of("AWS nocolon"), ClientSignature::Malformed);
    }

    #[test]
    fn other_schemes_are_other_schemes() {
        assert_eq!(of("Bearer ABSKQmVk"), ClientSignature::OtherScheme);
        assert_eq!(of("Basic dXNlcjpwYXNz"), ClientSignature::OtherScheme);
        assert_eq!(of(""), ClientSignature::OtherScheme);
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        assert_eq!(of("AWS4-HMAC-SHA256"), ClientSignature::Malformed);
        assert_eq!(
            of("AWS4-HMAC-SHA256 Credential=x"),
            ClientSignature::Malformed
        );
        assert_eq!(
            of("AWS4-HMAC-SHA256 Credential=a/b/c/d/e"),
            ClientSignature::Malformed
        );
        let two: [&[u8]; 2] = [b"Bearer a", b"Bearer b"];
        assert_eq!(read(&two, None, false, &[]), ClientSignature::Malformed);
        assert_eq!(
            read(&[b"AWS4-\xff\xfe x"], None, false, &[]),
            ClientSignature::Malformed
        );
    }

    #[test]
    fn presigned_urls_are_recognised_in_any_case() {
        let presigned = |query| read(&[], Some(query), false, &[]);
        assert_eq!(
            presigned("a=b&X-Amz-Signature=00"),
            ClientSignature::Presigned
        );
        assert_eq!(presigned("x-amz-signature=00"), ClientSignature::Presigned);
        assert_eq!(
            presigned("AWSAccessKeyId=a&Signature=b&Expires=1"),
            ClientSignature::Presigned
        );
        assert_eq!(presigned("Signature=b"), ClientSignature::None);
        for query in ["X-Amz%2DSignature=00", "%58-Amz-Signatur%65"] {
            assert_eq!(presigned(query), ClientSignature::Presigned, "{query}");
        }
        for query in [
            "X-Amz%2Signature=00",
            "X-Amz%-Signature",
            "a=X-Amz-Signature",
        ] {
            assert_eq!(presigned(query), ClientSignature::None, "{query}");
        }
    }

    const OWN: &str = "ASIAOWNOWNOWNOWNOWN1";
    const LONG: &str = "LONGERTHANTHEIDSOFAWS1";
    const TOKEN: &str = "IQoJb3JpZ2luX2Vj+EHAaCWV1/LXdlc3QtMSJHMEUCIQDx==";

    /// What is found where `OWN` and `LONG` are the filter's ids, and `TOKEN` their token; `None` for the register that was
    /// not even looked into.
    fn find(headers: &[(&str, &str)]) -> Option<Option<OwnSignature>> {
        let headers: Vec<Header<'_>> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        find_in(&headers)
    }

    fn find_in(headers: &[Header<'_>]) -> Option<Option<OwnSignature>> {
        let placeholders = ["AKIAIOSFODNN7EXAMPLE".to_owned()];
        let looked = std::cell::Cell::new(false);
        let now = std::time::SystemTime::UNIX_EPOCH;
        let own_keys = || {
            looked.set(true);
            let keys = OwnKeys::default().with(&credentials(OWN, TOKEN, now), now);
            keys.with(&credentials(LONG, TOKEN, now), now)
        };
        let found = find_own(headers, &placeholders, &own_keys);
        let path = crate::headers::value(headers, ":path").unwrap_or_default();
        let path = std::str::from_utf8(path);
        let query = path.map(|path| path.split_once('?').map(|(_, query)| query));
        // Nothing is found that the first look takes for nothing.
        let may_be_own = query.map(|query| Clues::of(headers, query).may_be_own);
        assert!(found.is_none() || may_be_own.unwrap_or(true), "{headers:?}");
        looked.get().then_some(found)
    }

    const IN_HEADER: Option<Option<OwnSignature>> = Some(Some(OwnSignature::Header));
    const IN_QUERY: Option<Option<OwnSignature>> = Some(Some(OwnSignature::Query));

    #[test]
    fn a_signature_of_the_filters_own_is_found_in_any_header_form() {
        let sigv4a = format!(
            "AWS4-ECDSA-P256-SHA256 Credential={OWN}/20261123/s3/aws4_request, Signature=3044"
        );
        let own = sigv4(OWN);
        for value in [
            own.clone(),
            sigv4(LONG),
            sigv4a,
            format!("AWS {OWN}:abc="),
            format!("  AWS4-HMAC-SHA256 Credential={OWN}"),
            format!("Other {OWN}"),
            // Read as a placeholder's here, and maybe otherwise elsewhere.
            sigv4(&format!("a/{OWN}")),
            sigv4(&format!("\"{OWN}\"")),
            own.replace(
                "Credential",
                "Credential=a/20261123/eu-west-1/s3/aws4_request, Credential",
            ),
            format!("AWS a:b:{OWN}"),
            own.replace(' ', "\t"),
            own.replace(' ', "  "),
            own.replace(' ', ""),
            own.replace(',', ""),
            own.replace("AWS4-HMAC", "aws4-hmac"),
            own.replace("Credential=", "credential = "),
        ] {
            assert_eq!(find(&[("authorization", &value)]), IN_HEADER, "{value}");
            let several = [("authorization", "Bearer a"), ("authorization", &value)];
            assert_eq!(find(&several), IN_HEADER, "{value}");
        }
    }

    #[test]
    fn a_session_token_of_the_filters_own_is_found_without_a_signature() {
        for value in [
            TOKEN.to_owned(),
            format!(" {TOKEN}\t"),
            format!("a, {TOKEN}"),
        ] {
            assert_eq!(
                find(&[("x-amz-security-token", &value)]),
                IN_HEADER,
                "{value}"
            );
        }
        let two = [
            ("x-amz-security-token", "a"),
            ("x-amz-security-token", TOKEN),
        ];
        assert_eq!(find(&two), IN_HEADER);
        let encoded = TOKEN
            .replace('+', "%2B")
            .replace('/', "%2f")
            .replace('=', "%3D");
        for name in [
            "X-Amz-Security-Token",
            "x-amz-security-token",
            "X-%41mz%2dSecurity-Token",
            "SecurityToken",
        ] {
            for token in [TOKEN, &encoded] {
                let path = format!("/a?b=c&{name}={token}");
                assert_eq!(find(&[(":path", &path)]), IN_HEADER, "{path}");
                let path = format!("{path}&X-Amz-Signature=00");
                assert_eq!(find(&[(":path", &path)]), IN_QUERY, "{path}");
            }
        }
        let part = &TOKEN[1..];
        assert_eq!(find(&[("x-amz-security-token", part)]), Some(None));
        let digest = own_keys::digest(TOKEN.as_bytes());
        assert_eq!(find(&[("x-amz-security-token", &digest)]), Some(None));
    }

    #[test]
    fn a_signature_of_the_filters_own_is_found_in_a_presigned_query() {
        for query in [
            format!(
                "a=b&X-Amz-Credential={OWN}%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00"
            ),
            format!("X-Amz-Credential={OWN}/20261123/eu-west-1/s3/aws4_request&X-Amz-Signature=00"),
            format!("X%2DAmz-Credential=%41{}%2f&x-amz-signature=00", &OWN[1..]),
            format!("X-Amz-%43redential={OWN}%2F20261123&X-Amz-Signatur%65=00"),
            format!("x-amz-credential=+{OWN}+&x-amz-signature=00"),
            format!("X-Amz-Credential=%20%22{OWN}%22&X-Amz-Signature=00"),
            format!("AWSAccessKeyId={OWN}&Signature=b&Expires=1"),
            format!(
                "X-Amz-Credential={OWN}%2F&X-Amz-Credential=a&AWSAccessKeyId=b&X-Amz-Signature=0"
            ),
        ] {
            let path = format!("/?{query}");
            let path = (":path", path.as_str());
            assert_eq!(find(&[path]), IN_QUERY, "{query}");
            let placeholder = sigv4("placeholder");
            assert_eq!(
                find(&[path, ("authorization", &placeholder)]),
                IN_QUERY,
                "{query}"
            );
            let own = sigv4(OWN);
            assert_eq!(find(&[path, ("authorization", &own)]), IN_HEADER, "{query}");
            let bytes = [path.1.as_bytes(), b"&\xff"].concat();
            assert_eq!(find_in(&[(":path", &bytes)]), IN_QUERY, "{query}");
            // Envoy repeats the URL in headers where it follows a redirect, and where a route rewrites the path.
            let url = format!("http://s3.eu-west-1.amazonaws.com{}", path.1);
            for header in [
                ("x-envoy-original-url", url.as_str()),
                ("x-envoy-original-path", path.1),
            ] {
                assert_eq!(find(&[(":path", "/"), header]), IN_HEADER, "{header:?}");
            }
        }
    }

    #[test]
    fn the_filters_own_keys_are_looked_up_only_where_something_may_be_one_of_theirs() {
        let real = sigv4("AKIAIOSFODNN7EXAMPL2");
        assert_eq!(find(&[("authorization", &real)]), Some(None));
        let presigned = "/?X-Amz-Credential=AKIAIOSFODNN7EXAMPL2%2F20261123&X-Amz-Signature=00";
        assert_eq!(find(&[(":path", presigned)]), Some(None));
        // An id alone is no secret: AWS prints it.
        let alone = format!("/?X-Amz-Credential={OWN}%2F20261123");
        assert_eq!(find(&[(":path", &alone)]), Some(None));
        for (authorization, path) in [
            ("", "/"),
            ("", "/?list-type=2&prefix=a&start-after=b"),
            (&sigv4("placeholder"), "/?list-type=2"),
            (&sigv4("test"), "/"),
            (&sigv4("AKIAIOSFODNN7EXAMPLE"), "/"),
            ("Bearer eyJhbGciOi.abc", "/"),
            ("Basic dXNlcjpwYXNz", OWN),
        ] {
            let headers = [
                (":path", path),
                ("authorization", authorization),
                ("x-envoy-original-path", path),
            ];
            assert_eq!(find(&headers), None, "{authorization:?} {path}");
        }
    }

    #[test]
    fn an_s3_session_token_belongs_to_a_real_keys_signature() {
        let with_token = |key_id: &str| {
            let header = sigv4(key_id);
            read(&[header.as_bytes()], None, true, &[]) == ClientSignature::SessionToken
        };
        assert!(with_token("ASIAIOSFODNN7EXAMPLE"));
        assert!(!with_token("placeholder"));
        let header = sigv4("placeholder");
        let stray = ClientSignature::StraySessionToken;
        assert_eq!(read(&[header.as_bytes()], None, true, &[]), stray);
        assert_eq!(read(&[], None, true, &[]), stray);
    }

    proptest::proptest! {
        /// The ids that are found in steps are the runs of a plain search.
        #[test]
        fn every_run_that_is_long_enough_is_asked_about(text in "[A-C7a,]{0,9}([A-Z0-9]{14,18}[a,]{0,3}){0,4}") {
            let mut found = Vec::new();
            any_id(text.as_bytes(), &mut |id| {
                found.push(id.to_vec());
                false
            });
            let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            let runs = text.split(|c| !is_part(c)).filter(|run| run.len() >= own_keys::SHORTEST_ID);
            let expected: Vec<Vec<u8>> = runs.map(|run| run.as_bytes().to_vec()).collect();
            proptest::prop_assert_eq!(found, expected);
        }

        /// The quick look passes over no query that is presigned.
        #[test]
        fn every_query_that_may_be_presigned_is_looked_into(query in "[aAsSxX%&=b]{0,40}") {
            let mut parameters = query.split('&');
            let expected = parameters.any(|parameter| parameter.starts_with(['X', 'x', 'A', 'a', 'S', 's', '%']));
            proptest::prop_assert_eq!(may_be_presigned(query.as_bytes()), expected);
        }
    }
}
