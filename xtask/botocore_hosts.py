"""Every host that botocore resolves, with the signing name, region and algorithm it signs it with.

The oracle of the endpoint table and of its test. It asks botocore's own parts: the endpoint rule
sets, and where a rule set names no scheme, the client's legacy resolution, as `ClientCreator` does.
"""

import collections
import itertools

import botocore.session
from botocore.auth import resolve_auth_type
from botocore.client import ClientEndpointBridge
from botocore.config import Config
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError, EndpointProviderError

# What stands in a host for a name that the caller chooses.
ACCOUNT = "123456789012"
NAME = "tenant-name"
# The same for a multi-region endpoint, whose two labels a rule set takes as one name.
ENDPOINT_ID = "abcde.veo"

# The same for a Kinesis stream: its rule set cuts such an id into two labels.
STREAM_ID = "tenantnametenantname-abc"

VARIANTS = list(itertools.product((False, True), repeat=2))


def hosts():
    """Maps each host to its (signing name, signing region, algorithm).

    Few hosts have several: the answer of the service that owns the host beats that of an operation
    with a host prefix (`maps.geo` is Location's Maps API, not the older Location API), and then
    the answer that most regions give. A region of `~` is the client's own (S3 acceleration)."""
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    partitions = loader.load_data("partitions")
    legacy = session.get_component("endpoint_resolver")
    regions = sorted(r for p in partitions["partitions"] for r in p["regions"])
    found = {}
    for service in session.get_available_services():
        model = session.get_service_model(service)
        rules = loader.load_service_model(service, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)
        parameters = provider.ruleset.parameters
        operations = distinct_operations(model)
        if not operations:
            continue
        for region, (fips, dual) in itertools.product(regions, VARIANTS):
            default = default_scope(session, legacy, model, region, fips, dual)
            given = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
            for static, prefix in operations:
                for more in caller_parameters(service, region, static):
                    everything = {**given, **static, **more}
                    asked = {k: v for k, v in everything.items() if k in parameters}
                    try:
                        endpoint = provider.resolve_endpoint(**asked)
                    except EndpointProviderError:
                        continue
                    host = prefix + endpoint.url.removeprefix("https://").split("/")[0]
                    if not is_signed(model) and region not in host.split("."):
                        continue
                    schemes = endpoint.properties.get("authSchemes")
                    answers = found.setdefault(host, collections.Counter())
                    answer = scope(schemes, default)
                    if ".s3-accelerate." in f".{host}":
                        answer = (answer[0], "~", answer[2])
                    answers[answer] += 1 if prefix else 1_000_000
    return {host: best(answers) for host, answers in found.items()}


def best(answers):
    return max(sorted(answers), key=answers.__getitem__)


def is_signed(model):
    """Whether a service takes signatures; two take bearer tokens only. Of these, a host of the plain
    shape is in the list all the same, for it resolves like any other."""
    auth = model.metadata.get("auth") or [model.metadata.get("signatureVersion")]
    return not all("earer" in kind for kind in auth)


def distinct_operations(model):
    """The (static parameters, host prefix) of the signed operations, each pair once."""
    seen = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.auth_type == "none":
            continue
        static = {p.name: p.value for p in operation.static_context_parameters}
        prefix = (operation.endpoint or {}).get("hostPrefix", "")
        if "{AccountId}" in prefix:
            prefix = f"{ACCOUNT}."
        elif "{" in prefix:
            prefix = f"{NAME}."
        key = (tuple(sorted(static.items())), prefix)
        seen.setdefault(key, (static, prefix))
    return list(seen.values())


