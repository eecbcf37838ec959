//! `envoy/istio/loopback.yaml`.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use e2e::{Request, SOON, eventually};

use crate::mesh::{On, in_mesh};
use crate::pod::Spec;
use crate::{PLACEHOLDER, S3};

/// The listener that the file adds.
pub(crate) const LISTENER: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9911));

/// As an SDK with the variables of pod.yaml sends it.
pub(crate) fn signed_by_placeholder() -> Request {
    Request::get("127.0.0.1:9911", "/reports-2026?list-type=2")
        .header(PLACEHOLDER.0, PLACEHOLDER.1)
        .header("x-amz-date", "20261123T000000Z")
}

#[test]
fn loopback_signs_and_the_application_gets_no_token() {
    let test = "loopback::loopback_signs_and_the_application_gets_no_token";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        let received = mesh.aws.only();
        assert_eq!(
            (received.host.as_str(), received.path.as_str()),
            (S3, "/reports-2026?list-type=2")
        );
        assert_eq!(received.verdict.signature().service, "s3");
        let calls = mesh.sts.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(
            calls[0].form.get("RoleArn").map(String::as_str),
            Some("arn:aws:iam::123456789012:role/reports")
        );

        let unmarked = pod.ask(LISTENER, &Request::get(S3, "/")).await;
        unmarked.refused(403, "marker_missing");
        let elsewhere = pod.ask(LISTENER, &Request::get("example.org", "/")).await;
        assert_eq!(elsewhere.reason(), Some("not_aws"), "{elsewhere:?}");
        assert_eq!(mesh.aws.received().len(), 1);

        // The token is for whoever runs as istio-proxy.
        let held = pod.at_socket("/token");
        assert_eq!(
            String::from_utf8_lossy(&held.stdout),
            calls[0].token,
            "{held:?}"
        );
        let refused = pod.at_socket_for_application("/token");
        assert!(!refused.status.success(), "{refused:?}");
        assert_eq!(refused.stdout, b"");
        assert_eq!(pod.status()["plugins"][0]["roles"][0]["state"], "usable");

        let metrics = pod.get(15020, "/stats/prometheus").await;
        let metrics = metrics.expect("pilot-agent answers").text();
        let is_ours =
            |line: &str| line.starts_with("sigv4_egress_requests") && line.contains("placeholder");
        assert!(metrics.lines().any(is_ours), "{metrics}");
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
        // The listener's own access log.
        eventually("the access log says what was done", SOON, async || {
            let log = pod.log();
            log.contains("[signed reason=placeholder").then_some(())
        })
        .await;
        assert_eq!(mesh.ledger.leaked_in(pod.log().as_bytes()), None);
    });
}

/// With the variables of pod.yaml and no other.
#[test]
fn loopback_signs_what_curl_and_boto3_send() {
    let test = "loopback::loopback_signs_what_curl_and_boto3_send";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        pod.ask_when_ready(LISTENER, &signed_by_placeholder())
            .await
            .ok();
        mesh.aws.take_received();
        let said = pod.curl(&[
            "--aws-sigv4",
            "aws:amz:eu-west-1:s3",
            "--user",
            "placeholder:placeholder",
            "http://127.0.0.1:9911/",
        ]);
        assert!(said.ends_with("\n200"), "{said}");
        // S3's, to a PUT: boto3 takes any other body for an error.
        mesh.aws.refuse_with(200, "");
        let said = pod.boto3(BOTO3);
        // What it would send without a sidecar.
        let expected: Vec<_> = said.lines().map(str::to_owned).collect();
        let received = mesh.aws.take_received();
        let paths = received.iter().map(|it| {
            let signature = it.verdict.signature();
            assert_eq!(
                (it.host.as_str(), signature.region.as_str()),
                (S3, "eu-west-1")
            );
            it.path.clone()
        });
        let paths: Vec<_> = paths.collect();
        assert_eq!(paths[0], "/");
        assert_eq!(&paths[1..], expected);
        assert_eq!(mesh.sts.calls().len(), 1);
    });
}

const BOTO3: &str = r"
import boto3
from urllib.parse import quote

s3 = boto3.client('s3')
for size in 5, 20:
    s3.put_object(Bucket='reports-2026', Key=str(size), Body=b'x' * (size << 20))
    print(f'/reports-2026/{size}')
for key in 'a//b', 'a/../b', 'a%2Fb', 'a b+c', 'ünï/😀', 'a/./b', '/lead', 'tilde~(x)!*', '%41':
    s3.put_object(Bucket='reports-2026', Key=key, Body=key.encode())
    print('/reports-2026/' + quote(key, safe='/~'))
";
