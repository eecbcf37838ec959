//! `sigv4-egress`: what the filter would do, without an Envoy.
//!
//! Reads the arguments, the environment and the clock; everything else is in the modules, data in and data
//! out.

mod arguments;
mod aws_answer;
mod check_config;
mod compare;
mod explain;
mod names;
mod request;
mod resolve;
mod shown;
mod suggest;

use arguments::Command;
use explain::Input;
use sigv4_egress::config::Environment;
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::Path;
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

impl From<names::NamesError> for Failure {
    fn from(error: names::NamesError) -> Self {
        let message = Some(error.to_string());
        match error {
            names::NamesError::Io(error) => error.into(),
            names::NamesError::NoRegion | names::NamesError::Authority(_) => {
                Self { status: 2, message }
            }
            _ => Self { status: 1, message },
        }
    }
}

impl From<suggest::SuggestError> for Failure {
    fn from(error: suggest::SuggestError) -> Self {
        let message = Some(error.to_string());
        match error {
            suggest::SuggestError::Io(error) => error.into(),
            suggest::SuggestError::Configuration(_) => Self { status: 2, message },
            suggest::SuggestError::Nothing => Self { status: 1, message },
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
            let json = read(file, &mut input)?;
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
        Command::Suggest(options) => suggest(&options, &mut input, &mut output)?,
        Command::Names(options) => {
            let json = match options.config {
                Some(file) => Some(read(file, &mut input)?),
                None => None,
            };
            names::run(
                &mut output,
                &mut io::stderr(),
                &options,
                json.as_deref(),
                &environment(),
                &names::Outside {
                    now: SystemTime::now(),
                    random: &|bytes| getrandom::fill(bytes).map_err(io::Error::other),
                    read: &read_if_there,
                    write: &write_new,
                },
            )?;
        }
    }
    Ok(output.flush()?)
}

fn suggest(
    options: &suggest::Options<'_>,
    input: &mut impl io::BufRead,
    output: &mut impl io::Write,
) -> Result<(), Failure> {
    let config = match options.config {
        Some(file) => Some(suggest::read_config(&read(file, input)?)?),
        None => None,
    };
    let mut seen = suggest::Seen::new(config.as_ref());
    if options.files.is_empty() {
        seen.read(input)?;
    }
    for file in &options.files {
        match *file {
            "-" => seen.read(input)?,
            name => {
                let opened = std::fs::File::open(name);
                let log = opened.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
                seen.read(&mut io::BufReader::new(log))?;
            }
        }
    }
    suggest::write(seen, config, options.s3, output, &mut io::stderr())?;
    Ok(())
}

/// Reads a file, or the standard input for `-`.
fn read(file: &str, input: &mut impl io::Read) -> Result<Vec<u8>, Failure> {
    if file == "-" {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file).map_err(|error| Failure::usage(format!("{file}: {error}")))
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str, mode: names::Mode) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if mode == names::Mode::Private {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}

fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
