//! An OCI registry over plain http, for the module as an image.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use e2e::{Value, json};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Blobs and manifests by digest.
#[derive(Default)]
pub(crate) struct Registry {
    blobs: Mutex<BTreeMap<String, (&'static str, Bytes)>>,
}

impl Registry {
    /// Starts listening; lives until the runtime ends.
    ///
    /// # Panics
    /// When the address is not free.
    pub(crate) async fn start(address: SocketAddr) -> Arc<Self> {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let registry = Arc::<Self>::default();
        let this = Arc::clone(&registry);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = Arc::clone(&this);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = this.answer(&request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        registry
    }

    /// Takes an image of this module; the SHA-256 of its manifest, in hex.
    pub(crate) fn push(&self, module: Vec<u8>) -> String {
        // The form that Istio's agent reads (`extractOCIArtifactImage` in its pkg/wasm): two layers, one of them the module.
        let config = self.keep(b"{}".to_vec(), "application/vnd.module.wasm.config.v1+json");
        let layers = [
            config.clone(),
            self.keep(module, "application/vnd.module.wasm.content.layer.v1+wasm"),
        ];
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
        });
        let kept = self.keep(manifest.to_string().into_bytes(), MANIFEST);
        let digest = kept["digest"].as_str().unwrap_or_default();
        digest.trim_start_matches("sha256:").to_owned()
    }

    /// Its descriptor.
    fn keep(&self, blob: Vec<u8>, kind: &'static str) -> Value {
        let digest = format!("sha256:{}", sha256(&blob));
        let descriptor = json!({"mediaType": kind, "size": blob.len(), "digest": digest});
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.insert(digest, (kind, blob.into()));
        descriptor
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = path.rsplit('/').next().unwrap_or_default();
        let (status, kind, body) = match blobs.get(digest) {
            Some((kind, blob)) => (200, *kind, blob.clone()),
            None if path == "/v2/" => (200, "application/json", Bytes::from_static(b"{}")),
            None => (404, "application/json", Bytes::from_static(b"{}")),
        };
        Response::builder()
            .status(status)
            .header("content-type", kind)
            .header("docker-content-digest", digest)
            .body(Full::from(body))
            .expect("a plain response")
    }
}

/// In hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
