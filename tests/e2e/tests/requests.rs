//! Every shape a request can have arrives at AWS with a valid signature, or not at all.

use std::sync::Mutex;
use std::time::Duration;

use e2e::client::http2;
use e2e::verify::sha256;
use e2e::{Answer, Connection, Request, SOON, Setup, World, eventually, json, scenario, until};
use hyper::HeaderMap;
use hyper::header::HeaderValue;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

fn put_item(body: &[u8]) -> Request {
    Request::new("POST", DYNAMODB, "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.PutItem")
        .body(body)
}

/// Bytes that differ from place to place, so that lost or swapped parts show in the hash.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 31 + at / 257) % 256).expect("below 256"))
        .collect()
}

#[test]
fn a_body_up_to_the_limit_is_hashed_and_arrives_whole() {
    let limit = 100_000;
    scenario(
        &Setup::new().plugin(json!({"max_body_bytes": limit})),
        async |world| {
            for length in [0, 1, 65_536, limit - 1, limit] {
                let body = content(length);
                world.ask(put_item(&body)).await.ok();
                let received = world.aws.received().pop().expect("a request");
                assert_eq!(
                    (received.body_length, &received.body_sha256),
                    (length as u64, &sha256(&body))
                );
                assert!(!received.verdict.signature().unsigned_payload);
            }
        },
    );
}

#[test]
fn a_body_over_the_limit_is_refused_and_nothing_is_forwarded() {
    let limit = 100_000;
    scenario(
        &Setup::new().plugin(json!({"max_body_bytes": limit})),
        async |world| {
            let body = content(limit + 1);
            world
                .ask(put_item(&body))
                .await
                .refused(413, "body_too_large");
            let chunked = Request::new("POST", DYNAMODB, "/").chunked(&body, 30_000);
            world.ask(chunked).await.refused(413, "body_too_large");
            assert!(world.aws.received().is_empty());
            // The worker serves on.
            world.ask(put_item(b"{}")).await.ok();
        },
    );
}

#[test]
fn a_body_of_the_default_limit_of_eight_mebibytes_is_signed() {
    scenario(&Setup::new(), async |world| {
        world.ask(put_item(&content(8 << 20))).await.ok();
        assert_eq!(world.aws.only().body_length, 8 << 20);
        let answer = world.ask(put_item(&content((8 << 20) + 1))).await;
        answer.refused(413, "body_too_large");
    });
}

#[test]
fn a_chunked_upload_goes_out_with_its_length() {
    scenario(&Setup::new(), async |world| {
        let body = content(200_000);
        for request in [
            Request::new("POST", DYNAMODB, "/").chunked(&body, 7000),
            Request::new("PUT", S3, "/bucket/key").chunked(&body, 7000),
        ] {
            world.ask(request).await.ok();
            let received = world.aws.received().pop().expect("a request");
            assert_eq!(received.body_sha256, sha256(&body));
            assert_eq!(received.value("content-length").as_deref(), Some("200000"));
            assert_eq!(received.value("transfer-encoding"), None);
        }
    });
}

#[test]
fn an_empty_chunked_upload_is_signed() {
    scenario(&Setup::new(), async |world| {
        world
            .ask(Request::new("PUT", S3, "/bucket/key").chunked(b"", 1))
            .await
            .ok();
        world
            .ask(Request::new("POST", DYNAMODB, "/").chunked(b"", 1))
            .await
            .ok();
        for received in world.aws.received() {
            assert_eq!(received.body_length, 0);
        }
    });
}

#[test]
fn an_upload_that_could_not_wait_ends_the_spread_of_the_first_fetch() {
    let setup = Setup::new().plugin(json!({"start_jitter_ms": 60_000}));
    scenario(&setup, async |world| {
        let body = content(2 << 20);
        world
            .ask_until_ok(Request::new("PUT", S3, "/bucket/large").body(body))
            .await;
    });
}

#[test]
fn a_large_upload_to_s3_streams_with_an_unsigned_payload() {
    // An upload that is too large to be held cannot wait for the first credentials.
    let setup = Setup::new().plugin(json!({"start_jitter_ms": 0}));
    scenario(&setup, async |world| {
        let body = content(20 << 20);
        world
            .ask(Request::new("PUT", S3, "/bucket/large").body(body.clone()))
            .await
            .ok();
        let received = world.aws.only();
        assert_eq!(
            (received.body_length, received.body_sha256),
            (20 << 20, sha256(&body))
        );
        assert!(received.verdict.signature().unsigned_payload);
    });
}

