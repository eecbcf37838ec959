//! A sidecar with the patches, as a running Envoy between the fakes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use e2e::ca::TestCa;
use e2e::envoy::{self, Envoy};
use e2e::ledger::Ledger;
use e2e::plain::Recorder;
use e2e::shipped::write_certificate;
use e2e::token::TokenDir;
use e2e::{Answer, Connection, FakeAws, FakeSts, Request, SOON, Value, eventually, json};

use crate::delivered;
use crate::internet::Internet;
use crate::patch::Sidecar;

/// Where the files have the module.
pub(crate) const MODULE: &str = "/etc/sigv4-egress/module/sigv4_egress.wasm";

/// A sidecar with one of the shapes, in a pod as `pod.yaml` prepares it.
pub(crate) struct Pod {
    pub(crate) envoy: Envoy,
    pub(crate) aws: Arc<FakeAws>,
    pub(crate) sts: Arc<FakeSts>,
    /// Where a connection was going before iptables took it to the sidecar.
    pub(crate) passed_through: Arc<Recorder>,
    /// Where it was going on port 443.
    pub(crate) internet: Arc<Internet>,
    /// Of virtualOutbound.
    pub(crate) intercepted: u16,
    /// The authority of the certificate that ends TLS.
    pub(crate) pod_ca: Arc<TestCa>,
    directory: PathBuf,
}

impl Pod {
    async fn start(
        version: &str,
        mesh: impl Fn(&mut Sidecar),
        shape: &str,
        change: impl Fn(&mut Sidecar),
    ) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("istio-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");

        let (ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
        fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
        let token = Arc::new(TokenDir::new(directory.join("token"), Arc::clone(&ledger)));
        token.rotate();
        let aws = FakeAws::start(&ca, &ledger).await;
        let sts = FakeSts::start(&ca, &ledger, &token).await;
        let passed_through = Recorder::start().await;

        let internet = Internet::start().await;
        let pod_ca = TestCa::new();
        write_certificate(
            &directory,
            &pod_ca,
            &[crate::S3, &format!("*.{}", crate::S3)],
        );

        let mut sidecar = sidecar();
        mesh(&mut sidecar);
        patch(&mut sidecar, shape);
        change(&mut sidecar);
        place(
            &mut sidecar,
            &Ports {
                aws: aws.port,
                sts: sts.port,
                passed_through: passed_through.port,
                internet: internet.port,
            },
        );
        delivered::hand_out(&mut sidecar, &directory);
        let config = json!({
            "node": {"id": "pod", "cluster": "reports"},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "static_resources": {"listeners": sidecar.listeners, "clusters": sidecar.clusters},
        });
        let path = |name| directory.join(name).display().to_string();
        let config = [
            ("/etc/ssl/certs/ca-certificates.crt", path("ca.pem")),
            (MODULE, envoy::module()),
            ("/var/run/secrets/sigv4-egress", path("token")),
            ("/var/run/sigv4-egress/token.sock", path("token.sock")),
            ("/etc/sigv4-egress/sds/sds.yaml", path("sds.yaml")),
        ]
        .iter()
        .fold(config.to_string(), |config, (from, to)| {
            config.replace(from, to)
        });
        fs::write(directory.join("envoy.json"), config).expect("envoy.json");

        let envoy = Envoy::start(version, &directory, 2).await;
        let intercepted = envoy.port("virtualOutbound").await.expect("bound");
        Self {
            envoy,
            aws,
            sts,
            passed_through,
            internet,
            intercepted,
            pod_ca,
            directory,
        }
    }

    /// Sends a request. To virtualOutbound it goes with the address that iptables would have kept.
    pub(crate) async fn ask(&self, port: u16, request: &Request) -> Answer {
        let mut connection = Connection::open(port).await.expect("the listener accepts");
        let mut bytes = Vec::new();
        if port == self.intercepted {
            let original = self.passed_through.port;
            bytes.extend(format!("PROXY TCP4 127.0.0.1 127.0.0.1 1 {original}\r\n").bytes());
        }
        bytes.extend(request.bytes());
        connection.ask(&bytes).await.expect("an answer")
    }

