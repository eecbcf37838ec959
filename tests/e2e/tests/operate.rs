//! `envoy/operate`: what operators apply, on real Envoys, with a real Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use e2e::envoy::{self, Envoy};
use e2e::shipped::{Shipped, runtime};
use e2e::{
    Connection, Reply, Request, SOON, Setup, Value, Verdict, World, eventually, json, scenario,
};

#[path = "operate/panel.rs"]
mod panel;
#[path = "operate/picture.rs"]
mod picture;
#[path = "operate/prometheus.rs"]
mod prometheus;

use panel::Panel;
use prometheus::Prometheus;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

fn file(name: &str) -> PathBuf {
    envoy::workspace().join("envoy/operate").join(name)
}

/// The documents of a file in YAML, beside those that operators apply.
fn documents(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(file(name)).expect(name);
    let documents = text.split("\n---\n");
    documents
        .map(|document| serde_saphyr::from_str(document).expect(name))
        .collect()
}

fn document(name: &str) -> Value {
    documents(name).remove(0)
}

/// A directory that goes with its owner.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("operate-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

#[test]
fn the_alerts_pass_their_tests() {
    let promtool = prometheus::program("promtool");
    let test = Command::new(promtool)
        .args(["test", "rules"])
        .arg(file("alerts-test.yaml"))
        .output()
        .expect("promtool runs");
    let text = String::from_utf8_lossy(&test.stdout);
    assert!(
        test.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&test.stderr)
    );
    // None is without a test, and none without a page that says what to do.
    let tests = fs::read_to_string(file("alerts-test.yaml")).expect("the tests");
    let runbook = fs::read_to_string(envoy::workspace().join("docs/fleet.md")).expect("fleet.md");
    let rules = document("alerts.yaml")["groups"][0]["rules"].take();
    for rule in rules.as_array().expect("rules") {
        if let Some(name) = rule["alert"].as_str() {
            assert!(tests.contains(&format!("alertname: {name}")), "{name}");
            let page = rule["annotations"]["runbook"].as_str().expect(name);
            let heading = page.strip_prefix("docs/fleet.md#").expect(page);
            let anchors = runbook.lines().filter_map(|line| line.split_once("# "));
            let mut anchors = anchors.map(|(_, title)| title.to_lowercase().replace(' ', "-"));
            assert!(anchors.any(|anchor| anchor == heading), "{page}");
        }
    }
}

