//! A certificate authority that lives as long as the test.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    NameConstraints, SanType,
};
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

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
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params
            .distinguished_name
            .push(DnType::CommonName, format!("e2e test CA {number}"));
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

    /// A certificate for these names and its key, in PEM, as Envoy reads them from files.
    ///
    /// # Panics
    /// When one is no name of a host.
    pub fn certificate(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("DNS names");
        params
            .distinguished_name
            .push(DnType::CommonName, "sigv4-egress");
        let key = KeyPair::generate().expect("a P-256 key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        (certificate.pem(), key.serialize_pem())
    }

    /// A certificate of a workload in a mesh and its key, in PEM.
    ///
    /// # Panics
    /// When this is no URI.
    pub fn certificate_of_workload(&self, identity: &str) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        let identity = identity.try_into().expect("a URI");
        params.subject_alt_names.push(SanType::URI(identity));
        let key = KeyPair::generate().expect("a P-256 key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        (certificate.pem(), key.serialize_pem())
    }

    /// As [`TestCa::certificate`], from an intermediate authority that may vouch for names of AWS alone: both certificates,
    /// as the pod's is made.
    ///
    /// # Panics
    /// When one is no name of a host.
    pub fn certificate_of_intermediate(&self, names: &[&str]) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params
            .distinguished_name
            .push(DnType::CommonName, "sigv4-egress intermediate");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let domains = ["amazonaws.com", "api.aws", "on.aws"].map(str::to_owned);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: domains.map(GeneralSubtree::DnsName).to_vec(),
            excluded_subtrees: [
                CidrSubnet::V4([0; 4], [0; 4]),
                CidrSubnet::V6([0; 16], [0; 16]),
            ]
            .map(GeneralSubtree::IpAddress)
            .to_vec(),
        });
        let key = KeyPair::generate().expect("a P-256 key");
        let signed = params.signed_by(&key, &self.issuer).expect("signed").pem();
        let intermediate = Self {
            issuer: Issuer::new(params, key),
            pem: signed.clone(),
            leaf_key: KeyPair::generate().expect("a P-256 key"),
            leaves: Mutex::default(),
        };
        let (certificate, key) = intermediate.certificate(names);
        (certificate + &signed, key)
    }

    /// A client side of TLS that trusts this authority alone and offers these protocols (ALPN).
    ///
    /// # Panics
    /// When the authority's own certificate cannot be read.
    pub fn connector(&self, protocols: &[&str]) -> TlsConnector {
        let mut config = self.client();
        let protocols = protocols.iter().map(|name| name.as_bytes().into());
        config.alpn_protocols = protocols.collect();
        TlsConnector::from(Arc::new(config))
    }

    /// A client side of TLS that trusts this authority alone and does not say whom it calls.
    ///
    /// # Panics
    /// When the authority's own certificate cannot be read.
    pub fn connector_without_name(&self) -> TlsConnector {
        let mut config = self.client();
        config.enable_sni = false;
        TlsConnector::from(Arc::new(config))
    }

    fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate");
        roots.add(root).expect("a root");
        ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the default protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
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
