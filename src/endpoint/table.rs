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

/// The signing names of the next two tables, which have their places: pointers are dear.
pub(super) const SERVICES: &[&str] = &[
    "IngestionService",
    "IoTSecuredTunneling",
    "account-access",
    "acm",
    "agent-registry",
    "aidevops",
    "airflow",
    "appconfig",
    "appstream",
    "arc-region-switch",
    "aws-marketplace",
    "bedrock",
    "bedrock-agentcore",
    "billingconductor",
    "budgets",
    "cassandra",
    "chime",
    "cloudfront",
    "cloudhsm",
    "cloudsearch",
    "cloudwatch",
    "connect",
    "dataexchange",
    "deadline",
    "detective",
    "dynamodb",
    "ecr",
    "ecr-public",
    "elasticfilesystem",
    "es",
    "events",
    "execute-api",
    "forecast",
    "geo",
    "geo-maps",
    "geo-places",
    "geo-routes",
    "health",
    "health-agent",
    "healthlake",
    "iam",
    "importexport",
    "iot-jobs-data",
    "iotdata",
    "iotdeviceadvisor",
    "iotmanagedintegrations",
    "iotsitewise",
    "iottwinmaker",
    "iotwireless",
    "ivs",
    "kafka",
    "kinesis",
    "lakeformation",
    "lex",
    "logs",
    "mediaconvert",
    "mediastore",
    "mediatailor",
    "medical-imaging",
    "memorydb",
    "mgh",
    "mobiletargeting",
    "omics",
    "partnercentral",
    "partnercentral-channel",
    "payment-cryptography",
    "personalize",
    "pricing",
    "qapps",
    "route53",
    "route53-recovery-control-config",
    "rum",
    "sagemaker",
    "savingsplans",
    "sdb",
    "servicecatalog",
    "servicediscovery",
    "ses",
    "shield",
    "signer",
    "sms-voice",
    "sso-oauth",
    "states",
    "sts",
    "sustainability",
    "thinclient",
    "timestream",
    "transcribe",
    "waf",
    "wellarchitected",
    "wickr",
];

/// The signing regions of `HOMES`. An empty one is the host's own.
pub(super) const HOME_REGIONS: &[&str] = &[
    "",
    "cn-north-1",
    "cn-northwest-1",
    "eu-isoe-west-1",
    "eusc-de-east-1",
    "us-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
];

