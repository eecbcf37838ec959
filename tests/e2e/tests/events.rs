//! Event streams: every message is signed anew while the stream is open, and AWS's answers come meanwhile.

use aws_sigv4::event_stream::{sign_empty_message, sign_message};
use aws_sigv4::sign::v4;
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use e2e::ca::TestCa;
use e2e::envoy::{versions, workspace};
use e2e::ledger::Key;
use e2e::shipped::{Shipped, runtime};
use e2e::{SOON, Setup, World, eventually, json, scenario};
use futures_util::SinkExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::client::conn::http2 as client;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

const HOST: &str = "transcribestreaming.eu-west-1.amazonaws.com";
const EVENTS: &str = "STREAMING-AWS4-HMAC-SHA256-EVENTS";

/// A body whose frames come as they are sent.
type Sent = StreamBody<futures_channel::mpsc::Receiver<Result<Frame<Bytes>, Infallible>>>;
type Sender = futures_channel::mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

fn body() -> (Sender, Sent) {
    let (sender, receiver) = futures_channel::mpsc::channel(16);
    (sender, StreamBody::new(receiver))
}

fn params<'a>(
    identity: &'a aws_smithy_runtime_api::client::identity::Identity,
    time: SystemTime,
) -> v4::SigningParams<'a, ()> {
    v4::SigningParams::builder()
        .identity(identity)
        .region("eu-west-1")
        .name("transcribe")
        .time(time)
        .settings(())
        .build()
        .expect("complete")
}

/// AWS's own signer of messages, as an SDK with these keys has it.
struct Signer {
    key: (String, String),
    previous: String,
}

impl Signer {
    fn placeholder() -> Self {
        Self {
            key: ("placeholder".to_owned(), "placeholder".to_owned()),
            previous: "0".repeat(64),
        }
    }

    fn sign(&mut self, payload: Option<&Message>, time: SystemTime) -> Vec<u8> {
        let (id, secret) = &self.key;
        let identity =
            aws_credential_types::Credentials::new(id, secret, None, None, "test").into();
        let params = params(&identity, time);
        let signed = match payload {
            Some(message) => sign_message(message, &self.previous, &params).expect("signed"),
            None => sign_empty_message(&self.previous, &params).expect("signed"),
        };
        let (message, signature) = signed.into_parts();
        self.previous = signature;
        written(&message)
    }
}

fn written(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_message_to(message, &mut bytes).expect("written");
    bytes
}

fn audio(number: usize) -> Message {
    let kind = HeaderValue::String("AudioEvent".to_owned().into());
    Message::new(vec![b'a'; number % 3000]).add_header(Header::new(":event-type", kind))
}

/// What an AWS found that verifies each message as it comes.
#[derive(Debug, Default)]
struct Found {
    good: usize,
    /// The stream ended as its sender meant it to.
    ended: bool,
    wrong: Vec<String>,
}

/// Verifies by signing the payload anew with what STS gave, and answers each message at once.
async fn verify(
    request: Request<Incoming>,
    key: Key,
    found: Arc<Mutex<Found>>,
) -> Result<Response<Sent>, Infallible> {
    let authorization = request.headers()["authorization"].to_str().expect("text");
    let seed = authorization.rsplit('=').next().expect("a signature");
    let mut signer = Signer {
        key: (key.access_key_id, key.secret_access_key),
        previous: seed.to_owned(),
    };
    let (mut answers, answer) = body();
    let mut incoming = request.into_body();
    tokio::spawn(async move {
        let mut buffer = bytes::BytesMut::new();
        let mut decoder = MessageFrameDecoder::new();
        while let Some(frame) = incoming.frame().await {
            let Ok(frame) = frame else {
                return;
            };
            buffer.extend_from_slice(&frame.into_data().unwrap_or_default());
            while let Ok(DecodedFrame::Complete(message)) = decoder.decode_frame(&mut buffer) {
                let date = message
                    .headers()
                    .iter()
                    .find_map(|header| match header.value() {
                        HeaderValue::Timestamp(time) => Some(time.secs()),
                        _ => None,
                    });
                let time = SystemTime::UNIX_EPOCH
                    + Duration::from_secs(date.and_then(|secs| secs.try_into().ok()).unwrap_or(0));
                let payload = message.payload().clone();
                let inner = (!payload.is_empty()).then(|| {
                    aws_smithy_eventstream::frame::read_message_from(&payload[..])
                        .expect("a message")
                });
                let expected = signer.sign(inner.as_ref(), time);
                let is_right = expected == written(&message);
                let said = {
                    let mut found = found.lock().expect("whole");
                    match is_right {
                        true => found.good += 1,
                        false => found.wrong.push(format!("{message:?}")),
                    }
                    format!("{} ", found.good)
                };
                let _ = answers.send(Ok(Frame::data(Bytes::from(said)))).await;
            }
        }
        // Hyper takes a stream that is reset for one that ends here.
        found.lock().expect("whole").ended = incoming.is_end_stream();
    });
    Ok(Response::new(answer))
}

