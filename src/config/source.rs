//! Where the credentials come from: chosen once, when the configuration loads, by the environment
//! variables that the platform sets. There is no fallback: a source that fails is reported, and no other
//! is asked in its place.
//!
//! | set | source |
//! |---|---|
//! | `AWS_WEB_IDENTITY_TOKEN_FILE` | web identity: the token from the listener, exchanged at STS |
//! | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` (ECS) | the container endpoint `169.254.170.2`, with this path |
//! | `AWS_CONTAINER_CREDENTIALS_FULL_URI` (EKS Pod Identity, a laptop) | the container endpoint of this URI |
//! | none of these, and a role | web identity: a sidecar often has the token without the variable |
//!
//! The first row that applies wins, as in the default chains of the AWS SDKs: web identity before
//! containers (`aws-config` 1.13 for Rust, `default_provider/credentials.rs`; the "Credential provider chain"
//! of botocore, Java and Go has the same order), the relative URI before the full one ("will only be used if
//! AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set"; AWS SDKs and Tools Reference Guide, Container credential
//! provider). So a pod that moves from IRSA to Pod Identity keeps the role that it has until the older
//! one is removed (EKS User Guide, "Understand how EKS Pod Identity works").
//!
//! One case is refused as ambiguous: a role is configured, the environment names a container endpoint, and
//! there is no token file. An SDK takes the container's role then and never looks at the
//! configured one; this filter's users mean the configured one, for which no variable is needed. Nobody
//! should find out which by reading CloudTrail.
//!
//! # Call order
//!
//! [`choose`] while the configuration is read, with the role that is configured or in `AWS_ROLE_ARN`. Log
//! [`Source::name`] and [`Chosen::passed_over`], export the name. For [`Source::Container`],
//! [`crate::credentials::source::container`] goes on.

use crate::config::{ConfigError, Environment};
use crate::credentials::Secret;
use crate::credentials::identity::RoleArn;
use crate::credentials::source::container::{Authorization, Endpoint};

/// The choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Where credentials come from.
    pub source: Source,
    /// The variable that names it; `None` for a role, which can be configured too.
    pub variable: Option<&'static str>,
    /// Variables that are set and name another source, which is not used: worth a line in the log.
    pub passed_over: Vec<&'static str>,
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The pod's web identity token, exchanged at STS for this role's credentials.
    WebIdentity(RoleArn),
    /// An HTTP endpoint that hands out credentials: EKS Pod Identity, ECS, or one on a laptop.
    Container {
        /// Where it is.
        endpoint: Endpoint,
        /// What the request is authorized with.
        authorization: Authorization,
    },
}

impl Source {
    /// One word for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WebIdentity { .. } => "web_identity",
            Self::Container { .. } => "container",
        }
    }
}

/// Chooses the source. `role_arn` is the one that is configured, else that of `AWS_ROLE_ARN`. A variable
/// that is set to nothing counts as not set.
///
/// # Errors
///
/// No source; a token file without a role; a role and a container endpoint without a token file; a
/// URI over which credentials must not be fetched: plain `http` to another node.
pub fn choose(
    environment: &Environment,
    role_arn: Option<&RoleArn>,
) -> Result<Chosen, ConfigError> {
    let variable = |name: &str| {
        let value = environment.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    };
    let containers: Vec<&'static str> = [RELATIVE_URI, FULL_URI]
        .into_iter()
        .filter(|name| variable(name).is_some())
        .collect();
    match (variable(TOKEN_FILE), role_arn, containers.as_slice()) {
        (Some(_), Some(role_arn), _) | (None, Some(role_arn), []) => {
            return Ok(Chosen {
                source: Source::WebIdentity(role_arn.clone()),
                variable: None,
                passed_over: containers,
            });
        }
        (Some(_), None, _) => {
            return Err(ConfigError::new(
                &format!("environment variable {TOKEN_FILE}"),
                "is set, and no role is: neither role_arn nor AWS_ROLE_ARN".to_owned(),
                &format!("it together with a role, or {RELATIVE_URI} or {FULL_URI}"),
            ));
        }
        (None, Some(role_arn), [name, ..]) => {
            return Err(ConfigError::new(
                &format!("environment variable {name}"),
                format!("is set, and so is the role {role_arn}: which one is meant is not clear"),
                &format!(
                    "one of both, or {TOKEN_FILE} beside them: then the role is meant, as AWS SDKs have it"
                ),
            ));
        }
        (None, None, _) => {}
    }
    let (name, endpoint, passed_over) = match (variable(RELATIVE_URI), variable(FULL_URI)) {
        (Some(path), full) => {
            let passed_over = full.map(|_| FULL_URI).into_iter().collect();
            (RELATIVE_URI, Endpoint::of_relative_uri(path)?, passed_over)
        }
        (None, Some(uri)) => (FULL_URI, Endpoint::of_full_uri(uri)?, Vec::new()),
        (None, None) => {
            return Err(ConfigError::new("role_arn", "is neither configured nor in the environment (AWS_ROLE_ARN), and no container endpoint is there either".to_owned(), &format!("{}; or {RELATIVE_URI} or {FULL_URI}", RoleArn::ALLOWED)));
        }
    };
    // The file before the value: the file is renewed ("Container credential provider", as above).
    let authorization = match (variable(AUTHORIZATION_FILE), variable(AUTHORIZATION)) {
        (Some(_), _) => Authorization::File,
        (None, Some(token)) => Authorization::Token(authorization(token)?),
        (None, None) => Authorization::None,
    };
    Ok(Chosen {
        source: Source::Container {
            endpoint,
            authorization,
        },
        variable: Some(name),
        passed_over,
    })
}

fn authorization(token: &str) -> Result<Secret, ConfigError> {
    if crate::credentials::source::container::is_authorization(token) {
        Ok(Secret::new(token))
    } else {
        Err(ConfigError::new(
            &format!("environment variable {AUTHORIZATION}"),
            "is no value of a header".to_owned(),
            "visible ASCII and inner spaces, at most 20000 characters",
        ))
    }
}

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub(crate) const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
pub(crate) const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const AUTHORIZATION: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const AUTHORIZATION_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

#[cfg(test)]
mod tests;
