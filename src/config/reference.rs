//! The table of keys as Markdown, as it stands in docs/configuration.md.

use super::keys::{
    ALLOW_ENTRY, DOWNSTREAM, Fallback, Key, Kind, MAX_BODY_BYTES, PORT, PRESIGN_ENTRY, ROLE, RULE,
    SIGN_AS, STATUS, UPSTREAM, VARIABLE,
};
use std::fmt;
use std::fmt::Write as _;

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Written by `UPDATE=1 cargo test --test reference` from `src/config/keys.rs`.\n\n\
         The plugin's `configuration` is a JSON object. An unknown key, a key that appears twice, a wrong type, a value out \
         of its range, an empty list, and what could never have an effect are refused when Envoy loads the configuration. \
         What is probably a mistake takes effect, with a warning in the log. `sigv4-egress check-config` prints both, and what else has no effect.\n\n\
         [configuration.schema.json](configuration.schema.json) is a JSON Schema (draft 2020-12) of the same: an editor that has it \
         for a file (in VS Code, under `json.schemas` in the settings) completes the keys, shows what they mean, and marks what is wrong.\n",
    );
    for (title, keys) in [
        ("The filter", DOWNSTREAM),
        ("An object in `allow`", ALLOW_ENTRY),
        ("A rule in `rules`", RULE),
        ("`sign_as` in a rule", SIGN_AS),
        ("A role in `roles`", ROLE),
        (
            "A value from the environment (`tags`, `source_identity`)",
            VARIABLE,
        ),
        ("A port in `ports`", PORT),
        ("An entry of `presign`", PRESIGN_ENTRY),
        ("The guard (`\"position\": \"upstream\"`)", UPSTREAM),
        ("The status document (`\"position\": \"status\"`)", STATUS),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
        );
        for key in keys {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                key.name,
                key.told.kind,
                default(key),
                key.told.meaning
            );
        }
    }
    larger_bodies(&mut page);
    page
}

/// How a body stands in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    /// As it is.
    Whole,
    /// In base64, in JSON or XML: four bytes for three.
    Base64,
}

/// What services take beyond the default of `max_body_bytes`: signing name, what, the documented maximum in bytes, and how it
/// is carried. From the `max` of blobs in botocore's models (1.44), or the page that is named.
const LARGER_BODIES: &[(&str, &str, u64, Carried)] = {
    use Carried::{Base64, Whole};
    &[
        (
            "aoss",
            "bulk requests ([migration limits](https://docs.aws.amazon.com/solutions/latest/migration-assistant-for-amazon-opensearch-service/mts-limits.html))",
            10 << 20,
            Whole,
        ),
        (
            "bedrock",
            "`InvokeModel` and other model calls",
            25_000_000,
            Whole,
        ),
        ("bedrock", "`CountTokens`", 25_000_000, Base64),
        (
            "bedrock-agentcore",
            "`InvokeAgentRuntime`",
            100_000_000,
            Whole,
        ),
        (
            "bedrock-agentcore",
            "`InvokeCodeInterpreter`",
            100_000_000,
            Base64,
        ),
        ("codecommit", "`PutFile`", 6_291_456, Base64),
        (
            "dynamodb",
            "`BatchWriteItem` ([API](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html))",
            16 << 20,
            Whole,
        ),
        ("ecr", "`UploadLayerPart`", 20_971_520, Base64),
        ("ecr-public", "`UploadLayerPart`", 20_971_520, Base64),
        (
            "es",
            "HTTP payloads of larger instances ([quotas](https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html))",
            100 << 20,
            Whole,
        ),
        (
            "execute-api",
            "payloads ([quotas](https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html))",
            10 << 20,
            Whole,
        ),
        ("aidevops", "files of assets", 6_291_456, Base64),
        (
            "iotfleetwise",
            "network files of a decoder manifest",
            200_000_000,
            Base64,
        ),
        (
            "kinesis",
            "records of `PutRecord` and `PutRecords`",
            10_485_760,
            Base64,
        ),
        (
            "kinesisanalytics",
            "code of an application",
            52_428_800,
            Base64,
        ),
        (
            "lambda",
            "code of a function ([quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html))",
            50 << 20,
            Base64,
        ),
        ("quicksight", "asset bundles", 20_971_520, Base64),
        (
            "ses",
            "messages of `SendEmail` ([quotas](https://docs.aws.amazon.com/ses/latest/dg/quotas.html))",
            40 << 20,
            Base64,
        ),
        (
            "sagemaker",
            "`InvokeGlobalInferenceGateway`",
            10_485_760,
            Whole,
        ),
        (
            "sms-voice",
            "attachments of a registration",
            6_990_508,
            Base64,
        ),
        ("social-messaging", "flows", 10_485_760, Base64),
        ("synthetics", "code of a canary", 10_000_000, Base64),
        (
            "textract",
            "documents of synchronous calls",
            10_485_760,
            Base64,
        ),
        ("transcribe", "`TranscribeAudio`", 26_214_400, Base64),
        ("translate", "terminologies", 10_485_760, Base64),
    ]
};

