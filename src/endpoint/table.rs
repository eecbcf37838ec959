//! AWS's endpoints as botocore 1.44.5 resolves them.
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

/// Labels before the region that are not the signing name: (labels, signing name).
pub(super) const NAMES: &[(&str, &str)] = &[
    ("a2i-runtime.sagemaker", "sagemaker"),
    ("acm-acme", "acm"),
    ("admin.wickr", "wickr"),
    ("agent-registry-control", "agent-registry"),
    ("agreement-marketplace", "aws-marketplace"),
    ("analytics-omics", "omics"),
    ("aos", "es"),
    ("api-fulfill.dataexchange", "dataexchange"),
    ("api.airflow", "airflow"),
    ("api.detective", "detective"),
    ("api.ecr", "ecr"),
    ("api.ecr-public", "ecr-public"),
    ("api.iot-tunneling", "IoTSecuredTunneling"),
    ("api.iotdeviceadvisor", "iotdeviceadvisor"),
    ("api.iotmanagedintegrations", "iotmanagedintegrations"),
    ("api.iotsitewise", "iotsitewise"),
    ("api.iottwinmaker", "iottwinmaker"),
    ("api.iotwireless", "iotwireless"),
    ("api.mediatailor", "mediatailor"),
    ("api.pricing", "pricing"),
    ("api.sagemaker", "sagemaker"),
    ("api.sustainability", "sustainability"),
    ("api.thinclient", "thinclient"),
    ("api.tunneling.iot", "IoTSecuredTunneling"),
    ("appconfigdata", "appconfig"),
    ("appstream2", "appstream"),
    (
        "arc-recovery-control-config",
        "route53-recovery-control-config",
    ),
    ("arc-region-switch-control-plane", "arc-region-switch"),
    ("bedrock-agent", "bedrock"),
    ("bedrock-agent-runtime", "bedrock"),
    ("bedrock-agentcore-control", "bedrock-agentcore"),
    ("bedrock-data-automation", "bedrock"),
    ("bedrock-data-automation-runtime", "bedrock"),
    ("bedrock-runtime", "bedrock"),
    ("cassandra-streams", "cassandra"),
    ("catalog-marketplace", "aws-marketplace"),
    ("catalog.marketplace", "aws-marketplace"),
    ("cloudhsmv2", "cloudhsm"),
    ("cloudsearchdomain", "cloudsearch"),
    ("cloudwatch-omni", "cloudwatch"),
    ("cn.transcribe", "transcribe"),
    ("contact-lens", "connect"),
    ("control-storage-omics", "omics"),
    ("controlplane.payment-cryptography", "payment-cryptography"),
    ("cp.aidevops", "aidevops"),
    ("cp.geofencing.geo", "geo"),
    ("cp.maps.geo", "geo"),
    ("cp.metadata.geo", "geo"),
    ("cp.places.geo", "geo"),
    ("cp.routes.geo", "geo"),
    ("cp.tracking.geo", "geo"),
    ("data-ats.iot", "iotdata"),
    ("data-lakeformation", "lakeformation"),
    ("data-servicediscovery", "servicediscovery"),
    ("data-signer", "signer"),
    ("data.ats.iot", "iotdata"),
    ("data.iot", "iotdata"),
    ("data.iotsitewise", "iotsitewise"),
    ("data.iottwinmaker", "iottwinmaker"),
    ("data.jobs.iot", "iot-jobs-data"),
    ("data.mediastore", "mediastore"),
    ("data.qapps", "qapps"),
    ("dataplane.payment-cryptography", "payment-cryptography"),
    ("dataplane.rum", "rum"),
    ("datatransformation.healthlake", "healthlake"),
    ("deployment-marketplace", "aws-marketplace"),
    ("discovery-marketplace", "aws-marketplace"),
    ("dp.aidevops", "aidevops"),
    ("edge.sagemaker", "sagemaker"),
    ("efs", "elasticfilesystem"),
    ("email", "ses"),
    ("entitlement-marketplace", "aws-marketplace"),
    ("entitlement.marketplace", "aws-marketplace"),
    ("env.airflow", "airflow"),
    ("eventsv2", "events"),
    ("featurestore-runtime.sagemaker", "sagemaker"),
    ("forecastquery", "forecast"),
    ("geofencing.geo", "geo"),
    ("global.health", "health"),
    ("iam-toolbox", "iam"),
    ("identity-chime", "chime"),
    ("inferencerouter-runtime.sagemaker", "sagemaker"),
    ("ingest.timestream", "timestream"),
    ("ivsrealtime", "ivs"),
    ("job-runtime.sagemaker", "sagemaker"),
    ("kafka-api", "kafka"),
    ("kinesis-queues", "kinesis"),
    ("mail-manager", "ses"),
    ("management.deadline", "deadline"),
    ("maps.geo", "geo"),
    ("media-pipelines-chime", "chime"),
    ("meetings-chime", "chime"),
    ("memory-db", "memorydb"),
    ("messaging-chime", "chime"),
    ("metadata.geo", "geo"),
    ("metering-marketplace", "aws-marketplace"),
    ("metering.marketplace", "aws-marketplace"),
    ("metrics.sagemaker", "sagemaker"),
    ("migrationhub-config", "mgh"),
    ("models-v2-lex", "lex"),
    ("models.lex", "lex"),
    ("monitor.iotsitewise", "iotsitewise"),
    ("oidc", "sso-oauth"),
    ("ops.airflow", "airflow"),
    ("participant.connect", "execute-api"),
    ("partnercentral-prm", "partnercentral"),
    ("personalize-events", "personalize"),
    ("personalize-runtime", "personalize"),
    ("pinpoint", "mobiletargeting"),
    ("places.geo", "geo"),
    ("query-lakeformation", "lakeformation"),
    ("query.timestream", "timestream"),
    ("reporting-marketplace", "aws-marketplace"),
    ("routes.geo", "geo"),
    ("routes.geo.us-gov", "geo-routes"),
    ("runtime-medical-imaging", "medical-imaging"),
    ("runtime-v2-lex", "lex"),
    ("runtime.health-agent", "health-agent"),
    ("runtime.lex", "lex"),
    ("runtime.sagemaker", "sagemaker"),
    ("scheduling.deadline", "deadline"),
    ("search-dynamodb", "dynamodb"),
    ("servicecatalog-appregistry", "servicecatalog"),
    ("sms-voice.pinpoint", "sms-voice"),
    ("storage-omics", "omics"),
    ("stream-logs", "logs"),
    ("streaming.health-agent", "health-agent"),
    ("streams-dynamodb", "dynamodb"),
    ("streams.dynamodb", "dynamodb"),
    ("subscribe.mediaconvert", "mediaconvert"),
    ("sync-states", "states"),
    ("tags-omics", "omics"),
    ("timestream-ingest", "timestream"),
    ("timestream-query", "timestream"),
    ("tracking.geo", "geo"),
    ("training-session-runtime.sagemaker", "sagemaker"),
    ("voice-chime", "chime"),
    ("wellarchitected-agent", "wellarchitected"),
    ("workflows-omics", "omics"),
];