/// Two sidecars: one counts with the labels of `envoy/envoy.yaml`, and the other, as in Istio, without.
#[test]
fn every_query_of_the_dashboard_finds_what_real_sidecars_count() {
    runtime().block_on(async {
        let newest = envoy::newest();
        let oldest = envoy::versions().pop().expect("a version");
        let none = async |_: &_| None;
        let labelled = Shipped::start(&newest, none, |_| {}).await;
        let plain = Shipped::start(&oldest, none, |config| {
            let bootstrap = config.as_object_mut().expect("an object");
            bootstrap.remove("stats_config").expect("stats_tags");
        })
        .await;
        let sidecars = [&labelled, &plain];
        let directory = Directory::new("prometheus");
        let targets: Vec<(String, u16)> = ["labelled", "plain"]
            .iter()
            .zip(sidecars)
            .map(|(pod, sidecar)| ((*pod).to_owned(), sidecar.envoy.admin_port()))
            .collect();
        let prometheus = Prometheus::start(&directory.0, &targets).await;
        let began = SystemTime::now();
        let dashboard = fs::read_to_string(file("dashboard.json")).expect("the dashboard");
        let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
        let panels = panel::panels(&dashboard).expect("dashboard.json");
        let queries = panels.iter().flat_map(|panel| &panel.queries);
        let mut missing: Vec<String> = queries.map(|query| checked(&query.expression)).collect();
        for sidecar in sidecars {
            trouble(sidecar).await;
        }
        // The last look shows what none of them found.
        let start = Instant::now();
        while !missing.is_empty() && start.elapsed() < 4 * SOON {
            for sidecar in sidecars {
                load(sidecar).await;
            }
            let mut still = Vec::new();
            for query in missing {
                let found = prometheus.query(&query).await;
                // Before a second scrape, a share is 0 / 0.
                if found.is_empty() || found.iter().any(|value| !value.is_finite()) {
                    still.push(query);
                }
            }
            missing = still;
        }
        assert!(missing.is_empty(), "no data: {missing:#?}");
        // The names are the same for both.
        let names = r#"count by (__name__, pod) ({__name__=~".*sigv4_egress_(requests|sts|source|build_info).*"})"#;
        assert_eq!(prometheus.query(names).await.len(), 8);
        let outcomes = |pod: &str| format!(r#"count by (outcome) (sigv4_egress_requests{{pod="{pod}"}})"#);
        for pod in ["labelled", "plain"] {
            assert_eq!(prometheus.query(&outcomes(pod)).await.len(), 3, "{pod}");
        }
        prometheus.assert_rules_are_healthy().await;
        if std::env::var_os("UPDATE").is_some() {
            show(&prometheus, sidecars, panels, began).await;
        }
    });
    the_picture_is_of_this_dashboard();
}

/// A query as Grafana sends it, with all pods.
fn sent(expression: &str, rate_interval: &str, range: &str) -> String {
    expression
        .replace("$__rate_interval", rate_interval)
        .replace("$__range", range)
        .replace("$namespace", ".*")
        .replace("$pod", ".*")
}

/// A query within the last seconds, without the 0 for what has not happened yet.
fn checked(expression: &str) -> String {
    sent(&expression.replace(" or vector(0)", ""), "20s", "1m")
}

/// Writes `docs/dashboard.svg`: a minute of load, with trouble in its middle.
async fn show(
    prometheus: &Prometheus,
    sidecars: [&Shipped; 2],
    panels: Vec<Panel>,
    began: SystemTime,
) {
    const SECONDS: u32 = 60;
    let mut is_calm = true;
    loop {
        let passed = began.elapsed().expect("a clock that goes on");
        if passed >= Duration::from_secs(SECONDS.into()) {
            break;
        }
        let is_late = passed >= Duration::from_secs((SECONDS / 2).into());
        for sidecar in sidecars {
            if is_calm && is_late {
                trouble(sidecar).await;
            }
            load(sidecar).await;
        }
        is_calm = !is_late;
        // As much as a picture needs, not as much as the machine can do.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mut drawn = Vec::new();
    for panel in panels {
        let mut series = Vec::new();
        for query in &panel.queries {
            // Four scrapes, which is Grafana's shortest.
            let sent = sent(&query.expression, "4s", &format!("{SECONDS}s"));
            for (labels, points) in prometheus.query_range(&sent, began, SECONDS).await {
                let name = query.name(&labels);
                series.push(picture::Series { name, points });
            }
        }
        drawn.push((panel, series));
    }
    let svg = picture::svg("The dashboard of sigv4-egress", &drawn, SECONDS);
    fs::write(picture_file(), svg).expect("docs/dashboard.svg");
}

fn picture_file() -> PathBuf {
    envoy::workspace().join("docs/dashboard.svg")
}

/// Its panels, their places and their queries; what Prometheus answered is another thing each time.
fn the_picture_is_of_this_dashboard() {
    let dashboard = fs::read_to_string(file("dashboard.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = panel::panels(&dashboard).expect("dashboard.json");
    let picture = fs::read_to_string(picture_file()).unwrap_or_default();
    let lacks = panels
        .iter()
        .filter(|panel| !picture.contains(&picture::head(panel)));
    let lacks: Vec<&str> = lacks.map(|panel| panel.title.as_str()).collect();
    assert!(
        lacks.is_empty() && picture.matches("<g>").count() == panels.len(),
        "docs/dashboard.svg is not of envoy/operate/dashboard.json, see {lacks:?}; \
         run: UPDATE=1 cargo test -p e2e --test operate dashboard"
    );
}

/// What each panel is about: signed, left alone, refused, stopped; an answer that calls credentials stale.
async fn load(sidecar: &Shipped) {
    let id = sidecar
        .ledger
        .issued()
        .pop()
        .expect("credentials")
        .access_key_id;
    let credential = |id: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={id}/20261128/eu-west-1/s3/aws4_request, \
             SignedHeaders=host, Signature=00"
        )
    };
    let presigned = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE\
                     %2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    for _ in 0..20 {
        sidecar.ask(&Request::get(S3, "/b/k")).await;
        sidecar
            .ask(&Request::new("POST", DYNAMODB, "/").body("{}"))
            .await;
    }
    sidecar.ask(&Request::get(S3, presigned)).await;
    sidecar
        .ask(&Request::get("a.b.s3.eu-west-1.amazonaws.com", "/"))
        .await;
    let again = Request::get(S3, "/b/k").header("authorization", credential(&id));
    sidecar.ask(&again).await.refused(403, "own_signature");
}

/// What happens seldom, and is counted from its first time on: a clock that is off, credentials that AWS calls expired.
async fn trouble(sidecar: &Shipped) {
    let request = Request::get("sns.eu-west-1.amazonaws.com", "/");
    sidecar.ledger.set_clock_ahead(Duration::from_secs(600));
    assert_eq!(sidecar.ask(&request).await.status, 403);
    sidecar.ledger.set_clock_ahead(Duration::ZERO);
    sidecar.ask(&request).await;
    let expired = "<Error><Code>ExpiredToken</Code><Message>It has expired.</Message></Error>";
    sidecar.aws.refuse_with(400, expired);
    eventually("a refresh", SOON, async || {
        sidecar.ask(&Request::get(S3, "/b/k")).await;
        let stale = sidecar
            .envoy
            .stat("wasmcustom.sigv4_egress.stale_credentials");
        (stale.await > 0).then_some(())
    })
    .await;
    sidecar.aws.answer_with(200);
}

/// A line is found at AWS by its request id, and says of the request what AWS saw.
#[test]
fn a_thousand_lines_of_the_access_log_are_those_of_aws() {
    let directory = Directory::new("access-log");
    let path = directory.0.join("access.json");
    // The variables of the sidecar are not those of a test; any other shows that they are read.
    let mut logger = document("access-log.yaml")["access_log"][0].take();
    let format = logger["typed_config"]["log_format"].take();
    assert_eq!(
        format["json_format"]["role_arn"],
        "%ENVIRONMENT(AWS_ROLE_ARN)%"
    );
    let text = format.to_string().replace("AWS_ROLE_ARN", "PATH");
    let format: Value = serde_json::from_str(&text).expect("JSON");
    let file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    let logger = json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {"@type": file, "path": path, "log_format": format},
    });
    let rules = json!([{"services": ["sqs"], "effect": "deny"}]);
    let setup = Setup::new()
        .plugin(json!({"rules": rules}))
        .manager(json!({"access_log": [logger]}));
    scenario(&setup, async |world| {
        world.ask_until_ok(Request::get(S3, "/")).await;
        world.aws.take_received();
        let mut connection = world.connect().await;
        for number in 0..1000 {
            let request = match number % 10 {
                0 => Request::get("sqs.eu-west-1.amazonaws.com", "/"),
                1..4 => Request::new("POST", DYNAMODB, "/").body("{}"),
                _ => Request::get(S3, &format!("/bucket/{number}?secret={number}")),
            };
            let request = request.header("traceparent", traceparent(number));
            let answer = connection.ask(&request.bytes()).await.expect("an answer");
            if number % 10 == 0 {
                answer.refused(403, "denied");
            }
        }
        let lines = eventually("all lines", SOON, async || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.last()?.contains(&traceparent(999)).then_some(lines)
        })
        .await;
        judge(world, &lines);
        // The next Envoy writes its own.
        drop(fs::remove_file(&path));
    });
}

