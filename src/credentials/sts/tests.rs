use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::credentials::failure::{FetchError, Retry};
use crate::credentials::reply::MAX_REPLY_BYTES;
use crate::credentials::reply::quote::Quote;

const KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "FQoGZXIvYXdzEE0aD/session+token/EXAMPLE==";
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl";
const EXPIRY: u64 = 1_795_467_600;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_464_000)
}

/// Reads the reply to the first of the calls.
fn parse_reply(status: u16, body: &[u8], now: SystemTime) -> Result<Credentials, StsError> {
    super::parse_reply(Operation::AssumeRoleWithWebIdentity, status, body, &[], now)
}

fn expected() -> Credentials {
    Credentials {
        access_key_id: KEY_ID.into(),
        secret_access_key: Secret::new(KEY),
        session_token: Secret::new(SESSION),
        expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(EXPIRY),
    }
}

/// The reply with other values in it; `Expiration` as JSON.
fn json_with(key_id: &str, key: &str, session: &str, expiration: Value) -> String {
    json!({"AssumeRoleWithWebIdentityResponse": {
        "AssumeRoleWithWebIdentityResult": {
            "Audience": "sts.amazonaws.com",
            "Credentials": {
                "AccessKeyId": key_id,
                "SecretAccessKey": key,
                "SessionToken": session,
                "Expiration": expiration,
            },
            "SubjectFromWebIdentityToken": "system:serviceaccount:shop:orders",
        },
        "ResponseMetadata": {"RequestId": "ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE"},
    }})
    .to_string()
}

fn json(expiration: Value) -> String {
    json_with(KEY_ID, KEY, SESSION, expiration)
}

/// The reply in the layout of the STS API Reference's example, indented, with a namespace.
fn xml_with(key_id: &str, key: &str, session: &str, expiration: &str) -> String {
    format!(
        r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount:shop:orders</SubjectFromWebIdentityToken>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/orders/shop.orders-1</Arn>
      <AssumedRoleId>AROACLKWSDQRAOEXAMPLE:shop.orders-1</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <SessionToken>
        {session}
      </SessionToken>
      <SecretAccessKey>{key}</SecretAccessKey>
      <Expiration>{expiration}</Expiration>
      <AccessKeyId>{key_id}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
"#
    )
}

fn json_error(code: &str, message: &str) -> String {
    json!({"Error": {"Code": code, "Message": message, "Type": "Sender"}, "RequestId": "1"})
        .to_string()
}

#[test]
fn json_and_xml_of_the_same_credentials_are_read() {
    #[track_caller]
    fn check(body: &str) {
        assert_eq!(
            parse_reply(200, body.as_bytes(), now()),
            Ok(expected()),
            "{body}"
        );
    }
    check(&json(json!(EXPIRY)));
    check(&json(json!(1_795_467_600.0)));
    check(&json(json!("2026-11-23T21:00:00Z")));
    check(&json(json!("2026-11-23T22:00:00.000+01:00")));
    check(&format!("\u{feff} {}\n", json(json!(EXPIRY))));
    check(&xml_with(KEY_ID, KEY, SESSION, "2026-11-23T21:00:00Z"));
    check(&format!(
        "<?xml version=\"1.0\"?>{}",
        xml_with(
            KEY_ID,
            KEY,
            &SESSION.replace('+', "&#43;"),
            "2026-11-23T21:00:00.000Z"
        )
    ));
}

#[test]
fn the_reply_of_a_chained_role_is_read_as_its_own() {
    let chained =
        |body: &str| super::parse_reply(Operation::AssumeRole, 200, body.as_bytes(), &[], now());
    let xml = xml_with(KEY_ID, KEY, SESSION, "2026-11-23T21:00:00Z");
    for body in [json(json!(EXPIRY)), xml] {
        let reply = body.replace("AssumeRoleWithWebIdentity", "AssumeRole");
        assert_eq!(chained(&reply), Ok(expected()), "{reply}");
        assert_eq!(
            chained(&body),
            Err(InvalidReply::Missing("AssumeRoleResponse").into())
        );
        assert_eq!(
            parse_reply(200, reply.as_bytes(), now()),
            Err(InvalidReply::Missing("AssumeRoleWithWebIdentityResponse").into())
        );
    }
}

