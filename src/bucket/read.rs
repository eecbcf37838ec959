//! Reading paths, queries and copy sources as S3 does: percent-decoded once, and cut at slashes, encoded or not.

use std::borrow::Cow;

/// A text that is no UTF-8, or has a `%` without two hexadecimal digits behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The segments of a path that are not empty, percent-decoded. A bucket's name holds no slash, so one that is encoded
/// ends it as well: S3 decodes before it looks for the slash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    pub(super) fn of(path: &'a [u8]) -> Self {
        Self { rest: path }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Cow<'a, str>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rest {
                [] => return None,
                [b'/', rest @ ..] | [b'%', b'2', b'F' | b'f', rest @ ..] => self.rest = rest,
                _ => break,
            }
        }
        let stop = |byte: &u8| matches!(byte, b'/' | b'%');
        let plain = self.rest.iter().position(stop).unwrap_or(self.rest.len());
        let (segment, rest) = self.rest.split_at_checked(plain)?;
        if rest.first() != Some(&b'%') {
            self.rest = rest;
            let text = std::str::from_utf8(segment).map(Cow::Borrowed);
            return Some(text.map_err(|_| Unreadable));
        }
        let mut decoded = Vec::new();
        let mut fault = None;
        loop {
            match self.rest {
                [] | [b'/', ..] | [b'%', b'2', b'F' | b'f', ..] => break,
                [b'%', rest @ ..] => {
                    let byte = rest
                        .split_first_chunk()
                        .and_then(|([high, low], _)| Some((hex(*high)? << 4) | hex(*low)?));
                    self.rest = match byte {
                        Some(byte) => {
                            decoded.push(byte);
                            rest.get(2..).unwrap_or_default()
                        }
                        None => {
                            fault = Some(Unreadable);
                            rest
                        }
                    };
                }
                [byte, rest @ ..] => {
                    decoded.push(*byte);
                    self.rest = rest;
                }
            }
        }
        let text = String::from_utf8(decoded).map_err(|_| Unreadable);
        Some(match fault {
            None => text.map(Cow::Owned),
            Some(fault) => Err(fault),
        })
    }
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A query's parameters: names decoded, values as they are.
pub(super) fn parameters(
    query: &[u8],
) -> impl Iterator<Item = (Result<Cow<'_, str>, Unreadable>, &[u8])> {
    let pieces = query.split(|byte| *byte == b'&');
    pieces.filter_map(|piece| {
        let (name, value) = split(piece, b'=');
        Some((Segments::of(name).next()?, value))
    })
}

/// What stands before the first of a byte, and behind it.
pub(super) fn split(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let place = text.iter().position(|byte| *byte == at);
    let (before, behind) = text
        .split_at_checked(place.unwrap_or(text.len()))
        .unwrap_or((text, &[]));
    (before, behind.get(1..).unwrap_or_default())
}
