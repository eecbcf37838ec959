//! HMAC-SHA256 (RFC 2104), with keys that have hashed their first block.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{digest, encode};

/// A key's state after its first block, inner and outer, so that a signature hashes its text alone. Overwritten when
/// dropped, as `hmac` and `sha2` have it.
#[derive(Clone)]
pub(super) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    pub(super) fn new(key: &[u8]) -> Self {
        Self(hmac(key))
    }

    /// The hexadecimal signature.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        encode::hex(&self.mac(string_to_sign))
    }

    /// The signature itself.
    pub(super) fn mac(&self, string_to_sign: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(string_to_sign.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// RFC 2104, section 2: a key longer than a block is hashed, a shorter one filled up with zeros.
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    let digest = (key.len() > block.len()).then(|| digest::sha256(key));
    let key = digest.as_ref().map_or(key, |digest| digest);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block)
}
