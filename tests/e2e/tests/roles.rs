//! Who signs: the roles that rules choose, each with credentials of its own.

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
