//! Resident memory: of a worker's VM, and while a large upload streams.

use crate::Result;
use crate::bootstrap::{Modules, Setup, Variant, bootstrap};
use crate::envoy::Envoy;
use crate::fakes::Fakes;
use crate::load::Load;
use crate::options::Options;
use crate::signed;
use crate::statistics::Summary;
use crate::workload::{self, Workload};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// In bytes. A worker's share is the slope between Envoys with few and with many workers, all of which have
/// served requests; that of a VM is what the share is more than without a filter. What a module costs once for
/// the process (its compiled code, what compiling it has left behind) is in `resident_bytes_*` only.
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
    let (get, put) = (named("s3_get")?, named("s3_put_256m")?);
    let mut shares = Vec::new();
    let (mut resident_few, mut resident_many) = (serde_json::Map::new(), serde_json::Map::new());
    for &variant in workload::FILTERS {
        let (mut slopes, mut fews, mut manys) = (Vec::new(), Vec::new(), Vec::new());
        for repetition in 0..REPETITIONS {
            let at = |workers| {
                let name = format!("{}-{workers}-{repetition}", variant.name());
                resident_with(
                    variant,
                    workers,
                    get,
                    options,
                    modules,
                    &directory.join(name),
                )
            };
            let (few, many) = (at(FEW_WORKERS)?, at(MANY_WORKERS)?);
            slopes.push((many - few) / f64::from(MANY_WORKERS - FEW_WORKERS));
            fews.push(few);
            manys.push(many);
        }
        shares.push((variant, median(slopes)));
        resident_few.insert(variant.name().to_owned(), json!(median(fews).round()));
        resident_many.insert(variant.name().to_owned(), json!(median(manys).round()));
    }
    let share = |wanted| {
        shares
            .iter()
            .find(|(variant, _)| *variant == wanted)
            .map_or(0.0, |(_, share)| *share)
    };
    let mut growth = serde_json::Map::new();
    for &variant in put.variants {
        let mut growths = Vec::new();
        for repetition in 0..REPETITIONS {
            let name = format!("put-{}-{repetition}", variant.name());
            growths.push(growth_during(
                variant,
                put,
                options,
                modules,
                &directory.join(name),
            )?);
        }
        growth.insert(variant.name().to_owned(), json!(median(growths).round()));
    }
    let roles = |count| resident_with_roles(count, get, options, modules, directory);
    let (one_role, many_roles) = (roles(1)?, roles(MANY_ROLES)?);
    Ok(json!({
        "resident_bytes_1_role": one_role.round(),
        format!("resident_bytes_{MANY_ROLES}_roles"): many_roles.round(),
        "bytes_per_role": ((many_roles - one_role) / f64::from(MANY_ROLES - 1)).round(),
        format!("resident_bytes_{FEW_WORKERS}_workers"): resident_few,
        format!("resident_bytes_{MANY_WORKERS}_workers"): resident_many,
        "worker_vm_bytes_noop": (share(Variant::Noop) - share(Variant::None)).round(),
        "worker_vm_bytes_ours": (share(Variant::Ours) - share(Variant::None)).round(),
        "worker_vm_bytes_ours_over_noop": (share(Variant::Ours) - share(Variant::Noop)).round(),
        "s3_put_256m_growth_bytes": growth,
    }))
}

fn resident_with(
    variant: Variant,
    workers: u32,
    workload: &Workload,
    options: &Options,
    modules: &Modules,
    directory: &Path,
) -> Result<f64> {
    let setup = Setup {
        workers,
        ..workload.setup.clone()
    };
    let (envoy, _fakes) = start(
        variant,
        &Workload {
            setup,
            ..workload.clone()
        },
        options,
        modules,
        directory,
    )?;
    // Envoy leaves it to the kernel which worker gets a connection: enough of them for each to get some.
    let mut load = Load::connect(envoy.port, 8 * usize::try_from(MANY_WORKERS)?)?;
    load.saturate(&mut workload.template.clone(), Duration::from_secs(1))?;
    drop(load);
    Ok(envoy.resident()? as f64)
}

/// Of ours with one worker and so many roles, each with credentials of its own by then.
fn resident_with_roles(
    count: u32,
    workload: &Workload,
    options: &Options,
    modules: &Modules,
    directory: &Path,
) -> Result<f64> {
    let role = |number| format!("team-{number}");
    let host = |number| format!("team-{number}.s3.eu-west-1.amazonaws.com");
    let numbers = 1..=count;
    let rules = numbers
        .clone()
        .map(|number| json!({"buckets": [role(number)], "role": role(number)}));
    let roles = numbers.clone().map(|number| {
        let arn = format!("arn:aws:iam::123456789012:role/{}", role(number));
        (role(number), json!({"role_arn": arn}))
    });
    let workload = Workload {
        setup: Setup {
            rules: rules.collect(),
            roles: roles.collect(),
            ..workload.setup.clone()
        },
        ..workload.clone()
    };
    let mut residents = Vec::new();
    for repetition in 0..REPETITIONS {
        let home = directory.join(format!("roles-{count}-{repetition}"));
        let (envoy, _fakes) = start(Variant::Ours, &workload, options, modules, &home)?;
        let mut load = Load::connect(envoy.port, 1)?;
        for number in numbers.clone() {
            let status = load.ask(&mut workload::get(&host(number)))?;
            if status != 200 {
                return Err(
                    format!("{} was answered {status}:\n{}", host(number), envoy.log()).into(),
                );
            }
        }
        residents.push(envoy.resident()? as f64);
    }
    Ok(median(residents))
}

fn growth_during(
    variant: Variant,
    workload: &Workload,
    options: &Options,
    modules: &Modules,
    directory: &Path,
) -> Result<f64> {
    let (envoy, _fakes) = start(variant, workload, options, modules, directory)?;
    let mut load = Load::connect(envoy.port, 1)?;
    envoy.forget_peak()?;
    let before = envoy.resident()?;
    load.saturate(&mut workload.template.clone(), Duration::ZERO)?;
    Ok(envoy.peak()? as f64 - before as f64)
}

fn start(
    variant: Variant,
    workload: &Workload,
    options: &Options,
    modules: &Modules,
    directory: &Path,
) -> Result<(Envoy, Fakes)> {
    fs::create_dir_all(directory)?;
    let fakes = Fakes::start(directory, workload.setup.session_token_bytes)?;
    let config = bootstrap(variant, &workload.setup, modules, &fakes, directory)?;
    let envoy = Envoy::start(&options.envoy, &config, directory, workload.setup.workers)?;
    signed::check(workload, variant, &envoy, &fakes)?;
    Ok((envoy, fakes))
}

fn median(figures: Vec<f64>) -> f64 {
    Summary::of(figures).map_or(0.0, |summary| summary.median)
}

const REPETITIONS: usize = 3;
const FEW_WORKERS: u32 = 2;
const MANY_WORKERS: u32 = 18;
const MANY_ROLES: u32 = 1000;
