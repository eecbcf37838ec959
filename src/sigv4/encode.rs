//! Percent-encoding of paths and queries, and trimming of header values, as SigV4 wants them.
//!
//! Input is whatever stood on the wire: any bytes, encoded by the client well, badly or not at all.
//! The service decodes what it receives and encodes it again its own way, so the canonical form must
//! depend on what the bytes mean, not on how the client spelled them.
//!
//! Sources: "Create a signed AWS API request" in the IAM User Guide (steps for the canonical URI, query
//! string and headers); `remove_dot_segments` of botocore's `utils.py` and `s_append_normalized_path` of
//! awslabs/aws-c-auth's `aws_signing.c` for dot segments; `source/extensions/common/aws/utility.cc` of
//! Envoy, which we follow except where its own comments and replies of AWS disagree (mixed S3 paths,
//! `..` above the root).

use std::collections::BinaryHeap;

use super::request::PathStyle;

/// Appends the canonical form of `path` (without its query). An empty path is `/`.
pub(super) fn path(out: &mut Vec<u8>, path: &[u8], style: PathStyle) {
    if path.is_empty() {
        out.push(b'/');
        return;
    }
    match style {
        // A slash stays one, also where it came encoded: a key has no other. "Encode the forward slash
        // character, '/', everywhere except in the object key name" ("Authenticating Requests: Using the
        // Authorization Header" in the Amazon S3 API Reference). The SDK for Java 1 sends a key with `//` as
        // `/%2F` and signs `//`. MinIO, Ceph and s3s decode a key in the same way before they verify.
        PathStyle::S3 if path.starts_with(CONTROL) => {
            for (position, segment) in path.split(|byte| *byte == b'/').enumerate() {
                if position > 0 {
                    out.push(b'/');
                }
                encode(out, segment, is_unreserved, b'+');
            }
        }
        PathStyle::S3 => encode(out, path, |byte| is_unreserved(byte) || byte == b'/', b'+'),
        PathStyle::Normalised => normalised_path(out, path),
    }
}

/// How paths of S3 Control's API begin. They have no keys, and SDKs sign the slashes of an ARN in them as they send them,
/// `%2F` (botocore's `S3SigV4Auth`; seen in `GetBucket` of S3 on Outposts).
const CONTROL: &[u8] = b"/v20180820/";

