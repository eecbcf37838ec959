//! A mesh: a real istiod, and an internet with DNS, AWS on port 443, and plain http on port 80.
//!
//! ```text
//! Pod: application --iptables--> Envoy <-- pilot-agent          a network namespace of its own
//!                                  |           |
//!        DNS  FakeAws  FakeSts  Recorder    istiod <-- files    the internet: that of `within`
//! ```

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use e2e::agent::FakeAgent;
use e2e::ca::TestCa;
use e2e::dns::FakeDns;
use e2e::envoy::{self, workspace};
use e2e::ledger::Ledger;
use e2e::namespace::{self, Place, within};
use e2e::plain::Recorder;
use e2e::shipped::runtime;
use e2e::token::TokenDir;
use e2e::{Connection, FakeAws, FakeSts, Request, SOON, Value, eventually};

use crate::manifests;
use crate::pod::{Pod, Spec};
use crate::process::{Process, printed};

/// Of istiod and DNS (RFC 5737).
pub(crate) const SERVICES: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// EKS's Pod Identity agent, on every node.
const POD_IDENTITY: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);

/// Which Envoys a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// Each that is tested.
    Each,
    /// The newest, or the one that is chosen.
    Newest,
}

pub(crate) struct Mesh {
    /// Of Envoy.
    pub(crate) version: String,
    /// Behind port 443 of every AWS host but STS.
    pub(crate) aws: Arc<FakeAws>,
    pub(crate) sts: Arc<FakeSts>,
    pub(crate) agent: Arc<FakeAgent>,
    /// Behind port 80 of every host.
    pub(crate) plain: Arc<Recorder>,
    pub(crate) ledger: Arc<Ledger>,
    /// Of AWS's certificates.
    pub(crate) aws_ca: Arc<TestCa>,
    /// The tokens of all pods.
    pub(crate) token: Arc<TokenDir>,
    directory: PathBuf,
    istiod: Process,
    pods: AtomicU32,
    _dns: Arc<FakeDns>,
}

/// Runs `steps` in a mesh of its own for each Envoy; afterwards nothing may have left unsigned. `test` is the test's name, with
/// the modules before it as cargo prints it.
///
/// # Panics
/// When a step fails, and where this is not root.
pub(crate) fn in_mesh(test: &str, on: On, steps: impl AsyncFn(&Mesh)) {
    within(test, || {
        let addresses = [SERVICES, POD_IDENTITY].map(|ip| format!("address add {ip}/32 dev lo"));
        addresses.iter().for_each(|words| ip(words));
        let versions = match on {
            On::Each => envoy::versions(),
            On::Newest => vec![envoy::newest()],
        };
        for version in versions {
            runtime().block_on(async {
                let mesh = Mesh::start(&version).await;
                steps(&mesh).await;
                mesh.aws.assert_never_unsigned();
                mesh.sts.assert_no_faults();
            });
        }
    });
}