fn larger_bodies(page: &mut String) {
    const MIB: u64 = 1 << 20;
    let _ = write!(
        page,
        "\n## Services with larger bodies\n\n\
         The default of `max_body_bytes`, {} MiB, carries what services ordinarily take: SQS (1 MiB), CloudWatch Logs (1 MiB), \
         Firehose (4 MiB), Lambda's calls (6 MB), images for Rekognition and Bedrock. These take more, by their documents or by \
         botocore's models; the setting carries the largest, with a MiB for what stands around it. Raise \
         each `request_body_buffer_limit: 9437184` of the shipped file to a MiB more (with Envoy 1.36 \
         `per_connection_buffer_limit_bytes`); leave the 131072, which is for sending again. `max_held_bytes`, where you set it, \
         must be at least four times `max_body_bytes`; its default rises by itself. What streams (S3, VPC Lattice) has no limit here.\n\n\
         | service | what | documented maximum | `max_body_bytes` |\n|---|---|---|---|\n",
        u64::from(MAX_BODY_BYTES.default) / MIB,
    );
    for (service, what, most, carried) in LARGER_BODIES {
        let bytes = match carried {
            Carried::Whole => *most,
            Carried::Base64 => most.div_ceil(3) * 4,
        };
        let setting = (bytes.div_ceil(MIB) + 1) * MIB;
        let form = match carried {
            Carried::Whole => "",
            Carried::Base64 => ", in base64",
        };
        let setting = match setting <= u64::from(MAX_BODY_BYTES.high) {
            true => format!("`{setting}`"),
            false => "cannot be held".to_owned(),
        };
        let _ = writeln!(
            page,
            "| `{service}` | {what} | {most} bytes{form} | {setting} |"
        );
    }
}

/// The variables of a key, and what holds where none is set.
fn default(key: &Key) -> String {
    let fallback = match key.told.default {
        Fallback::Required => "required".to_owned(),
        Fallback::Nothing => String::new(),
        Fallback::Told(words) => words.to_owned(),
        value => format!("`{value}`"),
    };
    if key.told.variables.is_empty() {
        return fallback;
    }
    let names = key.told.variables.iter().map(|name| format!("`{name}`"));
    let asked = names.chain((!fallback.is_empty()).then_some(fallback));
    format!("environment {}", asked.collect::<Vec<_>>().join(", then "))
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required | Self::Nothing => Ok(()),
            Self::Text(text) | Self::Json(text) | Self::Told(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Entry(entry) => write!(f, "[\"{entry}\"]"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Text => "string",
            Self::Characters { least, most, class } => {
                return write!(f, "string of {least} to {most} `[{class}]`");
            }
            Self::Host => "host name, with a port where it is not 443",
            Self::Boolean => "boolean",
            Self::Number { low, high } => return write!(f, "{low} to {high}"),
            Self::Word(words) => {
                let (last, others) = words.split_last().unwrap_or((&"", &[]));
                let others = others.join("`, `");
                return write!(f, "`{others}` or `{last}`");
            }
            Self::Texts | Self::TextsOrNone => "list of strings",
            Self::Filled => "string, or object",
            Self::FilledByName => "object of strings, or of objects",
            Self::Metadata => "object of strings",
            Self::AllowList => "`\"*\"` or list of strings and objects",
            Self::IamPolicy => "IAM policy, as an object or a string",
            Self::Duration { low, high, chained } => {
                return write!(f, "{low} to {high}; chained: to {chained}");
            }
            Self::Rules => "list of rules",
            Self::Roles => "object of roles",
            Self::RoleName => "name of a role",
            Self::SignAs => "object",
            Self::Ports => "object of ports",
            Self::Presign => "list of entries",
            Self::Bytes => "a whole number from 1 on",
        };
        f.write_str(words)
    }
}
