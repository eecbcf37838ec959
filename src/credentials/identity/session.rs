//! What a role session is asked for besides its name: how long it lives, what it may do at most, and
//! what the other account wants to know of it.
//!
//! Limits and alphabets: AWS STS API Reference, AssumeRole and AssumeRoleWithWebIdentity, Request
//! Parameters. What a `[\w...]` pattern takes is read as ASCII, as IAM does.

use crate::json::{self, JsonError};
use serde_json::{Map, Value};
use std::fmt;

/// How long a role session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionDuration(u32);

impl SessionDuration {
    /// What a role takes that a web identity assumes, for error messages.
    pub const ALLOWED: &str =
        "900 to 43200 seconds, and no more than the role's maximum session duration";
    /// What a chained role takes, for error messages.
    pub const ALLOWED_CHAINED: &str =
        "900 to 3600 seconds: STS gives a chained role at most one hour";

    /// 900 to 43,200 seconds (`DurationSeconds`). The role's own maximum is for STS to check.
    pub fn of_web_identity(seconds: u64) -> Option<Self> {
        Self::bounded(seconds, 43_200)
    }

    /// 900 to 3,600 seconds: "role chaining limits your session to a maximum of one hour", whatever the
    /// role's own maximum (STS API Reference, AssumeRole, `DurationSeconds`).
    pub fn of_chained_role(seconds: u64) -> Option<Self> {
        Self::bounded(seconds, 3_600)
    }

    fn bounded(seconds: u64, longest: u32) -> Option<Self> {
        let seconds = u32::try_from(seconds).ok()?;
        (900..=longest).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds, for `DurationSeconds`.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// An inline session policy: the session may do what both it and the role allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy(String);

/// Why a text is not a session policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionPolicyError {
    /// It is not JSON, or has a key twice.
    Json(JsonError),
    /// It is JSON, but not an object.
    NotAnObject,
    /// More characters than STS takes, after the space between tokens is gone.
    TooLong(usize),
    /// A character above U+00FF. JSON can write it as `\uXXXX`.
    Character(char),
}

impl SessionPolicy {
    /// What is accepted, for error messages.
    pub const ALLOWED: &str = "an IAM policy: a JSON object of at most 2048 characters, not counting the space between its tokens, none of them above U+00FF";

    /// Parses a policy, and drops the space between its tokens: STS counts that too (`Policy`: 1 to
    /// 2048 characters of `[\u0009\u000A\u000D\u0020-\u00FF]`). Order and spelling stay as they were
    /// written. Whether the statements make sense is for STS to say.
    ///
    /// # Errors
    /// See [`SessionPolicyError`].
    pub fn parse(text: &str) -> Result<Self, SessionPolicyError> {
        let value = json::parse(text.as_bytes()).map_err(SessionPolicyError::Json)?;
        if !value.is_object() {
            return Err(SessionPolicyError::NotAnObject);
        }
        let minified = minify(text);
        if let Some(c) = minified.chars().find(|c| *c > '\u{ff}') {
            return Err(SessionPolicyError::Character(c));
        }
        let length = minified.chars().count();
        if length > MAX_POLICY_CHARS {
            return Err(SessionPolicyError::TooLong(length));
        }
        Ok(Self(minified))
    }

    /// The same for a policy that stands as an object in a larger JSON text.
    ///
    /// # Errors
    /// See [`SessionPolicyError`].
    pub fn of_object(object: Map<String, Value>) -> Result<Self, SessionPolicyError> {
        Self::parse(&Value::from(object).to_string())
    }

    /// The minified text, as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::NotAnObject => f.write_str("is JSON, but not an object"),
            Self::TooLong(length) => {
                write!(
                    f,
                    "has {length} characters, STS accepts at most {MAX_POLICY_CHARS}"
                )
            }
            Self::Character(c) => write!(
                f,
                "holds {c:?}, which STS takes only as an escape of JSON (\\u{:04x})",
                u32::from(*c)
            ),
        }
    }
}

impl std::error::Error for SessionPolicyError {}

/// `json` is known to be JSON: whitespace outside of strings is none of it.
fn minify(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|c| {
            if in_string {
                in_string = escaped || *c != '"';
                escaped = !escaped && *c == '\\';
                return true;
            }
            in_string = *c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}

/// What the account of a chained role has asked for, against the confused deputy. Not a secret: "AWS
/// does not treat the external ID as a secret" (IAM User Guide, "Access to accounts owned by third
/// parties").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// What is accepted, for error messages.
    pub const ALLOWED: &str = "2 to 1224 letters, digits and _+=,.@:/-";

    /// 2 to 1224 characters of `[\w+=,.@:\/-]` (STS API Reference, AssumeRole, `ExternalId`).
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |b: u8| is_name_byte(b) || b == b':' || b == b'/';
        let valid = (2..=1224).contains(&text.len()) && text.bytes().all(is_allowed);
        valid.then(|| Self(text.to_owned()))
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who is behind a chain of sessions: set once, kept by every later session, shown by CloudTrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceIdentity(String);

impl SourceIdentity {
    /// What is accepted, for error messages.
    pub const ALLOWED: &str = "2 to 64 letters, digits and _+=,.@-";

    /// 2 to 64 characters of `[\w+=,.@-]` (STS API Reference, AssumeRole, `SourceIdentity`). The
    /// reserved prefix `aws:` is outside of this alphabet.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (2..=64).contains(&text.len()) && text.bytes().all(is_name_byte);
        valid.then(|| Self(text.to_owned()))
    }

    /// The identity as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Of `[\w+=,.@-]`, which names are made of.
pub(super) fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)
}

