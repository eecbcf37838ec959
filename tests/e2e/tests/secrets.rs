//! What others say about a call for credentials is shown without a part of what they were sent, and credentials that
//! were got with different secrets are kept apart.

use e2e::agent::Asked;
use e2e::{Reply, Request, SOON, Setup, World, eventually, json, scenario};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const SQS: &str = "sqs.eu-west-1.amazonaws.com";

/// So many characters of a secret in a row are no chance.
const PIECE: usize = 8;

/// SQS is called as a role that the pod's own takes.
fn chained() -> Setup {
    Setup::new().plugin(json!({
        "roles": {"audit": {"role_arn": "arn:aws:iam::210987654321:role/audit", "chained": true}},
        "rules": [{"services": ["sqs"], "role": "audit"}],
        "max_wait_ms": 1000,
    }))
}

/// Asks until the cause of the failure is known, and checks all places where it becomes visible.
async fn check_refused(world: &World, host: &str, says: &str) {
    let answer = eventually("the cause in an answer", SOON, async || {
        let answer = world.ask(Request::get(host, "/")).await;
        (answer.reason() == Some("credentials_unavailable")).then_some(answer)
    })
    .await;
    let status = world.status().to_string();
    assert!(answer.text().contains(says), "{}", answer.text());
    assert!(status.contains(says), "{status}");
    let log = world.envoy.log();
    let stats = world.envoy.admin("/stats").await.expect("an answer");
    for (place, text) in [
        ("the answer", answer.body.as_slice()),
        ("the status document", status.as_bytes()),
        ("the log", log.as_slice()),
        ("the stats", stats.body.as_slice()),
    ] {
        let leaked = world.ledger.piece_leaked_in(text, PIECE);
        assert_eq!(
            leaked,
            None,
            "in {place}: {}",
            String::from_utf8_lossy(text)
        );
        let text = String::from_utf8_lossy(text);
        let unseen =
            |c: char| c.is_control() && c != '\n' || ('\u{200b}'..='\u{202e}').contains(&c);
        assert!(!text.contains(unseen), "in {place}: {text:?}");
    }
}

#[test]
fn the_request_that_sts_quotes_for_a_chained_role_is_not_shown() {
    scenario(&chained(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        world.sts.always(Reply::QuotesRequest);
        check_refused(world, SQS, "does not match the signature you provided").await;
    });
}

#[test]
fn no_piece_of_what_sts_repeats_is_shown() {
    for length in [7, 20, 40, 4000] {
        scenario(&chained(), async |world| {
            world.ask(Request::get(S3, "/")).await.ok();
            world.sts.always(Reply::RepeatsSecrets(length));
            check_refused(world, SQS, "AccessDenied").await;
        });
        // The web identity token.
        let setup = Setup::new().sts(move |sts| sts.always(Reply::RepeatsSecrets(length)));
        scenario(&setup, async |world| {
            check_refused(world, S3, "AccessDenied").await;
        });
    }
}

#[test]
fn what_turns_a_line_or_cannot_be_seen_is_not_shown() {
    let message = "not\u{202e} allowed\u{2028}for\u{200b} you\u{0}\u{1b}[31m";
    let setup =
        Setup::new().sts(move |sts| sts.always(Reply::Refused(403, "AccessDenied", message)));
    scenario(&setup, async |world| {
        check_refused(world, S3, "AccessDenied: not allowed (status 403)").await;
    });
}

const TOKEN: &str = "Basic bGFwdG9wOmEtdG9rZW4tb2YtYS1sYXB0b3A=";

fn laptop(token: &str) -> Setup {
    Setup::new()
        .plugin(json!({"role_arn": null, "max_wait_ms": 1000}))
        .env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://127.0.0.1/credentials",
        )
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
}

#[test]
fn no_piece_of_the_token_that_a_container_endpoint_repeats_is_shown() {
    for text in [
        "[id]: (AccessDeniedException): the token {} is bad, fault: client",
        r#"{"code": "AccessDeniedException", "message": "token={}"}"#,
    ] {
        let setup = laptop(TOKEN).agent(move |agent| agent.refuse_with(403, text));
        scenario(&setup, async |world| {
            world.ledger.remember_secret(TOKEN);
            check_refused(world, S3, "AccessDeniedException").await;
        });
    }
}

#[test]
fn two_container_tokens_get_credentials_of_their_own() {
    scenario(&laptop(TOKEN), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        world.reconfigure_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic another");
        eventually("a request with the other token", SOON, async || {
            world.ask(Request::get(S3, "/")).await.ok();
            let asked = world.agent.asked();
            let with = |token: &str| {
                let is_with = |asked: &&Asked| asked.authorization.as_deref() == Some(token);
                asked.iter().filter(is_with).count()
            };
            ((with(TOKEN), with("Basic another")) == (1, 1)).then_some(())
        })
        .await;
        assert_eq!(world.ledger.issued().len(), 2);
    });
}

#[test]
fn an_account_id_that_nobody_reads_refuses_no_credentials() {
    for account in [json!(123_456_789_012_u64), json!("12345"), json!(null)] {
        let setup = laptop(TOKEN).agent(move |agent| agent.account(account.clone()));
        scenario(&setup, async |world| {
            world.ask(Request::get(S3, "/")).await.ok();
        });
    }
}
