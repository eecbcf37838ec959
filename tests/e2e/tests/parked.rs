//! As many requests as may wait, waiting at once in one worker: all are answered, and the worker lives.

use std::time::Duration;

use e2e::{
    Answer, Connection, Reply, Request, SOON, Setup, World, alone, envoy, eventually, json,
    scenario, until,
};
use futures_util::future::join_all;

/// `max_parked` by default.
const MAX_PARKED: usize = 1000;
/// Time for thousands of connections, on a busy machine.
const ANSWERED: Duration = Duration::from_secs(60);
const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

/// STS holds its answer, the guard is on, and the machine may be busy.
fn waiting() -> Setup {
    envoy::allow_open_files(20_000);
    Setup::new()
        .guard()
        .plugin(json!({"max_wait_ms": 60_000, "sts_timeout_ms": 60_000}))
        .limit(Duration::from_secs(180))
        .sts_held()
}

fn get() -> Request {
    Request::get(S3, "/")
}

/// Lets STS answer as soon as that many requests wait.
async fn answer_when_parked(world: &World, count: usize) {
    world.until_parked(count as u64).await;
    until("the call to STS", SOON, || !world.sts.calls().is_empty()).await;
    world.sts.gate.open();
}

/// The worker serves further requests, and nothing waits.
async fn assert_alive(world: &World) {
    world.ask_until_ok(get()).await;
    world.until_parked(0).await;
}

#[test]
fn when_credentials_come_all_who_wait_go_on_and_none_twice() {
    let _alone = alone();
    scenario(&waiting(), async |world| {
        let (answers, ()) = tokio::join!(
            world.ask_many(MAX_PARKED, get()),
            answer_when_parked(world, MAX_PARKED)
        );
        answers.iter().for_each(Answer::ok);
        assert_eq!(world.aws.received().len(), MAX_PARKED);
        assert_alive(world).await;
    });
}

#[test]
fn when_sts_denies_all_who_wait_are_told_so() {
    let _alone = alone();
    let deny = |sts: &e2e::FakeSts| {
        sts.gate.close();
        sts.always(Reply::Refused(403, "AccessDenied", "Not authorized"));
    };
    scenario(&waiting().sts(deny), async |world| {
        let (answers, ()) = tokio::join!(
            world.ask_many(MAX_PARKED, get()),
            answer_when_parked(world, MAX_PARKED)
        );
        for answer in answers {
            answer.refused(503, "credentials_unavailable");
        }
        assert_eq!(world.aws.received().len(), 0);
        world.sts.always(Reply::Json);
        assert_alive(world).await;
    });
}

#[test]
fn when_the_wait_ends_all_who_wait_are_told_so() {
    let _alone = alone();
    let setup = waiting().plugin(json!({"max_wait_ms": 20_000}));
    scenario(&setup, async |world| {
        let (answers, ()) = tokio::join!(
            world.ask_many(MAX_PARKED, get()),
            world.until_parked(MAX_PARKED as u64)
        );
        for answer in answers {
            answer.refused(503, "credentials_pending");
        }
        assert_eq!(world.aws.received().len(), 0);
        world.sts.gate.open();
        assert_alive(world).await;
    });
}

#[test]
fn uploads_that_wait_with_half_a_body_go_on_with_their_next_part() {
    let _alone = alone();
    scenario(&waiting(), async |world| {
        let head = Request::new("PUT", S3, "/bucket/key")
            .body("0123456789")
            .bytes();
        let (first, second) = head.split_at(head.len() - 5);
        let mut uploads = Vec::new();
        for _ in 0..MAX_PARKED {
            let mut connection = world.connect().await;
            connection.send(first).await.expect("the first half");
            uploads.push(connection);
        }
        answer_when_parked(world, MAX_PARKED).await;
        // A request that comes now is signed at once, and those go on waiting for their other half.
        world.ask_until_ok(get()).await;
        assert_eq!(world.stat("parked").await, MAX_PARKED as u64);
        let rest = uploads.into_iter().map(|mut connection| async move {
            connection.send(second).await.expect("the second half");
            connection.answer().await.expect("an answer")
        });
        join_all(rest).await.iter().for_each(Answer::ok);
        let uploads = world.aws.received();
        let uploads = uploads.iter().filter(|request| request.body_length == 10);
        assert_eq!(uploads.count(), MAX_PARKED);
        assert_alive(world).await;
    });
}

