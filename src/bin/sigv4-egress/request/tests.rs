use super::*;
use proptest::prelude::*;

#[track_caller]
fn read(line: &str) -> Request {
    match parse(line.as_bytes()) {
        Ok(request) => request,
        Err(fault) => panic!("{fault}"),
    }
}

/// The headers as text, pseudo-headers included.
#[track_caller]
fn check(line: &str, expected: &[(&str, &str)]) {
    let request = read(line);
    let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8(value).unwrap());
    let headers: Vec<(String, String)> = request.headers.into_iter().map(text).collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(headers, expected, "{line}");
}

const HOST: (&str, &str) = (":authority", "h.example");
const GET: (&str, &str) = (":method", "GET");
const ROOT: (&str, &str) = (":path", "/");

#[test]
fn a_target_is_a_url_or_host_and_path() {
    let path = (":path", "/a%20b?x=1");
    check(
        r#"{"url": "http://h.example/a%20b?x=1#frag"}"#,
        &[GET, HOST, path],
    );
    check(
        r#"{"host": "h.example", "path": "/a%20b?x=1"}"#,
        &[GET, HOST, path],
    );
    check(
        r#"{"headers": {"Host": "h.example"}, "path": "/a%20b?x=1"}"#,
        &[GET, HOST, path],
    );
    check(r#"{"url": "HTTPS://h.example"}"#, &[GET, HOST, ROOT]);
    check(
        r#"{"url": "http://h.example", "headers": {"host": "H.example"}}"#,
        &[GET, HOST, ROOT],
    );
    check(
        r#"{"url": "http://h.example?x=/"}"#,
        &[GET, HOST, (":path", "/?x=/")],
    );
    check(
        r#"{"url": "http://h.example:8080/"}"#,
        &[GET, (":authority", "h.example:8080"), ROOT],
    );
}

#[test]
fn headers_are_an_object_or_pairs_and_values_may_repeat() {
    let all = [GET, HOST, ROOT, ("x-b", "1"), ("x-b", "2"), ("x-c", "3")];
    check(
        r#"{"host": "h.example", "headers": {"X-B": ["1", "2"], "x-c": "3"}}"#,
        &all,
    );
    check(
        r#"{"host": "h.example", "headers": [["X-B", "1"], ["x-b", "2"], ["x-c", {"base64": "Mw=="}]]}"#,
        &all,
    );
    let request = read(r#"{"host": "h", "headers": {"x-b": {"base64": "/w=="}}}"#);
    assert_eq!(request.headers.last().unwrap().1, b"\xff");
}

#[test]
fn a_body_has_its_length_unless_it_is_chunked() {
    let line = r#"{"method": "PUT", "host": "h.example", "body_base64": "AAE="}"#;
    let put = (":method", "PUT");
    check(line, &[put, HOST, ROOT, ("content-length", "2")]);
    assert!(!read(line).end_of_stream);
    let chunked = ("transfer-encoding", "chunked");
    check(
        r#"{"host": "h.example", "body": "x", "headers": {"transfer-encoding": "chunked"}}"#,
        &[GET, HOST, ROOT, chunked],
    );
    assert!(read(r#"{"host": "h", "body": ""}"#).end_of_stream);
    assert!(!read(r#"{"host": "h", "end_of_stream": false}"#).end_of_stream);
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let request = read(&format!(r#"{{"host": "h", "payload_hash": "{hash}"}}"#));
    assert!(!request.end_of_stream);
    assert!(matches!(request.body, Body::Sha256([0xe3, 0xb0, ..])));
}

#[test]
fn a_time_is_written_in_two_ways() {
    let time = time("20261123T200000Z").unwrap();
    assert_eq!(Some(time), parse_rfc3339("2026-11-23T20:00:00Z"));
    assert_eq!(
        read(r#"{"host": "h", "time": "2026-11-23T21:00:00+01:00"}"#).time,
        Some(time)
    );
    for text in [
        "",
        "20261123",
        "20261123T2000Z",
        "2026112éT200000Z",
        "20261323T200000Z",
    ] {
        assert_eq!(super::time(text), None, "{text}");
    }
}

#[test]
fn the_cluster_is_a_listed_one_unless_it_is_said() {
    assert_eq!(
        read(r#"{"host": "h"}"#).cluster.as_deref(),
        Some("sigv4-egress-aws")
    );
    let listed = r#"{"host": "h", "config": {"allow": "*", "clusters": ["aws"]}}"#;
    assert_eq!(read(listed).cluster.as_deref(), Some("aws"));
    assert_eq!(read(r#"{"host": "h", "cluster": null}"#).cluster, None);
    assert_eq!(
        read(r#"{"host": "h", "cluster": "x"}"#).cluster.as_deref(),
        Some("x")
    );
}

#[track_caller]
fn check_fault(line: &str, key: &str, part: &str) {
    let fault = parse(line.as_bytes()).err().unwrap();
    assert_eq!(fault.key, key, "{line}: {fault}");
    assert!(fault.to_string().contains(part), "{line}: {fault}");
}

#[test]
fn a_fault_names_its_key() {
    check_fault("{", "", "is not valid JSON");
    check_fault("[]", "", "is no JSON object");
    check_fault("{}", "url", "is missing");
    check_fault(r#"{"uri": "http://h"}"#, "uri", "is no key");
    check_fault(r#"{"url": 5}"#, "url", "is no string");
    check_fault(
        r#"{"url": "h.example/x"}"#,
        "url",
        "does not begin with http://",
    );
    check_fault(r#"{"url": "http://"}"#, "url", "names no host");
    check_fault(r#"{"url": "http://a@h/"}"#, "url", "user name");
    check_fault(r#"{"url": "http://h", "host": "h"}"#, "host", "beside url");
    check_fault(r#"{"url": "http://h", "path": "/"}"#, "path", "beside url");
    check_fault(r#"{"url": "http://h/a b"}"#, "path", "percent-encode");
    check_fault(
        r#"{"host": "h", "path": "x"}"#,
        "path",
        "does not begin with /",
    );
    check_fault(
        r#"{"host": "h", "method": "G T"}"#,
        "method",
        "no HTTP method",
    );
    check_fault(r#"{"host": "h", "headers": 1}"#, "headers", "no object");
    check_fault(
        r#"{"host": "h", "headers": [["x"]]}"#,
        "headers",
        "no name and value",
    );
    check_fault(
        r#"{"host": "h", "headers": {":path": "/"}}"#,
        "headers.:path",
        "use method",
    );
    check_fault(
        r#"{"host": "h", "headers": {"X": "a\nb"}}"#,
        "headers.x",
        "line break",
    );
    check_fault(
        r#"{"host": "h", "headers": {"x": 1}}"#,
        "headers.x",
        "no string",
    );
    check_fault(
        r#"{"host": "h", "headers": {"host": "i"}}"#,
        "headers.host",
        "another host",
    );
    check_fault(
        r#"{"headers": {"host": ["h", "h"]}}"#,
        "headers.host",
        "twice",
    );
    check_fault(
        r#"{"host": "h", "body": "", "body_base64": ""}"#,
        "",
        "exclude each other",
    );
    check_fault(
        r#"{"host": "h", "body_base64": "a"}"#,
        "body_base64",
        "no base64",
    );
    check_fault(
        r#"{"host": "h", "payload_hash": "e3"}"#,
        "payload_hash",
        "no SHA-256",
    );
    check_fault(
        r#"{"host": "h", "body": "x", "end_of_stream": true}"#,
        "end_of_stream",
        "there is a body",
    );
    check_fault(
        r#"{"host": "h", "end_of_stream": 1}"#,
        "end_of_stream",
        "true or false",
    );
    check_fault(r#"{"host": "h", "time": "noon"}"#, "time", "neither");
    check_fault(
        r#"{"host": "h", "credentials": "x"}"#,
        "credentials",
        "no JSON object",
    );
    check_fault(
        r#"{"host": "h", "credentials": {"access_key_id": "x"}}"#,
        "credentials.secret_access_key",
        "is missing",
    );
    check_fault(
        r#"{"host": "h", "credentials": {"secret": "x"}}"#,
        "credentials.secret",
        "is no key",
    );
    check_fault(
        r#"{"host": "h", "config": {}}"#,
        "config.allow",
        "is missing",
    );
    check_fault(
        r#"{"host": "h", "config": {"position": "upstream"}}"#,
        "config.position",
        "not downstream",
    );
    check_fault(r#"{"host": "h", "cluster": 1}"#, "cluster", "no string");
    check_fault(
        r#"{"host": "h", "aws_403": "forbidden"}"#,
        "aws_403",
        "neither an XML nor a JSON",
    );
}

#[test]
fn a_fault_shows_no_secret() {
    for line in [
        r#"{"host": "h", "credentials": {"access_key_id": "a", "secret_access_key": ["hush"]}}"#,
        r#"{"host": "h", "credentials": {"secret_access_key": "hush"}}"#,
        r#"{"host": "h", "credentials": ["hush"]}"#,
        r#"{"credentials": {"secret_access_key": "hush"}, "#,
        r#"{"host": "h", "headers": {"x-amz-security-token": "hush\n"}}"#,
        r#"{"host": "h", "aws_403": "hush"}"#,
    ] {
        let fault = parse(line.as_bytes()).err().unwrap();
        assert!(!fault.to_string().contains("hush"), "{fault}");
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in any::<Vec<u8>>()) {
        let _ = parse(&line);
    }
}
