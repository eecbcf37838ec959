//! Presigned URLs, and what the parameters of their signature say.

use super::fault::Fault;
use super::grant::Service;
use super::presigning::Wrapping;
use crate::sigv4::percent_decoded;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Host, and port where it has one.
    pub(super) authority: String,
    /// Begins with a slash.
    pub(super) path: String,
    /// The parameters that are not the signature's, in their order and spelling.
    pub(super) parameters: Vec<Parameter>,
    /// The signature's.
    pub(super) signature: Signature,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// As it stands.
    pub(super) text: String,
    /// Decoded.
    pub(super) name: String,
    /// Decoded.
    pub(super) value: String,
}

/// What the placeholder's signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) signer: Signer,
    /// Of the credential scope; empty for Signature Version 2, which has none.
    pub(super) service: String,
    pub(super) region: String,
    /// The headers that it covers, without `host`; `None` for Signature Version 2, which does not say.
    pub(super) signed_headers: Option<Vec<String>>,
    pub(super) expiry: Expiry,
}

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// Algorithm and credential, as `authorization` has them.
    Scoped(String),
    /// The access key id alone: Signature Version 2 has no scope.
    KeyId(String),
}

impl Signer {
    /// As `authorization` would have it, so that the same is read from both. In Version 2, the pod's own region stands for
    /// what the host leaves open.
    pub(super) fn authorization(&self, home_region: &str) -> String {
        match self {
            Self::Scoped(text) => text.clone(),
            Self::KeyId(id) => [
                "AWS4-HMAC-SHA256 Credential=",
                id,
                "/20000101/",
                home_region,
                "/s3/aws4_request",
            ]
            .concat(),
        }
    }
}

/// Whether an access key id can stand in `authorization`.
pub(super) fn is_key_id(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_graphic() && b != b',';
    !text.is_empty() && text.bytes().all(is_plain)
}

/// How long what is presigned holds where the program does not say: AWS's SDKs for Go, Java and JavaScript have the same.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(900);

/// Until when it was to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// For so long.
    After(Duration),
    /// Until then.
    At(SystemTime),
}

impl Default for Expiry {
    fn default() -> Self {
        Self::After(DEFAULT_LIFETIME)
    }
}

impl Expiry {
    /// For how long, from `now` on.
    pub(super) fn lifetime(self, now: SystemTime) -> Duration {
        match self {
            Self::After(lifetime) => lifetime,
            Self::At(end) => end.duration_since(now).unwrap_or_default(),
        }
    }
}

impl Url {
    /// Reads a presigned URL.
    pub(super) fn presigned(text: &str) -> Result<Self, Fault> {
        let mut url = Self::plain(text)?;
        url.signature = Signature::take(&mut url.parameters)?;
        Ok(url)
    }

    /// Reads the URL of a form.
    pub(super) fn plain(text: &str) -> Result<Self, Fault> {
        let rest = ["https://", "http://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        Self::bare(rest.ok_or(Fault::Shape("its scheme is neither https nor http"))?)
    }

    /// Reads what follows the scheme.
    fn bare(text: &str) -> Result<Self, Fault> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&byte);
        if !text.bytes().all(is_plain) {
            return Err(Fault::Shape(
                "it has characters that no URL has, or a fragment",
            ));
        }
        let end = text.find(['/', '?']).unwrap_or(text.len());
        let (authority, target) = text.split_at(end);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if authority.is_empty() || authority.contains('@') {
            return Err(Fault::Shape("it has no host, or a user name before it"));
        }
        let pieces = query.split('&').filter(|piece| !piece.is_empty());
        Ok(Self {
            authority: authority.to_ascii_lowercase(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            parameters: pieces.map(Parameter::read).collect::<Result<_, _>>()?,
            signature: Signature::of(Signer::KeyId(String::new())),
        })
    }

    /// Reads a presigned URL without its scheme, as databases take it for a password.
    pub(super) fn presigned_bare(text: &str) -> Result<Self, Fault> {
        let mut url = Self::bare(text)?;
        url.signature = Signature::take(&mut url.parameters)?;
        Ok(url)
    }

    /// Which of the forms it is. Libraries that make tokens of URLs presign the URL first, so that all of them come as one.
    pub(super) fn service(&self, wrapping: Wrapping) -> Result<Service, Fault> {
        let name = &self.signature.service;
        // Signature Version 2, which S3 alone has.
        let is_s3 = name.is_empty();
        let mut services = Service::ALL.iter().copied();
        let found = services
            .find(|service| service.signing_name() == name || is_s3 && *service == Service::S3);
        found
            .filter(|service| wrapping == Wrapping::Url || wrapping == service.wrapping())
            .ok_or_else(|| Fault::Service(name.clone()))
    }

    /// What is signed: path and parameters, without those in `except`.
    pub(super) fn target(&self, except: &[&str]) -> String {
        let mut target = self.path.clone();
        for parameter in &self.parameters {
            if !except.contains(&&*parameter.name) {
                target.push(if target.contains('?') { '&' } else { '?' });
                target.push_str(&parameter.text);
            }
        }
        target
    }
}

/// What stands before a token of EKS.
pub(super) const EKS: &str = "k8s-aws-v1.";

impl Service {
    fn wrapping(self) -> Wrapping {
        match self {
            Self::S3 => Wrapping::Url,
            Self::RdsDb | Self::Dsql | Self::ElastiCache | Self::MemoryDb => Wrapping::Bare,
            Self::KafkaCluster => Wrapping::Encoded(""),
            Self::Eks => Wrapping::Encoded(EKS),
        }
    }
}

