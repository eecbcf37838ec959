use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::authorization::{AuthorizationError, parse_token};
use super::*;
use crate::credentials::failure::{FetchError, Retry};
use crate::credentials::outcome::Fetched;
use crate::credentials::reply::MAX_REPLY_BYTES;

const KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FQoGZXIvYXdzEE0aD/session+token/EXAMPLE==";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_464_000)
}

/// What the EKS agent sends.
fn reply() -> Value {
    json!({
        "AccessKeyId": KEY_ID,
        "SecretAccessKey": KEY,
        "Token": TOKEN,
        "AccountId": "123456789012",
        "Expiration": "2026-11-23T21:00:00Z",
    })
}

fn with(name: &str, value: Value) -> String {
    let mut reply = reply();
    reply[name] = value;
    reply.to_string()
}

fn without(name: &str) -> Value {
    let mut reply = reply();
    reply.as_object_mut().unwrap().remove(name);
    reply
}

fn expected() -> Credentials {
    Credentials {
        access_key_id: KEY_ID.into(),
        secret_access_key: Secret::new(KEY),
        session_token: Secret::new(TOKEN),
        expires_at: now() + Duration::from_secs(3600),
    }
}

fn parse_reply(status: u16, body: &[u8], now: SystemTime) -> Result<Credentials, ContainerError> {
    super::parse_reply(status, body, &[], now)
}

fn endpoint(uri: &str) -> Endpoint {
    Endpoint::of_full_uri(uri).unwrap()
}

#[test]
fn the_request_is_a_get_with_the_token_as_it_is() {
    let endpoint = endpoint("http://localhost:9911/v1/credentials?a=b");
    let token = Secret::new("Basic abcd");
    let headers = request_headers(&endpoint, Some(&token));
    let unauthorized = [
        (":method", "GET"),
        (":path", "/v1/credentials?a=b"),
        (":authority", "localhost:9911"),
        ("accept", "application/json"),
    ];
    let authorized = [&unauthorized[..], &[("authorization", "Basic abcd")]].concat();
    assert_eq!(headers.expose(), authorized);
    assert_eq!(request_headers(&endpoint, None).expose(), unauthorized);
    assert!(!format!("{headers:?}").contains("abcd"));
}

#[test]
fn credentials_are_read() {
    #[track_caller]
    fn check(body: &str) {
        let read = parse_reply(200, body.as_bytes(), now());
        assert_eq!(read, Ok(expected()), "{body}");
    }
    check(&reply().to_string());
    check(&with("Code", json!("Success")));
    check(&format!("\u{feff} {:#}\n", reply()));
    // Nobody reads these.
    check(&without("AccountId").to_string());
    for odd in [
        json!(null),
        json!(123_456_789_012_u64),
        json!("12345678901"),
        json!("é"),
        json!({}),
    ] {
        for name in ["AccountId", "RoleArn", "Type", "LastUpdated"] {
            check(&with(name, odd.clone()));
        }
    }
    let mut exported = without("Token");
    exported["SessionToken"] = json!(TOKEN);
    exported["Version"] = json!(1);
    check(&exported.to_string());
}

#[test]
fn a_reply_that_holds_no_temporary_credentials_is_explained() {
    #[track_caller]
    fn check(body: &[u8], why: InvalidReply) {
        let error = parse_reply(200, body, now()).unwrap_err();
        assert_eq!(error, ContainerError::InvalidReply(why));
        assert_eq!(error.retry(), Retry::BackOff);
        assert!(error.advice().contains("`container_cluster`"));
    }
    for name in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        check(
            without(name).to_string().as_bytes(),
            InvalidReply::Missing(name),
        );
        for wrong in [
            json!(null),
            json!(""),
            json!(1),
            json!("line\nbreak"),
            json!("é"),
        ] {
            check(with(name, wrong).as_bytes(), InvalidReply::Malformed(name));
        }
    }
    check(b"", InvalidReply::Empty);
    check(b"OK", InvalidReply::Unreadable);
    check(b"[]", InvalidReply::Missing("AccessKeyId"));
    check(b"<html/>", InvalidReply::Missing("AccessKeyId"));
    let whole = reply().to_string();
    check(
        &whole.as_bytes()[..whole.len() - 1],
        InvalidReply::Unreadable,
    );
    check(&vec![b' '; MAX_REPLY_BYTES + 1], InvalidReply::TooLarge);
}

