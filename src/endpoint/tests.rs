use super::*;

#[track_caller]
fn check(authority: &str, expected: &str) {
    let found = match Host::parse(authority.as_bytes()) {
        Err(error) => format!("{error}"),
        Ok(host) => match resolve(&host, "eu-central-1") {
            Resolution::NotAws => "not aws".to_owned(),
            Resolution::Aws(Endpoint {
                service, region, ..
            }) => format!("{service}/{region}"),
        },
    };
    assert_eq!(found, expected, "{authority}");
}

#[test]
fn plain_hosts_say_service_and_region() {
    check("dynamodb.eu-west-1.amazonaws.com", "dynamodb/eu-west-1");
    check(
        "DynamoDB.EU-West-1.amazonaws.com.:443",
        "dynamodb/eu-west-1",
    );
    check("sqs.cn-north-1.amazonaws.com.cn", "sqs/cn-north-1");
    check("kms.us-gov-west-1.amazonaws.com", "kms/us-gov-west-1");
    check("kms-fips.us-gov-west-1.amazonaws.com", "kms/us-gov-west-1");
    check("lambda.eu-west-1.api.aws", "lambda/eu-west-1");
    check("sqs.us-iso-east-1.c2s.ic.gov", "sqs/us-iso-east-1");
    check("sqs.eusc-de-east-1.amazonaws.eu", "sqs/eusc-de-east-1");
    check(
        "newthing.ap-southeast-7.amazonaws.com",
        "newthing/ap-southeast-7",
    );
}

#[test]
fn labels_that_are_not_the_signing_name_are_looked_up() {
    check("email.eu-west-1.amazonaws.com", "ses/eu-west-1");
    check(
        "bedrock-runtime.eu-west-1.amazonaws.com",
        "bedrock/eu-west-1",
    );
    check("api.ecr.eu-west-1.amazonaws.com", "ecr/eu-west-1");
    check(
        "streams.dynamodb.eu-west-1.amazonaws.com",
        "dynamodb/eu-west-1",
    );
}

#[test]
fn s3_has_many_forms() {
    check("s3.amazonaws.com", "s3/us-east-1");
    check("bucket.s3.amazonaws.com", "s3/us-east-1");
    check("s3.eu-west-1.amazonaws.com", "s3/eu-west-1");
    check("s3-eu-west-1.amazonaws.com", "s3/eu-west-1");
    check("a.dotted.bucket.s3.eu-west-1.amazonaws.com", "s3/eu-west-1");
    check("bucket.s3-eu-west-1.amazonaws.com", "s3/eu-west-1");
    check(
        "bucket.s3.dualstack.eu-west-1.amazonaws.com",
        "s3/eu-west-1",
    );
    check("s3-fips.us-gov-west-1.amazonaws.com", "s3/us-gov-west-1");
    check(
        "b.s3-fips.dualstack.us-east-1.amazonaws.com",
        "s3/us-east-1",
    );
    check("bucket.s3-accelerate.amazonaws.com", "s3/eu-central-1");
    check(
        "ap-1.s3-accesspoint.eu-west-1.amazonaws.com",
        "s3/eu-west-1",
    );
    check("123.s3-control.eu-west-1.amazonaws.com", "s3/eu-west-1");
    check("s3.cn-north-1.amazonaws.com.cn", "s3/cn-north-1");
}

#[test]
fn global_services_sign_for_their_home_region() {
    check("iam.amazonaws.com", "iam/us-east-1");
    check("iam.us-gov.amazonaws.com", "iam/us-gov-west-1");
    check("sts.amazonaws.com", "sts/us-east-1");
    check("sts.eu-west-1.amazonaws.com", "sts/eu-west-1");
    check("route53.amazonaws.com", "route53/us-east-1");
}

#[test]
fn tenants_and_look_alikes_are_not_aws() {
    for host in [
        "example.org",
        "amazonaws.com",
        "www.amazonaws.com",
        "s3.eu-west-1.amazonaws.com.example.org",
        "s3.eu-west-1.evilamazonaws.com",
        "lb-1.eu-west-1.elb.amazonaws.com",
        "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "ABC.gr7.eu-west-1.eks.amazonaws.com",
        "db.abc.eu-west-1.rds.amazonaws.com",
        "bucket.s3-website-eu-west-1.amazonaws.com",
        "bucket.s3-website.eu-west-1.amazonaws.com",
        "s3-website.eu-west-1.amazonaws.com",
        "d111.cloudfront.net",
        "127.0.0.1:9911",
        "[::1]:9911",
        "10.0.0.1",
    ] {
        check(host, "not aws");
    }
}

#[test]
fn what_is_no_host_name_is_an_error() {
    check("", "it is empty");
    check(":80", "it is empty");
    check("a,b", "it is no valid DNS name");
    check(
        "s3.eu-west-1.amazonaws.com,evil.example",
        "it is no valid DNS name",
    );
    check("s3..amazonaws.com", "it is no valid DNS name");
    check(
        "s3.eu-west-1.amazonaws.com@evil.example",
        "it is no valid DNS name",
    );
    check("s3_.eu-west-1.amazonaws.com", "it is no valid DNS name");
    check(
        "s3.eu-west-1.amazonaws.com:http",
        "its port is no number from 0 to 65535",
    );
    check(
        "s3.eu-west-1.amazonaws.com:99999",
        "its port is no number from 0 to 65535",
    );
    check(&"a.".repeat(200), "it is longer than 253 characters");
}

