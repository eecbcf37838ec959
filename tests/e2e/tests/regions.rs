//! STS of another region, and roles of another partition: whom the filter asks, and when it goes back.

use std::time::{Duration, Instant};

use e2e::{Reply, Request, SOON, Setup, Value, World, eventually, json, scenario, token, until};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const SQS: &str = "sqs.eu-west-1.amazonaws.com";
const FIRST: &str = "sts.eu-west-1.amazonaws.com";
const OTHER: &str = "sts.eu-central-1.amazonaws.com";

/// Two regions, and credentials that are renewed every few seconds.
fn two_regions() -> Setup {
    Setup::new()
        .plugin(json!({"sts_hosts": [FIRST, OTHER]}))
        // The five minutes for which the other region is asked first are 15 seconds.
        .env("SIGV4_EGRESS_TIME_SCALE", "0.05")
}

fn role(world: &World) -> Value {
    world.status()["plugins"][0]["roles"][0].clone()
}

/// Sends requests one after the other on four connections; says how many went out, and panics at the first that failed.
async fn load(world: &World, length: Duration) -> u32 {
    let end = Instant::now() + length;
    let client = async || {
        let mut connection = world.connect().await;
        let mut sent = 0;
        while Instant::now() < end {
            let answer = connection.ask(&Request::get(S3, "/b/k").bytes()).await;
            answer.expect("an answer").ok();
            sent += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sent
    };
    let (a, b, c, d) = tokio::join!(client(), client(), client(), client());
    a + b + c + d
}

/// How long STS of the first region says nothing: `SIGV4_EGRESS_SILENCE_SECONDS=1800` is the outage that
/// docs/simulation.md has.
fn silence() -> Duration {
    let seconds = std::env::var("SIGV4_EGRESS_SILENCE_SECONDS").ok();
    Duration::from_secs(seconds.map_or(20, |text| text.parse().expect("a number")))
}

#[test]
fn while_sts_of_the_first_region_hangs_no_request_fails_and_it_is_asked_again() {
    let setup = two_regions()
        .concurrency(2)
        .limit(Duration::from_secs(120) + silence())
        .newest_only_if(std::env::var("SIGV4_EGRESS_SILENCE_SECONDS").is_ok());
    scenario(&setup, async |world| {
        for sts in [&world.sts, &world.sts_elsewhere] {
            sts.lifetime(Duration::from_secs(20));
        }
        world.ask(Request::get(S3, "/b/k")).await.ok();
        assert_eq!(role(world)["sts_host"], FIRST);
        assert!(world.sts_elsewhere.calls().is_empty());
        // Neither a connection that is there nor a new one gets an answer.
        world.sts.gate.close();
        world.sts.door.close();
        let sent = load(world, silence()).await;
        let elsewhere = world.sts_elsewhere.calls().len();
        assert!(elsewhere > 0, "nobody asked the other region");
        assert_eq!(role(world)["sts_host"], OTHER);
        assert!(world.stat("sts_host.other").await > 0);
        assert!(world.stat("sts.unreachable").await > 0);
        let asked = world.sts.calls().len();
        world.sts.gate.open();
        world.sts.door.open();
        let back = async {
            eventually(
                "the first region gives credentials again",
                SOON * 4,
                async || (role(world)["sts_host"] == FIRST).then_some(()),
            )
            .await;
        };
        tokio::join!(load(world, Duration::from_secs(5)), back);
        assert!(world.sts.calls().len() > asked);
        println!(
            "{sent} requests in {:?}, {elsewhere} calls to the other region",
            silence()
        );
    });
}

#[test]
fn a_pod_that_starts_while_the_first_region_hangs_waits_for_the_other_and_fails_nothing() {
    let chained = json!({
        "roles": {"audit": {"role_arn": "arn:aws:iam::210987654321:role/audit", "chained": true}},
        "rules": [{"services": ["sqs"], "role": "audit"}],
    });
    let setup = two_regions().plugin(chained).sts(|sts| sts.door.close());
    scenario(&setup, async |world| {
        // The chained role's first call does not wait for the first region again, and is signed for the other.
        for answer in world.ask_many(20, Request::get(SQS, "/")).await {
            answer.ok();
        }
        let calls = world.sts_elsewhere.calls();
        let actions: Vec<&str> = calls.iter().map(|call| &*call.form["Action"]).collect();
        assert_eq!(actions, ["AssumeRoleWithWebIdentity", "AssumeRole"]);
        assert!(calls[1].signed_by.is_some());
        assert_eq!(world.stat("sts.unreachable").await, 1);
        assert_eq!(world.stat("sts_host.other").await, 2);
    });
}

#[test]
fn what_another_region_may_answer_is_asked_there_and_nothing_else() {
    for (reply, word) in [
        (
            Reply::Refused(503, "ServiceUnavailable", "down"),
            Some("service_fault"),
        ),
        (
            Reply::Refused(400, "Throttling", "Rate exceeded"),
            Some("throttled"),
        ),
        (
            Reply::Refused(403, "RegionDisabledException", "STS is not activated"),
            Some("denied"),
        ),
        (Reply::Reset, Some("unreachable")),
        (Reply::Raw(200, b"<html>".to_vec()), Some("invalid_reply")),
        (Reply::Refused(403, "AccessDenied", "Not authorized"), None),
        (
            Reply::Refused(400, "InvalidIdentityToken", "No OpenIDConnect provider"),
            None,
        ),
        (
            Reply::Refused(400, "ExpiredTokenException", "Token expired"),
            None,
        ),
    ] {
        let setup = two_regions().sts(move |sts| sts.always(reply.clone()));
        scenario(&setup, async |world| {
            let answer = world.ask(Request::get(S3, "/b/k")).await;
            let calls = world.sts_elsewhere.calls().len();
            match word {
                Some(word) => {
                    answer.ok();
                    assert_eq!((calls, world.stat(&format!("sts.{word}")).await), (1, 1));
                }
                None => assert_eq!((answer.status, calls), (503, 0)),
            }
        });
    }
}

#[test]
fn where_both_regions_are_down_the_answer_says_so_and_either_heals_it() {
    let setup = two_regions()
        .plugin(json!({"max_wait_ms": 500}))
        .sts(|sts| sts.always(Reply::Refused(503, "ServiceUnavailable", "down")));
    scenario(&setup, async |world| {
        let down = Reply::Refused(503, "ServiceUnavailable", "down, too");
        world.sts_elsewhere.always(down);
        let text = eventually("the cause", SOON, async || {
            let answer = world.ask(Request::get(S3, "/b/k")).await;
            assert_eq!(answer.status, 503);
            let cause = role(world)["last_failure"]["cause"].clone();
            cause.as_str().map(str::to_owned)
        })
        .await;
        // It began with the first, or came too late to have credentials for this one.
        assert!(text.starts_with(OTHER), "{text}");
        world.sts_elsewhere.always(Reply::Json);
        world.ask_until_ok(Request::get(S3, "/b/k")).await;
        assert_eq!(role(world)["sts_host"], OTHER);
    });
}

#[test]
fn a_role_of_another_partition_is_asked_for_there_with_a_token_of_its_own() {
    const CHINA: &str = "arn:aws-cn:iam::210987654321:role/china";
    const QUEUES: &str = "sqs.cn-north-1.amazonaws.com.cn";
    let audience = "sts.amazonaws.com.cn";
    let china = json!({
        "roles": {"china": {
            "role_arn": CHINA, "region": "cn-north-1", "sts_cluster": "sigv4-egress-sts-2",
            "token_audience": audience, "token_path": "/token-china",
        }},
        "rules": [{"regions": ["cn-north-1"], "role": "china"}],
    });
    let content = token::jwt(audience, 3600);
    let setup = Setup::new()
        .plugin(china)
        .sts_elsewhere("sts.cn-north-1.amazonaws.com.cn")
        .second_token("token-china", content.clone());
    scenario(&setup, async |world| {
        world.ask(Request::get(S3, "/b/k")).await.ok();
        world.ask(Request::get(QUEUES, "/")).await.ok();
        until("both calls", SOON, || {
            world.sts_elsewhere.calls().len() == 1
        })
        .await;
        let call = world.sts_elsewhere.calls().remove(0);
        assert_eq!((&*call.form["RoleArn"], &call.token), (CHINA, &content));
        let calls = world.sts.calls();
        assert_eq!(calls.len(), 1);
        assert_ne!(calls[0].token, content);
        let received = world.aws.received();
        let signed = received.iter().map(|request| {
            let signature = request.verdict.signature();
            let key = world.ledger.find(&signature.access_key_id).expect("a key");
            (signature.region.clone(), key.role.expect("issued by STS"))
        });
        let own = "arn:aws:iam::123456789012:role/demo";
        let expected = [("eu-west-1", own), ("cn-north-1", CHINA)];
        let expected = expected.map(|(region, role)| (region.to_owned(), role.to_owned()));
        assert_eq!(signed.collect::<Vec<_>>(), expected);
        let roles = world.status()["plugins"][0]["roles"].clone();
        assert_eq!(roles[1]["sts_host"], "sts.cn-north-1.amazonaws.com.cn");
    });
}
