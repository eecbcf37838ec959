//! `"mode": "observe"`: everything goes on as it came, and access log and stats say what would have become of it.

use std::sync::Mutex;

use e2e::{Request, Setup, World, json, scenario};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
const SQS: &str = "sqs.eu-west-1.amazonaws.com";

/// Nothing is allowed but S3, SQS is denied, and less may be held than comes.
fn observing() -> Setup {
    let rules = json!([{"services": ["sqs"], "effect": "deny"}]);
    let keys = json!({"mode": "observe", "allow": ["s3"], "rules": rules, "max_body_bytes": 10});
    Setup::new().plugin(keys)
}

fn signed(request: Request, key: &str, service: &str) -> Request {
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20261128/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00ff"
    );
    request
        .header("authorization", credential)
        .header("x-amz-date", "20261128T120000Z")
}

const REAL: &str = "AKIAIOSFODNN7EXAMPLE";

/// What a filter that enforces signs, changes, holds, cuts off or refuses.
fn requests() -> Vec<Request> {
    let chunks = "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n";
    let target = |name: &str| format!("DynamoDB_20120810.{name}");
    vec![
        Request::get(S3, "/reports/a%2Fb/../c?list-type=2"),
        Request::get(S3, "/reports/a").header("x-sigv4-egress", "1"),
        signed(Request::get(S3, "/reports/a"), "placeholder", "s3"),
        signed(Request::get(S3, "/reports/a"), REAL, "s3"),
        signed(Request::new("PUT", S3, "/reports/a"), REAL, "s3")
            .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
            .header("x-amz-decoded-content-length", "5")
            .body(chunks),
        Request::new("PUT", S3, "/reports/a")
            .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
            .body("these are no chunks"),
        Request::new("POST", DYNAMODB, "/")
            .header("x-amz-target", target("PutItem"))
            .body(vec![b'a'; 100_000]),
        Request::new("POST", DYNAMODB, "/")
            .header("x-amz-target", target("GetItem"))
            .chunked(&[b'b'; 3000], 1000),
        signed(Request::get(SQS, "/?Action=ListQueues"), REAL, "sqs"),
        Request::get(S3, "/").header("authorization", "AWS4-HMAC-SHA256 nonsense"),
        Request::get(S3, "/").header("authorization", "Bearer x"),
        Request::get("a.b.s3.eu-west-1.amazonaws.com", "/"),
        signed(
            Request::get("vault.eu-west-1.amazonaws.com", "/"),
            "placeholder",
            "vault",
        ),
        Request::get("169.254.169.254", "/latest/meta-data/").header("x-amz-security-token", "x"),
    ]
}

/// All that arrived, but what Envoy numbers.
async fn arrived(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for request in requests() {
        world.ask(request).await;
        let mut all = world.aws.take_received();
        // What is not AWS's goes elsewhere.
        for received in &mut all {
            received.headers.retain(|(name, _)| name != "x-request-id");
        }
        found.extend(all.into_iter().map(|received| {
            format!(
                "{} {} {} {:?} {} {} {:?}",
                received.method,
                received.host,
                received.path,
                received.headers,
                received.body_length,
                received.body_sha256,
                received.trailers
            )
        }));
    }
    found
}

#[test]
fn everything_goes_on_byte_for_byte_as_without_the_filter() {
    let without = Mutex::new(Vec::new());
    scenario(&Setup::new().without_filter(), async |world| {
        let found = arrived(world).await;
        without.lock().expect("one at a time").push(found);
    });
    let mut without = without.into_inner().expect("one at a time").into_iter();
    let next = Mutex::new(&mut without);
    scenario(&observing().guard(), async |world| {
        let found = arrived(world).await;
        let expected = next.lock().expect("one at a time").next();
        let expected = expected.expect("the same Envoys");
        assert!(expected.len() >= requests().len() - 1, "{expected:#?}");
        assert_eq!(found, expected);
        // Nothing was asked for, and nothing signed or refused.
        assert_eq!(world.sts.calls().len(), 0);
        for (name, count) in world.envoy.filter_stats().await {
            let outcomes = [
                "requests.signed.",
                "requests.left_alone.",
                "requests.refused.",
            ];
            let is_other = outcomes.iter().any(|outcome| name.starts_with(outcome));
            assert!(!is_other || count == 0, "{name}: {count}");
        }
    });
}

