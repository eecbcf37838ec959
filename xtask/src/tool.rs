//! `cargo xtask resolve`, `explain` and `check-config`: the command-line tool, built and run.

use crate::build;
use crate::run::{Result, cargo};
use std::process::{Command, ExitCode};

/// Builds the tool and runs it with our own standard streams; its exit status is ours.
pub(crate) fn tool(arguments: &[String]) -> Result<ExitCode> {
    // Quiet: only the tool writes to the standard output.
    let built = cargo(&["build", "--quiet", "--release", "--bin", "sigv4-egress"]).status()?;
    if !built.success() {
        return Err(format!("cargo build of the tool: {built}").into());
    }
    let path = build::target().join("release/sigv4-egress");
    let status = Command::new(&path)
        .args(arguments)
        .status()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
