//! End-to-end tests: the built module in a real Envoy, between fakes that misbehave on demand.
//!
//! ```text
//! client --http--> Envoy [sigv4-egress] --TLS--> FakeAws    recomputes every signature
//!                    |  |       `--------TCP---> Recorder   keeps the raw bytes
//!                    |  |--TLS--> FakeSts                   slow, wrong, silent, as scripted
//!                    |  `--------> FakeAgent                a container endpoint
//!                    `--unix socket--> token listener of the same Envoy, fed by a TokenDir
//! ```
//!
//! In a [`pod`], a network namespace of its own, AWS is where DNS says, and iptables lead to Envoy.
//!
//! A test is a [`scenario`]: it runs on every Envoy of [`envoy::versions`], and at its end the
//! invariants of [`World::finish`] hold (nothing unsigned arrived, no secret was logged).
//! Nothing here sleeps for a fixed time: [`eventually`] polls with a deadline, and the fakes are
//! held and released by the test.

pub mod agent;
pub mod aws;
pub mod bootstrap;
pub mod bystander;
pub mod ca;
pub mod chunks;
pub mod client;
pub mod clients;
pub mod dns;
pub mod envoy;
pub mod gate;
pub mod ledger;
pub mod namespace;
#[path = "../../parts/mod.rs"]
mod parts;
pub mod plain;
pub mod pod;
pub mod s3s;
pub mod shipped;
pub mod sts;
pub mod token;
pub mod transcript;
pub mod upstream;
pub mod verify;
pub mod world;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

pub use aws::FakeAws;
pub use client::{Answer, Connection, Request, multipart};
pub use serde_json::{Value, json};
pub use sts::{FakeSts, Reply};
use tokio::net::TcpListener;
pub use verify::Verdict;
pub use world::{Setup, World, scenario};

/// How long a test waits for something that should happen soon. Generous: the machine may have
/// two cores and several Envoys that compile the module at once.
pub const SOON: Duration = Duration::from_secs(20);

/// A free port of 127.0.0.1.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// For tests that open thousands of connections: one at a time in this process.
pub fn alone() -> impl Drop {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    lock(&ALONE)
}

/// Polls until `probe` yields a value.
///
/// # Panics
/// When `deadline` has passed; `what` says in words what was expected.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(
            start.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// As [`eventually`], for a condition that needs no `await`.
///
/// # Panics
/// When `deadline` has passed.
pub async fn until(what: &str, deadline: Duration, mut holds: impl FnMut() -> bool) {
    eventually(what, deadline, async || holds().then_some(())).await;
}

/// A listener on each of these.
pub(crate) async fn listen(addresses: &[SocketAddr]) -> Vec<TcpListener> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.unwrap_or_else(|error| panic!("{address}: {error}")));
    }
    listeners
}

/// The port of the first of them.
pub(crate) fn port_of(listeners: &[TcpListener]) -> u16 {
    let address = listeners.first().map(TcpListener::local_addr);
    address.expect("a listener").expect("bound").port()
}

pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A fake's task that panicked must not hide the journal from the failure report.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
