use super::*;
use crate::endpoint::bucket_place;
use proptest::prelude::*;

/// What a request names, as `b:<bucket>`, `a:<alias>`, `host`, `point` and `?`, the sources of copies with `<` in front.
/// `request` is `[METHOD ]host/path`, then a header a line.
fn words(request: &str, elsewhere: Option<BucketPlace<'_>>) -> String {
    let mut lines = request.lines();
    let first = lines.next().unwrap();
    let (method, url) = first.split_once(' ').unwrap_or(("GET", first));
    let (host, _) = url.split_once('/').unwrap_or((url, ""));
    let headers: Vec<Header<'_>> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name, value.as_bytes())
        })
        .collect();
    let request = Request {
        host,
        method: method.as_bytes(),
        target: &url.as_bytes()[host.len()..],
        headers: &headers,
    };
    let mut words = Vec::new();
    let Some(place) = bucket_place(host).or(elsewhere) else {
        return String::new();
    };
    each_named(request, place, |part, named| {
        let word = match named {
            Named::Bucket(name) => format!("b:{name}"),
            Named::Alias(name) => format!("a:{name}"),
            Named::AccessPointHost => "host".to_owned(),
            Named::AccessPoint => "point".to_owned(),
            Named::Unreadable => "?".to_owned(),
        };
        words.push(match part {
            Part::Target => word,
            Part::Source(service) => format!("<{}{word}", mark(service)),
        });
    });
    words.join(" ")
}

/// What of a copy's source is none of S3's own.
fn mark(service: Option<&str>) -> &str {
    match service {
        Some("s3") => "",
        Some("s3express") => "express ",
        _ => "other ",
    }
}

#[track_caller]
fn check(request: &str, expected: &str) {
    assert_eq!(words(request, None), expected, "{request}");
}

const S3: &str = "s3.eu-west-1.amazonaws.com";
const CONTROL: &str = "123456789012.s3-control.eu-west-1.amazonaws.com";

#[test]
fn a_path_names_its_bucket_first() {
    let path = |path: &str, expected| check(&format!("{S3}{path}"), expected);
    path("", "");
    path("/", "");
    path("/?list-type=2", "");
    path("/secret", "b:secret");
    path("/secret/", "b:secret");
    path("/secret?acl", "b:secret");
    path("/secret/key/other", "b:secret");
    path("/my.Old_Name/k", "b:my.Old_Name");
    path("/x--euw1-az1--x-s3/k", "b:x--euw1-az1--x-s3");
    path("/ap-1-s3alias/k", "a:ap-1-s3alias");
    path("/ap-1--ol-s3/k", "a:ap-1--ol-s3");
    path("/ap-1--xa-s3/k", "a:ap-1--xa-s3");
    path("/ap-1--op-s3/k", "a:ap-1--op-s3");
    // To S3 a bucket; to S3 Express its control API.
    path("/v20180820/bucket/secret", "b:v20180820");
}

#[test]
fn a_path_is_decoded_as_s3_does() {
    let path = |path: &str, expected| check(&format!("{S3}{path}"), expected);
    path("/%73ecret/k", "b:secret");
    path("/secre%74", "b:secret");
    path("/%73%65%63%72%65%74?acl", "b:secret");
    path("/secret%2Fk", "b:secret");
    path("/secret%2fk", "b:secret");
    path("/%2Fsecret/k", "b:secret");
    path("//secret/k", "b:secret");
    path("///", "");
    path("/%2f%2F/", "");
    // Once, and not twice.
    path("/%2573ecret/k", "?");
    path("/secret%/k", "?");
    path("/secret%7/k", "?");
    path("/secret%zz/k", "?");
    path("/secret%00/k", "?");
    path("/secret%c3%a9/k", "?");
    path("/secret%ff/k", "?");
    path("/sec+ret/k", "?");
    path("/secret;x/k", "?");
    path("/secret\\k", "?");
    path("/secret#k", "?");
    path("/./secret/k", "?");
    path("/../secret/k", "?");
    path("/%2e%2E/secret/k", "?");
    path(&format!("/{}/k", "a".repeat(256)), "?");
}

