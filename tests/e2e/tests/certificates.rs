//! The certificate that the sidecar shows in AWS's place: what each client takes and refuses, and its change under
//! load.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use e2e::envoy::{self, Envoy};
use e2e::shipped::{Shipped, runtime};
use e2e::{Connection, Request, SOON, Value, eventually, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const S3: &str = "s3.eu-west-1.amazonaws.com";

// ---- What is made ----

/// A directory that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("certificates-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.at(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left among temporary files does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a command prints, and whether it ended well.
fn output(command: &mut Command) -> (bool, String) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// What a command prints that ends well.
fn run(command: &mut Command) -> String {
    let (is_well, text) = output(command);
    assert!(is_well, "{command:?}: {text}");
    text
}

/// `sigv4-egress names`, for eu-west-1.
fn names(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let mut command = Command::new(cargo);
    command.args([
        "run",
        "--quiet",
        "--package",
        "sigv4-egress",
        "--bin",
        "sigv4-egress",
        "--",
        "names",
    ]);
    command
        .args(["--region", "eu-west-1"])
        .args(arguments)
        .current_dir(envoy::workspace());
    let output = command.output().expect("cargo");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// An authority of `--authority`, and what it signs.
struct Authority<'s> {
    scratch: &'s Scratch,
    name: &'static str,
}

impl<'s> Authority<'s> {
    /// A new one, or a new intermediate of one whose root's key is there.
    fn make(scratch: &'s Scratch, name: &'static str) -> Self {
        names(&["--authority", &scratch.text(name), "--keep-root-key"]);
        Self { scratch, name }
    }

    fn new_intermediate(&self) {
        for file in ["intermediate.pem", "intermediate.key", "secret.yaml"] {
            fs::remove_file(self.scratch.at(self.name).join(file)).expect("a file");
        }
        names(&["--authority", &self.scratch.text(self.name)]);
    }

    fn root(&self) -> String {
        fs::read_to_string(self.scratch.at(self.name).join("root.pem")).expect("root.pem")
    }

    /// A chain and its key, for subject alternative names as openssl writes them, for so many seconds.
    fn sign(&self, names: &str, seconds: i64) -> Pair {
        let directory = self.scratch.at(self.name);
        let at = |name: &str| directory.join(name);
        let key = run(Command::new("openssl").args([
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]));
        fs::write(at("leaf.key"), &key).expect("leaf.key");
        let extensions = format!(
            "subjectAltName={names}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n"
        );
        fs::write(at("leaf.cnf"), extensions).expect("leaf.cnf");
        run(Command::new("openssl").current_dir(&directory).args([
            "req",
            "-new",
            "-key",
            "leaf.key",
            "-subj",
            "/CN=sigv4-egress",
            "-out",
            "leaf.csr",
        ]));
        fs::write(at("index"), "").expect("index");
        fs::write(at("ca.cnf"), CA).expect("ca.cnf");
        let end = run(Command::new("date").args([
            "-u",
            "-d",
            &format!("{seconds} seconds"),
            "+%Y%m%d%H%M%SZ",
        ]));
        run(Command::new("openssl").current_dir(&directory).args([
            "ca",
            "-batch",
            "-config",
            "ca.cnf",
            "-startdate",
            "20200101000000Z",
            "-enddate",
            end.trim(),
            "-in",
            "leaf.csr",
            "-extfile",
            "leaf.cnf",
            "-notext",
            "-out",
            "leaf.pem",
        ]));
        let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
        Pair {
            chain: [read("leaf.pem"), read("intermediate.pem")].concat(),
            key,
        }
    }
}

/// For `openssl ca`, which alone takes the second of the end.
const CA: &str = "[ca]\ndefault_ca = ca_default\n[ca_default]\ndatabase = index\nserial = serial\nrand_serial = yes\nnew_certs_dir = .\ncertificate = \
                  intermediate.pem\nprivate_key = intermediate.key\ndefault_md = sha256\npolicy = any\nunique_subject = \
                  no\n[any]\ncommonName = supplied\n";

/// A certificate with what signed it, and its key, in PEM.
#[derive(Clone)]
struct Pair {
    chain: String,
    key: String,
}

impl Pair {
    fn read(directory: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(directory.join(name)).expect("a file");
        Self {
            chain: read("tls.crt"),
            key: read("tls.key"),
        }
    }

    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        chain
            .map(|certificate| certificate.expect("a certificate"))
            .collect()
    }
}

