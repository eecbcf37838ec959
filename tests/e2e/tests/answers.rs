//! What AWS answers to a signed request, and what follows.

use std::time::{Duration, Instant};

use e2e::verify::Verdict;
use e2e::{Request, SOON, Setup, json, scenario, until};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const FUNCTION_URL: &str = "abc.lambda-url.eu-west-1.on.aws";

const EXPIRED: &str =
    "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";

#[test]
fn credentials_that_aws_calls_expired_are_replaced_once_and_sign_until_then() {
    scenario(&Setup::new().concurrency(2), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        world.aws.refuse_with(400, EXPIRED);
        // The program sees AWS's own answer.
        let answer = world.ask(Request::get(S3, "/")).await;
        assert_eq!((answer.status, answer.text()), (400, EXPIRED.to_owned()));
        until("a refresh", SOON, || world.sts.calls().len() == 2).await;
        // An upstream that goes on saying so gets no more of them.
        for _ in 0..20 {
            world.ask(Request::get(S3, "/")).await;
        }
        assert_eq!(world.stat("stale_credentials").await, 1);
        assert_eq!(world.sts.calls().len(), 2);
    });
}

#[test]
fn a_worker_that_looks_at_some_answers_only_soon_sees_that_credentials_are_expired() {
    scenario(&Setup::new(), async |world| {
        // More than it looks at in a second.
        for _ in 0..300 {
            world.ask(Request::get(S3, "/")).await.ok();
        }
        world.aws.refuse_with(400, EXPIRED);
        let deadline = Instant::now() + SOON;
        while world.sts.calls().len() < 2 {
            assert!(Instant::now() < deadline, "no refresh within {SOON:?}");
            world.ask(Request::get(S3, "/")).await;
        }
        assert_eq!(world.stat("stale_credentials").await, 1);
    });
}

#[test]
fn an_error_that_only_mentions_expired_tokens_is_no_reason_for_a_refresh() {
    scenario(&Setup::new(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        world.aws.refuse_with(
            403,
            "<Error><Code>AccessDenied</Code><Message>ExpiredToken</Message></Error>",
        );
        for _ in 0..5 {
            world.ask(Request::get(S3, "/")).await;
        }
        assert_eq!(world.stat("stale_credentials").await, 0);
        assert_eq!(world.sts.calls().len(), 1);
    });
}

#[test]
fn a_clock_that_is_off_is_corrected_by_the_hosts_own() {
    scenario(&Setup::new(), async |world| {
        world.ledger.set_clock_ahead(Duration::from_secs(600));
        let answer = world.ask(Request::get(S3, "/")).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        // The retry that SDKs make is signed with AWS's time.
        world.ask(Request::get(S3, "/")).await.ok();
        let received = world.aws.received();
        let verdicts: Vec<&Verdict> = received.iter().map(|request| &request.verdict).collect();
        assert!(
            matches!(verdicts[..], [Verdict::Skewed, Verdict::Signed(_)]),
            "{verdicts:?}"
        );
        assert_eq!(world.stat("clock_skew").await, 1);
        // As soon as the clocks agree, ours counts again.
        world.ledger.set_clock_ahead(Duration::ZERO);
        assert_eq!(world.ask(Request::get(S3, "/")).await.status, 403);
        world.ask(Request::get(S3, "/")).await.ok();
        assert_eq!(world.stat("clock_skew").await, 2);
    });
}

#[test]
fn a_host_of_a_customers_cannot_choose_the_time_that_is_signed() {
    let setup = Setup::new().plugin(json!({"allow": "*"}));
    scenario(&setup, async |world| {
        world.ledger.set_clock_ahead(Duration::from_secs(600));
        for _ in 0..2 {
            let answer = world.ask(Request::get(FUNCTION_URL, "/")).await;
            assert_eq!(answer.status, 403, "{}", answer.text());
        }
        assert_eq!(world.stat("clock_skew").await, 0);
    });
}
