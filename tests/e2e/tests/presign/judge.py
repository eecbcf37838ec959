"""Presigns with botocore and placeholder keys, has the result signed by the filter, and signs the same with botocore and the
credentials that STS gave. Prints what differs, and how many of each form were the same.

judge.py <endpoint> <seed> <count>; the credentials are in the environment, as GIVEN_*.
"""

import base64
import collections
import datetime
import http.client
import json
import os
import random
import sys
import urllib.parse

import botocore.auth
import botocore.session
import botocore.signers
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

ENDPOINT, SEED, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
REGION = "eu-west-1"
PLACEHOLDER = Credentials("placeholder", "placeholder")
GIVEN = Credentials(
    os.environ["GIVEN_ACCESS_KEY_ID"],
    os.environ["GIVEN_SECRET_ACCESS_KEY"],
    os.environ["GIVEN_SESSION_TOKEN"],
)
SIGNATURE = {
    "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
    "X-Amz-Security-Token", "X-Amz-SignedHeaders", "X-Amz-Signature",
}  # fmt: skip
# What a form's signature writes among its conditions.
SIGNED = {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token"}
chance = random.Random(SEED)
connection = http.client.HTTPConnection(urllib.parse.urlsplit(ENDPOINT).netloc)


def exchange(asked):
    body = asked if isinstance(asked, str) else json.dumps(asked)
    headers = {"x-sigv4-egress": "1"}
    connection.request("POST", "/presign", body.encode(), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise ValueError(f"{answer.status} {text}")
    return text if isinstance(asked, str) else json.loads(text)


class At(datetime.datetime):
    """A clock that stands at the date of a signature."""

    moment = None

    @classmethod
    def utcnow(cls):
        return cls.moment

    @classmethod
    def now(cls, tz=None):
        return cls.moment.replace(tzinfo=tz)


def set_clock(date):
    At.moment = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: At.moment
    else:
        botocore.auth.datetime.datetime = At


def parameters(url):
    query = urllib.parse.urlsplit(url).query
    return urllib.parse.parse_qsl(query, keep_blank_values=True)


def same(asked, signed, method, headers, service):
    """Whether the URL is the one that was asked for, signed as botocore signs it."""
    before, after = urllib.parse.urlsplit(asked), urllib.parse.urlsplit(signed)
    own = [found for found in parameters(asked) if found[0] not in SIGNATURE]
    kept = [found for found in parameters(signed) if found[0] not in SIGNATURE]
    written = dict(found for found in parameters(signed) if found[0] in SIGNATURE)
    expected = dict(parameters(asked))
    if (after.scheme, before.netloc, before.path) != ("https", after.netloc, after.path):
        return "another URL"
    if sorted(own) != sorted(kept):
        return "other parameters"
    if written["X-Amz-Expires"] != expected["X-Amz-Expires"]:
        return "another lifetime"
    set_clock(written["X-Amz-Date"])
    bare = after._replace(query=urllib.parse.urlencode(own, quote_via=urllib.parse.quote)).geturl()
    kind = botocore.auth.S3SigV4QueryAuth if service == "s3" else botocore.auth.SigV4QueryAuth
    signer = kind(GIVEN, service, REGION, int(written["X-Amz-Expires"]))
    request = AWSRequest(method=method, url=bare, headers=dict(headers))
    signer.add_auth(request)
    ours = dict(found for found in parameters(request.url) if found[0] in SIGNATURE)
    if ours != written:
        names = sorted(name for name in SIGNATURE if ours.get(name) != written.get(name))
        return f"{names}"
    return None


session = botocore.session.Session()
session.set_credentials("placeholder", "placeholder")


def client(service, **options):
    # Each of boto3's clients takes a second; these few are kept.
    key = (service, json.dumps(options, sort_keys=True))
    if key not in clients:
        config = Config(signature_version="s3v4", s3=options) if service == "s3" else None
        clients[key] = session.create_client(service, region_name=REGION, config=config)
    return clients[key]


clients = {}
seen = {}
generate = botocore.signers.RequestSigner.generate_presigned_url


def look(self, request_dict, *arguments, **options):
    seen.update(request_dict)
    return generate(self, request_dict, *arguments, **options)


botocore.signers.RequestSigner.generate_presigned_url = look


def text(least, most, alphabet="abcXYZ019 /+=&%?#~._-!*'()äß€,:;@$"):
    return "".join(chance.choice(alphabet) for _ in range(chance.randint(least, most)))


def word(least=1, most=12):
    return text(least, most, "abcdefghij0123456789")


def key():
    return text(1, 40).lstrip("/") or "k"


def s3():
    style = {"addressing_style": chance.choice(["path", "virtual"])}
    if chance.random() < 0.2:
        style["use_dualstack_endpoint"] = True
    method, more = chance.choice(
        [
            ("get_object", {"VersionId": text(1, 10)}),
            ("get_object", {"ResponseContentDisposition": text(1, 30)}),
            ("get_object", {}),
            ("head_object", {}),
            ("delete_object", {}),
            ("put_object", {}),
            ("put_object", {"ContentType": "image/png"}),
            ("put_object", {"Metadata": {word(): text(1, 20, "abc XYZ-_.,=") or "v"}}),
            ("put_object", {"ServerSideEncryption": "AES256", "StorageClass": "STANDARD_IA"}),
            ("upload_part", {"PartNumber": chance.randint(1, 10000), "UploadId": word()}),
            ("abort_multipart_upload", {"UploadId": word()}),
            ("create_multipart_upload", {}),
            ("complete_multipart_upload", {"UploadId": word()}),
        ]
    )
    s3_client = client("s3", **style)
    parameters_ = {"Bucket": chance.choice(["reports", "team-a", "uploads"]), "Key": key(), **more}
    url = s3_client.generate_presigned_url(
        method, Params=parameters_, ExpiresIn=chance.randint(1, 900)
    )
    names = dict(parameters(url))["X-Amz-SignedHeaders"].split(";")
    # What else is signed must be sent, and is known to whoever makes the URL.
    known = {name.lower(): value for name, value in seen["headers"].items()}
    headers = {
        name: value if isinstance(value, str) else value.decode()
        for name, value in known.items()
        if name in names and name != "host"
    }
    asked = {"url": url, "method": seen["method"], "headers": headers}
    return asked, exchange(asked)["url"], url, seen["method"], headers, "s3"


def bare(service, url):
    token = url.removeprefix("https://")
    signed = exchange(token) if chance.random() < 0.5 else exchange({"token": token})["token"]
    return token, "https://" + signed, url, "GET", {}, service


def rds():
    host = f"{word(3)}.{word()}.{REGION}.rds.amazonaws.com"
    token = client("rds").generate_db_auth_token(host, chance.randint(1, 65535), text(1, 20))
    return bare("rds-db", "https://" + token)


def dsql():
    made = client("dsql")
    name = chance.choice(["generate_db_connect_auth_token", "generate_db_connect_admin_auth_token"])
    token = getattr(made, name)(f"{word(3)}.dsql.{REGION}.on.aws", ExpiresIn=chance.randint(1, 900))
    return bare("dsql", "https://" + token)


def presigned(method, url, service, seconds, headers=()):
    signer = botocore.auth.SigV4QueryAuth(PLACEHOLDER, service, REGION, seconds)
    botocore.auth.get_current_datetime = REAL_CLOCK
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    signer.add_auth(request)
    return request.url


REAL_CLOCK = getattr(botocore.auth, "get_current_datetime", None)


def cache():
    service = chance.choice(["elasticache", "memorydb"])
    query = {"Action": "connect", "User": text(1, 20)}
    if chance.random() < 0.5 and service == "elasticache":
        query["ResourceType"] = "ServerlessCache"
    url = f"https://{word(3)}/?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
    return bare(service, presigned("GET", url, service, 900))


def kafka():
    url = f"https://kafka.{REGION}.amazonaws.com/?Action=kafka-cluster%3AConnect"
    made = presigned("GET", url, "kafka-cluster", 900)
    agent = "&User-Agent=aws-msk-iam-sasl-signer-python%2F" + word()
    token = base64.urlsafe_b64encode((made + agent).encode()).decode().rstrip("=")
    signed = exchange(token)
    signed = base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4)).decode()
    if not signed.endswith(agent):
        raise ValueError(f"the agent is not last: {signed}")
    return token, signed.removesuffix(agent), made, "GET", {}, "kafka-cluster"


