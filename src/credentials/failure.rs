//! Why there are no new credentials, and when a further try makes sense.

use crate::credentials::source::container::{AuthorizationError, ContainerError};
use crate::credentials::source::web_identity::token::TokenError;
use crate::credentials::sts::{Recoverability, StsError};
use std::fmt;

/// Why the last fetch failed. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What failed, with AWS's code and message.
    pub cause: String,
    /// What to do about it.
    pub advice: String,
    /// When a further try makes sense.
    pub retry: Retry,
}

/// When a further try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At once: the failure is in this pod, such as a listener that is not up yet.
    Soon,
    /// Within seconds, but after the second failure in a row as [`Retry::Unlikely`].
    Twice,
    /// After a pause: STS or the way to it.
    BackOff,
    /// Somebody has to change something first; still tried now and then.
    Unlikely,
}

impl Retry {
    const ALL: [Self; 4] = [Self::Soon, Self::Twice, Self::BackOff, Self::Unlikely];

    /// As a stored record names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Soon => "Soon",
            Self::Twice => "Twice",
            Self::BackOff => "BackOff",
            Self::Unlikely => "Unlikely",
        }
    }

    /// What [`Retry::word`] names.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|retry| retry.word() == word)
    }

    fn of(recoverability: Recoverability) -> Self {
        match recoverability {
            Recoverability::Recoverable => Self::BackOff,
            Recoverability::RetryQuickly => Self::Twice,
            Recoverability::NonRecoverable => Self::Unlikely,
        }
    }
}

impl From<&StsError> for Failure {
    fn from(error: &StsError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            retry: Retry::of(error.recoverability()),
        }
    }
}

impl From<&TokenError> for Failure {
    fn from(error: &TokenError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            retry: match error {
                // The listener comes up after the clusters, the kubelet writes when it gets to it.
                TokenError::Unreachable
                | TokenError::Status(_)
                | TokenError::Empty
                | TokenError::Expired { .. } => Retry::Soon,
                TokenError::TooLong(_)
                | TokenError::Malformed(_)
                | TokenError::WrongAudience { .. } => Retry::Unlikely,
            },
        }
    }
}

impl From<&ContainerError> for Failure {
    fn from(error: &ContainerError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            retry: Retry::of(error.recoverability()),
        }
    }
}

impl From<&AuthorizationError> for Failure {
    fn from(error: &AuthorizationError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            // The file is there as soon as the kubelet has written it.
            retry: Retry::Soon,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause, self.advice)
    }
}
