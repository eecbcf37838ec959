//! An error as AWS, or an endpoint that speaks like it, puts it.

use super::quote::Quote;
use crate::credentials::Secret;
use std::fmt;

/// An error in its sender's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// HTTP status.
    pub status: u16,
    /// Such as `AccessDenied`, at most 64 characters. Empty if the reply names none: then it is
    /// hardly STS's.
    pub code: Quote,
    /// At most 512 characters; may be empty.
    pub message: Quote,
}

impl AwsError {
    /// Quotes both, without a part of the secrets.
    pub fn new(status: u16, code: &str, message: &str, secrets: &[Secret]) -> Self {
        Self {
            status,
            code: Quote::new(code, MAX_CODE_CHARS, secrets),
            message: Quote::new(message, MAX_MESSAGE_CHARS, secrets),
        }
    }

    /// Whether the sender names no code.
    pub(crate) fn is_without_code(&self) -> bool {
        self.code.as_str().is_empty()
    }
}

/// `AccessDenied: Not authorized to perform ... (status 403)`.
impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_without_code() {
            write!(f, "{}: ", self.code)?;
        }
        if !self.message.as_str().is_empty() {
            write!(f, "{} ", self.message)?;
        }
        write!(f, "(status {})", self.status)
    }
}

const MAX_CODE_CHARS: usize = 64;
const MAX_MESSAGE_CHARS: usize = 512;
