//! The error format of a request's protocol, so that SDKs show our reason and not a parse error.
//!
//! Sources: the AWS protocol pages of Smithy 2.0 (awsJson1_0, awsJson1_1, restJson1, restXml, awsQuery, ec2Query) and
//! its RPC v2 CBOR, and what SDKs read: `parsers.py` of botocore 1.44.5, `@aws-sdk/core` 3.981, the `*_errors.rs` of
//! the AWS SDK for Rust (1.132 to 1.140).

use crate::headers::{Header, value};
use serde_json::json;

/// How an error is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// JSON with `error`, `reason` and `help`: for a request that speaks no protocol of AWS's.
    Plain,
    /// JSON with `__type` and `message`: awsJson1_0, awsJson1_1, restJson1.
    Json,
    /// The same members in CBOR: RPC v2 CBOR. Its clients fail on anything else.
    Cbor,
    /// `<Error>`: restXml without error wrapping, which is S3 alone.
    S3,
    /// `<ErrorResponse><Error>`: awsQuery, and the restXml of S3 Control, Route 53 and CloudFront.
    Query,
    /// `<Response><Errors><Error>`: ec2Query.
    Ec2,
}

/// What an error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) status: u16,
    pub(super) code: &'a str,
    pub(super) reason: &'a str,
    pub(super) error: &'a str,
    pub(super) help: &'a str,
}

/// Path and query. Read where they decide: for most of S3's requests they do not.
fn target<'a>(headers: &[Header<'a>]) -> (&'a str, &'a str) {
    match value(headers, ":path").map(std::str::from_utf8) {
        Some(Ok(path)) => path.split_once('?').unwrap_or((path, "")),
        _ => ("", ""),
    }
}

impl ErrorFormat {
    /// The format for a request. The service, where there is one, is its signing name.
    ///
    /// Services move from one protocol to another while older SDKs speak the former one (SQS from awsQuery to awsJson1_0,
    /// CloudWatch on to RPC v2 CBOR), so the request's own words come before its service's name.
    pub fn of(headers: &[Header<'_>], service: Option<&str>) -> Self {
        match service {
            // S3 Control signs as S3; all its operations carry the account, and none of S3's does.
            Some("s3" | "s3-outposts") if value(headers, "x-amz-account-id").is_some() => {
                return Self::Query;
            }
            // The API that manages endpoints on Outposts.
            Some("s3-outposts") if target(headers).0.starts_with("/S3Outposts/") => {
                return Self::Json;
            }
            Some("s3" | "s3-outposts" | "s3-object-lambda" | "s3express") => return Self::S3,
            Some("route53" | "cloudfront") => return Self::Query,
            _ => {}
        }
        if value(headers, "smithy-protocol") == Some(b"rpc-v2-cbor") {
            return Self::Cbor;
        }
        let content_type = value(headers, "content-type").unwrap_or_default();
        if value(headers, "x-amz-target").is_some()
            || starts(content_type, "application/x-amz-json-")
        {
            return Self::Json;
        }
        let (path, query) = target(headers);
        // Both query protocols call the root, but SQS the queue. CloudSearch's domains also get forms.
        let is_query = starts(content_type, "application/x-www-form-urlencoded")
            || query.split('&').any(|pair| pair.starts_with("Action="));
        match service {
            Some("ec2") if is_query => Self::Ec2,
            service if is_query && (path == "/" || service == Some("sqs")) => Self::Query,
            Some(_) => Self::Json,
            None => Self::Plain,
        }
    }

    /// The headers that say so, beside those of every answer.
    pub(super) fn headers(self, code: &str) -> Vec<(&'static str, String)> {
        let content_type = |value: &str| ("content-type", value.to_owned());
        match self {
            Self::Plain => vec![content_type("application/json")],
            Self::Json => vec![
                content_type("application/json"),
                ("x-amzn-errortype", code.to_owned()),
            ],
            Self::Cbor => vec![
                content_type("application/cbor"),
                ("smithy-protocol", "rpc-v2-cbor".to_owned()),
            ],
            Self::S3 | Self::Query | Self::Ec2 => vec![content_type("application/xml")],
        }
    }

    pub(super) fn body(self, said: Said<'_>) -> Vec<u8> {
        let Said {
            status,
            code,
            reason,
            error,
            help,
        } = said;
        let message = message(error, help);
        let text = match self {
            Self::Plain => json!({"error": error, "reason": reason, "help": help}).to_string(),
            Self::Json => json!({
                "__type": code, "message": message, "error": error, "reason": reason, "help": help
            })
            .to_string(),
            Self::Cbor => return cbor_map(&[("__type", code), ("message", &message)]),
            Self::S3 => xml(&format!("<Error>{}</Error>", xml_members(&said, &message))),
            Self::Query => {
                let fault = if status < 500 { "Sender" } else { "Receiver" };
                let members = xml_members(&said, &message);
                xml(&format!(
                    "<ErrorResponse><Error><Type>{fault}</Type>{members}</Error></ErrorResponse>"
                ))
            }
            Self::Ec2 => {
                let members = xml_members(&said, &message);
                xml(&format!(
                    "<Response><Errors><Error>{members}</Error></Errors></Response>"
                ))
            }
        };
        (text + "\n").into_bytes()
    }
}

fn starts(value: &[u8], with: &str) -> bool {
    let start = value.get(..with.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
}

/// One text out of two: SDKs show nothing else of an error than its code and its message.
fn message(error: &str, help: &str) -> String {
    format!("{} {}", sentence(error), sentence(help))
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    let stop = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{rest}{stop}", first.to_ascii_uppercase())
}

fn xml(root: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}")
}

/// What SDKs read, and then what people and programs look for: reason and help by themselves.
fn xml_members(said: &Said<'_>, message: &str) -> String {
    format!(
        "<Code>{}</Code><Message>{}</Message><Reason>{}</Reason><Help>{}</Help>",
        escaped(said.code),
        escaped(message),
        escaped(said.reason),
        escaped(said.help)
    )
}

/// As the text of an XML element. What XML 1.0 cannot hold at all (section 2.2) becomes U+FFFD.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, c| {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\t' | '\n' => text.push(c),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => text.push('\u{fffd}'),
            _ => text.push(c),
        }
        text
    })
}

