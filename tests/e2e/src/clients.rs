//! Real clients and programs, as their users set them up: moto and an Envoy for each way to set them up, started once and
//! shared by all tests of a file.
//!
//! The Envoys have the shipped `envoy/envoy.yaml`. moto verifies every signature and policy.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use crate::bootstrap::{self, shipped_with_https, shipped_without_https};
use crate::ca::TestCa;
use crate::envoy::{self, Envoy};
use crate::transcript::Transcript;
use crate::{SOON, Value, eventually, json, namespace, pod, shipped, until};
use trust::Trust;

mod trust;

/// The discard service, which no machine has.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A customer's own host, which no rule but its name allows.
pub const DOMAIN: &str = "search-logs-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com";

/// Names of the certificate that ends TLS, for what the clients and programs call in their region.
const NAMES: &[&str] = &[
    "*.eu-west-1.amazonaws.com",
    "*.eu-west-1.api.aws",
    "*.eu-west-1.es.amazonaws.com",
    "*.queue.amazonaws.com",
    "*.s3.amazonaws.com",
    "*.s3-accesspoint.eu-west-1.amazonaws.com",
    "*.s3-control.eu-west-1.amazonaws.com",
    "*.s3.dualstack.eu-west-1.amazonaws.com",
    "*.s3.eu-west-1.amazonaws.com",
    "*.s3express-euw1-az1.eu-west-1.amazonaws.com",
    "s3.amazonaws.com",
    "sts.amazonaws.com",
];

/// The role of the pod.
const ROLE: &str = "arn:aws:iam::123456789012:role/reports";

/// The group of what is not captured, because it is to find its own way.
const NOT_CAPTURED: &str = "4242";

/// How a client is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `AWS_ENDPOINT_URL` and placeholder keys.
    Placeholder,
    /// As `Placeholder`, and the listener leaves the answer to `Expect: 100-continue` to AWS, as those of Istio do.
    Expecting,
    /// No keys; Envoy is the HTTP proxy.
    Unsigned,
    /// Placeholder keys; Envoy is the HTTP proxy.
    Proxied,
    /// As `Placeholder`, and the filter allows nothing of it.
    Refused,
    /// Over https, with placeholder keys and trust in the pod's authority; what goes to port 443 is captured.
    Captured,
    /// As `Captured`, and Envoy is the HTTPS proxy in place of the capture.
    Tunnelled,
    /// As `Captured`, and the program's SDK takes the role itself, with the token.
    OwnRole,
    /// As one of the others, for what does not succeed: nobody counts what becomes of its requests.
    Failing,
}

