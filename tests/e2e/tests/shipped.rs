//! The shipped `envoy/envoy.yaml`: what of programs' requests and of AWS's habits it must bear.

use std::sync::Arc;
use std::time::Duration;

use e2e::bootstrap::shipped_without_https;
use e2e::ca::TestCa;
use e2e::shipped::{Shipped, runtime, with_shipped};
use e2e::upstream::{self, Connected};
use e2e::{Connection, Request, SOON, Value, envoy, eventually, json};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
const LAMBDA: &str = "lambda.eu-west-1.amazonaws.com";
const NEPTUNE: &str = "db.cluster-abc.eu-west-1.neptune.amazonaws.com:8182";
/// `max_body_bytes` by default.
const LARGEST_BODY: usize = 8 << 20;
const PLACEHOLDER: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=placeholder/20261128/eu-west-1/s3/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=00",
);

/// Lambda works up to 15 minutes on a synchronous call. CI waits longer than Envoy's default for a whole answer (15 s);
/// `SIGV4_EGRESS_SILENCE_SECONDS=840` waits as long as such a function.
#[test]
fn a_call_on_which_aws_works_long_is_answered_and_made_once() {
    let silence = std::env::var("SIGV4_EGRESS_SILENCE_SECONDS").ok();
    let silence = silence.map_or(20, |text| text.parse().expect("a number"));
    with_shipped(async |shipped| {
        shipped.aws.gate.close();
        let path = "/2015-03-31/functions/nightly-billing/invocations";
        let request = Request::new("POST", LAMBDA, path).body("{}");
        let open = async {
            let arrived = || (!shipped.aws.received().is_empty()).then_some(());
            eventually("it arrived", SOON, async || arrived()).await;
            tokio::time::sleep(Duration::from_secs(silence)).await;
            shipped.aws.gate.open();
        };
        let (answer, ()) = tokio::join!(shipped.ask(&request), open);
        answer.ok();
        assert_eq!(shipped.aws.only().path, path);
    });
}

#[test]
fn a_request_that_stays_silent_ends_with_its_reason() {
    for version in envoy::versions() {
        runtime().block_on(async {
            let shipped = Shipped::start(
                &version,
                async |_| None,
                |config| {
                    manager(config)["stream_idle_timeout"] = "2s".into();
                },
            );
            let shipped = shipped.await;
            shipped.aws.gate.close();
            let answer = shipped.ask(&Request::get(S3, "/b/k")).await;
            answer.refused(504, "idle_timeout");
        });
    }
}

