//! The report: figures as JSON, a table for people, and the two documents.

use crate::bootstrap::{Modules, Variant};
use crate::measure::{self, Turn, Turns};
use crate::options::Options;
use crate::statistics::Summary;
use crate::steps::Steps;
use crate::workload::{self, Workload};
use crate::{Result, calls, chart, goals, machine, memory, parked, start};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// Measures all that the options ask for.
///
/// # Errors
/// When a variant does not do its work.
pub(crate) fn take(options: &Options, directory: &Path) -> Result<Value> {
    let modules = Modules {
        ours: options.module.clone(),
        noop: directory.join("noop.wasm"),
        calls: directory.join("calls.wasm"),
    };
    fs::write(&modules.noop, wat::parse_str(include_str!("noop.wat"))?)?;
    fs::write(
        &modules.calls,
        wat::parse_str(calls::module(workload::SESSION_TOKEN_BYTES))?,
    )?;
    let mut machine = machine::describe();
    machine["load_average_before"] = json!(machine::load_average());
    machine["envoy"] = json!(version(&options.envoy));
    let mut workloads = Map::new();
    let mut signed_headers = json!({"native": [], "ours": []});
    for (at, workload) in options.workloads.iter().enumerate() {
        eprintln!(
            "[{}/{}] {}: {}",
            at + 1,
            options.workloads.len(),
            workload.name,
            workload.what
        );
        let turns = measure::measure(workload, options, &modules, directory)?;
        for turns in &turns {
            let list = &mut signed_headers[turns.variant.name()];
            // Of the workload that comes first: the others sign more of the client's own, if it sends more.
            if list.as_array().is_some_and(Vec::is_empty) {
                *list = json!(turns.signed_headers);
            }
        }
        workloads.insert(workload.name.to_owned(), figures(workload, &turns));
    }
    let (mut memory, mut start, mut parked) = (Value::Null, Value::Null, Value::Null);
    if options.parked {
        eprintln!("parked requests");
        parked = parked::measure(options, &modules, directory)?;
    }
    if options.is_complete {
        eprintln!("memory");
        memory = memory::measure(options, &modules, directory)?;
        eprintln!("start");
        start = start::measure(options, &modules, directory)?;
    }
    machine["load_average_after"] = json!(machine::load_average());
    Ok(json!({
        "command": options.command,
        "rounds": options.rounds,
        "seconds": options.turn.as_secs_f64(),
        "machine": machine,
        "module_bytes": fs::metadata(&modules.ours)?.len(),
        "signed_headers": signed_headers,
        "workloads": workloads,
        "memory": memory,
        "start": start,
        "parked": parked,
    }))
}

fn version(envoy: &Path) -> String {
    let output = std::process::Command::new(envoy).arg("--version").output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    // `<path>  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`
    let words = text.split_once("version: ").map(|(_, version)| version);
    words
        .and_then(|version| version.split('/').nth(1))
        .unwrap_or("unknown")
        .to_owned()
}

