//! The panels of a Grafana dashboard, as far as a picture shows them.

use e2e::Value;

/// Into how many columns Grafana divides a dashboard.
pub(crate) const COLUMNS: u64 = 24;

/// How values are written: from which size on, divided by it, with which word.
pub(crate) struct Unit {
    name: &'static str,
    pub(crate) sizes: &'static [(f64, &'static str)],
}

const KIB: f64 = 1024.0;

/// By Grafana's names for them.
const UNITS: &[Unit] = &[
    Unit {
        name: "short",
        sizes: &[(1.0, ""), (1e3, " K"), (1e6, " M")],
    },
    Unit {
        name: "percentunit",
        sizes: &[(0.01, " %")],
    },
    Unit {
        name: "reqps",
        sizes: &[(1.0, " req/s"), (1e3, "K req/s")],
    },
    Unit {
        name: "ops",
        sizes: &[(1.0, " ops/s"), (1e3, "K ops/s")],
    },
    Unit {
        name: "s",
        sizes: &[(1e-3, " ms"), (1.0, " s"), (60.0, " min"), (3600.0, " h")],
    },
    Unit {
        name: "bytes",
        sizes: &[
            (1.0, " B"),
            (KIB, " KiB"),
            (KIB * KIB, " MiB"),
            (KIB * KIB * KIB, " GiB"),
        ],
    },
];

impl Unit {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        UNITS.iter().find(|unit| unit.name == name)
    }
}

/// Where a panel is, in Grafana's columns and rows.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) x: u64,
    pub(crate) y: u64,
    pub(crate) width: u64,
    pub(crate) height: u64,
}

impl Place {
    fn overlaps(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// One query of a panel.
pub(crate) struct Query {
    pub(crate) expression: String,
    legend: String,
}

impl Query {
    /// What the legend calls a series with these labels.
    pub(crate) fn name(&self, labels: &Value) -> String {
        let mut parts = self.legend.split("{{");
        let mut name = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (label, rest) = part.split_once("}}").unwrap_or((part, ""));
            name.push_str(labels[label.trim()].as_str().unwrap_or_default());
            name.push_str(rest);
        }
        name
    }
}

/// A panel with lines over time.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) place: Place,
    pub(crate) unit: &'static Unit,
    /// Where its axis begins; without it, at the lowest value.
    pub(crate) lowest: Option<f64>,
    pub(crate) is_stacked: bool,
    /// Of the area below a line, from 0 to 1.
    pub(crate) opacity: f64,
    pub(crate) queries: Vec<Query>,
}

/// The panels of a dashboard.
///
/// # Errors
/// Where one has what no picture shows.
pub(crate) fn panels(dashboard: &Value) -> Result<Vec<Panel>, String> {
    let found = dashboard["panels"].as_array().ok_or("it has no panels")?;
    let panels: Vec<Panel> = found.iter().map(panel).collect::<Result<_, _>>()?;
    for (number, panel) in panels.iter().enumerate() {
        for other in &panels[..number] {
            if panel.place.overlaps(other.place) {
                return Err(format!(
                    "{:?} covers {:?}: give one of them another gridPos",
                    panel.title, other.title
                ));
            }
        }
    }
    Ok(panels)
}

fn panel(value: &Value) -> Result<Panel, String> {
    let title = text(value, "/title").map_err(|fault| format!("panel {}: {fault}", value["id"]))?;
    let read = || -> Result<Panel, String> {
        if value["type"] != "timeseries" {
            return Err(format!(
                "type is {}; allowed: \"timeseries\"",
                value["type"]
            ));
        }
        let place = place(value)?;
        let unit = text(value, "/fieldConfig/defaults/unit")?;
        let unit = Unit::named(&unit).ok_or_else(|| {
            let allowed: Vec<&str> = UNITS.iter().map(|unit| unit.name).collect();
            format!(
                "fieldConfig.defaults.unit is {unit:?}; allowed: {}",
                allowed.join(", ")
            )
        })?;
        let custom = &value["fieldConfig"]["defaults"]["custom"];
        let is_stacked = match custom["stacking"]["mode"].as_str().unwrap_or("none") {
            "none" => false,
            "normal" => true,
            other => return Err(format!("stacking.mode is {other:?}; allowed: none, normal")),
        };
        let targets = value["targets"].as_array().ok_or("it has no targets")?;
        let queries = targets.iter().map(|target| {
            Ok(Query {
                expression: text(target, "/expr")?,
                legend: text(target, "/legendFormat")?,
            })
        });
        Ok(Panel {
            title: title.clone(),
            description: value["description"].as_str().unwrap_or_default().to_owned(),
            place,
            unit,
            lowest: value["fieldConfig"]["defaults"]["min"].as_f64(),
            is_stacked,
            opacity: custom["fillOpacity"].as_f64().unwrap_or(0.0) / 100.0,
            queries: queries.collect::<Result<_, String>>()?,
        })
    };
    read().map_err(|fault| format!("panel {title:?}: {fault}"))
}

