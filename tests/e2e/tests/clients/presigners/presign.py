"""What a web application makes with boto3: a line of JSON for each thing that somebody else sends."""

import json

import boto3
import sigv4_egress_presign  # noqa: F401, which changes boto3's presigners
from botocore.config import Config

s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
place = {"Bucket": "reports", "Key": "a/b +ä.txt"}
more = {"ContentType": "text/plain", "Metadata": {"a": "b c"}}
print(json.dumps({
    "method": "PUT",
    "url": s3.generate_presigned_url("put_object", Params=place | more, ExpiresIn=600),
    "headers": {"content-type": "text/plain", "x-amz-meta-a": "b c"},
    "body": "content",
}))  # fmt: skip
print(json.dumps({"method": "GET", "url": s3.generate_presigned_url("get_object", Params=place, ExpiresIn=600)}))
# The default of boto3 is Signature Version 2 in some regions.
older = boto3.client("s3", region_name="us-east-1", config=Config(signature_version="s3"))
print(json.dumps({"method": "GET", "url": older.generate_presigned_url("get_object", Params=place, ExpiresIn=600)}))
form = s3.generate_presigned_post("reports", "form.txt", Conditions=[["content-length-range", 0, 100]], ExpiresIn=600)
print(json.dumps(form))
print(json.dumps({"token": boto3.client("rds").generate_db_auth_token("db.example", 3306, "app")}))
