//! The state of one body.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::fault::{Fault, MAX_CHUNK_BYTES, MAX_TRAILER_BYTES};
use super::form::Form;
use crate::sigv4::ChunkSigner;

/// Replaces the signatures in one body.
///
/// [`Resigner::take`] takes the body in whatever parts it comes, in order; [`Resigner::finish`] says
/// whether it was complete. It holds at most one chunk ([`MAX_CHUNK_BYTES`]) and some lines.
#[derive(Debug)]
pub struct Resigner {
    form: Form,
    signer: ChunkSigner,
    step: Step,
    /// What cannot go on yet: a line that is not complete, or the size and the data of a chunk.
    pub(super) held: Vec<u8>,
}

/// What comes next.
#[derive(Debug)]
enum Step {
    /// The first line of a chunk.
    Head,
    /// The data of a chunk, whose size stands in the first `digits` bytes of what is held.
    Data {
        digits: usize,
        left: usize,
        hash: Sha256,
    },
    /// The line end after the data.
    EndOfChunk {
        last: bool,
    },
    /// The lines after the last chunk.
    Trailer {
        headers: BTreeMap<String, Vec<u8>>,
        bytes: usize,
    },
    /// An empty line after the signature of the trailing headers, or nothing.
    LastLine,
    Done,
    /// Nothing more is taken.
    Broken(Fault),
}

impl Resigner {
    /// For a body of this form, signed by `signer`.
    pub fn new(form: Form, signer: ChunkSigner) -> Self {
        Self {
            form,
            signer,
            step: Step::Head,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes of the body, and appends to `out` what can go on.
    ///
    /// # Errors
    /// When the framing is broken. `out` is then of no use, every later call fails too, and the request
    /// must not be completed.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Err(fault) = self.step(&mut rest, out) {
                self.step = Step::Broken(fault);
                self.held = Vec::new();
                return Err(fault);
            }
        }
        Ok(())
    }

    /// The memory that the part of a chunk or of a line takes which has come, in bytes.
    pub fn held_bytes(&self) -> usize {
        if self.held.is_empty() {
            0
        } else {
            self.held.capacity()
        }
    }

    /// The body has ended.
    ///
    /// # Errors
    /// When it was not complete, or broken before.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.step {
            Step::Done => Ok(()),
            Step::LastLine if self.held.is_empty() => Ok(()),
            Step::Broken(fault) => Err(fault),
            _ => Err(Fault::Incomplete),
        }
    }

    /// Takes some of `rest`, at least a byte.
    fn step(&mut self, rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match &mut self.step {
            Step::Head => {
                if take_line(&mut self.held, rest, MAX_HEAD_BYTES).ok_or(Fault::Head)? {
                    self.begin_chunk(out)?;
                }
            }
            Step::Data { left, hash, .. } => {
                let (data, after) = rest.split_at_checked(*left).unwrap_or((rest, &[]));
                hash.update(data);
                grow(&mut self.held, data.len(), *left);
                self.held.extend_from_slice(data);
                *left -= data.len();
                *rest = after;
                if *left == 0 {
                    self.end_chunk(out);
                }
            }
            Step::EndOfChunk { last } => {
                let next = if *last { Step::Done } else { Step::Head };
                if take_line(&mut self.held, rest, LINE_END.len()).ok_or(Fault::EndOfChunk)? {
                    if self.held != LINE_END {
                        return Err(Fault::EndOfChunk);
                    }
                    out.append(&mut self.held);
                    self.step = next;
                }
            }
            Step::Trailer { headers, bytes } => {
                let room = MAX_TRAILER_BYTES - *bytes;
                if take_line(&mut self.held, rest, room).ok_or(Fault::TrailerTooLarge)? {
                    *bytes += self.held.len();
                    match read_header(&self.held)? {
                        Header::None => {}
                        Header::Signature { start } => {
                            let hash = trailer_hash(headers);
                            overwrite(&mut self.held, start, self.signer.trailer(&hash));
                            self.step = Step::LastLine;
                        }
                        Header::Other { name, value } => {
                            if headers.insert(name, value).is_some() {
                                return Err(Fault::Trailer);
                            }
                        }
                    }
                    out.append(&mut self.held);
                }
            }
            Step::LastLine => {
                if take_line(&mut self.held, rest, LINE_END.len()).ok_or(Fault::AfterTheEnd)? {
                    if self.held != LINE_END {
                        return Err(Fault::AfterTheEnd);
                    }
                    out.append(&mut self.held);
                    self.step = Step::Done;
                }
            }
            Step::Done => return Err(Fault::AfterTheEnd),
            Step::Broken(fault) => return Err(*fault),
        }
        Ok(())
    }

    /// The first line of a chunk is complete.
    fn begin_chunk(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (digits, size) = read_head(&self.held).ok_or(Fault::Head)?;
        if size > MAX_CHUNK_BYTES {
            return Err(Fault::ChunkTooLarge);
        }
        let left = usize::try_from(size).map_err(|_| Fault::ChunkTooLarge)?;
        // The client's signature goes; its spelling of the size stays, and with it the length.
        self.held.truncate(digits);
        self.step = Step::Data {
            digits,
            left,
            hash: Sha256::new(),
        };
        if left == 0 {
            self.end_chunk(out);
        }
        Ok(())
    }

    /// The data of a chunk is complete.
    fn end_chunk(&mut self, out: &mut Vec<u8>) {
        let Step::Data { digits, hash, .. } = std::mem::replace(&mut self.step, Step::Head) else {
            return;
        };
        let signature = self.signer.chunk(&hash.finalize().into());
        let (size, data) = self.held.split_at_checked(digits).unwrap_or_default();
        for part in [size, HEAD_MARK, signature.as_bytes(), LINE_END, data] {
            out.extend_from_slice(part);
        }
        self.step = match (data.is_empty(), self.form) {
            (true, Form::PayloadTrailer) => Step::Trailer {
                headers: BTreeMap::new(),
                bytes: 0,
            },
            (last, _) => Step::EndOfChunk { last },
        };
        // The next chunk may be long in coming; its first line needs little.
        self.held = Vec::with_capacity(MAX_HEAD_BYTES);
    }
}

