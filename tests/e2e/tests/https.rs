//! https from the application, by `HTTPS_PROXY`: the parts of the shipped `envoy/envoy.yaml` that end its TLS, and what
//! tries to get around them. Captured connections are in `captured.rs`.

use e2e::bystander::{Bystander, Manner};
use e2e::namespace;
use e2e::pod::Pod;
use e2e::shipped::{Shipped, runtime};
use e2e::verify::{Received, client_signature};
use e2e::{Connection, Request, Value, Verdict, envoy, json};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
const NAMES: &[&str] = &[S3, "*.s3.eu-west-1.amazonaws.com", DYNAMODB];
const PLACEHOLDER: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00",
);
const HTTP_1: &[&str] = &["http/1.1"];

#[test]
fn what_comes_out_of_a_tunnel_to_aws_is_signed_like_plain_http() {
    with_https(async |shipped| {
        // HTTP/2 is not taken: what follows is understood all the same.
        for alpn in [HTTP_1, &["h2", "http/1.1"], &[]] {
            let mut connection = tls(shipped, S3, alpn).await;
            for path in ["/b/k", "/b/a%2Fb//c/../d?x=1&x"] {
                let request = Request::new("PUT", S3, path).header(PLACEHOLDER.0, PLACEHOLDER.1);
                let answer = connection.ask(&request.body("x").bytes()).await;
                answer.expect("an answer").ok();
                let [received] = &shipped.aws.take_received()[..] else {
                    panic!("not one request")
                };
                assert_eq!((received.host.as_str(), received.path.as_str()), (S3, path));
                assert!(
                    matches!(received.verdict, Verdict::Signed(_)),
                    "{received:?}"
                );
            }
        }
        // A line for each tunnel would fill the logs.
        let log = String::from_utf8_lossy(&shipped.envoy.log()).into_owned();
        assert!(!log.contains("[warning][rbac]"), "{log}");
    });
}

/// Capturing breaks nothing that works without: it goes on as it came, also where `allow` does not name the service.
#[test]
fn what_asks_for_no_signature_passes_as_it_came() {
    let allows_sqs_alone = |config: &mut Value| set_plugin(config, &json!({"allow": ["sqs"]}));
    with_changed(allows_sqs_alone, async |shipped| {
        let id = "AKIAIOSFODNN7EXAMPLE";
        let key = shipped.ledger.client_key(id, "wJalrXUtnFEMI/K7MDENG");
        let signed = client_signature(&key, "GET", S3, "/b/k", ("eu-west-1", "s3"), b"");
        let presigned = format!(
            "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id}%2F20261123%2Feu-west-1%2Fs3%2Faws4_request\
             &X-Amz-SignedHeaders=host&X-Amz-Signature=00"
        );
        let get = |path: &str| Request::get(S3, path);
        let rows = [
            (get("/public/k"), "Unsigned"),
            // What a reverse proxy in the pod may add says nothing of this connection.
            (get("/b/k").header("x-forwarded-proto", "http"), "Unsigned"),
            (
                get("/b/k").header("authorization", "Bearer x"),
                "OtherScheme",
            ),
            (get(&presigned), "Presigned"),
            (get("/b/k").headers(signed), "SignedByClient"),
        ];
        let count = u64::try_from(rows.len()).expect("64 bits");
        let mut connection = tls(shipped, S3, HTTP_1).await;
        for (request, expected) in rows {
            let answer = connection.ask(&request.bytes()).await.expect("an answer");
            assert_eq!(answer.reason(), None, "{answer:?}");
            let verdict = only_received(shipped).verdict;
            assert!(format!("{verdict:?}").starts_with(expected), "{verdict:?}");
        }
        assert_eq!(stat(shipped, "requests.left_alone.unmarked").await, count);
        // What asks for a signature is judged as ever.
        let request = get("/b/k").header(PLACEHOLDER.0, PLACEHOLDER.1);
        let answer = connection.ask(&request.bytes()).await.expect("an answer");
        answer.refused(403, "not_allowed");
    });
}

#[test]
fn what_asks_for_no_signature_is_refused_where_the_configuration_says_so() {
    let strict = |config: &mut Value| {
        set_plugin(config, &json!({"allow": "*", "unmarked": "refuse"}));
    };
    with_changed(strict, async |shipped| {
        let mut connection = tls(shipped, S3, HTTP_1).await;
        let answer = connection.ask(&Request::get(S3, "/b/k").bytes()).await;
        answer.expect("an answer").refused(403, "marker_missing");
        let marked = Request::get(S3, "/b/k").header("x-sigv4-egress", "1");
        let answer = connection.ask(&marked.bytes()).await;
        answer.expect("an answer").ok();
    });
}

