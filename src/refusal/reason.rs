//! The reasons: words for headers, stats and documents, each with its status.

use crate::report::words::words;

words! {
    /// Why a request was answered here, in one word.
    pub enum Reason in "sigv4_egress.requests.refused" {
        /// No credentials after `max_wait_ms`.
        CredentialsPending = "credentials_pending",
        /// STS, the container endpoint or the token listener failed; the message has AWS's code and words.
        CredentialsUnavailable = "credentials_unavailable",
        /// It opens an event stream, and the credentials last less than 3 minutes: they could not be renewed in time.
        CredentialsEndSoon = "credentials_end_soon",
        /// `max_parked` requests wait already.
        TooManyParked = "too_many_parked",
        /// The bodies that are held use up `max_held_bytes`, or those of one connection a quarter of it. An upload in progress is cut off, and AWS does not store it.
        TooMuchHeld = "too_much_held",
        /// No credentials yet, and the body is larger than `max_body_bytes`.
        UploadTooLargeToHold = "upload_too_large_to_hold",
        /// `allow` does not name the service or host.
        NotAllowed = "not_allowed",
        /// Rules name placeholders, and neither the rule that decides nor `placeholders` lists the access key id that signed the request: an id of nobody's, or of a role that is not for this request.
        PlaceholderNotListed = "placeholder_not_listed",
        /// A rule denies it; the message names the rule.
        Denied = "denied",
        /// A copy between buckets that rules give different roles, or of which they leave only one alone.
        BucketsOfDifferentRoles = "buckets_of_different_roles",
        /// A rule leaves the host alone, or `mode` is `observe`, and the request came to `127.0.0.1`: it must name the host itself.
        LeftAloneAtLoopback = "left_alone_at_loopback",
        /// `unmarked` is `refuse`, and nothing asked for a signature.
        MarkerMissing = "marker_missing",
        /// The route leads to a cluster that is not in `clusters`.
        ClusterNotListed = "cluster_not_listed",
        /// Signing changed the route, and the guard stopped the request.
        EscapedCluster = "escaped_cluster",
        /// A request that was signed here came again, or was copied: by `internal_redirect_policy`,
        /// `request_mirror_policies`, or a program that has the filter's own credentials. Or a URL that is presigned with
        /// them leads to a cluster that is not in `clusters`.
        OwnSignature = "own_signature",
        /// A rule refuses real keys.
        ClientSignatureRefused = "client_signature_refused",
        /// The credential scope names no single AWS host.
        UnknownService = "unknown_service",
        /// A placeholder's signature for a host under AWS's domains that the filter does not know, or that a rule leaves alone.
        PlaceholderUnreplaced = "placeholder_unreplaced",
        /// A URL that is presigned with a placeholder key, which AWS does not know.
        PresignedByPlaceholder = "presigned_by_placeholder",
        /// `CONNECT` to an AWS host.
        ConnectRefused = "connect_refused",
        /// An AWS name that is no valid host name, or several host headers.
        InvalidHost = "invalid_host",
        /// `CreateSession` at `127.0.0.1`, or an S3 Express session token without a session's signature.
        ExpressSessionUnsupported = "express_session_unsupported",
        /// A bucket with dots in the host: no certificate of AWS's covers it. Use path style.
        DottedBucket = "dotted_bucket",
        /// A request to `127.0.0.1` or `localhost` without a placeholder's signature.
        NoTarget = "no_target",
        /// A port that stands for one host (`ports`), and a method, a path or a signature that it does not take.
        OutsidePort = "outside_port",
        /// An `authorization` of AWS's scheme that cannot be read.
        MalformedAuthorization = "malformed_authorization",
        /// The body was not complete after `body_timeout_ms`.
        BodyTimeout = "body_timeout",
        /// `Expect: 100-continue`, and nothing after 4 s of a body that must be held: the listener sends no 100 (`proxy_100_continue`, as
        /// Istio's), and AWS cannot before it has the request.
        ExpectationFailed = "expectation_failed",
        /// The body is larger than `max_body_bytes`.
        BodyTooLarge = "body_too_large",
        /// A body that is signed chunk by chunk is framed wrongly; what has left already lacks its last chunk, and AWS refuses it.
        MalformedChunks = "malformed_chunks",
        /// A chunk of such a body has more than 1 MiB.
        ChunkTooLarge = "chunk_too_large",
        /// A message of an event stream is framed wrongly, or not signed; AWS has got those before it, and not the end of the stream.
        MalformedEvents = "malformed_events",
        /// A message of an event stream has more than 24 MiB.
        EventTooLarge = "event_too_large",
        /// The service takes Signature Version 2 alone: SimpleDB's older API (`sdb`), Import/Export.
        SignatureV2Only = "signature_version_two",
        /// The body is `STREAMING-*` to another service than S3 and no event stream, or its chunks are signed with SigV4A or
        /// for a host that takes nothing else.
        ChunkSignaturesUnsupported = "chunk_signatures_unsupported",
        /// No entry of `presign` is for what was posted to `/presign`.
        PresignNotGranted = "presign_not_granted",
        /// What was posted to `/presign` is nothing that is presigned there; the message says why.
        PresignUnreadable = "presign_unreadable",
        /// It would hold for longer than `max_seconds` of its entry in `presign`.
        PresignTooLong = "presign_too_long",
        /// `presign_per_minute` have been presigned this minute.
        PresignTooMany = "presign_too_many",
        /// The credentials end before `min_valid_seconds`, which was asked.
        PresignEndsTooSoon = "presign_ends_too_soon",
        /// A call to Envoy failed.
        HostCallFailed = "host_call_failed",
    }
}

