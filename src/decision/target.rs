//! The first stage: which host a request is for, and whose signature it carries.

use super::exchange;
use super::head::Head;
use super::unsigned::{LeftAlone, Unsigned};
use crate::authorization::{self, ClientSignature, OwnSignature};
use crate::config::Config;
use crate::endpoint::{self, Asked, Destination, Host, ScopeError};
use crate::policy::{Mode, Outside, Port, Unmarked};
use crate::refusal::{ErrorFormat, Refusal, Unreplaced};

/// What a request is for, and what it came with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The host that answers it.
    pub(super) host: Host,
    /// The `:path` there, where it is not the one that came.
    pub(super) path_and_query: Option<String>,
    /// How the request names the host.
    pub(super) addressed: Addressed,
    /// What the client has signed.
    pub(super) signature: ClientSignature<'a>,
    /// The real key that stands for a placeholder in it, where the filter observes.
    pub(super) real_key: Option<&'a str>,
    /// A signature of the filter's own, in a place where it may stand.
    pub(super) own: Option<OwnSignature>,
}

/// How a request names the host that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressed {
    /// As its authority.
    Name,
    /// By the scope of its placeholder's signature: it came to the loopback endpoint.
    Scope,
    /// By the port of the loopback endpoint that it came to.
    Port {
        /// What is done with it if it asks for no signature.
        unmarked: Option<Unmarked>,
    },
}

impl<'a> Target<'a> {
    /// Finds it. Nothing is asked of rules or allow-list yet, and nothing is left alone but what is certainly not AWS's.
    pub(super) fn of(config: &Config, head: Head<'a>) -> Result<Self, Unsigned> {
        let (path, query) = head.path_and_query();
        let clues = authorization::Clues::of(head.headers, query);
        let signature = authorization::read(
            &clues.authorization,
            clues.query,
            clues.has_s3_session_token,
            &config.placeholders,
        );
        let (signature, real_key) = match signature {
            // What the program would have, once it is given a placeholder.
            ClientSignature::Real { key_id, scope } if config.mode == Mode::Observe => {
                (ClientSignature::Placeholder { key_id, scope }, Some(key_id))
            }
            other => (other, None),
        };
        // A target that is no text may have any query.
        let own = match clues.may_be_own || path.is_none() {
            true => authorization::find_own(head.headers, &config.placeholders, head.own_keys),
            // Most requests.
            false => None,
        };
        match own {
            Some(OwnSignature::Query) if head.is_listed(config) => {}
            Some(place) => return Err(head.refused(Refusal::OwnSignature { place })),
            None => {}
        }
        let authority = head.value(":authority").or_else(|| head.value("host"));
        let authority = authority.unwrap_or_default();
        let host = match Host::parse(authority) {
            Ok(host) => host,
            Err(why) if mentions_aws(authority) => {
                return Err(head.refused(Refusal::InvalidHost { why }));
            }
            Err(_) => return Err(left_alone(own, LeftAlone::NotAws)),
        };
        let mut target = Self {
            host,
            path_and_query: None,
            addressed: Addressed::Name,
            signature,
            real_key,
            own,
        };
        if target.host.is_loopback() && head.is_listed(config) {
            if target.signature == ClientSignature::PresignedByPlaceholder {
                let host = target.host.name().to_owned();
                let why = Unreplaced::Presigned;
                return Err(head.refused(Refusal::Unreplaced { host, why }));
            }
            match port(config, head) {
                Some(port) => target.follow_port(config, port, head)?,
                None => match exchange::asked(config, head, &target.signature) {
                    Some(exchange) => return Err(exchange),
                    None => target.follow_scope(config, head)?,
                },
            }
        }
        Ok(target)
    }

