//! S3 Express, whose SDKs open a session before anything else, and what else signs as S3.

use e2e::envoy::python;
use e2e::verify::client_signature_with;
use e2e::{Request, Setup, Verdict, World, json, scenario};

const BUCKET: &str = "demo--euw1-az1--x-s3";
const ZONAL: &str = "demo--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
const REGIONAL: &str = "s3express-control.eu-west-1.amazonaws.com";

/// What boto3 prints, with the loopback endpoint and these variables.
async fn boto3(world: &World, variables: &[(&str, &str)]) -> String {
    let mut calls = std::process::Command::new(python());
    calls
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/express/calls.py"
        ))
        .env(
            "AWS_ENDPOINT_URL",
            format!("http://127.0.0.1:{}", world.port),
        )
        .envs(variables.iter().copied())
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy");
    let output = tokio::task::spawn_blocking(move || calls.output());
    let output = output.await.expect("it ends").expect("it starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn express() -> Setup {
    Setup::new().plugin(json!({"allow": ["s3express"]}))
}

#[test]
fn boto3_without_sessions_reaches_directory_buckets_through_the_loopback_endpoint() {
    scenario(&express(), async |world| {
        let without_sessions = [("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "true")];
        assert_eq!(boto3(world, &without_sessions).await, "");
        let received: Vec<String> = world
            .aws
            .received()
            .iter()
            .map(|request| {
                let signature = request.verdict.signature();
                let scope = (signature.service.as_str(), signature.region.as_str());
                assert_eq!(scope, ("s3express", "eu-west-1"));
                format!("{} {} {}", request.method, request.host, request.path)
            })
            .collect();
        let access_point = "my-ap--euw1-az1--xa-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
        assert_eq!(
            received,
            [
                format!("PUT {ZONAL} /a%20b/%2Bc"),
                format!("GET {ZONAL} /a%20b/%2Bc"),
                format!("HEAD {ZONAL} /"),
                format!("GET {ZONAL} /?list-type=2&prefix=a%20b%2F&encoding-type=url"),
                format!("POST {ZONAL} /?delete"),
                format!("GET {access_point} /k"),
                format!("GET {REGIONAL} /"),
                format!("DELETE {REGIONAL} /{BUCKET}?policy"),
                format!("DELETE {REGIONAL} /{BUCKET}"),
            ]
        );
        assert_eq!(world.stat("requests.signed.placeholder").await, 9);
    });
}

#[test]
fn boto3_with_sessions_is_told_at_once_how_to_do_without_them() {
    scenario(&express(), async |world| {
        let shown = boto3(world, &[]).await;
        let codes: Vec<&str> = shown.lines().collect();
        // All but ListDirectoryBuckets open a session: with an endpoint of its own boto3 tells no regional operations.
        assert_eq!(codes, ["SigV4EgressExpressSessionUnsupported"; 8]);
        assert_eq!(world.aws.received().len(), 1);
        let refused = "requests.refused.express_session_unsupported";
        assert_eq!(world.stat(refused).await, 8);
    });
}

#[test]
fn at_the_zonal_host_a_session_is_opened_with_the_pods_identity_and_used_without_it() {
    scenario(&express(), async |world| {
        world.ask(Request::get(ZONAL, "/?session")).await.ok();
        let opened = world.aws.only();
        assert_eq!(opened.verdict.signature().service, "s3express");

        // What it would have returned: keys of AWS's shape, that sign for themselves.
        let key = world
            .ledger
            .client_key("ASIASESSIONEXAMPLE00", "of-the-session");
        let scope = ("eu-west-1", "s3express");
        let token = Some(("x-amz-s3session-token", "token-of-the-session"));
        let headers = client_signature_with(token, &key, "GET", ZONAL, "/k", scope, b"");
        let request = Request::get(ZONAL, "/k").headers(headers);
        world.ask(request).await.ok();
        let used = world.aws.received().pop().expect("a request");
        assert!(matches!(used.verdict, Verdict::SignedByClient(_)));
        let token = used.value("x-amz-s3session-token");
        assert_eq!(token.as_deref(), Some("token-of-the-session"));
        assert_eq!(world.stat("requests.left_alone.session_token").await, 1);
    });
}

#[test]
fn s3_control_and_answers_to_object_lambda_leave_the_loopback_endpoint_for_their_hosts() {
    let setup = Setup::new().plugin(json!({"allow": ["s3", "s3-object-lambda"]}));
    scenario(&setup, async |world| {
        let request = |method: &str, path: &str, service: &str| {
            Request::new(method, &format!("127.0.0.1:{}", world.port), path)
                .signed_by("placeholder", service)
        };
        let control = request("GET", "/v20180820/accesspoint", "s3");
        let control = control.header("x-amz-account-id", "123456789012");
        world.ask(control).await.ok();
        let answer = request("POST", "/WriteGetObjectResponse", "s3-object-lambda");
        let answer = answer.header("x-amz-request-route", "io-cell1.a1b2");
        world.ask(answer.body("12345")).await.ok();
        let hosts: Vec<String> = world.aws.received().into_iter().map(|r| r.host).collect();
        assert_eq!(
            hosts,
            [
                "123456789012.s3-control.eu-west-1.amazonaws.com",
                "io-cell1.a1b2.s3-object-lambda.eu-west-1.amazonaws.com",
            ]
        );
        let object = world.ask(request("GET", "/key", "s3-object-lambda")).await;
        object.refused(403, "unknown_service");
    });
}
