//! Which signing names and regions are known, for whoever writes them: tomorrow's may be meant, so that others are in
//! force too.

use super::resolution::Resolution;
use super::resolver::resolve;
use super::scope::host_of_scope;
use super::{documented, scope, table, words};
use crate::sigv4::PathStyle;

/// Whether some service of AWS's that is known here signs with this name.
pub fn is_known_service(name: &str) -> bool {
    let mut found = false;
    each_service(&mut |known| found |= known == name);
    found
}

/// The signing name that was probably meant: that of the host with this label, or the one with the most alike spelling.
pub fn nearest_service(name: &str) -> Option<&'static str> {
    if let Some(service) = service_of_alias(name) {
        return Some(service);
    }
    let of_label = table::NAMES.iter().find(|(labels, ..)| *labels == name);
    if let Some((_, service, ..)) = of_label {
        return table::SERVICES.get(usize::from(*service)).copied();
    }
    let mut nearest = Nearest::to(name);
    each_service(&mut |known| nearest.look_at(known));
    nearest.found
}

/// The signing name of a service that SDKs, the CLI or the console know by another one.
pub fn service_of_alias(name: &str) -> Option<&'static str> {
    let of = |alias: &str| {
        let (_, rest) = ALIASES.split_once(&*[" ", alias, "="].concat())?;
        rest.split(' ').next()
    };
    of(name).or_else(|| {
        let (start, _) = name.split_once('-')?;
        of(&[start, "-*"].concat()).filter(|_| !is_known_service(name))
    })
}

/// Those that are neither the label of a host nor nearly the signing name (botocore's folders of models), and some of the
/// console's. `-*` stands for any end. CloudWatch's API signs as `monitoring`, and another one as `cloudwatch`.
const ALIASES: &str = " cloudwatch=monitoring amp=aps chime-*=chime customer-profiles=profile docdb=rds \
    dynamodbstreams=dynamodb elb=elasticloadbalancing elbv2=elasticloadbalancing emr=elasticmapreduce \
    eventbridge=events iotsecuretunneling=IoTSecuredTunneling keyspaces=cassandra keyspacesstreams=cassandra \
    kinesis-*=kinesisvideo lex-*=lex lexv2-*=lex location=geo marketplace-*=aws-marketplace msk=kafka mwaa=airflow \
    neptune=rds neptunedata=neptune-db opensearch=es opensearchserverless=aoss qconnect=wisdom \
    resourcegroupstaggingapi=tagging s3-control=s3 s3api=s3 s3control=s3 sagemaker-*=sagemaker sfn=states \
    sso-oidc=sso-oauth stepfunctions=states timestream-*=timestream ";

/// Whether a region is known here.
pub fn is_known_region(name: &str) -> bool {
    words::has(table::REGIONS, name)
}

/// The region with the most alike spelling.
pub fn nearest_region(name: &str) -> Option<&'static str> {
    let mut nearest = Nearest::to(name);
    words::each(table::REGIONS, &mut |known| nearest.look_at(known));
    nearest.found
}

/// Whether a service takes a payload that is not signed, in all of its operations or in some: S3 and VPC Lattice ("SigV4
/// authenticated requests for Amazon VPC Lattice" in its user guide), and those of whose operations botocore's models
/// say so (`v4-unsigned-body`): PutSnapshotBlock, PostContent, RecognizeUtterance, PutObject of MediaStore and
/// UploadReadSetPart.
pub fn takes_unsigned_payload(service: &str) -> bool {
    streams_by_default(service) || ["ebs", "lex", "mediastore", "omics"].contains(&service)
}

/// Whether payloads to a service are not signed where no rule says how.
pub fn streams_by_default(service: &str) -> bool {
    super::s3::path_style(service) == PathStyle::S3 || service == "vpc-lattice-svcs"
}

/// What answers the hosts of a signing name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// An API of AWS's, whatever else.
    Api,
    /// What customers create, but for Amazon Connect's participants: `execute-api`.
    MostlyCustomers,
    /// What customers create alone.
    Customers,
}

/// What answers the hosts of a signing name, as far as it is known.
pub fn answering(service: &str) -> Answering {
    match service {
        "execute-api" => Answering::MostlyCustomers,
        // botocore has a plain host for Neptune's data, which is none: each cluster has its own.
        "neptune-db" | "osm" | "vpc-lattice-svcs" => Answering::Customers,
        _ => Answering::Api,
    }
}

/// The region that a service signs for where it is called in another one; `None` where it signs for that.
pub fn home_of(service: &str, region: &str) -> Option<String> {
    let host = host_of_scope(service, region).ok()?;
    match resolve(&host, region) {
        Resolution::Aws(endpoint) if endpoint.service == service && endpoint.region != region => {
            Some(endpoint.region.to_owned())
        }
        _ => None,
    }
}

