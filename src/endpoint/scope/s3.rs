//! The hosts of S3's signing names, for requests that came without one.
//!
//! Only what a request certainly is gets a host: a bucket of the wrong one could be a stranger's.

use super::lookup::{Asked, Destination, ScopeError};
use crate::endpoint::host::Host;

/// The host of a request that signs for one of S3's; `None` where it is a plain S3 request or no
/// request of S3's. `end` is `<region>.<suffix>`.
pub(super) fn destination<'a>(
    service: &str,
    end: &str,
    asked: Asked<'a>,
) -> Option<Result<Destination<'a>, ScopeError>> {
    let control = asked.path.starts_with(CONTROL_API);
    let host = match service {
        // "Amazon S3 endpoints and quotas" in the General Reference: <account>.s3-control.
        "s3" => match asked.account.filter(|_| control)? {
            account if is_account(account) => at(&[account, ".s3-control.", end]),
            _ => None,
        },
        // An object's request names its access point and Outpost in the host alone.
        "s3-outposts" if control || asked.path.starts_with("/S3Outposts/") => {
            at(&["s3-outposts.", end])
        }
        // "WriteGetObjectResponse" in the S3 API reference: the route stands before the host. Any
        // other request names its access point there.
        "s3-object-lambda" if asked.path == "/WriteGetObjectResponse" => asked
            .route
            .and_then(|route| at(&[route, ".s3-object-lambda.", end])),
        "s3-outposts" | "s3-object-lambda" => None,
        "s3express" => return Some(express(end, asked)),
        _ => return None,
    };
    let found = host.map(|host| Destination { host, path: None });
    Some(found.ok_or(ScopeError::Ambiguous))
}

/// The path of every operation of S3 Control (its service model).
const CONTROL_API: &str = "/v20180820/";

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// `None` where a part is none of a host's name.
fn at(name: &[&str]) -> Option<Host> {
    Host::parse(name.concat().as_bytes()).ok()
}

/// "Regional and Zonal endpoints for directory buckets" in the S3 User Guide: the regional endpoint
/// takes path style alone, a zonal one the bucket in its name alone. SDKs that are given an endpoint
/// of an IP address use path style for both.
fn express<'a>(end: &str, asked: Asked<'a>) -> Result<Destination<'a>, ScopeError> {
    let inside = asked.path.strip_prefix('/').unwrap_or_default();
    let (bucket, key) = match inside.split_once('/') {
        Some((bucket, _)) => (bucket, inside.get(bucket.len()..)),
        None => (inside, None),
    };
    let of_bucket = matches!(key, None | Some("/"));
    let zone = zone(bucket);
    // ListDirectoryBuckets, and S3 Control's operations for access points of directory buckets.
    let mut regional = asked.path == "/" || asked.path.starts_with(CONTROL_API);
    if of_bucket && zone.is_some() {
        if asked.method == "GET" && parameters(asked.query).any(|name| name == "session") {
            return Err(ScopeError::ExpressSession);
        }
        regional = is_regional(asked);
    }
    let (host, path) = match zone {
        _ if regional => (at(&["s3express-control.", end]), None),
        Some(zone) => (
            at(&[bucket, ".s3express-", zone, ".", end]),
            Some(key.unwrap_or("/")),
        ),
        None => (None, None),
    };
    let host = host.ok_or(ScopeError::Ambiguous)?;
    Ok(Destination { host, path })
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
    let creates_or_deletes = matches!(asked.method, "PUT" | "DELETE");
    let mut is_bare = true;
    let names_one = parameters(asked.query).any(|name| {
        is_bare = false;
        REGIONAL.contains(&name)
    });
    names_one || (is_bare && creates_or_deletes)
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