/// An AWS over HTTP/2, and what it finds.
async fn start_aws(listener: TcpListener, key: Key) -> Arc<Mutex<Found>> {
    let found = Arc::new(Mutex::new(Found::default()));
    let shared = Arc::clone(&found);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, key.clone(), Arc::clone(&shared));
        }
    });
    found
}

fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    key: Key,
    found: Arc<Mutex<Found>>,
) {
    let service = service_fn(move |request| verify(request, key.clone(), Arc::clone(&found)));
    let connection =
        server::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    tokio::spawn(connection);
}

/// Opens a stream; what it is sent, and what comes.
async fn open(port: u16) -> (Sender, Response<Incoming>) {
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("it accepts");
    let (mut sender, connection) = client::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    let scope = "AWS4-HMAC-SHA256 Credential=placeholder/20261201/eu-west-1/transcribe/aws4_request, SignedHeaders=host, Signature=00";
    let (events, body) = body();
    let request = Request::post(format!("http://{HOST}/stream-transcription"))
        .header("authorization", scope)
        .header("content-type", "application/vnd.amazon.eventstream")
        .header("x-amz-content-sha256", EVENTS)
        .body(body)
        .expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    // The connection lives as long as its sender.
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(sender);
    });
    (events, response)
}

fn through_http2(allow: &str, steps: impl AsyncFn(&World, &Mutex<Found>)) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("set");
    let port = listener.local_addr().expect("bound").port();
    let setup = Setup::new()
        .plugin(json!({"allow": [allow]}))
        .http2_to_aws()
        .aws_at(port);
    scenario(&setup, async |world| {
        let listener = listener.try_clone().expect("cloned");
        let listener = TcpListener::from_std(listener).expect("of this runtime");
        let found = start_aws(listener, world.credentials().await).await;
        steps(world, &found).await;
    });
}

/// So many messages came, every one right, and the end of the stream.
#[track_caller]
fn check(found: &Mutex<Found>, good: usize) {
    let found = found.lock().expect("whole");
    let all = (found.good, found.ended, &*found.wrong);
    assert_eq!(all, (good, true, &[][..]));
}

/// The next part of an answer.
async fn said(response: &mut Response<Incoming>) -> String {
    let frame = response.frame().await.expect("a frame").expect("whole");
    let data = frame.into_data().expect("data");
    String::from_utf8(data.to_vec()).expect("text")
}

#[test]
fn each_message_is_signed_anew_and_answered_while_the_stream_is_open() {
    through_http2("transcribe", async |world, found| {
        let (mut events, mut response) = open(world.port).await;
        assert_eq!(response.status(), 200);
        let mut client = Signer::placeholder();
        for number in 1..=20 {
            let bytes = client.sign(Some(&audio(number)), SystemTime::now());
            // In two parts: nothing of it goes on before its end.
            let (first, second) = bytes.split_at(bytes.len() / 2);
            for part in [first, second] {
                let frame = Frame::data(Bytes::copy_from_slice(part));
                events.send(Ok(frame)).await.expect("open");
            }
            assert_eq!(said(&mut response).await, format!("{number} "));
        }
        let last = client.sign(None, SystemTime::now());
        events
            .send(Ok(Frame::data(last.into())))
            .await
            .expect("open");
        assert_eq!(said(&mut response).await, "21 ");
        drop(events);
        while response.frame().await.is_some() {}
        check(found, 21);
        assert_eq!(world.stat("requests.signed.placeholder").await, 1);
    });
}

#[test]
fn ten_thousand_messages_in_parts_of_any_length() {
    through_http2("transcribe", async |world, found| {
        let (mut events, mut response) = open(world.port).await;
        let mut client = Signer::placeholder();
        let mut stream = Vec::new();
        for number in 0..10_000 {
            stream.extend(client.sign(Some(&audio(number)), SystemTime::now()));
        }
        let drained = tokio::spawn(async move { while response.frame().await.is_some() {} });
        let (mut rest, mut length) = (stream.as_slice(), 1);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(length.min(rest.len()));
            let frame = Frame::data(Bytes::copy_from_slice(part));
            events.send(Ok(frame)).await.expect("open");
            rest = after;
            // Each length from a byte on comes once, and then large ones.
            length = if length < 4000 { length + 1 } else { 16_000 };
        }
        drop(events);
        drained.await.expect("it ends");
        check(found, 10_000);
    });
}

