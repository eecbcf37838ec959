//! The project's commands. `cargo xtask help` lists them.

mod bench;
mod build;
mod ci;
mod clients;
mod compose;
mod demo;
mod endpoints;
mod module;
mod overlay;
mod run;
mod simulate;
mod size;
mod test;
mod tool;
mod tools;

use std::process::ExitCode;

/// Subcommands and what they do, in the order of `help`.
const COMMANDS: &[(&str, &str)] = &[
    (
        "build",
        "the release module: path, size, sha256; checks its imports",
    ),
    (
        "test",
        "everything: unit, vectors, end to end on real Envoys",
    ),
    (
        "demo",
        "a program without credentials calls AWS; --keep leaves it running",
    ),
    (
        "compose",
        "docker-compose.yml in a Docker Engine of its own; as root, on Debian",
    ),
    (
        "bench",
        "costs in Envoy, beside its own filter; --micro, --instructions: of the core alone; --size: where the module's bytes are",
    ),
    (
        "endpoints",
        "regenerates the endpoint table from botocore (--newest: from its newest release); --check fails if it would change",
    ),
    (
        "resolve",
        "hosts on stdin: host, service, region, algorithm; - where it is not signed",
    ),
    (
        "explain",
        "requests as JSON lines on stdin: decision, canonical request, headers",
    ),
    (
        "simulate",
        "a day of 100,000 sidecars with an outage of STS, into docs; --check fails if it would change",
    ),
    (
        "ci",
        "what must pass before a merge: format, lints, licences, docs, demos, tests",
    ),
    ("help", "this list"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["resolve" | "explain", ..] = arguments.as_slice() {
        return tool::tool(&arguments).unwrap_or_else(|error| failure(&*error));
    }
    let done = match arguments.as_slice() {
        ["build"] => build::build().map(drop),
        ["test"] => test::test(),
        ["demo"] => demo::demo(demo::After::Stop),
        ["demo", "--keep"] => demo::demo(demo::After::Keep),
        ["compose"] => compose::compose(),
        ["endpoints", options @ ..] => match endpoints_of(options) {
            Some((botocore, changes)) => endpoints::endpoints(botocore, changes),
            None => Err("endpoints takes --newest and --check".into()),
        },
        ["simulate"] => simulate::simulate(simulate::Files::Write),
        ["simulate", "--check"] => simulate::simulate(simulate::Files::Compare),
        ["bench", "--size"] => size::size(),
        ["bench", "--micro"] => bench::micro(),
        ["bench", "--instructions"] => bench::instructions(bench::Budget::Show),
        ["bench", "--instructions", "--check"] => bench::instructions(bench::Budget::Check),
        ["bench", "--instructions", "--update"] => bench::instructions(bench::Budget::Update),
        ["bench", options @ ..] => bench::envoy(options),
        ["ci"] => ci::ci(),
        [] | ["help" | "--help" | "-h"] => {
            help();
            Ok(())
        }
        other => Err(format!("no such command: {}; see cargo xtask help", other.join(" ")).into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&*error),
    }
}

fn failure(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// What is asked of `endpoints`; `None` where an option is none of its.
fn endpoints_of(options: &[&str]) -> Option<(endpoints::Botocore, endpoints::Changes)> {
    let mut asked = (endpoints::Botocore::Pinned, endpoints::Changes::Write);
    for option in options {
        match *option {
            "--newest" => asked.0 = endpoints::Botocore::Newest,
            "--check" => asked.1 = endpoints::Changes::Refuse,
            _ => return None,
        }
    }
    Some(asked)
}

fn help() {
    for (name, meaning) in COMMANDS {
        println!("cargo xtask {name:9} {meaning}");
    }
}
