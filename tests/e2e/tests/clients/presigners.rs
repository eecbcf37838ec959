//! The presigners of AWS's SDKs, with the files of docs/presign: what they make is taken by an S3 that verifies it.

use e2e::envoy::{python, workspace};
use e2e::s3s::S3s;
use e2e::{Answer, Request, Setup, World, json, scenario};
use std::path::{Path, PathBuf};
use std::process::Command;

fn docs() -> PathBuf {
    workspace().join("docs/presign")
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/presigners")
}

fn installed(client: &str) -> PathBuf {
    workspace().join("target/tools/clients").join(client)
}

/// What a program prints, one line for each thing that it has presigned.
async fn run(mut program: Command, world: &World) -> Vec<serde_json::Value> {
    program
        .env(
            "SIGV4_EGRESS_PRESIGN",
            format!("http://127.0.0.1:{}/presign", world.port),
        )
        .env("AWS_ACCESS_KEY_ID", "placeholder")
        .env("AWS_SECRET_ACCESS_KEY", "placeholder")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy");
    let output = tokio::task::spawn_blocking(move || program.output());
    let output = output.await.expect("it ends").expect("it starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    lines.lines().map(line).collect()
}

/// Sends what was presigned as whoever got the URL does.
async fn send(s3s: &S3s, one: &serde_json::Value) -> Answer {
    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let url = text("url");
    let rest = url.strip_prefix("https://").expect("https");
    let (host, path) = rest.split_at(rest.find('/').expect("a path"));
    let mut request = Request::new(&text("method"), host, path).body(text("body"));
    for (name, value) in one["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    s3s.send(&request.bytes()).await
}

/// `make` has PUT first, and GET of the same object then.
fn check(make: impl Fn() -> Command) {
    let s3s = S3s::start();
    let setup = Setup::new()
        .plugin(json!({
            "allow": ["s3"],
            "presign": [
                {"service": "s3", "buckets": ["reports"], "methods": ["GET", "PUT"], "max_form_bytes": 1000},
                {"service": "rds-db"}, {"service": "eks", "clusters": ["prod-1"]},
            ],
        }))
        .aws_at(s3s.port);
    scenario(&setup, async |world| {
        s3s.trust(&world.credentials().await);
        for one in run(make(), world).await {
            if let Some(token) = one["token"].as_str() {
                assert!(token.contains("X-Amz-Security-Token="), "{one}");
                assert!(token.starts_with("db.example:3306/?"), "{one}");
                continue;
            }
            if let Some(token) = one["eks"].as_str() {
                assert!(token.starts_with("k8s-aws-v1."), "{one}");
                // What an empty session token would not fill.
                assert!(token.len() > 1000, "{one}");
                continue;
            }
            let answer = match one["fields"].as_object() {
                Some(fields) => {
                    let (kind, body) = e2e::multipart(fields, b"content");
                    let form = json!({"url": one["url"], "method": "POST", "headers": {"content-type": kind}, "body": body});
                    send(&s3s, &form).await
                }
                None => send(&s3s, &one).await,
            };
            // The CLI presigns nothing that would put one.
            if one["missing"] == true {
                assert!(
                    answer.text().contains("NoSuchKey"),
                    "{one}: {}",
                    answer.text()
                );
                continue;
            }
            assert!(
                (200..300).contains(&answer.status),
                "{one}: {} {}",
                answer.status,
                answer.text()
            );
            if one["method"] == "GET" {
                assert_eq!(answer.body, b"content", "{one}");
            }
        }
    });
}

#[test]
fn of_boto3() {
    check(|| {
        let mut program = Command::new(python());
        program
            .env("PYTHONPATH", docs())
            .arg(programs().join("presign.py"));
        program
    });
}

#[test]
fn of_the_sdk_for_javascript() {
    check(|| {
        // Modules are found above the file that imports them.
        let directory = installed("javascript").join("presigners");
        std::fs::create_dir_all(&directory).expect("created");
        for (from, name) in [
            (docs(), "sigv4-egress-presign.mjs"),
            (programs(), "presign.mjs"),
        ] {
            std::fs::copy(from.join(name), directory.join(name)).expect("copied");
        }
        let mut program = Command::new("node");
        program.arg(directory.join("presign.mjs"));
        program
    });
}

#[test]
fn of_the_sdk_for_go() {
    let directory = tempdir("go");
    let client = workspace().join("tests/clients/go");
    for file in [
        client.join("go.mod"),
        client.join("go.sum"),
        docs().join("presign.go"),
        programs().join("main.go"),
    ] {
        let name = file.file_name().expect("a name");
        std::fs::copy(&file, directory.join(name)).expect("copied");
    }
    let built = Command::new("go")
        .current_dir(&directory)
        .args(["build", "-o", "presign", "."])
        .output()
        .expect("go starts");
    let complaint = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{complaint}");
    check(|| Command::new(directory.join("presign")));
}

#[test]
fn of_the_aws_cli() {
    check(|| {
        let mut program = Command::new("sh");
        program
            .arg(programs().join("presign.sh"))
            .arg(docs().join("presign.sh"))
            .arg(installed("cli").join("python/bin/aws"));
        program
    });
}

/// For what a test builds.
fn tempdir(name: &str) -> PathBuf {
    let directory = workspace().join("target/presigners").join(name);
    std::fs::create_dir_all(&directory).expect("created");
    directory
}

#[test]
fn of_the_sdk_for_java() {
    let directory = tempdir("java");
    let jars = installed("java").join("target/lib/*");
    let path = format!("{}:{}", directory.display(), jars.display());
    let compiled = Command::new("javac")
        .args(["-cp", &path, "-d"])
        .arg(&directory)
        .args([
            docs().join("SigV4EgressPresigner.java"),
            programs().join("Presign.java"),
        ])
        .output()
        .expect("javac starts");
    let complaint = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{complaint}");
    check(|| {
        let mut program = Command::new("java");
        program.args(["-cp", &path, "Presign"]);
        program
    });
}
