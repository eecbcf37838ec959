"""Names buckets to S3 in every way that boto3 knows, and in some that others know, through the sidecar.

    python forms.py <port> rules|list

What each request should come to follows from what the call was given, and from the rules below, which are those of the
test's configuration: no URL is read here. Prints a JSON object for each request: `id` (which is also its header
`x-test-id`), `what` it is, `expected` (`denied` and other reasons, `signed own`, `signed audit`, `untouched`), and `reason`,
that of the filter's answer, if it answered.
"""

import itertools
import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

# S3 Express without sessions.
os.environ["AWS_S3_DISABLE_EXPRESS_SESSION_AUTH"] = "true"

PORT = sys.argv[1]
MODE = sys.argv[2]
SIDECAR = f"http://127.0.0.1:{PORT}"
ACCOUNT = "123456789012"
NAMED_ALIAS = "named-hrzrlukc5m36ft7okagglf3gmwluq-s3alias"
NAMED_ACCESS_POINT = "named-point"

# Names, and what the rules want of a request that names it.
if MODE == "rules":
    WANTED = {
        "secret": "denied",
        "team-a-private": "denied",
        "team-a.dotted": "denied",
        "ledger": "audit",
        "journal": "audit",
        "open-data": "left alone",
        "reports": "own",
        "team-b-secret": "own",
        "my.secret": "own",
    }
    HIDDEN = "denied"
    NOTHING = "own"
else:
    WANTED = {
        "reports": "own",
        "team-b-private": "own",
        "team-b.dotted": "own",
        "secret": "not listed",
        "team-a-private": "not listed",
        "reports2": "not listed",
        "my.reports": "not listed",
    }
    HIDDEN = "not listed"
    NOTHING = "not listed"
DIRECTORY = {f"{name}--euw1-az1--x-s3": wanted for name, wanted in WANTED.items() if "." not in name}
if MODE == "rules":
    # Only names with a pattern, and the one that is listed.
    DIRECTORY = {name: "own" for name in DIRECTORY}
    DIRECTORY["team-a-private--euw1-az1--x-s3"] = "denied"
    DIRECTORY["secret--euw1-az1--x-s3"] = "denied"
else:
    DIRECTORY = {name: "not listed" for name in DIRECTORY}
    DIRECTORY["team-b-private--euw1-az1--x-s3"] = "own"


def expected(wanted, at_loopback, is_signed=True):
    """What a request comes to that names things of which this is wanted; `is_signed`: with a placeholder's key."""
    if "denied" in wanted:
        return "denied"
    if "not listed" in wanted:
        return "not_allowed"
    if len(set(wanted)) > 1:
        return "buckets_of_different_roles"
    if wanted[0] == "left alone":
        if at_loopback:
            return "left_alone_at_loopback"
        return "placeholder_unreplaced" if is_signed else "untouched"
    return f"signed {wanted[0]}"


class Run:
    """Counts requests, and says what became of each."""

    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return str(self.count)

    def report(self, number, what, should, reason):
        print(json.dumps({"id": number, "what": what, "expected": should, "reason": reason}))


RUN = Run()


# The models, read once and not by each client.
LOADER = botocore.loaders.create_loader()


class Client:
    """A client of boto3's, whose requests have a number."""

    def __init__(self, what, service="s3", region="eu-west-1", endpoint=None, keys=("placeholder", "placeholder"), **config):
        self.what = what
        self.at_loopback = endpoint == SIDECAR
        self.is_signed = config.get("signature_version") is not UNSIGNED
        self.number, self.alter, self.is_sent = None, None, False
        proxies = {} if self.at_loopback else {"http": SIDECAR}
        settings = Config(
            region_name=region,
            proxies=proxies,
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            **config,
        )
        core = botocore.session.Session()
        core.register_component("data_loader", LOADER)
        session = boto3.Session(*keys, botocore_session=core)
        self.boto3 = session.client(service, use_ssl=False, endpoint_url=endpoint, config=settings)
        self.boto3.meta.events.register("before-send", self.send)

    def send(self, request, **_):
        self.is_sent = True
        self.host = urlsplit(request.url).hostname
        request.headers["x-test-id"] = self.number
        if self.alter is not None:
            self.alter(request)

    def ask(self, operation, wanted, alter=None, **parameters):
        """One call; `wanted` is what is wanted of each thing that it names."""
        self.number, self.alter, self.is_sent = RUN.next(), alter, False
        what = f"{self.what}: {operation} {parameters}"
        reason = None
        try:
            getattr(self.boto3, operation)(**parameters)
        except ClientError as error:
            reason = error.response["ResponseMetadata"]["HTTPHeaders"].get("x-sigv4-egress-reason")
        except Exception as error:
            # What the fake AWS answers is nothing that S3 does.
            if not self.is_sent:
                raise RuntimeError(f"{what}: not sent") from error
        should = expected(wanted, self.at_loopback, self.is_signed)
        # A bucket with dots before S3's host, which no certificate covers, is not signed for.
        if should.startswith("signed") and any(self.host.startswith(f"{name}.") for name in WANTED if "." in name):
            should = "dotted_bucket"
        RUN.report(self.number, what, should, reason)


