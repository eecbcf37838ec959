//! `envoy/envoy.yaml`, changed as its comments say for EKS Pod Identity, with the agent and AWS as fakes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use e2e::agent::{Asked, FakeAgent, ROLE};
use e2e::bootstrap::{redirect, set_environment};
use e2e::ca::TestCa;
use e2e::envoy::{self, Envoy};
use e2e::ledger::Ledger;
use e2e::token::TokenDir;
use e2e::{Connection, FakeAws, Request, SOON, Value, eventually, json};

#[test]
fn the_shipped_configuration_takes_the_credentials_of_the_agent() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for version in envoy::versions() {
            signs_with_the_agents_credentials(&version).await;
        }
    });
}

async fn signs_with_the_agents_credentials(version: &str) {
    let directory =
        std::env::temp_dir().join(format!("pod-identity-{version}-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    let (ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
    fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
    let token = TokenDir::new(directory.join("pod"), Arc::clone(&ledger));
    let held = token.rotate();
    let agent = FakeAgent::start(&ledger).await;
    let aws = FakeAws::start(&ca, &ledger).await;
    let config = bootstrap(&directory, aws.port, agent.port).to_string();
    fs::write(directory.join("envoy.json"), config).expect("envoy.json");

    let envoy = Envoy::start(version, &directory, 2).await;
    let port = eventually("the listener is there", SOON, async || {
        envoy.port("sigv4-egress").await
    })
    .await;
    let mut connection = Connection::open(port).await.expect("it accepts");
    let request = Request::get("s3.eu-west-1.amazonaws.com", "/").bytes();
    let answer = connection.ask(&request).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), envoy.report());
    let signature = aws.only();
    let key = ledger.find(&signature.verdict.signature().access_key_id);
    assert_eq!(key.expect("issued").role.as_deref(), Some(ROLE));
    let asked = Asked {
        path: "/v1/credentials".into(),
        host: "169.254.170.23".into(),
        authorization: Some(held),
    };
    assert_eq!(agent.asked(), [asked]);
    drop(envoy);
    fs::remove_dir_all(&directory).expect("the directory");
}

/// The shipped file with the two changes of its comments; and the fakes and this machine's places.
fn bootstrap(directory: &Path, aws: u16, agent: u16) -> Value {
    let path = |name: &str| directory.join(name).display().to_string();
    let shipped = envoy::workspace().join("envoy/envoy.yaml");
    let text = fs::read_to_string(shipped).expect("envoy/envoy.yaml");
    let replacements = [
        // For Pod Identity.
        (
            "match: { path: /token }",
            "match: { path: /container-token }".to_owned(),
        ),
        (
            "/var/run/secrets/eks.amazonaws.com/serviceaccount",
            path("pod"),
        ),
        // Of this machine.
        ("/etc/sigv4-egress/sigv4_egress.wasm", envoy::module()),
        ("/etc/ssl/certs/ca-certificates.crt", path("ca.pem")),
        ("/var/run/sigv4-egress/token.sock", path("token.sock")),
        ("port_value: 9911", "port_value: 0".to_owned()),
        ("port_value: 9901", "port_value: 0".to_owned()),
    ];
    let text = replacements.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "envoy/envoy.yaml has no {from}");
        text.replace(from, to)
    });
    let mut config: Value = serde_saphyr::from_str(&text).expect("YAML");
    let ports = [("sigv4-egress-aws", aws), ("sigv4-egress-container", agent)];
    redirect(&mut config, &ports);
    // What EKS puts into the environment of a pod with an association.
    let environment = json!({
        "AWS_REGION": "eu-west-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/token",
    });
    set_environment(&mut config, &environment);
    config
}
