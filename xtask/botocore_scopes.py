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


def rows(partitions):
    """[(signing name, what a request has, host, partitions' bits)], the first that fits holds.

    In a host, `*` is the region, `$` the partition's suffix and `%` its dual-stack suffix. What a
    request has is `` (anything), a target, or a method and a path with `*` for a label.
    """
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    by_name = collections.defaultdict(lambda: collections.defaultdict(list))
    for service in session.get_available_services():
        model = session.get_service_model(service)
        if service in ("s3", "s3control", "signin"):
            continue
        provider = EndpointProvider(
            loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions")
        )
        for operation in operations(model):
            static, prefix, fits = operation
            hosts = templates(provider, partitions, static, prefix, service)
            if hosts:
                by_name[model.signing_name][hosts].append(fits)
    found = []
    for name, hosts in sorted(by_name.items()):
        everywhere = ((f"{name}.*.$", (1 << len(partitions)) - 1),)
        usual = max(sorted(hosts), key=lambda key: (f"{name}.*.$" in dict(key), len(hosts[key])))
        for key, fits in sorted(hosts.items()):
            if key == usual:
                continue
            others = {f for other, all_fits in hosts.items() if other != key for f in all_fits}
            patterns, unclear = shortest(set(fits), others)
            found += [(name, pattern, host, bits) for pattern in patterns for host, bits in key]
            found += [(name, pattern, "", 0) for pattern in unclear]
        if usual != everywhere:
            found += [(name, "", host, bits) for host, bits in usual]
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
        if "targetPrefix" in metadata:
            fits = f"{metadata['targetPrefix']}.{name}"
        else:
            http = operation.http
            path = http["requestUri"].split("?")[0].rstrip("/") or "/"
            if metadata.get("protocol") == "smithy-rpc-v2-cbor":
                path = f"/service/{metadata['targetPrefix']}/operation/{name}"
            path = "/".join("*" if "{" in part else part for part in path.split("/"))
            if re.search(r"\{[^}]*\+\}$", http["requestUri"].split("?")[0]):
                path += "*"
            fits = f"{http['method']} {path}"
        yield static, prefix, fits


_CACHE = {}


def templates(provider, partitions, static, prefix, service):
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
            labels = ["*" if label == region else label for label in host.split(".")]
            found[".".join(labels)] |= 1 << index
        _CACHE[key] = tuple(sorted(found.items()))
    return _CACHE[key]


def usual_region(partition):
    """One that is no global service's home, where there is one."""
    regions = [r for r in sorted(partition["regions"]) if not r.endswith("-global")]
    home = partition["outputs"]["implicitGlobalRegion"]
    return next((r for r in regions if r not in (home, "us-west-2", "cn-north-1")), home)


def overlap(one, other):
    """Whether a request can fit both patterns, a pattern being a prefix of what it fits."""
    method, path = one.split("/", 1)
    other_method, other_path = other.split("/", 1)
    labels = zip(path.split("/"), other_path.split("/"))
    return (not method or method == other_method) and all(
        x == y or "*" in (x, y) for x, y in labels
    )


def shortest(mine, others):
    """The shortest beginnings of mine that fit none of the others, and those without one."""
    found, unclear = set(), set()
    for fits in sorted(mine):
        if "/" in fits:
            method, path = fits.split(" ")
            parts = path.split("/")
            paths = ["/".join(parts[:n]) for n in range(2, len(parts) + 1)]
            tries = paths + [f"{method} {path}" for path in paths]
            rivals = [other for other in others if "/" in other]
            clear = [t for t in tries if not any(overlap(t, other) for other in rivals)]
        else:
            tries = [fits.split(".")[0] + ".", fits]
            clear = [t for t in tries if not any(other.startswith(t) for other in others)]
        if clear:
            found.add(clear[0])
        else:
            unclear.add(fits)
    return sorted(found), sorted(unclear)


if __name__ == "__main__":
    data = botocore.session.Session().get_component("data_loader").load_data("partitions")
    for row in rows(data["partitions"]):
        print(*row, sep="\t")
