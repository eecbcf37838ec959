//! The pod's web identity: its token, from the token listener, is exchanged at STS.

mod token;

use crate::credentials::Secret;
use crate::credentials::cache::place::Inputs;
use crate::credentials::call::{Call, Context, Expected, Failed, Progress, Reply, Source};
use crate::credentials::identity::Session;
use crate::credentials::sts::{self, FormBody, Operation, Turn};
use std::fmt;

/// A role session that STS gives for the pod's token. Tags and source identity are not parameters of the call: STS takes
/// them from the token's claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The session.
    pub session: Session,
}

impl WebIdentity {
    /// The body of the call, which goes unsigned: a form. It holds the token, so it is a [`Secret`].
    fn body(&self, token: &Secret) -> Secret {
        let mut form = FormBody::new("AssumeRoleWithWebIdentity", &self.session);
        form.push("WebIdentityToken", token.expose());
        form.encoded()
    }

    /// The call to STS's host whose turn it is.
    fn call<'a>(turn: Turn, body: Secret, sent: Vec<Secret>, context: &Context<'a>) -> Call<'a> {
        let settings = &context.settings;
        let headers = sts::request_headers(&settings.sts.hosts.asked(turn).name);
        sts::call(settings, turn, headers, body, sent)
    }
}

impl Source for WebIdentity {
    fn word(&self) -> &'static str {
        "web_identity"
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "session_name",
            "sts_cluster",
            "sts_hosts",
            "sts_timeout_ms",
            "token_audience",
            "token_cluster",
        ]
    }

    fn identify(&self, inputs: &mut Inputs) {
        let Self { session } = self;
        inputs.text(self.word());
        session.identify(inputs);
    }

    fn first_call<'a>(&self, context: &Context<'a>) -> Progress<'a> {
        Progress::Call(Call::to_token_listener(
            &context.settings,
            &context.settings.sts.token_path,
        ))
    }

    fn on_reply<'a>(&self, reply: &Reply<'_>, context: &Context<'a>) -> Progress<'a> {
        match reply.expected {
            Expected::Token => match token::parse_reply(
                reply.status,
                reply.body,
                &context.settings.sts.token_audience,
                context.now,
            ) {
                Ok(token) => {
                    let body = self.body(&token);
                    Progress::Call(Self::call(context.first, body, vec![token], context))
                }
                Err(error) => Progress::Failed(Failed::of(&error)),
            },
            Expected::Credentials => {
                let again = |turn, body| {
                    // The token is among them; the reply may repeat it again.
                    Some(Self::call(turn, body, reply.secrets.to_vec(), context))
                };
                sts::on_reply(Operation::AssumeRoleWithWebIdentity, reply, context, again)
            }
        }
    }
}

impl fmt::Display for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssumeRoleWithWebIdentity of {}", self.session)
    }
}

#[cfg(test)]
mod tests;
