"""A Delta table, written, changed and read. `program.py WAY BUCKET`"""

import os
import sys

import pyarrow
from deltalake import DeltaTable, write_deltalake

way, bucket = sys.argv[1:3]
S3 = {"aws_endpoint_url": "http://s3.eu-west-1.amazonaws.com", "aws_allow_http": "true"}
OPTIONS = {
    "endpoint": {"aws_allow_http": "true"},
    "https": {},
    "proxy": S3,
    "unsigned": {**S3, "aws_skip_signature": "true"},
}[way]

url = f"s3://{bucket}/table"


def table(**columns):
    return pyarrow.table(columns)


write_deltalake(url, table(id=[1, 2, 3], day=["mon", "tue", "mon"]), partition_by=["day"], storage_options=OPTIONS)
write_deltalake(url, table(id=[4], day=["wed"]), mode="append", storage_options=OPTIONS)
delta = DeltaTable(url, storage_options=OPTIONS)
assert delta.version() == 1, delta.version()
delta.delete("id = 2")
delta.optimize.compact()
rows = DeltaTable(url, storage_options=OPTIONS).to_pyarrow_table().sort_by("id").to_pydict()
assert rows["id"] == [1, 3, 4] and rows["day"] == ["mon", "mon", "wed"], rows
old = DeltaTable(url, version=0, storage_options=OPTIONS).to_pyarrow_table()
assert sorted(old.to_pydict()["id"]) == [1, 2, 3], old
# pyarrow's threads and those of deltalake do not always survive the interpreter's own end ("terminate called").
os._exit(0)
