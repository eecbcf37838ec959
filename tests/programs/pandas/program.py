"""A report in CSV and Parquet on S3, as pandas writes it with s3fs. `program.py WAY BUCKET`"""

import sys

import pandas
import s3fs

way, bucket = sys.argv[1:3]
S3 = {"client_kwargs": {"endpoint_url": "http://s3.eu-west-1.amazonaws.com"}}
OPTIONS = {"endpoint": {}, "https": {}, "proxy": S3, "unsigned": {"anon": True, **S3}}[way]

frame = pandas.DataFrame({"city": ["Zürich", "東京", "São Paulo"], "people": [447_082, 14_264_798, 11_895_578]})
for name, write, read in [
    ("odd dir//ä +%2F.csv", frame.to_csv, pandas.read_csv),
    ("people.parquet", frame.to_parquet, pandas.read_parquet),
]:
    url = f"s3://{bucket}/{name}"
    write(url, index=False, storage_options=OPTIONS)
    found = read(url, storage_options=OPTIONS)
    assert found.equals(frame), f"{name}: {found}"

files = s3fs.S3FileSystem(**OPTIONS)
body = bytes(range(256)) * 48 * 1024
with files.open(f"{bucket}/parts", "wb", block_size=5 << 20) as file:
    for start in range(0, len(body), 1 << 20):
        file.write(body[start : start + (1 << 20)])
with files.open(f"{bucket}/parts", "rb") as file:
    file.seek(6 << 20)
    assert file.read(1000) == body[6 << 20 :][:1000], "a range of the parts"
assert files.cat(f"{bucket}/parts") == body, "the parts"
files.copy(f"{bucket}/parts", f"{bucket}/copied/parts")
found = sorted(files.find(bucket))
expected = [f"{bucket}/{key}" for key in ["copied/parts", "odd dir//ä +%2F.csv", "parts", "people.parquet"]]
assert found == expected, f"listed: {found}"
files.rm(found)
files.invalidate_cache()
assert files.find(bucket) == [], f"still there: {files.find(bucket)}"
