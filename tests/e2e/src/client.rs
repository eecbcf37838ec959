//! Clients: HTTP/1.1 with exact bytes, and HTTP/2 over clear text.

use std::io;

use futures_util::StreamExt as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{HeaderMap, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// An HTTP/1.1 request as bytes; nothing is added that was not asked for, but `host` and
/// `content-length`.
#[derive(Clone, Debug)]
pub struct Request {
    head: Vec<u8>,
    body: Vec<u8>,
    framed: bool,
}

impl Request {
    /// `<method> <path>` for `host`.
    pub fn new(method: &str, host: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n").into_bytes();
        Self {
            head,
            body: Vec::new(),
            framed: !matches!(method, "POST" | "PUT"),
        }
    }

    /// A GET without a body.
    pub fn get(host: &str, path: &str) -> Self {
        Self::new("GET", host, path)
    }

    /// Adds a header; the value may be any bytes.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.head
            .extend([name.as_bytes(), b": ", value.as_ref(), b"\r\n"].concat());
        self
    }

    /// With a signature by this access key id that nobody has computed, for a service in eu-west-1.
    #[must_use]
    pub fn signed_by(self, access_key_id: &str, service: &str) -> Self {
        let scope = format!("{access_key_id}/20261123/eu-west-1/{service}/aws4_request");
        let value =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        self.header("authorization", value)
    }

    /// Adds several headers.
    pub fn headers(self, headers: Vec<(String, String)>) -> Self {
        headers
            .iter()
            .fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Sends `body` with its `content-length`.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.framed = false;
        self
    }

    /// Sends `body` in chunks of at most `size` bytes, without `content-length`.
    pub fn chunked(mut self, body: &[u8], size: usize) -> Self {
        self = self.header("transfer-encoding", "chunked");
        for chunk in body.chunks(size) {
            self.body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            self.body.extend(chunk);
            self.body.extend(b"\r\n");
        }
        self.body.extend(b"0\r\n\r\n");
        self.framed = true;
        self
    }

    /// What goes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if !self.framed {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200, ...
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// Without chunk framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Why the filter answered itself.
    pub fn reason(&self) -> Option<&str> {
        self.header("x-sigv4-egress-reason")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks that the filter answered this itself, in a form that it promises; returns what it says.
    ///
    /// # Panics
    /// When another status, reason or form came.
    #[track_caller]
    pub fn refused(&self, status: u16, reason: &str) -> String {
        assert_eq!(
            (self.status, self.reason()),
            (status, Some(reason)),
            "{self:?}"
        );
        let (code, message) = match self.header("content-type") {
            Some("application/xml") => {
                assert_eq!(self.xml("Reason"), reason);
                (self.xml("Code"), self.xml("Message"))
            }
            Some("application/json") => {
                let body: Value = serde_json::from_slice(&self.body).expect("a JSON body");
                let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
                if body.get("__type").is_none() {
                    assert_eq!(text("reason"), reason);
                    return format!("{} {}", text("error"), text("help"));
                }
                let header = self.header("x-amzn-errortype");
                assert_eq!(header, body["__type"].as_str(), "{self:?}");
                assert_eq!(text("reason"), reason);
                assert!(!text("help").is_empty(), "{self:?}");
                (text("__type"), text("message"))
            }
            _ => panic!("{self:?}"),
        };
        // `not_allowed` is `SigV4EgressNotAllowed`.
        let words = code.strip_prefix("SigV4Egress").unwrap_or_default();
        assert_eq!(words.to_lowercase(), reason.replace('_', ""), "{self:?}");
        assert!(!message.is_empty(), "{self:?}");
        message
    }

    /// The text of the first element of this name.
    fn xml(&self, name: &str) -> String {
        let text = self.text();
        let start = text.split_once(&format!("<{name}>"));
        let text = start.and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
        let text = text.map(|(text, _)| text).unwrap_or_default();
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    }

    /// # Panics
    /// When the answer is not a 200 of an upstream.
    #[track_caller]
    pub fn ok(&self) {
        assert_eq!(
            (self.status, self.reason()),
            (200, None),
            "{self:?} {}",
            self.text()
        );
    }
}

type Reading = Box<dyn AsyncRead + Send + Unpin>;

/// A connection whose every byte the test decides: over TCP, and over TLS or a tunnel in it.
pub struct Connection {
    read: Reading,
    write: Box<dyn AsyncWrite + Send + Unpin>,
    buffer: Vec<u8>,
}

impl Connection {
    /// To 127.0.0.1.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(port: u16) -> io::Result<Self> {
        Ok(Self::over(TcpStream::connect(("127.0.0.1", port)).await?))
    }

    /// To a host and port, wherever the system finds it.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open_at(at: (&str, u16)) -> io::Result<Self> {
        let stream = TcpStream::connect(at).await?;
        // As clients do: else the first request after a handshake waits for the other side's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Over what is connected already.
    pub fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            read: Box::new(read),
            write: Box::new(write),
            buffer: Vec::new(),
        }
    }

    /// Asks an HTTP proxy at the other end for a tunnel to this host and port; the answer where there is none.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn tunnel(mut self, to: &str) -> io::Result<Result<Self, Answer>> {
        let connect = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n");
        self.send(connect.as_bytes()).await?;
        let (status, headers) = self.head().await?;
        if status == 200 {
            return Ok(Ok(self));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        read_body(&mut self.read, &mut self.buffer, &mut answer).await?;
        Ok(Err(answer))
    }

    /// Goes on in TLS, as a client that wants the host `name` and trusts what its connector does.
    ///
    /// # Errors
    /// When the handshake fails; the error says why.
    ///
    /// # Panics
    /// When `name` is no name of a host.
    pub async fn tls(self, name: &str, connector: &TlsConnector) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).expect("a name of a host");
        let stream = tokio::io::join(self.read, self.write);
        Ok(Self::over(connector.connect(name, stream).await?))
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write.write_all(bytes).await
    }

    /// Sends a request while reading its answer, which may come before the request is complete.
    ///
    /// # Errors
    /// When no complete answer came.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let Self {
            read,
            write,
            buffer,
        } = self;
        let sending = async {
            // An early answer closes the connection under us; the answer is what counts.
            let _ = write.write_all(request).await;
            std::future::pending().await
        };
        tokio::select! {
            answer = read_answer(read, buffer) => answer,
            () = sending => unreachable!("never ends"),
        }
    }

    /// Reads the next final answer (101 included).
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        read_answer(&mut self.read, &mut self.buffer).await
    }

    /// Reads the head of the next answer of any kind, `100 Continue` included.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        read_head(&mut self.read, &mut self.buffer).await
    }

    /// Reads `length` raw bytes, for after an upgrade.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn raw(&mut self, length: usize) -> io::Result<Vec<u8>> {
        fill(&mut self.read, &mut self.buffer, |buffer| {
            buffer.len() >= length
        })
        .await?;
        Ok(self.buffer.drain(..length).collect())
    }
}

