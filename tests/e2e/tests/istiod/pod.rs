//! A pod: network and mount namespaces of its own, Istio's iptables, and a sidecar of pilot-agent and Envoy. What it has comes
//! from a file of `envoy/istio`: labels, the environment, and the volumes of its annotations at their paths.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use e2e::ca::TestCa;
use e2e::envoy::{self, python};
use e2e::namespace::{self, path};
use e2e::{Answer, Connection, Request, Value, eventually, json};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpStream;

use crate::manifests::{documents, shipped};
use crate::mesh::{Mesh, SERVICES, address, ip, program};
use crate::process::{Process, output, printed};

/// How long a sidecar may take to be ready, on a busy machine: it compiles the module.
const START: Duration = Duration::from_secs(120);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// The user of the application, as the files say.
const APPLICATION: &str = "1000";
/// istio-proxy's.
const PROXY: &str = "1337";
/// What the stock Envoy is called in the pod.
const ENVOY: &str = "/run/programs/envoy/envoy";

/// What a pod is to be.
#[derive(Clone)]
pub(crate) struct Spec {
    namespace: &'static str,
    labels: Vec<(String, String)>,
    /// `proxyMetadata`, which the injector makes the environment of istio-proxy, too.
    metadata: Vec<(String, String)>,
    /// What the application has.
    environment: Vec<(String, String)>,
    /// Kind of volume, and path in istio-proxy.
    mounts: Vec<(Volume, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Volume {
    Token,
    Module,
    /// What names the files of the certificate.
    Sds,
    Certificate,
    Empty,
}

impl Spec {
    /// The Deployment of a file of `envoy/istio`.
    ///
    /// # Panics
    /// When the file has none, or not in the form that the injector reads.
    pub(crate) fn of(file: &str) -> Self {
        let all = documents(&shipped(file));
        let deployment = all.iter().find(|one| one["kind"] == "Deployment");
        let template = &deployment.expect("a Deployment")["spec"]["template"];
        let annotation = |name: &str| {
            let text = template["metadata"]["annotations"][name].as_str();
            let found = documents(text.unwrap_or_else(|| panic!("{file} has no {name}")));
            found.into_iter().next().expect("a document")
        };
        let volumes = annotation("sidecar.istio.io/userVolume");
        let mounts = annotation("sidecar.istio.io/userVolumeMount");
        let mounts = mounts.as_object().expect("mounts by volume").iter();
        let environment = template["spec"]["containers"][0]["env"].as_array();
        let environment = environment.into_iter().flatten().map(|variable| {
            let text = |key: &str| variable[key].as_str().unwrap_or_default().to_owned();
            (text("name"), text("value"))
        });
        Self {
            namespace: "default",
            labels: pairs(&template["metadata"]["labels"]),
            metadata: pairs(&annotation("proxy.istio.io/config")["proxyMetadata"]),
            environment: environment.collect(),
            mounts: mounts
                .map(|(name, mount)| {
                    let path = mount["mountPath"].as_str().expect("a path");
                    (Volume::of(&volumes[name]), path.to_owned())
                })
                .collect(),
        }
    }

    /// Sets a label; `None` takes it away.
    pub(crate) fn label(mut self, name: &str, value: Option<&str>) -> Self {
        set(&mut self.labels, name, value);
        self
    }

    /// Sets one of `proxyMetadata`; `None` takes it away.
    pub(crate) fn metadata(mut self, name: &str, value: Option<&str>) -> Self {
        set(&mut self.metadata, name, value);
        self
    }

    /// Sets a variable of the application; `None` takes it away.
    pub(crate) fn variable(mut self, name: &str, value: Option<&str>) -> Self {
        set(&mut self.environment, name, value);
        self
    }

    /// Mounts the token here, too.
    pub(crate) fn token_at(mut self, path: &str) -> Self {
        self.mounts.push((Volume::Token, path.to_owned()));
        self
    }

    pub(crate) fn namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = namespace;
        self
    }

    /// No volume of the file, as a pod that was never meant for it.
    pub(crate) fn without_volumes(mut self) -> Self {
        self.mounts.clear();
        self
    }
}

impl Volume {
    /// # Panics
    /// When it is none of these kinds.
    fn of(volume: &Value) -> Self {
        let is = |kind: &str| volume[kind].is_object();
        match () {
            () if is("projected") => Self::Token,
            () if volume["configMap"]["name"] == "sigv4-egress-sds" => Self::Sds,
            () if is("configMap") || is("image") => Self::Module,
            () if is("secret") => Self::Certificate,
            () if is("emptyDir") => Self::Empty,
            () => panic!("no volume of a kind that this test knows: {volume}"),
        }
    }
}

/// Its processes end when it is dropped.
pub(crate) struct Pod {
    /// For the other programs of the pod.
    spec: Spec,
    ip: IpAddr,
    directory: PathBuf,
    /// Of the certificate that ends TLS.
    pub(crate) ca: Arc<TestCa>,
    sidecar: Option<Process>,
    /// Keeps the namespaces. Dropped last.
    holder: Process,
}

impl Pod {
    pub(crate) async fn start(mesh: &Mesh, number: u8, spec: Spec) -> Self {
        let directory = mesh.directory().join(format!("pod-{number}"));
        let ca = TestCa::new();
        let mounts = prepare(&directory, mesh, &spec, &ca);
        let mut holder = Command::new("unshare");
        holder
            .args(["--net", "--mount", "--propagation=private", "sh"])
            .arg(here().join("pod.sh"))
            .arg(&directory)
            .args(mounts.iter().flat_map(|(from, to)| [from, to]));
        let mut holder = Process::start("pod.sh", &mut holder, directory.join("pod.log"));
        let ready = directory.join("ready");
        eventually("the pod's file system is there", START, async || {
            holder.assert_running();
            ready.exists().then_some(())
        })
        .await;
        let ip = connect_to_internet(number, &holder);
        let mut pod = Self {
            spec,
            ip,
            directory,
            ca,
            sidecar: None,
            holder,
        };
        pod.redirect();
        pod.start_sidecar();
        pod
    }

