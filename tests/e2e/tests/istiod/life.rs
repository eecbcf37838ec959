//! What a pod goes through: crashes, and the other way to an identity.

use std::os::unix::fs::symlink;

use e2e::agent::{Asked, ROLE};
use e2e::{Request, SOON, eventually, until};

use crate::loopback::{LISTENER, signed_by_placeholder};
use crate::manifests::rendered;
use crate::mesh::{On, in_mesh};
use crate::pod::{Spec, aws_over_http};
use crate::transparent::OTHER_SERVICE;
use crate::{MARKER, PLACEHOLDER, S3};

#[test]
fn a_sidecar_that_crashed_comes_back_beside_its_old_socket() {
    let test = "life::a_sidecar_that_crashed_comes_back_beside_its_old_socket";
    in_mesh(test, On::Each, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let mut pod = mesh.pod(Spec::of("pod.yaml")).await;
        let request = signed_by_placeholder();
        pod.ask_when_ready(LISTENER, &request).await.ok();
        pod.kill_sidecar();
        let socket = pod.volume("/var/run/sigv4-egress").join("token.sock");
        assert!(socket.exists(), "nobody has removed {}", socket.display());
        pod.start_sidecar();
        pod.until_ready().await;
        pod.ask_when_ready(LISTENER, &request).await.ok();
        assert_eq!(mesh.sts.calls().len(), 2);
        assert_eq!(pod.rejects().await, 0);
    });
}

/// As the chart renders it, with the variables and the volume that EKS adds to every container.
#[test]
fn pod_identity_takes_the_place_of_irsa() {
    const VOLUME: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount";
    let test = "life::pod_identity_takes_the_place_of_irsa";
    in_mesh(test, On::Each, async |mesh| {
        let file = format!("{VOLUME}/eks-pod-identity-token");
        // The directory is made anew for each Envoy.
        symlink(
            "..data/token",
            mesh.token.path().join("eks-pod-identity-token"),
        )
        .expect("a link");
        let text = rendered("pod-identity", "loopback");
        mesh.apply_text("loopback.yaml", &text, "default").await;
        let spec = Spec::of("pod.yaml")
            .metadata("AWS_ROLE_ARN", None)
            .metadata(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                Some("http://169.254.170.23/v1/credentials"),
            )
            .metadata("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Some(&file))
            .token_at(VOLUME);
        let pod = mesh.pod(spec).await;
        pod.ask_when_ready(LISTENER, &signed_by_placeholder())
            .await
            .ok();
        let received = mesh.aws.only();
        let key = mesh
            .ledger
            .find(&received.verdict.signature().access_key_id);
        assert_eq!(key.expect("issued").role.as_deref(), Some(ROLE));
        let asked = mesh.agent.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let Asked { path, host, .. } = &asked[0];
        assert_eq!(
            (path.as_str(), host.as_str()),
            ("/v1/credentials", "169.254.170.23")
        );
        assert_eq!(mesh.sts.calls().len(), 0);
    });
}

/// A configuration that comes before the volumes: the sidecar refuses it, says so, and never gets ready.
#[test]
fn a_pod_with_the_label_and_without_the_volumes_does_not_become_ready() {
    let test = "life::a_pod_with_the_label_and_without_the_volumes_does_not_become_ready";
    in_mesh(test, On::Newest, async |mesh| {
        mesh.apply("loopback.yaml").await;
        let pod = mesh.start_pod(Spec::of("pod.yaml").without_volumes()).await;
        until("the sidecar refuses the listeners", SOON * 3, || {
            pod.log().contains("sigv4_egress.wasm")
        })
        .await;
        assert!(!pod.is_ready().await);
        assert_eq!(mesh.aws.received().len(), 0);
    });
}

/// The label comes to a pod that runs: its listeners stay as they were, and what else the file brings must send nothing
/// unsigned that was meant to be signed.
#[test]
fn a_running_pod_that_gets_the_label_without_the_volumes_sends_nothing_unsigned() {
    let test = "life::a_running_pod_that_gets_the_label_without_the_volumes_sends_nothing_unsigned";
    in_mesh(test, On::Each, async |mesh| {
        let spec = Spec::of("pod.yaml").without_volumes();
        let pod = mesh
            .pod(spec.label("sigv4-egress", Some("transparent")))
            .await;
        // Port 80 has a listener before, and keeps it as it is.
        mesh.apply_text("other.yaml", OTHER_SERVICE, "default")
            .await;
        eventually("port 80 has a listener", SOON, async || {
            let listeners = pod.get(15000, "/listeners").await?;
            listeners.text().contains("0.0.0.0_80").then_some(())
        })
        .await;
        mesh.apply("transparent.yaml").await;
        eventually("the sidecar refuses the listeners", SOON, async || {
            (pod.rejects().await > 0).then_some(())
        })
        .await;
        for request in [
            Request::get(S3, "/reports-2026").header(MARKER.0, MARKER.1),
            Request::get(S3, "/reports-2026").header(PLACEHOLDER.0, PLACEHOLDER.1),
        ] {
            let answer = pod.ask(aws_over_http(), &request).await;
            assert!(answer.status >= 400, "{answer:?}");
        }
        assert_eq!(mesh.aws.received().len(), 0);
        assert_eq!(mesh.plain.requests().len(), 0);
    });
}
