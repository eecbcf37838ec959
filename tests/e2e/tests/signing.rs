//! `docs/signing.md`: what is signed for odd bytes, by us, by botocore and by the `aws-sigv4` crate.
//!
//! Each cell comes from running the three; `UPDATE=1` writes the file anew. What each row is for, and its
//! source, stands in `signing/rows.rs`.

#[path = "wire/egress.rs"]
mod egress;
#[path = "../../prose/mod.rs"]
mod prose;
#[path = "signing/rows.rs"]
mod rows;
#[path = "wire/upstream.rs"]
mod upstream;

use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4::SigningParams;
use e2e::{Connection, Value, envoy, json};
use egress::{Egress, REGION};
use rows::{HEADERS, HOSTS, PATHS, QUERIES, Row};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::endpoint::Host;
use sigv4_egress::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings,
    Signer, canonical_request,
};

#[test]
fn the_table_says_what_we_and_the_two_others_sign() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/signing.md");
    let expected = prose::wrapped(&document());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).expect("docs/signing.md");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "run: UPDATE=1 cargo test -p e2e --test signing"
    );
}

#[test]
fn odd_bytes_go_out_as_they_came_and_are_signed_as_in_the_table() {
    let queries = QUERIES.iter().map(|row| format!("/?{}", row.input));
    let targets: Vec<String> = PATHS
        .iter()
        .map(|row| row.input.to_owned())
        .chain(queries)
        .collect();
    for version in envoy::versions() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let egress = Egress::start(&version).await;
            egress.until_signing().await;
            for (id, target) in targets.iter().enumerate() {
                for (id, service, style) in [
                    (2 * id, "s3", PathStyle::S3),
                    (2 * id + 1, "sqs", PathStyle::Normalised),
                ] {
                    check_on_the_wire(&egress, id, service, style, target).await;
                }
            }
        });
    }
}

async fn check_on_the_wire(
    egress: &Egress,
    id: usize,
    service: &str,
    style: PathStyle,
    target: &str,
) {
    let host = format!("{service}.{REGION}.amazonaws.com");
    let request = e2e::Request::get(&host, target).header("x-wire-id", id.to_string());
    let mut connection = Connection::open(egress.port).await.expect("it accepts");
    let answer = connection.ask(&request.bytes()).await.expect("an answer");
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        // Envoy's parser takes only what RFC 9112, section 3.2 allows in a request line.
        assert_eq!(answer.status, 400, "{target}");
        return;
    }
    assert_eq!(answer.status, 200, "{target}");
    let arrived = egress.upstream.arrived(id).expect("it arrived");
    let arrived = String::from_utf8(arrived).expect("text");
    let first = format!("GET {target} HTTP/1.1\r\n");
    assert!(arrived.starts_with(&first), "{arrived}");

    let key = egress.ledger.issued().remove(0);
    let credentials = Credentials {
        access_key_id: key.access_key_id,
        secret_access_key: Secret::new(key.secret_access_key),
        session_token: Secret::new(key.session_token.unwrap_or_default()),
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let headers: [(&str, &str); 0] = [];
    let request = Request {
        method: "GET",
        host: host.as_bytes(),
        path_and_query: target.as_bytes(),
        headers: &headers,
        payload: Payload::Empty,
    };
    let settings = Settings {
        path_style: style,
        content_sha256: match style {
            PathStyle::S3 => ContentSha256::Written,
            PathStyle::Normalised => ContentSha256::Absent,
        },
        signed_headers: HeaderSelection::Minimal,
    };
    let scope = scope(service);
    // Signed at some second of the last ones.
    let now = SystemTime::now();
    let found = (0..60).any(|seconds| {
        let at = now - Duration::from_secs(seconds);
        let signed = Signer::default().sign(&request, settings, &scope, &credentials, at);
        arrived.contains(&format!("\r\nauthorization: {}\r\n", signed.authorization))
    });
    assert!(
        found,
        "signed in another way than the table says: {arrived}"
    );
}

/// A request whose odd part stands in one place.
#[derive(Clone, Default)]
struct Odd {
    host: String,
    target: String,
    headers: Vec<(String, String)>,
}

