"""Log lines in an OpenSearch domain, with a client that signs nothing. `program.py WAY PREFIX`"""

import os
import sys
from urllib.parse import urlsplit

from opensearchpy import OpenSearch, RequestsHttpConnection, helpers

way, prefix = sys.argv[1:3]
DOMAIN = "search-logs-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com"


class Proxied(RequestsHttpConnection):
    """As its documentation has it for a proxy, which it does not take from the environment."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.session.proxies = {"http": os.environ["HTTP_PROXY"]}


if way == "endpoint":
    client = OpenSearch(os.environ["AWS_ENDPOINT_URL"], max_retries=0)
elif way == "https":
    # It gives requests a file of its own, certifi's, in the place of the one that the variable names.
    trust = os.environ["REQUESTS_CA_BUNDLE"]
    client = OpenSearch(f"https://{DOMAIN}", headers={"x-sigv4-egress": "1"}, ca_certs=trust, max_retries=0)
else:
    assert urlsplit(os.environ["HTTP_PROXY"]).port
    client = OpenSearch(f"http://{DOMAIN}:80", connection_class=Proxied, max_retries=0)

index = f"{prefix}-logs"
assert client.info()["version"]["distribution"] == "opensearch"
client.indices.create(index=index)
client.index(index=index, id="1", body={"line": "Grüße aus Zürich"})
assert client.get(index=index, id="1")["_source"]["line"] == "Grüße aus Zürich"
lines = [{"_index": index, "_id": str(n), "line": f"request {n} took long"} for n in range(2, 200)]
assert helpers.bulk(client, lines) == (198, [])
client.indices.refresh(index=index)
hits = client.search(index=index, body={"query": {"match": {"line": "long"}}})["hits"]
assert hits["total"]["value"] == 198, hits
client.indices.delete(index=index)
