//! What programs post to `/presign` of the loopback endpoint, and what they get: judged by botocore and by s3s.

#[path = "presign/attempts.rs"]
mod attempts;

use e2e::envoy::python;
use e2e::s3s::S3s;
use e2e::{Answer, Connection, Request, Setup, World, json, multipart, scenario};
use sigv4_egress::timestamp::rfc3339;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Of each Envoy; with `SIGV4_EGRESS_PRESIGNINGS` more.
const PRESIGNINGS: u32 = 1000;

fn grants() -> Setup {
    Setup::new().plugin(json!({
        "allow": ["s3"],
        "presign": [
            {"service": "s3", "buckets": ["reports", "team-*"], "methods": ["GET", "HEAD", "PUT", "DELETE", "POST"]},
            {"service": "s3", "buckets": ["uploads"], "key_prefixes": ["in/"], "max_form_bytes": 1000},
            {"service": "s3", "buckets": ["uploads"], "methods": ["GET", "HEAD", "PUT", "DELETE", "POST"]},
            {"service": "rds-db"}, {"service": "dsql"}, {"service": "elasticache"}, {"service": "memorydb"},
            {"service": "kafka-cluster"}, {"service": "eks", "clusters": ["prod-*"], "max_seconds": 60},
        ],
        "presign_per_minute": 60000,
    }))
}

/// A presigned URL of a placeholder's, as an SDK makes it.
fn placeholders(url: &str, service: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!(
        "{url}{mark}X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=placeholder%2F20261123%2Feu-west-1%2F{service}%2Faws4_request\
         &X-Amz-Date=20261123T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
    )
}

fn post(world: &World, body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", &format!("127.0.0.1:{}", world.port), "/presign")
        .header("x-sigv4-egress", "1")
        .body(body)
}

/// As [`World::ask`], which takes a session token in an answer for a leak.
async fn ask(world: &World, request: Request) -> Answer {
    let mut connection = world.connect().await;
    connection.ask(&request.bytes()).await.expect("an answer")
}

/// The URL that the filter has signed.
async fn presigned(world: &World, method: &str, url: &str) -> String {
    let body = json!({"url": placeholders(url, "s3"), "method": method}).to_string();
    let answer = ask(world, post(world, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    answer["url"].as_str().expect("a URL").to_owned()
}

/// The request of a URL.
fn request_of(method: &str, url: &str) -> Request {
    let rest = url.strip_prefix("https://").expect("https");
    let (host, path) = rest.split_at(rest.find('/').expect("a path"));
    Request::new(method, host, path)
}

#[test]
fn each_form_is_signed_as_botocore_signs_it_with_the_credentials_of_sts() {
    scenario(&grants(), async |world| {
        let key = world.credentials().await;
        let count = std::env::var("SIGV4_EGRESS_PRESIGNINGS").unwrap_or(PRESIGNINGS.to_string());
        let mut judge = Command::new(python());
        judge
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/presign/judge.py"
            ))
            .args([
                &format!("http://127.0.0.1:{}", world.port),
                "20261201",
                &count,
            ])
            .env("GIVEN_ACCESS_KEY_ID", &key.access_key_id)
            .env("GIVEN_SECRET_ACCESS_KEY", &key.secret_access_key)
            .env(
                "GIVEN_SESSION_TOKEN",
                key.session_token.as_deref().unwrap_or_default(),
            )
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy");
        let output = tokio::task::spawn_blocking(move || judge.output());
        let output = output.await.expect("it ends").expect("it starts");
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        let good: serde_json::Value =
            serde_json::from_str(&found).unwrap_or_else(|_| panic!("{found}"));
        let good = good.as_object().expect("an object");
        assert_eq!(good.len(), 7, "{found}");
        let sum: u64 = good.values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(sum.to_string(), count);
        println!("{found}");
        // None of it was sent anywhere.
        assert_eq!(world.aws.received().len(), 0);
        let counted = world.envoy.stats_that_end_with("presigned.s3").await;
        assert_eq!(
            counted,
            good["s3"].as_u64().unwrap_or(0) + good["form"].as_u64().unwrap_or(0)
        );
    });
}

