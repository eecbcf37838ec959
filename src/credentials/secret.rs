//! Secrets.
//!
//! [`Secret`] is the only type that holds a token, a secret access key or a session token. It has
//! no `Display`, its `Debug` prints nothing of the value, and it is overwritten when dropped.

use std::fmt;

/// A value that must never reach a log line, a metric, an error or a debug format.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes ownership of the value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the places that need it: a request for credentials and a signature.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(**)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Without this the compiler may drop the writes above as dead.
        std::hint::black_box(&bytes);
    }
}

/// The headers of a callout that carries a token or a signature: names can be printed, values cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallHeaders(Vec<(&'static str, Secret)>);

impl CallHeaders {
    /// The headers to begin with.
    pub(crate) fn new<const N: usize>(headers: [(&'static str, &str); N]) -> Self {
        Self(
            headers
                .map(|(name, value)| (name, Secret::new(value)))
                .to_vec(),
        )
    }

    pub(crate) fn push(&mut self, name: &'static str, value: &str) {
        self.0.push((name, Secret::new(value)));
    }

    /// What of the values is a secret: the signature, of which the rest of `authorization` is none.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let headers = self.0.iter();
        let signatures = headers.filter_map(|(name, value)| {
            let (_, signature) = value.expose().rsplit_once("Signature=")?;
            (*name == "authorization").then(|| Secret::new(signature))
        });
        signatures.collect()
    }

    /// Names and values in order, pseudo-headers first, for the callout and nothing else.
    pub fn expose(&self) -> Vec<(&str, &str)> {
        let headers = self.0.iter();
        headers
            .map(|(name, value)| (*name, value.expose()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_call_headers_shows_names_alone() {
        let mut headers = CallHeaders::new([(":method", "GET")]);
        headers.push("authorization", "very-secret-token");
        assert_eq!(
            headers.expose(),
            [(":method", "GET"), ("authorization", "very-secret-token")]
        );
        assert_eq!(
            format!("{headers:?}"),
            r#"CallHeaders([(":method", Secret(**)), ("authorization", Secret(**))])"#
        );
    }
}