def path_style(**more):
    return {"s3": {"addressing_style": "path", **more}}


def virtual(**more):
    return {"s3": {"addressing_style": "virtual", **more}}


def clients():
    """Every form that boto3 has for the name of a general purpose bucket."""
    for region in ["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"]:
        yield Client(f"at 127.0.0.1, {region}", region=region, endpoint=SIDECAR)
    for region in ["eu-west-1", "us-east-1", "us-gov-east-1", "cn-northwest-1", "ap-southeast-7"]:
        yield Client(f"path style, {region}", region=region, **path_style())
        yield Client(f"virtual host, {region}", region=region, **virtual())
        yield Client(f"dual-stack path style, {region}", region=region, use_dualstack_endpoint=True, **path_style())
        yield Client(f"dual-stack virtual host, {region}", region=region, use_dualstack_endpoint=True, **virtual())
    for region in ["us-east-1", "us-gov-west-1"]:
        for dual_stack in [False, True]:
            what = f"FIPS, {region}, dual-stack {dual_stack}"
            more = {"use_fips_endpoint": True, "use_dualstack_endpoint": dual_stack}
            yield Client(f"{what}, path style", region=region, **more, **path_style())
            yield Client(f"{what}, virtual host", region=region, **more, **virtual())
    yield Client("the global name", region="aws-global", **virtual())
    yield Client("the global name, path style", region="aws-global", **path_style())
    yield Client("us-east-1 as it was", region="us-east-1", **virtual(us_east_1_regional_endpoint="legacy"))
    for host in [
        "s3-eu-west-1.amazonaws.com",
        "s3-us-gov-west-1.amazonaws.com",
        "s3.amazonaws.com",
        "s3-external-1.amazonaws.com",
        "bucket.vpce-1a2b3c4d-5e6f.s3.eu-west-1.vpce.amazonaws.com",
        "bucket.vpce-1a2b3c4d-5e6f-eu-west-1a.s3.eu-west-1.vpce.amazonaws.com",
        "s3.eu-west-1.amazonaws.com:8080",
        "S3.EU-West-1.amazonaws.com",
    ]:
        yield Client(f"at {host}, path style", endpoint=f"http://{host}", **path_style())
        yield Client(f"at {host}, virtual host", endpoint=f"http://{host}", **virtual())


def object_calls(client, name, wanted):
    """Operations of all kinds of one bucket."""
    ask = client.ask
    ask("get_object", wanted, Bucket=name, Key="a/secret/b")
    ask("put_object", wanted, Bucket=name, Key="k", Body=b"12345")
    ask("head_object", wanted, Bucket=name, Key="k")
    ask("delete_object", wanted, Bucket=name, Key="k")
    ask("list_objects_v2", wanted, Bucket=name, Prefix="secret/")
    ask("head_bucket", wanted, Bucket=name)
    ask("delete_bucket", wanted, Bucket=name)
    ask("get_bucket_policy", wanted, Bucket=name)
    ask("create_multipart_upload", wanted, Bucket=name, Key="k")
    ask("delete_objects", wanted, Bucket=name, Delete={"Objects": [{"Key": "k"}]})


