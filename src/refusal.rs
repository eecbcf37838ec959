//! The answers we give instead of forwarding: one place for status, reason, and advice.

mod format;
pub mod reason;

pub use format::ErrorFormat;
pub use reason::Reason;

use crate::authorization::OwnSignature;
use crate::bucket::Named;
use crate::chunked::{self, MAX_CHUNK_BYTES};
use crate::config::NARROWED;
use crate::credentials::reply::quote::Quote;
use crate::endpoint::{HostError, ScopeError};
use crate::events::{self, MAX_MESSAGE_BYTES};
use crate::policy::{Outside, Unlisted};
use crate::presign;
use crate::request::budget::Holder;
use format::Said;
use std::fmt;
use std::time::Duration;

/// The response header that names the reason.
pub const REASON_HEADER: &str = "x-sigv4-egress-reason";

/// Why a request is answered here and not forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It waited for the first credentials, and they are still being fetched.
    CredentialsPending {
        /// How long it waited; zero where it could not.
        waited: Duration,
    },
    /// The last attempt to get credentials failed.
    CredentialsUnavailable {
        /// What failed, with AWS's code and message.
        cause: String,
        /// What to do about it.
        advice: String,
    },
    /// It opens an event stream, and the credentials end too soon for that.
    CredentialsEndSoon {
        /// How long they last.
        left: Duration,
    },
    /// As many requests wait already as may.
    TooManyParked {
        /// The limit, per worker.
        max_parked: usize,
    },
    /// The bodies and chunks that are held use up what may be held.
    TooMuchHeld {
        /// The limit, in bytes, per worker.
        max_held_bytes: usize,
        /// Whose share of it is used up.
        holder: Holder,
    },
    /// No credentials yet, and its body is larger than may be held meanwhile.
    UploadTooLargeToHold {
        /// The limit, in bytes.
        max_body_bytes: usize,
    },
    /// The allow-list does not name it.
    NotAllowed {
        /// The host the request is for.
        host: String,
        /// The service it would be signed for.
        service: String,
        /// What the list would have to name.
        unlisted: Unlisted,
    },
    /// Rules name placeholders, and nothing that they or the configuration list takes the one that signed it.
    PlaceholderNotListed {
        /// The placeholder's access key id.
        key_id: Quote,
    },
    /// A rule denies it.
    Denied {
        /// The host the request is for.
        host: String,
        /// The rule's place, from 0.
        rule: usize,
        /// What of it is denied, if the rule denies buckets.
        named: Option<Named<'static>>,
    },
    /// Nothing is signed for its service, or with its role, for the time being.
    Suspended {
        /// Which of both, and its name.
        what: String,
    },
    /// The rules choose different roles for the buckets that it names, or leave one of them alone.
    BucketsOfDifferentRoles {
        /// By role, or `None` where it is left alone; the bucket that the request is for comes first.
        roles: [Option<String>; 2],
    },
    /// Requests to this host are left alone, by a rule or because the filter only observes, and it came to the loopback endpoint: as it is, it names
    /// no AWS host.
    LeftAloneAtLoopback {
        /// The host that its scope means.
        host: String,
    },
    /// A marker is required and was not there.
    MarkerMissing {
        /// The header that would have been one.
        header: String,
    },
    /// The route leads to a cluster that is not listed.
    ClusterNotListed {
        /// The cluster; empty where the route has none.
        cluster: String,
    },
    /// Signed for a listed cluster, it was about to leave through another.
    EscapedCluster {
        /// That cluster.
        cluster: String,
    },
    /// It carries a signature that the filter made, and comes again, or goes where nothing of the filter's own may go.
    OwnSignature {
        /// Where the signature stands.
        place: OwnSignature,
    },
    /// A rule refuses requests that the client signed.
    ClientSignatureRefused,
    /// The credential scope names no host.
    UnknownService {
        /// The scope's service.
        service: String,
        /// The scope's region.
        region: String,
        /// What is wrong with it.
        why: ScopeError,
    },
    /// It came to the loopback endpoint without a placeholder's signature.
    NoTarget,
    /// It opens an S3 Express session at the loopback endpoint, or has a session's token that cannot be used.
    ExpressSession,
    /// It carries a placeholder's signature that nothing here replaces.
    Unreplaced {
        /// The host the request is for.
        host: String,
        /// Why nothing does.
        why: Unreplaced,
    },
    /// `CONNECT` would carry what cannot be signed.
    ConnectRefused,
    /// The host is under one of AWS's names, and no valid host name.
    InvalidHost {
        /// What is wrong with it.
        why: HostError,
    },
    /// A bucket with dots stands in the host, for which AWS has no certificate.
    DottedBucket {
        /// That host.
        host: String,
    },
    /// The `authorization` header cannot be read.
    MalformedAuthorization,
    /// The body did not come in time.
    BodyTimeout {
        /// The limit.
        timeout: Duration,
    },
    /// The client has sent nothing of a body that must be held: it waits for a 100, and no filter can send one.
    ExpectationFailed,
    /// The body is larger than may be held.
    BodyTooLarge {
        /// The limit, in bytes.
        max_body_bytes: usize,
    },
    /// The service takes no SigV4.
    SignatureV2Only {
        /// Its signing name.
        service: String,
    },
    /// The body is signed piece by piece in a form that is not signed here.
    ChunkSignaturesUnsupported,
    /// The framing of a body that is signed chunk by chunk is broken.
    MalformedChunks {
        /// What is wrong with it.
        why: chunked::Fault,
    },
    /// A chunk of a body that is signed chunk by chunk is larger than may be held.
    ChunkTooLarge,
    /// An event stream has a message that cannot be signed.
    MalformedEvents {
        /// What is wrong with it.
        why: events::Fault,
    },
    /// A message of an event stream is larger than may be held.
    EventTooLarge,
    /// It came to a port that stands for one host, and that does not take it.
    OutsidePort {
        /// The port.
        port: u16,
        /// What it does not take.
        what: Outside,
    },
    /// `presign` is not configured, or the filter only observes.
    PresignOff,
    /// What is to be presigned cannot be.
    PresignUnreadable {
        /// What is wrong with it.
        why: presign::Fault,
    },
    /// No entry of `presign` is for it.
    PresignNotGranted {
        /// Which service takes it.
        service: presign::Service,
        /// The host.
        host: String,
        /// Method and key, or cluster; empty where neither matters.
        what: String,
    },
    /// It is to hold for longer than may be.
    PresignTooLong {
        /// What was asked.
        seconds: u64,
        /// What the entries of `presign` let it be.
        max_seconds: u64,
    },
    /// As many have been presigned this minute as may.
    PresignTooMany {
        /// The limit, per process.
        per_minute: u32,
    },
    /// The credentials end before what was asked would be of use.
    PresignEndsTooSoon {
        /// How long they live.
        seconds: u64,
    },
    /// A call to Envoy failed.
    HostCallFailed {
        /// Which, and how.
        what: String,
    },
}