// ---- Clients of many kinds ----

/// A server that shows one pair for `example.org` and to clients that ask for an address, and another for all else.
#[derive(Debug)]
struct Shows {
    foreign: Arc<CertifiedKey>,
    ours: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Shows {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_ours = hello
            .server_name()
            .is_some_and(|name| name != "example.org");
        Some(Arc::clone(if is_ours { &self.ours } else { &self.foreign }))
    }
}

fn certified(pair: &Pair) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
    let key = any_supported_type(&key).expect("P-256");
    Arc::new(CertifiedKey::new(pair.certificates(), key))
}

/// Serves until the runtime ends; its port.
async fn serve(ours: &Pair, foreign: &Pair) -> u16 {
    let shows = Shows {
        foreign: certified(foreign),
        ours: certified(ours),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default protocol versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shows));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut buffer = [0; 1024];
                    let _ = stream.read(&mut buffer).await;
                    let _ = stream
                        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                        .await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    port
}

/// Programs that open TLS with the trust in a directory (`ca.pem`, `bundle.pem`, `truststore.p12`), as a pod sets it.
struct Clients {
    probes: PathBuf,
    go: PathBuf,
    trust: PathBuf,
}

const KINDS: &[&str] = &["openssl", "curl", "python", "node", "go", "java"];

impl Clients {
    fn new(scratch: &Scratch, trust: PathBuf) -> Self {
        let probes = envoy::workspace().join("tests/e2e/tests/certificates");
        let go = scratch.at("probe");
        let mut build = Command::new("go");
        build
            .args(["build", "-o"])
            .arg(&go)
            .arg(probes.join("probe.go"));
        build.env("GOFLAGS", "-mod=mod").env("GOTOOLCHAIN", "local");
        run(&mut build);
        Self { probes, go, trust }
    }

    /// What a client says of a host.
    fn ask(&self, kind: &str, port: u16, host: &str) -> String {
        let trust = |name: &str| self.trust.join(name).into_os_string();
        let port = port.to_string();
        let probe = |name: &str| self.probes.join(name);
        let mut command = match kind {
            "openssl" => {
                let mut command = Command::new("openssl");
                let (option, given) = if host == "127.0.0.1" {
                    ("-noservername", "-verify_ip")
                } else {
                    ("-brief", "-verify_hostname")
                };
                command.args([
                    "s_client",
                    "-brief",
                    "-verify_return_error",
                    option,
                    given,
                    host,
                ]);
                if host != "127.0.0.1" {
                    command.args(["-servername", host]);
                }
                command
                    .args(["-connect", &format!("127.0.0.1:{port}"), "-CAfile"])
                    .arg(trust("bundle.pem"));
                command.stdin(std::process::Stdio::null());
                return verdict(&mut command);
            }
            "curl" => {
                let mut command = Command::new("curl");
                command.args([
                    "--silent",
                    "--show-error",
                    "--noproxy",
                    "*",
                    "--connect-to",
                    &format!("::127.0.0.1:{port}"),
                ]);
                command
                    .arg(format!("https://{host}:{port}/"))
                    .env("CURL_CA_BUNDLE", trust("bundle.pem"));
                return verdict(&mut command);
            }
            "python" => {
                let mut command = Command::new(envoy::python());
                command
                    .arg(probe("probe.py"))
                    .env("SSL_CERT_FILE", trust("bundle.pem"));
                command
            }
            "node" => {
                let mut command = Command::new("node");
                command
                    .arg(probe("probe.js"))
                    .env("NODE_EXTRA_CA_CERTS", trust("ca.pem"));
                command
            }
            "go" => {
                let mut command = Command::new(&self.go);
                command.env("SSL_CERT_FILE", trust("bundle.pem"));
                command
            }
            "java" => {
                let mut command = Command::new("java");
                let store = self.trust.join("truststore.p12");
                command.arg(format!("-Djavax.net.ssl.trustStore={}", store.display()));
                command
                    .arg("-Djavax.net.ssl.trustStorePassword=changeit")
                    .arg(probe("Probe.java"));
                command
            }
            other => panic!("no such client: {other}"),
        };
        run(command.args(["127.0.0.1", &port, host]))
            .trim()
            .to_owned()
    }
}

