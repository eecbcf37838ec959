//! The tool as a user runs it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes only #[test] functions for tests, not what they call"
)]

use serde_json::{Value, json};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

fn run(arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sigv4-egress"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside the reading: a pipe holds less than all of it.
    let writer = thread::spawn(move || match stdin.write_all(&input) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

#[track_caller]
fn check(arguments: &[&str], input: &str, status: i32, stdout: &str, stderr: &str) {
    let output = run(arguments, &[], input.as_bytes());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), stdout);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), stderr);
    assert_eq!(output.status.code(), Some(status));
}

#[test]
fn hosts_are_resolved_line_by_line() {
    check(
        &["resolve"],
        "s3.eu-west-1.amazonaws.com\nexample.org\nno host\niam.amazonaws.com",
        0,
        "s3.eu-west-1.amazonaws.com\ts3\teu-west-1\tsigv4\nexample.org\t-\t-\t-\nno host\t-\t-\t-\n\
         iam.amazonaws.com\tiam\tus-east-1\tsigv4\n",
        "",
    );
    check(
        &["resolve", "--region", "eu-west-1"],
        "b.s3-accelerate.amazonaws.com\n",
        0,
        "b.s3-accelerate.amazonaws.com\ts3\teu-west-1\tsigv4\n",
        "",
    );
}

#[test]
fn hosts_are_resolved_as_the_documentation_has_them() {
    let rows: String = include_str!("data/independent-hosts.tsv")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let hosts: String = rows
        .lines()
        .map(|row| format!("{}\n", row.split('\t').next().unwrap()))
        .collect();
    assert!(hosts.lines().count() > 200, "{hosts}");
    let arguments = ["resolve", "--region", "eu-west-1"];
    check(&arguments, &hosts, 0, &rows, "");
}

#[test]
fn as_many_hosts_as_aws_has_are_resolved_in_one_run() {
    let hosts: String = (0..71_000)
        .map(|number| format!("service-{number}.eu-west-1.amazonaws.com\n"))
        .collect();
    let output = run(&["resolve"], &[], hosts.as_bytes());
    let lines: Vec<&str> = std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .collect();
    assert_eq!(lines.len(), 71_000);
    let last = "service-70999.eu-west-1.amazonaws.com\tservice-70999\teu-west-1\tsigv4";
    assert_eq!(lines.last(), Some(&last));
}

#[test]
fn a_malformed_request_ends_with_2_after_the_others() {
    check(
        &["explain"],
        "{\"host\": 1}\n{\"host\": \"example.org\"}\n",
        2,
        "{\"line\":1,\"error\":\"line 1: host: is no string\",\"key\":\"host\"}\n\
         {\"line\":2,\"decision\":\"leave_alone\",\"reason\":\"not_aws\"}\n",
        "error: a line of the input could not be read\n",
    );
}

#[test]
fn a_token_is_shown_only_where_it_is_asked_for() {
    let request = json!({
        "host": "sqs.eu-west-1.amazonaws.com",
        "credentials": {"access_key_id": "ASIAIOSFODNN7EXAMPLE", "secret_access_key": "k", "session_token": "hush"},
    })
    .to_string();
    let text = |arguments: &[&str]| {
        String::from_utf8(run(arguments, &[], request.as_bytes()).stdout).unwrap()
    };
    assert!(!text(&["explain"]).contains("hush"));
    assert!(text(&["explain", "--show-token"]).contains("hush"));
}

#[test]
fn the_clock_is_the_default_time() {
    let output = run(
        &["explain"],
        &[],
        b"{\"host\": \"sqs.eu-west-1.amazonaws.com\"}",
    );
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    let date = explained["headers"]["x-amz-date"].as_str().unwrap();
    assert!(date > "20260101T000000Z", "{date}");
}

#[test]
fn a_good_configuration_is_ok_with_its_values() {
    let environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let output = run(
        &["check-config", "-"],
        &environment,
        b"{\"allow\": [\"s3\"]}",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["ok"]);
    assert!(
        rows.contains(&vec!["allow", "[\"s3\"]", "configuration"]),
        "{text}"
    );
    assert!(
        rows.contains(&vec!["region", "eu-west-1", "environment", "AWS_REGION"]),
        "{text}"
    );
}

#[test]
fn a_configuration_that_is_refused_names_its_key() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad.json");
    fs::write(&path, "{\"allow\": \"*\", \"max_parked\": -1}").unwrap();
    let environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let output = run(&["check-config", path.to_str().unwrap()], &environment, b"");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: configuration refused: max_parked: is -1; allowed: a whole number from 0 to 100000\n"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    check(
        &["check-config", "-"],
        "{\"allow\": \"*\", \"region\": \"eu-west-1\"}",
        1,
        "",
        "error: configuration refused: role_arn: is neither configured nor in the environment (AWS_ROLE_ARN), and no container endpoint is there either; \
         allowed: arn:<partition>:iam::<12 digits>:role/<path and name>; or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI\n",
    );
}