#[test]
fn the_one_line_form_that_moto_writes_is_read() {
    let body = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{KEY_ID}</AccessKeyId>\
         <SecretAccessKey>{KEY}</SecretAccessKey><SessionToken>{SESSION}</SessionToken>\
         <Expiration>2026-11-23T21:00:00.541320Z</Expiration></Credentials>\
         <PackedPolicySize>6</PackedPolicySize></AssumeRoleWithWebIdentityResult>\
         </AssumeRoleWithWebIdentityResponse>"
    );
    let micros = Duration::from_micros(541_320);
    let read = parse_reply(200, body.as_bytes(), now()).unwrap();
    assert_eq!(
        read,
        Credentials {
            expires_at: expected().expires_at + micros,
            ..expected()
        }
    );
}

#[test]
fn errors_are_sorted_by_code_and_then_by_status() {
    use Retry::{BackOff, Twice, Unlikely};
    #[track_caller]
    fn check(status: u16, code: &str, message: &str, word: &str, retry: Retry) {
        let xml = format!(
            "<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        for body in [
            json_error(code, message),
            format!("<ErrorResponse><Errors>{xml}</Errors></ErrorResponse>"),
            format!("{{\"ErrorResponse\":{}}}", json_error(code, message)),
            format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{xml}<RequestId>1</RequestId></ErrorResponse>"
            ),
        ] {
            let error = parse_reply(status, body.as_bytes(), now()).unwrap_err();
            assert_eq!(
                (error.outcome().word(), error.retry()),
                (word, retry),
                "{body}"
            );
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("{code}: {message} (status {status})")),
                "{error}"
            );
        }
    }
    check(
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "denied",
        Unlikely,
    );
    check(403, "IDPRejectedClaim", "m", "denied", Unlikely);
    check(403, "RegionDisabledException", "m", "denied", Unlikely);
    check(
        400,
        "InvalidIdentityToken",
        "No OpenIDConnect provider found",
        "rejected",
        Unlikely,
    );
    let key = "Couldn't retrieve verification key from your identity provider";
    check(400, "InvalidIdentityToken", key, "rejected", Twice);
    check(400, "ValidationError", "m", "rejected", Unlikely);
    check(400, "MalformedPolicyDocument", "m", "rejected", Unlikely);
    check(400, "PackedPolicyTooLarge", "m", "rejected", Unlikely);
    check(
        400,
        "ExpiredTokenException",
        "m",
        "token_expired_at_sts",
        BackOff,
    );
    check(400, "ExpiredToken", "m", "token_expired_at_sts", BackOff);
    check(
        400,
        "IDPCommunicationError",
        "m",
        "provider_unreachable",
        BackOff,
    );
    check(400, "Throttling", "Rate exceeded", "throttled", BackOff);
    check(400, "ThrottlingException", "m", "throttled", BackOff);
    check(503, "SlowDown", "m", "throttled", BackOff);
    check(429, "Other", "m", "throttled", BackOff);
    check(
        400,
        "RequestTimeoutException",
        "m",
        "service_fault",
        BackOff,
    );
    check(500, "Other", "m", "service_fault", BackOff);
    check(401, "Other", "m", "denied", Unlikely);
    check(404, "Other", "m", "rejected", Unlikely);
    check(200, "AccessDenied", "m", "denied", Unlikely);
}

#[test]
fn every_code_has_advice_of_its_kind() {
    let advice = |status, code| {
        parse_reply(status, json_error(code, "m").as_bytes(), now())
            .unwrap_err()
            .advice()
    };
    assert!(advice(403, "AccessDenied").contains("trust policy"));
    assert!(advice(400, "InvalidIdentityToken").contains("IAM OIDC provider"));
    assert!(advice(400, "MalformedPolicyDocument").contains("`session_policy`"));
    assert!(advice(400, "PackedPolicyTooLarge").contains("fewer tags"));
    assert!(advice(400, "Odd").contains("look the code up"));
    assert!(advice(500, "Odd").contains("AWS Health Dashboard"));
    assert!(advice(404, "").contains("`sts_hosts`"));
}

