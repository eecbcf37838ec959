//! What the simulation says, as Markdown, and what it must say.

use super::fleet::Outcome;
use super::{HOUR, MINUTE, Millis, SECOND, Scenario};
use std::fmt::Write as _;
use std::ops::Range;

/// The mandatory window: what outlives the outage by less may come too late for its next try.
const CLOSE: Millis = MINUTE;

/// From the outage's end: as long as STS needs to serve a fleet at its quota, and some.
const LONGEST_RECOVERY: Millis = 5 * MINUTE;

/// The largest value in a range of time.
fn peak(series: &[u32], range: &Range<Millis>) -> u32 {
    between(series, range).iter().copied().max().unwrap_or(0)
}

fn between<'a, T>(series: &'a [T], range: &Range<Millis>) -> &'a [T] {
    let index = |moment: Millis| usize::try_from(moment / SECOND).unwrap_or(usize::MAX);
    let end = index(range.end).min(series.len());
    series.get(index(range.start)..end).unwrap_or_default()
}

/// The time from the outage's end until no more sidecars are without credentials than before it.
fn recovery(scenario: &Scenario, outcome: &Outcome) -> Millis {
    let usual = between(
        &outcome.unsigned,
        &(scenario.outage.start - HOUR..scenario.outage.start),
    );
    let usual = usual.iter().copied().max().unwrap_or(0);
    let after = between(&outcome.unsigned, &(scenario.outage.end..scenario.length));
    let seconds = after.iter().position(|count| *count <= usual);
    let seconds = seconds.map_or(scenario.length / SECOND, |seconds| seconds as u64);
    seconds * SECOND
}

/// Of the sidecars whose credentials outlived the outage by so much: how many, and their failed requests.
fn outlived(outcome: &Outcome, by: impl Fn(i64) -> bool) -> (usize, u64) {
    let chosen = outcome
        .through_outage
        .iter()
        .filter(|(margin, _)| by(*margin));
    chosen.fold((0, 0), |(count, failed), (_, more)| {
        (count + 1, failed + more)
    })
}

fn signed(moment: Millis) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX)
}

/// Whether STS can answer all calls that come when the outage ends, also of those whose credentials are gone.
fn sts_can_answer(scenario: &Scenario, outcome: &Outcome) -> bool {
    peak(&outcome.calls, &scenario.outage).max(peak_of_recovery(scenario, outcome)) < scenario.quota
}

fn peak_of_recovery(scenario: &Scenario, outcome: &Outcome) -> u32 {
    let end = scenario.outage.end;
    let recovery = recovery(scenario, outcome).max(SECOND);
    peak(&outcome.calls, &(end..end + recovery))
}

/// What the project promises and this outcome breaks.
pub(super) fn broken_claims(scenario: &Scenario, outcome: &Outcome) -> Vec<String> {
    let mut broken = Vec::new();
    if recovery(scenario, outcome) > LONGEST_RECOVERY {
        broken.push("the fleet has not recovered in time".to_owned());
    }
    let recovered = scenario.outage.end + recovery(scenario, outcome);
    let after = peak(&outcome.calls, &(recovered..scenario.length));
    if after >= scenario.quota {
        broken.push(format!("{after} calls a second after the recovery"));
    }
    let safe = signed(CLOSE.max(recovered - scenario.outage.end));
    let (_, failed) = outlived(outcome, |margin| margin >= safe);
    if failed > 0 {
        broken.push(format!(
            "{failed} requests failed whose credentials outlived outage and recovery"
        ));
    }
    let (_, failed) = outlived(outcome, |margin| margin >= 0);
    if failed > 0 && sts_can_answer(scenario, outcome) {
        broken.push(format!(
            "{failed} requests failed whose credentials outlived the outage, and STS could answer all"
        ));
    }
    if outcome.expired_tokens > 0 {
        broken.push(format!(
            "{} calls with an expired token",
            outcome.expired_tokens
        ));
    }
    broken
}