/// What is in the report of one workload. `added`: CPU time per request beyond that of the Envoy without a
/// filter, in the same round.
fn figures(workload: &Workload, all: &[Turns]) -> Value {
    let turns_of = |wanted| {
        all.iter()
            .find(|turns| turns.variant == wanted)
            .map(|turns| turns.turns.as_slice())
    };
    let none = turns_of(Variant::None).unwrap_or_default();
    let mut figures = Map::new();
    let mut spread = Map::new();
    let mut instructions = Map::new();
    let mut put = |key: String, summary: Option<Summary>| {
        if let Some(summary) = summary {
            figures.insert(key.clone(), json!(rounded(summary.median)));
            spread.insert(key, json!([rounded(summary.lower), rounded(summary.upper)]));
        }
    };
    let added = |turns: &[Turn]| {
        let pairs = turns.iter().zip(none);
        pairs
            .map(|(turn, none)| turn.cpu_us - none.cpu_us)
            .collect::<Vec<_>>()
    };
    for Turns {
        variant,
        turns,
        steps,
        ..
    } in all
    {
        let of = |figure: fn(&Turn) -> f64| Summary::of(turns.iter().map(figure));
        let name = variant.name();
        if *variant != Variant::None {
            put(format!("added_us_{name}"), Summary::of(added(turns)));
        }
        put(format!("cpu_us_{name}"), of(|turn| turn.cpu_us));
        put(format!("rps_{name}"), of(|turn| turn.rps));
        put(format!("p50_us_{name}"), of(|turn| turn.p50_us));
        put(format!("p99_us_{name}"), of(|turn| turn.p99_us));
        if let Some(Steps { all, in_module }) = steps {
            instructions.insert(name.to_owned(), json!({"all": all, "in_module": in_module}));
        }
    }
    if let Some(ours) = turns_of(Variant::Ours) {
        let per_round = |one: Vec<f64>, other: Vec<f64>| {
            Summary::of(one.into_iter().zip(other).map(|(one, other)| one / other))
        };
        let rps = |turns: &[Turn]| turns.iter().map(|turn| turn.rps).collect::<Vec<_>>();
        let cpu = |turns: &[Turn]| turns.iter().map(|turn| turn.cpu_us).collect::<Vec<_>>();
        if let Some(native) = turns_of(Variant::Native) {
            put(
                "throughput_ours_to_native".to_owned(),
                per_round(rps(ours), rps(native)),
            );
            // Quartiles of the rounds' ratios beside the ratio of the medians, which a round without
            // a measurable cost of the native filter does not upset.
            put("ratio".to_owned(), per_round(added(ours), added(native)));
        }
        put(
            "throughput_ours_to_none".to_owned(),
            per_round(rps(ours), rps(none)),
        );
        put(
            "cpu_none_to_ours".to_owned(),
            per_round(cpu(none), cpu(ours)),
        );
    }
    if let (Some(ours), Some(native)) = (
        number(&figures, "added_us_ours"),
        number(&figures, "added_us_native"),
    ) {
        // Of a cost that is lost in the noise, as beside 256 MiB, a ratio says nothing.
        if spread["added_us_native"][0]
            .as_f64()
            .is_some_and(|lower| lower > 0.0)
        {
            figures.insert("ratio".to_owned(), json!(rounded(ours / native)));
        } else {
            figures.remove("ratio");
            spread.remove("ratio");
        }
    }
    if !instructions.is_empty() {
        figures.insert("instructions".to_owned(), Value::Object(instructions));
    }
    figures.insert("what".to_owned(), json!(workload.what));
    figures.insert(
        "body_bytes".to_owned(),
        json!(workload.template.body_bytes()),
    );
    figures.insert(
        "session_token_bytes".to_owned(),
        json!(workload.setup.session_token_bytes),
    );
    figures.insert("connections".to_owned(), json!(workload.connections));
    figures.insert("spread".to_owned(), Value::Object(spread));
    Value::Object(figures)
}

fn number(figures: &Map<String, Value>, key: &str) -> Option<f64> {
    figures.get(key)?.as_f64()
}

/// Three decimals: more is noise.
fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// For the terminal and the document: Markdown that is legible as it is.
pub(crate) fn table(report: &Value) -> String {
    let mut lines = vec![
        "| workload | no filter | + no-op Wasm | + native | + ours | ours / native | requests/s: none, native, ours | p50, p99 µs: native | ours |"
            .to_owned(),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    // In the order of the list: an object of JSON has none of its own.
    for name in workload::all().iter().map(|workload| workload.name) {
        let row = &report["workloads"][name];
        if row.is_null() {
            continue;
        }
        let figure = |key: &str, decimals: usize| match row[key].as_f64() {
            Some(figure) => format!("{figure:.decimals$}"),
            None => "-".to_owned(),
        };
        let with_spread = |key: &str| match (row[key].as_f64(), &row["spread"][key]) {
            (Some(figure), Value::Array(spread)) => {
                let bound = |at: usize| spread.get(at).and_then(Value::as_f64).unwrap_or_default();
                let decimals = usize::from(figure.abs() < 1000.0);
                format!(
                    "{figure:.decimals$} ({:.decimals$} to {:.decimals$})",
                    bound(0),
                    bound(1)
                )
            }
            _ => "-".to_owned(),
        };
        // Of a large body, a request a second is a lot.
        let decimals = usize::from(row["rps_none"].as_f64().is_some_and(|rps| rps < 100.0)) * 2;
        lines.push(format!(
            "| `{name}` | {} | {} | {} | {} | {} | {}, {}, {} | {}, {} | {}, {} |",
            figure("cpu_us_none", 1),
            with_spread("added_us_noop"),
            with_spread("added_us_native"),
            with_spread("added_us_ours"),
            figure("ratio", 2),
            figure("rps_none", decimals),
            figure("rps_native", decimals),
            figure("rps_ours", decimals),
            figure("p50_us_native", 0),
            figure("p99_us_native", 0),
            figure("p50_us_ours", 0),
            figure("p99_us_ours", 0),
        ));
    }
    lines.push(String::new());
    for (title, key) in [
        ("Memory, bytes", "memory"),
        ("Start, ms", "start"),
        ("Parked requests, ms after STS may answer", "parked"),
    ] {
        for (name, value) in report[key].as_object().into_iter().flatten() {
            lines.push(format!("- {title}: `{name}` {value}"));
        }
    }
    for who in ["native", "ours"] {
        let names = report["signed_headers"][who]
            .as_array()
            .into_iter()
            .flatten();
        let names: Vec<&str> = names.filter_map(Value::as_str).collect();
        lines.push(format!("- Signed by {who}: {}", names.join(", ")));
    }
    lines.join("\n")
}

/// The instructions of one request, in Markdown.
pub(crate) fn instructions(report: &Value) -> String {
    let mut lines = vec![
        "| workload | no filter | + no-op Wasm | + our calls alone | + native | + ours | of it in the module | ours / native |".to_owned(),
        "|---|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    for name in workload::all().iter().map(|workload| workload.name) {
        let counts = Counts(&report["workloads"][name]["instructions"]);
        let Some(none) = counts.all("none") else {
            continue;
        };
        let added = |name: &str| match counts.added(name) {
            Some(figure) => format!("{figure}"),
            None => "-".to_owned(),
        };
        let in_module = counts.in_module("ours").unwrap_or_default();
        let ratio = match counts.added("native") {
            Some(native) => format!("{:.2}", counts.added("ours").unwrap_or_default() / native),
            None => "-".to_owned(),
        };
        lines.push(format!(
            "| `{name}` | {none} | {} | {} | {} | {} | {in_module} | {ratio} |",
            added("noop"),
            added("calls"),
            added("native"),
            added("ours"),
        ));
    }
    lines.join("\n")
}

/// The instructions of a workload, by variant.
struct Counts<'a>(&'a Value);

