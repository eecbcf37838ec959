//! Credentials that are replaced because somebody asked, though they have not expired.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use e2e::{
    Answer, Connection, Reply, Request, SOON, Setup, Value, Verdict, World, eventually, json,
    scenario, until,
};
use futures_util::future::join_all;
use tokio::net::UnixStream;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const SQS: &str = "sqs.eu-west-1.amazonaws.com";
/// Its credentials are those of another role.
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
/// How many requests succeed at least before and after.
const SOME: usize = 30;
/// What an operator is told.
const PROMISED: Duration = Duration::from_secs(60);

/// Two workers, and three roles, one of them chained.
fn setup() -> Setup {
    let keys = json!({
        "roles": {
            "batch": {"role_arn": "arn:aws:iam::123456789012:role/batch"},
            "audit": {"role_arn": "arn:aws:iam::210987654321:role/audit", "chained": true},
        },
        "rules": [
            {"services": ["sqs"], "role": "batch"},
            {"services": ["dynamodb"], "role": "audit"},
        ],
    });
    let setup = Setup::new().concurrency(2).plugin(keys);
    setup.limit(Duration::from_secs(240))
}

/// What came of requests.
#[derive(Default)]
struct Asked {
    answers: Vec<Answer>,
    /// How many connections ended without an answer.
    ended: usize,
}

impl Asked {
    #[track_caller]
    fn check_ok(&self) {
        println!(
            "{} answers, {} connections ended",
            self.answers.len(),
            self.ended
        );
        self.answers.iter().for_each(Answer::ok);
    }
}

