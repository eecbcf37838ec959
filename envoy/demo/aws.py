"""AWS for the demo: moto over TLS, with IAM authorisation on, so that it verifies every signature and policy.

What it does beyond `moto_server`, each because AWS does it and moto does not:

* a request without a signature is refused;
* AssumeRoleWithWebIdentity needs no signature, but a token that the cluster issued;
* sessions last as long as `--session-seconds` says, so that a refresh can be watched.

In DIRECTORY it writes the CA (`ca.pem`), the web identity token (`pod/token`), a line for each request
(`journal.jsonl`) and, when it is ready, the port (`port`).
"""

import argparse
import io
import json
import pathlib
import threading
import time
from urllib.parse import parse_qsl

import boto3
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sts.models import STSBackend
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

import certificates
import web_identity

REGION = "eu-west-1"
ROLE_NAME = "reports"
BUCKETS = ["reports-2025", "reports-2026"]
# Everything else is denied, as IAM does by default.
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetObject"], "Resource": "*"}
    ],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.demo.invalid"},
            "Condition": {"StringEquals": {"oidc.demo.invalid:sub": web_identity.SUBJECT}},
        }
    ],
}


class Gate:
    """In front of moto: refuses what nobody signed, checks web identity tokens, writes the journal."""

    def __init__(self, moto, directory: pathlib.Path):
        self.moto = moto
        self.token_directory = directory / "pod"
        self.journal = open(directory / "journal.jsonl", "a", buffering=1)
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        request = Request(environ)
        entry = {
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "access_key": _access_key(request.headers.get("Authorization", "")),
        }
        form = _form(request)
        if form.get("Action") == "AssumeRoleWithWebIdentity":
            entry["action"] = "AssumeRoleWithWebIdentity"
            try:
                entry["token"] = web_identity.verify(self.token_directory, form.get("WebIdentityToken", ""))["jti"]
                answer = self.moto
            except ValueError as error:
                answer = _sts_error("InvalidIdentityToken", str(error))
        elif entry["access_key"] is None:
            answer = _s3_error("AccessDenied", "Access Denied")
        else:
            answer = self.moto

        def record(status, headers, exc_info=None):
            entry["status"] = int(status.split()[0])
            with self.lock:
                self.journal.write(json.dumps(entry) + "\n")
            return start_response(status, headers, exc_info)

        return answer(environ, record)


def _form(request: Request) -> dict:
    """The form body of a call to a query service; moto still finds it unread."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return {}
    body = request.get_data()
    request.environ["wsgi.input"] = io.BytesIO(body)
    return dict(parse_qsl(body.decode(errors="replace")))


def _access_key(authorization: str) -> str | None:
    _, found, rest = authorization.partition("AWS4-HMAC-SHA256 Credential=")
    return rest.split("/")[0] if found else None


def _s3_error(code: str, message: str) -> Response:
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>\n',
        status=403,
        mimetype="application/xml",
    )


def _sts_error(code: str, message: str) -> Response:
    return Response(
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>\n",
        status=400,
        mimetype="text/xml",
    )


def teach_moto(session_seconds: int) -> None:
    """Sessions of `session_seconds`, and AssumeRoleWithWebIdentity without a signature (the gate has checked its token)."""
    assume = STSBackend.assume_role_with_web_identity
    STSBackend.assume_role_with_web_identity = lambda self, **arguments: assume(
        self, **{**arguments, "duration": session_seconds}
    )
    authorize = ActionAuthenticatorMixin._authenticate_and_authorize_action

    def authorize_unless_web_identity(self, *arguments, **named):
        if self._get_action() != "AssumeRoleWithWebIdentity":
            authorize(self, *arguments, **named)

    ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize_unless_web_identity


def create_account(endpoint: str, ca: pathlib.Path) -> None:
    """The role with its policy, and the buckets, made through the API before authorisation is switched on."""
    admin = {
        "region_name": REGION,
        "endpoint_url": endpoint,
        "verify": str(ca),
        "aws_access_key_id": "setup",
        "aws_secret_access_key": "setup",
    }
    iam = boto3.client("iam", **admin)
    iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName=ROLE_NAME, PolicyName="read-reports", PolicyDocument=json.dumps(POLICY))
    s3 = boto3.client("s3", **admin)
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--session-seconds", type=int, default=3600, help="lifetime of the sessions that STS gives")
    arguments = parser.parse_args()

    directory = arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    certificates.write(directory)
    web_identity.rotate(directory / "pod")
    teach_moto(arguments.session_seconds)

    server = make_server(
        arguments.host,
        arguments.port,
        Gate(DomainDispatcherApplication(create_backend_app), directory),
        threaded=True,
        request_handler=MotoRequestHandler,
        ssl_context=(str(directory / "aws.pem"), str(directory / "aws.key")),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    create_account(f"https://127.0.0.1:{server.port}", directory / "ca.pem")
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0

    ready = directory / "port.tmp"
    ready.write_text(str(server.port))
    ready.replace(directory / "port")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
