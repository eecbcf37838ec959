//! `cargo xtask test`: every test, with what it needs.

use crate::run::{Result, cargo, run};
use crate::{build, tools};

/// Builds the module, fetches the Envoys and boto3, and runs the tests of every package.
pub(crate) fn test() -> Result {
    build::build()?;
    tools::python()?;
    for version in tools::ENVOYS {
        tools::envoy(version)?;
    }
    tools::s3s()?;
    // cargo's own closing lines stay the last.
    run(&mut cargo(&["test", "--workspace"]))
}