def eks():
    cluster = {"x-k8s-aws-id": "prod-" + word()}
    url = f"https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    made = presigned("GET", url, "sts", 60, cluster)
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(made.encode()).decode().rstrip("=")
    asked = {"token": token, "headers": cluster}
    signed = exchange(asked)["token"].removeprefix("k8s-aws-v1.")
    signed = base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4)).decode()
    return asked, signed, made, "GET", cluster, "sts"


def form():
    """Prints nothing of its own: a form is checked here, whole."""
    conditions = [["content-length-range", 0, chance.randint(1, 1000)]]
    fields = {}
    if chance.random() < 0.5:
        fields = {"x-amz-meta-a": "b", "Content-Type": "image/png"}
        conditions += [{name: value} for name, value in fields.items()]
    asked = client("s3", addressing_style=chance.choice(["path", "virtual"])).generate_presigned_post(
        "uploads",
        "in/" + chance.choice(["${filename}", key()]),
        Fields=dict(fields),
        Conditions=list(conditions),
        ExpiresIn=chance.randint(2, 890),
    )
    signed = exchange({"form": asked})["form"]
    written = signed["fields"]
    set_clock(written["x-amz-date"])
    policy = json.loads(base64.b64decode(asked["fields"]["policy"]))
    ours = json.loads(base64.b64decode(written["policy"]))
    policy["conditions"] = [
        one for one in policy["conditions"] if not (isinstance(one, dict) and any(name in SIGNED for name in one))
    ]
    request = AWSRequest(method="POST", url=asked["url"])
    request.context["s3-presign-post-fields"] = {}
    request.context["s3-presign-post-policy"] = policy
    botocore.auth.S3SigV4PostAuth(GIVEN, "s3", REGION).add_auth(request)
    expected = request.context["s3-presign-post-fields"]
    theirs = json.loads(base64.b64decode(expected["policy"]))

    def flat(conditions):
        return sorted(json.dumps(one) for one in conditions)

    if flat(theirs["conditions"]) != flat(ours["conditions"]):
        return asked, "other conditions"
    for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token"):
        if written[name] != expected[name]:
            return asked, name
    # The order of keys in a policy is anyone's: botocore signs the bytes that are there.
    signature = botocore.auth.SigV4Auth(GIVEN, "s3", REGION)
    request.context["timestamp"] = written["x-amz-date"]
    if signature.signature(written["policy"], request) != written["x-amz-signature"]:
        return asked, "x-amz-signature"
    others = {name: value for name, value in asked["fields"].items() if name not in expected}
    if {name: value for name, value in written.items() if name not in expected} != others:
        return asked, "other fields"
    return asked, None


FORMS = {"s3": s3, "rds": rds, "dsql": dsql, "cache": cache, "kafka": kafka, "eks": eks}
good = collections.Counter()
for number in range(COUNT):
    botocore.auth.get_current_datetime = REAL_CLOCK
    name = ("s3", "s3", "form", "rds", "dsql", "cache", "kafka", "eks")[number % 8]
    try:
        if name == "form":
            asked, wrong = form()
        else:
            asked, signed, url, method, headers, service = FORMS[name]()
            wrong = same(url, signed, method, headers, service)
    except ValueError as fault:
        asked, wrong = "", str(fault)
    if wrong is None:
        good[name] += 1
    else:
        print(f"{name} {wrong}: {asked}")
print(json.dumps(good, sort_keys=True))
