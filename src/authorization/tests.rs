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

const SCOPE: ClientScope<'static> = ClientScope {
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
    assert!(matches!(of(&header), ClientSignature::Real { .. }));
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
    let scope = Some(ClientScope {
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
    assert!(matches!(
        of(&sigv4a("AKIAIOSFODNN7EXAMPLE")),
        ClientSignature::Real { .. }
    ));
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
    assert_eq!(
        of("AWS AKIAIOSFODNN7EXAMPLE:abc="),
        ClientSignature::Real {
            key_id: "AKIAIOSFODNN7EXAMPLE",
            scope: None
        }
    );
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
fn a_placeholder_in_what_is_not_understood_goes_no_further() {
    const REAL: &str = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/s3/aws4_request, \
         SignedHeaders=host, Signature=00";
    const PLACEHOLDERS: &str = "AWS4-HMAC-SHA256 Credential=placeholder/20260101/eu-west-1/s3/aws4_request, \
         SignedHeaders=host, Signature=00";
    for text in [
        "AWS3-HTTPS AWSAccessKeyId=placeholder,Algorithm=HmacSHA256,Signature=abc=".to_owned(),
        // Envoy joins headers of one name.
        format!("Bearer abc,{PLACEHOLDERS}"),
        format!(", {PLACEHOLDERS}"),
        "Basic eDp5,AWS placeholder:x=".to_owned(),
        ", AWS placeholder:x=".to_owned(),
        format!("{REAL},{PLACEHOLDERS}"),
    ] {
        assert_eq!(of(&text), ClientSignature::Malformed, "{text}");
    }
    assert!(matches!(of(REAL), ClientSignature::Real { .. }));
    assert_eq!(
        of("Bearer token=placeholders/x"),
        ClientSignature::OtherScheme
    );
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
        presigned("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=b&Expires=1"),
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

#[test]
fn a_url_may_be_presigned_by_a_placeholder() {
    let listed = ["AKIAIOSFODNN7LISTED0".to_owned()];
    let presigned = |query: &str| {
        let found = read(&[], Some(query), false, &listed);
        (
            found == ClientSignature::Presigned,
            found == ClientSignature::PresignedByPlaceholder,
        )
    };
    let scope = "%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00";
    for id in [
        "placeholder",
        "",
        "a%2Fb",
        "%ff",
        "AKIAIOSFODNN7LISTED0",
        "AKIAIOSFODNN7EXAMPLE1",
    ] {
        for query in [
            format!("X-Amz-Credential={id}{scope}"),
            format!("x-amz-%63redential={id}{scope}"),
            format!("Signature=b&AWSAccessKeyId={id}"),
        ] {
            assert_eq!(presigned(&query), (false, true), "{query}");
        }
    }
    let real = format!("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE{scope}");
    assert_eq!(presigned(&real), (true, false));
    // An id alone signs nothing.
    assert_eq!(presigned("AWSAccessKeyId=placeholder"), (false, false));
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
    let sigv4a =
        format!("AWS4-ECDSA-P256-SHA256 Credential={OWN}/20261123/s3/aws4_request, Signature=3044");
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
        format!("X-Amz-Credential={OWN}%2F&X-Amz-Credential=a&AWSAccessKeyId=b&X-Amz-Signature=0"),
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
