//! The third stage: how a permitted request is signed, and what stands for its body.

use super::head::Head;
use super::permission::Permission;
use super::target::{Addressed, Target};
use super::unsigned::{LeftAlone, Unsigned};
use crate::authorization::{ClientScope, ClientSignature};
use crate::chunked::{Fault, Form};
use crate::config::Config;
use crate::credentials::role::RoleId;
use crate::endpoint::{BucketPlace, Endpoint, bucket_place};
use crate::events::EVENTS;
use crate::policy::{OnClientSignature, PayloadMode, Unmarked};
use crate::refusal::{ErrorFormat, Refusal, Unreplaced};
use crate::report::words::words;
use crate::sigv4::{Algorithm, ContentSha256, HeaderSelection, PathStyle, Scope, Settings};

/// How to sign one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The `:authority` that is signed and forwarded.
    pub authority: String,
    /// The `:path` that is signed and forwarded, where it is not the one that came.
    pub path_and_query: Option<String>,
    /// The `:method`, where the request lacks it while it is held: so that Envoy would not forward it unsigned.
    pub withheld_method: Option<String>,
    /// What signs.
    pub algorithm: Algorithm,
    /// The signing name.
    pub service: String,
    /// The signing region; for [`Algorithm::SigV4A`] the region set.
    pub region: String,
    /// Whose credentials sign.
    pub role: RoleId,
    /// How the path is signed.
    pub path_style: PathStyle,
    /// What stands for the body.
    pub payload: PayloadPlan,
    /// Whether `x-amz-content-sha256` is sent.
    pub content_sha256: ContentSha256,
    /// Why it is signed.
    pub why: Signed,
    /// How it is answered if it cannot be signed after all.
    pub format: ErrorFormat,
}

impl Plan {
    /// Plans the signature of a permitted request. Where it goes is added last: the permission borrows the target's host.
    pub(super) fn of(
        config: &Config,
        head: Head<'_>,
        target: &Target<'_>,
        permission: Permission<'_>,
    ) -> Result<Self, Unsigned> {
        let Permission {
            endpoint,
            rule,
            format,
        } = permission;
        let refused = |refusal| Unsigned::Refused(refusal, format);
        let why = why(target, permission)?;
        let marker = &config.marker_header;
        if matches!(why, Signed::NoSignature | Signed::ReSigned) && head.value(marker).is_none() {
            match unmarked(config, head, target) {
                Unmarked::Pass => return Err(target.left_alone(LeftAlone::Unmarked)),
                Unmarked::Refuse if why == Signed::NoSignature => {
                    let header = marker.clone();
                    return Err(refused(Refusal::MarkerMissing { header }));
                }
                Unmarked::Refuse | Unmarked::Sign => {}
            }
        }
        if takes_version_2_alone(endpoint.service, head) {
            let service = endpoint.service.to_owned();
            return Err(refused(Refusal::SignatureV2Only { service }));
        }
        if target.addressed == Addressed::Name && !head.is_listed(config) {
            return Err(refused(Refusal::ClusterNotListed {
                cluster: (head.cluster)().unwrap_or_default(),
            }));
        }
        if endpoint.service == "s3" && has_dotted_bucket(target.host.name()) {
            let host = target.host.name().to_owned();
            return Err(refused(Refusal::DottedBucket { host }));
        }
        let mode = rule.and_then(|rule| rule.payload);
        let payload = payload(config, head, endpoint, mode).map_err(refused)?;
        Ok(Self {
            authority: String::new(),
            path_and_query: None,
            withheld_method: None,
            algorithm: endpoint.algorithm,
            service: endpoint.service.to_owned(),
            region: endpoint.region.to_owned(),
            role: rule.map_or(RoleId::OWN, |rule| rule.role),
            path_style: endpoint.path_style,
            payload,
            content_sha256: content_sha256(head, endpoint),
            why,
            format,
        })
    }

    /// The same, with the address of its target.
    pub(super) fn sent_to(mut self, target: Target<'_>) -> Self {
        self.authority = target.host.into_authority();
        self.path_and_query = target.path_and_query;
        self
    }

    /// How the service reads the signature.
    pub fn settings(&self) -> Settings {
        Settings {
            path_style: self.path_style,
            content_sha256: self.content_sha256,
            // Whatever Envoy or a mesh touches later stays out.
            signed_headers: HeaderSelection::Minimal,
        }
    }

    /// What the signature holds for.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            algorithm: self.algorithm,
            region: &self.region,
            service: &self.service,
        }
    }
}

