//! What https from the program costs: `cargo xtask bench --https` runs this and writes what it prints into `docs/bench.md`.
//!
//! All of it is in one network namespace, on the shipped file: one client, one Envoy with one worker, and an upstream in TLS
//! that swallows what it gets. Times are for ratios of one run.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use e2e::ca::TestCa;
use e2e::namespace::{self, SINK, capture, release};
use e2e::pod::Pod;
use e2e::shipped::runtime;
use e2e::{Connection, Value, envoy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

const HOST: &str = "sink.s3.eu-west-1.amazonaws.com";
const ROUNDS: usize = 3;
const MIB: usize = 1 << 20;

/// What is done, how often, and with which connections.
struct Workload {
    name: &'static str,
    body: usize,
    times: u32,
    connections: Connections,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connections {
    Kept,
    New,
}

const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "GET, kept connection",
        body: 0,
        times: 1000,
        connections: Connections::Kept,
    },
    Workload {
        name: "GET, new connection each",
        body: 0,
        times: 200,
        connections: Connections::New,
    },
    Workload {
        name: "PUT of 1 MiB, kept connection",
        body: MIB,
        times: 40,
        connections: Connections::Kept,
    },
    Workload {
        name: "PUT of 256 MiB, kept connection",
        body: 256 * MIB,
        times: 1,
        connections: Connections::Kept,
    },
];

/// How the client gets to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By its own TLS, without Envoy.
    Direct,
    /// In plain http, by the proxy.
    Plain,
    /// In https, captured.
    Captured,
}

/// One figure for each way, with and without the filter.
#[derive(Clone, Copy)]
struct Figure {
    wall_micros: f64,
    /// Of the Envoy process.
    cpu_micros: f64,
}

#[test]
#[ignore = "measures, and judges nothing"]
fn what_https_costs() {
    namespace::within("what_https_costs", || {
        let variants = [
            ("https, no Envoy", Way::Direct, false),
            ("http, no filter", Way::Plain, false),
            ("https, no filter", Way::Captured, false),
            ("http, signed", Way::Plain, true),
            ("https, signed", Way::Captured, true),
        ];
        let mut figures = vec![vec![Vec::new(); variants.len()]; WORKLOADS.len()];
        let mut memory = Vec::new();
        for round in 0..ROUNDS {
            for filtered in [false, true] {
                runtime().block_on(async {
                    let bench = Bench::start(filtered).await;
                    // Of an Envoy that has done nothing else.
                    if let (true, Some(way)) = (filtered, [Way::Plain, Way::Captured].get(round)) {
                        bench.lead(*way);
                        memory.push(bench.memory_of(*way, 1000).await);
                    }
                    for (column, (_, way, with_filter)) in variants.iter().enumerate() {
                        if *with_filter != filtered {
                            continue;
                        }
                        bench.lead(*way);
                        for (row, workload) in WORKLOADS.iter().enumerate() {
                            figures[row][column].push(bench.measure(*way, workload).await);
                        }
                    }
                });
                release();
            }
        }
        print(&variants.map(|(name, _, _)| name), &figures, &memory);
    });
}

/// What stands in the document, between two lines that xtask looks for.
fn print(names: &[&str], figures: &[Vec<Vec<Figure>>], memory: &[f64]) {
    println!("BEGIN");
    for (what, of) in [
        (
            "Time of a request, as the client sees it, in µs",
            (|figure| figure.wall_micros) as fn(&Figure) -> f64,
        ),
        (
            "CPU time of the Envoy process for a request, in µs",
            |figure| figure.cpu_micros,
        ),
    ] {
        println!("{what}; in brackets the ratio to signed plain http:\n");
        println!("| workload | {} |", names.join(" | "));
        println!("|---|{}", "--:|".repeat(names.len()));
        for (workload, row) in WORKLOADS.iter().zip(figures) {
            let medians: Vec<f64> = row.iter().map(|all| median(all, of)).collect();
            let plain = medians[3];
            let cells = medians.iter().map(|value| match value {
                0.0 => "-".to_owned(),
                value => format!("{value:.0} ({:.2})", value / plain),
            });
            println!(
                "| {} | {} |",
                workload.name,
                cells.collect::<Vec<_>>().join(" | ")
            );
        }
        println!();
    }
    println!(
        "1,000 open connections on which nothing happens take {:.1} kB each over plain http, and {:.1} kB each over TLS.",
        memory[0], memory[1]
    );
    println!("END");
}

