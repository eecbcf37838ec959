//! The dashboard as a picture: its panels, and the series that Prometheus answered, as SVG.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::panel::{COLUMNS, Panel, Unit};

/// A line of a panel: a value for each second that has one, from 0 on.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: BTreeMap<u32, f64>,
}

const WIDTH: f64 = 860.0;
const COLUMN: f64 = WIDTH / COLUMNS as f64;
const ROW: f64 = 24.0;
/// Between panels, and from a panel's edge to what is in it.
const GAP: f64 = 8.0;
/// Of a title, and of a line of labels.
const TITLE: f64 = 30.0;
const LINE: f64 = 16.0;
/// What one letter of a label may need; the reader's font is not known.
const LETTER: f64 = 6.4;
/// More lines of a legend would leave no room for the lines themselves.
const LEGEND_LINES: usize = 3;
/// In light and in dark.
const COLOURS: [(&str, &str); 8] = [
    ("#0969da", "#4493f8"),
    ("#bc4c00", "#f0883e"),
    ("#1a7f37", "#3fb950"),
    ("#8250df", "#ab7df8"),
    ("#cf222e", "#f85149"),
    ("#1b7c83", "#39c5cf"),
    ("#9a6700", "#d29922"),
    ("#bf3989", "#db61a2"),
];

/// The panels with their series over so many seconds. The colours follow the reader's light or dark setting.
pub(crate) fn svg(title: &str, panels: &[(Panel, Vec<Series>)], seconds: u32) -> String {
    let rows = panels
        .iter()
        .map(|(panel, _)| panel.place.y + panel.place.height);
    let height = rows.max().unwrap_or(0) as f64 * ROW;
    let colours = |choose: fn(&(&'static str, &'static str)) -> &'static str| -> String {
        let names = COLOURS.iter().enumerate();
        names
            .map(|(number, colour)| format!(" --c{number}: {};", choose(colour)))
            .collect()
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"11\">\n\
         <title>{}</title>\n\
         <style>\n\
         :root {{ --ink: #1f2328; --grid: #d1d9e0;{} }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6edf3; --grid: #3d444d;{} }} }}\n\
         text {{ fill: var(--ink); }} .grid {{ fill: none; stroke: var(--grid); }}\n\
         .line {{ stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }}\n",
        escaped(title),
        colours(|colour| colour.0),
        colours(|colour| colour.1),
    );
    for number in 0..COLOURS.len() {
        let _ = writeln!(
            svg,
            ".s{number} {{ stroke: var(--c{number}); fill: var(--c{number}); }}"
        );
    }
    // Later than the colours, because a line has no inside.
    svg.push_str(".line { fill: none; } .area { stroke: none; }\n</style>\n");
    for (panel, series) in panels {
        draw(&mut svg, panel, series, seconds);
    }
    svg.push_str("</svg>\n");
    svg
}

/// What a panel's part begins with, whatever its series are.
pub(crate) fn head(panel: &Panel) -> String {
    let area = Area::of(panel);
    let expressions = panel.queries.iter().map(|query| escaped(&query.expression));
    format!(
        "<g>\n<title>{}</title>\n<desc>{}</desc>\n\
         <rect class=\"grid\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"13\" font-weight=\"600\">{}</text>\n",
        escaped(&panel.description),
        expressions.collect::<Vec<_>>().join("\n"),
        area.left,
        area.top,
        area.right - area.left,
        area.bottom - area.top,
        area.left + GAP,
        area.top + 19.0,
        escaped(&shortened(&panel.title, (area.right - area.left) * 0.8)),
    )
}

/// A rectangle of the picture.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Area {
    /// Of a whole panel.
    fn of(panel: &Panel) -> Self {
        let place = panel.place;
        Self {
            left: place.x as f64 * COLUMN + GAP / 2.0,
            right: (place.x + place.width) as f64 * COLUMN - GAP / 2.0,
            top: place.y as f64 * ROW + GAP / 2.0,
            bottom: (place.y + place.height) as f64 * ROW - GAP / 2.0,
        }
    }
}

