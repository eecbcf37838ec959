//! The chart: what each filter adds to a small request, in µs of CPU time.

use crate::workload;
use serde_json::Value;
use std::fmt::Write as _;

/// Legible on light and on dark pages: colours of middle brightness, text in one of them.
pub(crate) fn svg(report: &Value) -> String {
    let workloads = workload::all();
    let rows: Vec<(&str, &Value)> = workloads
        .iter()
        .map(|workload| (workload.name, &report["workloads"][workload.name]))
        // Megabytes would flatten the rest.
        .filter(|(_, row)| {
            row["body_bytes"]
                .as_u64()
                .is_some_and(|bytes| bytes <= 4096)
        })
        .collect();
    let widest = rows
        .iter()
        .flat_map(|(_, row)| BARS.iter().filter_map(|(key, ..)| row[*key].as_f64()))
        .fold(1.0, f64::max);
    let height = TOP + rows.len() as f64 * ROW + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"13\" fill=\"#7d8590\" role=\"img\" aria-label=\"CPU time that each filter adds to a request\">\n\
         <text x=\"8\" y=\"20\" font-size=\"15\" font-weight=\"600\">CPU time added to a request, µs (less is better)</text>\n"
    );
    for (at, (_, label, colour)) in BARS.iter().enumerate() {
        let x = LEFT + at as f64 * 150.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"31\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"42\">{label}</text>",
            x + 18.0
        );
    }
    for (at, (name, row)) in rows.iter().enumerate() {
        let y = TOP + at as f64 * ROW;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
            LEFT - 10.0,
            y + 28.0
        );
        let bars = BARS
            .iter()
            .filter_map(|(key, _, colour)| Some((row[*key].as_f64()?, colour)));
        for (place, (figure, colour)) in bars.enumerate() {
            let y = y + 4.0 + place as f64 * 14.0;
            let width = (figure.max(0.0) / widest * (WIDTH - LEFT - 60.0)).round();
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width}\" height=\"12\" fill=\"{colour}\"/>\
                 <text x=\"{}\" y=\"{}\" font-size=\"11\">{figure:.1}</text>",
                LEFT + width + 5.0,
                y + 10.0
            );
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let _ = writeln!(
        svg,
        "<text x=\"8\" y=\"{}\" font-size=\"11\">Envoy {}, one core of {}: {}</text>\n</svg>",
        height - 10.0,
        text(&report["machine"]["envoy"]),
        text(&report["machine"]["cpu"]),
        text(&report["command"])
    );
    svg
}

const BARS: [(&str, &str, &str); 4] = [
    ("added_us_noop", "no-op Wasm", "#9aa4af"),
    ("added_us_calls", "our calls to Envoy alone", "#57ab5a"),
    ("added_us_native", "native aws_request_signing", "#d29922"),
    ("added_us_ours", "sigv4-egress", "#2f81f7"),
];
const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 56.0;
const ROW: f64 = 52.0;
