//! Requests that carry a signature of the filter's own.

use super::*;
use crate::own_keys::tests::credentials;
use crate::refusal::Refusal;

const OWN: &str = "ASIAOWNOWNOWNOWNOWN1";
const TOKEN: &str = "IQoJb3JpZ2luX2Vj+EHAaCWV1/LXdlc3Q==";

fn own_keys() -> OwnKeys {
    let now = std::time::SystemTime::UNIX_EPOCH;
    OwnKeys::default().with(&credentials(OWN, TOKEN, now), now)
}

/// A request as `METHOD authority path`, then one header per line, in which `OWN` is the filter's key id and `HEADER`
/// a signature with it.
fn text(request: &str) -> String {
    let header = format!(
        "authorization: AWS4-HMAC-SHA256 Credential={OWN}/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00"
    );
    let query = format!(
        "X-Amz-Credential={OWN}%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00"
    );
    request.replace("HEADER", &header).replace("QUERY", &query)
}

#[track_caller]
fn check_own(extra: &str, cluster: &str, request: &str, expected: &str) {
    let text = text(request);
    let headers = headers(&text);
    let head = Head {
        headers: &headers,
        cluster: &|| Some(cluster.to_owned()),
        port: &|| None,
        over_tls: &|| false,
        route_metadata: NO_ROUTE_METADATA,
        own_keys: &own_keys,
        end_of_stream: true,
    };
    assert_eq!(word(&decide(&config(extra), head)), expected, "{request}");
}

const EVERYTHING: &str = r#", "allow": "*""#;

