//! Rules for placeholders. A line `placeholder: <id>` of a request says whose signature its headers have.

use super::*;

const SQS: &str = "sqs.eu-west-1.amazonaws.com";

/// Two accounts' roles, and the pod's own, which top-level `placeholders` may use.
fn accounts(allow: &str, rules: &str) -> Policy {
    let roles = ["audit", "batch"].map(|name| {
        format!(r#""{name}": {{"role_arn": "arn:aws:iam::210987654321:role/{name}"}}"#)
    });
    policy(&format!(
        r#""allow": {allow}, "rules": [{rules}], "roles": {{{}}}"#,
        roles.join(", ")
    ))
}

/// The ruling, with the name of the role that signs.
fn ruled(policy: &Policy, request: &str, placeholder: &str) -> String {
    let request = match placeholder {
        "" => request.to_owned(),
        id => format!("{request}\nplaceholder: {id}"),
    };
    ask(&request, "", |subject, request| {
        match policy.judge(subject, &|| request) {
            Ruling::Permit { rule, .. } => match rule.map(|found| found.rule.role) {
                None | Some(RoleId::OWN) => "own".to_owned(),
                role => format!("{role:?}"),
            },
            other => verdict_word(other),
        }
    })
}

#[test]
fn the_placeholder_chooses_among_the_rules_that_name_it() {
    let policy = accounts(
        r#"["dynamodb"]"#,
        r#"{"placeholders": ["p-audit", "p-books"], "role": "audit"},
           {"placeholders": ["p-batch"], "services": ["dynamodb", "sqs"], "effect": "allow", "role": "batch"}"#,
    );
    let roles = ["audit", "batch"].map(|name| {
        let rule = policy.rules().iter().map(|rule| rule.role);
        let place = usize::from(name == "batch");
        format!("{:?}", Some(rule.clone().nth(place).unwrap()))
    });
    let [audit, batch] = roles.each_ref().map(String::as_str);
    let table = "dynamodb.eu-west-1.amazonaws.com";
    let not_listed = "placeholder not listed";
    for (placeholder, at_dynamodb, at_sqs) in [
        ("p-audit", audit, "not listed"),
        ("p-books", audit, "not listed"),
        ("p-batch", batch, batch),
        // The filter's own list has it.
        ("placeholder", "own", "not listed"),
        ("p-other", not_listed, not_listed),
        ("P-AUDIT", not_listed, not_listed),
        ("p-audit-2", not_listed, not_listed),
        ("p-audi", not_listed, not_listed),
        // Nobody's: such a rule is not for it.
        ("", "own", "not listed"),
    ] {
        assert_eq!(
            ruled(&policy, table, placeholder),
            at_dynamodb,
            "{placeholder}"
        );
        assert_eq!(ruled(&policy, SQS, placeholder), at_sqs, "{placeholder}");
    }
}

/// A program that names another account's role must not get the pod's own because the rule is not for the service.
#[test]
fn a_placeholder_that_only_rules_name_is_signed_for_by_them_alone() {
    let rule = r#"{"placeholders": ["p-audit"], "services": ["dynamodb"], "role": "audit"}"#;
    let policy = accounts("\"*\"", rule);
    assert_eq!(ruled(&policy, SQS, "p-audit"), "placeholder not listed");
    assert_eq!(ruled(&policy, SQS, "placeholder"), "own");
    // An earlier rule without placeholders decides as ever, and does not name it.
    let policy = accounts(
        "\"*\"",
        &format!(r#"{{"regions": ["eu-west-1"], "effect": "allow"}}, {rule}"#),
    );
    let table = "dynamodb.eu-west-1.amazonaws.com";
    assert_eq!(ruled(&policy, table, "p-audit"), "placeholder not listed");
    let listed = policy.with_placeholders(&["p-audit".to_owned()]);
    assert_eq!(ruled(&listed, table, "p-audit"), "own");
    // The list says now which stand for "sign this for me".
    assert_eq!(
        ruled(&listed, table, "placeholder"),
        "placeholder not listed"
    );
}

#[test]
fn without_such_a_rule_every_placeholder_is_one() {
    let policy = accounts("\"*\"", r#"{"services": ["sqs"], "role": "audit"}"#);
    for placeholder in ["", "placeholder", "p-other"] {
        assert_eq!(
            ruled(&policy, "s3.eu-west-1.amazonaws.com", placeholder),
            "own"
        );
        assert!(!ruled(&policy, SQS, placeholder).contains("listed"));
    }
}

#[test]
fn a_denial_comes_first_and_can_be_for_one_placeholder() {
    let policy = accounts(
        "\"*\"",
        r#"{"services": ["sns"], "effect": "deny"},
           {"placeholders": ["p-audit"], "services": ["sqs"], "effect": "deny"},
           {"placeholders": ["p-audit"], "role": "audit"}"#,
    );
    let sns = "sns.eu-west-1.amazonaws.com";
    assert_eq!(ruled(&policy, sns, "p-other"), "denied by 0");
    assert_eq!(ruled(&policy, SQS, "p-audit"), "denied by 1");
    assert_eq!(ruled(&policy, SQS, "placeholder"), "own");
    assert_eq!(ruled(&policy, SQS, "p-other"), "placeholder not listed");
}

#[test]
fn each_bucket_of_a_copy_is_judged_with_the_placeholder() {
    let policy = accounts(
        "\"*\"",
        r#"{"buckets": ["secret"], "effect": "deny"},
           {"placeholders": ["p-audit"], "buckets": ["ledger"], "role": "audit"},
           {"placeholders": ["p-batch"], "role": "batch"},
           {"placeholders": ["p-audit"], "buckets": ["books"], "role": "own"}"#,
    );
    let copy = |to: &str, from: &str| {
        format!("PUT s3.eu-west-1.amazonaws.com/{to}/k\nx-amz-copy-source: {from}/k")
    };
    let not_listed = "placeholder not listed";
    for (to, from, placeholder, expected) in [
        ("ledger", "books", "p-audit", "torn"),
        ("ledger", "other", "p-audit", not_listed),
        ("other", "ledger", "p-audit", not_listed),
        ("ledger", "secret", "p-audit", "denied by 0"),
        ("other", "secret", "p-other", "denied by 0"),
        ("books", "books", "p-audit", "own"),
        ("ledger", "books", "placeholder", "own"),
        ("ledger", "books", "p-other", not_listed),
    ] {
        let found = ruled(&policy, &copy(to, from), placeholder);
        assert_eq!(found, expected, "{to} from {from} by {placeholder}");
    }
    let same = ruled(&policy, &copy("ledger", "books"), "p-batch");
    assert!(same.starts_with("Some"), "{same}");
}

#[test]
fn a_denial_of_a_bucket_holds_for_what_hides_it_with_a_placeholder_too() {
    let policy = accounts(
        "\"*\"",
        r#"{"placeholders": ["p-audit"], "buckets": ["secret"], "effect": "deny"},
           {"placeholders": ["p-audit"], "role": "audit"}"#,
    );
    let alias = "ap-1-s3alias.s3.eu-west-1.amazonaws.com";
    assert_eq!(ruled(&policy, alias, "p-audit"), "denied by 0");
    assert_eq!(ruled(&policy, alias, "placeholder"), "own");
}

#[test]
fn a_custom_domain_takes_what_its_rule_names() {
    let policy = accounts(
        r#"["sqs"]"#,
        r#"{"hosts": ["a.svc.internal"], "placeholders": ["p-audit"], "sign_as": {"service": "vpc-lattice-svcs"}, "role": "audit"},
           {"hosts": ["*.svc.internal"], "sign_as": {"service": "vpc-lattice-svcs"}}"#,
    );
    assert!(ruled(&policy, "a.svc.internal", "p-audit").starts_with("Some"));
    assert_eq!(ruled(&policy, "a.svc.internal", "placeholder"), "own");
    assert_eq!(
        ruled(&policy, "b.svc.internal", "p-audit"),
        "placeholder not listed"
    );
    assert_eq!(
        ruled(&policy, "b.svc.internal", "p-other"),
        "placeholder not listed"
    );
    // Somebody else's store may take any key.
    assert_eq!(ruled(&policy, "minio.example", "p-other"), "not AWS");
}

#[test]
fn what_a_workload_does_without_no_placeholder_brings_back() {
    let rule = r#"{"placeholders": ["p-audit"], "effect": "allow", "role": "audit"}"#;
    let policy = accounts(r#"["sqs"]"#, rule).narrowed(Some(Allow::Listed {
        services: vec!["s3".to_owned()],
        hosts: Vec::new(),
        buckets: Default::default(),
    }));
    assert_eq!(ruled(&policy, SQS, "p-audit"), "not listed");
    assert_eq!(ruled(&policy, SQS, "p-other"), "placeholder not listed");
    assert!(ruled(&policy, "s3.eu-west-1.amazonaws.com", "p-audit").starts_with("Some"));
}
