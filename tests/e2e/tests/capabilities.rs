//! A list of capabilities of one's own: what it must have, so that nothing leaves unsigned (`docs/capabilities.md`).

use e2e::client::http2;
use e2e::{Answer, Request, SOON, Setup, Verdict, World, eventually, json, scenario};
use hyper::HeaderMap;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

fn post() -> Request {
    Request::new("POST", DYNAMODB, "/").body("{}")
}

fn upload() -> Request {
    Request::new("PUT", S3, "/key").body("hello")
}

/// Over HTTP/2, with a `content-length` or without.
async fn with_trailers(world: &World, method: &str, host: &str, length: Option<usize>) -> Answer {
    let mut request = hyper::Request::builder()
        .method(method)
        .uri(format!("http://{host}/key"));
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "1".parse().expect("a value"));
    let answer = http2(world.port, request, vec![b"{}".to_vec()], Some(trailers)).await;
    answer.expect("an answer")
}

#[test]
fn the_shipped_list_is_enough() {
    scenario(
        &Setup::new().guard().without_capabilities(&[]),
        async |world| {
            for request in [
                Request::get(S3, "/"),
                post(),
                Request::new("POST", DYNAMODB, "/").chunked(b"{}", 1),
                upload(),
                Request::new("PUT", S3, "/key").chunked(b"hello", 2),
            ] {
                world.ask(request).await.ok();
            }
            for length in [None, Some(2)] {
                for (method, host) in [("POST", DYNAMODB), ("PUT", S3)] {
                    with_trailers(world, method, host, length).await.ok();
                }
            }
            assert_eq!(world.aws.received().len(), 9);
        },
    );
}

/// The answer of Envoy itself to a request whose method was withheld.
#[track_caller]
fn not_forwarded(answer: &Answer) {
    assert_eq!((answer.status, answer.reason()), (503, None), "{answer:?}");
    assert!(answer.text().contains(":method"), "{}", answer.text());
}

#[test]
fn without_the_callback_for_bodies_no_body_leaves_unsigned() {
    let setup = Setup::new()
        .without_capabilities(&["proxy_on_request_body"])
        .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        // It waits for credentials, and its body comes.
        not_forwarded(&world.ask(upload()).await);
        world.sts.gate.open();
        world.ask_until_ok(Request::get(S3, "/")).await;
        for _ in 0..3 {
            not_forwarded(&world.ask(post()).await);
            let chunked = Request::new("PUT", S3, "/key").chunked(b"hello", 2);
            not_forwarded(&world.ask(chunked).await);
        }
        // What need not be held is signed as ever.
        world.ask(upload()).await.ok();
        assert_eq!(world.aws.received().len(), 2);
        let log = String::from_utf8_lossy(&world.envoy.log()).into_owned();
        assert!(log.contains("allow proxy_on_request_body"), "{log}");
    });
}

/// No connection to AWS is open, so that Envoy has not looked at the method when the trailers come: with it, Envoy 1.36.4
/// and 1.40.0 sent a body that nobody had signed, and died.
#[test]
fn without_the_callback_for_bodies_trailers_do_not_bring_the_method_back() {
    let setup = Setup::new().without_capabilities(&["proxy_on_request_body"]);
    scenario(&setup, async |world| {
        eventually("credentials", SOON, async || {
            (world.stat("sts.ok").await == 1).then_some(())
        })
        .await;
        for _ in 0..5 {
            let answer = with_trailers(world, "POST", DYNAMODB, None).await;
            assert!(matches!(answer.status, 500 | 503), "{answer:?}");
        }
        assert!(world.aws.received().is_empty());
        world.ask_until_ok(Request::get(S3, "/")).await;
    });
}

