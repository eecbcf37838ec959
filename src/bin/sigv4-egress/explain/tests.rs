use super::*;
use proptest::prelude::*;
use serde_json::json;

fn now() -> SystemTime {
    request::time("20261123T200000Z").unwrap()
}

fn explained(request: &Value, shown: Shown) -> Value {
    let mut output = Vec::new();
    let line = request.to_string();
    run(&mut line.as_bytes(), &mut output, shown, now()).unwrap();
    serde_json::from_slice(&output).unwrap()
}

#[track_caller]
fn check(request: Value, expected: &[(&str, Value)]) -> Value {
    let found = explained(&request, Shown::Redacted);
    for (key, value) in expected {
        assert_eq!(
            found.pointer(key).unwrap_or(&Value::Null),
            value,
            "{key} in {found}"
        );
    }
    found
}

#[test]
fn a_host_that_takes_sigv4a_only_is_explained_with_it() {
    let host = "mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com";
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let found = check(
        json!({
            "url": format!("http://{host}/key"),
            "headers": {"x-amz-region-set": "eu-west-1"},
            "time": "20150830T123600Z",
            "credentials": {
                "access_key_id": "AKIDEXAMPLE",
                "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            },
        }),
        &[
            ("/algorithm", json!("sigv4a")),
            ("/region", json!("*")),
            ("/headers/x-amz-region-set", json!("*")),
            (
                "/canonical_request",
                json!(format!(
                    "GET\n/key\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:20150830T123600Z\n\
                     x-amz-region-set:*\n\nhost;x-amz-content-sha256;x-amz-date;x-amz-region-set\n{empty}"
                )),
            ),
        ],
    );
    let text = found["string_to_sign"].as_str().unwrap();
    let start = "AWS4-ECDSA-P256-SHA256\n20150830T123600Z\n20150830/s3/aws4_request\n";
    assert!(text.starts_with(start), "{text}");
}

/// The examples of AWS's documentation: "Create a signed AWS API request" as it stood with ListUsers, and
/// "Signature Calculations: Examples" in the Amazon S3 API Reference.
#[test]
fn the_examples_of_the_documentation_have_their_signatures() {
    check(
        json!({
            "url": "http://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            "headers": {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            "time": "20150830T123600Z",
            "credentials": {
                "access_key_id": "AKIDEXAMPLE",
                "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            },
        }),
        &[
            ("/decision", json!("sign")),
            ("/reason", json!("no_signature")),
            ("/service", json!("iam")),
            ("/region", json!("us-east-1")),
            ("/algorithm", json!("sigv4")),
            ("/credentials", json!("given")),
            ("/payload", json!("empty")),
            (
                "/canonical_request",
                json!(
                    "GET\n/\nAction=ListUsers&Version=2010-05-08\n\
                    content-type:application/x-www-form-urlencoded; charset=utf-8\nhost:iam.amazonaws.com\n\
                    x-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n\
                    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                ),
            ),
            (
                "/string_to_sign",
                json!(
                    "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
                    f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
                ),
            ),
            (
                "/headers",
                json!({
                    "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                        SignedHeaders=content-type;host;x-amz-date, \
                        Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
                    "x-amz-date": "20150830T123600Z",
                }),
            ),
        ],
    );
    let found = check(
        json!({
            "url": "http://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
            "time": "2013-05-24T00:00:00Z",
        }),
        &[
            ("/credentials", json!("example")),
            ("/service", json!("s3")),
        ],
    );
    let authorization = found
        .pointer("/headers/authorization")
        .and_then(Value::as_str);
    let signature = authorization.and_then(|text| text.rsplit('=').next());
    let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    assert_eq!(signature, Some(expected), "{found}");
}

#[test]
fn payloads_are_empty_streamed_held_or_hashed() {
    let chunked = json!({"transfer-encoding": "chunked"});
    let put = |host: &str| json!({"method": "PUT", "host": host, "body": "x"});
    let (s3, sqs) = ("s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com");
    check(json!({"host": sqs}), &[("/payload", json!("empty"))]);
    check(
        put(s3),
        &[
            ("/payload", json!("streamed")),
            ("/headers/content-length", Value::Null),
        ],
    );
    let mut held = put(s3);
    held["headers"] = chunked;
    check(
        held,
        &[
            ("/payload", json!("held")),
            ("/headers/content-length", json!("1")),
        ],
    );
    check(
        json!({"host": sqs, "end_of_stream": false}),
        &[
            ("/payload", json!("hashed")),
            ("/headers/content-length", json!("0")),
        ],
    );
    let hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let by_body = check(put(sqs), &[("/payload", json!("hashed"))]);
    let canonical = by_body["canonical_request"].as_str().unwrap();
    assert!(canonical.ends_with(hash), "{canonical}");
    let by_hash = json!({
        "method": "PUT", "host": sqs, "payload_hash": hash, "headers": {"content-length": "1"},
    });
    assert_eq!(explained(&by_hash, Shown::Redacted), by_body);
}

#[test]
fn decisions_have_the_words_of_the_stats() {
    let left = |reason: &str| {
        [
            ("/decision", json!("leave_alone")),
            ("/reason", json!(reason)),
        ]
    };
    check(json!({"host": "example.org"}), &left("not_aws"));
    check(
        json!({"host": "sqs.eu-west-1.amazonaws.com", "headers": {"authorization": "Bearer x"}}),
        &left("other_authorization"),
    );
    let refused = |reason: &str, status: u16| {
        [
            ("/decision", json!("refuse")),
            ("/reason", json!(reason)),
            ("/status", json!(status)),
        ]
    };
    let found = check(
        json!({"host": "sqs.eu-west-1.amazonaws.com", "config": {"allow": ["s3"]}}),
        &refused("not_allowed", 403),
    );
    assert!(
        found["help"].as_str().unwrap().contains("Add \"sqs\""),
        "{found}"
    );
    check(
        json!({"host": "sqs.eu-west-1.amazonaws.com", "cluster": null}),
        &refused("cluster_not_listed", 403),
    );
    // Envoy learns only at its end that a chunked body is too large.
    check(
        json!({
            "host": "sqs.eu-west-1.amazonaws.com", "body": "12345",
            "headers": {"transfer-encoding": "chunked"}, "config": {"allow": "*", "max_body_bytes": 4},
        }),
        &refused("body_too_large", 413),
    );
}

#[test]
fn the_rule_that_fits_and_the_role_that_signs_are_named() {
    let config = json!({
        "allow": ["s3"],
        "roles": {"audit": {"role_arn": "arn:aws:iam::123456789012:role/audit"}},
        "rules": [
            {"buckets": ["secret"], "effect": "deny"},
            {"buckets": ["ledger"], "role": "audit"},
            {"buckets": ["open"], "effect": "leave_alone"},
            {"services": ["sqs"], "client_signature": "refuse"},
        ],
    });
    let check = |host: &str, path: &str, rule: Value, role: Value| {
        let request = json!({"host": host, "path": path, "config": config});
        let found = check(request, &[]);
        assert_eq!((&found["rule"], &found["role"]), (&rule, &role), "{found}");
    };
    let s3 = "s3.eu-west-1.amazonaws.com";
    check(s3, "/ledger/k", json!(1), json!("audit"));
    check("ledger.s3.amazonaws.com", "/k", json!(1), json!("audit"));
    check(s3, "/other/k", json!(null), json!("own"));
    check(s3, "/secret/k", json!(0), json!(null));
    check(s3, "/open/k", json!(2), json!(null));
    check("sqs.eu-west-1.amazonaws.com", "/", json!(3), json!(null));
    check("example.org", "/", json!(null), json!(null));
}

#[test]
fn what_is_suspended_is_refused() {
    for suspended in [
        json!({"allow": "*", "suspended_services": ["s3"]}),
        json!({"allow": "*", "suspended_roles": ["own"]}),
    ] {
        check(
            json!({"url": "http://s3.eu-west-1.amazonaws.com/", "config": suspended}),
            &[("/decision", json!("refuse")), ("/reason", json!("denied"))],
        );
    }
}

#[test]
fn the_role_that_a_placeholder_names_is_shown_and_why_another_is_refused() {
    let config = json!({
        "allow": ["dynamodb", "sqs"],
        "roles": {"audit": {"role_arn": "arn:aws:iam::123456789012:role/audit"}},
        "rules": [
            {"services": ["sqs"], "effect": "allow"},
            {"placeholders": ["placeholder-audit"], "role": "audit"},
        ],
    });
    let not_listed = json!("placeholder_not_listed");
    let null = Value::Null;
    for (id, service, rule, role, reason) in [
        (
            "placeholder-audit",
            "dynamodb",
            json!(1),
            json!("audit"),
            json!("placeholder"),
        ),
        (
            "placeholder",
            "dynamodb",
            null.clone(),
            json!("own"),
            json!("placeholder"),
        ),
        (
            "placeholder-other",
            "dynamodb",
            null.clone(),
            null.clone(),
            not_listed.clone(),
        ),
        // The rule that decides does not name it.
        (
            "placeholder-audit",
            "sqs",
            json!(0),
            null.clone(),
            not_listed.clone(),
        ),
    ] {
        let credential = format!("Credential={id}/20261123/eu-west-1/{service}/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00");
        check(
            json!({
                "url": "http://127.0.0.1:9911/",
                "headers": {"authorization": authorization},
                "config": config,
            }),
            &[("/rule", rule), ("/role", role), ("/reason", reason)],
        );
    }
}

#[test]
fn what_the_client_signed_is_replaced_and_the_marker_removed() {
    let credential = "Credential=placeholder/20261123/eu-west-1/dynamodb/aws4_request";
    let found = check(
        json!({
            "url": "http://127.0.0.1:9911/",
            "headers": {
                "authorization": format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00"),
                "x-amz-security-token": "the client's",
                "x-sigv4-egress": "1",
            },
        }),
        &[
            ("/reason", json!("placeholder")),
            (
                "/headers/:authority",
                json!("dynamodb.eu-west-1.amazonaws.com"),
            ),
            ("/headers/x-amz-date", json!("20261123T200000Z")),
        ],
    );
    // Removed: there, and null.
    for removed in ["x-sigv4-egress", "x-amz-security-token"] {
        assert_eq!(found["headers"].get(removed), Some(&Value::Null), "{found}");
    }
}

#[test]
fn a_path_that_is_rewritten_is_shown_and_signed() {
    let credential = "Credential=placeholder/20261123/eu-west-1/s3express/aws4_request";
    let found = check(
        json!({
            "url": "http://127.0.0.1:9911/demo--euw1-az1--x-s3/a/b?versionId=1",
            "headers": {
                "authorization": format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00"),
            },
        }),
        &[
            ("/headers/:path", json!("/a/b?versionId=1")),
            (
                "/headers/:authority",
                json!("demo--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com"),
            ),
        ],
    );
    let canonical = found["canonical_request"].as_str().unwrap_or_default();
    assert!(
        canonical.starts_with("GET\n/a/b\nversionId=1\n"),
        "{canonical}"
    );
}

fn with_secrets() -> Value {
    json!({
        "url": "http://s3.eu-west-1.amazonaws.com/b/k",
        "headers": {"x-amz-server-side-encryption-customer-key": "hush-key"},
        "credentials": {
            "access_key_id": "ASIAIOSFODNN7EXAMPLE", "secret_access_key": "hush-secret", "session_token": "hush-token",
        },
    })
}

#[test]
fn secrets_are_redacted_and_the_signature_is_over_the_values() {
    let hidden = explained(&with_secrets(), Shown::Redacted);
    let shown = explained(&with_secrets(), Shown::Whole);
    assert!(!hidden.to_string().contains("hush"), "{hidden}");
    assert_eq!(
        hidden["redacted"],
        json!([
            "x-amz-security-token",
            "x-amz-server-side-encryption-customer-key"
        ])
    );
    assert_eq!(
        hidden["headers"]["x-amz-security-token"],
        json!("<redacted>")
    );
    assert_eq!(
        shown["headers"]["x-amz-security-token"],
        json!("hush-token")
    );
    assert_eq!(shown.get("redacted"), None);
    assert!(!shown.to_string().contains("hush-secret"), "{shown}");
    for same in ["string_to_sign", "headers/authorization"] {
        let pointer = format!("/{same}");
        assert_eq!(
            hidden.pointer(&pointer).unwrap(),
            shown.pointer(&pointer).unwrap()
        );
    }
    // What is shown hashes to what is signed.
    let canonical = shown["canonical_request"].as_str().unwrap();
    let hash: String = Sha256::digest(canonical)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(shown["string_to_sign"].as_str().unwrap().ends_with(&hash));
}

/// The body that S3 answers when it gets the request with the edit `from` -> `to`.
fn aws_answer(request: &Value, from: &str, to: &str) -> String {
    let seen = explained(request, Shown::Whole);
    let canonical = seen["canonical_request"].as_str().unwrap();
    assert!(canonical.contains(from), "{canonical}");
    let canonical = canonical.replace(from, to).replace('&', "&amp;");
    let to_sign = seen["string_to_sign"].as_str().unwrap();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code>\
         <StringToSign>{to_sign}</StringToSign><CanonicalRequest>{canonical}</CanonicalRequest></Error>"
    )
}

#[test]
fn a_path_that_a_proxy_changed_is_named() {
    let mut request = with_secrets();
    request["aws_403"] = aws_answer(&request, "/b/k", "/k").into();
    // As a user has it: without the time and the credentials, which Envoy alone knows.
    request.as_object_mut().unwrap().remove("credentials");
    let found = check(
        request,
        &[
            ("/difference/what", json!("path")),
            ("/difference/ours", json!("/b/k")),
            ("/difference/aws", json!("/k")),
        ],
    );
    assert!(!found.to_string().contains("hush"), "{found}");
}

#[test]
fn time_and_session_token_are_those_of_aws_unless_they_are_given() {
    let mut request = with_secrets();
    request["time"] = json!("20200101T000000Z");
    request["aws_403"] = aws_answer(&request, "GET", "GET").into();
    for key in ["credentials", "time"] {
        request.as_object_mut().unwrap().remove(key);
    }
    check(
        request.clone(),
        &[
            ("/difference/what", json!("nothing")),
            ("/headers/x-amz-date", json!("20200101T000000Z")),
        ],
    );
    request["time"] = json!("20200101T000001Z");
    check(request, &[("/difference/what", json!("header x-amz-date"))]);
}

#[test]
fn bytes_that_are_no_utf8_are_base64() {
    let request = json!({
        "host": "sqs.eu-west-1.amazonaws.com", "headers": {"x-amz-meta": {"base64": "/w=="}},
    });
    let found = check(request, &[("/canonical_request", Value::Null)]);
    let text = found["canonical_request_base64"].as_str().unwrap();
    let bytes = STANDARD.decode(text).unwrap();
    assert!(
        bytes.windows(13).any(|part| part == b"\nx-amz-meta:\xff"),
        "{found}"
    );
}

#[test]
fn a_malformed_line_is_named_and_the_others_go_on() {
    let input = b"{\"host\": \"example.org\"}\n\n{\"hots\": 1}\n{\"host\": \"example.com\"}";
    let mut output = Vec::new();
    let verdict = run(&mut &input[..], &mut output, Shown::Redacted, now()).unwrap();
    assert_eq!(verdict, Input::Malformed);
    let left = r#""decision":"leave_alone","reason":"not_aws"}"#;
    let keys = "method, url, host, path, headers, body, body_base64, payload_hash, end_of_stream, time, credentials, \
        config, cluster, route_metadata, aws_403";
    assert_eq!(
        String::from_utf8(output).unwrap(),
        format!(
            "{{\"line\":1,{left}\n\
             {{\"line\":3,\"error\":\"line 3: hots: is no key; allowed: {keys}\",\"key\":\"hots\"}}\n\
             {{\"line\":4,{left}\n"
        )
    );
}

/// JSON that is close to a request.
fn near_request() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![
            any::<String>(),
            "(http://)?[a-z0-9.:\\[\\]-]{0,12}(amazonaws.com)?(/[ -~]{0,12})?",
            "<[A-Za-z]{1,8}>[ -~]{0,8}(</[A-Za-z]{1,8}>)?",
            "[0-9TZ:-]{0,20}",
        ]
    };
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z0-9_-]{1,20}", inner, 0..4)
                .prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    });
    let keys = prop::sample::select(vec![
        "method",
        "url",
        "host",
        "path",
        "headers",
        "body",
        "body_base64",
        "payload_hash",
        "end_of_stream",
        "time",
        "credentials",
        "config",
        "cluster",
        "aws_403",
    ]);
    prop::collection::btree_map(keys, value, 0..5).prop_map(|map| {
        map.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}

proptest! {
    #[test]
    fn each_line_has_an_answer_in_json(requests in prop::collection::vec(near_request(), 1..4)) {
        let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
        let mut output = Vec::new();
        run(&mut input.as_bytes(), &mut output, Shown::Redacted, now()).unwrap();
        let lines: Vec<Value> = String::from_utf8(output)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        prop_assert_eq!(lines.len(), requests.len());
    }

    #[test]
    fn no_input_panics(input in any::<Vec<u8>>()) {
        let mut output = Vec::new();
        run(&mut &input[..], &mut output, Shown::Redacted, now()).unwrap();
        resolve::run(&mut &input[..], &mut output, "us-east-1").unwrap();
    }

    #[test]
    fn no_answer_of_aws_panics(text in any::<Vec<u8>>(), to_sign in any::<String>(), body in any::<String>()) {
        let answer = crate::aws_answer::AwsAnswer {
            code: String::new(),
            canonical_request: Some(text.clone()),
            string_to_sign: Some(to_sign),
        };
        let _ = compare::first_difference(b"GET\n/\n\nhost:h\n\nhost\nx", "a\nb\nc\nd", &answer, Shown::Redacted);
        let _ = Shown::Redacted.canonical_request(&text);
        let _ = crate::aws_answer::AwsAnswer::parse(&body);
    }
}
