//! The core's steps as the filter makes them, for measuring: inputs are prepared once, and each call of
//! [`Step::run`] is what one request costs, or one chunk of 64 KiB.
//!
//! `src/bin/times.rs` takes their time, `src/bin/instructions.rs` has their instructions counted.

use sigv4_egress::chunked::{Form, Resigner};
use sigv4_egress::config::{self, Config, Environment, Plugin};
use sigv4_egress::credentials::{Credentials, Secret};
use sigv4_egress::decision::{Decision, Head, Plan, decide};
use sigv4_egress::endpoint::{Host, Resolution, resolve};
use sigv4_egress::headers::{Header, value};
use sigv4_egress::policy::NO_ROUTE_METADATA;
use sigv4_egress::sigv4::{Payload, Request, Signer, canonical_request};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One thing to measure.
pub struct Step {
    /// In the budget and in criterion's reports.
    pub name: &'static str,
    run: Box<dyn FnMut()>,
}

impl Step {
    fn new(name: &'static str, run: impl FnMut() + 'static) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }

    /// Does it once.
    pub fn run(&mut self) {
        (self.run)();
    }
}

/// Why a step could not be prepared.
pub type Error = Box<dyn std::error::Error>;

/// All steps.
///
/// # Errors
/// When the core refuses what the steps are prepared with.
pub fn steps() -> Result<Vec<Step>, Error> {
    let (one_rule, thousand_rules) = (config(1, of_hosts)?, config(1000, of_hosts)?);
    let (one_bucket, thousand_buckets) = (config(1, of_buckets)?, config(1000, of_buckets)?);
    let host = Host::parse(S3.as_bytes()).map_err(|error| format!("{error:?}"))?;
    let get = headers("GET", S3, &[]);
    let post = headers(
        "POST",
        "dynamodb.eu-west-1.amazonaws.com",
        &[
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "DynamoDB_20120810.PutItem"),
            ("content-length", "1024"),
        ],
    );
    let elsewhere = headers("GET", "storage.example.com", &[]);
    let credentials = credentials();
    let get_plan = plan(&one_rule, &get, true)?;
    let post_plan = plan(&one_rule, &post, false)?;

    let resolve_host = move || {
        black_box(matches!(
            resolve(black_box(&host), "eu-west-1"),
            Resolution::Aws(_)
        ));
    };
    let decided = |config: &Config, headers: &[Header<'static>], end_of_stream: bool| {
        let (config, headers) = (config.clone(), headers.to_vec());
        move || drop(black_box(decide(&config, head(&headers, end_of_stream))))
    };
    let canonical = {
        let (plan, headers, credentials) = (get_plan.clone(), get.clone(), credentials.clone());
        move || {
            let request = request(&plan, &headers, Payload::Empty);
            drop(black_box(canonical_request(
                &request,
                plan.settings(),
                &plan.scope(),
                &credentials,
                now(),
            )));
        }
    };
    Ok(vec![
        Step::new("resolve", resolve_host),
        Step::new("decide_s3_get", decided(&one_rule, &get, true)),
        Step::new(
            "decide_s3_get_1000_rules",
            decided(&thousand_rules, &get, true),
        ),
        Step::new("decide_s3_get_bucket", decided(&one_bucket, &get, true)),
        Step::new(
            "decide_s3_get_1000_buckets",
            decided(&thousand_buckets, &get, true),
        ),
        Step::new("decide_pass_through", decided(&one_rule, &elsewhere, true)),
        Step::new("canonical_s3_get", canonical),
        Step::new(
            "sign_s3_get",
            sign(get_plan, get, &credentials, Payload::Empty),
        ),
        Step::new(
            "sign_dynamodb_post",
            sign(post_plan, post, &credentials, Payload::Hash([7; 32])),
        ),
        Step::new("resign_chunk_64k", resign(&one_rule, &credentials)?),
    ])
}

/// With a key that is in the signer's cache from the second call on.
fn sign(
    plan: Plan,
    headers: Vec<Header<'static>>,
    credentials: &Credentials,
    payload: Payload<'static>,
) -> impl FnMut() + 'static {
    let (mut signer, credentials) = (Signer::default(), credentials.clone());
    move || {
        let request = request(&plan, &headers, payload);
        let signed = signer.sign(
            &request,
            plan.settings(),
            &plan.scope(),
            &credentials,
            now(),
        );
        black_box(signed.edits());
    }
}

