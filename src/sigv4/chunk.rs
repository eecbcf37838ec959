//! Signatures of the chunks of a body, each over the one before it.
//!
//! Sources: "Signature calculations for the Authorization header: transferring payload in multiple
//! chunks (chunked upload)" and "Signature calculations for trailing headers (chunked uploads)" in the
//! Amazon S3 API Reference.

use std::fmt;

use super::digest::EMPTY_SHA256;
use super::encode;
use super::hmac::HmacKey;
use super::scope::{Scope, credential_scope};
use crate::timestamp::AmzDate;

/// Signs the chunks of one body, in their order. It keeps the signing key, so a body may take longer
/// than its credentials live.
pub struct ChunkSigner {
    key: HmacKey,
    /// Date and credential scope, as they stand in every string to sign.
    context: String,
    /// At first that of the request's headers, the seed signature.
    previous: String,
}

impl ChunkSigner {
    pub(super) fn new(key: HmacKey, seed: &str, date: &AmzDate, scope: &Scope<'_>) -> Self {
        Self {
            key,
            context: [date.as_str(), &credential_scope(date, scope)].join("\n"),
            previous: seed.to_owned(),
        }
    }

    /// The signature of the next chunk: 64 hexadecimal digits in lower case. `data` is the SHA-256 of
    /// its data; the last chunk has none.
    pub fn chunk(&mut self, data: &[u8; 32]) -> &str {
        let hash = encode::hex(data);
        self.sign("AWS4-HMAC-SHA256-PAYLOAD", &[EMPTY_SHA256, &hash])
    }

    /// The signature of the trailing headers, after that of the last chunk. `headers` is the SHA-256 of
    /// `<name>:<value>\n` for each.
    pub fn trailer(&mut self, headers: &[u8; 32]) -> &str {
        let hash = encode::hex(headers);
        self.sign("AWS4-HMAC-SHA256-TRAILER", &[&hash])
    }

    fn sign(&mut self, algorithm: &str, hashes: &[&str]) -> &str {
        let mut lines = vec![algorithm, &self.context, &self.previous];
        lines.extend(hashes);
        let string_to_sign = lines.join("\n");
        self.previous = self.key.sign(&string_to_sign);
        &self.previous
    }
}

/// Shows no key.
impl fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner").finish_non_exhaustive()
    }
}