#[test]
fn an_upload_to_s3_is_hashed_where_a_rule_says_so() {
    let rules = json!([{"services": ["s3"], "payload": "hashed"}]);
    scenario(
        &Setup::new().plugin(json!({"rules": rules})),
        async |world| {
            world
                .ask(Request::new("PUT", S3, "/bucket/key").body("body"))
                .await
                .ok();
            assert!(!world.aws.only().verdict.signature().unsigned_payload);
        },
    );
}

#[test]
fn a_small_upload_waits_for_the_first_credentials() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        let body = content(100_000);
        let upload = Request::new("PUT", S3, "/bucket/key").body(body.clone());
        let chunked = Request::new("POST", DYNAMODB, "/").chunked(&body, 9000);
        let (streamed, hashed, chunked, ()) = tokio::join!(
            world.ask(upload),
            world.ask(put_item(&body)),
            world.ask(chunked),
            async {
                world.until_parked(3).await;
                world.sts.gate.open();
            }
        );
        for answer in [streamed, hashed, chunked] {
            answer.ok();
        }
        for received in world.aws.received() {
            assert_eq!(received.body_sha256, sha256(&body));
        }
    });
}

/// `early` bytes of the body arrive while the request waits, the rest after it was signed.
fn check_slow_upload(early: usize) {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        let body = content(100_000);
        let mut connection = world.connect().await;
        let head =
            format!("PUT /bucket/key HTTP/1.1\r\nhost: {S3}\r\ncontent-length: 100000\r\n\r\n");
        let (before, after) = body.split_at(early);
        connection
            .send(&[head.as_bytes(), before].concat())
            .await
            .expect("sent");
        world.until_parked(1).await;
        world.sts.gate.open();
        world.ask(Request::get(S3, "/")).await.ok();
        connection.send(after).await.expect("sent");
        let answer = tokio::time::timeout(SOON, connection.answer())
            .await
            .expect("in time");
        answer.expect("an answer").ok();
        let upload = world.aws.received().pop().expect("a request");
        assert_eq!(upload.body_sha256, sha256(&body));
    });
}

#[test]
fn an_upload_whose_body_comes_after_the_credentials_arrives_whole() {
    check_slow_upload(0);
}

#[test]
fn an_upload_whose_body_comes_before_and_after_the_credentials_arrives_whole() {
    check_slow_upload(10_000);
}

#[test]
fn an_upload_too_large_to_hold_is_refused_while_there_are_no_credentials() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        let upload = Request::new("PUT", S3, "/bucket/large").body(content(20 << 20));
        let answer = world.ask(upload.clone()).await;
        answer.refused(503, "upload_too_large_to_hold");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(world.aws.received().is_empty());
        world.sts.gate.open();
        world.ask_until_ok(Request::get(S3, "/")).await;
        world.ask(upload).await.ok();
    });
}

#[test]
fn a_client_that_expects_100_continue_gets_it_and_then_its_answer() {
    scenario(&Setup::new(), async |world| {
        for (method, host) in [("POST", DYNAMODB), ("PUT", S3)] {
            let mut connection = world.connect().await;
            let head = format!(
                "{method} /bucket/key HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n"
            );
            connection.send(head.as_bytes()).await.expect("sent");
            assert_eq!(connection.head().await.expect("an interim answer").0, 100);
            connection.send(b"body").await.expect("sent");
            connection.answer().await.expect("an answer").ok();
            assert_eq!(
                world.aws.received().pop().expect("a request").body_length,
                4
            );
        }
    });
}

/// `proxy_100_continue`: Envoy leaves the 100 to AWS, which gets nothing before the whole body is here.
#[test]
fn where_the_listener_sends_no_100_a_held_body_is_refused_and_a_streamed_one_gets_awss() {
    let setup = Setup::new().manager(json!({"proxy_100_continue": true}));
    scenario(&setup, async |world| {
        let head = |method: &str, host: &str| {
            format!(
                "{method} /bucket/key HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n"
            )
        };
        let mut held = world.connect().await;
        held.send(head("POST", DYNAMODB).as_bytes())
            .await
            .expect("sent");
        let answer = held.answer().await.expect("an answer");
        answer.refused(417, "expectation_failed");
        assert_eq!(world.aws.received().len(), 0);
        // As curl and the SDKs do.
        let mut late = world.connect().await;
        let sent = late.send(head("POST", DYNAMODB).as_bytes()).await;
        sent.expect("sent");
        tokio::time::sleep(Duration::from_secs(1)).await;
        late.send(b"body").await.expect("sent");
        late.answer().await.expect("an answer").ok();
        assert_eq!(world.aws.take_received().len(), 1);
        let mut streamed = world.connect().await;
        let sent = streamed.send(head("PUT", S3).as_bytes()).await;
        sent.expect("sent");
        let (status, _) = streamed.head().await.expect("an interim answer");
        assert_eq!(status, 100);
        streamed.send(b"body").await.expect("sent");
        streamed.answer().await.expect("an answer").ok();
        let received = world.aws.received().pop().expect("a request");
        assert_eq!(received.body_length, 4);
    });
}

