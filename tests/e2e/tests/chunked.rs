//! Bodies that the client signs chunk by chunk arrive at AWS with our signatures, byte for byte the same
//! otherwise, or not at all.

use e2e::chunks::{Seed, decode, encode};
use e2e::client::http2;
use e2e::verify::{Received, sha256};
use e2e::{Answer, Request, SOON, Setup, World, eventually, json, scenario, until};
use hyper::HeaderMap;
use hyper::header::HeaderValue;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const CHECKSUM: (&str, &str) = ("x-amz-checksum-crc32c", "sOO8/Q==");

/// Bytes that differ from place to place, so that lost or swapped parts show in the hash.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 31 + at / 257) % 256).expect("below 256"))
        .collect()
}

fn headers(form: &str, length: usize) -> Vec<(String, String)> {
    let mut headers = vec![
        ("authorization", "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00".to_owned()),
        ("x-amz-content-sha256", form.to_owned()),
        ("content-encoding", "aws-chunked".to_owned()),
        ("x-amz-decoded-content-length", length.to_string()),
    ];
    if form == TRAILER {
        headers.push(("x-amz-trailer", CHECKSUM.0.to_owned()));
    }
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn body(form: &str, data: &[u8], size: usize) -> Vec<u8> {
    encode(data, size, (form == TRAILER).then_some(&[CHECKSUM]))
}

fn put(form: &str, data: &[u8], size: usize) -> Request {
    Request::new("PUT", S3, "/bucket/key")
        .headers(headers(form, data.len()))
        .body(body(form, data, size))
}

fn waiting() -> Setup {
    Setup::new()
        .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held()
}

#[track_caller]
fn arrived(received: &Received, form: &str, data: &[u8]) {
    let decoded = received
        .decoded
        .as_ref()
        .expect("chunks with valid signatures");
    assert_eq!(
        (decoded.length, &decoded.sha256),
        (data.len(), &sha256(data))
    );
    assert_eq!(
        received.value("x-amz-content-sha256").as_deref(),
        Some(form)
    );
    let trailers: &[_] = if form == TRAILER {
        &[(CHECKSUM.0.to_owned(), CHECKSUM.1.to_owned())]
    } else {
        &[]
    };
    assert_eq!(decoded.trailers, trailers);
}

#[test]
fn uploads_of_both_forms_arrive_with_valid_signatures_and_the_same_length() {
    let setups = [
        Setup::new(),
        Setup::new().http2_to_aws(),
        Setup::new().guard(),
    ];
    for setup in setups {
        scenario(&setup, async |world| {
            for form in [PAYLOAD, TRAILER] {
                for (length, size) in [
                    (0, 1),
                    (1, 1),
                    (300, 1),
                    (66_560, 65_536),
                    (300_000, 131_072),
                    (3 << 20, 1 << 20),
                ] {
                    let data = content(length);
                    world.ask(put(form, &data, size)).await.ok();
                    let received = world.aws.received().pop().expect("a request");
                    arrived(&received, form, &data);
                    let sent = body(form, &data, size).len();
                    assert_eq!(received.value("content-length"), Some(sent.to_string()));
                    assert_eq!(received.body_length, sent as u64);
                }
            }
            assert_eq!(world.stat("requests.signed.placeholder").await, 12);
        });
    }
}

#[test]
fn a_large_upload_streams_through_a_small_buffer() {
    // An upload that is too large to be held cannot wait for the first credentials.
    let setup = Setup::new().plugin(json!({"start_jitter_ms": 0}));
    scenario(&setup.buffer_limit(64 << 10), async |world| {
        let data = content(20 << 20);
        for form in [PAYLOAD, TRAILER] {
            world.ask(put(form, &data, 128 << 10)).await.ok();
            let received = world.aws.received().pop().expect("a request");
            arrived(&received, form, &data);
        }
    });
}

#[test]
fn an_upload_without_content_length_arrives() {
    scenario(&Setup::new(), async |world| {
        let data = content(200_000);
        for form in [PAYLOAD, TRAILER] {
            let request = Request::new("PUT", S3, "/bucket/key")
                .headers(headers(form, data.len()))
                .chunked(&body(form, &data, 65_536), 7001);
            world.ask(request).await.ok();
            arrived(&world.aws.received().pop().expect("a request"), form, &data);
        }
    });
}

#[test]
fn an_http2_upload_arrives_with_and_without_trailers() {
    let trailers = || {
        let name = "x-checksum".parse().expect("a name");
        HeaderMap::from_iter([(name, HeaderValue::from_static("c"))])
    };
    scenario(&Setup::new().http2_to_aws(), async |world| {
        let data = content(100_000);
        for form in [PAYLOAD, TRAILER] {
            for trailers in [None, Some(trailers())] {
                let mut request = hyper::Request::put(format!("http://{S3}/bucket/key"));
                for (name, value) in headers(form, data.len()) {
                    request = request.header(name, value);
                }
                let all = body(form, &data, 40_000);
                let mut frames: Vec<_> = all.chunks(9001).map(<[u8]>::to_vec).collect();
                // A frame without data, and an end of stream without data.
                frames.insert(3, Vec::new());
                let answer = http2(world.port, request, frames, trailers.clone()).await;
                answer.expect("an answer").ok();
                let received = world.aws.received().pop().expect("a request");
                arrived(&received, form, &data);
                assert_eq!(received.trailers.is_empty(), trailers.is_none());
            }
        }
    });
}

/// Sends each part when Envoy has read those before.
async fn send_in_parts(world: &World, parts: &[&[u8]]) -> Answer {
    let mut connection = world.connect().await;
    let mut sent = read(world).await;
    for part in parts {
        connection.send(part).await.expect("sent");
        sent += part.len() as u64;
        until_read(world, sent).await;
    }
    let answer = tokio::time::timeout(SOON, connection.answer()).await;
    answer.expect("in time").expect("an answer")
}

async fn read(world: &World) -> u64 {
    world
        .envoy
        .stat("http.egress.downstream_cx_rx_bytes_total")
        .await
}

async fn until_read(world: &World, bytes: u64) {
    eventually("Envoy has read it", SOON, async || {
        (read(world).await >= bytes).then_some(())
    })
    .await;
}

#[test]
fn the_places_where_the_network_splits_a_chunk_do_not_matter() {
    scenario(&Setup::new(), async |world| {
        let data = content(100);
        for form in [PAYLOAD, TRAILER] {
            let bytes = put(form, &data, 60).bytes();
            let head = bytes.len() - body(form, &data, 60).len();
            // In the size, the mark, the signature, its line end, the data, the line end after it, the last
            // chunk, the trailing headers, the last line end.
            let places = [0, 1, 9, 40, 83, 84, 85, 100, 145, 146, 150];
            let mut rest = &bytes[..];
            let mut parts = Vec::new();
            let late = [bytes.len() - 60, bytes.len() - 1];
            for place in places.map(|place| head + place).into_iter().chain(late) {
                let (part, after) = rest.split_at(place - (bytes.len() - rest.len()));
                parts.push(part);
                rest = after;
            }
            parts.push(rest);
            send_in_parts(world, &parts).await.ok();
            arrived(&world.aws.received().pop().expect("a request"), form, &data);
        }
    });
}

#[test]
fn an_upload_that_is_complete_before_the_credentials_come_arrives() {
    scenario(&waiting(), async |world| {
        let data = content(200_000);
        let (payload, trailer, chunked, ()) = tokio::join!(
            world.ask(put(PAYLOAD, &data, 65_536)),
            world.ask(put(TRAILER, &data, 65_536)),
            world.ask(
                Request::new("PUT", S3, "/bucket/key")
                    .headers(headers(PAYLOAD, data.len()))
                    .chunked(&body(PAYLOAD, &data, 65_536), 7001)
            ),
            async {
                world.until_parked(3).await;
                // All of the bodies.
                until_read(world, 3 * 200_000).await;
                world.sts.gate.open();
            }
        );
        for answer in [payload, trailer, chunked] {
            answer.ok();
        }
        let received = world.aws.received();
        assert_eq!(received.len(), 3);
        for request in received {
            let form = request.value("x-amz-content-sha256").expect("a form");
            arrived(&request, &form, &data);
        }
    });
}

/// `early` bytes of the body arrive while the request waits, the rest after the credentials came.
fn check_slow_upload(early: usize) {
    for form in [PAYLOAD, TRAILER] {
        scenario(&waiting(), async |world| {
            let data = content(100_000);
            let all = body(form, &data, 30_000);
            let bytes = put(form, &data, 30_000).bytes();
            let (before, after) = bytes.split_at(bytes.len() - all.len() + early);
            let mut connection = world.connect().await;
            connection.send(before).await.expect("sent");
            world.until_parked(1).await;
            until_read(world, before.len() as u64).await;
            world.sts.gate.open();
            world.ask(Request::get(S3, "/")).await.ok();
            connection.send(after).await.expect("sent");
            let answer = tokio::time::timeout(SOON, connection.answer()).await;
            answer.expect("in time").expect("an answer").ok();
            let received = world.aws.received().pop().expect("a request");
            arrived(&received, form, &data);
        });
    }
}

#[test]
fn an_upload_whose_body_comes_after_the_credentials_arrives() {
    check_slow_upload(0);
}

#[test]
fn an_upload_whose_body_comes_before_and_after_the_credentials_arrives() {
    check_slow_upload(10);
    check_slow_upload(40_000);
}

#[test]
fn a_held_http2_upload_with_trailers_arrives() {
    scenario(&waiting().http2_to_aws(), async |world| {
        let data = content(100_000);
        let mut request = hyper::Request::put(format!("http://{S3}/bucket/key"));
        for (name, value) in headers(TRAILER, data.len()) {
            request = request.header(name, value);
        }
        let name = "x-checksum".parse().expect("a name");
        let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static("c"))]);
        let (answer, ()) = tokio::join!(
            http2(
                world.port,
                request,
                vec![body(TRAILER, &data, 65_536)],
                Some(trailers)
            ),
            async {
                world.until_parked(1).await;
                until_read(world, 100_000).await;
                world.sts.gate.open();
            }
        );
        answer.expect("an answer").ok();
        arrived(&world.aws.only(), TRAILER, &data);
    });
}