fn scope(service: &str) -> Scope<'_> {
    Scope {
        algorithm: Algorithm::SigV4,
        region: REGION,
        service,
    }
}

/// The parts of a canonical request that differ; `Err` where a signer takes no such request.
#[derive(Clone)]
struct Parts {
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

type Outcome = Result<Parts, ()>;

fn document() -> String {
    let mut text = rows::INTRODUCTION.to_owned();
    text += rows::ABOUT_PATHS;
    table(
        &mut text,
        &[
            "path",
            "S3: we",
            "botocore",
            "aws-sigv4",
            "others: we",
            "botocore",
            "aws-sigv4",
        ],
        PATHS,
        |input| Odd {
            target: input.into(),
            ..Odd::plain()
        },
        &[PathStyle::S3, PathStyle::Normalised],
        |parts| parts.path.clone(),
    );
    text += rows::ABOUT_QUERIES;
    table(
        &mut text,
        &["query", "we", "botocore", "aws-sigv4"],
        QUERIES,
        |input| Odd {
            target: format!("/?{input}"),
            ..Odd::plain()
        },
        &[PathStyle::S3],
        |parts| parts.query.clone(),
    );
    text += rows::ABOUT_HEADERS;
    table(
        &mut text,
        &["values", "we", "botocore", "aws-sigv4"],
        HEADERS,
        |input| {
            let values = input.split('\n');
            Odd {
                headers: values
                    .map(|value| ("x-amz-meta-a".into(), value.into()))
                    .collect(),
                ..Odd::plain()
            }
        },
        &[PathStyle::S3],
        |parts| parts.header("x-amz-meta-a"),
    );
    text += rows::ABOUT_HOSTS;
    table(
        &mut text,
        &["host", "we", "botocore", "aws-sigv4"],
        HOSTS,
        |input| Odd {
            host: input.into(),
            ..Odd::plain()
        },
        &[PathStyle::S3],
        |parts| parts.header("host"),
    );
    text
}

fn table(
    text: &mut String,
    columns: &[&str],
    rows: &[Row],
    odd: impl Fn(&str) -> Odd,
    styles: &[PathStyle],
    part: impl Fn(&Parts) -> String,
) {
    let odds: Vec<Odd> = rows.iter().map(|row| odd(row.input)).collect();
    let theirs = botocore(&odds);
    let columns = columns.join(" | ");
    let rule = "|---".repeat(columns.split(" | ").count() + 1);
    let _ = writeln!(text, "\n| {columns} | why |\n{rule}|");
    for ((row, odd), theirs) in rows.iter().zip(&odds).zip(theirs) {
        let _ = write!(text, "| {}", code(row.input));
        for style in styles {
            let ours = part(&ours(odd, *style).expect("we sign every request"));
            let _ = write!(text, " | {}", code(&ours));
            let theirs = match style {
                PathStyle::S3 => &theirs.0,
                PathStyle::Normalised => &theirs.1,
            };
            for other in [theirs, &aws_sigv4(odd, *style)] {
                let cell = match other.as_ref().map(&part) {
                    Ok(same) if same == ours => "same".to_owned(),
                    Ok(other) => code(&other),
                    Err(()) => "refused".to_owned(),
                };
                let _ = write!(text, " | {cell}");
            }
        }
        let _ = writeln!(text, " | {} |", row.why);
    }
}

/// Code spans, one a line, that show what one cannot see.
fn code(text: &str) -> String {
    let spans: Vec<_> = text.split('\n').map(code_span).collect();
    spans.join(", ")
}

fn code_span(text: &str) -> String {
    let shown = text.replace('\t', "<tab>").replace('\u{a0}', "<nbsp>");
    match shown.as_str() {
        "" => "(empty)".to_owned(),
        // A span trims one space on both sides.
        shown if shown.starts_with(' ') || shown.ends_with(' ') => {
            format!("`{}`", shown.replace(' ', "<sp>"))
        }
        shown => format!("`{shown}`"),
    }
}

impl Odd {
    fn plain() -> Self {
        Self {
            host: "s3.eu-west-1.amazonaws.com".into(),
            target: "/".into(),
            headers: Vec::new(),
        }
    }
}

impl Parts {
    fn parse(canonical: &str) -> Self {
        let mut lines = canonical.lines().skip(1);
        let mut line = || lines.next().unwrap_or_default().to_owned();
        let (path, query) = (line(), line());
        let headers = lines
            .map_while(|line| line.split_once(':'))
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            path,
            query,
            headers,
        }
    }

    fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.expect("it is signed").1.clone()
    }
}

fn ours(odd: &Odd, style: PathStyle) -> Outcome {
    let host = Host::parse(odd.host.as_bytes())
        .expect("a host")
        .into_authority();
    let request = Request {
        method: "GET",
        host: host.as_bytes(),
        path_and_query: odd.target.as_bytes(),
        headers: &odd.headers,
        payload: Payload::Empty,
    };
    let settings = Settings {
        path_style: style,
        content_sha256: ContentSha256::Absent,
        signed_headers: HeaderSelection::Minimal,
    };
    let credentials = Credentials {
        access_key_id: "id".into(),
        secret_access_key: Secret::new("secret"),
        session_token: Secret::new(""),
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let epoch = SystemTime::UNIX_EPOCH;
    let canonical = canonical_request(&request, settings, &scope(""), &credentials, epoch);
    Ok(Parts::parse(
        &String::from_utf8(canonical.text).expect("text"),
    ))
}

/// S3's form and the others'.
fn botocore(odds: &[Odd]) -> Vec<(Outcome, Outcome)> {
    let requests: Vec<_> = odds
        .iter()
        .map(|odd| json!({"host": odd.host, "target": odd.target, "headers": odd.headers}))
        .collect();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = manifest.join("../../target/tools/python/bin/python");
    assert!(
        python.exists(),
        "no Python with botocore at {}: run `cargo xtask test`, which installs it",
        python.display()
    );
    let mut process = Command::new(python)
        .arg(manifest.join("tests/signing/canonical.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = process.stdin.take().expect("piped");
    stdin
        .write_all(json!(requests).to_string().as_bytes())
        .expect("Python reads");
    drop(stdin);
    let output = process.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "botocore failed");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let parts = |answer: &Value| match answer["error"].as_str() {
        Some(_) => Err(()),
        None => Ok(Parts {
            path: answer["path"].as_str().expect("a path").into(),
            query: answer["query"].as_str().expect("a query").into(),
            headers: answer["headers"]
                .as_object()
                .expect("headers")
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().expect("text").into()))
                .collect(),
        }),
    };
    answers
        .iter()
        .map(|answer| (parts(&answer["s3"]), parts(&answer["other"])))
        .collect()
}

/// The crate shows its canonical request in its trace only.
fn aws_sigv4(odd: &Odd, style: PathStyle) -> Outcome {
    let identity = aws_credential_types::Credentials::from_keys("id", "secret", None).into();
    let mut settings = SigningSettings::default();
    if style == PathStyle::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let params = SigningParams::builder()
        .identity(&identity)
        .region("region")
        .name("service")
        .time(SystemTime::UNIX_EPOCH)
        .settings(settings)
        .build()
        .expect("complete")
        .into();
    let uri = format!("https://{}{}", odd.host, odd.target);
    let headers = odd
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let request =
        SignableRequest::new("GET", uri, headers, SignableBody::Bytes(b"")).map_err(drop)?;
    let trace = Trace::default();
    let signed = tracing::subscriber::with_default(trace.clone(), || sign(request, &params));
    signed.map_err(drop)?;
    let canonical = trace.canonical_request.lock().expect("not poisoned").take();
    Ok(Parts::parse(
        &canonical.expect("the crate traces its canonical request"),
    ))
}

#[derive(Clone, Default)]
struct Trace {
    canonical_request: Arc<Mutex<Option<String>>>,
}

impl tracing::Subscriber for Trace {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

impl tracing::field::Visit for Trace {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        if field.name() == "canonical_request" {
            let text = format!("{value:?}");
            *self.canonical_request.lock().expect("not poisoned") = Some(text);
        }
    }
}