#[test]
fn a_websocket_is_signed_and_its_frames_pass() {
    let upgrade = |method: &str| {
        let request = Request::new(method, NEPTUNE, "/gremlin");
        request
            .header("connection", "Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    for version in envoy::versions() {
        runtime().block_on(async {
            let shipped = Shipped::start(
                &version,
                async |_| None,
                |config| {
                    allow(
                        config,
                        r#"["s3", "db.cluster-abc.eu-west-1.neptune.amazonaws.com"]"#,
                    );
                },
            );
            let shipped = shipped.await;
            let mut connection = shipped.connect().await;
            let answer = connection.ask(&upgrade("GET").bytes()).await;
            assert_eq!(answer.expect("an answer").status, 101);
            let arrived = shipped.aws.only();
            assert_eq!(arrived.verdict.signature().service, "neptune-db");
            for frame in [&b"\x81\x05hello"[..], &[0x82, 0x03, 1, 2, 3]] {
                connection.send(frame).await.expect("sent");
                let echo = connection.raw(frame.len()).await;
                assert_eq!(echo.expect("an echo"), frame);
            }
            let api = "abc123.execute-api.eu-west-1.amazonaws.com";
            let refused = Request::get(api, "/prod")
                .header("connection", "Upgrade")
                .header("upgrade", "websocket");
            shipped.ask(&refused).await.refused(403, "not_allowed");
            let other = Request::get(S3, "/b/k")
                .header("connection", "Upgrade")
                .header("upgrade", "irc/6.9");
            let answer = shipped.ask(&other).await;
            assert_eq!(
                (answer.status, answer.reason()),
                (403, Some("upgrade_refused"))
            );
            shipped.aws.assert_never_unsigned();
        });
    }
}

/// The option of docs/clients.md.
#[test]
fn the_case_of_header_names_is_kept_where_it_is_asked_for() {
    let form = json!({"stateful_formatter": {
        "name": "preserve_case",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
        },
    }});
    for (version, is_kept) in envoy::versions()
        .into_iter()
        .flat_map(|v| [(v.clone(), true), (v, false)])
    {
        runtime().block_on(async {
            let upstream = async |ca: &Arc<TestCa>| Some(upstream::start(ca, answers_with_an_etag).await);
            let shipped = Shipped::start(&version, upstream, |config| {
                if is_kept {
                    manager(config)["http_protocol_options"]["header_key_format"] = form.clone();
                    let options = &mut config["static_resources"]["clusters"][0]["typed_extension_protocol_options"];
                    let options = options.as_object_mut().and_then(|options| options.values_mut().next());
                    let options = options.expect("options");
                    options["explicit_http_config"]["http_protocol_options"]["header_key_format"] = form.clone();
                }
            });
            let shipped = shipped.await;
            let mut connection = shipped.connect().await;
            let request = format!("GET /b/k HTTP/1.1\r\nHost: {S3}\r\nIf-None-Match: \"1\"\r\n\r\n");
            connection.send(request.as_bytes()).await.expect("sent");
            let answer = connection.raw(60).await.expect("an answer");
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let expected = if is_kept { "ETag: " } else { "etag: " };
            assert!(answer.contains(expected), "{answer}");
        });
    }
}

async fn answers_with_an_etag(connection: Connected) {
    if let Some(mut connection) = connection.accept().await
        && connection.request().await.is_some()
    {
        let answer = b"HTTP/1.1 200 OK\r\nETag: \"5d41402abc4b2a76b9719d911017c592\"\r\nContent-Length: 0\r\n\r\n";
        // It ends where Envoy does.
        let _ = connection.send(answer).await;
        connection.request().await;
    }
}

#[test]
fn http_1_0_is_spoken() {
    with_shipped(async |shipped| {
        let get = format!("GET /b/k HTTP/1.0\r\nHost: {S3}\r\n\r\n");
        shipped.ask_bytes(get.as_bytes()).await.ok();
        let post = format!("POST / HTTP/1.0\r\nHost: {DYNAMODB}\r\nContent-Length: 2\r\n\r\n{{}}");
        shipped.ask_bytes(post.as_bytes()).await.ok();
        let nobody = shipped.ask_bytes(b"GET /b/k HTTP/1.0\r\n\r\n").await;
        nobody.refused(400, "no_target");
        // Python 3.11.
        let tunnel = format!("CONNECT {S3}:443 HTTP/1.0\r\n\r\n");
        let tunnel = shipped.ask_bytes(tunnel.as_bytes()).await;
        tunnel.refused(403, "connect_refused");
    });
}

#[test]
fn what_is_meant_for_a_proxy_does_not_reach_aws() {
    with_shipped(async |shipped| {
        let request = Request::get(S3, "/b/k")
            .header("proxy-authorization", "Basic cHJveHk6c2VjcmV0")
            .header("proxy-connection", "keep-alive");
        shipped.ask(&request).await.ok();
        let arrived = shipped.aws.only();
        for (name, _) in &arrived.headers {
            let is_envoys = name.starts_with("x-envoy-") || name.starts_with("x-forwarded-");
            assert!(!name.starts_with("proxy-") && !is_envoys, "{name}");
        }
    });
}

