//! What must not leave through a cluster that is not listed.

use crate::authorization;
use crate::headers::Header;
use crate::own_keys::OwnKeys;
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::SignedBy;

/// Why a request with these headers must not leave through `cluster`, which is none of those that are listed: `line` says
/// that it was signed, or it carries a signature of the filter's own.
pub fn escape(
    cluster: String,
    line: &str,
    headers: &[Header<'_>],
    own_keys: &dyn Fn() -> OwnKeys,
) -> Option<(Refusal, ErrorFormat)> {
    if let Some(signed) = SignedBy::read(line) {
        let format = ErrorFormat::of(headers, Some(signed.service));
        return Some((Refusal::EscapedCluster { cluster }, format));
    }
    // Not even a placeholder that is configured is known here.
    let place = authorization::find_own(headers, &[], own_keys)?;
    let format = ErrorFormat::of(headers, None);
    Some((Refusal::OwnSignature { place }, format))
}