#[test]
fn an_http2_body_with_trailers_is_signed() {
    for http2_to_aws in [true, false] {
        let setup = if http2_to_aws {
            Setup::new().http2_to_aws()
        } else {
            Setup::new()
        };
        scenario(&setup, async |world| {
            for host in [DYNAMODB, S3] {
                let request =
                    hyper::Request::post(format!("http://{host}/path")).header("x-amz-meta-a", "1");
                let trailers = HeaderMap::from_iter([(
                    "x-checksum".parse().expect("a name"),
                    HeaderValue::from_static("c"),
                )]);
                let body = vec![content(10_000), content(3), content(40_000)];
                let all = body.concat();
                let answer = http2(world.port, request, body, Some(trailers)).await;
                answer.expect("an answer").ok();
                let received = world.aws.received().pop().expect("a request");
                assert_eq!(received.body_sha256, sha256(&all));
                let expected = usize::from(http2_to_aws);
                assert_eq!(received.trailers.len(), expected, "{:?}", received.trailers);
            }
        });
    }
}

#[test]
fn http2_requests_share_a_burst_with_http1_ones() {
    scenario(&Setup::new(), async |world| {
        let request = || hyper::Request::get(format!("http://{S3}/bucket?list-type=2"));
        let get = Request::get(S3, "/bucket?list-type=2");
        let (new, old) = tokio::join!(
            http2(world.port, request(), Vec::new(), None),
            world.ask_many(5, get)
        );
        new.expect("an answer").ok();
        old.iter().for_each(Answer::ok);
    });
}

#[test]
fn paths_and_queries_are_signed_as_they_are_sent() {
    scenario(&Setup::new(), async |world| {
        let paths = [
            "/",
            "/?",
            "/bucket/a%20b+c=d%2Fe~f",
            "/bucket//double///slash/",
            "/bucket/./dot/../dots",
            "/bucket/%E4%B8%AD%e6%96%87.txt",
            "/bucket/(paren)!$&'*,;:@",
            "/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F",
            "/bucket?uploads",
            "/bucket?b=2&a=1&a=0&B=3&empty=&=x",
            "/bucket?q=a+b%20c*~%7E",
        ];
        for host in [
            S3,
            "bucket.s3.eu-west-1.amazonaws.com",
            "execute.eu-west-1.amazonaws.com",
        ] {
            for path in paths {
                let answer = world.ask(Request::get(host, path)).await;
                assert_eq!(answer.status, 200, "{host}{path}: {}", answer.text());
                let received = world.aws.received().pop().expect("a request");
                assert_eq!((&*received.host, &*received.path), (host, path));
            }
        }
    });
}

#[test]
fn every_method_is_signed() {
    scenario(&Setup::new(), async |world| {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] {
            world
                .ask(Request::new(method, S3, "/bucket/key"))
                .await
                .ok();
            assert_eq!(
                world.aws.received().pop().expect("a request").method,
                method
            );
        }
    });
}

#[test]
fn header_values_that_are_not_utf_8_arrive_and_are_signed() {
    scenario(&Setup::new(), async |world| {
        let value = b"caf\xe9 \xff";
        let request = Request::new("PUT", S3, "/bucket/key")
            .header("x-amz-meta-name", value)
            .header("x-other", value)
            .body("body");
        world.ask(request).await.ok();
        let received = world.aws.only();
        for name in ["x-amz-meta-name", "x-other"] {
            assert!(
                received.headers.contains(&(name.into(), value.to_vec())),
                "{received:?}"
            );
        }
        assert!(
            received
                .signed_headers()
                .contains(&"x-amz-meta-name".into())
        );
    });
}

