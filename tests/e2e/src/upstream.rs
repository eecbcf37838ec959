//! An upstream over TLS whose every byte and every close the test decides.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ca::TestCa;
use crate::ledger::contains;
use crate::plain::is_complete;

/// A connection of Envoy's before its handshake: dropped, it is one that did not come about.
pub struct Connected {
    stream: TcpStream,
    acceptor: TlsAcceptor,
}

/// A connection of Envoy's after its handshake.
pub struct Accepted {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// Starts listening on 127.0.0.1, and serves each connection with `serve`, until the runtime ends.
///
/// # Panics
/// When there is no free port.
pub async fn start<F>(
    ca: &Arc<TestCa>,
    serve: impl Fn(Connected) -> F + Send + Sync + 'static,
) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let acceptor = ca.acceptor(None);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(serve(Connected { stream, acceptor }));
        }
    });
    port
}

impl Connected {
    /// Makes the handshake; `None` where Envoy does not.
    pub async fn accept(self) -> Option<Accepted> {
        let stream = self.acceptor.accept(self.stream).await.ok()?;
        let buffer = Vec::new();
        Some(Accepted { stream, buffer })
    }
}

impl Accepted {
    /// The next request, head and body; `None` where the connection ends before.
    pub async fn request(&mut self) -> Option<Vec<u8>> {
        while !is_complete(&self.buffer) {
            self.read().await?;
        }
        Some(std::mem::take(&mut self.buffer))
    }

    /// The head of the next request, perhaps with a part of its body, of which nothing more is read.
    pub async fn head(&mut self) -> Option<Vec<u8>> {
        while !contains(&self.buffer, b"\r\n\r\n") {
            self.read().await?;
        }
        Some(std::mem::take(&mut self.buffer))
    }

    async fn read(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.buffer).await;
        (read.ok()? > 0).then_some(())
    }

    /// Sends bytes; `None` where the connection has ended.
    pub async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()?;
        self.stream.flush().await.ok()
    }

    /// Ends the connection in order, as a server does that has waited long enough.
    pub async fn close(mut self) {
        // It fails where Envoy was first.
        let _ = self.stream.shutdown().await;
    }
}