    /// What Istio's init container does.
    fn redirect(&self) {
        let mut init = self.enter("0");
        init.arg("env").arg(format!("PATH={}", path().display()));
        init.arg("INVALID_DROP=false")
            .arg("/run/programs/istio/pilot-agent");
        // The arguments that Istio's injector writes.
        let arguments = "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * -d 15090,15021,15020";
        printed(init.args(arguments.split(' ')));
    }

    /// Starts pilot-agent, which starts Envoy.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn start_sidecar(&mut self) {
        let (namespace, ip) = (self.spec.namespace, self.ip);
        let metadata: Value = self.spec.metadata.iter().cloned().collect();
        let config = json!({
            "discoveryAddress": format!("{SERVICES}:15010"),
            "controlPlaneAuthPolicy": "NONE",
            "binaryPath": ENVOY,
            "configPath": "/etc/istio/proxy",
            "terminationDrainDuration": "1s",
            "proxyMetadata": metadata,
        });
        let mut sidecar = self.enter(PROXY);
        sidecar.args(["env", "--chdir=/", "--ignore-environment"]);
        for variable in [
            "PATH=/usr/bin:/bin".to_owned(),
            "PILOT_CERT_PROVIDER=istiod".to_owned(),
            "POD_NAME=reports-7d9c5b8f6-x2x7q".to_owned(),
            "HOSTNAME=reports-7d9c5b8f6-x2x7q".to_owned(),
            format!("POD_NAMESPACE={namespace}"),
            format!("INSTANCE_IP={ip}"),
            format!("HOST_IP={ip}"),
            "SERVICE_ACCOUNT=reports".to_owned(),
            "TRUST_DOMAIN=cluster.local".to_owned(),
            "ISTIO_CPU_LIMIT=2".to_owned(),
            "ISTIO_META_POD_PORTS=[]".to_owned(),
            "ISTIO_META_APP_CONTAINERS=reports".to_owned(),
            "ISTIO_META_CLUSTER_ID=Kubernetes".to_owned(),
            "ISTIO_META_NODE_NAME=node1".to_owned(),
            "ISTIO_META_INTERCEPTION_MODE=REDIRECT".to_owned(),
            "ISTIO_META_WORKLOAD_NAME=reports".to_owned(),
            format!(
                "ISTIO_META_OWNER=kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/reports"
            ),
            "ISTIO_META_MESH_ID=cluster.local".to_owned(),
            format!("PROXY_CONFIG={config}"),
        ] {
            sidecar.arg(variable);
        }
        let variables = self.spec.metadata.iter();
        sidecar.args(variables.map(|(name, value)| format!("{name}={value}")));
        sidecar
            .arg("/run/programs/istio/pilot-agent")
            .args(["proxy", "sidecar", "--domain"])
            .arg(format!("{namespace}.svc.cluster.local"))
            .args(["--proxyLogLevel=warning"])
            .arg("--proxyComponentLogLevel=misc:error,wasm:info")
            .arg("--log_output_level=default:info");
        let log = self.directory.join("sidecar.log");
        self.sidecar = Some(Process::start("the sidecar", &mut sidecar, log));
    }