#[test]
fn a_virtual_host_names_its_bucket_whatever_the_path() {
    for end in [
        S3,
        "s3.dualstack.eu-west-1.amazonaws.com",
        "s3-fips.dualstack.us-east-1.amazonaws.com",
        "s3-eu-west-1.amazonaws.com",
        "s3.amazonaws.com",
        "s3-external-1.amazonaws.com",
        "s3-accelerate.amazonaws.com",
        "s3-accelerate.dualstack.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
        "s3.us-iso-east-1.c2s.ic.gov",
        "s3-website-eu-west-1.amazonaws.com",
        "s3-website.eu-central-1.amazonaws.com",
        "bucket.vpce-1a-2b.s3.eu-west-1.vpce.amazonaws.com",
        "s3express-euw1-az1.eu-west-1.amazonaws.com",
    ] {
        for path in ["", "/", "/other/k", "/v20180820/bucket/other", "/?acl"] {
            check(&format!("secret.{end}{path}"), "b:secret");
            check(&format!("my.secret.{end}{path}"), "b:my.secret");
            check(&format!("ap-1-s3alias.{end}{path}"), "a:ap-1-s3alias");
        }
    }
}

#[test]
fn an_access_point_hides_its_bucket() {
    check("a-1.s3-accesspoint.eu-west-1.amazonaws.com/k", "host");
    check(
        "a-1.s3-accesspoint-fips.dualstack.eu-west-1.amazonaws.com/k",
        "host",
    );
    check(
        "a-1.accesspoint.vpce-1a.s3.eu-west-1.vpce.amazonaws.com/k",
        "host",
    );
    check("a-1.s3-object-lambda.eu-west-1.amazonaws.com/k", "host");
    check("a-1.op-01.s3-outposts.eu-west-1.amazonaws.com/k", "host");
    check("m.mrap.accesspoint.s3-global.amazonaws.com/k", "a:m.mrap");
    check(
        "ap--euw1-az1--xa-s3.s3express-euw1-az1.eu-west-1.amazonaws.com/k",
        "a:ap--euw1-az1--xa-s3",
    );
    check(
        &format!("{S3}/arn%3Aaws%3As3%3Aeu-west-1%3A1%3Aaccesspoint%2Fa/k"),
        "point",
    );
    // What a function answers is for a request, not for a bucket.
    let answer = "io-1.s3-object-lambda.eu-west-1.amazonaws.com/WriteGetObjectResponse";
    check(&format!("POST {answer}"), "");
    check(answer, "host");
    check(&format!("POST {answer}?x"), "host");
    check(
        "POST a-1.s3-accesspoint.eu-west-1.amazonaws.com/WriteGetObjectResponse",
        "host",
    );
}

