use super::*;

const SIGNED_LINE: &str = "signed reason=placeholder service=s3 region=eu-west-1 bucket=reports rule=rules[12] role=own \
     key=ASIAEXAMPLE host=s3.eu-west-1.amazonaws.com session=shop.api-7d9f config=1a2b3c4d";

fn facts() -> Facts<'static> {
    Facts {
        endpoint: Some(("s3", "eu-west-1")),
        bucket: Some("reports"),
        basis: Basis::Rule(12),
        ..Facts::default()
    }
}

fn signed(facts: Facts<'_>) -> String {
    SignedLine {
        reason: "placeholder",
        about: &About::new(facts),
        role: "own",
        access_key_id: "ASIAEXAMPLE",
        session: Some("shop.api-7d9f"),
        host: "s3.eu-west-1.amazonaws.com",
        config: "1a2b3c4d",
    }
    .write()
}

#[test]
fn a_line_says_what_was_decided_by_what_and_for_whom() {
    let line = signed(facts());
    assert_eq!(line, SIGNED_LINE);
    let read = SignedBy {
        service: "s3",
        role: "own",
        access_key_id: "ASIAEXAMPLE",
        host: "s3.eu-west-1.amazonaws.com",
    };
    assert_eq!(SignedBy::read(&line), Some(read));
    let about = About::new(Facts {
        bucket: None,
        basis: Basis::Allow,
        ..facts()
    });
    let line = left_alone(LeftAlone::Presigned, &about, "1a2b3c4d");
    let expected =
        "left_alone reason=presigned service=s3 region=eu-west-1 rule=allow config=1a2b3c4d";
    assert_eq!(line.as_deref(), Some(expected));
    assert_eq!(SignedBy::read(expected), None);
    assert_eq!(left_alone(LeftAlone::NotAws, &about, "1a2b3c4d"), None);
    let about = About::new(Facts::default());
    assert_eq!(
        refused("no_target", &about, "1a2b3c4d"),
        "refused reason=no_target rule=none config=1a2b3c4d"
    );
}

#[test]
fn what_the_guard_stops_says_what_it_was_signed_as() {
    let line = stopped("escaped_cluster", SIGNED_LINE);
    assert_eq!(
        line,
        SIGNED_LINE.replace(
            "signed reason=placeholder",
            "refused reason=escaped_cluster"
        )
    );
    assert_eq!(SignedBy::read(&line), None);
    assert_eq!(stopped("own_signature", ""), "refused reason=own_signature");
}

#[test]
fn no_value_of_a_clients_makes_a_word_of_the_line() {
    let long = "a".repeat(LONGEST + 1);
    for bucket in ["a role=audit", "a\tb", "a\nsigned", "\u{e9}", "", &long] {
        let line = signed(Facts {
            bucket: Some(bucket),
            ..facts()
        });
        assert_eq!(
            line,
            SIGNED_LINE.replace(" bucket=reports", ""),
            "{bucket:?}"
        );
    }
}

#[test]
fn rules_are_named_by_their_places() {
    for place in [0, 7, 10, 1999, usize::MAX] {
        let about = About::new(Facts {
            basis: Basis::Rule(place),
            ..Facts::default()
        });
        assert_eq!(about.text(), format!(" rule=rules[{place}]"));
    }
}

#[test]
fn a_configurations_hash_is_the_beginning_of_the_one_in_the_status_document() {
    assert_eq!(short_hash(b""), "e3b0c442");
}
