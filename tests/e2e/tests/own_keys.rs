//! What carries a signature of the filter's own goes where the filter sends it, and nowhere else.

use e2e::bootstrap::{AWS, ELSEWHERE};
use e2e::ledger::contains;
use e2e::{Answer, Request, SOON, Setup, Value, Verdict, World, eventually, json, scenario, until};

const S3: &str = "s3.eu-west-1.amazonaws.com";

/// A route that follows the redirects of its upstream itself.
fn following(cluster: &str) -> Value {
    json!({
        "match": {"prefix": "/follow"},
        "route": {
            "cluster": cluster,
            "internal_redirect_policy": {
                "redirect_response_codes": [307],
                "allow_cross_scheme_redirect": true,
            },
        },
    })
}

/// Asks for what AWS redirects.
async fn follow(world: &World, to: &str) -> Answer {
    world.aws.redirect_to(to);
    world.ask(Request::get(S3, "/follow")).await
}

fn assert_nothing_went_elsewhere(world: &World) {
    for requests in [world.plain.requests(), world.elsewhere.requests()] {
        assert_eq!(requests.len(), 0);
    }
}

#[test]
fn a_signed_request_that_envoy_redirects_to_the_metadata_service_does_not_get_there() {
    for setup in [Setup::new(), Setup::new().guard()] {
        scenario(&setup.route(following(AWS)), async |world| {
            let answer = follow(world, "http://169.254.169.254/latest/meta-data/").await;
            let message = answer.refused(403, "own_signature");
            assert!(message.contains("internal_redirect_policy"), "{message}");
            assert_nothing_went_elsewhere(world);
            assert_eq!(world.aws.received().len(), 1);
            let log = world.access_log(2).await;
            assert!(
                log[0].starts_with("169.254.169.254 307 [signed "),
                "{log:?}"
            );
            let refused = "169.254.169.254 403 [refused reason=own_signature rule=none config=";
            assert!(log[1].starts_with(refused), "{log:?}");
            assert_eq!(world.stat("requests.refused.own_signature").await, 1);
            assert_eq!(world.stat("requests.left_alone.not_aws").await, 0);
        });
    }
}

#[test]
fn a_signed_request_that_envoy_redirects_to_another_bucket_is_not_sent_again() {
    let rules = json!([
        {"buckets": ["left"], "effect": "leave_alone"},
        {"buckets": ["signed"], "client_signature": "re_sign"},
    ]);
    let setup = Setup::new()
        .plugin(json!({"rules": rules}))
        .route(following(AWS));
    scenario(&setup, async |world| {
        for bucket in ["other", "left", "signed"] {
            let to = format!("http://{bucket}.s3.eu-west-1.amazonaws.com/follow");
            let answer = follow(world, &to).await;
            answer.refused(403, "own_signature");
        }
        // At AWS are the three that were redirected, and none of those that followed.
        let received = world.aws.received();
        assert_eq!(received.len(), 3);
        assert!(received.iter().all(|request| request.host == S3));
        assert_eq!(world.stat("requests.left_alone.client_signature").await, 0);
        // The client itself may follow.
        let moved = Request::get("other.s3.eu-west-1.amazonaws.com", "/");
        world.ask(moved).await.ok();
    });
}

/// A query that is presigned with the filter's key, as nearly as it matters here.
fn presigned(id: &str) -> String {
    format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id}%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00"
    )
}

/// Envoy repeats the URL in `x-envoy-original-url`, and takes the query of the new one.
#[test]
fn a_presigned_url_that_envoy_is_redirected_from_does_not_get_elsewhere() {
    for setup in [Setup::new(), Setup::new().guard()] {
        scenario(&setup.route(following(AWS)), async |world| {
            world.ask(Request::get(S3, "/")).await.ok();
            let id = world.credentials().await.access_key_id;
            for to in [
                "http://169.254.169.254/latest/meta-data/",
                "http://other.s3.eu-west-1.amazonaws.com/",
            ] {
                world.aws.redirect_to(to);
                let path = format!("/follow?{}", presigned(&id));
                let answer = world.ask(Request::get(S3, &path)).await;
                let message = answer.refused(403, "own_signature");
                assert!(message.contains("internal_redirect_policy"), "{message}");
            }
            assert_nothing_went_elsewhere(world);
            assert_eq!(world.stat("requests.left_alone.own_presigned").await, 2);
            // At AWS are the three requests of the client, and none of those that followed.
            assert_eq!(world.aws.received().len(), 3);
        });
    }
}