#[test]
fn credentials_that_have_expired_are_an_error() {
    let at = |text| parse_reply(200, with("Expiration", json!(text)).as_bytes(), now());
    let expired = ContainerError::AlreadyExpired { at: now() };
    assert_eq!(at("2026-11-23T20:00:00Z"), Err(expired));
    assert!(at("2026-11-23T20:00:01Z").is_ok());
}

#[test]
fn refusals_are_sorted_by_code_and_then_by_status() {
    use Retry::{BackOff, Unlikely};
    #[track_caller]
    fn check(status: u16, body: &str, said: &str, retry: Retry, advice: &str) {
        let error = parse_reply(status, body.as_bytes(), now()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the container endpoint {said} (status {status})")
        );
        assert_eq!(error.retry(), retry, "{error}");
        assert!(error.advice().contains(advice), "{}", error.advice());
    }
    // The EKS agent repeats EKS.
    check(
        404,
        "[e1-d2]: (ResourceNotFoundException): No association (yet), fault: client\n",
        "denied the credentials: ResourceNotFoundException: No association (yet)",
        Unlikely,
        "Pod Identity association",
    );
    check(
        400,
        "[e1-d2]: (AccessDeniedException): Unauthorized Exception!, fault: client\n",
        "denied the credentials: AccessDeniedException: Unauthorized Exception!",
        Unlikely,
        "sts:TagSession",
    );
    check(
        400,
        "[e1]: (ExpiredTokenException): Token is expired, fault: client\n",
        "says that the authorization token has expired: ExpiredTokenException: Token is expired",
        BackOff,
        "watched_directory",
    );
    check(
        400,
        "[e1]: (InvalidTokenException): Audience, fault: client\n",
        "rejected the request: InvalidTokenException: Audience",
        Unlikely,
        "pods.eks.amazonaws.com",
    );
    check(
        500,
        "[e1]: (InternalServerException): m, fault: server\n",
        "failed: InternalServerException: m",
        BackOff,
        "logs of the agent",
    );
    check(
        400,
        "[e1]: (ThrottlingException): Rate, fault: client",
        "throttled the call: ThrottlingException: Rate",
        BackOff,
        "back-off",
    );
    // It says some things itself.
    check(
        403,
        "Access Denied. Called agent through (a proxy)\n",
        "denied the credentials: Access Denied. Called agent through (a proxy)",
        Unlikely,
        "`container_cluster`",
    );
    check(
        429,
        "Too Many Requests. m\n",
        "throttled the call: Too Many Requests. m",
        BackOff,
        "back-off",
    );
    check(
        400,
        "Service account token cannot be empty\n",
        "rejected the request: Service account token cannot be empty",
        Unlikely,
        "authorization token",
    );
    // The ECS agent, and the form that the SDKs document.
    check(
        400,
        r#"{"code":"InvalidIdInRequest","message":"CredentialsV2Request: Credentials not found","HTTPErrorCode":400}"#,
        "denied the credentials: InvalidIdInRequest: CredentialsV2Request: Credentials not found",
        Unlikely,
        "task role",
    );
    check(
        500,
        r#"{"code":"CredentialsUninitialized","message":"m"}"#,
        "failed: CredentialsUninitialized: m",
        BackOff,
        "logs of the agent",
    );
    check(
        200,
        r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"m"}"#,
        "rejected the request: AssumeRoleUnauthorizedAccess: m",
        Unlikely,
        "`container_cluster`",
    );
    check(
        404,
        "<html>x</html>",
        "rejected the request:",
        Unlikely,
        "`container_cluster`",
    );
    check(503, "", "failed:", BackOff, "logs of the agent");
}

#[test]
fn no_reply_is_unreachable() {
    let silent = parse_reply(0, b"", now()).unwrap_err();
    assert_eq!(silent.to_string(), "the container endpoint gave no answer");
    let envoys = parse_reply(503, b"upstream connect error or disconnect", now()).unwrap_err();
    assert_eq!(envoys.outcome(), Fetched::ContainerUnreachable);
    assert_eq!(envoys.retry(), Retry::BackOff);
}

