"""Which host a request goes to that names only its credential scope.

Several services can share a signing name. What tells them apart in a request without a host is its
`X-Amz-Target`, or its method and path; both come from the service models.
"""

import collections
import re

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

import botocore_hosts


def survey(partitions):
    """{signing name: {hosts by partition: {what its requests have: how often}}}; see `templates` for hosts."""
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    by_name = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    for service in session.get_available_services():
        model = session.get_service_model(service)
        if service in NOT_BY_SCOPE or not botocore_hosts.is_signed(model):
            continue
        provider = EndpointProvider(
            loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions")
        )
        for static, prefix, fits in operations(model):
            hosts = templates(provider, partitions, static, prefix, service)
            if hosts:
                by_name[model.signing_name][hosts][fits] += 1
    return by_name


# S3's hosts are its own matter, and Sign-In's have no service in them.
NOT_BY_SCOPE = ("s3", "s3control", "signin")


# The host of what customers create, which nobody can know.
CUSTOMERS = "!"
# What no service model has, before what the models have: (patterns, host).
BESIDE_THE_MODELS = {
    # Its model's rules, where it is: at the dual-stack name alone.
    "agent-discovery": [([], "=.*.%")],
    # "Prometheus-compatible APIs" and "Alert manager and ruler" in the Managed Prometheus guide.
    "aps": [(["/workspaces/*/alertmanager/api", "/workspaces/*/api"], "aps-workspaces.*.$")],
    # "Claude in Amazon Bedrock" on AWS's own endpoint: https://<name>.<region>.api.aws.
    "aws-external-anthropic": [([], "=.*.%")],
    # "Endpoints supported by Amazon Bedrock": OpenAI's and Anthropic's APIs.
    "bedrock": [(["/anthropic", "/openai"], "bedrock-runtime.*.$")],
    # "Invoke an AgentCore Gateway" in the Bedrock AgentCore guide.
    "bedrock-agentcore": [(["/mcp"], CUSTOMERS)],
    "bedrock-mantle": [([], "=.*.%")],
    # "Submitting search requests" in the CloudSearch guide: doc-<domain>, search-<domain>.
    "cloudsearch": [(["/2013-01-01"], CUSTOMERS)],
    # "Connecting devices to AWS IoT": MQTT over WebSocket at <id>-ats.iot.
    "iotdevicegateway": [([], CUSTOMERS)],
    # "GetDataEndpoint" and "GetSignalingChannelEndpoint" in the Kinesis Video Streams API: s-<id>.
    "kinesisvideo": [
        (["/getClip", "/getDASHStreamingSessionURL", "/getHLSStreamingSessionURL", "/getImages", "/getMedia",
          "/getMediaForFragmentList", "/joinStorageSession", "/joinStorageSessionAsViewer", "/listFragments",
          "/putMedia", "/v1"], CUSTOMERS)
    ],
    # "Connecting to Amazon Neptune using IAM authentication": botocore's plain host is none.
    "neptune-db": [([], CUSTOMERS)],
    # "Streaming face liveness" in the Rekognition guide.
    "rekognition": [(["/start-face-liveness-session", "/start-face-liveness-session-websocket"], "streaming-rekognition.*.$")],
    # "Track experiments using MLflow" in the SageMaker AI guide.
    "sagemaker-mlflow": [([], "*.experiments.sagemaker.aws")],
    # "Setting up a streaming transcription" in the Transcribe guide (HTTP/2 and WebSocket).
    "transcribe": [
        ([f"/{kind}stream-transcription{end}" for kind in ("", "call-analytics-", "medical-") for end in ("", "-websocket")]
         + ["/medical-scribe-stream"], "transcribestreaming.*.$")
    ],
    # "SIGv4 authenticated requests for Amazon VPC Lattice".
    "vpc-lattice-svcs": [([], CUSTOMERS)],
}
# With whose names customers' hosts sign: what is none of the models' requests is for one of these.
WITH_CUSTOMERS = {
    "aoss", "appsync", "emr-serverless", "es", "lambda", "mediapackagev2", "mediastore", "neptune-graph", "osis",
}
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def of_api(fits):
    """The pattern of an operation beside customers' hosts: its target's prefix, or the first literal labels of its path.
    `#` stands for any date, so that new versions of an API need no row."""
    if "/" not in fits:
        return fits.split(".")[0] + "."
    labels = fits.split(" ")[1].split("/")[1:3]
    if DATE.fullmatch(labels[0]):
        labels[0] = "#"
    elif labels[0] not in ("v1", "v2"):
        labels = labels[:1]
    return "/" + "/".join(labels)


