//! A certificate authority that lives as long as the test.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::lock;

/// Signs a certificate for whatever host name a client asks for.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    leaf_key: KeyPair,
    leaves: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl TestCa {
    /// A new authority, unknown to everybody.
    pub fn new() -> Arc<Self> {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params
            .distinguished_name
            .push(DnType::CommonName, "e2e test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a P-256 key");
        let pem = params.self_signed(&key).expect("self-signed").pem();
        Arc::new(Self {
            issuer: Issuer::new(params, key),
            pem,
            leaf_key: KeyPair::generate().expect("a P-256 key"),
            leaves: Mutex::default(),
        })
    }

    /// What Envoy gets as `trusted_ca`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server side of TLS. With `fixed_name` every client gets a certificate for that name,
    /// otherwise for the name in its SNI; a client without SNI is refused.
    pub fn acceptor(self: &Arc<Self>, fixed_name: Option<&str>) -> TlsAcceptor {
        let resolver = BySni {
            ca: Arc::clone(self),
            fixed_name: fixed_name.map(str::to_owned),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the default protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn leaf(&self, name: &str) -> Arc<CertifiedKey> {
        let mut leaves = lock(&self.leaves);
        if let Some(leaf) = leaves.get(name) {
            return Arc::clone(leaf);
        }
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a DNS name");
        // Without a name of its own it would have the authority's, and look self-signed.
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params
            .signed_by(&self.leaf_key, &self.issuer)
            .expect("signed");
        let key = PrivateKeyDer::try_from(self.leaf_key.serialize_der()).expect("PKCS #8");
        let key = any_supported_type(&key).expect("P-256 is supported");
        let leaf = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key));
        leaves.insert(name.to_owned(), Arc::clone(&leaf));
        leaf
    }
}

struct BySni {
    ca: Arc<TestCa>,
    fixed_name: Option<String>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = self.fixed_name.as_deref().or(hello.server_name())?;
        Some(self.ca.leaf(name))
    }
}

impl fmt::Debug for BySni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BySni")
    }
}