/// Makes room for `more` bytes, of the `left` that will come at most: memory follows what has come, not what is
/// announced, and is moved a few times only.
pub(crate) fn grow(held: &mut Vec<u8>, more: usize, left: usize) {
    if held.capacity() - held.len() < more {
        held.reserve_exact(more.max(held.len()).min(left));
    }
}

/// Moves bytes of `rest` to `held` until a line is complete. `Some(true)`: it is; `None`: it does not
/// end within `limit` bytes.
fn take_line(held: &mut Vec<u8>, rest: &mut &[u8], limit: usize) -> Option<bool> {
    let end = rest.iter().position(|byte| *byte == b'\n');
    let length = end.map_or(rest.len(), |end| end + 1);
    let room = limit.checked_sub(held.len() + length)?;
    if end.is_none() && room == 0 {
        return None;
    }
    let (line, after) = rest.split_at_checked(length)?;
    held.extend_from_slice(line);
    *rest = after;
    Some(end.is_some())
}

/// How many digits the size has, and the size.
fn read_head(line: &[u8]) -> Option<(usize, u64)> {
    let line = line.strip_suffix(LINE_END)?;
    let digits = line.iter().position(|byte| *byte == b';')?;
    let (size, rest) = line.split_at_checked(digits)?;
    // `from_str_radix` takes a sign too.
    let is_hex = size.iter().all(u8::is_ascii_hexdigit);
    if !is_hex || !is_signature(rest.strip_prefix(HEAD_MARK)?) {
        return None;
    }
    let size = u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
    Some((digits, size))
}

/// A line after the last chunk.
enum Header {
    /// An empty line.
    None,
    /// The signature; where it starts.
    Signature { start: usize },
    /// One that is signed.
    Other { name: String, value: Vec<u8> },
}

fn read_header(line: &[u8]) -> Result<Header, Fault> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Ok(Header::None);
    }
    let mut halves = line.splitn(2, |byte| *byte == b':');
    let name = std::str::from_utf8(halves.next().unwrap_or_default()).unwrap_or_default();
    let value = halves.next().ok_or(Fault::Trailer)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_name) || value.iter().any(u8::is_ascii_control) {
        return Err(Fault::Trailer);
    }
    let name = name.to_ascii_lowercase();
    if name != "x-amz-trailer-signature" {
        return Ok(Header::Other {
            name,
            value: value.trim_ascii().to_vec(),
        });
    }
    let signature = value.trim_ascii_start();
    if !is_signature(signature) {
        return Err(Fault::Trailer);
    }
    Ok(Header::Signature {
        start: line.len() - signature.len(),
    })
}

/// Names sorted and in lower case, as headers are signed everywhere.
fn trailer_hash(headers: &BTreeMap<String, Vec<u8>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (name, value) in headers {
        for part in [name.as_bytes(), b":", value, b"\n"] {
            hash.update(part);
        }
    }
    hash.finalize().into()
}

fn overwrite(line: &mut [u8], start: usize, signature: &str) {
    for (to, from) in line.iter_mut().skip(start).zip(signature.bytes()) {
        *to = from;
    }
}

fn is_signature(text: &[u8]) -> bool {
    text.len() == 64 && text.iter().all(u8::is_ascii_hexdigit)
}

const LINE_END: &[u8] = b"\r\n";
const HEAD_MARK: &[u8] = b";chunk-signature=";

/// 16 digits of a size, the mark, the signature, the line end.
const MAX_HEAD_BYTES: usize = 16 + 17 + 64 + 2;