fn traceparent(number: usize) -> String {
    format!("00-{number:032x}-{number:016x}-01")
}

fn judge(world: &World, lines: &[String]) {
    let received = world.aws.received();
    let (session, config) = (world.session_name(), world.config_hash());
    let mut found = BTreeSet::new();
    let mut refused = 0;
    for line in lines {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        assert_eq!(entry["schema"], "sigv4-egress/1", "{line}");
        assert_eq!(entry["role_arn"], env!("PATH"), "{line}");
        assert!(!line.contains("secret="), "{line}");
        let decision = entry["decision"].as_str().expect(line);
        let Some(id) = entry["aws_request_id"].as_str() else {
            assert_eq!(entry["reason"], "denied", "{line}");
            let expected = format!(
                "refused reason=denied service=sqs region=eu-west-1 rule=rules[0] config={config}"
            );
            assert_eq!(decision, expected);
            refused += 1;
            continue;
        };
        let place = usize::from_str_radix(id, 16).expect(line);
        let Some(request) = received.get(place) else {
            // It came before the thousand, whose record is gone.
            assert!(entry["traceparent"].is_null(), "{line}");
            continue;
        };
        if entry["traceparent"].is_null() {
            continue;
        }
        assert!(found.insert(place), "twice: {line}");
        assert_eq!(
            entry["traceparent"],
            request.value("traceparent").expect("sent")
        );
        assert_eq!(entry["method"], request.method.as_str());
        assert_eq!(entry["host"], request.host.as_str());
        assert_eq!(entry["status"], 200);
        assert_eq!(entry["bytes_received"], request.body_length);
        let Verdict::Signed(signature) = &request.verdict else {
            panic!("{request:?}");
        };
        let bucket = match request.path.strip_prefix("/bucket/") {
            Some(_) => " bucket=bucket",
            None => "",
        };
        let expected = format!(
            "signed reason=no_signature service={} region={}{bucket} rule=allow role=own key={} host={} \
             session={session} config={config}",
            signature.service, signature.region, signature.access_key_id, request.host
        );
        assert_eq!(decision, expected);
    }
    assert_eq!((found.len(), refused), (900, 100));
    assert_eq!(received.len(), 900);
}