/// The certificate opens a connection, and nothing more: the Host decides.
#[test]
fn another_host_than_that_of_the_certificate_gets_what_it_would_get_anyway() {
    let allows_s3_alone = |config: &mut Value| set_plugin(config, &json!({"allow": ["s3"]}));
    with_changed(allows_s3_alone, async |shipped| {
        let placeholder = PLACEHOLDER.1.replace("/s3/", "/dynamodb/");
        let signed = |host: &str| Request::get(host, "/").header(PLACEHOLDER.0, &placeholder);
        for (request, status, reason) in [
            (signed(DYNAMODB), 403, "not_allowed"),
            (
                Request::get("127.0.0.1:9901", "/quitquitquit"),
                400,
                "no_target",
            ),
            (Request::get("[::1]", "/"), 400, "no_target"),
            (signed("localhost"), 403, "not_allowed"),
            (
                Request::get("169.254.169.254", "/latest/meta-data"),
                404,
                "not_aws",
            ),
            (
                Request::get("kubernetes.default.svc", "/api"),
                404,
                "not_aws",
            ),
            (
                Request::get("s3.eu-west-1.amazonaws.com.evil.example", "/"),
                404,
                "not_aws",
            ),
        ] {
            let mut connection = tls(shipped, S3, HTTP_1).await;
            let answer = connection.ask(&request.bytes()).await;
            let answer = answer.unwrap_or_else(|error| panic!("{request:?}: {error}"));
            let found = (answer.status, answer.reason());
            assert_eq!(found, (status, Some(reason)), "{answer:?}");
        }
        assert_eq!(shipped.aws.received().len(), 0);
        let mut connection = tls(shipped, S3, HTTP_1).await;
        let answer = connection.ask(&Request::get(DYNAMODB, "/").bytes()).await;
        assert_eq!(answer.expect("an answer").reason(), None);
        let received = only_received(shipped);
        assert_eq!(
            (received.host.as_str(), received.verdict),
            (DYNAMODB, Verdict::Unsigned)
        );
    });
}

/// A tunnel leaves with the identity of the sidecar, and so leads nowhere but to AWS unless the file lists the host.
#[test]
fn tunnels_lead_nowhere_else() {
    with_https(async |shipped| {
        let admin = shipped.envoy.admin_port();
        for to in [
            "example.org:443",
            "169.254.169.254:443",
            "169.254.169.254:80",
            "127.0.0.1:443",
            "localhost:443",
            "[::1]:443",
            "[fd00:ec2::254]:80",
            "kubernetes.default.svc:443",
            &format!("127.0.0.1:{admin}"),
            &format!("localhost:{admin}"),
            // AWS's own, but another port.
            &format!("{S3}:80"),
            &format!("{S3}:{admin}"),
            &format!("{S3}:4430"),
        ] {
            let tunnel = shipped.connect().await.tunnel(to).await;
            let Err(answer) = tunnel.expect("an answer") else {
                panic!("a tunnel to {to}")
            };
            assert_eq!(
                (answer.status, answer.reason()),
                (403, Some("not_aws")),
                "{to}"
            );
            assert!(answer.text().contains("tunnel_to"), "{answer:?}");
        }
        assert_eq!(shipped.aws.received().len(), 0);
    });
}

/// Where the file lists a host, a tunnel leads there untouched, on port 443, whatever else its name leads to.
#[test]
fn a_host_that_is_listed_is_reached_and_is_no_way_into_the_pod() {
    let name = "a_host_that_is_listed_is_reached_and_is_no_way_into_the_pod";
    namespace::within(name, || {
        for version in envoy::versions() {
            runtime().block_on(async {
                let list = |config: &mut Value| set_tunnels(config, &["*.example"]);
                let pod = Pod::start(&version, NAMES, list).await;
                let inside =
                    ["127.0.0.1:443", "[::1]:443"].map(|at| at.parse().expect("an address"));
                let inside = Bystander::start(&inside, Manner::Answers).await;
                let tunnel = pod
                    .shipped
                    .connect()
                    .await
                    .tunnel("other.example:443")
                    .await;
                let tunnel = tunnel.expect("an answer").expect("a tunnel");
                let connector = pod.other.ca.connector(&[]);
                let connection = tunnel.tls("other.example", &connector).await;
                let mut connection = connection.expect("its own TLS");
                connection.send(b"echo").await.expect("sent");
                assert_eq!(connection.raw(4).await.expect("an echo"), b"echo");
                for (to, reason) in [
                    ("other.example:80", Some("not_aws")),
                    ("loopback.example:443", Some("address_not_public")),
                    ("loopback6.example:443", Some("address_not_public")),
                    ("metadata.example:443", Some("address_not_public")),
                    ("private.example:443", Some("address_not_public")),
                    ("mapped.example:443", Some("address_not_public")),
                    ("mixed.example:443", Some("address_not_public")),
                ] {
                    let tunnel = pod.shipped.connect().await.tunnel(to).await;
                    let Err(answer) = tunnel.expect("an answer") else {
                        panic!("a tunnel to {to}, inside: {:?}", inside.wires())
                    };
                    assert_eq!(
                        (answer.status, answer.reason()),
                        (403, reason),
                        "{to}: {answer:?}"
                    );
                }
                // Without a tunnel it is a host like any other.
                let answer = pod.shipped.ask(&Request::get("other.example", "/")).await;
                assert_eq!((answer.status, answer.reason()), (404, Some("not_aws")));
                assert_eq!(inside.wires().len(), 0);
            });
        }
    });
}