#[test]
fn log_and_stats_say_what_would_have_become_of_it() {
    scenario(&observing(), async |world| {
        for request in requests() {
            world.ask(request).await;
        }
        world.aws.take_received();
        let lines = world.access_log(requests().len()).await;
        let config = world.config_hash();
        let s3 = "service=s3 region=eu-west-1";
        let expected = [
            format!("would=sign reason=no_signature {s3} bucket=reports rule=allow"),
            format!("would=sign reason=no_signature {s3} bucket=reports rule=allow"),
            format!("would=sign reason=placeholder {s3} bucket=reports rule=allow"),
            format!("would=sign reason=placeholder {s3} bucket=reports rule=allow key={REAL}"),
            format!("would=sign reason=placeholder {s3} bucket=reports rule=allow key={REAL}"),
            format!("would=sign reason=no_signature {s3} bucket=reports rule=allow"),
            "would=refuse reason=not_allowed service=dynamodb region=eu-west-1 operation=PutItem rule=allow".to_owned(),
            "would=refuse reason=not_allowed service=dynamodb region=eu-west-1 operation=GetItem rule=allow".to_owned(),
            format!("would=refuse reason=denied service=sqs region=eu-west-1 operation=ListQueues rule=rules[0] key={REAL}"),
            format!("would=refuse reason=malformed_authorization {s3} rule=allow"),
            format!("would=leave_alone reason=other_authorization {s3} rule=allow"),
            format!("would=refuse reason=dotted_bucket {s3} bucket=a.b rule=allow"),
            "would=refuse reason=not_allowed service=vault region=eu-west-1 rule=allow".to_owned(),
        ];
        for (line, expected) in lines.iter().zip(&expected) {
            let expected = format!("[observed {expected} config={config}]");
            assert!(line.ends_with(&expected), "{line}\n{expected}");
        }
        assert!(lines[expected.len()].ends_with("[-]"), "{lines:?}");
        for (stat, count) in [
            ("would_sign.no_signature", 3),
            ("would_sign.placeholder", 3),
            ("would_refuse.not_allowed", 3),
            ("would_refuse.denied", 1),
            ("would_leave_alone.other_authorization", 1),
            ("would_leave_alone.not_aws", 1),
        ] {
            assert_eq!(
                world.stat(&format!("requests.{stat}")).await,
                count,
                "{stat}"
            );
        }
    });
}

/// As it came, it leads nowhere.
#[test]
fn what_comes_to_the_loopback_endpoint_is_answered() {
    scenario(&observing(), async |world| {
        let request = signed(Request::get("127.0.0.1", "/reports/a"), "placeholder", "s3");
        let answer = world.ask(request).await;
        let text = answer.refused(403, "left_alone_at_loopback");
        assert!(text.contains(S3), "{text}");
        let answer = world.ask(Request::get("127.0.0.1", "/")).await;
        answer.refused(400, "no_target");
        assert_eq!(world.aws.received().len(), 0);
    });
}

/// One change of configuration each way, in a running Envoy.
#[test]
fn enforcing_begins_and_ends_with_the_configuration() {
    scenario(&observing().guard(), async |world| {
        world.ask(Request::get(S3, "/reports/a")).await;
        world.aws.take_anonymous();
        world.reconfigure(json!({"mode": "enforce", "allow": ["s3"], "rules": []}));
        e2e::eventually("it signs", e2e::SOON, async || {
            let answer = world.ask(Request::get(S3, "/reports/a")).await;
            (answer.status == 200).then_some(())
        })
        .await;
        world
            .ask(Request::get(SQS, "/"))
            .await
            .refused(403, "not_allowed");
        world.aws.take_received();
        world.reconfigure(json!({"mode": "observe"}));
        e2e::eventually("it observes again", e2e::SOON, async || {
            world.ask(Request::get(SQS, "/")).await;
            let arrived = world.aws.take_received();
            arrived
                .iter()
                .any(|request| request.host == SQS)
                .then_some(())
        })
        .await;
    });
}
