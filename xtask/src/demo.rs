//! `cargo xtask demo`: a program without AWS credentials calls AWS, through a real Envoy.
//!
//! AWS is moto with IAM authorisation on, behind TLS with a certificate authority of this run. Everything is on
//! loopback and in one temporary directory.

mod shown;
mod steps;
mod world;

use crate::run::{Result, succeeds};
use crate::{build, tools};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use world::{RunDirectory, World};

/// What happens once every step has been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Everything is stopped and removed.
    Stop,
    /// It stays until Ctrl-C.
    Keep,
}

/// Shows every step; an error is the first that did not do what it says.
pub(crate) fn demo(after: After) -> Result {
    let python = tools::python()?;
    let envoy = tools::envoy(tools::ENVOY)?;
    let module = build::build()?;

    let directory = RunDirectory::create()?;
    end_on_ctrl_c(&directory)?;
    let shown = World::start(&directory, &python, &envoy, &module).and_then(|mut world| {
        steps::all(&world)?;
        SHOWN.store(true, Ordering::Relaxed);
        if after == After::Keep {
            keep(&mut world)
        } else {
            Ok(())
        }
    });
    match shown {
        Ok(()) => {
            directory.remove();
            Ok(())
        }
        Err(error) => Err(format!("{error}\nLogs: {}", directory.path().display()).into()),
    }
}

/// Whether every step has been shown.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// On Ctrl-C and SIGTERM the directory goes, and the processes end with us.
fn end_on_ctrl_c(directory: &RunDirectory) -> Result {
    let directory = directory.clone();
    ctrlc::set_handler(move || {
        directory.remove();
        std::process::exit(if SHOWN.load(Ordering::Relaxed) {
            0
        } else {
            130
        });
    })?;
    Ok(())
}

fn keep(world: &mut World) -> Result {
    let (envoy, admin) = (world.envoy(), world.admin());
    let (python, directory) = (world.python().display(), world.directory().display());
    println!(
        "
It is still running. To try:

  HTTPS_PROXY={envoy} AWS_CA_BUNDLE={directory}/trust/ca.pem AWS_ACCESS_KEY_ID=placeholder AWS_SECRET_ACCESS_KEY=placeholder {python} envoy/demo/list_buckets.py
  http_proxy={envoy} curl http://s3.eu-west-1.amazonaws.com/
  AWS_ENDPOINT_URL={envoy} AWS_ACCESS_KEY_ID=placeholder AWS_SECRET_ACCESS_KEY=placeholder {python} envoy/demo/list_buckets.py
  http_proxy={envoy} curl --include http://sqs.eu-west-1.amazonaws.com/   (not in the filter's allow-list)
  {python} envoy/demo/web_identity.py rotate {directory}/pod
  curl '{admin}/stats?filter=wasmcustom'
  tail -f {directory}/journal.jsonl   (what AWS saw)

Ctrl-C ends it."
    );
    Err(format!(
        "a process of the demo has ended: {}",
        world.wait_for_an_end()?
    )
    .into())
}

/// Whether a URL answers at all.
fn answers(url: &str) -> bool {
    succeeds(Command::new("curl").args([
        "--silent",
        "--fail",
        "--noproxy",
        "*",
        "--max-time",
        "2",
        url,
    ]))
}