def of_spaces():
    """The operations of OpenSearch Memory whose space is a label of their host, and stands in their body alone."""
    model = botocore.session.Session().get_service_model("opensearchmemory")
    prefix = model.metadata["targetPrefix"]
    names = (name for name in model.operation_names if of_space(model.operation_model(name)))
    return [f"{prefix}.{name}" for name in names]


def of_space(operation):
    return any(parameter.name == "SpaceId" for parameter in operation.context_parameters)


def rows(partitions):
    """[(signing name, patterns, host, partitions' bits)]: the first that a request fits holds.

    No pattern fits anything. No host is the answer that no host is known, and `!` that each customer has one.
    """
    everything = (1 << len(partitions)) - 1
    found = []
    surveyed = survey(partitions)
    for name in sorted(surveyed.keys() | BESIDE_THE_MODELS.keys()):
        beside = BESIDE_THE_MODELS.get(name, [])
        if name == "osm":
            beside = [(of_spaces(), CUSTOMERS)]
        found += [(name, patterns, host, everything) for patterns, host in beside]
        if name not in surveyed or any(not patterns for patterns, _ in beside):
            continue
        hosts = surveyed[name]
        if name in WITH_CUSTOMERS:
            # MediaStore's other host is customers', too.
            (usual,) = [key for key in hosts if not key[0][0].startswith("data.")]
            patterns = sorted({of_api(fits) for fits in hosts[usual]})
            found += [(name, patterns, host, bits) for host, bits in usual]
            found.append((name, [], CUSTOMERS, everything))
            continue
        everywhere = ((f"{name}.*.$", everything),)
        usual = max(
            sorted(hosts), key=lambda key: (f"{name}.*.$" in dict(key), hosts[key].total())
        )
        # API Gateway's tenants have this name too, and theirs is the request that fits nothing.
        lone = name != "execute-api"
        lacking = set()
        for key, fits in sorted(hosts.items()):
            if key == usual and lone:
                continue
            others = {f for other, all_fits in hosts.items() if other != key for f in all_fits}
            patterns, unclear = shortest(fits, others)
            patterns = [p for p in patterns if not any(p in others for others, _ in beside)]
            lacking.update("=" + p if "/" in p else p for p in unclear)
            if patterns:
                hosts_of_key = [(CUSTOMERS, everything)] if patterns == ["/@connections"] else key
                found += [(name, patterns, host, bits) for host, bits in hosts_of_key]
        if lacking:
            found.append((name, sorted(lacking), "", everything))
        if not lone:
            found.append((name, [], CUSTOMERS, everything))
        elif usual != everywhere:
            found += [(name, [], host, bits) for host, bits in usual]
    return found


def operations(model):
    """(static parameters, host prefix, what its requests have)"""
    metadata = model.metadata
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.auth_type == "none":
            continue
        static = {p.name: p.value for p in operation.static_context_parameters}
        prefix = (operation.endpoint or {}).get("hostPrefix", "")
        if "{" in prefix:
            continue
        for protocol in metadata.get("protocols", [metadata["protocol"]]):
            for fits in shapes(protocol, metadata, operation):
                yield static, prefix, fits