#[test]
fn istio_logs_the_same_keys() {
    let own = document("access-log.yaml");
    let own = &own["access_log"][0]["typed_config"]["log_format"]["json_format"];
    let mesh = document("access-log-mesh.yaml");
    let provider = &mesh["meshConfig"]["extensionProviders"][0];
    assert_eq!(&provider["envoyFileAccessLog"]["logFormat"]["labels"], own);
    let telemetry = document("access-log-istio.yaml");
    let logging = &telemetry["spec"]["accessLogging"][0];
    assert_eq!(logging["providers"], json!([{"name": provider["name"]}]));
}

/// The part for kubelet, in an Envoy of its own that asks the token listener of the one under test.
async fn ready(world: &World, version: &str, directory: &Path) -> Envoy {
    let mut fragment = document("listener.yaml");
    let socket = world.token_socket();
    place(&mut fragment, &socket, world.envoy.admin_port());
    let config = json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": fragment,
    });
    fs::write(directory.join("envoy.json"), config.to_string()).expect("envoy.json");
    Envoy::start(version, directory, 1).await
}

/// Puts the ends of what `listener.yaml` adds where they are in a test.
fn place(fragment: &mut Value, socket: &Path, admin: u16) {
    fragment["listeners"][0]["address"]["socket_address"]["port_value"] = json!(0);
    let endpoint = |cluster: &mut Value, address: Value| {
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
            address;
    };
    endpoint(
        &mut fragment["clusters"][0],
        json!({"pipe": {"path": socket}}),
    );
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": admin}});
    endpoint(&mut fragment["clusters"][1], address);
}

async fn ask(port: u16, path: &str) -> e2e::Answer {
    let mut connection = Connection::open(port).await.expect("it accepts");
    let answer = connection
        .ask(&Request::get("10.0.0.1", path).bytes())
        .await;
    answer.expect("an answer")
}

async fn until_status(port: u16, status: u16) {
    eventually(&format!("/ready answers {status}"), 2 * SOON, async || {
        (ask(port, "/ready").await.status == status).then_some(())
    })
    .await;
}