async fn fill(
    read: &mut Reading,
    buffer: &mut Vec<u8>,
    enough: impl Fn(&[u8]) -> bool,
) -> io::Result<()> {
    while !enough(buffer) {
        if read.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

fn end_of(buffer: &[u8], mark: &[u8]) -> Option<usize> {
    buffer
        .windows(mark.len())
        .position(|window| window == mark)
        .map(|at| at + mark.len())
}

async fn line(read: &mut Reading, buffer: &mut Vec<u8>, mark: &[u8]) -> io::Result<String> {
    fill(read, buffer, |buffer| end_of(buffer, mark).is_some()).await?;
    let end = end_of(buffer, mark).unwrap_or(buffer.len());
    Ok(String::from_utf8_lossy(&buffer.drain(..end).collect::<Vec<_>>()).into_owned())
}

async fn read_head(
    read: &mut Reading,
    buffer: &mut Vec<u8>,
) -> io::Result<(u16, Vec<(String, String)>)> {
    let head = line(read, buffer, b"\r\n\r\n").await?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, headers))
}

async fn read_answer(read: &mut Reading, buffer: &mut Vec<u8>) -> io::Result<Answer> {
    let (status, headers) = loop {
        let (status, headers) = read_head(read, buffer).await?;
        if status == 101 || status >= 200 {
            break (status, headers);
        }
    };
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    // What follows 101 is the upgraded connection, whatever the headers say.
    if status != 101 {
        read_body(read, buffer, &mut answer).await?;
    }
    Ok(answer)
}