    /// Exchanges the loopback endpoint for the host that the port stands for.
    fn follow_port(
        &mut self,
        config: &Config,
        port: &Port,
        head: Head<'a>,
    ) -> Result<(), Unsigned> {
        let method = head.text(":method").unwrap_or_default();
        let path = head.path_and_query().0.unwrap_or_default();
        let what = match self.signature {
            ClientSignature::None | ClientSignature::Placeholder { .. } => port.bars(method, path),
            _ => Some(Outside::Signature),
        };
        if let Some(what) = what {
            let port = port.number;
            return Err(head.refused(Refusal::OutsidePort { port, what }));
        }
        self.host = port.host.clone();
        self.addressed = Addressed::Port {
            unmarked: port.unmarked.or(config.unmarked),
        };
        Ok(())
    }

    /// Exchanges the loopback endpoint for the host that the client's scope means.
    fn follow_scope(&mut self, config: &Config, head: Head<'a>) -> Result<(), Unsigned> {
        let scope = match &self.signature {
            ClientSignature::Placeholder {
                scope: Some(scope), ..
            } => *scope,
            ClientSignature::SessionToken | ClientSignature::StraySessionToken => {
                return Err(head.refused(Refusal::ExpressSession));
            }
            _ => return Err(head.refused(Refusal::NoTarget)),
        };
        let (path, query) = head.path_and_query();
        let asked = Asked {
            target: head.text("x-amz-target"),
            method: head.text(":method").unwrap_or_default(),
            path: path.unwrap_or_default(),
            query: query.unwrap_or_default(),
            account: head.text("x-amz-account-id"),
            route: head.text("x-amz-request-route"),
            home_region: &config.region,
        };
        // SigV4A for exactly one region means that region's host.
        let region = scope.region.or_else(|| head.text("x-amz-region-set"));
        let region = region.unwrap_or_default();
        let Destination { host, path } = endpoint::destination(scope.service, region, asked)
            .map_err(|why| {
                let refusal = match why {
                    ScopeError::ExpressSession => Refusal::ExpressSession,
                    why => Refusal::UnknownService {
                        service: scope.service.to_owned(),
                        region: region.to_owned(),
                        why,
                    },
                };
                let format = ErrorFormat::of(head.headers, Some(scope.service));
                Unsigned::Refused(refusal, format)
            })?;
        self.path_and_query = path.map(|path| match query {
            Some(query) => [path, query].join("?"),
            None => path.to_owned(),
        });
        self.host = host;
        self.addressed = Addressed::Scope;
        Ok(())
    }

    /// Whether it goes on as it came, because nothing asks for a signature: also where the allow-list does not name its service.
    pub(super) fn passes_unmarked(&self, config: &Config, head: Head<'_>) -> bool {
        let is_for_us = matches!(
            self.signature,
            ClientSignature::Placeholder { .. } | ClientSignature::PresignedByPlaceholder
        );
        self.addressed == Addressed::Name
            && !is_for_us
            && head.value(&config.marker_header).is_none()
            && head.unmarked(config) == Unmarked::Pass
    }

    /// Leaves the request alone, for this reason unless it is presigned with the filter's own credentials.
    pub(super) fn left_alone(&self, why: LeftAlone) -> Unsigned {
        left_alone(self.own, why)
    }
}

/// What the port stands for that a request came to.
fn port<'c>(config: &'c Config, head: Head<'_>) -> Option<&'c Port> {
    if config.ports.is_empty() {
        return None;
    }
    let number = (head.port)()?;
    config.ports.iter().find(|port| port.number == number)
}

fn left_alone(own: Option<OwnSignature>, why: LeftAlone) -> Unsigned {
    Unsigned::LeftAlone(match own {
        Some(_) => LeftAlone::OwnPresigned,
        None => why,
    })
}

/// Whether an authority that is no host name has one of AWS's names in it.
fn mentions_aws(authority: &[u8]) -> bool {
    let text = String::from_utf8_lossy(authority).to_ascii_lowercase();
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-')
        .any(|part| endpoint::is_below_aws(part.trim_end_matches('.')))
}

#[cfg(test)]
mod tests;
