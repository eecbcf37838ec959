"""Large files as streams, as smart_open reads and writes them. `program.py WAY BUCKET`"""

import os
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from smart_open import open as smart_open

way, bucket = sys.argv[1:3]
client = {
    "endpoint": lambda: boto3.client("s3"),
    "https": lambda: boto3.client("s3"),
    "proxy": lambda: boto3.client("s3", use_ssl=False),
    "unsigned": lambda: boto3.client("s3", use_ssl=False, config=Config(signature_version=UNSIGNED)),
}[way]()
# At the endpoint and with https it needs no client.
OPTIONS = {"min_part_size": 5 << 20, **({"client": client} if way in ("proxy", "unsigned") else {})}

url = f"s3://{bucket}/dir//ä +%2F.gz"
lines = [f"line {number} {os.urandom(20).hex()}\n" for number in range(200_000)]
with smart_open(url, "w", encoding="utf-8", transport_params=OPTIONS) as file:
    file.writelines(lines)
with smart_open(url, encoding="utf-8", transport_params=OPTIONS) as file:
    assert file.readlines() == lines, "the lines"
with smart_open(f"s3://{bucket}/bytes", "wb", transport_params=OPTIONS) as file:
    file.write(bytes(range(256)) * 100)
with smart_open(f"s3://{bucket}/bytes", "rb", transport_params=OPTIONS) as file:
    file.seek(256 * 50 + 7)
    assert file.read(3) == bytes([7, 8, 9]), "a range"
found = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]]
assert found == ["bytes", "dir//ä +%2F.gz"], f"listed: {found}"