#[test]
fn the_authority_drops_only_the_default_ports() {
    let authority = |text: &str| Host::parse(text.as_bytes()).unwrap().authority();
    assert_eq!(authority("S3.amazonaws.com.:80"), "s3.amazonaws.com");
    assert_eq!(authority("s3.amazonaws.com:443"), "s3.amazonaws.com");
    assert_eq!(authority("s3.amazonaws.com:8443"), "s3.amazonaws.com:8443");
}

#[track_caller]
fn check_scope(service: &str, region: &str, expected: &str) {
    let found = match host_of_scope(service, region) {
        Ok(host) => host.name().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_credential_scope_names_a_host() {
    check_scope("s3", "eu-west-1", "s3.eu-west-1.amazonaws.com");
    check_scope("sqs", "cn-north-1", "sqs.cn-north-1.amazonaws.com.cn");
    check_scope("dynamodb", "eu-west-1", "dynamodb.eu-west-1.amazonaws.com");
    check_scope("ses", "eu-west-1", "email.eu-west-1.amazonaws.com");
    check_scope("ecr", "eu-west-1", "api.ecr.eu-west-1.amazonaws.com");
    check_scope("iam", "eu-west-1", "iam.amazonaws.com");
    check_scope("iam", "us-gov-east-1", "iam.us-gov.amazonaws.com");
    check_scope("sts", "us-east-1", "sts.us-east-1.amazonaws.com");
    check_scope("datazone", "eu-west-1", "datazone.eu-west-1.api.aws");
    check_scope(
        "bedrock",
        "eu-west-1",
        "several AWS hosts sign with this service name",
    );
    check_scope(
        "evil.example/",
        "eu-west-1",
        "its service is not of the form [a-z0-9-]+",
    );
    check_scope("s3", "eu-west", "its region is none of AWS's");
    check_scope("s3", "evil", "its region is none of AWS's");
}

#[track_caller]
fn check_request(service: &str, target: Option<&str>, line: &str, expected: &str) {
    let (method, path) = line.split_once(' ').unwrap();
    let asked = Asked {
        target,
        method,
        path,
    };
    let found = match host_of_request(service, "eu-west-1", asked) {
        Ok(host) => host.name().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_request_says_which_host_of_a_signing_name_it_is_for() {
    let ambiguous = "several AWS hosts sign with this service name";
    let runtime = "bedrock-runtime.eu-west-1.amazonaws.com";
    check_request("bedrock", None, "POST /model/m%3A0/invoke", runtime);
    check_request("bedrock", None, "POST /model/m/converse-stream", runtime);
    check_request(
        "bedrock",
        None,
        "GET /foundation-models",
        "bedrock.eu-west-1.amazonaws.com",
    );
    check_request("bedrock", None, "POST /listTagsForResource", ambiguous);
    check_request(
        "dynamodb",
        Some("DynamoDBStreams_20120810.GetRecords"),
        "POST /",
        "streams.dynamodb.eu-west-1.amazonaws.com",
    );
    check_request(
        "dynamodb",
        Some("DynamoDB_20120810.GetItem"),
        "POST /",
        "dynamodb.eu-west-1.amazonaws.com",
    );
    check_request(
        "ses",
        None,
        "POST /v2/email/outbound-emails",
        "email.eu-west-1.amazonaws.com",
    );
    // Smithy RPC v2 CBOR has in its path what JSON has in its target.
    check_request(
        "ses",
        None,
        "POST /service/MailManagerSvc/operation/GetRelay",
        "mail-manager.eu-west-1.amazonaws.com",
    );
    check_request(
        "execute-api",
        None,
        "POST /participant/message",
        "participant.connect.eu-west-1.amazonaws.com",
    );
    check_request("execute-api", None, "GET /prod/pets", ambiguous);
}

#[test]
fn a_service_that_nobody_knows_has_no_host() {
    let unknown = "its service is none of AWS's with a host of its own";
    check_scope("notaservice", "eu-west-1", unknown);
    check_scope("vpc-lattice-svcs", "eu-west-1", unknown);
    check_scope(
        "IoTSecuredTunneling",
        "eu-west-1",
        "api.tunneling.iot.eu-west-1.amazonaws.com",
    );
}

#[test]
fn the_host_of_a_scope_signs_with_its_service() {
    let listed = include_str!("scopes.txt")
        .lines()
        .filter(|line| !line.starts_with('\t'));
    let mut hosts = 0;
    for service in listed.chain(table::KNOWN.split(' ')) {
        for region in ["eu-west-1", "us-gov-east-1", "cn-north-1", "us-iso-west-1"] {
            let Ok(host) = host_of_scope(service, region) else {
                continue;
            };
            hosts += 1;
            match resolve(&host, region) {
                Resolution::Aws(endpoint) => {
                    let same = endpoint.service == service
                        // Its legacy data and its rules disagree outside the commercial regions.
                        || service == "importexport" || service == "IngestionService";
                    assert!(same, "{service} {region}: {}", host.name());
                }
                Resolution::NotAws => panic!("{service} {region}: {}", host.name()),
            }
        }
    }
    assert!(hosts > 1_200, "{hosts}");
}

#[test]
fn the_table_is_in_the_order_of_its_look_up() {
    assert!(table::NAMES.is_sorted_by_key(|(labels, ..)| (labels.len(), *labels)));
    assert!(table::NAMES.iter().all(|(labels, ..)| labels.len() < KEY));
    assert_eq!(table::PARTITIONS.first().unwrap().region_prefix, "");
}
