//! The harness itself: what it must notice, seen without the filter.

use e2e::verify::client_signature;
use e2e::{Request, Setup, Verdict, World, scenario};

#[test]
fn an_unsigned_request_is_noticed_at_aws() {
    for_one_envoy(async |world| {
        let answer = world
            .ask(Request::get("sts.eu-west-1.amazonaws.com", "/"))
            .await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert_eq!(world.aws.only().verdict, Verdict::Unsigned);
        let world = std::panic::AssertUnwindSafe(world);
        assert!(std::panic::catch_unwind(|| world.aws.assert_never_unsigned()).is_err());
    });
}

#[test]
fn a_clients_own_signature_is_verified_at_aws() {
    scenario(&Setup::new().without_filter(), async |world| {
        let key = world
            .ledger
            .client_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG");
        let host = "dynamodb.eu-west-1.amazonaws.com";
        let scope = ("eu-west-1", "dynamodb");
        let headers = client_signature(&key, "POST", host, "/a%20b?x=1&b", scope, b"body");
        let request = |body: &str| {
            let request = Request::new("POST", host, "/a%20b?x=1&b");
            request.headers(headers.clone()).body(body)
        };
        world.ask(request("body")).await.ok();
        assert!(matches!(
            world.aws.only().verdict,
            Verdict::SignedByClient(_)
        ));
    });
}

#[test]
fn a_body_that_was_changed_is_noticed_at_aws() {
    for_one_envoy(async |world| {
        let key = world
            .ledger
            .client_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG");
        let host = "dynamodb.eu-west-1.amazonaws.com";
        let headers = client_signature(&key, "POST", host, "/", ("eu-west-1", "dynamodb"), b"body");
        let request = Request::new("POST", host, "/")
            .headers(headers)
            .body("ydob");
        assert_eq!(world.ask(request).await.status, 403);
        assert!(matches!(world.aws.only().verdict, Verdict::Invalid(_)));
    });
}

#[test]
fn the_token_listener_follows_the_file() {
    scenario(&Setup::new().without_filter(), async |world| {
        let socket = world.token.path().with_file_name("token.sock");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&socket)
                .expect("the socket")
                .permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        let rotated = world.token.rotate();
        e2e::until("the new token is served", e2e::SOON, || {
            world.ask_token_listener("/token").contains(&rotated)
        })
        .await;
    });
}

#[test]
fn a_secret_in_the_log_or_in_an_answer_is_noticed() {
    for_one_envoy(async |world| {
        let world = std::panic::AssertUnwindSafe(world);
        let notices = |place: &str, text: &[u8]| {
            std::panic::catch_unwind(|| world.assert_no_secret(place, text)).is_err()
        };
        let log = world.envoy.log();
        assert!(!notices("the log", &log));
        world.ledger.remember_secret("starting main dispatch loop");
        assert!(notices("the log", &log));
        let key = world
            .ledger
            .issue("arn:aws:iam::123456789012:role/demo", e2e::SOON);
        assert!(notices(
            "an answer",
            format!("key={}", key.secret_access_key).as_bytes()
        ));
    });
}

/// Without the invariants of [`World::finish`], which these tests break on purpose.
fn for_one_envoy(steps: impl AsyncFn(&World)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let version = e2e::envoy::newest();
        let world = World::start(&version, &Setup::new().without_filter()).await;
        steps(&world).await;
    });
}
