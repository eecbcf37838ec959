"""Recomputes signatures with botocore from the bytes that arrived.

    python verify.py journal.jsonl

One JSON object a line: `sent` and `arrived` (whole requests, base64), `target` and `body` as they were
meant, `service`, `region`, `secret_access_keys` by id. Prints each mismatch, and the count at the end.
"""
import base64
import hashlib
import json
import re
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# Names that botocore's rule sets sign with `disableDoubleEncoding`.
S3 = {"s3", "s3-outposts", "s3express", "s3-object-lambda"}
# What signing replaces or removes.
REPLACED = {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}


class Mismatch(Exception):
    pass


def expect(what, found, wanted):
    if found != wanted:
        raise Mismatch(f"{what}: {found!r}, not {wanted!r}")


def parse(request):
    """Method, request target, headers and body, without any library's opinion."""
    head, _, body = request.partition(b"\r\n\r\n")
    # Headers may be folded (RFC 9112, section 5.2); Envoy takes the line breaks out.
    first, *lines = re.sub(rb"\r\n([ \t])", rb"\1", head).split(b"\r\n")
    method, target, version = first.decode("latin-1").split(" ")
    expect("version", version, "HTTP/1.1")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.decode("ascii").lower(), value.strip(b" \t")))
    if values(headers, "transfer-encoding"):
        body = joined_chunks(body)
    return method, target, headers, body


def joined_chunks(body):
    joined = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        size = int(size, 16)
        joined, body = joined + body[:size], body[size + 2:]
    return joined


def values(headers, name):
    return [value for key, value in headers if key == name]


def only(headers, name):
    found = values(headers, name)
    expect(f"number of {name} headers", len(found), 1)
    return found[0].decode()


def check(entry):
    method, target, headers, body = parse(base64.b64decode(entry["arrived"]))
    sent_method, _, sent_headers, _ = parse(base64.b64decode(entry["sent"]))

    # What arrives is what was sent.
    expect("method", method, sent_method)
    expect("target", target, entry["target"])
    expect("body", body, base64.b64decode(entry["body"]))
    for name in {name for name, _ in sent_headers + headers}:
        if (name.startswith("x-amz-") or name in ("content-type", "content-md5")) and name not in REPLACED:
            expect(name, values(headers, name), values(sent_headers, name))

    # AWS's rules about the signature itself.
    pattern = r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
    match = re.fullmatch(pattern, only(headers, "authorization"))
    if not match:
        raise Mismatch("malformed authorization")
    key_id, day, region, service, signed, signature = match.groups()
    signed = signed.split(";")
    expect("service", service, entry["service"])
    expect("region", region, entry["region"])
    expect("order of SignedHeaders", signed, sorted(set(signed)))
    date = only(headers, "x-amz-date")
    expect("day", day, date[:8])
    arrived = {name for name, _ in headers}
    must = {name for name in arrived if name.startswith("x-amz-")} | {"host"} | arrived & {"content-type", "content-md5"}
    expect("signed headers", set(signed), must)
    expect("x-amz-security-token", len(values(headers, "x-amz-security-token")), 1)
    claimed = values(headers, "x-amz-content-sha256")
    if service in S3 or claimed:
        claimed = only(headers, "x-amz-content-sha256")
        unsigned = {"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"} if service in S3 else set()
        if claimed not in unsigned:
            expect("x-amz-content-sha256", claimed, hashlib.sha256(body).hexdigest())

    # The signature, as AWS would compute it from what it was given.
    request = AWSRequest(method=method, url=f"https://{only(headers, 'host')}{target}", data=body)
    for name, value in headers:
        if name in signed:
            request.headers[name] = value.decode()
    request.context["timestamp"] = date
    signer = S3SigV4Auth if service in S3 else SigV4Auth
    signer = signer(Credentials(key_id, entry["secret_access_keys"][key_id]), service, region)
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    if signature != expected:
        raise Mismatch(f"signature: botocore's canonical request is\n{canonical}")


def main():
    count = mismatches = 0
    with open(sys.argv[1]) as journal:
        for line in journal:
            entry = json.loads(line)
            count += 1
            try:
                check(entry)
            except Mismatch as mismatch:
                mismatches += 1
                if mismatches <= 5:
                    print(base64.b64decode(entry["sent"]), base64.b64decode(entry["arrived"]), mismatch, sep="\n", end="\n\n")
    print(f"{count} requests, {mismatches} mismatches")


main()
