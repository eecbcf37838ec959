use super::*;
use crate::config::{self, Plugin};
use crate::headers::Header;
use crate::own_keys::OwnKeys;
use crate::policy::NO_ROUTE_METADATA;
use crate::sigv4::{Algorithm, ContentSha256};
use std::cell::Cell;

mod about;
mod buckets;
mod exchange;
mod observed;
mod own;
mod placeholders;
mod property;
mod unmarked;

pub(super) const REAL: &str = "AKIAIOSFODNN7EXAMPLE";

pub(super) fn config(extra: &str) -> Config {
    let json = format!(
        r#"{{"role_arn": "arn:aws:iam::123456789012:role/app", "region": "eu-west-1", "clusters": ["aws"],
            "max_body_bytes": 1000 {extra}}}"#
    );
    match config::parse(json.as_bytes(), &Default::default()) {
        Ok(Plugin::Downstream(config)) => *config,
        other => panic!("{other:?}"),
    }
}

/// The headers of a request that is written as `METHOD authority path`, or with `|` between them, then one header per
/// line.
pub(super) fn headers(text: &str) -> Vec<Header<'_>> {
    let mut lines = text.lines().map(str::trim);
    let first = lines.next().unwrap();
    let separator = if first.contains('|') { '|' } else { ' ' };
    let mut first = first.split(separator);
    let mut headers: Vec<Header<'_>> = [":method", ":authority", ":path"]
        .map(|name| (name, first.next().unwrap().as_bytes()))
        .to_vec();
    headers.extend(lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name, value.as_bytes())
    }));
    headers
}

/// A body follows if the method says so.
fn decide_as(config: &Config, cluster: Option<&str>, text: &str) -> Decision {
    let headers = headers(text);
    let head = Head {
        cluster: &|| cluster.map(str::to_owned),
        end_of_stream: !text.starts_with("P"),
        ..head(&headers)
    };
    decide(config, head)
}

