"""A container credentials endpoint for a laptop, as ECS and the EKS Pod Identity agent have one.

It answers with the temporary credentials in its own environment, to whoever shows AWS_CONTAINER_AUTHORIZATION_TOKEN.
"""

import http.server
import json
import os
import sys

MEMBERS = {
    "AccessKeyId": "AWS_ACCESS_KEY_ID",
    "SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
    "Token": "AWS_SESSION_TOKEN",
    "Expiration": "AWS_CREDENTIAL_EXPIRATION",
}


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") == os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]:
            status, answer = 200, {member: os.environ[name] for member, name in MEMBERS.items()}
        else:
            status, answer = 401, {"code": "Unauthorized", "message": "another authorization token is expected"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    missing = [name for name in MEMBERS.values() if not os.environ.get(name)]
    if missing:
        sys.exit(
            f"no temporary credentials: {', '.join(missing)} not set. Before docker compose: "
            'eval "$(aws configure export-credentials --format env)", or aws-vault exec <profile> -- docker compose ...'
        )
    http.server.ThreadingHTTPServer(("", 80), Endpoint).serve_forever()


if __name__ == "__main__":
    main()
