//! Where credentials come from, and what a request gets while there are none.

use std::time::{Duration, Instant};

use e2e::ca::TestCa;
use e2e::token::jwt;
use e2e::world::Listener;
use e2e::{Answer, Reply, Request, SOON, Setup, World, eventually, json, scenario, until};

const S3: &str = "s3.eu-west-1.amazonaws.com";

fn list_buckets() -> Request {
    Request::get(S3, "/")
}

/// The answer while there are no credentials: 503, to be retried.
#[track_caller]
fn no_credentials(answer: &Answer) -> String {
    let reasons = [Some("credentials_pending"), Some("credentials_unavailable")];
    assert!(
        reasons.contains(&answer.reason()),
        "{answer:?} {}",
        answer.text()
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.refused(503, answer.reason().unwrap_or_default())
}

/// Asks until the cause of the failure is known.
async fn credentials_unavailable(world: &World) -> String {
    eventually("the cause in an answer", SOON, async || {
        let answer = world.ask(list_buckets()).await;
        let text = no_credentials(&answer);
        (answer.reason() == Some("credentials_unavailable")).then_some(text)
    })
    .await
}

#[test]
fn a_burst_at_cold_start_makes_one_sts_call() {
    for workers in [1, 2, 4] {
        let setup = Setup::new()
            .concurrency(workers)
            .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
            .sts_held();
        scenario(&setup, async |world| {
            let (answers, ()) = tokio::join!(world.ask_many(200, list_buckets()), async {
                world.until_parked(200).await;
                until("the call to STS", SOON, || !world.sts.calls().is_empty()).await;
                world.sts.gate.open();
            });
            answers.iter().for_each(Answer::ok);
            assert_eq!(world.sts.calls().len(), 1);
            let received = world.aws.received();
            assert_eq!(received.len(), 200);
            for request in received {
                let signature = request.verdict.signature();
                assert_eq!(
                    (&*signature.service, &*signature.region),
                    ("s3", "eu-west-1")
                );
            }
            assert_eq!(world.stat("requests.signed.no_signature").await, 200);
            assert_eq!(world.stat("sts.ok").await, 1);
            world.until_parked(0).await;
        });
    }
}

#[test]
fn later_requests_are_signed_with_the_credentials_that_are_there() {
    scenario(&Setup::new().concurrency(2), async |world| {
        world.ask(list_buckets()).await.ok();
        world
            .ask_many(20, list_buckets())
            .await
            .iter()
            .for_each(Answer::ok);
        assert_eq!(world.sts.calls().len(), 1);
        let age = world.stat("credential_age_seconds").await;
        assert!(age < 60, "age {age} s");
        eventually("the time to expiry", SOON, async || {
            let left = world.stat("credential_seconds_to_expiry").await;
            (3000..=3600).contains(&left).then_some(())
        })
        .await;
    });
}

#[test]
fn sts_is_asked_as_the_configured_role_and_session() {
    scenario(&Setup::new(), async |world| {
        world.ask(list_buckets()).await.ok();
        let call = world.sts.calls().remove(0);
        assert_eq!(call.form["RoleArn"], "arn:aws:iam::123456789012:role/demo");
        assert_eq!(call.form["RoleSessionName"], "e2e");
    });
}

#[test]
fn a_pod_prepared_for_irsa_needs_only_the_allow_list() {
    let setup = Setup::new()
        .plugin(json!({"role_arn": null, "region": null, "session_name": null}))
        .env("AWS_ROLE_ARN", "arn:aws:iam::210987654321:role/from-env")
        .env("AWS_REGION", "eu-west-1")
        .env("POD_NAMESPACE", "shop")
        .env("POD_NAME", "reports-1");
    scenario(&setup, async |world| {
        world.ask(list_buckets()).await.ok();
        let call = world.sts.calls().remove(0);
        assert_eq!(
            call.form["RoleArn"],
            "arn:aws:iam::210987654321:role/from-env"
        );
        assert_eq!(call.form["RoleSessionName"], "shop.reports-1");
    });
}

#[test]
fn credentials_in_xml_sign_too() {
    scenario(
        &Setup::new().sts(|sts| sts.always(Reply::Xml)),
        async |world| {
            world.ask(list_buckets()).await.ok();
            assert!(
                !world
                    .aws
                    .only()
                    .verdict
                    .signature()
                    .access_key_id
                    .is_empty()
            );
        },
    );
}

#[test]
fn sts_down_at_start_gives_503_until_it_is_up() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 300}))
        .sts(|sts| sts.always(Reply::Reset));
    scenario(&setup, async |world| {
        no_credentials(&world.ask(list_buckets()).await);
        world.sts.always(Reply::Json);
        world.ask_until_ok(list_buckets()).await;
        assert_eq!(world.stat("sts.ok").await, 1);
        assert!(world.stat("sts.unreachable").await >= 1);
    });
}

