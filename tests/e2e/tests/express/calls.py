"""Calls S3 Express as a program does that has AWS_ENDPOINT_URL and placeholder keys: prints the code of each of the filter's errors."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = "demo--euw1-az1--x-s3"
CALLS = [
    lambda s3: s3.put_object(Bucket=BUCKET, Key="a b/+c", Body=b"12345"),
    lambda s3: s3.get_object(Bucket=BUCKET, Key="a b/+c"),
    lambda s3: s3.head_bucket(Bucket=BUCKET),
    lambda s3: s3.list_objects_v2(Bucket=BUCKET, Prefix="a b/"),
    lambda s3: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "k"}]}),
    lambda s3: s3.get_object(Bucket="my-ap--euw1-az1--xa-s3", Key="k"),
    lambda s3: s3.list_directory_buckets(),
    lambda s3: s3.delete_bucket_policy(Bucket=BUCKET),
    lambda s3: s3.delete_bucket(Bucket=BUCKET),
]


def main():
    config = Config(region_name="eu-west-1", retries={"total_max_attempts": 1})
    s3 = boto3.Session("placeholder", "placeholder").client("s3", config=config)
    for call in CALLS:
        try:
            call(s3)
        except ClientError as error:
            # The fake AWS's own answers are no XML, and an error to botocore.
            if (code := error.response["Error"]["Code"]).startswith("SigV4Egress"):
                print(code)


main()
