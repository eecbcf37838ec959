//! Every host that botocore resolves, and the hosts that only AWS's documentation lists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use sigv4_egress::endpoint::{Asked, Endpoint, Host, Resolution, ScopeError, destination, resolve};
use sigv4_egress::sigv4::{Algorithm, PathStyle};

mod botocore_hosts;

/// The region that stands for a client's own.
const HOME: &str = "eu-central-1";

fn answer(name: &str) -> String {
    let host = Host::parse(name.as_bytes()).unwrap();
    match resolve(&host, HOME) {
        Resolution::NotAws => "- - -".to_owned(),
        Resolution::Aws(endpoint) => describe(endpoint),
    }
}

fn describe(endpoint: Endpoint<'_>) -> String {
    let algorithm = match endpoint.algorithm {
        Algorithm::SigV4 => "SigV4",
        Algorithm::SigV4A => "SigV4A",
    };
    format!("{} {} {algorithm}", endpoint.service, endpoint.region)
}

/// The hosts of botocore, with their answers.
fn answered_hosts() -> Vec<(String, String)> {
    let hosts = botocore_hosts::all().into_iter().map(|known| {
        let region = match known.region {
            "=" => known.own_region(),
            "~" => HOME,
            fixed => fixed,
        };
        let answer = format!("{} {region} {}", known.service, known.algorithm);
        (known.host(), answer)
    });
    hosts.collect()
}

#[test]
fn every_host_of_botocore_resolves_to_its_own_answer() {
    let hosts = answered_hosts();
    assert!(hosts.len() > 90_000, "{} hosts", hosts.len());
    let wrong: Vec<String> = hosts
        .iter()
        .filter_map(|(host, expected)| {
            let found = answer(host);
            (found != *expected).then(|| format!("{host}: {found}, not {expected}"))
        })
        .collect();
    let some: Vec<&String> = wrong.iter().step_by(wrong.len() / 50 + 1).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong, such as {some:#?}",
        wrong.len(),
        hosts.len()
    );
}

#[test]
fn hosts_that_only_the_documentation_lists_resolve() {
    for line in include_str!("data/documented-hosts.txt").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [host, service, region, algorithm, marks @ ..] = words.as_slice() else {
            assert!(line.is_empty() || line.starts_with('#'), "{line}");
            continue;
        };
        if *host == "#" {
            continue;
        }
        assert_eq!(
            answer(host),
            format!("{service} {region} {algorithm}"),
            "{host}"
        );
        let host = Host::parse(host.as_bytes()).unwrap();
        if let Resolution::Aws(endpoint) = resolve(&host, HOME) {
            let style = endpoint.path_style == PathStyle::S3;
            assert_eq!(style, marks.contains(&"s3-paths"), "{line}");
            assert_eq!(endpoint.tenant, marks.contains(&"tenant"), "{line}");
        }
    }
}

#[test]
fn case_port_and_a_trailing_dot_do_not_matter() {
    let plain = answer("vpce-1a2b3c4d-5e6f.sqs.eu-west-1.vpce.amazonaws.com");
    assert_eq!(plain, "sqs eu-west-1 SigV4");
    for name in [
        "VPCE-1a2b3c4d-5e6f.SQS.eu-west-1.vpce.amazonaws.com",
        "vpce-1a2b3c4d-5e6f.sqs.eu-west-1.vpce.amazonaws.com:443",
        "vpce-1a2b3c4d-5e6f.sqs.eu-west-1.vpce.amazonaws.com.",
        "vpce-1a2b3c4d-5e6f.sqs.EU-WEST-1.vpce.amazonaws.com.:8443",
    ] {
        assert_eq!(answer(name), plain, "{name}");
    }
}

/// Each operation of a signing name with several hosts, and its host in eu-west-1.
fn operations() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut found = Vec::new();
    let mut service_and_host = ("", "");
    for line in include_str!("data/botocore-operations.txt").lines() {
        match line.strip_prefix('\t') {
            Some(operation) => found.push((service_and_host.0, service_and_host.1, operation)),
            None if line.starts_with('#') => {}
            None => service_and_host = line.split_once(' ').unwrap(),
        }
    }
    found
}

fn asked(operation: &str) -> Asked<'_> {
    match operation.split_once(' ') {
        Some((method, path)) => Asked {
            method,
            path,
            ..Asked::default()
        },
        None => Asked {
            target: Some(operation),
            method: "POST",
            path: "/",
            ..Asked::default()
        },
    }
}

/// Hosts of botocore's that AWS has not: its users give their own one.
const OF_CUSTOMERS: &[&str] = &[
    "cloudsearchdomain.eu-west-1.amazonaws.com",
    "data.mediastore.eu-west-1.amazonaws.com",
    "execute-api.eu-west-1.amazonaws.com",
];

#[test]
fn a_request_with_nothing_but_a_credential_scope_goes_to_its_own_host_or_nowhere() {
    let operations = operations();
    assert!(operations.len() > 2_000, "{}", operations.len());
    let mut ambiguous = 0;
    for (service, host, operation) in &operations {
        let expected = host
            .replace('*', "eu-west-1")
            .replace('@', "us-east-1")
            .replace('$', "amazonaws.com")
            .replace('%', "api.aws");
        // A label of the caller's that no operation has as a literal.
        let operation = operation.replace("**", "x/y").replace('*', "x-1");
        match destination(service, "eu-west-1", asked(&operation)) {
            Ok(found) => assert_eq!(found.host.name(), expected, "{service} {operation}"),
            Err(ScopeError::Ambiguous) => ambiguous += 1,
            Err(ScopeError::Customers) => {
                assert!(OF_CUSTOMERS.contains(&expected.as_str()), "{expected}")
            }
            Err(error) => panic!("{service} {operation}: {error}"),
        }
    }
    println!("{ambiguous} of {} are ambiguous", operations.len());
    assert!(ambiguous < 120, "{ambiguous} of {}", operations.len());
}

#[test]
fn a_request_for_a_directory_bucket_goes_where_botocore_sends_it() {
    let mut checked = 0;
    for line in include_str!("data/botocore-directory-buckets.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [place, method, target] = words.as_slice() else {
            assert!(line.starts_with('#'), "{line}");
            continue;
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let asked = Asked {
            method,
            path,
            query,
            ..Asked::default()
        };
        let expected = match *place {
            "regional" => "s3express-control.us-west-2.amazonaws.com",
            "zonal" => "demo--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com",
            other => panic!("what is this place: {other}"),
        };
        match destination("s3express", "us-west-2", asked) {
            Ok(found) => assert_eq!(found.host.name(), expected, "{line}"),
            Err(ScopeError::ExpressSession) => assert!(query.starts_with("session"), "{line}"),
            Err(error) => panic!("{line}: {error}"),
        }
        checked += 1;
    }
    assert!(checked > 90, "{checked}");
}