/// Appends the canonical form of `query` (without its `?`): every name and value decoded and encoded
/// again, sorted by encoded name, then by encoded value.
pub(super) fn query(out: &mut Vec<u8>, query: &[u8]) {
    if query.is_empty() {
        return;
    }
    let start = out.len();
    let mut parameters = Vec::new();
    let pieces = query.split(|byte| *byte == b'&');
    for parameter in pieces.filter(|parameter| !parameter.is_empty()) {
        let equals = parameter.iter().position(|byte| *byte == b'=');
        let (name, value) = parameter.split_at(equals.unwrap_or(parameter.len()));
        if !parameters.is_empty() {
            out.push(b'&');
        }
        let from = out.len();
        query_component(out, name);
        let equals = out.len();
        out.push(b'=');
        query_component(out, value.get(1..).unwrap_or_default());
        parameters.push((from - start, equals - start, out.len() - start));
    }
    let written = out.get(start..).unwrap_or_default();
    // Most clients sort them.
    if parameters.is_sorted_by_key(|parameter| parts(written, *parameter)) {
        return;
    }
    let unsorted = out.split_off(start);
    let parameters = parameters.into_iter();
    let heap: BinaryHeap<_> = parameters
        .map(|parameter| parts(&unsorted, parameter))
        .collect();
    for (name, value) in heap.into_sorted_vec() {
        if out.len() > start {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.extend_from_slice(value);
    }
}

/// Name and value of a parameter, the value with its `=`.
fn parts(query: &[u8], (from, equals, end): (usize, usize, usize)) -> (&[u8], &[u8]) {
    let name = query.get(from..equals).unwrap_or_default();
    (name, query.get(equals..end).unwrap_or_default())
}

/// Appends a header value without the whitespace around it, and with every run of whitespace inside it
/// as one space.
///
/// Tabs count as spaces. AWS's page speaks of spaces only, but S3 takes a tab for one
/// (aws/aws-sdk-net #1222: `my\tvalue` signed with its tab is refused, signed with a space accepted), and
/// so do botocore, aws-c-auth, the SDKs for Java and JavaScript, and Envoy. No header on the wire holds
/// whitespace other than these two (RFC 9110, section 5.5).
pub(super) fn header_value(out: &mut Vec<u8>, value: &[u8]) {
    // Such as a session token, of a thousand bytes.
    if is_without_space(value) {
        out.extend_from_slice(value);
        return;
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let words = value.split(is_space).filter(|word| !word.is_empty());
    for (position, word) in words.enumerate() {
        if position > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// Whether no byte is a space or below it, eight bytes at a time.
fn is_without_space(value: &[u8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = value.as_chunks();
    let is_word_without = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        // The subtraction borrows into the highest bit of a byte that was below 0x21, and of no other one whose
        // highest bit is clear, unless a byte before it was below.
        word.wrapping_sub(0x21 * EACH) & !word & (0x80 * EACH) == 0
    };
    words.iter().all(is_word_without) && rest.iter().all(|byte| *byte > b' ')
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = vec![0; 2 * bytes.len()];
    let (pairs, _) = text.as_chunks_mut();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [hex_digit(byte >> 4, b'a'), hex_digit(byte & 0xf, b'a')];
    }
    // Never the default: digits are ASCII.
    String::from_utf8(text).unwrap_or_default()
}

/// Drops empty and `.` segments, goes up on `..` but never above the root, keeps a trailing slash, and
/// encodes what is there without decoding it first, so that `%20` becomes `%2520`.
fn normalised_path(out: &mut Vec<u8>, path: &[u8]) {
    let start = out.len();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                // Encoded segments hold no slash, so the last one starts the segment to drop.
                let written = out.get(start..).unwrap_or_default();
                let parent = written.iter().rposition(|byte| *byte == b'/');
                out.truncate(start.saturating_add(parent.unwrap_or(0)));
            }
            _ => {
                out.push(b'/');
                let mut rest = segment;
                while let Some((byte, after)) = take_run(out, rest, is_unreserved) {
                    push_encoded(out, byte);
                    rest = after;
                }
            }
        }
    }
    if out.len() == start || path.ends_with(b"/") {
        out.push(b'/');
    }
}

/// A raw `+` is a form's spelling of a space, which is how AWS's services read it.
fn query_component(out: &mut Vec<u8>, component: &[u8]) {
    encode(out, component, is_unreserved, b' ');
}

/// Decodes each valid `%XX` and encodes again what does not stay as it is. A `%` that starts none is a byte like
/// any other; a raw `+` means the byte `plus`.
fn encode(out: &mut Vec<u8>, bytes: &[u8], stays: impl Fn(u8) -> bool, plus: u8) {
    let mut rest = bytes;
    while let Some((byte, after)) = take_run(out, rest, &stays) {
        let (byte, after) = match (byte, escaped(after)) {
            (b'%', Some(decoded)) => decoded,
            (b'+', _) => (plus, after),
            _ => (byte, after),
        };
        if stays(byte) {
            out.push(byte);
        } else {
            push_encoded(out, byte);
        }
        rest = after;
    }
}

/// Encodes all that is not unreserved, `%` included.
pub fn percent_encoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = take_run(&mut out, rest, is_unreserved) {
        push_encoded(&mut out, byte);
        rest = after;
    }
    // Never the default: all of it is ASCII.
    String::from_utf8(out).unwrap_or_default()
}

/// Decodes each valid `%XX`; a `%` that starts none is a byte like any other.
pub fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = take_run(&mut out, rest, |byte| byte != b'%') {
        let (byte, after) = escaped(after).unwrap_or((byte, after));
        out.push(byte);
        rest = after;
    }
    out
}

