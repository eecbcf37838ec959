//! The chart: calls to STS on a logarithmic axis, and sidecars that cannot sign.

use super::fleet::Outcome;
use super::{HOUR, Scenario};
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const PANEL: f64 = 190.0;
const TOPS: [f64; 2] = [60.0, 310.0];
/// Each point is the largest value of a minute.
const SECONDS_PER_POINT: usize = 60;

/// The chart as SVG. Its colours follow the reader's light or dark setting.
pub(super) fn svg(scenario: &Scenario, ours: &Outcome, native: &Outcome) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 545\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>{} sidecars through a day with an outage of STS</title>\n\
         <style>\n\
         :root {{ --ink: #1f2328; --grid: #d1d9e0; --ours: #0969da; --native: #bc4c00; --outage: #818b981f; }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6edf3; --grid: #3d444d; --ours: #4493f8; --native: #f0883e; --outage: #9198a133; }} }}\n\
         text {{ fill: var(--ink); }} .grid {{ stroke: var(--grid); }} .outage {{ fill: var(--outage); }}\n\
         .line {{ fill: none; stroke-width: 1.5; }} .ours {{ stroke: var(--ours); }} .native {{ stroke: var(--native); }}\n\
         .quota {{ stroke: var(--ink); stroke-dasharray: 5 4; }}\n\
         </style>\n",
        scenario.sidecars
    );
    let calls = |outcome: &Outcome| points(&outcome.calls, f64::from);
    let unsigned = |outcome: &Outcome| {
        points(&outcome.unsigned, |count| {
            count as f64 * 100.0 / f64::from(scenario.sidecars)
        })
    };
    let highest = calls(ours)
        .into_iter()
        .chain(calls(native))
        .fold(10.0, f64::max);
    let decades = highest.log10().ceil();
    let ticks: Vec<(f64, String)> = (0..=4)
        .map(|exponent| (f64::from(exponent), 10u32.pow(exponent).to_string()))
        .filter(|(exponent, _)| *exponent <= decades)
        .collect();
    let log = |value: f64| value.max(1.0).log10();
    panel(
        &mut svg,
        scenario,
        TOPS[0],
        "calls to STS a second, largest in each minute (logarithmic)",
        &ticks,
        decades,
    );
    let quota = TOPS[0] + PANEL * (1.0 - log(scenario.quota.into()) / decades);
    let _ = write!(
        svg,
        "<line class=\"quota\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{quota:.1}\" y2=\"{quota:.1}\"/>\n\
         <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">quota of STS, {}</text>\n",
        WIDTH - RIGHT,
        WIDTH - RIGHT,
        quota - 5.0,
        scenario.quota
    );
    for (outcome, class) in [(native, "native"), (ours, "ours")] {
        line(
            &mut svg,
            TOPS[0],
            class,
            calls(outcome).into_iter().map(log),
            decades,
        );
    }
    let most = unsigned(ours)
        .into_iter()
        .chain(unsigned(native))
        .fold(10.0, f64::max);
    let top = (most / 10.0).ceil() * 10.0;
    let ticks: Vec<(f64, String)> = [0.0, 0.5, 1.0]
        .map(|part| (part * top, format!("{:.0} %", part * top)))
        .to_vec();
    panel(
        &mut svg,
        scenario,
        TOPS[1],
        "sidecars without credentials",
        &ticks,
        top,
    );
    for (outcome, class) in [(native, "native"), (ours, "ours")] {
        line(&mut svg, TOPS[1], class, unsigned(outcome).into_iter(), top);
    }
    let outage = x(scenario.outage.start as f64 / scenario.length as f64);
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"end\">STS is away</text>",
        outage - 6.0,
        TOPS[1] + 17.0
    );
    for (x, class, name) in [
        (LEFT, "ours", "sigv4-egress"),
        (LEFT + 140.0, "native", "Envoy's native filter"),
    ] {
        let _ = writeln!(
            svg,
            "<line class=\"line {class}\" x1=\"{x}\" x2=\"{}\" y1=\"18\" y2=\"18\"/><text x=\"{}\" y=\"22\">{name}</text>",
            x + 22.0,
            x + 28.0
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"535\" text-anchor=\"middle\">hours</text>\n</svg>\n",
        LEFT + (WIDTH - LEFT - RIGHT) / 2.0
    );
    svg
}

fn points<T: Copy + Ord>(series: &[T], value: impl Fn(T) -> f64) -> Vec<f64> {
    let largest = series.chunks_exact(SECONDS_PER_POINT);
    largest
        .filter_map(|chunk| chunk.iter().copied().max())
        .map(value)
        .collect()
}

/// Where a moment, as part of the whole, stands.
fn x(part: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * part
}

fn panel(
    svg: &mut String,
    scenario: &Scenario,
    top: f64,
    title: &str,
    ticks: &[(f64, String)],
    highest: f64,
) {
    let part = |moment| moment as f64 / scenario.length as f64;
    let (from, to) = (x(part(scenario.outage.start)), x(part(scenario.outage.end)));
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"600\">{title}</text>\n\
         <rect class=\"outage\" x=\"{from:.1}\" width=\"{:.1}\" y=\"{top}\" height=\"{PANEL}\"><title>STS is away</title></rect>\n",
        top - 10.0,
        to - from
    );
    for (value, label) in ticks {
        let y = top + PANEL * (1.0 - value / highest);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0
        );
    }
    for hour in (0..=scenario.length / HOUR).step_by(2) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{hour}</text>",
            x(part(hour * HOUR)),
            top + PANEL + 17.0
        );
    }
}

fn line(
    svg: &mut String,
    top: f64,
    class: &str,
    values: impl ExactSizeIterator<Item = f64>,
    highest: f64,
) {
    let count = values.len() as f64;
    let _ = write!(svg, "<polyline class=\"line {class}\" points=\"");
    for (index, value) in values.enumerate() {
        let y = top + PANEL * (1.0 - value / highest);
        let _ = write!(svg, "{:.1},{y:.1} ", x(index as f64 / count));
    }
    svg.push_str("\"/>\n");
}
