//! A request that is not signed.

use crate::presign::Exchange;
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::words::words;

words! {
    /// Why a request goes on untouched.
    pub enum LeftAlone in "sigv4_egress.requests.left_alone" {
        /// Its host is no AWS endpoint.
        NotAws = "not_aws",
        /// A rule says so.
        Rule = "rule",
        /// It asks for no signature, and `unmarked` is `pass`.
        Unmarked = "unmarked",
        /// A real key of the client's signed it.
        ClientSignature = "client_signature",
        /// It is presigned.
        Presigned = "presigned",
        /// It is presigned with the filter's own credentials, and leads to a listed cluster.
        OwnPresigned = "own_presigned",
        /// It carries another `authorization` scheme.
        OtherAuthorization = "other_authorization",
        /// An S3 Express session signed it.
        SessionToken = "session_token",
    }
}

/// What a request comes to that is not signed. Each stage may end with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// It goes on untouched.
    LeftAlone(LeftAlone),
    /// It is answered here, in this format.
    Refused(Refusal, ErrorFormat),
    /// It asks for something to be presigned.
    Exchange(Box<Exchange>),
}
