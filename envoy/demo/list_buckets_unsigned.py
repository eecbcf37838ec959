"""The seed program for an environment without a single AWS variable: it signs nothing and names the host itself."""

import boto3
from botocore import UNSIGNED
from botocore.config import Config

s3 = boto3.resource(
    "s3",
    region_name="eu-west-1",
    endpoint_url="http://s3.eu-west-1.amazonaws.com",
    config=Config(signature_version=UNSIGNED),
)
for bucket in s3.buckets.all():
    print(bucket.name)
