//! AWS's place on the wire: TLS, and every byte of every request is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use e2e::ca::TestCa;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Answers 200 to everything; reads by hand, so that no parser changes a byte.
pub(crate) struct Upstream {
    pub(crate) port: u16,
    requests: Mutex<HashMap<usize, Vec<u8>>>,
}

impl Upstream {
    pub(crate) async fn start(ca: &Arc<TestCa>) -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let upstream = Arc::new(Self {
            port: listener.local_addr().expect("bound").port(),
            requests: Mutex::default(),
        });
        let (this, acceptor) = (Arc::clone(&upstream), ca.acceptor(None));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (this, acceptor) = (Arc::clone(&this), acceptor.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        this.serve(stream).await;
                    }
                });
            }
        });
        upstream
    }

    /// Head and body of the request that was sent with this `x-wire-id`.
    pub(crate) fn arrived(&self, id: usize) -> Option<Vec<u8>> {
        self.requests
            .lock()
            .expect("not poisoned")
            .get(&id)
            .cloned()
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut buffer = Vec::new();
        loop {
            let length = loop {
                if let Some(length) = length(&buffer)
                    && length <= buffer.len()
                {
                    break length;
                }
                if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                    return;
                }
            };
            let request: Vec<u8> = buffer.drain(..length).collect();
            if let Some(id) = header(&request, "x-wire-id").and_then(|id| id.parse().ok()) {
                let mut requests = self.requests.lock().expect("not poisoned");
                assert!(requests.insert(id, request).is_none(), "{id} arrived twice");
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// Of the first request in `buffer`, once its head is there; more than there is while it is not complete.
fn length(buffer: &[u8]) -> Option<usize> {
    let head = end_of(buffer, 0, b"\r\n\r\n")?;
    if header(buffer, "transfer-encoding").is_some() {
        return chunked_length(buffer, head);
    }
    let body = header(buffer, "content-length").map_or(0, |length| {
        length.parse().expect("a content-length in digits")
    });
    Some(head + body)
}

/// Chunks begin at `start`; trailers are none of this test's requests'.
fn chunked_length(buffer: &[u8], mut start: usize) -> Option<usize> {
    loop {
        let data = end_of(buffer, start, b"\r\n")?;
        let size = String::from_utf8_lossy(buffer.get(start..data)?).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
        start = data + size + 2;
        if size == 0 {
            return Some(start);
        }
    }
}

fn end_of(buffer: &[u8], start: usize, mark: &[u8]) -> Option<usize> {
    let mut windows = buffer.get(start..)?.windows(mark.len());
    Some(start + windows.position(|window| window == mark)? + mark.len())
}

/// The first header of this name in the head; Envoy writes names in lower case.
fn header(request: &[u8], name: &str) -> Option<String> {
    let head = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(request.get(..head)?).into_owned();
    head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        (key == name).then(|| value.to_owned())
    })
}
