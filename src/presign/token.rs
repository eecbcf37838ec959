//! Passwords for databases and caches, and tokens for clusters: requests that nobody sends, presigned.
//!
//! Sources: "Generating a database authentication token" (Amazon RDS and Aurora DSQL User Guides), "Authenticating with IAM"
//! (ElastiCache and MemoryDB), `aws-msk-iam-sasl-signer-python`, and `TokenGenerator` of the AWS CLI's `eks get-token`.

use super::asked::Asked;
use super::exchange::Exchange;
use super::fault::Fault;
use super::grant::{About, Call, Service};
use super::object::check_headers;
use super::permit::{check_lifetime, permit_token};
use super::presigning::Subject;
use super::read::Read;
use super::url::Url;
use crate::config::Config;
use crate::endpoint::{self, Endpoint, Host, Resolution};
use crate::refusal::Refusal;
use crate::sigv4::{Algorithm, PathStyle};
use std::time::SystemTime;

/// Reads one, and asks whether it may be.
pub(super) fn plan(
    config: &Config,
    exchange: &Exchange,
    service: Service,
    asked: &Asked,
    url: &Url,
    now: SystemTime,
) -> Result<Read, Refusal> {
    check_headers(asked, url)?;
    if asked.method != "GET" {
        return Err(Fault::Method(asked.method.clone()).into());
    }
    check_parameters(service, url)?;
    let cluster = check_cluster(service, asked)?;
    let host = Host::parse(url.authority.as_bytes());
    let host = host.map_err(|_| Fault::Shape("its host is no host name"))?;
    let region = &url.signature.region;
    if !endpoint::is_region(region) {
        return Err(Fault::Signature("X-Amz-Credential names no region").into());
    }
    check_host(service, &host, region)?;
    let asked_for = About {
        service,
        host: host.name(),
        bucket: None,
        key: "",
        call: Call::Only,
        cluster,
    };
    let lifetime = url.signature.expiry.lifetime(now);
    check_lifetime(config, asked_for, lifetime)?;
    let endpoint = Endpoint {
        service: service.signing_name(),
        region,
        algorithm: Algorithm::SigV4,
        path_style: PathStyle::Normalised,
        tenant: false,
    };
    let authorization = &url.signature.signer.authorization(region);
    let (plan, about) = permit_token(
        config,
        exchange,
        &host,
        &url.authority,
        endpoint,
        authorization,
    )?;
    let subject = Subject::Request {
        path_and_query: url.target(UNSIGNED),
        unsigned: unsigned(url),
    };
    Ok(Read {
        plan,
        about,
        payload: None,
        service,
        subject,
        lifetime,
    })
}

/// What each may have in its query, all of it once: names, and values where only these may be.
fn parameters(service: Service) -> &'static [(&'static str, &'static [&'static str], Need)] {
    use Need::{May, Must};
    match service {
        Service::RdsDb => &[("Action", &["connect"], Must), ("DBUser", &[], Must)],
        Service::Dsql => &[("Action", &["DbConnect", "DbConnectAdmin"], Must)],
        Service::ElastiCache | Service::MemoryDb => &[
            ("Action", &["connect"], Must),
            ("User", &[], Must),
            ("ResourceType", &["ServerlessCache"], May),
        ],
        Service::KafkaCluster => &[
            ("Action", &["kafka-cluster:Connect"], Must),
            ("User-Agent", &[], May),
        ],
        Service::Eks => &[
            ("Action", &["GetCallerIdentity"], Must),
            ("Version", &["2011-06-15"], Must),
        ],
        Service::S3 => &[],
    }
}

/// Whether a parameter must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Must,
    May,
}

/// MSK's libraries add it to what they have signed.
const UNSIGNED: &[&str] = &["User-Agent"];

fn check_parameters(service: Service, url: &Url) -> Result<(), Fault> {
    let known = parameters(service);
    let mut seen: Vec<&str> = Vec::new();
    for parameter in &url.parameters {
        let name = parameter.name.as_str();
        let entry = known.iter().find(|(known, ..)| *known == name);
        let is_valued = entry.is_some_and(|(_, values, _)| {
            !parameter.value.is_empty()
                && (values.is_empty() || values.contains(&parameter.value.as_str()))
        });
        if !is_valued || seen.contains(&name) {
            return Err(Fault::Parameter(
                ["the query has \"", &*parameter.text, "\""].concat(),
            ));
        }
        seen.push(name);
    }
    let missing = known
        .iter()
        .find(|(name, _, need)| *need == Need::Must && !seen.contains(name));
    match missing {
        Some((name, ..)) => Err(Fault::Parameter(["the query has no ", *name].concat())),
        None if url.path != "/" => Err(Fault::Shape("its path is not /")),
        None => Ok(()),
    }
}

fn unsigned(url: &Url) -> String {
    let mut parameters = url.parameters.iter();
    let found = parameters.find(|parameter| UNSIGNED.contains(&&*parameter.name));
    found.map_or(String::new(), |parameter| ["&", &*parameter.text].concat())
}

/// The cluster that a token of EKS is for, which a header names; other tokens have no headers.
fn check_cluster(service: Service, asked: &Asked) -> Result<&str, Fault> {
    match (service, asked.headers.as_slice()) {
        (Service::Eks, [(name, cluster)]) if name == CLUSTER && is_cluster(cluster) => Ok(cluster),
        (Service::Eks, _) => Err(Fault::Header(
            ["a token for EKS signs host and ", CLUSTER].concat(),
        )),
        (_, []) => Ok(""),
        _ => Err(Fault::Header("such a token signs host alone".to_owned())),
    }
}

/// As EKS takes names of clusters.
fn is_cluster(text: &str) -> bool {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    !text.is_empty() && text.bytes().all(is_name)
}

const CLUSTER: &str = "x-k8s-aws-id";

/// Tokens for clusters are for hosts of AWS's own; databases and caches are found by grants alone.
fn check_host(service: Service, host: &Host, region: &str) -> Result<(), Fault> {
    let is_it = match service {
        Service::Eks => matches!(
            endpoint::resolve(host, region),
            Resolution::Aws(endpoint) if endpoint.service == "sts"
        ),
        Service::KafkaCluster => {
            let suffix = endpoint::dns_suffix(region);
            host.name() == ["kafka.", region, ".", suffix].concat()
        }
        _ => true,
    };
    match is_it {
        true => Ok(()),
        false => Err(Fault::Shape(
            "its host is not that of the service in its region",
        )),
    }
}