    /// A connection that was going to port 443 before iptables took it to the sidecar.
    pub(crate) async fn to_443(&self) -> Connection {
        let mut connection = Connection::open(self.intercepted)
            .await
            .expect("it accepts");
        let original = format!(
            "PROXY TCP4 127.0.0.1 127.0.0.1 1 {}\r\n",
            self.internet.port
        );
        connection.send(original.as_bytes()).await.expect("sent");
        connection
    }

    /// The answer to a request in TLS for `name`, of a client that trusts `authority`, once credentials are there.
    pub(crate) async fn ask_in_tls(
        &self,
        name: &str,
        authority: &TestCa,
        request: &Request,
    ) -> Answer {
        eventually("credentials are there", SOON, async || {
            let connector = authority.connector(&["http/1.1"]);
            let connection = self.to_443().await.tls(name, &connector).await;
            let mut connection = connection.unwrap_or_else(|error| panic!("{name}: {error}"));
            let answer = connection.ask(&request.bytes()).await.expect("an answer");
            (answer.reason() != Some("credentials_pending")).then_some(answer)
        })
        .await
    }

    /// The first answer that is not for want of credentials.
    pub(crate) async fn ask_until_ready(&self, port: u16, request: &Request) -> Answer {
        eventually("credentials are there", SOON, async || {
            let answer = self.ask(port, request).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    pub(crate) async fn until_ok(&self, port: u16, request: &Request) {
        let answer = self.ask_until_ready(port, request).await;
        assert_eq!(answer.status, 200, "{answer:?} {}", answer.text());
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.envoy.log();
            eprintln!(
                "--- Envoy {}\n{}",
                self.envoy.version,
                String::from_utf8_lossy(&log)
            );
            eprintln!("--- kept: {}", self.directory.display());
        } else {
            // What is left in the directory for temporary files does no harm.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Runs `steps` with every Envoy; afterwards nothing may have left unsigned.
pub(crate) fn in_pods(shape: &str, change: impl Fn(&mut Sidecar), steps: impl AsyncFn(&Pod)) {
    in_meshes(|_| {}, shape, change, steps);
}

/// As [`in_pods`], with `mesh` in the sidecar before the patches.
pub(crate) fn in_meshes(
    mesh: impl Fn(&mut Sidecar),
    shape: &str,
    change: impl Fn(&mut Sidecar),
    steps: impl AsyncFn(&Pod),
) {
    for version in envoy::versions() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let pod = Pod::start(&version, &mesh, shape, &change).await;
            steps(&pod).await;
            pod.aws.assert_never_unsigned();
            pod.sts.assert_no_faults();
        });
    }
}

pub(crate) fn sidecar() -> Sidecar {
    let fixture = &documents(&istio_tests().join("sidecar.yaml"))[0];
    let list = |key: &str| fixture[key].as_array().expect("a list").clone();
    Sidecar {
        listeners: list("listeners"),
        clusters: list("clusters"),
        extensions: Vec::new(),
    }
}

pub(crate) fn patched(shape: &str) -> Sidecar {
    let mut sidecar = sidecar();
    patch(&mut sidecar, shape);
    sidecar
}

fn patch(sidecar: &mut Sidecar, shape: &str) {
    let filters = match shape.strip_prefix("oci/") {
        Some(shape) => delivered::filters(shape),
        None => documents(&istio_files().join(format!("{shape}.yaml"))),
    };
    for filter in filters
        .iter()
        .filter(|document| document["kind"] == "EnvoyFilter")
    {
        sidecar.apply(filter);
    }
}

/// Of the fakes.
struct Ports {
    aws: u16,
    sts: u16,
    passed_through: u16,
    internet: u16,
}

/// Puts the fakes in the place of AWS, and what a test machine has in the place of iptables and ports.
fn place(sidecar: &mut Sidecar, ports: &Ports) {
    let fixed = |name: &str, port: u16| {
        json!({
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": tcp(port)}}]}],
        })
    };
    for cluster in &mut sidecar.clusters {
        let name = cluster["name"].as_str().expect("a name").to_owned();
        let port = match name.as_str() {
            "sigv4-egress-sts" => ports.sts,
            "sigv4-egress-aws" => ports.aws,
            _ => continue,
        };
        let fields = cluster.as_object_mut().expect("an object");
        // A dynamic forward proxy would ask the machine's DNS, and always call port 443.
        for key in ["cluster_type", "lb_policy"] {
            fields.remove(key);
        }
        fields.insert("type".into(), json!("STATIC"));
        fields.insert("load_assignment".into(), fixed(&name, port));
    }
    sidecar.extensions.iter_mut().for_each(set_environment);
    for listener in &mut sidecar.listeners {
        match listener["name"].as_str() {
            // Not bound: it only has to be the listener of the connection's original port.
            Some("0.0.0.0_80") => {
                listener["address"]["socket_address"]["port_value"] = json!(ports.passed_through);
            }
            Some("0.0.0.0_443") => {
                listener["address"]["socket_address"]["port_value"] = json!(ports.internet);
            }
            Some("virtualOutbound") => {
                listener["address"] = tcp(0);
                for chain in listener["filter_chains"].as_array_mut().expect("chains") {
                    let port = &mut chain["filter_chain_match"]["destination_port"];
                    if *port == 80 {
                        *port = json!(ports.passed_through);
                    }
                }
                // Restores the original destination, as SO_ORIGINAL_DST does behind iptables.
                let restores = json!({
                    "name": "envoy.filters.listener.proxy_protocol",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                    },
                });
                let mut filters = vec![restores];
                for filter in listener["listener_filters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    if filter["name"] != "envoy.filters.listener.original_dst" {
                        let mut filter = filter.clone();
                        let range =
                            &mut filter["filter_disabled"]["not_match"]["destination_port_range"];
                        assert_eq!(*range, json!({"start": 443, "end": 444}), "not known here");
                        *range = json!({"start": ports.internet, "end": ports.internet + 1});
                        filters.push(filter);
                    }
                }
                listener["listener_filters"] = json!(filters);
            }
            Some("sigv4-egress") => listener["address"] = tcp(0),
            _ => {}
        }
        set_environment(listener);
    }
}