#[test]
fn whole_bodies_that_wait_arrive_with_their_hash() {
    let _alone = alone();
    scenario(&waiting(), async |world| {
        let post = Request::new("POST", DYNAMODB, "/").body("{}");
        let (answers, ()) = tokio::join!(
            world.ask_many(MAX_PARKED, post),
            answer_when_parked(world, MAX_PARKED)
        );
        answers.iter().for_each(Answer::ok);
        assert_eq!(world.aws.received().len(), MAX_PARKED);
        assert_alive(world).await;
    });
}

#[test]
fn bodies_that_do_not_come_in_time_are_all_given_up() {
    let _alone = alone();
    let setup = Setup::new()
        .guard()
        .plugin(json!({"body_timeout_ms": 15_000}))
        .limit(Duration::from_secs(180));
    scenario(&setup, async |world| {
        envoy::allow_open_files(20_000);
        world.ask_until_ok(get()).await;
        let post = Request::new("POST", DYNAMODB, "/")
            .body("0123456789")
            .bytes();
        let head = &post[..post.len() - 10];
        let posts = (0..MAX_PARKED).map(|_| async {
            let mut connection = world.connect().await;
            connection.send(head).await.expect("sent");
            connection.answer().await.expect("an answer")
        });
        for answer in join_all(posts).await {
            answer.refused(408, "body_timeout");
        }
        assert_alive(world).await;
    });
}

#[test]
fn of_five_thousand_at_once_those_beyond_the_limit_are_told_so() {
    let _alone = alone();
    scenario(&waiting(), async |world| {
        const ALL: usize = 5000;
        let (answers, ()) = tokio::join!(world.ask_many(ALL, get()), async {
            let refused = "requests.refused.too_many_parked";
            eventually("all others are answered", ANSWERED, async || {
                let refused = world.stat(refused).await;
                (refused == (ALL - MAX_PARKED) as u64).then_some(())
            })
            .await;
            answer_when_parked(world, MAX_PARKED).await;
        });
        let (waited, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        waited.iter().for_each(Answer::ok);
        assert_eq!(waited.len(), MAX_PARKED);
        for answer in &refused {
            answer.refused(503, "too_many_parked");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        assert_alive(world).await;
    });
}

#[test]
fn a_configuration_that_changes_while_they_wait_ends_no_worker() {
    let _alone = alone();
    scenario(&waiting().concurrency(2), async |world| {
        const REQUESTS: usize = 400;
        let asked = (0..REQUESTS).map(|_| async {
            let mut connection = world.connect().await;
            // Envoy closes the connections of a configuration that is gone after a second (`--drain-time-s`).
            connection.ask(&get().bytes()).await.ok()
        });
        let (answers, ()) = tokio::join!(join_all(asked), async {
            world.until_parked(REQUESTS as u64).await;
            world.reconfigure(json!({"max_wait_ms": 59_000}));
            world.until_parked(0).await;
            world.sts.gate.open();
        });
        answers.iter().flatten().for_each(Answer::ok);
        assert_alive(world).await;
    });
}

#[test]
fn clients_that_leave_while_they_wait_leave_nothing_behind() {
    let _alone = alone();
    scenario(&waiting(), async |world| {
        let mut connections: Vec<Connection> = Vec::new();
        for _ in 0..MAX_PARKED {
            let mut connection = world.connect().await;
            connection.send(&get().bytes()).await.expect("sent");
            connections.push(connection);
        }
        world.until_parked(MAX_PARKED as u64).await;
        connections.truncate(MAX_PARKED / 2);
        world.until_parked(MAX_PARKED as u64 / 2).await;
        world.sts.gate.open();
        for mut connection in connections {
            connection.answer().await.expect("an answer").ok();
        }
        assert_alive(world).await;
    });
}
