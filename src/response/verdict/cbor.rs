//! The code of an error in CBOR: `__type` in the outermost map (Smithy RPC v2 CBOR, "Operation error
//! serialization"; RFC 8949 section 3). What comes before it is skipped; nothing else is understood.

/// Whether the bytes begin with a map. A text in UTF-8 never does.
pub(super) fn is_map(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 5 == MAP)
}

/// The text under `__type`; `None` where there is none before the bytes end or make no sense.
pub(super) fn code(bytes: &[u8]) -> Option<&str> {
    let mut reader = Reader { rest: bytes };
    let (MAP, length) = reader.head()? else {
        return None;
    };
    // An indefinite map ends with a break, which is no key.
    for _ in 0..length.unwrap_or(u64::MAX) {
        let key = reader.text()?;
        if key == "__type" {
            return reader.text();
        }
        reader.skip(MAX_DEPTH)?;
    }
    None
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next item's major type and argument; no argument means an indefinite length.
    fn head(&mut self) -> Option<(u8, Option<u64>)> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let argument = match first & 31 {
            small @ 0..=23 => Some(u64::from(small)),
            // 1, 2, 4 or 8 bytes.
            size @ 24..=27 => {
                let bytes = self.take(1 << (size - 24))?;
                let shift = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
                Some(bytes.iter().fold(0, shift))
            }
            31 => None,
            _ => return None,
        };
        Some((first >> 5, argument))
    }

    /// A text of definite length.
    fn text(&mut self) -> Option<&'a str> {
        match self.head()? {
            (TEXT, Some(length)) => std::str::from_utf8(self.take(length)?).ok(),
            _ => None,
        }
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let (kind, argument) = self.head()?;
        match (kind, argument) {
            (UNSIGNED | NEGATIVE | SIMPLE, Some(_)) => {}
            (BYTES | TEXT, Some(length)) => {
                self.take(length)?;
            }
            (TAG, Some(_)) => self.skip(depth)?,
            (ARRAY, Some(count)) => self.skip_all(count, depth)?,
            (MAP, Some(count)) => self.skip_all(count.checked_mul(2)?, depth)?,
            (BYTES | TEXT | ARRAY | MAP, None) => {
                while *self.rest.first()? != BREAK {
                    self.skip(depth)?;
                }
                self.take(1)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// Every item takes a byte or more, so the bytes bound the count.
    fn skip_all(&mut self, count: u64, depth: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.skip(depth))
    }
}

// Major types.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

const BREAK: u8 = 0xff;
/// Errors of AWS are flat.
const MAX_DEPTH: usize = 16;
