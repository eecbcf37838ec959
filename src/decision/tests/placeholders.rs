//! Rules that a program chooses by the access key id of its placeholder.

use super::*;
use proptest::prelude::*;

const TABLE: &str = "dynamodb.eu-west-1.amazonaws.com";

/// Two accounts: `p-audit` and `p-batch` name a role each, and the usual placeholder the pod's own.
const ACCOUNTS: &str = r#", "allow": ["dynamodb", "s3"],
    "roles": {"audit": {"role_arn": "arn:aws:iam::210987654321:role/audit"}, "batch": {"role_arn": "arn:aws:iam::333333333333:role/batch"}},
    "rules": [{"placeholders": ["p-audit"], "role": "audit"}, {"placeholders": ["p-batch"], "services": ["dynamodb"], "role": "batch"}]"#;

/// The name of the role that signs, or what becomes of the request otherwise.
fn decided(extra: &str, over_tls: bool, text: &str) -> String {
    let config = config(extra);
    let headers = headers(text);
    let head = Head {
        over_tls: &|| over_tls,
        end_of_stream: !text.starts_with('P'),
        ..head(&headers)
    };
    match decide(&config, head) {
        Decision::Sign(plan) => config.roles.get(plan.role).unwrap().name.clone(),
        other => word(&other),
    }
}

#[track_caller]
fn check_role(text: &str, expected: &str) {
    for over_tls in [false, true] {
        assert_eq!(decided(ACCOUNTS, over_tls, text), expected, "{text}");
    }
}

fn at(host: &str, authorization: &str) -> String {
    format!("GET {host} /\nauthorization: {authorization}")
}

const NOT_LISTED: &str = "refused: placeholder_not_listed";

#[test]
fn the_key_id_of_a_signature_in_the_headers_names_the_role() {
    for host in [TABLE, "127.0.0.1:9911", "localhost"] {
        let by = |id: &str| format!("GET {host} /\n{}", signed_by(id, "dynamodb"));
        check_role(&by("p-audit"), "audit");
        check_role(&by("p-batch"), "batch");
        check_role(&by("placeholder"), "own");
        check_role(&by("p-other"), NOT_LISTED);
    }
    let asymmetric = "AWS4-ECDSA-P256-SHA256 Credential=p-audit/20261123/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    check_role(&at(TABLE, asymmetric), "audit");
    check_role(&at(TABLE, "AWS p-audit:0"), "audit");
    check_role(&at(TABLE, "AWS p-other:0"), NOT_LISTED);
    let chunked = "content-length: 5\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let put = |id| {
        format!(
            "PUT b.s3.eu-west-1.amazonaws.com /k\n{}\n{chunked}",
            signed_by(id, "s3")
        )
    };
    check_role(&put("p-audit"), "audit");
    check_role(&put("p-other"), NOT_LISTED);
    // Of no rule for S3.
    check_role(&put("p-batch"), NOT_LISTED);
}

#[test]
fn what_has_no_such_signature_is_no_placeholders() {
    let marked = format!("GET {TABLE} /\nx-sigv4-egress: 1");
    check_role(&marked, "own");
    assert_eq!(decided(ACCOUNTS, false, &format!("GET {TABLE} /")), "own");
    check_role(
        &format!("GET {TABLE} /\n{}", signed_by(REAL, "dynamodb")),
        "left alone: ClientSignature",
    );
    let presigned = |id: &str| {
        let scope = "20261123%2Feu-west-1%2Fdynamodb%2Faws4_request";
        format!("GET {TABLE} /?X-Amz-Credential={id}%2F{scope}&X-Amz-Signature=0")
    };
    check_role(&presigned("p-audit"), "refused: presigned_by_placeholder");
    check_role(&presigned("p-other"), "refused: presigned_by_placeholder");
    // The header is the signature that is replaced.
    let both = |id: &str| format!("{}\n{}", presigned("p-batch"), signed_by(id, "dynamodb"));
    check_role(&both("p-audit"), "audit");
    check_role(&both("p-other"), NOT_LISTED);
}

#[test]
fn a_hostile_header_names_no_other_role() {
    let scope = "20261123/eu-west-1/dynamodb/aws4_request";
    let credential = |rest: &str| {
        at(
            TABLE,
            &format!("AWS4-HMAC-SHA256 {rest}, SignedHeaders=host, Signature=0"),
        )
    };
    for id in [
        "p-audit2",
        "P-AUDIT",
        "p-audi",
        "p-audit%20",
        "p%2Daudit",
        "x/p-audit",
        "p-audit/x",
        "p-audit.",
        "\u{a0}p-audit",
        "p-audit\u{200b}",
        "p-аudit",
        "",
        "-",
        "*",
        "p-*",
    ] {
        check_role(&credential(&format!("Credential={id}/{scope}")), NOT_LISTED);
    }
    let long = "p-audit".repeat(2000);
    check_role(
        &credential(&format!("Credential={long}/{scope}")),
        NOT_LISTED,
    );
    // The first is read, and nobody but the filter reads any.
    check_role(
        &credential(&format!(
            "Credential=p-batch/{scope}, Credential=p-audit/{scope}"
        )),
        "batch",
    );
    check_role(
        &credential(&format!(
            "Credential=p-other/{scope}, Credential=p-audit/{scope}"
        )),
        NOT_LISTED,
    );
    check_role(
        &credential(&format!(
            "Credential=p-audit/{scope},AWS4-HMAC-SHA256 Credential=p-other/{scope}"
        )),
        "audit",
    );
    let malformed = "refused: malformed_authorization";
    check_role(&credential("Credential=p-audit"), malformed);
    check_role(
        &credential(&format!(
            "Credential={REAL}/{scope},AWS4-HMAC-SHA256 Credential=p-audit/{scope}"
        )),
        malformed,
    );
    check_role(
        &at(
            TABLE,
            "AWS3 AWSAccessKeyId=p-audit,Algorithm=HmacSHA256,Signature=0",
        ),
        malformed,
    );
    let twice = [
        signed_by("p-audit", "dynamodb"),
        signed_by("p-batch", "dynamodb"),
    ];
    check_role(&format!("GET {TABLE} /\n{}", twice.join("\n")), malformed);
    let header = [
        b"AWS4-HMAC-SHA256 Credential=p-audit\xff/".as_slice(),
        scope.as_bytes(),
    ]
    .concat();
    let mut bytes = headers("GET dynamodb.eu-west-1.amazonaws.com /");
    bytes.push(("authorization", &header));
    let decision = decide(&config(ACCOUNTS), head(&bytes));
    assert_eq!(word(&decision), malformed);
}