#[test]
fn a_session_token_of_the_filters_own_is_refused_without_a_signature() {
    let setup = Setup::new()
        .concurrency(2)
        .sts(|sts| sts.lifetime(std::time::Duration::from_secs(6)));
    scenario(&setup, async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let token = world.credentials().await.session_token.expect("a token");
        let encoded = token
            .replace('/', "%2F")
            .replace('+', "%2B")
            .replace('=', "%3D");
        until("a refresh", SOON, || world.ledger.issued().len() >= 2).await;
        for host in [S3, "storage.example.com"] {
            let header = Request::get(host, "/").header("x-amz-security-token", &token);
            world.ask(header).await.refused(403, "own_signature");
            for name in ["X-Amz-Security-Token", "x-amz-%73ecurity-token"] {
                let path = format!("/?a=b&{name}={encoded}");
                let query = Request::get(host, &path);
                world.ask(query).await.refused(403, "own_signature");
            }
        }
        assert_nothing_went_elsewhere(world);
        assert_eq!(world.aws.received().len(), 1);
        // A token that is not the filter's is a header like others.
        let other = Request::get("storage.example.com", "/");
        let other = other.header("x-amz-security-token", "IQoJother");
        world.ask(other).await.ok();
        assert_eq!(world.plain.requests().len(), 1);
    });
}

#[test]
fn a_redirect_after_a_refresh_is_known_by_the_last_key() {
    let setup = Setup::new()
        .concurrency(2)
        .sts(|sts| sts.lifetime(std::time::Duration::from_secs(6)))
        .route(following(AWS));
    scenario(&setup, async |world| {
        world.aws.redirect_to("http://169.254.169.254/");
        // AWS answers after the refresh.
        world.aws.gate.close();
        let (answer, ()) = tokio::join!(world.ask(Request::get(S3, "/follow")), async {
            until("the request is at AWS", SOON, || {
                world.aws.received().len() == 1
            })
            .await;
            until("a refresh", SOON, || world.ledger.issued().len() >= 2).await;
            world.aws.gate.open();
        });
        answer.refused(403, "own_signature");
        assert_nothing_went_elsewhere(world);
    });
}

#[test]
fn the_filters_own_signature_in_a_clients_request_is_refused_on_every_worker() {
    let setup = Setup::new().concurrency(4);
    scenario(&setup, async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let id = world.credentials().await.access_key_id;
        let scope = format!("{id}/20261123/eu-west-1/s3/aws4_request");
        let presigned = format!(
            "/?X-Amz-Credential={}&X-Amz-Signature=00",
            scope.replace('/', "%2F")
        );
        for host in [S3, "storage.example.com"] {
            for value in [
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"),
                format!(
                    "AWS4-ECDSA-P256-SHA256 Credential={id}/20261123/s3/aws4_request, Signature=00"
                ),
                format!("AWS {id}:00"),
            ] {
                for _ in 0..8 {
                    let request = Request::get(host, "/").header("authorization", &value);
                    world.ask(request).await.refused(403, "own_signature");
                }
            }
        }
        let elsewhere = Request::get("storage.example.com", &presigned);
        world.ask(elsewhere).await.refused(403, "own_signature");
        assert_nothing_went_elsewhere(world);
        assert_eq!(world.aws.received().len(), 1);
        // What is nobody's of ours is the client's own matter, as before.
        let other = presigned.replace(&id, "ASIAIOSFODNN7EXAMPLE");
        world
            .ask(Request::get("storage.example.com", &other))
            .await
            .ok();
        assert_eq!(world.plain.requests().len(), 1);
    });
}

