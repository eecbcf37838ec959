"""Whether S3's requests for a directory bucket go to a regional or a zonal endpoint."""

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

BUCKET = "demo--usw2-az1--x-s3"


def request_list():
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    provider = EndpointProvider(
        loader.load_service_model("s3", "endpoint-rule-set-1"), loader.load_data("partitions")
    )
    model = session.get_service_model("s3")
    lines = set()
    for name in model.operation_names:
        operation = model.operation_model(name)
        static = {p.name: p.value for p in operation.static_context_parameters}
        target = operation.http["requestUri"]
        asked = {"Region": "us-west-2", "UseFIPS": False, "UseDualStack": False, **static}
        if "{Bucket}" in target:
            asked["Bucket"] = BUCKET
        elif "UseS3ExpressControlEndpoint" not in static:
            continue
        # Session authentication changes no host.
        asked.setdefault("DisableS3ExpressSessionAuth", True)
        try:
            url = provider.resolve_endpoint(**asked).url
        except EndpointProviderError:
            continue
        host = url.removeprefix("https://").split("/")[0]
        place = "regional" if host.startswith("s3express-control.") else "zonal"
        target = target.replace("{Bucket}", BUCKET).replace("{Key+}", "a/b")
        lines.add(f"{place} {operation.http['method']} {target}")
    head = [
        "# Where botocore sends S3's requests for a directory bucket: `<endpoint> <method> <path-style target>`.",
        "# Written by `cargo xtask endpoints`; do not edit.",
    ]
    return "\n".join([*head, *sorted(lines)]) + "\n"
