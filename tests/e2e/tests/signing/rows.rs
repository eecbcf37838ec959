//! The rows of `docs/signing.md`.

/// One odd input, and why it is signed as it is.
pub(crate) struct Row {
    pub(crate) input: &'static str,
    pub(crate) why: &'static str,
}

const fn row(input: &'static str, why: &'static str) -> Row {
    Row { input, why }
}

pub(crate) const INTRODUCTION: &str = "\
# What is signed for odd bytes

Written by `UPDATE=1 cargo test -p e2e --test signing`, which runs our signer, botocore (`S3SigV4Auth`, `SigV4Auth`) and the
`aws-sigv4` crate; the reasons stand in `tests/e2e/tests/signing/rows.rs`.

An SDK signs what it has just encoded itself. A proxy signs what some client has sent, encoded well, badly or not at all, and
what it signs must be what AWS computes from those bytes: AWS decodes a request and encodes it again. Nothing but `host` is
changed on the wire. Bytes that no request line may hold (spaces, non-ASCII), Envoy answers with 400.

The tables show what stands in the canonical request. *same* is the same as ours; *refused* means that the signer takes no such
request. The three agree on every request that a client has encoded as AWS says, trailing dot segments aside: 10,000 random ones
through Envoy (`cargo test -p e2e --test wire`), and any number without it (`cargo test --test sigv4_oracle`).

Sources, by the names used below:

- *IAM*: \"Create a signed AWS API request\" in the [IAM User Guide](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html):
  every byte but the unreserved characters is encoded, with two upper-case digits; a space is `%20`, not `+`; S3 encodes
  the path once and does not normalise it, the others encode it twice.
