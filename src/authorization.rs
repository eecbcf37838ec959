//! What a client has already signed, and with whose key.
//!
//! An application may come unsigned, signed with a placeholder (an SDK that was given invented
//! keys), signed with real keys of its own, presigned, or with another scheme altogether. Sources:
//! "Create a signed AWS API request" (IAM User Guide); the shape of access key ids from "IAM
//! identifiers", unique ids (IAM User Guide).

/// The signature a request came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientSignature<'a> {
    /// No `authorization`, no presigned query, no S3 session token.
    None,
    /// Signed with a key id that is listed as a placeholder, or that is none of AWS's.
    Placeholder {
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
            false => ClientSignature::Placeholder { scope: Some(scope) },
        }
    } else if let Some(rest) = strip_scheme(header, b"AWS ") {
        // Signature Version 2, which S3 still knows: `AWS <key id>:<signature>`.
        match std::str::from_utf8(rest)
            .ok()
            .and_then(|text| text.split_once(':'))
        {
            None => ClientSignature::Malformed,
            Some((key_id, _)) if is_real_key_id(key_id, placeholders) => ClientSignature::Real,
            Some(_) => ClientSignature::Placeholder { scope: None },
        }
    } else {
        ClientSignature::OtherScheme
    }
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

/// Presigned by Signature Version 4, or by Version 2.
fn is_presigned(query: &str) -> bool {
    let (mut has_key_id, mut has_signature) = (false, false);
    for parameter in query.as_bytes().split(|byte| *byte == b'&') {
        let name = parameter.split(|byte| *byte == b'=').next();
        let is = |wanted: &[u8]| name.is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        if is(b"X-Amz-Signature") {
            return true;
        }
        has_key_id |= is(b"AWSAccessKeyId");
        has_signature |= is(b"Signature");
    }
    has_key_id && has_signature
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
            assert_eq!(
                of(&header),
                ClientSignature::Placeholder { scope: Some(SCOPE) },
                "{key_id}"
            );
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
        assert_eq!(listed, ClientSignature::Placeholder { scope: Some(SCOPE) });
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
                ClientSignature::Placeholder { scope },
                "{key_id}"
            );
        }
        assert_eq!(of(&sigv4a("AKIAIOSFODNN7EXAMPLE")), ClientSignature::Real);
        // The scope of one algorithm is none of the other's.
        let of_sigv4 = sigv4("placeholder").replace("HMAC", "ECDSA-P256");
        let ClientSignature::Placeholder { scope } = of(&of_sigv4) else {
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
            ClientSignature::Placeholder { scope: None }
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
}
