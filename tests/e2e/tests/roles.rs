//! Who signs: the roles that rules choose, each with credentials of its own.

use e2e::agent::{self, Asked};
use e2e::{Answer, Request, SOON, Setup, Value, World, json, scenario, until};

const S3: &str = "s3.eu-west-1.amazonaws.com";
const SQS: &str = "sqs.eu-west-1.amazonaws.com";
const OWN: &str = "arn:aws:iam::123456789012:role/demo";
const BATCH: &str = "arn:aws:iam::123456789012:role/batch";

/// SQS is called as another role than the pod's own.
fn two_roles() -> Value {
    json!({
        "roles": {"batch": {"role_arn": BATCH, "session_name": "batch-session"}},
        "rules": [{"services": ["sqs"], "role": "batch"}],
        "max_wait_ms": 30_000,
    })
}

/// The roles that signed what arrived for a service, each once.
fn roles_at(world: &World, service: &str) -> Vec<String> {
    let received = world.aws.received();
    let signatures = received.iter().map(|request| request.verdict.signature());
    let mut roles: Vec<String> = signatures
        .filter(|signature| signature.service == service)
        .map(|signature| {
            let key = world.ledger.find(&signature.access_key_id);
            key.and_then(|key| key.role).expect("issued by STS")
        })
        .collect();
    roles.sort();
    roles.dedup();
    roles
}

/// The calls to STS for a role.
fn calls_for(world: &World, role: &str) -> usize {
    let calls = world.sts.calls();
    calls
        .iter()
        .filter(|call| call.form["RoleArn"] == role)
        .count()
}

#[test]
fn a_rule_chooses_the_role_that_signs() {
    scenario(&Setup::new().plugin(two_roles()), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        // Nobody has asked for the other role yet.
        assert_eq!((calls_for(world, OWN), calls_for(world, BATCH)), (1, 0));
        for _ in 0..3 {
            world.ask(Request::get(SQS, "/")).await.ok();
        }
        assert_eq!(roles_at(world, "s3"), [OWN]);
        assert_eq!(roles_at(world, "sqs"), [BATCH]);
        assert_eq!((calls_for(world, OWN), calls_for(world, BATCH)), (1, 1));
        let calls = world.sts.calls();
        let session = calls.iter().find(|call| call.form["RoleArn"] == BATCH);
        assert_eq!(
            session.expect("a call").form["RoleSessionName"],
            "batch-session"
        );
    });
}

#[test]
fn a_burst_at_cold_start_makes_one_sts_call_per_role() {
    for workers in [1, 2, 4] {
        let setup = Setup::new()
            .concurrency(workers)
            .plugin(two_roles())
            .sts_held();
        scenario(&setup, async |world| {
            let (s3, sqs, ()) = tokio::join!(
                world.ask_many(100, Request::get(S3, "/")),
                world.ask_many(100, Request::get(SQS, "/")),
                async {
                    world.until_parked(200).await;
                    until("the calls to STS", SOON, || world.sts.calls().len() >= 2).await;
                    world.sts.gate.open();
                }
            );
            s3.iter().chain(&sqs).for_each(Answer::ok);
            assert_eq!((calls_for(world, OWN), calls_for(world, BATCH)), (1, 1));
            assert_eq!(roles_at(world, "s3"), [OWN]);
            assert_eq!(roles_at(world, "sqs"), [BATCH]);
        });
    }
}

const AUDIT: &str = "arn:aws:iam::210987654321:role/audit";

/// SQS is called as a role of another account.
fn chained() -> Value {
    json!({
        "roles": {"audit": {
            "role_arn": AUDIT,
            "chained": true,
            "session_duration_seconds": 900,
            "session_policy": {"Statement": []},
            "external_id": "audit-42",
            "tags": {"team": "shop"},
            "transitive_tag_keys": ["team"],
            "source_identity": "cart",
        }},
        "rules": [{"services": ["sqs"], "role": "audit"}],
        "max_wait_ms": 30_000,
    })
}

