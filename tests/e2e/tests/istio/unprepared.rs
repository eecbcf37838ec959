//! A running pod that gets the label and has no volumes: Envoy refuses the listeners, and takes the routes and the clusters.

use e2e::Request;

use crate::patch::Sidecar;
use crate::pod::{in_pods, sidecar};
use crate::{MARKER, PLACEHOLDER, S3};

/// The listeners as they were, with the routes that come to them by a name of their own (RDS).
fn without_listeners(patched: &mut Sidecar) {
    let mut listeners = sidecar().listeners;
    for listener in &mut listeners {
        let name = listener["name"].as_str().expect("a name").to_owned();
        let routes = patched.listener(&name)["filter_chains"][0]["filters"][0]["typed_config"]
            ["route_config"]
            .clone();
        if routes.is_object() {
            listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"] = routes;
        }
    }
    patched.listeners = listeners;
}

#[test]
fn transparent_lets_nothing_leave_that_asks_for_a_signature() {
    let scope = "placeholder/20261123/eu-west-1/s3/aws4_request";
    let signed = "SignedHeaders=host, Signature=00";
    let marked = [
        Request::get(S3, "/reports").header(MARKER.0, MARKER.1),
        Request::new("PUT", S3, "/reports/1")
            .header(MARKER.0, "anything")
            .body("{}"),
        Request::get(S3, "/reports").header(PLACEHOLDER.0, PLACEHOLDER.1),
        Request::get(S3, "/reports").header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {signed}, Credential={scope}"),
        ),
        Request::get(S3, "/reports").header(
            "authorization",
            format!(
                "AWS4-ECDSA-P256-SHA256 Credential=placeholder/20261123/s3/aws4_request, {signed}"
            ),
        ),
        // Neither has this key id the shape of AWS's.
        Request::get(S3, "/reports").header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=test/20261123/eu-west-1/s3/aws4_request, {signed}"
            ),
        ),
        Request::get(
            S3,
            "/reports?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=placeholder%2F20261123",
        ),
    ];
    in_pods("transparent", without_listeners, async |pod| {
        for request in &marked {
            let answer = pod.ask(pod.intercepted, request).await;
            assert_eq!(answer.status, 503, "{request:?}");
            let text = String::from_utf8_lossy(&answer.body);
            assert_eq!(text, "no healthy upstream", "{request:?}");
        }
        assert_eq!(pod.aws.received().len(), 0);
    });
}

/// A key of the program's own is none of ours: what has one goes where it went.
#[test]
fn transparent_leaves_real_signatures_alone() {
    let request = Request::get(S3, "/reports").header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-1/s3/aws4_request, \
         SignedHeaders=host, Signature=00",
    );
    in_pods("transparent", without_listeners, async |pod| {
        pod.ask(pod.intercepted, &request).await;
        assert_eq!(pod.aws.take_received().len(), 1);
    });
}
