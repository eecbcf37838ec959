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
        assert_eq!(target.addressed, Addressed::ByName);
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
    assert_eq!(target.addressed, Addressed::ByScope);
}

#[test]
fn the_loopback_endpoint_is_a_host_like_others_where_its_cluster_is_not_listed() {
    let headers = headers("GET 127.0.0.1:9911 /");
    let elsewhere = Head {
        cluster: &|| Some("local".to_owned()),
        ..head(&headers)
    };
    let target = target(elsewhere).unwrap();
    assert_eq!(target.addressed, Addressed::ByName);
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
