//! Where a host of S3's has the bucket's name: in its own labels, in the path, or nowhere.
//!
//! Sources, in the Amazon S3 User Guide: "Virtual hosting of general purpose buckets" (virtual-hosted and path style),
//! "Access points", "Making requests through a Multi-Region Access Point", "AWS PrivateLink for Amazon S3", "Website
//! endpoints"; and those of [`super::s3`].

use super::partition::{self, is_place, is_region};

/// Where the name of the bucket is that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketPlace<'a> {
    /// Here: virtual-hosted style. It can be an access point's alias, which stands where a bucket's name does.
    Host(&'a str),
    /// In the path's first segment.
    Path,
    /// The same, but where the path is that of an operation of S3 Control, which S3 Express takes at the same hosts.
    PathOrControl,
    /// Nowhere: an access point's name, or its alias, stands here.
    AccessPoint(&'a str),
    /// In what an operation of S3 Control names.
    Control,
}

/// Where a host of S3's has the bucket's name, website endpoints included; `None` for any other host. `name` is in lower
/// case and without port.
pub fn bucket_place(name: &str) -> Option<BucketPlace<'_>> {
    let labels = partition::split(name)?.labels;
    if let Some(labels) = labels.strip_suffix(".vpce") {
        return through_vpc_endpoint(labels);
    }
    let (left, last) = split_last(labels);
    if is_place(last) {
        return of_kind(left);
    }
    // Without a region in a label of its own: see `s3::resolve`.
    match last {
        "s3" | "s3-external-1" => return Some(of_bucket(left)),
        "s3-global" => return Some(access_point(left.strip_suffix(".accesspoint")?)),
        _ => {}
    }
    if let Some(rest) = last.strip_prefix("s3-") {
        let rest = rest.strip_prefix("fips-").unwrap_or(rest);
        let rest = rest.strip_prefix("website-").unwrap_or(rest);
        if is_region(rest) {
            return Some(of_bucket(left));
        }
    }
    let (left, last) = split_last(labels.strip_suffix(".dualstack").unwrap_or(labels));
    (last == "s3-accelerate").then(|| of_bucket(left))
}

/// `[<name>.]<kind>[-fips][.dualstack]`, right of which the region stands.
fn of_kind(labels: &str) -> Option<BucketPlace<'_>> {
    let labels = labels.strip_suffix(".dualstack").unwrap_or(labels);
    let (left, kind) = split_last(labels);
    match kind.strip_suffix("-fips").unwrap_or(kind) {
        "s3" | "s3-accelerate" | "s3-website" => Some(of_bucket(left)),
        "s3-accesspoint" | "s3-object-lambda" => Some(access_point(left)),
        // Access points of Outposts have the Outpost's label too; without one it is their API.
        "s3-outposts" if left.is_empty() => Some(BucketPlace::Control),
        "s3-outposts" => Some(access_point(left)),
        "s3-control" => Some(BucketPlace::Control),
        // s3express-control, and per zone s3express-<zone> and s3express-fips-<zone>.
        zone if zone.starts_with("s3express-") => Some(match of_bucket(left) {
            BucketPlace::Path => BucketPlace::PathOrControl,
            // Some SDKs put the account before S3 Control's operations.
            BucketPlace::Host(name) if zone == "s3express-control" && is_account(name) => {
                BucketPlace::PathOrControl
            }
            other => other,
        }),
        _ => None,
    }
}

fn is_account(label: &str) -> bool {
    label.len() == 12 && label.parse::<u64>().is_ok()
}

/// `[[<name>.]<kind>.]vpce-<id>.<service>.<region>`.
fn through_vpc_endpoint(labels: &str) -> Option<BucketPlace<'_>> {
    let (rest, _) = labels.rsplit_once('.')?;
    let (before, id) = rest.split_at_checked(rest.rfind("vpce-")?)?;
    let (_, service) = id.split_once('.')?;
    let before = before.strip_suffix('.').unwrap_or(before);
    if service != "s3" {
        return of_kind(service).filter(|_| before.is_empty());
    }
    let (left, kind) = split_last(before);
    match kind {
        "bucket" => Some(of_bucket(left)),
        "accesspoint" => Some(access_point(left)),
        "control" => Some(BucketPlace::Control),
        "" => Some(BucketPlace::Path),
        _ => None,
    }
}

fn of_bucket(name: &str) -> BucketPlace<'_> {
    match name {
        "" => BucketPlace::Path,
        name => BucketPlace::Host(name),
    }
}

fn access_point(name: &str) -> BucketPlace<'_> {
    BucketPlace::AccessPoint(name)
}

