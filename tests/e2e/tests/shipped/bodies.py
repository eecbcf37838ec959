"""Prints the signing name and the largest request, in bytes, of each service of botocore's whose blobs may be that large."""

import botocore.session

LEAST = 8 << 20


def blobs(shape, seen):
    """Each blob beneath a shape that has a maximum."""
    if shape is None or shape.name in seen:
        return
    seen = seen | {shape.name}
    if shape.type_name == "blob":
        if "max" in shape.metadata:
            yield shape
    elif shape.type_name == "structure":
        for member in shape.members.values():
            yield from blobs(member, seen)
    elif shape.type_name == "list":
        yield from blobs(shape.member, seen)
    elif shape.type_name == "map":
        yield from blobs(shape.value, seen)


session = botocore.session.get_session()
largest = {}
for name in session.get_available_services():
    service = session.get_service_model(name)
    if service.signing_name.startswith("s3"):
        continue
    for operation in map(service.operation_model, service.operation_names):
        shape = operation.input_shape
        payload = shape and shape.serialization.get("payload")
        for blob in blobs(shape, frozenset()):
            is_whole = payload and shape.members[payload].name == blob.name
            length = blob.metadata["max"]
            length = length if is_whole else -(-length // 3) * 4
            if length >= LEAST:
                largest[service.signing_name] = max(length, largest.get(service.signing_name, 0))
for name, length in sorted(largest.items()):
    print(name, length)
