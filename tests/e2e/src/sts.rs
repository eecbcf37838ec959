//! The fake STS: slow, wrong, throttled or silent, as the test scripts it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::ca::TestCa;
use crate::gate::Gate;
use crate::ledger::{Key, Ledger, contains};
use crate::token::TokenDir;
use crate::verify::{Received, Verdict, judge, sha256};
use crate::{ANY_PORT, listen, lock, port_of};

/// The host that the filter must ask for with region `eu-west-1`.
pub const HOST: &str = "sts.eu-west-1.amazonaws.com";

/// One answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Credentials, as real STS answers `Accept: application/json`.
    Json,
    /// Credentials, as emulators answer.
    Xml,
    /// An AWS error with code and message, in JSON.
    Refused(u16, &'static str, &'static str),
    /// The same in XML.
    RefusedInXml(u16, &'static str, &'static str),
    /// `SignatureDoesNotMatch`, with the request as it came: its headers as AWS quotes them, and its body.
    QuotesRequest,
    /// A refusal whose message holds the secrets of the request, in such pieces.
    RepeatsSecrets(usize),
    /// Anything.
    Raw(u16, Vec<u8>),
    /// Credentials in JSON, cut off in the middle.
    TruncatedJson,
    /// No answer, ever.
    Hang,
    /// The connection is closed in place of an answer.
    Reset,
}

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it was complete.
    pub at: SystemTime,
    /// The token it carried.
    pub token: String,
    /// The role whose credentials signed it, validly.
    pub signed_by: Option<String>,
    /// Its form, without the token.
    pub form: BTreeMap<String, String>,
    /// What real STS, or a security review, would object to.
    pub faults: Vec<String>,
}

struct Script {
    next: VecDeque<Reply>,
    then: Reply,
    lifetime: Duration,
    delay: Duration,
    accepted_token: Option<String>,
}

/// Listens on TLS; what it issues, the fake AWS accepts.
pub struct FakeSts {
    /// On 127.0.0.1, or on the addresses that it was started at.
    pub port: u16,
    /// Closed: calls arrive and wait.
    pub gate: Gate,
    /// Closed: connections are accepted, and nothing is said on them.
    pub door: Gate,
    /// The host that calls must name.
    host: String,
    script: Mutex<Script>,
    acceptor: Mutex<TlsAcceptor>,
    journal: Mutex<Vec<Call>>,
    failed_handshakes: Mutex<u32>,
    ledger: Arc<Ledger>,
    token: Arc<TokenDir>,
    ca: Arc<TestCa>,
}

impl FakeSts {
    /// Starts listening; lives until the runtime ends.
    pub async fn start(ca: &Arc<TestCa>, ledger: &Arc<Ledger>, token: &Arc<TokenDir>) -> Arc<Self> {
        Self::start_at(&[ANY_PORT], ca, ledger, token).await
    }

    /// As [`FakeSts::start`], as STS of this host.
    pub async fn start_as(
        host: &str,
        ca: &Arc<TestCa>,
        ledger: &Arc<Ledger>,
        token: &Arc<TokenDir>,
    ) -> Arc<Self> {
        Self::start_with(host, &[ANY_PORT], ca, ledger, token).await
    }

    /// As [`FakeSts::start`], at these addresses.
    ///
    /// # Panics
    /// When one is not free.
    pub async fn start_at(
        addresses: &[SocketAddr],
        ca: &Arc<TestCa>,
        ledger: &Arc<Ledger>,
        token: &Arc<TokenDir>,
    ) -> Arc<Self> {
        Self::start_with(HOST, addresses, ca, ledger, token).await
    }

