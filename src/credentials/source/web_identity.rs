//! The web identity of the pod.

pub mod token;