/// Sends requests of all roles, on connections that are kept, while it does `steps`.
async fn under_load(world: &World, steps: impl AsyncFnOnce()) -> Asked {
    let (done, asked) = (Cell::new(false), RefCell::new(Asked::default()));
    let client = async |host: &str| {
        let mut connection = world.connect().await;
        while !done.get() {
            let answer = connection.ask(&Request::get(host, "/").bytes()).await;
            let is_kept = answer
                .as_ref()
                .is_ok_and(|answer| answer.header("connection") != Some("close"));
            match answer {
                Ok(answer) => asked.borrow_mut().answers.push(answer),
                Err(_) => asked.borrow_mut().ended += 1,
            }
            if !is_kept {
                connection = world.connect().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let hosts = [S3, SQS, DYNAMODB, S3, SQS, DYNAMODB];
    let some_more = async || {
        let before = asked.borrow().answers.len();
        until("some answers", SOON, || {
            asked.borrow().answers.len() >= before + SOME
        })
        .await;
    };
    tokio::join!(join_all(hosts.map(client)), async {
        some_more().await;
        steps().await;
        some_more().await;
        done.set(true);
    });
    asked.into_inner()
}

/// How often each role was asked for at STS.
fn calls(world: &World) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for call in world.sts.calls() {
        *calls.entry(call.form["RoleArn"].clone()).or_default() += 1;
    }
    calls
}

/// Until each of the three roles was asked for so often.
async fn until_called(world: &World, times: usize) {
    let what = format!("each role is asked for {times} times");
    until(&what, PROMISED, || {
        let calls = calls(world);
        calls.len() == 3 && calls.values().all(|count| *count >= times)
    })
    .await;
}

/// Until no request is signed any more with a key that was issued among the first three, by any worker.
async fn until_all_sign_with_new_keys(world: &World) {
    let old: Vec<String> = world
        .ledger
        .issued()
        .into_iter()
        .take(3)
        .map(|key| key.access_key_id)
        .collect();
    eventually("all workers sign with new keys", PROMISED, async || {
        world.aws.take_received();
        // Both workers take connections.
        for host in [S3, SQS, DYNAMODB] {
            world.ask_many(8, Request::get(host, "/")).await;
        }
        let received = world.aws.take_received();
        let is_old = |id: &String| old.contains(id);
        let uses_old = received.iter().any(|request| match &request.verdict {
            Verdict::Signed(signature) => is_old(&signature.access_key_id),
            _ => true,
        });
        (!uses_old).then_some(())
    })
    .await;
}

async fn warm_up(world: &World) {
    for host in [S3, SQS, DYNAMODB] {
        world.ask(Request::get(host, "/")).await.ok();
    }
    until_called(world, 1).await;
}

#[test]
fn post_refresh_replaces_the_credentials_of_all_roles_under_load() {
    scenario(&setup(), async |world| {
        warm_up(world).await;
        let asked = under_load(world, async || {
            let (status, said) = world.refresh();
            assert_eq!(status, 202, "{said:#}");
            let names = said["roles"].as_array().expect("roles").iter();
            let names: Vec<_> = names.map(|role| role["name"].clone()).collect();
            assert_eq!(json!(names), json!(["own", "audit", "batch"]));
            until_called(world, 2).await;
        })
        .await;
        asked.check_ok();
        assert_eq!(asked.ended, 0);
        until_all_sign_with_new_keys(world).await;
        assert!(
            calls(world).values().all(|count| *count == 2),
            "{:?}",
            calls(world)
        );
        assert_eq!(world.stat("flushes").await, 3);
        for role in world.status()["plugins"][0]["roles"]
            .as_array()
            .expect("roles")
        {
            assert_eq!(role["flush"], json!(null), "{role:#}");
        }
    });
}

#[test]
fn a_new_epoch_replaces_the_credentials_of_all_roles_under_load() {
    scenario(&setup(), async |world| {
        warm_up(world).await;
        let asked = under_load(world, async || {
            world.reconfigure(json!({"credentials_epoch": "2026-11-30-incident"}));
            until_called(world, 2).await;
        })
        .await;
        asked.check_ok();
        until_all_sign_with_new_keys(world).await;
        assert_eq!(
            own(world)["credentials_epoch"],
            json!("2026-11-30-incident")
        );
        // The way back replaces nothing, and neither does the same value once more, in a configuration that is another one.
        for keys in [
            json!({}),
            json!({"credentials_epoch": "2026-11-30-incident", "max_wait_ms": 4000}),
        ] {
            reconfigure(world, keys).await;
            assert_eq!(own(world)["flush"], json!(null));
        }
        assert!(
            calls(world).values().all(|count| *count == 2),
            "{:?}",
            calls(world)
        );
        assert_eq!(world.stat("flushes").await, 3);
    });
}

/// What began last, as the status document has it.
fn last(world: &World) -> Value {
    let status = world.status();
    let plugins = status["plugins"].as_array().expect("plugins");
    plugins.last().expect("a plugin").clone()
}

fn own(world: &World) -> Value {
    last(world)["roles"][0].clone()
}

/// Until another configuration runs in both workers.
async fn reconfigure(world: &World, keys: Value) {
    let before = last(world)["configuration_sha256"].clone();
    world.reconfigure(keys);
    until("another configuration runs", PROMISED, || {
        let last = last(world);
        last["configuration_sha256"] != before && last["running"] == json!(true)
    })
    .await;
    let answers = world.ask_many(16, Request::get(S3, "/")).await;
    answers.iter().for_each(Answer::ok);
}

/// Asks so often at the socket, on one connection.
async fn ask_often(socket: &Path, count: usize) -> Vec<Answer> {
    let stream = UnixStream::connect(socket).await.expect("it accepts");
    let mut connection = Connection::over(stream);
    let request = Request::new("POST", "sidecar", "/refresh").bytes();
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(connection.ask(&request).await.expect("an answer"));
    }
    answers
}

#[test]
fn a_storm_of_a_thousand_makes_one_call() {
    scenario(&setup(), async |world| {
        warm_up(world).await;
        let socket = world.token_socket();
        let answers = join_all((0..20).map(|_| ask_often(&socket, 50))).await;
        let answers = answers.concat();
        let with = |status| {
            answers
                .iter()
                .filter(|answer| answer.status == status)
                .count()
        };
        assert_eq!((with(202), with(429)), (1, 999));
        let refused = answers.iter().filter(|answer| answer.status == 429);
        for answer in refused {
            let seconds = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok());
            assert!(seconds.is_some_and(|seconds: u32| (1..=31).contains(&seconds)));
        }
        until_called(world, 2).await;
        until_all_sign_with_new_keys(world).await;
        assert!(
            calls(world).values().all(|count| *count == 2),
            "{:?}",
            calls(world)
        );
        let get = world.ask_token_listener("/refresh");
        assert!(
            get.starts_with("HTTP/1.1 405") && get.contains("allow: POST"),
            "{get}"
        );
    });
}

#[test]
fn while_sts_is_away_the_old_ones_sign_and_it_is_said() {
    scenario(&setup(), async |world| {
        warm_up(world).await;
        world
            .sts
            .always(Reply::Refused(500, "InternalFailure", "no"));
        let asked = under_load(world, async || {
            assert_eq!(world.refresh().0, 202);
            until("the status document says so", PROMISED, || {
                let own = own(world);
                own["flush"] == json!("pending")
                    && own["state"] == json!("usable")
                    && own["last_failure"]["cause"]
                        .as_str()
                        .is_some_and(|cause| cause.contains("InternalFailure"))
            })
            .await;
            assert!(world.stat("sts.service_fault").await > 0);
            let log = String::from_utf8_lossy(&world.envoy.log()).into_owned();
            assert!(log.contains("the current ones sign until"), "{log}");
            world.sts.always(Reply::Json);
            until("they are replaced", PROMISED, || {
                let own = own(world);
                own["flush"] == json!(null) && own["last_failure"] == json!(null)
            })
            .await;
        })
        .await;
        asked.check_ok();
        until_all_sign_with_new_keys(world).await;
    });
}

