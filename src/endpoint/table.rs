//! AWS's endpoints as botocore resolves them.
//!
//! Written by `cargo xtask endpoints`; do not edit.

use super::partition::Partition;

/// The partitions, in botocore's order.
pub(super) const PARTITIONS: &[Partition] = &[
    Partition {
        region_prefix: "",
        dns_suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        global_region: "us-east-1",
        pseudo_region: Some("aws-global"),
    },
    Partition {
        region_prefix: "cn-",
        dns_suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
        global_region: "cn-northwest-1",
        pseudo_region: Some("aws-cn-global"),
    },
    Partition {
        region_prefix: "eusc-",
        dns_suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
        global_region: "eusc-de-east-1",
        pseudo_region: None,
    },
    Partition {
        region_prefix: "us-iso-",
        dns_suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
        global_region: "us-iso-east-1",
        pseudo_region: Some("aws-iso-global"),
    },
    Partition {
        region_prefix: "us-isob-",
        dns_suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
        global_region: "us-isob-east-1",
        pseudo_region: Some("aws-iso-b-global"),
    },
    Partition {
        region_prefix: "eu-isoe-",
        dns_suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
        global_region: "eu-isoe-west-1",
        pseudo_region: Some("aws-iso-e-global"),
    },
    Partition {
        region_prefix: "us-isof-",
        dns_suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
        global_region: "us-isof-south-1",
        pseudo_region: Some("aws-iso-f-global"),
    },
    Partition {
        region_prefix: "us-gov-",
        dns_suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        global_region: "us-gov-west-1",
        pseudo_region: Some("aws-us-gov-global"),
    },
];

