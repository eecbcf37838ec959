use std::time::Duration;

use proptest::prelude::*;

use super::*;

const AUDIENCE: &str = "sts.amazonaws.com";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_464_000)
}

fn jwt(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.{}",
        part(r#"{"alg":"RS256"}"#),
        part(claims),
        part("signature")
    )
}

fn parse(body: &[u8]) -> Result<Secret, TokenError> {
    parse_reply(200, body, AUDIENCE, now())
}

#[test]
fn a_valid_token_is_trimmed_and_kept() {
    #[track_caller]
    fn check(claims: &str, seconds_left: f64) {
        let token = jwt(claims);
        let parsed = parse(format!(" \r\n{token}\n\n").as_bytes()).unwrap();
        assert_eq!(parsed.expose(), token);
        let at = now() + Duration::from_secs_f64(seconds_left);
        let late = parse_reply(200, token.as_bytes(), AUDIENCE, at);
        assert_eq!(late, Err(TokenError::Expired { at }));
    }
    check(r#"{"exp":1795464001,"aud":"sts.amazonaws.com"}"#, 1.0);
    check(
        r#"{"exp":1795467600.5,"aud":["vault","sts.amazonaws.com"],"iat":1}"#,
        3600.5,
    );
}

#[test]
fn what_is_wrong_with_a_token_is_said() {
    #[track_caller]
    fn check(claims: &str, message: &str) {
        let error = parse(jwt(claims).as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the web identity token {message}")
        );
    }
    check(
        r#"{"exp":1795464000,"aud":"sts.amazonaws.com"}"#,
        "expired at 2026-11-23T20:00:00Z",
    );
    check(
        r#"{"exp":1795464000.5,"aud":"a"}"#,
        r#"is for the audience "a", not for "sts.amazonaws.com""#,
    );
    check(
        r#"{"exp":1795464001,"aud":["a","b"]}"#,
        r#"is for the audience "a, b", not for "sts.amazonaws.com""#,
    );
    check(
        r#"{"exp":1795464001,"aud":[]}"#,
        r#"is for the audience "", not for "sts.amazonaws.com""#,
    );
    check(
        r#"{"aud":"sts.amazonaws.com"}"#,
        "is not usable: it has no `exp` claim",
    );
    check(
        r#"{"exp":null,"aud":"sts.amazonaws.com"}"#,
        "is not usable: it has no `exp` claim",
    );
    check(
        r#"{"exp":1795464001}"#,
        "is not usable: it has no `aud` claim",
    );
    check(
        r#"{"exp":1e300,"aud":"a"}"#,
        "is not usable: its `exp` claim is not a time",
    );
    for claims in [
        r#"{"exp":"tomorrow"}"#,
        r#"{"exp":1,"aud":7}"#,
        r#"{"exp":1,"aud":["a",7]}"#,
        "[]",
        "",
        "{",
    ] {
        check(
            claims,
            "is not usable: its claims are not JSON, or `exp` or `aud` has the wrong type",
        );
    }
}

#[test]
fn what_is_no_jwt_is_refused() {
    let valid = jwt(r#"{"exp":1795464001,"aud":"sts.amazonaws.com"}"#);
    for body in [
        "abcd",
        "a.b",
        "<html></html>",
        &format!("{valid}.e30"),
        &valid.replace('.', " "),
    ] {
        assert_eq!(parse(body.as_bytes()), Err(NOT_A_JWT), "{body}");
    }
    assert_eq!(parse(b"\xff.\xff.\xff"), Err(NOT_A_JWT));
}

#[test]
fn the_length_limit_is_that_of_sts() {
    assert_eq!(parse(&[b'a'; MAX_TOKEN_BYTES]), Err(NOT_A_JWT));
    assert_eq!(
        parse(&[b'a'; MAX_TOKEN_BYTES + 1]),
        Err(TokenError::TooLong(MAX_TOKEN_BYTES + 1))
    );
    assert_eq!(parse(&vec![b' '; 10_000_000]), Err(TokenError::Empty));
}

#[test]
fn a_listener_that_fails_is_not_a_token() {
    assert_eq!(
        parse_reply(0, b"", AUDIENCE, now()),
        Err(TokenError::Unreachable)
    );
    assert_eq!(
        parse_reply(500, b"x.y.z", AUDIENCE, now()),
        Err(TokenError::Status(500))
    );
    assert_eq!(parse(b" \n"), Err(TokenError::Empty));
}

#[test]
fn nothing_that_can_be_printed_shows_the_token() {
    let valid = jwt(r#"{"exp":1795464001,"aud":"sts.amazonaws.com"}"#);
    let expired = jwt(r#"{"exp":1,"aud":"sts.amazonaws.com"}"#);
    let other = jwt(&format!(r#"{{"exp":1795464001,"aud":"{valid}"}}"#));
    let broken = jwt("{").replace("e", "!");
    for token in [&valid, &expired, &other, &broken] {
        let long = format!("{token}{token}").repeat(200);
        for body in [token.as_str(), &long] {
            let printed = match parse(body.as_bytes()) {
                Ok(parsed) => format!("{parsed:?}"),
                Err(error) => format!(
                    "{error} {error:?} {} {}",
                    error.outcome().word(),
                    error.advice()
                ),
            };
            for part in token.split('.').chain(valid.split('.')) {
                assert!(!printed.contains(part), "{printed}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_reply_panics(status in any::<u16>(), body in any::<Vec<u8>>(), claims in any::<String>()) {
        let _ = parse_reply(status, &body, AUDIENCE, now());
        let _ = parse(jwt(&claims).as_bytes());
    }
}
