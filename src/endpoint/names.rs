//! The names of all hosts that are signed in a region: what a certificate for them has to have. In the tool alone.
//!
//! A name is a host's, or has `*` as its first label, which stands for exactly one (RFC 6125, section 6.4.3).
//! Candidates come from the tables that the resolver reads, and only what it resolves is a form: none that it would
//! not sign.

use super::client::CUSTOMERS;
use super::documented::{self, Shape};
use super::host::Host;
use super::partition::{Partition, is_region, partition_of, split};
use super::resolution::Resolution;
use super::resolver::resolve;
use super::{scope, table, words};
use std::collections::{BTreeMap, BTreeSet};

/// Hosts of one service that one name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostForm {
    /// A host's name, or `*.` and its parent.
    pub name: String,
    /// What they are signed as.
    pub service: String,
    /// Whose they are.
    pub whose: Whose,
}

/// Whose the hosts of a form are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// AWS's API, by one name.
    Api,
    /// AWS's API behind a label of the caller's: a bucket, an account, an access point.
    Callers,
    /// See [`super::Endpoint::tenant`].
    Customers,
    /// An account's endpoint for devices, most of which show certificates of their own and sign nothing.
    Devices,
}

/// All forms for clients in a region, by name: default, FIPS and dual-stack, in the region itself, at its partition's
/// global names, and in those regions where global services live. `zones` are those of S3's directory buckets, such as
/// `euw1-az1`.
pub fn host_forms(region: &str, zones: &[&str]) -> Vec<HostForm> {
    let mut forms = Forms {
        region,
        partition: partition_of(region),
        found: BTreeMap::new(),
    };
    let single = documented::SINGLE_LABEL.iter().map(|shape| shape.tail);
    let rows = table::NAMES.iter().map(|(labels, ..)| *labels);
    for labels in table::KNOWN.split(' ').chain(single).chain(rows) {
        forms.single_label(labels);
        forms.global(labels);
    }
    for (labels, _, first, count) in table::NAMES {
        let homes = table::HOMES
            .iter()
            .skip(usize::from(*first))
            .take(usize::from(*count));
        let index = forms.partition.index();
        for (_, home, partition, _) in homes {
            let home = table::HOME_REGIONS
                .get(usize::from(*home))
                .copied()
                .unwrap_or_default();
            if usize::from(*partition) == index
                && is_region(home)
                && partition_of(home).index() == index
                && !labels.contains('.')
            {
                forms.at_home(labels, home);
            }
        }
    }
    for (labels, _) in documented::GENERAL {
        forms.at_suffixes(labels);
    }
    forms.several_labels();
    forms.documented();
    forms.of_scopes();
    forms.s3(zones);
    forms.found.into_values().collect()
}

/// Names below a region that are no API's that takes our signatures, though a wildcard of Envoy's for the region, which
/// stands for any number of labels, would take them: what is known, and whatever is below the label of a service.
pub fn passed_through(region: &str) -> Vec<String> {
    let partition = partition_of(region);
    let of_services = table::KNOWN
        .split(' ')
        .chain(table::NAMES.iter().map(|(labels, ..)| *labels));
    let of_services = of_services.filter(|labels| !labels.contains('.'));
    // Those that this partition has not.
    let several = SEVERAL_LABELS
        .lines()
        .filter_map(|line| line.split_once('\t')?.0.split_once('.'));
    let several = several
        .map(|(_, rest)| rest)
        .filter(|rest| !rest.ends_with("us-gov"));
    let of_apis = of_services.chain(several);
    let mut below: BTreeSet<(&str, &str)> =
        of_apis.map(|label| (label, partition.dns_suffix)).collect();
    let mut names = Vec::new();
    for suffix in [partition.dns_suffix, partition.dual_stack_suffix] {
        let shared = CUSTOMERS
            .split_whitespace()
            .chain(NOT_OURS.split_whitespace());
        below.extend(shared.map(|labels| (labels, suffix)));
        for labels in documented::NOT_SIGNED.iter().chain(NOT_OURS_THEMSELVES) {
            names.push(format!("{labels}.{region}.{suffix}"));
        }
    }
    names.extend(
        below
            .iter()
            .map(|(labels, suffix)| format!("*.{labels}.{region}.{suffix}")),
    );
    names
}

