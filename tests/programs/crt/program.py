"""A large file, as boto3 moves it with the CRT client, which it chooses by itself on large machines. `program.py WAY BUCKET VARIANT`"""

import os
import sys

import boto3
from boto3.s3.transfer import TransferConfig

way, bucket, variant = sys.argv[1:4]
s3 = boto3.client("s3", **({"use_ssl": False} if way == "proxy" else {}))
config = TransferConfig(preferred_transfer_client="classic" if variant == "" else variant)
body = os.urandom(20 << 20)
with open("file", "wb") as file:
    file.write(body)
s3.upload_file("file", bucket, "dir//ä +%2F", Config=config)
s3.download_file(bucket, "dir//ä +%2F", "back", Config=config)
with open("back", "rb") as file:
    assert file.read() == body, "the file"