/// STS API Reference, `Policy`: "can't exceed 2,048 characters".
const MAX_POLICY_CHARS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_the_bounds_of_sts() {
        let web = |seconds| SessionDuration::of_web_identity(seconds).map(SessionDuration::seconds);
        let chained =
            |seconds| SessionDuration::of_chained_role(seconds).map(SessionDuration::seconds);
        assert_eq!((web(899), web(900)), (None, Some(900)));
        assert_eq!((web(43_200), web(43_201)), (Some(43_200), None));
        assert_eq!((chained(899), chained(900)), (None, Some(900)));
        assert_eq!((chained(3600), chained(3601)), (Some(3600), None));
        // 2^32 + 900.
        assert_eq!((web(4_294_968_196), chained(u64::MAX)), (None, None));
    }

    #[test]
    fn a_policy_is_sent_without_the_space_between_its_tokens() {
        #[track_caller]
        fn check(text: &str, sent: &str) {
            assert_eq!(SessionPolicy::parse(text).unwrap().as_str(), sent);
        }
        check("{}", "{}");
        check(
            " {\r\n\t\"b\" : [ 1, \"a b\\\" c\" ] ,\n \"a\":\"\\\\\" , \"é\": \" \" }\n",
            "{\"b\":[1,\"a b\\\" c\"],\"a\":\"\\\\\",\"é\":\" \"}",
        );
    }

    #[test]
    fn a_policy_may_have_2048_characters_when_it_is_sent() {
        let policy = |letters: usize, spaces: usize| {
            format!(
                "{{{}\"a\":\"{}\"}}",
                " ".repeat(spaces),
                "é".repeat(letters)
            )
        };
        let longest = SessionPolicy::parse(&policy(2040, 500)).unwrap();
        assert_eq!(longest.as_str().chars().count(), 2048);
        assert_eq!(
            SessionPolicy::parse(&policy(2041, 0)),
            Err(SessionPolicyError::TooLong(2049))
        );
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_said() {
        #[track_caller]
        fn check(text: &str, message: &str) {
            assert_eq!(SessionPolicy::parse(text).unwrap_err().to_string(), message);
        }
        check(
            "",
            "is not valid JSON: EOF while parsing a value at line 1 column 0",
        );
        check(
            "{\n\"a\" 1}",
            "is not valid JSON: expected `:` at line 2 column 5",
        );
        check(
            r#"{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}"#,
            "holds the key \"Statement[0].Effect\" twice",
        );
        check("[]", "is JSON, but not an object");
        check("\"{}\"", "is JSON, but not an object");
        check(
            "{\"a\":\"x→\"}",
            "holds '→', which STS takes only as an escape of JSON (\\u2192)",
        );
    }

    #[test]
    fn an_object_of_a_larger_text_is_a_policy() {
        let value = serde_json::json!({"policy": {"Version": "2012-10-17", "Statement": []}});
        let policy =
            SessionPolicy::of_object(value["policy"].as_object().unwrap().clone()).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(policy.as_str()).unwrap(),
            value["policy"]
        );
    }

    #[test]
    fn ids_have_the_lengths_and_alphabets_of_sts() {
        let external = |text: &str| ExternalId::parse(text).is_some();
        let source = |text: &str| SourceIdentity::parse(text).is_some();
        let longest = ("a".repeat(1224), "a".repeat(64));
        assert!(external("a:/b") && external(&longest.0) && external("_+=,.@:/-"));
        assert!(source("ab") && source(&longest.1) && source("_+=,.@-"));
        for wrong in ["", "a", "a b", "é1", "a\\b", "ab\n", "a*"] {
            assert!(!external(wrong) && !source(wrong), "{wrong:?}");
        }
        assert!(!external(&"a".repeat(1225)) && !source(&"a".repeat(65)));
        assert!(!source("aws:a") && !source("a/b"));
    }

    proptest! {
        #[test]
        fn minifying_keeps_the_value(keys in prop::collection::vec(("[ \\\\\"a-c\u{e9}]{0,4}", "[ \\\\\"\t\n-~]{0,9}"), 0..6)) {
            let object: Map<String, Value> = keys.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
            let pretty = serde_json::to_string_pretty(&object).unwrap();
            let policy = SessionPolicy::parse(&pretty).unwrap();
            prop_assert_eq!(policy.as_str(), serde_json::to_string(&object).unwrap());
        }
    }
}
