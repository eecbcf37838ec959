//! Presigning as an exchange: a program makes a presigned URL, a token or a browser form with its own SDK and placeholder
//! keys, posts it to [`PATH`] at the loopback endpoint, and gets the same back, signed with the pod's credentials.
//!
//! [`plan`] reads what was posted and says as what, and by which role, it is signed; [`Presigning::sign`] signs it. Only the
//! forms of [`Service`] are signed, and of these what the configuration's [`Grants`] name: nothing that returns credentials.
//! An object of S3's is permitted as the request itself would be: allow-list and rules come first.

mod asked;
mod fault;
mod form;
mod grant;
mod object;
mod per_minute;
mod token;
mod url;

pub use fault::Fault;
pub use grant::{Grant, Grants, Service};
pub(crate) use per_minute::{KEY as PER_MINUTE_KEY, counted};

use crate::config::Config;
use crate::credentials::Credentials;
use crate::policy::RouteMetadata;
use crate::refusal::{Answer, Refusal};
use crate::request::planned::{OwnedPayload, Planned};
use crate::sigv4::{CanonicalRequest, Presigned, Request, Signer, presigned_steps};
use crate::timestamp::rfc3339;
use asked::{Asked, What};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form::Form;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// Where programs post, at the loopback endpoint.
pub const PATH: &str = "/presign";

/// The most that is read of what they post, in bytes. The longest URL that S3 takes has 8 KiB of headers and a key of 1 KiB.
pub const MAX_BYTES: usize = 64 * 1024;

/// The header that says until when an answer holds.
pub const EXPIRES_HEADER: &str = "x-sigv4-egress-expires-at";

/// How long what is presigned holds where the program does not say: AWS's SDKs for Go, Java and JavaScript have the same.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(900);

/// A request to [`PATH`], when its head has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// As of any request.
    pub route_metadata: RouteMetadata,
    /// The cluster that its route leads to, which is listed.
    pub cluster: String,
}

/// What is presigned, and how it is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presigning {
    service: Service,
    subject: Subject,
    /// How it came, and goes back.
    shape: Shape,
    method: String,
    /// Those that the signature covers, besides `host`. Names in lower case.
    headers: Vec<(String, String)>,
    /// As asked.
    lifetime: Duration,
    /// Shorter, it is of no use to the program.
    min_valid: Duration,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
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
struct Shape {
    wrapping: Wrapping,
    /// As JSON or as it is.
    is_json: bool,
}

/// What stands around a presigned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapping {
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

/// Reads what was posted, and says how it is signed.
///
/// # Errors
///
/// When it is none of what is signed here, or may not be.
pub fn plan(
    config: &Config,
    exchange: &Exchange,
    body: &[u8],
    now: SystemTime,
) -> Result<Box<Planned>, Refusal> {
    let asked = Asked::read(body)?;
    let shape = Shape {
        wrapping: asked.what.wrapping(),
        is_json: asked.is_json,
    };
    let (mut planned, service, subject, lifetime) = match &asked.what {
        What::Form { url, fields } => form::plan(config, exchange, url, fields, now)?,
        What::Request { url, wrapping } => match url.service(*wrapping)? {
            Service::S3 => object::plan(config, exchange, &asked, url, now)?,
            service => token::plan(config, exchange, service, &asked, url, now)?,
        },
    };
    planned.presigning = Some(Box::new(Presigning {
        service,
        subject,
        shape,
        method: asked.method,
        headers: asked.headers,
        lifetime,
        min_valid: asked.min_valid,
    }));
    Ok(planned)
}

/// What a service's own reader makes of it.
type Read = (Box<Planned>, Service, Subject, Duration);

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
        planned: &Planned,
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
        let plan = &planned.plan;
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
                let presigned = self.presigned(planned, path_and_query, lifetime);
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
        planned: &Planned,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Option<(CanonicalRequest, String)> {
        let Subject::Request { path_and_query, .. } = &self.subject else {
            return None;
        };
        let presigned = self.presigned(planned, path_and_query, self.lifetime);
        let scope = planned.plan.scope();
        Some(presigned_steps(&presigned, &scope, credentials, time))
    }

    fn presigned<'a>(
        &'a self,
        planned: &'a Planned,
        path_and_query: &'a str,
        lifetime: Duration,
    ) -> Presigned<'a, String, String> {
        Presigned {
            request: Request {
                method: &self.method,
                host: planned.plan.authority.as_bytes(),
                path_and_query: path_and_query.as_bytes(),
                headers: &self.headers,
                payload: planned.payload.borrow(),
            },
            path_style: planned.plan.path_style,
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

/// What S3 takes for a body that is not signed.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

fn literal(payload: &str) -> OwnedPayload {
    OwnedPayload::Literal(payload.to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
