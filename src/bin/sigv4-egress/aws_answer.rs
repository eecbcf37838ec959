//! What AWS answered: its error code, and the texts that it would have signed.
//!
//! Three forms, as services have been seen to answer:
//!
//! * S3: XML with `CanonicalRequest` and `StringToSign`, and both once more as bytes in hexadecimal.
//! * Query services: XML whose `Message` says `The Canonical String for this request should have been`.
//! * JSON services: the same sentence in `message`.

use serde_json::Value;
use sigv4_egress::credentials::reply::xml;

/// The part of an error body that `explain` needs. Not printable: the canonical request holds the session
/// token.
pub(crate) struct AwsAnswer {
    /// Such as `SignatureDoesNotMatch`; empty where the body has none.
    pub(crate) code: String,
    /// The canonical request that AWS computed.
    pub(crate) canonical_request: Option<Vec<u8>>,
    /// The string to sign that AWS computed.
    pub(crate) string_to_sign: Option<String>,
}

impl AwsAnswer {
    /// `None` for what is neither XML nor a JSON object.
    pub(crate) fn parse(body: &str) -> Option<Self> {
        let body = body.trim_start_matches('\u{feff}').trim();
        let tree = match body.chars().next()? {
            '<' => xml::parse(body)?,
            _ => serde_json::from_str(body).ok().filter(Value::is_object)?,
        };
        let text = |names: &[&str]| find(&tree, names);
        let message = text(&["message"]).unwrap_or_default().replace("\r\n", "\n");
        let quoted = |before: &str, after: &str| {
            let (_, rest) = message.split_once(before)?;
            Some(rest.rsplit_once(after)?.0.to_owned())
        };
        let canonical_request = text(&["canonicalrequestbytes"])
            .and_then(hex_list)
            .or_else(|| text(&["canonicalrequest"]).map(|text| text.as_bytes().to_vec()))
            .or_else(|| quoted(CANONICAL, BETWEEN).map(String::into_bytes));
        let string_to_sign = text(&["stringtosign"])
            .map(str::to_owned)
            .or_else(|| quoted(BETWEEN, "'"));
        let code = text(&["code", "__type"]).unwrap_or_default();
        Some(Self {
            // A JSON service may write `com.amazon.coral.service#InvalidSignatureException`.
            code: code.rsplit('#').next().unwrap_or_default().to_owned(),
            canonical_request,
            string_to_sign,
        })
    }
}

const CANONICAL: &str = "The Canonical String for this request should have been\n'";
const BETWEEN: &str = "'\n\nThe String-to-Sign should have been\n'";

/// The first string under one of the names, in lower case, at any depth.
fn find<'a>(tree: &'a Value, names: &[&str]) -> Option<&'a str> {
    match tree {
        Value::Object(map) => map
            .iter()
            .find(|(key, _)| names.contains(&key.to_ascii_lowercase().as_str()))
            .and_then(|(_, value)| value.as_str())
            .or_else(|| map.values().find_map(|value| find(value, names))),
        Value::Array(values) => values.iter().find_map(|value| find(value, names)),
        _ => None,
    }
}

/// `47 45 54 0a`.
fn hex_list(text: &str) -> Option<Vec<u8>> {
    text.split_ascii_whitespace()
        .map(|digits| {
            // Unlike `from_str_radix` alone, no sign.
            let is_byte = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            is_byte.then(|| u8::from_str_radix(digits, 16).ok())?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, code: &str, canonical: Option<&[u8]>, to_sign: Option<&str>) {
        let answer = AwsAnswer::parse(body).unwrap();
        assert_eq!(answer.code, code);
        assert_eq!(answer.canonical_request.as_deref(), canonical);
        assert_eq!(answer.string_to_sign.as_deref(), to_sign);
    }

    #[test]
    fn the_form_of_s3_is_read() {
        check(
            "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message>\
             <StringToSign>AWS4\nx</StringToSign><CanonicalRequest>GET\n/&amp;\n\nhost:h</CanonicalRequest></Error>",
            "SignatureDoesNotMatch",
            Some(b"GET\n/&\n\nhost:h"),
            Some("AWS4\nx"),
        );
    }

    #[test]
    fn bytes_are_preferred_to_the_text() {
        check(
            "<Error><CanonicalRequest>GET\n/?</CanonicalRequest>\
             <CanonicalRequestBytes>47 45 54 0a 2f FF</CanonicalRequestBytes></Error>",
            "",
            Some(b"GET\n/\xff"),
            None,
        );
        check(
            "<Error><CanonicalRequest>GET</CanonicalRequest><CanonicalRequestBytes>+1</CanonicalRequestBytes></Error>",
            "",
            Some(b"GET"),
            None,
        );
    }

    const MESSAGE: &str = "The request signature we calculated does not match.\\n\\n\
        The Canonical String for this request should have been\\n'POST\\n/it's\\n\\nhost:h'\\n\\n\
        The String-to-Sign should have been\\n'AWS4\\nx'\\n";

    #[test]
    fn the_forms_of_json_services_are_read() {
        check(
            &format!(
                r#"{{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"{MESSAGE}"}}"#
            ),
            "InvalidSignatureException",
            Some(b"POST\n/it's\n\nhost:h"),
            Some("AWS4\nx"),
        );
        check(
            &format!(r#"{{"errors":[{{"message":"{MESSAGE}","code":"InvalidSignature"}}]}}"#),
            "InvalidSignature",
            Some(b"POST\n/it's\n\nhost:h"),
            Some("AWS4\nx"),
        );
    }

    #[test]
    fn the_form_of_query_services_is_read() {
        let message = MESSAGE.replace("\\n", "\n");
        check(
            &format!(
                "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
                 <Code>SignatureDoesNotMatch</Code><Message>{message}</Message></Error></ErrorResponse>"
            ),
            "SignatureDoesNotMatch",
            Some(b"POST\n/it's\n\nhost:h"),
            Some("AWS4\nx"),
        );
    }

    #[test]
    fn another_error_has_a_code_alone() {
        check(r#"{"message":"no"}"#, "", None, None);
        check(
            "<Error><Code>AccessDenied</Code></Error>",
            "AccessDenied",
            None,
            None,
        );
    }

    #[test]
    fn what_is_no_error_body_is_refused() {
        for body in ["", "forbidden", "<html><br></html>", "[]", "\"x\"", "{"] {
            assert!(AwsAnswer::parse(body).is_none(), "{body:?}");
        }
    }
}
