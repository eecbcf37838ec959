//! The way of a body through [`Resigner`], in Envoy's buffers.

use super::host::{self, READ_BYTES};
use crate::chunked::Resigner;
use crate::refusal::Refusal;

/// Replaces what Envoy hands over of the body by what can go on of it, possibly nothing. `end`: no more
/// is to come.
///
/// On an error the request must be answered: AWS has then got a part of it at most.
pub(super) fn resign(resigner: &mut Resigner, end: bool) -> Result<(), Refusal> {
    let (mut length, mut out) = (0, Vec::new());
    loop {
        let part =
            host::request_body(length, READ_BYTES).map_err(|error| Refusal::HostCallFailed {
                what: error.to_string(),
            })?;
        resigner.take(&part, &mut out)?;
        length += part.len();
        if part.len() < READ_BYTES {
            break;
        }
    }
    if end {
        resigner.finish()?;
    }
    if length == 0 {
        return Ok(());
    }
    host::replace_request_body(length, &out).map_err(|error| Refusal::HostCallFailed {
        what: error.to_string(),
    })
}
