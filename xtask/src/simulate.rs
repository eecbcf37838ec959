//! `cargo xtask simulate`: the credential cache of every sidecar of a large fleet, through a day with an
//! outage of STS, beside Envoy's native filter by its documented rules.
//!
//! Virtual time and a seeded generator: the same scenario gives the same bytes.

mod chart;
mod fleet;
mod native;
mod ours;
mod report;

use crate::run::{Result, cargo, root, run as command};
use fleet::{Fleet, Outcome};
use std::fs;
use std::ops::Range;
use std::time::Instant;

/// Milliseconds since the start.
pub(crate) type Millis = u64;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;

/// What a fleet lives through.
#[derive(Clone, Debug)]
struct Scenario {
    sidecars: u32,
    length: Millis,
    /// The first pods start one by one over this time.
    rollout: Millis,
    /// Pods that are replaced, one by one, in parts of the fleet.
    restarts_per_hour: f64,
    /// STS of the first region answers 503.
    outage: Range<Millis>,
    /// Whom the sidecars can ask.
    regions: Regions,
    /// What STS answers in a second; the rest is throttled.
    quota: u32,
    /// How long an answer takes.
    latency: Millis,
    /// How long credentials live.
    lifetime: Millis,
    /// How long a web identity token lives; the kubelet renews it after four fifths of that.
    token_lifetime: Millis,
    /// How long a request waits for credentials, as `max_wait_ms`.
    max_wait: Millis,
    seed: u64,
}

/// The regions whose STS is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Regions {
    One,
    /// The second has a quota of its own, and no outage. In an outage the first is silent, which takes longest.
    Two,
}

impl Scenario {
    /// A day of 100,000 sidecars.
    const fn day() -> Self {
        Self {
            sidecars: 100_000,
            length: 24 * HOUR,
            rollout: 30 * MINUTE,
            restarts_per_hour: 0.05,
            outage: 12 * HOUR..12 * HOUR + 30 * MINUTE,
            regions: Regions::One,
            quota: 600,
            latency: 100,
            lifetime: HOUR,
            token_lifetime: 24 * HOUR,
            max_wait: 5 * SECOND,
            seed: 1,
        }
    }
}

/// The same day for fleets that STS can answer sooner.
const SMALLER_FLEETS: [u32; 4] = [1000, 5000, 10_000, 30_000];

/// Whether the files in `docs` are written or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    Write,
    Compare,
}

/// Runs the day for both filters; prints the result and puts it into `docs`.
pub(crate) fn simulate(files: Files) -> Result {
    if cfg!(debug_assertions) {
        // Ten times as fast, compiled for speed.
        let mut optimised = cargo(&["run", "--quiet", "--profile", "tool"]);
        optimised.args(["--package", "xtask", "--", "simulate"]);
        if files == Files::Compare {
            optimised.arg("--check");
        }
        return command(&mut optimised);
    }
    let begun = Instant::now();
    let scenario = Scenario::day();
    let (ours, native) = run(&scenario);
    let smaller = SMALLER_FLEETS.map(|sidecars| Scenario {
        sidecars,
        ..scenario.clone()
    });
    let mut fleets: Vec<_> = smaller
        .into_iter()
        .map(|scenario| {
            let ours = Fleet::<ours::Ours>::new(&scenario).run();
            (scenario, ours)
        })
        .collect();
    let two = Scenario {
        regions: Regions::Two,
        ..scenario.clone()
    };
    let with_two = Fleet::<ours::Ours>::new(&two).run();
    let day = report::day(&scenario, &ours, &native) + &report::regions(&two, &ours, &with_two);
    let chart = chart::svg(&scenario, &ours, &native);
    fleets.push((scenario, ours));
    let summary = day + &report::by_size(&fleets);
    println!("{summary}");
    println!("took {:.1} s", begun.elapsed().as_secs_f64());
    let mut claims: Vec<_> = fleets
        .iter()
        .flat_map(|(scenario, ours)| report::broken_claims(scenario, ours))
        .collect();
    claims.extend(report::broken_claims_of_two(&two, &with_two));
    if !claims.is_empty() {
        return Err(claims.join("; ").into());
    }
    for (name, text) in [("simulation.md", summary), ("simulation.svg", chart)] {
        let path = root().join("docs").join(name);
        match files {
            Files::Write => fs::write(&path, text)?,
            Files::Compare if fs::read_to_string(&path).unwrap_or_default() == text => {}
            Files::Compare => {
                return Err(format!("docs/{name} is not what cargo xtask simulate writes").into());
            }
        }
    }
    Ok(())
}

