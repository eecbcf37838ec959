//! AWS's signing test suites, step by step: canonical request, string to sign, authorization. A signature
//! of SigV4A is not compared, for there are many valid ones, but verified with the suite's public key.
//!
//! The suites ship in the package of the `aws-sigv4` crate; `tests/vectors/README.md` says more.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy takes only #[test] functions for tests, not what they call"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use p256::Sec1Point;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings,
    Signer, canonical_request, string_to_sign,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The cases of SigV4's suite that no request to AWS can be, each with the reason.
const SKIPPED: [(&str, &str); 1] = [(
    "get-space-normalized",
    "normalises the path yet encodes it once, which no service of AWS does: those that normalise \
     expect %2520 where the wire has %20",
)];

/// The cases of which the canonical request alone is compared, each with the reason.
const CANONICAL_REQUEST_ONLY: [(&str, &str); 1] = [(
    "double-encode-path",
    "has no string to sign, and its signed request has another date than its canonical request",
)];

/// The directory of an algorithm's suite.
fn suite(algorithm: Algorithm) -> PathBuf {
    SUITES.join(match algorithm {
        Algorithm::SigV4 => "v4",
        Algorithm::SigV4A => "v4a",
    })
}

#[test]
fn every_case_of_the_suite_signs_as_aws_does() {
    check_all(Algorithm::SigV4, 40, &SKIPPED);
}

#[test]
fn every_case_of_the_suite_for_sigv4a_signs_as_aws_does() {
    check_all(Algorithm::SigV4A, 38, &[]);
}

/// Checks a suite that has so many header cases, the skipped ones included.
fn check_all(algorithm: Algorithm, cases: usize, skipped: &[(&str, &str)]) {
    let mut names: Vec<String> = fs::read_dir(suite(algorithm))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), cases, "{names:?}");
    for (skipped, _) in skipped {
        assert!(
            names.iter().any(|name| name == skipped),
            "{skipped} is no case"
        );
    }

    let mut checked = 0;
    for name in names {
        if skipped.iter().all(|(skipped, _)| *skipped != name) {
            check(algorithm, &name);
            checked += 1;
        }
    }
    assert_eq!(checked, cases - skipped.len());
}

#[test]
fn the_skipped_case_differs_in_the_second_encoding_only() {
    let (name, _) = SKIPPED[0];
    let case = Case::read(Algorithm::SigV4, name);
    let twice = case
        .file("header-canonical-request.txt")
        .replace("%20", "%2520");
    assert_eq!(case.canonical_request(), twice);
}

#[track_caller]
fn check(algorithm: Algorithm, name: &str) {
    let case = Case::read(algorithm, name);
    let canonical = case.canonical_request();
    assert_eq!(
        canonical,
        case.file("header-canonical-request.txt"),
        "{name}: canonical request"
    );

    if CANONICAL_REQUEST_ONLY.iter().any(|(only, _)| *only == name) {
        return;
    }
    let expected = case.file("header-string-to-sign.txt");
    assert_eq!(case.string_to_sign(), expected, "{name}: string to sign");

    // The signed request: every header that we write stands there with our value, and none other.
    let signed = parse(&case.file("header-signed-request.txt"));
    for (header, value) in case.sign() {
        let expected: Vec<&str> = signed
            .headers
            .iter()
            .filter(|(name, _)| name == header)
            .map(|(_, value)| value.as_str())
            .collect();
        let value = match (header, algorithm) {
            ("authorization", Algorithm::SigV4A) => value.map(|value| {
                let (before, signature) = value.split_once("Signature=").unwrap();
                case.verify(signature);
                // Valid as well, and another one.
                let (_, theirs) = expected[0].split_once("Signature=").unwrap();
                case.verify(theirs);
                format!("{before}Signature={theirs}")
            }),
            _ => value,
        };
        if header == "x-amz-security-token" && case.context.omit_session_token {
            // Added behind the signer's back, after signing.
            assert_eq!((value, expected.len()), (None, 1), "{name}");
        } else {
            assert_eq!(
                value.as_deref().into_iter().collect::<Vec<_>>(),
                expected,
                "{name}: {header}"
            );
        }
    }
}

struct Case {
    algorithm: Algorithm,
    directory: PathBuf,
    context: Context,
    request: Parsed,
}

impl Case {
    fn read(algorithm: Algorithm, name: &str) -> Self {
        let directory = suite(algorithm).join(name);
        let context = match fs::read_to_string(directory.join("context.json")) {
            Ok(text) => serde_json::from_str(&text).unwrap(),
            Err(_) => Context::of_a_case_without_one(name),
        };
        let request = parse(&fs::read_to_string(directory.join("request.txt")).unwrap());
        Self {
            algorithm,
            directory,
            context,
            request,
        }
    }

