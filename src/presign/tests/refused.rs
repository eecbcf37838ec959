//! Ways around `presign`, none of which may be signed.

use super::*;
use crate::refusal::Reason;

const GET: &str = "https://reports.s3.eu-west-1.amazonaws.com/k";

#[track_caller]
fn check(config: &Config, body: &str, reason: Reason) {
    match presign_with(config, body) {
        Err(refusal) => assert_eq!(refusal.reason(), reason, "{body}: {refusal}"),
        Ok(answer) => panic!("{body}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

#[track_caller]
fn check_all(reason: Reason, bodies: impl IntoIterator<Item = String>) {
    let config = config_of(GRANTS, "");
    for body in bodies {
        check(&config, &body, reason);
    }
}

fn s3(url: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{}", placeholder("s3", "host"))
}

fn with(method: &str, url: &str) -> String {
    json!({"url": s3(url), "method": method}).to_string()
}

#[test]
fn another_bucket_method_or_key_is_not_granted() {
    check_all(
        Reason::PresignNotGranted,
        [
            s3("https://other.s3.eu-west-1.amazonaws.com/k"),
            s3("https://s3.eu-west-1.amazonaws.com/other/k"),
            s3("https://s3.eu-west-1.amazonaws.com/reportsx/k"),
            s3("https://s3.eu-west-1.amazonaws.com/tea/k"),
            s3("http://127.0.0.1:9911/other/k"),
            // An alias of an access point is no name that a pattern is for.
            s3(
                "https://team-a-abcdefghijklmnopqrstuvwxyz123456-s3alias.s3.eu-west-1.amazonaws.com/k",
            ),
            s3("https://ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k"),
            with("GET", "https://uploads.s3.eu-west-1.amazonaws.com/in/k"),
            with("PUT", "https://uploads.s3.eu-west-1.amazonaws.com/out/k"),
            with("PUT", "https://uploads.s3.eu-west-1.amazonaws.com//in/k"),
            with(
                "POST",
                "https://uploads.s3.eu-west-1.amazonaws.com/in/k?uploads",
            ),
        ],
    );
}

#[test]
fn what_is_no_call_for_an_object_cannot_be_presigned() {
    check_all(
        Reason::PresignUnreadable,
        [
            // A bucket, or all of them.
            s3("https://reports.s3.eu-west-1.amazonaws.com/"),
            s3("https://s3.eu-west-1.amazonaws.com/reports"),
            s3("https://s3.eu-west-1.amazonaws.com/reports/"),
            s3("https://s3.eu-west-1.amazonaws.com/"),
            s3("https://s3.eu-west-1.amazonaws.com//k"),
            s3("https://s3.eu-west-1.amazonaws.com/reports%2F..%2Fother/k"),
            s3("https://s3.eu-west-1.amazonaws.com/%72eports/k"),
            // What returns credentials, and what is another operation on the object.
            s3(&format!("{GET}?session")),
            s3(&format!("{GET}?acl")),
            s3(&format!("{GET}?%61cl")),
            s3(&format!("{GET}?ACL")),
            s3(&format!("{GET}?tagging")),
            s3(&format!("{GET}?torrent")),
            s3(&format!("{GET}?uploads")),
            s3(&format!("{GET}?select&select-type=2")),
            s3(&format!("{GET}?policy")),
            with("POST", GET),
            with("POST", &format!("{GET}?restore")),
            with("POST", &format!("{GET}?delete")),
            with("PATCH", GET),
            with("get", GET),
            with("OPTIONS", GET),
            with("CONNECT", GET),
            // A copy names another object.
            with("PUT", &format!("{GET}?x-amz-copy-source=other%2Fk")),
            with("PUT", &format!("{GET}?X-Amz-Copy-Source=other%2Fk")),
            s3(&format!("{GET}?x-amz-s3session-token=a")),
            json!({
                "url": format!("{GET}?{}", placeholder("s3", "host%3Bx-amz-copy-source")),
                "method": "PUT",
                "headers": {"x-amz-copy-source": "other/k"},
            })
            .to_string(),
            // S3 Control has the name of S3.
            s3(
                "https://123456789012.s3-control.eu-west-1.amazonaws.com/v20180820/accessgrantsinstance/dataaccess?permission=READ",
            ),
            s3("https://s3.eu-west-1.amazonaws.com/v20180820/bucket/reports"),
        ],
    );
}

#[test]
fn another_service_cannot_be_presigned() {
    let url = |host: &str, service: &str, query: &str| {
        format!("https://{host}/?{query}&{}", placeholder(service, "host"))
    };
    let encoded = |prefix: &str, url: String| [prefix, &URL_SAFE_NO_PAD.encode(url)].concat();
    let sts = "sts.eu-west-1.amazonaws.com";
    let identity = "Action=GetCallerIdentity&Version=2011-06-15";
    let role = "Action=AssumeRole&Version=2011-06-15&RoleArn=a&RoleSessionName=b";
    let eks = |host: &str, query: &str, signed: &str, headers: Value| {
        let url = format!("https://{host}/?{query}&{}", placeholder("sts", signed));
        let token = encoded("k8s-aws-v1.", url);
        json!({"token": token, "headers": headers}).to_string()
    };
    let cluster = json!({"x-k8s-aws-id": "prod-1"});
    check_all(
        Reason::PresignUnreadable,
        [
            url(sts, "sts", identity),
            url(sts, "sts", role),
            url(
                "sqs.eu-west-1.amazonaws.com",
                "sqs",
                "Action=ReceiveMessage",
            ),
            url("lambda.eu-west-1.amazonaws.com", "lambda", "a=b"),
            encoded("", url(sts, "sts", identity)),
            encoded(
                "",
                url(sts, "kafka-cluster", "Action=kafka-cluster:Connect"),
            ),
            encoded(
                "",
                url(
                    "kafka.eu-west-1.amazonaws.com.evil.example",
                    "kafka-cluster",
                    "Action=kafka-cluster:Connect",
                ),
            ),
            encoded(
                "",
                url(
                    "kafka.eu-west-1.amazonaws.com",
                    "kafka-cluster",
                    "Action=kafka-cluster:ReadData",
                ),
            ),
            encoded("k8s-aws-v1.", url(sts, "sts", identity)),
            eks(sts, role, "host%3Bx-k8s-aws-id", cluster.clone()),
            eks(
                sts,
                &format!("{identity}&Action=AssumeRole"),
                "host%3Bx-k8s-aws-id",
                cluster.clone(),
            ),
            eks(sts, identity, "host", cluster.clone()),
            eks(sts, identity, "host", json!({})),
            eks(
                sts,
                identity,
                "host%3Bx-k8s-aws-id%3Bx-vault-aws-iam-server-id",
                json!({"x-k8s-aws-id": "prod-1", "x-vault-aws-iam-server-id": "v"}),
            ),
            eks(
                sts,
                identity,
                "host%3Bx-k8s-aws-id",
                json!({"x-k8s-aws-id": ""}),
            ),
            eks(
                "sqs.eu-west-1.amazonaws.com",
                identity,
                "host%3Bx-k8s-aws-id",
                cluster.clone(),
            ),
            eks("evil.example", identity, "host%3Bx-k8s-aws-id", cluster),
            format!(
                "db.internal/?Action=connect&DBUser=a&DBUser=b&{}",
                placeholder("rds-db", "host")
            ),
            format!(
                "db.internal/?Action=connect&{}",
                placeholder("rds-db", "host")
            ),
            format!(
                "db.internal/?Action=other&DBUser=a&{}",
                placeholder("rds-db", "host")
            ),
            format!(
                "db.internal/x?Action=connect&DBUser=a&{}",
                placeholder("rds-db", "host")
            ),
            format!(
                "db.internal/?Action=connect&DBUser=a&x=y&{}",
                placeholder("rds-db", "host")
            ),
            format!(
                "s3.eu-west-1.amazonaws.com/reports/k?{}",
                placeholder("s3", "host")
            ),
            format!(
                "sts.eu-west-1.amazonaws.com/?{identity}&{}",
                placeholder("sts", "host")
            ),
        ],
    );
    check_all(
        Reason::PresignNotGranted,
        [eks(
            sts,
            identity,
            "host%3Bx-k8s-aws-id",
            json!({"x-k8s-aws-id": "test-1"}),
        )],
    );
}

#[test]
fn a_signature_that_can_be_read_in_two_ways_is_read_in_none() {
    let v4 = placeholder("s3", "host");
    check_all(
        Reason::PresignUnreadable,
        [
            GET.to_owned(),
            format!("{GET}?{v4}&X-Amz-Signature=1"),
            format!("{GET}?{v4}&x-amz-signature=1"),
            format!("{GET}?{v4}&X-Amz-Expires=10"),
            format!("{GET}?{v4}&X-Amz-%45xpires=10"),
            format!("{GET}?{v4}&AWSAccessKeyId=placeholder"),
            format!("{GET}?{v4}").replace("AWS4-HMAC-SHA256", "AWS4-NONE"),
            format!("{GET}?{v4}").replace("Expires=60", "Expires=0"),
            format!("{GET}?{v4}").replace("Expires=60", "Expires=-1"),
            format!("{GET}?{v4}").replace("Expires=60", "Expires=1e3"),
            format!("{GET}?{v4}").replace("Expires=60", "Expires=99999999999999999999"),
            format!("{GET}?{v4}").replace("=host", "=date"),
            format!("{GET}?{v4}").replace("=host", "=host%3Bhost"),
            format!("{GET}?{v4}").replace("=host", "=host%3Bcontent-type"),
            format!("{GET}?{v4}").replace("aws4_request", "aws5"),
            // A real key's.
            format!("{GET}?{v4}").replace("placeholder", "AKIAIOSFODNN7EXAMPLE"),
            format!("{GET}?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=a&Expires=1796000060"),
            format!("{GET}?AWSAccessKeyId=placeholder&Signature=a"),
            // Hosts and schemes.
            format!("{GET}?{v4}").replace("https", "ftp"),
            format!("{GET}?{v4}").replace("https://", "https://a@"),
            format!("{GET}?{v4}#a"),
            format!("{GET}?{v4} b"),
            format!("{GET}\\?{v4}"),
            format!("https://?{v4}"),
            String::new(),
            "x".repeat(200),
            "k8s-aws-v1.".to_owned(),
            "k8s-aws-v1.%%%".to_owned(),
        ],
    );
}

/// The parameters of both would stand in the URL, and nobody can say which AWS reads.
#[test]
fn a_signature_of_version_2_brings_nothing_of_version_4() {
    let expires = NOW.as_secs() + 60;
    let v2 = format!("AWSAccessKeyId=placeholder&Signature=a&Expires={expires}");
    check_all(
        Reason::PresignUnreadable,
        [
            "X-Amz-Expires=604800",
            "x-amz-expires=604800",
            "X-Amz-%45xpires=604800",
            "X-Amz-Date=20261201T000000Z",
            "X-Amz-Credential=a",
            "X-Amz-SignedHeaders=host%3Bx-a",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Region-Set=%2A",
        ]
        .map(|more| format!("{GET}?{more}&{v2}")),
    );
}

#[test]
fn an_entry_is_for_what_all_of_it_names() {
    let config = config_of(
        r#"{"service": "s3", "buckets": ["reports"], "hosts": ["s3.eu-west-1.amazonaws.com"]}"#,
        "",
    );
    let path = "https://s3.eu-west-1.amazonaws.com";
    check(
        &config,
        &s3(&format!("{path}/other/k")),
        Reason::PresignNotGranted,
    );
    check(&config, &s3(GET), Reason::PresignNotGranted);
    assert!(presign_with(&config, &s3(&format!("{path}/reports/k"))).is_ok());
}

#[test]
fn a_key_has_no_steps_and_nothing_is_said_but_of_its_content() {
    let dated = s3(GET).replace("=host", "=host%3Bx-amz-date");
    check_all(
        Reason::PresignUnreadable,
        [
            s3("https://s3.eu-west-1.amazonaws.com/reports/../other/k"),
            s3("https://s3.eu-west-1.amazonaws.com/reports/%2e%2e/other/k"),
            s3("https://reports.s3.eu-west-1.amazonaws.com/..%2fother"),
            s3("https://reports.s3.eu-west-1.amazonaws.com/."),
            with(
                "PUT",
                "https://uploads.s3.eu-west-1.amazonaws.com/in/../out",
            ),
            with("PUT", &format!("{GET}?x-amz-acl=public-read")),
            with("PUT", &format!("{GET}?X-Amz-Grant-Read=a")),
            with(
                "DELETE",
                &format!("{GET}?x-amz-bypass-governance-retention=true"),
            ),
            with(
                "PUT",
                &format!("{GET}?x-amz-website-redirect-location=https%3A%2F%2Fevil"),
            ),
            json!({"url": dated, "headers": {"x-amz-date": "20300101T000000Z"}}).to_string(),
        ],
    );
    let asked = s3(GET).replace("=host", "=host%3Bx-amz-meta-source");
    let meta = json!({"url": asked, "method": "PUT", "headers": {"x-amz-meta-source": "a"}});
    assert!(presign_with(&config_of(GRANTS, ""), &meta.to_string()).is_ok());
}

#[test]
fn a_longer_time_is_refused() {
    let seconds = |number: &str| s3(GET).replace("Expires=60", &format!("Expires={number}"));
    check_all(
        Reason::PresignTooLong,
        [
            seconds("3601"),
            seconds("604800"),
            seconds("9999999999"),
            format!(
                "{GET}?AWSAccessKeyId=placeholder&Signature=a&Expires={}",
                NOW.as_secs() + 3601
            ),
            format!(
                "db.internal/?Action=connect&DBUser=a&{}",
                placeholder("rds-db", "host")
            )
            .replace("Expires=60", "Expires=901"),
            form(&conditions(), 901),
        ],
    );
}

#[test]
fn json_that_says_something_else_is_refused() {
    let url = s3(GET);
    check_all(
        Reason::PresignUnreadable,
        [
            "{}".to_owned(),
            "{".to_owned(),
            json!({"url": url, "token": url}).to_string(),
            json!({"url": [url]}).to_string(),
            json!({"url": url, "host": "x"}).to_string(),
            json!({"url": url, "method": 1}).to_string(),
            json!({"url": url, "min_valid_seconds": "1"}).to_string(),
            json!({"url": url, "headers": {"a": 1}}).to_string(),
            json!({"url": url, "headers": {"a b": "c"}}).to_string(),
            json!({"url": url, "headers": {"x-a": "b\r\nc: d"}}).to_string(),
            json!({"url": url, "headers": {"x-a": "b", "X-A": "c"}}).to_string(),
            json!({"url": url, "headers": {"x-a": "b"}}).to_string(),
            json!({"url": url, "headers": {"host": "other"}}).to_string(),
            json!({"form": {"url": GET}}).to_string(),
            format!(r#"{{"url": "{url}", "url": "{url}"}}"#),
        ],
    );
}

#[test]
fn a_form_must_bind_bucket_key_and_length() {
    let changed = |place: usize, condition: Value| {
        let mut all = conditions();
        all[place] = condition;
        form(&all, 60)
    };
    let more = |condition: Value| {
        let mut all = conditions();
        all.as_array_mut().unwrap().push(condition);
        form(&all, 60)
    };
    check_all(
        Reason::PresignUnreadable,
        [
            changed(0, json!(["starts-with", "$bucket", "up"])),
            changed(0, json!({"bucket": "reports"})),
            changed(0, json!({"tagging": "private"})),
            more(json!({"bucket": "reports"})),
            more(json!(["eq", "$key", "out/k"])),
            more(json!(["content-length-range", 0, 5])),
            more(json!({"a": "b", "c": "d"})),
            more(json!(["eq", "key"])),
            more(json!(["contains", "$key", "in/"])),
            more(json!({"x-amz-copy-source": "other/k"})),
            changed(1, json!(["starts-with", "$key", ""])),
            changed(1, json!({"tagging": "private"})),
            changed(2, json!(["content-length-range", 0])),
            changed(2, json!({"tagging": "private"})),
            form(&json!({}), 60),
            form(&conditions(), 60).replace("https://uploads.", "https://reports."),
            form(&conditions(), 60).replace("amazonaws.com/", "amazonaws.com/?acl"),
            form(&conditions(), 60).replace("placeholder/2026", "AKIAIOSFODNN7EXAMPLE/2026"),
        ],
    );
    check_all(
        Reason::PresignNotGranted,
        [
            changed(1, json!(["starts-with", "$key", "i"])),
            changed(1, json!({"key": "out/k"})),
            changed(2, json!(["content-length-range", 0, 1_000_001])),
            form(&json!([{"bucket": "team-a"}, ["starts-with", "$key", "in/"], ["content-length-range", 0, 5]]), 60)
                .replace("https://uploads.", "https://team-a."),
        ],
    );
}

#[test]
fn rules_and_the_allow_list_hold_for_it() {
    let config = |extra: &str| config_of(GRANTS, extra);
    let denied = config(r#", "rules": [{"buckets": ["reports"], "effect": "deny"}]"#);
    check(&denied, &s3(GET), Reason::Denied);
    check(
        &denied,
        &s3("http://127.0.0.1:9911/reports/k"),
        Reason::Denied,
    );
    let database = format!(
        "db.internal/?Action=connect&DBUser=a&{}",
        placeholder("rds-db", "host")
    );
    let denied = config(r#", "rules": [{"services": ["rds-db"], "effect": "deny"}]"#);
    check(&denied, &database, Reason::Denied);
    let left_alone = config(r#", "rules": [{"buckets": ["reports"], "effect": "leave_alone"}]"#);
    check(&left_alone, &s3(GET), Reason::PlaceholderUnreplaced);
    let listed =
        config(r#", "rules": [{"buckets": ["reports"], "placeholders": ["placeholder-a"]}]"#);
    check(
        &listed,
        &s3(GET).replace("=placeholder%2F", "=nobody%2F"),
        Reason::PlaceholderNotListed,
    );

    let json = r#"{"allow": [{"buckets": ["other"]}], "role_arn": "arn:aws:iam::123456789012:role/a", "region": "eu-west-1",
        "presign": [{"service": "s3", "buckets": ["reports"]}]}"#;
    let Ok(Plugin::Downstream(config)) = config::parse(json.as_bytes(), &Environment::new()) else {
        panic!("{json}");
    };
    check(&config, &s3(GET), Reason::NotAllowed);
}

#[test]
fn the_rules_role_signs() {
    let config = config_of(
        GRANTS,
        r#", "roles": {"other": {"role_arn": "arn:aws:iam::123456789012:role/b"}},
            "rules": [{"buckets": ["reports"], "role": "other"}, {"services": ["rds-db"], "role": "other"}]"#,
    );
    let role = |body: &str| {
        let planned = plan(&config, &exchange(), body.as_bytes(), now()).unwrap();
        config.roles.get(planned.plan.role).unwrap().name.clone()
    };
    assert_eq!(role(&s3(GET)), "other");
    assert_eq!(
        role(&s3("https://team-a.s3.eu-west-1.amazonaws.com/k")),
        "own"
    );
    let database = |service: &str, query: &str| {
        format!("db.internal/?{query}&{}", placeholder(service, "host"))
    };
    assert_eq!(
        role(&database("rds-db", "Action=connect&DBUser=a")),
        "other"
    );
    assert_eq!(role(&database("dsql", "Action=DbConnect")), "own");
}
