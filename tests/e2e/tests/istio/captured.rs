//! `captured.yaml`: what was going to port 443.

use e2e::client::Connection;
use e2e::{Answer, Request};

use crate::internet::{GREETING, add_service_entries};
use crate::patch::Sidecar;
use crate::pod::{Pod, in_meshes, in_pods, patched, sidecar};
use crate::{PLACEHOLDER, S3};

/// A host that `server_names` has by its wildcard.
const BUCKET: &str = "reports.s3.eu-west-1.amazonaws.com";
const WILDCARD: &str = "*.s3.eu-west-1.amazonaws.com";

fn signed_by_a_placeholder(host: &str) -> Request {
    Request::get(host, "/2026?list-type=2")
        .header(PLACEHOLDER.0, PLACEHOLDER.1)
        .header("x-amz-date", "20261123T000000Z")
}

/// Sends a request to a host of AWS, which must reach AWS with a signature of the sidecar's.
async fn is_signed(pod: &Pod, host: &str) {
    let request = signed_by_a_placeholder(host);
    let answer = pod.ask_in_tls(host, &pod.pod_ca, &request).await;
    assert_eq!(answer.status, 200, "{host}: {answer:?}");
    let received = pod.aws.received().pop().expect("a request at AWS");
    assert_eq!(
        (received.host.as_str(), received.path.as_str()),
        (host, "/2026?list-type=2")
    );
    assert_eq!(received.verdict.signature().service, "s3");
}

/// A client that trusts the authority of the rest of the world alone gets there.
async fn passes(pod: &Pod, host: &str) {
    let answer = pod
        .ask_in_tls(host, &pod.internet.ca, &Request::get(host, "/"))
        .await;
    of_the_internet(host, &answer);
}

fn of_the_internet(what: &str, answer: &Answer) {
    let found = (answer.status, answer.header("server"));
    assert_eq!(found, (200, Some("internet")), "{what}");
}

#[test]
fn signs_what_ends_here_and_passes_the_rest_on() {
    for entries in [&[][..], &["www.example.org", "*.example.com"]] {
        let mesh = |sidecar: &mut Sidecar| {
            if !entries.is_empty() {
                add_service_entries(sidecar, entries);
            }
        };
        in_meshes(
            mesh,
            "captured",
            |_| {},
            async |pod| {
                is_signed(pod, S3).await;
                is_signed(pod, BUCKET).await;
                // Another region, the API server of an EKS cluster, and names that the mesh knows or does not.
                for host in [
                    "s3.us-east-1.amazonaws.com",
                    "0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
                    "www.example.org",
                    "www.example.com",
                    "www.example.net",
                ] {
                    passes(pod, host).await;
                }
                let mut plain = pod.to_443().await;
                let answer = plain
                    .ask(&Request::get(S3, "/").bytes())
                    .await
                    .expect("an answer");
                of_the_internet("plain http on port 443", &answer);
                assert_eq!(pod.aws.received().len(), 2);
            },
        );
    }
}

/// A public bucket, or a request that somebody made the program send: nothing of the role's goes with it.
#[test]
fn what_asks_for_no_signature_goes_on_as_it_came() {
    in_pods(
        "captured",
        |_| {},
        async |pod| {
            is_signed(pod, S3).await;
            pod.aws.take_received();
            let request = Request::get(S3, "/public/1");
            let answer = pod.ask_in_tls(S3, &pod.pod_ca, &request).await;
            assert_eq!(answer.status, 403, "{answer:?}");
            let received = pod.aws.take_anonymous();
            assert_eq!(
                (received.host.as_str(), received.path.as_str()),
                (S3, "/public/1")
            );
            let counted = "wasmcustom.sigv4_egress.requests.left_alone.unmarked";
            assert_eq!(pod.envoy.stat(counted).await, 1);
        },
    );
}

/// On other ports at once: `tls_inspector` does not wait there.
#[test]
fn a_client_that_waits_for_the_server_is_greeted() {
    in_pods(
        "captured",
        |_| {},
        async |pod| {
            let mut waiting = pod.to_443().await;
            let greeting = waiting.raw(GREETING.len()).await.expect("a greeting");
            assert_eq!(greeting, GREETING.as_bytes());
        },
    );
}

