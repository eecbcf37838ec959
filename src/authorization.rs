//! What a client has already signed, and with whose key.
//!
//! An application may come unsigned, signed with a placeholder (an SDK that was given invented
//! keys), signed with real keys of its own, presigned, or with another scheme altogether. Sources:
//! "Create a signed AWS API request" (IAM User Guide); the shape of access key ids from "IAM
//! identifiers", unique ids (IAM User Guide).

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
        } else if query.and_then(presigned).is_some() {
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

/// Where a request carries a signature of the filter's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnSignature {
    /// In its headers: the filter signed this very request, or another one with the same headers.
    Header,
    /// In its query: a URL that somebody presigned with the filter's credentials.
    Query,
}

/// Looks for a signature of the filter's own. `signature` is what [`read`] made of the same values; `own_keys` is
/// called where an id could be one of its own, and that is not for unsigned requests and those with the usual
/// placeholders.
pub fn find_own(
    authorization: &[&[u8]],
    query: Option<&str>,
    signature: &ClientSignature<'_>,
    placeholders: &[String],
    own_keys: &dyn Fn() -> OwnKeys,
) -> Option<OwnSignature> {
    let mut register = None;
    let mut is_own = |id: &[u8]| {
        let Ok(id) = std::str::from_utf8(id) else {
            return false;
        };
        own_keys::may_hold(id)
            && !placeholders.iter().any(|placeholder| placeholder == id)
            && register.get_or_insert_with(own_keys).contains(id)
    };
    let in_header = match signature {
        ClientSignature::None | ClientSignature::Presigned => false,
        ClientSignature::Placeholder { key_id, .. } => is_own(key_id.as_bytes()),
        // Several values, or one that is not understood here, may be understood elsewhere: any run of letters and digits
        // may be an id.
        _ => authorization.iter().any(|value| {
            let mut runs = value.split(|byte| !byte.is_ascii_alphanumeric());
            runs.any(&mut is_own)
        }),
    };
    if in_header {
        return Some(OwnSignature::Header);
    }
    let is_own_credential = |credential| {
        let credential = percent_decoded(credential);
        credential
            .split(|byte| *byte == b'/')
            .next()
            .is_some_and(&mut is_own)
    };
    let mut credentials = query.and_then(presigned)?.into_iter();
    credentials
        .any(is_own_credential)
        .then_some(OwnSignature::Query)
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
fn may_be_presigned(query: &str) -> bool {
    let mut rest = query.as_bytes();
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

/// The credentials of a query that is presigned by Signature Version 4 or by Version 2, as they stand, with a scope behind
/// the key id or without. `None`: it is not presigned.
fn presigned(query: &str) -> Option<Vec<&[u8]>> {
    if !may_be_presigned(query) {
        return None;
    }
    let mut credentials = Vec::new();
    let (mut by_v4, mut has_v2_key, mut has_v2_signature) = (false, false, false);
    for parameter in query.as_bytes().split(|byte| *byte == b'&') {
        let end = parameter.iter().position(|byte| *byte == b'=');
        let (name, value) = parameter.split_at(end.unwrap_or(parameter.len()));
        let name = percent_decoded(name).to_ascii_lowercase();
        match name.as_slice() {
            b"x-amz-signature" => by_v4 = true,
            b"x-amz-credential" => credentials.extend(value.get(1..)),
            b"signature" => has_v2_signature = true,
            b"awsaccesskeyid" => {
                has_v2_key = true;
                credentials.extend(value.get(1..));
            }
            _ => {}
        }
    }
    (by_v4 || has_v2_key && has_v2_signature).then_some(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// What is found where `OWN` is the filter's; `None` for the register that was not even looked into.
    fn find(authorization: &[&str], query: Option<&str>) -> Option<Option<OwnSignature>> {
        let values: Vec<&[u8]> = authorization.iter().map(|value| value.as_bytes()).collect();
        let placeholders = ["AKIAIOSFODNN7EXAMPLE".to_owned()];
        let signature = read(&values, query, false, &placeholders);
        let looked = std::cell::Cell::new(false);
        let own_keys = || {
            looked.set(true);
            let now = std::time::SystemTime::UNIX_EPOCH;
            OwnKeys::default()
                .with(OWN, now, now)
                .with("LONGERTHANTHEIDSOFAWS1", now, now)
        };
        let found = find_own(&values, query, &signature, &placeholders, &own_keys);
        looked.get().then_some(found)
    }

    #[test]
    fn a_signature_of_the_filters_own_is_found_in_any_header_form() {
        let sigv4a = format!(
            "AWS4-ECDSA-P256-SHA256 Credential={OWN}/20261123/s3/aws4_request, Signature=3044"
        );
        for value in [
            sigv4(OWN),
            sigv4("LONGERTHANTHEIDSOFAWS1"),
            sigv4a,
            format!("AWS {OWN}:abc="),
            format!("  AWS4-HMAC-SHA256 Credential={OWN}"),
            format!("Other {OWN}"),
        ] {
            assert_eq!(
                find(&[&value], None),
                Some(Some(OwnSignature::Header)),
                "{value}"
            );
            let several: [&str; 2] = ["Bearer a", &value];
            assert_eq!(
                find(&several, None),
                Some(Some(OwnSignature::Header)),
                "{value}"
            );
        }
    }

    #[test]
    fn a_signature_of_the_filters_own_is_found_in_a_presigned_query() {
        for query in [
            format!(
                "a=b&X-Amz-Credential={OWN}%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00"
            ),
            format!("X-Amz-Credential={OWN}/20261123/eu-west-1/s3/aws4_request&X-Amz-Signature=00"),
            format!("X%2DAmz-Credential=%41{}%2f&x-amz-signature=00", &OWN[1..]),
            format!("AWSAccessKeyId={OWN}&Signature=b&Expires=1"),
            format!(
                "X-Amz-Credential={OWN}%2F&X-Amz-Credential=a&AWSAccessKeyId=b&X-Amz-Signature=0"
            ),
        ] {
            assert_eq!(
                find(&[], Some(&query)),
                Some(Some(OwnSignature::Query)),
                "{query}"
            );
            let placeholder = sigv4("placeholder");
            assert_eq!(
                find(&[&placeholder], Some(&query)),
                Some(Some(OwnSignature::Query)),
                "{query}"
            );
            let own = sigv4(OWN);
            assert_eq!(
                find(&[&own], Some(&query)),
                Some(Some(OwnSignature::Header)),
                "{query}"
            );
        }
    }

    #[test]
    fn the_filters_own_keys_are_looked_up_only_where_a_signature_may_be_one_of_theirs() {
        let real = sigv4("AKIAIOSFODNN7EXAMPL2");
        assert_eq!(find(&[&real], None), Some(None));
        let presigned = "X-Amz-Credential=AKIAIOSFODNN7EXAMPL2%2F20261123&X-Amz-Signature=00";
        assert_eq!(find(&[], Some(presigned)), Some(None));
        // Not for an id alone: it is no secret, and AWS prints it.
        let alone = format!("X-Amz-Credential={OWN}%2F20261123");
        for (authorization, query) in [
            (None, None),
            (None, Some("list-type=2&prefix=a")),
            (None, Some(alone.as_str())),
            (Some(sigv4("placeholder")), Some("list-type=2")),
            (Some(sigv4("test")), None),
            (Some(sigv4("AKIAIOSFODNN7EXAMPLE")), None),
            (Some("Bearer eyJhbGciOi.abc".to_owned()), None),
            (Some("Basic dXNlcjpwYXNz".to_owned()), None),
        ] {
            let values: Vec<&str> = authorization.iter().map(String::as_str).collect();
            assert_eq!(find(&values, query), None, "{authorization:?} {query:?}");
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
        /// The quick look passes over no query that is presigned.
        #[test]
        fn every_query_that_may_be_presigned_is_looked_into(query in "[aAsSxX%&=b]{0,40}") {
            let mut parameters = query.split('&');
            let expected = parameters.any(|parameter| parameter.starts_with(['X', 'x', 'A', 'a', 'S', 's', '%']));
            proptest::prop_assert_eq!(may_be_presigned(&query), expected);
        }
    }
}