#[test]
fn a_copy_names_its_source_too() {
    let copy = |source: &str, expected: &str| {
        let request = format!("PUT {S3}/dest/k\nx-amz-copy-source: {source}");
        let expected = ["b:dest", expected].join(" ");
        check(&request, expected.trim_end());
    };
    copy("secret/k", "<b:secret");
    copy("/secret/k", "<b:secret");
    copy("//secret/k", "<b:secret");
    copy(" secret/k", "<b:secret");
    copy("secret%2Fk", "<b:secret");
    copy("%2Fsecret%2Fk", "<b:secret");
    copy("%73ecret/k", "<b:secret");
    copy("secret/k?versionId=1", "<b:secret");
    copy("secret%2Fk%3FversionId=1", "<b:secret");
    copy("secret?versionId=1", "<b:secret");
    copy("x--euw1-az1--x-s3/k", "<express b:x--euw1-az1--x-s3");
    copy("%78--euw1-az1--x-s%33%2fk", "<express b:x--euw1-az1--x-s3");
    copy("ap--euw1-az1--xa-s3/k", "<express a:ap--euw1-az1--xa-s3");
    let express = "arn:aws:s3express:eu-west-1:123456789012";
    copy(
        &format!("{express}:bucket/x--euw1-az1--x-s3/k"),
        "<express b:x--euw1-az1--x-s3",
    );
    copy(
        &format!("{express}:accesspoint%2Fap--euw1-az1--xa-s3/object/k"),
        "<express a:ap--euw1-az1--xa-s3",
    );
    copy(&format!("{express}:accesspoint"), "<express point");
    // The key is not the name, however the ARN is written.
    let key = "y--euw1-az1--x-s3/k";
    for (arn, named) in [
        ("arn:aws:s3:::x--euw1-az1--x-s3", "b:x--euw1-az1--x-s3"),
        ("ARN:AWS:s3:::x--euw1-az1--x-s3", "b:x--euw1-az1--x-s3"),
        ("arn:aws-cn:s3:::x--euw1-az1--x-s3", "b:x--euw1-az1--x-s3"),
        ("arn:aws:s3:::ap--euw1-az1--xa-s3", "a:ap--euw1-az1--xa-s3"),
        (
            "arn:aws:s3:eu-west-1:1:accesspoint:ap--euw1-az1--xa-s3",
            "a:ap--euw1-az1--xa-s3",
        ),
        ("arn:aws:s3express:::x--euw1-az1--x-s3", "?"),
        (
            "arn:aws:s3express:eu-west-1:1:bucket:x--euw1-az1--x-s3",
            "?",
        ),
        ("arn:aws:s3express:eu-west-1:1:accesspoint", "point"),
        ("arn:aws:s3express", "?"),
    ] {
        copy(&format!("{arn}/{key}"), &format!("<express {named}"));
    }
    copy("ap-1--op-s3/k", "<other a:ap-1--op-s3");
    copy("ap-1-s3alias/k", "<a:ap-1-s3alias");
    copy("arn:aws:s3:::secret/k", "<b:secret");
    copy("arn%3Aaws%3As3%3A%3A%3Asecret%2Fk", "<b:secret");
    copy("ARN:aws:s3:::secret/k", "<b:secret");
    copy(
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap/object/k",
        "<point",
    );
    copy(
        "arn%3Aaws%3As3%3Aeu-west-1%3A1%3Aaccesspoint%2Fap%2Fobject%2Fk",
        "<point",
    );
    copy(
        "arn:aws:s3::123456789012:accesspoint:m.mrap/object/k",
        "<a:m.mrap",
    );
    copy(
        "arn:aws:s3-outposts:eu-west-1:1:outpost/op-1/object/k",
        "<other point",
    );
    copy("arn:aws:s3", "<?");
    copy("%2573ecret/k", "<?");
    copy("secret%4/k", "<?");
    copy("http://s3.amazonaws.com/secret/k", "<?");
    copy("", "");
    copy("/", "");
    // Several values may be read as one or the other.
    copy("other/k\nx-amz-copy-source: secret/k", "<b:other <b:secret");
    // Where presigning has moved it.
    check(
        &format!("PUT {S3}/dest/k?X-Amz-Copy-Source=secret%2Fk&partNumber=1"),
        "b:dest <b:secret",
    );
    check(
        &format!("PUT dest.{S3}/k?x-amz-copy-%73ource=/secret/k"),
        "b:dest <b:secret",
    );
    check(
        "PUT a-1.s3-accesspoint.eu-west-1.amazonaws.com/k\nx-amz-copy-source: secret/k",
        "host <b:secret",
    );
}

#[test]
fn the_source_of_a_rename_is_a_key() {
    let rename = |source: &str, expected| {
        let host = "x--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
        check(
            &format!("PUT {host}/k?renameObject\nx-amz-rename-source: {source}"),
            expected,
        );
    };
    rename("logs/app.log", "b:x--euw1-az1--x-s3");
    rename("/logs/app.log", "b:x--euw1-az1--x-s3");
    rename(
        "/y--euw1-az1--x-s3/k",
        "b:x--euw1-az1--x-s3 <express b:y--euw1-az1--x-s3",
    );
}

