"""Stands in for Istio's injector, for the order of things at the API server: a webhook that adds what the injector's template makes
of the annotations for volumes, and its mark. Its arguments are a port and files with the certificate and its key."""

import base64
import http.server
import json
import ssl
import sys


def patch(pod):
    annotations = pod["metadata"].get("annotations") or {}
    spec = pod["spec"]
    volumes = json.loads(annotations.get("sidecar.istio.io/userVolume", "{}"))
    mounts = json.loads(annotations.get("sidecar.istio.io/userVolumeMount", "{}"))
    volumes["istio-envoy"] = {"emptyDir": {}}
    own = [volume["name"] for volume in spec.setdefault("volumes", [])]
    spec["volumes"] += [{"name": name, **volume} for name, volume in volumes.items() if name not in own]
    sidecar = {
        "name": "istio-proxy",
        "image": annotations.get("test/image", "docker.io/istio/proxyv2:1.31.0"),
        "restartPolicy": "Always",
        "volumeMounts": [{"name": "istio-envoy", "mountPath": "/etc/istio/proxy"}]
        + [{"name": name, **mount} for name, mount in mounts.items()],
    }
    own = spec.get("initContainers") or []
    spec["initContainers"] = [sidecar] + [container for container in own if container["name"] != "istio-proxy"]
    spec["containers"] = [container for container in spec["containers"] if container["name"] != "istio-proxy"]
    annotations["sidecar.istio.io/status"] = json.dumps({"initContainers": ["istio-proxy"]})
    pod["metadata"]["annotations"] = annotations
    return [
        {"op": "add", "path": "/spec", "value": spec},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]


class Injector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))["request"]
        answer = json.dumps(
            {
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": {
                    "uid": request["uid"],
                    "allowed": True,
                    "patchType": "JSONPatch",
                    "patch": base64.b64encode(json.dumps(patch(request["object"])).encode()).decode(),
                },
            }
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


port, certificate, key = sys.argv[1:]
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Injector)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
