//! The signing key of SigV4A: a P-256 key pair, derived from secret access key and access key id.
//!
//! Sources: `source/key_derivation.c` of aws-c-auth (AWS documents the derivation nowhere else), which is
//! the "KDF in counter mode" of NIST SP 800-108 with HMAC-SHA256; ECDSA is that of FIPS 186-5, its nonce
//! that of RFC 6979, so that signing reads no randomness.

use hmac::Mac;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::ff::PrimeField;
use p256::{FieldBytes, NonZeroScalar, Scalar};

use super::encode;
use super::hmac::hmac;
use super::scope::Algorithm;
use crate::credentials::{Credentials, Secret};

/// Signs for any day, region and service. Overwritten when dropped, as `p256` has it.
#[derive(Clone)]
pub(super) struct EcdsaKey(SigningKey);

impl EcdsaKey {
    pub(super) fn derive(credentials: &Credentials) -> Self {
        let Credentials {
            access_key_id,
            secret_access_key,
            ..
        } = credentials;
        let input = Secret::new(format!("AWS4A{}", secret_access_key.expose()));
        let mut counter = 1_u8;
        loop {
            let mut mac = hmac(input.expose().as_bytes());
            // The number of the output's only block, the label and its end, the context, and the length
            // of the output in bits.
            mac.update(&1_u32.to_be_bytes());
            mac.update(Algorithm::SigV4A.as_str().as_bytes());
            mac.update(&[0]);
            mac.update(access_key_id.as_bytes());
            mac.update(&[counter]);
            mac.update(&256_u32.to_be_bytes());
            if let Some(key) = private_key(mac.finalize().into_bytes()) {
                return Self(key.into());
            }
            // One candidate in 2^32 is out of range.
            counter = counter.wrapping_add(1);
        }
    }

    /// The hexadecimal signature.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        // Fails for no key and no text: the hash is as long as the curve's order.
        let signature: Signature = self.0.sign(string_to_sign.as_bytes());
        let (r, s) = signature.split_bytes();
        let integers = [der(0x02, &unsigned(&r)), der(0x02, &unsigned(&s))];
        encode::hex(&der(0x30, &integers.concat()))
    }
}

/// Tag, length and content, of at most 127 bytes (X.690, section 8.1.3.4). What `p256` has for it can read DER too,
/// which takes 12 kB of the module.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or_default();
    [&[tag, length], content].concat()
}

/// A number as DER has it: without zeros in front, but for one where the highest bit would be a sign.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    let is_negative = digits.first().is_none_or(|first| *first >= 0x80);
    let sign: &[u8] = if is_negative { &[0] } else { &[] };
    [sign, digits].concat()
}

/// The candidate plus one, where the candidate is at most the curve's order minus two.
fn private_key(candidate: FieldBytes) -> Option<NonZeroScalar> {
    // A scalar is below the order, and the largest one plus one is zero.
    let scalar = Option::<Scalar>::from(Scalar::from_repr(candidate))?;
    NonZeroScalar::new(scalar + Scalar::ONE).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn derive(access_key_id: &str, secret_access_key: &str) -> EcdsaKey {
        EcdsaKey::derive(&Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: Secret::new(""),
            expires_at: SystemTime::UNIX_EPOCH,
        })
    }

    #[track_caller]
    fn check(access_key_id: &str, secret_access_key: &str, x: &str, y: &str) {
        let key = derive(access_key_id, secret_access_key);
        let point = key.0.verifying_key().to_sec1_point(false);
        assert_eq!(encode::hex(point.as_bytes()), format!("04{x}{y}"));
    }

    #[test]
    fn the_keys_of_awss_examples_are_derived() {
        // aws-c-auth, tests/key_derivation_tests.c.
        check(
            "AKISORANDOMAASORANDOM",
            "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom",
            "15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb",
            "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0",
        );
        // The suite's public-key.json.
        check(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1",
            "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518",
        );
    }

    #[test]
    fn secrets_of_any_length_derive_the_keys_of_the_aws_crate() {
        for length in [0, 1, 40, 58, 59, 60, 200] {
            let secret = "k".repeat(length);
            let expected = aws_sigv4::sign::v4a::generate_signing_key("ASIAEXAMPLE", &secret);
            let found = derive("ASIAEXAMPLE", &secret).0.to_bytes();
            assert_eq!(*found, *expected.as_ref(), "{length}");
        }
    }

    #[test]
    fn a_candidate_is_a_key_up_to_the_order_minus_two() {
        let candidate = |hex: &str| {
            let bytes = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
            private_key(FieldBytes::from_iter(bytes)).map(|key| encode::hex(&key.to_repr()))
        };
        let order = |last: &str| {
            format!("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc6325{last}")
        };
        assert_eq!(candidate(&"0".repeat(64)), Some(format!("{:064x}", 1)));
        assert_eq!(candidate(&order("4f")), Some(order("50")));
        assert_eq!(candidate(&order("50")), None);
        assert_eq!(candidate(&order("51")), None);
        assert_eq!(candidate(&"f".repeat(64)), None);
    }

    #[test]
    fn the_nonce_is_that_of_rfc_6979() {
        // RFC 6979, appendix A.2.5, "With SHA-256, message = "sample"".
        let hex = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
        let bytes = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
        let key = SigningKey::from_bytes(&FieldBytes::from_iter(bytes)).unwrap();
        assert_eq!(
            EcdsaKey(key).sign("sample"),
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        );
    }
}
