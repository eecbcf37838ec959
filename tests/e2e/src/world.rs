//! One scenario: an Envoy, the fakes around it, and what must hold when it ends.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::agent::FakeAgent;
use crate::bootstrap::{self, Choices, Places};
use crate::ca::TestCa;
use crate::envoy::{self, Envoy};
use crate::ledger::{Key, Ledger};
use crate::plain::Recorder;
use crate::token::TokenDir;
use crate::{Answer, Connection, FakeAws, FakeSts, Request, SOON, eventually};

/// No scenario takes longer on two busy cores; one that does hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `steps` on every Envoy, in a world of its own, and checks the invariants at the end.
///
/// # Panics
/// When a step or an invariant fails; the log of Envoy and the journals are printed.
pub fn scenario(setup: &Setup, steps: impl AsyncFn(&World)) {
    let versions = if setup.newest_only {
        vec![envoy::newest()]
    } else {
        envoy::versions()
    };
    for version in versions {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let world = World::start(&version, setup).await;
            let steps = async {
                steps(&world).await;
                world.finish().await;
            };
            let limit = setup.limit;
            let ended = tokio::time::timeout(limit, steps).await;
            assert!(ended.is_ok(), "the scenario did not end within {limit:?}");
        });
    }
}

/// What differs from the usual world.
#[derive(Clone)]
pub struct Setup {
    choices: Choices,
    filter: bool,
    concurrency: u32,
    token: Option<String>,
    token_listener: bool,
    prepare_sts: Arc<dyn Fn(&FakeSts)>,
    sts_elsewhere: &'static str,
    second_token: Option<(&'static str, String)>,
    prepare_agent: Arc<dyn Fn(&FakeAgent)>,
    limit: Duration,
    drain_seconds: u32,
    newest_only: bool,
    traps: bool,
}

impl Setup {
    /// One worker, a valid token, role and region configured, everything allowed.
    pub fn new() -> Self {
        Self {
            choices: Choices {
                plugin: Some(json!({
                    "role_arn": "arn:aws:iam::123456789012:role/demo",
                    "region": "eu-west-1",
                    "session_name": "e2e",
                    "allow": "*",
                })),
                guard: None,
                guarded_elsewhere: false,
                stop_iteration: true,
                capabilities: None,
                environment: json!({}),
                module: String::new(),
                routes: Vec::new(),
                filters: Vec::new(),
                buffer_limit: 9 << 20,
                http2_to_aws: false,
                aws_at: None,
                manager: json!({}),
                second_token: None,
            },
            filter: true,
            concurrency: 1,
            token: None,
            token_listener: true,
            prepare_sts: Arc::new(|_| {}),
            sts_elsewhere: "sts.eu-central-1.amazonaws.com",
            second_token: None,
            prepare_agent: Arc::new(|_| {}),
            limit: LIMIT,
            drain_seconds: 1,
            newest_only: false,
            traps: false,
        }
    }

    /// Sets keys of the plugin configuration; `null` removes one.
    pub fn plugin(mut self, keys: Value) -> Self {
        self.choices.set_plugin_keys(&keys);
        self
    }

    /// Sets an environment variable of the VM.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.choices.environment[key] = json!(value);
        self
    }

    /// Workers of Envoy.
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// `per_connection_buffer_limit_bytes` of the egress listener; 9 MiB at first.
    pub fn buffer_limit(mut self, bytes: u32) -> Self {
        self.choices.buffer_limit = bytes;
        self
    }

    /// A route for AWS hosts that is tried before the usual one.
    pub fn route(mut self, route: Value) -> Self {
        self.choices.routes.push(route);
        self
    }

    /// An HTTP filter of Envoy's before ours.
    pub fn filter_before(mut self, filter: Value) -> Self {
        self.choices.filters.push(filter);
        self
    }

    /// Adds the filter in the upstream position, as the guard.
    pub fn guard(mut self) -> Self {
        self.choices.guard = Some(json!({"position": "upstream", "clusters": [bootstrap::AWS]}));
        self
    }