fn run(scenario: &Scenario) -> (Outcome, Outcome) {
    std::thread::scope(|scope| {
        let native = scope.spawn(|| Fleet::<native::Native>::new(scenario).run());
        let ours = Fleet::<ours::Ours>::new(scenario).run();
        (ours, native.join().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Scenario {
        Scenario {
            sidecars: 2000,
            length: 5 * HOUR,
            outage: 2 * HOUR..2 * HOUR + 30 * MINUTE,
            quota: 12,
            ..Scenario::day()
        }
    }

    #[test]
    fn a_small_fleet_bears_out_what_the_report_claims() {
        let scenario = small();
        let (ours, native) = run(&scenario);
        assert_eq!(
            report::broken_claims(&scenario, &ours),
            Vec::<String>::new()
        );
        assert!(ours.failed_requests() > 0, "the outage hurt nobody");
        assert!(report::by_size(&[(scenario, ours.clone())]).contains("| 2,000 |"));
        assert!(native.failed_requests() > 2 * ours.failed_requests());
    }

    #[test]
    fn a_second_region_bears_the_outage() {
        let scenario = Scenario {
            regions: Regions::Two,
            ..small()
        };
        let outcome = Fleet::<ours::Ours>::new(&scenario).run();
        let broken = report::broken_claims_of_two(&scenario, &outcome);
        assert_eq!(broken, Vec::<String>::new());
        assert!(outcome.calls_elsewhere.iter().sum::<u32>() > 500);
        assert!(report::regions(&scenario, &run(&small()).0, &outcome).contains("| 0 |"));
        let one = Fleet::<ours::Ours>::new(&small()).run();
        assert!(!report::broken_claims_of_two(&scenario, &one).is_empty());
    }

    #[test]
    fn each_claim_can_be_broken() {
        let scenario = Scenario {
            quota: 600,
            ..small()
        };
        let (ours, _) = run(&scenario);
        let check = |spoil: &dyn Fn(&mut Outcome), words: &str| {
            let mut outcome = ours.clone();
            spoil(&mut outcome);
            let broken = report::broken_claims(&scenario, &outcome).join("; ");
            assert!(broken.contains(words), "{broken:?} does not say {words:?}");
        };
        check(
            &|outcome| *outcome.calls.iter_mut().nth_back(1).unwrap() = scenario.quota,
            "after the recovery",
        );
        check(
            &|outcome| outcome.through_outage.push((i64::MAX, 1)),
            "outlived",
        );
        check(
            &|outcome| outcome.through_outage.push((1, 1)),
            "STS could answer all",
        );
        check(&|outcome| outcome.expired_tokens = 1, "expired token");
        let end = usize::try_from(scenario.outage.end / SECOND).unwrap();
        check(
            &|outcome| {
                outcome
                    .unsigned
                    .iter_mut()
                    .skip(end)
                    .for_each(|count| *count = 1000)
            },
            "recovered",
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_report_and_another_seed_another() {
        let scenario = small();
        let report = |scenario: &Scenario| {
            let (ours, native) = run(scenario);
            report::day(scenario, &ours, &native) + &chart::svg(scenario, &ours, &native)
        };
        let text = report(&scenario);
        assert_eq!(report(&scenario), text);
        assert_ne!(
            report(&Scenario {
                seed: 2,
                ..scenario
            }),
            text
        );
    }
}