    /// # Panics
    /// When that takes too long.
    pub(crate) async fn until_ready(&mut self) {
        eventually("the sidecar is ready", START, async || {
            self.sidecar.as_mut().expect("started").assert_running();
            self.is_ready().await.then_some(())
        })
        .await;
    }

    /// As the kubelet asks.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self.get(15021, "/healthz/ready").await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    /// Ends the sidecar as the kubelet does that has waited long enough, Envoy first.
    ///
    /// # Panics
    /// When there is no Envoy.
    pub(crate) fn kill_sidecar(&mut self) {
        let envoy = self.envoy().expect("Envoy runs");
        kill(envoy, Signal::SIGKILL).expect("Envoy runs");
        self.sidecar = None;
    }

    /// The child of pilot-agent.
    pub(crate) fn envoy(&self) -> Option<Pid> {
        let agent = self.sidecar.as_ref()?.id();
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let envoy = numbers.find(|process: &i32| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            status.contains(&format!("\nPPid:\t{agent}\n"))
        });
        envoy.map(Pid::from_raw)
    }

    /// The answer to a request of the application's, wherever iptables lead it.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) async fn ask(&self, at: SocketAddr, request: &Request) -> Answer {
        let connection = self.connect(at).await;
        let mut connection = connection.unwrap_or_else(|error| panic!("{at}: {error}"));
        let answer = connection.ask(&request.bytes()).await;
        answer.unwrap_or_else(|error| panic!("no answer from {at}: {error}"))
    }

    /// As [`Pod::ask`], once credentials are there.
    ///
    /// # Panics
    /// When there are none in time.
    pub(crate) async fn ask_when_ready(&self, at: SocketAddr, request: &Request) -> Answer {
        eventually("credentials are there", START, async || {
            let answer = self
                .connect(at)
                .await
                .ok()?
                .ask(&request.bytes())
                .await
                .ok()?;
            (answer.reason() != Some("credentials_pending")).then_some(answer)
        })
        .await
    }

    /// A connection of the application's.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn connect(&self, at: SocketAddr) -> io::Result<Connection> {
        self.stream(at).map(Connection::over)
    }

    /// As [`Pod::connect`], as the system has it.
    pub(crate) fn stream(&self, at: SocketAddr) -> io::Result<TcpStream> {
        self.network().stream(at)
    }

    pub(crate) fn network(&self) -> Network {
        Network(self.holder.id())
    }

    /// A program with the application's variables, as this user.
    fn application(&self, user: &str, program: impl AsRef<Path>) -> Command {
        let mut command = self.enter(user);
        command.args(["env", "--chdir=/", "--ignore-environment", "HOME=/tmp"]);
        command.arg("PATH=/usr/bin:/bin");
        let variables = self.spec.environment.iter();
        command.args(variables.map(|(name, value)| format!("{name}={value}")));
        command.arg(program.as_ref());
        command
    }

    /// What curl of the application's says, with the status of the answer as its last line.
    pub(crate) fn curl(&self, arguments: &[&str]) -> String {
        let mut curl = self.application(APPLICATION, "curl");
        curl.args(["--silent", "--show-error", "--max-time", "30"]);
        curl.args(["--write-out", "\n%{http_code}"]).args(arguments);
        let output = output(&mut curl);
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Uploads two objects with boto3, by the variables of the pod.
    ///
    /// # Panics
    /// When boto3 fails.
    pub(crate) fn upload_5_and_20_mib(&self, mesh: &Mesh) {
        // S3's, to a PUT: boto3 takes any other body for an error.
        mesh.aws.refuse_with(200, "");
        let said = self.boto3(
            "import boto3\n\
             s3 = boto3.client('s3')\n\
             for size in 5, 20:\n    \
                 s3.put_object(Bucket='reports-2026', Key=str(size), Body=b'x' * (size << 20))\n\
             print('done')",
        );
        assert_eq!(said, "done\n");
    }

    /// What boto3 of the application's prints. Root runs it, because others may not look where its Python is.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) fn boto3(&self, script: &str) -> String {
        printed(self.application("0", python()).args(["-c", script]))
    }

    /// What whoever is in istio-proxy's container gets from the socket of the token.
    pub(crate) fn at_socket(&self, path: &str) -> Output {
        self.at_socket_as(PROXY, path)
    }

    /// The same for the application.
    pub(crate) fn at_socket_for_application(&self, path: &str) -> Output {
        self.at_socket_as(APPLICATION, path)
    }

    fn at_socket_as(&self, user: &str, path: &str) -> Output {
        let mut curl = self.enter(user);
        curl.args(["curl", "--silent", "--show-error", "--max-time", "10"]);
        curl.args(["--unix-socket", "/var/run/sigv4-egress/token.sock"]);
        output(curl.arg(format!("http://sidecar{path}")))
    }

    /// The filter's status document.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn status(&self) -> Value {
        let output = self.at_socket("/status");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// A GET on a port of the sidecar's own.
    pub(crate) async fn get(&self, port: u16, path: &str) -> Option<Answer> {
        let mut connection = self.connect(([127, 0, 0, 1], port).into()).await.ok()?;
        let request = Request::get("localhost", path).header("connection", "close");
        connection.ask(&request.bytes()).await.ok()
    }

    /// The sum of Envoy's counters and gauges whose names end so.
    ///
    /// # Panics
    /// When Envoy does not answer.
    pub(crate) async fn stats_that_end_with(&self, end: &str) -> u64 {
        let answer = self.get(15000, "/stats?format=json").await;
        let stats: Value =
            serde_json::from_slice(&answer.expect("Envoy answers").body).expect("JSON");
        let stats = stats["stats"].as_array().expect("a list").iter();
        let ends = stats.filter(|stat| {
            stat["name"]
                .as_str()
                .is_some_and(|name| name.ends_with(end))
        });
        ends.filter_map(|stat| stat["value"].as_u64()).sum()
    }

    /// How many configurations Envoy has rejected.
    pub(crate) async fn rejects(&self) -> u64 {
        self.stats_that_end_with("update_rejected").await
            + self.stats_that_end_with(".config_fail").await
    }

    /// All of Envoy's configuration, without versions and times.
    ///
    /// # Panics
    /// When Envoy does not answer.
    pub(crate) async fn configuration(&self) -> Value {
        let answer = self.get(15000, "/config_dump?include_eds").await;
        let mut dump = serde_json::from_slice(&answer.expect("Envoy answers").body).expect("JSON");
        forget_times(&mut dump);
        // Envoy keeps these in no order.
        for config in dump["configs"].as_array_mut().into_iter().flatten() {
            let lists = config.as_object_mut().into_iter().flatten();
            for list in lists.filter_map(|(_, value)| value.as_array_mut()) {
                list.sort_by_key(Value::to_string);
            }
        }
        dump
    }

    /// The rules of its iptables.
    pub(crate) fn rules(&self) -> String {
        let mut iptables = self.enter("0");
        iptables
            .arg("env")
            .arg(format!("PATH={}", path().display()));
        printed(iptables.args(["iptables", "-t", "nat", "-S"]))
    }

    /// Where the sidecar's volume at this path comes from.
    ///
    /// # Panics
    /// When it has none there.
    pub(crate) fn volume(&self, path: &str) -> PathBuf {
        let mounts = self.spec.mounts.iter().enumerate();
        let mut found = mounts.filter(|(_, (_, to))| to == path);
        let (index, _) = found.next().unwrap_or_else(|| panic!("nothing at {path}"));
        self.directory.join(format!("volume-{index}"))
    }

    pub(crate) fn log(&self) -> String {
        self.sidecar.as_ref().map(Process::log).unwrap_or_default()
    }

    /// A command in the pod's namespaces, as this user.
    fn enter(&self, user: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--net", "--mount", "--target"])
            .arg(self.holder.id().to_string())
            .args([
                "setpriv",
                "--clear-groups",
                "--reuid",
                user,
                "--regid",
                user,
            ]);
        command
    }
}