#[test]
fn a_signature_of_the_filters_own_in_a_header_is_refused_whatever_the_host_and_the_rules() {
    let refused = "refused: own_signature";
    for authority in [
        "s3.eu-west-1.amazonaws.com",
        "other.s3.eu-west-1.amazonaws.com",
        "169.254.169.254",
        "storage.example.com",
        "127.0.0.1",
        "no host",
        "s3..amazonaws.com",
    ] {
        for cluster in ["aws", "elsewhere"] {
            let request = format!("GET|{authority}|/\nHEADER");
            check_own(EVERYTHING, cluster, &request, refused);
        }
    }
    for rule in [
        r#"{"hosts": ["*.amazonaws.com"], "effect": "leave_alone"}"#,
        r#"{"hosts": ["*.amazonaws.com"], "effect": "deny"}"#,
        r#"{"hosts": ["*.amazonaws.com"], "client_signature": "re_sign"}"#,
        r#"{"hosts": ["storage.example.com"], "sign_as": {"service": "s3"}}"#,
    ] {
        let extra = format!(r#", "allow": ["s3"], "rules": [{rule}]"#);
        for authority in ["s3.eu-west-1.amazonaws.com", "storage.example.com"] {
            check_own(
                &extra,
                "aws",
                &format!("GET|{authority}|/\nHEADER"),
                refused,
            );
        }
    }
    // A second value, which Envoy or AWS might read.
    let request = "GET|storage.example.com|/\nauthorization: Bearer a\nHEADER";
    check_own(EVERYTHING, "elsewhere", request, refused);
}

#[test]
fn a_url_that_is_presigned_with_the_filters_credentials_goes_untouched_to_listed_clusters_alone() {
    let request = "GET|s3.eu-west-1.amazonaws.com|/?QUERY";
    check_own(EVERYTHING, "aws", request, "left alone: OwnPresigned");
    check_own(EVERYTHING, "elsewhere", request, "refused: own_signature");
    let request = "GET|storage.example.com|/?QUERY";
    check_own(EVERYTHING, "elsewhere", request, "refused: own_signature");
    // Beside a placeholder's signature, too: it is not signed anew.
    let request = "GET|s3.eu-west-1.amazonaws.com|/?QUERY\nauthorization: AWS placeholder:00";
    check_own(EVERYTHING, "aws", request, "left alone: OwnPresigned");
    let request = "GET|127.0.0.1|/?QUERY";
    check_own(EVERYTHING, "aws", request, "refused: no_target");
}

#[test]
fn rules_and_allow_list_come_before_what_is_presigned_with_the_filters_credentials() {
    let request = "GET|s3.eu-west-1.amazonaws.com|/?QUERY";
    check_own(
        r#", "allow": ["sqs"]"#,
        "aws",
        request,
        "refused: not_allowed",
    );
    let deny = r#", "allow": "*", "rules": [{"services": ["s3"], "effect": "deny"}]"#;
    check_own(deny, "aws", request, "refused: denied");
}

#[test]
fn other_real_keys_stay_the_clients_own() {
    let request = text("GET|s3.eu-west-1.amazonaws.com|/\nHEADER").replace(OWN, REAL);
    check_own(EVERYTHING, "aws", &request, "left alone: ClientSignature");
}

#[test]
fn a_session_token_of_the_filters_own_is_refused_without_any_signature() {
    let refused = "refused: own_signature";
    let query = format!("X-Amz-Security-Token={}", TOKEN.replace('/', "%2F"));
    for authority in [
        "s3.eu-west-1.amazonaws.com",
        "storage.example.com",
        "no host",
    ] {
        for cluster in ["aws", "elsewhere"] {
            let request = format!("GET|{authority}|/\nx-amz-security-token: {TOKEN}");
            check_own(EVERYTHING, cluster, &request, refused);
            // Where nothing is presigned, there is nothing to forward.
            check_own(
                EVERYTHING,
                cluster,
                &format!("GET|{authority}|/?{query}"),
                refused,
            );
        }
    }
    let signed = "authorization: AWS placeholder:00";
    let request =
        format!("GET|s3.eu-west-1.amazonaws.com|/\n{signed}\nx-amz-security-token: {TOKEN}");
    check_own(EVERYTHING, "aws", &request, refused);
    let presigned = format!("GET|s3.eu-west-1.amazonaws.com|/?{query}&X-Amz-Signature=00");
    check_own(EVERYTHING, "aws", &presigned, "left alone: OwnPresigned");
    check_own(EVERYTHING, "elsewhere", &presigned, refused);
    // Somebody else's token is replaced with the rest of the signature.
    let request = "GET|s3.eu-west-1.amazonaws.com|/\nx-amz-security-token: other";
    let signed = "s3/eu-west-1 at s3.eu-west-1.amazonaws.com, empty, NoSignature";
    check_own(EVERYTHING, "aws", request, signed);
}

#[test]
fn a_presigned_url_that_envoy_was_redirected_from_is_refused_wherever_the_redirect_leads() {
    for header in [
        "x-envoy-original-url: http://s3.eu-west-1.amazonaws.com/k?QUERY",
        "x-envoy-original-path: /k?QUERY",
    ] {
        for authority in ["other.s3.eu-west-1.amazonaws.com", "169.254.169.254"] {
            for cluster in ["aws", "elsewhere"] {
                let request = format!("GET|{authority}|/\n{header}");
                check_own(EVERYTHING, cluster, &request, "refused: own_signature");
            }
        }
    }
}

#[test]
fn a_target_that_is_no_text_hides_no_presigned_query() {
    let path = [text("/?QUERY").as_bytes(), b"&\xff"].concat();
    let mut headers = headers("GET|storage.example.com|/");
    for (name, value) in &mut headers {
        if *name == ":path" {
            *value = &path;
        }
    }
    let head = Head {
        headers: &headers,
        cluster: &|| Some("elsewhere".to_owned()),
        port: &|| None,
        over_tls: &|| false,
        route_metadata: NO_ROUTE_METADATA,
        own_keys: &own_keys,
        end_of_stream: true,
    };
    let decision = decide(&config(EVERYTHING), head);
    assert_eq!(word(&decision), "refused: own_signature");
}

/// What the guard says of a request that leaves through a cluster that is not listed.
fn escape_with(line: &str, request: &str) -> Option<String> {
    let text = text(request);
    let headers = headers(&text);
    let (refusal, _) = escape("elsewhere".to_owned(), line, &headers, &own_keys)?;
    match &refusal {
        Refusal::EscapedCluster { cluster } => assert_eq!(cluster, "elsewhere"),
        other => assert!(matches!(other, Refusal::OwnSignature { .. }), "{other:?}"),
    }
    Some(refusal.reason().to_string())
}

#[test]
fn the_guard_stops_what_was_signed_here_by_its_line_and_by_its_key() {
    let plain = "GET|storage.example.com|/?list-type=2";
    let line =
        "signed reason=placeholder service=s3 region=eu-west-1 role=own key=ASIAEXAMPLE host=h";
    assert_eq!(escape_with(line, plain).as_deref(), Some("escaped_cluster"));
    for request in [
        "GET|storage.example.com|/\nHEADER",
        "GET|storage.example.com|/?QUERY",
        "GET|storage.example.com-shadow|/\nHEADER",
        "GET|storage.example.com|/\nx-amz-security-token: TOKEN",
        "GET|storage.example.com|/?X-Amz-Security-Token=TOKEN",
        "GET|storage.example.com|/\nx-envoy-original-url: http://s3.eu-west-1.amazonaws.com/?QUERY",
        "GET|storage.example.com|/\nx-envoy-original-path: /?QUERY",
    ] {
        let request = &request.replace("TOKEN", TOKEN);
        let found = escape_with("", request);
        assert_eq!(found.as_deref(), Some("own_signature"), "{request}");
    }
    assert_eq!(escape_with("", plain), None);
    assert_eq!(escape_with("left_alone reason=rule", plain), None);
    let others = text("GET|storage.example.com|/?QUERY\nHEADER").replace(OWN, REAL);
    assert_eq!(escape_with("", &others), None);
}
