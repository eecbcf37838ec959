//! A request that asks for something to be presigned.

use crate::policy::RouteMetadata;

/// Where programs post, at the loopback endpoint.
pub const PATH: &str = "/presign";

/// The most that is read of what they post, in bytes. The longest URL that S3 takes has 8 KiB of headers and a key of 1 KiB.
pub const MAX_BYTES: usize = 64 * 1024;

/// A request to [`PATH`], when its head has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// As of any request.
    pub route_metadata: RouteMetadata,
    /// The cluster that its route leads to, which is listed.
    pub cluster: String,
}