/// Labels behind one that the caller chooses, such as an account id: (labels, signing name).
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
    access-analyzer account account-access acm acm-pca aco-automation agent-registry aiops \
    airflow-serverless amplify amplifybackend amplifyuibuilder aoss apigateway app-integrations \
    appconfig appfabric appflow application-autoscaling application-cost-profiler \
    application-signals applicationinsights appmesh apprunner appsync aps arc-region-switch \
    arc-zonal-shift artifact athena auditmanager autoscaling autoscaling-plans b2bi backup \
    backup-gateway backup-search batch bcm-dashboards bcm-data-exports bcm-pricing-calculator \
    bcm-recommended-actions bedrock bedrock-agentcore billing billingconductor braket budgets \
    cases cassandra ce chatbot chime cleanrooms cleanrooms-ml cloud9 cloudcontrolapi \
    clouddirectory cloudformation cloudfront cloudhsm cloudsearch cloudtrail cloudtrail-data \
    codeartifact codebuild codecommit codeconnections codedeploy codeguru-profiler \
    codeguru-reviewer codeguru-security codepipeline codestar-connections codestar-notifications \
    cognito-identity cognito-idp cognito-sync comprehend comprehendmedical compute-optimizer \
    config connect connect-campaigns continuum controlcatalog controltower cost-optimization-hub \
    cur databrew dataexchange datapipeline datasync datazone dax detective devicefarm \
    devops-guru directconnect discovery dlm dms docdb-elastic drs ds ds-data dsql dynamodb ebs \
    ec2 ec2-instance-connect ecr ecr-public ecs eks eks-auth elasticache elasticbeanstalk \
    elasticfilesystem elasticloadbalancing elasticmapreduce elemental-inference emr-containers \
    emr-serverless end-user-messaging entityresolution es events evs execute-api firehose fis \
    fms forecast frauddetector freetier fsx gamelift gameliftstreams geo-maps geo-places \
    geo-routes glacier globalaccelerator glue grafana greengrass groundstation guardduty health \
    health-agent healthlake iam identitystore imagebuilder importexport inspector inspector-scan \
    inspector2 interconnect internetmonitor invoicing iot iotfleetwise iotthingsgraph ivs \
    ivschat kafka kafkaconnect kendra kendra-ranking kinesis kinesisanalytics kinesisvideo kms \
    lakeformation lambda launchwizard license-manager license-manager-linux-subscriptions \
    license-manager-user-subscriptions lightsail logs lookoutequipment m2 machinelearning macie2 \
    managedblockchain managedblockchain-query marketplacecommerceanalytics mediaconnect \
    mediaconvert medialive mediapackage mediapackage-vod mediapackagev2 mediastore mediatailor \
    medical-imaging mgh mgn migrationhub-orchestrator migrationhub-strategy monitoring mpa mq \
    mturk-requester neptune-db network-firewall network-security-manager networkflowmonitor \
    networkmanager networkmonitor notifications notifications-contacts nova-act oam \
    observabilityadmin odb organizations osis outposts partnercentral-account \
    partnercentral-benefits partnercentral-channel partnercentral-selling pca-connector-ad \
    pca-connector-scep pcs personalize pi pipes polly pricingplanmanager profile proton \
    qbusiness quicksight ram rbin rds rds-data redshift redshift-data redshift-serverless \
    refactor-spaces rekognition repostspace resiliencehub resource-explorer-2 resource-groups \
    rolesanywhere route53 route53-recovery-cluster route53-recovery-control-config \
    route53-recovery-readiness route53domains route53globalresolver route53profiles \
    route53resolver rtbfabric rum s3files s3tables s3vectors sagemaker-geospatial savingsplans \
    scheduler schemas scn sdb secretsmanager security-ir securityagent securityhub securitylake \
    serverlessrepo servicecatalog servicediscovery servicequotas shield signer sms-voice \
    snow-device-management snowball sns social-messaging sqs ssm ssm-contacts ssm-guiconnect \
    ssm-incidents ssm-quicksetup ssm-sap sso states storagegateway sts support supportapp \
    supportauthz sustainability swf synthetics tagging tax textract timestream-influxdb \
    transcribe transfer translate trustedadvisor uxc verifiedpermissions voiceid vpc-lattice waf \
    waf-regional wafv2 wellarchitected wisdom workdocs workmail workmailmessageflow workspaces \
    workspaces-instances workspaces-web xray";

