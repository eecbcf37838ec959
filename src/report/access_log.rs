//! What Envoy's access log can show of a decision: one line of words, for people and for `grep`.
//!
//! The filter leaves it in the stream's filter state, where no client can put it. The access log finds it as
//! `%FILTER_STATE(wasm.sigv4_egress:PLAIN)%`, and the guard knows a signed request by it. No value has a space: what could
//! have one, or is very long, is left out.

use crate::decision::{LeftAlone, Observed};
use crate::sigv4::{hex, sha256};
use std::rc::Rc;

/// The name of the property.
pub(crate) const PROPERTY: &str = "sigv4_egress";

const SIGNED: &str = "signed reason=";
const PRESIGNED: &str = "presigned";
const METHOD: &str = " method=";
const PATH: &str = " path=";
const EXPIRES: &str = " expires=";
const OBSERVED: &str = "observed would=";
const REASON: &str = " reason=";
const LEFT_ALONE: &str = "left_alone reason=";
const REFUSED: &str = "refused reason=";
const SERVICE: &str = " service=";
const REGION: &str = " region=";
const BUCKET: &str = " bucket=";
const OPERATION: &str = " operation=";
const RULE: &str = " rule=";
const ROLE: &str = " role=";
const KEY: &str = " key=";
const HOST: &str = " host=";
const SESSION: &str = " session=";
const CONFIG: &str = " config=";

/// The longest value of a client's: a host's name has 253 characters (RFC 1035), and a bucket's 255.
const LONGEST: usize = 255;

/// The longest path of something presigned, in bytes.
const LONGEST_PATH: usize = 3 * 1024;

/// By what it was decided whether a request may be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// By neither rules nor allow-list: it came to nothing before.
    #[default]
    None,
    /// By the allow-list.
    Allow,
    /// By the rule at this place, from 0.
    Rule(usize),
}

/// What is known of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The signing name of its host, and the region.
    pub endpoint: Option<(&'a str, &'a str)>,
    /// The bucket that it is for.
    pub bucket: Option<&'a str>,
    /// By what it was decided.
    pub basis: Basis,
    /// The operation that it names, where the filter observes.
    pub operation: Option<&'a str>,
    /// The key of the program's own that has signed it, where the filter observes.
    pub real_key: Option<&'a str>,
}

/// [`Facts`] as the line has them: ` service=s3 region=eu-west-1 bucket=reports rule=allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About(Option<Rc<str>>);

impl About {
    /// Writes them.
    pub fn new(facts: Facts<'_>) -> Self {
        let mut number = [0; MAX_DIGITS];
        let rule = match facts.basis {
            Basis::None => ["none", "", ""],
            Basis::Allow => ["allow", "", ""],
            Basis::Rule(place) => ["rules[", digits(place, &mut number), "]"],
        };
        let (service, region) = facts.endpoint.unwrap_or_default();
        let [service_key, service] = pair(SERVICE, service);
        let [region_key, region] = pair(REGION, region);
        let [bucket_key, bucket] = pair(BUCKET, facts.bucket.unwrap_or_default());
        let [operation_key, operation] = pair(OPERATION, facts.operation.unwrap_or_default());
        let [real_key, id] = pair(KEY, facts.real_key.unwrap_or_default());
        let [kind, place, end] = rule;
        let pieces = [
            service_key,
            service,
            region_key,
            region,
            bucket_key,
            bucket,
            operation_key,
            operation,
            RULE,
            kind,
            place,
            end,
            real_key,
            id,
        ];
        Self(Some(pieces.concat().into()))
    }

    fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Of a `usize`.
const MAX_DIGITS: usize = 20;

/// A number in decimal: `format!` is large.
fn digits(mut number: usize, room: &mut [u8; MAX_DIGITS]) -> &str {
    let mut start = room.len();
    for place in room.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let digits = room.get(start..).unwrap_or_default();
    std::str::from_utf8(digits).unwrap_or_default()
}

/// A key and its value; nothing where there is no value, or none that can stand between spaces.
fn pair<'a>(key: &'a str, value: &'a str) -> [&'a str; 2] {
    let is_plain =
        (1..=LONGEST).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    match is_plain {
        true => [key, value],
        false => [""; 2],
    }
}

/// A configuration as the line names it: the first 8 digits of the hash that the status document shows.
pub(crate) fn short_hash(configuration: &[u8]) -> String {
    let hash = sha256(configuration);
    hex(hash.get(..4).unwrap_or_default())
}

/// What the line of a signed request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedLine<'a> {
    /// Why it was signed.
    pub(crate) reason: &'a str,
    /// What else is known of it: service, region, bucket, rule.
    pub(crate) about: &'a About,
    /// The name of the role whose credentials signed.
    pub(crate) role: &'a str,
    /// Their access key id: no secret, and CloudTrail has it too.
    pub(crate) access_key_id: &'a str,
    /// The name of their session, where it is chosen here.
    pub(crate) session: Option<&'a str>,
    /// The `:authority` that was signed.
    pub(crate) host: &'a str,
    /// The [`short_hash`] of the configuration.
    pub(crate) config: &'a str,
}