    fn file(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join(name)).unwrap();
        text.trim_end().to_owned()
    }

    fn canonical_request(&self) -> String {
        let (request, settings, credentials, now) = self.inputs();
        let canonical = canonical_request(&request, settings, &self.scope(), &credentials, now);
        String::from_utf8(canonical.text).unwrap()
    }

    fn string_to_sign(&self) -> String {
        let (request, settings, credentials, now) = self.inputs();
        let canonical = canonical_request(&request, settings, &self.scope(), &credentials, now);
        string_to_sign(&canonical, &self.scope(), now)
    }

    fn sign(&self) -> Vec<(&'static str, Option<String>)> {
        let (request, settings, credentials, now) = self.inputs();
        Signer::default()
            .sign(&request, settings, &self.scope(), &credentials, now)
            .edits()
            .map(|(name, value)| (name, value.map(str::to_owned)))
            .to_vec()
    }

    /// Checks a signature over the suite's string to sign, with the suite's public key.
    #[track_caller]
    fn verify(&self, signature: &str) {
        #[derive(Deserialize)]
        #[serde(rename_all = "UPPERCASE", deny_unknown_fields)]
        struct PublicKey {
            x: String,
            y: String,
        }
        let PublicKey { x, y } = serde_json::from_str(&self.file("public-key.json")).unwrap();
        let point = Sec1Point::from_bytes(unhex(&format!("04{x}{y}"))).unwrap();
        let key = VerifyingKey::from_sec1_point(&point).unwrap();
        let signature = DerSignature::try_from(unhex(signature).as_slice()).unwrap();
        let text = self.file("header-string-to-sign.txt");
        key.verify(text.as_bytes(), &signature).unwrap();
        key.verify(&text.as_bytes()[1..], &signature).unwrap_err();
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            algorithm: self.algorithm,
            region: &self.context.region,
            service: &self.context.service,
        }
    }

    fn inputs(
        &self,
    ) -> (
        Request<'_, String, String>,
        Settings,
        Credentials,
        SystemTime,
    ) {
        let Context { credentials, .. } = &self.context;
        let token = match self.context.omit_session_token {
            true => "",
            false => credentials.token.as_str(),
        };
        let host = self
            .request
            .headers
            .iter()
            .find(|(name, _)| name == "host")
            .unwrap();
        let request = Request {
            method: &self.request.method,
            host: host.1.as_bytes(),
            path_and_query: self.request.target.as_bytes(),
            headers: &self.request.headers,
            payload: match self.request.body.as_str() {
                "" => Payload::Empty,
                body => Payload::Hash(Sha256::digest(body).into()),
            },
        };
        let settings = Settings {
            path_style: match self.context.normalize {
                true => PathStyle::Normalised,
                false => PathStyle::S3,
            },
            content_sha256: match self.context.sign_body {
                true => ContentSha256::Written,
                false => ContentSha256::Absent,
            },
            signed_headers: HeaderSelection::All,
        };
        let now = OffsetDateTime::parse(&self.context.timestamp, &Rfc3339).unwrap();
        let credentials = Credentials {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: Secret::new(&*credentials.secret_access_key),
            session_token: Secret::new(token),
            expires_at: SystemTime::UNIX_EPOCH,
        };
        (request, settings, credentials, now.into())
    }
}

/// `context.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    credentials: Keys,
    #[serde(rename = "expiration_in_seconds")]
    _expiration_in_seconds: u64,
    normalize: bool,
    region: String,
    service: String,
    timestamp: String,
    #[serde(default)]
    omit_session_token: bool,
    sign_body: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    token: String,
}

impl Context {
    /// `double-encode-path` and `double-url-encode` are older and say nothing but what their canonical
    /// request and string to sign show.
    fn of_a_case_without_one(name: &str) -> Self {
        let (region, service) = match name {
            "double-encode-path" => ("us-east-1", "service"),
            "double-url-encode" => ("us-east-2", "lambda"),
            _ => panic!("{name} has no context.json"),
        };
        Self {
            credentials: Keys {
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
                token: String::new(),
            },
            _expiration_in_seconds: 3600,
            normalize: true,
            region: region.into(),
            service: service.into(),
            timestamp: "2021-05-11T15:40:45Z".into(),
            omit_session_token: false,
            sign_body: false,
        }
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

struct Parsed {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Reads a request as the suite writes it: raw bytes in the target, folded header lines.
fn parse(text: &str) -> Parsed {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.trim_end().lines();
    let request_line = lines.next().unwrap();
    let (method, target) = request_line.split_once(' ').unwrap();
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines {
        if line.starts_with(' ') {
            // A folded line is part of the value; its fold counts as spaces (RFC 9112, section 5.2).
            headers.last_mut().unwrap().1.push_str(line);
        } else {
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
    Parsed {
        method: method.to_owned(),
        target: target.trim_end_matches(" HTTP/1.1").to_owned(),
        headers,
        body: body.trim_end().to_owned(),
    }
}

/// The directory of the suites in the package of `aws-sigv4` that Cargo has unpacked to build us.
static SUITES: LazyLock<PathBuf> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
    }
    // Of this machine's platform only: Cargo has those at hand, and no others.
    let about = cargo(&["-vV"]);
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let metadata = cargo(&[
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform",
        host,
    ]);
    let metadata: Metadata = serde_json::from_str(&metadata).unwrap();
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.name == "aws-sigv4");
    let manifest = package.unwrap().manifest_path;
    manifest.with_file_name("aws-signing-test-suite")
});

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
