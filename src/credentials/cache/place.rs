//! Where a role's record lies in shared data: under a name that all inputs of its credentials make.
//!
//! Two roles share a record only if they would get the same credentials in the same way. Each input is a field of its
//! own, with its length before it, so that no two lists of inputs read alike.

use crate::credentials::Secret;
use crate::sigv4::{hex, sha256};

/// All that decides which credentials come: fields behind one another, each of them self-delimiting.
#[derive(Debug, Default)]
pub struct Inputs(Vec<u8>);

impl Inputs {
    /// The key in shared data: `record/<form>/<SHA-256 of the inputs>`.
    pub(crate) fn place(&self, form: u32) -> String {
        format!("record/{form}/{}", hex(&sha256(&self.0)))
    }

    pub(crate) fn number(&mut self, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// What is not there is not what is empty.
    pub(crate) fn optional(&mut self, text: Option<&str>) {
        self.number(usize::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// As its hash: the value itself stays where it is.
    pub(crate) fn secret(&mut self, secret: &Secret) {
        self.bytes(&sha256(secret.expose().as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_is_not_in_the_inputs() {
        let mut inputs = Inputs::default();
        inputs.secret(&Secret::new("very-secret-token"));
        assert!(!String::from_utf8_lossy(&inputs.0).contains("very-secret"));
    }

    proptest! {
        /// Where one field ends and the next begins cannot be moved.
        #[test]
        fn different_fields_are_different_bytes(
            one in proptest::collection::vec(proptest::option::of("[ab\0]{0,3}"), 0..5),
            other in proptest::collection::vec(proptest::option::of("[ab\0]{0,3}"), 0..5),
        ) {
            let bytes = |texts: &[Option<String>]| {
                let mut inputs = Inputs::default();
                inputs.number(texts.len());
                texts.iter().for_each(|text| inputs.optional(text.as_deref()));
                inputs.0
            };
            prop_assert_eq!(one == other, bytes(&one) == bytes(&other));
        }
    }
}
