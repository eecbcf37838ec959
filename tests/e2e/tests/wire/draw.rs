//! Random requests, their paths and queries encoded as AWS's page tells clients to.

use e2e::verify::sha256;

use crate::egress::REGION;

/// One request, as the application sends it.
pub(crate) struct Sent {
    /// In its header `x-wire-id`, which is not signed.
    pub(crate) id: usize,
    /// The signing name that must be in the credential scope.
    pub(crate) service: &'static str,
    /// Path and query, which must arrive byte by byte.
    pub(crate) target: String,
    /// Without chunk framing.
    pub(crate) body: Vec<u8>,
    /// What goes on the wire.
    pub(crate) bytes: Vec<u8>,
}

/// `port` is the one that the application's listener has.
pub(crate) fn requests(seed: u64, count: usize, port: u16) -> Vec<Sent> {
    let mut draw = Draw(seed);
    (0..count).map(|id| draw.request(id, port)).collect()
}

/// SplitMix64: small, and the same on every machine.
struct Draw(u64);

const S3_HOSTS: &[&str] = &[
    "s3.eu-west-1.amazonaws.com",
    "bucket.s3.eu-west-1.amazonaws.com",
    "bucket.s3.dualstack.eu-west-1.amazonaws.com",
    "s3.dualstack.eu-west-1.amazonaws.com",
];

/// Host and signing name; those of the first few also name a host when they stand in a scope.
const OTHERS: &[(&str, &str)] = &[
    ("sqs.eu-west-1.amazonaws.com", "sqs"),
    ("kms.eu-west-1.amazonaws.com", "kms"),
    ("sns.eu-west-1.amazonaws.com", "sns"),
    ("dynamodb.eu-west-1.amazonaws.com", "dynamodb"),
    ("lambda.eu-west-1.amazonaws.com", "lambda"),
    ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"),
    ("email.eu-west-1.amazonaws.com", "ses"),
    ("runtime.sagemaker.eu-west-1.amazonaws.com", "sagemaker"),
    ("execute-api.eu-west-1.amazonaws.com", "execute-api"),
    ("es.eu-west-1.amazonaws.com", "es"),
];

const METHODS: &[&str] = &["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"];

/// Signed and not signed, with values that need care: lists, spaces, tabs, quotes, nothing.
const HEADERS: &[(&str, &str)] = &[
    (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    ),
    ("Content-Type", "text/plain;  charset=\"utf-8\""),
    ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ("X-Amz-Target", "DynamoDB_20120810.GetItem"),
    ("x-amz-acl", "public-read"),
    ("x-amz-copy-source", "/bucket/a%20b%2Bc?versionId=1"),
    ("x-amz-tagging", "a=1&b=%20"),
    ("X-Amz-User-Agent", "aws-sdk-js/3  (a\tb)"),
    ("x-amz-expected-bucket-owner", ""),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, identity"),
    ("cookie", "a=b; c=d"),
    ("date", "Mon, 23 Nov 2026 00:00:00 GMT"),
    ("if-match", "\"etag\""),
    ("range", "bytes=0-1"),
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("user-agent", "wire/1  (test)"),
    (
        "x-amzn-trace-id",
        "Root=1-67891233-abcdef012345678912345678",
    ),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-proto", "http"),
    ("x-request-id", "1"),
];

/// How the request gets to the sidecar.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// `GET / HTTP/1.1` with AWS's host, as an intercepted request comes.
    Host,
    /// `GET http://<host>/ HTTP/1.1`, as with HTTP_PROXY.
    Proxy,
    /// To the sidecar's own address, as with AWS_ENDPOINT_URL.
    Endpoint,
}

