//! `envoy/envoy.yaml` reaches more hosts than Envoy's default for its DNS cache: each bucket is one.

use std::fs;
use std::sync::Arc;

use e2e::agent::FakeAgent;
use e2e::bootstrap::shipped_for_pod_identity;
use e2e::ca::TestCa;
use e2e::dns::{FakeDns, resolver};
use e2e::envoy::{self, Envoy};
use e2e::ledger::Ledger;
use e2e::token::TokenDir;
use e2e::{Connection, Request, SOON, Value, eventually};

/// Envoy's default is 1,024.
const BUCKETS: usize = 1200;

#[test]
fn the_shipped_configuration_reaches_more_buckets_than_envoys_default() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for version in envoy::versions() {
            let shipped = answers(&version, |_| {}).await;
            assert_eq!(shipped.overflows, 0, "{version}");
            // So it was before, and so the test can see it.
            let default = answers(&version, |cache| drop(cache.remove("max_hosts"))).await;
            assert_eq!(default.overflows, BUCKETS - 1024, "{version}");
        }
    });
}

struct Answers {
    /// Those of Envoy for want of room in the cache.
    overflows: usize,
}

/// Asks for each bucket once. Its host is found at 127.0.0.1, where nobody listens on port 443.
async fn answers(version: &str, change: impl Fn(&mut serde_json::Map<String, Value>)) -> Answers {
    let directory = std::env::temp_dir().join(format!("hosts-{version}-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    let (ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
    fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
    let token = TokenDir::new(directory.join("pod"), Arc::clone(&ledger));
    token.rotate();
    let agent = FakeAgent::start(&ledger).await;
    let dns = FakeDns::start().await;
    let ports = [("sigv4-egress-container", agent.port)];
    let mut config = shipped_for_pod_identity(&directory, &ports);
    change_caches(&mut config, &|cache| {
        change(cache);
        cache.insert("typed_dns_resolver_config".to_owned(), resolver(dns.port));
    });
    fs::write(directory.join("envoy.json"), config.to_string()).expect("envoy.json");

    let envoy = Envoy::start(version, &directory, 1).await;
    let port = eventually("the listener is there", SOON, async || {
        envoy.port("sigv4-egress").await
    })
    .await;
    let mut connection = Connection::open(port).await.expect("it accepts");
    let mut overflows = 0;
    for number in 0..BUCKETS {
        let request = Request::get(&format!("bucket-{number}.s3.eu-west-1.amazonaws.com"), "/");
        let answer = connection.ask(&request.bytes()).await.expect("an answer");
        let text = answer.text();
        assert_eq!(answer.status, 503, "{text}\n{}", envoy.report());
        if text.contains("DNS cache overflow") {
            assert_eq!(answer.reason(), Some("envoy_unavailable"));
            overflows += 1;
        } else {
            assert_eq!(answer.reason(), Some("aws_unreachable"), "{text}");
        }
    }
    assert!(dns.queries() >= 1024);
    drop(envoy);
    fs::remove_dir_all(&directory).expect("the directory");
    Answers { overflows }
}

/// Both places of the cache, which must be equal.
fn change_caches(config: &mut Value, change: &impl Fn(&mut serde_json::Map<String, Value>)) {
    match config {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Object(cache) if name == "dns_cache_config" => change(cache),
                    field => change_caches(field, change),
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| change_caches(item, change)),
        _ => {}
    }
}
