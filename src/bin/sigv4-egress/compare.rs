//! The first line in which what we sign and what AWS would have signed differ, in plain words.

use crate::aws_answer::AwsAnswer;
use crate::shown::Shown;
use serde::Serialize;
use std::cmp::Ordering;

/// What [`first_difference`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// `method`, `path`, `query`, `header <name>`, `signed headers`, `payload hash`, a line of the string to
    /// sign, `nothing`, or `unknown` where AWS did not say enough.
    pub(crate) what: String,
    /// What is signed here; absent where there is no such line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ours: Option<String>,
    /// What AWS would have signed; absent where there is no such line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aws: Option<String>,
    /// What that means, and where to look.
    pub(crate) meaning: String,
}

/// Compares the canonical requests, then the strings to sign, as far as AWS's answer holds them.
pub(crate) fn first_difference(
    canonical_request: &[u8],
    string_to_sign: &str,
    answer: &AwsAnswer,
    shown: Shown,
) -> Difference {
    let theirs = answer.canonical_request.as_deref();
    if let Some(theirs) = theirs {
        let (ours, theirs) = (Lines::of(canonical_request), Lines::of(theirs));
        if let Some(difference) = ours.first_difference(&theirs, shown) {
            return difference;
        }
    }
    match (&answer.string_to_sign, theirs) {
        (Some(theirs), canonical) => strings_to_sign(string_to_sign, theirs, canonical.is_some()),
        (None, Some(_)) => same(),
        (None, None) => unknown(&answer.code),
    }
}

/// A canonical request, taken apart. Lines that are missing are empty.
struct Lines<'a> {
    method: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
    /// Names and values, as they stand: sorted by name.
    headers: Vec<(&'a [u8], &'a [u8])>,
    signed_headers: &'a [u8],
    payload_hash: &'a [u8],
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        let mut lines = text
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut next = || lines.next().unwrap_or_default();
        let (method, path, query) = (next(), next(), next());
        let headers = lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .map(|line| {
                let colon = line.iter().position(|byte| *byte == b':');
                let (name, value) = line.split_at(colon.unwrap_or(line.len()));
                (name, value.get(1..).unwrap_or_default())
            })
            .collect();
        Self {
            method,
            path,
            query,
            headers,
            signed_headers: lines.next().unwrap_or_default(),
            payload_hash: lines.next().unwrap_or_default(),
        }
    }

    fn first_difference(&self, theirs: &Self, shown: Shown) -> Option<Difference> {
        let unlike = |what: &str, ours: &[u8], aws: &[u8], meaning: &str| {
            (ours != aws).then(|| Difference {
                what: what.to_owned(),
                ours: Some(lossy(ours)),
                aws: Some(lossy(aws)),
                meaning: meaning.to_owned(),
            })
        };
        unlike("method", self.method, theirs.method, METHOD)
            .or_else(|| unlike("path", self.path, theirs.path, PATH))
            .or_else(|| unlike("query", self.query, theirs.query, QUERY))
            .or_else(|| self.header_difference(theirs, shown))
            .or_else(|| {
                unlike(
                    "signed headers",
                    self.signed_headers,
                    theirs.signed_headers,
                    SIGNED_HEADERS,
                )
            })
            .or_else(|| {
                unlike(
                    "payload hash",
                    self.payload_hash,
                    theirs.payload_hash,
                    PAYLOAD,
                )
            })
    }

    /// Walks both lists, which are sorted by name, side by side.
    fn header_difference(&self, theirs: &Self, shown: Shown) -> Option<Difference> {
        let (mut ours, mut aws) = (self.headers.iter(), theirs.headers.iter());
        loop {
            let (our, their) = (ours.next(), aws.next());
            let order = match (our, their) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(our), Some(their)) => our.0.cmp(their.0),
            };
            if our == their {
                continue;
            }
            let name = match order {
                Ordering::Less | Ordering::Equal => our?.0,
                Ordering::Greater => their?.0,
            };
            let name = lossy(name);
            let value = |line: &(&[u8], &[u8])| shown.value(&name, &lossy(line.1)).to_owned();
            return Some(Difference {
                what: format!("header {name}"),
                ours: our.filter(|_| order != Ordering::Greater).map(value),
                aws: their.filter(|_| order != Ordering::Less).map(value),
                meaning: header_meaning(&name, order, their.is_some_and(|line| line.1.is_empty())),
            });
        }
    }
}

