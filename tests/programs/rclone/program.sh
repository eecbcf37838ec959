#!/usr/bin/env bash
# A backup with rclone. `program.sh WAY BUCKET VARIANT`
set -euo pipefail

way=$1 bucket=$2 variant=$3
export RCLONE_CONFIG=$PWD/rclone.conf RCLONE_S3_REGION=$AWS_REGION RCLONE_S3_NO_CHECK_BUCKET=true RCLONE_LOW_LEVEL_RETRIES=1
export RCLONE_RETRIES=1 RCLONE_S3_CHUNK_SIZE=5Mi RCLONE_S3_UPLOAD_CUTOFF=5Mi
: > rclone.conf
export RCLONE_S3_PROVIDER=Other
[[ $variant != aws ]] || RCLONE_S3_PROVIDER=AWS
case $way in
  endpoint) export RCLONE_S3_ENV_AUTH=true RCLONE_S3_ENDPOINT=$AWS_ENDPOINT_URL ;;
  proxy) export RCLONE_S3_ENV_AUTH=true RCLONE_S3_ENDPOINT=http://s3.eu-west-1.amazonaws.com ;;
  https) export RCLONE_S3_ENV_AUTH=true RCLONE_S3_PROVIDER=AWS ;;
  # Without env_auth and keys it is anonymous.
  unsigned) export RCLONE_S3_ENDPOINT=http://s3.eu-west-1.amazonaws.com ;;
esac

mkdir -p backup/dir
echo odd > 'backup/dir/odd ä +%2F.txt'
: > backup/empty
head -c 12582912 /dev/urandom > backup/large
rclone sync backup ":s3:$bucket/backup"
rclone check backup ":s3:$bucket/backup"
[[ $(rclone lsf --recursive --files-only ":s3:$bucket/backup" | wc -l) == 3 ]]
cat backup/large | rclone rcat ":s3:$bucket/stream"
rclone cat ":s3:$bucket/stream" | cmp - backup/large
rclone copyto ":s3:$bucket/stream" ":s3:$bucket/copy"
rclone copy ":s3:$bucket/backup" back
diff --recursive backup back
rclone delete ":s3:$bucket"
[[ -z $(rclone lsf --recursive --files-only ":s3:$bucket") ]]
