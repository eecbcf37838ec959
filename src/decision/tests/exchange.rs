//! Who may ask for something to be presigned.

use super::*;

const GRANT: &str = r#", "allow": "*", "presign": [{"service": "s3", "buckets": ["reports"]}]"#;

fn post(more: &str) -> String {
    format!("POST 127.0.0.1:9911 /presign\ncontent-length: 5{more}")
}

const MARKED: &str = "\nx-sigv4-egress: 1";

#[test]
fn it_is_a_post_with_the_marker_to_the_loopback_endpoint() {
    check_with(GRANT, &post(MARKED), "presigned");
    check_with(
        GRANT,
        &post(MARKED).replace("127.0.0.1", "localhost"),
        "presigned",
    );
    check_with(GRANT, &post(""), "refused: marker_missing");
    for other in [
        post(MARKED).replace("POST", "GET"),
        post(MARKED).replace("POST", "PUT"),
        post(MARKED).replace("/presign", "/presign?"),
        post(MARKED).replace("/presign", "/presign/"),
        post(MARKED).replace("/presign", "/a/../presign"),
        post(MARKED).replace("/presign", "/PRESIGN"),
    ] {
        check_with(GRANT, &other, "refused: no_target");
    }
}

#[test]
fn another_host_has_no_such_path() {
    check_with(
        GRANT,
        &post(MARKED).replace("127.0.0.1:9911", "b.s3.eu-west-1.amazonaws.com"),
        "s3/eu-west-1 at b.s3.eu-west-1.amazonaws.com, streamed as UNSIGNED-PAYLOAD, NoSignature",
    );
    check_with(
        GRANT,
        &post(MARKED).replace("127.0.0.1:9911", "example.com"),
        "left alone: NotAws",
    );
}

#[test]
fn what_is_signed_is_for_s3_also_where_a_bucket_has_that_name() {
    let signed = format!("{MARKED}\n{}", signed_by("placeholder", "s3"));
    check_with(
        GRANT,
        &post(&signed),
        "s3/eu-west-1 at s3.eu-west-1.amazonaws.com, streamed as UNSIGNED-PAYLOAD, Placeholder",
    );
}

#[test]
fn it_is_off_unless_something_may_be_presigned() {
    check_with(
        r#", "allow": "*""#,
        &post(MARKED),
        "refused: presign_not_granted",
    );
    check_with(
        r#", "allow": "*", "mode": "observe", "presign": [{"service": "rds-db"}]"#,
        &post(MARKED),
        "refused: presign_not_granted",
    );
}

#[test]
fn a_port_that_stands_for_one_host_has_no_such_path() {
    let config = config(
        r#", "allow": ["search-x.eu-west-1.es.amazonaws.com"], "presign": [{"service": "rds-db"}],
            "ports": {"9912": {"host": "search-x.eu-west-1.es.amazonaws.com"}}"#,
    );
    let text = post(MARKED);
    let headers = headers(&text);
    let head = Head {
        port: &|| Some(9912),
        ..head(&headers)
    };
    let decided = word(&decide(&config, head));
    assert!(decided.contains("es/eu-west-1"), "{decided}");
}