#[test]
fn a_bad_message_ends_the_stream_and_goes_no_further() {
    through_http2("transcribe", async |world, found| {
        let (mut events, mut response) = open(world.port).await;
        let mut client = Signer::placeholder();
        let good = client.sign(Some(&audio(5)), SystemTime::now());
        events
            .send(Ok(Frame::data(good.into())))
            .await
            .expect("open");
        assert_eq!(said(&mut response).await, "1 ");
        let mut bad = client.sign(Some(&audio(6)), SystemTime::now());
        let last = bad.last_mut().expect("bytes");
        *last ^= 1;
        events
            .send(Ok(Frame::data(bad.into())))
            .await
            .expect("open");
        // The answer has begun, and so it is cut.
        while let Some(Ok(_)) = response.frame().await {}
        assert_eq!(world.stat("requests.refused.malformed_events").await, 1);
        let found = found.lock().expect("whole");
        assert_eq!((found.good, found.ended, found.wrong.len()), (1, false, 0));
    });
}

#[test]
fn what_is_not_allowed_opens_no_stream() {
    through_http2("sqs", async |world, found| {
        let (_events, response) = open(world.port).await;
        assert_eq!(response.status(), 403);
        let reason = response.headers()["x-sigv4-egress-reason"].to_str();
        assert_eq!(reason.expect("text"), "not_allowed");
        assert_eq!(found.lock().expect("whole").good, 0);
    });
}

/// What docs/requests.md says of the cluster to AWS.
#[test]
fn the_shipped_file_speaks_http2_to_aws_where_its_cluster_chooses_by_alpn() {
    let page = std::fs::read_to_string(workspace().join("docs/requests.md")).expect("the page");
    let protocol = "auto_config: { http_protocol_options: {}, http2_protocol_options: { max_concurrent_streams: 1 } }";
    assert!(page.contains(protocol));
    let file = std::fs::read_to_string(workspace().join("envoy/envoy.yaml")).expect("the file");
    assert!(file.contains("explicit_http_config: { http_protocol_options: {} }"));
    for version in versions() {
        runtime().block_on(async {
            let found = Arc::new(Mutex::new(Found::default()));
            let key = Arc::new(Mutex::new(None::<Key>));
            let (keys, shared) = (Arc::clone(&key), Arc::clone(&found));
            let upstream = async |ca: &Arc<TestCa>| {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let port = listener.local_addr().expect("bound").port();
                let acceptor = ca.acceptor(None);
                tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        let Ok(stream) = acceptor.accept(stream).await else {
                            continue;
                        };
                        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                        let key = keys.lock().expect("whole").clone().expect("credentials");
                        serve(stream, key, Arc::clone(&shared));
                    }
                });
                Some(port)
            };
            let shipped = Shipped::start(&version, upstream, |config| {
                let clusters = config["static_resources"]["clusters"].as_array_mut();
                let aws = clusters
                    .expect("clusters")
                    .iter_mut()
                    .find(|cluster| cluster["name"] == "sigv4-egress-aws")
                    .expect("that of AWS");
                let options = &mut aws["typed_extension_protocol_options"]
                    ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
                let options = options.as_object_mut().expect("options");
                options.remove("explicit_http_config").expect("it is there");
                let auto = json!({"http_protocol_options": {}, "http2_protocol_options": {"max_concurrent_streams": 1}});
                options.insert("auto_config".to_owned(), auto);
            })
            .await;
            let issued = eventually("credentials", SOON, async || shipped.ledger.issued().pop());
            let issued = issued.await;
            key.lock().expect("whole").replace(issued);
            let (mut events, mut response) = open(shipped.port).await;
            assert_eq!(response.status(), 200);
            let mut client = Signer::placeholder();
            for number in 1..=3 {
                let bytes = client.sign(Some(&audio(number)), SystemTime::now());
                events
                    .send(Ok(Frame::data(bytes.into())))
                    .await
                    .expect("open");
                assert_eq!(said(&mut response).await, format!("{number} "));
            }
            assert_eq!(found.lock().expect("whole").wrong, [] as [String; 0]);
        });
    }
}
