"""Presigned URLs, forms and tokens of boto3 and botocore, signed by sigv4-egress: `import sigv4_egress_presign`.

From then on what a client with placeholder keys presigns is posted to the sidecar, and what comes back takes its place.
So everything that presigns with botocore works unchanged: `generate_presigned_url`, `generate_presigned_post`,
`generate_db_auth_token`, django-storages. Clients with keys of AWS's shape are left as they are.
"""

import json
import os
import re
import urllib.error
import urllib.request

import botocore.signers

ADDRESS = os.environ.get("SIGV4_EGRESS_PRESIGN", "http://127.0.0.1:9911/presign")
MARKER = "x-sigv4-egress"
KEY_OF_AWS = re.compile(r"(AKIA|ASIA)[A-Z0-9]{16}")
# The sidecar is on this host, whatever proxy the environment names.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class PresignError(Exception):
    """The sidecar has not signed it; says why, and what to do."""


def exchange(asked):
    """Has one signed: `asked` has `url`, `token` or `form`, as docs/presign.md says."""
    body = json.dumps(asked).encode()
    request = urllib.request.Request(ADDRESS, body, {MARKER: "1"}, method="POST")
    try:
        with DIRECTLY.open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise PresignError(error.read().decode(errors="replace")) from None


def _is_placeholder(signer):
    credentials = signer._credentials
    return credentials is not None and not KEY_OF_AWS.fullmatch(credentials.access_key)


_presigned_url = botocore.signers.RequestSigner.generate_presigned_url
_presigned_post = botocore.signers.S3PostPresigner.generate_presigned_post


def _url(self, request_dict, *arguments, **options):
    url = _presigned_url(self, request_dict, *arguments, **options)
    if not _is_placeholder(self):
        return url
    signed = re.search(r"[?&]X-Amz-SignedHeaders=([^&]*)", url)
    names = signed[1].lower().split("%3b") if signed else []
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request_dict["headers"].items()
        if name.lower() in names and name.lower() != "host"
    }
    return exchange({"url": url, "method": request_dict["method"], "headers": headers})["url"]


def _post(self, request_dict, *arguments, **options):
    form = _presigned_post(self, request_dict, *arguments, **options)
    return exchange({"form": form})["form"] if _is_placeholder(self._request_signer) else form


botocore.signers.RequestSigner.generate_presigned_url = _url
botocore.signers.S3PostPresigner.generate_presigned_post = _post
