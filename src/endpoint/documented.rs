//! Hosts that AWS documents and no SDK model lists: most belong to one customer's resource.
//!
//! Each row cites its page. What is not here, and is of no plain shape, is not signed.

/// A shape `[<labels>.]<tail>`, of which the tail is given.
#[derive(Debug)]
pub(super) struct Shape {
    /// The labels that every such host has, right of the customer's.
    pub(super) tail: &'static str,
    /// How many labels may stand left of them.
    pub(super) more: std::ops::RangeInclusive<usize>,
    /// The signing name.
    pub(super) service: &'static str,
    /// See [`super::Endpoint::tenant`].
    pub(super) tenant: bool,
}

const fn shape(
    tail: &'static str,
    more: std::ops::RangeInclusive<usize>,
    service: &'static str,
    tenant: bool,
) -> Shape {
    Shape {
        tail,
        more,
        service,
        tenant,
    }
}

/// `<tail>.<region>.<suffix>` of one label.
pub(super) const SINGLE_LABEL: &[Shape] = &[
    // "Private REST APIs in API Gateway": through a VPC endpoint, where the header Host is not set.
    shape("execute-api", 0..=0, "execute-api", true),
    // "Using AWS services' API with Prometheus-compatible APIs" in the Managed Prometheus guide.
    shape("aps-workspaces", 0..=0, "aps", false),
    // "Setting up a streaming transcription" in the Transcribe guide (HTTP/2).
    shape("transcribestreaming", 0..=0, "transcribe", false),
    // "DICOMweb" in the HealthImaging guide.
    shape("dicom-medical-imaging", 0..=0, "medical-imaging", false),
    // "Amazon ECS interface VPC endpoints" in the ECS guide; `regional` has those that its agent polls.
    shape("ecs-agent", 0..=0, "ecs", false),
    shape("ecs-telemetry", 0..=0, "ecs", false),
    // "Using the Amazon Mechanical Turk sandbox" in the Mechanical Turk API reference.
    shape("mturk-requester-sandbox", 0..=0, "mturk-requester", false),
    // "Streaming face liveness" in the Rekognition guide (WebSocket).
    shape("streaming-rekognition", 0..=0, "rekognition", false),
];

/// `<labels>.<tail>.<region>.<suffix>`.
pub(super) const BEFORE_REGION: &[Shape] = &[
    // "Invoke REST APIs in API Gateway", "Private REST APIs": <api>.execute-api, <api>-<vpce>.
    shape("execute-api", 1..=1, "execute-api", true),
    // "Authorizing GraphQL requests" in the AppSync developer guide; the signing name is appsync.
    shape("appsync-api", 1..=1, "appsync", true),
    shape("appsync-realtime-api", 1..=1, "appsync", true),
    // "Connecting devices to AWS IoT", DescribeEndpoint: <id>-ats.iot, <id>.iot and <id>.jobs.iot.
    shape("iot", 1..=1, "iotdata", false),
    shape("jobs.iot", 1..=1, "iot-jobs-data", false),
    // "DescribeContainer" in the MediaStore API: <container>.data.mediastore.
    shape("data.mediastore", 1..=1, "mediastore", false),
    // "GetDataEndpoint", "GetSignalingChannelEndpoint" in the Kinesis Video Streams API.
    shape("kinesisvideo", 1..=1, "kinesisvideo", false),
    // "Using the API: the endpoint discovery pattern" in the Timestream guide: query-cell1 and so on.
    shape("timestream", 1..=1, "timestream", false),
    // "Finding your account endpoint" in the MediaConvert guide.
    shape("mediaconvert", 1..=1, "mediaconvert", false),
    // "Origin access control for MediaPackage v2" in the CloudFront guide: <id>.egress.<id>.
    shape("mediapackagev2", 3..=3, "mediapackagev2", true),
    // "Invoke an AgentCore Gateway" in the Bedrock AgentCore guide.
    shape(
        "gateway.bedrock-agentcore",
        1..=1,
        "bedrock-agentcore",
        true,
    ),
    // "Run interactive workloads with Apache Livy endpoints" in the EMR Serverless guide.
    shape(
        "livy.emr-serverless-services",
        1..=1,
        "emr-serverless",
        true,
    ),
    // "Getting and updating routing control states" in the Application Recovery Controller guide: <id>.
    shape(
        "route53-recovery-cluster",
        1..=1,
        "route53-recovery-cluster",
        false,
    ),
    // "Using the Ethereum JSON-RPC API" in the Managed Blockchain guide: <node>.ethereum and <node>.wss.ethereum.
    shape(
        "ethereum.managedblockchain",
        1..=2,
        "managedblockchain",
        true,
    ),
    // "AMB Access Bitcoin endpoints" in its guide: mainnet.bitcoin and testnet.bitcoin, for everybody.
    shape(
        "bitcoin.managedblockchain",
        1..=1,
        "managedblockchain",
        false,
    ),
    // "Connecting to Amazon Neptune" in the China Regions: the region stands last.
    shape("neptune", 2..=2, "neptune-db", true),
];

