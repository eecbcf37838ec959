//! Times of the core's steps. `--bench` makes criterion measure; without it, it tries each step once.

use criterion::Criterion;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut criterion = Criterion::default().configure_from_args();
    match micro::steps() {
        Ok(steps) => {
            for mut step in steps {
                criterion.bench_function(step.name, |bencher| bencher.iter(|| step.run()));
            }
            criterion.final_summary();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
