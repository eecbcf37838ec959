#!/usr/bin/env bash
# Whether a real account works through the sidecar: run it where a program of yours would run, with placeholder keys.
#
#   ROLE=reports BUCKET=my-test-bucket AWS_REGION=eu-west-1 bash smoke.sh
#
# It needs the AWS CLI (version 2, or 1) and curl. It goes the way that the environment says: AWS_ENDPOINT_URL, or https that is
# captured or led by HTTPS_PROXY. It prints a Markdown table, in which account ids are replaced, and ends with 1 if a line
# failed. In BUCKET it writes and removes objects beneath a prefix of its own; all else only reads.
#
# passed: AWS has answered as it should. denied: AWS took the signature, and the role may not do that. not allowed: `allow` does
# not name it. FAILED: everything else.
set -uo pipefail

: "${ROLE:?the name of the role that the sidecar has, without path}"
: "${AWS_REGION:?the region}"
export AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER='' AWS_MAX_ATTEMPTS=2
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-placeholder} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-placeholder}
readonly bucket=${BUCKET:-} prefix=sigv4-egress-smoke-$$-$RANDOM/

directory=$(mktemp -d) || exit 2
readonly directory
failed=0

finish() {
  if [ -n "$bucket" ]; then
    aws s3 rm --recursive --only-show-errors "s3://$bucket/$prefix" > /dev/null 2>&1
  fi
  rm -rf "$directory"
}
trap finish EXIT

# One line of the table; of the detail, what fits and may be shown.
row() {
  local detail
  detail=$(printf %s "$3" | tr -s '\n\r\t|' ' ' | sed -E 's/[0-9]{12}/<account>/g; s/(AKIA|ASIA)[A-Z0-9]{12,}/<key>/g' | cut -c 1-160)
  printf '| %s | %s | %s |\n' "$1" "$2" "$detail"
  if [ "$2" = FAILED ]; then failed=1; fi
}

# What an error of AWS's or of the sidecar's means.
outcome() {
  case $1 in
    *SigV4EgressNotAllowed*) echo 'not allowed' ;;
    *SigV4Egress*) echo FAILED ;;
    *AccessDenied* | *UnauthorizedOperation* | *AuthorizationError* | *'not authorized to perform'*) echo denied ;;
    *) echo FAILED ;;
  esac
}

# attempt WHAT COMMAND...: its output is in $directory/out.
attempt() {
  local what=$1 complaints
  shift
  if complaints=$("$@" 2>&1 > "$directory/out"); then
    row "$what" passed ''
  else
    row "$what" "$(outcome "$complaints")" "$complaints"
    return 1
  fi
}

digest() { sha256sum < "$1" | cut -d ' ' -f 1; }

# Writes an object, reads it, and compares.
round_trip() {
  aws s3 cp --only-show-errors "$directory/put" "s3://$bucket/$prefix$1" || return
  aws s3 cp --only-show-errors "s3://$bucket/$prefix$1" "$directory/got" || return
  if [ "$(digest "$directory/put")" != "$(digest "$directory/got")" ]; then
    echo 'what was read is not what was written' >&2
    return 1
  fi
}

# In several parts, as the CLI does from 8 MiB on.
large_object() {
  head -c 9437184 /dev/urandom > "$directory/put"
  round_trip large || return
  aws s3 cp --only-show-errors "s3://$bucket/${prefix}large" "s3://$bucket/${prefix}copied large"
}

# No file can have the name of this key.
double_slash() {
  echo 'the body' > "$directory/put"
  round_trip 'double//slash'
}