#[test]
fn a_url_presigned_with_the_filters_credentials_goes_untouched_to_a_listed_cluster() {
    let setup = Setup::new().guard().route(json!({
        "match": {"prefix": "/unlisted"},
        "route": {"cluster": ELSEWHERE},
    }));
    scenario(&setup, async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let id = world.credentials().await.access_key_id;
        let query = presigned(&id);
        let path = format!("/listed?{query}");
        world.ask(Request::get(S3, &path)).await;
        let received = world.aws.received();
        let (first, presigned) = (&received[0], &received[1]);
        assert!(matches!(first.verdict, Verdict::Signed(_)));
        assert_eq!(presigned.path, path);
        assert!(
            !presigned
                .headers
                .iter()
                .any(|(name, _)| name == "authorization")
        );
        assert_eq!(world.stat("requests.left_alone.own_presigned").await, 1);
        let unlisted = Request::get(S3, &format!("/unlisted?{query}"));
        world.ask(unlisted).await.refused(403, "own_signature");
        assert_nothing_went_elsewhere(world);
    });
}

/// A route to AWS whose requests are copied to a cluster that is not listed.
fn mirrored() -> Value {
    json!({
        "match": {"prefix": "/mirror"},
        "route": {"cluster": AWS, "request_mirror_policies": [{"cluster": ELSEWHERE}]},
    })
}

/// What SECURITY.md says of mirrors: Envoy makes the copy behind the filters of the listener, so that without the guard
/// it leaves with the signature and the session token. If this fails, the document is to be changed.
#[test]
fn without_the_guard_a_mirror_gets_what_is_signed() {
    scenario(&Setup::new().route(mirrored()), async |world| {
        world.ask(Request::get(S3, "/mirror")).await.ok();
        until("the copy", SOON, || world.elsewhere.requests().len() == 1).await;
        let token = world.credentials().await.session_token.expect("a token");
        assert!(contains(&world.elsewhere.requests()[0], token.as_bytes()));
    });
}

#[test]
fn the_guard_stops_the_copy_for_a_mirror_that_is_not_listed() {
    for setup in [
        Setup::new().guard(),
        Setup::new().guard_elsewhere(),
        Setup::new().guard().guard_elsewhere(),
    ] {
        scenario(&setup.route(mirrored()), async |world| {
            world.ask(Request::get(S3, "/mirror")).await.ok();
            eventually("the copy is refused", SOON, async || {
                let name = "requests.refused.own_signature";
                (world.envoy.stats_that_end_with(name).await == 1).then_some(())
            })
            .await;
            assert_nothing_went_elsewhere(world);
        });
    }
}

/// The same, but for the headers that the mirror's policy takes away: the copy has no signature any more.
fn mirrored_without(headers: &[&str]) -> Value {
    let mutations = headers.iter().map(|name| json!({"remove": name}));
    let mutations: Vec<Value> = mutations.collect();
    let mut route = mirrored();
    route["route"]["request_mirror_policies"][0]["request_headers_mutations"] = json!(mutations);
    route
}

#[test]
fn the_guard_stops_a_copy_that_has_lost_its_signature_and_not_its_token() {
    for setup in [Setup::new().guard(), Setup::new().guard_elsewhere()] {
        let setup = setup.route(mirrored_without(&["authorization"]));
        scenario(&setup, async |world| {
            world.ask(Request::get(S3, "/mirror")).await.ok();
            eventually("the copy is refused", SOON, async || {
                let name = "requests.refused.own_signature";
                (world.envoy.stats_that_end_with(name).await == 1).then_some(())
            })
            .await;
            assert_nothing_went_elsewhere(world);
        });
    }
}

/// A copy that has lost both is nobody's of ours: this is how a mirror can be had.
#[test]
fn a_copy_without_signature_and_token_passes_the_guard() {
    let route = mirrored_without(&["authorization", "x-amz-security-token"]);
    scenario(&Setup::new().guard().route(route), async |world| {
        world.ask(Request::get(S3, "/mirror")).await.ok();
        until("the copy", SOON, || world.elsewhere.requests().len() == 1).await;
        let copy = &world.elsewhere.requests()[0];
        let key = world.credentials().await;
        let token = key.session_token.expect("a token");
        for own in [key.access_key_id.as_bytes(), token.as_bytes()] {
            assert!(!contains(copy, own));
        }
    });
}