#[test]
fn without_the_callback_for_trailers_no_body_with_trailers_leaves_unsigned() {
    let setup = Setup::new()
        .without_capabilities(&["proxy_on_request_trailers"])
        .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        // They wait for credentials.
        not_forwarded(&with_trailers(world, "PUT", S3, Some(2)).await);
        not_forwarded(&with_trailers(world, "POST", DYNAMODB, Some(2)).await);
        world.sts.gate.open();
        world.ask_until_ok(Request::get(S3, "/")).await;
        for _ in 0..3 {
            not_forwarded(&with_trailers(world, "POST", DYNAMODB, None).await);
            // All of it has come, whatever follows.
            with_trailers(world, "POST", DYNAMODB, Some(2)).await.ok();
            with_trailers(world, "PUT", S3, Some(2)).await.ok();
            world.ask(post()).await.ok();
        }
        assert_eq!(world.aws.received().len(), 10);
    });
}

/// What the documents say: this one is noticed when it is too late for a request without a body.
#[test]
fn without_the_callback_for_headers_nothing_is_signed_and_every_answer_says_why() {
    let setup = Setup::new().without_capabilities(&["proxy_on_request_headers"]);
    scenario(&setup, async |world| {
        for request in [post(), upload()] {
            let text = world.ask(request).await.refused(500, "host_call_failed");
            assert!(text.contains("allow proxy_on_request_headers"), "{text}");
        }
        assert_eq!(world.aws.received().len(), 0);
        let answer = world.ask(Request::get(S3, "/")).await;
        answer.refused(500, "host_call_failed");
        assert_eq!(world.aws.take_anonymous().verdict, Verdict::Unsigned);
        let log = String::from_utf8_lossy(&world.envoy.log()).into_owned();
        assert!(log.contains("a request went on unsigned"), "{log}");
    });
}

#[test]
fn the_first_requests_with_bodies_are_signed_with_their_methods() {
    let setup = Setup::new().concurrency(4).sts_held();
    scenario(&setup, async |world| {
        let put = Request::new("PUT", DYNAMODB, "/").chunked(b"{}", 1);
        let (posts, puts, ()) =
            tokio::join!(world.ask_many(10, post()), world.ask_many(10, put), async {
                world.until_parked(20).await;
                world.sts.gate.open();
            });
        posts.iter().chain(&puts).for_each(Answer::ok);
        let received = world.aws.received();
        let count = |method: &str| {
            received
                .iter()
                .filter(|request| request.method == method)
                .count()
        };
        assert_eq!((count("POST"), count("PUT")), (10, 10));
    });
}

/// With a `content-length`, a body is complete before its end comes.
#[test]
fn a_body_that_is_complete_is_signed_whatever_ends_it() {
    for held in [true, false] {
        let setup = Setup::new().plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}));
        let setup = if held { setup.sts_held() } else { setup };
        scenario(&setup, async |world| {
            let end = async || {
                let request = hyper::Request::builder()
                    .method("POST")
                    .uri(format!("http://{DYNAMODB}/"))
                    .header("content-length", 4);
                let parts = vec![b"{  ".to_vec(), b"}".to_vec()];
                http2(world.port, request, parts, None)
                    .await
                    .expect("an answer")
            };
            let (trailers, end, ()) = tokio::join!(
                with_trailers(world, "POST", DYNAMODB, Some(2)),
                end(),
                async {
                    if held {
                        world.until_parked(2).await;
                        world.sts.gate.open();
                    }
                }
            );
            trailers.ok();
            end.ok();
            assert_eq!(world.aws.received().len(), 2);
        });
    }
}

#[test]
fn the_answer_of_a_filter_before_ours_passes() {
    let fault = json!({
        "name": "envoy.filters.http.fault",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "abort": {"http_status": 418, "percentage": {"numerator": 100}},
        },
    });
    scenario(&Setup::new().filter_before(fault), async |world| {
        for request in [Request::get(S3, "/"), post()] {
            let answer = world.ask(request).await;
            assert_eq!((answer.status, answer.reason()), (418, None), "{answer:?}");
        }
        assert!(world.aws.received().is_empty());
    });
}
