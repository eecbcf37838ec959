//! Which buckets a request names, in any form that S3 takes, and the patterns that a policy has for them.
//!
//! A request names a bucket in its host or path, the source of a copy in a header, and in path and query what an
//! operation of S3 Control is about. Where a form can be read in two ways, both names count. What bodies name is not seen.
//!
//! Sources: "General purpose bucket naming rules", "Directory bucket naming rules" and "Access points" in the Amazon S3
//! User Guide; CopyObject, UploadPartCopy, RenameObject and the operations of S3 Control in the API Reference, whose paths,
//! queries and headers are those of botocore's models (`s3`, `s3control`).

mod pattern;
mod read;
mod suffix;

pub use pattern::{Patterns, covers, fits, is_legacy, is_pattern};

use crate::endpoint::BucketPlace;
use crate::headers::{self, Header};
use read::{Segments, Unreadable, parameters};
use std::borrow::Cow;
pub use suffix::is_alias;
use suffix::{DIRECTORY_BUCKET, EXPRESS_ALIAS};

/// One thing of S3's that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A bucket.
    Bucket(Cow<'a, str>),
    /// An access point by its alias, which stands in the place of a bucket's name and hides it.
    Alias(Cow<'a, str>),
    /// An access point by the host that the request is for, which hides the bucket.
    AccessPointHost,
    /// An access point by its name or ARN, which hides the bucket.
    AccessPoint,
    /// Something in the place of a bucket's name that is none.
    Unreadable,
}

/// What a name stands for in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What it is for.
    Target,
    /// What it copies from, and the service that has it, where the name shows that: the host may be another's.
    Source(Option<&'static str>),
}

/// What of a request can name a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The host's name, in lower case and without its port.
    pub host: &'a str,
    /// The method.
    pub method: &'a [u8],
    /// Path and query; empty where there are none.
    pub target: &'a [u8],
    /// All headers.
    pub headers: &'a [Header<'a>],
}

/// Calls `each` with what a request names, the bucket that it is for first. ListBuckets and most of S3 Control name
/// nothing, a copy two. `place` is where the host has the bucket: see [`crate::endpoint::bucket_place`].
pub fn each_named<'a>(
    request: Request<'a>,
    place: BucketPlace<'a>,
    mut each: impl FnMut(Part, Named<'a>),
) {
    each_target(request, place, &mut |named| each(Part::Target, named));
    let mut source = |service, named| each(Part::Source(service), named);
    for value in headers::values(request.headers, COPY_SOURCE) {
        each_source(value, &mut source);
    }
    // Clients that presign a request move headers into its query.
    let (_, query) = read::split(request.target, b'?');
    for (name, value) in parameters(query) {
        if name.is_ok_and(|name| name.eq_ignore_ascii_case(COPY_SOURCE)) {
            each_source(value, &mut source);
        }
    }
    // A rename's source is a key of the same bucket. What begins with a directory bucket's name can be read as in a copy.
    for value in headers::values(request.headers, "x-amz-rename-source") {
        each_source(value, &mut |service, named| {
            if matches!(&named, Named::Bucket(name) if name.ends_with(DIRECTORY_BUCKET)) {
                source(service, named);
            }
        });
    }
}

/// The bucket, or the access point's alias, that a request is for, where it is named, or the first of several; [`UNKNOWN`]
/// where it names what is neither. `None`: it names nothing, or an access point by its host. `place` is as in
/// [`each_named`].
pub fn of_target<'a>(request: Request<'a>, place: BucketPlace<'a>) -> Option<Cow<'a, str>> {
    let mut found = None;
    let mut is_unknown = false;
    each_target(request, place, &mut |named| match named {
        Named::Bucket(name) | Named::Alias(name) => {
            found.get_or_insert(name);
        }
        Named::AccessPoint | Named::Unreadable => is_unknown = true,
        Named::AccessPointHost => {}
    });
    found.or_else(|| is_unknown.then_some(Cow::Borrowed(UNKNOWN)))
}

/// In the place of a bucket that is not known. No bucket's name has this character.
pub const UNKNOWN: &str = "?";

/// Calls `target` with what a request is for.
fn each_target<'a>(
    request: Request<'a>,
    place: BucketPlace<'a>,
    mut target: &mut dyn FnMut(Named<'a>),
) {
    let (path, query) = read::split(request.target, b'?');
    match place {
        BucketPlace::Host(name) => target(Named::of_text(Cow::Borrowed(name))),
        BucketPlace::Path | BucketPlace::PathOrControl => {
            let mut segments = Segments::of(path);
            match segments.next() {
                Some(Ok(first)) if place == BucketPlace::PathOrControl && first == CONTROL_API => {
                    of_control(segments, query, &mut target);
                }
                Some(first) => target(Named::of_first(first, &mut segments)),
                None => {}
            }
        }
        BucketPlace::Control => {
            let mut segments = Segments::of(path);
            // The API of Outposts' endpoints has a path of its own, and no buckets.
            if segments
                .next()
                .is_some_and(|first| first.as_deref() != Ok("S3Outposts"))
            {
                of_control(segments, query, &mut target);
            }
        }
        BucketPlace::AccessPoint(_) if is_answer_of_a_function(request) => {}
        BucketPlace::AccessPoint(name) => {
            target(match Named::of_access_point(Cow::Borrowed(name)) {
                Named::AccessPoint => Named::AccessPointHost,
                alias => alias,
            })
        }
    }
}

