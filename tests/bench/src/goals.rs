//! What the figures should be.

use crate::Result;
use serde_json::Value;

/// A figure and its limit.
struct Goal {
    what: &'static str,
    limit: Limit,
    /// In the report, and what it is divided by.
    figure: &'static str,
    divisor: Option<&'static str>,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

const MIB: f64 = 1048576.0;
/// For compiling and starting the module.
pub(crate) const START_MS: f64 = 150.0;

const GOALS: &[Goal] = &[
    Goal {
        what: "added cost of a signed GET, ours to native",
        limit: Limit::AtMost(1.0),
        figure: "/workloads/s3_get/ratio",
        divisor: None,
    },
    Goal {
        what: "added cost of a signed POST of 1 KiB, ours to native",
        limit: Limit::AtMost(1.0),
        figure: "/workloads/dynamodb_post_1k/ratio",
        divisor: None,
    },
    Goal {
        what: "throughput of hashed POSTs of 1 MiB, ours to native",
        limit: Limit::AtLeast(0.5),
        figure: "/workloads/dynamodb_post_1m/throughput_ours_to_native",
        divisor: None,
    },
    Goal {
        what: "throughput of PUTs of 256 MiB, ours to no filter",
        limit: Limit::AtLeast(0.95),
        figure: "/workloads/s3_put_256m/throughput_ours_to_none",
        divisor: None,
    },
    Goal {
        what: "resident growth during a PUT of 256 MiB, bytes",
        limit: Limit::AtMost(4.0 * MIB),
        figure: "/memory/s3_put_256m_growth_bytes/ours",
        divisor: None,
    },
    Goal {
        what: "throughput of aws-chunked PUTs, ours to no filter",
        limit: Limit::AtLeast(0.4),
        figure: "/workloads/s3_put_chunked/throughput_ours_to_none",
        divisor: None,
    },
    Goal {
        what: "CPU time of a GET with 1,000 rules to one with 1",
        limit: Limit::AtMost(1.05),
        figure: "/workloads/rules_1000/cpu_us_ours",
        divisor: Some("/workloads/rules_1/cpu_us_ours"),
    },
    Goal {
        // The times are taken minutes apart, and show the machine's moods too.
        what: "instructions of a GET with 1,000 rules to one with 1",
        limit: Limit::AtMost(1.05),
        figure: "/workloads/rules_1000/instructions/ours/all",
        divisor: Some("/workloads/rules_1/instructions/ours/all"),
    },
    Goal {
        what: "memory of a worker's VM over a no-op module, bytes",
        limit: Limit::AtMost(1.5 * MIB),
        figure: "/memory/worker_vm_bytes_ours_over_noop",
        divisor: None,
    },
    Goal {
        what: "size of the module, bytes",
        limit: Limit::AtMost(350_000.0),
        figure: "/module_bytes",
        divisor: None,
    },
    Goal {
        what: "compile and start of the module, ms",
        limit: Limit::AtMost(START_MS),
        figure: "/start/module_compile_and_start_ms",
        divisor: None,
    },
    Goal {
        what: "the first of 1,000 requests that waited is answered, ms after STS may",
        limit: Limit::AtMost(50.0),
        figure: "/parked/first_answer_ms",
        divisor: None,
    },
    Goal {
        what: "the last of 1,000 requests that waited is answered, ms after STS may",
        limit: Limit::AtMost(1000.0),
        figure: "/parked/last_answer_ms",
        divisor: None,
    },
];

/// A goal that the report has a figure for.
struct Judged {
    what: &'static str,
    figure: f64,
    limit: String,
    is_reached: bool,
}

fn judge(report: &Value) -> Vec<Judged> {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    let figure = |goal: &Goal| match goal.divisor {
        None => number(goal.figure),
        Some(divisor) => Some(number(goal.figure)? / number(divisor)?),
    };
    let judged = GOALS.iter().filter_map(|goal| {
        let figure = figure(goal)?;
        let (is_reached, limit) = match goal.limit {
            Limit::AtMost(limit) => (figure <= limit, format!("at most {limit}")),
            Limit::AtLeast(limit) => (figure >= limit, format!("at least {limit}")),
        };
        Some(Judged {
            what: goal.what,
            figure,
            limit,
            is_reached,
        })
    });
    judged.collect()
}

/// The goals that the report has figures for, in Markdown.
pub(crate) fn table(report: &Value) -> String {
    let mut lines = vec![
        "| goal | limit | measured | |".to_owned(),
        "|---|---|--:|---|".to_owned(),
    ];
    lines.extend(judge(report).iter().map(|judged| {
        let decimals = if judged.figure.abs() < 1000.0 { 3 } else { 0 };
        let verdict = if judged.is_reached {
            "reached"
        } else {
            "missed"
        };
        format!(
            "| {} | {} | {:.decimals$} | {verdict} |",
            judged.what, judged.limit, judged.figure
        )
    }));
    lines.join("\n")
}

/// Prints the goals that the report has figures for.
///
/// # Errors
/// Where one is missed.
pub(crate) fn check(report: &Value) -> Result {
    println!("{}", table(report));
    match judge(report)
        .iter()
        .filter(|judged| !judged.is_reached)
        .count()
    {
        0 => Ok(()),
        missed => Err(format!("{missed} goals are missed").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missed_goal_is_an_error_and_one_without_figures_is_not() {
        let ratio = |ratio: f64| json!({"workloads": {"s3_get": {"ratio": ratio}}});
        assert!(check(&ratio(0.99)).is_ok());
        assert!(check(&ratio(1.01)).is_err());
        let rules = |thousand: f64| json!({"workloads": {"rules_1": {"cpu_us_ours": 20.0}, "rules_1000": {"cpu_us_ours": thousand}}});
        assert!(check(&rules(20.9)).is_ok());
        assert!(check(&rules(21.1)).is_err());
        assert!(table(&rules(21.1)).ends_with("| at most 1.05 | 1.055 | missed |"));
        let of = |all: u32| json!({"instructions": {"ours": {"all": all}}});
        let rules =
            |thousand| json!({"workloads": {"rules_1": of(200), "rules_1000": of(thousand)}});
        assert!(check(&rules(209)).is_ok());
        assert!(check(&rules(211)).is_err());
        assert!(table(&rules(211)).ends_with("| at most 1.05 | 1.055 | missed |"));
    }
}
