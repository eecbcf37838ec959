//! What Envoy's access log can show of a decision: one line of words, for people and for `grep`.
//!
//! The filter leaves it in the stream's filter state, where no client can put it. The access log finds it as
//! `%FILTER_STATE(wasm.sigv4_egress:PLAIN)%`, and the guard knows a signed request by it.

/// The name of the property.
pub(crate) const PROPERTY: &str = "sigv4_egress";

const SIGNED: &str = "signed ";
const REASON: &str = "reason=";
const SERVICE: &str = "service=";
const REGION: &str = "region=";
const ROLE: &str = "role=";
const KEY: &str = "key=";
const HOST: &str = "host=";

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
            REASON,
            reason,
            " ",
            SERVICE,
            service,
            " ",
            REGION,
            region,
            " ",
            ROLE,
            role,
            " ",
            KEY,
            access_key_id,
            " ",
            HOST,
            host,
        ]
        .concat()
    }

    /// Reads a line; `None` where the request is not signed.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let words = line.strip_prefix(SIGNED)?;
        let word = |key| words.split(' ').find_map(|word| word.strip_prefix(key));
        Some(Self {
            reason: word(REASON)?,
            service: word(SERVICE)?,
            region: word(REGION)?,
            role: word(ROLE)?,
            access_key_id: word(KEY)?,
            host: word(HOST)?,
        })
    }
}

/// `left_alone reason=presigned`.
pub(crate) fn left_alone(reason: &str) -> String {
    ["left_alone ", REASON, reason].concat()
}

/// `refused reason=not_allowed`.
pub(crate) fn refused(reason: &str) -> String {
    ["refused ", REASON, reason].concat()
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
        let line = left_alone("presigned");
        assert_eq!(line, "left_alone reason=presigned");
        assert_eq!(SignedLine::read(&line), None);
        assert_eq!(refused("connect_refused"), "refused reason=connect_refused");
    }
}
