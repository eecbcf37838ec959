"""Writes to a table of one name in several accounts, one profile of the SDK for each: prints what came of it."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def main():
    config = Config(region_name="eu-west-1", retries={"total_max_attempts": 1})
    for profile in sys.argv[1:]:
        dynamodb = boto3.Session(profile_name=profile).client("dynamodb", config=config)
        try:
            dynamodb.put_item(TableName="orders", Item={"by": {"S": profile}})
            print(profile, "written")
        except ClientError as error:
            print(profile, error.response["Error"]["Code"])


main()
