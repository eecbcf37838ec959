//! What others wrote, made safe to keep and to show: what STS, a container endpoint, a proxy or a token says goes into errors,
//! and from there into the log, the status document and clients' answers. There is no other door: errors hold a
//! [`Quote`], and only this module makes one.
//!
//! STS repeats the whole canonical request where a signature does not match, session token included ("Troubleshoot AWS
//! Signature Version 4 errors", IAM User Guide), and a proxy may repeat anything that it was sent. So, in this order:
//!
//! 1. Of several lines only the first is kept.
//! 2. What is not visible ASCII goes: invisible characters vanish, so that none of them splits a secret or turns the
//!    direction of a line; others become `?`. What follows the words before a quoted request goes.
//! 3. What the text has in common with a secret that is in use now is replaced, from 8 characters on.
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
        // Twice as many: enough for what is cut later, and for work that is bounded.
        let visible = visible_line(text, 2 * max_chars);
        let known = without_known(&visible, secrets);
        // All of it is ASCII: it can be cut anywhere.
        let mut quote = without_tokens(&known);
        quote.truncate(max_chars);
        Self(quote.trim_end().to_owned())
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

/// The first line in visible ASCII and spaces, up to where it quotes a request.
fn visible_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    for c in text.trim_start().chars() {
        match c {
            '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}' => break,
            ' '..='~' => line.push(c),
            '\t' => line.push(' '),
            _ if is_invisible(c) => {}
            _ if c.is_whitespace() => line.push(' '),
            _ => line.push('?'),
        }
        if line.len() >= max_chars {
            break;
        }
    }
    for words in QUOTED_REQUEST {
        if let Some(place) = line.find(words) {
            line.truncate(place);
        }
    }
    line
}

/// What stands before a request, or its parts, that AWS quotes.
const QUOTED_REQUEST: [&str; 5] = [
    "The Canonical String for this request",
    "The String-to-Sign should have been",
    "CanonicalRequest",
    "StringToSign",
    "x-amz-security-token:",
];

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

/// Replaces each stretch that the text, which is ASCII, has in common with a secret.
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
                let marks = is_secret.iter_mut().skip(start).take(length);
                marks.for_each(|mark| *mark = true);
            }
        }
    }
    let mut out = String::new();
    let mut was_secret = false;
    for (c, is_secret) in text.chars().zip(is_secret) {
        if !is_secret {
            out.push(c);
        } else if !was_secret {
            out.push_str(REDACTED);
        }
        was_secret = is_secret;
    }
    out
}

/// Replaces what looks like a token.
fn without_tokens(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A run of a token's characters; in `name=value` the name is one, and the value another.
        let mut end = rest.len();
        let mut before = ' ';
        for (place, c) in rest.char_indices() {
            if !is_of_token(c) || before == '=' && c != '=' {
                end = place;
                break;
            }
            before = c;
        }
        let (run, after) = rest.split_at_checked(end).unwrap_or_default();
        let is_token = run.contains("eyJ") || run.len() > LONGEST_NAME && !is_path(&out, run);
        out.push_str(if is_token { REDACTED } else { run });
        rest = after;
        if run.is_empty() {
            let mut chars = rest.chars();
            out.extend(chars.next());
            rest = chars.as_str();
        }
    }
    out
}

/// Of base64, base64url, JWTs, and what is left of them in a URL.
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '%' | '~')
}

/// Whether a run goes on with a URL or an ARN, and has no part that is longer than a name: messages of STS name the OIDC
/// provider and the role.
fn is_path(before: &str, run: &str) -> bool {
    let word = before
        .rsplit([' ', '\'', '"', '(', '='])
        .next()
        .unwrap_or_default();
    let is_of_url = run.starts_with("//") && (word == "https:" || word == "http:");
    (is_of_url || word.starts_with("arn:")) && run.split('/').all(|part| part.len() <= LONGEST_NAME)
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