impl Mesh {
    async fn start(version: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("mesh-{version}"));
        fs::create_dir_all(directory.join("config")).expect("a directory");
        let (aws_ca, ledger) = (TestCa::new(), Arc::new(Ledger::default()));
        let token = Arc::new(TokenDir::new(directory.join("token"), Arc::clone(&ledger)));
        token.rotate();
        let at = |place: Place, port| -> Vec<SocketAddr> {
            let addresses = v4(place).into_iter();
            addresses.map(|address| (address, port).into()).collect()
        };
        let http = [
            at(namespace::AWS, 80),
            at(namespace::STS, 80),
            at(namespace::OTHER, 80),
        ];
        let zone = vec![
            ("sts.eu-west-1.amazonaws.com", v4(namespace::STS)),
            (".amazonaws.com", v4(namespace::AWS)),
            ("other.example", v4(namespace::OTHER)),
            ("registry.example", vec![SERVICES.into()]),
        ];
        let mesh = Self {
            version: version.into(),
            aws: FakeAws::start_at(&at(namespace::AWS, 443), &aws_ca, &ledger).await,
            sts: FakeSts::start_at(&at(namespace::STS, 443), &aws_ca, &ledger, &token).await,
            agent: FakeAgent::start_at((POD_IDENTITY, 80).into(), &ledger).await,
            plain: Recorder::start_at(&http.concat()).await,
            _dns: FakeDns::start_at((SERVICES, 53).into(), zone).await,
            istiod: start_istiod(&directory),
            pods: AtomicU32::new(0),
            ledger,
            aws_ca,
            token,
            directory,
        };
        eventually("istiod is ready", SOON, async || {
            // Not `/ready`, which waits for the webhook of the injector.
            mesh.known().await.map(drop)
        })
        .await;
        mesh
    }

    /// A pod with its sidecar, which is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    pub(crate) async fn pod(&self, spec: Spec) -> Pod {
        let mut pod = self.start_pod(spec).await;
        pod.until_ready().await;
        pod
    }

    /// A pod with its sidecar, which may never be ready.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) async fn start_pod(&self, spec: Spec) -> Pod {
        let number = self.pods.fetch_add(1, Ordering::Relaxed) + 1;
        let number = u8::try_from(number).expect("few pods");
        Pod::start(self, number, spec).await
    }

    /// `kubectl apply --namespace default --filename envoy/istio/NAME`.
    ///
    /// # Panics
    /// When istiod does not take it.
    pub(crate) async fn apply(&self, name: &str) {
        self.apply_text(name, &manifests::shipped(name), "default")
            .await;
    }

    /// The same with another text or namespace; `name` is that of the file, to replace or delete it by.
    ///
    /// # Panics
    /// When istiod does not take it.
    pub(crate) async fn apply_text(&self, name: &str, text: &str, namespace: &str) {
        let text = manifests::in_namespace(text, namespace);
        let path = self.directory.join("config").join(name);
        // By renaming: istiod reads the directory at any time.
        let fresh = self.directory.join("fresh.yaml");
        fs::write(&fresh, &text).expect("a file");
        fs::rename(fresh, path).expect("in the same directory");
        let resources = manifests::resources(&text);
        eventually("istiod has the configuration", SOON, async || {
            let known = self.known().await?;
            resources
                .iter()
                .all(|one| known.contains(one))
                .then_some(())
        })
        .await;
    }

    /// # Panics
    /// When istiod keeps something of it.
    pub(crate) async fn delete(&self, name: &str) {
        let path = self.directory.join("config").join(name);
        let text = fs::read_to_string(&path).expect("what was applied");
        fs::remove_file(path).expect("the file");
        let resources = manifests::resources(&text);
        eventually("istiod has forgotten the configuration", SOON, async || {
            let known = self.known().await?;
            resources
                .iter()
                .all(|one| !known.contains(one))
                .then_some(())
        })
        .await;
    }

    /// Kind, namespace and name of all that istiod has read.
    async fn known(&self) -> Option<Vec<(String, String, String)>> {
        let answer = http_get((Ipv4Addr::LOCALHOST, 8080), "/debug/configz").await?;
        let configs: Value = serde_json::from_slice(&answer.body).ok()?;
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let configs = configs.as_array()?.iter();
        let known = configs.map(|config| {
            let metadata = &config["metadata"];
            (
                field(&config["kind"]),
                field(&metadata["namespace"]),
                field(&metadata["name"]),
            )
        });
        Some(known.collect())
    }

    /// Sets fields of the mesh's configuration.
    pub(crate) fn configure(&self, more: &[&str]) {
        write_configuration(&self.directory, more);
    }

    /// How many configurations sidecars have rejected.
    pub(crate) async fn rejects(&self) -> u64 {
        let answer = http_get((Ipv4Addr::LOCALHOST, 15014), "/metrics").await;
        let metrics = answer.expect("istiod answers").text();
        sum(&metrics, "pilot_total_xds_rejects")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.istiod.report());
            eprintln!("--- at AWS: {:#?}", self.aws.received());
            eprintln!("--- kept: {}", self.directory.display());
        } else {
            // What is left among temporary files does no harm.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

fn start_istiod(directory: &Path) -> Process {
    write_configuration(directory, &[]);
    let mut istiod = Command::new(program("pilot-discovery"));
    istiod
        .args(["discovery", "--registries=", "--networksConfig=/dev/null"])
        .arg("--meshConfig")
        .arg(directory.join("mesh.yaml"))
        .args(["--grpcAddr", &format!("{SERVICES}:15010")])
        .args(["--secureGRPCAddr=", "--httpsAddr=", "--ctrlz_port=0"])
        // On loopback, so that its debug pages are open.
        .args([
            "--httpAddr=127.0.0.1:8080",
            "--monitoringAddr=127.0.0.1:15014",
        ])
        .current_dir(directory)
        .env_clear()
        .envs([
            ("POD_NAMESPACE", "istio-system"),
            ("POD_NAME", "istiod-0"),
            ("CLUSTER_ID", "Kubernetes"),
            ("ENABLE_CA_SERVER", "false"),
            // Filters that Istio's own Envoy has, and a stock one has not.
            ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
            ("PILOT_ENABLE_ALPN_FILTER", "false"),
        ]);
    Process::start("istiod", &mut istiod, directory.join("istiod.log"))
}

fn write_configuration(directory: &Path, more: &[&str]) {
    let config = directory.join("config");
    let text = format!(
        "configSources: [{{ address: \"fs://{}\" }}]\n\
         accessLogFile: /dev/stdout\n\
         enablePrometheusMerge: true\n\
         rootNamespace: istio-system\n\
         trustDomain: cluster.local\n\
         defaultConfig: {{ discoveryAddress: \"{SERVICES}:15010\", controlPlaneAuthPolicy: NONE }}\n\
         defaultProviders: {{}}\n{}\n",
        config.display(),
        more.join("\n")
    );
    let fresh = directory.join("mesh.fresh.yaml");
    fs::write(&fresh, text).expect("a file");
    fs::rename(fresh, directory.join("mesh.yaml")).expect("in the same directory");
}

/// A program of Istio's.
///
/// # Panics
/// When it has not been built.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = workspace().join("target/tools/istio").join(name);
    assert!(
        path.exists(),
        "no {name} at {}: run `cargo xtask istio`, which builds it",
        path.display()
    );
    path
}

fn v4(place: Place) -> Vec<IpAddr> {
    let addresses = place.addresses().into_iter();
    addresses.filter(IpAddr::is_ipv4).collect()
}

/// The address of a place.
///
/// # Panics
/// Never: each has one.
pub(crate) fn address(place: Place) -> IpAddr {
    v4(place).into_iter().next().expect("an IPv4 address")
}

/// `ip` of iproute2.
///
/// # Panics
/// When it does not end well.
pub(crate) fn ip(words: &str) {
    printed(Command::new("ip").args(words.split(' ')));
}

/// The sum of a metric in the text format of Prometheus; 0 where there is none.
fn sum(metrics: &str, name: &str) -> u64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        // With labels, or without.
        let is_whole = rest.starts_with(['{', ' ']);
        rest.rsplit(' ')
            .next()?
            .parse::<u64>()
            .ok()
            .filter(|_| is_whole)
    });
    values.sum()
}

async fn http_get(at: (Ipv4Addr, u16), path: &str) -> Option<e2e::Answer> {
    let mut connection = Connection::open_at((&at.0.to_string(), at.1)).await.ok()?;
    let request = Request::get("istiod", path).header("connection", "close");
    connection.ask(&request.bytes()).await.ok()
}
