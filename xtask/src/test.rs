//! `cargo xtask test`: every test, with what it needs.

use crate::run::{Result, cargo, run};
use crate::{build, clients, tools};

/// Builds the module, fetches the Envoys, boto3 and the other clients, and runs the tests of every package.
pub(crate) fn test() -> Result {
    build::build_trap()?;
    // Last, so that cargo leaves the module that is shipped where it puts the newest.
    build::build()?;
    // botocore verifies what Envoy sends.
    tools::python()?;
    for version in tools::ENVOYS {
        tools::envoy(version)?;
    }
    tools::s3s()?;
    clients::clients()?;
    // cargo's own closing lines stay the last. A test that fails hides none of the others.
    run(&mut cargo(&["test", "--workspace", "--no-fail-fast"]))
}
