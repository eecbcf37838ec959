use super::*;

const CANONICAL: &str = "GET\n/reports/a%20b\nlist-type=2\nhost:b.s3.eu-west-1.amazonaws.com\n\
    x-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20261123T200000Z\nx-amz-security-token:hush\n\n\
    host;x-amz-content-sha256;x-amz-date;x-amz-security-token\nUNSIGNED-PAYLOAD";
const TO_SIGN_TEXT: &str =
    "AWS4-HMAC-SHA256\n20261123T200000Z\n20261123/eu-west-1/s3/aws4_request\nab12";

fn against(canonical: Option<&str>, to_sign: Option<&str>, code: &str) -> Difference {
    let answer = AwsAnswer {
        code: code.to_owned(),
        canonical_request: canonical.map(|text| text.as_bytes().to_vec()),
        string_to_sign: to_sign.map(str::to_owned),
    };
    first_difference(CANONICAL.as_bytes(), TO_SIGN_TEXT, &answer, Shown::Redacted)
}

/// AWS's canonical request is ours with `from` replaced by `to`.
#[track_caller]
fn check(from: &str, to: &str, what: &str, ours: Option<&str>, aws: Option<&str>, meaning: &str) {
    assert!(CANONICAL.contains(from), "{from}");
    let found = against(Some(&CANONICAL.replace(from, to)), Some("x"), "");
    let found_text = (
        found.what.as_str(),
        found.ours.as_deref(),
        found.aws.as_deref(),
    );
    assert_eq!(found_text, (what, ours, aws));
    assert!(found.meaning.contains(meaning), "{}", found.meaning);
}

#[test]
fn the_first_line_that_differs_is_found() {
    check(
        "GET",
        "HEAD",
        "method",
        Some("GET"),
        Some("HEAD"),
        "method was changed",
    );
    check(
        "/reports/a%20b",
        "/a%20b",
        "path",
        Some("/reports/a%20b"),
        Some("/a%20b"),
        "prefix_rewrite",
    );
    check(
        "list-type=2",
        "",
        "query",
        Some("list-type=2"),
        Some(""),
        "query was changed",
    );
    check(
        "host:b.s3",
        "host:c.s3",
        "header host",
        Some("b.s3.eu-west-1.amazonaws.com"),
        Some("c.s3.eu-west-1.amazonaws.com"),
        "host_rewrite_literal",
    );
    check(
        "x-amz-date:20261123T200000Z",
        "x-amz-date:20261123T200001Z",
        "header x-amz-date",
        Some("20261123T200000Z"),
        Some("20261123T200001Z"),
        "another moment",
    );
    check(
        "\nUNSIGNED-PAYLOAD",
        "\nab",
        "payload hash",
        Some("UNSIGNED-PAYLOAD"),
        Some("ab"),
        "the body",
    );
    check(
        "host;x-amz-c",
        "x-amz-c",
        "signed headers",
        Some("host;x-amz-content-sha256;x-amz-date;x-amz-security-token"),
        Some("x-amz-content-sha256;x-amz-date;x-amz-security-token"),
        "other headers",
    );
}

#[test]
fn headers_are_paired_by_name() {
    check(
        "host:b",
        "content-type:text/plain\nhost:b",
        "header content-type",
        None,
        Some("text/plain"),
        "has no such header",
    );
    check(
        "host:b",
        "content-md5:\nhost:b",
        "header content-md5",
        None,
        Some(""),
        "removed after",
    );
    check(
        "x-amz-content-sha256:UNSIGNED-PAYLOAD\n",
        "",
        "header x-amz-content-sha256",
        Some("UNSIGNED-PAYLOAD"),
        None,
        "did not see it",
    );
    check(
        "x-amz-security-token:hush\n",
        "",
        "header x-amz-security-token",
        Some("<redacted>"),
        None,
        "did not see it",
    );
}

#[test]
fn a_token_that_differs_is_not_shown() {
    check(
        ":hush",
        ":hist",
        "header x-amz-security-token",
        Some("<redacted>"),
        Some("<redacted>"),
        "other credentials",
    );
}

#[track_caller]
fn check_to_sign(from: &str, to: &str, what: &str) {
    let theirs = TO_SIGN_TEXT.replace(from, to);
    assert_eq!(against(Some(CANONICAL), Some(&theirs), "").what, what);
    assert_eq!(against(None, Some(&theirs), "").what, what);
}

#[test]
fn then_the_strings_to_sign_are_compared() {
    check_to_sign("HMAC-SHA256", "ECDSA-P256-SHA256", "algorithm");
    check_to_sign("20261123T20", "20261123T19", "date");
    check_to_sign("eu-west-1", "us-east-1", "credential scope");
    check_to_sign("ab12", "cd", "hash of the canonical request");
    check_to_sign("ab12", "ab12", "nothing");
}

#[test]
fn the_same_text_points_at_the_key() {
    let crlf = CANONICAL.replace('\n', "\r\n");
    for same in [CANONICAL, &crlf] {
        let found = against(Some(same), None, "SignatureDoesNotMatch");
        assert_eq!(found.what, "nothing");
        assert!(
            found.meaning.contains("secret access key"),
            "{}",
            found.meaning
        );
    }
}

#[test]
fn without_aws_texts_the_code_says_what_it_can() {
    let found = against(None, None, "AccessDenied");
    assert_eq!(
        (found.what.as_str(), found.aws.as_deref()),
        ("unknown", Some("AccessDenied"))
    );
    assert!(found.meaning.contains("accepted the signature"));
    assert!(against(None, None, "").meaning.contains("whole body"));
}

#[test]
fn a_canonical_request_that_is_cut_short_is_compared_as_far_as_it_goes() {
    for (cut, what) in [
        ("", "method"),
        ("GET", "path"),
        ("GET\n/reports/a%20b", "query"),
    ] {
        assert_eq!(against(Some(cut), None, "").what, what);
    }
}
