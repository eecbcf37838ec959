//! The fake AWS: any host name over TLS, every signature recomputed, everything kept.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::ca::TestCa;
use crate::gate::Gate;
use crate::ledger::Ledger;
use crate::verify::{Received, Verdict, check_chunks, http_date, judge};
use crate::{ANY_PORT, hex, listen, lock, port_of};

/// Answers 200 to what is signed, with its place in the journal as AWS's request id, 403 to the rest, 101 to a WebSocket upgrade (and echoes).
pub struct FakeAws {
    /// On 127.0.0.1, or on the addresses that it was started at.
    pub port: u16,
    /// Closed: requests are received and judged, but not answered.
    pub gate: Gate,
    journal: Mutex<Vec<Received>>,
    cut_off: AtomicU64,
    status: Mutex<Option<u16>>,
    body: Mutex<Option<&'static str>>,
    redirect: Mutex<Option<String>>,
    forgets: AtomicBool,
    ledger: Arc<Ledger>,
}

impl FakeAws {
    /// Starts listening; lives until the runtime ends.
    pub async fn start(ca: &Arc<TestCa>, ledger: &Arc<Ledger>) -> Arc<Self> {
        Self::start_at(&[ANY_PORT], ca, ledger).await
    }

    /// As [`FakeAws::start`], at these addresses.
    ///
    /// # Panics
    /// When one is not free.
    pub async fn start_at(
        addresses: &[SocketAddr],
        ca: &Arc<TestCa>,
        ledger: &Arc<Ledger>,
    ) -> Arc<Self> {
        let listeners = listen(addresses).await;
        let aws = Arc::new(Self {
            port: port_of(&listeners),
            gate: Gate::default(),
            journal: Mutex::default(),
            cut_off: AtomicU64::new(0),
            status: Mutex::default(),
            body: Mutex::default(),
            redirect: Mutex::default(),
            forgets: AtomicBool::new(false),
            ledger: Arc::clone(ledger),
        });
        for listener in listeners {
            tokio::spawn(Arc::clone(&aws).serve(listener, ca.acceptor(None)));
        }
        aws
    }

    async fn serve(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, this) = (acceptor.clone(), Arc::clone(&self));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(move |request| {
                    let this = Arc::clone(&this);
                    async move { Ok::<_, Infallible>(this.answer(request).await) }
                });
                // An error is a client that left; the journal has what it sent.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection_with_upgrades(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    /// From now on every valid request gets this status.
    pub fn answer_with(&self, status: u16) {
        *lock(&self.status) = Some(status);
    }

    /// From now on valid requests are answered and not kept: there may be millions.
    pub fn forget_valid(&self) {
        self.forgets.store(true, Ordering::Relaxed);
    }

    /// From now on every valid request gets this status and this body.
    pub fn refuse_with(&self, status: u16, body: &'static str) {
        *lock(&self.status) = Some(status);
        *lock(&self.body) = Some(body);
    }

