use crate::decision::tests::{REAL, check_with, signed_by, sigv4a_by};

const EVERYTHING: &str = r#", "allow": "*""#;
/// A host that is newer than the table.
const NEW: &str = "newer-runtime.sagemaker.eu-west-1.amazonaws.com";

fn by(key_id: &str, region: &str, service: &str) -> String {
    signed_by(key_id, service).replace("eu-west-1", region)
}

#[track_caller]
fn check(extra: &str, host: &str, header: &str, expected: &str) {
    check_with(extra, &format!("GET {host} /\n{header}"), expected);
}

#[test]
fn a_host_that_nothing_lists_is_what_the_clients_scope_says_where_the_service_is_named() {
    let scope = by("placeholder", "eu-west-1", "sagemaker");
    let signed = format!("sagemaker/eu-west-1 at {NEW}, empty, Placeholder");
    for extra in [
        r#", "allow": ["sagemaker"]"#.to_owned(),
        r#", "allow": ["sqs", "sagemaker", "*.amazonaws.com"]"#.to_owned(),
        r#", "allow": [], "rules": [{"services": ["sagemaker"], "effect": "allow"}]"#.to_owned(),
    ] {
        check(&extra, NEW, &scope, &signed);
    }
    let fips = "newer-runtime.sagemaker-fips.eu-west-1.amazonaws.com";
    let signed_there = format!("sagemaker/eu-west-1 at {fips}, empty, Placeholder");
    check(r#", "allow": ["sagemaker"]"#, fips, &scope, &signed_there);
    let refused = "refused: placeholder_unreplaced";
    check(EVERYTHING, NEW, &scope, refused);
    check(
        r#", "allow": ["*.eu-west-1.amazonaws.com"]"#,
        NEW,
        &scope,
        refused,
    );
    let pattern = r#", "allow": [], "rules": [{"hosts": ["*.amazonaws.com"], "effect": "allow"}]"#;
    check(pattern, NEW, &scope, refused);
    check(r#", "allow": ["sqs"]"#, NEW, &scope, "refused: not_allowed");
    let deny =
        r#", "allow": ["sagemaker"], "rules": [{"services": ["sagemaker"], "effect": "deny"}]"#;
    check(deny, NEW, &scope, "refused: denied");
    // Without a scope that says it, nobody knows.
    let listed = r#", "allow": ["sagemaker"]"#;
    for (region, service) in [
        ("us-east-1", "sagemaker"),
        ("eu-west-1", "sqs"),
        ("eu-west-1", "runtime.sagemaker"),
        ("eu-west", "sagemaker"),
    ] {
        check(listed, NEW, &by("placeholder", region, service), refused);
    }
    check(listed, NEW, &sigv4a_by("placeholder", "sagemaker"), refused);
    check(listed, NEW, "authorization: AWS placeholder:00", refused);
    // The other partition's suffix is none of this region's.
    let other = "a.b.sagemaker.eu-west-1.amazonaws.com.cn";
    check(listed, other, &scope, refused);
}

#[test]
fn a_placeholders_signature_gets_to_no_host_below_awss_names() {
    let refused = "refused: placeholder_unreplaced";
    let everybody = r#", "allow": ["ec2", "ecr", "eks", "es", "execute-api", "kafka", "lambda", "mq", "rds", "s3", "sqs"]"#;
    for (host, service) in [
        (
            "my-lb-1234567890.eu-west-1.elb.amazonaws.com",
            "elasticloadbalancing",
        ),
        ("my-nlb.elb.eu-west-1.amazonaws.com", "elb"),
        ("my-nlb.elb.eu-west-1.amazonaws.com", "es"),
        ("ec2-203-0-113-25.eu-west-1.compute.amazonaws.com", "ec2"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr"),
        ("abc.gr7.eu-west-1.eks.amazonaws.com", "eks"),
        ("db.abc.rds.eu-west-1.amazonaws.com", "rds"),
        ("b-1.my.abc.c2.kafka.eu-west-1.amazonaws.com", "kafka"),
        ("b-1.mq.eu-west-1.amazonaws.com", "mq"),
        ("a.b.execute-api.eu-west-1.amazonaws.com", "execute-api"),
        ("a.b.es.eu-west-1.amazonaws.com", "es"),
        ("b.s3-website.eu-west-1.amazonaws.com", "s3"),
        ("b.s3-website-eu-west-1.amazonaws.com", "s3"),
        ("x.vpce-1.sqs.eu-west-1.vpce.amazonaws.com", "sqs"),
        ("a.b.lambda-url.eu-west-1.on.aws", "lambda"),
        ("d-1.studio.eu-west-1.sagemaker.aws", "sagemaker"),
        ("email-smtp.eu-west-1.amazonaws.com", "ses"),
        ("www.amazonaws.com", "s3"),
        ("amazonaws.com.cn", "s3"),
    ] {
        let placeholder = by("placeholder", "eu-west-1", service);
        for extra in [EVERYTHING, everybody] {
            let expected = match host {
                // No name is below it but a partition's own.
                "amazonaws.com.cn" => "left alone: NotAws",
                _ => refused,
            };
            check(extra, host, &placeholder, expected);
        }
        let real = by(REAL, "eu-west-1", service);
        check(EVERYTHING, host, &real, "left alone: NotAws");
        check(EVERYTHING, host, "accept: */*", "left alone: NotAws");
    }
    // What answers behind a load balancer may have keys of its own.
    let rule = r#", "allow": "*", "rules": [{"hosts": ["*.elb.eu-west-1.amazonaws.com"], "effect": "leave_alone"}]"#;
    let lb = "my-nlb.elb.eu-west-1.amazonaws.com";
    check(
        rule,
        lb,
        &by("minio", "eu-west-1", "s3"),
        "left alone: Rule",
    );
    let elsewhere = by("placeholder", "eu-west-1", "s3");
    check(
        EVERYTHING,
        "minio.example.org",
        &elsewhere,
        "left alone: NotAws",
    );
}

#[test]
fn what_is_a_placeholders_in_any_other_way_stays_too() {
    let placeholder = by("placeholder", "eu-west-1", "es");
    let lb = "my-nlb.elb.eu-west-1.amazonaws.com";
    for (headers, expected) in [
        (
            format!("{placeholder}\nx-amz-s3session-token: abc"),
            "refused: express_session_unsupported",
        ),
        (
            format!("{placeholder}\n{placeholder}"),
            "refused: malformed_authorization",
        ),
    ] {
        check(EVERYTHING, lb, &headers, expected);
    }
    // AWS knows no such key, and would refuse what is public, too.
    let alone = r#", "allow": "*", "rules": [{"services": ["s3"], "effect": "leave_alone"}]"#;
    let s3 = "s3.eu-west-1.amazonaws.com";
    let placeholder = by("placeholder", "eu-west-1", "s3");
    check(alone, s3, &placeholder, "refused: placeholder_unreplaced");
    let real = by(REAL, "eu-west-1", "s3");
    check(alone, s3, &real, "left alone: Rule");
    let refused = "refused: presigned_by_placeholder";
    let query = "X-Amz-Credential=placeholder%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00";
    for host in [
        "b.s3.eu-west-1.amazonaws.com",
        "127.0.0.1:9911",
        "b.s3-website.eu-west-1.amazonaws.com",
        lb,
    ] {
        check_with(EVERYTHING, &format!("GET {host} /k?{query}"), refused);
        check_with(alone, &format!("GET {host} /k?{query}"), refused);
    }
    let other = format!("GET minio.example.org /k?{query}");
    check_with(EVERYTHING, &other, "left alone: NotAws");
}

#[test]
fn the_clients_region_counts_where_the_host_has_none() {
    for (host, region, expected) in [
        ("b.s3-accelerate.amazonaws.com", "us-west-2", "s3/us-west-2"),
        (
            "b.s3-accelerate.dualstack.amazonaws.com",
            "us-west-2",
            "s3/us-west-2",
        ),
        ("b.s3.amazonaws.com", "eu-central-1", "s3/eu-central-1"),
        ("s3.amazonaws.com", "ap-south-1", "s3/ap-south-1"),
        ("b.s3-accelerate.amazonaws.com", "eu-west-1", "s3/eu-west-1"),
        ("b.s3.amazonaws.com", "us-east-1", "s3/us-east-1"),
    ] {
        let expected = format!("{expected} at {host}, empty, Placeholder");
        check(
            EVERYTHING,
            host,
            &by("placeholder", region, "s3"),
            &expected,
        );
    }
    for (host, region, service, expected) in [
        // No region of this partition, or of any.
        ("b.s3.amazonaws.com", "cn-north-1", "s3", "s3/us-east-1"),
        ("b.s3.amazonaws.com", "mars", "s3", "s3/us-east-1"),
        (
            "b.s3-accelerate.amazonaws.com",
            "mars",
            "s3",
            "s3/eu-west-1",
        ),
        ("b.s3.amazonaws.com", "eu-central-1", "sqs", "s3/us-east-1"),
        // Each of these takes one region's signatures alone.
        (
            "s3-external-1.amazonaws.com",
            "eu-central-1",
            "s3",
            "s3/us-east-1",
        ),
        (
            "s3.eu-west-1.amazonaws.com",
            "eu-central-1",
            "s3",
            "s3/eu-west-1",
        ),
        ("iam.amazonaws.com", "eu-central-1", "iam", "iam/us-east-1"),
        ("sts.amazonaws.com", "eu-central-1", "sts", "sts/us-east-1"),
    ] {
        let expected = format!("{expected} at {host}, empty, PlaceholderForOther");
        check(
            EVERYTHING,
            host,
            &by("placeholder", region, service),
            &expected,
        );
    }
    // A rule holds for the region that is signed for.
    let deny = r#", "allow": "*", "rules": [{"regions": ["eu-central-1"], "effect": "deny"}]"#;
    let scope = by("placeholder", "eu-central-1", "s3");
    check(deny, "b.s3.amazonaws.com", &scope, "refused: denied");
}

#[test]
fn a_newer_host_of_the_plain_shape_signs_as_its_client_says() {
    let host = "newer-runtime.eu-west-1.amazonaws.com";
    for (region, service, expected) in [
        ("eu-west-1", "sagemaker", "sagemaker/eu-west-1"),
        ("eu-west-1", "newer-runtime", "newer-runtime/eu-west-1"),
        ("eu-west-1", "newer", "newer/eu-west-1"),
    ] {
        let expected = format!("{expected} at {host}, empty, Placeholder");
        check(
            EVERYTHING,
            host,
            &by("placeholder", region, service),
            &expected,
        );
    }
    for (region, service) in [
        ("eu-west-1", "none such"),
        ("eu-west-1", "s3"),
        ("eu-west-1", "execute-api"),
        ("us-east-1", "sagemaker"),
    ] {
        let expected = format!("newer-runtime/eu-west-1 at {host}, empty, PlaceholderForOther");
        check(
            EVERYTHING,
            host,
            &by("placeholder", region, service),
            &expected,
        );
    }
    // What is known is no guess.
    let expected = "sqs/eu-west-1 at sqs.eu-west-1.amazonaws.com, empty, PlaceholderForOther";
    let sagemaker = by("placeholder", "eu-west-1", "sagemaker");
    check(
        EVERYTHING,
        "sqs.eu-west-1.amazonaws.com",
        &sagemaker,
        expected,
    );
    check(
        r#", "allow": ["sqs"]"#,
        host,
        &sagemaker,
        "refused: not_allowed",
    );
}

#[test]
fn a_path_of_the_older_location_api_is_signed_for_it() {
    for (name, old, new) in [
        ("maps", "/maps/v0/maps/m/tiles/1/2/3", "/v2/tiles/a/1/2/3"),
        (
            "places",
            "/places/v0/indexes/i/search/text",
            "/v2/search-text",
        ),
        (
            "routes",
            "/routes/v0/calculators/c/calculate/route",
            "/v2/routes",
        ),
    ] {
        let host = format!("{name}.geo.eu-west-1.amazonaws.com");
        for (path, service) in [(old, "geo".to_owned()), (new, format!("geo-{name}"))] {
            let expected = format!("{service}/eu-west-1 at {host}, empty, NoSignature");
            let allow = format!(r#", "allow": ["{service}"]"#);
            check_with(&allow, &format!("GET {host} {path}"), &expected);
        }
    }
}