impl Parameter {
    fn read(text: &str) -> Result<Self, Fault> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let decoded = |text: &str| {
            // A plus is a form's spelling of a space, as the signature has it.
            let text = text.replace('+', " ");
            let text = String::from_utf8(percent_decoded(text.as_bytes()));
            text.map_err(|_| Fault::Shape("its query is not UTF-8"))
        };
        Ok(Self {
            text: text.to_owned(),
            name: decoded(name)?,
            value: decoded(value)?,
        })
    }

    /// Whether it has a name, in any case: who reads it may not care.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl Signature {
    /// Of a signer of whom no more is known.
    pub(super) fn of(signer: Signer) -> Self {
        Self {
            signer,
            service: String::new(),
            region: String::new(),
            signed_headers: None,
            expiry: Expiry::default(),
        }
    }

    /// Takes the signature's parameters out.
    fn take(parameters: &mut Vec<Parameter>) -> Result<Self, Fault> {
        let is_v4 = parameters.iter().any(|found| found.is("x-amz-signature"));
        match is_v4 {
            true => Self::take_v4(parameters),
            false => Self::take_v2(parameters),
        }
    }

    fn take_v4(parameters: &mut Vec<Parameter>) -> Result<Self, Fault> {
        let mut value = |name| one(parameters, name);
        value("x-amz-signature")?;
        value("x-amz-date")?;
        value("x-amz-security-token")?;
        value("x-amz-region-set")?;
        let algorithm = value("x-amz-algorithm")?.unwrap_or_default();
        let is_asymmetric = algorithm == "AWS4-ECDSA-P256-SHA256";
        if !is_asymmetric && algorithm != "AWS4-HMAC-SHA256" {
            return Err(Fault::Signature("X-Amz-Algorithm is none of AWS's"));
        }
        let credential = value("x-amz-credential")?.unwrap_or_default();
        let expiry = match value("x-amz-expires")? {
            None => Expiry::default(),
            Some(digits) => Expiry::After(seconds(&digits)?),
        };
        let names = value("x-amz-signedheaders")?.unwrap_or_default();
        if parameters.iter().any(|found| found.is("awsaccesskeyid")) {
            return Err(Fault::Signature("it has signatures of two versions"));
        }
        let mut signed_headers: Vec<String> =
            names.split(';').map(str::to_ascii_lowercase).collect();
        let before = signed_headers.len();
        signed_headers.retain(|name| name != "host");
        if signed_headers.len() + 1 != before {
            return Err(Fault::Signature(
                "X-Amz-SignedHeaders does not have host once",
            ));
        }
        let mut parts = credential.rsplitn(if is_asymmetric { 4 } else { 5 }, '/');
        let mut part = || parts.next();
        let (end, service) = (part(), part());
        let region = if is_asymmetric { Some("") } else { part() };
        let (Some("aws4_request"), Some(service), Some(region), Some(_), Some(_)) =
            (end, service, region, part(), part())
        else {
            return Err(Fault::Signature("X-Amz-Credential cannot be read"));
        };
        if !is_key_id(&credential) {
            return Err(Fault::Signature("X-Amz-Credential cannot be read"));
        }
        Ok(Self {
            signer: Signer::Scoped([&*algorithm, " Credential=", &credential].concat()),
            service: service.to_owned(),
            region: region.to_owned(),
            signed_headers: Some(signed_headers),
            expiry,
        })
    }

    /// Signature Version 2, which botocore makes for S3 unless it is told to use another.
    fn take_v2(parameters: &mut Vec<Parameter>) -> Result<Self, Fault> {
        let mut value = |name| one(parameters, name);
        let key_id = value("awsaccesskeyid")?;
        let signature = value("signature")?;
        let expires = value("expires")?;
        value("x-amz-security-token")?;
        // What a signature of Version 4 writes may come from it alone.
        if parameters
            .iter()
            .any(|found| VERSION_4.iter().any(|name| found.is(name)))
        {
            return Err(Fault::Signature("it has signatures of two versions"));
        }
        let (Some(key_id), Some(_), Some(expires)) = (key_id, signature, expires) else {
            return Err(Fault::Signature("it is not presigned"));
        };
        if !is_key_id(&key_id) {
            return Err(Fault::Signature("AWSAccessKeyId cannot be read"));
        }
        let end = UNIX_EPOCH.checked_add(seconds(&expires)?);
        Ok(Self {
            expiry: Expiry::At(end.ok_or(Fault::Signature("Expires is no time"))?),
            ..Self::of(Signer::KeyId(key_id))
        })
    }
}

/// What [`crate::sigv4::Signer::presign`] writes, but for the session token, which Version 2 has too.
const VERSION_4: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-region-set",
    "x-amz-signedheaders",
    "x-amz-signature",
];

/// Takes the one parameter of a name out.
fn one(parameters: &mut Vec<Parameter>, name: &str) -> Result<Option<String>, Fault> {
    let mut found = None;
    let mut is_repeated = false;
    parameters.retain(|parameter| {
        let is_it = parameter.is(name);
        if is_it {
            is_repeated |= found.replace(parameter.value.clone()).is_some();
        }
        !is_it
    });
    match is_repeated {
        true => Err(Fault::Signature(
            "a parameter of its signature stands twice",
        )),
        false => Ok(found),
    }
}

/// A whole number of seconds, at least one.
fn seconds(digits: &str) -> Result<Duration, Fault> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits
        .parse()
        .ok()
        .filter(|&number| is_number && number > 0);
    // Ten digits are enough for three centuries.
    let number: Option<u64> = number.filter(|&number: &u64| number < 10_000_000_000);
    number.map(Duration::from_secs).ok_or(Fault::Signature(
        "its lifetime is no number of seconds from 1 on",
    ))
}
