//! What an operator can ask a running sidecar.

use e2e::{Request, SOON, Setup, json, scenario, until};
use std::time::Duration;

#[test]
fn the_status_document_names_roles_expiry_and_the_last_failure() {
    let setup = Setup::new().concurrency(2).plugin(json!({
        "roles": {"batch": {"role_arn": "arn:aws:iam::123456789012:role/batch"}},
    }));
    scenario(&setup, async |world| {
        let s3 = Request::get("s3.eu-west-1.amazonaws.com", "/");
        world.ask(s3).await.ok();
        let document = world.status();
        assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
        let plugins = document["plugins"].as_array().expect("a list");
        // Both workers, and Envoy's main thread, loaded the same configuration.
        assert_eq!(plugins.len(), 1, "{document:#}");
        let roles = &plugins[0]["roles"];
        assert_eq!(
            (&roles[0]["name"], &roles[1]["name"]),
            (&json!("own"), &json!("batch"))
        );
        assert_eq!(
            (&roles[0]["state"], &roles[1]["state"]),
            (&json!("usable"), &json!("none"))
        );
        let signature = world.aws.only();
        let key = &signature.verdict.signature().access_key_id;
        assert_eq!(roles[0]["access_key_id"], json!(key));
        let build = format!("build_info.{}", env!("CARGO_PKG_VERSION").replace('.', "_"));
        assert_eq!(world.stat(&build).await, 1);
    });
}

/// What was replaced says so once its workers are gone, and the last entry is what runs.
#[test]
fn the_status_document_follows_a_roll_back() {
    let setup = Setup::new().concurrency(2).limit(Duration::from_secs(120));
    scenario(&setup, async |world| {
        let s3 = || Request::get("s3.eu-west-1.amazonaws.com", "/");
        let running = || {
            let document = world.status();
            let plugins = document["plugins"].as_array().expect("a list").iter();
            let shown = plugins.map(|plugin| {
                let hash = plugin["configuration_sha256"].as_str().expect("a hash");
                (hash.to_owned(), plugin["running"] == json!(true))
            });
            shown.collect::<Vec<_>>()
        };
        world.ask(s3()).await.ok();
        until("the first one runs", SOON, || {
            running().iter().all(|(_, runs)| *runs)
        })
        .await;
        let first = running().pop().expect("an entry").0;
        world.reconfigure(json!({"allow": ["s3", "sqs"]}));
        until("the second one is last", SOON, || {
            running()
                .last()
                .is_some_and(|(last, runs)| *last != first && *runs)
        })
        .await;
        let second = running().pop().expect("an entry").0;
        world.reconfigure(json!({}));
        let settled = vec![(second, false), (first.clone(), true)];
        until("only the first one runs", Duration::from_secs(60), || {
            running() == settled
        })
        .await;
        world.ask(s3()).await.ok();
    });
}

#[test]
fn the_status_document_has_what_sts_said() {
    let setup = Setup::new().sts(|sts| {
        sts.always(e2e::Reply::Refused(403, "AccessDenied", "Not authorized"));
    });
    scenario(&setup, async |world| {
        let s3 = Request::get("s3.eu-west-1.amazonaws.com", "/");
        world.ask(s3).await;
        let document = world.status();
        let cause = &document["plugins"][0]["roles"][0]["last_failure"]["cause"];
        let cause = cause.as_str().expect("a cause");
        assert!(cause.contains("AccessDenied: Not authorized"), "{cause}");
    });
}
