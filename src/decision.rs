//! What happens to one request: leave it alone, refuse it, or sign it, and how.
//!
//! All the filter asks when headers arrive. The order is the policy: the allow-list comes before
//! everything that would leave a request alone, so that no header gets a request around it.

use crate::authorization::{self, ClientSignature, OwnSignature};
use crate::bucket;
use crate::chunked::{Fault, Form};
use crate::config::Config;
use crate::credentials::role::RoleId;
use crate::endpoint::{self, Asked, Endpoint, Host, Resolution, ScopeError};
use crate::headers::{self, Header};
use crate::own_keys::OwnKeys;
use crate::policy::{OnClientSignature, Outcome, PayloadMode, RouteMetadata, Subject, Verdict};
use crate::refusal::{ErrorFormat, Refusal};
use crate::report::access_log::SignedLine;
use crate::report::words::words;
use crate::sigv4::{Algorithm, ContentSha256, HeaderSelection, PathStyle, Scope, Settings};

/// What is known of a request when its headers have arrived.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// All headers, pseudo-headers included.
    pub headers: &'a [Header<'a>],
    /// Reads the cluster that its route leads to; `None` where the route has none. Not a value, because that is a
    /// call to Envoy, and most of a pod's requests are decided without it.
    pub cluster: &'a dyn Fn() -> Option<String>,
    /// What its route carries for the rules, as far as they ask for it.
    pub route_metadata: &'a RouteMetadata,
    /// Reads the keys that this process has got. A call to Envoy, too, which is made where a request carries
    /// a signature that could be the filter's own.
    pub own_keys: &'a dyn Fn() -> OwnKeys,
    /// No body follows.
    pub end_of_stream: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes on untouched.
    LeaveAlone(LeftAlone),
    /// It is answered here, in this format.
    Refuse(Refusal, ErrorFormat),
    /// It is signed.
    Sign(Plan),
}

words! {
    /// Why a request goes on untouched.
    pub enum LeftAlone in "sigv4_egress.requests.left_alone" {
        /// Its host is no AWS endpoint.
        NotAws = "not_aws",
        /// A rule says so.
        Rule = "rule",
        /// A real key of the client's signed it.
        ClientSignature = "client_signature",
        /// It is presigned.
        Presigned = "presigned",
        /// It is presigned with the filter's own credentials, and leads to a listed cluster.
        OwnPresigned = "own_presigned",
        /// It carries another `authorization` scheme.
        OtherAuthorization = "other_authorization",
        /// An S3 Express session signed it.
        SessionToken = "session_token",
    }
}

words! {
    /// Why a request is signed.
    pub enum Signed in "sigv4_egress.requests.signed" {
        /// It came without a signature.
        NoSignature = "no_signature",
        /// It came with a placeholder's.
        Placeholder = "placeholder",
        /// It came with a placeholder's, for another service or region than the host's. The host decides.
        PlaceholderForOther = "placeholder_for_other",
        /// It came with a real key's, and a rule replaces it.
        ReSigned = "re_signed",
    }
}

/// How to sign one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The `:authority` that is signed and forwarded.
    pub authority: String,
    /// The `:path` that is signed and forwarded, where it is not the one that came.
    pub path_and_query: Option<String>,
    /// The `:method`, where the request lacks it while it is held: so that Envoy would not forward it unsigned.
    pub withheld_method: Option<String>,
    /// What signs.
    pub algorithm: Algorithm,
    /// The signing name.
    pub service: String,
    /// The signing region; for [`Algorithm::SigV4A`] the region set.
    pub region: String,
    /// Whose credentials sign.
    pub role: RoleId,
    /// How the path is signed.
    pub path_style: PathStyle,
    /// What stands for the body.
    pub payload: PayloadPlan,
    /// Whether `x-amz-content-sha256` is sent.
    pub content_sha256: ContentSha256,
    /// Why it is signed.
    pub why: Signed,
    /// How it is answered if it cannot be signed after all.
    pub format: ErrorFormat,
}

impl Plan {
    /// How the service reads the signature.
    pub fn settings(&self) -> Settings {
        Settings {
            path_style: self.path_style,
            content_sha256: self.content_sha256,
            // Whatever Envoy or a mesh touches later stays out.
            signed_headers: HeaderSelection::Minimal,
        }
    }

    /// What the signature holds for.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            algorithm: self.algorithm,
            region: &self.region,
            service: &self.service,
        }
    }
}

