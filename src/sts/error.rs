//! What can go wrong at STS: whose fault, whether a retry helps, what the operator should fix.
//!
//! Codes and their statuses are those of the STS API Reference (AssumeRoleWithWebIdentity, Errors;
//! Common Errors); the throttling codes are those that botocore 1.43 retries
//! (`botocore/retries/standard.py`). All of it stands in one table, at the bottom.

use std::fmt;
use std::time::SystemTime;

use super::MAX_REPLY_BYTES;
use crate::timestamp::rfc3339;

/// Why STS gave no usable credentials. The variants say whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsError {
    /// No reply of STS: no connection, a reset, or the timeout.
    Unreachable {
        /// What Envoy says about it; may be empty.
        detail: String,
    },
    /// STS knows the caller and says no.
    Denied(AwsError),
    /// STS found a fault in the request: token, role, session name or duration.
    Rejected(AwsError),
    /// STS says that the web identity token is too old.
    TokenExpired(AwsError),
    /// STS could not ask the cluster's OIDC provider for its keys.
    ProviderUnreachable(AwsError),
    /// Too many calls.
    Throttled(AwsError),
    /// STS, or an intermediary, failed by itself.
    ServiceFault(AwsError),
    /// The reply says 200 and is not what STS sends.
    InvalidReply(InvalidReply),
    /// The credentials came, and have expired already.
    AlreadyExpired {
        /// Their `Expiration`.
        at: SystemTime,
    },
}

/// An error as STS worded it, cleaned: one line, bounded, no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// HTTP status.
    pub status: u16,
    /// Such as `AccessDenied`, at most 64 characters. Empty if the reply names none: then it is
    /// hardly STS's.
    pub code: String,
    /// At most 512 characters; may be empty.
    pub message: String,
}

/// What is wrong with a reply of status 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReply {
    /// Longer than [`MAX_REPLY_BYTES`].
    TooLarge,
    /// No bytes.
    Empty,
    /// Neither JSON nor XML, or cut off.
    Unreadable,
    /// This field is not there.
    Missing(&'static str),
    /// This field has an impossible value.
    Malformed(&'static str),
}

/// What to do with an error. Credentials that are still valid are kept in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recoverability {
    /// Time may heal it: back off, read the token again, retry.
    Recoverable,
    /// Mostly gone at once: retry twice quickly, then treat it as [`Self::NonRecoverable`].
    RetryQuickly,
    /// Somebody has to change something: tell the client now.
    NonRecoverable,
}

impl StsError {
    /// Sorts a refusal by its code, else by its status.
    pub(super) fn classify(error: AwsError) -> Self {
        if error.code.is_empty()
            && ENVOY_LOCAL_REPLIES
                .iter()
                .any(|text| error.message.starts_with(text))
        {
            return Self::Unreachable {
                detail: error.message,
            };
        }
        let kind = match (row(&error.code), error.status) {
            (Some(row), _) => row.kind,
            (None, 429) => Self::Throttled,
            (None, 500..) => Self::ServiceFault,
            (None, 401 | 403) => Self::Denied,
            (None, _) => Self::Rejected,
        };
        kind(error)
    }

    /// Whether, and how soon, to try again.
    pub fn recoverability(&self) -> Recoverability {
        match self {
            Self::Rejected(error) if error.message.contains("verification key") => {
                Recoverability::RetryQuickly
            }
            Self::Denied(_) | Self::Rejected(_) => Recoverability::NonRecoverable,
            Self::Unreachable { .. }
            | Self::TokenExpired(_)
            | Self::ProviderUnreachable(_)
            | Self::Throttled(_)
            | Self::ServiceFault(_)
            | Self::InvalidReply(_)
            | Self::AlreadyExpired { .. } => Recoverability::Recoverable,
        }
    }

    /// What to fix, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "check that `sts_cluster` exists and reaches STS (DNS, egress policy, CA bundle), and `sts_timeout_ms`"
            }
            Self::InvalidReply(_) => NOT_STS,
            Self::AlreadyExpired { .. } => "check the clock of the node",
            Self::Denied(error)
            | Self::Rejected(error)
            | Self::TokenExpired(error)
            | Self::ProviderUnreachable(error)
            | Self::Throttled(error)
            | Self::ServiceFault(error) => match (row(&error.code), self) {
                (Some(row), _) => row.advice,
                (None, Self::Throttled(_)) => WAIT_THROTTLED,
                (None, Self::ServiceFault(_)) => WAIT_SERVICE,
                (None, _) if error.code.is_empty() => NOT_STS,
                (None, _) => {
                    "look the code up in the STS API Reference, under AssumeRoleWithWebIdentity and Common Errors"
                }
            },
        }
    }

    /// One word for metrics; a call that worked is `ok`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Denied(_) => "denied",
            Self::Rejected(_) => "rejected",
            Self::TokenExpired(_) => "token_expired",
            Self::ProviderUnreachable(_) => "provider_unreachable",
            Self::Throttled(_) => "throttled",
            Self::ServiceFault(_) => "service_fault",
            Self::InvalidReply(_) => "invalid_reply",
            Self::AlreadyExpired { .. } => "already_expired",
        }
    }
}