/// Each with its status, its reason and a word of its advice.
#[test]
fn envoys_own_answers_say_what_to_do() {
    const ROWS: &[(&str, u16, &str, &str)] = &[
        (
            "GET /k HTTP/1.1\r\nHost: my-bucket.localhost:9911",
            404,
            "bucket_in_front",
            "path style",
        ),
        (
            "GET /k HTTP/1.1\r\nHost: aws-proxy.default.svc",
            404,
            "not_aws",
            "http://127.0.0.1:9911",
        ),
        (
            "GET / HTTP/1.1\r\nHost: example.org",
            404,
            "not_aws",
            "NO_PROXY",
        ),
        (
            "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443",
            403,
            "not_aws",
            "NO_PROXY",
        ),
        (
            "CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443",
            403,
            "not_aws",
            "NO_PROXY",
        ),
        (
            "GET / HTTP/1.1\r\nHost: example.org\r\nContent-Length: x",
            400,
            "request_unreadable",
            "",
        ),
        (
            "GET / HTTP/1.1\r\nHost: 127.0.0.1",
            400,
            "no_target",
            "placeholder",
        ),
        (
            "GET / HTTP/1.1\r\nHost: [::1]:9911",
            400,
            "no_target",
            "placeholder",
        ),
    ];
    with_shipped(async |shipped| {
        for (head, status, reason, advice) in ROWS {
            let (name, value) = PLACEHOLDER;
            let signature = match *reason {
                "no_target" => String::new(),
                _ => format!("{name}: {value}\r\n"),
            };
            let request = format!("{head}\r\n{signature}\r\n");
            let answer = shipped.ask_bytes(request.as_bytes()).await;
            let found = (answer.status, answer.reason());
            assert_eq!(found, (*status, Some(*reason)), "{head}");
            assert!(answer.text().contains(advice), "{head} {}", answer.text());
        }
        let long = Request::get(S3, "/").header("x-long", "x".repeat(70_000));
        let answer = shipped.ask(&long).await;
        let found = (answer.status, answer.reason());
        assert_eq!(found, (431, Some("request_unreadable")));
        assert_eq!(shipped.aws.received().len(), 0);
    });
}

/// The largest body that is held, with a length and without, and one byte more.
#[test]
fn bodies_are_held_up_to_the_limit() {
    for version in envoy::versions() {
        runtime().block_on(async {
            let shipped = Shipped::start(
                &version,
                async |_| None,
                |config| {
                    for_version(config, &version);
                },
            );
            let shipped = shipped.await;
            let path = "/2015-03-31/functions/f/invocations";
            let largest = vec![b'a'; LARGEST_BODY];
            let request = || Request::new("POST", LAMBDA, path);
            shipped.ask(&request().body(&largest[..])).await.ok();
            shipped
                .ask(&request().chunked(&largest, 1 << 16))
                .await
                .ok();
            for arrived in shipped.aws.take_received() {
                assert_eq!(arrived.body_length, LARGEST_BODY as u64);
                assert!(!arrived.verdict.signature().unsigned_payload);
            }
            // At the endpoint.
            let (name, value) = PLACEHOLDER;
            let at_endpoint = Request::new("POST", "127.0.0.1:9911", path)
                .header(name, value.replace("/s3/", "/lambda/"))
                .body(&largest[..]);
            shipped.ask(&at_endpoint).await.ok();
            // An upload of unknown length is held for its length.
            let upload = Request::new("PUT", S3, "/b/k").header(name, value);
            let upload = upload.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
            shipped.ask(&upload.chunked(&largest, 1 << 16)).await.ok();

            let larger = vec![b'a'; LARGEST_BODY + 1];
            let answer = shipped.ask(&request().body(&larger[..])).await;
            answer.refused(413, "body_too_large");
            let answer = shipped.ask(&request().chunked(&larger, 1 << 16)).await;
            answer.refused(413, "body_too_large");
        });
    }
}