#[test]
fn kubelet_sees_whether_credentials_are_there() {
    let setup = Setup::new()
        .env("SIGV4_EGRESS_TIME_SCALE", "0.05")
        .limit(4 * SOON)
        .sts(|sts| {
            sts.gate.close();
            sts.lifetime(Duration::from_secs(12));
        });
    scenario(&setup, async |world| {
        let directory = Directory::new("ready");
        let envoy = ready(world, &world.envoy.version, &directory.0).await;
        let port = envoy.port("sigv4-egress-operate").await.expect("its port");
        assert_eq!(ask(port, "/ready").await.status, 503);
        world.sts.gate.open();
        until_status(port, 200).await;
        // They end, and there are no others.
        world
            .sts
            .always(Reply::Refused(403, "AccessDenied", "Not authorized"));
        until_status(port, 503).await;
        assert_eq!(world.status()["plugins"][0]["roles"][0]["state"], "expired");
        world.sts.always(Reply::Json);
        until_status(port, 200).await;
    });
}

/// As `listener.yaml` says to apply it: beside what is in `envoy/envoy.yaml`.
#[test]
fn one_port_is_for_kubelet_and_prometheus_and_for_nothing_else() {
    for version in envoy::versions() {
        runtime().block_on(async {
            let admin = prometheus::free_port();
            let none = async |_: &_| None;
            let shipped = Shipped::start(&version, none, |config| {
                let pipe = "/static_resources/listeners/1/address/pipe/path";
                let socket = config.pointer(pipe).and_then(Value::as_str).expect(pipe);
                let mut fragment = document("listener.yaml");
                place(&mut fragment, Path::new(socket), admin);
                config["admin"]["address"]["socket_address"]["port_value"] = json!(admin);
                for kind in ["listeners", "clusters"] {
                    let added = fragment[kind].as_array().expect(kind).clone();
                    let present = config["static_resources"][kind].as_array_mut();
                    present.expect(kind).extend(added);
                }
            })
            .await;
            let port = shipped.envoy.port("sigv4-egress-operate").await;
            let port = port.expect("its port");
            until_status(port, 200).await;
            let stats = ask(port, "/stats/prometheus").await;
            assert!(
                stats.text().contains("sigv4_egress_build_info"),
                "{}",
                stats.text()
            );
            for path in [
                "/",
                "/config_dump",
                "/quitquitquit",
                "/status",
                "/token",
                "/stats",
            ] {
                assert_eq!(ask(port, path).await.status, 404, "{path}");
            }
        });
    }
}

#[test]
fn istios_sidecar_gets_the_same_answer_for_kubelet() {
    let own = document("listener.yaml");
    let patches = document("listener-istio.yaml")["spec"]["configPatches"].take();
    let added = |place: usize| patches[place]["patch"]["value"].clone();
    assert_eq!(added(1), own["clusters"][0]);
    let mut listener = added(0);
    let manager = "/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes";
    let routes = listener.pointer_mut(manager).expect("routes");
    // The sidecar has a port of its own for Prometheus.
    assert_eq!(*routes, json!([]));
    *routes = own["listeners"][0]
        .pointer(manager)
        .expect("routes")
        .clone();
    assert_eq!(listener, own["listeners"][0]);
}

/// It tries what users run.
#[test]
fn the_smoke_jobs_sidecar_is_that_of_the_example() {
    let example = documents("../istio/pod.yaml");
    let example = example.iter().find(|part| part["kind"] == "Deployment");
    let example = &example.expect("a Deployment")["spec"]["template"];
    let job = document("smoke.yaml");
    let job = &job["spec"]["template"];
    assert_eq!(
        job["metadata"]["annotations"],
        example["metadata"]["annotations"]
    );
    let label = |pod: &Value| pod["metadata"]["labels"]["sigv4-egress"].clone();
    assert_eq!(label(job), label(example));
    let variables = |pod: &Value| pod["spec"]["containers"][0]["env"].clone();
    let own = variables(job);
    for variable in variables(example).as_array().expect("variables") {
        assert!(
            own.as_array().expect("variables").contains(variable),
            "{variable}"
        );
    }
}