    async fn start_with(
        host: &str,
        addresses: &[SocketAddr],
        ca: &Arc<TestCa>,
        ledger: &Arc<Ledger>,
        token: &Arc<TokenDir>,
    ) -> Arc<Self> {
        let listeners = listen(addresses).await;
        let sts = Arc::new(Self {
            port: port_of(&listeners),
            gate: Gate::default(),
            door: Gate::default(),
            host: host.to_owned(),
            script: Mutex::new(Script {
                next: VecDeque::new(),
                then: Reply::Json,
                lifetime: Duration::from_secs(3600),
                delay: Duration::ZERO,
                accepted_token: None,
            }),
            acceptor: Mutex::new(ca.acceptor(None)),
            journal: Mutex::default(),
            failed_handshakes: Mutex::default(),
            ledger: Arc::clone(ledger),
            token: Arc::clone(token),
            ca: Arc::clone(ca),
        });
        for listener in listeners {
            tokio::spawn(Arc::clone(&sts).serve(listener));
        }
        sts
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, this) = (lock(&self.acceptor).clone(), Arc::clone(&self));
            tokio::spawn(async move {
                this.door.pass().await;
                let Ok(stream) = acceptor.accept(stream).await else {
                    *lock(&this.failed_handshakes) += 1;
                    return;
                };
                let service = service_fn(move |request| {
                    let this = Arc::clone(&this);
                    async move { this.answer(request).await }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    /// From now on every call gets `reply`.
    pub fn always(&self, reply: Reply) {
        let mut script = lock(&self.script);
        script.next.clear();
        script.then = reply;
    }

    /// The next calls get these, the later ones what [`FakeSts::always`] said (JSON at first).
    pub fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.script).next.extend(replies);
    }

    /// How long new credentials live; an hour at first.
    pub fn lifetime(&self, lifetime: Duration) {
        lock(&self.script).lifetime = lifetime;
    }

    /// How long each answer takes from now on.
    pub fn delay(&self, delay: Duration) {
        lock(&self.script).delay = delay;
    }

    /// From now on every other token is answered `ExpiredTokenException`.
    pub fn accept_only(&self, token: &str) {
        lock(&self.script).accepted_token = Some(token.into());
    }

    /// Shows a certificate for this name instead of the one that is asked for.
    pub fn certificate_for(&self, name: &str) {
        *lock(&self.acceptor) = self.ca.acceptor(Some(name));
    }

    /// Shows a certificate of this authority, or the right one again.
    pub fn certificate_by(&self, ca: &Arc<TestCa>) {
        *lock(&self.acceptor) = ca.acceptor(None);
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.journal).clone()
    }

    /// How many clients refused the certificate.
    pub fn failed_handshakes(&self) -> u32 {
        *lock(&self.failed_handshakes)
    }

    /// # Panics
    /// When a call was not what STS, or a security review, expects.
    #[track_caller]
    pub fn assert_no_faults(&self) {
        for call in self.calls() {
            assert!(call.faults.is_empty(), "a call to STS was wrong: {call:#?}");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (said, token, role, action) = self.receive(request).await?;
        self.gate.pass().await;
        let delay = lock(&self.script).delay;
        tokio::time::sleep(delay).await;
        let (reply, lifetime) = {
            let mut script = lock(&self.script);
            let reply = match &script.accepted_token {
                Some(accepted) if *accepted != token => {
                    Reply::Refused(400, "ExpiredTokenException", "Token expired: 1 > 0")
                }
                _ => script
                    .next
                    .pop_front()
                    .unwrap_or_else(|| script.then.clone()),
            };
            (reply, script.lifetime)
        };
        let (status, body) = match reply {
            Reply::Json => (200, in_json(&self.ledger.issue(&role, lifetime), &action)),
            Reply::Xml => (200, in_xml(&self.ledger.issue(&role, lifetime))),
            Reply::TruncatedJson => {
                let mut body = in_json(&self.ledger.issue(&role, lifetime), &action);
                body.truncate(body.len() / 2);
                (200, body)
            }
            Reply::Refused(status, code, message) => (status, refusal(code, message)),
            Reply::RefusedInXml(status, code, message) => (
                status,
                format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
                     <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>e2e-request</RequestId></ErrorResponse>\n"
                )
                .into_bytes(),
            ),
            Reply::QuotesRequest => {
                let headers = said.split_inclusive('\n');
                let canonical: String = headers
                    .filter(|line| !line.starts_with("authorization:"))
                    .collect();
                let message = format!(
                    "The request signature we calculated does not match the signature you provided. Check your AWS \
                     Secret Access Key and signing method. Consult the service documentation for details.\n\n\
                     The Canonical String for this request should have been\n'POST\n/\n\n{canonical}'\n\n\
                     The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n00'\n"
                );
                (403, refusal("SignatureDoesNotMatch", &message))
            }
            Reply::RepeatsSecrets(length) => {
                let said: Vec<char> = said.chars().collect();
                let pieces = said
                    .chunks(length)
                    .map(|piece| piece.iter().collect::<String>());
                let message = pieces
                    .collect::<Vec<_>>()
                    .join("/ \u{200b}+ ")
                    .replace('\n', " ");
                (403, refusal("AccessDenied", &message))
            }
            Reply::Raw(status, body) => (status, body),
            Reply::Hang => std::future::pending().await,
            // hyper closes the connection when a service fails.
            Reply::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
        };
        Ok(Response::builder()
            .status(status)
            .body(Full::from(body))
            .expect("a plain response"))
    }

    /// The role whose credentials signed a call for `sts`; `None` where it is not signed, or wrongly.
    fn signed_by(&self, parts: &Parts, body: &[u8]) -> Option<String> {
        let headers = parts.headers.iter();
        let received = Received {
            at: SystemTime::now(),
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            host: self.host.clone(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body_length: body.len() as u64,
            body_sha256: sha256(body),
            trailers: Vec::new(),
            decoded: None,
            verdict: Verdict::Unsigned,
        };
        match judge(&received, &self.ledger) {
            Verdict::Signed(signature)
                if signature.service == "sts"
                    && self.host.split('.').nth(1) == Some(&*signature.region) =>
            {
                self.ledger.find(&signature.access_key_id)?.role
            }
            _ => None,
        }
    }

    /// What the call says as text, its token, the role and the action.
    async fn receive(
        &self,
        request: Request<Incoming>,
    ) -> io::Result<(String, String, String, String)> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut form: BTreeMap<String, String> =
            form_urlencoded::parse(&body).into_owned().collect();
        let token = form.remove("WebIdentityToken").unwrap_or_default();

        let headers = parts.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}:{value}\n")
        });
        let mut said: Vec<String> = headers.collect();
        said.sort();
        let said = said.concat() + &String::from_utf8_lossy(&body);
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
        };
        let role = form.get("RoleArn").cloned().unwrap_or_default();
        let signed_by = self.signed_by(&parts, &body);
        let action = form.get("Action").map_or("", String::as_str);
        let is_chained = action == "AssumeRole";
        let expectations = [
            ("the method is POST", parts.method == "POST"),
            ("the path is /", parts.uri == "/"),
            (
                "the host is that of the region",
                header("host") == self.host,
            ),
            (
                "the body is a form",
                header("content-type").starts_with("application/x-www-form-urlencoded"),
            ),
            (
                "the action is one of two",
                is_chained || action == "AssumeRoleWithWebIdentity",
            ),
            (
                "the version is 2011-06-15",
                form.get("Version").is_some_and(|v| v == "2011-06-15"),
            ),
            ("there is a role ARN", role.starts_with("arn:aws")),
            (
                "there is a session name of 2 to 64 characters",
                form.get("RoleSessionName")
                    .is_some_and(|name| (2..=64).contains(&name.len())),
            ),
            (
                "there is a token that stood in the file, where the call is not signed",
                is_chained != self.token.held(&token),
            ),
            (
                "the call is signed by credentials of ours, where it takes no token",
                is_chained == signed_by.is_some()
                    && is_chained != header("authorization").is_empty(),
            ),
            (
                "the token stands in no header",
                token.is_empty()
                    || !parts
                        .headers
                        .values()
                        .any(|v| contains(v.as_bytes(), token.as_bytes())),
            ),
        ];
        let faults = expectations
            .iter()
            .filter(|(_, holds)| !holds)
            .map(|(expectation, _)| format!("expected: {expectation}"))
            .collect();
        let action = action.to_owned();
        lock(&self.journal).push(Call {
            at: SystemTime::now(),
            token: token.clone(),
            signed_by,
            form,
            faults,
        });
        Ok((said, token, role, action))
    }
}

