//! The files of `envoy/istio` as they are printed, on a real istiod: it makes a sidecar's configuration of them, pilot-agent
//! and a stock Envoy run it, and iptables lead there. AWS verifies every signature.
//!
//! `cargo xtask istio` builds what this takes. What there is of Kubernetes: the files that istiod reads, and the volumes,
//! labels and variables of a pod. There is no API server, no webhook and no kubelet.

#[path = "istiod/captured.rs"]
mod captured;
#[path = "istiod/life.rs"]
mod life;
#[path = "istiod/load.rs"]
mod load;
#[path = "istiod/loopback.rs"]
mod loopback;
#[path = "istiod/manifests.rs"]
mod manifests;
#[path = "istiod/mesh.rs"]
mod mesh;
#[path = "istiod/neighbours.rs"]
mod neighbours;
#[path = "istiod/oci.rs"]
mod oci;
#[path = "istiod/pod.rs"]
mod pod;
#[path = "istiod/process.rs"]
mod process;
#[path = "istiod/registry.rs"]
mod registry;
#[path = "istiod/tools.rs"]
mod tools;
#[path = "istiod/transparent.rs"]
mod transparent;
#[path = "istiod/updates.rs"]
mod updates;

/// As an SDK with placeholder keys signs.
const PLACEHOLDER: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, \
     SignedHeaders=host;x-amz-date, \
     Signature=0000000000000000000000000000000000000000000000000000000000000000",
);
const MARKER: (&str, &str) = ("x-sigv4-egress", "1");
const S3: &str = "s3.eu-west-1.amazonaws.com";
