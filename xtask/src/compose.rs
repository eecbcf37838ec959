//! `cargo xtask compose`: runs `docker-compose.yml`, also where no image can be pulled.
//!
//! The file is run as it is, by docker-compose 1.29. What is not the real thing are the images: under
//! the tags that the file names stand copies of this machine's own programs (see [`images`]). The
//! engine is a second one, with namespaces, a directory and a socket of its own (see [`docker`]).

mod docker;
mod images;

use crate::run::{Result, run};
use docker::{Docker, Engine};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// What the buckets of `envoy/demo/aws.py` are called.
const BUCKETS: [&str; 2] = ["reports-2025", "reports-2026"];

/// Runs the file up to the bucket names, in each of its ways, and the same program past Envoy, which AWS must refuse; then
/// its profiles `sandbox` and `aws`.
pub(crate) fn compose() -> Result {
    let docker = Docker::unpack()?;
    let engine = Engine::start(&docker)?;
    images::import(&engine)?;

    // Together: the module is built once.
    run_and_remove(&engine, &["--profile", "sandbox"], |engine, compose| {
        steps(engine, &|arguments| engine.compose(arguments))?;
        steps_of_profile_sandbox(engine, compose)
    })?;
    run_and_remove(&engine, &EMULATED, steps_of_profile_aws)?;
    println!("docker-compose.yml works.");
    Ok(())
}

/// For the profile `aws`: no test reaches the real AWS.
const EMULATED: [&str; 6] = [
    "--file",
    "docker-compose.yml",
    "--file",
    "xtask/src/compose/emulated.yml",
    "--profile",
    "aws",
];

/// `options` are docker-compose's own.
fn run_and_remove(
    engine: &Engine,
    options: &[&str],
    steps: impl Fn(&Engine, &dyn Fn(&[&str]) -> Command) -> Result,
) -> Result {
    let compose = |arguments: &[&str]| engine.compose(&[options, arguments].concat());
    let outcome = steps(engine, &compose);
    if outcome.is_err() {
        compose(&["logs", "--no-color", "--tail", "50"]).status()?;
    }
    compose(&["down", "--volumes"]).status()?;
    outcome
}

/// Waits until a service's program has ended, and looks for the names of the buckets in what it printed.
fn check_program(engine: &Engine, compose: &dyn Fn(&[&str]) -> Command, service: &str) -> Result {
    let program = engine.output(&mut compose(&["ps", "--quiet", service]))?;
    let exit = engine.output(engine.docker(&["wait"]).arg(program.trim()))?;
    let printed = engine.output(&mut compose(&["logs", "--no-color", service]))?;
    print!("{printed}");
    if exit.trim() != "0" || !BUCKETS.iter().all(|bucket| printed.contains(bucket)) {
        return Err(format!("{service} did not print the names of the buckets").into());
    }
    Ok(())
}

/// The program ends badly if it finds a way out.
fn steps_of_profile_sandbox(engine: &Engine, compose: &dyn Fn(&[&str]) -> Command) -> Result {
    run(&mut compose(&["up", "--detach", "program-in-sandbox"]))?;
    check_program(engine, compose, "program-in-sandbox")
}

/// With temporary credentials of the emulator's, as a laptop has them of AWS's.
fn steps_of_profile_aws(engine: &Engine, compose: &dyn Fn(&[&str]) -> Command) -> Result {
    run(&mut compose(&["up", "--detach", "aws"]))?;
    let session = || compose(&["exec", "-T", "aws", "python", "-c", SESSION]).output();
    let mut answer = session()?;
    // A minute at least: moto starts.
    for _ in 0..60 {
        if answer.status.success() {
            break;
        }
        thread::sleep(Duration::from_secs(1));
        answer = session()?;
    }
    let printed = String::from_utf8(answer.stdout)?;
    let variables: Vec<_> = printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    if variables.len() != 4 {
        let reason = String::from_utf8_lossy(&answer.stderr).into_owned();
        return Err(format!("the emulator gave no session: {reason}").into());
    }
    run(compose(&["up", "--detach", "program-at-aws"]).envs(variables))?;
    check_program(engine, compose, "program-at-aws")
}

/// Prints what `aws configure export-credentials --format env-no-export` does.
const SESSION: &str = r#"
import boto3
sts = boto3.client("sts", region_name="eu-west-1", endpoint_url="https://127.0.0.1", verify="/state/ca.pem")
session = sts.assume_role_with_web_identity(
    RoleArn="arn:aws:iam::123456789012:role/reports", RoleSessionName="laptop",
    WebIdentityToken=open("/state/pod/token").read())["Credentials"]
print("AWS_ACCESS_KEY_ID=" + session["AccessKeyId"])
print("AWS_SECRET_ACCESS_KEY=" + session["SecretAccessKey"])
print("AWS_SESSION_TOKEN=" + session["SessionToken"])
print("AWS_CREDENTIAL_EXPIRATION=" + session["Expiration"].isoformat())
"#;

fn steps(engine: &Engine, compose: &dyn Fn(&[&str]) -> Command) -> Result {
    run(&mut compose(&["up", "--build", "--detach"]))?;
    for program in ["program", "program-captured", "program-over-http"] {
        check_program(engine, compose, program)?;
    }

    // The same program, straight at AWS: moto must know it from a signed request.
    let mut direct = compose(&["exec", "-T"]);
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
    Ok(())
}