#[test]
fn errors_of_a_chained_role_have_advice_of_their_own() {
    use Retry::{BackOff, Unlikely};
    #[track_caller]
    fn check(status: u16, code: &str, retry: Retry, text: &str, advice: &str) {
        let body = json_error(code, "m");
        let error = super::parse_reply(Operation::AssumeRole, status, body.as_bytes(), &[], now())
            .unwrap_err();
        assert_eq!(error.retry(), retry, "{code}");
        assert_eq!(
            error.to_string(),
            format!("STS {text}: {code}: m (status {status})")
        );
        assert!(error.advice().contains(advice), "{}", error.advice());
    }
    let (denied, rejected) = (
        "denied the chained role",
        "rejected the request for the chained role",
    );
    check(403, "AccessDenied", Unlikely, denied, "sts:TagSession");
    let region = "opt-in region";
    check(403, "InvalidClientTokenId", Unlikely, denied, region);
    check(403, "UnrecognizedClientException", Unlikely, denied, region);
    let expired = "says that the first role's credentials have expired";
    check(403, "ExpiredToken", BackOff, expired, "fetched again");
    check(
        400,
        "ExpiredTokenException",
        BackOff,
        expired,
        "fetched again",
    );
    let clock = "clock of the node";
    check(403, "SignatureDoesNotMatch", Unlikely, rejected, clock);
    check(400, "RequestExpired", Unlikely, rejected, clock);
    check(400, "IncompleteSignature", Unlikely, rejected, clock);
    check(
        400,
        "MalformedPolicyDocument",
        Unlikely,
        rejected,
        "`session_policy`",
    );
    check(
        400,
        "PackedPolicyTooLarge",
        Unlikely,
        rejected,
        "fewer tags",
    );
    check(
        403,
        "RegionDisabledException",
        Unlikely,
        denied,
        "activate STS",
    );
    check(400, "Throttling", BackOff, "throttled the call", "back-off");
    check(404, "Odd", Unlikely, rejected, "look the code up");
}

#[test]
fn a_proxys_plain_text_is_kept_and_markup_is_not() {
    #[track_caller]
    fn check(status: u16, body: &str, message: &str) {
        assert_eq!(
            parse_reply(status, body.as_bytes(), now())
                .unwrap_err()
                .to_string(),
            message
        );
    }
    check(
        503,
        "no healthy upstream",
        "STS gave no answer: no healthy upstream",
    );
    check(
        502,
        "<html><p>Bad Gateway</html>",
        "STS failed: (status 502)",
    );
    check(
        403,
        "{\"message\":\"Forbidden\"}",
        "STS denied the role: (status 403)",
    );
    check(301, "", "STS rejected the request: (status 301)");
    check(
        500,
        &"x ".repeat(5_000_000),
        &format!("STS failed: {}x (status 500)", "x ".repeat(255)),
    );
}

#[test]
fn a_reply_that_is_not_stss_is_explained() {
    #[track_caller]
    fn check(body: &[u8], why: InvalidReply) {
        let error = parse_reply(200, body, now()).unwrap_err();
        assert_eq!(error, StsError::InvalidReply(why));
        assert_eq!(
            (error.outcome().word(), error.retry()),
            ("invalid_reply", Retry::BackOff)
        );
    }
    let whole = json(json!(EXPIRY));
    let xml = xml_with(KEY_ID, KEY, SESSION, "2026-11-23T21:00:00Z");
    check(b"", InvalidReply::Empty);
    check(b" \n", InvalidReply::Empty);
    check(b"\xff\xfe", InvalidReply::Unreadable);
    check(b"OK", InvalidReply::Unreadable);
    check(
        &whole.as_bytes()[..whole.len() - 1],
        InvalidReply::Unreadable,
    );
    check(&xml.as_bytes()[..xml.len() / 2], InvalidReply::Unreadable);
    check("[".repeat(60_000).as_bytes(), InvalidReply::Unreadable);
    check("<a>".repeat(20_000).as_bytes(), InvalidReply::Unreadable);
    check(&vec![b'['; 10_000_000], InvalidReply::TooLarge);
    check(
        b"[]",
        InvalidReply::Missing("AssumeRoleWithWebIdentityResponse"),
    );
    check(
        b"<html/>",
        InvalidReply::Missing("AssumeRoleWithWebIdentityResponse"),
    );
    check(
        whole.replace("SessionToken", "Other").as_bytes(),
        InvalidReply::Missing("SessionToken"),
    );
    check(
        whole.replace("Expiration", "Other").as_bytes(),
        InvalidReply::Missing("Expiration"),
    );
    check(
        json(json!("soon")).as_bytes(),
        InvalidReply::Malformed("Expiration"),
    );
    check(
        json(json!(-1)).as_bytes(),
        InvalidReply::Malformed("Expiration"),
    );
    check(
        json(json!(null)).as_bytes(),
        InvalidReply::Malformed("Expiration"),
    );
}

#[test]
fn the_reply_may_be_as_long_as_the_limit() {
    let reply = |length| {
        let mut body = json(json!(EXPIRY)).into_bytes();
        body.resize(length, b' ');
        parse_reply(200, &body, now())
    };
    assert_eq!(reply(MAX_REPLY_BYTES), Ok(expected()));
    let refused = StsError::InvalidReply(InvalidReply::TooLarge);
    assert_eq!(reply(MAX_REPLY_BYTES + 1), Err(refused));
}

