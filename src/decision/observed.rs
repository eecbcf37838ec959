//! What would become of a request, where the filter only observes.

use super::unsigned::LeftAlone;
use crate::report::words::words;

words! {
    /// What a filter that enforces would do with a request.
    pub enum Would in "sigv4_egress.requests" {
        /// Sign it.
        Sign = "would_sign",
        /// Let it go on as it came.
        LeaveAlone = "would_leave_alone",
        /// Answer it.
        Refuse = "would_refuse",
    }
}

impl Would {
    /// The word without `would_`.
    pub fn verb(self) -> &'static str {
        let word = self.word();
        word.strip_prefix("would_").unwrap_or(word)
    }
}

/// What would become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What would be done.
    pub would: Would,
    /// Why, in the word that stats and log of a filter that enforces have for it.
    pub reason: &'static str,
}

impl Observed {
    /// Whether it is none of AWS's, and would go on as it came.
    pub(crate) fn is_not_aws(self) -> bool {
        self.reason == LeftAlone::NotAws.word()
    }
}

/// The operation that a request names: `X-Amz-Target` has it after its last dot, and AWS's Query protocol in a parameter
/// `Action` of the query. That of a form is in the body, and that of REST in method and path: not seen.
pub(super) fn operation<'a>(target: Option<&'a str>, query: Option<&'a str>) -> Option<&'a str> {
    let of_target = || target?.rsplit('.').next();
    let of_query = || {
        query?
            .split('&')
            .find_map(|part| part.strip_prefix("Action="))
    };
    let name = of_target().or_else(of_query)?;
    let is_name = (1..=MAX_LENGTH).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(name)
}

/// The longest name of an operation in botocore's models has 64 characters.
const MAX_LENGTH: usize = 128;
