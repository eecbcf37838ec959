"""botocore's canonical form of requests: JSON on stdin, JSON on stdout.

In: a list of {"host", "target", "headers": [[name, value], ...]}. Out: a list of {"s3", "other"}, each
{"path", "query", "headers": {name: value}} or {"error"}.
"""
import json
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def canonical(signer, request):
    url = f"https://{request['host']}{request['target']}"
    signable = AWSRequest(method="GET", url=url, data=b"")
    for name, value in request["headers"]:
        signable.headers[name] = value
    try:
        text = signer(Credentials("id", "secret"), "service", "region").canonical_request(signable)
    except ValueError as error:
        return {"error": str(error)}
    _, path, query, *headers = text.split("\n")
    pairs = [line.split(":", 1) for line in headers[: headers.index("")]]
    return {"path": path, "query": query, "headers": dict(pairs)}


print(json.dumps([
    {"s3": canonical(S3SigV4Auth, request), "other": canonical(SigV4Auth, request)}
    for request in json.load(sys.stdin)
]))