fn split_last(labels: &str) -> (&str, &str) {
    labels.rsplit_once('.').unwrap_or(("", labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Host, Resolution, resolve};
    use crate::sigv4::PathStyle;

    #[track_caller]
    fn check(host: &str, expected: Option<BucketPlace<'_>>) {
        assert_eq!(bucket_place(host), expected, "{host}");
    }

    #[test]
    fn a_bucket_stands_left_of_s3s_own_labels() {
        for end in [
            "s3.eu-west-1.amazonaws.com",
            "s3.dualstack.eu-west-1.amazonaws.com",
            "s3-fips.us-east-1.amazonaws.com",
            "s3-fips.dualstack.us-east-1.amazonaws.com",
            "s3-eu-west-1.amazonaws.com",
            "s3-fips-us-gov-west-1.amazonaws.com",
            "s3.amazonaws.com",
            "s3-external-1.amazonaws.com",
            "s3.eu-west-1.api.aws",
            "s3.aws-global.amazonaws.com",
            "s3.cn-north-1.amazonaws.com.cn",
            "s3.us-iso-east-1.c2s.ic.gov",
            "s3.eusc-de-east-1.amazonaws.eu",
            "s3-website-eu-west-1.amazonaws.com",
            "s3-website.eu-central-1.amazonaws.com",
            "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
            "bucket.vpce-1a2b3c4d-5e6f-us-east-1a.s3.us-east-1.vpce.amazonaws.com",
        ] {
            check(end, Some(BucketPlace::Path));
            for bucket in [
                "secret",
                "my.dotted.bucket",
                "s3.eu-west-1",
                "bucket",
                "a.s3",
                "vpce-1",
            ] {
                let host = format!("{bucket}.{end}");
                check(&host, Some(BucketPlace::Host(bucket)));
            }
        }
        for end in [
            "s3-accelerate.amazonaws.com",
            "s3-accelerate.dualstack.amazonaws.com",
            "s3express-euw1-az1.eu-west-1.amazonaws.com",
            "s3express-euw1-az1.dualstack.eu-west-1.amazonaws.com",
            "s3express-fips-use1-az4.us-east-1.amazonaws.com",
            "s3express-control.us-west-2.amazonaws.com",
        ] {
            check(&format!("secret.{end}"), Some(BucketPlace::Host("secret")));
        }
    }

    #[test]
    fn what_is_no_bucket_is_told_apart() {
        let point = |name| Some(BucketPlace::AccessPoint(name));
        let control = Some(BucketPlace::Control);
        check(
            "my-ap-1.s3-accesspoint.us-west-2.amazonaws.com",
            point("my-ap-1"),
        );
        check(
            "my-ap-1.s3-accesspoint-fips.dualstack.us-gov-west-1.amazonaws.com",
            point("my-ap-1"),
        );
        check(
            "my-olap-1.s3-object-lambda.us-east-1.amazonaws.com",
            point("my-olap-1"),
        );
        check(
            "ap-1.op-01ac.s3-outposts.us-west-2.amazonaws.com",
            point("ap-1.op-01ac"),
        );
        check(
            "mfzwi.mrap.accesspoint.s3-global.amazonaws.com",
            point("mfzwi.mrap"),
        );
        check(
            "ap-1.accesspoint.vpce-1a.s3.us-east-1.vpce.amazonaws.com",
            point("ap-1"),
        );
        check("123456789012.s3-control.us-west-2.amazonaws.com", control);
        check(
            "123456789012.s3-control-fips.dualstack.us-west-2.amazonaws.com",
            control,
        );
        check("s3-control.us-west-2.amazonaws.com", control);
        check("control.vpce-1a.s3.us-east-1.vpce.amazonaws.com", control);
        check(
            "123456789012.control.vpce-1a.s3.us-east-1.vpce.amazonaws.com",
            control,
        );
        check("s3-outposts.us-west-2.amazonaws.com", control);
        for host in [
            "s3express-control.us-west-2.amazonaws.com",
            "s3express-control-fips.us-east-1.amazonaws.com",
            "123456789012.s3express-control.us-west-2.amazonaws.com",
            "s3express-euw1-az1.eu-west-1.amazonaws.com",
            "s3express-euw1-az1.dualstack.eu-west-1.amazonaws.com",
            "s3express-fips-use1-az4.us-east-1.amazonaws.com",
        ] {
            check(host, Some(BucketPlace::PathOrControl));
        }
        check(
            "vpce-1a.s3.us-east-1.vpce.amazonaws.com",
            Some(BucketPlace::Path),
        );
        for other in [
            "sqs.eu-west-1.amazonaws.com",
            "s3tables.us-east-1.amazonaws.com",
            "vpce-1a.s3tables.us-east-1.vpce.amazonaws.com",
            "secret.s3.eu-west-1.amazonaws.com.example.org",
            "accesspoint.s3-global.amazonaws.com",
            "example.org",
            "s3.com",
        ] {
            check(other, None);
        }
    }

    /// Nothing that signs as S3 is passed over: each such host of botocore's, and of AWS's documentation.
    #[test]
    fn every_host_that_signs_as_s3_has_a_place() {
        let mut hosts = Vec::new();
        for line in include_str!("../../tests/data/botocore-hosts.txt").lines() {
            let mut words = line.split(' ');
            let labels = words.next().unwrap_or_default();
            if labels.contains("s3") && !labels.starts_with('#') {
                hosts.push(labels.to_owned());
                for suffix in [
                    "eu-west-1.amazonaws.com",
                    "cn-north-1.amazonaws.com.cn",
                    "us-east-1.api.aws",
                ] {
                    hosts.push(format!("{labels}.{suffix}"));
                }
            }
        }
        let documented = include_str!("../../tests/data/documented-hosts.txt").lines();
        let independent = include_str!("../../tests/data/independent-hosts.tsv").lines();
        let first = |line: &str| {
            line.split([' ', '\t'])
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        hosts.extend(documented.chain(independent).map(first));
        let mut found = 0;
        for name in hosts {
            let Ok(host) = Host::parse(name.as_bytes()) else {
                continue;
            };
            if let Resolution::Aws(endpoint) = resolve(&host, "eu-west-1") {
                let is_s3 = endpoint.path_style == PathStyle::S3;
                found += usize::from(is_s3);
                assert_eq!(bucket_place(host.name()).is_some(), is_s3, "{name}");
            }
        }
        assert!(found > 80, "{found}");
    }
}