/// Why a placeholder's signature is not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreplaced {
    /// What the host is signed as is not known, though its name is below AWS's.
    UnknownHost,
    /// A rule leaves requests to the host alone.
    LeftAlone,
    /// It stands in the query of a presigned URL.
    Presigned,
}

/// A local reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// All headers that we set; of a refusal, [`REASON_HEADER`] among them.
    pub headers: Vec<(&'static str, String)>,
    /// In the format that the headers name.
    pub body: Vec<u8>,
}

impl Answer {
    /// A document, with nothing but its type.
    pub(crate) fn json(status: u16, document: &serde_json::Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: format!("{document:#}\n").into_bytes(),
        }
    }
}

impl Refusal {
    /// For [`REASON_HEADER`], the counter, and the access log.
    pub fn reason(&self) -> Reason {
        match self {
            Self::CredentialsPending { .. } => Reason::CredentialsPending,
            Self::CredentialsUnavailable { .. } => Reason::CredentialsUnavailable,
            Self::CredentialsEndSoon { .. } => Reason::CredentialsEndSoon,
            Self::TooManyParked { .. } => Reason::TooManyParked,
            Self::TooMuchHeld { .. } => Reason::TooMuchHeld,
            Self::UploadTooLargeToHold { .. } => Reason::UploadTooLargeToHold,
            Self::NotAllowed { .. } => Reason::NotAllowed,
            Self::PlaceholderNotListed { .. } => Reason::PlaceholderNotListed,
            Self::Denied { .. } | Self::Suspended { .. } => Reason::Denied,
            Self::BucketsOfDifferentRoles { .. } => Reason::BucketsOfDifferentRoles,
            Self::LeftAloneAtLoopback { .. } => Reason::LeftAloneAtLoopback,
            Self::MarkerMissing { .. } => Reason::MarkerMissing,
            Self::ClusterNotListed { .. } => Reason::ClusterNotListed,
            Self::EscapedCluster { .. } => Reason::EscapedCluster,
            Self::OwnSignature { .. } => Reason::OwnSignature,
            Self::ClientSignatureRefused => Reason::ClientSignatureRefused,
            Self::UnknownService { .. } => Reason::UnknownService,
            Self::NoTarget => Reason::NoTarget,
            Self::ExpressSession => Reason::ExpressSessionUnsupported,
            Self::Unreplaced {
                why: Unreplaced::Presigned,
                ..
            } => Reason::PresignedByPlaceholder,
            Self::Unreplaced { .. } => Reason::PlaceholderUnreplaced,
            Self::ConnectRefused => Reason::ConnectRefused,
            Self::InvalidHost { .. } => Reason::InvalidHost,
            Self::DottedBucket { .. } => Reason::DottedBucket,
            Self::MalformedAuthorization => Reason::MalformedAuthorization,
            Self::BodyTimeout { .. } => Reason::BodyTimeout,
            Self::ExpectationFailed => Reason::ExpectationFailed,
            Self::BodyTooLarge { .. } => Reason::BodyTooLarge,
            Self::SignatureV2Only { .. } => Reason::SignatureV2Only,
            Self::ChunkSignaturesUnsupported => Reason::ChunkSignaturesUnsupported,
            Self::MalformedChunks { .. } => Reason::MalformedChunks,
            Self::ChunkTooLarge => Reason::ChunkTooLarge,
            Self::MalformedEvents { .. } => Reason::MalformedEvents,
            Self::EventTooLarge => Reason::EventTooLarge,
            Self::OutsidePort { .. } => Reason::OutsidePort,
            Self::PresignOff | Self::PresignNotGranted { .. } => Reason::PresignNotGranted,
            Self::PresignUnreadable { .. } => Reason::PresignUnreadable,
            Self::PresignTooLong { .. } => Reason::PresignTooLong,
            Self::PresignTooMany { .. } => Reason::PresignTooMany,
            Self::PresignEndsTooSoon { .. } => Reason::PresignEndsTooSoon,
            Self::HostCallFailed { .. } => Reason::HostCallFailed,
        }
    }

