"""JSON, XML and URLs for client.sh. What it reads of an answer is in the file `answer`; keys go in and out as paths of URLs."""

import base64
import hashlib
import json
import os
import sys
from urllib.parse import quote, unquote, unquote_plus
from xml.etree import ElementTree
from xml.sax.saxutils import escape


def elements(name):
    root = ElementTree.parse("answer").getroot()
    return [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == name]


def encode(key):
    return quote(key, safe="/~")


def main(command, *arguments):
    match command:
        case "difficult":
            with open(os.environ["DIFFICULT_KEYS"], encoding="utf-8") as lines:
                print(*(encode(json.loads(line)) for line in lines), sep="\n")
        case "encode":
            print(encode(*arguments))
        case "xml":
            print(*elements(*arguments)[:1])
        case "json":
            with open("answer", encoding="utf-8") as answer:
                found = json.load(answer)
            for step in arguments:
                found = found[int(step) if isinstance(found, list) else step]
            print(found)
        case "keys":
            # As `encoding-type=url` has them.
            for key in elements("Key"):
                print(encode(unquote_plus(key)))
        case "deletion":
            keys = (escape(unquote(line.rstrip("\n")), {"\t": "&#9;"}) for line in sys.stdin)
            objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
            print(f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{objects}</Delete>', end="")
        case "md5":
            print(base64.b64encode(hashlib.md5(sys.stdin.buffer.read()).digest()).decode())


main(*sys.argv[1:])
