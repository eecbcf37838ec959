//! S3's forms. They are many, and a bucket's name can hold dots.
//!
//! Sources, all in the Amazon S3 User Guide: "Virtual hosting of general purpose buckets",
//! "Making requests over IPv6" (dual-stack), "Configuring fast, secure file transfers using Amazon
//! S3 Transfer Acceleration", "Making requests through a Multi-Region Access Point", "Accessing
//! your S3 on Outposts bucket", "Networking for directory buckets", "AWS PrivateLink for Amazon S3".

use super::partition::{Split, is_place, is_region};
use super::resolution::Endpoint;
use crate::sigv4::{Algorithm, PathStyle};

/// What a name with `s3` in it is to S3.
pub(super) enum Found<'a> {
    /// An endpoint of one of its four signing names.
    Endpoint(Endpoint<'a>),
    /// S3's, and not signed: it serves websites without looking at signatures.
    NotSigned,
    /// Not S3's.
    Other,
}

/// How a service's paths are signed: four signing names are S3's.
pub(super) fn path_style(service: &str) -> PathStyle {
    match service {
        "s3" | "s3-outposts" | "s3-object-lambda" | "s3express" => PathStyle::S3,
        _ => PathStyle::Normalised,
    }
}

/// Whether labels, without a region right of them, end as S3's do. Cheap, for every host is asked.
pub(super) fn may_be(labels: &str) -> bool {
    let labels = labels.strip_suffix(".dualstack").unwrap_or(labels);
    let last = labels.rsplit('.').next().unwrap_or(labels);
    last.starts_with("s3")
}

pub(super) fn resolve<'a>(split: Split<'a>, home_region: &'a str) -> Found<'a> {
    let labels = split.labels;
    let (before, last) = labels.rsplit_once('.').unwrap_or(("", labels));
    if is_place(last) {
        return regional(before, last, home_region);
    }
    let commercial = split.partition.region_prefix.is_empty() && !split.dual_stack;
    if last == "s3" || last == "s3-external-1" {
        return if commercial {
            found("s3", "us-east-1")
        } else {
            Found::Other
        };
    }
    if last == "s3-global" {
        return match before.strip_suffix(".accesspoint") {
            Some(alias) if !alias.is_empty() => Found::Endpoint(Endpoint {
                algorithm: Algorithm::SigV4A,
                ..endpoint("s3", "*")
            }),
            _ => Found::Other,
        };
    }
    if is_accelerate(labels) {
        return accelerate(labels, home_region);
    }
    // The legacy forms s3-<region> and s3-fips-<region>, without and with a bucket.
    match last.strip_prefix("s3-") {
        Some(rest) if is_region(rest) => found("s3", rest),
        Some(rest) => match rest.split_once('-') {
            Some(("fips", region)) if is_region(region) => found("s3", region),
            Some(("website", region)) if is_region(region) => Found::NotSigned,
            _ => Found::Other,
        },
        None => Found::Other,
    }
}

/// `[<bucket or account>.]<kind>[-fips][.dualstack].<region>`.
pub(super) fn regional<'a>(before: &'a str, region: &'a str, home_region: &'a str) -> Found<'a> {
    if is_accelerate(before) {
        return accelerate(before, home_region);
    }
    let before = before.strip_suffix(".dualstack").unwrap_or(before);
    let kind = before.rsplit_once('.').map_or(before, |(_, kind)| kind);
    match kind.strip_suffix("-fips").unwrap_or(kind) {
        "s3" | "s3-accesspoint" | "s3-control" => found("s3", region),
        "s3-outposts" => found("s3-outposts", region),
        "s3-object-lambda" => found("s3-object-lambda", region),
        "s3-website" => Found::NotSigned,
        // s3express-control and, per zone, s3express-<zone> and s3express-fips-<zone>.
        zone if zone.starts_with("s3express-") => found("s3express", region),
        _ => Found::Other,
    }
}

/// A host of S3's through an interface VPC endpoint:
/// `[<name>.]{bucket,accesspoint,control}.vpce-<id>.s3.<region>.vpce`.
pub(super) fn through_vpc_endpoint<'a>(before: &str, region: &'a str) -> Option<Endpoint<'a>> {
    let kind = before.rsplit_once('.').map_or(before, |(_, kind)| kind);
    matches!(kind, "" | "bucket" | "accesspoint" | "control").then(|| endpoint("s3", region))
}

/// Acceleration takes a bucket and says no region: the bucket's own, which a client that is set up
/// for it knows.
fn accelerate<'a>(labels: &str, home_region: &'a str) -> Found<'a> {
    if labels.starts_with("s3-accelerate") {
        Found::Other
    } else {
        found("s3", home_region)
    }
}

pub(super) fn is_accelerate(labels: &str) -> bool {
    let labels = labels.strip_suffix(".dualstack").unwrap_or(labels);
    labels.rsplit('.').next() == Some("s3-accelerate")
}

fn found<'a>(service: &'static str, region: &'a str) -> Found<'a> {
    Found::Endpoint(endpoint(service, region))
}

fn endpoint<'a>(service: &'static str, region: &'a str) -> Endpoint<'a> {
    Endpoint {
        service,
        region,
        algorithm: Algorithm::SigV4,
        path_style: PathStyle::S3,
        tenant: false,
    }
}
