//! What is read while something is decided about a request.

use super::planned::Planned;
use crate::credentials::cache::Record;
use crate::credentials::role::RoleId;
use crate::presign::Exchange;
use crate::refusal::Refusal;
use std::rc::Rc;
use std::time::SystemTime;

/// The readings. Most of them are calls to Envoy, so each is made only where something depends on it. None of them ends
/// a stream.
pub trait Ask {
    /// The wall clock.
    fn now(&self) -> SystemTime;

    /// What this worker knows of a role's credentials; `None`: there is no such role.
    fn record(&self, role: RoleId) -> Option<Rc<Record>>;

    /// The same for a request that has just come: its wish is noted, and where there are no credentials, the newest
    /// record is read first.
    fn fresh_record(&self, role: RoleId, now: SystemTime) -> Option<Rc<Record>>;

    /// The connection that the request came on; `None` where Envoy does not name it.
    fn connection(&self) -> Option<u64>;

    /// What is to be presigned for a request with this body.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or may not be.
    fn presign(&self, exchange: &Exchange, body: &[u8]) -> Result<Box<Planned>, Refusal>;

    /// At most `length` bytes of the body that Envoy hands over, from `start` on.
    ///
    /// # Errors
    ///
    /// When Envoy does not.
    fn body(&self, start: usize, length: usize) -> Result<Vec<u8>, Refusal>;
}
