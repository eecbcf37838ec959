"""Which operations of AWS answer with AWS credentials: an access key id and a secret key beside each other."""

import collections
import re

import botocore.session

KEY_ID = re.compile(r"accesskeyid", re.IGNORECASE)
SECRET = re.compile(r"secret(access)?key", re.IGNORECASE)

HEAD = """# Operations that hand out AWS credentials

Written by `cargo xtask endpoints` from the models of botocore {version}; do not edit.

With `"allow": "*"` a program can call each of these that the role's policy lets it, and then holds credentials of its
own, which are good without the filter. A rule that denies `sts` stops those of STS alone. The role's policy is what
decides; a rule for each service of this list can catch mistakes besides, where the pod does not need the service.

The list is of operations that take a signature, and whose answer has an access key id and a secret key in the model.
Others hand out what only AWS's documentation calls a credential (tokens for registries and databases, secrets that
somebody stored), or run code with another role.

| service in rules | operations |
|---|---|
"""


def document():
    session = botocore.session.Session()
    found = collections.defaultdict(set)
    for service in session.get_available_services():
        model = session.get_service_model(service)
        for name in model.operation_names:
            operation = model.operation_model(name)
            if operation.auth_type != "none" and hands_out(operation.output_shape, set()):
                found[model.signing_name].add(name)
    rows = [
        f"| `{service}` | {', '.join(f'`{name}`' for name in sorted(names))} |"
        for service, names in sorted(found.items())
    ]
    return HEAD.format(version=botocore.__version__) + "\n".join(rows) + "\n"


def hands_out(shape, seen):
    """Whether a structure at any depth has both members."""
    if shape is None or shape.name in seen:
        return False
    seen.add(shape.name)
    if shape.type_name == "list":
        return hands_out(shape.member, seen)
    if shape.type_name == "map":
        return hands_out(shape.value, seen)
    if shape.type_name != "structure":
        return False
    members = shape.members
    has = lambda pattern: any(pattern.fullmatch(name) for name in members)
    return has(KEY_ID) and has(SECRET) or any(hands_out(member, seen) for member in members.values())