fn draw(svg: &mut String, panel: &Panel, series: &[Series], seconds: u32) {
    svg.push_str(&head(panel));
    let whole = Area::of(panel);
    if series.iter().all(|one| one.points.is_empty()) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">no data</text>\n</g>",
            f64::midpoint(whole.left, whole.right),
            f64::midpoint(whole.top, whole.bottom)
        );
        return;
    }
    let drawn = layers(series, panel.is_stacked);
    let tops = || drawn.iter().flatten().map(|(_, (_, top))| *top);
    let low = panel
        .lowest
        .unwrap_or_else(|| tops().fold(f64::INFINITY, f64::min));
    let axis = Axis::around(panel.unit, low, tops().fold(low, f64::max));
    let legend = legend(series, whole.right - whole.left - 2.0 * GAP);
    let widest = axis.ticks.iter().map(|(_, label)| label.chars().count());
    let plot = Area {
        left: whole.left + GAP + LETTER * widest.max().unwrap_or(0) as f64 + 4.0,
        right: whole.right - 2.0 * GAP,
        top: whole.top + TITLE,
        bottom: whole.bottom - GAP - LINE * (legend.len() + 1) as f64,
    };
    grid(svg, plot, &axis, seconds);
    for (number, layer) in drawn.iter().enumerate() {
        lines(
            svg,
            panel,
            number % COLOURS.len(),
            layer,
            |second, value| {
                let across = f64::from(second) / f64::from(seconds.max(1));
                let up = (value - axis.low) / (axis.high - axis.low);
                let x = plot.left + (plot.right - plot.left) * across;
                let y = plot.bottom - (plot.bottom - plot.top) * up.clamp(0.0, 1.0);
                format!("{x:.1},{y:.1} ")
            },
        );
    }
    for (row, entries) in legend.iter().enumerate() {
        let y = plot.bottom + LINE * (row + 2) as f64;
        for (x, number, name) in entries {
            let x = whole.left + GAP + x;
            if let Some(number) = number {
                let _ = write!(
                    svg,
                    "<line class=\"line s{}\" x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                    number % COLOURS.len(),
                    x + 12.0,
                    y - 4.0,
                    y - 4.0
                );
            }
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                x + 17.0,
                escaped(name)
            );
        }
    }
    svg.push_str("</g>\n");
}

/// From where to where a series reaches, second by second: stacked, it stands on those before it.
fn layers(series: &[Series], is_stacked: bool) -> Vec<BTreeMap<u32, (f64, f64)>> {
    let mut below: BTreeMap<u32, f64> = BTreeMap::new();
    let mut layers = Vec::new();
    for one in series {
        let mut layer = BTreeMap::new();
        for (second, value) in &one.points {
            let base = below.entry(*second).or_default();
            layer.insert(*second, (*base, *base + value));
            if is_stacked {
                *base += value;
            }
        }
        layers.push(layer);
    }
    layers
}

/// The line of a series and the area below it, in parts where seconds have no value.
fn lines(
    svg: &mut String,
    panel: &Panel,
    colour: usize,
    layer: &BTreeMap<u32, (f64, f64)>,
    place: impl Fn(u32, f64) -> String,
) {
    let points: Vec<(u32, (f64, f64))> = layer.iter().map(|(at, ends)| (*at, *ends)).collect();
    for part in points.chunk_by(|(one, _), (next, _)| one + 1 == *next) {
        let top = part.iter().map(|(at, (_, top))| place(*at, *top));
        let mut top: String = top.collect();
        if panel.opacity > 0.0 {
            let base = part.iter().rev().map(|(at, (base, _))| place(*at, *base));
            let base: String = base.collect();
            let _ = writeln!(
                svg,
                "<polygon class=\"area s{colour}\" fill-opacity=\"{}\" points=\"{top}{}\"/>",
                panel.opacity,
                base.trim_end()
            );
        }
        if part.len() == 1 {
            // A dot, which is a line to itself.
            top = top.repeat(2);
        }
        let _ = writeln!(
            svg,
            "<polyline class=\"line s{colour}\" points=\"{}\"/>",
            top.trim_end()
        );
    }
}