/// Where the signing region is not the host's: (labels, signing name, signing region, where). An empty
/// region is the host's own, under another name than elsewhere.
/// Bit `(partition * 5 + kind) * 2 + dual_stack` of the last is set where the row holds; see `Place`.
pub(super) const HOMES: &[(&str, &str, &str, u128)] = &[
    (
        "api.sustainability",
        "sustainability",
        "us-east-1",
        0x0000_0000_0000_0000_000a,
    ),
    (
        "billingconductor",
        "billingconductor",
        "us-east-1",
        0x0300_c030_0e03_8000_300f,
    ),
    (
        "budgets",
        "budgets",
        "cn-northwest-1",
        0x0000_0000_0000_0003_c000,
    ),
    (
        "budgets",
        "budgets",
        "eu-isoe-west-1",
        0x0000_0780_0000_0000_0000,
    ),
    (
        "budgets",
        "budgets",
        "eusc-de-east-1",
        0x0000_0000_0000_0c00_0000,
    ),
    (
        "budgets",
        "budgets",
        "us-east-1",
        0x0000_0000_0000_0000_00d0,
    ),
    (
        "budgets",
        "budgets",
        "us-gov-west-1",
        0x0000_0000_0000_0000_0020,
    ),
    (
        "budgets",
        "budgets",
        "us-iso-east-1",
        0x0000_0000_003c_0000_0000,
    ),
    (
        "budgets",
        "budgets",
        "us-isob-east-1",
        0x0000_0001_e000_0000_0000,
    ),
    (
        "budgets",
        "budgets",
        "us-isof-south-1",
        0x001e_0000_0000_0000_0000,
    ),
    ("chime", "chime", "us-east-1", 0x0300_c030_0e03_8000_300f),
    (
        "cloudfront",
        "cloudfront",
        "cn-northwest-1",
        0x0000_0000_0000_0002_8000,
    ),
    (
        "cloudfront",
        "cloudfront",
        "eu-isoe-west-1",
        0x0000_03c0_0000_0000_0000,
    ),
    (
        "cloudfront",
        "cloudfront",
        "eusc-de-east-1",
        0x0000_0000_0000_0f00_0000,
    ),
    (
        "cloudfront",
        "cloudfront",
        "us-east-1",
        0x0000_0000_0000_0000_0250,
    ),
    (
        "cloudfront",
        "cloudfront",
        "us-gov-west-1",
        0x0000_0000_0000_0000_00a0,
    ),
    (
        "cloudfront",
        "cloudfront",
        "us-iso-east-1",
        0x0000_0000_003c_0000_0000,
    ),
    (
        "cloudfront",
        "cloudfront",
        "us-isob-east-1",
        0x0000_0000_f000_0000_0000,
    ),
    (
        "cloudfront",
        "cloudfront",
        "us-isof-south-1",
        0x000f_0000_0000_0000_0000,
    ),
    (
        "global.health",
        "health",
        "cn-northwest-1",
        0x0000_0000_0000_0000_4000,
    ),
    (
        "global.health",
        "health",
        "us-east-1",
        0x0000_0000_0000_0000_0010,
    ),
    (
        "health",
        "health",
        "cn-northwest-1",
        0x0000_0000_0000_0000_3c00,
    ),
    ("health", "health", "us-east-1", 0x0000_c030_0e03_8000_000f),
    (
        "health",
        "health",
        "us-gov-west-1",
        0x0300_0000_0000_0000_0000,
    ),
    ("iam", "iam", "cn-north-1", 0x0000_0000_0000_000b_0000),
    ("iam", "iam", "eu-isoe-west-1", 0x0000_0380_0000_0000_0000),
    ("iam", "iam", "eusc-de-east-1", 0x0000_0000_0000_2c00_0000),
    ("iam", "iam", "us-east-1", 0x0000_0000_0000_0000_0250),
    ("iam", "iam", "us-gov-west-1", 0x0c00_0000_0000_0000_0000),
    ("iam", "iam", "us-iso-east-1", 0x0000_0000_0028_0000_0000),
    ("iam", "iam", "us-isob-east-1", 0x0000_0000_a000_0000_0000),
    ("iam", "iam", "us-isof-south-1", 0x000e_0000_0000_0000_0000),
    (
        "importexport",
        "IngestionService",
        "us-east-1",
        0x0300_c030_0e03_8000_301f,
    ),
    ("maps.geo", "geo-maps", "", 0x03c0_0000_0000_0000_000f),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "cn-northwest-1",
        0x0000_0000_0000_0008_0000,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "eu-isoe-west-1",
        0x0000_0800_0000_0000_0000,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "eusc-de-east-1",
        0x0000_0000_0000_2000_0000,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "us-east-1",
        0x0000_0000_0000_0000_0200,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "us-gov-west-1",
        0x2800_0000_0000_0000_0000,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "us-iso-east-1",
        0x0000_0000_0080_0000_0000,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "us-isob-east-1",
        0x0000_0002_0000_0000_0000,
    ),
    (
        "partnercentral-channel",
        "partnercentral-channel",
        "us-isof-south-1",
        0x0020_0000_0000_0000_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "cn-northwest-1",
        0x0000_0000_0000_0008_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "eu-isoe-west-1",
        0x0000_0800_0000_0000_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "eusc-de-east-1",
        0x0000_0000_0000_2000_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "us-east-1",
        0x0000_0000_0000_0000_0200,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "us-gov-west-1",
        0x2800_0000_0000_0000_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "us-iso-east-1",
        0x0000_0000_0080_0000_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "us-isob-east-1",
        0x0000_0002_0000_0000_0000,
    ),
    (
        "partnercentral-prm",
        "partnercentral",
        "us-isof-south-1",
        0x0020_0000_0000_0000_0000,
    ),
    ("places.geo", "geo-places", "", 0x03c0_0000_0000_0000_000f),
    (
        "route53",
        "route53",
        "cn-northwest-1",
        0x0000_0000_0000_000b_4000,
    ),
    (
        "route53",
        "route53",
        "eu-isoe-west-1",
        0x0000_03c0_0000_0000_0000,
    ),
    (
        "route53",
        "route53",
        "eusc-de-east-1",
        0x0000_0000_0000_2d00_0000,
    ),
    (
        "route53",
        "route53",
        "us-east-1",
        0x0000_0000_0000_0000_0250,
    ),
    (
        "route53",
        "route53",
        "us-gov-west-1",
        0x0c00_0000_0000_0000_0000,
    ),
    (
        "route53",
        "route53",
        "us-iso-east-1",
        0x0000_0000_003c_0000_0000,
    ),
    (
        "route53",
        "route53",
        "us-isob-east-1",
        0x0000_0000_f000_0000_0000,
    ),
    (
        "route53",
        "route53",
        "us-isof-south-1",
        0x000f_0000_0000_0000_0000,
    ),
    ("routes.geo", "geo-routes", "", 0x0000_0000_0000_0000_000f),
    (
        "savingsplans",
        "savingsplans",
        "eu-isoe-west-1",
        0x0000_0010_0000_0000_0000,
    ),
    (
        "savingsplans",
        "savingsplans",
        "us-east-1",
        0x0300_0000_0e03_8000_321f,
    ),
    (
        "savingsplans",
        "savingsplans",
        "us-isof-south-1",
        0x0000_5000_0000_0000_0000,
    ),
    ("sdb", "sdb", "us-east-1", 0x0000_0000_0000_0000_0010),
    ("shield", "shield", "us-east-1", 0x0300_c030_0e03_8000_300a),
    ("sts", "sts", "us-east-1", 0x0000_0000_0000_0000_001c),
    (
        "support",
        "support",
        "cn-north-1",
        0x0000_0000_0000_0000_3000,
    ),
    (
        "support",
        "support",
        "us-east-1",
        0x0000_0000_0000_0000_000c,
    ),
    (
        "support",
        "support",
        "us-gov-west-1",
        0x0200_0000_0000_0000_0000,
    ),
    (
        "support",
        "support",
        "us-iso-east-1",
        0x0000_0000_0001_0000_0000,
    ),
    (
        "support",
        "support",
        "us-isob-east-1",
        0x0000_0000_0400_0000_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "cn-northwest-1",
        0x0000_0000_0000_0008_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "eu-isoe-west-1",
        0x0000_0800_0000_0000_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "eusc-de-east-1",
        0x0000_0000_0000_2000_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "us-east-1",
        0x0000_0000_0000_0000_0200,
    ),
    (
        "sustainability",
        "sustainability",
        "us-gov-west-1",
        0x2800_0000_0000_0000_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "us-iso-east-1",
        0x0000_0000_0080_0000_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "us-isob-east-1",
        0x0000_0002_0000_0000_0000,
    ),
    (
        "sustainability",
        "sustainability",
        "us-isof-south-1",
        0x0020_0000_0000_0000_0000,
    ),
    ("waf", "waf", "us-east-1", 0x0300_c030_0e03_8000_305a),
];

/// Hosts that no row of `HOMES` is right for: (host, signing name, signing region).
pub(super) const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("health-fips.us-east-2.amazonaws.com", "health", "us-east-2"),
    ("health-fips.us-east-2.api.aws", "health", "us-east-2"),
    ("health.us-east-2.amazonaws.com", "health", "us-east-2"),
    ("health.us-east-2.api.aws", "health", "us-east-2"),
];
