//! What can go wrong at STS: whose fault, whether a retry helps, what the operator should fix.
//!
//! Codes and their statuses are those of the STS API Reference (AssumeRoleWithWebIdentity and
//! AssumeRole, Errors; Common Errors); the throttling codes are those that botocore 1.43 retries
//! (`botocore/retries/standard.py`). All of it stands in one table, at the bottom.

use super::operation::Operation;
use crate::credentials::failure::{FetchError, Retry};
use crate::credentials::outcome::Fetched;
use crate::credentials::reply::quote::Quote;
use crate::credentials::reply::{self, AwsError, InvalidReply};
use crate::timestamp::rfc3339;
use std::fmt;
use std::time::SystemTime;

/// Why STS gave no usable credentials. The variants say whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsError {
    /// No reply of STS: no connection, a reset, or the timeout.
    Unreachable {
        /// What Envoy says about it; may be empty.
        detail: Quote,
    },
    /// STS knows the caller and says no.
    Denied(Operation, AwsError),
    /// STS found a fault in the request: its token, its signature, or a parameter.
    Rejected(Operation, AwsError),
    /// STS says that what authenticates the call is too old: the web identity token, or for a chained
    /// role the first role's credentials.
    TokenExpired(Operation, AwsError),
    /// STS could not ask the cluster's OIDC provider for its keys.
    ProviderUnreachable(Operation, AwsError),
    /// Too many calls.
    Throttled(Operation, AwsError),
    /// STS, or an intermediary, failed by itself.
    ServiceFault(Operation, AwsError),
    /// The reply says 200 and is not what STS sends.
    InvalidReply(InvalidReply),
    /// The credentials came, and have expired already.
    AlreadyExpired {
        /// Their `Expiration`.
        at: SystemTime,
    },
}

impl StsError {
    /// Sorts a refusal by its code, else by its status.
    pub(super) fn classify(operation: Operation, error: AwsError) -> Self {
        if error.is_without_code() && reply::is_of_envoy(error.message.as_str()) {
            return Self::Unreachable {
                detail: error.message,
            };
        }
        let kind = match (row(operation, error.code.as_str()), error.status) {
            (Some(row), _) => row.kind,
            (None, 429) => Self::Throttled,
            (None, 500..) => Self::ServiceFault,
            (None, 401 | 403) => Self::Denied,
            (None, _) => Self::Rejected,
        };
        kind(operation, error)
    }

    /// Whether STS's host of another region may give the credentials that this one did not. Roles, trust policies and
    /// identity providers are those of the partition: another host would say the same about them.
    pub(super) fn may_be_of_the_host(&self) -> bool {
        match self {
            // It may have the issuer's keys, or reach them.
            Self::Unreachable { .. }
            | Self::ProviderUnreachable(..)
            | Self::Throttled(..)
            | Self::ServiceFault(..)
            | Self::InvalidReply(_) => true,
            // Something else than STS has answered; an account does without this region's; or this region is not enabled, and
            // so knows no credentials.
            Self::Denied(_, error) | Self::Rejected(_, error) => {
                let code = error.code.as_str();
                let code = code.strip_suffix("Exception").unwrap_or(code);
                error.is_without_code() || OF_REGIONS.contains(&code)
            }
            Self::TokenExpired(..) | Self::AlreadyExpired { .. } => false,
        }
    }
}

impl From<InvalidReply> for StsError {
    fn from(why: InvalidReply) -> Self {
        Self::InvalidReply(why)
    }
}

impl FetchError for StsError {
    fn outcome(&self) -> Fetched {
        match self {
            Self::Unreachable { .. } => Fetched::Unreachable,
            Self::Denied(..) => Fetched::Denied,
            Self::Rejected(..) => Fetched::Rejected,
            Self::TokenExpired(Operation::AssumeRoleWithWebIdentity, _) => {
                Fetched::TokenExpiredAtSts
            }
            Self::TokenExpired(Operation::AssumeRole, _) => Fetched::OwnRoleExpired,
            Self::ProviderUnreachable(..) => Fetched::ProviderUnreachable,
            Self::Throttled(..) => Fetched::Throttled,
            Self::ServiceFault(..) => Fetched::ServiceFault,
            Self::InvalidReply(_) => Fetched::InvalidReply,
            Self::AlreadyExpired { .. } => Fetched::AlreadyExpired,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "check that `sts_cluster` exists and reaches STS (DNS, egress policy, CA bundle), and `sts_timeout_ms`"
            }
            Self::InvalidReply(_) => NOT_STS,
            Self::AlreadyExpired { .. } => "check the clock of the node",
            Self::Denied(operation, error)
            | Self::Rejected(operation, error)
            | Self::TokenExpired(operation, error)
            | Self::ProviderUnreachable(operation, error)
            | Self::Throttled(operation, error)
            | Self::ServiceFault(operation, error) => {
                match (row(*operation, error.code.as_str()), self) {
                    (Some(row), _) => row.advice,
                    (None, Self::Throttled(..)) => WAIT_THROTTLED,
                    (None, Self::ServiceFault(..)) => WAIT_SERVICE,
                    (None, _) if error.is_without_code() => NOT_STS,
                    (None, _) => {
                        "look the code up in the STS API Reference, under the call's Errors and Common Errors"
                    }
                }
            }
        }
    }

    fn retry(&self) -> Retry {
        match self {
            // Mostly gone at once: STS reads the issuer's keys anew.
            Self::Rejected(_, error) if error.message.as_str().contains("verification key") => {
                Retry::Twice
            }
            Self::Denied(..) | Self::Rejected(..) => Retry::Unlikely,
            Self::Unreachable { .. }
            | Self::TokenExpired(..)
            | Self::ProviderUnreachable(..)
            | Self::Throttled(..)
            | Self::ServiceFault(..)
            | Self::InvalidReply(_)
            | Self::AlreadyExpired { .. } => Retry::BackOff,
        }
    }
}

