//! What the filter signs, judged by the crate `s3s`: its own canonical request, its own chunk signatures.

#[path = "signing/rows.rs"]
#[allow(dead_code, reason = "the rest of the tables is another test's")]
mod rows;

use e2e::chunks::encode;
use e2e::s3s::S3s;
use e2e::verify::sha256;
use e2e::{Answer, Request, SOON, Setup, World, eventually, scenario};
use rows::{HEADERS, PATHS, QUERIES};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const CHECKSUM: (&str, &str) = ("x-amz-checksum-crc32c", "sOO8/Q==");
const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00";

/// What s3s refuses though AWS's rules allow it, and why.
const REFUSED: &[(&str, &str)] = &[
    (
        "b=2&b=1&a=1",
        "s3s sorts by name, and not by value where names are equal",
    ),
    (
        "a\u{a0}b",
        "s3s takes every white space of Unicode for a space",
    ),
];

fn through_envoy(steps: impl AsyncFn(&World, &S3s)) {
    let s3s = S3s::start();
    let setup = Setup::new().aws_at(s3s.port);
    scenario(&setup, async |world| {
        s3s.trust(&world.credentials().await);
        world.ask_until_ok(Request::get(S3, "/")).await;
        steps(world, &s3s).await;
    });
}

/// Bytes that differ from place to place, so that lost or swapped parts show.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 31 + at / 257) % 256).expect("below 256"))
        .collect()
}

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.reason(), None, "answered by the filter: {answer:?}");
    let text = answer.text();
    assert!(
        text.contains(&format!("<Code>{code}</Code>")),
        "{} {text}",
        answer.status
    );
}

/// Accepted, or refused for a reason that is s3s's.
fn check(input: &str, answer: &Answer) {
    match REFUSED.iter().find(|(odd, _)| *odd == input) {
        None => assert_eq!(answer.status, 200, "{input}: {}", answer.text()),
        Some(_) => refused(answer, "SignatureDoesNotMatch"),
    }
}

fn is_sendable(target: &str) -> bool {
    target.bytes().all(|byte| byte.is_ascii_graphic())
}

#[test]
fn objects_with_odd_keys_are_put_and_got() {
    through_envoy(async |world, _| {
        let paths = PATHS
            .iter()
            .map(|row| row.input)
            .filter(|path| is_sendable(path));
        for (number, path) in paths.enumerate() {
            let target = format!("/bucket{path}");
            let body = content(1000 + number);
            check(
                path,
                &world
                    .ask(Request::new("PUT", S3, &target).body(body.clone()))
                    .await,
            );
            let got = world.ask(Request::get(S3, &target)).await;
            check(path, &got);
            assert!(got.body == body, "{path}: other bytes came back");
        }
    });
}

#[test]
fn odd_queries_and_headers_are_accepted() {
    through_envoy(async |world, _| {
        for row in QUERIES.iter().filter(|row| is_sendable(row.input)) {
            let target = format!("/?{}", row.input);
            check(row.input, &world.ask(Request::get(S3, &target)).await);
        }
        for row in HEADERS {
            let values = row.input.split('\n');
            let request = values.fold(Request::get(S3, "/"), |request, value| {
                request.header("x-amz-meta-a", value)
            });
            check(row.input, &world.ask(request).await);
        }
    });
}

#[test]
fn a_list_names_what_its_odd_prefix_names() {
    through_envoy(async |world, _| {
        for key in ["a/b+c", "a//b c", "d@e(1)~"] {
            let target = format!("/list/{}", key.replace(' ', "%20"));
            world
                .ask(Request::new("PUT", S3, &target).body("data"))
                .await
                .ok();
        }
        for (prefix, keys) in [
            ("a/b", &["a/b+c"][..]),
            ("a%2fb%2B", &["a/b+c"]),
            ("a/b+", &[]),
            ("a//b+c", &["a//b c"]),
            ("a/", &["a//b c", "a/b+c"]),
            ("d@e(1", &["d@e(1)~"]),
            ("d%40e%281%29%7e", &["d@e(1)~"]),
        ] {
            let target = format!("/list?prefix={prefix}&list-type=2");
            let answer = world.ask(Request::get(S3, &target)).await;
            answer.ok();
            let text = answer.text();
            let found: Vec<_> = text
                .split("<Key>")
                .skip(1)
                .filter_map(|rest| rest.split("</Key>").next())
                .collect();
            assert_eq!(found, keys, "{prefix}: {text}");
        }
    });
}

fn upload(form: &str, path: &str, length: usize) -> Request {
    let request = Request::new("PUT", S3, path)
        .header("authorization", SCOPE)
        .header("x-amz-content-sha256", form)
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", length.to_string());
    match form {
        TRAILER => request.header("x-amz-trailer", CHECKSUM.0),
        _ => request,
    }
}

fn chunks(form: &str, data: &[u8], size: usize) -> Vec<u8> {
    encode(data, size, (form == TRAILER).then_some(&[CHECKSUM]))
}