/// Of a client that says it by how it ends.
fn verdict(command: &mut Command) -> String {
    match output(command) {
        (true, _) => "trusted".to_owned(),
        (false, text) => format!("refused: {text}"),
    }
}

/// The script with the names in it, run by `sh`.
fn script(scratch: &Scratch, text: &str, arguments: &[&str]) -> (bool, String) {
    fs::write(scratch.at("certificate.sh"), text).expect("certificate.sh");
    let mut command = Command::new("sh");
    command.arg(scratch.at("certificate.sh")).args(arguments);
    output(&mut command)
}

#[test]
fn every_client_trusts_what_the_init_container_makes() {
    let scratch = Scratch::new();
    let text = names(&["--format", "script"]);
    let (tls, trust) = (scratch.text("tls"), scratch.text("trust"));
    let (is_well, said) = script(&scratch, &text, &["-", &tls, &trust]);
    let is_all = said.lines().count() == 1 && said.contains("a new certificate in");
    assert!(is_well && is_all, "{said}");
    let pair = Pair::read(&scratch.at("tls"));
    // No key but the sidecar's is left anywhere.
    let roots = fs::read_to_string(scratch.at("trust/bundle.pem")).expect("bundle.pem");
    let root = fs::read_to_string(scratch.at("trust/ca.pem")).expect("ca.pem");
    assert!(roots.ends_with(&root) && roots.matches("BEGIN CERTIFICATE").count() > 50);
    assert_eq!(
        (
            pair.chain.matches("BEGIN").count(),
            root.matches("BEGIN").count()
        ),
        (2, 1)
    );
    runtime().block_on(async {
        let port = serve(&pair, &pair).await;
        let clients = Arc::new(Clients::new(&scratch, scratch.at("trust")));
        for kind in KINDS {
            for host in [
                "sqs.eu-west-1.amazonaws.com",
                "bucket.s3.eu-west-1.amazonaws.com",
                "iam.amazonaws.com",
            ] {
                let found = ask(&clients, kind, port, host).await;
                assert_eq!(found, "trusted", "{kind}, {host}");
            }
            // What no name covers, and what `names` tells.
            for host in [
                "with.dots.s3.eu-west-1.amazonaws.com",
                "example.org",
                "x.gr7.eu-west-1.eks.amazonaws.com",
            ] {
                let found = ask(&clients, kind, port, host).await;
                assert!(found.starts_with("refused: "), "{kind}, {host}: {found}");
            }
        }
    });
}

async fn ask(clients: &Arc<Clients>, kind: &'static str, port: u16, host: &'static str) -> String {
    let clients = Arc::clone(clients);
    tokio::task::spawn_blocking(move || clients.ask(kind, port, host))
        .await
        .expect("it ends")
}

