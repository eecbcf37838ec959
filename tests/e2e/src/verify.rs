//! Whether a request that arrived carries a valid signature, judged as AWS would.
//!
//! The signature is recomputed by `aws-sigv4` from the bytes that arrived; nothing of the filter
//! is used. One of SigV4A is verified with the public key too, by `ring`. On top of that come rules that AWS has and the crate does not check: one of each
//! header, the payload hash fits the body, every `x-amz-*` header is signed.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::{v4, v4a};
use aws_smithy_runtime_api::client::identity::Identity;
use p256::ecdsa::SigningKey;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::chunks::{self, Decoded};
use crate::hex;
use crate::ledger::{Key, Ledger};

/// A request as the fake AWS saw it.
#[derive(Clone)]
pub struct Received {
    /// When its body was complete, or when its head arrived for an upgrade.
    pub at: SystemTime,
    /// `GET`, ...
    pub method: String,
    /// Path and query, as on the wire.
    pub path: String,
    /// The `host` header or `:authority`.
    pub host: String,
    /// Lower-case names, values as on the wire, in order of arrival.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Bytes of the body.
    pub body_length: u64,
    /// SHA-256 of the body, in hex.
    pub body_sha256: String,
    /// As `headers`, after the body.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// What the chunks of a body held that is signed chunk by chunk, where every signature was right.
    pub decoded: Option<Decoded>,
    /// What AWS would say.
    pub verdict: Verdict,
}

impl Received {
    /// Every value of a header, as text.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The value of a header that stands at most once.
    ///
    /// # Panics
    /// When it stands twice.
    pub fn value(&self, name: &str) -> Option<String> {
        let mut values = self.values(name);
        assert!(values.len() < 2, "{name} arrived {} times", values.len());
        values.pop()
    }

    /// The `SignedHeaders` of the authorization.
    pub fn signed_headers(&self) -> Vec<String> {
        let authorization = self.value("authorization").unwrap_or_default();
        Authorization::parse(&authorization)
            .map(|it| it.signed_headers)
            .unwrap_or_default()
    }
}

/// Values as text: bytes in decimal help nobody who reads a failure report.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.verdict)?;
        writeln!(f, "{} {} at {:?}", self.method, self.path, self.at)?;
        for (name, value) in self.headers.iter().chain(&self.trailers) {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        write!(
            f,
            "({} bytes, SHA-256 {})",
            self.body_length, self.body_sha256
        )
    }
}

/// Who signed, and as what.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Names the key.
    pub access_key_id: String,
    /// From the credential scope; of SigV4A, the `x-amz-region-set`.
    pub region: String,
    /// From the credential scope.
    pub service: String,
    /// `x-amz-content-sha256: UNSIGNED-PAYLOAD`.
    pub unsigned_payload: bool,
    /// What signed.
    pub algorithm: Algorithm,
}

/// AWS's signature algorithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`
    SigV4,
    /// `AWS4-ECDSA-P256-SHA256`
    SigV4A,
}

/// AWS's judgement of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// A valid signature by credentials that the fake STS issued: the filter's.
    Signed(Signature),
    /// A valid signature by a key of the client's own.
    SignedByClient(Signature),
    /// A signature in the query string; not checked.
    Presigned,
    /// An `authorization` of another scheme; not checked.
    OtherScheme,
    /// No authorization at all.
    Unsigned,
    /// Signed for a time that is too far from AWS's.
    Skewed,
    /// AWS would refuse it; why.
    Invalid(String),
}

impl Verdict {
    /// The signature, when the filter made it.
    ///
    /// # Panics
    /// On any other verdict.
    #[track_caller]
    pub fn signature(&self) -> &Signature {
        match self {
            Self::Signed(signature) => signature,
            other => panic!("not signed by the filter: {other:?}"),
        }
    }
}

