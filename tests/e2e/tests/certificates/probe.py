"""Opens TLS for a host: `probe.py ADDRESS PORT HOST`, with the trust of SSL_CERT_FILE."""
import os
import socket
import ssl
import sys

address, port, host = sys.argv[1:]
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
try:
    with socket.create_connection((address, int(port))) as plain:
        with context.wrap_socket(plain, server_hostname=host):
            print("trusted")
except ssl.SSLError as error:
    print("refused:", error)