#[test]
fn repeated_headers_and_white_space_are_signed() {
    scenario(&Setup::new(), async |world| {
        let request = Request::new("PUT", S3, "/bucket/key")
            .header("x-amz-meta-a", "one")
            .header("X-Amz-Meta-A", "two,  three")
            .header("x-amz-meta-b", "  many   spaces\tinside  ")
            .header("x-amz-meta-empty", "")
            .header("content-md5", "hBotaJrYa9FhFEdFPCLG/A==")
            .body("body");
        world.ask(request).await.ok();
        assert_eq!(
            world.aws.only().values("x-amz-meta-a"),
            ["one", "two,  three"]
        );
    });
}

#[test]
fn headers_that_proxies_change_are_not_signed() {
    scenario(&Setup::new(), async |world| {
        let names = [
            "x-forwarded-for",
            "x-request-id",
            "traceparent",
            "user-agent",
            "x-envoy-attempt-count",
        ];
        let request = names.iter().fold(Request::get(S3, "/"), |request, name| {
            request.header(name, "1")
        });
        world.ask(request).await.ok();
        let signed = world.aws.only().signed_headers();
        assert!(
            names
                .iter()
                .all(|name| !signed.contains(&(*name).to_owned())),
            "{signed:?}"
        );
    });
}

#[test]
fn a_host_that_is_not_aws_gets_every_byte_untouched() {
    let body = content(50_000);
    let host = "storage.example.org";
    let requests = [
        Request::get(host, "/a%2fb/../c?x=%20&y"),
        Request::new("POST", host, "/").header("x-repeated", "1").header("x-repeated", "2").body(body.clone()),
        Request::new("PUT", host, "/").chunked(&body, 5000),
        Request::get(host, "/").header("x-bytes", b"caf\xe9"),
        Request::get(host, "/")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00")
            .header("x-amz-date", "20261123T000000Z")
            .header("x-sigv4-egress", "1"),
        Request::get("amazonaws.com.example.org", "/"),
        Request::get("evilamazonaws.com", "/"),
    ];
    let seen = |setup: &Setup| {
        let seen = Mutex::new(Vec::new());
        scenario(setup, async |world| {
            for request in &requests {
                world.ask(request.clone()).await.ok();
            }
            seen.lock().expect("no panic").push(world.plain.requests());
            assert!(world.aws.received().is_empty());
        });
        seen.into_inner().expect("no panic")
    };
    let (with, without) = (seen(&Setup::new()), seen(&Setup::new().without_filter()));
    for (with, without) in with.iter().flatten().zip(without.iter().flatten()) {
        assert!(
            with == without,
            "{}\n{}",
            with.escape_ascii(),
            without.escape_ascii()
        );
    }
    assert_eq!(with, without);
}