# Keys that are hard to sign: each is written, read and compared.
odd_keys() {
  local key lost=''
  mkdir -p "$directory/odd" "$directory/back"
  while IFS= read -r key; do
    printf 'body of %s' "$key" > "$directory/odd/$key"
  done << 'KEYS'
report with spaces.csv
plus+sign
percent%41
encoded%2Fslash
...
~tilde-and_rest.of!unreserved
quotes'and"more"
query?a=1&b=2#fragment
semicolon;colon:comma,at@equals=dollar$
star*(parentheses)[brackets]{braces}
Überstraße, 日本語, 😀
KEYS
  aws s3 cp --recursive --only-show-errors "$directory/odd" "s3://$bucket/${prefix}odd" || return
  aws s3 cp --recursive --only-show-errors "s3://$bucket/${prefix}odd" "$directory/back" || return
  for key in "$directory"/odd/* "$directory/odd/..."; do
    key=${key##*/}
    if [ ! -f "$directory/back/$key" ] ||
      [ "$(digest "$directory/odd/$key")" != "$(digest "$directory/back/$key")" ]; then
      lost+="$key "
    fi
  done
  if [ -n "$lost" ]; then
    echo "lost: $lost" >&2
    return 1
  fi
}

# It must be refused: its signature was made with the placeholder.
presigned() {
  local url
  url=$(aws s3 presign "s3://${bucket:-sigv4-egress-smoke}/${prefix}presigned" --region "$AWS_REGION") || return
  local trust=()
  if [ -n "${AWS_CA_BUNDLE:-}" ]; then trust=(--cacert "$AWS_CA_BUNDLE"); fi
  curl --silent --show-error --include --max-time 10 ${trust[@]+"${trust[@]}"} "$url" > "$directory/answer" || return
  if ! grep -q '^x-sigv4-egress-reason: presigned_by_placeholder' "$directory/answer"; then
    head -c 300 "$directory/answer" >&2
    return 1
  fi
}

# With IMDSv2 it refuses the first, and gives a token for the second if the hop limit lets the answer come.
metadata_is_closed() {
  local imds=http://169.254.169.254/latest
  if curl --noproxy '*' --silent --fail --max-time 3 --output /dev/null $imds/meta-data/ ||
    curl --noproxy '*' --silent --fail --max-time 3 --output /dev/null --request PUT \
      --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token; then
    echo 'it answers: docs/fleet.md says how to close it' >&2
    return 1
  fi
}

way='https, captured'
if [ -n "${HTTPS_PROXY:-${https_proxy:-}}" ]; then way='https, by proxy'; fi
if [ -n "${AWS_ENDPOINT_URL:-}" ]; then way='endpoint'; fi

echo "sigv4-egress, $way, $AWS_REGION, $(aws --version 2>&1 | cut -d ' ' -f 1)"
echo
echo '| what | result | detail |'
echo '|---|---|---|'

if attempt 'STS: who this is' aws sts get-caller-identity --query Arn --output text; then
  arn=$(cat "$directory/out")
  case $arn in
    *":assumed-role/$ROLE/"*) row 'STS: the role' passed "$arn" ;;
    *) row 'STS: the role' FAILED "$arn is not of the role $ROLE" ;;
  esac
else
  # Without it, nobody knows whose signatures the others had.
  row 'STS: the role' FAILED 'unknown: `allow` must name "sts"'
fi
attempt 'S3: buckets' aws s3api list-buckets
attempt 'DynamoDB: tables' aws dynamodb list-tables
# Version 1 of the CLI has another host for SQS, whatever AWS_ENDPOINT_URL says.
attempt 'SQS: queues' aws sqs list-queues ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"}
attempt 'SNS: topics' aws sns list-topics
attempt 'Secrets Manager: names' aws secretsmanager list-secrets
attempt 'KMS: keys' aws kms list-keys
attempt 'Lambda: functions' aws lambda list-functions
attempt 'SSM: parameters' aws ssm describe-parameters
attempt 'CloudWatch Logs: groups' aws logs describe-log-groups
attempt 'Kinesis: streams' aws kinesis list-streams
attempt 'EventBridge: buses' aws events list-event-buses
attempt 'EC2: regions' aws ec2 describe-regions

if [ -n "$bucket" ]; then
  attempt 'S3: objects with odd keys' odd_keys
  attempt 'S3: the key `double//slash`' double_slash
  attempt 'S3: 9 MiB in parts, and a copy' large_object
  attempt 'S3: a list' aws s3api list-objects-v2 --bucket "$bucket" --prefix "$prefix"
else
  row 'S3: objects' 'not run' 'BUCKET names no bucket'
fi
attempt 'A URL presigned with the placeholder is refused' presigned
attempt 'The instance metadata service is closed' metadata_is_closed
exit $failed