/// Some names come twice. Not an iterator: what is rarely asked is better small.
#[inline(never)]
fn each_service(look: &mut dyn FnMut(&'static str)) {
    for names in [table::KNOWN, "s3 s3express s3-outposts s3-object-lambda"] {
        words::each(names, look);
    }
    scope::services().for_each(&mut *look);
    for service in table::SERVICES {
        look(service);
    }
    for (_, service) in table::TENANT_LABEL.iter().chain(documented::REGION_FIRST) {
        look(service);
    }
    for shapes in [
        documented::SINGLE_LABEL,
        documented::BEFORE_REGION,
        documented::AFTER_REGION,
        documented::ON_AWS,
        documented::MULTI_REGION,
    ] {
        for shape in shapes {
            look(shape.service);
        }
    }
}

/// The first name that is the least number of letters away, two at most.
struct Nearest<'n> {
    name: &'n str,
    distance: usize,
    found: Option<&'static str>,
}

impl<'n> Nearest<'n> {
    fn to(name: &'n str) -> Self {
        Self {
            name,
            distance: usize::MAX,
            found: None,
        }
    }

    #[inline(never)]
    fn look_at(&mut self, known: &'static str) {
        if let Some(distance) = distance(self.name, known)
            && distance < self.distance
        {
            self.distance = distance;
            self.found = Some(known);
        }
    }
}

/// How many letters must be put in, taken out or changed (Levenshtein's distance); `None` for more than two, or for as
/// many as the shorter name has.
fn distance(one: &str, other: &str) -> Option<usize> {
    let most = one.len().min(other.len()).saturating_sub(1).min(2);
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (from, byte) in (1..).zip(one.bytes()) {
        // Of the row before: what stood left, and above.
        let mut diagonal = std::mem::replace(row.first_mut()?, from);
        let mut left = from;
        for (cell, wanted) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = diagonal + usize::from(byte != wanted);
            diagonal = *cell;
            *cell = changed.min(left + 1).min(diagonal + 1);
            left = *cell;
        }
    }
    row.pop().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        for (name, meant) in [
            ("email", Some("ses")),
            ("api.ecr", Some("ecr")),
            ("sqss", Some("sqs")),
            ("dynamdb", Some("dynamodb")),
            ("s4", Some("s3")),
            ("secretmanager", Some("secretsmanager")),
            ("executeapi", Some("execute-api")),
            ("wholly-else", None),
            ("q", None),
        ] {
            assert!(!is_known_service(name), "{name}");
            assert_eq!(nearest_service(name), meant, "{name}");
        }
        assert_eq!(nearest_region("us-eest-1"), Some("us-east-1"));
        assert_eq!(nearest_region("eu-wset-1"), Some("eu-west-1"));
        assert_eq!(nearest_region("us-gov-nowhere-1"), None);
    }

    #[test]
    fn an_alias_leads_to_a_name_that_is_known() {
        for alias in ALIASES.trim().split(' ') {
            let (alias, service) = alias.split_once('=').unwrap();
            let name = alias.replace('*', "x");
            assert!(is_known_service(service), "{service}");
            assert_eq!(is_known_service(&name), name == "cloudwatch", "{name}");
            assert_eq!(nearest_service(&name), Some(service), "{name}");
        }
        for name in ["timestream-influxdb", "sagemaker-geospatial", "monitoring"] {
            assert!(is_known_service(name), "{name}");
            assert_eq!(service_of_alias(name), None, "{name}");
        }
    }

    #[test]
    fn what_botocore_signs_with_is_known() {
        for line in include_str!("../../tests/data/botocore-hosts.txt").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if let [labels, service, region, _, ..] = words.as_slice()
                && !labels.starts_with(['#', '@'])
            {
                assert!(is_known_service(service), "{line}");
                let is_word = matches!(*region, "=" | "~" | "*");
                assert!(is_word || is_known_region(region), "{line}");
            }
        }
    }

    #[test]
    fn a_global_service_signs_for_its_home() {
        assert_eq!(home_of("iam", "eu-west-1").as_deref(), Some("us-east-1"));
        assert_eq!(home_of("iam", "us-east-1"), None);
        assert_eq!(home_of("sqs", "eu-west-1"), None);
        assert_eq!(home_of("bedrock", "eu-west-1"), None);
        assert_eq!(home_of("unheard-of", "eu-west-1"), None);
    }

    #[test]
    fn a_distance_counts_letters() {
        assert_eq!(distance("kitten", "kittens"), Some(1));
        assert_eq!(distance("abcd", "badc"), None);
        assert_eq!(distance("abcd", "abcd"), Some(0));
        assert_eq!(distance("abc", "cab"), Some(2));
        assert_eq!(distance("", "a"), None);
        assert_eq!(distance("ab", "xy"), None);
    }
}
