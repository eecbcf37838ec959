#!/usr/bin/env bash
# A backup of a directory, as cron jobs make it with s3cmd. `program.sh WAY BUCKET`
set -euo pipefail

way=$1 bucket=$2
case $way in
  https)
    host=s3.eu-west-1.amazonaws.com proxy=
    ;;
  endpoint)
    host=${AWS_ENDPOINT_URL#http://} proxy=
    ;;
  proxy)
    host=s3.eu-west-1.amazonaws.com proxy=${HTTP_PROXY#http://}
    ;;
  unsigned)
    host=s3.eu-west-1.amazonaws.com proxy=${HTTP_PROXY#http://}
    ;;
esac
cat > s3cfg <<EOF
[default]
access_key = ${AWS_ACCESS_KEY_ID:-}
secret_key = ${AWS_SECRET_ACCESS_KEY:-}
bucket_location = $AWS_REGION
host_base = $host
host_bucket = $host
use_https = $([[ $way == https ]] && echo True || echo False)
proxy_host = ${proxy%:*}
proxy_port = ${proxy##*:}
multipart_chunk_size_mb = 5
EOF
[[ $proxy ]] || sed -i '/^proxy_/d' s3cfg
s3() { s3cmd --config=s3cfg --no-progress "$@"; }

mkdir -p backup/odd back
echo odd > 'backup/odd/ä +%2F.txt'
: > backup/empty
head -c 12582912 /dev/urandom > backup/large
s3 sync backup/ "s3://$bucket/backup/"
s3 ls --recursive "s3://$bucket/" | sort
[[ $(s3 ls --recursive "s3://$bucket/" | wc -l) == 3 ]]
s3 sync "s3://$bucket/backup/" back/
diff --recursive backup back
s3 del --recursive --force "s3://$bucket/"
[[ -z $(s3 ls --recursive "s3://$bucket/") ]]
