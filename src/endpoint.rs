//! Which AWS endpoint a host is: its signing name, its region, and how its paths are signed.
//!
//! Decides nothing about whether a request may be signed; that is [`crate::decision`].
//! Known here: `<service>.<region>.<suffix>` of every partition with its FIPS and dual-stack forms,
//! S3 in path style and virtual-hosted style, and the global services. Every other host is
//! [`Resolution::NotAws`], load balancers, EC2 names and look-alikes among them.
//!
//! Sources: the partitions and endpoint rule sets of botocore 1.44, and "Virtual hosting of general
//! purpose buckets" in the Amazon S3 User Guide.

mod table;

use crate::sigv4::PathStyle;
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
            Self::NotADnsName => "it is no valid DNS name",
            Self::BadPort => "its port is no number from 0 to 65535",
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
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) if port != 80 && port != 443 => format!("{}:{port}", self.name),
            _ => self.name.clone(),
        }
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
    let valid = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.split('.').all(valid) {
        Ok(())
    } else {
        Err(HostError::NotADnsName)
    }
}

/// What to sign for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// The signing name, which the credential scope carries.
    pub service: &'a str,
    /// The signing region.
    pub region: &'a str,
    /// How its paths are signed. [`PathStyle::S3`] also says that payloads may stay unsigned.
    pub path_style: PathStyle,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// An AWS API endpoint.
    Aws(Endpoint<'a>),
    /// Not an endpoint that speaks SigV4.
    NotAws,
}

/// A partition of AWS: a set of regions with DNS suffixes of their own.
#[derive(Debug, PartialEq, Eq)]
struct Partition {
    /// What its regions' names start with; the last row takes every other region.
    region_prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_suffix: &'static str,
}

/// botocore `partitions.json`.
const PARTITIONS: &[Partition] = &[
    partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("us-gov-", "amazonaws.com", "api.aws"),
    partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

const COMMERCIAL: Partition = partition("", "amazonaws.com", "api.aws");

const fn partition(
    region_prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_suffix: &'static str,
) -> Partition {
    Partition {
        region_prefix,
        dns_suffix,
        dual_stack_suffix,
    }
}

fn partition_of(region: &str) -> &'static Partition {
    PARTITIONS
        .iter()
        .find(|partition| region.starts_with(partition.region_prefix))
        .unwrap_or(&COMMERCIAL)
}

/// The DNS suffix of a region's partition, such as `amazonaws.com`.
pub fn dns_suffix(region: &str) -> &'static str {
    partition_of(region).dns_suffix
}

