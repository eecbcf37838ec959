//! `envoy/istio/transparent.yaml`.

use std::fs;
use std::net::SocketAddr;

use e2e::namespace::OTHER;
use e2e::{Request, SOON, eventually};

use crate::manifests::transparent_for;
use crate::mesh::{Mesh, On, address, in_mesh};
use crate::pod::{Pod, Spec, aws_over_http};
use crate::{MARKER, S3};

const S3_ELSEWHERE: &str = "s3.us-east-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

/// As the comment in pod.yaml says.
fn spec() -> Spec {
    Spec::of("pod.yaml")
        .label("sigv4-egress", Some("transparent"))
        .variable("AWS_ENDPOINT_URL", None)
        .variable(
            "AWS_ENDPOINT_URL_S3",
            Some("http://s3.eu-west-1.amazonaws.com"),
        )
}

fn other_over_http() -> SocketAddr {
    (address(OTHER), 80).into()
}

fn for_dynamodb(version: &str) -> String {
    transparent_for(version).replace("[\"s3\"]", "[\"dynamodb\"]")
}

fn marked(host: &str) -> Request {
    Request::get(host, "/reports-2026?list-type=2").header(MARKER.0, MARKER.1)
}

async fn pod_with_transparent(mesh: &Mesh) -> Pod {
    mesh.apply("transparent.yaml").await;
    let pod = mesh.pod(spec()).await;
    pod.ask_when_ready(aws_over_http(), &marked(S3)).await.ok();
    pod
}

/// Another service on port 80 gives the port a listener of istiod's.
pub(crate) const OTHER_SERVICE: &str = r"
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: other
spec:
  hosts: [other.example]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{ number: 80, name: http, protocol: HTTP }]
";

