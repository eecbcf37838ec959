//! Texts of others, fit to be kept and shown: what STS, a container endpoint, a proxy or a token says goes into errors,
//! and from there into the log, the status document and clients' answers. There is no other door: errors hold a
//! [`Quote`], and only this module makes one.
//!
//! STS repeats the whole canonical request where a signature does not match, session token included ("Troubleshoot AWS
//! Signature Version 4 errors", IAM User Guide), and a proxy may repeat anything that it was sent. So, in this order:
//!
//! 1. Of several lines only the first is kept, and of that what stands before a quoted request.
//! 2. What is not visible ASCII goes: invisible characters vanish, so that none of them splits a secret or turns the
//!    direction of a line; others become `?`.
//! 3. What the text has in common with a secret that is in use now is replaced, from [`COMMON`] characters on.
//! 4. What looks like a secret nobody knows of here is replaced, too: a run of the characters of tokens that holds the
//!    start of a JWT, or is longer than any name of IAM's.

use crate::credentials::Secret;
use std::fmt;

/// A text of somebody else's: one line of visible ASCII, bounded, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote(String);

impl Quote {
    /// Quotes at most `max_chars` characters. `secrets` are those that are in use: what was sent, and the credentials
    /// that are there.
    pub fn new(text: &str, max_chars: usize, secrets: &[Secret]) -> Self {
        let line = first_line(text);
        // Enough for what is cut later, and for work that is bounded.
        let visible: String = visible(line).take(2 * max_chars).collect();
        let known = without_known(&visible, secrets);
        let unknown = without_tokens(&known);
        Self(unknown.trim().chars().take(max_chars).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the first line says before it quotes a request.
fn first_line(text: &str) -> &str {
    let is_break = |c| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let line = text.trim_start().split(is_break).next().unwrap_or_default();
    let lower = line.to_ascii_lowercase();
    let places = QUOTED_REQUEST.iter().filter_map(|words| lower.find(words));
    // In ASCII, lower case stands where upper case stood.
    line.get(..places.min().unwrap_or(line.len()))
        .unwrap_or_default()
}

/// What stands before a request, or its parts, that AWS quotes; in lower case.
const QUOTED_REQUEST: [&str; 5] = [
    "the canonical string for this request",
    "the string-to-sign should have been",
    "canonicalrequest",
    "stringtosign",
    "x-amz-security-token:",
];

/// In visible ASCII and spaces.
fn visible(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter_map(|c| match c {
        ' '..='~' => Some(c),
        '\t' => Some(' '),
        _ if is_invisible(c) => None,
        _ if c.is_whitespace() => Some(' '),
        _ => Some('?'),
    })
}

/// Control characters, and those that Unicode lets a program show nothing for (`Default_Ignorable_Code_Point` in
/// `DerivedCoreProperties.txt` of Unicode 16), those that turn the direction of a line among them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Replaces each stretch that the text has in common with a secret.
fn without_known(text: &str, secrets: &[Secret]) -> String {
    let mut is_secret = vec![false; text.len()];
    for secret in secrets {
        let secret = secret.expose().as_bytes();
        // A shorter one is common only as a whole; the shortest are no secrets.
        let length = secret.len().min(COMMON);
        if length < SHORTEST {
            continue;
        }
        for (start, window) in text.as_bytes().windows(length).enumerate() {
            // Most differ in their first character, which is quick to see.
            let first = window.first();
            let mut parts = secret.windows(length);
            if parts.any(|part| part.first() == first && part == window) {
                let end = start + length;
                let marks = is_secret.get_mut(start..end).unwrap_or_default();
                marks.fill(true);
            }
        }
    }
    let mut out = String::new();
    let mut was_secret = false;
    for (c, is_secret) in text.chars().zip(is_secret) {
        match (was_secret, is_secret) {
            (false, true) => out.push_str(REDACTED),
            (true, true) => {}
            (_, false) => out.push(c),
        }
        was_secret = is_secret;
    }
    out
}

/// Replaces what looks like a token.
fn without_tokens(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|c: char| !is_of_token(c)) {
        let run = word.trim_end_matches(|c| !is_of_token(c));
        let rest = word.strip_prefix(run).unwrap_or_default();
        // `name=value`: a value's own `=` stand at its end.
        let value = run
            .trim_end_matches('=')
            .rfind('=')
            .map_or(0, |place| place + 1);
        let (name, value) = run.split_at_checked(value).unwrap_or_default();
        for part in [name, value] {
            let is_token =
                part.contains("eyJ") || !is_path(&out, part) && part.len() > LONGEST_NAME;
            out.push_str(if is_token { REDACTED } else { part });
        }
        out.push_str(rest);
    }
    out
}

/// Of base64, base64url, JWTs, and what is left of them in a URL.
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.+/=%~".contains(c)
}

/// Whether a run goes on with a URL or an ARN, and has no part that is longer than a name: messages of STS name the OIDC
/// provider and the role.
fn is_path(before: &str, run: &str) -> bool {
    let word = before
        .rsplit([' ', '\'', '"', '(', '[', '<'])
        .next()
        .unwrap_or_default();
    let is_of_one =
        word.starts_with("arn:") || matches!(word, "https:" | "http:") && run.starts_with("//");
    is_of_one && run.split('/').all(|part| part.len() <= LONGEST_NAME)
}

const REDACTED: &str = "[redacted]";

/// So many characters that a text shares with a secret are no chance.
const COMMON: usize = 8;

/// A shorter authorization token of a laptop's container endpoint would be found in every other word.
const SHORTEST: usize = 4;

/// Role and session names have at most 64 characters (IAM User Guide, "IAM and STS quotas").
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests;
