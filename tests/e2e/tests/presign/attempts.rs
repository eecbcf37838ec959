//! Ways around `presign`, as bytes on the wire: none may come back signed.

use super::placeholders;
use e2e::json;

const GRANTED: &str = "https://reports.s3.eu-west-1.amazonaws.com/k";

/// A POST to `/presign` of the loopback endpoint, with the marker.
struct Post {
    first_line: String,
    host: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Post {
    fn new(port: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            first_line: "POST /presign HTTP/1.1".to_owned(),
            host: format!("127.0.0.1:{port}"),
            headers: vec!["x-sigv4-egress: 1".to_owned()],
            body: body.into(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\nhost: {}\r\n", self.first_line, self.host);
        for header in &self.headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

/// What each is, and its bytes.
pub(super) fn all(port: u16) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let bodies = bodies();
    for (name, body) in bodies {
        all.push((name, Post::new(port, body).bytes()));
    }
    let good = placeholders(GRANTED, "s3");
    let mut wire = |name: &str, change: &dyn Fn(&mut Post)| {
        let mut post = Post::new(port, good.clone());
        change(&mut post);
        all.push((name.to_owned(), post.bytes()));
    };
    wire("no marker", &|post| post.headers.clear());
    for value in [
        "x-sigv4-egress-: 1",
        "x-sigv4_egress: 1",
        "xsigv4-egress: 1",
        "x-amz-sigv4-egress: 1",
    ] {
        wire(value, &|post| post.headers = vec![value.to_owned()]);
    }
    for method in [
        "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "POSTX", "TRACE",
    ] {
        wire(method, &|post| {
            post.first_line = format!("{method} /presign HTTP/1.1")
        });
    }
    for path in [
        "/presign/",
        "/presign?",
        "/presign?url=x",
        "/Presign",
        "/PRESIGN",
        "//presign",
        "/./presign",
        "/a/../presign",
        "/presign%2f",
        "/%70resign",
        "/presign;a",
        "/presign%00",
        "/presign/..",
        "/presign#a",
        "presign",
        "*",
    ] {
        wire(path, &|post| {
            post.first_line = format!("POST {path} HTTP/1.1")
        });
    }
    for host in [
        "reports.s3.eu-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "sts.eu-west-1.amazonaws.com",
        "example.com",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "localhost.evil.example",
        "evil.localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example:80",
        "",
        "localhost localhost",
    ] {
        wire(&format!("host {host}"), &|post| post.host = host.to_owned());
    }
    for target in [
        "http://s3.eu-west-1.amazonaws.com/presign",
        "http://reports.s3.eu-west-1.amazonaws.com/presign",
        "http://example.com/presign",
    ] {
        wire(target, &|post| {
            post.first_line = format!("POST {target} HTTP/1.1")
        });
    }
    for header in [
        "authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00",
        "authorization: Bearer a",
        "authorization: ",
        "x-amz-s3session-token: a",
        "expect: 200-ok",
    ] {
        wire(header, &|post| {
            post.headers.push(header.to_owned());
            if header.starts_with("expect") {
                post.headers.remove(0);
            }
        });
    }
    wire("a body of 64 KiB and more", &|post| {
        post.body.resize(70_000, b' ')
    });
    wire("an empty body", &|post| post.body.clear());
    wire("two of it", &|post| {
        post.body = format!("{0}\n{0}", placeholders(GRANTED, "s3")).into_bytes()
    });
    wire("a byte order mark", &|post| {
        post.body.splice(0..0, *b"\xef\xbb\xbf").for_each(drop)
    });
    wire("no UTF-8", &|post| post.body.push(0xff));
    wire("a NUL", &|post| post.body.push(0));
    wire("compressed", &|post| {
        post.headers.push("content-encoding: gzip".to_owned());
        post.body.splice(0..0, *b"\x1f\x8b").for_each(drop);
    });
    all
}

/// What is granted to nobody.
fn bodies() -> Vec<(String, String)> {
    let mut bodies = Vec::new();
    let mut add = |body: String| bodies.push((body.clone(), body));
    for url in [
        "https://other.s3.eu-west-1.amazonaws.com/k",
        "https://s3.eu-west-1.amazonaws.com/other/k",
        "https://s3.eu-west-1.amazonaws.com/REPORTS/k",
        "https://s3.eu-west-1.amazonaws.com/reports.other/k",
        "https://s3.eu-west-1.amazonaws.com/reports%2Fk",
        "https://s3.eu-west-1.amazonaws.com/%72eports/k",
        "https://s3.eu-west-1.amazonaws.com//reports/k",
        "https://s3.eu-west-1.amazonaws.com/./reports/k",
        "https://s3.eu-west-1.amazonaws.com/other/../reports/k",
        "https://s3.eu-west-1.amazonaws.com/reports",
        "https://s3.eu-west-1.amazonaws.com/reports/",
        "https://s3.eu-west-1.amazonaws.com/",
        "https://reports.s3.eu-west-1.amazonaws.com/",
        "https://reports.s3.eu-west-1.amazonaws.com",
        "https://reports.s3.eu-west-1.amazonaws.com.evil.example/k",
        "https://reports.s3.eu-west-1.amazonaws.com@evil.example/k",
        "https://evil.example/reports/k",
        "https://evil.example#reports.s3.eu-west-1.amazonaws.com/k",
        "https://s3.evil-west-1.amazonaws.com/reports/k",
        "https://reports.other.s3.eu-west-1.amazonaws.com/k",
        "https://reports-s3.eu-west-1.amazonaws.com/k",
        "https://reports.s3-website-eu-west-1.amazonaws.com/k",
        "https://reports.s3express-euw1-az1.eu-west-1.amazonaws.com/k",
        "https://ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k",
        "https://ap.accesspoint.s3-global.amazonaws.com/k",
        "https://lambda-123456789012.s3-object-lambda.eu-west-1.amazonaws.com/k",
        "https://123456789012.s3-control.eu-west-1.amazonaws.com/v20180820/accessgrantsinstance/dataaccess",
        "https://s3.eu-west-1.amazonaws.com/v20180820/tags/reports",
        "http://127.0.0.1/other/k",
        "http://localhost/",
        "http://[::1]/other/k",
        "ftp://reports.s3.eu-west-1.amazonaws.com/k",
        "//reports.s3.eu-west-1.amazonaws.com/k",
        "https:reports.s3.eu-west-1.amazonaws.com/k",
        "https://sts.eu-west-1.amazonaws.com/",
        "https://dynamodb.eu-west-1.amazonaws.com/",
        "https://abc.lambda-url.eu-west-1.on.aws/",
    ] {
        add(placeholders(url, "s3"));
    }
    for query in [
        "acl",
        "ACL",
        "%61cl",
        "tagging",
        "policy",
        "session",
        "uploads",
        "restore",
        "select",
        "torrent",
        "retention",
        "legal-hold",
        "attributes",
        "list-type=2",
        "delete",
        "versions",
        "location",
        "x-amz-copy-source=other%2Fk",
        "X-Amz-Copy-Source=other%2Fk",
        "x-amz-s3session-token=a",
        "x-amz-rename-source=other",
        "response",
        "partNumber2=1",
        "a=b",
        "&acl",
        "acl=&acl",
    ] {
        add(placeholders(&format!("{GRANTED}?{query}"), "s3"));
    }
    for method in [
        "PATCH",
        "get",
        "GET ",
        "OPTIONS",
        "CONNECT",
        "POST",
        "PURGE",
        "",
        "PUT\r\nx: y",
    ] {
        add(json!({"url": placeholders(GRANTED, "s3"), "method": method}).to_string());
    }
    for seconds in [
        "901",
        "3600",
        "604800",
        "4294967296",
        "0",
        "-1",
        "+300",
        "300.5",
        "1e2",
        "",
        "300;",
        "0x1",
    ] {
        add(placeholders(GRANTED, "s3").replace("Expires=300", &format!("Expires={seconds}")));
    }
    for (from, to) in [
        ("placeholder", "AKIAIOSFODNN7EXAMPLE"),
        ("placeholder", "ASIAIOSFODNN7EXAMPLE"),
        ("%2Fs3%2F", "%2Fsts%2F"),
        ("%2Fs3%2F", "%2Fiam%2F"),
        ("aws4_request", "aws4_response"),
        ("SHA256", "SHA1"),
        ("SignedHeaders=host", "SignedHeaders=host%3Bhost"),
        ("SignedHeaders=host", "SignedHeaders=date"),
        ("SignedHeaders=host", "SignedHeaders="),
        (
            "SignedHeaders=host",
            "SignedHeaders=host%3Bx-amz-copy-source",
        ),
        (
            "X-Amz-Signature=00",
            "X-Amz-Signature=00&X-Amz-Signature=01",
        ),
        ("X-Amz-Signature=00", "X-Amz-Signature=00&x-amz-expires=9"),
        ("X-Amz-Signature=00", ""),
        (
            "X-Amz-Signature=00",
            "Signature=00&AWSAccessKeyId=placeholder&Expires=9999999999",
        ),
        ("https", "HTTPS"),
    ] {
        add(placeholders(GRANTED, "s3").replace(from, to));
    }
    for (host, service, query) in [
        ("db.internal:3306", "rds-db", "Action=connect"),
        ("db.internal:3306", "rds-db", "Action=connect&DBUser="),
        (
            "db.internal:3306",
            "rds-db",
            "Action=connect&DBUser=a&DBUser=b",
        ),
        ("db.internal:3306", "rds-db", "Action=Connect&DBUser=a"),
        (
            "db.internal:3306",
            "rds-db",
            "Action=connect&DBUser=a&Version=1",
        ),
        (
            "sts.eu-west-1.amazonaws.com",
            "sts",
            "Action=GetCallerIdentity&Version=2011-06-15",
        ),
        (
            "sts.eu-west-1.amazonaws.com",
            "sts",
            "Action=AssumeRole&Version=2011-06-15&RoleArn=a&RoleSessionName=b",
        ),
        (
            "sts.eu-west-1.amazonaws.com",
            "sts",
            "Action=GetSessionToken&Version=2011-06-15",
        ),
        (
            "sts.eu-west-1.amazonaws.com",
            "rds-db",
            "Action=GetCallerIdentity&Version=2011-06-15",
        ),
        (
            "kafka.eu-west-1.amazonaws.com",
            "kafka-cluster",
            "Action=kafka-cluster%3AWriteData",
        ),
        (
            "cache",
            "elasticache",
            "Action=connect&User=a&ResourceType=Other",
        ),
        ("cache", "elasticache", "Action=ModifyUser&User=a"),
        ("x.dsql.eu-west-1.on.aws", "dsql", "Action=DbAdmin"),
        ("iam.amazonaws.com", "iam", "Action=CreateAccessKey"),
        (
            "sqs.eu-west-1.amazonaws.com",
            "sqs",
            "Action=ReceiveMessage",
        ),
    ] {
        let url = placeholders(&format!("{host}/?{query}"), service);
        add(url.clone());
        add(format!("https://{url}"));
        add(json!({"token": url, "method": "POST"}).to_string());
    }
    for headers in [
        json!({"host": "evil.example"}),
        json!({"x-amz-copy-source": "other/k"}),
        json!({"x-amz-security-token": "a"}),
        json!({"authorization": "a"}),
        json!({":authority": "evil.example"}),
        json!({":path": "/other/k"}),
        json!({"content-type": "a\r\nhost: evil.example"}),
    ] {
        add(json!({"url": placeholders(GRANTED, "s3"), "headers": headers}).to_string());
    }
    bodies
}
