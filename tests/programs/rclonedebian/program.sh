#!/usr/bin/env bash
# As the other one, which finds another rclone. `program.sh WAY BUCKET`
exec bash "${0%/*}/../rclone/program.sh" "$@"
