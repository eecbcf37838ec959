//! The two calls as bytes: forms, and the headers that carry them.

use std::borrow::Cow;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::credentials::identity::{
    ChainedDuration, ExternalId, RoleArn, SessionDuration, SessionName, SessionPolicy,
    SourceIdentity, Tags,
};
use crate::credentials::{CallHeaders, Credentials, Secret};
use crate::endpoint::{Host, Resolution, resolve};
use crate::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings, Signer,
};

/// The call that exchanges the web identity token for credentials. It goes unsigned. Tags and source
/// identity are not parameters of it: STS takes them from the token's claims.
#[derive(Clone, Copy, Debug)]
pub struct AssumeRoleWithWebIdentity<'a> {
    /// The role to take.
    pub role_arn: &'a RoleArn,
    /// The name of its session.
    pub session_name: &'a SessionName,
    /// How long the session lives; `None` leaves STS its default of one hour.
    pub duration: Option<SessionDuration>,
    /// What the session may do at most.
    pub session_policy: Option<&'a SessionPolicy>,
    /// The web identity token.
    pub token: &'a Secret,
}

impl AssumeRoleWithWebIdentity<'_> {
    /// The body: a form. It holds the token, so it is a [`Secret`].
    pub fn body(&self) -> Secret {
        let mut form = Form::new("AssumeRoleWithWebIdentity");
        form.push("RoleArn", self.role_arn.as_str());
        form.push("RoleSessionName", self.session_name.as_str());
        form.push_optional(
            "DurationSeconds",
            self.duration.map(|d| d.seconds().to_string()),
        );
        form.push_optional(
            "Policy",
            self.session_policy.map(|policy| policy.as_str().to_owned()),
        );
        form.push("WebIdentityToken", self.token.expose());
        form.encoded()
    }
}

/// The call that takes a further role with credentials that are there already: role chaining. It is
/// signed with those ([`signed_headers`]).
#[derive(Clone, Copy, Debug)]
pub struct AssumeRole<'a> {
    /// The role to take, mostly of another account.
    pub role_arn: &'a RoleArn,
    /// The name of its session.
    pub session_name: &'a SessionName,
    /// How long the session lives; `None` leaves STS its default of one hour.
    pub duration: Option<ChainedDuration>,
    /// What the session may do at most.
    pub session_policy: Option<&'a SessionPolicy>,
    /// What the role's account has asked for.
    pub external_id: Option<&'a ExternalId>,
    /// Session tags.
    pub tags: &'a Tags,
    /// Who is behind the session.
    pub source_identity: Option<&'a SourceIdentity>,
}

impl AssumeRole<'_> {
    /// The body: a form. Nothing in it is secret, but what is signed is a [`Secret`] in both calls.
    /// Lists are numbered from 1 (AWS STS API Reference, AssumeRole, Examples).
    pub fn body(&self) -> Secret {
        let mut form = Form::new("AssumeRole");
        form.push("RoleArn", self.role_arn.as_str());
        form.push("RoleSessionName", self.session_name.as_str());
        form.push_optional(
            "DurationSeconds",
            self.duration.map(|d| d.seconds().to_string()),
        );
        form.push_optional(
            "Policy",
            self.session_policy.map(|policy| policy.as_str().to_owned()),
        );
        form.push_optional(
            "ExternalId",
            self.external_id.map(|id| id.as_str().to_owned()),
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
            self.source_identity.map(|id| id.as_str().to_owned()),
        );
        form.encoded()
    }
}

/// The headers of the unsigned call, for the STS host `host`.
pub fn request_headers(host: &str) -> [(&'static str, &str); 5] {
    [
        (":method", "POST"),
        (":path", "/"),
        (":authority", host),
        ("content-type", CONTENT_TYPE),
        ("accept", "application/json"),
    ]
}

/// All headers of the call with this `body`, signed at `now` for the STS host `host`.
///
/// `home_region` is the region of the pod; it signs where the host names none that AWS would.
pub fn signed_headers(
    host: &str,
    home_region: &str,
    body: &Secret,
    credentials: &Credentials,
    signer: &mut Signer,
    now: SystemTime,
) -> CallHeaders {
    let mut headers = CallHeaders::new(request_headers(host));
    let request = Request {
        method: "POST",
        host: host.as_bytes(),
        path_and_query: b"/",
        headers: &[("content-type", CONTENT_TYPE)],
        payload: Payload::Hash(Sha256::digest(body.expose()).into()),
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
struct Form<'a> {
    action: &'static str,
    parameters: Vec<(Cow<'static, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    fn new(action: &'static str) -> Self {
        Self {
            action,
            parameters: Vec::new(),
        }
    }

    fn push(&mut self, name: impl Into<Cow<'static, str>>, value: &'a str) {
        self.parameters.push((name.into(), Cow::Borrowed(value)));
    }

    fn push_optional(&mut self, name: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.parameters.push((name.into(), Cow::Owned(value)));
        }
    }

    fn encoded(&self) -> Secret {
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
