//! Signs a pod's outbound AWS requests inside Envoy, with the pod's own web identity.

pub mod credentials;
pub mod sigv4;
pub mod sts;
pub mod timestamp;
pub mod token;
