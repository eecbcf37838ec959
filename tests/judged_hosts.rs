//! Hosts from AWS's documentation, against the tool as a user runs it: what is signed as what, and what is not. This program
//! knows nothing of the crate: it reads the list, writes requests, and compares the tool's answers with the list.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

/// A line of the list.
#[derive(Clone, Copy)]
struct Row {
    host: &'static str,
    service: &'static str,
    region: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Api,
    Customer,
    Other,
    Scoped,
}

fn rows() -> Vec<Row> {
    let lines = include_str!("data/judged-hosts.tsv").lines();
    let rows = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let words: Vec<&str> = line.split('\t').collect();
        let [host, service, region, kind] = words.as_slice() else {
            panic!("what is this line: {line}");
        };
        let kind = match *kind {
            "api" => Kind::Api,
            "customer" => Kind::Customer,
            "other" => Kind::Other,
            "scoped" => Kind::Scoped,
            other => panic!("what is this kind: {other}"),
        };
        Row {
            host,
            service,
            region,
            kind,
        }
    })
    .collect()
}

/// What signs a request when it comes.
#[derive(Clone, Copy)]
enum Client {
    Nobody,
    Placeholder(&'static str, &'static str),
}

/// What the tool says of each: `sign <service> <region>`, or its decision and reason.
fn explain(asked: &[(Row, Client, Value)]) -> Vec<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sigv4-egress"))
        .args(["explain"])
        .env_clear()
        // A region that no row has.
        .env("AWS_REGION", "ap-southeast-4")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = String::new();
    for (row, client, config) in asked {
        let headers = match client {
            Client::Nobody => json!({}),
            Client::Placeholder(service, region) => json!({"authorization": format!(
                "AWS4-HMAC-SHA256 Credential=placeholder/20261129/{region}/{service}/aws4_request, SignedHeaders=host, Signature=00"
            )}),
        };
        let line = json!({"host": row.host, "method": "GET", "path": "/", "headers": headers, "config": config});
        input.push_str(&format!("{line}\n"));
    }
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let said: Vec<String> = lines
        .lines()
        .map(|line| {
            let said: Value = serde_json::from_str(line).unwrap();
            let word = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or("?");
            match word("decision") {
                "sign" => format!("sign {} {}", word("service"), word("region")),
                other => format!("{other} {}", word("reason")),
            }
        })
        .collect();
    assert_eq!(said.len(), asked.len(), "{lines}");
    said
}

/// Asks, and lists what is otherwise than it should be.
#[track_caller]
fn judge(requests: Vec<(Row, Client, Value, String)>) {
    let asked: Vec<(Row, Client, Value)> = requests
        .iter()
        .map(|(row, client, config, _)| (*row, *client, config.clone()))
        .collect();
    let mut wrong = Vec::new();
    for ((row, _, config, expected), said) in requests.iter().zip(explain(&asked)) {
        if said != *expected {
            wrong.push(format!(
                "{} with {config}: {said}, not {expected}",
                row.host
            ));
        }
    }
    let count = requests.len();
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn signed(row: Row) -> String {
    format!("sign {} {}", row.service, row.region)
}

/// All services of the list by name, but for those that only customers have.
fn services() -> Value {
    let mut services: Vec<&str> = rows()
        .iter()
        .filter(|row| matches!(row.kind, Kind::Api | Kind::Scoped))
        .map(|row| row.service)
        .collect();
    services.sort_unstable();
    services.dedup();
    json!({"allow": services})
}

fn only(service: &str) -> Value {
    json!({"allow": [service]})
}

fn everything() -> Value {
    json!({"allow": "*"})
}

/// Whether a name is below one of AWS's own (partitions.json of botocore; `.aws` is AWS's).
fn is_below_aws(host: &str) -> bool {
    [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".amazonaws.eu",
        ".aws",
    ]
    .iter()
    .any(|suffix| host.ends_with(suffix))
}

#[test]
fn the_list_is_long_and_has_every_kind() {
    let rows = rows();
    let count = |kind| rows.iter().filter(|row| row.kind == kind).count();
    assert!(rows.len() >= 300, "{}", rows.len());
    assert!(count(Kind::Api) >= 200 && count(Kind::Customer) >= 20);
    assert!(count(Kind::Other) >= 40 && count(Kind::Scoped) >= 5);
    let mut hosts: Vec<&str> = rows.iter().map(|row| row.host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!(hosts.len(), rows.len());
}

#[test]
fn each_host_is_signed_as_what_it_is_and_none_of_a_customers_unless_it_is_named() {
    let services = services();
    let requests = rows().into_iter().map(|row| {
        let (config, expected) = match row.kind {
            Kind::Api => (only(row.service), signed(row)),
            Kind::Customer => (services.clone(), "refuse not_allowed".to_owned()),
            Kind::Other | Kind::Scoped => (everything(), "leave_alone not_aws".to_owned()),
        };
        (row, Client::Nobody, config, expected)
    });
    judge(requests.collect());
}

#[test]
fn a_customers_host_is_signed_where_it_is_named() {
    let customers = rows()
        .into_iter()
        .filter(|row| row.kind == Kind::Customer)
        .map(|row| {
            (
                row,
                Client::Nobody,
                json!({"allow": [row.host]}),
                signed(row),
            )
        });
    judge(customers.collect());
}

#[test]
fn a_placeholders_signature_is_replaced_or_stays() {
    let services = services();
    let mut requests = Vec::new();
    for row in rows() {
        let unsigned = match is_below_aws(row.host) {
            true => "refuse placeholder_unreplaced",
            false => "leave_alone not_aws",
        };
        match row.kind {
            Kind::Api => {
                for config in [only(row.service), everything()] {
                    let client = Client::Placeholder(row.service, row.region);
                    requests.push((row, client, config, signed(row)));
                }
            }
            Kind::Customer => {
                let client = Client::Placeholder(row.service, row.region);
                let expected = "refuse not_allowed".to_owned();
                requests.push((row, client, services.clone(), expected));
            }
            Kind::Scoped => {
                let client = Client::Placeholder(row.service, row.region);
                requests.push((row, client, only(row.service), signed(row)));
                requests.push((row, client, everything(), unsigned.to_owned()));
            }
            Kind::Other => {
                // Whatever the client takes it for.
                for service in [
                    "s3", "ec2", "eks", "rds", "kafka", "ecr", "es", "ses", "iot",
                ] {
                    for config in [only(service), everything()] {
                        let client = Client::Placeholder(service, "eu-west-1");
                        requests.push((row, client, config, unsigned.to_owned()));
                    }
                }
            }
        }
    }
    judge(requests);
}
