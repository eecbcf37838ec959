# Signs what an AWS command has presigned with placeholder keys: `. ./presign.sh`, then
#   url=$(aws s3 presign s3://reports/2026.pdf --expires-in 900 | presign)
#   PGPASSWORD=$(aws rds generate-db-auth-token --hostname "$host" --port 5432 --username app | presign)
# and, as the command of a kubeconfig's `exec`:
#   aws eks get-token --cluster-name prod-1 | presign_eks prod-1
presign() {
  tr -d '\n' | curl --fail-with-body --silent --show-error --noproxy '*' --header 'x-sigv4-egress: 1' \
    --data-binary @- "${SIGV4_EGRESS_PRESIGN:-http://127.0.0.1:9911/presign}"
}

# The token signs the cluster's name, which stands nowhere in it.
presign_eks() {
  credential=$(cat)
  signed=$(printf '%s' "$credential" | jq --compact-output --arg cluster "$1" \
    '{token: .status.token, headers: {"x-k8s-aws-id": $cluster}}' | presign) || return
  printf '%s' "$credential" | jq --argjson signed "$signed" \
    '.status.token = $signed.token | .status.expirationTimestamp = $signed.expires_at'
}
