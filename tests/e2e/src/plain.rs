//! An upstream that keeps the raw bytes it gets: for hosts that are not AWS, and for clusters
//! that nothing signed may reach.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ledger::contains;
use crate::{ANY_PORT, listen, lock, port_of};

/// Plain HTTP/1.1, read by hand so that no parser changes a byte.
pub struct Recorder {
    /// On 127.0.0.1, or on the addresses that it was started at.
    pub port: u16,
    requests: Mutex<Vec<Vec<u8>>>,
}

impl Recorder {
    /// Starts listening; lives until the runtime ends.
    pub async fn start() -> Arc<Self> {
        Self::start_at(&[ANY_PORT]).await
    }

    /// As [`Recorder::start`], at these addresses.
    ///
    /// # Panics
    /// When one is not free.
    pub async fn start_at(addresses: &[SocketAddr]) -> Arc<Self> {
        let listeners = listen(addresses).await;
        let recorder = Arc::new(Self {
            port: port_of(&listeners),
            requests: Mutex::default(),
        });
        for listener in listeners {
            let this = Arc::clone(&recorder);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&this).serve(stream));
                }
            });
        }
        recorder
    }

    /// Every request so far, head and body.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        lock(&self.requests).clone()
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        while !is_complete(&bytes) {
            match stream.read_buf(&mut bytes).await {
                // A connection that Envoy opens ahead and closes unused is no request.
                Ok(0) | Err(_) if bytes.is_empty() => return,
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        lock(&self.requests).push(bytes);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nplain";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    }
}

pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let (head, body) = bytes.split_at(end + 4);
    let head = head.to_ascii_lowercase();
    if contains(&head, b"transfer-encoding: chunked") {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = String::from_utf8_lossy(&head)
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
