//! What can go wrong at a container endpoint: whose fault, whether a retry helps, what to fix.
//!
//! Codes: EKS Auth API Reference (AssumeRoleForPodIdentity, Errors), which the EKS agent repeats; the
//! ECS agent (`ecs-agent/tmds/handlers/v1`). Where there is none, the status decides: the EKS agent itself
//! says 400, 403 and 429 in plain words.

use crate::credentials::failure::{FetchError, Retry};
use crate::credentials::outcome::Fetched;
use crate::credentials::reply::quote::Quote;
use crate::credentials::reply::{self, AwsError, InvalidReply};
use crate::timestamp::rfc3339;
use std::fmt;
use std::time::SystemTime;

/// Why an endpoint gave no usable credentials. The variants say whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContainerError {
    /// No reply: no connection, a reset, or the timeout.
    Unreachable {
        /// What Envoy says about it; may be empty.
        detail: Quote,
    },
    /// The endpoint has no credentials for this pod or task.
    Denied(AwsError),
    /// The endpoint found a fault in the request: its path or its authorization token.
    Rejected(AwsError),
    /// The endpoint says that the authorization token is too old.
    TokenExpired(AwsError),
    /// Too many calls.
    Throttled(AwsError),
    /// The agent, or what it asks, failed by itself.
    ServiceFault(AwsError),
    /// The reply says 200 and holds no credentials.
    InvalidReply(InvalidReply),
    /// The credentials came, and have expired already.
    AlreadyExpired {
        /// Their `Expiration`.
        at: SystemTime,
    },
}

impl ContainerError {
    /// Sorts a refusal by its code, else by its status.
    pub(super) fn classify(error: AwsError) -> Self {
        if error.is_without_code() && reply::is_of_envoy(error.message.as_str()) {
            return Self::Unreachable {
                detail: error.message,
            };
        }
        let kind = match (row(error.code.as_str()), error.status) {
            (Some(row), _) => row.kind,
            (None, 429) => Self::Throttled,
            (None, 500..) => Self::ServiceFault,
            (None, 401 | 403) => Self::Denied,
            (None, _) => Self::Rejected,
        };
        kind(error)
    }
}

impl From<InvalidReply> for ContainerError {
    fn from(why: InvalidReply) -> Self {
        Self::InvalidReply(why)
    }
}

impl FetchError for ContainerError {
    fn outcome(&self) -> Fetched {
        match self {
            Self::Unreachable { .. } => Fetched::ContainerUnreachable,
            Self::Denied(_) => Fetched::ContainerDenied,
            Self::Rejected(_) => Fetched::ContainerRejected,
            Self::TokenExpired(_) => Fetched::ContainerTokenExpired,
            Self::Throttled(_) => Fetched::ContainerThrottled,
            Self::ServiceFault(_) => Fetched::ContainerServiceFault,
            Self::InvalidReply(_) => Fetched::ContainerInvalidReply,
            Self::AlreadyExpired { .. } => Fetched::ContainerAlreadyExpired,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "check that `container_cluster` exists and reaches the endpoint of the environment, and that its agent runs on this node; a network policy or a proxy must let the link-local address through"
            }
            Self::InvalidReply(_) => NO_ENDPOINT,
            Self::AlreadyExpired { .. } => "check the clock of the node",
            Self::Denied(error)
            | Self::Rejected(error)
            | Self::TokenExpired(error)
            | Self::Throttled(error)
            | Self::ServiceFault(error) => match (row(error.code.as_str()), self) {
                (Some(row), _) => row.advice,
                (None, Self::Throttled(_)) => WAIT_THROTTLED,
                (None, Self::ServiceFault(_)) => WAIT_AGENT,
                (None, _) => NO_ENDPOINT,
            },
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Denied(_) | Self::Rejected(_) => Retry::Unlikely,
            Self::Unreachable { .. }
            | Self::TokenExpired(_)
            | Self::Throttled(_)
            | Self::ServiceFault(_)
            | Self::InvalidReply(_)
            | Self::AlreadyExpired { .. } => Retry::BackOff,
        }
    }
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = "the container endpoint";
        match self {
            Self::Unreachable { detail } if detail.as_str().is_empty() => {
                write!(f, "{endpoint} gave no answer")
            }
            Self::Unreachable { detail } => write!(f, "{endpoint} gave no answer: {detail}"),
            Self::Denied(error) => write!(f, "{endpoint} denied the credentials: {error}"),
            Self::Rejected(error) => write!(f, "{endpoint} rejected the request: {error}"),
            Self::TokenExpired(error) => {
                write!(
                    f,
                    "{endpoint} says that the authorization token has expired: {error}"
                )
            }
            Self::Throttled(error) => write!(f, "{endpoint} throttled the call: {error}"),
            Self::ServiceFault(error) => write!(f, "{endpoint} failed: {error}"),
            Self::InvalidReply(why) => write!(f, "{endpoint} sent an invalid reply: {why}"),
            Self::AlreadyExpired { at } => {
                write!(
                    f,
                    "{endpoint} sent credentials that expired at {}",
                    rfc3339(*at)
                )
            }
        }
    }
}

impl std::error::Error for ContainerError {}

struct Row {
    /// Without `Exception`.
    codes: &'static [&'static str],
    kind: fn(AwsError) -> ContainerError,
    advice: &'static str,
}

fn row(code: &str) -> Option<&'static Row> {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    CODES.iter().find(|row| row.codes.contains(&code))
}

const NO_ENDPOINT: &str = "check that `container_cluster` leads to the endpoint that the environment names (AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI), and that the pod's authorization token is served";
const WAIT_THROTTLED: &str = "it is retried with back-off; if it lasts, look for other pods on this node that call the agent in a loop";
const WAIT_AGENT: &str =
    "it is retried with back-off; if it lasts, look at the logs of the agent on this node";

const CODES: &[Row] = &[
    Row {
        codes: &["ResourceNotFound"],
        kind: ContainerError::Denied,
        advice: "check that the cluster has a Pod Identity association for this namespace and service account; a new one takes some seconds",
    },
    Row {
        codes: &["AccessDenied"],
        kind: ContainerError::Denied,
        advice: "check that the role's trust policy allows sts:AssumeRole and sts:TagSession to pods.eks.amazonaws.com, and that the node's role allows eks-auth:AssumeRoleForPodIdentity",
    },
    Row {
        codes: &[
            "NoCredentialsAssociated",
            "InvalidIdInRequest",
            "NoIdInRequest",
        ],
        kind: ContainerError::Denied,
        advice: "check that the task has a task role, and that its container runs with the environment of this very task",
    },
    Row {
        codes: &["InvalidToken", "InvalidParameter", "InvalidRequest"],
        kind: ContainerError::Rejected,
        advice: "check that GET /container-token of the token listener serves the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: a service account token for the audience pods.eks.amazonaws.com",
    },
    Row {
        codes: &["ExpiredToken"],
        kind: ContainerError::TokenExpired,
        advice: "check that the token listener watches the mounted directory (watched_directory) and that the kubelet still renews the token",
    },
    Row {
        codes: &["Throttling"],
        kind: ContainerError::Throttled,
        advice: WAIT_THROTTLED,
    },
    Row {
        codes: &[
            "InternalServer",
            "InternalServerError",
            "ServiceUnavailable",
            "CredentialsUninitialized",
        ],
        kind: ContainerError::ServiceFault,
        advice: WAIT_AGENT,
    },
];