/// Whether some names below a parent are no API's of AWS's, so that APIs there are better named one by one.
pub fn is_shared(parent: &str) -> bool {
    parent.split('.').any(|label| {
        let plain = label.strip_suffix("-fips").unwrap_or(label);
        words::has(CUSTOMERS, plain) || words::has(NOT_OURS, plain)
    })
}

/// The region whose own name and a suffix of AWS's a parent is, such as `eu-west-1.amazonaws.com`.
pub fn region_of(parent: &str) -> Option<&str> {
    let labels = split(parent)?.labels;
    is_region(labels).then_some(labels)
}

/// Whether a parent that is a region's own name has the suffix of the region's partition: elsewhere are few of its
/// APIs.
pub fn is_at_home(parent: &str, region: &str) -> bool {
    let partition = partition_of(region);
    let suffix = parent
        .strip_prefix(region)
        .and_then(|rest| rest.strip_prefix('.'));
    suffix
        .is_some_and(|suffix| [partition.dns_suffix, partition.dual_stack_suffix].contains(&suffix))
}

/// Whether a parent is one of AWS's suffixes, or above one: everybody's clusters, load balancers and instances are
/// below.
pub fn is_suffix_or_above(parent: &str) -> bool {
    let above = |suffix: &str| suffix == parent || suffix.ends_with(&format!(".{parent}"));
    let suffixes = table::PARTITIONS.iter();
    let mut suffixes =
        suffixes.flat_map(|partition| [partition.dns_suffix, partition.dual_stack_suffix]);
    parent == "on.aws" || suffixes.any(above)
}

/// Labels before the region that have customers' hosts below them, with certificates or protocols of their own, and
/// are no signing names (those are [`CUSTOMERS`]): the pages that `tests/data/documented-hosts.txt` names, under
/// "Customers' hosts", and "Client VPN endpoints", "Verified Access endpoints", "Amazon EMR Studio", "MediaPackage
/// endpoints", "MediaTailor playback", "DataSync network requirements", "Set up your network" of Connect and "Connect your
/// LoRaWAN gateways" in their guides.
const NOT_OURS: &str = "appsync-api appsync-realtime-api cache clientvpn compute connect-telecom credentials.iot cups.lorawan datasync-dp dax-clusters \
    dkr.ecr ecr-fips dkr.ecr-fips docdb eb ec2-instance-connect-endpoint efs eks-cluster elb emr-serverless-services emrappui-prod emrnotebooks-prod \
    emrstudio-prod grafana-workspace iot-fips kafka-serverless lns.lorawan mediapackage mediapackage-vod mediatailor neptune \
    s3-website verified-access vpce vpn";

/// Names below a region that are none of ours themselves.
const NOT_OURS_THEMSELVES: &[&str] = &[
    "greengrass-ats.iot",
    "greengrass.iot",
    "oidc.eks",
    "portal.sso",
    "portal.sso-fips",
];

/// Labels before the region where they are more than one, with their FIPS marks: written from
/// `tests/data/botocore-hosts.txt` by `UPDATE=1 cargo test --test names`. A line is `<labels>\t<places>`: `*` is a
/// label of the caller's, `.us-gov` stands behind the region, and the places, in hexadecimal, have two bits for each
/// row of `PARTITIONS`, the second for its dual-stack suffix.
const SEVERAL_LABELS: &str = include_str!("several_labels.txt");

/// Signing pages of each partition ([`documented::REGION_FIRST`]) by the prefix of its regions.
const REGION_FIRST: &[(&str, &str)] = &[
    (
        "",
        "experiments.sagemaker.aws oauth.signin.aws signin.aws.amazon.com",
    ),
    ("cn-", "signin.amazonaws.cn"),
    ("eusc-", "signin.amazonaws-eusc.eu"),
    ("us-iso-", "signin.c2shome.ic.gov"),
    ("us-isob-", "signin.sc2shome.sgov.gov"),
    ("eu-isoe-", "signin.csphome.adc-e.uk"),
    ("us-isof-", "signin.csphome.hci.ic.gov"),
    (
        "us-gov-",
        "signin.amazonaws-us-gov.com signin-fips.amazonaws-us-gov.com",
    ),
];

