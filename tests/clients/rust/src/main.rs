//! The AWS SDK for Rust, as its users write it. `client MODE PREFIX`; the steps are those of every client in this folder.

mod s3;
mod services;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::DisplayErrorContext;
use std::error::Error;
use std::process::ExitCode;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

pub(crate) const REGION: &str = "eu-west-1";

/// The clients of one run, and what its names begin with.
pub(crate) struct Clients {
    prefix: String,
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    secrets: aws_sdk_secretsmanager::Client,
    kms: aws_sdk_kms::Client,
    lambda: aws_sdk_lambda::Client,
    sts: aws_sdk_sts::Client,
}

impl Clients {
    /// As the environment says: `AWS_ENDPOINT_URL`, `AWS_REGION` and keys.
    async fn connect(prefix: String) -> Self {
        let settings = settings().load().await;
        Self {
            prefix,
            s3: aws_sdk_s3::Client::new(&settings),
            dynamodb: aws_sdk_dynamodb::Client::new(&settings),
            sqs: aws_sdk_sqs::Client::new(&settings),
            sns: aws_sdk_sns::Client::new(&settings),
            secrets: aws_sdk_secretsmanager::Client::new(&settings),
            kms: aws_sdk_kms::Client::new(&settings),
            lambda: aws_sdk_lambda::Client::new(&settings),
            sts: aws_sdk_sts::Client::new(&settings),
        }
    }

    /// Nothing is signed, in plain http.
    async fn connect_unsigned(prefix: String) -> Self {
        // By default the SDK puts a checksum behind a streamed body, in chunks that it signs over
        // http; without credentials it panics there, for want of a signer.
        let settings = settings()
            .no_credentials()
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .load()
            .await;
        let at = |service: &str| -> SdkConfig {
            let endpoint = format!("http://{service}.{REGION}.amazonaws.com");
            settings.to_builder().endpoint_url(endpoint).build()
        };
        // Without `allow_no_auth`, a service whose API asks for signatures fails for want of credentials.
        macro_rules! client {
            ($service:ident, $name:literal) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(&at($name))
                        .allow_no_auth()
                        .build(),
                )
            };
        }
        Self {
            prefix,
            s3: client!(aws_sdk_s3, "s3"),
            dynamodb: client!(aws_sdk_dynamodb, "dynamodb"),
            sqs: client!(aws_sdk_sqs, "sqs"),
            sns: client!(aws_sdk_sns, "sns"),
            secrets: client!(aws_sdk_secretsmanager, "secretsmanager"),
            kms: client!(aws_sdk_kms, "kms"),
            lambda: client!(aws_sdk_lambda, "lambda"),
            sts: client!(aws_sdk_sts, "sts"),
        }
    }
}

/// Of the environment alone.
fn settings() -> aws_config::ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
}

fn one_line(error: &dyn Error) -> String {
    let text = DisplayErrorContext(error).to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether every step passed.
async fn all_steps(clients: &Clients) -> bool {
    let mut passed = true;
    macro_rules! step {
        ($name:literal, $step:path) => {
            match $step(clients).await {
                Ok(()) => println!("ok {}", $name),
                Err(error) => {
                    println!("fail {}: {}", $name, one_line(&*error));
                    passed = false;
                }
            }
        };
    }
    step!("s3_list", s3::list);
    step!("s3_keys", s3::keys);
    step!("s3_multipart", s3::multipart);
    step!("s3_upload", s3::upload);
    step!("s3_stream", s3::stream);
    step!("s3_copy", s3::copy);
    step!("s3_delete", s3::delete);
    step!("dynamodb", services::dynamodb);
    step!("sqs", services::sqs);
    step!("sns", services::sns);
    step!("secretsmanager", services::secretsmanager);
    step!("kms", services::kms);
    step!("lambda", services::lambda);
    step!("sts", services::sts);
    passed
}

/// Whether every call was refused.
async fn refused(clients: &Clients) -> bool {
    let mut passed = true;
    macro_rules! step {
        ($name:literal, $call:expr) => {
            match $call.send().await {
                Ok(_) => {
                    println!("fail {}: it was not refused", $name);
                    passed = false;
                }
                Err(error) => println!("refused {}: {}", $name, one_line(&error)),
            }
        };
    }
    step!("s3", clients.s3.list_buckets());
    step!("dynamodb", clients.dynamodb.list_tables());
    step!("sqs", clients.sqs.list_queues());
    passed
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, prefix] = arguments.as_slice() else {
        eprintln!("usage: client placeholder|unsigned|https|refused PREFIX");
        return ExitCode::from(2);
    };
    let prefix = prefix.clone();
    let passed = match mode.as_str() {
        "placeholder" | "https" => all_steps(&Clients::connect(prefix).await).await,
        "unsigned" => all_steps(&Clients::connect_unsigned(prefix).await).await,
        "refused" => refused(&Clients::connect(prefix).await).await,
        _ => {
            eprintln!("unknown mode {mode:?}: placeholder, unsigned, https or refused");
            return ExitCode::from(2);
        }
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
