//! What a host comes to.

use crate::sigv4::{Algorithm, PathStyle};

/// What to sign for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// The signing name, which the credential scope carries.
    pub service: &'a str,
    /// The signing region; for [`Algorithm::SigV4A`] the region set.
    pub region: &'a str,
    /// What the host takes. Only hosts that take nothing else have [`Algorithm::SigV4A`]: where botocore's
    /// rules offer both, the answer is SigV4, as botocore's own is without its C extension.
    pub algorithm: Algorithm,
    /// How its paths are signed. [`PathStyle::S3`] also says that payloads may stay unsigned.
    pub path_style: PathStyle,
    /// A customer's own resource answers, not an AWS API: a function URL, an API of API Gateway, a
    /// Lattice service, a search domain, a graph. Anyone can create such a host.
    pub tenant: bool,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// An AWS API endpoint.
    Aws(Endpoint<'a>),
    /// Not an endpoint that speaks SigV4.
    NotAws,
}
