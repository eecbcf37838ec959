"""boto3, as its users write it. `python client.py MODE PREFIX`; the steps are those of every client in this folder."""

import hashlib
import io
import json
import os
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
MODE, PREFIX = sys.argv[1:]
BUCKET = f"{PREFIX}-bucket"
COPIED = "copy/50% of ünïcode"


def client(service):
    if MODE != "unsigned":
        return boto3.client(service)
    # HTTP_PROXY does the rest.
    return boto3.client(
        service, endpoint_url=f"http://{service}.{REGION}.amazonaws.com", config=Config(signature_version=UNSIGNED)
    )


def difficult_keys():
    with open(os.environ["DIFFICULT_KEYS"], encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def check(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def body_of(s3, key):
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def keys_in_bucket(s3):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 7})
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def s3_list(s3):
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    check("in ListBuckets", BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], True)


def s3_keys(s3):
    lost = []
    for key in difficult_keys():
        body = f"body of {key}".encode()
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        if body_of(s3, key) != body or key not in keys_in_bucket(s3):
            lost.append(key)
    check("lost", lost, [])


def s3_multipart(s3):
    parts = [os.urandom(5 << 20), os.urandom(1 << 10)]
    upload = {"Bucket": BUCKET, "Key": "multipart"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    sent = []
    for number, part in enumerate(parts, start=1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=part)
        sent.append({"PartNumber": number, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent})
    check("body", body_of(s3, "multipart") == b"".join(parts), True)


def s3_upload(s3):
    body = os.urandom(1 << 20) * 64
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "upload")
    got = body_of(s3, "upload")
    check("length", len(got), len(body))
    check("SHA-256", hashlib.sha256(got).hexdigest(), hashlib.sha256(body).hexdigest())


def s3_stream(s3):
    """boto3 takes streams that cannot rewind in `upload_fileobj` only."""
    body = os.urandom(300 << 10)
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as sink, os.fdopen(reader, "rb") as stream:
        if os.fork() == 0:
            stream.close()
            sink.write(body)
            os._exit(0)
        sink.close()
        s3.upload_fileobj(stream, BUCKET, "stream")
    check("body", body_of(s3, "stream") == body, True)


def s3_copy(s3):
    s3.put_object(Bucket=BUCKET, Key=COPIED, Body=b"to be copied")
    s3.copy_object(Bucket=BUCKET, Key=f"{COPIED} again", CopySource={"Bucket": BUCKET, "Key": COPIED})
    check("body", body_of(s3, f"{COPIED} again"), b"to be copied")


def s3_delete(s3):
    objects = [{"Key": key} for key in keys_in_bucket(s3)]
    errors = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects}).get("Errors", [])
    check("errors", errors, [])
    check("keys", keys_in_bucket(s3), [])
    s3.delete_bucket(Bucket=BUCKET)


def dynamodb(dynamodb):
    table, item = f"{PREFIX}-table", {"id": {"S": "1"}, "text": {"S": "Grüße, 世界 😀"}}
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    dynamodb.put_item(TableName=table, Item=item)
    check("item", dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})["Item"], item)
    found = dynamodb.query(
        TableName=table, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "1"}}
    )
    check("items", found["Items"], [item])
    dynamodb.delete_table(TableName=table)


def sqs(sqs):
    url = sqs.create_queue(QueueName=f"{PREFIX}-queue")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="Grüße & <Welt>")
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
    check("message", message["Body"], "Grüße & <Welt>")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_queue(QueueUrl=url)


def sns(sns):
    arn = sns.create_topic(Name=f"{PREFIX}-topic")["TopicArn"]
    check("message id", bool(sns.publish(TopicArn=arn, Message="Grüße & <Welt>")["MessageId"]), True)
    sns.delete_topic(TopicArn=arn)


def secretsmanager(secrets):
    name = f"{PREFIX}/secret"
    secrets.create_secret(Name=name, SecretString="pässword")
    check("secret", secrets.get_secret_value(SecretId=name)["SecretString"], "pässword")
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def kms(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    encrypted = kms.encrypt(KeyId=key, Plaintext=b"plain text")["CiphertextBlob"]
    check("plain text", kms.decrypt(KeyId=key, CiphertextBlob=encrypted)["Plaintext"], b"plain text")


def invoke(functions):
    answer = functions.invoke(FunctionName="echo", Payload=json.dumps({"text": "Grüße"}))
    check("status", answer["StatusCode"], 200)
    check("payload", json.load(answer["Payload"]), {"text": "Grüße"})


def sts(sts):
    arn = sts.get_caller_identity()["Arn"]
    check(f"assumed-role/ in {arn}", "assumed-role/" in arn, True)


STEPS = [
    ("s3_list", s3_list, "s3"),
    ("s3_keys", s3_keys, "s3"),
    ("s3_multipart", s3_multipart, "s3"),
    ("s3_upload", s3_upload, "s3"),
    ("s3_stream", s3_stream, "s3"),
    ("s3_copy", s3_copy, "s3"),
    ("s3_delete", s3_delete, "s3"),
    ("dynamodb", dynamodb, "dynamodb"),
    ("sqs", sqs, "sqs"),
    ("sns", sns, "sns"),
    ("secretsmanager", secretsmanager, "secretsmanager"),
    ("kms", kms, "kms"),
    ("lambda", invoke, "lambda"),
    ("sts", sts, "sts"),
]
REFUSED = [
    ("s3", lambda: client("s3").list_buckets()),
    ("dynamodb", lambda: client("dynamodb").list_tables()),
    ("sqs", lambda: client("sqs").list_queues()),
]


def one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())


def main():
    if MODE == "refused":
        for name, call in REFUSED:
            try:
                call()
                print(f"allowed {name}", flush=True)
            except ClientError as error:
                print(f"refused {name}: {one_line(error)}", flush=True)
        return 0
    failed = False
    for name, step, service in STEPS:
        try:
            step(client(service))
            print(f"ok {name}", flush=True)
        except Exception as error:  # whatever it is, the other steps go on
            failed = True
            print(f"fail {name}: {one_line(error)}", flush=True)
    return failed


sys.exit(main())