#[test]
fn the_script_leaves_alone_what_is_good_and_says_what_is_wrong() {
    let scratch = Scratch::new();
    let text = fs::read_to_string(envoy::workspace().join("envoy/https/certificate.sh"))
        .expect("the script");
    let (tls, trust, given) = (
        scratch.text("tls"),
        scratch.text("trust"),
        scratch.text("names"),
    );
    let arguments = [given.as_str(), &tls, &trust];
    let refused = |names: &str| {
        fs::write(&given, names).expect("names");
        let (is_well, said) = script(&scratch, &text, &arguments);
        assert!(!is_well && !scratch.at("tls").exists(), "{said}");
        said
    };
    assert_eq!(
        refused("\n"),
        format!("certificate.sh: {given}: has no names\n")
    );
    let wrong = "is no DNS name in lower case, with or without *. in front\n";
    for name in [
        "a b.example.org",
        "*.*.example.org",
        "a.example.org\";x",
        "A.example.org",
        "a..example.org",
        "-",
    ] {
        assert_eq!(
            refused(name),
            format!("certificate.sh: {given}: {name} {wrong}")
        );
    }
    let (is_well, said) = script(&scratch, &text, &["-", &tls, &trust]);
    assert!(
        !is_well && said.contains("there are no names in this script"),
        "{said}"
    );
    fs::write(
        &given,
        "# of the pod\n*.eu-west-1.amazonaws.com\niam.amazonaws.com\n",
    )
    .expect("names");
    assert!(script(&scratch, &text, &arguments).0);
    let first = Pair::read(&scratch.at("tls"));
    let (is_well, said) = script(&scratch, &text, &arguments);
    assert!(
        is_well && said.contains("has a certificate for these names"),
        "{said}"
    );
    assert_eq!(Pair::read(&scratch.at("tls")).key, first.key);
    // Other names, or another root: all is made anew, and one link has changed.
    fs::write(&given, "*.eu-west-1.amazonaws.com\n").expect("names");
    let (is_well, said) = script(
        &scratch,
        &text.replace("umask 077", "umask 077; OWNER=nobody:nowhere"),
        &arguments,
    );
    assert!(
        !is_well
            && said.ends_with(
                "OWNER: the key cannot be given to nobody:nowhere; run this as root, or as it\n"
            ),
        "{said}"
    );
    assert_eq!(Pair::read(&scratch.at("tls")).key, first.key);
    assert!(script(&scratch, &text, &arguments).0);
    let second = Pair::read(&scratch.at("tls"));
    assert_ne!(second.key, first.key);
    fs::write(scratch.at("trust/ca.pem"), "").expect("ca.pem");
    assert!(script(&scratch, &text, &arguments).0);
    assert_ne!(Pair::read(&scratch.at("tls")).key, second.key);
    let files = fs::read_dir(scratch.at("tls")).expect("files");
    let mut files: Vec<String> = files
        .map(|file| {
            file.expect("a file")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    files.sort_unstable();
    assert_eq!(files.len(), 4, "{files:?}");
    assert_eq!(files[1..], ["..data", "tls.crt", "tls.key"]);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |name: &str| {
        fs::metadata(scratch.at(name))
            .expect("a file")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (
            mode("tls/tls.key"),
            mode("tls/tls.crt"),
            mode("trust/ca.pem")
        ),
        (0o600, 0o644, 0o644)
    );
    assert_eq!(
        (mode("trust/bundle.pem"), mode("trust/truststore.p12")),
        (0o644, 0o644)
    );
}

#[test]
fn every_client_refuses_what_the_constraints_do_not_permit() {
    let scratch = Scratch::new();
    let authority = Authority::make(&scratch, "authority");
    let ours = authority.sign("DNS:*.eu-west-1.amazonaws.com,DNS:iam.amazonaws.com", 3_600);
    let foreign = authority.sign("DNS:example.org,DNS:localhost,IP:127.0.0.1", 3_600);
    let trust = scratch.at("trust");
    fs::create_dir(&trust).expect("a directory");
    for name in ["ca.pem", "bundle.pem"] {
        fs::write(trust.join(name), authority.root()).expect("trust");
    }
    run(Command::new("keytool")
        .args([
            "-importcert",
            "-noprompt",
            "-alias",
            "root",
            "-storetype",
            "PKCS12",
        ])
        .args([
            "-storepass",
            "changeit",
            "-file",
            &scratch.text("trust/ca.pem"),
            "-keystore",
            &scratch.text("trust/truststore.p12"),
        ]));
    runtime().block_on(async {
        let port = serve(&ours, &foreign).await;
        let clients = Arc::new(Clients::new(&scratch, trust));
        for kind in KINDS {
            for host in ["sqs.eu-west-1.amazonaws.com", "iam.amazonaws.com"] {
                let found = ask(&clients, kind, port, host).await;
                assert_eq!(found, "trusted", "{kind}, {host}");
            }
            let found = ask(&clients, kind, port, "example.org").await;
            let lower = found.to_lowercase();
            // Each by its own words, and none because the name is another.
            let is_constraint = ["subtree", "constraint", "not permitted"]
                .iter()
                .any(|words| lower.contains(words));
            assert!(
                lower.starts_with("refused: ") && is_constraint,
                "{kind}: {found}"
            );
        }
        // rustls, and so the AWS SDK for Rust.
        let connector = connector(&authority.root());
        let error = open(port, "example.org", &connector)
            .await
            .expect_err("a constraint");
        assert!(
            error.to_string().contains("NameConstraintViolation"),
            "{error}"
        );
        open(port, "sqs.eu-west-1.amazonaws.com", &connector)
            .await
            .expect("it is permitted");
    });
    // What an authority below the intermediate signs is nothing: its path length is 0.
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command
            .current_dir(scratch.at("authority"))
            .args(arguments.split(' '));
        output(&mut command)
    };
    fs::write(
        scratch.at("authority/sub.cnf"),
        "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n",
    )
    .expect("sub.cnf");
    for step in [
        "req -new -key leaf.key -subj /CN=sub -out sub.csr",
        "x509 -req -in sub.csr -CA intermediate.pem -CAkey intermediate.key -set_serial 7 -extfile sub.cnf -out sub.pem",
        "x509 -req -in leaf.csr -CA sub.pem -CAkey leaf.key -set_serial 8 -extfile leaf.cnf -out below.pem",
        "verify -CAfile root.pem -untrusted intermediate.pem leaf.pem",
    ] {
        let (is_well, text) = openssl(step);
        assert_eq!(is_well, !step.contains("verify"), "{text}");
    }
    let (is_well, text) =
        openssl("verify -CAfile root.pem -untrusted intermediate.pem -untrusted sub.pem below.pem");
    assert!(
        !is_well && text.contains("path length constraint exceeded"),
        "{text}"
    );
}

async fn open(port: u16, host: &'static str, connector: &TlsConnector) -> io::Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    connector
        .connect(ServerName::try_from(host).expect("a name"), stream)
        .await
        .map(drop)
}

// ---- Envoy ----

/// A client's trust, read once at its start.
fn connector(bundle: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(root.expect("a certificate")).expect("a root");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A Secret as kubelet mounts it: files that lead through one link, which a new directory is put behind.
struct Mounted {
    directory: PathBuf,
    number: AtomicU32,
}

impl Mounted {
    fn new(directory: PathBuf, pair: &Pair) -> Self {
        fs::create_dir_all(&directory).expect("a directory");
        let mounted = Self {
            directory,
            number: AtomicU32::new(0),
        };
        mounted.swap(&pair.chain, &pair.key);
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), mounted.directory.join(name)).expect("a link");
        }
        mounted
    }

    fn swap(&self, chain: &str, key: &str) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let name = format!("..2026_11_29_{number}");
        let data = self.directory.join(&name);
        fs::create_dir(&data).expect("a directory");
        fs::write(data.join("tls.crt"), chain).expect("tls.crt");
        fs::write(data.join("tls.key"), key).expect("tls.key");
        let link = self.directory.join("..data_tmp");
        symlink(&name, &link).expect("a link");
        fs::rename(link, self.directory.join("..data")).expect("renamed");
    }

    fn put(&self, pair: &Pair) {
        self.swap(&pair.chain, &pair.key);
    }
}

