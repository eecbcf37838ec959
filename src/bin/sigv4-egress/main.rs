//! `sigv4-egress`: what the filter would do, without an Envoy.
//!
//! Reads the arguments, the environment and the clock; everything else is in the modules, data in and data
//! out.

mod arguments;
mod aws_answer;
mod check_config;
mod compare;
mod explain;
mod request;
mod resolve;
mod shown;

use arguments::Command;
use explain::Input;
use sigv4_egress::config::Environment;
use std::io::{self, BufWriter, ErrorKind, Read as _, Write as _};
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    // No argument of ours is anything but ASCII, save a file's name.
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = arguments::parse(&arguments)
        .map_err(Failure::usage)
        .and_then(run);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = &failure.message {
                // Nobody is left to be told where this fails.
                let _ = writeln!(io::stderr(), "error: {message}");
            }
            ExitCode::from(failure.status)
        }
    }
}

/// Why the tool does not end with 0.
struct Failure {
    status: u8,
    message: Option<String>,
}

impl Failure {
    fn usage(message: String) -> Self {
        Self {
            status: 2,
            message: Some(message),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            status: 2,
            // As with `| head`: the reader has what it wants.
            message: (error.kind() != ErrorKind::BrokenPipe).then(|| error.to_string()),
        }
    }
}

fn run(command: Command<'_>) -> Result<(), Failure> {
    let mut input = io::stdin().lock();
    let mut output = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    match command {
        Command::Help => output.write_all(arguments::HELP.as_bytes())?,
        Command::Version => writeln!(output, "sigv4-egress {}", env!("CARGO_PKG_VERSION"))?,
        Command::Resolve { region } => resolve::run(&mut input, &mut output, region)?,
        Command::Explain { shown } => {
            let now = SystemTime::now();
            if explain::run(&mut input, &mut output, shown, now)? == Input::Malformed {
                return Err(Failure {
                    status: 2,
                    message: Some("a line of the input could not be read".to_owned()),
                });
            }
        }
        Command::CheckConfig { file } => {
            let mut json = Vec::new();
            if file == "-" {
                input.read_to_end(&mut json)?;
            } else {
                json = std::fs::read(file)
                    .map_err(|error| Failure::usage(format!("{file}: {error}")))?;
            }
            match check_config::check(&json, &environment()) {
                Ok(table) => write!(output, "ok\n{table}")?,
                Err(error) => {
                    return Err(Failure {
                        status: 1,
                        message: Some(error.to_string()),
                    });
                }
            }
        }
    }
    Ok(output.flush()?)
}

fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
