"""A dataset and odd objects, through the SDK for C++ within pyarrow. `program.py WAY BUCKET VARIANT`"""

import os
import sys
from urllib.parse import urlsplit

import pyarrow
import pyarrow.dataset
from pyarrow.fs import FileSelector, S3FileSystem

way, bucket, variant = sys.argv[1:4]


def host_of(variable):
    return urlsplit(os.environ[variable]).netloc


def options():
    if way == "endpoint":
        if variant == "variable":
            return {}
        return {"endpoint_override": host_of("AWS_ENDPOINT_URL"), "scheme": "http"}
    if way == "https":
        return {}
    proxy = {"endpoint_override": "s3.eu-west-1.amazonaws.com", "scheme": "http", "proxy_options": os.environ["HTTP_PROXY"], "region": "eu-west-1"}
    return {"anonymous": True, **proxy} if way == "unsigned" else proxy


files = S3FileSystem(request_timeout=20, connect_timeout=5, **options())
body = os.urandom(12 << 20)
for key, written in [("odd ä +%2F", body[:1000]), ("parts", body)]:
    with files.open_output_stream(f"{bucket}/{key}") as stream:
        stream.write(written)
    with files.open_input_stream(f"{bucket}/{key}") as stream:
        read = stream.read()
        assert read == written, f"{key}: {len(read)} bytes, which begin with {read[:20]}"
table = pyarrow.table({"id": list(range(1000)), "day": ["mon", "tue"] * 500})
pyarrow.dataset.write_dataset(table, f"{bucket}/set", format="parquet", filesystem=files, partitioning=["day"])
found = pyarrow.dataset.dataset(f"{bucket}/set", filesystem=files, partitioning=["day"]).to_table()
assert sorted(found["id"].to_pylist()) == list(range(1000)), found
files.copy_file(f"{bucket}/parts", f"{bucket}/copy")
names = sorted(info.base_name for info in files.get_file_info(FileSelector(bucket)))
assert names == ["copy", "odd ä +%2F", "parts", "set"], f"listed: {names}"
files.delete_dir_contents(bucket)
left = files.get_file_info(FileSelector(bucket))
assert left == [], f"still there: {left}"
