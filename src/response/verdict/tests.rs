use proptest::prelude::*;

use super::*;

const CODES: [(&str, Option<Verdict>); 12] = [
    ("ExpiredToken", Some(Verdict::Credentials)),
    ("ExpiredTokenException", Some(Verdict::Credentials)),
    ("InvalidToken", Some(Verdict::Credentials)),
    ("UnrecognizedClientException", Some(Verdict::Credentials)),
    ("InvalidClientTokenId", Some(Verdict::Credentials)),
    ("InvalidAccessKeyId", Some(Verdict::Credentials)),
    ("RequestTimeTooSkewed", Some(Verdict::Clock)),
    ("InvalidSignatureException", Some(Verdict::Clock)),
    ("SignatureDoesNotMatch", Some(Verdict::Clock)),
    ("AccessDenied", None),
    ("expiredtoken", None),
    ("", None),
];

fn cbor_text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&[0x79], &length[..], text.as_bytes()].concat()
}

#[test]
fn every_protocol_has_its_place_for_the_code() {
    for (code, verdict) in CODES {
        let message = "The security token included in the request is expired: ExpiredToken";
        let cbor = |code: &str| {
            let mut bytes = vec![0xa2];
            for text in ["message", message, "__type", code] {
                bytes.extend(cbor_text(text));
            }
            bytes
        };
        let bodies = [
            // S3.
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            ),
            // Query.
            format!(
                "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message></Error></ErrorResponse>"
            ),
            // EC2.
            format!(
                "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code></Error></Errors><RequestID>1</RequestID></Response>"
            ),
            format!("<Error><!-- > <Code>x</Code> --><Empty/><Code> {code}\n</Code></Error>"),
            // JSON 1.0 and 1.1, REST-JSON.
            format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
            format!(r#"{{"message":"{message}","__type":"com.amazon.coral.service#{code}"}}"#),
            format!(r#"{{"__type":"a.b#{code}:http://internal.amazon.com/coral/"}}"#),
            format!(r#"{{"code":"{code}"}}"#),
            format!("\u{feff} \n{{\"Message\":\"m\",\"Code\":\"{code}\"}}"),
            format!(r#"{{"code":"Other","__type":"{code}"}}"#),
            format!(r#"{{"code":7,"Code":"{code}"}}"#),
        ];
        let bodies = bodies.into_iter().map(String::into_bytes);
        for body in bodies.chain([cbor(code), cbor(&format!("a.b#{code}"))]) {
            let shown = String::from_utf8_lossy(&body);
            assert_eq!(of_body(&body), verdict, "{shown}");
        }
        for header in [
            code.to_owned(),
            format!("{code}:http://internal.amazon.com/coral/com.amazon.coral.service/"),
            format!("a.b#{code}"),
        ] {
            let found = verdict.map_or(Reading::Nothing, Reading::Found);
            assert_eq!(of_headers(403, Some(&header)), found, "{header}");
        }
    }
}

#[test]
fn only_refusals_are_looked_into() {
    for status in [400, 401, 403] {
        assert_eq!(of_headers(status, None), Reading::InBody);
        let found = Reading::Found(Verdict::Credentials);
        assert_eq!(of_headers(status, Some("ExpiredTokenException")), found);
        assert_eq!(
            of_headers(status, Some("ThrottlingException")),
            Reading::Nothing
        );
    }
    for status in [0, 200, 206, 304, 404, 409, 429, 500, 503] {
        for error_type in [None, Some("ExpiredTokenException")] {
            assert_eq!(of_headers(status, error_type), Reading::Nothing, "{status}");
        }
    }
}

#[test]
fn a_code_that_is_mentioned_elsewhere_says_nothing() {
    for body in [
        "ExpiredToken",
        "<html><body>ExpiredToken</body></html>",
        "<Code>ExpiredToken</Code>",
        "<List><Error><Code>ExpiredToken</Code></Error></List>",
        "<Error><Detail><Code>ExpiredToken</Code></Detail></Error>",
        "<Error><Message>ExpiredToken</Message></Error>",
        "<Error><Code><b>ExpiredToken</b></Code></Error>",
        "<Error><Code>AccessDenied</Code><Code>ExpiredToken</Code></Error>",
        "<Error><!--<Code>ExpiredToken</Code>--></Error>",
        "<Error><![CDATA[<Code>ExpiredToken</Code>]]></Error>",
        "<Error x='><Code>ExpiredToken</Code></Error>",
        "<Error></Other><Code>ExpiredToken</Code></Error>",
        r#"{"message":"ExpiredToken"}"#,
        r#"{"detail":{"code":"ExpiredToken"}}"#,
        r#"{"errors":[{"__type":"ExpiredToken"}]}"#,
        r#"{"__type":"AccessDenied","code":"ExpiredToken"}"#,
        r#"{"message":"{\"__type\":\"ExpiredToken\"}"}"#,
        r#"{"__type":["ExpiredToken"]}"#,
        r#"[{"__type":"ExpiredToken"}]"#,
        r#""ExpiredToken""#,
        "",
        " ",
        "{",
        "<",
    ] {
        assert_eq!(of_body(body.as_bytes()), None, "{body}");
    }
    let inner = [vec![0xa1], cbor_text("__type"), cbor_text("ExpiredToken")].concat();
    for bytes in [
        [vec![0xa1], cbor_text("detail"), inner.clone()].concat(),
        [vec![0x81], inner].concat(),
        vec![0xa0],
        vec![0xbf, 0xff],
        // A text that says it has 2^64 - 1 bytes.
        [&[0xa1, 0x7b], &[0xff; 8][..]].concat(),
    ] {
        assert_eq!(of_body(&bytes), None, "{bytes:?}");
    }
}

#[test]
fn what_stands_before_the_code_in_cbor_is_skipped() {
    let code = [cbor_text("__type"), cbor_text("ExpiredToken")].concat();
    for value in [
        vec![0x18, 0x64],
        vec![0x39, 0x01, 0xf3],
        vec![0x43, 1, 2, 3],
        vec![0xf5],
        vec![0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0xc1, 0x1a, 0, 0, 0, 1],
        vec![0x82, 1, 0x61, b'a'],
        vec![0xa1, 0x61, b'a', 0x80],
        vec![0x9f, 1, 2, 0xff],
        vec![0xbf, 0x61, b'a', 1, 0xff],
        vec![0x7f, 0x61, b'a', 0x61, b'b', 0xff],
    ] {
        for first in [0xa2, 0xbf] {
            let body = [vec![first], cbor_text("x"), value.clone(), code.clone()].concat();
            assert_eq!(of_body(&body), Some(Verdict::Credentials), "{value:?}");
        }
    }
    let deep = [vec![0xa2], cbor_text("x"), vec![0x81; 4000], code].concat();
    assert_eq!(of_body(&deep), None);
}

#[test]
fn a_body_may_be_cut_off_behind_its_code() {
    let long = "é".repeat(MAX_BODY_BYTES);
    for body in [
        format!("<Error><Code>SignatureDoesNotMatch</Code><Message>{long}</Message></Error>"),
        format!("<Error><Code>SignatureDoesNotMatch</Code><Message>x{long}</Message></Error>"),
        format!(r#"{{"__type":"SignatureDoesNotMatch","message":"{long}"}}"#),
        format!(r#"{{"__type":"SignatureDoesNotMatch","message":"x{long}"}}"#),
    ] {
        assert_eq!(of_body(body.as_bytes()), Some(Verdict::Clock));
    }
    // Behind the limit there is none, and half a code is none.
    let late = format!(r#"{{"message":"{long}","__type":"ExpiredToken"}}"#);
    assert_eq!(of_body(late.as_bytes()), None);
    for body in [
        "<Error><Code>ExpiredToken",
        "<Error><Code>ExpiredToken<",
        r#"{"__type":"ExpiredToken"#,
    ] {
        assert_eq!(of_body(body.as_bytes()), None, "{body}");
    }
}

proptest! {
    #[test]
    fn no_answer_panics(
        status in any::<u16>(), header in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200),
        markup in "[<>/!?\\-CDATA\\[\\]Erorde ={}\":,_type]{0,80}", first in 0xa0..=0xbf_u8,
    ) {
        let _ = of_headers(status, Some(&header));
        let _ = of_body(&bytes);
        let _ = of_body(markup.as_bytes());
        let _ = of_body(&[&[first], &bytes[..]].concat());
    }
}