/// Labels before the region that do not say it all, the shorter first: (labels, signing name, and the
/// first and the number of their rows in `HOMES`).
pub(super) const NAMES: &[(&str, &str, u8, u8)] = &[
    ("aos", "es", 0, 0),
    ("efs", "elasticfilesystem", 0, 0),
    ("iam", "iam", 24, 8),
    ("sdb", "sdb", 63, 1),
    ("sts", "sts", 65, 1),
    ("waf", "waf", 74, 1),
    ("oidc", "sso-oauth", 0, 0),
    ("chime", "chime", 10, 1),
    ("email", "ses", 0, 0),
    ("health", "health", 21, 3),
    ("shield", "shield", 64, 1),
    ("api.ecr", "ecr", 0, 0),
    ("budgets", "budgets", 2, 8),
    ("route53", "route53", 51, 8),
    ("acm-acme", "acm", 0, 0),
    ("data.iot", "iotdata", 0, 0),
    ("eventsv2", "events", 0, 0),
    ("maps.geo", "geo", 33, 1),
    ("pinpoint", "mobiletargeting", 0, 0),
    ("kafka-api", "kafka", 0, 0),
    ("memory-db", "memorydb", 0, 0),
    ("appstream2", "appstream", 0, 0),
    ("cloudfront", "cloudfront", 11, 8),
    ("cloudhsmv2", "cloudhsm", 0, 0),
    ("data.qapps", "qapps", 0, 0),
    ("models.lex", "lex", 0, 0),
    ("places.geo", "geo", 50, 1),
    ("routes.geo", "geo", 59, 1),
    ("tags-omics", "omics", 0, 0),
    ("admin.wickr", "wickr", 0, 0),
    ("api.airflow", "airflow", 0, 0),
    ("api.pricing", "pricing", 0, 0),
    ("cp.aidevops", "aidevops", 0, 0),
    ("cp.maps.geo", "geo", 0, 0),
    ("data-signer", "signer", 0, 0),
    ("dp.aidevops", "aidevops", 0, 0),
    ("env.airflow", "airflow", 0, 0),
    ("iam-toolbox", "iam", 0, 0),
    ("ivsrealtime", "ivs", 0, 0),
    ("ops.airflow", "airflow", 0, 0),
    ("runtime.lex", "lex", 0, 0),
    ("stream-logs", "logs", 0, 0),
    ("sync-states", "states", 0, 0),
    ("voice-chime", "chime", 0, 0),
    ("contact-lens", "connect", 0, 0),
    ("data-ats.iot", "iotdata", 0, 0),
    ("data.ats.iot", "iotdata", 0, 0),
    ("importexport", "importexport", 32, 1),
    ("mail-manager", "ses", 0, 0),
    ("metadata.geo", "geo", 0, 0),
    ("savingsplans", "savingsplans", 60, 3),
    ("tracking.geo", "geo", 0, 0),
    ("api.detective", "detective", 0, 0),
    ("api.sagemaker", "sagemaker", 0, 0),
    ("appconfigdata", "appconfig", 0, 0),
    ("bedrock-agent", "bedrock", 0, 0),
    ("cn.transcribe", "transcribe", 0, 0),
    ("cp.places.geo", "geo", 0, 0),
    ("cp.routes.geo", "geo", 0, 0),
    ("data.jobs.iot", "iot-jobs-data", 0, 0),
    ("dataplane.rum", "rum", 0, 0),
    ("forecastquery", "forecast", 0, 0),
    ("global.health", "health", 19, 2),
    ("models-v2-lex", "lex", 0, 0),
    ("storage-omics", "omics", 0, 0),
    ("api.ecr-public", "ecr-public", 0, 0),
    ("api.thinclient", "thinclient", 0, 0),
    ("edge.sagemaker", "sagemaker", 0, 0),
    ("geofencing.geo", "geo", 0, 0),
    ("identity-chime", "chime", 0, 0),
    ("kinesis-queues", "kinesis", 0, 0),
    ("meetings-chime", "chime", 0, 0),
    ("runtime-v2-lex", "lex", 0, 0),
    ("sustainability", "sustainability", 66, 8),
    ("analytics-omics", "omics", 0, 0),
    ("api.iotsitewise", "iotsitewise", 0, 0),
    ("api.iotwireless", "iotwireless", 0, 0),
    ("api.mediatailor", "mediatailor", 0, 0),
    ("bedrock-runtime", "bedrock", 0, 0),
    ("cloudwatch-omni", "cloudwatch", 0, 0),
    ("cp.metadata.geo", "geo", 0, 0),
    ("cp.tracking.geo", "geo", 0, 0),
    ("data.mediastore", "mediastore", 0, 0),
    ("messaging-chime", "chime", 0, 0),
    ("search-dynamodb", "dynamodb", 0, 0),
    ("workflows-omics", "omics", 0, 0),
    ("api.iottwinmaker", "iottwinmaker", 0, 0),
    ("billingconductor", "billingconductor", 1, 1),
    ("data.iotsitewise", "iotsitewise", 0, 0),
    ("query.timestream", "timestream", 0, 0),
    ("streams-dynamodb", "dynamodb", 0, 0),
    ("streams.dynamodb", "dynamodb", 0, 0),
    ("timestream-query", "timestream", 0, 0),
    ("api.iot-tunneling", "IoTSecuredTunneling", 0, 0),
    ("api.tunneling.iot", "IoTSecuredTunneling", 0, 0),
    ("cassandra-streams", "cassandra", 0, 0),
    ("cloudsearchdomain", "cloudsearch", 0, 0),
    ("cp.geofencing.geo", "geo", 0, 0),
    ("data.iottwinmaker", "iottwinmaker", 0, 0),
    ("ingest.timestream", "timestream", 0, 0),
    ("metrics.sagemaker", "sagemaker", 0, 0),
    ("routes.geo.us-gov", "geo-routes", 0, 0),
    ("runtime.sagemaker", "sagemaker", 0, 0),
    ("timestream-ingest", "timestream", 0, 0),
    ("api.sustainability", "sustainability", 0, 1),
    ("data-lakeformation", "lakeformation", 0, 0),
    ("partnercentral-prm", "partnercentral", 42, 8),
    ("personalize-events", "personalize", 0, 0),
    ("sms-voice.pinpoint", "sms-voice", 0, 0),
    ("catalog-marketplace", "aws-marketplace", 0, 0),
    ("catalog.marketplace", "aws-marketplace", 0, 0),
    ("management.deadline", "deadline", 0, 0),
    ("migrationhub-config", "mgh", 0, 0),
    ("monitor.iotsitewise", "iotsitewise", 0, 0),
    ("participant.connect", "execute-api", 0, 0),
    ("personalize-runtime", "personalize", 0, 0),
    ("query-lakeformation", "lakeformation", 0, 0),
    ("scheduling.deadline", "deadline", 0, 0),
    ("api.iotdeviceadvisor", "iotdeviceadvisor", 0, 0),
    ("metering-marketplace", "aws-marketplace", 0, 0),
    ("metering.marketplace", "aws-marketplace", 0, 0),
    ("runtime.health-agent", "health-agent", 0, 0),
    ("a2i-runtime.sagemaker", "sagemaker", 0, 0),
    ("agreement-marketplace", "aws-marketplace", 0, 0),
    ("bedrock-agent-runtime", "bedrock", 0, 0),
    ("control-storage-omics", "omics", 0, 0),
    ("data-servicediscovery", "servicediscovery", 0, 0),
    ("discovery-marketplace", "aws-marketplace", 0, 0),
    ("job-runtime.sagemaker", "sagemaker", 0, 0),
    ("media-pipelines-chime", "chime", 0, 0),
    ("reporting-marketplace", "aws-marketplace", 0, 0),
    ("wellarchitected-agent", "wellarchitected", 0, 0),
    ("account-access-runtime", "account-access", 0, 0),
    ("agent-registry-control", "agent-registry", 0, 0),
    ("deployment-marketplace", "aws-marketplace", 0, 0),
    ("partnercentral-channel", "partnercentral-channel", 34, 8),
    ("streaming.health-agent", "health-agent", 0, 0),
    ("subscribe.mediaconvert", "mediaconvert", 0, 0),
    ("bedrock-data-automation", "bedrock", 0, 0),
    ("entitlement-marketplace", "aws-marketplace", 0, 0),
    ("entitlement.marketplace", "aws-marketplace", 0, 0),
    ("runtime-medical-imaging", "medical-imaging", 0, 0),
    ("api-fulfill.dataexchange", "dataexchange", 0, 0),
    ("bedrock-agentcore-control", "bedrock-agentcore", 0, 0),
    ("gateway-runtime.sagemaker", "sagemaker", 0, 0),
    ("api.iotmanagedintegrations", "iotmanagedintegrations", 0, 0),
    ("servicecatalog-appregistry", "servicecatalog", 0, 0),
    (
        "arc-recovery-control-config",
        "route53-recovery-control-config",
        0,
        0,
    ),
    ("datatransformation.healthlake", "healthlake", 0, 0),
    (
        "dataplane.payment-cryptography",
        "payment-cryptography",
        0,
        0,
    ),
    ("featurestore-runtime.sagemaker", "sagemaker", 0, 0),
    ("arc-region-switch-control-plane", "arc-region-switch", 0, 0),
    ("bedrock-data-automation-runtime", "bedrock", 0, 0),
    (
        "controlplane.payment-cryptography",
        "payment-cryptography",
        0,
        0,
    ),
    ("inferencerouter-runtime.sagemaker", "sagemaker", 0, 0),
    ("training-session-runtime.sagemaker", "sagemaker", 0, 0),
];