/// Judges `request`, whose own `verdict` is ignored.
pub fn judge(request: &Received, ledger: &Ledger) -> Verdict {
    if request.path.contains("X-Amz-Signature=") && request.values("authorization").is_empty() {
        return Verdict::Presigned;
    }
    let authorizations = request.values("authorization");
    match authorizations.as_slice() {
        [] => Verdict::Unsigned,
        [one] if !one.starts_with("AWS4") => Verdict::OtherScheme,
        [_] if is_skewed(request, ledger) => Verdict::Skewed,
        [one] => match check(request, one, ledger) {
            Ok((signature, true)) => Verdict::Signed(signature),
            Ok((signature, false)) => Verdict::SignedByClient(signature),
            Err(why) => Verdict::Invalid(why),
        },
        more => Verdict::Invalid(format!("{} authorization headers", more.len())),
    }
}

/// AWS takes five minutes.
fn is_skewed(request: &Received, ledger: &Ledger) -> bool {
    let date = request.values("x-amz-date");
    let time = date.first().and_then(|date| parse_date(date));
    time.is_some_and(|time| {
        let skew = ledger.now().duration_since(time);
        skew.unwrap_or_else(|early| early.duration()) > Duration::from_secs(300)
    })
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub fn http_date(at: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    let day = usize::try_from(since.as_secs() / 86_400 % 7).expect("below 7");
    let date = format_date(at);
    let part = |range: std::ops::Range<usize>| date.get(range).unwrap_or_default();
    let month: usize = part(4..6).parse().expect("a month");
    format!(
        "{}, {} {} {} {}:{}:{} GMT",
        DAYS[day],
        part(6..8),
        MONTHS[month - 1],
        part(0..4),
        part(9..11),
        part(11..13),
        part(13..15)
    )
}

fn check(
    request: &Received,
    authorization: &str,
    ledger: &Ledger,
) -> Result<(Signature, bool), String> {
    let mut authorization = Authorization::parse(authorization)?;
    match (
        authorization.algorithm,
        single(request, "x-amz-region-set")?,
    ) {
        (Algorithm::SigV4, None) => {}
        (Algorithm::SigV4A, Some(regions)) => authorization.region = regions,
        (algorithm, regions) => return Err(format!("{algorithm:?} with regions {regions:?}")),
    }
    let key = ledger
        .find(&authorization.access_key_id)
        .ok_or_else(|| format!("unknown access key id {}", authorization.access_key_id))?;
    let date = single(request, "x-amz-date")?.ok_or("no x-amz-date")?;
    let time = parse_date(&date).ok_or_else(|| format!("x-amz-date is {date}"))?;
    if key.expires_at <= ledger.now() {
        return Err("the credentials have expired".into());
    }
    if date.get(..8) != Some(&authorization.date) {
        return Err(format!(
            "x-amz-date {date}, but scope date {}",
            authorization.date
        ));
    }
    if single(request, "x-amz-security-token")? != key.session_token {
        return Err("x-amz-security-token is not the one that belongs to the key".into());
    }
    if single(request, "host")?.is_none_or(|host| host != request.host) {
        return Err("not exactly one host".into());
    }
    check_signed_headers(request, &authorization.signed_headers)?;

    let content_sha256 = single(request, "x-amz-content-sha256")?;
    let unsigned_payload = content_sha256.as_deref() == Some("UNSIGNED-PAYLOAD");
    let is_streaming = content_sha256
        .as_deref()
        .is_some_and(|value| value.starts_with("STREAMING-"));
    match &content_sha256 {
        Some(value) if !unsigned_payload && !is_streaming && *value != request.body_sha256 => {
            return Err(format!(
                "the body hashes to {}, not to {value}",
                request.body_sha256
            ));
        }
        None if authorization.service == "s3" => {
            return Err("s3 without x-amz-content-sha256".into());
        }
        _ => {}
    }

    let expected = if signed_values(request, &authorization).all(|(_, value)| is_text(value)) {
        let payload = content_sha256.as_deref().unwrap_or(&request.body_sha256);
        recompute(request, &authorization, &key, time, payload)?
    } else {
        let text = string_to_sign(request, &authorization, content_sha256.as_deref());
        let Authorization {
            region, service, ..
        } = &authorization;
        let signing_key = v4::generate_signing_key(&key.secret_access_key, time, region, service);
        v4::calculate_signature(signing_key, text.as_bytes())
    };
    if authorization.algorithm == Algorithm::SigV4A {
        let text = string_to_sign(request, &authorization, content_sha256.as_deref());
        verify(&key, &text, &authorization.signature)?;
    }
    // Of SigV4A too: the filter and the crate both take the nonce of RFC 6979.
    if expected != authorization.signature {
        return Err(format!(
            "the signature is {}, not {expected}",
            authorization.signature
        ));
    }
    let Authorization {
        algorithm,
        access_key_id,
        region,
        service,
        ..
    } = authorization;
    Ok((
        Signature {
            access_key_id,
            region,
            service,
            unsigned_payload,
            algorithm,
        },
        key.role.is_some(),
    ))
}

/// Checks the chunks of a body whose headers are signed.
///
/// # Errors
/// Says what AWS would not accept.
pub fn check_chunks(request: &Received, body: &[u8], ledger: &Ledger) -> Result<Decoded, String> {
    let value = |name: &str| single(request, name)?.ok_or(format!("no {name}"));
    let authorization = Authorization::parse(&value("authorization")?)?;
    let key = ledger
        .find(&authorization.access_key_id)
        .ok_or("unknown access key id")?;
    let seed = chunks::Seed {
        secret_access_key: &key.secret_access_key,
        date: &value("x-amz-date")?,
        region: &authorization.region,
        service: &authorization.service,
        signature: &authorization.signature,
    };
    let trailer = single(request, "x-amz-trailer")?;
    let decoded = chunks::decode(&seed, &value("x-amz-content-sha256")?, trailer, body)?;
    let length = value("x-amz-decoded-content-length")?;
    if decoded.length.to_string() == length {
        Ok(decoded)
    } else {
        Err(format!("{} bytes of data, not {length}", decoded.length))
    }
}

/// AWS wants `host`, every `x-amz-*` header and `content-type` signed; names sorted, each once.
fn check_signed_headers(request: &Received, signed: &[String]) -> Result<(), String> {
    if !signed.is_sorted() || signed.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(format!("SignedHeaders not sorted: {signed:?}"));
    }
    for name in signed {
        if !request.headers.iter().any(|(key, _)| key == name) {
            return Err(format!("{name} is signed but did not arrive"));
        }
    }
    for (name, _) in &request.headers {
        let must = name == "host" || name == "content-type" || name.starts_with("x-amz-");
        if must && !signed.contains(name) {
            return Err(format!("{name} is not signed"));
        }
    }
    Ok(())
}

