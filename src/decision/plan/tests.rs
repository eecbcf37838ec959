use super::*;
use crate::credentials::role::Roles;
use crate::decision::tests::{REAL, config, head, headers, signed_by};
use crate::endpoint::of_custom_domain;
use crate::policy::Rule;

/// Hardly anything is allowed: a plan takes the permission as it is given.
const HARDLY: &str = r#", "allow": ["ebs"]"#;

/// A permission without a rule, for a service in eu-west-1.
fn permission(service: &str) -> Permission<'_> {
    Permission {
        endpoint: of_custom_domain(service, "eu-west-1"),
        rule: None,
        format: ErrorFormat::Cbor,
    }
}

/// Plans a request to `h`; a body follows if its method is not GET.
fn plan(extra: &str, permission: Permission<'_>, text: &str) -> Result<Plan, Unsigned> {
    let config = config(extra);
    let headers = headers(text);
    let head = Head {
        end_of_stream: text.starts_with("GET"),
        ..head(&headers)
    };
    let target = Target::of(&config, head)?;
    Plan::of(&config, head, &target, permission)
}

fn refused<T>(refusal: Refusal) -> Result<T, Unsigned> {
    Err(Unsigned::Refused(refusal, ErrorFormat::Cbor))
}

#[test]
fn a_plan_takes_endpoint_and_role_from_the_permission_and_the_address_from_the_target() {
    // Any other role than the pod's own.
    let roles = Roles::new((), vec![()]);
    let (role, ()) = roles.iter().nth(1).unwrap();
    let rule = Rule {
        role,
        ..Rule::default()
    };
    let permission = Permission {
        rule: Some(&rule),
        ..permission("s3")
    };
    let headers = headers("GET cdn.example.org:8080 /k");
    let (config, head) = (config(HARDLY), head(&headers));
    let target = Target::of(&config, head).unwrap();
    let plan = Plan::of(&config, head, &target, permission).unwrap();
    let expected = Plan {
        authority: "cdn.example.org:8080".to_owned(),
        path_and_query: None,
        withheld_method: None,
        algorithm: Algorithm::SigV4,
        service: "s3".to_owned(),
        region: "eu-west-1".to_owned(),
        role,
        path_style: PathStyle::S3,
        payload: PayloadPlan::Empty,
        content_sha256: ContentSha256::Written,
        why: Signed::NoSignature,
        format: ErrorFormat::Cbor,
    };
    assert_eq!(plan.sent_to(target), expected);
}

#[test]
fn the_clients_signature_says_why_it_is_signed() {
    let why = |text: &str| plan(HARDLY, permission("sqs"), text).map(|plan| plan.why);
    let by = |key_id: &str, service: &str| format!("GET h /\n{}", signed_by(key_id, service));
    assert_eq!(why("GET h /"), Ok(Signed::NoSignature));
    assert_eq!(why(&by("placeholder", "sqs")), Ok(Signed::Placeholder));
    let other = why(&by("placeholder", "sns"));
    assert_eq!(other, Ok(Signed::PlaceholderForOther));
    assert_eq!(
        why(&by(REAL, "sqs")),
        Err(Unsigned::LeftAlone(LeftAlone::ClientSignature))
    );
    assert_eq!(
        why("GET h /\nauthorization: AWS4-HMAC-SHA256 ?"),
        refused(Refusal::MalformedAuthorization)
    );
}

#[test]
fn the_rule_says_what_a_real_signature_is_worth() {
    let signed = format!("GET h /\n{}", signed_by(REAL, "s3express"));
    let session = format!("{signed}\nx-amz-s3session-token: t");
    let on_real = |on_real, text: &str| {
        let rule = Rule {
            client_signature: Some(on_real),
            ..Rule::default()
        };
        let permission = Permission {
            rule: Some(&rule),
            ..permission("s3express")
        };
        plan(HARDLY, permission, text).map(|plan| plan.why)
    };
    for text in [&signed, &session] {
        assert_eq!(
            on_real(OnClientSignature::Refuse, text),
            refused(Refusal::ClientSignatureRefused)
        );
    }
    assert_eq!(
        on_real(OnClientSignature::ReSign, &signed),
        Ok(Signed::ReSigned)
    );
    // A session is the client's own: nothing that is signed here could stand in for it.
    assert_eq!(
        on_real(OnClientSignature::ReSign, &session),
        Err(Unsigned::LeftAlone(LeftAlone::SessionToken))
    );
}

