//! What the filter tells its operator: stats, the line in the access log, and the status document.

pub mod access_log;
pub(crate) mod gauges;
pub mod metrics;
pub(crate) mod refresh;
pub(crate) mod status;
pub(crate) mod words;
