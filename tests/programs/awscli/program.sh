#!/usr/bin/env bash
# A job with the AWS CLI 2. `program.sh WAY PREFIX VARIANT`
set -euo pipefail

way=$1 bucket=$2 variant=$3
export AWS_PAGER= AWS_MAX_ATTEMPTS=1 AWS_CONFIG_FILE=$PWD/config
# aws SERVICE [ARGUMENTS...]
call() {
  local service=$1
  shift
  case $way$variant in
    endpoint) aws --endpoint-url "$AWS_ENDPOINT_URL" "$service" "$@" ;;
    https*) aws "$service" "$@" ;;
    endpointvariable) aws "$service" "$@" ;;
    endpointcontrol | endpointcrt) aws --endpoint-url "$AWS_ENDPOINT_URL" "$service" "$@" ;;
    proxy) aws --endpoint-url "http://${service/s3api/s3}.eu-west-1.amazonaws.com" "$service" "$@" ;;
    unsigned) aws --no-sign-request --endpoint-url "http://${service/s3api/s3}.eu-west-1.amazonaws.com" "$service" "$@" ;;
  esac
}

: > config
case $variant in
  control) call s3control list-access-points --account-id 123456789012 --output text > /dev/null ;;
  crt) printf '[default]\ns3 =\n  preferred_transfer_client = crt\n' > config ;;
esac
head -c 20971520 /dev/urandom > large
echo odd > 'odd ä +%2F.txt'
call s3 cp --no-progress large "s3://$bucket/dir//large"
call s3 cp --no-progress 'odd ä +%2F.txt' "s3://$bucket/"
call s3 cp --no-progress "s3://$bucket/dir//large" back
cmp large back
cat large | call s3 cp - "s3://$bucket/stream"
call s3 cp --no-progress "s3://$bucket/stream" "s3://$bucket/copy"
[[ $(call s3api head-object --bucket "$bucket" --key copy --query ContentLength) == 20971520 ]]
[[ $(call s3 ls --recursive "s3://$bucket" | wc -l) == 4 ]]
call s3 rm --quiet --recursive "s3://$bucket"
[[ -z $(call s3 ls --recursive "s3://$bucket" || true) ]]

call dynamodb create-table --table-name "$bucket" --billing-mode PAY_PER_REQUEST \
  --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH --output text > /dev/null
call dynamodb put-item --table-name "$bucket" --item '{"id": {"S": "1"}, "text": {"S": "世界"}}'
[[ $(call dynamodb get-item --table-name "$bucket" --key '{"id": {"S": "1"}}' --query Item.text.S --output text) == 世界 ]]
url=$(call sqs create-queue --queue-name "$bucket" --query QueueUrl --output text)
call sqs send-message --queue-url "$url" --message-body 'Grüße & <Welt>' --output text > /dev/null
[[ $(call sqs receive-message --queue-url "$url" --query 'Messages[0].Body' --output text) == 'Grüße & <Welt>' ]]
[[ $(call sts get-caller-identity --query Arn --output text) == *assumed-role/* ]]
