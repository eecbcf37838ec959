//! Refresh after refresh under load, and STS away: no request notices.
//!
//! `SIGV4_EGRESS_TIME_SCALE` lets the refresh rules run faster. `SIGV4_EGRESS_ENDURANCE_SECONDS` asks for a
//! longer run than those in CI: in half an hour there are more than a hundred refreshes. Latencies are printed, not
//! judged: that nobody waits for STS is seen by what is answered while it holds its calls.

use std::time::{Duration, Instant, SystemTime};

use e2e::sts::{Call, FakeSts, Reply};
use e2e::{Connection, Request, Setup, World, json, scenario};
use futures_util::future::join_all;

const OWN: &str = "arn:aws:iam::123456789012:role/demo";
/// Host and role: each role gets a third of the load.
const ROLES: [(&str, &str); 3] = [
    ("s3.eu-west-1.amazonaws.com", OWN),
    (
        "sqs.eu-west-1.amazonaws.com",
        "arn:aws:iam::123456789012:role/batch",
    ),
    (
        "sns.eu-west-1.amazonaws.com",
        "arn:aws:iam::123456789012:role/notify",
    ),
];

const LIFETIME: Duration = Duration::from_secs(60);
/// How long STS takes to answer: requests of this time are those during a refresh.
const STS_DELAY: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 6;

/// The longer run that is asked for.
fn asked() -> Option<Duration> {
    let seconds = std::env::var("SIGV4_EGRESS_ENDURANCE_SECONDS").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("seconds")))
}

fn three_roles(workers: u32, limit: Duration) -> Setup {
    Setup::new()
        .concurrency(workers)
        .newest_only()
        .limit(limit)
        .env("SIGV4_EGRESS_TIME_SCALE", "0.15")
        .plugin(json!({
            "max_wait_ms": 30_000,
            "roles": {
                "batch": {"role_arn": ROLES[1].1},
                "notify": {"role_arn": ROLES[2].1},
            },
            "rules": [
                {"services": ["sqs"], "role": "batch"},
                {"services": ["sns"], "role": "notify"},
            ],
        }))
        .sts(sts_of_short_sessions)
}

fn sts_of_short_sessions(sts: &FakeSts) {
    sts.lifetime(LIFETIME);
    sts.delay(STS_DELAY);
}

/// One request of the load.
struct Sample {
    role: &'static str,
    at: SystemTime,
    took: Duration,
    status: u16,
}