/// The shipped Envoy with the certificate of a mounted Secret, by the shipped `sds.yaml`.
async fn start(version: &str, scratch: &Scratch, pair: &Pair) -> (Shipped, Mounted) {
    let mounted = Mounted::new(scratch.at(&format!("tls-{version}")), pair);
    let shipped =
        fs::read_to_string(envoy::workspace().join("envoy/https/sds.yaml")).expect("sds.yaml");
    let place = mounted.directory.to_str().expect("UTF-8");
    let sds = shipped.replace("/etc/sigv4-egress/tls", place);
    assert_eq!(sds.matches(place).count(), 3, "{sds}");
    let path = scratch.at(&format!("sds-{version}.yaml"));
    fs::write(&path, sds).expect("sds.yaml");
    let change = |config: &mut Value| {
        assert!(set_source(config, path.to_str().expect("UTF-8")) > 0);
    };
    (
        Shipped::start_with_https(version, &[S3], change).await,
        mounted,
    )
}

/// Puts a file in the place of each that Envoy watches for secrets; how many.
fn set_source(value: &mut Value, path: &str) -> usize {
    match value {
        Value::Object(fields) => {
            let mut count = 0;
            if let Some(source) = fields.get_mut("path_config_source") {
                *source = json!({"path": path});
                count += 1;
            }
            count
                + fields
                    .values_mut()
                    .map(|field| set_source(field, path))
                    .sum::<usize>()
        }
        Value::Array(items) => items.iter_mut().map(|item| set_source(item, path)).sum(),
        _ => 0,
    }
}

