//! S3's browser forms, when their policy has been read.
//!
//! Source: "Creating a POST Policy" in the Amazon S3 API Reference; `S3PostPresigner` in `signers.py` of botocore, and
//! `@aws-sdk/s3-presigned-post`.

use crate::credentials::Credentials;
use crate::sigv4::FormSigner;
use crate::timestamp::rfc3339;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// A form whose policy has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The path of its URL.
    pub(super) path: String,
    /// The fields that the signature does not write, as they came.
    pub(super) fields: Map<String, Value>,
    /// How the program spells those that it does.
    pub(super) names: Names,
    /// The policy's conditions, but for those of the signature.
    pub(super) conditions: Vec<Value>,
    /// The key, or how it begins.
    pub(super) key: String,
}

/// How the fields of the signature are spelled: S3 does not care, programs may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(pub(super) Map<String, Value>);

impl Names {
    fn of<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or(name)
    }
}

/// What the signature writes.
pub(super) const SIGNED: [&str; 6] = [
    "policy",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
];

impl Form {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// URL and fields, signed.
    pub(super) fn signed(
        &self,
        authority: &str,
        signer: &FormSigner,
        credentials: &Credentials,
        expires_at: SystemTime,
    ) -> Value {
        let token = credentials.session_token.expose();
        let mut written = vec![
            ("x-amz-algorithm", signer.algorithm),
            ("x-amz-credential", &signer.credential),
            ("x-amz-date", signer.date.as_str()),
        ];
        if !token.is_empty() {
            written.push(("x-amz-security-token", token));
        }
        let mut conditions = self.conditions.clone();
        conditions.extend(written.iter().map(|(name, value)| json!({*name: value})));
        let policy = json!({"expiration": rfc3339(expires_at), "conditions": conditions});
        let policy = STANDARD.encode(policy.to_string());
        let signature = signer.sign(&policy);
        written.push(("policy", &policy));
        written.push(("x-amz-signature", &signature));
        let mut fields = self.fields.clone();
        for (name, value) in written {
            fields.insert(self.names.of(name).to_owned(), value.into());
        }
        let url = ["https://", authority, &self.path].concat();
        json!({"url": url, "fields": fields})
    }
}
