"""The pod's web identity token: issued as a cluster does, laid out as kubelet does, checked as STS does.

`python web_identity.py rotate DIRECTORY` rotates the token of a running demo.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import secrets
import sys
import time

AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:demo:reports"
LIFETIME_SECONDS = 3600


def rotate(directory: pathlib.Path) -> str:
    """Writes a new token to `directory/token` by swapping the link `..data`, so that no reader sees half a change.

    Returns the token's `jti`, its unique id.
    """
    directory.mkdir(parents=True, exist_ok=True)
    old = _link_target(directory / "..data")
    token_id = secrets.token_hex(4)
    data = directory / f"..{token_id}"
    data.mkdir(mode=0o700)
    (data / "token").write_text(_issue(_issuer_key(directory), token_id))
    swap = directory / "..data_tmp"
    swap.symlink_to(data.name)
    swap.replace(directory / "..data")
    if old is None:
        (directory / "token").symlink_to("..data/token")
    else:
        (directory / old / "token").unlink()
        (directory / old).rmdir()
    return token_id


def verify(directory: pathlib.Path, token: str) -> dict:
    """The claims of a token that the cluster of `directory` issued; ValueError with the reason for any other."""
    try:
        signed, _, signature = token.rpartition(".")
        claims = json.loads(_decode(signed.split(".")[1]))
        expected = _signature(_issuer_key(directory), signed)
        genuine = hmac.compare_digest(expected.encode(), signature.encode())
    except (IndexError, ValueError):
        raise ValueError("The token is malformed") from None
    if not genuine:
        raise ValueError("The token was not issued by this cluster")
    if AUDIENCE not in claims["aud"]:
        raise ValueError("Incorrect token audience")
    if claims["exp"] <= time.time():
        raise ValueError("Token expired")
    return claims


def _issue(key: bytes, token_id: str) -> str:
    now = int(time.time())
    claims = {
        "aud": [AUDIENCE],
        "exp": now + LIFETIME_SECONDS,
        "iat": now,
        "iss": "https://oidc.demo.invalid",
        "jti": token_id,
        "sub": SUBJECT,
    }
    signed = _encode({"alg": "HS256", "typ": "JWT"}) + "." + _encode(claims)
    return signed + "." + _signature(key, signed)


def _signature(key: bytes, signed: str) -> str:
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _encode(part: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _issuer_key(directory: pathlib.Path) -> bytes:
    """The cluster's signing key: beside the directory, because everything in it is the pod's."""
    path = directory.with_name(directory.name + ".issuer")
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _link_target(link: pathlib.Path) -> str | None:
    return os.readlink(link) if link.is_symlink() else None


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "rotate":
        sys.exit(__doc__)
    print("new token, id", rotate(pathlib.Path(sys.argv[2])))
