//! What may be wrong with an event stream.

use std::fmt;

/// The most that a message may have, in bytes: 24 MiB, as in AWS's own library (aws-c-event-stream).
pub const MAX_MESSAGE_BYTES: usize = 24 << 20;

/// The most that a message's headers may have together, in bytes. They are two of 67 bytes together. AWS's library had
/// this bound before it took the message's.
pub const MAX_HEADERS_BYTES: usize = 128 << 10;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not begin with two lengths and their checksum.
    Prelude,
    /// Its lengths contradict each other.
    Lengths,
    /// It is larger than [`MAX_MESSAGE_BYTES`].
    MessageTooLarge,
    /// Its headers are larger than [`MAX_HEADERS_BYTES`].
    HeadersTooLarge,
    /// Its checksum is that of other bytes.
    Checksum,
    /// Its headers cannot be read.
    Headers,
    /// It has no `:date`, two, or one that is no timestamp.
    Date,
    /// It has no `:chunk-signature`, two, or one that is not 32 bytes.
    Signature,
    /// The stream ended within it.
    Incomplete,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prelude => "a message does not begin with two lengths and their checksum",
            Self::Lengths => "a message is shorter than its headers and checksums",
            Self::MessageTooLarge => {
                return write!(f, "a message has more than {MAX_MESSAGE_BYTES} bytes");
            }
            Self::HeadersTooLarge => {
                return write!(
                    f,
                    "the headers of a message have more than {MAX_HEADERS_BYTES} bytes"
                );
            }
            Self::Checksum => "the checksum of a message is wrong",
            Self::Headers => "the headers of a message cannot be read",
            Self::Date => "a message has not exactly one :date that is a timestamp",
            Self::Signature => "a message has not exactly one :chunk-signature of 32 bytes",
            Self::Incomplete => "the stream ends within a message",
        })
    }
}