/// `[<labels>.]<region>.<tail>.<suffix>`.
pub(super) const AFTER_REGION: &[Shape] = &[
    // "Signing HTTP requests to Amazon OpenSearch Service": search-<domain>, vpc-<domain>.
    shape("es", 1..=1, "es", true),
    // "Collection endpoints for Amazon OpenSearch Serverless" (Classic).
    shape("aoss", 1..=1, "aoss", true),
    // "Integrating OpenSearch Ingestion pipelines": <pipeline>-<id>.
    shape("osis", 1..=1, "osis", true),
    // "Submitting search requests" in the CloudSearch guide: search-<domain>, doc-<domain>.
    shape("cloudsearch", 1..=1, "cloudsearch", true),
    // "Connecting to Amazon Neptune using IAM authentication": cluster, reader, instance endpoints.
    shape("neptune", 2..=2, "neptune-db", true),
    // botocore: <graph>.<region>.neptune-graph.
    shape("neptune-graph", 1..=1, "neptune-graph", true),
    // "Amazon SQS endpoints and quotas": legacy endpoints.
    shape("queue", 0..=0, "sqs", false),
    // "Amazon EMR endpoints and quotas": the older order.
    shape("elasticmapreduce", 0..=0, "elasticmapreduce", false),
    // botocore: the OAuth API of AWS Sign-In.
    shape("signin", 0..=0, "signin", false),
];

/// `<labels>.<tail>.<region>.on.aws`, also with a FIPS mark.
pub(super) const ON_AWS: &[Shape] = &[
    // "Invoking Lambda function URLs".
    shape("lambda-url", 1..=1, "lambda", true),
    // "SIGv4 authenticated requests for Amazon VPC Lattice".
    shape("vpc-lattice-svcs", 2..=2, "vpc-lattice-svcs", true),
    // "Creating and managing OpenSearch Service domains": dual-stack domain endpoints.
    shape("aos", 1..=1, "es", true),
    // "Collection endpoints for Amazon OpenSearch Serverless" (NextGen), by collection or account.
    shape("aoss", 1..=1, "aoss", true),
    // botocore.
    shape("neptune-graph", 1..=1, "neptune-graph", true),
    shape("osm", 1..=1, "osm", true),
];

/// `<region>.<rest>`: AWS names outside the partitions' suffixes.
pub(super) const REGION_FIRST: &[(&str, &str)] = &[
    // "Track experiments using MLflow" in the SageMaker AI guide.
    ("experiments.sagemaker.aws", "sagemaker-mlflow"),
    // botocore: AWS Sign-In.
    ("oauth.signin.aws", "signin"),
    ("signin-fips.amazonaws-us-gov.com", "signin"),
    ("signin.amazonaws-eusc.eu", "signin"),
    ("signin.amazonaws-us-gov.com", "signin"),
    ("signin.amazonaws.cn", "signin"),
    ("signin.aws.amazon.com", "signin"),
    ("signin.c2shome.ic.gov", "signin"),
    ("signin.csphome.adc-e.uk", "signin"),
    ("signin.csphome.hci.ic.gov", "signin"),
    ("signin.sc2shome.sgov.gov", "signin"),
];

/// Names without a region that mean us-east-1: "AWS service endpoints" in the General Reference
/// ("general endpoint"), and for SQS its legacy endpoints.
pub(super) const GENERAL: &[(&str, &str)] = &[
    ("autoscaling", "autoscaling"),
    ("ec2", "ec2"),
    ("elasticmapreduce", "elasticmapreduce"),
    ("queue", "sqs"),
];

/// `<labels>.<tail>.<suffix>` of endpoints in several regions at once: SigV4A, region set `*`.
pub(super) const MULTI_REGION: &[Shape] = &[
    // botocore: EventBridge and SES global endpoints, whose id has two labels.
    shape("endpoint.events", 1..=2, "events", false),
    shape("endpoints.email", 1..=2, "ses", false),
    // botocore: CloudFront KeyValueStore, <account>.cloudfront-kvs.global.api.aws.
    shape("cloudfront-kvs", 1..=1, "cloudfront-keyvaluestore", false),
];

/// Of a plain shape, and no API that looks at signatures.
pub(super) const NOT_SIGNED: &[&str] = &[
    // "Connecting to the Amazon SES SMTP endpoint", "Email receiving endpoints".
    "email-smtp",
    "inbound-smtp",
    // "Git endpoints" in the CodeCommit guide: a signature of its own as a password.
    "git-codecommit",
    // The issuer of a cluster's service account tokens ("IAM roles for service accounts").
    "oidc-eks",
];

/// Whether the tail is a shape's, with a permitted number of labels before it.
pub(super) fn find<'s>(shapes: &'s [Shape], labels: &str) -> Option<&'s Shape> {
    shapes.iter().find(|shape| {
        let Some(before) = labels.strip_suffix(shape.tail) else {
            return false;
        };
        let more = match before.strip_suffix('.') {
            Some(more) => 1 + more.matches('.').count(),
            None if before.is_empty() => 0,
            None => return false,
        };
        shape.more.contains(&more) && permits(shape, before)
    })
}

/// What the shape alone does not say.
fn permits(shape: &Shape, before: &str) -> bool {
    match shape.tail {
        // <id>.credentials.iot asks for a client certificate, and so does Greengrass.
        "iot" => !matches!(before, "credentials." | "greengrass." | "greengrass-ats."),
        // What is no WebSocket has one label.
        "ethereum.managedblockchain" => {
            before.ends_with(".wss.") || before.matches('.').count() == 1
        }
        "timestream" => before.starts_with("ingest-cell") || before.starts_with("query-cell"),
        "mediapackagev2" => before.split('.').nth(1) == Some("egress"),
        _ => true,
    }
}
