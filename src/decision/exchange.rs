//! Whether a request at the loopback endpoint asks for something to be presigned.

use super::head::Head;
use super::unsigned::Unsigned;
use crate::authorization::ClientSignature;
use crate::config::Config;
use crate::policy::Mode;
use crate::presign::{Exchange, PATH};
use crate::refusal::Refusal;

/// Whether a request at the loopback endpoint asks for something to be presigned, and what becomes of it then. The marker
/// keeps out what a program is made to send: no URL that it fetches, and no page in a browser, has it.
#[cold]
pub(super) fn asked(
    config: &Config,
    head: Head<'_>,
    signature: &ClientSignature<'_>,
) -> Option<Unsigned> {
    if head.value(":path") != Some(PATH.as_bytes())
        || head.value(":method") != Some(b"POST")
        || *signature != ClientSignature::None
    {
        return None;
    }
    let marker = &config.marker_header;
    Some(if head.value(marker).is_none() {
        let header = marker.clone();
        head.refused(Refusal::MarkerMissing { header })
    } else if config.presign.entries.is_empty() || config.mode == Mode::Observe {
        head.refused(Refusal::PresignOff)
    } else {
        Unsigned::Exchange(Box::new(Exchange {
            route_metadata: head.route_metadata.clone(),
            cluster: (head.cluster)().unwrap_or_default(),
        }))
    })
}