/// Whether a label is shaped like a region of any partition, such as `eu-west-1` or
/// `us-gov-east-1` (botocore `partitions.json`, `regionRegex`).
pub fn is_region(label: &str) -> bool {
    const AREAS: &[&str] = &[
        "us-gov", "us-isob", "us-isof", "us-iso", "eu-isoe", "eusc-de", "us", "eu", "ap", "sa",
        "ca", "me", "af", "il", "mx", "cn",
    ];
    let Some((place, number)) = label.rsplit_once('-') else {
        return false;
    };
    let direction = AREAS
        .iter()
        .find_map(|area| place.strip_prefix(area)?.strip_prefix('-'));
    (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
        && direction
            .is_some_and(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The labels before a suffix of AWS's, whatever they name; `None` for any other name.
pub fn strip_aws_suffix(name: &str) -> Option<&str> {
    PARTITIONS
        .iter()
        .chain([&COMMERCIAL])
        .flat_map(|partition| [partition.dns_suffix, partition.dual_stack_suffix])
        .find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'))
}

/// What the host is. `home_region` is used where a host names no region (S3 acceleration).
pub fn resolve<'a>(host: &'a Host, home_region: &'a str) -> Resolution<'a> {
    let name = host.name();
    if let Some((_, service, region)) = table::GLOBAL.iter().find(|(global, ..)| *global == name) {
        return aws(service, region);
    }
    let Some(labels) = strip_aws_suffix(name) else {
        return Resolution::NotAws;
    };
    if let Some(endpoint) = resolve_s3(labels, home_region) {
        return endpoint;
    }
    let Some((prefix, region)) = labels.rsplit_once('.') else {
        return Resolution::NotAws;
    };
    if !is_region(region) {
        return Resolution::NotAws;
    }
    let prefix = prefix
        .strip_suffix("-fips")
        .or_else(|| prefix.strip_prefix("fips."))
        .unwrap_or(prefix);
    match table::NAMES.iter().find(|(labels, _)| *labels == prefix) {
        Some((_, service)) => aws(service, region),
        // S3 serves websites without looking at signatures.
        None if prefix.contains('.') || prefix == "s3-website" => Resolution::NotAws,
        None => aws(prefix, region),
    }
}

/// S3's forms; `labels` is the name without the partition's suffix.
fn resolve_s3<'a>(labels: &'a str, home_region: &'a str) -> Option<Resolution<'a>> {
    if labels == "s3" || labels.ends_with(".s3") {
        return Some(s3("us-east-1"));
    }
    if let Some(before) = labels
        .strip_suffix("s3-accelerate")
        .or_else(|| labels.strip_suffix("s3-accelerate.dualstack"))
    {
        return before.ends_with('.').then(|| s3(home_region));
    }
    let (before, region) = match labels.rsplit_once('.') {
        // The legacy form s3-<region>, without and with a bucket.
        None => ("s3", labels.strip_prefix("s3-")?),
        Some((_, last)) if last.starts_with("s3-") => ("s3", last.strip_prefix("s3-")?),
        Some(parts) => parts,
    };
    if !is_region(region) {
        return None;
    }
    let before = before.strip_suffix(".dualstack").unwrap_or(before);
    let kind = before.rsplit_once('.').map_or(before, |(_, kind)| kind);
    match kind.strip_suffix("-fips").unwrap_or(kind) {
        "s3" | "s3-accesspoint" | "s3-control" => Some(s3(region)),
        _ => None,
    }
}

fn aws<'a>(service: &'a str, region: &'a str) -> Resolution<'a> {
    Resolution::Aws(Endpoint {
        service,
        region,
        path_style: PathStyle::Normalised,
    })
}

fn s3(region: &str) -> Resolution<'_> {
    Resolution::Aws(Endpoint {
        service: "s3",
        region,
        path_style: PathStyle::S3,
    })
}

/// Why a credential scope names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// The service is not of the form `[a-z0-9-]+`.
    BadService,
    /// The region is not shaped like one of AWS's.
    UnknownRegion,
    /// Several hosts sign with this name.
    Ambiguous,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadService => "its service is not of the form [a-z0-9-]+",
            Self::UnknownRegion => "its region is none of AWS's",
            Self::Ambiguous => "several AWS hosts sign with this service name",
        })
    }
}