def shapes(protocol, metadata, operation):
    """What tells the requests of an operation: a target, or a method and a path."""
    if protocol == "json":
        yield f"{metadata['targetPrefix']}.{operation.name}"
    elif protocol == "smithy-rpc-v2-cbor":
        # POST /service/<prefix>/operation/<name>: the same two words, so the filter reads it so.
        yield f"{metadata['targetPrefix']}.{operation.name}"
    else:
        path = operation.http["requestUri"].split("?")[0].rstrip("/") or "/"
        # The last label of a greedy path holds any number of them.
        labels = [GREEDY if "+}" in p else "*" if "{" in p else p for p in path.split("/")]
        yield f"{operation.http['method']} {'/'.join(labels)}"


GREEDY = "**"
_CACHE = {}


def templates(provider, partitions, static, prefix, service):
    """((host, partitions' bits), ...). In a host, `*` stands for the region, `@` for the partition's
    global region, and the last label `$` for its suffix, `%` for its dual-stack suffix."""
    key = (service, tuple(sorted(static.items())), prefix)
    if key not in _CACHE:
        found = collections.defaultdict(int)
        for index, partition in enumerate(partitions):
            region = usual_region(partition)
            everything = {"Region": region, "UseFIPS": False, "UseDualStack": False, **static}
            asked = {k: v for k, v in everything.items() if k in provider.ruleset.parameters}
            try:
                url = provider.resolve_endpoint(**asked).url
            except EndpointProviderError:
                continue
            host = prefix + url.removeprefix("https://").split("/")[0]
            outputs = partition["outputs"]
            for suffix, sign in ((outputs["dnsSuffix"], "$"), (outputs["dualStackDnsSuffix"], "%")):
                if host.endswith("." + suffix):
                    host = host.removesuffix(suffix) + sign
            home = outputs["implicitGlobalRegion"]
            signs = {home: "@", region: "*"} if region != home else {region: "?"}
            labels = [signs.get(label, label) for label in host.split(".")]
            found[".".join(labels)] |= 1 << index
        # In a partition of one region that is both: as elsewhere.
        for host in [host for host in found if "?" in host.split(".")]:
            signs = [host.replace("?", sign) for sign in "*@"]
            same = next((host for host in signs if host in found), signs[0])
            found[same] |= found.pop(host)
        _CACHE[key] = tuple(sorted(found.items()))
    return _CACHE[key]


def usual_region(partition):
    """One that is no global service's home, where there is one."""
    regions = [r for r in sorted(partition["regions"]) if not r.endswith("-global")]
    home = partition["outputs"]["implicitGlobalRegion"]
    return next((r for r in regions if r not in (home, "us-west-2", "cn-north-1")), home)


def fits_too(pattern, other):
    """Whether a request of the other operation can fit the pattern. A pattern is a target, a
    target's beginning with its dot, or `[=][<method> ]<path>`: a path's beginning or, behind `=`,
    all of it."""
    if "/" not in pattern or "/" not in other:
        return other == pattern or (pattern.endswith(".") and other.startswith(pattern))
    exact, pattern = pattern.startswith("="), pattern.removeprefix("=")
    method, path = pattern.split("/", 1)
    other_method, other_path = other.split("/", 1)
    labels, other_labels = path.split("/"), other_path.split("/")
    if method not in ("", other_method):
        return False
    greedy = GREEDY in other_labels
    if GREEDY not in labels and not greedy:
        if len(labels) > len(other_labels) or (exact and len(labels) < len(other_labels)):
            return False
    return all(
        one == two or {one, two} & {"*", GREEDY} for one, two in zip(labels, other_labels)
    )


def shortest(mine, others):
    """The shortest patterns for mine that fit none of the others, and those without one."""
    found, unclear = set(), set()
    for fits in sorted(mine):
        if "/" in fits:
            method, path = fits.split(" ")
            labels = path.split("/")
            paths = ["/".join(labels[:n]) for n in range(2, len(labels) + 1)]
            paths = [path.removesuffix("/" + GREEDY) or path for path in paths]
            tries = [*paths, *(f"{method} {path}" for path in paths), f"={path}", f"={fits}"]
        else:
            tries = [fits.split(".")[0] + ".", fits]
        clear = [t for t in tries if not any(fits_too(t, other) for other in others)]
        if clear:
            found.add(clear[0])
        else:
            unclear.add(fits)
    return sorted(found), sorted(unclear)