/// Whether a bucket with dots in its name stands before S3's. No certificate covers it: a wildcard is for one label (RFC
/// 6125, section 6.4.3; "Virtual hosting of general purpose buckets").
fn has_dotted_bucket(name: &str) -> bool {
    // Nearly all are `s3.<region>...` or have one label before it.
    let is_s3 = |rest: &str| rest.starts_with("s3.") || rest.starts_with("s3-");
    let (_, rest) = name.split_once('.').unwrap_or_default();
    !is_s3(name)
        && !is_s3(rest)
        && matches!(bucket_place(name), Some(BucketPlace::Host(bucket)) if bucket.contains('.'))
}

words! {
    /// Why a request is signed.
    pub enum Signed in "sigv4_egress.requests.signed" {
        /// It came without a signature.
        NoSignature = "no_signature",
        /// It came with a placeholder's.
        Placeholder = "placeholder",
        /// It came with a placeholder's, for another service or region than the host's. The host decides.
        PlaceholderForOther = "placeholder_for_other",
        /// It came with a real key's, and a rule replaces it.
        ReSigned = "re_signed",
    }
}

/// What stands for the body in the canonical request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadPlan {
    /// There is no body.
    Empty,
    /// The body streams, and this stands for it.
    Streamed(String),
    /// The body streams, and the signatures of its chunks are replaced.
    ChunkSigned(Form),
    /// The body is an event stream, and the signatures of its messages are replaced.
    EventSigned,
    /// The body is held until its end, and this stands for it (it is held for its length).
    Held(&'static str),
    /// The body is held until its end and hashed.
    Hashed,
}

/// What S3 takes for a body that is not signed.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// Why a permitted request is signed, or that it is not: its client's signature says so, and what the rule makes of it.
fn why(target: &Target<'_>, permission: Permission<'_>) -> Result<Signed, Unsigned> {
    let Permission {
        endpoint,
        rule,
        format,
    } = permission;
    let refused = |refusal| Err(Unsigned::Refused(refusal, format));
    let left_alone = |why| Err(target.left_alone(why));
    let by_name = target.addressed == Addressed::Name;
    let on_real = rule
        .and_then(|rule| rule.client_signature)
        .unwrap_or_default();
    match target.signature {
        _ if target.own.is_some() && by_name => left_alone(LeftAlone::OwnPresigned),
        ClientSignature::None => Ok(Signed::NoSignature),
        ClientSignature::Placeholder {
            scope: Some(scope), ..
        } if by_name && !agrees(scope, endpoint) => Ok(Signed::PlaceholderForOther),
        ClientSignature::Placeholder { .. } => Ok(Signed::Placeholder),
        ClientSignature::PresignedByPlaceholder => refused(Refusal::Unreplaced {
            host: target.host.name().to_owned(),
            why: Unreplaced::Presigned,
        }),
        ClientSignature::Presigned => left_alone(LeftAlone::Presigned),
        ClientSignature::SessionToken
            if endpoint.service == "s3express" && on_real != OnClientSignature::Refuse =>
        {
            left_alone(LeftAlone::SessionToken)
        }
        ClientSignature::StraySessionToken => refused(Refusal::ExpressSession),
        ClientSignature::OtherScheme => left_alone(LeftAlone::OtherAuthorization),
        ClientSignature::Malformed => refused(Refusal::MalformedAuthorization),
        // To another service, a session's token is just a header.
        ClientSignature::Real { .. } | ClientSignature::SessionToken => match on_real {
            OnClientSignature::LeaveAlone => left_alone(LeftAlone::ClientSignature),
            OnClientSignature::Refuse => refused(Refusal::ClientSignatureRefused),
            OnClientSignature::ReSign => Ok(Signed::ReSigned),
        },
    }
}

/// What is done with a request that asks for no signature. A port's requests have no other way to go.
fn unmarked(config: &Config, head: Head<'_>, target: &Target<'_>) -> Unmarked {
    match target.addressed {
        Addressed::Port { unmarked } => match unmarked.unwrap_or(Unmarked::Sign) {
            Unmarked::Pass => Unmarked::Refuse,
            other => other,
        },
        Addressed::Name | Addressed::Scope => head.unmarked(config),
    }
}

/// Whether a client signed for what the host is. A region set says less than a region.
fn agrees(scope: ClientScope<'_>, endpoint: Endpoint<'_>) -> bool {
    let region = match (scope.region, endpoint.algorithm) {
        (Some(region), Algorithm::SigV4) => region == endpoint.region,
        _ => true,
    };
    region && scope.service == endpoint.service
}

/// Whether the service gets `x-amz-content-sha256`.
fn content_sha256(head: Head<'_>, endpoint: Endpoint<'_>) -> ContentSha256 {
    let is_needed = takes_unsigned(endpoint)
        // OpenSearch Serverless requires it ("Signing HTTP requests" in its developer guide).
        || endpoint.service == "aoss"
        || head.value("x-amz-content-sha256").is_some();
    if is_needed {
        ContentSha256::Written
    } else {
        ContentSha256::Absent
    }
}

