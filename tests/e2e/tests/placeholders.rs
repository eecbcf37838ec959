//! A program that works in several accounts names its role by the access key id of its profile.

use std::process::Command;

use e2e::chunks::encode;
use e2e::envoy::{self, python};
use e2e::ledger::Ledger;
use e2e::namespace::{self, capture};
use e2e::pod::Pod;
use e2e::shipped::runtime;
use e2e::verify::Received;
use e2e::{Request, Setup, Value, World, json, scenario};

const OWN: &str = "arn:aws:iam::123456789012:role/demo";
const AUDIT: &str = "arn:aws:iam::210987654321:role/audit";
const BATCH: &str = "arn:aws:iam::333333333333:role/batch";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";
const S3: &str = "s3.eu-west-1.amazonaws.com";
const NOT_LISTED: &str = "placeholder_not_listed";

/// Two accounts beside the pod's own. One of their roles is for DynamoDB alone.
fn accounts() -> Value {
    json!({
        "allow": ["dynamodb", "s3"],
        "roles": {"audit": {"role_arn": AUDIT}, "batch": {"role_arn": BATCH}},
        "rules": [
            {"placeholders": ["placeholder-audit"], "role": "audit"},
            {"placeholders": ["placeholder-batch"], "services": ["dynamodb"], "role": "batch"},
        ],
        "max_wait_ms": 30_000,
    })
}

/// The roles that signed what arrived, in order.
fn roles(received: &[Received], ledger: &Ledger) -> Vec<String> {
    let role = |request: &Received| {
        let key = ledger.find(&request.verdict.signature().access_key_id);
        key.and_then(|key| key.role).expect("issued by STS")
    };
    received.iter().map(role).collect()
}

/// What the program prints with these profiles, one after the other.
async fn orders(
    set_up: impl FnOnce(&mut Command) -> &mut Command,
    profiles: &'static [&str],
) -> Vec<String> {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/placeholders");
    let mut program = Command::new(python());
    program.arg(format!("{tests}/orders.py")).args(profiles);
    program
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            format!("{tests}/credentials"),
        )
        .env("AWS_CONFIG_FILE", "/dev/null")
        // What the pod has for all programs: a profile that a program names comes before them.
        .envs(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "placeholder")))
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy");
    set_up(&mut program);
    let output = tokio::task::spawn_blocking(move || program.output());
    let output = output.await.expect("it ends").expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.lines().map(str::to_owned).collect()
}

/// The profiles of one run, and what boto3 says of each.
const PROFILES: &[&str] = &["audit", "batch", "other", "default", "guess", "audit"];
const PRINTED: [&str; 6] = [
    "audit written",
    "batch written",
    "other SigV4EgressPlaceholderNotListed",
    "default written",
    "guess SigV4EgressPlaceholderNotListed",
    "audit written",
];

#[test]
fn one_program_writes_to_the_tables_of_two_accounts_and_a_third_placeholder_is_refused() {
    for setup in [Setup::new(), Setup::new().guard()] {
        scenario(&setup.plugin(accounts()), async |world| {
            world.aws.refuse_with(200, "{}");
            let endpoint = format!("http://127.0.0.1:{}", world.port);
            let printed = orders(
                |program| program.env("AWS_ENDPOINT_URL", endpoint),
                PROFILES,
            );
            assert_eq!(printed.await, PRINTED);
            let received = world.aws.received();
            assert_eq!(roles(&received, &world.ledger), [AUDIT, BATCH, OWN, AUDIT]);
            for request in &received {
                assert_eq!(
                    (request.host.as_str(), request.path.as_str()),
                    (DYNAMODB, "/")
                );
                let shown = format!("{request:?}");
                assert!(!shown.contains("placeholder"), "{shown}");
            }
            assert_eq!(refused(world).await, 2);
            assert_eq!(world.stat("requests.signed.placeholder").await, 4);
            let log = world.access_log(6).await;
            let words = log
                .iter()
                .map(|line| line.split_once('[').map_or("", |(_, rest)| rest));
            let roles = [
                "role=audit",
                "role=batch",
                NOT_LISTED,
                "role=own",
                NOT_LISTED,
                "role=audit",
            ];
            for (line, role) in words.zip(roles) {
                assert!(line.contains(role), "{log:#?}");
            }
        });
    }
}

async fn refused(world: &World) -> u64 {
    world.stat(&format!("requests.refused.{NOT_LISTED}")).await
}