impl SignedLine<'_> {
    /// `signed reason=placeholder service=s3 region=eu-west-1 bucket=reports rule=allow role=own key=ASIA...
    /// host=s3.eu-west-1.amazonaws.com session=shop.api-7d9f config=1a2b3c4d`.
    pub(crate) fn write(&self) -> String {
        let Self {
            reason,
            about,
            role,
            access_key_id,
            session,
            host,
            config,
        } = *self;
        let [session_key, session] = pair(SESSION, session.unwrap_or_default());
        [
            SIGNED,
            reason,
            about.text(),
            ROLE,
            role,
            KEY,
            access_key_id,
            HOST,
            host,
            session_key,
            session,
            CONFIG,
            config,
        ]
        .concat()
    }
}

/// What the line of something presigned says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PresignedLine<'a> {
    /// Service, region, bucket, rule.
    pub(crate) about: &'a About,
    /// Of the request that is presigned.
    pub(crate) method: &'a str,
    /// Of the same, without its query.
    pub(crate) path: &'a str,
    /// Until when it holds.
    pub(crate) expires_at: &'a str,
    /// As in [`SignedLine`].
    pub(crate) role: &'a str,
    /// As in [`SignedLine`].
    pub(crate) access_key_id: &'a str,
    /// As in [`SignedLine`].
    pub(crate) host: &'a str,
    /// As in [`SignedLine`].
    pub(crate) session: Option<&'a str>,
    /// As in [`SignedLine`].
    pub(crate) config: &'a str,
}

impl PresignedLine<'_> {
    /// `presigned service=s3 region=eu-west-1 bucket=reports rule=allow method=GET path=/2026.pdf
    /// expires=2026-12-01T10:15:00Z role=own key=ASIA... host=reports.s3.eu-west-1.amazonaws.com session=shop.api-7d9f
    /// config=1a2b3c4d`. A path of more than 3 KiB is cut: S3's keys have 1 KiB, before they are encoded.
    pub(crate) fn write(&self) -> String {
        let [session_key, session] = pair(SESSION, self.session.unwrap_or_default());
        let [method_key, method] = pair(METHOD, self.method);
        let path: String = self
            .path
            .chars()
            .map(|c| if c.is_ascii_graphic() { c } else { '?' })
            .take(LONGEST_PATH)
            .collect();
        [
            PRESIGNED,
            self.about.text(),
            method_key,
            method,
            PATH,
            &path,
            EXPIRES,
            self.expires_at,
            ROLE,
            self.role,
            KEY,
            self.access_key_id,
            HOST,
            self.host,
            session_key,
            session,
            CONFIG,
            self.config,
        ]
        .concat()
    }
}

/// What others need of a signed request's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedBy<'a> {
    /// The signing name.
    pub(crate) service: &'a str,
    /// The name of the role.
    pub(crate) role: &'a str,
    /// The access key id.
    pub(crate) access_key_id: &'a str,
    /// The `:authority`.
    pub(crate) host: &'a str,
}

impl<'a> SignedBy<'a> {
    /// Reads a line; `None` where the request is not signed.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        if !line.starts_with(SIGNED) {
            return None;
        }
        Some(Self {
            service: value(line, SERVICE)?,
            role: value(line, ROLE)?,
            access_key_id: value(line, KEY)?,
            host: value(line, HOST)?,
        })
    }
}

/// No value has a space.
#[inline(never)]
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(key)?;
    rest.split(' ').next()
}

/// `left_alone reason=presigned service=s3 region=eu-west-1 bucket=reports rule=allow config=1a2b3c4d`. `None` for what is
/// none of AWS's: it may be most of a pod's traffic, and is not worth a call to Envoy.
pub(crate) fn left_alone(why: LeftAlone, about: &About, config: &str) -> Option<String> {
    let line = [LEFT_ALONE, why.word(), about.text(), CONFIG, config];
    (why != LeftAlone::NotAws).then(|| line.concat())
}

/// `observed would=sign reason=placeholder service=s3 region=eu-west-1 bucket=reports rule=allow key=ASIA... config=1a2b3c4d`,
/// where `key` is one of the program's own. `None` as for [`left_alone`], unless such a key has signed the request.
pub(crate) fn observed(what: Observed, about: &About, config: &str) -> Option<String> {
    let line = [
        OBSERVED,
        what.would.verb(),
        REASON,
        what.reason,
        about.text(),
        CONFIG,
        config,
    ];
    (!what.is_not_aws() || about.0.is_some()).then(|| line.concat())
}

/// `refused reason=not_allowed service=sqs region=eu-west-1 rule=allow config=1a2b3c4d`.
pub(crate) fn refused(reason: &str, about: &About, config: &str) -> String {
    [REFUSED, reason, about.text(), CONFIG, config].concat()
}

/// The same of the guard's, which has this line of the filter's: what it was signed as stays.
pub(crate) fn stopped(reason: &str, line: &str) -> String {
    let signed = line
        .strip_prefix(SIGNED)
        .and_then(|rest| rest.find(' ').and_then(|end| rest.get(end..)));
    [REFUSED, reason, signed.unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests;
