"""A chat with a model of Bedrock, as a stream and in one piece. `program.py WAY PREFIX`"""

import sys

from langchain_aws import ChatBedrockConverse

way = sys.argv[1]
OPTIONS = {"endpoint_url": "http://bedrock-runtime.eu-west-1.amazonaws.com"} if way == "proxy" else {}
model = ChatBedrockConverse(model="anthropic.claude-3-haiku-20240307-v1:0", region_name="eu-west-1", **OPTIONS)
said = "Grüße aus Zürich, Wort für Wort"

chunks = [chunk.text for chunk in model.stream(said)]
assert "".join(chunks) == said, chunks
assert len([chunk for chunk in chunks if chunk]) == 6, chunks
answer = model.invoke(said)
assert answer.text == said, answer
# More than a page of what was said before.
long = "Wort " * 50_000 + "Ende"
assert model.invoke(long).text == long
