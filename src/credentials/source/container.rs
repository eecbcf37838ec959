//! Container endpoints: the request for credentials, and the reply as credentials or as a typed error.
//!
//! One protocol has three servers: the EKS Pod Identity agent, the ECS agent, and whatever a laptop runs
//! (`aws-vault`, a file that `aws configure export-credentials` wrote). The request is a GET, the reply is
//! JSON (AWS SDKs and Tools Reference Guide, Container credential provider). Errors are JSON with `code` and
//! `message` (ECS agent), or a line of text such as `[id]: (AccessDeniedException): ..., fault: client` (EKS
//! agent, `pkg/errors/errors.go`).
//!
//! The module has no files and no sockets. The request leaves through a cluster of the operator's
//! (`container_cluster`), and the file of `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` is served by the
//! Unix-socket listener of the web identity token, at [`TOKEN_PATH`].

mod authorization;
mod endpoint;
mod error;

pub(crate) use authorization::Authorization;
pub(crate) use authorization::is_authorization;
pub(crate) use endpoint::Endpoint;
pub(crate) use error::ContainerError;

use crate::credentials::cache::place::Inputs;
use crate::credentials::call::{
    Call, Context, Expected, Failed, Progress, Reply, Settings, Source,
};
use crate::credentials::reply::{self, AwsError, InvalidReply};
use crate::credentials::sts::Turn;
use crate::credentials::{CallHeaders, Credentials, Secret};
use crate::timestamp::parse_rfc3339;
use serde_json::Value;
use std::fmt;
use std::time::SystemTime;

/// A container endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What the request is authorized with.
    pub authorization: Authorization,
}

impl Container {
    fn call<'a>(&self, settings: &Settings<'a>, authorization: Option<&Secret>) -> Call<'a> {
        Call {
            cluster: settings.container_cluster,
            timeout: settings.timeout,
            headers: request_headers(&self.endpoint, authorization),
            body: None,
            expected: Expected::Credentials,
            sent: authorization.cloned().into_iter().collect(),
            turn: Turn::default(),
            instead: None,
        }
    }
}

impl Source for Container {
    fn word(&self) -> &'static str {
        "container"
    }

    fn keys(&self) -> &'static [&'static str] {
        match self.authorization {
            Authorization::File => &["container_cluster", "sts_timeout_ms", "token_cluster"],
            Authorization::None | Authorization::Token(_) => {
                &["container_cluster", "sts_timeout_ms"]
            }
        }
    }

    fn identify(&self, inputs: &mut Inputs) {
        let Self {
            endpoint,
            authorization,
        } = self;
        inputs.text(self.word());
        inputs.text(endpoint.authority());
        inputs.text(endpoint.path());
        match authorization {
            Authorization::None => inputs.text("none"),
            Authorization::File => inputs.text("file"),
            Authorization::Token(token) => {
                inputs.text("token");
                inputs.secret(token);
            }
        }
    }

    fn first_call<'a>(&self, context: &Context<'a>) -> Progress<'a> {
        let settings = &context.settings;
        Progress::Call(match &self.authorization {
            // It is renewed, so what it holds is never kept.
            Authorization::File => Call::to_token_listener(settings, TOKEN_PATH),
            Authorization::Token(token) => self.call(settings, Some(token)),
            Authorization::None => self.call(settings, None),
        })
    }

    fn on_reply<'a>(&self, reply: &Reply<'_>, context: &Context<'a>) -> Progress<'a> {
        match reply.expected {
            Expected::Token => match authorization::parse_token(reply.status, reply.body) {
                Ok(token) => Progress::Call(self.call(&context.settings, Some(&token))),
                Err(error) => Progress::Failed(Failed::of(&error)),
            },
            Expected::Credentials => Progress::of(parse_reply(
                reply.status,
                reply.body,
                reply.secrets,
                context.now,
            )),
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container endpoint {}", self.endpoint.authority())
    }
}

