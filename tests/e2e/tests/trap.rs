//! What becomes of everything when a VM traps: Envoy reloads it, and nothing leaves unsigned meanwhile. The module is a
//! build of the tests' own, which traps when it is told to.

use std::time::{Duration, Instant};

use e2e::{Connection, Reply, Request, SOON, Setup, World, eventually, json, scenario, until};
use futures_util::future::join_all;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
/// Envoy reloads a VM at the next request, but not sooner than 1 to 1.5 s after it was loaded; the guard, which shares
/// it, at the next request that reaches it. So it takes 2 s at most, and more on a busy machine.
const BACK: Duration = Duration::from_secs(10);

fn setup() -> Setup {
    Setup::new()
        .guard()
        .trap_module()
        .plugin(json!({"start_jitter_ms": 0}))
        .limit(Duration::from_secs(120))
}

fn get() -> Request {
    Request::get(S3, "/")
}

/// Ends a worker's VM. Envoy answers, without a reason: there is nobody who could give one.
async fn trap(world: &World) {
    let before = world.envoy.traps();
    eventually("a trap", SOON, async || {
        // Another worker's may be gone still.
        let answer = world.ask(get().header("x-trap", "now")).await;
        assert_eq!((answer.status, answer.reason()), (503, None), "{answer:?}");
        (world.envoy.traps() > before).then_some(())
    })
    .await;
}

/// How long it takes until all workers serve requests again.
async fn until_back(world: &World) -> Duration {
    let start = Instant::now();
    eventually("it serves again", BACK, async || {
        let answers = world.ask_many(8, get()).await;
        let served = answers.iter().filter(|answer| answer.status == 200).count();
        let failed = answers.iter().filter(|answer| answer.status == 503).count();
        assert_eq!(served + failed, 8, "{answers:?}");
        (failed == 0).then(|| start.elapsed())
    })
    .await
}

/// A connection with the beginning of a request on it.
async fn begin(world: &World, bytes: &[u8]) -> Connection {
    let mut connection = world.connect().await;
    connection.send(bytes).await.expect("sent");
    connection
}

/// Envoy's answer in place of the filter's.
async fn assert_failed(what: &str, mut connection: Connection) {
    let answer = connection.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.reason()), (503, None), "{what}");
}

#[test]
fn ten_traps_under_load_cost_a_second_or_two_each_and_no_call_to_sts() {
    scenario(&setup().concurrency(2), async |world| {
        until_back(world).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        let done = std::cell::Cell::new(false);
        let load = async {
            let mut served = 0;
            while !done.get() && Instant::now() < deadline {
                let answers = world.ask_many(4, get()).await;
                served += answers.iter().filter(|answer| answer.status == 200).count();
            }
            served
        };
        let traps = async {
            let mut longest = Duration::ZERO;
            for _ in 0..10 {
                trap(world).await;
                longest = longest.max(until_back(world).await);
            }
            done.set(true);
            longest
        };
        let (served, longest) = tokio::join!(load, traps);
        println!("back after {longest:?} at most; {served} requests were served meanwhile");
        assert!(served > 0);
        assert_eq!(world.sts.calls().len(), 1);
        // Stats go on.
        let before = world.stat("requests.signed.no_signature").await;
        world.ask_until_ok(get()).await;
        assert!(world.stat("requests.signed.no_signature").await > before);
    });
}

#[test]
fn what_was_on_its_way_fails_and_nothing_goes_on_by_itself() {
    let setup = setup().manager(json!({"stream_idle_timeout": "15s"}));
    scenario(&setup, async |world| {
        until_back(world).await;
        let upload = format!("PUT /b/k HTTP/1.1\r\nhost: {S3}\r\ncontent-length: 9\r\n\r\nabc");
        let post = format!("POST / HTTP/1.1\r\nhost: {DYNAMODB}\r\ncontent-length: 9\r\n\r\nabc");
        let chunks = format!(
            "PUT /b/k HTTP/1.1\r\nhost: {S3}\r\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n\
             content-length: 900\r\n\r\n100;chunk-signature={}\r\nab",
            "0".repeat(64)
        );
        let mut active = Vec::new();
        let mut silent = Vec::new();
        for (what, bytes) in [("an upload", upload), ("a body", post), ("chunks", chunks)] {
            active.push((what, begin(world, bytes.as_bytes()).await));
            silent.push((what, begin(world, bytes.as_bytes()).await));
        }
        let mut kept = world.connect().await;
        kept.ask(&get().bytes()).await.expect("an answer").ok();
        let before = world.aws.received().len();
        world.aws.gate.close();
        let answered_late = begin(world, &get().bytes()).await;
        until("it is at AWS", SOON, || world.aws.received().len() > before).await;
        trap(world).await;
        // What comes to a stream of the VM that is gone ends it.
        for (what, mut connection) in active {
            connection.send(b"def").await.expect("sent");
            assert_failed(what, connection).await;
        }
        world.aws.gate.open();
        assert_failed("a request that AWS has got", answered_late).await;
        // Nobody resumes what is silent: Envoy's idle timeout ends it.
        for (what, connection) in silent {
            assert_failed(what, connection).await;
        }
        until("uploads never end at AWS", SOON, || {
            world.aws.cut_off() >= 2
        })
        .await;
        // A connection lives on.
        until_back(world).await;
        kept.ask(&get().bytes()).await.expect("an answer").ok();
    });
}