    /// The reason as the error code that SDKs show: `SigV4EgressNotAllowed`.
    ///
    /// No SDK knows such a code, and so none takes it for a reason to renew its credentials, correct its clock, try
    /// another region or slow down: whether it retries depends on the status alone.
    pub fn code(&self) -> String {
        let mut code = "SigV4Egress".to_owned();
        for word in self.reason().word().split('_') {
            let (first, rest) = word.split_at(word.len().min(1));
            code.push_str(&first.to_ascii_uppercase());
            code.push_str(rest);
        }
        code
    }

    /// What the client gets.
    pub fn answer(&self, format: ErrorFormat) -> Answer {
        let reason = self.reason();
        let code = self.code();
        let mut headers = format.headers(&code);
        headers.push((REASON_HEADER, reason.word().to_owned()));
        if reason.passes_later() {
            headers.push(("retry-after", "1".to_owned()));
        }
        let body = format.body(Said {
            status: reason.status(),
            code: &code,
            reason: reason.word(),
            error: &self.to_string(),
            help: &self.help(),
        });
        Answer {
            status: reason.status(),
            headers,
            body,
        }
    }

    /// What to do about it: a sentence for the body.
    pub fn help(&self) -> String {
        match self {
            Self::CredentialsPending { .. } => {
                "Retry. If it lasts, look at the stats sigv4_egress.sts.* and at the connection to STS.".to_owned()
            }
            Self::CredentialsUnavailable { advice, .. } => advice.clone(),
            Self::CredentialsEndSoon { .. } => "Retry: others are being fetched. If it lasts, look at the stats sigv4_egress.sts.* and at the connection to STS.".to_owned(),
            Self::TooManyParked { .. } => "Retry. If it lasts, credentials cannot be fetched; see the stats sigv4_egress.sts.*, or raise max_parked.".to_owned(),
            Self::TooMuchHeld { holder: Holder::Worker, .. } => "Retry. If it lasts, send fewer large bodies at once, or raise max_held_bytes.".to_owned(),
            Self::TooMuchHeld { holder: Holder::Connection, .. } => "Retry. If it lasts, send fewer large bodies at once on one connection, or raise max_held_bytes.".to_owned(),
            Self::UploadTooLargeToHold { .. } => "Retry once there are credentials; uploads then stream.".to_owned(),
            Self::NotAllowed { host, service, unlisted } => match unlisted {
                Unlisted::Service => format!("Add \"{service}\" or \"{host}\" to `allow` in the filter's configuration."),
                Unlisted::Narrowed => format!("Add \"{service}\" to {NARROWED} in the sidecar's environment."),
                Unlisted::Tenant => format!("Add \"{host}\" to `allow` in the filter's configuration; a service name does not allow hosts that customers create."),
                Unlisted::NoBucket => format!("Call something that names a bucket, or replace the buckets in `allow` with \"{service}\"."),
                Unlisted::Named(named) => match named {
                    Named::Bucket(name) | Named::Alias(name) => format!("Add \"{name}\" to the buckets in `allow` in the filter's configuration."),
                    Named::AccessPointHost => format!("Add \"{host}\" to `allow` in the filter's configuration."),
                    Named::AccessPoint => ALIAS.to_owned(),
                    Named::Unreadable => UNREADABLE.to_owned(),
                },
            },
            Self::PlaceholderNotListed { .. } => "Give the program's profile an access key id that is listed, or add this one to the `placeholders` of the rule that it is for; to `placeholders` of the filter, if it may have all that other programs may.".to_owned(),
            Self::Denied { host, rule, named } => match named {
                None | Some(Named::Bucket(_)) => format!("Call something else, or change rules[{rule}] in the filter's configuration."),
                Some(Named::Alias(alias)) => format!("If it leads to another bucket, add a rule before rules[{rule}] that names it: {{\"buckets\": [\"{alias}\"], \"effect\": \"allow\"}}."),
                Some(Named::AccessPointHost) => format!("If it leads to another bucket, add a rule before rules[{rule}] that names its host: {{\"hosts\": [\"{host}\"], \"effect\": \"allow\"}}."),
                Some(Named::AccessPoint) => ALIAS.to_owned(),
                Some(Named::Unreadable) => UNREADABLE.to_owned(),
            },
            Self::Suspended { .. } => "The filter's configuration has it in suspended_services or suspended_roles. Ask who operates it.".to_owned(),
            Self::BucketsOfDifferentRoles { .. } => "Let the program read and write instead of copying, or change `rules` so that one role signs for both buckets.".to_owned(),
            Self::LeftAloneAtLoopback { host } => format!("Call it by its own name, over http through this proxy (HTTP_PROXY): http://{host}."),
            Self::MarkerMissing { header } => format!("Sign the request with placeholder keys, or send the header {header}."),
            Self::ClusterNotListed { cluster } if cluster.is_empty() => "Add the host to the `domains` of the route that leads to AWS's cluster, which verifies AWS's certificate and is listed in `clusters`.".to_owned(),
            Self::ClusterNotListed { cluster } => format!("Route AWS hosts to a listed cluster, or add \"{cluster}\" to `clusters` if it verifies AWS's certificate."),
            Self::EscapedCluster { .. } => "A route matches a header that signing writes (:authority, authorization, x-amz-*). Match something else.".to_owned(),
            Self::OwnSignature { place: OwnSignature::Header } => "Take internal_redirect_policy and request_mirror_policies out of Envoy's routes to AWS hosts, so that only the client follows redirects. A program that fetches the same credentials itself, from a container endpoint, needs placeholder keys instead.".to_owned(),
            Self::OwnSignature { place: OwnSignature::Query } => "Send a presigned URL to the AWS host that it names, through a cluster that is listed in `clusters`.".to_owned(),
            Self::ClientSignatureRefused => "Use placeholder keys, or change `client_signature` in the rule.".to_owned(),
            Self::UnknownService { why: ScopeError::Ambiguous, .. } => "Call the service by its own host name, over http through this proxy (HTTP_PROXY).".to_owned(),
            Self::UnknownService { why: ScopeError::Customers, .. } => "Call the host by its own name, over http through this proxy (HTTP_PROXY), or give it a port in `ports`; and list that name in `allow`.".to_owned(),
            Self::UnknownService { .. } => "Set up the client with a region and service that AWS has.".to_owned(),
            Self::NoTarget => "Give the SDK placeholder keys beside AWS_ENDPOINT_URL; without an SDK, name an AWS host and use this address as HTTP_PROXY. For a program that takes nothing but a URL, give the host a port in `ports`.".to_owned(),
            Self::ExpressSession => "Set AWS_S3_DISABLE_EXPRESS_SESSION_AUTH=true in the client's environment, or s3_disable_express_session_auth in its configuration; each request is then signed here.".to_owned(),
            Self::Unreplaced { host, why } => match why {
                Unreplaced::UnknownHost => format!("If the host belongs to an AWS service, name the service in `allow` (\"*\" names none), or write a rule with \"sign_as\" for {host}. If the host is a customer's own and does not use SigV4, write a rule with \"effect\": \"leave_alone\"."),
                Unreplaced::LeftAlone => "Send the request without a signature (anonymous credentials, --no-sign-request), or change the rule.".to_owned(),
                Unreplaced::Presigned => "Make the request itself through this proxy, which signs it. A URL that is for somebody else is posted to /presign at the loopback endpoint, and comes back signed (docs/presign.md).".to_owned(),
            },
            Self::ConnectRefused => "This Envoy ends no tunnels: keep the parts [https-proxy of envoy.yaml, or use http:// URLs.".to_owned(),
            Self::InvalidHost { .. } => "Send one valid host name.".to_owned(),
            Self::DottedBucket { .. } => "Name the bucket in the path: force_path_style, addressing_style=path.".to_owned(),
            Self::MalformedAuthorization => "Send one authorization header that can be read, or none.".to_owned(),
            Self::BodyTimeout { .. } => "Send the body faster, or raise body_timeout_ms.".to_owned(),
            Self::ExpectationFailed => "Send the request without the header expect, or the body soon after it.".to_owned(),
            Self::BodyTooLarge { .. } => "Raise max_body_bytes and Envoy's buffer limit above the body's size; to S3, send content-length so that the body can stream.".to_owned(),
            Self::SignatureV2Only { .. } => "Let the program sign these requests, with a key of its own.".to_owned(),
            Self::ChunkSignaturesUnsupported => "Set the client to unsigned payloads (to S3, x-amz-content-sha256: UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER; to others none).".to_owned(),
            Self::MalformedChunks { .. } => "Send the body as x-amz-content-sha256 says, or set the client to unsigned payloads.".to_owned(),
            Self::ChunkTooLarge => format!("Set the client to chunks of at most {MAX_CHUNK_BYTES} bytes, or to unsigned payloads."),
            Self::MalformedEvents { .. } => "Send an event stream whose messages are signed, as AWS's SDKs do.".to_owned(),
            Self::EventTooLarge => format!("Send messages of at most {MAX_MESSAGE_BYTES} bytes."),
            Self::OutsidePort { port, what } => match what {
                Outside::Method => format!("Add the method to ports.{port}.methods in the filter's configuration."),
                Outside::Path => format!("Add the path to ports.{port}.paths in the filter's configuration, and send it without dot segments and encoded slashes."),
                Outside::Signature => "Set the program up without user name, password, token and keys, or with placeholder keys.".to_owned(),
            },
            Self::PresignOff => "Add what may be presigned to `presign` in the filter's configuration.".to_owned(),
            Self::PresignUnreadable { why } => why.help().to_owned(),
            Self::PresignNotGranted { service, .. } => format!("Add an entry for it to `presign` in the filter's configuration, or widen one for \"{}\".", service.name()),
            Self::PresignTooLong { max_seconds, .. } => format!("Ask the SDK's presigner for {max_seconds} s or less, or raise max_seconds in the entry of `presign`. It ends with the session in any case."),
            Self::PresignTooMany { .. } => "Wait for the next minute, or raise presign_per_minute in the filter's configuration.".to_owned(),
            Self::PresignEndsTooSoon { .. } => "Retry: new credentials are fetched in good time before the old ones end. If it lasts, look at the stats sigv4_egress.sts.*; a session never lives longer than session_duration_seconds.".to_owned(),
            Self::HostCallFailed { .. } => "This is a fault of the filter or of Envoy's capability_restriction_config; please report it.".to_owned(),
        }
    }
}