#[test]
fn credentials_that_cannot_be_header_values_are_refused() {
    #[track_caller]
    fn check(key_id: &str, key: &str, session: &str, field: &'static str) {
        let body = json_with(key_id, key, session, json!(EXPIRY));
        let refused = Err(StsError::InvalidReply(InvalidReply::Malformed(field)));
        assert_eq!(parse_reply(200, body.as_bytes(), now()), refused);
    }
    check("", KEY, SESSION, "AccessKeyId");
    check("ASIA12345678901", KEY, SESSION, "AccessKeyId");
    check("asiaiosfodnn7example", KEY, SESSION, "AccessKeyId");
    check(&"A".repeat(129), KEY, SESSION, "AccessKeyId");
    check(KEY_ID, "", SESSION, "SecretAccessKey");
    check(KEY_ID, "with space", SESSION, "SecretAccessKey");
    check(KEY_ID, KEY, "", "SessionToken");
    check(KEY_ID, KEY, "token\r\nx-injected: 1", "SessionToken");
    check(KEY_ID, KEY, "token\u{0}", "SessionToken");
    check(KEY_ID, KEY, "tokén", "SessionToken");
}

#[test]
fn credentials_that_have_expired_are_an_error() {
    let reply = |seconds: u64| parse_reply(200, json(json!(seconds)).as_bytes(), now());
    assert_eq!(
        reply(1_795_464_000),
        Err(StsError::AlreadyExpired { at: now() })
    );
    assert!(reply(1_795_464_001).is_ok());
}

#[test]
fn no_reply_is_unreachable() {
    let error = parse_reply(0, b"", now()).unwrap_err();
    assert_eq!(
        error,
        StsError::Unreachable {
            detail: Quote::default()
        }
    );
    assert_eq!(
        (error.outcome().word(), error.retry()),
        ("unreachable", Retry::BackOff)
    );
}

#[test]
fn aws_messages_are_one_bounded_line() {
    let body = json_error(
        "Bad\u{7}Code\r\nMore",
        &format!("\nline one\u{1b}[31m {}\nline two", "long ".repeat(200)),
    );
    let StsError::Rejected(_, error) = parse_reply(400, body.as_bytes(), now()).unwrap_err() else {
        panic!("not rejected");
    };
    assert_eq!(error.code.as_str(), "BadCode");
    let message = error.message.as_str();
    assert!(message.starts_with("line one[31m long "), "{message}");
    assert_eq!(message.chars().count(), 512);
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let expired = json(json!(1));
    let whole = json(json!(EXPIRY));
    let xml = xml_with(KEY_ID, KEY, SESSION, "2026-11-23T21:00:00Z");
    let bodies = [
        whole.clone(),
        expired,
        xml.clone(),
        whole.replace("AccessKeyId", "Other"),
        whole[..whole.len() - 2].to_owned(),
        xml[..xml.len() - 2].to_owned(),
        format!("text before {whole}"),
        json_error(
            "InvalidIdentityToken",
            &format!("The token '{JWT}' is not valid"),
        ),
        json_error(JWT, "m"),
        format!("WebIdentityToken={JWT}"),
        format!(
            "<ErrorResponse><Error><Code>C</Code><Message>{JWT}</Message></Error></ErrorResponse>"
        ),
    ];
    for body in &bodies {
        for status in [0, 200, 201, 301, 400, 403, 429, 500] {
            let printed = match parse_reply(status, body.as_bytes(), now()) {
                Ok(credentials) => format!("{credentials:?}"),
                Err(error) => format!(
                    "{error} {error:?} {} {}",
                    error.advice(),
                    error.outcome().word()
                ),
            };
            for secret in [KEY, SESSION].into_iter().chain(JWT.split('.')) {
                assert!(!printed.contains(secret), "{printed}");
            }
        }
    }
}

/// As query services word it ("Troubleshoot AWS Signature Version 4 errors", IAM User Guide), for a call that is signed
/// with `SESSION`.
fn signature_does_not_match(form: impl Fn(&str, &str) -> String) -> String {
    let canonical = format!(
        "POST\n/\n\naccept:application/json\ncontent-type:application/x-www-form-urlencoded\n\
         host:sts.eu-west-1.amazonaws.com\nx-amz-date:20261123T200000Z\nx-amz-security-token:{SESSION}\n\n\
         accept;content-type;host;x-amz-date;x-amz-security-token\n00"
    );
    let message = format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details.\n\n\
         The Canonical String for this request should have been\n'{canonical}'\n\n\
         The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20261123T200000Z\n00'\n"
    );
    form("SignatureDoesNotMatch", &message)
}

