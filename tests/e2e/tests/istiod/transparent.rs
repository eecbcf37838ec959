//! `envoy/istio/transparent.yaml`.

use std::fs;
use std::net::SocketAddr;

use e2e::namespace::OTHER;
use e2e::{Request, SOON, eventually};

use crate::manifests::shipped;
use crate::mesh::{Mesh, On, address, in_mesh};
use crate::pod::{Pod, Spec, aws_over_http};
use crate::{MARKER, S3};

/// A host of AWS that the file does not name.
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

/// As the file's comments say: its hosts, `clusters`, `allow`, and one name per resource.
fn for_dynamodb() -> String {
    let text = shipped("transparent.yaml").replace(S3, DYNAMODB);
    text.replace("[\"s3\"]", "[\"dynamodb\"]")
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

#[test]
fn transparent_signs_what_iptables_bring_and_refuses_the_rest_of_aws() {
    let test = "transparent::transparent_signs_what_iptables_bring_and_refuses_the_rest_of_aws";
    in_mesh(test, On::Each, async |mesh| {
        let pod = pod_with_transparent(mesh).await;
        let rules = pod.rules();
        assert!(rules.contains("-j REDIRECT --to-ports 15001"), "{rules}");
        let received = mesh.aws.only();
        assert_eq!(received.host, S3);
        assert_eq!(received.verdict.signature().service, "s3");
        assert_eq!(received.value(MARKER.0), None);

        // Where the port is the mesh's and the host is not, istiod's PassthroughCluster would carry it, in clear.
        let answer = pod.ask(aws_over_http(), &marked(S3_ELSEWHERE)).await;
        answer.refused(403, "cluster_not_listed");
        let unmarked = Request::get(S3, "/");
        let answer = pod.ask(aws_over_http(), &unmarked).await;
        answer.refused(403, "marker_missing");
        assert_eq!(mesh.plain.requests().len(), 0);
        let elsewhere = Request::get("other.example", "/x");
        pod.ask(other_over_http(), &elsewhere).await.ok();
        assert_eq!(mesh.plain.requests().len(), 1);
        assert_eq!(mesh.aws.received().len(), 1);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
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
        let before = mesh.plain.requests().len();
        let answer = pod.ask(aws_over_http(), &marked(S3_ELSEWHERE)).await;
        assert!([403, 502].contains(&answer.status), "{answer:?}");
        assert_eq!(mesh.plain.requests().len(), before);
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

        mesh.apply_text("transparent.yaml", &for_dynamodb(), "default")
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
        mesh.apply_text("transparent.yaml", &for_dynamodb(), "default")
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
        mesh.apply_text("transparent.yaml", &for_dynamodb(), "default")
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

/// A route that only a signed request matches, put before ours by the mesh's administrator, leads it out of AWS.
#[test]
fn transparent_stops_what_another_route_takes_out_of_aws() {
    let test = "transparent::transparent_stops_what_another_route_takes_out_of_aws";
    in_mesh(test, On::Newest, async |mesh| {
        let pod = pod_with_transparent(mesh).await;
        mesh.apply_text("virtual-service.yaml", VIRTUAL_SERVICE, "default")
            .await;
        mesh.apply_text("route.yaml", ROUTE, "istio-system").await;
        eventually("the route leads elsewhere", SOON, async || {
            let answer = pod.ask(aws_over_http(), &marked(S3)).await;
            (answer.reason() == Some("escaped_cluster"))
                .then(|| answer.refused(403, "escaped_cluster"))
        })
        .await;
        assert_eq!(mesh.plain.requests().len(), 0);
        mesh.delete("route.yaml").await;
        // The VirtualService is there still: the file's own routes come before it.
        eventually("the route is gone", SOON, async || {
            let answer = pod.ask(aws_over_http(), &marked(S3)).await;
            (answer.status == 200).then_some(())
        })
        .await;
        assert_eq!(mesh.plain.requests().len(), 0);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
    });
}

const VIRTUAL_SERVICE: &str = r"
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: elsewhere
spec:
  hosts: [other.example]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{ number: 80, name: http, protocol: HTTP }]
---
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
  - applyTo: HTTP_ROUTE
    match:
      context: SIDECAR_OUTBOUND
      routeConfiguration: { vhost: { name: "s3.eu-west-1.amazonaws.com:80" } }
    patch:
      operation: INSERT_FIRST
      value:
        name: escape
        match:
          prefix: /
          headers: [{ name: authorization, string_match: { prefix: AWS4-HMAC-SHA256 Credential=ASIA } }]
        route: { cluster: outbound|80||other.example }
"#;
