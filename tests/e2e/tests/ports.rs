//! Ports that stand for one host, with the shipped `envoy/envoy.yaml` and the example of docs/clients.md.

use std::fs;
use std::net::TcpListener;

use e2e::shipped::{Shipped, runtime};
use e2e::{Connection, Request, Value, envoy, json};

const SEARCH: &str = "search-logs-a1b2c3.eu-west-1.es.amazonaws.com";
const METRICS: &str = "/workspaces/ws-1234abcd/api/v1/remote_write";

/// The shipped file with its example for ports taken in, and three ports: a search domain, metrics, and a queue's for
/// which the marker is needed.
struct Ports {
    shipped: Shipped,
    search: u16,
    metrics: u16,
    queue: u16,
}

impl Ports {
    async fn start(version: &str) -> Self {
        let [search, metrics, queue] = free_ports();
        let mut plugin = documented();
        let ports = plugin["ports"].as_object_mut().expect("ports");
        for (from, to) in [("9912", search), ("9913", metrics)] {
            let port = ports.remove(from).expect("the example's port");
            ports.insert(to.to_string(), port);
        }
        ports.insert(
            queue.to_string(),
            json!({"host": "sqs.eu-west-1.amazonaws.com"}),
        );
        plugin["allow"]
            .as_array_mut()
            .expect("a list")
            .push("sqs".into());
        plugin["unmarked"] = "refuse".into();
        let shipped = Shipped::start(
            version,
            async |_| None,
            |config| {
                let listener = &mut config["static_resources"]["listeners"][0];
                listener["additional_addresses"] = [search, metrics, queue].map(address).into();
                let filters =
                    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
                filters[0]["typed_config"]["config"]["configuration"]["value"] =
                    plugin.to_string().into();
            },
        );
        Self {
            shipped: shipped.await,
            search,
            metrics,
            queue,
        }
    }

    /// The answer at a port.
    async fn ask(&self, port: u16, request: &Request) -> e2e::Answer {
        let mut connection = Connection::open(port).await.expect("it accepts");
        let answer = connection.ask(&request.bytes()).await;
        answer.unwrap_or_else(|error| panic!("no answer: {error}\n{}", self.shipped.envoy.report()))
    }
}

/// Bound together, so that they differ.
fn free_ports() -> [u16; 3] {
    let bound = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    bound.map(|listener| listener.local_addr().expect("an address").port())
}

/// The address that the file's comment shows, with another port.
fn address(port: u16) -> Value {
    let file = envoy::workspace().join("envoy/envoy.yaml");
    let text = fs::read_to_string(file).expect("envoy/envoy.yaml");
    let (_, example) = text
        .split_once("    # additional_addresses:\n    # ")
        .expect("an example");
    let line = example.lines().next().expect("a line");
    let mut addresses: Value = serde_saphyr::from_str(line).expect("YAML");
    addresses[0]["address"]["socket_address"]["port_value"] = port.into();
    addresses[0].take()
}

/// The configuration that docs/clients.md shows.
fn documented() -> Value {
    let file = envoy::workspace().join("docs/clients.md");
    let text = fs::read_to_string(file).expect("docs/clients.md");
    let (_, section) = text
        .split_once("## A port for one host\n")
        .expect("the section");
    let (_, example) = section.split_once("```json\n").expect("an example");
    let (json, _) = example.split_once("```").expect("its end");
    serde_json::from_str(json).expect("JSON")
}

fn with_ports(steps: impl AsyncFn(&Ports)) {
    for version in envoy::versions() {
        runtime().block_on(async {
            let ports = Ports::start(&version).await;
            steps(&ports).await;
            ports.shipped.aws.assert_never_unsigned();
        });
    }
}

#[test]
fn a_program_that_takes_a_url_alone_is_signed_for_the_ports_host() {
    with_ports(async |ports| {
        let at = |port: u16| format!("127.0.0.1:{port}");
        let search =
            Request::new("POST", &at(ports.search), "/logs-2026/_search?size=1").body("{}");
        ports.ask(ports.search, &search).await.ok();
        let arrived = ports.shipped.aws.only();
        assert_eq!(arrived.value("host").as_deref(), Some(SEARCH));
        assert_eq!(arrived.path, "/logs-2026/_search?size=1");
        assert_eq!(arrived.verdict.signature().service, "es");
        ports.shipped.aws.take_received();

        let signed = search.header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=placeholder/20261128/us-east-1/es/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00",
        );
        ports.ask(ports.search, &signed).await.ok();
        assert_eq!(
            ports.shipped.aws.only().verdict.signature().region,
            "eu-west-1"
        );
        ports.shipped.aws.take_received();

        let metrics = Request::new("POST", &at(ports.metrics), METRICS).body(vec![0x78; 4096]);
        ports.ask(ports.metrics, &metrics).await.ok();
        let arrived = ports.shipped.aws.only();
        assert_eq!(
            arrived.value("host").as_deref(),
            Some("aps-workspaces.eu-west-1.amazonaws.com")
        );
        assert_eq!(arrived.verdict.signature().service, "aps");
        assert_eq!(arrived.body_length, 4096);
    });
}

#[test]
fn a_port_is_no_way_around_its_limits_or_the_marker() {
    with_ports(async |ports| {
        let get = |host: &str, path: &str| Request::get(host, path);
        let local = "127.0.0.1";
        for (port, request) in [
            (ports.metrics, get(local, METRICS)),
            (
                ports.metrics,
                Request::new(
                    "POST",
                    local,
                    "/workspaces/ws-1234abcd/rulegroupsnamespaces",
                ),
            ),
            (ports.search, get(local, "/")),
            (ports.search, get(local, "/logs-1/../_cluster/settings")),
            (ports.search, get(local, "/logs-1/%2e%2e/_cluster/settings")),
            (
                ports.search,
                get(local, "/logs-1").header("authorization", "Basic YWRtaW46YWRtaW4="),
            ),
        ] {
            ports.ask(port, &request).await.refused(403, "outside_port");
        }
        let queue = get(local, "/");
        ports
            .ask(ports.queue, &queue)
            .await
            .refused(403, "marker_missing");
        // The port that counts is the connection's, and names that were made to lead here are none of ours.
        let named = get(&format!("{local}:{}", ports.search), "/logs-1");
        ports
            .ask(ports.shipped.port, &named)
            .await
            .refused(400, "no_target");
        let rebound = ports
            .ask(ports.search, &get("rebound.example", "/logs-1"))
            .await;
        assert_eq!(rebound.status, 404, "{}", rebound.text());
        assert!(ports.shipped.aws.received().is_empty());

        ports
            .ask(ports.queue, &queue.header("x-sigv4-egress", "1"))
            .await
            .ok();
        assert_eq!(ports.shipped.aws.only().verdict.signature().service, "sqs");
    });
}
