"""Objects as obstore, a Python face of the object_store crate, keeps them. `program.py WAY BUCKET`"""

import os
import sys

import obstore
from obstore.store import S3Store

way, bucket = sys.argv[1:3]
OPTIONS = {
    "https": {},
    "endpoint": {"client_options": {"allow_http": True}},
    "proxy": {"endpoint": "http://s3.eu-west-1.amazonaws.com", "client_options": {"allow_http": True}},
    "unsigned": {
        "endpoint": "http://s3.eu-west-1.amazonaws.com",
        "skip_signature": True,
        "client_options": {"allow_http": True},
    },
}[way]

store = S3Store(bucket, **OPTIONS)
large = os.urandom(12 << 20)
objects = {"dir/ä +%.txt": b"odd", "large": large, "small": b"text" * 100}
for key, body in objects.items():
    obstore.put(store, key, body, chunk_size=5 << 20)
for key, body in objects.items():
    assert bytes(obstore.get(store, key).bytes()) == body, key
assert bytes(obstore.get_range(store, "large", start=1 << 20, length=10)) == large[1 << 20 :][:10], "a range"
obstore.copy(store, "small", "dir/copy")
obstore.rename(store, "small", "renamed")
found = sorted(entry["path"] for page in obstore.list(store) for entry in page)
assert found == ["dir/copy", "dir/ä +%.txt", "large", "renamed"], f"listed: {found}"
obstore.delete(store, found)
left = [entry["path"] for page in obstore.list(store) for entry in page]
assert left == [], f"still there: {left}"
