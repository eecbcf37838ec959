//! Who may do what: whoever signs with a known key, and shows the session token that belongs to it, may do everything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

#[derive(Clone)]
struct Key {
    secret: String,
    token: Option<String>,
}

/// By access key id.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<String, Key>>);

impl Keys {
    /// The id of the key that `line` describes.
    pub(crate) fn add(&self, line: &str) -> Option<String> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let id = words.next()?;
        let key = Key {
            secret: words.next()?,
            token: words.next(),
        };
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(id.clone(), key);
        Some(id)
    }

    fn find(&self, id: &str) -> S3Result<Key> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(id).cloned();
        key.ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}

/// What signatures are verified with.
pub(crate) struct Secrets(pub(crate) Arc<Keys>);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, id: &str) -> S3Result<SecretKey> {
        Ok(self.0.find(id)?.secret.into())
    }
}

/// Asked after the signature was verified, or where there was none.
pub(crate) struct Tokens(pub(crate) Arc<Keys>);

#[async_trait::async_trait]
impl S3Access for Tokens {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(signer) = request.credentials() else {
            return Err(s3_error!(AccessDenied, "the request is not signed"));
        };
        let in_headers = request.headers().get_all("x-amz-security-token").iter();
        let mut shown: Vec<String> = in_headers
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let query = request.uri().query().unwrap_or_default();
        let in_query = query
            .split('&')
            .filter_map(|parameter| parameter.strip_prefix("X-Amz-Security-Token="));
        shown.extend(in_query.map(decoded));
        let expected = self.0.find(&signer.access_key)?.token;
        // The token of a form is one of its fields, which its policy names: the signature has it.
        let is_form = request.headers().get("content-type").is_some_and(|value| {
            let value = value.to_str().unwrap_or_default();
            value.starts_with("multipart/form-data")
        });
        if is_form || shown == expected.into_iter().collect::<Vec<_>>() {
            Ok(())
        } else {
            Err(s3_error!(
                InvalidToken,
                "the token is not the one of the key"
            ))
        }
    }
}

/// What is percent-encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16)?.try_into().ok();
        match byte {
            b'%' => {
                let high: Option<u8> = digit(rest.next());
                let low: Option<u8> = digit(rest.next());
                bytes.extend(high.zip(low).map(|(high, low)| high << 4 | low));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
