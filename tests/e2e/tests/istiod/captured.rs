//! `envoy/istio/captured.yaml`.

use std::net::SocketAddr;

use e2e::Connection;
use e2e::Request;
use e2e::bystander::{Bystander, Manner, Watched};
use e2e::namespace::{AWS, OTHER};

use crate::mesh::{On, address, in_mesh};
use crate::pod::Spec;
use crate::{MARKER, PLACEHOLDER, S3};

/// With the variables of pod-captured.yaml and no other.
#[test]
fn captured_signs_what_curl_and_boto3_send_over_https() {
    let test = "captured::captured_signs_what_curl_and_boto3_send_over_https";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply("captured.yaml").await;
        let pod = mesh.pod(Spec::of("pod-captured.yaml")).await;
        let aws: SocketAddr = (address(AWS), 443).into();
        let request = Request::get(S3, "/reports-2026").header(MARKER.0, MARKER.1);
        let answer = e2e::eventually("credentials are there", e2e::SOON, async || {
            let connection = pod.connect(aws).await.expect("it accepts");
            let connection = connection.tls(S3, &pod.ca.connector(&["http/1.1"])).await;
            let mut connection = connection.expect("the pod's certificate");
            let answer = connection.ask(&request.bytes()).await.expect("an answer");
            (answer.reason() != Some("credentials_pending")).then_some(answer)
        });
        answer.await.ok();
        assert_eq!(mesh.aws.take_received().len(), 1);

        let url = format!("https://{S3}/reports-2026?list-type=2");
        let said = pod.curl(&[
            "--aws-sigv4",
            "aws:amz:eu-west-1:s3",
            "--user",
            "placeholder:placeholder",
            &url,
        ]);
        assert!(said.ends_with("\n200"), "{said}");
        pod.upload_5_and_20_mib(mesh);
        let hosts: Vec<_> = mesh
            .aws
            .received()
            .into_iter()
            .map(|it| {
                assert_eq!(it.verdict.signature().service, "s3");
                it.host
            })
            .collect();
        let bucket = format!("reports-2026.{S3}");
        assert_eq!(hosts, [S3, bucket.as_str(), &bucket]);
        assert_eq!(mesh.sts.calls().len(), 1);
        assert_eq!((mesh.rejects().await, pod.rejects().await), (0, 0));
    });
}

#[test]
fn captured_carries_every_other_name_byte_for_byte() {
    let test = "captured::captured_carries_every_other_name_byte_for_byte";
    in_mesh(test, On::Newest, async |mesh| {
        let other: SocketAddr = (address(OTHER), 443).into();
        let bystander = Bystander::start(&[other], Manner::Answers).await;
        mesh.apply("captured.yaml").await;
        let pod = mesh.pod(Spec::of("pod-captured.yaml")).await;
        let named = bystander.ca.connector(&["h2", "anything"]);
        for connector in [named, bystander.ca.connector_without_name()] {
            let (stream, wire) = Watched::new(pod.stream(other).expect("it accepts"));
            let mut connection = Connection::over(stream)
                .tls("other.example", &connector)
                .await
                .expect("the bystander's own certificate");
            // It would be signed for, if it came to the filter.
            let request = Request::get(S3, "/").header(PLACEHOLDER.0, PLACEHOLDER.1);
            connection.send(&request.bytes()).await.expect("sent");
            let length = request.bytes().len();
            assert_eq!(
                connection.raw(length).await.expect("an echo"),
                request.bytes()
            );
            let there = bystander.wires().pop().expect("a connection");
            assert_eq!(there.read(), wire.written());
            assert_eq!(there.written(), wire.read());
        }
        assert_eq!(mesh.aws.received().len(), 0);
    });
}
