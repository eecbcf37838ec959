//! What a pattern of hosts stands for: a name, or with `*.` in front all names below one.

use super::bucket::{BucketPlace, bucket_place};
use super::host::Host;
use super::partition::{Partition, strip_aws_suffix};
use super::resolution::Resolution;
use super::resolver::resolve;
use super::table::PARTITIONS;

/// What a pattern stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Of which kind they are.
    pub kind: HostKind,
    /// The bucket of [`HostKind::Bucket`]; empty for any other.
    pub bucket: String,
    /// The signing name; empty where it depends on the host, or there is none.
    pub service: String,
    /// The signing region; empty where it depends on the host, or there is none.
    pub region: String,
}

/// Kinds of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// This Envoy itself: no request is judged by such a name.
    Loopback,
    /// One of the many names of a bucket.
    Bucket,
    /// One of the many forms that the names of buckets have, for all of them or some.
    Buckets,
    /// One of the names of an access point, or of all that are there.
    AccessPoints,
    /// A service's API.
    Api,
    /// S3's API, with the bucket in the path.
    PathStyle,
    /// What customers create: see [`super::Endpoint::tenant`].
    Customers,
    /// Hosts of AWS's, of many services.
    Many,
    /// Names under AWS's suffixes that no API is known to have.
    UnknownOfAws,
    /// None of AWS's.
    Other,
}

impl Hosts {
    fn of_kind(kind: HostKind) -> Self {
        Self {
            kind,
            bucket: String::new(),
            service: String::new(),
            region: String::new(),
        }
    }

    /// Whether they are signed without a rule that says as what.
    pub fn are_signed(&self) -> bool {
        !matches!(self.kind, HostKind::Other | HostKind::UnknownOfAws)
    }
}

/// What a pattern stands for. `pattern` is a valid name, with or without `*.` in front.
pub fn hosts_of(pattern: &str) -> Hosts {
    match pattern.strip_prefix("*.") {
        Some(parent) => below(parent),
        None => of_name(pattern),
    }
}

fn of_name(name: &str) -> Hosts {
    let Ok(host) = Host::parse(name.as_bytes()) else {
        return Hosts::of_kind(HostKind::Other);
    };
    let place = bucket_place(name);
    let mut hosts = Hosts::of_kind(HostKind::Other);
    if let Resolution::Aws(endpoint) = resolve(&host, "") {
        endpoint.service.clone_into(&mut hosts.service);
        endpoint.region.clone_into(&mut hosts.region);
        hosts.kind = match place {
            _ if endpoint.tenant => HostKind::Customers,
            Some(BucketPlace::AccessPoint(_)) => HostKind::AccessPoints,
            Some(BucketPlace::Path | BucketPlace::PathOrControl) => HostKind::PathStyle,
            _ => HostKind::Api,
        };
    } else if host.is_loopback() {
        hosts.kind = HostKind::Loopback;
    } else if strip_aws_suffix(name).is_some() {
        hosts.kind = HostKind::UnknownOfAws;
    }
    // Website endpoints are not signed, and a bucket's name all the same.
    if let Some(BucketPlace::Host(bucket)) = place {
        hosts.kind = HostKind::Bucket;
        bucket.clone_into(&mut hosts.bucket);
    }
    hosts
}

/// What some host below a parent is says what all are, whatever their first labels.
fn below(parent: &str) -> Hosts {
    // `on.aws` is none of the partitions'.
    let is_of_aws = strip_aws_suffix(parent).is_some()
        || parent == "on.aws"
        || parent.ends_with(".on.aws")
        || is_suffix(parent);
    if !is_of_aws {
        return Hosts::of_kind(match is_above_a_suffix(parent) {
            true => HostKind::Many,
            false => HostKind::Other,
        });
    }
    let bucket_or_access_point = of_name(&["x.x.", parent].concat()).kind;
    match bucket_or_access_point {
        HostKind::Bucket => return Hosts::of_kind(HostKind::Buckets),
        HostKind::AccessPoints => return Hosts::of_kind(HostKind::AccessPoints),
        _ => {}
    }
    let of_services = !parent.split('.').any(|label| label == "sqs");
    for (labels, kind) in SAMPLES {
        let mut hosts = of_name(&[labels, ".", parent].concat());
        let is_it = match kind {
            HostKind::Many => of_services && hosts.service == "sqs",
            HostKind::Buckets => hosts.kind == HostKind::PathStyle,
            _ => hosts.are_signed(),
        };
        if is_it {
            if *kind != HostKind::Api {
                return Hosts::of_kind(*kind);
            }
            // The region that stands in the parent, and no other.
            if !parent.split('.').any(|label| label == hosts.region) {
                hosts.region.clear();
            }
            return hosts;
        }
    }
    Hosts::of_kind(HostKind::UnknownOfAws)
}

fn is_suffix(name: &str) -> bool {
    let is =
        |partition: &Partition| name == partition.dns_suffix || name == partition.dual_stack_suffix;
    PARTITIONS.iter().any(is)
}

fn is_above_a_suffix(name: &str) -> bool {
    let above = |suffix: &str| {
        let above = suffix.strip_suffix(name);
        above.is_some_and(|above| above.ends_with('.'))
    };
    PARTITIONS
        .iter()
        .any(|partition| above(partition.dns_suffix) || above(partition.dual_stack_suffix))
}

