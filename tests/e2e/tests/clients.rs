//! AWS's own clients, as their users set them up, through a real Envoy in the shape of
//! `envoy/envoy.yaml`, against moto, which verifies every signature and policy.
//!
//! `cargo xtask test` installs the clients of `tests/clients` beneath `target/tools/clients`. Each is
//! run as `run <mode> <prefix>`, does the same steps, and prints a line for each. Everything that a
//! client makes at AWS is named by its prefix, so that they run side by side.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use e2e::clients::{Mode, Task, World};
use e2e::envoy::{newest, versions, workspace};
use e2e::namespace::{release, within};
use e2e::transcript::Transcript;

#[path = "clients/adoption.rs"]
mod adoption;
#[path = "clients/presigners.rs"]
mod presigners;

const MODES: &[Mode] = &[
    Mode::Placeholder,
    Mode::Expecting,
    Mode::Unsigned,
    Mode::Refused,
];

/// What each client does where nothing is refused, in this order.
const STEPS: &[&str] = &[
    "s3_list",
    "s3_keys",
    "s3_multipart",
    "s3_upload",
    "s3_stream",
    "s3_copy",
    "s3_delete",
    "dynamodb",
    "sqs",
    "sns",
    "secretsmanager",
    "kms",
    "lambda",
    "sts",
];

/// What each client tries where everything is refused.
const REFUSED: &[&str] = &["s3", "dynamodb", "sqs"];

/// A step that does not end as it should, and why.
struct Exception {
    client: &'static str,
    mode: Mode,
    step: &'static str,
    /// What the client prints.
    line: &'static str,
}

/// Each must happen: one that is cured is to be taken out.
const EXCEPTIONS: &[Exception] = &[
    // urllib3 resolves `..` and `.` in a URL that it sends to a proxy, so that another object is written and read.
    Exception {
        client: "boto3",
        mode: Mode::Unsigned,
        step: "s3_keys",
        line: "fail s3_keys: AssertionError: lost: expected [], found ['dots/../and/./dots']",
    },
    Exception {
        client: "cli",
        mode: Mode::Unsigned,
        step: "s3_keys",
        line: "fail s3_keys: lost: expected [], found ['dots/../and/./dots']",
    },
    // Of an error, the SDK for Java shows the message alone; the code is in `awsErrorDetails()`.
    Exception {
        client: "java",
        mode: Mode::Refused,
        step: "s3",
        line: "refused s3: software.amazon.awssdk.services.s3.model.S3Exception: Requests to \
               s3.eu-west-1.amazonaws.com (service s3) are not in the allow-list. Add \"s3\" or \
               \"s3.eu-west-1.amazonaws.com\" to `allow` in the filter's configuration. (Service: S3, \
               Status Code: 403, Request ID: null) (SDK Attempt Count: 1)",
    },
    Exception {
        client: "java",
        mode: Mode::Refused,
        step: "dynamodb",
        line: "refused dynamodb: software.amazon.awssdk.services.dynamodb.model.DynamoDbException: \
               Requests to dynamodb.eu-west-1.amazonaws.com (service dynamodb) are not in the \
               allow-list. Add \"dynamodb\" or \"dynamodb.eu-west-1.amazonaws.com\" to `allow` in the \
               filter's configuration. (Service: DynamoDb, Status Code: 403, Request ID: null) (SDK \
               Attempt Count: 1)",
    },
    Exception {
        client: "java",
        mode: Mode::Refused,
        step: "sqs",
        line: "refused sqs: software.amazon.awssdk.services.sqs.model.SqsException: Requests to \
               sqs.eu-west-1.amazonaws.com (service sqs) are not in the allow-list. Add \"sqs\" or \
               \"sqs.eu-west-1.amazonaws.com\" to `allow` in the filter's configuration. (Service: Sqs, \
               Status Code: 403, Request ID: null) (SDK Attempt Count: 1)",
    },
];

/// The three tests of each client.
macro_rules! clients {
    ($($client:ident)*) => {$(
        mod $client {
            use super::*;

            #[test]
            fn with_placeholder_keys() {
                does_every_step(stringify!($client), Mode::Placeholder);
            }

            #[test]
            fn unsigned() {
                does_every_step(stringify!($client), Mode::Unsigned);
            }

            #[test]
            fn shows_the_reason_and_what_to_do() {
                shows_refusals(stringify!($client));
            }
        }
    )*};
}

clients! { boto3 cli javascript go java rust curl }

/// boto3 and the SDK for Java send `Expect: 100-continue` with uploads to S3, the SDK for Go with those from 2 MB on: these
/// stream, and AWS's own 100 reaches them.
#[test]
fn sdks_that_wait_for_100_get_awss_where_the_listener_sends_none() {
    for client in ["boto3", "java", "go"] {
        does_every_step(client, Mode::Expecting);
    }
}

/// The slowest first.
const CLIENTS: [&str; 7] = ["curl", "cli", "boto3", "java", "javascript", "go", "rust"];

