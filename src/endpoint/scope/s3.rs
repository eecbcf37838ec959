//! The hosts of S3's signing names, for requests that came without one.
//!
//! Only what a request certainly is gets a host: a bucket of the wrong one could be a stranger's.

use super::{Asked, Destination, ScopeError};
use crate::endpoint::Host;

/// The host of a request that signs for one of S3's; `None` where it is a plain S3 request or no
/// request of S3's. `end` is `<region>.<suffix>`.
pub(super) fn destination<'a>(
    service: &str,
    end: &str,
    asked: Asked<'a>,
) -> Option<Result<Destination<'a>, ScopeError>> {
    let control = asked.path.starts_with(CONTROL_API);
    Some(match service {
        // "Amazon S3 endpoints and quotas" in the General Reference: <account>.s3-control.
        "s3" => match asked.account.filter(|_| control)? {
            account if is_account(account) => at(&format!("{account}.s3-control.{end}"), None),
            _ => Err(ScopeError::Ambiguous),
        },
        // An object's request names its access point and Outpost in the host alone.
        "s3-outposts" if control || asked.path.starts_with("/S3Outposts/") => {
            at(&format!("s3-outposts.{end}"), None)
        }
        // "WriteGetObjectResponse" in the S3 API reference: the route stands before the host. Any
        // other request names its access point there.
        "s3-object-lambda" if asked.path == "/WriteGetObjectResponse" => match asked.route {
            Some(route) => at(&format!("{route}.s3-object-lambda.{end}"), None),
            None => Err(ScopeError::Ambiguous),
        },
        "s3-outposts" | "s3-object-lambda" => Err(ScopeError::Ambiguous),
        "s3express" => express(end, asked),
        _ => return None,
    })
}

/// The path of every operation of S3 Control (its service model).
const CONTROL_API: &str = "/v20180820/";

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn at<'a>(name: &str, path: Option<&'a str>) -> Result<Destination<'a>, ScopeError> {
    let host = Host::parse(name.as_bytes()).map_err(|_| ScopeError::Ambiguous)?;
    Ok(Destination { host, path })
}

/// "Regional and Zonal endpoints for directory buckets" in the S3 User Guide: the regional endpoint
/// takes path style alone, a zonal one the bucket in its name alone. SDKs that are given an endpoint
/// of an IP address use path style for both.
fn express<'a>(end: &str, asked: Asked<'a>) -> Result<Destination<'a>, ScopeError> {
    let regional = || at(&format!("s3express-control.{end}"), None);
    // ListDirectoryBuckets, and S3 Control's operations for access points of directory buckets.
    if asked.path == "/" || asked.path.starts_with(CONTROL_API) {
        return regional();
    }
    let inside = asked.path.strip_prefix('/').unwrap_or_default();
    let bucket = inside.split('/').next().unwrap_or_default();
    let zone = zone(bucket).ok_or(ScopeError::Ambiguous)?;
    let below = inside.strip_prefix(bucket).unwrap_or_default();
    if matches!(below, "" | "/") {
        if asked.method == "GET" && parameters(asked.query).any(|name| name == "session") {
            return Err(ScopeError::ExpressSession);
        }
        if is_regional(asked) {
            return regional();
        }
    }
    let path = if below.is_empty() { "/" } else { below };
    at(&format!("{bucket}.s3express-{zone}.{end}"), Some(path))
}

/// The zone in the name of a directory bucket, `<name>--<zone>--x-s3`, or of an access point for
/// one, `<name>--<zone>--xa-s3` ("Directory bucket naming rules" in the S3 User Guide).
fn zone(bucket: &str) -> Option<&str> {
    let name = bucket
        .strip_suffix("--x-s3")
        .or_else(|| bucket.strip_suffix("--xa-s3"))?;
    let (_, zone) = name.rsplit_once("--")?;
    let of_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.bytes().all(of_name).then_some(zone)
}

/// Whether a request for a bucket itself is one that AWS's regional endpoint takes.
fn is_regional(asked: Asked<'_>) -> bool {
    let mut names = parameters(asked.query);
    match names.next() {
        // CreateBucket, DeleteBucket.
        None => matches!(asked.method, "PUT" | "DELETE"),
        Some(first) => {
            let mut all = std::iter::once(first).chain(names);
            all.any(|name| REGIONAL.contains(&name))
        }
    }
}

/// The names in a query. `x-id` is the operation's name, which some SDKs add.
fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query
        .split('&')
        .filter_map(|piece| piece.split('=').next())
        .filter(|name| !matches!(*name, "" | "x-id"))
}

/// The subresources of a bucket whose operations botocore sends to the regional endpoint
/// (`UseS3ExpressControlEndpoint` in the service model of S3).
const REGIONAL: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "tagging",
    "versioning",
    "website",
];