    /// Adds the guard to the filters of the cluster that only a test's own route leads to.
    pub fn guard_elsewhere(mut self) -> Self {
        self.choices.guarded_elsewhere = true;
        self
    }

    /// Leaves `allow_on_headers_stop_iteration` out.
    pub fn without_stop_iteration(mut self) -> Self {
        self.choices.stop_iteration = false;
        self
    }

    /// Allows what the shipped configuration allows, but for these.
    pub fn without_capabilities(mut self, missing: &[&str]) -> Self {
        let names = bootstrap::shipped_capabilities();
        let allowed = names
            .into_iter()
            .filter(|name| !missing.contains(&name.as_str()));
        let allowed: Value = allowed.map(|name| (name, json!({}))).collect();
        self.choices.capabilities = Some(allowed);
        self
    }

    /// Speaks HTTP/2 to AWS, so that trailers can arrive.
    pub fn http2_to_aws(mut self) -> Self {
        self.choices.http2_to_aws = true;
        self
    }

    /// Another AWS than the fake one, without TLS, that gets each request on a connection of its own.
    pub fn aws_at(mut self, port: u16) -> Self {
        self.choices.aws_at = Some(port);
        self
    }

    /// Sets fields of the egress listener's connection manager.
    pub fn manager(mut self, fields: Value) -> Self {
        self.choices.manager = fields;
        self
    }

    /// The same Envoy without the filter.
    pub fn without_filter(mut self) -> Self {
        self.choices.plugin = None;
        self.choices.guard = None;
        self.filter = false;
        self
    }

    /// Scripts the fake STS before Envoy starts, so that the very first call sees it.
    pub fn sts(mut self, prepare: impl Fn(&FakeSts) + 'static) -> Self {
        self.prepare_sts = Arc::new(prepare);
        self
    }

    /// What the second STS is, behind the cluster `sigv4-egress-sts-2`; at first that of eu-central-1.
    pub fn sts_elsewhere(mut self, host: &'static str) -> Self {
        self.sts_elsewhere = host;
        self
    }

    /// A second token, which the token listener serves at `/<name>`.
    pub fn second_token(mut self, name: &'static str, content: String) -> Self {
        self.choices.second_token = Some(name.to_owned());
        self.second_token = Some((name, content));
        self
    }

    /// Scripts the fake container endpoint before Envoy starts.
    pub fn agent(mut self, prepare: impl Fn(&FakeAgent) + 'static) -> Self {
        self.prepare_agent = Arc::new(prepare);
        self
    }

    /// Runs on the newest Envoy alone: for what takes minutes, and is about no Envoy in particular.
    pub fn newest_only(mut self) -> Self {
        self.newest_only = true;
        self
    }

    /// As [`Self::newest_only`], where a run is to be long.
    pub fn newest_only_if(mut self, is_long: bool) -> Self {
        self.newest_only = is_long;
        self
    }

    /// Runs the module that ends its VM when it is told to.
    pub fn trap_module(mut self) -> Self {
        self.traps = true;
        self
    }

    /// How long Envoy lets the connections of a configuration that was replaced go on; a second at first.
    pub fn drains(mut self, seconds: u32) -> Self {
        self.drain_seconds = seconds;
        self
    }

    /// Lets the scenario take longer than a minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// STS gets calls and answers none until the test opens its gate.
    pub fn sts_held(self) -> Self {
        self.sts(|sts| sts.gate.close())
    }

    /// What stands in the token file at first.
    pub fn token(mut self, content: &str) -> Self {
        self.token = Some(content.into());
        self
    }