impl Reason {
    /// The HTTP status of the answer. SDKs retry 503 by themselves.
    pub fn status(self) -> u16 {
        match self {
            Self::CredentialsPending
            | Self::CredentialsUnavailable
            | Self::CredentialsEndSoon
            | Self::TooManyParked
            | Self::TooMuchHeld
            | Self::UploadTooLargeToHold
            | Self::PresignEndsTooSoon => 503,
            Self::NotAllowed
            | Self::PlaceholderNotListed
            | Self::Denied
            | Self::BucketsOfDifferentRoles
            | Self::LeftAloneAtLoopback
            | Self::MarkerMissing
            | Self::ClusterNotListed
            | Self::EscapedCluster
            | Self::OwnSignature
            | Self::ClientSignatureRefused
            | Self::UnknownService
            | Self::PlaceholderUnreplaced
            | Self::PresignedByPlaceholder
            | Self::OutsidePort
            | Self::PresignNotGranted
            | Self::PresignTooLong
            | Self::ConnectRefused => 403,
            Self::InvalidHost
            | Self::DottedBucket
            | Self::NoTarget
            | Self::MalformedAuthorization
            | Self::PresignUnreadable
            | Self::MalformedChunks
            | Self::MalformedEvents => 400,
            Self::BodyTimeout => 408,
            Self::BodyTooLarge | Self::ChunkTooLarge | Self::EventTooLarge => 413,
            Self::ExpectationFailed => 417,
            Self::PresignTooMany => 429,
            Self::HostCallFailed => 500,
            Self::ExpressSessionUnsupported
            | Self::SignatureV2Only
            | Self::ChunkSignaturesUnsupported => 501,
        }
    }

    /// Whether the same request may pass a little later.
    pub fn passes_later(self) -> bool {
        self.status() == 503
    }
}

/// The reasons as Markdown, as they stand in the documentation.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
         Written by `UPDATE=1 cargo test --test reference` from `src/refusal/reason.rs`.\n\n\
         What the filter answers itself has a header `x-sigv4-egress-reason` with one of these words. The access log and the stats \
         (`sigv4_egress.requests.refused.<reason>`) have the same. The filter's 503 come with `retry-after: 1`.\n\n\
         | status | reason | situation |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let (status, meaning) = (reason.status(), reason.meaning());
        page.push_str(&format!("| {status} | `{reason}` | {meaning} |\n"));
    }
    page.push_str(
        "\n## Envoy's own answers\n\n\
         The shipped files give these the same header, and a body that says what to do where Envoy's words do not; the stats do not count them. Istio's \
         *transparent* has the first three and `idle_timeout`, the rest there is Envoy's. `%RESPONSE_CODE_DETAILS%` in the access log has Envoy's words.\n\n\
         | status | reason | situation |\n|---|---|---|\n",
    );
    for (status, reason, meaning) in OF_ENVOY {
        page.push_str(&format!("| {status} | `{reason}` | {meaning} |\n"));
    }
    page.push_str(
        "\n## What may be sent again\n\n\
         SDKs repeat 500, 502, 503 and 504 by themselves, a POST too. That does no harm where AWS has not carried out the request:\n\n\
         | AWS has not carried it out | AWS may have carried it out |\n|---|---|\n\
         | every reason of the filter's own, `aws_unreachable`, `host_not_resolved`, and `envoy_unavailable` with `DNS cache overflow` or `missing required header` \
         | `aws_closed_connection`, `idle_timeout`, `aws_answer_unreadable`, any other `envoy_unavailable`, and what has no `x-sigv4-egress-reason` |\n",
    );
    page
}

/// The reasons that the shipped files give Envoy's own answers: status, word, situation.
pub const OF_ENVOY: &[(u16, &str, &str)] = &[
    (
        503,
        "aws_closed_connection",
        "The connection to AWS ended before an answer came. Requests that AWS cannot have seen, and GET and HEAD, had already been sent again; anything else may have been carried out.",
    ),
    (
        503,
        "aws_unreachable",
        "No connection to AWS, or a certificate that is not the host's; the details say which.",
    ),
    (503, "host_not_resolved", "DNS does not know the host."),
    (
        503,
        "envoy_unavailable",
        "Envoy's text says why: `DNS cache overflow` (see `max_hosts`), or `missing required header`, or no text, if a VM has failed; it is loaded again within two seconds ([SECURITY.md](../SECURITY.md)).",
    ),
    (
        504,
        "idle_timeout",
        "Nothing came for 20 minutes (`stream_idle_timeout`), from the program or from AWS.",
    ),
    (
        502,
        "aws_answer_unreadable",
        "What came from AWS's address is not HTTP.",
    ),
    (
        413,
        "buffer_limit",
        "Envoy holds less than `max_body_bytes`: raise each `request_body_buffer_limit: 9437184` of the shipped file; with Envoy 1.36, `per_connection_buffer_limit_bytes`.",
    ),
    (
        403,
        "upgrade_refused",
        "An upgrade to anything but `websocket`.",
    ),
    (
        403,
        "address_not_public",
        "A tunnel to a host of `tunnel_to` whose address is a loopback, link-local, private or multicast one.",
    ),
    (
        400,
        "request_unreadable",
        "A request that Envoy cannot read, or (431) one with headers of more than 60 KiB.",
    ),
    (
        404,
        "bucket_in_front",
        "A host like `bucket.localhost`: use `127.0.0.1`, or path style.",
    ),
    (
        404,
        "not_aws",
        "A host that is not AWS's, or a name of the endpoint that is neither `127.0.0.1` nor `localhost`; 403 for `CONNECT` to it.",
    ),
];
