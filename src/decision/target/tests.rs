use super::*;
use crate::decision::tests::{config, head, headers, signed_by};
use crate::endpoint::HostError;
use crate::own_keys::OwnKeys;
use crate::own_keys::tests::credentials;

/// Hardly anything is allowed: the policy is not asked for a target.
fn target<'a>(head: Head<'a>) -> Result<Target<'a>, Unsigned> {
    Target::of(&config(r#", "allow": ["ebs"]"#), head)
}

#[test]
fn a_host_is_taken_by_its_name_whatever_it_is() {
    for name in ["s3.eu-west-1.amazonaws.com", "example.org"] {
        let text = format!("GET {name}:8080 /k?a");
        let headers = headers(&text);
        let target = target(head(&headers)).unwrap();
        assert_eq!(target.host.name(), name);
        assert_eq!(target.addressed, Addressed::Name);
        assert_eq!(target.path_and_query, None);
        assert_eq!(target.signature, ClientSignature::None);
    }
}

#[test]
fn the_header_host_stands_in_for_a_missing_authority() {
    let headers = [("host", b"sqs.eu-west-1.amazonaws.com".as_slice())];
    let target = target(head(&headers)).unwrap();
    assert_eq!(target.host.name(), "sqs.eu-west-1.amazonaws.com");
}

#[test]
fn the_loopback_endpoint_is_exchanged_for_the_host_of_the_scope() {
    let bucket = "a--euw1-az1--x-s3";
    let text = format!(
        "GET 127.0.0.1:9911 /{bucket}/k?versionId=1\n{}",
        signed_by("placeholder", "s3express")
    );
    let headers = headers(&text);
    let target = target(head(&headers)).unwrap();
    let host = format!("{bucket}.s3express-euw1-az1.eu-west-1.amazonaws.com");
    assert_eq!(target.host.name(), host);
    assert_eq!(target.path_and_query.as_deref(), Some("/k?versionId=1"));
    assert_eq!(target.addressed, Addressed::Scope);
}

#[test]
fn the_loopback_endpoint_is_a_host_like_others_where_its_cluster_is_not_listed() {
    let headers = headers("GET 127.0.0.1:9911 /");
    let elsewhere = Head {
        cluster: &|| Some("local".to_owned()),
        ..head(&headers)
    };
    let target = target(elsewhere).unwrap();
    assert_eq!(target.addressed, Addressed::Name);
    assert_eq!(target.host.name(), "127.0.0.1");
}

#[track_caller]
fn check_refused(text: &str, expected: Refusal, format: ErrorFormat) {
    let headers = headers(text);
    let expected = Err(Unsigned::Refused(expected, format));
    assert_eq!(target(head(&headers)), expected, "{text}");
}

#[test]
fn a_refusal_carries_the_format_of_what_is_known_so_far() {
    let why = HostError::NotADnsName;
    check_refused(
        "GET s3..amazonaws.com /",
        Refusal::InvalidHost { why },
        ErrorFormat::Plain,
    );
    check_refused(
        "GET 127.0.0.1 /\nx-amz-target: A.B",
        Refusal::NoTarget,
        ErrorFormat::Json,
    );
    // The scope's service is known, even where no host is found for it.
    let of_scope = |service: &str, why| Refusal::UnknownService {
        service: service.to_owned(),
        region: "eu-west-1".to_owned(),
        why,
    };
    for (service, why, format) in [
        ("nonesuch", ScopeError::UnknownService, ErrorFormat::Json),
        ("s3-outposts", ScopeError::Ambiguous, ErrorFormat::S3),
    ] {
        let scope = signed_by("placeholder", service);
        let text = format!("GET 127.0.0.1 /\n{scope}");
        check_refused(&text, of_scope(service, why), format);
    }
}

#[test]
fn a_url_presigned_with_own_keys_goes_to_listed_clusters_alone() {
    const OWN: &str = "ASIAOWNOWNOWNOWNOWN1";
    let own_keys = || {
        let now = std::time::SystemTime::UNIX_EPOCH;
        OwnKeys::default().with(&credentials(OWN, "token", now), now)
    };
    let text =
        format!("GET b.s3.eu-west-1.amazonaws.com /?X-Amz-Credential={OWN}&X-Amz-Signature=0");
    let headers = headers(&text);
    let listed = Head {
        own_keys: &own_keys,
        ..head(&headers)
    };
    let found = target(listed).unwrap();
    assert_eq!(found.own, Some(OwnSignature::Query));
    assert_eq!(
        found.left_alone(LeftAlone::NotAws),
        Unsigned::LeftAlone(LeftAlone::OwnPresigned)
    );
    let elsewhere = Head {
        cluster: &|| None,
        ..listed
    };
    let place = OwnSignature::Query;
    let expected = Unsigned::Refused(Refusal::OwnSignature { place }, ErrorFormat::Plain);
    assert_eq!(target(elsewhere), Err(expected));
}

/// A program that takes nothing but a URL calls `http://127.0.0.1:9912`.
#[track_caller]
fn at_port(number: u16, extra: &str, text: &str) -> Result<(String, Addressed), String> {
    let ports = r#""9912": {"host": "search-x.eu-west-1.es.amazonaws.com", "methods": ["GET", "POST"], "paths": ["/logs-"]}"#;
    let config = config(&format!(
        r#", "allow": ["search-x.eu-west-1.es.amazonaws.com"], "ports": {{{ports}}}{extra}"#
    ));
    let headers = headers(text);
    let head = Head {
        port: &|| Some(number),
        ..head(&headers)
    };
    match Target::of(&config, head) {
        Ok(target) => Ok((target.host.name().to_owned(), target.addressed)),
        Err(Unsigned::Refused(refusal, _)) => Err(refusal.to_string()),
        Err(Unsigned::LeftAlone(why)) => Err(format!("left alone: {why:?}")),
        Err(Unsigned::Exchange(_)) => unreachable!(),
    }
}

#[test]
fn a_port_stands_for_its_host_with_and_without_a_placeholders_signature() {
    let search = |unmarked| {
        let host = "search-x.eu-west-1.es.amazonaws.com".to_owned();
        Ok((host, Addressed::Port { unmarked }))
    };
    let marked = r#", "unmarked": "refuse""#;
    assert_eq!(
        at_port(9912, "", "GET 127.0.0.1:9912 /logs-1?q"),
        search(None)
    );
    assert_eq!(at_port(9912, "", "GET localhost /logs-1"), search(None));
    assert_eq!(
        at_port(9912, marked, "GET 127.0.0.1:9912 /logs-1"),
        search(Some(Unmarked::Refuse))
    );
    let signed = format!(
        "POST [::1]:9912 /logs-1\n{}",
        signed_by("placeholder", "sqs")
    );
    assert_eq!(at_port(9912, "", &signed), search(None));
}

#[test]
fn a_port_takes_what_it_says_and_other_ports_and_hosts_are_as_ever() {
    for (text, expected) in [
        (
            "PUT 127.0.0.1:9912 /logs-1",
            "the port 9912 does not take this method",
        ),
        (
            "GET 127.0.0.1:9912 /",
            "the port 9912 does not take this path",
        ),
        (
            "GET 127.0.0.1:9912 /logs-1\nauthorization: Basic YTpi",
            "the port 9912 does not take a request with authorization of its own",
        ),
        (
            "GET 127.0.0.1:9912 /logs-1?X-Amz-Signature=1&X-Amz-Credential=placeholder/x",
            "the URL is presigned with a placeholder key, which AWS does not know",
        ),
    ] {
        assert_eq!(at_port(9912, "", text).unwrap_err(), expected, "{text}");
    }
    // What the client writes does not say where it connected to.
    let none = at_port(9911, "", "GET 127.0.0.1:9912 /logs-1").unwrap_err();
    assert!(none.starts_with("the request names no AWS host"), "{none}");
    // The second one an attacker's name that was made to lead here.
    for host in ["sqs.eu-west-1.amazonaws.com", "rebound.example"] {
        let named = at_port(9912, "", &format!("GET {host} /logs-1"));
        assert_eq!(named, Ok((host.to_owned(), Addressed::Name)));
    }
}
