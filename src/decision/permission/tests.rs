use super::*;
use crate::decision::tests::{config, head, headers, signed_by};

/// What the stage says of a request, and the service and role of the permission.
fn permission(extra: &str, text: &str) -> Result<(String, ErrorFormat), Unsigned> {
    let config = config(extra);
    let headers = headers(text);
    let head = head(&headers);
    let target = Target::of(&config, head)?;
    let meaning = Meaning::of(&config.region, head, &target);
    let ruling = judge(&config, head, &target, meaning.endpoint());
    let found = Permission::of(&config, head, &target, meaning, ruling)?;
    let role = found.rule.map(|rule| config.roles.get(rule.role).unwrap());
    let role = role.map_or("no rule", |role| role.name.as_str());
    let words = format!("{} with {role}", found.endpoint.service);
    Ok((words, found.format))
}

#[test]
fn what_is_listed_is_permitted_as_what_its_host_is() {
    assert_eq!(
        permission(
            r#", "allow": ["sqs"]"#,
            "POST sqs.eu-west-1.amazonaws.com /"
        ),
        Ok(("sqs with no rule".to_owned(), ErrorFormat::Json))
    );
}

#[test]
fn a_rule_permits_a_host_that_is_none_of_awss() {
    let rules = r#", "allow": [], "rules": [{"hosts": ["cdn.example.org"], "sign_as": {"service": "s3", "region": "eu-west-1"}}]"#;
    assert_eq!(
        permission(rules, "GET cdn.example.org /"),
        Ok(("s3 with own".to_owned(), ErrorFormat::S3))
    );
    assert_eq!(
        permission(rules, "GET other.example.org /"),
        Err(Unsigned::LeftAlone(LeftAlone::NotAws))
    );
}

const ALONE: &str = r#", "allow": "*", "rules": [{"services": ["s3"], "effect": "leave_alone"}]"#;

#[test]
fn what_a_rule_leaves_alone_must_name_its_host() {
    let host = "s3.eu-west-1.amazonaws.com";
    assert_eq!(
        permission(ALONE, &format!("GET {host} /")),
        Err(Unsigned::LeftAlone(LeftAlone::Rule))
    );
    let scope = signed_by("placeholder", "s3");
    let host = host.to_owned();
    assert_eq!(
        permission(ALONE, &format!("GET 127.0.0.1 /\n{scope}")),
        Err(Unsigned::Refused(
            Refusal::LeftAloneAtLoopback { host },
            ErrorFormat::S3
        ))
    );
}

#[test]
fn a_denial_is_answered_in_the_format_of_the_service() {
    let rules = r#", "allow": "*", "rules": [{"services": ["ec2"], "effect": "deny"}]"#;
    let refusal = Refusal::Denied {
        host: "ec2.eu-west-1.amazonaws.com".to_owned(),
        rule: 0,
        named: None,
    };
    assert_eq!(
        permission(
            rules,
            "GET ec2.eu-west-1.amazonaws.com /?Action=DescribeVpcs"
        ),
        Err(Unsigned::Refused(refusal, ErrorFormat::Ec2))
    );
}

#[test]
fn a_tunnel_is_refused_to_what_may_be_signed_alone() {
    let connect = |host: &str| permission(r#", "allow": "*""#, &format!("CONNECT {host}:443 /"));
    assert_eq!(
        connect("sqs.eu-west-1.amazonaws.com"),
        Err(Unsigned::Refused(
            Refusal::ConnectRefused,
            ErrorFormat::Json
        ))
    );
    assert_eq!(
        connect("example.org"),
        Err(Unsigned::LeftAlone(LeftAlone::NotAws))
    );
}

#[test]
fn what_the_configuration_refuses_is_not_advised() {
    let host = "neptune-db.eu-west-1.amazonaws.com";
    let refused = permission(r#", "allow": ["sqs"]"#, &format!("GET {host} /"));
    let Err(Unsigned::Refused(refusal, _)) = refused else {
        panic!("{refused:?}");
    };
    let expected = format!(
        "Add \"{host}\" to `allow` in the filter's configuration; a service name does not allow hosts that customers create."
    );
    assert_eq!(refusal.help(), expected);
}