/// As real STS refuses, in JSON.
fn refusal(code: &str, message: &str) -> Vec<u8> {
    json!({
        "Error": {"Code": code, "Message": message, "Type": "Sender"},
        "RequestId": "e2e-request",
    })
    .to_string()
    .into_bytes()
}

/// As real STS names both.
fn in_json(key: &Key, action: &str) -> Vec<u8> {
    json!({
        format!("{action}Response"): {
            format!("{action}Result"): {
                "Audience": "sts.amazonaws.com",
                "AssumedRoleUser": {
                    "Arn": "arn:aws:sts::123456789012:assumed-role/demo/e2e",
                    "AssumedRoleId": "AROAE2E:e2e",
                },
                "Credentials": {
                    "AccessKeyId": key.access_key_id,
                    "SecretAccessKey": key.secret_access_key,
                    "SessionToken": key.session_token,
                    // Seconds as a number with an exponent, as STS writes it: 1.7E9.
                    "Expiration": f64::from(expiry(key)),
                },
                "Provider": "arn:aws:iam::123456789012:oidc-provider/oidc.example.org/id/E2E",
                "SubjectFromWebIdentityToken": "system:serviceaccount:shop:reports",
            },
            "ResponseMetadata": {"RequestId": "e2e-request"},
        },
    })
    .to_string()
    .into_bytes()
}

fn in_xml(key: &Key) -> Vec<u8> {
    format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <AssumeRoleWithWebIdentityResult>\n    <Credentials>\n      \
         <SessionToken>{}</SessionToken>\n      <SecretAccessKey>{}</SecretAccessKey>\n      \
         <Expiration>{}</Expiration>\n      <AccessKeyId>{}</AccessKeyId>\n    \
         </Credentials>\n  </AssumeRoleWithWebIdentityResult>\n  <ResponseMetadata>\
         <RequestId>e2e-request</RequestId></ResponseMetadata>\n</AssumeRoleWithWebIdentityResponse>\n",
        key.session_token.as_deref().unwrap_or_default(),
        key.secret_access_key,
        rfc3339(key.expires_at),
        key.access_key_id,
    )
    .into_bytes()
}

/// `2026-11-23T20:00:00Z`
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let date = crate::verify::format_date(at);
    let part = |range: std::ops::Range<usize>| date.get(range).unwrap_or_default();
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(9..11),
        part(11..13),
        part(13..15)
    )
}

fn expiry(key: &Key) -> u32 {
    let since = key
        .expires_at
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    u32::try_from(since.as_secs()).expect("before 2106")
}
