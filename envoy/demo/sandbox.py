"""A program in a sandbox: it lists the buckets, and tries every other way out. It ends well if none is open."""

import os
import socket
import sys
import urllib.error
import urllib.request

import boto3

WAYS = [
    ("AWS, past the sidecar", socket.AF_INET, socket.SOCK_STREAM, ("s3.eu-west-1.amazonaws.com", 443)),
    ("an address of somebody else's", socket.AF_INET, socket.SOCK_STREAM, ("198.51.100.1", 443)),
    ("the instance's metadata", socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    ("a name server of somebody else's", socket.AF_INET, socket.SOCK_DGRAM, ("198.51.100.1", 53)),
    ("the engine's name server", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.11", 53)),
    ("IPv6", socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 443)),
    ("the sidecar's admin port", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 9901)),
]


def try_socket(family: int, kind: int, address: tuple[str, int]) -> None:
    with socket.socket(family, kind) as way:
        way.settimeout(5)
        way.connect(address)
        if kind == socket.SOCK_DGRAM:
            # A question for the name server of the root.
            way.send(bytes.fromhex("0001010000010000000000000000020001"))
            way.recv(512)


def try_url(url: str) -> None:
    with urllib.request.urlopen(url, timeout=5) as answer:
        answer.read(1)


def main() -> None:
    for bucket in boto3.resource("s3").buckets.all():
        print(bucket.name)
    open_ways = 0
    tries = [(name, lambda w=way: try_socket(*w)) for name, *way in WAYS]
    tries.append(("a tunnel to somebody else", lambda: try_url("https://www.example.com/")))
    tries.append(("a service that is not allowed", lambda: boto3.client("sqs").list_queues()))
    for name, attempt in tries:
        try:
            attempt()
            print(f"OPEN: {name}")
            open_ways += 1
        except Exception as error:
            print(f"closed: {name} ({type(error).__name__}: {str(error).splitlines()[0][:90]})")
    if "AWS_SESSION_TOKEN" in os.environ or open_ways:
        sys.exit(1)


if __name__ == "__main__":
    main()