    /// The next valid request is answered 307, to this URL.
    pub fn redirect_to(&self, url: &str) {
        *lock(&self.redirect) = Some(url.to_owned());
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.journal).clone()
    }

    /// How many requests ended before their body was complete; they are not among the others.
    pub fn cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// The only request so far.
    ///
    /// # Panics
    /// When there are none, or several.
    #[track_caller]
    pub fn only(&self) -> Received {
        let mut all = self.received();
        assert_eq!(all.len(), 1, "requests at AWS: {all:#?}");
        all.remove(0)
    }

    /// Takes the only request so far out of the journal, which a rule let through unsigned.
    ///
    /// # Panics
    /// When there are none, or several, or it is signed.
    #[track_caller]
    pub fn take_anonymous(&self) -> Received {
        let only = self.only();
        assert_eq!(only.verdict, Verdict::Unsigned, "{only:#?}");
        lock(&self.journal).clear();
        only
    }

    /// Takes all requests so far out of the journal, whatever signed them: the test judges them itself.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.journal))
    }

    /// The invariant of every scenario: whatever arrived carried a valid signature, or an
    /// authorization of the client's own that the filter leaves alone.
    ///
    /// # Panics
    /// When something unsigned or wrongly signed arrived.
    #[track_caller]
    pub fn assert_never_unsigned(&self) {
        for request in self.received() {
            assert!(
                !matches!(request.verdict, Verdict::Unsigned | Verdict::Invalid(_)),
                "AWS would refuse: {request:#?}"
            );
        }
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        let upgrade = request
            .headers()
            .contains_key(header::UPGRADE)
            .then(|| hyper::upgrade::on(&mut request));
        let Some(received) = self.receive(request).await else {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
            return Response::builder()
                .status(400)
                .body(Full::default())
                .expect("a plain response");
        };
        let verdict = received.verdict.clone();
        // Where it stands in the journal is its name, as S3 writes one.
        let mut id = None;
        if !matches!(verdict, Verdict::Signed(_)) || !self.forgets.load(Ordering::Relaxed) {
            let mut journal = lock(&self.journal);
            id = Some(format!("{:016X}", journal.len()));
            journal.push(received);
        }
        self.gate.pass().await;
        let valid = !matches!(verdict, Verdict::Unsigned | Verdict::Invalid(_));
        if let (Some(upgrade), true) = (upgrade, valid) {
            tokio::spawn(async move {
                let Ok(upgraded) = upgrade.await else { return };
                let (mut io, mut buffer) = (TokioIo::new(upgraded), [0; 1024]);
                while let Ok(length @ 1..) = io.read(&mut buffer).await {
                    let Some(bytes) = buffer.get(..length) else {
                        return;
                    };
                    if io.write_all(bytes).await.is_err() {
                        return;
                    }
                }
            });
            return Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "upgrade")
                .header(header::UPGRADE, "websocket")
                .body(Full::default())
                .expect("a plain response");
        }
        if valid && let Some(url) = lock(&self.redirect).take() {
            return Response::builder()
                .status(StatusCode::TEMPORARY_REDIRECT)
                .header(header::LOCATION, url)
                .body(Full::default())
                .expect("a plain response");
        }
        let plain = json!({"aws": format!("{verdict:?}")}).to_string();
        let (status, body) = match (&verdict, *lock(&self.body)) {
            (Verdict::Skewed, _) => (403, SKEWED.to_owned()),
            (Verdict::Signed(signature), _) if self.ledger.is_revoked(&signature.access_key_id) => {
                (403, REVOKED.to_owned())
            }
            (_, Some(body)) if valid => (lock(&self.status).unwrap_or(200), body.to_owned()),
            _ if valid => (lock(&self.status).unwrap_or(200), plain),
            _ => (403, plain),
        };
        let response = id.into_iter().fold(Response::builder(), |response, id| {
            response.header("x-amz-request-id", id)
        });
        response
            .status(status)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::DATE, http_date(self.ledger.now()))
            .body(Full::from(body))
            .expect("a plain response")
    }

    /// `None` where the request was cut off.
    async fn receive(&self, request: Request<Incoming>) -> Option<Received> {
        let (parts, mut body) = request.into_parts();
        let mut headers = pairs(&parts.headers);
        let host = match parts.uri.authority() {
            // HTTP/2 has `:authority` where AWS's front end sees `host`.
            Some(authority) => {
                headers.retain(|(name, _)| name != "host");
                headers.insert(0, ("host".into(), authority.as_str().as_bytes().to_vec()));
                authority.to_string()
            }
            None => headers
                .iter()
                .find(|(name, _)| name == "host")
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .unwrap_or_default(),
        };
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        let (mut body_length, mut trailers) = (0, Vec::new());
        let is_chunk_signed = headers.iter().any(|(name, value)| {
            name == "x-amz-content-sha256" && value.starts_with(b"STREAMING-AWS4-")
        });
        let mut chunks = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.ok()?;
            if let Some(data) = frame.data_ref() {
                digest.update(data);
                if is_chunk_signed {
                    chunks.extend_from_slice(data);
                }
                body_length += u64::try_from(data.len()).expect("64 bits");
            }
            if let Some(map) = frame.trailers_ref() {
                trailers = pairs(map);
            }
        }
        // To hyper, a stream that was cancelled has ended.
        if parts.version == Version::HTTP_2 && !body.is_end_stream() {
            return None;
        }
        let mut received = Received {
            at: SystemTime::now(),
            method: parts.method.to_string(),
            path: parts
                .uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .into(),
            host,
            headers,
            body_length,
            body_sha256: hex(digest.finish().as_ref()),
            trailers,
            decoded: None,
            verdict: Verdict::Unsigned,
        };
        received.verdict = judge(&received, &self.ledger);
        if is_chunk_signed && matches!(received.verdict, Verdict::Signed(_)) {
            match check_chunks(&received, &chunks, &self.ledger) {
                Ok(decoded) => received.decoded = Some(decoded),
                Err(why) => received.verdict = Verdict::Invalid(why),
            }
        }
        Some(received)
    }
}

fn pairs(map: &hyper::HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter()
        .map(|(name, value)| (name.as_str().into(), value.as_bytes().to_vec()))
        .collect()
}

/// As S3 says it.
const SKEWED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>RequestTimeTooSkewed</Code>\
    <Message>The difference between the request time and the current time is too large.</Message></Error>";

/// As S3 answers what no policy allows any more.
const REVOKED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>\
    <Message>User is not authorized to perform this action with an explicit deny in an identity-based policy</Message></Error>";
