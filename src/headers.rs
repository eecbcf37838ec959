//! Headers as Envoy hands them over: one buffer, read in place.

/// Name and value of one header. Names are in lower case.
pub type Header<'a> = (&'a str, &'a [u8]);

/// The headers in a map of the proxy-wasm ABI, pseudo-headers included, in their order: their number, for each
/// the lengths of name and value, and then for each name and value, both with a NUL behind them (ABI 0.2.1,
/// `proxy_get_header_map_pairs`). `None` for anything else.
pub fn read(map: &[u8]) -> Option<Vec<Header<'_>>> {
    if map.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = number(map)?;
    let (lengths, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut headers = Vec::with_capacity(count);
    let (lengths, _) = lengths.as_chunks::<8>();
    for [n0, n1, n2, n3, v0, v1, v2, v3] in lengths {
        let name = text(&mut texts, [*n0, *n1, *n2, *n3])?;
        let value = text(&mut texts, [*v0, *v1, *v2, *v3])?;
        headers.push((std::str::from_utf8(name).ok()?, value));
    }
    texts.is_empty().then_some(headers)
}

/// The values of a header, in order.
pub fn values<'a>(headers: &[Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| *value)
}

/// The first value of a header.
pub fn value<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    values(headers, name).next()
}

/// Whether a text can be a header's name, or a method: a token (RFC 9110, section 5.6.2). What the crate `http` has for
/// names knows the common ones by heart, in 15 kB.
pub fn is_token(text: &str) -> bool {
    let byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(byte)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// Takes a text of this length and the NUL behind it.
fn text<'a>(texts: &mut &'a [u8], length: [u8; 4]) -> Option<&'a [u8]> {
    let (length, _) = number(&length)?;
    let (text, rest) = texts.split_at_checked(length)?;
    *texts = rest.strip_prefix(&[0])?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(headers: &[(String, Vec<u8>)]) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let mut map = u32::try_from(headers.len()).unwrap().to_le_bytes().to_vec();
        for (name, value) in headers {
            map.extend([length(name.as_bytes()), length(value)].concat());
        }
        for (name, value) in headers {
            map.extend([name.as_bytes(), b"\0", value, b"\0"].concat());
        }
        map
    }

    #[test]
    fn an_empty_buffer_and_a_map_of_none_hold_no_headers() {
        assert_eq!(read(b""), Some(Vec::new()));
        assert_eq!(read(&[0; 4]), Some(Vec::new()));
    }

    #[test]
    fn a_map_that_is_too_long_is_none() {
        let mut map = map(&[("host".to_owned(), b"a".to_vec())]);
        assert!(read(&map).is_some());
        map.push(0);
        assert_eq!(read(&map), None);
    }

    #[test]
    fn a_token_is_what_the_crate_http_takes_for_a_name() {
        let byte = |byte: u8| char::from(byte).to_string();
        let texts = (0..=127)
            .map(byte)
            .chain(["", "é", "a b", "X-Via_1~"].map(str::to_owned));
        for text in texts {
            let is_name = http::HeaderName::from_bytes(text.as_bytes()).is_ok();
            assert_eq!(is_token(&text), is_name, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            headers in proptest::collection::vec(("\\PC{0,9}", proptest::collection::vec(any::<u8>(), 0..9)), 0..9),
        ) {
            let map = map(&headers);
            let found = read(&map).unwrap();
            let expected: Vec<Header<'_>> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            prop_assert_eq!(found, expected);
            for end in 0..map.len() {
                prop_assert!(end == 0 || read(&map[..end]).is_none());
            }
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes: Vec<u8>) {
            read(&bytes);
        }
    }
}