    /// No token listener until [`World::listeners`] adds it, and no token file.
    pub fn without_token_listener(mut self) -> Self {
        self.token_listener = false;
        self
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

/// A listener that a test can take away and bring back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Listener {
    /// With the filter, on a TCP port.
    Egress,
    /// On the Unix socket.
    Token,
}

/// A running Envoy and the fakes it talks to.
pub struct World {
    /// The system under test.
    pub envoy: Envoy,
    /// Behind every AWS host.
    pub aws: Arc<FakeAws>,
    /// Behind the STS cluster.
    pub sts: Arc<FakeSts>,
    /// Behind the cluster of STS of another region.
    pub sts_elsewhere: Arc<FakeSts>,
    /// Behind the cluster of the container endpoint.
    pub agent: Arc<FakeAgent>,
    /// Behind every other host.
    pub plain: Arc<Recorder>,
    /// Behind the cluster that only a test's own route leads to.
    pub elsewhere: Arc<Recorder>,
    /// The token file.
    pub token: Arc<TokenDir>,
    /// Keys and secrets.
    pub ledger: Arc<Ledger>,
    /// Of the egress listener.
    pub port: u16,
    /// Trusted by Envoy.
    pub ca: Arc<TestCa>,
    directory: PathBuf,
    choices: Choices,
    traps: bool,
}

impl World {
    /// Starts the fakes, then Envoy, and waits until the egress listener is there.
    ///
    /// # Panics
    /// When any of them does not start.
    pub async fn start(version: &str, setup: &Setup) -> Self {
        let directory = new_directory();
        let ledger = Arc::new(Ledger::default());
        let token = Arc::new(TokenDir::new(directory.join("token"), Arc::clone(&ledger)));
        match &setup.token {
            Some(content) => token.write(content),
            None if setup.token_listener => drop(token.rotate()),
            None => {}
        }
        if let Some((name, content)) = &setup.second_token {
            token.add(name, content);
        }
        let ca = TestCa::new();
        fs::write(directory.join("ca.pem"), ca.pem()).expect("ca.pem");
        let mut choices = setup.choices.clone();
        if setup.filter {
            choices.module = if setup.traps {
                envoy::trap_module()
            } else {
                envoy::module()
            };
        }
        let aws = FakeAws::start(&ca, &ledger).await;
        let sts = FakeSts::start(&ca, &ledger, &token).await;
        let sts_elsewhere = FakeSts::start_as(setup.sts_elsewhere, &ca, &ledger, &token).await;
        (setup.prepare_sts)(&sts);
        let agent = FakeAgent::start(&ledger).await;
        (setup.prepare_agent)(&agent);
        let (plain, elsewhere) = (Recorder::start().await, Recorder::start().await);
        let world = |envoy| Self {
            envoy,
            aws: Arc::clone(&aws),
            sts: Arc::clone(&sts),
            sts_elsewhere: Arc::clone(&sts_elsewhere),
            agent: Arc::clone(&agent),
            plain: Arc::clone(&plain),
            elsewhere: Arc::clone(&elsewhere),
            token: Arc::clone(&token),
            ledger: Arc::clone(&ledger),
            port: 0,
            ca: Arc::clone(&ca),
            directory: directory.clone(),
            choices: choices.clone(),
            traps: setup.traps,
        };
        let places = Places {
            directory: &directory,
            token_file: &token.file(),
            token_directory: token.path(),
            aws: aws.port,
            sts: sts.port,
            sts_elsewhere: sts_elsewhere.port,
            agent: agent.port,
            plain: plain.port,
            elsewhere: elsewhere.port,
        };
        let clusters = bootstrap::clusters(&places, &choices);
        let config = bootstrap::bootstrap(&directory, clusters).to_string();
        fs::write(directory.join("envoy.json"), config).expect("envoy.json");
        let listeners: &[Listener] = if setup.token_listener {
            &[Listener::Token, Listener::Egress]
        } else {
            &[Listener::Egress]
        };
        write_listeners(&places, &choices, listeners);
        let mut world = world(
            Envoy::start_to_drain(version, &directory, setup.concurrency, setup.drain_seconds)
                .await,
        );
        world.port = eventually("the egress listener is there", SOON, async || {
            world.envoy.port("egress").await
        })
        .await;
        world
    }

    /// Leaves Envoy with just these listeners.
    pub fn listeners(&self, listeners: &[Listener]) {
        self.write_listeners(&self.choices, listeners);
    }

