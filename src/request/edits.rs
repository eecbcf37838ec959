//! The changes of a request's headers that sign it.

use super::planned::{Chunks, OwnedPayload, Planned, Signing};
use super::resigner::Resigner;
use crate::headers::{self, Header};
use crate::presign::Service;
use crate::refusal::{Answer, Refusal};
use crate::report::access_log::{PresignedLine, SignedLine};
use crate::sigv4::{Request, Signer};
use crate::timestamp::rfc3339;
use crate::{chunked, events};
use std::time::{Duration, SystemTime};

/// An event stream keeps the credentials that it was opened with. It opens only while they last so much longer: the most
/// that there always is while STS answers, as sessions of 15 minutes, the shortest of AWS's, are renewed 200 s before
/// their end at the latest (`credentials/cache/rules.rs`).
pub const LEFT_FOR_STREAM: Duration = Duration::from_secs(180);

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// The line that the access log shows, and that the guard knows a signed request by.
    Line(&'a str),
    /// With a value, the header stands exactly once with that value; without one, it is removed.
    Header(&'a str, Option<&'a str>),
}

/// Who signs.
#[derive(Debug)]
pub struct Signatory<'a> {
    /// Keeps the signing keys.
    pub signer: &'a mut Signer,
    /// The name of the role.
    pub role: &'a str,
    /// The name of its session, where it is chosen here.
    pub session: Option<&'a str>,
    /// The configuration, as the access log names it.
    pub config: &'a str,
    /// The time to sign with.
    pub time: SystemTime,
    /// The header that asks for a signature, which is not forwarded.
    pub marker: &'a str,
}

/// Signs a request with these headers, and hands out each change, in the order in which they are to be made.
///
/// # Errors
///
/// That of a change that could not be made.
pub fn sign(
    signing: &Signing,
    mut headers: Vec<Header<'_>>,
    by: Signatory<'_>,
    make: &mut dyn FnMut(Edit<'_>) -> Result<(), Refusal>,
) -> Result<Chunks, Refusal> {
    let Planned { plan, payload, .. } = &*signing.request;
    let Some(credentials) = signing.record.usable(signing.now) else {
        let waited = Default::default();
        return Err(Refusal::CredentialsPending { waited });
    };
    if *payload == OwnedPayload::EventSigned {
        let left = credentials.expires_at.duration_since(signing.now);
        let left = left.unwrap_or_default();
        if left < LEFT_FOR_STREAM {
            return Err(Refusal::CredentialsEndSoon { left });
        }
    }
    let before = headers.len();
    headers.retain(|(name, _)| *name != by.marker);
    let is_marked = headers.len() < before;
    let value = |name| headers::value(&headers, name).unwrap_or_default();
    let request = Request {
        method: match &plan.withheld_method {
            Some(method) => method,
            None => std::str::from_utf8(value(":method")).unwrap_or_default(),
        },
        host: plan.authority.as_bytes(),
        path_and_query: match &plan.path_and_query {
            Some(other) => other.as_bytes(),
            None => value(":path"),
        },
        headers: &headers,
        payload: payload.borrow(),
    };
    let scope = plan.scope();
    let signed = by
        .signer
        .sign(&request, plan.settings(), &scope, credentials, by.time);
    let chunks = match payload {
        OwnedPayload::ChunkSigned(form) => by
            .signer
            .chunk_signer(&signed, &scope, credentials, by.time)
            .map(|signer| Resigner::Chunks(chunked::Resigner::new(*form, signer))),
        OwnedPayload::EventSigned => by
            .signer
            .event_signer(&signed, &scope, credentials, by.time)
            .map(|signer| Resigner::Events(events::Resigner::new(signer, signing.now, by.time))),
        _ => None,
    };

    // The line first: from here on the guard stops the request at any cluster that is not listed.
    let line = line(&signing.request, &credentials.access_key_id, &by);
    make(Edit::Line(&line))?;
    if is_marked {
        make(Edit::Header(by.marker, None))?;
    }
    if let Some(bytes) = signing.request.content_length {
        make(Edit::Header("transfer-encoding", None))?;
        make(Edit::Header("content-length", Some(&bytes.to_string())))?;
    }
    let same_authority = value(":authority") == plan.authority.as_bytes();
    let authority = (!same_authority).then_some(&plan.authority);
    for (name, value) in [
        (":authority", authority),
        (":path", plan.path_and_query.as_ref()),
        (":method", plan.withheld_method.as_ref()),
    ] {
        if let Some(value) = value {
            make(Edit::Header(name, Some(value)))?;
        }
    }
    for (name, new) in signed.edits() {
        // A call to Envoy costs more than a look at the names.
        if new.is_some() || headers::value(&headers, name).is_some() {
            make(Edit::Header(name, new))?;
        }
    }
    Ok(chunks.map(Box::new))
}

/// What answers a request that asked for something to be presigned.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// For the client.
    pub answer: Answer,
    /// For the access log.
    pub line: String,
    /// For the stats.
    pub service: Service,
}

/// Signs what a request asks to be presigned. Its marker is not looked at any more.
///
/// # Errors
///
/// When there are no credentials, or none that live for long enough.
pub fn presign(signing: &Signing, by: Signatory<'_>) -> Result<Reply, Refusal> {
    let request = &*signing.request;
    let (Some(credentials), Some(presigning)) =
        (signing.record.usable(signing.now), &request.presigning)
    else {
        let waited = Default::default();
        return Err(Refusal::CredentialsPending { waited });
    };
    let done = presigning.sign(
        &request.plan,
        request.payload.borrow(),
        by.signer,
        credentials,
        by.time,
        signing.now,
    )?;
    let line = PresignedLine {
        about: &request.about,
        method: presigning.method(),
        path: presigning.path(),
        expires_at: &rfc3339(done.expires_at),
        role: by.role,
        access_key_id: &credentials.access_key_id,
        host: &request.plan.authority,
        session: by.session,
        config: by.config,
    };
    Ok(Reply {
        answer: done.answer,
        line: line.write(),
        service: presigning.service(),
    })
}

fn line(request: &Planned, access_key_id: &str, by: &Signatory<'_>) -> String {
    let Planned { plan, about, .. } = request;
    let line = SignedLine {
        reason: plan.why.word(),
        about,
        role: by.role,
        access_key_id,
        session: by.session,
        host: &plan.authority,
        config: by.config,
    };
    line.write()
}