/// Each call takes the next chunk of one endless upload, in the pieces that the filter reads.
fn resign(config: &Config, credentials: &Credentials) -> Result<impl FnMut() + 'static, Error> {
    let form = Form::Payload;
    let put = headers(
        "PUT",
        S3,
        &[
            ("x-amz-content-sha256", form.as_str()),
            ("content-length", "1073741824"),
        ],
    );
    let plan = plan(config, &put, false)?;
    let mut signer = Signer::default();
    let request = request(&plan, &put, Payload::Literal(form.as_str()));
    let signed = signer.sign(&request, plan.settings(), &plan.scope(), credentials, now());
    let chunks = signer.chunk_signer(&signed, &plan.scope(), credentials, now());
    let mut resigner = Resigner::new(form, chunks.ok_or("chunks are not signed with SigV4A")?);
    let mut chunk = format!("10000;chunk-signature={}\r\n", "5".repeat(64)).into_bytes();
    chunk.resize(chunk.len() + 0x10000, b'x');
    chunk.extend_from_slice(b"\r\n");
    let mut out = Vec::new();
    Ok(move || {
        out.clear();
        black_box(resigner.take(black_box(&chunk), &mut out).is_ok());
    })
}

/// So many rules, of which the last is the one that fits.
fn config(rules: usize, condition: fn(usize) -> String) -> Result<Config, Error> {
    let mut json = r#"{"allow": ["s3", "dynamodb"], "rules": ["#.to_owned();
    for number in 1..rules {
        write!(json, r#"{{{}, "effect": "deny"}}, "#, condition(number))?;
    }
    write!(json, r#"{{{}, "effect": "allow"}}]}}"#, condition(0))?;
    let environment: Environment = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/demo"),
        ("AWS_REGION", "eu-west-1"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    match config::parse(json.as_bytes(), &environment).map_err(|error| error.to_string())? {
        Plugin::Downstream(config) => Ok(*config),
        other => Err(format!("this does not sign: {other:?}").into()),
    }
}

/// Conditions that need no look at the bucket; the one numbered 0 fits the requests here.
fn of_hosts(number: usize) -> String {
    match number {
        0 => r#""services": ["s3"], "regions": ["eu-west-1"]"#.to_owned(),
        number => format!(r#""hosts": ["f{number}.lambda-url.eu-west-1.on.aws"]"#),
    }
}

/// Conditions for buckets, every other for a prefix.
fn of_buckets(number: usize) -> String {
    match number {
        0 => r#""buckets": ["reports"]"#.to_owned(),
        number if number.is_multiple_of(2) => format!(r#""buckets": ["team-{number}-*"]"#),
        number => format!(r#""buckets": ["archive-{number}"]"#),
    }
}

/// As an SDK sends them, in Envoy's order.
fn headers(
    method: &'static str,
    host: &'static str,
    more: &[(&'static str, &'static str)],
) -> Vec<Header<'static>> {
    let path = "/2026/11/part-6f1f0d2e9b7c4a10.parquet?partNumber=7&versionId=6f1f0d2e9b7c4a10";
    let common = [
        (":authority", host),
        (":path", path),
        (":method", method),
        (":scheme", "http"),
        (
            "user-agent",
            "aws-sdk-java/2.30.0 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1",
        ),
        ("amz-sdk-invocation-id", "6f1f0d2e-6f1f0d2e9b7c4a10"),
        ("amz-sdk-request", "attempt=1; max=3"),
        ("accept-encoding", "identity"),
        ("x-forwarded-proto", "http"),
    ];
    let all = common.iter().chain(more);
    all.map(|(name, value)| (*name, value.as_bytes())).collect()
}

fn head<'a>(headers: &'a [Header<'a>], end_of_stream: bool) -> Head<'a> {
    Head {
        headers,
        cluster: &|| Some("sigv4-egress-aws".to_owned()),
        port: &|| None,
        over_tls: &|| false,
        route_metadata: NO_ROUTE_METADATA,
        own_keys: &sigv4_egress::own_keys::OwnKeys::default,
        end_of_stream,
    }
}

fn plan(config: &Config, headers: &[Header<'_>], end_of_stream: bool) -> Result<Plan, Error> {
    match decide(config, head(headers, end_of_stream)) {
        Decision::Sign(plan) => Ok(plan),
        other => Err(format!("the request is not signed: {other:?}").into()),
    }
}

fn request<'a>(
    plan: &'a Plan,
    headers: &'a [Header<'a>],
    payload: Payload<'a>,
) -> Request<'a, &'a str, &'a [u8]> {
    let value = |name| value(headers, name).unwrap_or_default();
    Request {
        method: std::str::from_utf8(value(":method")).unwrap_or_default(),
        host: plan.authority.as_bytes(),
        path_and_query: value(":path"),
        headers,
        payload,
    }
}

/// A session token of 1,000 bytes.
fn credentials() -> Credentials {
    Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: Secret::new("IQoJ".repeat(250)),
        expires_at: now() + Duration::from_secs(3600),
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_478_400)
}

const S3: &str = "reports.s3.eu-west-1.amazonaws.com";
