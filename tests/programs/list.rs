//! The programs: what each is, how it is set up, and what it does then.
//!
//! `cargo xtask programs` installs them and writes `docs/programs.md` from this list; `tests/e2e/tests/programs.rs` runs
//! them. What is said of a program is what the run must show: what works must end well, and what cannot must fail and say
//! why, so that a row changes when its fact does.
#![allow(dead_code, reason = "each of the two reads a part of it")]

/// A program, with its directory beside this file.
pub(crate) struct Program {
    /// Of its directory; letters and digits alone, as buckets are named by it.
    pub(crate) name: &'static str,
    /// As its users know it.
    pub(crate) title: &'static str,
    /// What it does here.
    pub(crate) does: &'static str,
    /// Which one.
    pub(crate) version: &'static str,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// When it is run.
    pub(crate) run: Run,
    /// The ways in which it is set up.
    pub(crate) attempts: &'static [Attempt],
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `requirements.txt`
    Python,
    /// `package.json`
    Npm,
    /// `pom.xml`
    Maven,
    /// `go.mod`
    Go,
    /// A package of Debian 12.
    Debian(&'static str),
}

/// When a program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// In CI, and by the command.
    InCi,
    /// By the command alone.
    ByCommand,
}

/// A program that is set up in one way.
pub(crate) struct Attempt {
    /// How it finds the sidecar.
    pub(crate) way: Way,
    /// What it hands its script beside the way; empty for the setup that is to be recommended.
    pub(crate) variant: &'static str,
    /// What it is given beyond the variables of the way; empty: nothing.
    pub(crate) setup: &'static str,
    /// What comes of it.
    pub(crate) outcome: Outcome,
}

/// How a program finds the sidecar; `docs/clients.md` has the variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// At its endpoint, with placeholder keys.
    Endpoint,
    /// As its proxy, with placeholder keys.
    Proxy,
    /// As its proxy, without keys.
    Unsigned,
    /// Not at all: it calls AWS over https, which is captured.
    Https,
}

/// What comes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It does its work.
    Works,
    /// It does not.
    Cannot {
        /// In a few words.
        why: &'static str,
        /// What it prints then, among other things.
        shows: &'static str,
    },
}

impl Way {
    /// The argument of the script.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Proxy => "proxy",
            Self::Unsigned => "unsigned",
            Self::Https => "https",
        }
    }
}

impl Attempt {
    /// The bucket that is there for it, and the beginning of all else that it makes.
    pub(crate) fn prefix(&self, program: &str) -> String {
        match self.variant {
            "" => format!("{program}-{}", self.way.name()),
            variant => format!("{program}-{}-{variant}", self.way.name()),
        }
    }
}

/// What works.
const fn works(way: Way, setup: &'static str) -> Attempt {
    Attempt {
        way,
        variant: "",
        setup,
        outcome: Outcome::Works,
    }
}

/// What cannot: `setup` is what was tried, `shows` what it prints.
const fn cannot(
    way: Way,
    variant: &'static str,
    setup: &'static str,
    why: &'static str,
    shows: &'static str,
) -> Attempt {
    Attempt {
        way,
        variant,
        setup,
        outcome: Outcome::Cannot { why, shows },
    }
}

/// What works in a variant.
const fn works_with(way: Way, variant: &'static str, setup: &'static str) -> Attempt {
    Attempt {
        variant,
        ..works(way, setup)
    }
}

use Way::{Endpoint, Https, Proxy, Unsigned};