/// Appends what stays as it is up to the first byte that does not; returns that one, and what follows it.
fn take_run<'a>(
    out: &mut Vec<u8>,
    bytes: &'a [u8],
    stays: impl Fn(u8) -> bool,
) -> Option<(u8, &'a [u8])> {
    let end = bytes.iter().position(|byte| !stays(*byte));
    let (run, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    out.extend_from_slice(run);
    let (byte, after) = rest.split_first()?;
    Some((*byte, after))
}

/// What follows a `%`: the byte that two digits stand for, and the rest.
fn escaped(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = bytes else {
        return None;
    };
    Some((hex_value(*high)? << 4 | hex_value(*low)?, rest))
}

/// RFC 3986's unreserved characters; everything else is encoded.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// In upper-case hexadecimal.
fn push_encoded(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[
        b'%',
        hex_digit(byte >> 4, b'A'),
        hex_digit(byte & 0xf, b'A'),
    ]);
}

/// `ten` is the digit for 10.
fn hex_digit(nibble: u8, ten: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => ten + (nibble & 0xf) - 10,
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_path(style: PathStyle, wire: &[u8], canonical: &str) {
        let mut out = b"before".to_vec();
        path(&mut out, wire, style);
        assert_eq!(String::from_utf8_lossy(&out), format!("before{canonical}"));
    }

    #[test]
    fn an_s3_path_is_decoded_once_and_encoded_once() {
        let check = |wire: &[u8], canonical| check_path(PathStyle::S3, wire, canonical);
        check(b"", "/");
        check(b"/", "/");
        check(b"/a%20b", "/a%20b");
        check(b"/a b", "/a%20b");
        check(b"/mac@2x.png", "/mac%402x.png");
        check(b"/a+b", "/a%2Bb");
        check(b"/mac@2x%20a.png", "/mac%402x%20a.png");
        check(b"/%3Fa=b%20c", "/%3Fa%3Db%20c");
        check(b"/p(1)%20x", "/p%281%29%20x");
        check(b"/a+b%20c", "/a%2Bb%20c");
        check(b"/k%e4", "/k%E4");
        check(b"/k\xe4", "/k%E4");
        check(b"/a%7Eb", "/a~b");
        check(b"/a%41b", "/aAb");
    }

    #[test]
    fn an_encoded_slash_in_an_s3_path_is_a_slash() {
        check_path(PathStyle::S3, b"/a%2Fb", "/a/b");
        check_path(PathStyle::S3, b"/a/%2fb", "/a//b");
        // The key holds the three characters.
        check_path(PathStyle::S3, b"/a%252Fb", "/a%252Fb");
    }

    #[test]
    fn an_encoded_slash_in_a_path_of_s3_control_stays_encoded() {
        check_path(
            PathStyle::S3,
            b"/v20180820/bucket/arn%3Aaws%3Aoutpost%2fop-1%2Fbucket%2Fb1",
            "/v20180820/bucket/arn%3Aaws%3Aoutpost%2Fop-1%2Fbucket%2Fb1",
        );
        check_path(PathStyle::S3, b"/v20180820/", "/v20180820/");
        check_path(PathStyle::S3, b"/v20180820", "/v20180820");
    }

    #[test]
    fn a_stray_percent_in_an_s3_path_is_a_byte_like_any_other() {
        check_path(PathStyle::S3, b"/100%", "/100%25");
        check_path(PathStyle::S3, b"/100%2", "/100%252");
        check_path(PathStyle::S3, b"/%zz", "/%25zz");
        check_path(PathStyle::S3, b"/%%20", "/%25%20");
    }

    #[test]
    fn an_s3_path_keeps_its_dot_segments_and_double_slashes() {
        check_path(PathStyle::S3, b"//a/./../b//", "//a/./../b//");
    }

    #[test]
    fn a_normalised_path_is_encoded_a_second_time() {
        let check = |wire: &[u8], canonical| check_path(PathStyle::Normalised, wire, canonical);
        check(b"/a%20b", "/a%2520b");
        check(b"/x:y", "/x%3Ay");
        check(b"/%3Fa=b%20c", "/%253Fa%3Db%2520c");
        check(b"/a%2Fb", "/a%252Fb");
        check(b"/100%", "/100%25");
        check(b"/\xe1\x88\xb4", "/%E1%88%B4");
    }

    #[test]
    fn a_normalised_path_has_no_dot_segment_and_no_empty_one() {
        let check = |wire: &[u8], canonical| check_path(PathStyle::Normalised, wire, canonical);
        check(b"", "/");
        check(b"/", "/");
        check(b"//a//b/", "/a/b/");
        check(b"/a/./b", "/a/b");
        check(b"/./", "/");
        check(b"/a/b/..", "/a");
        check(b"/a/b/../", "/a/");
        check(b"/a/..b/...", "/a/..b/...");
        check(b"/a%2F../b", "/a%252F../b");
    }

    #[test]
    fn a_normalised_path_never_goes_above_the_root() {
        let check = |wire: &[u8], canonical| check_path(PathStyle::Normalised, wire, canonical);
        check(b"/..", "/");
        check(b"/../", "/");
        check(b"/../a", "/a");
        check(b"/a/../../b", "/b");
        check(b"/a/../..", "/");
    }

    #[track_caller]
    fn check_query(wire: &[u8], canonical: &str) {
        let mut out = Vec::new();
        query(&mut out, wire);
        assert_eq!(String::from_utf8_lossy(&out), canonical);
    }

    #[test]
    fn a_query_is_decoded_encoded_and_sorted() {
        check_query(b"", "");
        check_query(b"b=2&a=1", "a=1&b=2");
        check_query(b"a=2&a=1", "a=1&a=2");
        check_query(b"acl", "acl=");
        check_query(b"&&a=1&&", "a=1");
        check_query(b"=v", "=v");
        check_query(b"a=b=c", "a=b%3Dc");
        check_query(b"a=%7e%e4", "a=~%E4");
        check_query(b"prefix=a/b:c", "prefix=a%2Fb%3Ac");
        check_query(b"a=100%&b=%zz", "a=100%25&b=%25zz");
        check_query(b"a=\xff", "a=%FF");
        check_query(b"a=1?b", "a=1%3Fb");
    }

    #[test]
    fn a_raw_plus_in_a_query_is_a_space_and_an_encoded_one_is_a_plus() {
        check_query(b"a=b+c%2Bd%20e", "a=b%20c%2Bd%20e");
    }

    #[test]
    fn parameters_are_sorted_by_encoded_name_before_value() {
        // "a-b" sorts after "a" although '-' sorts before '='.
        check_query(b"a-b=1&a=2", "a=2&a-b=1");
        // Encoded, ':' starts with '%' and sorts before 'A'.
        check_query(b"A=1&:=2", "%3A=2&A=1");
    }

    #[track_caller]
    fn check_header_value(wire: &[u8], canonical: &[u8]) {
        let mut out = Vec::new();
        header_value(&mut out, wire);
        assert_eq!(out, canonical);
    }

    #[test]
    fn a_header_value_is_trimmed_and_its_spaces_collapsed() {
        check_header_value(b"", b"");
        check_header_value(b"  ", b"");
        check_header_value(b" a   b  c ", b"a b c");
        check_header_value(b"\t \"a   b\" \t", b"\"a b\"");
        check_header_value(b"\xff  \xfe", b"\xff \xfe");
    }

    #[test]
    fn a_tab_in_a_header_value_is_a_space() {
        check_header_value(b"my\tvalue", b"my value");
        check_header_value(b"a\t\tb \t c", b"a b c");
    }

    #[test]
    fn what_is_no_escape_is_not_decoded() {
        assert_eq!(percent_decoded(b"%41%2f%2F+%%4%4g%"), b"A//+%%4%4g%");
    }

    #[test]
    fn hex_is_lower_case() {
        assert_eq!(hex(&[0x00, 0x9a, 0xff]), "009aff");
    }
}
