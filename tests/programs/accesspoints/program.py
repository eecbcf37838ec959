"""What S3 has at hosts of its own: S3 Control, and an access point by its ARN. `program.py WAY BUCKET`"""

import sys

import boto3

ACCOUNT = "123456789012"
way, bucket = sys.argv[1:3]
OPTIONS = {"use_ssl": False} if way == "proxy" else {}

control = boto3.client("s3control", **OPTIONS)
s3 = boto3.client("s3", **OPTIONS)
control.create_access_point(AccountId=ACCOUNT, Name=bucket, Bucket=bucket)
listed = control.list_access_points(AccountId=ACCOUNT, Bucket=bucket)["AccessPointList"]
assert [point["Name"] for point in listed] == [bucket], listed
arn = f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/{bucket}"
s3.put_object(Bucket=arn, Key="dir//ä +%2F", Body=b"through the access point")
found = s3.get_object(Bucket=arn, Key="dir//ä +%2F")["Body"].read()
assert found == b"through the access point", found
assert s3.get_object(Bucket=bucket, Key="dir//ä +%2F")["Body"].read() == found
control.delete_access_point(AccountId=ACCOUNT, Name=bucket)