/// For the same name and the same wildcard, both chains stand side by side, and ours is the narrower one.
#[test]
fn a_service_entry_for_the_same_names_takes_nothing() {
    let mesh = |sidecar: &mut Sidecar| add_service_entries(sidecar, &[S3, WILDCARD]);
    in_meshes(
        mesh,
        "captured",
        |_| {},
        async |pod| {
            assert_eq!(
                pod.envoy.stat("listener_manager.lds.update_rejected").await,
                0
            );
            is_signed(pod, S3).await;
            is_signed(pod, BUCKET).await;
        },
    );
}

/// What `captured.yaml` says of names that it has by a wildcard only, and what to do.
#[test]
fn a_service_entry_for_a_narrower_name_wins_until_the_name_is_listed() {
    let mesh = |sidecar: &mut Sidecar| add_service_entries(sidecar, &[BUCKET]);
    in_meshes(
        mesh,
        "captured",
        |_| {},
        async |pod| {
            let request = signed_by_a_placeholder(BUCKET);
            let connector = pod.internet.ca.connector(&["http/1.1"]);
            let connection = pod.to_443().await.tls(BUCKET, &connector).await;
            // It passes untouched, with the placeholder's signature: AWS refuses it.
            let mut connection: Connection = connection.expect("a handshake with the host itself");
            let answer = connection.ask(&request.bytes()).await.expect("an answer");
            of_the_internet(BUCKET, &answer);
            assert_eq!(pod.aws.received().len(), 0);
            is_signed(pod, S3).await;
        },
    );
    let listed = |sidecar: &mut Sidecar| {
        for listener in ["virtualOutbound", "0.0.0.0_443"] {
            let chains = sidecar.listener(listener)["filter_chains"].as_array_mut();
            let ours = chains.expect("filter chains").last_mut().expect("ours");
            let names = ours["filter_chain_match"]["server_names"].as_array_mut();
            names.expect("names").push(BUCKET.into());
        }
    };
    in_meshes(mesh, "captured", listed, async |pod| {
        is_signed(pod, BUCKET).await
    });
}

/// The Host decides: a name in the handshake opens nothing.
#[test]
fn a_host_that_is_not_the_name_in_the_handshake_gains_nothing() {
    in_pods(
        "captured",
        |_| {},
        async |pod| {
            for (host, status, reason) in [
                ("www.example.org", 404, "not_aws"),
                ("127.0.0.1", 404, "not_aws"),
                ("sqs.eu-west-1.amazonaws.com", 403, "not_allowed"),
            ] {
                let request = signed_by_a_placeholder(host);
                let answer = pod.ask_in_tls(S3, &pod.pod_ca, &request).await;
                assert_eq!(
                    (answer.status, answer.reason()),
                    (status, Some(reason)),
                    "{host}"
                );
            }
            assert_eq!(pod.aws.received().len(), 0);
        },
    );
}

#[test]
fn changes_nothing_else_in_the_sidecar() {
    let mut before = sidecar();
    add_service_entries(&mut before, &["www.example.org"]);
    let mut after = before.clone();
    let file = crate::pod::documents(&crate::pod::istio_files().join("captured.yaml"));
    after.apply(&file[0]);
    for (before, after) in before.listeners.iter().zip(&mut after.listeners) {
        if before == after {
            continue;
        }
        let chains = after["filter_chains"]
            .as_array_mut()
            .expect("filter chains");
        assert_eq!(chains.pop().expect("ours")["name"], "sigv4-egress");
        let mut expected = before.clone();
        if before["name"] == "virtualOutbound" {
            for added in [
                "listener_filters",
                "listener_filters_timeout",
                "continue_on_listener_filters_timeout",
            ] {
                expected[added] = after[added].clone();
            }
        }
        assert_eq!(*after, expected);
    }
    assert_eq!(
        after.clusters.get(..before.clusters.len()),
        Some(&before.clusters[..])
    );
    assert_eq!(
        patched("captured").listeners.len(),
        sidecar().listeners.len() + 1
    );
}
