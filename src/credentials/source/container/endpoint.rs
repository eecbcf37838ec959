//! A container's credential endpoint, as the environment names it.

use http::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where credentials are fetched: what the request says. How it gets there, and whether with TLS, is the cluster's matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    path: String,
}

/// Why a text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// It is not a path.
    NotAPath(String),
    /// It is not a URI. It is not shown, nor in the other cases: query and user can be secret.
    NotAUri,
    /// It names no scheme or no host.
    Incomplete,
    /// It has a user or a fragment, which a request cannot say.
    UserOrFragment,
    /// It is `http` to this host, which is not this node.
    InTheClear(String),
    /// Its scheme is neither `https` nor `http`.
    OtherScheme,
}

impl Endpoint {
    /// ECS: a path at the address of its agent (ECS Developer Guide, "Task IAM role").
    ///
    /// # Errors
    /// What does not begin with `/`, or is not a path.
    pub fn of_relative_uri(path: &str) -> Result<Self, EndpointError> {
        let refused = || EndpointError::NotAPath(path.to_owned());
        let uri: Uri = path.parse().map_err(|_| refused())?;
        // `//host` is a path to this parser, and another authority to others.
        if !path.starts_with('/') || path.starts_with("//") || path.contains('#') {
            return Err(refused());
        }
        let path = uri.path_and_query().ok_or_else(refused)?;
        Ok(Self {
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
    pub fn of_full_uri(text: &str) -> Result<Self, EndpointError> {
        let uri: Uri = text.parse().map_err(|_| EndpointError::NotAUri)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(EndpointError::Incomplete);
        };
        if authority.as_str().contains('@') || text.contains('#') {
            return Err(EndpointError::UserOrFragment);
        }
        match scheme {
            "https" => {}
            "http" if is_of_this_node(authority.host()) => {}
            "http" => return Err(EndpointError::InTheClear(authority.host().to_owned())),
            _ => return Err(EndpointError::OtherScheme),
        }
        Ok(Self {
            authority: authority.as_str().to_owned(),
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }

    /// What [`Endpoint::of_full_uri`] accepts, for error messages.
    pub fn allowed() -> String {
        format!(
            "https://<host>/<path>, or http:// with localhost, a loopback address, {ECS}, {EKS} or [{EKS_IPV6}]"
        )
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

/// What is wrong with the variable that it stands in.
impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self {
            Self::NotAPath(path) => return write!(f, "is {path:?}"),
            Self::InTheClear(host) => {
                return write!(f, "would send credentials in the clear to {host:?}");
            }
            Self::NotAUri => "is not a URI",
            Self::Incomplete => "names no scheme or no host",
            Self::UserOrFragment => "has a user or a fragment",
            Self::OtherScheme => "has a scheme other than http and https",
        };
        f.write_str(fault)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_node_alone() {
        #[track_caller]
        fn check(uri: &str, expected: Option<(&str, &str)>) {
            let endpoint = Endpoint::of_full_uri(uri).ok();
            let parts = endpoint.as_ref().map(|e| (e.authority(), e.path()));
            assert_eq!(parts, expected, "{uri}");
        }
        check("http://169.254.170.2", Some(("169.254.170.2", "/")));
        check(
            "http://169.254.170.23/v1/credentials",
            Some(("169.254.170.23", "/v1/credentials")),
        );
        check(
            "http://[fd00:ec2::23]/v1/credentials",
            Some(("[fd00:ec2::23]", "/v1/credentials")),
        );
        check(
            "http://[fd00:0ec2:0:0::23]:80/",
            Some(("[fd00:0ec2:0:0::23]:80", "/")),
        );
        check(
            "http://localhost:9911/c?a=1",
            Some(("localhost:9911", "/c?a=1")),
        );
        check("http://LOCALHOST/", Some(("LOCALHOST", "/")));
        check("http://127.0.0.1:5000/x", Some(("127.0.0.1:5000", "/x")));
        check("http://127.8.9.10/", Some(("127.8.9.10", "/")));
        check("http://[::1]/", Some(("[::1]", "/")));
        check(
            "https://credentials.example/x",
            Some(("credentials.example", "/x")),
        );
        check("https://10.0.0.1", Some(("10.0.0.1", "/")));
        for uri in [
            "http://169.254.169.254/latest",
            "http://169.254.170.24/",
            "http://10.0.0.1/",
            "http://credentials.example/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://127.1/",
            "http://2130706433/",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fd00:ec2::24]/",
            "http://localhost@credentials.example/",
            "https://user:pass@credentials.example/",
            "https://credentials.example/#fragment",
            "ftp://localhost/",
            "localhost:80",
            "//localhost/x",
            "/v1/credentials",
            "http:///x",
            "http://",
            "not a uri",
            "",
        ] {
            check(uri, None);
        }
    }

    #[test]
    fn a_relative_uri_is_a_path() {
        let path = |text| Endpoint::of_relative_uri(text).map(|e| e.path().to_owned());
        assert_eq!(
            path("/v2/credentials/1").as_deref(),
            Ok("/v2/credentials/1")
        );
        assert_eq!(path("/get?a=1").as_deref(), Ok("/get?a=1"));
        for wrong in [
            "v2/credentials",
            "http://h/x",
            "//evil/x",
            "@evil/",
            ":80/",
            "/a b",
            "/a\r\nx: y",
            "/a#b",
            "*",
        ] {
            assert_eq!(path(wrong), Err(EndpointError::NotAPath(wrong.to_owned())));
        }
    }
}