/// Labels before the region that do not say it all, the shorter first: (labels, the place of the signing
/// name in `SERVICES`, and the first and the number of their rows in `HOMES`).
pub(super) const NAMES: &[(&str, u8, u8, u8)] = &[
    ("aos", 29, 0, 0),
    ("efs", 28, 0, 0),
    ("iam", 40, 40, 8),
    ("sdb", 74, 91, 1),
    ("sts", 83, 99, 1),
    ("waf", 88, 108, 7),
    ("oidc", 81, 0, 0),
    ("chime", 16, 16, 7),
    ("email", 77, 0, 0),
    ("health", 37, 33, 7),
    ("shield", 78, 92, 7),
    ("api.ecr", 26, 0, 0),
    ("budgets", 14, 8, 8),
    ("route53", 69, 75, 8),
    ("acm-acme", 3, 0, 0),
    ("data.iot", 43, 0, 0),
    ("eventsv2", 30, 0, 0),
    ("maps.geo", 33, 55, 2),
    ("pinpoint", 61, 0, 0),
    ("kafka-api", 50, 0, 0),
    ("memory-db", 59, 0, 0),
    ("appstream2", 8, 0, 0),
    ("cloudfront", 17, 23, 8),
    ("cloudhsmv2", 18, 0, 0),
    ("data.qapps", 68, 0, 0),
    ("models.lex", 53, 0, 0),
    ("places.geo", 33, 73, 2),
    ("routes.geo", 33, 83, 1),
    ("tags-omics", 62, 0, 0),
    ("admin.wickr", 90, 0, 0),
    ("api.airflow", 6, 0, 0),
    ("api.pricing", 67, 0, 0),
    ("cp.aidevops", 5, 0, 0),
    ("cp.maps.geo", 33, 0, 0),
    ("data-signer", 79, 0, 0),
    ("dp.aidevops", 5, 0, 0),
    ("env.airflow", 6, 0, 0),
    ("iam-toolbox", 40, 0, 0),
    ("ivsrealtime", 49, 0, 0),
    ("ops.airflow", 6, 0, 0),
    ("runtime.lex", 53, 0, 0),
    ("stream-logs", 54, 0, 0),
    ("sync-states", 82, 0, 0),
    ("voice-chime", 16, 0, 0),
    ("contact-lens", 21, 0, 0),
    ("data-ats.iot", 43, 0, 0),
    ("data.ats.iot", 43, 0, 0),
    ("importexport", 41, 48, 7),
    ("mail-manager", 77, 0, 0),
    ("metadata.geo", 33, 0, 0),
    ("savingsplans", 73, 84, 7),
    ("tracking.geo", 33, 0, 0),
    ("api.detective", 24, 0, 0),
    ("api.sagemaker", 72, 0, 0),
    ("appconfigdata", 7, 0, 0),
    ("bedrock-agent", 11, 0, 0),
    ("cn.transcribe", 87, 0, 0),
    ("cp.places.geo", 33, 0, 0),
    ("cp.routes.geo", 33, 0, 0),
    ("data.jobs.iot", 42, 0, 0),
    ("dataplane.rum", 71, 0, 0),
    ("forecastquery", 32, 0, 0),
    ("global.health", 37, 31, 2),
    ("models-v2-lex", 53, 0, 0),
    ("storage-omics", 62, 0, 0),
    ("api.ecr-public", 27, 0, 0),
    ("api.thinclient", 85, 0, 0),
    ("edge.sagemaker", 72, 0, 0),
    ("geofencing.geo", 33, 0, 0),
    ("identity-chime", 16, 0, 0),
    ("kinesis-queues", 51, 0, 0),
    ("meetings-chime", 16, 0, 0),
    ("runtime-v2-lex", 53, 0, 0),
    ("sustainability", 84, 100, 8),
    ("analytics-omics", 62, 0, 0),
    ("api.iotsitewise", 46, 0, 0),
    ("api.iotwireless", 48, 0, 0),
    ("api.mediatailor", 57, 0, 0),
    ("bedrock-runtime", 11, 0, 0),
    ("cloudwatch-omni", 20, 0, 0),
    ("cp.metadata.geo", 33, 0, 0),
    ("cp.tracking.geo", 33, 0, 0),
    ("data.mediastore", 56, 0, 0),
    ("messaging-chime", 16, 0, 0),
    ("search-dynamodb", 25, 0, 0),
    ("workflows-omics", 62, 0, 0),
    ("api.iottwinmaker", 47, 0, 0),
    ("billingconductor", 13, 1, 7),
    ("data.iotsitewise", 46, 0, 0),
    ("query.timestream", 86, 0, 0),
    ("streams-dynamodb", 25, 0, 0),
    ("streams.dynamodb", 25, 0, 0),
    ("timestream-query", 86, 0, 0),
    ("api.iot-tunneling", 1, 0, 0),
    ("api.tunneling.iot", 1, 0, 0),
    ("cassandra-streams", 15, 0, 0),
    ("cloudsearchdomain", 19, 0, 0),
    ("cp.geofencing.geo", 33, 0, 0),
    ("data.iottwinmaker", 47, 0, 0),
    ("ingest.timestream", 86, 0, 0),
    ("metrics.sagemaker", 72, 0, 0),
    ("routes.geo.us-gov", 36, 0, 0),
    ("runtime.sagemaker", 72, 0, 0),
    ("timestream-ingest", 86, 0, 0),
    ("api.sustainability", 84, 0, 1),
    ("data-lakeformation", 52, 0, 0),
    ("partnercentral-prm", 63, 65, 8),
    ("personalize-events", 66, 0, 0),
    ("sms-voice.pinpoint", 80, 0, 0),
    ("catalog-marketplace", 10, 0, 0),
    ("catalog.marketplace", 10, 0, 0),
    ("management.deadline", 23, 0, 0),
    ("migrationhub-config", 60, 0, 0),
    ("monitor.iotsitewise", 46, 0, 0),
    ("participant.connect", 31, 0, 0),
    ("personalize-runtime", 66, 0, 0),
    ("query-lakeformation", 52, 0, 0),
    ("scheduling.deadline", 23, 0, 0),
    ("api.iotdeviceadvisor", 44, 0, 0),
    ("metering-marketplace", 10, 0, 0),
    ("metering.marketplace", 10, 0, 0),
    ("runtime.health-agent", 38, 0, 0),
    ("a2i-runtime.sagemaker", 72, 0, 0),
    ("agreement-marketplace", 10, 0, 0),
    ("bedrock-agent-runtime", 11, 0, 0),
    ("control-storage-omics", 62, 0, 0),
    ("data-servicediscovery", 76, 0, 0),
    ("discovery-marketplace", 10, 0, 0),
    ("job-runtime.sagemaker", 72, 0, 0),
    ("media-pipelines-chime", 16, 0, 0),
    ("reporting-marketplace", 10, 0, 0),
    ("wellarchitected-agent", 89, 0, 0),
    ("account-access-runtime", 2, 0, 0),
    ("agent-registry-control", 4, 0, 0),
    ("deployment-marketplace", 10, 0, 0),
    ("partnercentral-channel", 64, 57, 8),
    ("streaming.health-agent", 38, 0, 0),
    ("subscribe.mediaconvert", 55, 0, 0),
    ("bedrock-data-automation", 11, 0, 0),
    ("entitlement-marketplace", 10, 0, 0),
    ("entitlement.marketplace", 10, 0, 0),
    ("runtime-medical-imaging", 58, 0, 0),
    ("api-fulfill.dataexchange", 22, 0, 0),
    ("bedrock-agentcore-control", 12, 0, 0),
    ("gateway-runtime.sagemaker", 72, 0, 0),
    ("api.iotmanagedintegrations", 45, 0, 0),
    ("servicecatalog-appregistry", 75, 0, 0),
    ("arc-recovery-control-config", 70, 0, 0),
    ("datatransformation.healthlake", 39, 0, 0),
    ("dataplane.payment-cryptography", 65, 0, 0),
    ("featurestore-runtime.sagemaker", 72, 0, 0),
    ("arc-region-switch-control-plane", 9, 0, 0),
    ("bedrock-data-automation-runtime", 11, 0, 0),
    ("controlplane.payment-cryptography", 65, 0, 0),
    ("inferencerouter-runtime.sagemaker", 72, 0, 0),
    ("training-session-runtime.sagemaker", 72, 0, 0),
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

/// Where the signing region is not the host's, or is under another name than elsewhere: (the places of
/// signing name and region, the partition's number, where). Bit `kind * 2 + dual_stack` is set where the row
/// holds; see `Place`.
pub(super) const HOMES: &[(u8, u8, u8, u16)] = &[
    (84, 5, 0, 10),  // api.sustainability
    (13, 5, 0, 15),  // billingconductor
    (13, 5, 1, 12),  // billingconductor
    (13, 5, 3, 14),  // billingconductor
    (13, 5, 4, 14),  // billingconductor
    (13, 5, 5, 12),  // billingconductor
    (13, 5, 6, 12),  // billingconductor
    (13, 5, 7, 12),  // billingconductor
    (14, 2, 1, 240), // budgets
    (14, 3, 5, 480), // budgets
    (14, 4, 2, 192), // budgets
    (14, 5, 0, 208), // budgets
    (14, 6, 0, 32),  // budgets
    (14, 7, 3, 240), // budgets
    (14, 8, 4, 480), // budgets
    (14, 9, 6, 480), // budgets
    (16, 5, 0, 15),  // chime
    (16, 5, 1, 12),  // chime
    (16, 5, 3, 14),  // chime
    (16, 5, 4, 14),  // chime
    (16, 5, 5, 12),  // chime
    (16, 5, 6, 12),  // chime
    (16, 5, 7, 12),  // chime
    (17, 2, 1, 160), // cloudfront
    (17, 3, 5, 240), // cloudfront
    (17, 4, 2, 240), // cloudfront
    (17, 5, 0, 592), // cloudfront
    (17, 6, 0, 160), // cloudfront
    (17, 7, 3, 240), // cloudfront
    (17, 8, 4, 240), // cloudfront
    (17, 9, 6, 240), // cloudfront
    (37, 2, 1, 16),  // global.health
    (37, 5, 0, 16),  // global.health
    (37, 2, 1, 15),  // health
    (37, 5, 0, 15),  // health
    (37, 5, 3, 14),  // health
    (37, 5, 4, 14),  // health
    (37, 5, 5, 12),  // health
    (37, 5, 6, 12),  // health
    (37, 6, 7, 12),  // health
    (40, 1, 1, 704), // iam
    (40, 3, 5, 224), // iam
    (40, 4, 2, 704), // iam
    (40, 5, 0, 592), // iam
    (40, 6, 7, 48),  // iam
    (40, 7, 3, 160), // iam
    (40, 8, 4, 160), // iam
    (40, 9, 6, 224), // iam
    (0, 5, 0, 31),   // importexport
    (0, 5, 1, 12),   // importexport
    (0, 5, 3, 14),   // importexport
    (0, 5, 4, 14),   // importexport
    (0, 5, 5, 12),   // importexport
    (0, 5, 6, 12),   // importexport
    (0, 5, 7, 12),   // importexport
    (34, 0, 0, 15),  // maps.geo
    (34, 0, 7, 15),  // maps.geo
    (64, 2, 1, 512), // partnercentral-channel
    (64, 3, 5, 512), // partnercentral-channel
    (64, 4, 2, 512), // partnercentral-channel
    (64, 5, 0, 512), // partnercentral-channel
    (64, 6, 7, 160), // partnercentral-channel
    (64, 7, 3, 512), // partnercentral-channel
    (64, 8, 4, 512), // partnercentral-channel
    (64, 9, 6, 512), // partnercentral-channel
    (63, 2, 1, 512), // partnercentral-prm
    (63, 3, 5, 512), // partnercentral-prm
    (63, 4, 2, 512), // partnercentral-prm
    (63, 5, 0, 512), // partnercentral-prm
    (63, 6, 7, 160), // partnercentral-prm
    (63, 7, 3, 512), // partnercentral-prm
    (63, 8, 4, 512), // partnercentral-prm
    (63, 9, 6, 512), // partnercentral-prm
    (35, 0, 0, 15),  // places.geo
    (35, 0, 7, 15),  // places.geo
    (69, 2, 1, 720), // route53
    (69, 3, 5, 240), // route53
    (69, 4, 2, 720), // route53
    (69, 5, 0, 592), // route53
    (69, 6, 7, 48),  // route53
    (69, 7, 3, 240), // route53
    (69, 8, 4, 240), // route53
    (69, 9, 6, 240), // route53
    (36, 0, 0, 15),  // routes.geo
    (73, 3, 5, 4),   // savingsplans
    (73, 5, 0, 543), // savingsplans
    (73, 5, 1, 12),  // savingsplans
    (73, 5, 3, 14),  // savingsplans
    (73, 5, 4, 14),  // savingsplans
    (73, 5, 7, 12),  // savingsplans
    (73, 9, 6, 5),   // savingsplans
    (74, 5, 0, 16),  // sdb
    (78, 5, 0, 10),  // shield
    (78, 5, 1, 12),  // shield
    (78, 5, 3, 14),  // shield
    (78, 5, 4, 14),  // shield
    (78, 5, 5, 12),  // shield
    (78, 5, 6, 12),  // shield
    (78, 5, 7, 12),  // shield
    (83, 5, 0, 28),  // sts
    (84, 2, 1, 512), // sustainability
    (84, 3, 5, 512), // sustainability
    (84, 4, 2, 512), // sustainability
    (84, 5, 0, 512), // sustainability
    (84, 6, 7, 160), // sustainability
    (84, 7, 3, 512), // sustainability
    (84, 8, 4, 512), // sustainability
    (84, 9, 6, 512), // sustainability
    (88, 5, 0, 90),  // waf
    (88, 5, 1, 12),  // waf
    (88, 5, 3, 14),  // waf
    (88, 5, 4, 14),  // waf
    (88, 5, 5, 12),  // waf
    (88, 5, 6, 12),  // waf
    (88, 5, 7, 12),  // waf
];

/// Hosts that no row of `HOMES` is right for: (host, signing region).
pub(super) const EXCEPTIONS: &[(&str, &str)] = &[
    ("health-fips.us-east-2.amazonaws.com", "us-east-2"),
    ("health-fips.us-east-2.api.aws", "us-east-2"),
    ("health.us-east-2.amazonaws.com", "us-east-2"),
    ("health.us-east-2.api.aws", "us-east-2"),
];