/// What a client asks for in its ClientHello opens nothing: the tunnel ends here, whatever it is.
#[test]
fn another_name_in_the_client_hello_meets_the_same_certificate() {
    with_https(async |shipped| {
        let connector = shipped.pod_ca.connector(HTTP_1);
        for name in [
            "example.org",
            "internal.corp.example",
            "budgets.amazonaws.com",
        ] {
            let tunnel = shipped.connect().await.tunnel(&format!("{S3}:443")).await;
            let tunnel = tunnel.expect("an answer").expect("a tunnel");
            let Err(error) = tunnel.tls(name, &connector).await else {
                panic!("{name} is no name of the certificate")
            };
            assert!(error.to_string().contains("not valid for name"), "{error}");
        }
        assert_eq!(shipped.aws.received().len(), 0);
    });
}

/// Python before 3.12 asks for a tunnel in HTTP/1.0.
#[test]
fn tunnels_are_asked_for_in_http_1_0_as_well() {
    with_https(async |shipped| {
        let mut connection = shipped.connect().await;
        let connect = format!("CONNECT {S3}:443 HTTP/1.0\r\n\r\n");
        connection.send(connect.as_bytes()).await.expect("sent");
        assert_eq!(connection.head().await.expect("a head").0, 200);
        let connector = shipped.pod_ca.connector(&[]);
        let mut connection = connection.tls(S3, &connector).await.expect("a handshake");
        let request = Request::get(S3, "/b/k").header(PLACEHOLDER.0, PLACEHOLDER.1);
        let answer = connection.ask(&request.bytes()).await;
        answer.expect("an answer").ok();
    });
}

/// A connection in TLS through a tunnel to `host`.
async fn tls(shipped: &Shipped, host: &str, alpn: &[&str]) -> Connection {
    let tunnel = shipped.connect().await.tunnel(&format!("{host}:443")).await;
    let tunnel = tunnel.expect("an answer").expect("a tunnel");
    let connector = shipped.pod_ca.connector(alpn);
    tunnel.tls(host, &connector).await.expect("a handshake")
}

fn only_received(shipped: &Shipped) -> Received {
    let mut all = shipped.aws.take_received();
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

async fn stat(shipped: &Shipped, name: &str) -> u64 {
    let name = format!("wasmcustom.sigv4_egress.{name}");
    shipped.envoy.stat(&name).await
}

/// Nothing changed; afterwards nothing may have left unsigned.
fn with_https(steps: impl AsyncFn(&Shipped)) {
    with_changed(
        |_| {},
        async |shipped| {
            steps(shipped).await;
            shipped.aws.assert_never_unsigned();
        },
    );
}

fn with_changed(change: impl Fn(&mut Value), steps: impl AsyncFn(&Shipped)) {
    for version in envoy::versions() {
        runtime().block_on(async {
            let shipped = Shipped::start_with_https(&version, NAMES, &change).await;
            steps(&shipped).await;
        });
    }
}

/// In each of the connection managers, which are one in the file.
fn set_plugin(config: &mut Value, plugin: &Value) {
    let text = plugin.to_string();
    let count = change_each(config, &|name, value| {
        let is_plugin =
            name == "value" && value.as_str().is_some_and(|text| text.contains("allow"));
        if is_plugin {
            *value = text.clone().into();
        }
        is_plugin
    });
    assert_eq!(count, 3);
}

fn set_tunnels(config: &mut Value, hosts: &[&str]) {
    let count = change_each(config, &|_, value| {
        let is_list = value["name"] == "tunnel_to";
        if is_list {
            value["domains"] = json!(hosts);
        }
        is_list
    });
    assert_eq!(count, 3);
}

/// Offers each value with its name (that of the list where it is in one) to `change`; how many it has changed.
fn change_each(value: &mut Value, change: &dyn Fn(&str, &mut Value) -> bool) -> usize {
    fn visit(name: &str, value: &mut Value, change: &dyn Fn(&str, &mut Value) -> bool) -> usize {
        let changed = usize::from(change(name, value));
        changed
            + match value {
                Value::Object(fields) => {
                    let fields = fields.iter_mut();
                    fields.map(|(name, field)| visit(name, field, change)).sum()
                }
                Value::Array(items) => {
                    let items = items.iter_mut();
                    items.map(|item| visit(name, item, change)).sum()
                }
                _ => 0,
            }
    }
    visit("", value, change)
}