#[test]
fn requests_that_waited_end_at_the_idle_timeout_and_leave_the_gauges() {
    let setup = setup()
        .plugin(json!({"max_wait_ms": 60_000, "sts_timeout_ms": 60_000}))
        .manager(json!({"stream_idle_timeout": "10s"}))
        .sts_held();
    scenario(&setup, async |world| {
        let mut parked = Vec::new();
        for _ in 0..20 {
            parked.push(begin(world, &Request::get(S3, "/parked").bytes()).await);
        }
        world.until_parked(20).await;
        trap(world).await;
        join_all(
            parked
                .into_iter()
                .map(|request| assert_failed("a parked request", request)),
        )
        .await;
        world.sts.gate.open();
        until_back(world).await;
        eventually("nothing is parked", Duration::from_secs(60), async || {
            (world.stat("parked").await == 0).then_some(())
        })
        .await;
        let received = world.aws.received();
        assert!(received.iter().all(|one| one.path == "/"), "{received:?}");
    });
}

#[test]
fn a_module_that_traps_again_and_again_does_not_spin() {
    scenario(&setup(), async |world| {
        until_back(world).await;
        let (start, before) = (Instant::now(), world.envoy.traps());
        while start.elapsed() < Duration::from_secs(5) {
            let answer = world.ask(get().header("x-trap", "now")).await;
            assert_eq!((answer.status, answer.reason()), (503, None), "{answer:?}");
        }
        let seconds = start.elapsed().as_secs() as usize;
        let traps = world.envoy.traps() - before;
        // One for the VM that was there, then one a second at most.
        assert!(
            (2..=seconds + 2).contains(&traps),
            "{traps} traps in {seconds} s"
        );
        until_back(world).await;
    });
}

#[test]
fn where_the_root_of_the_main_thread_is_lost_a_workers_takes_over() {
    // Credentials of 60 s are renewed after 15 to 30 s.
    let setup = setup().env("SIGV4_EGRESS_TIME_SCALE", "0.15").sts(|sts| {
        sts.lifetime(Duration::from_secs(60));
        // Whoever fetches first traps, and so does the other one: without requests, Envoy reloads neither.
        sts.next([
            Reply::Raw(200, b"trap".to_vec()),
            Reply::Raw(200, b"trap".to_vec()),
        ]);
    });
    scenario(&setup, async |world| {
        eventually(
            "both VMs have trapped",
            Duration::from_secs(40),
            async || (world.envoy.traps() == 2).then_some(()),
        )
        .await;
        assert_eq!(world.ledger.issued().len(), 0);
        // A request reloads the worker's.
        eventually(
            "a worker has taken over",
            Duration::from_secs(30),
            async || {
                let answer = world.ask(get()).await;
                (answer.status == 200).then_some(())
            },
        )
        .await;
        assert_eq!(world.sts.calls().len(), 3);
        eventually("a refresh", Duration::from_secs(50), async || {
            world.ask(get()).await.ok();
            tokio::time::sleep(Duration::from_millis(200)).await;
            (world.ledger.issued().len() == 2).then_some(())
        })
        .await;
    });
}

#[test]
fn the_token_listener_heals_too() {
    scenario(&setup(), async |world| {
        until_back(world).await;
        trap(world).await;
        until("the status document", BACK, || {
            world
                .ask_token_listener("/status")
                .starts_with("HTTP/1.1 200")
        })
        .await;
        assert!(
            world
                .ask_token_listener("/token")
                .starts_with("HTTP/1.1 200")
        );
        assert_eq!(world.status()["plugins"][0]["roles"][0]["state"], "usable");
    });
}
