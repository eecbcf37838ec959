# What a script makes with the AWS CLI: a line of JSON for each thing that somebody else sends. $1 has the functions, $2 the CLI.
set -eu
. "$1"
aws=$2
url=$("$aws" s3 presign 's3://reports/a/b +ä.txt' --expires-in 600 | presign)
jq --null-input --compact-output --arg url "$url" '{method: "GET", $url, missing: true}'
token=$("$aws" rds generate-db-auth-token --hostname db.example --port 3306 --username app | presign)
jq --null-input --compact-output --arg token "$token" '{$token}'
"$aws" eks get-token --cluster-name prod-1 | presign_eks prod-1 | jq --compact-output '{eks: .status.token}'
