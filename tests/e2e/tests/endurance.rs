//! Refresh after refresh under load, and STS away: no request notices.
//!
//! `SIGV4_EGRESS_TIME_SCALE` lets the refresh rules run faster. `SIGV4_EGRESS_ENDURANCE_SECONDS` asks for a
//! longer run; half an hour has more than a hundred refreshes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use e2e::{Connection, Reply, Request, Setup, World, json, scenario};
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

/// How long the load lasts.
fn duration() -> Duration {
    let asked = std::env::var("SIGV4_EGRESS_ENDURANCE_SECONDS").ok();
    Duration::from_secs(asked.map_or(45, |text| text.parse().expect("seconds")))
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
        .sts(|sts| {
            sts.lifetime(LIFETIME);
            sts.delay(STS_DELAY);
        })
}

/// One request of the load.
struct Sample {
    at: SystemTime,
    took: Duration,
    status: u16,
}

/// Sends without a pause over one connection until `end`.
async fn load(world: &World, host: &str, end: Instant) -> Vec<Sample> {
    let mut connection = Connection::open(world.port).await.expect("Envoy listens");
    let request = Request::get(host, "/").bytes();
    let mut samples = Vec::new();
    while Instant::now() < end {
        let (at, start) = (SystemTime::now(), Instant::now());
        let answer = connection.ask(&request).await.expect("an answer");
        samples.push(Sample {
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
    let all = (0..CONNECTIONS).map(|n| load(world, ROLES[n % ROLES.len()].0, end));
    join_all(all).await.into_iter().flatten().collect()
}

/// The 99th percentile.
fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort_unstable();
    let place = latencies.len() * 99 / 100;
    latencies.get(place).copied().unwrap_or_default()
}

/// Calls to STS, by role.
fn calls_by_role(world: &World) -> BTreeMap<String, Vec<SystemTime>> {
    let mut calls: BTreeMap<String, Vec<SystemTime>> = BTreeMap::new();
    for call in world.sts.calls() {
        calls
            .entry(call.form["RoleArn"].clone())
            .or_default()
            .push(call.at);
    }
    calls
}

#[test]
fn refreshes_under_load_cost_no_request_and_one_call_each() {
    for workers in [1, 2, 4] {
        let limit = duration() + Duration::from_secs(60);
        scenario(&three_roles(workers, limit), async |world| {
            let samples = load_for(world, duration()).await;
            let failed = samples.iter().filter(|sample| sample.status != 200).count();

            let calls = calls_by_role(world);
            let issued = world.ledger.issued();
            for (_, role) in ROLES {
                let calls = &calls[role];
                // One call at a time, and one for each refresh.
                assert!(
                    calls.is_sorted_by(|one, next| *one + STS_DELAY <= *next),
                    "{calls:?}"
                );
                let keys = issued
                    .iter()
                    .filter(|key| key.role.as_deref() == Some(role));
                assert_eq!(keys.count(), calls.len(), "{role}");
                // Each comes in the window of 45 s, in its first third, or as the answer before it came late.
                for pair in calls.windows(2) {
                    let apart = pair[1].duration_since(pair[0]).expect("later");
                    let (least, most) = (Duration::from_secs(14), Duration::from_secs(34));
                    assert!((least..most).contains(&apart), "{apart:?}");
                }
            }

            let refreshes: Vec<SystemTime> = calls
                .values()
                .flat_map(|calls| calls.iter().skip(1))
                .copied()
                .collect();
            let during = |sample: &&Sample| {
                let end = |call: &SystemTime| *call + STS_DELAY + Duration::from_millis(50);
                refreshes
                    .iter()
                    .any(|call| *call <= sample.at && sample.at <= end(call))
            };
            let latencies = |wanted: bool| {
                let chosen = samples.iter().filter(|sample| during(sample) == wanted);
                chosen.map(|sample| sample.took).collect::<Vec<_>>()
            };
            let (inside, outside) = (latencies(true), latencies(false));
            let (requests_inside, requests_outside) = (inside.len(), outside.len());
            let (p99_inside, p99_outside) = (p99(inside), p99(outside));
            println!(
                "{workers} workers, {} s: {} refreshes; {failed} failed of {} requests; p99 {p99_inside:?} during \
                 refreshes ({requests_inside} requests), {p99_outside:?} outside ({requests_outside})",
                duration().as_secs(),
                refreshes.len(),
                samples.len(),
            );
            assert_eq!(failed, 0);
            assert!(refreshes.len() >= 3, "{} refreshes", refreshes.len());
            // Nobody waits for STS. How close the two are is for the long run on a quiet machine to show: here
            // one stall of it decides.
            assert!(p99_inside < STS_DELAY / 2, "{p99_inside:?}");
        });
    }
}

#[test]
fn refreshes_that_fail_cost_no_request_while_credentials_live() {
    let limit = duration() + Duration::from_secs(60);
    let setup = three_roles(2, limit).sts(|sts| {
        sts.lifetime(LIFETIME);
        let away = || Reply::Refused(503, "ServiceUnavailable", "try again");
        let slow = || Reply::Refused(400, "Throttling", "Rate exceeded");
        // The first credentials of the three roles, then faults between.
        sts.next([Reply::Json, Reply::Json, Reply::Json]);
        for _ in 0..1000 {
            sts.next([
                away(),
                Reply::Json,
                slow(),
                Reply::Json,
                Reply::Reset,
                Reply::Json,
            ]);
        }
    });
    scenario(&setup, async |world| {
        let samples = load_for(world, duration()).await;
        let failed = samples.iter().filter(|sample| sample.status != 200).count();
        let (calls, issued) = (world.sts.calls().len(), world.ledger.issued().len());
        println!(
            "{calls} calls to STS, {issued} answered; {failed} failed of {} requests",
            samples.len()
        );
        assert_eq!(failed, 0);
        assert!(calls > issued, "no refresh failed");
        let faults =
            ["service_fault", "throttled", "unreachable"].map(|word| format!("sts.{word}"));
        let mut counted = 0;
        for fault in &faults {
            counted += world.stat(fault).await;
        }
        let ok = world.stat("sts.ok").await;
        assert_eq!((counted + ok, ok), (calls as u64, issued as u64));
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
        let host = ROLES[0].0;
        world.ask(Request::get(host, "/")).await.ok();
        world.aws.forget_valid();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let loads = async {
            let (one, other) = tokio::join!(load(world, host, at(75)), load(world, host, at(75)));
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