/// The network of a pod, by a process in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network(u32);

impl Network {
    /// A connection from it. A socket stays in the network that its thread was in when it was made.
    pub(crate) fn stream(self, at: SocketAddr) -> io::Result<TcpStream> {
        let network = File::open(format!("/proc/{}/ns/net", self.0))?;
        let connect = || {
            setns(&network, CloneFlags::CLONE_NEWNET)?;
            std::net::TcpStream::connect_timeout(&at, CONNECT)
        };
        let stream = thread::scope(|scope| scope.spawn(connect).join().expect("no panic"))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        TcpStream::from_std(stream)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.holder.report());
            if let Some(sidecar) = &self.sidecar {
                eprintln!("{}", sidecar.report());
            }
        }
        if let Some(envoy) = self.envoy() {
            // It fails only when it has ended by itself.
            let _ = kill(envoy, Signal::SIGKILL);
        }
    }
}

/// Fills a pod's directory: what pod.sh copies, and the directories that it mounts.
fn prepare(directory: &Path, mesh: &Mesh, spec: &Spec, ca: &TestCa) -> Vec<(PathBuf, PathBuf)> {
    let files = directory.join("files");
    let write = |path: &str, text: &str| {
        let path = files.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    fs::create_dir_all(directory.join("etc")).expect("a directory");
    fs::write(directory.join("aws-ca.pem"), mesh.aws_ca.pem()).expect("a file");
    write("etc/resolv.conf", &format!("nameserver {SERVICES}\n"));
    let labels = spec.labels.iter();
    let labels: String = labels
        .map(|(name, value)| format!("{name}={value:?}\n"))
        .collect();
    write("etc/istio/pod/labels", &labels);
    write("etc/istio/pod/annotations", "");
    let bootstrap = fs::read_to_string(program("envoy_bootstrap.json")).expect("text");
    write("var/lib/istio/envoy/envoy_bootstrap_tmpl.json", &bootstrap);
    // As a driver of volumes would bring them, so that nothing has to sign them.
    let workload = TestCa::new();
    let identity = format!("spiffe://cluster.local/ns/{}/sa/reports", spec.namespace);
    let (chain, key) = workload.certificate_of_workload(&identity);
    for (name, text) in [
        ("cert-chain.pem", chain.as_str()),
        ("key.pem", &key),
        ("root-cert.pem", workload.pem()),
        ("ca.pem", workload.pem()),
    ] {
        write(
            &format!("run/secrets/workload-spiffe-credentials/{name}"),
            text,
        );
    }
    // The authority, for programs that trust what these variables name.
    let public = fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    write("etc/sigv4-egress-trust/ca.pem", ca.pem());
    write("etc/sigv4-egress-trust/bundle.pem", &(public + ca.pem()));

    let envoy = envoy::binary(&mesh.version);
    let envoy = envoy.parent().expect("a directory").to_owned();
    let istio = program("pilot-agent")
        .parent()
        .expect("a directory")
        .to_owned();
    let mut mounts: Vec<(PathBuf, PathBuf)> = vec![
        (envoy, "/run/programs/envoy".into()),
        (istio, "/run/programs/istio".into()),
    ];
    let mut volumes: Vec<_> = spec.mounts.iter().enumerate().collect();
    // What is mounted into another comes later.
    volumes.sort_by_key(|(_, (_, path))| path.clone());
    for (index, (volume, path)) in volumes {
        let from = directory.join(format!("volume-{index}"));
        match volume {
            Volume::Token => {
                std::os::unix::fs::symlink(mesh.token.path(), &from).expect("a link");
            }
            Volume::Module => {
                fs::create_dir_all(&from).expect("a directory");
                fs::copy(envoy::module(), from.join("sigv4_egress.wasm")).expect("the module");
            }
            Volume::Sds => {
                fs::create_dir_all(&from).expect("a directory");
                let all = documents(&shipped("captured.yaml"));
                let map = all.iter().find(|one| one["kind"] == "ConfigMap");
                let sds = map.and_then(|map| map["data"]["sds.yaml"].as_str());
                fs::write(from.join("sds.yaml"), sds.expect("sds.yaml")).expect("sds.yaml");
            }
            Volume::Certificate => {
                fs::create_dir_all(&from).expect("a directory");
                let names = ["s3.eu-west-1.amazonaws.com", "*.s3.eu-west-1.amazonaws.com"];
                let (certificate, key) = ca.certificate(&names);
                fs::write(from.join("tls.crt"), certificate).expect("tls.crt");
                fs::write(from.join("tls.key"), key).expect("tls.key");
            }
            Volume::Empty => {
                fs::create_dir_all(&from).expect("a directory");
                printed(Command::new("chmod").arg("0777").arg(&from));
            }
        }
        mounts.push((from, path.into()));
    }
    mounts
}

/// A veth pair: one end is the pod's, with the other as its gateway to all that there is.
fn connect_to_internet(number: u8, holder: &Process) -> IpAddr {
    let (gateway, own) = (number * 4 + 1, number * 4 + 2);
    let process = holder.id();
    ip(&format!(
        "link add pod{number} type veth peer name eth0 netns {process}"
    ));
    ip(&format!("address add 192.0.2.{gateway}/30 dev pod{number}"));
    ip(&format!("link set pod{number} up"));
    for words in [
        "link set lo up".to_owned(),
        format!("address add 192.0.2.{own}/30 dev eth0"),
        "link set eth0 up".to_owned(),
        format!("route add default via 192.0.2.{gateway}"),
    ] {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &process.to_string(), "ip"]);
        printed(command.args(words.split(' ')));
    }
    IpAddr::from([192, 0, 2, own])
}

fn set(pairs: &mut Vec<(String, String)>, name: &str, value: Option<&str>) {
    pairs.retain(|(known, _)| known != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
}

fn pairs(object: &Value) -> Vec<(String, String)> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["last_updated", "version_info", "last_reconnect_time"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}

/// The directory of this file.
fn here() -> PathBuf {
    envoy::workspace().join("tests/e2e/tests/istiod")
}

/// Port 80 of AWS, from where iptables lead to the sidecar.
pub(crate) fn aws_over_http() -> SocketAddr {
    (address(namespace::AWS), 80).into()
}