const UNREADABLE: &str = "Send the bucket's name as the S3 documentation shows it.";

/// Rules name access points by host or alias; a name or an ARN says neither.
const ALIAS: &str = "Use the access point's alias, and list the alias in the `buckets` of an earlier rule or of `allow`; for S3 Control, list its host in the `hosts` of an earlier rule.";

impl From<presign::Fault> for Refusal {
    fn from(why: presign::Fault) -> Self {
        Self::PresignUnreadable { why }
    }
}

impl From<chunked::Fault> for Refusal {
    fn from(why: chunked::Fault) -> Self {
        match why {
            chunked::Fault::ChunkTooLarge => Self::ChunkTooLarge,
            why => Self::MalformedChunks { why },
        }
    }
}

impl From<events::Fault> for Refusal {
    fn from(why: events::Fault) -> Self {
        match why {
            events::Fault::MessageTooLarge => Self::EventTooLarge,
            why => Self::MalformedEvents { why },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CredentialsPending { waited } if waited.is_zero() => f.write_str("no AWS credentials yet"),
            Self::CredentialsPending { waited } => write!(f, "no AWS credentials after {} ms", waited.as_millis()),
            Self::CredentialsUnavailable { cause, .. } => write!(f, "no AWS credentials: {cause}"),
            Self::CredentialsEndSoon { left } => write!(f, "the credentials end in {} s, too soon to open an event stream with them", left.as_secs()),
            Self::TooManyParked { max_parked } => write!(f, "no AWS credentials yet, and {max_parked} requests wait for them already"),
            Self::TooMuchHeld { max_held_bytes, holder: Holder::Worker } => write!(f, "the bodies that this worker holds use up the {max_held_bytes} bytes that it may hold"),
            Self::TooMuchHeld { max_held_bytes, holder: Holder::Connection } => write!(f, "the bodies of this connection use up a quarter of the {max_held_bytes} bytes that a worker may hold, and no connection may have more"),
            Self::UploadTooLargeToHold { max_body_bytes } => write!(f, "no AWS credentials yet, and the body is larger than the {max_body_bytes} bytes that are held"),
            Self::NotAllowed { host, service, unlisted } => match unlisted {
                Unlisted::Service | Unlisted::Tenant => write!(f, "requests to {host} (service {service}) are not in the allow-list"),
                Unlisted::Narrowed => write!(f, "{NARROWED} does not name the service {service} or the host {host}"),
                Unlisted::NoBucket => write!(f, "the allow-list names buckets, and this request to {host} names none, as ListBuckets does"),
                Unlisted::Named(named) => write!(f, "requests to {host} for {} are not in the allow-list", Shown(named)),
            },
            Self::PlaceholderNotListed { key_id } => write!(f, "rules say which placeholders may sign, and none lists \"{key_id}\" for this request"),
            Self::Denied { host, rule, named: None } => write!(f, "rules[{rule}] denies requests to {host}"),
            Self::Denied { host, rule, named: Some(named) } => write!(f, "rules[{rule}] denies requests to {host} for {}", Shown(named)),
            Self::Suspended { what } => write!(f, "nothing is signed for {what} at present"),
            Self::BucketsOfDifferentRoles { roles: [Some(one), Some(other)] } => write!(f, "the request names two buckets, and different roles sign for them: {one} and {other}"),
            Self::BucketsOfDifferentRoles { .. } => f.write_str("the request names two buckets, and a rule leaves only one of them alone"),
            Self::LeftAloneAtLoopback { host } => write!(f, "requests to {host} are forwarded as they come, and this one names another host"),
            Self::MarkerMissing { .. } => f.write_str("the request does not ask to be signed"),
            Self::ClusterNotListed { cluster } => write!(f, "the cluster \"{cluster}\" is not listed for signed requests"),
            Self::EscapedCluster { cluster } => write!(f, "a signed request was about to leave through the cluster \"{cluster}\""),
            Self::OwnSignature { place: OwnSignature::Header } => f.write_str("the request carries a signature or a session token of another request, which was signed here"),
            Self::OwnSignature { place: OwnSignature::Query } => f.write_str("the URL is presigned with the credentials that sign here, and would go to a cluster that is not listed"),
            Self::ClientSignatureRefused => f.write_str("the request is signed with an identity of the client's own"),
            Self::UnknownService {
                service,
                region,
                why,
            } => write!(f, "the credential scope (service {service:?}, region {region:?}) names no host: {why}"),
            Self::NoTarget => f.write_str("the request names no AWS host and carries no placeholder signature to read one from"),
            Self::ExpressSession => f.write_str("an S3 Express session cannot be used here: the request it signs is not the one that AWS would receive"),
            Self::Unreplaced { host, why } => match why {
                Unreplaced::UnknownHost => write!(f, "the host {host} is below AWS's names, and what it is signed as is not known"),
                Unreplaced::LeftAlone => write!(f, "a rule leaves requests to {host} alone, and this one has a placeholder's signature, which AWS refuses"),
                Unreplaced::Presigned => f.write_str("the URL is presigned with a placeholder key, which AWS does not know"),
            },
            Self::ConnectRefused => f.write_str("CONNECT to an AWS host"),
            Self::InvalidHost { why } => write!(f, "the host cannot be signed for: {why}"),
            Self::DottedBucket { host } => write!(f, "no certificate covers {host}, because the bucket's name has dots"),
            Self::MalformedAuthorization => f.write_str("the authorization header cannot be read"),
            Self::BodyTimeout { timeout } => write!(
                f,
                "the body was not complete after {} ms",
                timeout.as_millis()
            ),
            Self::ExpectationFailed => f.write_str("the body must be here before the request can be signed, and the client waits for a 100 that nothing sends"),
            Self::BodyTooLarge { max_body_bytes } => write!(f, "the body is larger than the {max_body_bytes} bytes that are held for its hash"),
            Self::SignatureV2Only { service } => write!(f, "{service} accepts only Signature Version 2, and this filter signs with Version 4"),
            Self::ChunkSignaturesUnsupported => f.write_str("the body is signed in chunks for SigV4A or for a service other than S3, or in a form that is not known, and cannot be signed here"),
            Self::MalformedChunks { why } => write!(f, "the body's chunks are malformed: {why}"),
            Self::ChunkTooLarge => write!(f, "{}", chunked::Fault::ChunkTooLarge),
            Self::MalformedEvents { why } => write!(f, "the event stream is malformed: {why}"),
            Self::EventTooLarge => write!(f, "{}", events::Fault::MessageTooLarge),
            Self::OutsidePort { port, what } => write!(f, "the port {port} does not take {}", match what {
                Outside::Method => "this method",
                Outside::Path => "this path",
                Outside::Signature => "a request with authorization of its own",
            }),
            Self::PresignOff => f.write_str("nothing may be presigned here"),
            Self::PresignUnreadable { why } => write!(f, "this cannot be presigned: {why}"),
            Self::PresignNotGranted { service, host, what } => {
                write!(f, "no entry of `presign` is for the service \"{}\" at {host}", service.name())?;
                match what.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {what}"),
                }
            }
            Self::PresignTooLong { seconds, max_seconds } => write!(f, "it would hold for {seconds} s, and may for {max_seconds} s"),
            Self::PresignTooMany { per_minute } => write!(f, "{per_minute} have been presigned this minute already"),
            Self::PresignEndsTooSoon { seconds } => write!(f, "the credentials end in {seconds} s, and what they sign with them"),
            Self::HostCallFailed { what } => write!(f, "the request could not be signed: {what}"),
        }
    }
}

