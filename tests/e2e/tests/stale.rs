//! Connections to AWS that end: what is sent again, and what never is. On the shipped `envoy/envoy.yaml`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::ca::TestCa;
use e2e::shipped::{Shipped, runtime};
use e2e::upstream::{self, Connected};
use e2e::{Request, SOON, envoy};
use futures_util::future::join_all;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const LAMBDA: &str = "lambda.eu-west-1.amazonaws.com";
const SNS: &str = "sns.eu-west-1.amazonaws.com";
/// The longest pause between two requests, and the longest that AWS bears.
const PAUSE_MICROS: u64 = 300_000;
const API_GATEWAY: &str = "apigateway.eu-west-1.amazonaws.com";

/// A thousand requests over connections that AWS closes after a random pause, without another request.
///
/// Some closes meet a request that is on its way already. Then nobody can tell what AWS has read: GET and HEAD are sent
/// again, and all others are answered with the reason.
#[test]
fn no_get_fails_where_aws_closes_idle_connections_and_nothing_else_arrives_twice() {
    const CLIENTS: u64 = 20;
    with_upstream(Behaviour::ClosesWhenIdle, async |shipped, seen| {
        let clients = (0..CLIENTS).map(|client| ask_now_and_then(shipped, client, 1000 / CLIENTS));
        let failed = join_all(clients).await.concat();
        let version = &shipped.envoy.version;
        println!(
            "Envoy {version}: {} of 1000 met a close on its way",
            failed.len()
        );
        for (method, answer) in failed {
            assert!(!["GET", "HEAD"].contains(&method), "{method} {answer}");
            assert_eq!(answer, "503 aws_closed_connection", "{method}");
        }
        let connections = seen.connections();
        assert!(connections > 50, "only {connections} connections");
        for (path, count) in seen.counts() {
            assert!(count == 1 || path.contains("GET") || path.contains("HEAD"));
        }
    });
}

/// What failed, and with which status and reason.
async fn ask_now_and_then(
    shipped: &Shipped,
    client: u64,
    requests: u64,
) -> Vec<(&'static str, String)> {
    let (mut random, mut failed) = (Random(client + 1), Vec::new());
    let mut connection = shipped.connect().await;
    for number in 0..requests {
        let method = match random.below(4) {
            0 => "GET",
            1 => "HEAD",
            2 => "POST",
            _ => "PUT",
        };
        let path = format!("/b/{method}-{client}-{number}");
        let request = Request::new(method, S3, &path).bytes();
        connection.send(&request).await.expect("sent");
        let (status, headers) = connection.head().await.expect("an answer");
        let header = |name: &str| headers.iter().find(|(key, _)| key == name);
        if method != "HEAD" {
            let (_, length) = header("content-length").expect("a length");
            let length = length.parse().expect("a number");
            connection.raw(length).await.expect("a body");
        }
        if status != 200 {
            let reason = header("x-sigv4-egress-reason").map(|(_, reason)| reason.as_str());
            failed.push((method, format!("{status} {}", reason.unwrap_or_default())));
        }
        tokio::time::sleep(Duration::from_micros(random.below(PAUSE_MICROS))).await;
    }
    failed
}

/// AWS reads a request, and ends the connection without an answer the first time.
#[test]
fn what_aws_may_have_carried_out_is_not_sent_again_but_for_get_and_head() {
    with_upstream(Behaviour::ClosesAfterReading, async |shipped, seen| {
        for (method, host, path) in [
            ("GET", S3, "/b/k"),
            ("GET", LAMBDA, "/2015-03-31/functions"),
            ("GET", SNS, "/?action=lower-case"),
        ] {
            shipped.ask(&Request::new(method, host, path)).await.ok();
            assert_eq!(seen.count(path), 2, "{method} {path}");
        }
        let publish = "/?Message=hello&Action=Publish&Version=2010-03-31";
        for (method, host, path) in [
            ("GET", SNS, publish),
            ("POST", LAMBDA, "/2015-03-31/functions/f/invocations"),
            ("PUT", S3, "/b/p"),
            ("DELETE", S3, "/b/d"),
            ("PATCH", API_GATEWAY, "/restapis/x"),
        ] {
            let json = ("content-type", "application/json");
            let request = Request::new(method, host, path).header(json.0, json.1);
            let answer = shipped.ask(&request).await;
            answer.refused(503, "aws_closed_connection");
            assert_eq!(answer.header(json.0), Some(json.1));
            assert_eq!(answer.header("retry-after"), None);
            assert_eq!(seen.count(path), 1, "{method} {path}");
        }
        let answer = shipped.ask(&Request::new("PUT", S3, "/b/xml")).await;
        answer.refused(503, "aws_closed_connection");
        assert_eq!(answer.header("content-type"), Some("application/xml"));
    });
}

