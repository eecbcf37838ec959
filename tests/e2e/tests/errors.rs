//! What a real SDK shows of the filter's answers.

use e2e::envoy::python;
use e2e::{Reply, Setup, Value, json, scenario};

const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

/// Each client of `errors/show.py`, with the code that it shows and a part of the message.
const SHOWN: &[(&str, &str, &str)] = &[
    ("s3", "CredentialsUnavailable", DENIED),
    ("s3control", "CredentialsUnavailable", DENIED),
    ("route53", "CredentialsUnavailable", DENIED),
    ("sns", "CredentialsUnavailable", DENIED),
    ("sts", "NotAllowed", "Add \"sts\" or"),
    ("ec2", "NotAllowed", "Add \"ec2\" or"),
    ("dynamodb", "CredentialsUnavailable", DENIED),
    ("sqs", "NotAllowed", "Add \"sqs\" or"),
    ("secretsmanager", "BodyTooLarge", "than the 1000 bytes"),
    ("lambda", "NotAllowed", "Add \"lambda\" or"),
    ("cloudwatch", "NotAllowed", "Add \"monitoring\" or"),
];

#[test]
fn boto3_shows_the_reason_whatever_the_services_protocol() {
    let setup = Setup::new()
        .plugin(json!({
            "allow": ["s3", "route53", "sns", "dynamodb", "secretsmanager"],
            "max_body_bytes": 1000,
        }))
        .sts(|sts| sts.always(Reply::Refused(403, "AccessDenied", DENIED)));
    scenario(&setup, async |world| {
        let mut show = std::process::Command::new(python());
        show.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/errors/show.py"))
            .arg(world.port.to_string())
            .env_remove("HTTP_PROXY")
            .env_remove("NO_PROXY");
        let output = tokio::task::spawn_blocking(move || show.output());
        let output = output.await.expect("it ends").expect("it starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");

        let printed = String::from_utf8_lossy(&output.stdout);
        let printed: Vec<Value> = printed
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(printed.len(), SHOWN.len(), "{printed:#?}");
        for (shown, (client, code, part)) in printed.iter().zip(SHOWN) {
            assert_eq!(shown["client"], *client);
            assert_eq!(shown["Code"], format!("SigV4Egress{code}"), "{shown}");
            let message = shown["Message"].as_str().unwrap_or_default();
            assert!(message.contains(part), "{shown}");
        }
    });
}