fn recompute(
    request: &Received,
    authorization: &Authorization,
    key: &Key,
    time: SystemTime,
    payload: &str,
) -> Result<String, String> {
    // botocore signs for all of S3's names with `S3SigV4Auth`.
    let s3 = matches!(
        authorization.service.as_str(),
        "s3" | "s3express" | "s3-outposts" | "s3-object-lambda"
    );
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::Headers;
    // What is signed is the client's choice; what counts is in SignedHeaders.
    settings.excluded_headers = None;
    if authorization
        .signed_headers
        .iter()
        .any(|name| name == "x-amz-content-sha256")
    {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    if s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let identity: Identity = Credentials::new(
        &key.access_key_id,
        &key.secret_access_key,
        key.session_token.clone(),
        None,
        "e2e",
    )
    .into();
    let params = match authorization.algorithm {
        Algorithm::SigV4 => v4::SigningParams::builder()
            .identity(&identity)
            .region(&authorization.region)
            .name(&authorization.service)
            .time(time)
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into(),
        Algorithm::SigV4A => v4a::SigningParams::builder()
            .identity(&identity)
            .region_set(&authorization.region)
            .name(&authorization.service)
            .time(time)
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into(),
    };
    let body = match payload {
        "UNSIGNED-PAYLOAD" => SignableBody::UnsignedPayload,
        other => SignableBody::Precomputed(other.to_owned()),
    };
    // S3 takes a tab for a space (aws/aws-sdk-net #1222), which the crate does not.
    let headers: Vec<_> = signed_values(request, authorization)
        .filter_map(|(name, value)| {
            Some((name, std::str::from_utf8(value).ok()?.replace('\t', " ")))
        })
        .collect();
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let path = if s3 {
        s3_path(&request.path)
    } else {
        request.path.clone()
    };
    let uri = format!("https://{}{path}", request.host);
    let signable = SignableRequest::new(&request.method, uri, headers, body)
        .map_err(|error| format!("not signable: {error:?}"))?;
    let (_, signature) = sign(signable, &params)
        .map_err(|error| format!("not signable: {error:?}"))?
        .into_parts();
    Ok(signature)
}

/// The path as S3 sees it: decoded, and encoded again by its own rules, whatever the client left
/// unencoded (the replies in aws/aws-sdk-js #853 show it). A `/` is never encoded in a key. The crate
/// expects a path that a client has encoded so already.
fn s3_path(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (path_and_query, String::new()),
    };
    // No keys are in S3 Control's paths, and SDKs sign an ARN's slashes as they send them.
    let is_control = path.starts_with("/v20180820/");
    let mut encoded = String::new();
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = rest
            .strip_prefix(b"%")
            .and_then(|digits| std::str::from_utf8(digits.get(..2)?).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match escaped {
            Some(_) => rest.get(3..).unwrap_or_default(),
            None => after,
        };
        match escaped.unwrap_or(*byte) {
            b'/' if escaped.is_none() || !is_control => encoded.push('/'),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded + &query
}

/// For what `http_request::sign` cannot express or does not tell (values that are not UTF-8, the string
/// to sign itself): the canonical request by hand. Only for paths without query that need no encoding.
fn string_to_sign(
    request: &Received,
    authorization: &Authorization,
    content_sha256: Option<&str>,
) -> String {
    let mut canonical = format!("{}\n{}\n\n", request.method, request.path).into_bytes();
    for name in &authorization.signed_headers {
        let values: Vec<_> = signed_values(request, authorization)
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.trim_ascii().to_vec())
            .collect();
        canonical.extend([name.as_bytes(), b":", &values.join(&b','), b"\n"].concat());
    }
    let hash = content_sha256.unwrap_or(&request.body_sha256);
    canonical.extend(format!("\n{}\n{hash}", authorization.signed_headers.join(";")).bytes());
    let Authorization {
        date,
        region,
        service,
        ..
    } = authorization;
    let (algorithm, scope) = match authorization.algorithm {
        Algorithm::SigV4 => (SIGV4, format!("{date}/{region}/{service}/aws4_request")),
        Algorithm::SigV4A => (SIGV4A, format!("{date}/{service}/aws4_request")),
    };
    format!(
        "{algorithm}\n{}\n{scope}\n{}",
        request.value("x-amz-date").unwrap_or_default(),
        sha256(&canonical),
    )
}

/// Verifies a signature of SigV4A as AWS does, which keeps the public key alone.
fn verify(key: &Key, string_to_sign: &str, signature: &str) -> Result<(), String> {
    let private = v4a::generate_signing_key(&key.access_key_id, &key.secret_access_key);
    let private = SigningKey::from_slice(private.as_ref()).map_err(|error| error.to_string())?;
    let public = private.verifying_key().to_sec1_point(false);
    let der = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| format!("the signature is {signature}"))?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public.as_bytes())
        .verify(string_to_sign.as_bytes(), &der)
        .map_err(|_| format!("the signature does not hold for {string_to_sign:?}"))
}