#[test]
fn the_authorization_token_is_trimmed_and_is_one_line() {
    let read = |body: &[u8]| parse_token(200, body).map(|token| token.expose().to_owned());
    assert_eq!(
        read(b" \r\neyJ.eyJ.c2ln\n\n").as_deref(),
        Ok("eyJ.eyJ.c2ln")
    );
    assert_eq!(read(b"Basic abcd").as_deref(), Ok("Basic abcd"));
    assert_eq!(read(b" \n"), Err(AuthorizationError::Empty));
    for wrong in ["a\nb", "a\r\nx-injected: 1", "a\tb", "a\0b", "é"] {
        assert_eq!(
            read(wrong.as_bytes()),
            Err(AuthorizationError::Malformed),
            "{wrong:?}"
        );
    }
    assert_eq!(read(b"\xff"), Err(AuthorizationError::Malformed));
    assert!(read(&[b'a'; 20_000]).is_ok());
    assert_eq!(
        read(&[b'a'; 20_001]),
        Err(AuthorizationError::TooLong(20_001))
    );
    assert_eq!(parse_token(0, b""), Err(AuthorizationError::Unreachable));
    assert_eq!(parse_token(500, b"a"), Err(AuthorizationError::Status(500)));
}

#[test]
fn the_advice_names_the_path_of_the_token() {
    for error in [AuthorizationError::Status(404), AuthorizationError::Empty] {
        assert!(
            error.advice().contains(&format!("GET {TOKEN_PATH} ")),
            "{error}"
        );
    }
    let refused = parse_reply(
        400,
        b"[e]: (InvalidTokenException): m, fault: client",
        now(),
    );
    let advice = refused.unwrap_err().advice();
    assert!(advice.contains(&format!("GET {TOKEN_PATH} ")), "{advice}");
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let whole = reply().to_string();
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl";
    let bodies = [
        whole.clone(),
        with("Expiration", json!("2020-01-01T00:00:00Z")),
        with("AccessKeyId", json!(1)),
        whole[..whole.len() - 2].to_owned(),
        format!("text before {whole}"),
        with("code", json!("X")),
        format!("[e]: (InvalidTokenException): token {jwt} is bad, fault: client"),
        json!({"code": jwt, "message": jwt}).to_string(),
    ];
    for body in &bodies {
        for status in [0, 200, 400, 403, 429, 500] {
            let printed = match parse_reply(status, body.as_bytes(), now()) {
                Ok(credentials) => format!("{credentials:?}"),
                Err(error) => format!(
                    "{error} {error:?} {} {}",
                    error.advice(),
                    error.outcome().word()
                ),
            };
            for secret in [KEY, TOKEN].into_iter().chain(jwt.split('.')) {
                assert!(!printed.contains(secret), "{printed}");
            }
        }
    }
    for body in [jwt.to_owned(), format!("{jwt}\n{jwt}")] {
        let printed = format!("{:?}", parse_token(200, body.as_bytes()));
        assert!(!printed.contains("eyJ"), "{printed}");
    }
}

proptest! {
    #[test]
    fn no_part_of_what_was_sent_becomes_visible(
        token in "[A-Za-z0-9+/=_.-]{20,400}", status in 100..600u16,
        pieces in proptest::collection::vec((0..400usize, 8..400usize, "[ \\n:'()\u{200b}]{0,2}"), 0..9),
    ) {
        let mut text = String::new();
        for (start, length, noise) in pieces {
            text.extend(token.chars().skip(start % token.len()).take(length));
            text.push_str(&noise);
        }
        for body in [
            json!({"code": "Code", "message": text}).to_string(),
            json!({"Code": text, "Message": "m"}).to_string(),
            format!("[e1]: (AccessDeniedException): {text}, fault: client\n"),
            format!("[{text}]: (AccessDeniedException): m, fault: client\n"),
            format!("no healthy upstream {text}"),
            text.clone(),
        ] {
            let secrets = [Secret::new(token.clone())];
            let error = super::parse_reply(status, body.as_bytes(), &secrets, now()).unwrap_err();
            let visible = format!("{error} {error:?} {}", crate::credentials::failure::Failure::of(&error));
            for window in token.as_bytes().windows(8) {
                let window = std::str::from_utf8(window).unwrap();
                prop_assert!(!visible.contains(window), "{window} in {visible}");
            }
        }
    }

    #[test]
    fn no_reply_panics(status in any::<u16>(), bytes in any::<Vec<u8>>(), cut in 0..500usize, flip in any::<u8>(), text in "[\\[\\]():, a-zA-Zé]{0,40}") {
        let _ = parse_reply(status, &bytes, now());
        let _ = parse_reply(status, text.as_bytes(), now());
        let _ = parse_token(status, &bytes);
        let mut damaged = reply().to_string().into_bytes();
        let at = cut % damaged.len();
        damaged[at] ^= flip;
        let _ = parse_reply(status, &damaged, now());
        damaged.truncate(at);
        prop_assert!(parse_reply(200, &damaged, now()).is_err());
    }
}
