use super::resolver::KEY;
use super::scope::host_of_scope;
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
    check("a,b", "it is not a valid DNS name");
    check(
        "s3.eu-west-1.amazonaws.com,evil.example",
        "it is not a valid DNS name",
    );
    check("s3..amazonaws.com", "it is not a valid DNS name");
    check(
        "s3.eu-west-1.amazonaws.com@evil.example",
        "it is not a valid DNS name",
    );
    check("s3_.eu-west-1.amazonaws.com", "it is not a valid DNS name");
    check(
        "s3.eu-west-1.amazonaws.com:http",
        "its port is not a number from 0 to 65535",
    );
    check(
        "s3.eu-west-1.amazonaws.com:99999",
        "its port is not a number from 0 to 65535",
    );
    check(&"a.".repeat(200), "it is longer than 253 characters");
}

#[test]
fn the_authority_drops_only_the_default_ports() {
    let authority = |text: &str| Host::parse(text.as_bytes()).unwrap().into_authority();
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
    // These have another host in one region.
    check_scope("sdb", "us-east-1", "sdb.amazonaws.com");
    check_scope("sdb", "eu-west-1", "sdb.eu-west-1.amazonaws.com");
    check_scope(
        "iotdata",
        "cn-north-1",
        "data.ats.iot.cn-north-1.amazonaws.com.cn",
    );
    check_scope(
        "iotdata",
        "cn-northwest-1",
        "data-ats.iot.cn-northwest-1.amazonaws.com.cn",
    );
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
        ..Asked::default()
    };
    let found = match destination(service, "eu-west-1", asked) {
        Ok(found) => found.host.name().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

/// A line is `METHOD path[?query]`, and its host, with the path there if it is another.
#[track_caller]
fn check_s3(service: &str, of_headers: Asked<'_>, line: &str, expected: &str) {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let asked = Asked {
        method,
        path,
        query,
        ..of_headers
    };
    let found = match destination(service, "eu-west-1", asked) {
        Ok(Destination { host, path }) => {
            format!("{}{}", host.name(), path.unwrap_or_default())
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{service} {line}");
}

#[test]
fn a_directory_bucket_in_the_path_names_its_zone() {
    let express = |line, expected| check_s3("s3express", Asked::default(), line, expected);
    let regional = "s3express-control.eu-west-1.amazonaws.com";
    let zonal = "demo--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
    for (line, path) in [
        ("GET /demo--euw1-az1--x-s3/a/b", "/a/b"),
        ("PUT /demo--euw1-az1--x-s3//a//b/", "//a//b/"),
        ("GET /demo--euw1-az1--x-s3/k?acl", "/k"),
        ("DELETE /demo--euw1-az1--x-s3/k", "/k"),
        ("PUT /demo--euw1-az1--x-s3/k?session", "/k"),
        ("HEAD /demo--euw1-az1--x-s3", "/"),
        ("GET /demo--euw1-az1--x-s3?list-type=2&prefix=policy", "/"),
        ("GET /demo--euw1-az1--x-s3/?uploads&x-id=List", "/"),
        ("POST /demo--euw1-az1--x-s3/?delete", "/"),
    ] {
        check_s3(
            "s3express",
            Asked::default(),
            line,
            &format!("{zonal}{path}"),
        );
    }
    express(
        "GET /my--ap--use1-lax1-az1--xa-s3/k",
        "my--ap--use1-lax1-az1--xa-s3.s3express-use1-lax1-az1.eu-west-1.amazonaws.com/k",
    );
    for line in [
        "GET /",
        "GET /?max-directory-buckets=5",
        "PUT /demo--euw1-az1--x-s3",
        "PUT /demo--euw1-az1--x-s3/?x-id=CreateBucket",
        "DELETE /demo--euw1-az1--x-s3",
        "GET /demo--euw1-az1--x-s3?policy",
        "PUT /demo--euw1-az1--x-s3/?encryption=",
        "GET /v20180820/accesspoint/my-ap--euw1-az1--xa-s3",
    ] {
        express(line, regional);
    }
    let session = "a session's signatures would cover another host";
    express("GET /demo--euw1-az1--x-s3?session", session);
    express(
        "GET /demo--euw1-az1--x-s3/?session=&x-id=CreateSession",
        session,
    );
    for line in [
        "GET /demo",
        "GET /demo--x-s3/k",
        "GET /--x-s3/k",
        "GET /a.evil--euw1-az1--x-s3/k",
        "GET /demo--euw1-az1-%2Dx-s3/k",
        "GET /Demo--euw1-az1--x-s3/k",
        "GET /demo--euw1-az1---x-s3/k",
        "GET //demo--euw1-az1--x-s3/k",
        "GET demo--euw1-az1--x-s3/k",
    ] {
        express(line, "several AWS hosts sign with this service name");
    }
}

#[test]
fn what_else_signs_as_s3_goes_to_its_host_where_the_request_says_which() {
    let unclear = "several AWS hosts sign with this service name";
    let of_account = Asked {
        account: Some("123456789012"),
        ..Asked::default()
    };
    check_s3(
        "s3",
        of_account,
        "GET /v20180820/accesspoint",
        "123456789012.s3-control.eu-west-1.amazonaws.com",
    );
    // A bucket may have that name.
    let plain = "s3.eu-west-1.amazonaws.com";
    check_s3("s3", Asked::default(), "GET /v20180820/accesspoint", plain);
    check_s3("s3", of_account, "GET /bucket/v20180820/", plain);
    for account in ["12345678901", "123456789012.evil", "12345678901a", ""] {
        let account = Some(account);
        let asked = Asked {
            account,
            ..Asked::default()
        };
        check_s3("s3", asked, "GET /v20180820/jobs", unclear);
    }
    let outposts = "s3-outposts.eu-west-1.amazonaws.com";
    check_s3("s3-outposts", of_account, "GET /v20180820/bucket", outposts);
    let endpoints = "GET /S3Outposts/ListEndpoints";
    check_s3("s3-outposts", Asked::default(), endpoints, outposts);
    check_s3("s3-outposts", Asked::default(), "GET /key", unclear);

    let answer = "POST /WriteGetObjectResponse";
    let route = |route| Asked {
        route: Some(route),
        ..Asked::default()
    };
    check_s3(
        "s3-object-lambda",
        route("io-cell1.a1b2"),
        answer,
        "io-cell1.a1b2.s3-object-lambda.eu-west-1.amazonaws.com",
    );
    for bad in ["", "a b", "evil.example/", "a@b", "a:1", "a."] {
        check_s3("s3-object-lambda", route(bad), answer, unclear);
    }
    check_s3("s3-object-lambda", Asked::default(), answer, unclear);
    check_s3("s3-object-lambda", route("io-cell1"), "GET /key", unclear);
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
}

#[test]
fn what_is_for_a_customers_host_goes_to_no_other() {
    let customers = "each customer has a host of its own for this request";
    let of = |service: &str, end: &str| format!("{service}.eu-west-1.{end}");
    for (service, lines, host) in [
        (
            "es",
            "GET /2021-01-01/opensearch/domain/d,GET /2015-01-01/tags/",
            of("es", "amazonaws.com"),
        ),
        (
            "es",
            "GET /my-index/_search,PUT /2021-01-01/_doc/1,GET /,GET /_bulk",
            String::new(),
        ),
        ("aoss", "GET /my-index/_search,POST /", String::new()),
        ("osis", "POST /log/ingest", String::new()),
        (
            "osis",
            "GET /2022-01-01/osis/listPipelines",
            of("osis", "amazonaws.com"),
        ),
        (
            "neptune-db",
            "POST /opencypher,GET /status,GET /gremlin",
            String::new(),
        ),
        ("neptune-graph", "POST /queries", String::new()),
        (
            "neptune-graph",
            "GET /graphs",
            of("neptune-graph", "amazonaws.com"),
        ),
        (
            "appsync",
            "POST /graphql,POST /event,GET /v1",
            String::new(),
        ),
        (
            "appsync",
            "GET /v1/apis,GET /v2/apis/a",
            of("appsync", "amazonaws.com"),
        ),
        (
            "lambda",
            "GET /,POST /hook,GET /2026-11-29/report",
            String::new(),
        ),
        // A version of the API that nobody knows yet.
        (
            "lambda",
            "POST /2015-03-31/functions/f/invocations,GET /2031-01-01/functions",
            of("lambda", "amazonaws.com"),
        ),
        (
            "execute-api",
            "GET /prod/pets,POST /@connections/c",
            String::new(),
        ),
        ("vpc-lattice-svcs", "GET /", String::new()),
        ("cloudsearch", "POST /2013-01-01/search", String::new()),
        ("cloudsearch", "POST /", of("cloudsearch", "amazonaws.com")),
        ("mediastore", "PUT /folder/clip.mp4", String::new()),
        (
            "kinesisvideo",
            "POST /getMedia,POST /putMedia",
            String::new(),
        ),
        (
            "kinesisvideo",
            "POST /getDataEndpoint",
            of("kinesisvideo", "amazonaws.com"),
        ),
        ("emr-serverless", "POST /sessions", String::new()),
        ("bedrock-agentcore", "POST /mcp", String::new()),
        (
            "bedrock-agentcore",
            "POST /runtimes/r/invocations",
            of("bedrock-agentcore", "amazonaws.com"),
        ),
        (
            "agent-discovery",
            "POST /records/search",
            of("agent-discovery", "api.aws"),
        ),
        // Data planes that are AWS's own.
        (
            "aps",
            "POST /workspaces/ws-1/api/v1/remote_write,GET /workspaces/ws-1/api/v1/rules",
            of("aps-workspaces", "amazonaws.com"),
        ),
        (
            "aps",
            "GET /workspaces/ws-1/alertmanager/api/v2/alerts",
            of("aps-workspaces", "amazonaws.com"),
        ),
        (
            "aps",
            "GET /workspaces/ws-1,PUT /workspaces/ws-1/alertmanager/definition",
            of("aps", "amazonaws.com"),
        ),
        (
            "bedrock",
            "POST /openai/v1/chat/completions,POST /anthropic/v1/messages",
            of("bedrock-runtime", "amazonaws.com"),
        ),
        (
            "bedrock-mantle",
            "POST /anthropic/v1/messages,GET /v1/models",
            of("bedrock-mantle", "api.aws"),
        ),
        (
            "aws-external-anthropic",
            "POST /v1/messages",
            of("aws-external-anthropic", "api.aws"),
        ),
        (
            "transcribe",
            "POST /stream-transcription",
            of("transcribestreaming", "amazonaws.com"),
        ),
        (
            "sagemaker-mlflow",
            "POST /api/2.0/mlflow/runs/create",
            "eu-west-1.experiments.sagemaker.aws".to_owned(),
        ),
    ] {
        let expected = if host.is_empty() { customers } else { &host };
        for line in lines.split(',') {
            check_request(service, None, line, expected);
        }
    }
    let target = "OpenSearchServerless.ListCollections";
    check_request(
        "aoss",
        Some(target),
        "POST /",
        "aoss.eu-west-1.amazonaws.com",
    );
}

#[test]
fn a_signature_for_all_regions_is_for_a_host_of_all_regions() {
    let unknown = "its region is none of AWS's";
    let customers = "each customer has a host of its own for this request";
    for (service, path, home_region, expected) in [
        ("iam", "/", "eu-west-1", "iam.amazonaws.com"),
        ("iam", "/", "us-gov-west-1", "iam.us-gov.amazonaws.com"),
        (
            "route53",
            "/2013-04-01/hostedzone",
            "eu-west-1",
            "route53.amazonaws.com",
        ),
        (
            "cloudfront-keyvaluestore",
            "/key-value-stores/arn%3Aaws%3Acloudfront%3A%3A123456789012%3Akey-value-store%2Fab/keys",
            "eu-west-1",
            "123456789012.cloudfront-kvs.global.api.aws",
        ),
        (
            "cloudfront-keyvaluestore",
            "/key-value-stores/mine/keys",
            "eu-west-1",
            customers,
        ),
        ("s3", "/b/k", "eu-west-1", unknown),
        ("sqs", "/", "eu-west-1", unknown),
        ("iam", "/", "", unknown),
    ] {
        let asked = Asked {
            method: "GET",
            path,
            home_region,
            ..Asked::default()
        };
        let found = match destination(service, "*", asked) {
            Ok(found) => found.host.name().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{service} {path}");
    }
}

#[test]
fn a_service_that_nobody_knows_has_no_host() {
    let unknown = "its service is none of AWS's with a host of its own";
    check_scope("notaservice", "eu-west-1", unknown);
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