/// Gives each VM what istio-proxy has in its environment, where it asks for it.
fn set_environment(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(variables) = fields.get_mut("environment_variables") {
                let asked = variables["host_env_keys"]
                    .as_array()
                    .expect("host_env_keys");
                let values = environment()
                    .into_iter()
                    .filter(|(key, _)| asked.iter().any(|name| name == key.as_str()));
                *variables = json!({"key_values": values.collect::<serde_json::Map<_, _>>()});
            }
            fields.values_mut().for_each(set_environment);
        }
        Value::Array(items) => items.iter_mut().for_each(set_environment),
        _ => {}
    }
}

/// Of istio-proxy: what `pod.yaml` sets, and what the injector does.
fn environment() -> serde_json::Map<String, Value> {
    let pod = documents(&istio_files().join("pod.yaml"));
    let annotations = &pod[1]["spec"]["template"]["metadata"]["annotations"];
    let config = annotations["proxy.istio.io/config"]
        .as_str()
        .expect("a string");
    let config: Value = serde_saphyr::from_str(config).expect("YAML");
    let mut variables = config["proxyMetadata"]
        .as_object()
        .expect("variables")
        .clone();
    variables.insert("POD_NAME".into(), json!("reports-7d9c5b8f6-x2x7q"));
    variables.insert("POD_NAMESPACE".into(), json!("default"));
    variables
}

pub(crate) fn documents(path: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn tcp(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn istio_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/istio")
}

pub(crate) fn istio_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy/istio")
}