impl From<InvalidReply> for StsError {
    fn from(why: InvalidReply) -> Self {
        Self::InvalidReply(why)
    }
}

impl fmt::Display for StsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { detail } if detail.is_empty() => f.write_str("STS gave no answer"),
            Self::Unreachable { detail } => write!(f, "STS gave no answer: {detail}"),
            Self::Denied(error) => write!(f, "STS denied the role: {error}"),
            Self::Rejected(error) => write!(f, "STS rejected the request: {error}"),
            Self::TokenExpired(error) => {
                write!(
                    f,
                    "STS says that the web identity token has expired: {error}"
                )
            }
            Self::ProviderUnreachable(error) => {
                write!(f, "STS could not reach the OIDC provider: {error}")
            }
            Self::Throttled(error) => write!(f, "STS throttled the call: {error}"),
            Self::ServiceFault(error) => write!(f, "STS failed: {error}"),
            Self::InvalidReply(why) => write!(f, "STS sent an invalid reply: {why}"),
            Self::AlreadyExpired { at } => {
                write!(f, "STS sent credentials that expired at {}", rfc3339(*at))
            }
        }
    }
}

impl std::error::Error for StsError {}

/// `AccessDenied: Not authorized to perform ... (status 403)`.
impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, "{} ", self.message)?;
        }
        write!(f, "(status {})", self.status)
    }
}

impl fmt::Display for InvalidReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it is longer than {MAX_REPLY_BYTES} bytes"),
            Self::Empty => f.write_str("it is empty"),
            Self::Unreadable => f.write_str("it is neither JSON nor XML, or it is cut off"),
            Self::Missing(field) => write!(f, "`{field}` is missing"),
            Self::Malformed(field) => write!(f, "`{field}` has an impossible value"),
        }
    }
}

/// How Envoy's own answers to a callout begin (`source/common/router/router.cc` of Envoy 1.40).
const ENVOY_LOCAL_REPLIES: &[&str] = &[
    "upstream connect error",
    "upstream request timeout",
    "no healthy upstream",
];

struct Row {
    /// Without `Exception`: STS and its model disagree on the suffix.
    codes: &'static [&'static str],
    kind: fn(AwsError) -> StsError,
    advice: &'static str,
}

fn row(code: &str) -> Option<&'static Row> {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    CODES.iter().find(|row| row.codes.contains(&code))
}

const NOT_STS: &str =
    "check that `sts_cluster` and `sts_host` lead to STS and to no other server or proxy";
const WAIT_THROTTLED: &str = "it is retried with back-off; if it lasts, look for other callers of STS in this account and region";
const WAIT_SERVICE: &str = "it is retried with back-off; if it lasts, look at the AWS Health Dashboard and at the proxies on the way to STS";

const CODES: &[Row] = &[
    Row {
        codes: &["AccessDenied"],
        kind: StsError::Denied,
        advice: "check that the role exists and that its trust policy allows sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider, with this service account as `sub` and the token's audience as `aud`",
    },
    Row {
        codes: &["IDPRejectedClaim"],
        kind: StsError::Denied,
        advice: "check that the service account and its token still exist: the OIDC provider refused the token",
    },
    Row {
        codes: &["RegionDisabled"],
        kind: StsError::Denied,
        advice: "activate STS for this region in the account settings of IAM, or set `sts_host` to an active region",
    },
    Row {
        codes: &["InvalidIdentityToken"],
        kind: StsError::Rejected,
        advice: "check that the role's account has an IAM OIDC provider for this cluster's issuer, that it lists the token's audience, and that the issuer's keys are reachable from the internet",
    },
    Row {
        codes: &["MalformedPolicyDocument", "PackedPolicyTooLarge"],
        kind: StsError::Rejected,
        advice: "check what changes the request on its way to STS: the filter sends no session policy and no tags",
    },
    Row {
        codes: &[
            "ValidationError",
            "Validation",
            "InvalidParameterValue",
            "MissingParameter",
        ],
        kind: StsError::Rejected,
        advice: "check `role_arn` and `session_name`; the message says which value STS does not take",
    },
    Row {
        codes: &["ExpiredToken"],
        kind: StsError::TokenExpired,
        advice: "check that the token listener watches the mounted directory (watched_directory) and that the kubelet still renews the token",
    },
    Row {
        codes: &["IDPCommunicationError"],
        kind: StsError::ProviderUnreachable,
        advice: "it is retried with back-off; if it lasts, check that the OIDC issuer's URL is reachable from the internet",
    },
    Row {
        codes: &[
            "Throttling",
            "Throttled",
            "ThrottlingError",
            "RequestThrottled",
            "RequestLimitExceeded",
            "TooManyRequests",
            "LimitExceeded",
            "BandwidthLimitExceeded",
            "ProvisionedThroughputExceeded",
            "TransactionInProgress",
            "SlowDown",
            "PriorRequestNotComplete",
            "EC2Throttled",
        ],
        kind: StsError::Throttled,
        advice: WAIT_THROTTLED,
    },
    Row {
        codes: &[
            "InternalFailure",
            "InternalError",
            "InternalServerError",
            "ServiceUnavailable",
            "RequestTimeout",
        ],
        kind: StsError::ServiceFault,
        advice: WAIT_SERVICE,
    },
];