const COPY_SOURCE: &str = "x-amz-copy-source";

/// `<bucket>/<key>` or an ARN, percent-encoded in any part, with and without a slash before it and `?versionId=` behind.
fn each_source<'a>(source: &'a [u8], each: &mut dyn FnMut(Option<&'static str>, Named<'a>)) {
    let (source, _) = read::split(source.trim_ascii(), b'?');
    let mut segments = Segments::of(source);
    if let Some(first) = segments.next() {
        // What cannot be read is no name that S3 Express has.
        let service = first.as_deref().map_or(Some("s3"), service_of);
        each(service, Named::of_first(first, &mut segments));
    }
}

/// The service that has what a name or an ARN stands for; `None` where it is another than S3 and S3 Express.
#[inline(never)]
pub fn service_of(name: &str) -> Option<&'static str> {
    let of_arn = is_arn(name).then(|| name.split(':').nth(2)).flatten();
    let ends = |end| name.ends_with(end);
    match of_arn {
        _ if ends(DIRECTORY_BUCKET) || ends(EXPRESS_ALIAS) => Some("s3express"),
        _ if ends("--op-s3") => None,
        None | Some("s3") => Some("s3"),
        Some("s3express") => Some("s3express"),
        Some(_) => None,
    }
}

fn is_arn(text: &str) -> bool {
    let start = text.get(..4);
    start.is_some_and(|start| start.eq_ignore_ascii_case("arn:"))
}

/// What stands behind the account in an ARN of S3 Express.
fn kind_of_express_arn(name: &str) -> Option<&str> {
    let mut parts = name.splitn(6, ':').skip(2);
    let is_express = is_arn(name) && parts.next() == Some("s3express");
    is_express.then(|| parts.nth(2).unwrap_or_default())
}

/// The first segment of the path of every operation of S3 Control.
const CONTROL_API: &str = "v20180820";

/// What an operation of S3 Control is about: `segments` are those behind the first.
fn of_control<'a>(mut segments: Segments<'a>, query: &'a [u8], mut each: impl FnMut(Named<'a>)) {
    let resource = segments.next();
    match resource.as_ref().map(|resource| resource.as_deref()) {
        Some(Ok("bucket")) => match segments.next() {
            // The ARN of a bucket on Outposts: `...:outpost/<id>/bucket/<name>`.
            Some(Ok(arn)) if arn.ends_with(":outpost") => {
                let kind = segments.nth(1);
                let name = segments
                    .next()
                    .filter(|_| matches!(&kind, Some(Ok(kind)) if kind == "bucket"));
                each(name.map_or(Named::AccessPoint, Named::of_segment));
            }
            Some(segment) => each(Named::of_segment(segment)),
            None => {}
        },
        Some(Ok(kind @ ("accesspoint" | "accesspointforobjectlambda" | "mrap"))) => {
            // `mrap/instances/<name>`.
            let place = usize::from(kind == "mrap");
            if let Some(segment) = segments.nth(place) {
                each(segment.map_or(Named::Unreadable, Named::of_access_point));
            }
        }
        // Multi-Region Access Points are created and changed here: bodies name them and their buckets.
        Some(Ok("async-requests")) => each(Named::AccessPoint),
        Some(Ok("tags")) => {
            if let Some(segment) = segments.next() {
                let named = match segment {
                    Ok(arn) if service_of(&arn) != Some("s3express") => Named::of_arn(arn),
                    segment => Some(Named::of_first(segment, &mut segments)),
                };
                named.into_iter().for_each(&mut each);
            }
        }
        Some(Ok(resource)) if WITHOUT_BUCKET.contains(&resource) => {}
        Some(_) => each(Named::Unreadable),
        None => {}
    }
    for (name, value) in parameters(query) {
        if name.is_ok_and(|name| OF_BUCKETS.contains(&&*name)) {
            let mut segments = Segments::of(value);
            let mut first = segments.next();
            if matches!(&first, Some(Ok(scheme)) if scheme.eq_ignore_ascii_case("s3:")) {
                // `s3://` alone is every bucket.
                first = Some(segments.next().unwrap_or(Err(Unreadable)));
            }
            if let Some(first) = first {
                each(Named::of_segment(first));
            }
        }
    }
}