/// The one of its host wins, and its cluster verifies nothing; the other has the name of one of ours, which Envoy would refuse.
const ENTRIES_FOR_AWS: &str = r#"
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: of-a-host
spec:
  hosts: [sqs.eu-west-1.amazonaws.com]
  location: MESH_EXTERNAL
  resolution: NONE
  ports: [{ number: 80, name: http, protocol: HTTP }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: of-all
spec:
  hosts: ["*.amazonaws.com"]
  location: MESH_EXTERNAL
  resolution: NONE
  ports: [{ number: 80, name: http, protocol: HTTP }]
"#;

#[test]
fn transparent_signs_what_iptables_bring_and_leaves_the_rest() {
    let test = "transparent::transparent_signs_what_iptables_bring_and_leaves_the_rest";
    in_mesh(test, On::Each, async |mesh| {
        // Where no service has port 80, the port has no listener of istiod's.
        for others in [None, Some(OTHER_SERVICE), Some(ENTRIES_FOR_AWS)] {
            if let Some(others) = others {
                mesh.apply_text("others.yaml", others, "default").await;
            }
            let pod = pod_with_transparent(mesh).await;
            let rules = pod.rules();
            assert!(rules.contains("-j REDIRECT --to-ports 15001"), "{rules}");
            let listeners = pod.get(15000, "/listeners").await.expect("Envoy answers");
            let has_own = listeners.text().contains("0.0.0.0_80");
            assert_eq!(has_own, others.is_some());
            let received = mesh.aws.take_received().pop().expect("a request");
            assert_eq!(received.host, S3);
            assert_eq!(received.verdict.signature().service, "s3");
            assert_eq!(received.value(MARKER.0), None);

            pod.ask(aws_over_http(), &marked(S3_ELSEWHERE)).await.ok();
            let received = mesh.aws.take_received().pop().expect("a request");
            assert_eq!(received.host, S3_ELSEWHERE);
            let passed = mesh.plain.requests().len();
            let unmarked = Request::get(S3, "/");
            let answer = pod.ask(aws_over_http(), &unmarked).await;
            answer.refused(403, "marker_missing");
            assert_eq!(mesh.plain.requests().len(), passed);
            let elsewhere = Request::get("other.example", "/x");
            pod.ask(other_over_http(), &elsewhere).await.ok();
            assert_eq!(mesh.plain.requests().len(), passed + 1);
            assert_eq!(mesh.aws.received().len(), 0);
            assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
        }
        let text = transparent_for(&mesh.version).replace("[\"s3\"]", "\"*\"");
        mesh.apply_text("transparent.yaml", &text, "default").await;
        let pod = mesh.pod(spec()).await;
        let passed = mesh.plain.requests().len();
        let request = marked("sqs.eu-west-1.amazonaws.com");
        let answer = pod.ask(aws_over_http(), &request).await;
        answer.refused(403, "cluster_not_listed");
        assert_eq!(mesh.plain.requests().len(), passed);
        mesh.delete("others.yaml").await;
    });
}

#[test]
fn transparent_signs_with_registry_only_and_only_what_is_registered_leaves() {
    let test =
        "transparent::transparent_signs_with_registry_only_and_only_what_is_registered_leaves";
    in_mesh(test, On::Newest, async |mesh| {
        let pod = pod_with_transparent(mesh).await;
        mesh.configure(&["outboundTrafficPolicy: { mode: REGISTRY_ONLY }"]);
        let elsewhere = Request::get("other.example", "/x");
        eventually("what is not registered is refused", SOON, async || {
            let answer = pod.ask(other_over_http(), &elsewhere).await;
            (answer.status == 502).then_some(())
        })
        .await;
        pod.ask(aws_over_http(), &marked(S3)).await.ok();
        assert_eq!(pod.rejects().await, 0);
    });
}

#[test]
fn transparent_hashes_bodies_and_carries_large_uploads() {
    let test = "transparent::transparent_hashes_bodies_and_carries_large_uploads";
    in_mesh(test, On::Each, async |mesh| {
        let pod = pod_with_transparent(mesh).await;
        mesh.aws.take_received();
        pod.upload_5_and_20_mib(mesh);
        let sizes: Vec<_> = mesh
            .aws
            .take_received()
            .into_iter()
            .map(|it| {
                it.verdict.signature();
                let decoded = it.value("x-amz-decoded-content-length");
                decoded.map_or(it.body_length, |length| length.parse().expect("a number"))
            })
            .collect();
        assert_eq!(sizes, [5 << 20, 20 << 20]);

        mesh.apply_text("transparent.yaml", &for_dynamodb(&mesh.version), "default")
            .await;
        let request = Request::new("POST", DYNAMODB, "/")
            .header(MARKER.0, MARKER.1)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.GetItem")
            .body(vec![b' '; 300_000]);
        eventually("DynamoDB is signed for", SOON, async || {
            let answer = pod.ask(aws_over_http(), &request).await;
            (answer.status == 200).then_some(())
        })
        .await;
        let received = mesh.aws.only();
        assert_eq!(received.host, DYNAMODB);
        assert!(!received.verdict.signature().unsigned_payload);
        assert_eq!(received.body_length, 300_000);
    });
}

/// Below the filter's own limit (8 MiB), and above what Istio lets Envoy hold.
#[test]
fn transparent_holds_bodies_as_large_as_the_filter_hashes() {
    let test = "transparent::transparent_holds_bodies_as_large_as_the_filter_hashes";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply_text("transparent.yaml", &for_dynamodb(&mesh.version), "default")
            .await;
        let pod = mesh.pod(spec()).await;
        let post = |length| {
            Request::new("POST", DYNAMODB, "/")
                .header(MARKER.0, MARKER.1)
                .body(vec![b' '; length])
        };
        pod.ask_when_ready(aws_over_http(), &post(7_900_000))
            .await
            .ok();
        assert_eq!(mesh.aws.only().body_length, 7_900_000);
        let answer = pod.ask(aws_over_http(), &post((8 << 20) + 1)).await;
        answer.refused(413, "body_too_large");
    });
}