#[test]
fn names_are_printed_and_what_has_none_is_told() {
    let output = run(
        &["names", "--config", "-"],
        &[("AWS_REGION", "eu-west-1")],
        b"{\"allow\": [\"sqs\", {\"buckets\": [\"with.dots\"]}]}",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let has = |name: &str| text.lines().any(|line| line == name);
    assert!(
        has("sqs.eu-west-1.amazonaws.com") && has("*.s3.eu-west-1.amazonaws.com"),
        "{text}"
    );
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("not covered: allow, bucket with.dots: its name has dots"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(0));
    check(
        &["names"],
        "",
        2,
        "",
        "error: no region; give --region, or set AWS_REGION\n",
    );
    check(
        &["names", "--region", "eu-west-1", "--config", "-"],
        "{\"allow\": \"*\", \"max_parked\": -1}",
        1,
        "",
        "error: configuration refused: max_parked: is -1; allowed: a whole number from 0 to 100000\n",
    );
}

#[test]
fn an_authority_is_written_once() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authority");
    let _ = fs::remove_dir_all(&directory);
    let path = directory.to_str().unwrap();
    let arguments = ["names", "--region", "eu-west-1", "--authority", path];
    assert_eq!(run(&arguments, &[], b"").status.code(), Some(0));
    let root = fs::read(directory.join("root.pem")).unwrap();
    assert!(root.starts_with(b"-----BEGIN CERTIFICATE-----\n"));
    #[cfg(unix)]
    for name in ["intermediate.key", "secret.yaml"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(directory.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let output = run(&arguments, &[], b"");
    let told = String::from_utf8(output.stderr).unwrap();
    let error = format!(
        "error: --authority: {path}/intermediate.pem: is there already; move it away, it is not overwritten\n"
    );
    assert!(told.ends_with(&error), "{told}");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(fs::read(directory.join("root.pem")).unwrap(), root);
}

const OBSERVED: &str = r#"{"host": "sqs.eu-west-1.amazonaws.com", "decision": "observed would=refuse reason=not_allowed service=sqs region=eu-west-1 rule=allow config=1a2b3c4d"}
{"host": "s3.eu-west-1.amazonaws.com", "decision": "observed would=refuse reason=not_allowed service=s3 region=eu-west-1 bucket=reports rule=allow config=1a2b3c4d"}
{"host": "s3.eu-west-1.amazonaws.com", "decision": "observed would=leave_alone reason=unmarked service=s3 region=eu-west-1 bucket=public rule=allow config=1a2b3c4d"}
"#;

/// From standard input and from files, with what cannot be decided beside it.
#[test]
fn a_configuration_is_suggested_and_it_is_good() {
    let directory = env!("CARGO_TARGET_TMPDIR");
    let (log, base) = (
        format!("{directory}/observed.log"),
        format!("{directory}/observe.json"),
    );
    fs::write(&log, OBSERVED).unwrap();
    fs::write(&base, r#"{"mode": "observe", "region": "eu-west-1"}"#).unwrap();
    let told = "requests: 0 to sign, 1 to leave alone, 2 to refuse as it is\n\
                anonymous: they go on without a signature; with placeholder keys in the program they are signed:\n  \
                1 s3.eu-west-1.amazonaws.com\n";
    let allow = json!(["sqs", {"buckets": ["reports"]}]);
    let output = run(&["suggest"], &[], OBSERVED.as_bytes());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), told);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found, json!({"allow": allow}));
    let output = run(&["suggest", "--config", &base, &log], &[], b"");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), told);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found, json!({"allow": allow, "region": "eu-west-1"}));
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app");
    let checked = run(&["check-config", "-"], &[role], &output.stdout);
    assert_eq!(checked.status.code(), Some(0));
    let nothing = run(&["suggest"], &[], b"x\n");
    assert_eq!(nothing.status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_read_ends_with_2() {
    let output = run(&["check-config", "no/such/file"], &[], b"");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: no/such/file: "), "{text}");
}

#[test]
fn wrong_arguments_end_with_2() {
    let error = "error: no such command: \"sign\"; see sigv4-egress --help\n";
    check(&["sign"], "", 2, "", error);
    let error = "error: explain: cannot read \"--tokens\"; see sigv4-egress --help\n";
    check(&["explain", "--tokens"], "", 2, "", error);
}

#[test]
fn version_and_help_are_printed() {
    let version = format!("sigv4-egress {}\n", env!("CARGO_PKG_VERSION"));
    check(&["--version"], "", 0, &version, "");
    let help = String::from_utf8(run(&["--help"], &[], b"").stdout).unwrap();
    for command in ["resolve", "explain", "check-config", "names", "suggest"] {
        assert!(
            help.contains(&format!("\nsigv4-egress {command}")),
            "{help}"
        );
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sigv4-egress"))
        .arg("resolve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let hosts = "s3.eu-west-1.amazonaws.com\n".repeat(10_000);
    let _ = stdin.write_all(hosts.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// The text between a fence of a language and its end, after a heading.
fn fenced<'a>(section: &'a str, language: &str) -> &'a str {
    let (_, rest) = section.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_example_of_troubleshooting_prints_what_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/troubleshooting.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once("## `SignatureDoesNotMatch`\n").unwrap();
    let command = fenced(section, "sh");
    let (_, url) = command.split_once("--arg url ").unwrap();
    let request = json!({
        "url": url.split_whitespace().next().unwrap(),
        "aws_403": fenced(section, "xml"),
    });
    assert!(
        command.contains("'{$url, $aws_403}' | cargo xtask explain | jq .difference"),
        "{command}"
    );
    let output = run(&["explain"], &[], request.to_string().as_bytes());
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected: Value = serde_json::from_str(fenced(section, "json")).unwrap();
    assert_eq!(explained["difference"], expected, "{explained}");
}