#[test]
fn the_request_that_sts_quotes_where_a_signature_does_not_match_is_cut() {
    let xml = |code: &str, message: &str| {
        format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    };
    for body in [
        signature_does_not_match(xml),
        signature_does_not_match(json_error),
    ] {
        for secrets in [&[Secret::new(SESSION)][..], &[]] {
            let error =
                super::parse_reply(Operation::AssumeRole, 403, body.as_bytes(), secrets, now());
            assert_eq!(
                error.unwrap_err().to_string(),
                "STS rejected the request for the chained role: SignatureDoesNotMatch: The request signature we \
                 calculated does not match the signature you provided. Check your AWS Secret Access Key and signing \
                 method. Consult the service documentation for details. (status 403)"
            );
        }
    }
}

/// All that becomes visible of an error: in the log, in the status document, and in a client's answer.
fn visible(error: &StsError) -> String {
    let failure = crate::credentials::failure::Failure::of(error);
    let refusal = crate::refusal::Refusal::CredentialsUnavailable {
        cause: failure.cause.clone(),
        advice: failure.advice.clone(),
    };
    let answer = refusal.answer(crate::refusal::ErrorFormat::Plain);
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    format!("{error} {error:?} {failure} {failure:?} {refusal:?} {body}")
}

proptest! {
    /// Whatever a reply makes of the secrets that went to STS: cut, apart, and in any of its forms.
    #[test]
    fn no_part_of_what_was_sent_becomes_visible(
        token in "[A-Za-z0-9_.-]{60,400}", key in "[A-Za-z0-9/+]{40}", status in 100..600u16,
        pieces in proptest::collection::vec((any::<bool>(), 0..400usize, 8..400usize, "[ \\n:'=/&\u{200b}]{0,2}"), 0..9),
    ) {
        let mut text = String::new();
        for (is_token, start, length, noise) in pieces {
            let secret = if is_token { &token } else { &key };
            text.extend(secret.chars().skip(start % secret.len()).take(length));
            text.push_str(&noise);
        }
        let secrets = [Secret::new(token.clone()), Secret::new(key.clone())];
        let parts: HashSet<&[u8]> = token.as_bytes().windows(8).chain(key.as_bytes().windows(8)).collect();
        let escaped = text.replace('&', "&amp;");
        for body in [
            json_error("Code", &text),
            json_error(&text, "message"),
            format!("<ErrorResponse><Error><Code>C</Code><Message>{escaped}</Message></Error></ErrorResponse>"),
            format!("upstream connect error {text}"),
            text.clone(),
        ] {
            for operation in [Operation::AssumeRoleWithWebIdentity, Operation::AssumeRole] {
                let reply = super::parse_reply(operation, status, body.as_bytes(), &secrets, now());
                let visible = visible(&reply.unwrap_err());
                for window in visible.as_bytes().windows(8) {
                    prop_assert!(!parts.contains(window), "{} in {visible}", String::from_utf8_lossy(window));
                }
            }
        }
    }

    #[test]
    fn no_reply_panics(status in any::<u16>(), bytes in any::<Vec<u8>>(), cut in 0..2000usize, flip in any::<u8>()) {
        let _ = parse_reply(status, &bytes, now());
        for whole in [json(json!(EXPIRY)), xml_with(KEY_ID, KEY, SESSION, "2026-11-23T21:00:00Z"), json_error("C", "m")] {
            let mut damaged = whole.trim_end().as_bytes().to_vec();
            let at = cut % damaged.len();
            damaged[at] ^= flip;
            let _ = parse_reply(status, &damaged, now());
            damaged.truncate(at);
            prop_assert!(parse_reply(200, &damaged, now()).is_err());
        }
    }

    #[test]
    fn both_renderings_give_the_same_credentials(
        key_id in "[A-Z0-9]{16,128}", key in "[!-~]{1,80}", session in "[!-~]{1,900}", life in 1..1_000_000u64,
    ) {
        let expires_at = now() + Duration::from_secs(life);
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let expiration = crate::timestamp::rfc3339(expires_at);
        let xml = xml_with(&key_id, &escape(&key), &escape(&session), &expiration);
        let json = json_with(&key_id, &key, &session, json!(1_795_464_000 + life));
        let expected = Credentials {
            access_key_id: key_id,
            secret_access_key: Secret::new(key),
            session_token: Secret::new(session),
            expires_at,
        };
        prop_assert_eq!(parse_reply(200, xml.as_bytes(), now()), Ok(expected.clone()));
        prop_assert_eq!(parse_reply(200, json.as_bytes(), now()), Ok(expected));
    }
}
