//! Why there are no new credentials, and when a further try makes sense.

use super::outcome::Fetched;
use std::fmt;

/// What a fetch can fail with. Its `Display` says what failed.
pub trait FetchError: fmt::Display {
    /// What is counted.
    fn outcome(&self) -> Fetched;

    /// What the operator should look at, in one sentence.
    fn advice(&self) -> &'static str;

    /// When a further try makes sense.
    fn retry(&self) -> Retry;
}

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

impl Failure {
    /// What a record keeps of an error.
    pub fn of(error: &dyn FetchError) -> Self {
        Self {
            cause: error.to_string(),
            advice: error.advice().to_owned(),
            retry: error.retry(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause, self.advice)
    }
}

/// When a further try makes sense. Credentials that still live sign in every case.
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
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Soon => "Soon",
            Self::Twice => "Twice",
            Self::BackOff => "BackOff",
            Self::Unlikely => "Unlikely",
        }
    }

    /// What [`Retry::word`] names.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|retry| retry.word() == word)
    }
}
