//! The names of the certificate for a region: what they cover, and what they leave alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use sigv4_egress::endpoint::{Asked, Host, Resolution, destination, resolve};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

mod botocore_hosts;

/// The prefixes of the partitions' regions, as `src/endpoint/table.rs` has them.
const PARTITIONS: &[&str] = &[
    "", "cn-", "eusc-", "us-iso-", "us-isob-", "eu-isoe-", "us-isof-", "us-gov-",
];

fn partition_of(region: &str) -> usize {
    let fits = |prefix: &&str| !prefix.is_empty() && region.starts_with(*prefix);
    PARTITIONS.iter().position(fits).unwrap_or(0)
}

/// The labels that a test of botocore's rules puts in a caller's place.
const OF_CALLERS: &[&str] = &["123456789012", "tenant-name", "tenantnametenantname"];

#[test]
fn several_labels_are_those_of_botocore() {
    let mut rows: BTreeMap<String, u32> = BTreeMap::new();
    for known in botocore_hosts::all() {
        let (Some((region, suffix)), Some((first, rest))) =
            (known.place.split_once('.'), known.labels.split_once('.'))
        else {
            continue;
        };
        // S3's forms and customers' hosts are the code's own; a stream's id has two labels.
        let is_other =
            known.service.starts_with("s3") || suffix == "on.aws" || rest.starts_with("abc.");
        if is_other || known.labels == "." || region.ends_with("-global") {
            continue;
        }
        let first = if OF_CALLERS.contains(&first) {
            "*"
        } else {
            first
        };
        let (suffix, behind) = match suffix.strip_prefix("us-gov.") {
            Some(suffix) => (suffix, ".us-gov"),
            None => (suffix, ""),
        };
        let bit = 2 * partition_of(region) + usize::from(suffix.starts_with("api."));
        *rows.entry(format!("{first}.{rest}{behind}")).or_default() |= 1 << bit;
    }
    let mut expected = String::new();
    for (labels, places) in rows {
        writeln!(expected, "{labels}\t{places:x}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/endpoint/several_labels.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == expected,
        "run: UPDATE=1 cargo test --test names"
    );
}

/// A region of each partition that is open to customers, and one with global services.
const REGIONS: &[&str] = &[
    "eu-west-1",
    "us-east-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];

/// The zone that botocore's hosts have, whatever their region.
const ZONE: &str = "use1-az4";

/// What `names` prints.
struct Lists {
    /// The certificate's.
    names: BTreeSet<String>,
    /// Envoy's, where TLS ends.
    server_names: BTreeSet<String>,
    /// Envoy's, where it does not.
    passed_through: BTreeSet<String>,
}

fn printed(region: &str, format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sigv4-egress"))
        .args([
            "names", "--region", region, "--zone", ZONE, "--format", format,
        ])
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

impl Lists {
    fn of(region: &str) -> Self {
        let text = printed(region, "server_names");
        let (server_names, passed_through) = text.split_once("passed_through:\n").unwrap();
        let items = |text: &str| {
            let items = text.lines().filter_map(|line| line.strip_prefix("- \""));
            items
                .map(|item| item.trim_end_matches('"').to_owned())
                .collect()
        };
        let lists = Self {
            names: printed(region, "list").lines().map(str::to_owned).collect(),
            server_names: items(server_names.strip_prefix("server_names:\n").unwrap()),
            passed_through: items(passed_through),
        };
        let all = lists.names.iter().chain(&lists.server_names);
        for name in all.chain(&lists.passed_through) {
            assert!(!name.contains(".."), "{name}");
        }
        lists
    }

    /// As clients read a certificate (RFC 6125, section 6.4.3): `*` is one label.
    fn certificate_has(&self, host: &str) -> bool {
        let parent = host.split_once('.').unwrap().1;
        self.names.contains(host) || self.names.contains(&format!("*.{parent}"))
    }

    /// As Envoy chooses a filter chain by `server_names`: the name itself, or else the longest of the wildcards, which
    /// stand for any number of labels.
    fn ends_here(&self, host: &str) -> bool {
        let above = host
            .match_indices('.')
            .map(|(at, _)| format!("*{}", &host[at..]));
        for name in std::iter::once(host.to_owned()).chain(above) {
            if self.server_names.contains(&name) {
                return true;
            }
            if self.passed_through.contains(&name) {
                return false;
            }
        }
        false
    }
}

/// Hosts of botocore's that no name covers, by their ends, and why.
const NOT_COVERED: &[(&str, &str)] = &[
    (".abc.control-kinesis", "a stream's id is two labels"),
    (".abc.data-kinesis", "a stream's id is two labels"),
    (
        ".s3-outposts",
        "an access point and its Outpost are two labels",
    ),
    (
        "s3-accesspoint",
        "a rule of botocore's for names with two labels, which access points have not",
    ),
];

fn is_excepted(labels: &str) -> bool {
    let dotted =
        labels.contains("tenant-name.tenant-name") || labels.contains("123456789012.123456789012");
    let plain = labels.replace("-fips", "");
    let deep = |(end, _): &&(&str, &str)| plain.ends_with(end) && labels.matches('.').count() > 1;
    // Dotted names of buckets: AWS's own certificate has no name for them either.
    dotted || NOT_COVERED.iter().any(|row| deep(&row))
}

#[test]
fn every_host_of_botocore_is_covered() {
    for region in REGIONS {
        let lists = Lists::of(region);
        let (mut covered, mut excepted, mut missing) = (0, 0, Vec::new());
        for known in botocore_hosts::all() {
            let host = known.host();
            let is_in_region =
                known.own_region() == *region || host.split('.').any(|label| label == *region);
            if !is_in_region {
                continue;
            }
            if lists.certificate_has(&host) {
                assert!(lists.ends_here(&host), "{host}");
                covered += 1;
            } else if is_excepted(known.labels) {
                excepted += 1;
            } else {
                missing.push(host);
            }
        }
        println!(
            "{region}: {} names cover {covered} hosts, {excepted} excepted",
            lists.names.len()
        );
        assert!(
            missing.is_empty(),
            "{region}: {} of {covered}: {missing:#?}",
            missing.len()
        );
        let row = format!("| {region} | {} | {covered} |\n", lists.names.len());
        assert!(
            include_str!("../docs/certificates.md").contains(&row),
            "docs/certificates.md has not {row}"
        );
    }
}

#[test]
fn where_each_service_has_its_default_host_does_not_matter() {
    let services: BTreeSet<&str> = botocore_hosts::all()
        .iter()
        .map(|known| known.service)
        .collect();
    assert!(services.len() > 300, "{}", services.len());
    for region in REGIONS {
        let lists = Lists::of(region);
        let mut elsewhere = 0;
        for service in &services {
            // Customers' hosts, and services with several, whose hosts the other test has.
            let Ok(found) = destination(service, region, Asked::default()) else {
                continue;
            };
            let host = found.host.name();
            assert!(lists.certificate_has(host), "{region}: {service} at {host}");
            assert!(lists.ends_here(host), "{region}: {service} at {host}");
            elsewhere += usize::from(!host.contains(region));
        }
        assert!(elsewhere > 5, "{region}: {elsewhere}");
    }
}

/// Hosts of all lists that are written from AWS's documentation, as they are in a region, and whether they are signed,
/// if only because a client's scope says so.
fn documented_hosts(region: &str) -> BTreeMap<String, bool> {
    let lists = [
        include_str!("data/documented-hosts.txt"),
        include_str!("data/independent-hosts.tsv"),
        include_str!("data/judged-hosts.tsv"),
    ];
    let mut hosts = BTreeMap::new();
    for line in lists.iter().flat_map(|list| list.lines()) {
        let mut words = line.split_whitespace();
        let (Some(host), Some(_)) = (words.next(), words.next()) else {
            continue;
        };
        if host.starts_with('#') {
            continue;
        }
        let name = host.split(':').next().unwrap();
        let of_region = |label: &str| match sigv4_egress::endpoint::is_region(label) {
            true => region.to_owned(),
            false => label.to_owned(),
        };
        let labels: Vec<String> = name.split('.').map(of_region).collect();
        let (from, to) = match region.split_once('-').unwrap().0 {
            "cn" => ("amazonaws.com", "amazonaws.com.cn"),
            "eusc" => ("amazonaws.com", "amazonaws.eu"),
            _ => ("amazonaws.com", "amazonaws.com"),
        };
        let name = labels.join(".");
        let name = match name.strip_suffix(from) {
            Some(before) => format!("{before}{to}"),
            None => name,
        };
        let Ok(parsed) = Host::parse(name.as_bytes()) else {
            continue;
        };
        let is_signed =
            line.ends_with("\tscoped") || matches!(resolve(&parsed, region), Resolution::Aws(_));
        hosts.insert(parsed.name().to_owned(), is_signed);
    }
    hosts
}

/// Look-alikes that those lists have, below names that nobody but AWS gives.
const INVENTED: &[&str] = &["bucket.evils3.", "a.b.ethereum.", "a.b.lambda-url."];

fn is_invented(host: &str) -> bool {
    INVENTED.iter().any(|labels| host.starts_with(labels))
}

#[test]
fn what_is_not_signed_passes_through() {
    for region in REGIONS {
        let lists = Lists::of(region);
        let others: Vec<String> = documented_hosts(region)
            .into_iter()
            .filter_map(|(host, is_signed)| (!is_signed && !is_invented(&host)).then_some(host))
            .collect();
        assert!(others.len() > 60, "{}", others.len());
        let caught: Vec<&String> = others.iter().filter(|host| lists.ends_here(host)).collect();
        assert!(caught.is_empty(), "{region}: {caught:#?}");
    }
}

/// Signed hosts that have more labels of their own than a certificate can cover, in Envoy's wildcards all the same.
const TOO_DEEP: &[&str] = &[".s3.", ".s3-", ".data-kinesis.", ".wss.ethereum."];

#[test]
fn where_envoy_ends_tls_the_certificate_has_the_name() {
    for region in REGIONS {
        let lists = Lists::of(region);
        let hosts = documented_hosts(region);
        let ended: Vec<&String> = hosts.keys().filter(|host| lists.ends_here(host)).collect();
        assert!(ended.len() > 100, "{region}: {}", ended.len());
        let unnamed: Vec<&&String> = ended
            .iter()
            .filter(|host| !lists.certificate_has(host))
            // Zones other than the one that is asked for.
            .filter(|host| !host.contains(".s3express-") && !is_invented(host))
            .filter(|host| !TOO_DEEP.iter().any(|labels| host.contains(labels)))
            .collect();
        assert!(unnamed.is_empty(), "{region}: {unnamed:#?}");
    }
}

#[test]
fn no_wildcard_is_above_other_peoples_names() {
    for region in REGIONS {
        let lists = Lists::of(region);
        for name in lists.names.union(&lists.server_names) {
            let labels = name.strip_prefix("*.").unwrap_or("a.b.c.d");
            assert!(
                !sigv4_egress::endpoint::names::is_suffix_or_above(labels),
                "{name}"
            );
            assert!(labels.matches('.').count() > 1, "{name}");
            assert!(!name[1..].contains('*'), "{name}");
        }
    }
}

/// The names in `envoy/envoy.yaml` are those of its own `allow`.
#[test]
fn the_shipped_names_are_those_of_the_shipped_configurations() {
    for (file, indent) in [("envoy/envoy.yaml", 8), ("envoy/istio/captured.yaml", 10)] {
        the_names_are_those_of_the_configuration(file, &" ".repeat(indent));
    }
}

fn the_names_are_those_of_the_configuration(name: &str, indent: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = fs::read_to_string(root.join(name)).unwrap();
    let start = file.find(r#"{ "allow": "#).unwrap();
    let configuration = file[start..].lines().next().unwrap();
    let path = std::env::temp_dir().join(format!("names-{}.json", std::process::id()));
    fs::write(&path, configuration).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sigv4-egress"))
        .args([
            "names",
            "--region",
            "eu-west-1",
            "--format",
            "server_names",
            "--config",
        ])
        .arg(&path)
        .env_clear()
        .output()
        .unwrap();
    fs::remove_file(path).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (names, passed_through) = printed.split_once("passed_through:").unwrap();
    assert_eq!(passed_through.trim(), "[]");
    let indented: String = names
        .lines()
        .fold(String::new(), |text, line| text + indent + line + "\n");
    let around = file.split_once(&indented).map(|(_, after)| after);
    let after = around.unwrap_or_else(|| panic!("{name} lacks this list:\n{indented}"));
    assert!(!after.trim_start().starts_with("- "), "and has more names");
}