impl Draw {
    fn request(&mut self, id: usize, port: u16) -> Sent {
        let way = self.pick(&[Way::Host, Way::Host, Way::Host, Way::Proxy, Way::Endpoint]);
        let s3 = self.chance(50);
        let (host, service) = match (s3, way) {
            (true, Way::Endpoint) => (S3_HOSTS[0], "s3"),
            (true, _) => (self.pick(S3_HOSTS), "s3"),
            (false, Way::Endpoint) => self.pick(&OTHERS[..2]),
            (false, _) => self.pick(OTHERS),
        };
        let method = self.pick(METHODS);
        let target = self.path() + &self.query();
        let body = self.body(method);
        let authority = match way {
            Way::Endpoint => format!("127.0.0.1:{port}"),
            Way::Host | Way::Proxy => self.authority(host),
        };
        let uri = match way {
            Way::Proxy => format!("http://{authority}{target}"),
            Way::Host | Way::Endpoint => target.clone(),
        };
        let mut headers = self.headers(service, way, &body);
        headers.push(("x-wire-id".into(), id.to_string().into()));
        let chunked = !body.is_empty() && self.chance(25);
        if chunked {
            headers.push(("transfer-encoding".into(), b"chunked".to_vec()));
        } else if !body.is_empty() || matches!(method, "PUT" | "POST" | "PATCH") {
            headers.push(("content-length".into(), body.len().to_string().into()));
        }
        self.shuffle(&mut headers);
        let mut bytes = format!("{method} {uri} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        if chunked {
            let size = 1 + self.below(body.len());
            for chunk in body.chunks(size) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
                bytes.extend([chunk, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            bytes.extend(&body);
        }
        Sent {
            id,
            service,
            target,
            body,
            bytes,
        }
    }

    /// A host as clients spell it.
    fn authority(&mut self, host: &str) -> String {
        let host = if self.chance(10) {
            host.to_ascii_uppercase()
        } else {
            host.to_owned()
        };
        host + self.pick(&["", "", "", "", "", "", ":80", ":443", ":8443", ".", ".:80"])
    }

    /// With empty segments, dot segments, and any byte encoded but the slash: AWS's page leaves that of
    /// an S3 key as it is.
    fn path(&mut self) -> String {
        let segments: Vec<_> = (0..self.below(6))
            .map(|_| match self.below(10) {
                0 => String::new(),
                1 => self.pick(&[".", ".."]).to_owned(),
                _ => self.encoded().replace("%2F", "-"),
            })
            .collect();
        format!("/{}", segments.join("/"))
    }

    /// With repeated and empty names, names without `=`, in any order.
    fn query(&mut self) -> String {
        if self.chance(40) {
            return String::new();
        }
        let names = ["acl", "list-type", "a", "A", "a-b", "X-Id", ""];
        let parameters: Vec<_> = (0..1 + self.below(5))
            .map(|_| {
                let name = match self.chance(60) {
                    true => self.pick(&names).to_owned(),
                    false => self.encoded(),
                };
                let value = format!("={}", self.encoded());
                // Empty through and through, it would be no parameter.
                if name.is_empty() || self.chance(80) {
                    name + &value
                } else {
                    name
                }
            })
            .collect();
        format!("?{}", parameters.join("&"))
    }

    fn headers(&mut self, service: &str, way: Way, body: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for _ in 0..self.below(6) {
            let (name, value) = self.pick(HEADERS);
            let single = name.to_ascii_lowercase();
            if headers
                .iter()
                .all(|(other, _)| !other.eq_ignore_ascii_case(&single))
            {
                headers.push((name.into(), value.into()));
            }
        }
        // From few names, so that they repeat.
        for _ in 0..self.below(5) {
            let name = self.pick(&[
                "x-amz-meta-a",
                "X-Amz-Meta-A",
                "x-amz-meta-a-b",
                "x-amz-meta-a_b.c!",
                "X-AMZ-META-Z",
            ]);
            headers.push((name.into(), self.header_value()));
        }
        let hash = match self.below(8) {
            0 => Some(sha256(body)),
            1 => Some("UNSIGNED-PAYLOAD".into()),
            2 if service == "s3" => Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER".into()),
            _ => None,
        };
        if let Some(hash) = hash {
            headers.push(("x-amz-content-sha256".into(), hash.into()));
        }
        if way == Way::Endpoint || self.chance(25) {
            // As an SDK with placeholder keys signs.
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=placeholder/20261123/{REGION}/{service}/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={}",
                "0".repeat(64)
            );
            headers.push(("Authorization".into(), authorization.into()));
            headers.push(("X-Amz-Date".into(), b"20261123T000000Z".to_vec()));
            if self.chance(30) {
                headers.push(("X-Amz-Security-Token".into(), b"placeholder".to_vec()));
            }
        }
        headers
    }

    /// Words between runs of spaces and tabs, some folded onto a line of their own.
    fn header_value(&mut self) -> Vec<u8> {
        let mut value = String::new();
        for _ in 0..self.below(5) {
            value += self.pick(&["", " ", "  ", "\t", " \t ", "\r\n ", " \r\n\t"]);
            for _ in 0..self.below(6) {
                value
                    .push(self.pick(&['a', 'Z', '0', ',', ';', ':', '"', '%', '=', '~', 'é', '€']));
            }
        }
        value.into_bytes()
    }

    fn body(&mut self, method: &str) -> Vec<u8> {
        let likely = match method {
            "PUT" | "POST" | "PATCH" => 80,
            "HEAD" | "OPTIONS" => 0,
            _ => 5,
        };
        if !self.chance(likely) {
            return Vec::new();
        }
        let length = if self.chance(2) { 200_000 } else { 400 };
        let length = self.below(length);
        (0..length).map(|_| self.byte()).collect()
    }

    /// Bytes as AWS's page encodes them.
    fn encoded(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(10) {
            let byte = if self.chance(50) {
                self.byte()
            } else {
                b'a' + self.byte() % 26
            };
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte));
                }
                _ => text += &format!("%{byte:02X}"),
            }
        }
        text
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("64 bits");
        usize::try_from(self.next() % limit).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