#[test]
fn an_upload_too_large_to_hold_is_refused_while_there_are_no_credentials() {
    scenario(&waiting(), async |world| {
        let upload = put(PAYLOAD, &content(9 << 20), 65_536);
        world
            .ask(upload.clone())
            .await
            .refused(503, "upload_too_large_to_hold");
        assert!(world.aws.received().is_empty());
        world.sts.gate.open();
        world.ask_until_ok(Request::get(S3, "/")).await;
        world.ask(upload).await.ok();
    });
}

/// Sends a broken body; AWS must not see it end.
async fn check_refused(world: &World, request: Request, status: u16, reason: &str) {
    let before = world.stat(&format!("requests.refused.{reason}")).await;
    let answer = world.ask(request).await;
    answer.refused(status, reason);
    let after = world.stat(&format!("requests.refused.{reason}")).await;
    assert_eq!(after, before + 1);
    assert!(
        world
            .aws
            .received()
            .iter()
            .all(|request| request.method == "GET"),
        "{:#?}",
        world.aws.received()
    );
}

#[test]
fn a_body_with_broken_framing_never_ends_at_aws() {
    for setup in [Setup::new(), Setup::new().http2_to_aws()] {
        scenario(&setup, async |world| {
            world.ask(Request::get(S3, "/")).await.ok();
            let data = content(300_000);
            let good = body(PAYLOAD, &data, 65_536);
            let unsigned = {
                let mut body = format!("{:x}\r\n", data.len()).into_bytes();
                body.extend([&data[..], b"\r\n0\r\n\r\n"].concat());
                body
            };
            let mut late = good.clone();
            let end = late.len() - 1;
            late[end] = b'x';
            let cut = good[..good.len() - 1].to_vec();
            let long = [&good[..], b"more"].concat();
            let middle = [&good[..200_000], b"x", &good[200_001..]].concat();
            let mut mark = good.clone();
            let place = mark
                .windows(6)
                .rposition(|window| window == b";chunk")
                .expect("a chunk");
            mark[place] = b',';
            for broken in [data.clone(), unsigned, late, cut, long, mark] {
                let request =
                    Request::new("PUT", S3, "/bucket/key").headers(headers(PAYLOAD, data.len()));
                check_refused(
                    world,
                    request.clone().body(broken.clone()),
                    400,
                    "malformed_chunks",
                )
                .await;
                check_refused(
                    world,
                    request.chunked(&broken, 9000),
                    400,
                    "malformed_chunks",
                )
                .await;
            }
            // Most broke after a first part had gone on.
            until("AWS noticed", SOON, || world.aws.cut_off() >= 6).await;
            // What is changed in the data is signed as it came: the client's own signatures are worth nothing.
            let request =
                Request::new("PUT", S3, "/bucket/key").headers(headers(PAYLOAD, data.len()));
            world.ask(request.body(middle)).await.ok();
            world.ask(put(PAYLOAD, &data, 65_536)).await.ok();
        });
    }
}

