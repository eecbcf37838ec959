"""boto3 with a directory bucket, whose client opens a session first, and with links, over https and with nothing but variables.

Prints the status and the reason of a request to each link.
"""

import urllib.error
import urllib.request

import boto3
from botocore.config import Config

DIRECTORY_BUCKET = "demo--euw1-az1--x-s3"

s3 = boto3.client("s3")
s3.put_object(Bucket=DIRECTORY_BUCKET, Key="a b/+c", Body=b"12345")
s3.get_object(Bucket=DIRECTORY_BUCKET, Key="a b/+c")
for version in ["s3v4", "s3"]:
    client = boto3.client("s3", config=Config(signature_version=version))
    url = client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"})
    try:
        print(urllib.request.urlopen(url).status)
    except urllib.error.HTTPError as error:
        print(error.code, error.headers["x-sigv4-egress-reason"])
