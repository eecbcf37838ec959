//! `POST /refresh` in the token listener: the credentials of all roles of the process are replaced, though they have not
//! expired. [`crate::credentials::cache`] has what becomes of each role's record.
//!
//! Whoever can open the socket may ask. However many do, the process hears one of them in 30 s.

use super::status::FiledRole;
use crate::refusal::Answer;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The path to ask at.
pub(crate) const PATH: &str = "/refresh";

/// Where it lies in shared data when somebody was last heard. Each write, also of the same, tells the workers that
/// records have changed: the CAS number is another one then.
pub(crate) const KEY: &str = "flush/1";

/// How long nobody else is heard.
const BETWEEN: Duration = Duration::from_secs(30);

/// What lies at [`KEY`] once somebody is heard; or how long nobody is.
pub(crate) fn ask(stored: Option<&[u8]>, now: SystemTime) -> Result<Vec<u8>, Duration> {
    let last = stored
        .and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()?.as_u64())
        .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    let left = last.and_then(|last| (last + BETWEEN).duration_since(now).ok());
    match left {
        // Longer, it was written before the clock stepped back.
        Some(left) if !left.is_zero() && left <= BETWEEN => Err(left),
        _ => {
            let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(since.as_secs().to_string().into_bytes())
        }
    }
}

/// Somebody was heard, and these roles' credentials are replaced.
pub(crate) fn accepted(roles: &[&FiledRole]) -> Answer {
    let roles: Vec<Value> = roles.iter().map(|role| role.named()).collect();
    let document = json!({
        "roles": roles,
        "seconds_until_next": BETWEEN.as_secs(),
        "help": "The credentials of these roles are replaced within seconds, and sign until then. /status has what comes of it.",
    });
    Answer::json(202, &document)
}

/// Somebody else was heard just now.
pub(crate) fn too_soon(left: Duration) -> Answer {
    let seconds = left.as_secs().saturating_add(1);
    let document = json!({
        "seconds_until_next": seconds,
        "help": "Credentials were to be replaced less than 30 s ago. /status has what came of it.",
    });
    let mut answer = Answer::json(429, &document);
    answer.headers.push(("retry-after", seconds.to_string()));
    answer
}

/// Nobody asks in this way.
pub(crate) fn wrong_method() -> Answer {
    let document = json!({"help": "Use POST: it replaces the credentials of all roles."});
    let mut answer = Answer::json(405, &document);
    answer.headers.push(("allow", "POST".to_owned()));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    #[test]
    fn one_of_many_is_heard_in_half_a_minute() {
        let stored = ask(None, at(0)).unwrap();
        let left = |seconds| ask(Some(&stored), at(seconds)).map_err(|left| left.as_secs());
        assert_eq!(left(0), Err(30));
        assert_eq!(left(29), Err(1));
        assert!(left(30).is_ok());
        assert_ne!(left(30), Ok(stored.clone()));
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let stored = ask(None, at(3600)).unwrap();
        assert!(ask(Some(&stored), at(0)).is_ok());
    }

    #[test]
    fn what_workers_alone_have_written_is_nobody() {
        assert!(ask(Some(b""), at(0)).is_ok());
    }

    #[test]
    fn each_answer_says_what_to_do() {
        let too_soon = too_soon(Duration::from_millis(1500));
        assert_eq!(
            (too_soon.status, &too_soon.headers[1]),
            (429, &("retry-after", "2".to_owned()))
        );
        let wrong_method = wrong_method();
        assert_eq!(
            (wrong_method.status, &wrong_method.headers[1]),
            (405, &("allow", "POST".to_owned()))
        );
        for answer in [too_soon, wrong_method, accepted(&[])] {
            let document: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(document["help"].is_string());
        }
    }
}
