//! `cargo xtask compose`: runs `docker-compose.yml`, also where no image can be pulled.
//!
//! The file is run as it is, by docker-compose 1.29. What is not the real thing are the images: under
//! the tags that the file names stand copies of this machine's own programs (see [`images`]). The
//! engine is a second one, with namespaces, a directory and a socket of its own (see [`docker`]).

mod docker;
mod images;

use crate::run::Result;
use docker::{Docker, Engine};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// What the buckets of `envoy/demo/aws.py` are called.
const BUCKETS: [&str; 2] = ["reports-2025", "reports-2026"];

/// Runs the file up to the bucket names, and the same program past Envoy, which AWS must refuse.
pub(crate) fn compose() -> Result {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Err("the test starts a Docker Engine, so it must run as root; \
             with Docker of your own: docker compose up --build"
            .into());
    }
    let docker = Docker::unpack()?;
    let engine = Engine::start(&docker)?;
    images::import(&engine)?;

    let outcome = steps(&engine);
    if outcome.is_err() {
        engine
            .compose(&["logs", "--no-color", "--tail", "50"])
            .status()?;
    }
    engine.compose(&["down", "--volumes"]).status()?;
    outcome
}

fn steps(engine: &Engine) -> Result {
    crate::run::run(&mut engine.compose(&["up", "--build", "--detach"]))?;
    let program = engine.output(&mut engine.compose(&["ps", "--quiet", "program"]))?;
    let exit = engine.output(engine.docker(&["wait"]).arg(program.trim()))?;
    let printed = engine.output(&mut engine.compose(&["logs", "--no-color", "program"]))?;
    print!("{printed}");
    if exit.trim() != "0" || !BUCKETS.iter().all(|bucket| printed.contains(bucket)) {
        return Err("the program did not print the names of the buckets".into());
    }

    // The same program, straight at AWS: moto must know it from a signed request.
    let mut direct = engine.compose(&["exec", "-T"]);
    for variable in [
        "AWS_ENDPOINT_URL=https://127.0.0.1",
        "AWS_CA_BUNDLE=/state/ca.pem",
        "AWS_ACCESS_KEY_ID=placeholder",
        "AWS_SECRET_ACCESS_KEY=placeholder",
        "AWS_DEFAULT_REGION=eu-west-1",
    ] {
        direct.args(["-e", variable]);
    }
    let refused = direct
        .args(["aws", "python", "/demo/list_buckets.py"])
        .output()?;
    let reason = String::from_utf8_lossy(&refused.stderr).into_owned();
    if refused.status.success() || !reason.contains("InvalidAccessKeyId") {
        return Err(format!("past Envoy, AWS should have refused the program: {reason}").into());
    }
    println!(
        "The same program past Envoy: {}",
        reason.lines().last().unwrap_or_default()
    );
    println!("docker-compose.yml works.");
    Ok(())
}
