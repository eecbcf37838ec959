"""Tables on S3 and in DynamoDB, as awswrangler writes them. `program.py WAY PREFIX`"""

import sys

import awswrangler
import pandas

way, prefix = sys.argv[1:3]
if way == "proxy":
    awswrangler.config.s3_endpoint_url = "http://s3.eu-west-1.amazonaws.com"
    awswrangler.config.dynamodb_endpoint_url = "http://dynamodb.eu-west-1.amazonaws.com"
    awswrangler.config.sts_endpoint_url = "http://sts.eu-west-1.amazonaws.com"

base = f"s3://{prefix}/tables/"
frame = pandas.DataFrame({"id": range(1000), "day": ["mon", "tue"] * 500})
awswrangler.s3.to_parquet(frame, base, dataset=True, partition_cols=["day"])
awswrangler.s3.to_parquet(frame.head(10), base, dataset=True, partition_cols=["day"])
found = awswrangler.s3.read_parquet(base, dataset=True)
assert sorted(found["id"]) == sorted([*range(1000), *range(10)]), found
some = awswrangler.s3.read_parquet(base, dataset=True, partition_filter=lambda part: part["day"] == "mon")
assert set(some["id"] % 2) == {0}, some
awswrangler.s3.to_csv(frame, f"s3://{prefix}/ä +.csv", index=False)
assert len(awswrangler.s3.read_csv(f"s3://{prefix}/ä +.csv")) == 1000
assert awswrangler.s3.does_object_exist(f"s3://{prefix}/ä +.csv")
awswrangler.s3.delete_objects(f"s3://{prefix}/")
assert awswrangler.s3.list_objects(f"s3://{prefix}/") == []
assert awswrangler.sts.get_account_id() == "123456789012"
