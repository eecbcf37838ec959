//! What a client says of a host, where its name leaves it open: with its signature's scope, or its path.

use super::known::is_known_service;
use super::partition::{self, Split, is_region, partition_of};
use super::resolution::Endpoint;
use super::resolver::of_custom_domain;
use super::s3::{is_accelerate, path_style};
use super::scope::is_label;
use super::words;
use crate::sigv4::PathStyle;

/// What a host below AWS's names that nothing lists is signed as, where a client's scope says it: if the host is
/// `[<labels>.]<service>[-fips].<region>.<suffix>`, and the service is known and has no customers' hosts below its name.
pub fn of_client_scope<'a>(name: &str, service: &'a str, region: &'a str) -> Option<Endpoint<'a>> {
    let split = partition::split(name).filter(|_| is_region(region))?;
    let before = split.labels.strip_suffix(region)?.strip_suffix('.')?;
    let before = before.strip_suffix("-fips").unwrap_or(before);
    let before = before.strip_suffix(service)?;
    let fits = (before.is_empty() || before.ends_with('.'))
        && partition_of(region).dns_suffix == split.partition.dns_suffix;
    let is_apis = fits && is_known_service(service) && !has_customers_hosts(service);
    is_apis.then(|| Endpoint {
        tenant: false,
        ..of_custom_domain(service, region)
    })
}

/// Whether a path at a host of Location's Maps, Places and Routes is one of the older API, which signs as `geo`
/// (botocore's models `location` and `geo-*`).
pub fn is_of_older_location(path: &[u8]) -> bool {
    [&b"/maps/v0/"[..], b"/places/v0/", b"/routes/v0/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// Whether a host's service is guessed from its first label, and the client's may be the right one: SDKs know what newer
/// hosts sign as.
pub fn is_guessed_for(service: &str, of_client: &str) -> bool {
    !is_known_service(service) && is_label(of_client) && !has_customers_hosts(of_client)
}

/// Whether names below `<service>.<region>` are customers', or answer to something else than SigV4: nothing there is signed
/// because a client says so.
pub fn has_customers_hosts(service: &str) -> bool {
    path_style(service) == PathStyle::S3 || words::has(CUSTOMERS, service)
}

/// Databases, brokers, file systems, registries, clusters and the like: the pages that `tests/data/documented-hosts.txt`
/// names, under "Customers' hosts".
pub(super) const CUSTOMERS: &str = "airflow aoss appsync bedrock-agentcore cloud9 cloudsearch codeartifact connect dax dsql ec2 ecr \
    eks elasticache elasticbeanstalk elasticfilesystem elasticloadbalancing elasticmapreduce emr-serverless es execute-api \
    fsx grafana iot iotdata kafka lambda managedblockchain mediapackagev2 mediastore memorydb mq neptune-db neptune-graph \
    osis osm quicksight rds redshift redshift-serverless timestream-influxdb transfer vpc-lattice-svcs workspaces \
    workspaces-web";

/// Whether a host says no region, and this one of its partition may be its bucket's: the global endpoint, which redirects
/// to the bucket's region, and acceleration.
pub fn may_be_of_region(name: &str, region: &str) -> bool {
    let is = |split: Split<'_>| {
        let last = split.labels.rsplit('.').next();
        split.partition.dns_suffix == partition_of(region).dns_suffix
            && (last == Some("s3") || is_accelerate(split.labels))
    };
    is_region(region) && partition::split(name).is_some_and(is)
}
