//! How long it takes from Envoy's start to its first answers.

use crate::Result;
use crate::bootstrap::{Modules, Variant, bootstrap};
use crate::envoy::Envoy;
use crate::fakes::Fakes;
use crate::load::{Load, Template};
use crate::options::Options;
use crate::statistics::Summary;
use crate::workload;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// In milliseconds, all of Envoy on one core. `first_answer`: to a host that is not AWS's, so nothing but the
/// module is waited for. `first_signed_answer`: token and STS (which answers at once) included.
///
/// # Errors
/// When an Envoy does not do its work.
pub(crate) fn measure(options: &Options, modules: &Modules, directory: &Path) -> Result<Value> {
    let workloads = workload::all();
    let named = |name| {
        workloads
            .iter()
            .find(|workload| workload.name == name)
            .ok_or("no such workload")
    };
    let (get, other) = (named("s3_get")?, named("pass_through")?);
    let mut times: Vec<(Variant, Vec<[f64; 3]>)> = workload::FILTERS
        .iter()
        .map(|variant| (*variant, Vec::new()))
        .collect();
    for repetition in 0..REPETITIONS {
        for (variant, times) in &mut times {
            let home = directory.join(format!("start-{}-{repetition}", variant.name()));
            fs::create_dir_all(&home)?;
            let fakes = Fakes::start(&home, get.setup.session_token_bytes)?;
            let config = bootstrap(*variant, &get.setup, modules, &fakes, &home)?;
            let envoy = Envoy::start(&options.envoy, &config, &home, 1)?;
            let first = answered(&envoy, other.template.clone())?;
            let cpu = envoy.cpu()?.as_secs_f64() * 1e3;
            times.push([first, answered(&envoy, get.template.clone())?, cpu]);
        }
    }
    let median = |wanted: Variant, figure: usize| {
        let times = times
            .iter()
            .filter(|(variant, _)| *variant == wanted)
            .flat_map(|(_, times)| times);
        let figures = times.filter_map(|figures| figures.get(figure).copied());
        Summary::of(figures).map_or(0.0, |summary| (summary.median * 10.0).round() / 10.0)
    };
    let row = |figure| {
        let row = workload::FILTERS
            .iter()
            .map(|variant| (variant.name().to_owned(), json!(median(*variant, figure))));
        Value::Object(row.collect::<Map<_, _>>())
    };
    let over = |figure, other| {
        ((median(Variant::Ours, figure) - median(other, figure)) * 10.0).round() / 10.0
    };
    Ok(json!({
        "first_answer_ms": row(0),
        "first_signed_answer_ms": row(1),
        "first_answer_cpu_ms": row(2),
        "module_compile_and_start_ms": over(0, Variant::None),
        "module_compile_and_start_cpu_ms": over(2, Variant::None),
        "module_compile_and_start_ms_over_noop": over(0, Variant::Noop),
    }))
}

/// Milliseconds from the start to an answer with 200.
fn answered(envoy: &Envoy, mut template: Template) -> Result<f64> {
    loop {
        if matches!(Load::connect(envoy.port, 1)?.ask(&mut template), Ok(200)) {
            return Ok(envoy.started.elapsed().as_secs_f64() * 1e3);
        }
        if envoy.started.elapsed() > Duration::from_secs(30) {
            return Err(format!("no answer within 30 s:\n{}", envoy.log()).into());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

const REPETITIONS: usize = 5;
