//! `envoy/envoy.yaml`, changed as its comments say for EKS Pod Identity, with the agent and AWS as fakes.

use std::fs;
use std::sync::Arc;

use e2e::agent::{Asked, FakeAgent, ROLE};
use e2e::bootstrap::shipped_for_pod_identity;
use e2e::ca::TestCa;
use e2e::envoy::{self, Envoy};
use e2e::ledger::Ledger;
use e2e::token::TokenDir;
use e2e::{Connection, FakeAws, Request, SOON, eventually};

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
    let ports = [
        ("sigv4-egress-aws", aws.port),
        ("sigv4-egress-container", agent.port),
    ];
    let config = shipped_for_pod_identity(&directory, &ports).to_string();
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