const SIGV4: &str = "AWS4-HMAC-SHA256";
const SIGV4A: &str = "AWS4-ECDSA-P256-SHA256";

fn signed_values<'a>(
    request: &'a Received,
    authorization: &'a Authorization,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    request
        .headers
        .iter()
        .filter(|(name, _)| authorization.signed_headers.contains(name))
        .map(|(name, value)| (name.as_str(), value.as_slice()))
}

fn is_text(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok()
}

fn single(request: &Received, name: &str) -> Result<Option<String>, String> {
    let mut values = request.values(name);
    if values.len() > 1 {
        return Err(format!("{} {name} headers", values.len()));
    }
    Ok(values.pop())
}

/// `AWS4-HMAC-SHA256 Credential=<id>/<date>/<region>/<service>/aws4_request, SignedHeaders=..., Signature=...`,
/// or with the algorithm of SigV4A and without the region.
struct Authorization {
    algorithm: Algorithm,
    access_key_id: String,
    date: String,
    region: String,
    service: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Authorization {
    fn parse(value: &str) -> Result<Self, String> {
        let fault = || format!("malformed authorization: {value}");
        let (algorithm, rest) = value.split_once(' ').ok_or_else(fault)?;
        let field = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
                .ok_or_else(fault)
        };
        let credential = field("Credential")?;
        let credential: Vec<_> = credential.split('/').collect();
        let (algorithm, access_key_id, date, region, service) = match (algorithm, &credential[..]) {
            (SIGV4, [id, date, region, service, "aws4_request"]) => {
                (Algorithm::SigV4, *id, *date, *region, *service)
            }
            (SIGV4A, [id, date, service, "aws4_request"]) => {
                (Algorithm::SigV4A, *id, *date, "", *service)
            }
            _ => return Err(fault()),
        };
        Ok(Self {
            algorithm,
            access_key_id: access_key_id.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            signed_headers: field("SignedHeaders")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: field("Signature")?,
        })
    }
}

