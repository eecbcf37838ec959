#!/usr/bin/env bash
# As the other one, which finds another rclone. `program.sh WAY BUCKET`
# Its SDK for Go 1 does not take the variable; the other, of OpenSSL's name, is enough.
[[ $1$3 != https ]] || unset AWS_CA_BUNDLE
exec bash "${0%/*}/../rclone/program.sh" "$@"
