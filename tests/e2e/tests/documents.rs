//! What the documents say of outcomes, where no other test holds it.

use std::time::Duration;

use e2e::client::http2;
use e2e::{Request, Setup, json, scenario};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

fn placeholder(host: &str, service: &str) -> Request {
    Request::get(host, "/").signed_by("placeholder", service)
}

/// docs/troubleshooting.md: "The client sends no credential scope."
#[test]
fn a_client_without_placeholder_keys_gets_400_at_the_loopback_endpoint() {
    scenario(
        &Setup::new().plugin(json!({"allow": ["s3"]})),
        async |world| {
            for host in ["127.0.0.1", "localhost", "localhost:9911"] {
                world
                    .ask(Request::get(host, "/"))
                    .await
                    .refused(400, "no_target");
                let denied = world.ask(placeholder(host, "sqs")).await;
                denied.refused(403, "not_allowed");
                world.ask(placeholder(host, "s3")).await.ok();
            }
        },
    );
}

/// docs/operations.md: "The answer to `HEAD` has no body."
#[test]
fn a_refused_head_has_a_reason_and_no_body() {
    scenario(
        &Setup::new().plugin(json!({"allow": ["sqs"]})),
        async |world| {
            let request = hyper::Request::builder()
                .method("HEAD")
                .uri(format!("http://{S3}/"));
            let answer = http2(world.port, request, Vec::new(), None).await;
            let answer = answer.expect("an answer");
            assert_eq!((answer.status, answer.reason()), (403, Some("not_allowed")));
            assert_eq!(answer.text(), "");
        },
    );
}

/// docs/troubleshooting.md, "Requests hang": the client of a body that is held gets no answer, and nothing leaves.
#[test]
fn without_stop_iteration_a_request_whose_body_is_held_hangs() {
    scenario(&Setup::new().without_stop_iteration(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let mut connection = world.connect().await;
        let post = Request::new("POST", DYNAMODB, "/").body("{}").bytes();
        let answer = tokio::time::timeout(Duration::from_secs(2), connection.ask(&post)).await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(world.aws.received().len(), 1);
    });
}

/// docs/clients.md: "Envoy answers 403 unless it is told to ignore the offer."
#[test]
fn an_offer_to_go_on_in_tls_is_answered_by_envoy_unless_it_is_ignored() {
    let request = || {
        Request::get(S3, "/")
            .header("connection", "Upgrade")
            .header("upgrade", "TLS/1.2")
    };
    scenario(&Setup::new(), async |world| {
        let answer = world.ask(request()).await;
        assert_eq!((answer.status, answer.reason()), (403, None), "{answer:?}");
    });
    let ignoring = Setup::new().manager(json!({
        "http_protocol_options": {"ignore_http_11_upgrade": [{"prefix": "TLS/"}]},
    }));
    scenario(&ignoring, async |world| world.ask(request()).await.ok());
}
