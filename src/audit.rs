//! What Envoy's access log can show of a decision: one line of words, for people and for `grep`.
//!
//! The filter leaves it in the stream's filter state, where no client can put it. The access log finds it as
//! `%FILTER_STATE(wasm.sigv4_egress:PLAIN)%`, and the guard knows a signed request by it.

use crate::decision::{LeftAlone, Plan};
use crate::metrics;
use crate::refusal::Refusal;

/// The name of the property.
pub const PROPERTY: &str = "sigv4_egress";

const SIGNED: &str = "signed ";
const SERVICE: &str = "service=";

/// `signed reason=placeholder service=s3 region=eu-west-1 role=own`.
pub fn signed(plan: &Plan, role: &str) -> String {
    let Plan {
        service, region, ..
    } = plan;
    let reason = metrics::last_word(metrics::signed(plan.why));
    format!("{SIGNED}reason={reason} {SERVICE}{service} region={region} role={role}")
}

/// `left_alone reason=presigned`.
pub fn left_alone(why: LeftAlone) -> String {
    format!(
        "left_alone reason={}",
        metrics::last_word(metrics::left_alone(why))
    )
}

/// `refused reason=not_allowed`.
pub fn refused(refusal: &Refusal) -> String {
    format!("refused reason={}", refusal.reason())
}

/// The service that a request is signed for, from its line; `None` where it is not signed.
pub fn signed_service(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix(SIGNED)?.split(' ');
    words.find_map(|word| word.strip_prefix(SERVICE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{PayloadPlan, Signed};
    use crate::refusal::ErrorFormat;
    use crate::role::RoleId;
    use crate::sigv4::{Algorithm, ContentSha256, PathStyle};

    #[test]
    fn a_line_says_what_was_decided_and_for_whom() {
        let plan = Plan {
            authority: "s3.eu-west-1.amazonaws.com".to_owned(),
            path_and_query: None,
            algorithm: Algorithm::SigV4,
            service: "s3".to_owned(),
            region: "eu-west-1".to_owned(),
            role: RoleId::OWN,
            path_style: PathStyle::S3,
            payload: PayloadPlan::Empty,
            content_sha256: ContentSha256::Written,
            why: Signed::Placeholder,
            format: ErrorFormat::S3,
        };
        let line = signed(&plan, "own");
        assert_eq!(
            line,
            "signed reason=placeholder service=s3 region=eu-west-1 role=own"
        );
        assert_eq!(signed_service(&line), Some("s3"));
        let line = left_alone(LeftAlone::Presigned);
        assert_eq!(line, "left_alone reason=presigned");
        assert_eq!(signed_service(&line), None);
        let line = refused(&Refusal::ConnectRefused);
        assert_eq!(line, "refused reason=connect_refused");
    }
}
