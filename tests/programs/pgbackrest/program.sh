#!/usr/bin/env bash
# A look at a repository of backups, as each of pgBackRest's commands begins. `program.sh WAY BUCKET`
set -euo pipefail

way=$1 bucket=$2
case $way in
  endpoint) endpoint=${AWS_ENDPOINT_URL#http://} ;;
  proxy) endpoint=${HTTP_PROXY#http://} ;;
  https) endpoint=s3.eu-west-1.amazonaws.com ;;
esac
export PGBACKREST_REPO1_S3_KEY=$AWS_ACCESS_KEY_ID PGBACKREST_REPO1_S3_KEY_SECRET=$AWS_SECRET_ACCESS_KEY
pgbackrest repo-ls --repo1-type=s3 --repo1-path=/backup --repo1-s3-bucket="$bucket" --repo1-s3-region="$AWS_REGION" \
  --repo1-s3-endpoint="$endpoint" --repo1-s3-uri-style=path --log-path="$PWD" --io-timeout=2
