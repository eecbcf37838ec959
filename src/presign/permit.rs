//! What may be presigned, as far as rules and allow-list say.

use super::exchange::Exchange;
use super::fault::Fault;
use super::grant::{self, Call};
use crate::authorization::{self, ClientSignature};
use crate::bucket;
use crate::config::Config;
use crate::credentials::role::RoleId;
use crate::decision::{
    Decision, Head, LeftAlone, PayloadPlan, Plan, Signed, decide_in_full, refused,
};
use crate::endpoint::{Endpoint, Host};
use crate::headers::Header;
use crate::own_keys::OwnKeys;
use crate::policy::{Ruling, Subject, Unlisted};
use crate::refusal::{ErrorFormat, Refusal, Unreplaced};
use crate::report::access_log::{About, Basis, Facts};
use crate::sigv4::ContentSha256;
use std::time::Duration;

/// As what, and by whose credentials, a request with these headers is signed. Its placeholder is in `authorization`, not in
/// the query. All that rules and allow-list say of requests holds.
pub(super) fn permit_request(
    config: &Config,
    exchange: &Exchange,
    headers: &[Header<'_>],
) -> Result<(Plan, About), Refusal> {
    let head = Head {
        headers,
        cluster: &|| Some(exchange.cluster.clone()),
        port: &|| None,
        over_tls: &|| false,
        route_metadata: &exchange.route_metadata,
        own_keys: &OwnKeys::default,
        end_of_stream: true,
    };
    let decided = decide_in_full(config, head);
    match decided.decision {
        Decision::Sign(plan)
            if matches!(plan.why, Signed::Placeholder | Signed::PlaceholderForOther) =>
        {
            Ok((plan, decided.about))
        }
        Decision::Refuse(refusal, _) => Err(refusal),
        Decision::Sign(_) | Decision::LeaveAlone(LeftAlone::ClientSignature) => {
            Err(Fault::RealKey.into())
        }
        _ => Err(Fault::NoObject.into()),
    }
}

/// The same of a token: a request that nobody sends, to a host that need not be AWS's. Its service need not be in the
/// allow-list, because nobody can call it. `authority` is the host with its port.
pub(super) fn permit_token(
    config: &Config,
    exchange: &Exchange,
    host: &Host,
    authority: &str,
    endpoint: Endpoint<'_>,
    authorization: &str,
) -> Result<(Plan, About), Refusal> {
    let values = [authorization.as_bytes()];
    let signature = authorization::read(&values, None, false, &config.placeholders);
    let ClientSignature::Placeholder { key_id, .. } = signature else {
        return Err(Fault::RealKey.into());
    };
    let subject = Subject {
        host: host.name(),
        endpoint: Some(endpoint),
        route_metadata: &exchange.route_metadata,
        placeholder: Some(key_id),
    };
    let ruling = config.policy.judge(subject, &|| bucket::Request {
        host: host.name(),
        method: b"GET",
        target: b"/",
        headers: &[],
    });
    let rule = ruling.rule();
    let is_permitted = match &ruling {
        Ruling::Permit { .. } => true,
        Ruling::NotListed { unlisted, .. } => **unlisted != Unlisted::Narrowed,
        Ruling::LeaveAlone { .. } => {
            return Err(Refusal::Unreplaced {
                host: host.name().to_owned(),
                why: Unreplaced::LeftAlone,
            });
        }
        _ => false,
    };
    if !is_permitted {
        return Err(refused(config, host.name(), Some(key_id), ruling));
    }
    let about = About::new(Facts {
        endpoint: Some((endpoint.service, endpoint.region)),
        basis: rule.map_or(Basis::None, Basis::Rule),
        ..Facts::default()
    });
    let role = rule.and_then(|place| config.policy.rules().get(place));
    let plan = Plan {
        authority: authority.to_owned(),
        path_and_query: None,
        withheld_method: None,
        algorithm: endpoint.algorithm,
        service: endpoint.service.to_owned(),
        region: endpoint.region.to_owned(),
        role: role.map_or(RoleId::OWN, |rule| rule.role),
        path_style: endpoint.path_style,
        payload: PayloadPlan::Empty,
        content_sha256: ContentSha256::Absent,
        why: Signed::Placeholder,
        format: ErrorFormat::Plain,
    };
    Ok((plan, about))
}

/// Whether grants let it hold for as long as was asked.
pub(super) fn check_lifetime(
    config: &Config,
    about: grant::About<'_>,
    asked: Duration,
) -> Result<(), Refusal> {
    let Some(longest) = config.presign.longest(about) else {
        return Err(Refusal::PresignNotGranted {
            service: about.service,
            host: about.host.to_owned(),
            what: match about.call {
                Call::Method(method) => [method, " ", about.key].concat(),
                Call::Form(bytes) => [
                    "a form for ",
                    about.key,
                    " of ",
                    &bytes.to_string(),
                    " bytes",
                ]
                .concat(),
                Call::Only => about.cluster.to_owned(),
            },
        });
    };
    match asked > longest {
        true => Err(Refusal::PresignTooLong {
            seconds: asked.as_secs(),
            max_seconds: longest.as_secs(),
        }),
        false => Ok(()),
    }
}
