//! What the demo shows, step by step; each step checks what it claims.

use super::shown::{Answer, Shown};
use super::world::{World, until};
use crate::run::Result;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// All steps, (a) to (g).
pub(super) fn all(world: &World) -> Result {
    straight_at_aws(world)?;
    let seen = world.journal()?.len();
    by_https(world)?;
    by_http(world)?;
    with_curl(world)?;
    an_action_the_role_does_not_have(world)?;
    a_refresh_under_traffic(world)?;
    stats(world)?;
    nothing_left_unsigned(world, seen)?;
    println!("\nEvery step did what it says.");
    Ok(())
}

fn straight_at_aws(world: &World) -> Result {
    println!("\n(a) Straight at AWS, without credentials: refused.");
    let authority = world.directory().join("ca.pem").display().to_string();
    let mut environment = vec![
        ("AWS_ENDPOINT_URL", world.aws()),
        ("AWS_CA_BUNDLE", authority.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    let answer = python(environment.clone(), &["envoy/demo/list_buckets.py"]).show(world)?;
    answer.says(&["Unable to locate credentials"])?;
    environment.extend(placeholder_keys());
    let answer = python(environment, &["envoy/demo/list_buckets.py"]).show(world)?;
    answer.says(&["InvalidAccessKeyId"])?;

    let host = "s3.eu-west-1.amazonaws.com";
    let connect_to = format!("{host}:443:127.0.0.1:{}", world.aws_port());
    let url = format!("https://{host}/");
    curl(
        vec![],
        &["--cacert", &authority, "--connect-to", &connect_to, &url],
    )
    .show(world)?
    .says(&["AccessDenied"])
}

fn by_https(world: &World) -> Result {
    println!("\n(b) The same program, unchanged, over https to AWS's own host, through Envoy.");
    let mut environment = vec![
        ("HTTPS_PROXY", world.envoy().to_owned()),
        ("AWS_CA_BUNDLE", trusted(world)),
    ];
    environment.extend(placeholder_keys());
    buckets(&python(environment, &["envoy/demo/list_buckets.py"]).show(world)?)
}

fn by_http(world: &World) -> Result {
    println!("\n(c) Over plain http, with Envoy as its endpoint: no certificate.");
    let mut environment = vec![("AWS_ENDPOINT_URL", world.envoy().to_owned())];
    environment.extend(placeholder_keys());
    buckets(&python(environment, &["envoy/demo/list_buckets.py"]).show(world)?)?;
    println!(
        "\n    Without any AWS variable: an unsigned client (boto3's UNSIGNED), and Envoy as its proxy."
    );
    let environment = vec![("HTTP_PROXY", world.envoy().to_owned())];
    buckets(&python(environment, &["envoy/demo/list_buckets_unsigned.py"]).show(world)?)
}

/// The pod's authority, which the program trusts and Envoy does not.
fn trusted(world: &World) -> String {
    let authority = world.directory().join("trust/ca.pem");
    authority.display().to_string()
}

fn buckets(answer: &Answer) -> Result {
    if answer.success && answer.output == "reports-2025\nreports-2026\n" {
        return Ok(());
    }
    Err(format!("expected the names of two buckets, not:\n{}", answer.output).into())
}

fn with_curl(world: &World) -> Result {
    println!("\n(d) curl does it too.");
    let names = ["<Name>reports-2025</Name>", "<Name>reports-2026</Name>"];
    let environment = vec![
        ("https_proxy", world.envoy().to_owned()),
        ("CURL_CA_BUNDLE", trusted(world)),
    ];
    let signed = [
        "--aws-sigv4",
        "aws:amz:eu-west-1:s3",
        "--user",
        "placeholder:placeholder",
    ];
    let answer = curl(
        environment,
        &[&signed[..], &["https://s3.eu-west-1.amazonaws.com/"]].concat(),
    );
    answer.show(world)?.says(&names)?;
    let answer = curl(proxied(world), &["http://s3.eu-west-1.amazonaws.com/"]).show(world)?;
    answer.says(&names)
}

fn an_action_the_role_does_not_have(world: &World) -> Result {
    println!(
        "\n(e) What the role's policy does not allow, AWS denies: the role decides, not the network."
    );
    let url = "http://s3.eu-west-1.amazonaws.com/reports-2025";
    curl(proxied(world), &["--request", "DELETE", url])
        .show(world)?
        .says(&["AccessDenied"])?;
    let answer = curl(
        proxied(world),
        &[
            "--header",
            "x-amz-target: DynamoDB_20120810.ListTables",
            "--header",
            "content-type: application/x-amz-json-1.0",
            "--data",
            "{}",
            "http://dynamodb.eu-west-1.amazonaws.com/",
        ],
    )
    .show(world)?;
    answer.says(&["AccessDenied", "assumed-role/reports/demo.reports-0"])
}

fn a_refresh_under_traffic(world: &World) -> Result {
    println!("\n(f) The token is rotated, and the credentials are refreshed, under traffic.");
    let traffic = curl(
        proxied(world),
        &["--fail", "http://s3.eu-west-1.amazonaws.com/"],
    );
    println!("\n  $ while true; do {}; done &", traffic.line());
    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (before, after) = std::thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            let mut failed = None;
            while failed.is_none() && !stop.load(Ordering::Relaxed) {
                let answer = traffic.run(world).map_err(|error| error.to_string());
                sent.fetch_add(1, Ordering::Relaxed);
                failed = match answer {
                    Ok(answer) if answer.success => None,
                    Ok(answer) => Some(answer.output),
                    Err(error) => Some(error),
                };
            }
            failed
        });
        let refreshed = rotate_and_wait(world, || traffic.is_finished());
        stop.store(true, Ordering::Relaxed);
        match traffic.join() {
            Ok(None) => refreshed,
            Ok(Some(failure)) => {
                Err(format!("a request failed during the refresh: {failure}").into())
            }
            Err(_) => Err("the traffic stopped".into()),
        }
    })?;
    println!("    STS gave new credentials for the new token: {before} before, {after} now.");
    println!(
        "    {} requests meanwhile, 0 failed.",
        sent.load(Ordering::Relaxed)
    );
    Ok(())
}

