"""Prints what boto3 shows of the filter's answers: one JSON object per client, with its name, code and message."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# One of each protocol and error format.
CALLS = {
    "s3": lambda s3: s3.list_buckets(),
    "s3control": lambda s3: s3.list_access_points(AccountId="123456789012"),
    "route53": lambda route53: route53.list_hosted_zones(),
    "sns": lambda sns: sns.list_topics(),
    "sts": lambda sts: sts.get_caller_identity(),
    "ec2": lambda ec2: ec2.describe_vpcs(),
    "dynamodb": lambda dynamodb: dynamodb.list_tables(),
    "sqs": lambda sqs: sqs.list_queues(),
    "secretsmanager": lambda sm: sm.create_secret(Name="n", SecretString="x" * 2000),
    "lambda": lambda functions: functions.list_functions(),
    "cloudwatch": lambda cloudwatch: cloudwatch.list_metrics(),
}


def main():
    config = Config(
        region_name="eu-west-1",
        proxies={"http": f"http://127.0.0.1:{sys.argv[1]}"},
        retries={"total_max_attempts": 1},
    )
    session = boto3.Session("placeholder", "placeholder")
    for name, call in CALLS.items():
        try:
            call(session.client(name, use_ssl=False, config=config))
        except ClientError as error:
            print(json.dumps({"client": name, **error.response["Error"]}))


main()
