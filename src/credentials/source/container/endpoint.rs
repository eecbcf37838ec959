//! A container's credential endpoint, as the environment names it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::config::ConfigError;
use crate::config::source::{FULL_URI, RELATIVE_URI};

/// Where credentials are fetched. How it is reached is the cluster's matter; this is what the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: String,
    path: String,
}

/// What the cluster must speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP: to this node alone.
    Http,
    /// TLS, with the name verified.
    Https,
}

impl Endpoint {
    /// ECS: a path at the address of its agent (ECS Developer Guide, "Task IAM role").
    ///
    /// # Errors
    /// What does not begin with `/` or is no path.
    pub(crate) fn of_relative_uri(path: &str) -> Result<Self, ConfigError> {
        let refused = || {
            ConfigError::new(
                &format!("environment variable {RELATIVE_URI}"),
                format!("is {path:?}"),
                "a path such as /v2/credentials/<id>",
            )
        };
        let uri: Uri = path.parse().map_err(|_| refused())?;
        // `//host` is a path to this parser, and another authority to others.
        if !path.starts_with('/') || path.starts_with("//") || path.contains('#') {
            return Err(refused());
        }
        let path = uri.path_and_query().ok_or_else(refused)?;
        Ok(Self {
            scheme: Scheme::Http,
            authority: ECS.to_string(),
            path: path.as_str().to_owned(),
        })
    }

    /// Any URI with `https`; with `http` only one to this node: loopback, or the fixed addresses of the
    /// agents of ECS and EKS (AWS SDKs and Tools Reference Guide, Container credential provider; `ecs.rs` of
    /// `aws-config` 1.13, which resolves other names, as this filter cannot).
    ///
    /// # Errors
    /// Anything else, and what a request cannot say: a user, a fragment.
    pub(crate) fn of_full_uri(text: &str) -> Result<Self, ConfigError> {
        let refused = |fault: &str| {
            ConfigError::new(
                &format!("environment variable {FULL_URI}"),
                fault.to_owned(),
                &format!(
                    "https://<host>/<path>, or http:// with localhost, a loopback address, {ECS}, {EKS} or [{EKS_IPV6}]"
                ),
            )
        };
        // The URI itself is not shown: query and user can be secret.
        let uri: Uri = text.parse().map_err(|_| refused("is no URI"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused("names no scheme or no host"));
        };
        if authority.as_str().contains('@') || text.contains('#') {
            return Err(refused("has a user or a fragment"));
        }
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" if is_of_this_node(authority.host()) => Scheme::Http,
            "http" => {
                let fault = format!(
                    "would send credentials in the clear to {:?}",
                    authority.host()
                );
                return Err(refused(&fault));
            }
            _ => return Err(refused("has another scheme")),
        };
        Ok(Self {
            scheme,
            authority: authority.as_str().to_owned(),
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }

    /// What the cluster must speak.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The request's `:authority`, such as `169.254.170.23`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The request's `:path`, such as `/v1/credentials`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

fn is_of_this_node(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address: Option<IpAddr> = match literal {
        Some(literal) => literal.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    };
    address.is_some_and(|address| {
        address.is_loopback()
            || [IpAddr::V4(ECS), IpAddr::V4(EKS), IpAddr::V6(EKS_IPV6)].contains(&address)
    })
}

const ECS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
const EKS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);
const EKS_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);