/// Rotates the token and returns the access keys that AWS saw before and after the refresh with it.
fn rotate_and_wait(world: &World, traffic_ended: impl Fn() -> bool) -> Result<(String, String)> {
    let directory = world.directory().join("pod").display().to_string();
    let answer = python(
        vec![],
        &["envoy/demo/web_identity.py", "rotate", &directory],
    )
    .show(world)?;
    let token = answer
        .output
        .split_whitespace()
        .last()
        .unwrap_or_default()
        .to_owned();
    until("a request with credentials for the new token", || {
        if traffic_ended() {
            return Err("the traffic ended early".into());
        }
        let journal = world.journal()?;
        let Some(refresh) = journal
            .iter()
            .position(|entry| text(entry, "token") == Some(&token))
        else {
            return Ok(None);
        };
        let (before, after) = journal.split_at(refresh);
        let key = |entry| text(entry, "access_key").map(str::to_owned);
        let Some(before) = before.iter().rev().find_map(key) else {
            return Ok(None);
        };
        let fresh = after.iter().filter_map(key).find(|key| *key != before);
        Ok(fresh.map(|after| (before, after)))
    })
}

fn stats(world: &World) -> Result {
    println!("\n(g) The stats.");
    let url = format!("{}/stats?filter=wasmcustom", world.admin());
    let answer = curl(vec![], &[&url]).show(world)?;
    let value = |name: &str| {
        let line = answer
            .output
            .lines()
            .find_map(|line| line.strip_prefix(&format!("wasmcustom.sigv4_egress.{name}: ")));
        line.and_then(|value| value.parse::<u64>().ok())
            .unwrap_or(0)
    };
    for (name, least) in [
        ("requests.signed.placeholder", 3),
        ("requests.signed.no_signature", 4),
        ("sts.ok", 2),
        ("credential_seconds_to_expiry", 1),
    ] {
        if value(name) < least {
            return Err(format!(
                "expected {name} to be at least {least}, not {}",
                value(name)
            )
            .into());
        }
    }
    if value("parked") > 0 {
        return Err("no request waits, but the gauge says so".into());
    }
    Ok(())
}

/// Since the first `seen` requests, AWS has seen none without the signature of a session of the role.
fn nothing_left_unsigned(world: &World, seen: usize) -> Result {
    let journal = world.journal()?;
    let requests: Vec<_> = journal
        .iter()
        .skip(seen)
        .filter(|entry| text(entry, "action").is_none())
        .collect();
    let signed =
        |entry: &Value| text(entry, "access_key").is_some_and(|key| key.starts_with("ASIA"));
    if let Some(entry) = requests.iter().find(|entry| !signed(entry)) {
        return Err(
            format!("AWS saw a request that no session of the role signed: {entry}").into(),
        );
    }
    println!(
        "\n    AWS saw {} requests through Envoy, each signed by a session of the role.",
        requests.len()
    );
    Ok(())
}

fn python<'a>(environment: Vec<(&'a str, String)>, arguments: &[&str]) -> Shown<'a> {
    Shown {
        environment,
        words: words("python", &[], arguments),
    }
}

fn curl<'a>(environment: Vec<(&'a str, String)>, arguments: &[&str]) -> Shown<'a> {
    Shown {
        environment,
        words: words("curl", &["--silent", "--show-error"], arguments),
    }
}

fn words(program: &str, always: &[&str], arguments: &[&str]) -> Vec<String> {
    [&[program], always, arguments]
        .concat()
        .iter()
        .map(|&word| word.to_owned())
        .collect()
}

fn proxied(world: &World) -> Vec<(&'static str, String)> {
    vec![("http_proxy", world.envoy().to_owned())]
}

fn placeholder_keys() -> [(&'static str, String); 2] {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "placeholder".to_owned()))
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str()
}