/// istiod sets `proxy_100_continue`, with which Envoy sends no 100 of its own.
#[test]
fn transparent_signs_what_curl_sends_after_expecting_100() {
    let test = "transparent::transparent_signs_what_curl_sends_after_expecting_100";
    in_mesh(test, On::Newest, async |mesh| {
        mesh.apply_text("transparent.yaml", &for_dynamodb(&mesh.version), "default")
            .await;
        let pod = mesh.pod(spec()).await;
        let list = Request::new("POST", DYNAMODB, "/")
            .header(MARKER.0, MARKER.1)
            .body("{}");
        pod.ask_when_ready(aws_over_http(), &list).await.ok();
        mesh.aws.take_received();
        // A client that sends nothing before a 100 is told so.
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {DYNAMODB}\r\nx-sigv4-egress: 1\r\ncontent-length: 2000\r\nexpect: 100-continue\r\n\r\n"
        );
        let connection = pod.connect(aws_over_http()).await;
        let mut connection = connection.expect("it accepts");
        connection.send(head.as_bytes()).await.expect("sent");
        let answer = connection.answer().await.expect("an answer");
        answer.refused(417, "expectation_failed");
        assert_eq!(mesh.aws.received().len(), 0);
        // From 1 MiB on, curl asks for a 100 by itself, and goes on after a second without.
        let volume = "/var/run/sigv4-egress";
        let body = pod.volume(volume).join("body");
        fs::write(body, vec![b'x'; 1_500_000]).expect("a file");
        let url = format!("http://{DYNAMODB}/");
        let said = pod.curl(&[
            "--verbose",
            "--stderr",
            "-",
            "--header",
            "x-sigv4-egress: 1",
            "--data-binary",
            &format!("@{volume}/body"),
            &url,
        ]);
        assert!(said.contains("> Expect: 100-continue"), "{said}");
        assert!(said.ends_with("\n200"), "{said}");
        let received = mesh.aws.only();
        assert!(!received.verdict.signature().unsigned_payload);
        assert_eq!(received.body_length, 1_500_000);
    });
}

/// A host of its own that only a signed request leads out of AWS, of the mesh's administrator.
#[test]
fn transparent_stops_what_another_route_takes_out_of_aws() {
    let test = "transparent::transparent_stops_what_another_route_takes_out_of_aws";
    in_mesh(test, On::Newest, async |mesh| {
        let pod = pod_with_transparent(mesh).await;
        mesh.apply_text("other.yaml", OTHER_SERVICE, "default")
            .await;
        mesh.apply_text("route.yaml", ROUTE, "istio-system").await;
        eventually("the route leads elsewhere", SOON, async || {
            let answer = pod.ask(aws_over_http(), &marked(S3)).await;
            (answer.reason() == Some("escaped_cluster"))
                .then(|| answer.refused(403, "escaped_cluster"))
        })
        .await;
        mesh.delete("route.yaml").await;
        eventually("the route is gone", SOON, async || {
            let answer = pod.ask(aws_over_http(), &marked(S3)).await;
            (answer.status == 200).then_some(())
        })
        .await;
        // What a team can say of the host: it wins, whatever it matches, and nothing is signed there.
        mesh.apply_text("virtual-service.yaml", VIRTUAL_SERVICE, "default")
            .await;
        eventually("the VirtualService takes the host", SOON, async || {
            let answer = pod.ask(aws_over_http(), &marked(S3)).await;
            (answer.reason() == Some("cluster_not_listed")).then_some(())
        })
        .await;
        assert_eq!(mesh.plain.requests().len(), 0);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
    });
}

const VIRTUAL_SERVICE: &str = r"
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: escape
spec:
  hosts: [s3.eu-west-1.amazonaws.com]
  http:
  - match: [{ headers: { authorization: { prefix: AWS4-HMAC-SHA256 Credential=ASIA } } }]
    route: [{ destination: { host: other.example, port: { number: 80 } } }]
  - route: [{ destination: { host: s3.eu-west-1.amazonaws.com, port: { number: 80 } } }]
";

const ROUTE: &str = r#"
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: escape
spec:
  priority: 10000
  configPatches:
  - applyTo: VIRTUAL_HOST
    match: { context: SIDECAR_OUTBOUND, routeConfiguration: { name: "80" } }
    patch:
      operation: ADD
      value:
        name: escape
        domains: [s3.eu-west-1.amazonaws.com]
        routes:
        - match:
            prefix: /
            headers: [{ name: authorization, string_match: { prefix: AWS4-HMAC-SHA256 Credential=ASIA } }]
          route: { cluster: outbound|80||other.example }
        - match: { prefix: / }
          route: { cluster: sigv4-egress-aws }
"#;