    /// Hands Envoy both listeners again, with other keys in the plugin configuration.
    pub fn reconfigure(&self, keys: Value) {
        let mut choices = self.choices.clone();
        choices.set_plugin_keys(&keys);
        self.write_listeners(&choices, &[Listener::Token, Listener::Egress]);
    }

    /// Hands Envoy both listeners again, with another variable in the environment of the VMs, which are new then.
    pub fn reconfigure_environment(&self, key: &str, value: &str) {
        let mut choices = self.choices.clone();
        choices.environment[key] = json!(value);
        self.write_listeners(&choices, &[Listener::Token, Listener::Egress]);
    }

    fn write_listeners(&self, choices: &Choices, listeners: &[Listener]) {
        let places = Places {
            directory: &self.directory,
            token_file: &self.token.file(),
            token_directory: self.token.path(),
            aws: self.aws.port,
            sts: self.sts.port,
            sts_elsewhere: self.sts_elsewhere.port,
            agent: self.agent.port,
            plain: self.plain.port,
            elsewhere: self.elsewhere.port,
        };
        write_listeners(&places, choices, listeners);
    }

    /// Sends a request on a new connection.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn ask(&self, request: Request) -> Answer {
        let mut connection = self.connect().await;
        let answer = connection.ask(&request.bytes()).await;
        let answer = answer.unwrap_or_else(|error| panic!("no answer: {error}"));
        self.assert_no_secret("an answer", &answer.body);
        answer
    }

    /// Sends `count` requests at once, each on a connection of its own.
    ///
    /// # Panics
    /// When one of them gets no answer.
    pub async fn ask_many(&self, count: usize, request: Request) -> Vec<Answer> {
        join_all((0..count).map(|_| self.ask(request.clone()))).await
    }

    /// Asks until AWS answers 200, as a client does that retries on 503.
    ///
    /// # Panics
    /// When that does not happen soon, or another status than 503 comes in between.
    pub async fn ask_until_ok(&self, request: Request) -> Answer {
        eventually("a signed answer", SOON, async || {
            let answer = self.ask(request.clone()).await;
            assert!(
                [200, 503].contains(&answer.status),
                "{answer:?} {}",
                answer.text()
            );
            (answer.status == 200).then_some(answer)
        })
        .await
    }

    /// The first credentials of the filter, once STS has issued them.
    ///
    /// # Panics
    /// When that does not happen soon.
    pub async fn credentials(&self) -> Key {
        eventually("credentials", SOON, async || self.ledger.issued().pop()).await
    }