/// What is known of a request without a body whose route leads to a listed cluster.
pub(super) fn head<'a>(headers: &'a [Header<'a>]) -> Head<'a> {
    Head {
        headers,
        cluster: &|| Some("aws".to_owned()),
        port: &|| None,
        over_tls: &|| false,
        route_metadata: NO_ROUTE_METADATA,
        own_keys: &OwnKeys::default,
        end_of_stream: true,
    }
}

fn word(decision: &Decision) -> String {
    match decision {
        Decision::LeaveAlone(why) => format!("left alone: {why:?}"),
        Decision::Refuse(refusal, _) => format!("refused: {}", refusal.reason()),
        Decision::Observe(Observed { would, reason }) => format!("{would}: {reason}"),
        Decision::Exchange(_) => "presigned".to_owned(),
        Decision::Sign(plan) => {
            let payload = match &plan.payload {
                PayloadPlan::Streamed(value) => format!("streamed as {value}"),
                PayloadPlan::ChunkSigned(form) => format!("chunk-signed as {}", form.as_str()),
                PayloadPlan::Held(value) => format!("held as {value}"),
                other => format!("{other:?}").to_lowercase(),
            };
            format!(
                "{}{}/{} at {}, {payload}, {:?}",
                match plan.algorithm {
                    Algorithm::SigV4 => "",
                    Algorithm::SigV4A => "sigv4a: ",
                },
                plan.service,
                plan.region,
                plan.authority,
                plan.why
            )
        }
    }
}

#[track_caller]
fn check(request: &str, expected: &str) {
    check_with(r#", "allow": "*""#, request, expected);
}

#[track_caller]
pub(super) fn check_with(extra: &str, request: &str, expected: &str) {
    assert_eq!(
        word(&decide_as(&config(extra), Some("aws"), request)),
        expected,
        "{request}"
    );
}

pub(super) fn signed_by(key_id: &str, service: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential={key_id}/20261123/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

#[test]
fn an_aws_host_without_a_signature_is_signed() {
    check(
        "GET s3.eu-west-1.amazonaws.com /",
        "s3/eu-west-1 at s3.eu-west-1.amazonaws.com, empty, NoSignature",
    );
    check(
        "POST DynamoDB.eu-west-1.amazonaws.com:80 /\ncontent-length: 5",
        "dynamodb/eu-west-1 at dynamodb.eu-west-1.amazonaws.com, hashed, NoSignature",
    );
}

#[test]
fn s3_streams_where_the_length_is_known() {
    let host = "b.s3.eu-west-1.amazonaws.com";
    let put = |headers: &str| format!("PUT {host} /k\n{headers}");
    let signed = |payload: &str| format!("s3/eu-west-1 at {host}, {payload}, NoSignature");
    check(
        &put("content-length: 99999999"),
        &signed("streamed as UNSIGNED-PAYLOAD"),
    );
    check(
        &put("transfer-encoding: chunked"),
        &signed("held as UNSIGNED-PAYLOAD"),
    );
    let hash = "0".repeat(64);
    check(
        &put(&format!("content-length: 5\nx-amz-content-sha256: {hash}")),
        &signed(&format!("streamed as {hash}")),
    );
    check(
        &put(
            "transfer-encoding: chunked\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        ),
        &signed("streamed as STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    );
}

#[test]
fn a_body_that_is_signed_chunk_by_chunk_streams_with_new_signatures() {
    let host = "b.s3.eu-west-1.amazonaws.com";
    let put = |payload: &str, headers: &str| {
        format!("PUT {host} /k\n{headers}x-amz-content-sha256: STREAMING-AWS4-{payload}")
    };
    let length = "content-length: 5\n";
    for payload in ["HMAC-SHA256-PAYLOAD", "HMAC-SHA256-PAYLOAD-TRAILER"] {
        let signed = format!(
            "s3/eu-west-1 at {host}, chunk-signed as STREAMING-AWS4-{payload}, NoSignature"
        );
        check(&put(payload, length), &signed);
        check(&put(payload, "transfer-encoding: chunked\n"), &signed);
        // Without a body there is no last chunk.
        let empty = put(payload, "").replacen("PUT", "GET", 1);
        check(&empty, "refused: malformed_chunks");
    }
    for payload in [
        "HMAC-SHA256-EVENTS",
        "ECDSA-P256-SHA256-PAYLOAD",
        "ECDSA-P256-SHA256-PAYLOAD-TRAILER",
    ] {
        check(
            &put(payload, length),
            "refused: chunk_signatures_unsupported",
        );
    }
}

#[test]
fn rules_choose_the_payload_mode() {
    let rules = r#", "allow": "*", "rules": [{"services": ["s3"], "payload": "hashed"}, {"services": ["ebs"], "payload": "unsigned"}]"#;
    let hash = "0".repeat(64);
    check_with(
        rules,
        &format!(
            "PUT s3.eu-west-1.amazonaws.com /b/k\ncontent-length: 5\nx-amz-content-sha256: {hash}"
        ),
        "s3/eu-west-1 at s3.eu-west-1.amazonaws.com, hashed, NoSignature",
    );
    check_with(
        rules,
        "POST ebs.eu-west-1.amazonaws.com /\ncontent-length: 5000",
        "ebs/eu-west-1 at ebs.eu-west-1.amazonaws.com, streamed as UNSIGNED-PAYLOAD, NoSignature",
    );
}

#[test]
fn a_body_that_cannot_be_held_is_refused_before_it_comes() {
    let post =
        |length: &str| format!("POST sqs.eu-west-1.amazonaws.com /\ncontent-length: {length}");
    check(
        &post("1000"),
        "sqs/eu-west-1 at sqs.eu-west-1.amazonaws.com, hashed, NoSignature",
    );
    check(&post("1001"), "refused: body_too_large");
    check(
        &post("99999999999999999999999999"),
        "refused: body_too_large",
    );
}

#[test]
fn an_upgrade_is_signed_at_its_headers() {
    check(
        "POST iot.eu-west-1.amazonaws.com /mqtt\nupgrade: websocket",
        "iot/eu-west-1 at iot.eu-west-1.amazonaws.com, empty, NoSignature",
    );
}

#[test]
fn a_placeholder_signature_is_replaced() {
    check(
        &format!(
            "GET sqs.eu-west-1.amazonaws.com /\n{}",
            signed_by("placeholder", "sqs")
        ),
        "sqs/eu-west-1 at sqs.eu-west-1.amazonaws.com, empty, Placeholder",
    );
}

#[test]
fn the_host_wins_over_the_scope() {
    let check = |service: &str| {
        check(
            &format!(
                "GET sqs.us-east-1.amazonaws.com /\n{}",
                signed_by("placeholder", service)
            ),
            "sqs/us-east-1 at sqs.us-east-1.amazonaws.com, empty, PlaceholderForOther",
        );
    };
    check("sns");
    // The same service in another region.
    check("sqs");
}

#[test]
fn a_loopback_host_takes_its_target_from_the_scope() {
    for host in [
        "127.0.0.1:9911",
        "localhost:9911",
        "[::1]:9911",
        "localhost",
    ] {
        check(
            &format!("GET {host} /\n{}", signed_by("placeholder", "s3")),
            "s3/eu-west-1 at s3.eu-west-1.amazonaws.com, empty, Placeholder",
        );
    }
    let local = |credential: &str| {
        format!(
            "GET 127.0.0.1:9911 /\n{}",
            signed_by("placeholder", credential)
        )
    };
    check(&local("nonesuch"), "refused: unknown_service");
    check(&local("s3.evil.example#"), "refused: unknown_service");
    check("GET 127.0.0.1:9911 /", "refused: no_target");
    check(
        &format!("GET 127.0.0.1:9911 /\n{}", signed_by(REAL, "s3")),
        "refused: no_target",
    );
}

#[test]
fn the_operation_decides_where_hosts_share_a_signing_name() {
    let scope = signed_by("placeholder", "bedrock");
    check(
        &format!("GET 127.0.0.1:9911 /model/anthropic.claude/invoke\n{scope}"),
        "bedrock/eu-west-1 at bedrock-runtime.eu-west-1.amazonaws.com, empty, Placeholder",
    );
    let scope = signed_by("placeholder", "dynamodb");
    let target = "x-amz-target: DynamoDBStreams_20120810.ListStreams";
    check(
        &format!("GET 127.0.0.1:9911 /\n{scope}\n{target}"),
        "dynamodb/eu-west-1 at streams.dynamodb.eu-west-1.amazonaws.com, empty, Placeholder",
    );
}

const MRAP: &str = "mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com";

pub(super) fn sigv4a_by(key_id: &str, service: &str) -> String {
    format!(
        "authorization: AWS4-ECDSA-P256-SHA256 Credential={key_id}/20261123/{service}/aws4_request, SignedHeaders=host, Signature=30"
    )
}

#[test]
fn a_host_that_takes_sigv4a_only_is_signed_with_it_for_every_region() {
    check(
        &format!("GET {MRAP} /"),
        &format!("sigv4a: s3/* at {MRAP}, empty, NoSignature"),
    );
    check(
        &format!("PUT {MRAP} /k\ncontent-length: 5"),
        &format!("sigv4a: s3/* at {MRAP}, streamed as UNSIGNED-PAYLOAD, NoSignature"),
    );
    let events = "abcde.veo.endpoint.events.amazonaws.com";
    check(
        &format!("POST {events} /\n{}", sigv4a_by("placeholder", "events")),
        &format!("sigv4a: events/* at {events}, hashed, Placeholder"),
    );
    check(
        &format!("GET {MRAP} /\n{}", sigv4a_by(REAL, "s3")),
        "left alone: ClientSignature",
    );
}

#[test]
fn chunks_that_the_client_signed_are_refused_where_sigv4a_signs() {
    let put = |payload: &str| {
        format!("PUT {MRAP} /k\ncontent-length: 5\nx-amz-content-sha256: STREAMING-{payload}")
    };
    for payload in [
        "AWS4-HMAC-SHA256-PAYLOAD",
        "AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ] {
        check(&put(payload), "refused: chunk_signatures_unsupported");
    }
    check(
        &put("UNSIGNED-PAYLOAD-TRAILER"),
        &format!(
            "sigv4a: s3/* at {MRAP}, streamed as STREAMING-UNSIGNED-PAYLOAD-TRAILER, NoSignature"
        ),
    );
}

#[test]
fn a_placeholder_of_sigv4a_is_replaced_by_what_the_host_takes() {
    let host = "s3.eu-west-1.amazonaws.com";
    check(
        &format!("GET {host} /\n{}", sigv4a_by("placeholder", "s3")),
        &format!("s3/eu-west-1 at {host}, empty, Placeholder"),
    );
}

#[test]
fn at_the_loopback_endpoint_sigv4a_must_be_for_one_region() {
    let request = |regions: &str| {
        let signature = sigv4a_by("placeholder", "s3");
        format!("GET localhost:9911 /\n{signature}{regions}")
    };
    check(
        &request("\nx-amz-region-set: eu-central-1"),
        "s3/eu-central-1 at s3.eu-central-1.amazonaws.com, empty, Placeholder",
    );
    for regions in [
        "",
        "\nx-amz-region-set: *",
        "\nx-amz-region-set: eu-west-1,eu-central-1",
    ] {
        check(&request(regions), "refused: unknown_service");
    }
}

#[test]
fn only_a_loopback_host_and_a_listed_cluster_follow_the_scope() {
    let request = |host: &str| format!("GET {host} /\n{}", signed_by("placeholder", "s3"));
    check(&request("minio.example.org"), "left alone: NotAws");
    let decision = decide_as(
        &config(r#", "allow": "*""#),
        Some("other"),
        &request("127.0.0.1:9000"),
    );
    assert_eq!(word(&decision), "left alone: NotAws");
}

#[test]
fn what_the_client_signed_itself_is_left_alone() {
    let host = "GET s3.eu-west-1.amazonaws.com";
    check(
        &format!("{host} /\n{}", signed_by(REAL, "s3")),
        "left alone: ClientSignature",
    );
    check(
        &format!("{host} /k?X-Amz-Signature=0"),
        "left alone: Presigned",
    );
    check(
        &format!("{host} /\nauthorization: Bearer abc"),
        "left alone: OtherAuthorization",
    );
}

#[test]
fn what_an_s3_express_session_signed_is_left_alone_at_its_own_host() {
    let host = "demo--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
    let token = "x-amz-s3session-token: abc";
    let with_token = |host: &str, key: &str| {
        let signed = signed_by(key, "s3express");
        format!("GET {host} /k\n{signed}\n{token}")
    };
    check(&with_token(host, REAL), "left alone: SessionToken");
    // Opening one is a request like any other.
    check(
        &format!(
            "GET {host} /?session\n{}",
            signed_by("placeholder", "s3express")
        ),
        &format!("s3express/eu-west-1 at {host}, empty, Placeholder"),
    );
    let refused = "refused: express_session_unsupported";
    check(&with_token(host, "placeholder"), refused);
    check(&format!("GET {host} /k\n{token}"), refused);
    // No header gets a request around a rule.
    let rules = r#", "allow": "*", "rules": [{"client_signature": "refuse"}]"#;
    let sqs = "sqs.eu-west-1.amazonaws.com";
    for host in [host, sqs] {
        check_with(
            rules,
            &with_token(host, REAL),
            "refused: client_signature_refused",
        );
    }
    check(&with_token(sqs, REAL), "left alone: ClientSignature");
}

#[test]
fn a_directory_bucket_at_the_loopback_host_moves_from_the_path_to_the_host() {
    let allow = r#", "allow": ["s3express"]"#;
    let plan = |line: &str| {
        let request = format!("{line}\n{}", signed_by("placeholder", "s3express"));
        match decide_as(&config(allow), Some("aws"), &request) {
            Decision::Sign(plan) => format!(
                "{} {} {}",
                plan.service,
                plan.authority,
                plan.path_and_query.unwrap_or_default()
            ),
            other => word(&other),
        }
    };
    let zonal = "demo--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
    let bucket = "127.0.0.1:9911 /demo--euw1-az1--x-s3";
    assert_eq!(
        plan(&format!("GET {bucket}/a%20b?versionId=1?2")),
        format!("s3express {zonal} /a%20b?versionId=1?2")
    );
    assert_eq!(
        plan(&format!("GET {bucket}?list-type=2")),
        format!("s3express {zonal} /?list-type=2")
    );
    let regional = "s3express s3express-control.eu-west-1.amazonaws.com ";
    assert_eq!(plan(&format!("DELETE {bucket}")), regional);
    let refused = "refused: express_session_unsupported";
    assert_eq!(plan(&format!("GET {bucket}?session")), refused);
    let session = signed_by(REAL, "s3express");
    check(
        &format!("GET {bucket}/k\n{session}\nx-amz-s3session-token: abc"),
        refused,
    );
    check_with(
        r#", "allow": ["s3"]"#,
        &format!("GET {bucket}/k\n{}", signed_by("placeholder", "s3express")),
        "refused: not_allowed",
    );
}

#[test]
fn a_rule_refuses_or_replaces_a_real_signature() {
    let request = format!(
        "GET s3.eu-west-1.amazonaws.com /\n{}",
        signed_by(REAL, "s3")
    );
    let rules =
        |word: &str| format!(r#", "allow": "*", "rules": [{{"client_signature": "{word}"}}]"#);
    check_with(
        &rules("refuse"),
        &request,
        "refused: client_signature_refused",
    );
    check_with(
        &rules("re_sign"),
        &request,
        "s3/eu-west-1 at s3.eu-west-1.amazonaws.com, empty, ReSigned",
    );
    check_with(
        &rules("leave_alone"),
        &request,
        "left alone: ClientSignature",
    );
}

#[test]
fn the_allow_list_comes_before_everything_that_leaves_alone() {
    let extra = r#", "allow": ["s3"]"#;
    let sqs = "GET sqs.eu-west-1.amazonaws.com";
    for request in [
        format!("{sqs} /"),
        format!("{sqs} /?X-Amz-Signature=0"),
        format!("{sqs} /\nauthorization: Bearer abc"),
        format!("{sqs} /\n{}", signed_by(REAL, "sqs")),
        format!("{sqs} /\nx-amz-s3session-token: abc"),
        format!("GET 127.0.0.1:9911 /\n{}", signed_by("placeholder", "sqs")),
    ] {
        check_with(extra, &request, "refused: not_allowed");
    }
    check_with(extra, "GET example.org /", "left alone: NotAws");
}

#[test]
fn a_rule_that_denies_comes_before_everything_that_leaves_alone() {
    let extra = r#", "allow": "*", "rules": [{"services": ["sqs"], "effect": "deny"}]"#;
    let sqs = "GET sqs.eu-west-1.amazonaws.com";
    for request in [
        format!("{sqs} /"),
        format!("{sqs} /?X-Amz-Signature=0"),
        format!("{sqs} /\nauthorization: Bearer abc"),
        format!("{sqs} /\n{}", signed_by(REAL, "sqs")),
        format!("GET 127.0.0.1:9911 /\n{}", signed_by("placeholder", "sqs")),
    ] {
        check_with(extra, &request, "refused: denied");
    }
}

#[test]
fn a_rule_leaves_alone_what_is_meant_to_be_anonymous() {
    let extra = r#", "allow": ["sqs"], "rules": [{"services": ["s3"], "effect": "leave_alone"}]"#;
    let host = "s3.eu-west-1.amazonaws.com";
    let signed = signed_by("placeholder", "s3");
    check_with(extra, &format!("GET {host} /"), "left alone: Rule");
    check_with(
        extra,
        &format!("GET {host} /\n{signed}"),
        "refused: placeholder_unreplaced",
    );
    // As it is, it would go to no AWS host.
    check_with(
        extra,
        &format!("GET 127.0.0.1:9911 /\n{signed}"),
        "refused: left_alone_at_loopback",
    );
}

#[test]
fn a_rule_signs_for_a_custom_domain() {
    let extra = r#", "allow": [], "rules": [
        {"hosts": ["*.svc.example"], "sign_as": {"service": "vpc-lattice-svcs"}},
        {"hosts": ["api.example"], "sign_as": {"service": "execute-api", "region": "us-east-1"}}
    ]"#;
    // Lattice takes no signed payload, and S3 alone asks for its length.
    check_with(
        extra,
        "POST cart.svc.example:80 /\ntransfer-encoding: chunked",
        "vpc-lattice-svcs/eu-west-1 at cart.svc.example, streamed as UNSIGNED-PAYLOAD, NoSignature",
    );
    check_with(
        extra,
        "POST api.example /\ncontent-length: 5",
        "execute-api/us-east-1 at api.example, hashed, NoSignature",
    );
    check_with(extra, "GET svc.example /", "left alone: NotAws");
}

#[test]
fn only_listed_clusters_get_signed_requests() {
    let config = config(r#", "allow": "*""#);
    for cluster in [Some("PassthroughCluster"), Some(""), None] {
        let decision = decide_as(&config, cluster, "GET s3.eu-west-1.amazonaws.com /");
        assert_eq!(
            word(&decision),
            "refused: cluster_not_listed",
            "{cluster:?}"
        );
    }
}

#[test]
fn the_cluster_is_read_only_where_it_decides() {
    let reads = Cell::new(0);
    let check = |text: &str, expected: u32| {
        let headers = headers(text);
        let head = Head {
            cluster: &|| {
                reads.set(reads.get() + 1);
                Some("aws".to_owned())
            },
            ..head(&headers)
        };
        decide(&config(r#", "allow": "*""#), head);
        assert_eq!(reads.take(), expected, "{text}");
    };
    check("GET storage.example.com /", 0);
    check("GET s3.eu-west-1.amazonaws.com /", 1);
    check("GET 127.0.0.1:9911 /", 1);
}

#[test]
fn what_is_no_host_name_is_never_signed() {
    check(
        "GET s3.eu-west-1.amazonaws.com,evil.example /",
        "refused: invalid_host",
    );
    check(
        "GET evil.example,s3.eu-west-1.amazonaws.com /",
        "refused: invalid_host",
    );
    check(
        "GET s3.eu-west-1.amazonaws.com@evil.example /",
        "refused: invalid_host",
    );
    check(
        "GET my_bucket.s3.eu-west-1.amazonaws.com /",
        "refused: invalid_host",
    );
    check(
        "GET s3.eu-west-1.amazonaws.com:http /",
        "refused: invalid_host",
    );
    check("GET a,b /", "left alone: NotAws");
    check("GET under_score.example.org /", "left alone: NotAws");
}

#[test]
fn connect_to_an_aws_host_is_refused() {
    check(
        "CONNECT s3.eu-west-1.amazonaws.com:443 /",
        "refused: connect_refused",
    );
    check("CONNECT example.org:443 /", "left alone: NotAws");
}

#[test]
fn an_authorization_that_cannot_be_read_is_refused() {
    let host = "GET s3.eu-west-1.amazonaws.com /";
    check(
        &format!("{host}\nauthorization: AWS4-HMAC-SHA256 nonsense"),
        "refused: malformed_authorization",
    );
    check(
        &format!("{host}\nauthorization: Bearer a\n{}", signed_by(REAL, "s3")),
        "refused: malformed_authorization",
    );
}

#[test]
fn the_content_hash_is_sent_where_it_is_wanted() {
    let sends = |request: &str| match decide_as(&config(r#", "allow": "*""#), Some("aws"), request)
    {
        Decision::Sign(plan) => plan.content_sha256 == ContentSha256::Written,
        other => panic!("{other:?}"),
    };
    assert!(sends("GET s3.eu-west-1.amazonaws.com /"));
    assert!(sends("GET a.7d67968.vpc-lattice-svcs.eu-west-1.on.aws /"));
    assert!(!sends("GET sqs.eu-west-1.amazonaws.com /"));
    assert!(sends(
        "GET sqs.eu-west-1.amazonaws.com /\nx-amz-content-sha256: 0"
    ));
}

#[track_caller]
fn check_format(request: &str, expected: ErrorFormat) {
    match decide_as(&config(r#", "allow": ["s3"]"#), Some("aws"), request) {
        Decision::Refuse(_, format) => assert_eq!(format, expected, "{request}"),
        other => panic!("{request}: {other:?}"),
    }
}

#[test]
fn a_refusal_comes_in_the_format_of_the_service_that_was_meant() {
    check_format("GET lambda.eu-west-1.amazonaws.com /", ErrorFormat::Json);
    check_format("CONNECT s3.eu-west-1.amazonaws.com /", ErrorFormat::S3);
    let local = |service: &str| format!("GET localhost /\n{}", signed_by("placeholder", service));
    check_format(&local("lambda"), ErrorFormat::Json);
    check_format(&local("no-such-service"), ErrorFormat::Json);
    check_format("GET localhost /", ErrorFormat::Plain);
    check_format("GET s3..eu-west-1.amazonaws.com /", ErrorFormat::Plain);
    check_format(
        "POST localhost /\ncontent-type: application/x-amz-json-1.1",
        ErrorFormat::Json,
    );
}
