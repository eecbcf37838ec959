//! The canonical request: the text whose hash is signed.
//!
//! Source: "Create a canonical request" on the page "Create a signed AWS API request" of the IAM User
//! Guide.

use std::fmt;

use super::additions::{Additions, WRITTEN_HEADERS};
use super::encode;
use super::request::{HeaderSelection, Request, Settings};

/// A canonical request, in a buffer that can be filled again and again.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CanonicalRequest {
    /// The text itself. It holds header values, the session token among them, byte for byte: not for
    /// logs.
    pub text: Vec<u8>,
    /// The names of the signed headers: sorted, joined with `;`.
    pub signed_headers: String,
}

impl CanonicalRequest {
    /// Replaces the content by the canonical form of `request` with `additions`.
    pub(super) fn fill<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        request: &Request<'_, N, V>,
        additions: &Additions<'_>,
        settings: Settings,
    ) {
        let text = &mut self.text;
        text.clear();
        self.signed_headers.clear();

        let mut halves = request.path_and_query.splitn(2, |byte| *byte == b'?');
        text.extend_from_slice(request.method.as_bytes());
        text.push(b'\n');
        encode::path(text, halves.next().unwrap_or_default(), settings.path_style);
        text.push(b'\n');
        encode::query(text, halves.next().unwrap_or_default());
        text.push(b'\n');

        let own = request.headers.iter();
        let signed = own
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .filter(|(name, _)| is_signed(name, settings.signed_headers))
            .chain([(HOST, request.host)])
            .chain(additions.headers());
        // Sorted as they come, for they are few; repeated ones stay in their order.
        let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(8);
        for header in signed {
            let place = headers.partition_point(|(name, _)| *name <= header.0);
            headers.insert(place, header);
        }
        for repeats in headers.chunk_by(|one, next| one.0 == next.0) {
            for (position, (name, value)) in repeats.iter().enumerate() {
                if position > 0 {
                    text.push(b',');
                } else {
                    if !self.signed_headers.is_empty() {
                        self.signed_headers.push(';');
                    }
                    self.signed_headers.push_str(name);
                    text.extend_from_slice(name.as_bytes());
                    text.push(b':');
                }
                encode::header_value(text, value);
            }
            text.push(b'\n');
        }

        text.push(b'\n');
        text.extend_from_slice(self.signed_headers.as_bytes());
        text.push(b'\n');
        text.extend_from_slice(additions.payload_hash.as_bytes());
    }
}

/// Shows the names of the signed headers and no value.
impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CanonicalRequest")
            .field("bytes", &self.text.len())
            .field("signed_headers", &self.signed_headers)
            .finish()
    }
}

/// Whether a header of the request is signed as it came. Those that signing writes itself are not,
/// and `host` comes from its own field.
fn is_signed(name: &str, selection: HeaderSelection) -> bool {
    if name == HOST || name.starts_with(':') {
        return false;
    }
    if selection == HeaderSelection::Presigned {
        return true;
    }
    if WRITTEN_HEADERS.contains(&name) {
        return false;
    }
    match selection {
        HeaderSelection::Minimal => {
            name.starts_with("x-amz-") || matches!(name, "content-type" | "content-md5")
        }
        HeaderSelection::All | HeaderSelection::Presigned => true,
    }
}

const HOST: &str = "host";
