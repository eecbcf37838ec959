//! Real clients and programs, as their users set them up: moto and an Envoy for each way to set them up, started once and
//! shared by all tests of a file.
//!
//! The Envoys have the shipped `envoy/envoy.yaml`. moto verifies every signature and policy.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::envoy::{self, Envoy};
use crate::transcript::Transcript;
use crate::{SOON, Value, eventually, json, until};

/// The discard service, which no machine has.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A customer's own host, which no rule but its name allows.
pub const DOMAIN: &str = "search-logs-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com";

/// How a client is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `AWS_ENDPOINT_URL` and placeholder keys.
    Placeholder,
    /// No keys; Envoy is the HTTP proxy.
    Unsigned,
    /// Placeholder keys; Envoy is the HTTP proxy.
    Proxied,
    /// As `Placeholder`, and the filter allows nothing of it.
    Refused,
    /// As one of the others, for what does not succeed: nobody counts what becomes of its requests.
    Failing,
}

impl Mode {
    /// The argument of the client.
    pub fn name(self) -> &'static str {
        match self {
            Self::Placeholder => "placeholder",
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
            Self::Placeholder | Self::Proxied => Some("requests.signed.placeholder"),
            Self::Unsigned => Some("requests.signed.no_signature"),
            Self::Refused => Some("requests.refused.not_allowed"),
            Self::Failing => None,
        }
    }

    /// What a user sets; Envoy has this port.
    fn environment(self, port: u16) -> Vec<(&'static str, String)> {
        let envoy = format!("http://127.0.0.1:{port}");
        // The sidecar carries requests to AWS alone.
        let elsewhere = "127.0.0.1,localhost,.svc,.cluster.local";
        let mut environment = vec![
            // A client without keys would look for some there, through the proxy.
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("NO_PROXY", elsewhere.to_owned()),
            ("no_proxy", elsewhere.to_owned()),
            // EKS sets both: boto3 and the CLI read the second only.
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
        ];
        if self != Self::Unsigned {
            environment.extend([
                ("AWS_ACCESS_KEY_ID", "placeholder".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "placeholder".to_owned()),
            ]);
        }
        match self {
            Self::Placeholder | Self::Refused | Self::Failing => {
                environment.push(("AWS_ENDPOINT_URL", envoy));
            }
            Self::Unsigned | Self::Proxied => {
                environment.extend([("HTTP_PROXY", envoy.clone()), ("http_proxy", envoy)]);
            }
        }
        environment
    }
}

/// An Envoy and the port of its listener.
struct Egress {
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

/// AWS, and an Envoy for each mode, so that each has stats of its own.
pub struct World {
    directory: PathBuf,
    runtime: tokio::runtime::Runtime,
    egresses: Vec<(Mode, Egress)>,
    /// Lines of the journal that the account itself made.
    made: usize,
    _aws: Child,
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
        let directory = std::env::temp_dir().join(format!("clients-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        let log = File::create(directory.join("aws.log")).expect("a log file");
        let mut aws = Command::new(envoy::python())
            .arg(envoy::workspace().join("tests/e2e/tests/clients/aws.py"))
            .arg(&directory)
            .args(buckets)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("AWS starts");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let egresses = runtime.block_on(async {
            let aws_port = eventually("AWS listens", SOON, async || {
                if let Ok(Some(status)) = aws.try_wait() {
                    let log = fs::read_to_string(directory.join("aws.log")).unwrap_or_default();
                    panic!("AWS ended with {status}\n{log}");
                }
                fs::read_to_string(directory.join("port"))
                    .ok()?
                    .parse()
                    .ok()
            })
            .await;
            let mut egresses = Vec::new();
            for mode in modes {
                let egress = Egress::start(&directory, *mode, aws_port).await;
                egresses.push((*mode, egress));
            }
            egresses
        });
        let mut world = Self {
            directory,
            runtime,
            egresses,
            made: 0,
            _aws: aws,
        };
        let made = |entry: &Value| entry["access_key"] == "setup";
        world.made = world
            .journal()
            .iter()
            .take_while(|entry| made(entry))
            .count();
        // Their start is spread over two seconds; a client can be quicker.
        let fetched = until("each Envoy has asked STS", SOON, || {
            world.sts_calls() >= modes.len()
        });
        world.runtime.block_on(fetched);
        world
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
        let mut process = Command::new(task.program)
            .args(task.arguments)
            .current_dir(&home)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &home)
            .env("LANG", "C.UTF-8")
            .env("DIFFICULT_KEYS", keys)
            // Whatever would leave this machine over TLS ends at a port where nobody listens.
            .env("HTTPS_PROXY", NOWHERE)
            .env("https_proxy", NOWHERE)
            .envs(task.mode.environment(self.egress(task.egress).port))
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
        let found = egresses.find(|(one, _)| *one == mode);
        found
            .map(|(_, egress)| egress)
            .expect("a mode of this world")
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

/// The call that takes the role of the pod.
fn is_of_sts(entry: &Value) -> bool {
    entry["action"] == "AssumeRoleWithWebIdentity"
}

impl Egress {
    async fn start(world: &Path, mode: Mode, aws_port: u16) -> Self {
        let directory = world.join(mode.name());
        fs::create_dir(&directory).expect("a directory");
        let bootstrap = bootstrap(world, &directory, &mode.policy(), aws_port);
        fs::write(directory.join("envoy.json"), bootstrap.to_string()).expect("envoy.json");
        let envoy = Envoy::start_on_leash(&envoy::newest(), &directory, 2).await;
        let port = eventually("the listener is there", SOON, async || {
            envoy.port("sigv4-egress").await
        })
        .await;
        Self { envoy, port }
    }
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
    let shipped = envoy::workspace().join("envoy/envoy.yaml");
    let mut text = fs::read_to_string(shipped).expect("envoy/envoy.yaml");
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
        filter["typed_config"]["config"]["vm_config"]["environment_variables"] = json!({"key_values": {
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/reports",
            "AWS_REGION": "eu-west-1",
            "POD_NAMESPACE": "demo",
            "POD_NAME": "reports-0",
        }});
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