/// What a request names, in a sentence.
struct Shown<'a>(&'a Named<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Named::Bucket(name) => write!(f, "the bucket {name}"),
            Named::Alias(alias) => {
                write!(f, "the access point {alias} (whose bucket is not known)")
            }
            Named::AccessPointHost | Named::AccessPoint => {
                f.write_str("an access point (whose bucket is not known)")
            }
            Named::Unreadable => f.write_str("a bucket whose name cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: &Refusal, format: ErrorFormat, status: u16, headers: &[(&str, &str)]) {
        let answer = refusal.answer(format);
        let found: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!((answer.status, &*found), (status, headers));
    }

    fn unavailable() -> Refusal {
        Refusal::CredentialsUnavailable {
            cause: "STS says \"AccessDenied\"\nno".to_owned(),
            advice: "Fix the trust policy.".to_owned(),
        }
    }

    #[test]
    fn an_answer_names_its_reason_and_its_format_in_headers() {
        let reason = (REASON_HEADER, "credentials_unavailable");
        let retry = ("retry-after", "1");
        check(
            &unavailable(),
            ErrorFormat::S3,
            503,
            &[("content-type", "application/xml"), reason, retry],
        );
        check(
            &unavailable(),
            ErrorFormat::Cbor,
            503,
            &[
                ("content-type", "application/cbor"),
                ("smithy-protocol", "rpc-v2-cbor"),
                reason,
                retry,
            ],
        );
        check(
            &Refusal::ChunkSignaturesUnsupported,
            ErrorFormat::Json,
            501,
            &[
                ("content-type", "application/json"),
                ("x-amzn-errortype", "SigV4EgressChunkSignaturesUnsupported"),
                (REASON_HEADER, "chunk_signatures_unsupported"),
            ],
        );
    }

    #[test]
    fn plain_json_has_error_reason_and_help() {
        let answer = unavailable().answer(ErrorFormat::Plain);
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            body["error"],
            "no AWS credentials: STS says \"AccessDenied\"\nno"
        );
        assert_eq!(body["reason"], "credentials_unavailable");
        assert_eq!(body["help"], "Fix the trust policy.");
    }

    #[test]
    fn not_allowed_names_the_rule_to_add() {
        let refusal = Refusal::NotAllowed {
            host: "sqs.eu-west-1.amazonaws.com".to_owned(),
            service: "sqs".to_owned(),
            unlisted: Unlisted::Service,
        };
        let answer = refusal.answer(ErrorFormat::Json);
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            body["message"],
            "Requests to sqs.eu-west-1.amazonaws.com (service sqs) are not in the allow-list. \
             Add \"sqs\" or \"sqs.eu-west-1.amazonaws.com\" to `allow` in the filter's configuration."
        );
    }
}
