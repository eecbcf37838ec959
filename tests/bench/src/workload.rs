//! The workloads, by their names in the report.

use crate::bootstrap::{Guard, Setup, Upstream, Variant};
use crate::load::{MARK, Template};
use serde_json::{Map, Value, json};

/// What is asked of all variants, and how they are set up.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// In the report.
    pub(crate) name: &'static str,
    /// What it is, in a few words.
    pub(crate) what: &'static str,
    /// Who takes part.
    pub(crate) variants: &'static [Variant],
    /// Of the Envoys.
    pub(crate) setup: Setup,
    /// The requests.
    pub(crate) template: Template,
    /// For the check of the signatures: the same in small.
    pub(crate) sample: Template,
    /// Under way at once.
    pub(crate) connections: usize,
    /// The service that the signatures must name; `None`: nobody signs.
    pub(crate) signed_for: Option<&'static str>,
}

/// All of them, in the order of the report.
pub(crate) fn all() -> Vec<Workload> {
    let s3_get = Workload {
        name: "s3_get",
        what: "GET, S3, unsigned payload",
        variants: FILTERS,
        setup: Setup {
            upstream: Upstream::InEnvoy,
            service: "s3",
            unsigned_payload: true,
            rules: Vec::new(),
            roles: Map::new(),
            guard: Guard::Absent,
            session_token_bytes: SESSION_TOKEN_BYTES,
            workers: 1,
        },
        template: get(S3),
        sample: get(S3),
        connections: 16,
        signed_for: Some("s3"),
    };
    let post = |name, what, bytes, connections| {
        let template = Template::new(&post_head(), item(bytes), 1);
        Workload {
            name,
            what,
            setup: Setup {
                upstream: Upstream::Swallows,
                service: "dynamodb",
                unsigned_payload: false,
                ..s3_get.setup.clone()
            },
            sample: template.clone(),
            template,
            connections,
            signed_for: Some("dynamodb"),
            ..s3_get.clone()
        }
    };
    let token = |name, what, session_token_bytes| Workload {
        name,
        what,
        setup: Setup {
            session_token_bytes,
            ..s3_get.setup.clone()
        },
        ..s3_get.clone()
    };
    let with_rules = |name, what, count| Workload {
        name,
        what,
        variants: WITHOUT_NATIVE,
        setup: Setup {
            rules: rules(count),
            ..s3_get.setup.clone()
        },
        ..s3_get.clone()
    };
    let put = Workload {
        name: "s3_put_256m",
        what: "PUT of 256 MiB, S3, unsigned payload",
        setup: Setup {
            upstream: Upstream::Swallows,
            ..s3_get.setup.clone()
        },
        template: Template::new(&put_head(""), block(), 256),
        sample: Template::new(&put_head(""), block(), 1),
        connections: 1,
        ..s3_get.clone()
    };
    vec![
        Workload {
            variants: FILTERS_AND_CALLS,
            ..s3_get.clone()
        },
        post(
            "dynamodb_post_1k",
            "POST of 1 KiB, DynamoDB, hashed",
            1 << 10,
            16,
        ),
        post(
            "dynamodb_post_1m",
            "POST of 1 MiB, DynamoDB, hashed",
            1 << 20,
            2,
        ),
        Workload {
            name: "pass_through",
            what: "GET, a host that is not AWS's",
            signed_for: None,
            variants: WITHOUT_NATIVE,
            template: get("storage.example.com"),
            sample: get("storage.example.com"),
            ..s3_get.clone()
        },
        with_rules("rules_1", "s3_get with 1 rule", 1),
        with_rules(
            "rules_1000",
            "s3_get with 1,000 rules, of which the last matches",
            1000,
        ),
        token("token_400", "s3_get with a session token of 400 bytes", 400),
        token(
            "token_1500",
            "s3_get with a session token of 1,500 bytes",
            1500,
        ),
        Workload {
            name: "workers_2",
            what: "s3_get with 2 workers, both on Envoy's core",
            setup: Setup {
                workers: 2,
                ..s3_get.setup.clone()
            },
            ..s3_get.clone()
        },
        Workload {
            name: "s3_get_guard",
            what: "GET, S3, through the upstream, ours with its guard",
            setup: Setup {
                upstream: Upstream::Swallows,
                guard: Guard::Present,
                ..s3_get.setup.clone()
            },
            ..s3_get.clone()
        },
        Workload {
            name: "s3_put_chunked",
            what: "PUT of 16 MiB, aws-chunked, chunks of 64 KiB re-signed",
            variants: WITHOUT_NATIVE,
            template: chunked(16 << 20),
            sample: chunked(1 << 20),
            ..put.clone()
        },
        put,
    ]
}

