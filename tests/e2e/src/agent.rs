//! The fake container endpoint: what the EKS Pod Identity agent and the ECS agent are to a pod.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use crate::ledger::Ledger;
use crate::{ANY_PORT, lock};

/// The role that its credentials are of.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/pod-identity";

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// The `host` header.
    pub host: String,
    /// The `authorization` header.
    pub authorization: Option<String>,
}

/// Answers every GET with new credentials; what it issues, the fake AWS accepts.
pub struct FakeAgent {
    /// On 127.0.0.1, or on the addresses that it was started at.
    pub port: u16,
    journal: Mutex<Vec<Asked>>,
    refusal: Mutex<Option<(u16, &'static str)>>,
    account: Mutex<serde_json::Value>,
    ledger: Arc<Ledger>,
}

impl FakeAgent {
    /// Starts listening; lives until the runtime ends.
    pub async fn start(ledger: &Arc<Ledger>) -> Arc<Self> {
        Self::start_at(ANY_PORT, ledger).await
    }

    /// As [`FakeAgent::start`], at this address.
    ///
    /// # Panics
    /// When it is not free.
    pub async fn start_at(address: SocketAddr, ledger: &Arc<Ledger>) -> Arc<Self> {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let agent = Arc::new(Self {
            port: listener.local_addr().expect("bound").port(),
            journal: Mutex::default(),
            refusal: Mutex::default(),
            account: Mutex::new(json!("123456789012")),
            ledger: Arc::clone(ledger),
        });
        let this = Arc::clone(&agent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = Arc::clone(&this);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let this = Arc::clone(&this);
                        async move { Ok::<_, Infallible>(this.answer(&request)) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        agent
    }

    /// What stands as `AccountId` in replies from now on.
    pub fn account(&self, account: serde_json::Value) {
        *lock(&self.account) = account;
    }

    /// From now on every request gets this status and this text, in which `{}` is the authorization that came.
    pub fn refuse_with(&self, status: u16, text: &'static str) {
        *lock(&self.refusal) = Some((status, text));
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.journal).clone()
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let value = |name| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        lock(&self.journal).push(Asked {
            path: request.uri().path().to_owned(),
            host: value(header::HOST).unwrap_or_default(),
            authorization: value(header::AUTHORIZATION),
        });
        let authorization = value(header::AUTHORIZATION).unwrap_or_default();
        let (status, body) = match *lock(&self.refusal) {
            Some((status, text)) => (status, text.replace("{}", &authorization)),
            None => {
                let key = self.ledger.issue(ROLE, Duration::from_secs(3600));
                let body = json!({
                    "AccessKeyId": key.access_key_id,
                    "SecretAccessKey": key.secret_access_key,
                    "Token": key.session_token,
                    "Expiration": crate::sts::rfc3339(key.expires_at),
                    "AccountId": *lock(&self.account),
                });
                (200, body.to_string())
            }
        };
        Response::builder()
            .status(status)
            .body(Full::from(body))
            .expect("a plain response")
    }
}