/// A client that signs with a key of its own: the headers to send along.
pub fn client_signature(
    key: &Key,
    method: &str,
    host: &str,
    path: &str,
    (region, service): (&str, &str),
    body: &[u8],
) -> Vec<(String, String)> {
    client_signature_with(None, key, method, host, path, (region, service), body)
}

/// As [`client_signature`], of one header more, which must come after `x-amz-date` in the alphabet.
pub fn client_signature_with(
    more: Option<(&str, &str)>,
    key: &Key,
    method: &str,
    host: &str,
    path: &str,
    (region, service): (&str, &str),
    body: &[u8],
) -> Vec<(String, String)> {
    let now = SystemTime::now();
    let date = format_date(now);
    let mut headers = vec![
        ("host".to_owned(), host.as_bytes().to_vec()),
        ("x-amz-content-sha256".to_owned(), sha256(body).into_bytes()),
        ("x-amz-date".to_owned(), date.clone().into_bytes()),
    ];
    headers.extend(more.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    let names: Vec<_> = headers.iter().map(|(name, _)| name.clone()).collect();
    let request = Received {
        at: now,
        method: method.into(),
        path: path.into(),
        host: host.into(),
        headers,
        body_length: 0,
        body_sha256: sha256(body),
        trailers: Vec::new(),
        decoded: None,
        verdict: Verdict::Unsigned,
    };
    let mut authorization = Authorization {
        algorithm: Algorithm::SigV4,
        access_key_id: key.access_key_id.clone(),
        date: date.chars().take(8).collect(),
        region: region.into(),
        service: service.into(),
        signed_headers: names,
        signature: String::new(),
    };
    let time = parse_date(&date).expect("just formatted");
    authorization.signature = recompute(&request, &authorization, key, time, &request.body_sha256)
        .expect("a plain request");
    let mut written = vec![
        ("x-amz-date".into(), date),
        ("x-amz-content-sha256".into(), sha256(body)),
        (
            "authorization".into(),
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={}",
                authorization.access_key_id,
                authorization.date,
                authorization.signed_headers.join(";"),
                authorization.signature,
            ),
        ),
    ];
    written.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    written
}

/// SHA-256 in hex. `ring`, because its digest is fast in debug builds too.
pub fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// `20150830T123600Z`.
fn parse_date(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    if text.len() != 16 || text.as_bytes().get(8) != Some(&b'T') || !text.ends_with('Z') {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let seconds = number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?;
    let days = days_before_year(year).checked_add(days_before_month(year, month)?)? + day - 1;
    Some(UNIX_EPOCH + Duration::from_secs(days * 86_400 + seconds))
}

pub(crate) fn format_date(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let year = (1970..)
        .take_while(|year| days_before_year(*year) <= days)
        .last()
        .expect("1970");
    let rest = days - days_before_year(year);
    let month = (1..=12)
        .take_while(|month| days_before_month(year, *month).is_some_and(|before| before <= rest))
        .last()
        .expect("January");
    let day = rest - days_before_month(year, month).expect("1..=12") + 1;
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_before_year(year: u64) -> u64 {
    (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum()
}

fn days_before_month(year: u64, month: u64) -> Option<u64> {
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    (1..=12)
        .contains(&month)
        .then(|| lengths.iter().zip(1..month).map(|(days, _)| days).sum())
}
