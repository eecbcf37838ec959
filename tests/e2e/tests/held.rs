//! What a worker holds of bodies and chunks: as much as it may, and no more, whoever asks for it.

use std::sync::Arc;
use std::time::Duration;

use e2e::client::Http2;
use e2e::plain::Recorder;
use e2e::{
    Answer, Connection, Request, SOON, Setup, World, alone, envoy, eventually, json, scenario,
    until,
};
use futures_util::future::join_all;
use tokio::sync::watch;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
const FORM: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// `max_held_bytes` by default.
const BUDGET: u64 = 256 << 20;
/// The largest chunk.
const CHUNK: usize = 1 << 20;
/// Time for thousands of connections, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn setup() -> Setup {
    envoy::allow_open_files(20_000);
    Setup::new()
        .guard()
        .plugin(json!({"start_jitter_ms": 0, "body_timeout_ms": 600_000}))
        .limit(Duration::from_secs(240))
}

/// An AWS without TLS, which costs Envoy little: what grows is what is held.
fn plain_aws() -> u16 {
    let (tell, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            tell.send(Recorder::start().await.port)
                .expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    port.recv().expect("a port")
}

/// The first line of a chunk of 1 MiB.
fn head() -> String {
    format!("100000;chunk-signature={}\r\n", "0".repeat(64))
}

/// What follows the data of such a chunk, in an upload of just one.
fn tail() -> String {
    format!("\r\n0;chunk-signature={}\r\n\r\n", "0".repeat(64))
}

/// What begins an upload of one such chunk, with `sent` bytes of its data.
fn begin_upload(sent: usize) -> Vec<u8> {
    let length = head().len() + CHUNK + tail().len();
    let request = format!(
        "PUT /bucket/key HTTP/1.1\r\nhost: {S3}\r\nx-amz-content-sha256: {FORM}\r\n\
         x-amz-decoded-content-length: {CHUNK}\r\ncontent-length: {length}\r\n\r\n"
    );
    [request.as_bytes(), head().as_bytes(), &vec![b'a'; sent]].concat()
}

fn http2_upload() -> hyper::http::request::Builder {
    hyper::Request::put(format!("http://{S3}/bucket/key"))
        .header("x-amz-content-sha256", FORM)
        .header("x-amz-decoded-content-length", CHUNK)
}

async fn until_signed(world: &World, count: u64) {
    eventually("all uploads have begun", PATIENCE, async || {
        let signed = world.stat("requests.signed.no_signature").await;
        (signed >= count).then_some(())
    })
    .await;
}

async fn until_held(world: &World, what: &str, is_so: impl Fn(u64) -> bool) -> u64 {
    eventually(what, PATIENCE, async || {
        let held = world.stat("held_bytes").await;
        is_so(held).then_some(held)
    })
    .await
}

async fn warm_up(world: &World) {
    world.ask_until_ok(Request::get(S3, "/")).await;
}

/// Everybody else is served, and nothing is held when all have gone.
async fn assert_free(world: &World) {
    until_held(world, "nothing is held", |held| held == 0).await;
    world.ask(Request::get(S3, "/")).await.ok();
    let data = "x".repeat(1 << 20);
    let post = Request::new("POST", DYNAMODB, "/").body(data);
    world.ask(post).await.ok();
}

/// Waits until AWS has the heads of so many uploads: thousands of connections at once are more than a listener takes.
async fn until_at_aws(world: &World, count: usize) {
    eventually("the uploads are at AWS", PATIENCE, async || {
        let stat = "cluster.sigv4-egress-aws.upstream_cx_active";
        (world.envoy.stat(stat).await >= count as u64).then_some(())
    })
    .await;
}

/// What 4,096 heads of chunks have taken.
async fn assert_little_is_held(world: &World, resident_before: u64) {
    until_signed(world, 4096).await;
    let grown = world.envoy.resident_bytes().saturating_sub(resident_before);
    let held = world.stat("held_bytes").await;
    println!(
        "{} MiB more are resident, {held} bytes are held",
        grown >> 20
    );
    // All of it but some kilobytes a stream is Envoy's own: 160 MiB for 4,096 uploads through an Envoy without the
    // filter.
    assert!(grown < BUDGET, "{grown} bytes");
    assert!(held <= 4096 * 200, "{held} bytes");
    world.ask(Request::get(S3, "/")).await;
}

#[test]
fn heads_of_chunks_over_http_2_take_no_memory_for_what_they_announce() {
    let _alone = alone();
    scenario(&setup().aws_at(plain_aws()), async |world| {
        warm_up(world).await;
        let before = world.envoy.resident_bytes();
        let (mut connections, mut uploads) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let mut connection = Http2::open(world.port).await.expect("a connection");
            for _ in 0..8 {
                for _ in 0..128 {
                    let answer = connection.begin(http2_upload(), head().into_bytes());
                    uploads.push(tokio::spawn(answer));
                }
                until_at_aws(world, uploads.len()).await;
            }
            connections.push(connection);
        }
        assert_little_is_held(world, before).await;
        drop(connections);
        uploads.iter().for_each(tokio::task::JoinHandle::abort);
        assert_free(world).await;
    });
}

