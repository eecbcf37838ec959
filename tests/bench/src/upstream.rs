//! An upstream that reads requests to their end, answers 200, and keeps one only when asked.
//!
//! Blocking threads, one a connection: what it costs is spent in this process, on its core.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// Up to the empty line.
    pub(crate) head: String,
    /// All of it.
    pub(crate) body: Vec<u8>,
}

/// Plain HTTP/1.1 with `content-length`.
#[derive(Debug)]
pub(crate) struct Swallower {
    /// On 127.0.0.1.
    pub(crate) port: u16,
    keeps: AtomicBool,
    kept: Mutex<Vec<Arrived>>,
}

impl Swallower {
    /// Listens until the process ends.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) fn start() -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let swallower = Arc::new(Self {
            port: listener.local_addr()?.port(),
            keeps: AtomicBool::new(false),
            kept: Mutex::default(),
        });
        let this = Arc::clone(&swallower);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let this = Arc::clone(&this);
                // A connection ends when Envoy does.
                thread::spawn(move || this.serve(stream));
            }
        });
        Ok(swallower)
    }

    /// Keeps every request that arrives while `during` runs; returns them with its result.
    pub(crate) fn keeping<T>(&self, during: impl FnOnce() -> T) -> (T, Vec<Arrived>) {
        self.keeps.store(true, Ordering::SeqCst);
        let result = during();
        self.keeps.store(false, Ordering::SeqCst);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (result, std::mem::take(&mut *kept))
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; 256 * 1024];
        let mut filled = 0;
        loop {
            let head = loop {
                if let Some(end) = end_of_head(buffer.get(..filled).unwrap_or_default()) {
                    break end;
                }
                let free = buffer.get_mut(filled..).unwrap_or_default();
                match stream.read(free)? {
                    0 => return Ok(()),
                    read => filled += read,
                }
            };
            let keeps = self.keeps.load(Ordering::SeqCst);
            let text = String::from_utf8_lossy(buffer.get(..head).unwrap_or_default()).into_owned();
            let length = content_length(&text).unwrap_or(0);
            let mut body = Vec::new();
            let mut left = length;
            // What came with the head; a client that waits for answers sends no second request.
            let rest = buffer.get(head..filled).unwrap_or_default();
            left = left.saturating_sub(rest.len());
            if keeps {
                body.extend_from_slice(rest);
            }
            while left > 0 {
                let read = stream.read(&mut buffer)?;
                if read == 0 {
                    return Ok(());
                }
                if keeps {
                    body.extend_from_slice(buffer.get(..read).unwrap_or_default());
                }
                left = left.saturating_sub(read);
            }
            filled = 0;
            if keeps {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push(Arrived { head: text, body });
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
    }
}

/// Where the head ends, its empty line included.
pub(crate) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The `content-length` of a head, whose names are in lower case.
pub(crate) fn content_length(head: &str) -> Option<usize> {
    head.lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
}
