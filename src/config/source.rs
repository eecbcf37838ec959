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

use super::findings::ConfigError;
use super::keys;
use super::object::Environment;
use crate::credentials::Secret;
use crate::credentials::identity::RoleArn;
use crate::credentials::source::CredentialSource;
use crate::credentials::source::container::{Authorization, Container, Endpoint, is_authorization};
use crate::credentials::source::none::NoCredentials;
use crate::credentials::source::web_identity::WebIdentity;
use crate::policy::Mode;

/// The choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Where credentials come from.
    pub(super) source: CredentialSource,
    /// The variable that names it; `None` for a role, which can be configured too.
    pub(super) variable: Option<&'static str>,
    /// Variables that are set and name another source, which is not used: worth a line in the log.
    pub(super) passed_over: Vec<&'static str>,
}

/// Chooses the source. `web_identity` is there if a role is configured, or named by `AWS_ROLE_ARN`. A variable
/// that is set to nothing counts as not set.
///
/// # Errors
///
/// No source; a token file without a role; a role and a container endpoint without a token file; a
/// URI over which credentials must not be fetched: plain `http` to another node.
pub(super) fn choose(
    environment: &Environment,
    web_identity: Option<WebIdentity>,
    mode: Mode,
) -> Result<Chosen, ConfigError> {
    let has_token_file = variable(environment, TOKEN_FILE).is_some();
    let mut passed_over = vec![RELATIVE_URI, FULL_URI];
    passed_over.retain(|name| variable(environment, name).is_some());
    match (web_identity, passed_over.first()) {
        (Some(web_identity), Some(name)) if !has_token_file => {
            let role = web_identity.session.role_arn;
            Err(refused(
                name,
                format!("is set, and so is the role {role}: which one is meant is not clear"),
                &format!("one of both, or {TOKEN_FILE} beside them: then the role is meant, as AWS SDKs have it"),
            ))
        }
        (Some(web_identity), _) => Ok(Chosen {
            source: CredentialSource::WebIdentity(web_identity),
            variable: None,
            passed_over,
        }),
        (None, _) if has_token_file => Err(refused(
            TOKEN_FILE,
            "is set, but no role is: neither role_arn nor AWS_ROLE_ARN".to_owned(),
            &format!("it together with a role, or {RELATIVE_URI} or {FULL_URI}"),
        )),
        (None, Some(_)) => {
            let name = passed_over.remove(0);
            Ok(Chosen {
                source: container(environment, name)?,
                variable: Some(name),
                passed_over,
            })
        }
        // Nothing asks for any.
        (None, None) if mode == Mode::Observe => Ok(Chosen {
            source: CredentialSource::None(NoCredentials),
            variable: None,
            passed_over,
        }),
        (None, None) => Err(ConfigError::new(keys::ROLE_ARN.name, "is neither configured nor in the environment (AWS_ROLE_ARN), and no container endpoint is there either".to_owned(), &format!("{}; or {RELATIVE_URI} or {FULL_URI}", RoleArn::ALLOWED))),
    }
}

/// The endpoint that the variable `name` names.
fn container(environment: &Environment, name: &str) -> Result<CredentialSource, ConfigError> {
    let text = variable(environment, name).unwrap_or_default();
    let endpoint = match name {
        RELATIVE_URI => Endpoint::of_relative_uri(text).map_err(|error| {
            refused(
                name,
                error.to_string(),
                "a path such as /v2/credentials/<id>",
            )
        }),
        _ => Endpoint::of_full_uri(text)
            .map_err(|error| refused(name, error.to_string(), &Endpoint::allowed())),
    }?;
    // The file before the value: the file is renewed ("Container credential provider", as above).
    let file = variable(environment, AUTHORIZATION_FILE);
    let authorization = match (file, variable(environment, AUTHORIZATION)) {
        (Some(_), _) => Authorization::File,
        (None, None) => Authorization::None,
        (None, Some(token)) if is_authorization(token) => Authorization::Token(Secret::new(token)),
        (None, Some(_)) => {
            return Err(refused(
                AUTHORIZATION,
                "is not a valid header value".to_owned(),
                "visible ASCII and inner spaces, at most 20000 characters",
            ));
        }
    };
    Ok(CredentialSource::Container(Container {
        endpoint,
        authorization,
    }))
}

/// A variable that is set, and not to nothing.
fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    let value = environment.get(name).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

#[cold]
fn refused(variable: &str, fault: String, allowed: &str) -> ConfigError {
    ConfigError::new(&format!("environment variable {variable}"), fault, allowed)
}

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const AUTHORIZATION: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const AUTHORIZATION_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

#[cfg(test)]
mod tests;
