//! What AWS's answer to a signed request says about the signature: nothing, that the credentials are no
//! longer good, or that the clock may be wrong.
//!
//! Only the error's code is read, where the service's protocol has it; a body that mentions a code
//! elsewhere says nothing. An upstream that a tenant owns can write any answer, so no verdict is proof:
//! it may start a refresh, which is rate-limited, or a comparison of clocks ([`crate::response::skew`]).
//!
//! # Call order
//!
//! 1. When the headers of the answer to a request that *we* signed are there: [`of_headers`].
//!    [`Reading::Nothing`], the usual case, ends it.
//! 2. For [`Reading::InBody`], the first [`MAX_BODY_BYTES`] bytes of the body, or all of it if it is
//!    shorter, go to [`of_body`]. The body is not held for it: what has come is read as it passes.
//! 3. [`Verdict::Credentials`]: tell the cache, with the access key id that signed. [`Verdict::Clock`]:
//!    give it to [`crate::response::skew::Skews::learn`], which compares the clocks.

mod body;
mod cbor;
mod code;

pub(crate) use body::{MAX_BODY_BYTES, of_body};
pub(crate) use code::Verdict;

use code::of_code;

/// What the headers of an answer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The answer says nothing about the signature; its body need not be read.
    Nothing,
    /// It does.
    Found(Verdict),
    /// The code stands in the body.
    InBody,
}

/// Reads status and `x-amzn-errortype`, which REST-JSON services send. AWS answers the errors in question
/// with 400, 401 and 403 (IAM API Reference, Common Errors; S3 API Reference, Error responses).
pub(crate) fn of_headers(status: u16, error_type: Option<&str>) -> Reading {
    match (status, error_type) {
        (400 | 401 | 403, Some(value)) => of_code(value).map_or(Reading::Nothing, Reading::Found),
        (400 | 401 | 403, None) => Reading::InBody,
        _ => Reading::Nothing,
    }
}

#[cfg(test)]
mod tests;