/// With variables of the environment alone, one set for all: no endpoint, no change of the program. The SDK for JavaScript heeds
/// no HTTPS_PROXY.
#[test]
fn over_https_captured_and_by_proxy() {
    within("over_https_captured_and_by_proxy", || {
        for version in versions() {
            over_https(&version);
            release();
        }
    });
}

fn over_https(version: &str) {
    let world = World::start_in_pod(version, &[]);
    let tasks = CLIENTS.iter().flat_map(|client| {
        let both = [Mode::Captured, Mode::Tunnelled].map(|mode| (*client, mode));
        both.into_iter()
            .filter(|task| *task != ("javascript", Mode::Tunnelled))
    });
    let (tasks, next) = (tasks.collect::<Vec<_>>(), AtomicUsize::new(0));
    let faults = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        // Most of them wait now and then.
        for _ in 0..=cores {
            scope.spawn(|| {
                while let Some((client, mode)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let transcript = run(&world, client, *mode);
                    let found = transcript.faults(STEPS, |step, line| line == format!("ok {step}"));
                    if !found.is_empty() {
                        let mode = mode.name();
                        let found = found.join("\n");
                        let fault = format!("--- {client}, {mode}\n{found}\n{transcript}");
                        faults.lock().expect("no lane panics").push(fault);
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().expect("no lane panics");
    faults.extend(world.faults(Mode::Captured));
    if version == newest() {
        for mode in [Mode::Captured, Mode::Placeholder] {
            faults.extend(smoke(&world, mode));
        }
    }
    let report = || world.report(Mode::Captured);
    assert!(faults.is_empty(), "{}\n{}", faults.join("\n"), report());
}

/// What operators run at a real account (`envoy/operate/smoke.sh`): AWS answers all of it, and the sidecar refuses the URL
/// that it is to refuse.
fn smoke(world: &World, mode: Mode) -> Option<String> {
    let script = workspace().join("envoy/operate/smoke.sh");
    let cli = workspace().join("target/tools/clients/cli/python/bin");
    let path = std::env::var("PATH").expect("a PATH");
    let transcript = world.run(&Task {
        program: Path::new("/usr/bin/env"),
        arguments: &[
            "ROLE=reports",
            "BUCKET=reports-2025",
            &format!("PATH={}:{path}", cli.display()),
            "bash",
            script.to_str().expect("a path in UTF-8"),
        ],
        name: &format!("smoke-{}", mode.name()),
        mode,
        egress: Mode::Captured,
        limit: Duration::from_secs(600),
    });
    let rows: Vec<_> = transcript.output.lines().skip(4).collect();
    let passed = rows.iter().filter(|row| row.contains(" | passed | "));
    let way = match mode {
        Mode::Captured => "sigv4-egress, https, captured, eu-west-1",
        _ => "sigv4-egress, endpoint, eu-west-1",
    };
    let good = transcript.status.success()
        && passed.count() == rows.len()
        && rows.len() == 20
        && transcript.output.starts_with(way)
        && !transcript.output.contains("123456789012");
    (!good).then(|| format!("--- smoke.sh, {}\n{transcript}", mode.name()))
}

fn does_every_step(client: &str, mode: Mode) {
    let world = World::get(MODES, &[]);
    let transcript = run(world, client, mode);
    let faults = transcript.faults(STEPS, |step, line| {
        expected(client, mode, step)
            .map_or_else(|| line == format!("ok {step}"), |expected| line == expected)
    });
    conclude(world, mode, &transcript, faults);
}

fn shows_refusals(client: &str) {
    let (world, mode) = (World::get(MODES, &[]), Mode::Refused);
    let transcript = run(world, client, mode);
    let faults = transcript.faults(REFUSED, |step, line| {
        expected(client, mode, step).map_or_else(
            || {
                // curl shows the JSON as it came.
                let line = line.replace("\\\"", "\"");
                line.starts_with(&format!("refused {step}: "))
                    && line.contains("SigV4EgressNotAllowed")
                    && line.contains(&format!("Add \"{step}\" or"))
            },
            |expected| line == expected,
        )
    });
    conclude(world, mode, &transcript, faults);
}

fn run(world: &World, client: &str, mode: Mode) -> Transcript {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("{client}-{}-{number}", mode.name());
    world.run(&Task {
        program: &workspace().join(format!("target/tools/clients/{client}/run")),
        arguments: &[mode.argument(), &prefix],
        name: &prefix,
        mode,
        egress: mode,
        limit: Duration::from_secs(600),
    })
}

fn expected(client: &str, mode: Mode, step: &str) -> Option<&'static str> {
    let exception = EXCEPTIONS.iter().find(|exception| {
        (exception.client, exception.mode, exception.step) == (client, mode, step)
    });
    exception.map(|exception| exception.line)
}

fn conclude(world: &World, mode: Mode, transcript: &Transcript, mut faults: Vec<String>) {
    faults.extend(world.faults(mode));
    assert!(
        faults.is_empty(),
        "{}\n--- the client printed\n{transcript}\n{}",
        faults.join("\n"),
        world.report(mode),
    );
}
