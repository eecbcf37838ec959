//! How long and how many requests wait.

use std::time::Duration;

/// How long requests wait, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long for credentials.
    pub max_wait: Duration,
    /// How many for credentials, at once.
    pub max_parked: usize,
    /// How long for their own body.
    pub body_timeout: Duration,
}