fn through_s3s(steps: impl AsyncFn(&World, &S3s)) {
    let s3s = S3s::start();
    scenario(&grants().aws_at(s3s.port), async |world| {
        let key = world.credentials().await;
        s3s.trust(&key);
        steps(world, &s3s).await;
    });
}

#[track_caller]
fn is_ok(answer: &Answer) {
    assert!(
        (200..300).contains(&answer.status),
        "{} {}",
        answer.status,
        answer.text()
    );
}

#[test]
fn an_object_is_put_got_and_deleted_by_urls_that_somebody_else_sends() {
    through_s3s(async |world, s3s| {
        let url = "https://s3.eu-west-1.amazonaws.com/reports/a/b%20%2B%C3%A4.txt";
        let send = async |method: &str, body: &[u8]| {
            let url = presigned(world, method, url).await;
            let request = request_of(method, &url).body(body);
            s3s.send(&request.bytes()).await
        };
        is_ok(&send("PUT", b"content").await);
        let got = send("GET", b"").await;
        is_ok(&got);
        assert_eq!(got.body, b"content");
        is_ok(&send("HEAD", b"").await);
        // For another method, or changed, it does not hold.
        let url = presigned(world, "GET", url).await;
        for (method, url) in [("PUT", url.clone()), ("GET", url.replace("b%20", "c%20"))] {
            let answer = s3s.send(&request_of(method, &url).bytes()).await;
            assert_eq!(answer.status, 403, "{}", answer.text());
        }
        // Through Envoy, it goes untouched to AWS.
        is_ok(&world.ask(request_of("GET", &url)).await);
        assert_eq!(world.stat("requests.left_alone.own_presigned").await, 1);
    });
}

#[test]
fn a_multipart_upload_is_made_of_presigned_urls() {
    through_s3s(async |world, s3s| {
        let object = "https://s3.eu-west-1.amazonaws.com/reports/parts";
        let send = async |method: &str, query: &str, body: &[u8]| {
            let url = presigned(world, method, &format!("{object}?{query}")).await;
            let request = request_of(method, &url).body(body);
            let answer = s3s.send(&request.bytes()).await;
            is_ok(&answer);
            answer
        };
        let begun = send("POST", "uploads=", b"").await.text();
        let id = begun
            .split("<UploadId>")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        let id = id.expect("an id").to_owned();
        let part = format!("partNumber=1&uploadId={id}");
        let put = send("PUT", &part, b"all of it").await;
        let tag = put.header("etag").expect("an etag").to_owned();
        let parts = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
        );
        send("POST", &format!("uploadId={id}"), parts.as_bytes()).await;
        let got = send("GET", "", b"").await;
        assert_eq!(got.body, b"all of it");
    });
}