/// Each chunk's signature hangs on the role's key.
#[test]
fn an_upload_in_signed_chunks_carries_the_named_role_from_chunk_to_chunk() {
    scenario(&Setup::new().plugin(accounts()), async |world| {
        let data = vec![7; 300_000];
        let put = |id: &str| {
            Request::new("PUT", S3, "/ledger/k")
                .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
                .header("content-encoding", "aws-chunked")
                .header("x-amz-decoded-content-length", data.len().to_string())
                .signed_by(id, "s3")
                .body(encode(&data, 65_536, None))
        };
        for (id, is_taken) in [
            ("placeholder-audit", true),
            ("placeholder", true),
            ("placeholder-other", false),
            // Its role is not for S3, and the pod's own must not stand in for it.
            ("placeholder-batch", false),
        ] {
            let answer = world.ask(put(id)).await;
            if is_taken {
                answer.ok();
            } else {
                let message = answer.refused(403, NOT_LISTED);
                assert!(message.contains(&format!("\"{id}\"")), "{message}");
            }
        }
        let received = world.aws.received();
        assert_eq!(roles(&received, &world.ledger), [AUDIT, OWN]);
        for request in received {
            let decoded = request.decoded.expect("chunks with valid signatures");
            assert_eq!(decoded.length, data.len());
        }
        assert_eq!(refused(world).await, 2);
    });
}

#[test]
fn no_form_of_the_header_gets_a_role_that_it_does_not_name() {
    scenario(&Setup::new().plugin(accounts()), async |world| {
        let get = || Request::get(DYNAMODB, "/");
        let twice = get()
            .signed_by("placeholder-audit", "dynamodb")
            .signed_by("placeholder-batch", "dynamodb");
        // Envoy joins the two; the first one is replaced, and with it the second.
        world.ask(twice).await.ok();
        for id in [
            "placeholder-audit%20",
            "PLACEHOLDER-AUDIT",
            "x/placeholder-audit",
            "placeholder-audit/x",
            "\u{e9}placeholder-audit",
        ] {
            let answer = world.ask(get().signed_by(id, "dynamodb")).await;
            answer.refused(403, NOT_LISTED);
        }
        let long = "placeholder-audit".repeat(2_000);
        let answer = world.ask(get().signed_by(&long, "dynamodb")).await;
        let message = answer.refused(403, NOT_LISTED);
        assert!(message.len() < 1_000, "{message}");
        let scope = b"/20261123/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00";
        let bytes = [
            b"AWS4-HMAC-SHA256 Credential=placeholder-audit\xff".as_slice(),
            scope,
        ]
        .concat();
        let answer = world.ask(get().header("authorization", bytes)).await;
        answer.refused(400, "malformed_authorization");
        // Beside a link that another placeholder presigned.
        let query = "/?X-Amz-Credential=placeholder-batch%2F20261123%2Feu-west-1%2Fdynamodb%2Faws4_request&X-Amz-Signature=0";
        let both = Request::get(DYNAMODB, query).signed_by("placeholder-audit", "dynamodb");
        world.ask(both).await.ok();
        let link = world.ask(Request::get(DYNAMODB, query)).await;
        link.refused(403, "presigned_by_placeholder");
        let roles = roles(&world.aws.received(), &world.ledger);
        assert_eq!(roles, [AUDIT; 2]);
    });
}

/// Over https what asks for no signature passes to AWS. A placeholder's asks for one, whoever guessed it.
#[test]
fn over_https_an_unknown_placeholder_is_refused_and_does_not_pass() {
    let name = "over_https_an_unknown_placeholder_is_refused_and_does_not_pass";
    let trust = "pod-ca.pem";
    namespace::within(name, || {
        for version in envoy::versions() {
            runtime().block_on(async {
                let names = ["*.eu-west-1.amazonaws.com"];
                let change = |config: &mut Value| configure(config, &accounts());
                let pod = Pod::start(&version, &names, change).await;
                capture(&[]);
                pod.shipped.aws.refuse_with(200, "{}");
                let directory = pod.shipped.directory().to_owned();
                let printed = orders(
                    |program| program.current_dir(directory).env("AWS_CA_BUNDLE", trust),
                    PROFILES,
                );
                assert_eq!(printed.await, PRINTED);
                let roles = roles(&pod.shipped.aws.received(), &pod.shipped.ledger);
                assert_eq!([&*roles[0], &*roles[1], &*roles[3]], [AUDIT, BATCH, AUDIT]);
                assert_eq!(roles.len(), 4);
                let stat = format!("wasmcustom.sigv4_egress.requests.refused.{NOT_LISTED}");
                assert_eq!(pod.shipped.envoy.stat(&stat).await, 2);
                pod.shipped.aws.assert_never_unsigned();
            });
            namespace::release();
        }
    });
}

/// Sets keys in each configuration of the filter that signs.
fn configure(config: &mut Value, keys: &Value) {
    match config {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("value")
                && let Ok(Value::Object(mut plugin)) = serde_json::from_str(text)
                && plugin.contains_key("allow")
            {
                plugin.extend(keys.as_object().expect("keys").clone());
                *text = Value::Object(plugin).to_string();
            }
            map.values_mut().for_each(|value| configure(value, keys));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| configure(value, keys)),
        _ => {}
    }
}