impl Mode {
    /// The argument of the client.
    pub fn argument(self) -> &'static str {
        match self {
            // It does not know which way its connections go.
            Self::Captured | Self::Tunnelled | Self::OwnRole => "https",
            Self::Expecting => Self::Placeholder.name(),
            _ => self.name(),
        }
    }

    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Tunnelled => "tunnelled",
            Self::OwnRole => "own-role",
            Self::Placeholder => "placeholder",
            Self::Expecting => "expecting",
            Self::Unsigned => "unsigned",
            Self::Proxied => "proxied",
            Self::Refused => "refused",
            Self::Failing => "failing",
        }
    }

    /// The keys of the filter's configuration that say what is signed.
    fn policy(self) -> String {
        match self {
            Self::Refused => r#""allow": ["ec2"]"#.to_owned(),
            _ => {
                format!(r#""allow": "*", "rules": [{{"hosts": ["{DOMAIN}"], "effect": "allow"}}]"#)
            }
        }
    }

    /// All that may become of a request, as the filter counts it; `None`: anything.
    fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Placeholder
            | Self::Expecting
            | Self::Proxied
            | Self::Captured
            | Self::Tunnelled => Some("requests.signed.placeholder"),
            Self::Unsigned => Some("requests.signed.no_signature"),
            Self::Refused => Some("requests.refused.not_allowed"),
            Self::Failing | Self::OwnRole => None,
        }
    }

    /// What a user sets; Envoy has this port.
    fn environment(self, port: u16) -> Vec<(&'static str, String)> {
        let envoy = format!("http://127.0.0.1:{port}");
        // The sidecar carries requests to AWS alone.
        let elsewhere = "127.0.0.1,localhost,.svc,.cluster.local";
        let mut environment = vec![
            // EKS sets both: boto3 and the CLI read the second only.
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
        ];
        if !matches!(self, Self::Unsigned | Self::OwnRole) {
            environment.extend([
                ("AWS_ACCESS_KEY_ID", "placeholder".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "placeholder".to_owned()),
            ]);
        }
        if !matches!(self, Self::Captured | Self::OwnRole) {
            environment.extend([
                ("NO_PROXY", elsewhere.to_owned()),
                ("no_proxy", elsewhere.to_owned()),
            ]);
        }
        match self {
            Self::Placeholder | Self::Expecting | Self::Refused | Self::Failing => {
                environment.push(("AWS_ENDPOINT_URL", envoy));
            }
            Self::Unsigned | Self::Proxied => {
                environment.extend([("HTTP_PROXY", envoy.clone()), ("http_proxy", envoy)]);
            }
            Self::Captured => {}
            Self::OwnRole => environment.extend([
                ("AWS_ROLE_ARN", ROLE.to_owned()),
                ("AWS_ROLE_SESSION_NAME", "program".to_owned()),
                // Else DynamoDB is called at a host of the account's, which the certificate here does not have.
                ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled".to_owned()),
            ]),
            Self::Tunnelled => {
                for name in ["HTTPS_PROXY", "https_proxy"] {
                    environment.push((name, envoy.clone()));
                }
                // The SDK for Java reads this one for https, too.
                environment.push(("HTTP_PROXY", envoy));
            }
        }
        if !self.is_https() {
            environment.extend([
                // A client without keys would look for some there, through the proxy.
                ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
                // Whatever would leave this machine over TLS ends at a port where nobody listens.
                ("HTTPS_PROXY", NOWHERE.to_owned()),
                ("https_proxy", NOWHERE.to_owned()),
            ]);
        }
        environment
    }

    fn is_https(self) -> bool {
        matches!(self, Self::Captured | Self::Tunnelled | Self::OwnRole)
    }
}

/// An Envoy and the port of its listener, for these modes.
struct Egress {
    modes: Vec<Mode>,
    envoy: Envoy,
    port: u16,
}

/// What is run.
pub struct Task<'a> {
    /// A launcher that `cargo xtask` wrote.
    pub program: &'a Path,
    /// Of its command line.
    pub arguments: &'a [&'a str],
    /// Of the directory that it is run in; no other task has it.
    pub name: &'a str,
    /// How it is set up.
    pub mode: Mode,
    /// Whose Envoy it meets.
    pub egress: Mode,
    /// No run takes longer on two very busy cores; one that does hangs, and is ended.
    pub limit: Duration,
}

/// AWS, and an Envoy for each mode, so that each has stats of its own; over https, one for both.
pub struct World {
    egresses: Vec<Egress>,
    /// Over https.
    trust: Option<Trust>,
    /// Lines of the journal that the account itself made.
    made: usize,
    runtime: tokio::runtime::Runtime,
    aws: Aws,
    directory: PathBuf,
}

/// moto, which ends, and takes the directory of the world along, with its standard input.
struct Aws {
    process: Child,
    port: u16,
}

impl Drop for Aws {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Its port is free then.
        let _ = self.process.wait();
    }
}

