//! Bodies that are event streams (`x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-EVENTS`): the client's signature
//! of each message is replaced by ours while the body streams.
//!
//! ```text
//! total length       4 bytes     all numbers are big-endian
//! length of headers  4 bytes
//! CRC-32 of both     4 bytes
//! headers            `:date`, a timestamp in milliseconds, and `:chunk-signature`, 32 bytes
//! payload            the message that the client sends, in the same form; the last one has none
//! CRC-32 of all      4 bytes
//! ```
//!
//! Date, signature and the last checksum are replaced, byte by byte: the body keeps its length. AWS wants a date of
//! the last five minutes in each message ("Signature expired: ... is now earlier than ... - 5 min."), so each gets its
//! own. A message's signature stands before its payload and covers it, so a message is held until it is complete;
//! nothing else is.
//!
//! The client may close its stream with an empty message, as AWS asks ("an end frame"), or without: the SDK for Rust
//! sends one, and a program that is cut off does not. Both go through as they are.
//!
//! Sources: "Setting up a streaming transcription" in the Amazon Transcribe Developer Guide (signature and encoding);
//! `src/event_stream.rs` of the crate `aws-sigv4`; `include/aws/event-stream/event_stream.h` of aws-c-event-stream for
//! the bounds.

mod crc;
mod fault;
mod message;
mod resigner;

pub use self::fault::{Fault, MAX_HEADERS_BYTES, MAX_MESSAGE_BYTES};
pub use self::resigner::Resigner;

/// What `x-amz-content-sha256` says of an event stream.
pub const EVENTS: &str = "STREAMING-AWS4-HMAC-SHA256-EVENTS";

#[cfg(test)]
mod tests;