#[test]
fn heads_of_chunks_over_http_1_take_no_memory_for_what_they_announce() {
    let _alone = alone();
    scenario(&setup().aws_at(plain_aws()), async |world| {
        warm_up(world).await;
        let before = world.envoy.resident_bytes();
        let mut connections = Vec::new();
        for _ in 0..32 {
            for _ in 0..128 {
                let mut connection = world.connect().await;
                connection.send(&begin_upload(0)).await.expect("sent");
                connections.push(connection);
            }
            until_at_aws(world, connections.len()).await;
        }
        assert_little_is_held(world, before).await;
        drop(connections);
        assert_free(world).await;
    });
}

/// A request on a connection of its own that stops when it has sent `begin`, until `go_on` says so.
async fn stall(
    mut connection: Connection,
    begin: Arc<[u8]>,
    rest: Arc<[u8]>,
    mut go_on: watch::Receiver<bool>,
) -> Answer {
    tokio::select! {
        answer = connection.ask(&begin) => return answer.expect("an answer"),
        _ = go_on.wait_for(|go_on| *go_on) => {}
    }
    connection.send(&rest).await.expect("sent");
    connection.answer().await.expect("an answer")
}

/// `count` requests that stop with `size` bytes in the budget. Those that do not fit are refused, the others are
/// completed in the end.
async fn fill(world: &World, count: usize, begin: Vec<u8>, rest: &[u8], size: u64) -> Vec<Answer> {
    let (begin, rest): (Arc<[u8]>, Arc<[u8]>) = (begin.into(), rest.into());
    let (go_on, stalled) = watch::channel(false);
    let before = world.envoy.resident_bytes();
    let mut requests = Vec::new();
    for _ in 0..count {
        let (begin, rest) = (Arc::clone(&begin), Arc::clone(&rest));
        let connection = world.connect().await;
        requests.push(tokio::spawn(stall(
            connection,
            begin,
            rest,
            stalled.clone(),
        )));
    }
    let held = eventually("all requests are held or refused", PATIENCE, async || {
        let refused = requests.iter().filter(|request| request.is_finished());
        let left = (count - refused.count()) as u64;
        let held = world.stat("held_bytes").await;
        (held >= left * size).then_some(held)
    })
    .await;
    let grown = world.envoy.resident_bytes().saturating_sub(before);
    println!(
        "{held} bytes are held, {} MiB more are resident",
        grown >> 20
    );
    assert!(held <= BUDGET, "{held}");
    // It is used, down to what one more would need.
    assert!(held + 2 * size > BUDGET, "{held}");
    // Everybody else is served.
    world.ask(Request::get(S3, "/")).await;
    go_on.send(true).expect("some wait");
    let answers = join_all(requests).await.into_iter();
    answers.map(|answer| answer.expect("no panic")).collect()
}

