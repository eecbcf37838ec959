//! Faults on demand, for the tests alone: a build with the feature `trap` ends its VM when it is told to.

use crate::headers::{self, Header};

/// A client asks for it with this header.
pub(super) fn on_request(headers: &[Header<'_>]) {
    if headers::value(headers, "x-trap").is_some() {
        trap();
    }
}

/// STS asks for it with this body.
pub(super) fn on_reply(body: &[u8]) {
    if body == b"trap" {
        trap();
    }
}

#[allow(clippy::panic, reason = "it is the purpose of this module")]
fn trap() -> ! {
    panic!("a test asked for it")
}