/// The report on one fleet.
pub(super) fn day(scenario: &Scenario, ours: &Outcome, native: &Outcome) -> String {
    let mut rows: Vec<(String, [String; 2])> = Vec::new();
    let mut row = |name: &str, value: &dyn Fn(&Outcome) -> String| {
        rows.push((name.to_owned(), [value(ours), value(native)]));
    };
    let outage = &scenario.outage;
    let before = 2 * HOUR.min(outage.start / 3)..outage.start;
    let recovered = |outcome: &Outcome| outage.end + recovery(scenario, outcome);
    row("STS calls a second: mean of the day", &|outcome| {
        let sum: u64 = outcome.calls.iter().map(|calls| u64::from(*calls)).sum();
        format!("{:.0}", sum as f64 / (scenario.length / SECOND) as f64)
    });
    row(
        "peak before the outage, after the first hours",
        &|outcome| thousands(peak(&outcome.calls, &before).into()),
    );
    row("peak during the outage (nobody answers)", &|outcome| {
        thousands(peak(&outcome.calls, outage).into())
    });
    row("peak from the outage's end to recovery", &|outcome| {
        thousands(peak_of_recovery(scenario, outcome).into())
    });
    row(
        "recovery: seconds until as many can sign as before",
        &|outcome| thousands(recovery(scenario, outcome) / SECOND),
    );
    row("peak after recovery, to the end of the day", &|outcome| {
        thousands(peak(&outcome.calls, &(recovered(outcome)..scenario.length)).into())
    });
    row("calls that were throttled", &|outcome| {
        thousands(
            outcome
                .throttled
                .iter()
                .map(|calls| u64::from(*calls))
                .sum(),
        )
    });
    let safe = signed(CLOSE.max(recovery(scenario, ours)));
    let through = |outcome: &Outcome, by: &dyn Fn(i64) -> bool| {
        let (count, failed) = outlived(outcome, by);
        format!(
            "{} ({} sidecars)",
            thousands(failed),
            thousands(count as u64)
        )
    };
    row(
        "failed requests of sidecars whose credentials outlived the outage and our recovery",
        &|outcome| through(outcome, &|margin| margin >= safe),
    );
    row(
        "of those whose credentials outlived the outage, but not our recovery",
        &|outcome| through(outcome, &|margin| (0..safe).contains(&margin)),
    );
    row(
        "of those whose credentials expired during the outage",
        &|outcome| through(outcome, &|margin| margin < 0),
    );
    row(
        "of pods that started during outage and recovery",
        &|outcome| thousands(outcome.failed_at_start),
    );
    row("failed requests in all", &|outcome| {
        thousands(outcome.failed_requests())
    });
    row("sidecar-minutes without credentials", &|outcome| {
        let seconds: i64 = outcome.unsigned.iter().sum();
        thousands(u64::try_from(seconds / 60).unwrap_or(0))
    });
    row(
        "tokens renewed; calls with one that had expired",
        &|outcome| {
            format!(
                "{}; {}",
                thousands(outcome.rotated_tokens),
                outcome.expired_tokens
            )
        },
    );

    let mut text = format!(
        "# Simulation\n\nWritten by `cargo xtask simulate`. {} sidecars in one account and region, {} hours, credentials of {} minutes.\n\
         {} % of the pods are replaced each hour. STS answers at most {} calls a second; from {} it answers 503 for {}\n\
         minutes. Each program makes one request a second.\n\n\
         | | sigv4-egress | Envoy's native filter |\n|---|---:|---:|\n",
        thousands(scenario.sidecars.into()),
        scenario.length / HOUR,
        scenario.lifetime / MINUTE,
        scenario.restarts_per_hour * 100.0,
        scenario.quota,
        clock(outage.start),
        (outage.end - outage.start) / MINUTE,
    );
    for (name, [ours, native]) in rows {
        let _ = writeln!(text, "| {name} | {ours} | {native} |");
    }
    text.push_str(
        "\nA sidecar whose credentials have expired calls every 5 to 10 s, because it fails requests until it has new ones. A fleet\n\
         of this size then calls faster than STS answers, and what it throttles is called again: STS works at its quota, and\n\
         those whose credentials end just then wait in the same crowd. Credentials that are still good for a while are not in it:\n\
         their sidecars pause for minutes. Envoy's filter gives them up and sends requests unsigned, for up to an hour after the\n\
         outage.\n",
    );
    text
}

