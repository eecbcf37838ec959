//! What is on port 443 of the rest of the world: TLS with certificates that are not the sidecar's, plain http, and servers that
//! speak first.

use std::sync::Arc;
use std::time::Duration;

use e2e::ca::TestCa;
use e2e::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::patch::Sidecar;

/// What a server says that speaks first.
pub(crate) const GREETING: &str = "220 mail.example.org\r\n";

/// A server that speaks each of them.
pub(crate) struct Internet {
    /// On 127.0.0.1.
    pub(crate) port: u16,
    /// Of its certificates.
    pub(crate) ca: Arc<TestCa>,
}

impl Internet {
    /// Starts listening; lives until the runtime ends.
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let ca = TestCa::new();
        let acceptor = ca.acceptor(None);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone()));
            }
        });
        Arc::new(Self { port, ca })
    }
}

/// A client that says nothing for 3 s waits to be greeted.
async fn serve(mut stream: TcpStream, acceptor: TlsAcceptor) {
    let mut first = [0];
    match tokio::time::timeout(Duration::from_secs(3), stream.peek(&mut first)).await {
        Err(_) => drop(stream.write_all(GREETING.as_bytes()).await),
        // The type of a TLS record that is a handshake (RFC 8446, section 5.1).
        Ok(Ok(1)) if first == [22] => {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream).await;
            }
        }
        Ok(Ok(1)) => answer(stream).await,
        Ok(_) => {}
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    // Temporary keys begin so. Without an answer, the client's test fails.
    let unsigned = !String::from_utf8_lossy(&request).contains("Credential=ASIA");
    assert!(unsigned, "a request that the sidecar signed went past AWS");
    let answer = b"HTTP/1.1 200 OK\r\nserver: internet\r\ncontent-length: 0\r\n\r\n";
    let _ = stream.write_all(answer).await;
}

/// The listener and the cluster that istiod makes of ServiceEntries with these hosts and port 443, protocol TLS or HTTPS
/// (`buildSidecarOutboundTLSFilterChainOpts` of `pilot/pkg/networking/core/tls.go`).
pub(crate) fn add_service_entries(sidecar: &mut Sidecar, hosts: &[&str]) {
    let proxy = |cluster: &str| {
        json!([{
            "name": "envoy.filters.network.tcp_proxy",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefix": cluster,
                "cluster": cluster,
            },
        }])
    };
    let chains = hosts.iter().map(|host| {
        json!({"filter_chain_match": {"server_names": [host]}, "filters": proxy(&format!("outbound|443||{host}"))})
    });
    let chains: Vec<Value> = chains.collect();
    let listener = json!({
        "name": "0.0.0.0_443",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 443}},
        "bind_to_port": false,
        "traffic_direction": "OUTBOUND",
        "continue_on_listener_filters_timeout": true,
        "listener_filters_timeout": "0s",
        "listener_filters": [{
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            },
        }],
        "filter_chains": chains,
        "default_filter_chain": {"name": "PassthroughFilterChain", "filters": proxy("PassthroughCluster")},
    });
    sidecar.listeners.insert(0, listener);
    for host in hosts {
        // istiod's resolve the host (STRICT_DNS) or take the original address, which is what there is here.
        sidecar.clusters.push(json!({
            "name": format!("outbound|443||{host}"),
            "type": "ORIGINAL_DST",
            "lb_policy": "CLUSTER_PROVIDED",
            "connect_timeout": "10s",
        }));
    }
}
