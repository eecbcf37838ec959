//! Signs a pod's outbound AWS requests inside Envoy, with the pod's own web identity.

pub mod authorization;
pub mod bucket;
pub mod budget;
pub mod chunked;
pub mod config;
pub mod credentials;
pub mod decision;
pub mod endpoint;
mod filter;
pub mod headers;
pub mod json;
pub mod own_keys;
pub mod parking;
pub mod policy;
pub mod refusal;
pub mod report;
pub(crate) mod response;
pub mod sigv4;
pub mod timestamp;
