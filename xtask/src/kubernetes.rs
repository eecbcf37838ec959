//! `cargo xtask kubernetes`: what users apply, and the policies against tenants, on a real Kubernetes API server.
//!
//! etcd, kube-apiserver and kubectl are built from their Go modules, which takes long, so that this is no part of the tests
//! that CI runs. Nothing else of Kubernetes is there: pods are admitted and never run.

mod programs;
mod server;

use crate::build;
use crate::run::{Result, cargo, run, step};
use server::Server;

/// What becomes of the API server after the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Stop,
    /// It stays until Ctrl-C.
    Keep,
}

/// Builds the programs, starts them, and runs the tests of `tests/kubernetes` against them.
pub(crate) fn kubernetes(after: After) -> Result {
    let programs = step("Kubernetes", programs::programs)?;
    // For the ConfigMap that it goes into.
    let module = step("module", build::build)?;
    let mut server = step("start", || Server::start(&programs))?;
    let tested = run(
        cargo(&["test", "--package", "kubernetes", "--no-fail-fast"])
            .env("SIGV4_EGRESS_KUBERNETES", server.directory())
            .env("SIGV4_EGRESS_MODULE", module),
    );
    if after == After::Keep {
        println!(
            "It is still running. To try:\n\n  {}\n\nCtrl-C ends it.",
            server.kubectl()
        );
        server.wait()?;
    }
    tested.map_err(|error| {
        let logs = server.keep_logs();
        format!("{error}\nLogs: {}", logs.display()).into()
    })
}