/// Where the token listener serves the authorization token's file.
const TOKEN_PATH: &str = "/container-token";

/// All headers of the request. `authorization` is what stands in the environment or in the file.
fn request_headers(endpoint: &Endpoint, authorization: Option<&Secret>) -> CallHeaders {
    let mut headers = CallHeaders::new([
        (":method", "GET"),
        (":path", endpoint.path()),
        (":authority", endpoint.authority()),
        ("accept", "application/json"),
    ]);
    if let Some(authorization) = authorization {
        headers.push("authorization", authorization.expose());
    }
    headers
}

/// Reads the reply. `status` is 0 where there was none; of the body no more than
/// [`reply::MAX_REPLY_BYTES`] and one byte are needed.
///
/// A reply without `Expiration` or token is refused, as the SDKs for Rust and Python do: only temporary
/// credentials are signed with.
///
/// `secrets` are those that the caller has sent, or has: an error never holds a part of them.
///
/// # Errors
/// See [`ContainerError`].
fn parse_reply(
    status: u16,
    body: &[u8],
    secrets: &[Secret],
    now: SystemTime,
) -> Result<Credentials, ContainerError> {
    if status == 0 {
        return Err(ContainerError::Unreachable {
            detail: reply::why_none(body),
        });
    }
    let tree = reply::read(body);
    let refusal = tree.as_ref().ok().and_then(refusal_in);
    if status != 200 || refusal.is_some() {
        let (code, message) = refusal.unwrap_or_else(|| refusal_of_text(body));
        let error = AwsError::new(status, &code, &message, secrets);
        return Err(ContainerError::classify(error));
    }
    let credentials = credentials(&tree.map_err(ContainerError::InvalidReply)?)?;
    if credentials.expires_at <= now {
        return Err(ContainerError::AlreadyExpired {
            at: credentials.expires_at,
        });
    }
    Ok(credentials)
}

/// `{"code": ..., "message": ...}`, in either case; the code `Success` is none.
fn refusal_in(tree: &Value) -> Option<(String, String)> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| tree.get(name)?.as_str());
    let code = text(["code", "Code"]).filter(|code| *code != "Success")?;
    let message = text(["message", "Message"]).unwrap_or_default();
    Some((code.to_owned(), message.to_owned()))
}

/// A line of text, with a code in parentheses if the EKS agent repeats what EKS said.
fn refusal_of_text(body: &[u8]) -> (String, String) {
    let text = reply::plain_text(body);
    let parts = text.split_once('(').and_then(|(_, rest)| {
        let (code, message) = rest.split_once("): ")?;
        let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric());
        let message = message.split(", fault: ").next().unwrap_or_default();
        is_code.then(|| (code.to_owned(), message.to_owned()))
    });
    parts.unwrap_or((String::new(), text))
}

/// What else stands there, such as `AccountId`, is not read, and so cannot be wrong.
fn credentials(tree: &Value) -> Result<Credentials, InvalidReply> {
    let key_id = reply::text(tree, "AccessKeyId", reply::is_access_key_id)?;
    let key = reply::text(tree, "SecretAccessKey", reply::is_visible_ascii)?;
    // `SessionToken` is what `aws configure export-credentials` writes.
    let token = match reply::text(tree, "Token", reply::is_visible_ascii) {
        Err(InvalidReply::Missing(_)) if tree.get("SessionToken").is_some() => {
            reply::text(tree, "SessionToken", reply::is_visible_ascii)
        }
        token => token,
    }?;
    let expiration = reply::text(tree, "Expiration", |text| parse_rfc3339(text).is_some())?;
    Ok(Credentials {
        access_key_id: key_id.to_owned(),
        secret_access_key: Secret::new(key),
        session_token: Secret::new(token),
        expires_at: parse_rfc3339(expiration).ok_or(InvalidReply::Malformed("Expiration"))?,
    })
}

#[cfg(test)]
mod tests;
