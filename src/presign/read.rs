//! What one form of presigned requests comes to.

use super::grant::Service;
use super::presigning::Subject;
use crate::decision::Plan;
use crate::report::access_log::About;
use std::time::Duration;

/// What its reader makes of it.
pub(super) struct Read {
    pub(super) plan: Plan,
    pub(super) about: About,
    /// What stands for the body; `None`: there is none.
    pub(super) payload: Option<String>,
    pub(super) service: Service,
    pub(super) subject: Subject,
    /// As asked.
    pub(super) lifetime: Duration,
}