/// With the file as it is, Envoy 1.36 holds less than the filter would.
#[test]
fn a_body_that_envoy_will_not_hold_has_its_reason() {
    for version in envoy::versions() {
        runtime().block_on(async {
            let shipped = Shipped::start(
                &version,
                async |_| None,
                |config| {
                    let listener = &mut config["static_resources"]["listeners"][0];
                    listener["per_connection_buffer_limit_bytes"] = 65_536.into();
                    take_limits(&mut manager(config)["route_config"]);
                },
            );
            let shipped = shipped.await;
            let request = Request::new("POST", DYNAMODB, "/").body(vec![b'a'; 1 << 20]);
            let answer = shipped.ask(&request).await;
            let found = (answer.status, answer.reason());
            assert_eq!(found, (413, Some("buffer_limit")));
        });
    }
}

fn take_limits(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("request_body_buffer_limit");
            fields.values_mut().for_each(take_limits);
        }
        Value::Array(items) => items.iter_mut().for_each(take_limits),
        _ => {}
    }
}

/// Envoy answers `Expect` before any filter runs, so that 100 comes first (`source/common/http/conn_manager_impl.cc`,
/// 1.36 and 1.40): the client begins to send, and 413 follows at once.
#[test]
fn an_expected_body_that_is_too_large_is_refused_before_it_is_sent() {
    with_shipped(async |shipped| {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {DYNAMODB}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
            LARGEST_BODY + 1
        );
        let mut connection: Connection = shipped.connect().await;
        connection.send(request.as_bytes()).await.expect("sent");
        let (status, _) = connection.head().await.expect("an answer");
        assert_eq!(status, 100);
        let answer = connection.answer().await.expect("an answer");
        answer.refused(413, "body_too_large");
    });
}

/// At once.
const TRANSFERS: usize = 100;

/// The figures of docs/operations.md are what this prints.
#[test]
fn slow_downloads_cost_little_memory() {
    let limit = std::env::var("SIGV4_EGRESS_BUFFER_LIMIT").ok();
    let limit: Option<u32> = limit.map(|text| text.parse().expect("a number"));
    cost(
        "slow downloads",
        4 << 20,
        limit,
        large_objects,
        &Request::get(S3, "/backups/2026.tar").bytes(),
        async |connection| {
            let (status, _) = connection.head().await.expect("a head");
            assert_eq!(status, 200);
        },
    );
}

/// What is kept for another try is little.
#[test]
fn uploads_that_aws_reads_slowly_cost_little_memory() {
    let head = format!(
        "PUT /backups/2026.tar HTTP/1.1\r\nhost: {S3}\r\ncontent-length: {}\r\n\r\n",
        1_u64 << 40
    );
    cost(
        "slow uploads",
        4 << 20,
        None,
        reads_no_bodies,
        head.as_bytes(),
        async |connection| {
            let patience = Duration::from_secs(1);
            let part = vec![b'x'; 1 << 20];
            for _ in 0..64 {
                let sent = tokio::time::timeout(patience, connection.send(&part)).await;
                // No more is read.
                if sent.is_err() {
                    return;
                }
            }
            panic!("Envoy has read 64 MiB that AWS did not read");
        },
    );
}

/// While AWS works on a request, which may take 15 minutes, little of its body is kept for another try.
#[test]
fn bodies_that_aws_works_on_cost_little_memory() {
    let path = "/2015-03-31/functions/f/invocations";
    let body = vec![b'x'; 2_000_000];
    cost(
        "large calls",
        512 << 10,
        None,
        answers_none,
        &Request::new("POST", LAMBDA, path).body(body).bytes(),
        async |_| {},
    );
}

async fn answers_none(connection: Connected) {
    if let Some(mut connection) = connection.accept().await {
        // It ends where Envoy does.
        if connection.request().await.is_some() {
            std::future::pending().await
        }
    }
}

