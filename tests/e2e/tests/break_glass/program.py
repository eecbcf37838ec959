"""A program with an AWS SDK: it lists buckets until its file "stop" is there, and says how often it did, and what failed."""

import json
import os
import sys
import time

import boto3
from botocore.config import Config

# No second try hides a request that was lost.
once = Config(retries={"total_max_attempts": 1})
s3 = boto3.session.Session().client("s3", config=once)
name = sys.argv[1]
count, failed = 0, []
while not os.path.exists(name + ".stop"):
    try:
        s3.list_buckets()
        count += 1
    except Exception as error:
        failed.append(repr(error))
    with open(name + ".new", "w") as file:
        json.dump({"count": count, "failed": failed}, file)
    os.rename(name + ".new", name + ".json")
    time.sleep(0.02)
