//! Which secrets of a request `explain` prints.

use sigv4_egress::sigv4::percent_encoded;

/// `--show-token`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Header values that are secrets are replaced.
    Redacted,
    /// Everything: the canonical request can be hashed and compared.
    Whole,
}

/// What stands for a secret.
pub(crate) const REDACTED: &str = "<redacted>";

/// Signed headers whose value is a secret: the session token, and the keys of S3's SSE-C ("Using
/// server-side encryption with customer-provided keys" in the Amazon S3 User Guide).
const SECRET_HEADERS: &[&str] = &[
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-s3session-token",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
];

impl Shown {
    /// The value of a header as it is printed.
    pub(crate) fn value<'a>(self, name: &str, value: &'a str) -> &'a str {
        if self.hides(name) { REDACTED } else { value }
    }

    fn hides(self, name: &str) -> bool {
        self == Self::Redacted && SECRET_HEADERS.contains(&name)
    }

    /// A canonical request whose query has the session token, as it is printed.
    pub(crate) fn query(self, canonical: &str, token: &str) -> String {
        match self {
            Self::Redacted if !token.is_empty() => {
                canonical.replace(&percent_encoded(token), REDACTED)
            }
            _ => canonical.to_owned(),
        }
    }

    /// A canonical request as it is printed, and the headers that were replaced in it. No line but that of
    /// a header begins with a header's name and a colon: in path and query a colon is encoded.
    pub(crate) fn canonical_request(self, text: &[u8]) -> (Vec<u8>, Vec<&'static str>) {
        let mut redacted = Vec::new();
        let mut out = Vec::with_capacity(text.len());
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                out.push(b'\n');
            }
            let secret = SECRET_HEADERS.iter().find(|name| {
                let rest = line.strip_prefix(name.as_bytes());
                self.hides(name) && rest.is_some_and(|rest| rest.starts_with(b":"))
            });
            match secret {
                Some(name) => {
                    redacted.push(*name);
                    out.extend_from_slice(name.as_bytes());
                    out.push(b':');
                    out.extend_from_slice(REDACTED.as_bytes());
                }
                None => out.extend_from_slice(line),
            }
        }
        (out, redacted)
    }
}