/// What stands for the body in the canonical request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadPlan {
    /// There is no body.
    Empty,
    /// The body streams, and this stands for it.
    Streamed(String),
    /// The body streams, and the signatures of its chunks are replaced.
    ChunkSigned(Form),
    /// The body is held until its end, and this stands for it (it is held for its length).
    Held(&'static str),
    /// The body is held until its end and hashed.
    Hashed,
}

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Decides.
pub fn decide(config: &Config, head: Head<'_>) -> Decision {
    decide_by_rule(config, head, &mut None)
}

/// The same, and sets the place of the rule that decided: of two buckets' rules, the one that the decision follows.
pub fn decide_by_rule(config: &Config, head: Head<'_>, rule: &mut Option<usize>) -> Decision {
    let mut known = Known { format: None, rule };
    try_decide(config, head, &mut known).unwrap_or_else(|refusal| {
        let format = known.format.unwrap_or_else(|| ErrorFormat::of(head, None));
        Decision::Refuse(refusal, format)
    })
}

/// Why a request must not leave through `cluster`, which is none of those that are listed: `line` says that it was
/// signed, or it carries a signature of the filter's own.
pub fn escape(cluster: String, line: &str, head: Head<'_>) -> Option<(Refusal, ErrorFormat)> {
    if let Some(signed) = SignedLine::read(line) {
        let format = ErrorFormat::of(head, Some(signed.service));
        return Some((Refusal::EscapedCluster { cluster }, format));
    }
    // Not even a placeholder that is configured is known here.
    let place = authorization::find_own(head.headers, &[], head.own_keys)?;
    Some((Refusal::OwnSignature { place }, ErrorFormat::of(head, None)))
}

/// What is found on the way to a decision, set as soon as it is known.
struct Known<'k> {
    format: Option<ErrorFormat>,
    rule: &'k mut Option<usize>,
}

