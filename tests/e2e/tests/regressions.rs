//! Faults that users reported of other signing proxies, where only the wire shows them. The others
//! are in the core's `tests/regressions.rs`.

use e2e::verify::client_signature;
use e2e::{Request, Setup, json, scenario};

const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

/// <https://github.com/envoyproxy/envoy/issues/23702>: two signatures in one header, joined by a comma.
#[test]
fn a_request_that_the_client_has_signed_leaves_with_one_authorization() {
    let rules = json!([{"client_signature": "re_sign"}]);
    let setup = Setup::new().plugin(json!({"rules": rules}));
    scenario(&setup, async |world| {
        for key_id in ["AKIAIOSFODNN7EXAMPLE", "placeholder"] {
            let key = world.ledger.client_key(key_id, "wJalrXUtnFEMI/K7MDENG");
            let scope = ("eu-west-1", "dynamodb");
            let headers = client_signature(&key, "POST", DYNAMODB, "/", scope, b"{}");
            let request = Request::new("POST", DYNAMODB, "/")
                .headers(headers)
                .body("{}");
            world.ask(request).await.ok();

            let received = world.aws.received().pop().expect("a request at AWS");
            let authorization = received.values("authorization");
            assert_eq!(authorization.len(), 1, "{authorization:?}");
            assert_eq!(authorization[0].matches("AWS4-HMAC-SHA256").count(), 1);
            assert_ne!(received.verdict.signature().access_key_id, key_id);
            for name in ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"] {
                assert_eq!(received.values(name).len(), 1, "{name}");
            }
        }
    });
}