- *replies*: canonical requests that S3 and Elasticsearch sent back with `SignatureDoesNotMatch`, in
  [aws-sdk-js #853](https://github.com/aws/aws-sdk-js/issues/853): for `/%3Fa=b%20c`, S3 computes `/%3Fa%3Db%20c`, Elasticsearch `/%253Fa%3Db%2520c`.
- *unchecked*: we know no reply of AWS; the reason is ours.
";

pub(crate) const ABOUT_PATHS: &str = "
## Paths

For S3 (`s3`, and what else its endpoint rules sign with `disableDoubleEncoding`) and for all others.
";

const DECODED: &str =
    "IAM, replies: S3 decodes the key and encodes it again. The others encode what is on the wire.";
const TRAILING_DOTS: &str = "Others: botocore, the SDKs for Java and JavaScript and aws-c-auth keep a trailing slash only where the path ends in one; the Rust crate alone adds it.";

pub(crate) const PATHS: &[Row] = &[
    row("/a%20b", "IAM."),
    row(
        "/mac@2x.png",
        "IAM, replies; [Envoy #42165](https://github.com/envoyproxy/envoy/issues/42165). botocore and the crate expect a path that a client has encoded.",
    ),
    row("/a+b", "IAM: in a path, `+` is no space."),
    row("/p(1)", DECODED),
    row("/a!$&'*,;=:b", DECODED),
    row("/a%7eb", "IAM: `~` is unreserved, so S3 has it plain."),
    row("/a%41b", DECODED),
    row("/k%c3%a9", "IAM: upper-case digits."),
    row(
        "/k\u{e9}",
        "IAM: every other byte is encoded. Envoy answers 400.",
    ),
    row("/a b", "IAM. Envoy answers 400."),
    row(
        "/a%2Fb",
        "S3: \"Encode the forward slash character, '/', everywhere except in the object key name\" ([S3 API Reference](https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html)); the SDK for Java 1 sends `//` of a key as `/%2F` and signs `//` ([aws-sdk-java #1919](https://github.com/aws/aws-sdk-java/issues/1919)). MinIO, Ceph ([versitygw #2047](https://github.com/versity/versitygw/pull/2047)) and s3s (`cargo test -p e2e --test s3s`) verify so too. botocore, the crate and Envoy's signer sign a key's slash as they find it, and no SDK of today sends one encoded in a key (in paths of S3 Control, where they do so in ARNs, it stays encoded); only moto, which asks botocore, refuses ours.",
    ),
    row("/a%2fb", "As above."),
    row(
        "/a%252Fb",
        "The key holds the characters `%2F` ([aws-sigv4-proxy #246](https://github.com/awslabs/aws-sigv4-proxy/issues/246)).",
    ),
    row(
        "/100%",
        "Unchecked: a `%` that starts no escape is a byte like any other.",
    ),
    row("/%zz", "Unchecked, as above."),
    row(
        "//a//b",
        "IAM: an S3 key may hold `//`; others drop empty segments.",
    ),
    row(
        "/a/./b",
        "IAM: an S3 key may hold dot segments; others drop them (RFC 3986, section 5.2.4).",
    ),
    row("/a/../b", "As above."),
    row("/a/b/..", TRAILING_DOTS),
    row("/a/b/.", TRAILING_DOTS),
    row("/a/b/../", "The path ends in a slash."),
    row(
        "/..",
        "There is nothing above the root (Envoy's own signer makes `//` of it).",
    ),
    row("/../a", "As above."),
    row(
        "/a/%2e%2e/b",
        "S3: `.` is unreserved. Others: dot segments are those on the wire; an encoded one is a name.",
    ),
];

pub(crate) const ABOUT_QUERIES: &str = "
## Queries

For all services alike: names and values are decoded, encoded, and sorted by encoded name, then by encoded value.
";

const ENCODED: &str = "IAM. botocore expects a query that a client has encoded.";

pub(crate) const QUERIES: &[Row] = &[
    row("a=b%20c", "IAM."),
    row(
        "a=b+c",
        "AWS reads a raw `+` as a space: [Envoy #40523](https://github.com/envoyproxy/envoy/issues/40523), and S3 accepts `+` signed as `%20` ([aws4fetch #83](https://github.com/mhart/aws4fetch/issues/83)).",
    ),
    row("a=b%2Bc", "IAM."),
    row("a=x@y", ENCODED),
    row("prefix=a/b", ENCODED),
    row("prefix=a%2fb", ENCODED),
    row("a=(1)!*'", ENCODED),
    row("a=%7e", ENCODED),
    row("a=%c3%a9", "IAM: upper-case digits."),
    row(
        "a=\u{e9}",
        "IAM: every other byte is encoded. Envoy answers 400.",
    ),
    row("a=b=c", "The first `=` ends the name."),
    row("a=1?b", ENCODED),
    row("acl", "IAM: a name without a value has an empty one."),
    row("acl=", "IAM."),
    row("b=2&b=1&a=1", "IAM: repeated names stay, sorted by value."),
    row(
        "a-b=1&a=2",
        "IAM: sorted by name before value; `-` would sort before `=`.",
    ),
    row("A=1&:=2&a=3", "IAM: sorted as encoded, by code point."),
    row("=v", "An empty name is a name."),
    row(
        "&&a=1&&",
        "Unchecked: where there is nothing, there is no parameter (Envoy, the crate).",
    ),
    row("a=100%", "Unchecked: as in paths."),
];

pub(crate) const ABOUT_HEADERS: &str = "
## Header values

Signed are `host`, `content-type`, `content-md5` and every `x-amz-*` header that goes out. A header that is folded over
several lines is one line when it reaches the filter.
";

pub(crate) const HEADERS: &[Row] = &[
    row("  a   b  ", "IAM: trimmed, and a run of spaces is one."),
    row(
        "my\tvalue",
        "S3 takes a tab for a space: signed with its tab the request was refused ([aws-sdk-net #1222](https://github.com/aws/aws-sdk-net/issues/1222)). So do the SDKs for Java and JavaScript, aws-c-auth and Envoy.",
    ),
    row("a \t b", "As above."),
    row(
        "\"a   b\"",
        "IAM: also in quotes; S3 refused them kept ([boto #3471](https://github.com/boto/boto/pull/3471)).",
    ),
    row(
        "a\u{a0}b",
        "Unchecked: HTTP has no white space but space and tab (RFC 9110, section 5.6.3).",
    ),
    row(
        "\u{e9}",
        "Byte for byte. S3 takes US-ASCII in headers, and reads other bytes as Latin-1 characters: where one is signed, its published replies have two bytes for each of the request's, and refuse it ([fog #2942](https://github.com/fog/fog/issues/2942), [knox #223](https://github.com/Automattic/knox/issues/223)). Encode such metadata (RFC 2047) before it is sent.",
    ),
    row("", "It is sent, so it is signed."),
    row(
        "2\n1\n",
        "IAM: a repeated header is joined with commas, in its order.",
    ),
];

pub(crate) const ABOUT_HOSTS: &str = "
## Hosts

`host` is the one header that is also changed on the wire, to what is signed.
";

pub(crate) const HOSTS: &[Row] = &[
    row(
        "S3.EU-WEST-1.amazonaws.com",
        "Names have no case; one spelling, for the certificate's name too.",
    ),
    row(
        "s3.eu-west-1.amazonaws.com:443",
        "RFC 9110, section 4.2.2: the default port is left out.",
    ),
    row(
        "s3.eu-west-1.amazonaws.com:80",
        "A client writes it that speaks plain HTTP to the sidecar; AWS is spoken to with TLS.",
    ),
    row(
        "s3.eu-west-1.amazonaws.com:8443",
        "Part of `host` (RFC 9110, section 7.2).",
    ),
    row(
        "s3.eu-west-1.amazonaws.com.",
        "Left out as in the certificate's name.",
    ),
    row("[2001:db8::1]:8443", "No AWS host, and never signed."),
];