/// Sends without a pause over one connection until `end`.
async fn load(world: &World, (host, role): (&str, &'static str), end: Instant) -> Vec<Sample> {
    let mut connection = Connection::open(world.port).await.expect("Envoy listens");
    let request = Request::get(host, "/").bytes();
    let mut samples = Vec::new();
    while Instant::now() < end {
        let (at, start) = (SystemTime::now(), Instant::now());
        let answer = connection.ask(&request).await.expect("an answer");
        samples.push(Sample {
            role,
            at,
            took: start.elapsed(),
            status: answer.status,
        });
    }
    samples
}

async fn load_for(world: &World, duration: Duration) -> Vec<Sample> {
    // Credentials of each role first: what is measured is refreshes.
    for (host, _) in ROLES {
        world.ask(Request::get(host, "/")).await.ok();
    }
    world.aws.forget_valid();
    let end = Instant::now() + duration;
    let all = (0..CONNECTIONS).map(|n| load(world, ROLES[n % ROLES.len()], end));
    join_all(all).await.into_iter().flatten().collect()
}

/// The 99th percentile.
fn p99(samples: &[&Sample]) -> Duration {
    let mut latencies: Vec<Duration> = samples.iter().map(|sample| sample.took).collect();
    latencies.sort_unstable();
    let place = latencies.len() * 99 / 100;
    latencies.get(place).copied().unwrap_or_default()
}

/// All calls to STS once the filter has counted the answer to each, and how many it counted as failed.
async fn answered_calls(world: &World) -> (Vec<Call>, usize) {
    e2e::eventually("answers to all calls", 10 * STS_DELAY, async || {
        let mut failed = 0;
        for fault in ["service_fault", "throttled", "unreachable"] {
            failed += world.stat(&format!("sts.{fault}")).await;
        }
        let counted = world.stat("sts.ok").await + failed;
        let calls = world.sts.calls();
        (counted == calls.len() as u64).then(|| (calls, usize::try_from(failed).expect("few")))
    })
    .await
}

/// No request failed, and none waited for a refresh: while STS held a call, requests for its role came and were
/// answered. `calls` are those to STS, of which the first are not refreshes.
fn judge(samples: &[Sample], calls: &[Call], wanted_refreshes: usize) {
    let refreshes = &calls[ROLES.len()..];
    let is_during = |sample: &Sample, call: &Call| {
        call.at <= sample.at && sample.at + sample.took <= call.at + STS_DELAY
    };
    let (inside, outside): (Vec<&Sample>, Vec<&Sample>) = samples
        .iter()
        .partition(|sample| refreshes.iter().any(|call| is_during(sample, call)));
    let failed = samples.iter().filter(|sample| sample.status != 200).count();
    println!(
        "{} calls for refreshes; {failed} failed of {} requests; p99 {:?} during the calls ({} requests), {:?} outside ({})",
        refreshes.len(),
        samples.len(),
        p99(&inside),
        inside.len(),
        p99(&outside),
        outside.len(),
    );
    assert_eq!(failed, 0);
    assert!(refreshes.len() >= wanted_refreshes);
    let is_waited_for = |call: &&Call| {
        let mut own = inside
            .iter()
            .filter(|sample| call.form["RoleArn"] == sample.role);
        !own.any(|sample| is_during(sample, call))
    };
    // Nobody asks any more while the last calls are answered.
    let load_ended = samples.iter().map(|sample| sample.at + sample.took).max();
    let under_load = |call: &&Call| Some(call.at + STS_DELAY) <= load_ended;
    let refreshes: Vec<&Call> = refreshes.iter().filter(under_load).collect();
    let refreshes = refreshes.iter().copied();
    let waited_for = refreshes.clone().filter(is_waited_for).count();
    // A machine that stalls for the whole second that a call takes leaves one of many without.
    assert!(
        waited_for * 10 <= refreshes.count(),
        "{waited_for} calls without a request during them"
    );
}

/// Requests that wait would pass the other checks.
#[test]
#[should_panic(expected = "calls without a request during them")]
fn requests_that_wait_for_sts_are_noticed() {
    let start = SystemTime::UNIX_EPOCH;
    let call = |second: u64| Call {
        at: start + Duration::from_secs(second),
        token: String::new(),
        signed_by: None,
        form: [("RoleArn".to_owned(), OWN.to_owned())].into(),
        faults: Vec::new(),
    };
    let mut calls: Vec<Call> = (0..10).map(|number| call(10 * number)).collect();
    let waits = |call: &Call| Sample {
        role: OWN,
        at: call.at,
        took: STS_DELAY + Duration::from_millis(1),
        status: 200,
    };
    let samples: Vec<Sample> = calls.iter().map(waits).collect();
    // After the load.
    calls.push(call(100));
    judge(&samples, &calls, 3);
}

#[test]
fn refreshes_under_load_cost_no_request_and_one_call_each() {
    let duration = asked().unwrap_or(Duration::from_secs(45));
    for workers in [1, 2, 4] {
        println!("{workers} workers, {} s:", duration.as_secs());
        let limit = duration + Duration::from_secs(60);
        scenario(&three_roles(workers, limit), async |world| {
            let samples = load_for(world, duration).await;
            let (calls, failed) = answered_calls(world).await;
            assert_eq!(failed, 0);
            for (_, role) in ROLES {
                let at: Vec<SystemTime> = calls
                    .iter()
                    .filter(|call| call.form["RoleArn"] == role)
                    .map(|call| call.at)
                    .collect();
                // One call at a time. Each comes in the window of 45 s, in its first third, or as the answer
                // before it came late.
                for pair in at.windows(2) {
                    let apart = pair[1].duration_since(pair[0]).expect("later");
                    let (least, most) = (Duration::from_secs(14), Duration::from_secs(34));
                    assert!((least..most).contains(&apart), "{role}: {apart:?}");
                }
            }
            judge(&samples, &calls, 3);
        });
    }
}

#[test]
fn refreshes_that_fail_cost_no_request_while_credentials_live() {
    let duration = asked().unwrap_or(Duration::from_secs(300));
    let limit = duration + Duration::from_secs(60);
    // Every other call, once the three roles have credentials, has one of these.
    let faults = [
        Reply::Refused(503, "ServiceUnavailable", "try again"),
        Reply::Refused(400, "Throttling", "Rate exceeded"),
        Reply::Reset,
    ];
    let setup = three_roles(2, limit).sts(move |sts| {
        sts_of_short_sessions(sts);
        sts.next([Reply::Json, Reply::Json, Reply::Json]);
        let pairs = faults
            .iter()
            .map(|fault| [fault.clone(), Reply::Json])
            .cycle();
        sts.next(pairs.take(1000).flatten());
    });
    scenario(&setup, async |world| {
        let samples = load_for(world, duration).await;
        let (calls, failed) = answered_calls(world).await;
        assert_eq!(failed, (calls.len() - ROLES.len()).div_ceil(2));
        judge(&samples, &calls, 10);
    });
}

/// An hour's credentials and ten minutes without STS, at 0.04 of their length: 25 minutes are a minute, the
/// window of 15 opens after 24 s.
#[test]
fn an_outage_of_sts_that_credentials_outlive_costs_no_request() {
    let setup = Setup::new()
        .concurrency(2)
        .newest_only()
        .limit(Duration::from_secs(150))
        .env("SIGV4_EGRESS_TIME_SCALE", "0.04")
        .sts(|sts| sts.lifetime(LIFETIME));
    scenario(&setup, async |world| {
        let own = ROLES[0];
        world.ask(Request::get(own.0, "/")).await.ok();
        world.aws.forget_valid();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let loads = async {
            let (one, other) = tokio::join!(load(world, own, at(75)), load(world, own, at(75)));
            one.into_iter().chain(other).collect::<Vec<_>>()
        };
        let outage = async {
            tokio::time::sleep_until(at(23).into()).await;
            world.sts.always(Reply::Reset);
            // The first failure is told at once, while everything still works.
            e2e::eventually("the first failure", Duration::from_secs(20), async || {
                (world.stat("sts.unreachable").await > 0).then_some(())
            })
            .await;
            let log = String::from_utf8_lossy(&world.envoy.log()).into_owned();
            let warning = "no new credentials of role own: STS gave no answer";
            assert!(log.contains(warning), "{log}");
            tokio::time::sleep_until(at(47).into()).await;
            world.sts.always(Reply::Json);
        };
        let (samples, ()) = tokio::join!(loads, outage);
        let failed = samples.iter().filter(|sample| sample.status != 200).count();
        println!("{failed} failed of {} requests", samples.len());
        assert_eq!(failed, 0);
        assert!(
            world.ledger.issued().len() >= 2,
            "no refresh after the outage"
        );
    });
}
