"""AWS for the clients: the demo's (`envoy/demo/aws.py`), with a role that may do everything and the function `echo`.

`python aws.py DIRECTORY [BUCKET...] [-- OPTIONS of the demo's]` serves until its standard input ends, which happens when the tests end, in whatever way;
then it removes DIRECTORY. The buckets are there from the start. The function runs without Docker: moto answers with what a
client sent.
"""

import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
import threading
import zipfile
from urllib.parse import quote, unquote, unquote_plus

sys.path.insert(0, str(pathlib.Path(__file__).parents[4] / "envoy/demo"))

import aws  # noqa: E402
import certificates  # noqa: E402
import data_planes  # noqa: E402
import boto3  # noqa: E402
import flask  # noqa: E402
from moto.core.config import default_user_config  # noqa: E402
from moto.iam.access_control import IAMRequestBase  # noqa: E402
from moto.s3.responses import S3Response  # noqa: E402

BODY = "sigv4_egress.body"

EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class Gate(aws.Gate):
    """As the demo's, and refuses a body that is not the one that was signed: moto takes the header's word for it."""

    def __init__(self, moto, directory):
        super().__init__(data_planes.DataPlanes(moto), directory)

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if "HTTP_TRANSFER_ENCODING" not in environ:
            environ["wsgi.input"] = io.BytesIO(body)
        environ[BODY] = body
        # werkzeug takes the first of two slashes away.
        environ["PATH_INFO"] = unquote(environ["RAW_URI"].partition("?")[0], "latin-1")
        signed = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
        if len(signed) == 64 and hashlib.sha256(body).hexdigest() != signed:
            refusal = aws._s3_error("XAmzContentSHA256Mismatch", "The body is not the one that was signed")
            return refusal(environ, start_response)
        return super().__call__(environ, start_response)


class RequestHandler(aws.MotoRequestHandler):
    """Keeps two slashes at the start of a path, of which Python's server makes one."""

    def parse_request(self):
        understood = super().parse_request()
        if understood:
            self.path = self.requestline.split()[1]
        return understood


def as_it_came(create_aws_request):
    """The request whose signature moto recomputes, with the body that came, as moto writes `+` for every space of a form, and
    with a host in the URL, as two slashes at its start would be read as the start of one."""

    def create(self):
        request = create_aws_request(self)
        path, _, query = self._path.partition("?")
        # S3 takes the encoded slash that the SDK for Java sends in `//` for a slash (docs/signing.md).
        path = quote(unquote(path), safe="/~") if self._service == "s3" else path
        request.url = f"https://{flask.request.host}{path}?{as_aws_reads(query)}"
        request.data = flask.request.environ[BODY]
        return request

    return create


def as_aws_reads(query: str) -> str:
    """A query that no client has encoded as AWS does, which botocore expects (docs/signing.md)."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, _, value in pairs)


def encoded(text: str) -> str:
    return quote(unquote_plus(text), safe="~")


def of_the_null_version(head_object):
    """`versionId=null` is the only version that a bucket without versions has; moto answers 400."""

    def head(self, bucket_name, query, key_name, headers):
        if query.get("versionId") == ["null"]:
            query = {name: value for name, value in query.items() if name != "versionId"}
        return head_object(self, bucket_name, query, key_name, headers)

    return head


def create_account(endpoint: str, ca: pathlib.Path) -> None:
    create_demo_account(endpoint, ca)
    client = {
        "region_name": aws.REGION,
        "endpoint_url": endpoint,
        "verify": str(ca),
        "aws_access_key_id": "setup",
        "aws_secret_access_key": "setup",
    }
    role = boto3.client("iam", **client).create_role(RoleName="echo", AssumeRolePolicyDocument="{}")["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("echo.py", "def handler(event, context):\n    return event\n")
    boto3.client("lambda", **client).create_function(
        FunctionName="echo",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="echo.handler",
        Code={"ZipFile": code.getvalue()},
    )


def end_with_the_tests(directory: pathlib.Path) -> None:
    sys.stdin.buffer.read()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


default_user_config["lambda"]["use_docker"] = False
IAMRequestBase._create_aws_request = as_it_came(IAMRequestBase._create_aws_request)
S3Response.head_object = of_the_null_version(S3Response.head_object)
create_demo_account, aws.create_account = aws.create_account, create_account
aws.POLICY, aws.Gate, aws.MotoRequestHandler = EVERYTHING, Gate, RequestHandler
# Programs call buckets by hosts that the demo's do not know, and one calls a domain.
certificates.HOSTS += [
    "*.s3.amazonaws.com",
    "*.s3-accesspoint.eu-west-1.amazonaws.com",
    "*.s3-control.eu-west-1.amazonaws.com",
    "*.s3.dualstack.eu-west-1.amazonaws.com",
    "*.s3express-euw1-az1.eu-west-1.amazonaws.com",
    "*.queue.amazonaws.com",
    f"*{data_planes.DOMAINS}",
]
directory, buckets = sys.argv[1], sys.argv[2:]
end = buckets.index("--") if "--" in buckets else len(buckets)
buckets, sys.argv[2:] = buckets[:end], buckets[end + 1 :]
aws.BUCKETS += buckets
threading.Thread(target=end_with_the_tests, args=[pathlib.Path(directory)], daemon=True).start()
aws.main()
