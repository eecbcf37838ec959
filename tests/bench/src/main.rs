//! What a request costs in a real Envoy: without a filter, with a module that does nothing, with Envoy's own
//! `aws_request_signing`, and with ours. `cargo xtask bench` builds the module and runs this.
//!
//! The figure that counts is the CPU time of the Envoy process per request, as the kernel's scheduler counts
//! it, with Envoy on one core and everything else on another. What a filter adds is the difference to the
//! Envoy without one in the same round. Rounds are interleaved, so that whatever else the machine does meets
//! all variants; medians and quartiles are over rounds.

mod bootstrap;
mod calls;
mod chart;
mod envoy;
mod fakes;
mod goals;
mod load;
mod machine;
mod measure;
mod memory;
mod options;
mod parked;
#[path = "../../prose/mod.rs"]
mod prose;
mod report;
mod signed;
mod start;
mod statistics;
mod steps;
mod upstream;
mod workload;

use options::{Options, Purpose};
use std::path::Path;
use std::process::ExitCode;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T = ()> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Options::parse(&arguments).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result {
    machine::pin_to(envoy::GENERATOR_CORE)?;
    let directory = std::env::temp_dir().join(format!("sigv4-bench-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let report = report::take(options, &directory);
    // What cannot be removed stays in the temporary directory.
    let _ = std::fs::remove_dir_all(&directory);
    let report = report?;
    println!(
        "{}\n\n{}",
        report::table(&report),
        report::instructions(&report)
    );
    report::write(options, &report)?;
    match options.purpose {
        Purpose::Report => Ok(()),
        Purpose::Check => goals::check(&report),
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}
