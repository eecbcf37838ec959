//! One message: its lengths, and where in it the signature stands.

use std::ops::Range;

use super::crc::crc32;
use super::fault::{Fault, MAX_HEADERS_BYTES, MAX_MESSAGE_BYTES};

/// Two lengths and their checksum.
pub(super) const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// What the first [`PRELUDE_BYTES`] say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prelude {
    /// Of the whole message.
    pub(super) total: usize,
    headers: usize,
}

impl Prelude {
    /// # Errors
    /// When they are no prelude, or that of a message which is not taken.
    pub(super) fn read(bytes: &[u8; PRELUDE_BYTES]) -> Result<Self, Fault> {
        let (words, _) = bytes.as_chunks();
        let [total, headers, checksum] = words else {
            return Err(Fault::Prelude);
        };
        let lengths = bytes.get(..PRELUDE_BYTES - CHECKSUM_BYTES);
        if crc32(lengths.unwrap_or_default()) != u32::from_be_bytes(*checksum) {
            return Err(Fault::Prelude);
        }
        let length = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes) as usize;
        let (total, headers) = (length(total), length(headers));
        if headers > MAX_HEADERS_BYTES {
            return Err(Fault::HeadersTooLarge);
        }
        if total > MAX_MESSAGE_BYTES {
            return Err(Fault::MessageTooLarge);
        }
        if total < PRELUDE_BYTES + headers + CHECKSUM_BYTES {
            return Err(Fault::Lengths);
        }
        Ok(Self { total, headers })
    }

    pub(super) fn headers(self) -> Range<usize> {
        PRELUDE_BYTES..PRELUDE_BYTES + self.headers
    }

    pub(super) fn payload(self) -> Range<usize> {
        PRELUDE_BYTES + self.headers..self.total - CHECKSUM_BYTES
    }

    /// Whether a message's last checksum is that of its bytes.
    pub(super) fn is_intact(self, message: &[u8]) -> bool {
        let halves = message.split_at_checked(self.total - CHECKSUM_BYTES);
        halves.is_some_and(|(bytes, checksum)| checksum == crc32(bytes).to_be_bytes())
    }

    /// Writes that checksum.
    pub(super) fn seal(self, message: &mut [u8]) {
        if let Some((bytes, checksum)) = message.split_at_mut_checked(self.total - CHECKSUM_BYTES) {
            overwrite(checksum, &crc32(bytes).to_be_bytes());
        }
    }
}

/// Where a message's headers, counted from their start, have what is replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// The value of `:date`.
    pub(super) date: Range<usize>,
    /// All of `:chunk-signature`.
    pub(super) signature: Range<usize>,
}

impl Places {
    /// # Errors
    /// When the headers cannot be read, or are not those of a signed message.
    pub(super) fn find(headers: &[u8]) -> Result<Self, Fault> {
        let (mut date, mut signature) = (None, None);
        let mut rest = headers;
        while !rest.is_empty() {
            let start = headers.len() - rest.len();
            let header = take_header(&mut rest).ok_or(Fault::Headers)?;
            let end = headers.len() - rest.len();
            match header.name {
                b":date" => {
                    let is_one = header.kind == TIMESTAMP && date.is_none();
                    let value = end - TIMESTAMP_BYTES..end;
                    date = Some(is_one.then_some(value).ok_or(Fault::Date)?);
                }
                b":chunk-signature" => {
                    let is_one = header.kind == BYTES
                        && header.value == SIGNATURE_BYTES
                        && signature.is_none();
                    signature = Some(is_one.then_some(start..end).ok_or(Fault::Signature)?);
                }
                _ => {}
            }
        }
        Ok(Self {
            date: date.ok_or(Fault::Date)?,
            signature: signature.ok_or(Fault::Signature)?,
        })
    }

    /// The value of `:chunk-signature`.
    pub(super) fn signature_value(&self) -> Range<usize> {
        self.signature.end - SIGNATURE_BYTES..self.signature.end
    }
}

struct Header<'a> {
    name: &'a [u8],
    kind: u8,
    /// How many bytes its value has.
    value: usize,
}

/// A byte with the length of the name, the name, a byte with the type, the value; one of varying length has two bytes
/// with its length before it.
fn take_header<'a>(rest: &mut &'a [u8]) -> Option<Header<'a>> {
    let name = take(rest, 1)?.first()?;
    let name = take(rest, usize::from(*name))?;
    let kind = *take(rest, 1)?.first()?;
    let value = match kind {
        TRUE | FALSE => 0,
        BYTE => 1,
        SHORT => 2,
        INTEGER => 4,
        LONG | TIMESTAMP => TIMESTAMP_BYTES,
        BYTES | STRING => usize::from(u16::from_be_bytes(take(rest, 2)?.try_into().ok()?)),
        UUID => 16,
        _ => return None,
    };
    take(rest, value)?;
    Some(Header { name, kind, value })
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(taken)
}

/// As many bytes as both have.
pub(super) fn overwrite(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

const TRUE: u8 = 0;
const FALSE: u8 = 1;
const BYTE: u8 = 2;
const SHORT: u8 = 3;
const INTEGER: u8 = 4;
const LONG: u8 = 5;
const BYTES: u8 = 6;
const STRING: u8 = 7;
const TIMESTAMP: u8 = 8;
const UUID: u8 = 9;

const TIMESTAMP_BYTES: usize = 8;
const SIGNATURE_BYTES: usize = 32;