/// The host that a credential scope `<date>/<region>/<service>/aws4_request` stands for.
pub fn host_of_scope(service: &str, region: &str) -> Result<Host, ScopeError> {
    let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if service.is_empty() || service.len() > 63 || !service.bytes().all(label) {
        return Err(ScopeError::BadService);
    }
    if !is_region(region) {
        return Err(ScopeError::UnknownRegion);
    }
    let partition = partition_of(region);
    let suffix = partition.dns_suffix;
    // With an endpoint of its own an SDK signs a global service for the region it is set up with.
    let global = table::GLOBAL
        .iter()
        .find(|(_, name, home)| *name == service && partition_of(home) == partition);
    let mut rows = table::NAMES.iter().filter(|(_, name)| *name == service);
    if let Some((_, labels)) = table::MAIN.iter().find(|(name, _)| *name == service) {
        return Ok(Host {
            name: format!("{labels}.{region}.{suffix}"),
            port: None,
        });
    }
    let name = match (global, rows.next(), rows.next()) {
        (Some((host, ..)), ..) => (*host).to_owned(),
        (None, None, _) if table::DUAL_STACK_ONLY.contains(&service) => {
            format!("{service}.{region}.{}", partition.dual_stack_suffix)
        }
        (None, None, _) => format!("{service}.{region}.{suffix}"),
        (None, Some((labels, _)), None) => format!("{labels}.{region}.{suffix}"),
        (None, Some(_), Some(_)) => return Err(ScopeError::Ambiguous),
    };
    Ok(Host { name, port: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(authority: &str, expected: &str) {
        let found = match Host::parse(authority.as_bytes()) {
            Err(error) => format!("{error}"),
            Ok(host) => match resolve(&host, "eu-central-1") {
                Resolution::NotAws => "not aws".to_owned(),
                Resolution::Aws(Endpoint {
                    service, region, ..
                }) => format!("{service}/{region}"),
            },
        };
        assert_eq!(found, expected, "{authority}");
    }

    #[test]
    fn plain_hosts_say_service_and_region() {
        check("dynamodb.eu-west-1.amazonaws.com", "dynamodb/eu-west-1");
        check(
            "DynamoDB.EU-West-1.amazonaws.com.:443",
            "dynamodb/eu-west-1",
        );
        check("sqs.cn-north-1.amazonaws.com.cn", "sqs/cn-north-1");
        check("kms.us-gov-west-1.amazonaws.com", "kms/us-gov-west-1");
        check("kms-fips.us-gov-west-1.amazonaws.com", "kms/us-gov-west-1");
        check("lambda.eu-west-1.api.aws", "lambda/eu-west-1");
        check("sqs.us-iso-east-1.c2s.ic.gov", "sqs/us-iso-east-1");
        check("sqs.eusc-de-east-1.amazonaws.eu", "sqs/eusc-de-east-1");
        check(
            "newthing.ap-southeast-7.amazonaws.com",
            "newthing/ap-southeast-7",
        );
    }

    #[test]
    fn labels_that_are_not_the_signing_name_are_looked_up() {
        check("email.eu-west-1.amazonaws.com", "ses/eu-west-1");
        check(
            "bedrock-runtime.eu-west-1.amazonaws.com",
            "bedrock/eu-west-1",
        );
        check("api.ecr.eu-west-1.amazonaws.com", "ecr/eu-west-1");
        check(
            "streams.dynamodb.eu-west-1.amazonaws.com",
            "dynamodb/eu-west-1",
        );
    }

    #[test]
    fn s3_has_many_forms() {
        check("s3.amazonaws.com", "s3/us-east-1");
        check("bucket.s3.amazonaws.com", "s3/us-east-1");
        check("s3.eu-west-1.amazonaws.com", "s3/eu-west-1");
        check("s3-eu-west-1.amazonaws.com", "s3/eu-west-1");
        check("a.dotted.bucket.s3.eu-west-1.amazonaws.com", "s3/eu-west-1");
        check("bucket.s3-eu-west-1.amazonaws.com", "s3/eu-west-1");
        check(
            "bucket.s3.dualstack.eu-west-1.amazonaws.com",
            "s3/eu-west-1",
        );
        check("s3-fips.us-gov-west-1.amazonaws.com", "s3/us-gov-west-1");
        check(
            "b.s3-fips.dualstack.us-east-1.amazonaws.com",
            "s3/us-east-1",
        );
        check("bucket.s3-accelerate.amazonaws.com", "s3/eu-central-1");
        check(
            "ap-1.s3-accesspoint.eu-west-1.amazonaws.com",
            "s3/eu-west-1",
        );
        check("123.s3-control.eu-west-1.amazonaws.com", "s3/eu-west-1");
        check("s3.cn-north-1.amazonaws.com.cn", "s3/cn-north-1");
    }

    #[test]
    fn global_services_sign_for_their_home_region() {
        check("iam.amazonaws.com", "iam/us-east-1");
        check("iam.us-gov.amazonaws.com", "iam/us-gov-west-1");
        check("sts.amazonaws.com", "sts/us-east-1");
        check("sts.eu-west-1.amazonaws.com", "sts/eu-west-1");
        check("route53.amazonaws.com", "route53/us-east-1");
    }

    #[test]
    fn tenants_and_look_alikes_are_not_aws() {
        for host in [
            "example.org",
            "amazonaws.com",
            "www.amazonaws.com",
            "s3.eu-west-1.amazonaws.com.example.org",
            "s3.eu-west-1.evilamazonaws.com",
            "lb-1.eu-west-1.elb.amazonaws.com",
            "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "ABC.gr7.eu-west-1.eks.amazonaws.com",
            "db.abc.eu-west-1.rds.amazonaws.com",
            "bucket.s3-website-eu-west-1.amazonaws.com",
            "bucket.s3-website.eu-west-1.amazonaws.com",
            "s3-website.eu-west-1.amazonaws.com",
            "d111.cloudfront.net",
            "127.0.0.1:9911",
            "[::1]:9911",
            "10.0.0.1",
        ] {
            check(host, "not aws");
        }
    }

    #[test]
    fn what_is_no_host_name_is_an_error() {
        check("", "it is empty");
        check(":80", "it is empty");
        check("a,b", "it is no valid DNS name");
        check(
            "s3.eu-west-1.amazonaws.com,evil.example",
            "it is no valid DNS name",
        );
        check("s3..amazonaws.com", "it is no valid DNS name");
        check(
            "s3.eu-west-1.amazonaws.com@evil.example",
            "it is no valid DNS name",
        );
        check("s3_.eu-west-1.amazonaws.com", "it is no valid DNS name");
        check(
            "s3.eu-west-1.amazonaws.com:http",
            "its port is no number from 0 to 65535",
        );
        check(
            "s3.eu-west-1.amazonaws.com:99999",
            "its port is no number from 0 to 65535",
        );
        check(&"a.".repeat(200), "it is longer than 253 characters");
    }

    #[test]
    fn the_authority_drops_only_the_default_ports() {
        let authority = |text: &str| Host::parse(text.as_bytes()).unwrap().authority();
        assert_eq!(authority("S3.amazonaws.com.:80"), "s3.amazonaws.com");
        assert_eq!(authority("s3.amazonaws.com:443"), "s3.amazonaws.com");
        assert_eq!(authority("s3.amazonaws.com:8443"), "s3.amazonaws.com:8443");
    }

    #[track_caller]
    fn check_scope(service: &str, region: &str, expected: &str) {
        let found = match host_of_scope(service, region) {
            Ok(host) => host.name().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_credential_scope_names_a_host() {
        check_scope("s3", "eu-west-1", "s3.eu-west-1.amazonaws.com");
        check_scope("sqs", "cn-north-1", "sqs.cn-north-1.amazonaws.com.cn");
        check_scope("dynamodb", "eu-west-1", "dynamodb.eu-west-1.amazonaws.com");
        check_scope("ses", "eu-west-1", "email.eu-west-1.amazonaws.com");
        check_scope("ecr", "eu-west-1", "api.ecr.eu-west-1.amazonaws.com");
        check_scope("iam", "eu-west-1", "iam.amazonaws.com");
        check_scope("iam", "us-gov-east-1", "iam.us-gov.amazonaws.com");
        check_scope("sts", "us-east-1", "sts.us-east-1.amazonaws.com");
        check_scope("datazone", "eu-west-1", "datazone.eu-west-1.api.aws");
        check_scope(
            "bedrock",
            "eu-west-1",
            "several AWS hosts sign with this service name",
        );
        check_scope(
            "evil.example/",
            "eu-west-1",
            "its service is not of the form [a-z0-9-]+",
        );
        check_scope("s3", "eu-west", "its region is none of AWS's");
        check_scope("s3", "evil", "its region is none of AWS's");
    }
}
