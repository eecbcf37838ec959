//! Presigning as an exchange: a program makes a presigned URL, a token or a browser form with its own SDK and placeholder
//! keys, posts it to [`PATH`] at the loopback endpoint, and gets the same back, signed with the pod's credentials.
//!
//! [`plan`] reads what was posted and says as what, and by which role, it is signed; [`Presigning::sign`] signs it. Only the
//! forms of [`Service`] are signed, and of these what the configuration's [`Grants`] name: nothing that returns credentials.
//! An object of S3's is permitted as the request itself would be: allow-list and rules come first.

mod asked;
mod exchange;
mod fault;
mod form;
mod grant;
mod object;
mod per_minute;
mod permit;
mod post;
mod presigning;
mod read;
mod token;
mod url;

pub use exchange::{Exchange, MAX_BYTES, PATH};
pub use fault::Fault;
pub use grant::{Grant, Grants, Service};
pub(crate) use per_minute::{KEY as PER_MINUTE_KEY, counted};
pub use presigning::{Done, EXPIRES_HEADER, Presigning};

use crate::config::Config;
use crate::refusal::Refusal;
use crate::request::planned::{OwnedPayload, Planned};
use asked::{Asked, What};
use presigning::Shape;
use std::time::SystemTime;

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
    let read = match &asked.what {
        What::Form { url, fields } => post::plan(config, exchange, url, fields, now)?,
        What::Request { url, wrapping } => match url.service(*wrapping)? {
            Service::S3 => object::plan(config, exchange, &asked, url, now)?,
            service => token::plan(config, exchange, service, &asked, url, now)?,
        },
    };
    Ok(Box::new(Planned {
        plan: read.plan,
        payload: read
            .payload
            .map_or(OwnedPayload::Empty, OwnedPayload::Literal),
        content_length: None,
        about: read.about,
        presigning: Some(Box::new(Presigning {
            service: read.service,
            subject: read.subject,
            shape,
            method: asked.method,
            headers: asked.headers,
            lifetime: read.lifetime,
            min_valid: asked.min_valid,
        })),
    }))
}

#[cfg(test)]
pub(crate) mod tests;