/// Checks that each transfer costs Envoy at most so many bytes: `begin` is sent, and `go_on` done when AWS has it.
/// While Envoy still connects, it keeps of a body what a call may be large, 8 MiB.
fn cost<F: Future<Output = ()> + Send + 'static>(
    what: &str,
    most: u64,
    limit: Option<u32>,
    serve: fn(Connected) -> F,
    begin: &[u8],
    go_on: impl AsyncFn(&mut Connection),
) {
    for version in envoy::versions() {
        runtime().block_on(async {
            let upstream = async |ca: &Arc<TestCa>| Some(upstream::start(ca, serve).await);
            let shipped = Shipped::start(&version, upstream, |config| {
                if let Some(limit) = limit {
                    let listener = &mut config["static_resources"]["listeners"][0];
                    listener["per_connection_buffer_limit_bytes"] = limit.into();
                }
            });
            let shipped = shipped.await;
            let before = allocated_bytes(&shipped).await;
            let mut connections = Vec::new();
            while connections.len() < TRANSFERS {
                // More at once, and on a busy machine Envoy gives up some of its connections to AWS.
                let some = (0..10).map(async |_| {
                    let mut connection = shipped.connect().await;
                    connection.send(begin).await.expect("sent");
                    connection
                });
                connections.extend(futures_util::future::join_all(some).await);
                // 20 MB may have to be hashed before.
                eventually("AWS has each request", 3 * SOON, async || {
                    let active = shipped
                        .envoy
                        .stat("cluster.sigv4-egress-aws.upstream_rq_active")
                        .await;
                    (active == connections.len() as u64).then_some(())
                })
                .await;
            }
            futures_util::future::join_all(
                connections
                    .iter_mut()
                    .map(async |connection| go_on(connection).await),
            )
            .await;
            let mut last = 0;
            let after = eventually("nothing more is read", 3 * SOON, async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let now = allocated_bytes(&shipped).await;
                (std::mem::replace(&mut last, now).abs_diff(now) < 1 << 20).then_some(now)
            });
            let after = after.await;
            assert_eq!(connections.len(), TRANSFERS);
            let each = after.saturating_sub(before) / TRANSFERS as u64;
            println!(
                "Envoy {version}: {} kB each of {TRANSFERS} {what}, {} MB of the system's",
                each / 1000,
                shipped.envoy.resident_bytes() / 1_000_000,
            );
            assert!(limit.is_some() || each < most, "{each}");
        });
    }
}

async fn large_objects(connection: Connected) {
    let Some(mut connection) = connection.accept().await else {
        return;
    };
    while connection.head().await.is_some() {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40);
        let mut going = connection.send(head.as_bytes()).await;
        while going.is_some() {
            going = connection.send(&[b'x'; 1 << 16]).await;
        }
    }
}

async fn reads_no_bodies(connection: Connected) {
    if let Some(mut connection) = connection.accept().await {
        // It ends where Envoy does.
        if connection.head().await.is_some() {
            std::future::pending().await
        }
    }
}

/// What Envoy has in use. It keeps more of the system's.
async fn allocated_bytes(shipped: &Shipped) -> u64 {
    let answer = shipped.envoy.admin("/memory").await.expect("an answer");
    let memory: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let text = memory["allocated"].as_str().expect("a text");
    text.parse().expect("a number")
}