#[test]
fn a_chunk_of_more_than_1_mib_is_refused() {
    scenario(&Setup::new(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let data = content((1 << 20) + 1);
        check_refused(
            world,
            put(PAYLOAD, &data, data.len()),
            413,
            "chunk_too_large",
        )
        .await;
        world.ask(put(PAYLOAD, &data, data.len() - 1)).await.ok();
    });
}

#[test]
fn a_held_body_with_broken_framing_is_answered_and_not_forwarded() {
    scenario(&waiting(), async |world| {
        let request = Request::new("PUT", S3, "/bucket/key")
            .headers(headers(PAYLOAD, 4))
            .body("body");
        let (answer, ()) = tokio::join!(world.ask(request), async {
            world.until_parked(1).await;
            world.sts.gate.open();
        });
        answer.refused(400, "malformed_chunks");
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_chunk_completes_nothing() {
    scenario(&Setup::new(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let bytes = put(PAYLOAD, &content(200_000), 65_536).bytes();
        let mut connection = world.connect().await;
        connection.send(&bytes[..100_000]).await.expect("sent");
        until_read(world, 100_000).await;
        drop(connection);
        until("AWS noticed", SOON, || world.aws.cut_off() == 1).await;
        assert_eq!(world.aws.received().len(), 1);
        world.ask(put(PAYLOAD, &content(10), 10)).await.ok();
    });
}

/// The verifier itself, with the example of AWS's page.
#[test]
fn a_changed_byte_makes_a_signature_invalid() {
    let seed = Seed {
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        date: "20130524T000000Z",
        region: "us-east-1",
        service: "s3",
        signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    };
    let mut body = Vec::new();
    for (size, signature, data) in [
        (
            "10000",
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            65_536,
        ),
        (
            "400",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            1024,
        ),
        (
            "0",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            0,
        ),
    ] {
        body.extend(format!("{size};chunk-signature={signature}\r\n").bytes());
        body.extend(vec![b'a'; data]);
        if data > 0 {
            body.extend(b"\r\n");
        }
    }
    body.extend(b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:");
    body.extend(b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n");
    let verify = |body: &[u8]| decode(&seed, TRAILER, Some(CHECKSUM.0.to_owned()), body);
    assert_eq!(verify(&body).expect("valid").sizes, [65_536, 1024, 0]);
    for place in [
        0,
        30,
        100,
        66_000,
        body.len() - 200,
        body.len() - 120,
        body.len() - 10,
        body.len() - 1,
    ] {
        let mut changed = body.clone();
        changed[place] ^= 1;
        assert!(verify(&changed).is_err(), "{place}");
    }
}
