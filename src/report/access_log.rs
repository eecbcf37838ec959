//! What Envoy's access log can show of a decision: one line of words, for people and for `grep`.
//!
//! The filter leaves it in the stream's filter state, where no client can put it. The access log finds it as
//! `%FILTER_STATE(wasm.sigv4_egress:PLAIN)%`, and the guard knows a signed request by it.

use crate::decision::LeftAlone;

/// The name of the property.
pub(crate) const PROPERTY: &str = "sigv4_egress";

const SIGNED: &str = "signed reason=";
const SERVICE: &str = " service=";
const REGION: &str = " region=";
const ROLE: &str = " role=";
const KEY: &str = " key=";
const HOST: &str = " host=";

/// What the line of a signed request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedLine<'a> {
    /// Why it was signed.
    pub(crate) reason: &'a str,
    /// The signing name.
    pub(crate) service: &'a str,
    /// The region that was signed.
    pub(crate) region: &'a str,
    /// The name of the role whose credentials signed.
    pub(crate) role: &'a str,
    /// Their access key id: no secret, and CloudTrail has it too.
    pub(crate) access_key_id: &'a str,
    /// The `:authority` that was signed.
    pub(crate) host: &'a str,
}

impl<'a> SignedLine<'a> {
    /// `signed reason=placeholder service=s3 region=eu-west-1 role=own key=ASIA... host=s3.eu-west-1.amazonaws.com`.
    pub(crate) fn write(&self) -> String {
        let Self {
            reason,
            service,
            region,
            role,
            access_key_id,
            host,
        } = *self;
        [
            SIGNED,
            reason,
            SERVICE,
            service,
            REGION,
            region,
            ROLE,
            role,
            KEY,
            access_key_id,
            HOST,
            host,
        ]
        .concat()
    }

    /// Reads a line; `None` where the request is not signed.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        if !line.starts_with(SIGNED) {
            return None;
        }
        Some(Self {
            reason: value(line, SIGNED)?,
            service: value(line, SERVICE)?,
            region: value(line, REGION)?,
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

/// `left_alone reason=presigned`. `None` for what is none of AWS's: it may be most of a pod's traffic, and is not worth a
/// call to Envoy.
pub(crate) fn left_alone(why: LeftAlone) -> Option<String> {
    (why != LeftAlone::NotAws).then(|| ["left_alone reason=", why.word()].concat())
}

/// `refused reason=not_allowed`.
pub(crate) fn refused(reason: &str) -> String {
    ["refused reason=", reason].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_decided_and_for_whom() {
        let signed = SignedLine {
            reason: "placeholder",
            service: "s3",
            region: "eu-west-1",
            role: "own",
            access_key_id: "ASIAEXAMPLE",
            host: "s3.eu-west-1.amazonaws.com",
        };
        let line = signed.write();
        assert_eq!(
            line,
            "signed reason=placeholder service=s3 region=eu-west-1 role=own key=ASIAEXAMPLE \
             host=s3.eu-west-1.amazonaws.com"
        );
        assert_eq!(SignedLine::read(&line), Some(signed));
        let line = left_alone(LeftAlone::Presigned);
        assert_eq!(line.as_deref(), Some("left_alone reason=presigned"));
        assert_eq!(line.as_deref().and_then(SignedLine::read), None);
        assert_eq!(left_alone(LeftAlone::NotAws), None);
        assert_eq!(refused("connect_refused"), "refused reason=connect_refused");
    }
}