#[test]
fn s3_control_names_what_its_operations_are_about() {
    let control = |path: &str, expected| check(&format!("{CONTROL}{path}"), expected);
    control("/", "");
    control("/v20180820/bucket", "");
    control("/v20180820/bucket/secret", "b:secret");
    control("/v20180820/bucket/secret/policy", "b:secret");
    control("/v20180820/%62ucket/%73ecret/policy", "b:secret");
    control("//v20180820//bucket//secret", "b:secret");
    control("/v20180820%2Fbucket%2Fsecret", "b:secret");
    let on_outposts = "arn%3Aaws%3As3-outposts%3Aeu-west-1%3A1%3Aoutpost";
    control(
        &format!("/v20180820/bucket/{on_outposts}%2Fop-1%2Fbucket%2Fsecret/policy"),
        "b:secret",
    );
    control(
        &format!("/v20180820/bucket/{on_outposts}/op-1/bucket/secret"),
        "b:secret",
    );
    control(
        &format!("/v20180820/bucket/{on_outposts}%3Aop-1%3Abucket%3Asecret"),
        "b:secret",
    );
    control(
        &format!("/v20180820/bucket/{on_outposts}%2Fop-1%2Faccesspoint%2Fap"),
        "point",
    );
    control(&format!("/v20180820/bucket/{on_outposts}"), "point");
    control("/v20180820/accesspoint", "");
    control(
        "/v20180820/accesspoint?bucket=secret&maxResults=1",
        "b:secret",
    );
    control("/v20180820/accesspoint/ap/policy", "point");
    control(
        "/v20180820/accesspoint/ap--euw1-az1--xa-s3/scope",
        "a:ap--euw1-az1--xa-s3",
    );
    control("/v20180820/accesspointforobjectlambda", "");
    control("/v20180820/accesspointforobjectlambda/ap", "point");
    control(
        "/v20180820/accesspointfordirectory?directoryBucket=x--euw1-az1--x-s3",
        "b:x--euw1-az1--x-s3",
    );
    control("/v20180820/mrap/instances", "");
    control("/v20180820/mrap/instances/m.mrap/routes", "a:m.mrap");
    control(
        "/v20180820/mrap/instances/arn%3Aaws%3As3%3A%3A1%3Aaccesspoint%2Fm.mrap",
        "point",
    );
    control("/v20180820/async-requests/mrap/create", "point");
    control("/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Asecret", "b:secret");
    control(
        "/v20180820/tags/arn:aws:s3:eu-west-1:1:accesspoint%2Fap",
        "point",
    );
    control(
        "/v20180820/tags/arn%3Aaws%3As3%3Aeu-west-1%3A1%3Astorage-lens%2Fl",
        "",
    );
    control(
        "/v20180820/accessgrantsinstance/dataaccess?target=s3%3A%2F%2Fsecret%2Fa*&permission=READ",
        "b:secret",
    );
    control(
        "/v20180820/accessgrantsinstance/dataaccess?target=s3://secret/a*",
        "b:secret",
    );
    control(
        "/v20180820/accessgrantsinstance/dataaccess?t%61rget=S3://secret",
        "b:secret",
    );
    control(
        "/v20180820/accessgrantsinstance/dataaccess?target=s3://secre*",
        "?",
    );
    control(
        "/v20180820/accessgrantsinstance/dataaccess?target=s3://",
        "?",
    );
    control(
        "/v20180820/accessgrantsinstance/prefix?s3prefix=s3%3A%2F%2Fsecret",
        "b:secret",
    );
    control(
        "/v20180820/accessgrantsinstance/grants?grantscope=s3://secret/*",
        "b:secret",
    );
    control(
        "/v20180820/accessgrantsinstance/locations?locationscope=s3://secret",
        "b:secret",
    );
    control("/v20180820/configuration/publicAccessBlock", "");
    control("/v20180820/jobs", "");
    control("/v20180820/storagelens/x/tagging", "");
    // Of an operation that is not known, nobody can tell.
    control("/v20180820/newthing/secret", "?");
    check(
        "s3express-control.eu-west-1.amazonaws.com/x--euw1-az1--x-s3?policy",
        "b:x--euw1-az1--x-s3",
    );
    check(
        "s3express-control.eu-west-1.amazonaws.com/v20180820/accesspoint/ap",
        "point",
    );
    check(
        "s3-outposts.eu-west-1.amazonaws.com/v20180820/bucket/secret",
        "b:secret",
    );
    check(
        "s3-outposts.eu-west-1.amazonaws.com/S3Outposts/CreateEndpoint",
        "",
    );
    check(
        "control.vpce-1.s3.eu-west-1.vpce.amazonaws.com/v20180820/bucket/secret",
        "b:secret",
    );
}

#[test]
fn s3_express_names_buckets_in_the_path_and_in_operations_of_s3_control() {
    let regional = "s3express-control.eu-west-1.amazonaws.com";
    let bucket = "b:x--euw1-az1--x-s3";
    for host in [regional, "s3express-euw1-az1.eu-west-1.amazonaws.com"] {
        let express = |path: &str, expected| check(&format!("{host}{path}"), expected);
        express("/", "");
        express("/?max-directory-buckets=9", "");
        express("/x--euw1-az1--x-s3", bucket);
        express("/x--euw1-az1--x-s3?policy", bucket);
        express("/%78--euw1-az1--x-s3/k", bucket);
        express("/v20180820", "");
        express("/v20180820/accesspoint", "");
        express("/v20180820%2Faccesspointfordirectory", "");
        express(
            "/v20180820/accesspointfordirectory?directoryBucket=x--euw1-az1--x-s3",
            bucket,
        );
        express(
            "/v20180820/accesspoint/ap--euw1-az1--xa-s3/scope",
            "a:ap--euw1-az1--xa-s3",
        );
        let arn = "/v20180820/tags/arn%3Aaws%3As3express%3Aeu-west-1%3A123456789012%3A";
        express(&format!("{arn}bucket/x--euw1-az1--x-s3"), bucket);
        express(&format!("{arn}bucket%2Fx--euw1-az1--x-s3"), bucket);
        express(
            &format!("{arn}accesspoint/ap--euw1-az1--xa-s3"),
            "a:ap--euw1-az1--xa-s3",
        );
        express(&format!("{arn}bucket"), "point");
    }
    check(
        &format!("123456789012.{regional}/v20180820/accesspoint/ap--euw1-az1--xa-s3"),
        "a:ap--euw1-az1--xa-s3",
    );
    check(
        &format!("x--euw1-az1--x-s3.{regional}/v20180820/accesspoint"),
        bucket,
    );
}