/// What a second region promises and this outcome breaks.
pub(super) fn broken_claims_of_two(scenario: &Scenario, outcome: &Outcome) -> Vec<String> {
    let mut broken = Vec::new();
    if outcome.failed_requests() > 0 {
        let failed = outcome.failed_requests();
        broken.push(format!("{failed} requests failed with a second region"));
    }
    let peak = peak(&outcome.calls_elsewhere, &(0..scenario.length));
    if peak == 0 || peak >= scenario.quota {
        broken.push(format!("{peak} calls a second to the second region"));
    }
    broken
}

/// The report on the same day with STS of a second region.
pub(super) fn regions(scenario: &Scenario, one: &Outcome, two: &Outcome) -> String {
    let outage = &scenario.outage;
    let recovered = outage.end..outage.end + LONGEST_RECOVERY;
    let mut text = "\n## A second region\n\n\
         The same day, with STS of a second region in `sts_hosts`. In the outage the first one is silent, so that each call\n\
         waits for it for half of `sts_timeout_ms` before it goes to the second.\n\n\
         | | one region | two regions |\n|---|---:|---:|\n"
        .to_owned();
    let mut row = |name: &str, value: &dyn Fn(&Outcome) -> u64| {
        let [one, two] = [one, two].map(|outcome| thousands(value(outcome)));
        let _ = writeln!(text, "| {name} | {one} | {two} |");
    };
    row(
        "calls a second to the first region: peak during the outage",
        &|outcome| peak(&outcome.calls, outage).into(),
    );
    row("peak in the five minutes after it", &|outcome| {
        peak(&outcome.calls, &recovered).into()
    });
    row(
        "calls a second to the second region: peak of the day",
        &|outcome| peak(&outcome.calls_elsewhere, &(0..scenario.length)).into(),
    );
    row("failed requests in all", &Outcome::failed_requests);
    row("sidecar-minutes without credentials", &|outcome| {
        let seconds: i64 = outcome.unsigned.iter().sum();
        u64::try_from(seconds / 60).unwrap_or(0)
    });
    text
}

/// The report on fleets of several sizes.
pub(super) fn by_size(fleets: &[(Scenario, Outcome)]) -> String {
    let mut text = "\n## The size of the fleet\n\n\
         The same day with fleets that share the quota of one account and region. As long as STS can answer the calls that come\n\
         when the outage ends, no sidecar whose credentials outlived it fails a request.\n\n\
         | sidecars | calls a second when the outage ends | quota | recovery, s | sidecars whose credentials outlived the outage \
         | of them with failed requests | failed requests |\n|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for (scenario, outcome) in fleets {
        let (through, failed) = outlived(outcome, |margin| margin >= 0);
        let hurt = outcome.through_outage.iter();
        let hurt = hurt.filter(|(margin, failed)| *margin >= 0 && *failed > 0);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            thousands(scenario.sidecars.into()),
            thousands(peak_of_recovery(scenario, outcome).into()),
            scenario.quota,
            recovery(scenario, outcome) / SECOND,
            thousands(through as u64),
            thousands(hurt.count() as u64),
            thousands(failed),
        );
    }
    text
}

fn clock(moment: Millis) -> String {
    format!("{:02}:{:02}", moment / HOUR, moment % HOUR / MINUTE)
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