fn websocket() -> Request {
    Request::get("transcribe.eu-west-1.amazonaws.com", "/stream")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// Upgrades, and sends something through in both directions.
async fn upgrade(world: &World) {
    let mut connection = world.connect().await;
    let answer = connection
        .ask(&websocket().bytes())
        .await
        .expect("an answer");
    assert_eq!(answer.status, 101, "{answer:?}");
    connection.send(b"ping").await.expect("sent");
    let echo = tokio::time::timeout(SOON, connection.raw(4)).await;
    assert_eq!(echo.expect("an echo in time").expect("the echo"), b"ping");
    let received = world.aws.received().pop().expect("a request");
    assert_eq!(received.verdict.signature().service, "transcribe");
}

#[test]
fn a_websocket_upgrade_is_signed_at_its_headers() {
    scenario(&Setup::new(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        upgrade(world).await;
    });
}

/// Its client is silent until it is answered, so it could not be resumed when the credentials come.
#[test]
fn a_websocket_upgrade_is_not_kept_waiting_for_the_first_credentials() {
    scenario(&Setup::new().sts_held(), async |world| {
        let mut connection = world.connect().await;
        let answer = connection.ask(&websocket().bytes()).await;
        answer
            .expect("an answer")
            .refused(503, "credentials_pending");
        assert!(world.aws.received().is_empty());
        world.sts.gate.open();
        world.ask_until_ok(Request::get(S3, "/")).await;
        upgrade(world).await;
    });
}

#[test]
fn connect_to_an_aws_host_is_refused() {
    scenario(&Setup::new(), async |world| {
        let mut connection = world.connect().await;
        let request = format!("CONNECT {S3}:443 HTTP/1.1\r\nhost: {S3}:443\r\n\r\n");
        let answer = connection.ask(request.as_bytes()).await.expect("an answer");
        answer.refused(403, "connect_refused");
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn two_host_headers_are_never_signed() {
    scenario(&Setup::new(), async |world| {
        for other in [DYNAMODB, "example.org"] {
            let answer = world.ask(Request::get(S3, "/").header("host", other)).await;
            assert_eq!(answer.status, 400, "{answer:?} {}", answer.text());
            let answer = world.ask(Request::get(other, "/").header("host", S3)).await;
            assert_eq!(answer.status, 400, "{answer:?} {}", answer.text());
        }
        assert!(world.aws.received().is_empty() && world.plain.requests().is_empty());
    });
}

#[test]
fn a_host_that_is_no_dns_name_is_never_signed() {
    scenario(&Setup::new(), async |world| {
        for host in [
            "s3..eu-west-1.amazonaws.com",
            ".amazonaws.com",
            "-.eu-west-1.amazonaws.com",
            "s3%2eeu-west-1.amazonaws.com",
            "user@s3.eu-west-1.amazonaws.com",
        ] {
            let answer = world.ask(Request::get(host, "/")).await;
            // Envoy refuses some of them before the filter sees them.
            assert_eq!(answer.status, 400, "{host}: {answer:?} {}", answer.text());
        }
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn a_body_that_does_not_come_in_time_is_answered_408() {
    scenario(
        &Setup::new().plugin(json!({"body_timeout_ms": 500})),
        async |world| {
            world.ask(Request::get(S3, "/")).await.ok();
            let mut connection = world.connect().await;
            let head =
                format!("POST / HTTP/1.1\r\nhost: {DYNAMODB}\r\ncontent-length: 10\r\n\r\nabc");
            connection.send(head.as_bytes()).await.expect("sent");
            let answer = tokio::time::timeout(SOON, connection.answer())
                .await
                .expect("in time");
            answer.expect("an answer").refused(408, "body_timeout");
            assert_eq!(world.aws.received().len(), 1);
        },
    );
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_forwards_nothing() {
    scenario(&Setup::new(), async |world| {
        let mut connection = world.connect().await;
        let head = format!("POST / HTTP/1.1\r\nhost: {DYNAMODB}\r\ncontent-length: 10\r\n\r\nabc");
        connection.send(head.as_bytes()).await.expect("sent");
        let active = async || world.envoy.stat("http.egress.downstream_rq_active").await;
        eventually("Envoy has the request", SOON, async || {
            (active().await == 1).then_some(())
        })
        .await;
        drop(connection);
        eventually("Envoy dropped it", SOON, async || {
            (active().await == 0).then_some(())
        })
        .await;
        world.ask(put_item(b"{}")).await.ok();
        assert_eq!(world.aws.received().len(), 1);
    });
}

#[test]
fn requests_on_one_connection_are_signed_one_by_one() {
    scenario(&Setup::new(), async |world| {
        let mut connection: Connection = world.connect().await;
        for number in 0..5 {
            let request = Request::get(S3, &format!("/bucket/{number}"));
            connection
                .ask(&request.bytes())
                .await
                .expect("an answer")
                .ok();
            connection
                .ask(&put_item(&content(number * 1000)).bytes())
                .await
                .expect("an answer")
                .ok();
        }
        until("all arrived", SOON, || world.aws.received().len() == 10).await;
    });
}

#[test]
fn chunks_of_a_client_that_signs_nothing_arrive_as_chunks() {
    let body = b"A\r\n0123456789\r\n0\r\nx-amz-checksum-crc64nvme:Ffmx7kz9nB0=\r\n\r\n";
    scenario(&Setup::new(), async |world| {
        let request = Request::new("PUT", S3, "/b/k")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "10")
            .header("x-amz-trailer", "x-amz-checksum-crc64nvme");
        world.ask(request.chunked(body, 16)).await.ok();
        let received = world.aws.only();
        assert_eq!(received.verdict.signature().service, "s3");
        let said = received.value("x-amz-content-sha256");
        assert_eq!(said.as_deref(), Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
        assert_eq!(received.body_sha256, sha256(body));
    });
}

#[test]
fn lattice_gets_no_signed_payload() {
    let host = "orders-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-west-1.on.aws";
    let setup = Setup::new().plugin(json!({"allow": [host]}));
    scenario(&setup, async |world| {
        for request in [
            Request::get(host, "/"),
            Request::get(host, "/").header("x-amz-content-sha256", sha256(b"")),
            Request::new("POST", host, "/").body("{}"),
        ] {
            world.ask(request).await.ok();
            let received = world.aws.received().pop().expect("a request");
            assert!(
                received.verdict.signature().unsigned_payload,
                "{received:?}"
            );
        }
    });
}