/// As long as STS's often are.
pub(crate) const SESSION_TOKEN_BYTES: usize = 1000;

/// No filter, and each there is.
pub(crate) const FILTERS: &[Variant] =
    &[Variant::None, Variant::Noop, Variant::Native, Variant::Ours];
const FILTERS_AND_CALLS: &[Variant] = &[
    Variant::None,
    Variant::Noop,
    Variant::Calls,
    Variant::Native,
    Variant::Ours,
];
/// Where the native filter cannot do it.
const WITHOUT_NATIVE: &[Variant] = &[Variant::None, Variant::Noop, Variant::Ours];

const S3: &str = "reports.s3.eu-west-1.amazonaws.com";

/// What SDKs send beside what AWS wants.
const SDK: &str = "user-agent: aws-sdk-java/2.30.0 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1\r\n\
                   amz-sdk-invocation-id: 6f1f0d2e-<16-hex-digits->\r\n\
                   amz-sdk-request: attempt=1; max=3\r\n\
                   accept-encoding: identity\r\n";

pub(crate) fn get(host: &str) -> Template {
    let head = format!(
        "GET /2026/11/part-{MARK}.parquet?partNumber=7&versionId={MARK} HTTP/1.1\r\nhost: {host}\r\n{SDK}"
    );
    Template::new(&head, Vec::new(), 1)
}

fn post_head() -> String {
    // DynamoDB has one path; the query makes it another one each time.
    format!(
        "POST /{MARK}?id={MARK} HTTP/1.1\r\nhost: dynamodb.eu-west-1.amazonaws.com\r\n{SDK}\
         content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.PutItem\r\n"
    )
}

fn item(bytes: usize) -> Vec<u8> {
    let start = format!(r#"{{"TableName":"orders","Item":{{"id":{{"S":"{MARK}"}},"note":{{"S":""#);
    let end = r#""}}}"#;
    let filling = "abcdefghijklmnopqrstuvwxyz"
        .chars()
        .cycle()
        .take(bytes - start.len() - end.len());
    format!("{start}{}{end}", filling.collect::<String>()).into_bytes()
}

fn put_head(more: &str) -> String {
    format!(
        "PUT /backups/{MARK}.tar?partNumber=1&uploadId={MARK} HTTP/1.1\r\nhost: {S3}\r\n{SDK}\
         content-type: application/octet-stream\r\n{more}"
    )
}

/// 1 MiB that starts with the number of its request.
fn block() -> Vec<u8> {
    let mut block: Vec<u8> = (0..1_u32 << 20)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    block.splice(..MARK.len(), MARK.bytes());
    block
}

fn chunked(bytes: usize) -> Template {
    let data = block().repeat(bytes >> 20);
    let headers = format!(
        "content-encoding: aws-chunked\r\nx-amz-decoded-content-length: {bytes}\r\n\
         x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\nx-amz-date: 20261123T120000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}\r\n",
        "5".repeat(64)
    );
    Template::new(
        &put_head(&headers),
        e2e::chunks::encode(&data, 64 << 10, None),
        1,
    )
}

/// The last one matches the bucket of the requests; the others are for other buckets, tables and accounts.
fn rules(count: usize) -> Vec<Value> {
    let others = (1..count).map(|number| match number % 4 {
        0 => json!({"buckets": [format!("team-{number}-*")], "effect": "allow"}),
        1 => json!({"buckets": [format!("archive-{number}")], "effect": "deny"}),
        2 => json!({"buckets": [format!("logs-{number}")], "payload": "hashed"}),
        _ => json!({"buckets": [format!("public-{number}")], "effect": "leave_alone"}),
    });
    others
        .chain([json!({"buckets": ["reports"], "effect": "allow"})])
        .collect()
}
