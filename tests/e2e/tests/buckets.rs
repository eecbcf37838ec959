//! Rules and allow-lists of buckets, against every form that S3 has for a bucket's name.

use e2e::envoy::python;
use e2e::{Request, Setup, Value, Verdict, World, json, scenario};
use std::collections::HashMap;
use std::time::Duration;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const AUDIT: &str = "arn:aws:iam::123456789012:role/audit";

/// The rules that `buckets/forms.py` knows.
fn rules() -> Value {
    json!({
        "allow": "*",
        "roles": {"audit": {"role_arn": AUDIT}},
        "rules": [
            {"buckets": ["named-hrzrlukc5m36ft7okagglf3gmwluq-s3alias"], "effect": "allow"},
            {"hosts": ["named-point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com"], "effect": "allow"},
            {"buckets": ["secret", "secret--euw1-az1--x-s3", "team-a-*", "team-a.dotted"], "effect": "deny"},
            {"buckets": ["ledger", "journal"], "role": "audit"},
            {"buckets": ["open-data"], "effect": "leave_alone"},
        ],
        "max_wait_ms": 30_000,
    })
}

/// The allow-list that it knows.
fn allow_list() -> Value {
    json!({
        "allow": [
            "sqs",
            "named-point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
            {"buckets": ["reports", "team-b-*", "team-b.dotted", "named-hrzrlukc5m36ft7okagglf3gmwluq-s3alias"]},
        ],
        "max_wait_ms": 30_000,
    })
}

/// What the script prints of its requests.
async fn forms(world: &World, mode: &str) -> Vec<Value> {
    let mut script = std::process::Command::new(python());
    script
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/buckets/forms.py"
        ))
        .args([&world.port.to_string(), mode])
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    let output = tokio::task::spawn_blocking(move || script.output());
    let output = output.await.expect("it ends").expect("it starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let printed = String::from_utf8_lossy(&output.stdout);
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// What became of each request that arrived, by its number.
fn arrived(world: &World) -> HashMap<String, String> {
    let received = world.aws.take_received().into_iter();
    let outcome = received.map(|request| {
        let number = request.value("x-test-id").expect("a number");
        let outcome = match &request.verdict {
            Verdict::Signed(signature) => {
                let key = world.ledger.find(&signature.access_key_id).expect("a key");
                let role = key.role.expect("of a role");
                let name = if role == AUDIT { "audit" } else { "own" };
                format!("signed {name}")
            }
            // As the client sent it: with a placeholder's signature, or presigned.
            Verdict::Invalid(_) | Verdict::Unsigned | Verdict::Presigned => "untouched".to_owned(),
            other => panic!("{other:?}"),
        };
        (number, outcome)
    });
    outcome.collect()
}

async fn check(world: &World, mode: &str, least: usize) {
    let asked = forms(world, mode).await;
    assert!(asked.len() >= least, "{} requests", asked.len());
    let arrived = arrived(world);
    let mut wrong = Vec::new();
    for request in &asked {
        let text = |key: &str| request[key].as_str();
        let number = text("id").expect("a number");
        let found = match (text("reason"), arrived.get(number)) {
            (Some(reason), None) => reason,
            (None, Some(outcome)) => outcome,
            (None, None) => "neither answered nor forwarded",
            (Some(_), Some(_)) => "answered and forwarded",
        };
        if text("expected") != Some(found) {
            wrong.push(format!("{found}: {request}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        asked.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_form_of_a_buckets_name_gets_around_a_rule_and_no_rule_hits_another_bucket() {
    let setup = Setup::new().plugin(rules()).limit(Duration::from_secs(600));
    scenario(&setup, async |world| check(world, "rules", 6000).await);
}

#[test]
fn an_allow_list_of_buckets_holds_for_every_form_of_a_name() {
    let setup = Setup::new()
        .plugin(allow_list())
        .limit(Duration::from_secs(600));
    scenario(&setup, async |world| check(world, "list", 4000).await);
}

#[test]
fn an_answer_names_the_bucket_and_what_to_write() {
    scenario(&Setup::new().plugin(rules()), async |world| {
        let says = world.ask(Request::get(S3, "/secret/k")).await;
        let says = says.refused(403, "denied");
        assert!(says.contains("the bucket secret"), "{says}");
        let host = "ap-1.s3-accesspoint.eu-west-1.amazonaws.com";
        let says = world.ask(Request::get(host, "/k")).await;
        let says = says.refused(403, "denied");
        // In XML.
        let rule = format!(
            "{{&quot;hosts&quot;: [&quot;{host}&quot;], &quot;effect&quot;: &quot;allow&quot;}}"
        );
        assert!(
            says.contains(&rule) || says.contains(&rule.replace("&quot;", "\"")),
            "{says}"
        );
        let copy = Request::new("PUT", S3, "/ledger/k").header("x-amz-copy-source", "reports/k");
        let says = world.ask(copy.body("")).await;
        let says = says.refused(403, "buckets_of_different_roles");
        assert!(says.contains("audit and own"), "{says}");
        assert_eq!(
            world
                .stat("requests.refused.buckets_of_different_roles")
                .await,
            1
        );
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn bytes_that_are_no_text_do_not_hide_a_bucket() {
    scenario(&Setup::new().plugin(rules()), async |world| {
        for path in ["/secret/\u{ff}k", "/secret?x=\u{ff}", "/\u{ff}/secret"] {
            let answer = world.ask(Request::get(S3, path)).await;
            assert!(
                answer.reason() == Some("denied") || answer.status == 400,
                "{path:?} {answer:?}"
            );
        }
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn a_copy_between_s3_and_s3_express_is_judged_for_both() {
    let setup = Setup::new().plugin(json!({"allow": ["s3express"], "max_wait_ms": 30_000}));
    scenario(&setup, async |world| {
        let zonal = "x--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
        let copy = |from: &str| {
            let request = Request::new("PUT", zonal, "/k");
            request.header("x-amz-copy-source", from).body("")
        };
        for from in ["secret/k", "/%73ecret%2Fk", "arn:aws:s3:::secret/k"] {
            let says = world.ask(copy(from)).await;
            let says = says.refused(403, "not_allowed");
            assert!(says.contains("the bucket secret"), "{says}");
        }
        assert!(world.aws.received().is_empty());
        world.ask(copy("y--euw1-az1--x-s3/k")).await.ok();
        let received = world.aws.take_received();
        let signed = received.iter().map(|request| request.verdict.signature());
        let services: Vec<&str> = signed.map(|signature| &*signature.service).collect();
        assert_eq!(services, ["s3express"]);
    });
}