fn manager(config: &mut Value) -> &mut Value {
    &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

/// What the comment at `per_connection_buffer_limit_bytes` says of Envoy 1.36.
fn for_version(config: &mut Value, version: &str) {
    if version.starts_with("1.36.") {
        let listener = &mut config["static_resources"]["listeners"][0];
        listener["per_connection_buffer_limit_bytes"] = 9_437_184.into();
    }
}

fn allow(config: &mut Value, allow: &str) {
    let plugin = &mut manager(config)["http_filters"][0]["typed_config"]["config"];
    plugin["configuration"]["value"] = format!("{{\"allow\": {allow}}}").into();
}

/// The table in docs/configuration.md has each service whose blobs are larger than the default, as botocore's models
/// have them, and a setting that carries them.
#[test]
fn services_with_larger_bodies_are_in_the_table() {
    let script = envoy::workspace().join("tests/e2e/tests/shipped/bodies.py");
    let output = std::process::Command::new(envoy::python())
        .arg(script)
        .output();
    let output = output.expect("Python");
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let table = sigv4_egress::config::reference::markdown();
    let mut found = 0;
    for line in lines.lines() {
        let (service, bytes) = line.split_once(' ').expect("two words");
        let bytes: u64 = bytes.parse().expect("a number");
        let rows = table
            .lines()
            .filter(|row| row.starts_with(&format!("| `{service}` | ")));
        let setting = rows.filter_map(|row| {
            let setting = row.trim_end_matches(" |").rsplit(" | ").next()?;
            match setting.strip_prefix("cannot") {
                Some(_) => Some(u64::MAX),
                None => setting.trim_matches('`').parse().ok(),
            }
        });
        let setting = setting.max().unwrap_or_else(|| panic!("no row: {line}"));
        assert!(setting > bytes, "{line}, but {setting}");
        found += 1;
    }
    assert!(found > 10, "{lines}");
}

/// docs/reasons.md has the reasons of the files, and no others.
#[test]
fn the_reasons_of_the_files_are_documented() {
    let known = sigv4_egress::refusal::reason::OF_ENVOY;
    let known: Vec<&str> = known.iter().map(|(_, word, _)| *word).collect();
    for (file, least) in [
        // Tunnels are for the plain Envoy alone.
        ("envoy/envoy.yaml", known.len()),
        ("envoy/istio/loopback.yaml", known.len() - 1),
        ("envoy/istio/transparent.yaml", 0),
    ] {
        let text = std::fs::read_to_string(envoy::workspace().join(file)).expect(file);
        let words = text.split("key: x-sigv4-egress-reason, value: ").skip(1);
        let words: std::collections::BTreeSet<_> =
            words.filter_map(|rest| rest.split(' ').next()).collect();
        for word in &words {
            assert!(known.contains(word), "{file}: {word}");
        }
        assert!(words.len() >= least, "{file}: {words:?}");
    }
}

/// The egress listener's manager, the routes to AWS and the clusters of AWS in each shipped file.
#[test]
fn nothing_shipped_ends_a_request_that_aws_still_works_on() {
    let plain = yaml("envoy/envoy.yaml").remove(0);
    let loopback = values(&yaml("envoy/istio/loopback.yaml"));
    let transparent = yaml("envoy/istio/transparent.yaml");
    let files = [
        ("plain", plain),
        ("loopback", Value::Array(loopback)),
        ("transparent", Value::Array(transparent)),
    ];
    for (name, file) in &files {
        let managers = found(file, &|value| {
            value["stat_prefix"] == "sigv4_egress" && value["http_filters"].is_array()
        });
        assert_eq!(managers.len(), 1, "{name}");
        let manager = managers[0];
        // Of all of port 80 in transparent: as Istio has it.
        let idle = if *name == "transparent" {
            0
        } else {
            IDLE_SECONDS
        };
        assert_eq!(seconds(&manager["stream_idle_timeout"]), idle, "{name}");
        for none in [
            "request_timeout",
            "common_http_protocol_options",
            "stream_flush_timeout",
        ] {
            assert_eq!(manager.get(none), None, "{name}");
        }
        let clusters = found(file, &|value| {
            value["name"] == AWS && !value["connect_timeout"].is_null()
        });
        assert_eq!(clusters.len(), 1, "{name}");
        let keep_alive = &clusters[0]["upstream_connection_options"]["tcp_keepalive"];
        // Below the 350 s of a NAT gateway.
        assert_eq!(keep_alive["keepalive_time"], 60, "{name}");
        let options = clusters[0]["typed_extension_protocol_options"].as_object();
        let options = options
            .and_then(|options| options.values().next())
            .expect("options");
        let idle = json!({"idle_timeout": "3s"});
        assert_eq!(options["common_http_protocol_options"], idle, "{name}");
    }
    for (name, file) in &files {
        let sts = found(file, &|value| {
            value["name"] == "sigv4-egress-sts" && !value["connect_timeout"].is_null()
        });
        let options = sts[0]["typed_extension_protocol_options"].as_object();
        let options = options.and_then(|options| options.values().next());
        let options = &options.expect("options")["common_http_protocol_options"];
        assert_eq!(options, &json!({"idle_timeout": "3s"}), "{name}");
        let routes = found(file, &|value| value["cluster"] == AWS);
        assert!(routes.len() >= 2, "{name}");
        for route in routes {
            assert_eq!(route["timeout"], "0s", "{name} {route}");
            assert_eq!(route.get("max_stream_duration"), None, "{name} {route}");
            // Without, the manager's holds; Istio's has none.
            let idle = route.get("idle_timeout").map(seconds);
            let expected = (*name == "transparent").then_some(IDLE_SECONDS);
            assert_eq!(idle, expected, "{name} {route}");
        }
    }
}

/// What a program may expect of the port does not depend on who made it.
#[test]
fn istios_loopback_listener_is_that_of_the_plain_file() {
    let manager = |file: &Value| {
        let managers = found(file, &|value| {
            value["stat_prefix"] == "sigv4_egress" && value["http_filters"].is_array()
        });
        let mut manager = managers[0].clone();
        let fields = manager.as_object_mut().expect("an object");
        // Istio's are `normalize_path: false` and so on by default, and the filters have their own configurations.
        fields.retain(|key, _| {
            [
                "http_protocol_options",
                "upgrade_configs",
                "request_headers_timeout",
                "stream_idle_timeout",
                "delayed_close_timeout",
                "local_reply_config",
                "route_config",
            ]
            .contains(&key.as_str())
        });
        let routes = fields["route_config"].as_object_mut().expect("routes");
        routes.remove("name");
        manager
    };
    let plain = manager(&yaml("envoy/envoy.yaml")[0]);
    let loopback = values(&yaml("envoy/istio/loopback.yaml"));
    assert_eq!(manager(&Value::Array(loopback)), plain);
    assert_eq!(plain.as_object().map(serde_json::Map::len), Some(7));
}

/// Twenty minutes.
const IDLE_SECONDS: u64 = 1200;
const AWS: &str = "sigv4-egress-aws";

/// Of the plain Envoy's file, without the parts for https: they have the same connection manager.
fn yaml(file: &str) -> Vec<Value> {
    let text = match file {
        "envoy/envoy.yaml" => shipped_without_https(),
        file => std::fs::read_to_string(envoy::workspace().join(file)).expect(file),
    };
    serde_saphyr::from_multiple(&text).expect("YAML")
}

/// What an EnvoyFilter adds.
fn values(documents: &[Value]) -> Vec<Value> {
    let patches = documents
        .iter()
        .filter_map(|document| document["spec"]["configPatches"].as_array());
    patches
        .flatten()
        .map(|patch| patch["patch"]["value"].clone())
        .collect()
}

fn found<'a>(value: &'a Value, matches: &dyn Fn(&Value) -> bool) -> Vec<&'a Value> {
    let mut all = Vec::new();
    let children: Vec<&Value> = match value {
        Value::Object(fields) => {
            if matches(value) {
                all.push(value);
            }
            fields.values().collect()
        }
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    all.extend(children.into_iter().flat_map(|child| found(child, matches)));
    all
}

fn seconds(duration: &Value) -> u64 {
    let text = duration.as_str().and_then(|text| text.strip_suffix('s'));
    text.and_then(|text| text.parse().ok()).expect("seconds")
}

/// Over http, SDKs put such a bucket before the host.
#[test]
fn a_bucket_with_dots_before_the_host_is_refused_with_advice() {
    with_shipped(async |shipped| {
        let host = "my.dotted.bucket.s3.eu-west-1.amazonaws.com";
        let said = shipped.ask(&Request::get(host, "/k")).await;
        let said = said.refused(400, "dotted_bucket");
        assert!(said.contains("addressing_style=path"), "{said}");
        let in_path = Request::get(S3, "/my.dotted.bucket/k");
        shipped.ask(&in_path).await.ok();
    });
}