impl Counts<'_> {
    fn all(&self, variant: &str) -> Option<f64> {
        self.0[variant]["all"].as_f64()
    }

    fn in_module(&self, variant: &str) -> Option<f64> {
        self.0[variant]["in_module"].as_f64()
    }

    /// Beyond those without a filter.
    fn added(&self, variant: &str) -> Option<f64> {
        Some(self.all(variant)? - self.all("none")?)
    }
}

/// Writes `report.json`, and with a complete run the documents.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write(options: &Options, report: &Value) -> Result {
    fs::create_dir_all(&options.output)?;
    let file = options.output.join("report.json");
    fs::write(&file, serde_json::to_string_pretty(report)? + "\n")?;
    eprintln!("{}", file.display());
    if options.is_complete {
        let docs = crate::root().join("docs");
        let page = docs.join("bench.md");
        // What `cargo xtask bench --https` has measured.
        let before = fs::read_to_string(&page)?;
        let heading = "## https from the program\n";
        let kept = before
            .split_once(heading)
            .map(|(_, section)| format!("\n{heading}{section}"));
        let written = crate::prose::wrapped(&document(report)) + &kept.unwrap_or_default();
        fs::write(page, written)?;
        fs::write(docs.join("bench.svg"), chart::svg(report))?;
    }
    Ok(())
}

fn document(report: &Value) -> String {
    let machine = &report["machine"];
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    format!(
        "# What a request costs\n\n\
         Written by `{}`: {} rounds of {} s for each variant and workload.\n\n\
         Envoy {} on one core of {} ({} cores, {}, Linux {}); the load generator, and where there is a body the upstream \
         that swallows it, on another. Load average {} before and {} after: above 2, others were using the machine.\n\n\
         CPU time of the Envoy process per request in µs, as the kernel's scheduler counts it: without a filter, and what \
         each filter adds to it in the same round. Medians of the rounds, quartiles in brackets. Requests per second are as \
         many as go with all connections busy; latencies are those of one connection. Every request has a path, \
         a query and a body of its own. Before measuring, one request of each variant goes to an upstream that recomputes \
         its signature.\n\n\
         Envoy's configuration is `envoy/envoy.yaml` without TLS to the upstream, without access log and, but in `s3_get_guard`, \
         without the guard. GETs are answered in Envoy. The native filter has inline credentials and signs the same headers.\n\n\
         {}\n\n\
         ![CPU time that each filter adds to a request](bench.svg)\n\n\
         ## Instructions\n\n\
         What Envoy's worker does for one request, counted one by one (`PTRACE_SINGLESTEP`), without what the kernel does for \
         it: unlike times, the same in each run to 1 %. What each adds to the Envoy without a filter.\n\n\
         {}\n\n\
         ## Goals\n\n\
         {}\n\n\
         ## What no module can avoid\n\n\
         {}\n\n\
         {}\n",
        text(&report["command"]),
        report["rounds"],
        report["seconds"],
        text(&machine["envoy"]),
        text(&machine["cpu"]),
        machine["cores"],
        text(&machine["memory"]),
        text(&machine["kernel"]),
        machine["load_average_before"],
        machine["load_average_after"],
        table(report),
        instructions(report),
        goals::table(report),
        unavoidable(report).unwrap_or_default(),
        compiling(report).unwrap_or_default(),
    )
}