#[test]
fn after_sessions_were_revoked_a_flush_makes_all_requests_succeed_again() {
    for by_epoch in [false, true] {
        scenario(&setup(), async |world| {
            warm_up(world).await;
            world.ledger.revoke_issued();
            // AWS's answer comes as it is, and starts nothing.
            let denied = world.ask(Request::get(S3, "/")).await;
            assert_eq!((denied.status, denied.reason()), (403, None));
            assert!(denied.text().contains("AccessDenied"));
            assert!(calls(world).values().all(|count| *count == 1));
            if by_epoch {
                world.reconfigure(json!({"credentials_epoch": "two"}));
            } else {
                assert_eq!(world.refresh().0, 202);
            }
            eventually("every request succeeds", PROMISED, async || {
                let mut all = Vec::new();
                for host in [S3, SQS, DYNAMODB] {
                    all.extend(world.ask_many(8, Request::get(host, "/")).await);
                }
                all.iter().all(|answer| answer.status == 200).then_some(())
            })
            .await;
            assert!(
                calls(world).values().all(|count| *count == 2),
                "{:?}",
                calls(world)
            );
        });
    }
}

/// A connection of the configuration before is kept for one request more, which that configuration judges.
#[test]
fn what_is_suspended_is_not_signed_on_kept_connections_either() {
    for (keys, refused, signed) in [
        (json!({"suspended_services": ["s3"]}), S3, SQS),
        (json!({"suspended_roles": ["batch"]}), SQS, S3),
    ] {
        scenario(&setup().drains(40), async |world| {
            warm_up(world).await;
            let mut kept = Vec::new();
            for _ in 0..60 {
                let mut connection = world.connect().await;
                ask(&mut connection, refused).await.ok();
                kept.push(connection);
            }
            world.reconfigure(keys.clone());
            eventually("it runs", PROMISED, async || {
                let answer = world.ask(Request::get(refused, "/")).await;
                (answer.status == 403).then_some(())
            })
            .await;
            // Workers look once in a second. Every request shows one of them; most must be refused within some seconds.
            let mut statuses = Vec::new();
            for (number, connection) in kept.iter_mut().enumerate() {
                let host = if number % 3 == 2 { signed } else { refused };
                let answer = ask(connection, host).await;
                if host == signed {
                    answer.ok();
                    continue;
                }
                statuses.push(answer.status);
                if answer.status == 403 {
                    let said = answer.refused(403, "denied");
                    assert!(said.contains("at present"), "{said}");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            let last = statuses.iter().rev().take(20);
            assert!(
                last.into_iter().all(|status| *status == 403),
                "{statuses:?}"
            );
            // The order is taken back by what Envoy still drains, once it has drained what has the order.
            world.reconfigure(json!({}));
            eventually("it is signed again", 2 * PROMISED, async || {
                let answers = world.ask_many(8, Request::get(refused, "/")).await;
                answers
                    .iter()
                    .all(|answer| answer.status == 200)
                    .then_some(())
            })
            .await;
        });
    }
}

async fn ask(connection: &mut Connection, host: &str) -> Answer {
    let answer = connection.ask(&Request::get(host, "/").bytes()).await;
    answer.expect("the connection is kept until this")
}

#[test]
fn what_is_suspended_while_it_waits_is_not_signed() {
    let setup = setup()
        .drains(600)
        .sts_held()
        .plugin(json!({"max_wait_ms": 60_000}));
    scenario(&setup, async |world| {
        let asked = (0..20).map(|_| world.ask(Request::get(S3, "/")));
        let (answers, ()) = tokio::join!(join_all(asked), async {
            world.until_parked(20).await;
            world.reconfigure(json!({"max_wait_ms": 60_000, "suspended_services": ["s3"]}));
            until("it runs", PROMISED, || {
                let plugins = world.status()["plugins"].as_array().map_or(0, Vec::len);
                plugins == 2 && last(world)["running"] == json!(true)
            })
            .await;
            world.sts.gate.open();
        });
        for answer in answers {
            answer.refused(403, "denied");
        }
        assert!(world.aws.received().is_empty());
    });
}
