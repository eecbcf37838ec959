//! The two forms of such bodies.

/// What `x-amz-content-sha256` says of a body that is signed chunk by chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`
    Payload,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`
    PayloadTrailer,
}

impl Form {
    /// The form with this `x-amz-content-sha256`; `None` for any other value.
    pub fn of(content_sha256: &str) -> Option<Self> {
        [Self::Payload, Self::PayloadTrailer]
            .into_iter()
            .find(|form| form.as_str() == content_sha256)
    }

    /// The value of `x-amz-content-sha256`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payload => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::PayloadTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        }
    }
}