/// What requests cost in Wasm whoever writes the module: the calls to Envoy, and SHA-256.
fn unavoidable(report: &Value) -> Option<String> {
    let counts = |workload: &str| Counts(&report["workloads"][workload]["instructions"]);
    let get = counts("s3_get");
    let (ours, native, calls) = (
        get.added("ours")?,
        get.added("native")?,
        get.added("calls")?,
    );
    let figure = |workload: &str, key: &str| report["workloads"][workload][key].as_f64();
    // All else is the same in both.
    let longer = counts("token_1500").in_module("ours")? - counts("token_400").in_module("ours")?;
    let bytes_longer =
        figure("token_1500", "session_token_bytes")? - figure("token_400", "session_token_bytes")?;
    let hash = longer / bytes_longer * SIGNED_GET_HASHED_BYTES;

    let hashed =
        figure("dynamodb_post_1m", "added_us_ours")? - figure("dynamodb_post_1k", "added_us_ours")?;
    let bytes_hashed =
        figure("dynamodb_post_1m", "body_bytes")? - figure("dynamodb_post_1k", "body_bytes")?;
    let hashing_only = |workload, hash: f64| Some(1e6 / (figure(workload, "cpu_us_none")? + hash));
    let chunked_hash = hashed / bytes_hashed * figure("s3_put_chunked", "body_bytes")?;
    Some(format!(
        "Of the {ours} instructions that ours adds to `s3_get`, {calls} are the calls to Envoy: a module that makes the same ones (the \
         request's headers, its cluster, the time, the line for the access log, four header writes, a counter) and computes nothing adds \
         as many. Another {hash:.0} are SHA-256 of {SIGNED_GET_HASHED_BYTES} bytes, most of them the session token: what each byte more of it \
         takes, times their number. Processors have instructions for it that WebAssembly does not know. Calls and hash alone are {:.2} times \
         what the native filter adds. The rest, {:.0}, comes with our own code.\n\n\
         Bodies of 1 MiB are read and hashed at {:.0} MB/s. An Envoy that only moved and hashed them at that speed would reach {:.2} of the \
         native filter's throughput (their hash takes {:.1} ms in Wasm), and with chunked PUTs of 16 MiB {:.2} of the throughput without \
         a filter ({:.0} ms).",
        (calls + hash) / native,
        ours - calls - hash,
        bytes_hashed / hashed,
        hashing_only("dynamodb_post_1m", hashed)? / figure("dynamodb_post_1m", "rps_native")?,
        hashed / 1000.0,
        hashing_only("s3_put_chunked", chunked_hash)? / figure("s3_put_chunked", "rps_none")?,
        chunked_hash / 1000.0,
    ))
}

/// How long a module of another size would take to start.
fn compiling(report: &Value) -> Option<String> {
    let start = report["start"]["module_compile_and_start_ms"].as_f64()?;
    let bytes = report["module_bytes"].as_f64()?;
    let others = report["start"]["first_answer_ms"]["noop"].as_f64()?
        - report["start"]["first_answer_ms"]["none"].as_f64()?;
    let rate = start / bytes * 100_000.0;
    Some(format!(
        "The start is V8's: Envoy has it compile all of a module with its optimising compiler before the first request, here on \
         one core ({start:.0} ms for {bytes} bytes, {rate:.0} ms for each 100,000; a module that does nothing adds {others:.0} ms). \
         At that rate {} ms are enough for {:.0} bytes. `docs/size.md` says where the bytes are.",
        goals::START_MS,
        goals::START_MS / rate * 100_000.0,
    ))
}

/// The canonical request with a session token of 1,000 bytes, the string to sign, and the blocks of HMAC: 26 blocks.
const SIGNED_GET_HASHED_BYTES: f64 = 26.0 * 64.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// One turn of each cost.
    fn turns(variant: Variant, costs: [f64; 3]) -> Turns {
        let turn = |cpu_us| Turn {
            cpu_us,
            rps: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
        };
        Turns {
            variant,
            turns: costs.map(turn).to_vec(),
            signed_headers: Vec::new(),
            steps: None,
        }
    }

    fn ratio(native: [f64; 3], ours: [f64; 3]) -> Value {
        let all = [
            // What else the machine does in a round meets all variants.
            turns(Variant::None, [10.0, 20.0, 40.0]),
            turns(Variant::Native, native),
            turns(Variant::Ours, ours),
        ];
        let workloads = workload::all();
        workloads
            .first()
            .map(|workload| figures(workload, &all)["ratio"].clone())
            .unwrap_or_default()
    }

    #[test]
    fn what_is_added_is_the_difference_within_a_round() {
        assert_eq!(ratio([14.0, 24.0, 44.0], [18.0, 28.0, 48.0]), json!(2.0));
    }

    #[test]
    fn there_is_no_ratio_to_what_cannot_be_measured() {
        assert_eq!(ratio([9.0, 19.0, 44.0], [18.0, 28.0, 48.0]), Value::Null);
    }
}