fn grid(svg: &mut String, plot: Area, axis: &Axis, seconds: u32) {
    for (value, label) in &axis.ticks {
        let part = (value - axis.low) / (axis.high - axis.low);
        let y = plot.bottom - (plot.bottom - plot.top) * part;
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            plot.left,
            plot.right,
            plot.left - 4.0,
            y + 4.0
        );
    }
    let Some(unit) = Unit::named("s") else {
        return;
    };
    let end = f64::from(seconds.max(1));
    for (value, label) in Axis::around(unit, 0.0, end).ticks {
        if value <= end {
            // The first would touch the label of the other axis.
            let anchor = if value > 0.0 { "middle" } else { "start" };
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
                plot.left + (plot.right - plot.left) * value / end,
                plot.bottom + 14.0
            );
        }
    }
}

/// An axis from one tick to another, around all values.
struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    fn around(unit: &Unit, low: f64, high: f64) -> Self {
        // A line along the axis is none that somebody sees.
        let high = if high > low { high } else { low + 1.0 };
        let most = high.abs().max(low.abs());
        // From two on, because ticks of 0.5 min say less than those of 30 s.
        let sizes = unit.sizes.iter().rev();
        let fitting = sizes.clone().find(|(size, _)| most >= 2.0 * size);
        let (size, word) = fitting.or(unit.sizes.first()).copied().unwrap_or((1.0, ""));
        let rough = (high - low) / size / 4.0;
        let magnitude = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
        // What rounding adds is no step more.
        let step = steps.into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(rough);
        let first = (low / size / step + 0.001).floor();
        let last = (high / size / step - 0.001).ceil();
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let mut ticks = Vec::new();
        let mut place = first;
        while place <= last {
            let label = format!("{:.decimals$}{word}", place * step);
            ticks.push((place * step * size, label));
            place += 1.0;
        }
        Self {
            low: first * step * size,
            high: last * step * size,
            ticks,
        }
    }
}

/// The lines of a legend: how far to the right, of which series, under which name.
fn legend(series: &[Series], width: f64) -> Vec<Vec<(f64, Option<usize>, String)>> {
    let mut lines = vec![Vec::new()];
    let mut x = 0.0;
    for (number, one) in series.iter().enumerate() {
        let rest = series.len() - number;
        let name = shortened(&one.name, width - 17.0);
        let needed = 17.0 + name.chars().count() as f64 * LETTER;
        let is_last_line = lines.len() == LEGEND_LINES;
        // Room for the words that stand for the others, unless there are none.
        let more = format!("and {rest} more");
        let kept = if is_last_line && rest > 1 {
            34.0 + more.len() as f64 * LETTER
        } else {
            0.0
        };
        if x > 0.0 && x + needed + kept > width {
            if is_last_line {
                lines.last_mut().expect("a line").push((x, None, more));
                return lines;
            }
            lines.push(Vec::new());
            x = 0.0;
        }
        lines
            .last_mut()
            .expect("a line")
            .push((x, Some(number), name));
        x += needed + 10.0;
    }
    lines
}