def caller_parameters(service, region, static):
    """The parameters that come from a call, as far as they change the host."""
    if service == "s3":
        return s3_parameters(region)
    if service == "s3control":
        return s3control_parameters(region)
    if service in ("dynamodb", "dynamodbstreams", "eventbridgev2", "kinesis"):
        account = {"AccountId": ACCOUNT, "AccountIdEndpointMode": "preferred"}
        return [{}, account, {"StreamId": STREAM_ID}]
    if service in ("events", "sesv2"):
        return [{}, {"EndpointId": ENDPOINT_ID}]
    if service == "cloudfront-keyvaluestore":
        return [{"KvsARN": f"arn:aws:cloudfront::{ACCOUNT}:key-value-store/abc"}]
    if service == "opensearchmemory":
        return [{}, {"SpaceId": NAME}]
    if service == "sts":
        return [{}, {"UseGlobalEndpoint": True}]
    return [{}]


def s3_parameters(region):
    def arn(rest, service="s3", home=region):
        return f"arn:aws:{service}:{home}:{ACCOUNT}:{rest}"

    partition = partition_of(region)
    buckets = [
        None,
        NAME,
        "a.dotted.name",
        arn(f"accesspoint/{NAME}"),
        arn(f"accesspoint/{NAME}", "s3-object-lambda"),
        arn(f"outpost/op-01234567890123456/accesspoint/{NAME}", "s3-outposts"),
        arn("accesspoint/mfzwi23gnjvgw.mrap", home=""),
        f"{NAME}--use1-az4--x-s3",
        f"{NAME}--use1-az4--xa-s3",
        "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
    ]
    buckets = [b and b.replace("arn:aws:", f"arn:{partition}:") for b in buckets]
    flags = ("ForcePathStyle", "Accelerate", "UseGlobalEndpoint", "UseObjectLambdaEndpoint",
             "UseS3ExpressControlEndpoint", "DisableS3ExpressSessionAuth")
    for bucket in buckets:
        for flag in (None, *flags):
            more = {"Bucket": bucket} if bucket else {}
            yield {**more, flag: True} if flag else more


def s3control_parameters(region):
    partition = partition_of(region)
    outpost = f"arn:{partition}:s3-outposts:{region}:{ACCOUNT}:outpost/op-01234567890123456"
    account = {"AccountId": ACCOUNT}
    return [
        {},
        account,
        {**account, "OutpostId": "op-01234567890123456"},
        {**account, "Bucket": f"{outpost}/bucket/{NAME}"},
        {**account, "AccessPointName": f"{outpost}/accesspoint/{NAME}"},
        {**account, "AccessPointName": f"{NAME}--use1-az4--xa-s3"},
    ]


def partition_of(region):
    session = botocore.session.Session() if not _SESSION else _SESSION[0]
    _SESSION[:] = [session]
    try:
        return session.get_partition_for_region(region)
    except BotoCoreError:
        return "aws"


_SESSION = []


def default_scope(session, legacy, model, region, fips, dual):
    """Name and region that a client signs with where the rule set names none."""
    auth = model.metadata.get("auth")
    version = resolve_auth_type(auth) if auth else model.metadata["signatureVersion"]
    bridge = ClientEndpointBridge(
        legacy,
        client_config=Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual),
        service_signing_name=model.metadata.get("signingName"),
        config_store=session.get_component("config_store"),
        service_signature_version=version,
    )
    try:
        resolved = bridge.resolve(model.endpoint_prefix, region)
        return resolved["signing_name"], resolved["signing_region"]
    except BotoCoreError:
        # The legacy data know no such variant, as with dual-stack in the isolated partitions.
        return model.signing_name, region


def scope(schemes, default):
    """(signing name, signing region, algorithm), chosen as botocore does without its C extension:
    SigV4A only where the rule set offers nothing else."""
    name, region = default
    if schemes is None:
        return name, region, "SigV4"
    known = [s for s in schemes if s["name"] in ("sigv4", "sigv4-s3express")]
    scheme = (known or schemes)[0]
    name = scheme.get("signingName", name)
    if known:
        return name, scheme.get("signingRegion", region), "SigV4"
    return name, ",".join(scheme["signingRegionSet"]), "SigV4A"