/// Resources of S3 Control whose paths name no bucket, nor what hides one.
const WITHOUT_BUCKET: &[&str] = &[
    "accessgrantsinstance",
    "accessgrantsinstances",
    "accesspointfordirectory",
    "configuration",
    "jobs",
    "storagelens",
    "storagelensgroup",
];

/// Parameters of S3 Control that name a bucket, or `s3://<bucket>/...`: those of ListAccessPoints,
/// ListAccessPointsForDirectoryBuckets, GetDataAccess, GetAccessGrantsInstanceForPrefix and the lists of grants.
const OF_BUCKETS: &[&str] = &[
    "bucket",
    "directoryBucket",
    "grantscope",
    "locationscope",
    "s3prefix",
    "target",
];

/// WriteGetObjectResponse: what a function of Object Lambda answers goes to the host of a request, not of a bucket.
fn is_answer_of_a_function(request: Request<'_>) -> bool {
    request.method == b"POST"
        && request.target == b"/WriteGetObjectResponse"
        && request.host.contains(".s3-object-lambda")
}

impl<'a> Named<'a> {
    /// What the first segment of a path or of a copy's source names. An ARN of S3 Express has the name in the second:
    /// `arn:aws:s3express:<region>:<account>:bucket/<bucket>`, or `...:accesspoint/<name>`.
    #[inline(never)]
    fn of_first(first: Result<Cow<'a, str>, Unreadable>, segments: &mut Segments<'a>) -> Self {
        match first.as_deref().ok().and_then(kind_of_express_arn) {
            None => Self::of_segment(first),
            Some("bucket") => segments.next().map_or(Self::AccessPoint, Self::of_segment),
            Some("accesspoint") => match segments.next() {
                Some(Ok(name)) => Self::of_access_point(name),
                _ => Self::AccessPoint,
            },
            Some(_) => Self::Unreadable,
        }
    }

    fn of_segment(segment: Result<Cow<'a, str>, Unreadable>) -> Self {
        segment.map_or(Self::Unreadable, Self::of_text)
    }

    /// What stands where a bucket's name does.
    fn of_text(text: Cow<'a, str>) -> Self {
        if is_arn(&text) {
            return Self::of_arn(text).unwrap_or(Self::AccessPoint);
        }
        // Dots alone are read as a bucket by S3, and as a way through the path by others.
        let is_name = text.len() <= pattern::MAX_LENGTH
            && text.bytes().all(pattern::is_name_byte)
            && !text.bytes().all(|byte| byte == b'.');
        match is_name {
            true if is_alias(&text) => Self::Alias(text),
            true => Self::Bucket(text),
            false => Self::Unreadable,
        }
    }

    fn of_access_point(name: Cow<'a, str>) -> Self {
        match Self::of_text(name) {
            Self::Alias(alias) => Self::Alias(alias),
            _ => Self::AccessPoint,
        }
    }

    /// An ARN up to its first slash; `None` where it is of neither a bucket nor an access point.
    fn of_arn(arn: Cow<'a, str>) -> Option<Self> {
        let mut rest = arn.as_bytes();
        let mut part = || {
            let (part, behind) = read::split(rest, b':');
            rest = behind;
            std::str::from_utf8(part).unwrap_or_default()
        };
        let (_arn, _partition, service) = (part(), part(), part());
        let (region, account) = (part(), part());
        let (kind, alias, of_outpost, name) = (part(), part(), part(), part());
        let has_owner = !region.is_empty() || !account.is_empty();
        let is_other =
            ["access-grants", "job", "storage-lens", "storage-lens-group"].contains(&kind);
        match service {
            // arn:aws:s3:::<bucket>
            "s3" if !has_owner => Some(Self::of_text(Cow::Owned(kind.to_owned()))),
            "s3" if is_other => None,
            // arn:aws:s3-outposts:<region>:<account>:outpost:<id>:bucket:<name>
            "s3-outposts" if of_outpost == "bucket" => {
                Some(Self::of_text(Cow::Owned(name.to_owned())))
            }
            // arn:aws:s3::<account>:accesspoint:<alias>
            _ => Some(Self::of_access_point(Cow::Owned(alias.to_owned()))),
        }
    }

    /// Whether the bucket is not known.
    pub fn hides_its_bucket(&self) -> bool {
        !matches!(self, Self::Bucket(_))
    }

    /// The same, for as long as it is wanted.
    pub fn into_owned(self) -> Named<'static> {
        match self {
            Self::Bucket(name) => Named::Bucket(Cow::Owned(name.into_owned())),
            Self::Alias(name) => Named::Alias(Cow::Owned(name.into_owned())),
            Self::AccessPointHost => Named::AccessPointHost,
            Self::AccessPoint => Named::AccessPoint,
            Self::Unreadable => Named::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests;