/// All of them, by name.
pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "accesspoints",
        title: "boto3 with S3 Control and access points",
        does: "makes an access point, writes and reads through its ARN",
        version: "1.44.8",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            cannot(
                Endpoint,
                "",
                "",
                "it puts the account before the endpoint's name",
                "123456789012.127.0.0.1",
            ),
            works(Proxy, "`use_ssl=False`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "awscli",
        title: "AWS CLI 2",
        does: "S3 in parts, as a stream, copies, lists, deletes; DynamoDB, SQS, STS",
        version: "2.9.19",
        origin: Origin::Debian("awscli"),
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`--endpoint-url` on each call: before 2.13 it does not read the variable",
            ),
            cannot(
                Endpoint,
                "variable",
                "the variable alone",
                "2.9 does not read it",
                "Failed to connect to proxy URL",
            ),
            cannot(
                Endpoint,
                "control",
                "`s3control`",
                "it puts the account before the endpoint's name",
                "123456789012.127.0.0.1",
            ),
            cannot(
                Endpoint,
                "crt",
                "`preferred_transfer_client = crt`",
                "the CRT client speaks TLS to whatever endpoint it is given",
                "AWS_",
            ),
            works(Proxy, "`--endpoint-url http://s3.eu-west-1.amazonaws.com`"),
            works(Unsigned, "the same and `--no-sign-request`"),
            works(Https, ""),
            works_with(Https, "control", "`s3control`"),
            works_with(Https, "crt", "`preferred_transfer_client = crt`"),
        ],
    },
    Program {
        name: "awswrangler",
        title: "awswrangler",
        does: "Parquet datasets, CSV, lists, deletes, STS",
        version: "3.17.1",
        origin: Origin::Python,
        run: Run::ByCommand,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`awswrangler.config.s3_endpoint_url = \"http://s3.eu-west-1.amazonaws.com\"` and so on for each service",
            ),
            works(Https, ""),
        ],
    },
    Program {
        name: "celery",
        title: "Celery on SQS, results in S3",
        does: "a worker does five tasks",
        version: "5.7.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`is_secure: False` among `broker_transport_options`, `s3_endpoint_url = \"http://s3.eu-west-1.amazonaws.com\"`",
            ),
            cannot(
                Https,
                "",
                "",
                "it receives with botocore's own list of authorities, which no variable changes",
                "'list' object has no attribute 'get'",
            ),
        ],
    },
    Program {
        name: "crt",
        title: "boto3 with the CRT client",
        does: "uploads and downloads in parts",
        version: "1.44.8",
        origin: Origin::Python,
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`TransferConfig(preferred_transfer_client=\"classic\")`",
            ),
            cannot(
                Endpoint,
                "crt",
                "`preferred_transfer_client=\"crt\"`",
                "the CRT client speaks TLS to whatever endpoint it is given",
                "AWS_IO_",
            ),
            works(Proxy, "`use_ssl=False` and the classic client"),
            works(Https, ""),
            works_with(Https, "crt", "`preferred_transfer_client=\"crt\"`"),
        ],
    },
    Program {
        name: "deltalake",
        title: "deltalake",
        does: "a table: appends, deletes, compacts, reads an old version",
        version: "1.6.6",
        origin: Origin::Python,
        run: Run::ByCommand,
        attempts: &[
            works(Endpoint, "`AWS_ALLOW_HTTP=true` or `aws_allow_http`"),
            works(
                Proxy,
                "`aws_endpoint_url=http://s3.eu-west-1.amazonaws.com`, `aws_allow_http=true`",
            ),
            works(Unsigned, "the same and `aws_skip_signature=true`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "django",
        title: "django-storages",
        does: "saves, opens, lists, deletes files",
        version: "1.14.6",
        origin: Origin::Python,
        run: Run::ByCommand,
        attempts: &[
            works(Endpoint, ""),
            cannot(
                Endpoint,
                "url",
                "links (`url()`)",
                "they are presigned with the placeholder keys",
                "HTTP Error 4",
            ),
            works(
                Proxy,
                "`endpoint_url: \"http://s3.eu-west-1.amazonaws.com\"` among `OPTIONS`",
            ),
            works(Https, ""),
            cannot(
                Https,
                "url",
                "links (`url()`)",
                "they are presigned with the placeholder keys",
                "HTTP Error 4",
            ),
        ],
    },
    Program {
        name: "hadoop",
        title: "Hadoop S3A",
        does: "writes in parts, reads, renames, copies, uploads a file, deletes",
        version: "3.4.3",
        origin: Origin::Maven,
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`fs.s3a.endpoint`, `fs.s3a.path.style.access`, `fs.s3a.endpoint.region`",
            ),
            cannot(
                Proxy,
                "",
                "`fs.s3a.proxy.host`",
                "it renames, copies and uploads files through Netty, which sends `CONNECT` to a proxy",
                "Could not connect to proxy",
            ),
            cannot(
                Unsigned,
                "",
                "`AnonymousAWSCredentialsProvider`",
                "the same",
                "Could not connect to proxy",
            ),
            works(Https, ""),
        ],
    },
    Program {
        name: "java1",
        title: "Java SDK 1",
        does: "S3 in parts, copies, lists, deletes; DynamoDB, SQS",
        version: "1.12.797",
        origin: Origin::Maven,
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`EndpointConfiguration` and `withPathStyleAccessEnabled(true)`; for SQS, the host replaced in the queue's URL",
            ),
            works(
                Proxy,
                "`EndpointConfiguration` with `http://`, `withProxyHost`, `withProxyPort`; for SQS the same",
            ),
            works(Unsigned, "the same and `AnonymousAWSCredentials`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "javascript2",
        title: "JavaScript SDK 2",
        does: "S3 in parts, copies, lists, deletes; DynamoDB, SQS",
        version: "2.1693.0",
        origin: Origin::Npm,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`endpoint`, `s3ForcePathStyle: true`; for SQS, the host replaced in the queue's URL",
            ),
            works(
                Proxy,
                "`endpoint: \"http://...\"` and an agent that connects to the proxy; for SQS the same",
            ),
            works(Https, ""),
        ],
    },
    Program {
        name: "langchain",
        title: "langchain-aws on Bedrock",
        does: "a chat as a stream and in one piece",
        version: "1.9.1",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`endpoint_url=\"http://bedrock-runtime.eu-west-1.amazonaws.com\"`",
            ),
            works(Https, ""),
        ],
    },
    Program {
        name: "minio",
        title: "minio-go (restic, Thanos, mc)",
        does: "objects in parts and as a stream, copies, lists, deletes",
        version: "7.3.0",
        origin: Origin::Go,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`minio.New(\"127.0.0.1:9911\", ...)` with `Secure: false` and `Region`: it does not read the variable",
            ),
            works(Proxy, "`Secure: false`"),
            works(Unsigned, "`Secure: false`"),
            works(Https, "`Secure: true`"),
        ],
    },
    Program {
        name: "obstore",
        title: "obstore",
        does: "objects in parts, ranges, copies, lists, deletes",
        version: "0.12.1",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`client_options={\"allow_http\": True}` or `AWS_ALLOW_HTTP=true`",
            ),
            works(
                Proxy,
                "the same and `endpoint=\"http://s3.eu-west-1.amazonaws.com\"`",
            ),
            works(Unsigned, "the same and `skip_signature=True`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "opensearch",
        title: "opensearch-py without a signer",
        does: "an index: documents, bulk, search",
        version: "3.2.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            cannot(
                Endpoint,
                "",
                "",
                "it signs nothing, and the endpoint cannot know which domain is meant: give the domain a port ([clients.md](clients.md#a-port-for-one-host))",
                "the request names no AWS host",
            ),
            works(
                Unsigned,
                "`http://<domain>:80`, the proxy in `session.proxies`, and the domain in `allow`",
            ),
            works(
                Https,
                "the header `x-sigv4-egress: 1`, which asks for a signature; `ca_certs`; and the domain in `allow`",
            ),
        ],
    },
    Program {
        name: "pandas",
        title: "pandas with s3fs",
        does: "CSV and Parquet, a file in parts, ranges, copies, lists, deletes",
        version: "2026.9.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`client_kwargs={\"endpoint_url\": \"http://s3.eu-west-1.amazonaws.com\"}`",
            ),
            works(Unsigned, "the same and `anon=True`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "pgbackrest",
        title: "pgBackRest",
        does: "looks at a repository",
        version: "2.45",
        origin: Origin::Debian("pgbackrest"),
        run: Run::ByCommand,
        attempts: &[
            cannot(
                Endpoint,
                "",
                "",
                "it speaks TLS alone",
                "wrong version number",
            ),
            cannot(
                Proxy,
                "",
                "",
                "the same; it knows no proxy",
                "wrong version number",
            ),
            works(Https, "`repo1-s3-endpoint=s3.eu-west-1.amazonaws.com`"),
        ],
    },
    Program {
        name: "polars",
        title: "polars",
        does: "Parquet and CSV, scans with filters, sinks",
        version: "2.1.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`aws_endpoint_url=http://s3.eu-west-1.amazonaws.com`, `aws_allow_http=true`",
            ),
            works(Unsigned, "the same and `aws_skip_signature=true`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "pyarrow",
        title: "pyarrow (SDK for C++)",
        does: "a dataset, objects in parts, copies, lists, deletes",
        version: "26.0.1",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`S3FileSystem(endpoint_override=\"127.0.0.1:9911\", scheme=\"http\")`",
            ),
            cannot(
                Endpoint,
                "variable",
                "the variable alone",
                "it does not read it, and calls AWS over TLS",
                "curlCode: ",
            ),
            works(
                Proxy,
                "`endpoint_override=\"s3.eu-west-1.amazonaws.com\"`, `scheme=\"http\"`, `proxy_options=\"http://127.0.0.1:9911\"`, `region`",
            ),
            works(Unsigned, "the same and `anonymous=True`"),
            works(Https, ""),
        ],
    },
    Program {
        name: "rclone",
        title: "rclone",
        does: "syncs, checks, streams, copies, deletes",
        version: "1.76.0",
        origin: Origin::Go,
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`provider = Other`, `env_auth = true`, `endpoint = http://127.0.0.1:9911`, `region`",
            ),
            cannot(
                Endpoint,
                "aws",
                "`provider = AWS`",
                "it signs with trailers, which the SDK for Go does over TLS alone",
                "unseekable stream is not supported without TLS",
            ),
            works(
                Proxy,
                "the same and `endpoint = http://s3.eu-west-1.amazonaws.com`",
            ),
            works(Unsigned, "the same and no keys"),
            works(Https, "`provider = AWS`, `env_auth = true`, `region`"),
        ],
    },
    Program {
        name: "rclonedebian",
        title: "rclone",
        does: "syncs, checks, streams, copies, deletes",
        version: "1.60.1",
        origin: Origin::Debian("rclone"),
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`provider = Other`, `env_auth = true`, `endpoint = http://127.0.0.1:9911`, `region`",
            ),
            works(
                Proxy,
                "the same and `endpoint = http://s3.eu-west-1.amazonaws.com`",
            ),
            works(Unsigned, "the same and no keys"),
            works(
                Https,
                "`provider = AWS`, `env_auth = true`, `region`, and `AWS_CA_BUNDLE` unset",
            ),
            cannot(
                Https,
                "bundle",
                "`AWS_CA_BUNDLE`",
                "the SDK for Go 1 gives up where it finds the variable and a transport that is not its own",
                "unable to load custom CA bundle",
            ),
        ],
    },
    Program {
        name: "restic",
        title: "restic",
        does: "backs up, checks, restores, prunes",
        version: "0.14.0",
        origin: Origin::Debian("restic"),
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`s3:http://127.0.0.1:9911/bucket/path` and `-o s3.region`",
            ),
            works(
                Proxy,
                "`s3:http://s3.eu-west-1.amazonaws.com/bucket/path`; without keys it looks for some at 169.254.169.254 first",
            ),
            works(
                Https,
                "`s3:s3.eu-west-1.amazonaws.com/bucket/path` and `-o s3.region`",
            ),
        ],
    },
    Program {
        name: "ruby",
        title: "Ruby SDK 3",
        does: "S3 in parts, as a stream, copies, lists, deletes",
        version: "1.117.2",
        origin: Origin::Debian("ruby-aws-sdk-s3"),
        run: Run::ByCommand,
        attempts: &[
            works(
                Endpoint,
                "`endpoint` and `force_path_style: true`: it does not read the variable",
            ),
            works(
                Proxy,
                "`endpoint: \"http://s3.eu-west-1.amazonaws.com\"`, `http_proxy`",
            ),
            cannot(
                Unsigned,
                "",
                "",
                "it has no anonymous clients",
                "unable to sign request without credentials set",
            ),
            works(Https, ""),
        ],
    },
    Program {
        name: "s3cmd",
        title: "s3cmd",
        does: "syncs a directory there and back, lists, deletes",
        version: "2.4.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`host_base = host_bucket = 127.0.0.1:9911`, `use_https = False`",
            ),
            works(
                Proxy,
                "`host_base = host_bucket = s3.eu-west-1.amazonaws.com`, `use_https = False`, `proxy_host`, `proxy_port`",
            ),
            cannot(
                Unsigned,
                "",
                "",
                "it takes no configuration without keys",
                "Configuration file not available",
            ),
            works(
                Https,
                "`host_base = host_bucket = s3.eu-west-1.amazonaws.com`, `use_https = True`",
            ),
        ],
    },
    Program {
        name: "smartopen",
        title: "smart_open",
        does: "gzip streams in parts, ranges",
        version: "9.0.2",
        origin: Origin::Python,
        run: Run::ByCommand,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`transport_params={\"client\": boto3.client(\"s3\", use_ssl=False)}`",
            ),
            works(Unsigned, "the same and `signature_version=UNSIGNED`"),
            works(Https, ""),
        ],
    },
];