fn place(value: &Value) -> Result<Place, String> {
    let number = |key: &str| {
        let found = &value["gridPos"][key];
        let number = found.as_u64().filter(|number| *number < 10_000);
        number.ok_or_else(|| format!("gridPos.{key} is {found}; allowed: 0 to 9999"))
    };
    let place = Place {
        x: number("x")?,
        y: number("y")?,
        width: number("w")?,
        height: number("h")?,
    };
    if place.x + place.width > COLUMNS || place.width < 4 || place.height < 5 {
        return Err(format!(
            "gridPos is {}; allowed: x + w up to {COLUMNS}, w from 4, h from 5",
            value["gridPos"]
        ));
    }
    Ok(place)
}

fn text(value: &Value, path: &str) -> Result<String, String> {
    let found = value.pointer(path).and_then(Value::as_str);
    let found = found.filter(|text| !text.is_empty());
    let key = || path[1..].replace('/', ".");
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("{} must be a text that is not empty", key()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::json;

    fn one(change: impl FnOnce(&mut Value)) -> Result<Vec<Panel>, String> {
        let mut value = json!({
            "id": 1,
            "title": "Requests",
            "type": "timeseries",
            "gridPos": {"x": 0, "y": 0, "w": 8, "h": 8},
            "fieldConfig": {"defaults": {"unit": "reqps", "min": 0}},
            "targets": [{"expr": "up", "legendFormat": "{{pod}} of {{ namespace }}"}],
        });
        change(&mut value);
        panels(&json!({"panels": [value]}))
    }

    #[test]
    fn a_legend_has_the_labels_of_the_series() {
        let panels = one(|_| {}).expect("panels");
        let query = &panels[0].queries[0];
        assert_eq!(query.name(&json!({"pod": "a", "namespace": "b"})), "a of b");
        assert_eq!(query.name(&json!({"pod": "a"})), "a of ");
    }

    #[test]
    fn what_cannot_be_shown_is_named_with_its_panel() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 6] = [
            (
                |panel| panel["type"] = json!("gauge"),
                "panel \"Requests\": type is \"gauge\"",
            ),
            (|panel| panel["title"] = json!(""), "panel 1: title must be"),
            (|panel| panel["gridPos"]["x"] = json!(17), "x + w up to 24"),
            (|panel| panel["gridPos"]["h"] = json!(-1), "gridPos.h is -1"),
            (
                |panel| panel["fieldConfig"]["defaults"]["unit"] = json!("furlongs"),
                "unit is \"furlongs\"; allowed: short, percentunit",
            ),
            (
                |panel| panel["targets"][0]["expr"] = json!(1),
                "expr must be",
            ),
        ];
        for (change, expected) in cases {
            let fault = one(change).err().expect(expected);
            assert!(fault.contains(expected), "{fault}");
        }
    }

    #[test]
    fn panels_do_not_cover_each_other() {
        let at = |x: u64, title: &str| {
            json!({
                "title": title,
                "type": "timeseries",
                "gridPos": {"x": x, "y": 0, "w": 8, "h": 8},
                "fieldConfig": {"defaults": {"unit": "s"}},
                "targets": [],
            })
        };
        assert!(panels(&json!({"panels": [at(0, "a"), at(8, "b")]})).is_ok());
        let fault = panels(&json!({"panels": [at(0, "a"), at(7, "b")]})).err();
        assert!(fault.expect("a fault").starts_with("\"b\" covers \"a\""));
    }
}
