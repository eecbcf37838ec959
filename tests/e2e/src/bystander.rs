//! A host that is not AWS's, which keeps every byte that reaches it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::ca::TestCa;
use crate::{listen, lock};

/// What it says first where it speaks first.
pub const GREETING: &[u8] = b"220 other.example at your service\r\n";

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// To TLS with a certificate of its own authority, after which every byte comes back; to what is no TLS with what came,
    /// once the client has ended its side.
    Answers,
    /// It speaks first, and ends the connection after the next line.
    Greets,
}

/// A server with an authority of its own.
pub struct Bystander {
    /// Of its certificates.
    pub ca: Arc<TestCa>,
    wires: Mutex<Vec<Wire>>,
}

/// What has passed over one connection, below TLS.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    read: Arc<Mutex<Vec<u8>>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// What has come.
    pub fn read(&self) -> Vec<u8> {
        lock(&self.read).clone()
    }

    /// What has been sent.
    pub fn written(&self) -> Vec<u8> {
        lock(&self.written).clone()
    }
}

/// A stream that keeps what passes.
pub struct Watched<S> {
    inner: S,
    wire: Wire,
}

impl<S> Watched<S> {
    /// Watches from now on.
    pub fn new(inner: S) -> (Self, Wire) {
        let wire = Wire::default();
        let kept = wire.clone();
        (Self { inner, wire }, kept)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        lock(&self.wire.read).extend(new);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        if let Poll::Ready(Ok(length)) = &polled {
            lock(&self.wire.written).extend(bytes.get(..*length).unwrap_or_default());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Bystander {
    /// Starts listening at these addresses; lives until the runtime ends.
    ///
    /// # Panics
    /// When one is not free.
    pub async fn start(addresses: &[SocketAddr], manner: Manner) -> Arc<Self> {
        let bystander = Arc::new(Self {
            ca: TestCa::new(),
            wires: Mutex::default(),
        });
        for listener in listen(addresses).await {
            tokio::spawn(Arc::clone(&bystander).serve(listener, manner));
        }
        bystander
    }

    /// All connections so far.
    pub fn wires(&self) -> Vec<Wire> {
        lock(&self.wires).clone()
    }

    async fn serve(self: Arc<Self>, listener: TcpListener, manner: Manner) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).talk(stream, manner));
        }
    }

    /// An error is a client that left.
    async fn talk(self: Arc<Self>, stream: TcpStream, manner: Manner) -> io::Result<()> {
        let mut first = [0];
        if manner == Manner::Answers {
            stream.peek(&mut first).await?;
        }
        let (mut stream, wire) = Watched::new(stream);
        lock(&self.wires).push(wire);
        // The record of a handshake (RFC 8446, section 5.1).
        if first == [22] {
            let acceptor = self.ca.acceptor(Some("other.example"));
            let (mut read, mut write) = tokio::io::split(acceptor.accept(stream).await?);
            tokio::io::copy(&mut read, &mut write).await?;
            return write.shutdown().await;
        }
        let mut came = Vec::new();
        match manner {
            Manner::Answers => drop(stream.read_to_end(&mut came).await?),
            Manner::Greets => {
                stream.write_all(GREETING).await?;
                while !came.ends_with(b"\n") && stream.read_buf(&mut came).await? > 0 {}
            }
        }
        stream.write_all(&came).await?;
        stream.shutdown().await
    }
}