impl World {
    /// The one of this process, with these modes, and these buckets beside those of the demo; who comes later gets that
    /// of the first. A `static` is never dropped: the kernel ends the Envoys with the thread that started them, and AWS
    /// ends, and takes the directory along, when its standard input does.
    ///
    /// # Panics
    /// When something does not start.
    pub fn get(modes: &'static [Mode], buckets: &[String]) -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| {
            let (send, receive) = mpsc::channel();
            let buckets = buckets.to_vec();
            std::thread::spawn(move || {
                send.send(Self::start(modes, &buckets))
                    .expect("somebody waits");
                loop {
                    std::thread::park();
                }
            });
            receive.recv().expect("the world starts")
        })
    }

    fn start(modes: &[Mode], buckets: &[String]) -> Self {
        let mut world = Self::with_aws(buckets, &[]);
        for mode in modes {
            let start = Egress::start(&world.directory, *mode, world.aws.port);
            world.egresses.push(world.runtime.block_on(start));
        }
        world.await_credentials()
    }

    /// One in a [`namespace`], over https: AWS is where DNS says, and port 443 is captured.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start_in_pod(version: &str, buckets: &[String]) -> Self {
        let world = Self::start_in_pod_with(version, buckets, &Mode::Captured.policy());
        world.await_credentials()
    }

    /// The same, with other keys of the filter's configuration that say what is signed, in the form of JSON without its
    /// braces; credentials may still be on their way.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start_in_pod_with(version: &str, buckets: &[String], policy: &str) -> Self {
        let mut world = Self::with_aws(buckets, &["--", "--host", "::", "--port", "443"]);
        world.runtime.block_on(pod::start_dns());
        let authority = TestCa::new();
        let (chain, key) = authority.certificate_of_intermediate(NAMES);
        shipped::write_secret(&world.directory, &chain, &key);
        world.trust = Some(Trust::write(
            &world.directory.join("trust"),
            authority.pem(),
        ));
        let start = Egress::start_in_pod(&world.directory, version, policy);
        world.egresses.push(world.runtime.block_on(start));
        namespace::capture(&[("EXCLUDE_GIDS", NOT_CAPTURED)]);
        world
    }

    fn with_aws(buckets: &[String], options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("clients-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let aws = runtime.block_on(Aws::start(&directory, buckets, options));
        Self {
            egresses: Vec::new(),
            trust: None,
            made: 0,
            runtime,
            aws,
            directory,
        }
    }

    /// The same, once each Envoy has credentials.
    ///
    /// # Panics
    /// When one does not get any.
    #[must_use]
    pub fn await_credentials(mut self) -> Self {
        let made = |entry: &Value| entry["access_key"] == "setup";
        let journal = self.journal();
        self.made = journal.iter().take_while(|entry| made(entry)).count();
        // Their start is spread over two seconds; a client can be quicker.
        let fetched = until("each Envoy has asked STS", SOON, || {
            self.sts_calls() >= self.egresses.len()
        });
        self.runtime.block_on(fetched);
        self
    }

    /// Runs a client or program to its end.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn run(&self, task: &Task<'_>) -> Transcript {
        assert!(
            task.program.exists(),
            "{} is not there: run `cargo xtask test` or `cargo xtask programs`, which install it",
            task.program.display()
        );
        let home = self.directory.join(task.name);
        fs::create_dir(&home).expect("a home");
        let (output, complaints) = (home.join("stdout"), home.join("stderr"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let keys = envoy::workspace().join("tests/clients/difficult_keys.jsonl");
        let started = Instant::now();
        let variables = self.trust.iter().flat_map(Trust::variables);
        let mut process = launcher(task)
            .args(task.arguments)
            .current_dir(&home)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &home)
            .env("LANG", "C.UTF-8")
            .env("DIFFICULT_KEYS", keys)
            .envs(task.mode.environment(self.egress(task.egress).port))
            .envs(variables)
            .envs((task.mode == Mode::OwnRole).then(|| {
                (
                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                    self.directory.join("pod/token"),
                )
            }))
            .stdin(Stdio::null())
            .stdout(File::create(&output).expect("a file"))
            .stderr(File::create(&complaints).expect("a file"))
            .spawn()
            .expect("the client starts");
        let status = loop {
            if let Some(status) = process.try_wait().expect("a child of ours") {
                break status;
            }
            if started.elapsed() > task.limit {
                let _ = process.kill();
                break process.wait().expect("a child of ours");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        println!("{}: {:.1} s", task.name, started.elapsed().as_secs_f64());
        let read = |path: &Path| {
            String::from_utf8_lossy(&fs::read(path).expect("its output")).into_owned()
        };
        Transcript {
            status,
            output: read(&output),
            complaints: read(&complaints),
        }
    }

    /// What no client may bring about.
    pub fn faults(&self, mode: Mode) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(outcome) = mode.outcome() {
            let egress = self.egress(mode);
            let stats = self.runtime.block_on(egress.envoy.filter_stats());
            for (name, count) in &stats {
                if name.starts_with("requests.") && name != outcome && *count > 0 {
                    faults.push(format!("{count} {name} in mode {mode:?}"));
                }
            }
            let is_met = |(name, count): &(String, u64)| name == outcome && *count > 0;
            if !stats.iter().any(is_met) {
                faults.push(format!("no {outcome} in mode {mode:?}"));
            }
        }
        for entry in self.journal().iter().skip(self.made) {
            let key = entry["access_key"].as_str().unwrap_or_default();
            if !is_of_sts(entry) && !key.starts_with("ASIA") {
                faults.push(format!("not signed by a session of the role: {entry}"));
            }
        }
        let sts = self.sts_calls();
        if sts != self.egresses.len() {
            faults.push(format!("{sts} calls to STS, expected one from each Envoy"));
        }
        faults
    }

    /// What Envoy has written on its standard output, the access log among it.
    pub fn access_log(&self, mode: Mode) -> Vec<u8> {
        self.egress(mode).envoy.log()
    }

    /// The filter's counters and gauges.
    pub fn stats(&self, mode: Mode) -> Vec<(String, u64)> {
        let stats = self.egress(mode).envoy.filter_stats();
        self.runtime.block_on(stats)
    }

    /// For a failure: what Envoy and AWS say.
    pub fn report(&self, mode: Mode) -> String {
        let log = fs::read(self.directory.join("aws.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let mut traceback: Vec<_> = log
            .lines()
            .filter(|line| !line.starts_with("127.0.0.1 - -"))
            .collect();
        let traceback = traceback.split_off(traceback.len().saturating_sub(30));
        let envoy = self.egress(mode).envoy.report();
        format!("{envoy}\n--- log of AWS\n{}", traceback.join("\n"))
    }

    fn egress(&self, mode: Mode) -> &Egress {
        let mut egresses = self.egresses.iter();
        let found = egresses.find(|egress| egress.modes.contains(&mode));
        found.expect("a mode of this world")
    }

    /// What AWS has seen so far; the last line may still be written.
    fn sts_calls(&self) -> usize {
        self.journal()
            .iter()
            .filter(|entry| is_of_sts(entry))
            .count()
    }

    fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.join("journal.jsonl")).expect("the journal");
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// What begins the task; where it is not captured, in the group that is left out.
fn launcher(task: &Task<'_>) -> Command {
    if task.mode != Mode::Tunnelled {
        return Command::new(task.program);
    }
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--regid={NOT_CAPTURED}"))
        .arg("--clear-groups")
        .arg(task.program);
    command
}

impl Aws {
    async fn start(directory: &Path, buckets: &[String], options: &[&str]) -> Self {
        let log = File::create(directory.join("aws.log")).expect("a log file");
        let mut process = Command::new(envoy::python())
            .arg(envoy::workspace().join("tests/e2e/tests/clients/aws.py"))
            .arg(directory)
            .args(buckets)
            .args(options)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("AWS starts");
        let port = eventually("AWS listens", SOON, async || {
            if let Ok(Some(status)) = process.try_wait() {
                let log = fs::read_to_string(directory.join("aws.log")).unwrap_or_default();
                panic!("AWS ended with {status}\n{log}");
            }
            let port = fs::read_to_string(directory.join("port")).ok()?;
            port.parse().ok()
        });
        let port = port.await;
        Self { process, port }
    }
}

/// The call that takes the role of the pod.
fn is_of_sts(entry: &Value) -> bool {
    entry["action"] == "AssumeRoleWithWebIdentity"
}

impl Egress {
    async fn start(world: &Path, mode: Mode, aws_port: u16) -> Self {
        let directory = world.join(mode.name());
        fs::create_dir(&directory).expect("a directory");
        let mut bootstrap = bootstrap(world, &directory, &mode.policy(), aws_port);
        if mode == Mode::Expecting {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            let manager = bootstrap.pointer_mut(manager).expect("a manager");
            manager["proxy_100_continue"] = true.into();
        }
        fs::write(directory.join("envoy.json"), bootstrap.to_string()).expect("envoy.json");
        let envoy = Envoy::start_on_leash(&envoy::newest(), &directory, 2).await;
        Self::of(envoy, vec![mode]).await
    }

    /// The whole file, as it is shipped but for files, ports, names and the policy.
    async fn start_in_pod(world: &Path, version: &str, policy: &str) -> Self {
        let directory = world.join("envoy");
        fs::create_dir(&directory).expect("a directory");
        let modes = vec![Mode::Captured, Mode::Tunnelled, Mode::OwnRole];
        let allow = ("\"allow\": [\"s3\", \"dynamodb\"]", policy);
        let mut config = shipped_with_https(world, &[allow]);
        bootstrap::capture_names(&mut config, NAMES);
        bootstrap::set_environment(&mut config, &environment());
        fs::write(directory.join("envoy.json"), config.to_string()).expect("envoy.json");
        let envoy = Envoy::start_in_group(namespace::GROUP, version, &directory, 2).await;
        eventually(
            "the listener of captured connections is there",
            SOON,
            async || envoy.port(pod::CAPTURED).await,
        )
        .await;
        Self::of(envoy, modes).await
    }

    async fn of(envoy: Envoy, modes: Vec<Mode>) -> Self {
        let port = eventually("the listener is there", SOON, async || {
            envoy.port("sigv4-egress").await
        })
        .await;
        Self { modes, envoy, port }
    }
}

/// Of the pod's own.
fn environment() -> Value {
    json!({
        "AWS_ROLE_ARN": ROLE,
        "AWS_REGION": "eu-west-1",
        "POD_NAMESPACE": "demo",
        "POD_NAME": "reports-0",
    })
}

/// `envoy/envoy.yaml` with the files, ports and the pod's environment of this world, and moto in the
/// place of DNS. Of the filter's configuration, only the policy differs.
fn bootstrap(world: &Path, directory: &Path, policy: &str, aws_port: u16) -> Value {
    let path = |path: &Path| path.display().to_string();
    let replacements = [
        ("/etc/sigv4-egress/sigv4_egress.wasm", envoy::module()),
        (
            "/etc/ssl/certs/ca-certificates.crt",
            path(&world.join("ca.pem")),
        ),
        (
            "/var/run/secrets/eks.amazonaws.com/serviceaccount",
            path(&world.join("pod")),
        ),
        (
            "/var/run/sigv4-egress/token.sock",
            path(&directory.join("token.sock")),
        ),
        ("port_value: 9911", "port_value: 0".to_owned()),
        ("port_value: 9901", "port_value: 0".to_owned()),
        ("\"allow\": [\"s3\", \"dynamodb\"]", policy.to_owned()),
    ];
    let mut text = shipped_without_https();
    for (from, to) in replacements {
        assert!(text.contains(from), "envoy/envoy.yaml has no {from}");
        text = text.replace(from, &to);
    }
    let mut bootstrap: Value = serde_saphyr::from_str(&text).expect("YAML");
    for pointer in [
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0",
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/2/typed_config\
         /upstream_http_filters/0",
    ] {
        let filter = bootstrap.pointer_mut(pointer).expect("a filter");
        filter["typed_config"]["config"]["vm_config"]["environment_variables"] =
            json!({"key_values": environment()});
    }
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": aws_port}});
    let endpoints = json!([{"lb_endpoints": [{"endpoint": {"address": address}}]}]);
    let clusters = &mut bootstrap["static_resources"]["clusters"];
    for (index, name) in ["sigv4-egress-aws", "sigv4-egress-sts"].iter().enumerate() {
        let cluster = clusters[index].as_object_mut().expect("a cluster");
        assert_eq!(cluster["name"], *name);
        for replaced in ["cluster_type", "lb_policy"] {
            cluster.remove(replaced);
        }
        cluster.insert("type".to_owned(), json!("STATIC"));
        cluster.insert(
            "load_assignment".to_owned(),
            json!({"cluster_name": name, "endpoints": endpoints}),
        );
    }
    bootstrap
}