fn median(all: &[Figure], of: fn(&Figure) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Bench {
    pod: Pod,
    pod_trust: TlsConnector,
    aws_trust: TlsConnector,
}

impl Bench {
    async fn start(filtered: bool) -> Self {
        let names = ["*.s3.eu-west-1.amazonaws.com"];
        let version = envoy::newest();
        let pod = Pod::start(&version, &names, |config| {
            if !filtered {
                remove_filter(config);
            }
        });
        let pod = pod.await;
        swallow(&pod.shipped.aws_ca).await;
        Self {
            pod_trust: pod.shipped.pod_ca.connector(&["http/1.1"]),
            aws_trust: pod.shipped.aws_ca.connector(&["http/1.1"]),
            pod,
        }
    }

    fn lead(&self, way: Way) {
        match way {
            Way::Captured => drop(capture(&[])),
            Way::Direct | Way::Plain => release(),
        }
    }

    async fn connect(&self, way: Way) -> Connection {
        let over = async |trust| {
            let connection = Connection::open_at((HOST, 443)).await.expect("it accepts");
            connection.tls(HOST, trust).await.expect("a handshake")
        };
        match way {
            Way::Direct => over(&self.aws_trust).await,
            Way::Captured => over(&self.pod_trust).await,
            Way::Plain => self.pod.shipped.connect().await,
        }
    }

    async fn measure(&self, way: Way, workload: &Workload) -> Figure {
        let request = request(workload.body);
        let mut connection = self.connect(way).await;
        // What comes once: the connection to the upstream, the first of everything.
        ask(&mut connection, &request).await;
        let (cpu, started) = (self.cpu_micros(), Instant::now());
        for _ in 0..workload.times {
            if workload.connections == Connections::New {
                connection = self.connect(way).await;
            }
            ask(&mut connection, &request).await;
        }
        let times = f64::from(workload.times);
        let cpu = if way == Way::Direct {
            0.0
        } else {
            self.cpu_micros() - cpu
        };
        Figure {
            wall_micros: started.elapsed().as_secs_f64() * 1e6 / times,
            cpu_micros: cpu / times,
        }
    }

    /// Of Envoy's memory, in kB for each of so many connections after their first request.
    async fn memory_of(&self, way: Way, count: u32) -> f64 {
        let before = self.resident_kib();
        let mut connections = Vec::new();
        for _ in 0..count {
            let mut connection = self.connect(way).await;
            ask(&mut connection, &request(0)).await;
            connections.push(connection);
        }
        (self.resident_kib() - before) * 1.024 / f64::from(count)
    }

    /// All threads of Envoy, as the kernel's scheduler counts them.
    fn cpu_micros(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pod.shipped.envoy.id()));
        let mut nanos = 0.0;
        for task in tasks.expect("Envoy's threads").flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let first = text.split(' ').next().and_then(|first| first.parse().ok());
            nanos += first.unwrap_or(0.0);
        }
        nanos / 1e3
    }

    fn resident_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pod.shipped.envoy.id()));
        let status = status.expect("Envoy runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        number.expect("a size").parse().expect("a number")
    }
}

fn request(body: usize) -> Vec<u8> {
    let method = if body == 0 { "GET" } else { "PUT" };
    let head = format!(
        "{method} /2026/11/part-1.parquet HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {body}\r\n\
         x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nx-amz-date: 20261123T000000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=00\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + body, b'x');
    bytes
}

async fn ask(connection: &mut Connection, request: &[u8]) {
    let answer = connection.ask(request).await.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Answers 200 to every request, whatever its length.
async fn swallow(ca: &Arc<TestCa>) {
    for address in SINK.https() {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let acceptor = ca.acceptor(None);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // As AWS and Envoy do: else an answer waits for the other side's delayed acknowledgement.
                stream.set_nodelay(true).expect("a connection");
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    while swallow_one(&mut stream).await.is_some() {}
                });
            }
        });
    }
}

async fn swallow_one(stream: &mut tokio_rustls::server::TlsStream<TcpStream>) -> Option<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        (stream.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    };
    let head = String::from_utf8_lossy(bytes.get(..end)?).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut left = length.map_or(0, |text| text.parse().unwrap_or(0)) + end - bytes.len();
    let mut buffer = vec![0; 64 << 10];
    while left > 0 {
        let read = stream.read(&mut buffer).await.ok()?;
        (read > 0).then_some(())?;
        left = left.saturating_sub(read);
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .ok()?;
    stream.flush().await.ok()
}

/// The same Envoy without the filter and the guard, but for the tunnels' listener, which nobody uses here: a filter that
/// stands nowhere would fetch no credentials, for which the start waits.
fn remove_filter(config: &mut Value) {
    match config {
        Value::Object(fields)
            if fields
                .get("name")
                .is_some_and(|name| name == "sigv4-egress-tls") => {}
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if let (true, Value::Array(filters)) = (name.ends_with("http_filters"), &mut *field)
                {
                    let ours = ["sigv4-egress", "sigv4-egress-guard"];
                    filters.retain(|filter| !ours.iter().any(|ours| filter["name"] == *ours));
                }
                remove_filter(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove_filter),
        _ => {}
    }
}