#[test]
fn a_throttled_sts_is_asked_again_by_itself() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 20_000}))
        .sts(|sts| {
            sts.next([
                Reply::Refused(400, "Throttling", "Rate exceeded"),
                Reply::Raw(503, Vec::new()),
                Reply::Raw(500, b"Internal Failure".to_vec()),
            ]);
        });
    scenario(&setup, async |world| {
        world.ask(list_buckets()).await.ok();
        assert_eq!(world.sts.calls().len(), 4);
        assert!(world.stat("sts.throttled").await > 0);
    });
}

#[test]
fn a_denial_by_sts_is_in_the_answer_until_the_trust_policy_is_mended() {
    let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    for reply in [
        Reply::Refused(403, "AccessDenied", message),
        Reply::RefusedInXml(403, "AccessDenied", message),
    ] {
        scenario(
            &Setup::new().sts(move |sts| sts.always(reply.clone())),
            async |world| {
                let text = no_credentials(&world.ask(list_buckets()).await);
                assert!(
                    text.contains("AccessDenied") && text.contains(message),
                    "{text}"
                );
                assert!(world.stat("sts.denied").await > 0);
                assert!(world.aws.received().is_empty());
                world.sts.always(Reply::Json);
                world.ask_until_ok(list_buckets()).await;
            },
        );
    }
}

#[track_caller]
fn check_bad_reply(reply: Reply) {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 1000}))
        .sts(move |sts| sts.always(reply.clone()));
    scenario(&setup, async |world| {
        credentials_unavailable(world).await;
        assert!(world.aws.received().is_empty());
        world.sts.always(Reply::Json);
        world.ask_until_ok(list_buckets()).await;
    });
}

#[test]
fn garbage_from_sts_gives_503_and_no_credentials() {
    check_bad_reply(Reply::Raw(200, b"<html>\xff\xfe{{{</html>".to_vec()));
}

#[test]
fn truncated_json_from_sts_gives_503_and_no_credentials() {
    check_bad_reply(Reply::TruncatedJson);
}

#[test]
fn an_empty_reply_from_sts_gives_503_and_no_credentials() {
    check_bad_reply(Reply::Raw(200, Vec::new()));
}

#[test]
fn ten_megabytes_from_sts_give_503_and_no_credentials() {
    check_bad_reply(Reply::Raw(200, vec![b'{'; 10 << 20]));
}

