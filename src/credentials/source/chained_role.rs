//! A chained role: STS gives its session for the credentials of the pod's own role, which sign the call.

use crate::credentials::cache::place::Inputs;
use crate::credentials::call::{Call, Context, Failed, Progress, Reply, Source};
use crate::credentials::failure::Retry;
use crate::credentials::identity::{ExternalId, Session, SourceIdentity, Tags};
use crate::credentials::outcome::Fetched;
use crate::credentials::sts::{self, FormBody, Operation, Turn};
use crate::credentials::{Credentials, Secret};
use std::fmt;

/// A role session, mostly of another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedRole {
    /// The session.
    pub session: Session,
    /// What the role's account asks for.
    pub external_id: Option<ExternalId>,
    /// Session tags.
    pub tags: Tags,
    /// Who is behind the session.
    pub source_identity: Option<SourceIdentity>,
}

impl ChainedRole {
    /// The body of the call: a form. Nothing in it is secret, but what is signed is a [`Secret`] in both calls to STS.
    /// Lists are numbered from 1 (AWS STS API Reference, AssumeRole, Examples).
    fn body(&self) -> Secret {
        let mut form = FormBody::new("AssumeRole", &self.session);
        form.push_optional(
            "ExternalId",
            self.external_id.as_ref().map(ExternalId::as_str),
        );
        for (index, (key, value)) in (1..).zip(self.tags.iter()) {
            form.push(format!("Tags.member.{index}.Key"), key);
            form.push(format!("Tags.member.{index}.Value"), value);
        }
        for (index, key) in (1..).zip(self.tags.transitive_keys()) {
            form.push(format!("TransitiveTagKeys.member.{index}"), key);
        }
        form.push_optional(
            "SourceIdentity",
            self.source_identity.as_ref().map(SourceIdentity::as_str),
        );
        form.encoded()
    }

    /// The call to STS's host whose turn it is, signed for its region.
    fn call<'a>(
        turn: Turn,
        body: Secret,
        credentials: &Credentials,
        context: &Context<'a>,
    ) -> Call<'a> {
        let settings = &context.settings;
        let headers = sts::signed_headers(
            &settings.sts.hosts.asked(turn).name,
            &settings.sts.region,
            &body,
            credentials,
            context.now,
        );
        let mut sent = headers.secrets();
        sent.extend(credentials.secrets());
        sts::call(settings, turn, headers, body, sent)
    }
}

impl Source for ChainedRole {
    fn word(&self) -> &'static str {
        "chained"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["session_name", "sts_cluster", "sts_hosts", "sts_timeout_ms"]
    }

    fn identify(&self, inputs: &mut Inputs) {
        let Self {
            session,
            external_id,
            tags,
            source_identity,
        } = self;
        inputs.text(self.word());
        session.identify(inputs);
        inputs.optional(external_id.as_ref().map(ExternalId::as_str));
        inputs.optional(source_identity.as_ref().map(SourceIdentity::as_str));
        inputs.number(tags.iter().count());
        for (key, value) in tags.iter() {
            inputs.text(key);
            inputs.text(value);
        }
        inputs.number(tags.transitive_keys().count());
        for key in tags.transitive_keys() {
            inputs.text(key);
        }
    }

    /// Without the credentials that sign the call, or while they are being replaced, the fetch waits for them; it fails with
    /// their failure where that will last.
    fn first_call<'a>(&self, context: &Context<'a>) -> Progress<'a> {
        let own = context.own;
        let Some(credentials) = own.usable(context.now) else {
            return match &own.failure {
                Some(failure) if failure.retry == Retry::Unlikely => Progress::Failed(Failed {
                    outcome: Fetched::OwnRole,
                    failure: failure.clone(),
                }),
                _ => Progress::Later,
            };
        };
        // They may be worth nothing any more.
        if own.is_being_replaced(context.now) {
            return Progress::Later;
        }
        Progress::Call(Self::call(context.first, self.body(), credentials, context))
    }

    fn on_reply<'a>(&self, reply: &Reply<'_>, context: &Context<'a>) -> Progress<'a> {
        let again = |turn, body| {
            let credentials = context.own.usable(context.now)?;
            Some(Self::call(turn, body, credentials, context))
        };
        sts::on_reply(Operation::AssumeRole, reply, context, again)
    }
}

impl fmt::Display for ChainedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssumeRole of {}, by role own", self.session)
    }
}

#[cfg(test)]
mod tests;
