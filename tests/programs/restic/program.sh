#!/usr/bin/env bash
# Backups with restic. `program.sh WAY BUCKET`
set -euo pipefail

way=$1 bucket=$2
export RESTIC_PASSWORD=secret RESTIC_CACHE_DIR=$PWD/cache
case $way in
  endpoint) repository=s3:$AWS_ENDPOINT_URL/$bucket/restic ;;
  https) repository=s3:s3.eu-west-1.amazonaws.com/$bucket/restic ;;
  *) repository=s3:http://s3.eu-west-1.amazonaws.com/$bucket/restic ;;
esac
r() { restic --repo "$repository" --option "s3.region=$AWS_REGION" --quiet "$@"; }

mkdir -p files/dir
echo odd > 'files/dir/odd ä +%2F.txt'
head -c 20971520 /dev/urandom > files/large
r init
r backup files
echo more >> 'files/dir/odd ä +%2F.txt'
r backup files
r check --read-data
r restore latest --target back
diff --recursive files back/files
r forget --keep-last 1 --prune
[[ $(r snapshots --json | grep -o '"short_id"' | wc -l) == 1 ]]
