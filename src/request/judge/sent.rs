//! What clients send to [`super::Judge`].

use crate::credentials::role::RoleId;
use crate::decision::{Decision, LeftAlone, PayloadPlan, Plan, Signed};
use crate::refusal::ErrorFormat;
use crate::sigv4::{Algorithm, ContentSha256, PathStyle};

/// How a request's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::request) enum Close {
    /// Its last part says so.
    WithTheLastPart,
    /// An empty part does.
    Alone,
    /// Its trailers do.
    WithTrailers,
}

/// What a client sends.
#[derive(Clone, Debug)]
pub(in crate::request) struct Sent {
    pub(in crate::request) decision: Decision,
    pub(in crate::request) method: &'static str,
    /// `None`: the head is all.
    pub(in crate::request) body: Option<Vec<u8>>,
    pub(in crate::request) has_length: bool,
    pub(in crate::request) close: Close,
}

impl Sent {
    /// With a body in the terms of the plan, and its length.
    pub(in crate::request) fn new(payload: PayloadPlan, body: &[u8]) -> Self {
        Self {
            decision: Decision::Sign(plan(payload)),
            method: "POST",
            body: Some(body.to_vec()),
            has_length: true,
            close: Close::WithTheLastPart,
        }
    }

    pub(in crate::request) fn without_body() -> Self {
        Self {
            body: None,
            ..Self::new(PayloadPlan::Empty, b"")
        }
    }

    pub(in crate::request) fn without_length(self) -> Self {
        Self {
            has_length: false,
            ..self
        }
    }

    pub(in crate::request) fn closed(self, close: Close) -> Self {
        Self { close, ..self }
    }

    pub(in crate::request) fn is_left_alone(&self) -> bool {
        matches!(
            self.decision,
            Decision::LeaveAlone(_) | Decision::Observe(_)
        )
    }

    pub(in crate::request) fn is_exchange(&self) -> bool {
        matches!(self.decision, Decision::Exchange(_))
    }

    pub(in crate::request) fn is_chunk_signed(&self) -> bool {
        matches!(&self.decision, Decision::Sign(plan) if matches!(plan.payload, PayloadPlan::ChunkSigned(_)))
    }
}

fn plan(payload: PayloadPlan) -> Plan {
    Plan {
        withheld_method: None,
        authority: "s3.eu-west-1.amazonaws.com".to_owned(),
        path_and_query: None,
        algorithm: Algorithm::SigV4,
        service: "s3".to_owned(),
        region: "eu-west-1".to_owned(),
        role: RoleId::OWN,
        path_style: PathStyle::S3,
        payload,
        content_sha256: ContentSha256::Written,
        why: Signed::NoSignature,
        format: ErrorFormat::S3,
    }
}

pub(in crate::request) fn left_alone(body: &[u8]) -> Sent {
    Sent {
        decision: Decision::LeaveAlone(LeftAlone::NotAws),
        ..Sent::new(PayloadPlan::Empty, body)
    }
}

pub(in crate::request) fn exchange(body: &[u8]) -> Sent {
    Sent {
        decision: Decision::Exchange(Box::default()),
        ..Sent::new(PayloadPlan::Empty, body)
    }
}

/// What stands for a body that streams.
pub(in crate::request) const STREAMED: &str = "UNSIGNED-PAYLOAD";
/// The client's signature of each chunk.
pub(in crate::request) const CLIENTS: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// A body that is signed chunk by chunk.
pub(in crate::request) fn chunks(data: &[&str]) -> Vec<u8> {
    let chunk = |data: &&str| format!("{:x};chunk-signature={CLIENTS}\r\n{data}\r\n", data.len());
    data.iter()
        .chain(&[""])
        .map(chunk)
        .collect::<String>()
        .into_bytes()
}