#[test]
fn a_browser_form_uploads_what_its_policy_takes() {
    through_s3s(async |world, s3s| {
        let policy = base64(
            &json!({
                "expiration": "2099-01-01T00:00:00Z",
                "conditions": [{"bucket": "uploads"}, ["starts-with", "$key", "in/"], ["content-length-range", 0, 1000]],
            })
            .to_string(),
        );
        let form = |policy: &str| {
            json!({"form": {
                "url": "https://s3.eu-west-1.amazonaws.com/uploads",
                "fields": {
                    "key": "in/a.txt",
                    "policy": policy,
                    "x-amz-algorithm": "AWS4-HMAC-SHA256",
                    "x-amz-credential": "placeholder/20261123/eu-west-1/s3/aws4_request",
                    "x-amz-date": "20261123T000000Z",
                    "x-amz-signature": "00",
                },
            }})
        };
        let long = ask(world, post(world, form(&policy).to_string())).await;
        long.refused(403, "presign_too_long");
        let soon = rfc3339(SystemTime::now() + Duration::from_secs(300));
        let policy = base64(
            &json!({
                "expiration": soon,
                "conditions": [{"bucket": "uploads"}, ["starts-with", "$key", "in/"], ["content-length-range", 0, 1000]],
            })
            .to_string(),
        );
        let answer = ask(world, post(world, form(&policy).to_string())).await;
        is_ok(&answer);
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let fields = answer["form"]["fields"].as_object().expect("fields");
        let url = answer["form"]["url"].as_str().expect("a URL");
        let send = async |(kind, body): (&str, String)| {
            let request = request_of("POST", url).header("content-type", kind);
            s3s.send(&request.body(body).bytes()).await
        };
        is_ok(&send(multipart(fields, b"content")).await);
        let mut other = fields.clone();
        other.insert("key".to_owned(), "out/a.txt".into());
        let refused = send(multipart(&other, b"content")).await;
        assert!(refused.status >= 400, "{}", refused.status);
        let url = presigned(
            world,
            "GET",
            "https://s3.eu-west-1.amazonaws.com/uploads/in/a.txt",
        )
        .await;
        let got = s3s.send(&request_of("GET", &url).bytes()).await;
        assert_eq!((got.status, got.body.as_slice()), (200, &b"content"[..]));
    });
}

#[test]
fn nothing_gets_around_what_may_be_presigned() {
    scenario(&grants(), async |world| {
        world.credentials().await;
        let attempts = attempts::all(world.port);
        assert!(attempts.len() >= 200, "{}", attempts.len());
        for (attempt, bytes) in &attempts {
            let mut connection = Connection::open(world.port).await.expect("it accepts");
            // Some are no HTTP that Envoy answers.
            let Ok(answer) = connection.ask(bytes).await else {
                continue;
            };
            let shown = format!("{:?} {}", answer.headers, answer.text());
            // The fake AWS shows who has signed an ordinary request.
            // The fake AWS shows who has signed an ordinary request.
            let is_signed = shown.contains("X-Amz-Security-Token=");
            assert!(!is_signed, "{attempt}: {} {shown}", answer.status);
            assert_eq!(
                world.envoy.stats_that_end_with("presigned.s3").await,
                0,
                "{attempt}"
            );
        }
        println!("{} attempts", attempts.len());
    });
}

#[test]
fn the_first_one_waits_for_credentials_and_the_log_says_what_was_signed() {
    scenario(&grants().sts_held(), async |world| {
        let url = placeholders("https://reports.s3.eu-west-1.amazonaws.com/a", "s3");
        let asked = ask(world, post(world, url));
        let answered = async {
            world.until_parked(1).await;
            world.sts.gate.open();
        };
        let (answer, ()) = tokio::join!(asked, answered);
        is_ok(&answer);
        assert!(answer.header("x-sigv4-egress-expires-at").is_some());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let lines = world.access_log(1).await;
        assert!(
            lines[0].contains("presigned service=s3 region=eu-west-1 bucket=reports rule=allow method=GET path=/a expires="),
            "{lines:?}"
        );
        assert!(!lines[0].contains("X-Amz"), "{lines:?}");
        assert_eq!(world.stat("presigned.s3").await, 1);
    });
}

#[test]
fn as_many_a_minute_as_may_in_all_workers_together() {
    let setup = Setup::new()
        .plugin(json!({
            "allow": ["s3"],
            "presign": [{"service": "s3", "buckets": ["reports"]}],
            "presign_per_minute": 5,
        }))
        .concurrency(2);
    scenario(&setup, async |world| {
        world.credentials().await;
        let url = placeholders("https://reports.s3.eu-west-1.amazonaws.com/a", "s3");
        let mut good = 0;
        for _ in 0..40 {
            let answer = ask(world, post(world, url.clone())).await;
            match answer.status {
                200 => good += 1,
                _ => drop(answer.refused(429, "presign_too_many")),
            }
        }
        // A minute may have begun between.
        assert!((5..=10).contains(&good), "{good}");
    });
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
