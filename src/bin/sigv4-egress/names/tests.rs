use super::*;

fn names(json: &str, regions: &[&str]) -> Names {
    let options = Options {
        regions: regions.to_vec(),
        ..Options::default()
    };
    of_config(&options, Some(json.as_bytes()), &Environment::new()).unwrap()
}

#[track_caller]
fn check(json: &str, has: &[&str], has_not: &[&str], notes: &[&str]) {
    let names = names(json, &["eu-west-1"]);
    for name in has {
        assert!(
            names.names.iter().any(|found| found == name),
            "no {name}: {:#?}",
            names.names
        );
    }
    for name in has_not {
        assert!(
            !names.names.iter().any(|found| found == name),
            "{name} is there"
        );
    }
    for note in notes {
        assert!(
            names.notes.iter().any(|found| found.starts_with(note)),
            "{:#?}",
            names.notes
        );
    }
    assert!(names.notes.len() >= notes.len());
    if notes.is_empty() {
        assert_eq!(names.notes, Vec::<String>::new());
    }
}

#[test]
fn a_list_of_services_has_their_hosts_alone() {
    let names = names(r#"{"allow": ["sqs"]}"#, &["eu-west-1"]);
    assert_eq!(
        names.names,
        [
            "eu-west-1.queue.amazonaws.com",
            "queue.amazonaws.com",
            "sqs-fips.eu-west-1.amazonaws.com",
            "sqs-fips.eu-west-1.api.aws",
            "sqs.eu-west-1.amazonaws.com",
            "sqs.eu-west-1.api.aws",
        ]
    );
    assert_eq!(names.server_names, names.names);
    assert!(names.passed_through.is_empty() && names.notes.is_empty());
}

#[test]
fn a_service_that_the_tables_do_not_know_has_the_plain_shape() {
    let new = [
        "brand-new.eu-west-1.amazonaws.com",
        "brand-new-fips.eu-west-1.amazonaws.com",
    ];
    check(r#"{"allow": ["brand-new"]}"#, &new, &[], &[]);
}

#[test]
fn global_services_have_their_homes() {
    let account = [
        "account.us-east-1.amazonaws.com",
        "account-fips.us-east-1.amazonaws.com",
    ];
    check(
        r#"{"allow": ["account"]}"#,
        &account,
        &["*.us-east-1.amazonaws.com"],
        &[],
    );
    check(
        r#"{"allow": ["iam"]}"#,
        &["iam.amazonaws.com"],
        &["*.global.api.aws"],
        &[],
    );
    let china = names(r#"{"allow": ["cloudfront"]}"#, &["cn-north-1"]);
    let home = "cloudfront.cn-northwest-1.amazonaws.com.cn";
    assert!(china.names.iter().any(|name| name == home), "{china:#?}");
    let gov = names(r#"{"allow": ["iam"]}"#, &["us-gov-west-1"]);
    assert!(
        gov.names
            .iter()
            .any(|name| name == "iam.us-gov.amazonaws.com"),
        "{gov:#?}"
    );
    assert!(
        !gov.names.iter().any(|name| name == "iam.amazonaws.com"),
        "{gov:#?}"
    );
}

#[test]
fn registries_and_devices_pass_through() {
    check(
        r#"{"allow": "*"}"#,
        &[
            "api.ecr.eu-west-1.amazonaws.com",
            "data-ats.iot.eu-west-1.amazonaws.com",
            "*.us-east-1.amazonaws.com",
        ],
        &[
            "*.ecr.eu-west-1.amazonaws.com",
            "*.iot.eu-west-1.amazonaws.com",
            "*.amazonaws.com",
            "*.api.aws",
        ],
        &["iotdata: ", "s3express: ", "s3-outposts: ", "neptune-db: "],
    );
    let all = names(r#"{"allow": "*"}"#, &["eu-west-1"]);
    for name in [
        "*.elb",
        "*.dkr.ecr",
        "*.eks",
        "*.credentials.iot",
        "git-codecommit",
        "*.efs",
    ] {
        let name = format!("{name}.eu-west-1.amazonaws.com");
        assert!(all.passed_through.contains(&name), "{name}");
    }
    // Another region is not the pod's own: its APIs are in the certificate, and pass through.
    assert!(
        !all.server_names
            .iter()
            .any(|name| name == "*.us-east-1.amazonaws.com")
    );
    assert!(
        all.server_names
            .iter()
            .any(|name| name == "account.us-east-1.amazonaws.com")
    );
    let two = names(r#"{"allow": "*"}"#, &["eu-west-1", "us-east-1"]);
    assert!(
        two.server_names
            .iter()
            .any(|name| name == "*.us-east-1.amazonaws.com")
    );
    assert!(
        two.passed_through
            .iter()
            .any(|name| name == "*.elb.us-east-1.amazonaws.com")
    );
    let devices = names(r#"{"allow": ["iotdata"]}"#, &["eu-west-1"]);
    assert!(
        devices
            .names
            .iter()
            .any(|name| name == "*.iot.eu-west-1.amazonaws.com")
    );
}

#[test]
fn hosts_are_taken_as_they_are() {
    let lambda = "abc.lambda-url.eu-west-1.on.aws";
    check(
        &format!(r#"{{"allow": ["{lambda}"]}}"#),
        &[lambda],
        &["*.lambda-url.eu-west-1.on.aws"],
        &[],
    );
    let domains = "*.us-east-1.es.amazonaws.com";
    check(
        &format!(r#"{{"allow": ["{domains}"]}}"#),
        &[domains],
        &[],
        &[],
    );
    check(
        r#"{"allow": ["*.es.amazonaws.com"]}"#,
        &["*.eu-west-1.es.amazonaws.com"],
        &[],
        &["allow, host *.es.amazonaws.com: * in a certificate stands for one label"],
    );
    // Above all there is: what is signed below it.
    check(
        r#"{"allow": ["*.amazonaws.com"]}"#,
        &["iam.amazonaws.com"],
        &["*.amazonaws.com"],
        &[],
    );
    check(
        r#"{"allow": ["vpce-1.sqs.eu-west-1.vpce.amazonaws.com"]}"#,
        &["vpce-1.sqs.eu-west-1.vpce.amazonaws.com"],
        &["sqs.eu-west-1.amazonaws.com"],
        &[],
    );
}

#[test]
fn rules_add_what_they_permit_deny_or_sign() {
    let json = |rule: &str| format!(r#"{{"allow": ["sqs"], "rules": [{rule}]}}"#);
    let sign_as = r#"{"hosts": ["search.example.com"], "sign_as": {"service": "es", "region": "eu-west-1"}, "effect": "allow"}"#;
    check(
        &json(sign_as),
        &["search.example.com"],
        &["*.example.com"],
        &[],
    );
    check(
        &json(&sign_as.replace("search.example.com", "10.0.0.1")),
        &["sqs.eu-west-1.amazonaws.com"],
        &["10.0.0.1"],
        &["rules[0], host 10.0.0.1: is an address; give the host a name"],
    );
    let sns = "sns.eu-west-1.amazonaws.com";
    check(
        &json(r#"{"services": ["sns"], "effect": "allow"}"#),
        &[sns],
        &[],
        &[],
    );
    check(
        &json(r#"{"services": ["sns"], "effect": "deny"}"#),
        &[sns],
        &[],
        &[],
    );
    check(
        &json(r#"{"services": ["sns"], "effect": "leave_alone"}"#),
        &[],
        &[sns],
        &[],
    );
    check(
        &json(r#"{"services": ["sns"], "regions": ["us-west-2"], "effect": "allow"}"#),
        &[],
        &[],
        &["rules[0] permits us-west-2: add --region us-west-2"],
    );
    check(
        &json(r#"{"regions": ["us-west-2"], "effect": "deny"}"#),
        &[],
        &[],
        &["rules[0] denies by region or route alone: "],
    );
    check(
        &json(r#"{"buckets": ["with.dots", "logs--euw1-az1--x-s3"], "effect": "allow"}"#),
        &[
            "*.s3.eu-west-1.amazonaws.com",
            "*.s3express-euw1-az1.eu-west-1.amazonaws.com",
        ],
        &[],
        &["rules[0], bucket with.dots: its name has dots"],
    );
}

#[test]
fn subtrees_hold_the_names_and_nothing_above() {
    let all = names(r#"{"allow": "*"}"#, &["eu-west-1"]);
    assert!(
        all.permitted
            .contains(&"eu-west-1.amazonaws.com".to_owned())
    );
    assert!(all.permitted.len() < 80, "{:#?}", all.permitted);
    for name in &all.names {
        let name = name.trim_start_matches("*.");
        let holds = |base: &String| name == base || name.ends_with(&format!(".{base}"));
        assert!(all.permitted.iter().any(holds), "{name}");
    }
    for foreign in [
        "x.gr7.eu-west-1.eks.amazonaws.com",
        "example.org",
        "amazonaws.com",
        "www.amazonaws.com",
    ] {
        let holds = |base: &String| foreign == base || foreign.ends_with(&format!(".{base}"));
        assert!(!all.permitted.iter().any(holds), "{foreign}");
    }
}

#[track_caller]
fn check_error(json: Option<&str>, environment: &[(&str, &str)], expected: &str) {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let error = of_config(&Options::default(), json.map(str::as_bytes), &environment).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_leaves_nothing_to_name_is_told() {
    let region = ("AWS_REGION", "eu-west-1");
    check_error(None, &[], "no region; give --region, or set AWS_REGION");
    check_error(
        None,
        &[("AWS_REGION", "mars")],
        "no region; give --region, or set AWS_REGION",
    );
    check_error(
        Some(r#"{"alow": "*"}"#),
        &[region],
        &config::parse(br#"{"alow": "*"}"#, &Environment::new())
            .unwrap_err()
            .to_string(),
    );
    check_error(
        Some(r#"{"position": "upstream"}"#),
        &[region],
        "--config: position: has no names; allowed: the filter's own configuration",
    );
}

#[test]
fn the_configuration_has_its_own_region() {
    let json = br#"{"allow": ["sqs"], "region": "us-west-2"}"#;
    let found = of_config(&Options::default(), Some(json), &Environment::new()).unwrap();
    assert!(
        found
            .names
            .contains(&"sqs.us-west-2.amazonaws.com".to_owned()),
        "{found:#?}"
    );
}

#[test]
fn formats_are_read_as_they_are_printed() {
    let all = names(r#"{"allow": "*"}"#, &["eu-west-1"]);
    let printed = |format| {
        let mut output = Vec::new();
        format::write(&mut output, format, &all).unwrap();
        String::from_utf8(output).unwrap()
    };
    let items = |text: &str| -> Vec<String> {
        let items = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("- \""));
        items
            .map(|item| item.trim_end_matches('"').to_owned())
            .collect()
    };
    assert_eq!(printed(Format::List).lines().collect::<Vec<_>>(), all.names);
    let text = printed(Format::ServerNames);
    let (ends, passes) = text.split_once("passed_through:\n").unwrap();
    assert_eq!(
        (items(ends), items(passes)),
        (all.server_names.clone(), all.passed_through.clone())
    );
    let text = printed(Format::CertManager);
    assert_eq!(
        items(text.split_once("\n  dnsNames:\n").unwrap().1),
        all.names
    );
    let none = names(r#"{"allow": ["sqs"]}"#, &["eu-west-1"]);
    let mut output = Vec::new();
    format::write(&mut output, Format::ServerNames, &none).unwrap();
    assert!(output.ends_with(b"\npassed_through: []\n"));
}
