//! A pod of its own: the whole shipped `envoy/envoy.yaml` in a [`namespace`], with AWS and others at
//! addresses that DNS knows, and the application's port 443 captured where the test says so.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use tokio::net::{TcpStream, lookup_host};

use crate::bystander::{Bystander, Manner, Watched, Wire};
use crate::dns::FakeDns;
use crate::shipped::{Shipped, runtime};
use crate::{Connection, SOON, envoy, eventually, namespace};

/// The listener of what was captured.
pub const CAPTURED: &str = "sigv4-egress-captured";

/// What there is in it.
pub struct Pod {
    /// Envoy, AWS, and the authority that ends TLS.
    pub shipped: Shipped,
    /// At 127.0.0.1, as /etc/resolv.conf says.
    pub dns: Arc<FakeDns>,
    /// `other.example`.
    pub other: Arc<Bystander>,
    /// `greeting.example`, which speaks first.
    pub greeting: Arc<Bystander>,
}

impl Pod {
    /// Starts everything, in a namespace; nothing is captured yet. The certificate has these names.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start(version: &str, names: &[&str], change: impl FnOnce(&mut Value)) -> Self {
        let shipped = async || Shipped::start_in_pod(version, names, change).await;
        let pod = Self::around(shipped).await;
        eventually(
            "the listener of captured connections is there",
            SOON,
            async || pod.shipped.envoy.port(CAPTURED).await,
        )
        .await;
        pod
    }

    /// As [`Pod::start`], with the configuration of the sandbox, and tunnels to these hosts; nothing is confined yet.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start_in_sandbox(version: &str, names: &[&str], tunnel_to: &[&str]) -> Self {
        Self::around(async || Shipped::start_in_sandbox(version, names, tunnel_to).await).await
    }

    async fn around(shipped: impl AsyncFnOnce() -> Shipped) -> Self {
        let dns = start_dns().await;
        let other = Bystander::start(&namespace::OTHER.https(), Manner::Answers).await;
        let greeting = Bystander::start(&namespace::GREETING.https(), Manner::Greets).await;
        Self {
            shipped: shipped().await,
            dns,
            other,
            greeting,
        }
    }

    /// A connection to port 443 of a host, wherever DNS and iptables lead it, and its bytes.
    ///
    /// # Errors
    /// When nobody listens, or DNS does not know the host.
    pub async fn connect(&self, host: &str) -> io::Result<(Connection, Wire)> {
        let (stream, wire) = Watched::new(self.stream(host).await?);
        Ok((Connection::over(stream), wire))
    }

    /// As [`Pod::connect`], as the system has it.
    ///
    /// # Errors
    /// As [`Pod::connect`].
    pub async fn stream(&self, host: &str) -> io::Result<TcpStream> {
        // Not the order that the system has for them.
        let mut addresses: Vec<SocketAddr> = lookup_host((host, 443)).await?.collect();
        addresses.sort();
        TcpStream::connect(addresses.as_slice()).await
    }

    /// As [`Pod::connect`], in TLS: the client trusts the pod's authority, and offers these protocols.
    ///
    /// # Errors
    /// When the handshake fails, too.
    pub async fn tls(&self, host: &str, alpn: &[&str]) -> io::Result<Connection> {
        let (connection, _) = self.connect(host).await?;
        connection
            .tls(host, &self.shipped.pod_ca.connector(alpn))
            .await
    }

    /// Checks how many connections have been led to Envoy, and how many of them went on as they were.
    ///
    /// Envoy may count a connection that a filter closes at once after its client has seen the end.
    ///
    /// # Panics
    /// When they are not so many soon.
    pub async fn has_captured(&self, all: u64, passed: u64) {
        let what = format!("{all} connections captured, {passed} of them passed through");
        eventually(&what, SOON, async || {
            let found = self.captured().await;
            (found == (all, passed)).then_some(())
        })
        .await;
    }

    async fn captured(&self) -> (u64, u64) {
        let envoy = &self.shipped.envoy;
        let ports = ["127.0.0.1", "[__1]"].map(|ip| format!("listener.{ip}_15443"));
        let mut all = 0;
        for port in ports {
            all += envoy.stat(&format!("{port}.downstream_cx_total")).await;
        }
        let passed = "tcp.sigv4_egress_passed_through.downstream_cx_total";
        (all, envoy.stat(passed).await)
    }
}

/// AWS's names, and those of the others.
pub(crate) async fn start_dns() -> Arc<FakeDns> {
    let aws = namespace::AWS.addresses();
    let zone = vec![
        ("sts.eu-west-1.amazonaws.com", namespace::STS.addresses()),
        (
            "sink.s3.eu-west-1.amazonaws.com",
            namespace::SINK.addresses(),
        ),
        (".amazonaws.com", aws.clone()),
        (".api.aws", aws.clone()),
        (".on.aws", aws),
        ("other.example", namespace::OTHER.addresses()),
        // What an owner of a name may answer with, to get into the pod.
        ("loopback.example", vec![Ipv4Addr::LOCALHOST.into()]),
        ("loopback6.example", vec![Ipv6Addr::LOCALHOST.into()]),
        (
            "metadata.example",
            vec![Ipv4Addr::new(169, 254, 169, 254).into()],
        ),
        ("private.example", vec![Ipv4Addr::new(10, 1, 2, 3).into()]),
        (
            "mapped.example",
            vec![Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()],
        ),
        (
            "mixed.example",
            vec![Ipv4Addr::LOCALHOST.into(), namespace::NOWHERE],
        ),
        ("greeting.example", namespace::GREETING.addresses()),
    ];
    FakeDns::start_at((IpAddr::from(Ipv4Addr::LOCALHOST), 53).into(), zone).await
}

/// Runs `steps` in a pod of its own with every Envoy; afterwards nothing may have left unsigned. `test` is the test's name,
/// with the modules before it as cargo prints it.
///
/// # Panics
/// When a step fails, and where this is not root.
pub fn in_pod(test: &str, names: &[&str], steps: impl AsyncFn(&Pod)) {
    namespace::within(test, || {
        for version in envoy::versions() {
            runtime().block_on(async {
                let pod = Pod::start(&version, names, |_| {}).await;
                steps(&pod).await;
                pod.shipped.aws.assert_never_unsigned();
            });
            namespace::release();
        }
    });
}