def more_calls(client, name, wanted):
    ask = client.ask
    ask("create_bucket", wanted, Bucket=name)
    ask("list_objects", wanted, Bucket=name)
    ask("list_object_versions", wanted, Bucket=name)
    ask("list_multipart_uploads", wanted, Bucket=name)
    ask("get_bucket_location", wanted, Bucket=name)
    ask("get_bucket_tagging", wanted, Bucket=name)
    ask("delete_bucket_cors", wanted, Bucket=name)
    ask("put_bucket_versioning", wanted, Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    ask("get_object_acl", wanted, Bucket=name, Key="k")
    ask("put_object_tagging", wanted, Bucket=name, Key="k", Tagging={"TagSet": []})
    ask("get_object_attributes", wanted, Bucket=name, Key="k", ObjectAttributes=["ETag"])
    ask("upload_part", wanted, Bucket=name, Key="k", PartNumber=1, UploadId="u", Body=b"12345")
    ask("list_parts", wanted, Bucket=name, Key="k", UploadId="u")
    ask("abort_multipart_upload", wanted, Bucket=name, Key="k", UploadId="u")
    ask("restore_object", wanted, Bucket=name, Key="k", RestoreRequest={"Days": 1})
    ask("get_object_torrent", wanted, Bucket=name, Key="k")


def general_purpose_buckets():
    for client in clients():
        for name, wanted in WANTED.items():
            object_calls(client, name, [wanted])
        client.ask("list_buckets", [NOTHING])
    for client in [Client("at 127.0.0.1", endpoint=SIDECAR), Client("virtual host", **virtual())]:
        for name, wanted in WANTED.items():
            more_calls(client, name, [wanted])
    accelerated = [
        Client("accelerated", s3={"use_accelerate_endpoint": True}),
        Client("accelerated, dual-stack", s3={"use_accelerate_endpoint": True}, use_dualstack_endpoint=True),
    ]
    for client, (name, wanted) in itertools.product(accelerated, WANTED.items()):
        # A bucket with a dot cannot be accelerated.
        if "." not in name:
            client.ask("get_object", [wanted], Bucket=name, Key="k")
            client.ask("put_object", [wanted], Bucket=name, Key="k", Body=b"12345")


def odd_paths():
    """The same bucket, as no SDK writes it and S3 reads it."""
    client = Client("at 127.0.0.1", endpoint=SIDECAR)
    direct = Client("path style", **path_style())
    for client, (name, wanted) in itertools.product([client, direct], WANTED.items()):
        first = f"%{ord(name[0]):02X}"
        every = "".join(f"%{ord(letter):02x}" for letter in name)
        for written in [
            f"/{first}{name[1:]}/k",
            f"/{every}/k",
            f"/{every}%2Fk",
            f"/{name}%2fk",
            f"//{name}/k",
            f"/%2F{name}/k",
            f"///{every}/k",
        ]:

            def alter(request, written=written, name=name):
                request.url = request.url.replace(f"/{name}/k", written)

            client.ask("get_object", [wanted], alter=alter, Bucket=name, Key="k")
    for written in ["/%2573ecret/k", "/secret%00/k", "/se%cret/k", "/./secret/k", "/%2e%2e/secret/k", "/secret;x/k"]:

        def alter(request, written=written):
            request.url = request.url.replace("/reports/k", written)

        # Nobody can say which bucket that is.
        direct.ask("get_object", [HIDDEN], alter=alter, Bucket="reports", Key="k")


def sources(name):
    """A copy's source in `name`, in every form that S3 takes."""
    every = "".join(f"%{ord(letter):02x}" for letter in name)
    return [
        f"{name}/k",
        f"/{name}/k",
        f"{name}%2Fk",
        f"%2F{name}%2Fk",
        f"{every}/k",
        f"/{every}%2Fk?versionId=1",
        f"{name}/k?versionId=1",
        f"arn:aws:s3:::{name}/k",
    ]


def copies():
    loopback = Client("at 127.0.0.1", endpoint=SIDECAR)
    forms = [loopback, Client("path style", **path_style()), Client("virtual host", **virtual())]
    for client in forms:
        for source, target in itertools.product(WANTED, WANTED):
            wanted = [WANTED[source], WANTED[target]]
            client.ask("copy_object", wanted, Bucket=target, Key="k", CopySource={"Bucket": source, "Key": "k"})
            client.ask(
                "upload_part_copy",
                wanted,
                Bucket=target,
                Key="k",
                CopySource=f"{source}/k",
                PartNumber=1,
                UploadId="u",
            )
    for source, target in itertools.product(WANTED, ["reports", "ledger"] if MODE == "rules" else ["reports"]):
        for written in sources(source):

            def alter(request, written=written):
                request.headers["x-amz-copy-source"] = written

            wanted = [WANTED[source], WANTED[target]]
            forms[1].ask("copy_object", wanted, alter=alter, Bucket=target, Key="k", CopySource="x/y")
    hidden = {"Bucket": f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/point", "Key": "k"}
    for client in forms:
        client.ask("copy_object", [HIDDEN, WANTED["reports"]], Bucket="reports", Key="k", CopySource=hidden)
        by_alias = {"Bucket": "point-hrzrlukc5m36ft7okagglf3gmwluq-s3alias", "Key": "k"}
        client.ask("copy_object", [HIDDEN, WANTED["reports"]], Bucket="reports", Key="k", CopySource=by_alias)
        named = {"Bucket": NAMED_ALIAS, "Key": "k"}
        client.ask("copy_object", ["own", WANTED["reports"]], Bucket="reports", Key="k", CopySource=named)


def access_points():
    direct = Client("virtual host", **virtual())
    path = Client("path style", **path_style())
    loopback = Client("at 127.0.0.1", endpoint=SIDECAR)
    alias = "point-hrzrlukc5m36ft7okagglf3gmwluq-s3alias"
    for client in [direct, path, loopback]:
        for name in [alias, "point-hrzrlukc5m36ft7okagglf3gmwl--ol-s3", "team-b-point-hrzrlukc5m36-s3alias"]:
            client.ask("get_object", [HIDDEN], Bucket=name, Key="secret/k")
            client.ask("list_objects_v2", [HIDDEN], Bucket=name)
        client.ask("get_object", ["own"], Bucket=NAMED_ALIAS, Key="k")
        client.ask("list_objects_v2", ["own"], Bucket=NAMED_ALIAS)
    for client in [direct, Client("dual-stack", use_dualstack_endpoint=True), Client("VPC endpoint", endpoint="http://accesspoint.vpce-1a.s3.eu-west-1.vpce.amazonaws.com")]:
        arn = f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/"
        client.ask("get_object", [HIDDEN], Bucket=arn + "point", Key="k")
        client.ask("put_object", [HIDDEN], Bucket=arn + "point", Key="k", Body=b"12345")
    arn = f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/{NAMED_ACCESS_POINT}"
    direct.ask("get_object", ["own"], Bucket=arn, Key="k")
    # What is copied to it is not behind it.
    for source, wanted in WANTED.items():
        direct.ask("copy_object", ["own", wanted], Bucket=arn, Key="k", CopySource={"Bucket": source, "Key": "k"})
    for arn in [
        f"arn:aws:s3-object-lambda:eu-west-1:{ACCOUNT}:accesspoint/point",
        f"arn:aws:s3-outposts:eu-west-1:{ACCOUNT}:outpost/op-01234567890123456/accesspoint/point",
    ]:
        direct.ask("get_object", [HIDDEN], Bucket=arn, Key="k")


def directory_buckets():
    for client in [Client("at 127.0.0.1", endpoint=SIDECAR), Client("zonal", **virtual())]:
        for name, wanted in DIRECTORY.items():
            wanted = [wanted]
            client.ask("get_object", wanted, Bucket=name, Key="secret/k")
            client.ask("put_object", wanted, Bucket=name, Key="k", Body=b"12345")
            client.ask("list_objects_v2", wanted, Bucket=name)
            client.ask("delete_bucket", wanted, Bucket=name)
            client.ask("get_bucket_policy", wanted, Bucket=name)
            client.ask("rename_object", wanted, Bucket=name, Key="k", RenameSource="secret/k")
        client.ask("list_directory_buckets", [NOTHING])
        client.ask("get_object", [HIDDEN], Bucket="point--euw1-az1--xa-s3", Key="k")
        for source, target in itertools.product(DIRECTORY, DIRECTORY):
            wanted = [DIRECTORY[source], DIRECTORY[target]]
            client.ask("copy_object", wanted, Bucket=target, Key="k", CopySource={"Bucket": source, "Key": "k"})


def control():
    client = Client("S3 Control", service="s3control")
    for name, wanted in WANTED.items():
        wanted = [wanted]
        client.ask("list_access_points", wanted, AccountId=ACCOUNT, Bucket=name)
        client.ask("get_data_access", wanted, AccountId=ACCOUNT, Target=f"s3://{name}/*", Permission="READ")
        client.ask("get_access_grants_instance_for_prefix", wanted, AccountId=ACCOUNT, S3Prefix=f"s3://{name}/x")
        client.ask("list_tags_for_resource", wanted, AccountId=ACCOUNT, ResourceArn=f"arn:aws:s3:::{name}")
    client.ask("list_access_points", [NOTHING], AccountId=ACCOUNT)
    client.ask("list_jobs", [NOTHING], AccountId=ACCOUNT)
    client.ask("get_public_access_block", [NOTHING], AccountId=ACCOUNT)
    client.ask("get_access_point", [HIDDEN], AccountId=ACCOUNT, Name="point")
    client.ask("create_access_point", [HIDDEN], AccountId=ACCOUNT, Name="point", Bucket="reports")
    client.ask("put_access_point_policy", [HIDDEN], AccountId=ACCOUNT, Name="point", Policy="{}")
    client.ask("get_access_point_for_object_lambda", [HIDDEN], AccountId=ACCOUNT, Name="point")


def multi_region_and_outposts():
    # Without awscrt boto3 cannot sign with SigV4A, and the sidecar does it.
    unsigned = Client("unsigned", signature_version=UNSIGNED)
    mrap = f"arn:aws:s3::{ACCOUNT}:accesspoint/mfzwi23gnjvgw.mrap"
    unsigned.ask("get_object", [HIDDEN], Bucket=mrap, Key="secret/k")
    unsigned.ask("put_object", [HIDDEN], Bucket=mrap, Key="k", Body=b"12345")
    outposts = Client("S3 Control on Outposts", service="s3control")
    for name, wanted in WANTED.items():
        # Outposts' buckets have no dots.
        if "." not in name:
            arn = f"arn:aws:s3-outposts:eu-west-1:{ACCOUNT}:outpost/op-01234567890123456/bucket/{name}"
            outposts.ask("get_bucket", [wanted], Bucket=arn)
            outposts.ask("get_bucket_policy", [wanted], Bucket=arn)


def websites():
    """Not signed, and a bucket's name all the same."""
    proxy = urllib.request.build_opener(urllib.request.ProxyHandler({"http": SIDECAR}))
    for name, wanted in WANTED.items():
        for end in ["s3-website-eu-west-1.amazonaws.com", "s3-website.eu-central-1.amazonaws.com"]:
            number = RUN.next()
            reason = None
            try:
                proxy.open(urllib.request.Request(f"http://{name}.{end}/", headers={"x-test-id": number}))
            except urllib.error.HTTPError as error:
                reason = error.headers.get("x-sigv4-egress-reason")
            RUN.report(number, f"website: {name}.{end}", "denied" if wanted == "denied" else "untouched", reason)


def presigned():
    """URLs that a real key of the program's has signed: the rules come first."""
    client = Client("presigned", keys=("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"), **virtual(), signature_version="s3v4")
    proxy = urllib.request.build_opener(urllib.request.ProxyHandler({"http": SIDECAR}))
    for name, wanted in WANTED.items():
        url = client.boto3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
        number = RUN.next()
        reason = None
        try:
            proxy.open(urllib.request.Request(url, headers={"x-test-id": number}))
        except urllib.error.HTTPError as error:
            reason = error.headers.get("x-sigv4-egress-reason")
        should = expected([wanted], False, is_signed=False)
        if should.startswith("signed"):
            should = "untouched"
        RUN.report(number, f"presigned: {name}", should, reason)


for cases in [
    general_purpose_buckets,
    odd_paths,
    copies,
    access_points,
    directory_buckets,
    control,
    multi_region_and_outposts,
    websites,
    presigned,
]:
    cases()