#[test]
fn uploads_that_are_signed_chunk_by_chunk_are_stored() {
    through_envoy(async |world, _| {
        for form in [PAYLOAD, TRAILER] {
            for (length, size) in [
                (0, 1),
                (1, 1),
                (300, 1),
                (66_560, 65_536),
                (3 << 20, 1 << 20),
            ] {
                let data = content(length);
                let path = format!("/bucket/{form}%2F{length}");
                // Once with a length, once in transfer chunks that end elsewhere.
                let body = chunks(form, &data, size);
                let upload = || upload(form, &path, length);
                for request in [upload().body(body.clone()), upload().chunked(&body, 7001)] {
                    world.ask(request).await.ok();
                    let got = world.ask(Request::get(S3, &path)).await;
                    got.ok();
                    assert_eq!(sha256(&got.body), sha256(&data), "{form}, {length} bytes");
                }
            }
        }
    });
}

#[test]
fn an_upload_whose_chunks_the_network_splits_anywhere_is_stored() {
    through_envoy(async |world, _| {
        for form in [PAYLOAD, TRAILER] {
            let data = content(100);
            let body = chunks(form, &data, 60);
            let bytes = upload(form, "/bucket/split", data.len())
                .body(body.clone())
                .bytes();
            let mut connection = world.connect().await;
            let read = async || {
                world
                    .envoy
                    .stat("http.egress.downstream_cx_rx_bytes_total")
                    .await
            };
            let mut sent = read().await;
            let (head, body) = bytes.split_at(bytes.len() - body.len());
            for part in std::iter::once(head).chain(body.chunks(17)) {
                connection.send(part).await.expect("sent");
                sent += part.len() as u64;
                eventually("Envoy has read it", SOON, async || {
                    (read().await >= sent).then_some(())
                })
                .await;
            }
            connection.answer().await.expect("an answer").ok();
            let got = world.ask(Request::get(S3, "/bucket/split")).await;
            assert_eq!(got.body, data, "{form}");
        }
    });
}

/// The test of this test: what the filter has signed, with one byte changed, is refused.
#[test]
fn what_is_changed_after_the_filter_is_refused() {
    through_envoy(async |world, s3s| {
        let plain = {
            world.ask(Request::get(S3, "/bucket/a%2Fb?x=1&x=2")).await;
            s3s.last()
        };
        refused(&s3s.send(&plain).await, "NoSuchKey");
        for (from, to, code) in [
            ("/bucket/a%2Fb", "/bucket/a%2Fc", "SignatureDoesNotMatch"),
            ("x=2", "x=3", "SignatureDoesNotMatch"),
            ("GET /", "PUT /", "SignatureDoesNotMatch"),
            ("host: s3.eu-", "host: s4.eu-", "SignatureDoesNotMatch"),
            (
                "x-amz-security-token: I",
                "x-amz-security-token: J",
                "SignatureDoesNotMatch",
            ),
            (
                "x-amz-security-token",
                "x-amz-security-other",
                "SignatureDoesNotMatch",
            ),
            ("authorization: ", "other: ", "AccessDenied"),
            ("Credential=ASIA", "Credential=ASIB", "InvalidAccessKeyId"),
        ] {
            refused(&s3s.send(&replaced(&plain, from, to)).await, code);
        }

        for form in [PAYLOAD, TRAILER] {
            let data = content(1000);
            let request = upload(form, "/bucket/chunks", data.len()).body(chunks(form, &data, 400));
            world.ask(request).await.ok();
            let signed = s3s.last();
            s3s.send(&signed).await.ok();
            let head = find(&signed, "\r\n\r\n");
            let places = signed
                .windows(17)
                .enumerate()
                .filter(|(_, text)| *text == b";chunk-signature=");
            let signatures: Vec<_> = places.map(|(at, _)| at + 17).collect();
            assert_eq!(signatures.len(), 4, "three chunks and the last one");
            let data = signatures.iter().take(3).map(|at| at + 64 + 2 + 10);
            let mut places: Vec<_> = signatures.iter().copied().chain(data).collect();
            if form == TRAILER {
                // A checksum's value, and the last digits of its signature.
                places.extend([find(&signed, "sOO8"), signed.len() - 10]);
            }
            for place in places {
                let mut changed = signed.clone();
                changed[place] ^= 1;
                let answer = s3s.send(&changed).await;
                assert!(place > head);
                refused(&answer, "SignatureDoesNotMatch");
            }
            // Without the trailer, and without the last chunks.
            let end = match form {
                TRAILER => signatures[3] + 64 + "\r\n".len(),
                _ => signatures[2] - "c8;chunk-signature=".len(),
            };
            refused(&s3s.send(&cut(&signed, end)).await, "IncompleteBody");
            // The seed: chunks that are right, below another request.
            let changed = replaced(&signed, "/bucket/chunks", "/bucket/chunkz");
            refused(&s3s.send(&changed).await, "SignatureDoesNotMatch");
        }
    });
}

fn find(bytes: &[u8], text: &str) -> usize {
    let place = bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes());
    place.unwrap_or_else(|| panic!("no {text} in {}", bytes.escape_ascii()))
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (before, after) = bytes.split_at(find(bytes, from));
    [before, to.as_bytes(), &after[from.len()..]].concat()
}

/// The request with a body that ends earlier, and says so.
fn cut(request: &[u8], end: usize) -> Vec<u8> {
    let head = find(request, "\r\n\r\n") + 4;
    let length = |end: usize| format!("content-length: {}\r\n", end - head);
    replaced(&request[..end], &length(request.len()), &length(end))
}