/// Second labels of the ids of endpoints in several regions, as botocore's models and the guides of EventBridge
/// ("Global endpoints") and SES ("Global endpoints") show them.
const MULTI_REGION: &[&str] = &[
    "*.veo.endpoint.events.amazonaws.com",
    "*.mrep.endpoints.email.amazonaws.com",
    "*.cloudfront-kvs.global.api.aws",
];

struct Forms<'r> {
    region: &'r str,
    partition: &'static Partition,
    found: BTreeMap<String, HostForm>,
}

impl Forms<'_> {
    /// Takes a name if what it stands for is signed.
    fn add(&mut self, name: String) {
        // Some shapes say more of the label: "Endpoint discovery" in the Timestream guide.
        let samples = ["x", "query-cell1"].map(|label| match name.strip_prefix("*.") {
            Some(parent) => format!("{label}.{parent}"),
            None => name.clone(),
        });
        let endpoint = samples.iter().find_map(|sample| {
            let host = Host::parse(sample.as_bytes()).ok()?;
            let Resolution::Aws(endpoint) = resolve(&host, self.region) else {
                return None;
            };
            Some((endpoint.service.to_owned(), endpoint.tenant))
        });
        let Some((service, tenant)) = endpoint else {
            return;
        };
        let whose = match name.strip_prefix("*.") {
            _ if tenant => Whose::Customers,
            None => Whose::Api,
            Some(_) if matches!(&*service, "iotdata" | "iot-jobs-data") => Whose::Devices,
            Some(_) => Whose::Callers,
        };
        let form = HostForm {
            name: name.clone(),
            service,
            whose,
        };
        self.found.insert(name, form);
    }

    fn at_suffixes(&mut self, labels: &str) {
        let Partition {
            dns_suffix,
            dual_stack_suffix,
            ..
        } = self.partition;
        self.add(format!("{labels}.{dns_suffix}"));
        self.add(format!("{labels}.{dual_stack_suffix}"));
    }

    fn in_region(&mut self, labels: &str) {
        self.at_suffixes(&format!("{labels}.{}", self.region));
    }

    /// `<label>.<region>.<suffix>`, also with a FIPS mark.
    fn single_label(&mut self, label: &str) {
        if !label.contains('.') {
            for label in with_fips(label) {
                self.in_region(&label);
            }
        }
    }

    fn several_labels(&mut self) {
        for line in SEVERAL_LABELS.lines() {
            let Some((labels, places)) = line.split_once('\t') else {
                continue;
            };
            let places =
                u32::from_str_radix(places, 16).unwrap_or_default() >> (2 * self.partition.index());
            let (labels, behind) = match labels.strip_suffix(".us-gov") {
                Some(labels) => (labels, ".us-gov"),
                None => (labels, ""),
            };
            let suffixes = [self.partition.dns_suffix, self.partition.dual_stack_suffix];
            for (bit, suffix) in suffixes.into_iter().enumerate() {
                if (places >> bit) & 1 == 1 {
                    self.add(format!("{labels}.{}{behind}.{suffix}", self.region));
                }
            }
        }
    }

    /// `<labels>.<suffix>`, `<labels>.global.<suffix>`, and GovCloud's `<labels>.us-gov.<suffix>`.
    fn global(&mut self, labels: &str) {
        for labels in with_fips(labels) {
            if self.partition.region_prefix == "us-gov-" {
                self.at_suffixes(&format!("{labels}.us-gov"));
            } else {
                self.at_suffixes(&labels);
                self.at_suffixes(&format!("{labels}.global"));
            }
        }
    }

    /// `<label>.<region>.<suffix>` of a region where a global service lives (CloudFront's in China).
    fn at_home(&mut self, label: &str, home: &str) {
        for label in with_fips(label) {
            self.at_suffixes(&format!("{label}.{home}"));
        }
    }

    fn documented(&mut self) {
        let (region, suffix) = (self.region, self.partition.dns_suffix);
        let has_one = |shape: &&Shape| shape.more.contains(&1);
        let with_mark = |tail: &'static str| {
            let mark = FIPS_OF_CUSTOMERS
                .contains(&tail)
                .then(|| format!("{tail}-fips"));
            [Some(tail.to_owned()), mark].into_iter().flatten()
        };
        for shape in documented::BEFORE_REGION.iter().filter(has_one) {
            for tail in with_mark(shape.tail) {
                self.add(format!("*.{tail}.{region}.{suffix}"));
            }
        }
        for Shape { tail, more, .. } in documented::AFTER_REGION {
            if more.contains(&0) {
                self.add(format!("{region}.{tail}.{suffix}"));
            }
            for tail in with_mark(tail).filter(|_| more.contains(&1)) {
                self.add(format!("*.{region}.{tail}.{suffix}"));
            }
        }
        for shape in documented::ON_AWS.iter().filter(has_one) {
            for tail in with_mark(shape.tail) {
                self.add(format!("*.{tail}.{region}.on.aws"));
            }
        }
        for (prefix, words) in REGION_FIRST {
            if *prefix == self.partition.region_prefix {
                for rest in words.split(' ') {
                    self.add(format!("{region}.{rest}"));
                }
            }
        }
        if self.partition.region_prefix.is_empty() {
            for name in MULTI_REGION {
                self.add((*name).to_owned());
            }
        }
    }

    /// Where SDKs send requests of each signing name from this region: also to regions where global services live.
    fn of_scopes(&mut self) {
        let mut hosts = Vec::new();
        scope::each_host(self.region, &mut |host| hosts.push(host));
        for host in hosts {
            self.add(host.clone());
            let Some(split) = split(&host) else { continue };
            let Some((labels, last)) = split.labels.rsplit_once('.') else {
                continue;
            };
            // Those with several labels have their places already.
            if !labels.contains('.') {
                self.at_home(labels, last);
            }
        }
    }

    /// The forms that the pages at the head of `s3.rs` list.
    fn s3(&mut self, zones: &[&str]) {
        let region = self.region;
        let zones = zones.iter().flat_map(|zone| {
            let of_zone = ["s3express-", "s3express-fips-"];
            of_zone.map(|kind| format!("{kind}{zone}"))
        });
        let of_fips = S3_KINDS
            .split(' ')
            .flat_map(|kind| [kind.to_owned(), format!("{kind}-fips")]);
        for kind in of_fips.chain(zones) {
            for place in ["", ".dualstack"] {
                // Those have no dual-stack names of this form.
                if !place.is_empty() && (kind.starts_with("s3-o") || kind.starts_with("s3-object"))
                {
                    continue;
                }
                let suffix = self.partition.dns_suffix;
                let is_behind_a_label = kind.starts_with("s3-accesspoint")
                    || kind.starts_with("s3express-") && !kind.contains("-control");
                if !is_behind_a_label {
                    self.add(format!("{kind}{place}.{region}.{suffix}"));
                }
                self.add(format!("*.{kind}{place}.{region}.{suffix}"));
            }
        }
        self.in_region("*.s3-outposts");
        self.in_region("*.s3-outposts-fips");
        let suffix = self.partition.dns_suffix;
        for labels in ["s3-accelerate", "s3-accelerate.dualstack"] {
            self.add(format!("*.{labels}.{suffix}"));
        }
        self.add(format!("*.s3-accelerate.dualstack.{region}.{suffix}"));
        if self.partition.region_prefix.is_empty() {
            self.add(format!("*.mrap.accesspoint.s3-global.{suffix}"));
        }
        for kind in [
            "s3",
            "s3-external-1",
            &format!("s3-{region}"),
            &format!("s3-fips-{region}"),
        ] {
            self.add(format!("{kind}.{suffix}"));
            self.add(format!("*.{kind}.{suffix}"));
        }
    }
}

/// Customers' hosts that have FIPS endpoints: "AWS service endpoints" of API Gateway and Kinesis Video Streams, "FIPS
/// compliance in Amazon OpenSearch Serverless".
const FIPS_OF_CUSTOMERS: &[&str] = &["aoss", "execute-api", "kinesisvideo"];

/// Last labels before the region, each also with a FIPS mark.
const S3_KINDS: &str =
    "s3 s3-accesspoint s3-control s3-object-lambda s3-outposts s3express-control";

/// Labels without a FIPS mark, and with one behind the last.
fn with_fips(labels: &str) -> [String; 2] {
    [labels.to_owned(), format!("{labels}-fips")]
}
