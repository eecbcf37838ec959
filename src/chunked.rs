//! Bodies that are signed chunk by chunk (`content-encoding: aws-chunked`): the client's signatures are
//! replaced by ours while the body streams.
//!
//! ```text
//! <hexadecimal size>;chunk-signature=<64 hexadecimal digits>\r\n
//! <data>\r\n                                                        ... and so on, then the last chunk:
//! 0;chunk-signature=<64 hexadecimal digits>\r\n
//! \r\n
//! ```
//!
//! With trailing headers, these stand in the place of the last line, and their signature after them:
//!
//! ```text
//! x-amz-checksum-crc32c:<value>\r\n
//! x-amz-trailer-signature:<64 hexadecimal digits>\r\n
//! \r\n
//! ```
//!
//! Only signatures are replaced, digit by digit: the body keeps its length, so `content-length` holds.
//! A chunk's signature stands before its data and covers it, so a chunk is held until its data is
//! complete; nothing else is.
//!
//! Sources: the two pages of the Amazon S3 API Reference that [`crate::sigv4::ChunkSigner`] names. AWS's
//! SDKs for Java and Rust end trailing headers with `\r\n`; MinIO's client for Go ends them with `\n`
//! and has an empty line before the signature. Both go through as they are.

mod fault;
mod form;
mod resigner;

pub use self::fault::{Fault, MAX_CHUNK_BYTES, MAX_TRAILER_BYTES};
pub use self::form::Form;
pub use self::resigner::Resigner;
pub(crate) use self::resigner::grow;

#[cfg(test)]
mod tests;