/// Labels before a parent, and what it stands for if they make a host of that service's, of S3's with the bucket in the
/// path, or any at all. In this order: below a region, any label is a service's.
const SAMPLES: &[(&str, HostKind)] = &[
    ("sqs", HostKind::Many),
    ("sqs.eu-west-1", HostKind::Many),
    ("vpce-1.sqs", HostKind::Many),
    ("vpce-1.sqs.eu-west-1", HostKind::Many),
    ("s3", HostKind::Buckets),
    ("bucket.vpce-1", HostKind::Buckets),
    ("x", HostKind::Api),
    ("x.y", HostKind::Api),
    ("x.eu-west-1", HostKind::Api),
    ("x.y.eu-west-1", HostKind::Api),
    ("vpce-1", HostKind::Api),
    ("x.y.z", HostKind::Api),
    ("x.lambda-url.eu-west-1", HostKind::Api),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &str) {
        let hosts = hosts_of(pattern);
        let region = Some(&*hosts.region).filter(|region| !region.is_empty());
        let signed = format!("{}/{}", hosts.service, region.unwrap_or("?"));
        let found = match hosts.kind {
            HostKind::Loopback => "loopback".to_owned(),
            HostKind::Bucket => format!("bucket {}", hosts.bucket),
            HostKind::Buckets => "buckets".to_owned(),
            HostKind::AccessPoints => "access points".to_owned(),
            HostKind::Many => "many".to_owned(),
            HostKind::UnknownOfAws => "unknown".to_owned(),
            HostKind::Other => "other".to_owned(),
            HostKind::Api => signed,
            HostKind::PathStyle => format!("{signed} with buckets"),
            HostKind::Customers => format!("{signed} of customers"),
        };
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn a_name_stands_for_one_host() {
        check("127.0.0.1", "loopback");
        check("localhost", "loopback");
        check("secret.s3.eu-west-1.amazonaws.com", "bucket secret");
        check("a.b.s3-accelerate.amazonaws.com", "bucket a.b");
        check("secret.s3-website-eu-west-1.amazonaws.com", "bucket secret");
        check(
            "x--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com",
            "bucket x--euw1-az1--x-s3",
        );
        check(
            "b.bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com",
            "bucket b",
        );
        check("s3.eu-west-1.amazonaws.com", "s3/eu-west-1 with buckets");
        check(
            "bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com",
            "s3/eu-west-1 with buckets",
        );
        check("1.s3-control.eu-west-1.amazonaws.com", "s3/eu-west-1");
        check(
            "a-1.s3-accesspoint.eu-west-1.amazonaws.com",
            "access points",
        );
        check(
            "m.mrap.accesspoint.s3-global.amazonaws.com",
            "access points",
        );
        check("sqs.eu-west-1.amazonaws.com", "sqs/eu-west-1");
        check("iam.amazonaws.com", "iam/us-east-1");
        check(
            "x.lambda-url.eu-west-1.on.aws",
            "lambda/eu-west-1 of customers",
        );
        check("lb.eu-west-1.elb.amazonaws.com", "unknown");
        check("ledger", "other");
        check("api.example.com", "other");
        check("10.0.0.1", "other");
    }

    #[test]
    fn a_pattern_stands_for_all_below_a_name() {
        check("*.s3.eu-west-1.amazonaws.com", "buckets");
        check("*.team.s3.eu-west-1.amazonaws.com", "buckets");
        check("*.s3.amazonaws.com", "buckets");
        check("*.s3-accelerate.amazonaws.com", "buckets");
        check("*.dualstack.eu-west-1.amazonaws.com", "buckets");
        check("*.s3express-euw1-az1.eu-west-1.amazonaws.com", "buckets");
        check("*.bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", "buckets");
        check("*.s3.eu-west-1.vpce.amazonaws.com", "buckets");
        check("*.s3-accesspoint.eu-west-1.amazonaws.com", "access points");
        check(
            "*.s3-object-lambda.eu-west-1.amazonaws.com",
            "access points",
        );
        check("*.accesspoint.s3-global.amazonaws.com", "access points");
        check("*.s3-control.eu-west-1.amazonaws.com", "s3/eu-west-1");
        check("*.amazonaws.com", "many");
        check("*.eu-west-1.amazonaws.com", "many");
        check("*.api.aws", "many");
        check("*.com", "many");
        check("*.aws", "many");
        check("*.vpce.amazonaws.com", "many");
        check("*.amazonaws.com.cn", "many");
        check("*.sqs.eu-west-1.vpce.amazonaws.com", "sqs/eu-west-1");
        check(
            "*.lambda-url.eu-west-1.on.aws",
            "lambda/eu-west-1 of customers",
        );
        check(
            "*.execute-api.eu-west-1.amazonaws.com",
            "execute-api/eu-west-1 of customers",
        );
        check("*.on.aws", "lambda/? of customers");
        check("*.es.amazonaws.com", "es/? of customers");
        check("*.eu-west-1.es.amazonaws.com", "es/eu-west-1 of customers");
        check("*.elb.amazonaws.com", "unknown");
        check("*.svc.example.com", "other");
        check("*.local", "other");
    }
}
