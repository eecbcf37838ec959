use super::*;
use proptest::prelude::*;

fn quoted(text: &str, secrets: &[&str]) -> String {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    Quote::new(text, 512, &secrets).to_string()
}

const TOKEN: &str = "IQoJb3JpZ2luX2VjEHAaCWV1LXdlc3QtMSJHMEUCIQDx/7Xh+zqQ3pXk0Lr8sT5vYb1Zc6Nd9Rm2Wf4Gj/aBcDeFgH+iJkLmN==";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE";

#[test]
fn what_sts_says_stays_as_it_is() {
    for text in [
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "No OpenIDConnect provider found in your account for https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "User: arn:aws:sts::123456789012:assumed-role/eksctl-shop-addon-iamserviceaccount-Role1-ABCDEFGHIJKL/payments.reports-6d4cf56db6-abcde is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/teams/audit/reader",
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        "Token expired: current date/time 1795889538 must be before the expiration date/time 1795889478",
        "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter.",
        "Credential should be scoped to a valid region, not 'eu-west-1'.",
        "upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
        "https://sts.eu-west-1.amazonaws.com/: (status=403)",
    ] {
        assert_eq!(quoted(text, &[TOKEN, KEY]), text);
    }
}

#[test]
fn a_quoted_request_is_cut() {
    let says = "The request signature we calculated does not match the signature you provided. \
        Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    let request = format!(
        "POST\n/\n\nhost:sts.eu-west-1.amazonaws.com\nx-amz-security-token:{TOKEN}\n\nhost\n00"
    );
    for quote in [
        format!(
            "\n\nThe Canonical String for this request should have been\n'{request}'\n\nThe String-to-Sign should have been\n'AWS4'"
        ),
        format!(
            " The Canonical String for this request should have been '{}'",
            request.replace('\n', " ")
        ),
        format!("\r{request}"),
        format!("\u{2028}{request}"),
        format!(" CanonicalRequest: {request}"),
        format!(" x-amz-security-token:{TOKEN}"),
    ] {
        // Whoever does not know the token keeps it, too.
        for secrets in [&[TOKEN][..], &[]] {
            assert_eq!(quoted(&format!("{says}{quote}"), secrets), says, "{quote}");
        }
    }
}

#[test]
fn what_a_text_has_in_common_with_a_secret_is_replaced() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(quoted(text, &[KEY, "Basic a1", "s3cr", "abc"]), expected);
    }
    check(
        &format!("the key {KEY} is bad"),
        "the key [redacted] is bad",
    );
    check(
        &format!("it ends with {}.", &KEY[32..]),
        "it ends with [redacted].",
    );
    check("it ends with EXAMPLE.", "it ends with EXAMPLE.");
    check(
        "wJalrXUt and nFEMI/K7 and 7MDENG/b",
        "[redacted] and [redacted] and [redacted]",
    );
    check("Basic a1, Basic a", "[redacted], Basic a");
    check("no s3cret", "no [redacted]et");
    // Three characters are no secret.
    check("abc", "abc");
    // Put together from parts that stand apart.
    check(&KEY.replace("FEMI", "FE\u{200b}M\u{202e}\0I"), "[redacted]");
}

#[test]
fn what_looks_like_a_token_is_replaced_whoever_knows_it() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(quoted(text, &[]), expected);
    }
    check("token=eyJh.eyJi.c-_ is bad", "token=[redacted] is bad");
    check("'eyJhbG'", "'[redacted]'");
    check(&format!("{TOKEN} is bad"), "[redacted] is bad");
    check(
        &format!("WebIdentityToken={TOKEN}&x=y"),
        "WebIdentityToken=[redacted]&x=y",
    );
    let encoded = TOKEN.replace('/', "%2F").replace('+', "%2B");
    check(
        &format!("(X-Amz-Security-Token={encoded})"),
        "(X-Amz-Security-Token=[redacted])",
    );
    check(
        &format!("https://example.com/?X-Amz-Security-Token={TOKEN}"),
        "https://example.com/?X-Amz-Security-Token=[redacted]",
    );
    check(
        &format!("https://example.com/{}/{}", "a".repeat(65), "b".repeat(64)),
        "https:[redacted]",
    );
    check(
        &format!("{} {}", "a".repeat(65), "b".repeat(64)),
        &format!("[redacted] {}", "b".repeat(64)),
    );
    check(
        &format!("arn:aws:iam::123456789012:role/{}/x", "a".repeat(65)),
        "arn:aws:iam::123456789012:[redacted]",
    );
}

#[test]
fn what_cannot_be_seen_is_gone() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(quoted(text, &[]), expected);
    }
    check(
        "a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{ad}f\u{e0041}g",
        "abcdefg",
    );
    check("a\0b\u{1b}[31mc\u{7f}d\u{9b}e", "ab[31mcde");
    check("a\tb\u{a0}c\u{3000}d", "a b c d");
    check("é 日本", "? ??");
    check("one\u{2028}two", "one");
    check(" \r\n one\r\ntwo", "one");
    assert_eq!(quoted(&"é ".repeat(600), &[]).chars().count(), 511);
    assert_eq!(Quote::new(&"a ".repeat(600), 7, &[]).as_str(), "a a a a");
}

/// Characters of a secret, and what somebody could put between them.
fn noise() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("\u{200b}".to_owned()),
            Just("\u{202e}".to_owned()),
            Just("\0".to_owned()),
            Just(String::new()),
            "[ a-z.,:/+=%'\"-]{1,3}",
        ],
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_part_of_a_secret_is_left(
        secrets in proptest::collection::vec("[A-Za-z0-9+/=._-]{8,120}", 1..4),
        before in "\\PC{0,40}",
        pieces in proptest::collection::vec((0..4usize, 0..120usize, 0..120usize, noise()), 0..12),
    ) {
        let mut text = before;
        for (number, start, length, noise) in &pieces {
            let secret = &secrets[number % secrets.len()];
            let piece: String = secret.chars().skip(start % secret.len()).take(*length).collect();
            text.push_str(&piece);
            text.push_str(noise);
        }
        let known: Vec<Secret> = secrets.iter().map(|secret| Secret::new(secret.clone())).collect();
        let quote = Quote::new(&text, 512, &known);
        for secret in &secrets {
            for window in secret.as_bytes().windows(COMMON) {
                let window = std::str::from_utf8(window).unwrap();
                prop_assert!(!quote.as_str().contains(window), "{window} in {quote}");
            }
        }
    }

    #[test]
    fn any_text_becomes_a_bounded_line_of_visible_ascii(text in any::<String>(), secret in any::<String>(), max in 0..600usize) {
        let quote = Quote::new(&text, max, &[Secret::new(secret)]);
        prop_assert!(quote.as_str().len() <= max);
        prop_assert!(quote.as_str().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{quote}");
    }

    /// Broken anywhere, a token of base64 is as unfit to be seen as it is whole.
    #[test]
    fn a_long_token_is_replaced_without_being_known(token in "[A-Za-z0-9+/]{100,300}", word in "[a-z]{0,10}") {
        let quote = quoted(&format!("{word} {token} {word}"), &[]);
        let expected = format!("{word} [redacted] {word}");
        prop_assert_eq!(quote, expected.trim());
    }
}
