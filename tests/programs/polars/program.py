"""Frames on S3, as polars scans and sinks them. `program.py WAY BUCKET`"""

import sys

import polars

way, bucket = sys.argv[1:3]
S3 = {"aws_endpoint_url": "http://s3.eu-west-1.amazonaws.com", "aws_allow_http": "true"}
OPTIONS = {"endpoint": {}, "https": {}, "proxy": S3, "unsigned": {**S3, "aws_skip_signature": "true"}}[way]

frame = polars.DataFrame({"n": range(100_000), "text": [f"Grüße {n}" for n in range(100_000)]})
for name, write, scan in [
    ("dir/ä.parquet", frame.write_parquet, polars.scan_parquet),
    ("plain.csv", frame.write_csv, polars.scan_csv),
]:
    url = f"s3://{bucket}/{name}"
    write(url, storage_options=OPTIONS)
    found = scan(url, storage_options=OPTIONS).filter(polars.col("n") % 1000 == 7).collect()
    assert found["n"].to_list() == list(range(7, 100_000, 1000)), name
    assert found["text"][0] == "Grüße 7", found
frame.lazy().sink_parquet(f"s3://{bucket}/parts/one.parquet", storage_options=OPTIONS)
frame.lazy().sink_parquet(f"s3://{bucket}/parts/two.parquet", storage_options=OPTIONS)
count = polars.scan_parquet(f"s3://{bucket}/parts/*.parquet", storage_options=OPTIONS).select(polars.len()).collect().item()
assert count == 200_000, count
