#!/usr/bin/env bash
# curl, with the services' protocols by hand. `client.sh MODE PREFIX`; the steps are those of every client in this folder.
set -uo pipefail

mode=$1 prefix=$2
bucket=$prefix-bucket region=eu-west-1
copied='copy/50% of ünïcode'
text='Grüße & <Welt>'

fail() {
  echo "$*" >&2
  exit 1
}

# aws SERVICE TARGET [ARGUMENTS OF CURL...]: the answer's body is then in the file `answer`.
aws() {
  local service=$1 target=$2 status
  shift 2
  local command=(curl --silent --show-error --globoff --path-as-is --output answer --write-out '%{http_code}' "$@")
  if [[ $mode == unsigned ]]; then
    # http_proxy does the rest.
    command+=("http://$service.$region.amazonaws.com$target")
  else
    command+=(--aws-sigv4 "aws:amz:$region:$service" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY")
    local endpoint=${AWS_ENDPOINT_URL:-}
    [[ $mode != https ]] || endpoint=https://$service.$region.amazonaws.com
    command+=("$endpoint$target")
  fi
  : > answer
  status=$("${command[@]}") || fail "curl $target: $?"
  [[ $status == 2* ]] || fail "$status $(< answer)"
}

# query SERVICE VERSION ACTION [NAME=VALUE...]: a form; the answer is XML.
query() {
  local service=$1 fields=(--data-urlencode "Version=$2" --data-urlencode "Action=$3")
  shift 3
  for field in "$@"; do fields+=(--data-urlencode "$field"); done
  aws "$service" / "${fields[@]}"
}

# json SERVICE VERSION OPERATION DOCUMENT
json() {
  aws "$1" / --header "x-amz-target: $3" --header "content-type: application/x-amz-json-$2" --data-binary "$4"
}

# put KEY FILE
put() {
  aws s3 "/$bucket/$1" --request PUT --header 'content-type: application/octet-stream' --data-binary "@$2"
}

# get KEY FILE: it must be what the file holds.
get() {
  aws s3 "/$bucket/$1"
  cmp answer "$2" >&2
}

tool() {
  python3 "${BASH_SOURCE%/*}/tool.py" "$@"
}

keys_in_bucket() {
  local token=
  while
    aws s3 "/$bucket?list-type=2&encoding-type=url&max-keys=7${token:+&continuation-token=$(tool encode "$token")}"
    tool keys
    token=$(tool xml NextContinuationToken)
    [[ $token ]]
  do :; done
}

s3_list() {
  local xmlns=http://s3.amazonaws.com/doc/2006-03-01/
  local body="<CreateBucketConfiguration xmlns='$xmlns'><LocationConstraint>$region</LocationConstraint></CreateBucketConfiguration>"
  aws s3 "/$bucket" --request PUT --header 'content-type: application/xml' --data "$body"
  aws s3 /
  grep -q "<Name>$bucket</Name>" answer || fail "not in the list: $(< answer)"
}

s3_keys() {
  local key lost=
  while read -r key; do
    echo "body of $key" > body
    put "$key" body
    get "$key" body
  done < <(tool difficult)
  keys_in_bucket > listed
  while read -r key; do
    grep -qxF "$key" listed || lost+=" $key"
  done < <(tool difficult)
  [[ ! $lost ]] || fail "lost:$lost"
}

s3_multipart() {
  local upload number parts=
  head -c 5242880 /dev/urandom > part-1
  head -c 1024 /dev/urandom > part-2
  aws s3 "/$bucket/multipart?uploads" --request POST
  upload=$(tool xml UploadId)
  for number in 1 2; do
    aws s3 "/$bucket/multipart?partNumber=$number&uploadId=$upload" --upload-file "part-$number" --dump-header headers
    parts+="<Part><PartNumber>$number</PartNumber><ETag>$(sed -n 's/\r//; s/^etag: //Ip' headers)</ETag></Part>"
  done
  aws s3 "/$bucket/multipart?uploadId=$upload" --header 'content-type: application/xml' \
    --data "<CompleteMultipartUpload>$parts</CompleteMultipartUpload>"
  cat part-1 part-2 > body
  get multipart body
}

s3_upload() {
  head -c 67108864 /dev/urandom > body
  aws s3 "/$bucket/upload" --upload-file body
  get upload body
}

# From a pipe curl sends no length at all, but HTTP chunks.
s3_stream() {
  head -c 307200 /dev/urandom > body
  cat body | aws s3 "/$bucket/stream" --upload-file -
  get stream body
}

s3_copy() {
  local from to
  from=$(tool encode "$copied") to=$(tool encode "$copied again")
  echo 'to be copied' > body
  put "$from" body
  aws s3 "/$bucket/$to" --request PUT --header "x-amz-copy-source: /$bucket/$from"
  get "$to" body
}

s3_delete() {
  keys_in_bucket | tool deletion > deletion
  aws s3 "/$bucket?delete" --header 'content-type: application/xml' --header "content-md5: $(tool md5 < deletion)" \
    --data-binary @deletion
  ! grep '<Error>' answer >&2 || exit 1
  [[ ! $(keys_in_bucket) ]] || fail "still there: $(keys_in_bucket)"
  aws s3 "/$bucket" --request DELETE
}

dynamodb() {
  local table="\"TableName\": \"$prefix-table\"" key='{"id": {"S": "1"}}'
  local item='{"id": {"S": "1"}, "text": {"S": "Grüße, 世界 😀"}}' status=
  operate() { json dynamodb 1.0 "DynamoDB_20120810.$1" "{$table$2}"; }
  operate CreateTable ', "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]'
  until [[ $status == ACTIVE ]]; do
    operate DescribeTable ''
    status=$(tool json Table TableStatus)
  done
  operate PutItem ", \"Item\": $item"
  operate GetItem ", \"Key\": $key"
  [[ $(tool json Item text S) == 'Grüße, 世界 😀' ]] || fail "item: $(< answer)"
  operate Query ', "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "1"}}'
  [[ $(tool json Items 0 text S) == 'Grüße, 世界 😀' ]] || fail "items: $(< answer)"
  operate DeleteTable ''
}

sqs() {
  local url receipt
  json sqs 1.0 AmazonSQS.CreateQueue "{\"QueueName\": \"$prefix-queue\"}"
  url="\"QueueUrl\": \"$(tool json QueueUrl)\""
  json sqs 1.0 AmazonSQS.SendMessage "{$url, \"MessageBody\": \"$text\"}"
  json sqs 1.0 AmazonSQS.ReceiveMessage "{$url, \"WaitTimeSeconds\": 1}"
  [[ $(tool json Messages 0 Body) == "$text" ]] || fail "message: $(< answer)"
  receipt=$(tool json Messages 0 ReceiptHandle)
  json sqs 1.0 AmazonSQS.DeleteMessage "{$url, \"ReceiptHandle\": \"$receipt\"}"
  json sqs 1.0 AmazonSQS.DeleteQueue "{$url}"
}

sns() {
  local topic
  query sns 2010-03-31 CreateTopic "Name=$prefix-topic"
  topic=$(tool xml TopicArn)
  query sns 2010-03-31 Publish "TopicArn=$topic" "Message=$text"
  [[ $(tool xml MessageId) ]] || fail "no message id: $(< answer)"
  query sns 2010-03-31 DeleteTopic "TopicArn=$topic"
}

secretsmanager() {
  local id="\"SecretId\": \"$prefix/secret\"" token
  token=$(< /proc/sys/kernel/random/uuid)
  operate() { json secretsmanager 1.1 "secretsmanager.$1" "$2"; }
  operate CreateSecret "{\"Name\": \"$prefix/secret\", \"SecretString\": \"pässword\", \"ClientRequestToken\": \"$token\"}"
  operate GetSecretValue "{$id}"
  [[ $(tool json SecretString) == pässword ]] || fail "secret: $(< answer)"
  operate DeleteSecret "{$id, \"ForceDeleteWithoutRecovery\": true}"
}

kms() {
  local key plain encrypted
  plain=$(base64 <<< 'plain text')
  json kms 1.1 TrentService.CreateKey '{}'
  key=$(tool json KeyMetadata KeyId)
  json kms 1.1 TrentService.Encrypt "{\"KeyId\": \"$key\", \"Plaintext\": \"$plain\"}"
  encrypted=$(tool json CiphertextBlob)
  json kms 1.1 TrentService.Decrypt "{\"KeyId\": \"$key\", \"CiphertextBlob\": \"$encrypted\"}"
  [[ $(tool json Plaintext) == "$plain" ]] || fail "plain text: $(< answer)"
}

lambda() {
  aws lambda /2015-03-31/functions/echo/invocations --header 'content-type: application/json' --data '{"text": "Grüße"}'
  [[ $(tool json text) == Grüße ]] || fail "payload: $(< answer)"
}

sts() {
  query sts 2011-06-15 GetCallerIdentity
  [[ $(tool xml Arn) == *assumed-role/* ]] || fail "identity: $(< answer)"
}

# Runs a step in a shell of its own, which ends at the first command that fails.
run() {
  (set -e; "$@") 2> complaint
}

if [[ $mode == refused ]]; then
  show() {
    local name=$1
    shift
    run "$@"
    # shellcheck disable=SC2181 # `run` in a condition would go on after a failure
    if [[ $? == 0 ]]; then echo "allowed $name"; else echo "refused $name: $(tr -s '[:space:]' ' ' < complaint)"; fi
  }
  show s3 aws s3 /
  show dynamodb json dynamodb 1.0 DynamoDB_20120810.ListTables '{}'
  show sqs json sqs 1.0 AmazonSQS.ListQueues '{}'
  exit 0
fi

failed=0
for step in s3_list s3_keys s3_multipart s3_upload s3_stream s3_copy s3_delete dynamodb sqs sns secretsmanager kms lambda sts; do
  run "$step"
  # shellcheck disable=SC2181
  if [[ $? == 0 ]]; then
    echo "ok $step"
  else
    failed=1
    echo "fail $step: $(tr -s '[:space:]' ' ' < complaint)"
  fi
done
exit "$failed"
