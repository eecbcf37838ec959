//! Rounds of load on the Envoys of one workload.

use crate::bootstrap::{Modules, Variant, bootstrap};
use crate::envoy::Envoy;
use crate::fakes::Fakes;
use crate::load::{Load, Template};
use crate::options::Options;
use crate::statistics::quantile;
use crate::steps::{self, Steps};
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
    /// Of one request, where there is one worker, and a body that it does not take minutes to step through.
    pub(crate) steps: Option<Steps>,
}

/// Starts the Envoys of a workload, checks that those that are to sign do, and measures them. The rounds are shared
/// among several starts: from one process of Envoy to the next, the same module costs up to a sixth more or less.
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
    let mut all: Vec<Turns> = Vec::new();
    let starts = STARTS.min(options.rounds);
    for start in 0..starts {
        let home = directory.join(start.to_string());
        fs::create_dir(&home)?;
        let mut running = Vec::new();
        for &variant in workload.variants {
            let mut one = Running::start(variant, workload, options, modules, &fakes, &home)?;
            if start == 0 {
                all.push(Turns {
                    variant,
                    turns: Vec::new(),
                    signed_headers: std::mem::take(&mut one.signed_headers),
                    steps: one.steps(variant, workload)?,
                });
            }
            running.push(one);
        }
        for round in options.rounds * start / starts..options.rounds * (start + 1) / starts {
            // There and back, so that none is always the one after another.
            let order: Vec<usize> = match round % 2 {
                0 => (0..running.len()).collect(),
                _ => (0..running.len()).rev().collect(),
            };
            for at in order {
                if let (Some(one), Some(turns)) = (running.get_mut(at), all.get_mut(at)) {
                    turns.turns.push(one.turn(options.turn)?);
                }
            }
        }
    }
    Ok(all)
}

/// One Envoy, and the connections to it.
struct Running {
    envoy: Envoy,
    load: Load,
    template: Template,
    signed_headers: Vec<String>,
}

impl Running {
    fn start(
        variant: Variant,
        workload: &Workload,
        options: &Options,
        modules: &Modules,
        fakes: &Fakes,
        directory: &Path,
    ) -> Result<Self> {
        let home = directory.join(variant.name());
        fs::create_dir(&home)?;
        let config = bootstrap(variant, &workload.setup, modules, fakes, &home)?;
        let envoy = Envoy::start(&options.envoy, &config, &home, workload.setup.workers)?;
        let signed_headers = signed::check(workload, variant, &envoy, fakes)?;
        let mut load = Load::connect(envoy.port, workload.connections)?;
        let mut template = workload.template.clone();
        // Until caches and allocators have settled.
        load.saturate(&mut template, WARM_UP)?;
        Ok(Self {
            envoy,
            load,
            template,
            signed_headers,
        })
    }

    fn steps(&mut self, variant: Variant, workload: &Workload) -> Result<Option<Steps>> {
        let is_small = workload.template.body_bytes() <= STEPPED_BODY_BYTES;
        if workload.setup.workers > 1 || !is_small {
            return Ok(None);
        }
        let steps = steps::count(&self.envoy, &mut self.load, &mut self.template)?;
        if variant.is_module() != (steps.in_module > 0) {
            let name = variant.name();
            return Err(
                format!("{name}: V8's code was not where it was looked for: {steps:?}").into(),
            );
        }
        Ok(Some(steps))
    }

    fn turn(&mut self, duration: Duration) -> Result<Turn> {
        let before = self.envoy.cpu()?;
        let stretch = self.load.saturate(&mut self.template, duration)?;
        let cpu = self.envoy.cpu()?.saturating_sub(before);
        let latencies = self.load.one_by_one(&mut self.template, duration / 4)?;
        let latencies: Vec<f64> = latencies.into_iter().map(microseconds).collect();
        Ok(Turn {
            cpu_us: microseconds(cpu) / f64::from(stretch.requests),
            rps: f64::from(stretch.requests) / stretch.elapsed.as_secs_f64(),
            p50_us: quantile(&latencies, 0.5).unwrap_or_default(),
            p99_us: quantile(&latencies, 0.99).unwrap_or_default(),
        })
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

const STARTS: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const STEPPED_BODY_BYTES: usize = 4096;