#[test]
fn a_required_marker_is_missed_by_unsigned_requests_alone() {
    let marked = |text: &str| {
        let extra = r#", "allow": ["ebs"], "unmarked": "refuse""#;
        plan(extra, permission("sqs"), text).map(|plan| plan.why)
    };
    let header = config(r#", "allow": ["ebs"], "unmarked": "refuse""#).marker_header;
    assert_eq!(
        marked(&format!("GET h /\n{header}: 1")),
        Ok(Signed::NoSignature)
    );
    let placeholder = format!("GET h /\n{}", signed_by("placeholder", "sqs"));
    assert_eq!(marked(&placeholder), Ok(Signed::Placeholder));
    assert_eq!(
        marked("GET h /"),
        refused(Refusal::MarkerMissing { header })
    );
}

#[test]
fn the_payload_is_what_the_service_takes() {
    let payload =
        |service, text: &str| plan(HARDLY, permission(service), text).map(|plan| plan.payload);
    let put = |header: &str| format!("PUT h /k\n{header}");
    let streamed = |value: &str| Ok(PayloadPlan::Streamed(value.to_owned()));
    let (short, long) = ("content-length: 1000", "content-length: 1001");
    assert_eq!(payload("s3", &put(long)), streamed(UNSIGNED_PAYLOAD));
    let lattice = "vpc-lattice-svcs";
    let unknown_length = put("te: trailers");
    assert_eq!(
        payload(lattice, &unknown_length),
        streamed(UNSIGNED_PAYLOAD)
    );
    assert_eq!(
        payload("s3", &unknown_length),
        Ok(PayloadPlan::Held(UNSIGNED_PAYLOAD))
    );
    assert_eq!(payload("sqs", &put(short)), Ok(PayloadPlan::Hashed));
    let max_body_bytes = 1000;
    assert_eq!(
        payload("sqs", &put(long)),
        refused(Refusal::BodyTooLarge { max_body_bytes })
    );
    assert_eq!(payload("sqs", "GET h /"), Ok(PayloadPlan::Empty));
}

#[test]
fn lattice_takes_no_signed_payload() {
    let hash = "0".repeat(64);
    for text in [
        "GET h /".to_owned(),
        "POST h /\ncontent-length: 5".to_owned(),
        "GET h /\nupgrade: websocket".to_owned(),
        format!("POST h /\ncontent-length: 5\nx-amz-content-sha256: {hash}"),
        format!("GET h /\nx-amz-content-sha256: {hash}"),
    ] {
        let plan = plan(HARDLY, permission(LATTICE), &text).unwrap();
        let unsigned = PayloadPlan::Streamed(UNSIGNED_PAYLOAD.to_owned());
        assert_eq!(plan.payload, unsigned, "{text}");
        assert_eq!(plan.content_sha256, ContentSha256::Written, "{text}");
    }
}

#[test]
fn a_body_in_chunks_is_s3s_alone() {
    let put = |service, payload: &str| {
        let text =
            format!("PUT h /k\ncontent-length: 5\nx-amz-content-sha256: STREAMING-{payload}");
        plan(HARDLY, permission(service), &text).map(|plan| plan.payload)
    };
    for payload in [
        "UNSIGNED-PAYLOAD-TRAILER",
        "AWS4-HMAC-SHA256-PAYLOAD",
        "AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "SOMETHING-NEW",
    ] {
        for service in ["sqs", "ebs", "mediastore", "transcribe", LATTICE] {
            assert_eq!(
                put(service, payload),
                refused(Refusal::ChunkSignaturesUnsupported),
                "{service} {payload}"
            );
        }
    }
    let events = "AWS4-HMAC-SHA256-EVENTS";
    assert_eq!(put("transcribe", events), Ok(PayloadPlan::EventSigned));
    for service in ["s3", LATTICE] {
        let none = refused(Refusal::ChunkSignaturesUnsupported);
        assert_eq!(put(service, events), none, "{service}");
    }
    for service in ["s3", "s3express", "s3-outposts", "s3-object-lambda"] {
        let unsigned = put(service, "UNSIGNED-PAYLOAD-TRAILER");
        assert_eq!(
            unsigned,
            Ok(PayloadPlan::Streamed(UNSIGNED_CHUNKS.to_owned()))
        );
        let signed = put(service, "AWS4-HMAC-SHA256-PAYLOAD");
        assert_eq!(signed, Ok(PayloadPlan::ChunkSigned(Form::Payload)));
    }
}

#[test]
fn chunks_of_a_client_that_signs_nothing_are_said_to_be_chunks() {
    let payload = |service, headers: &str| {
        let text = format!("PUT h /k\n{headers}");
        plan(HARDLY, permission(service), &text).map(|plan| plan.payload)
    };
    let trailer = "x-amz-trailer: x-amz-checksum-crc64nvme";
    let framed = Ok(PayloadPlan::Streamed(UNSIGNED_CHUNKS.to_owned()));
    for headers in [
        format!("transfer-encoding: chunked\ncontent-encoding: aws-chunked\n{trailer}"),
        format!("content-length: 65\ncontent-encoding: aws-chunked\n{trailer}"),
        format!("content-length: 65\ncontent-encoding: aws-chunked,gzip\n{trailer}"),
        format!("content-encoding: gzip\ncontent-encoding: aws-chunked\n{trailer}"),
        "content-encoding: aws-chunked\nx-amz-decoded-content-length: 10".to_owned(),
    ] {
        assert_eq!(payload("s3", &headers), framed, "{headers}");
        let claimed = format!("{headers}\nx-amz-content-sha256: UNSIGNED-PAYLOAD");
        assert_ne!(payload("s3", &claimed), framed, "{claimed}");
        assert_ne!(payload("ebs", &headers), framed, "{headers}");
    }
    for headers in [
        "content-length: 65\ncontent-encoding: aws-chunked".to_owned(),
        format!("content-length: 65\n{trailer}"),
        format!("content-length: 65\ncontent-encoding: gzip\n{trailer}"),
    ] {
        let plain = Ok(PayloadPlan::Streamed(UNSIGNED_PAYLOAD.to_owned()));
        assert_eq!(payload("s3", &headers), plain, "{headers}");
    }
}

#[test]
fn what_takes_signature_version_2_alone_is_not_signed() {
    let signed = |service, line: &str| plan(HARDLY, permission(service), line).map(|_| ());
    for (service, line) in [
        ("sdb", "POST h /"),
        ("sdb", "GET h /?Action=Select&Version=2009-04-15"),
        ("importexport", "POST h /?Operation=ListJobs"),
    ] {
        let service_name = service.to_owned();
        assert_eq!(
            signed(service, line),
            refused(Refusal::SignatureV2Only {
                service: service_name
            })
        );
    }
    assert_eq!(signed("sdb", "POST h /v2/ListExports"), Ok(()));
    // A program's own signature is its own matter.
    let own = format!("GET h /\n{}", signed_by(REAL, "sdb"));
    assert_eq!(
        signed("sdb", &own),
        Err(Unsigned::LeftAlone(LeftAlone::ClientSignature))
    );
}

#[test]
fn the_hash_of_the_payload_is_sent_where_it_is_read() {
    let sent = |service, text: &str| {
        plan(HARDLY, permission(service), text)
            .unwrap()
            .content_sha256
    };
    for service in ["s3", "aoss", "vpc-lattice-svcs"] {
        assert_eq!(
            sent(service, "GET h /"),
            ContentSha256::Written,
            "{service}"
        );
    }
    assert_eq!(sent("sqs", "GET h /"), ContentSha256::Absent);
    let claimed = "GET h /\nx-amz-content-sha256: 0";
    assert_eq!(sent("sqs", claimed), ContentSha256::Written);
}

#[test]
fn no_certificate_covers_a_bucket_with_dots_in_the_host() {
    let planned =
        |host: &str, more: &str| plan(HARDLY, permission("s3"), &format!("GET {host} /k\n{more}"));
    for host in [
        "my.dotted.bucket.s3.eu-west-1.amazonaws.com",
        "a.b.s3.amazonaws.com",
        "a.b.s3-eu-west-1.amazonaws.com",
        "a.b.s3.dualstack.eu-west-1.amazonaws.com",
        "a.b.s3-fips.us-east-1.amazonaws.com",
        "a.b.s3-accelerate.amazonaws.com",
        "a.b.s3.cn-north-1.amazonaws.com.cn",
        "a.b.bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
    ] {
        let host = host.to_owned();
        assert_eq!(
            planned(&host.clone(), "").map(|_| ()),
            refused(Refusal::DottedBucket { host })
        );
    }
    for host in [
        "s3.eu-west-1.amazonaws.com",
        "bucket.s3.eu-west-1.amazonaws.com",
        "bucket.s3.dualstack.eu-west-1.amazonaws.com",
        "bucket.s3.cn-north-1.amazonaws.com.cn",
        "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
        "b.bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
        "alias.accesspoint.s3-global.amazonaws.com",
        "point-123456789012.s3-accesspoint.dualstack.eu-west-1.amazonaws.com",
        "assets.team.svc.example.org",
    ] {
        assert!(planned(host, "").is_ok(), "{host}");
    }
    // What is not signed here goes on as it came.
    let real = signed_by(REAL, "s3");
    let left = planned("a.b.s3.eu-west-1.amazonaws.com", &real);
    assert!(matches!(left, Err(Unsigned::LeftAlone(_))), "{left:?}");
}