    /// A connection to the egress listener.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.port)
            .await
            .expect("the egress listener accepts")
    }

    /// A counter or gauge of the filter: `stat("requests.signed.no_signature")`.
    pub async fn stat(&self, name: &str) -> u64 {
        self.envoy
            .stat(&format!("wasmcustom.sigv4_egress.{name}"))
            .await
    }

    /// Waits until that many requests are parked.
    ///
    /// # Panics
    /// When that does not happen soon.
    pub async fn until_parked(&self, count: u64) {
        eventually(&format!("{count} requests are parked"), SOON, async || {
            (self.stat("parked").await == count).then_some(())
        })
        .await;
    }

    /// Where the listener on the Unix socket is.
    pub fn token_socket(&self) -> PathBuf {
        self.directory.join("token.sock")
    }

    /// What the listener on the Unix socket answers, head and all.
    ///
    /// # Panics
    /// When it is not there.
    pub fn ask_token_listener(&self, path: &str) -> String {
        ask_socket(&self.token_socket(), "GET", path)
    }

    /// Asks for other credentials, as an operator does.
    ///
    /// # Panics
    /// When nobody answers, or the answer holds a secret.
    pub fn refresh(&self) -> (u16, Value) {
        let answer = ask_socket(&self.token_socket(), "POST", "/refresh");
        self.assert_no_secret("the answer", answer.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let body = serde_json::from_str(body).expect("JSON");
        (status.expect("a status"), body)
    }

    /// The configuration that was loaded last, as the access log names it.
    pub fn config_hash(&self) -> String {
        let document = self.status();
        let plugins = document["plugins"].as_array().expect("a list");
        let last = plugins.last().expect("a configuration");
        last["configuration_sha256"].as_str().expect("a hash")[..8].to_owned()
    }

    /// The name of the session of the pod's own role.
    pub fn session_name(&self) -> String {
        let document = self.status();
        let from = document["plugins"][0]["roles"][0]["credentials_from"].clone();
        let (_, name) = from
            .as_str()
            .and_then(|from| from.rsplit_once(" as "))
            .expect("a name");
        name.to_owned()
    }

    /// The status document.
    ///
    /// # Panics
    /// When there is none, or it holds a secret.
    pub fn status(&self) -> Value {
        let answer = self.ask_token_listener("/status");
        self.assert_no_secret("the status document", answer.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        serde_json::from_str(body).expect("JSON")
    }

    /// The lines of the access log, as soon as there are that many.
    ///
    /// # Panics
    /// When that does not happen soon.
    pub async fn access_log(&self, lines: usize) -> Vec<String> {
        eventually(&format!("{lines} lines of access log"), SOON, async || {
            let text = fs::read_to_string(access_log(&self.directory)).unwrap_or_default();
            let found: Vec<String> = text.lines().map(str::to_owned).collect();
            (found.len() >= lines).then_some(found)
        })
        .await
    }

    /// The invariants of every scenario.
    ///
    /// # Panics
    /// When something unsigned arrived at AWS, a call to STS was wrong, a secret leaked, or a VM ended that was not
    /// told to.
    pub async fn finish(&self) {
        assert!(self.traps || self.envoy.traps() == 0, "a VM has trapped");
        self.aws.assert_never_unsigned();
        self.sts.assert_no_faults();
        self.sts_elsewhere.assert_no_faults();
        self.assert_no_secret("the log", &self.envoy.log());
        for path in ["/stats", "/stats/prometheus"] {
            let stats = self.envoy.admin(path).await.expect("Envoy is still alive");
            self.assert_no_secret("the stats", &stats.body);
        }
    }

    /// # Panics
    /// When `text` contains a token, a secret access key or a session token.
    pub fn assert_no_secret(&self, place: &str, text: &[u8]) {
        if let Some(start) = self.ledger.leaked_in(text) {
            panic!("{place} contains the secret that starts with {start}");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let report = self.envoy.report();
            eprintln!("{report}\n--- calls to STS\n{:#?}", self.sts.calls());
            eprintln!("--- requests at AWS\n{:#?}", self.aws.received());
            for (name, recorder) in [("plain", &self.plain), ("elsewhere", &self.elsewhere)] {
                for request in recorder.requests() {
                    eprintln!(
                        "--- request at {name}\n{}",
                        String::from_utf8_lossy(&request)
                    );
                }
            }
            eprintln!("--- the directory is kept: {}", self.directory.display());
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// What a listener on a Unix socket answers, head and all.
fn ask_socket(socket: &Path, method: &str, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("the token listener");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: token\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("read");
    text
}

fn access_log(directory: &Path) -> PathBuf {
    directory.join("access.log")
}

/// Envoy watches for a rename, so that it never reads half a file.
fn write_listeners(places: &Places<'_>, choices: &Choices, listeners: &[Listener]) {
    let resources: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let mut resource = match listener {
                Listener::Egress => {
                    bootstrap::egress_listener(choices, &access_log(places.directory))
                }
                Listener::Token => bootstrap::token_listener(places, choices),
            };
            resource["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            resource
        })
        .collect();
    let (new, file) = (
        places.directory.join("lds.new"),
        places.directory.join("lds.json"),
    );
    fs::write(&new, json!({"resources": resources}).to_string()).expect("lds.new");
    fs::rename(new, file).expect("lds.json");
}

/// Short, because a Unix socket's path has at most 107 bytes.
fn new_directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sigv4-egress-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory).expect("a temporary directory");
    directory
}