/// Labels behind one of the caller's, such as an account id: (labels, signing name).
pub(super) const TENANT_LABEL: &[(&str, &str)] = &[
    ("control-kinesis", "kinesis"),
    ("control-kinesis-queues", "kinesis"),
    ("data-kinesis", "kinesis"),
    ("data-kinesis-queues", "kinesis"),
    ("ddb", "dynamodb"),
    ("eventsv2", "events"),
    ("search-ddb", "dynamodb"),
    ("streams-ddb", "dynamodb"),
];

/// Labels before the region that are the signing name, apart by spaces.
pub(super) const KNOWN: &str = "\
    abuse access-analyzer account account-access acm acm-pca aco-automation agent-discovery \
    agent-registry aiops airflow-serverless amplify amplifybackend amplifyuibuilder aoss \
    apigateway apiportal app-integrations appconfig appfabric appflow application-autoscaling \
    application-cost-profiler application-signals applicationinsights appmesh apprunner appsync \
    aps arc-region-switch arc-zonal-shift artifact athena auditmanager autoscaling \
    autoscaling-plans b2bi backup backup-gateway backup-search batch bcm-dashboards \
    bcm-data-exports bcm-pricing-calculator bcm-recommended-actions bedrock bedrock-agentcore \
    billing billingconductor braket budgets cases cassandra ce chatbot chime cleanrooms \
    cleanrooms-ml cloud9 cloudcontrolapi clouddirectory cloudformation cloudfront cloudhsm \
    cloudsearch cloudtrail cloudtrail-data codeartifact codebuild codecommit codeconnections \
    codedeploy codeguru-profiler codeguru-reviewer codeguru-security codepipeline \
    codestar-connections codestar-notifications cognito-identity cognito-idp cognito-sync \
    comprehend comprehendmedical compute-optimizer config connect connect-campaigns continuum \
    controlcatalog controltower cost-optimization-hub cur databrew dataexchange datapipeline \
    datasync datazone dax detective devicefarm devops-guru directconnect discovery dlm dms \
    docdb-elastic drs ds ds-data dsql dynamodb ebs ec2 ec2-instance-connect ecr ecr-public ecs \
    eks eks-auth elasticache elasticbeanstalk elasticfilesystem elasticloadbalancing \
    elasticmapreduce elemental-inference emr-containers emr-serverless end-user-messaging \
    entityresolution es events evs execute-api firehose fis fms forecast frauddetector freetier \
    fsx gamelift gameliftstreams geo-maps geo-places geo-routes glacier globalaccelerator glue \
    grafana greengrass groundstation guardduty health health-agent healthlake iam identitystore \
    imagebuilder importexport inspector inspector-scan inspector2 interconnect internetmonitor \
    invoicing iot iotfleetwise iotthingsgraph ivs ivschat kafka kafkaconnect kendra \
    kendra-ranking kinesis kinesisanalytics kinesisvideo kms lakeformation lambda launchwizard \
    license-manager license-manager-linux-subscriptions license-manager-user-subscriptions \
    lightsail logs lookoutequipment m2 machinelearning macie2 managedblockchain \
    managedblockchain-query marketplacecommerceanalytics mediaconnect mediaconvert medialive \
    mediapackage mediapackage-vod mediapackagev2 mediastore mediatailor medical-imaging mgh mgn \
    migrationhub-orchestrator migrationhub-strategy monitoring mpa mq mturk-requester neptune-db \
    network-firewall network-security-manager networkflowmonitor networkmanager networkmonitor \
    notifications notifications-contacts nova-act oam observabilityadmin odb organizations osis \
    outposts partnercentral-account partnercentral-benefits partnercentral-channel \
    partnercentral-marketing partnercentral-selling payments pca-connector-ad pca-connector-scep \
    pcs personalize pi pipes polly pricingplanmanager profile proton qbusiness quicksight ram \
    rbin rds rds-data redshift redshift-data redshift-serverless refactor-spaces rekognition \
    repostspace resiliencehub resource-explorer-2 resource-groups rolesanywhere route53 \
    route53-recovery-cluster route53-recovery-control-config route53-recovery-readiness \
    route53domains route53globalresolver route53profiles route53resolver rtbfabric rum s3files \
    s3tables s3vectors sagemaker-geospatial savingsplans scheduler schemas scn sdb \
    secretsmanager security-ir securityagent securityhub securitylake serverlessrepo \
    servicecatalog servicediscovery servicequotas shield signer sms-voice snow-device-management \
    snowball sns social-messaging sqs ssm ssm-contacts ssm-guiconnect ssm-incidents \
    ssm-quicksetup ssm-sap sso states storagegateway sts support supportapp supportauthz \
    sustainability swf synthetics tagging tax textract timestream-influxdb transcribe transfer \
    translate trustedadvisor uxc verifiedpermissions voiceid vpc-lattice waf waf-regional wafv2 \
    wellarchitected wisdom workdocs workmail workmailmessageflow workspaces workspaces-instances \
    workspaces-web xray";

