//! Rounds of load on the Envoys of one workload.

use crate::bootstrap::{Modules, Variant, bootstrap};
use crate::envoy::Envoy;
use crate::fakes::Fakes;
use crate::load::Load;
use crate::options::Options;
use crate::statistics::quantile;
use crate::workload::Workload;
use crate::{Result, signed};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// One turn of one variant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// CPU time of the Envoy process per request.
    pub(crate) cpu_us: f64,
    /// Requests per second, as fast as they go.
    pub(crate) rps: f64,
    /// Latency on a single connection.
    pub p50_us: f64,
    /// Latency on a single connection.
    pub p99_us: f64,
}

/// All turns of one variant, in the order of the rounds.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    /// Whose.
    pub(crate) variant: Variant,
    /// One a round.
    pub(crate) turns: Vec<Turn>,
    /// Of the sample that was checked.
    pub(crate) signed_headers: Vec<String>,
}

/// Starts the Envoys of a workload, checks that those that are to sign do, and measures them.
///
/// # Errors
/// When something does not start, or a signature is not right, or a request is not answered 200.
pub(crate) fn measure(
    workload: &Workload,
    options: &Options,
    modules: &Modules,
    directory: &Path,
) -> Result<Vec<Turns>> {
    let directory = directory.join(workload.name);
    fs::create_dir(&directory)?;
    let fakes = Fakes::start(&directory, workload.setup.session_token_bytes)?;
    let mut template = workload.template.clone();
    let mut running = Vec::new();
    for &variant in workload.variants {
        let home = directory.join(variant.name());
        fs::create_dir(&home)?;
        let config = bootstrap(variant, &workload.setup, modules, &fakes, &home)?;
        let envoy = Envoy::start(&options.envoy, &config, &home, workload.setup.workers)?;
        let signed_headers = signed::check(workload, variant, &envoy, &fakes)?;
        let mut load = Load::connect(envoy.port, workload.connections)?;
        // Until caches and allocators have settled.
        load.saturate(&mut template, WARM_UP)?;
        running.push((
            envoy,
            load,
            Turns {
                variant,
                turns: Vec::new(),
                signed_headers,
            },
        ));
    }
    for round in 0..options.rounds {
        // There and back, so that none is always the one after another.
        let order: Vec<usize> = match round % 2 {
            0 => (0..running.len()).collect(),
            _ => (0..running.len()).rev().collect(),
        };
        for at in order {
            let Some((envoy, load, turns)) = running.get_mut(at) else {
                continue;
            };
            let before = envoy.cpu()?;
            let stretch = load.saturate(&mut template, options.turn)?;
            let cpu = envoy.cpu()?.saturating_sub(before);
            let latencies = load.one_by_one(&mut template, options.turn / 4)?;
            let latencies: Vec<f64> = latencies.into_iter().map(microseconds).collect();
            turns.turns.push(Turn {
                cpu_us: microseconds(cpu) / f64::from(stretch.requests),
                rps: f64::from(stretch.requests) / stretch.elapsed.as_secs_f64(),
                p50_us: quantile(&latencies, 0.5).unwrap_or_default(),
                p99_us: quantile(&latencies, 0.99).unwrap_or_default(),
            });
        }
    }
    Ok(running.into_iter().map(|(_, _, turns)| turns).collect())
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

const WARM_UP: Duration = Duration::from_millis(1500);
