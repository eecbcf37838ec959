#!/bin/sh
# Envoy's configuration for a sandbox, of the shipped one:
#
#   sh envoy.sh FILTER_JSON [HOST...] < envoy/envoy.yaml > sigv4-egress/envoy.yaml
#
# FILTER_JSON is the filter's configuration (docs/sandbox.md). HOSTs are what HTTPS_PROXY may lead to besides AWS, such as
# `pypi.org` or `"*.example.com"`. What changes beyond that: the captured way and the admin port are left out, and a request
# without an AWS signature, such as one with an API key or in a presigned URL, goes no further.
set -eu

[ $# -ge 1 ] && [ -r "$1" ] || {
  echo "envoy.sh: wants a file with the filter's configuration, and hosts; Envoy's on the standard input" >&2
  exit 1
}
filter=$1
shift
hosts=
for host in "$@"; do
  echo "$host" | grep -Eqx '(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?' || {
    echo "envoy.sh: \"$host\" is no host; allowed: names in lower case, with or without *. in front" >&2
    exit 1
  }
  hosts="$hosts${hosts:+, }\"$host\""
done

FILTER=$filter HOSTS=${hosts:-'"invalid"'} awk '
  BEGIN { filter = ENVIRON["FILTER"] }
  # Comments belong to what follows them.
  /^#/ { held = held $0 "\n"; next }
  /^[a-z]/ { is_admin = /^admin:/ }
  { if (!is_admin) printf "%s", held; held = "" }
  is_admin { admin++; next }
  /# \[captured/ { captured++; inside = 1 }
  inside { inside = !/# captured\]/; next }
  /^ *\{ "allow": / {
    indent = $0; sub(/\{.*/, "", indent)
    while ((getline line < filter) > 0) print indent line
    filters++; next
  }
  /domains: \[ "invalid" \]/ { sub(/"invalid"/, ENVIRON["HOSTS"]); tunnels++ }
  { print }
  /^ *- name: aws$/ && !aws { aws = 1 }
  /^ *routes:$/ && aws == 1 {
    aws = 2; routes++
    indent = $0; sub(/routes:/, "", indent)
    print indent "# A request that no placeholder signed may be of anybody, and for anybody: an API key, a presigned URL."
    print indent "- match:"
    print indent "    prefix: /"
    print indent "    headers:"
    print indent "    - name: authorization"
    print indent "      string_match: { prefix: AWS4- }"
    print indent "      invert_match: true"
    print indent "      treat_missing_header_as_empty: true"
    print indent "  direct_response:"
    print indent "    status: 403"
    print indent "    body: { inline_string: \"This is sigv4-egress. This sandbox sends AWS only what it signs itself.\\n\" }"
    print indent "  response_headers_to_add: [{ header: { key: x-sigv4-egress-reason, value: denied } }]"
  }
  END {
    if (!admin || !captured || filters != 1 || tunnels != 1 || routes != 1) {
      printf "envoy.sh: the standard input is not envoy/envoy.yaml as it is shipped: admin %d, captured %d, filter %d, tunnel_to %d, routes %d\n", \
        admin, captured, filters, tunnels, routes > "/dev/stderr"
      exit 1
    }
  }'