fn try_decide<'a>(config: &Config, head: Head<'a>, known: &mut Known) -> Result<Decision, Refusal> {
    let authority = head
        .value(":authority")
        .or_else(|| head.value("host"))
        .unwrap_or_default();
    let (path, query) = head.path_and_query();
    let clues = authorization::Clues::of(head.headers, query);
    let signature = authorization::read(
        &clues.authorization,
        clues.query,
        clues.has_s3_session_token,
        &config.placeholders,
    );
    let is_listed = || (head.cluster)().is_some_and(|cluster| config.clusters.contains(&cluster));
    // A target that is no text may have any query.
    let own = match clues.may_be_own || path.is_none() {
        true => authorization::find_own(head.headers, &config.placeholders, head.own_keys),
        // Most requests.
        false => None,
    };
    match own {
        Some(OwnSignature::Query) if is_listed() => {}
        Some(place) => return Err(Refusal::OwnSignature { place }),
        None => {}
    }
    let left_alone = |why| {
        Ok(Decision::LeaveAlone(match own {
            Some(_) => LeftAlone::OwnPresigned,
            None => why,
        }))
    };
    let mut host = match Host::parse(authority) {
        Ok(host) => host,
        Err(why) if mentions_aws(authority) => return Err(Refusal::InvalidHost { why }),
        Err(_) => return left_alone(LeftAlone::NotAws),
    };

    let at_loopback = host.is_loopback() && is_listed();
    let mut path_and_query = None;
    if at_loopback {
        let scope = match signature {
            ClientSignature::Placeholder {
                scope: Some(scope), ..
            } => scope,
            ClientSignature::SessionToken | ClientSignature::StraySessionToken => {
                return Err(Refusal::ExpressSession);
            }
            _ => return Err(Refusal::NoTarget),
        };
        let text =
            |value: Option<&'a [u8]>| value.and_then(|value| std::str::from_utf8(value).ok());
        let asked = Asked {
            target: text(head.value("x-amz-target")),
            method: text(head.value(":method")).unwrap_or_default(),
            path: path.unwrap_or_default(),
            query: query.unwrap_or_default(),
            account: text(head.value("x-amz-account-id")),
            route: text(head.value("x-amz-request-route")),
        };
        // SigV4A for exactly one region means that region's host.
        let region = scope
            .region
            .or_else(|| text(head.value("x-amz-region-set")));
        let region = region.unwrap_or_default();
        let found = endpoint::destination(scope.service, region, asked).map_err(|why| {
            known.format = Some(ErrorFormat::of(head, Some(scope.service)));
            match why {
                ScopeError::ExpressSession => Refusal::ExpressSession,
                why => Refusal::UnknownService {
                    service: scope.service.to_owned(),
                    region: region.to_owned(),
                    why,
                },
            }
        })?;
        path_and_query = found.path.map(|path| match query {
            Some(query) => [path, query].join("?"),
            None => path.to_owned(),
        });
        host = found.host;
    }
    let resolved = match endpoint::resolve(&host, &config.region) {
        Resolution::Aws(endpoint) => Some(endpoint),
        Resolution::NotAws => None,
    };
    let subject = Subject {
        host: host.name(),
        endpoint: resolved,
        route_metadata: head.route_metadata,
    };
    let verdict = config.policy.judge(subject, || bucket::Request {
        host: host.name(),
        method: head.value(":method").unwrap_or_default(),
        target: head.value(":path").unwrap_or_default(),
        headers: head.headers,
    });
    *known.rule = verdict.rule();
    let (endpoint, rule) = match verdict {
        Verdict::Permit { endpoint, rule } => (endpoint, rule.map(|found| found.rule)),
        Verdict::NotAws => return left_alone(LeftAlone::NotAws),
        Verdict::LeaveAlone { .. } if !at_loopback => {
            return left_alone(LeftAlone::Rule);
        }
        other => {
            known.format = resolved.map(|endpoint| ErrorFormat::of(head, Some(endpoint.service)));
            return Err(refused(config, host.name(), other));
        }
    };
    let format = ErrorFormat::of(head, Some(endpoint.service));
    known.format = Some(format);
    if head.value(":method") == Some(b"CONNECT") {
        return Err(Refusal::ConnectRefused);
    }
    let on_real = rule
        .and_then(|rule| rule.client_signature)
        .unwrap_or_default();
    let why = match signature {
        _ if own.is_some() && !at_loopback => return left_alone(LeftAlone::OwnPresigned),
        ClientSignature::None => Signed::NoSignature,
        ClientSignature::Placeholder {
            scope: Some(scope), ..
        } if !at_loopback && !agrees(scope, endpoint) => Signed::PlaceholderForOther,
        ClientSignature::Placeholder { .. } => Signed::Placeholder,
        ClientSignature::Presigned => return left_alone(LeftAlone::Presigned),
        ClientSignature::SessionToken
            if endpoint.service == "s3express" && on_real != OnClientSignature::Refuse =>
        {
            return left_alone(LeftAlone::SessionToken);
        }
        ClientSignature::StraySessionToken => return Err(Refusal::ExpressSession),
        ClientSignature::OtherScheme => {
            return left_alone(LeftAlone::OtherAuthorization);
        }
        ClientSignature::Malformed => return Err(Refusal::MalformedAuthorization),
        // To another service, a session's token is just a header.
        ClientSignature::Real | ClientSignature::SessionToken => match on_real {
            OnClientSignature::LeaveAlone => {
                return left_alone(LeftAlone::ClientSignature);
            }
            OnClientSignature::Refuse => return Err(Refusal::ClientSignatureRefused),
            OnClientSignature::ReSign => Signed::ReSigned,
        },
    };
    if !at_loopback && !is_listed() {
        return Err(Refusal::ClusterNotListed {
            cluster: (head.cluster)().unwrap_or_default(),
        });
    }
    if let (Signed::NoSignature, Some(marker)) = (why, &config.required_marker)
        && head.value(marker).is_none()
    {
        return Err(Refusal::MarkerMissing {
            header: marker.clone(),
        });
    }
    let mode = rule.and_then(|rule| rule.payload);
    let payload = payload(config, head, endpoint, mode)?;
    let needs_content_sha256 = takes_unsigned(endpoint)
        // OpenSearch Serverless requires it ("Signing HTTP requests" in its developer guide).
        || endpoint.service == "aoss"
        || head.value("x-amz-content-sha256").is_some();
    let role = rule.map_or(RoleId::OWN, |rule| rule.role);
    let Endpoint {
        algorithm,
        path_style,
        ..
    } = endpoint;
    let (service, region) = (endpoint.service.to_owned(), endpoint.region.to_owned());
    Ok(Decision::Sign(Plan {
        authority: host.into_authority(),
        path_and_query,
        withheld_method: None,
        algorithm,
        service,
        region,
        role,
        path_style,
        payload,
        content_sha256: if needs_content_sha256 {
            ContentSha256::Written
        } else {
            ContentSha256::Absent
        },
        why,
        format,
    }))
}