fn header_meaning(name: &str, order: Ordering, is_empty_at_aws: bool) -> String {
    match (order, name) {
        (Ordering::Less, _) => format!(
            "AWS did not get a signature over {name}. What signed the request did not see it: it was added later, or \
             the request was another one."
        ),
        (Ordering::Greater, _) if is_empty_at_aws => format!(
            "The signature that AWS got is over {name}, and AWS did not get the header: it was removed after it was \
             signed. This request has none either."
        ),
        (Ordering::Greater, _) => format!(
            "The signature that AWS got is over {name} too, and this request has no such header. Add it here as it \
             was when the request was signed."
        ),
        (Ordering::Equal, "x-amz-date") => {
            "The request was signed at another moment than this one. Give its time in `time`, or leave `time` out: \
             it is then AWS's."
                .to_owned()
        }
        (Ordering::Equal, "x-amz-security-token") => {
            "The request was signed with other credentials than these. Leave `credentials` out: the session token is \
             then AWS's."
                .to_owned()
        }
        (Ordering::Equal, "x-amz-content-sha256") => PAYLOAD.to_owned(),
        (Ordering::Equal, "host") => {
            "The host was changed after it was signed. Look for host_rewrite_literal, auto_host_rewrite and the like \
             in the route, and for a port that was added or removed."
                .to_owned()
        }
        (Ordering::Equal, _) if is_empty_at_aws => format!(
            "{name} was removed after it was signed. Look for request_headers_to_remove in the route and virtual \
             host, and for filters after sigv4-egress."
        ),
        (Ordering::Equal, _) => format!(
            "{name} was changed after it was signed. Look for request_headers_to_add in the route and virtual host, \
             and for filters after sigv4-egress."
        ),
    }
}

/// Algorithm, date, credential scope, and hash of the canonical request: one line each.
fn strings_to_sign(ours: &str, theirs: &str, canonical_is_same: bool) -> Difference {
    let mut lines = theirs.trim().lines().map(str::trim);
    for ((what, meaning), our) in TO_SIGN.iter().zip(ours.lines()) {
        let their = lines.next().unwrap_or_default();
        if our != their {
            // With the same canonical request, only a redacted or cut text can have another hash.
            let meaning = match (*what, canonical_is_same) {
                (HASH, true) => {
                    "AWS's canonical request is the same as ours, yet not its hash: its text is incomplete."
                }
                _ => meaning,
            };
            return Difference {
                what: (*what).to_owned(),
                ours: Some(our.to_owned()),
                aws: Some(their.to_owned()),
                meaning: meaning.to_owned(),
            };
        }
    }
    same()
}

fn same() -> Difference {
    Difference {
        what: "nothing".to_owned(),
        meaning: "AWS would have signed the same text, so the request reached it as it was signed. The secret access \
                  key is not that of the access key id, or the signature itself was changed."
            .to_owned(),
        ..Difference::default()
    }
}

fn unknown(code: &str) -> Difference {
    let meaning = match code {
        "" => {
            "The answer holds no error code, no canonical request and no string to sign. Pass AWS's whole body."
        }
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "AWS accepted the signature. A policy does not allow the action: look at the role's, the resource's and the organisation's."
        }
        "RequestTimeTooSkewed" => "The clock of the node, by which requests are signed, is wrong.",
        "ExpiredToken" | "ExpiredTokenException" => {
            "The credentials had expired when AWS got the request, or the clock of the node is wrong."
        }
        "InvalidAccessKeyId" | "UnrecognizedClientException" | "InvalidClientTokenId" => {
            "AWS does not know the access key id, or not in this region or partition."
        }
        "AuthorizationHeaderMalformed" => {
            "AWS could not use the credential scope; its message names the region or service that it expects."
        }
        _ => "The answer holds neither AWS's canonical request nor its string to sign.",
    };
    Difference {
        what: "unknown".to_owned(),
        aws: (!code.is_empty()).then(|| code.to_owned()),
        meaning: meaning.to_owned(),
        ..Difference::default()
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const METHOD: &str =
    "The method was changed after it was signed. Look for filters after sigv4-egress.";
const PATH: &str = "The path was changed after it was signed. Look for prefix_rewrite, regex_rewrite and \
    path_rewrite_policy in the route, and for filters after sigv4-egress. What normalize_path, merge_slashes and \
    path_with_escaped_slashes_action change is signed as they leave it: give that path here.";
const QUERY: &str = "The query was changed after it was signed. Look for query parameters and rewrites in the route, \
    and for filters after sigv4-egress.";
const SIGNED_HEADERS: &str = "The signature is over other headers than these.";
const PAYLOAD: &str = "What the signature says about the body differs: this body is not the one that was signed, or \
    `payload` in a rule says otherwise.";
const HASH: &str = "hash of the canonical request";

/// The lines of a string to sign.
const TO_SIGN: [(&str, &str); 4] = [
    (
        "algorithm",
        "The signature that AWS got is of another algorithm: sigv4-egress did not make it.",
    ),
    (
        "date",
        "The request was signed at another moment than this one. Give its time in `time`, or leave `time` out: it is \
         then AWS's.",
    ),
    (
        "credential scope",
        "The signature that AWS got is for another date, region or service. The host was another one when it was \
         signed, or sigv4-egress did not make the signature.",
    ),
    (
        HASH,
        "The canonical requests differ, but the answer does not hold AWS's, so the line is not known.",
    ),
];

#[cfg(test)]
mod tests;