async fn read_body(
    read: &mut Reading,
    buffer: &mut Vec<u8>,
    answer: &mut Answer,
) -> io::Result<()> {
    if let Some(length) = answer
        .header("content-length")
        .and_then(|length| length.parse().ok())
    {
        fill(read, buffer, |buffer| buffer.len() >= length).await?;
        answer.body = buffer.drain(..length).collect();
    } else if answer.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = line(read, buffer, b"\r\n").await?;
            let size =
                usize::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            fill(read, buffer, |buffer| buffer.len() >= size + 2).await?;
            answer.body.extend(buffer.drain(..size));
            buffer.drain(..2);
            if size == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// One HTTP/2 request over clear text, with `body` in one frame each and `trailers` after it.
///
/// # Errors
/// When Envoy resets the stream.
pub async fn http2(
    port: u16,
    request: hyper::http::request::Builder,
    body: Vec<Vec<u8>>,
    trailers: Option<HeaderMap>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let stream = TokioIo::new(TcpStream::connect(("127.0.0.1", port)).await?);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
    tokio::spawn(connection);
    let frames = body
        .into_iter()
        .map(|data| Frame::data(Bytes::from(data)))
        .chain(trailers.map(Frame::trailers))
        .map(Ok::<_, io::Error>);
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = sender.send_request(request.body(body)?).await?;
    let (parts, body) = response.into_parts();
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().into(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: body.collect().await?.to_bytes().to_vec(),
    })
}

/// An HTTP/2 connection over clear text, for as many streams as Envoy lets it have.
pub struct Http2 {
    sender: http2::SendRequest<Stalled>,
}

/// A body that begins and never ends.
pub type Stalled = BoxBody<Bytes, io::Error>;

impl Http2 {
    /// To 127.0.0.1.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(port: u16) -> Result<Self, Box<dyn std::error::Error>> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            // Until the server says how many it takes.
            .initial_max_send_streams(100_000)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends a request with the beginning of a body, and goes on waiting for its answer: dropped, it resets the
    /// stream.
    ///
    /// # Errors
    /// When Envoy resets the stream or the connection.
    pub fn begin(
        &mut self,
        request: hyper::http::request::Builder,
        body: Vec<u8>,
    ) -> impl Future<Output = hyper::Result<u16>> + use<> {
        let frame = futures_util::stream::iter([Ok(Frame::data(Bytes::from(body)))]);
        let body = StreamBody::new(frame.chain(futures_util::stream::pending()));
        let request = request.body(BodyExt::boxed(body)).expect("a valid request");
        let response = self.sender.send_request(request);
        async move { Ok(response.await?.status().as_u16()) }
    }
}

/// Fields of a form and its file, as a browser sends them: the `content-type`, and the body.
///
/// # Panics
/// When a field is no string, or the file no text.
pub fn multipart(fields: &serde_json::Map<String, Value>, file: &[u8]) -> (&'static str, String) {
    let mut body = String::new();
    for (name, value) in fields {
        let value = value.as_str().expect("a string");
        body +=
            &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let file = std::str::from_utf8(file).expect("text");
    body += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n";
    body += &format!("Content-Type: text/plain\r\n\r\n{file}\r\n--b--\r\n");
    ("multipart/form-data; boundary=b", body)
}
