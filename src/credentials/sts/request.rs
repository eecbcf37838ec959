//! The two calls as bytes: forms, and the headers that carry them.

use crate::credentials::identity::{Session, SessionPolicy};
use crate::credentials::{CallHeaders, Credentials, Secret};
use crate::endpoint::{Host, Resolution, resolve};
use crate::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings,
    Signer, sha256,
};
use std::borrow::Cow;
use std::time::SystemTime;

/// The headers of the unsigned call, for the STS host `host`.
pub(crate) fn request_headers(host: &str) -> CallHeaders {
    CallHeaders::new([
        (":method", "POST"),
        (":path", "/"),
        (":authority", host),
        ("content-type", CONTENT_TYPE),
        ("accept", "application/json"),
    ])
}

/// All headers of the call with this `body`, signed at `now` for the STS host `host`.
///
/// `home_region` is the region of the pod; it signs where the host names none that AWS would.
pub(crate) fn signed_headers(
    host: &str,
    home_region: &str,
    body: &Secret,
    credentials: &Credentials,
    now: SystemTime,
) -> CallHeaders {
    let mut headers = request_headers(host);
    let request = Request {
        method: "POST",
        host: host.as_bytes(),
        path_and_query: b"/",
        headers: &[("content-type", CONTENT_TYPE)],
        payload: Payload::Hash(sha256(body.expose().as_bytes())),
    };
    let settings = Settings {
        path_style: PathStyle::Normalised,
        content_sha256: ContentSha256::Absent,
        signed_headers: HeaderSelection::Minimal,
    };
    let scope = Scope {
        algorithm: Algorithm::SigV4,
        region: &signing_region(host, home_region),
        service: "sts",
    };
    let mut signer = Signer::default();
    let signed = signer.sign(&request, settings, &scope, credentials, now);
    for (name, value) in signed.edits() {
        if let Some(value) = value {
            headers.push(name, value);
        }
    }
    headers
}

/// The region of an STS host, such as `us-east-1` of `sts.amazonaws.com`.
fn signing_region<'a>(host: &str, home_region: &'a str) -> Cow<'a, str> {
    let Ok(host) = Host::parse(host.as_bytes()) else {
        return Cow::Borrowed(home_region);
    };
    match resolve(&host, home_region) {
        Resolution::Aws(endpoint) => Cow::Owned(endpoint.region.to_owned()),
        Resolution::NotAws => Cow::Borrowed(home_region),
    }
}

/// Parameters of a call, until all are there and the size of their encoding is known.
pub(crate) struct FormBody<'a> {
    action: &'static str,
    parameters: Vec<(Cow<'static, str>, Cow<'a, str>)>,
}

impl<'a> FormBody<'a> {
    /// With the parameters that both calls have.
    pub(crate) fn new(action: &'static str, session: &'a Session) -> Self {
        let mut form = Self {
            action,
            parameters: Vec::new(),
        };
        form.push("RoleArn", session.role_arn.as_str());
        form.push("RoleSessionName", session.name.as_str());
        if let Some(duration) = session.duration {
            let seconds = Cow::Owned(duration.seconds().to_string());
            form.parameters.push(("DurationSeconds".into(), seconds));
        }
        form.push_optional("Policy", session.policy.as_ref().map(SessionPolicy::as_str));
        form
    }

    pub(crate) fn push(&mut self, name: impl Into<Cow<'static, str>>, value: &'a str) {
        self.parameters.push((name.into(), Cow::Borrowed(value)));
    }

    pub(crate) fn push_optional(&mut self, name: &'static str, value: Option<&'a str>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    pub(crate) fn encoded(&self) -> Secret {
        let parameters = self.parameters.iter();
        let longest: usize = parameters.map(|(n, v)| 2 + n.len() + 3 * v.len()).sum();
        // Large enough for all: growing would leave a copy of the token in freed memory.
        let mut form = String::with_capacity(64 + longest);
        form.push_str("Action=");
        form.push_str(self.action);
        form.push_str("&Version=2011-06-15");
        for (name, value) in &self.parameters {
            form.push('&');
            form.push_str(name);
            form.push('=');
            push_encoded(&mut form, value);
        }
        Secret::new(form)
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 section 2.3.
fn push_encoded(form: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            form.push(char::from(byte));
        } else {
            let hex = |nibble: u8| {
                char::from_digit(nibble.into(), 16)
                    .unwrap_or('0')
                    .to_ascii_uppercase()
            };
            form.extend(['%', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
}

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

#[cfg(test)]
mod tests;
