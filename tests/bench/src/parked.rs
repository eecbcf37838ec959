//! How soon requests go on that have waited for the first credentials.

use crate::Result;
use crate::bootstrap::{Modules, Variant, bootstrap};
use crate::envoy::Envoy;
use crate::fakes::Fakes;
use crate::load::Load;
use crate::options::Options;
use crate::statistics::Summary;
use crate::workload;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// In milliseconds, from the moment at which STS may answer until the first and the last of as many requests as may
/// wait in one worker are answered. The guard is on, as it is shipped.
///
/// # Errors
/// When an Envoy does not do its work.
pub(crate) fn measure(options: &Options, modules: &Modules, directory: &Path) -> Result<Value> {
    let workloads = workload::all();
    let get = workloads
        .iter()
        .find(|workload| workload.name == "s3_get_guard")
        .ok_or("no such workload")?;
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for repetition in 0..REPETITIONS {
        let home = directory.join(format!("parked-{repetition}"));
        fs::create_dir_all(&home)?;
        let fakes = Fakes::start(&home, get.setup.session_token_bytes)?;
        fakes.sts.gate.close();
        let config = bootstrap(Variant::Ours, &get.setup, modules, &fakes, &home)?;
        let envoy = Envoy::start(&options.envoy, &config, &home, 1)?;
        let mut load = Load::connect(envoy.port, MAX_PARKED)?;
        load.send_on_all(&mut get.template.clone())?;
        let deadline = Instant::now() + Duration::from_secs(4);
        while fakes.sts.calls().is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        // The last ones reach the filter; `max_wait_ms` gives them five seconds.
        thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        fakes.sts.gate.open();
        let answers = load.answers_of_all(start)?;
        firsts.extend(answers.iter().min().map(Duration::as_secs_f64));
        lasts.extend(answers.iter().max().map(Duration::as_secs_f64));
    }
    let median = |seconds: Vec<f64>| {
        let milliseconds = seconds.into_iter().map(|seconds| seconds * 1e3);
        Summary::of(milliseconds).map_or(0.0, |summary| (summary.median * 10.0).round() / 10.0)
    };
    Ok(json!({
        "requests": MAX_PARKED,
        "first_answer_ms": median(firsts),
        "last_answer_ms": median(lasts),
    }))
}

/// The default of `max_parked`.
const MAX_PARKED: usize = 1000;
const REPETITIONS: usize = 5;