#[test]
fn a_silent_sts_costs_each_request_its_longest_wait_and_no_more() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 1000, "sts_timeout_ms": 60_000}))
        .concurrency(2)
        .sts(|sts| sts.always(Reply::Hang));
    scenario(&setup, async |world| {
        let start = Instant::now();
        for answer in world.ask_many(20, list_buckets()).await {
            no_credentials(&answer);
        }
        let waited = start.elapsed();
        let longest_wait = Duration::from_secs(1);
        assert!(waited >= longest_wait, "they did not wait: {waited:?}");
        // And not for STS.
        assert!(waited < SOON, "they waited {waited:?}");
        world.until_parked(0).await;
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn more_requests_than_may_wait_are_refused_at_once() {
    let setup = Setup::new()
        .plugin(json!({"max_parked": 3, "max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        let (answers, ()) = tokio::join!(world.ask_many(10, list_buckets()), async {
            let refused = "requests.refused.too_many_parked";
            eventually("seven refusals", SOON, async || {
                (world.stat(refused).await == 7).then_some(())
            })
            .await;
            world.sts.gate.open();
        });
        let (signed, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((signed.len(), refused.len()), (3, 7));
        for answer in refused {
            answer.refused(503, "too_many_parked");
        }
    });
}

#[test]
fn a_client_that_leaves_does_not_stop_the_others() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 30_000, "sts_timeout_ms": 30_000}))
        .sts_held();
    scenario(&setup, async |world| {
        let (answers, ()) = tokio::join!(world.ask_many(5, list_buckets()), async {
            world.until_parked(5).await;
            let mut leaver = world.connect().await;
            leaver.send(&list_buckets().bytes()).await.expect("sent");
            world.until_parked(6).await;
            drop(leaver);
            world.until_parked(5).await;
            world.sts.gate.open();
        });
        answers.iter().for_each(Answer::ok);
        assert_eq!(world.aws.received().len(), 5);
    });
}

#[test]
fn a_token_listener_that_comes_late_is_found() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 300}))
        .without_token_listener();
    scenario(&setup, async |world| {
        no_credentials(&world.ask(list_buckets()).await);
        assert!(world.sts.calls().is_empty());
        world.token.rotate();
        world.listeners(&[Listener::Token, Listener::Egress]);
        world.ask_until_ok(list_buckets()).await;
    });
}

#[track_caller]
fn check_bad_token(token: &str, explanation: &str) {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 1000}))
        .token(token);
    scenario(&setup, async |world| {
        let text = credentials_unavailable(world).await;
        assert!(
            text.contains(explanation),
            "{text} does not say {explanation}"
        );
        assert!(world.sts.calls().is_empty(), "the token went to STS");
        world.token.rotate();
        world.ask_until_ok(list_buckets()).await;
    });
}

#[test]
fn an_empty_token_file_gives_503_and_says_so() {
    check_bad_token("\n", "empty");
}

#[test]
fn an_expired_token_gives_503_and_says_so() {
    check_bad_token(&jwt("sts.amazonaws.com", -60), "expired");
}

#[test]
fn a_token_for_another_audience_gives_503_and_says_so() {
    check_bad_token(&jwt("vault.example.org", 3600), "vault.example.org");
}

#[test]
fn a_token_with_a_newline_at_its_end_is_trimmed() {
    let setup = Setup::new().token(&format!("{}\n", jwt("sts.amazonaws.com", 3600)));
    scenario(&setup, async |world| world.ask(list_buckets()).await.ok());
}

#[test]
fn a_rotated_token_goes_into_the_next_sts_call_under_traffic() {
    // So short that a refresh is due within seconds, whatever the window.
    let lifetime = Duration::from_secs(6);
    scenario(
        &Setup::new().sts(move |sts| sts.lifetime(lifetime)),
        async |world| {
            world.ask(list_buckets()).await.ok();
            let token = world.token.rotate();
            eventually("a call with the new token", SOON, async || {
                world.ask(list_buckets()).await.ok();
                world
                    .sts
                    .calls()
                    .iter()
                    .any(|call| call.token == token)
                    .then_some(())
            })
            .await;
        },
    );
}

#[test]
fn a_token_that_sts_calls_expired_is_replaced_by_the_rotated_one() {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 500}))
        .sts(|sts| sts.accept_only("one that is not written yet"));
    scenario(&setup, async |world| {
        let text = no_credentials(&world.ask(list_buckets()).await);
        assert!(text.contains("ExpiredTokenException"), "{text}");
        let token = world.token.rotate();
        world.sts.accept_only(&token);
        world.ask_until_ok(list_buckets()).await;
    });
}

