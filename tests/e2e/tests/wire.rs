//! What is signed is what goes out: random requests through a real Envoy with the settings of
//! `envoy/envoy.yaml`, and botocore recomputes each signature from the bytes that arrived.
//!
//! Every run draws other requests; `WIRE_SEED=<seed>` draws those of an earlier run again, and
//! `WIRE_REQUESTS=<number>` asks for more or fewer of them.

#[path = "wire/draw.rs"]
mod draw;
#[path = "wire/egress.rs"]
mod egress;
#[path = "wire/upstream.rs"]
mod upstream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use draw::Sent;
use e2e::ledger::Ledger;
use e2e::{Connection, Value, envoy, json};
use egress::Egress;
use futures_util::future::join_all;

/// On the newest Envoy; a tenth of it on each older one.
const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 8;
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn botocore_recomputes_every_signature_from_the_bytes_that_arrived() {
    let seed = number("WIRE_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.expect("after 1970").subsec_nanos().into()
    });
    let requests = number("WIRE_REQUESTS").map_or(REQUESTS, |count| {
        usize::try_from(count).expect("a number of requests")
    });
    for (position, version) in envoy::versions().iter().enumerate() {
        let count = if position == 0 {
            requests
        } else {
            requests.div_ceil(10)
        };
        println!("WIRE_SEED={seed}: {count} requests through Envoy {version}");
        let started = Instant::now();
        in_egress(version, async |egress| {
            let sent = draw::requests(seed, count, egress.port);
            let journal = exchange(egress, &sent).await;
            let sending = started.elapsed();
            let verdict = verify(&egress.directory, &journal);
            println!(
                "{verdict}sent within {sending:?}, verified within {:?}",
                started.elapsed()
            );
            assert_eq!(
                verdict.lines().last(),
                Some(&*format!("{count} requests, 0 mismatches")),
                "WIRE_SEED={seed}, Envoy {version}:\n{verdict}"
            );
            the_verifier_notices_a_changed_byte(&egress.directory, &journal);
        });
    }
}

/// A verifier that accepts everything would prove nothing.
#[track_caller]
fn the_verifier_notices_a_changed_byte(directory: &Path, journal: &[Value]) {
    let mut changed = Vec::new();
    for entry in journal.iter().take(1000) {
        let Some(text) = arrived(entry) else { continue };
        for (from, to) in [
            (".amazonaws.com", ".amazonaws.org"),
            ("x-amz-date: 2", "x-amz-date: 3"),
            ("Signature=", "Signature=0"),
            ("x-amz-", "x-amz-added: 1\r\nx-amz-"),
        ] {
            let mut entry = entry.clone();
            entry["arrived"] = json!(BASE64_STANDARD.encode(text.replacen(from, to, 1)));
            changed.push(entry);
        }
    }
    assert!(!changed.is_empty(), "nothing to change");
    let verdict = verify(directory, &changed);
    let count = changed.len();
    assert_eq!(
        verdict.lines().last(),
        Some(&*format!("{count} requests, {count} mismatches"))
    );
}

fn arrived(entry: &Value) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(entry["arrived"].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

fn in_egress(version: &str, steps: impl AsyncFn(&Egress)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let egress = Egress::start(version).await;
        let ended = tokio::time::timeout(LIMIT, steps(&egress)).await;
        assert!(ended.is_ok(), "not within {LIMIT:?}");
    });
}

/// Sends all of it and returns what the verifier reads: what was sent, and what arrived.
async fn exchange(egress: &Egress, sent: &[Sent]) -> Vec<Value> {
    egress.until_signing().await;
    join_all((0..CONNECTIONS).map(async |first| {
        let mut connection = Connection::open(egress.port).await.expect("it accepts");
        for request in sent.iter().skip(first).step_by(CONNECTIONS) {
            let answer = connection.ask(&request.bytes).await;
            let shown = || request.bytes.escape_ascii().to_string();
            let answer = answer.unwrap_or_else(|error| panic!("{error}: {}", shown()));
            assert_eq!(
                answer.status,
                200,
                "{}\n{answer:?} {}",
                shown(),
                answer.text()
            );
        }
    }))
    .await;
    journal(egress, sent)
}

fn journal(egress: &Egress, sent: &[Sent]) -> Vec<Value> {
    let keys = secret_access_keys(&egress.ledger);
    let entry = |request: &Sent| {
        let arrived = egress.upstream.arrived(request.id).expect("it arrived");
        json!({
            "service": request.service,
            "region": egress::REGION,
            "target": request.target,
            "body": BASE64_STANDARD.encode(&request.body),
            "sent": BASE64_STANDARD.encode(&request.bytes),
            "arrived": BASE64_STANDARD.encode(arrived),
            "secret_access_keys": keys,
        })
    };
    sent.iter().map(entry).collect()
}

fn secret_access_keys(ledger: &Ledger) -> Value {
    let keys = ledger.issued().into_iter();
    let keys = keys.map(|key| (key.access_key_id, json!(key.secret_access_key)));
    Value::Object(keys.collect())
}

/// Runs the verifier; its last line is the count.
fn verify(directory: &Path, journal: &[Value]) -> String {
    let lines: Vec<_> = journal.iter().map(|entry| format!("{entry}\n")).collect();
    let path = directory.join("journal.jsonl");
    fs::write(&path, lines.concat()).expect("the journal");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let output = Command::new(python())
        .arg(tests.join("wire/verify.py"))
        .arg(path)
        .output()
        .expect("Python starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn python() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/python/bin/python");
    assert!(
        path.exists(),
        "no Python with botocore at {}: run `cargo xtask test`, which installs it",
        path.display()
    );
    path
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number")),
    )
}
