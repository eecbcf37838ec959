//! STS: the two calls as bytes, their replies as credentials or as typed errors.
//!
//! AssumeRoleWithWebIdentity exchanges the pod's token for a first role's credentials and goes
//! unsigned. AssumeRole takes a second role with those, mostly in another account, and is signed with
//! them. Both are forms (AWS STS API Reference, version 2011-06-15). The reply may be JSON or XML: STS
//! follows `accept`, emulators answer XML whatever is asked. Both are read into one form.
//!
//! No limit here depends on the peer's good will: the body is at most [`reply::MAX_REPLY_BYTES`] long, and
//! what goes into a header later is visible ASCII.

mod access;
mod error;
mod operation;
mod request;

pub use access::{GivenBy, Standing, StsAccess, StsHost, StsHosts, Turn};
pub use error::StsError;
pub use operation::Operation;
pub(super) use request::{FormBody, request_headers, signed_headers};

use super::call::{Call, Context, Expected, Failed, Progress, Reply, Settings};
use super::failure::Retry;
use super::reply::{self, AwsError, InvalidReply};
use super::{CallHeaders, Credentials, Secret};
use crate::timestamp::{from_epoch_seconds, parse_rfc3339};
use serde_json::Value;
use std::time::SystemTime;

/// A call for credentials to the host of STS whose turn it is. `sent` are secrets that go along.
pub(super) fn call<'a>(
    settings: &Settings<'a>,
    turn: Turn,
    headers: CallHeaders,
    body: Secret,
    sent: Vec<Secret>,
) -> Call<'a> {
    Call {
        cluster: &settings.sts.hosts.asked(turn).cluster,
        timeout: settings.sts.hosts.timeout(turn, settings.timeout),
        headers,
        body: Some(body),
        expected: Expected::Credentials,
        sent,
        turn,
        instead: None,
    }
}

/// What follows the reply to that call. `again` makes the same call to another host; `None` where it no longer can.
pub(super) fn on_reply<'a>(
    operation: Operation,
    reply: &Reply<'_>,
    context: &Context<'a>,
    again: impl FnOnce(Turn, Secret) -> Option<Call<'a>>,
) -> Progress<'a> {
    let (hosts, turn) = (&context.settings.sts.hosts, reply.turn);
    let host = &*hosts.asked(turn).name;
    let read = parse_reply(
        operation,
        reply.status,
        reply.body,
        reply.secrets,
        context.now,
    );
    let error = match read {
        Ok(credentials) => {
            let first = hosts.standing(turn);
            return Progress::Done(credentials, Some(GivenBy { host, first }));
        }
        Err(error) => error,
    };
    let mut failed = Failed::of(&error);
    if hosts.are_several() {
        failed.failure.cause = [host, ": ", &*failed.failure.cause].concat();
    }
    // What somebody has to change at this host keeps nobody from another that may answer soon.
    if let Some(retry) = reply.before
        && error.may_be_of_the_host()
        && failed.failure.retry == Retry::Unlikely
    {
        failed.failure.retry = retry;
    }
    let next = hosts
        .next(turn)
        .filter(|_| error.may_be_of_the_host())
        .zip(reply.sent_body.cloned())
        .and_then(|(turn, body)| again(turn, body));
    match next {
        Some(call) => Progress::Call(Call {
            instead: Some(failed),
            ..call
        }),
        None => Progress::Failed(failed),
    }
}

/// Reads the reply of the STS callout. `status` is 0 where there was none.
///
/// `secrets` are those that the caller has sent, or has: an error never holds a part of them.
///
/// # Errors
/// See [`StsError`].
fn parse_reply(
    operation: Operation,
    status: u16,
    body: &[u8],
    secrets: &[Secret],
    now: SystemTime,
) -> Result<Credentials, StsError> {
    if status == 0 {
        return Err(StsError::Unreachable {
            detail: reply::why_none(body),
        });
    }
    let tree = reply::read(body);
    let error = tree.as_ref().ok().and_then(error_element);
    if status != 200 || error.is_some() {
        let text = |name| {
            error
                .and_then(|error| error.get(name))
                .and_then(Value::as_str)
        };
        let message = text("Message").map_or_else(|| reply::plain_text(body), ToOwned::to_owned);
        let code = text("Code").unwrap_or_default();
        let error = AwsError::new(status, code, &message, secrets);
        return Err(StsError::classify(operation, error));
    }

    let credentials = credentials(operation, &tree.map_err(StsError::InvalidReply)?)?;
    if credentials.expires_at <= now {
        return Err(StsError::AlreadyExpired {
            at: credentials.expires_at,
        });
    }
    Ok(credentials)
}

/// STS: `Error` alone (JSON) or in `ErrorResponse` (XML). moto 5.2: with an `Errors` between.
fn error_element(tree: &Value) -> Option<&Value> {
    let response = tree.get("ErrorResponse").unwrap_or(tree);
    response.get("Errors").unwrap_or(response).get("Error")
}

fn credentials(operation: Operation, tree: &Value) -> Result<Credentials, InvalidReply> {
    let path = operation.path_to_credentials();
    let fields = path.iter().try_fold(tree, |value, name| {
        value.get(name).ok_or(InvalidReply::Missing(name))
    })?;
    let expiration = fields
        .get("Expiration")
        .ok_or(InvalidReply::Missing("Expiration"))?;
    let expires_at = match expiration {
        Value::String(text) => parse_rfc3339(text),
        other => other.as_f64().and_then(from_epoch_seconds),
    };
    let text = |name| reply::text(fields, name, reply::is_visible_ascii);
    Ok(Credentials {
        access_key_id: reply::text(fields, "AccessKeyId", reply::is_access_key_id)?.to_owned(),
        secret_access_key: Secret::new(text("SecretAccessKey")?),
        session_token: Secret::new(text("SessionToken")?),
        expires_at: expires_at.ok_or(InvalidReply::Malformed("Expiration"))?,
    })
}

#[cfg(test)]
mod tests;
