//! Signs a pod's outbound AWS requests inside Envoy, with the pod's own web identity.

pub mod audit;
pub mod authorization;
pub mod bucket;
pub mod cache;
pub mod chunked;
pub mod config;
pub mod container;
pub mod credentials;
pub mod decision;
pub mod endpoint;
mod filter;
pub mod headers;
pub mod identity;
pub mod json;
pub mod metrics;
pub mod policy;
pub mod refusal;
pub mod role;
pub mod sigv4;
pub mod skew;
pub mod source;
pub mod status;
pub mod sts;
pub mod timestamp;
pub mod token;
pub mod verdict;