#[test]
fn a_chained_role_is_assumed_with_the_credentials_of_the_pods_own() {
    for workers in [1, 4] {
        let setup = Setup::new().concurrency(workers).plugin(chained());
        scenario(&setup, async |world| {
            let answers = world.ask_many(50, Request::get(SQS, "/")).await;
            answers.iter().for_each(Answer::ok);
            assert_eq!(roles_at(world, "sqs"), [AUDIT]);
            assert_eq!((calls_for(world, OWN), calls_for(world, AUDIT)), (1, 1));
            let calls = world.sts.calls();
            let call = calls.iter().find(|call| call.form["RoleArn"] == AUDIT);
            let call = call.expect("a call");
            assert_eq!(call.signed_by.as_deref(), Some(OWN));
            let form: Vec<(&str, &str)> = call
                .form
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(
                form,
                [
                    ("Action", "AssumeRole"),
                    ("DurationSeconds", "900"),
                    ("ExternalId", "audit-42"),
                    ("Policy", r#"{"Statement":[]}"#),
                    ("RoleArn", AUDIT),
                    ("RoleSessionName", "e2e"),
                    ("SourceIdentity", "cart"),
                    ("Tags.member.1.Key", "team"),
                    ("Tags.member.1.Value", "shop"),
                    ("TransitiveTagKeys.member.1", "team"),
                    ("Version", "2011-06-15"),
                ]
            );
        });
    }
}

/// One configuration for many pods: the label is a variable of the sidecar's.
#[test]
fn tags_and_source_identity_come_from_the_sidecars_environment() {
    let setup = Setup::new()
        .plugin(json!({
            "session_name": null,
            "roles": {"audit": {
                "role_arn": AUDIT,
                "chained": true,
                "tags": {"team": {"env": "SIGV4_EGRESS_TEAM"}, "stage": "live"},
                "source_identity": {"env": "SIGV4_EGRESS_OWNER", "default": "nobody"},
            }},
            "rules": [{"services": ["sqs"], "role": "audit"}],
            "max_wait_ms": 30_000,
        }))
        .env("SIGV4_EGRESS_TEAM", "shop")
        .env("ISTIO_META_CLUSTER_ID", "prod-eu")
        .env("POD_NAMESPACE", "shop")
        .env("POD_NAME", "cart-1");
    scenario(&setup, async |world| {
        world.ask(Request::get(SQS, "/")).await.ok();
        let calls = world.sts.calls();
        for call in &calls {
            assert_eq!(call.form["RoleSessionName"], "prod-eu.shop.cart-1");
        }
        let call = calls.iter().find(|call| call.form["RoleArn"] == AUDIT);
        let form = &call.expect("a call").form;
        for (name, value) in [
            ("SourceIdentity", "nobody"),
            ("Tags.member.1.Key", "stage"),
            ("Tags.member.2.Key", "team"),
            ("Tags.member.2.Value", "shop"),
        ] {
            assert_eq!(form[name], value, "{name}");
        }
    });
}

#[test]
fn a_chained_role_without_the_pods_own_says_why() {
    let setup = Setup::new().plugin(chained()).sts(|sts| {
        sts.always(e2e::Reply::Refused(403, "AccessDenied", "Not authorized"));
    });
    scenario(&setup, async |world| {
        let text = e2e::eventually("the cause in an answer", SOON, async || {
            let answer = world.ask(Request::get(SQS, "/")).await;
            let is_known = answer.reason() == Some("credentials_unavailable");
            is_known.then(|| answer.text())
        })
        .await;
        assert!(text.contains("AccessDenied: Not authorized"), "{text}");
        assert_eq!(calls_for(world, AUDIT), 0);
    });
}

/// A pod with a Pod Identity association, and no role of its own.
fn pod_identity() -> Setup {
    let uri = "http://169.254.170.23/v1/credentials";
    Setup::new()
        .plugin(json!({"role_arn": null, "max_wait_ms": 30_000}))
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/token")
}

#[test]
fn pod_identity_hands_out_the_credentials() {
    for workers in [1, 4] {
        scenario(&pod_identity().concurrency(workers), async |world| {
            let answers = world.ask_many(50, Request::get(S3, "/")).await;
            answers.iter().for_each(Answer::ok);
            assert_eq!(roles_at(world, "s3"), [agent::ROLE]);
            let token = std::fs::read_to_string(world.token.file()).expect("the token");
            assert_eq!(
                world.agent.asked(),
                [Asked {
                    path: "/v1/credentials".into(),
                    host: "169.254.170.23".into(),
                    authorization: Some(token),
                }]
            );
            assert!(world.sts.calls().is_empty());
            let status = world.status();
            let role = &status["plugins"][0]["roles"][0];
            assert_eq!(role["source"], "container");
            assert_eq!(world.stat("source.container").await, 1);
        });
    }
}

#[test]
fn a_chained_role_builds_on_pod_identity() {
    scenario(&pod_identity().plugin(chained()), async |world| {
        world.ask(Request::get(SQS, "/")).await.ok();
        assert_eq!(roles_at(world, "sqs"), [AUDIT]);
        let calls = world.sts.calls();
        assert_eq!(calls[0].signed_by.as_deref(), Some(agent::ROLE));
    });
}

#[test]
fn what_the_agent_refuses_is_in_the_answer() {
    scenario(&pod_identity(), async |world| {
        let text = "[id]: (AccessDeniedException): Unauthorized Exception, fault: client";
        world.agent.refuse_with(403, text);
        let text = e2e::eventually("the cause in an answer", SOON, async || {
            let answer = world.ask(Request::get(S3, "/")).await;
            let is_known = answer.reason() == Some("credentials_unavailable");
            is_known.then(|| answer.text())
        })
        .await;
        assert!(text.contains("AccessDeniedException"), "{text}");
    });
}