/// A map of text to text (RFC 8949, section 3.1: major types 5 and 3).
fn cbor_map(members: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = cbor_head(5, members.len());
    for text in members.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(cbor_head(3, text.len()));
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// A major type and a length, always in four bytes.
fn cbor_head(major: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![major << 5 | 26];
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as `METHOD path`, then one header per line.
    #[track_caller]
    fn check(service: Option<&str>, request: &str, expected: ErrorFormat) {
        let mut lines = request.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let mut headers: Vec<Header<'_>> =
            vec![(":method", method.as_bytes()), (":path", path.as_bytes())];
        headers.extend(lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name, value.as_bytes())
        }));
        assert_eq!(
            ErrorFormat::of(&headers, service),
            expected,
            "{service:?} {request}"
        );
    }

    const JSON_1_0: &str = "POST /\ncontent-type: application/x-amz-json-1.0";
    const FORM: &str = "POST /\ncontent-type: application/x-www-form-urlencoded; charset=utf-8";
    const CBOR: &str = "POST /service/GraniteServiceVersion20100801/operation/ListMetrics\n\
        smithy-protocol: rpc-v2-cbor\ncontent-type: application/cbor";

    #[test]
    fn the_request_says_which_protocol_it_speaks() {
        check(Some("dynamodb"), JSON_1_0, ErrorFormat::Json);
        check(Some("sqs"), JSON_1_0, ErrorFormat::Json);
        check(Some("sqs"), FORM, ErrorFormat::Query);
        check(
            Some("sqs"),
            "POST /123456789012/jobs\ncontent-type: application/x-www-form-urlencoded",
            ErrorFormat::Query,
        );
        check(Some("monitoring"), CBOR, ErrorFormat::Cbor);
        check(Some("monitoring"), FORM, ErrorFormat::Query);
        check(Some("monitoring"), JSON_1_0, ErrorFormat::Json);
        check(Some("sts"), FORM, ErrorFormat::Query);
        check(
            Some("sts"),
            "GET /?Version=2011-06-15&Action=GetCallerIdentity",
            ErrorFormat::Query,
        );
        check(Some("ec2"), FORM, ErrorFormat::Ec2);
        check(
            Some("ec2"),
            "GET /?Action=DescribeVpcs&Version=2016-11-15",
            ErrorFormat::Ec2,
        );
    }

    #[test]
    fn the_service_says_where_the_request_does_not() {
        check(Some("s3"), "GET /?list-type=2", ErrorFormat::S3);
        // `curl --data` says so of any body.
        check(Some("s3"), FORM, ErrorFormat::S3);
        check(Some("s3express"), "GET /?session", ErrorFormat::S3);
        check(
            Some("s3-object-lambda"),
            "POST /WriteGetObjectResponse",
            ErrorFormat::S3,
        );
        check(
            Some("s3"),
            "GET /v20180820/accesspoint\nx-amz-account-id: 123456789012",
            ErrorFormat::Query,
        );
        check(Some("s3-outposts"), "GET /key", ErrorFormat::S3);
        check(
            Some("s3-outposts"),
            "GET /S3Outposts/ListEndpoints",
            ErrorFormat::Json,
        );
        check(
            Some("route53"),
            "GET /2013-04-01/hostedzone",
            ErrorFormat::Query,
        );
        check(
            Some("cloudfront"),
            "GET /2020-05-31/distribution",
            ErrorFormat::Query,
        );
        check(
            Some("lambda"),
            "GET /2015-03-31/functions",
            ErrorFormat::Json,
        );
        check(
            Some("cloudsearch"),
            "POST /2013-01-01/search\ncontent-type: application/x-www-form-urlencoded",
            ErrorFormat::Json,
        );
        check(
            Some("execute-api"),
            "GET /stage?Action=x",
            ErrorFormat::Json,
        );
    }

    #[test]
    fn without_a_service_only_a_protocol_of_aws_is_answered_in_kind() {
        check(None, "GET /", ErrorFormat::Plain);
        check(
            None,
            "POST /\ncontent-type: application/json",
            ErrorFormat::Plain,
        );
        check(None, JSON_1_0, ErrorFormat::Json);
        check(None, CBOR, ErrorFormat::Cbor);
        check(None, FORM, ErrorFormat::Query);
    }

    const SAID: Said<'static> = Said {
        status: 503,
        code: "SigV4EgressCredentialsUnavailable",
        reason: "credentials_unavailable",
        error: "no AWS credentials: STS says \"<&>\"\u{1b}",
        help: "Mend it.",
    };

    #[track_caller]
    fn check_body(format: ErrorFormat, expected: &str) {
        let body = String::from_utf8(format.body(SAID)).unwrap();
        assert_eq!(body.strip_suffix('\n'), Some(expected));
    }

    #[test]
    fn each_format_says_code_error_and_help() {
        check_body(
            ErrorFormat::Plain,
            r#"{"error":"no AWS credentials: STS says \"<&>\"\u001b","help":"Mend it.","reason":"credentials_unavailable"}"#,
        );
        check_body(
            ErrorFormat::Json,
            r#"{"__type":"SigV4EgressCredentialsUnavailable","error":"no AWS credentials: STS says \"<&>\"\u001b","help":"Mend it.","message":"No AWS credentials: STS says \"<&>\"\u001b. Mend it.","reason":"credentials_unavailable"}"#,
        );
        let members = "<Code>SigV4EgressCredentialsUnavailable</Code>\
            <Message>No AWS credentials: STS says \"&lt;&amp;&gt;\"\u{fffd}. Mend it.</Message>\
            <Reason>credentials_unavailable</Reason><Help>Mend it.</Help>";
        let xml = |root: String| format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}");
        check_body(ErrorFormat::S3, &xml(format!("<Error>{members}</Error>")));
        check_body(
            ErrorFormat::Query,
            &xml(format!(
                "<ErrorResponse><Error><Type>Receiver</Type>{members}</Error></ErrorResponse>"
            )),
        );
        check_body(
            ErrorFormat::Ec2,
            &xml(format!(
                "<Response><Errors><Error>{members}</Error></Errors></Response>"
            )),
        );
        let sender = ErrorFormat::Query.body(Said {
            status: 403,
            ..SAID
        });
        assert!(String::from_utf8(sender).unwrap().contains("<Type>Sender<"));
    }

    #[test]
    fn cbor_is_a_map_of_code_and_message() {
        let said = Said {
            code: "Code",
            error: "a",
            help: "b",
            ..SAID
        };
        let expected = b"\xba\0\0\0\x02\x7a\0\0\0\x06__type\x7a\0\0\0\x04Code\
            \x7a\0\0\0\x07message\x7a\0\0\0\x05A. B.";
        assert_eq!(ErrorFormat::Cbor.body(said), expected);
    }

    #[test]
    fn a_message_is_two_sentences() {
        assert_eq!(message("no", "do it"), "No. Do it.");
        assert_eq!(message("STS says no.\n", "Do it!"), "STS says no. Do it!");
        // Our sentences are English: a letter outside ASCII stays whole, and as it is.
        assert_eq!(message("", "été"), ". été.");
    }
}