/// Connections that end during their handshake: AWS has seen nothing of the request. 64 KiB of a body are kept at least.
#[test]
fn whatever_aws_cannot_have_seen_is_sent_again() {
    for (method, host, refused, body) in [
        ("GET", S3, 1, 0),
        ("DELETE", S3, 2, 0),
        ("PUT", S3, 2, 60_000),
        ("POST", LAMBDA, 2, 60_000),
    ] {
        with_upstream(Behaviour::Refuses(refused), async |shipped, seen| {
            let request = Request::new(method, host, "/b/k").body(vec![7; body]);
            let answer = shipped.ask(&request).await;
            assert_eq!(answer.status, 200, "{method} {body} {}", answer.text());
            assert_eq!(seen.count("/b/k"), 1, "{method}");
            assert_eq!(seen.connections(), refused + 1, "{method}");
        });
    }
}

#[test]
fn an_aws_that_cannot_be_reached_is_named_as_the_reason() {
    with_upstream(Behaviour::Refuses(u64::MAX), async |shipped, _| {
        let invoke = Request::new("POST", LAMBDA, "/2015-03-31/functions/f/invocations");
        let invoke = invoke.header("content-type", "application/json").body("{}");
        shipped.ask(&invoke).await.refused(503, "aws_unreachable");
        let get = Request::get(S3, "/b/k");
        shipped.ask(&get).await.refused(503, "aws_unreachable");
        // More, too, than is kept for another try.
        for length in [60_000, 100_000, 5_000_000] {
            let put = Request::new("PUT", S3, "/b/k").body(vec![7; length]);
            shipped.ask(&put).await.refused(503, "aws_unreachable");
        }
    });
}

/// What an AWS does with its connections.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Waits a random time for the next request, and no longer.
    ClosesWhenIdle,
    /// Reads a path's first request, and answers the second.
    ClosesAfterReading,
    /// Ends so many connections before their handshake.
    Refuses(u64),
}

/// What has arrived at such an AWS.
#[derive(Default)]
struct Seen {
    connections: AtomicU64,
    paths: Mutex<BTreeMap<String, usize>>,
}

impl Seen {
    fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How often each path has come.
    fn counts(&self) -> BTreeMap<String, usize> {
        self.paths.lock().expect("a list").clone()
    }

    fn count(&self, path: &str) -> usize {
        self.counts().get(path).copied().unwrap_or_default()
    }

    /// Notes a request, and how often its path has come by now.
    fn note(&self, request: &[u8]) -> usize {
        let line = String::from_utf8_lossy(request);
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut paths = self.paths.lock().expect("a list");
        let count = paths.entry(path).or_default();
        *count += 1;
        *count
    }

    async fn serve(self: Arc<Self>, connection: Connected, behaviour: Behaviour) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        if matches!(behaviour, Behaviour::Refuses(count) if number < count) {
            return;
        }
        let Some(mut connection) = connection.accept().await else {
            return;
        };
        let mut random = Random(number);
        loop {
            let patience = match behaviour {
                Behaviour::ClosesWhenIdle => Duration::from_micros(random.below(PAUSE_MICROS)),
                Behaviour::ClosesAfterReading | Behaviour::Refuses(_) => SOON,
            };
            let request = tokio::time::timeout(patience, connection.request()).await;
            let Ok(request) = request else {
                return connection.close().await;
            };
            let Some(request) = request else {
                return;
            };
            if self.note(&request) == 1 && matches!(behaviour, Behaviour::ClosesAfterReading) {
                return connection.close().await;
            }
            let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if connection.send(ok).await.is_none() {
                return;
            }
        }
    }
}

fn with_upstream(behaviour: Behaviour, steps: impl AsyncFn(&Shipped, &Seen)) {
    for version in envoy::versions() {
        runtime().block_on(async {
            let seen = Arc::new(Seen::default());
            let of_upstream = Arc::clone(&seen);
            let upstream = async move |ca: &Arc<TestCa>| {
                let serve = move |connection| Arc::clone(&of_upstream).serve(connection, behaviour);
                Some(upstream::start(ca, serve).await)
            };
            let shipped = Shipped::start(&version, upstream, |_| {}).await;
            steps(&shipped, &seen).await;
        });
    }
}

/// A linear congruential generator: the same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
