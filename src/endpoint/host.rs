//! The host of a request, as its `:authority` gives it.

use std::fmt;

/// A DNS name as a request's `:authority` gave it: lower case, no trailing dot, port apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// Why an `:authority` names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// Nothing before the port.
    Empty,
    /// Longer than the 253 characters of RFC 1035, section 3.1.
    TooLong,
    /// A label is empty, longer than 63, or holds more than letters, digits and inner hyphens
    /// (RFC 1123, section 2.1).
    NotADnsName,
    /// The port is no number from 0 to 65535.
    BadPort,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::TooLong => "it is longer than 253 characters",
            Self::NotADnsName => "it is not a valid DNS name",
            Self::BadPort => "its port is not a number from 0 to 65535",
        })
    }
}

impl Host {
    /// Parses an `:authority`: a DNS name or an IP literal, with an optional port.
    pub fn parse(authority: &[u8]) -> Result<Self, HostError> {
        let text = std::str::from_utf8(authority).map_err(|_| HostError::NotADnsName)?;
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((literal, rest)) => {
                literal
                    .parse::<std::net::Ipv6Addr>()
                    .map_err(|_| HostError::NotADnsName)?;
                let name = text.get(..literal.len() + 2).unwrap_or_default();
                match rest.strip_prefix(':') {
                    Some(port) => (name, Some(port)),
                    None if rest.is_empty() => (name, None),
                    None => return Err(HostError::BadPort),
                }
            }
            None => {
                let (name, port) = match text.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (text, None),
                };
                let name = name.strip_suffix('.').unwrap_or(name);
                check_dns_name(name)?;
                (name, port)
            }
        };
        let port = match port {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| HostError::BadPort)?)
            }
            Some(_) => return Err(HostError::BadPort),
            None => None,
        };
        Ok(Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    /// The name, lower case and without port.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `:authority` to forward and to sign: the name, and the port unless it is 80 or 443.
    /// A client that came over plain HTTP may have written `:80`, where AWS listens with TLS.
    pub fn into_authority(self) -> String {
        match self.port {
            Some(port) if port != 80 && port != 443 => format!("{}:{port}", self.name),
            _ => self.name,
        }
    }

    /// A name that is known to be one.
    pub(super) fn of_name(name: String) -> Self {
        Self { name, port: None }
    }

    /// Whether the client addressed this Envoy itself, as with `AWS_ENDPOINT_URL`.
    pub fn is_loopback(&self) -> bool {
        matches!(self.name.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }
}

fn check_dns_name(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > 253 {
        return Err(HostError::TooLong);
    }
    let valid = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    if name.as_bytes().split(|b| *b == b'.').all(valid) {
        Ok(())
    } else {
        Err(HostError::NotADnsName)
    }
}
