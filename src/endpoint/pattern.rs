//! What a pattern of hosts stands for: a name, or with `*.` in front all names below one.

use super::table::PARTITIONS;
use super::{BucketPlace, Host, Resolution, bucket_place, resolve, strip_aws_suffix};

/// What a pattern stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// This Envoy itself: no request is judged by such a name.
    Loopback,
    /// One of the many names of this bucket.
    Bucket(String),
    /// One of the many forms that the names of buckets have, for all of them or some.
    Buckets,
    /// One of the names of an access point, or of all that are there.
    AccessPoints,
    /// Hosts that sign alike.
    Signed {
        /// The signing name.
        service: String,
        /// The signing region; `None` where it depends on the host.
        region: Option<String>,
        /// See [`super::Endpoint::tenant`].
        tenant: bool,
        /// They take a bucket's name in the path.
        takes_buckets: bool,
    },
    /// Hosts of AWS's, of many services.
    Many,
    /// Names under AWS's suffixes that no API is known to have.
    UnknownOfAws,
    /// None of AWS's.
    Other,
}

/// What a pattern stands for. `pattern` is a valid name, with or without `*.` in front.
pub fn hosts_of(pattern: &str) -> Hosts {
    match pattern.strip_prefix("*.") {
        Some(parent) => below(parent),
        None => of_name(pattern),
    }
}

/// Of hosts that name no region.
const ANY_REGION: &str = "";

fn of_name(name: &str) -> Hosts {
    let Ok(host) = Host::parse(name.as_bytes()) else {
        return Hosts::Other;
    };
    if host.is_loopback() {
        return Hosts::Loopback;
    }
    let place = bucket_place(name);
    match (place, resolve(&host, ANY_REGION)) {
        (Some(BucketPlace::Host(bucket)), _) => Hosts::Bucket(bucket.to_owned()),
        (Some(BucketPlace::AccessPoint(_)), Resolution::Aws(_)) => Hosts::AccessPoints,
        (_, Resolution::Aws(endpoint)) => Hosts::Signed {
            service: endpoint.service.to_owned(),
            region: Some(endpoint.region.to_owned()),
            tenant: endpoint.tenant,
            takes_buckets: place == Some(BucketPlace::Path),
        },
        (_, Resolution::NotAws) if strip_aws_suffix(name).is_some() => Hosts::UnknownOfAws,
        (_, Resolution::NotAws) => Hosts::Other,
    }
}

/// What some host below a parent is says what all are, whatever their first labels.
fn below(parent: &str) -> Hosts {
    let with = |labels: &str| [labels, ".", parent].concat();
    // `on.aws` is none of the partitions'.
    let is_of_aws = strip_aws_suffix(&with("x")).is_some() || with("").ends_with(".on.aws");
    if !is_of_aws {
        let is_above = PARTITIONS.iter().any(|partition| {
            let mut suffixes = [partition.dns_suffix, partition.dual_stack_suffix].into_iter();
            suffixes.any(|suffix| {
                let above = suffix.strip_suffix(parent);
                above.is_some_and(|above| above.ends_with('.'))
            })
        });
        return match is_above {
            true => Hosts::Many,
            false => Hosts::Other,
        };
    }
    match bucket_place(&with("x")) {
        Some(BucketPlace::Host(_)) => return Hosts::Buckets,
        Some(BucketPlace::AccessPoint(_)) => return Hosts::AccessPoints,
        _ => {}
    }
    for labels in ["sqs", "sqs.eu-west-1", "vpce-1.sqs", "vpce-1.sqs.eu-west-1"] {
        if matches!(of_name(&with(labels)), Hosts::Signed { service, .. } if service == "sqs")
            // `*.sqs.<region>.vpce` is of one service.
            && !parent.split('.').any(|label| label == "sqs")
        {
            return Hosts::Many;
        }
    }
    // The forms of S3 that stand apart from all others: dual-stack, and through a VPC endpoint.
    for labels in ["s3", "bucket.vpce-1"] {
        if bucket_place(&with(labels)) == Some(BucketPlace::Path) {
            return Hosts::Buckets;
        }
    }
    for labels in ANY {
        match of_name(&with(labels)) {
            Hosts::UnknownOfAws | Hosts::Other => {}
            Hosts::Signed {
                service,
                region,
                tenant,
                takes_buckets,
            } => {
                // The region that stands in the parent, and no other.
                let region = region.filter(|region| parent.split('.').any(|label| label == region));
                return Hosts::Signed {
                    service,
                    region,
                    tenant,
                    takes_buckets,
                };
            }
            other => return other,
        }
    }
    Hosts::UnknownOfAws
}

/// Labels with one of which any parent that has signed hosts has one.
const ANY: &[&str] = &[
    "x",
    "x.y",
    "x.eu-west-1",
    "x.y.eu-west-1",
    "vpce-1",
    "x.y.z",
    "x.lambda-url.eu-west-1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &str) {
        let found = match hosts_of(pattern) {
            Hosts::Loopback => "loopback".to_owned(),
            Hosts::Bucket(name) => format!("bucket {name}"),
            Hosts::Buckets => "buckets".to_owned(),
            Hosts::AccessPoints => "access points".to_owned(),
            Hosts::Many => "many".to_owned(),
            Hosts::UnknownOfAws => "unknown".to_owned(),
            Hosts::Other => "other".to_owned(),
            Hosts::Signed {
                service,
                region,
                tenant,
                takes_buckets,
            } => format!(
                "{service}/{}{}{}",
                region.unwrap_or("?".to_owned()),
                if tenant { " of customers" } else { "" },
                if takes_buckets { " with buckets" } else { "" },
            ),
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