/// Over https what asks for nothing passes, and this asks.
#[test]
fn an_unknown_placeholder_does_not_pass_where_unsigned_requests_do() {
    for unmarked in ["pass", "refuse", "sign"] {
        let extra = format!(r#"{ACCOUNTS}, "unmarked": "{unmarked}""#);
        for service in ["dynamodb", "sqs"] {
            let request = format!(
                "GET {service}.eu-west-1.amazonaws.com /\n{}",
                signed_by("p-other", service)
            );
            assert_eq!(decided(&extra, true, &request), NOT_LISTED, "{unmarked}");
        }
    }
}

#[test]
fn a_port_takes_the_placeholders_of_its_hosts_rules() {
    let extra = format!(r#"{ACCOUNTS}, "ports": {{"9912": {{"host": "{TABLE}"}}}}"#);
    let config = config(&extra);
    assert_eq!(config.warnings, []);
    for (id, expected) in [
        ("p-audit", "audit"),
        ("p-batch", "batch"),
        ("placeholder", "own"),
        ("p-other", ""),
    ] {
        let text = format!("GET 127.0.0.1:9912 /\n{}", signed_by(id, "anything"));
        let headers = headers(&text);
        let head = Head {
            port: &|| Some(9912),
            ..head(&headers)
        };
        match decide(&config, head) {
            Decision::Sign(plan) => {
                assert_eq!(config.roles.get(plan.role).unwrap().name, expected);
            }
            other => assert_eq!((word(&other).as_str(), expected), (NOT_LISTED, ""), "{id}"),
        }
    }
}

/// One that AWS could have issued stands for a placeholder where a rule names it, and nowhere else.
#[test]
fn a_listed_id_of_awss_shape_is_a_placeholder() {
    let listed = "AKIAABCDEFGHIJKLMNOP";
    let extra = ACCOUNTS.replace("p-audit", listed);
    let by = |id: &str| format!("GET {TABLE} /\n{}", signed_by(id, "dynamodb"));
    assert_eq!(decided(&extra, false, &by(listed)), "audit");
    assert_eq!(
        decided(&extra, false, &by(REAL)),
        "left alone: ClientSignature"
    );
    assert_eq!(
        decided(ACCOUNTS, false, &by(listed)),
        "left alone: ClientSignature"
    );
}

#[test]
fn the_answer_names_the_id_and_what_to_do() {
    let text = format!("GET {TABLE} /\n{}", signed_by("p-o\"th\ter", "dynamodb"));
    let headers = headers(&text);
    let Decision::Refuse(refusal, format) = decide(&config(ACCOUNTS), head(&headers)) else {
        panic!("{text}");
    };
    let answer = refusal.answer(format);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("none lists \"p-o\"th er\" for this request"),
        "{message}"
    );
    assert!(message.contains("`placeholders` of the rule"), "{message}");
    assert_eq!(answer.status, 403);
    let long = Refusal::PlaceholderNotListed {
        key_id: crate::credentials::reply::quote::Quote::new(&"p".repeat(9000), 128, &[]),
    };
    assert!(long.to_string().len() < 300);
}

proptest! {
    /// Whatever the header says: a role is signed with only where it holds the id that names it, before a scope's slash.
    #[test]
    fn no_header_gets_a_role_that_it_does_not_name(
        before in "[ -~]{0,20}",
        id in "p-(audit|batch|other)|[ -~]{0,12}",
        after in "(/20261123/eu-west-1/dynamodb/aws4_request)?[ -~]{0,20}",
        scheme in "(AWS4-HMAC-SHA256|AWS4-ECDSA-P256-SHA256|AWS|Bearer)",
        key in "(Credential=| Credential=|)",
    ) {
        let header = format!("{scheme} {before}{key}{id}{after}");
        let found = decided(ACCOUNTS, false, &at(TABLE, &header));
        for (role, names) in [("audit", "p-audit"), ("batch", "p-batch")] {
            prop_assert!(found != role || header.contains(names), "{header}: {found}");
        }
        prop_assert!(found != "own" || header.contains("placeholder"), "{header}: {found}");
    }
}
