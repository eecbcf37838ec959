//! What is presigned, from the reading of it to the answer.

use super::fault::Fault;
use super::form::Form;
use super::grant::Service;
use crate::credentials::Credentials;
use crate::decision::Plan;
use crate::refusal::{Answer, Refusal};
use crate::sigv4::{CanonicalRequest, Payload, Presigned, Request, Signer, presigned_steps};
use crate::timestamp::rfc3339;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// The header that says until when an answer holds.
pub const EXPIRES_HEADER: &str = "x-sigv4-egress-expires-at";

/// What is presigned, and how it is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presigning {
    pub(super) service: Service,
    pub(super) subject: Subject,
    /// How it came, and goes back.
    pub(super) shape: Shape,
    pub(super) method: String,
    /// Those that the signature covers, besides `host`. Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// As asked.
    pub(super) lifetime: Duration,
    /// Shorter, it is of no use to the program.
    pub(super) min_valid: Duration,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A request.
    Request {
        /// Without the parameters of the signature.
        path_and_query: String,
        /// Parameters that no signature covers; they stand behind it.
        unsigned: String,
    },
    /// A form's policy.
    Form(Form),
}

/// How it came, and goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) wrapping: Wrapping,
    /// As JSON or as it is.
    pub(super) is_json: bool,
}

/// What stands around a presigned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// `https://<host>/...`
    Url,
    /// The same without `https://`: a password for a database.
    Bare,
    /// The URL in base64url, behind this.
    Encoded(&'static str),
    /// Fields of a form.
    Form,
}

/// What was presigned, for the access log.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// What the program gets.
    pub answer: Answer,
    /// Until when it holds.
    pub expires_at: SystemTime,
}

impl Presigning {
    /// Its service, by which it is counted.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The method, for the access log.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path without its query, for the access log; of a form, the key or how it begins.
    pub fn path(&self) -> &str {
        match &self.subject {
            Subject::Request { path_and_query, .. } => {
                path_and_query.split('?').next().unwrap_or_default()
            }
            Subject::Form(form) => form.key(),
        }
    }

    /// Signs it. `time` is AWS's, `now` is ours.
    ///
    /// # Errors
    ///
    /// When the credentials end before it would be of use.
    pub fn sign(
        &self,
        plan: &Plan,
        payload: Payload<'_>,
        signer: &mut Signer,
        credentials: &Credentials,
        time: SystemTime,
        now: SystemTime,
    ) -> Result<Done, Refusal> {
        let left = credentials.expires_at.duration_since(now);
        let left = Duration::from_secs(left.unwrap_or_default().as_secs());
        let lifetime = self.lifetime.min(left);
        if lifetime < self.min_valid.max(Duration::from_secs(1)) {
            return Err(Refusal::PresignEndsTooSoon {
                seconds: left.as_secs(),
            });
        }
        let scope = plan.scope();
        let given = match &self.subject {
            Subject::Form(form) => {
                let expires_at = time + lifetime;
                let signer = signer.form_signer(&scope, credentials, time);
                let signer = signer.ok_or(Fault::Form("its bucket has no region"))?;
                form.signed(&plan.authority, &signer, credentials, expires_at)
            }
            Subject::Request {
                path_and_query,
                unsigned,
            } => {
                let presigned = self.presigned(plan, payload, path_and_query, lifetime);
                let target = signer.presign(&presigned, &scope, credentials, time);
                let bare = [&plan.authority, &*target, unsigned].concat();
                Value::String(self.shape.wrapping.wrap(bare))
            }
        };
        let expires_at = now + lifetime;
        Ok(Done {
            answer: self.shape.answer(given, expires_at, lifetime),
            expires_at,
        })
    }

    /// The first steps of its signature, for explanations: see [`presigned_steps`]. `None` for a form, which has none.
    pub fn steps(
        &self,
        plan: &Plan,
        payload: Payload<'_>,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Option<(CanonicalRequest, String)> {
        let Subject::Request { path_and_query, .. } = &self.subject else {
            return None;
        };
        let presigned = self.presigned(plan, payload, path_and_query, self.lifetime);
        let scope = plan.scope();
        Some(presigned_steps(&presigned, &scope, credentials, time))
    }

    fn presigned<'a>(
        &'a self,
        plan: &'a Plan,
        payload: Payload<'a>,
        path_and_query: &'a str,
        lifetime: Duration,
    ) -> Presigned<'a, String, String> {
        Presigned {
            request: Request {
                method: &self.method,
                host: plan.authority.as_bytes(),
                path_and_query: path_and_query.as_bytes(),
                headers: &self.headers,
                payload,
            },
            path_style: plan.path_style,
            lifetime,
        }
    }
}

impl Wrapping {
    /// `bare` has host, path and query.
    fn wrap(self, bare: String) -> String {
        match self {
            Self::Bare => bare,
            Self::Url | Self::Form => ["https://", &bare].concat(),
            Self::Encoded(before) => {
                let url = ["https://", &bare].concat();
                [before, &URL_SAFE_NO_PAD.encode(url)].concat()
            }
        }
    }

    /// Its name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Bare | Self::Encoded(_) => "token",
            Self::Form => "form",
        }
    }
}

impl Shape {
    fn answer(self, given: Value, expires_at: SystemTime, lifetime: Duration) -> Answer {
        let expires_at = rfc3339(expires_at);
        let mut answer = match given {
            Value::String(text) if !self.is_json => Answer {
                status: 200,
                headers: vec![("content-type", "text/plain".to_owned())],
                body: text.into_bytes(),
            },
            given => Answer::json(
                200,
                &json!({
                    self.wrapping.name(): given,
                    "expires_at": expires_at,
                    "valid_seconds": lifetime.as_secs(),
                }),
            ),
        };
        answer.headers.push((EXPIRES_HEADER, expires_at));
        let never_kept = ("cache-control", "no-store".to_owned());
        answer.headers.push(never_kept);
        answer
    }
}