fn payload(
    config: &Config,
    head: Head<'_>,
    endpoint: Endpoint<'_>,
    mode: Option<PayloadMode>,
) -> Result<PayloadPlan, Refusal> {
    let claimed = head.text("x-amz-content-sha256");
    let is_s3 = endpoint.path_style == PathStyle::S3;
    if let Some(claimed) = claimed {
        if claimed == EVENTS && takes_events(endpoint) {
            return Ok(PayloadPlan::EventSigned);
        }
        // No other service takes a body in chunks of its own framing.
        if !is_s3 && claimed.starts_with("STREAMING-") {
            return Err(Refusal::ChunkSignaturesUnsupported);
        }
        if claimed == UNSIGNED_CHUNKS {
            return Ok(PayloadPlan::Streamed(claimed.to_owned()));
        }
        if let Some(form) = Form::of(claimed).filter(|_| endpoint.algorithm == Algorithm::SigV4) {
            return if head.end_of_stream {
                Err(Fault::Incomplete.into())
            } else {
                Ok(PayloadPlan::ChunkSigned(form))
            };
        }
        // SigV4A, whose chunk signatures are longer, and what is not known.
        if claimed.starts_with("STREAMING-") {
            return Err(Refusal::ChunkSignaturesUnsupported);
        }
    }
    if endpoint.service == LATTICE {
        return Ok(PayloadPlan::Streamed(UNSIGNED_PAYLOAD.to_owned()));
    }
    // An upgraded connection has no end of stream to hash up to.
    if head.end_of_stream || head.value("upgrade").is_some() {
        return Ok(PayloadPlan::Empty);
    }
    if is_s3 && claimed.is_none() && is_framed(head) {
        return Ok(PayloadPlan::Streamed(UNSIGNED_CHUNKS.to_owned()));
    }
    let length = head.content_length();
    let unsigned = match mode {
        Some(mode) => mode == PayloadMode::Unsigned,
        None => takes_unsigned(endpoint),
    };
    if unsigned && (length.is_some() || !is_s3) {
        // S3 itself compares the hash that the client claims with the body it gets.
        let hash = claimed.filter(|claimed| mode.is_none() && is_sha256(claimed));
        return Ok(PayloadPlan::Streamed(
            hash.unwrap_or(UNSIGNED_PAYLOAD).to_owned(),
        ));
    }
    if length.is_some_and(|length| length > config.max_body_bytes) {
        return Err(Refusal::BodyTooLarge {
            max_body_bytes: config.max_body_bytes,
        });
    }
    // S3 wants to know the length: "Transfer-Encoding: chunked" alone is answered 411 or 501.
    Ok(if unsigned {
        PayloadPlan::Held(UNSIGNED_PAYLOAD)
    } else {
        PayloadPlan::Hashed
    })
}

/// Whether a service may take an event stream for a body. S3 and Lattice take none, and AWS signs none with SigV4A.
fn takes_events(endpoint: Endpoint<'_>) -> bool {
    !takes_unsigned(endpoint) && endpoint.algorithm == Algorithm::SigV4
}

/// Whether a service takes a payload that is not signed.
fn takes_unsigned(endpoint: Endpoint<'_>) -> bool {
    endpoint.path_style == PathStyle::S3 || endpoint.service == LATTICE
}

/// Takes no signed payload, not even the empty one ("SigV4 authenticated requests for Amazon VPC Lattice" in its user
/// guide).
const LATTICE: &str = "vpc-lattice-svcs";

/// Whether the body is in chunks of S3's own framing, without signatures. A client that does not sign, such as the C++
/// SDK with anonymous credentials, says so in these headers alone; S3 would store the framing.
#[inline(never)]
fn is_framed(head: Head<'_>) -> bool {
    // It is the first coding or the last.
    let is_chunked =
        |coding: &[u8]| coding.starts_with(b"aws-chunked") || coding.ends_with(b"aws-chunked");
    head.values("content-encoding").any(is_chunked)
        && (head.value("x-amz-trailer").is_some()
            || head.value("x-amz-decoded-content-length").is_some())
}

/// botocore's models `sdb` and `importexport` (`signatureVersion`). SimpleDB's newer API, below `/v2/`, takes SigV4
/// (`simpledbv2`).
fn takes_version_2_alone(service: &str, head: Head<'_>) -> bool {
    match service {
        "sdb" => !head
            .value(":path")
            .is_some_and(|path| path.starts_with(b"/v2/")),
        "importexport" | "IngestionService" => true,
        _ => false,
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
