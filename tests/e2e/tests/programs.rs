//! Programs that people run in pods, as their users set them up, through a real Envoy with the shipped
//! `envoy/envoy.yaml`, against moto, which verifies every signature.
//!
//! `cargo xtask programs` installs all of `tests/programs` beneath `target/tools/programs` and runs them; without it, those
//! that CI runs. Each is run as `run <way> <prefix> <variant>` with an empty bucket of that name, and ends well where all
//! that it read is what it had written.

#[path = "../../programs/list.rs"]
mod list;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use e2e::clients::{Mode, Task, World};
use e2e::envoy::{newest, workspace};
use e2e::namespace::within;
use e2e::transcript::Transcript;
use list::{Attempt, Outcome, PROGRAMS, Program, Run, Way};

const MODES: &[Mode] = &[
    Mode::Placeholder,
    Mode::Unsigned,
    Mode::Proxied,
    Mode::Failing,
];

/// How many run at a time; most of them wait.
const LANES: usize = 3;

/// `SIGV4_EGRESS_PROGRAMS=rclone,restic`, which `cargo xtask programs` sets, chooses some.
fn chosen() -> Vec<&'static Program> {
    let Ok(names) = std::env::var("SIGV4_EGRESS_PROGRAMS") else {
        let all = PROGRAMS.iter();
        return all.filter(|program| program.run == Run::InCi).collect();
    };
    let find = |name: &str| PROGRAMS.iter().find(|program| program.name == name);
    let names = names.split(',');
    names
        .map(|name| find(name).unwrap_or_else(|| panic!("no program {name}")))
        .collect()
}

#[test]
fn each_program_does_what_the_list_says() {
    let attempts = attempts(|way| way != Way::Https);
    let world = World::get(MODES, &buckets(&attempts));
    let mut faults = attempt_all(world, &attempts);
    for mode in MODES {
        let is_met = attempts.iter().any(|(_, attempt)| egress(attempt) == *mode);
        if is_met {
            faults.extend(world.faults(*mode));
        }
    }
    assert_none(&faults, attempts.len());
}

/// Captured, in a network of its own.
#[test]
fn each_program_does_over_https_what_the_list_says() {
    within("each_program_does_over_https_what_the_list_says", || {
        let attempts = attempts(|way| way == Way::Https);
        let world = World::start_in_pod(&newest(), &buckets(&attempts));
        let mut faults = attempt_all(&world, &attempts);
        // Some are refused, and some ask for their signature by a header.
        faults.extend(world.faults(Mode::Failing));
        assert_none(&faults, attempts.len());
    });
}

/// What is tried in these ways.
fn attempts(is_meant: impl Fn(Way) -> bool) -> Vec<(&'static str, &'static Attempt)> {
    let chosen = chosen().into_iter();
    let attempts = chosen.flat_map(|program| {
        let attempts = program.attempts.iter();
        attempts.map(move |attempt| (program.name, attempt))
    });
    attempts
        .filter(|(_, attempt)| is_meant(attempt.way))
        .collect()
}

fn buckets(attempts: &[(&str, &Attempt)]) -> Vec<String> {
    let attempts = attempts.iter();
    attempts
        .map(|(program, attempt)| attempt.prefix(program))
        .collect()
}

fn attempt_all(world: &World, attempts: &[(&str, &Attempt)]) -> Vec<String> {
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((program, attempt)) =
                    attempts.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let fault = attempt_it(world, program, attempt);
                    faults.lock().expect("no lane panics").extend(fault);
                }
            });
        }
    });
    faults.into_inner().expect("no lane panics")
}

fn assert_none(faults: &[String], attempts: usize) {
    let count = faults.len();
    let faults = faults.join("\n");
    assert!(count == 0, "{count} of {attempts} attempts\n{faults}");
}

/// What is wrong with it.
fn attempt_it(world: &World, program: &str, attempt: &Attempt) -> Option<String> {
    let prefix = attempt.prefix(program);
    let launcher = workspace().join(format!("target/tools/programs/{program}/run"));
    let transcript = world.run(&Task {
        program: &launcher,
        arguments: &[attempt.way.name(), &prefix, attempt.variant],
        name: &prefix,
        mode: mode(attempt.way),
        egress: egress(attempt),
        limit: Duration::from_secs(180),
    });
    let fault = judge(attempt.outcome, &transcript)?;
    Some(format!("{prefix}: {fault}\n{transcript}"))
}

fn judge(outcome: Outcome, transcript: &Transcript) -> Option<String> {
    let printed = [&transcript.output, &transcript.complaints];
    match (outcome, transcript.status.success()) {
        (Outcome::Works, true) => None,
        (Outcome::Works, false) => Some("it does not work".to_owned()),
        (Outcome::Cannot { why, .. }, true) => {
            Some(format!("it works, and the list says that it cannot: {why}"))
        }
        (Outcome::Cannot { shows, .. }, false) => {
            let is_shown = printed.iter().any(|text| text.contains(shows));
            (!is_shown).then(|| format!("it fails, and does not show {shows:?}"))
        }
    }
}

fn mode(way: Way) -> Mode {
    match way {
        Way::Endpoint => Mode::Placeholder,
        Way::Proxy => Mode::Proxied,
        Way::Unsigned => Mode::Unsigned,
        Way::Https => Mode::Captured,
    }
}

/// What cannot work may be refused, and is not to be counted among what works.
fn egress(attempt: &Attempt) -> Mode {
    match (attempt.way, attempt.outcome) {
        (Way::Https, _) | (_, Outcome::Works) => mode(attempt.way),
        (_, Outcome::Cannot { .. }) => Mode::Failing,
    }
}