/// As much of a text as has room.
fn shortened(text: &str, width: f64) -> String {
    let room = (width / LETTER).max(1.0) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::panels;
    use e2e::json;

    fn panel(stacking: &str) -> Panel {
        let dashboard = json!({"panels": [{
            "title": "A < B",
            "description": "Which & why.",
            "type": "timeseries",
            "gridPos": {"x": 8, "y": 8, "w": 8, "h": 8},
            "fieldConfig": {"defaults": {
                "unit": "short", "min": 0, "custom": {"fillOpacity": 20, "stacking": {"mode": stacking}},
            }},
            "targets": [{"expr": "up > 0", "legendFormat": "up"}],
        }]});
        panels(&dashboard).expect("panels").remove(0)
    }

    fn series(name: &str, points: &[(u32, f64)]) -> Series {
        let points = points.iter().copied().collect();
        Series {
            name: name.to_owned(),
            points,
        }
    }

    fn labels(unit: &str, low: f64, high: f64) -> String {
        let axis = Axis::around(Unit::named(unit).expect(unit), low, high);
        let labels: Vec<String> = axis.ticks.into_iter().map(|(_, label)| label).collect();
        labels.join(", ")
    }

    #[test]
    fn axes_end_at_round_values() {
        for (unit, low, high, expected) in [
            ("short", 0.0, 0.0, "0.0, 0.5, 1.0"),
            ("short", 0.0, 4.0, "0, 1, 2, 3, 4"),
            ("short", 0.0, 4100.0, "0 K, 2 K, 4 K, 6 K"),
            ("percentunit", 0.0, 0.047, "0 %, 2 %, 4 %, 6 %"),
            (
                "reqps",
                0.0,
                71.0,
                "0 req/s, 20 req/s, 40 req/s, 60 req/s, 80 req/s",
            ),
            ("s", 0.0, 61.0, "0 s, 20 s, 40 s, 60 s, 80 s"),
            ("s", 0.0, 3600.0, "0 min, 20 min, 40 min, 60 min"),
            (
                "bytes",
                0.0,
                20.0 * 1024.0 * 1024.0,
                "0 MiB, 5 MiB, 10 MiB, 15 MiB, 20 MiB",
            ),
            ("s", 58.0, 61.0, "58 s, 59 s, 60 s, 61 s"),
        ] {
            assert_eq!(labels(unit, low, high), expected, "{unit} {low} {high}");
        }
    }

    #[test]
    fn stacked_series_stand_on_those_before_them() {
        let two = [
            series("a", &[(0, 1.0), (1, 2.0)]),
            series("b", &[(1, 3.0), (2, 4.0)]),
        ];
        let second = |is_stacked| layers(&two, is_stacked).pop().expect("two");
        assert_eq!(
            second(true),
            BTreeMap::from([(1, (2.0, 5.0)), (2, (0.0, 4.0))])
        );
        assert_eq!(
            second(false),
            BTreeMap::from([(1, (0.0, 3.0)), (2, (0.0, 4.0))])
        );
    }

    #[test]
    fn a_line_has_parts_where_there_are_no_values() {
        let points = [(0, 1.0), (1, 1.0), (5, 1.0)];
        let drawn = svg("t", &[(panel("normal"), vec![series("a", &points)])], 10);
        assert_eq!(drawn.matches("<polyline").count(), 2, "{drawn}");
        assert_eq!(drawn.matches("<polygon").count(), 2, "{drawn}");
    }

    #[test]
    fn a_panel_without_data_says_so() {
        for series in [Vec::new(), vec![series("a", &[])]] {
            let drawn = svg("t", &[(panel("none"), series)], 10);
            assert!(drawn.contains(">no data</text>"), "{drawn}");
        }
    }

    #[test]
    fn a_panel_begins_with_what_the_dashboard_says_of_it() {
        let panel = panel("none");
        let head = head(&panel);
        for part in [
            "<title>Which &amp; why.</title>\n<desc>up &gt; 0</desc>",
            "x=\"290.7\" y=\"196.0\" width=\"278.7\" height=\"184.0\"",
            ">A &lt; B</text>",
        ] {
            assert!(head.contains(part), "{part}: {head}");
        }
        let drawn = svg("t", &[(panel, vec![series("a", &[(0, 1.0)])])], 10);
        assert!(drawn.contains(&head));
        assert!(drawn.contains("viewBox=\"0 0 860 384\""), "{drawn}");
    }

    #[test]
    fn a_legend_breaks_and_ends() {
        let named = |count: usize, name: &str| -> Vec<Series> {
            (0..count).map(|_| series(name, &[])).collect()
        };
        let shape = |series: &[Series]| -> Vec<usize> {
            legend(series, 260.0).iter().map(Vec::len).collect()
        };
        assert_eq!(shape(&named(1, "signed")), [1]);
        assert_eq!(shape(&named(4, "left_alone")), [2, 2]);
        assert_eq!(shape(&named(6, "left_alone")), [2, 2, 2]);
        let many = legend(&named(20, "left_alone"), 260.0);
        assert_eq!(many.len(), LEGEND_LINES);
        let (_, number, name) = many.last().and_then(|line| line.last()).expect("an entry");
        assert_eq!((*number, name.as_str()), (None, "and 15 more"));
        let long = legend(&named(1, &"long".repeat(50)), 260.0);
        assert!(long[0][0].2.ends_with('…'), "{:?}", long[0]);
        assert!(long[0][0].2.chars().count() < 40);
    }
}