/// The answer to a request that the policy does not let pass.
fn refused(config: &Config, host: &str, verdict: Verdict<'_>) -> Refusal {
    let host = host.to_owned();
    match verdict {
        Verdict::Denied { rule, named } => Refusal::Denied {
            host,
            rule,
            named: named.map(|named| *named),
        },
        Verdict::NotListed {
            endpoint, unlisted, ..
        } => Refusal::NotAllowed {
            host,
            service: endpoint.service.to_owned(),
            unlisted: *unlisted,
        },
        Verdict::Torn(outcomes) => Refusal::BucketsOfDifferentRoles {
            roles: outcomes.map(|outcome| match outcome {
                Outcome::Signed(role) => config.roles.get(role).map(|role| role.name.clone()),
                Outcome::LeftAlone => None,
            }),
        },
        Verdict::LeaveAlone { .. } | Verdict::NotAws | Verdict::Permit { .. } => {
            Refusal::LeftAloneAtLoopback { host }
        }
    }
}

/// Whether a client signed for what the host is. A region set says less than a region.
fn agrees(scope: authorization::Scope<'_>, endpoint: Endpoint<'_>) -> bool {
    let region = match (scope.region, endpoint.algorithm) {
        (Some(region), Algorithm::SigV4) => region == endpoint.region,
        _ => true,
    };
    region && scope.service == endpoint.service
}

fn payload(
    config: &Config,
    head: Head<'_>,
    endpoint: Endpoint<'_>,
    mode: Option<PayloadMode>,
) -> Result<PayloadPlan, Refusal> {
    let claimed = head
        .value("x-amz-content-sha256")
        .and_then(|value| std::str::from_utf8(value).ok());
    if let Some(claimed) = claimed {
        if claimed == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
            return Ok(PayloadPlan::Streamed(claimed.to_owned()));
        }
        if let Some(form) = Form::of(claimed).filter(|_| endpoint.algorithm == Algorithm::SigV4) {
            return if head.end_of_stream {
                Err(Fault::Incomplete.into())
            } else {
                Ok(PayloadPlan::ChunkSigned(form))
            };
        }
        // Event streams (whose frames hold the signatures) and SigV4A, whose chunk signatures are longer.
        if claimed.starts_with("STREAMING-") {
            return Err(Refusal::ChunkSignaturesUnsupported);
        }
    }
    // An upgraded connection has no end of stream to hash up to.
    if head.end_of_stream || head.value("upgrade").is_some() {
        return Ok(PayloadPlan::Empty);
    }
    let length = head.content_length();
    let unsigned = match mode {
        Some(mode) => mode == PayloadMode::Unsigned,
        None => takes_unsigned(endpoint),
    };
    let wants_length = endpoint.path_style == PathStyle::S3;
    if unsigned && (length.is_some() || !wants_length) {
        // S3 itself compares the hash that the client claims with the body it gets.
        let hash = claimed.filter(|claimed| mode.is_none() && is_sha256(claimed));
        return Ok(PayloadPlan::Streamed(
            hash.unwrap_or(UNSIGNED_PAYLOAD).to_owned(),
        ));
    }
    if length.is_some_and(|length| length > config.max_body_bytes) {
        return Err(Refusal::BodyTooLarge {
            max_body_bytes: config.max_body_bytes,
        });
    }
    // S3 wants to know the length: "Transfer-Encoding: chunked" alone is answered 411 or 501.
    Ok(if unsigned {
        PayloadPlan::Held(UNSIGNED_PAYLOAD)
    } else {
        PayloadPlan::Hashed
    })
}

/// Whether a service takes a payload that is not signed. VPC Lattice takes no other ("SigV4
/// authenticated requests for Amazon VPC Lattice" in its user guide).
fn takes_unsigned(endpoint: Endpoint<'_>) -> bool {
    endpoint.path_style == PathStyle::S3 || endpoint.service == "vpc-lattice-svcs"
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether an authority that is no host name has one of AWS's names in it.
fn mentions_aws(authority: &[u8]) -> bool {
    let text = String::from_utf8_lossy(authority).to_ascii_lowercase();
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-')
        .any(|part| endpoint::strip_aws_suffix(part.trim_end_matches('.')).is_some())
}

impl<'a> Head<'a> {
    /// The values of a header, in order.
    pub fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        headers::values(self.headers, name)
    }

    /// The parts of `:path`, where it is text.
    fn path_and_query(self) -> (Option<&'a str>, Option<&'a str>) {
        let target = self.value(":path");
        let target = target.and_then(|target| std::str::from_utf8(target).ok());
        match target.and_then(|target| target.split_once('?')) {
            Some((path, query)) => (Some(path), Some(query)),
            None => (target, None),
        }
    }

    /// The `content-length`; `None` where there is none. One that no memory could hold counts as the
    /// largest that could.
    pub fn content_length(self) -> Option<usize> {
        let text = std::str::from_utf8(self.value("content-length")?).ok()?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    }

    /// The first value of a header.
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        headers::value(self.headers, name)
    }
}

#[cfg(test)]
mod tests;
