//! What may be wrong with a body.

use std::fmt;

/// The most data that a chunk may have, in bytes: 1 MiB. AWS's SDKs send 64 to 128 KiB.
pub const MAX_CHUNK_BYTES: u64 = 1 << 20;

/// The most that the lines after the last chunk may have together, in bytes. S3 takes 8 KB of headers
/// ("PUT Object" in the Amazon S3 API Reference).
pub const MAX_TRAILER_BYTES: usize = 8 * 1024;

/// What is wrong with the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A chunk does not start with `<hexadecimal size>;chunk-signature=<64 hexadecimal digits>\r\n`.
    Head,
    /// A chunk is larger than [`MAX_CHUNK_BYTES`].
    ChunkTooLarge,
    /// The data of a chunk is not followed by `\r\n`.
    EndOfChunk,
    /// A line after the last chunk is no header, repeats one, or is no signature where one is due.
    Trailer,
    /// The lines after the last chunk are longer than [`MAX_TRAILER_BYTES`].
    TrailerTooLarge,
    /// Something follows the end.
    AfterTheEnd,
    /// The body ended too early.
    Incomplete,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str(
                "a chunk does not start with its size in hexadecimal, \";chunk-signature=\" and 64 hexadecimal digits",
            ),
            Self::ChunkTooLarge => {
                write!(f, "a chunk has more than {MAX_CHUNK_BYTES} bytes of data")
            }
            Self::EndOfChunk => f.write_str("a chunk has more data than its size says"),
            Self::Trailer => {
                f.write_str("the last chunk is not followed by headers and x-amz-trailer-signature")
            }
            Self::TrailerTooLarge => {
                write!(f, "the trailing headers have more than {MAX_TRAILER_BYTES} bytes")
            }
            Self::AfterTheEnd => f.write_str("something follows the end of the chunks"),
            Self::Incomplete => f.write_str("the body ends before its last chunk does"),
        }
    }
}
