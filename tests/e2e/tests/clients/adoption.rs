//! From a fleet whose programs sign for themselves to one that is signed for: observe, suggest, enforce (`docs/adoption.md`).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{STEPS, run};
use e2e::clients::{Mode, Task, World};
use e2e::envoy::{self, newest, versions, workspace};
use e2e::namespace::{release, within};
use e2e::{Value, json};

/// They take a role themselves (IRSA); curl does not. The AWS CLI does, but takes minutes to start a hundred times, and has
/// the same core as boto3.
fn clients(version: &str) -> &'static [&'static str] {
    const ALL: &[&str] = &["boto3", "go", "java", "javascript", "rust"];
    match version == newest() {
        true => ALL,
        // What observing is to them does not depend on Envoy's version.
        false => &["boto3"],
    }
}

/// The programs' own roles sign while the filter observes; then the configuration that the log suggests signs for them.
#[test]
fn what_was_observed_passes_when_it_is_enforced_and_nothing_more() {
    within(
        "adoption::what_was_observed_passes_when_it_is_enforced_and_nothing_more",
        || {
            for version in versions() {
                let log = observed(&version);
                let configuration = suggested(&log);
                enforced(&version, &configuration);
            }
        },
    );
}

fn observed(version: &str) -> Vec<u8> {
    let world = World::start_in_pod_with(version, &[], r#""mode": "observe""#);
    for client in clients(version) {
        passes(&world, client, Mode::OwnRole);
    }
    for (name, count) in world.stats(Mode::OwnRole) {
        let may_be = name.starts_with("requests.would_") || !name.starts_with("requests.");
        assert!(may_be || count == 0, "{name}: {count}");
        assert!(!name.starts_with("sts.") || count == 0, "{name}: {count}");
    }
    let log = world.access_log(Mode::OwnRole);
    drop(world);
    release();
    log
}

/// What the tool writes, which it must find good itself.
fn suggested(log: &[u8]) -> Value {
    let suggested = tool(&["suggest"], log);
    let told = String::from_utf8_lossy(&suggested.1).into_owned();
    assert!(told.contains("anonymous"), "{told}");
    assert!(told.contains("requests named no bucket"), "{told}");
    tool(&["check-config", "-"], &suggested.0);
    let found: Value = serde_json::from_slice(&suggested.0).expect("JSON");
    let services = json!([
        "dynamodb",
        "kms",
        "lambda",
        "s3",
        "secretsmanager",
        "sns",
        "sqs",
        "sts"
    ]);
    assert_eq!(found, json!({"allow": services}), "{told}");
    found
}

/// Output and complaints of the tool.
fn tool(arguments: &[&str], input: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut child = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["run", "--quiet", "--offline", "--bin", "sigv4-egress", "--"])
        .args(arguments)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reports")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo runs");
    let mut stdin = child.stdin.take().expect("its standard input");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaints}");
    (output.stdout, output.stderr)
}

fn enforced(version: &str, configuration: &Value) {
    let policy = configuration.to_string();
    let policy = policy.trim_start_matches('{').trim_end_matches('}');
    let world = World::start_in_pod_with(version, &[], policy).await_credentials();
    for client in clients(version) {
        passes(&world, client, Mode::Captured);
    }
    let faults = world.faults(Mode::Captured);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    refuses_what_was_not_seen(&world);
    drop(world);
    release();
}

fn passes(world: &World, client: &str, mode: Mode) {
    let transcript = run(world, client, mode);
    let faults = transcript.faults(STEPS, |step, line| line == format!("ok {step}"));
    assert!(
        faults.is_empty(),
        "{client}, {}\n{}\n{transcript}\n{}",
        mode.name(),
        faults.join("\n"),
        world.report(mode)
    );
}

fn refuses_what_was_not_seen(world: &World) {
    let program = std::env::temp_dir().join("one-more-service");
    let script = format!(
        "#!/bin/sh\nexec {} -c 'import boto3; print(boto3.client(\"ssm\").describe_parameters())'\n",
        envoy::python().display()
    );
    fs::write(&program, script).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it can be run");
    let transcript = world.run(&Task {
        program: &program,
        arguments: &[],
        name: "one-more-service-runs",
        mode: Mode::Captured,
        egress: Mode::Captured,
        limit: Duration::from_secs(120),
    });
    assert!(
        transcript.complaints.contains("SigV4EgressNotAllowed"),
        "{transcript}"
    );
}
