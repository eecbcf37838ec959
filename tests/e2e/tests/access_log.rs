//! What the access log says of a request.

use e2e::{Request, Setup, World, json, scenario};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

#[test]
fn the_access_log_says_what_was_decided() {
    let rules = json!([{"services": ["sqs"], "effect": "deny"}]);
    let setup = Setup::new().plugin(json!({"rules": rules}));
    scenario(&setup, async |world| {
        for (host, path) in [
            (S3, "/"),
            ("sqs.eu-west-1.amazonaws.com", "/"),
            ("plain.example", "/"),
        ] {
            world.ask(Request::get(host, path)).await;
        }
        let bearer = Request::get(S3, "/").header("authorization", "Bearer x");
        world.ask(bearer).await;
        let key = world.aws.received().remove(0);
        let key = &key.verdict.signature().access_key_id;
        let log = world.access_log(4).await;
        let (session, config) = (world.session_name(), world.config_hash());
        assert_eq!(
            log,
            [
                &*format!(
                    "{S3} 200 [signed reason=no_signature service=s3 region=eu-west-1 rule=allow role=own key={key} host={S3} session={session} config={config}]"
                ),
                &format!(
                    "sqs.eu-west-1.amazonaws.com 403 [refused reason=denied service=sqs region=eu-west-1 rule=rules[0] config={config}]"
                ),
                "plain.example 200 [-]",
                &format!(
                    "{S3} 200 [left_alone reason=other_authorization service=s3 region=eu-west-1 rule=allow config={config}]"
                ),
            ]
        );
    });
}

/// The line of a request that was refused, and that the allow-list would have let pass.
fn refused_line(world: &World, host: &str, status: u16, reason: &str) -> String {
    let (service, _) = host.split_once('.').expect("a service");
    let bucket = match reason {
        "upload_too_large_to_hold" | "malformed_chunks" => " bucket=key",
        _ => "",
    };
    let config = world.config_hash();
    format!(
        "{host} {status} [refused reason={reason} service={service} region=eu-west-1{bucket} rule=allow config={config}]"
    )
}

/// Asks, and gives the line that the access log has for it.
async fn logged(world: &World, lines: usize, request: Request) -> String {
    world.ask(request).await;
    world.access_log(lines).await.pop().expect("a line")
}

#[test]
fn the_access_log_has_the_reason_of_what_is_refused_after_the_decision() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 1000, "body_timeout_ms": 1000, "max_body_bytes": 10}))
        .sts(|sts| sts.always(e2e::Reply::Refused(403, "AccessDenied", "no")));
    scenario(&setup, async |world| {
        let unavailable = refused_line(world, S3, 503, "credentials_unavailable");
        // It waited, the next one is told at once.
        for lines in [1, 2] {
            assert_eq!(
                logged(world, lines, Request::get(S3, "/")).await,
                unavailable
            );
        }
        let large = Request::new("POST", DYNAMODB, "/").chunked(&[b'a'; 100], 100);
        let too_large = refused_line(world, DYNAMODB, 413, "body_too_large");
        assert_eq!(logged(world, 3, large).await, too_large);
        let mut slow = world.connect().await;
        let head = format!("POST / HTTP/1.1\r\nhost: {DYNAMODB}\r\ncontent-length: 2\r\n\r\n");
        slow.send(head.as_bytes()).await.expect("sent");
        let log = world.access_log(4).await;
        assert_eq!(log[3], refused_line(world, DYNAMODB, 408, "body_timeout"));
    });
}

#[test]
fn the_access_log_has_the_reason_of_what_waited_in_vain() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 1000, "max_parked": 1, "max_body_bytes": 10}))
        .sts_held();
    scenario(&setup, async |world| {
        // It takes a while, and nobody waits for longer than a second.
        let too_many = refused_line(world, S3, 503, "too_many_parked");
        let (pending, ()) = tokio::join!(world.ask(Request::get(S3, "/")), async {
            world.until_parked(1).await;
            assert_eq!(logged(world, 1, Request::get(S3, "/")).await, too_many);
        });
        pending.refused(503, "credentials_pending");
        let log = world.access_log(2).await;
        assert_eq!(log[1], refused_line(world, S3, 503, "credentials_pending"));
        let upload = Request::new("PUT", S3, "/key").body([b'a'; 100]);
        let too_large = refused_line(world, S3, 503, "upload_too_large_to_hold");
        assert_eq!(logged(world, 3, upload).await, too_large);
        world.sts.gate.open();
    });
}

#[test]
fn the_access_log_has_the_reason_of_what_is_refused_when_it_is_signed_already() {
    scenario(&Setup::new(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let upload = Request::new("PUT", S3, "/key")
            .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
            .header("x-amz-decoded-content-length", "1")
            .body("these are no chunks");
        let expected = refused_line(world, S3, 400, "malformed_chunks");
        assert_eq!(logged(world, 2, upload).await, expected);
        assert_eq!(world.stat("requests.refused.malformed_chunks").await, 1);
    });
}
