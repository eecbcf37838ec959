//! Requests that go on while something else changes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e::{Connection, Request, SOON, until};
use tokio::task::JoinHandle;

use crate::pod::{Network, Pod};

/// What became of requests: a status with its reason, or an error.
type Outcomes = BTreeMap<String, u64>;

/// Clients that ask one after the other until they are stopped: half of them over a new connection each time.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Outcomes>>,
}

impl Load {
    pub(crate) fn start(pod: &Pod, at: SocketAddr, request: &Request) -> Self {
        let (is_over, count) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let clients = (0..4).map(|number| {
            let client = Client {
                network: pod.network(),
                at,
                request: request.bytes(),
                keeps: number % 2 == 0,
                is_over: Arc::clone(&is_over),
                count: Arc::clone(&count),
            };
            tokio::spawn(client.ask())
        });
        Self {
            clients: clients.collect(),
            is_over,
            count,
        }
    }

    /// Waits until so many more requests have been answered.
    pub(crate) async fn goes_on_for(&self, requests: u64) {
        let from = self.count.load(Ordering::Relaxed);
        let enough = || self.count.load(Ordering::Relaxed) >= from + requests;
        until("the load goes on", SOON, enough).await;
    }

    /// Ends it.
    ///
    /// # Panics
    /// When a request was answered otherwise than with 200, or not at all.
    pub(crate) async fn assert_no_failure(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Outcomes::new();
        for client in self.clients {
            for (outcome, count) in client.await.expect("no panic") {
                *all.entry(outcome).or_default() += count;
            }
        }
        let succeeded = all.remove("200").unwrap_or_default();
        println!("{succeeded} requests succeeded under load");
        assert!(
            all.is_empty() && succeeded > 0,
            "{succeeded} succeeded, {all:?}"
        );
    }
}

struct Client {
    network: Network,
    at: SocketAddr,
    request: Vec<u8>,
    /// Whether it asks again over the same connection.
    keeps: bool,
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
}

impl Client {
    async fn ask(self) -> Outcomes {
        let mut outcomes = Outcomes::new();
        let mut kept = None;
        while !self.is_over.load(Ordering::Relaxed) {
            let connection = match kept.take() {
                Some(connection) => Ok(connection),
                None => self.network.stream(self.at).map(Connection::over),
            };
            let outcome = match connection {
                Ok(mut connection) => match connection.ask(&self.request).await {
                    Ok(answer) => {
                        let closes = answer.header("connection") == Some("close");
                        kept = (self.keeps && !closes).then_some(connection);
                        let reason = answer.reason().map(|reason| format!(" {reason}"));
                        format!("{}{}", answer.status, reason.unwrap_or_default())
                    }
                    Err(error) => error.to_string(),
                },
                Err(error) => error.to_string(),
            };
            *outcomes.entry(outcome).or_default() += 1;
            self.count.fetch_add(1, Ordering::Relaxed);
            // Some hundred requests a second: load, and not a measurement.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        outcomes
    }
}
