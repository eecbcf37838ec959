"""The AWS CLI, as one types it. `python client.py MODE PREFIX`, with `aws` on the PATH; the steps are those of every client here."""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys

REGION = "eu-west-1"
MODE, PREFIX = sys.argv[1:]
BUCKET = f"{PREFIX}-bucket"
COPIED = "copy/50% of ünïcode"


class Failed(Exception):
    pass


def aws(service, *arguments, stdin=subprocess.DEVNULL):
    """Runs `aws`; its output, read as JSON where it is JSON."""
    command = ["aws", service, *arguments]
    if MODE == "unsigned":
        # http_proxy does the rest.
        host = service.removesuffix("api")
        command += ["--no-sign-request", "--endpoint-url", f"http://{host}.{REGION}.amazonaws.com"]
    elif service == "sqs" and MODE != "https":
        # Version 1 sends to https://<region>.queue.amazonaws.com, whatever the variable says.
        command += ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"aws {service} {arguments[0]}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout


def check(what, found, expected):
    if found != expected:
        raise Failed(f"{what}: expected {expected!r}, found {found!r}")


def difficult_keys():
    with open(os.environ["DIFFICULT_KEYS"], encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def file(name, content):
    pathlib.Path(name).write_bytes(content)
    return name


def body_of(key):
    aws("s3api", "get-object", "--bucket", BUCKET, "--key", key, "got")
    return pathlib.Path("got").read_bytes()


def keys_in_bucket():
    found = aws("s3api", "list-objects-v2", "--bucket", BUCKET, "--page-size", "7")
    return [item["Key"] for item in found.get("Contents", [])]


def s3_list():
    aws("s3", "mb", f"s3://{BUCKET}")
    check("in the list", BUCKET in aws("s3", "ls"), True)


def s3_keys():
    lost = []
    for key in difficult_keys():
        body = f"body of {key}".encode()
        aws("s3api", "put-object", "--bucket", BUCKET, "--key", key, "--body", file("put", body))
        if body_of(key) != body:
            lost.append(key)
    found = keys_in_bucket()
    lost += [key for key in difficult_keys() if key not in found]
    check("lost", lost, [])


def s3_multipart():
    parts = [os.urandom(5 << 20), os.urandom(1 << 10)]
    upload = ["--bucket", BUCKET, "--key", "multipart"]
    identity = aws("s3api", "create-multipart-upload", *upload)["UploadId"]
    upload += ["--upload-id", identity]
    sent = []
    for number, part in enumerate(parts, start=1):
        numbered = ["--part-number", str(number), "--body", file("part", part)]
        sent.append({"PartNumber": number, "ETag": aws("s3api", "upload-part", *upload, *numbered)["ETag"]})
    aws("s3api", "complete-multipart-upload", *upload, "--multipart-upload", json.dumps({"Parts": sent}))
    check("body", body_of("multipart") == b"".join(parts), True)


def s3_upload():
    body = os.urandom(1 << 20) * 64
    aws("s3", "cp", file("upload", body), f"s3://{BUCKET}/upload")
    aws("s3", "cp", f"s3://{BUCKET}/upload", "got")
    got = pathlib.Path("got").read_bytes()
    check("length", len(got), len(body))
    check("SHA-256", hashlib.sha256(got).hexdigest(), hashlib.sha256(body).hexdigest())


def s3_stream():
    body = os.urandom(300 << 10)
    with subprocess.Popen(["cat", file("stream", body)], stdout=subprocess.PIPE) as pipe:
        aws("s3", "cp", "-", f"s3://{BUCKET}/stream", stdin=pipe.stdout)
    check("body", body_of("stream") == body, True)


def s3_copy():
    aws("s3", "cp", file("put", b"to be copied"), f"s3://{BUCKET}/{COPIED}")
    aws("s3", "cp", f"s3://{BUCKET}/{COPIED}", f"s3://{BUCKET}/{COPIED} again")
    check("body", body_of(f"{COPIED} again"), b"to be copied")


def s3_delete():
    objects = {"Objects": [{"Key": key} for key in keys_in_bucket()]}
    aws("s3api", "delete-objects", "--bucket", BUCKET, "--delete", json.dumps(objects))
    check("keys", keys_in_bucket(), [])
    aws("s3", "rb", f"s3://{BUCKET}")


def dynamodb():
    table, item = ["--table-name", f"{PREFIX}-table"], {"id": {"S": "1"}, "text": {"S": "Grüße, 世界 😀"}}
    key = {"id": {"S": "1"}}
    aws(
        *["dynamodb", "create-table", *table, "--billing-mode", "PAY_PER_REQUEST"],
        *["--key-schema", "AttributeName=id,KeyType=HASH"],
        *["--attribute-definitions", "AttributeName=id,AttributeType=S"],
    )
    aws("dynamodb", "wait", "table-exists", *table)
    aws("dynamodb", "put-item", *table, "--item", json.dumps(item))
    check("item", aws("dynamodb", "get-item", *table, "--key", json.dumps(key))["Item"], item)
    condition = ["--key-condition-expression", "id = :id", "--expression-attribute-values", '{":id": {"S": "1"}}']
    check("items", aws("dynamodb", "query", *table, *condition)["Items"], [item])
    aws("dynamodb", "delete-table", *table)


def sqs():
    queue = ["--queue-url", aws("sqs", "create-queue", "--queue-name", f"{PREFIX}-queue")["QueueUrl"]]
    aws("sqs", "send-message", *queue, "--message-body", "Grüße & <Welt>")
    (message,) = aws("sqs", "receive-message", *queue, "--wait-time-seconds", "1")["Messages"]
    check("message", message["Body"], "Grüße & <Welt>")
    aws("sqs", "delete-message", *queue, "--receipt-handle", message["ReceiptHandle"])
    aws("sqs", "delete-queue", *queue)


def sns():
    topic = ["--topic-arn", aws("sns", "create-topic", "--name", f"{PREFIX}-topic")["TopicArn"]]
    check("message id", "MessageId" in aws("sns", "publish", *topic, "--message", "Grüße & <Welt>"), True)
    aws("sns", "delete-topic", *topic)


def secretsmanager():
    secret = ["--secret-id", f"{PREFIX}/secret"]
    aws("secretsmanager", "create-secret", "--name", secret[1], "--secret-string", "pässword")
    check("secret", aws("secretsmanager", "get-secret-value", *secret)["SecretString"], "pässword")
    aws("secretsmanager", "delete-secret", *secret, "--force-delete-without-recovery")


def kms():
    key = ["--key-id", aws("kms", "create-key")["KeyMetadata"]["KeyId"]]
    plain = file("plain", b"plain text")
    encrypted = aws("kms", "encrypt", *key, "--plaintext", f"fileb://{plain}")["CiphertextBlob"]
    blob = file("encrypted", base64.b64decode(encrypted))
    decrypted = aws("kms", "decrypt", *key, "--ciphertext-blob", f"fileb://{blob}")["Plaintext"]
    check("plain text", base64.b64decode(decrypted), b"plain text")


def invoke():
    payload = ["--payload", json.dumps({"text": "Grüße"}), "answer"]
    check("status", aws("lambda", "invoke", "--function-name", "echo", *payload)["StatusCode"], 200)
    check("payload", json.loads(pathlib.Path("answer").read_text()), {"text": "Grüße"})


def sts():
    arn = aws("sts", "get-caller-identity")["Arn"]
    check(f"assumed-role/ in {arn}", "assumed-role/" in arn, True)


STEPS = [
    ("s3_list", s3_list),
    ("s3_keys", s3_keys),
    ("s3_multipart", s3_multipart),
    ("s3_upload", s3_upload),
    ("s3_stream", s3_stream),
    ("s3_copy", s3_copy),
    ("s3_delete", s3_delete),
    ("dynamodb", dynamodb),
    ("sqs", sqs),
    ("sns", sns),
    ("secretsmanager", secretsmanager),
    ("kms", kms),
    ("lambda", invoke),
    ("sts", sts),
]
REFUSED = [
    ("s3", ("s3api", "list-buckets")),
    ("dynamodb", ("dynamodb", "list-tables")),
    ("sqs", ("sqs", "list-queues")),
]


def one_line(error):
    return " ".join(str(error).split())


def main():
    if MODE == "refused":
        for name, command in REFUSED:
            try:
                aws(*command)
                print(f"allowed {name}", flush=True)
            except Failed as error:
                print(f"refused {name}: {one_line(error)}", flush=True)
        return 0
    failed = False
    for name, step in STEPS:
        try:
            step()
            print(f"ok {name}", flush=True)
        except Exception as error:  # whatever it is, the other steps go on
            failed = True
            print(f"fail {name}: {one_line(error)}", flush=True)
    return failed


sys.exit(main())
