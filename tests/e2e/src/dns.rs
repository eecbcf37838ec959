//! A name server that knows every name: it is at 127.0.0.1.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;

/// Listens on UDP.
pub struct FakeDns {
    /// On 127.0.0.1.
    pub port: u16,
    queries: AtomicU64,
}

impl FakeDns {
    /// Starts listening; lives until the runtime ends.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Arc<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let dns = Arc::new(Self {
            port: socket.local_addr().expect("bound").port(),
            queries: AtomicU64::new(0),
        });
        let this = Arc::clone(&dns);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                this.queries.fetch_add(1, Ordering::Relaxed);
                if let Some(answer) = answer(buffer.get(..length).unwrap_or_default()) {
                    let _ = socket.send_to(&answer, client).await;
                }
            }
        });
        dns
    }

    /// How many have come.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }
}

/// RFC 1035, section 4: the question again, and for an A record the address.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let (header, question) = query.split_at_checked(12)?;
    // The labels, the zero behind them, the type and the class.
    let end = question.iter().position(|byte| *byte == 0)? + 5;
    let question = question.get(..end)?;
    let is_a = question.get(end - 4..end - 2)? == [0, 1];
    let mut answer = header.get(..2)?.to_vec();
    // A response, recursion available, no error; one question, and an answer or none.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    answer.extend(question);
    if is_a {
        // The name of the question, A, IN, for a minute, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}
