//! What Envoy's access log can show of a decision: one line of words, for people and for `grep`.
//!
//! The filter leaves it in the stream's filter state, where no client can put it. The access log finds it as
//! `%FILTER_STATE(wasm.sigv4_egress:PLAIN)%`, and the guard knows a signed request by it.

use crate::decision::{LeftAlone, Plan};
use crate::refusal::Refusal;

/// The name of the property.
pub const PROPERTY: &str = "sigv4_egress";

const SIGNED: &str = "signed ";
const SERVICE: &str = "service=";
const ROLE: &str = "role=";
const KEY: &str = "key=";
const HOST: &str = "host=";

/// `signed reason=placeholder service=s3 region=eu-west-1 role=own key=ASIA... host=s3.eu-west-1.amazonaws.com`.
/// The access key id is no secret, and CloudTrail has it too.
pub fn signed(plan: &Plan, role: &str, access_key_id: &str) -> String {
    let Plan {
        service,
        region,
        authority,
        ..
    } = plan;
    let reason = plan.why.word();
    [
        SIGNED,
        "reason=",
        reason,
        " ",
        SERVICE,
        service,
        " region=",
        region,
        " ",
        ROLE,
        role,
        " ",
        KEY,
        access_key_id,
        " ",
        HOST,
        authority,
    ]
    .concat()
}

/// `left_alone reason=presigned`.
pub fn left_alone(why: LeftAlone) -> String {
    format!("left_alone reason={why}")
}

/// `refused reason=not_allowed`.
pub fn refused(refusal: &Refusal) -> String {
    format!("refused reason={}", refusal.reason())
}

/// What the line of a signed request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The signing name.
    pub service: &'a str,
    /// The name of the role whose credentials signed.
    pub role: &'a str,
    /// Their access key id.
    pub access_key_id: &'a str,
    /// The `:authority` that was signed.
    pub host: &'a str,
}

impl<'a> Signed<'a> {
    /// Reads a line; `None` where the request is not signed.
    pub fn read(line: &'a str) -> Option<Self> {
        let words = line.strip_prefix(SIGNED)?;
        let word = |key| words.split(' ').find_map(|word| word.strip_prefix(key));
        Some(Self {
            service: word(SERVICE)?,
            role: word(ROLE)?,
            access_key_id: word(KEY)?,
            host: word(HOST)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::role::RoleId;
    use crate::decision::{self, PayloadPlan};
    use crate::refusal::ErrorFormat;
    use crate::sigv4::{Algorithm, ContentSha256, PathStyle};

    #[test]
    fn a_line_says_what_was_decided_and_for_whom() {
        let plan = Plan {
            authority: "s3.eu-west-1.amazonaws.com".to_owned(),
            path_and_query: None,
            withheld_method: None,
            algorithm: Algorithm::SigV4,
            service: "s3".to_owned(),
            region: "eu-west-1".to_owned(),
            role: RoleId::OWN,
            path_style: PathStyle::S3,
            payload: PayloadPlan::Empty,
            content_sha256: ContentSha256::Written,
            why: decision::Signed::Placeholder,
            format: ErrorFormat::S3,
        };
        let line = signed(&plan, "own", "ASIAEXAMPLE");
        assert_eq!(
            line,
            "signed reason=placeholder service=s3 region=eu-west-1 role=own key=ASIAEXAMPLE \
             host=s3.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            Signed::read(&line),
            Some(Signed {
                service: "s3",
                role: "own",
                access_key_id: "ASIAEXAMPLE",
                host: "s3.eu-west-1.amazonaws.com",
            })
        );
        let line = left_alone(LeftAlone::Presigned);
        assert_eq!(line, "left_alone reason=presigned");
        assert_eq!(Signed::read(&line), None);
        let line = refused(&Refusal::ConnectRefused);
        assert_eq!(line, "refused reason=connect_refused");
    }
}