/// The regions of all partitions, apart by spaces.
pub(super) const REGIONS: &str = "\
    af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 \
    ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 \
    ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1 \
    eu-central-2 eu-isoe-west-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 \
    eusc-de-east-1 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 \
    sa-west-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1 \
    us-isob-east-1 us-isob-west-1 us-isof-east-1 us-isof-south-1 us-west-1 us-west-2";

/// Where the signing region is not the host's: (signing name, signing region, where). An empty region is
/// the host's own, under another name than elsewhere. Bit `kind * 2 + dual_stack` of a partition's number
/// is set where the row holds; see `Place`.
pub(super) const HOMES: &[(&str, &str, [u16; 8])] = &[
    ("sustainability", "us-east-1", [10, 0, 0, 0, 0, 0, 0, 0]),
    (
        "billingconductor",
        "us-east-1",
        [15, 12, 0, 14, 14, 12, 12, 12],
    ),
    ("budgets", "cn-northwest-1", [0, 240, 0, 0, 0, 0, 0, 0]),
    ("budgets", "eu-isoe-west-1", [0, 0, 0, 0, 0, 480, 0, 0]),
    ("budgets", "eusc-de-east-1", [0, 0, 192, 0, 0, 0, 0, 0]),
    ("budgets", "us-east-1", [208, 0, 0, 0, 0, 0, 0, 0]),
    ("budgets", "us-gov-west-1", [32, 0, 0, 0, 0, 0, 0, 0]),
    ("budgets", "us-iso-east-1", [0, 0, 0, 240, 0, 0, 0, 0]),
    ("budgets", "us-isob-east-1", [0, 0, 0, 0, 480, 0, 0, 0]),
    ("budgets", "us-isof-south-1", [0, 0, 0, 0, 0, 0, 480, 0]),
    ("chime", "us-east-1", [15, 12, 0, 14, 14, 12, 12, 12]),
    ("cloudfront", "cn-northwest-1", [0, 160, 0, 0, 0, 0, 0, 0]),
    ("cloudfront", "eu-isoe-west-1", [0, 0, 0, 0, 0, 240, 0, 0]),
    ("cloudfront", "eusc-de-east-1", [0, 0, 240, 0, 0, 0, 0, 0]),
    ("cloudfront", "us-east-1", [592, 0, 0, 0, 0, 0, 0, 0]),
    ("cloudfront", "us-gov-west-1", [160, 0, 0, 0, 0, 0, 0, 0]),
    ("cloudfront", "us-iso-east-1", [0, 0, 0, 240, 0, 0, 0, 0]),
    ("cloudfront", "us-isob-east-1", [0, 0, 0, 0, 240, 0, 0, 0]),
    ("cloudfront", "us-isof-south-1", [0, 0, 0, 0, 0, 0, 240, 0]),
    ("health", "cn-northwest-1", [0, 16, 0, 0, 0, 0, 0, 0]),
    ("health", "us-east-1", [16, 0, 0, 0, 0, 0, 0, 0]),
    ("health", "cn-northwest-1", [0, 15, 0, 0, 0, 0, 0, 0]),
    ("health", "us-east-1", [15, 0, 0, 14, 14, 12, 12, 0]),
    ("health", "us-gov-west-1", [0, 0, 0, 0, 0, 0, 0, 12]),
    ("iam", "cn-north-1", [0, 704, 0, 0, 0, 0, 0, 0]),
    ("iam", "eu-isoe-west-1", [0, 0, 0, 0, 0, 224, 0, 0]),
    ("iam", "eusc-de-east-1", [0, 0, 704, 0, 0, 0, 0, 0]),
    ("iam", "us-east-1", [592, 0, 0, 0, 0, 0, 0, 0]),
    ("iam", "us-gov-west-1", [0, 0, 0, 0, 0, 0, 0, 48]),
    ("iam", "us-iso-east-1", [0, 0, 0, 160, 0, 0, 0, 0]),
    ("iam", "us-isob-east-1", [0, 0, 0, 0, 160, 0, 0, 0]),
    ("iam", "us-isof-south-1", [0, 0, 0, 0, 0, 0, 224, 0]),
    (
        "IngestionService",
        "us-east-1",
        [31, 12, 0, 14, 14, 12, 12, 12],
    ),
    ("geo-maps", "", [15, 0, 0, 0, 0, 0, 0, 15]),
    (
        "partnercentral-channel",
        "cn-northwest-1",
        [0, 512, 0, 0, 0, 0, 0, 0],
    ),
    (
        "partnercentral-channel",
        "eu-isoe-west-1",
        [0, 0, 0, 0, 0, 512, 0, 0],
    ),
    (
        "partnercentral-channel",
        "eusc-de-east-1",
        [0, 0, 512, 0, 0, 0, 0, 0],
    ),
    (
        "partnercentral-channel",
        "us-east-1",
        [512, 0, 0, 0, 0, 0, 0, 0],
    ),
    (
        "partnercentral-channel",
        "us-gov-west-1",
        [0, 0, 0, 0, 0, 0, 0, 160],
    ),
    (
        "partnercentral-channel",
        "us-iso-east-1",
        [0, 0, 0, 512, 0, 0, 0, 0],
    ),
    (
        "partnercentral-channel",
        "us-isob-east-1",
        [0, 0, 0, 0, 512, 0, 0, 0],
    ),
    (
        "partnercentral-channel",
        "us-isof-south-1",
        [0, 0, 0, 0, 0, 0, 512, 0],
    ),
    (
        "partnercentral",
        "cn-northwest-1",
        [0, 512, 0, 0, 0, 0, 0, 0],
    ),
    (
        "partnercentral",
        "eu-isoe-west-1",
        [0, 0, 0, 0, 0, 512, 0, 0],
    ),
    (
        "partnercentral",
        "eusc-de-east-1",
        [0, 0, 512, 0, 0, 0, 0, 0],
    ),
    ("partnercentral", "us-east-1", [512, 0, 0, 0, 0, 0, 0, 0]),
    (
        "partnercentral",
        "us-gov-west-1",
        [0, 0, 0, 0, 0, 0, 0, 160],
    ),
    (
        "partnercentral",
        "us-iso-east-1",
        [0, 0, 0, 512, 0, 0, 0, 0],
    ),
    (
        "partnercentral",
        "us-isob-east-1",
        [0, 0, 0, 0, 512, 0, 0, 0],
    ),
    (
        "partnercentral",
        "us-isof-south-1",
        [0, 0, 0, 0, 0, 0, 512, 0],
    ),
    ("geo-places", "", [15, 0, 0, 0, 0, 0, 0, 15]),
    ("route53", "cn-northwest-1", [0, 720, 0, 0, 0, 0, 0, 0]),
    ("route53", "eu-isoe-west-1", [0, 0, 0, 0, 0, 240, 0, 0]),
    ("route53", "eusc-de-east-1", [0, 0, 720, 0, 0, 0, 0, 0]),
    ("route53", "us-east-1", [592, 0, 0, 0, 0, 0, 0, 0]),
    ("route53", "us-gov-west-1", [0, 0, 0, 0, 0, 0, 0, 48]),
    ("route53", "us-iso-east-1", [0, 0, 0, 240, 0, 0, 0, 0]),
    ("route53", "us-isob-east-1", [0, 0, 0, 0, 240, 0, 0, 0]),
    ("route53", "us-isof-south-1", [0, 0, 0, 0, 0, 0, 240, 0]),
    ("geo-routes", "", [15, 0, 0, 0, 0, 0, 0, 0]),
    ("savingsplans", "eu-isoe-west-1", [0, 0, 0, 0, 0, 4, 0, 0]),
    ("savingsplans", "us-east-1", [543, 12, 0, 14, 14, 0, 0, 12]),
    ("savingsplans", "us-isof-south-1", [0, 0, 0, 0, 0, 0, 5, 0]),
    ("sdb", "us-east-1", [16, 0, 0, 0, 0, 0, 0, 0]),
    ("shield", "us-east-1", [10, 12, 0, 14, 14, 12, 12, 12]),
    ("sts", "us-east-1", [28, 0, 0, 0, 0, 0, 0, 0]),
    (
        "sustainability",
        "cn-northwest-1",
        [0, 512, 0, 0, 0, 0, 0, 0],
    ),
    (
        "sustainability",
        "eu-isoe-west-1",
        [0, 0, 0, 0, 0, 512, 0, 0],
    ),
    (
        "sustainability",
        "eusc-de-east-1",
        [0, 0, 512, 0, 0, 0, 0, 0],
    ),
    ("sustainability", "us-east-1", [512, 0, 0, 0, 0, 0, 0, 0]),
    (
        "sustainability",
        "us-gov-west-1",
        [0, 0, 0, 0, 0, 0, 0, 160],
    ),
    (
        "sustainability",
        "us-iso-east-1",
        [0, 0, 0, 512, 0, 0, 0, 0],
    ),
    (
        "sustainability",
        "us-isob-east-1",
        [0, 0, 0, 0, 512, 0, 0, 0],
    ),
    (
        "sustainability",
        "us-isof-south-1",
        [0, 0, 0, 0, 0, 0, 512, 0],
    ),
    ("waf", "us-east-1", [90, 12, 0, 14, 14, 12, 12, 12]),
];

/// Hosts that no row of `HOMES` is right for: (host, signing region).
pub(super) const EXCEPTIONS: &[(&str, &str)] = &[
    ("health-fips.us-east-2.amazonaws.com", "us-east-2"),
    ("health-fips.us-east-2.api.aws", "us-east-2"),
    ("health.us-east-2.amazonaws.com", "us-east-2"),
    ("health.us-east-2.api.aws", "us-east-2"),
];
