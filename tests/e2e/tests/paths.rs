//! Envoy may change a path before the filter sees it, and what is signed is what is sent. What a route
//! changes after the filter is not.

use e2e::bootstrap::AWS;
use e2e::s3s::S3s;
use e2e::{Request, Setup, Value, json, scenario};

const S3: &str = "s3.eu-west-1.amazonaws.com";
/// Signs normalised paths.
const LAMBDA: &str = "lambda.eu-west-1.amazonaws.com";

/// Sent by the client; the tests below say what arrives, in this order.
const SENT: [&str; 9] = [
    "/a/./b/../c",
    "//a//b",
    "/a%2Fb",
    "/a%2f%2Fb",
    r"/a\..\b",
    "/a%5Cb",
    "/a/%2e%2e/b",
    "/%61%20b(1)@+",
    "/a/../b?x=/../y//%2f",
];
/// An answer of Envoy's own.
const ANSWERED: &str = "";
/// In the place of an error's code.
const STORED: &str = "";

/// Checks that AWS gets these paths, signed as they are, where the connection manager has these fields.
fn check(fields: Value, arrive: [&str; SENT.len()]) {
    scenario(&Setup::new().manager(fields), async |world| {
        for (sent, expected) in SENT.iter().zip(arrive) {
            for host in [S3, LAMBDA] {
                let before = world.aws.received().len();
                let answer = world.ask(Request::get(host, sent)).await;
                let received = world.aws.received().split_off(before).pop();
                let Some(received) = received else {
                    assert_eq!(expected, ANSWERED, "{sent}: {answer:?}");
                    assert!([400, 307].contains(&answer.status), "{sent}: {answer:?}");
                    continue;
                };
                answer.ok();
                assert_eq!(received.path, expected, "{sent}");
                // Recomputed from what arrived.
                received.verdict.signature();
            }
        }
    });
}

#[test]
fn a_path_that_envoy_leaves_alone_is_signed_as_it_came() {
    check(json!({}), SENT);
}

/// `normalize_path`: Istio's default (`pathNormalization: BASE`).
#[test]
fn a_normalised_path_is_signed_as_it_goes_out() {
    check(
        json!({"normalize_path": true}),
        [
            "/a/c",
            "//a//b",
            "/a%2Fb",
            "/a%2f%2Fb",
            "/b",
            "/a%5Cb",
            "/b",
            "/a%20b(1)@+",
            "/b?x=/../y//%2f",
        ],
    );
}

#[test]
fn a_path_with_merged_slashes_is_signed_as_it_goes_out() {
    let mut arrive = SENT;
    arrive[1] = "/a/b";
    check(json!({"merge_slashes": true}), arrive);
}

#[test]
fn a_path_with_unescaped_slashes_is_signed_as_it_goes_out() {
    let mut arrive = SENT;
    (arrive[2], arrive[3], arrive[5]) = ("/a/b", "/a//b", r"/a\b");
    check(
        json!({"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}),
        arrive,
    );
}

/// Istio's `DECODE_AND_MERGE_SLASHES`.
#[test]
fn a_path_that_is_changed_in_every_way_is_signed_as_it_goes_out() {
    check(
        json!({
            "normalize_path": true,
            "merge_slashes": true,
            "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
        }),
        [
            "/a/c",
            "/a/b",
            "/a/b",
            "/a/b",
            "/b",
            "/a/b",
            "/b",
            "/a%20b(1)@+",
            "/b?x=/../y//%2f",
        ],
    );
}

#[test]
fn a_path_that_envoy_refuses_or_redirects_is_not_signed() {
    for action in ["REJECT_REQUEST", "UNESCAPE_AND_REDIRECT"] {
        let mut arrive = SENT;
        (arrive[2], arrive[3], arrive[5]) = (ANSWERED, ANSWERED, ANSWERED);
        check(json!({"path_with_escaped_slashes_action": action}), arrive);
    }
}

#[test]
fn what_a_route_rewrites_after_the_filter_does_not_verify() {
    let regex = json!({"pattern": {"regex": "2026"}, "substitution": "2027"});
    let header = |key: &str| json!([{"header": {"key": key, "value": "UNSIGNED-PAYLOAD"}}]);
    let token = json!(["x-amz-security-token"]);
    // What the route does, and what an S3 says to it that verifies signatures.
    let cases = [
        (
            json!({"prefix_rewrite": "/version-1/"}),
            json!({}),
            "SignatureDoesNotMatch",
        ),
        (
            json!({"regex_rewrite": regex}),
            json!({}),
            "SignatureDoesNotMatch",
        ),
        (
            json!({"host_rewrite_literal": "s3.eu-west-2.amazonaws.com"}),
            json!({}),
            "SignatureDoesNotMatch",
        ),
        (
            json!({}),
            json!({"request_headers_to_remove": token}),
            "SignatureDoesNotMatch",
        ),
        // Two of them.
        (
            json!({}),
            json!({"request_headers_to_add": header("x-amz-content-sha256")}),
            "InvalidRequest",
        ),
        // Beside the signature.
        (
            json!({}),
            json!({"request_headers_to_add": header("x-team")}),
            STORED,
        ),
    ];
    let s3s = S3s::start();
    // The guard looks at clusters, and at nothing else.
    let mut setup = Setup::new().aws_at(s3s.port).guard();
    for (number, (action, more, _)) in cases.iter().enumerate() {
        let header = json!({"name": "x-case", "string_match": {"exact": number.to_string()}});
        let mut route = more.clone();
        route["match"] = json!({"prefix": "/", "headers": [header]});
        route["route"] = action.clone();
        route["route"]["cluster"] = json!(AWS);
        setup = setup.route(route);
    }
    scenario(&setup, async |world| {
        s3s.trust(&world.credentials().await);
        for (number, (action, more, code)) in cases.iter().enumerate() {
            let request = Request::new("PUT", S3, "/bucket/reports/2026")
                .header("x-case", number.to_string())
                .body("data");
            let answer = world.ask(request).await;
            assert_eq!(answer.reason(), None, "{action} {more}: {answer:?}");
            let text = answer.text();
            if *code == STORED {
                answer.ok();
            } else {
                let code = format!("<Code>{code}</Code>");
                assert!(text.contains(&code), "{action} {more}: {text}");
            }
        }
    });
}

/// The filter sees the host that the client names, and a route's rewrite comes later.
#[test]
fn a_host_that_only_a_route_makes_an_aws_host_is_not_signed() {
    let s3s = S3s::start();
    let route = json!({
        "match": {"prefix": "/"},
        "route": {"cluster": AWS, "host_rewrite_literal": S3},
    });
    let setup = Setup::new().aws_at(s3s.port).route(route);
    scenario(&setup, async |world| {
        s3s.trust(&world.credentials().await);
        // The virtual host of AWS's, with a name that is none of AWS's to the filter.
        let answer = world
            .ask(Request::get("d1.elb.eu-west-1.amazonaws.com", "/"))
            .await;
        assert_eq!(answer.reason(), None, "{answer:?}");
        assert!(
            answer.text().contains("<Code>AccessDenied</Code>"),
            "{answer:?} {}",
            answer.text()
        );
        assert_eq!(world.stat("requests.left_alone.not_aws").await, 1);
    });
}