#[test]
fn a_refresh_that_fails_costs_no_request_while_credentials_live() {
    let setup = Setup::new().sts(|sts| {
        sts.lifetime(Duration::from_secs(10));
        sts.always(Reply::Hang);
        sts.next([Reply::Json]);
    });
    scenario(&setup, async |world| {
        world.ask(list_buckets()).await.ok();
        until("the refresh", SOON, || world.sts.calls().len() > 1).await;
        // It has no answer, and never will have one.
        world
            .ask_many(20, list_buckets())
            .await
            .iter()
            .for_each(Answer::ok);
    });
}

#[test]
fn credentials_shorter_lived_than_the_refresh_window_cause_no_storm_of_calls() {
    let setup = Setup::new().sts(|sts| sts.lifetime(Duration::from_secs(120)));
    scenario(&setup, async |world| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(4) {
            world.ask(list_buckets()).await.ok();
        }
        let calls = world.sts.calls().len();
        assert!(calls <= 2, "{calls} calls to STS in four seconds");
    });
}

#[test]
fn expired_credentials_sign_nothing() {
    let setup = Setup::new().plugin(json!({"max_wait_ms": 300})).sts(|sts| {
        sts.lifetime(Duration::from_secs(3));
        sts.always(Reply::Reset);
        sts.next([Reply::Json]);
    });
    scenario(&setup, async |world| {
        world.ask(list_buckets()).await.ok();
        eventually("the end of the credentials", SOON, async || {
            let answer = world.ask(list_buckets()).await;
            (answer.status == 503).then(|| no_credentials(&answer))
        })
        .await;
    });
}

#[test]
fn the_pauses_of_the_refresh_rules_shrink_for_tests() {
    let setup = Setup::new()
        .env("SIGV4_EGRESS_TIME_SCALE", "0.001")
        .sts(|sts| sts.always(Reply::Reset));
    scenario(&setup, async |world| {
        // As the rules are, the fifth pause alone is 4 s or longer.
        eventually("many tries", SOON, async || {
            (world.stat("sts.unreachable").await > 15).then_some(())
        })
        .await;
    });
}

#[track_caller]
fn check_certificate(show_wrong: impl Fn(&e2e::FakeSts) + 'static) {
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 300}))
        .sts(show_wrong);
    scenario(&setup, async |world| {
        until("a refused certificate", SOON, || {
            world.sts.failed_handshakes() > 0
        })
        .await;
        no_credentials(&world.ask(list_buckets()).await);
        assert!(world.sts.calls().is_empty(), "the token was sent");
        world.sts.certificate_by(&world.ca);
        world.ask_until_ok(list_buckets()).await;
    });
}

#[test]
fn an_sts_with_a_certificate_for_another_name_gets_no_token() {
    check_certificate(|sts| sts.certificate_for("sts.example.org"));
}

#[test]
fn an_sts_with_a_certificate_of_another_authority_gets_no_token() {
    check_certificate(|sts| sts.certificate_by(&TestCa::new()));
}

#[test]
fn a_new_configuration_does_not_wait_for_the_lease_of_the_old_one() {
    // The lease would last longer than any step of this test may.
    let setup = Setup::new()
        .plugin(json!({"max_wait_ms": 500, "sts_timeout_ms": 60_000}))
        .sts(|sts| sts.always(Reply::Hang));
    scenario(&setup, async |world| {
        no_credentials(&world.ask(list_buckets()).await);
        until("the call that hangs", SOON, || {
            !world.sts.calls().is_empty()
        })
        .await;
        world.sts.always(Reply::Json);
        // The old roots end with their filter chain, in the middle of the callout.
        world.reconfigure(json!({"max_wait_ms": 501}));
        eventually("a signed answer", SOON, async || {
            let port = world.envoy.port("egress").await?;
            let mut connection = e2e::Connection::open(port).await.ok()?;
            let answer = connection.ask(&list_buckets().bytes()).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    });
}