#[test]
fn what_is_not_s3_names_nothing_but_where_a_rule_says_so() {
    check("sqs.eu-west-1.amazonaws.com/secret", "");
    check("s3.corp.example/secret/k", "");
    let request = "PUT s3.corp.example/secret/k\nx-amz-copy-source: other/k";
    assert_eq!(words(request, Some(BucketPlace::Path)), "b:secret <b:other");
}

#[test]
fn patterns_are_names_and_beginnings_of_names() {
    for pattern in [
        "reports-2026",
        "my.dotted.bucket",
        "Old_Bucket.",
        "team-a-*",
        "a*",
        "x--euw1-az1--x-s3",
        "ap-1-s3alias",
        "m.mrap",
        "1bucket",
    ] {
        assert!(is_pattern(pattern), "{pattern}");
    }
    let (longest, longer) = ("a".repeat(255), "a".repeat(256));
    assert!(is_pattern(&longest) && !is_pattern(&longer));
    for pattern in [
        "",
        "*",
        "**",
        "ab",
        "...",
        "a*b",
        "*a",
        "a/b",
        "reports/2026/*",
        "s3://reports",
        "arn:aws:s3:::reports",
        "a b",
        "é23",
        "192.168.5.4",
        "team-a-**",
        "x--x-s3",
        "--euw1-az1--x-s3",
        "rep?rts",
        "[ab]c",
    ] {
        assert!(!is_pattern(pattern), "{pattern}");
    }
    assert!(is_legacy("Reports") && is_legacy("a_b*") && is_legacy(&"a".repeat(64)));
    assert!(!is_legacy("reports-2026") && !is_legacy("team-a-*"));
}

proptest! {
    /// The look-ups find what going through the patterns finds.
    #[test]
    fn a_name_finds_the_patterns_that_it_fits(
        patterns in proptest::collection::btree_set("[ab-]{1,4}\\*?", 0..9),
        name in "[ab-]{1,6}",
    ) {
        let mut all = Patterns::default();
        for (place, pattern) in patterns.iter().enumerate() {
            all.add(pattern, place);
        }
        let mut found: Vec<usize> = all.all(&name).flatten().copied().collect();
        found.sort_unstable();
        let fitting = patterns.iter().enumerate().filter(|(_, pattern)| fits(pattern, &name));
        let expected: Vec<usize> = fitting.map(|(place, _)| place).collect();
        prop_assert_eq!(found, expected);
    }

    /// Whatever arrives, something is named where S3 could read a bucket.
    #[test]
    fn a_path_that_is_not_empty_names_something(segment in proptest::collection::vec(1..=255_u8, 1..40)) {
        let target = [b"/", segment.as_slice()].concat();
        let request = Request { host: S3, method: b"GET", target: &target, headers: &[] };
        let mut count = 0;
        each_named(request, BucketPlace::Path, |_, _| count += 1);
        let path = target.split(|byte| *byte == b'?').next().unwrap();
        let text = String::from_utf8_lossy(path).to_ascii_lowercase().replace("%2f", "/");
        prop_assert_eq!(count > 0, text.bytes().any(|byte| byte != b'/'));
    }

    /// A bucket is found in its name, with any of its characters encoded.
    #[test]
    fn an_encoded_name_is_the_name(name in "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", which: u64, upper: bool) {
        prop_assume!(!is_alias(&name));
        let encoded: String = name
            .bytes()
            .enumerate()
            .map(|(place, byte)| match (which >> (place % 64)) & 1 {
                1 if upper => format!("%{byte:02X}"),
                1 => format!("%{byte:02x}"),
                _ => char::from(byte).to_string(),
            })
            .collect();
        let expected = format!("b:{name} <b:{name}");
        let request = format!("PUT {S3}/{encoded}/k\nx-amz-copy-source: {encoded}/k");
        prop_assert_eq!(words(&request, None), expected);
    }
}