impl fmt::Display for StsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { detail } if detail.as_str().is_empty() => {
                f.write_str("STS gave no answer")
            }
            Self::Unreachable { detail } => write!(f, "STS gave no answer: {detail}"),
            Self::Denied(operation, error) => {
                write!(f, "STS denied the {}: {error}", operation.role())
            }
            Self::Rejected(operation, error) => {
                write!(f, "STS rejected the {}: {error}", operation.request())
            }
            Self::TokenExpired(Operation::AssumeRoleWithWebIdentity, error) => write!(
                f,
                "STS says that the web identity token has expired: {error}"
            ),
            Self::TokenExpired(Operation::AssumeRole, error) => write!(
                f,
                "STS says that the first role's credentials have expired: {error}"
            ),
            Self::ProviderUnreachable(_, error) => {
                write!(f, "STS could not reach the OIDC provider: {error}")
            }
            Self::Throttled(_, error) => write!(f, "STS throttled the call: {error}"),
            Self::ServiceFault(_, error) => write!(f, "STS failed: {error}"),
            Self::InvalidReply(why) => write!(f, "STS sent an invalid reply: {why}"),
            Self::AlreadyExpired { at } => {
                write!(f, "STS sent credentials that expired at {}", rfc3339(*at))
            }
        }
    }
}

impl std::error::Error for StsError {}

struct Row {
    /// Without `Exception`: STS and its model disagree on the suffix.
    codes: &'static [&'static str],
    kind: fn(Operation, AwsError) -> StsError,
    advice: &'static str,
}

/// A call's own rows come before those that both share.
fn row(operation: Operation, code: &str) -> Option<&'static Row> {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    let own = match operation {
        Operation::AssumeRoleWithWebIdentity => WEB_IDENTITY,
        Operation::AssumeRole => CHAINED,
    };
    let mut rows = own.iter().chain(BOTH);
    rows.find(|row| row.codes.contains(&code))
}

const NOT_STS: &str =
    "check that `sts_cluster` and `sts_hosts` lead to STS and to no other server or proxy";
const WAIT_THROTTLED: &str = "it is retried with back-off; if it lasts, look for other callers of STS in this account and region";
const WAIT_SERVICE: &str = "it is retried with back-off; if it lasts, look at the AWS Health Dashboard and at the proxies on the way to STS";

/// Of AssumeRoleWithWebIdentity alone.
const WEB_IDENTITY: &[Row] = &[
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
        codes: &["InvalidIdentityToken"],
        kind: StsError::Rejected,
        advice: "check that the role's account has an IAM OIDC provider for this cluster's issuer, that it lists the token's audience, and that the issuer's keys are reachable from the internet",
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
];

/// What a host says of its region, and another one need not.
const OF_REGIONS: &[&str] = &[
    "RegionDisabled",
    "InvalidClientTokenId",
    "UnrecognizedClient",
];

/// Of AssumeRole alone.
const CHAINED: &[Row] = &[
    Row {
        codes: &["AccessDenied"],
        kind: StsError::Denied,
        advice: "check that the chained role exists, that its trust policy allows sts:AssumeRole to the first role (also sts:TagSession and sts:SetSourceIdentity where tags or a source identity are sent, and the external id it asks for), and that the first role's policy allows sts:AssumeRole on it",
    },
    Row {
        codes: &["ExpiredToken", "InvalidToken"],
        kind: StsError::TokenExpired,
        advice: "the first role's credentials are fetched again; if it lasts, check the clock of the node",
    },
    Row {
        codes: &["InvalidClientTokenId", "UnrecognizedClient"],
        kind: StsError::Denied,
        advice: "check that `sts_hosts` are in the partition of the first role, and that their regions take the first role's credentials: an opt-in region must be enabled in that role's account, and does not accept tokens of the global endpoint",
    },
    Row {
        codes: &[
            "SignatureDoesNotMatch",
            "InvalidSignature",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "RequestExpired",
            "RequestTimeTooSkewed",
        ],
        kind: StsError::Rejected,
        advice: "check the clock of the node, and that nothing on the way to STS changes the body or the headers host, content-type and x-amz-*",
    },
];

const BOTH: &[Row] = &[
    Row {
        codes: &["RegionDisabled"],
        kind: StsError::Denied,
        advice: "activate STS for this region in the account settings of IAM, or set `sts_hosts` to active ones",
    },
    Row {
        codes: &["MalformedPolicyDocument"],
        kind: StsError::Rejected,
        advice: "check `session_policy`: IAM does not accept it as a policy; the message says where",
    },
    Row {
        codes: &["PackedPolicyTooLarge"],
        kind: StsError::Rejected,
        advice: "shorten `session_policy` or send fewer tags: together they are larger than the packed size that STS accepts; the message says by how much",
    },
    Row {
        codes: &[
            "ValidationError",
            "Validation",
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "MissingParameter",
        ],
        kind: StsError::Rejected,
        advice: "the message says which value STS does not accept; a `DurationSeconds` above the role's maximum session duration is among these",
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