/// A connection through HTTPS_PROXY's tunnel, and the certificate that was shown.
async fn connect(
    port: u16,
    connector: &TlsConnector,
) -> io::Result<(Connection, CertificateDer<'static>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let connect = format!("CONNECT {S3}:443 HTTP/1.1\r\nhost: {S3}:443\r\n\r\n");
    stream.write_all(connect.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let stream = connector
        .connect(ServerName::try_from(S3).expect("a name"), stream)
        .await?;
    let shown = stream.get_ref().1.peer_certificates().expect("a chain")[0]
        .clone()
        .into_owned();
    Ok((Connection::over(stream), shown))
}

fn signed() -> Vec<u8> {
    Request::get(S3, "/bucket/key")
        .signed_by("placeholder", "s3")
        .bytes()
}

/// New connections and kept ones, without an end, each with the trust that it had at its start.
struct Load {
    ends: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(port: u16, bundle: &str) -> Self {
        let (ends, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let connector = connector(bundle);
        let tasks = (0..4).map(|number| {
            let (ends, done, connector) = (Arc::clone(&ends), Arc::clone(&done), connector.clone());
            tokio::spawn(async move {
                let (mut kept, _) = connect(port, &connector).await.expect("a handshake");
                while !ends.load(Ordering::Relaxed) {
                    // Every other client opens a connection for each request.
                    if number % 2 == 0 {
                        kept = connect(port, &connector).await.expect("a handshake").0;
                    }
                    kept.ask(&signed()).await.expect("an answer").ok();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            ends,
            done,
        }
    }

    /// Waits for some more requests.
    async fn goes_on(&self) {
        let wanted = self.done.load(Ordering::Relaxed) + 40;
        eventually("requests go on", SOON, async || {
            assert!(
                !self.tasks.iter().any(tokio::task::JoinHandle::is_finished),
                "a client has failed"
            );
            (self.done.load(Ordering::Relaxed) >= wanted).then_some(())
        })
        .await;
    }

    /// Ends its clients; none has failed.
    async fn end(self) {
        self.goes_on().await;
        self.ends.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no request has failed");
        }
    }
}

/// Waits until new connections get this certificate.
async fn is_shown(port: u16, pair: &Pair, bundle: &str) {
    let connector = connector(bundle);
    let wanted = &pair.certificates()[0];
    eventually("the new certificate is shown", SOON, async || {
        let (_, shown) = connect(port, &connector).await.ok()?;
        (shown == *wanted).then_some(())
    })
    .await;
}

const NAMES: &str = "DNS:s3.eu-west-1.amazonaws.com";

#[test]
fn a_new_certificate_is_taken_under_load_and_no_request_fails() {
    let scratch = Scratch::new();
    let authority = Authority::make(&scratch, "authority");
    for version in envoy::versions() {
        runtime().block_on(async {
            let (shipped, mounted) = start(&version, &scratch, &authority.sign(NAMES, 3_600)).await;
            let load = Load::start(shipped.port, &authority.root());
            for _ in 0..4 {
                load.goes_on().await;
                let pair = authority.sign(NAMES, 3_600);
                mounted.put(&pair);
                is_shown(shipped.port, &pair, &authority.root()).await;
            }
            load.end().await;
            shipped.aws.assert_never_unsigned();
        });
    }
}

#[test]
fn key_and_chain_that_do_not_fit_are_not_taken() {
    let scratch = Scratch::new();
    let authority = Authority::make(&scratch, "authority");
    for version in envoy::versions() {
        runtime().block_on(async {
            let first = authority.sign(NAMES, 3_600);
            let (shipped, mounted) = start(&version, &scratch, &first).await;
            let load = Load::start(shipped.port, &authority.root());
            let second = authority.sign(NAMES, 3_600);
            let rejected = async || {
                shipped
                    .envoy
                    .stats_that_end_with(".key_rotation_failed")
                    .await
            };
            let before = rejected().await;
            // One after the other, as no tool should: the old pair stays until they fit.
            mounted.swap(&second.chain, &first.key);
            eventually("Envoy refuses it", SOON, async || {
                (rejected().await > before).then_some(())
            })
            .await;
            load.goes_on().await;
            is_shown(shipped.port, &first, &authority.root()).await;
            mounted.put(&second);
            is_shown(shipped.port, &second, &authority.root()).await;
            // The other half first, and files that are no PEM.
            let third = authority.sign(NAMES, 3_600);
            for (chain, key) in [
                (&second.chain, &third.key),
                (&third.chain, &String::new()),
                (&String::new(), &third.key),
            ] {
                mounted.swap(chain, key);
                load.goes_on().await;
                is_shown(shipped.port, &second, &authority.root()).await;
            }
            mounted.put(&third);
            is_shown(shipped.port, &third, &authority.root()).await;
            load.end().await;
        });
    }
}

#[test]
fn a_certificate_that_ends_ends_no_connection() {
    let scratch = Scratch::new();
    let authority = Authority::make(&scratch, "authority");
    for version in envoy::versions() {
        runtime().block_on(async {
            let first = authority.sign(NAMES, 3_600);
            let (shipped, mounted) = start(&version, &scratch, &first).await;
            let short = authority.sign(NAMES, 30);
            mounted.put(&short);
            is_shown(shipped.port, &short, &authority.root()).await;
            let connector = connector(&authority.root());
            let (mut kept, _) = connect(shipped.port, &connector)
                .await
                .expect("it is good yet");
            kept.ask(&signed()).await.expect("an answer").ok();
            let error = eventually("the certificate has ended", 3 * SOON, async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                connect(shipped.port, &connector).await.err()
            })
            .await;
            assert!(error.to_string().contains("expired"), "{error}");
            let end = ".ssl.certificate.sigv4-egress-tls.expiration_unix_time_seconds";
            assert!(shipped.envoy.stats_that_end_with(end).await > 0);
            kept.ask(&signed()).await.expect("an answer").ok();
            // The next one is taken as ever.
            let pair = authority.sign(NAMES, 3_600);
            mounted.put(&pair);
            is_shown(shipped.port, &pair, &authority.root()).await;
            kept.ask(&signed()).await.expect("an answer").ok();
        });
    }
}

/// The steps of docs/certificates.md. Each client has the trust that the bundle gave when it started.
#[test]
fn intermediate_and_root_roll_over_under_load() {
    let scratch = Scratch::new();
    for version in envoy::versions() {
        let old = Authority::make(&scratch, "old");
        let new = Authority::make(&scratch, "new");
        runtime().block_on(async {
            let (shipped, mounted) = start(&version, &scratch, &old.sign(NAMES, 3_600)).await;
            let first_bundle = old.root();
            let first = Load::start(shipped.port, &first_bundle);
            // The intermediate: the same root has signed it, so that nothing else changes.
            first.goes_on().await;
            old.new_intermediate();
            let pair = old.sign(NAMES, 3_600);
            mounted.put(&pair);
            is_shown(shipped.port, &pair, &first_bundle).await;
            first.goes_on().await;
            // The root. 1: the bundle has both; programs start anew, one after the other.
            let both = [old.root(), new.root()].concat();
            let second = Load::start(shipped.port, &both);
            second.goes_on().await;
            first.end().await;
            // 2: all have both, and the sidecar changes.
            let pair = new.sign(NAMES, 3_600);
            mounted.put(&pair);
            is_shown(shipped.port, &pair, &both).await;
            second.goes_on().await;
            let error = connect(shipped.port, &connector(&first_bundle)).await.err();
            assert!(
                error
                    .expect("the first bundle")
                    .to_string()
                    .contains("UnknownIssuer")
            );
            // 3: the bundle has the new one alone.
            let third = Load::start(shipped.port, &new.root());
            third.goes_on().await;
            second.end().await;
            third.end().await;
            shipped.aws.assert_never_unsigned();
        });
        for name in ["old", "new"] {
            fs::remove_dir_all(scratch.at(name)).expect("a directory");
        }
    }
}

// ---- The lists of names, as Envoy reads them ----

/// The items of a list in what `names --format server_names` prints.
fn items(text: &str) -> Vec<String> {
    let items = text.lines().filter_map(|line| line.strip_prefix("- \""));
    items
        .map(|item| item.trim_end_matches('"').to_owned())
        .collect()
}

/// A listener with both lists, which says in plain text by which chain it answers a ClientHello.
fn two_chains(text: &str) -> Value {
    let (ends, passes) = text.split_once("passed_through:\n").expect("both lists");
    let says = |word: &str| {
        json!([{
            "name": "envoy.filters.network.direct_response",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config",
                "response": {"inline_string": word},
            },
        }])
    };
    json!({
        "static_resources": {"listeners": [{
            "name": "names",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "listener_filters": [{
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                },
            }],
            "filter_chains": [
                {"name": "ends", "filter_chain_match": {"server_names": items(ends)}, "filters": says("ends")},
                {"name": "passes", "filter_chain_match": {"server_names": items(passes)}, "filters": says("passes")},
            ],
            "default_filter_chain": {"name": "other", "filters": says("is none of them")},
        }]},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
    })
}

/// What the listener says of a name in a ClientHello.
async fn said_of(port: u16, host: &'static str) -> String {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default protocol versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(host).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("a ClientHello");
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("it accepts");
    stream.write_all(&hello).await.expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("an answer");
    said
}

#[test]
fn envoy_ends_tls_for_the_names_and_passes_on_what_is_others() {
    let text = names(&["--format", "server_names"]);
    for version in envoy::versions() {
        let scratch = Scratch::new();
        fs::write(scratch.at("envoy.json"), two_chains(&text).to_string()).expect("envoy.json");
        runtime().block_on(async {
            let envoy = Envoy::start(&version, &scratch.0, 1).await;
            let port = eventually("the listener is there", SOON, async || {
                envoy.port("names").await
            })
            .await;
            for (host, expected) in [
                ("sqs.eu-west-1.amazonaws.com", "ends"),
                ("sqs-fips.eu-west-1.api.aws", "ends"),
                ("bucket.s3.eu-west-1.amazonaws.com", "ends"),
                ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "ends"),
                ("123456789012.s3-control.eu-west-1.amazonaws.com", "ends"),
                ("m.mrap.accesspoint.s3-global.amazonaws.com", "ends"),
                ("iam.amazonaws.com", "ends"),
                ("account.us-east-1.amazonaws.com", "ends"),
                ("abc.execute-api.eu-west-1.amazonaws.com", "ends"),
                ("abc.lambda-url.eu-west-1.on.aws", "ends"),
                // APIs beside other people's names.
                ("api.ecr.eu-west-1.amazonaws.com", "ends"),
                ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "passes"),
                ("data-ats.iot.eu-west-1.amazonaws.com", "ends"),
                ("a1b2c3-ats.iot.eu-west-1.amazonaws.com", "passes"),
                ("c1b2.credentials.iot.eu-west-1.amazonaws.com", "passes"),
                ("participant.connect.eu-west-1.amazonaws.com", "ends"),
                ("transport.connect.eu-west-1.amazonaws.com", "passes"),
                ("my-nlb-123.elb.eu-west-1.amazonaws.com", "passes"),
                ("fs-0123.efs.eu-west-1.amazonaws.com", "passes"),
                ("0123.eks-cluster.eu-west-1.api.aws", "passes"),
                ("git-codecommit.eu-west-1.amazonaws.com", "passes"),
                ("oidc.eks.eu-west-1.amazonaws.com", "passes"),
                // Of a service whose deeper names nobody knows.
                ("something.athena.eu-west-1.amazonaws.com", "passes"),
                ("0123.gr7.eu-west-1.eks.amazonaws.com", "is none of them"),
                ("my-lb-1.eu-west-1.elb.amazonaws.com", "is none of them"),
                ("kms.us-east-1.amazonaws.com", "is none of them"),
                ("example.org", "is none of them"),
                ("sqs.eu-west-1.amazonaws.com.example.org", "is none of them"),
            ] {
                assert_eq!(said_of(port, host).await, expected, "{host}");
            }
        });
    }
}