fn assert_some_are_refused(world_answers: &[Answer]) {
    let (passed, refused): (Vec<_>, Vec<_>) = world_answers
        .iter()
        .partition(|answer| answer.status == 200);
    for answer in &refused {
        answer.refused(503, "too_much_held");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    println!("{} passed, {} refused", passed.len(), refused.len());
    assert!(!passed.is_empty() && !refused.is_empty());
}

#[test]
fn chunks_that_stall_before_their_end_fill_the_budget_and_no_more() {
    let _alone = alone();
    scenario(&setup().aws_at(plain_aws()), async |world| {
        warm_up(world).await;
        let rest = format!("a{}", tail());
        let size = CHUNK as u64 - 1;
        let answers = fill(world, 900, begin_upload(CHUNK - 1), rest.as_bytes(), size).await;
        assert_some_are_refused(&answers);
        assert_free(world).await;
    });
}

#[test]
fn bodies_that_stall_before_their_end_fill_the_budget_and_no_more() {
    let _alone = alone();
    scenario(&setup().aws_at(plain_aws()), async |world| {
        warm_up(world).await;
        let post = Request::new("POST", DYNAMODB, "/").body("x".repeat(1 << 20));
        let mut begin = post.bytes();
        begin.pop();
        let answers = fill(world, 400, begin, b"x", (1 << 20) - 1).await;
        assert_some_are_refused(&answers);
        assert_free(world).await;
    });
}

#[test]
fn a_connection_holds_a_quarter_and_the_others_go_on() {
    let _alone = alone();
    scenario(&setup().aws_at(plain_aws()), async |world| {
        warm_up(world).await;
        let mut connection = Http2::open(world.port).await.expect("a connection");
        let begin = [head().into_bytes(), vec![b'a'; CHUNK - 1]].concat();
        let begun = (0..80).map(|_| tokio::spawn(connection.begin(http2_upload(), begin.clone())));
        let begun: Vec<_> = begun.collect();
        let quarter = BUDGET / 4;
        let held = until_held(world, "a quarter is used", |held| {
            held + (2 << 20) > quarter
        })
        .await;
        assert!(held <= quarter, "{held}");
        let refused = eventually("the others are refused", PATIENCE, async || {
            // One more may have found room meanwhile.
            let held = world.stat("held_bytes").await;
            let refused = world.stat("requests.refused.too_much_held").await;
            (refused + held / CHUNK as u64 >= 80).then_some(refused)
        })
        .await;
        assert_eq!(
            begun.iter().filter(|upload| upload.is_finished()).count(),
            refused as usize
        );
        // Another connection has its own quarter.
        let whole = [begin_upload(CHUNK), tail().into_bytes()].concat();
        let mut other = world.connect().await;
        other.ask(&whole).await.expect("an answer").ok();
        begun.iter().for_each(tokio::task::JoinHandle::abort);
        drop(connection);
        assert_free(world).await;
    });
}

#[test]
fn an_upload_that_is_refused_on_its_way_never_ends_at_aws() {
    let _alone = alone();
    let budget = json!({"max_held_bytes": 1 << 20, "max_body_bytes": 1000});
    scenario(&setup().plugin(budget), async |world| {
        warm_up(world).await;
        let mut connection = world.connect().await;
        connection.send(&begin_upload(1)).await.expect("sent");
        until_signed(world, 2).await;
        connection.send(&vec![b'a'; CHUNK / 2]).await.expect("sent");
        let answer = connection.answer().await.expect("an answer");
        let message = answer.refused(503, "too_much_held");
        assert!(message.contains("max_held_bytes"), "{message}");
        until("AWS sees the end", SOON, || world.aws.cut_off() == 1).await;
        assert_eq!(world.stat("requests.refused.too_much_held").await, 1);
        until_held(world, "nothing is held", |held| held == 0).await;
        world.ask(Request::get(S3, "/")).await.ok();
    });
}

#[test]
fn the_largest_body_that_may_be_held_arrives_with_its_hash() {
    let _alone = alone();
    const LARGEST: usize = 128 << 20;
    let largest = json!({"max_body_bytes": LARGEST, "body_timeout_ms": 600_000});
    let setup = setup()
        .plugin(largest)
        .buffer_limit(LARGEST as u32 + (1 << 20));
    scenario(&setup, async |world| {
        warm_up(world).await;
        let post = Request::new("POST", DYNAMODB, "/").body(vec![b'x'; LARGEST]);
        world.ask(post).await.ok();
        let received = world.aws.received().pop().expect("a request");
        assert_eq!(received.body_length, LARGEST as u64);
        let post = Request::new("POST", DYNAMODB, "/").body(vec![b'x'; LARGEST + 1]);
        world.ask(post).await.refused(413, "body_too_large");
        until_held(world, "nothing is held", |held| held == 0).await;
    });
}
