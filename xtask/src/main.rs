//! The project's commands. `cargo xtask help` lists them.

mod bench;
mod build;
mod chart;
mod ci;
mod clients;
mod command;
mod compose;
mod debian;
mod demo;
mod dist;
mod endpoints;
mod install;
mod istio;
mod kubernetes;
mod module;
mod needs;
mod overlay;
#[path = "../../tests/parts/mod.rs"]
mod parts;
mod programs;
#[path = "../../tests/prose/mod.rs"]
mod prose;
mod run;
mod simulate;
mod size;
mod test;
mod tool;
mod tools;

use command::{Bench, Command};
use run::Result;
use std::process::ExitCode;
use test::Tests;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = command::parse(&arguments)
        .map_err(Into::into)
        .and_then(perform);
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Everything is read and checked before the first thing is built.
fn perform(command: Command) -> Result<ExitCode> {
    run::check_place()?;
    needs::check(&needs::work(&command))?;
    match command {
        Command::Build => build::build().map(drop),
        Command::Test { only, envoy } => test::test(&Tests::choose(only.as_deref(), envoy)?),
        Command::Istio { envoy } => test::test(&Tests::of_target(test::ISTIOD, envoy)?),
        Command::Demo(after) => demo::demo(after),
        Command::Compose => compose::compose(),
        Command::Bench(Bench::Envoy(options)) => bench::envoy(&options),
        Command::Bench(Bench::Https) => bench::https(),
        Command::Bench(Bench::Micro) => bench::micro(),
        Command::Bench(Bench::Instructions(budget)) => bench::instructions(budget),
        Command::Bench(Bench::Size) => size::size(),
        Command::Endpoints(botocore, changes) => endpoints::endpoints(botocore, changes),
        Command::Chart(changes) => chart::chart(changes),
        Command::Programs(chosen) => programs::programs(&chosen),
        Command::Simulate(files) => simulate::simulate(files),
        Command::Kubernetes(after) => kubernetes::kubernetes(after),
        Command::Tool(arguments) => return tool::tool(&arguments),
        Command::Dist(wanted) => dist::dist(&wanted),
        Command::Ci { jobs, envoy } => ci::ci(&jobs, envoy),
        Command::Help => {
            command::help();
            Ok(())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}
