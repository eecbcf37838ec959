"""What moto has no data plane of, as far as the programs use it: Bedrock's conversations and an OpenSearch domain.

Each request's signature is verified as moto verifies those of its services: recomputed by botocore, with the keys of the
session that moto's STS gave.
"""

import json
import struct
import zlib

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import IAMRequest
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

BEDROCK = "bedrock-runtime.eu-west-1.amazonaws.com"
DOMAINS = ".eu-west-1.es.amazonaws.com"


class Signed(IAMRequest):
    """A request with its signature."""

    def __init__(self, request: Request, path: str, body: bytes):
        self.url = f"https://{request.host}{path}"
        super().__init__(DEFAULT_ACCOUNT_ID, request.method, path, {}, body, dict(request.headers), "Any")

    def service(self) -> str:
        return self._service

    def _create_aws_request(self):
        request = AWS_REQUEST(self)
        request.url, request.data = self.url, self._body
        return request


# As it is before the emulator of the clients changes it.
AWS_REQUEST = IAMRequest._create_aws_request


class DataPlanes:
    """In front of moto: answers for the hosts that moto does not know."""

    def __init__(self, moto):
        self.moto = moto
        self.indices = {}

    def __call__(self, environ, start_response):
        request = Request(environ)
        host = request.host.partition(":")[0]
        service = "bedrock" if host == BEDROCK else "es" if host.endswith(DOMAINS) else None
        if service is None:
            return self.moto(environ, start_response)
        body = request.get_data()
        try:
            signed = Signed(request, environ["RAW_URI"], body)
            if signed.service() != service:
                raise ValueError(f"signed for {signed.service()}, and this is {service}")
            signed.check_signature()
        except (HTTPException, KeyError, ValueError) as error:
            answer = reply({"message": f"{type(error).__name__}: {error}"}, 403)
        else:
            answer = (bedrock if service == "bedrock" else self.open_search)(request, body)
        return answer(environ, start_response)

    def open_search(self, request: Request, body: bytes) -> Response:
        index, _, rest = request.path.strip("/").partition("/")
        if not index:
            return reply({"name": "node", "version": {"number": "2.19.0", "distribution": "opensearch"}})
        if index == "_bulk":
            return self.bulk(body)
        if not rest:
            return self.index(request.method, index)
        documents = self.indices.get(index)
        if documents is None:
            return reply({"error": {"type": "index_not_found_exception", "index": index}, "status": 404}, 404)
        match rest.split("/"):
            case ["_doc", name] if request.method == "PUT":
                documents[name] = json.loads(body)
                return reply({"_index": index, "_id": name, "result": "created"}, 201)
            case ["_doc", name]:
                found = name in documents
                return reply({"_index": index, "_id": name, "found": found, "_source": documents.get(name)}, 200 if found else 404)
            case ["_refresh"]:
                return reply({"_shards": {"total": 1, "successful": 1, "failed": 0}})
            case ["_search"]:
                ((field, word),) = json.loads(body)["query"]["match"].items()
                hits = [
                    {"_index": index, "_id": name, "_source": source}
                    for name, source in documents.items()
                    if word in source.get(field, "").split()
                ]
                return reply({"hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": hits}})
        return reply({"error": f"{request.method} {request.path}"}, 400)

    def index(self, method: str, index: str) -> Response:
        if method == "PUT":
            self.indices[index] = {}
            return reply({"acknowledged": True, "index": index})
        found = self.indices.pop(index, None) if method == "DELETE" else self.indices.get(index)
        return reply({"acknowledged": found is not None}, 404 if found is None else 200)

    def bulk(self, body: bytes) -> Response:
        lines = [json.loads(line) for line in body.splitlines()]
        items = []
        for action, source in zip(lines[::2], lines[1::2]):
            ((kind, target),) = action.items()
            self.indices.setdefault(target["_index"], {})[target["_id"]] = source
            items.append({kind: {"_index": target["_index"], "_id": target["_id"], "status": 201}})
        return reply({"errors": False, "items": items})


def bedrock(request: Request, body: bytes) -> Response:
    """A model that says what it was told last, word by word."""
    said = json.loads(body)["messages"][-1]["content"][0]["text"]
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    if request.path.endswith("/converse"):
        message = {"role": "assistant", "content": [{"text": said}]}
        return reply({"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}})
    if not request.path.endswith("/converse-stream"):
        return reply({"message": f"no operation at {request.path}"}, 404)
    events = [("messageStart", {"role": "assistant"})]
    events += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in words(said)]
    events += [
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
    ]
    stream = (event(name, content) for name, content in events)
    return Response(stream, mimetype="application/vnd.amazon.eventstream")


def words(text: str) -> list[str]:
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def event(name: str, content: dict) -> bytes:
    """A message of an event stream (the Smithy specification, "Amazon Event Stream")."""
    payload = json.dumps(content).encode()
    headers = b"".join(
        header(key, value)
        for key, value in [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")]
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def header(name: str, value: str) -> bytes:
    # 7: a string.
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()


def reply(content: dict, status: int = 200) -> Response:
    return Response(json.dumps(content), status=status, mimetype="application/json")
