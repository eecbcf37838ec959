"""The uploads of a site, as django-storages keeps them. `program.py WAY BUCKET VARIANT`"""

import sys
import urllib.request

import django
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

way, bucket, variant = sys.argv[1:4]
OPTIONS = {"endpoint_url": "http://s3.eu-west-1.amazonaws.com"} if way == "proxy" else {}
BACKEND = "storages.backends.s3.S3Storage"
settings.configure(STORAGES={"default": {"BACKEND": BACKEND, "OPTIONS": {"bucket_name": bucket, **OPTIONS}}})
django.setup()

name = default_storage.save("photos/ä +.jpg", ContentFile(b"a photo" * 1_000_000))
with default_storage.open(name) as file:
    assert file.read() == b"a photo" * 1_000_000, name
if variant == "url":
    print(urllib.request.urlopen(default_storage.url(name)).read(7))
assert default_storage.listdir("photos") == ([], [name.removeprefix("photos/")]), default_storage.listdir("photos")
assert default_storage.size(name) == 7_000_000
default_storage.delete(name)
assert not default_storage.exists(name)
